"""A batch's columns, packed: integers with gaps in, few bytes out, and the exact values back.

Strategy: each column is predicted from its own past by whichever of four integer rules misses least, or from the
column before it where the two move together; what the rule misses goes out as Rice codes with one parameter a column.
Nothing is remembered from batch to batch, so losing one batch costs no other. COLUMNS.md states every bit.
"""

from milepost_protocol.bits import RICE_MAX, BitReader, BitWriter, fold, unfold
from milepost_protocol.errors import ProtocolError

COUNT_MAX = 64
"""Rows in a batch: bounds what a decoder can be made to do, and what one lost frame costs."""

COLUMNS_MAX = 32
"""Channels in a row."""

VALUE_MIN = -(1 << 31)
"""A value is a signed 32-bit integer; sentinels such as -9999 are values like any other."""
VALUE_MAX = (1 << 31) - 1

LAST, SMOOTH, HALF, LINE, ACROSS, FLAT, EMPTY, HOLES = range(8)
MODES = ((0b00, 2), (0b01, 2), (0b100, 3), (0b101, 3), (0b110, 3), (0b1110, 4), (0b11110, 5), (0b11111, 5))
"""Each mode's code and its width; the two rules that win most often have the short ones."""

SHARE_MIN = -16
"""ACROSS follows the column before at a share of -16/8 to 15/8 of its steps: five bits, more gained nothing."""
SHARE_MAX = 15
SHARE_BITS = 5


class Encoder:
    """Packs one batch, a column at a time, so that a caller can do other work between two columns."""

    def __init__(self, count: int) -> None:
        """Start a batch of `count` rows, 1 to `COUNT_MAX`; `ValueError` otherwise."""
        if not 1 <= count <= COUNT_MAX:
            raise ValueError("count of rows out of range")
        self._count = count
        self._bits = BitWriter()
        self._before: list[int] = []

    def add(self, column: "list[int | None]") -> None:
        """Pack the next column: `count` items, each a 32-bit integer or `None`; `ValueError` if it is not that."""
        if len(column) != self._count:
            raise ValueError("a column needs one item a row")
        values = [value for value in column if value is not None] if None in column else column
        if self._count == 1:
            self._bits.put(len(values), 1)
        elif not values:
            self._put_mode(EMPTY)
        elif values is not column:
            self._put_mode(HOLES)
            for value in column:
                self._bits.put(0 if value is None else 1, 1)
        self._before = self._add_values(values)  # type: ignore[arg-type]  # nothing in it is None any more

    def finish(self) -> bytes:
        """Return the packed columns; the encoder is not used afterwards."""
        return self._bits.finish()

    def _add_values(self, values: list[int]) -> list[int]:
        if not values:
            return []
        steps, scores = _score(values)
        if not VALUE_MIN + scores[LAST] <= values[0] <= VALUE_MAX - scores[LAST]:
            _check_range(values)
        if not scores[LAST]:
            if self._count > 1:
                self._put_mode(FLAT)
            self._bits.put_number(fold(values[0]))
        else:
            self._add_steps(values[0], steps, scores)
        return steps

    def _add_steps(self, first: int, steps: list[int], scores: list[int]) -> None:
        score = min(scores)
        mode = scores.index(score)
        share = _share(self._before, steps)
        residuals = _miss_across(steps, self._before, share) if share else []
        across = sum(map(abs, residuals))
        if share and across < score:
            mode, score = ACROSS, across
        else:
            residuals = MISSES[mode](steps)
        k = parameter_for(score, len(steps))
        self._put_mode(mode)
        self._bits.put_number(fold(first))
        if mode == ACROSS:
            self._bits.put(share - SHARE_MIN, SHARE_BITS)
        self._bits.put_parameter(k)
        self._bits.put_rice(residuals, k)

    def _put_mode(self, mode: int) -> None:
        code, width = MODES[mode]
        self._bits.put(code, width)


class Decoder:
    """Unpacks one batch, a column at a time; raises `ProtocolError`, and nothing else, for bytes that make no sense."""

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
        values: list[int] = []
        if mode != EMPTY:
            values = self._take_values(mode, sum(present))
        else:
            self._before = []
        items = iter(values)
        return [next(items) if there else None for there in present]

    def finish(self) -> None:
        """Check that nothing is left over."""
        self._bits.finish_at_end()

    def _take_present(self) -> tuple[list[int], int]:
        if self._count == 1:
            there = self._bits.take(1)
            return [there], FLAT if there else EMPTY
        mode = self._take_mode()
        if mode != HOLES:
            return [0 if mode == EMPTY else 1] * self._count, mode
        present = [self._bits.take(1) for _ in range(self._count)]
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

    def _take_values(self, mode: int, count: int) -> list[int]:
        value = unfold(self._bits.take_number())
        self._before = self._take_steps(mode, count - 1)
        values = [value]
        for step in self._before:
            value += step
            values.append(value)
        if min(values) < VALUE_MIN or max(values) > VALUE_MAX:
            raise ProtocolError("a value has more than 32 bits")
        return values

    def _take_steps(self, mode: int, count: int) -> list[int]:
        if mode == FLAT:
            return [0] * count
        share = 0
        if mode == ACROSS:
            share = self._bits.take(SHARE_BITS) + SHARE_MIN
            if len(self._before) != count:
                raise ProtocolError("no column to follow")
        misses = self._bits.take_rice(count, self._bits.take_parameter())
        if mode == ACROSS:
            return _step_across(misses, self._before, share)
        return STEPS[mode](misses)


