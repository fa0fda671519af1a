"""The demo's verdict: did the law hold, did the subscriber miss anything, are the values those of the traces.

Pure: a ledger, a subscriber's counts and the comparison go in; the JSON object, the last lines and the fault come out.
"""

from dataclasses import dataclass
from typing import Any

from ..errors import Fault

HOLDS = "holds"
TOTALS = ("accepted", "delivered", "pending", "discarded", "quarantined")


@dataclass(frozen=True)
class Verdict:
    """Everything the end of a demo is judged by. `ledger`: see the gateway's `status --json`."""

    nodes: int
    ledger: dict[str, Any]
    unique: int
    duplicates: int
    missing: int
    equal: int
    compared: int
    silent: tuple[str, ...] = ()  # sites that had time enough and sent no row

    @property
    def law(self) -> str:
        """`holds` or `broken`: the ledger's own word, and its sums added up again here."""
        books = [self.ledger.get("gateway", {}), *self.ledger.get("nodes", {}).values()]
        sums = all(balances(book) for book in books)
        return HOLDS if self.ledger.get("law") == HOLDS and sums else "broken"

    def as_json(self) -> dict[str, Any]:
        """The one object of `--json`."""
        totals = {name: self.ledger.get("gateway", {}).get(name, 0) for name in TOTALS}
        counted = {"unique": self.unique, "duplicates": self.duplicates, "missing": self.missing}
        return {"nodes": self.nodes, **totals, **counted, "law": self.law}

    def fault(self) -> Fault | None:
        """Why the exit status is not 0; None if all is well."""
        delivered = self.ledger.get("gateway", {}).get("delivered", 0)
        if self.law != HOLDS:
            return Fault("E-LAW-01", "the conservation law is broken: the ledger says where")
        if self.silent or not self.unique:
            return Fault("E-LAW-04", f"nothing arrived from {', '.join(self.silent) or 'any node'}: the logs say why")
        if self.missing or self.unique < delivered:
            lost = max(self.missing, delivered - self.unique)
            return Fault("E-LAW-02", f"the subscriber missed {lost} records of {delivered} delivered")
        if self.unique > delivered + self.ledger.get("gateway", {}).get("pending", 0):
            return Fault("E-LAW-02", f"the subscriber got {self.unique} records, delivered were {delivered}")
        if self.equal != self.compared:
            return Fault("E-LAW-03", f"{self.compared - self.equal} rows of {self.compared} differ from the trace")
        return None

    def lines(self) -> list[str]:
        """The last lines: what the subscriber counted, the comparison, the law."""
        held = "held" if self.law == HOLDS else "is BROKEN"
        return [
            f"subscriber: {self.unique} unique, {self.duplicates} duplicates, {self.missing} missing",
            f"values equal to the trace: {self.equal} of {self.compared}",
            f"accepted = delivered + pending + discarded + quarantined: the conservation law {held}",
        ]


def balances(book: dict[str, Any]) -> bool:
    """Whether one ledger's sums add up."""
    if not all(name in book for name in TOTALS):
        return False
    out = book["delivered"] + book["pending"] + sum(book["discarded"].values()) + book["quarantined"]
    return bool(book["accepted"] == out)
