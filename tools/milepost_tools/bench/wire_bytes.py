"""Bytes a row: packed columns, and whole blocks, beside other ways to write the same values, on real traces.

Strategy: a trace is cut into batches as a node would cut it, every encoding packs every batch by itself, and the sum is
divided by the rows. The yardstick is LZMA over the delta bytes of the whole trace, which sees everything at once; how far
above it the packed columns may be is their limit. Sampling times are counted on neither side, and then on both. A *block*
is everything a node sends for a batch: also type, length, names, times, and the word for each value that is
missing. Every batch is unpacked again and compared, so a figure of something that loses a value cannot be printed.
"""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from milepost_protocol import blocks, columns, records, times, varint
from milepost_protocol.quality import QUALITY_IDS
from milepost_protocol.records import COUNT_MAX, ROUTINE, ROWS, Record
from milepost_protocol.schema import Schema
from milepost_protocol.session import BODY_BYTES_MAX

from . import encodings
from .encodings import ENCODINGS, Encoding
from .figures import Figure, at_most, kept, stated
from .traces import TRACES, TRACES_MEASURED, Column, Trace, cut, steps

BATCHES = (1, 10, 30, 60)  # rows
BATCH_LIMITED = 30  # rows; the limits are promised for this batch
FRONT_BYTES_MAX = 16  # of a batch sampled on a schedule: all of a block that is not columns or quality
DAY_MS = 24 * 3600 * 1000
MISSING = QUALITY_IDS["missing"]


@dataclass(frozen=True)
class Numbers:
    """What a front carries: which boot, which sequence is the first, the uptime there. These are a node's after 45 days."""

    boot: int = 12
    sequence: int = 65_000
    uptime_ms: int = 45 * DAY_MS


NODE_OF_45_DAYS = Numbers()
NODE_AT_WORST = Numbers(boot=0xFFFFFFFF, sequence=0xFFFFFF00, uptime_ms=10 * 365 * DAY_MS)


@dataclass(frozen=True)
class Loaded:
    """A trace in memory: the channels' columns, and when each row was sampled."""

    trace: Trace
    columns: list[Column]
    times_ms: list[int]
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        """Make a schema of as many channels; which ones makes no difference to the size."""
        object.__setattr__(self, "schema", Schema("nha-be", 1, tuple(range(1, len(self.columns) + 1))))

    def records(self, numbers: Numbers = NODE_OF_45_DAYS) -> list[Record]:
        """All rows as a node's records, with a word for each value that is missing."""
        rows = zip(*self.columns, strict=True)
        return [self._record(numbers, i, row) for i, row in enumerate(rows)]

    def _record(self, numbers: Numbers, i: int, row: "tuple[int | None, ...]") -> Record:
        noted = tuple(MISSING if value is None else 0 for value in row) if None in row else None
        uptime_ms = numbers.uptime_ms + self.times_ms[i]
        return Record(ROWS, ROUTINE, self.schema.hash, numbers.boot, numbers.sequence + i, uptime_ms, row, noted)


def load(trace: Trace, folder: Path = TRACES) -> Loaded:
    """Read one trace."""
    return Loaded(trace, trace.load(folder), trace.times_ms(folder))


def packed_columns(trace: Trace, batch: list[Column]) -> int:
    """The size of this project's columns."""
    count = len(batch[0])
    packed = columns.encode(batch, count)
    if columns.decode(packed, len(batch), count) != batch:
        raise AssertionError(f"{trace.name}: a batch did not come back")
    return len(packed)


