"""What a benchmark says: figures with their limits, as a table for people and as JSON for machines, and the ratchet.

A figure holds if it keeps its limit. The ratchet compares with the figures committed under tools/figures: worse by more than
the row's tolerance, a limit that held and holds no longer, a limit made looser, or a row that is gone, fails. Counts and
virtual time come out the same on every machine and get 2 %. Instruction counts of the emulated board move with the
compiler and get 10 %. Ratios of CPU time move with the processor and with how a library was built: 100 %, which still
catches what takes twice as long. What is only printed beside ours, other encodings above all, is not ours to keep: no ratchet.
"""

import json
from dataclasses import dataclass
from pathlib import Path

TOLERANCE = 0.02  # counts and virtual times: the same everywhere, but for another version of LZMA or zlib
TOLERANCE_INSTRUCTIONS = 0.10  # another compiler, another release of MicroPython
TOLERANCE_CPU = 1.0  # another processor, a library built another way, a machine under load
DIGITS = 4  # significant ones in what is printed; whole numbers are printed whole
NOT_HELD = "a limit that is not held"


@dataclass(frozen=True)
class Figure:
    """One row: `value` in `unit`; `limit` and `holds` are None where nothing is promised.

    `value` is None if it could not be had here; then, and where a limit is out of reach, `why` says why in a few words.
    `smaller_is_better` is None if the ratchet leaves the row alone, else by more than `tolerance` it must not get worse.
    """

    name: str
    value: float | None
    unit: str
    limit: float | None = None
    holds: bool | None = None
    smaller_is_better: bool | None = None
    tolerance: float = TOLERANCE
    why: str = ""

    def row(self) -> dict[str, str | float | bool | None]:
        """The figure as JSON has it; `why` only where there is something to explain."""
        row = {"name": self.name, "value": short(self.value), "unit": self.unit, "limit": short(self.limit)}
        why = {"why": self.why} if self.why and not self.holds else {}
        return row | {"holds": self.holds} | why


def at_most(name: str, value: float, unit: str, limit: float, why: str = "") -> Figure:
    """A figure that must not exceed its limit; `why` it does, if it is known to."""
    return Figure(name, value, unit, limit, value <= limit, smaller_is_better=True, why=why)


def at_least(name: str, value: float, unit: str, limit: float, why: str = "") -> Figure:
    """A figure that must reach its limit; `why` it does not, if it is known not to."""
    return Figure(name, value, unit, limit, value >= limit, smaller_is_better=False, why=why)


def stated(name: str, value: float, unit: str) -> Figure:
    """A figure that is printed and promises nothing."""
    return Figure(name, value, unit)


def kept(name: str, value: float, unit: str, tolerance: float = TOLERANCE) -> Figure:
    """A figure without a limit that must not grow by more than `tolerance` over what is committed."""
    return Figure(name, value, unit, smaller_is_better=True, tolerance=tolerance)


def missing(name: str, unit: str, why: str) -> Figure:
    """A figure that could not be had, because this machine lacks something. In CI that is a failure."""
    return Figure(name, None, unit, why=why)


def short(value: float | None) -> float | None:
    """A value as it is printed and committed: whole, or to `DIGITS` significant digits."""
    if value is None or float(value).is_integer():
        return None if value is None else int(value)
    return round(value) if abs(value) >= 10**DIGITS else float(f"{value:.{DIGITS}g}")


def as_json(figures: list[Figure]) -> str:
    """`{"figures": [...]}`, one row a line, so that a committed file's changes can be read."""
    rows = ",\n ".join(json.dumps(figure.row(), ensure_ascii=False) for figure in figures)
    return f'{{"figures": [\n {rows}\n]}}\n'


def as_table(figures: list[Figure]) -> str:
    """Name, value, unit, limit and whether it holds, in columns."""
    lines = [("name", "value", "unit", "limit", "holds"), *(_cells(figure) for figure in figures)]
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    return "".join(
        f"{name:{widths[0]}}  {value:>{widths[1]}}  {unit:{widths[2]}}  {limit:>{widths[3]}}  {holds}".rstrip() + "\n"
        for name, value, unit, limit, holds in lines
    )


def _cells(figure: Figure) -> tuple[str, str, str, str, str]:
    verdict = {None: "", True: "yes", False: "NO"}[figure.holds]
    why = figure.why if not figure.holds else ""
    value, limit = _shown(figure.value, "none"), _shown(figure.limit, "")
    return figure.name, value, figure.unit, limit, ": ".join(word for word in (verdict, why) if word)


def _shown(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else str(short(value))


def unheld(figures: list[Figure]) -> list[str]:
    """The limits that do not hold, one line each."""
    return [f"{one.name}: {_shown(one.value, '')} {one.unit}, {NOT_HELD}" for one in figures if one.holds is False]


def regressions(figures: list[Figure], committed: Path) -> list[str]:
    """What is worse than the committed figures, one line each. What could not be had here is not compared."""
    now = {figure.name: figure for figure in figures}
    lines = []
    for old in json.loads(committed.read_text())["figures"]:
        new = now.get(old["name"])
        if new is None:
            lines.append(f"{old['name']}: the row is gone")
        elif new.value is not None:
            lines += _worse(old, new, new.value)
    return lines


def _worse(old: dict[str, float | None], new: Figure, value: float) -> list[str]:
    """What is worse about one row, at most one line."""
    was, limit = old["value"], old["limit"]
    if old["holds"] and not new.holds:
        return [f"{new.name}: {short(value)} {new.unit} no longer keeps its limit, {limit}"]
    if new.smaller_is_better is None or was is None:
        return []
    if limit is not None and (new.limit is None or _passes(new.limit, limit, new)):
        return [f"{new.name}: the limit was {limit} and is {short(new.limit)}"]
    return [f"{new.name}: {short(value)} {new.unit}, was {was}"] if _passes(value, was, new) else []


def _passes(value: float, mark: float, figure: Figure) -> bool:
    """Whether `value` is worse than `mark` by more than the figure's tolerance."""
    change = value - mark if figure.smaller_is_better else mark - value
    return change > abs(mark) * figure.tolerance
