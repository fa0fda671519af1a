"""Sizes: files that fit a head, functions that fit a screen, and the median that shows where the house is going.

A function's lines are counted from its `def` to its last line, less its docstring. Two kinds are excused: test
functions (a claim told as one story reads better whole) and what EXCUSED names, with its reason.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE_LINES_MAX = 399  # under 400
FUNCTION_LINES_MAX = 40  # one screen
TOPS = ("protocol", "firmware", "gateway", "tools", "hil_tests")
EXCUSED: dict[str, str] = {}  # `path` of a file or `path::function` -> why it may be longer: tables of data, not logic


@dataclass(frozen=True)
class Function:
    """One function: where it stands, and its length in lines without docstring."""

    path: str
    line: int
    name: str
    lines: int


def source_files(root: Path) -> Iterator[Path]:
    """Every Python file of the project, tests and commands without suffix included."""
    for top in TOPS:
        yield from (path for path in sorted((root / top).rglob("*.py")) if "__pycache__" not in path.parts)
    yield from (path for path in (root / "tools" / "bootstrap", root / "conftest.py") if path.exists())


def functions(path: Path, root: Path) -> Iterator[Function]:
    """The functions and methods of one file, inner ones counted in their outer one as well."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            yield Function(str(path.relative_to(root)), node.lineno, node.name, lines)


def violations(root: Path) -> list[str]:
    """What is too long below `root`, as `file:line: what, how long, how long it may be`."""
    return [text for path in source_files(root) for text in (*_long_file(path, root), *_long_functions(path, root))]


def _long_file(path: Path, root: Path) -> Iterator[str]:
    name = str(path.relative_to(root))
    lines = len(path.read_text("utf-8").splitlines())
    if lines > FILE_LINES_MAX and name not in EXCUSED:
        yield f"{name}:1: {lines} lines, {FILE_LINES_MAX} at most"


def _long_functions(path: Path, root: Path) -> Iterator[str]:
    for one in functions(path, root):
        is_test = one.name.startswith("test_") and path.name.startswith("test_")
        if one.lines > FUNCTION_LINES_MAX and not is_test and f"{one.path}::{one.name}" not in EXCUSED:
            yield f"{one.path}:{one.line}: {one.name} has {one.lines} lines, {FUNCTION_LINES_MAX} at most"


def summary(root: Path) -> str:
    """One line: how many files and functions, their median length and that of the tenth longest in a hundred."""
    files = list(source_files(root))
    lengths = sorted(one.lines for path in files for one in functions(path, root) if "tests" not in path.parts)
    middle = statistics.median(lengths or [0])
    tail = lengths[len(lengths) * 9 // 10] if lengths else 0
    return f"sizes: {len(files)} files; {len(lengths)} functions, median {middle:g} lines, 9 of 10 under {tail + 1}"


def main() -> int:
    """Print what is too long below the working folder, and the medians; 1 if anything is."""
    found = violations(Path.cwd())
    sys.stdout.write("".join(line + "\n" for line in [*found, summary(Path.cwd())]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
