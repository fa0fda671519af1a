"""Handing files to the board: a ROMFS image, which MicroPython reads in place.

The image lies in the emulated memory before the first instruction runs, so no byte of it crosses the UART or takes
heap. The format is described at the top of MicroPython's extmod/vfs_rom.c: records of kind, length and payload, with
numbers in base 128, high digits first.
"""

from collections.abc import Mapping
from pathlib import Path

Files = Mapping[str, Path | bytes]
"""Paths on the board ("milepost_protocol/frames.py") to their content, or to the file on the host that has it."""

PADDING, VERBATIM, DIRECTORY, FILE, FILESYSTEM = 1, 2, 4, 5, 0x14A6B1

_Tree = dict[str, "bytes | _Tree"]


def package(folder: Path) -> dict[str, Path]:
    """All Python files below `folder`, named on the board as an import wants them: `folder.name/…`."""
    files = sorted(path for path in folder.rglob("*.py") if "tests" not in path.relative_to(folder).parts)
    return {path.relative_to(folder.parent).as_posix(): path for path in files}


def image(files: Files) -> bytes:
    """The ROMFS image that holds `files`; its size is even, as the format asks."""
    content = _entries(_tree(files))
    whole = _record(FILESYSTEM, content)
    while len(whole) % 2:
        content += _record(PADDING, b"\0")
        whole = _record(FILESYSTEM, content)
    return whole


def _tree(files: Files) -> _Tree:
    root: _Tree = {}
    for path, content in files.items():
        *folders, name = path.strip("/").split("/")
        node = root
        for folder in folders:
            below = node.setdefault(folder, {})
            if isinstance(below, bytes):
                raise ValueError(f"{folder} is a file, and {path} wants it to be a folder")
            node = below
        node[name] = content if isinstance(content, bytes) else content.read_bytes()
    return root


def _entries(tree: _Tree) -> bytes:
    return b"".join(_entry(name, tree[name]) for name in sorted(tree))


def _entry(name: str, content: "bytes | _Tree") -> bytes:
    encoded = name.encode()
    head = _number(len(encoded)) + encoded
    if isinstance(content, bytes):
        return _record(FILE, head + _record(VERBATIM, content))
    return _record(DIRECTORY, head + _entries(content))


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


def _number(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))
