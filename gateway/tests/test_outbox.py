"""The outbox: what leaves, on which topic, in which order, and what each message will release."""

import json
import random

import pytest
from milepost_gateway.group import GroupCommit
from milepost_gateway.host import boottime_ms
from milepost_gateway.nodes import Nodes
from milepost_gateway.outbox import HIST_ROWS_MAX, HOLD_MS_MAX, Outbox
from milepost_gateway.stored import Arrival, read_front
from milepost_gateway.testing import AIR_SCHEMA, KEY, NODE, air_row
from milepost_gateway.topics import Place
from milepost_protocol import blocks
from milepost_protocol.channels import AIR, CHANNEL_IDS
from milepost_protocol.channels import NODE as NODE_STREAM
from milepost_protocol.records import DIAGNOSTIC, EVENT, ROUTINE, URGENT, Record, pack
from milepost_protocol.schema import Schema

HOUR = 3_600_000
NODE_SCHEMA = Schema("nha-be", NODE_STREAM, (CHANNEL_IDS["uptime"],))


class Bench:
    """A buffer, nodes and an outbox; the node's uptime 0 was `age` ms ago, if its clock is known."""

    def __init__(self, buffer):
        self.nodes = Nodes({NODE: KEY})
        self.group = GroupCommit(buffer, 0.01)
        self.outbox = Outbox(self.group, self.nodes, Place("city", "hcmc", "demo"), 120, 0.05)
        self.started = boottime_ms() - 2 * HOUR

    def know_clock(self, boot=1):
        now = boottime_ms()
        self.nodes.measure(NODE, boot, now, now - self.started, now - self.started, now)

    def uptime(self, age_ms):
        return boottime_ms() - self.started - age_ms

    async def store(self, records, arrived_age_ms=0):
        kind, body = pack(records)
        arrived = boottime_ms() - arrived_age_ms
        self.group.append([Arrival(NODE, kind, body, arrived, arrived, read_front(kind, body))], lambda: None)
        await self.group.commit()

    async def announce(self, *schemas):
        for schema in schemas:
            self.group.append([Arrival(NODE, blocks.SCHEMA, schema.body, 0, 0, None)], lambda: None)
        await self.group.commit()

    async def all(self, with_history=True):
        await self.outbox.fill()
        found = []
        while message := self.outbox.take(with_history):
            found.append(message)
            await self.outbox.fill()
        return found


@pytest.fixture
async def bench(open_buffer):
    made = Bench(open_buffer())
    await made.announce(AIR_SCHEMA, NODE_SCHEMA)
    made.know_clock()
    return made


async def test_a_young_row_goes_out_alone_on_obs(bench):
    await bench.store([air_row(0, uptime_ms=bench.uptime(3000)), air_row(1, uptime_ms=bench.uptime(2000))])
    first, second = await bench.all()
    assert first.topic == "city/v1/hcmc/demo/nha-be/obs/air"
    assert not first.retain
    assert [json.loads(message.payload)["id"][-1] for message in (first, second)] == ["0", "1"]
    assert [message.parts[0].mask for message in (first, second)] == [1, 2]


async def test_old_rows_go_out_in_arrays_of_a_hundred_at_most_oldest_first(bench):
    for first in range(0, 250, 50):
        old = bench.uptime(HOUR) + first * 1000
        await bench.store([air_row(first + i, uptime_ms=old + i * 1000) for i in range(50)])
    messages = await bench.all()
    assert {message.topic for message in messages} == {"city/v1/hcmc/demo/nha-be/hist/air"}
    sizes = [len(json.loads(message.payload)) for message in messages]
    ids = [row["id"] for message in messages for row in json.loads(message.payload)]
    assert sizes == [HIST_ROWS_MAX, HIST_ROWS_MAX, 50]
    assert ids == [f"a4cf12000001-1-{sequence}" for sequence in range(250)]
    released = [bit for message in messages for part in message.parts for bit in (part.mask.bit_count(),)]
    assert sum(released) == 250


async def test_a_batch_that_is_half_old_is_split_by_the_age_of_each_row(bench):
    await bench.store(
        [
            air_row(0, uptime_ms=bench.uptime(200_000)),
            air_row(1, uptime_ms=bench.uptime(199_000)),
            air_row(2, uptime_ms=bench.uptime(1000)),
        ]
    )
    kinds = {message.topic.split("/")[5]: message for message in await bench.all()}
    assert json.loads(kinds["obs"].payload)["id"] == "a4cf12000001-1-2"
    assert len(json.loads(kinds["hist"].payload)) == 2


async def test_rows_of_a_slow_schedule_are_late_only_after_two_periods(bench):
    await bench.store([air_row(i, uptime_ms=bench.uptime(300_000 - i * 300_000)) for i in range(2)])
    assert [message.topic.split("/")[5] for message in await bench.all()] == ["obs"] * 2


async def test_history_waits_while_it_is_not_its_turn(bench):
    await bench.store([air_row(0, uptime_ms=bench.uptime(HOUR))])
    await bench.store([air_row(1, uptime_ms=bench.uptime(1000))])
    assert [message.lane for message in await bench.all(with_history=False)] == ["live"]
    assert [message.lane for message in await bench.all()] == ["history"]


