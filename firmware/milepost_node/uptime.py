"""The node's only clock: milliseconds since the start, 64 bits wide, from ticks that wrap.

Ticks wrap after 2^30 ms (12.4 days) on a microcontroller, and only the distance of two of them means something, up to half
of that. So whoever asks for the time also moves a sum forward; asked once in six days it is right for ever, and the
heartbeat asks four times a second.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Uptime:
    """`now()` in ms since this object was made; `ticks_ms` and `ticks_diff` as in MicroPython's `time`."""

    def __init__(self, ticks_ms: "Callable[[], int]", ticks_diff: "Callable[[int, int], int]") -> None:
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last = ticks_ms()
        self._sum = 0

    def now(self) -> int:
        """Milliseconds since the start; never less than it was the last time."""
        ticks = self._ticks_ms()
        passed = self._ticks_diff(ticks, self._last)
        if passed > 0:
            self._sum += passed
            self._last = ticks
        return self._sum
