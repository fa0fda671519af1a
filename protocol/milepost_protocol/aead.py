"""AES-128-CCM with an 8-byte tag (RFC 3610, NIST SP 800-38C; L = 2): what seals every DATA packet.

Two makings of one construction, chosen at import: `cryptography` on CPython, and on MicroPython one CBC and one ECB call of
`cryptolib` a packet, since that has no CTR mode. The CBC object is made once: its chaining value is cancelled by XOR into
the next first block, which saves a key schedule and an allocation for each packet. Tests run both against each other.
"""

TAG_BYTES = 8
NONCE_BYTES = 13
KEY_BYTES = 16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

try:
    import cryptolib  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]  MicroPython's own
except ImportError:  # CPython
    cryptolib = None


def xor(a: bytes, b: bytes) -> bytes:
    """The two strings of equal length, XORed: one operation on long integers, which is C on both VMs."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 16)


class BlockCcm:
    """CCM on top of raw AES: `ecb(blocks) -> blocks` and `cbc(blocks) -> blocks`, the latter chaining over calls from IV 0."""

    def __init__(self, ecb: "Callable[[bytes], bytes]", cbc: "Callable[[bytes], bytes]") -> None:
        self._ecb = ecb
        self._cbc = cbc
        self._chain = bytes(16)

    def seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        """Ciphertext and tag for `plain`."""
        stream = self._stream(nonce, len(plain))
        return xor(plain, stream[16 : 16 + len(plain)]) + xor(self._tag(nonce, plain, aad), stream[:TAG_BYTES])

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> "bytes | None":
        """The plaintext, or None if the tag does not fit."""
        size = len(sealed) - TAG_BYTES
        if size < 0:
            return None
        stream = self._stream(nonce, size)
        plain = xor(sealed[:size], stream[16 : 16 + size])
        wrong = 0
        for a, b in zip(xor(self._tag(nonce, plain, aad), stream[:TAG_BYTES]), sealed[size:]):
            wrong |= a ^ b
        return None if wrong else plain

    def _stream(self, nonce: bytes, size: int) -> bytes:
        """The key stream: the block for the tag, then those for the data (RFC 3610 section 2.3)."""
        head = b"\x01" + nonce
        return self._ecb(b"".join([head + i.to_bytes(2, "big") for i in range(1 + (size + 15) // 16)]))

    def _tag(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        """CBC-MAC over the formatted input (RFC 3610 section 2.2), not yet encrypted."""
        flags = (64 if aad else 0) | (TAG_BYTES - 2) // 2 << 3 | 1
        first = bytes([flags]) + nonce + len(plain).to_bytes(2, "big")
        head = _padded(len(aad).to_bytes(2, "big") + aad) if aad else b""
        self._chain = self._cbc(xor(first, self._chain) + head + _padded(plain))[-16:]
        return self._chain[:TAG_BYTES]


def _micropython_ccm(aes: "Callable[..., Any]", key: bytes) -> BlockCcm:
    ecb = aes(key, 1)
    cbc = aes(key, 2, bytes(16))
    return BlockCcm(ecb.encrypt, cbc.encrypt)


class LibraryCcm:
    """CCM by `cryptography`, the same two methods."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESCCM

        self._aead = AESCCM(key, TAG_BYTES)

    def seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        """Ciphertext and tag for `plain`."""
        return self._aead.encrypt(nonce, plain, aad)

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> "bytes | None":
        """The plaintext, or None if the tag does not fit."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._aead.decrypt(nonce, sealed, aad)
        except (InvalidTag, ValueError):
            return None


def ccm(key: bytes) -> "BlockCcm | LibraryCcm":
    """A sealer for one 16-byte key: `seal(nonce, plain, aad)` and `open(nonce, sealed, aad)`."""
    if len(key) != KEY_BYTES:
        raise ValueError("AES-128 takes a key of 16 bytes")
    return _micropython_ccm(cryptolib.aes, key) if cryptolib else LibraryCcm(key)
