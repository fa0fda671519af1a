"""A packet explained: header bits, then HELLO, WELCOME, SHORT or DATA; with a session's keys the plaintext of DATA too."""

from milepost_protocol.aead import TAG_BYTES
from milepost_protocol.errors import ProtocolError
from milepost_protocol.frames import PACKET_BYTES_MAX
from milepost_protocol.handshake import BOOT_ORDER_UNKNOWN, MAC_BYTES, NODE_BYTES, NONCE_BYTES, Hello, Welcome
from milepost_protocol.packets import (
    ADDRESS_JOIN,
    ADDRESS_MAX,
    ADDRESS_NONE,
    DATA,
    DOWN,
    EMPTY,
    HELLO,
    JOIN,
    NO_SESSION,
    POLL,
    SHORT,
    TURN,
    TYPE_MASK,
    VERSION,
    VERSION_MASK,
    WELCOME,
)

from .blocks import explain_plain
from .conversation import Conversation
from .lines import CutShort, Lines, Walk

TYPES = {DATA: "DATA", HELLO: "HELLO", WELCOME: "WELCOME", SHORT: "SHORT"}


def explain_packet(packet: bytes, told: Conversation, lines: Lines, depth: int) -> None:
    """Explain a packet; what it tells of keys and sessions goes into `told`."""
    walk = Walk(packet, lines, depth)
    try:
        head = walk.number(1, _header_words)
        walk.number(1, _address_words)
        if head & VERSION_MASK == VERSION:
            {DATA: _data, HELLO: _hello, WELCOME: _welcome, SHORT: _short}[head & TYPE_MASK](walk, told, lines, depth)
        else:
            walk.rest("another version's: a receiver ignores it")
        if walk.left():
            walk.rest("bytes left over")
        if len(packet) > PACKET_BYTES_MAX:
            lines.remark(depth, f"NOT LEGAL: {len(packet)} bytes, a packet has {PACKET_BYTES_MAX} at most")
    except CutShort:
        pass  # said where it happened
    except ProtocolError as error:
        lines.remark(depth, f"NOT LEGAL: {error}")


def _header_words(head: int) -> str:
    if head & VERSION_MASK != VERSION:
        return f"header: version {head >> 6:02b}, not 01"
    words = ["header: version 01", "down" if head & DOWN else "up", TYPES[head & TYPE_MASK]]
    words += ["turn: the sender's ends, or the receiver's begins"] if head & TURN else []
    if (head & TYPE_MASK, head & DOWN) in ((HELLO, DOWN), (WELCOME, 0)):
        words.append("a way that no receiver takes it")
    words += [f"low bits {head & 3:02b}, ignored"] if head & 3 else []
    return ", ".join(words)


def _address_words(address: int) -> str:
    special = {ADDRESS_NONE: "none yet", ADDRESS_JOIN: "the join slots"}
    return f"address {address}{': ' + special[address] if address in special else ''}" + (
        "" if address <= ADDRESS_MAX or address in special else ": reserved"
    )


def _hello(walk: Walk, told: Conversation, lines: Lines, depth: int) -> None:
    walk.take(NODE_BYTES, lambda node: f"node {node.hex()}")
    walk.number(4, lambda n: f"boot {n}")
    walk.take(NONCE_BYTES, "nonce of the node")
    walk.number(1, lambda n: f"version_min {n}")
    walk.number(1, lambda n: f"version_max {n}")
    walk.number(2, lambda n: f"capabilities {n:04x}")
    walk.number(1, lambda n: f"flags {n:02x}" + (": the boot number was drawn" if n & BOOT_ORDER_UNKNOWN else ""))
    if walk.left() != MAC_BYTES:
        raise ProtocolError(f"HELLO of a wrong length: its MAC should be {MAC_BYTES} bytes, {walk.left()} are left")
    walk.take(MAC_BYTES, told.hear_hello(Hello(walk.data)))


def _welcome(walk: Walk, told: Conversation, lines: Lines, depth: int) -> None:
    walk.take(NODE_BYTES, lambda node: f"node {node.hex()}")
    walk.take(NONCE_BYTES, "nonce of the gateway")
    walk.number(1, lambda n: f"version {n}")
    walk.number(1, lambda n: f"address {n}: the node's on this link from now on")
    walk.number(1, lambda n: f"flags {n:02x}")
    walk.number(2, lambda n: f"ack_delay_ms_max {n}")
    if walk.left() != MAC_BYTES:
        raise ProtocolError(f"WELCOME of a wrong length: its MAC should be {MAC_BYTES} bytes, {walk.left()} are left")
    walk.take(MAC_BYTES, told.hear_welcome(Welcome(walk.data)))


def _short(walk: Walk, told: Conversation, lines: Lines, depth: int) -> None:
    walk.number(1, _short_words)


def _short_words(what: int) -> str:
    if what & 0xF0 == POLL:
        return f"POLL: the turn, for {what & 15} packets"
    if what & 0xF0 == JOIN:
        return f"JOIN: {what & 15} slots for a HELLO begin now"
    known = {EMPTY: "EMPTY: nothing to say, the turn ends", NO_SESSION: "NO-SESSION: no session opens what you sent"}
    return known.get(what, "unknown: ignored")


def _data(walk: Walk, told: Conversation, lines: Lines, depth: int) -> None:
    walk.number(2, lambda n: f"packet number {n} (its low 16 bits)")
    if walk.left() < TAG_BYTES:
        walk.take(TAG_BYTES, "tag")
    opened = told.open(walk.data)
    size = walk.left() - TAG_BYTES
    if size:
        walk.take(size, f"ciphertext, {size} bytes")
    walk.take(TAG_BYTES, "tag, right" if opened else _why_closed(walk.data[1], told))
    if opened:
        session, number, plain = opened
        lines.remark(depth, f"packet {number} of node {session.node.hex()}; its plaintext, {len(plain)} bytes:")
        schemas = {number: schema for (node, number), schema in told.schemas.items() if node == session.node}
        explain_plain(plain, schemas, lines, depth + 1)
        told.schemas.update({(session.node, number): schema for number, schema in schemas.items()})


def _why_closed(address: int, told: Conversation) -> str:
    """Why a tag could not be checked, or what it means that it fits nothing."""
    if not told.sessions:
        return "tag, not checked: that takes the node's key, and the HELLO and WELCOME that opened the session"
    if all(session.address != address for session in told.sessions):
        return f"tag, not checked: no session of address {address} is above"
    return f"tag, WRONG for every session of address {address} above"
