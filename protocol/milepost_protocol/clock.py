"""When a node's uptime was, on the gateway's clock: bounds from two-way exchanges, and never a guess without them.

Each exchange is an *anchor*: at one uptime, the offset `gateway clock - uptime` lay between two numbers. Elsewhere in the
boot it is known by two models of what clocks can do. Hard: they drift apart by DRIFT at most, so an anchor's bounds widen
with distance. Crystal: the drift itself moves by at most WANDER an hour and SPAN in all, so the straight line through any
two anchors holds nearly, between them (interpolation) and beyond them (the rate learnt so far). What all say together is
their intersection; the answer is its middle, or across an outage of hours the curve with the rates learnt on both sides, and
the error reaches both of its ends. Where the crystal model contradicts itself only the hard one counts, and where that does
the nearest anchor is believed and the error reaches over both sides. Integers only, rounded outwards.
"""

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Anchor(NamedTuple):
        """At node uptime `uptime_ms`, gateway clock less uptime lay between `low_us` and `high_us`."""

        uptime_ms: int
        low_us: int
        high_us: int

    class Bound(NamedTuple):
        """Something was at `middle_us` on the gateway's clock, give or take `error_us`; `how` is one of the four words."""

        middle_us: int
        error_us: int
        how: str

else:  # MicroPython has no typing; the same two by their names
    Anchor = namedtuple("Anchor", ("uptime_ms", "low_us", "high_us"))
    Bound = namedtuple("Bound", ("middle_us", "error_us", "how"))

DRIFT_PPM = 100  # two crystals of 10 ppm, 20 more each for cold, heat and age, and what NTP slews a gateway by
SPAN_PPM = 22  # of drifts in a boot: AT-cut, 0.04 ppm/K2, 23 K from its turning point, is 21; 1 for age and gateway
WANDER_PPM_H = 10  # change of drift an hour: twice what 7 to 43 degrees and back in a day can do to that crystal
TICK_MS = 1  # every stamp is cut to whole ms: what it stands for lies up to so much later
STEPS = (0, 1, 3, 7)  # anchors looked at on either side, from the nearest: learning a rate takes short and long lines
BEND_MS_MIN = 5_400_000  # across shorter gaps the middle is as good as the curve; from here to half a day, where the
BEND_MS_MAX = 43_200_000  # day's own curve turns back, the curve halves the error at three hours and at eight
RATE_MS_MIN = 1_200_000  # rates are learnt over no less than this: 1 ms of it is 0.8 ppm
BUCKET_MS = 600_000  # in 10 min of uptime one anchor is kept: a straight line over that is good to 0.2 ms
ANCHORS_MAX = 128  # of one boot: 21 hours at a bucket each; then every other of the older half goes
SYNCED_MS_MAX = 900_000  # nearer than this to an exchange is `synced`, farther is `holdover`

SYNCED, HOLDOVER, BRACKETED, UNKNOWN = "synced", "holdover", "bracketed", "unknown"

_SAG_DIVISOR = 7_200_000_000 // WANDER_PPM_H  # ms*ms to us: half of ppm/h over two spans


def anchor_of(sent: int, received: int, replied: int, back: int) -> Anchor:
    """The anchor of one exchange: sent and back on the gateway's clock, received and replied uptimes, all ms.

    The node got the probe no earlier than we sent it, and answered no later than we had the answer. While it held the answer
    the clocks drifted too, and so they did in what was cut from the uptime.
    """
    low = (sent - received - TICK_MS) * 1000 - _drift_us(TICK_MS)
    high = (back + TICK_MS - replied) * 1000 + _drift_us(replied - received + TICK_MS)
    return Anchor(received, low, high)


def bound(anchors: "list[Anchor]", uptime_ms: int) -> "Bound | None":
    """When `uptime_ms` was, by the anchors of its boot sorted by uptime; None without any."""
    if not anchors:
        return None
    at = _bisect(anchors, uptime_ms)
    left = _agreeing([anchors[at - 1 - step] for step in STEPS if step < at])
    right = _agreeing([anchors[at + step] for step in STEPS if at + step < len(anchors)])
    low, high = _window(left[::-1] + right, uptime_ms)
    best = _curve(left[:3], right[:3], uptime_ms) if left and right else None
    if low > high:
        low, high, best = _either(left[:1] + right[:1], uptime_ms)
    best = (low + high) // 2 if best is None else max(low, min(high, best))
    away = min([abs(uptime_ms - anchor.uptime_ms) for anchor in left[:1] + right[:1]])
    error = max(high - best, best - low) + TICK_MS * 500 + _drift_us(TICK_MS)
    return Bound((uptime_ms * 2 + TICK_MS) * 500 + best, error, SYNCED if away <= SYNCED_MS_MAX else HOLDOVER)


