"""An SDS011 as the driver hears it: active at power-on, then one frame for each query, byte for byte.

In query mode every query moves the scene on by one row, answered or not, so row n of the node is row n of the trace, rounded
to the part's 0.1 ug/m3 half away from zero. A row with a blank is one that the part keeps quiet about.
"""

from ..drivers.sds011 import DATA, HEAD, PM10_MAX, PM25_MAX, REPLY, TAIL
from ..vm import sleep_ms
from .faults import PAUSE_MS, Faults
from .scene import open_csv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .uart import PartEnd

COMMAND_BYTES = 19
ACTIVE_MS = 1000  # a frame a second until it is told to wait for queries
PART_ID = b"\xa1\x60"  # the id in published examples


def data_frame(pm25: int, pm10: int) -> bytes:
    """A measurement in 0.1 ug/m3."""
    return _frame(DATA, pm25.to_bytes(2, "little") + pm10.to_bytes(2, "little") + PART_ID)


def _frame(kind: int, body: bytes) -> bytes:
    return bytes([HEAD, kind]) + body + bytes([sum(body) & 255, TAIL])


class SimulatedSds011:
    """Shows `scene` (columns PM2.5 and PM10), with `faults`."""

    bus = "uart"

    def __init__(self, plan: "dict[str, Any]", options: "dict[str, Any]") -> None:
        self._scene = open_csv(plan["scene"], (1, 1))
        self._faults = Faults(plan["faults"])
        self._in_query_mode = False
        self._held = b""

    async def run(self, end: "PartEnd") -> None:
        """Serve one UART for ever."""
        while True:
            piece = await end.read(64, ACTIVE_MS)
            if not piece and not self._in_query_mode:
                end.write(data_frame(0, 0))  # nothing measured yet
            self._held += piece
            for command in self._commands():
                await self._obey(end, command)

    def _commands(self) -> "list[bytes]":
        """Whole commands out of what was received."""
        found = []
        while len(self._held) >= COMMAND_BYTES:
            command = self._held[:COMMAND_BYTES]
            if command[0] == HEAD and command[18] == TAIL and sum(command[2:17]) & 255 == command[17]:
                found.append(command)
                self._held = self._held[COMMAND_BYTES:]
            else:
                self._held = self._held[1:]
        return found

    async def _obey(self, end: "PartEnd", command: bytes) -> None:
        if command[2] == 4:
            await self._answer(end)
        elif command[2] == 2:
            if command[3] == 1:
                self._in_query_mode = command[4] == 1
            end.write(_frame(REPLY, bytes([2, command[3], 1 if self._in_query_mode else 0, 0]) + PART_ID))

    async def _answer(self, end: "PartEnd") -> None:
        pm25, pm10 = self._scene.next()
        if pm25 is None or pm10 is None:
            return
        frame = data_frame(max(0, min(pm25, PM25_MAX)), max(0, min(pm10, PM10_MAX)))
        for piece in self._faults.apply(frame):
            end.write(piece)
            await sleep_ms(PAUSE_MS)
