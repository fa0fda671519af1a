"""Integers of variable length: seven bits a byte, least significant first, the top bit says that more follow.

Signed values go through zigzag (0, -1, 1, -2 become 0, 1, 2, 3) so that small ones stay short in both directions.
"""

from .errors import ProtocolError

VARINT_BYTES_MAX = 10  # 64 bits in groups of seven


def zigzag(value: int) -> int:
    """Map a signed integer onto the unsigned ones, small magnitudes first."""
    return value * 2 if value >= 0 else -value * 2 - 1


def unzigzag(value: int) -> int:
    """Undo `zigzag`."""
    return -(value >> 1) - 1 if value & 1 else value >> 1


def put(out: bytearray, value: int) -> None:
    """Append unsigned `value` to `out`."""
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def get(data: bytes, at: int) -> "tuple[int, int]":
    """Read an unsigned integer at offset `at`; return it and the offset behind it."""
    value = shift = 0
    for i in range(at, min(len(data), at + VARINT_BYTES_MAX)):
        value |= (data[i] & 127) << shift
        if data[i] < 128:
            return value, i + 1
        shift += 7
    raise ProtocolError("varint cut short")
