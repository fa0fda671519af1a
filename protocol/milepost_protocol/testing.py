"""The bad wire, and what drives two ends over it: shipped, because users' tests need them as much as ours.

Time is a number that the caller moves. `BadWire` is one direction of a link: it takes bytes, keeps them for as long as the
baud rate and the delay say, and spoils them by a seeded plan. `Pair` is a node's and a gateway's end with such a wire each
way. Everything drawn comes from `Dice`, which gives the same numbers on every VM.
"""

from .bus import LINE_BYTES, Bus
from .events import Arrived, Event
from .frames import FrameDecoder, encode_frame
from .gateway_end import GatewayEnd
from .node_end import NodeEnd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Dice:
    """A small seeded generator (xorshift32, Marsaglia 2003), alike on CPython and MicroPython."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 2654435761 + 1) & 0xFFFFFFFF or 1

    def bits(self) -> int:
        """32 random bits."""
        x = self._state
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        self._state = x
        return x

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1."""
        return self.bits() % limit

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.bits() < probability * 4294967296.0

    def bytes(self, count: int) -> bytes:
        """Random bytes: entropy for ends under test."""
        return bytes([self.bits() >> 8 & 255 for _ in range(count)])


# What a wire does to a frame, by name: probability a frame, except `flip`, which is a bit error rate.
FAULTS = ("drop", "duplicate", "reorder", "truncate", "insert", "flip", "burst")
BURST_DROP = 0.7  # loss while a burst lasts (Gilbert-Elliott's bad state)
BURST_END = 0.2  # chance a frame that the burst is over


class BadWire:
    """One direction of a link: `put` frames in, `get` bytes out when their time has come. `faults` maps names to rates."""

    def __init__(self, dice: Dice, faults: "dict[str, float] | None" = None, delay_ms: int = 1, baud: int = 0) -> None:
        self.faults = faults or {}
        self.fired: dict[str, int] = dict.fromkeys(FAULTS, 0)
        self.frames = 0
        self._dice = dice
        self._delay_ms = delay_ms
        self._baud = baud
        self.free_at = 0.0  # when the line has sent what was put before
        self._queue: list[tuple[float, int, bytes]] = []  # when it arrives, in which order it was put, what
        self._put = 0
        self._in_burst = False

    def put(self, frame: bytes, now: float) -> None:
        """Send one frame."""
        self.frames += 1
        for piece in self._spoil(frame):
            start = max(now, self.free_at)
            self.free_at = start + (len(piece) * 10000 / self._baud if self._baud else 0)
            late = self._delay_ms * 3 if self._happens("reorder") else self._delay_ms
            self._put += 1
            self._queue.append((self.free_at + late, self._put, piece))

    def get(self, now: float) -> "list[bytes]":
        """What has arrived by now, in order of arrival."""
        due = sorted([item for item in self._queue if item[0] <= now])
        self._queue = [item for item in self._queue if item[0] > now]
        return [item[2] for item in due]

    def next_deadline(self) -> "float | None":
        """When something arrives next."""
        return min([item[0] for item in self._queue]) if self._queue else None

    def _happens(self, fault: str) -> bool:
        rate = self.faults.get(fault, 0)
        hit = rate > 0 and self._dice.chance(rate)
        self.fired[fault] += hit
        return hit

    def _spoil(self, frame: bytes) -> "list[bytes]":
        if self._lost_in_burst() or self._happens("drop"):
            return []
        copies = 2 if self._happens("duplicate") else 1
        return [self._bend(frame) for _ in range(copies)]

    def _lost_in_burst(self) -> bool:
        if self._in_burst:
            self._in_burst = not self._dice.chance(BURST_END)
        elif self._happens("burst"):
            self._in_burst = True
        return self._in_burst and self._dice.chance(BURST_DROP)

    def _bend(self, frame: bytes) -> bytes:
        if self._happens("truncate"):
            frame = frame[: self._dice.below(len(frame))]
        if self._happens("insert"):
            at = self._dice.below(len(frame) + 1)
            frame = frame[:at] + self._dice.bytes(1 + self._dice.below(4)) + frame[at:]
        rate = self.faults.get("flip", 0)
        if rate > 0 and frame and self._dice.chance(1 - (1 - rate) ** (10 * len(frame))):
            bent = bytearray(frame)
            bent[self._dice.below(len(frame))] ^= 1 << self._dice.below(8)
            self.fired["flip"] += 1
            frame = bytes(bent)
        return frame


