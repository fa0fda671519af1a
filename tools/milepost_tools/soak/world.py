"""The world of a soak: nodes, lines, a gateway, an attacker and a storm in virtual time, one happening after another.

Time is a heap of what happens next; nothing else decides the order, so a seed gives one history, to the byte. Storms end in
a calm: all faults are lifted, and everything that is spooled must reach the store, and be let go, within DRAIN_MS_MAX.
"""

import hashlib
from binascii import crc32
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil
from typing import Any

from milepost_protocol.links import DATAGRAM, POLLED, SERIAL
from milepost_protocol.packets import SHORT, TYPE_MASK
from milepost_protocol.testing import FAULTS, Dice

from .attacker import WEAPONS, Attacker
from .lines import DOWN, UP, Line
from .node import NodeModel
from .oracle import Oracle, Violation, require, watching
from .station import Link, Station
from .storm import KINDS, WORK, Storm

NODES = 6
DRAIN_MS_MAX = 300_000  # two HELLO pauses at their longest, four time-outs at theirs, and a spool at 9,600 baud
DRAIN_STEP_MS = 500
OUTAGE_MS = (60_000, 3 * 3_600_000)
SLEEP_MS = (60_000, 2 * 3_600_000)
APPEND_MS = (100, 2000)  # between two batches of a node
STEP_MS = 365 * 24 * 3_600_000  # how far the wall clock jumps
LAGS_MS = (0, 50, 5)  # how late programs come to send what they have to say, link by link and node by node
SWEEP_MS = 60_000  # between two comparisons of the whole book with all spools
TRACE_MAX = 48  # happenings that a failure shows
WITNESSES = 20_000  # from so many transmissions on, every kind, fault and weapon must have been seen
WITNESS_MS = 1_500_000  # and from so long on: a bus says much in little time

Told = Any  # what a happening needs to know: it is handed through


