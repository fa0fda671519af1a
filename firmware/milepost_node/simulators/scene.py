"""Scenes: what a simulated part has in front of it, row by row. A trace from a CSV file, or a generated parking bay.

A trace's numbers are read as decimal text straight into integers of the wanted resolution, rounded half away from zero, and
never pass through a float: the same text gives the same integer on every VM, and a test can say what must arrive. A blank
cell is None: the part had nothing to say. After its last row a scene begins again.
"""

from milepost_protocol.testing import Dice

from ..refusal import USAGE, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LINE_BYTES_MAX = 1024
VEHICLE_MIN, VEHICLE_SPAN = 150, 450  # 0.1 uT that a vehicle adds on an axis: tens of uT in all
NOISE = 5  # 0.1 uT either way


def parse_decimal(text: str, decimals: int) -> "int | None":
    """`text` times ten to the power of `decimals`, rounded half away from zero; None for a blank. ValueError if no number."""
    text = text.strip()
    if not text:
        return None
    negative = text[0] == "-"
    whole, _, fraction = (text[1:] if text[0] in "+-" else text).partition(".")
    digits = whole + fraction
    if not digits.isdigit():
        raise ValueError("not a decimal number: " + text)
    fraction += "0" * (decimals + 1)
    value = int((whole or "0") + fraction[:decimals]) + (fraction[decimals] >= "5")
    return -value if negative else value


class CsvScene:
    """Columns of a CSV file without quoting: `next()` gives one row as integers or None, `decimals` of them a column.

    It shows the rows from `first` (0 is the one below the header) on, at most `rows_max` of them, and then those again.
    """

    def __init__(
        self,
        path: str,
        columns: "list[str]",
        decimals: "tuple[int, ...]",
        rows_max: "int | None" = None,
        first: int = 0,
    ) -> None:
        self.rows = 0  # handed out so far
        self._path = path
        self._decimals = decimals
        self._rows_max = rows_max
        self._first = first
        self._left = 0
        self._file: Any = None
        self._places = self._open(columns)

    def _open(self, columns: "list[str]") -> "list[int]":
        try:
            self._file = open(self._path)  # noqa: SIM115 - read row by row, for as long as the part lives
        except OSError:
            raise Refusal(USAGE, f"E-SCENE-01 {self._path} cannot be read: correct `csv`") from None
        names = [name.strip() for name in self._file.readline().split(",")]
        for column in columns:
            if column not in names:
                raise Refusal(USAGE, f"E-SCENE-02 {self._path} has no column `{column}`: correct `columns`")
        self._rewind()
        if not self._file.readline():
            raise Refusal(USAGE, f"E-SCENE-05 {self._path} has no row {self._first}: correct `first`")
        self._rewind()
        return [names.index(column) for column in columns]

    def _rewind(self) -> None:
        self._file.seek(0)
        for _ in range(1 + self._first):
            self._file.readline()
        self._left = -1 if self._rows_max is None else self._rows_max

    def next(self) -> "tuple[int | None, ...]":
        """The next row."""
        line = "" if self._left == 0 else self._file.readline()
        if not line:
            self._rewind()
            line = self._file.readline()
        self._left -= 1
        self.rows += 1
        cells = line.strip("\r\n").split(",")
        return tuple([self._read(cells, i) for i in range(len(self._places))])

    def _read(self, cells: "list[str]", i: int) -> "int | None":
        place = self._places[i]
        return parse_decimal(cells[place], self._decimals[i]) if place < len(cells) else None


class Arrivals:
    """A bay where vehicles come and go: `next()` is the field (x, y, z) in 0.1 uT, `is_occupied` the truth behind it.

    Seeded; the state changes after `mean_s` on average, looked at every `period_s`.
    """

    def __init__(self, seed: int, mean_s: float, period_s: float, baseline: "tuple[int, ...]") -> None:
        self.is_occupied = False
        self._dice = Dice(seed)
        self._mean_ms = max(1, int(mean_s * 1000))
        self._period_ms = int(period_s * 1000)
        self._baseline = baseline
        self._vehicle: tuple[int, ...] = (0, 0, 0)

    def next(self) -> "tuple[int, ...]":
        """The next sample's field."""
        if self._dice.below(self._mean_ms) < self._period_ms:
            self.is_occupied = not self.is_occupied
            self._vehicle = tuple([self._draw() if self.is_occupied else 0 for _ in range(3)])
        return tuple([self._baseline[i] + self._vehicle[i] + self._dice.below(2 * NOISE + 1) - NOISE for i in range(3)])

    def _draw(self) -> int:
        size = VEHICLE_MIN + self._dice.below(VEHICLE_SPAN)
        return size if self._dice.below(2) else -size


def open_csv(plan: "dict[str, Any]", decimals: "tuple[int, ...]") -> CsvScene:
    """The CSV scene of a configuration's `scene`; Refusal leaves if it is not one, or has other than the part's columns."""
    if "csv" not in plan or len(plan["columns"]) != len(decimals):
        raise Refusal(USAGE, f"E-SCENE-03 `scene` must name a `csv` and {len(decimals)} of its `columns`")
    return CsvScene(plan["csv"], plan["columns"], decimals, plan["rows"], plan["first"])
