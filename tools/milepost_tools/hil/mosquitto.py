"""A real mosquitto on a free loopback port, as tests start, stop and start it again on the same port and the same store.

Persistence is on and nothing queued is dropped, so that what the broker acknowledged outlives a stop.
"""

import asyncio
import getpass
import signal
import socket
from pathlib import Path

from ..demo.child import Child, start
from ..errors import Fault
from ..processes import which

START_S_MAX = 10.0
LOOK_S = 0.02

CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous {anonymous}
persistence true
persistence_location {directory}/
max_queued_messages 0
user {user}
log_dest stderr
log_type error
log_type warning
"""


class Mosquitto:
    """One broker; `url` is where it listens while it runs."""

    def __init__(self, directory: Path, anonymous: bool = True) -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._directory = directory / "broker"
        self._anonymous = anonymous
        self._child: Child | None = None

    async def start(self) -> None:
        """Start it and wait until it listens; Fault E-BROKER-01 if it does not."""
        program = which("mosquitto")
        if program is None:
            raise Fault("E-TOOL-01", "mosquitto is missing: sudo apt-get install mosquitto")
        self._directory.mkdir(exist_ok=True)
        config = self._directory / "mosquitto.conf"
        words = {"port": self.port, "directory": self._directory, "user": getpass.getuser()}
        config.write_text(CONFIG.format(anonymous=str(self._anonymous).lower(), **words))
        self._child = await start("mosquitto", [program, "-c", config], self._directory / "mosquitto.log")
        await self._listens(self._child)

    async def _listens(self, child: Child) -> None:
        deadline = asyncio.get_running_loop().time() + START_S_MAX
        while child.status is None and asyncio.get_running_loop().time() < deadline:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(LOOK_S)
            else:
                writer.close()
                return
        raise Fault("E-BROKER-01", f"mosquitto does not listen on {self.port}: {child.last_words()}")

    async def stop(self) -> None:
        """Stop it as a service manager would: it writes its store first."""
        if self._child:
            await self._child.stop(signal.SIGTERM)


def free_port() -> int:
    """A loopback port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
