"""AES-CCM: the node's making of it against the library's, and what neither may accept."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from milepost_protocol.aead import TAG_BYTES, BlockCcm, LibraryCcm
from milepost_protocol.testing import Dice


def node_ccm(key: bytes) -> BlockCcm:
    """The node's CCM over the same two primitives that `cryptolib` gives it: ECB, and CBC that chains over calls."""
    ecb = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()
    cbc = Cipher(algorithms.AES128(key), modes.CBC(bytes(16))).encryptor()
    return BlockCcm(ecb.update, cbc.update)


def test_node_and_gateway_open_each_others_messages_ten_thousand_times():
    dice = Dice(2)
    for _ in range(100):
        key = dice.bytes(16)
        node, gateway = node_ccm(key), LibraryCcm(key)
        for _ in range(100):
            nonce, aad, plain = dice.bytes(13), dice.bytes(dice.below(20)), dice.bytes(dice.below(238))
            sealed = node.seal(nonce, plain, aad)
            assert sealed == gateway.seal(nonce, plain, aad)
            assert node.open(nonce, sealed, aad) == gateway.open(nonce, sealed, aad) == plain


def test_every_single_flipped_bit_is_refused_by_both():
    dice = Dice(3)
    key, nonce, aad, plain = dice.bytes(16), dice.bytes(13), dice.bytes(4), dice.bytes(60)
    for ccm in (node_ccm(key), LibraryCcm(key)):
        sealed = ccm.seal(nonce, plain, aad)
        for at in range(len(sealed) * 8):
            bent = bytearray(sealed)
            bent[at >> 3] ^= 1 << (at & 7)
            assert ccm.open(nonce, bytes(bent), aad) is None
        for at in range(len(aad) * 8):
            bent = bytearray(aad)
            bent[at >> 3] ^= 1 << (at & 7)
            assert ccm.open(nonce, sealed, bytes(bent)) is None
        assert ccm.open(nonce, sealed, aad) == plain


def test_what_is_too_short_to_hold_a_tag_is_refused_by_both():
    for ccm in (node_ccm(bytes(16)), LibraryCcm(bytes(16))):
        for size in range(TAG_BYTES):
            assert ccm.open(bytes(13), bytes(size), b"") is None
