"""Clocks: whatever crystals and wires do within the models, the truth lies inside the stated error."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from milepost_protocol import clock
from milepost_protocol.clock import (
    ANCHORS_MAX,
    BRACKETED,
    BUCKET_MS,
    DRIFT_PPM,
    HOLDOVER,
    SPAN_PPM,
    SYNCED,
    WANDER_PPM_H,
    Anchor,
    NodeClock,
    anchor_of,
    bound,
    bracket,
    line,
    narrowed,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Truth:
    """A node's clock that keeps both models: its drift moves in straight lines from hour to hour; offsets in exact us."""

    def __init__(self, start_us, lowest_ppm, part_of_span, moves):
        drift = lowest_ppm + SPAN_PPM * part_of_span
        self.drift = [drift]
        for move in moves:
            drift = max(lowest_ppm, min(lowest_ppm + SPAN_PPM, drift + move * WANDER_PPM_H))
            self.drift.append(drift)
        self.offset = [start_us]
        for before, after in zip(self.drift, self.drift[1:]):
            self.offset.append(self.offset[-1] + (before + after) / 2 * HOUR_MS / 1000)

    def offset_us(self, uptime_ms):
        hour = int(uptime_ms // HOUR_MS)
        away = uptime_ms - hour * HOUR_MS
        bend = (self.drift[hour + 1] - self.drift[hour]) * away / HOUR_MS / 2
        return self.offset[hour] + (self.drift[hour] + bend) * away / 1000

    def gateway_ms(self, uptime_ms):
        return uptime_ms + self.offset_us(uptime_ms) / 1000

    def exchange(self, uptime_ms, there, held, back):
        left = uptime_ms + held
        stamps = (self.gateway_ms(uptime_ms) - there, uptime_ms, left, self.gateway_ms(left) + back)
        return anchor_of(*(Fraction(stamp).__floor__() for stamp in stamps))


HOURS = 30
eighths = st.integers(0, 8).map(lambda number: number / 8)
truths = st.builds(
    Truth,
    st.integers(-(10**12), 10**12),
    st.integers(-DRIFT_PPM, DRIFT_PPM - SPAN_PPM),
    eighths,
    st.lists(st.integers(-4, 4).map(lambda number: number / 4), min_size=HOURS, max_size=HOURS),
)
moments = st.integers(0, (HOURS - 1) * HOUR_MS * 4).map(lambda quarter: quarter / 4)  # of a ms
delays = st.one_of(st.sampled_from([0.0, 0.25, 2.5]), st.integers(0, 800).map(lambda quarter: quarter / 4))
exchanges = st.lists(st.tuples(moments, delays, delays, delays), min_size=1, max_size=40)


def assert_true(clock, truth, moments):
    for moment in moments:
        found = clock.bound(int(moment))
        away = abs(found.middle_us / 1000 - truth.gateway_ms(moment))
        assert away * 1000 <= found.error_us + 0.01  # floats are good to that


@settings(max_examples=300, deadline=None)
@given(truths, exchanges, st.lists(moments, min_size=1, max_size=20))
def test_the_truth_is_inside_the_stated_error_before_between_and_after_exchanges(truth, made, records):
    clock = NodeClock()
    for one in made:
        clock.add(truth.exchange(*one))
        assert_true(clock, truth, records)


@settings(max_examples=60, deadline=None)
@given(truths, st.lists(st.tuples(delays, delays), min_size=24, max_size=24), st.integers(1, 12))
def test_the_truth_is_inside_the_stated_error_across_an_outage(truth, wires, outage_h):
    clock = NodeClock()
    for place, (there, back) in enumerate(wires):
        gap = outage_h * HOUR_MS if place >= 12 else 0
        clock.add(truth.exchange(place * BUCKET_MS + gap, there, 0.5, back))
    assert_true(clock, truth, [12 * BUCKET_MS + part * outage_h * HOUR_MS / 8 for part in range(9)])


@settings(max_examples=40, deadline=None)
@given(truths, st.integers(0, 3))
def test_thinning_keeps_the_truth_inside_and_the_memory_bounded(truth, jitter):
    clock = NodeClock()
    step = (HOURS - 1) * HOUR_MS // 400
    for place in range(400):
        clock._best = {place * 10 + bucket: anchor for bucket, anchor in enumerate(clock._best.values())}  # age them
        clock.add(truth.exchange(place * step + jitter, 1.0, 0.25, jitter))
        assert len(clock._best) <= ANCHORS_MAX
        assert len(clock._sorted) <= ANCHORS_MAX + 1
    assert_true(clock, truth, range(0, 400 * step, 7 * step // 3))


def test_a_clock_covers_all_its_life_however_long():
    clock = NodeClock()
    for bucket in range(10 * ANCHORS_MAX):
        clock.add(Anchor(bucket * BUCKET_MS, 0, 2000))
        assert len(clock._best) <= ANCHORS_MAX
    assert clock.bound(0).error_us < 2000
    assert clock.bound((10 * ANCHORS_MAX - 1) * BUCKET_MS).error_us < 2000


def test_a_fresh_exchange_is_as_good_as_its_round_trip():
    assert bound([anchor_of(1000, 500, 500, 1004)], 500) == (1_002_500, 3502, SYNCED)


def test_a_long_wait_at_the_node_widens_by_what_clocks_drift_in_it():
    brief, long = anchor_of(1000, 500, 500, 1004), anchor_of(1000, 500, 10_500, 11_004)
    assert (brief.low_us, long.low_us) == (499_000 - 1, 499_000 - 1)
    assert long.high_us - brief.high_us == 10_000 * DRIFT_PPM // 1000


def test_between_two_exchanges_a_record_is_known_better_than_by_either_alone():
    left, right = Anchor(0, 995_000, 1_005_000), Anchor(BUCKET_MS, 1_045_000, 1_055_000)
    both = bound([left, right], BUCKET_MS // 2)
    assert both.error_us < 6000 < min(bound([one], BUCKET_MS // 2).error_us for one in (left, right))
    assert both.middle_us == BUCKET_MS * 500 + 500 + 1_025_000


def test_a_rate_that_was_learnt_is_believed_far_beyond_what_any_clock_may_drift():
    learnt = [Anchor(place * BUCKET_MS, place * 30_000 - 1000, place * 30_000 + 1000) for place in range(12)]
    hours_later = 11 * BUCKET_MS + 3 * HOUR_MS
    found = bound(learnt, hours_later)
    assert abs(found.middle_us - hours_later * 1000 - (11 * 30_000 + 18 * 30_000)) < 5000
    assert found.error_us < bound(learnt[-1:], hours_later).error_us / 4


def test_without_a_rate_an_old_exchange_is_worth_what_any_clock_may_drift():
    near, far = bound([Anchor(0, 0, 2000)], 60_000), bound([Anchor(0, 0, 2000)], 8 * HOUR_MS)
    assert (near.how, far.how) == (SYNCED, HOLDOVER)
    assert far.error_us == 8 * HOUR_MS * DRIFT_PPM // 1000 + 1501


def test_across_a_long_outage_the_time_bends_as_the_rates_on_both_sides_say():
    def offset(uptime_ms):  # a drift that rises by 4 ppm an hour
        return uptime_ms * uptime_ms * 4 // 7_200_000_000

    uptimes = [place * BUCKET_MS + (4 * HOUR_MS if place > 6 else 0) for place in range(14)]
    anchors = [Anchor(uptime_ms, offset(uptime_ms) - 500, offset(uptime_ms) + 500) for uptime_ms in uptimes]
    middle = 6 * BUCKET_MS + 2 * HOUR_MS
    found = bound(anchors, middle)
    chord = (offset(6 * BUCKET_MS) + offset(7 * BUCKET_MS + 4 * HOUR_MS)) // 2
    assert abs(found.middle_us - middle * 1000 - 500 - offset(middle)) < abs(chord - offset(middle)) / 5
    assert found.error_us >= abs(chord - offset(middle))  # a crystal that went the other way is not excluded


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, DAY_MS), st.integers(-(10**9), 10**9), st.integers(0, 10**6)), min_size=1),
    st.lists(st.integers(0, 2 * DAY_MS), min_size=1, max_size=5),
)
def test_clocks_that_contradict_each_other_widen_the_error_and_never_raise(raw, asked):
    anchors = [Anchor(uptime_ms, low, low + width) for uptime_ms, low, width in raw]
    clock = NodeClock()
    for anchor in anchors:
        clock.add(anchor)
        for uptime_ms in asked:
            found = clock.bound(uptime_ms)
            nearest = min(clock._sorted, key=lambda one: abs(one.uptime_ms - uptime_ms))
            widened = abs(nearest.uptime_ms - uptime_ms) // 10
            assert found.middle_us - found.error_us <= uptime_ms * 1000 + nearest.high_us + widened + 2
            assert found.middle_us + found.error_us >= uptime_ms * 1000 + nearest.low_us - widened - 2


def test_in_a_gap_across_which_clocks_contradict_each_other_both_sides_are_inside_the_error():
    found = bound([Anchor(0, 0, 2000), Anchor(1000, 50_000, 52_000)], 900)
    assert found.error_us > 47_000
    for offset_us in (1000, 51_000):
        assert abs(found.middle_us - 900_000 - offset_us) <= found.error_us


def test_a_disturbance_that_is_over_costs_nothing():
    calm = [Anchor(place * BUCKET_MS, 10**9, 10**9 + 2000) for place in range(4, 8)]
    disturbed = [Anchor(place * BUCKET_MS, 0, 2000) for place in range(4)] + calm
    assert bound(disturbed, 6 * BUCKET_MS + 9) == bound(calm, 6 * BUCKET_MS + 9)


def test_where_no_crystal_could_have_gone_the_hard_bounds_count():
    jumped = [
        Anchor(place * BUCKET_MS, max(0, place - 5) * 50_000, max(0, place - 5) * 50_000 + 100) for place in range(12)
    ]
    for at in (5 * BUCKET_MS + BUCKET_MS // 3, 11 * BUCKET_MS + HOUR_MS):
        found = bound(jumped, at)
        low = max(one.low_us - abs(at - one.uptime_ms) // 10 for one in jumped)
        high = min(one.high_us + abs(at - one.uptime_ms) // 10 for one in jumped)
        assert found.middle_us - found.error_us <= at * 1000 + low + 2
        assert found.middle_us + found.error_us >= at * 1000 + high - 2


def test_a_boot_without_an_exchange_lies_between_its_neighbours():
    previous, following = NodeClock(), NodeClock()
    assert bracket(previous, following, 0) is None
    previous.add(anchor_of(100_000, 40_000, 40_000, 100_004))
    assert bracket(previous, following, 0) is None
    following.add(anchor_of(400_000, 50_000, 50_000, 400_004))
    found = bracket(previous, following, 20_000)
    assert found.how == BRACKETED
    assert found.middle_us - found.error_us == pytest.approx(
        119_997_000, abs=20
    )  # 20 s after it can have begun, and 2 ms of drift
    assert found.middle_us + found.error_us == pytest.approx(
        350_011_000, abs=20
    )  # when the next one began, drifting up to 5 ms in its first 50 s
    assert bracket(following, previous, 0) is None
    assert bracket(previous, following, 300_000) is None


def test_without_an_exchange_nothing_is_known():
    assert NodeClock().bound(1000) is None


def test_of_each_bucket_one_anchor_is_worth_keeping_as_often_as_it_becomes_narrower():
    clock = NodeClock()
    assert clock.add(Anchor(0, 0, 10_000)) == (0, 0, 10_000)
    assert clock.add(Anchor(1, 0, 10_000)) is None
    assert clock.add(Anchor(2, 5000, 15_000)) == (0, 4999, 10_000)
    assert clock.add(Anchor(3, 6000, 9000)) == (3, 6000, 9000)
    assert clock.add(Anchor(BUCKET_MS, 0, 50_000)) == (BUCKET_MS, 0, 50_000)


def test_the_newest_exchange_counts_though_its_bucket_has_a_narrower_one():
    clock = NodeClock()
    clock.add(Anchor(0, 0, 1000))
    clock.add(Anchor(BUCKET_MS - 1, -5000, 9000))
    assert bound([clock.newest], BUCKET_MS - 1).error_us < 8000
    assert clock.bound(BUCKET_MS - 1).error_us < 8000


def test_an_anchor_is_narrowed_by_another_unless_they_contradict():
    assert narrowed(Anchor(0, 0, 100), Anchor(10, 50, 200)) == (0, 49, 100)
    assert narrowed(Anchor(0, 0, 100), Anchor(10, 500, 600)) == (0, 0, 100)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 10**9), st.integers(1, 10**9), st.integers(-(10**9), 2 * 10**9),
    st.tuples(*[st.integers(-(10**12), 10**12)] * 2), st.tuples(*[st.integers(0, 10**6)] * 2),
)  # fmt: skip
def test_lines_are_rounded_outwards_and_by_no_more_than_4_us(start, whole, at, lows, widths):
    a = Anchor(start, lows[0], lows[0] + widths[0])
    b = Anchor(start + whole, lows[1], lows[1] + widths[1])
    before, after = b.uptime_ms - at, at - a.uptime_ms
    corners = [
        Fraction(before * first + after * second, whole)
        for first in (a.low_us, a.high_us)
        for second in (b.low_us, b.high_us)
    ]
    way = Fraction(abs(before * after), whole) if before * after > 0 else min(abs(before), abs(after))
    sag = min(Fraction(WANDER_PPM_H * abs(before * after), 7_200_000_000), Fraction(SPAN_PPM * way, 1000))
    low, high = line(a, b, at)
    assert 0 <= min(corners) - sag - low < 4
    assert 0 <= high - max(corners) - sag < 4


def test_the_models_are_what_the_specification_says(root):
    text = (root / "protocol" / "SPEC.md").read_text("utf-8")
    for value in (f"{DRIFT_PPM} ppm", f"{SPAN_PPM} ppm", f"{WANDER_PPM_H} ppm an hour", f"{clock.ANCHORS_MAX} anchors"):
        assert value in text
