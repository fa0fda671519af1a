"""A model of a gateway: ends for its links, a disk that outlives it, and commits that take their time.

What arrives waits in memory for the next commit; only then is it confirmed, a little later, so that a kill can fall between
any two of these. A kill loses all sessions, all that was not committed, and sometimes the clock. The store names records by
their fronts alone, and drops repeats by name.
"""

from typing import TYPE_CHECKING

from milepost_protocol import blocks, records
from milepost_protocol.bus import Bus
from milepost_protocol.events import Acked, Arrived, Closed, Event, TimeMeasured
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.links import DATAGRAM
from milepost_protocol.testing import Dice

from .lines import DOWN, UP, Line
from .node import NodeModel
from .oracle import Name, require

if TYPE_CHECKING:
    from .world import World

COMMIT_MS_MAX = 1000  # a commit begins at the latest so long after the first packet that waits for it
CONFIRM_MS_MAX = 30  # from the commit to the confirmation
PACKETS_MAX = 64  # an end that has more to say at one instant is babbling
ELSEWHERE = "elsewhere"  # the source of what the attacker says from an address of its own


class Store:
    """What is on disk: records by name, and how often one came again."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.stamped_at: dict[tuple[bytes, int], int] = {}  # (node, boot): wall clock of the last commit, for show only
        self._seen: dict[tuple[bytes, int], bytearray] = {}

    def commit(self, waiting: list[tuple["Link", Arrived]]) -> None:
        """One transaction."""
        for _, event in waiting:
            for kind, body in event.blocks:
                if blocks.is_record(kind):
                    self._take(event.session.node, records.front(kind, body))

    def _take(self, node: bytes, front: records.Front) -> None:
        self.stamped_at[node, front.boot] = self.world.wall()
        for sequence in front.sequences:
            if self.is_new(node, front.boot, sequence):
                self.world.oracle.deliver((node, front.boot, sequence))
            else:
                self.world.oracle.counts["repeats"] += 1

    def is_new(self, node: bytes, boot: int, sequence: int) -> bool:
        """Whether this name was never stored; it is now."""
        seen = self._seen.setdefault((node, boot), bytearray())
        if sequence >= len(seen):
            seen.extend(bytes(sequence + 64 - len(seen)))
        seen[sequence], before = 1, seen[sequence]
        return not before

    def holds(self, name: Name) -> bool:
        """Whether this record is on disk."""
        seen = self._seen.get(name[:2], b"")
        return name[2] < len(seen) and seen[name[2]] == 1


class Link:
    """One end of the gateway's and the lines that lead to it: one if serial, else any number; `lag_ms`: a slow program."""

    def __init__(self, lines: list[Line], lag_ms: int) -> None:
        self.lines = lines
        self.lag_ms = lag_ms
        self.kind = lines[0].kind
        self.end: GatewayEnd
        self.wake_at = -1


