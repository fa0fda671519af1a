"""SQLite, through its one importer: how the buffer's file is opened, and what can go wrong with it.

`apsw` brings the same SQLite everywhere and lets tests see every write. Nothing here knows a table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

BUSY_MS = 5000  # how long to wait for another process, a reader of `status` or one that recovers the file
WAL_BYTES_MAX = 8 << 20  # what the WAL file keeps of the disk after it was longer for a moment
MASK = (1 << 64) - 1

Connection = apsw.Connection
DatabaseError = apsw.Error
NotADatabaseError = apsw.NotADBError

# What a person or time can put right: worth another try. Anything else SQLite says is a defect or a damaged file.
PASSING = (apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.BusyError, apsw.LockedError, apsw.CantOpenError)


def open_writer(path: Path) -> Connection:
    """The file for its one writer: what is committed is on disk (WAL, synchronous=FULL)."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")
    connection.pragma("journal_size_limit", WAL_BYTES_MAX)
    _add_bits(connection)
    return connection


def open_reader(path: Path) -> Connection:
    """The file for somebody who only looks, whoever else uses it."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(BUSY_MS)
    _add_bits(connection)
    return connection


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """All of it on disk when this returns, or, after an exception, none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def signed(mask: int) -> int:
    """A mask of 64 bits as SQLite keeps it; `& MASK` is the way back."""
    return mask - (1 << 64) if mask >> 63 else mask


def _add_bits(connection: Connection) -> None:
    """`bits(mask)` in SQL: how many are set."""
    connection.create_scalar_function("bits", _bits, 1, deterministic=True)  # type: ignore[arg-type]


def _bits(mask: int) -> int:
    return (mask & MASK).bit_count()
