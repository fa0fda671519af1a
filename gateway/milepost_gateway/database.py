"""The one place that knows which SQLite this is: apsw, with an SQLite of its own, the same version on every machine.

The rest of the gateway sees a connection, the errors that pass by themselves, and nothing else of the library.
"""

from pathlib import Path

import apsw
from apsw import Connection, Error, NotADBError

__all__ = ["PASSING", "Connection", "Error", "NotADBError", "open_readonly", "open_writer"]

# What a person or time can put right: these are tried again. Anything else SQLite says is a defect or a damaged file.
PASSING = (apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.BusyError, apsw.LockedError, apsw.CantOpenError)


def open_writer(path: Path) -> Connection:
    """A connection that may write, the file made if there is none."""
    return Connection(str(path))


def open_readonly(path: Path, busy_ms: int) -> Connection:
    """A connection that only reads, and waits so long for a writer."""
    connection = Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(busy_ms)
    return connection
