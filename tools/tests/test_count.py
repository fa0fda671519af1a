"""Counting by names alone: every loss and every repeat is found, whatever the order of arrival."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from milepost_tools.demo.count import Count, Ranges, parse_name

NODE = "a4cf12000001"


def counted(*sequences, boot=1):
    count = Count()
    for sequence in sequences:
        count.add(f"{NODE}-{boot}-{sequence}")
    return count


def test_a_whole_boot_misses_nothing():
    count = counted(0, 1, 2, 3)
    assert (count.unique, count.duplicates, count.missing) == (4, 0, 0)


def test_a_repeat_is_a_duplicate_and_not_unique():
    count = counted(0, 1, 1, 0)
    assert (count.unique, count.duplicates, count.missing) == (2, 2, 0)


def test_a_hole_below_the_highest_is_missing():
    assert counted(0, 1, 4, 6).holes() == [(NODE, 1, 2, 3), (NODE, 1, 5, 5)]


def test_a_lost_beginning_is_missing():
    assert counted(3).missing == 3


def test_what_was_never_handed_over_lies_above_and_is_nobodys_loss():
    assert counted(0, 1, 2).missing == 0


def test_gone_explains_a_hole_and_only_that():
    count = counted(0, 5, 8)
    count.explain(NODE, 1, 1, 4)
    assert count.holes() == [(NODE, 1, 6, 7)]


def test_gone_above_the_highest_opens_no_hole():
    count = counted(0)
    count.explain(NODE, 1, 5, 9)
    assert count.missing == 0


def test_each_boot_is_counted_for_itself():
    count = counted(0, 1)
    count.add(f"{NODE}-2-0")
    assert (count.unique, count.missing, count.boots(NODE)) == (3, 0, [1, 2])


def test_a_corrected_stamp_is_no_duplicate():
    count = counted(0)
    count.add(f"{NODE}-1-0", revision=1)
    assert (count.unique, count.duplicates, count.revisions) == (1, 0, 1)


@pytest.mark.parametrize("text", ["", "a4cf12000001-1", "A4CF12000001-1-1", "a4cf12000001-1--1", "a4cf12000001-1-1-1"])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(ValueError, match="not a record's name"):
        parse_name(text)


@given(st.lists(st.integers(0, 40), min_size=1))
def test_counts_agree_with_plain_sets(sequences):
    count = counted(*sequences)
    assert count.unique == len(set(sequences))
    assert count.duplicates == len(sequences) - len(set(sequences))
    assert count.missing == len(set(range(max(sequences))) - set(sequences))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9))))
def test_ranges_are_the_set_of_what_was_added(pairs):
    ranges, plain = Ranges(), set()
    for first, extra in pairs:
        ranges.add(first, first + extra)
        plain.update(range(first, first + extra + 1))
    assert len(ranges) == len(plain)
    assert all((number in ranges) == (number in plain) for number in range(80))
    assert all(last + 1 < first for (_, last), (first, _) in zip(ranges.pairs(), ranges.pairs()[1:], strict=False))
