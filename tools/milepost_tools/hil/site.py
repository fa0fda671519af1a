"""A whole site in a folder: real broker, gateway daemon, nodes on real MicroPython, a line for each, and a subscriber.

Tests break it at any joint and wait for facts, never for time: `until` looks at a condition until it holds, and says what
was missing if it does not within its limit. `settle` brings everything that was handed over to the subscriber, as the end
of every scenario; what it returns is the ledger.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from milepost_gateway.publisher import PAUSE_S_MAX

from ..demo.broker import address
from ..demo.gateway import TOPICS, Gateway
from ..demo.nodes import Node, Plan
from ..demo.received import Received
from ..demo.run import cancel
from ..demo.subscriber import Subscriber
from .mosquitto import Mosquitto

LOOK_S = 0.05
WAIT_S_MAX = 30.0  # a loaded two-core machine; what is waited for takes one or two seconds
Message = tuple[str, bytes]


class Site:
    """Everything between sensors and subscriber. `messages` holds all that came, `received` what a consumer made of it."""

    def __init__(self, directory: Path, micropython: Sequence[str], seed: int) -> None:
        self.directory = directory
        self.seed = seed
        self.broker = Mosquitto(directory)
        self.gateway = Gateway(directory, self.broker.url)
        self.nodes: dict[str, Node] = {}
        self.received = Received()
        self.messages: list[Message] = []
        self._micropython = micropython
        self._subscriber = Subscriber(*address(self.broker.url), TOPICS, "test-subscriber", self._take)
        self._listening: asyncio.Task[None] | None = None

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        self.messages.append((topic, payload))
        self.received.take(topic, payload, retained, time.monotonic())

    # -- start and end -----------------------------------------------------------------------------------------

    async def start(self, *plans: Plan, change: tuple[str, str] = ("", "")) -> None:
        """Start everything, with one node for each plan, and wait for a reading of each.

        `change` is what to change in the gateway's configuration: old text, new text.
        """
        self.make(*plans)
        self.gateway.change(*change)
        await self.broker.start()
        self._listening = asyncio.create_task(self._subscriber.run(), name="subscriber")
        await self.until("the subscriber is at the broker", self._subscriber.ready.is_set)
        await self.gateway.start()
        for name in self.nodes:
            await self.start_node(name)
        for name in self.nodes:
            await self.until_rows(name, 1)

    def make(self, *plans: Plan) -> None:
        """Write directories and configurations, and plug the lines."""
        for plan in plans:
            node = self.nodes[plan.name] = Node(self.directory, plan, self.seed)
            node.make()
            node.line.plug()
        self.gateway.make(self.nodes.values())

    async def start_node(self, name: str) -> None:
        """Start one node's process."""
        await self.nodes[name].start(self._micropython)

    async def close(self) -> None:
        """End every process and take the lines away."""
        children = [node.child for node in self.nodes.values()] + [self.gateway.child]
        await asyncio.gather(*[child.stop() for child in children if child])
        if self._listening:
            await cancel(self._listening)
        await self.broker.stop()
        for node in self.nodes.values():
            node.line.unplug()

    async def restart_broker(self) -> None:
        """Start the broker again and wait until the gateway has found it: its pauses grow up to PAUSE_S_MAX by design."""
        before = self._connected()
        await self.broker.start()
        await self.until(
            "the gateway is back at the broker", lambda: self._connected() > before, PAUSE_S_MAX + WAIT_S_MAX
        )

    def _connected(self) -> int:
        """How often the gateway's log says that it reached the broker."""
        return self.gateway.child.log.read_text().count("event=broker-connected") if self.gateway.child else 0

    # -- looking -----------------------------------------------------------------------------------------------

    async def until(self, what: str, holds: Callable[[], bool], limit_s: float = WAIT_S_MAX) -> None:
        """Wait until `holds()`; TimeoutError says `what` did not come true."""
        deadline = time.monotonic() + limit_s
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {limit_s:.0f} s still not: {what} (seed {self.seed}, see {self.directory})")
            await asyncio.sleep(LOOK_S)

    async def until_rows(self, name: str, more: int, limit_s: float = WAIT_S_MAX) -> None:
        """Wait until the subscriber has `more` rows of a node than now."""
        site = self.nodes[name].plan.site
        wanted = self.rows(site) + more
        await self.until(f"{wanted} rows of {site} at the subscriber", lambda: self.rows(site) >= wanted, limit_s)

    def rows(self, site: str) -> int:
        """Rows of a site that the subscriber has."""
        return sum(len(rows) for rows in self.received.rows.get(site, {}).values())

    async def until_pending(self, records: int) -> dict[str, Any]:
        """Wait until the gateway holds so many records for the broker; the ledger then."""
        deadline = time.monotonic() + WAIT_S_MAX
        ledger = await self.gateway.status()
        while ledger["gateway"]["pending"] < records:
            if time.monotonic() > deadline:
                raise TimeoutError(f"still not {records} pending: {ledger['gateway']} (see {self.directory})")
            ledger = await self.gateway.status()
        return ledger

    def link(self, name: str) -> dict[str, Any]:
        """What the gateway's last health says about a node's link; empty before the first."""
        found: dict[str, Any] = self.received.ledger.get("links", {}).get(name, {})
        return found

    def damaged(self, name: str) -> int:
        """Frames that the gateway found damaged on a node's link, by its last health."""
        return int(self.link(name).get("frames", {}).get("damaged", 0))

    async def settle(self) -> dict[str, Any]:
        """Stop the nodes, let everything they handed over arrive, stop the gateway; the ledger from its file.

        A node is stopped only when nothing of it is being sent again: what it takes with it must be its end, and no hole.
        """
        await self.until("every hole is closed", lambda: self.received.count.missing == 0)
        await asyncio.gather(*[node.child.stop() for node in self.nodes.values() if node.child])
        await self.gateway.drain(WAIT_S_MAX)
        ledger = await self.gateway.status()
        delivered = ledger["gateway"]["delivered"]
        await self.until(f"{delivered} records at the subscriber", lambda: self.received.count.unique >= delivered)
        if self.gateway.child:
            await self.gateway.child.stop()
        return await self.gateway.status()
