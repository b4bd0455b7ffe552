"""Draws as rows, and the serials that may take part in one.

`write` and `read` for a decision run inside the writer's transaction. What a draw has come to is kept by triggers, too: not even a fault of
ours draws twice or changes a list (schema steps 19 and 20).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable
from hmac import digest
from itertools import chain
from typing import Any, Final

import msgspec

from mmsd.model import Batch, Draw, Forfeit, Winner
from mmsd.rules.draw import CLOSED, COMMITTED, DRAWN, ENTRY_BYTES, PERSON_BYTES, SEED_BYTES, Terms, read_terms
from mmsd.rules.promotion import ERASED, WON, Reserve
from mmsd.rules.serials import plain
from mmsd.store import Gathered, Vacancy, Won
from mmsd.store.keys import Keys
from mmsd.store.serials import unsealed
from mmsd.store.sql import select_in

_SECRET: Final = b"draw"
_READ_COUNTS: Final = msgspec.json.Decoder(dict[str, int])
_COLUMNS: Final = "campaign, name, state, terms, commitment, secret, committed, closed, drawn, entries, people, excluded, listing, beacon"
_SELECT: Final = f"SELECT {_COLUMNS} FROM draw"  # noqa: S608  # columns of ours
STAFF: Final = "staff"
NO_SERIAL: Final = "no_serial"


def write(connection: sqlite3.Connection, keys: Keys, batch: Batch) -> None:
    """Raises sqlite3.IntegrityError when a draw would go anywhere but on, for a second winner of a place, and for one who is out twice."""
    for draw in batch.draws:
        name = (draw.campaign, draw.name)
        counted = (draw.entries, draw.people, msgspec.json.encode(draw.excluded, order="deterministic").decode(), draw.listing, draw.beacon)
        if draw.state == COMMITTED:
            secret = keys.seal("/".join(name).encode(), _SECRET, draw.seed + draw.key + draw.barred)
            connection.execute(
                f"INSERT INTO draw ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?)",  # noqa: S608  # as above
                (*name, draw.state, draw.terms, draw.commitment, secret, draw.committed, *counted),
            )
            continue
        if draw.state == DRAWN:
            connection.executemany(
                "INSERT INTO winner (campaign, draw, place, prize, entry, forward) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (one.campaign, one.draw, one.place, one.prize, one.entry, one.forward)
                    for one in batch.winners
                    if (one.campaign, one.draw) == name
                ],
            )
        connection.execute(
            "UPDATE draw SET state = ?, closed = ?, drawn = ?, entries = ?, people = ?, excluded = ?, listing = ?, beacon = ?"
            " WHERE campaign = ? AND name = ?",
            (draw.state, draw.closed, draw.drawn, *counted, *name),
        )
        if draw.state == CLOSED:
            connection.execute("INSERT INTO draw_list (campaign, draw, entries) VALUES (?, ?, ?)", (*name, draw.packed))
    connection.executemany(
        "INSERT INTO forfeit (campaign, draw, place, prize, reason, taker, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(one.campaign, one.draw, one.place, one.prize, one.reason, one.taker, one.at) for one in batch.forfeits],
    )


def read(connection: sqlite3.Connection, keys: Keys, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Draw]:
    """Draws by (campaign, name), without their lists; one that is not there is not in it."""
    found = {}
    for name in names:
        row = connection.execute(f"{_SELECT} WHERE campaign = ? AND name = ?", name).fetchone()
        if row is not None:
            found[name] = _draw(keys, row)
    return found


def read_all(connection: sqlite3.Connection, keys: Keys) -> list[Draw]:
    """Every draw, the newest first, without their lists."""
    return [_draw(keys, row) for row in connection.execute(f"{_SELECT} ORDER BY committed DESC, campaign, name")]


def read_list(connection: sqlite3.Connection, campaign: str, name: str) -> bytes:
    """The list, packed; empty until it is closed."""
    row = connection.execute("SELECT entries FROM draw_list WHERE campaign = ? AND draw = ?", (campaign, name)).fetchone()
    return bytes(row[0]) if row is not None else b""


def read_winners(connection: sqlite3.Connection, keys: Keys, campaign: str, name: str) -> list[Won]:
    """By place."""
    found = connection.execute(f"{_WINNER} WHERE w.campaign = ? AND w.draw = ? ORDER BY w.place", (campaign, name))
    return [_won(keys, row) for row in found]


def read_forfeits(connection: sqlite3.Connection, campaign: str, name: str) -> list[Forfeit]:
    """In the order in which they were said."""
    found = connection.execute(
        "SELECT place, prize, reason, taker, at FROM forfeit WHERE campaign = ? AND draw = ? ORDER BY id", (campaign, name)
    )
    return [Forfeit(campaign, name, *row) for row in found]


def read_vacancies(
    connection: sqlite3.Connection, keys: Keys, wanted: Iterable[tuple[str, str, int]]
) -> dict[tuple[str, str, int], Vacancy]:
    """Who was drawn for these places, and who would take what they hold."""
    found = {}
    for campaign, name, place in wanted:
        holder = _at(connection, keys, campaign, name, place)
        if holder is not None:
            reserves, taker = _next(connection, keys, campaign, name) if holder.holds else ([], None)
            found[campaign, name, place] = Vacancy(holder, reserves, taker)
    return found


def _next(connection: sqlite3.Connection, keys: Keys, campaign: str, name: str) -> tuple[list[Reserve], Won | None]:
    """Places that hold nothing and are not out, in order, up to the first that may have a prize; and who that is."""
    (terms,) = connection.execute("SELECT terms FROM draw WHERE campaign = ? AND name = ?", (campaign, name)).fetchone()
    once = read_terms(terms).once
    passed: list[Reserve] = []
    for (place,) in connection.execute(_UNUSED, (campaign, name)).fetchall():
        one = _at(connection, keys, campaign, name, place)
        if one is None:  # a winner's row stays
            continue
        won = once and connection.execute(_WON_ELSEWHERE, (campaign, name, one.winner.forward)).fetchone()[0]
        passed.append(Reserve(place, ERASED if not one.msisdn else WON if won else ""))
        if not passed[-1].unfit:
            return passed, one
    return passed, None


def _at(connection: sqlite3.Connection, keys: Keys, campaign: str, name: str, place: int) -> Won | None:
    row = connection.execute(f"{_WINNER} WHERE w.campaign = ? AND w.draw = ? AND w.place = ?", (campaign, name, place)).fetchone()
    return _won(keys, row) if row is not None else None


def _won(keys: Keys, row: tuple[Any, ...]) -> Won:
    campaign, name, place, prize, entry, forward, sender, sealed, city, held, out, taker = row
    winner = Winner(campaign, name, place, prize, entry, forward)
    return Won(winner, keys.open_number(sender), unsealed(keys, sender, sealed), city, held, out or "", taker or 0)


def earned_by(connection: sqlite3.Connection, keys: Keys, forwards: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Whose each forward is, and its serial; "" once he is erased."""
    statement = (
        "SELECT f.id, p.sealed, n.sealed FROM forward f JOIN subscriber p ON p.id = f.sender JOIN serial n ON n.forward = f.key"
        " WHERE f.id IN ({})"
    )
    found = select_in(connection, statement, forwards)
    return {forward: (keys.open_number(sender), unsealed(keys, sender, sealed)) for forward, sender, sealed in found}


