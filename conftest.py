"""Shared by every test: the tools that tests start, and what happens where one is missing.

A test asks for a tool as a fixture. Where the machine lacks it the test skips, saying why and what would give it. In CI
(environment CI=true) every skip is a failure, so that nothing goes untested unseen; the one excuse is a reason that
begins with `does not apply`, for a test that this machine could not be given the means to run.
"""

from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType

import pytest
from milepost_tools import emulator
from milepost_tools import micropython as port
from milepost_tools.fuzz import corpus
from milepost_tools.processes import MissingTool, in_ci, which

ROOT = Path(__file__).parent


EXCUSE = "does not apply"


def no_silent_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure, unless it is excused or an expected failure."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if not reason.removeprefix("Skipped: ").startswith(EXCUSE):
        report.outcome = "failed"
        report.longrepr = f"in CI a skip is a failure: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hold CI to it for tests and fixtures."""
    report = yield
    if in_ci():
        no_silent_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Hold CI to it for whole modules."""
    report = yield
    if in_ci():
        no_silent_skip(report)
    return report


@pytest.fixture(scope="session")
def root() -> Path:
    """The project folder."""
    return ROOT


@pytest.fixture(scope="session")
def need() -> Callable[[str], str]:
    """`need("mosquitto")`: the path of a program, its package called the same unless given."""

    def need(program: str, package: str = "") -> str:
        path = which(program)
        return path or pytest.skip(f"{program} missing: `sudo apt-get install {package or program}`")

    return need


@pytest.fixture(scope="session")
def micropython() -> list[str]:
    """The command line prefix of a real MicroPython unix port."""
    try:
        return port.find(ROOT)
    except MissingTool as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def emulated() -> ModuleType:
    """The module `milepost_tools.emulator`, its firmware built: `emulated.run_script(files, script)`."""
    try:
        emulator.build()
    except MissingTool as error:
        pytest.skip(str(error))
    return emulator


@pytest.fixture(scope="session")
def mosquitto(need: Callable[[str], str]) -> str:
    """The path of a real MQTT broker."""
    return need("mosquitto")


@pytest.fixture(scope="session")
def load_file() -> Callable[[Path], ModuleType]:
    """Import a Python file that stands in no package, by its path."""
    return corpus.load_file
