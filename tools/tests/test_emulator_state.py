"""What the emulated board is given and what it keeps: identity, seed, and flash over resets and power cycles."""

from pathlib import Path
from types import ModuleType

import pytest
from milepost_tools import emulator

pytestmark = pytest.mark.timeout(300)  # the first build takes half a minute, on a busy machine twice that


@pytest.fixture(scope="module")
def firmware(emulated: ModuleType) -> Path:
    return emulated.build()


def run(script: str, files: emulator.Files | None = None, **settings: object) -> list[str]:
    """The words a script printed on a fresh board."""
    return emulator.run_script(files or {}, script, **settings).split()  # type: ignore[arg-type]


def test_random_bytes_follow_from_the_seed_and_only_from_it(firmware: Path) -> None:
    script = "import os, binascii; print(binascii.hexlify(os.urandom(40)).decode())"
    same, again, other = run(script, seed=1), run(script, seed=1), run(script, seed=2)
    assert same == again != other
    assert len(same[0]) == 80


def test_the_unique_id_is_the_one_given(firmware: Path) -> None:
    script = "import machine, binascii; print(binascii.hexlify(machine.unique_id()).decode())"
    assert run(script, unique_id=bytes.fromhex("a4cf12000007")) == ["a4cf12000007"]


def test_a_reset_starts_anew_knows_its_cause_and_repeats_no_random_bytes(firmware: Path) -> None:
    script = """
import machine, os
print(machine.reset_cause() == machine.PWRON_RESET, machine.reset_cause() == machine.HARD_RESET, os.urandom(8))
if machine.reset_cause() == machine.PWRON_RESET:
    machine.reset()
"""
    cold, warm, first, warm_cold, warm_warm, second = run(script)
    assert (cold, warm, warm_cold, warm_warm) == ("True", "False", "False", "True")
    assert first != second


def test_flash_is_erased_when_new_and_survives_a_power_cycle(firmware: Path, tmp_path: Path) -> None:
    flash = tmp_path / "flash.bin"
    write = """
import emulated
assert len(emulated.flash()) == 4 << 20 and set(emulated.flash()[:4096]) == {255}
emulated.flash_write(1, bytes(range(256)) * 3)
emulated.flash_write((4 << 20) - 2, b"zz")
"""
    run(write, flash=flash)
    read = """
import emulated
f = emulated.flash()
print(f[0], bytes(f[1:769]) == bytes(range(256)) * 3, f[769], bytes(f[-3:]))
"""
    assert run(read, flash=flash) == ["255", "True", "255", "b'\\xffzz'"]


def test_flash_survives_a_reset_and_a_write_outside_is_refused(firmware: Path, tmp_path: Path) -> None:
    script = """
import emulated, machine
try:
    emulated.flash_write((4 << 20) - 1, b"ab")
except ValueError as error:
    print(error)
if machine.reset_cause() == machine.PWRON_RESET:
    emulated.flash_write(100, b"kept")
    machine.reset()
print(bytes(emulated.flash()[99:105]))
"""
    words = run(script, flash=tmp_path / "flash.bin")
    assert words == ["outside", "the", "flash"] * 2 + ["b'\\xffkept\\xff'"]


def test_a_board_without_flash_says_so(firmware: Path) -> None:
    assert run("import emulated; print(emulated.flash())") == ["None"]
