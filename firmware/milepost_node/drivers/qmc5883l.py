"""QMC5883L, a three-axis magnetometer by QST: the field along x, y and z in 0.1 uT.

Source: "QMC5883L 3-Axis Magnetic Sensor" datasheet 1.0 (QST), table 13 "Register Map"; the bits of STATUS and CONTROL and the
period 01H agree with ESPHome's and Tasmota's drivers. 12000 LSB/G at 2 G, 3000 LSB/G at 8 G; 1 G = 100 uT. A part marked
QMC5883P is another one, at address 2C, and does not answer here.
"""

from milepost_protocol.quality import GOOD, QUALITY_IDS

from ..vm import sleep_ms
from . import Driver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import I2c

ADDRESS = 0x0D
DATA, STATUS, CONTROL, PERIOD = 0x00, 0x06, 0x09, 0x0B
READY, OVERFLOW = 0x01, 0x02  # bits of STATUS
CONTINUOUS_50_HZ = 0x05  # mode 01, output rate 01; over-sampling 00 is 512, the quietest
RANGES = {2: (0x00, 12), 8: (0x10, 3)}  # full scale in G: (bits of CONTROL, LSB in 0.1 uT)
READY_MS_MAX = 60  # three sample times
POLL_MS = 5

_MISSING, _SATURATED = QUALITY_IDS["missing"], QUALITY_IDS["saturated"]


def scaled(raw: int, lsb: int) -> int:
    """`raw` counts in 0.1 uT at `lsb` counts for each, rounded half away from zero."""
    return (raw + lsb // 2) // lsb if raw >= 0 else -((lsb // 2 - raw) // lsb)


class Qmc5883l(Driver):
    """A QMC5883L on `i2c`; option `range_g` of the sensor is 2 (default) or 8."""

    def __init__(self, i2c: "I2c", options: "dict[str, Any]") -> None:
        super().__init__(3)
        self._i2c = i2c
        self._bits, self._lsb = RANGES[options["sensor"].get("range_g", 2)]
        self._status = bytearray(1)
        self._data = bytearray(6)
        self._is_started = False

    async def start(self) -> None:
        self._is_started = False
        self._i2c.write(ADDRESS, PERIOD, b"\x01")
        self._i2c.write(ADDRESS, CONTROL, bytes([CONTINUOUS_50_HZ | self._bits]))
        self._is_started = True

    async def read(self) -> None:
        if not self._is_started:
            await self.start()
        if not await self._is_ready():
            self._is_started = False  # it may have lost its power and its settings
            self.spoil(_MISSING)
            return
        self._i2c.read_into(ADDRESS, DATA, self._data)
        quality = _SATURATED if self._status[0] & OVERFLOW else GOOD
        for axis in range(3):
            raw = self._data[2 * axis] | self._data[2 * axis + 1] << 8
            self.values[axis] = scaled(raw - 65536 if raw & 0x8000 else raw, self._lsb)
            self.quality[axis] = quality

    async def _is_ready(self) -> bool:
        for _ in range(READY_MS_MAX // POLL_MS):
            self._i2c.read_into(ADDRESS, STATUS, self._status)
            if self._status[0] & READY:
                return True
            await sleep_ms(POLL_MS)
        return False
