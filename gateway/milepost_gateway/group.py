"""Group commit: what the loop hands in is collected here, and written together by the one thread that owns the buffer.

Links append, the publisher releases, clocks are measured: all of it waits up to `commit_s` and goes into one
transaction. Something urgent, or a node whose window is nearly full, cuts the wait short. What was to happen after a
commit (the acks) happens when it has returned, and not otherwise. A disk that is full, read-only or slow stalls this
thread and nobody else: nothing is acked, the nodes keep what they have, and the same group is tried again until it
succeeds.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from .buffer import Buffer
from .database import PASSING
from .host import boottime_ms
from .stored import Arrival, Delivered, Measured, StoredBlock
from .story import tell

RETRY_S = 1.0  # between two tries to write what the disk refused
STAGED_MAX = 65536  # blocks that wait for a commit: 16 MB; what comes beyond is not taken, its node keeps it
RELEASED_MAX = 256  # PUBACKed parts that wait for their commit: a crash would publish at most these twice

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class _Group:
    """What goes into the next transaction, and what is to happen after it."""

    arrivals: list[Arrival] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)

    def is_empty(self) -> bool:
        return not (self.arrivals or self.delivered or self.measured or self.after)


class GroupCommit:
    """The buffer as the loop sees it. With `executor` None everything runs inline, for tests and virtual time."""

    def __init__(self, buffer: Buffer, commit_s: float, executor: Executor | None = None) -> None:
        self.buffer = buffer
        self.commit_s = commit_s
        self.commits = 0
        self.failures = 0
        self.refused = 0
        self.is_failing = False
        self._executor = executor
        self._group = _Group()
        self._some = asyncio.Event()
        self._now = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this after each commit."""
        self._listeners.append(listener)

    # -- handing in --------------------------------------------------------------------------------------------

    def append(self, arrivals: list[Arrival], after: Callable[[], None], at_once: bool = False) -> bool:
        """Take blocks for the next commit and call `after` when they are on disk; False: too many wait, do not ack."""
        if len(self._group.arrivals) + len(arrivals) > STAGED_MAX:
            self.refused += len(arrivals)
            return False
        self._group.arrivals += arrivals
        self._group.after.append(after)
        self._wake(at_once)
        return True

    def release(self, delivered: list[Delivered]) -> None:
        """The broker has these; the buffer will know with the next commit."""
        self._group.delivered += delivered
        self._wake(len(self._group.delivered) >= RELEASED_MAX)

    def measure(self, measured: Measured) -> None:
        """Keep an exchange with the next commit that happens anyway."""
        self._group.measured.append(measured)

    def _wake(self, at_once: bool) -> None:
        self._some.set()
        if at_once:
            self._now.set()

    # -- the buffer's other calls, in its thread ---------------------------------------------------------------

    async def oldest(self, count: int) -> list[StoredBlock]:
        """`Buffer.oldest`."""
        return await self._insist(self.buffer.oldest, count, boottime_ms())

    async def give_back(self) -> None:
        """Write down what was PUBACKed, then hand everything else out anew."""
        await self.commit()
        await self.call(self.buffer.give_back)

    async def quarantine(self, block_ids: list[int]) -> None:
        """`Buffer.quarantine`."""
        await self._insist(self.buffer.quarantine, block_ids)

    async def next_number(self, name: str) -> int:
        """`Buffer.next_number`."""
        return await self._insist(self.buffer.next_number, name)

    async def _insist(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`call`, until the disk allows it."""
        while True:
            try:
                result = await self.call(function, *args, **kwargs)
            except PASSING as error:
                await self._failed(error)
            else:
                self._recovered()
                return result

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of the buffer where nothing else of it runs."""
        async with self._one_at_a_time:
            if self._executor is None:
                return function(*args, **kwargs)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))

    # -- committing --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Commit for ever: a group begins with what comes first, and waits `commit_s` for more."""
        while True:
            await self._some.wait()
            try:
                async with asyncio.timeout(self.commit_s):
                    await self._now.wait()
            except TimeoutError:
                pass
            await self.commit()

    async def commit(self) -> None:
        """Write what is there now, trying again as long as the disk refuses; then let happen what waited for it."""
        group, self._group = self._group, _Group()
        self._some.clear()
        self._now.clear()
        if group.is_empty():
            return
        await self._insist(self.buffer.append, group.arrivals, group.delivered, group.measured)
        self.commits += 1
        for happen in group.after + self._listeners:
            happen()

    def _recovered(self) -> None:
        if self.is_failing:
            tell("buffer-recovered", path=self.buffer.path)
        self.is_failing = False

    async def _failed(self, error: Exception) -> None:
        self.failures += 1
        if not self.is_failing:
            tell("buffer-refused", path=self.buffer.path, why=str(error))
        self.is_failing = True
        await asyncio.sleep(RETRY_S)


def buffer_thread() -> ThreadPoolExecutor:
    """The one thread that the buffer runs in."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="buffer")
