"""What leaves the house, as rows: asked for, claimed, answered, told of by receipts; and what came in.

`write` and the reads for a decision run inside the writer's transaction (design R6, R9). Texts are sealed under their subscriber.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from mmsd.errors import StoreDamaged
from mmsd.model import Batch, Deed, Heard, Outgoing, Part
from mmsd.rules import outbox
from mmsd.rules.cases import Act
from mmsd.rules.claim import Waiting
from mmsd.rules.governor import ALL, CANARY, Canary, Reserved, Tally, Usage, campaign_stop
from mmsd.rules.tidings import errand
from mmsd.store import Due, Overdue, seeds
from mmsd.store.keys import SALT_BYTES, Keys
from mmsd.store.people import Person
from mmsd.store.sql import select_in

OUTGOING: Final = b"outgoing"
HEARD: Final = b"heard"
"""Labels of what is sealed."""

SELECT: Final = """
SELECT o.id, o.key, p.sealed, o.body, o.kind, o.purpose, o.campaign, o.state, o.reason, o.due, o.expires, o.priority, o.asked, o.tries,
    o.refusals, o.link, o.reference, o.submitted, o.parts, o.fence, o.reserved, o.subscriber
FROM outbox o JOIN subscriber p ON p.id = o.subscriber
"""
_FENCE: Final = "fence"


class _Body(msgspec.Struct, array_like=True):
    """What stands sealed: what will be sent, and as whom."""

    text: str
    pieces: tuple[tuple[bytes, bytes], ...] = ()
    sender: str | None = None
    sub_code: str = ""
    link_id: str = ""
    content: bytes = b""


_ENCODER: Final = msgspec.msgpack.Encoder()
_READ_BODY: Final = msgspec.msgpack.Decoder(_Body)
_READ_HEARD: Final = msgspec.msgpack.Decoder(tuple[str, bytes | None, str])


def outgoing(keys: Keys, row: tuple[Any, ...]) -> Outgoing:
    """A row of SELECT. Of an erased subscriber, and once it is forgotten, without what would be sent."""
    (
        _, key, sealed, body, kind, purpose, campaign, state, reason, due, expires, priority, asked, tries, refusals, link, reference,
        submitted, parts, fence, reserved, _,
    ) = row  # fmt: skip
    kept = _READ_BODY.decode(keys.unseal(sealed[:SALT_BYTES], OUTGOING, body)) if body and sealed else _Body("")
    return Outgoing(
        key, kind, purpose, keys.open_number(sealed), kept.text, state, due, expires, priority, kept.pieces, kept.content, campaign,
        kept.sender, kept.sub_code, kept.link_id, asked, reason, tries, refusals, link, reference, submitted, parts, fence, reserved,
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------- writing


def numbers(batch: Batch) -> Iterable[str]:
    """Everybody who has to be a row before `write`."""
    yield from (row.msisdn for row in batch.outbox)
    yield from (heard.msisdn for heard in batch.heard)
    yield from (number for number, _, _ in batch.opted_out)


def write(connection: sqlite3.Connection, keys: Keys, batch: Batch, people: Mapping[str, Person]) -> None:
    """All of `batch` that leaves or came in. A key already in the outbox was asked for before: asking again changes nothing."""
    connection.executemany(
        "INSERT INTO outbox (key, kind, purpose, campaign, subscriber, body, octets, state, reason, due, expires, priority, asked, at,"
        " changed, tries, refusals, link, reference, submitted, parts, fence, reserved)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '', 0, 0, 0, 0, 0) ON CONFLICT (key) DO NOTHING",
        [_asked(keys, row, people[row.msisdn], batch.at) for row in batch.outbox],
    )
    connection.executemany(
        "UPDATE outbox SET state = ?, reason = ?, due = ?, tries = ?, refusals = ?, link = ?, reference = ?, submitted = ?, parts = ?,"
        " fence = ?, reserved = ?, changed = ? WHERE key = ?",
        [
            (
                row.state, row.reason, row.due, row.tries, row.refusals, row.link, row.reference, row.submitted, row.parts, row.fence,
                row.reserved, batch.at, row.key,
            )
            for row in batch.moved
        ],
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO outbox_part (link, message, outbox, part, state, final, at) SELECT ?, ?, id, ?, ?, ?, ? FROM outbox WHERE key = ?"
        " ON CONFLICT (link, message) DO UPDATE SET outbox = excluded.outbox, part = excluded.part, state = excluded.state,"
        " final = excluded.final, at = excluded.at",
        [(part.link, part.message, part.number, part.state, part.final, batch.at, part.key) for part in batch.parts],
    )
    _reserve(connection, batch)
    connection.executemany(
        "INSERT INTO incoming (at, link, subscriber, service, sub_code, body) VALUES (?, ?, ?, ?, ?, ?)",
        [_came(keys, heard, people[heard.msisdn]) for heard in batch.heard],
    )
    for number, kind, out in batch.opted_out:
        if out:
            connection.execute(
                "INSERT INTO opt_out (subscriber, kind, at) VALUES (?, ?, ?) ON CONFLICT (subscriber, kind) DO NOTHING",
                (people[number].id, kind, batch.at),
            )
        else:
            connection.execute("DELETE FROM opt_out WHERE subscriber = ? AND kind = ?", (people[number].id, kind))
    for name, on in batch.stops:
        if on:
            connection.execute("INSERT INTO stop (name, at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (name, batch.at))
        else:
            connection.execute("DELETE FROM stop WHERE name = ?", (name,))
    for kind, campaign in batch.approved:
        connection.execute(
            "INSERT INTO canary (kind, campaign, sent, approved) VALUES (?, ?, 0, 1)"
            " ON CONFLICT (kind, campaign) DO UPDATE SET approved = 1",
            (kind, campaign),
        )
        connection.execute(
            "UPDATE outbox SET state = 'ready', changed = ? WHERE state = 'held' AND reason = ? AND kind = ? AND campaign = ?",
            (batch.at, CANARY, kind, campaign),
        )
    for deed in batch.deeds:
        audit(connection, keys, deed, batch.at)


def _asked(keys: Keys, row: Outgoing, who: Person, at: int) -> tuple[Any, ...]:
    body = _Body(row.body, row.pieces, row.sender, row.sub_code, row.link_id, row.content)
    sealed = keys.seal(who.salt, OUTGOING, _ENCODER.encode(body))
    return (
        row.key, row.kind, row.purpose, row.campaign, who.id, sealed, outbox.form(row), row.state, row.reason, row.due, row.expires,
        row.priority, row.asked, at, at,
    )  # fmt: skip


def _came(keys: Keys, heard: Heard, who: Person) -> tuple[Any, ...]:
    body = keys.seal(who.salt, HEARD, _ENCODER.encode((heard.text, heard.data, heard.link_id)))
    return (heard.at, heard.link, who.id, heard.service, heard.sub_code, body)


def _reserve(connection: sqlite3.Connection, batch: Batch) -> None:
    """Counts go down only as far as they went up: a canary that began anew since is not owed what was given back."""
    for one in batch.reserved:
        column = "shadow" if one.shadow else "sent"
        connection.execute(
            f"INSERT INTO outbox_day (kind, day, sent, shadow) VALUES (?1, ?2, 0, 0) ON CONFLICT (kind, day) DO NOTHING",  # noqa: F541
            (one.kind, one.day),
        )
        connection.execute(
            f"UPDATE outbox_day SET {column} = max({column} + ?3, 0) WHERE kind = ?1 AND day = ?2",  # noqa: S608 one of two names of ours
            (one.kind, one.day, one.n),
        )
        if not one.shadow:
            connection.execute(
                "INSERT INTO canary (kind, campaign, sent, approved) VALUES (?1, ?2, max(?3, 0), 0)"
                " ON CONFLICT (kind, campaign) DO UPDATE SET sent = max(sent + ?3, 0)",
                (one.kind, one.campaign, one.n),
            )


# ----------------------------------------------------------------------------------------------- what a decision has to see


def by_key(connection: sqlite3.Connection, keys: Keys, wanted: Iterable[bytes]) -> dict[bytes, Outgoing]:
    return {row[1]: outgoing(keys, row) for row in select_in(connection, f"{SELECT} WHERE o.key IN ({{}})", wanted)}


def parts_named(connection: sqlite3.Connection, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Part]:
    """By (link, message): those that are known."""
    found = {}
    for link, message in wanted:
        row = connection.execute(f"{_SELECT_PART} WHERE t.link = ? AND t.message = ?", (link, message)).fetchone()
        if row is not None:
            found[link, message] = Part(*row)
    return found


def parts_of(connection: sqlite3.Connection, rows: Iterable[bytes]) -> dict[bytes, list[Part]]:
    """All parts of rows, by the rows' keys."""
    found: defaultdict[bytes, list[Part]] = defaultdict(list)
    for row in select_in(connection, f"{_SELECT_PART} WHERE o.key IN ({{}}) ORDER BY t.at, t.message", rows):
        part = Part(*row)
        found[part.key].append(part)
    return found


