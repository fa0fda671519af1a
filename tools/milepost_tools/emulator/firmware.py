"""Building the firmware and its mpy-cross, once for each set of inputs.

The inputs are our board folder and this file, the versions of the two source packages and of the compiler; their hash
names the folder of the result. A build works in a folder of its own, which becomes the result by one rename, under a
lock: whoever sees the folder sees a whole build.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..processes import say
from .packages import COMPILER, SOURCES, need_sources, need_tools
from .shell import must

HERE = Path(__file__).resolve().parent
BOARD = HERE / "board"
CACHE = HERE.parents[2] / ".toolchain" / "emulator"
FIRMWARE = "firmware.elf"
MPY_CROSS = "mpy-cross"
JOBS = min(2, os.cpu_count() or 1)  # more would starve what else the machine does; the build takes under a minute


def build(install: bool = False) -> Path:
    """The firmware's ELF file, built if this set of inputs was not built before.

    `install` lets root's apt install missing programs. Raises MissingTool, or EmulatorError with the compiler's words.
    """
    return _result(install) / FIRMWARE


def mpy_cross(install: bool = False) -> Path:
    """The mpy-cross of the same MicroPython source as the firmware."""
    return _result(install) / MPY_CROSS


def _result(install: bool) -> Path:
    need_tools(install)
    CACHE.mkdir(parents=True, exist_ok=True)
    with _lock(CACHE / "lock"):
        sources = need_sources(CACHE / "sources")
        result = CACHE / _key(sources)
        if not (result / FIRMWARE).exists():
            _build_into(result, sources)
    return result


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _key(sources: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in [*_board_files(), Path(__file__)]:
        digest.update(f"{path.relative_to(HERE)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    compiler = must([COMPILER, "-dumpfullversion"]).strip()
    digest.update("\0".join([compiler, *(path.name for path in sources)]).encode())
    return digest.hexdigest()[:16]


def _board_files() -> list[Path]:
    return sorted(path for path in BOARD.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _build_into(result: Path, sources: list[Path]) -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="work-") as folder:
        work = Path(folder)
        _unpack(sources, work)
        version = sources[0].stem.partition("_")[2]
        _make(work, version)
        _collect(work, result)
    say(f"emulator: built in {time.monotonic() - started:.0f} s")


def _unpack(sources: list[Path], work: Path) -> None:
    for dsc, name in zip(sources, SOURCES, strict=True):
        say(f"emulator: unpacking {dsc.stem}")
        (work / name).mkdir()
        must(["tar", "-xf", _tarball(dsc), "-C", work / name, "--strip-components=1"])
    shutil.copytree(BOARD, work / "board", ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("include", "library"):
        (work / "mbedtls" / part).rename(work / "board/c/mbedtls" / part)
    # The build insists on a micropython-lib with a read-me; nothing is taken from it.
    (work / "no-lib").mkdir()
    (work / "no-lib/README.md").touch()


def _tarball(dsc: Path) -> Path:
    """The upstream tar file beside a .dsc: NAME_VERSION.orig.tar.*, the version without Debian's revision."""
    upstream = dsc.stem.rpartition("-")[0]
    return next(dsc.parent.glob(f"{upstream}.orig.tar.*[!c]"))


def _make(work: Path, version: str) -> None:
    # A fixed date and tag make the same inputs the same ELF on every machine, so that instruction counts agree.
    env = {"SOURCE_DATE_EPOCH": "0", "MICROPY_GIT_TAG": f"v{version}", "MICROPY_GIT_HASH": "milepost", "MAKEFLAGS": ""}
    tree = work / "micropython"
    make = ["make", f"-j{JOBS}"]
    say("emulator: compiling mpy-cross")
    must([*make, "-C", tree / "mpy-cross"], env=env)
    say(f"emulator: compiling MicroPython {version} for the board")
    must([*make, "-C", tree / "ports/qemu", *_make_variables(work)], env=env)


def _make_variables(work: Path) -> list[str]:
    board = work / "board"
    variables = {
        "BUILD": work / "build",
        "BOARD": "milepost",
        "BOARD_DIR": board,
        "USER_C_MODULES": board / "c",
        "MBEDTLS_DIR": board / "c/mbedtls",
        "MPY_LIB_DIR": work / "no-lib",
    }
    return [f"{name}={value}" for name, value in variables.items()]


def _collect(work: Path, result: Path) -> None:
    kept = work / "result"
    kept.mkdir()
    shutil.copy2(work / "build" / FIRMWARE, kept)
    shutil.copy2(work / "micropython/mpy-cross/build" / MPY_CROSS, kept)
    kept.rename(result)
