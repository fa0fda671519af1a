"""A schedule's schema: which site it stands for, which stream, and which channels its rows have, in order.

It is announced once a session; batches name it by a hash of 16 bits, so that rows kept over a change of configuration
still say what they are.
"""

from hashlib import sha256

from .channels import STREAMS
from .errors import ProtocolError

SITE_BYTES_MAX = 32
CHANNELS_MAX = 32  # a row has at most this many channels


class Schema:
    """`site` (text, [a-z0-9-]), `stream` (a key of STREAMS), `channels` (tuple of channel ids), `hash` (16 bit)."""

    def __init__(self, site: str, stream: int, channels: "tuple[int, ...]") -> None:
        self.site = site
        self.stream = stream
        self.channels = channels
        self.body = self._encode()
        digest = sha256(self.body).digest()
        self.hash = digest[0] | digest[1] << 8

    def _encode(self) -> bytes:
        site = self.site.encode()
        if not 0 < len(site) <= SITE_BYTES_MAX or len(self.channels) > CHANNELS_MAX or self.stream not in STREAMS:
            raise ProtocolError("not a schema: " + self.site)
        return bytes([self.stream, len(site)]) + site + bytes(self.channels)


def decode_schema(body: bytes) -> Schema:
    """Read the body of a SCHEMA block: `stream u8 | length u8 | site | channel ids u8 each`."""
    if len(body) < 3 or len(body) < 2 + body[1]:
        raise ProtocolError("schema cut short")
    site = body[2 : 2 + body[1]]
    for letter in site:
        if not (48 <= letter <= 57 or 97 <= letter <= 122 or letter == 45):
            raise ProtocolError("site is not [a-z0-9-]")
    return Schema(site.decode(), body[0], tuple(body[2 + body[1] :]))
