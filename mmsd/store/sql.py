"""Small helpers for statements over many keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Final

_AT_ONCE: Final = 400
"""Keys in one IN (…): well below SQLite's limit of bound values, few enough shapes for its statement cache."""


def select_in(connection: sqlite3.Connection, statement: str, keys: Iterable[Any], *before: Any) -> Iterator[tuple[Any, ...]]:
    """Rows of `statement`, whose `IN ({})` is filled with `keys`, some hundreds at a time; `before` are values bound ahead of them."""
    left = list(keys)
    while left:
        now, left = left[:_AT_ONCE], left[_AT_ONCE:]
        yield from connection.execute(statement.format(",".join("?" * len(now))), (*before, *now))
