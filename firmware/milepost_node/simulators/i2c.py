"""An I2C bus in memory: parts by address, each with `read_registers(register, count)` and `write_registers(register, data)`."""

from errno import ENODEV

from ..board import I2c

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class RegisterPart(Protocol):
        """What hangs on a RegisterBus."""

        def read_registers(self, register: int, count: int) -> bytes: ...

        def write_registers(self, register: int, data: bytes) -> None: ...


class RegisterBus(I2c):
    """A bus with `parts` on it. An address where none answers raises OSError(ENODEV), as `machine.I2C` does."""

    def __init__(self, parts: "dict[int, RegisterPart]") -> None:
        self.parts = parts

    def read_into(self, address: int, register: int, buffer: bytearray) -> None:
        buffer[:] = self._part(address).read_registers(register, len(buffer))

    def write(self, address: int, register: int, data: bytes) -> None:
        self._part(address).write_registers(register, data)

    def _part(self, address: int) -> "RegisterPart":
        if address not in self.parts:
            raise OSError(ENODEV)
        return self.parts[address]