class Station:
    """A gateway with its links; `nodes` by their identity."""

    def __init__(self, world: "World", links: list[Link], nodes: dict[bytes, NodeModel], dice: Dice) -> None:
        self.world = world
        self.links = links
        self.nodes = nodes
        self.dice = dice
        self.store = Store(world)
        self.commands: dict[int, tuple[bytes, bool]] = {}  # id: node, whether it is with a session; on disk until acked
        self.commands_made = 0
        self.measured = 0
        self.refused = {"forged": 0, "replayed": 0, "no_session": 0, "bad_packet": 0}
        self.life = 0
        self.start()

    # -- its life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin anew with what is on disk; after a power cut the clock begins anew too."""
        if self.life:
            self._count_refused()
        self.life += 1
        self.waiting: list[tuple[Link, Arrived]] = []
        self.commit_at = -1
        self.commands = {number: (node, False) for number, (node, _) in self.commands.items()}
        self.started = self.world.now if self.life > 1 and self.dice.chance(0.3) else -1_000_000
        for link in self.links:
            keys = {self.nodes[node].ident: self.nodes[node].key for node in self.nodes}
            if link.kind.polled:
                link.end = Bus(keys.get, self.dice.bytes, COMMIT_MS_MAX)
            else:
                link.end = GatewayEnd(keys.get, self.dice.bytes, COMMIT_MS_MAX, link.kind)
            for line in link.lines:
                line.reset(UP)

    def clock(self) -> int:
        """Milliseconds on this machine's monotonic clock."""
        return self.world.now - self.started

    def _count_refused(self) -> None:
        for link in self.links:
            for name in self.refused:
                self.refused[name] += _counters(link)[name]

    def totals(self) -> dict[str, int]:
        """What all lives so far refused."""
        return {name: self.refused[name] + sum(_counters(link)[name] for link in self.links) for name in self.refused}

    # -- the wire ----------------------------------------------------------------------------------------------------------

    def receive(self, link: Link, line: Line, packet: bytes, elsewhere: bool = False) -> None:
        """A packet from a line, or from the attacker's own address."""
        source = None if link.kind is not DATAGRAM else ELSEWHERE if elsewhere else line.index
        self._note(link, link.end.receive(packet, self.clock(), source))
        self.world.oracle.check_live(link.end.sessions())
        self._soon(link)

    def _soon(self, link: Link) -> None:
        """Touch a link at once, or as late as its program is slow: several packets may come, and be confirmed, before."""
        if link.lag_ms:
            self.world.wake_link(self, link, self.world.now + 1 + self.dice.below(link.lag_ms))
        else:
            self.touch(link)

    def touch(self, link: Link) -> None:
        """Let time pass, hand over commands, say what there is to say."""
        now = self.clock()
        self._note(link, link.end.tick(now))
        if self.commands:
            self._hand_over(link)
        if self.waiting and link.end.commit_wanted():
            self._commit()
        for _ in range(PACKETS_MAX):
            addressed = link.end.data_to_send(now)
            if addressed is None:
                break
            self._put(link, addressed[0], addressed[1])
        else:
            require(False, "a gateway babbles")
        due = link.end.next_deadline()
        if due is not None:
            self.world.wake_link(self, link, max(due, now + 1) + self.started)

    def _put(self, link: Link, source: object, packet: bytes) -> None:
        lines = [line for line in link.lines if line.index == source] if link.kind is DATAGRAM else link.lines
        for line in lines:
            self.world.put(line, DOWN, packet, shared=line is not lines[0])

    def _note(self, link: Link, events: list[Event]) -> None:
        for event in events:
            self.world.trace(type(event).__name__, link.lines[0].index, DOWN, event.session.ident)
            if isinstance(event, Arrived):
                self._arrived(link, event)
            elif isinstance(event, Acked):
                self._obeyed(event)
            elif isinstance(event, Closed):
                for number in event.tokens:
                    if isinstance(number, int) and number in self.commands:
                        self.commands[number] = (event.session.node, False)
            elif isinstance(event, TimeMeasured):
                self._measured(event)

    # -- records up ----------------------------------------------------------------------------------------------------------

    def _arrived(self, link: Link, event: Arrived) -> None:
        require(event.session in link.end.sessions(), "a replaced session still brings data")
        if not any(blocks.is_kept(kind) for kind, _ in event.blocks):
            link.end.confirm(event.session, event.number)
            return
        self.waiting.append((link, event))
        if self.commit_at < 0:
            wait = 5 + self.dice.below(20 if self.dice.chance(0.5) else COMMIT_MS_MAX - 2 * CONFIRM_MS_MAX)
            self.commit_at = self.world.after(wait, self._commit_due, self.life)

    def _commit_due(self, life: int) -> None:
        if life == self.life and 0 <= self.commit_at <= self.world.now:
            self._commit()

    def _commit(self) -> None:
        """Write all that waits, and confirm it when the disk says so."""
        batch, self.waiting, self.commit_at = self.waiting, [], -1
        self.store.commit(batch)
        self.world.after(self.dice.below(CONFIRM_MS_MAX), self._committed, (self.life, batch))

    def _committed(self, told: tuple[int, list[tuple[Link, Arrived]]]) -> None:
        life, batch = told
        if life != self.life:
            return
        for link, event in batch:
            link.end.confirm(event.session, event.number)
        for link in self.links:
            self._soon(link)

    # -- commands down, time ---------------------------------------------------------------------------------------------------

    def command(self, node: bytes) -> None:
        """Take a command for a node, durably."""
        self.commands_made += 1
        self.commands[self.commands_made] = (node, False)

    def _hand_over(self, link: Link) -> None:
        live = {session.node: session for session in link.end.sessions()}
        for number, (node, given) in list(self.commands.items()):
            if not given and node in live:
                self.commands[number] = (node, True)
                link.end.send(live[node], blocks.COMMAND, number.to_bytes(4, "little"), number)

    def _obeyed(self, event: Acked) -> None:
        for number in event.tokens:
            if isinstance(number, int):
                done = number in self.nodes[event.session.node].executed
                require(done, f"command {number} was acked and never carried out")
                self.commands.pop(number, None)

    def probe(self) -> None:
        """Ask every node for its time."""
        for link in self.links:
            for session in link.end.sessions():
                link.end.probe(session)
            self.touch(link)

    def _measured(self, event: TimeMeasured) -> None:
        """The node's two stamps lie, in truth, between the gateway's."""
        zero = self.nodes[event.session.node].started[event.session.boot]
        true = [event.sent + self.started, event.received + zero, event.replied + zero, event.back + self.started]
        require(true == sorted(true), f"a time exchange lied: {true}")
        self.measured += 1


def _counters(link: Link) -> dict[str, int]:
    return {str(name): count for name, count in link.end.counters.items()}
