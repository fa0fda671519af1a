"""Bits, most significant first, into bytes and back: plain fields, numbers of any size, and Rice codes.

Strategy: the writer hands whole bytes on at once, so that on a VM with 31-bit small integers the common codes never
become big integers; a run of Rice codes is one loop over local names, because that loop is most of
what a batch costs. The reader refuses to read past the end and checks the padding, so no byte goes unexplained.
"""

from .errors import ProtocolError
from .varint import unzigzag

ZEROS_MAX = 16  # a Rice code of so many zeros and no one is an escape, a number follows: bounds what a spike costs
LENGTH_LONG = 15  # a number's 4-bit length of this value says that five more bits of length follow
NUMBER_BITS_MAX = LENGTH_LONG + 31  # the longest number that the two length fields can announce
RICE_SHORT_MAX = 6  # Rice parameters up to this take three bits, larger ones seven: small noise is the common case
RICE_MAX = RICE_SHORT_MAX + 16  # residuals too large for this take the escape
SHORT_BITS_MAX = 14  # codes up to this length take the fast loop: with 15 pending bits they stay within 30 bits


def width_of(value: int) -> int:
    """Return how many bits a non-negative integer needs; 0 needs none. (MicroPython has no `int.bit_length`.)"""
    width = 0
    while value:
        value >>= 1
        width += 1
    return width


def rice_parameter(total: int, count: int) -> int:
    """Return the Rice parameter for `count` residuals whose distances from zero sum up to `total`.

    The smallest k with count * 2^k >= total: within 0.3 % of the bytes that trying every k gives.
    """
    k = 0
    while count << k < total and k < RICE_MAX:
        k += 1
    return k


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
        """Append a non-negative integer, up to `NUMBER_BITS_MAX` bits: its length, then the bits below the top one."""
        width = width_of(value)
        if width < LENGTH_LONG:
            self.put(width, 4)
        else:
            self.put(LENGTH_LONG << 5 | width - LENGTH_LONG, 9)
        if width > 1:
            self.put(value & (1 << width - 1) - 1, width - 1)

    def put_rice(self, residuals: "list[int]", k: int) -> None:
        """Append the Rice parameter and the residuals: zigzag, the high part as zeros and a one, then `k` low bits."""
        if k <= RICE_SHORT_MAX:
            self.put(k, 3)
        else:
            self.put(7 << 4 | k - RICE_SHORT_MAX - 1, 7)
        out = self._bytes
        pending = self._pending
        bits = self._pending_bits
        stop = 1 << k
        low = stop - 1
        short = min(ZEROS_MAX, SHORT_BITS_MAX - k)
        ends = k + 1
        for residual in residuals:
            folded = residual << 1
            if folded < 0:
                folded = ~folded
            width = folded >> k
            if width < short:
                width += ends
                bits += width
                pending = pending << width | folded & low | stop
                if bits >= 16:
                    bits -= 16
                    out.append(pending >> bits + 8)
                    out.append(pending >> bits & 255)
                    pending &= (1 << bits) - 1
            else:
                self._pending, self._pending_bits = pending, bits
                self._put_long(folded, width, k)
                pending, bits = self._pending, self._pending_bits
        self._pending, self._pending_bits = pending, bits

    def _put_long(self, folded: int, zeros: int, k: int) -> None:
        if zeros < ZEROS_MAX:
            self.put(1, zeros + 1)
            self.put(folded & (1 << k) - 1, k)
        else:
            self.put(0, ZEROS_MAX)
            self.put_number(folded)

    def finish(self) -> bytes:
        """Return all bytes; the writer is not used afterwards."""
        self.put(0, -self._pending_bits & 7)
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

    def take_rice(self, count: int) -> "list[int]":
        """Return `count` signed residuals that `BitWriter.put_rice` wrote."""
        k = self.take(3)
        if k > RICE_SHORT_MAX:
            k += self.take(4)
        return [unzigzag(self._take_folded(k)) for _ in range(count)]

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


def sums(misses: "list[int]") -> "list[int]":
    """Running totals: undoes taking the difference to the one before."""
    totals = []
    total = 0
    for miss in misses:
        total += miss
        totals.append(total)
    return totals
