"""Drivers: one file a part, and the one table of which parts there are.

A driver is made with its bus and the schedule's options, has `async start()` (may be called again) and `async read()`, which
fills its lists `values` (scaled integers or None, one a channel) and `quality` (ids of quality.QUALITY) in place. `read` ends
within READ_MS_MAX whatever the part does; a part that is not there shows as OSError or as a quality word, never as silence.
A new sensor is one file here, one row below, and its golden frames among the tests.
"""

from milepost_protocol.channels import CHANNEL_IDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

READ_MS_MAX = 1000  # a driver that takes longer is at fault

_FIELD = CHANNEL_IDS["field"]

# name: (class, bus kind, baud or 0, channels, keys that the schedule must have); the module is called like the name
DRIVERS: "dict[str, tuple[str, str, int, tuple[int, ...], tuple[str, ...]]]" = {
    "sds011": ("Sds011", "uart", 9600, (CHANNEL_IDS["pm25"], CHANNEL_IDS["pm10"]), ()),
    "a02yyuw": ("A02yyuw", "uart", 9600, (CHANNEL_IDS["level"],), ("zero_mm",)),
    "qmc5883l": ("Qmc5883l", "i2c", 0, (_FIELD, _FIELD, _FIELD), ()),  # x, y, z
}


class Driver:
    """What every driver has: `values` and `quality`, one entry a channel, as the last `read` left them."""

    def __init__(self, width: int) -> None:
        self.values: list[int | None] = [None] * width
        self.quality = [0] * width

    async def start(self) -> None:
        """Put the part into the state that `read` expects; OSError if it is not there."""

    async def read(self) -> None:
        """Take one sample into `values` and `quality`; OSError if the part is not there."""
        raise NotImplementedError

    def spoil(self, quality: int) -> None:
        """No value, in any channel, for the reason `quality`."""
        for i in range(len(self.values)):
            self.values[i] = None
            self.quality[i] = quality


def open_driver(name: str, bus: "Any", options: "dict[str, Any]") -> Driver:  # noqa: ANN401 - a Uart or an I2c
    """The driver `name` on `bus`, set up by its schedule's `options`."""
    module = __import__("milepost_node.drivers." + name, None, None, (DRIVERS[name][0],))
    driver: Driver = getattr(module, DRIVERS[name][0])(bus, options)
    return driver
