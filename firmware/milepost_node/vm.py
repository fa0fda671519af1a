"""What CPython and MicroPython name differently, under one name each.

Everything else in this package is plain common Python and `asyncio`; whoever needs a millisecond sleep, a time-out, ticks or
a traceback takes it from here, so that no other file asks which VM it runs on.
"""

import asyncio
import gc
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

IS_MICROPYTHON = sys.implementation.name == "micropython"
Timeout = asyncio.TimeoutError  # on MicroPython it has no other name

_TICKS = 1 << 30  # what CPython's stand-in for ticks_ms wraps at: the ESP32's figure


async def _sleep_ms(ms: int) -> None:
    await asyncio.sleep(ms / 1000)


async def _wait_for_ms(what: "Awaitable[Any]", ms: int) -> "Any":  # noqa: ANN401 - hands through whatever it waited for
    return await asyncio.wait_for(what, ms / 1000)


def _ticks_ms() -> int:
    return int(time.monotonic() * 1000) % _TICKS


def _ticks_diff(later: int, earlier: int) -> int:
    return (later - earlier + _TICKS // 2) % _TICKS - _TICKS // 2


def _print_exception(error: BaseException, stream: "Any") -> None:  # noqa: ANN401 - any text stream
    import traceback

    traceback.print_exception(error, file=stream)


sleep_ms: "Callable[[int], Awaitable[None]]" = getattr(asyncio, "sleep_ms", _sleep_ms)
wait_for_ms: "Callable[[Awaitable[Any], int], Awaitable[Any]]" = getattr(asyncio, "wait_for_ms", _wait_for_ms)
ticks_ms: "Callable[[], int]" = getattr(time, "ticks_ms", _ticks_ms)
ticks_diff: "Callable[[int, int], int]" = getattr(time, "ticks_diff", _ticks_diff)
print_exception: "Callable[[BaseException, Any], None]" = getattr(sys, "print_exception", _print_exception)


def heap_free() -> "int | None":
    """Bytes that the garbage collector has left; None where there is no such figure."""
    free = getattr(gc, "mem_free", None)
    return None if free is None else free()


async def wait_event(event: asyncio.Event, ms: int) -> bool:
    """Wait for `event` at most `ms`; whether it is set."""
    if not event.is_set() and ms > 0:
        try:  # noqa: SIM105 - MicroPython has no contextlib
            await wait_for_ms(event.wait(), ms)
        except Timeout:
            pass
    return event.is_set()


class Deadline:
    """A time-out that several waits share. `left()` is what remains of it in ms, 0 when it is over."""

    def __init__(self, ms: int) -> None:
        self._ms = ms
        self._start = ticks_ms()

    def left(self) -> int:
        """Milliseconds that remain, never negative."""
        return max(0, self._ms - ticks_diff(ticks_ms(), self._start))
