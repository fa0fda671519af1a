"""Golden vectors, run by whichever VM runs this file: CPython and MicroPython must give the same bytes, for ever.

    MICROPYPATH=.frozen:protocol micropython protocol/tests/run_vectors.py protocol/tests/vectors/*.json

A vector file is `{"about": "…", "module": "…", "cases": [{…}, …]}`, bytes written as hex. CHECKS maps a file's name
to the function that runs one of its cases: it returns if the bytes are right and raises AssertionError if not.
A new message is a row here and a file; changing a case that exists is a new version of the protocol.
"""

import json
import sys
from binascii import crc32, hexlify, unhexlify

from milepost_protocol import frames

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


CHECKS = {
    "cobs": check_cobs,
    "crc": check_crc,
    "frames": check_frames,
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
