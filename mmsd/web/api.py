"""`/api/v1`: JSON for people with curl and for dashboards. docs/http.md is its contract, field by field.

Every answer is built from named fields, never from a whole row. Numbers are masked, always: this API has no way to a full one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec
import numpy as np
import phonenumbers
from aiohttp import web

from mmsd.model import HOUR, Attempt, Delivery, Evidence, Finding, masked
from mmsd.rules.causes import CAUSES, RULES
from mmsd.rules.causes import OUTCOMES as OUTCOME_NAMES
from mmsd.rules.table import Row
from mmsd.store import DeliveryFilter, Kpi
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, moment, posted, refuse, reply, shown, veiled, veiled_in, whole
from mmsd.web.source import Health, Reader
from mmsd.web.story import DAYS, Story, tell, week_before, words
from mmsd.web.totals import feeds, outcomes, places, shares, totals, window

MOST_ROWS: Final = 500
MOST_HOURS: Final = 31 * 24
MOST_DAYS: Final = 366
OUTCOMES: Final = OUTCOME_NAMES[1:]

_NAME: Final = re.compile(r"[A-Za-z0-9_.:@/-]{1,64}\Z")
_CAMPAIGN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\Z")


class Search(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/deliveries/search`."""

    number: str
    limit: int = 100
    after: int | None = None


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/story`."""

    number: str
    days: int = DAYS
    limit: int = 50
    after: str = ""


class Api:
    """The handlers. `health` is asked at each request; `campaigns` are the ids that exist; `region` reads national numbers (ISO 3166),
    `rows` are those of the table of causes."""

    def __init__(
        self, reader: Reader, ask: Ask, health: Callable[[], Health], *, wall: Callable[[], int], campaigns: Collection[str], region: str,
        rows: Mapping[str, Row],
    ) -> None:  # fmt: skip
        self._reader = reader
        self._ask = ask
        self._health = health
        self._wall = wall
        self._campaigns = campaigns
        self._region = region
        self._rows = rows

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/health", self.health, "read"),
            Route("GET", "/api/v1/audits", self.audits, "read"),
            Route("GET", "/api/v1/totals", self.totals, "read"),
            Route("GET", "/api/v1/kpi", self.kpi, "read"),
            Route("GET", "/api/v1/deliveries", self.deliveries, "read"),
            Route("POST", "/api/v1/deliveries/search", self.search, "read"),
            Route("POST", "/api/v1/story", self.story, "read"),
            Route("GET", "/api/v1/campaigns/{id}/counts", self.counts, "read"),
        ]

    async def health(self, request: web.Request) -> web.Response:
        known_only(request)
        health = self._health()
        return reply(
            {
                "version": health.version,
                "twin": health.twin,
                "started": iso(health.started),
                "ready": health.ready,
                "reasons": health.reasons,
                "open_deliveries": health.open_deliveries,
                "feeds": feeds(health.feeds),
            }
        )

    async def audits(self, request: web.Request) -> web.Response:
        query = known_only(request, "limit")
        limit = whole(query, "limit", 100, 1, MOST_ROWS)
        rows = await self._ask(lambda: self._reader.audits(limit or MOST_ROWS))
        return reply(
            {"audits": [{"at": iso(row.at), "feed": row.feed, "what": row.what, "path": row.path, "detail": row.detail} for row in rows]}
        )

    async def totals(self, request: web.Request) -> web.Response:
        known_only(request)
        health, now = self._health(), self._wall()
        return reply(await self._ask(lambda: totals(self._reader, health, now)))

    async def kpi(self, request: web.Request) -> web.Response:
        query = known_only(request, "from", "to")
        first, last = window(self._health(), self._wall())
        since, until = moment(query, "from"), moment(query, "to")
        to_hour = last if until is None else -(-until // HOUR)
        from_hour = max(0, to_hour - (last - first)) if since is None else since // HOUR
        if not 0 < to_hour - from_hour <= MOST_HOURS:
            detail = f"from `from` to `to` is {to_hour - from_hour} hours"
            raise Problem(400, "bad_range", detail, f"Ask for 1 to {MOST_HOURS} hours; `to` is the later one.")

        def read() -> tuple[Kpi, list[Kpi]]:
            whole_range = self._reader.kpi(from_hour, to_hour)
            return whole_range, [self._reader.kpi(hour, hour + 1) for hour in range(from_hour, to_hour)]

        whole_range, hours = await self._ask(read)
        return reply(
            {
                "from": iso(from_hour * HOUR),
                "to": iso(to_hour * HOUR),
                "total": _ratios(whole_range),
                "hours": [{"hour": iso(hour * HOUR), **_ratios(kpi)} for hour, kpi in enumerate(hours, from_hour) if kpi.outcomes],
                "nodes": places(whole_range.nodes),
                "cities": places(whole_range.cities),
            }
        )

    async def deliveries(self, request: web.Request) -> web.Response:
        query = known_only(request, "outcome", "cause", "node", "message", "since", "until", "after", "limit")
        outcome = query.get("outcome")
        if outcome is not None and outcome not in OUTCOMES:
            refuse("outcome", outcome, f"one of {', '.join(OUTCOMES)}")
        where = DeliveryFilter(
            message=_name(query, "message"),
            since=moment(query, "since"),
            until=moment(query, "until"),
            outcome=outcome,
            cause=_name(query, "cause"),
            node=_name(query, "node"),
        )
        after = whole(query, "after", None, 1, 2**63 - 1)
        limit = whole(query, "limit", 100, 1, MOST_ROWS)
        rows = await self._ask(lambda: self._reader.deliveries(where, limit, after))
        return reply({"deliveries": [delivery(row) for _, row in rows], "after": rows[-1][0] if len(rows) == limit else None})

    async def search(self, request: web.Request) -> web.Response:
        known_only(request)
        search = await posted(request, Search)
        if not 1 <= search.limit <= MOST_ROWS:
            raise Problem(400, "bad_parameter", f"limit is not a whole number from 1 to {MOST_ROWS}", "Leave it out for 100.")
        if search.after is not None and not 1 <= search.after < 2**63:
            raise Problem(400, "bad_parameter", "after is not an `after` of an earlier answer", "Leave it out for the newest.")
        number = address(search.number, self._region)
        where = DeliveryFilter(number=number)
        rows, story = await self._ask(
            lambda: (self._reader.deliveries(where, search.limit, search.after), self._reader.story(number)[::-1][: search.limit])
        )
        return reply(
            {
                "number": masked(number),
                "history": [] if search.after else [_closed(row) for row in story],
                "deliveries": [{"role": "receiver" if row.receiver == number else "sender", **delivery(row)} for _, row in rows],
                "after": rows[-1][0] if len(rows) == search.limit else None,
            }
        )

    async def story(self, request: web.Request) -> web.Response:
        known_only(request)
        asked = await posted(request, Asked)
        for name, value, most in (("days", asked.days, MOST_DAYS), ("limit", asked.limit, MOST_ROWS)):
            if not 1 <= value <= most:
                raise Problem(400, "bad_parameter", f"{name} is not a whole number from 1 to {most}", "Leave it out for the usual one.")
        number = address(asked.number, self._region)

        def read() -> Story:
            since = week_before(self._reader.horizon() or self._wall(), asked.days)
            return tell(self._reader, self._rows, number, since, asked.limit, asked.after)

        try:
            story = await self._ask(read)
        except ValueError:
            raise Problem(400, "bad_parameter", "after is not an `after` of an earlier answer", "Leave it out for the newest.") from None
        return reply({"number": masked(number), **told_story(story, first=not asked.after)})

    async def counts(self, request: web.Request) -> web.Response:
        query = known_only(request, "day", "city")
        campaign = request.match_info["id"]
        day, city = query.get("day"), query.get("city")
        if day is not None and not _DAY.match(day):
            refuse("day", day, "a local date such as 2026-11-22")
        known, counts = await self._ask(lambda: (campaign in self._reader.campaigns(), self._reader.counts(campaign)))
        if not _CAMPAIGN.match(campaign) or not (known or campaign in self._campaigns):
            raise Problem(404, "no_such_campaign", f"there is no campaign {shown(campaign)!r}", "See config/campaigns/*.toml.")
        rows = sorted(
            (row_day, row_city, counted, other)
            for (row_day, row_city), (counted, other) in counts.days.items()
            if day in (None, row_day) and city in (None, row_city)
        )
        days, cities = Counter[str](), Counter[str]()
        for row_day, row_city, counted, _ in rows:
            days[row_day] += counted
            cities[row_city] += counted
        return reply(
            {
                "campaign": campaign,
                "forwards": days.total(),
                "people": counts.people if day is None and city is None else None,
                "serials": counts.serials if day is None and city is None else None,
                "days": [{"day": name, "forwards": days[name]} for name in sorted(days)],
                "cities": [{"city": share.name, "forwards": share.n, "share": share.share} for share in shares(cities)],
                "counts": [
                    {"day": row_day, "city": row_city, "forwards": counted, "not_counted": other}
                    for row_day, row_city, counted, other in rows
                ],
            }
        )


def address(text: str, region: str) -> str:
    """What a person typed as E.164 digits; e-mail addresses stay as they are. Problem 400 never repeats it.

    >>> address("+86 138 1234-1234", "CN"), address("13812341234", "CN"), address("bob@example.com", "CN")
    ('8613812341234', '8613812341234', 'bob@example.com')
    """
    text = text.strip()
    if "@" in text and len(text) <= 254:
        return text.lower()
    digits = re.sub(r"[\s().-]", "", text[:64])
    digits = f"+{digits[2:]}" if digits.startswith("00") else digits
    candidates = [digits, f"+{digits}"] if not digits.startswith("+") else [digits]
    for candidate in candidates:  # a national number first, then one with its country code but no plus
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    remedy = "Write it with + and the country code, or as it is dialled in this country."
    raise Problem(400, "bad_number", "`number` is no phone number", remedy)


def told_story(story: Story, *, first: bool, show: Callable[[str], str] = masked) -> dict[str, Any]:
    """A story as JSON; requests and findings stand on the first page. `show`: how a number is shown."""
    return {
        "since": iso(story.since),
        "known": story.known,
        "counted_from": iso(story.coverage.first),
        "read_to": iso(story.coverage.horizon),
        "erased": story.coverage.erased,
        "deliveries": [
            {"name": told.name, "role": told.role, "packed": told.packed, "says": words(told)[1], **delivery(told.delivery, show)}
            for told in story.deliveries
        ],
        "attempts": [_attempt(row) for row in story.attempts] if first else [],
        "findings": [_finding(row) for row in story.findings] if first else [],
        "after": story.after,
        "cut": story.cut,
    }


def delivery(row: Delivery, show: Callable[[str], str] = masked) -> dict[str, Any]:
    """One delivery as JSON. Field names are those of `mmsd replay --deliveries`. `show`: how a number is shown."""
    return {
        "node": row.node,
        "message": row.message,
        # Until the transaction is known a leg is the number the message came from.
        "leg": row.leg if row.leg == row.transaction else veiled(row.leg),
        "transaction": row.transaction,
        "sender": show(row.sender) if row.sender else "",
        "receiver": show(row.receiver),
        "submitted": iso(row.submitted),
        "pushed": iso(row.pushed),
        "retrieved": iso(row.retrieved),
        "closed": iso(row.closed),
        "expires": iso(row.expires),
        "expires_by": row.expires_by,
        "outcome": row.outcome,
        "lapsed": row.lapsed,
        "cause": row.cause,
        "detail": row.detail,
        "rule": row.rule,
        "group": row.group,
        "confidence": row.confidence,
        "suspects": row.suspects,
        "not_covered": row.not_covered,
        "size": row.size if row.size >= 0 else None,
        "city": row.city,
        "own": row.own,
        "orphan": row.orphan,
        "off_net": row.off_net,
        "evidence": [_evidence(line) for line in row.evidence],
    }


def _closed(row: np.void) -> dict[str, Any]:
    """A `model.CLOSED` row: what is kept for a week of every delivery, also of those that went well."""
    return {
        "submitted": iso(int(row["at"])),
        "pushed": iso(int(row["pushed"])),
        "retrieved": iso(int(row["retrieved"])),
        "closed": iso(int(row["closed"])),
        "outcome": OUTCOME_NAMES[row["outcome"]],
        "cause": CAUSES[row["cause"]],
        "rule": RULES[row["rule"]],
        "size": int(row["size"]) if row["size"] >= 0 else None,
    }


def _attempt(row: Attempt) -> dict[str, Any]:
    return {
        "at": iso(row.at),
        "node": row.node,
        "method": row.method,
        "host": row.host,
        "port": row.port,
        "path": veiled_in(row.path),
        "status": row.status,
        "type": row.type,
        "strength": row.strength,
        "verdict": row.verdict,
        "evidence": [_evidence(line) for line in row.evidence],
    }


def _finding(row: Finding) -> dict[str, Any]:
    return {
        "cause": row.cause,
        "confidence": row.confidence,
        "at": iso(row.at),
        "cleared": iso(row.cleared),
        "urgency": row.urgency,
        "model": row.model,
        "evidence": [_evidence(line) for line in row.evidence],
    }


def _evidence(line: Evidence) -> dict[str, Any]:
    return {"feed": line.feed, "file": line.file, "offset": line.offset, "kind": line.kind, "at": iso(line.at), "note": line.note}


def _name(query: dict[str, str], name: str) -> str | None:
    text = query.get(name)
    if text is not None and not _NAME.match(text):
        refuse(name, text, "a name of letters, digits and _ . : @ / -")
    return text


def _ratios(kpi: Kpi) -> dict[str, Any]:
    folded = outcomes(kpi.outcomes)
    return {
        "delivered": folded.delivered,
        "failed": folded.failed,
        "open": folded.open,
        "ratio": folded.ratio,
        "open_share": folded.open_share,
        "causes": kpi.causes,
    }
