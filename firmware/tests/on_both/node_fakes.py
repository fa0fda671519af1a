"""Stand-ins that the portable tests share: a clock that a test moves, a store folder, plain driver parts, a link in memory."""

import asyncio
import os

from milepost_node import vm
from milepost_node.board import Board, Link
from milepost_node.store import Store
from milepost_protocol.testing import Dice

_made = [0]


def scratch(name):
    """A new empty folder's path, not made yet."""
    _made[0] += 1
    return (os.getenv("MILEPOST_SCRATCH") or ".") + f"/{name}-{_made[0]}"


class Ticks:
    """ticks_ms and ticks_diff that wrap at `period`, moved by hand."""

    def __init__(self, start=0, period=1 << 30):
        self.at = start
        self.period = period

    def ms(self):
        return self.at % self.period

    def diff(self, later, earlier):
        half = self.period // 2
        return (later - earlier + half) % self.period - half


class FakeUart:
    """A UART whose input a test puts in, in pieces; each `read` gives one piece."""

    def __init__(self, pieces=()):
        self.pieces = list(pieces)
        self.written = []
        self.on_write = None

    async def read(self, limit, wait_ms):
        if not self.pieces:
            await vm.sleep_ms(wait_ms)
            return b""
        await vm.sleep_ms(0)
        return self.pieces.pop(0)

    async def write(self, data):
        self.written.append(bytes(data))
        if self.on_write:
            self.pieces += self.on_write(data)

    def discard(self):
        pass


class PipeLink(Link):
    """A link in memory: the test reads `out` and calls `put`."""

    def __init__(self):
        self.out = b""
        self.is_open = True
        self.is_blocked = False
        self._in = b""
        self._came = asyncio.Event()

    def put(self, data):
        self._in += data
        self._came.set()

    def hang_up(self):
        self.is_open = False
        self._came.set()

    async def read(self):
        while not self._in and self.is_open:
            self._came.clear()
            await self._came.wait()
        data, self._in = self._in, b""
        return data

    async def write(self, data):
        while self.is_blocked:
            await vm.sleep_ms(5)
        if not self.is_open:
            raise OSError(5)
        self.out += data

    def close(self):
        self.is_open = False


class FakeBoard(Board):
    """A board with a seeded entropy and a link that the test holds."""

    def __init__(self, name="board"):
        self.store = Store(scratch(name))
        self.links = []
        self.fed = 0
        self._dice = Dice(5)

    def entropy(self, count):
        return self._dice.bytes(count)

    def open_link(self):
        if not self.links:
            raise OSError(19)
        return self.links.pop(0)

    def feed_watchdog(self):
        self.fed += 1


def raises(kind, work, *arguments):
    """The error of `kind` that `work(*arguments)` raises; AssertionError if it does not."""
    try:
        work(*arguments)
    except kind as error:
        return error
    raise AssertionError("nothing was raised")
