"""Starting other programs: the one place where the tools do it, and what they say when a program is not there.

Every call is bounded by a time limit and returns what the program said; nothing is shown unless the caller shows it.
Only the standard library is used, because `tools/bootstrap` runs from here before anything is installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

RUN_S_MAX = 900.0  # a first `pip install` on a Raspberry Pi over a slow line takes minutes, not a quarter of an hour
REASON_CHARS_MAX = 160  # of another program's words inside one line of ours
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"  # where Debian keeps daemons, outside an ordinary user's PATH
IN_CI = "CI"  # environment name: with the value "true" a missing tool is a failure and `sudo -n` may be used


class MissingTool(Exception):
    """Something the machine lacks. The text is one line: what, and the one command that would mend it."""


def in_ci() -> bool:
    """True where a missing tool must fail a test instead of skipping it."""
    return os.environ.get(IN_CI, "").lower() == "true"


def say(text: str) -> None:
    """One line of the story, on stderr: stdout belongs to the answer."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def which(name: str) -> str | None:
    """The path of program `name`, daemons' folders included, or None."""
    return shutil.which(name) or shutil.which(name, path=SYSTEM_FOLDERS)


def run(
    command: Sequence[str | Path],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float = RUN_S_MAX,
) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end, stdin empty, both outputs merged into `.stdout`; a program that is not there gives 127.

    `env` is added to the environment. A program that outlives `timeout_s` is ended and gives 124.
    """
    words = [str(word) for word in command]
    try:
        return subprocess.run(  # noqa: S603 - the commands are the project's own, never a user's text
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        return subprocess.CompletedProcess(words, 127, f"{words[0]}: {error.strerror}")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, f"{words[0]}: not done after {timeout_s:.0f} s")


def last_line(text: str) -> str:
    """The last line of `text` that says something, where most programs put their reason; cut to a line's length."""
    line = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
    return line if len(line) <= REASON_CHARS_MAX else line[: REASON_CHARS_MAX - 1] + "…"


def elevation() -> list[str] | None:
    """What to write in front of a command to run it as root: nothing if we are, `sudo -n` in CI, None if we cannot."""
    if os.geteuid() == 0:
        return []
    if in_ci() and run(["sudo", "-n", "true"]).returncode == 0:
        return ["sudo", "-n"]
    return None
