"""Rows of `handset_tail`, `handset_import` and `prefix_count`: what lies on top of reference data, inside the transactions of the store."""

from __future__ import annotations

import sqlite3
from typing import Final

import numpy as np

from mmsd.model import Batch
from mmsd.rules.handsets import HANDSET
from mmsd.store import Tail
from mmsd.store.keys import Keys

_LABEL: Final = b"handsets"


def write(connection: sqlite3.Connection, keys: Keys, batch: Batch) -> None:
    if batch.handsets is not None and len(batch.handsets):
        sealed = keys.seal(_LABEL, _LABEL, np.ascontiguousarray(batch.handsets, HANDSET).tobytes())
        connection.execute("INSERT INTO handset_tail (n, rows) VALUES (?, ?)", (len(batch.handsets), sealed))
    if batch.handset_import:
        connection.execute(
            "INSERT INTO handset_import (id, serial, at) VALUES (1, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET serial = max(serial, excluded.serial), at = excluded.at",
            (batch.handset_import, batch.at),
        )
    connection.executemany(
        "INSERT INTO prefix_count (prefix, n) VALUES (?, ?) ON CONFLICT (prefix) DO UPDATE SET n = n + excluded.n", batch.prefixes
    )


def read(connection: sqlite3.Connection, keys: Keys) -> Tail:
    """Raises StoreDamaged."""
    found = connection.execute("SELECT id, rows FROM handset_tail ORDER BY id").fetchall()
    rows = [np.frombuffer(keys.unseal(_LABEL, _LABEL, sealed), HANDSET) for _, sealed in found]
    return Tail(rows, found[-1][0] if found else 0)


def drop(connection: sqlite3.Connection, last: int) -> int:
    return connection.execute("DELETE FROM handset_tail WHERE id <= ?", (last,)).rowcount
