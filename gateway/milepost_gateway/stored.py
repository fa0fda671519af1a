"""What goes into the buffer and comes out of it: small objects that loop and buffer thread hand each other."""

from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from milepost_protocol.errors import ProtocolError
from milepost_protocol.records import Front, front
from milepost_protocol.schema import Schema

U32_MAX = (1 << 32) - 1  # boots and sequences are 32-bit numbers
MS_MAX = 1 << 60  # uptimes beyond this are nonsense, and would overflow SQLite's integers when added up

URGENT, LIVE, HISTORY = "urgent", "live", "history"  # in which order blocks leave


@dataclass(slots=True)
class Arrival:
    """A block to be kept: of which node, its type and body, when it came, and about when its last record was taken.

    `front` is None for a schema, and for a record block whose front makes no sense. Times are BOOTTIME ms.
    """

    node: bytes
    kind: int
    body: bytes
    arrived_ms: int
    taken_ms: int
    front: Front | None


@dataclass(slots=True)
class StoredBlock:
    """A block on its way out. `pending`: bit i is set if record i of the front is not yet delivered."""

    id: int
    node: bytes
    front: Front
    pending: int
    schema: Schema | None
    arrived_ms: int
    is_this_kernel: bool
    lane: str


class Delivered(NamedTuple):
    """Records that the broker has: the bits of `mask` in block `block_id`."""

    block_id: int
    mask: int


class Measured(NamedTuple):
    """A bucket of exchanges worth keeping: its anchor, as milepost_protocol.clock has it."""

    node: bytes
    boot: int
    bucket: int
    uptime_ms: int
    low_us: int
    high_us: int


def read_front(kind: int, body: bytes) -> Front | None:
    """The front of a record block; None if it makes no sense."""
    try:
        found = front(kind, body)
    except ProtocolError:
        return None
    if found.boot > U32_MAX or found.sequences[-1] > U32_MAX or max(found.uptimes_ms) > MS_MAX:
        return None
    return found if min(found.uptimes_ms) >= 0 else None


def checksum(node: bytes, kind: int, body: bytes) -> int:
    """The CRC-32 that is stored with a block: whatever the disk did, it is noticed before anything is published."""
    return crc32(body, crc32(bytes([kind]), crc32(node)))
