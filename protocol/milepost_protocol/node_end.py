"""The node's end of a link: it joins, keeps one session alive, and joins again whenever that is over.

Three states: joining (a HELLO goes out with growing pauses), open, and open while a new HELLO is under way because a
gateway said that it lost the session. None is terminal. The session at hand is given up only for a genuine WELCOME or after
the gateway has been silent through several time-outs.
"""

from . import blocks, varint
from .errors import ProtocolError, UsageError
from .events import Arrived, Closed, Event, Opened
from .handshake import NONCE_BYTES, Hello, Welcome, make_hello, session_keys
from .links import SERIAL, Link
from .packets import ADDRESS_JOIN, DATA, DOWN, EMPTY, JOIN, NO_SESSION, POLL, SHORT, TURN, WELCOME, kind_of, short
from .session import BODY_BYTES_MAX, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HELLO_MS_MIN = 200  # pause after the first HELLO; doubled after each, with as much again drawn at random
HELLO_MS_MAX = 60000
JOIN_MS_MAX = 6000  # the same on a bus, where a join slot shows that somebody listens
PING_MS = 20000  # a quiet link is asked for a sign of life
SESSION_MS_MAX = 7 * 24 * 3600 * 1000  # then new keys
JOIN_SLOT_MS = 12  # a HELLO takes 4 ms at 115,200 baud, and a node's clock and loop want as much again on both sides
FORGOTTEN_MS = 20000  # a bus that polls others for so long and not us has forgotten us
TURN_QUOTA = 8  # packets that a turn given with a DATA packet allows: the window
QUIET_MS = 1000  # "no session" counts only after so long without a genuine packet: a forger must not keep us joining


