"""Seeds, what their messages consist of, octets recognised by them, and the life of campaigns: rows in and out.

`write` runs inside the writer's transaction. A seed is registered once and never changed, but for its state.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mmsd.errors import StoreError
from mmsd.model import Batch, LearnedOctets, LifeStep, SeedEntry, SeedPart
from mmsd.rules.life import LIVE, RETIRED, RUNNING, WAITING, waits_since
from mmsd.store.sql import select_in

LEARNED: Final = 50_000
"""Altered octets that are remembered; those recognised longest ago are forgotten first."""

_ENTRY: Final = "campaign, name, family, weak, pictures, octets, subject, who, state, made, changed"


def write(connection: sqlite3.Connection, batch: Batch) -> None:
    """Raises StoreError for a seed whose name is taken: what was sent once is never made anew."""
    for new in batch.seeds:
        entry = new.entry
        if connection.execute("SELECT 1 FROM seed WHERE campaign = ? AND name = ?", (entry.campaign, entry.name)).fetchone():
            raise StoreError(f"there is a seed {entry.label} already")
        (identity,) = connection.execute(
            f"INSERT INTO seed ({_ENTRY}, registered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",  # noqa: S608 our own names
            (
                entry.campaign, entry.name, entry.family, entry.weak, entry.pictures, entry.octets, entry.subject, entry.who, LIVE,
                batch.at, batch.at, new.registered,
            ),
        ).fetchone()  # fmt: skip
        connection.executemany(
            "INSERT INTO seed_part (seed, place, media, charset, body, original) VALUES (?, ?, ?, ?, ?, ?)",
            [(identity, place, *part) for place, part in enumerate(new.parts)],
        )
    connection.executemany(
        "UPDATE seed SET state = ?, changed = ? WHERE campaign = ? AND name = ? AND state = ?",
        [(RETIRED, batch.at, *_named(label), LIVE) for label in batch.retired],
    )
    if batch.learned:
        _learn(connection, batch)
    for step in batch.lives:
        _take_step(connection, step)


def _take_step(connection: sqlite3.Connection, step: LifeStep) -> None:
    """What waited while the campaign did not run has its time to leave from now on."""
    before = lives(connection, [step.campaign]).get(step.campaign, [])
    since = waits_since(before)
    if since and step.state not in WAITING:
        connection.execute(
            "UPDATE outbox SET expires = expires + max(?2 - max(at, ?3), 0) WHERE campaign = ?1 AND state IN ('ready', 'held')",
            (step.campaign, step.at, since),
        )
    connection.execute("INSERT INTO campaign_step (campaign, at, state, who, why, checked) VALUES (?, ?, ?, ?, ?, ?)", step)


def changes(batch: Batch) -> bool:
    """Whether other seeds are looked for, or a campaign is in another state, once it is committed."""
    return bool(batch.seeds or batch.retired or batch.lives)


def _learn(connection: sqlite3.Connection, batch: Batch) -> None:
    connection.executemany(
        "INSERT INTO seed_learned (digest, seed, picture, at)"
        " SELECT ?, id, ?, ? FROM seed WHERE campaign = ? AND name = ?"
        " ON CONFLICT (digest) DO UPDATE SET seed = excluded.seed, picture = excluded.picture, at = excluded.at",
        [(each.digest, each.picture, batch.at, *_named(each.seed)) for each in batch.learned],
    )
    (n,) = connection.execute("SELECT count(*) FROM seed_learned").fetchone()
    if n > LEARNED:
        connection.execute("DELETE FROM seed_learned WHERE digest IN (SELECT digest FROM seed_learned ORDER BY at LIMIT ?)", (n - LEARNED,))


def by_label(connection: sqlite3.Connection, labels: Iterable[str]) -> dict[str, SeedEntry]:
    statement = f"SELECT {_ENTRY} FROM seed WHERE campaign = ? AND name = ?"  # noqa: S608
    found = [row for label in labels for row in connection.execute(statement, _named(label))]
    return {entry.label: entry for entry in map(_entry, found)}


def listed(connection: sqlite3.Connection, campaign: str | None, state: str | None) -> list[SeedEntry]:
    statement = f"SELECT {_ENTRY} FROM seed WHERE (?1 IS NULL OR campaign = ?1) AND (?2 IS NULL OR state = ?2) ORDER BY campaign, name"  # noqa: S608
    return [_entry(row) for row in connection.execute(statement, (campaign, state))]


def one(connection: sqlite3.Connection, label: str) -> tuple[SeedEntry, bytes] | None:
    found = connection.execute(f"SELECT {_ENTRY}, registered FROM seed WHERE campaign = ? AND name = ?", _named(label)).fetchone()  # noqa: S608
    return (_entry(found[:-1]), found[-1]) if found else None


def parts(connection: sqlite3.Connection, label: str) -> list[SeedPart]:
    found = connection.execute(
        "SELECT p.media, p.charset, p.body, p.original FROM seed_part p JOIN seed s ON s.id = p.seed"
        " WHERE s.campaign = ? AND s.name = ? ORDER BY p.place",
        _named(label),
    )
    return [SeedPart(*row) for row in found]


def live(connection: sqlite3.Connection, after: int, most: int) -> list[tuple[int, bytes]]:
    """(id, octets) of live seeds behind that id, in order."""
    return connection.execute(
        "SELECT id, registered FROM seed WHERE state = ? AND id > ? ORDER BY id LIMIT ?", (LIVE, after, most)
    ).fetchall()


def learned(connection: sqlite3.Connection, limit: int) -> list[LearnedOctets]:
    found = connection.execute(
        "SELECT l.digest, s.campaign || '/' || s.name, l.picture FROM seed_learned l JOIN seed s ON s.id = l.seed AND s.state = ?"
        " ORDER BY l.at DESC LIMIT ?",
        (LIVE, limit),
    ).fetchall()
    return [LearnedOctets(*row) for row in reversed(found)]


def lives(connection: sqlite3.Connection, campaigns: Iterable[str] | None = None) -> dict[str, list[LifeStep]]:
    """All steps by campaign, oldest first; of these campaigns, or of all."""
    statement = "SELECT campaign, at, state, who, why, checked FROM campaign_step"
    rows: Iterator[Sequence[object]] = (
        connection.execute(f"{statement} ORDER BY id")
        if campaigns is None
        else select_in(connection, f"{statement} WHERE campaign IN ({{}}) ORDER BY id", campaigns)
    )
    found: defaultdict[str, list[LifeStep]] = defaultdict(list)
    for row in rows:
        step = LifeStep(*row)  # type: ignore[arg-type]  # columns of its table
        found[step.campaign].append(step)
    return dict(found)


def waiting(connection: sqlite3.Connection) -> Iterator[str]:
    """Campaigns in whose state nothing of theirs leaves."""
    states = ",".join(f"'{state}'" for state in sorted(WAITING))
    newest = "SELECT max(id) FROM campaign_step GROUP BY campaign"
    found = connection.execute(f"SELECT campaign FROM campaign_step WHERE id IN ({newest}) AND state IN ({states})")  # noqa: S608
    return (campaign for (campaign,) in found)


def states(connection: sqlite3.Connection) -> dict[str, str]:
    """Of each campaign with a life or with forwards, by id."""
    found = {name: RUNNING for (name,) in connection.execute("SELECT DISTINCT campaign FROM campaign_day")}
    return dict(sorted({**found, **{campaign: steps[-1].state for campaign, steps in lives(connection).items()}}.items()))


def _named(label: str) -> tuple[str, str]:
    campaign, _, name = label.partition("/")
    return campaign, name


def _entry(row: Sequence[object]) -> SeedEntry:
    campaign, name, family, weak, *rest = row
    return SeedEntry(campaign, name, family, bool(weak), *rest)  # type: ignore[arg-type]  # columns of its table