_SELECT_PART: Final = "SELECT t.link, t.message, o.key, t.part, t.state, t.final FROM outbox_part t JOIN outbox o ON o.id = t.outbox"


def unsure(connection: sqlite3.Connection, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], list[bytes]]:
    """Keys of the rows by (link, subscriber's id) that went out by that link and were not yet said to be taken."""
    found = {}
    for link, subscriber in wanted:
        rows = connection.execute(
            "SELECT key FROM outbox WHERE subscriber = ? AND link = ? AND tries > 0"
            " AND state IN ('sending', 'uncertain', 'ready', 'held', 'parked', 'expired') ORDER BY id",
            (subscriber, link),
        )
        found[link, subscriber] = [key for (key,) in rows]
    return found


def stops(connection: sqlite3.Connection) -> frozenset[str]:
    """What is stopped: by order, and campaigns that do not run (`rules.life`)."""
    ordered = {name for (name,) in connection.execute("SELECT name FROM stop")}
    return frozenset(ordered | {campaign_stop(campaign) for campaign in seeds.waiting(connection)})


def due(connection: sqlite3.Connection, keys: Keys, asked: Due) -> tuple[list[Waiting], Usage]:
    """Ready rows, at most so many a lane, none of what is stopped; and what counts for them."""
    stopped_now = stops(connection)
    stopped = sorted(name.partition(":")[2] for name in stopped_now if name.startswith(campaign_stop("")))
    waiting: list[Waiting] = []
    for (kind, form), most in asked.lanes.items():
        if most and not {ALL, kind} & stopped_now:
            waiting += _lane(connection, keys, kind, form, asked.now, most, stopped)
    return waiting, usage(connection, {each.subscriber for each in waiting}, since=asked.now - asked.memory, day=asked.day)


