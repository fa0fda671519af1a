"""`tools/emulator build|run`: the arguments, and exit statuses: 0 well · 1 failed · 2 usage · 6 a tool is missing,
or the script's own (1 if it raised).

stdout is the answer (the firmware's path, the pty, a script's output), stderr the story. Only the standard library, so
that it works before anything is installed.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from ..processes import MissingTool, say
from .errors import BoardFailed, EmulatorError
from .firmware import build
from .qemu import start
from .romfs import package
from .script import run_script

EXIT_USAGE = 2
EXIT_TOOL_MISSING = 6
SCRIPT_S_MAX = 86400.0  # a day: long soaks are started by hand


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names and return its exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return _build() if arguments.command == "build" else _run(arguments)
    except MissingTool as error:
        say(f"emulator: {error}")
        return EXIT_TOOL_MISSING
    except BoardFailed as error:
        print(error.output, end="")  # noqa: T201  (the answer, such as it is)
        say(f"emulator: {error.reason}")
        return error.status
    except EmulatorError as error:
        say(f"emulator: {error}")
        return 1
    except OSError as error:
        say(f"emulator: {error.filename}: {error.strerror}")
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/emulator", description="MicroPython on an emulated RV32 board.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the firmware (once for each set of inputs) and print its path")
    run = commands.add_parser("run", help="start a board and print its pty, or run a script to its end")
    run.add_argument("--icount", type=int, metavar="N", help="count instructions: each takes 2**N ns of virtual time")
    run.add_argument("--sleep-off", action="store_true", help="let idle time pass at once (needs --icount)")
    run.add_argument("--script", type=Path, metavar="FILE", help="run FILE on the board and end with its status")
    run.add_argument("--pty", action="store_true", help="with --script: run it as main.py of a board on a pty")
    run.add_argument("--files", type=Path, action="append", default=[], metavar="PATH", help="hand over at /rom")
    run.add_argument("--flash", type=Path, metavar="FILE", help="the board's flash, made if it is not there")
    return parser


def _build() -> int:
    print(build(install=True))  # noqa: T201  (the answer)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    build(install=True)
    files: dict[str, Path | bytes] = {}
    for path in arguments.files:
        files.update(package(path) if path.is_dir() else {path.name: path})
    if arguments.script is None or arguments.pty:
        return _run_on_pty(arguments, files)
    script = arguments.script.read_text()
    print(run_script(files, script, timeout_s=SCRIPT_S_MAX, **_settings(arguments)), end="")  # noqa: T201  (the answer)
    return 0


class _Given(TypedDict):
    icount: int | None
    sleep_off: bool
    flash: Path | None


def _settings(arguments: argparse.Namespace) -> _Given:
    return {"icount": arguments.icount, "sleep_off": arguments.sleep_off, "flash": arguments.flash}


def _run_on_pty(arguments: argparse.Namespace, files: dict[str, Path | bytes]) -> int:
    if arguments.script is not None:
        files["main.py"] = arguments.script
    with start(files, **_settings(arguments)) as board:
        print(board.pty, flush=True)  # noqa: T201  (the answer)
        say("emulator: running until Ctrl-C")
        board.process.wait()
    return board.process.returncode
