"""CPU time of one frame on CPython, as a ratio to the usual way: cbor2 of the same rows, sealed by the same AES-CCM.

Ours: 30 real rows of six channels packed, sealed and framed; and back from the frame to the records. The other way: the same
rows as arrays in CBOR, encrypted by `cryptography`; and back. The four are timed in turn, over and over, so that
whatever else the machine does falls on all of them, and the medians are divided. Nothing promises a limit: cbor2 is
native code and the columns are Python, which a node can run too. The ratio is kept by the ratchet, loosely.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import cbor2
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from milepost_protocol import aead, blocks, frames, packets, records
from milepost_protocol.records import Record

from .figures import TOLERANCE_CPU, Figure, kept, stated
from .traces import TRACES_MEASURED
from .wire_bytes import Loaded, load

ROWS = 30
KEY, NONCE = bytes(range(16)), bytes(range(13))
HEAD = packets.header(0, packets.DATA, 1) + bytes(2)
REPEATS = 31  # of all four in turn; an odd number has a middle
CALLS = 5  # of each in one repeat


@dataclass(frozen=True)
class Subject:
    """What is timed: 30 records and the same as plain lists, and both ways there and back."""

    loaded: Loaded
    made: list[Record]

    def encode(self) -> bytes:
        """Records to a frame."""
        plain = bytearray()
        blocks.put(plain, *records.pack(self.made))
        return frames.encode_frame(HEAD + aead.ccm(KEY).seal(NONCE, bytes(plain), HEAD))

    def decode(self, frame: bytes) -> list[Record]:
        """A frame to records."""
        ((packet, _),) = frames.FrameDecoder().feed(frame)
        opened = aead.ccm(KEY).open(NONCE, (packet or b"")[len(HEAD) :], HEAD)
        ((kind, body),) = blocks.split(opened or b"")
        return records.unpack(records.front(kind, body), self.loaded.schema)

    def encode_cbor(self) -> bytes:
        """The same as CBOR, sealed."""
        first = self.made[0]
        rows = [[record.uptime_ms, *record.values] for record in self.made]
        return AESCCM(KEY, aead.TAG_BYTES).encrypt(NONCE, cbor2.dumps([first.boot, first.sequence, rows]), HEAD)

    def decode_cbor(self, sealed: bytes) -> object:
        """Back from that."""
        return cbor2.loads(AESCCM(KEY, aead.TAG_BYTES).decrypt(NONCE, sealed, HEAD))


def subject() -> Subject:
    """The first rows of the trace of six channels that have all values."""
    loaded = load(TRACES_MEASURED[0])
    whole = [record for record in loaded.records() if None not in record.values]
    first = whole[0]
    made = [
        Record(one.kind, one.cls, one.schema, one.boot, first.sequence + i, first.uptime_ms + 60_000 * i, one.values)
        for i, one in enumerate(whole[:ROWS])
    ]
    return Subject(loaded, made)


def figures(repeats: int = REPEATS) -> list[Figure]:
    """Both ratios, and the times they are made of."""
    one = subject()
    frame, sealed = one.encode(), one.encode_cbor()
    if [vars(record) for record in one.decode(frame)] != [vars(record) for record in one.made]:
        raise AssertionError("the rows did not come back")
    works = (one.encode, one.encode_cbor, lambda: one.decode(frame), lambda: one.decode_cbor(sealed))
    encode, encode_cbor, decode, decode_cbor = medians_us(works, repeats)
    name, over = f"CPython, a frame of {ROWS} rows", "over cbor2 and AES-CCM"
    return [
        kept(f"{name}: CPU to encode it, {over}", encode / encode_cbor, "times", TOLERANCE_CPU),
        kept(f"{name}: CPU to decode it, {over}", decode / decode_cbor, "times", TOLERANCE_CPU),
        stated(f"{name}: encoded in, on the machine at hand", encode, "us"),
        stated(f"{name}: decoded in, on the machine at hand", decode, "us"),
        stated(f"{name}: frame", len(frame), "B"),
        stated(f"{name}: the same in CBOR, sealed, not framed", len(sealed), "B"),
    ]


def medians_us(works: tuple[Callable[[], object], ...], repeats: int) -> list[float]:
    """The CPU time that one call of each takes, in microseconds: the median of repeats in turn."""
    spent: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, times in zip(works, spent, strict=True):
            begun = time.process_time_ns()
            for _ in range(CALLS):
                work()
            times.append((time.process_time_ns() - begun) / CALLS / 1000)
    return [statistics.median(times) for times in spent]
