"""An A02YYUW above a tide: a frame every 100 ms with the distance from its face down to the level of the scene.

The water waits for the reader: the scene moves one row on each time the driver empties its receive buffer, which it does once
at the start of a sample. So row n of the node is row n of the trace however busy the machine is. With `row_s` in its plan the
scene moves by the clock instead. A row with a blank is silence. Out of range it says what the driver's sources report: 0 for
no echo. What it says inside the blind zone is written nowhere; here it is the true distance, at least 1.
"""

from ..drivers.a02yyuw import BLIND_MM, HEAD, RANGE_MM_MAX
from ..vm import sleep_ms, ticks_diff, ticks_ms
from .faults import PAUSE_MS, Faults
from .scene import open_csv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .uart import PartEnd

FRAME_MS = 100  # real-time output


def frame_of(distance_mm: int) -> bytes:
    """The frame that says `distance_mm` (0 to 65535)."""
    high, low = distance_mm >> 8, distance_mm & 255
    return bytes([HEAD, high, low, (HEAD + high + low) & 255])


def spoken(distance_mm: int) -> int:
    """What the part says at a true distance."""
    if distance_mm > RANGE_MM_MAX:
        return 0
    return distance_mm if distance_mm > BLIND_MM else max(1, distance_mm)


class SimulatedA02yyuw:
    """Shows `scene` (one column: the level in m) from `zero_mm` above the level's zero."""

    bus = "uart"

    def __init__(self, plan: "dict[str, Any]", options: "dict[str, Any]") -> None:
        self._scene = open_csv(plan["scene"], (3,))
        self._faults = Faults(plan["faults"])
        self._zero_mm: int = options.get("zero_mm", 0) if plan["zero_mm"] is None else plan["zero_mm"]
        self._row_ms = None if plan["row_s"] is None else int(plan["row_s"] * 1000)
        self._level: int | None = None
        self._discards = 0
        self._moved = ticks_ms()

    async def run(self, end: "PartEnd") -> None:
        """Serve one UART for ever."""
        while True:
            self._move(end)
            if self._level is not None:
                for piece in self._faults.apply(frame_of(spoken(self._zero_mm - self._level))):
                    end.write(piece)
                    await sleep_ms(PAUSE_MS)
            await sleep_ms(FRAME_MS - PAUSE_MS)

    def _move(self, end: "PartEnd") -> None:
        """Go to the next row if it is time."""
        if self._row_ms is not None:
            is_time = self._scene.rows == 0 or ticks_diff(ticks_ms(), self._moved) >= self._row_ms
        else:
            is_time = end.discards() != self._discards
        if is_time:
            self._moved = ticks_ms()
            self._discards = end.discards()
            self._level = self._scene.next()[0]
