"""What a sensor's trace must look like at the broker: the same values in the same order, rounded as the part rounds.

Pure. A part can say certain numbers only: multiples of its resolution between its two ends; beyond them it says a
word, and where the trace has a blank it says nothing at all. Received rows must be a subsequence of the trace: each is
found at an index above the last one's, and no further on than `skip_max`, so that a wrong value cannot hide behind a
later row that happens to match.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

Values = Mapping[str, Decimal | None]  # by channel name; None: could not be measured
Words = Mapping[str, str]  # channel name: why its value is not good
Said = tuple[Decimal | None, str | None]  # what arrives of one channel: value, word

SILENT = "missing"  # the word for a sensor that said nothing
SKIP_MAX = 2  # rows that a busy machine may lose between simulator and driver


@dataclass(frozen=True)
class Part:
    """What a sensor part can say of one channel, in the channel's unit: steps of `resolution` from `low` to `high`."""

    resolution: Decimal
    low: Decimal
    high: Decimal
    below: str = ""  # the word for a quantity below `low`
    above: str = ""  # the word for one above `high`
    capped: str = ""  # if set: from `high` on the part says `high`, and this word stands beside it

    def said(self, true: Decimal) -> Said:
        """What arrives when the part meets the quantity `true`."""
        rounded = true.quantize(self.resolution, ROUND_HALF_UP)  # half away from zero
        if self.capped and rounded >= self.high:
            return self.high, self.capped
        if rounded < self.low:
            return None, self.below
        return (None, self.above) if rounded > self.high else (rounded, None)


def read_trace(path: Path, columns: Mapping[str, str]) -> list[dict[str, Decimal | None]]:
    """A trace's rows by channel name; `columns` maps channel name to column. A blank is None."""
    with path.open(newline="") as file:
        return [{name: number(row[column]) for name, column in columns.items()} for row in csv.DictReader(file)]


def number(text: str) -> Decimal | None:
    """A cell's value; None if it is blank or no number."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def expected(row: Values, parts: Mapping[str, Part]) -> dict[str, Said]:
    """What arrives for one row of the trace: a part says all its channels in one frame, or nothing."""
    known = {name: row[name] for name in parts}
    if None in known.values():
        return dict.fromkeys(parts, (None, SILENT))
    return {name: parts[name].said(value) for name, value in known.items() if value is not None}


class Expectation:
    """One trace as its parts replay it, again from the start after its end; `check` judges the rows of one boot."""

    def __init__(self, trace: Sequence[Values], parts: Mapping[str, Part], skip_max: int = SKIP_MAX) -> None:
        self._trace = [expected(row, parts) for row in trace]
        self._skip_max = skip_max

    def check(self, rows: Iterable[tuple[Values, Words]]) -> tuple[int, int]:
        """How many rows of one boot, in ascending sequence, equal the trace, and how many rows there were."""
        equal = total = at = 0
        for values, words in rows:
            total += 1
            said = {name: (value, words.get(name)) for name, value in values.items()}
            found = [i for i in range(at, at + self._skip_max + 1) if self._trace[i % len(self._trace)] == said]
            if found:
                equal += 1
                at = found[0] + 1
        return equal, total
