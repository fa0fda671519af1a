"""A batch's sampling times, packed: the steps in milliseconds from each row to the next.

Strategy: nearly every batch is sampled on a schedule, so a step that repeats costs one to three bytes for the whole
batch. Otherwise the median step goes first, and then either how far each step is from it, or how far each row is from
the grid that it spans: the second is far smaller where a schedule holds and only the moment of sampling trembles.
"""

from .bits import BitReader, BitWriter, rice_parameter, sums
from .columns import COUNT_MAX
from .errors import ProtocolError, UsageError

# The first two bits: one step that repeats, in seconds, in seconds with more bits, in milliseconds; or steps that differ.
SHORT_S, LONG_S, REGULAR_MS, IRREGULAR = range(4)
STEP_BITS = (6, 14, 22)  # of the step that repeats, so that form and step fill one, two or three bytes
STEP_MAX_MS = (1 << 32) - 1  # between two rows of one batch; after a longer pause (49 days) a new batch begins


def encode_times(deltas: "list[int]") -> bytes:
    """Return the steps between a batch's rows, in ms, packed; no bytes for no steps; `UsageError` if not legal."""
    if not deltas:
        return b""
    if len(deltas) >= COUNT_MAX or min(deltas) < 0 or max(deltas) > STEP_MAX_MS:
        raise UsageError("too many steps, or one of them out of range")
    bits = BitWriter()
    if min(deltas) == max(deltas) and _put_regular(bits, deltas[0]):
        return bits.finish()
    _put_irregular(bits, deltas)
    return bits.finish()


def decode_times(data: bytes, count: int) -> "tuple[list[int], int]":
    """Return the steps between `count` rows, in ms, and how many bytes at the front of `data` they took.

    Whatever follows them is not looked at. `ProtocolError` if these bytes cannot be steps.
    """
    if not 1 <= count <= COUNT_MAX:
        raise ProtocolError("count of rows out of range")
    if count == 1:
        return [], 0
    bits = BitReader(data)
    form = bits.take(2)
    if form == IRREGULAR:
        deltas = _take_irregular(bits, count - 1)
    else:
        deltas = [bits.take(STEP_BITS[form]) * (1 if form == REGULAR_MS else 1000)] * (count - 1)
    return deltas, bits.finish()


def _put_regular(bits: BitWriter, step_ms: int) -> bool:
    step_s = step_ms // 1000
    whole = step_s * 1000 == step_ms
    for form, step in ((SHORT_S, step_s), (LONG_S, step_s), (REGULAR_MS, step_ms)):
        if (whole or form == REGULAR_MS) and step < 1 << STEP_BITS[form]:
            bits.put(form, 2)
            bits.put(step, STEP_BITS[form])
            return True
    return False


def _put_irregular(bits: BitWriter, deltas: "list[int]") -> None:
    seconds = all(delta % 1000 == 0 for delta in deltas)
    if seconds:
        deltas = [delta // 1000 for delta in deltas]
    step = sorted(deltas)[len(deltas) // 2]
    misses = [delta - step for delta in deltas]
    offsets = sums(misses)
    on_grid = sum(map(abs, offsets)) < sum(map(abs, misses))
    residuals = offsets if on_grid else misses
    bits.put(IRREGULAR << 2 | (2 if seconds else 0) | (1 if on_grid else 0), 4)
    bits.put_number(step)
    bits.put_rice(residuals, rice_parameter(sum(map(abs, residuals)), len(residuals)))


def _take_irregular(bits: BitReader, count: int) -> "list[int]":
    unit_ms = 1000 if bits.take(1) else 1
    on_grid = bits.take(1)
    step = bits.take_number()
    misses = bits.take_rice(count)
    if on_grid:
        misses = [after - before for before, after in zip([0] + misses, misses)]
    deltas = [(step + miss) * unit_ms for miss in misses]
    if min(deltas) < 0 or max(deltas) > STEP_MAX_MS:
        raise ProtocolError("a step is out of range")
    return deltas