class Pair:
    """A node's end and a gateway's end on a serial link, in virtual time (ms with fractions).

    `commit_ms`: how long the gateway's disk takes.
    """

    def __init__(
        self, node: NodeEnd, gateway: GatewayEnd, up: BadWire, down: BadWire, commit_ms: float = 5, now: float = 0
    ) -> None:
        self.node = node
        self.gateway = gateway
        self.up = up
        self.down = down
        self.now = now
        self.commit_ms = commit_ms
        self.at_node: list[Event] = []
        self.at_gateway: list[Event] = []
        self.decoders = (FrameDecoder(), FrameDecoder())
        self._commits: list[tuple[float, Arrived]] = []

    def step(self) -> None:
        """Send all there is to send, move the clock to the next thing that happens, and let it happen."""
        self._send()
        times: list[float | None] = [self.node.next_deadline(), self.gateway.next_deadline()]
        times += [self.up.next_deadline()]
        times += [self.down.next_deadline()] + [due for due, _ in self._commits]
        times += [self.up.free_at, self.down.free_at]
        ahead = [time for time in times if time is not None and time > self.now]
        self.now = min(ahead) if ahead else self.now + 1
        self._take_in()

    def run(self, until_ms: float) -> None:
        """Step until the clock stands at `until_ms` or later."""
        while self.now < until_ms:
            self.step()

    def _take_in(self) -> None:
        for piece in self.up.get(self.now):
            for packet, _ in self.decoders[0].feed(piece):
                if packet:
                    self._note_at_gateway(self.gateway.receive(packet, int(self.now)))
        for piece in self.down.get(self.now):
            for packet, _ in self.decoders[1].feed(piece):
                if packet:
                    self._note_at_node(self.node.receive(packet, int(self.now)))
        self._commit()
        self._note_at_node(self.node.tick(int(self.now)))
        self._note_at_gateway(self.gateway.tick(int(self.now)))

    def _note_at_gateway(self, events: "list[Event]") -> None:
        self.at_gateway += events
        self._commits += [(self.now + self.commit_ms, event) for event in events if isinstance(event, Arrived)]

    def _note_at_node(self, events: "list[Event]") -> None:
        self.at_node += events
        for event in events:
            if isinstance(event, Arrived):
                self.node.confirm(event.number)

    def _commit(self) -> None:
        wanted = self.gateway.commit_wanted()  # then one commit takes all that wait
        for due, event in self._commits:
            if due <= self.now or wanted:
                self.gateway.confirm(event.session, event.number)
        self._commits = [item for item in self._commits if item[1].session.is_held(item[1].number)]

    def _send(self) -> None:
        """Each end gives a packet whenever its line is free."""
        while self.up.free_at <= self.now:
            packet = self.node.data_to_send(int(self.now))
            if packet is None:
                break
            self.up.put(encode_frame(packet), self.now)
        while self.down.free_at <= self.now:
            addressed = self.gateway.data_to_send(int(self.now))
            if addressed is None:
                break
            self.down.put(encode_frame(addressed[1]), self.now)


class Multidrop:
    """One pair of wires that a gateway's Bus and its nodes share, in virtual time (ms with fractions).

    Who speaks while another speaks spoils both. `turnaround_ms` is how long each side takes to answer, `ber` the chance of a
    flipped bit for each of the ten line bits of a byte.
    """

    def __init__(
        self,
        bus: Bus,
        nodes: "list[NodeEnd]",
        dice: Dice,
        baud: int = 115200,
        turnaround_ms: float = 2,
        commit_ms: float = 5,
        ber: float = 0.0,
    ) -> None:
        self.bus = bus
        self.nodes = nodes
        self.now = 0.0
        self.ber = ber
        self.collisions = 0
        self.line_bytes = 0
        self.at_gateway: list[Event] = []
        self.at_nodes: list[Event] = []
        self._dice = dice
        self._ms_per_byte = 10000 / baud
        self._turnaround_ms = turnaround_ms
        self._commit_ms = commit_ms
        self._speeches: list[list[Any]] = []  # begin, end, who (-1 the gateway), packet, spoilt
        self._ready = [0.0] * len(nodes)  # from when a node's answer may be on the line
        self._commits: list[tuple[float, Arrived]] = []

    def run(self, until_ms: float) -> None:
        """Step until the clock stands at `until_ms` or later."""
        while self.now < until_ms:
            self.step()

    def step(self) -> None:
        """Let everybody say what they may, move the clock to the next thing that happens, and let it happen."""
        self._speak()
        times = [speech[1] for speech in self._speeches] + [due for due, _ in self._commits] + self._ready
        times += [
            due for due in [self.bus.next_deadline()] + [node.next_deadline() for node in self.nodes] if due is not None
        ]
        ahead = [time for time in times if time > self.now]
        self.now = min(ahead) if ahead else self.now + 1
        for speech in [speech for speech in self._speeches if speech[1] <= self.now]:
            self._speeches.remove(speech)
            self._hear(speech[2], None if speech[4] else speech[3])
        self._commit()
        for node in self.nodes:
            self.at_nodes += node.tick(int(self.now))
        self.at_gateway += self.bus.tick(int(self.now))

    def say(self, who: int, packet: bytes) -> None:
        """Put a packet on the line, whoever else speaks."""
        mine = [speech[1] for speech in self._speeches if speech[2] == who]
        begin = max([self.now] + mine)
        size = len(packet) + LINE_BYTES
        self.line_bytes += size
        spoilt = self.ber > 0 and self._dice.chance(1 - (1 - self.ber) ** (10 * size))
        speech = [begin, begin + size * self._ms_per_byte, who, packet, spoilt]
        for other in self._speeches:
            if other[2] != who and other[1] > begin:
                other[4] = speech[4] = True
                self.collisions += 1
        self._speeches.append(speech)

    def _speak(self) -> None:
        addressed = self.bus.data_to_send(int(self.now))
        while addressed:
            self.say(-1, addressed[1])
            addressed = self.bus.data_to_send(int(self.now))
        for i, node in enumerate(self.nodes):
            packet = node.data_to_send(int(self.now)) if self.now >= self._ready[i] else None
            while packet:
                self.say(i, packet)
                packet = node.data_to_send(int(self.now))

    def _hear(self, who: int, packet: "bytes | None") -> None:
        if who >= 0 and packet is None:
            self.bus.note_damaged(int(self.now))
        if who >= 0 and packet:
            events = self.bus.receive(packet, int(self.now))
            self.at_gateway += events
            self._commits += [(self.now + self._commit_ms, event) for event in events if isinstance(event, Arrived)]
        for i, node in enumerate(self.nodes):
            if packet and i != who:  # the nodes hear each other too
                self._ready[i] = self.now + self._turnaround_ms
                self.at_nodes += node.receive(packet, int(self.now))

    def _commit(self) -> None:
        wanted = self.bus.commit_wanted()
        for due, event in self._commits:
            if due <= self.now or wanted:
                self.bus.confirm(event.session, event.number)
        self._commits = [item for item in self._commits if item[1].session.is_held(item[1].number)]
