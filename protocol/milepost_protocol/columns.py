"""Columns of a batch: plain zigzag varint deltas (the predictive Rice coder takes this place, same two functions).

A null is coded as 0, any other value as one more than the zigzag of its distance from the last one that was there.
"""

from . import varint
from .errors import ProtocolError


def encode(columns: "list[list[int | None]]", count: int) -> bytes:
    """Pack columns of `count` integers or nulls each."""
    out = bytearray()
    for column in columns:
        last = 0
        for value in column:
            varint.put(out, 0 if value is None else varint.zigzag(value - last) + 1)
            last = last if value is None else value
    return bytes(out)


def decode(data: bytes, n_columns: int, count: int) -> "list[list[int | None]]":
    """Undo `encode`."""
    at = 0
    columns = []
    for _ in range(n_columns):
        last = 0
        column: list[int | None] = []
        for _ in range(count):
            code, at = varint.get(data, at)
            if code:
                last += varint.unzigzag(code - 1)
            column.append(last if code else None)
        columns.append(column)
    if at != len(data):
        raise ProtocolError("bytes behind the columns")
    return columns
