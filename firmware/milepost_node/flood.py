"""From a level to an alarm: up to three thresholds, each with a lower level at which it ends.

The rows stay as they are; crossing a threshold makes an urgent event with the level beside it. A missing level changes
nothing: an alarm ends by water that was seen to fall. Thresholds are data of the site, from its configuration.
"""

from milepost_protocol.channels import CHANNEL_IDS, EVENT_IDS
from milepost_protocol.records import URGENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CLEAR_MM = 50  # how far below its threshold an alarm ends where the site does not say: waves stay inside
CERTAIN_PCT = 100
STATES = ("level-normal", "level-1", "level-2", "level-3")  # words of channels.EVENTS


def millimetres(metres: float) -> int:
    """Metres as mm, rounded half away from zero: exact for thresholds given in mm, also with 32-bit floats."""
    return int(metres * 1000 + (0.5 if metres >= 0 else -0.5))


class Flood:
    """What a flood schedule's rows are, and its events. Option `thresholds`: `[{"level_m": …, "clear_m": …}]`, ascending."""

    channels = (CHANNEL_IDS["level"],)
    event_class = URGENT

    def __init__(self, options: "dict[str, Any]") -> None:
        self.state = 0
        self._up: list[int] = []
        self._down: list[int] = []
        for threshold in options["thresholds"]:
            up = millimetres(threshold["level_m"])
            self._up.append(up)
            self._down.append(up - CLEAR_MM if threshold["clear_m"] is None else millimetres(threshold["clear_m"]))

    def judge(self, values: "list[int | None]", quality: "list[int]") -> "tuple[tuple[int, int, int], ...]":
        """Events `(code, level mm, confidence %)` that this sample makes; the row stays what it is."""
        level = values[0]
        state = self.state
        if level is None:
            return ()
        while state < len(self._up) and level >= self._up[state]:
            state += 1
        while state > 0 and level < self._down[state - 1]:
            state -= 1
        if state == self.state:
            return ()
        self.state = state
        return ((EVENT_IDS[STATES[state]], level, CERTAIN_PCT),)