def encode(columns: "list[list[int | None]]", count: int) -> bytes:
    """Return a batch's columns, each of `count` items, packed; `ValueError` if they are not legal (see `Encoder`)."""
    if len(columns) > COLUMNS_MAX:
        raise ValueError("too many columns")
    encoder = Encoder(count)
    for column in columns:
        encoder.add(column)
    return encoder.finish()


def decode(data: bytes, n_columns: int, count: int) -> "list[list[int | None]]":
    """Return the columns that `encode` packed; `ProtocolError` if these bytes cannot be that."""
    if n_columns > COLUMNS_MAX:
        raise ProtocolError("too many columns")
    decoder = Decoder(data, count)
    columns = [decoder.take() for _ in range(n_columns)]
    decoder.finish()
    return columns


def _score(values: list[int]) -> tuple[list[int], list[int]]:
    """Return the steps between the values and, for each rule LAST to LINE, the sum of what it misses."""
    distance = abs
    previous = values[0]
    steps: list[int] = []
    append = steps.append
    before = miss = last = smooth = half = line = 0
    for value in values:
        step = value - previous
        previous = value
        append(step)
        miss = step + ((miss + 1) >> 1)
        last += distance(step)
        smooth += distance(miss)
        half += distance(step - (before >> 1))
        line += distance(step - before)
        before = step
    del steps[0]
    return steps, [last, smooth, half, line]


def _check_range(values: list[int]) -> None:
    if min(values) < VALUE_MIN or max(values) > VALUE_MAX:
        raise ValueError("a value needs more than 32 bits")


def _share(before: list[int], steps: list[int]) -> int:
    """Return the share, in eighths, at which these steps follow those of the column before (least squares)."""
    if len(before) != len(steps):
        return 0
    both = square = 0
    for step, other in zip(steps, before):
        both += step * other
        square += other * other
    if not square:
        return 0
    return max(SHARE_MIN, min(SHARE_MAX, (16 * both + square) // (2 * square)))


def _miss_across(steps: list[int], before: list[int], share: int) -> list[int]:
    return [step - ((share * other + 4) >> 3) for step, other in zip(steps, before)]


def _miss_last(steps: list[int]) -> list[int]:
    return steps


def _miss_smooth(steps: list[int]) -> list[int]:
    misses = []
    miss = 0
    for step in steps:
        miss = step + ((miss + 1) >> 1)
        misses.append(miss)
    return misses


def _miss_half(steps: list[int]) -> list[int]:
    misses = []
    before = 0
    for step in steps:
        misses.append(step - (before >> 1))
        before = step
    return misses


def _miss_line(steps: list[int]) -> list[int]:
    misses = []
    before = 0
    for step in steps:
        misses.append(step - before)
        before = step
    return misses


def _step_across(misses: list[int], before: list[int], share: int) -> list[int]:
    return [miss + ((share * other + 4) >> 3) for miss, other in zip(misses, before)]


def _step_smooth(misses: list[int]) -> list[int]:
    steps = []
    before = 0
    for miss in misses:
        steps.append(miss - ((before + 1) >> 1))
        before = miss
    return steps


def _step_half(misses: list[int]) -> list[int]:
    steps = []
    step = 0
    for miss in misses:
        step = miss + (step >> 1)
        steps.append(step)
    return steps


def _step_line(misses: list[int]) -> list[int]:
    steps = []
    step = 0
    for miss in misses:
        step += miss
        steps.append(step)
    return steps


MISSES = (_miss_last, _miss_smooth, _miss_half, _miss_line)
"""For LAST to LINE: what the rule misses at each step."""

STEPS = (_miss_last, _step_smooth, _step_half, _step_line)
"""For LAST to LINE: the steps, from what the rule missed."""


def parameter_for(total: int, count: int) -> int:
    """Return the Rice parameter for `count` residuals whose absolute values sum up to `total`."""
    k = 0
    while count << k < total and k < RICE_MAX:
        k += 1
    return k
