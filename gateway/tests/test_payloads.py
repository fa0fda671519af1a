"""Payloads and topics: what the schemas promise, to the digit."""

import json

import pytest
from jsonschema import Draft202012Validator
from milepost_gateway.payload_schemas import NAMES, read_schema, schema_name
from milepost_gateway.payloads import (
    UNKNOWN_WHEN,
    Stamp,
    Undecodable,
    channels_of,
    event_json,
    hist_json,
    meta_json,
    row_json,
    stamp,
    status_json,
)
from milepost_gateway.testing import AIR_SCHEMA, NODE, air_row
from milepost_gateway.topics import Place
from milepost_protocol.channels import AIR, CHANNEL_IDS, CHANNELS, EVENT_IDS, FLOOD, PARKING
from milepost_protocol.clock import Bound
from milepost_protocol.quality import QUALITY, QUALITY_IDS
from milepost_protocol.records import EVENT, GONE, ROUTINE, ROWS, URGENT, Record
from milepost_protocol.schema import Schema
from referencing import Registry, Resource

REGISTRY = Registry().with_resources(
    [(read_schema(name)["$id"], Resource.from_contents(read_schema(name))) for name in NAMES]
)
WHEN = Stamp("2026-11-20T08:00:00.123Z", 0.004, "synced")
FLOOD_SCHEMA = Schema("tide-gauge", FLOOD, (CHANNEL_IDS["level"],))
AIR_CHANNELS = channels_of(AIR_SCHEMA)


def validate(name, text):
    Draft202012Validator(read_schema(name), registry=REGISTRY).validate(json.loads(text))
    return json.loads(text)


def is_valid(name, data):
    return Draft202012Validator(read_schema(name), registry=REGISTRY).is_valid(data)


def test_a_row_is_exactly_what_the_design_shows():
    text = row_json(NODE, air_row(7), AIR_CHANNELS, WHEN)
    assert text == (
        '{"v":1,"id":"a4cf12000001-1-7","t":"2026-11-20T08:00:00.123Z","te":0.004,"m":{"pm25":42.3,"pm10":51.0}}'
    )
    validate("obs", text)


@pytest.mark.parametrize("number", sorted(CHANNELS))
def test_every_decimal_of_every_channel_is_printed_as_it_was_meant(number):
    name, _, decimals = CHANNELS[number]
    channels = channels_of(Schema("s", AIR, (number,)))
    for value in (0, 1, -1, 7, 423, 9999, -4321, 123457, (1 << 31) - 1):
        text = row_json(NODE, Record(ROWS, ROUTINE, 0, 1, 1, 0, (value,)), channels, WHEN)
        sign, digits = "-" if value < 0 else "", str(abs(value)).rjust(decimals + 1, "0")
        whole, part = digits[: len(digits) - decimals], digits[len(digits) - decimals :].rstrip("0")
        wanted = f"{sign}{whole}" + (f".{part or '0'}" if decimals else "")
        wanted = "0.0" if value == 0 and decimals else wanted
        assert f'"m":{{"{name}":{wanted}}}' in text
        validate("obs", text)


def test_a_value_that_could_not_be_measured_is_null_and_says_why():
    quality = (QUALITY_IDS["no-echo"], QUALITY_IDS["saturated"])
    data = validate("obs", row_json(NODE, air_row(1, (None, 9999), quality=quality), AIR_CHANNELS, WHEN))
    assert data["m"] == {"pm25": None, "pm10": 999.9}
    assert data["q"] == {"pm25": [9, "no-echo"], "pm10": [3, "saturated"]}


def test_a_null_without_a_reason_is_missing_and_a_good_value_is_not_mentioned():
    data = validate("obs", row_json(NODE, air_row(1, (None, 1)), AIR_CHANNELS, WHEN))
    assert data["q"] == {"pm25": [9, "missing"]}


@pytest.mark.parametrize("number", [*range(1, len(QUALITY)), 200])
def test_every_quality_word_and_an_unknown_one_fit_the_schema(number):
    validate("obs", row_json(NODE, air_row(1, quality=(number, 0)), AIR_CHANNELS, WHEN))


def test_an_unknown_time_is_null_in_both_places_and_says_so():
    data = validate("obs", row_json(NODE, air_row(1), AIR_CHANNELS, UNKNOWN_WHEN))
    assert (data["t"], data["te"], data["tq"]) == (None, None, "unknown")


def test_tq_is_said_only_where_the_time_is_not_synced():
    held = validate("obs", row_json(NODE, air_row(1), AIR_CHANNELS, WHEN._replace(tq="holdover")))
    assert held["tq"] == "holdover"
    assert "tq" not in json.loads(row_json(NODE, air_row(1), AIR_CHANNELS, WHEN))


