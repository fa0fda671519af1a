"""The oracle: after a scenario has settled, what is wrong, as sentences; an empty list is a pass.

It believes nobody's word alone: names counted by the subscriber, the ledger's own sums added up again, values against the
trace that the simulator was given.
"""

from typing import Any

from ..demo.expect import Expectation
from ..demo.received import Received
from ..demo.verdict import HOLDS, balances


def losses(received: Received, ledger: dict[str, Any]) -> list[str]:
    """What speaks against "everything accepted was delivered, and the subscriber has it, each by its name"."""
    total = ledger["gateway"]
    found = [f"the ledger of {name} does not add up: {book}" for name, book in books(ledger) if not balances(book)]
    if ledger["law"] != HOLDS:
        found.append(f"the ledger says that the law is {ledger['law']}")
    if total["pending"] or total["quarantined"] or total["discarded"]:
        found.append(f"not everything was delivered: {total}")
    if received.count.unique != total["delivered"]:
        found.append(f"{total['delivered']} were delivered, the subscriber has {received.count.unique}")
    found += [f"missing: {hole}" for hole in received.count.holes()]
    if received.senseless:
        found.append(f"{received.senseless} messages make no sense")
    return found


def books(ledger: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The ledger's accounts by name, the gateway's own last."""
    return [*ledger["nodes"].items(), ("gateway", ledger["gateway"])]


def differences(received: Received, site: str, expected: Expectation) -> list[str]:
    """Where the rows of `site` differ from the trace that its node replays; also if there is no row at all."""
    found = [] if received.rows.get(site) else [f"no rows of {site}"]
    for rows in received.boots_of(site):
        equal, total = expected.check(rows)
        if equal != total:
            found.append(f"{total - equal} of {total} rows of {site} differ from the trace")
    return found
