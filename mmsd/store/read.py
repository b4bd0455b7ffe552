"""The read side of SQLite: any thread, connections of its own that cannot write, short transactions.

A long read would keep the write-ahead log from being reused, so whatever walks a whole table walks it in pages.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import numpy.typing as npt

from mmsd.errors import StoreError
from mmsd.fast import hash64
from mmsd.model import (
    Attempt,
    Audit,
    CodeCount,
    Composed,
    CopyCount,
    DayCount,
    Deed,
    DelayCount,
    Delivery,
    Draw,
    Event,
    FeedReport,
    Finding,
    Forfeit,
    Heard,
    HeldCopy,
    LearnedOctets,
    LifeStep,
    LineCount,
    Mailing,
    Mark,
    NotificationCount,
    Outgoing,
    PlaceCount,
    Reject,
    SeedEntry,
    SeedPart,
    UnknownCode,
)
from mmsd.rules.cases import Case, CaseStep
from mmsd.rules.casework import Folder
from mmsd.rules.closing import Course
from mmsd.rules.draw import Terms
from mmsd.rules.governor import Canary, Usage
from mmsd.rules.holdings import Served
from mmsd.rules.kpi import Figures
from mmsd.rules.lineage import Link
from mmsd.store import (
    CampaignCounts,
    CareCase,
    CareGroups,
    DeliveryFilter,
    Gathered,
    Handover,
    Held,
    Issued,
    Kpi,
    ListTold,
    Presented,
    Response,
    Split,
    Tail,
    Vacancy,
    Won,
    audience,
    campaign_counts,
    care,
    cold,
    composed,
    desk,
    draws,
    lineage,
    outbox,
    rows,
    seeds,
    segments,
    serials,
    tails,
)
from mmsd.store.campaign_counts import Close, Late, PartCount, Totals, Tree
from mmsd.store.copies import read_counts, read_held
from mmsd.store.keys import SALT_BYTES, Keys
from mmsd.store.people import Person
from mmsd.store.sql import select_in
from mmsd.store.trouble import naming

_PAGE: Final = 1_000
_SEEDS_AT_ONCE: Final = 250  # of some 17 kB
SELECT_MARKS: Final = "SELECT feed, ordinal, head, head_length, offset, guard, path, device, inode, done FROM mark ORDER BY feed, ordinal"

Value = TypeVar("Value")


class Reader:
    """Every question the API, the pages and the exports ask."""

    def __init__(self, path: Path, keys: Keys, busy_seconds: float) -> None:
        self._path = path
        self._keys = keys
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._free: list[sqlite3.Connection] = []
        self._closed = False

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one thread at a time; as many exist as ever read at once. One that failed is not used again."""
        with naming():
            with self._lock:
                if self._closed:
                    raise StoreError("the store is closed")
                connection = self._free.pop() if self._free else None
            if connection is None:
                connection = sqlite3.connect(
                    f"{self._path.absolute().as_uri()}?mode=ro",
                    uri=True,
                    timeout=self._busy_seconds,
                    isolation_level=None,
                    check_same_thread=False,
                )
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            with self._lock:
                if not self._closed:
                    self._free.append(connection)
                    return
            connection.close()

    def _all(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._reading() as connection:
            return connection.execute(statement, values).fetchall()

    def close_readers(self) -> None:
        with self._lock:
            self._closed = True
            for connection in self._free:
                connection.close()
            self._free.clear()

    def _subscriber(self, number: str) -> int:
        """The id of a number; −1, which no row has, when it was never stored."""
        found = self._all("SELECT id FROM subscriber WHERE lookup = ?", self._keys.lookup(number))
        return int(found[0][0]) if found else -1

    # ------------------------------------------------------------------------------------------------------ verdicts

    def deliveries(self, where: DeliveryFilter, limit: int, after: int | None = None) -> list[tuple[int, Delivery]]:
        condition, values = self._condition(where)
        if where.since is not None:  # where the walk down the ids may end: ids follow the time, roughly
            condition += " AND d.id >= (SELECT min(id) FROM delivery INDEXED BY delivery_submitted WHERE submitted >= ?)"
            values.append(where.since)
        if after is not None:
            condition += " AND d.id < ?"
            values.append(after)
        found = self._all(f"{rows.SELECT_DELIVERY} WHERE {condition} ORDER BY d.id DESC LIMIT ?", *values, limit)
        return [(row[0], rows.delivery(self._keys, row)) for row in found]

    def delivery_count(self, where: DeliveryFilter) -> int:
        condition, values = self._condition(where)
        return int(self._all(f"SELECT count(*) FROM delivery d WHERE {condition}", *values)[0][0])  # noqa: S608 terms of ours

    def _condition(self, where: DeliveryFilter) -> tuple[str, list[Any]]:
        terms: list[str] = ["1"]
        values: list[Any] = []
        if where.number is not None:
            identity = self._subscriber(where.number)
            terms.append("(d.receiver = ? OR d.sender = ?)")
            values += [identity, identity]
        for term, value in (
            ("d.message = ?", where.message),
            ("d.submitted >= ?", where.since),
            ("d.submitted < ?", where.until),
            ("d.outcome = ?", where.outcome),
            ("d.cause = ?", where.cause),
            ("d.node = ?", where.node),
        ):
            if value is not None:
                terms.append(term)
                values.append(value)
        return " AND ".join(terms), values

    def attempts(self, number: str | None, limit: int, after: int | None = None) -> list[tuple[int, Attempt]]:
        found = self._newest(rows.SELECT_ATTEMPT, "a", number, limit, after=after)
        return [(row[0], rows.attempt(self._keys, row)) for row in found]

    def findings(
        self, number: str | None, limit: int, after: int | None = None, *, open_only: bool = False, kind: str | None = None,
        cause: str | None = None,
    ) -> list[tuple[int, Finding]]:  # fmt: skip
        term, given = "f.cleared = 0" if open_only else "1", []
        for column, value in (("f.subject_kind", kind), ("f.cause", cause)):
            if value is not None:
                term += f" AND {column} = ?"
                given.append(value)
        found = self._newest(rows.SELECT_FINDING, "f", number, limit, after=after, term=term, given=given)
        return [(row[0], rows.finding(self._keys, row)) for row in found]

    def _newest(
        self, select: str, table: str, number: str | None, limit: int, *, after: int | None, term: str = "1", given: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        values: list[Any] = [*given]
        if number is not None:
            term += f" AND {table}.subscriber = ?"
            values.append(self._subscriber(number))
        if after is not None:
            term += f" AND {table}.id < ?"
            values.append(after)
        return self._all(f"{select} WHERE {term} ORDER BY {table}.id DESC LIMIT ?", *values, limit)

    def forward(self, identity: int) -> Issued | None:
        found = self._all(f"{rows.SELECT_FORWARD} WHERE f.id = ?", identity)
        return self._issued(found[0]) if found else None

    def forwards(
        self, campaign: str | None, limit: int, after: int | None = None, *, review: str | None = None, reason: str | None = None
    ) -> list[Issued]:
        terms: dict[str, Any] = {"f.id > ?": after or 0}
        if campaign is not None:
            terms["f.campaign = ?"] = campaign
        if review:  # the index holds only those that have one
            terms["f.review <> '' AND f.review = ?"] = review
        if reason is not None:
            terms["f.reason = ?"] = reason
        found = self._all(f"{rows.SELECT_FORWARD} WHERE {' AND '.join(terms)} ORDER BY f.id LIMIT ?", *terms.values(), limit)
        return [self._issued(row) for row in found]

    def reviews(self, campaign: str | None = None) -> dict[tuple[str, str, str], int]:
        """Forwards by (campaign, review, reason), of those that have a review."""
        statement = (  # by the index of those that have one, which the planner would not take
            "SELECT campaign, review, reason, count(*) FROM forward INDEXED BY forward_reviewed"
            " WHERE review <> '' AND coalesce(campaign = ?, TRUE) GROUP BY 1, 2, 3"
        )
        found = self._all(statement, campaign)
        return {(whose, review, reason): n for whose, review, reason, n in found}

    def _issued(self, row: rows.Row) -> Issued:
        return Issued(row[0], rows.forward(self._keys, row), rows.serial(self._keys, row))

    # ------------------------------------------------------------------------------------------------- whole tables

    def all_deliveries(self) -> Iterator[Delivery]:
        return self._walk(rows.SELECT_DELIVERY, "d", rows.delivery)

    def all_attempts(self) -> Iterator[Attempt]:
        return self._walk(rows.SELECT_ATTEMPT, "a", rows.attempt)

    def all_findings(self) -> Iterator[Finding]:
        return self._walk(rows.SELECT_FINDING, "f", rows.finding)

    def all_forwards(self) -> Iterator[Issued]:
        return self._walk(rows.SELECT_FORWARD, "f", lambda _, row: self._issued(row))

    def _walk(self, select: str, table: str, read: Callable[[Keys, rows.Row], Value]) -> Iterator[Value]:
        last = 0
        while page := self._all(f"{select} WHERE {table}.id > ? ORDER BY {table}.id LIMIT ?", last, _PAGE):
            for row in page:
                yield read(self._keys, row)
            last = page[-1][0]

    # ------------------------------------------------------------------------------------------------------ counters

    def kpi(self, from_hour: int, to_hour: int) -> Kpi:
        found = self._all(
            "SELECT node, city, outcome, cause, sum(n) FROM hour_count WHERE hour >= ? AND hour < ? GROUP BY node, city, outcome, cause",
            from_hour,
            to_hour,
        )
        outcomes: dict[str, int] = defaultdict(int)
        causes: dict[str, int] = defaultdict(int)
        nodes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        cities: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for node, city, outcome, cause, n in found:
            outcomes[outcome] += n
            nodes[node][outcome] += n
            cities[city][outcome] += n
            if outcome == "failed":
                causes[cause] += n
        return Kpi(
            _without_zeros(outcomes),
            _without_zeros(causes),
            {node: _without_zeros(n) for node, n in nodes.items()},
            {city: _without_zeros(n) for city, n in cities.items()},
        )

    def models(self, from_day: str, to_day: str) -> list[DayCount]:
        return [DayCount(*row) for row in self._all("SELECT * FROM day_count WHERE day >= ? AND day < ? AND n != 0", from_day, to_day)]

    def delays(self, from_hour: int, to_hour: int) -> list[DelayCount]:
        return [
            DelayCount(*row) for row in self._all("SELECT * FROM delay_count WHERE hour >= ? AND hour < ? AND n != 0", from_hour, to_hour)
        ]

    def notifications(self, from_hour: int, to_hour: int) -> list[NotificationCount]:
        """By hour, node, SMS gateway, which one, gap and result."""
        found = self._all("SELECT * FROM notification_count WHERE hour >= ? AND hour < ? AND n != 0", from_hour, to_hour)
        return [NotificationCount(*row) for row in found]

    def places(self, from_day: str, to_day: str) -> list[PlaceCount]:
        """Days added up (`day` is the first); the place with the most first."""
        found = self._all(
            "SELECT min(day), place, cause, sum(n) FROM place_count WHERE day >= ? AND day < ? GROUP BY place, cause HAVING sum(n) != 0"
            " ORDER BY sum(n) DESC, place, cause",
            from_day, to_day,
        )  # fmt: skip
        return [PlaceCount(*row) for row in found]

    def copies(self, from_hour: int, to_hour: int) -> list[CopyCount]:
        with self._reading() as connection:
            return read_counts(connection, from_hour, to_hour)

    def held_copies(self, limit: int, after: str = "") -> list[tuple[str, HeldCopy]]:
        with self._reading() as connection:
            return read_held(connection, self._keys, limit, after)

    def figures(
        self, from_hour: int, to_hour: int, by: Split = "", node: str | None = None, city: str | None = None
    ) -> dict[int | str, Figures]:
        """Requests are a gateway's and messages sent an MMSC's, without a city: neither is told of one node or city."""
        found: dict[int | str, Figures] = defaultdict(Figures)
        key = by or "''"
        term, values = _terms(from_hour, to_hour, node=node, city=city)
        whole = by in ("", "hour") and node is None and city is None
        with self._reading() as connection:
            connection.execute("BEGIN")  # all cubes of one moment

            def summed(table: str, columns: str, sums: str) -> Iterator[tuple[Any, ...]]:
                statement = f"SELECT {key}, {columns}, {sums} FROM {table} WHERE {term} GROUP BY {key}, {columns}"  # noqa: S608 terms of ours
                return iter(connection.execute(statement, values))

            for at, outcome, cause, rule, n in summed("hour_count", "outcome, cause, rule", "sum(n)"):
                if n:
                    found[at].deliveries[outcome, cause, rule] = n
            for at, measure, n, total in summed("measure_count", "measure", "sum(n), sum(total)"):
                if n and (whole or measure != "sends"):
                    found[at].measured[measure], found[at].totals[measure] = n, total
            for at, kind, verdict, n in summed("attempt_count", "type, verdict", "sum(n)") if whole else ():
                if n:
                    found[at].tried[kind, verdict] = n
            connection.execute("COMMIT")
        return dict(found)

    def codes(self, from_hour: int, to_hour: int, code_set: str | None = None, code: str | None = None) -> list[CodeCount]:
        """By hour, node, set and code."""
        term, values = _terms(from_hour, to_hour, code_set=code_set, code=code)
        columns = "hour, node, code_set, code"
        found = self._all(f"SELECT {columns}, n FROM code_count WHERE {term} AND n != 0 ORDER BY {columns}", *values)  # noqa: S608 terms of ours
        return [CodeCount(*row) for row in found]

    def unknown_codes(self) -> list[UnknownCode]:
        """The most frequent first."""
        return [
            UnknownCode(*row)
            for row in self._all("SELECT node, code_set, code, n, first, last FROM unknown_code ORDER BY n DESC, node, code_set, code")
        ]

    def horizon(self) -> int:
        """Event time up to which every feed had been read when the daemon last said so, µs; 0 when it never did."""
        found = self._all("SELECT data FROM event WHERE topic = 'totals' ORDER BY id DESC LIMIT 1")
        return int(rows.READ_JSON.decode(found[0][0]).get("horizon", 0)) if found else 0

    def counts(self, campaign: str) -> CampaignCounts:
        with self._reading() as connection:
            connection.execute("BEGIN")  # totals and days of one moment
            total = connection.execute("SELECT forwards, people, serials FROM campaign_total WHERE campaign = ?", (campaign,)).fetchone()
            days = connection.execute("SELECT day, city, counted, other FROM campaign_day WHERE campaign = ?", (campaign,)).fetchall()
            connection.execute("COMMIT")
        forwards, people, serials = total or (0, 0, 0)
        by_day = {(day, city): (counted, other) for day, city, counted, other in days if counted or other}
        return CampaignCounts(forwards, people, by_day, serials)

    def campaign_totals(self) -> dict[str, Totals]:
        with self._reading() as connection:
            return campaign_counts.totals(connection)

    def campaign_days(self, campaign: str) -> dict[tuple[str, str], tuple[int, int, int]]:
        with self._reading() as connection:
            return campaign_counts.days(connection, campaign)

    def campaign_parts(self, campaign: str, part: str, since: str = "", until: str = "~") -> list[PartCount]:
        with self._reading() as connection:
            return campaign_counts.parts(connection, campaign, part, since, until)

    def campaign_groups(self, campaign: str) -> dict[str, tuple[int, int]]:
        with self._reading() as connection:
            return campaign_counts.groups(connection, campaign)

    def campaign_trees(self, campaign: str, limit: int, after: str = "") -> list[Tree]:
        with self._reading() as connection:
            return campaign_counts.trees(connection, self._keys, campaign, limit, after)

    def campaign_closes(self, campaign: str, since: str = "", until: str = "~") -> list[Close]:
        with self._reading() as connection:
            connection.execute("BEGIN")  # a close and its cities of one moment
            found = campaign_counts.closes(connection, campaign, since, until)
            connection.execute("COMMIT")
            return found

    def lineage_reached(self, campaign: str) -> tuple[str, int]:
        with self._reading() as connection:
            return lineage.reached(connection, campaign)

    def lineage_doubted(self, campaign: str, after: str, beyond: int) -> list[Link]:
        with self._reading() as connection:
            return lineage.doubted(connection, self._keys, campaign, after, beyond)

    def came_of(self, link: Link) -> list[Link]:
        with self._reading() as connection:
            return lineage.came_of(connection, self._keys, link)

    def generations(self, forwards: Iterable[bytes]) -> dict[bytes, int]:
        with self._reading() as connection:
            return lineage.generations(connection, forwards)

    def campaign_courses(self) -> dict[str, Course]:
        with self._reading() as connection:
            return campaign_counts.courses(connection)

    def campaign_copies(self, campaign: str) -> dict[str, int]:
        return dict(self._all("SELECT what, sum(n) FROM copy_count WHERE campaign = ? GROUP BY what HAVING sum(n) != 0", campaign))

    def campaign_late(self, campaign: str, limit: int, after: int = 0) -> list[Late]:
        with self._reading() as connection:
            return campaign_counts.late(connection, campaign, limit, after)

    def campaign_differences(self, campaign: str) -> list[tuple[str, tuple[Any, ...]]]:
        with self._reading() as connection:
            connection.execute("BEGIN")
            found = campaign_counts.differences(connection, campaign)
            connection.execute("COMMIT")
            return found

    def campaigns(self) -> dict[str, str]:
        with self._reading() as connection:
            return seeds.states(connection)

    def lives(self) -> dict[str, list[LifeStep]]:
        with self._reading() as connection:
            return seeds.lives(connection)

    def seeds(self, campaign: str | None = None, state: str | None = None) -> list[SeedEntry]:
        with self._reading() as connection:
            return seeds.listed(connection, campaign, state)

    def seed(self, label: str) -> tuple[SeedEntry, bytes] | None:
        with self._reading() as connection:
            return seeds.one(connection, label)

    def seed_parts(self, label: str) -> list[SeedPart]:
        with self._reading() as connection:
            return seeds.parts(connection, label)

    def seed_changes(self) -> int:
        """A reader writes nothing, and is told of nothing."""
        return 0

    def live_seeds(self) -> Iterator[bytes]:
        last = 0
        while True:
            with self._reading() as connection:
                page = seeds.live(connection, last, _SEEDS_AT_ONCE)
            if not page:
                return
            last = page[-1][0]
            yield from (octets for _, octets in page)

    def learned_octets(self, limit: int) -> list[LearnedOctets]:
        with self._reading() as connection:
            return seeds.learned(connection, limit)

    def serials_total(self, campaign: str | None = None) -> int:
        return int(self._all("SELECT coalesce(sum(serials), 0) FROM campaign_total WHERE ?1 IS NULL OR campaign = ?1", campaign)[0][0])

    def draws(self) -> list[Draw]:
        with self._reading() as connection:
            return draws.read_all(connection, self._keys)

    def draw_list(self, campaign: str, name: str) -> bytes:
        with self._reading() as connection:
            return draws.read_list(connection, campaign, name)

    def draw_persons(self, key: bytes, numbers: Iterable[str]) -> bytes:
        return draws.persons_of(self._keys, key, numbers)

    def draw_entry(self, draw: Draw, number: str) -> bytes:
        return draws.entry_of(self._keys, draw, number)

    def winners(self, campaign: str, name: str) -> list[Won]:
        with self._reading() as connection:
            return draws.read_winners(connection, self._keys, campaign, name)

    def vacancy(self, campaign: str, name: str, place: int) -> Vacancy | None:
        with self._reading() as connection:
            return draws.read_vacancies(connection, self._keys, [(campaign, name, place)]).get((campaign, name, place))

    def forfeits(self, campaign: str, name: str) -> list[Forfeit]:
        with self._reading() as connection:
            return draws.read_forfeits(connection, campaign, name)

    def draw_entries(self, draw: Draw, terms: Terms, barred: bytes) -> Gathered:
        won = {sender for (sender,) in self._all(draws.SELECT_WON, draw.campaign, draw.name)}
        return draws.gather(self._campaign_pages(draw.campaign), draw, terms, barred, won)

    def draw_forwards(self, draw: Draw, entries: Collection[bytes]) -> Mapping[bytes, int]:
        return draws.forwards_of(self._campaign_pages(draw.campaign), draw, entries)

    def _campaign_pages(self, campaign: str) -> Iterator[list[tuple[Any, ...]]]:
        last = 0
        while page := self._all(draws.PAGE, campaign, last):
            yield page
            last = page[-1][0]

    def earned_by(self, forwards: Iterable[int]) -> Mapping[int, tuple[str, str]]:
        with self._reading() as connection:
            return draws.earned_by(connection, self._keys, forwards)

    def presented(self, number: str) -> Presented | None:
        with self._reading() as connection:
            return serials.presented(connection, self._keys, {number}).get(number)

    # ----------------------------------------------------------------------------------------- what leaves the house

    def outbox(self, state: str | None, limit: int, after: int | None = None, *, kind: str | None = None) -> list[tuple[int, Outgoing]]:
        """Oldest first."""
        terms, values = ["o.id > ?"], [after or 0, *(value for value in (state, kind) if value is not None)]
        terms += [f"o.{name} = ?" for name, value in (("state", state), ("kind", kind)) if value is not None]
        found = self._all(f"{outbox.SELECT} WHERE {' AND '.join(terms)} ORDER BY o.id LIMIT ?", *values, limit)
        return [(row[0], outbox.outgoing(self._keys, row)) for row in found]

    def composed(self, name: bytes) -> Composed | None:
        with self._reading() as connection:
            return composed.read(connection, name)

    def list_told(self, campaign: str, name: str) -> ListTold | None:
        with self._reading() as connection:
            return audience.told(connection, campaign, name)

    def lists(self, campaign: str, most: int) -> list[ListTold]:
        with self._reading() as connection:
            return audience.lists(connection, campaign, most)

    def list_names(self, identities: Collection[int]) -> dict[int, str]:
        with self._reading() as connection:
            return audience.names(connection, identities)

    def mailings(self, campaign: str | None = None, state: str | None = None) -> list[Mailing]:
        with self._reading() as connection:
            return audience.mailings(connection, campaign, state)

    def mailing(self, identity: int) -> Mailing | None:
        with self._reading() as connection:
            return audience.mailing(connection, identity)

    def mailing_states(self, identity: int) -> Mapping[str, int]:
        with self._reading() as connection:
            return audience.states(connection, identity)

    def responses(self, campaign: str, mailing: int | None, over: int, window: int) -> list[Response]:
        with self._reading() as connection:
            return audience.responses(connection, campaign, mailing, over, window)

    def mailing_waits(self, identity: int, now: int) -> tuple[int, int]:
        with self._reading() as connection:
            return audience.waits(connection, identity, now)

    def waiting_seeds(self, campaign: str) -> int:
        with self._reading() as connection:
            return audience.waiting(connection, campaign)

    def holds(self, number: str) -> frozenset[str]:
        with self._reading() as connection:
            return audience.holds(connection, self._keys, number)

    def served(self, numbers: Collection[int]) -> list[Served]:
        with self._reading() as connection:
            return audience.served(connection, self._keys, numbers)

    def outgoing(self, identity: int) -> Outgoing | None:
        found = self._all(f"{outbox.SELECT} WHERE o.id = ?", identity)
        return outbox.outgoing(self._keys, found[0]) if found else None

    def outbox_counts(self) -> dict[tuple[str, str], int]:
        """Rows by (class, state)."""
        return {(kind, state): n for kind, state, n in self._all("SELECT kind, state, count(*) FROM outbox GROUP BY kind, state")}

    def stops(self) -> dict[str, int]:
        """What is stopped, and since when."""
        return dict(self._all("SELECT name, at FROM stop ORDER BY name"))

    def canaries(self) -> dict[tuple[str, str], Canary]:
        """By (class, campaign)."""
        found = self._all("SELECT kind, campaign, sent, approved FROM canary ORDER BY kind, campaign")
        return {(kind, campaign): Canary(sent, bool(approved)) for kind, campaign, sent, approved in found}

    def usage(self, number: str, since: int, day: str) -> tuple[int, Usage]:
        """What a claim would see of one number: the store's id of him (0 = never stored), what counts since then and from that day on."""
        with self._reading() as connection:
            found = connection.execute("SELECT id FROM subscriber WHERE lookup = ?", (self._keys.lookup(number),)).fetchone()
            subscriber = int(found[0]) if found else 0
            return subscriber, outbox.usage(connection, {subscriber}, since=since, day=day)

    def heard(self, number: str | None, limit: int, after: int | None = None) -> list[tuple[int, Heard]]:
        """What subscribers wrote, the newest first, with ids; the next page is `after` the last id."""
        with self._reading() as connection:
            return outbox.heard(connection, self._keys, self._keys.lookup(number) if number is not None else None, limit, after)

    def deeds(self, limit: int, subject: str | None = None) -> list[tuple[int, int, Deed]]:
        """(number, at, deed), the newest first; of one subject, or of all."""
        found = self._all(
            "SELECT id, at, who, what, subject, why FROM audit WHERE subject = coalesce(?, subject) ORDER BY id DESC LIMIT ?",
            subject,
            limit,
        )
        return [(identity, at, Deed(*deed)) for identity, at, *deed in found]

    def verify_audit(self) -> int:
        """How many deeds stand there as they were written. Raises StoreDamaged when one was changed or taken out."""
        with self._reading() as connection:
            return outbox.verify_audit(connection, self._keys)

    def care_waiting(self) -> list[str]:
        with self._reading() as connection:
            return care.waiting(connection, self._keys)

    def care_held(self, number: str) -> Held:
        with self._reading() as connection:
            found = connection.execute("SELECT id, sealed FROM subscriber WHERE lookup = ?", (self._keys.lookup(number),)).fetchone()
            if found is None:
                return Held(Folder(int(number) if number.isdigit() else 0), frozenset())
            return care.folder(connection, self._keys, Person(found[0], found[1][:SALT_BYTES]), number)

    def care_steps(self, number: str, limit: int) -> list[CaseStep]:
        with self._reading() as connection:
            return care.steps(connection, self._subscriber(number), limit)

    def care_waits(self, number: str) -> tuple[int, bool]:
        with self._reading() as connection:
            return desk.waits(connection, self._subscriber(number))

    def care_cases(self, state: str | None, limit: int, after: str = "") -> list[CareCase]:
        with self._reading() as connection:
            return care.cases(connection, self._keys, state, limit, after)

    def handovers(self, limit: int, after: str = "", kind: str | None = None) -> list[Handover]:
        with self._reading() as connection:
            return care.handovers(connection, self._keys, limit, after, kind)

    def handovers_untold(self, kinds: Collection[str], limit: int) -> list[Handover]:
        with self._reading() as connection:
            return care.untold(connection, self._keys, kinds, limit)

    def handover(self, subscriber: int, case: int) -> Handover | None:
        with self._reading() as connection:
            return care.handover(connection, self._keys, subscriber, case)

    def care_tallies(self, since: int, until: int, origin: str | None) -> list[tuple[Case, int]]:
        with self._reading() as connection:
            return care.tallies(connection, since, until, origin)

    def care_groups(self, since: int, until: int, most: int) -> CareGroups:
        with self._reading() as connection:
            return care.groups(connection, self._keys, since, until, most)

    def erasures(self, most: int) -> list[str]:
        with self._reading() as connection:
            return desk.erasures(connection, self._keys, most)

    def messages(self, number: str, limit: int) -> list[tuple[int, int, Outgoing]]:
        with self._reading() as connection:
            return outbox.messages(connection, self._keys, self._subscriber(number), limit)

    def subject(self, number: str) -> str:
        identity = self._subscriber(number)
        return f"subscriber {identity}" if identity >= 0 else f"number {self._keys.lookup(number)[:6].hex()}"

    def outbox_states(self) -> Mapping[str, int]:
        return dict(self._all("SELECT state, count(*) FROM outbox GROUP BY state"))

    def events(self, after: int, limit: int) -> list[Event]:
        return [rows.event(row) for row in self._all("SELECT * FROM event WHERE id > ? ORDER BY id LIMIT ?", after, limit)]

    def last_event(self) -> int:
        """The newest event's id, 0 when there is none: where a page that only shows what comes next begins."""
        return int(self._all("SELECT coalesce(max(id), 0) FROM event")[0][0])

    def cursor(self, name: str) -> int:
        found = self._all("SELECT id FROM cursor WHERE name = ?", name)
        return int(found[0][0]) if found else 0

    # --------------------------------------------------------------------------------------------------------- feeds

    def lines(self) -> list[LineCount]:
        return [LineCount(*row) for row in self._all("SELECT * FROM line_count ORDER BY feed, reason")]

    def rejects(self) -> list[tuple[str, Reject]]:
        found = self._all("SELECT feed, reason, step, place, head FROM reject ORDER BY feed, reason, id")
        return [
            (feed, Reject(reason, step, place, self._keys.unseal(rows.REJECT, rows.REJECT, head)))
            for feed, reason, step, place, head in found
        ]

    def audits(self, limit: int) -> list[Audit]:
        """Newest first."""
        return [Audit(*row) for row in self._all("SELECT feed, what, path, detail, at FROM file_audit ORDER BY id DESC LIMIT ?", limit)]

    def feed_report(self) -> FeedReport | None:
        """How the feeds did when that was last told; None before."""
        found = self._all("SELECT body FROM feed_report")
        return msgspec.json.decode(found[0][0], type=FeedReport) if found else None

    # --------------------------------------------------------------------------------------------------- reference data

    def handset_tail(self) -> Tail:
        with self._reading() as connection:
            return tails.read(connection, self._keys)

    def handset_import(self) -> int:
        return int(self._all("SELECT coalesce(max(serial), 0) FROM handset_import")[0][0])

    def prefixes(self) -> dict[str, int]:
        return dict(self._all("SELECT prefix, n FROM prefix_count WHERE n != 0 ORDER BY n DESC, prefix"))

    # ------------------------------------------------------------------------------------------------ hot and cold

    def story(self, number: str) -> npt.NDArray[Any]:
        with self._reading() as connection:
            return segments.find(connection, self._keys.blind(number))

    def first_hour(self) -> int:
        """Hours since 1970 of the first submission counted; 0 when none was."""
        return int(self._all("SELECT coalesce(min(hour), 0) FROM hour_count")[0][0])

    def knows(self, number: str) -> bool:
        """Whether there is a row of this subscriber."""
        return self._subscriber(number) >= 0

    def any_erased(self) -> bool:
        """Whether anybody was ever forgotten: who it was is what nobody can tell."""
        return bool(self._all("SELECT EXISTS (SELECT 1 FROM subscriber WHERE lookup IS NULL)")[0][0])

    def names(self, family: str) -> dict[int, str]:
        """Names behind small ids of `model.CLOSED`, by id."""
        return dict(self._all("SELECT id, text FROM interned WHERE family = ?", family))

    def hash_of(self, text: str) -> int:
        """The keyed hash that stands for a message id, transaction or host in columns and packed rows."""
        return hash64(text.encode(), self._keys.hash_key)

    def marks(self) -> dict[str, tuple[Mark, ...]]:
        """Every feed's files as far as they were read."""
        return read_marks(self._all(SELECT_MARKS))

    def cold_groups(self, ids: Iterable[int]) -> Iterator[tuple[int, bytes, bytes]]:
        with self._reading() as connection:
            for number, sealed in select_in(connection, "SELECT id, sealed FROM cold_group WHERE id IN ({})", ids):
                group = cold.opened(self._keys, number, sealed)
                yield number, group.portraits, group.texts

    def cold(self, subscribers: Iterable[int]) -> dict[int, bytes]:
        with self._reading() as connection:
            return read_cold(connection, self._keys, subscribers)


def read_marks(found: Iterable[rows.Row]) -> dict[str, tuple[Mark, ...]]:
    """What SELECT_MARKS gave, by feed."""
    marks: defaultdict[str, list[Mark]] = defaultdict(list)
    for feed, ordinal, head, head_length, offset, guard, path, device, inode, done in found:
        marks[feed].append(Mark(ordinal, head, head_length, offset, guard, path, device, inode, bool(done)))
    return {feed: tuple(of_feed) for feed, of_feed in marks.items()}


def read_cold(connection: sqlite3.Connection, keys: Keys, subscribers: Iterable[int]) -> dict[int, bytes]:
    """Spilled dossiers of those `subscribers` that have one."""
    names = {keys.lookup(rows.cold_name(who)): who for who in subscribers}
    found = select_in(connection, "SELECT lookup, sealed FROM cold WHERE lookup IN ({})", names)
    return {names[name]: keys.unseal(name, rows.COLD, sealed) for name, sealed in found}


def _terms(from_hour: int, to_hour: int, **equal: str | None) -> tuple[str, list[Any]]:
    """A condition on hours and on the columns whose value is given, and its values."""
    given = {name: value for name, value in equal.items() if value is not None}
    return " AND ".join(["hour >= ? AND hour < ?", *(f"{name} = ?" for name in given)]), [from_hour, to_hour, *given.values()]


def _without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: n for name, n in counts.items() if n}
