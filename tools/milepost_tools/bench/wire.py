"""`tools/bench wire`: all figures of the wire, in the order in which a row travels.

PARTS is the one table: each is a module with `figures()`.
"""

import importlib

from .figures import Figure

PARTS = ("wire_bytes", "wire_serial", "wire_goodput", "wire_time", "wire_time_temperature", "wire_cpu", "wire_vm")


def figures() -> list[Figure]:
    """Every part's figures. Names are unique: the ratchet goes by them."""
    rows: list[Figure] = []
    for part in PARTS:
        rows += importlib.import_module(f".{part}", __package__).figures()
    return rows
