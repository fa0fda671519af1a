"""What a session's receiver remembers: which packets came, which wait for their commit, and what its next ack says.

The last 64 packet numbers are one long integer, so memory never grows. An ack tells *come* from *safe*: it names the largest
packet that came and a bitmap of those behind it, and below which number all that came is safe with this end. So the sender
learns of a loss at once, frees nothing too early, and never takes waiting for a commit for a loss.
"""

REPLAY_WINDOW = 64  # how far behind the largest a late packet may come and still be told from a replay
ACK_BITS = 32  # how many packets behind the largest an ack speaks of
DELAY_MS_MAX = 0xFFFF
WAITING_MAX = 255  # an ack that says so calls nothing safe: what waits is that old, or older


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
        self.ack_due = False
        self._seen = 0  # bit i: number `largest - i` came
        self._held: dict[int, bool] = {}  # packets that wait for confirm
        self.waiting_since = -1  # when the first packet came that is held and that no ack has spoken of; -1: none
        self._came = 0  # when the largest came

    def note(self, number: int, now: int) -> bool:
        """Take note of a genuine packet; False if it was here before or is too old to tell."""
        back = self.largest - number
        if back >= REPLAY_WINDOW or (back >= 0 and self._seen >> back & 1):
            self.replayed += 1
            return False
        if back < 0:
            self._seen = (self._seen << min(-back, REPLAY_WINDOW) | 1) & ((1 << REPLAY_WINDOW) - 1)
            self.largest = number
            self._came = now
        else:
            self._seen |= 1 << back
        if back != -1:  # a gap, or one that is filled: the sender had better know
            self.ack_due = True
        return True

    def hold(self, number: int) -> None:
        """Call neither this packet nor any behind it safe before `confirm`."""
        self._held[number] = True
        if self.waiting_since < 0:
            self.waiting_since = self._came

    def held(self) -> int:
        """How many packets wait for `confirm`."""
        return len(self._held)

    def is_held(self, number: int) -> bool:
        """Whether this one waits for `confirm`."""
        return number in self._held

    def confirm(self, number: int) -> None:
        """Packet `number` is safe: the next ack may say so."""
        if self._held.pop(number, False) and number <= self._limit():
            self.ack_due = True

    def ack(self, now: int) -> bytes:
        """The body of an ACK block: `largest u16 | delay_ms u16 | waiting u8 | bitmap`, as long as it needs to be.

        What came is safe up to and with number `largest - waiting`, unless that is WAITING_MAX.
        """
        self.ack_due = False
        self.waiting_since = -1
        body = bytearray((self.largest & 0xFFFF).to_bytes(2, "little"))
        body += min(max(now - self._came, 0), DELAY_MS_MAX).to_bytes(2, "little")
        body.append(min(self.largest - self._limit(), WAITING_MAX))
        bitmap = self._seen >> 1 & ((1 << ACK_BITS) - 1)
        while bitmap:
            body.append(bitmap & 255)
            bitmap >>= 8
        return bytes(body)

    def _limit(self) -> int:
        return min(self._held) - 1 if self._held else self.largest
