"""The line: it carries every byte both ways, and does the damage that it is asked for and no other."""

import asyncio
import contextlib
import os

import pytest
from milepost_tools.demo.line import Line, Way

FRAME = bytes(range(1, 41))
WAIT_S_MAX = 5.0


@pytest.fixture
async def line(tmp_path):
    made = Line(tmp_path, "line", seed=7)
    made.plug()
    yield made
    made.unplug()


def opened(port):
    return os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


async def read(handle, count):
    found = b""
    async with asyncio.timeout(WAIT_S_MAX):
        while len(found) < count:
            await readable(handle)
            found += os.read(handle, 4096)
    return found


async def readable(handle):
    event = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, event.set)
    try:
        await event.wait()
    finally:
        asyncio.get_running_loop().remove_reader(handle)


async def test_every_byte_value_crosses_both_ways(line):
    node, gateway = opened(line.node_port), opened(line.gateway_port)
    os.write(node, bytes(range(256)))
    assert await read(gateway, 256) == bytes(range(256))
    os.write(gateway, bytes(range(256)))
    assert await read(node, 256) == bytes(range(256))
    assert (line.up.carried, line.down.carried) == (256, 256)
    os.close(node)
    os.close(gateway)


async def test_a_port_that_is_closed_and_opened_again_still_works(line):
    os.close(opened(line.gateway_port))
    node, gateway = opened(line.node_port), opened(line.gateway_port)
    os.write(node, FRAME)
    assert await read(gateway, len(FRAME)) == FRAME
    os.close(node)
    os.close(gateway)


async def test_unplugging_takes_the_ports_away_and_hangs_up(line):
    gateway = opened(line.gateway_port)
    line.unplug()
    assert not line.gateway_port.exists()
    assert not line.node_port.exists()
    with pytest.raises(OSError, match="Input/output error"):
        os.write(gateway, b"x")
    os.close(gateway)


async def test_plugging_in_again_brings_the_same_names_back(line):
    line.unplug()
    line.plug()
    node, gateway = opened(line.node_port), opened(line.gateway_port)
    os.write(node, FRAME)
    assert await read(gateway, len(FRAME)) == FRAME
    os.close(node)
    os.close(gateway)


async def test_a_reader_that_sleeps_loses_bytes_and_the_line_counts_them(line):
    node = opened(line.node_port)
    async with asyncio.timeout(WAIT_S_MAX):
        while not line.up.overrun:
            with contextlib.suppress(BlockingIOError):  # the terminal is full until the pump has had its turn
                os.write(node, FRAME)
            await asyncio.sleep(0)
    os.close(node)


def test_damage_is_one_bit_of_the_pieces_asked_for():
    way = Way(seed=3)
    way.damage(2)
    changed = [way.carry(FRAME) for _ in range(3)]
    flipped = [sum((a ^ b).bit_count() for a, b in zip(data, FRAME, strict=True)) for data in changed]
    assert flipped == [1, 1, 0]
    assert way.damaged == 2


def test_the_same_seed_does_the_same_damage():
    ways = [Way(seed=5), Way(seed=5)]
    for way in ways:
        way.damage()
    assert ways[0].carry(FRAME) == ways[1].carry(FRAME) != FRAME


def test_drop_and_cut_lose_what_they_say():
    way = Way(seed=1)
    way.drop()
    way.cut_short()
    assert way.carry(FRAME) == b""
    rest = way.carry(FRAME)
    assert rest == FRAME[: len(rest)]
    assert 0 < len(rest) < len(FRAME)
    assert way.carry(FRAME) == FRAME
    assert (way.dropped, way.cut, way.carried) == (1, 1, len(rest) + len(FRAME))