def bracket(previous: "NodeClock", following: "NodeClock", uptime_ms: int) -> "Bound | None":
    """When `uptime_ms` was in a boot without any exchange, by the clocks of a boot before it and a boot after it.

    It began after the last exchange of the one, and ended before the other began; None if one has none or they contradict.
    """
    last, first = previous.newest, following.bound(0)
    if last is None or first is None:
        return None
    low = (last.uptime_ms + uptime_ms) * 1000 + last.low_us - _drift_us(uptime_ms)
    high = first.middle_us + first.error_us
    middle = (low + high) // 2
    return Bound(middle, high - middle, BRACKETED) if low <= high else None


class NodeClock:
    """The anchors of one boot of one node: one a bucket, and the newest whatever it is."""

    def __init__(self) -> None:
        self.newest: Anchor | None = None
        self._best: dict[int, Anchor] = {}
        self._sorted: list[Anchor] = []

    def add(self, anchor: Anchor) -> "Anchor | None":
        """Take in one exchange; its bucket's anchor as it is now if that became narrower, and so is worth writing down."""
        bucket = anchor.uptime_ms // BUCKET_MS
        best = self._best.get(bucket, anchor)
        fused = narrowed(anchor, best) if _width(anchor) < _width(best) else narrowed(best, anchor)
        better = bucket not in self._best or _width(fused) < _width(best)
        if better:
            self._best[bucket] = fused
            if len(self._best) > ANCHORS_MAX:
                self._thin()
        if self.newest is None or anchor.uptime_ms >= self.newest.uptime_ms:
            self.newest = narrowed(anchor, fused)
        kept = {one.uptime_ms: one for one in [self.newest] + list(self._best.values())}
        self._sorted = [kept[uptime_ms] for uptime_ms in sorted(kept)]
        return fused if better else None

    def bound(self, uptime_ms: int) -> "Bound | None":
        """When `uptime_ms` of this boot was; None as long as nothing was measured."""
        return bound(self._sorted, uptime_ms)

    def _thin(self) -> None:
        for bucket in sorted(self._best)[1 : ANCHORS_MAX // 2 : 2]:
            del self._best[bucket]


def narrowed(anchor: Anchor, other: Anchor) -> Anchor:
    """An anchor narrowed by what another says of its moment by DRIFT alone; as it is if they contradict."""
    other_low, other_high = _hard(other, anchor.uptime_ms)
    low, high = max(anchor.low_us, other_low), min(anchor.high_us, other_high)
    return Anchor(anchor.uptime_ms, low, high) if low <= high else anchor


# -- the two models ---------------------------------------------------------------------------------------------------------


def _window(near: "list[Anchor]", uptime_ms: int) -> "tuple[int, int]":
    """The bounds of the offset by both models from `near` (sorted), else by the hard one; low > high if that is broken too."""
    pairs = [_hard(anchor, uptime_ms) for anchor in near]
    if not _is_crystal(near):
        return _common(pairs)
    lines = [line(near[i], near[j], uptime_ms) for j in range(1, len(near)) for i in range(j)]
    low, high = _common(pairs + lines)
    return (low, high) if low <= high else _common(pairs)


def _is_crystal(near: "list[Anchor]") -> bool:
    """Whether each anchor lies where the line through its neighbours lets it: a broken model narrows before it contradicts."""
    for before, anchor, behind in zip(near, near[1:], near[2:]):
        low, high = line(before, behind, anchor.uptime_ms)
        if low > anchor.high_us or high < anchor.low_us:
            return False
    return True


def _either(nearest: "list[Anchor]", uptime_ms: int) -> "tuple[int, int, int]":
    """Bounds that reach over what each of the nearest anchors says alone, and the middle of what the very nearest says."""
    pairs = [_hard(anchor, uptime_ms) for anchor in nearest]
    low, high = pairs[0] if pairs[0][1] - pairs[0][0] <= pairs[-1][1] - pairs[-1][0] else pairs[-1]
    return min([pair[0] for pair in pairs]), max([pair[1] for pair in pairs]), (low + high) // 2


def _common(pairs: "list[tuple[int, int]]") -> "tuple[int, int]":
    """The intersection of bounds; the first above the second if there is none."""
    return max([pair[0] for pair in pairs]), min([pair[1] for pair in pairs])


def _hard(anchor: Anchor, uptime_ms: int) -> "tuple[int, int]":
    """What an anchor says of the offset at `uptime_ms` by DRIFT alone."""
    drift = _drift_us(uptime_ms - anchor.uptime_ms)
    return anchor.low_us - drift, anchor.high_us + drift


def line(a: Anchor, b: Anchor, uptime_ms: int) -> "tuple[int, int]":
    """Bounds of the offset at `uptime_ms` by the line through two anchors, `a` the earlier: any line, and the sag on top.

    A drift that moves by WANDER bends away from the chord by half of WANDER times the distances from both ends; one that stays
    within SPAN leaves it by SPAN times the shorter way at most (between the ends: times the product over their distance).
    """
    whole, after, before = b.uptime_ms - a.uptime_ms, uptime_ms - a.uptime_ms, b.uptime_ms - uptime_ms
    low = before * (a.low_us if before >= 0 else a.high_us) + after * (b.low_us if after >= 0 else b.high_us)
    high = before * (a.high_us if before >= 0 else a.low_us) + after * (b.high_us if after >= 0 else b.low_us)
    product = abs(before * after)
    way = min(abs(before), abs(after)) if before * after < 0 else product // whole + 1
    sag = min(product // _SAG_DIVISOR, way * SPAN_PPM // 1000) + 1
    return low // whole - sag, -(-high // whole) + sag


def _curve(left: "list[Anchor]", right: "list[Anchor]", uptime_ms: int) -> "int | None":
    """The offset by the cubic through a gap's ends with the rates learnt on either side; None where that is no gain.

    `leads` and `comes` are the rates before and behind the gap, each as what it makes over the whole gap beyond the chord.
    """
    a, b, before, behind = left[0], right[0], left[-1], right[-1]
    whole, after, until = b.uptime_ms - a.uptime_ms, uptime_ms - a.uptime_ms, b.uptime_ms - uptime_ms
    learnt, learnt_behind = a.uptime_ms - before.uptime_ms, behind.uptime_ms - b.uptime_ms
    if not BEND_MS_MIN <= whole <= BEND_MS_MAX or min(learnt, learnt_behind) < RATE_MS_MIN:
        return None
    start, end = a.low_us + a.high_us, b.low_us + b.high_us
    leads = (start - before.low_us - before.high_us) * whole // learnt - (end - start)
    comes = (behind.low_us + behind.high_us - end) * whole // learnt_behind - (end - start)
    bend = after * until * (until * leads - after * comes) // whole**3
    return ((until * start + after * end) // whole + bend) // 2


def _drift_us(span_ms: int) -> int:
    """How far two clocks can drift apart in a time, rounded up."""
    return (abs(span_ms) * DRIFT_PPM + 999) // 1000


# -- small parts ------------------------------------------------------------------------------------------------------------


def _agreeing(side: "list[Anchor]") -> "list[Anchor]":
    """Anchors of one side, nearest first, up to the first that contradicts its neighbour: some clock was disturbed there."""
    for i in range(1, len(side)):
        drift = _drift_us(side[i].uptime_ms - side[i - 1].uptime_ms)
        if side[i].low_us > side[i - 1].high_us + drift or side[i].high_us < side[i - 1].low_us - drift:
            return side[:i]
    return side


def _bisect(anchors: "list[Anchor]", uptime_ms: int) -> int:
    """How many anchors are earlier than `uptime_ms`."""
    low, high = 0, len(anchors)
    while low < high:
        middle = (low + high) // 2
        if anchors[middle].uptime_ms < uptime_ms:
            low = middle + 1
        else:
            high = middle
    return low


def _width(anchor: Anchor) -> int:
    return anchor.high_us - anchor.low_us
