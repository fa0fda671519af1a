"""Custody end to end, with a real broker and real MicroPython: each record arrives once by its name, whatever is killed."""

import asyncio
import sqlite3

import pytest
from milepost_tools.demo.nodes import air, expectation, flood, parking
from milepost_tools.hil.oracle import differences, losses

QUICK_S = 0.2  # a row five times a second, so that a test has much to lose
OUTAGE_S = 10.0
RECONNECT_S_MAX = 70.0  # the gateway pauses up to a minute between two tries, drawn at random


def city(seed):
    return [air(period_s=QUICK_S), flood(), parking(seed, period_s=QUICK_S)]


async def test_every_reading_arrives_once_by_its_name_and_equal_to_its_trace(site):
    await site.start(*city(site.seed))
    for name in site.nodes:
        await site.until_rows(name, 5)
    assert losses(site.received, await site.settle()) == []
    assert site.received.count.duplicates == 0
    assert differences(site.received, "nha-be", expectation("air")) == []
    assert differences(site.received, "tide-gauge", expectation("flood")) == []


async def test_a_gateway_killed_in_the_middle_loses_nothing_that_it_accepted(site):
    await site.start(*city(site.seed))
    for _ in range(3):
        await site.until_rows("air", 7)
        await site.gateway.child.kill()
        assert (await site.gateway.status())["law"] == "holds"
        await site.gateway.start()
    for name in site.nodes:
        await site.until_rows(name, 3)
    assert losses(site.received, await site.settle()) == []
    assert differences(site.received, "nha-be", expectation("air")) == []


async def test_a_broker_that_stops_for_ten_seconds_costs_nothing(site):
    await site.start(*city(site.seed))
    await site.broker.stop()
    await asyncio.sleep(OUTAGE_S)  # the outage itself
    ledger = await site.gateway.status()
    assert ledger["gateway"]["pending"] >= 50, "the buffer did not fill"
    await site.restart_broker()
    for name in site.nodes:
        await site.until_rows(name, 3, RECONNECT_S_MAX)
    assert losses(site.received, await site.settle()) == []
    assert differences(site.received, "nha-be", expectation("air")) == []


async def test_a_node_killed_and_started_takes_a_new_boot_and_no_name_twice(site):
    await site.start(air(period_s=QUICK_S))
    node = site.nodes["air"]
    for _ in range(2):
        await site.until_rows("air", 7)
        await node.child.kill()
        await site.start_node("air")
    await site.until_rows("air", 7)
    assert losses(site.received, await site.settle()) == []
    assert site.received.count.duplicates == 0
    boots = site.received.count.boots(node.plan.node)
    assert boots == [boots[0], boots[0] + 1, boots[0] + 2]


async def test_a_drain_is_over_only_when_what_waits_for_its_commit_is_delivered_too(site):
    site.gateway.commit_s = 1.0  # so long no look into the file can see what has arrived
    await site.start(air(period_s=3), change=("probe_s = 2.0", "probe_s = 60.0"))  # nothing on the line but rows
    up = site.nodes["air"].line.up
    while (await site.gateway.status())["gateway"]["pending"]:
        assert site.gateway.child.status is None
    crossed = up.carried + 30
    await site.until("one more row has crossed the line", lambda: up.carried >= crossed)
    await site.nodes["air"].child.kill()
    assert (await site.gateway.status())["gateway"]["pending"] == 0, "this test needs a row that waits for its commit"
    await site.gateway.drain(limit_s=20)
    drained = await site.gateway.status()
    await site.gateway.child.stop()
    assert (await site.gateway.status())["gateway"] == drained["gateway"]
    assert drained["gateway"]["pending"] == 0


def steal_a_block(gateway):
    with sqlite3.connect(gateway.buffer, timeout=10) as file:
        assert file.execute("DELETE FROM block WHERE id = (SELECT min(id) FROM block)").rowcount == 1


async def test_a_record_stolen_from_a_stopped_gateway_breaks_the_law(site):
    await site.start(air(period_s=QUICK_S))
    await site.broker.stop()
    await site.until_pending(5)
    await site.gateway.child.stop()
    status, ledger = await site.gateway.status_and_exit()
    assert (status, ledger["law"]) == (0, "holds")
    steal_a_block(site.gateway)
    status, ledger = await site.gateway.status_and_exit()
    assert (status, ledger["law"]) == (1, "broken")
    assert losses(site.received, ledger) != []


async def test_a_record_stolen_from_a_running_gateway_is_an_alarm_and_its_exit_status(site):
    await site.start(air(period_s=QUICK_S))
    await site.broker.stop()
    await site.until_pending(5)
    steal_a_block(site.gateway)
    await site.restart_broker()
    await site.until("health says that the law is broken", lambda: site.received.ledger.get("law") == "broken")
    assert await site.gateway.child.stop() == 1
    assert "E-LAW-01" in site.gateway.child.log.read_text()


async def test_what_the_subscriber_did_not_get_is_a_loss_for_the_oracle(site):
    await site.start(air(period_s=QUICK_S))
    await site.until_rows("air", 5)
    ledger = await site.settle()
    assert losses(site.received, ledger) == []
    thief = site.received.__class__()
    stolen = [message for message in site.messages if "/obs/" in message[0]][2]
    for topic, payload in site.messages:
        if (topic, payload) != stolen:
            thief.take(topic, payload, False, 0.0)
    assert len(losses(thief, ledger)) == 2  # one fewer than delivered, and a hole by name


@pytest.mark.parametrize("name", ["air", "flood"])
def test_no_rows_at_all_never_pass_for_equal_rows(name, site):
    assert differences(site.received, "nowhere", expectation(name)) == ["no rows of nowhere"]
