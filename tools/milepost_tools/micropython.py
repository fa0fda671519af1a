"""A real MicroPython unix port: found on this machine, else obtained, so that firmware runs on its own VM.

Order: what MILEPOST_MICROPYTHON names (said is meant: if unfit, that is an error), what PATH holds, what an earlier run
unpacked into `.toolchain/`; then the machine's package manager where we may use it, then Debian's packages unpacked
without root beside their own libc and started through its loader. Whatever is used has first shown, by running, that
it is new enough and has the modules the firmware imports.
"""

import os
import shlex
import shutil
from pathlib import Path

from . import apt
from .processes import MissingTool, elevation, last_line, run, say, which

VERSION_MIN = (1, 25)  # what Debian 13 and Raspberry Pi OS of that generation carry
MODULES = ("asyncio", "binascii", "cryptolib", "hashlib", "json", "select")  # what the firmware takes from the VM
SUITE = "trixie"  # the first Debian release with a micropython package
VARIABLE = "MILEPOST_MICROPYTHON"  # environment: a path, or a whole command line
MEND = f"`sudo apt-get install micropython` (Debian 13 has it), or set {VARIABLE} to one"
LIBRARIES = ("libc.", "libffi.", "libmbed")  # how the libraries it links begin: their folders are the loader's path
PROBE = "import sys\nprint('%d.%d' % sys.implementation[1][:2])\nimport " + ", ".join(MODULES) + "\nprint('fit')\n"
PROBE_S_MAX = 20.0  # a loaded Raspberry Pi Zero starts it in under 2 s
WRAPPER = """\
#!/bin/sh
# Starts the unpacked MicroPython with the libraries that were unpacked beside it.
here=$(dirname "$(readlink -f "$0")")
exec "$here/{loader}" --library-path "{libraries}" "$here/usr/bin/micropython" "$@"
"""


def why_unfit(command: list[str]) -> str:
    """Why `command` cannot run the firmware, in a few words; '' if it can."""
    if Path(command[0]).is_absolute() and not os.access(command[0], os.X_OK):
        return "is not a program"
    done = run([*command, "-c", PROBE], timeout_s=PROBE_S_MAX)
    words = done.stdout.split()
    try:
        version = tuple(int(part) for part in words[0].split("."))
    except (IndexError, ValueError):
        return f"does not run: {last_line(done.stdout)}"
    if version < VERSION_MIN:
        return f"is version {words[0]}, and {VERSION_MIN[0]}.{VERSION_MIN[1]} or newer is needed"
    return "" if words[-1] == "fit" else f"lacks a module: {last_line(done.stdout)}"


def unpacked(root: Path) -> Path:
    """Where the unpacked port's start script stands in the project folder `root`."""
    return root / ".toolchain" / "micropython" / "micropython"


def find(root: Path | None = None) -> list[str]:
    """The command line prefix that runs MicroPython here; `root` is the project folder, None if there is none.

    Fetches nothing and changes nothing. MissingTool says in one line what was unfit and what would give one.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _named(shlex.split(named))
    reasons = []
    for path in [which("micropython"), str(unpacked(root)) if root and unpacked(root).exists() else None]:
        reason = why_unfit([path]) if path else ""
        if path and not reason:
            return [path]
        reasons += [f"{path} {reason}"] if path else []
    mend = "`tools/bootstrap --only micropython`" if root and (root / "tools" / "bootstrap").exists() else MEND
    raise MissingTool(f"{'; '.join(reasons) or 'no MicroPython on this machine'}: {mend}")


def _named(command: list[str]) -> list[str]:
    reason = why_unfit(command)
    if reason:
        raise MissingTool(f"{VARIABLE} names {shlex.join(command)}, which {reason}: correct it, or unset {VARIABLE}")
    return command


def obtain(root: Path) -> list[str]:
    """`find`, and if there is none get one: by the package manager if we may, else unpacked into `root`/.toolchain.

    MissingTool if that fails too, or if MILEPOST_MICROPYTHON names an unfit one.
    """
    try:
        return find(root)
    except MissingTool as error:
        if os.environ.get(VARIABLE):
            raise
        say(f"bootstrap: {str(error).split(': ')[0]}; getting one")
    if not _installed():
        unpack(root)
    return find(root)


def _installed() -> bool:
    """Try the machine's own package manager; False if it may not, has none new enough, or fails."""
    if elevation() is None:
        return False
    version = apt.candidate("micropython").split(".")
    if not all(part.isdigit() for part in version[:2]) or tuple(map(int, version[:2])) < VERSION_MIN:
        return False
    try:
        apt.install(["micropython"])
    except MissingTool as error:
        say(f"bootstrap: {error}")
        return False
    return not why_unfit(["micropython"])


def unpack(root: Path) -> Path:
    """Unpack Debian's packages into `root`/.toolchain/micropython, without root, and return the start script's path."""
    say("bootstrap: unpacking MicroPython into .toolchain/micropython (no root needed)")
    folder = unpacked(root).parent
    fresh = folder.with_name("micropython.new")
    shutil.rmtree(fresh, ignore_errors=True)
    apt.unpack(["micropython"], fresh, SUITE)
    _write_wrapper(fresh)
    reason = why_unfit([str(fresh / "micropython")])
    if reason:
        raise MissingTool(f"the unpacked MicroPython {reason}: {MEND}")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)  # last, so that a run cut short leaves nothing that looks finished
    return unpacked(root)


def _write_wrapper(folder: Path) -> None:
    """Write the start script: it starts the loader that belongs to the unpacked libc, whatever the processor."""
    loaders = [path for path in sorted(folder.rglob("ld-linux*.so*")) if path.is_file()]
    if not loaders:
        raise MissingTool(f"the unpacked libc has no loader for this processor: {MEND}")
    libraries = {path.parent for path in folder.rglob("*.so.*") if path.name.startswith(LIBRARIES)}
    places = ":".join(f"$here/{path.relative_to(folder)}" for path in sorted(libraries))
    script = folder / "micropython"
    script.write_text(WRAPPER.format(loader=loaders[0].relative_to(folder), libraries=places))
    script.chmod(0o755)