class World:
    """One soak. `without` and `only` leave out parts of the storm; `nodes` is how many; `bus`: all on a polled bus."""

    def __init__(
        self,
        seed: int,
        without: frozenset[str] = frozenset(),
        only: dict[str, frozenset[int]] | None = None,
        nodes: int = NODES,
        bus: bool = False,
    ) -> None:
        self.seed = seed
        self.now = 0
        self.steps = 0
        self.transmissions = 0  # SHORT packets, of which a bus has thousands, apart
        self.shorts = 0
        self.drained_ms_max = 0
        self.phase = 0
        self.stormy = False
        self.recent: deque[tuple[int, str, int, int, bytes]] = deque(maxlen=TRACE_MAX)
        self.oracle = Oracle()
        self.storm = Storm(seed, without, only or {})
        self.attacker = Attacker(self)
        self._wall_offset = 0
        self._hash = hashlib.blake2b(digest_size=16)
        self.keep_going: Callable[[], bool] = lambda: True  # asked now and then; a soak that may not go on just ends
        self._heap: list[tuple[int, int, Callable[[Told], None], Told]] = []
        self._pushed = 0
        self._people(Dice(seed), nodes, bus)

    def _people(self, dice: Dice, count: int, bus: bool) -> None:
        """Make lines, nodes and the gateway: one bus, or half of them on serial links and the others on one datagram link."""
        kinds = [POLLED] * count if bus else [SERIAL] * ((count + 1) // 2) + [DATAGRAM] * (count // 2)
        self.lines = [Line(i, kinds[i], Dice(dice.bits())) for i in range(count)]
        lags = (0, 0, 0) if bus else LAGS_MS
        self.nodes = [
            NodeModel(self, line, line.index % 3 == 2, lags[(line.index + 1) % 3], Dice(dice.bits()))
            for line in self.lines
        ]
        links = [Link([line], lags[line.index % 3]) for line in self.lines if line.kind is SERIAL]
        shared = [line for line in self.lines if line.kind is not SERIAL]
        links += [Link(shared, lags[1])] if shared else []
        self._link_of = {line.index: link for link in links for line in link.lines}
        self._arrive_at: dict[tuple[int, int], int] = {}
        self.station = Station(self, links, {node.ident: node for node in self.nodes}, Dice(dice.bits()))
        self._work = Dice(dice.bits())

    # -- for the models -----------------------------------------------------------------------------------------------------

    def after(self, delay_ms: int, do: Callable[[Told], None], told: Told) -> int:
        """Let something happen later; return when."""
        require(delay_ms >= 0, "an end wants to be woken in the past")
        due = self.now + delay_ms
        self._pushed += 1
        heappush(self._heap, (due, self._pushed, do, told))
        return due

    def wake(self, node: NodeModel, due: int) -> None:
        """Touch a node at `due` or before."""
        if not self.now < node.wake_at <= due:
            node.wake_at = self.after(due - self.now, self._wake_node, (node, due))

    def _wake_node(self, told: tuple[NodeModel, int]) -> None:
        node, due = told
        if node.wake_at == due:
            node.wake_at = -1
            node.touch()

    def wake_link(self, station: Station, link: Link, due: int) -> None:
        """Touch a link at `due` or before."""
        if not self.now < link.wake_at <= due:
            link.wake_at = self.after(due - self.now, self._wake_link, (station, link, due))

    def _wake_link(self, told: tuple[Station, Link, int]) -> None:
        station, link, due = told
        if link.wake_at == due:
            link.wake_at = -1
            station.touch(link)

    def put(self, line: Line, direction: int, packet: bytes, shared: bool = False) -> None:
        """A packet leaves for the other end of the line; `shared`: it was counted on another line of the same bus."""
        if shared:
            pass
        elif packet[0] & TYPE_MASK == SHORT:
            self.shorts += 1
        else:
            self.transmissions += 1
        self.trace("sent", line.index, direction, packet)
        self._expect(line, direction, line.put(direction, packet, self.now))

    def _expect(self, line: Line, direction: int, due: int) -> None:
        known = self._arrive_at.get((line.index, direction), -1)
        if due >= 0 and not self.now < known <= due:
            self._arrive_at[line.index, direction] = self.after(max(0, due - self.now), self._arrive, (line, direction))

    def _arrive(self, told: tuple[Line, int]) -> None:
        line, direction = told
        for packet in line.get(direction, self.now):
            self._receive(line, direction, packet)
        self._arrive_at[line.index, direction] = -1
        due = line.wires[direction].next_deadline()
        self._expect(line, direction, -1 if due is None else ceil(due))

    def _receive(self, line: Line, direction: int, packet: bytes, elsewhere: bool = False) -> None:
        if direction == UP:
            self.station.receive(self._link_of[line.index], line, packet, elsewhere)
        else:
            self.nodes[line.index].receive(packet)

    def inject(self, line: Line, direction: int, packet: bytes, elsewhere: bool) -> None:
        """The attacker says something; an outage stops it too."""
        self.trace("attack", line.index, direction, packet)
        if not line.out[direction]:
            for found in line.inject(direction, packet):
                self._receive(line, direction, found, elsewhere)

    def wall(self) -> int:
        """The gateway's wall clock, ms: it steps, and nothing may care."""
        return self.now + self._wall_offset

    def trace(self, what: str, line: int, direction: int, data: bytes) -> None:
        """One line of the history."""
        self._hash.update(b"%d %d %d %d %s;" % (self.now, line, direction, crc32(data), what.encode()))
        self.recent.append((self.now, what, line, direction, data))

    def history(self) -> str:
        """A hash of all that happened: the same seed gives the same one."""
        return self._hash.copy().hexdigest()

    # -- running ------------------------------------------------------------------------------------------------------------

    def run(self, until_ms: int = 1 << 62, transmissions: int = 1 << 62) -> "World":
        """Storms and calms until a time, or a number of transmissions, whichever comes first; then a last calm."""
        with watching(self.oracle):
            for kind in KINDS:
                self._plan(kind, 0)
            for node in self.nodes:
                self._append(node)
                node.touch()
            while self.now < until_ms and self.transmissions < transmissions and self.keep_going():
                self._weather(min(until_ms, self.now + self.storm.length_ms(self.phase)), transmissions)
                self._calm()
                self.phase += 1
        return self

    def _weather(self, end: int, transmissions: int) -> None:
        """One storm."""
        self.stormy = True
        for line in self.lines:
            line.weather = [self.storm.weather(self.phase, line.index, direction) for direction in (UP, DOWN)]
            line.set_weather()
        while self.now < end and self.transmissions < transmissions and self.keep_going():
            self._pass(min(end, self.now + SWEEP_MS))
            self._sweep()

    def _pass(self, until: int) -> None:
        """Let everything happen that is due by then."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, do, told = heappop(heap)
            self.steps += 1
            do(told)
        self.now = until

    def _sweep(self) -> None:
        """Compare the whole book with all spools."""
        held = {name for node in self.nodes for batch in node.spool for name in batch.names}
        require(held == self.oracle.held_names(), "a spool and the book disagree about what is held")

    def _calm(self) -> None:
        """Lift all faults; everything must drain."""
        self.stormy = False
        for line in self.lines:
            line.calm()
        for node in self.nodes:
            self._rouse(node)
        began = self.now
        while not self._is_drained():
            if self.now - began > DRAIN_MS_MAX:
                raise Violation(f"deadlock: {self._leftover()} after {DRAIN_MS_MAX} ms without faults")
            self._pass(self.now + DRAIN_STEP_MS)
        self.drained_ms_max = max(self.drained_ms_max, self.now - began)
        self._sweep()
        self.oracle.settle()

    def _is_drained(self) -> bool:
        return not (any(node.spool for node in self.nodes) or self.station.commands or self.station.waiting)

    def _leftover(self) -> str:
        spooled = {node.ident.hex()[-2:]: len(node.spool) for node in self.nodes if node.spool}
        return f"batches spooled {spooled}, commands {len(self.station.commands)}"

    # -- what happens ---------------------------------------------------------------------------------------------------------

    def _append(self, node: NodeModel) -> None:
        """A node makes a few records, now and again later."""
        self.after(APPEND_MS[0] + self._work.below(APPEND_MS[1]), self._append, node)
        if self.stormy and not node.asleep:
            node.append(self._work.below(3), 1 + self._work.below(6))
            node.touch()

    def _plan(self, kind: str, number: int) -> None:
        self.after(self.storm.gap_ms(kind, number), self._strike, (kind, number))

    def _strike(self, told: tuple[str, int]) -> None:
        kind, number = told
        self._plan(kind, number + 1)
        if self.stormy and self.storm.strikes(kind, number):
            self.trace("storm", 0, 0, f"{kind} {number}".encode())
            dice = self.storm.dice(kind, number)
            dice.bits()  # the first was the gap
            node = self.nodes[dice.below(len(self.nodes))]
            getattr(self, "_do_" + kind.replace("-", "_"))(node, dice)

    def _do_reboot(self, node: NodeModel, dice: Dice) -> None:
        node.reboot()
        node.touch()

    def _do_sleep(self, node: NodeModel, dice: Dice) -> None:
        node.asleep = True
        self.after(SLEEP_MS[0] + dice.below(SLEEP_MS[1] >> dice.below(6)), self._rouse, node)

    def _rouse(self, node: NodeModel) -> None:
        if node.asleep:
            node.asleep = False
            node.touch()

    def _do_restart(self, node: NodeModel, dice: Dice) -> None:
        self.station.start()

    def _do_outage(self, node: NodeModel, dice: Dice) -> None:
        direction = dice.below(2)
        node.line.out[direction] = True
        node.line.set_weather()
        self.after(OUTAGE_MS[0] + dice.below(OUTAGE_MS[1] >> dice.below(6)), self._mend, (node.line, direction))

    def _mend(self, told: tuple[Line, int]) -> None:
        line, direction = told
        line.out[direction] = False
        line.set_weather()

    def _do_clock_step(self, node: NodeModel, dice: Dice) -> None:
        self._wall_offset += dice.below(2 * STEP_MS) - STEP_MS

    def _do_attack(self, node: NodeModel, dice: Dice) -> None:
        self.attacker.salvo(dice)

    def _do_backlog(self, node: NodeModel, dice: Dice) -> None:
        if not node.asleep:
            for _ in range(10 + dice.below(50)):
                node.append(1 + dice.below(2), 1 + dice.below(20))
            node.touch()

    def _do_command(self, node: NodeModel, dice: Dice) -> None:
        self.station.command(node.ident)

    def _do_probe(self, node: NodeModel, dice: Dice) -> None:
        self.station.probe()

    # -- what it amounts to -----------------------------------------------------------------------------------------------------

    def figures(self) -> dict[str, int | float | str]:
        """What took place, by name."""
        found: dict[str, int | float | str] = {"transmissions": self.transmissions, "shorts": self.shorts}
        found["steps"] = self.steps
        found |= {f"records {what}": count for what, count in self.oracle.counts.items()}
        found |= {f"{kind}s": len(numbers) for kind, numbers in self.storm.happened.items() if kind not in WORK}
        found |= {f"wire {fault}": sum(line.fired(fault) for line in self.lines) for fault in FAULTS}
        found |= {f"attacker {weapon}": count for weapon, count in self.attacker.said.items()}
        found |= {f"gateway refused {name}": count for name, count in self.station.totals().items()}
        found["sealed"] = self.oracle.sealed
        found["damaged frames"] = sum(line.damaged() for line in self.lines)
        found["retransmitted"] = sum(node.retransmitted for node in self.nodes)
        found["commands"] = self.station.commands_made
        found["time exchanges"] = self.station.measured
        found["storms"] = self.phase
        found["slowest drain ms"] = self.drained_ms_max
        found["virtual hours"] = round(self.now / 3_600_000, 2)
        found["history"] = self.history()
        return found

    def check_coverage(self) -> None:
        """After a long run everything that can go wrong has gone wrong, and work was done beside it."""
        figures = self.figures()
        if self.transmissions < WITNESSES or self.now < WITNESS_MS or self.storm.without or self.storm.only:
            return
        unseen = [name for name, value in figures.items() if value == 0]
        require(not unseen, f"never happened, so nothing was shown about it: {', '.join(unseen)}")
        require(set(self.attacker.said) == set(WEAPONS), "weapons and their table differ")
        require(self.oracle.counts["delivered"] * 3 >= self.transmissions, "too few records for so many transmissions")
