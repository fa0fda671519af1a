"""The time figures: they keep their limits, they could fail, and what is simulated is what it says."""

from random import Random

import pytest
from milepost_protocol import clock
from milepost_tools.bench import crystals, wire_time, wire_time_temperature

UART = crystals.LINKS["UART"]


def test_every_time_figure_keeps_its_limit_on_fewer_crystals(monkeypatch):
    monkeypatch.setattr(wire_time, "TRIALS", 40)
    found = wire_time.figures()
    assert [figure.name for figure in found if figure.holds is False] == []
    assert len({figure.name for figure in found}) == len(found) == (4 * 3 + 1) * 8


def test_bounds_a_third_as_wide_would_not_hold_the_truth(monkeypatch):
    monkeypatch.setattr(clock, "SPAN_PPM", clock.SPAN_PPM // 3)
    monkeypatch.setattr(clock, "_SAG_DIVISOR", clock._SAG_DIVISOR * 3)
    found = wire_time.measure(wire_time.draw(8, crystals.parabola, 60), UART, 8)
    assert wire_time.covered_pct(found["after"]) < wire_time.COVERED_PCT
    assert wire_time.covered_pct(found["later"]) < wire_time.COVERED_PCT


def test_the_same_seed_gives_the_same_figures():
    first, second = (wire_time.measure(wire_time.draw(1, crystals.cubic, 3), UART, 1) for _ in range(2))
    assert first == second
    assert [len(pairs) for pairs in first.values()] == [3 * wire_time.RECORDS] * 3


def test_no_exchange_is_made_in_an_outage():
    moments = list(wire_time.bursts((3_600_000, 7_200_000), 10_800_000))
    assert not [moment for moment in moments if 3_600_000 <= moment < 7_200_000]
    assert len(moments) == 12


def test_quantiles_and_coverage_count_what_they_say():
    assert [wire_time.quantile([3, 1, 2, 4], part) for part in (0, 0.5, 0.99)] == [1, 3, 4]
    assert wire_time.covered_pct([(1, 1), (2, 1), (0, 0), (5, 9)]) == 75


@pytest.mark.parametrize("curve", [crystals.parabola, crystals.cubic])
def test_crystals_drift_no_more_than_any_may_and_boxes_keep_their_temperatures(curve):
    for seed in range(20):
        crystal = crystals.Crystal(Random(seed), 30, curve)
        for celsius in crystal.box.sensor_c + crystal.box.crystal_c:
            assert crystals.BOX_C[0] <= celsius <= crystals.BOX_C[1]
        for minute in range(30 * 60):
            gained = crystal.uptime_ms((minute + 1) * 60_000) - crystal.uptime_ms(minute * 60_000) - 60_000
            assert abs(gained) < 60_000 * clock.DRIFT_PPM * 1e-6


@pytest.mark.parametrize("name", crystals.LINKS)
def test_an_exchange_takes_its_time_and_every_stamp_is_whole(name):
    crystal, dice = crystals.Crystal(Random(1), 1, crystals.parabola), Random(2)
    for _ in range(200):
        sent, received, replied, back = crystal.exchange(60_000.5, crystals.LINKS[name], dice)
        assert sent == 60_000
        assert back - sent >= replied - received + 3


def test_a_parabola_is_fitted_exactly():
    found = wire_time_temperature.fit_parabola([-2, 0, 1, 5], [4 - 2 * 3 + 8, 4, 4 + 3 + 2, 4 + 15 + 50])
    assert found == pytest.approx((4, 3, 2))


def test_the_temperature_term_is_measured_on_a_day_it_has_not_seen():
    errors = wire_time_temperature.measure(crystals.cubic, 3, trials=2)
    assert [len(found) for found in errors.values()] == [2 * wire_time_temperature.RECORDS] * 2
    assert max(errors["with"]) < 100
