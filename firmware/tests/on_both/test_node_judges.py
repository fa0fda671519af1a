"""What makes events of samples: flood thresholds and the parking bay."""

from milepost_node.flood import Flood, millimetres
from milepost_node.parking import Bay, root, tenths
from milepost_protocol.channels import EVENT_IDS
from milepost_protocol.records import ROUTINE, URGENT

UP1, UP2, UP3 = EVENT_IDS["level-1"], EVENT_IDS["level-2"], EVENT_IDS["level-3"]
NORMAL, OCCUPIED, FREE = EVENT_IDS["level-normal"], EVENT_IDS["occupied"], EVENT_IDS["free"]


def a_flood(*levels):
    return Flood({"thresholds": [{"level_m": level, "clear_m": clear} for level, clear in levels]})


def play(flood, levels):
    return [[event[:2] for event in flood.judge([level], [0])] for level in levels]


def test_each_threshold_makes_one_event_up_and_one_down_below_its_hysteresis():
    flood = a_flood((1.5, 1.4), (1.8, 1.7), (2.0, 1.9))
    found = play(flood, [1000, 1499, 1500, 1499, 1400, 1800, 1750, 2100, 1650, 1399])
    assert found == [[], [], [(UP1, 1500)], [], [], [(UP2, 1800)], [], [(UP3, 2100)], [(UP1, 1650)], [(NORMAL, 1399)]]


def test_a_wave_on_the_threshold_is_one_alarm():
    flood = a_flood((1.5, None))
    found = play(flood, [1500, 1490, 1505, 1470, 1510, 1451, 1449])
    assert [event for events in found for event in events] == [(UP1, 1500), (NORMAL, 1449)]


def test_a_missing_level_neither_raises_nor_ends_an_alarm():
    flood = a_flood((1.5, 1.4))
    assert play(flood, [None, 1600, None, None, 1300]) == [[], [(UP1, 1600)], [], [], [(NORMAL, 1300)]]


def test_water_that_is_high_at_the_start_is_an_alarm_at_the_first_sample():
    assert play(a_flood((1.5, 1.4), (1.8, 1.7)), [1900]) == [[(UP2, 1900)]]


def test_no_thresholds_make_no_events_and_flood_events_are_urgent():
    assert play(a_flood(), [9000, -9000]) == [[], []]
    assert Flood.event_class == URGENT


def test_thresholds_are_exact_in_millimetres():
    assert [millimetres(level) for level in (1.5, 2.001, 4.16, -0.35, 0.07, 16.3)] == [
        1500,
        2001,
        4160,
        -350,
        70,
        16300,
    ]


# -- parking ------------------------------------------------------------------------------------------------------------------


def a_bay():
    return Bay({"bay": {"baseline_ut": [20.0, -5.0, 38.5], "occupied_ut": 15, "free_ut": 8}})


def look(bay, x, y=-50, z=385, quality=(0, 0, 0)):
    values, noted = [x, y, z], list(quality)
    events = bay.judge(values, noted)
    return values, noted, events


def test_a_row_is_whether_it_is_occupied_and_how_far_the_field_stands_from_the_empty_bays():
    bay = a_bay()
    assert look(bay, 200)[:2] == ([0, 0], [0, 0])
    assert look(bay, 230, -10, 385)[0] == [0, 50]
    assert look(bay, 500, 350, 385)[0] == [1, 500]


def test_an_edge_is_one_event_with_hysteresis_between():
    bay = a_bay()
    found = [look(bay, 200 + field)[2] for field in (0, 149, 150, 100, 80, 79, 100, 149, 400)]
    assert [[event[0] for event in events] for events in found] == [
        [],
        [],
        [OCCUPIED],
        [],
        [],
        [FREE],
        [],
        [],
        [OCCUPIED],
    ]


def test_what_stands_there_at_the_start_is_no_event():
    bay = a_bay()
    values, _, events = look(bay, 900)
    assert (values[0], events) == (1, ())


def test_between_the_thresholds_at_the_start_a_bay_is_free():
    assert look(a_bay(), 300)[0] == [0, 100]


def test_a_missing_field_is_a_row_of_nulls_with_its_word_and_changes_nothing():
    bay = a_bay()
    look(bay, 900)
    assert look(bay, None, None, None, (5, 5, 5)) == ([None, None], [5, 5], ())
    assert look(bay, 900)[2] == ()


def test_confidence_grows_with_the_distance_from_the_threshold():
    def confidence(field):
        bay = a_bay()
        look(bay, 200)
        return look(bay, 200 + field)[2][0][2]

    assert confidence(150) == 50
    assert confidence(150) < confidence(225) < confidence(290)
    assert confidence(3000) == 99


def test_parking_events_are_routine_and_the_root_is_exact():
    assert Bay.event_class == ROUTINE
    for value in (0, 1, 2, 3, 4, 15, 16, 17, 99, 100, 1 << 31, (1 << 20) ** 2 - 1):
        found = root(value)
        assert found * found <= value < (found + 1) * (found + 1)
    assert tenths([0.05, -0.05, 38.5, -12.34]) == (1, -1, 385, -123)
