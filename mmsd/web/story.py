"""One number's week, and one message's receivers: what the store keeps of them, put together for people who are asked why.

Rows know everything of failures, open and seed deliveries; of what went well a packed row is kept for a week. A delivery that is both is
told once, from its row. "Nothing is known" is never left to be read as "nothing happened": `Coverage` says from when to when was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec
import numpy as np

from mmsd.model import DAY, HOUR, Attempt, Delivery, Finding
from mmsd.rules.causes import CAUSES, OUTCOMES, RULES
from mmsd.rules.table import Row
from mmsd.store import DeliveryFilter
from mmsd.web.source import Reader

DAYS: Final = 7
MOST_ROWS: Final = 1_000
"""Rows of one number that are looked at, the newest: a service sends more than anybody reads."""

_LONG: Final = 64
"""A message id of so many octets may be cut in its row, so that its hash is another's."""

Role = Literal["receiver", "sender"]


class Told(msgspec.Struct, frozen=True):
    """One delivery of a number. `name` finds it again; `packed`: only the packed row is kept, so ids and the other party are not known."""

    name: str
    role: Role
    at: int  # when it was submitted, or first seen
    delivery: Delivery
    message: int  # keyed hashes of message id and transaction, as a log's columns have them; 0 = not known
    leg: int
    packed: bool = False


class Coverage(msgspec.Struct, frozen=True):
    """What the store can know: submissions counted from `first`, every feed read up to `horizon` (µs; 0 = nothing yet)."""

    first: int
    horizon: int
    erased: bool  # somebody was forgotten: a number without rows may be his


class Story(msgspec.Struct, frozen=True):
    """Deliveries newest first, with what else is kept of the number."""

    since: int
    known: bool  # there is a row of him, or a packed one
    coverage: Coverage
    deliveries: tuple[Told, ...]
    attempts: tuple[Attempt, ...]
    findings: tuple[Finding, ...]
    after: str | None  # `after` of the next page; None = the last
    cut: bool  # he has more rows than MOST_ROWS: the oldest are not told


def coverage(reader: Reader) -> Coverage:
    """From when to when the store was fed."""
    return Coverage(reader.first_hour() * HOUR, reader.horizon(), reader.any_erased())


def tell(reader: Reader, rows: Mapping[str, Row], number: str, since: int, limit: int = 100, after: str = "") -> Story:
    """What is kept of a number (E.164 digits) from `since` on (µs); `rows` of the table of causes say what packed rows mean.

    `after`: that of the page before. ValueError: it is none.
    """
    last = _place(after) if after else None
    names = reader.names("node")
    told, cut = _rows(reader, number, since)
    seen = {key for each in told for key in _keys(each)}
    packed = reader.story(number)
    for row in packed[packed["at"] >= since]:
        each = _unpacked(row, rows, number, names)
        if seen.isdisjoint(_keys(each)):
            told.append(each)
    told.sort(key=_order, reverse=True)
    page = [each for each in told if last is None or _order(each) < last][: limit + 1]
    more = len(page) > limit
    page = page[:limit]
    return Story(
        since,
        bool(told) or len(packed) > 0 or reader.knows(number),
        coverage(reader),
        tuple(page),
        tuple(row for _, row in reader.attempts(number, MOST_ROWS) if row.at >= since),
        tuple(row for _, row in reader.findings(number, MOST_ROWS)),
        f"{page[-1].at}.{page[-1].name}" if more else None,
        cut,
    )


def of_message(reader: Reader, message: str, limit: int = 100) -> tuple[Told, ...]:
    """Rows of every receiver of one message id, oldest first. Packed rows are found by their receiver only."""
    found = [_of_row(reader, row, "receiver") for _, row in reader.deliveries(DeliveryFilter(message=message), limit)]
    return tuple(sorted(found, key=_order))


def words(told: Told) -> tuple[str, str, str]:
    """Keys of the texts (`pages.texts`) that say cause, row and what to do; "" where there is nothing to say."""
    delivery = told.delivery
    cause = f"cause.{delivery.cause}" if delivery.cause else ""
    unproved = delivery.cause == "EXPIRED" and delivery.rule.startswith("U")  # no push has a final report (docs/causes.md)
    row = "row.UNPROVED" if unproved else f"row.{delivery.rule}" if delivery.rule else ""
    advice = f"advice.{delivery.cause}" if delivery.cause else ""
    return cause, row, advice


def _rows(reader: Reader, number: str, since: int) -> tuple[list[Told], bool]:
    """The number's rows in time, and whether there are more than were looked at."""
    found = reader.deliveries(DeliveryFilter(number=number), MOST_ROWS)
    told = [_of_row(reader, row, "receiver" if row.receiver == number else "sender") for _, row in found]
    return [each for each in told if each.at >= since], len(found) == MOST_ROWS and told[-1].at >= since


def _of_row(reader: Reader, row: Delivery, role: Role) -> Told:
    message = reader.hash_of(row.message) if row.message else 0
    leg = reader.hash_of(row.transaction) if row.transaction else 0
    at = row.submitted or next(iter(sorted(line.at for line in row.evidence)), 0) or row.pushed or row.closed
    return Told(_name(message, at), role, at, row, message, leg)


def _unpacked(row: np.void, rows: Mapping[str, Row], number: str, names: Any) -> Told:
    rule = RULES[row["rule"]]
    message, leg, at = int(row["message"]), int(row["leg"]), int(row["at"])
    node = names.get(int(row["node"]), "")
    known = rows.get(rule)
    delivery = Delivery(
        domain="", node=node, message="", receiver=number, leg="", transaction="", sender="", submitted=at, closed=int(row["closed"]),
        outcome=OUTCOMES[row["outcome"]], cause=CAUSES[row["cause"]], rule=rule, group=known.group if known else "",
        confidence=known.confidence if known else 0.0, lapsed=rule == "O3", pushed=int(row["pushed"]), retrieved=int(row["retrieved"]),
        size=int(row["size"]), detail=known.detail if known else "",
    )  # fmt: skip
    return Told(_name(message, at), "receiver", at, delivery, message, leg, packed=True)


def _name(message: int, at: int) -> str:
    """Eight hex digits, the same of a row and of its packed row. The leg is left out: it may become known later."""
    return f"{(message or at) & 0xFFFF_FFFF:08x}"


def _keys(told: Told) -> Iterable[tuple[int, int]]:
    """What a row and its packed row have in common."""
    delivery = told.delivery
    yield told.at, told.message
    if told.packed or len(delivery.message.encode()) >= _LONG:
        yield told.at, delivery.closed


def _order(told: Told) -> tuple[int, str]:
    return told.at, told.name


def _place(after: str) -> tuple[int, str]:
    at, dot, name = after.partition(".")
    if not dot or not at.isdecimal() or len(at) > 19 or len(name) != 8:
        raise ValueError("not an `after` of an earlier answer")
    return int(at), name


def week_before(now: int, days: int = DAYS) -> int:
    """Where a story of so many days begins."""
    return now - days * DAY
