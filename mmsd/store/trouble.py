"""SQLite's errors, named by who must act. No message of ours repeats a value."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from mmsd.errors import StoreBusy, StoreDamaged, StoreDoubt, StoreError, StoreFull


def named(error: sqlite3.Error) -> StoreError:
    """What an error of SQLite's means for us.

    An I/O error is a doubt wherever it happens: a write-ahead log that could not be synced may hold the commit or not, and a second sync
    would lie (fault S04).
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return StoreFull("the disk of the state directory is full; intake waits until there is room")
        case sqlite3.SQLITE_READONLY:
            return StoreFull("the state directory is read-only; intake waits until it can be written")
        case sqlite3.SQLITE_CANTOPEN:
            return StoreFull("the store cannot be opened: is the state directory there, and may this user write to it?")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy("another program holds the store's lock; trying again")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreDamaged("the store is damaged: stop, restore mmsd.db from the backup, keep the damaged file for analysis")
        case sqlite3.SQLITE_IOERR if code == sqlite3.SQLITE_IOERR_SHMSIZE:  # no room for the log's index: nothing was written yet
            return StoreFull("the disk of the state directory is full; intake waits until there is room")
        case sqlite3.SQLITE_IOERR:
            return StoreDoubt(f"input/output error ({code}): only a restart shows whether the last transaction is stored")
        case sqlite3.SQLITE_CONSTRAINT:
            return StoreError(f"a row breaks a promise of the store: {error}")
    return StoreError(f"SQLite: {error}")


@contextlib.contextmanager
def naming() -> Iterator[None]:
    """Raise SQLite's errors inside as ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise named(error) from error