class NodeEnd:
    """A node's link: `receive`, `send`, `data_to_send`, `next_deadline`, `tick`, `confirm`; times in ms of the node's uptime."""

    def __init__(
        self, node: bytes, boot: int, key: bytes, entropy: "Callable[[int], bytes]", flags: int = 0, link: Link = SERIAL
    ) -> None:
        self.session: Session | None = None
        self.counters = {"bad_packet": 0, "forged": 0, "opened": 0, "replayed": 0, "retransmitted": 0}
        self._node = node
        self._boot = boot
        self._key = key
        self._entropy = entropy
        self._flags = flags
        self._link = link
        self._hello: Hello | None = None
        self._hello_at = 0  # when the next HELLO may go out
        self._hello_pause = HELLO_MS_MIN
        self._hello_due = True
        self._probes: list[tuple[int, int]] = []  # time probes to answer: token, when it came
        self._said = 0  # when we last sent anything
        self._turn = 0  # polled links: packets that may still go in this turn
        self._asked = 0  # polled links: when we last had the turn
        self._slot_at: int | None = None  # polled links: when our slot for a HELLO begins

    @property
    def is_open(self) -> bool:
        """Whether there is a session."""
        return self.session is not None

    def room(self) -> int:
        """How many more blocks the window takes now; 0 while there is no session."""
        return self.session.room() if self.session else 0

    def payload_max(self) -> int:
        """How long a block's body had better be now; never more than fits one packet."""
        return self.session.payload_max() if self.session else BODY_BYTES_MAX

    def send(self, kind: int, body: bytes, token: object = None) -> None:
        """Queue one block for the gateway; only while `room` is above 0."""
        if self.session is None:
            raise UsageError("no session")
        self.session.send(kind, body, token)

    def confirm(self, number: int) -> None:
        """What an Arrived packet brought is dealt with."""
        if self.session:
            self.session.confirm(number)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def receive(self, packet: bytes, now: int) -> "list[Event]":
        """Act on one packet from the link."""
        kind = kind_of(packet, DOWN)
        try:
            if kind == DATA and self.session and packet[1] == self.session.address:
                return self._receive_data(self.session, packet, now)
            if kind == WELCOME and self._hello:
                return self._receive_welcome(self._hello, Welcome(packet), now)
            if kind == SHORT:
                self._receive_short(packet[1], packet[2], now)
        except ProtocolError:
            self.counters["bad_packet"] += 1
        return []

    def _receive_data(self, session: Session, packet: bytes, now: int) -> "list[Event]":
        opened = session.open(packet)
        if opened is None:
            session.forged += 1
            self.counters["forged"] += 1
            return []
        if packet[0] & TURN:
            self._take_turn(TURN_QUOTA, now)
        events = []
        for event in session.take_in(opened[0], opened[1], now):
            if isinstance(event, Arrived):
                event.blocks = [item for item in event.blocks if not self._consume(item, now)]
                if not event.blocks:
                    session.confirm(event.number)
                    continue
            events.append(event)
        return events

    def _consume(self, item: "tuple[int, bytes]", now: int) -> bool:
        """Deal with a block that is the link's own business; False leaves it to the caller."""
        kind, body = item
        if kind == blocks.TIME_PROBE and len(body) == 1:
            self._probes = self._probes[-3:] + [(body[0], now)]
        elif kind & blocks.CRITICAL and kind not in blocks.BLOCKS and self.session:
            self.session.say(blocks.ERROR, bytes([kind]))
        else:
            return kind not in blocks.BLOCKS or kind == blocks.PING
        return True

    def _receive_welcome(self, hello: Hello, welcome: Welcome, now: int) -> "list[Event]":
        if welcome.node != self._node or not welcome.is_genuine(self._key, hello):
            self.counters["forged"] += welcome.node == self._node
            return []
        events = self._close("replaced", now)
        keys = session_keys(self._key, hello, welcome)
        session = Session(
            self._node, self._boot, keys, 0, welcome.address, now, welcome.ack_delay_ms_max, 0, self._link
        )
        session.ping()  # the first packet shows the gateway that we hold the key
        self.session = session
        self._asked = now  # the first turn is still to come: that is not being forgotten
        self._hello = None
        self._hello_due = False
        self._hello_pause = HELLO_MS_MIN
        self.counters["opened"] += 1
        events.append(Opened(session))
        return events

    def _take_turn(self, quota: int, now: int) -> None:
        self._turn = quota
        self._asked = now

    def _receive_short(self, address: int, what: int, now: int) -> None:
        """Unauthenticated, so all that it can do is to let a packet out that was to go anyway, or a new HELLO."""
        if what == NO_SESSION:
            self._receive_no_session(address, now)
        elif what & 0xF0 == POLL and self.session and self.session.address == address:
            self._take_turn(what & 15, now)
        elif what & 0xF0 == JOIN and address == ADDRESS_JOIN and what & 15:
            self._receive_join(what & 15, now)

    def _receive_join(self, slots: int, now: int) -> None:
        if not self._hello_due and now - self._asked >= FORGOTTEN_MS:
            self._begin_hello(now)
        if self._hello_due and now >= self._hello_at:
            self._slot_at = now + JOIN_SLOT_MS * (self._entropy(1)[0] % slots)

    def _receive_no_session(self, address: int, now: int) -> None:
        session = self.session
        if session and session.address == address and now - session.heard >= QUIET_MS and not self._hello_due:
            self._begin_hello(now)

    # -- sending --------------------------------------------------------------------------------------------------------

    def data_to_send(self, now: int) -> "bytes | None":
        """The next packet for the link; call again until None."""
        if self._may_hello(now):
            self._said = now
            self._slot_at = None
            return self._next_hello(now)
        session = self.session
        if session is None or (self._link.polled and not self._turn):
            return None
        packet = self._next_data(session, now)
        if self._link.polled:
            if packet is None:
                self._turn = 0
                return short(0, session.address, EMPTY)
            self._turn = 0 if packet[0] & TURN else self._turn - 1
        return packet

    def _may_hello(self, now: int) -> bool:
        if self._link.polled:
            return self._slot_at is not None and now >= self._slot_at
        return self._hello_due and now >= self._hello_at

    def _next_data(self, session: Session, now: int) -> "bytes | None":
        if self._probes and not session.is_worn():
            token, came = self._probes.pop(0)
            body = bytearray([token])
            varint.put(body, came)
            varint.put(body, now - came)
            session.say(blocks.TIME_REPLY, bytes(body))
        packet = session.next_packet(now, self._turn)
        if packet:
            self._said = now
        return packet

    def _begin_hello(self, now: int) -> None:
        self._hello = None
        self._hello_due = True
        self._hello_at = now

    def _next_hello(self, now: int) -> bytes:
        if self._hello is None:
            self._hello = make_hello(self._key, self._node, self._boot, self._entropy(NONCE_BYTES), self._flags)
        draw = self._entropy(1)[0]
        self._hello_at = now + self._hello_pause + self._hello_pause * draw // 256
        self._hello_pause = min(self._hello_pause * 2, JOIN_MS_MAX if self._link.polled else HELLO_MS_MAX // 2)
        return self._hello.packet

    # -- time -----------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> "int | None":
        """When `tick` or `data_to_send` has something to do at the latest."""
        times = []
        if self._link.polled:
            times = [] if self._slot_at is None else [self._slot_at]
        elif self._hello_due:
            times = [self._hello_at]
        if self.session:
            times.append(self._said + PING_MS)
            due = self.session.next_deadline()
            if due is not None:
                times.append(due)
        return min(times) if times else None

    def tick(self, now: int) -> "list[Event]":
        """Let time pass: losses, signs of life, new keys, and joining again where the gateway is gone."""
        session = self.session
        if session is None:
            return []
        session.tick(now)
        if session.is_silent() or session.is_worn() or now - session.opened >= SESSION_MS_MAX:
            self._begin_hello(now)
            return self._close("silent" if session.is_silent() else "worn", now)
        if now - self._said >= PING_MS:
            session.ping()
        return []

    def _close(self, reason: str, now: int) -> "list[Event]":
        session, self.session = self.session, None
        if session is None:
            return []
        self.counters["retransmitted"] += session.retransmitted
        self.counters["replayed"] += session.replayed()
        self._probes = []
        return [Closed(session, reason, [token for token in session.unsent() if token is not None])]
