"""The gateway daemon as the demo and the tests run it: configuration, process, and the ledger as it tells it itself."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import Fault
from .child import Child, start
from .nodes import BAUD, Node, write_private

AREA, GATEWAY = "hcmc", "demo"
TOPICS = f"city/v1/{AREA}/{GATEWAY}/#"
COMMIT_S = 0.2  # of the demo: a reading is at the subscriber before anybody gets impatient
QUIET_S = 1.5  # what a node said last may wait in the line and for its commit, longer on a busy machine
LOOK_S = 0.1
STATUS_S_MAX = 20.0  # a Python start on a busy Raspberry Pi, and one look into a file
PROGRAM = [sys.executable, "-m", "milepost_gateway"]

CONFIG = """\
# The gateway of a demo. Every setting is explained in gateway/README.md.
[gateway]
id = "{gateway}"
area = "{area}"
root = "city"
data_dir = "data"
health_s = 1.0

[broker]
url = {url}
late_s = 120.0

[buffer]
commit_s = {commit_s}

[clock]
system_error_s = 0.05
probe_s = 2.0

[nodes]
keys = "keys.json"
"""
LINK = """
[[links]]
name = "{name}"
kind = "serial"
port = {port}
baud = {baud}
"""


class Gateway:
    """One gateway: `config` is its file; `child` its process while it runs."""

    def __init__(self, directory: Path, url: str) -> None:
        self.config = directory / "gateway.toml"
        self.buffer = directory / "data" / "buffer.db"
        self.child: Child | None = None
        self.commit_s = COMMIT_S
        self._url = url
        self._directory = directory

    def make(self, nodes: Iterable[Node]) -> None:
        """Write the configuration and the keys."""
        nodes = list(nodes)
        ports = {node.plan.name: node.line.gateway_port for node in nodes}
        self.config.write_text(config_text(self._url, ports, self.commit_s))
        write_private(self._directory / "keys.json", {node.plan.node: node.key for node in nodes})

    def change(self, old: str, new: str) -> None:
        """Change the configuration's text before a start; ValueError if `old` is not in it."""
        text = self.config.read_text()
        if old not in text:
            raise ValueError(f"the configuration has no {old!r}")
        self.config.write_text(text.replace(old, new, 1))

    async def start(self, *options: str) -> Child:
        """Start the daemon."""
        command = [*PROGRAM, "--config", str(self.config), "run", *options]
        self.child = await start("gateway", command, self._directory / "gateway.log")
        return self.child

    async def status(self) -> dict[str, Any]:
        """The ledger, read from the buffer's file by the gateway's own command; it need not run."""
        _, ledger = await self.status_and_exit()
        return ledger

    async def drain(self, limit_s: float, look: Callable[[dict[str, Any]], None] = lambda ledger: None) -> None:
        """Until it holds nothing more and nothing more has come for QUIET_S, or `limit_s` is over; `look` sees each ledger."""
        began = changed = time.monotonic()
        accepted = -1
        while time.monotonic() < began + limit_s:
            ledger = await self.status()
            look(ledger)
            total = ledger["gateway"]
            if total["accepted"] != accepted or total["pending"]:
                accepted, changed = total["accepted"], time.monotonic()
            elif time.monotonic() >= changed + QUIET_S:
                return
            await asyncio.sleep(LOOK_S)

    async def status_and_exit(self) -> tuple[int, dict[str, Any]]:
        """The exit status of `status --json`, and the ledger it printed."""
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *["--config", str(self.config), "status", "--json"],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(STATUS_S_MAX):
            answer, story = await process.communicate()
        try:
            ledger: dict[str, Any] = json.loads(answer)
        except ValueError:
            raise Fault("E-LAW-01", f"the gateway's ledger cannot be read: {story.decode().strip()}") from None
        return process.returncode or 0, ledger


def config_text(url: str, ports: Mapping[str, Path], commit_s: float) -> str:
    """The configuration file: JSON's quoted text is TOML's too."""
    text = CONFIG.format(gateway=GATEWAY, area=AREA, url=json.dumps(url), commit_s=commit_s)
    for name, port in ports.items():
        text += LINK.format(name=name, port=json.dumps(str(port)), baud=BAUD)
    return text
