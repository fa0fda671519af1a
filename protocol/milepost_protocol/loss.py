"""How much a link loses, and how long a payload had better be because of it.

With b line bits a byte, overhead h and bit error rate p, a packet of payload P arrives whole with chance (1-p)^(b(P+h)) and
carries P of P+h bytes; for small p the best P is near the root of h/(b p). A smoothed loss rate at the sizes that were
sent gives b p = loss / size, hence P = sqrt(h * size / loss).
"""

ONE = 1 << 16  # rates are fractions of this
SMOOTH = 32  # packets that the rate looks back over
PAYLOAD_BYTES_MIN = 32  # one row and its front
LOSS_MIN = ONE // 64  # below it the longest packet is the best one anyway


class LossRate:
    """Smoothed loss rate and packet size of one session's own packets."""

    def __init__(self) -> None:
        self._loss = 0
        self._size = 0

    def note(self, lost: bool, size: int) -> None:
        """A packet of `size` payload bytes was lost, or was acked."""
        self._loss += ((ONE if lost else 0) - self._loss) // SMOOTH
        self._size += size - self._size if not self._size else (size - self._size) // 8

    def payload_max(self, overhead: int, limit: int) -> int:
        """The best payload, at most `limit` bytes."""
        if self._loss < LOSS_MIN:
            return limit
        best = int((overhead * (self._size + overhead) * ONE / self._loss) ** 0.5)
        return max(PAYLOAD_BYTES_MIN, min(best, limit))
