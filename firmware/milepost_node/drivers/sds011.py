"""SDS011, a laser dust sensor by Nova Fitness: PM2.5 and PM10 in 0.1 ug/m3, asked for one sample at a time.

Sources: "Laser Dust Sensor Control Protocol V1.3" (Nova Fitness, 2015-07-20), p. 3 for frames and check sum, p. 3-4 for the
reporting mode, p. 4-6 for the query; "SDS011 specification" for the range. The maker recommends to leave 3 s between two
queries and says that readings are stable 30 s after the fan starts; both are the schedule's business.
"""

from milepost_protocol.quality import GOOD, QUALITY_IDS

from ..vm import Deadline
from . import Driver
from .scanner import Scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Uart

HEAD, TAIL = 0xAA, 0xAB
DATA, REPLY = 0xC0, 0xC5  # second byte of what the part sends
FRAME_BYTES = 10
PM25_MAX = 9999  # 999.9: the part's ceiling; traces show it stuck there in dense smoke
PM10_MAX = 19999  # 1999.9, likewise
REPLY_MS = 400  # the part answers within some tens of ms; 10 bytes take 10 ms at 9600 baud

_MISSING, _CHECKSUM = QUALITY_IDS["missing"], QUALITY_IDS["checksum"]
_WARM_UP, _SATURATED = QUALITY_IDS["warm-up"], QUALITY_IDS["saturated"]


def command(*data: int) -> bytes:
    """A 19-byte command to whatever part listens: `data` padded to 13 bytes, then the id FF FF."""
    body = bytes(data) + bytes(13 - len(data)) + b"\xff\xff"
    return bytes([HEAD, 0xB4]) + body + bytes([sum(body) & 255, TAIL])


QUERY_MODE = command(2, 1, 1)  # speak only when asked; kept over a power cycle
QUERY = command(4)


def is_good(frame: bytes) -> bool:
    """Whether tail and check sum of a 10-byte frame are right."""
    return frame[9] == TAIL and frame[1] in (DATA, REPLY) and sum(frame[2:8]) & 255 == frame[8]


class Sds011(Driver):
    """An SDS011 in query mode on `uart`."""

    def __init__(self, uart: "Uart", options: "dict[str, Any]") -> None:
        super().__init__(2)
        self._uart = uart
        self._scanner = Scanner(uart, HEAD, FRAME_BYTES, is_good)
        self._is_warm = False  # it says 0.0 and 0.0 until its first measurement
        self._knows_mode = False

    async def start(self) -> None:
        self._scanner.restart()
        await self._uart.write(QUERY_MODE)
        deadline = Deadline(REPLY_MS)
        frame = await self._scanner.next(deadline)
        while frame is not None and frame[1] != REPLY:
            frame = await self._scanner.next(deadline)
        self._knows_mode = frame is not None

    async def read(self) -> None:
        if not self._knows_mode:  # it was not there at the start, or lost its power since
            await self.start()
        self._scanner.restart()
        await self._uart.write(QUERY)
        deadline = Deadline(REPLY_MS)
        frame = await self._scanner.next(deadline)
        while frame is not None and frame[1] != DATA:
            frame = await self._scanner.next(deadline)
        if frame is None:
            self._knows_mode = self._scanner.heard > 0
            self.spoil(_CHECKSUM if self._scanner.heard else _MISSING)
        else:
            self._take(frame[2] | frame[3] << 8, frame[4] | frame[5] << 8)

    def _take(self, pm25: int, pm10: int) -> None:
        self._is_warm = self._is_warm or pm25 > 0 or pm10 > 0
        if not self._is_warm:
            self.spoil(_WARM_UP)
            return
        self.values[0], self.values[1] = pm25, pm10
        self.quality[0] = _SATURATED if pm25 >= PM25_MAX else GOOD
        self.quality[1] = _SATURATED if pm10 >= PM10_MAX else GOOD
