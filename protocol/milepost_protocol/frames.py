"""Frames: how a packet stands on a link, and how a receiver finds it again after noise.

A serial link carries `00 | COBS(packet, CRC-32) | 00`. COBS leaves no zero inside, so the next zero is always the next
frame's edge: whatever noise did, it costs the frames it touched and no more. The zero in front flushes what noise left
in the receiver. A packet is at most 249 bytes, so that COBS costs exactly one byte. Datagram links carry the packet bare.
"""

from binascii import crc32

PACKET_BYTES_MAX = 249  # with 4 bytes of CRC: 253, the longest that COBS codes with one byte
PACKET_BYTES_MIN = 3  # the shortest packet is a SHORT one
FRAME_BYTES_MAX = PACKET_BYTES_MAX + 5  # between delimiters: COBS code byte, packet, CRC


def cobs_encode(data: bytes) -> bytes:
    """Code `data` without zero bytes (Cheshire and Baker, IEEE/ACM ToN 1999)."""
    out = bytearray()
    runs = data.split(b"\0")
    for run in runs:
        while len(run) >= 254:
            out.append(255)
            out += run[:254]
            run = run[254:]
        out.append(len(run) + 1)
        out += run
    full = len(runs[-1]) > 0 and len(runs[-1]) % 254 == 0  # a full last run needs no code for nothing behind it
    return bytes(out[:-1] if full else out)


def cobs_decode(code: bytes) -> "bytes | None":
    """Undo `cobs_encode`; None if `code` is no COBS string."""
    out = bytearray()
    at, end = 0, len(code)
    while at < end:
        step = code[at]
        if step == 0 or at + step > end:
            return None
        out += code[at + 1 : at + step]
        at += step
        if step < 255 and at < end:
            out.append(0)
    return None if b"\0" in code else bytes(out)


def encode_frame(packet: bytes) -> bytes:
    """Wrap a packet for a serial link, delimiters on both sides."""
    return b"\0" + cobs_encode(packet + crc32(packet).to_bytes(4, "little")) + b"\0"


def open_frame(code: bytes) -> "bytes | None":
    """The packet between two delimiters, or None if noise was at it."""
    data = cobs_decode(code)
    if data is None or len(data) < PACKET_BYTES_MIN + 4:
        return None
    packet = data[:-4]
    return packet if crc32(packet).to_bytes(4, "little") == data[-4:] else None


class FrameDecoder:
    """Bytes in, packets out. It owns the bytes of the unfinished frame and never keeps more than a frame's worth."""

    def __init__(self) -> None:
        self.frames = 0  # whole frames seen
        self.damaged = 0  # not a frame: noise, or a console talking on this link
        self.oversize = 0  # longer than any frame: the start was thrown away
        self._code = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> "list[tuple[bytes | None, bytes]]":
        """Take what the link gave; return `(packet, raw)` for each stretch between delimiters, packet None if damaged."""
        found = []
        pieces = data.split(b"\0")
        for piece in pieces[:-1]:
            self._append(piece)
            code, self._code = bytes(self._code), bytearray()
            if code and not self._skipping:
                found.append(self._finish(code))
            self._skipping = False
        self._append(pieces[-1])
        return found

    def _append(self, piece: bytes) -> None:
        if self._skipping:
            return
        self._code += piece
        if len(self._code) > FRAME_BYTES_MAX:
            self.oversize += 1
            self._skipping = True
            self._code = bytearray()

    def _finish(self, code: bytes) -> "tuple[bytes | None, bytes]":
        packet = open_frame(code)
        if packet is None:
            self.damaged += 1
        else:
            self.frames += 1
        return packet, code
