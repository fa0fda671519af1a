"""The configuration: what is right gets its defaults, what is wrong is named by file, line and key."""

import json
import os

from milepost_node import config
from milepost_node.lines import line_of
from milepost_node.refusal import USAGE, Refusal
from node_fakes import raises, scratch

TEXT = """{
  "link": {"kind": "serial", "port": "/dev/ttyS9"},
  "home": "nha-be",
  "schedules": [
    {"site": "nha-be", "stream": "air", "period_s": 1,
     "sensor": {"driver": "sds011", "bus": "uart1"}},
    {"site": "gauge", "stream": "flood", "period_s": 2.5, "zero_mm": 3900,
     "sensor": {"driver": "a02yyuw", "bus": "uart2"},
     "thresholds": [{"level_m": 1.5}, {"level_m": 2, "clear_m": 1.9}]},
    {"site": "bay-1", "stream": "parking", "period_s": 1,
     "sensor": {"driver": "qmc5883l", "bus": "i2c1"},
     "bay": {"baseline_ut": [20, -5.5, 38], "occupied_ut": 15, "free_ut": 8}}
  ],
  "simulate": {
    "uart1": {"part": "sds011", "scene": {"csv": "a.csv", "columns": ["x", "y"]}},
    "uart2": {"part": "a02yyuw", "scene": {"csv": "b.csv", "columns": ["z"]}},
    "i2c1": {"part": "qmc5883l", "scene": {"arrivals": {"seed": 7, "mean_s": 5}}}
  }
}
"""

# what is replaced, by what, and what the refusal must say
WRONGS = (
    ('"home"', '"hoem"', ":3 hoem is no key here"),
    ('"home": "nha-be",', "", "home is missing"),
    ('"home": "nha-be"', '"home": "Nhà Bè"', ":3 home may have only a-z, 0-9 and -"),
    ('"home": "nha-be"', '"home": 5', ":3 home must be a text"),
    ('"period_s": 1,\n     "sensor": {"driver": "sds011"', '"period_s": "1",\n     "sensor": {"driver": "sds011"',
     ":5 schedules[0].period_s must be a number"),
    ('"period_s": 2.5', '"period_s": 0', ":7 schedules[1].period_s must be from 0.1 to 86400"),
    ('"period_s": 2.5', '"period_s": true', ":7 schedules[1].period_s must be a number"),
    ('"zero_mm": 3900', '"zero_mm": 3900.5', ":7 schedules[1].zero_mm must be a whole number"),
    ('"zero_mm": 3900,', "", ":7 schedules[1].zero_mm is missing; a02yyuw needs it"),
    ('"driver": "a02yyuw"', '"driver": "a03"', ":8 schedules[1].sensor.driver must be one of"),
    ('"driver": "a02yyuw"', '"driver": "sds011"', ":8 schedules[1].sensor.driver is no sensor for stream flood"),
    ('"bus": "i2c1"', '"bus": "i2c2"', ":11 schedules[2].sensor.bus is no bus under `simulate`"),
    ('"level_m": 2', '"level_m": 1', ":9 schedules[1].thresholds must ascend"),
    ('{"level_m": 1.5}', "1.5", ":9 schedules[1].thresholds[0] must be a table"),
    ("[20, -5.5, 38]", "[20, -5.5]", ":12 schedules[2].bay.baseline_ut must have 3 to 3 items"),
    ("[20, -5.5, 38]", '[20, "a", 38]', ":12 schedules[2].bay.baseline_ut[1] must be a number"),
    ('"free_ut": 8', '"free_ut": 15', ":12 schedules[2].bay.free_ut must be below occupied_ut"),
    ('"site": "gauge", "stream": "flood"', '"site": "bay-1", "stream": "parking"', "is no sensor for stream parking"),
    ('"kind": "serial"', '"kind": "pigeon"', ":2 link.kind must be one of serial"),
    ('"port": "/dev/ttyS9"', '"port": ""', ":2 link.port must have 1 to 256 characters"),
    ('"seed": 7', '"seed": -7', ":17 simulate.i2c1.scene.arrivals.seed must be from 0"),
    ('"part": "sds011"', '"part": "sds012"', ":15 simulate.uart1.part must be one of"),
)  # fmt: skip


