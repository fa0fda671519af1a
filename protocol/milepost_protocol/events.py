"""What the ends of a link tell their caller: small objects, returned by `receive` and `tick`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import Session


class Event:
    """Something that happened to `session`."""

    def __init__(self, session: "Session") -> None:
        self.session = session


class Opened(Event):
    """The session is live: the node has its WELCOME, or the gateway its first valid DATA."""


class Closed(Event):
    """The session is over. `tokens` of what was queued or in flight: unsent again, the caller's to send anew."""

    def __init__(self, session: "Session", reason: str, tokens: "list[object]") -> None:
        self.session = session
        self.reason = reason
        self.tokens = tokens


class Arrived(Event):
    """Packet `number` brought `blocks`, a list of (type, body). The caller must `confirm` it when it is dealt with."""

    def __init__(self, session: "Session", number: int, blocks: "list[tuple[int, bytes]]") -> None:
        self.session = session
        self.number = number
        self.blocks = blocks


class Acked(Event):
    """The peer has what was sent under `tokens`, durably."""

    def __init__(self, session: "Session", tokens: "list[object]") -> None:
        self.session = session
        self.tokens = tokens


class TimeMeasured(Event):
    """One two-way time exchange: `sent` and `back` on the gateway's clock, `received` and `replied` uptimes of the node, ms."""

    def __init__(self, session: "Session", sent: int, received: int, replied: int, back: int) -> None:
        self.session = session
        self.sent = sent
        self.received = received
        self.replied = replied
        self.back = back
