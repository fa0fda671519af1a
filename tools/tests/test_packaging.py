"""The wheel holds the four packages and nothing else; an editable install is one that type checkers can see."""

import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

PACKAGES = {
    "milepost_gateway": "gateway",
    "milepost_node": "firmware",
    "milepost_protocol": "protocol",
    "milepost_tools": "tools",
}
USER = """\
from milepost_protocol.frames import encode_frame

frame: bytes = encode_frame({argument})
"""


@pytest.fixture(scope="module")
def wheel_path(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(wheel_path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel_path)


def test_the_wheel_puts_four_packages_and_nothing_else_at_the_top(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert len(tops) == len(PACKAGES) + 1


@pytest.mark.parametrize(("package", "folder"), PACKAGES.items())
def test_every_module_of_a_package_is_in_the_wheel_with_its_types(
    root: Path, wheel: zipfile.ZipFile, package: str, folder: str
) -> None:
    sources = {str(path.relative_to(root / folder)) for path in (root / folder / package).rglob("*.py")}
    assert sources
    packed = {name for name in wheel.namelist() if name.startswith(package + "/")}
    assert sources | {f"{package}/py.typed"} <= packed


def test_the_wheel_declares_both_commands(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    declared = ConfigParser()
    declared.read_string(wheel.read(name).decode())
    commands = {"milepost": "milepost_tools.cli:main", "milepost-gateway": "milepost_gateway.cli:main"}
    assert dict(declared["console_scripts"]) == commands


def test_the_licence_is_in_the_wheel(root: Path, wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("/LICENSE")]
    assert wheel.read(name) == (root / "LICENSE").read_bytes()


def test_an_installed_wheel_gives_both_commands_and_four_packages(wheel_path: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(tmp_path)]
    done = subprocess.run([*command, str(wheel_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "bin").iterdir()) == ["milepost", "milepost-gateway"]
    tops = {path.name for path in tmp_path.iterdir() if path.suffix != ".dist-info"}
    assert tops == {*PACKAGES, "bin"}


@pytest.mark.parametrize(
    "checker", [["mypy", "--strict"], ["pyright", "--pythonpath", sys.executable]], ids=["mypy", "pyright"]
)
@pytest.mark.parametrize(("argument", "status"), [('b"abc"', 0), ("1.5", 1)], ids=["right", "wrong"])
def test_a_type_checker_sees_the_editable_install(
    tmp_path: Path, checker: list[str], argument: str, status: int
) -> None:
    (tmp_path / "user.py").write_text(USER.format(argument=argument))
    command = [sys.executable, "-m", *checker, "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == status, done.stdout + done.stderr
    assert "encode_frame" in done.stdout or status == 0
