"""Payloads: what the city reads. Pure functions from records, schemas and bounds to JSON text, as schemas/*.json say.

A row is written out by hand around the channel names that its schema compiled to, because it is the hot path; the
rare kinds go through `json`. Values travel as scaled integers, and an integer divided by its power of ten is the
float whose shortest form is the decimal that was meant: 423 with one decimal is printed 42.3. Errors of time are
rounded up, never down.
"""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from milepost_protocol.channels import CHANNELS, EVENTS, STREAMS
from milepost_protocol.clock import SYNCED, UNKNOWN, Bound
from milepost_protocol.quality import QUALITY
from milepost_protocol.records import EVENT, GONE, GONE_REASONS, Record
from milepost_protocol.schema import Schema

VERSION = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROUNDING_MS = 0.5  # a time is printed in whole ms
MISSING = (9, "missing")
EVENT_CHANNEL = {"flood": "level"}  # whose value an event of this stream brings along
_SCALES = {name: 10**decimals for name, _, decimals in CHANNELS.values()}


class Undecodable(ValueError):
    """These bytes are kept, but this version cannot say what they mean."""


class Stamp(NamedTuple):
    """A time as published: `t` text or None, `te` ± seconds or None, `tq` word."""

    t: str | None
    te: float | None
    tq: str


UNKNOWN_WHEN = Stamp(None, None, UNKNOWN)


class Channel(NamedTuple):
    """A channel as rows print it: its name, and what its integers are divided by (1: they stay integers)."""

    name: str
    scale: int


def stamp(bound: Bound | None, utc_offset_ms: float, system_error_s: float) -> Stamp:
    """UTC of something on the gateway's clock; `utc_offset_ms` is UTC less BOOTTIME as the system clock has it now."""
    if bound is None:
        return UNKNOWN_WHEN
    try:
        moment = EPOCH + timedelta(milliseconds=round(bound.middle_us / 1000 + utc_offset_ms))
    except OverflowError:
        return UNKNOWN_WHEN
    te = math.ceil(bound.error_us / 1000 + ROUNDING_MS + system_error_s * 1000) / 1000
    return Stamp(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"), te, bound.how)


def record_id(node: bytes, record: Record) -> str:
    """A record's name as consumers see it."""
    return f"{node.hex()}-{record.boot}-{record.sequence}"


# -- rows ------------------------------------------------------------------------------------------------------


def channels_of(schema: Schema) -> tuple[Channel, ...]:
    """How the channels of a schema are printed; Undecodable if the registry here does not have one of them."""
    for number in schema.channels:
        if number not in CHANNELS:
            raise Undecodable(f"channel {number} is not known")
    names = [CHANNELS[number][0] for number in schema.channels]
    return tuple(Channel(name, _SCALES[name]) for name in names)


def row_json(node: bytes, record: Record, channels: tuple[Channel, ...], when: Stamp) -> str:
    """A row: `{"v", "id", "t", "te", "tq"?, "m", "q"?}`."""
    values, notes = [], []
    for at, channel in enumerate(channels):
        value = record.values[at]
        values.append(f'"{channel.name}":{_number(value, channel.scale)}')
        noted = _quality(record.quality[at] if record.quality else 0, value)
        if noted:
            notes.append(f'"{channel.name}":[{noted[0]},"{noted[1]}"]')
    quality = ',"q":{' + ",".join(notes) + "}" if notes else ""
    return f'{_head(record_id(node, record), when)},"m":{{{",".join(values)}}}{quality}}}'


def hist_json(rows: list[str]) -> str:
    """An array of rows, oldest first."""
    return "[" + ",".join(rows) + "]"


def _head(name: str, when: Stamp) -> str:
    if when.t is None:
        return f'{{"v":{VERSION},"id":"{name}","t":null,"te":null,"tq":"{when.tq}"'
    quality = "" if when.tq == SYNCED else f',"tq":"{when.tq}"'
    return f'{{"v":{VERSION},"id":"{name}","t":"{when.t}","te":{when.te}{quality}'


def _number(value: int | None, scale: int) -> str:
    if value is None:
        return "null"
    return str(value) if scale == 1 else repr(value / scale)


def _quality(number: int, value: int | None) -> tuple[int, str] | None:
    """What `q` says: nothing for a good value; a number this version does not know is told by its number."""
    if number == 0:
        return None if value is not None else MISSING
    return QUALITY[number] if number < len(QUALITY) else (2, f"quality-{number}")


# -- events ----------------------------------------------------------------------------------------------------


def event_json(node: bytes, record: Record, schema: Schema, when: Stamp) -> str:
    """An event or a gone: the head of a row, then `event` and what belongs to it. Undecodable for anything else."""
    payload: dict[str, Any] = {"v": VERSION, "id": record_id(node, record), "t": when.t, "te": when.te}
    if when.tq != SYNCED:
        payload["tq"] = when.tq
    values = [value or 0 for value in record.values]
    if record.kind == EVENT and len(values) >= 3:
        payload.update(_event(schema, *values[:3]))
    elif record.kind == GONE and len(values) >= 4:
        payload.update(_gone(*values[:4]))
    else:
        raise Undecodable(f"record of kind {record.kind} with {len(values)} values")
    return json.dumps(payload, separators=(",", ":"))


def _event(schema: Schema, code: int, value: int, confidence_pct: int) -> dict[str, Any]:
    word = EVENTS[code][1] if code in EVENTS else f"event-{code}"
    payload: dict[str, Any] = {"event": word, "confidence_pct": confidence_pct}
    channel = EVENT_CHANNEL.get(STREAMS[schema.stream])
    if channel:
        payload["m"] = {channel: value / _SCALES[channel]}
    return payload


def _gone(reason: int, boot: int, first: int, last: int) -> dict[str, Any]:
    word = GONE_REASONS.get(reason, f"reason-{reason}")
    return {"event": "gone", "gone": {"reason": word, "boot": boot, "first": first, "last": last}}


# -- what the gateway says by itself ---------------------------------------------------------------------------


def meta_json(schema: Schema) -> str:
    """What the rows of a site and stream mean: unit and decimals of each channel that the registry knows."""
    known = [CHANNELS[number] for number in schema.channels if number in CHANNELS]
    channels = {name: {"unit": unit, "decimals": decimals} for name, unit, decimals in known}
    payload = {"v": VERSION, "site": schema.site, "stream": STREAMS[schema.stream], "channels": channels}
    return json.dumps(payload, separators=(",", ":"))


def status_json(state: str, session: int) -> str:
    """`state` is ready, stopped or, said by the broker as the will, lost; `session` counts connections for ever."""
    return json.dumps({"v": VERSION, "state": state, "session": session}, separators=(",", ":"))


def health_json(health: dict[str, Any]) -> str:
    """The gateway's health: the ledger and whatever else it knows of itself."""
    return json.dumps({"v": VERSION, **health}, separators=(",", ":"))
