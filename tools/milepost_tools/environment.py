"""The project's `.venv`: made, filled and kept, on any Debian with python3, with or without its venv package.

A stamp in the folder records what it was filled from; while that is unchanged nothing is run and no network is needed.
Debian's python3 may come without ensurepip: then pip is taken from Debian's own wheel, installed or unpacked by hand.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from . import apt
from .processes import MissingTool, last_line, run, say

WHEELS = Path("usr/share/python-wheels")  # where Debian's python3-pip-whl puts pip's wheel
STAMP = "milepost.json"


def python(root: Path) -> Path:
    """The environment's interpreter in the project folder `root`."""
    return root / ".venv" / "bin" / "python"


def ensure(root: Path, tests: bool = False) -> bool:
    """Make `.venv` hold the project (editable), with what the tests need if `tests`; True if anything had to be done.

    MissingTool if Python cannot make an environment or pip cannot fill it.
    """
    if is_filled(root, tests):
        return False
    if not python(root).exists() or run([python(root), "-m", "pip", "--version"]).returncode:
        create(root)
    fill(root, tests)
    stamp = _now(root) | {"tests": tests}
    (root / ".venv" / STAMP).write_text(json.dumps(stamp, indent=1) + "\n")
    return True


def _now(root: Path) -> dict[str, str | bool]:
    """What the environment depends on: an upgraded Python, a moved folder or a new requirement makes it stale."""
    project = hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest()
    return {"pyproject": project, "python": os.path.realpath(python(root)), "root": str(root)}


def is_filled(root: Path, tests: bool) -> bool:
    """Whether `.venv` holds the project as it is now, and what its tests need if `tests`."""
    try:
        stamp = json.loads((root / ".venv" / STAMP).read_text())
    except (OSError, ValueError):
        return False
    had_tests = stamp.pop("tests", False)
    return python(root).exists() and stamp == _now(root) and (had_tests or not tests)


def create(root: Path) -> None:
    """Make an empty `.venv` with pip in it, from the Python that runs this."""
    say("bootstrap: making .venv")
    if importlib.util.find_spec("venv") is None:
        raise MissingTool("this Python cannot make environments: `sudo apt-get install python3-venv`")
    bare = importlib.util.find_spec("ensurepip") is None
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "venv",
        "--clear",
        *(["--without-pip"] if bare else []),
        root / ".venv",
    ]
    done = run(command)
    if done.returncode:
        raise MissingTool(f".venv could not be made ({last_line(done.stdout)}): mend that, then run `tools/bootstrap`")
    if bare:
        _add_pip(root)


def pip_wheels(top: Path) -> list[Path]:
    """Debian's own wheels of pip below `top`, where its packages were unpacked."""
    return sorted((top / WHEELS).glob("pip-*.whl"))


def _add_pip(root: Path) -> None:
    """Put pip into an environment made without it: a wheel is a zip that Python can run, so pip installs itself."""
    with tempfile.TemporaryDirectory(dir=root / ".venv") as folder:
        wheels = pip_wheels(Path("/"))
        if not wheels:
            say("bootstrap: this Python has no ensurepip; taking pip from Debian's python3-pip-whl (no root needed)")
            apt.unpack(["python3-pip-whl"], Path(folder) / "deb", depends=False)
            wheels = pip_wheels(Path(folder) / "deb")
        if not wheels:
            raise MissingTool("python3-pip-whl holds no pip: `sudo apt-get install python3-venv`")
        wheel = shutil.copy(wheels[-1], folder)
        _pip(root, ["install", "--no-index", wheel], {"PYTHONPATH": wheel})


def fill(root: Path, tests: bool) -> None:
    """Install the project into `.venv`, editable."""
    what = f"{root}[dev]" if tests else str(root)
    say("bootstrap: installing Milepost into .venv" + (" with what its tests need" if tests else ""))
    _pip(root, ["install", "-e", what])


def _pip(root: Path, arguments: list[str], env: dict[str, str] | None = None) -> None:
    """Run pip quietly; its whole story goes to `.venv/pip.log`, its last error into MissingTool."""
    command = [str(python(root)), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = run(command, cwd=root, env={"PIP_USER": "0", **(env or {})})
    (root / ".venv" / "pip.log").write_text(done.stdout)
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if line.strip(" │╰─>").startswith("ERROR")]
        reason = last_line(errors[-1] if errors else done.stdout)
        raise MissingTool(f"pip failed, .venv/pip.log has it all ({reason}): mend that, then run `tools/bootstrap`")
