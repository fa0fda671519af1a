"""What a benchmark says: figures with their limits, as a table for people and as JSON for machines, and the ratchet.

A figure holds if it keeps its limit; `at_most` says which way that is. The ratchet compares with the figures committed under
tools/figures: worse by more than the stated tolerance, a limit that held and holds no longer, or a row that is gone, fails.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

TOLERANCE = 0.02  # figures that are counts and virtual times come out the same; floats of libraries may differ a little


@dataclass(frozen=True)
class Figure:
    """One row: `value` in `unit`; `limit` and `holds` are None where nothing is promised."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    holds: bool | None = None


def at_most(name: str, value: float, unit: str, limit: float) -> Figure:
    """A figure that must not exceed its limit."""
    return Figure(name, value, unit, limit, value <= limit)


def at_least(name: str, value: float, unit: str, limit: float) -> Figure:
    """A figure that must reach its limit."""
    return Figure(name, value, unit, limit, value >= limit)


def stated(name: str, value: float, unit: str) -> Figure:
    """A figure that is printed and promises nothing."""
    return Figure(name, value, unit)


def as_json(figures: list[Figure]) -> str:
    """`{"figures": [...]}`, one object a row."""
    return json.dumps({"figures": [asdict(figure) for figure in figures]}, indent=1)


def regressions(figures: list[Figure], committed: Path) -> list[str]:
    """What is worse than the committed figures, one line each."""
    now = {figure.name: figure for figure in figures}
    lines = []
    for old in json.loads(committed.read_text())["figures"]:
        new = now.get(old["name"])
        if new is None:
            lines.append(f"{old['name']}: the row is gone")
        elif old["holds"] and not new.holds:
            lines.append(f"{new.name}: {new.value:g} no longer keeps its limit {new.limit:g}")
        elif old["limit"] is not None and _is_worse(Figure(**old), new):
            lines.append(f"{new.name}: {new.value:g} {new.unit}, was {old['value']:g}")
    return lines


def _is_worse(old: Figure, new: Figure) -> bool:
    """Worse by more than the tolerance, in the direction that the old limit and its verdict give."""
    smaller_is_better = (old.value <= (old.limit or 0)) == bool(old.holds)
    change = new.value - old.value if smaller_is_better else old.value - new.value
    return change > abs(old.value) * TOLERANCE
