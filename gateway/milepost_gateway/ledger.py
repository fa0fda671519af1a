"""The ledger: accepted = delivered + pending + discarded + quarantined, in records, for each node and for the gateway.

Accepted, delivered and discarded are counters, kept in the same transactions as what they count. Pending and
quarantined are not counted along: they are found each time by adding up what really stands in the stored blocks. So a
block that vanishes from the file by any other way than delivery breaks the law, and both the health topic and the
exit status say so.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .database import Connection, DatabaseError, open_reader
from .errors import MilepostError


@dataclass
class Account:
    """The records of one node, or of all; `discarded` by reason."""

    accepted: int = 0
    delivered: int = 0
    pending: int = 0
    quarantined: int = 0
    discarded: dict[str, int] = field(default_factory=dict)

    def holds(self) -> bool:
        """Whether the law holds here."""
        return self.accepted == self.delivered + self.pending + sum(self.discarded.values()) + self.quarantined

    def add(self, other: "Account") -> None:
        """Add another account to this one."""
        self.accepted += other.accepted
        self.delivered += other.delivered
        self.pending += other.pending
        self.quarantined += other.quarantined
        for reason, records in other.discarded.items():
            self.discarded[reason] = self.discarded.get(reason, 0) + records

    def to_json(self) -> dict[str, Any]:
        """As published: the five terms of the law."""
        return {
            "accepted": self.accepted,
            "delivered": self.delivered,
            "pending": self.pending,
            "discarded": self.discarded,
            "quarantined": self.quarantined,
        }


@dataclass
class Ledger:
    """All accounts at one moment, by node id in hex."""

    nodes: dict[str, Account] = field(default_factory=dict)

    def of(self, node: bytes) -> Account:
        """The account of one node, made if need be."""
        return self.nodes.setdefault(node.hex(), Account())

    def total(self) -> Account:
        """The gateway's account."""
        total = Account()
        for account in self.nodes.values():
            total.add(account)
        return total

    def holds(self) -> bool:
        """Whether the law holds for every node, and so for the gateway."""
        return all(account.holds() for account in self.nodes.values())

    def to_json(self) -> dict[str, Any]:
        """`{"law", "nodes", "gateway"}` as in health and in `status --json`."""
        return {
            "law": "holds" if self.holds() else "broken",
            "nodes": {node: account.to_json() for node, account in sorted(self.nodes.items())},
            "gateway": self.total().to_json(),
        }


def read_ledger(connection: Connection) -> Ledger:
    """The ledger as the file has it, at one moment: counters and blocks are read in one transaction."""
    ledger = Ledger()
    with connection:
        for node, accepted, delivered in connection.execute(
            "SELECT node, sum(accepted), sum(delivered) FROM boot GROUP BY node"
        ):
            account = ledger.of(node)
            account.accepted, account.delivered = accepted, delivered
        for node, state, records in connection.execute(
            "SELECT node, state, sum(bits(pending)) FROM block GROUP BY node, state"
        ):
            setattr(ledger.of(node), "quarantined" if state else "pending", records)
        for node, reason, records in connection.execute("SELECT node, reason, records FROM discarded"):
            ledger.of(node).discarded[reason] = records
    return ledger


def read_ledger_file(path: Path) -> Ledger:
    """The ledger of a buffer file, whoever else uses it; nothing is written. E-DATA-02 if there is none."""
    if not path.is_file():
        raise MilepostError("E-DATA-02", f"{path} does not exist: the gateway has not run with this data_dir yet")
    try:
        connection = open_reader(path)
        try:
            return read_ledger(connection)
        finally:
            connection.close()
    except DatabaseError as error:
        raise MilepostError("E-DATA-02", f"{path} cannot be read: {error}") from None