def usage(connection: sqlite3.Connection, subscribers: Iterable[int], *, since: int, day: str) -> Usage:
    """What was reserved for these subscribers since then, and for classes from that day on; what people said."""
    reserved: defaultdict[int, list[Reserved]] = defaultdict(list)
    statement = "SELECT subscriber, reserved, kind, purpose, state FROM outbox WHERE reserved > ? AND subscriber IN ({})"
    subscribers = set(subscribers)
    for subscriber, at, kind, purpose, state in select_in(connection, statement, subscribers, max(since, 0)):
        reserved[subscriber].append(Reserved(at, kind, purpose, state == outbox.SHADOW))
    opted_out: defaultdict[int, set[str]] = defaultdict(set)
    for subscriber, kind in select_in(connection, "SELECT subscriber, kind FROM opt_out WHERE subscriber IN ({})", subscribers):
        opted_out[subscriber].add(kind)
    days = {
        (kind, day): Tally(sent, shadow)
        for kind, day, sent, shadow in connection.execute("SELECT kind, day, sent, shadow FROM outbox_day WHERE day >= ?", (day,))
    }
    canaries = {
        (kind, campaign): Canary(sent, bool(approved))
        for kind, campaign, sent, approved in connection.execute("SELECT kind, campaign, sent, approved FROM canary")
    }
    return Usage(reserved, days, canaries, stops(connection), {who: frozenset(kinds) for who, kinds in opted_out.items()})


