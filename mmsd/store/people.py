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
        wanted = {number for number in numbers if number}
        people = {number: person for number in wanted if (person := self._known.get(number) or self._fresh.get(number))}
        lookups = {self._keys.lookup(number): number for number in wanted - people.keys()}
        for identity, lookup, sealed in select_in(connection, "SELECT id, lookup, sealed FROM subscriber WHERE lookup IN ({})", lookups):
            people[lookups[lookup]] = self._fresh[lookups[lookup]] = Person(identity, sealed[:SALT_BYTES])
        return people

    def enrol(self, connection: sqlite3.Connection, numbers: Iterable[str], at: int) -> dict[str, Person]:
        """All of `numbers` but "", as rows: found or made."""
        wanted = {number for number in numbers if number}
        people = self.find(connection, wanted)
        for number in sorted(wanted - people.keys()):
            sealed = self._keys.seal_number(number)
            row = connection.execute(
                "INSERT INTO subscriber (lookup, sealed, key_id, at) VALUES (?, ?, ?, ?)",
                (self._keys.lookup(number), sealed, self._keys.id, at),
            )
            assert row.lastrowid is not None
            people[number] = self._fresh[number] = Person(row.lastrowid, sealed[:SALT_BYTES])
        return people
