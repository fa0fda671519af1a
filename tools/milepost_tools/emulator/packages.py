"""Debian's part: the programs a build needs, and the source packages of MicroPython and mbedtls.

The machine may be older than the suite that has MicroPython, so the sources come by a private apt (see `apt.py`). Once
both are in the folder, no network is used again.
"""

from pathlib import Path

from .. import apt
from ..processes import MissingTool, run, say, which

SUITE = "trixie"  # the first Debian with MicroPython ≥ 1.25
SOURCES = ("micropython", "mbedtls")
COMPILER = "riscv64-unknown-elf-gcc"
TOOLS = {  # program: the package that has it
    COMPILER: "gcc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
    "setpriv": "util-linux",
    "make": "make",
    "gcc": "gcc",
    "tar": "tar",
    "xz": "xz-utils",
    "bzip2": "bzip2",
}
LIBRARY = "picolibc-riscv64-unknown-elf"


def missing_packages() -> list[str]:
    """The Debian packages whose programs this machine lacks, for building and running."""
    missing = [package for program, package in TOOLS.items() if which(program) is None]
    return missing if _has_library() else [*missing, LIBRARY]


def _has_library() -> bool:
    # Without a compiler the status is 127; a compiler that does not find the file answers with the bare name.
    done = run([COMPILER, "-print-file-name=picolibc.specs"])
    return done.returncode == 0 and done.stdout.strip() != "picolibc.specs"


def need_tools(install: bool) -> None:
    """Make sure that the programs are there: installed if `install` and we may, else MissingTool names the command."""
    missing = missing_packages()
    if missing and install:
        apt.install(missing)
    elif missing:
        names = " ".join(missing)
        raise MissingTool(f"{names} missing: `sudo apt-get install {names}`")


def find_sources(folder: Path) -> list[Path]:
    """The .dsc files of both source packages in `folder`, in the order of SOURCES; fewer if not all are there."""
    found = (sorted(folder.glob(f"{name}_*.dsc")) for name in SOURCES)
    return [files[-1] for files in found if files]


def need_sources(folder: Path) -> list[Path]:
    """Both .dsc files, fetched if they are not there yet; MissingTool if they cannot be."""
    if len(find_sources(folder)) < len(SOURCES):
        say(f"emulator: fetching the source packages {' and '.join(SOURCES)} of Debian {SUITE}")
        apt.fetch_sources(SOURCES, folder, SUITE)
    return find_sources(folder)
