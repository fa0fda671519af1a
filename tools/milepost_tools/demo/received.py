"""What a consumer knows from the messages it received: counts by name, each site's latest row, rows to compare, ledger.

Pure: topic, payload and a clock's reading go in, nothing goes out. Retained copies of an earlier run are not counted.
A message that is not what the topics promise is counted in `senseless` and otherwise ignored, as a robust consumer
would.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from .count import Count, parse_name

LEVELS = 7  # <root>/v1/<area>/<gateway>/<site>/<kind>/<stream>
NAMED = ("obs", "hist", "event", "health", "rsp")  # kinds whose payloads carry records
ROWS_MAX = 100_000  # rows kept for comparison, a day of the demo; further ones are counted in `unkept`

Json = dict[str, Any]
Row = tuple[dict[str, Decimal | None], dict[str, str]]  # values, words; by channel name


@dataclass
class Latest:
    """The newest row of one site and stream: payload, when it came (s, the caller's clock), how many came."""

    site: str
    stream: str
    payload: Json = field(default_factory=dict)
    came_s: float = 0.0
    rows: int = 0


class Received:
    """Feed it with `take`; read `count`, `latest`, `rows`, `ledger`, `status`, `meta`."""

    def __init__(self) -> None:
        self.count = Count()
        self.latest: dict[tuple[str, str], Latest] = {}
        self.rows: dict[str, dict[tuple[str, int], dict[int, Row]]] = {}  # site: (node, boot): sequence
        self.ledger: Json = {}
        self.status: str = ""
        self.meta: dict[str, Json] = {}
        self.events: dict[str, str] = {}  # site: the last event's word
        self.senseless = 0
        self.unkept = 0
        self.kept = 0
        self.first_row_s: float | None = None

    def take(self, topic: str, payload: bytes, retained: bool, now_s: float) -> None:
        """Take in one message."""
        try:
            levels = topic.split("/")
            if len(levels) != LEVELS:
                raise ValueError("not seven levels")
            data = json.loads(payload, parse_float=Decimal)
            self._sort(levels[4], levels[5], levels[6], data, retained, now_s)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.senseless += 1

    def _sort(self, site: str, kind: str, stream: str, data: Any, retained: bool, now_s: float) -> None:  # noqa: ANN401
        if kind == "status":
            self.status = str(data["state"])
        elif kind == "meta":
            self.meta[site] = data
        elif kind == "health" and stream == "gateway":
            self.ledger = data if "law" in data else data["ledger"]
        elif kind in NAMED and not retained:
            for one in data if isinstance(data, list) else [data]:
                self._take_record(site, kind, stream, one, now_s)

    def _take_record(self, site: str, kind: str, stream: str, data: Json, now_s: float) -> None:
        is_new = self.count.add(data["id"], data.get("rev", 0))
        if "gone" in data:
            gone = data["gone"]
            self.count.explain(parse_name(data["id"])[0], gone["boot"], gone["first"], gone["last"])
        elif kind == "event":
            self.events[site] = str(data["event"])
        elif is_new and kind in ("obs", "hist"):
            self._take_row(site, stream, data, now_s)

    def _take_row(self, site: str, stream: str, data: Json, now_s: float) -> None:
        if self.first_row_s is None:
            self.first_row_s = now_s
        latest = self.latest.setdefault((site, stream), Latest(site, stream))
        latest.rows += 1
        if not latest.payload or _order(data) > _order(latest.payload):
            latest.payload, latest.came_s = data, now_s
        if self.kept >= ROWS_MAX:
            self.unkept += 1
            return
        self.kept += 1
        node, boot, sequence = parse_name(data["id"])
        values = {name: None if value is None else Decimal(value) for name, value in data["m"].items()}
        words = {name: quality[1] for name, quality in data.get("q", {}).items()}
        self.rows.setdefault(site, {}).setdefault((node, boot), {})[sequence] = (values, words)

    def boots_of(self, site: str) -> Iterator[list[Row]]:
        """The rows kept of a site, one list a boot, in ascending sequence."""
        for rows in self.rows.get(site, {}).values():
            yield [rows[sequence] for sequence in sorted(rows)]


def _order(data: Json) -> tuple[int, int]:
    return parse_name(data["id"])[1:]


def age_s(payload: Json, now: datetime) -> float | None:
    """How old a row is at `now` (aware), in s; None if its time is unknown."""
    if payload.get("t") is None:
        return None
    return (now - datetime.fromisoformat(payload["t"])).total_seconds()
