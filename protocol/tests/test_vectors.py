"""The golden vectors as tests: each file on CPython in this process, and on a real MicroPython in its own."""

import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

VECTORS = Path(__file__).parent / "vectors"
FILES = sorted(VECTORS.glob("*.json"))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runner(load_file) -> ModuleType:
    return load_file(Path(__file__).with_name("run_vectors.py"))


def on_micropython(micropython: list[str], *paths: Path) -> subprocess.CompletedProcess[str]:
    command = ["env", "MICROPYPATH=.frozen:protocol", *micropython, "protocol/tests/run_vectors.py", *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_vector_holds_on_cpython(path: Path, runner: ModuleType) -> None:
    assert list(runner.failures(str(path))) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_vector_holds_on_micropython(path: Path, micropython: list[str]) -> None:
    done = on_micropython(micropython, path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "vectors: 1 files on micropython, 0 failures\n")


def test_every_check_has_its_file_and_every_file_its_check(runner: ModuleType) -> None:
    assert sorted(runner.CHECKS) == [path.stem for path in FILES]


def test_a_changed_byte_fails_on_both_machines(tmp_path: Path, runner: ModuleType, micropython: list[str]) -> None:
    wrong = {"about": "planted", "module": "frames", "cases": [{"text": "123456789", "crc": "cbf43927"}]}
    path = tmp_path / "crc.json"
    path.write_text(json.dumps(wrong))
    assert len(list(runner.failures(str(path)))) == 1
    done = on_micropython(micropython, path)
    assert done.returncode == 1
    assert "case 0: AssertionError" in done.stdout


@pytest.mark.parametrize("text", ['{"cases": []}', '{"cases": [{"text": "", "crc": "00000000"}]}'])
def test_an_empty_or_unknown_vector_file_fails(tmp_path: Path, runner: ModuleType, text: str) -> None:
    path = tmp_path / ("crc.json" if "[]" in text else "unknown.json")
    path.write_text(text)
    assert len(list(runner.failures(str(path)))) == 1
    assert runner.main([]) == 1
