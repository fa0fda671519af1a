"""A session: numbered, sealed packets both ways between one node and one gateway, alike at either end.

Sending is selective repeat. Every transmission takes a new packet number, a retransmission too, so no number is ever sealed
twice. What a packet carried goes back to the queue when the packet counts as lost: by an ack that passes it, or by time.
Receiving keeps a replay window and acks a packet only after the caller has confirmed it; an ack never passes a packet that
waits for its commit, so that waiting never looks like loss. Blocks wait in three queues, urgent first.
"""

from . import blocks
from .aead import TAG_BYTES, ccm
from .errors import ProtocolError, UsageError
from .events import Acked, Arrived
from .frames import PACKET_BYTES_MAX
from .links import SERIAL, Link
from .loss import LossRate
from .packets import DATA, DOWN, HEADER_BYTES, TURN, header
from .received import WAITING_MAX, Received, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .events import Event

WINDOW = 12  # packets in flight: a turn of 8 on a bus, and what of the last turn is lost or still being committed
PLAIN_BYTES_MAX = PACKET_BYTES_MAX - HEADER_BYTES - TAG_BYTES  # what a packet holds
ACK_BYTES_MAX = blocks.HEAD_BYTES + 9  # an ack block at its largest: largest 2, delay 2, waiting 1, bitmap 4
CONTROL_BYTES_MAX = 24  # blocks said once: two time replies
BODY_BYTES_MAX = PLAIN_BYTES_MAX - ACK_BYTES_MAX - CONTROL_BYTES_MAX - blocks.HEAD_BYTES  # fits whatever else is in it
NUMBER_MAX = 1 << 24  # packets under one key; then a new session
FORGERIES_MAX = 1 << 20  # forged packets under one key: with 64-bit tags a chance of 2^-44
RTO_MS_FIRST = 1000  # before the round trip is known
RTO_MS_MAX = 30000
BACKOFF_MAX = 5  # doublings of the RTO
TIMEOUTS_MAX = 6  # in a row without a word from the peer: it is gone


class Flight:
    """A packet that waits for its ack: when it left, the items `(kind, body, token)` it carried, its plaintext's size.

    `came`: the peer has it and waits with its commit; it is not sent again in this session.
    """

    def __init__(self, sent: int, items: "list[tuple[int, bytes, object]]", size: int) -> None:
        self.sent = sent
        self.items = items
        self.size = size
        self.came = False
        # A schema goes with the urgent ones, but its commit waits like a routine record's.
        self.is_urgent = any(_queue_of(item[0]) == 0 and item[0] != blocks.SCHEMA for item in items)


