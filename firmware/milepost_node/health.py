"""The node about itself: a row a period of stream `node` at its home site, read like a sensor.

Shown now: uptime, free heap, spool, discards, the longest stall of the event loop, frames damaged on the link. What will
stand here too has its channel already or gets one: resets by cause, supply, wear, states of the sensors.
"""

from milepost_protocol.channels import CHANNEL_IDS

from . import vm
from .drivers import Driver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .board import Board
    from .spool import Spool
    from .uptime import Uptime

CHANNELS = tuple(
    [CHANNEL_IDS[name] for name in ("uptime", "heap-free", "spooled", "discarded", "loop-lag", "link-noise")]
)
BEAT_MS = 250  # how often the event loop is asked whether it is late


class Heart:
    """A task that measures how late the event loop runs, and feeds the watchdog by running at all."""

    def __init__(self, board: "Board", uptime: "Uptime") -> None:
        self._board = board
        self._uptime = uptime
        self._lag_ms = 0

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            before = self._uptime.now()
            await vm.sleep_ms(BEAT_MS)
            self._lag_ms = max(self._lag_ms, self._uptime.now() - before - BEAT_MS)
            self._board.feed_watchdog()

    def take_lag(self) -> int:
        """The longest stall since the last call, in ms."""
        lag, self._lag_ms = self._lag_ms, 0
        return lag


class Health(Driver):
    """A driver whose part is the node. `noise()` gives the frames damaged on the link so far."""

    def __init__(self, uptime: "Uptime", spool: "Spool", heart: Heart, noise: "Callable[[], int]") -> None:
        super().__init__(len(CHANNELS))
        self._uptime = uptime
        self._spool = spool
        self._heart = heart
        self._noise = noise

    async def read(self) -> None:
        self.values[0] = self._uptime.now() // 1000
        self.values[1] = vm.heap_free()
        self.values[2] = self._spool.held()
        self.values[3] = self._spool.discarded
        self.values[4] = self._heart.take_lag()
        self.values[5] = self._noise()
