"""The machine's own apt sources, read: where Debian itself is served from here, by which mirror and key.

The project never names a package server. Where it needs a package of another Debian release than the machine's, it
takes the stanza by which this machine reaches Debian, and asks it for that release. Pure: text in, stanzas out. Both
spellings are read, deb822 (`*.sources`) and one-line (`*.list`); what is not Debian's own archive is left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

SUITES = frozenset(  # Debian's releases from 12 on, and its names for whichever is which
    ("bookworm", "trixie", "forky", "duke", "sid", "stable", "oldstable", "testing", "unstable")
)
KEPT_OPTIONS = {"signed-by": "Signed-By", "trusted": "Trusted", "check-valid-until": "Check-Valid-Until"}
ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>[^\s\[]+)\s+(?P<suite>\S+)\s*(?P<components>.*)")
UNFIT = 9  # rank of a source that is not Debian's own archive


@dataclass(frozen=True)
class Source:
    """One place packages come from. `options` keeps its deb822 spelling (`Signed-By` may be a whole key)."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)

    def stanza(self, suite: str, kind: str = "deb") -> str:
        """The deb822 text that asks the same place for component main of `suite`; `kind` may be "deb-src"."""
        lines = ["Types: " + kind, "URIs: " + " ".join(self.uris), "Suites: " + suite, "Components: main"]
        return "\n".join(lines + [f"{key}: {value}" for key, value in self.options.items()]) + "\n"

    def rank(self, architecture: str) -> int:
        """How surely this is Debian's archive for `architecture`: 0 best, `UNFIT` not at all."""
        if "main" not in self.components or not SUITES.intersection(self.suites):
            return UNFIT
        if "debian-archive" in self.options.get("Signed-By", ""):
            return 0
        folders = [part for uri in self.uris for part in (urlsplit(uri).netloc + urlsplit(uri).path).split("/") if part]
        if any("raspberrypi" in part or "raspbian" in part for part in folders):
            return 1 if architecture == "armhf" and folders[-1] == "raspbian" else UNFIT
        return 1 if folders[-1] == "debian" else 2 if "debian" in folders else UNFIT


def parse_list(text: str) -> Iterator[Source]:
    """The sources of a one-line file; comments, deb-src and CD-ROMs are passed over."""
    for line in text.splitlines():
        found = ONE_LINE.match(line.split("#")[0].strip())
        if found is None or found["uri"].startswith("cdrom:"):
            continue
        given = dict(word.split("=", 1) for word in (found["options"] or "").split() if "=" in word)
        options = {KEPT_OPTIONS[key.lower()]: value for key, value in given.items() if key.lower() in KEPT_OPTIONS}
        yield Source((found["uri"],), (found["suite"],), tuple(found["components"].split()), options)


def parse_deb822(text: str) -> Iterator[Source]:
    """The sources of a deb822 file; disabled and source-only stanzas are passed over."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = dict(_fields(stanza))
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        options = {KEPT_OPTIONS[key]: value for key, value in fields.items() if key in KEPT_OPTIONS}
        uris, suites, components = (tuple(fields.get(key, "").split()) for key in ("uris", "suites", "components"))
        yield Source(uris, suites, components, options)


def _fields(stanza: str) -> Iterator[tuple[str, str]]:
    """The `Key: value` pairs of one stanza, keys in lower case, continuation lines kept with their indent."""
    for entry in re.findall(r"^[^\s:]+:.*(?:\n[ \t].*)*", stanza, re.MULTILINE):
        key, value = entry.split(":", 1)
        yield key.lower(), value.strip()


def read_sources(folder: Path = Path("/etc/apt")) -> list[Source]:
    """Every source in apt's folder, in apt's order; a file that cannot be read is passed over."""
    found: list[Source] = []
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        parse = {".list": parse_list, ".sources": parse_deb822}.get(path.suffix)
        try:
            found += parse(path.read_text("utf-8", "replace")) if parse else []
        except OSError:
            continue
    return found


def debian_sources(sources: Sequence[Source], architecture: str) -> list[Source]:
    """Those of `sources` that serve Debian itself to `architecture` (dpkg's word for it), the surest first."""
    fit = [source for source in sources if source.rank(architecture) < UNFIT]
    return sorted(fit, key=lambda source: source.rank(architecture))


def own_suite(sources: Sequence[Source]) -> str:
    """The release this machine's own Debian source names, such as `bookworm`."""
    return next((suite for source in sources for suite in source.suites if suite in SUITES), "stable")
