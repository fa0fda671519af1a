"""From a field to a parked vehicle: how far the field stands from that of the empty bay, with hysteresis.

A row is (occupied, field), where field is that distance in 0.1 uT. An edge makes an event whose time is that of the sample,
to the ms. The baseline is fixed here, from the configuration; one that follows the temperature and freezes while the bay
is occupied takes its place behind the same method.
"""

from milepost_protocol.channels import CHANNEL_IDS, EVENT_IDS
from milepost_protocol.records import ROUTINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONFIDENCE_PCT_MAX = 99


def tenths(field_ut: "list[float]") -> "tuple[int, ...]":
    """uT as integers of 0.1 uT, rounded half away from zero."""
    return tuple([int(value * 10 + (0.5 if value >= 0 else -0.5)) for value in field_ut])


def root(square: int) -> int:
    """The integer square root, alike on every VM (Newton)."""
    guess = square
    better = (guess + 1) // 2
    while better < guess:
        guess = better
        better = (guess + square // guess) // 2
    return guess


class Bay:
    """What a parking schedule's rows are, and its events. Option `bay`: `baseline_ut` x, y, z, `occupied_ut`, `free_ut`."""

    channels = (CHANNEL_IDS["occupied"], CHANNEL_IDS["field"])
    event_class = ROUTINE

    def __init__(self, options: "dict[str, Any]") -> None:
        bay = options["bay"]
        self.is_occupied: bool | None = None  # not known before the first sample
        self._baseline = tenths(bay["baseline_ut"])
        self._occupied, self._free = tenths([bay["occupied_ut"], bay["free_ut"]])

    def judge(self, values: "list[int | None]", quality: "list[int]") -> "tuple[tuple[int, int, int], ...]":
        """Make (x, y, z) in `values` the row (occupied, field), in place; events `(code, 0, confidence %)`."""
        distance = self._distance(values)
        noted = max(quality)
        del values[2:], quality[2:]
        values[1] = distance
        quality[0] = quality[1] = noted
        before = self.is_occupied
        if distance is not None:
            self._decide(distance)
        values[0] = None if distance is None else int(bool(self.is_occupied))
        if before is None or before == self.is_occupied or distance is None:
            return ()
        return ((EVENT_IDS["occupied" if self.is_occupied else "free"], 0, self._confidence(distance)),)

    def _distance(self, values: "list[int | None]") -> "int | None":
        total = 0
        for axis in range(3):
            value = values[axis]
            if value is None:
                return None
            total += (value - self._baseline[axis]) ** 2
        return root(total)

    def _decide(self, distance: int) -> None:
        if distance >= self._occupied:
            self.is_occupied = True
        elif distance < self._free or self.is_occupied is None:
            self.is_occupied = False

    def _confidence(self, distance: int) -> int:
        """Half at the threshold, more with the distance from it, relative to it."""
        edge = self._occupied if self.is_occupied else self._free
        return min(CONFIDENCE_PCT_MAX, 50 + 50 * abs(distance - edge) // max(1, edge))
