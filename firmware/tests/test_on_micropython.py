"""Every portable test file once more, on real MicroPython."""

import subprocess
from pathlib import Path

import pytest
from node_bench import environment

FOLDER = Path(__file__).parent / "on_both"
FILES = sorted(path.stem for path in FOLDER.glob("test_*.py"))


def test_there_are_portable_tests():
    assert len(FILES) >= 8


@pytest.mark.parametrize("name", FILES)
def test_file_passes_on_micropython_too(name, tmp_path, micropython):
    command = [*micropython, "-X", "heapsize=4M", str(FOLDER / "node_runner.py"), name]
    settings = {**environment(), "MILEPOST_SCRATCH": str(tmp_path)}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout
