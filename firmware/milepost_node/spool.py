"""The spool: every record of this boot from its sequence on, until the gateway has it on disk.

A ring in RAM, ascending in sequence; a ring in flash takes its place behind the same verbs. `append` names a record,
`take` packs what should go next into one block and marks it in flight under a token, `release` frees what was acked,
`put_back` makes a lost session's records unsent again. When it is full, rows thin out before they go: in the older half
every second routine row of each schedule is discarded, and only when that half is thin the oldest goes as a whole.
Urgent records give way to nothing but urgent ones. Every discard is counted and told to the gateway as an exact range:
what this node gave up. It may have arrived all the same, where the session that carried it was lost before the ack.
At any time: appended = released + held + discarded.
"""

from milepost_protocol.records import (
    COUNT_MAX,
    DELTA_MS_MAX,
    DIAGNOSTIC,
    GONE,
    ROUTINE,
    ROWS,
    SPAN_MAX,
    URGENT,
    Record,
    pack,
)

from .ranges import Ranges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RECORDS_MAX = 1000  # 17 minutes at one a second; some 300 bytes of heap each
LIVE_MS_MAX = 10000  # a row not older than this goes before backlog
GONE_HELD_MAX = 8  # reports of discards on their way at a time; they stand outside RECORDS_MAX
OVERFLOW = 1  # of records.GONE_REASONS


class Batch:
    """A block ready to send: `kind` and `body`, the `token` to release it by, the number of records in it."""

    def __init__(self, token: int, kind: int, body: bytes, count: int) -> None:
        self.token = token
        self.kind = kind
        self.body = body
        self.count = count


