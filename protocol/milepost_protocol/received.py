"""What a session's receiver remembers: which packets came, which wait for their commit, and what its next ack says.

The last 64 packet numbers are one long integer, so memory never grows. An ack names the largest packet below the oldest one
that still waits for `confirm`, and a bitmap of those behind it: waiting for a commit never looks like loss.
"""

REPLAY_WINDOW = 64  # how far behind the largest a late packet may come and still be told from a replay
ACK_BITS = 32  # how many packets behind the largest an ack speaks of
DELAY_MS_MAX = 0xFFFF


def nearest(expected: int, low: int) -> int:
    """The packet number with these 16 low bits that is nearest to `expected` (RFC 9000 appendix A.3)."""
    number = (expected & ~0xFFFF) | low
    if number > expected + 0x8000 and number > 0xFFFF:
        return number - 0x10000
    return number + 0x10000 if number + 0x8000 < expected else number


class Received:
    """The receiving side of a session's packet numbers."""

    def __init__(self) -> None:
        self.largest = -1
        self.replayed = 0
        self._due = False  # something was confirmed since the last ack
        self._seen = 0  # bit i: number `largest - i` came
        self._held: dict[int, int] = {}  # packets that wait for confirm, and when they came
        self._confirmed = (-1, 0)  # the largest one confirmed, and when it came

    @property
    def ack_due(self) -> bool:
        """Whether there is news to ack, and a packet that an ack may name."""
        return self._due and self._ackable() != 0

    def note(self, number: int) -> bool:
        """Take note of a genuine packet; False if it was here before or is too old to tell."""
        back = self.largest - number
        if back >= REPLAY_WINDOW or (back >= 0 and self._seen >> back & 1):
            self.replayed += 1
            return False
        if back < 0:
            self._seen = (self._seen << min(-back, REPLAY_WINDOW) | 1) & ((1 << REPLAY_WINDOW) - 1)
            self.largest = number
        else:
            self._seen |= 1 << back
        return True

    def hold(self, number: int, now: int) -> None:
        """Ack neither this packet nor any behind it before `confirm`."""
        self._held[number] = now

    def held(self) -> int:
        """How many packets wait for `confirm`."""
        return len(self._held)

    def is_held(self, number: int) -> bool:
        """Whether this one waits for `confirm`."""
        return number in self._held

    def confirm(self, number: int) -> None:
        """Packet `number` is safe: the next ack may speak of it."""
        came = self._held.pop(number, None)
        if came is None:
            return
        if number > self._confirmed[0]:
            self._confirmed = (number, came)
        if number <= self._limit():
            self._due = True

    def ack(self, now: int) -> bytes:
        """The body of an ACK block: `largest u16 | delay_ms u16 | bitmap, little-endian, as long as it needs to be`.

        Only while `ack_due`: before that there may be no packet that it could name.
        """
        self._due = False
        number, bitmap = self._limit(), self._ackable()
        while not bitmap & 1:
            number -= 1
            bitmap >>= 1
        delay = now - self._confirmed[1] if number == self._confirmed[0] else 0
        body = bytearray((number & 0xFFFF).to_bytes(2, "little"))
        body += min(max(delay, 0), DELAY_MS_MAX).to_bytes(2, "little")
        bitmap = bitmap >> 1 & ((1 << ACK_BITS) - 1)
        while bitmap:
            body.append(bitmap & 255)
            bitmap >>= 8
        return bytes(body)

    def _ackable(self) -> int:
        """The packets that came and that no commit holds back; bit i is packet `limit - i`."""
        return self._seen >> (self.largest - self._limit())

    def _limit(self) -> int:
        return min(self._held) - 1 if self._held else self.largest
