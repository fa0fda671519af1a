"""Bytes a row with everything on the serial wire counted, both ways, as a session really sends them.

A node's and a gateway's end talk over clean wires in virtual time; every byte that either puts on its line counts: delimiters,
COBS, CRC, headers, tags, block heads, acks. Two ways to send the same batches: *live*, each when its last row is there, so
that each has a packet and an ack of its own; and from a *backlog*, where the window is kept full and acks speak of many
packets. What a session costs besides, to open it and to keep a quiet one alive, stands in rows of its own.
"""

from collections.abc import Iterable
from pathlib import Path

from milepost_protocol.blocks import SCHEMA
from milepost_protocol.events import Acked
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.node_end import PING_MS, NodeEnd
from milepost_protocol.schema import Schema
from milepost_protocol.testing import BadWire, Dice, Pair

from .figures import Figure, kept
from .traces import TRACES, TRACES_MEASURED
from .wire_bytes import BATCHES, Loaded, load, pack_blocks

BAUD = 115200
COMMIT_MS = 1000  # the gateway's default
ACK_DELAY_MS_MAX = 1500  # what its WELCOME says then
PAUSE_MS = 2000  # between two live batches: the last one's ack is here, and no sign of life is due yet
ROWS_MAX = 600  # of a trace: enough, as sizes settle within a few batches
SEED = 5
HOUR_MS = 3600 * 1000

Block = tuple[int, bytes]


class CountedLine:
    """Two ends on a serial line, and how many bytes each has put on it."""

    def __init__(self) -> None:
        dice = Dice(SEED)
        key, name = dice.bytes(32), bytes(6)
        self.node = NodeEnd(name, 12, key, dice.bytes)
        self.up_bytes = self.down_bytes = 0
        up, down = (BadWire(dice, {}, 1, BAUD) for _ in range(2))
        self._pair = Pair(self.node, GatewayEnd({name: key}.get, dice.bytes, ACK_DELAY_MS_MAX), up, down, COMMIT_MS)
        put_up, put_down = up.put, down.put

        def count_up(frame: bytes, now: float) -> None:
            self.up_bytes += len(frame)
            put_up(frame, now)

        def count_down(frame: bytes, now: float) -> None:
            self.down_bytes += len(frame)
            put_down(frame, now)

        up.put, down.put = count_up, count_down  # type: ignore[method-assign]

    def open(self) -> int:
        """Open the session and let it settle; return what that took, in bytes."""
        self.wait(PAUSE_MS)
        if not self.node.is_open:
            raise AssertionError("no session on a clean line")
        return self.take()

    def wait(self, span_ms: int) -> None:
        """Let time pass."""
        self._pair.run(self._pair.now + span_ms)

    def take(self) -> int:
        """Bytes on the line since this was last asked, both ways."""
        count, self.up_bytes, self.down_bytes = self.up_bytes + self.down_bytes, 0, 0
        return count

    def send_live(self, block: Block) -> None:
        """Send one block and wait until it is safe, and a while longer."""
        self.node.send(*block, block)
        self.wait(PAUSE_MS)

    def send_backlog(self, blocks: list[Block]) -> None:
        """Send all blocks, the window full, until the last is safe."""
        waiting = list(blocks)
        safe = 0
        while safe < len(blocks):
            while waiting and self.node.room():
                self.node.send(*waiting[0], waiting.pop(0))
            self._pair.step()
            safe += sum(len(event.tokens) for event in self._pair.at_node if isinstance(event, Acked))
            self._pair.at_node.clear()
        self.wait(PAUSE_MS)

    def all_safe(self) -> bool:
        """Whether nothing waits for an ack."""
        session = self.node.session
        return session is not None and not session.in_flight() and not session.queued() and not session.retransmitted


def live_bytes(blocks: Iterable[Block]) -> int:
    """What blocks take on the wire, each sent by itself."""
    line = CountedLine()
    line.open()
    for block in blocks:
        line.send_live(block)
    return _done(line)


def backlog_bytes(blocks: Iterable[Block]) -> int:
    """What blocks take on the wire when all wait to be sent."""
    line = CountedLine()
    line.open()
    line.send_backlog(list(blocks))
    return _done(line)


def _done(line: CountedLine) -> int:
    if not line.all_safe():
        raise AssertionError("a clean line lost something")
    return line.take()


def figures(batches: tuple[int, ...] = BATCHES, folder: Path = TRACES, rows_max: int = ROWS_MAX) -> list[Figure]:
    """For each trace, each way to send and each batch size the bytes a row; then what a session takes by itself."""
    rows = []
    for trace in TRACES_MEASURED:
        loaded = load(trace, folder)
        for way, measure in (("live", live_bytes), ("backlog", backlog_bytes)):
            for size in batches:
                blocks, count = batch_blocks(loaded, size, rows_max)
                name = f"{trace.name}: serial wire, {way}, batches of {size}"
                rows.append(kept(name, measure(blocks) / count, "B/row"))
    return rows + session_figures()


def batch_blocks(loaded: Loaded, size: int, rows_max: int) -> tuple[list[Block], int]:
    """A trace's first rows as the blocks that a node makes of batches of `size`, and how many rows those are."""
    made = loaded.records()[:rows_max]
    starts = range(0, len(made), size)
    return [block for start in starts for block in pack_blocks(made[start : start + size], loaded.schema)], len(made)


def session_figures() -> list[Figure]:
    """What it takes to open a session, to announce a schema of six channels, and to be quiet for an hour."""
    line = CountedLine()
    opening = line.open()
    line.send_live((SCHEMA, Schema("nha-be", 1, (1, 2, 3, 4, 5, 6)).body))
    announced = line.take()
    line.wait(PING_MS)
    line.take()
    line.wait(HOUR_MS)
    return [
        kept("serial wire: opening a session", opening, "B"),
        kept("serial wire: announcing a schema", announced, "B"),
        kept("serial wire: a quiet session, PING and ack", line.take(), "B/h"),
    ]
