"""Configuration over the link, so that no mistake in it can cost the link: try, then confirm or go back.

A configuration comes in parts, in any order and repeated at will; whole and with the right digest, it is tried. The gateway
confirms it over the link that it may just have broken. No confirmation within the time that came with it: the node goes back.
This is the state alone: what is stored where, and how a configuration is applied, is the caller's.
"""

from hashlib import sha256

from . import varint
from .errors import ProtocolError

DIGEST_BYTES = 8
CONFIG_BYTES_MAX = 4096  # a node with eight schedules takes about 1,500
PART_BYTES_MAX = 160  # fits a packet whatever else is in it
CONFIRM_S_MAX = 3600


class Part:
    """A piece of configuration `version`: `data` at `offset` of `total` bytes, digest of the whole, seconds to confirm in."""

    def __init__(self, version: int, total: int, offset: int, confirm_s: int, digest: bytes, data: bytes) -> None:
        self.version = version
        self.total = total
        self.offset = offset
        self.confirm_s = confirm_s
        self.digest = digest
        self.data = data

    def encode(self) -> bytes:
        """Arguments of a set-config command: `version, total, offset, confirm_s varints | digest 8 | data`."""
        out = bytearray()
        for value in (self.version, self.total, self.offset, self.confirm_s):
            varint.put(out, value)
        return bytes(out) + self.digest + self.data


def decode_part(arguments: bytes) -> Part:
    """Read one part; ProtocolError if it lies outside of its whole."""
    values = []
    at = 0
    for _ in range(4):
        value, at = varint.get(arguments, at)
        values.append(value)
    version, total, offset, confirm_s = values
    digest, data = arguments[at : at + DIGEST_BYTES], arguments[at + DIGEST_BYTES :]
    if not data or total > CONFIG_BYTES_MAX or offset + len(data) > total or confirm_s > CONFIRM_S_MAX:
        raise ProtocolError("part of a configuration outside its whole")
    return Part(version, total, offset, confirm_s, digest, data)


def parts(version: int, whole: bytes, confirm_s: int) -> "list[Part]":
    """Cut a configuration up for the link."""
    digest = sha256(whole).digest()[:DIGEST_BYTES]
    starts = range(0, len(whole), PART_BYTES_MAX)
    cut = [(start, whole[start : start + PART_BYTES_MAX]) for start in starts]
    return [Part(version, len(whole), start, confirm_s, digest, data) for start, data in cut]


class Trial:
    """The node's side: `idle`, `gathering` parts, or `trying` a configuration until `deadline` (ms)."""

    def __init__(self) -> None:
        self.state = "idle"
        self.version = 0
        self.deadline = 0
        self._digest = b""
        self._confirm_ms = 0
        self._pieces: dict[int, bytes] = {}

    def add(self, part: Part) -> "bytes | None":
        """Take in a part; the whole configuration once it is here. ProtocolError if its digest is wrong, or one is on trial."""
        if self.state == "trying":
            raise ProtocolError("a configuration is on trial")
        if (part.version, part.digest) != (self.version, self._digest):
            self.state, self.version, self._digest, self._pieces = "gathering", part.version, part.digest, {}
        self._confirm_ms = part.confirm_s * 1000
        self._pieces[part.offset] = part.data
        whole = self._joined()
        if len(whole) < part.total:
            return None
        self.state, self._pieces = "idle", {}
        if sha256(whole).digest()[:DIGEST_BYTES] != part.digest:
            self._digest = b""
            raise ProtocolError("a configuration with a wrong digest")
        return whole

    def begin(self, now: int) -> None:
        """The caller has stored the old configuration safely and applied the new one: the time to confirm it runs."""
        self.state = "trying"
        self.deadline = now + self._confirm_ms

    def confirm(self, version: int) -> bool:
        """The gateway has confirmed: whether that was the configuration on trial, which now stays."""
        if self.state != "trying" or version != self.version:
            return False
        self.state = "idle"
        return True

    def must_go_back(self, now: int) -> bool:
        """Whether the time is up: the caller restores the old configuration. Said once."""
        if self.state != "trying" or now < self.deadline:
            return False
        self.state, self._digest = "idle", b""
        return True

    def _joined(self) -> bytes:
        """What stands without a gap from the beginning."""
        whole = b""
        while len(whole) in self._pieces:
            whole += self._pieces[len(whole)]
        return whole
