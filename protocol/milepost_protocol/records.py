"""Records: what must not be lost, and how a block carries them.

A record's name is (node, boot, sequence). Every record block begins with the same *front*: schema hash, boot, first
sequence, count, bitmap of which sequences are present, first uptime, time deltas (times.py). The front is readable without the
schema and without knowing the kind, so whoever holds a block can name and count what is in it. Behind the front stand
the columns of a batch of rows (columns.py), in front of them their quality runs if there are any, or the body of a single
event, result or gone.
"""

from . import blocks, columns, times, varint
from .errors import ProtocolError
from .schema import Schema

ROWS, EVENT, RESULT, GONE = 0, 1, 2, 3  # kinds, the low four bits of a record block's type
KINDS = {ROWS: "rows", EVENT: "event", RESULT: "result", GONE: "gone"}

URGENT, ROUTINE, DIAGNOSTIC = 0, 1, 2  # classes, bits 5..4 of the type, in order of precedence
CLASSES = {URGENT: "urgent", ROUTINE: "routine", DIAGNOSTIC: "diagnostic"}

COUNT_MAX = 64  # rows in a batch: six bits of the count byte
SPAN_MAX = 2048  # sequences that one batch may span
DELTA_MS_MAX = 1 << 32  # between two rows of a batch; the node starts a new batch where the gap is longer
HAS_BITMAP, HAS_QUALITY = 128, 64  # the count byte's other two bits
UNKNOWN_ORDER = 1  # front flag: this boot's number is random, its place among the others is unknown

GONE_REASONS = {1: "overflow", 2: "damaged", 3: "expired"}


class Record:
    """One record. `values` are scaled integers or None, one a channel; `quality` ids likewise, or None if all are good.

    An event has values (code, value, edge confidence %), a gone (reason, boot, first, last), a result (command id, status).
    """

    def __init__(
        self,
        kind: int,
        cls: int,
        schema: int,
        boot: int,
        sequence: int,
        uptime_ms: int,
        values: "tuple[int | None, ...]",
        quality: "tuple[int, ...] | None" = None,
    ) -> None:
        self.kind = kind
        self.cls = cls
        self.schema = schema
        self.boot = boot
        self.sequence = sequence
        self.uptime_ms = uptime_ms
        self.values = values
        self.quality = quality


class Front:
    """What a record block says before its columns: kind, cls, schema hash, boot, sequences, uptimes_ms, and `rest`.

    `has_quality`: in rows, `rest` begins with quality runs.
    """

    def __init__(self, kind: int, cls: int, schema: int, boot: int) -> None:
        self.kind = kind
        self.cls = cls
        self.schema = schema
        self.boot = boot
        self.sequences: list[int] = []
        self.uptimes_ms: list[int] = []
        self.has_quality = False
        self.rest = b""


def block_type(kind: int, cls: int) -> int:
    """The type byte of a record block."""
    return blocks.RECORD | cls << 4 | kind


def pack(records: "list[Record]") -> "tuple[int, bytes]":
    """One block of records alike in kind, class, schema and boot, in ascending sequence: `(type, body)`."""
    first = records[0]
    out = bytearray(first.schema.to_bytes(2, "little"))
    varint.put(out, first.boot)
    varint.put(out, first.sequence)
    runs = _quality_runs(records) if first.kind == ROWS else []
    _put_presence(out, [record.sequence for record in records], HAS_QUALITY if runs else 0)
    varint.put(out, first.uptime_ms)
    uptimes = [record.uptime_ms for record in records]
    out += times.encode_times([uptimes[i + 1] - uptimes[i] for i in range(len(uptimes) - 1)])
    if first.kind == ROWS:
        _put_rows(out, records, runs)
    else:
        for value in first.values:
            varint.put(out, varint.zigzag(value or 0))
    return block_type(first.kind, first.cls), bytes(out)


def front(kind: int, body: bytes) -> Front:
    """Read a record block's front; neither schema nor kind need be known."""
    if len(body) < 2:
        raise ProtocolError("record block cut short")
    boot, at = varint.get(body, 2)
    found = Front(kind & 15, kind >> 4 & 3, body[0] | body[1] << 8, boot)
    first, at = varint.get(body, at)
    found.has_quality = at < len(body) and body[at] & HAS_QUALITY != 0
    found.sequences, at = _get_presence(body, at, first)
    uptime, at = varint.get(body, at)
    deltas, size = times.decode_times(body[at:], len(found.sequences))
    found.uptimes_ms = [uptime]
    for delta in deltas:
        found.uptimes_ms.append(found.uptimes_ms[-1] + delta)
    found.rest = body[at + size :]
    return found


