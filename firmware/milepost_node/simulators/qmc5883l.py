"""A QMC5883L in a parking bay, register by register.

Each sample that the driver takes moves the scene on by one: what it saw is a matter of the seed alone.
"""

from ..drivers.qmc5883l import ADDRESS, CONTROL, DATA, OVERFLOW, PERIOD, READY, STATUS
from ..parking import tenths
from ..refusal import USAGE, Refusal
from .scene import Arrivals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RAW_MAX = 32767
CHIP_ID = 0x0D  # register; reads FF


class SimulatedQmc5883l:
    """Shows `scene` (`arrivals`) on top of the bay's baseline."""

    bus = "i2c"
    address = ADDRESS

    def __init__(self, plan: "dict[str, Any]", options: "dict[str, Any]") -> None:
        arrivals = plan["scene"].get("arrivals")
        if arrivals is None:
            raise Refusal(USAGE, "E-SCENE-04 `scene` of a qmc5883l must be `arrivals`")
        baseline = tenths(options["bay"]["baseline_ut"]) if options.get("bay") else (0, 0, 0)
        period_s = options.get("period_s", 1)
        self.scene = Arrivals(arrivals["seed"], arrivals["mean_s"], period_s, baseline)
        self._registers = bytearray(16)
        self._registers[CHIP_ID] = 0xFF
        self._is_fresh = False

    def write_registers(self, register: int, data: bytes) -> None:
        """The node sets control registers; the others are read-only."""
        for i in range(len(data)):
            if CONTROL <= register + i <= PERIOD:
                self._registers[register + i] = data[i]

    def read_registers(self, register: int, count: int) -> bytes:
        """The node reads; data registers once read, the next sample is due."""
        if register <= STATUS and not self._is_fresh and self._registers[CONTROL] & 3 == 1:
            self._measure()
        found = bytes(self._registers[register : register + count])
        if register < STATUS:
            self._is_fresh = False
            self._registers[STATUS] = 0
        return found

    def _measure(self) -> None:
        lsb = 3 if self._registers[CONTROL] & 0x10 else 12
        status = READY
        axis = DATA
        for field in self.scene.next():
            raw = max(-RAW_MAX - 1, min(RAW_MAX, field * lsb))
            status |= OVERFLOW if raw != field * lsb else 0
            self._registers[axis : axis + 2] = (raw & 0xFFFF).to_bytes(2, "little")
            axis += 2
        self._registers[STATUS] = status
        self._is_fresh = True
