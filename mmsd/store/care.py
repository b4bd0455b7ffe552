"""Care's folders, cases, steps, consents and the hand-over list as rows; and the news it has not taken in yet.

`write` and the reads for a decision run inside the writer's transaction (design R6). A folder is sealed under its subscriber.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from mmsd.model import CLOSED, Batch, Kept, Tiding
from mmsd.rules.cases import Case, CaseStep, Event, Kind, State
from mmsd.rules.casework import Folder
from mmsd.store import CareAsk, CareCase, CareGroup, CareGroups, Handover, Held, segments
from mmsd.store.keys import SALT_BYTES, Keys
from mmsd.store.people import Person
from mmsd.store.sql import select_in

_FOLDER: Final = b"care"
_ENCODER: Final = msgspec.msgpack.Encoder()
_READ: Final = msgspec.msgpack.Decoder(Folder)
_CASE: Final = (
    "number", "kind", "state", "origin", "causes", "city", "model", "held_back", "opened", "asked", "consented", "sent", "pushes", "listed",
    "closed", "moved", "reason", "helped", "missed",
)  # fmt: skip
_WRITE_CASE: Final = (  # names of ours
    f"INSERT INTO care_case (subscriber, {', '.join(_CASE)}) VALUES ({', '.join('?' * (len(_CASE) + 1))})"  # noqa: S608
    f" ON CONFLICT (subscriber, number) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _CASE[1:])}"
)


# ---------------------------------------------------------------------------------------------------------------- writing


def numbers(batch: Batch) -> Iterator[str]:
    """Everybody who has to be a row before `write`."""
    yield from (tiding.msisdn for tiding in batch.tidings)
    yield from (kept.msisdn for kept in batch.care)
    yield from (listing.msisdn for listing in batch.listed)


def write(connection: sqlite3.Connection, keys: Keys, batch: Batch, people: Mapping[str, Person]) -> None:
    connection.executemany(
        "INSERT INTO tiding (at, subscriber, what, body) VALUES (?, ?, ?, ?)",
        [(tiding.at, people[tiding.msisdn].id, tiding.what, tiding.body) for tiding in batch.tidings],
    )
    for kept in batch.care:
        _keep(connection, keys, kept, people[kept.msisdn])
    for listing in batch.listed:
        who = people[listing.msisdn].id
        if listing.on:
            connection.execute(
                "INSERT INTO handover (subscriber, number, at, kind, reason) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (who, listing.case, batch.at, listing.kind, listing.reason),
            )
        else:
            connection.execute("DELETE FROM handover WHERE subscriber = ? AND number = ?", (who, listing.case))
    connection.executemany(
        "UPDATE handover SET told = ?, refused = ? WHERE subscriber = ? AND number = ?",
        [(batch.at, handed.refused, handed.subscriber, handed.case) for handed in batch.handed],
    )
    connection.executemany(
        "UPDATE outbox SET state = 'dropped', reason = 'withdrawn', changed = ? WHERE key = ? AND state IN ('ready', 'held')",
        [(batch.at, key) for key in batch.withdrawals],
    )
    if batch.tidings_taken:
        connection.execute("DELETE FROM tiding WHERE id <= ?", (batch.tidings_taken,))


def _keep(connection: sqlite3.Connection, keys: Keys, kept: Kept, who: Person) -> None:
    folder: Folder = kept.folder
    connection.execute(
        "INSERT INTO care_folder (subscriber, due, body) VALUES (?, ?, ?)"
        " ON CONFLICT (subscriber) DO UPDATE SET due = excluded.due, body = excluded.body",
        (who.id, kept.due, keys.seal(who.salt, _FOLDER, _ENCODER.encode(folder))),
    )
    connection.executemany(_WRITE_CASE, [(who.id, *_case(case)) for case in folder.cases])
    steps: tuple[CaseStep, ...] = kept.steps
    connection.executemany(
        "INSERT INTO care_step (at, subscriber, number, event, before, after, reason, who) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(step.at, who.id, step.case, step.event.value, step.before.value, step.after.value, step.reason, step.who) for step in steps],
    )
    connection.executemany(
        "INSERT INTO consent (subscriber, number, for_case, at, expires, revoked, why, wording, channel, who)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (subscriber, number) DO UPDATE SET revoked = excluded.revoked, why = excluded.why",
        [
            (who.id, one.number, one.case, one.at, one.expires, one.revoked, one.why,
             "keyword" if one.channel == "keyword" else one.wording, one.channel.value, one.by)
            for one in folder.consents
        ],
    )  # fmt: skip


def _case(case: Case) -> tuple[Any, ...]:
    values = {name: getattr(case, name) for name in _CASE}
    return (*({**values, "kind": case.kind.value, "state": case.state.value, "causes": ",".join(case.causes)}.values()),)


# ----------------------------------------------------------------------------------------------- what a decision has to see


class Taken(NamedTuple):
    """What a decision of care sees: news in order, and folders by number, of whom it was asked and of whom the news is."""

    tidings: list[Tiding]
    held: dict[str, Held]


def read(connection: sqlite3.Connection, keys: Keys, asked: CareAsk, people: Mapping[str, Person]) -> Taken:
    """`people`: those of `asked.numbers` who are rows."""
    tidings: list[tuple[Tiding, int]] = []
    wanted = {person.id: number for number, person in people.items()}
    if asked.news:
        for identity, at, who, what, body, sealed in connection.execute(
            "SELECT t.id, t.at, t.subscriber, t.what, t.body, p.sealed FROM tiding t JOIN subscriber p ON p.id = t.subscriber"
            " ORDER BY t.id LIMIT ?",
            (asked.news,),
        ):
            number = keys.open_number(sealed)
            tidings.append((Tiding(number, at, what, body, identity), who))
            if number:
                wanted[who] = number
    if asked.due is not None:
        for who, sealed in connection.execute(
            "SELECT f.subscriber, p.sealed FROM care_folder f JOIN subscriber p ON p.id = f.subscriber"
            " WHERE f.due <= ? ORDER BY f.due LIMIT ?",
            (asked.due, asked.most),
        ):
            if number := keys.open_number(sealed):
                wanted[who] = number
    return Taken([tiding for tiding, _ in tidings], _held(connection, keys, wanted))


def _held(connection: sqlite3.Connection, keys: Keys, wanted: Mapping[int, str]) -> dict[str, Held]:
    folders: dict[int, Folder] = {}
    statement = (
        "SELECT f.subscriber, f.body, p.sealed FROM care_folder f JOIN subscriber p ON p.id = f.subscriber WHERE f.subscriber IN ({})"
    )
    for who, body, sealed in select_in(connection, statement, wanted):
        if body and sealed:
            folders[who] = _READ.decode(keys.unseal(sealed[:SALT_BYTES], _FOLDER, body))
    out: dict[int, set[str]] = {}
    for who, kind in select_in(connection, "SELECT subscriber, kind FROM opt_out WHERE subscriber IN ({})", wanted):
        out.setdefault(who, set()).add(kind)
    return {
        number: Held(folders.get(who, Folder(int(number) if number.isdigit() else 0)), frozenset(out.get(who, ())))
        for who, number in wanted.items()
    }


def erase(connection: sqlite3.Connection, subscriber: int) -> None:
    """Who it was, and what he said, is gone; what was done stays countable."""
    connection.execute("UPDATE care_folder SET due = NULL, body = X'' WHERE subscriber = ?", (subscriber,))
    connection.execute("DELETE FROM tiding WHERE subscriber = ?", (subscriber,))
    connection.execute("DELETE FROM handover WHERE subscriber = ?", (subscriber,))
    connection.execute("DELETE FROM erasure WHERE subscriber = ?", (subscriber,))


# ------------------------------------------------------------------------------------------------------------------ for people


def cases(connection: sqlite3.Connection, keys: Keys, state: str | None, limit: int, after: str) -> list[CareCase]:
    """As `Store.care_cases`. ValueError: `after` is no place."""
    columns = ", ".join(f"c.{name}" for name in _CASE)
    moved, who, number = place(after) if after else (1 << 62, 0, 0)
    rows = connection.execute(
        f"SELECT c.subscriber, p.sealed, {columns} FROM care_case c JOIN subscriber p ON p.id = c.subscriber"  # noqa: S608 names of ours
        " WHERE (?1 IS NULL AND c.closed IS NULL OR c.state = ?1) AND (-c.moved, c.subscriber, c.number) > (?2, ?3, ?4)"
        " ORDER BY c.moved DESC, c.subscriber, c.number LIMIT ?5",
        (state, -moved, who, number, limit),
    )
    return [_shown(identity, keys.open_number(sealed), row) for identity, sealed, *row in rows]


def steps(connection: sqlite3.Connection, subscriber: int, limit: int) -> list[CaseStep]:
    """The newest first."""
    found = connection.execute(
        "SELECT at, number, event, before, after, reason, who FROM care_step WHERE subscriber = ? ORDER BY id DESC LIMIT ?",
        (subscriber, limit),
    )
    return [
        CaseStep(case=number, at=at, event=Event(event), before=State(before), after=State(after), reason=reason, who=who)
        for at, number, event, before, after, reason, who in found
    ]


_HANDOVER: Final = (
    "SELECT h.subscriber, p.sealed, h.number, h.at, h.kind, h.reason, c.state, c.causes, c.city, c.model, h.told, h.refused FROM handover h"
    " JOIN subscriber p ON p.id = h.subscriber JOIN care_case c ON c.subscriber = h.subscriber AND c.number = h.number"
)


def handovers(connection: sqlite3.Connection, keys: Keys, limit: int, after: str, kind: str | None) -> list[Handover]:
    """As `Store.handovers`. ValueError: `after` is no place."""
    found = connection.execute(
        f"{_HANDOVER} WHERE (?1 IS NULL OR h.kind = ?1) AND (h.at, h.subscriber, h.number) > (?2, ?3, ?4)"
        " ORDER BY h.at, h.subscriber, h.number LIMIT ?5",
        (kind, *(place(after) if after else (-1, 0, 0)), limit),
    )
    return [_handed(keys, row) for row in found]


def untold(connection: sqlite3.Connection, keys: Keys, kinds: Collection[str], limit: int) -> list[Handover]:
    """As `Store.handovers_untold`. A subscriber who was erased has no number to tell."""
    marks = ", ".join("?" * len(kinds))
    found = connection.execute(
        f"{_HANDOVER} WHERE h.told IS NULL AND p.sealed IS NOT NULL AND h.kind IN ({marks}) ORDER BY h.at, h.subscriber, h.number LIMIT ?",
        (*kinds, limit),
    )
    return [_handed(keys, row) for row in found]


def handover(connection: sqlite3.Connection, keys: Keys, subscriber: int, case: int) -> Handover | None:
    row = connection.execute(f"{_HANDOVER} WHERE h.subscriber = ? AND h.number = ?", (subscriber, case)).fetchone()
    return _handed(keys, row) if row is not None else None


def _handed(keys: Keys, row: tuple[Any, ...]) -> Handover:
    who, sealed, number, at, kind, reason, state, causes, city, model, told, refused = row
    return Handover(who, keys.open_number(sealed), number, at, kind, reason, state, _causes(causes), city, model, told, refused)


def place(after: str) -> tuple[int, int, int]:
    """Three numbers of the `place` of a row. ValueError for anything else.

    >>> place("1795348800000000.17.2")
    (1795348800000000, 17, 2)
    """
    parts = after.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise ValueError("not an `after` of an earlier answer")
    at, who, number = map(int, parts)
    return at, who, number


def tallies(connection: sqlite3.Connection, since: int, until: int, origin: str | None) -> list[tuple[Case, int]]:
    """As `Store.care_tallies`: a hundred kinds of cases are told of a million."""
    found = connection.execute(
        "SELECT kind, state, city, model, substr(causes, 1, instr(causes || ',', ',') - 1) AS cause, held_back, missed,"
        " asked IS NOT NULL AS was_asked, consented IS NOT NULL AS did, helped IS NOT NULL AS was_helped, listed IS NOT NULL AS was_listed,"
        " origin, count(*) FROM care_case WHERE opened >= ?1 AND opened < ?2 AND (?3 IS NULL OR origin = ?3)"
        " GROUP BY kind, state, city, model, cause, held_back, missed, was_asked, did, was_helped, was_listed, origin",
        (since, until, origin),
    )
    told = []
    for kind, state, city, model, cause, held, missed, asked, consented, helped, listed, began, n in found:
        case = Case(
            number=0, kind=Kind(kind), state=State(state), opened=since, origin=began, causes=(cause,) if cause else (), city=city,
            model=model, held_back=bool(held), missed=bool(missed), asked=since if asked else None,
            consented=since if consented else None, helped=since if helped else None, listed=since if listed else None,
        )  # fmt: skip
        told.append((case, n))
    return told


_FOUND: Final = (
    "SELECT subscriber, min(opened) AS opened, max(held_back) AS held, max(helped IS NOT NULL OR listed IS NOT NULL) AS was_helped"
    " FROM care_case WHERE origin = 'finding' AND opened >= ? AND opened < ? GROUP BY subscriber"
)
_MIXED: Final = 2_654_435_761
"""Multiplied with it, ids come in an order that has nothing to do with when they were given out: who is looked at is no choice of ours."""


def groups(connection: sqlite3.Connection, keys: Keys, since: int, until: int, most: int) -> CareGroups:
    """As `Store.care_groups`. Slices of the packed rows are read one after the other, each once for all who stand in it."""
    made = []
    for term in ("held = 1", "held = 0", "held = 0 AND was_helped = 1"):
        (people,) = connection.execute(f"SELECT count(*) FROM ({_FOUND}) WHERE {term}", (since, until)).fetchone()  # noqa: S608 terms of ours
        found = connection.execute(
            f"SELECT p.sealed, g.opened FROM (SELECT subscriber, opened FROM ({_FOUND})"  # noqa: S608
            f" WHERE {term} ORDER BY subscriber * {_MIXED} & 0xFFFFFFFF LIMIT ?) g JOIN subscriber p ON p.id = g.subscriber"
            " WHERE p.sealed IS NOT NULL",
            (since, until, most),
        )
        opened = {keys.blind(keys.open_number(sealed)): at for sealed, at in found}
        rows = [rows[rows["at"] >= opened[receiver]] for receiver, rows in segments.find_many(connection, opened)]
        made.append(CareGroup(people, len(opened), np.concatenate(rows) if rows else np.zeros(0, CLOSED)))
    return CareGroups(*made)


def waiting(connection: sqlite3.Connection, keys: Keys) -> list[str]:
    """Numbers with a case that waits for proof of a mend."""
    found = connection.execute(
        "SELECT DISTINCT p.sealed FROM care_case c JOIN subscriber p ON p.id = c.subscriber"
        " WHERE c.state IN ('pushed', 'not_taken', 'listed') AND p.sealed IS NOT NULL"
    )
    return [keys.open_number(sealed) for (sealed,) in found]


def folder(connection: sqlite3.Connection, keys: Keys, who: Person, number: str) -> Held:
    """What there is of one subscriber."""
    return _held(connection, keys, {who.id: number})[number]


def _shown(subscriber: int, number: str, row: Iterable[Any]) -> CareCase:
    values = dict(zip(_CASE, row, strict=True))
    values |= {"causes": _causes(values["causes"]), "held_back": bool(values["held_back"]), "missed": bool(values["missed"])}
    return CareCase(subscriber, number, **values)


def _causes(joined: str) -> tuple[str, ...]:
    return tuple(filter(None, joined.split(",")))
