"""A batch's columns, packed: integers with gaps in, few bytes out, and the exact values back.

Strategy: each column is predicted from its own past by one of four integer rules, or from the column before it where
the two move together; what the rule misses goes out as Rice codes with one parameter a column. Nothing is remembered
from batch to batch, so losing one batch costs no other. Which rule wins is guessed from two sums of one pass, and only
then tried: a node has no time to try them all. COLUMNS.md states every bit.
"""

from .bits import BitReader, BitWriter, rice_parameter, sums
from .errors import ProtocolError, UsageError
from .varint import unzigzag, zigzag

COUNT_MAX = 64  # rows in a batch: bounds what a decoder can be made to do, and what one lost frame costs
COLUMNS_MAX = 32  # channels in a row
VALUE_MIN, VALUE_MAX = -(1 << 31), (1 << 31) - 1  # a value is a signed 32-bit integer, -9999 as good as any other

# What a column begins with, as (code, width): four rules of its own past, one of the column before, three for values
# that are equal, absent or absent in places. The two rules that win most often have the short codes.
LAST, SMOOTH, HALF, LINE, ACROSS, FLAT, EMPTY, HOLES = range(8)
MODES = ((0b00, 2), (0b01, 2), (0b100, 3), (0b101, 3), (0b110, 3), (0b1110, 4), (0b11110, 5), (0b11111, 5))

SHARE_MIN, SHARE_MAX = -16, 15  # ACROSS follows the column before at so many eighths of its steps; finer gained nothing
SHARE_BITS = 5


class Encoder:
    """Packs one batch, a column at a time, so that a caller can do other work between two columns."""

    def __init__(self, count: int) -> None:
        """Start a batch of `count` rows, 1 to `COUNT_MAX`; `UsageError` otherwise."""
        if not 1 <= count <= COUNT_MAX:
            raise UsageError("count of rows out of range")
        self._count = count
        self._bits = BitWriter()
        self._before: list[int] = []
        self._square = 0

    def add(self, column: "list[int | None]") -> None:
        """Pack the next column: `count` items, each a 32-bit integer or `None`; `UsageError` if it is not that."""
        if len(column) != self._count:
            raise UsageError("a column needs one item a row")
        values = [value for value in column if value is not None] if None in column else column
        if self._count == 1:
            self._bits.put(len(values), 1)
        elif len(values) < self._count:
            self._put_holes(column, HOLES if values else EMPTY)
        if values:
            self._put_values(values)  # type: ignore[arg-type]  # no None is left in it
        else:
            self._before = []

    def finish(self) -> bytes:
        """Return the packed columns; the encoder is not used afterwards."""
        return self._bits.finish()

    def _put_holes(self, column: "list[int | None]", mode: int) -> None:
        self._put_mode(mode)
        if mode == HOLES:
            for value in column:
                self._bits.put(0 if value is None else 1, 1)

    def _put_values(self, values: "list[int]") -> None:
        before, square_before = self._before, self._square
        if len(before) != len(values) - 1:
            before, square_before = [0] * (len(values) - 1), 0
        steps, last, line, self._square, both = _survey(values, before)
        self._before = steps
        if not VALUE_MIN + last <= values[0] <= VALUE_MAX - last:
            _check_range(values)
        if last:
            share = _share(self._square, both, square_before)
            self._put_steps(values[0], *_choose(steps, last, line, before, share), share)
        else:
            if self._count > 1:
                self._put_mode(FLAT)
            self._bits.put_number(zigzag(values[0]))

    def _put_steps(self, first: int, mode: int, misses: "list[int]", total: int, share: int) -> None:
        self._put_mode(mode)
        self._bits.put_number(zigzag(first))
        if mode == ACROSS:
            self._bits.put(share - SHARE_MIN, SHARE_BITS)
        self._bits.put_rice(misses, rice_parameter(total, len(misses)))

    def _put_mode(self, mode: int) -> None:
        code, width = MODES[mode]
        self._bits.put(code, width)


class Decoder:
    """Unpacks one batch, a column at a time; `ProtocolError`, and nothing else, for bytes that make no sense."""

    def __init__(self, data: bytes, count: int) -> None:
        """Start on the bytes of a batch of `count` rows."""
        if not 1 <= count <= COUNT_MAX:
            raise ProtocolError("count of rows out of range")
        self._count = count
        self._bits = BitReader(data)
        self._before: list[int] = []

    def take(self) -> "list[int | None]":
        """Return the next column, `count` items."""
        present, mode = self._take_present()
        if mode == EMPTY:
            self._before = []
            return [None] * self._count
        values = iter(self._take_values(mode, sum(present)))
        return [next(values) if there else None for there in present]

    def finish(self) -> None:
        """Check that nothing is left over."""
        self._bits.finish_at_end()

    def _take_present(self) -> "tuple[list[int], int]":
        everywhere = [1] * self._count
        if self._count == 1:
            return everywhere, FLAT if self._bits.take(1) else EMPTY
        mode = self._take_mode()
        if mode != HOLES:
            return everywhere, mode
        present = [self._bits.take(1) for _ in everywhere]
        mode = self._take_mode()
        if mode >= EMPTY or not any(present):
            raise ProtocolError("holes within holes")
        return present, mode

    def _take_mode(self) -> int:
        code = self._bits.take(2)
        width = 2
        while (code, width) not in MODES:
            code = code << 1 | self._bits.take(1)
            width += 1
        return MODES.index((code, width))

    def _take_values(self, mode: int, count: int) -> "list[int]":
        value = unzigzag(self._bits.take_number())
        values = [value]
        self._before = self._take_steps(mode, count - 1)
        for step in self._before:
            value += step
            values.append(value)
        if min(values) < VALUE_MIN or max(values) > VALUE_MAX:
            raise ProtocolError("a value has more than 32 bits")
        return values

    def _take_steps(self, mode: int, count: int) -> "list[int]":
        if mode == FLAT:
            return [0] * count
        if mode != ACROSS:
            return STEPS[mode](self._bits.take_rice(count))
        if len(self._before) != count:
            raise ProtocolError("no column to follow")
        share = self._bits.take(SHARE_BITS) + SHARE_MIN
        return _step_across(self._bits.take_rice(count), self._before, share)


