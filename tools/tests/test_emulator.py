"""The emulated board does what the rest of the project relies on: each claim is shown on the board itself.

Most tests run one script on a fresh board and look at what it printed; the serial port has a
file of its own. Where the tool chain is missing the tests skip and say what is missing.
"""

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from milepost_tools import apt, emulator
from milepost_tools.emulator import packages, romfs
from milepost_tools.processes import MissingTool

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "protocol" / "milepost_protocol"
RUNNER = ROOT / "protocol" / "tests" / "run_vectors.py"
VECTORS = sorted((RUNNER.parent / "vectors").glob("*.json"))

pytestmark = pytest.mark.timeout(300)  # the first build takes half a minute, on a busy machine twice that


@pytest.fixture(scope="module")
def firmware(emulated: ModuleType) -> Path:
    return emulated.build()


def run(script: str, files: emulator.Files | None = None, **settings: object) -> list[str]:
    """The words a script printed on a fresh board."""
    return emulator.run_script(files or {}, script, **settings).split()  # type: ignore[arg-type]


# ---- what it is


def test_the_board_is_a_32_bit_micropython_with_single_floats(firmware: Path) -> None:
    words = run("import sys; print(*sys.implementation[:2], sys.platform, sys.maxsize, 16777217.0 == 16777216.0)")
    assert words == ["micropython", "(1,", "25,", "0,", "'')", "qemu", "2147483647", "True"]


def test_all_modules_the_project_uses_are_there(firmware: Path) -> None:
    run("import asyncio, binascii, cryptolib, gc, hashlib, json, machine, micropython, os, random, select, struct, vfs")
    run("import sys, time; time.ticks_ms, time.ticks_us, time.ticks_cpu, sys.stdin.buffer, sys.stdout.buffer")


def test_a_fresh_board_has_at_least_135_kilobytes_of_free_heap(firmware: Path) -> None:
    assert int(run("import gc; gc.collect(); print(gc.mem_free())")[0]) >= 135_000


def test_the_firmware_names_no_folder_of_the_machine_it_was_built_on(firmware: Path) -> None:
    assert str(ROOT).encode() not in firmware.read_bytes()


# ---- cryptography


