"""Ranges: a sequence is new exactly once, in any order, and the file knows it as well."""

import random

from milepost_gateway.ranges import Ranges


def test_in_any_order_each_sequence_is_new_once_and_all_melt_into_one():
    for seed in range(12):
        dice = random.Random(seed)
        came = [dice.randrange(200) for _ in range(300)] + list(range(200))
        dice.shuffle(came)
        ranges, known = Ranges(), set()
        for sequence in came:
            assert ranges.add(sequence) is (sequence not in known), f"seed {seed}"
            known.add(sequence)
            again = Ranges(ranges.to_bytes())
            assert all((number in again) == (number in known) for number in range(-1, 202)), f"seed {seed}"
        assert (len(ranges), ranges.gaps()) == (1, [])


def test_gaps_are_what_lies_between():
    ranges = Ranges()
    for sequence in (5, 6, 9, (1 << 32) - 1):
        ranges.add(sequence)
    assert ranges.gaps() == [(7, 8), (10, (1 << 32) - 2)]
    assert Ranges(ranges.to_bytes()).gaps() == ranges.gaps()
    assert Ranges(b"").gaps() == []