def entry_of(keys: Keys, draw: Draw, serial: str) -> bytes:
    """The entry number of a serial, whether or not it is in the list."""
    return _entry(draw, keys.serial_lookup(plain(serial)))


PAGE: Final = (
    "SELECT f.id, n.lookup, f.sender, p.lookup, f.day, f.counted, f.reason FROM forward f LEFT JOIN serial n ON n.forward = f.key"
    " JOIN subscriber p ON p.id = f.sender WHERE f.campaign = ? AND f.id > ? ORDER BY f.id LIMIT 20000"
)
Page = Iterable[tuple[int, bytes | None, int, bytes | None, str, int, str]]
_WINNER: Final = (
    "SELECT w.campaign, w.draw, w.place, w.prize, w.entry, w.forward, p.sealed, n.sealed, f.city, w.held, w.out, w.taker FROM placed w"
    " JOIN forward f ON f.id = w.forward JOIN subscriber p ON p.id = f.sender JOIN serial n ON n.forward = f.key"
)
_UNUSED: Final = "SELECT place FROM placed WHERE campaign = ? AND draw = ? AND held = '' AND out IS NULL ORDER BY place"
SELECT_WON: Final = "SELECT f.sender FROM placed w JOIN forward f ON f.id = w.forward WHERE w.campaign = ? AND w.draw <> ? AND w.held <> ''"
"""Who holds a prize of another draw of the campaign."""
_WON_ELSEWHERE: Final = (
    "SELECT EXISTS (SELECT 1 FROM placed w JOIN forward f ON f.id = w.forward WHERE w.campaign = ? AND w.draw <> ? AND w.held <> ''"
    " AND f.sender = (SELECT sender FROM forward WHERE id = ?))"
)


