"""Nodes: clocks by boot, kept over restarts, and what is said of boots that were never measured."""

from datetime import datetime, timedelta

import pytest
from milepost_gateway.nodes import CLOCKS_MAX, NEIGHBOURS_MAX, Nodes
from milepost_gateway.payloads import UNKNOWN_WHEN, stamp
from milepost_gateway.testing import KEY, NODE
from milepost_protocol.clock import BRACKETED, BUCKET_MS, SYNCED

MINUTE = 60_000
YEAR_MS = 365 * 86_400_000.0


@pytest.fixture
def nodes():
    return Nodes({NODE: KEY})


def measure(nodes, boot, began, uptime_ms):
    """A node whose boot began at `began` is asked at an uptime, over a wire that takes 2 ms each way."""
    moment = began + uptime_ms
    return nodes.measure(NODE, boot, moment - 2, uptime_ms, uptime_ms, moment + 2)


def test_a_measured_boot_is_synced(nodes):
    measure(nodes, 1, 1_000_000, 5000)
    found = nodes.when(NODE, 1, 6000)
    assert abs(found.middle_us - 1_006_000_000) <= found.error_us < 4000
    assert found.how == SYNCED


def test_a_boot_between_two_measured_ones_is_bracketed_by_them(nodes):
    measure(nodes, 7, 1_000_000, 5 * MINUTE)
    measure(nodes, 9, 1_000_000 + 30 * MINUTE, 1000)
    found = nodes.when(NODE, 8, MINUTE)
    assert found.how == BRACKETED
    earliest, latest = found.middle_us - found.error_us, found.middle_us + found.error_us
    assert earliest == pytest.approx((1_000_000 + 6 * MINUTE) * 1000, abs=20_000)
    assert latest == pytest.approx((1_000_000 + 30 * MINUTE) * 1000, abs=20_000)


def test_the_nearest_measured_boots_bracket_those_between(nodes):
    for boot in (3, 5, 20, 22):
        measure(nodes, boot, boot * 100 * MINUTE, MINUTE)
    assert nodes.when(NODE, 12, 0).middle_us == pytest.approx((501 + 2000) / 2 * MINUTE * 1000, abs=20_000)


@pytest.mark.parametrize("measured", [(), (7,), (9,), (7, 9 + NEIGHBOURS_MAX), (7 - NEIGHBOURS_MAX, 9)])
def test_without_a_measured_boot_near_on_both_sides_nothing_is_known(nodes, measured):
    for boot in measured:
        measure(nodes, boot, boot * MINUTE, 1000)
    assert nodes.when(NODE, 8, 0) is None
    assert nodes.when(bytes(6), 8, 0) is None


def test_what_is_kept_makes_the_same_bounds_again(nodes):
    kept = {}
    for step in range(40):
        one = measure(nodes, 1, 1_000_000 + step // 10, step * BUCKET_MS // 3)
        if one:
            kept[one.bucket] = one
    again = Nodes({NODE: KEY})
    again.remember(list(kept.values()))
    for uptime_ms in range(0, 39 * BUCKET_MS // 3 - BUCKET_MS, 100_000):
        assert again.when(NODE, 1, uptime_ms) == nodes.when(NODE, 1, uptime_ms)


def test_of_a_node_a_bounded_number_of_boots_is_remembered(nodes):
    for boot in range(3 * CLOCKS_MAX):
        measure(nodes, boot, boot * MINUTE, 1000)
    assert len(nodes.get(NODE).clocks) == CLOCKS_MAX
    assert nodes.when(NODE, 3 * CLOCKS_MAX - 1, 1000).how == SYNCED


@pytest.mark.parametrize("step_ms", [-YEAR_MS, YEAR_MS])
def test_a_step_of_the_wall_clock_moves_stamps_by_just_that_and_their_error_by_nothing(nodes, step_ms):
    measure(nodes, 1, 1_000_000, 5000)
    before = stamp(nodes.when(NODE, 1, 6000), 1_600_000_000_000.0, 0.05)
    measure(nodes, 1, 1_000_000, 16_000)  # an exchange after the step is worth as much as before
    after = stamp(nodes.when(NODE, 1, 6000), 1_600_000_000_000.0 + step_ms, 0.05)
    assert datetime.fromisoformat(after.t) - datetime.fromisoformat(before.t) == timedelta(milliseconds=step_ms)
    assert (before.te, before.tq) == (after.te, after.tq)


def test_a_stamp_says_bracketed_and_how_wide_and_unknown_is_no_time(nodes):
    measure(nodes, 7, 1_000_000, 5 * MINUTE)
    measure(nodes, 9, 1_000_000 + 30 * MINUTE, 1000)
    found = stamp(nodes.when(NODE, 8, MINUTE), 0.0, 0.05)
    assert (found.tq, found.te) == (BRACKETED, pytest.approx(720.0, abs=0.1))
    assert stamp(nodes.when(NODE, 6, MINUTE), 0.0, 0.05) == UNKNOWN_WHEN
