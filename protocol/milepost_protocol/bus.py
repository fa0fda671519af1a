"""The gateway's end of a polled RS-485 bus: who may speak, and when.

One node at a time has the turn. The gateway gives it with the last DATA packet it has for that node, or with a SHORT POLL of
ten bytes on the wire; the node answers with at most a quota of packets, the last of which gives the turn back, or with a SHORT
EMPTY. Every round ends with join slots for nodes that have no address. A node that does not answer is asked less and less
often; one that speaks out of turn again and again is left out for a while, and both are told to the caller.
"""

from .events import Event
from .frames import PACKET_BYTES_MAX
from .gateway_end import GatewayEnd, Peer
from .links import POLLED
from .node_end import JOIN_SLOT_MS, TURN_QUOTA
from .packets import ADDRESS_JOIN, DATA, DOWN, HELLO, JOIN, NO_SESSION, POLL, SHORT, TURN, kind_of, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

LINE_BYTES = 7  # delimiters, COBS and CRC around a packet
GUARD_MS = 2  # between the end of what one side says and the start of what the other says: drivers turn round
IDLE_MS = 5  # between two rounds in which nobody is due
JOIN_SLOTS_MIN = 2  # while nobody joins: 24 ms in every two seconds
JOIN_SLOTS_MAX = 15
JOIN_ROUND_MS = 2000  # join slots come no more often while nobody joins
JOIN_BUSY_MS = 300  # and no more often than this while somebody does
MISSED_MAX = 3  # unanswered polls in a row; from then on every further one doubles the rounds left out
SKIP_ROUNDS_MAX = 64
INTRUSIONS_MAX = 8  # packets out of turn, less those in turn: then the node is left out
ISOLATE_MS = 30000


class Isolated(Event):
    """The node of `session` spoke out of turn too often and is not polled for a while."""


class Seat:
    """How a node behaves on the bus."""

    def __init__(self) -> None:
        self.missed = 0
        self.turnaround_ms_max = 0  # the longest that it took to begin an answer
        self.skip = 0  # rounds still to leave out
        self.intrusions = 0
        self.isolated_until = 0


