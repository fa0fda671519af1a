"""How well times are known: errors, and the truth of their bounds, over simulated crystals, links and outages.

Each trial is one crystal on one link: hours of exchanges, an outage, two hours more. Records are taken in the outage (without
one, in two hours of normal work) and stamped three times: *during* it, from the anchors before each record alone; *after* it,
with the first burst of exchanges; and *later*, when two hours have shown how the crystal went on. The error is the distance
from the truth; a bound is true if it is no less. One clock serves all records of a trial.
"""

from collections.abc import Iterator
from random import Random

from milepost_protocol.clock import NodeClock, anchor_of

from .crystals import HOUR_MS, LINKS, Crystal, Curve, Link, cubic, parabola
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
# ms, p99 later: what two-sided interpolation reached in the study that the protocol was designed by, or the nearest case in it
LATER_P99_MS_MAX = {
    "UART": {0: 1.9, 1: 3.7, 3: 13.6, 8: 59},
    "USB, 16 ms timer": {0: 9.6, 1: 9.6, 3: 13.6, 8: 62},
    "Wi-Fi": {0: 3.7, 1: 3.7, 3: 13.6, 8: 62},
}
CUBIC_OUTAGE_H = 8

Found = tuple[float, float]  # |error|, stated error, both ms


def figures() -> list[Figure]:
    """Each link with each outage, and crystals whose curve is no parabola on one of them."""
    rows = []
    for outage_h in OUTAGES_H:
        crystals = draw(outage_h, parabola, TRIALS)
        for name, link in LINKS.items():
            found = measure(crystals, link, outage_h)
            rows += _rows(f"time, {name}, {outage_h} h outage", found, LATER_P99_MS_MAX[name][outage_h])
    found = measure(draw(CUBIC_OUTAGE_H, cubic, TRIALS), LINKS["UART"], CUBIC_OUTAGE_H)
    return rows + _rows(f"time, UART, {CUBIC_OUTAGE_H} h outage, cubic crystals", found, LATER_P99_MS_MAX["UART"][8])


def draw(outage_h: int, curve: Curve, trials: int) -> list[Crystal]:
    """The crystals for one outage."""
    hours = BEFORE_H + (outage_h or NORMAL_H) + AFTER_H + 1
    return [Crystal(Random(SEED + trial), hours, curve) for trial in range(trials)]  # noqa: S311 - figures come out the same


def _rows(name: str, found: dict[str, list[Found]], later_p99_ms_max: float) -> list[Figure]:
    rows = []
    for word in ("during", "after"):
        rows += [
            stated(f"{name}: error {word}, p50", _error_ms(found[word], 0.5), "ms"),
            stated(f"{name}: error {word}, p99", _error_ms(found[word], 0.99), "ms"),
            stated(
                f"{name}: stated error {word}, p50", round(quantile([pair[1] for pair in found[word]], 0.5), 2), "ms"
            ),
        ]
    rows.append(at_most(f"{name}: error later, p99", _error_ms(found["later"], 0.99), "ms", later_p99_ms_max))
    least = min(covered_pct(pairs) for pairs in found.values())
    rows.append(at_least(f"{name}: true bounds, the least of the three", least, "%", COVERED_PCT))
    return rows


def _error_ms(pairs: list[Found], part: float) -> float:
    return round(quantile([pair[0] for pair in pairs], part), 2)


def measure(crystals: list[Crystal], link: Link, outage_h: int) -> dict[str, list[Found]]:
    """What was found of all records of all crystals, by when they were stamped."""
    found: dict[str, list[Found]] = {"during": [], "after": [], "later": []}
    for trial, crystal in enumerate(crystals):
        dice = Random(SEED * 1000 + trial)  # noqa: S311 - figures come out the same
        for word, pairs in _trial(crystal, link, outage_h, dice).items():
            found[word] += pairs
    return found


def _trial(crystal: Crystal, link: Link, outage_h: int, dice: Random) -> dict[str, list[Found]]:
    begun, ended = BEFORE_H * HOUR_MS, (BEFORE_H + (outage_h or NORMAL_H)) * HOUR_MS
    taken = sorted(dice.uniform(begun, ended) for _ in range(RECORDS))
    clock = NodeClock()
    during: list[Found] = []
    after: list[Found] = []
    for moment in bursts((begun, ended if outage_h else begun), ended + AFTER_H * HOUR_MS):
        while len(during) < RECORDS and taken[len(during)] < moment:
            during.append(_find(clock, crystal, taken[len(during)]))
        _exchange(clock, crystal, moment, link, dice)
        if moment >= ended and not after:
            after = [_find(clock, crystal, record) for record in taken]
    return {"during": during, "after": after, "later": [_find(clock, crystal, record) for record in taken]}


def bursts(outage: tuple[float, float], end_ms: float) -> Iterator[float]:
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
