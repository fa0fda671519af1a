"""How well times are known: errors and the truth of their bounds over simulated crystals, links and outages.

Each trial is one crystal on one link: hours of exchanges, an outage, two hours more. Records are taken in the outage (without
one, in two hours of normal work) and stamped twice: *during*, from the anchors before them alone, and *after*, from all. The
error is the distance from the truth, and a bound counts as true if it is no more than that. One clock serves all records of a trial.
"""

from collections.abc import Iterator
from random import Random

from milepost_protocol.clock import NodeClock, anchor_of

from .crystals import HOUR_MS, LINKS, Crystal, Link
from .figures import Figure, at_least, at_most, stated

SEED = 11
OUTAGES_H = (0, 1, 3, 8)
BEFORE_H, AFTER_H = 8, 2  # hours with the link up
NORMAL_H = 2  # how long records are taken where there is no outage
EXCHANGES, EXCHANGE_MS = 4, 50  # in a burst
BURST_MS = 600_000
TRIALS = 150  # crystals for each outage; the same ones on each link
RECORDS = 20  # in each trial
COVERED_PCT = 99.9  # of bounds must hold the truth
# ms, p99 after the outage: what two-sided interpolation was measured to reach when the protocol was designed
AFTER_P99_MS_MAX = {
    ("UART", 0): 1.9, ("UART", 1): 3.7, ("UART", 3): 13.6, ("UART", 8): 59,
    ("USB, 16 ms timer", 0): 9.6, ("USB, 16 ms timer", 1): 9.6, ("USB, 16 ms timer", 3): 13.6, ("USB, 16 ms timer", 8): 62,
    ("Wi-Fi", 0): 3.7, ("Wi-Fi", 1): 3.7, ("Wi-Fi", 3): 13.6, ("Wi-Fi", 8): 62,
}  # fmt: skip

Found = tuple[float, float]  # |error|, stated error, both ms


def figures() -> list[Figure]:
    """Each link with each outage: errors during and after, stated errors, and how many of those were true."""
    rows = []
    for outage_h in OUTAGES_H:
        crystals = [Crystal(Random(SEED + trial), _span_h(outage_h)) for trial in range(TRIALS)]
        for name, link in LINKS.items():
            during, after = measure(crystals, link, outage_h)
            rows += _rows(f"time, {name}, {outage_h} h outage", during, after, AFTER_P99_MS_MAX[name, outage_h])
    return rows


def _span_h(outage_h: int) -> int:
    return BEFORE_H + (outage_h or NORMAL_H) + AFTER_H + 1


def _rows(name: str, during: list[Found], after: list[Found], after_p99_ms_max: float) -> list[Figure]:
    rows = []
    for word, found, limit in (("during", during, None), ("after", after, after_p99_ms_max)):
        error_ms, bound_ms = [one[0] for one in found], [one[1] for one in found]
        p99 = round(quantile(error_ms, 0.99), 2)
        p99_name = f"{name}: error {word}, p99"
        rows += [
            stated(f"{name}: error {word}, p50", round(quantile(error_ms, 0.5), 2), "ms"),
            stated(p99_name, p99, "ms") if limit is None else at_most(p99_name, p99, "ms", limit),
            stated(f"{name}: stated error {word}, p50", round(quantile(bound_ms, 0.5), 2), "ms"),
            at_least(f"{name}: true bounds {word}", covered_pct(found), "%", COVERED_PCT),
        ]
    return rows


def measure(crystals: list[Crystal], link: Link, outage_h: int) -> tuple[list[Found], list[Found]]:
    """What was found during and after the outage, of all records of all crystals."""
    during: list[Found] = []
    after: list[Found] = []
    for trial, crystal in enumerate(crystals):
        dice = Random(SEED * 1000 + trial)
        span = BEFORE_H * HOUR_MS, (BEFORE_H + (outage_h or NORMAL_H)) * HOUR_MS
        taken = sorted(dice.uniform(*span) for _ in range(RECORDS))
        outage = (span[0], span[1] if outage_h else span[0])
        clock = NodeClock()
        waiting = iter(taken + [float("inf")])
        next_record = next(waiting)
        for begun in _bursts(outage, span[1] + AFTER_H * HOUR_MS):
            while next_record < begun:
                during.append(_find(clock, crystal, next_record))
                next_record = next(waiting)
            _exchange(clock, crystal, begun, link, dice)
        after += [_find(clock, crystal, moment) for moment in taken]
    return during, after


def _bursts(outage: tuple[float, float], end_ms: float) -> Iterator[float]:
    """When bursts of exchanges begin."""
    moment = 1000.0
    while moment < end_ms:
        if not outage[0] <= moment < outage[1]:
            yield moment
        moment += BURST_MS


def _exchange(clock: NodeClock, crystal: Crystal, begun: float, link: Link, dice: Random) -> None:
    for place in range(EXCHANGES):
        clock.add(anchor_of(*crystal.exchange(begun + place * EXCHANGE_MS, link, dice)))


def _find(clock: NodeClock, crystal: Crystal, moment: float) -> Found:
    """Stamp the record that was taken at `moment`: its error, and the error stated for it."""
    found = clock.bound(int(crystal.uptime_ms(moment)))
    if found is None:
        raise AssertionError("a clock that was measured knows no time")
    return abs(found.middle_us / 1000 - moment), found.error_us / 1000


def covered_pct(found: list[Found]) -> float:
    """How many stated errors were no smaller than the error, in percent."""
    return 100 * sum(error <= stated_ms for error, stated_ms in found) / len(found)


def quantile(values: list[float], part: float) -> float:
    """The value that `part` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
