"""The comparison with a trace: it accepts what the part would say, and nothing else."""

from decimal import Decimal

import pytest
from milepost_tools.demo.expect import Expectation, Part, number, read_trace
from milepost_tools.demo.nodes import COLUMNS, CSV, END, PARTS, expectation

LEVEL = PARTS["flood"]["level"]
PM25 = PARTS["air"]["pm25"]


@pytest.mark.parametrize(
    ("part", "true", "said"),
    [
        (PM25, "27.22", ("27.2", None)),
        (PM25, "27.25", ("27.3", None)),  # half away from zero
        (PM25, "999.90", ("999.9", "saturated")),
        (PM25, "1500", ("999.9", "saturated")),
        (LEVEL, "-0.0335", ("-0.034", None)),
        (LEVEL, "-0.6", ("-0.600", None)),  # 4,500 mm: the last distance with an echo
        (LEVEL, "-0.6006", (None, "no-echo")),
        (LEVEL, "3.869", ("3.869", None)),
        (LEVEL, "3.87", (None, "too-near")),  # 30 mm: the blind zone
    ],
)
def test_a_part_says_its_nearest_step_or_its_word(part, true, said):
    assert part.said(Decimal(true)) == (number(said[0] or ""), said[1])


def rows(*values):
    return [({"level": None if value is None else Decimal(value)}, {}) for value in values]


def trace(*values):
    part = Part(Decimal("0.1"), Decimal(-9), Decimal(9))
    return Expectation([{"level": number(value)} for value in values], {"level": part}, skip_max=1)


def test_the_same_rows_in_order_are_equal():
    assert trace("1.02", "2", "3").check(rows("1.0", "2.0", "3.0")) == (3, 3)


def test_a_wrong_value_is_found_and_costs_only_itself():
    assert trace("1", "2", "3", "4").check(rows("1", "2.1", "3", "4")) == (3, 4)


def test_rows_out_of_order_are_found():
    equal, total = trace("1", "2", "3", "4", "5", "6").check(rows("2", "1", "3"))
    assert equal < total


def test_a_repeated_row_is_found():
    equal, total = trace("1", "2", "3", "4", "5").check(rows("1", "1", "2"))
    assert equal < total


def test_a_value_cannot_hide_far_ahead():
    assert trace("1", "2", "3", "4", "5").check(rows("1", "5")) == (1, 2)


def test_a_blank_must_be_silence_with_its_word():
    expected = trace("1", "", "3")
    silent = ({"level": None}, {"level": "missing"})
    assert expected.check([*rows("1"), silent, *rows("3")]) == (3, 3)
    assert expected.check(rows("1", "0", "3")) == (2, 3)


def test_a_channel_too_many_is_found():
    extra = ({"level": Decimal(1), "other": Decimal(1)}, {})
    assert trace("1").check([extra]) == (0, 1)


def test_a_trace_begins_again_at_its_end():
    assert trace("1", "2").check(rows("1", "2", "1", "2")) == (4, 4)


@pytest.mark.parametrize("name", CSV)
def test_the_shipped_traces_are_whole_and_can_be_expected(name):
    found = read_trace(CSV[name], COLUMNS[name])
    assert len(found) >= {"air": 3000, "flood": END}[name]
    assert expectation(name).check([]) == (0, 0)


def test_the_shipped_river_goes_below_zero_and_out_of_reach():
    said = [LEVEL.said(row["level"])[0] for row in read_trace(CSV["flood"], COLUMNS["flood"]) if row["level"]]
    assert any(value is not None and value < 0 for value in said)
    assert None in said
