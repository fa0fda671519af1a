"""Packets: the header that every frame begins with, and the four types there are.

byte 0   bits 7..6 version 01 · 5 direction (0 up, 1 down) · 4..3 type · 2 turn token · 1..0 zero, ignored
byte 1   address: 1..250 a node on this link, 0 none yet
DATA     bytes 2..3 the low half of the packet number (little-endian) · ciphertext · tag 8
HELLO, WELCOME   handshake.py
SHORT    byte 2 what it says; unauthenticated, so it may cause nothing but a reply or a new HELLO
"""

VERSION = 0x40
VERSION_MASK = 0xC0
DOWN = 0x20
TYPE_MASK = 0x18
DATA, HELLO, WELCOME, SHORT = 0x00, 0x08, 0x10, 0x18
TURN = 0x04  # polled links: the sender has no more to say in this turn

ADDRESS_NONE = 0
ADDRESS_MAX = 250

NO_SESSION = 2  # SHORT down: "I hold no session of yours"
POLL = 0x10  # SHORT down, low nibble the quota: "it is your turn, for so many packets"
EMPTY = 1  # SHORT up: "nothing to say", ends the turn
JOIN = 0x20  # SHORT down, low nibble the number of slots: who has no address may say HELLO in one of them

ADDRESS_JOIN = 254  # where JOIN goes

HEADER_BYTES = 4


def header(direction: int, kind: int, address: int) -> bytes:
    """The first two bytes of a packet."""
    return bytes([VERSION | direction | kind, address])


def short(direction: int, address: int, what: int) -> bytes:
    """A whole SHORT packet."""
    return header(direction, SHORT, address) + bytes([what])


def kind_of(packet: bytes, direction: int) -> "int | None":
    """The type of a packet that travels in `direction`; None if it is another version, or going the other way."""
    if len(packet) < 3 or packet[0] & (VERSION_MASK | DOWN) != VERSION | direction:
        return None
    return packet[0] & TYPE_MASK
