"""The demo's course: start everything, watch what the subscriber receives, end in an order that lets the ledger close.

Start: broker, subscriber, gateway and nodes at once, so that the first reading is seconds away. End: the nodes first,
so that nothing new comes; then wait, within limits, until the gateway has delivered what it accepted and the
subscriber has it; then the gateway, whose ledger is read from its file. Every wait is bounded, every child is ours to
end.
"""

import asyncio
import re
import secrets
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import STARTED_S
from ..errors import LAW, Fault
from . import broker
from .child import Child
from .gateway import TOPICS, Gateway
from .nodes import CSV, Node, city, expectation
from .received import Received
from .subscriber import Subscriber
from .verdict import Verdict

SUBSCRIBE_S_MAX = 10.0
DRAIN_S_MAX = 15.0  # a broker that answers takes the few records in flight within one
ARRIVE_S_MAX = 5.0  # from the broker's PUBACK to its subscriber
SILENT_S_MAX = 10.0  # a node that sent no row for so long is broken, not slow
STEP_S = 0.1
CODE = re.compile(r"E-[A-Z]+-\d\d")

Story = Callable[[str], None]
Show = Callable[[Received], None]


@dataclass(frozen=True)
class Options:
    """What the command line asks for; None: until Ctrl-C, a broker of our own, a directory of our own."""

    duration_s: float | None = None
    broker: str | None = None
    directory: Path | None = None
    seed: int = 1


class Demo:
    """One run. `story` gets lines as things happen, `show` what was received, several times a second."""

    def __init__(self, options: Options, directory: Path, micropython: Sequence[str], story: Story, show: Show) -> None:
        self.received = Received()
        self.first_reading_s: float | None = None  # after the command was started
        self._options = options
        self._directory = directory
        self._micropython = micropython
        self._story = story
        self._show = show
        self._ended = asyncio.Event()
        self._children: list[Child] = []
        self._watched_s = 0.0

    async def run(self) -> Verdict:
        """From the first process to the verdict."""
        async with AsyncExitStack() as stack:
            url = await self._broker(stack)
            subscriber = await self._subscriber(stack, url)
            nodes = await self._nodes(stack)
            gateway = Gateway(self._directory, url)
            gateway.make(nodes)
            self._story(f"gateway configuration: {gateway.config}")
            await self._start(stack, await gateway.start())
            for node in nodes:
                await self._start(stack, await node.start(self._micropython))
            await self._watch()
            return await self._end(nodes, gateway, subscriber)

    def end(self) -> None:
        """Ask the run to come to its end."""
        self._ended.set()

    # -- start -----------------------------------------------------------------------------------------------

    async def _broker(self, stack: AsyncExitStack) -> str:
        if self._options.broker is not None:
            await broker.check(self._options.broker)
            return self._options.broker
        child, url = await broker.start(self._directory)
        await self._start(stack, child)
        return url

    async def _start(self, stack: AsyncExitStack, child: Child) -> None:
        self._children.append(child)
        stack.push_async_callback(child.stop)

    async def _subscriber(self, stack: AsyncExitStack, url: str) -> Subscriber:
        host, port = broker.address(url)
        name = f"milepost-demo-{secrets.token_hex(4)}"
        subscriber = Subscriber(host, port, TOPICS, name, self._take)
        task = asyncio.create_task(subscriber.run(), name="subscriber")
        stack.push_async_callback(subscriber.forget)
        stack.push_async_callback(cancel, task)
        if not await subscriber.wait_ready(SUBSCRIBE_S_MAX):
            raise Fault("E-BROKER-01", f"{url} lets nobody subscribe: {subscriber.trouble}: see what it allows")
        return subscriber

    async def _nodes(self, stack: AsyncExitStack) -> list[Node]:
        nodes = [Node(self._directory, plan, self._options.seed) for plan in city(self._options.seed)]
        for node in nodes:
            node.make()
            node.line.plug()
            stack.callback(node.line.unplug)
        return nodes

    # -- watch -----------------------------------------------------------------------------------------------

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        self.received.take(topic, payload, retained, time.monotonic())
        if self.first_reading_s is None and self.received.first_row_s is not None:
            self.first_reading_s = time.monotonic() - STARTED_S
            self._story(f"first reading at the subscriber after {self.first_reading_s:.1f} s")

    async def _watch(self) -> None:
        """Until the duration is over, or somebody calls `end`; Fault E-CHILD-01 if a process ends by itself."""
        began = time.monotonic()
        while not self._ended.is_set() and not self._is_over():
            for child in self._children:
                if child.status is not None:
                    raise fallen(child)
            self._show(self.received)
            with suppress(TimeoutError):
                async with asyncio.timeout(STEP_S):
                    await self._ended.wait()
            self._watched_s = time.monotonic() - began

    def _is_over(self) -> bool:
        return self._options.duration_s is not None and self._watched_s >= self._options.duration_s

    # -- end -------------------------------------------------------------------------------------------------

    async def _end(self, nodes: list[Node], gateway: Gateway, subscriber: Subscriber) -> Verdict:
        self._story("ending: nodes first, then what the gateway still holds, then the gateway")
        await wait_for(lambda: not self.received.count.missing, ARRIVE_S_MAX)  # what is being sent again comes yet
        await asyncio.gather(*[node.child.stop() for node in nodes if node.child])
        await gateway.drain(DRAIN_S_MAX, self._look)
        if gateway.child:
            await gateway.child.stop()
        self.received.ledger = await gateway.status()
        delivered = self.received.ledger["gateway"]["delivered"]
        await wait_for(lambda: self.received.count.unique >= delivered, ARRIVE_S_MAX)
        return self._verdict(nodes)

    def _verdict(self, nodes: list[Node]) -> Verdict:
        count, ledger = self.received.count, self.received.ledger
        counted = (count.unique, count.duplicates, count.missing)
        sites = [node.plan.site for node in nodes if node.plan.site not in self.received.rows]
        silent = tuple(sites) if self._watched_s >= SILENT_S_MAX else ()
        return Verdict(len(nodes), ledger, *counted, *self._compare(), silent)

    def _look(self, ledger: dict[str, Any]) -> None:
        self.received.ledger = ledger
        self._show(self.received)

    def _compare(self) -> tuple[int, int]:
        equal = compared = 0
        for plan in city(self._options.seed):
            if plan.name in CSV:
                expected = expectation(plan.name)
                for rows in self.received.boots_of(plan.site):
                    found = expected.check(rows)
                    equal, compared = equal + found[0], compared + found[1]
        return equal, compared


