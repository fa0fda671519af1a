"""Record blocks explained: the front, which needs no schema, and behind it the rows or the single record.

The schema comes from a SCHEMA block of the same conversation; without it the front is all that can be told.
"""

from collections.abc import Callable

from milepost_protocol import columns, records, times, varint
from milepost_protocol.channels import CHANNELS, EVENTS, STREAMS
from milepost_protocol.commands import STATUSES
from milepost_protocol.errors import ProtocolError
from milepost_protocol.quality import QUALITY
from milepost_protocol.records import EVENT, GONE, GONE_REASONS, HAS_BITMAP, HAS_QUALITY, RESULT, ROWS
from milepost_protocol.schema import Schema

from .lines import Lines, Walk

DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000


def explain_record(kind: int, body: bytes, schemas: dict[int, Schema], lines: Lines, depth: int) -> None:
    """Explain a record block's body; `schemas` by hash. ProtocolError where it makes no sense."""
    walk = Walk(body, lines, depth)
    try:
        _explain(walk, kind & 15, schemas, lines, depth)
    except ProtocolError:
        if walk.left():
            walk.rest("not explained:")
        raise


def _explain(walk: Walk, kind: int, schemas: dict[int, Schema], lines: Lines, depth: int) -> None:
    number = walk.number(2, lambda n: f"schema {n:04x}: {_schema_words(schemas.get(n))}")
    walk.varint(lambda n: f"boot {n}")
    first = walk.varint(lambda n: f"first sequence {n}")
    presence, sequences = _presence(walk, first)
    walk.varint(lambda n: f"first uptime {n} ms ({span(n)})")
    _times(walk, len(sequences))
    if kind == ROWS:
        if presence & HAS_QUALITY:
            _quality(walk, schemas.get(number))
        _columns(walk, schemas.get(number), sequences, lines, depth)
    else:
        _single(walk, kind)


def span(ms: int) -> str:
    """A time in days, hours, minutes and seconds."""
    days, hours, minutes = ms // DAY_MS, ms % DAY_MS // HOUR_MS, ms % HOUR_MS // MINUTE_MS
    return f"{days} d {hours:02}:{minutes:02}:{ms % MINUTE_MS / 1000:06.3f}"


def schema_words(schema: Schema) -> str:
    """A schema in a few words."""
    return f"site {schema.site}, stream {STREAMS[schema.stream]}, channels {' '.join(map(channel, schema.channels))}"


def channel(number: int) -> str:
    """A channel's name, as the registry has it."""
    return CHANNELS[number][0] if number in CHANNELS else f"unknown-{number}"


def _schema_words(schema: Schema | None) -> str:
    return schema_words(schema) if schema else "no SCHEMA block of it is above"


def _presence(walk: Walk, first: int) -> tuple[int, list[int]]:
    """The byte itself, and the sequences that are in the batch."""
    presence = walk.number(1, _presence_words)
    count = (presence & 63) + 1
    if not presence & HAS_BITMAP:
        return presence, [first + i for i in range(count)]
    size = walk.number(1, lambda n: f"bitmap of {n + 1} bytes") + 1
    bitmap = walk.take(size, "bitmap, least significant bit first: 1 where the record is here")
    found = [first + i for i in range(8 * size) if bitmap[i >> 3] >> (i & 7) & 1]
    if len(found) != count or found[0] != first:
        raise ProtocolError("bitmap and count disagree")
    return presence, found


def _presence_words(value: int) -> str:
    words = [f"{(value & 63) + 1} records"]
    words += ["a bitmap says which sequences"] if value & HAS_BITMAP else ["no sequence missing in between"]
    words += ["quality runs follow"] if value & HAS_QUALITY else []
    return ", ".join(words)


def _times(walk: Walk, count: int) -> None:
    steps, size = times.decode_times(walk.data[walk.at :], count)
    if steps:
        same = min(steps) == max(steps)
        walk.take(size, f"times: {count - 1} steps of {steps[0]} ms" if same else f"times: steps in ms {_list(steps)}")


def _quality(walk: Walk, schema: Schema | None) -> None:
    for _ in range(walk.varint(lambda n: f"{n} quality runs")):
        walk.take(4, lambda run: _run_words(run, schema))


def _run_words(run: bytes, schema: Schema | None) -> str:
    column, first, count, number = run
    known = schema is not None and column < len(schema.channels)
    where = channel(schema.channels[column]) if schema and known else f"column {column}"
    code, word = QUALITY[number] if number < len(QUALITY) else ("?", f"unknown-{number}")
    return f"{where}, rows {first} to {first + count - 1}: {code} {word}"


def _columns(walk: Walk, schema: Schema | None, sequences: list[int], lines: Lines, depth: int) -> None:
    if schema is None:
        walk.rest(f"columns of {len(sequences)} rows; without the schema they cannot be told apart")
        return
    packed = walk.rest(f"columns: {len(schema.channels)} channels of {len(sequences)} rows")
    for number, column in zip(
        schema.channels, columns.decode(packed, len(schema.channels), len(sequences)), strict=True
    ):
        name, unit, decimals = CHANNELS.get(number, (channel(number), "", 0))
        shown = ["null" if value is None else f"{value / 10**decimals:.{decimals}f}" for value in column]
        lines.remark(depth + 1, f"{name} {unit}: {' '.join(shown)}")


def _single(walk: Walk, kind: int) -> None:
    """The fields of an event, a result or a gone; of a kind that is not known, numbers."""
    for form, word in FIELDS.get(kind, ()):
        if walk.left():
            walk.varint(_saying(form, word))
    while walk.left():
        walk.varint(_saying("value {0}", _no_word))


def _saying(form: str, word: Callable[[int], str]) -> Callable[[int], str]:
    """What a zigzag varint means, by a form with a place for the number and one for its word."""
    return lambda n: form.format(varint.unzigzag(n), word(varint.unzigzag(n)))


def _no_word(value: int) -> str:
    return ""


# kind: its values in order, each as a form ({0} the number, {1} its word) and where the word comes from
FIELDS: dict[int, tuple[tuple[str, Callable[[int], str]], ...]] = {
    EVENT: (
        ("event {0}: {1}", lambda n: " ".join(EVENTS.get(n, ("unknown",)))),
        ("value {0}", _no_word),
        ("confidence {0} %", _no_word),
    ),
    GONE: (
        ("reason {0}: {1}", lambda n: GONE_REASONS.get(n, "unknown")),
        ("of boot {0}", _no_word),
        ("from sequence {0}", _no_word),
        ("to sequence {0}", _no_word),
    ),
    RESULT: (("of command {0}", _no_word), ("status {0}: {1}", lambda n: STATUSES.get(n, "unknown"))),
}


def _list(values: list[int]) -> str:
    return " ".join(map(str, values))


def kind_words(kind: int) -> str:
    """A record block's type in words."""
    name = records.KINDS.get(kind & 15, f"unknown kind {kind & 15}")
    return f"{records.CLASSES.get(kind >> 4 & 3, 'unknown class')} {name}"