def _lane(
    connection: sqlite3.Connection, keys: Keys, kind: str, form: outbox.Form, now: int, most: int, stopped: list[str]
) -> list[Waiting]:
    """One seek for each priority there is: rows that are not due yet are never walked over."""
    found: list[Waiting] = []
    lane = "o.state = 'ready' AND o.kind = ? AND o.octets = ?"
    beside = f" AND o.campaign NOT IN ({','.join('?' * len(stopped))})" if stopped else ""
    statement = f"{SELECT} WHERE {lane} AND o.priority = ? AND o.due <= ?{beside} ORDER BY o.due, o.id LIMIT ?"
    priority = 1 << 62
    while len(found) < most:
        (next_one,) = connection.execute(
            f"SELECT max(o.priority) FROM outbox o WHERE {lane} AND o.priority < ?",  # noqa: S608 fixed words
            (kind, form, priority),
        ).fetchone()
        if next_one is None:
            break
        priority = next_one
        rows = connection.execute(statement, (kind, form, priority, now, *stopped, most - len(found)))
        found += [_waiting(connection, keys, row, now) for row in rows]
    return found


def _waiting(connection: sqlite3.Connection, keys: Keys, row: tuple[Any, ...], now: int) -> Waiting:
    """Settings, and what tests them, leave by a live consent of their case alone, whatever was known when they were ordered."""
    made, subscriber = outgoing(keys, row), row[-1]
    about = errand(made.purpose)
    if not (made.kind == "provisioning" and made.pieces) and (about is None or about.act is Act.QUESTION):
        return Waiting(made, row[0], subscriber)
    live = (
        about is not None
        and connection.execute(
            "SELECT 1 FROM consent WHERE subscriber = ?1 AND for_case = ?2 AND at <= ?3 AND expires > ?3"
            " AND (revoked IS NULL OR revoked > ?3)",
            (subscriber, about.case, now),
        ).fetchone()
    )
    return Waiting(made, row[0], subscriber, bool(live))


def overdue(connection: sqlite3.Connection, keys: Keys, asked: Overdue) -> list[Outgoing]:
    """Rows of `Overdue`, at most so many of each kind."""
    found: list[Outgoing] = []
    waiting = list(seeds.waiting(connection))  # what a campaign that does not run has here expires when it has run on
    for index, term, value in (  # left to itself SQLite walks over all that wait, by their state
        ("outbox_state", "state = 'sending' AND fence <> ?", asked.fence),
        ("outbox_uncertain", "state = 'uncertain' AND due <= ?", asked.now),
        ("outbox_waiting", "state IN ('ready', 'held') AND expires <= ?", asked.now),
    ):
        beside = f" AND (state NOT IN ('ready', 'held') OR campaign NOT IN ({','.join('?' * len(waiting))}))" if waiting else ""
        late = f"SELECT id FROM outbox INDEXED BY {index} WHERE {term}{beside} LIMIT ?"  # noqa: S608 fixed words
        rows = connection.execute(f"{SELECT} WHERE o.id IN ({late})", (value, *waiting, asked.most))
        found += [outgoing(keys, row) for row in rows]
    return found


def resting(connection: sqlite3.Connection) -> bool:
    """Whether no row waits or is on its way: then time changes nothing."""
    statement = "SELECT NOT EXISTS (SELECT 1 FROM outbox WHERE state IN ('ready', 'held', 'sending', 'uncertain'))"
    return bool(connection.execute(statement).fetchone()[0])


def messages(connection: sqlite3.Connection, keys: Keys, subscriber: int, limit: int) -> list[tuple[int, int, Outgoing]]:
    """Of one subscriber, whatever became of them: (id, when it was asked for, row), the newest first."""
    rows = connection.execute(f"{SELECT} WHERE o.subscriber = ? ORDER BY o.id DESC LIMIT ?", (subscriber, limit)).fetchall()
    asked_for = dict(select_in(connection, "SELECT id, at FROM outbox WHERE id IN ({})", [row[0] for row in rows]))
    return [(row[0], asked_for[row[0]], outgoing(keys, row)) for row in rows]


