"""The publisher against a real mosquitto: released on PUBACK only, in order, again after every loss of the broker."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiomqtt import ProtocolVersion
from amqtt.broker import Broker
from milepost_gateway.config import BrokerSettings
from milepost_gateway.errors import MilepostError
from milepost_gateway.group import GroupCommit
from milepost_gateway.host import boottime_ms
from milepost_gateway.nodes import Nodes
from milepost_gateway.outbox import Outbox
from milepost_gateway.publisher import Publisher, _Client
from milepost_gateway.stored import Arrival, read_front
from milepost_gateway.testing import AIR_SCHEMA, KEY, NODE, Mosquitto, Subscriber, air_row
from milepost_gateway.topics import Place
from milepost_protocol import blocks
from milepost_protocol.records import URGENT, pack
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

PLACE = Place("city", "hcmc", "demo")


class Bench:
    """A publisher with all behind it, publishing at `port`."""

    def __init__(self, buffer, port, window=20):
        self.nodes = Nodes({NODE: KEY})
        self.group = GroupCommit(buffer, 0.01)
        self.outbox = Outbox(self.group, self.nodes, PLACE, 120, 0.05)
        settings = BrokerSettings(url=f"mqtt://127.0.0.1:{port}", window=window)
        parts = (PLACE, self.group, self.nodes, self.outbox)
        self.publisher = Publisher(settings, ("127.0.0.1", port), None, *parts, self.health, 60.0)
        self.nodes.learn(AIR_SCHEMA)
        self.now = boottime_ms()
        self.nodes.measure(NODE, 1, self.now, 10_000_000, 10_000_000, self.now)
        self.sequence = 0

    async def health(self):
        return {"law": "holds"}

    async def store(self, rows, age_ms=0, at_once=False):
        """Append this many rows, ten a block."""
        arrivals = [Arrival(NODE, blocks.SCHEMA, AIR_SCHEMA.body, 0, 0, None)]
        for first in range(0, rows, 10):
            count = min(10, rows - first)
            uptime = 10_000_000 - age_ms
            cls = {"cls": URGENT} if at_once else {}
            kind, body = pack([air_row(self.sequence + i, uptime_ms=uptime + i, **cls) for i in range(count)])
            taken = self.now - age_ms
            arrivals.append(Arrival(NODE, kind, body, self.now, taken, read_front(kind, body)))
            self.sequence += count
        self.group.append(arrivals, lambda: None, at_once)
        await self.group.commit()

    @asynccontextmanager
    async def running(self, is_attended=False):
        tasks = [asyncio.create_task(self.publisher.run(is_attended)), asyncio.create_task(self.group.run())]
        try:
            yield self
            self.publisher.stopping.set()
            await asyncio.wait_for(tasks[0], 5)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def delivered(self, count, within_s=10):
        await until(lambda: self.group.buffer.ledger().total().delivered >= count, within_s)


def sequences(heard):
    """The sequences of rows in the order they were heard."""
    found = []
    for message in heard:
        data = json.loads(message.payload)
        found += [int(row["id"].rsplit("-", 1)[1]) for row in (data if isinstance(data, list) else [data])]
    return found


async def until(condition, within_s=10):
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.02)


async def test_every_row_is_heard_once_in_order_and_released(open_buffer, mosquitto):
    bench = Bench(open_buffer(), mosquitto.port)
    with Subscriber(mosquitto.port) as city:
        async with bench.running():
            await bench.store(300)
            await bench.delivered(300)
        await until(lambda: len(city.of("obs")) >= 300)
    assert sequences(city.of("obs")) == list(range(300))
    assert bench.group.buffer.oldest(9, bench.now) == []
    assert bench.group.buffer.ledger().holds()


async def test_a_connection_begins_with_meta_then_ready_and_ends_with_stopped(open_buffer, mosquitto):
    bench = Bench(open_buffer(), mosquitto.port)
    with Subscriber(mosquitto.port) as city:
        async with bench.running():
            await bench.store(1)
            await bench.delivered(1)
        await until(lambda: len(city.of("status")) >= 2)
    kinds = [message.topic.split("/")[5] for message in city.heard]
    assert kinds.index("meta") < kinds.index("status") < kinds.index("obs")
    states = [json.loads(message.payload) for message in city.of("status")]
    assert [state["state"] for state in states] == ["ready", "stopped"]
    with Subscriber(mosquitto.port) as later:
        await until(lambda: later.of("status") and later.of("meta") and later.of("health"))
        assert all(message.retained for message in later.heard)


async def test_the_broker_says_lost_when_the_gateway_vanishes(open_buffer, mosquitto):
    bench = Bench(open_buffer(), mosquitto.port)
    with Subscriber(mosquitto.port) as city:
        task = asyncio.create_task(bench.publisher.run())
        await until(lambda: len(city.of("status")) == 1)
        for transport in asyncio.all_tasks():
            if transport.get_name() == "broker-listen":
                client = transport.get_coro().cr_frame.f_locals["client"]
        client._client._sock.shutdown(2)
        await until(lambda: len(city.of("status")) >= 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    states = [json.loads(message.payload) for message in city.of("status")][:3]
    assert [(state["state"], state["session"]) for state in states] == [("ready", 1), ("lost", 1), ("ready", 2)]


async def test_what_was_not_pubacked_when_the_broker_died_comes_again_with_the_same_ids(
    open_buffer, tmp_path, mosquitto
):
    bench = Bench(open_buffer(), mosquitto.port)
    heard = []
    async with bench.running():
        with Subscriber(mosquitto.port) as city:
            await bench.store(200)
            await until(lambda: len(city.of("obs")) >= 50)
            mosquitto.stop()
            heard += city.of("obs")
        await bench.store(200)
        await asyncio.sleep(0.3)
        mosquitto.start()
        with Subscriber(mosquitto.port) as city:
            await bench.delivered(400, 20)
            await asyncio.sleep(0.2)
            heard += city.of("obs")
    # The gateway may be back before the second subscriber is: what it then said once is known to the ledger alone.
    ledger = bench.group.buffer.ledger()
    assert (ledger.total().delivered, ledger.total().pending) == (400, 0)
    assert ledger.holds()
    assert bench.publisher.counters["connected"] == 2
    repeated = len(sequences(heard)) - len(set(sequences(heard)))
    assert repeated <= bench.publisher.settings.window


async def test_history_is_sent_in_arrays_and_does_not_hold_up_what_is_live(open_buffer, mosquitto):
    bench = Bench(open_buffer(), mosquitto.port)
    await bench.store(5000, age_ms=3_600_000)
    with Subscriber(mosquitto.port) as city:
        async with bench.running():
            await until(lambda: city.of("hist"))
            await bench.store(1, at_once=True)
            await until(lambda: city.of("obs"))
            waited = len(city.of("hist"))
            await bench.delivered(5001, 30)
        await until(lambda: len(sequences(city.of("hist"))) >= 5000)
    assert waited < 25
    assert sequences(city.of("hist")) == list(range(5000))
    assert max(len(json.loads(message.payload)) for message in city.of("hist")) == 100


async def test_a_message_that_the_broker_refuses_stays_pending(open_buffer, tmp_path, need_mosquitto):
    acl = tmp_path / "acl"
    acl.write_text("topic read #\ntopic write city/v1/hcmc/demo/_/#\ntopic write city/v1/hcmc/demo/+/meta/#\n")
    acl.chmod(0o600)
    with Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {acl}\nuser root\n") as broker:
        bench = Bench(open_buffer(), broker.port)
        async with bench.running():
            await bench.store(5)
            await until(lambda: bench.publisher.counters["connected"] >= 2)
    total = bench.group.buffer.ledger().total()
    assert (total.delivered, total.pending) == (0, 5)


async def test_a_puback_that_refuses_is_no_puback():
    client = _Client("127.0.0.1", protocol=ProtocolVersion.V5)
    refused = []
    client.refused = lambda *why: refused.append(why)
    waiting = client._pending_publishes[7] = asyncio.Event()
    client._on_publish(None, None, 7, ReasonCode(PacketTypes.PUBACK, "Not authorized"), None)
    assert (refused, waiting.is_set()) == ([(135, "Not authorized")], False)
    client._on_publish(None, None, 7, ReasonCode(PacketTypes.PUBACK, "Success"), None)
    assert waiting.is_set()


async def test_a_broker_that_speaks_only_the_older_protocol_is_served_in_it(open_buffer, unused_tcp_port):
    listener = {"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{unused_tcp_port}"}}}
    plugin = {"plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}}
    broker = Broker({**listener, **plugin})
    await broker.start()
    try:
        bench = Bench(open_buffer(), unused_tcp_port)
        async with bench.running(is_attended=True):
            await bench.store(30)
            await bench.delivered(30)
        assert bench.publisher.protocol.name == "V311"
    finally:
        await broker.shutdown()


async def test_attended_a_broker_that_is_not_there_is_an_error(open_buffer, unused_tcp_port):
    bench = Bench(open_buffer(), unused_tcp_port)
    with pytest.raises(MilepostError, match=r"E-BROKER-01 .*cannot be reached.*correct broker.url"):
        await bench.publisher.run(is_attended=True)


async def test_attended_a_broker_that_refuses_is_an_error(open_buffer, tmp_path, need_mosquitto):
    with Mosquitto(tmp_path, "allow_anonymous false\n") as broker:
        bench = Bench(open_buffer(), broker.port)
        with pytest.raises(MilepostError, match=r"E-BROKER-02 .*refuses"):
            await bench.publisher.run(is_attended=True)


async def test_unattended_it_waits_for_the_broker(open_buffer, mosquitto):
    mosquitto.stop()
    bench = Bench(open_buffer(), mosquitto.port)
    async with bench.running():
        await bench.store(3)
        await asyncio.sleep(0.2)
        mosquitto.start()
        await bench.delivered(3, 20)
