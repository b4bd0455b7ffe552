"""Forwards whose parent may be another by now, found among the forwards themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from mmsd.rules.lineage import Lineage, Link
from mmsd.store.keys import Keys
from mmsd.store.sql import select_in

_COLUMNS: Final = "f.key, f.seed, p.sealed, f.receiver, f.submitted, f.retrieved, f.parent, f.generation, f.parents, f.received"
_PEOPLE: Final = "JOIN subscriber p ON p.id = f.sender JOIN subscriber r ON r.id = f.receiver AND r.sealed IS NOT NULL"
_DOUBTED: Final = (
    f"SELECT {_COLUMNS} FROM forward f {_PEOPLE} WHERE f.campaign = ?1 AND f.id > ?3 AND f.day > ?2 AND (f.received = 0"  # noqa: S608
    " OR EXISTS (SELECT 1 FROM forward g WHERE g.receiver = f.sender AND g.campaign = ?1 AND g.retrieved <= f.submitted"
    " AND (g.retrieved > f.received OR g.id > f.id))"
    " OR f.generation <> (SELECT g.generation + 1 FROM forward g WHERE g.key = f.parent))"
)
_CAME_OF: Final = f"SELECT {_COLUMNS} FROM forward f {_PEOPLE} WHERE f.sender = ? AND f.parent = ?"  # noqa: S608  # columns of ours


class Reached(NamedTuple):
    """How far a campaign is: the last day that was closed for now, and the last forward that there was then."""

    day: str
    forward: int


def reached(connection: sqlite3.Connection, campaign: str) -> Reached:
    """One statement, so both are of one moment."""
    day, forward = connection.execute(
        "SELECT (SELECT max(day) FROM campaign_close WHERE campaign = ?1), (SELECT max(id) FROM forward WHERE campaign = ?1)", (campaign,)
    ).fetchone()
    return Reached(day or "", forward or 0)


def doubted(connection: sqlite3.Connection, keys: Keys, campaign: str, after: str, beyond: int) -> list[Link]:
    """Of days after this one and forwards beyond that one: whose sender got another copy in between, be it of a sibling, or one that was
    not known of, whose parent is of another generation than it was taken for, or who was not seen to get any.
    """
    return _links(keys, connection.execute(_DOUBTED, (campaign, after, beyond)))


def came_of(connection: sqlite3.Connection, keys: Keys, link: Link) -> list[Link]:
    """Forwards whose parent it is."""
    return _links(keys, connection.execute(_CAME_OF, (link.heir, link.key)))


def generations(connection: sqlite3.Connection, forwards: Iterable[bytes]) -> dict[bytes, int]:
    """Of those that are stored."""
    return dict(select_in(connection, "SELECT key, generation FROM forward WHERE key IN ({})", forwards))


def _links(keys: Keys, rows: Iterable[tuple[bytes, str, bytes | None, int, int, int, bytes | None, int, int, int]]) -> list[Link]:
    """Of whoever is erased nothing is known any more, and what was said stays."""
    return [
        Link(key, seed, int(number), heir, submitted, retrieved, Lineage(parent, generation, parents, received))
        for key, seed, sealed, heir, submitted, retrieved, parent, generation, parents, received in rows
        if (number := keys.open_number(sealed)).isdecimal()
    ]