def unpack(found: Front, schema: Schema) -> "list[Record]":
    """The records behind a front, by the schema that its hash names."""
    if found.kind != ROWS:
        return [_unpack_single(found)]
    count = len(found.sequences)
    noted, at = _get_quality(found.rest, len(schema.channels), count) if found.has_quality else ({}, 0)
    grid = columns.decode(found.rest[at:], len(schema.channels), count)
    records = []
    for i in range(count):
        values = tuple([column[i] for column in grid])
        records.append(
            Record(
                ROWS,
                found.cls,
                found.schema,
                found.boot,
                found.sequences[i],
                found.uptimes_ms[i],
                values,
                noted.get(i),
            )
        )
    return records


def _unpack_single(found: Front) -> Record:
    if len(found.sequences) != 1:
        raise ProtocolError("not a batch, yet more than one")
    values = []
    at = 0
    while at < len(found.rest):
        value, at = varint.get(found.rest, at)
        values.append(varint.unzigzag(value))
    return Record(
        found.kind, found.cls, found.schema, found.boot, found.sequences[0], found.uptimes_ms[0], tuple(values)
    )


# -- presence: count and, only where rows are missing in between, a bitmap ------------------------------------------


def _put_presence(out: bytearray, sequences: "list[int]", flag: int) -> None:
    count, first = len(sequences), sequences[0]
    span = sequences[-1] - first + 1
    if not 0 < count <= COUNT_MAX or span > SPAN_MAX:
        raise ValueError("batch too large")
    if span == count:
        out.append(flag | count - 1)
        return
    bitmap = bytearray((span + 7) >> 3)
    for sequence in sequences:
        bitmap[(sequence - first) >> 3] |= 1 << ((sequence - first) & 7)
    out.append(HAS_BITMAP | flag | count - 1)
    out.append(len(bitmap) - 1)
    out += bitmap


def _get_presence(body: bytes, at: int, first: int) -> "tuple[list[int], int]":
    if at >= len(body):
        raise ProtocolError("record block cut short")
    count = (body[at] & 63) + 1
    if not body[at] & HAS_BITMAP:
        return [first + i for i in range(count)], at + 1
    size = body[at + 1] + 1 if at + 1 < len(body) else 0
    bitmap = body[at + 2 : at + 2 + size]
    sequences = [first + i for i in range(len(bitmap) * 8) if bitmap[i >> 3] >> (i & 7) & 1]
    if len(bitmap) != size or len(sequences) != count or sequences[0] != first:
        raise ProtocolError("bitmap and count disagree")
    return sequences, at + 2 + size


# -- rows: quality runs, then columns ---------------------------------------------------------------------------------


def _put_rows(out: bytearray, records: "list[Record]", runs: "list[tuple[int, int, int, int]]") -> None:
    if runs:
        varint.put(out, len(runs))
    for run in runs:
        out += bytes(run)
    width = len(records[0].values)
    out += columns.encode([[record.values[i] for record in records] for i in range(width)], len(records))


def _quality_runs(records: "list[Record]") -> "list[tuple[int, int, int, int]]":
    """Runs `(column, start, length, quality)` of everything that is not good."""
    runs = []
    for column in range(len(records[0].values)):
        start, last = 0, 0
        for i in range(len(records) + 1):
            noted = records[i].quality if i < len(records) else None
            now = noted[column] if noted else 0
            if now != last:
                if last:
                    runs.append((column, start, i - start, last))
                start, last = i, now
    return runs


def _get_quality(rest: bytes, width: int, count: int) -> "tuple[dict[int, tuple[int, ...]], int]":
    """The qualities of the rows that are not all good, by row, and where the columns begin."""
    n_runs, at = varint.get(rest, 0)
    if at + 4 * n_runs > len(rest):
        raise ProtocolError("quality runs cut short")
    noted: dict[int, list[int]] = {}
    for _ in range(n_runs):
        column, start, length, quality = rest[at], rest[at + 1], rest[at + 2], rest[at + 3]
        at += 4
        if column >= width or start + length > count:
            raise ProtocolError("quality run outside the batch")
        for i in range(start, start + length):
            noted.setdefault(i, [0] * width)[column] = quality
    return {i: tuple(noted[i]) for i in noted}, at
