"""Simulated clocks and links for the time figures: crystals in a box by the road, and wires with delays of their own.

A crystal's drift is a constant within ±20 ppm, plus its curve over temperature, plus a random walk. The box runs through the
day between 7 and 43 degrees, with a second harmonic, cloudbursts that cool it by up to 12 K, and half an hour of thermal
lag. The curve is a parabola as steep as AT-cut crystals are sold, or the cubic that such a crystal really follows; nothing
here is known to the code that is measured. Times in ms of the gateway's clock; everything is drawn from a seeded generator.
"""

import math
from collections.abc import Callable
from random import Random

HOUR_MS = 3_600_000
STEP_MS = 60_000  # drift is constant for a minute: it changes by less than 0.4 ppm in one
BOX_C = (7.0, 43.0)  # coldest and hottest a box in the tropics and the hills gets
LAG = 1 / 30  # of the way to the air's temperature that the crystal goes in a minute
STORMS_A_DAY = 1.0
STORM_DECAY = 1 / 120  # a minute: two hours until the box is warm again
WALK_PPM = 0.02 / math.sqrt(60)  # a minute: 0.02 ppm in an hour, 0.1 in a day

Curve = Callable[[Random], Callable[[float], float]]  # draws a crystal's drift in ppm over degrees
Link = tuple[Callable[[Random], float], Callable[[Random], float]]  # delay of a probe, of a reply, in ms


class Box:
    """Temperatures in a box, one a minute: of the air at the sensor, and of the crystal."""

    def __init__(self, dice: Random, hours: int) -> None:
        mean = dice.uniform(21, 29)
        swing = dice.uniform(0.5, 1) * min(mean - BOX_C[0], BOX_C[1] - mean)
        second, phase, second_phase = dice.uniform(0, 0.25), dice.uniform(0, 24), dice.uniform(0, 24)
        self.sensor_c: list[float] = []
        self.crystal_c: list[float] = []
        storm = 0.0
        for minute in range(hours * 60 + 1):
            hour = minute / 60
            wave = math.sin((hour - phase) * math.pi / 12) + second * math.sin((hour - second_phase) * math.pi / 6)
            storm = dice.uniform(-12, -3) if dice.random() < STORMS_A_DAY / 1440 else storm * (1 - STORM_DECAY)
            self.sensor_c.append(max(BOX_C[0], min(BOX_C[1], mean + swing * wave + storm)))
            before = self.crystal_c[-1] if minute else self.sensor_c[0]
            self.crystal_c.append(before + (self.sensor_c[-1] - before) * LAG)


def parabola(dice: Random) -> Callable[[float], float]:
    """A drift in ppm over temperature: 0.025 to 0.04 ppm/K2 about a turning point at 20 to 30 degrees."""
    steepness, turning_c = dice.uniform(-0.04, -0.025), dice.uniform(20, 30)
    return lambda celsius: steepness * (celsius - turning_c) ** 2


def cubic(dice: Random) -> Callable[[float], float]:
    """An AT-cut crystal's own curve: linear and cubic terms about its inflection (Bechmann 1956), the cut's angle drawn."""
    slope, middle_c = dice.uniform(-0.35, -0.1), dice.uniform(24, 32)
    return lambda celsius: slope * (celsius - middle_c) + 1.05e-4 * (celsius - middle_c) ** 3


class Crystal:
    """A node's clock over some hours; `box` has its temperatures."""

    def __init__(self, dice: Random, hours: int, curve: Curve) -> None:
        self.box = Box(dice, hours)
        drift_of, constant, walk = curve(dice), dice.uniform(-20, 20), 0.0
        self._ahead_ms = [dice.uniform(0, 1e7)]  # uptime less gateway time, at each minute
        for celsius in self.box.crystal_c:
            walk += dice.gauss(0, WALK_PPM)
            drift_ppm = constant + drift_of(celsius) + walk
            self._ahead_ms.append(self._ahead_ms[-1] + drift_ppm * STEP_MS * 1e-6)

    def uptime_ms(self, now_ms: float) -> float:
        """The node's uptime at a moment of the gateway's clock, not cut."""
        minute, part = divmod(now_ms, STEP_MS)
        before, after = self._ahead_ms[int(minute)], self._ahead_ms[int(minute) + 1]
        return now_ms + before + (after - before) * part / STEP_MS

    def exchange(self, now_ms: float, link: Link, dice: Random) -> tuple[int, int, int, int]:
        """A two-way exchange that begins now: sent, received, replied, back, every stamp cut to whole ms."""
        received = now_ms + link[0](dice)
        replied = received + dice.uniform(0, 5)
        back = replied + link[1](dice)
        return int(now_ms), int(self.uptime_ms(received)), int(self.uptime_ms(replied)), int(back)


def _uart_there(dice: Random) -> float:
    return 1.9 + dice.expovariate(1)  # 22 bytes at 115,200 baud, and the node's loop


def _uart_back(dice: Random) -> float:
    return 2.4 + dice.expovariate(3)  # 28 bytes, and the gateway's


def _usb_there(dice: Random) -> float:
    return _uart_there(dice) + dice.random()  # the next USB frame


def _usb_back(dice: Random) -> float:
    return _uart_back(dice) + dice.uniform(0, 16)  # FTDI's latency timer


def _wifi_there(dice: Random) -> float:
    return (
        1.5 + dice.expovariate(1 / 4) + (dice.uniform(0, 100) if dice.random() < 0.1 else 0)
    )  # a beacon's wait at times


def _wifi_back(dice: Random) -> float:
    return 1.5 + dice.expovariate(1 / 4)


LINKS: dict[str, Link] = {
    "UART": (_uart_there, _uart_back),
    "USB, 16 ms timer": (_usb_there, _usb_back),
    "Wi-Fi": (_wifi_there, _wifi_back),
}