def encode(columns: "list[list[int | None]]", count: int) -> bytes:
    """Return a batch's columns, each of `count` items, packed; `UsageError` if they are not legal (see `Encoder`)."""
    if len(columns) > COLUMNS_MAX:
        raise UsageError("too many columns")
    encoder = Encoder(count)
    for column in columns:
        encoder.add(column)
    return encoder.finish()


def decode(data: bytes, n_columns: int, count: int) -> "list[list[int | None]]":
    """Return the columns that `encode` packed; `ProtocolError` if these bytes cannot be that."""
    if not 0 <= n_columns <= COLUMNS_MAX:
        raise ProtocolError("count of columns out of range")
    decoder = Decoder(data, count)
    columns = [decoder.take() for _ in range(n_columns)]
    decoder.finish()
    return columns


def _survey(values: "list[int]", before: "list[int]") -> "tuple[list[int], int, int, int, int]":
    """Return the steps from value to value and four sums over them, all that a choice of the rule needs.

    The sums: what LAST misses, what LINE misses, the steps' squares, and their products with the steps `before`.
    """
    distance = abs
    steps: list[int] = []
    last = line = square = both = earlier = 0
    previous = values[0]
    i = 1
    for beside in before:
        value = values[i]
        step = value - previous
        previous = value
        steps.append(step)
        last += distance(step)
        line += distance(step - earlier)
        earlier = step
        square += step * step
        both += step * beside
        i += 1
    return steps, last, line, square, both


def _share(square: int, both: int, square_before: int) -> int:
    """Return the least-squares share in eighths, or 0 where it would explain less than an eighth of the squares."""
    if not square_before:
        return 0
    share = max(SHARE_MIN, min(SHARE_MAX, (16 * both + square_before) // (2 * square_before)))
    return share if share * both > square else 0


def _choose(steps: "list[int]", last: int, line: int, before: "list[int]", share: int) -> "tuple[int, list[int], int]":
    """Return the mode to send, what its rule misses at each step, and the sum of that."""
    best = LAST, steps, last
    rule = _promising(last, line)
    if rule != LAST:
        best = _better(best, rule, MISSES[rule](steps))
    if share:
        best = _better(best, ACROSS, _miss_across(steps, before, share))
    return best


def _better(best: tuple[int, list[int], int], mode: int, misses: "list[int]") -> "tuple[int, list[int], int]":
    total = sum(map(abs, misses))
    return (mode, misses, total) if total < best[2] else best


def _promising(last: int, line: int) -> int:
    """Return the rule to try. `line` far above `last` says noise, far below says a smooth course."""
    if 2 * line > 3 * last:
        return SMOOTH
    if 8 * line > 9 * last:
        return LAST
    return HALF if 4 * line > 3 * last else LINE


def _check_range(values: "list[int]") -> None:
    if min(values) < VALUE_MIN or max(values) > VALUE_MAX:
        raise UsageError("a value needs more than 32 bits")


def _same(steps: "list[int]") -> "list[int]":
    return steps


def _miss_smooth(steps: "list[int]") -> "list[int]":
    misses = []
    miss = 0
    for step in steps:
        miss = step + ((miss + 1) >> 1)
        misses.append(miss)
    return misses


def _miss_half(steps: "list[int]") -> "list[int]":
    misses = []
    before = 0
    for step in steps:
        misses.append(step - (before >> 1))
        before = step
    return misses


def _miss_line(steps: "list[int]") -> "list[int]":
    misses = []
    before = 0
    for step in steps:
        misses.append(step - before)
        before = step
    return misses


def _miss_across(steps: "list[int]", before: "list[int]", share: int) -> "list[int]":
    misses = []
    i = 0
    for step in steps:
        misses.append(step - ((share * before[i] + 4) >> 3))
        i += 1  # noqa: SIM113 - on the node an index costs half of what enumerate or zip do
    return misses


def _step_smooth(misses: "list[int]") -> "list[int]":
    steps = []
    before = 0
    for miss in misses:
        steps.append(miss - ((before + 1) >> 1))
        before = miss
    return steps


def _step_half(misses: "list[int]") -> "list[int]":
    steps = []
    step = 0
    for miss in misses:
        step = miss + (step >> 1)
        steps.append(step)
    return steps


def _step_across(misses: "list[int]", before: "list[int]", share: int) -> "list[int]":
    return [miss + ((share * other + 4) >> 3) for miss, other in zip(misses, before)]


# For LAST to LINE: what the rule misses at each step, and back from that to the steps.
MISSES = (_same, _miss_smooth, _miss_half, _miss_line)
STEPS = (_same, _step_smooth, _step_half, sums)
