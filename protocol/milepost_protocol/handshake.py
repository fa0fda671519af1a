"""HELLO and WELCOME: one round trip from two nonces and the node's key to a session's keys.

Both messages carry a truncated HMAC under a key derived from the node key; WELCOME's also covers the HELLO it answers, so
neither can be replayed into a session. Everything both sides said, version and capabilities too, goes into the key
derivation: who tampers with the offer gets two different keys. Freshness needs no stored counter, so nothing can lock a node out.

    HELLO    header 2 · node 6 · boot u32 · nonce 8 · version_min u8 · version_max u8 · capabilities u16 · flags u8 · mac 8
    WELCOME  header 2 · node 6 · nonce 8 · version u8 · address u8 · flags u8 · ack_delay_ms_max u16 · mac 8
"""

from .errors import ProtocolError
from .keys import hkdf_expand, hkdf_extract, hmac, same
from .packets import ADDRESS_NONE, DOWN, HELLO, WELCOME, header

NODE_BYTES = 6
NONCE_BYTES = 8
NODE_KEY_BYTES = 32
MAC_BYTES = 8
PROTOCOL_VERSION = 1
HELLO_BYTES = 33
WELCOME_BYTES = 29

BOOT_ORDER_UNKNOWN = 1  # HELLO flag: this boot's number was drawn, its place among the others is unknown


class Hello:
    """What a HELLO says: node, boot, nonce, version range, capabilities, flags; `packet` is the whole of it."""

    def __init__(self, packet: bytes) -> None:
        if len(packet) != HELLO_BYTES:
            raise ProtocolError("HELLO of a wrong length")
        self.packet = packet
        self.node = packet[2:8]
        self.boot = int.from_bytes(packet[8:12], "little")
        self.nonce = packet[12:20]
        self.version_min = packet[20]
        self.version_max = packet[21]
        self.capabilities = packet[22] | packet[23] << 8
        self.flags = packet[24]

    def is_genuine(self, key: bytes) -> bool:
        """Whether the holder of `key` made it."""
        return same(_mac(key, b"H", self.packet[:-MAC_BYTES]), self.packet[-MAC_BYTES:])


class Welcome:
    """What a WELCOME says: node, nonce, version, address, ack_delay_ms_max; `packet` is the whole of it."""

    def __init__(self, packet: bytes) -> None:
        if len(packet) != WELCOME_BYTES:
            raise ProtocolError("WELCOME of a wrong length")
        self.packet = packet
        self.node = packet[2:8]
        self.nonce = packet[8:16]
        self.version = packet[16]
        self.address = packet[17]
        self.ack_delay_ms_max = packet[19] | packet[20] << 8

    def is_genuine(self, key: bytes, hello: Hello) -> bool:
        """Whether the holder of `key` made it, in answer to `hello`."""
        made = _mac(key, b"W", hello.packet + self.packet[:-MAC_BYTES])
        return same(made, self.packet[-MAC_BYTES:])


def make_hello(key: bytes, node: bytes, boot: int, nonce: bytes, flags: int = 0) -> Hello:
    """A node's HELLO."""
    packet = header(0, HELLO, ADDRESS_NONE) + node + boot.to_bytes(4, "little") + nonce
    packet += bytes([PROTOCOL_VERSION, PROTOCOL_VERSION, 0, 0, flags])
    return Hello(packet + _mac(key, b"H", packet))


def make_welcome(key: bytes, hello: Hello, nonce: bytes, address: int, ack_delay_ms_max: int) -> Welcome:
    """A gateway's answer to a genuine `hello`."""
    packet = header(DOWN, WELCOME, address) + hello.node + nonce
    packet += bytes([PROTOCOL_VERSION, address, 0]) + ack_delay_ms_max.to_bytes(2, "little")
    return Welcome(packet + _mac(key, b"W", hello.packet + packet))


def session_keys(key: bytes, hello: Hello, welcome: Welcome) -> "tuple[bytes, bytes, bytes]":
    """Key up (16), key down (16) and session id (8) of the session that these two messages open."""
    prk = hkdf_extract(hello.nonce + welcome.nonce, key)
    said = hello.packet[2:-MAC_BYTES] + welcome.packet[2:-MAC_BYTES]
    okm = hkdf_expand(prk, b"mlp1" + said, 40)
    return okm[:16], okm[16:32], okm[32:40]


def _mac(key: bytes, role: bytes, message: bytes) -> bytes:
    return hmac(hkdf_expand(key, b"mlp1 auth", 32), role + message)[:MAC_BYTES]
