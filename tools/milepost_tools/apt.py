"""Debian packages, two ways: installed by the machine's apt when we may, or unpacked into a folder when we may not.

The second way needs no root. A private apt gets its own configuration, lists and cache, and an empty record of what is
installed: so it resolves a package's whole set of libraries down to libc by itself, from the Debian source the machine
already uses, checked with the key the machine already trusts. `dpkg -x` then lays the files out under one folder.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .debian import debian_sources, own_suite, read_sources
from .processes import MissingTool, elevation, last_line, run, say, which

KEPT_SETTINGS = ("http", "https", "Retries", "Force", "Check-Valid-Until", "AllowInsecure", "socks")  # of Acquire::
SOURCES_MAX = 3  # places to ask for one package before giving up: the machine's own archive is nearly always first
LOCK_WAIT = ("-o", "DPkg::Lock::Timeout=120")  # seconds: a fresh machine often upgrades itself in the background
PRIVATE = """\
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "{folder}/private.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::State "{folder}/state";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}/cache";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
"""


def install(packages: Sequence[str]) -> None:
    """Install `packages` with the machine's apt; MissingTool names the command if that is not ours to do or fails."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    root = elevation()
    if root is None or which("apt-get") is None:
        raise MissingTool(f"{' '.join(packages)} missing: install with `sudo apt-get install {' '.join(packages)}`")
    _update_lists(root)
    say(f"bootstrap: {' '.join(command)}")
    done = _as_root(root, command)
    if done.returncode and _as_root(root, ["apt-get", "update"]).returncode == 0:
        done = _as_root(root, command)  # lists grown stale name packages that the mirror no longer has
    if done.returncode:
        raise MissingTool(f"apt could not install: {_reason(done.stdout)}: see `{' '.join(command)}`")


def candidate(package: str) -> str:
    """The version the machine's apt would install, or '' if its suites have none."""
    root = elevation()
    if which("apt-cache") is None:
        return ""
    if root is not None:
        _update_lists(root)
    for line in run(["apt-cache", "policy", package], env={"LC_ALL": "C"}).stdout.splitlines():
        if line.strip().startswith("Candidate:") and "(none)" not in line:
            return line.split(":", 1)[1].strip()
    return ""


def _as_root(root: Sequence[str], command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return run([*root, "env", "DEBIAN_FRONTEND=noninteractive", command[0], *LOCK_WAIT, *command[1:]])


def _update_lists(root: Sequence[str]) -> None:
    """Fetch apt's lists if the machine has none at all, as fresh containers do not."""
    if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
        say("bootstrap: apt-get update (no package lists yet)")
        _as_root(root, ["apt-get", "update"])


def unpack(packages: Sequence[str], into: Path, suite: str = "", depends: bool = True) -> None:
    """Lay the files of `packages` out under `into`, with all they depend on if `depends`; no root, nothing installed.

    `suite` is a Debian release, by default the machine's own. MissingTool says why no source could give them.
    """
    how = ["-y", "--download-only", "--no-install-recommends", "install"] if depends else ["download"]
    _obtain(packages, into, suite, Wanted("deb", how, _lay_out))


def fetch_sources(packages: Sequence[str], into: Path, suite: str = "") -> None:
    """Put the source packages of `packages` into `into` as they are downloaded (.dsc and archives), unpacked by no one.

    No root, nothing installed. MissingTool says why no source could give them.
    """
    _obtain(packages, into, suite, Wanted("deb-src", ["--download-only", "source"], _keep))


@dataclass(frozen=True)
class Wanted:
    """What to ask a source for: its kind, apt-get's words, and what to do with what came (returns '' or a reason)."""

    kind: str
    how: Sequence[str]
    use: Callable[[Path, Path], str]


def _obtain(packages: Sequence[str], into: Path, suite: str, wanted: Wanted) -> None:
    for tool in ("apt-get", "dpkg", "dpkg-deb"):
        if which(tool) is None:
            raise MissingTool(f"{' '.join(packages)} must be installed by hand: {tool} is not on this machine")
    sources = debian_sources(read_sources(), run(["dpkg", "--print-architecture"]).stdout.strip())
    reason = "no Debian archive among this machine's apt sources"
    for source in sources[:SOURCES_MAX]:
        with tempfile.TemporaryDirectory(prefix="apt-", dir=_parent(into)) as folder:
            stanza = source.stanza(suite or own_suite(sources), wanted.kind)
            reason = _fetch(Path(folder), stanza, [*wanted.how, *packages]) or wanted.use(Path(folder), into)
        if not reason:
            return
    raise MissingTool(f"{' '.join(packages)} could not be fetched ({reason}): mend that, then run `tools/bootstrap`")


def _parent(into: Path) -> Path:
    into.parent.mkdir(parents=True, exist_ok=True)
    return into.parent.resolve()


def _fetch(folder: Path, stanza: str, words: Sequence[str]) -> str:
    """Download into `folder` what apt-get's `words` say; return '' or apt's reason."""
    for name in ("state", "lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "state" / "status").touch()
    (folder / "private.sources").write_text(stanza)
    (folder / "apt.conf").write_text(_kept_settings() + PRIVATE.format(folder=folder))
    env = {"APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}
    for command in (["apt-get", "-q", "update"], ["apt-get", "-q", *words]):
        done = run(command, cwd=folder / "cache" / "archives", env=env)
        if done.returncode:
            return _reason(done.stdout)
    return ""


def _reason(text: str) -> str:
    """Why apt failed: the first thing it could not fetch says more than its closing line."""
    return next((line for line in text.splitlines() if "Failed to fetch" in line), last_line(text))


def _kept_settings() -> str:
    """The machine's own settings for reaching its mirrors, such as a proxy; its hooks are not for us to run."""
    lines = run(["apt-config", "dump"]).stdout.splitlines()
    kept = tuple("Acquire::" + name for name in KEPT_SETTINGS)
    return "".join(line + "\n" for line in lines if line.startswith(kept))


def _lay_out(folder: Path, into: Path) -> str:
    archives = sorted((folder / "cache" / "archives").glob("*.deb"))
    for archive in archives:
        done = run(["dpkg-deb", "-x", archive, into])
        if done.returncode:
            return last_line(done.stdout)
    return "" if archives else "apt fetched nothing"


def _keep(folder: Path, into: Path) -> str:
    files = [
        path
        for path in sorted((folder / "cache" / "archives").iterdir())
        if ".orig." in path.name or path.suffix == ".dsc"
    ]
    into.mkdir(parents=True, exist_ok=True)
    for path in files:
        shutil.move(path, into / path.name)
    return "" if files else "apt fetched nothing"
