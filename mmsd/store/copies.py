"""What became of copies of messages, and those that were recognised and count for nothing yet."""

from __future__ import annotations

import sqlite3

import msgspec

from mmsd.model import Batch, CopyCount, HeldCopy
from mmsd.store.keys import Keys
from mmsd.store.people import Person


def numbers(batch: Batch) -> set[str]:
    """Whose rows `write` refers to."""
    return {number for _, row in batch.held_copies if row is not None for number in (row.sender, row.receiver)}


def write(connection: sqlite3.Connection, batch: Batch, people: dict[str, Person]) -> None:
    """Counts are increments; what is settled is held no longer."""
    connection.executemany(
        "INSERT INTO copy_count (hour, tap, what, campaign, n) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (hour, tap, what, campaign) DO UPDATE SET n = n + excluded.n",
        [msgspec.structs.astuple(count) for count in batch.copied],
    )
    for key, row in batch.held_copies:
        if row is None:
            connection.execute("DELETE FROM copy_held WHERE key = ?", (key,))
            continue
        sender, receiver = people.get(row.sender), people.get(row.receiver)
        connection.execute(
            "INSERT INTO copy_held (key, at, what, campaign, seed, sender, receiver) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET at = excluded.at, what = excluded.what, campaign = excluded.campaign, seed = excluded.seed",
            (key, row.at, row.what, row.campaign, row.seed, sender and sender.id, receiver and receiver.id),
        )


def read_counts(connection: sqlite3.Connection, from_hour: int, to_hour: int) -> list[CopyCount]:
    """Those of hours [from, to)."""
    found = connection.execute(
        "SELECT hour, tap, what, campaign, n FROM copy_count WHERE hour >= ? AND hour < ? ORDER BY hour, tap, what, campaign",
        (from_hour, to_hour),
    )
    return [CopyCount(*row) for row in found if row[-1]]


def read_held(connection: sqlite3.Connection, keys: Keys, limit: int, after: str = "") -> list[tuple[str, HeldCopy]]:
    """The newest that count for nothing yet, each with its place; behind the place `after`. ValueError: that is none."""
    at, _, key = after.partition(".")
    values = (int(at), bytes.fromhex(key)) if after else (1 << 62, b"")
    found = connection.execute(
        "SELECT held.key, held.at, held.what, held.campaign, held.seed, sender.sealed, receiver.sealed FROM copy_held held"
        " LEFT JOIN subscriber sender ON sender.id = held.sender LEFT JOIN subscriber receiver ON receiver.id = held.receiver"
        " WHERE held.at < ?1 OR (held.at = ?1 AND held.key > ?2) ORDER BY held.at DESC, held.key LIMIT ?3",
        (*values, limit),
    )
    return [
        (f"{at}.{key.hex()}", HeldCopy(at, what, campaign, seed, keys.open_number(sender), keys.open_number(receiver)))
        for key, at, what, campaign, seed, sender, receiver in found
    ]
