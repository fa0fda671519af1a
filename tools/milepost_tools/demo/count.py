"""Counting records by their names alone: how many are unique, how many came again, how many are missing.

Pure, and independent of every ledger: a consumer at the broker knows only ids `<node>-<boot>-<sequence>` and `gone`.
Sequences of a boot start at 0 and have no holes, so each hole below the highest one seen is a loss unless a `gone`
explains it. What a node sampled but never handed over when it was stopped lies above the highest and is nobody's loss.
Sequences are kept as ranges, so memory grows with the holes and not with the records.
"""

import re
from bisect import bisect_right

NAME = re.compile(r"([0-9a-f]{12})-(\d{1,10})-(\d{1,10})")
RANGES_MAX = 100_000  # holes that one boot may have before we stop believing the ids

Name = tuple[str, int, int]  # node, boot, sequence


def parse_name(text: str) -> Name:
    """`<node>-<boot>-<sequence>` taken apart; ValueError if it is no record's name."""
    match = NAME.fullmatch(text)
    if match is None:
        raise ValueError(f"not a record's name: {text!r}")
    return match[1], int(match[2]), int(match[3])


class Ranges:
    """A set of integers as ascending ranges that do not touch, both ends included."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.pairs())

    def pairs(self) -> list[tuple[int, int]]:
        """The ranges `(first, last)`, ascending."""
        return list(zip(self._firsts, self._lasts, strict=True))

    def add(self, first: int, last: int) -> None:
        """Take in `first` to `last`."""
        low = bisect_right(self._lasts, first - 2)
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]
        if len(self._firsts) > RANGES_MAX:
            raise OverflowError("more holes than a boot can have")


class Count:
    """What one consumer has seen: feed it names and `gone`, ask it for `unique`, `duplicates`, `missing`."""

    def __init__(self) -> None:
        self.duplicates = 0
        self.revisions = 0  # a stamp corrected later repeats the id with a higher `rev`: outside the count
        self._seen: dict[tuple[str, int], Ranges] = {}
        self._gone: dict[tuple[str, int], Ranges] = {}

    def add(self, name: str, revision: int = 0) -> bool:
        """Count one record; False if it was here before."""
        node, boot, sequence = parse_name(name)
        seen = self._seen.setdefault((node, boot), Ranges())
        if sequence not in seen:
            seen.add(sequence, sequence)
            return True
        self.revisions += revision > 0
        self.duplicates += revision == 0
        return False

    def explain(self, node: str, boot: int, first: int, last: int) -> None:
        """A `gone` says that these sequences will never come."""
        self._gone.setdefault((node, boot), Ranges()).add(first, last)

    @property
    def unique(self) -> int:
        """Records seen, each once."""
        return sum(len(seen) for seen in self._seen.values())

    @property
    def missing(self) -> int:
        """Records that must exist and neither came nor were explained."""
        return sum(last - first + 1 for _, _, first, last in self.holes())

    def boots(self, node: str) -> list[int]:
        """The boots seen of a node, ascending."""
        return sorted(boot for name, boot in self._seen if name == node)

    def holes(self) -> list[tuple[str, int, int, int]]:
        """What is missing, as `(node, boot, first, last)`."""
        found = []
        for node, boot in sorted(self._seen):
            found += [(node, boot, first, last) for first, last in self._holes_of((node, boot))]
        return found

    def _holes_of(self, key: tuple[str, int]) -> list[tuple[int, int]]:
        """Holes below the highest sequence seen of one boot, less what `gone` explains."""
        covered = Ranges()
        top = self._seen[key].pairs()[-1][1]
        for first, last in self._seen[key].pairs() + (self._gone[key].pairs() if key in self._gone else []):
            covered.add(first, last)
        holes, at = [], 0
        for first, last in covered.pairs():
            if at < min(first, top + 1):
                holes.append((at, min(first - 1, top)))
            at = last + 1
        return holes
