"""Child processes: started with their story in a file, ended politely within a limit, never left behind.

Each child leads a process group of its own, so that Ctrl-C reaches the demo alone and the demo decides the order of
the end; the kernel sends it SIGTERM if we die first. Output goes to a log file, of which `last_words` shows the end.
"""

import asyncio
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..processes import last_line

STOP_S_MAX = 10.0  # then SIGKILL
LAST_BYTES = 4000
PR_SET_PDEATHSIG = 1  # linux/prctl.h

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A running program: `name`, `log`, `pid`, `status` (None while it runs)."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self.process = process

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self.process.returncode

    async def wait(self, limit_s: float) -> int:
        """Its exit status; TimeoutError if it runs longer than `limit_s`."""
        async with asyncio.timeout(limit_s):
            return await self.process.wait()

    async def stop(self, sign: signal.Signals = signal.SIGTERM, limit_s: float = STOP_S_MAX) -> int:
        """Ask it to end, and make it end after `limit_s`; its exit status."""
        self.send(sign)
        try:
            return await self.wait(limit_s)
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """End it at once, as a power cut would."""
        self.send(signal.SIGKILL)
        return await self.process.wait()

    def send(self, sign: signal.Signals) -> None:
        """Send a signal if it still runs."""
        if self.status is None:
            self.process.send_signal(sign)

    def last_words(self) -> str:
        """The last line of its log that says something."""
        return last_line(read_tail(self.log))


async def start(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    env: Mapping[str, str] | None = None,
    pipe: bool = False,
) -> Child:
    """Start `command`; its stderr, and its stdout unless `pipe`, are appended to `log`. `env` is added to ours."""
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if pipe else file,
            stderr=file,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    return Child(name, process, log)


def read_tail(path: Path) -> str:
    """The end of a log."""
    data = path.read_bytes() if path.exists() else b""
    return data[-LAST_BYTES:].decode("utf-8", "replace")
