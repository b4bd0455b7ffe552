"""Multimedia messages that rows of the outbox refer to, each stored once, however many it goes to.

`write` runs inside the writer's transaction, before the rows that name what it writes.
"""

from __future__ import annotations

import sqlite3

from mmsd.model import Batch, Composed


def write(connection: sqlite3.Connection, batch: Batch) -> None:
    """One that is there stays as it is: its name is a digest of it."""
    connection.executemany(
        "INSERT INTO composed (name, at, subject, body) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        [(each.name, batch.at, each.subject, each.body) for each in batch.composed],
    )


def read(connection: sqlite3.Connection, name: bytes) -> Composed | None:
    found = connection.execute("SELECT name, subject, body FROM composed WHERE name = ?", (name,)).fetchone()
    return Composed(*found) if found else None
