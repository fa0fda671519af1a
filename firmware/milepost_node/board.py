"""The board: all the hardware a node needs, behind one small interface, given to the logic and never imported by it.

A board module in `boards/` offers `open_board(config, identity, folder)`, which returns one of these. Nothing else in this
package knows pins, file descriptors, `machine` or what is simulated. A method that stands here without a body must be there.
"""

from . import vm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from .store import Store


class Uart:
    """A serial bus to a sensor."""

    async def read(self, limit: int, wait_ms: int) -> bytes:
        """What has arrived, at most `limit` bytes; waits up to `wait_ms` for the first of them. b"" if nothing came."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """Send `data`; returns when the bus has taken it."""
        raise NotImplementedError

    def discard(self) -> None:
        """Throw away what has arrived and was not read."""
        raise NotImplementedError


class I2c:
    """An I2C bus; transfers are short and do not wait. A part that does not answer raises OSError."""

    def read_into(self, address: int, register: int, buffer: bytearray) -> None:
        """Fill `buffer` from consecutive registers."""
        raise NotImplementedError

    def write(self, address: int, register: int, data: bytes) -> None:
        """Write consecutive registers."""
        raise NotImplementedError


class Link:
    """The open link to the gateway: bytes both ways. OSError when it is gone."""

    async def read(self) -> bytes:
        """What has arrived, at least one byte; b"" when the other end is gone."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """Send `data`; waits where the line is slower than we are."""
        raise NotImplementedError

    def close(self) -> None:
        """Give the port back."""
        raise NotImplementedError


class PortMissing(OSError):
    """There is no such port."""


class PortBusy(OSError):
    """Another program has the port."""


class Board:
    """One node's hardware. `unique_id` is None where the hardware has none and the identity's word is taken."""

    unique_id: "bytes | None" = None
    store: "Store"

    def ticks_ms(self) -> int:
        """A counter of milliseconds that may wrap."""
        return vm.ticks_ms()

    def ticks_diff(self, later: int, earlier: int) -> int:
        """The distance of two ticks, signed."""
        return vm.ticks_diff(later, earlier)

    def entropy(self, count: int) -> bytes:
        """`count` bytes that nobody can guess."""
        raise NotImplementedError

    def uart(self, name: str, baud: int) -> Uart:
        """The serial bus `name`, 8N1. KeyError if there is none."""
        raise NotImplementedError

    def i2c(self, name: str) -> I2c:
        """The I2C bus `name`. KeyError if there is none."""
        raise NotImplementedError

    def open_link(self) -> Link:
        """Open the link that the configuration names. PortMissing, PortBusy or another OSError if that fails."""
        raise NotImplementedError

    def feed_watchdog(self) -> None:
        """Called while all is well; a board with a watchdog tells it so."""

    def work(self) -> "list[tuple[str, Coroutine[Any, Any, None]]]":
        """Tasks of the board's own, by name: simulated parts, here and there a pump. None of them may end."""
        return []
