"""HMAC-SHA256 (RFC 2104) and HKDF (RFC 5869) over `hashlib` alone, which both VMs have."""

from hashlib import sha256

HASH_BYTES = 32
BLOCK_BYTES = 64


def hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    if len(key) > BLOCK_BYTES:
        key = sha256(key).digest()
    key = key + bytes(BLOCK_BYTES - len(key))
    inner = sha256(bytes([b ^ 0x36 for b in key]) + message).digest()
    return sha256(bytes([b ^ 0x5C for b in key]) + inner).digest()


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    """RFC 5869 section 2.2."""
    return hmac(salt, secret)


def hkdf_expand(prk: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869 section 2.3; at most 255 times 32 bytes."""
    out = block = b""
    for i in range(1, (size + HASH_BYTES - 1) // HASH_BYTES + 1):
        block = hmac(prk, block + info + bytes([i]))
        out += block
    return out[:size]


def same(a: bytes, b: bytes) -> bool:
    """Compare two tags in a time that does not depend on where they differ."""
    wrong = len(a) ^ len(b)
    for i in range(min(len(a), len(b))):
        wrong |= a[i] ^ b[i]
    return wrong == 0
