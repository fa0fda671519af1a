"""Clocks: whatever wires and crystals do within what is allowed, the truth lies inside the stated error."""

import random

import pytest
from milepost_gateway.clock import ANCHORS_MAX, BUCKET_MS, DRIFT, Anchor, NodeClock, anchor_of, bound


class Node:
    """A simulated clock: uptime runs at 1 + drift of the gateway's time, the drift wandering within its limit."""

    def __init__(self, dice, limit=DRIFT):
        self.dice, self.limit = dice, limit
        self.start = dice.uniform(-1e7, 1e7)
        self.drift = dice.uniform(-limit, limit)
        self.points = [(self.start, 0.0)]

    def uptime(self, gateway_ms):
        at, uptime = self.points[-1]
        return uptime + (gateway_ms - at) * (1 + self.drift)

    def wander(self, gateway_ms):
        self.points.append((gateway_ms, self.uptime(gateway_ms)))
        self.drift = max(-self.limit, min(self.limit, self.drift + self.dice.gauss(0, self.limit / 3)))

    def exchange(self, gateway_ms):
        """An exchange over a wire with delays of its own each way; every stamp is cut to whole ms."""
        there, held, back = self.dice.expovariate(1 / 20), self.dice.uniform(0, 30), self.dice.expovariate(1 / 20)
        received = self.uptime(gateway_ms + there)
        replied = self.uptime(gateway_ms + there + held)
        return anchor_of(
            int(gateway_ms // 1), int(received), int(replied), int((gateway_ms + there + held + back) // 1)
        )


@pytest.mark.parametrize("seed", range(20))
def test_the_truth_is_inside_the_stated_error_before_between_and_after_exchanges(seed):
    dice = random.Random(seed)
    node, clock, records = Node(dice), NodeClock(), []
    now = node.start + 1000
    for _ in range(60):
        now += dice.choice([1000, 10_000, 60_000, 3_600_000])
        node.wander(now)
        if dice.random() < 0.5:
            clock.add(node.exchange(now))
        records.append((now + 200, int(node.uptime(now + 200))))
        now += 400
    clock.add(node.exchange(now))
    for truth, uptime in records:
        found = clock.bound(uptime)
        assert abs(found.middle_ms - truth) <= found.error_ms, f"seed {seed}"


def test_a_fresh_exchange_is_as_good_as_its_round_trip():
    found = bound([anchor_of(1000, 500, 500, 1004)], 500)
    assert (found.middle_ms, found.error_ms, found.how) == (1002.5, 3.5, "synced")


def test_between_two_exchanges_a_record_is_known_better_than_by_either_alone():
    left, right = Anchor(0, 995, 1005), Anchor(1_000_000, 1085, 1095)
    both = bound([left, right], 500_000)
    assert both.error_ms < min(bound([left], 500_000).error_ms, bound([right], 500_000).error_ms)


def test_far_from_any_exchange_the_error_grows_and_says_holdover():
    near, far = bound([Anchor(0, 0, 2)], 60_000), bound([Anchor(0, 0, 2)], 28_800_000)
    assert (near.how, far.how) == ("synced", "holdover")
    assert far.error_ms == pytest.approx(28_800_000 * DRIFT + 1.5)


def test_clocks_that_contradict_each_other_widen_the_error_instead_of_lying():
    found = bound([Anchor(0, 0, 2), Anchor(1000, 50, 52)], 1000)
    assert found.error_ms > 48
    assert abs(found.middle_ms - 1051) <= found.error_ms


def test_without_an_exchange_nothing_is_known():
    assert NodeClock().bound(1000) is None


def test_of_each_bucket_the_narrowest_exchange_is_worth_keeping():
    clock = NodeClock()
    assert clock.add(Anchor(0, 0, 10))
    assert not clock.add(Anchor(1, 0, 10))
    assert clock.add(Anchor(2, 0, 9))
    assert clock.add(Anchor(BUCKET_MS, 0, 50))


def test_a_clock_never_keeps_more_than_its_limit_and_covers_all_its_life():
    clock = NodeClock()
    for bucket in range(10 * ANCHORS_MAX):
        clock.add(Anchor(bucket * BUCKET_MS, 0, 2))
    assert len(clock._best) <= ANCHORS_MAX
    assert clock.bound(0).error_ms < 2
    assert clock.bound((10 * ANCHORS_MAX - 1) * BUCKET_MS).error_ms < 2
