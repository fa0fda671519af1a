"""The board's flash: a file of the host that QEMU shows as a bank of CFI flash, so that it survives a power cycle.

QEMU starts a machine with such a bank from the bank's first word: a stub there jumps to the firmware. The 64 kB of the
stub are not the board's; what is, is erased (0xFF) when the file is made.
"""

import struct
from pathlib import Path

BANK_SIZE = 32 << 20  # QEMU hw/riscv/virt.c: two banks share 64 MB, and the file must be as large as the bank
STUB_SIZE = 64 << 10  # milepost_board.h: FLASH
FLASH_SIZE = 4 << 20  # as on most ESP32-C3 boards
STUB = struct.pack("<II", 0x8000_02B7, 0x0002_8067)  # lui t0, 0x80000; jr t0


def need_flash(path: Path) -> None:
    """Make the file of an erased flash, unless it is there."""
    if path.exists():
        return
    with path.open("wb") as file:
        file.write(STUB.ljust(STUB_SIZE, b"\0"))
        file.write(b"\xff" * FLASH_SIZE)
        file.truncate(BANK_SIZE)  # the rest is a hole in the file


def words(path: Path) -> list[str]:
    """QEMU's words for a board with the flash of file `path`; QEMU wants a comma in a name doubled."""
    name = str(path).replace(",", ",,")
    return ["-drive", f"if=pflash,unit=0,format=raw,file={name}"]
