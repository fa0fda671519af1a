"""Real traces as a node would see them: columns of scaled integers with gaps, sampling times, and batches of both.

TRACES_MEASURED is the one table: which file, which of its columns are channels and at what scale, how its times are
written, and how near the packed columns must come to LZMA on it.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

TRACES = Path(__file__).parent.parent / "traces"
NULLS = ("", "NULL")  # how the sources write a value that is missing

Column = list[int | None]


@dataclass(frozen=True)
class Trace:
    """One file of a real trace: which of its columns are channels, what they are scaled by, and the promise for it."""

    name: str
    file: str
    channels: dict[str, int]  # column of the file -> what its values are multiplied by to be integers
    lzma_ratio_max: float  # packed columns at 30 rows a batch, over the LZMA figure
    time_format: str  # of the file's first column

    def load(self, folder: Path = TRACES) -> list[Column]:
        """The channels as columns of integers and None, the whole file."""
        rows = self._read(folder)
        return [[_scaled(row[name], scale) for row in rows] for name, scale in self.channels.items()]

    def times_ms(self, folder: Path = TRACES) -> list[int]:
        """When each row was sampled, in ms since the first."""
        written = [next(iter(row.values())) for row in self._read(folder)]
        times = [datetime.strptime(text, self.time_format).replace(tzinfo=UTC) for text in written]
        return [round((time - times[0]).total_seconds() * 1000) for time in times]

    def rows(self, batch: list[Column]) -> list[dict[str, float | None]]:
        """A batch as what a JSON writer is given: one object a row, named and in units."""
        scales = list(self.channels.items())
        return [
            {name: None if v is None else v / scale for (name, scale), v in zip(scales, row, strict=True)}
            for row in zip(*batch, strict=True)
        ]

    def _read(self, folder: Path) -> list[dict[str, str]]:
        with (folder / self.file).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


AIR_EPA = {"no2_ppb": 10, "o3_ppb": 10, "pm25_ugm3": 10, "temp_c": 100, "rh_pct": 10, "dp_c": 10}
AIR_HCMC = {"pm10_ugm3": 10, "pm25_ugm3": 10, "temp_c": 10, "rh_pct": 10, "rssi_dbm": 1}
LOGAN = {"stage": 100, "temp": 100, "turb": 100}
TIDAL = {"sea_surface_height_above_sea_level": 1000}
ISO_UTC = "%Y-%m-%dT%H:%M:%SZ"
TRACES_MEASURED = (
    Trace("air epa", "air_epa_rtp.csv", AIR_EPA, 1.08, "%m/%d/%Y %H:%M"),
    Trace("air hcmc", "air_hcmc_nhabe.csv", AIR_HCMC, 1.08, ISO_UTC),
    Trace("flood logan", "flood_logan_river.csv", LOGAN, 1.08, "%Y-%m-%d %H:%M:%S.%f"),
    Trace("flood tidal", "flood_tidal.csv", TIDAL, 1.25, ISO_UTC),
)


def steps(times_ms: list[int]) -> list[int]:
    """From each sampling time to the next."""
    return [after - before for before, after in pairwise(times_ms)]


def cut(columns: list[Column], rows: int) -> Iterator[list[Column]]:
    """The columns in pieces of so many rows; the last may be shorter."""
    for start in range(0, len(columns[0]), rows):
        yield [column[start : start + rows] for column in columns]


def _scaled(text: str, scale: int) -> int | None:
    return None if text.strip() in NULLS else round(float(text) * scale)
