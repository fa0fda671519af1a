"""The storm: what goes wrong, when, and to whom, all drawn from the seed, each piece on its own dice.

Because every happening has dice of its own, leaving one out changes none of the others: that is what lets a failure be
shrunk to the few happenings that it needs. Kinds and faults are one table each; a run must have seen every row of both.
"""

from milepost_protocol.testing import FAULTS, Dice

# kind: mean seconds between two, somewhere in the world
KINDS = {
    "reboot": 40,  # a node loses RAM
    "sleep": 300,  # a node is deaf and dumb for minutes to hours, its state intact
    "restart": 50,  # the gateway is killed and started
    "outage": 300,  # a line is cut in one direction for minutes to hours
    "clock-step": 120,  # the gateway's wall clock jumps, by up to a year
    "attack": 8,  # a salvo of what an attacker can say
    "backlog": 200,  # a node comes by many records at once
    "command": 20,  # the gateway has something for a node
    "probe": 15,  # the gateway asks for the time
}
WORK = ("backlog", "command", "probe")  # not faults: no failure needs them explained

# fault of the wire: the highest rate that weather brings
WEATHER = {
    "drop": 0.12,
    "duplicate": 0.1,
    "reorder": 0.15,
    "truncate": 0.04,
    "insert": 0.04,
    "flip": 2e-4,
    "burst": 0.03,
}
FINE_CHANCE = 0.25  # lines that have a quiet day
STORM_MS = (600_000, 5_400_000)  # how long a storm lasts before the calm that must drain everything


class Storm:
    """What the seed has in store. `without`: kinds and faults left out; `only`: of these kinds just these happenings."""

    def __init__(self, seed: int, without: frozenset[str], only: dict[str, frozenset[int]]) -> None:
        self.seed = seed
        self.without = without
        self.only = only
        self.happened: dict[str, list[int]] = {kind: [] for kind in KINDS}

    def dice(self, what: str, number: int) -> Dice:
        """The dice of happening `number` of one kind."""
        place = (*KINDS, "phase", "weather").index(what)
        return Dice((self.seed * 1_000_003 + place) * 1_000_003 + number)

    def gap_ms(self, kind: str, number: int) -> int:
        """How long after the one before it this happening comes."""
        return 1 + self.dice(kind, number).below(2000 * KINDS[kind])

    def strikes(self, kind: str, number: int) -> bool:
        """Whether this happening takes place; noted if so."""
        if kind in self.without or number not in self.only.get(kind, (number,)):
            return False
        self.happened[kind].append(number)
        return True

    def length_ms(self, phase: int) -> int:
        """How long the storm of this phase lasts."""
        return STORM_MS[0] + self.dice("phase", phase).below(STORM_MS[1] - STORM_MS[0])

    def weather(self, phase: int, line: int, direction: int) -> dict[str, float]:
        """Fault rates of one direction of a line in this phase."""
        dice = self.dice("weather", phase * 1024 + line * 2 + direction)
        if dice.chance(FINE_CHANCE):
            return {}
        drawn = {fault: WEATHER[fault] * dice.below(1000) / 1000 for fault in FAULTS}
        return {fault: 0.0 if fault in self.without else rate for fault, rate in drawn.items()}
