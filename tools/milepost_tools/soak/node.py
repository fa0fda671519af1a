"""A model of a node: it makes records, spools them, sends what the window takes, and frees only what was acked.

Its reboots lose the session and, unless its spool is on flash, every record that RAM alone held: that boot's open end. Its
clock starts anew with each boot, sometimes close to where a careless counter would wrap.
"""

from collections import deque
from typing import TYPE_CHECKING

from milepost_protocol import blocks, records
from milepost_protocol.events import Acked, Arrived, Closed, Event, Opened
from milepost_protocol.node_end import NodeEnd
from milepost_protocol.packets import DOWN as DOWNWARD
from milepost_protocol.packets import SHORT, kind_of
from milepost_protocol.schema import Schema
from milepost_protocol.testing import Dice

from .lines import DOWN, UP, Line
from .oracle import Name, require

if TYPE_CHECKING:
    from .world import World

SPOOL_MAX = 120  # batches; beyond it the oldest of the lowest class is discarded
PACKETS_MAX = 64  # a node that has more to say at one instant is babbling
UPTIMES_MS = (0, (1 << 30) - 60_000, (1 << 31) - 60_000, (1 << 32) - 60_000, 1 << 45)  # where counters would wrap
ROWS = Schema("soak", 4, (40,))


class Batch:
    """Records that travel in one block; its token too."""

    def __init__(self, names: list[Name], cls: int, kind: int, body: bytes) -> None:
        self.names = names
        self.cls = cls
        self.kind = kind
        self.body = body


class NodeModel:
    """The node on `line`; its spool is on flash where `flash`; its program sends up to `lag_ms` late."""

    def __init__(self, world: "World", line: Line, flash: bool, lag_ms: int, dice: Dice) -> None:
        self.world = world
        self.line = line
        self.flash = flash
        self.lag_ms = lag_ms
        self.dice = dice
        self.ident = bytes([0xA4, 0xCF, 0x12, 0, 0, line.index + 1])
        self.key = dice.bytes(32)
        self.boot = dice.below(1000)
        self.asleep = False
        self.spool: dict[Batch, None] = {}
        self.waiting: tuple[deque[Batch], ...] = (deque(), deque(), deque())
        self.executed: set[int] = set()  # commands, on flash
        self.started: dict[int, int] = {}  # boot: virtual time of its uptime 0
        self.retransmitted = 0
        self.wake_at = -1
        self.reboot()

    # -- its life ----------------------------------------------------------------------------------------------------------

    def reboot(self) -> None:
        """Lose the session, RAM and the clock; begin the next boot."""
        if not self.flash:
            for batch in self.spool:
                for name in batch.names:
                    self.world.oracle.lose(name)
            self.spool = {}
        for queue in self.waiting:
            queue.clear()
        for batch in self.spool:
            self.waiting[batch.cls].append(batch)
        self.boot += 1
        self.asleep = False
        self.started[self.boot] = self.world.now - UPTIMES_MS[self.dice.below(len(UPTIMES_MS))]
        self.line.reset(DOWN)
        self.end = NodeEnd(self.ident, self.boot, self.key, self.dice.bytes, link=self.line.kind)

    def uptime(self) -> int:
        """Milliseconds of this boot's clock."""
        return self.world.now - self.started[self.boot]

    def append(self, cls: int, count: int) -> None:
        """Make `count` records of one class, and discard others if that is too much."""
        names = [(self.ident, self.boot, self.world.oracle.append(self.ident, self.boot)) for _ in range(count)]
        kind = records.EVENT if cls == records.URGENT and count == 1 else records.ROWS
        uptime = self.uptime()
        made = [
            records.Record(kind, cls, ROWS.hash, self.boot, name[2], uptime + i, (uptime // 1000 & 0xFFFF,))
            for i, name in enumerate(names)
        ]
        batch = Batch(names, cls, *records.pack(made))
        self.spool[batch] = None
        self.waiting[cls].append(batch)
        if len(self.spool) > SPOOL_MAX:
            self._discard()

    def _discard(self) -> None:
        for queue in reversed(self.waiting):
            if queue:
                batch = queue.popleft()
                del self.spool[batch]
                for name in batch.names:
                    self.world.oracle.discard(name)
                return

    # -- the wire ----------------------------------------------------------------------------------------------------------

    def receive(self, packet: bytes) -> None:
        """A packet from the line."""
        if self.asleep:
            return
        before = self.end.session
        self._note(self.end.receive(packet, self.uptime()))
        if kind_of(packet, DOWNWARD) == SHORT:
            require(self.end.session is before, "an unauthenticated SHORT ended a session")
        self._check()
        if self.lag_ms:
            self.world.wake(self, self.world.now + 1 + self.dice.below(self.lag_ms))
        else:
            self.touch()

    def touch(self) -> None:
        """Let time pass, fill the window, say what there is to say."""
        if self.asleep:
            return
        now = self.uptime()
        self._note(self.end.tick(now))
        self._fill()
        for _ in range(PACKETS_MAX):
            packet = self.end.data_to_send(now)
            if packet is None:
                break
            self.world.put(self.line, UP, packet)
        else:
            require(False, f"node {self.ident.hex()} babbles")
        self._check()
        due = self.end.next_deadline()
        if due is not None:
            self.world.wake(self, max(due, now + 1) + self.started[self.boot])

    def _fill(self) -> None:
        while self.end.room() > 0:
            queue = next((queue for queue in self.waiting if queue), None)
            if queue is None:
                return
            batch = queue.popleft()
            self.end.send(batch.kind, batch.body, batch)

    def _check(self) -> None:
        """Every batch of the spool waits, or is with the session: nowhere else to be."""
        session = self.end.session
        with_session = sum(isinstance(token, Batch) for token in session.unsent()) if session else 0
        waiting = len(self.waiting[0]) + len(self.waiting[1]) + len(self.waiting[2])
        require(with_session + waiting == len(self.spool), f"node {self.ident.hex()} forgot a batch that it must send")

    def _note(self, events: list[Event]) -> None:
        for event in events:
            self.world.trace(type(event).__name__, self.line.index, UP, event.session.ident)
            if isinstance(event, Opened):
                self.end.send(blocks.SCHEMA, ROWS.body)
            elif isinstance(event, Acked):
                self._free(event.tokens)
            elif isinstance(event, Closed):
                self.retransmitted += event.session.retransmitted
                self._take_back(event.tokens)
            elif isinstance(event, Arrived):
                self._obey(event)

    def _free(self, tokens: list[object]) -> None:
        for batch in tokens:
            if isinstance(batch, Batch):
                require(batch in self.spool, f"node {self.ident.hex()} was acked a batch that it does not hold")
                del self.spool[batch]
                for name in batch.names:
                    self.world.oracle.free(name)

    def _take_back(self, tokens: list[object]) -> None:
        for batch in reversed(tokens):
            if isinstance(batch, Batch):
                self.waiting[batch.cls].appendleft(batch)

    def _obey(self, event: Arrived) -> None:
        """Carry out commands, each id once, and confirm a little later."""
        for kind, body in event.blocks:
            if kind == blocks.COMMAND:
                self.executed.add(int.from_bytes(body, "little"))
        self.world.after(self.dice.below(300), self._confirm, (self.boot, event))

    def _confirm(self, told: tuple[int, Arrived]) -> None:
        boot, event = told
        if boot == self.boot and event.session is self.end.session:
            self.end.confirm(event.number)
            self.touch()
