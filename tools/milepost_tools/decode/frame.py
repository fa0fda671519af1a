"""What stands on the line explained: delimiters, COBS, CRC around packets; or a packet that came bare, as datagrams do.

Which of the two some bytes are is told by the bytes: a delimiter in front or a CRC that fits says serial. Damage is explained
like everything else, and what a damaged packet would have said follows, but nothing is learnt from it.
"""

from binascii import crc32

from milepost_protocol.frames import FRAME_BYTES_MAX, PACKET_BYTES_MIN, cobs_decode, open_frame
from milepost_protocol.packets import VERSION, VERSION_MASK

from .conversation import Conversation
from .lines import Lines
from .packet import explain_packet

CRC_BYTES = 4


def explain(data: bytes, told: Conversation) -> Lines:
    """Explain a piece of input: frames as a serial line carries them, one frame without delimiters, or a bare packet."""
    lines = Lines()
    if not data:
        lines.remark(0, "nothing")
    elif data[0] and not open_frame(data.rstrip(b"\0")) and data[0] & VERSION_MASK == VERSION:
        lines.remark(
            0, f"a bare packet, as on a datagram link: {len(data)} bytes (from a serial line? give its 00 too)"
        )
        explain_packet(data, told, lines, 1)
    else:
        _explain_stream(data, told, lines)
    return lines


def _explain_stream(data: bytes, told: Conversation, lines: Lines) -> None:
    at = 0
    for code in data.split(b"\0"):
        if code:
            _explain_frame(code, at, told, lines)
        at += len(code)
        if at < len(data):
            lines.field(0, at, b"\0", "delimiter")
        at += 1


def _explain_frame(code: bytes, at: int, told: Conversation, lines: Lines) -> None:
    lines.remark(0, f"a stretch of {len(code)} bytes between delimiters")
    if len(code) > FRAME_BYTES_MAX:
        lines.remark(1, f"OVERSIZE: a frame has {FRAME_BYTES_MAX} bytes at most; a receiver counts it and drops it")
    _explain_cobs(code, at, lines)
    content = cobs_decode(code)
    if content is None:
        lines.field(1, at, code, "DAMAGED: no COBS string; a receiver counts it and drops it")
    elif len(content) < PACKET_BYTES_MIN + CRC_BYTES:
        lines.field(1, 0, content, f"DAMAGED: {PACKET_BYTES_MIN + CRC_BYTES} bytes are the least that a frame holds")
    else:
        _explain_content(content, len(code) <= FRAME_BYTES_MAX, told, lines)


def _explain_cobs(code: bytes, at: int, lines: Lines) -> None:
    """Every code byte: where it stands on the line, and what it stands for."""
    place = 0
    while place < len(code):
        step = code[place]
        after = place + step
        zero = ", then a zero" if step < 255 and after < len(code) else ""
        over = f": but only {len(code) - place - 1} are here" if after > len(code) else ""
        lines.field(1, at + place, code[place : place + 1], f"COBS: {step - 1} bytes as they are{zero}{over}")
        place = after


def _explain_content(content: bytes, is_sized: bool, told: Conversation, lines: Lines) -> None:
    packet, given = content[:-CRC_BYTES], content[-CRC_BYTES:]
    made = crc32(packet).to_bytes(CRC_BYTES, "little")
    is_whole = made == given and is_sized
    lines.remark(1, f"inside: a packet of {len(packet)} bytes and its CRC" + ("" if is_whole else "; DAMAGED:"))
    explain_packet(packet, told if is_whole else Conversation(), lines, 2)
    right = (
        "CRC-32, right" if made == given else f"CRC-32, WRONG: these bytes have {made.hex(' ')}; dropped and counted"
    )
    lines.field(2, len(packet), given, right)