def persons_of(keys: Keys, key: bytes, numbers: Iterable[str]) -> bytes:
    """Whoever has these numbers, as the list of the draw with this key names people: packed, in order, each once."""
    return b"".join(sorted({_person(key, keys.lookup(number)) for number in numbers}))


def gather(pages: Iterable[Page], draw: Draw, terms: Terms, barred: bytes, won: Collection[int]) -> Gathered:
    """Who takes part, of all forwards of the campaign. `barred` may not win, packed; `won`: ids of who has won in another draw."""
    staff = {barred[at : at + PERSON_BYTES] for at in range(0, len(barred), PERSON_BYTES)}
    excluded: Counter[str] = Counter()
    persons: dict[int, bytes] = {}
    people: set[bytes] = set()
    entries: list[tuple[bytes, bytes]] = []
    held: dict[bytes, bytes] = {}  # by person, where each has one chance
    for _, lookup, sender, known, day, counted, reason in chain.from_iterable(pages):
        if not terms.first <= day <= terms.last:
            continue
        if lookup is None or not counted:
            excluded[reason or NO_SERIAL] += 1
            continue
        if known is None:
            excluded[ERASED] += 1
            continue
        person = persons.get(sender)
        if person is None:
            person = persons[sender] = _person(draw.key, known)
        if person in staff:
            excluded[STAFF] += 1
        elif terms.once and sender in won:
            excluded[WON] += 1
        else:
            people.add(person)
            entry = _entry(draw, lookup)
            if terms.chances == "person":
                held[person] = min(entry, held.get(person, entry))
            else:
                entries.append((entry, person))
    if terms.chances == "person":
        entries = [(entry, person) for person, entry in held.items()]
    return Gathered(entries, len(people), dict(excluded))


def forwards_of(pages: Iterable[Page], draw: Draw, entries: Collection[bytes]) -> dict[bytes, int]:
    """Which forward earned each of these entries: its id."""
    found = {}
    for forward, lookup, *_ in chain.from_iterable(pages):
        if lookup is not None and (entry := _entry(draw, lookup)) in entries:
            found[entry] = forward
    return found


def _person(key: bytes, lookup: bytes) -> bytes:
    return digest(key, b"person " + lookup, "sha256")[:PERSON_BYTES]


def _entry(draw: Draw, lookup: bytes) -> bytes:
    return digest(draw.key, lookup, "sha256")[:ENTRY_BYTES]


def _draw(keys: Keys, row: tuple[Any, ...]) -> Draw:
    campaign, name, state, terms, commitment, secret, committed, closed, drawn, entries, people, excluded, listing, beacon = row
    opened = keys.unseal(f"{campaign}/{name}".encode(), _SECRET, secret)
    seed, key, barred = opened[:SEED_BYTES], opened[SEED_BYTES : 2 * SEED_BYTES], opened[2 * SEED_BYTES :]
    return Draw(
        campaign, name, state, terms, commitment, seed, key, committed, closed, drawn, entries, people,
        _READ_COUNTS.decode(excluded), listing, beacon, barred=barred,
    )  # fmt: skip
