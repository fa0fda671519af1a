"""Debian's part: the programs a build needs, and the source packages of MicroPython and mbedtls.

The machine may be older than the suite that has MicroPython, so the sources are fetched by a private apt: it knows the
machine's own archives, asked for that suite, and keeps its lists and locks in a folder of ours. Nothing on the machine
changes. Once both source packages are in the folder, no network is used again.
"""

import getpass
import os
import re
import shutil
import sys
from pathlib import Path

from .errors import EmulatorError, ToolMissing
from .shell import run

SUITE = "trixie"  # the first Debian with MicroPython ≥ 1.25
SOURCES = ("micropython", "mbedtls")
TOOLS = {  # program: the package that has it
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
    "make": "make",
    "gcc": "gcc",
    "tar": "tar",
    "xz": "xz-utils",
    "bzip2": "bzip2",
}


def tell(line: str) -> None:
    """One line of the story, to stderr."""
    print(f"emulator: {line}", file=sys.stderr, flush=True)  # noqa: T201  (the story goes to stderr)


def _has_picolibc() -> bool:
    # GCC answers with the bare name if it does not find the file.
    return run(["riscv64-unknown-elf-gcc", "-print-file-name=picolibc.specs"]).strip() != "picolibc.specs"


def missing_packages() -> list[str]:
    """The Debian packages whose programs this machine lacks, for building and running."""
    missing = [package for program, package in TOOLS.items() if shutil.which(program) is None]
    if TOOLS["riscv64-unknown-elf-gcc"] in missing or not _has_picolibc():
        missing.append("picolibc-riscv64-unknown-elf")
    return missing


def need_tools(install: bool) -> None:
    """Make sure that the programs are there: install them if allowed and root, else ToolMissing with the command."""
    missing = missing_packages()
    if not missing:
        return
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if not install or os.geteuid() != 0:
        raise ToolMissing(f"tools are missing; as root: {command}")
    tell(command)
    run(["apt-get", "update"])
    run([*command.split(), "-y"], env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def find_sources(folder: Path) -> list[Path]:
    """The .dsc files of both source packages in `folder`, newest version of each; fewer if not all are there."""
    found = (sorted(folder.glob(f"{name}_*.dsc")) for name in SOURCES)
    return [files[-1] for files in found if files]


def need_sources(folder: Path) -> list[Path]:
    """Both .dsc files, fetched if they are not there yet; ToolMissing if they cannot be."""
    if len(find_sources(folder)) < len(SOURCES):
        tell(f"fetching the source packages {' and '.join(SOURCES)} of {SUITE}")
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(folder)
    return find_sources(folder)


def _fetch(folder: Path) -> None:
    private = folder / "apt"
    try:
        options = _private_apt(private)
        run(["apt-get", *options, "update"])
        run(["apt-get", *options, "source", "--download-only", *SOURCES], cwd=folder)
    except (EmulatorError, OSError) as error:
        raise ToolMissing(f"the sources of {' and '.join(SOURCES)} could not be fetched: {error}") from error
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _private_apt(private: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (private / name).mkdir(parents=True, exist_ok=True)
    listing = private / "suite.sources"
    listing.write_text(_stanzas(run(["apt-get", "indextargets", "Created-By: Packages"])))
    settings = {
        "Dir::Etc::sourcelist": listing,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::Lists": private / "lists",
        "Dir::Cache": private / "cache",
        "APT::Sandbox::User": getpass.getuser(),
    }
    return [f"-o{name}={value}" for name, value in settings.items()]


def _stanzas(index_targets: str) -> str:
    """One deb-src stanza for SUITE on each archive the machine's apt knows; apt has read deb822 and one-line alike."""
    archives: dict[str, str] = {}
    for block in index_targets.split("\n\n"):
        target = dict(re.findall(r"^([\w-]+): *(.*)$", block, re.MULTILINE))
        if _is_debian_main(target):
            archives.setdefault(target["Repo-URI"], _signed_by(target.get("Sourcesentry", "")))
    return "\n".join(
        f"Types: deb-src\nURIs: {uri}\nSuites: {SUITE}\nComponents: main\n{signed}" for uri, signed in archives.items()
    )


def _is_debian_main(target: dict[str, str]) -> bool:
    # Without downloaded lists apt does not know the origin: then any plain suite with a `main` is a candidate.
    plain = target.get("Release", "").isalpha()
    return plain and target.get("Component") == "main" and target.get("Origin", "") in ("", "Debian", "Raspbian")


def _signed_by(entry: str) -> str:
    """The Signed-By line of the apt source file that `entry` ("FILE:NUMBER") names, or nothing if it has none."""
    file = Path(entry.rpartition(":")[0])
    text = file.read_text() if file.is_file() else ""
    found = re.search(r"signed-by\s*[:=]\s*(/[^\s\]]+)", text, re.IGNORECASE)
    return f"Signed-By: {found[1]}\n" if found else ""
