"""The simulated parts, read through the real drivers; scenes and their rounding."""

import asyncio
import os

from milepost_node.drivers.a02yyuw import A02yyuw
from milepost_node.drivers.qmc5883l import Qmc5883l
from milepost_node.drivers.sds011 import Sds011
from milepost_node.refusal import Refusal
from milepost_node.simulators import open_part
from milepost_node.simulators.i2c import RegisterBus
from milepost_node.simulators.scene import Arrivals, CsvScene, parse_decimal
from milepost_node.simulators.uart import BUFFER_BYTES_MAX, uart_pair
from milepost_protocol.quality import QUALITY
from node_fakes import raises, scratch


def a_csv(text):
    folder = scratch("scene")
    os.mkdir(folder)
    with open(folder + "/scene.csv", "w") as file:
        file.write(text)
    return folder + "/scene.csv"


def a_plan(part, csv, columns, faults=(), row_s=None):
    scene = {"csv": csv, "columns": columns, "first": 0, "rows": None}
    return {"part": part, "scene": scene, "zero_mm": None, "row_s": row_s, "faults": list(faults)}


async def samples(kind, part, options, count):
    """What the driver `kind` makes of a simulated part on a UART: (values, words) for each of `count` samples."""
    ours, theirs = uart_pair()
    task = asyncio.create_task(part.run(theirs))
    driver = kind(ours, options)
    await driver.start()
    found = []
    for _ in range(count):
        await driver.read()
        found.append((tuple(driver.values), QUALITY[driver.quality[0]][1]))
    task.cancel()
    return found


# -- numbers ------------------------------------------------------------------------------------------------------------------


def test_decimal_text_becomes_an_integer_without_passing_through_a_float():
    for text, decimals, value in (
        ("27.22", 1, 272), ("27.25", 1, 273), ("27.249999999999999999", 1, 272), ("999.95", 1, 10000), ("-0.6767", 3, -677),
        ("-0.0005", 3, -1), ("-0.00049", 3, 0), ("0.4785", 3, 479), ("5", 1, 50), (".5", 0, 1), ("-2.85", 3, -2850),
        ("16777217.1", 1, 167772171), ("+1.", 2, 100), ("  7.0 ", 1, 70),
    ):  # fmt: skip
        assert parse_decimal(text, decimals) == value, text


def test_a_blank_is_none_and_nonsense_is_refused():
    assert parse_decimal("", 1) is None
    assert parse_decimal("  ", 1) is None
    for text in ("NULL", "1e3", "1.2.3", "--5", "5-", "-", "."):
        raises(ValueError, parse_decimal, text, 1)


def test_a_scene_takes_its_columns_by_name_and_begins_again_after_its_last_row():
    scene = CsvScene(a_csv("t,b,a\n1,2.04,3\n2,,4.5\n3,9,9\n"), ["a", "b"], (1, 1), 2)
    assert [scene.next() for _ in range(4)] == [(30, 20), (45, None), (30, 20), (45, None)]


def test_a_scene_may_begin_further_down():
    scene = CsvScene(a_csv("a\n1\n2\n3\n4\n"), ["a"], (0,), 2, first=1)
    assert [scene.next() for _ in range(5)] == [(2,), (3,), (2,), (3,), (2,)]


def test_a_scene_that_cannot_be_is_refused_in_one_line():
    assert "cannot be read" in raises(Refusal, CsvScene, scratch("none") + "/x.csv", ["a"], (1,)).line
    assert "no column `c`" in raises(Refusal, CsvScene, a_csv("a,b\n"), ["c"], (1,)).line
    assert "no row 0" in raises(Refusal, CsvScene, a_csv("a\n"), ["a"], (1,)).line
    assert "scene" in raises(Refusal, open_part, a_plan("sds011", a_csv("a,b\n"), ["a"]), {}).line


def test_arrivals_are_a_matter_of_the_seed_alone():
    def play(seed):
        scene = Arrivals(seed, 5, 1, (200, -50, 385))
        return [scene.next() for _ in range(100)]

    assert play(7) == play(7)
    assert play(7) != play(8)


def test_arrivals_change_about_as_often_as_they_are_told():
    scene = Arrivals(3, 10, 1, (0, 0, 0))
    changes, before = 0, False
    for _ in range(5000):
        scene.next()
        changes += scene.is_occupied != before
        before = scene.is_occupied
    assert 400 < changes < 600


# -- parts --------------------------------------------------------------------------------------------------------------------


async def test_row_n_of_the_node_is_row_n_of_the_trace_and_a_blank_is_silence():
    csv = a_csv("pm25,pm10\n27.22,31.52\n26.95,30.5\n,\n1200,2500\n0,0\n")
    part = open_part(a_plan("sds011", csv, ["pm25", "pm10"]), {})
    assert await samples(Sds011, part, {}, 6) == [
        ((272, 315), "good"),
        ((270, 305), "good"),
        ((None, None), "missing"),
        ((9999, 19999), "saturated"),
        ((0, 0), "good"),
        ((272, 315), "good"),
    ]


async def test_a_faulty_sds011_costs_the_faulty_rows_and_no_others():
    csv = a_csv("pm25,pm10\n" + "".join([f"{i}.1,{i}.2\n" for i in range(1, 8)]))
    faults = [{"kind": "checksum", "every": 3}, {"kind": "split", "every": 2}, {"kind": "glued", "every": 5}]
    part = open_part(a_plan("sds011", csv, ["pm25", "pm10"], faults), {})
    found = await samples(Sds011, part, {}, 7)
    expected = [((10 * i + 1, 10 * i + 2), "good") for i in range(1, 8)]
    expected[2] = expected[5] = ((None, None), "checksum")
    assert found == expected


async def test_the_tide_waits_for_the_reader_and_says_what_the_part_would_say():
    csv = a_csv("level_m\n0.4785\n-0.7\n4.2\n\n3.87\n-0.6\n")
    part = open_part(a_plan("a02yyuw", csv, ["level_m"]), {"zero_mm": 3900})
    found = await samples(A02yyuw, part, {"zero_mm": 3900}, 6)
    assert found == [
        ((479,), "good"),
        ((None,), "no-echo"),
        ((None,), "too-near"),
        ((None,), "missing"),
        ((None,), "too-near"),
        ((-600,), "good"),
    ]


async def test_with_a_pace_of_its_own_the_tide_moves_by_the_clock():
    csv = a_csv("level_m\n1\n2\n")
    part = open_part(a_plan("a02yyuw", csv, ["level_m"], row_s=3600), {"zero_mm": 3900})
    assert await samples(A02yyuw, part, {"zero_mm": 3900}, 2) == [((1000,), "good")] * 2


async def test_the_field_arrives_as_the_scene_has_it():
    plan = {"part": "qmc5883l", "scene": {"arrivals": {"seed": 7, "mean_s": 3}}, "faults": []}
    options = {"bay": {"baseline_ut": [20.0, -5.0, 38.5]}, "period_s": 1, "sensor": {}}
    part = open_part(plan, options)
    driver = Qmc5883l(RegisterBus({part.address: part}), options)
    twin = Arrivals(7, 3, 1, (200, -50, 385))
    for _ in range(50):
        await driver.read()
        assert tuple(driver.values) == twin.next()


def test_a_uart_forgets_what_its_buffer_cannot_hold_and_counts_it():
    ours, theirs = uart_pair()
    theirs.write(bytes(BUFFER_BYTES_MAX + 10))
    assert ours._from_part.overrun == 10
