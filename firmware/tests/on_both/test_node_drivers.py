"""The drivers against golden frames, whole, split, glued and damaged."""

from milepost_node.drivers import DRIVERS, a02yyuw, open_driver, qmc5883l, sds011
from milepost_node.simulators.a02yyuw import frame_of
from milepost_node.simulators.faults import FAULTS, Faults
from milepost_node.simulators.i2c import RegisterBus
from milepost_node.simulators.sds011 import data_frame
from milepost_protocol.channels import CHANNELS
from milepost_protocol.quality import QUALITY
from node_fakes import FakeUart

GOLDEN_SDS011 = bytes.fromhex("aac07b000001a1607dab")  # 12.3 and 25.6 ug/m3
GOLDEN_A02YYUW = bytes.fromhex("ff07a1a7")  # 1953 mm


def word(quality):
    return QUALITY[quality][1]


async def read_sds011(pieces, driver=None):
    """One sample where the part answers its query with `pieces`."""
    uart = FakeUart()
    if driver is None:
        driver = sds011.Sds011(uart, {})
    else:
        driver._uart = driver._scanner._uart = uart
    driver._knows_mode = True
    uart.on_write = lambda data: pieces if data == sds011.QUERY else []
    await driver.read()
    return driver.values, [word(quality) for quality in driver.quality], driver


async def read_a02yyuw(pieces, zero_mm=4000):
    driver = a02yyuw.A02yyuw(FakeUart(pieces), {"zero_mm": zero_mm})
    await driver.read()
    return driver.values[0], word(driver.quality[0])


def test_the_table_of_drivers_names_what_can_be_opened():
    for name in DRIVERS:
        _, _, _, channels, needs = DRIVERS[name]
        options = {"sensor": {"driver": name}, "zero_mm": 0}
        driver = open_driver(name, FakeUart(), options)
        assert len(driver.values) == len(driver.quality) == len(channels)
        assert all(channel in CHANNELS for channel in channels)
        assert all(key in options for key in needs)


# -- SDS011 -------------------------------------------------------------------------------------------------------------------


def test_sds011_commands_are_those_of_the_protocol_document():
    assert sds011.QUERY_MODE.hex() == "aab402010100000000000000000000ffff02ab"
    assert sds011.QUERY.hex() == "aab404000000000000000000000000ffff02ab"
    assert sds011.command(6, 1, 0).hex() == "aab406010000000000000000000000ffff05ab"
    assert sds011.command(8, 1, 5).hex() == "aab408010500000000000000000000ffff0cab"


async def test_sds011_reads_the_published_frame():
    values, words, _ = await read_sds011([GOLDEN_SDS011])
    assert values == [123, 256]
    assert words == ["good", "good"]


async def test_sds011_reads_a_frame_that_comes_byte_by_byte():
    values, _, _ = await read_sds011([bytes([byte]) for byte in GOLDEN_SDS011])
    assert values == [123, 256]


async def test_sds011_finds_its_frame_behind_noise_and_in_front_of_another():
    values, _, _ = await read_sds011([b"\xff\xaa\xc0\x00", GOLDEN_SDS011[:3], GOLDEN_SDS011[3:] + GOLDEN_SDS011])
    assert values == [123, 256]


async def test_sds011_passes_over_the_reply_to_a_command():
    reply = bytes.fromhex("aac502010100a16005ab")
    values, _, _ = await read_sds011([reply + GOLDEN_SDS011])
    assert values == [123, 256]


async def test_sds011_silence_is_missing_and_damage_is_checksum():
    values, words, driver = await read_sds011([])
    assert (values, words) == ([None, None], ["missing", "missing"])
    assert not driver._knows_mode, "it may have lost its power, so its mode is set again"
    for damaged in (
        FAULTS["checksum"](GOLDEN_SDS011),
        FAULTS["truncated"](GOLDEN_SDS011),
        [GOLDEN_SDS011[:9] + b"\xac"],
    ):
        values, words, _ = await read_sds011(damaged)
        assert (values, words) == ([None, None], ["checksum", "checksum"])


async def test_sds011_nothing_measured_yet_is_no_measurement_but_clean_air_later_is():
    values, words, driver = await read_sds011([data_frame(0, 0)])
    assert (values, words) == ([None, None], ["warm-up", "warm-up"])
    await read_sds011([data_frame(3, 4)], driver)
    values, words, _ = await read_sds011([data_frame(0, 0)], driver)
    assert (values, words) == ([0, 0], ["good", "good"])


async def test_sds011_at_its_ceiling_is_saturated_channel_by_channel():
    values, words, _ = await read_sds011([data_frame(9999, 12000)])
    assert (values, words) == ([9999, 12000], ["saturated", "good"])
    _, words, _ = await read_sds011([data_frame(9998, 19999)])
    assert words == ["good", "saturated"]


async def test_sds011_is_put_into_query_mode_at_the_start():
    uart = FakeUart()
    uart.on_write = lambda data: [bytes.fromhex("aac502010100a16005ab")]
    driver = sds011.Sds011(uart, {})
    await driver.start()
    assert uart.written == [sds011.QUERY_MODE]
    assert driver._knows_mode


# -- A02YYUW ------------------------------------------------------------------------------------------------------------------


async def test_a02yyuw_reads_the_published_frame_as_a_level():
    assert await read_a02yyuw([GOLDEN_A02YYUW] * 5) == (4000 - 1953, "good")


