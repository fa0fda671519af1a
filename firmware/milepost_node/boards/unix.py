"""The unix port of MicroPython as a node: the link is a real terminal device, the sensors are simulators in this process.

The link's port is opened through libc (`ffi`), because MicroPython's `open` knows neither O_NONBLOCK nor locks: without the
first a gateway that stops reading would stop our sampling as soon as the terminal's buffer is full, without the second two
programs could share a port without noticing. Where the port lacks `ffi` a plain `open` takes its place and both are given up.
"""

import asyncio
import os

from .. import simulators
from ..board import Board, I2c, Link, PortBusy, PortMissing, Uart
from ..simulators.i2c import RegisterBus
from ..simulators.uart import PartEnd, uart_pair
from ..store import Store

try:
    import ffi  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports] # MicroPython's, unix port only
except ImportError:
    ffi = None
try:
    import termios
except ImportError:
    termios = None  # type: ignore[assignment]  # a system without terminals has no such module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

OPEN_FLAGS = 0o4402  # O_RDWR | O_NOCTTY | O_NONBLOCK, the same on every Linux but alpha, mips and sparc
LOCK_EXCLUSIVE = 6  # LOCK_EX | LOCK_NB: what pyserial's `exclusive` takes too
READ_BYTES_MAX = 512  # two of the longest frames
MISSING = (2, 6, 19)  # ENOENT, ENXIO, ENODEV
BUSY = 16  # EBUSY


class TerminalLink(Link):
    """A terminal device in raw mode."""

    def __init__(self, port: str, baud: int) -> None:
        self._file = open_port(port)
        make_raw(self._file, baud)
        self._reader: Any = asyncio.StreamReader(self._file)  # in MicroPython a stream reads and writes

    async def read(self) -> bytes:
        data: bytes = await self._reader.read(READ_BYTES_MAX)
        return data

    async def write(self, data: bytes) -> None:
        self._reader.write(data)
        await self._reader.drain()

    def close(self) -> None:
        self._file.close()


def open_port(port: str) -> "Any":  # noqa: ANN401 - a file object of MicroPython's
    """Open a terminal device for both directions; PortMissing and PortBusy are told apart from other OSErrors."""
    try:
        os.stat(port)
        return open(port, "r+b", 0) if ffi is None else _open_locked(port)
    except OSError as error:
        if error.errno in MISSING:
            raise PortMissing(error.errno, port) from None
        if error.errno == BUSY:
            raise PortBusy(error.errno, port) from None
        raise


def _open_locked(port: str) -> "Any":  # noqa: ANN401 - a file object of MicroPython's
    libc: Any = ffi.open(None)  # pyright: ignore[reportOptionalMemberAccess] # called only where there is one
    handle = libc.func("i", "open", "si")(port, OPEN_FLAGS)
    if handle < 0:
        raise OSError(os.errno(), port)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue] # MicroPython's
    if libc.func("i", "flock", "ii")(handle, LOCK_EXCLUSIVE) < 0:
        libc.func("i", "close", "i")(handle)
        raise PortBusy(BUSY, port)
    return open(handle, "r+b")


def make_raw(file: "Any", baud: int) -> None:  # noqa: ANN401 - a file object of MicroPython's
    """Let every byte through as it is, at `baud` where the device has a speed that this port can name."""
    if termios is None:
        return
    try:
        termios.setraw(file.fileno())  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue] # MicroPython's
    except OSError:
        return  # a pipe or a socket: raw already
    speed = getattr(termios, "B" + str(baud), None)
    if speed is not None:
        settings = termios.tcgetattr(file.fileno())
        settings[4] = settings[5] = speed
        termios.tcsetattr(file.fileno(), termios.TCSANOW, settings)


class UnixBoard(Board):
    """`simulate` of the configuration hangs a simulated part on each bus that it names."""

    def __init__(self, config: "dict[str, Any]", folder: str) -> None:
        self.store = Store(folder + "/store")
        self._link = config["link"]
        self._uarts: dict[str, Uart] = {}
        self._buses: dict[str, I2c] = {}
        self._work: list[tuple[str, Coroutine[Any, Any, None]]] = []
        for bus in config["simulate"]:
            self._hang(bus, config["simulate"][bus], _options(config, bus))

    def _hang(self, bus: str, plan: "dict[str, Any]", options: "dict[str, Any]") -> None:
        part = simulators.open_part(plan, options)
        if part.bus == "uart":
            ours, theirs = uart_pair()
            self._uarts[bus] = ours
            self._work.append(("simulated " + bus, self._run(part, theirs)))
        else:
            self._buses[bus] = RegisterBus({part.address: part})

    async def _run(self, part: "Any", end: PartEnd) -> None:  # noqa: ANN401 - any simulated part on a UART
        await part.run(end)

    def entropy(self, count: int) -> bytes:
        return os.urandom(count)

    def uart(self, name: str, baud: int) -> Uart:
        return self._uarts[name]

    def i2c(self, name: str) -> I2c:
        return self._buses[name]

    def open_link(self) -> Link:
        return TerminalLink(self._link["port"], self._link["baud"])

    def work(self) -> "list[tuple[str, Coroutine[Any, Any, None]]]":
        return self._work


def _options(config: "dict[str, Any]", bus: str) -> "dict[str, Any]":
    """The schedule that reads this bus: what its sensor is mounted over is what the simulator must show."""
    for schedule in config["schedules"]:
        if schedule["sensor"]["bus"] == bus:
            return dict(schedule)
    return {}


def open_board(config: "dict[str, Any]", identity: "dict[str, Any]", folder: str) -> Board:
    """The unix board for the node directory `folder`."""
    return UnixBoard(config, folder)
