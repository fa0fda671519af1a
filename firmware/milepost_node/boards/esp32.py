"""An ESP32 as a node. NOT SHOWN ON HARDWARE: no board has run this file yet; it says where each thing belongs.

Thin on purpose: pins come from the configuration's `pins`, everything that thinks is elsewhere. What the sources say and
what this file follows: the UART drops overruns without a word, so its receive buffer is large; `write` blocks once the send
buffer is full, so pieces stay below it; the watchdog cannot be stopped once it runs.
"""

import asyncio
import os

import machine  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports] # the chip's own module

from .. import vm
from ..board import Board, I2c, Link, Uart
from ..store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RX_BYTES = 1024  # four of the longest frames: what arrives while the garbage collector runs
TX_BYTES = 512
PIECE_BYTES = 256  # never more at once than the send buffer takes without blocking
WATCHDOG_MS = 30000


def _open_uart(pins: "dict[str, Any]", name: str, baud: int) -> "Any":  # noqa: ANN401 - machine.UART
    number = int(name[4:])  # "uart2" is UART 2
    tx, rx = pins[name]
    return machine.UART(number, baud, tx=tx, rx=rx, rxbuf=RX_BYTES, txbuf=TX_BYTES)


class ChipUart(Uart):
    """A `machine.UART` to a sensor."""

    def __init__(self, uart: "Any") -> None:  # noqa: ANN401 - machine.UART
        self._uart = uart
        self._stream: Any = asyncio.StreamReader(uart)

    async def read(self, limit: int, wait_ms: int) -> bytes:
        try:
            data: bytes = await vm.wait_for_ms(self._stream.read(limit), wait_ms)
        except vm.Timeout:
            return b""
        return data

    async def write(self, data: bytes) -> None:
        self._uart.write(data)
        await vm.sleep_ms(0)

    def discard(self) -> None:
        while self._uart.any():
            self._uart.read(self._uart.any())


class ChipI2c(I2c):
    """A `machine.I2C`."""

    def __init__(self, i2c: "Any") -> None:  # noqa: ANN401 - machine.I2C
        self._i2c = i2c

    def read_into(self, address: int, register: int, buffer: bytearray) -> None:
        self._i2c.readfrom_mem_into(address, register, buffer)

    def write(self, address: int, register: int, data: bytes) -> None:
        self._i2c.writeto_mem(address, register, data)


class ChipLink(Link):
    """The gateway on a `machine.UART`."""

    def __init__(self, uart: "Any") -> None:  # noqa: ANN401 - machine.UART
        self._uart = uart
        self._stream: Any = asyncio.StreamReader(uart)

    async def read(self) -> bytes:
        data: bytes = await self._stream.read(PIECE_BYTES)
        return data

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), PIECE_BYTES):
            self._uart.write(data[at : at + PIECE_BYTES])
            while not self._uart.txdone():
                await vm.sleep_ms(1)

    def close(self) -> None:
        self._uart.deinit()


class Esp32Board(Board):
    """The chip: its id is the node's, its flash holds the store."""

    def __init__(self, config: "dict[str, Any]", folder: str) -> None:
        self.unique_id = machine.unique_id()
        self.store = Store(folder + "/store")
        self._pins = config["pins"]
        self._link = config["link"]
        self._watchdog = machine.WDT(timeout=WATCHDOG_MS)

    def entropy(self, count: int) -> bytes:
        return os.urandom(count)

    def uart(self, name: str, baud: int) -> Uart:
        return ChipUart(_open_uart(self._pins, name, baud))

    def i2c(self, name: str) -> I2c:
        scl, sda = self._pins[name]
        return ChipI2c(machine.I2C(int(name[3:]), scl=scl, sda=sda, freq=400000))

    def open_link(self) -> Link:
        return ChipLink(_open_uart(self._pins, self._link["port"], self._link["baud"]))

    def feed_watchdog(self) -> None:
        self._watchdog.feed()


def open_board(config: "dict[str, Any]", identity: "dict[str, Any]", folder: str) -> Board:
    """The board of this chip for the node directory `folder`."""
    return Esp32Board(config, folder)
