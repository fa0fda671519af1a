"""What a temperature term would gain: drift as a parabola of the box's temperature, learnt on two days and tried on the third.

The wire's clock has no such term; this is the measurement behind that. The sensor is not the crystal: it reads the air, which the
crystal follows half an hour late, with an error of its own, noise and 0.1 degree steps. In an outage on the third day the term
bends the line between the anchors at both ends as the temperatures say. Errors right after the outage, with it and without.
"""

from random import Random

from milepost_protocol.clock import Anchor, NodeClock, anchor_of, bound

from .crystals import HOUR_MS, LINKS, STEP_MS, Crystal, Curve, cubic, parabola
from .figures import Figure, stated
from .wire_time import EXCHANGE_MS, EXCHANGES, SEED, bursts, quantile

LEARN_H = 48
OUTAGES_H = (3, 8)
TRIALS = 30
RECORDS = 20
WINDOW = 6  # bursts apart are the ends of what one drift is learnt from: an hour
MIDDLE_C = 25.0  # temperatures are fitted as distances from this
SENSOR_ERROR_C = (-2.0, 4.0)  # against the crystal, as much as a board warms itself
SENSOR_NOISE_C = 0.2


def figures() -> list[Figure]:
    """For parabolic and cubic crystals and two outages: error with the term and without, promising nothing."""
    rows = []
    for curve in (parabola, cubic):
        for outage_h in OUTAGES_H:
            name = f"time, temperature term, {curve.__name__}, {outage_h} h outage"
            for word, errors in measure(curve, outage_h).items():
                rows.append(stated(f"{name}: error {word}, p50", round(quantile(errors, 0.5), 2), "ms"))
                rows.append(stated(f"{name}: error {word}, p99", round(quantile(errors, 0.99), 2), "ms"))
    return rows


def measure(curve: Curve, outage_h: int, trials: int = TRIALS) -> dict[str, list[float]]:
    """Errors in ms, of all records of all crystals."""
    errors: dict[str, list[float]] = {"without": [], "with": []}
    for trial in range(trials):
        dice = Random(SEED * 2000 + trial)  # noqa: S311 - figures come out the same
        crystal = Crystal(dice, LEARN_H + outage_h + 2, curve)
        anchors = _anchors(crystal, outage_h, dice)
        term = Term(anchors, _sensor(crystal, dice))
        for _ in range(RECORDS):
            moment = dice.uniform(LEARN_H, LEARN_H + outage_h) * HOUR_MS
            uptime_ms = int(crystal.uptime_ms(moment))
            truth_us = (moment - uptime_ms) * 1000 - 500
            errors["without"].append(abs(_plain_us(anchors, uptime_ms) - truth_us) / 1000)
            errors["with"].append(abs(term.bent_us(anchors, uptime_ms) - truth_us) / 1000)
    return errors


def _anchors(crystal: Crystal, outage_h: int, dice: Random) -> list[Anchor]:
    """One fused anchor a burst: two days of them, and the first behind the outage."""
    outage = (LEARN_H * HOUR_MS, (LEARN_H + outage_h) * HOUR_MS)
    found = []
    for begun in bursts(outage, outage[1] + HOUR_MS):
        clock = NodeClock()
        for place in range(EXCHANGES):
            clock.add(anchor_of(*crystal.exchange(begun + place * EXCHANGE_MS, LINKS["UART"], dice)))
        if clock.newest:
            found.append(clock.newest)
        if begun >= outage[1]:
            break
    return found


def _sensor(crystal: Crystal, dice: Random) -> list[float]:
    """What the node's sensor reads each minute."""
    wrong = dice.uniform(*SENSOR_ERROR_C)
    return [round(celsius + wrong + dice.gauss(0, SENSOR_NOISE_C), 1) for celsius in crystal.box.sensor_c]


def _plain_us(anchors: list[Anchor], uptime_ms: int) -> float:
    """The offset as the wire's clock has it, in us."""
    found = bound(anchors, uptime_ms)
    return found.middle_us - uptime_ms * 1000 - 500 if found else 0.0


def _middle_us(anchor: Anchor) -> float:
    return (anchor.low_us + anchor.high_us) / 2


class Term:
    """A drift learnt over temperature from all but the last of the anchors, and what it adds up to minute by minute."""

    def __init__(self, anchors: list[Anchor], sensor_c: list[float]) -> None:
        self._shift_ms = _middle_us(anchors[0]) / 1000  # of gateway time against uptime, to the minute
        pairs = list(zip(anchors[:-WINDOW], anchors[WINDOW:-1], strict=False))[:: WINDOW // 2]
        warmth = [self._mean_c(sensor_c, *pair) - MIDDLE_C for pair in pairs]
        drifts = [(_middle_us(b) - _middle_us(a)) * 1000 / (b.uptime_ms - a.uptime_ms) for a, b in pairs]
        constant, linear, square = fit_parabola(warmth, drifts)
        self._sums_us = [0.0]
        for celsius in sensor_c:
            away = max(min(warmth), min(max(warmth), celsius - MIDDLE_C))  # what was never learnt is not guessed
            drift_ppm = constant + linear * away + square * away * away
            self._sums_us.append(self._sums_us[-1] + drift_ppm * STEP_MS / 1000)

    def bent_us(self, anchors: list[Anchor], uptime_ms: int) -> float:
        """The offset in the gap before the last anchor: between its ends, and bent as the temperatures say."""
        a, b = anchors[-2], anchors[-1]
        part = (uptime_ms - a.uptime_ms) / (b.uptime_ms - a.uptime_ms)
        bend = self._sum_us(uptime_ms) - self._sum_us(a.uptime_ms) * (1 - part) - self._sum_us(b.uptime_ms) * part
        return _middle_us(a) * (1 - part) + _middle_us(b) * part + bend

    def _minute(self, uptime_ms: int) -> float:
        return (uptime_ms + self._shift_ms) / STEP_MS

    def _mean_c(self, sensor_c: list[float], a: Anchor, b: Anchor) -> float:
        between = sensor_c[int(self._minute(a.uptime_ms)) : int(self._minute(b.uptime_ms))]
        return sum(between) / len(between)

    def _sum_us(self, uptime_ms: int) -> float:
        minute, part = divmod(self._minute(uptime_ms), 1)
        before, after = self._sums_us[int(minute)], self._sums_us[int(minute) + 1]
        return before + (after - before) * part


def fit_parabola(xs: list[float], ys: list[float]) -> tuple[float, float, float]:
    """Constant, linear and square coefficient of least squares, by Gauss elimination of the normal equations."""
    rows = [
        [sum(x ** (i + j) for x in xs) for j in range(3)] + [sum(y * x**i for x, y in zip(xs, ys, strict=True))]
        for i in range(3)
    ]
    for i in range(3):
        for j in range(3):
            if i != j:
                factor = rows[j][i] / rows[i][i]
                rows[j] = [mine - factor * its for mine, its in zip(rows[j], rows[i], strict=True)]
    return rows[0][3] / rows[0][0], rows[1][3] / rows[1][1], rows[2][3] / rows[2][2]