def pack_blocks(made: list[Record], schema: Schema) -> list[tuple[int, bytes]]:
    """Records in as few blocks as hold them: more than one where they fill more than a packet."""
    count = len(made)
    kind, body = records.pack(made)
    while len(body) > BODY_BYTES_MAX:
        count = max(1, min(count - 1, count * BODY_BYTES_MAX // len(body)))
        kind, body = records.pack(made[:count])
    back = records.unpack(records.front(kind, body), schema)
    if [vars(record) for record in back] != [vars(record) for record in made[:count]]:
        raise AssertionError("a block did not come back")
    return [(kind, body)] + (pack_blocks(made[count:], schema) if count < len(made) else [])


def bytes_per_row(encoding: Encoding, trace: Trace, trace_columns: list[Column], rows: int) -> float:
    """What `encoding` makes of a trace in batches of so many rows, per row."""
    return sum(encoding(trace, batch) for batch in cut(trace_columns, rows)) / len(trace_columns[0])


def lzma_bytes_per_row(trace_columns: list[Column]) -> float:
    """What LZMA makes of the whole trace's delta bytes, per row."""
    return len(lzma.compress(encodings.delta_bytes(trace_columns))) / len(trace_columns[0])


def lzma_timed_bytes_per_row(loaded: Loaded) -> float:
    """The same with the steps of the sampling times in front, in seconds if they are whole."""
    told = steps(loaded.times_ms)
    unit_ms = 1000 if all(step % 1000 == 0 for step in told) else 1
    out = bytearray()
    for step in told:
        varint.put(out, step // unit_ms)
    return len(lzma.compress(bytes(out) + encodings.delta_bytes(loaded.columns))) / len(loaded.times_ms)


def times_bytes_per_row(loaded: Loaded, rows: int) -> float:
    """What the sampling times take, in batches of so many rows: the first row's uptime and the steps."""
    total = 0
    for start in range(0, len(loaded.times_ms), rows):
        piece = loaded.times_ms[start : start + rows]
        uptime = bytearray()
        varint.put(uptime, NODE_OF_45_DAYS.uptime_ms + piece[0])
        total += len(uptime) + len(times.encode_times(steps(piece)))
    return total / len(loaded.times_ms)


def block_bytes_per_row(loaded: Loaded, rows: int) -> float:
    """What whole blocks take, type and length included, in batches of so many rows."""
    made = loaded.records()
    packed = [
        block for start in range(0, len(made), rows) for block in pack_blocks(made[start : start + rows], loaded.schema)
    ]
    return sum(blocks.HEAD_BYTES + len(body) for _, body in packed) / len(made)


def figures(batches: tuple[int, ...] = BATCHES, folder: Path = TRACES) -> list[Figure]:
    """For each trace LZMA, ours and the other encodings at each batch size; then what fronts and times take."""
    rows = [row for trace in TRACES_MEASURED for row in _trace_figures(load(trace, folder), batches)]
    return rows + front_figures() + times_figures()


def _trace_figures(loaded: Loaded, batches: tuple[int, ...]) -> Iterator[Figure]:
    trace = loaded.trace
    whole = lzma_bytes_per_row(loaded.columns)
    yield stated(f"{trace.name}: LZMA of the whole trace", whole, "B/row")
    for rows in batches:
        name, value = _named(trace, "columns", rows), bytes_per_row(packed_columns, trace, loaded.columns, rows)
        limit = whole * trace.lzma_ratio_max
        yield at_most(name, value, "B/row", limit) if rows == BATCH_LIMITED else kept(name, value, "B/row")
    yield stated(f"{trace.name}: LZMA of the whole trace with its times", lzma_timed_bytes_per_row(loaded), "B/row")
    for rows in batches:
        value = bytes_per_row(packed_columns, trace, loaded.columns, rows) + times_bytes_per_row(loaded, rows)
        yield kept(_named(trace, "columns with their times", rows), value, "B/row")
    for rows in batches:
        yield kept(_named(trace, "block", rows), block_bytes_per_row(loaded, rows), "B/row")
    for name, encoding in ENCODINGS.items():
        for rows in batches:
            value = bytes_per_row(encoding, trace, loaded.columns, rows)
            yield stated(_named(trace, name, rows), value, "B/row")


def _named(trace: Trace, what: str, rows: int) -> str:
    return f"{trace.name}: {what}, batches of {rows}"


def front_bytes(step_ms: int, numbers: Numbers, count: int = BATCH_LIMITED, stride: int = 1, jitter_ms: int = 0) -> int:
    """What a block of good rows takes beside its columns; with `stride`, only every so many-th sequence is in it."""
    trembles = [(i * 7919) % (jitter_ms + 1) for i in range(count)]
    made = [
        Record(ROWS, ROUTINE, 0, numbers.boot, numbers.sequence + i * stride, numbers.uptime_ms + i * step_ms + t, (i,))
        for i, t in enumerate(trembles)
    ]
    body = records.pack(made)[1]
    return blocks.HEAD_BYTES + len(body) - len(columns.encode([list(range(count))], count))


def front_figures(count: int = BATCH_LIMITED) -> list[Figure]:
    """What stands around the columns of one batch: on a schedule within the limit, and what it takes at worst."""
    after = ", boot 12, sequence 65,000, after 45 days"
    seen = [("1 min", 60_000), ("15 min", 900_000), ("1 h", 3_600_000)]
    regular = [
        at_most(
            f"front of {count} rows every {name}{after}", front_bytes(step, NODE_OF_45_DAYS), "B/batch", FRONT_BYTES_MAX
        )
        for name, step in seen
    ]
    worst = front_bytes(1500, NODE_AT_WORST)
    ragged = front_bytes(60_000, NODE_AT_WORST, COUNT_MAX, stride=8, jitter_ms=1000)
    return [
        *regular,
        kept(f"front of {count} rows every 1.5 s, boot drawn, last sequences, after 10 years", worst, "B/batch"),
        kept(f"front of {COUNT_MAX} rows, the same, times trembling by 1 s, 7 of 8 rows missing", ragged, "B/batch"),
    ]


def times_figures(count: int = BATCH_LIMITED) -> list[Figure]:
    """What the steps between the rows of one batch cost where the schedule holds; limits in bytes a batch."""
    cases = (("1 min", 60_000, 1.0), ("15 min", 900_000, 2.0), ("1.5 s", 1500, 3.0))
    return [
        at_most(f"times of {count} rows every {name}", len(times.encode_times([step] * (count - 1))), "B/batch", limit)
        for name, step, limit in cases
    ]
