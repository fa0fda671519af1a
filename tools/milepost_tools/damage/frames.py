"""Damage frames in every way a line can, feed them to the decoder by the hundred, and count what it takes for good.

A damaged frame stands between two zeros of its own; what the damage does to those is damage too, so a frame may fall apart
or eat its neighbour. Wrong is every packet that comes out and that nobody put in undamaged. What was sent is drawn from a
pool of frames of all lengths, so that the work goes into the damage and not into making packets.

Every packet begins as packets do: the version bits are never zero. That matters. After a frame with its right CRC-32 the
register stands where four zero bytes put it, so a whole frame and another without its first four bytes would make a good one
together if those four could be zeros: one in a million splices, before the pool was made of legal packets.
"""

import random
from collections.abc import Callable

from milepost_protocol.frames import PACKET_BYTES_MAX, PACKET_BYTES_MIN, FrameDecoder, encode_frame
from milepost_protocol.packets import VERSION

POOL = 512  # frames to damage
BATCH = 400  # damaged frames in one feed
FLIPS_MAX = 12
BURST_BYTES_MAX = 24
INSERTED_BYTES_MAX = 6


def flip(frame: bytearray, dice: random.Random, pool: list[bytes]) -> None:
    """One to FLIPS_MAX bits, anywhere, most often few."""
    size = len(frame) * 8
    for _ in range(1 + int(dice.random() ** 2 * FLIPS_MAX)):
        at = int(dice.random() * size)
        frame[at >> 3] ^= 1 << (at & 7)


def burst(frame: bytearray, dice: random.Random, pool: list[bytes]) -> None:
    """Random bytes over a stretch."""
    at = int(dice.random() * len(frame))
    stretch = dice.randbytes(1 + int(dice.random() * BURST_BYTES_MAX))
    frame[at : at + len(stretch)] = stretch[: len(frame) - at]


def truncate(frame: bytearray, dice: random.Random, pool: list[bytes]) -> None:
    """The end is missing, or the beginning, or something between."""
    at, to = sorted((int(dice.random() * len(frame)), int(dice.random() * len(frame))))
    shape = dice.random()
    if shape < 0.4:
        del frame[to:]
    elif shape < 0.8:
        del frame[: at + 1]
    else:
        del frame[at : to + 1]


def insert(frame: bytearray, dice: random.Random, pool: list[bytes]) -> None:
    """A few bytes too many."""
    at = int(dice.random() * len(frame))
    frame[at:at] = dice.randbytes(1 + int(dice.random() * INSERTED_BYTES_MAX))


def splice(frame: bytearray, dice: random.Random, pool: list[bytes]) -> None:
    """It goes on as another frame does, from the same place or another."""
    other = pool[int(dice.random() * POOL)]
    at = int(dice.random() * len(frame))
    frame[at:] = other[at if dice.random() < 0.5 else int(dice.random() * len(other)) :]


def structural(frame: bytearray, dice: random.Random, pool: list[bytes]) -> None:
    """The code bytes of COBS, which say where the zeros were, and zeros themselves."""
    codes = [1]
    while codes[-1] + frame[codes[-1]] < len(frame) - 1:
        codes.append(codes[-1] + frame[codes[-1]])
    at = codes[int(dice.random() * len(codes))]
    shape = dice.random()
    if shape < 0.4:
        frame[at] ^= 1 << int(dice.random() * 8)
    elif shape < 0.7:
        frame[at] = int(dice.random() * 256)
    elif shape < 0.85:
        frame[int(dice.random() * len(frame))] = 0
    else:
        frame[at], frame[codes[0]] = frame[codes[0]], frame[at]


def merge(frame: bytearray, dice: random.Random, pool: list[bytes]) -> None:
    """The zeros between it and another are gone."""
    other = pool[int(dice.random() * POOL)]
    frame[-1:] = other[1:] if dice.random() < 0.5 else dice.randbytes(1) + other[1:]


WAYS: dict[str, Callable[[bytearray, random.Random, list[bytes]], None]] = {
    "flip": flip,
    "burst": burst,
    "truncate": truncate,
    "insert": insert,
    "splice": splice,
    "structural": structural,
    "merge": merge,
}


class Damage:
    """Counts of one run: `damaged` by way, `untouched` where the damage changed nothing, `wrong` packets, `apart` pieces."""

    def __init__(self, seed: int, decoder: FrameDecoder | None = None) -> None:
        self.damaged = dict.fromkeys(WAYS, 0)
        self.untouched = 0
        self.survived = (
            0  # good packets that damage left whole: it hit only a delimiter, or a whole frame was spliced in
        )
        self.wrong: list[bytes] = []
        self.decoder = decoder or FrameDecoder()
        self._dice = random.Random(seed)  # noqa: S311 - seeded, to be repeated
        sizes = range(PACKET_BYTES_MIN, PACKET_BYTES_MAX + 1)
        packets = [self._packet(size) for _ in range(POOL // len(sizes) + 1) for size in sizes]
        self._dice.shuffle(packets)
        self.pool = [encode_frame(packet) for packet in packets[:POOL]]
        self._good = set(packets[:POOL])

    def _packet(self, size: int) -> bytes:
        """A legal first byte; then random bytes as ciphertext is, or full of zeros and of one value as plaintext is."""
        shape = self._dice.random()
        head = bytes([VERSION | self._dice.randrange(64)])
        if shape < 0.6:
            return head + self._dice.randbytes(size - 1)
        if shape < 0.8:
            return head + bytes(self._dice.choices((0, 0, 1, 255, 7), k=size - 1))
        return head + bytes([self._dice.randrange(4)] * (size - 1))

    def run(self, frames: int) -> "Damage":
        """Damage so many frames, and take what the decoder gives."""
        while frames > 0:
            count = min(BATCH, frames)
            self._take(self.decoder.feed(b"\0".join([self._one() for _ in range(count)]) + b"\0"))
            frames -= count
        return self

    def _one(self) -> bytes:
        frame = self.pool[int(self._dice.random() * POOL)]
        bent = bytearray(frame)
        way = NAMES[int(self._dice.random() * len(NAMES))]
        WAYS[way](bent, self._dice, self.pool)
        if bent == frame:
            self.untouched += 1
            bent[-2] ^= 1
        self.damaged[way] += 1
        return bytes(bent)

    def _take(self, found: list[tuple[bytes | None, bytes]]) -> None:
        for packet, _ in found:
            if packet is not None:
                if packet in self._good:
                    self.survived += 1
                else:
                    self.wrong.append(packet)


NAMES = tuple(WAYS)
