"""What can go wrong between a sensor and its driver: a table of ways to spoil one frame.

Each takes a good frame and gives the pieces that really arrive; between two pieces a part pauses PAUSE_MS. `Faults` applies
them by a plan: every n-th frame.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PAUSE_MS = 30  # long enough that a driver's read ends in between
NOISE = b"\xff\x00\xaa\x42\xff"  # glitches of a line, heads of frames among them


def _bad_checksum(frame: bytes) -> "list[bytes]":
    return [frame[:2] + bytes([frame[2] ^ 1]) + frame[3:]]


FAULTS: "dict[str, Callable[[bytes], list[bytes]]]" = {
    "silence": lambda frame: [],
    "truncated": lambda frame: [frame[: len(frame) // 2]],
    "checksum": _bad_checksum,
    "glued": lambda frame: [frame + frame],
    "split": lambda frame: [frame[: len(frame) // 2], frame[len(frame) // 2 :]],
    "noise": lambda frame: [NOISE + frame],
}


class Faults:
    """A plan: a list of `{"kind": a key of FAULTS, "every": n}`; the first that falls on a frame takes it."""

    def __init__(self, plan: "list[dict[str, Any]]") -> None:
        self.fired = dict.fromkeys(FAULTS, 0)
        self._plan = plan
        self._frames = 0

    def apply(self, frame: bytes) -> "list[bytes]":
        """The pieces in which `frame` arrives; none at all if it is lost."""
        self._frames += 1
        for fault in self._plan:
            if self._frames % fault["every"] == 0:
                self.fired[fault["kind"]] += 1
                return FAULTS[fault["kind"]](frame)
        return [frame]
