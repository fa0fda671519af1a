"""The buffer file's own schema: one SQL script a version, run in order, so that an upgrade never discards anything.

The version stands in `PRAGMA user_version`, the file says whose it is in `PRAGMA application_id`. A released script
is never edited: what has to change is a new script at the end of MIGRATIONS.
"""

from .database import Connection, transaction
from .errors import MilepostError

APPLICATION_ID = 0x4D4C5031  # "MLP1"

MIGRATIONS = (
    """
    -- A boot of the gateway's kernel: CLOCK_BOOTTIME of other tables counts within one.
    CREATE TABLE kernel(id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE) STRICT;

    -- Schemas as announced; the newest row of a (node, hash) is what blocks that arrive now are read by.
    CREATE TABLE schema(id INTEGER PRIMARY KEY, node BLOB NOT NULL, hash INTEGER NOT NULL, body BLOB NOT NULL) STRICT;

    -- A boot of a node: how many records were accepted and delivered, which sequences were here (ranges.py), how many
    -- came again. Boot -1 stands for blocks whose front made no sense.
    CREATE TABLE boot(
        node BLOB NOT NULL, boot INTEGER NOT NULL, accepted INTEGER NOT NULL, delivered INTEGER NOT NULL,
        repeated INTEGER NOT NULL, ranges BLOB NOT NULL, PRIMARY KEY(node, boot)
    ) STRICT, WITHOUT ROWID;

    -- A record block as it came. `pending`: one bit for each record in it that is not yet delivered. `state`: 0 to be
    -- published, 1 quarantined. `crc`: CRC-32 of node, kind and body. `hash`, `boot`, `first`, `last` repeat the front.
    -- `schema`: the row that the hash named on arrival, null if none did.
    CREATE TABLE block(
        id INTEGER PRIMARY KEY, node BLOB NOT NULL, boot INTEGER NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL,
        kind INTEGER NOT NULL, cls INTEGER NOT NULL, hash INTEGER NOT NULL, schema INTEGER,
        kernel INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, taken_ms INTEGER NOT NULL,
        pending INTEGER NOT NULL, state INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX urgent ON block(id) WHERE state = 0 AND cls = 0;
    CREATE INDEX quarantined ON block(node, hash) WHERE state = 1;

    -- What the gateway threw away on purpose, in records.
    CREATE TABLE discarded(
        node BLOB NOT NULL, reason TEXT NOT NULL, records INTEGER NOT NULL, PRIMARY KEY(node, reason)
    ) STRICT, WITHOUT ROWID;

    -- What is known of nodes' clocks (clock.py).
    CREATE TABLE anchor(
        node BLOB NOT NULL, boot INTEGER NOT NULL, kernel INTEGER NOT NULL, bucket INTEGER NOT NULL,
        uptime_ms INTEGER NOT NULL, low_ms INTEGER NOT NULL, high_ms INTEGER NOT NULL,
        PRIMARY KEY(node, boot, kernel, bucket)
    ) STRICT, WITHOUT ROWID;

    -- Small numbers that outlive the process, by name.
    CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
    """
    -- Anchors are narrowed by one another now, to less than a ms.
    ALTER TABLE anchor RENAME COLUMN low_ms TO low_us;
    ALTER TABLE anchor RENAME COLUMN high_ms TO high_us;
    UPDATE anchor SET low_us = low_us * 1000, high_us = high_us * 1000;
    """,
)


def migrate(connection: Connection) -> None:
    """Bring the file to the newest version in one transaction; E-DATA-03 if it is not ours or from the future."""
    owner = connection.pragma("application_id")
    version = connection.pragma("user_version")
    if owner not in (0, APPLICATION_ID) or (owner == 0 and connection.pragma("schema_version") != 0):
        raise MilepostError("E-DATA-03", f"{connection.filename} is not a Milepost buffer: give another data_dir")
    if version > len(MIGRATIONS):
        raise MilepostError("E-DATA-03", f"{connection.filename} was written by a newer Milepost: upgrade this one")
    if version == len(MIGRATIONS):
        return
    with transaction(connection):
        for script in MIGRATIONS[version:]:
            connection.execute(script)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", len(MIGRATIONS))
