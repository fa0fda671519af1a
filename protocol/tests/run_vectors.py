"""Golden vectors, run by whichever VM runs this file: CPython and MicroPython must give the same bytes, for ever.

    MICROPYPATH=.frozen:protocol micropython protocol/tests/run_vectors.py protocol/tests/vectors/*.json

A vector file is `{"about": "…", "module": "…", "cases": [{…}, …]}`, bytes written as hex. CHECKS maps a file's name
to the function that runs one of its cases: it returns if the bytes are right and raises AssertionError if not.
A new message is a row here and a file; changing a case that exists is a new version of the protocol.
"""

import json
import sys
from binascii import crc32, hexlify, unhexlify

from milepost_protocol import (
    aead,
    blocks,
    clock,
    columns,
    frames,
    handshake,
    keys,
    packets,
    records,
    schema,
    session,
    times,
)
from milepost_protocol.errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def expect(got: object, wanted: object) -> None:
    """Raise unless `got` is `wanted`."""
    if got != wanted:
        raise AssertionError(f"got {shown(got)}, the vector says {shown(wanted)}")


def shown(value: object) -> str:
    """Bytes as hex, everything else as Python writes it."""
    return hexlify(value).decode() if isinstance(value, bytes) else repr(value)


def refused(action: "Callable[[], object]", kind: type) -> None:
    """Raise unless `action` raises `kind`."""
    try:
        got = action()
    except kind:
        return
    raise AssertionError(f"got {shown(got)}, the vector says it is refused")


def check_crc(case: dict) -> None:
    """`data` has CRC-32 `crc` (big-endian hex, as check values are printed)."""
    data = case["text"].encode() if "text" in case else unhexlify(case["data"])
    expect("%08x" % crc32(data), case["crc"])  # noqa: UP031 - MicroPython formats it this way too


def check_cobs(case: dict) -> None:
    """`data` codes to `code` and back; a case without `data` is a code that must be refused."""
    code = unhexlify(case["code"])
    if "data" not in case:
        return expect(frames.cobs_decode(code), None)
    expect(frames.cobs_encode(unhexlify(case["data"])), code)
    return expect(frames.cobs_decode(code), unhexlify(case["data"]))


def check_frames(case: dict) -> None:
    """`packet` stands on the link as `frame`; `feed` gives the packets of `found`, null for a damaged one."""
    if "packet" in case:
        expect(frames.encode_frame(unhexlify(case["packet"])), unhexlify(case["frame"]))
    found = frames.FrameDecoder().feed(unhexlify(case.get("feed", case.get("frame"))))
    wanted = case.get("found", [case.get("packet")])
    expect([packet and hexlify(packet).decode() for packet, _ in found], wanted)


def check_aead(case: dict) -> None:
    """Seal, open, and refuse a changed tag."""
    sealer = aead.ccm(unhexlify(case["key"]))
    nonce, aad, plain = unhexlify(case["nonce"]), unhexlify(case["aad"]), unhexlify(case["plain"])
    sealed = unhexlify(case["sealed"])
    expect(sealer.seal(nonce, plain, aad), unhexlify(case["sealed"]))
    expect(sealer.open(nonce, sealed, aad), plain)
    expect(sealer.open(nonce, sealed[:-1] + bytes([sealed[-1] ^ 1]), aad), None)


def check_keys(case: dict) -> None:
    """HKDF's extract and expand."""
    prk = keys.hkdf_extract(unhexlify(case["salt"]), unhexlify(case["secret"]))
    expect(keys.hkdf_expand(prk, unhexlify(case["info"]), case["size"]), unhexlify(case["okm"]))


def check_handshake(case: dict) -> None:
    """A whole conversation, both ends."""
    key, node = unhexlify(case["key"]), unhexlify(case["node"])
    hello = handshake.make_hello(key, node, case["boot"], unhexlify(case["node_nonce"]))
    expect(hello.packet, unhexlify(case["hello"]))
    nonce = unhexlify(case["gateway_nonce"])
    welcome = handshake.make_welcome(key, hello, nonce, case["address"], case["ack_delay_ms_max"])
    expect(welcome.packet, unhexlify(case["welcome"]))
    assert hello.is_genuine(key) and welcome.is_genuine(key, hello) and not hello.is_genuine(nonce * 4)
    derived = handshake.session_keys(key, hello, welcome)
    for what, got in zip(("up", "down", "ident"), derived):
        expect(got, unhexlify(case[what]))
    check_conversation(case, node, derived)


