"""Running other programs: one place, so that a failure ends as one error with the program's last words."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import EmulatorError

LAST_LINES_MAX = 20  # of a failed program's output: a compiler's first error is usually among them


def run(argv: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return stdout and stderr as one text; EmulatorError if its status is not 0."""
    words = [str(word) for word in argv]
    done = subprocess.run(  # noqa: S603  (the words are ours, and no shell reads them)
        words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-LAST_LINES_MAX:])
        raise EmulatorError(f"`{' '.join(words[:4])} …` ended with status {done.returncode}:\n{tail}")
    return done.stdout
