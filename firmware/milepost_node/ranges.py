"""Ranges of sequences, sorted, apart from each other: what was discarded and not yet reported.

Thinning discards every second row, and discarding what it left joins those ranges again, so their number stays below half
the spool's records.
"""


class Ranges:
    """A set of sequences as `[first, last]` pairs."""

    def __init__(self) -> None:
        self._pairs: list[list[int]] = []

    def __len__(self) -> int:
        return len(self._pairs)

    def add(self, sequence: int) -> None:
        """Put one sequence in that is not there yet."""
        at = self._place(sequence)
        joins_left = at > 0 and self._pairs[at - 1][1] == sequence - 1
        joins_right = at < len(self._pairs) and self._pairs[at][0] == sequence + 1
        if joins_left and joins_right:
            self._pairs[at - 1][1] = self._pairs.pop(at)[1]
        elif joins_left:
            self._pairs[at - 1][1] = sequence
        elif joins_right:
            self._pairs[at][0] = sequence
        else:
            self._pairs.insert(at, [sequence, sequence])

    def pop(self) -> "tuple[int, int]":
        """Take the lowest range out."""
        first, last = self._pairs.pop(0)
        return first, last

    def _place(self, sequence: int) -> int:
        low, high = 0, len(self._pairs)
        while low < high:
            middle = (low + high) // 2
            if self._pairs[middle][0] < sequence:
                low = middle + 1
            else:
                high = middle
        return low
