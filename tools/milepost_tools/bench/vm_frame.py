"""Run by MicroPython: what one frame costs a node, in heap and in time. wire_vm.py sends it, with the rows in front.

The collector is off while something is measured, so the heap counts everything that was allocated, dropped or not: the most
that a frame can need at once. One line each: what, bytes, microseconds.
"""

import gc
import sys
import time

from milepost_protocol import aead, blocks, frames, packets, records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    GIVEN: list[tuple[int, ...]] = []  # the rows' values, written in front of this file

STEP_MS = 60000
HEAD = packets.header(0, packets.DATA, 1) + bytes(2)
NONCE = bytes(13)


def measure(what: str, work: "Callable[[], object]") -> None:
    """Print what `work` takes the second time it runs: the first also fills caches."""
    work()
    gc.collect()
    gc.disable()
    used = gc.mem_alloc()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  MicroPython's
    begun = time.ticks_us()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    work()
    spent = time.ticks_diff(time.ticks_us(), begun)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    used = gc.mem_alloc() - used  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    gc.enable()
    sys.stdout.write(f"{what} {used} {spent}\n")


def main() -> None:
    """Measure each part of a frame's way."""
    made = [
        records.Record(records.ROWS, records.ROUTINE, 1, 12, 65000 + i, 3888000000 + STEP_MS * i, values)
        for i, values in enumerate(GIVEN)
    ]
    sealer = aead.ccm(bytes(16))
    plain = bytearray()
    blocks.put(plain, *records.pack(made))

    def seal() -> bytes:
        return frames.encode_frame(HEAD + sealer.seal(NONCE, bytes(plain), HEAD))

    frame = seal()
    decoder = frames.FrameDecoder()

    def open_it() -> "bytes | None":
        return sealer.open(NONCE, (decoder.feed(frame)[0][0] or b"")[4:], HEAD)

    if open_it() != bytes(plain):
        raise ValueError("the frame did not come back")
    measure("pack", lambda: records.pack(made))
    measure("seal", seal)
    measure("open", open_it)


main()
