"""Named tasks in one group, of which none may end: a node whose sampler died quietly would be worse than one that restarts.

Whatever ends a task, an exception or its last line, ends the group; the caller reports it and leaves the process, and the
watchdog or the supervisor starts it again.
"""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any


class Died(Exception):
    """Task `name` ended. `cause` is what it raised, or None if it just returned."""

    def __init__(self, name: str, cause: "BaseException | None") -> None:
        super().__init__(name)
        self.name = name
        self.cause = cause


class Group:
    """Tasks by name. `start` adds one, `wait` returns never but raises Died, `stop` cancels what is left."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._over = asyncio.Event()
        self._died: Died | None = None

    def start(self, name: str, work: "Coroutine[Any, Any, None]") -> None:
        """Run `work` as task `name` from now on."""
        self._tasks[name] = asyncio.create_task(self._watch(name, work))

    async def _watch(self, name: str, work: "Coroutine[Any, Any, None]") -> None:
        cause: BaseException | None = None
        try:
            await work
        except asyncio.CancelledError:
            return
        except Exception as error:  # whatever it is, it is reported where the group is waited for
            cause = error
        if self._died is None:
            self._died = Died(name, cause)
        self._over.set()

    async def wait(self) -> None:
        """Wait for the first task that ends, and raise Died for it."""
        await self._over.wait()
        self.stop()
        raise self._died or Died("?", None)

    def stop(self) -> None:
        """Cancel every task that still runs."""
        for task in self._tasks.values():
            task.cancel()
