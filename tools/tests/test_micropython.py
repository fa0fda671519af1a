"""A MicroPython is used only if it shows that it is fit, and is found or fetched in the documented order."""

from pathlib import Path

import pytest
from milepost_tools import micropython
from milepost_tools.processes import MissingTool

FIT = "echo 1.25; echo fit"


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No MicroPython but those a test plants."""
    monkeypatch.delenv(micropython.VARIABLE, raising=False)
    monkeypatch.setattr(micropython, "which", lambda name: None)


def script(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (FIT, ""),
        ("echo 1.31; echo fit", ""),
        ("echo 2.0; echo fit", ""),
        ("echo 1.24; echo fit", "is version 1.24, and 1.25 or newer is needed"),
        (
            "echo 1.25; echo \"ImportError: no module named 'cryptolib'\"",
            "lacks a module: ImportError: no module named",
        ),
        ("exit 1", "does not run: it said nothing"),
        ("echo what >&2; exit 127", "does not run: what"),
    ],
)
def test_a_port_must_show_that_it_is_fit(tmp_path: Path, text: str, reason: str) -> None:
    shown = micropython.why_unfit([script(tmp_path / "micropython", text)])
    assert shown.startswith(reason)
    assert bool(shown) == bool(reason)


def test_what_is_no_program_is_unfit(tmp_path: Path) -> None:
    assert micropython.why_unfit([str(tmp_path / "nothing")]) == "is not a program"


def test_the_variable_comes_before_the_path_and_the_path_before_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, on_path = script(tmp_path / "named", FIT), script(tmp_path / "on_path", FIT)
    kept = script(micropython.unpacked(tmp_path), FIT)
    assert micropython.find(tmp_path) == [kept]
    monkeypatch.setattr(micropython, "which", lambda name: on_path)
    assert micropython.find(tmp_path) == [on_path]
    monkeypatch.setenv(micropython.VARIABLE, f"{named} -X heapsize=4M")
    assert micropython.find(tmp_path) == [named, "-X", "heapsize=4M"]


def test_an_old_port_on_the_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = script(tmp_path / "old", "echo 1.19")
    monkeypatch.setattr(micropython, "which", lambda name: old)
    kept = script(micropython.unpacked(tmp_path), FIT)
    assert micropython.find(tmp_path) == [kept]


def test_an_unfit_port_that_was_named_is_an_error_and_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(micropython.unpacked(tmp_path), FIT)
    monkeypatch.setenv(micropython.VARIABLE, script(tmp_path / "named", "echo 1.19"))
    for look in (micropython.find, micropython.obtain):
        with pytest.raises(MissingTool, match=r"MILEPOST_MICROPYTHON names .*, which is version 1\.19"):
            look(tmp_path)


def test_no_port_at_all_is_one_line_with_the_command_that_mends_it(tmp_path: Path) -> None:
    with pytest.raises(MissingTool) as caught:
        micropython.find(tmp_path)
    assert str(caught.value).splitlines() == [f"no MicroPython on this machine: {micropython.MEND}"]
    assert "sudo apt-get install micropython" in micropython.MEND
    script(tmp_path / "tools" / "bootstrap", "")
    with pytest.raises(MissingTool, match="no MicroPython on this machine: `tools/bootstrap --only micropython`"):
        micropython.find(tmp_path)


def test_the_package_manager_is_asked_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = script(tmp_path / "given", FIT)

    def install(packages: list[str]) -> None:
        assert packages == ["micropython"]
        monkeypatch.setattr(micropython, "which", lambda name: given)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        script(tmp_path / "bin" / "micropython", FIT)

    monkeypatch.setattr(micropython, "elevation", list)
    monkeypatch.setattr(micropython.apt, "candidate", lambda package: "1.25.0+ds-1")
    monkeypatch.setattr(micropython.apt, "install", install)
    assert micropython.obtain(tmp_path) == [given]
    assert not micropython.unpacked(tmp_path).exists()


@pytest.mark.parametrize("candidate", ["", "1.24.1-1", "nonsense"])
def test_a_package_that_is_too_old_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, candidate: str
) -> None:
    monkeypatch.setattr(micropython, "elevation", list)
    monkeypatch.setattr(micropython.apt, "candidate", lambda package: candidate)
    monkeypatch.setattr(micropython.apt, "install", lambda packages: pytest.fail("installed"))
    monkeypatch.setattr(micropython, "unpack", lambda root: script(micropython.unpacked(root), FIT))
    assert micropython.obtain(tmp_path) == [str(micropython.unpacked(tmp_path))]


def test_without_root_a_real_one_is_unpacked_and_the_second_run_fetches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(micropython, "elevation", lambda: None)
    try:
        command = micropython.obtain(tmp_path)
    except MissingTool as error:
        pytest.skip(str(error))
    assert command == [str(micropython.unpacked(tmp_path))]
    assert micropython.why_unfit(command) == ""
    assert [path.name for path in (tmp_path / ".toolchain").iterdir()] == ["micropython"]
    monkeypatch.setattr(micropython.apt, "unpack", lambda *_: pytest.fail("fetched again"))
    assert micropython.obtain(tmp_path) == command
