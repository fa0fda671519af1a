"""The sampler: each schedule a task of its own, so that a slow or dead sensor delays nobody else.

Samples fall due at fixed steps of the uptime, not "a period after the last one", so the rate does not drift; a step that went
by while a sensor was busy is skipped and counted. Whatever a part does, each due step that is served makes one row: values
and quality, or nulls and the word for why.
"""

from milepost_protocol.channels import STREAMS
from milepost_protocol.quality import QUALITY_IDS
from milepost_protocol.records import EVENT, ROUTINE, ROWS

from . import vm
from .drivers import READ_MS_MAX
from .flood import Flood
from .parking import Bay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from milepost_protocol.schema import Schema

    from .drivers import Driver
    from .spool import Spool
    from .uptime import Uptime

JUDGES: "dict[str, Any]" = {"flood": Flood, "parking": Bay}  # stream: what makes rows and events of its samples

_NO_SENSOR, _MISSING = QUALITY_IDS["no-sensor"], QUALITY_IDS["missing"]


class Schedule:
    """One site's sensor, its schema, and when it is read: every `period_ms`, `offset_ms` after the start."""

    def __init__(
        self,
        schema: "Schema",
        driver: "Driver",
        period_ms: int,
        offset_ms: int = 0,
        judge: "Flood | Bay | None" = None,
        cls: int = ROUTINE,
    ) -> None:
        self.schema = schema
        self.driver = driver
        self.period_ms = period_ms
        self.offset_ms = offset_ms
        self.judge = judge
        self.cls = cls


class Sampler:
    """Serves one schedule. `skipped` counts steps that went by, `late_ms_max` is the worst delay of a sample."""

    def __init__(self, schedule: Schedule, spool: "Spool", uptime: "Uptime") -> None:
        self.name = schedule.schema.site + "/" + STREAMS[schedule.schema.stream]
        self.skipped = 0
        self.late_ms_max = 0
        self._schedule = schedule
        self._spool = spool
        self._uptime = uptime

    async def run(self) -> None:
        """Sample for ever."""
        await self._start()
        schedule = self._schedule
        due = self._uptime.now() + schedule.offset_ms
        while True:
            await self._sleep_until(due)
            await self.sample()
            due += schedule.period_ms
            behind = self._uptime.now() - due
            if behind > 0:
                steps = behind // schedule.period_ms + 1
                self.skipped += steps
                due += steps * schedule.period_ms

    async def _sleep_until(self, due: int) -> None:
        left = due - self._uptime.now()
        while left > 0:
            await vm.sleep_ms(left)
            left = due - self._uptime.now()
        self.late_ms_max = max(self.late_ms_max, -left)

    async def _start(self) -> None:
        try:  # noqa: SIM105 - MicroPython has no contextlib
            await vm.wait_for_ms(self._schedule.driver.start(), READ_MS_MAX)
        except (OSError, vm.Timeout):
            pass  # not there yet; every read looks again

    async def sample(self) -> None:
        """Take one sample and append its row, then the events that it makes."""
        schedule, driver = self._schedule, self._schedule.driver
        at = self._uptime.now()
        try:
            await vm.wait_for_ms(driver.read(), READ_MS_MAX)
        except vm.Timeout:
            driver.spoil(_MISSING)
        except OSError:
            driver.spoil(_NO_SENSOR)
        values, quality = list(driver.values), list(driver.quality)
        events = schedule.judge.judge(values, quality) if schedule.judge else ()
        noted = tuple(quality) if any(quality) else None
        self._spool.append(ROWS, schedule.cls, schedule.schema.hash, at, tuple(values), noted)
        for event in events:
            cls = schedule.judge.event_class if schedule.judge else ROUTINE
            self._spool.append(EVENT, cls, schedule.schema.hash, at, event)
