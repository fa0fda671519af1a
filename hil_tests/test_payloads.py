"""What consumers are promised: every kind of message follows its shipped schema, and faults arrive as words."""

import dataclasses
import json

import pytest
from milepost_tools.demo.nodes import COLUMNS, ZERO_MM, air, expectation, flood, parking
from milepost_tools.hil.oracle import differences, losses
from milepost_tools.hil.payloads import invalid

QUICK_S = 0.2
LATE_S = 1.0  # what is older goes to history
TIDE = ["1.2344", "", "-0.0335", "-0.6", "-0.6006", "-3", str(ZERO_MM / 1000), "3.8695", "3.8685", "2.5"]


def with_faults(plan, *faults):
    bus = next(iter(plan.simulate))
    return dataclasses.replace(plan, simulate={bus: {**plan.simulate[bus], "faults": list(faults)}})


def kinds(site):
    return {tuple(topic.split("/")[5:]) for topic, _ in site.messages}


def payloads(site, kind):
    return [json.loads(payload) for topic, payload in site.messages if topic.split("/")[5] == kind]


def words(site, name):
    return {word for rows in site.received.boots_of(name) for _, noted in rows for word in noted.values()}


async def test_every_kind_of_message_is_received_and_follows_its_schema(site):
    crowded = dataclasses.replace(air(period_s=QUICK_S), extra={"spool_records_max": 16})
    tide = dataclasses.replace(flood(), extra={"health_period_s": 1})
    high = {**tide.schedule, "thresholds": [{"level_m": 0.15}, {"level_m": 1.0}]}
    plans = [crowded, dataclasses.replace(tide, schedule=high), parking(site.seed, period_s=QUICK_S)]
    await site.start(*plans, change=("late_s = 120.0", f"late_s = {LATE_S}"))
    site.nodes["air"].line.unplug()  # its spool overflows: some rows are gone, and said to be
    await site.broker.stop()  # what waits here is late when it goes out
    await site.until_pending(60)
    await site.broker.start()
    site.nodes["air"].line.plug()
    await site.until("a gone arrives", lambda: any("gone" in event for event in payloads(site, "event")))
    await site.until("a vehicle comes or goes", lambda: ("event", "parking") in kinds(site))
    await site.until("the water passes a threshold", lambda: ("event", "flood") in kinds(site))
    assert losses(site.received, await site.settle()) == []
    assert kinds(site) >= {
        ("obs", "air"), ("obs", "flood"), ("obs", "parking"), ("hist", "parking"), ("meta", "air"), ("meta", "flood"),
        ("meta", "parking"), ("health", "node"), ("health", "gateway"), ("status", "gateway"),
    }  # fmt: skip
    assert invalid(site.messages) == []
    assert site.received.count.unique >= 60


async def test_a_ranger_beyond_its_reach_arrives_as_its_words(site, tmp_path):
    trace = tmp_path / "tide.csv"
    rows = [f"hour,{COLUMNS['flood']['level']}"] + [f"{hour},{level}" for hour, level in enumerate(TIDE)]
    trace.write_text("\n".join(rows) + "\n")
    await site.start(flood(csv=trace, first=0, end=len(TIDE)))
    await site.until_rows("flood", len(TIDE))
    assert losses(site.received, await site.settle()) == []
    assert differences(site.received, "tide-gauge", expectation("flood", trace)) == []
    assert words(site, "tide-gauge") == {"no-echo", "too-near", "missing"}


async def test_a_sensor_that_garbles_its_frames_arrives_as_words_and_not_as_values(site):
    faults = [{"kind": "checksum", "every": 5}, {"kind": "silence", "every": 7}]
    await site.start(with_faults(air(period_s=1.0), *faults))
    await site.until_rows("air", 8)
    assert losses(site.received, await site.settle()) == []
    assert words(site, "nha-be") == {"checksum", "missing"}


@pytest.mark.parametrize(
    "payload", [b'{"v":1}', b'{"v":2,"id":"a4cf12000001-1-0","t":null,"te":null,"m":{}}', b"[]", b'"text"']
)
def test_a_message_that_breaks_the_schema_is_found(payload):
    assert invalid([("city/v1/hcmc/demo/nha-be/obs/air", payload)])
