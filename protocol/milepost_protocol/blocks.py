"""Blocks: what a packet says. `type u8 | length u8 | body`, one after another, nothing between them.

Bit 7 of a type means critical: who does not know it must answer ERROR. Bit 6 means *record block*: its body starts with
the front of records.py, so that even a gateway that does not know the kind can name, store and count what is inside.
Everything else that is unknown is skipped. BLOCKS is the one table of what is legal: a new block is a row and a vector.
"""

from .errors import ProtocolError

CRITICAL = 0x80
RECORD = 0x40

ACK = 0x01
PING = 0x02
TIME_PROBE = 0x03
TIME_REPLY = 0x04
SCHEMA = 0x05
ERROR = 0x06
COMMAND = 0x88

# type: (name, needs an ack); record blocks always need one
BLOCKS = {
    ACK: ("ack", False),
    PING: ("ping", True),
    TIME_PROBE: ("time-probe", False),
    TIME_REPLY: ("time-reply", False),
    SCHEMA: ("schema", True),
    ERROR: ("error", False),
    COMMAND: ("command", True),
}

BODY_BYTES_MAX = 255
HEAD_BYTES = 2


def is_record(kind: int) -> bool:
    """Whether a block of this type carries records."""
    return kind & (CRITICAL | RECORD) == RECORD


def needs_ack(kind: int) -> bool:
    """Whether a packet with this block must be acknowledged, and is sent again if it is lost."""
    return kind & RECORD != 0 or kind & CRITICAL != 0 or BLOCKS.get(kind, ("", False))[1]


def is_kept(kind: int) -> bool:
    """Whether the receiver must have this block on disk before it acknowledges the packet."""
    return is_record(kind) or kind == SCHEMA


def put(out: bytearray, kind: int, body: bytes) -> None:
    """Append one block to `out`."""
    if len(body) > BODY_BYTES_MAX:
        raise ValueError("block body too long")
    out.append(kind)
    out.append(len(body))
    out += body


def split(data: bytes) -> "list[tuple[int, bytes]]":
    """Take a packet's plaintext apart: `(type, body)` each."""
    found = []
    at = 0
    while at < len(data):
        if at + HEAD_BYTES > len(data) or at + HEAD_BYTES + data[at + 1] > len(data):
            raise ProtocolError("block cut short")
        end = at + HEAD_BYTES + data[at + 1]
        found.append((data[at], data[at + HEAD_BYTES : end]))
        at = end
    return found
