"""Which sequences of a boot have been here: sorted ranges, small in memory and on disk.

Sequences come nearly in order, so almost every call extends the last range. Urgent records overtake and schedules
take turns, which tears holes; they close again when the rest arrives. What stays open was lost at the node and is a
gap.
"""

from bisect import bisect_right

from milepost_protocol import varint


class Ranges:
    """Sorted, disjoint, not touching ranges `[first, last]`."""

    def __init__(self, data: bytes = b"") -> None:
        """Read what `to_bytes` gave."""
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        at = end = 0
        while at < len(data):
            skip, at = varint.get(data, at)
            length, at = varint.get(data, at)
            self._firsts.append(end + skip)
            end += skip + length
            self._lasts.append(end)

    def to_bytes(self) -> bytes:
        """Varints in turn: how far the range begins behind the last end, how far its own end is."""
        out = bytearray()
        end = 0
        for first, last in zip(self._firsts, self._lasts, strict=True):
            varint.put(out, first - end)
            varint.put(out, last - first)
            end = last
        return bytes(out)

    def __len__(self) -> int:
        return len(self._firsts)

    def __contains__(self, sequence: int) -> bool:
        at = bisect_right(self._firsts, sequence) - 1
        return at >= 0 and sequence <= self._lasts[at]

    def add(self, sequence: int) -> bool:
        """Note one sequence; False if it was here before."""
        firsts, lasts = self._firsts, self._lasts
        if lasts and sequence == lasts[-1] + 1:
            lasts[-1] = sequence
            return True
        at = bisect_right(firsts, sequence)  # the ranges before `at` begin at or below it
        if at and sequence <= lasts[at - 1]:
            return False
        joins_left = at > 0 and lasts[at - 1] == sequence - 1
        joins_right = at < len(firsts) and firsts[at] == sequence + 1
        if joins_left and joins_right:
            lasts[at - 1] = lasts.pop(at)
            firsts.pop(at)
        elif joins_left:
            lasts[at - 1] = sequence
        elif joins_right:
            firsts[at] = sequence
        else:
            firsts.insert(at, sequence)
            lasts.insert(at, sequence)
        return True

    def gaps(self) -> list[tuple[int, int]]:
        """What has not been here between the first and the last: `(first, last)` each."""
        between = zip(self._lasts, self._firsts[1:], strict=False)
        return [(last + 1, first - 1) for last, first in between]
