"""The daemon as a process between a node on a pseudo-terminal and a real mosquitto: killed, unplugged, misused."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import time

import apsw
import pytest
import serial
from jsonschema import Draft202012Validator
from milepost_gateway.config import load_config
from milepost_gateway.daemon import Gateway
from milepost_gateway.group import GroupCommit
from milepost_gateway.payload_schemas import NAMES, read_schema, schema_name
from milepost_gateway.testing import KEY, PtyNode, Subscriber, wait_until
from referencing import Registry, Resource

START = [sys.executable, "-c", "from milepost_gateway.cli import main; main()", "--config"]
REGISTRY = Registry().with_resources(
    [(read_schema(name)["$id"], Resource.from_contents(read_schema(name))) for name in NAMES]
)


def run(config, *arguments, within_s=20):
    """Run a command to its end."""
    return subprocess.run([*START, str(config), *arguments], capture_output=True, text=True, timeout=within_s)


class Daemon:
    """A gateway process; what it writes on stderr is kept in a file."""

    def __init__(self, config, *arguments):
        self.config = config
        self.story = config.with_suffix(".log")
        with self.story.open("ab") as log:
            self.process = subprocess.Popen([*START, str(config), "run", *arguments], stdout=log, stderr=log)

    def end(self, number=signal.SIGTERM, within_s=10):
        self.process.send_signal(number)
        return self.process.wait(within_s)

    def tells(self, event, within_s=10):
        return wait_until(lambda: f"event={event}" in self.story.read_text(), within_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def rows(city):
    """Every row heard, by id: how often."""
    counts = {}
    for heard in [*city.of("obs"), *city.of("hist")]:
        data = json.loads(heard.payload)
        for row in data if isinstance(data, list) else [data]:
            counts[row["id"]] = counts.get(row["id"], 0) + 1
    return counts


def expected(node, boot=1):
    return {f"{node.node.end._node.hex()}-{boot}-{sequence}" for sequence in range(node.node.sequence)}


def ledger_of(config):
    done = run(config, "status", "--json")
    return done.returncode, json.loads(done.stdout)


def test_all_that_a_node_says_arrives_once_and_follows_the_schemas(write_config, mosquitto):
    with PtyNode() as node, Subscriber(mosquitto.port) as city:
        config = write_config(node.path, mosquitto.url)
        with Daemon(config) as daemon:
            assert wait_until(lambda: len(city.of("obs")) >= 20, 15)
            assert node.drain(10)
            assert wait_until(lambda: rows(city).keys() >= expected(node), 10)
            assert daemon.end() == 0
        assert wait_until(lambda: json.loads(city.of("status")[-1].payload)["state"] == "stopped", 5)
    assert rows(city) == dict.fromkeys(expected(node), 1)
    for heard in city.heard:
        schema = read_schema(schema_name(heard.topic))
        Draft202012Validator(schema, registry=REGISTRY).validate(json.loads(heard.payload))
    for heard in city.of("obs"):
        row = json.loads(heard.payload)
        assert row["m"] == {"pm25": 42.3, "pm10": 51.0}
        assert "tq" not in row
        assert row["te"] < 0.2
    count = node.node.sequence
    status, ledger = ledger_of(config)
    assert (status, ledger["law"]) == (0, "holds")
    assert ledger["gateway"] == {
        "accepted": count,
        "delivered": count,
        "pending": 0,
        "discarded": {},
        "quarantined": 0,
    }


def test_killed_at_random_moments_nothing_accepted_is_missing(write_config, mosquitto):
    with PtyNode(0.02) as node, Subscriber(mosquitto.port) as city:
        config = write_config(node.path, mosquitto.url)
        for life in range(4):
            wanted = 15 * (life + 1)
            with Daemon(config) as daemon:
                assert wait_until(lambda wanted=wanted: len(city.of("obs")) >= wanted, 20)
                time.sleep(0.05 * life)
                daemon.end(signal.SIGKILL)
            assert ledger_of(config)[1]["law"] == "holds"
        with Daemon(config) as daemon:
            assert node.drain(20)
            assert wait_until(lambda: rows(city).keys() >= expected(node), 20)
            assert daemon.end() == 0
    assert rows(city).keys() == expected(node)
    status, ledger = ledger_of(config)
    assert status == 0
    assert ledger["gateway"]["delivered"] == node.node.sequence


def test_with_the_broker_away_nothing_is_lost_and_nothing_waits_at_the_node(write_config, mosquitto):
    with PtyNode() as node:
        config = write_config(node.path, mosquitto.url)
        with Daemon(config) as daemon:
            with Subscriber(mosquitto.port) as city:
                assert wait_until(lambda: len(city.of("obs")) >= 10, 15)
            mosquitto.stop()
            before = node.node.acked
            assert wait_until(lambda: node.node.acked > before + 20, 15)
            mosquitto.start()
            assert node.drain(10)
            assert wait_until(lambda: ledger_of(config)[1]["gateway"]["pending"] == 0, 20)
            assert daemon.end() == 0
        assert ledger_of(config)[1]["gateway"]["delivered"] == node.node.sequence


def test_noise_and_a_console_on_the_line_cost_only_themselves(write_config, mosquitto):
    with PtyNode() as node, Subscriber(mosquitto.port) as city:
        config = write_config(node.path, mosquitto.url)
        with Daemon(config) as daemon:
            assert wait_until(lambda: len(city.of("obs")) >= 5, 15)
            for _ in range(20):
                node.say(b"Guru Meditation Error: Core 0 panic'ed\0")
                time.sleep(0.05)
            assert node.drain(20)
            assert wait_until(lambda: rows(city).keys() >= expected(node), 20)
            assert wait_until(lambda: json.loads(city.of("health")[-1].payload)["links"]["air"]["console_bytes"] > 0, 5)
            assert daemon.end() == 0


def test_a_planted_loss_is_told_in_status_health_and_exit_status(write_config, mosquitto):
    with PtyNode() as node:
        config = write_config(node.path, mosquitto.url)
        mosquitto.stop()
        with Daemon(config, "--unattended") as daemon:
            assert wait_until(lambda: node.node.acked >= 5, 15)
            assert node.drain(10)
            daemon.end(signal.SIGKILL)
        with apsw.Connection(str(config.parent / "data" / "buffer.db")) as file:
            file.execute("DELETE FROM block WHERE id = 2")
        status, ledger = ledger_of(config)
        assert (status, ledger["law"]) == (1, "broken")
        one_line(run(config, "status"), 1, "E-LAW-01")
        mosquitto.start()
        with Subscriber(mosquitto.port) as city, Daemon(config) as daemon:
            assert wait_until(lambda: city.of("health"), 10)
            assert json.loads(city.of("health")[0].payload)["law"] == "broken"
            assert daemon.tells("law-broken")
            assert daemon.end() == 1


def test_a_stop_is_through_in_five_seconds_even_if_the_broker_hangs(write_config, mosquitto):
    with PtyNode() as node, Subscriber(mosquitto.port) as city:
        config = write_config(node.path, mosquitto.url)
        with Daemon(config) as daemon:
            assert wait_until(lambda: len(city.of("obs")) >= 3, 15)
            mosquitto._process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            began = time.monotonic()
            assert daemon.end() == 0
            took = time.monotonic() - began
            mosquitto._process.send_signal(signal.SIGCONT)
        assert took < 5
        assert ledger_of(config)[1]["law"] == "holds"


def test_a_port_that_comes_back_is_opened_again(write_config, mosquitto, tmp_path):
    link = tmp_path / "usb0"
    with Subscriber(mosquitto.port) as city, PtyNode() as first:
        link.symlink_to(first.path)
        with Daemon(write_config(link, mosquitto.url)) as daemon:
            assert wait_until(lambda: len(city.of("obs")) >= 3, 15)
            link.unlink()
            first.unplug()
            assert daemon.tells("link-lost")
            with PtyNode(boot=2) as second:
                link.symlink_to(second.path)
                assert wait_until(lambda: any("-2-" in name for name in rows(city)), 15)
                assert daemon.end() == 0


# -- misuse ---------------------------------------------------------------------------------------------------------


def one_line(done, status, begins):
    assert done.returncode == status, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("milepost-gateway:")]
    assert len(lines) == 1
    assert lines[0].startswith(f"milepost-gateway: {begins}")
    assert "Traceback" not in done.stderr
    assert KEY.hex() not in done.stderr
    return lines[0]


def test_a_port_that_does_not_exist_is_exit_status_3(write_config, mosquitto):
    config = write_config("/dev/ttyUSB99", mosquitto.url)
    line = one_line(run(config, "run"), 3, "E-PORT-01 /dev/ttyUSB99 does not exist")
    assert f"links[0].port in {config}" in line


def test_a_port_that_is_in_use_is_exit_status_4(write_config, mosquitto):
    master, slave = pty.openpty()
    with serial.Serial(os.ttyname(slave), exclusive=True):
        one_line(run(write_config(os.ttyname(slave), mosquitto.url), "run"), 4, "E-PORT-02")
    os.close(master)
    os.close(slave)


def test_a_broker_that_is_not_there_is_exit_status_5(write_config, unused_tcp_port):
    with PtyNode() as node:
        one_line(run(write_config(node.path, f"mqtt://127.0.0.1:{unused_tcp_port}"), "run"), 5, "E-BROKER-01")


def test_unattended_a_missing_port_and_broker_are_waited_for(write_config, unused_tcp_port):
    with Daemon(write_config("/dev/ttyUSB99", f"mqtt://127.0.0.1:{unused_tcp_port}"), "--unattended") as daemon:
        assert daemon.tells("broker-away")
        assert daemon.tells("link-away")
        time.sleep(1)
        assert daemon.process.poll() is None
        assert daemon.end() == 0


def test_a_second_gateway_on_the_same_data_is_exit_status_7(write_config, mosquitto):
    with PtyNode() as node:
        config = write_config(node.path, mosquitto.url)
        with Daemon(config) as daemon:
            assert daemon.tells("started")
            one_line(run(config, "run"), 7, "E-DATA-01")
            assert daemon.end() == 0


def test_a_data_directory_that_is_a_file_is_exit_status_7(write_config):
    config = write_config()
    (config.parent / "data").write_text("")
    one_line(run(config, "run"), 7, "E-DATA-02")


@pytest.mark.parametrize("command", ["run", "check", "status"])
def test_a_broken_configuration_is_exit_status_2_for_every_command(write_config, command):
    config = write_config(more="[clock]\nsystem_eror_s = 1\n")
    line = one_line(run(config, command), 2, "E-CONF-03")
    assert ":11: clock.system_eror_s unknown key" in line


def test_keys_that_others_may_read_are_exit_status_2(write_config):
    config = write_config()
    (config.parent / "keys.json").chmod(0o644)
    one_line(run(config, "check"), 2, "E-KEYS-02")
    one_line(run(config, "run"), 2, "E-KEYS-02")
    assert not (config.parent / "data").exists()


def test_check_says_good_and_status_without_a_buffer_is_exit_status_7(write_config):
    config = write_config()
    done = run(config, "check")
    assert (done.returncode, "good: 1 links, 1 nodes" in done.stdout) == (0, True)
    one_line(run(config, "status"), 7, "E-DATA-02")


def test_an_example_is_written_once_and_not_over_anything(tmp_path):
    config = tmp_path / "new.toml"
    assert run(config, "init-config").returncode == 0
    assert "system_error_s" in config.read_text()
    one_line(run(config, "init-config"), 2, "E-CONF-07")


async def test_a_task_that_ends_by_itself_ends_the_process(write_config, mosquitto, monkeypatch):
    async def die(self):
        await asyncio.sleep(0.1)

    monkeypatch.setattr(GroupCommit, "run", die)
    with PtyNode() as node:
        config = load_config(write_config(node.path, mosquitto.url))
        (config.path.parent / "data").mkdir()
        gateway = Gateway(config, config.path.parent / "data", {}, None)
        with pytest.raises(ExceptionGroup, match="unhandled errors") as caught:
            await asyncio.wait_for(gateway.run(False), 10)
        gateway.close()
    assert "task commit ended" in str(caught.value.exceptions[0])
