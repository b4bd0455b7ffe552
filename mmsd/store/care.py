"""Care's folders, cases, steps, consents and the hand-over list as rows; and the news it has not taken in yet.

`write` and the reads for a decision run inside the writer's transaction (design R6). A folder is sealed under its subscriber.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from mmsd.model import Batch, Kept, Tiding
from mmsd.rules.cases import Case, CaseStep
from mmsd.rules.casework import Folder
from mmsd.store import CareAsk, Held
from mmsd.store.keys import SALT_BYTES, Keys
from mmsd.store.people import Person
from mmsd.store.sql import select_in

_FOLDER: Final = b"care"
_ENCODER: Final = msgspec.msgpack.Encoder()
_READ: Final = msgspec.msgpack.Decoder(Folder)
_CASE: Final = (
    "number", "kind", "state", "origin", "causes", "city", "model", "held_back", "opened", "asked", "consented", "sent", "pushes", "listed",
    "closed", "moved", "reason",
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
        "UPDATE outbox SET state = 'dropped', reason = 'withdrawn', changed = ?1 WHERE subscriber = ?2 AND state IN ('ready', 'held')"
        " AND (purpose = ?3 OR substr(purpose, 1, length(?3) + 1) = ?3 || ':')",
        [(batch.at, people[number].id, purpose) for number, purpose in batch.withdrawals],
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


# ------------------------------------------------------------------------------------------------------------------ for people


class CareCase(NamedTuple):
    """A row of care_case, and whose it is ("" = erased)."""

    msisdn: str
    number: int
    kind: str
    state: str
    origin: str
    causes: tuple[str, ...]
    city: str
    model: str
    held_back: bool
    opened: int
    asked: int | None
    consented: int | None
    sent: int | None
    pushes: int
    listed: int | None
    closed: int | None
    moved: int
    reason: str


def cases(connection: sqlite3.Connection, keys: Keys, state: str | None, limit: int, before: int | None) -> list[CareCase]:
    """Those in a state, or all that are not over; the last moved first. `before`: `moved` of the last row of a page."""
    columns = ", ".join(f"c.{name}" for name in _CASE)
    rows = connection.execute(
        f"SELECT p.sealed, {columns} FROM care_case c JOIN subscriber p ON p.id = c.subscriber"  # noqa: S608 names of ours
        " WHERE (?1 IS NULL AND c.closed IS NULL OR c.state = ?1) AND (?2 IS NULL OR c.moved < ?2) ORDER BY c.moved DESC LIMIT ?3",
        (state, before, limit),
    )
    return [_shown(keys.open_number(sealed) if sealed else "", row) for sealed, *row in rows]


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


def _shown(number: str, row: Iterable[Any]) -> CareCase:
    values = dict(zip(_CASE, row, strict=True))
    values |= {"causes": tuple(filter(None, values["causes"].split(","))), "held_back": bool(values["held_back"])}
    return CareCase(number, **values)
