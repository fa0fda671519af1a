"""What a conversation has shown so far: HELLOs, the sessions that WELCOMEs opened, schemas; and whose keys we were given.

A session's keys follow from the node's key and the two handshake packets, so a transcript that holds both can be read. Keys
stay in here: no explanation shows them, nor what is derived from them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from milepost_protocol import aead
from milepost_protocol.handshake import Hello, Welcome, session_keys
from milepost_protocol.packets import DOWN, HEADER_BYTES
from milepost_protocol.received import nearest
from milepost_protocol.schema import Schema
from milepost_protocol.session import NUMBER_MAX

KeyOf = Callable[[bytes], bytes | None]
HELLOS_MAX = 64  # the latest; a WELCOME answers a recent one


@dataclass
class Opened:
    """A session that can be read: its node, its address, and the next packet number expected each way."""

    node: bytes
    address: int
    ident: bytes
    sealers: dict[int, "aead.BlockCcm | aead.LibraryCcm"]  # by direction
    expected: dict[int, int] = field(default_factory=lambda: {0: 0, DOWN: 0})

    def open(self, packet: bytes) -> tuple[int, bytes] | None:
        """Number and plaintext of a DATA packet, or None if it is not of this session."""
        direction = packet[0] & DOWN
        low = packet[2] | packet[3] << 8
        likely = nearest(self.expected[direction], low)
        for number in [likely, *(n for n in range(low, NUMBER_MAX, 1 << 16) if n != likely)]:
            nonce = bytes([1 if direction else 0]) + self.ident + number.to_bytes(4, "big")
            plain = self.sealers[direction].open(nonce, packet[HEADER_BYTES:], packet[:HEADER_BYTES])
            if plain is not None:
                self.expected[direction] = max(self.expected[direction], number + 1)
                return number, plain
        return None


class Conversation:
    """The transcript's state; `key_of(node)` gives a node's key, or None."""

    def __init__(self, key_of: KeyOf = lambda node: None) -> None:
        self.sessions: list[Opened] = []
        self.schemas: dict[tuple[bytes, int], Schema] = {}
        self._key_of = key_of
        self._hellos: list[Hello] = []

    def hear_hello(self, hello: Hello) -> str:
        """Remember a HELLO; in words, whether its MAC is right."""
        self._hellos = [*self._hellos[1 - HELLOS_MAX :], hello]
        key = self._key_of(hello.node)
        if key is None:
            return "MAC, not checked: no key of this node"
        return (
            "MAC, right" if hello.is_genuine(key) else "MAC, WRONG under the given key: a gateway counts it as forged"
        )

    def hear_welcome(self, welcome: Welcome) -> str:
        """Open the session that a WELCOME opens; in words, whether its MAC is right."""
        key = self._key_of(welcome.node)
        if key is None:
            return "MAC, not checked: no key of this node"
        asked = [hello for hello in self._hellos if hello.node == welcome.node]
        for hello in reversed(asked):
            if welcome.is_genuine(key, hello):
                self._open(key, hello, welcome)
                return "MAC, right: it answers the HELLO above, and opens a session"
        return (
            "MAC, WRONG for every HELLO above" if asked else "MAC, not checked: the HELLO that it answers is not here"
        )

    def _open(self, key: bytes, hello: Hello, welcome: Welcome) -> None:
        up, down, ident = session_keys(key, hello, welcome)
        sealers = {0: aead.ccm(up), DOWN: aead.ccm(down)}
        self.sessions.append(Opened(welcome.node, welcome.address, ident, sealers))

    def open(self, packet: bytes) -> tuple[Opened, int, bytes] | None:
        """Session, number and plaintext of a DATA packet, the newest session first; None if none of them opens it."""
        for session in reversed(self.sessions):
            opened = session.open(packet) if session.address == packet[1] else None
            if opened:
                return session, *opened
        return None
