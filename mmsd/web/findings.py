"""Findings, and the figures beside them: what notifications came to, where fetches broke. `/api/v1` and `mmsd findings` show the same.

Numbers are masked, always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Final

from aiohttp import web

from mmsd.model import HOUR, SECOND, Finding, NotificationCount, PlaceCount, masked
from mmsd.rules.findings import FINDINGS
from mmsd.rules.retrieval import LATE, MISSED, RETRIEVED
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, moment, refuse, reply, whole
from mmsd.web.sheets import csv_file, csv_stream
from mmsd.web.source import Health, Reader
from mmsd.web.totals import window

KINDS: Final = ("subscriber", "model", "node")
CAUSES: Final = (*FINDINGS[1:], "OK_UNCONFIRMED", "NODE_FAULT")
MOST_ROWS: Final = 500
MOST_MODELS: Final = 10_000
WEEK: Final = 7 * 24
MOST_HOURS: Final = 400 * 24
FINDING_COLUMNS: Final = ("kind", "subject", "cause", "confidence", "urgency", "raised", "cleared", "model", "of_model", "detail")
NOTIFICATION_COLUMNS: Final = ("gateway", "nth", "gap_from", "gap_to", "sent", "retrieved", "share", "late")
LATE_COLUMNS: Final = ("gateway", "node", "hour", "deliveries", "late", "share")
PLACE_COLUMNS: Final = ("place", "cause", "n")
"""Of tables of findings, of notifications, of late ones by hour, of places."""


def finding(row: Finding, models: frozenset[tuple[str, str]]) -> dict[str, Any]:
    """One finding as JSON. `models`: (model, cause) of findings about models that stand; a subscriber's is part of one, or his own."""
    mine = row.subject_kind == "subscriber"
    return {
        "kind": row.subject_kind,
        "subject": masked(row.subject) if mine else row.subject,
        "cause": row.cause,
        "confidence": row.confidence,
        "urgency": row.urgency,
        "raised": iso(row.at),
        "cleared": iso(row.cleared),
        "model": row.model,
        "of_model": mine and (row.model, row.cause) in models,
        "detail": row.detail,
        "evidence": [
            {"feed": line.feed, "file": line.file, "offset": line.offset, "kind": line.kind, "at": iso(line.at), "note": line.note}
            for line in row.evidence
        ],
    }


def standing_models(source: Reader) -> frozenset[tuple[str, str]]:
    """(model, cause) of every finding about a model that is not cleared."""
    return frozenset((row.subject, row.cause) for _, row in source.findings(None, MOST_MODELS, None, open_only=True, kind="model"))


def notifications(counts: Iterable[NotificationCount]) -> list[dict[str, Any]]:
    """By SMS gateway, which notification and the gap before it: how many, and after how many the message was fetched before the next.

    `gap_from` and `gap_to` are seconds, [from, to); `late`: first ones that came later than `[judgement] late` after the submit.
    """
    found: dict[tuple[str, int, int], Counter[str]] = {}
    for count in counts:
        found.setdefault((count.gateway, count.nth, count.gap), Counter())[count.result] += count.n
    rows = []
    for (gateway, nth, gap), results in sorted(found.items()):
        sent = results[RETRIEVED] + results[MISSED]
        first, last = ((1 << gap) - 1, (2 << gap) - 1) if gap >= 0 else (None, None)
        rows.append({
            "gateway": gateway, "nth": nth, "gap_from": first, "gap_to": last, "sent": sent, "retrieved": results[RETRIEVED],
            "share": results[RETRIEVED] / sent if sent else None, "late": results[LATE],
        })  # fmt: skip
    return rows


def late_hours(counts: Iterable[NotificationCount], zone: tzinfo) -> list[dict[str, Any]]:
    """Late pushes by SMS gateway, MMSC node and local hour of the day: of how many deliveries."""
    found: dict[tuple[str, str, int], Counter[str]] = {}
    for count in counts:
        if count.nth == 1:
            hour = datetime.fromtimestamp(count.hour * HOUR / SECOND, zone).hour
            found.setdefault((count.gateway, count.node, hour), Counter())[count.result] += count.n
    rows = []
    for (gateway, node, hour), results in sorted(found.items()):
        sent = results[RETRIEVED] + results[MISSED]
        share = results[LATE] / sent if sent else None
        rows.append({"gateway": gateway, "node": node, "hour": hour, "deliveries": sent, "late": results[LATE], "share": share})
    return rows


def places(counts: Iterable[PlaceCount]) -> list[dict[str, Any]]:
    """Cells and SGSNs with the most broken fetches first."""
    return [{"place": count.place, "cause": count.cause, "n": count.n} for count in counts]


