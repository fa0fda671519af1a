"""`milepost demo` itself, as a newcomer runs it: its last words, its JSON object, its exit status, its speed."""

import asyncio
import json
import re
import signal
import subprocess
import sys

import pytest
from milepost_tools.hil.mosquitto import Mosquitto

DEMO = [sys.executable, "-m", "milepost_tools", "demo"]
RUN_S_MAX = 80
FIRST_S_MAX = 5.0


def first_reading_s(story):
    return float(re.search(r"first reading at the subscriber after ([0-9.]+) s", story)[1])


def assert_held(found):
    assert found["nodes"] == 3
    assert found["law"] == "holds"
    assert found["accepted"] == found["delivered"] == found["unique"]
    assert (found["pending"], found["discarded"], found["quarantined"]) == (0, {}, 0)
    assert (found["duplicates"], found["missing"]) == (0, 0)


@pytest.mark.slow
def test_twenty_seconds_of_demo_hold_the_law_and_miss_nothing(micropython):
    done = subprocess.run([*DEMO, "--duration", "20", "--json"], capture_output=True, text=True, timeout=RUN_S_MAX)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert_held(found)
    assert found["unique"] >= 3 * 18, "each node makes at least one record a second"
    assert first_reading_s(done.stderr) < FIRST_S_MAX
    assert "values" not in done.stdout


async def test_a_demo_at_a_real_broker_ended_by_ctrl_c_ends_cleanly(micropython, tmp_path):
    broker = Mosquitto(tmp_path)
    await broker.start()
    command = [*DEMO, "--broker", broker.url, "--dir", str(tmp_path / "demo")]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(RUN_S_MAX):
        while b"first reading" not in await process.stderr.readline():
            assert process.returncode is None
        process.send_signal(signal.SIGINT)
        answer, story = await process.communicate()
    await broker.stop()
    assert process.returncode == 0, story.decode()
    text = answer.decode()
    assert "the conservation law held" in text
    assert re.search(r"values equal to the trace: (\d+) of \1\n", text)
    assert "Traceback" not in story.decode()
    assert (tmp_path / "demo" / "gateway.toml").is_file()
    for secret in ("keys.json", "air/identity.json"):
        assert (tmp_path / "demo" / secret).stat().st_mode & 0o077 == 0
