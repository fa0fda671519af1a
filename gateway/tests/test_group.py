"""Group commit: one transaction for many, nobody waits for the disk but those whose ack depends on it."""

import asyncio
import time

import apsw
import pytest
from milepost_gateway import group as group_module
from milepost_gateway.group import GroupCommit, buffer_thread
from milepost_gateway.stored import Arrival, read_front
from milepost_gateway.testing import NODE, air_row
from milepost_protocol.records import pack


def arrival(sequence):
    kind, body = pack([air_row(sequence)])
    return Arrival(NODE, kind, body, 1000, 1000, read_front(kind, body))


@pytest.fixture
async def running(open_buffer):
    """A group commit with its thread and its task."""
    thread = buffer_thread()
    group = GroupCommit(open_buffer(), 0.1, thread)
    task = asyncio.create_task(group.run())
    yield group
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    thread.shutdown()


async def test_what_comes_together_is_committed_together(running):
    acked = []
    for sequence in range(50):
        running.append([arrival(sequence)], lambda sequence=sequence: acked.append(sequence))
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.3)
    assert acked == list(range(50))
    assert running.buffer.counters["commits"] <= 2


async def test_what_is_urgent_does_not_wait_for_company(running):
    running.commit_s = 30
    acked = asyncio.Event()
    running.append([arrival(0)], lambda: None)
    running.append([arrival(1)], acked.set, at_once=True)
    await asyncio.wait_for(acked.wait(), 2)
    assert running.buffer.counters["commits"] == 1


async def test_a_disk_that_is_full_acks_nothing_and_loses_nothing(running, monkeypatch, capsys):
    monkeypatch.setattr(group_module, "RETRY_S", 0.05)
    write, tries, acked = running.buffer.append, [], []

    def refuse(*args):
        tries.append(1)
        if len(tries) < 4:
            raise apsw.FullError("database or disk is full")
        write(*args)

    monkeypatch.setattr(running.buffer, "append", refuse)
    running.append([arrival(0)], lambda: acked.append(len(tries)))
    await asyncio.sleep(0.15)
    assert (acked, running.is_failing) == ([], True)
    await asyncio.sleep(0.4)
    assert (acked, running.is_failing, running.failures) == ([4], False, 3)
    assert running.buffer.ledger().total().pending == 1
    story = capsys.readouterr().err
    assert story.count("buffer-refused") == story.count("buffer-recovered") == 1


async def test_a_disk_that_stalls_does_not_stall_the_loop(running, monkeypatch):
    write = running.buffer.append

    def stall(*args):
        time.sleep(0.5)
        write(*args)

    monkeypatch.setattr(running.buffer, "append", stall)
    running.append([arrival(0)], lambda: None, at_once=True)
    slowest, last = 0.0, time.monotonic()
    for _ in range(60):
        await asyncio.sleep(0.01)
        slowest, last = max(slowest, time.monotonic() - last), time.monotonic()
    assert slowest < 0.3


async def test_more_than_may_wait_is_not_taken_and_so_not_acked(running, monkeypatch):
    monkeypatch.setattr(group_module, "STAGED_MAX", 2)
    acked = []
    running.commit_s = 30
    assert running.append([arrival(0), arrival(1)], lambda: acked.append("first"))
    assert not running.append([arrival(2)], lambda: acked.append("second"))
    await running.commit()
    assert (acked, running.refused) == (["first"], 1)
    assert running.append([arrival(2)], lambda: acked.append("again"))
