"""What one frame costs a node: heap on real MicroPython, and instructions on the emulated RV32 board.

The same script runs on the unix port (64-bit) and on the board (32-bit, as an ESP32-C3), on the same 30 real rows. The board
counts instructions, one nanosecond of its time each, so its microseconds are thousands of instructions and come out the same
on every host. Nothing promises a limit; the ratchet keeps them. Where a tool is missing the rows say so, and in CI that fails.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import milepost_protocol

from .. import emulator, micropython
from ..processes import MissingTool, run
from .figures import TOLERANCE_INSTRUCTIONS, Figure, kept, missing
from .wire_cpu import ROWS, subject

SCRIPT = Path(__file__).with_name("vm_frame.py")
PROTOCOL = Path(milepost_protocol.__file__).parent
ROOT = Path(__file__).resolve().parents[3]
PARTS = {"pack": "pack the rows", "seal": "seal and frame", "open": "deframe and open"}
UNIX, BOARD = "MicroPython, 64-bit", "MicroPython, RV32"
RUN_S_MAX = 60.0

Costs = dict[str, tuple[int, int]]  # part: bytes, microseconds


def script() -> str:
    """The script with its rows."""
    return f"GIVEN = {[record.values for record in subject().made]}\n{SCRIPT.read_text()}"


def read(output: str) -> Costs:
    """What the script said; ValueError if it did not get to its end."""
    rows = [line.split() for line in output.splitlines()]
    costs = {row[0]: (int(row[1]), int(row[2])) for row in rows if len(row) == 3 and row[0] in PARTS}
    if len(costs) != len(PARTS):
        raise ValueError(f"the script ended early: {output.strip()}")
    return costs


def on_unix(root: Path = ROOT) -> Costs:
    """Run it on the unix port; MissingTool if there is none."""
    command = micropython.find(root)
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as folder:
        path = Path(folder) / "frame.py"
        path.write_text(script())
        search = {"MICROPYPATH": f".frozen:{PROTOCOL.parent}"}
        return read(run([*command, path], env=search, timeout_s=RUN_S_MAX).stdout)


def on_board() -> Costs:
    """Run it on the emulated board; MissingTool if that cannot be had."""
    return read(emulator.run_script(emulator.package(PROTOCOL), script(), icount=0, timeout_s=RUN_S_MAX))


def figures() -> list[Figure]:
    """Heap for each part of a frame's way on both, then the board's instructions."""
    unix, why_no_unix = _try(on_unix)
    board, why_no_board = _try(on_board)
    rows = [_heap(UNIX, part, unix, why_no_unix) for part in PARTS]
    rows += [_heap(BOARD, part, board, why_no_board) for part in PARTS]
    return rows + [_instructions(part, board, why_no_board) for part in PARTS]


def _try(work: Callable[[], Costs]) -> tuple[Costs | None, str]:
    try:
        return work(), ""
    except MissingTool as error:
        return None, str(error)


def _heap(where: str, part: str, costs: Costs | None, why: str) -> Figure:
    name = f"{where}: heap to {PARTS[part]}, a frame of {ROWS} rows"
    return kept(name, costs[part][0], "B", TOLERANCE_INSTRUCTIONS) if costs else missing(name, "B", why)


def _instructions(part: str, costs: Costs | None, why: str) -> Figure:
    name = f"{BOARD}: thousand instructions to {PARTS[part]}, a frame of {ROWS} rows"
    return kept(name, costs[part][1], "k", TOLERANCE_INSTRUCTIONS) if costs else missing(name, "k", why)
