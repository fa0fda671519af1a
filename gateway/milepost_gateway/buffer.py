"""The buffer: what the gateway holds until the broker has it. Three verbs: `append`, `oldest`, `release`.

Blocks are stored as they came, still packed, one row each. `append` is one transaction, durable when it returns, so
the caller may ack then; in the same transaction repeats are found by the sequence ranges of each (node, boot),
schemas and clocks are kept, what the broker has is released, and the counters of the ledger move. A block partly
known keeps one bit a record: only those that are new here are pending. `oldest` hands blocks out, urgent before live
before history, each once until `give_back`. Synchronous, one thread at a time, one writer; SQLite in WAL with
synchronous=FULL.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from milepost_protocol import blocks
from milepost_protocol.errors import ProtocolError
from milepost_protocol.records import Front
from milepost_protocol.schema import Schema, decode_schema

from .buffer_schema import migrate
from .database import MASK, Connection, DatabaseError, NotADatabaseError, open_writer, signed, transaction
from .errors import MilepostError
from .ledger import Ledger, read_ledger
from .ranges import Ranges
from .stored import HISTORY, LIVE, URGENT, Arrival, Delivered, Measured, StoredBlock, checksum, read_front

BOOTS_MAX = 4096  # (node, boot) whose ranges are kept in memory; then those are read again from the file
RANGES_MAX = 4096  # of one boot: more is counted, and still kept, because forgetting one would publish a record twice
SENSELESS_BOOT = -1  # the account of blocks whose front makes no sense

_FIELDS = "SELECT id, node, kind, body, pending, schema, kernel, arrived_ms, crc, hash FROM block WHERE "
_URGENT = _FIELDS + "state = 0 AND cls = 0 AND id > ? ORDER BY id LIMIT ?"
_LIVE = _FIELDS + "id > ? AND state = 0 AND cls <> 0 AND kernel = ? AND taken_ms >= ? ORDER BY id LIMIT ?"
_HISTORY = _FIELDS + "id > ? AND state = 0 ORDER BY id LIMIT ?"
_INSERT = "INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_Row = tuple[int, bytes, int, bytes, int, int | None, int, int, int, int]


@dataclass(slots=True)
class _Boot:
    """The counters and ranges of one (node, boot)."""

    accepted: int
    delivered: int
    repeated: int
    ranges: Ranges
    is_changed: bool = False


class Buffer:
    """The buffer in the file `path`; `kernel_boot_id` names the kernel boot that BOOTTIMEs given here count in."""

    def __init__(self, path: Path, kernel_boot_id: str, late_ms: int = 120_000) -> None:
        self.path = path
        self.late_ms = late_ms
        self.counters = {"commits": 0, "repeated": 0, "senseless": 0, "damaged": 0, "many_ranges": 0}
        self._connection = _open(path)
        self._kernel = self._kernel_row(kernel_boot_id)
        self._boots: dict[tuple[bytes, int], _Boot] = {}
        self._schemas: dict[int, Schema | None] = {}
        self._newest: dict[tuple[bytes, int], tuple[int, bytes]] = {}
        self._load_schemas()
        self._announced: list[Schema] = []
        self._next_id: int = self._one("SELECT coalesce(max(id), 0) + 1 FROM block")
        self._leased: set[int] = set()
        self._cursors = {URGENT: 0, LIVE: -1, HISTORY: 0}

    def close(self) -> None:
        """Close the file; what was appended is in it."""
        self._connection.close()

    # -- append and release ------------------------------------------------------------------------------------

    def append(
        self, arrivals: Iterable[Arrival], delivered: Iterable[Delivered] = (), measured: Iterable[Measured] = ()
    ) -> None:
        """Store, release and note in one transaction; DatabaseError means that nothing of it happened."""
        before = self._next_id, dict(self.counters)
        try:
            with transaction(self._connection):
                for arrival in arrivals:
                    self._store(arrival)
                done = [self._deliver(part) for part in delivered]
                for exchange in measured:
                    self._measure(exchange)
                self._save_boots()
        except BaseException:
            self._next_id, self.counters = before
            self._boots.clear()
            self._load_schemas()
            raise
        self.counters["commits"] += 1
        self._leased.difference_update(block_id for block_id in done if block_id)

    def release(self, delivered: Iterable[Delivered]) -> None:
        """The broker has these: they count as delivered, and a block that is through leaves the file."""
        self.append((), delivered)

    def quarantine(self, block_ids: Iterable[int]) -> None:
        """Set blocks aside that cannot be read: they stay raw, and count as quarantined."""
        ids = list(block_ids)
        with transaction(self._connection):
            for block_id in ids:
                self._connection.execute("UPDATE block SET state = 1 WHERE id = ?", (block_id,))
        self._leased.difference_update(ids)

    def _store(self, arrival: Arrival) -> None:
        if arrival.kind == blocks.SCHEMA:
            self._announce(arrival.node, arrival.body)
        elif arrival.front is None:
            self._store_senseless(arrival)
        else:
            boot = self._boot(arrival.node, arrival.front.boot)
            pending = 0
            for place, sequence in enumerate(arrival.front.sequences):
                pending |= boot.ranges.add(sequence) << place
            self._count(boot, pending.bit_count(), len(arrival.front.sequences))
            if pending:
                self._insert(arrival, arrival.front, pending, 0)

    def _count(self, boot: _Boot, fresh: int, came: int) -> None:
        boot.accepted += fresh
        boot.repeated += came - fresh
        boot.is_changed = True
        self.counters["repeated"] += came - fresh
        self.counters["many_ranges"] += len(boot.ranges) > RANGES_MAX

    def _store_senseless(self, arrival: Arrival) -> None:
        """A record block whose front makes no sense is kept raw and counts as one record: fewer it cannot be."""
        known = "SELECT count(*) FROM block WHERE state = 1 AND node = ? AND hash = -1 AND kind = ? AND body = ?"
        fresh = not self._one(known, (arrival.node, arrival.kind, arrival.body))
        self._count(self._boot(arrival.node, SENSELESS_BOOT), int(fresh), 1)
        if fresh:
            self.counters["senseless"] += 1
            front = Front(arrival.kind & 15, arrival.kind >> 4 & 3, -1, SENSELESS_BOOT)
            front.sequences = [0]
            self._insert(arrival, front, 1, 1)

    def _insert(self, arrival: Arrival, front: Front, pending: int, state: int) -> None:
        schema = self._newest.get((arrival.node, front.schema), (None, b""))[0]
        first, last = front.sequences[0], front.sequences[-1]
        row = (self._next_id, arrival.node, front.boot, first, last, arrival.kind, front.cls, front.schema, schema)
        crc = checksum(arrival.node, arrival.kind, arrival.body)
        times = (self._kernel, arrival.arrived_ms, arrival.taken_ms)
        self._connection.execute(_INSERT, (*row, *times, signed(pending), state, crc, arrival.body))
        self._next_id += 1

    def _announce(self, node: bytes, body: bytes) -> None:
        """Keep a schema, and let out what waited for it."""
        digest = sha256(body).digest()
        key = node, digest[0] | digest[1] << 8
        if self._newest.get(key, (0, b""))[1] == body:
            return
        self._connection.execute("INSERT INTO schema(node, hash, body) VALUES (?, ?, ?)", (*key, body))
        number = self._connection.last_insert_rowid()
        self._newest[key] = number, body
        schema = self._schemas[number] = _read_schema(body)
        self._announced += [schema] if schema else []
        free = "UPDATE block SET state = 0, schema = ? WHERE state = 1 AND node = ? AND hash = ? AND schema IS NULL"
        self._connection.execute(free, (number, *key))
        if self._connection.changes():
            self._cursors[URGENT] = self._cursors[HISTORY] = 0

    def _deliver(self, part: Delivered) -> int:
        """Count one part as delivered; the block's id if that was all of it, else 0."""
        row = self._connection.execute("SELECT node, boot, pending FROM block WHERE id = ?", (part.block_id,)).get
        if row is None:
            return 0
        node, number, pending = row
        left = pending & ~part.mask & MASK
        boot = self._boot(node, number)
        boot.delivered += (pending & part.mask).bit_count()
        boot.is_changed = True
        if left:
            self._connection.execute("UPDATE block SET pending = ? WHERE id = ?", (signed(left), part.block_id))
            return 0
        # Keeping what is delivered for replay, and expiring it, comes in here; both stand outside the law.
        self._connection.execute("DELETE FROM block WHERE id = ?", (part.block_id,))
        return part.block_id

    def _measure(self, one: Measured) -> None:
        row = (one.node, one.boot, self._kernel, one.bucket, one.uptime_ms, one.low_us, one.high_us)
        self._connection.execute("INSERT OR REPLACE INTO anchor VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _boot(self, node: bytes, boot: int) -> _Boot:
        found = self._boots.get((node, boot))
        if found is None:
            row = self._connection.execute(
                "SELECT accepted, delivered, repeated, ranges FROM boot WHERE node = ? AND boot = ?", (node, boot)
            ).get
            accepted, delivered, repeated, ranges = row or (0, 0, 0, b"")
            found = _Boot(accepted, delivered, repeated, Ranges(ranges))
            self._boots[node, boot] = found
        return found

    def _save_boots(self) -> None:
        for (node, number), boot in self._boots.items():
            if boot.is_changed:
                row = (node, number, boot.accepted, boot.delivered, boot.repeated, boot.ranges.to_bytes())
                self._connection.execute("INSERT OR REPLACE INTO boot VALUES (?, ?, ?, ?, ?, ?)", row)
                boot.is_changed = False
        if len(self._boots) > BOOTS_MAX:
            self._boots.clear()

    # -- oldest ------------------------------------------------------------------------------------------------

    def oldest(self, count: int, now_ms: int) -> list[StoredBlock]:
        """Up to `count` blocks that are not out yet: urgent ones, then live ones, then history, each oldest first."""
        found = self._take(URGENT, count, _URGENT, ())
        if self._cursors[LIVE] < 0:
            self._cursors[LIVE] = self._live_floor(now_ms)
        if len(found) < count:
            found += self._take(LIVE, count - len(found), _LIVE, (self._kernel, now_ms - self.late_ms))
        while len(found) < count:
            more = self._take(HISTORY, count - len(found), _HISTORY, ())
            found += more
            if self._cursors[HISTORY] == self._next_id - 1:
                break
        return found

    def give_back(self) -> None:
        """What is out and not released is to be handed out again: the broker was lost."""
        self._leased.clear()
        self._cursors = {URGENT: 0, LIVE: -1, HISTORY: 0}

    def _take(self, lane: str, count: int, query: str, extra: tuple[int, ...]) -> list[StoredBlock]:
        rows: list[Any] = self._connection.execute(query, (self._cursors[lane], *extra, count)).fetchall()
        fresh = [(row[0], self._stored(row, lane)) for row in rows if row[0] not in self._leased]
        self._set_aside([block_id for block_id, block in fresh if block is None])
        self._cursors[lane] = rows[-1][0] if len(rows) == count else self._next_id - 1
        found = [block for _, block in fresh if block]
        self._leased.update(block.id for block in found)
        return found

    def _stored(self, row: _Row, lane: str) -> StoredBlock | None:
        """A block from its row; None if the disk spoiled it."""
        block_id, node, kind, body, pending, schema, kernel, arrived_ms, crc, hash_ = row
        front = read_front(kind, body) if checksum(node, kind, body) == crc else None
        if front is None:
            return None
        number = schema or self._newest.get((node, hash_), (0, b""))[0]
        known = self._schemas.get(number)
        return StoredBlock(block_id, node, front, pending & MASK, known, arrived_ms, kernel == self._kernel, lane)

    def _set_aside(self, damaged: list[int]) -> None:
        if damaged:
            self.quarantine(damaged)
            self.counters["damaged"] += len(damaged)

    def _live_floor(self, now_ms: int) -> int:
        """The id behind which everything is that arrived recently enough to be live."""
        floor = self._next_id - 1
        for block_id, kernel, arrived_ms in self._connection.execute(
            "SELECT id, kernel, arrived_ms FROM block ORDER BY id DESC"
        ):
            if kernel != self._kernel or arrived_ms < now_ms - self.late_ms:
                break
            floor = block_id - 1
        return floor

    # -- what else is kept here --------------------------------------------------------------------------------

    def ledger(self) -> Ledger:
        """The ledger at this moment."""
        return read_ledger(self._connection)

    def schemas(self) -> list[tuple[bytes, Schema]]:
        """`(node, schema)` of all that are known and make sense, the newest last."""
        numbers = sorted((number, node) for (node, _), (number, _) in self._newest.items())
        known = [(node, self._schemas[number]) for number, node in numbers]
        return [(node, schema) for node, schema in known if schema]

    def take_announced(self) -> list[Schema]:
        """Schemas that came since the last call."""
        announced, self._announced = self._announced, []
        return announced

    def measured(self) -> list[Measured]:
        """The exchanges kept from this boot of the kernel."""
        query = "SELECT node, boot, bucket, uptime_ms, low_us, high_us FROM anchor WHERE kernel = ?"
        return [Measured(*row) for row in self._connection.execute(query, (self._kernel,))]

    def next_number(self, name: str) -> int:
        """Count up a number that outlives the process, from 1."""
        add = "INSERT INTO number VALUES (?, 1) ON CONFLICT(name) DO UPDATE SET value = value + 1 RETURNING value"
        with transaction(self._connection):
            return int(self._connection.execute(add, (name,)).get)

    def _kernel_row(self, boot_id: str) -> int:
        """This kernel boot's number; exchanges of earlier ones tell nothing any more."""
        with transaction(self._connection):
            self._connection.execute("INSERT OR IGNORE INTO kernel(boot_id) VALUES (?)", (boot_id,))
            number: int = self._one("SELECT id FROM kernel WHERE boot_id = ?", (boot_id,))
            self._connection.execute("DELETE FROM anchor WHERE kernel <> ?", (number,))
        return number

    def _load_schemas(self) -> None:
        self._schemas.clear()
        self._newest.clear()
        rows = self._connection.execute("SELECT id, node, hash, body FROM schema ORDER BY id")
        for number, node, hash_, body in rows:
            self._schemas[number] = _read_schema(body)
            self._newest[node, hash_] = number, body

    def _one(self, query: str, values: tuple[Any, ...] = ()) -> int:
        return int(self._connection.execute(query, values).get)


def _open(path: Path) -> Connection:
    try:
        connection = open_writer(path)
        migrate(connection)
    except NotADatabaseError:
        raise MilepostError("E-DATA-03", f"{path} is not a Milepost buffer: give another data_dir") from None
    except DatabaseError as error:
        raise MilepostError("E-DATA-02", f"{path} cannot be opened: {error}") from None
    return connection


def _read_schema(body: bytes) -> Schema | None:
    try:
        return decode_schema(body)
    except (ProtocolError, UnicodeDecodeError):
        return None
