"""Forwards; what campaigns count moves with them (`store.campaign_counts`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from mmsd.errors import StoreError
from mmsd.model import Batch, Forward
from mmsd.rules.forwards import NOTHING, Past, Standing
from mmsd.store import Counted, Ordinal
from mmsd.store.campaign_counts import Moves, Place, read_places, write_closings
from mmsd.store.people import Person

_WRITE: Final = """
INSERT INTO forward (key, campaign, seed, message, sender, receiver, generation, parent, submitted, retrieved, city, day, method, score,
    counted, reason, at, model, received, root, review, parents, off_net)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET seed = excluded.seed, message = excluded.message, generation = excluded.generation,
    parent = excluded.parent, submitted = excluded.submitted, retrieved = excluded.retrieved, city = excluded.city,
    day = excluded.day, method = excluded.method, score = excluded.score, counted = excluded.counted, reason = excluded.reason,
    model = excluded.model, received = excluded.received, root = excluded.root, review = excluded.review,
    parents = excluded.parents, off_net = excluded.off_net
"""


def write_forwards(connection: sqlite3.Connection, batch: Batch, people: dict[str, Person]) -> None:
    """Insert or restate forwards, move the counters by the difference, say what is said of days that end.

    Raises StoreError when a key comes back with another campaign, sender or receiver. A restated forward keeps the serial it has. Of a
    parent that is no row, here or in the table, nothing is written down: counts of children and trees would not find it when it comes.
    """
    if batch.forwards:
        _Pages(connection, batch.forwards, people, batch.at).write()
    write_closings(connection, batch.closings, batch.at)


class _Pages:
    """The forwards of one Batch on their way into the table, and into the roll-ups."""

    def __init__(self, connection: sqlite3.Connection, forwards: Sequence[Forward], people: dict[str, Person], at: int) -> None:
        self._connection = connection
        self._forwards = forwards
        self._people = people
        self._at = at
        self._places = dict(read_places(connection, {forward.key for forward in forwards}))
        parents = {forward.parent for forward in forwards} | {place.parent for place in self._places.values()}
        self._places.update(read_places(connection, {key for key in parents if key is not None and key not in self._places}))
        self._moves = Moves()
        self._fresh: list[tuple[Any, ...]] = []

    def write(self) -> None:
        for forward in self._in_order():
            self._take(forward)
        self._flush()
        self._moves.write(self._connection, self._at)

    def _in_order(self) -> Sequence[Forward]:
        """As they come; where one came of another of this Batch, that one first."""
        keys = {forward.key for forward in self._forwards}
        if any(forward.parent in keys for forward in self._forwards):
            return sorted(self._forwards, key=lambda forward: forward.generation)
        return self._forwards

    def _take(self, forward: Forward) -> None:
        old = self._places.get(forward.key)
        parent = self._parent(forward)
        if parent is None and forward.parent is not None:  # a tree of which nobody could tell where it hangs
            forward = msgspec.structs.replace(forward, parent=None)
        sender = self._people[forward.sender].id
        new = Place(
            forward.campaign, sender, self._people[forward.receiver].id, forward.seed, forward.generation, forward.parent,
            forward.submitted, forward.retrieved, forward.received, forward.city, forward.day, forward.model, forward.method,
            forward.counted, forward.reason, parent.root if parent is not None else sender,
        )  # fmt: skip
        row = _row(forward, new, self._at)
        if old is None:
            self._fresh.append(row)
        else:
            if old[:3] != new[:3]:
                raise StoreError(f"a forward of campaign {forward.campaign} comes with the key of another")
            self._flush()
            self._connection.execute(_WRITE, row)
            self._moves.add(old, self._parent(old), -1)
            if (old.day, old.counted) != (new.day, new.counted):
                children = self._children(forward.key, new)
                self._moves.beget(old, -children)
                self._moves.beget(new, children)
            if old.root != new.root:
                self._uproot(forward.key, new)
        self._places[forward.key] = new
        self._moves.add(new, parent, 1)
        self._moves.annotate(forward.key, old, new)

    def _flush(self) -> None:
        """What is new into the table: a row that is restated looks there for those that came of it."""
        self._connection.executemany(_WRITE, self._fresh)
        self._fresh.clear()

    def _parent(self, child: Forward | Place) -> Place | None:
        return self._places.get(child.parent) if child.parent is not None else None

    def _children(self, key: bytes, place: Place) -> int:
        """How many forwards that count came of this one: his who received it."""
        statement = "SELECT count(*) FROM forward WHERE sender = ? AND parent = ? AND counted"
        return int(self._connection.execute(statement, (place.receiver, key)).fetchone()[0])

    def _uproot(self, key: bytes, place: Place) -> None:
        """Whatever came of a forward goes with it to its tree."""
        todo, seen = [(key, place.receiver)], {key}
        while todo:
            parent, sender = todo.pop()
            under = [
                key for (key,) in self._connection.execute("SELECT key FROM forward WHERE sender = ? AND parent = ?", (sender, parent))
            ]
            for child, there in list(read_places(self._connection, set(under) - seen)):
                seen.add(child)
                if there.counted:
                    self._moves.uproot(there, place.root)
                self._connection.execute("UPDATE forward SET root = ? WHERE key = ?", (place.root, child))
                if child in self._places:
                    self._places[child] = there._replace(root=place.root)
                todo.append((child, there.receiver))


def _row(forward: Forward, place: Place, at: int) -> tuple[Any, ...]:
    return (
        forward.key, forward.campaign, forward.seed, forward.message, place.sender, place.receiver, forward.generation, forward.parent,
        forward.submitted, forward.retrieved, forward.city, forward.day, forward.method, forward.score, forward.counted, forward.reason, at,
        forward.model, forward.received, place.root, forward.review, forward.parents, forward.off_net,
    )  # fmt: skip


def read_ordinals(connection: sqlite3.Connection, wanted: Iterable[Ordinal], people: dict[str, Person]) -> dict[Ordinal, Counted]:
    """How many forwards count so far, for each of `wanted`."""

    def number(statement: str, *values: Any) -> int:
        row = connection.execute(statement, values).fetchone()
        return int(row[0]) if row else 0

    found = {}
    for ordinal in wanted:
        sender = people.get(ordinal.sender)
        found[ordinal] = Counted(
            number("SELECT n FROM campaign_sender WHERE campaign = ? AND sender = ?", ordinal.campaign, sender.id) if sender else 0,
            number("SELECT n FROM campaign_city WHERE campaign = ? AND city = ?", ordinal.campaign, ordinal.city),
            number("SELECT forwards FROM campaign_total WHERE campaign = ?", ordinal.campaign),
        )
    return found


def read_standings(connection: sqlite3.Connection, wanted: Iterable[Standing], people: dict[str, Person]) -> dict[Standing, Past]:
    """What counts so far against each of `wanted`; one that is missing has nothing that counts against it."""
    found = {}
    for standing in wanted:
        sender, receiver = people.get(standing.sender), people.get(standing.receiver)
        past = Past(
            _pair(connection, standing, sender, receiver), _daily(connection, standing, sender), sender.id if sender else 0,
            _senders(connection, standing, receiver),
        )  # fmt: skip
        if past != NOTHING:
            found[standing] = past
    return found


def _pair(connection: sqlite3.Connection, standing: Standing, sender: Person | None, receiver: Person | None) -> int:
    """Few have sent so much that the pair could be full; of nobody else it is counted."""
    if sender is None or receiver is None:
        return 0
    whole = connection.execute("SELECT n FROM campaign_sender WHERE campaign = ? AND sender = ?", (standing.campaign, sender.id)).fetchone()
    if whole is None or whole[0] < standing.pair_from:
        return 0
    (n,) = connection.execute(
        "SELECT count(*) FROM forward WHERE sender = ? AND receiver = ? AND campaign = ? AND counted",
        (sender.id, receiver.id, standing.campaign),
    ).fetchone()
    return int(n)


def _daily(connection: sqlite3.Connection, standing: Standing, sender: Person | None) -> int:
    if not standing.daily or sender is None:
        return 0
    (n,) = connection.execute(
        "SELECT count(*) FROM forward WHERE sender = ? AND campaign = ? AND day = ? AND counted",
        (sender.id, standing.campaign, standing.day),
    ).fetchone()
    return int(n)


def _senders(connection: sqlite3.Connection, standing: Standing, receiver: Person | None) -> frozenset[int]:
    if not standing.fan_in or receiver is None:
        return frozenset()
    rows = connection.execute(
        "SELECT DISTINCT sender FROM forward WHERE receiver = ? AND campaign = ? AND day = ? AND counted",
        (receiver.id, standing.campaign, standing.day),
    )
    return frozenset(number for (number,) in rows)
