"""What a person can put right is one line that says what to do, with the documented exit status and no traceback."""

import fcntl
import json
import os
import re
import subprocess
import sys

import pytest
from milepost_tools.demo.gateway import PROGRAM
from milepost_tools.demo.nodes import HEAP, Node, air, link_files
from milepost_tools.hil.mosquitto import Mosquitto, free_port
from milepost_tools.hil.site import Site

RUN_S_MAX = 30
ONE_LINE = re.compile(r"(milepost(-gateway|-node)?): (E-[A-Z]+-\d\d) .+")


@pytest.fixture
async def port(tmp_path):
    """A serial port that nobody has open."""
    line = Node(tmp_path, air()).line
    line.plug()
    yield line.gateway_port
    line.unplug()


def refused(done):
    """The code of the one line on stderr."""
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith("event=")]
    assert len(lines) == 1, done.stderr
    match = ONE_LINE.fullmatch(lines[0])
    assert match, lines[0]
    return done.returncode, match[3], lines[0]


def run_program(*command, **env):
    return subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=RUN_S_MAX, env={**os.environ, **env}
    )


# -- the gateway -----------------------------------------------------------------------------------------------


def gateway_config(tmp_path, port, url=None, change=("", "")):
    site = Site(tmp_path, [], 0)
    site.make(air())
    site.nodes["air"].line.unplug()
    config = site.gateway.config
    text = config.read_text().replace(json.dumps(str(tmp_path / "line-air.gateway")), json.dumps(str(port)))
    text = text.replace(site.broker.url, url or f"mqtt://127.0.0.1:{free_port()}")
    assert change[0] in text
    config.write_text(text.replace(*change, 1))
    return config


def run_gateway(config):
    return refused(run_program(*PROGRAM, "--config", config, "run"))


async def test_a_port_that_does_not_exist_is_status_3(tmp_path):
    status, code, line = run_gateway(gateway_config(tmp_path, "/dev/ttyNOWHERE9"))
    assert (status, code) == (3, "E-PORT-01")
    assert "/dev/ttyNOWHERE9 does not exist" in line
    assert "links[0].port" in line


async def test_a_port_that_another_program_has_is_status_4(tmp_path, port):
    config = gateway_config(tmp_path / "other", port) if (tmp_path / "other").mkdir() is None else None
    with port.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        status, code, line = run_gateway(config)
    assert (status, code) == (4, "E-PORT-02")
    assert str(port) in line


async def test_a_broker_that_is_not_there_is_status_5(tmp_path, port):
    (tmp_path / "other").mkdir()
    status, code, line = run_gateway(gateway_config(tmp_path / "other", port))
    assert (status, code) == (5, "E-BROKER-01")
    assert "mqtt://127.0.0.1" in line


async def test_a_broker_that_lets_nobody_in_is_status_5(tmp_path, port):
    (tmp_path / "other").mkdir()
    broker = Mosquitto(tmp_path, anonymous=False)
    await broker.start()
    try:
        status, code, line = run_gateway(gateway_config(tmp_path / "other", port, broker.url))
    finally:
        await broker.stop()
    assert (status, code) == (5, "E-BROKER-02")
    assert "broker.username" in line


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        (("commit_s =", "comit_s ="), "E-CONF-03", "buffer.comit_s"),
        (("commit_s = 0.2", 'commit_s = "soon"'), "E-CONF-04", "buffer.commit_s"),
        (("baud = 115200", "baud = 115201"), "E-CONF-05", "links[0].baud"),
        (('id = "demo"\n', ""), "E-CONF-06", "gateway.id"),
        (('id = "demo"', "id = demo"), "E-CONF-02", ""),
    ],
)
async def test_a_broken_configuration_is_status_2_and_names_file_line_and_key(tmp_path, change, code, named):
    config = gateway_config(tmp_path, "/dev/null", change=change)
    status, found, line = run_gateway(config)
    assert (status, found) == (2, code)
    assert re.search(rf"{re.escape(str(config))}.*\d", line)
    assert named in line


async def test_keys_that_others_can_read_are_status_2(tmp_path):
    config = gateway_config(tmp_path, "/dev/null")
    (tmp_path / "keys.json").chmod(0o644)
    status, code, line = run_gateway(config)
    assert (status, code) == (2, "E-KEYS-02")
    assert "chmod 600" in line


# -- the node --------------------------------------------------------------------------------------------------


def run_node(micropython, tmp_path, change=lambda config: None):
    node = Node(tmp_path, air())
    node.make()
    path = node.directory / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config, indent=2))
    command = [*micropython, "-X", f"heapsize={HEAP}", "-m", "milepost_node", node.directory]
    return refused(run_program(*command, MICROPYPATH=f".frozen:{link_files(tmp_path)}"))


def test_a_node_without_its_port_is_status_3(micropython, tmp_path):
    status, code, line = run_node(micropython, tmp_path)
    assert (status, code) == (3, "E-PORT-01")
    assert "line-air.node" in line


async def test_a_node_whose_port_is_taken_is_status_4(micropython, tmp_path):
    line = Node(tmp_path, air()).line
    line.plug()
    with line.node_port.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        status, code, _ = run_node(micropython, tmp_path)
    line.unplug()
    assert (status, code) == (4, "E-PORT-02")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda config: config.update(nonsense=1), "nonsense"),
        (lambda config: config["schedules"][0].update(period_s="soon"), "period_s"),
        (lambda config: config["link"].pop("port"), "port"),
    ],
)
def test_a_broken_node_configuration_is_status_2_and_names_file_line_and_key(micropython, tmp_path, change, named):
    status, _, line = run_node(micropython, tmp_path, change)
    assert status == 2
    assert re.search(r"config\.json:\d+", line)
    assert named in line


# -- the demo --------------------------------------------------------------------------------------------------


def run_demo(*words, **env):
    done = run_program(sys.executable, "-m", "milepost_tools", "demo", "--json", "--duration", "5", *words, **env)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    return done.returncode, ONE_LINE.fullmatch(last)[3], last


def test_a_demo_without_micropython_is_status_6_and_says_how_to_get_one():
    status, code, line = run_demo(MILEPOST_MICROPYTHON="/nowhere/micropython")
    assert (status, code) == (6, "E-TOOL-01")
    assert "make micropython" in line


def test_a_demo_without_its_broker_is_status_5(micropython):
    status, code, _ = run_demo("--broker", f"mqtt://127.0.0.1:{free_port()}")
    assert (status, code) == (5, "E-BROKER-01")


async def test_a_demo_at_a_broker_that_lets_nobody_in_is_status_5(micropython, tmp_path):
    broker = Mosquitto(tmp_path, anonymous=False)
    await broker.start()
    try:
        status, code, _ = run_demo("--broker", broker.url)
    finally:
        await broker.stop()
    assert (status, code) == (5, "E-BROKER-01")


def test_a_demo_in_a_folder_of_somebody_elses_is_status_7(micropython, tmp_path):
    (tmp_path / "precious").touch()
    status, code, _ = run_demo("--dir", tmp_path)
    assert (status, code) == (7, "E-DATA-02")
