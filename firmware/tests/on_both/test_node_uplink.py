"""The uplink over a link in memory, with the protocol's own gateway end at the other side."""

import asyncio

from milepost_node import vm
from milepost_node.spool import Spool
from milepost_node.uplink import Uplink
from milepost_node.uptime import Uptime
from milepost_protocol import blocks, records
from milepost_protocol.events import Arrived, Opened
from milepost_protocol.frames import FrameDecoder, encode_frame
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.node_end import NodeEnd
from milepost_protocol.schema import Schema, decode_schema
from milepost_protocol.testing import Dice
from node_fakes import FakeBoard, PipeLink

NODE, KEY = bytes.fromhex("a4cf12000001"), bytes(range(32))
SCHEMA, HOME = Schema("site", 1, (2,)), Schema("home", 4, (40,))


class Bench:
    """An uplink on a link in memory, and a gateway that a test pumps."""

    def __init__(self, records_max=1000):
        self.board = FakeBoard()
        self.uptime = Uptime(vm.ticks_ms, vm.ticks_diff)
        self.spool = Spool(9, HOME.hash, records_max)
        self.end = NodeEnd(NODE, 9, KEY, self.board.entropy)
        self.uplink = Uplink(self.board, self.end, self.spool, self.uptime, [HOME, SCHEMA])
        self.link = PipeLink()
        self.task = None
        self.new_gateway()
        self.got = []  # ("schema", hash) and ("row", sequence) in order of arrival
        self.opened = 0

    def new_gateway(self):
        self.gateway = GatewayEnd(lambda node: KEY, Dice(3).bytes, 50)
        self.decoder = FrameDecoder()

    def start(self):
        self.task = asyncio.create_task(self.uplink.run(self.link))

    def rows(self, count, at=None):
        for _ in range(count):
            self.spool.append(records.ROWS, records.ROUTINE, SCHEMA.hash, self.uptime.now() if at is None else at, (7,))

    async def pump(self, ms, acks=True):
        until = vm.Deadline(ms)
        while until.left():
            data, self.link.out = self.link.out, b""
            for packet, _ in self.decoder.feed(data):
                if packet:
                    self._take(self.gateway.receive(packet, self.uptime.now()), acks)
            answer = self.gateway.data_to_send(self.uptime.now())
            while answer:
                self.link.put(encode_frame(answer[1]))
                answer = self.gateway.data_to_send(self.uptime.now())
            await vm.sleep_ms(5)

    def _take(self, events, acks):
        for event in events:
            self.opened += isinstance(event, Opened)
            if isinstance(event, Arrived):
                for kind, body in event.blocks:
                    self._note(kind, body)
                if acks:
                    self.gateway.confirm(event.session, event.number)

    def _note(self, kind, body):
        if kind == blocks.SCHEMA:
            self.got.append(("schema", decode_schema(body).hash))
        else:
            self.got += [("row", sequence) for sequence in records.front(kind, body).sequences]

    def arrived(self):
        return [name for kind, name in self.got if kind == "row"]

    async def stop(self):
        self.task.cancel()
        await vm.sleep_ms(0)


async def test_schemas_arrive_before_the_first_row_that_names_them():
    bench = Bench()
    bench.rows(3)
    bench.start()
    await bench.pump(300)
    await bench.stop()
    assert bench.got[:2] == [("schema", HOME.hash), ("schema", SCHEMA.hash)]
    assert bench.arrived() == [0, 1, 2]
    assert bench.spool.held() == 0


async def test_a_row_leaves_as_soon_as_it_is_there():
    bench = Bench()
    bench.start()
    await bench.pump(200)
    for sequence in range(5):
        bench.rows(1)
        await bench.pump(150)
        assert bench.arrived()[-1] == sequence
    await bench.stop()


async def test_the_spool_is_freed_only_when_the_gateway_acks():
    bench = Bench()
    bench.rows(3)
    bench.start()
    await bench.pump(250, acks=False)
    assert bench.arrived()[:3] == [0, 1, 2]
    assert bench.spool.held() == 3
    await bench.stop()


async def test_a_backlog_goes_in_batches_after_what_is_live():
    bench = Bench()
    bench.uptime._sum = 60000
    bench.rows(400, at=1000)
    bench.rows(2)
    bench.start()
    await bench.pump(1500)
    await bench.stop()
    found = bench.arrived()
    assert found[:2] == [400, 401]
    assert sorted(found) == list(range(402))
    assert bench.end.counters["retransmitted"] == 0


async def test_a_gateway_that_forgot_everything_gets_everything_that_it_never_acked():
    bench = Bench()
    bench.rows(4)
    bench.start()
    await bench.pump(250, acks=False)
    bench.new_gateway()
    bench.got = []
    await bench.pump(3500)
    await bench.stop()
    assert bench.got[:2] == [("schema", HOME.hash), ("schema", SCHEMA.hash)]
    assert bench.arrived() == [0, 1, 2, 3]
    assert bench.spool.held() == 0


async def test_a_lost_link_is_opened_again_and_the_session_goes_on():
    bench = Bench()
    bench.start()
    await bench.pump(200)
    bench.link.hang_up()
    bench.link = PipeLink()
    bench.board.links.append(bench.link)
    bench.rows(2)
    await bench.pump(1500)
    await bench.stop()
    assert bench.uplink.reopened == 1
    assert bench.opened == 1, "the same session"
    assert bench.arrived() == [0, 1]
    assert bench.spool.held() == 0


async def test_a_port_that_stays_away_is_tried_again_with_growing_pauses():
    bench = Bench()
    tries = []

    def refuse():
        tries.append(bench.uptime.now())
        raise OSError(19)

    bench.board.open_link = refuse
    bench.start()
    await vm.sleep_ms(10)
    bench.link.hang_up()
    await vm.sleep_ms(1700)
    await bench.stop()
    assert len(tries) == 3, tries
    assert tries[2] - tries[1] > tries[1] - tries[0] + 200


async def test_a_line_that_takes_nothing_does_not_keep_the_spool_from_growing():
    bench = Bench()
    bench.link.is_blocked = True
    bench.start()
    for _ in range(20):
        bench.rows(1)
        await vm.sleep_ms(5)
    assert bench.spool.held() == 20
    bench.link.is_blocked = False
    await bench.pump(1500)
    await bench.stop()
    assert bench.arrived() == list(range(20))


async def test_noise_on_the_line_is_counted_and_costs_nothing_else():
    bench = Bench()
    bench.start()
    await bench.pump(100)
    bench.link.put(b"\x00garbage\x00\xff\xff\x00")
    bench.rows(1)
    await bench.pump(200)
    await bench.stop()
    assert bench.uplink.noise() == 2
    assert bench.arrived() == [0]


async def test_a_fault_of_ours_on_the_link_ends_the_task_and_not_just_the_link():
    bench = Bench()

    def broken(packet, now):
        raise ValueError("ours")

    bench.end.receive = broken
    bench.link.put(encode_frame(b"anything"))
    try:
        await vm.wait_for_ms(bench.uplink.run(bench.link), 1000)
    except ValueError:
        assert not bench.link.is_open
        return
    raise AssertionError("it went on")