def test_a_stamp_is_utc_by_the_system_clock_and_its_error_is_rounded_up():
    found = stamp(Bound(5_000_000, 1200, "synced"), 1_700_000_000_000.0, 0.05)
    assert found == ("2023-11-14T22:13:25.000Z", 0.052, "synced")
    assert stamp(None, 0.0, 0.05) == UNKNOWN_WHEN
    assert stamp(Bound(10**33, 1000, "synced"), 0.0, 0.05) == UNKNOWN_WHEN


def test_history_is_an_array_of_rows_as_they_would_stand_alone():
    rows = [row_json(NODE, air_row(sequence), AIR_CHANNELS, WHEN) for sequence in range(100)]
    data = validate("hist", hist_json(rows))
    assert data == [json.loads(row) for row in rows]
    assert not is_valid("hist", [*data, data[0]])
    assert not is_valid("hist", [{}])


def test_a_flood_event_carries_the_level_that_crossed():
    record = Record(EVENT, URGENT, FLOOD_SCHEMA.hash, 3, 9, 0, (EVENT_IDS["level-2"], -1234, 100))
    data = validate("event", event_json(NODE, record, FLOOD_SCHEMA, WHEN))
    assert (data["event"], data["m"], data["id"]) == ("level-2", {"level": -1.234}, "a4cf12000001-3-9")


def test_a_parking_event_says_how_sure_its_moment_is():
    schema = Schema("bay-1", PARKING, (CHANNEL_IDS["occupied"],))
    record = Record(EVENT, ROUTINE, schema.hash, 3, 9, 0, (EVENT_IDS["occupied"], 1, 87))
    data = validate("event", event_json(NODE, record, schema, UNKNOWN_WHEN))
    assert (data["event"], data["confidence_pct"]) == ("occupied", 87)
    assert "m" not in data


def test_an_event_of_a_newer_node_is_told_by_its_number():
    record = Record(EVENT, ROUTINE, 0, 3, 9, 0, (99, 0, 50))
    assert validate("event", event_json(NODE, record, FLOOD_SCHEMA, WHEN))["event"] == "event-99"


@pytest.mark.parametrize("reason, word", [(1, "overflow"), (77, "reason-77")])
def test_gone_names_the_records_that_are_no_more(reason, word):
    record = Record(GONE, ROUTINE, 0, 3, 9, 0, (reason, 2, 100, 250))
    data = validate("event", event_json(NODE, record, FLOOD_SCHEMA, WHEN))
    assert data["gone"] == {"reason": word, "boot": 2, "first": 100, "last": 250}


def test_what_this_version_cannot_say_is_not_guessed():
    with pytest.raises(Undecodable):
        channels_of(Schema("s", AIR, (250,)))
    with pytest.raises(Undecodable):
        event_json(NODE, Record(2, ROUTINE, 0, 1, 1, 0, (1, 2)), FLOOD_SCHEMA, WHEN)
    with pytest.raises(Undecodable):
        event_json(NODE, Record(EVENT, ROUTINE, 0, 1, 1, 0, ()), FLOOD_SCHEMA, WHEN)


def test_meta_gives_unit_and_decimals_of_every_channel():
    data = validate("meta", meta_json(AIR_SCHEMA))
    assert data["channels"] == {"pm25": {"unit": "ug/m3", "decimals": 1}, "pm10": {"unit": "ug/m3", "decimals": 1}}


def test_status_carries_its_session():
    assert validate("status", status_json("lost", 7)) == {"v": 1, "state": "lost", "session": 7}


@pytest.mark.parametrize(
    "spoiled", [{"te": None}, {"v": 2}, {"id": "x"}, {"m": {"pm25": "4"}}, {"q": {}}, {"extra": 1}]
)
def test_the_schema_of_a_row_refuses_what_no_row_may_be(spoiled):
    data = json.loads(row_json(NODE, air_row(1), AIR_CHANNELS, WHEN))
    assert is_valid("obs", data)
    assert not is_valid("obs", data | spoiled)


def test_topics_have_seven_levels_and_know_their_schema():
    place = Place("city", "hcmc", "demo")
    assert place.topic("nha-be", "obs", "air") == "city/v1/hcmc/demo/nha-be/obs/air"
    assert place.own("status") == "city/v1/hcmc/demo/_/status/gateway"
    assert schema_name(place.topic("nha-be", "health", "node")) == "obs"
    assert schema_name(place.own("health")) == "health-gateway"
    with pytest.raises(ValueError, match="no topic"):
        schema_name("city/v1/x")