async def wait_for(holds: Callable[[], bool], limit_s: float) -> None:
    """Wait until `holds()`, and no longer than `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not holds() and time.monotonic() < deadline:  # noqa: ASYNC110 - bounded, and nobody tells
        await asyncio.sleep(STEP_S)


async def cancel(task: "asyncio.Task[None]") -> None:
    """End a task of ours."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def fallen(child: Child) -> Fault:
    """The fault of a child that ended by itself: its own words and, where it is one of ours, its own exit status."""
    words = child.last_words()
    status = child.status if child.status and LAW < child.status < 8 and CODE.search(words) else None
    return Fault("E-CHILD-01", f"the {child.name} ended by itself: {words} (log: {child.log})", status)


def open_directory(wanted: Path | None) -> Path:
    """The run's directory, empty and ours; Fault E-DATA-02 if it cannot be."""
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="milepost-demo-"))
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if any(wanted.iterdir()):
            raise Fault("E-DATA-02", f"--dir {wanted}: is not empty: name a folder that is empty or does not exist")
        tempfile.TemporaryFile(dir=wanted).close()
    except OSError as error:
        raise Fault("E-DATA-02", f"--dir {wanted}: {error.strerror}: name a folder that you may write to") from None
    return wanted.absolute()


async def judged(demo: Demo) -> Verdict:
    """Run the demo until its duration, Ctrl-C or SIGTERM."""
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, demo.end)
    return await demo.run()
