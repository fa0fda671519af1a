"""The import arrows hold in this tree, and each of them catches the violation it is there for."""

from pathlib import Path

import pytest
from milepost_tools.checks.arrows import FOLDERS, RULES, file_imports, violations

PROTOCOL, NODE, GATEWAY, TOOLS = (f"{folder}/{package}" for package, folder in FOLDERS.items())

# (file, what it holds, file:line and words that the one violation must show)
PLANTED = [
    (f"{PROTOCOL}/session.py", "import milepost_gateway.buffer", "session.py:1: milepost_protocol.session imports"),
    (f"{PROTOCOL}/frames.py", "x = 1\nimport asyncio", "frames.py:2: milepost_protocol.frames imports asyncio"),
    (f"{PROTOCOL}/frames.py", "def f():\n    from time import time", "frames.py:2"),
    (f"{PROTOCOL}/frames.py", "from dataclasses import dataclass", "MicroPython has no such module"),
    (f"{PROTOCOL}/frames.py", "import sqlite3", "the buffer is apsw's"),
    (f"{NODE}/spool.py", "import milepost_gateway", "the node knows the protocol only"),
    (f"{NODE}/spool.py", "from milepost_tools.hil import bench", "the node knows the protocol only"),
    (f"{NODE}/spool.py", "import enum", "MicroPython has no such module"),
    (f"{NODE}/drivers/sds011.py", "import machine", "hardware is given by the board"),
    (f"{NODE}/spool.py", "import sqlite3", "spool.py:1"),
    (f"{GATEWAY}/buffer.py", "from milepost_node import spool", "the gateway knows the protocol only"),
    (f"{GATEWAY}/buffer.py", "from milepost_tools import demo", "the gateway knows the protocol only"),
    (f"{GATEWAY}/buffer.py", "from sqlite3 import connect", "one SQLite"),
    (f"{GATEWAY}/uplink.py", "from . import publisher", "they meet only in buffer and nodes"),
    (f"{GATEWAY}/uplink/serial.py", "from ..commands import Queue", "milepost_gateway.uplink.serial imports"),
    (f"{GATEWAY}/publisher.py", "from milepost_gateway.uplink import Uplink", "they meet only in buffer and nodes"),
    (f"{GATEWAY}/commands.py", "import milepost_gateway.publisher as p", "they meet only in buffer and nodes"),
    (f"{TOOLS}/deploy.py", "from milepost_node import boards", "tools know the protocol only"),
    (f"{TOOLS}/cli.py", "import importlib\nm = importlib.import_module('milepost_gateway')", "cli.py:2"),
    (f"{TOOLS}/ledger.py", "import sqlite3", "one SQLite"),
]
LEGAL = [
    (f"{PROTOCOL}/session.py", "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from typing import Any"),
    (f"{PROTOCOL}/session.py", "from . import frames\nfrom binascii import crc32"),
    (f"{NODE}/boards/esp32.py", "import machine"),
    (f"{NODE}/spool.py", "from milepost_protocol import records\nimport asyncio"),
    (f"{GATEWAY}/uplink.py", "from . import buffer, nodes\nimport milepost_protocol.session"),
    (f"{GATEWAY}/client.py", "import aiomqtt\nimport aiomqtt.exceptions"),
    (f"{TOOLS}/hil/drivers.py", "import milepost_node, milepost_gateway"),
    (f"{TOOLS}/simulate_tide.py", "from milepost_node import drivers"),
    (f"{TOOLS}/watch.py", "import aiomqtt, serial"),
    (f"{GATEWAY}/../tests/test_uplink.py", "import milepost_tools, sqlite3"),
]


def plant(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def test_this_tree_keeps_its_arrows(root: Path) -> None:
    assert violations(root) == []


@pytest.mark.parametrize(("name", "text", "shown"), PLANTED, ids=lambda value: str(value).splitlines()[0])
def test_a_planted_violation_is_caught_with_its_place_and_rule(
    tmp_path: Path, name: str, text: str, shown: str
) -> None:
    plant(tmp_path, name, text)
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(f"{name}:")
    assert shown in found[0]


@pytest.mark.parametrize(("name", "text"), LEGAL)
def test_what_the_table_allows_is_let_through(tmp_path: Path, name: str, text: str) -> None:
    plant(tmp_path, name, text)
    assert violations(tmp_path) == []


@pytest.mark.parametrize("module", ["aiomqtt", "apsw", "serial"])
def test_a_second_importer_of_what_has_one_is_caught_at_both(tmp_path: Path, module: str) -> None:
    plant(tmp_path, f"{GATEWAY}/one.py", f"import {module}")
    assert violations(tmp_path) == []
    plant(tmp_path, f"{GATEWAY}/two.py", f"from {module} import x")
    assert [line.split(":")[0] for line in violations(tmp_path)] == [f"{GATEWAY}/one.py", f"{GATEWAY}/two.py"]


def test_every_rule_has_a_planted_violation(tmp_path: Path) -> None:
    texts = [(name, text) for name, text, _ in PLANTED]
    for module in ("aiomqtt", "apsw", "serial"):
        plant(tmp_path / module, f"{GATEWAY}/one.py", f"import {module}")
        texts.append((f"{module}/{GATEWAY}/two.py", f"import {module}"))
    shown = []
    for number, (name, text) in enumerate(texts):
        top = name.split("/")[0] if name.split("/")[0] in ("aiomqtt", "apsw", "serial") else str(number)
        plant(tmp_path / top, name.removeprefix(top + "/"), text)
        shown += violations(tmp_path / top)
    silent = [rule for rule in RULES if not any(f": {rule.who}" in line and rule.why in line for line in shown)]
    assert silent == []


def test_a_relative_import_is_read_as_the_module_it_means(tmp_path: Path) -> None:
    plant(
        tmp_path,
        "milepost_node/drivers/__init__.py",
        "from . import sds011\nfrom .. import spool\nfrom ..boards.unix import Board",
    )
    path = tmp_path / "milepost_node/drivers/__init__.py"
    names = [one.imported for one in file_imports(path, "milepost_node.drivers")]
    assert names == ["milepost_node.drivers.sds011", "milepost_node.spool", "milepost_node.boards.unix.Board"]
