"""The 64-bit uptime over ticks that wrap."""

from milepost_node.uptime import Uptime
from node_fakes import Ticks


def test_uptime_goes_on_over_the_wrap_of_a_microcontrollers_ticks():
    ticks = Ticks(start=(1 << 30) - 500)
    uptime = Uptime(ticks.ms, ticks.diff)
    ticks.at += 400
    assert uptime.now() == 400
    ticks.at += 400
    assert ticks.ms() == 300, "wrapped"
    assert uptime.now() == 800


def test_uptime_goes_on_over_the_wrap_of_the_unix_ports_ticks():
    ticks = Ticks(start=(1 << 62) - 5, period=1 << 62)
    uptime = Uptime(ticks.ms, ticks.diff)
    ticks.at += 12
    assert uptime.now() == 12


def test_uptime_counts_past_32_bits_when_it_is_asked_often_enough():
    ticks = Ticks(start=123)
    uptime = Uptime(ticks.ms, ticks.diff)
    step = (1 << 29) - 1
    for _ in range(40):
        ticks.at += step
        uptime.now()
    assert uptime.now() == 40 * step
    assert uptime.now() > 1 << 34


def test_uptime_never_goes_back():
    ticks = Ticks(start=1000)
    uptime = Uptime(ticks.ms, ticks.diff)
    ticks.at += 10
    uptime.now()
    ticks.at -= 4
    assert uptime.now() == 10
    ticks.at += 5
    assert uptime.now() == 11
