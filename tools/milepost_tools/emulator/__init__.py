"""MicroPython on an emulated RV32 microcontroller: built once, started in a fraction of a second.

`build` gives the firmware, `start` a board with a pty that real tools talk to, `run_script` runs a script with the
project's files on a fresh board and returns what it printed. README.md in this folder says why it is built this way.
"""

from .errors import BoardFailed, EmulatorError
from .firmware import build, mpy_cross
from .qemu import Board, start
from .romfs import Files, package
from .script import run_script

__all__ = [
    "Board",
    "BoardFailed",
    "EmulatorError",
    "Files",
    "build",
    "mpy_cross",
    "package",
    "run_script",
    "start",
]
