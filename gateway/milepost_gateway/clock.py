"""When a node's uptime was, on the gateway's clock: bounds from two-way exchanges, and never a guess without them.

Each exchange bounds the offset `gateway BOOTTIME - node uptime` from both sides; it does so for its own moment, and
the farther a record is away the more the two clocks may have drifted apart, so the bounds are widened by DRIFT on
either side. What all exchanges say together is the intersection: a record between two exchanges is known better than
either alone tells. If the intersection is empty, some clock drifted more than DRIFT allows, and the nearest exchange
is believed, with the disagreement added to its error. Pure: numbers in, numbers out.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

DRIFT = 100e-6  # two crystals of 10 ppm, 20 more each for cold, heat and age, and what NTP slews a Pi by
TICK_MS = 1  # every stamp is cut to whole ms: what it stands for lies up to so much later
NEAR = 4  # exchanges looked at on either side of a record: those farther away are wider by drift
BUCKET_MS = 600_000  # of the exchanges in 10 min of uptime the narrowest is kept: 30 ms of drift to the next at most
ANCHORS_MAX = 128  # of one boot: 21 hours at a bucket each; then every other of the older half goes
SYNCED_MS_MAX = 900_000  # nearer than this to an exchange is `synced`, farther is `holdover`


class Anchor(NamedTuple):
    """One exchange: at node uptime `uptime_ms`, `gateway - uptime` lay between `low_ms` and `high_ms`."""

    uptime_ms: int
    low_ms: int
    high_ms: int


class Bound(NamedTuple):
    """When something was on the gateway's clock: `middle_ms` ± `error_ms`, and how that is known."""

    middle_ms: float
    error_ms: float
    how: str


def anchor_of(sent: int, received: int, replied: int, back: int) -> Anchor:
    """The anchor of one exchange: sent and back on the gateway's clock, received and replied uptimes, all ms.

    The node got the probe no earlier than we sent it, and answered no later than we had the answer.
    """
    return Anchor(received, sent - received - TICK_MS, back + TICK_MS - replied)


def bound(anchors: Sequence[Anchor], uptime_ms: int) -> Bound | None:
    """When `uptime_ms` was, by anchors sorted by uptime; None without any."""
    if not anchors:
        return None
    at = bisect_left(anchors, (uptime_ms,))
    near = anchors[max(0, at - NEAR) : at + NEAR]
    wide = [_at(anchor, uptime_ms) for anchor in near]
    low = max(pair[0] for pair in wide)
    high = min(pair[1] for pair in wide)
    if low > high:
        disagreement = low - high
        low, high = min(wide, key=_width)
        low, high = low - disagreement, high + disagreement
    away = min(abs(uptime_ms - anchor.uptime_ms) for anchor in near)
    middle = uptime_ms + (low + high + TICK_MS) / 2
    return Bound(middle, (high - low + TICK_MS) / 2, "synced" if away <= SYNCED_MS_MAX else "holdover")


def _at(anchor: Anchor, uptime_ms: int) -> tuple[float, float]:
    """The anchor's bounds, widened by the drift that is possible until `uptime_ms`."""
    drift = abs(uptime_ms - anchor.uptime_ms) * DRIFT
    return anchor.low_ms - drift, anchor.high_ms + drift


def _width(pair: tuple[float, float]) -> float:
    return pair[1] - pair[0]


class NodeClock:
    """The anchors of one boot of one node: the narrowest of each bucket, and the newest whatever it is."""

    def __init__(self, anchors: Sequence[Anchor] = ()) -> None:
        self._best: dict[int, Anchor] = {}
        self._newest: Anchor | None = None
        self._sorted: list[Anchor] = []
        for anchor in anchors:
            self.add(anchor)

    def add(self, anchor: Anchor) -> bool:
        """Take in one exchange; whether it is the best of its bucket, and so worth writing down."""
        bucket = anchor.uptime_ms // BUCKET_MS
        best = self._best.get(bucket)
        better = best is None or anchor.high_ms - anchor.low_ms < best.high_ms - best.low_ms
        if better:
            self._best[bucket] = anchor
            if len(self._best) > ANCHORS_MAX:
                self._thin()
        if self._newest is None or anchor.uptime_ms > self._newest.uptime_ms:
            self._newest = anchor
        self._sorted = sorted({*self._best.values(), self._newest})
        return better

    def bound(self, uptime_ms: int) -> Bound | None:
        """When `uptime_ms` of this boot was; None as long as nothing was measured."""
        return bound(self._sorted, uptime_ms)

    def _thin(self) -> None:
        for bucket in sorted(self._best)[1 : ANCHORS_MAX // 2 : 2]:
            del self._best[bucket]
