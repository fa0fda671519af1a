"""Starting a program that must succeed: its failure is one error, with the program's last words."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..processes import run
from .errors import EmulatorError

LAST_LINES_MAX = 20  # of a failed program's output: a compiler's first error is usually among them


def must(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it said; EmulatorError if its status is not 0."""
    done = run(command, env=env)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-LAST_LINES_MAX:])
        raise EmulatorError(f"`{' '.join(done.args[:4])} …` ended with status {done.returncode}:\n{tail}")
    return done.stdout