class Spool:
    """Records of boot `boot`; discards are reported under schema `gone_schema` (a hash). Times are uptimes in ms."""

    def __init__(
        self, boot: int, gone_schema: int, records_max: int = RECORDS_MAX, live_ms_max: int = LIVE_MS_MAX
    ) -> None:
        self.appended = 0
        self.released = 0
        self.discarded = 0
        self.on_append: Callable[[], None] | None = None
        self._boot = boot
        self._gone_schema = gone_schema
        self._records_max = records_max
        self._live_ms_max = live_ms_max
        self._held: list[Record] = []  # ascending in sequence
        self._flying: dict[int, list[int]] = {}  # token: sequences
        self._in_flight: set[int] = set()  # the same sequences
        self._waiting = [0, 0, 0]  # records not in flight, by class
        self._token = 0
        self._gone = Ranges()
        self._gone_held = 0
        self._thinned = 0  # rows below this sequence had their turn
        self._kept: dict[int, bool] = {}  # schema: whether thinning let its last row stand

    def held(self) -> int:
        """Records here now, in flight or not."""
        return len(self._held)

    def holds_law(self) -> bool:
        """appended = released + held + discarded."""
        return self.appended == self.released + len(self._held) + self.discarded

    # -- the three verbs ------------------------------------------------------------------------------------------------

    def append(
        self,
        kind: int,
        cls: int,
        schema: int,
        uptime_ms: int,
        values: "tuple[int | None, ...]",
        quality: "tuple[int, ...] | None" = None,
    ) -> int:
        """Give a record its name and keep it. Returns its sequence; it may be discarded at once where nothing gives way."""
        record = Record(kind, cls, schema, self._boot, self.appended, uptime_ms, values, quality)
        self.appended += 1
        if self._make_room(cls):
            self._keep(record)
        else:
            self._note_discard(record.sequence)
        if self.on_append:
            self.on_append()
        return record.sequence

    def oldest(self) -> "Record | None":
        """The record with the lowest sequence."""
        return self._held[0] if self._held else None

    def release(self, tokens: "Iterable[object]") -> None:
        """The gateway has what was taken under `tokens`: free it. Tokens of no batch are none of ours."""
        for token in tokens:
            for sequence in self._land(token):
                record = self._held.pop(self._index(sequence))
                self._gone_held -= record.kind == GONE
                self.released += 1

    def put_back(self, tokens: "Iterable[object]") -> None:
        """What was taken under `tokens` did not arrive: it is unsent again, under the same names."""
        for token in tokens:
            for sequence in self._land(token):
                self._waiting[self._held[self._index(sequence)].cls] += 1

    def _land(self, token: object) -> "list[int]":
        sequences = self._flying.pop(token, []) if isinstance(token, int) else []
        for sequence in sequences:
            self._in_flight.remove(sequence)
        return sequences

    def _keep(self, record: Record) -> None:
        self._held.append(record)
        self._waiting[record.cls] += 1

    def _index(self, sequence: int) -> int:
        """Where the first record stands that has at least this sequence."""
        low, high = 0, len(self._held)
        while low < high:
            middle = (low + high) // 2
            if self._held[middle].sequence < sequence:
                low = middle + 1
            else:
                high = middle
        return low

    # -- what goes next -------------------------------------------------------------------------------------------------

    def take(self, now_ms: int, bytes_max: int) -> "Batch | None":
        """The next block of at most `bytes_max` bytes, in flight from now on; None if all that is here is in flight."""
        self._report_gone(now_ms)
        at = self._next(now_ms)
        if at < 0:
            return None
        records = self._alike(at)
        kind, body = pack(records)
        while len(body) > bytes_max and len(records) > 1:
            records = records[: max(1, min(len(records) - 1, len(records) * bytes_max // len(body)))]
            kind, body = pack(records)
        return self._launch(kind, body, records)

    def _launch(self, kind: int, body: bytes, records: "list[Record]") -> Batch:
        self._token += 1
        self._flying[self._token] = [record.sequence for record in records]
        for record in records:
            self._in_flight.add(record.sequence)
            self._waiting[record.cls] -= 1
        return Batch(self._token, kind, body, len(records))

    def _next(self, now_ms: int) -> int:
        """Place of the record that should go first: urgent, then live, then from the oldest on. -1 if there is none."""
        if not any(self._waiting):
            return -1
        if self._waiting[URGENT]:
            return self._first_waiting(URGENT)
        live = self._first_live(now_ms)
        return live if live >= 0 else self._first_waiting(None)

    def _first_waiting(self, cls: "int | None") -> int:
        for i in range(len(self._held)):
            if (cls is None or self._held[i].cls == cls) and self._held[i].sequence not in self._in_flight:
                return i
        return -1

    def _first_live(self, now_ms: int) -> int:
        found = -1
        for i in range(len(self._held) - 1, -1, -1):
            if now_ms - self._held[i].uptime_ms > self._live_ms_max:
                break
            if self._held[i].sequence not in self._in_flight:
                found = i
        return found

    def _alike(self, at: int) -> "list[Record]":
        """The record at `at` and what may share its block: rows of its class and schema, waiting too, later and not far."""
        first = self._held[at]
        records = [first]
        if first.kind != ROWS:
            return records
        for i in range(at + 1, len(self._held)):
            record = self._held[i]
            if len(records) == COUNT_MAX or record.sequence - first.sequence >= SPAN_MAX:
                break
            if record.kind == ROWS and record.schema == first.schema and record.cls == first.cls:
                if not 0 <= record.uptime_ms - records[-1].uptime_ms < DELTA_MS_MAX:
                    break
                if record.sequence not in self._in_flight:
                    records.append(record)
        return records

    # -- overflow -------------------------------------------------------------------------------------------------------

    def _make_room(self, cls: int) -> bool:
        """See that one more record of class `cls` fits; False if nothing here gives way to it."""
        if len(self._held) - self._gone_held < self._records_max:
            return True
        victim = self._victim(cls)
        if victim < 0:
            return False
        record = self._held.pop(victim)
        self._waiting[record.cls] -= 1
        self._note_discard(record.sequence)
        return True

    def _victim(self, cls: int) -> int:
        """Place of the record that is worth least. What is in flight may be with the gateway already and stays."""
        victim = self._oldest_of(DIAGNOSTIC) if self._waiting[DIAGNOSTIC] else -1
        if victim < 0 and cls != DIAGNOSTIC and self._waiting[ROUTINE]:
            victim = self._thin()
            victim = victim if victim >= 0 else self._oldest_of(ROUTINE)
        if victim < 0 and cls == URGENT:
            victim = self._oldest_of(URGENT)
        return victim

    def _oldest_of(self, cls: int) -> int:
        for i in range(len(self._held)):
            record = self._held[i]
            if record.cls == cls and record.kind != GONE and record.sequence not in self._in_flight:
                return i
        return -1

    def _thin(self) -> int:
        """Place of the next row that thinning takes, in the older half; -1 if that half has been gone through."""
        for i in range(self._index(self._thinned), len(self._held) // 2):
            record = self._held[i]
            if record.kind != ROWS or record.cls != ROUTINE or record.sequence in self._in_flight:
                continue
            self._thinned = record.sequence + 1
            kept = self._kept.get(record.schema, False)
            self._kept[record.schema] = not kept
            if kept:
                return i
        return -1

    def _note_discard(self, sequence: int) -> None:
        self.discarded += 1
        self._gone.add(sequence)

    def _report_gone(self, now_ms: int) -> None:
        """Turn ranges of discards into records, a few at a time."""
        while len(self._gone) and self._gone_held < GONE_HELD_MAX:
            first, last = self._gone.pop()
            values = (OVERFLOW, self._boot, first, last)
            self._keep(Record(GONE, ROUTINE, self._gone_schema, self._boot, self.appended, now_ms, values))
            self.appended += 1
            self._gone_held += 1
