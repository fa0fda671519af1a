"""The configuration: one TOML file, checked whole before anything starts.

Each section is a dataclass, and its fields are the table of settings: type, default, range or pattern, and what it is
for. Reading never guesses: an unknown key, a wrong type, a value out of range or a missing key is one line that names
file, line and key. The keys of the nodes stand in a file of their own that nobody else may read.
"""

import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .errors import MilepostError

ID = r"[a-z0-9-]{1,32}"  # a level of a topic
BAUDS = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
LINKS_MAX = 64
KEYS_BYTES_MAX = 4 << 20  # some 40,000 nodes
COMMIT_S_MAX = 60.0  # the wire's WELCOME tells nodes in 16 bits of milliseconds how late an ack may be


def setting(about: str, default: Any = MISSING, **limits: Any) -> Any:  # noqa: ANN401 - stands for any field's value
    """A field of a section: what it is for, its default (else it must be there), and its limits."""
    return field(default=default, metadata={"about": about, **limits})


@dataclass(frozen=True)
class GatewaySettings:
    """[gateway]"""

    id: str = setting("this gateway's name in topics", pattern=ID)
    area: str = setting("the area's name in topics", pattern=ID)
    data_dir: str = setting("folder of the buffer; relative to this file")
    root: str = setting("first level of every topic", "city", pattern=ID)
    health_s: float = setting("how often health is published", 10.0, low=0.1, high=3600.0)


@dataclass(frozen=True)
class BrokerSettings:
    """[broker]"""

    url: str = setting("mqtt://host:port")
    username: str = setting("user name at the broker; none if empty", "")
    password_file: str = setting("file (0600) whose first line is the password; relative to this file", "")
    window: int = setting("messages that wait for their PUBACK at most", 20, low=1, high=1000)
    late_s: float = setting("rows older than this go to hist instead of obs", 120.0, low=1.0, high=86400.0)


@dataclass(frozen=True)
class BufferSettings:
    """[buffer]"""

    commit_s: float = setting("how long what arrived may wait for its commit", 1.0, low=0.01, high=COMMIT_S_MAX)


@dataclass(frozen=True)
class ClockSettings:
    """[clock]"""

    system_error_s: float = setting("what the operator vouches for the system clock", 0.05, low=0.0, high=3600.0)
    probe_s: float = setting("how often a node's clock is measured", 10.0, low=0.1, high=3600.0)


@dataclass(frozen=True)
class NodesSettings:
    """[nodes]"""

    keys: str = setting("file (0600) with the nodes' keys; relative to this file", "keys.json")


@dataclass(frozen=True)
class LinkSettings:
    """One of [[links]]"""

    name: str = setting("the link's name in health", pattern=ID)
    port: str = setting("path of the serial port, best one under /dev/serial/by-id")
    kind: str = setting("kind of the link", "serial", one_of=("serial",))
    baud: int = setting("bits per second", 115200, one_of=BAUDS)


@dataclass(frozen=True)
class Config:
    """The whole file; paths are absolute. `host`, `port`: of the broker."""

    path: Path
    gateway: GatewaySettings
    broker: BrokerSettings
    buffer: BufferSettings
    clock: ClockSettings
    nodes: NodesSettings
    links: tuple[LinkSettings, ...]
    host: str
    port: int

    def beside(self, name: str) -> Path:
        """A path from the file, relative to the file's folder."""
        return self.path.parent / Path(name).expanduser()


SECTIONS: dict[str, type] = {
    "gateway": GatewaySettings,
    "broker": BrokerSettings,
    "buffer": BufferSettings,
    "clock": ClockSettings,
    "nodes": NodesSettings,
    "links": LinkSettings,
}
TYPE_WORDS = {str: "a text", int: "a whole number", float: "a number", dict: "a table", list: "a list"}


def load_config(path: Path) -> Config:
    """Read and check the file; MilepostError E-CONF-… names file, line and key of the first thing wrong."""
    return _Reader(path).config()