class Session:
    """One end of a session. `direction` is that of what this end sends: 0 from the node, DOWN from the gateway."""

    def __init__(
        self,
        node: bytes,
        boot: int,
        keys: "tuple[bytes, bytes, bytes]",
        direction: int,
        address: int,
        now: int,
        peer_delay_ms: int = 0,
        own_delay_ms: int = 0,
        link: Link = SERIAL,
    ) -> None:
        self.node = node
        self.boot = boot
        self.ident = keys[2]
        self.address = address
        self.opened = now
        self.flags = 0  # those of the HELLO that opened it
        self.heard = now  # when the last genuine packet came
        self.timeouts = 0
        self.retransmitted = 0
        self.forged = 0
        self._direction = direction
        self._out = ccm(keys[1] if direction else keys[0])
        self._in = ccm(keys[0] if direction else keys[1])
        self._number = 0
        self._queues: tuple[list[tuple[int, bytes, object]], ...] = ([], [], [])
        self._flights: dict[int, Flight] = {}
        self._received = Received()
        self._ack_carrier = -1  # the latest of the peer's packets that had an ack
        self._control = bytearray()  # blocks that are said once and not repeated
        self._peer_delay_ms = peer_delay_ms  # the longest that each side waits with a commit
        self._own_delay_ms = own_delay_ms
        self._link = link
        self._ping_due = False
        self._loss = LossRate()
        self._srtt, self._rttvar = -1, 0
        self._backoff = 0
        self._asked = now  # when word came, or was asked for, of what waits for the peer's commit
        self._asks = 0  # in a row

    # -- sending ------------------------------------------------------------------------------------------------------

    def send(self, kind: int, body: bytes, token: object = None) -> None:
        """Queue one block that is sent until acked; `token` comes back in Acked."""
        if len(body) > BODY_BYTES_MAX:
            raise UsageError("block body too long for a packet")
        self._queues[_queue_of(kind)].append((kind, body, token))

    def ping(self) -> None:
        """Ask for a sign of life with the next packet, even while the window is full."""
        self._ping_due = True

    def say(self, kind: int, body: bytes) -> None:
        """Put one block into the next packet, once; nobody waits for it."""
        if len(self._control) + blocks.HEAD_BYTES + len(body) <= CONTROL_BYTES_MAX:
            blocks.put(self._control, kind, body)

    def room(self) -> int:
        """How many more blocks the window takes now."""
        return max(0, WINDOW - len(self._flights) - self.queued())

    def queued(self) -> int:
        """Blocks that wait for their first or next packet."""
        return len(self._queues[0]) + len(self._queues[1]) + len(self._queues[2])

    def payload_max(self) -> int:
        """How long a block's body had better be: shorter on a noisy link, where long packets rarely arrive whole."""
        return self._loss.payload_max(self._link.overhead, BODY_BYTES_MAX)

    def in_flight(self) -> int:
        """Packets that wait for their ack."""
        return len(self._flights)

    def is_worn(self) -> bool:
        """Whether this key has served long enough."""
        return self._number >= NUMBER_MAX or self.forged >= FORGERIES_MAX

    def has_something_to_say(self) -> bool:
        """Whether `next_packet` would give one."""
        if self._number >= NUMBER_MAX:
            return False
        if self._control or self._received.ack_due or self._ping_due:
            return True
        return self.queued() > 0 and len(self._flights) < WINDOW

    def next_packet(self, now: int, quota: int = 0) -> "bytes | None":
        """The next packet to put on the link, or None. On a polled link `quota` is how many may still go in this turn."""
        if not self.has_something_to_say():
            return None
        plain = bytearray()
        if self._received.ack_due:
            blocks.put(plain, blocks.ACK, self._received.ack(now))
        plain += self._control
        self._control = bytearray()
        items: list[tuple[int, bytes, object]] = []
        if len(self._flights) < WINDOW:
            items = self._take(PLAIN_BYTES_MAX - len(plain))
        if self._ping_due and not items:
            items = [(blocks.PING, b"", None)]
        self._ping_due = False
        for kind, body, _ in items:
            blocks.put(plain, kind, body)
        if items:
            self._flights[self._number] = Flight(now, items, len(plain))
        ends_turn = quota == 1 or (quota > 1 and not self.has_something_to_say())
        return self._seal(bytes(plain), TURN if ends_turn else 0)

    def _take(self, space: int) -> "list[tuple[int, bytes, object]]":
        """Items off the queues that fit, urgent ones first; one that does not fit, or not well, closes the packet."""
        items: list[tuple[int, bytes, object]] = []
        spare = self.payload_max() + blocks.HEAD_BYTES
        for queue in self._queues:
            while queue:
                size = blocks.HEAD_BYTES + len(queue[0][1])
                if size > space or (items and size > spare):
                    return items
                space -= size
                spare -= size
                items.append(queue.pop(0))
        return items

    def _seal(self, plain: bytes, turn: int = 0) -> bytes:
        number = self._number
        self._number += 1
        head = header(self._direction, DATA | turn, self.address) + bytes([number & 255, number >> 8 & 255])
        return head + self._out.seal(self._nonce(self._direction, number), plain, head)

    def _nonce(self, direction: int, number: int) -> bytes:
        return bytes([1 if direction else 0]) + self.ident + number.to_bytes(4, "big")

    # -- receiving ----------------------------------------------------------------------------------------------------

    def open(self, packet: bytes) -> "tuple[int, bytes] | None":
        """Number and plaintext of a genuine DATA packet; None if its tag does not fit this session. Changes nothing."""
        if len(packet) < HEADER_BYTES + TAG_BYTES:
            return None
        number = nearest(self._received.largest + 1, packet[2] | packet[3] << 8)
        nonce = self._nonce(self._direction ^ DOWN, number)
        plain = self._in.open(nonce, packet[HEADER_BYTES:], packet[:HEADER_BYTES])
        return None if plain is None else (number, plain)

    def take_in(self, number: int, plain: bytes, now: int) -> "list[Event]":
        """Act on a packet that `open` gave. A replayed one is nothing; ProtocolError leaves for one that makes no sense."""
        found = blocks.split(plain)
        for kind, body in found:
            if kind == blocks.ACK:
                self._check_ack(body)  # before the packet counts as here: what was refused is never acked
        if not self._received.note(number, now):
            return []
        self.heard = now
        self.timeouts = 0
        events: list[Event] = []
        rest = []
        for kind, body in found:
            if kind == blocks.ACK:
                events += self._take_ack(number, body, now)
            else:
                rest.append((kind, body))
        if any(blocks.needs_ack(kind) for kind, _ in rest):
            self._received.hold(number)
        if rest:
            events.append(Arrived(self, number, rest))
        return events

    def confirm(self, number: int) -> None:
        """What packet `number` brought is safe with this end: the ack may go out."""
        self._received.confirm(number)

    def repeat_ack(self) -> None:
        """The last ack may be lost: say it again."""
        self._received.ack_due = self._received.largest >= 0

    def unconfirmed(self) -> int:
        """Packets that wait for `confirm`."""
        return self._received.held()

    def is_held(self, number: int) -> bool:
        """Whether packet `number` waits for `confirm`."""
        return self._received.is_held(number)

    def replayed(self) -> int:
        """Packets that had been here before, or were too old to tell."""
        return self._received.replayed

    def _check_ack(self, body: bytes) -> None:
        if len(body) < 5:
            raise ProtocolError("ack cut short")
        if nearest(self._number, body[0] | body[1] << 8) >= self._number:
            raise ProtocolError("ack for a packet never sent")

    def _take_ack(self, carrier: int, body: bytes, now: int) -> "list[Event]":
        """Act on the ack that packet `carrier` brought. A stale one is nothing: what it calls safe may since have come."""
        if carrier < self._ack_carrier:
            return []
        self._ack_carrier = carrier
        largest = nearest(self._number, body[0] | body[1] << 8)
        safe = largest - body[4] if body[4] < WAITING_MAX else -1
        self._asked = now
        came = int.from_bytes(body[5:], "little") << 1 | 1
        tokens: list[object] = []
        for number in sorted(self._flights):
            if number <= largest and not self._flights[number].came:
                self._look_up(number, largest - number, came, now - (body[2] | body[3] << 8))
            flight = self._flights.get(number)
            if flight and flight.came and number <= safe:
                del self._flights[number]
                tokens += [item[2] for item in flight.items]
        if not tokens:
            return []
        self._asks = 0
        return [Acked(self, tokens)]

    def _look_up(self, number: int, back: int, came: int, then: int) -> None:
        """Whether the packet `back` behind an ack's largest came, or is lost, or cannot be told yet."""
        flight = self._flights[number]
        if came >> back & 1:
            flight.came = True
            self._backoff = 0
            self._loss.note(False, flight.size)
            if back == 0:
                self._measure(then - flight.sent)
        elif back >= self._link.reorder:
            self._lose(number)

    # -- loss -----------------------------------------------------------------------------------------------------------

    def _measure(self, rtt: int) -> None:
        """Smooth the round trip (RFC 6298 section 2)."""
        rtt = max(0, rtt)
        if self._srtt < 0:
            self._srtt, self._rttvar = rtt, rtt // 2
        else:
            self._rttvar += (abs(self._srtt - rtt) - self._rttvar) // 4
            self._srtt += (rtt - self._srtt) // 8

    def rto_ms(self) -> int:
        """How long word of a packet may take: the round trip, doubled for each time-out in a row."""
        known = RTO_MS_FIRST if self._srtt < 0 else self._srtt + 4 * self._rttvar
        base = max(known, self._link.rto_ms_min)
        return min(base << self._backoff, RTO_MS_MAX)

    def _due(self, flight: Flight) -> int:
        """When a packet of which no word came is lost. The peer may wait with its commit, but not for an urgent record."""
        return flight.sent + self.rto_ms() + (0 if flight.is_urgent else self._peer_delay_ms)

    def _ask_at(self) -> int:
        """When to ask what became of packets that came and are not called safe: the ack that said so may be lost."""
        return self._asked + min(self.rto_ms() << self._asks, RTO_MS_MAX) + self._peer_delay_ms

    def _lose(self, number: int) -> None:
        """Put what a lost packet carried back in front of its queues."""
        flight = self._flights.pop(number)
        self._loss.note(True, flight.size)
        self.retransmitted += 1
        for kind, body, token in reversed(flight.items):
            self._queues[_queue_of(kind)].insert(0, (kind, body, token))

    def next_deadline(self) -> "int | None":
        """When `tick` has something to do."""
        times = [self._due(flight) for flight in self._flights.values() if not flight.came]
        if any(flight.came for flight in self._flights.values()):
            times.append(self._ask_at())
        if self._received.waiting_since >= 0 and not self._received.ack_due:
            times.append(self._received.waiting_since + self._own_delay_ms)
        return min(times) if times else None

    def tick(self, now: int) -> None:
        """Let time pass: say what came even if its commit is late, and take packets for lost whose time is up."""
        if 0 <= self._received.waiting_since <= now - self._own_delay_ms:
            self._received.ack_due = True
        if any(flight.came for flight in self._flights.values()) and self._ask_at() <= now:
            self.ping()
            self._asked = now
            self._asks = min(self._asks + 1, BACKOFF_MAX)
        unheard = [number for number in self._flights if not self._flights[number].came]
        if any(self._due(self._flights[number]) <= now for number in unheard):
            for number in sorted(unheard, reverse=True):
                self._lose(number)
            self.timeouts += 1
            self._backoff = min(self._backoff + 1, BACKOFF_MAX)

    def is_silent(self) -> bool:
        """Whether the peer has let too many time-outs pass without a word."""
        return self.timeouts >= TIMEOUTS_MAX

    def unsent(self) -> "list[object]":
        """Tokens of everything not acked."""
        tokens = [item[2] for flight in self._flights.values() for item in flight.items]
        return tokens + [item[2] for queue in self._queues for item in queue]


def _queue_of(kind: int) -> int:
    """Which queue a block waits in: a record by its class, everything else with the urgent ones."""
    return min(kind >> 4 & 3, 2) if blocks.is_record(kind) else 0
