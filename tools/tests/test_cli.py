"""The command line: one line for every fault, a status from the table, and nothing imported that was not asked for."""

import asyncio
import socket
import subprocess
import sys

import pytest
from milepost_tools.cli import COMMANDS, run
from milepost_tools.demo import broker, command
from milepost_tools.demo.child import start
from milepost_tools.demo.run import fallen, open_directory
from milepost_tools.errors import EXITS, Fault


@pytest.fixture
def micropython_found(monkeypatch):
    monkeypatch.setattr(command, "find_micropython", lambda: ["micropython"])


def one_line(capsys):
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    return said


def test_every_command_can_be_loaded_and_says_what_it_does(capsys):
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["nonsense"], ["demo", "--nonsense"], ["demo", "--duration", "soon"], ["demo", "--duration", "0"]]
)
def test_a_senseless_command_line_is_one_line_and_status_2(words, capsys):
    assert run(words) == 2
    assert one_line(capsys).startswith("milepost: E-USAGE-01 ")


def test_help_of_the_program_imports_no_broker_and_no_client():
    check = "import sys, milepost_tools.cli; print([m for m in ('amqtt', 'aiomqtt', 'rich.live') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_fault_takes_its_status_from_the_table():
    for code, (status, about) in EXITS.items():
        assert Fault(code, "x").status == status
        assert about


def test_a_fault_is_one_line_whatever_it_quotes():
    assert Fault("E-LAW-01", "a\n  b").line("milepost") == "milepost: E-LAW-01 a b"


def test_a_directory_that_holds_something_is_left_alone(tmp_path, capsys, micropython_found):
    (tmp_path / "thesis.txt").write_text("precious")
    assert run(["demo", "--dir", str(tmp_path)]) == 7
    assert "E-DATA-02" in one_line(capsys)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_directory_that_cannot_be_made_is_status_7(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Fault) as caught:
        open_directory(tmp_path / "file" / "below")
    assert caught.value.status == 7


def test_a_broker_that_refuses_is_status_5(capsys, micropython_found):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert run(["demo", "--json", "--broker", f"mqtt://127.0.0.1:{port}"]) == 5
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"milepost: E-BROKER-01 mqtt://127.0.0.1:{port}: Connection refused: start the broker there")


@pytest.mark.parametrize("url", ["http://x", "localhost", "mqtt://", "mqtt://h:port"])
def test_a_url_that_is_none_is_status_2(url):
    with pytest.raises(Fault) as caught:
        broker.address(url)
    assert caught.value.status == 2


def test_without_micropython_the_demo_names_what_gives_one(capsys, monkeypatch):
    monkeypatch.setenv("MILEPOST_MICROPYTHON", "/nowhere/micropython")
    assert run(["demo", "--json"]) == 6
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("milepost: E-TOOL-01")
    assert "make micropython" in said


async def test_the_carried_broker_serves_and_ends_when_told(tmp_path):
    child, url = await broker.start(tmp_path)
    await broker.check(url)
    assert await child.stop() == 0
    with pytest.raises(Fault, match="start the broker there"):
        await broker.check(url)


async def test_a_fallen_child_hands_on_its_words_and_status(tmp_path):
    script = "import sys; print('milepost-gateway: E-PORT-01 /dev/x does not exist', file=sys.stderr); sys.exit(3)"
    child = await start("gateway", [sys.executable, "-c", script], tmp_path / "log")
    await child.wait(20)
    fault = fallen(child)
    assert (fault.code, fault.status) == ("E-CHILD-01", 3)
    assert "/dev/x does not exist" in fault.text


async def test_a_child_that_will_not_end_is_made_to(tmp_path):
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = await start("deaf", [sys.executable, "-c", script], tmp_path / "log")
    async with asyncio.timeout(20):
        while child.last_words() != "deaf":  # noqa: ASYNC110 - a file is watched, nobody tells
            await asyncio.sleep(0.02)
    assert await child.stop(limit_s=0.1) == -9
