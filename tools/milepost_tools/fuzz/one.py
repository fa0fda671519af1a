"""`python -m milepost_tools.fuzz.one TARGET …`: the process that libFuzzer owns; it never returns.

Apart from the command, because libFuzzer ends the process it runs in.
"""

import importlib
import sys
from typing import Any

from .corpus import load_targets


def main() -> None:
    """Hand one target to libFuzzer, with coverage of the protocol's own code."""
    atheris: Any = importlib.import_module("atheris")  # it has no types
    target = sys.argv.pop(1)
    with atheris.instrument_imports(include=["milepost_protocol"]):
        module = load_targets()
    atheris.Setup(sys.argv, lambda data: module.run(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
