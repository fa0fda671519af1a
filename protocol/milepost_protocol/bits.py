"""Bits, most significant first, into bytes and back: plain fields, numbers of any size, and Rice codes.

Strategy: the writer holds fewer than eight pending bits between calls, so that on a VM with 31-bit small integers the
common codes never become big integers; a run of Rice codes is one loop over local names, because that loop is most of
what a batch costs. The reader refuses to read past the end and checks the padding, so no byte goes unexplained.
"""

from milepost_protocol.errors import ProtocolError

ZEROS_MAX = 16
"""A Rice code with this many zeros and no one is an escape: a number in full follows (bounds what a spike costs)."""

LENGTH_LONG = 15
"""A number's 4-bit length with this value says that five more bits of length follow."""

NUMBER_BITS_MAX = LENGTH_LONG + 31
"""The longest number that the two length fields can announce, in bits."""

RICE_SHORT_MAX = 6
"""Rice parameters up to this one take three bits, larger ones seven: small noise is the common case."""

RICE_MAX = RICE_SHORT_MAX + 16
"""The largest Rice parameter; still larger residuals take the escape."""


def width_of(value: int) -> int:
    """Return how many bits a non-negative integer needs; 0 needs none. (MicroPython has no `int.bit_length`.)"""
    width = 0
    while value:
        value >>= 1
        width += 1
    return width


def fold(value: int) -> int:
    """Return a signed integer folded onto 0, 1, 2 …: 0, -1, 1, -2 …"""
    return value << 1 if value >= 0 else ~(value << 1)


def unfold(value: int) -> int:
    """Return what `fold` folded."""
    return ~(value >> 1) if value & 1 else value >> 1


class BitWriter:
    """Collects bits; `finish` gives the bytes, the last one filled up with zeros."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._pending = 0
        self._pending_bits = 0

    def put(self, value: int, width: int) -> None:
        """Append the lowest `width` bits of a value that has no more than that."""
        pending = self._pending << width | value
        width += self._pending_bits
        while width >= 8:
            width -= 8
            self._bytes.append(pending >> width & 255)
        self._pending = pending & (1 << width) - 1
        self._pending_bits = width

    def put_number(self, value: int) -> None:
        """Append a non-negative integer of up to `NUMBER_BITS_MAX` bits: its length, then all bits below the top one."""
        width = width_of(value)
        if width < LENGTH_LONG:
            self.put(width, 4)
        else:
            self.put(LENGTH_LONG << 5 | width - LENGTH_LONG, 9)
        if width > 1:
            self.put(value & (1 << width - 1) - 1, width - 1)

    def put_parameter(self, k: int) -> None:
        """Append a Rice parameter, 0 to `RICE_MAX`."""
        if k <= RICE_SHORT_MAX:
            self.put(k, 3)
        else:
            self.put(7 << 4 | k - RICE_SHORT_MAX - 1, 7)

    def put_rice(self, residuals: list[int], k: int) -> None:
        """Append signed residuals as Rice codes of parameter `k`: folded, high part in zeros and a one, `k` low bits."""
        append = self._bytes.append
        pending = self._pending
        bits = self._pending_bits
        stop = 1 << k
        low = stop - 1
        k += 1
        for residual in residuals:
            folded = residual << 1 if residual >= 0 else ~(residual << 1)
            width = (folded >> k - 1) + k
            if width < ZEROS_MAX + k:
                pending = pending << width | stop | folded & low
                bits += width
                while bits >= 8:
                    bits -= 8
                    append(pending >> bits)
                    pending &= (1 << bits) - 1
            else:
                self._pending, self._pending_bits = pending, bits
                self.put(0, ZEROS_MAX)
                self.put_number(folded)
                pending, bits = self._pending, self._pending_bits
        self._pending, self._pending_bits = pending, bits

    def finish(self) -> bytes:
        """Return all bytes; the writer is not used afterwards."""
        if self._pending_bits:
            self.put(0, 8 - self._pending_bits)
        return bytes(self._bytes)


class BitReader:
    """Takes bits from bytes; every method raises `ProtocolError` where the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next = 0
        self._pending = 0
        self._pending_bits = 0

    def take(self, width: int) -> int:
        """Return the next `width` bits as a non-negative integer."""
        while self._pending_bits < width:
            if self._next >= len(self._data):
                raise ProtocolError("bits end too early")
            self._pending = self._pending << 8 | self._data[self._next]
            self._pending_bits += 8
            self._next += 1
        self._pending_bits -= width
        value = self._pending >> self._pending_bits
        self._pending &= (1 << self._pending_bits) - 1
        return value

    def take_number(self) -> int:
        """Return a number that `BitWriter.put_number` wrote."""
        width = self.take(4)
        if width == LENGTH_LONG:
            width += self.take(5)
        return 1 << width - 1 | self.take(width - 1) if width else 0

    def take_parameter(self) -> int:
        """Return a Rice parameter."""
        k = self.take(3)
        return k if k <= RICE_SHORT_MAX else k + self.take(4)

    def take_rice(self, count: int, k: int) -> list[int]:
        """Return `count` signed residuals of Rice parameter `k`."""
        return [unfold(self._take_folded(k)) for _ in range(count)]

    def _take_folded(self, k: int) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros == ZEROS_MAX:
                return self.take_number()
        return zeros << k | self.take(k)

    def finish(self) -> int:
        """Return how many bytes were used; the unread bits of the last one must be zero."""
        if self._pending:
            raise ProtocolError("padding is not zero")
        return self._next

    def finish_at_end(self) -> None:
        """Check that every byte was used."""
        if self.finish() != len(self._data):
            raise ProtocolError("bytes left over")
