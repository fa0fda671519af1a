"""The demo's picture: a table of what the subscriber received and the ledger, as rich renderables.

Pure: what was received and two clock readings go in. Units and names come from the registry of channels.
"""

from datetime import datetime
from typing import Any

from milepost_protocol.channels import CHANNELS
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .received import Latest, Received, age_s

UNITS = {name: (unit, decimals) for name, unit, decimals in CHANNELS.values()}
PLAIN = {"ug/m3": "µg/m³", "Cel": "°C", "uT": "µT", "[ppm]": "ppm", "[ppb]": "ppb", "{index}": "", "{bool}": ""}
GOOD, SUSPECT, BAD = "green", "yellow", "red"
NOTHING = "-"
STALE_S = 10.0  # a live row is at most so old while all is well
HEADS = ("site", "values", "time (UTC)", "± s", "quality", "age", "rows")
BOOKS = ("accepted", "delivered", "pending", "discarded", "quarantined")


def render(received: Received, now: datetime, title: str) -> RenderableType:
    """The whole picture."""
    return Group(site_table(received, now, title), ledger_table(received.ledger))


def site_table(received: Received, now: datetime, title: str) -> Table:
    """One line a site: its latest row."""
    table = new_table(*HEADS)
    table.title, table.title_justify = title, "left"
    for key in sorted(received.latest):
        latest = received.latest[key]
        table.add_row(*site_cells(latest, received.events.get(latest.site), now))
    if not received.latest:
        table.add_row("…", "waiting for the first reading", *[""] * (len(HEADS) - 2))
    return table


def new_table(*heads: str) -> Table:
    """A table that fits 80 columns."""
    table = Table(box=box.SIMPLE, expand=False, pad_edge=False, padding=(0, 1, 0, 0))
    for head in heads:
        table.add_column(head, no_wrap=True)
    return table


def site_cells(latest: Latest, event: str | None, now: datetime) -> list[RenderableType]:
    """The cells of one site's line."""
    payload = latest.payload
    age = age_s(payload, now)
    color = BAD if age is None or age > STALE_S else GOOD
    shown = "unknown" if age is None else f"{max(age, 0.0):.1f} s"
    values = values_text(payload) + (f"\n{event}" if event else "")
    return [
        latest.site,
        values,
        time_text(payload),
        NOTHING if payload.get("te") is None else f"{float(payload['te']):.3f}",
        quality_text(payload),
        Text(shown, style=color),
        str(latest.rows),
    ]


def values_text(payload: dict[str, Any]) -> str:
    """`pm25 31.5 µg/m³`, a line a channel; a value that could not be measured is a dash."""
    return "\n".join(value_text(name, value) for name, value in payload["m"].items())


def value_text(name: str, value: Any) -> str:  # noqa: ANN401 - a number of JSON or None
    """One channel's name, value with its decimals, unit."""
    unit, decimals = UNITS.get(name, ("", 3))
    shown = "—" if value is None else f"{float(value):.{decimals}f}"
    return f"{name} {shown} {PLAIN.get(unit, unit)}".rstrip()


def time_text(payload: dict[str, Any]) -> str:
    """The time of day of a row, to the millisecond, and by what it is known where that is not `synced`."""
    if payload.get("t") is None:
        return "unknown"
    stamp = datetime.fromisoformat(payload["t"])
    return stamp.strftime("%H:%M:%S.%f")[:-3] + (f" {payload['tq']}" if "tq" in payload else "")


def quality_text(payload: dict[str, Any]) -> Text:
    """The words of the channels that are not good."""
    noted = payload.get("q", {})
    if not noted:
        return Text("good", style=GOOD)
    worst = max(code for code, _ in noted.values())
    words = ", ".join(sorted({word for _, word in noted.values()}))
    return Text(words, style=SUSPECT if worst in (2, 3) else BAD)


def ledger_table(ledger: dict[str, Any]) -> Table:
    """One line a node, and the gateway's: where its records are."""
    table = new_table("ledger", *BOOKS, "law")
    books = [*sorted(ledger.get("nodes", {}).items()), ("gateway", ledger.get("gateway", {}))]
    for name, book in books:
        law = ledger.get("law", "") if name == "gateway" else ""
        table.add_row(name, *[book_text(book.get(column)) for column in BOOKS], law)
    return table


def book_text(value: Any) -> str:  # noqa: ANN401 - a count, or counts by reason
    """A count; for discards the counts by reason."""
    if isinstance(value, dict):
        return ", ".join(f"{reason} {count}" for reason, count in sorted(value.items())) or "0"
    return NOTHING if value is None else str(value)
