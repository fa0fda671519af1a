"""A UART in memory: the node's end is a `board.Uart`, the part's end writes what a sensor says and reads what it is told."""

import asyncio

from ..board import Uart
from ..vm import wait_event

BUFFER_BYTES_MAX = 4096  # like a real receive buffer it forgets what does not fit


class Pipe:
    """Bytes one way."""

    def __init__(self) -> None:
        self.overrun = 0  # bytes that found the buffer full
        self._data = b""
        self._came = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Bytes arrive."""
        space = BUFFER_BYTES_MAX - len(self._data)
        self.overrun += max(0, len(data) - space)
        self._data += data[:space]
        self._came.set()

    async def get(self, limit: int, wait_ms: int) -> bytes:
        """At most `limit` bytes, or b"" if none came in `wait_ms`."""
        if not self._data:
            self._came.clear()
            await wait_event(self._came, wait_ms)
        found, self._data = self._data[:limit], self._data[limit:]
        return found

    def clear(self) -> None:
        """Forget what arrived."""
        self._data = b""


class NodeEnd(Uart):
    """What a driver holds."""

    def __init__(self, to_part: Pipe, from_part: Pipe) -> None:
        self.discards = 0  # how often the driver emptied its buffer: it begins a sample
        self._to_part = to_part
        self._from_part = from_part

    async def read(self, limit: int, wait_ms: int) -> bytes:
        return await self._from_part.get(limit, wait_ms)

    async def write(self, data: bytes) -> None:
        self._to_part.put(data)

    def discard(self) -> None:
        self.discards += 1
        self._from_part.clear()


class PartEnd:
    """What a simulated part holds."""

    def __init__(self, from_node: Pipe, to_node: Pipe, node: NodeEnd) -> None:
        self._from_node = from_node
        self._to_node = to_node
        self._node = node

    def discards(self) -> int:
        """How often the driver at the other end emptied its buffer."""
        return self._node.discards

    async def read(self, limit: int, wait_ms: int) -> bytes:
        """What the node told the part; b"" if nothing came in `wait_ms`."""
        return await self._from_node.get(limit, wait_ms)

    def write(self, data: bytes) -> None:
        """The part says `data`."""
        self._to_node.put(data)


def uart_pair() -> "tuple[NodeEnd, PartEnd]":
    """Both ends of a new UART."""
    up, down = Pipe(), Pipe()
    ours = NodeEnd(down, up)
    return ours, PartEnd(down, up, ours)
