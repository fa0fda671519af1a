"""The fuzzer: it runs every target for a moment, and it finds what is planted."""

import importlib.util
import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "milepost_tools.fuzz"]
PLANTED = """
import sys
import atheris
from milepost_protocol import blocks
split = blocks.split
def careless(data):
    if data[:1] == b"\\x88" and len(data) > 3:
        raise IndexError("planted")
    return split(data)
sys.argv = ["one", "blocks", "-max_total_time=20", "-seed=1", "-artifact_prefix=" + sys.argv[1]]
from milepost_tools.fuzz import one
blocks.split = careless
one.main()
"""


@pytest.fixture(autouse=True)
def atheris():
    if importlib.util.find_spec("atheris") is None:
        if sys.version_info >= (3, 14) or sys.platform != "linux" or os.uname().machine != "x86_64":
            pytest.skip("does not apply: atheris comes for Linux on x86-64 and Python before 3.14")
        pytest.skip("atheris missing: pip install -e '.[dev]'")


@pytest.mark.parametrize("target", ["frames", "records", "gateway-front", "node-behind"])
def test_a_moment_of_fuzzing_finds_nothing(target):
    done = subprocess.run(
        [*COMMAND, target, "--seconds", "2"], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[1].replace(",", "")) > 200, done.stdout


def test_a_planted_exception_is_found(tmp_path):
    command = [sys.executable, "-c", PLANTED, f"{tmp_path}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode != 0
    assert "IndexError: planted" in done.stdout + done.stderr
    assert list(tmp_path.glob("crash-*"))