def check_conversation(case: dict, node: bytes, derived: "tuple[bytes, bytes, bytes]") -> None:
    """The packets of a session that these keys open."""
    up = session.Session(node, case["boot"], derived, 0, case["address"], 0)
    down = session.Session(node, case["boot"], derived, packets.DOWN, case["address"], 0)
    for (kind, body), packet in zip(case["blocks_up"], case["packets_up"]):
        up.send(kind, unhexlify(body))
        expect(up.next_packet(0), unhexlify(packet))
        number, plain = down.open(unhexlify(packet))
        expect(blocks.split(plain), [(kind, unhexlify(body))])
        down.take_in(number, plain, 0)
        down.confirm(number)
    expect(down.next_packet(case["ack_after_ms"]), unhexlify(case["ack_down"]))


def check_records(case: dict) -> None:
    """Pack, read the front, unpack."""
    known = schema.decode_schema(unhexlify(case["schema"]))
    expect(known.hash, case["hash"])
    made = [
        records.Record(r[0], r[1], known.hash, r[2], r[3], r[4], tuple(r[5]), tuple(r[6]) if r[6] else None)
        for r in case["records"]
    ]
    kind, body = records.pack(made)
    expect(kind, case["type"])
    expect(body, unhexlify(case["body"]))
    found = records.unpack(records.front(kind, body), known)
    got = [
        [r.kind, r.cls, r.boot, r.sequence, r.uptime_ms, list(r.values), r.quality and list(r.quality)] for r in found
    ]
    expect(got, case["records"])


def check_columns(case: dict) -> None:
    """Pack and unpack; what is `decode_only` another encoder may have packed; what has a `because` is refused."""
    data = unhexlify(case["bytes"])
    if "because" in case:
        return refused_because(lambda: columns.decode(data, case["n_columns"], case["count"]), case["because"])
    expect(columns.decode(data, len(case["columns"]), case["count"]), case["columns"])
    if "decode_only" in case:
        return None
    return expect(columns.encode(case["columns"], case["count"]), data)


def check_times(case: dict) -> None:
    """Pack, and unpack with something behind; what has a `because` is refused."""
    data = unhexlify(case["bytes"])
    if "because" in case:
        return refused_because(lambda: times.decode_times(data, case["count"]), case["because"])
    expect(times.encode_times(case["deltas"]), data)
    return expect(times.decode_times(data + b"behind", len(case["deltas"]) + 1), (case["deltas"], len(data)))


def check_clock(case: dict) -> None:
    """Exchanges in, bounds out; where there are none, by the boots before and behind."""
    if "exchanges" in case:
        find = clock_of(case["exchanges"]).bound
    else:
        previous, following = clock_of(case["previous"]), clock_of(case["following"])

        def find(uptime_ms: int) -> "clock.Bound | None":
            return clock.bracket(previous, following, uptime_ms)

    for asked in case["asked"]:
        expect([asked[0]] + list(find(asked[0]) or ()), asked)


def clock_of(exchanges: list) -> "clock.NodeClock":
    """The clock that these exchanges measured."""
    made = clock.NodeClock()
    for exchange in exchanges:
        made.add(clock.anchor_of(*exchange))
    return made


def refused_because(action: "Callable[[], object]", because: str) -> None:
    """Raise unless `action` raises a ProtocolError that says `because`."""
    try:
        got = action()
    except ProtocolError as error:
        return expect(because in str(error), True)
    raise AssertionError(f"got {shown(got)}, the vector says it is refused")


CHECKS = {
    "aead": check_aead,
    "clock": check_clock,
    "cobs": check_cobs,
    "columns": check_columns,
    "crc": check_crc,
    "frames": check_frames,
    "handshake": check_handshake,
    "keys": check_keys,
    "records": check_records,
    "times": check_times,
}


def name_of(path: str) -> str:
    """`…/vectors/crc.json` is called `crc`."""
    return path.split("/")[-1].rsplit(".", 1)[0]


def failures(path: str) -> "Iterator[str]":
    """One line for each case of the file that fails; a file that no check knows, or without cases, fails too."""
    with open(path) as file:  # noqa: PTH123 - MicroPython has no pathlib
        cases = json.load(file)["cases"]
    check = CHECKS.get(name_of(path))
    if check is None or not cases:
        yield f"{path}: " + ("has no cases" if check else "no check of this name in CHECKS")
        return
    for number, case in enumerate(cases):
        try:
            check(case)
        except Exception as error:  # whatever a case raises is that case's failure, and the rest still run
            yield f"{path}: case {number}: {type(error).__name__}: {error}"


def main(paths: "list[str]") -> int:
    """Run the files; print failures and a closing line; 1 if any failed or there was none."""
    count = 0
    for path in paths:
        for line in failures(path):
            count += 1
            sys.stdout.write(line + "\n")
    sys.stdout.write(f"vectors: {len(paths)} files on {sys.implementation.name}, {count} failures\n")
    return 1 if count or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
