"""What a consumer makes of messages, how it is shown, and how a run is judged."""

import json
from datetime import UTC, datetime

import pytest
from milepost_tools.demo.received import Received, age_s
from milepost_tools.demo.table import render
from milepost_tools.demo.verdict import Verdict, balances
from rich.console import Console

NODE = "a4cf12000001"
PLACE = "city/v1/hcmc/demo"
NOW = datetime(2026, 11, 20, 8, 0, 2, tzinfo=UTC)
ROW = {"v": 1, "id": f"{NODE}-1-0", "t": "2026-11-20T08:00:00.123Z", "te": 0.054, "m": {"pm25": 42.3, "pm10": 50.1}}
BOOK = {"accepted": 5, "delivered": 5, "pending": 0, "discarded": {}, "quarantined": 0}
LEDGER = {"law": "holds", "nodes": {NODE: BOOK}, "gateway": BOOK}


def received(*messages, retained=False):
    found = Received()
    for topic, payload in messages:
        found.take(f"{PLACE}/{topic}", json.dumps(payload).encode(), retained, 1.0)
    return found


def shown(found):
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123 - a sink
    console.print(render(found, NOW, "title"))
    return console.export_text()


def row(sequence, **changes):
    return {**ROW, "id": f"{NODE}-1-{sequence}", **changes}


def test_rows_live_and_late_are_counted_once_each():
    found = received(("nha-be/obs/air", row(0)), ("nha-be/hist/air", [row(1), row(2)]), ("nha-be/obs/air", row(2)))
    assert (found.count.unique, found.count.duplicates, found.count.missing) == (3, 1, 0)
    assert [len(rows) for rows in found.boots_of("nha-be")] == [3]


def test_every_kind_that_carries_records_is_counted():
    gone = {"v": 1, "id": f"{NODE}-1-3", "t": None, "te": None, "event": "gone"}
    gone["gone"] = {"reason": "overflow", "boot": 1, "first": 1, "last": 2}
    found = received(("nha-be/obs/air", row(0)), ("nha-be/event/air", gone), ("nha-be/health/node", row(4)))
    assert (found.count.unique, found.count.missing) == (3, 0)


def test_retained_copies_of_an_earlier_run_are_not_counted():
    assert received(("nha-be/health/node", row(0)), retained=True).count.unique == 0


def test_the_gateways_own_messages_are_no_records():
    found = received(("_/status/gateway", {"state": "ready", "session": 1}), ("_/health/gateway", LEDGER))
    assert (found.count.unique, found.status, found.ledger["law"]) == (0, "ready", "holds")


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("x", b"{}"),
        (f"{PLACE}/a/obs/air", b"{"),
        (f"{PLACE}/a/obs/air", b'{"id":"x","m":{}}'),
        (f"{PLACE}/a/obs/air", b"[1]"),
    ],
)
def test_a_senseless_message_is_counted_and_harmless(topic, payload):
    found = Received()
    found.take(topic, payload, False, 1.0)
    assert (found.senseless, found.count.unique) == (1, 0)


def test_the_latest_row_is_the_highest_sequence_not_the_last_to_come():
    found = received(("nha-be/obs/air", row(7)), ("nha-be/hist/air", [row(3)]))
    assert found.latest["nha-be", "air"].payload["id"].endswith("-7")


def test_the_picture_shows_values_units_time_error_quality_and_age():
    missing = {"v": 1, "id": f"{NODE}-1-1", "t": None, "te": None, "tq": "unknown", "m": {"level": None}}
    found = received(
        ("nha-be/obs/air", ROW),
        ("gauge/obs/flood", {**missing, "q": {"level": [9, "no-echo"]}}),
        ("_/health/gateway", LEDGER),
    )
    text = shown(found)
    for part in ("nha-be", "pm25 42.3 µg/m³", "08:00:00.123", "0.054", "good", "1.9 s", "no-echo", "unknown", "holds"):
        assert part in text


def test_a_picture_of_nothing_says_that_it_waits():
    assert "waiting for the first reading" in shown(Received())


def test_age_is_unknown_without_a_time():
    assert age_s({"t": None}, NOW) is None
    assert age_s(ROW, NOW) == pytest.approx(1.877)


def verdict(**changes):
    whole = {"nodes": 1, "ledger": LEDGER, "unique": 5, "duplicates": 0, "missing": 0, "equal": 4, "compared": 4}
    return Verdict(**{**whole, **changes})


def test_a_good_run_has_no_fault_and_the_promised_object():
    assert verdict().fault() is None
    assert verdict().as_json() == {
        "nodes": 1, **BOOK, "unique": 5, "duplicates": 0, "missing": 0, "law": "holds"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ledger": {**LEDGER, "law": "broken"}}, "E-LAW-01"),
        ({"ledger": {**LEDGER, "nodes": {NODE: {**BOOK, "delivered": 4}}}}, "E-LAW-01"),
        ({"missing": 1}, "E-LAW-02"),
        ({"unique": 4}, "E-LAW-02"),
        ({"unique": 6}, "E-LAW-02"),
        ({"equal": 3}, "E-LAW-03"),
        ({"unique": 0}, "E-LAW-04"),
        ({"silent": ("nha-be",)}, "E-LAW-04"),
    ],
)
def test_each_way_to_fail_has_its_code_and_status_1(changes, code):
    fault = verdict(**changes).fault()
    assert fault is not None
    assert (fault.code, fault.status) == (code, 1)


def test_duplicates_are_legal():
    assert verdict(duplicates=3).fault() is None


def test_a_ledger_must_add_up_and_be_whole():
    assert balances({**BOOK, "accepted": 6, "discarded": {"expired": 1}})
    assert not balances({**BOOK, "accepted": 6})
    assert not balances({})