def heard(connection: sqlite3.Connection, keys: Keys, lookup: bytes | None, limit: int, after: int | None) -> list[tuple[int, Heard]]:
    """Of one subscriber, or of all; the newest first."""
    found = connection.execute(
        "SELECT i.id, i.link, p.sealed, i.service, i.sub_code, i.body, i.at FROM incoming i JOIN subscriber p ON p.id = i.subscriber"
        " WHERE (?1 IS NULL OR p.lookup = ?1) AND (?2 IS NULL OR i.id < ?2) ORDER BY i.id DESC LIMIT ?3",
        (lookup, after, limit),
    ).fetchall()
    told = []
    for identity, link, sealed, service, sub_code, body, at in found:
        text, data, link_id = _READ_HEARD.decode(keys.unseal(sealed[:SALT_BYTES], HEARD, body))
        told.append((identity, Heard(link, keys.open_number(sealed), service, sub_code, text, at, data, link_id)))
    return told


# ------------------------------------------------------------------------------------------------------------ who may send


def fence(connection: sqlite3.Connection) -> int:
    """Number of the start of the daemon that sends; 0 = none ever did."""
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (_FENCE,)).fetchone()
    return int(found[0]) if found else 0


def take_over(connection: sqlite3.Connection) -> int:
    """The next number, from now on the only one that may claim. What was held is judged anew: settings may have changed."""
    number = fence(connection) + 1
    connection.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (_FENCE, str(number))
    )
    connection.execute("UPDATE outbox SET state = 'ready' WHERE state = 'held'")
    return number


# ---------------------------------------------------------------------------------------------------------- what people do


def audit(connection: sqlite3.Connection, keys: Keys, deed: Deed, at: int) -> None:
    """Append a deed. Each row's chain is made of the one before, under a key outside the database: none can be changed or taken out."""
    last = connection.execute("SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1").fetchone() or (0, b"")
    row = (last[0] + 1, at, deed.who, deed.what, deed.subject, deed.why)
    connection.execute(
        "INSERT INTO audit (id, at, who, what, subject, why, chain) VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, _chain(keys, last[1], row))
    )


def verify_audit(connection: sqlite3.Connection, keys: Keys) -> int:
    """How many deeds stand there, unchanged. Raises StoreDamaged at the first that was changed, or that follows one taken out.

    Deeds cut off at the end leave no trace here: keep the last row's number elsewhere.
    """
    before, count = b"", 0
    for *row, chain in connection.execute("SELECT id, at, who, what, subject, why, chain FROM audit ORDER BY id"):
        count += 1
        if row[0] != count or not hmac.compare_digest(chain, _chain(keys, before, tuple(row))):
            raise StoreDamaged(f"the audit is not as it was written: deed {count} was changed, or one before it is gone")
        before = chain
    return count


def _chain(keys: Keys, before: bytes, row: tuple[Any, ...]) -> bytes:
    return hmac.digest(keys.audit_key, before + hashlib.sha256(_ENCODER.encode(row)).digest(), "sha256")


# -------------------------------------------------------------------------------------------------------------- forgetting


def erase(connection: sqlite3.Connection, subscriber: int) -> None:
    """Nothing of his is sent any more, and what was to be sent is gone."""
    connection.execute("UPDATE outbox SET body = X'' WHERE subscriber = ?", (subscriber,))
    connection.execute(
        "UPDATE outbox SET state = 'dropped', reason = ? WHERE subscriber = ? AND state IN ('ready', 'held', 'parked')",
        (outbox.ERASED, subscriber),
    )
    connection.execute("DELETE FROM incoming WHERE subscriber = ?", (subscriber,))


def forget_bodies(connection: sqlite3.Connection, before: int, most: int) -> int:
    """Empty the texts of rows that were done before, and drop what centres said of their parts; how many rows."""
    done = ",".join(f"'{state}'" for state in (*outbox.FINAL, outbox.SENT))
    found = connection.execute(
        f"UPDATE outbox SET body = X'' WHERE id IN (SELECT id FROM outbox WHERE body <> X'' AND changed < ? AND state IN ({done}) LIMIT ?)"  # noqa: S608
        " RETURNING id",
        (before, most),
    ).fetchall()
    connection.executemany("DELETE FROM outbox_part WHERE outbox = ?", found)
    return len(found)