class FindingsApi:
    """The handlers."""

    def __init__(self, source: Reader, ask: Ask, health: Callable[[], Health], *, wall: Callable[[], int], zone: tzinfo = UTC) -> None:
        self._source = source
        self._ask = ask
        self._health = health
        self._wall = wall
        self._zone = zone

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/findings", self.findings, "read"),
            Route("GET", "/api/v1/findings.csv", self.table, "read"),
            Route("GET", "/api/v1/notifications", self.notifications, "read"),
            Route("GET", "/api/v1/notifications.csv", self.notifications_table, "read"),
            Route("GET", "/api/v1/places", self.places, "read"),
        ]

    async def findings(self, request: web.Request) -> web.Response:
        rows, after = await self._rows(request)
        return reply({"findings": rows, "after": after})

    async def table(self, request: web.Request) -> web.StreamResponse:
        page_of = self._pages(known_only(request, "kind", "cause", "open"), MOST_ROWS)
        return await csv_stream(request, "mmsd-findings.csv", FINDING_COLUMNS, self._ask, page_of)

    async def _rows(self, request: web.Request) -> tuple[list[dict[str, Any]], int | None]:
        query = known_only(request, "kind", "cause", "open", "after", "limit")
        after = whole(query, "after", None, 1, 2**63 - 1)
        limit = whole(query, "limit", 100, 1, MOST_ROWS) or MOST_ROWS
        return await self._ask(partial(self._pages(query, limit), after))

    def _pages(self, query: Mapping[str, str], limit: int) -> Callable[[int | None], tuple[list[dict[str, Any]], int | None]]:
        """What reads the page behind a place: its rows, and the place of the next."""
        kind, cause, standing = query.get("kind"), query.get("cause"), query.get("open", "1")
        if kind is not None and kind not in KINDS:
            refuse("kind", kind, f"one of {', '.join(KINDS)}")
        if cause is not None and cause not in CAUSES:
            refuse("cause", cause, f"one of {', '.join(CAUSES)}")
        if standing not in ("0", "1"):
            refuse("open", standing, "1 (only those that stand) or 0")

        def page_of(after: int | None) -> tuple[list[dict[str, Any]], int | None]:
            found = self._source.findings(None, limit, after, open_only=standing == "1", kind=kind, cause=cause)
            models = standing_models(self._source)
            return [finding(row, models) for _, row in found], found[-1][0] if len(found) == limit else None

        return page_of

    async def notifications(self, request: web.Request) -> web.Response:
        from_hour, to_hour, counts = await self._notified(request)
        return reply({
            "from": iso(from_hour * HOUR), "to": iso(to_hour * HOUR),
            "notifications": notifications(counts), "late": late_hours(counts, self._zone),
        })  # fmt: skip

    async def notifications_table(self, request: web.Request) -> web.Response:
        _, _, counts = await self._notified(request)
        return csv_file("mmsd-notifications.csv", NOTIFICATION_COLUMNS, notifications(counts))

    async def _notified(self, request: web.Request) -> tuple[int, int, list[NotificationCount]]:
        from_hour, to_hour = asked_hours(known_only(request, "from", "to"), self._health(), self._wall())
        return from_hour, to_hour, await self._ask(lambda: self._source.notifications(from_hour, to_hour))

    async def places(self, request: web.Request) -> web.Response:
        from_hour, to_hour = asked_hours(known_only(request, "from", "to"), self._health(), self._wall())
        first, last = day_of(from_hour, self._zone), day_of(to_hour - 1, self._zone, after=1)
        counts = await self._ask(lambda: self._source.places(first, last))
        return reply({"from": first, "to": last, "places": places(counts[:MOST_ROWS]), "left_out": max(len(counts) - MOST_ROWS, 0)})


def asked_hours(query: dict[str, str], health: Health, now: int) -> tuple[int, int]:
    """The hours [from, to) that `from` and `to` ask for; without them the last week of event time."""
    _, last = window(health, now)
    since, until = moment(query, "from"), moment(query, "to")
    to_hour = last if until is None else -(-until // HOUR)
    from_hour = max(0, to_hour - WEEK) if since is None else since // HOUR
    if not 0 < to_hour - from_hour <= MOST_HOURS:
        detail = f"from `from` to `to` is {to_hour - from_hour} hours"
        raise Problem(400, "bad_range", detail, f"Ask for 1 to {MOST_HOURS} hours; `to` is the later one.")
    return from_hour, to_hour


def day_of(hour: int, zone: tzinfo, *, after: int = 0) -> str:
    """Local date of an hour, or so many days after it.

    >>> day_of(0, UTC), day_of(47, UTC, after=1)
    ('1970-01-01', '1970-01-03')
    """
    return (datetime.fromtimestamp(hour * HOUR / SECOND, zone).date() + timedelta(days=after)).isoformat()