def a_folder(text, identity='{"node":"a4cf12000001","key":"' + "5a" * 32 + '"}'):
    folder = scratch("node")
    os.mkdir(folder)
    for name, content in (("config.json", text), ("identity.json", identity)):
        with open(folder + "/" + name, "w") as file:
            file.write(content)
        os.system("chmod 600 " + folder + "/" + name)  # noqa: S605 - MicroPython has no os.chmod
    return folder


def test_a_right_configuration_gets_its_defaults():
    found = config.load_config(a_folder(TEXT))
    assert found["board"] == "unix"
    assert found["link"]["baud"] == 115200
    assert found["schedules"][0]["thresholds"] == []
    assert found["schedules"][1]["thresholds"][0] == {"level_m": 1.5, "clear_m": None}
    assert found["schedules"][2]["sensor"]["range_g"] == 2
    assert found["simulate"]["uart2"]["faults"] == []


def test_everything_wrong_is_named_by_file_line_and_key():
    for old, new, said in WRONGS:
        assert old in TEXT, old
        folder = a_folder(TEXT.replace(old, new, 1))
        refusal = raises(Refusal, config.load_config, folder)
        assert refusal.status == USAGE
        assert refusal.line.startswith("E-CONF-03 " + folder + "/config.json"), refusal.line
        assert said in refusal.line, refusal.line
        assert "\n" not in refusal.line


def test_two_schedules_of_one_stream_at_one_site_are_refused():
    text = TEXT.replace(
        '"site": "gauge", "stream": "flood", "period_s": 2.5, "zero_mm": 3900',
        '"site": "nha-be", "stream": "air", "period_s": 1',
    )
    text = text.replace('"driver": "a02yyuw"', '"driver": "sds011"')
    assert ":7 schedules[1].site has a schedule" in raises(Refusal, config.load_config, a_folder(text)).line


def test_a_file_that_is_not_there_or_no_json_is_refused():
    assert "E-CONF-01" in raises(Refusal, config.load_config, scratch("nothing")).line
    assert "E-CONF-02" in raises(Refusal, config.load_config, a_folder("{ nonsense")).line
    assert "braces" in raises(Refusal, config.load_config, a_folder("[]")).line


def test_the_identity_is_bytes_and_its_key_is_never_in_a_refusal():
    folder = a_folder(TEXT)
    assert config.load_identity(folder) == {"node": bytes.fromhex("a4cf12000001"), "key": bytes([0x5A] * 32)}
    for wrong in (
        '{"node":"A4CF12000001","key":"' + "5a" * 32 + '"}',
        '{"node":"a4cf12000001","key":"' + "5a" * 31 + '"}',
    ):
        refusal = raises(Refusal, config.load_identity, a_folder(TEXT, wrong))
        assert "identity.json" in refusal.line
        assert "5a5a" not in refusal.line


def test_an_identity_that_others_may_read_is_refused():
    folder = a_folder(TEXT)
    os.system("chmod 644 " + folder + "/identity.json")  # noqa: S605 - MicroPython has no os.chmod
    assert "chmod 600" in raises(Refusal, config.load_identity, folder).line


def test_lines_are_found_through_strings_that_hold_braces_and_quotes():
    text = '{\n "a{": "x]\\"}",\n "b": [1,\n  {"c":\n   "d"}, []],\n "e": {}}'
    assert json.loads(text)["b"][1] == {"c": "d"}
    for path, line in (
        (("a{",), 2),
        (("b",), 3),
        (("b", 0), 3),
        (("b", 1), 4),
        (("b", 1, "c"), 4),
        (("b", 2), 5),
        (("e",), 6),
    ):
        assert line_of(text, path) == line, path
    assert line_of(text, ("b", 1, "missing")) == 4
    assert line_of(text, ("missing",)) is None
