"""What a node is told: who it is (identity.json) and what it does (config.json), checked against one table.

TABLES says of every key what it must be, its limits, and what it is if it is missing; whatever is not in the table is
refused. `check` gives a copy with every key of the table present, so that nothing behind it asks whether a key is there.
A refusal names the file, the line and the key, and ends the node with status 2.
"""

import json
import os
import re

from milepost_protocol.schema import SITE_BYTES_MAX

from .boards import BOARDS
from .drivers import DRIVERS
from .lines import line_of
from .refusal import USAGE, Refusal
from .simulators import PARTS
from .simulators.faults import FAULTS
from .spool import RECORDS_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .lines import Path

CONFIG_BYTES_MAX = 65536
SCHEDULES_MAX = 16
PERIOD_S_MIN, PERIOD_S_MAX = 0.1, 86400
FIELD_UT_MAX = 800  # 8 G, the widest range of the magnetometers
MUST = "must"  # in place of a default: the key has to be there

SITE = re.compile("[a-z0-9-]+$")
HEX_12 = re.compile("[0-9a-f]+$")

# name: {key: (what, default, limit)}. what: text | whole | number, [..] for a list of it, {..} for a map of any names to it,
# or a table's name. limit: allowed words, (lowest, highest), (pattern, length) for text, (shortest, longest) of a list.
TABLES: "dict[str, dict[str, tuple[Any, Any, Any]]]" = {
    "identity": {
        "node": ("text", MUST, (HEX_12, 12, 12)),
        "key": ("text", MUST, (HEX_12, 64, 64)),
    },
    "config": {
        "board": ("text", "unix", BOARDS),
        "link": ("link", MUST, None),
        "home": ("text", MUST, (SITE, 1, SITE_BYTES_MAX)),
        "health_period_s": ("number", 60, (1, PERIOD_S_MAX)),
        "spool_records_max": ("whole", RECORDS_MAX, (16, 1000000)),
        "live_delay_s": ("number", 10, (1, 3600)),
        "schedules": (["schedule"], MUST, (1, SCHEDULES_MAX)),
        "simulate": ({"bus": "part"}, {}, None),
        "pins": ({"bus": ["whole"]}, {}, None),
    },
    "link": {
        "kind": ("text", MUST, ("serial",)),  # rs485 and udp will stand here
        "port": ("text", MUST, (None, 1, 256)),
        "baud": ("whole", 115200, (1200, 4000000)),
    },
    "schedule": {
        "site": ("text", MUST, (SITE, 1, SITE_BYTES_MAX)),
        "stream": ("text", MUST, ("air", "flood", "parking")),
        "period_s": ("number", MUST, (PERIOD_S_MIN, PERIOD_S_MAX)),
        "offset_s": ("number", 0, (0, PERIOD_S_MAX)),
        "sensor": ("sensor", MUST, None),
        "zero_mm": ("whole", None, (-100000, 100000)),
        "thresholds": (["threshold"], [], (0, 3)),
        "bay": ("bay", None, None),
    },
    "sensor": {
        "driver": ("text", MUST, tuple(DRIVERS)),
        "bus": ("text", MUST, (None, 1, 16)),
        "range_g": ("whole", 2, (2, 8)),
    },
    "threshold": {
        "level_m": ("number", MUST, (-100, 100)),
        "clear_m": ("number", None, (-100, 100)),
    },
    "bay": {
        "baseline_ut": (["number"], MUST, (3, 3)),
        "occupied_ut": ("number", MUST, (0.1, FIELD_UT_MAX)),
        "free_ut": ("number", MUST, (0.1, FIELD_UT_MAX)),
    },
    "part": {
        "part": ("text", MUST, tuple(PARTS)),
        "scene": ("scene", MUST, None),
        "zero_mm": ("whole", None, (-100000, 100000)),
        "row_s": ("number", None, (0.1, PERIOD_S_MAX)),
        "faults": (["fault"], [], (0, 16)),
    },
    "scene": {
        "csv": ("text", None, (None, 1, 1024)),
        "columns": (["text"], [], (0, 8)),
        "first": ("whole", 0, (0, 100000000)),
        "rows": ("whole", None, (1, 100000000)),
        "arrivals": ("arrivals", None, None),
    },
    "arrivals": {
        "seed": ("whole", MUST, (0, 0xFFFFFFFF)),
        "mean_s": ("number", MUST, (1, PERIOD_S_MAX)),
    },
    "fault": {
        "kind": ("text", MUST, tuple(sorted(FAULTS))),
        "every": ("whole", MUST, (1, 1000000)),
    },
}

