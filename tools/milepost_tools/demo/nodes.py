"""The demo's nodes: who they are, what they measure, and how one is made and started as a real MicroPython process.

NODES is the plan of the little city. A node's directory holds its identity with a key drawn at random (0600) and its
configuration; the firmware's files are reached through links in one folder, as they would lie on a node's own file
system.
"""

import importlib.util
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..errors import Fault
from ..micropython import find
from ..processes import MissingTool
from .child import Child, start
from .expect import Expectation, Part, read_trace
from .line import Line

HEAP = "2M"  # what the unix port gets; an ESP32-S3 with PSRAM has as much
PACKAGES = ("milepost_node", "milepost_protocol")
TRACES = Path(__file__).parent.parent / "traces"
BAUD = 115200
HEALTH_S = 10
ZERO_MM = 3900  # the ranger hangs so high above the level's zero: 97 % of the trace is within its reach
FIRST = 20  # row of the tidal trace to begin with: twelve rows on the river is below zero, and a short demo shows it
END = 2311  # from here on the tidal trace is one stuck value
MEAN_S = 5  # a vehicle comes or goes so often

PARTS: dict[str, dict[str, Part]] = {
    "air": {
        "pm25": Part(Decimal("0.1"), Decimal(0), Decimal("999.9"), capped="saturated"),
        "pm10": Part(Decimal("0.1"), Decimal(0), Decimal("1999.9"), capped="saturated"),
    },
    "flood": {  # 31 to 4500 mm from the ranger's face
        "level": Part(
            Decimal("0.001"), Decimal(ZERO_MM - 4500) / 1000, Decimal(ZERO_MM - 31) / 1000, "no-echo", "too-near"
        )
    },
}
COLUMNS = {
    "air": {"pm25": "pm25_ugm3", "pm10": "pm10_ugm3"},
    "flood": {"level": "sea_surface_height_above_sea_level"},
}
CSV = {"air": TRACES / "air_hcmc_nhabe.csv", "flood": TRACES / "flood_tidal.csv"}


@dataclass(frozen=True)
class Plan:
    """One node: name of its line, node id, home site, schedule and what its simulator shows."""

    name: str
    node: str
    site: str
    schedule: Mapping[str, Any]
    simulate: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)

    def config(self, port: Path) -> dict[str, Any]:
        """The node's configuration."""
        return {
            "board": "unix",
            "link": {"kind": "serial", "port": str(port), "baud": BAUD},
            "home": self.site,
            "health_period_s": HEALTH_S,
            "schedules": [{"site": self.site, "stream": self.name, **self.schedule}],
            "simulate": dict(self.simulate),
            **self.extra,
        }


def air(csv: Path = CSV["air"], period_s: float = 1) -> Plan:
    """The air of Ho Chi Minh City, by an SDS011."""
    sensor = {"driver": "sds011", "bus": "uart1"}
    scene = {"csv": str(csv), "columns": list(COLUMNS["air"].values())}
    schedule = {"period_s": period_s, "offset_s": 0.1, "sensor": sensor}
    return Plan("air", "a4cf12000001", "nha-be", schedule, {"uart1": {"part": "sds011", "scene": scene}})


def flood(csv: Path = CSV["flood"], period_s: float = 1, first: int = FIRST, end: int = END) -> Plan:
    """A tidal river, by an ultrasonic ranger; rows `first` to before `end` of the trace are replayed."""
    sensor = {"driver": "a02yyuw", "bus": "uart1"}
    scene = {"csv": str(csv), "columns": list(COLUMNS["flood"].values()), "first": first, "rows": end - first}
    schedule = {"period_s": period_s, "sensor": sensor, "zero_mm": ZERO_MM}
    return Plan("flood", "a4cf12000002", "tide-gauge", schedule, {"uart1": {"part": "a02yyuw", "scene": scene}})


def parking(seed: int, period_s: float = 1) -> Plan:
    """A parking bay with seeded arrivals and departures, by a magnetometer."""
    bay = {"baseline_ut": [18.0, -4.0, -38.0], "occupied_ut": 12.0, "free_ut": 8.0}
    schedule = {"period_s": period_s, "offset_s": 0.3, "sensor": {"driver": "qmc5883l", "bus": "i2c1"}, "bay": bay}
    scene = {"arrivals": {"seed": seed, "mean_s": MEAN_S}}
    return Plan("parking", "a4cf12000003", "bay-1", schedule, {"i2c1": {"part": "qmc5883l", "scene": scene}})


def city(seed: int) -> list[Plan]:
    """The demo's three nodes."""
    return [air(), flood(), parking(seed)]


def expectation(name: str, csv: Path | None = None) -> Expectation:
    """What must arrive of the trace that the node `name` (`air` or `flood`) replays: the shipped one, or all of `csv`."""
    trace = read_trace(csv or CSV[name], COLUMNS[name])
    return Expectation(trace[FIRST:END] if csv is None and name == "flood" else trace, PARTS[name])


class Node:
    """One node: its directory, its line, its key, and its process while it runs."""

    def __init__(self, directory: Path, plan: Plan, seed: int = 0) -> None:
        self.plan = plan
        self.directory = directory / plan.name
        self.line = Line(directory, f"line-{plan.name}", seed)
        self.key = secrets.token_hex(32)
        self.child: Child | None = None
        self._log = directory / f"node-{plan.name}.log"
        self._lib = link_files(directory)

    def make(self) -> None:
        """Write the node's directory: identity for its eyes only, configuration, an empty store."""
        (self.directory / "store").mkdir(parents=True, exist_ok=True)
        write_private(self.directory / "identity.json", {"node": self.plan.node, "key": self.key})
        config = self.plan.config(self.line.node_port)
        (self.directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    async def start(self, micropython: Sequence[str]) -> Child:
        """Start the firmware on it."""
        command = [*micropython, "-X", f"heapsize={HEAP}", "-m", "milepost_node", str(self.directory)]
        path = {"MICROPYPATH": f".frozen:{self._lib}"}
        self.child = await start(f"node {self.plan.name}", command, self._log, path)
        return self.child


def write_private(path: Path, data: Mapping[str, str]) -> None:
    """Write JSON that only its owner may read, from its first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(data, file)


def link_files(directory: Path) -> Path:
    """A folder with links to the packages that a node carries."""
    folder = directory / "node-files"
    folder.mkdir(exist_ok=True)
    for name in PACKAGES:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(package_folder(name))
    return folder


def package_folder(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise Fault("E-TOOL-01", f"{name} is not installed: run `make install` again")
    return Path(next(iter(spec.submodule_search_locations)))


def find_micropython() -> list[str]:
    """The command that runs MicroPython here; Fault E-TOOL-01 names what gives one."""
    try:
        return find(project_folder())
    except MissingTool as error:
        raise Fault("E-TOOL-01", f"{error}; in a clone `make micropython` gets one") from None


def project_folder() -> Path | None:
    """The clone that we run from, None if we are installed without one."""
    folder = Path(__file__).resolve().parents[3]
    return folder if (folder / "pyproject.toml").is_file() else None
