"""The uplink, with a node's end across an in-memory link: acked is only what is on disk, and all of it once."""

import asyncio
import random

import pytest
from milepost_gateway.group import GroupCommit
from milepost_gateway.nodes import Nodes
from milepost_gateway.testing import AIR_SCHEMA, KEY, NODE, FakeNode
from milepost_gateway.uplink import CONSOLE_BYTES_MAX, Uplink
from milepost_protocol.records import URGENT
from milepost_protocol.testing import BadWire, Dice


class Link:
    """A node and an uplink in virtual time, with two wires; commits happen when told, or each `commit_ms`."""

    def __init__(self, buffer, seed=1, faults=None, keys=None, commit_ms=0):
        dice = Dice(seed)
        self.now = 5_000_000
        self.up, self.down = BadWire(dice, faults), BadWire(dice, faults)
        self.nodes = Nodes({NODE: KEY} if keys is None else keys)
        self.group = GroupCommit(buffer, 0.01)
        self.uplink = Uplink("air", self.nodes, self.group, self._down, lambda: self.now, 10)
        self.node = FakeNode(self._up, clock=lambda: self.now)
        self.commit_ms = commit_ms

    def _up(self, data):
        self.up.put(data, self.now)

    def _down(self, data):
        self.down.put(data, self.now)

    async def run(self, for_ms, step_ms=5):
        for _ in range(for_ms // step_ms):
            self.now += step_ms
            for piece in self.up.get(self.now):
                self.uplink.feed(piece)
            for piece in self.down.get(self.now):
                self.node.feed(piece)
            self.uplink.tick()
            self.node.step()
            if (self.commit_ms and self.now % self.commit_ms < step_ms) or self.group._now.is_set():
                await self.group.commit()


@pytest.fixture
async def link(open_buffer):
    return Link(open_buffer())


async def test_nothing_is_acked_before_its_commit_and_everything_after(link):
    link.node.sample()
    await link.run(500)
    assert link.node.end.is_open
    assert link.node.acked == 0
    await link.group.commit()
    await link.run(100)
    assert (link.node.acked, link.node.spool) == (1, {})
    assert link.group.buffer.ledger().total().pending == 1


async def test_a_commit_that_fails_acks_nothing(link, monkeypatch):
    link.node.sample()
    await link.run(500)

    def refuse(*_):
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(link.group.buffer, "append", refuse)
    with pytest.raises(RuntimeError):
        await link.group.commit()
    await link.run(500)
    assert link.node.acked == 0


async def test_an_urgent_record_makes_the_commit_come_at_once(link):
    link.node.sample()
    await link.run(300)
    assert not link.group._now.is_set()
    link.node.sample(cls=URGENT)
    await link.run(100)
    assert link.group.commits == 1
    assert link.node.acked == 2


async def test_a_full_window_makes_the_commit_come_at_once(link):
    await link.run(300)
    for _ in range(12):
        link.node.sample()
        await link.run(50)
    assert link.group.commits >= 1
    assert link.node.acked >= 6


async def test_the_schema_arrives_with_its_first_rows(link):
    link.commit_ms = 50
    link.node.sample()
    await link.run(1000)
    assert [schema.body for _, schema in link.group.buffer.schemas()] == [AIR_SCHEMA.body]


async def test_a_session_begins_with_a_burst_of_clock_measurements(link):
    await link.run(2000)
    truth = link.now - link.node.uptime_ms()
    found = link.nodes.when(NODE, 1, link.node.uptime_ms())
    assert abs(found.middle_us - link.now * 1000) <= found.error_us
    assert found.error_us < 15_000
    assert truth == 5_000_000


async def test_clocks_go_to_disk_with_the_next_commit(link):
    link.commit_ms = 100
    link.node.sample()
    await link.run(1000)
    kept = link.group.buffer.measured()
    assert [(one.node, one.boot) for one in kept] == [(NODE, 1)]
    again = Nodes({NODE: KEY})
    again.remember(kept)
    assert again.when(NODE, 1, 500).error_us < 15_000


@pytest.mark.parametrize("seed", range(8))
async def test_over_a_bad_wire_every_record_is_stored_once(open_buffer, seed):
    faults = {"drop": 0.1, "duplicate": 0.05, "reorder": 0.1, "truncate": 0.05, "insert": 0.05, "flip": 1e-4}
    link = Link(open_buffer(), seed, faults, commit_ms=40)
    dice = random.Random(seed)
    for _ in range(60):
        link.node.sample()
        await link.run(dice.randrange(20, 300))
    for _ in range(200):
        if not link.node.spool:
            break
        await link.run(1000)
    blocks = link.group.buffer.oldest(1000, link.now)
    stored = sorted(sequence for block in blocks for sequence in block.front.sequences)
    assert stored == list(range(60)), f"seed {seed}"
    assert link.node.spool == {}, f"seed {seed}"
    assert link.group.buffer.ledger().holds()


async def test_a_node_that_is_not_enrolled_is_counted_and_not_served(open_buffer):
    link = Link(open_buffer(), keys={})
    link.node.sample()
    await link.run(3000)
    assert not link.node.end.is_open
    assert link.uplink.to_json()["unknown_nodes"].keys() == {NODE.hex()}


async def test_a_console_between_frames_is_counted_and_its_end_kept(link):
    link.uplink.feed(b"\0rst:0x1 (POWERON_RESET)\0" + b"Traceback " * 20 + b"\0")
    link.node.sample()
    link.commit_ms = 50
    await link.run(1000)
    assert link.uplink.console_bytes == 23 + 200
    assert b"POWERON_RESET" in link.uplink.console
    assert link.node.acked == 1
    for _ in range(100):
        link.uplink.feed(b"\0" + b"x" * 200 + b"\0")
    assert len(link.uplink.console) == CONSOLE_BYTES_MAX


async def test_the_group_commit_waits_for_more_but_not_for_ever(open_buffer):
    group = GroupCommit(open_buffer(), 0.05)
    task = asyncio.create_task(group.run())
    happened = []
    group.append([], lambda: happened.append("empty"))
    await asyncio.sleep(0.02)
    assert happened == []
    await asyncio.sleep(0.1)
    task.cancel()
    assert happened == ["empty"]
