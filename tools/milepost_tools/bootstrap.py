"""`tools/bootstrap`: from a bare python3 to a project that runs, in one command, and again in an instant.

Three steps, each skipped when its result is there: the environment, a real MicroPython, and (with `--tests`) the
programs the tests start. Errors are one line each; exit status 6 is a tool that cannot be had, 2 a wrong argument.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from . import apt, environment, micropython
from .emulator import packages
from .processes import MissingTool, say, which

EXIT_TOOL_MISSING = 6
TEST_PROGRAMS = {  # what the tests start: program, Debian package
    "mosquitto": "mosquitto",
    "spin": "spin",
}  # and the emulated board's own (emulator/packages.py)


def test_programs() -> None:
    """Install what the tests start; where that is not ours to do, say how: those tests will skip, or fail in CI."""
    missing = [package for program, package in TEST_PROGRAMS.items() if which(program) is None]
    missing += packages.missing_packages()
    if missing:
        apt.install(missing)


def bootstrap(root: Path, tests: bool, only: str | None) -> int:
    """Bring the project folder `root` to where `make demo` works, or with `tests` to where `make test` does.

    Returns the exit status. A tool only tests want is no failure here: the tests that miss it say so themselves.
    """
    steps = {
        "venv": lambda: environment.ensure(root, tests),
        "micropython": lambda: micropython.obtain(root),
        "programs": test_programs,
    }
    chosen = [only] if only else ["venv", "micropython", "programs"] if tests else ["venv", "micropython"]
    status = 0
    for name in chosen:
        try:
            steps[name]()
        except MissingTool as error:
            say(f"bootstrap: {error}")
            status = status if tests and name != "venv" else EXIT_TOOL_MISSING
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do it; the project folder is the one this file stands in."""
    parser = argparse.ArgumentParser(prog="tools/bootstrap", description="Prepare this folder to run Milepost.")
    parser.add_argument("--tests", action="store_true", help="also what the tests need")
    parser.add_argument("--only", choices=["venv", "micropython", "programs"], help="one step alone")
    options = parser.parse_args(arguments)
    try:
        return bootstrap(Path(__file__).resolve().parents[2], options.tests, options.only)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        say(f"bootstrap: {error.filename or ''}: {error.strerror}: make it readable and writable, and run this again")
        return EXIT_TOOL_MISSING
