"""Numbers and the ids that stand for them.

A subscriber becomes a row the first time something must be remembered about him. The cache on the writer's side holds committed rows
only: an id handed out in a transaction that failed belongs to nobody.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from mmsd.store.keys import SALT_BYTES, Keys
from mmsd.store.sql import select_in

_CACHED: Final = 65_536


class Person(NamedTuple):
    """A row of `subscriber`, and the salt under which everything else of his is sealed."""

    id: int
    salt: bytes


class People:
    """Number → Person for the one writer. `begin`, then `find` and `enrol`, then `committed`."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._known: dict[str, Person] = {}
        self._fresh: dict[str, Person] = {}

    def begin(self) -> None:
        self._fresh.clear()

    def committed(self) -> None:
        if len(self._known) > _CACHED:
            self._known.clear()
        self._known.update(self._fresh)
        self._fresh.clear()

    def forget(self, number: str) -> None:
        self._known.pop(number, None)

    def find(self, connection: sqlite3.Connection, numbers: Iterable[str]) -> dict[str, Person]:
        """Those of `numbers` that are rows. "" is nobody."""
        return self._find(connection, {number for number in numbers if number})[0]

    def enrol(self, connection: sqlite3.Connection, numbers: Iterable[str], at: int) -> dict[str, Person]:
        """All of `numbers` but "", as rows: found or made."""
        people, strangers = self._find(connection, {number for number in numbers if number})
        if strangers:
            (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM subscriber").fetchone()
            new = []
            for identity, (lookup, number) in enumerate(sorted(strangers.items()), last + 1):
                sealed = self._keys.seal_number(number)
                new.append((identity, lookup, sealed, self._keys.id, at))
                people[number] = self._fresh[number] = Person(identity, sealed[:SALT_BYTES])
            connection.executemany("INSERT INTO subscriber (id, lookup, sealed, key_id, at) VALUES (?, ?, ?, ?, ?)", new)
        return people

    def _find(self, connection: sqlite3.Connection, wanted: set[str]) -> tuple[dict[str, Person], dict[bytes, str]]:
        """Whom of `wanted` the store knows, and lookup → number of the others."""
        people: dict[str, Person] = {}
        strangers: dict[bytes, str] = {}
        for number in wanted:
            person = self._known.get(number) or self._fresh.get(number)
            if person is None:
                strangers[self._keys.lookup(number)] = number
            else:
                people[number] = person
        statement = "SELECT id, lookup, sealed FROM subscriber WHERE lookup IN ({})"
        for identity, lookup, sealed in list(select_in(connection, statement, strangers)):
            number = strangers.pop(lookup)
            people[number] = self._fresh[number] = Person(identity, sealed[:SALT_BYTES])
        return people, strangers
