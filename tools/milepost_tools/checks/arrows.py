"""Import arrows: who may know whom, as one table, and a reading of every import that holds the tree to it.

Each package's modules are parsed, never run; imports anywhere in a file count, those inside functions, under
TYPE_CHECKING and by `importlib.import_module("…")` too. A package's `tests/` may import whatever it tests with.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

FOLDERS = {  # our packages, and the folder each stands in
    "milepost_protocol": "protocol",
    "milepost_node": "firmware",
    "milepost_gateway": "gateway",
    "milepost_tools": "tools",
}
OURS = tuple(FOLDERS)
ONLY_CPYTHON = ("__future__", "abc", "dataclasses", "enum", "functools", "threading", "typing")  # not in MicroPython
BY_CALL = ("importlib.import_module", "import_module", "__import__")


@dataclass(frozen=True)
class Import:
    """One import: in module `importer`, at `path`:`line`, of `imported` (dotted, as far as it names modules)."""

    importer: str
    imported: str
    path: Path
    line: int
    typing_only: bool  # stands under `if TYPE_CHECKING`, so it never runs


@dataclass(frozen=True)
class Rule:
    """Modules like `who` do not import anything like `whom`, except for modules like one of `but`.

    Patterns name a module and stand for everything inside it too. With `sole`, one module of `who` may, whichever.
    """

    who: str
    whom: tuple[str, ...]
    why: str
    but: tuple[str, ...] = ()
    sole: bool = False
    at_run_time: bool = False  # imports under TYPE_CHECKING are free


MAY_HOLD_ALL = ("milepost_tools.hil", "milepost_tools.demo", "milepost_tools.simulate*")
RULES = (
    Rule("milepost_protocol", OURS[1:], "the protocol knows nobody"),
    Rule("milepost_node", ("milepost_gateway", "milepost_tools"), "the node knows the protocol only"),
    Rule("milepost_gateway", ("milepost_node", "milepost_tools"), "the gateway knows the protocol only"),
    Rule("milepost_tools", ("milepost_node", "milepost_gateway"), "tools know the protocol only", MAY_HOLD_ALL),
    Rule(
        "milepost_protocol",
        ("socket", "time", "asyncio", "machine", "os", "threading", "select", "serial", "random"),
        "the wire has no I/O, no clock, no task and no chance: all are given to it",
    ),
    Rule("milepost_protocol", ONLY_CPYTHON, "MicroPython has no such module", at_run_time=True),
    Rule("milepost_node", ONLY_CPYTHON, "MicroPython has no such module", at_run_time=True),
    Rule("milepost_node", ("machine",), "hardware is given by the board", ("milepost_node.boards",)),
    Rule("milepost_gateway", ("aiomqtt",), "one module speaks MQTT", sole=True),
    Rule("milepost_gateway", ("apsw",), "one module holds the buffer's file", sole=True),
    Rule("milepost_gateway", ("serial",), "one module opens serial ports", sole=True),
    *(Rule(package, ("sqlite3",), "the buffer is apsw's: one SQLite, one version") for package in OURS),
    Rule(
        "milepost_gateway.uplink",
        ("milepost_gateway.publisher", "milepost_gateway.commands"),
        "they meet only in buffer and nodes",
    ),
    Rule(
        "milepost_gateway.publisher",
        ("milepost_gateway.uplink", "milepost_gateway.commands"),
        "they meet only in buffer and nodes",
    ),
    Rule(
        "milepost_gateway.commands",
        ("milepost_gateway.uplink", "milepost_gateway.publisher"),
        "they meet only in buffer and nodes",
    ),
)


def is_in(module: str, pattern: str) -> bool:
    """Whether dotted `module` is, or stands inside, what `pattern` names."""
    return fnmatchcase(module, pattern) or fnmatchcase(module, pattern + ".*")


def violations(root: Path) -> list[str]:
    """Every import below `root` that the table forbids, as `file:line: importer imports imported: why`."""
    imports = list(read_imports(root))
    return [text for rule in RULES for text in _broken(rule, imports, root)]


def _broken(rule: Rule, imports: list[Import], root: Path) -> Iterator[str]:
    hits = [one for one in imports if is_in(one.importer, rule.who) and any(is_in(one.imported, w) for w in rule.whom)]
    if rule.sole and len({one.importer for one in hits}) <= 1:
        return
    for one in hits:
        excused = any(is_in(one.importer, pattern) for pattern in rule.but)
        if not excused and not (rule.at_run_time and one.typing_only):
            place = f"{one.path.relative_to(root)}:{one.line}"
            yield f"{place}: {one.importer} imports {one.imported}: {rule.why}"


def read_imports(root: Path) -> Iterator[Import]:
    """All imports of our packages' modules below `root`."""
    for package, folder in FOLDERS.items():
        for path in sorted((root / folder / package).rglob("*.py")):
            yield from file_imports(path, _module(path, root / folder))


def _module(path: Path, top: Path) -> str:
    parts = path.relative_to(top).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def file_imports(path: Path, module: str) -> Iterator[Import]:
    """The imports written in one file, whose module is called `module`."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    unrun = {node for block in ast.walk(tree) for part in _type_checking(block) for node in ast.walk(part)}
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
            for name in _names(node, package):
                yield Import(module, name, path, node.lineno, node in unrun)


def _type_checking(node: ast.AST) -> list[ast.stmt]:
    """What stands under `if TYPE_CHECKING`, if this node is one."""
    if isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING":
        return node.body
    return []


def _names(node: ast.Import | ast.ImportFrom | ast.Call, package: str) -> Iterator[str]:
    """The modules that one syntax node imports; `from a import b` names `a.b`, for b may be a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])])
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif ast.unparse(node.func) in BY_CALL:
        yield from (str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant))


def main() -> int:
    """Print the violations below the working folder; 1 if there are any."""
    found = violations(Path.cwd())
    sys.stdout.write("".join(line + "\n" for line in found) or "arrows: all imports point the right way\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
