"""`tools/check`: every check of the project, one line a stage, all of them run even when one fails.

A stage is a command. What it says is shown when it fails; the tests show themselves as they go, for they take longest.
The last lines repeat what failed and pytest's own summary, which is what a reader of a CI log looks for.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import micropython
from ..processes import MissingTool, in_ci, run

STAGE_S_MAX = 1500.0  # all of CI has 25 minutes


@dataclass(frozen=True)
class Stage:
    """One check: its name, its command, and whether it shows its output while it runs."""

    name: str
    command: Callable[[Path], list[str]]
    live: bool = False


def _python(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda root: [sys.executable, "-m", *arguments]


def _vectors(root: Path) -> list[str]:
    """The golden vectors on the real VM; the modules are found as on a node, beside the working folder."""
    tests = root / "protocol" / "tests"
    files = sorted(str(path.relative_to(root)) for path in (tests / "vectors").glob("*.json"))
    runner = str((tests / "run_vectors.py").relative_to(root))
    return ["env", "MICROPYPATH=.frozen:protocol", *micropython.find(root), runner, *files]


STAGES = (
    Stage("format", _python("ruff", "format", "--check", ".")),
    Stage("lint", _python("ruff", "check", ".")),
    Stage("mypy", _python("mypy")),
    Stage("pyright", _python("pyright", "--pythonpath", sys.executable)),
    Stage("arrows", _python("milepost_tools.checks.arrows")),
    Stage("sizes", _python("milepost_tools.checks.sizes")),
    Stage("vectors", _vectors),
    Stage("soak", _python("milepost_tools.soak", "wire", "--seed", "1", "--transmissions", "1000000")),
    Stage("figures", _python("milepost_tools.bench.cli", "--ratchet", "wire")),
    Stage("tests", _python("pytest", "-q"), live=True),
)
SLOW = ("soak", "figures", "tests")  # minutes each
FAST = tuple(stage.name for stage in STAGES if stage.name not in SLOW)


@dataclass(frozen=True)
class Outcome:
    """How one stage ended: exit status (None: could not be run here, and that is no failure) and what it said."""

    stage: Stage
    status: int | None
    output: str
    seconds: float

    def line(self) -> str:
        """The stage's one line."""
        word = {None: "not run", 0: "ok"}.get(self.status, "FAILED")
        detail = last if (last := self.output.strip().splitlines()[-1:]) and self.status in (None, 0) else []
        return f"{self.stage.name:8} {word:7} {self.seconds:6.1f} s  {''.join(detail)}".rstrip()


def run_stage(stage: Stage, root: Path) -> Outcome:
    """Run one stage in the project folder `root`; a missing tool fails it in CI, and leaves it out elsewhere."""
    begun = time.monotonic()
    status: int | None
    try:
        command = stage.command(root)
        status, output = _run_live(command, root) if stage.live else _run_quiet(command, root)
    except MissingTool as error:
        status, output = (1 if in_ci() else None), str(error)
    return Outcome(stage, status, output, time.monotonic() - begun)


def _run_quiet(command: list[str], root: Path) -> tuple[int, str]:
    done = run(command, cwd=root, timeout_s=STAGE_S_MAX)
    return done.returncode, done.stdout


def _run_live(command: list[str], root: Path) -> tuple[int, str]:
    """Run and show at once what the command says; its time is bounded by its own per-test limit."""
    lines = []
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603 - our own table's command
        for line in process.stdout or ():
            lines.append(line)
            _show(line.rstrip("\n"))
    return process.returncode, "".join(lines)


def _show(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def check(root: Path, names: Sequence[str], stages: Sequence[Stage] = STAGES) -> int:
    """Run the stages called `names` and return the exit status: 0 only if none failed."""
    outcomes = []
    for stage in (stage for stage in stages if stage.name in names):
        outcome = run_stage(stage, root)
        outcomes.append(outcome)
        if outcome.status and not stage.live:
            _show(outcome.output.rstrip())
        _show(outcome.line())
    return _close(outcomes)


def _close(outcomes: Sequence[Outcome]) -> int:
    """Print the closing lines: what failed, and each live stage's own last line."""
    failed = [one.stage.name for one in outcomes if one.status]
    _show(f"check: FAILED: {' '.join(failed)}" if failed else f"check: {len(outcomes)} stages, none failed")
    for one in outcomes:
        if one.stage.live and one.output.strip():
            _show(one.output.strip().splitlines()[-1])
    return 1 if failed or not outcomes else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, and check the working folder."""
    names = [stage.name for stage in STAGES]
    parser = argparse.ArgumentParser(prog="tools/check", description="Check everything, or the stages named.")
    parser.add_argument("--fast", action="store_true", help="all but soak, figures and tests")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=" ".join(names))
    options = parser.parse_args(arguments)
    unknown = [name for name in options.stages if name not in names]
    if unknown:
        parser.error(f"no stage {unknown[0]!r}: choose from {' '.join(names)}")
    try:
        return check(Path.cwd(), options.stages or (FAST if options.fast else names))
    except KeyboardInterrupt:
        return 130
