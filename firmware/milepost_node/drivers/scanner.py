"""Frames of fixed length out of a sensor's byte stream, however the bytes were split, glued or damaged on the way.

A frame begins with its head byte and passes its check; where it does not, one byte is given up and the search goes on behind
it, so that noise costs the frames it touched and no more.
"""

from ..vm import Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..board import Uart

READ_BYTES_MAX = 64


class Scanner:
    """Frames of `size` bytes that begin with `head` and satisfy `is_good(frame)`, from `uart`."""

    def __init__(self, uart: "Uart", head: int, size: int, is_good: "Callable[[bytes], bool]") -> None:
        self.heard = 0  # bytes since `restart`
        self._uart = uart
        self._head = head
        self._size = size
        self._is_good = is_good
        self._held = b""

    def restart(self) -> None:
        """Forget what came so far: only what arrives from now on counts."""
        self._uart.discard()
        self._held = b""
        self.heard = 0

    async def next(self, deadline: Deadline) -> "bytes | None":
        """The next frame; None if none came until `deadline`."""
        while True:
            frame = self._take()
            left = deadline.left()
            if frame is not None or left == 0:
                return frame
            piece = await self._uart.read(READ_BYTES_MAX, left)
            self.heard += len(piece)
            self._held += piece

    def _take(self) -> "bytes | None":
        held, size = self._held, self._size
        at = 0
        while at + size <= len(held):
            if held[at] == self._head and self._is_good(held[at : at + size]):
                self._held = held[at + size :]
                return held[at : at + size]
            at += 1
        self._held = held[at:]
        return None