NAMES = {"text": "a text", "whole": "a whole number", "number": "a number"}


class Wrong(ValueError):
    """What is at `path` is not as the table says."""

    def __init__(self, path: "Path", text: str) -> None:
        super().__init__(text)
        self.path = path
        self.text = text


def below(path: "Path", *steps: "str | int") -> "Path":
    """The path of something inside what `path` names."""
    return path + steps


# -- by the table -----------------------------------------------------------------------------------------------------------


def check(table: str, value: "Any", path: "Path" = ()) -> "dict[str, Any]":  # noqa: ANN401 - JSON of any kind
    """`value` as `table` has it, defaults filled in; Wrong names the first thing that is not right."""
    if not isinstance(value, dict):
        raise Wrong(path, "must be a table of keys in braces")
    fields = TABLES[table]
    for key in value:
        if key not in fields:
            raise Wrong(below(path, key), "is no key here; there are " + ", ".join(sorted(fields)))
    found = {}
    for key in fields:
        what, default, limit = fields[key]
        if key in value:
            found[key] = _check_one(what, value[key], limit, below(path, key))
        elif default == MUST:
            raise Wrong(below(path, key), "is missing")
        else:
            found[key] = default
    return found


def _check_one(what: "Any", value: "Any", limit: "Any", path: "Path") -> "Any":  # noqa: ANN401 - JSON of any kind
    if isinstance(what, list):
        return _check_list(what[0], value, limit, path)
    if isinstance(what, dict):
        return _check_map(what["bus"], value, path)
    if what in TABLES:
        return check(what, value, path)
    _check_type(what, value, path)
    if what == "text":
        _check_text(value, limit, path)
    elif not limit[0] <= value <= limit[1]:
        raise Wrong(path, f"must be from {limit[0]} to {limit[1]}")
    return value


def _check_list(what: str, value: "Any", limit: "tuple[int, int]", path: "Path") -> "list[Any]":  # noqa: ANN401 - JSON
    if not isinstance(value, list):
        raise Wrong(path, "must be a list in brackets")
    if not limit[0] <= len(value) <= limit[1]:
        raise Wrong(path, f"must have {limit[0]} to {limit[1]} items")
    item_limit = (None, 1, 256) if what == "text" else (-100000, 100000)
    return [_check_one(what, value[i], item_limit, below(path, i)) for i in range(len(value))]


def _check_map(what: "Any", value: "Any", path: "Path") -> "dict[str, Any]":  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        raise Wrong(path, "must be a table of buses in braces")
    return {bus: _check_one(what, value[bus], (2, 2), below(path, bus)) for bus in value}


def _check_type(what: str, value: "Any", path: "Path") -> None:  # noqa: ANN401 - JSON of any kind
    kind = type(value)
    right = kind is str if what == "text" else kind is int or (kind is float and what == "number")
    if not right:
        raise Wrong(path, "must be " + NAMES[what])


def _check_text(value: str, limit: "Any", path: "Path") -> None:  # noqa: ANN401 - words, or a pattern and lengths
    if isinstance(limit[0], str):
        if value not in limit:
            raise Wrong(path, "must be one of " + ", ".join(limit))
        return
    pattern, shortest, longest = limit
    if not shortest <= len(value) <= longest:
        raise Wrong(
            path,
            f"must have {shortest} to {longest} characters"
            if shortest < longest
            else f"must have {longest} characters",
        )
    if pattern is not None and not pattern.match(value):
        raise Wrong(path, "may have only " + ("a-z, 0-9 and -" if pattern is SITE else "0-9 and a-f"))