async def test_a02yyuw_levels_below_zero_are_legal():
    assert await read_a02yyuw([frame_of(4400)] * 5) == (-400, "good")


async def test_a02yyuw_reads_frames_split_and_glued_anyhow():
    stream = b"".join([frame_of(distance) for distance in (1000, 1001, 1002, 1003, 1004)])
    for size in (1, 3, 5, 7, 20):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert await read_a02yyuw(pieces) == (4000 - 1002, "good")


async def test_a02yyuw_takes_the_median_so_two_stray_echoes_do_no_harm():
    frames = [frame_of(distance) for distance in (1953, 300, 1953, 4400, 1953)]
    assert await read_a02yyuw(frames) == (2047, "good")


async def test_a02yyuw_no_echo_in_all_its_spellings_is_a_word_and_no_depth():
    for said in (0, 0xFFFD, 0xFFFE, 4501, 5500):
        assert await read_a02yyuw([frame_of(said)] * 5) == (None, "no-echo")


async def test_a02yyuw_range_begins_behind_the_blind_zone_and_ends_at_its_last_millimetre():
    assert await read_a02yyuw([frame_of(30)] * 5) == (None, "too-near")
    assert await read_a02yyuw([frame_of(1)] * 5) == (None, "too-near")
    assert await read_a02yyuw([frame_of(31)] * 5) == (3969, "good")
    assert await read_a02yyuw([frame_of(4500)] * 5) == (-500, "good")


async def test_a02yyuw_majority_decides_between_an_echo_and_none():
    assert await read_a02yyuw([frame_of(0)] * 3 + [frame_of(700)] * 2) == (None, "no-echo")
    assert await read_a02yyuw([frame_of(0)] * 2 + [frame_of(700)] * 3) == (3300, "good")


async def test_a02yyuw_makes_do_with_fewer_frames():
    assert await read_a02yyuw([frame_of(700)]) == (3300, "good")


async def test_a02yyuw_silence_is_missing_and_damage_is_checksum():
    assert await read_a02yyuw([]) == (None, "missing")
    assert await read_a02yyuw([FAULTS["checksum"](GOLDEN_A02YYUW)[0]] * 5) == (None, "checksum")
    assert await read_a02yyuw([GOLDEN_A02YYUW[:2]]) == (None, "checksum")


# -- QMC5883L -----------------------------------------------------------------------------------------------------------------


class Registers:
    """A part that is nothing but registers."""

    def __init__(self, data, status=qmc5883l.READY):
        self.file = bytearray(16)
        self.file[0:6] = data
        self.file[6] = status

    def read_registers(self, register, count):
        return bytes(self.file[register : register + count])

    def write_registers(self, register, data):
        self.file[register : register + len(data)] = data


async def read_qmc5883l(part, range_g=2):
    bus = RegisterBus({qmc5883l.ADDRESS: part})
    driver = qmc5883l.Qmc5883l(bus, {"sensor": {"range_g": range_g}})
    await driver.read()
    return driver.values, [word(quality) for quality in driver.quality]


async def test_qmc5883l_counts_become_tenths_of_a_microtesla():
    part = Registers(bytes.fromhex("b00450fb0600"))  # 1200, -1200, 6: 10 uT, -10 uT, 0.05 uT
    assert await read_qmc5883l(part) == ([100, -100, 1], ["good"] * 3)
    assert await read_qmc5883l(part, 8) == ([400, -400, 2], ["good"] * 3)


async def test_qmc5883l_is_set_up_as_its_datasheet_says():
    part = Registers(bytes(6))
    await read_qmc5883l(part)
    assert (part.file[0x0B], part.file[0x09]) == (0x01, 0x05)
    await read_qmc5883l(part, 8)
    assert part.file[0x09] == 0x15


async def test_qmc5883l_rounds_half_away_from_zero_both_ways():
    assert [qmc5883l.scaled(raw, 12) for raw in (5, 6, 17, 18, -5, -6, -17, -18)] == [0, 1, 1, 2, 0, -1, -1, -2]
    assert [qmc5883l.scaled(raw, 3) for raw in (1, 2, 4, -1, -2, -4)] == [0, 1, 1, 0, -1, -1]


async def test_qmc5883l_overflow_is_saturated():
    part = Registers(bytes.fromhex("ff7f00000000"), qmc5883l.READY | qmc5883l.OVERFLOW)
    values, words = await read_qmc5883l(part)
    assert values[0] == 2731
    assert words == ["saturated"] * 3


async def test_qmc5883l_that_never_gets_ready_is_missing():
    assert await read_qmc5883l(Registers(bytes(6), 0)) == ([None] * 3, ["missing"] * 3)


async def test_qmc5883l_that_is_not_there_raises():
    driver = qmc5883l.Qmc5883l(RegisterBus({}), {"sensor": {}})
    try:
        await driver.read()
    except OSError:
        return
    raise AssertionError("an empty address answered")


def test_every_fault_of_the_table_does_something_to_a_frame():
    for kind in FAULTS:
        faults = Faults([{"kind": kind, "every": 3}])
        found = [faults.apply(GOLDEN_SDS011) for _ in range(6)]
        assert found[0] == found[1] == found[3] == [GOLDEN_SDS011]
        assert found[2] == found[5] != [GOLDEN_SDS011], kind
        assert faults.fired[kind] == 2
