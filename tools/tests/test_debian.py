"""Debian's archive is picked out of the apt sources that real machines have, in both spellings."""

from pathlib import Path

import pytest
from milepost_tools.debian import Source, debian_sources, own_suite, parse_deb822, parse_list, read_sources

DEBIAN_12 = """\
Types: deb
# a comment between fields
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
CLOUD_IMAGE = """\
Types: deb deb-src
URIs: mirror+file:///etc/apt/mirrors/debian.list
Suites: trixie trixie-updates trixie-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp
"""
RASPBERRY_PI_64 = """\
deb http://mirror.example/debian bookworm main contrib non-free non-free-firmware
deb http://mirror.example/debian-security/ bookworm-security main contrib
# Uncomment deb-src lines below then 'apt-get update' to enable 'apt-get source'
#deb-src http://mirror.example/debian bookworm main contrib
"""
RASPBERRY_PI_OWN = (
    "deb [signed-by=/k/raspberrypi-archive-keyring.gpg] http://archive.raspberrypi.example/debian/ bookworm main\n"
)
RASPBIAN_32 = "deb [ arch=armhf ] http://mirror.example/raspbian/ trixie main contrib # the archive of 32-bit images\n"
THIRD_PARTIES = """\
deb [arch=amd64 signed-by=/k/docker.asc] https://docker.example/linux/debian bookworm stable
deb https://node.example/node_20.x nodistro main
deb http://sql.example/pub/repos/apt bookworm-pgdg main
deb cdrom:[Debian GNU/Linux 12.0 _Bookworm_ - amd64]/ bookworm main
"""


def folder(tmp_path: Path, **files: str) -> Path:
    """An apt folder; `name_list` is `sources.list.d/name.list`, `main_list` is `sources.list`."""
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        path = tmp_path / "sources.list" if stem == "main" else tmp_path / "sources.list.d" / f"{stem}.{suffix}"
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("architecture", "files", "uri", "suite"),
    [
        ("amd64", {"debian_sources": DEBIAN_12}, "http://mirror.example/debian", "bookworm"),
        ("arm64", {"debian_sources": CLOUD_IMAGE}, "mirror+file:///etc/apt/mirrors/debian.list", "trixie"),
        (
            "arm64",
            {"main_list": RASPBERRY_PI_64, "raspi_list": RASPBERRY_PI_OWN},
            "http://mirror.example/debian",
            "bookworm",
        ),
        (
            "armhf",
            {"main_list": RASPBIAN_32, "raspi_list": RASPBERRY_PI_OWN},
            "http://mirror.example/raspbian/",
            "trixie",
        ),
        ("amd64", {"a_list": THIRD_PARTIES, "z_sources": DEBIAN_12}, "http://mirror.example/debian", "bookworm"),
    ],
    ids=["debian 12", "cloud image", "raspberry pi 64", "raspberry pi 32", "third parties"],
)
def test_debian_is_found_and_nothing_else(
    tmp_path: Path, architecture: str, files: dict[str, str], uri: str, suite: str
) -> None:
    sources = debian_sources(read_sources(folder(tmp_path, **files)), architecture)
    assert [source.uris for source in sources] == [(uri,)]
    assert own_suite(sources) == suite


def test_no_debian_source_is_no_source(tmp_path: Path) -> None:
    sources = read_sources(folder(tmp_path, a_list=THIRD_PARTIES, raspi_list=RASPBERRY_PI_OWN))
    assert len(sources) == 4
    assert debian_sources(sources, "arm64") == []


def test_a_missing_apt_folder_has_no_sources(tmp_path: Path) -> None:
    assert read_sources(tmp_path / "nowhere") == []


def test_the_stanza_keeps_the_key_and_asks_for_the_other_suite() -> None:
    (first, _) = parse_deb822(DEBIAN_12)
    assert first.stanza("trixie") == (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )


def test_one_line_options_become_fields() -> None:
    (one,) = parse_list("deb [arch=amd64 trusted=yes signed-by=/k.gpg] http://mirror.example/debian bookworm main")
    assert one.stanza("trixie").splitlines()[4:] == ["Trusted: yes", "Signed-By: /k.gpg"]


def test_a_key_written_into_the_stanza_is_kept_whole() -> None:
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBGPL\n -----END PGP PUBLIC KEY BLOCK-----"
    (one,) = parse_deb822(
        f"Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\nSigned-By:{key}\n"
    )
    (again,) = parse_deb822(one.stanza("trixie"))
    assert again == one
    assert key.strip() in one.options["Signed-By"]


def test_disabled_and_source_only_stanzas_are_passed_over() -> None:
    assert list(parse_deb822(DEBIAN_12.replace("Types: deb\n", "Types: deb\nEnabled: no\n"))) == []
    assert list(parse_deb822(DEBIAN_12.replace("Types: deb\n", "Types: deb-src\n"))) == []
    assert list(parse_list("deb-src http://mirror.example/debian bookworm main")) == []


def test_debians_own_key_ranks_before_a_likely_name() -> None:
    likely = Source(("http://other.example/debian",), ("bookworm",), ("main",))
    sure = Source(("http://cache.example/d",), ("bookworm",), ("main",), {"Signed-By": "/k/debian-archive-keyring.gpg"})
    assert debian_sources([likely, sure], "amd64") == [sure, likely]


def test_a_stanza_asks_for_source_packages_where_that_is_wanted() -> None:
    (source,) = parse_list("deb [signed-by=/k/a.gpg] http://mirror.example/debian bookworm main")
    assert source.stanza("trixie", "deb-src") == (
        "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\nSigned-By: /k/a.gpg\n"
    )