# -- what one key says about another ------------------------------------------------------------------------------------------


def _check_schedules(config: "dict[str, Any]") -> None:
    seen = []
    for i in range(len(config["schedules"])):
        schedule = config["schedules"][i]
        path: Path = ("schedules", i)
        name = schedule["site"], schedule["stream"]
        if name in seen:
            raise Wrong(below(path, "site"), "has a schedule of this stream already")
        seen.append(name)
        _check_sensor(config, schedule, path)
        _check_judge(schedule, path)


def _check_sensor(config: "dict[str, Any]", schedule: "dict[str, Any]", path: "Path") -> None:
    sensor = schedule["sensor"]
    _, _, _, channels, needs = DRIVERS[sensor["driver"]]
    for key in needs:
        if schedule[key] is None:
            raise Wrong(below(path, key), "is missing; " + sensor["driver"] + " needs it")
    if config["board"] == "unix" and sensor["bus"] not in config["simulate"]:
        raise Wrong(below(path, "sensor", "bus"), "is no bus under `simulate`")
    width = {"air": len(channels), "flood": 1, "parking": 3}[schedule["stream"]]
    if len(channels) != width:
        raise Wrong(below(path, "sensor", "driver"), "is no sensor for stream " + schedule["stream"])
    if sensor["range_g"] not in (2, 8):
        raise Wrong(below(path, "sensor", "range_g"), "must be 2 or 8")


def _check_judge(schedule: "dict[str, Any]", path: "Path") -> None:
    bay = schedule["bay"]
    if schedule["stream"] == "parking" and bay is None:
        raise Wrong(below(path, "bay"), "is missing; stream parking needs it")
    if bay and bay["free_ut"] >= bay["occupied_ut"]:
        raise Wrong(below(path, "bay", "free_ut"), "must be below occupied_ut")
    levels = [threshold["level_m"] for threshold in schedule["thresholds"]]
    if levels != sorted(levels):
        raise Wrong(below(path, "thresholds"), "must ascend")


# -- files --------------------------------------------------------------------------------------------------------------------


def load_config(folder: str) -> "dict[str, Any]":
    """The checked config.json of a node directory; Refusal leaves if it is not right."""
    return _load(folder + "/config.json", "config")


def load_identity(folder: str) -> "dict[str, Any]":
    """The identity: `node` (6 bytes) and `key` (32 bytes). Refusal leaves if it is not right, or open to other users."""
    path = folder + "/identity.json"
    try:
        mode = os.stat(path)[0]
    except OSError:
        mode = 0
    if mode & 0o077:  # a chip's file system has no modes: 0
        raise Refusal(USAGE, f"E-CONF-04 {path} holds a key and may be read by others: chmod 600 {path}")
    found = _load(path, "identity")
    return {"node": bytes.fromhex(found["node"]), "key": bytes.fromhex(found["key"])}


def _load(path: str, table: str) -> "dict[str, Any]":
    text = _read(path)
    try:
        value = json.loads(text)
    except ValueError:
        raise Refusal(USAGE, f"E-CONF-02 {path} is not JSON: correct its braces, quotes and commas") from None
    try:
        found = check(table, value)
        if table == "config":
            _check_schedules(found)
    except Wrong as wrong:
        line = line_of(text, wrong.path)
        place = path if line is None else f"{path}:{line}"
        raise Refusal(USAGE, f"E-CONF-03 {place} {spelled(wrong.path)} {wrong.text}") from None
    return found


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read(CONFIG_BYTES_MAX)
    except OSError:
        raise Refusal(USAGE, f"E-CONF-01 {path} cannot be read: provision this node") from None


def spelled(path: "Path") -> str:
    """A path as people write it: schedules[0].sensor.bus."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else ("." if text else "") + step
    return text or "the file"
