"""`milepost decode [--key FILE] [HEX…|-]`: the command line of decode: where bytes and keys come from.

Each argument, or each line of stdin, is one piece: what a line carried, or one packet. Pieces in the order they were
sent make a conversation. A key never stands on the command line: it is read from a file that only its owner can read.
"""

import json
import stat
import sys
from pathlib import Path

import rich_click as click
from milepost_protocol.handshake import NODE_BYTES, NODE_KEY_BYTES

from ..errors import OK, Fault
from .conversation import Conversation, KeyOf
from .frame import explain
from .lines import render

HEX_CHARS_MAX = 1 << 20  # a day of a busy link
IGNORED = str.maketrans("", "", " \t:_,-")  # what people and tools put between bytes


@click.command()
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path), metavar="FILE", help="The node's key, to read plaintexts."
)
@click.argument("pieces", nargs=-1, metavar="[HEX…|-]")
def decode(key_file: Path | None, pieces: tuple[str, ...]) -> int:
    """Explain frames or packets byte by byte, given in hex.

    Without HEX, or with -, they are read from stdin, one a line. FILE (mode 0600) holds the node's key: 64 hex digits, a
    node's identity.json or a gateway's keys.json. Give the HELLO and the WELCOME of a session first, and what follows is
    deciphered.
    """
    told = Conversation(load_keys(key_file) if key_file else lambda node: None)
    texts = read_lines() if pieces in ((), ("-",)) else joined(pieces)
    data = [parse(text) for text in texts if text.strip() and not text.lstrip().startswith("#")]
    sys.stdout.write("\n".join(render(explain(piece, told)) for piece in data))
    return OK


def read_lines() -> list[str]:
    """The lines of stdin; Fault if they are more than a person would read."""
    text = sys.stdin.read(HEX_CHARS_MAX + 1)
    if len(text) > HEX_CHARS_MAX:
        raise Fault("E-HEX-01", f"more than {HEX_CHARS_MAX} characters: give less at a time")
    return text.splitlines()


def joined(pieces: tuple[str, ...]) -> list[str]:
    """The arguments; bytes that were given one by one are one piece."""
    return ["".join(pieces)] if all(len(piece) == 2 for piece in pieces) else list(pieces)


def parse(text: str) -> bytes:
    """Hex to bytes; a Fault says what is wrong with it, and does not repeat it, for it may be a key."""
    digits = text.strip().removeprefix("0x").translate(IGNORED)
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        odd = "an odd number of digits" if len(digits) % 2 else "something that is no hex digit"
        raise Fault("E-HEX-01", f"a piece has {odd}: give bytes as hex, one packet or frame a piece") from error


def load_keys(path: Path) -> KeyOf:
    """Read a key file; Fault if it is not there, open to others, or holds no key."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise Fault("E-KEYS-01", f"{shown(path)}: {reason}: name a readable key file") from error
    if mode & 0o077:
        raise Fault("E-KEYS-02", f"{path} can be read by others (mode {mode:04o}): chmod 600 {path}")
    try:
        return _keys(text)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        need = '64 hex digits, {"node": …, "key": …} or {node: key, …}'
        raise Fault("E-KEYS-03", f"{path} holds no key: write {need}") from error


def shown(path: Path) -> str:
    """The file's name; not if it looks like the key itself, given by mistake."""
    return "what was given as key file" if len(path.name) >= 2 * NODE_KEY_BYTES else str(path)


def _keys(text: str) -> KeyOf:
    if not text.lstrip().startswith("{"):
        only = _bytes(text.strip(), NODE_KEY_BYTES)
        return lambda node: only
    said = json.loads(text)
    pairs = {said["node"]: said["key"]} if "key" in said else said
    return {_bytes(node, NODE_BYTES): _bytes(key, NODE_KEY_BYTES) for node, key in pairs.items()}.get


def _bytes(text: str, size: int) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != size:
        raise ValueError("of a wrong length")
    return data
