"""Tasks in a group, the sampler in time, the heart: nothing dies quietly and nothing waits for a slow neighbour."""

from milepost_node import vm
from milepost_node.drivers import Driver
from milepost_node.health import CHANNELS, Health, Heart
from milepost_node.sampler import Sampler, Schedule
from milepost_node.spool import Spool
from milepost_node.tasks import Died, Group
from milepost_node.uptime import Uptime
from milepost_protocol.quality import QUALITY
from milepost_protocol.schema import Schema
from node_fakes import FakeBoard

SCHEMA = Schema("site", 1, (2,))
HOME = Schema("home", 4, (40,))


class Part(Driver):
    """A sensor that counts its samples; `trouble` is awaited in each."""

    def __init__(self, trouble=None):
        super().__init__(1)
        self.count = 0
        self.trouble = trouble

    async def read(self):
        self.count += 1
        if self.trouble:
            await self.trouble()
        self.values[0] = self.count
        self.quality[0] = 0


def bench():
    uptime = Uptime(vm.ticks_ms, vm.ticks_diff)
    return uptime, Spool(1, HOME.hash, 1000)


async def run_for(ms, *samplers):
    group = Group()
    for i in range(len(samplers)):
        group.start(str(i), samplers[i].run())
    try:
        await vm.wait_for_ms(group.wait(), ms)
    except vm.Timeout:
        group.stop()


def word(record):
    return QUALITY[record.quality[0]][1] if record.quality else "good"


async def test_a_task_that_raises_ends_the_group_with_its_name_and_cause():
    async def dies():
        await vm.sleep_ms(5)
        raise ValueError("broken")

    async def lives():
        await vm.sleep_ms(60000)

    group = Group()
    group.start("lives", lives())
    group.start("dies", dies())
    try:
        await group.wait()
    except Died as died:
        assert died.name == "dies"
        assert isinstance(died.cause, ValueError)
        return
    raise AssertionError("the group survived")


async def test_a_task_that_just_returns_ends_the_group_too():
    async def returns():
        await vm.sleep_ms(1)

    group = Group()
    group.start("returns", returns())
    try:
        await group.wait()
    except Died as died:
        assert (died.name, died.cause) == ("returns", None)
        return
    raise AssertionError("the group survived")


async def test_samples_fall_due_at_fixed_steps_and_do_not_drift():
    async def slow():
        await vm.sleep_ms(30)  # were a period counted from the last sample's end, ten of them would be 270 ms late

    uptime, spool = bench()
    await run_for(520, Sampler(Schedule(SCHEMA, Part(slow), 50, 25), spool, uptime))
    times = [record.uptime_ms for record in spool._held]
    assert 8 <= len(times) <= 10
    for i in range(len(times)):
        assert -100 <= times[i] - times[0] - 50 * i <= 100, times


async def test_a_hanging_sensor_delays_no_other_schedule():
    async def hangs():
        await vm.sleep_ms(700)

    uptime, spool = bench()
    other = Spool(1, HOME.hash)
    slow, fast = Part(hangs), Part()
    slow_sampler = Sampler(Schedule(SCHEMA, slow, 100), spool, uptime)
    fast_sampler = Sampler(Schedule(SCHEMA, fast, 50), other, uptime)
    await run_for(1000, slow_sampler, fast_sampler)
    assert fast.count >= 15
    assert fast_sampler.late_ms_max < 200, "the neighbour takes 700"
    assert slow_sampler.skipped >= 6, "steps that went by are counted"


async def test_each_trouble_of_a_sensor_is_a_row_of_nulls_with_its_word():
    async def absent():
        raise OSError(19)

    async def hangs():
        await vm.sleep_ms(5000)

    for trouble, expected in ((absent, "no-sensor"), (hangs, "missing")):
        uptime, spool = bench()
        await Sampler(Schedule(SCHEMA, Part(trouble), 1000), spool, uptime).sample()
        assert spool.oldest().values == (None,)
        assert word(spool.oldest()) == expected


async def test_a_sensor_that_comes_back_is_measured_again():
    uptime, spool = bench()
    is_there = []

    async def absent_once():
        if not is_there:
            is_there.append(True)
            raise OSError(19)

    sampler = Sampler(Schedule(SCHEMA, Part(absent_once), 1000), spool, uptime)
    await sampler.sample()
    await sampler.sample()
    assert [record.values for record in spool._held] == [(None,), (2,)]
    assert [word(record) for record in spool._held] == ["no-sensor", "good"]


async def test_the_heart_measures_how_late_the_loop_runs_and_feeds_the_watchdog():
    board = FakeBoard()
    heart = Heart(board, Uptime(board.ticks_ms, board.ticks_diff))
    group = Group()
    group.start("heart", heart.run())
    await vm.sleep_ms(300)
    stall = vm.Deadline(400)
    while stall.left():
        pass  # whoever computes without pause
    await vm.sleep_ms(300)
    group.stop()
    assert heart.take_lag() >= 150
    assert heart.take_lag() == 0, "taken once"
    assert board.fed >= 2


async def test_health_tells_of_the_spool_and_the_link():
    uptime, spool = bench()
    spool.append(0, 1, SCHEMA.hash, 0, (1,))
    health = Health(uptime, spool, Heart(FakeBoard(), uptime), lambda: 17)
    await health.read()
    assert len(health.values) == len(CHANNELS)
    assert (health.values[2], health.values[3], health.values[5]) == (1, 0, 17)
