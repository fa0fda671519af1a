"""An explanation: lines that name bytes, where they stand and what they mean, and a walk over bytes that makes them.

Whatever the bytes are, a walk ends with lines: where they end too early or make no sense, the last line says so.
"""

from collections.abc import Callable
from dataclasses import dataclass

from milepost_protocol import varint
from milepost_protocol.errors import ProtocolError

ROW_BYTES = 12  # of one line of the picture; longer fields go on below
INDENT = "  "

Meaning = str | Callable[[bytes], str]


@dataclass(frozen=True)
class Line:
    """One line: how deep it stands, which bytes it is about (none for a remark), where they begin, what they mean."""

    depth: int
    text: str
    at: int = -1
    data: bytes = b""


class Lines(list[Line]):
    """An explanation that grows."""

    def remark(self, depth: int, text: str) -> None:
        """Say something about no byte in particular."""
        self.append(Line(depth, text))

    def field(self, depth: int, at: int, data: bytes, text: str) -> None:
        """Say what the bytes at an offset mean."""
        self.append(Line(depth, text, at, data))


class CutShort(ProtocolError):
    """The bytes ended inside a field. It has been said."""


class Walk:
    """Goes over `data` field by field and explains each; offsets count from `base`."""

    def __init__(self, data: bytes, lines: Lines, depth: int, base: int = 0) -> None:
        self.data = data
        self.at = 0
        self._lines = lines
        self._depth = depth
        self._base = base

    def left(self) -> int:
        """How many bytes were not walked over."""
        return len(self.data) - self.at

    def take(self, size: int, meaning: Meaning) -> bytes:
        """The next `size` bytes; CutShort if there are not so many."""
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            self._field(piece, f"cut short: {size} bytes should be here, {len(piece)} are")
            raise CutShort("cut short")
        self._field(piece, meaning if isinstance(meaning, str) else meaning(piece))
        return piece

    def number(self, size: int, meaning: Callable[[int], str]) -> int:
        """The next `size` bytes as an unsigned number."""
        return int.from_bytes(self.take(size, lambda piece: meaning(int.from_bytes(piece, "little"))), "little")

    def varint(self, meaning: Callable[[int], str]) -> int:
        """The next varint."""
        try:
            value, end = varint.get(self.data, self.at)
        except ProtocolError as error:
            self._field(self.data[self.at :], f"no varint: {error}")
            raise CutShort(str(error)) from error
        self.take(end - self.at, meaning(value))
        return value

    def rest(self, meaning: Meaning) -> bytes:
        """All that is left."""
        return self.take(self.left(), meaning)

    def _field(self, piece: bytes, text: str) -> None:
        self._lines.field(self._depth, self._base + self.at, piece, text)
        self.at += len(piece)


def render(lines: list[Line]) -> str:
    """The explanation as text: offset, bytes, meaning."""
    return "".join(_rendered(line) for line in lines)


def _rendered(line: Line) -> str:
    lead = INDENT * line.depth
    if line.at < 0:
        return f"{lead}{line.text}\n"
    rows = [line.data[i : i + ROW_BYTES].hex(" ") for i in range(0, len(line.data), ROW_BYTES)] or [""]
    width = ROW_BYTES * 3 - 1
    first = f"{lead}{line.at:4}  {rows[0]:{width}}  {line.text}\n"
    return first + "".join(f"{lead}{line.at + ROW_BYTES * i:4}  {row}\n" for i, row in enumerate(rows[1:], 1))
