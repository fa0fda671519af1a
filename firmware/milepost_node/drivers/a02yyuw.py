"""A02YYUW (DYP-A02YYUW, DFRobot SEN0311), an ultrasonic ranger in automatic UART mode: a level in mm above a zero.

Sources: frame, check sum, 30-4500 mm range and 100 ms pace: DFRobot wiki, SEN0311, "Communication Protocol Description" and
"Specification". What it says when there is nothing to measure is not in that page. Observed on the part: a good frame with
distance 0 in front of empty space (esphome/issues #6394); some samples say up to 5500 first (riteshRcH/
waterproof_small_blind_ultrasonic_sensor_DYP-A02YYxx_v1.0, issue 2). Documented for a younger ranger with the same frame:
0xFFFD for no object and 0xFFFE for another ranger's sound (DFRobot wiki, SEN0754, section 1.1). All of these are "no-echo".
"""

from milepost_protocol.quality import GOOD, QUALITY_IDS

from ..vm import Deadline
from . import Driver
from .scanner import Scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Uart

HEAD = 0xFF
FRAME_BYTES = 4
BLIND_MM = 30  # up to here the part hears its own ringing (specification: range 3-450 cm)
RANGE_MM_MAX = 4500
FRAMES = 5  # median of five: two stray echoes in a sample do no harm
SAMPLE_MS = 900  # processed values may come as slowly as every 300 ms: still three
NOTHING = 0x10000  # sorts behind every distance: no echo

_MISSING, _CHECKSUM = QUALITY_IDS["missing"], QUALITY_IDS["checksum"]
_NO_ECHO, _TOO_NEAR = QUALITY_IDS["no-echo"], QUALITY_IDS["too-near"]


def is_good(frame: bytes) -> bool:
    """Whether the check sum of a 4-byte frame is right."""
    return (frame[0] + frame[1] + frame[2]) & 255 == frame[3]


def distance_mm(frame: bytes) -> int:
    """What a frame says: a distance in mm, or NOTHING."""
    distance = frame[1] << 8 | frame[2]
    return distance if 0 < distance <= RANGE_MM_MAX else NOTHING


class A02yyuw(Driver):
    """An A02YYUW whose face is `zero_mm` above the zero of the level; below zero is legal."""

    def __init__(self, uart: "Uart", options: "dict[str, Any]") -> None:
        super().__init__(1)
        self._zero_mm: int = options["zero_mm"]
        self._scanner = Scanner(uart, HEAD, FRAME_BYTES, is_good)
        self._distances: list[int] = []

    async def read(self) -> None:
        self._scanner.restart()
        self._distances.clear()
        deadline = Deadline(SAMPLE_MS)
        while len(self._distances) < FRAMES:
            frame = await self._scanner.next(deadline)
            if frame is None:
                break
            self._distances.append(distance_mm(frame))
        self._judge()

    def _judge(self) -> None:
        if not self._distances:
            self.spoil(_CHECKSUM if self._scanner.heard else _MISSING)
            return
        self._distances.sort()
        distance = self._distances[len(self._distances) // 2]
        if distance == NOTHING:
            self.spoil(_NO_ECHO)
        elif distance <= BLIND_MM:
            self.spoil(_TOO_NEAR)
        else:
            self.values[0] = self._zero_mm - distance
            self.quality[0] = GOOD
