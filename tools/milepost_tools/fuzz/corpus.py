"""The corpus: inputs that reach code which nothing else reaches, kept as one JSON-lines file of hex strings a target."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

INPUTS_MAX = 250  # a target; the shortest are kept
TESTS = Path(__file__).parents[3] / "protocol" / "tests"
FOLDER = TESTS / "corpus"


def load_targets() -> ModuleType:
    """The module of fuzz targets: it stands with the protocol's tests because MicroPython runs it too."""
    return load_file(TESTS / "fuzz_targets.py")


def load_file(path: Path) -> ModuleType:
    """Import a Python file that stands in no package, by its path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(target: str) -> list[bytes]:
    """What is kept for a target."""
    path = FOLDER / f"{target}.jsonl"
    return [bytes.fromhex(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def write(target: str, inputs: list[bytes]) -> int:
    """Keep the shortest of `inputs`; return how many."""
    kept = sorted(set(inputs), key=lambda data: (len(data), data))[:INPUTS_MAX]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{target}.jsonl").write_text("".join(json.dumps(data.hex()) + "\n" for data in kept))
    return len(kept)
