"""Other ways to write the same values, each at its own best: what the packed columns are measured against.

Every function takes a trace (for names and scales) and a batch of columns, and gives a size in bytes. Sampling times, units
and whatever a transport adds are left out of all of them. A value that is missing is left out where the encoding can do
that. The protobuf and Cayenne figures are counted from the encodings' definitions, without their libraries.
"""

import json
import struct
import zlib
from collections.abc import Callable, Iterator

import cbor2
from milepost_protocol import varint

from .traces import Column, Trace

Encoding = Callable[[Trace, list[Column]], int]

SENML_NAME, SENML_VALUE = 0, 2  # RFC 8428 section 6: what CBOR writes for "n" and "v"
LPP_HEAD_BYTES = 2  # channel and type
LPP_SHORT_SCALE, LPP_SHORT_MAX = 100, 0x7FFF  # "analog": 2 bytes, signed hundredths; all else takes a type of 4 bytes


def json_objects(trace: Trace, batch: list[Column]) -> int:
    """A JSON array of one object a row, without white space."""
    return len(_json(trace.rows(batch)))


def senml_json(trace: Trace, batch: list[Column]) -> int:
    """SenML in JSON (RFC 8428): a record of name and value for each reading."""
    return len(_json([{"n": name, "v": value} for name, value in _readings(trace, batch)]))


def senml_cbor(trace: Trace, batch: list[Column]) -> int:
    """SenML in CBOR (RFC 8428 section 6): the same records with numbers for labels; by cbor2, whose floats are double."""
    return len(cbor2.dumps([{SENML_NAME: name, SENML_VALUE: value} for name, value in _readings(trace, batch)]))


def protobuf(trace: Trace, batch: list[Column]) -> int:
    """`repeated Row`, each `optional sint32` a channel: tag and length a row, tag and zigzag varint a value."""
    sizes = [sum(1 + _varint_bytes(varint.zigzag(v)) for v in row if v is not None) for row in zip(*batch, strict=True)]
    return sum(1 + _varint_bytes(size) + size for size in sizes)


def cayenne_lpp(trace: Trace, batch: list[Column]) -> int:
    """Cayenne LPP: channel, type, and 2 bytes in hundredths where that keeps the value, else 4."""
    scales = trace.channels.values()
    return sum(
        LPP_HEAD_BYTES + (2 if _is_short(value, scale) else 4)
        for column, scale in zip(batch, scales, strict=True)
        for value in column
        if value is not None
    )


def packed_struct(trace: Trace, batch: list[Column]) -> int:
    """The rows as a C structure: the smallest integer types that hold the batch, and a byte of presence."""
    form = "<B" + "".join(_type(column) for column in batch)
    return struct.calcsize(form) * len(batch[0])


def delta_varint(trace: Trace, batch: list[Column]) -> int:
    """Zigzag varints of the steps, column by column, and a byte of presence a row."""
    return len(delta_bytes(batch))


def zlib_json(trace: Trace, batch: list[Column]) -> int:
    """The JSON objects after zlib at its best."""
    return len(zlib.compress(_json(trace.rows(batch)), 9))


ENCODINGS: dict[str, Encoding] = {
    "delta varint": delta_varint,
    "packed struct": packed_struct,
    "protobuf": protobuf,
    "Cayenne LPP": cayenne_lpp,
    "zlib(JSON)": zlib_json,
    "JSON": json_objects,
    "SenML-CBOR": senml_cbor,
    "SenML-JSON": senml_json,
}


def delta_bytes(columns: list[Column]) -> bytes:
    """Zigzag varints of the steps column by column, a null as a step of 0, then a byte of presence for each row."""
    out = bytearray()
    for column in columns:
        last = 0
        for value in column:
            varint.put(out, varint.zigzag(0 if value is None else value - last))
            last = last if value is None else value
    for row in zip(*columns, strict=True):
        out.append(sum(1 << i for i, value in enumerate(row) if value is not None))
    return bytes(out)


def _readings(trace: Trace, batch: list[Column]) -> Iterator[tuple[str, float]]:
    """Name and value of each reading, row by row."""
    for row in trace.rows(batch):
        yield from ((name, value) for name, value in row.items() if value is not None)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _varint_bytes(value: int) -> int:
    return max(1, (value.bit_length() + 6) // 7)


def _is_short(value: int, scale: int) -> bool:
    return scale <= LPP_SHORT_SCALE and abs(value) * LPP_SHORT_SCALE <= LPP_SHORT_MAX * scale


def _type(column: Column) -> str:
    present = [value for value in column if value is not None]
    width = max((max(value, ~value).bit_length() + 1 for value in present), default=0)
    return "b" if width <= 8 else "h" if width <= 16 else "i"
