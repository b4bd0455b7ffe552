"""What the desk leaves beside its news for care: answers that a repeated request gets again, and who shall be forgotten.

`write` and `before` run inside the writer's transaction, so of two requests with one key the second sees what the first was answered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mmsd.model import DAY, Batch
from mmsd.store import Before
from mmsd.store.keys import Keys
from mmsd.store.people import Person
from mmsd.store.sql import select_in

KEPT: Final = DAY
"""So long a key is remembered."""


def numbers(batch: Batch) -> Iterator[str]:
    """Everybody who has to be a row before `write`."""
    yield from batch.erasing


def write(connection: sqlite3.Connection, keys: Keys, batch: Batch, people: Mapping[str, Person]) -> None:
    if batch.replied:
        connection.execute("DELETE FROM replied WHERE at < ?", (batch.at - KEPT,))
    connection.executemany(
        "INSERT INTO replied (key, at, asked, answer) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
        [(keys.lookup(one.key), batch.at, keys.lookup(one.asked), one.answer) for one in batch.replied],
    )
    connection.executemany(
        "INSERT INTO erasure (subscriber, at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(people[number].id, batch.at) for number in batch.erasing],
    )


def before(connection: sqlite3.Connection, keys: Keys, wanted: Iterable[tuple[str, str]]) -> dict[str, Before]:
    """What was answered, by key; of (key, what is asked)."""
    names = {keys.lookup(key): (key, keys.lookup(asked)) for key, asked in wanted}
    found = select_in(connection, "SELECT key, asked, answer, at FROM replied WHERE key IN ({})", names)
    return {names[name][0]: Before(names[name][1] == asked, answer, at) for name, asked, answer, at in found}


def erasures(connection: sqlite3.Connection, keys: Keys, most: int) -> list[str]:
    """Numbers that can be forgotten now: care took in that they shall be, and no message of theirs is on its way."""
    found = connection.execute(
        "SELECT p.sealed FROM erasure e JOIN subscriber p ON p.id = e.subscriber WHERE p.sealed IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM tiding t WHERE t.subscriber = e.subscriber)"
        " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subscriber = e.subscriber AND o.state IN ('sending', 'uncertain'))"
        " ORDER BY e.at LIMIT ?",
        (most,),
    )
    return [keys.open_number(sealed) for (sealed,) in found]


def waits(connection: sqlite3.Connection, subscriber: int) -> tuple[int, bool]:
    """Pieces of news of a subscriber that care has not taken in yet; and whether he shall be forgotten."""
    return tuple(connection.execute(
        "SELECT (SELECT count(*) FROM tiding WHERE subscriber = ?1), (SELECT EXISTS (SELECT 1 FROM erasure WHERE subscriber = ?1))",
        (subscriber,),
    ).fetchone())  # fmt: skip