async def test_what_becomes_urgent_overtakes_what_is_ready(bench):
    for sequence in range(40):
        await bench.store([air_row(sequence, uptime_ms=bench.uptime(1000))])
    await bench.outbox.fill()
    await bench.store([air_row(40, uptime_ms=bench.uptime(10), cls=URGENT)])
    await bench.outbox.fill()
    assert json.loads(bench.outbox.take(True).payload)["id"].endswith("-40")


async def test_node_health_is_retained_when_young_and_history_when_old(bench):
    def health(sequence, age):
        return Record(0, DIAGNOSTIC, NODE_SCHEMA.hash, 1, sequence, bench.uptime(age), (77,))

    await bench.store([health(0, HOUR)])
    await bench.store([health(1, 1000)])
    live, late = await bench.all()
    assert (live.topic.split("/")[5:], live.retain) == (["health", "node"], True)
    assert (late.topic.split("/")[5:], late.retain) == (["hist", "node"], False)
    assert bench.outbox.retained == {live.topic: live.payload}


async def test_without_its_schema_a_block_is_quarantined_and_the_law_holds(bench):
    stranger = Schema("elsewhere", AIR, (1,))
    await bench.store([air_row(0, (5,), bench.uptime(1000), schema=stranger)])
    assert await bench.all() == []
    ledger = bench.group.buffer.ledger()
    assert (ledger.total().quarantined, ledger.holds()) == (1, True)
    await bench.announce(stranger)
    assert [message.topic for message in await bench.all()] == ["city/v1/hcmc/demo/elsewhere/obs/air"]


async def test_columns_that_make_no_sense_are_quarantined_by_the_fronts_count(bench):
    kind, body = pack([air_row(0, uptime_ms=bench.uptime(9)), air_row(1, uptime_ms=bench.uptime(8))])
    spoiled = body + b"\x05"
    now = boottime_ms()
    bench.group.append([Arrival(NODE, kind, spoiled, now, now, read_front(kind, spoiled))], lambda: None)
    await bench.group.commit()
    assert await bench.all() == []
    assert bench.group.buffer.ledger().total().quarantined == 2


async def test_fresh_rows_wait_a_moment_for_their_nodes_clock_and_urgent_ones_do_not(bench):
    await bench.store([air_row(0, boot=2, uptime_ms=bench.uptime(1000))])
    await bench.store([air_row(1, boot=2, uptime_ms=bench.uptime(900), cls=URGENT)])
    (urgent,) = await bench.all()
    assert json.loads(urgent.payload)["tq"] == "unknown"
    assert bench.outbox.is_holding
    bench.know_clock(boot=2)
    (row,) = await bench.all()
    assert json.loads(row.payload)["t"] is not None


async def test_a_clock_that_never_comes_does_not_hold_a_row_for_ever(bench):
    await bench.store([air_row(0, boot=3, uptime_ms=1000, cls=ROUTINE)], arrived_age_ms=HOLD_MS_MAX + 1)
    (row,) = await bench.all()
    assert json.loads(row.payload)["tq"] == "unknown"


async def test_rows_from_before_the_kernel_booted_are_stamped_if_their_node_still_runs(open_buffer):
    before = Bench(open_buffer(kernel="the boot before"))
    await before.announce(AIR_SCHEMA)
    await before.store([air_row(0, boot=1, uptime_ms=before.uptime(5000))])
    await before.store([air_row(0, boot=2, uptime_ms=1000)])
    after = Bench(open_buffer())
    after.know_clock(boot=1)
    rows = [json.loads(message.payload) for message in await after.all()]
    found = {row["id"]: row["te"] for group in rows for row in (group if isinstance(group, list) else [group])}
    assert found["a4cf12000001-1-0"] is not None
    assert found["a4cf12000001-2-0"] is None


@pytest.mark.parametrize("seed", range(10))
async def test_spoiled_blocks_are_published_or_quarantined_and_never_stop_the_rest(bench, seed):
    dice = random.Random(seed)
    event = Record(EVENT, ROUTINE, AIR_SCHEMA.hash, 1, 900, bench.uptime(10), (1, 0, 50))
    rows = [air_row(i, uptime_ms=bench.uptime(900) + i, quality=(i % 5, 0)) for i in range(6)]
    now, arrivals = boottime_ms(), []
    for _ in range(400):
        kind, body = pack(dice.choice([rows, rows[:1], [event]]))
        spoiled = bytearray(body)
        for _ in range(dice.randrange(1, 4)):
            spoiled[dice.randrange(len(spoiled))] = dice.randrange(256)
        spoiled = bytes(spoiled[: dice.randrange(len(spoiled)) or None] if dice.random() < 0.2 else spoiled)
        arrivals.append(Arrival(NODE, kind, spoiled, now, now - HOUR, read_front(kind, spoiled)))
    bench.group.append(arrivals, lambda: None)
    await bench.group.commit()
    carried = 0
    for message in await bench.all():
        carried += sum(part.mask.bit_count() for part in message.parts)
        json.loads(message.payload)
        bench.group.release(message.parts)
    await bench.group.commit()
    total = bench.group.buffer.ledger().total()
    assert bench.group.buffer.ledger().holds(), f"seed {seed}"
    assert total.delivered == carried, f"seed {seed}"
    assert total.quarantined > 0, f"seed {seed}"
