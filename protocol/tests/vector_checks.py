"""What each file of golden vectors asks of the code: one function a file, run alike by CPython and MicroPython.

A check takes one case and raises AssertionError with a word on what differs.
"""

from binascii import hexlify, unhexlify

from milepost_protocol import aead, blocks, frames, handshake, keys, packets, records, schema, session


def same(what, got, expected):
    """Assert, and say both sides."""
    assert got == expected, f"{what}: got {got!r}, expected {expected!r}"


def same_hex(what, got, expected):
    """Assert equality of bytes and their hex text."""
    same(what, hexlify(got).decode(), expected)


def check_aead(case):
    """Seal, open, and refuse a changed tag."""
    sealer = aead.ccm(unhexlify(case["key"]))
    nonce, aad, plain = unhexlify(case["nonce"]), unhexlify(case["aad"]), unhexlify(case["plain"])
    sealed = unhexlify(case["sealed"])
    same_hex("sealed", sealer.seal(nonce, plain, aad), case["sealed"])
    same("opened", sealer.open(nonce, sealed, aad), plain)
    same("changed tag", sealer.open(nonce, sealed[:-1] + bytes([sealed[-1] ^ 1]), aad), None)


def check_keys(case):
    """HKDF's extract and expand."""
    prk = keys.hkdf_extract(unhexlify(case["salt"]), unhexlify(case["secret"]))
    same_hex("okm", keys.hkdf_expand(prk, unhexlify(case["info"]), case["size"]), case["okm"])


def check_cobs(case):
    """Code and decode."""
    data, code = unhexlify(case["data"]), unhexlify(case["code"])
    same_hex("code", frames.cobs_encode(data), case["code"])
    same("data", frames.cobs_decode(code), data)


def check_frames(case):
    """Frame and deframe, byte by byte."""
    same_hex("frame", frames.encode_frame(unhexlify(case["packet"])), case["frame"])
    decoder = frames.FrameDecoder()
    found = []
    for byte in unhexlify(case["frame"]):
        found += decoder.feed(bytes([byte]))
    same("packets", [hexlify(packet).decode() for packet, _ in found if packet], [case["packet"]])


def check_handshake(case):
    """A whole conversation, both ends."""
    key, node = unhexlify(case["key"]), unhexlify(case["node"])
    hello = handshake.make_hello(key, node, case["boot"], unhexlify(case["node_nonce"]))
    same_hex("hello", hello.packet, case["hello"])
    nonce = unhexlify(case["gateway_nonce"])
    welcome = handshake.make_welcome(key, hello, nonce, case["address"], case["ack_delay_ms_max"])
    same_hex("welcome", welcome.packet, case["welcome"])
    assert hello.is_genuine(key) and welcome.is_genuine(key, hello) and not hello.is_genuine(nonce * 4)
    derived = handshake.session_keys(key, hello, welcome)
    for what, got in zip(("up", "down", "ident"), derived):
        same_hex(what, got, case[what])
    check_conversation(case, node, derived)


def check_conversation(case, node, derived):
    """The packets of a session that these keys open."""
    up = session.Session(node, case["boot"], derived, 0, case["address"], 0)
    down = session.Session(node, case["boot"], derived, packets.DOWN, case["address"], 0)
    for (kind, body), packet in zip(case["blocks_up"], case["packets_up"]):
        up.send(kind, unhexlify(body))
        same_hex("packet up", up.next_packet(0), packet)
        number, plain = down.open(unhexlify(packet))
        same("blocks", blocks.split(plain), [(kind, unhexlify(body))])
        down.take_in(number, plain, 0)
        down.confirm(number)
    same_hex("ack", down.next_packet(case["ack_after_ms"]), case["ack_down"])


def check_records(case):
    """Pack, read the front, unpack."""
    known = schema.decode_schema(unhexlify(case["schema"]))
    same("hash", known.hash, case["hash"])
    made = [
        records.Record(r[0], r[1], known.hash, r[2], r[3], r[4], tuple(r[5]), tuple(r[6]) if r[6] else None)
        for r in case["records"]
    ]
    kind, body = records.pack(made)
    same("type", kind, case["type"])
    same_hex("body", body, case["body"])
    found = records.unpack(records.front(kind, body), known)
    got = [
        [r.kind, r.cls, r.boot, r.sequence, r.uptime_ms, list(r.values), r.quality and list(r.quality)] for r in found
    ]
    same("records", got, case["records"])


CHECKS = {
    "aead": check_aead,
    "cobs": check_cobs,
    "frames": check_frames,
    "handshake": check_handshake,
    "keys": check_keys,
    "records": check_records,
}