AES = """
import cryptolib
from binascii import unhexlify as h, hexlify
mode, key, iv, text = {mode}, h("{key}"), h("{iv}"), h("{text}")
def cipher():
    return cryptolib.aes(key, mode, iv) if iv else cryptolib.aes(key, mode)
out = cipher().encrypt(text)
assert cipher().decrypt(out) == text
print(hexlify(out).decode())
"""
ECB, CBC = 1, 2
SP800_38A_KEY = "2b7e151628aed2a6abf7158809cf4f3c"
SP800_38A_TEXT = (
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
AES_VECTORS = {
    "FIPS-197 C.1": (
        ECB,
        "000102030405060708090a0b0c0d0e0f",
        "",
        "00112233445566778899aabbccddeeff",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
    ),
    "FIPS-197 C.3": (
        ECB,
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "",
        "00112233445566778899aabbccddeeff",
        "8ea2b7ca516745bfeafc49904b496089",
    ),
    "SP 800-38A F.1.1": (
        ECB,
        SP800_38A_KEY,
        "",
        SP800_38A_TEXT,
        "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
        "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4",
    ),
    "SP 800-38A F.2.1": (
        CBC,
        SP800_38A_KEY,
        "000102030405060708090a0b0c0d0e0f",
        SP800_38A_TEXT,
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
        "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    ),
}


@pytest.mark.parametrize("name", AES_VECTORS)
def test_aes_gives_the_published_ciphertext_and_back(firmware: Path, name: str) -> None:
    mode, key, iv, text, expected = AES_VECTORS[name]
    assert run(AES.format(mode=mode, key=key, iv=iv, text=text)) == [expected]


def test_aes_in_counter_mode_is_refused_as_on_an_esp32(firmware: Path) -> None:
    with pytest.raises(emulator.BoardFailed, match="ValueError: mode"):
        run("import cryptolib; cryptolib.aes(bytes(16), 6, bytes(16))")


def test_sha256_gives_the_published_digests(firmware: Path) -> None:
    # FIPS 180-4 examples: one block, two blocks.
    script = (
        "import hashlib, binascii\nfor m in ({!r}, {!r}): print(binascii.hexlify(hashlib.sha256(m).digest()).decode())"
    )
    assert run(script.format(b"abc", b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) == [
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ]


# ---- time


SLEEPER = """
import asyncio, time
async def main():
    started = time.ticks_ms()
    for _ in range({rounds}):
        await asyncio.sleep({period_s})
    print(time.ticks_diff(time.ticks_ms(), started))
asyncio.run(main())
"""


def test_an_hour_of_idle_takes_under_20_seconds_because_idle_is_wfi(firmware: Path) -> None:
    started = time.monotonic()
    slept_ms = int(run(SLEEPER.format(rounds=360, period_s=10), icount=3)[0])
    assert time.monotonic() - started < 20
    assert 3_600_000 <= slept_ms < 3_600_400  # at most one ms late each time


def test_waking_often_costs_milliseconds_of_virtual_time_not_an_endless_loop(firmware: Path) -> None:
    slept_ms = int(run(SLEEPER.format(rounds=1000, period_s=0.01), icount=3)[0])
    assert 10_000 <= slept_ms < 11_100


@pytest.mark.parametrize("call", ["time.sleep_ms(1500)", "time.sleep(1.5)", "time.sleep_us(1500000)"])
def test_each_way_to_sleep_takes_its_time(firmware: Path, call: str) -> None:
    script = f"import time; t = time.ticks_us(); {call}; print(time.ticks_diff(time.ticks_us(), t))"
    assert 1_500_000 <= int(run(script, icount=3)[0]) < 1_500_200


def test_without_instruction_counting_a_second_is_a_second_of_the_host(firmware: Path) -> None:
    started = time.monotonic()
    run("import time; time.sleep(1)")
    assert 1.0 <= time.monotonic() - started < 10


COUNTED = """
import emulated, json, time
def work():
    before = emulated.instructions()
    for i in range(100):
        json.dumps({"pm25": i / 7, "rh": 78.4})
    return emulated.instructions() - before
print(work(), time.ticks_us())
"""


def test_the_same_script_takes_the_same_number_of_instructions_twice(firmware: Path) -> None:
    first, second = run(COUNTED, icount=0), run(COUNTED, icount=0)
    assert first == second
    assert int(first[0]) > 100_000


def test_at_shift_3_an_instruction_takes_eight_times_as_long_as_at_shift_0(firmware: Path) -> None:
    assert int(run(COUNTED, icount=3)[0]) == 8 * int(run(COUNTED, icount=0)[0])


def test_skipping_sleep_without_counting_is_refused() -> None:
    with pytest.raises(emulator.EmulatorError, match="icount"):
        emulator.start(sleep_off=True)


# ---- files and scripts


LITTLEFS = """
import vfs
class Ram:
    SIZE = 512
    def __init__(self, blocks):
        self.memory = bytearray(blocks * self.SIZE)
    def readblocks(self, block, buffer, offset=0):
        at = block * self.SIZE + offset
        buffer[:] = self.memory[at:at + len(buffer)]
    def writeblocks(self, block, buffer, offset=0):
        at = block * self.SIZE + offset
        self.memory[at:at + len(buffer)] = buffer
    def ioctl(self, op, argument):
        return {4: len(self.memory) // self.SIZE, 5: self.SIZE}.get(op, 0)
ram = Ram(64)
vfs.VfsLfs2.mkfs(ram)
vfs.mount(vfs.VfsLfs2(ram), "/data")
with open("/data/row", "wb") as file:
    file.write(bytes(range(256)) * 20)
vfs.umount("/data")
vfs.mount(vfs.VfsLfs2(ram), "/data")
with open("/data/row", "rb") as file:
    print(file.read() == bytes(range(256)) * 20)
"""


def test_littlefs_on_a_block_device_keeps_a_file_across_a_mount(firmware: Path) -> None:
    assert run(LITTLEFS) == ["True"]


def test_files_of_the_host_are_importable_and_readable_in_folders(firmware: Path) -> None:
    files = {"pack/__init__.py": b"", "pack/part.py": b"VALUE = 42", "data/rows.txt": b"one\ntwo\n", "empty": b""}
    script = "from pack.part import VALUE; print(VALUE, open('/rom/data/rows.txt').read(), len(open('empty').read()))"
    assert run(script, files) == ["42", "one", "two", "0"]


def test_the_protocol_package_imports_on_the_board(firmware: Path) -> None:
    run("import milepost_protocol", emulator.package(PROTOCOL))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_golden_vector_of_the_wire_holds_on_the_board(firmware: Path, path: Path) -> None:
    files = {**emulator.package(PROTOCOL), "run_vectors.py": RUNNER, path.name: path}
    script = f"import run_vectors, sys; sys.exit(run_vectors.main(['{path.name}']))"
    assert run(script, files)[-2:] == ["0", "failures"]


def test_native_and_viper_code_runs_from_handed_over_files(firmware: Path) -> None:
    code = b"import micropython\n@micropython.viper\ndef double(n: int) -> int:\n    return n * 2\n"
    assert run("import fast; print(fast.double(21))", {"fast.py": code}) == ["42"]


def test_200_kilobytes_of_vectors_stream_through_the_board_in_seconds(firmware: Path) -> None:
    line = b'{"name": "row", "hex": "' + b"5a" * 80 + b'"}\n'
    script = """
import json, binascii
count = 0
for line in open("vectors.jsonl"):
    count += len(binascii.unhexlify(json.loads(line)["hex"]))
print(count)
"""
    started = time.monotonic()
    assert run(script, {"vectors.jsonl": line * 1100}) == [str(1100 * 80)]
    assert time.monotonic() - started < 10


def test_an_exception_on_the_board_fails_with_its_traceback(firmware: Path) -> None:
    with pytest.raises(emulator.BoardFailed, match=r'File "broken\.py", line 2') as caught:
        run("print('before')\nimport broken", {"broken.py": b"\nraise ValueError('planted')\n"})
    assert "ValueError: planted" in caught.value.output
    assert caught.value.output.startswith("before\n")


def test_the_exit_status_of_a_script_is_told(firmware: Path) -> None:
    run("import sys; sys.exit(0)")
    with pytest.raises(emulator.BoardFailed, match="status 3"):
        run("import sys; sys.exit(3)")


def test_a_script_that_never_ends_is_ended_with_what_it_printed(firmware: Path) -> None:
    with pytest.raises(emulator.BoardFailed, match="more than") as caught:
        run("print('going')\nwhile True: pass", timeout_s=2)
    assert caught.value.output == "going\n"


def test_a_wild_store_ends_the_run_with_the_machines_reason(firmware: Path) -> None:
    with pytest.raises(emulator.BoardFailed, match="machine exception: mcause=7"):
        run("import machine; machine.mem32[0x90000000] = 1")


# ---- the command, the build


def tools_emulator(*words: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, ROOT / "tools" / "emulator", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=200)


def test_the_command_runs_a_script_and_ends_with_its_status(firmware: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint(sys.platform)\n")
    done = tools_emulator("run", "--icount", "3", "--sleep-off", "--script", script)
    assert (done.returncode, done.stdout) == (0, "qemu\n"), done.stderr
    script.write_text("import sys\nprint('before')\nsys.exit(7)\n")
    done = tools_emulator("run", "--script", script)
    assert (done.returncode, done.stdout) == (7, "before\n"), done.stderr


def test_a_script_that_is_not_there_is_one_line_and_a_usage_error(firmware: Path) -> None:
    done = tools_emulator("run", "--script", "no-such-file.py")
    assert (done.returncode, done.stderr) == (2, "emulator: no-such-file.py: No such file or directory\n")


def test_a_second_build_is_instant_and_fetches_nothing(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a cached build touched the network or the compiler")

    monkeypatch.setattr(apt, "fetch_sources", refuse)
    monkeypatch.setattr("milepost_tools.emulator.firmware._build_into", refuse)
    started = time.monotonic()
    assert emulator.build() == firmware
    assert time.monotonic() - started < 2


def test_a_missing_tool_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "which", lambda program: None if "qemu" in program else "/bin/" + program)
    monkeypatch.setattr(packages, "_has_library", lambda: False)
    with pytest.raises(MissingTool, match="`sudo apt-get install qemu-system-misc picolibc-riscv64-unknown-elf`"):
        packages.need_tools(install=False)


def test_a_romfs_image_is_even_and_opens_with_its_magic() -> None:
    for content in (b"", b"x", b"xy", b"x" * 127, b"x" * 128, b"x" * 16384):
        made = romfs.image({"folder/file": content})
        assert made[:3] == b"\xd2\xcd\x31"
        assert len(made) % 2 == 0


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="is a file"):
        romfs.image({"a": b"", "a/b": b""})
