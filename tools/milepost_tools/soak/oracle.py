"""The oracle: knows what truly happened to every sealed packet and every record, and raises where an end claims otherwise.

It stands under the ends, not beside them: it is the cipher that sessions are given, so no (key, nonce) is sealed unseen and
nothing opens that nobody sealed. Records are kept as one byte of flags each, packets as one CRC, so that a million of each
cost a few megabytes. The law it holds: delivered once, freed only after that, and nothing vanishes without a reason.
"""

from array import array
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from milepost_protocol import aead, session
from milepost_protocol.events import Event
from milepost_protocol.session import Session

APPENDED, DELIVERED, FREED, LOST, DISCARDED = 1, 2, 4, 8, 16  # flags of a record; LOST: only RAM held it at a reboot
GONE = FREED | LOST | DISCARDED
Name = tuple[bytes, int, int]  # node, boot, sequence


class Violation(AssertionError):
    """The wire broke a promise; the text says which, and for whom."""


def require(held: bool, text: str) -> None:
    """Raise a Violation unless a promise held."""
    if not held:
        raise Violation(text)


class WatchedCcm:
    """A sealer for one key that tells the oracle what it seals and opens."""

    def __init__(self, key: bytes, oracle: "Oracle") -> None:
        self._key = key
        self._oracle = oracle
        self._inner = aead.ccm(key)

    def seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        """As `aead`."""
        text = self._inner.seal(nonce, plain, aad)
        self._oracle.note_sealed(self._key, nonce, crc32(aad, crc32(text)))
        return text

    def open(self, nonce: bytes, text: bytes, aad: bytes) -> bytes | None:
        """As `aead`."""
        plain = self._inner.open(nonce, text, aad)
        if plain is not None:
            self._oracle.check_opened(self._key, nonce, crc32(aad, crc32(text)))
        return plain


class Oracle:
    """What was sealed, what was accepted, and what became of every record."""

    def __init__(self) -> None:
        self.book: dict[tuple[bytes, int], bytearray] = {}  # (node, boot): a byte of flags for each sequence
        self.counts: dict[str, int] = dict.fromkeys(
            ("appended", "delivered", "freed", "lost", "discarded", "repeats"), 0
        )
        self.sealed = 0
        self._first: dict[tuple[bytes, int], int] = {}
        self._sealed: dict[bytes, array[int]] = {}  # key and nonce without its number: CRC of what each number sealed
        self._proved: set[bytes] = set()  # ids of sessions in which the node has sealed something

    # -- packets ----------------------------------------------------------------------------------------------------------

    def note_sealed(self, key: bytes, nonce: bytes, crc: int) -> None:
        """Something is being sealed: this number under this key for the first time."""
        log = self._sealed.setdefault(key + nonce[:9], array("I"))
        number = int.from_bytes(nonce[9:], "big")
        if number < len(log):
            raise Violation(f"(key, nonce) used again: packet {number} of session {nonce[1:9].hex()}")
        log.extend([0] * (number - len(log)) + [crc])
        self.sealed += 1
        if nonce[0] == 0:
            self._proved.add(nonce[1:9])

    def check_opened(self, key: bytes, nonce: bytes, crc: int) -> None:
        """Something opened: its sender had sealed exactly that."""
        log = self._sealed.get(key + nonce[:9], ())
        number = int.from_bytes(nonce[9:], "big")
        if number >= len(log) or log[number] != crc:
            raise Violation(f"accepted what nobody sealed: packet {number} of session {nonce[1:9].hex()}")

    def check_live(self, sessions: list[Session]) -> None:
        """A gateway may hold for live only what the node has shown the key of."""
        for one in sessions:
            if one.ident not in self._proved:
                raise Violation(f"session {one.ident.hex()} went live before the node confirmed it")

    def take_in(self, one: Session, number: int, plain: bytes, now: int) -> list[Event]:
        """Stands in for Session.take_in: no session may accept one number twice."""
        before = one.replayed()
        events = _TAKE_IN(one, number, plain, now)
        if one.replayed() == before:
            accepted: set[int] = one.__dict__.setdefault("_accepted", set())
            if number in accepted:
                raise Violation(f"session {one.ident.hex()} accepted packet {number} twice")
            accepted.add(number)
        return events

    # -- records ----------------------------------------------------------------------------------------------------------

    def append(self, node: bytes, boot: int) -> int:
        """A node makes a record; return its sequence."""
        flags = self.book.setdefault((node, boot), bytearray())
        flags.append(APPENDED)
        self.counts["appended"] += 1
        return len(flags) - 1

    def deliver(self, name: Name) -> None:
        """A gateway's store takes a record for a new one, durably."""
        flags = self._flags(name, "stored")
        if flags & DELIVERED:
            raise Violation(f"{text_of(name)} was delivered twice")
        self._mark(name, DELIVERED, "delivered")

    def free(self, name: Name) -> None:
        """A node lets go of a record because it was acked."""
        flags = self._flags(name, "freed")
        if not flags & DELIVERED:
            raise Violation(f"{text_of(name)} was freed before it was durable")
        if flags & FREED:
            raise Violation(f"{text_of(name)} was freed twice")
        self._mark(name, FREED, "freed")

    def lose(self, name: Name) -> None:
        """A reboot took the RAM that held a record."""
        self._mark(name, LOST, "lost")

    def discard(self, name: Name) -> None:
        """A full spool let go of a record, on purpose."""
        self._mark(name, DISCARDED, "discarded")

    def held_names(self) -> set[Name]:
        """Every record that some spool must hold now."""
        spans = [(key, range(self._first_held(key), len(self.book[key]))) for key in self.book]
        return {(*key, i) for key, span in spans for i in span if self._is_held(key, i)}

    def _is_held(self, key: tuple[bytes, int], sequence: int) -> bool:
        return not self.book[key][sequence] & GONE

    def _first_held(self, key: tuple[bytes, int]) -> int:
        """Where the records of a boot begin that a spool may still hold: flags are only ever added."""
        at, end = self._first.get(key, 0), len(self.book[key])
        while at < end and not self._is_held(key, at):
            at += 1
        self._first[key] = at
        return at

    def settle(self) -> None:
        """After a drain: each record was delivered, or its loss has a reason."""
        for (node, boot), flags in self.book.items():
            i = flags.find(APPENDED)
            require(i < 0, f"{text_of((node, boot, i))} vanished")

    def _flags(self, name: Name, what: str) -> int:
        flags = self.book.get(name[:2], b"")
        if name[2] >= len(flags):
            raise Violation(f"{text_of(name)} was {what}, and nobody made it")
        return flags[name[2]]

    def _mark(self, name: Name, flag: int, count: str) -> None:
        self.book[name[:2]][name[2]] |= flag
        self.counts[count] += 1


def text_of(name: Name) -> str:
    """A record's name as it is written elsewhere: node-boot-sequence."""
    return f"record {name[0].hex()}-{name[1]}-{name[2]}"


_TAKE_IN = Session.take_in


@contextmanager
def watching(oracle: Oracle) -> Iterator[None]:
    """Put the oracle under every session that is made meanwhile."""
    with (
        patch.object(session, "ccm", lambda key: WatchedCcm(key, oracle)),
        patch.object(Session, "take_in", lambda *args: oracle.take_in(*args)),
    ):
        yield
