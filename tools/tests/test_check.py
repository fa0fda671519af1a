"""`tools/check`: every stage runs, a failure is never lost, and pytest's own last line stands at the end."""

import sys
from pathlib import Path

import pytest
from milepost_tools.checks import stages
from milepost_tools.checks.stages import STAGES, Stage, check
from milepost_tools.processes import MissingTool


def stage(name: str, text: str, status: int = 0, live: bool = False) -> Stage:
    program = f"print({text!r}); raise SystemExit({status})"
    return Stage(name, lambda root: [sys.executable, "-c", program], live)


def test_all_stages_run_even_if_one_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three = [stage("one", "fine"), stage("two", "broken here", 3), stage("three", "fine too")]
    assert check(tmp_path, ["one", "two", "three"], three) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines if " s" in line] == [["one", "ok"], ["two", "FAILED"], ["three", "ok"]]
    assert "broken here" in lines
    assert lines[-1] == "check: FAILED: two"


def test_no_failure_is_status_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, ["one"], [stage("one", "fine")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "check: 1 stages, none failed"


def test_nothing_checked_is_no_success(tmp_path: Path) -> None:
    assert check(tmp_path, [], [stage("one", "fine")]) == 1


@pytest.mark.parametrize("status", [0, 1])
def test_the_tests_own_summary_closes_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    two = [stage("tests", "....\n12 passed in 3.4s", status, live=True), stage("late", "x")]
    assert check(tmp_path, ["tests", "late"], two) == status
    assert capsys.readouterr().out.splitlines()[-1] == "12 passed in 3.4s"


@pytest.mark.parametrize(("ci", "status", "word"), [("", 0, "not run"), ("true", 1, "FAILED")])
def test_a_missing_tool_fails_its_stage_in_ci_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, status: int, word: str
) -> None:
    def missing(root: Path) -> list[str]:
        raise MissingTool("no MicroPython: `get one`")

    monkeypatch.setenv("CI", ci)
    assert check(tmp_path, ["vectors"], [Stage("vectors", missing)]) == status
    shown = capsys.readouterr().out
    assert word in shown
    assert "no MicroPython: `get one`" in shown


def test_an_unknown_stage_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        stages.main(["nonsense"])
    assert caught.value.code == 2
    assert "no stage 'nonsense'" in capsys.readouterr().err


def test_the_house_checks_are_all_there() -> None:
    names = [one.name for one in STAGES]
    assert names == ["format", "lint", "mypy", "pyright", "arrows", "sizes", "vectors", "soak", "figures", "tests"]
    assert tuple(name for name in names if name not in stages.SLOW) == stages.FAST


def test_ci_runs_the_readmes_test_command(root: Path) -> None:
    assert "make test" in (root / ".ci" / "run").read_text().splitlines()[-1]
    recipe = (root / "Makefile").read_text().split("\ntest:\n")[1].splitlines()[0]
    assert recipe.strip() == "@tools/check"
