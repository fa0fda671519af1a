"""One soak from its parameters: the run, its failure, and the smallest scenario that fails alike.

Shrinking leaves out whole kinds and faults first, then all but the last few happenings of each kind, and keeps what still
fails with the same words. It is bounded in seconds; what it ends with is printed as one command.
"""

import re
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from time import monotonic
from types import FrameType

from milepost_protocol.testing import FAULTS

from .oracle import Violation
from .planted import planted
from .storm import KINDS, WORK
from .world import DRAIN_MS_MAX, NODES, World

HANG_S = 3.0  # processor time that one happening may take; the slowest honest one takes a millisecond
SHRINK_S = 40.0
NEVER = 1 << 62


@dataclass(frozen=True)
class Scenario:
    """What determines a soak: all that its command line says."""

    seed: int
    until_ms: int = NEVER
    transmissions: int = NEVER
    nodes: int = NODES
    bus: bool = False
    without: frozenset[str] = frozenset()
    only: dict[str, frozenset[int]] = field(default_factory=dict)
    plant: str | None = None

    def command(self) -> str:
        """The command line that runs it."""
        words = ["tools/soak", "wire", "--seed", str(self.seed)]
        words += ["--until-ms", str(self.until_ms)] if self.until_ms < NEVER else []
        words += ["--transmissions", str(self.transmissions)] if self.transmissions < NEVER else []
        words += ["--nodes", str(self.nodes)] if self.nodes != NODES else []
        words += ["--bus"] if self.bus else []
        words += ["--without", ",".join(sorted(self.without))] if self.without else []
        for kind in sorted(self.only):
            words += ["--only", kind + "=" + ",".join(str(number) for number in sorted(self.only[kind]))]
        return shlex.join(words + (["--plant", self.plant] if self.plant else []))


@dataclass
class Failure:
    """A soak that broke a promise: which, when, and the last things that happened."""

    scenario: Scenario
    text: str
    now: int
    transmissions: int
    happened: dict[str, list[int]]
    trace: list[str]

    def shape(self) -> str:
        """The words without the numbers: failures alike have the same."""
        return re.sub(r"[0-9a-f]{4,}|\d+", "#", self.text).split(":")[0]


@contextmanager
def watchdog(world: World) -> Iterator[None]:
    """Raise a Violation if one happening takes HANG_S of processor time."""
    steps = -1

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal steps
        if steps == world.steps:
            raise Violation(f"hangs: one happening takes more than {HANG_S} s in {frame and frame.f_code.co_qualname}")
        steps = world.steps

    before = signal.signal(signal.SIGVTALRM, look)
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S, HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def run(scenario: Scenario, deadline: float = float("inf")) -> World | Failure:
    """Run it; `deadline` (monotonic seconds) ends it early without a failure."""
    world = World(scenario.seed, scenario.without, scenario.only, scenario.nodes, scenario.bus)
    world.keep_going = lambda: monotonic() < deadline
    try:
        with planted(scenario.plant), watchdog(world):
            world.run(scenario.until_ms, scenario.transmissions)
        world.check_coverage()
    except Violation as violation:
        lines = [_line(*one) for one in world.recent]
        return Failure(scenario, str(violation), world.now, world.transmissions, world.storm.happened, lines)
    return world


def _line(now: int, what: str, line: int, direction: int, data: bytes) -> str:
    arrow = "down" if direction else "up"
    where = f"line {line} {arrow:4} {len(data):3} bytes {data[:16].hex()}"
    return f"{now:>10} ms {what:12} {data.decode() if what == 'storm' else where}"


def shrink(failure: Failure, budget_s: float = SHRINK_S) -> tuple[Failure, int]:
    """The smallest failure alike that was found, and how many runs it took."""
    best, runs, deadline = _prefix(failure), 0, monotonic() + budget_s
    tried: set[str] = set()
    while monotonic() < deadline:
        candidate = next((one for one in _smaller(best) if one.command() not in tried), None)
        if candidate is None:
            break
        tried.add(candidate.command())
        found = run(candidate, deadline)
        runs += 1
        if isinstance(found, Failure) and found.shape() == failure.shape():
            best = _prefix(found)
    return best, runs


def _prefix(failure: Failure) -> Failure:
    """The same failure of a run that ends there: a deadlock's run where its last storm ended."""
    late = DRAIN_MS_MAX + 500 if failure.text.startswith("deadlock") else 0
    until = max(1, min(failure.scenario.until_ms, failure.now - late if late else failure.now + 1))
    failure.scenario = replace(failure.scenario, until_ms=until, transmissions=NEVER)
    return failure


def _smaller(failure: Failure) -> Iterator[Scenario]:
    """Scenarios with one thing less, the greatest steps first."""
    now = failure.scenario
    for nodes in range(1, now.nodes):
        yield replace(now, nodes=nodes)
    for name in (*KINDS, *FAULTS):
        if name not in now.without and not (name in WORK and not failure.happened[name]):
            only = {kind: numbers for kind, numbers in now.only.items() if kind != name}
            yield replace(now, without=now.without | {name}, only=only)
    for kind, numbers in failure.happened.items():
        if kind in now.without:
            continue
        sizes = [0] + [1 << i for i in range(len(numbers).bit_length())]
        for less, size in pairwise(sizes):
            if less < size < len(numbers) or (size == len(numbers) and kind not in now.only):
                yield replace(now, only=now.only | {kind: frozenset(numbers[-size:])})
    for part in (8, 4, 2):
        if now.until_ms > 20_000:
            yield replace(now, until_ms=now.until_ms - now.until_ms // part)
