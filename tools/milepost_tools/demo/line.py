"""A line between a node and the gateway: two pseudo-terminals and a pump between them, with a place for faults.

Each end is a port with a stable name (a symbolic link) that any program may open as a serial port. Bytes cross in both
directions through a `Way`, which can damage, drop or cut them on demand, drawn from a seed so that a failure can be
had again. The line can be unplugged (both ports vanish) and plugged in again (new terminals, the same names). We keep
the far side of each terminal open ourselves, so raw mode lasts and a program that closes its port does not hang up the
line.
"""

import asyncio
import errno
import os
import random
import tty
from pathlib import Path

READ_BYTES_MAX = 4096  # a pseudo-terminal holds no more
FAULT_BYTES_MIN = 8  # shorter pieces carry no frame that could be hit


class Way:
    """One direction of a line: the faults planned for it and the counters of what passed."""

    def __init__(self, seed: int) -> None:
        self.carried = self.damaged = self.dropped = self.cut = self.overrun = 0
        self.is_broken = False  # one-way break: nothing passes
        self._random = random.Random(seed)  # noqa: S311 - a fault plan, not a secret
        self._to_damage = self._to_drop = self._to_cut = 0

    def damage(self, pieces: int = 1) -> None:
        """Flip one bit somewhere inside each of the next `pieces`."""
        self._to_damage += pieces

    def drop(self, pieces: int = 1) -> None:
        """Lose the next `pieces` whole."""
        self._to_drop += pieces

    def cut_short(self, pieces: int = 1) -> None:
        """Lose the tail of each of the next `pieces`."""
        self._to_cut += pieces

    def carry(self, data: bytes) -> bytes:
        """What is left of `data` after the faults that are due."""
        if len(data) >= FAULT_BYTES_MIN:
            data = self._suffer(data)
        if self.is_broken:
            data = b""
        self.carried += len(data)
        return data

    def _suffer(self, data: bytes) -> bytes:
        if self._to_drop:
            self._to_drop -= 1
            self.dropped += 1
            return b""
        if self._to_cut:
            self._to_cut -= 1
            self.cut += 1
            return data[: self._random.randrange(2, len(data) - 1)]
        if self._to_damage:
            self._to_damage -= 1
            self.damaged += 1
            return self._flip(data)
        return data

    def _flip(self, data: bytes) -> bytes:
        """One bit inside a frame: delimiters (zeros) stay what and where they are, so exactly one frame is hit."""
        places = [at for at, byte in enumerate(data) if byte]
        at = self._random.choice(places)
        bits = [1 << bit for bit in range(8) if data[at] != 1 << bit]
        return data[:at] + bytes([data[at] ^ self._random.choice(bits)]) + data[at + 1 :]


class Terminal:
    """One pseudo-terminal in raw mode: `near` is the pump's side, the name leads to the far side."""

    def __init__(self, name: Path) -> None:
        self.near, self._far = os.openpty()
        tty.setraw(self._far)
        os.set_blocking(self.near, False)
        self._name = name
        name.unlink(missing_ok=True)
        name.symlink_to(os.ttyname(self._far))

    def read(self) -> bytes:
        """What a program wrote to the far side; empty if nothing."""
        try:
            return os.read(self.near, READ_BYTES_MAX)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EIO):
                return b""
            raise

    def write(self, data: bytes) -> int:
        """Give a program `data` to read; how many bytes there was room for, as a UART's receiver would."""
        try:
            return os.write(self.near, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Hang up: whoever has the far side open gets an error."""
        self._name.unlink(missing_ok=True)
        os.close(self.near)
        os.close(self._far)


class Line:
    """A cable: programs open `node_port` and `gateway_port`; `up` carries to the gateway, `down` to the node."""

    def __init__(self, directory: Path, name: str, seed: int = 0) -> None:
        self.node_port = directory / f"{name}.node"
        self.gateway_port = directory / f"{name}.gateway"
        self.up = Way(seed * 2)
        self.down = Way(seed * 2 + 1)
        self._ends: tuple[Terminal, Terminal] | None = None

    def plug(self) -> None:
        """Make both ports and start the pump; call within a running event loop."""
        if self._ends is None:
            node, gateway = self._ends = Terminal(self.node_port), Terminal(self.gateway_port)
            loop = asyncio.get_running_loop()
            loop.add_reader(node.near, pump, node, gateway, self.up)
            loop.add_reader(gateway.near, pump, gateway, node, self.down)

    def unplug(self) -> None:
        """Take both ports away."""
        if self._ends is not None:
            ends, self._ends = self._ends, None
            for end in ends:
                asyncio.get_running_loop().remove_reader(end.near)
                end.close()


def pump(source: Terminal, target: Terminal, way: Way) -> None:
    """Carry what `source` has to `target`; what finds no room is lost and counted."""
    data = way.carry(source.read())
    if data:
        way.overrun += len(data) - target.write(data)
