"""Bytes a row: packed columns beside other ways to write the same values, on real traces.

Strategy: a trace is cut into batches as a node would cut it, every codec packs every batch by itself, and the sum is
divided by the rows. Sampling times are counted for nobody. The yardstick is LZMA over the delta bytes of the whole
trace, which sees everything at once; how far above it the packed columns may be is their limit. Every packed batch is
unpacked again and compared, so a figure of a codec that loses something cannot be printed.
"""

import csv
import json
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from milepost_protocol import columns, times, varint

from .figures import Figure, at_most, stated

TRACES = Path(__file__).parent.parent / "traces"
BATCHES = (1, 10, 30, 60)  # rows
BATCH_LIMITED = 30  # rows; the limits are promised for this batch
NULLS = ("", "NULL")  # how the sources write a value that is missing

Column = list[int | None]
Codec = Callable[["Trace", list[Column]], int]


@dataclass(frozen=True)
class Trace:
    """One file of a real trace: which of its columns are channels, what they are scaled by, and the promise for it."""

    name: str
    file: str
    channels: dict[str, int]  # column of the file -> what its values are multiplied by to be integers
    lzma_ratio_max: float  # packed columns at 30 rows a batch, over the LZMA figure

    def load(self, folder: Path = TRACES) -> list[Column]:
        """The channels as columns of integers and None, the whole file."""
        with (folder / self.file).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [[_scaled(row[name], scale) for row in rows] for name, scale in self.channels.items()]

    def rows(self, batch: list[Column]) -> list[dict[str, float | None]]:
        """A batch as what a JSON writer is given: one object a row, named and in units."""
        scales = list(self.channels.items())
        return [
            {name: None if v is None else v / scale for (name, scale), v in zip(scales, row, strict=True)}
            for row in zip(*batch, strict=True)
        ]


AIR_EPA = {"no2_ppb": 10, "o3_ppb": 10, "pm25_ugm3": 10, "temp_c": 100, "rh_pct": 10, "dp_c": 10}
AIR_HCMC = {"pm10_ugm3": 10, "pm25_ugm3": 10, "temp_c": 10, "rh_pct": 10, "rssi_dbm": 1}
TRACES_MEASURED = (
    Trace("air epa", "air_epa_rtp.csv", AIR_EPA, 1.08),
    Trace("air hcmc", "air_hcmc_nhabe.csv", AIR_HCMC, 1.08),
    Trace("flood logan", "flood_logan_river.csv", {"stage": 100, "temp": 100, "turb": 100}, 1.08),
    Trace("flood tidal", "flood_tidal.csv", {"sea_surface_height_above_sea_level": 1000}, 1.25),
)


def packed_columns(trace: Trace, batch: list[Column]) -> int:
    """The size of this project's columns."""
    count = len(batch[0])
    packed = columns.encode(batch, count)
    if columns.decode(packed, len(batch), count) != batch:
        raise AssertionError(f"{trace.name}: a batch did not come back")
    return len(packed)


def json_objects(trace: Trace, batch: list[Column]) -> int:
    """The size of a JSON array of one object a row, without white space."""
    return len(_json(trace.rows(batch)))


def senml_json(trace: Trace, batch: list[Column]) -> int:
    """The size of SenML in JSON (RFC 8428): a record of name and value for each reading, units and times left out."""
    rows = trace.rows(batch)
    return len(_json([{"n": name, "v": v} for row in rows for name, v in row.items() if v is not None]))


def packed_struct(trace: Trace, batch: list[Column]) -> int:
    """The size of the rows as a C structure: the smallest integer types that hold the batch, and a byte of presence."""
    form = "<B" + "".join(_type(column) for column in batch)
    return struct.calcsize(form) * len(batch[0])


def delta_varint(trace: Trace, batch: list[Column]) -> int:
    """The size of zigzag varints of the steps, column by column, and a byte of presence a row."""
    return len(delta_bytes(batch))


def zlib_json(trace: Trace, batch: list[Column]) -> int:
    """The size of the JSON objects after zlib at its best."""
    return len(zlib.compress(_json(trace.rows(batch)), 9))


CODECS: dict[str, Codec] = {
    "columns": packed_columns,
    "delta varint": delta_varint,
    "packed struct": packed_struct,
    "zlib(JSON)": zlib_json,
    "JSON": json_objects,
    "SenML-JSON": senml_json,
}


def delta_bytes(trace_columns: list[Column]) -> bytes:
    """Zigzag varints of the steps column by column, a null as a step of 0, then a byte of presence for each row."""
    out = bytearray()
    for column in trace_columns:
        last = 0
        for value in column:
            varint.put(out, varint.zigzag(0 if value is None else value - last))
            last = last if value is None else value
    for row in zip(*trace_columns, strict=True):
        out.append(sum(1 << i for i, value in enumerate(row) if value is not None))
    return bytes(out)


def lzma_bytes_per_row(trace_columns: list[Column]) -> float:
    """What LZMA makes of the whole trace's delta bytes, per row."""
    return len(lzma.compress(delta_bytes(trace_columns))) / len(trace_columns[0])


def bytes_per_row(codec: Codec, trace: Trace, trace_columns: list[Column], rows: int) -> float:
    """What `codec` makes of a trace in batches of so many rows, per row."""
    return sum(codec(trace, batch) for batch in _batches(trace_columns, rows)) / len(trace_columns[0])


def figures(batches: tuple[int, ...] = BATCHES, folder: Path = TRACES) -> list[Figure]:
    """All figures: for each trace the LZMA yardstick, then each codec at each batch; the limit stands at 30 rows."""
    return [figure for trace in TRACES_MEASURED for figure in _trace_figures(trace, batches, folder)]


def _trace_figures(trace: Trace, batches: tuple[int, ...], folder: Path) -> Iterator[Figure]:
    loaded = trace.load(folder)
    whole = lzma_bytes_per_row(loaded)
    yield stated(f"{trace.name}: LZMA of the whole trace", whole, "B/row")
    for name, codec in CODECS.items():
        for rows in batches:
            limited = codec is packed_columns and rows == BATCH_LIMITED
            value = bytes_per_row(codec, trace, loaded, rows)
            row = f"{trace.name}: {name}, batches of {rows}"
            yield at_most(row, value, "B/row", whole * trace.lzma_ratio_max) if limited else stated(row, value, "B/row")


def times_figures(count: int = BATCH_LIMITED) -> list[Figure]:
    """What the sampling times of one batch cost where the schedule holds; limits in bytes a batch."""
    cases = (("1 min", 60_000, 1.0), ("15 min", 900_000, 2.0), ("1.5 s", 1500, 3.0))
    return [
        at_most(f"times of {count} rows every {name}", len(times.encode_times([step] * (count - 1))), "B/batch", limit)
        for name, step, limit in cases
    ]


def _batches(trace_columns: list[Column], rows: int) -> Iterator[list[Column]]:
    for start in range(0, len(trace_columns[0]), rows):
        yield [column[start : start + rows] for column in trace_columns]


def _scaled(text: str, scale: int) -> int | None:
    return None if text.strip() in NULLS else round(float(text) * scale)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _type(column: Column) -> str:
    present = [value for value in column if value is not None]
    width = max((max(value, ~value).bit_length() + 1 for value in present), default=0)
    return "b" if width <= 8 else "h" if width <= 16 else "i"