class Bus(GatewayEnd):
    """A GatewayEnd whose nodes wait for their turn; the same methods. `turnaround_ms`: how long a node may take to answer."""

    def __init__(
        self,
        key_of: "Callable[[bytes], bytes | None]",
        entropy: "Callable[[int], bytes]",
        ack_delay_ms_max: int,
        baud: int = 115200,
        turnaround_ms: int = 10,
    ) -> None:
        super().__init__(key_of, entropy, ack_delay_ms_max, POLLED)
        self.counters.update({"polls": 0, "missed": 0, "intrusions": 0, "isolated": 0})
        self._baud = baud
        self._turnaround_ms = turnaround_ms
        self._seats: dict[bytes, Seat] = {}
        self._round: list[Peer] = []
        self._asked: Peer | None = None  # whose turn it is
        self._answers = 0  # frames that came in this turn
        self._asked_at = 0  # when our last word of this turn was over
        self._free_at = 0  # when the line is ours again at the latest
        self._join_at = 0  # when join slots come next
        self._join_slots = JOIN_SLOTS_MIN
        self._join_heard = False
        self._out: list[tuple[Hashable, bytes]] = []

    def turnarounds(self) -> "dict[bytes, int]":
        """The longest that each node took to begin an answer, ms; the budget is `turnaround_ms`."""
        return {node: seat.turnaround_ms_max for node, seat in self._seats.items()}

    # -- receiving --------------------------------------------------------------------------------------------------------

    def receive(self, packet: bytes, now: int, source: "Hashable" = None) -> "list[Event]":
        """Act on one packet, and mind whose turn it was."""
        kind = kind_of(packet, 0)
        asked = self._asked
        if kind in (DATA, SHORT) and (asked is None or packet[1] != asked.address):
            return self._intrude(packet, now, source)
        if kind == HELLO:
            self._note_join(now)
        events = super().receive(packet, now, source) if kind != SHORT else []
        if asked and kind in (DATA, SHORT):
            seat = self._seat(asked)
            seat.missed = 0
            seat.intrusions = max(0, seat.intrusions - 1)
            if not self._answers:
                seat.turnaround_ms_max = max(seat.turnaround_ms_max, now - self._asked_at - self._line_ms(len(packet)))
            self._note_answer(packet[0] & TURN != 0 or kind == SHORT, now)
        return events

    def note_damaged(self, now: int) -> None:
        """A damaged frame ended now: an answer that counts towards the quota, or HELLOs that met in a join slot."""
        if self._asked:
            self._note_answer(False, now)
        else:
            self._note_join(now)

    def _note_join(self, now: int) -> None:
        self._join_heard = True
        self._join_at = min(self._join_at, now + JOIN_BUSY_MS)

    def _note_answer(self, ends: bool, now: int) -> None:
        self._answers += 1
        if ends or self._answers >= TURN_QUOTA:
            self._asked = None
            self._free_at = now + GUARD_MS
        else:
            self._free_at = now + self._patience_ms()

    def _intrude(self, packet: bytes, now: int, source: "Hashable") -> "list[Event]":
        """A packet out of turn: taken, for it may be good, and held against who sent it if it is."""
        self.counters["intrusions"] += 1
        events = super().receive(packet, now, source) if packet[0] & SHORT == DATA else []
        for peer in self._peers_at(packet[1]):
            seat = self._seat(peer)
            seat.intrusions += 1
            if seat.intrusions >= INTRUSIONS_MAX and peer.live:
                seat.intrusions = 0
                seat.isolated_until = now + ISOLATE_MS
                self.counters["isolated"] += 1
                events.append(Isolated(peer.live))
        return events

    # -- sending ------------------------------------------------------------------------------------------------------------

    def data_to_send(self, now: int) -> "tuple[Hashable, bytes] | None":
        """The next packet for the line, once it is free; call again until None."""
        if not self._out and now >= self._free_at:
            self._miss()
            self._next_turn(now)
        if not self._out:
            return None
        addressed = self._out.pop(0)
        self._free_at = max(self._free_at, now) + self._line_ms(len(addressed[1]))
        if not self._out:
            self._asked_at = self._free_at
            self._free_at += self._patience_ms() if self._asked else GUARD_MS
        return addressed

    def _miss(self) -> None:
        """Whoever had the turn let it pass."""
        peer, self._asked = self._asked, None
        if peer and peer.live:
            peer.live.repeat_ack()  # what we said may not have come
        if peer and not self._answers:
            self.counters["missed"] += 1
            seat = self._seat(peer)
            seat.missed += 1
            if seat.missed >= MISSED_MAX:
                seat.skip = min(1 << (seat.missed - MISSED_MAX), SKIP_ROUNDS_MAX)

    def _next_turn(self, now: int) -> None:
        if self._shorts:
            source, address = self._shorts.pop(0)
            self._out = [(source, short(DOWN, address, NO_SESSION))]
            return
        welcomes = [peer.replies.pop(0) for peer in self._peers.values() if peer.replies]
        if welcomes:
            self._out = welcomes
            return
        peer = self._next_peer(now)
        if peer:
            self._ask(peer, now)
        elif now >= self._join_at:
            self._open_join(now)
        else:
            self._free_at = now + IDLE_MS

    def _open_join(self, now: int) -> None:
        """Join slots: few and rarely while nobody uses them, many and soon after somebody did."""
        self._join_slots = min(self._join_slots * 2, JOIN_SLOTS_MAX) if self._join_heard else JOIN_SLOTS_MIN
        self._join_at = now + (JOIN_BUSY_MS if self._join_heard else JOIN_ROUND_MS)
        self._join_heard = False
        self._out = [(None, short(DOWN, ADDRESS_JOIN, JOIN | self._join_slots))]
        self._free_at = now + self._join_slots * JOIN_SLOT_MS

    def _next_peer(self, now: int) -> "Peer | None":
        """Who is next in this round; None once at the end of each."""
        if not self._round:
            self._round = [peer for peer in self._peers.values() if self._is_due(peer, now)]
            self._round.reverse()
            if now >= self._join_at:
                return None
        return self._round.pop() if self._round else None

    def _is_due(self, peer: Peer, now: int) -> bool:
        seat = self._seat(peer)
        if seat.skip > 0:
            seat.skip -= 1
            return False
        return bool(peer.sessions()) and now >= seat.isolated_until

    def _ask(self, peer: Peer, now: int) -> None:
        """Give the turn: with the last of what we have to say to the node, or with a poll."""
        self.counters["polls"] += 1
        self._asked = peer
        self._answers = 0
        packets = []
        # a node that said HELLO may hold its old session no more: it is given the turn by a poll, which it understands
        if peer.live and not peer.tentative:
            for quota in range(TURN_QUOTA, 0, -1):
                packet = self._packet_for(peer, now, quota)
                if packet is None:
                    break
                packets.append((peer.source, packet))
                if packet[0] & TURN:
                    break
        self._out = packets or [(peer.source, short(DOWN, peer.address, POLL | TURN_QUOTA))]

    # -- time ---------------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> "int | None":
        """When the line is free at the latest, or a session wants something."""
        due = super().next_deadline()
        return self._free_at if due is None else min(due, self._free_at)

    def _seat(self, peer: Peer) -> Seat:
        """Kept by node, so that a new session does not wash a babbler clean."""
        return self._seats.setdefault(peer.node, Seat())

    def _line_ms(self, size: int) -> int:
        return (size + LINE_BYTES) * 10000 // self._baud + 1

    def _patience_ms(self) -> int:
        """How long the next packet of a node may take to be here whole."""
        return self._turnaround_ms + self._line_ms(PACKET_BYTES_MAX)
