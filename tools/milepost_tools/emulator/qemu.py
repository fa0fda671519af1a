"""Starting the emulated board: QEMU's command line, what the host hands over in memory, and a board on a pty.

The hand-over is one page (magic, image size, seed, unique id) followed by the ROMFS image, loaded at a fixed address;
board/milepost_board.h holds the other end of the same layout.
"""

import os
import re
import select
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from . import flash as bank
from .errors import EmulatorError
from .firmware import build
from .romfs import Files, image

HANDOVER_ADDRESS = 0x83FF_F000  # milepost_board.h: HANDOVER; the image follows one page later
PAGE_SIZE = 4096
MAGIC = 0x504C_494D
IMAGE_SIZE_MAX = 32 << 20  # half of the memory above it
UNIQUE_ID = bytes.fromhex("a4cf12e00001")  # an Espressif prefix, as a real board's
# util-linux, on every Debian: QEMU ends with the thread that started it, even if that was killed.
TIED = ["setpriv", "--pdeathsig", "KILL", "--"]
START_S_MAX = 10.0  # QEMU names its pty within 0.1 s; a machine under load may take a while
STOP_S_MAX = 5.0


@dataclass(frozen=True)
class Settings:
    """How a board is to be started.

    icount: None, or N: each instruction takes 2**N ns of virtual time, and runs repeat exactly.
    sleep_off: idle time passes at once instead of at the host's pace (needs icount).
    seed: of the board's os.urandom. unique_id: 6 bytes, the board's machine.unique_id().
    flash: the file that is the board's flash, made if it is not there; None: a board without.
    """

    files: Files = field(default_factory=dict)
    icount: int | None = None
    sleep_off: bool = False
    seed: int = 0
    unique_id: bytes = UNIQUE_ID
    flash: Path | None = None


def handover(settings: Settings) -> bytes:
    """The page the board reads at its start, and the image with the files behind it."""
    content = image(settings.files) if settings.files else b""
    if len(content) > IMAGE_SIZE_MAX:
        raise EmulatorError(f"the files make {len(content)} bytes, and the board takes {IMAGE_SIZE_MAX}")
    flash_size = bank.FLASH_SIZE if settings.flash else 0
    page = struct.pack("<IIQ6s2xI", MAGIC, len(content), settings.seed, settings.unique_id, flash_size)
    return page.ljust(PAGE_SIZE, b"\0") + content


def command(settings: Settings, folder: Path, serial: str) -> list[str]:
    """QEMU's words for a board; writes the hand-over into `folder`, which must outlive QEMU."""
    if settings.sleep_off and settings.icount is None:
        raise EmulatorError("virtual time that skips sleep needs instruction counting: give icount too")
    handed = folder / "handover.bin"
    handed.write_bytes(handover(settings))
    words = [*TIED, "qemu-system-riscv32", "-machine", "virt", "-bios", "none", "-nodefaults", "-display", "none"]
    words += ["-kernel", str(build()), "-serial", serial]
    words += ["-device", f"loader,file={handed},addr={HANDOVER_ADDRESS:#x},force-raw=on"]
    if settings.flash is not None:
        bank.need_flash(settings.flash)
        words += bank.words(settings.flash)
    if settings.icount is not None:
        words += ["-icount", f"shift={settings.icount},sleep={'off' if settings.sleep_off else 'on'}"]
    return words


class Board:
    """A running board. `pty` is the path of its serial port; leaving the `with` block stops it.

    It also ends with the thread that made it: make it in one that lives as long as the board is wanted.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="milepost-emulator-")
        words = command(settings, Path(self._folder.name), "pty")
        self.process = subprocess.Popen(  # noqa: S603  (the words are ours, and no shell reads them)
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            self.pty = self._read_pty()
        except EmulatorError:
            self.stop()
            raise

    def _read_pty(self) -> str:
        assert self.process.stdout is not None  # noqa: S101  (PIPE was asked for; this is for the type checker)
        said = b""
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                said += os.read(self.process.stdout.fileno(), 4096)
            if found := re.search(rb"redirected to (/dev/\S+) ", said):
                return found[1].decode()
            if self.process.poll() is not None:
                break
        raise EmulatorError(f"QEMU named no pty: {said.decode(errors='replace').strip()}")

    def stop(self) -> None:
        """End the emulator; harmless if it has ended."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(
    files: Files | None = None,
    *,
    icount: int | None = None,
    sleep_off: bool = False,
    seed: int = 0,
    unique_id: bytes = UNIQUE_ID,
    flash: Path | None = None,
) -> Board:
    """Start a board with `files` at /rom (a boot.py and a main.py among them run as on an ESP32). See `Settings`."""
    return Board(Settings(files or {}, icount, sleep_off, seed, unique_id, flash))
