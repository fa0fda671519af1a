"""A packet's plaintext explained, block by block.

EXPLAINERS is the table of blocks; what is not in it and is no record block is unknown, and how a receiver takes that
follows from its type's critical bit.
"""

from collections.abc import Callable

from milepost_protocol import blocks
from milepost_protocol.commands import SET_CONFIG, VERBS, decode_command
from milepost_protocol.configuration import decode_part
from milepost_protocol.errors import ProtocolError
from milepost_protocol.schema import Schema, decode_schema

from .fronts import explain_record, kind_words, schema_words, span
from .lines import CutShort, Lines, Walk

Schemas = dict[int, Schema]
Explainer = Callable[[bytes, Schemas, Lines, int], None]


def explain_plain(plain: bytes, schemas: Schemas, lines: Lines, depth: int) -> None:
    """Explain a plaintext; SCHEMA blocks in it are added to `schemas`."""
    if not plain:
        lines.remark(depth, "no blocks")
    walk = Walk(plain, lines, depth)
    try:
        while walk.left():
            kind = walk.number(1, lambda n: f"block {n:02x}: {_name(n)}")
            size = walk.number(1, lambda n: f"length {n}")
            if size > walk.left():
                raise ProtocolError(f"block cut short: {walk.left()} bytes are left; it spoils the whole packet")
            at = walk.at
            walk.at += size
            _explain_body(kind, plain[at : walk.at], schemas, lines, depth + 1)
    except ProtocolError as error:
        _say(error, lines, depth)


def _say(error: ProtocolError, lines: Lines, depth: int) -> None:
    if not isinstance(error, CutShort):
        lines.remark(depth, f"NOT LEGAL: {error}")


def _name(kind: int) -> str:
    if blocks.is_record(kind):
        return kind_words(kind)
    if kind in blocks.BLOCKS:
        return blocks.BLOCKS[kind][0].upper()
    return "unknown and critical: answered with ERROR" if kind & blocks.CRITICAL else "unknown and elective: skipped"


def _explain_body(kind: int, body: bytes, schemas: Schemas, lines: Lines, depth: int) -> None:
    try:
        if blocks.is_record(kind):
            explain_record(kind, body, schemas, lines, depth)
        elif kind in EXPLAINERS:
            EXPLAINERS[kind](body, schemas, lines, depth)
        elif body:
            lines.field(depth, 0, body, "body")
    except ProtocolError as error:
        _say(error, lines, depth)


def _ack(body: bytes, schemas: Schemas, lines: Lines, depth: int) -> None:
    walk = Walk(body, lines, depth)
    largest = walk.number(2, lambda n: f"largest packet number that came: {n} (its low 16 bits)")
    walk.number(2, lambda n: f"it came {n} ms ago")
    walk.number(1, lambda n: f"{n} numbers wait: safe is what came up to {largest - n}")
    walk.rest(lambda bitmap: _bitmap_words(largest, bitmap))


def _bitmap_words(largest: int, bitmap: bytes) -> str:
    came = [largest - 1 - i for i in range(8 * len(bitmap)) if bitmap[i >> 3] >> (i & 7) & 1]
    return "bitmap: of those before, " + (" ".join(map(str, came)) if came else "none") + " came"


def _probe(body: bytes, schemas: Schemas, lines: Lines, depth: int) -> None:
    Walk(body, lines, depth).number(1, lambda n: f"token {n}")


def _reply(body: bytes, schemas: Schemas, lines: Lines, depth: int) -> None:
    walk = Walk(body, lines, depth)
    walk.number(1, lambda n: f"token {n}")
    walk.varint(lambda n: f"uptime at receipt {n} ms ({span(n)})")
    walk.varint(lambda n: f"the reply left {n} ms later")


def _schema(body: bytes, schemas: Schemas, lines: Lines, depth: int) -> None:
    schema = decode_schema(body)
    lines.field(depth, 0, body, f"{schema_words(schema)}; hash {schema.hash:04x}")
    schemas[schema.hash] = schema


def _error(body: bytes, schemas: Schemas, lines: Lines, depth: int) -> None:
    Walk(body, lines, depth).number(1, lambda n: f"a block of type {n:02x} was not understood")


def _command(body: bytes, schemas: Schemas, lines: Lines, depth: int) -> None:
    walk = Walk(body, lines, depth)
    walk.number(4, lambda n: f"command {n}")
    verb = walk.number(1, lambda n: f"verb {n}: {VERBS.get(n, 'unknown')}")
    if verb == SET_CONFIG:
        part = decode_part(decode_command(body).arguments)
        walk.rest(f"{len(part.data)} bytes at {part.offset} of {part.total} of version {part.version}")
    while walk.left():
        walk.varint(lambda n: f"argument {n}")


EXPLAINERS: dict[int, Explainer] = {
    blocks.ACK: _ack,
    blocks.TIME_PROBE: _probe,
    blocks.TIME_REPLY: _reply,
    blocks.SCHEMA: _schema,
    blocks.ERROR: _error,
    blocks.COMMAND: _command,
}
