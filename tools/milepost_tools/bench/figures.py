"""A figure: one measured number of a table, and the limit it is held to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One row of a table of measurements; `limit` is the most that `value` may be, None where nothing was promised."""

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the value keeps its limit; None where there is none."""
        return None if self.limit is None else self.value <= self.limit
