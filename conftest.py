"""Shared by every test: the tools that tests start, and what happens where one is missing.

A test asks for a tool as a fixture. Where the machine lacks it the test skips, saying why and what would give it; in
CI (environment CI=true) it fails instead, so that nothing goes untested unseen.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest
from milepost_tools import micropython as port
from milepost_tools.processes import MissingTool, in_ci, which

ROOT = Path(__file__).parent


def lacking(reason: str) -> NoReturn:
    """Skip the test that runs, or fail it in CI."""
    if in_ci():
        pytest.fail(f"missing in CI: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project folder."""
    return ROOT


@pytest.fixture(scope="session")
def need() -> Callable[[str], str]:
    """`need("mosquitto")`: the path of a program, its package called the same unless given."""

    def need(program: str, package: str = "") -> str:
        path = which(program)
        return path or lacking(f"{program} missing: `sudo apt-get install {package or program}`")

    return need


@pytest.fixture(scope="session")
def micropython() -> list[str]:
    """The command line prefix of a real MicroPython unix port."""
    try:
        return port.find(ROOT)
    except MissingTool as error:
        lacking(str(error))


@pytest.fixture(scope="session")
def mosquitto(need: Callable[[str], str]) -> str:
    """The path of a real MQTT broker."""
    return need("mosquitto")


@pytest.fixture(scope="session")
def load_file() -> Callable[[Path], ModuleType]:
    """Import a Python file that stands in no package, by its path."""

    def load_file(path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_file
