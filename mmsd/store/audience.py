"""Lists of people, mailings, and who holds which seed.

`write` and the reads for a decision run inside the writer's transaction (design R6). A list's part is taken in once: the next one's number
stands with the list, in the transaction that takes it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import msgspec

from mmsd.model import Batch, Holder, ListPart, Mailing, Member
from mmsd.rules.audience import KIND, REPEATED
from mmsd.rules.governor import ALL, campaign_stop
from mmsd.rules.holdings import Served
from mmsd.rules.life import CLOSED, RETIRED, state_of
from mmsd.rules.outbox import Form
from mmsd.store import Holding, ListTold, MailingAsk, Page, Response, outbox, seeds
from mmsd.store.keys import Keys
from mmsd.store.people import Person
from mmsd.store.sql import select_in

SAMPLES: Final = 20

_MAILING: Final = "SELECT id, campaign, seed, audience, plan, content, state, after, counts, counted, changed, who FROM mailing"
_HOLDER: Final = (
    "SELECT h.campaign, h.seed, h.subscriber, h.how, h.arm, h.at, h.mailing, h.label, h.city, h.attempt, h.key, h.drawn, h.ended"
    " FROM holder h"
)
_READ_JSON: Final = msgspec.json.Decoder(dict[str, Any])


# ---------------------------------------------------------------------------------------------------------------- writing


def numbers(batch: Batch) -> Iterator[str]:
    """Everybody who has to be a row before `write`."""
    for part in batch.lists:
        yield from (number for _, number, _, _ in part.lines)
    yield from (holder.msisdn for holder in batch.holders)


def write(connection: sqlite3.Connection, keys: Keys, batch: Batch, people: Mapping[str, Person]) -> None:
    for part in batch.lists:
        _take_in(connection, part, people, batch.at)
    for mailing in batch.mailings:
        row = (
            mailing.campaign, mailing.seed, mailing.audience, _json(mailing.plan), mailing.content, mailing.state, mailing.after,
            _json(mailing.counts), mailing.counted, mailing.changed or batch.at, mailing.who,
        )  # fmt: skip
        if mailing.id:
            connection.execute(
                "UPDATE mailing SET campaign = ?, seed = ?, audience = ?, plan = ?, content = ?, state = ?, after = ?, counts = ?,"
                " counted = ?, changed = ?, who = ? WHERE id = ?",
                (*row, mailing.id),
            )
        else:
            connection.execute(
                "INSERT INTO mailing (campaign, seed, audience, plan, content, state, after, counts, counted, changed, who)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
    connection.executemany(
        "INSERT INTO holder (campaign, seed, subscriber, how, arm, at, mailing, label, city, attempt, key, drawn,"
        " ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (campaign, seed, subscriber) DO UPDATE SET how = excluded.how,"
        " arm = excluded.arm, at = excluded.at, mailing = excluded.mailing, label = excluded.label, city = excluded.city,"
        " attempt = excluded.attempt, key = excluded.key, drawn = excluded.drawn, ended = excluded.ended",
        [
            (
                one.campaign, one.seed, people[one.msisdn].id, one.how, one.arm, one.at, one.mailing, one.label, one.city, one.attempt,
                one.key, one.drawn, one.ended,
            )
            for one in batch.holders
        ],
    )  # fmt: skip
    connection.executemany(
        "UPDATE holder SET ended = 1 WHERE subscriber = (SELECT id FROM subscriber WHERE lookup = ?)",
        [(keys.lookup(number),) for number in batch.let_go],
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _take_in(connection: sqlite3.Connection, part: ListPart, people: Mapping[str, Person], at: int) -> None:
    """Nothing happens with a part that is not the next one, or once a mailing goes to the list: the caller sees it by `told`."""
    connection.execute(
        "INSERT INTO audience (campaign, name, at, who, parts) VALUES (?, ?, ?, ?, 0) ON CONFLICT (campaign, name) DO NOTHING",
        (part.campaign, part.name, at, part.who),
    )
    identity, parts = connection.execute(
        "SELECT id, parts FROM audience WHERE campaign = ? AND name = ?", (part.campaign, part.name)
    ).fetchone()
    if parts != part.part or connection.execute("SELECT 1 FROM mailing WHERE audience = ?", (identity,)).fetchone():
        return
    connection.execute("UPDATE audience SET parts = parts + 1 WHERE id = ?", (identity,))
    whom = {people[number].id for _, number, _, _ in part.lines}
    there = select_in(connection, "SELECT subscriber FROM audience_member WHERE audience = ? AND subscriber IN ({})", whom, identity)
    before = {subscriber for (subscriber,) in there}
    connection.executemany(
        "INSERT INTO audience_member (audience, subscriber, label, city) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(identity, people[number].id, label, city) for _, number, label, city in part.lines],
    )
    again = [(line, REPEATED) for line, number, _, _ in part.lines if people[number].id in before]
    connection.executemany(
        "INSERT INTO audience_fault (audience, line, reason) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(identity, line, reason) for line, reason in (*part.faults, *again)],
    )


# ---------------------------------------------------------------------------------------------------------------- reading


def told(connection: sqlite3.Connection, campaign: str, name: str) -> ListTold | None:
    found = connection.execute(
        "SELECT id, campaign, name, at, who, parts FROM audience WHERE campaign = ? AND name = ?", (campaign, name)
    ).fetchone()
    if found is None:
        return None
    identity, _, _, at, who, parts = found
    labels = dict(connection.execute("SELECT label, count(*) FROM audience_member WHERE audience = ? GROUP BY label", (identity,)))
    (faults,) = connection.execute("SELECT count(*) FROM audience_fault WHERE audience = ?", (identity,)).fetchone()
    samples = connection.execute(
        "SELECT line, reason FROM audience_fault WHERE audience = ? ORDER BY line LIMIT ?", (identity, SAMPLES)
    ).fetchall()
    return ListTold(identity, campaign, name, at, who, parts, sum(labels.values()), faults, labels, samples)


def lists(connection: sqlite3.Connection, campaign: str, most: int) -> list[ListTold]:
    """The newest first."""
    names = connection.execute("SELECT name FROM audience WHERE campaign = ? ORDER BY id DESC LIMIT ?", (campaign, most)).fetchall()
    return [found for (name,) in names if (found := told(connection, campaign, name)) is not None]


def names(connection: sqlite3.Connection, identities: Collection[int]) -> dict[int, str]:
    """Of lists, by id."""
    return dict(select_in(connection, "SELECT id, name FROM audience WHERE id IN ({})", identities))


def mailings(connection: sqlite3.Connection, campaign: str | None, state: str | None) -> list[Mailing]:
    found = connection.execute(
        f"{_MAILING} WHERE (?1 IS NULL OR campaign = ?1) AND (?2 IS NULL OR state = ?2) ORDER BY id DESC",
        (campaign, state),
    )
    return [_mailing(row) for row in found]


def mailing(connection: sqlite3.Connection, identity: int) -> Mailing | None:
    found = connection.execute(f"{_MAILING} WHERE id = ?", (identity,)).fetchone()
    return _mailing(found) if found is not None else None


def _mailing(row: tuple[Any, ...]) -> Mailing:
    identity, campaign, seed, audience, plan, content, state, after, counts, counted, changed, who = row
    return Mailing(
        identity, campaign, seed, audience, _READ_JSON.decode(plan), content, state, after, _READ_JSON.decode(counts), counted, changed, who
    )


def states(connection: sqlite3.Connection, identity: int) -> dict[str, int]:
    """Of a mailing: how many by what became of them."""
    return dict(
        connection.execute(
            "SELECT CASE h.key WHEN x'' THEN h.arm ELSE coalesce(o.state, 'sent') END, count(*) FROM holder h"
            " LEFT JOIN outbox o ON o.key = h.key WHERE h.mailing = ? GROUP BY 1 ORDER BY 1",
            (identity,),
        )
    )


def responses(connection: sqlite3.Connection, campaign: str, mailing: int | None, over: int, window: int) -> list[Response]:
    """Of group sendings that came to people before `over`: by group and draw, how many there are and how many took part within `window`.

    Whom it was only judged for in shadow, and whom it still waits for, is in neither: nothing was done to him.
    """
    found = connection.execute(
        "SELECT h.label, h.arm, count(*), sum(EXISTS (SELECT 1 FROM forward f WHERE f.sender = h.subscriber AND f.campaign = h.campaign"
        " AND f.counted AND f.submitted BETWEEN h.drawn AND h.drawn + ?4))"
        " FROM holder h LEFT JOIN outbox o ON o.key = h.key"
        " WHERE h.campaign = ?1 AND (?2 IS NULL OR h.mailing = ?2) AND h.drawn BETWEEN 1 AND ?3 AND NOT h.ended"
        " AND (h.arm = 'control' OR (h.arm = 'sent' AND coalesce(o.state, 'sent') NOT IN ('ready', 'held', 'shadow')))"
        " GROUP BY h.label, h.arm ORDER BY h.label, h.arm",
        (campaign, mailing, over, window),
    )
    return [Response(*row) for row in found]


def waits(connection: sqlite3.Connection, identity: int, now: int) -> tuple[int, int]:
    """Rows of which more is to come, with those that the governor let expire in hours that still last; and rows that expired before."""
    found: tuple[int, int] = connection.execute(
        "SELECT coalesce(sum(o.state IN ('ready', 'held', 'sending', 'uncertain') OR (o.unsent AND o.expires > ?2)), 0),"
        " coalesce(sum(o.unsent AND o.expires <= ?2), 0)"
        " FROM holder h JOIN (SELECT key, state, expires, state = 'expired' AND NOT tries AS unsent FROM outbox) o ON o.key = h.key"
        " WHERE h.mailing = ?1 AND NOT h.ended",
        (identity, now),
    ).fetchone()
    return found


def waiting(connection: sqlite3.Connection, campaign: str) -> int:
    (found,) = connection.execute(
        "SELECT count(*) FROM outbox WHERE state = 'ready' AND kind = ? AND octets = ? AND campaign = ?", (KIND, Form.MMS, campaign)
    ).fetchone()
    return int(found)


def holds(connection: sqlite3.Connection, keys: Keys, number: str) -> frozenset[str]:
    """What was sent and certainly not taken back: a row that never left brought nothing."""
    found = connection.execute(
        "SELECT h.campaign, h.seed FROM holder h JOIN subscriber p ON p.id = h.subscriber LEFT JOIN outbox o ON o.key = h.key"
        " WHERE p.lookup = ? AND h.key <> x'' AND NOT h.ended AND coalesce(o.tries, 1) > 0",
        (keys.lookup(number),),
    )
    return frozenset(f"{campaign}/{seed}" for campaign, seed in found)


def served(connection: sqlite3.Connection, keys: Keys, numbers: Collection[int]) -> list[Served]:
    """Whom of these the service sent a seed that an MMSC took. Of a row that is gone only that is known, and when it was asked for."""
    if connection.execute("SELECT 1 FROM holder LIMIT 1").fetchone() is None:
        return []
    lookups = {keys.lookup(str(number)): number for number in numbers}
    found = select_in(
        connection,
        "SELECT p.lookup, h.campaign, h.seed, coalesce(o.submitted, h.at), coalesce(o.state = 'delivered', 0) FROM subscriber p"
        " JOIN holder h ON h.subscriber = p.id LEFT JOIN outbox o ON o.key = h.key"
        " WHERE h.key <> x'' AND NOT h.ended AND coalesce(o.state, 'sent') IN ('sent', 'delivered') AND p.lookup IN ({})",
        lookups,
    )
    return sorted(Served(lookups[lookup], campaign, seed, at, bool(arrived)) for lookup, campaign, seed, at, arrived in found)


# ----------------------------------------------------------------------------------------------- what a decision has to see


def page(connection: sqlite3.Connection, keys: Keys, asked: MailingAsk) -> Page | None:
    """None: there is no such mailing."""
    told = mailing(connection, asked.id)
    if told is None:
        return None
    found = connection.execute(
        "SELECT p.sealed, m.subscriber, m.label, m.city FROM audience_member m JOIN subscriber p ON p.id = m.subscriber"
        " WHERE m.audience = ? AND m.subscriber > ? ORDER BY m.subscriber LIMIT ?",
        (told.audience, told.after, asked.most),
    ).fetchall()
    members = [Member(keys.open_number(sealed), subscriber, label, city) for sealed, subscriber, label, city in found]
    held = _held(connection, keys, told.campaign, told.seed, {one.subscriber: one.msisdn for one in members})
    out: dict[int, set[str]] = {}
    for subscriber, kind in select_in(
        connection, "SELECT subscriber, kind FROM opt_out WHERE subscriber IN ({})", [m.subscriber for m in members]
    ):
        out.setdefault(subscriber, set()).add(kind)
    stops = outbox.stops(connection)
    life = seeds.lives(connection, [told.campaign]).get(told.campaign, ())
    label = f"{told.campaign}/{told.seed}"
    retired = any(seed.state == RETIRED for seed in seeds.by_label(connection, [label]).values())
    rows = [(one, held.get(one.subscriber), frozenset(out.get(one.subscriber, ()))) for one in members]
    return Page(told, rows, not stops.isdisjoint((ALL, KIND, campaign_stop(told.campaign))), state_of(life) == CLOSED, retired)


def holdings(
    connection: sqlite3.Connection, keys: Keys, wanted: Collection[tuple[str, str, str]], people: Mapping[str, Person]
) -> dict[tuple[str, str, str], Holding]:
    """By (campaign, seed, number): what there is."""
    found: dict[tuple[str, str, str], Holding] = {}
    for campaign, seed in {(campaign, seed) for campaign, seed, _ in wanted}:
        whom = {people[number].id: number for c, s, number in wanted if (c, s) == (campaign, seed) and number in people}
        for subscriber, holding in _held(connection, keys, campaign, seed, whom).items():
            found[campaign, seed, whom[subscriber]] = holding
    return found


def _held(connection: sqlite3.Connection, keys: Keys, campaign: str, seed: str, whom: Mapping[int, str]) -> dict[int, Holding]:
    """Of one seed, by subscriber."""
    found = list(select_in(connection, f"{_HOLDER} WHERE h.campaign = ? AND h.seed = ? AND h.subscriber IN ({{}})", whom, campaign, seed))
    rows = outbox.by_key(connection, keys, {row[10] for row in found if row[10]})
    return {row[2]: Holding(_holder(row, whom[row[2]]), rows.get(row[10])) for row in found}


def _holder(row: tuple[Any, ...], number: str) -> Holder:
    campaign, seed, _, how, arm, at, mailing, label, city, attempt, key, drawn, ended = row
    return Holder(campaign, seed, number, how, arm, at, mailing, label, city, attempt, key, drawn, bool(ended))


# -------------------------------------------------------------------------------------------------------------- forgetting


def erase(connection: sqlite3.Connection, subscriber: int) -> None:
    """He stands on no list any more; what was counted of him stays counted."""
    connection.execute("DELETE FROM audience_member WHERE subscriber = ?", (subscriber,))
    connection.execute("UPDATE holder SET ended = 1, label = '', city = '' WHERE subscriber = ?", (subscriber,))
