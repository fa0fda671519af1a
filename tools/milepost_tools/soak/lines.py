"""A line between one node and its gateway: a bad wire each way, and what the attacker hears and says on it.

On a serial line packets travel as frames, so noise meets the CRC; on a datagram line they travel bare, so noise meets the
tag. Whoever restarts forgets the half of a frame it had.
"""

from collections.abc import Iterator
from math import ceil

from milepost_protocol.frames import FrameDecoder, encode_frame
from milepost_protocol.links import DATAGRAM
from milepost_protocol.links import Link as LinkKind
from milepost_protocol.testing import BadWire, Dice

UP, DOWN = 0, 1
HEARD_MAX = 512  # packets of a line that the attacker keeps: from hours ago to just now


class Line:
    """Line `index`, of one of the kinds of link in LINKS; `framed` unless datagram."""

    def __init__(self, index: int, kind: LinkKind, dice: Dice) -> None:
        self.index = index
        self.kind = kind
        self.framed = kind is not DATAGRAM
        self.heard: list[tuple[int, bytes]] = []  # direction, packet: the attacker's
        delay_ms, baud = (1, 115_200) if kind.polled else (1 + dice.below(40), (0, 9600, 115_200)[dice.below(3)])
        self.wires = (BadWire(dice, {}, delay_ms, baud), BadWire(Dice(dice.bits()), {}, delay_ms, baud))
        self.out = [False, False]  # directions that are cut for now
        self.weather: list[dict[str, float]] = [{}, {}]
        self._damaged = 0
        self._decoders = [FrameDecoder(), FrameDecoder()]
        self._dice = Dice(dice.bits())

    def put(self, direction: int, packet: bytes, now: int) -> int:
        """Send a packet; return when something arrives next in this direction, -1 if nothing will."""
        self._hear(direction, packet)
        wire = self.wires[direction]
        wire.put(self._framed(packet), now)
        due = wire.next_deadline()
        return -1 if due is None else ceil(due)

    def get(self, direction: int, now: int) -> Iterator[bytes]:
        """Packets that arrive by now."""
        for piece in self.wires[direction].get(now):
            yield from self.unframed(direction, piece)

    def inject(self, direction: int, packet: bytes) -> Iterator[bytes]:
        """What a receiver makes of a packet that the attacker put in front of it."""
        yield from self.unframed(direction, self._framed(packet))

    def unframed(self, direction: int, piece: bytes) -> Iterator[bytes]:
        """The packets in a piece of line."""
        if not self.framed:
            yield piece
            return
        for packet, _ in self._decoders[direction].feed(piece):
            if packet is not None:
                yield packet

    def reset(self, direction: int) -> None:
        """The receiver of this direction started anew."""
        self._damaged += self._decoders[direction].damaged
        self._decoders[direction] = FrameDecoder()

    def set_weather(self) -> None:
        """Put the present weather and outages onto the wires."""
        for direction in (UP, DOWN):
            self.wires[direction].faults = {"drop": 1.0} if self.out[direction] else self.weather[direction]

    def calm(self) -> None:
        """No faults from now on, and no burst that lasts."""
        self.out, self.weather = [False, False], [{}, {}]
        self.set_weather()
        for wire in self.wires:
            wire._in_burst = False

    def fired(self, fault: str) -> int:
        """How often a fault struck, both ways."""
        return self.wires[UP].fired[fault] + self.wires[DOWN].fired[fault]

    def damaged(self) -> int:
        """Frames that the decoders refused."""
        return self._damaged + sum(decoder.damaged for decoder in self._decoders)

    def _framed(self, packet: bytes) -> bytes:
        return encode_frame(packet) if self.framed else packet

    def _hear(self, direction: int, packet: bytes) -> None:
        """Keep this packet: the newest always, of the older ones a fair sample."""
        if len(self.heard) < HEARD_MAX:
            self.heard.append((direction, packet))
            return
        self.heard[self._dice.below(HEARD_MAX)] = self.heard[-1]
        self.heard[-1] = (direction, packet)