class _Reader:
    """One reading of one file: the text stays at hand so that errors can name a line."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise MilepostError("E-CONF-01", f"{path}: {why}: give the configuration file with --config") from None
        try:
            self.data = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise MilepostError("E-CONF-02", f"{path}: not TOML: {error}") from None

    def config(self) -> Config:
        for name in self.data:
            if name not in SECTIONS:
                known = ", ".join(SECTIONS)
                raise self.fault("E-CONF-03", name, None, f"unknown section, the sections are {known}", header=True)
        sections = {name: self.section(name, kind) for name, kind in SECTIONS.items() if name != "links"}
        host, port = self.broker_address(sections["broker"].url)
        return Config(path=self.path, links=self.links(), host=host, port=port, **sections)

    def section(self, name: str, kind: type) -> Any:  # noqa: ANN401 - an instance of `kind`
        table = self.data.get(name, {})
        if not isinstance(table, dict):
            hint = f"must be a section: write [{name}] on a line of its own"
            raise self.fault("E-CONF-04", name, None, hint, header=True)
        return self.fill(kind, table, name, name, 0)

    def links(self) -> tuple[LinkSettings, ...]:
        tables = self.data.get("links", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.fault("E-CONF-04", "links", None, "must be sections, write [[links]] before each", header=True)
        if not 0 < len(tables) <= LINKS_MAX:
            raise self.fault("E-CONF-06", "links", None, f"1 to {LINKS_MAX} [[links]] are needed", header=True)
        made = [self.fill(LinkSettings, table, "links", f"links[{at}]", at) for at, table in enumerate(tables)]
        for key in ("name", "port"):
            for at, link in enumerate(made):
                if getattr(link, key) in [getattr(other, key) for other in made[:at]]:
                    raise self.fault("E-CONF-05", f"links[{at}].{key}", ("links", key, at), "is there twice")
        return tuple(made)

    def fill(self, kind: type, table: Mapping[str, Any], section: str, label: str, nth: int) -> Any:  # noqa: ANN401
        known = {item.name: item for item in fields(kind)}
        for key in table:
            if key not in known:
                hint = f"unknown key, the keys of [{section}] are {', '.join(known)}"
                raise self.fault("E-CONF-03", f"{label}.{key}", (section, key, nth), hint)
        values = {}
        for key, item in known.items():
            place = (section, key, nth)
            if key in table:
                values[key] = self.value(item, table[key], f"{label}.{key}", place)
            elif item.default is MISSING:
                raise self.fault("E-CONF-06", f"{label}.{key}", place, f"is missing: {item.metadata['about']}")
        return kind(**values)

    def value(self, item: "Field[Any]", value: Any, label: str, place: tuple[str, str, int]) -> Any:  # noqa: ANN401
        wanted = item.type
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted:
            word = TYPE_WORDS.get(wanted, "something else") if isinstance(wanted, type) else ""
            raise self.fault("E-CONF-04", label, place, f"must be {word}: {item.metadata['about']}")
        wrong = "must not be empty" if value == "" and item.default is MISSING else _out_of_range(value, item.metadata)
        if wrong:
            raise self.fault("E-CONF-05", label, place, wrong)
        return value

    def broker_address(self, url: str) -> tuple[str, int]:
        place = ("broker", "url", 0)
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or 1883
        except ValueError:
            raise self.fault("E-CONF-05", "broker.url", place, "must look like mqtt://host:1883") from None
        if parts.username or parts.password:
            raise self.fault("E-CONF-05", "broker.url", place, "no user in the URL: use username and password_file")
        if parts.scheme != "mqtt" or not host or parts.path not in ("", "/"):
            raise self.fault("E-CONF-05", "broker.url", place, "must look like mqtt://host:1883")
        return host, port

    def fault(
        self, code: str, label: str, place: tuple[str, str, int] | None, text: str, header: bool = False
    ) -> MilepostError:
        """The error about one key, with the line that it, or else its section, stands on."""
        line = find_line(self.text, *(place or (label, "", 0))) if place or header else 1
        return MilepostError(code, f"{self.path}:{line}: {label} {text}")


def _out_of_range(value: Any, limits: Mapping[str, Any]) -> str:  # noqa: ANN401 - whatever the file holds
    """What is wrong with a value of the right type, or an empty text."""
    low, high = limits.get("low"), limits.get("high")
    if low is not None and not low <= value <= high:
        return f"must be {low} to {high}"
    if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        return "must be 1 to 32 of a-z, 0-9 and -"
    if "one_of" in limits and value not in limits["one_of"]:
        return "must be one of " + ", ".join(str(one) for one in limits["one_of"])
    return ""


def find_line(text: str, section: str, key: str, nth: int) -> int:
    """The line (from 1) where `key` stands in the nth `[section]`; else where the section begins; else 1."""
    inside, begins, count = False, 1, -1
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if re.match(r"\[", bare):
            name = bare.strip("[]# \t").split("]")[0].strip()
            inside = name == section
            count += inside
            begins = number if inside and count == nth else begins
        elif (inside and count == nth and key and re.match(rf"[\"']?{re.escape(key)}[\"']?\s*=", bare)) or (
            not key and re.match(rf"{re.escape(section)}\s*[.=]", bare)
        ):
            return number
    return begins


def example_config() -> str:
    """A configuration with every setting, what it is for, and its default commented out."""
    lines = ["# The configuration of a Milepost gateway. Settings that are commented out have the value shown.", ""]
    for name, kind in SECTIONS.items():
        lines.append(f"[[{name}]]" if name == "links" else f"[{name}]")
        for item in fields(kind):
            default = '""' if item.default is MISSING else json.dumps(item.default)
            mark = "" if item.default is MISSING else "# "
            lines.append(f"{mark}{item.name} = {default}  # {item.metadata['about']}")
        lines.append("")
    return "\n".join(lines)


# -- secrets ---------------------------------------------------------------------------------------------------


def load_keys(path: Path) -> dict[bytes, bytes]:
    """The nodes' keys, `{node (6 bytes): key (32 bytes)}`; E-KEYS-… if the file is not private or not right."""
    text = read_private(path, "keys")
    try:
        data = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise MilepostError("E-KEYS-03", f"{path}:{line}: not JSON") from None
    if not isinstance(data, dict):
        raise MilepostError("E-KEYS-03", f'{path}:1: must be an object: {{"node id": "key in hex"}}')
    return dict(_key(path, text, node, key) for node, key in data.items())


def _key(path: Path, text: str, node: str, key: object) -> tuple[bytes, bytes]:
    line = next((at for at, row in enumerate(text.splitlines(), 1) if f'"{node}"' in row), 1)
    if not re.fullmatch(r"[0-9a-f]{12}", node):
        raise MilepostError("E-KEYS-03", f"{path}:{line}: {node[:40]!r} is no node id: 12 digits 0-9a-f")
    if not isinstance(key, str) or not re.fullmatch(r"[0-9a-f]{64}", key):
        raise MilepostError("E-KEYS-03", f"{path}:{line}: the key of {node} must be 64 digits 0-9a-f")
    return bytes.fromhex(node), bytes.fromhex(key)


def read_private(path: Path, what: str) -> str:
    """The text of a file that only its owner may read (E-KEYS-01, E-KEYS-02)."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise MilepostError("E-KEYS-02", f"{path} is readable by others (mode {mode:04o}): chmod 600 {path}")
            return file.read(KEYS_BYTES_MAX)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise MilepostError("E-KEYS-01", f"{path}: {why}: the {what} file is named in the configuration") from None
