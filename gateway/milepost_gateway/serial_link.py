"""A serial port as the loop reads and writes it: opened exclusively, never waited for, opened again after an unplug.

Reading is the loop's reader on the file descriptor; writing goes at once as far as the kernel takes it, the rest
waits in a bounded queue, and what does not fit is dropped and counted, because the protocol sends it again. The only
importer of pyserial.
"""

import asyncio
import errno
import os
from collections.abc import Callable

import serial

from .errors import MilepostError
from .story import tell

READ_BYTES_MAX = 4096  # taken at a time: what a USB adapter holds
WRITE_BYTES_MAX = 65536  # that wait for a slow port: 5 s at 115200 baud
RETRY_S_MIN, RETRY_S_MAX = 0.2, 10.0  # between two tries to open a port that is gone: doubled each time
BUSY_ERRORS = (errno.EBUSY, errno.EAGAIN)
GONE_ERRORS = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR)


class SerialLink:
    """The port `path` at `baud`; `key` names it in errors. `taken` is called with the bytes that came."""

    def __init__(self, name: str, path: str, baud: int, key: str, taken: Callable[[bytes], None]) -> None:
        self.name = name
        self.path = path
        self.baud = baud
        self.counters = {"rx_bytes": 0, "tx_bytes": 0, "tx_dropped": 0, "opened": 0}
        self._key = key
        self._taken = taken
        self._port: serial.Serial | None = None
        self._waiting = bytearray()
        self._lost = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether the port is open now."""
        return self._port is not None

    def open(self) -> None:
        """Open the port; E-PORT-01 if it is not there, E-PORT-02 if somebody has it, E-PORT-03 otherwise."""
        try:
            self._port = serial.Serial(self.path, self.baud, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, ValueError) as error:
            raise self._fault(error) from None
        self._lost.clear()
        self._waiting.clear()
        self.counters["opened"] += 1
        asyncio.get_running_loop().add_reader(self._port.fileno(), self._readable)
        tell("link-opened", link=self.name, port=self.path, baud=self.baud)

    def _fault(self, error: OSError | ValueError) -> MilepostError:
        code = getattr(error, "errno", None)
        if code in GONE_ERRORS:
            return self._fault_of("E-PORT-01", "does not exist: plug the adapter in")
        if code in BUSY_ERRORS or "exclusively lock" in str(error):
            return self._fault_of("E-PORT-02", "is in use: end the program that has it")
        why = os.strerror(code) if code else str(error)
        return self._fault_of("E-PORT-03", f"cannot be opened: {why}: see who may use it")

    def _fault_of(self, code: str, text: str) -> MilepostError:
        return MilepostError(code, f"{self.path} {text}, or correct {self._key}")

    def close(self) -> None:
        """Let go of the port."""
        port, self._port = self._port, None
        if port:
            loop = asyncio.get_running_loop()
            loop.remove_reader(port.fileno())
            loop.remove_writer(port.fileno())
            port.close()

    def write(self, data: bytes) -> None:
        """Send bytes, or queue them, or drop them if too many wait already."""
        if self._port is None or len(self._waiting) + len(data) > WRITE_BYTES_MAX:
            self.counters["tx_dropped"] += len(data)
            return
        was_idle = not self._waiting
        self._waiting += data
        if was_idle:
            self._writable()

    async def run(self) -> None:
        """Keep the port open for ever, with growing pauses while it is not there."""
        pause_s = RETRY_S_MIN
        while True:
            if self._port:
                await self._lost.wait()
                pause_s = RETRY_S_MIN
            await asyncio.sleep(pause_s)
            try:
                self.open()
            except MilepostError as error:
                if pause_s == RETRY_S_MIN:
                    tell("link-away", link=self.name, why=str(error))
                pause_s = min(pause_s * 2, RETRY_S_MAX)

    # -- what the loop calls -----------------------------------------------------------------------------------

    def _readable(self) -> None:
        if self._port is None:
            return
        try:
            data = os.read(self._port.fileno(), READ_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(os.strerror(error.errno or errno.EIO))
            return
        if not data:
            self._lose("end of file")
            return
        self.counters["rx_bytes"] += len(data)
        self._taken(data)

    def _writable(self) -> None:
        if self._port is None:
            return
        fd = self._port.fileno()
        try:
            sent = os.write(fd, self._waiting)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lose(os.strerror(error.errno or errno.EIO))
            return
        self.counters["tx_bytes"] += sent
        del self._waiting[:sent]
        loop = asyncio.get_running_loop()
        if self._waiting:
            loop.add_writer(fd, self._writable)
        else:
            loop.remove_writer(fd)

    def _lose(self, why: str) -> None:
        """The port is gone: unplugged, or the other end of a pseudo-terminal closed."""
        tell("link-lost", link=self.name, port=self.path, why=why)
        self.close()
        self._lost.set()
