"""Commands: what a gateway may ask of a node, and how the node says what became of it.

A COMMAND block is acked like everything else, and done once: the node remembers the ids it has served. Its result is a record
and rides the readings' way back, so that it survives what they survive. VERBS is the table of what may be asked; numbers are
never reused. `request-range` is how a gap in the sequences is asked for again: what the node still holds is on its way
anyhow, and for the rest it answers with a `gone` record.
"""

from . import varint
from .errors import ProtocolError

IDENTIFY, SAMPLE_NOW, REBOOT, MAINTENANCE, SET_CONFIG, CONFIRM_CONFIG, REQUEST_RANGE = range(1, 8)
VERBS = {
    IDENTIFY: "identify",  # blink
    SAMPLE_NOW: "sample-now",
    REBOOT: "reboot",
    MAINTENANCE: "maintenance",  # arguments: minutes varint
    SET_CONFIG: "set-config",  # arguments: configuration.Part
    CONFIRM_CONFIG: "confirm-config",  # arguments: version varint
    REQUEST_RANGE: "request-range",  # arguments: boot varint, first varint, last varint
}
VERB_IDS = {name: number for number, name in VERBS.items()}

DONE, REFUSED, UNKNOWN_VERB, BAD_ARGUMENTS, EXPIRED, FAILED = range(6)
STATUSES = {
    DONE: "done",
    REFUSED: "refused",
    UNKNOWN_VERB: "unknown-verb",
    BAD_ARGUMENTS: "bad-arguments",
    EXPIRED: "expired",
    FAILED: "failed",
}

SERVED_MAX = 32  # ids that a node remembers: more commands than a gateway has under way to one node


class Command:
    """`number` names the command for ever (32 bit, the gateway's), `verb` is a key of VERBS, `arguments` its bytes."""

    def __init__(self, number: int, verb: int, arguments: bytes = b"") -> None:
        self.number = number
        self.verb = verb
        self.arguments = arguments

    def encode(self) -> bytes:
        """The body of a COMMAND block: `number u32 | verb u8 | arguments`."""
        return self.number.to_bytes(4, "little") + bytes([self.verb]) + self.arguments

    def integers(self, count: int) -> "list[int]":
        """The arguments, where they are so many varints; ProtocolError if they are not."""
        values = []
        at = 0
        for _ in range(count):
            value, at = varint.get(self.arguments, at)
            values.append(value)
        if at != len(self.arguments):
            raise ProtocolError("bytes behind the arguments")
        return values


def decode_command(body: bytes) -> Command:
    """Read the body of a COMMAND block."""
    if len(body) < 5:
        raise ProtocolError("command cut short")
    return Command(int.from_bytes(body[:4], "little"), body[4], body[5:])


def request_range(number: int, boot: int, first: int, last: int) -> Command:
    """Ask for a gap: the records `first` to `last` of `boot`."""
    arguments = bytearray()
    for value in (boot, first, last):
        varint.put(arguments, value)
    return Command(number, REQUEST_RANGE, bytes(arguments))


class Served:
    """The node's memory of commands: each is done once, however often it comes."""

    def __init__(self) -> None:
        self._numbers: list[int] = []

    def is_new(self, number: int) -> bool:
        """Whether this command was not here before; from now on it was."""
        if number in self._numbers:
            return False
        self._numbers = self._numbers[1 - SERVED_MAX :] + [number]
        return True
