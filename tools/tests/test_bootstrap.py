"""`tools/bootstrap`: does what is missing and only that, on a Python with or without pip, and fails in one line."""

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from milepost_tools import bootstrap, environment
from milepost_tools.processes import MissingTool, run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder whose environment is pretended: `done` lists what was made and filled."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")

    def create(root: Path) -> None:
        environment.python(root).parent.mkdir(parents=True, exist_ok=True)
        environment.python(root).unlink(missing_ok=True)
        environment.python(root).symlink_to(sys.executable)

    monkeypatch.setattr(environment, "create", create)
    monkeypatch.setattr(environment, "fill", lambda root, tests: None)
    return tmp_path


def test_an_unchanged_environment_is_left_alone(project: Path) -> None:
    assert environment.ensure(project)
    assert not environment.ensure(project)


def test_a_changed_requirement_fills_it_again(project: Path) -> None:
    environment.ensure(project)
    (project / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert environment.ensure(project)
    assert not environment.ensure(project)


def test_tests_want_more_than_the_demo_and_the_demo_no_less(project: Path) -> None:
    environment.ensure(project)
    assert environment.ensure(project, tests=True)
    assert not environment.ensure(project)
    assert not environment.ensure(project, tests=True)


def test_an_upgraded_python_makes_it_stale(project: Path) -> None:
    environment.ensure(project)
    environment.python(project).unlink()
    environment.python(project).symlink_to("/bin/sh")
    assert environment.ensure(project)


def test_a_moved_folder_makes_it_stale(project: Path) -> None:
    environment.ensure(project)
    moved = project.parent / "moved"
    project.rename(moved)
    assert environment.ensure(moved)


def test_a_broken_stamp_is_no_stamp(project: Path) -> None:
    environment.ensure(project)
    (project / ".venv" / environment.STAMP).write_text("{")
    assert environment.ensure(project)


def hide_ensurepip(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian's python3 is without python3-venv."""
    find_spec = importlib.util.find_spec

    def hiding(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "ensurepip" else find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", hiding)


def test_a_python_without_ensurepip_gets_debians_pip_without_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}."
    if not run(["/usr/bin/python3", "--version"]).stdout.startswith(version):
        pytest.skip("does not apply: Debian's pip is made for Debian's Python, and this is another version")
    hide_ensurepip(monkeypatch)
    real = environment.pip_wheels
    monkeypatch.setattr(environment, "pip_wheels", lambda top: [] if top == Path("/") else real(top))
    try:
        environment.create(tmp_path)
    except MissingTool as error:
        pytest.skip(str(error))
    shown = run([environment.python(tmp_path), "-m", "pip", "--version"]).stdout
    assert str(tmp_path / ".venv") in shown
    assert sorted(path.name for path in (tmp_path / ".venv").iterdir() if path.name.startswith("tmp")) == []


def test_a_failing_pip_is_one_line_and_its_story_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[build-system]\nrequires = ['no-such-backend-at-all']\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(MissingTool) as caught:
        environment.ensure(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    assert "no-such-backend-at-all" in str(caught.value)
    assert "no-such-backend-at-all" in (tmp_path / ".venv" / "pip.log").read_text()
    assert not (tmp_path / ".venv" / environment.STAMP).exists()


@pytest.mark.parametrize(("tests", "status"), [(False, 6), (True, 0)])
def test_a_missing_tool_ends_the_demos_bootstrap_but_leaves_the_tests_to_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tests: bool, status: int
) -> None:
    def missing(*_: object) -> None:
        raise MissingTool("no MicroPython: `get one`")

    monkeypatch.setattr(bootstrap.micropython, "obtain", missing)
    monkeypatch.setattr(bootstrap, "test_programs", missing)
    monkeypatch.setattr(bootstrap.environment, "ensure", lambda root, tests: True)
    assert bootstrap.bootstrap(tmp_path, tests, None) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert set(captured.err.splitlines()) == {"bootstrap: no MicroPython: `get one`"}


def test_a_missing_environment_always_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise MissingTool("no venv")

    monkeypatch.setattr(bootstrap.environment, "ensure", missing)
    assert bootstrap.bootstrap(tmp_path, tests=True, only="venv") == bootstrap.EXIT_TOOL_MISSING


def test_a_second_run_is_silent_and_needs_no_network(root: Path, micropython: list[str]) -> None:
    if not environment.is_filled(root, tests=False):
        pytest.skip("does not apply: this .venv was not filled by tools/bootstrap")
    nowhere = {"PIP_NO_INDEX": "1", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = run([root / "tools" / "bootstrap"], env=nowhere, timeout_s=10)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_wrong_argument_is_told_apart_from_a_missing_tool(root: Path) -> None:
    done = subprocess.run([root / "tools" / "bootstrap", "--nonsense"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
