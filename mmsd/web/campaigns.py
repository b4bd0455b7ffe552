"""Campaigns over HTTP: figures, what was said of days, single forwards, as JSON, CSV and XLSX: `/api/v1/campaigns`.

Numbers are masked. Who has the scope `reveal`, and says who he is and why, is given the list of forwards with full ones; the audit has that
before he has the list. A list of all forwards goes out page by page as it is read: it holds neither the store nor memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from mmsd.model import Batch, Deed, masked
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Needs, Store
from mmsd.web import campaign as counting
from mmsd.web.acting import check_said
from mmsd.web.answers import Ask, Problem, Route, known_only, posted, refuse, reply, shown, whole
from mmsd.web.api import MOST_ROWS
from mmsd.web.campaign import BYS, FIRST_DAY, LAST_DAY, WHOLE, By, Days, Source, forward_row, late_row, tree_row
from mmsd.web.sheets import csv_file, csv_stream
from mmsd.web.tables import workbook_file, workbook_of

PAGE: Final = 2_000
"""Forwards read at once for a file."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\Z")


class Export(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/campaigns/{id}/forwards/export`."""

    who: str
    why: str


class CampaignsApi:
    """The handlers. `campaigns` are the configured ones."""

    def __init__(self, store: Store, ask: Ask, *, wall: Callable[[], int], campaigns: Mapping[str, CampaignSettings]) -> None:
        self._store = store
        self._ask = ask
        self._wall = wall
        self._campaigns = campaigns

    def routes(self) -> list[Route]:
        here = "/api/v1/campaigns"
        return [
            Route("GET", here, self.listed, "read"),
            Route("GET", f"{here}/{{id}}", self.overview, "read"),
            Route("GET", f"{here}/{{id}}/figures", self.figures, "read"),
            Route("GET", f"{here}/{{id}}/figures.csv", self.figures_table, "read"),
            Route("GET", f"{here}/{{id}}/figures.xlsx", self.figures_book, "read"),
            Route("GET", f"{here}/{{id}}/closes", self.closes, "read"),
            Route("GET", f"{here}/{{id}}/closes.csv", self.closes_table, "read"),
            Route("GET", f"{here}/{{id}}/late", self.late, "read"),
            Route("GET", f"{here}/{{id}}/trees", self.trees, "read"),
            Route("GET", f"{here}/{{id}}/forwards.csv", self.forwards_table, "read"),
            Route("POST", f"{here}/{{id}}/forwards/export", self.export, "reveal"),
        ]

    # ------------------------------------------------------------------------------------------------------------------- figures

    async def listed(self, request: web.Request) -> web.Response:
        query = known_only(request, "limit", "after")
        limit, after = whole(query, "limit", 100, 1, MOST_ROWS), query.get("after", "")
        rows = await self._ask(lambda: counting.listed(self._store, self._campaigns))
        rows = [row for row in rows if row["campaign"] > after]
        return reply({"campaigns": rows[:limit], "after": rows[limit - 1]["campaign"] if len(rows) > limit else None})

    async def overview(self, request: web.Request) -> web.Response:
        known_only(request)
        name, settings = await self._named(request)
        return reply(await self._ask(lambda: counting.overview(self._store, name, settings)))

    async def figures(self, request: web.Request) -> web.Response:
        query = known_only(request, "by", "from", "to", "limit", "after")
        limit, after = whole(query, "limit", MOST_ROWS, 1, MOST_ROWS), query.get("after", "")
        name, by, days, rows = await self._split(request, query)
        if after:
            try:
                rows = list(filter(counting.beyond(by, after), rows))
            except ValueError:
                refuse("after", after, "an `after` of an earlier answer")
        told = {"campaign": name, "by": by, "from": days.since or None, "to": days.until if days.until != LAST_DAY else None}
        left = max(len(rows) - limit, 0)
        last = counting.place_of(by, rows[limit - 1]) if left else None
        return reply({**told, "rows": rows[:limit], "left_out": left, "after": last})

    async def figures_table(self, request: web.Request) -> web.Response:
        query = known_only(request, "by", "from", "to")
        name, by, _, rows = await self._split(request, query)
        return csv_file(f"mmsd-{name}-{by}.csv", counting.COLUMNS[by], rows)

    async def figures_book(self, request: web.Request) -> web.Response:
        """Everything in one file, a sheet for each split."""
        query = known_only(request, "from", "to")
        name, settings = await self._named(request)
        days = _days(query)
        octets = await self._ask(lambda: workbook_of(self._store, name, settings, days))
        return workbook_file(f"mmsd-{name}.xlsx", octets)

    async def _split(self, request: web.Request, query: Mapping[str, str]) -> tuple[str, By, Days, list[dict[str, Any]]]:
        chosen = query.get("by", "day")
        by = next((one for one in BYS if one == chosen), None)
        if by is None:
            refuse("by", chosen, f"one of {', '.join(BYS)}")
        days = _days(query)
        if by in counting.OF_ALL_DAYS and not days.all:
            raise Problem(400, "bad_parameter", f"by={by} goes with no from and no to", "It is counted over the whole campaign.")
        name, _ = await self._named(request)
        return name, by, days, await self._ask(lambda: counting.rows(self._store, name, by, days))

    # -------------------------------------------------------------------------------------------------------------- what was said

    async def closes(self, request: web.Request) -> web.Response:
        query = known_only(request, "from", "to")
        days = _days(query)
        name, _ = await self._named(request)
        return reply({"campaign": name, "closes": await self._ask(lambda: counting.closes(self._store, name, days))})

    async def closes_table(self, request: web.Request) -> web.Response:
        query = known_only(request, "from", "to")
        days = _days(query)
        name, _ = await self._named(request)
        told = await self._ask(lambda: counting.closes(self._store, name, days))
        return csv_file(f"mmsd-{name}-closes.csv", counting.CLOSE_COLUMNS, counting.closes_table(told))

    async def late(self, request: web.Request) -> web.Response:
        query = known_only(request, "limit", "after")
        limit, after = whole(query, "limit", 100, 1, MOST_ROWS), whole(query, "after", 0, 0, 2**63 - 1)
        name, _ = await self._named(request)
        rows = await self._ask(lambda: self._store.campaign_late(name, limit, after))
        return reply({"late": [late_row(row) for row in rows], "after": rows[-1].id if len(rows) == limit else None})

    # ----------------------------------------------------------------------------------------------------------------- one by one

    async def trees(self, request: web.Request) -> web.Response:
        query = known_only(request, "limit", "after")
        limit = whole(query, "limit", 20, 1, MOST_ROWS)
        name, _ = await self._named(request)
        try:
            rows = await self._ask(lambda: self._store.campaign_trees(name, limit, query.get("after", "")))
        except ValueError:
            refuse("after", query.get("after", ""), "an `after` of an earlier answer")
        return reply({"trees": [tree_row(row) for row in rows], "after": rows[-1].place if len(rows) == limit else None})

    async def forwards_table(self, request: web.Request) -> web.StreamResponse:
        known_only(request)
        name, _ = await self._named(request)
        return await self._stream(request, name, f"mmsd-{name}-forwards.csv", masked)

    async def export(self, request: web.Request) -> web.StreamResponse:
        known_only(request)
        name, _ = await self._named(request)
        asked = await posted(request, Export)
        check_said(who=asked.who, why=asked.why)
        deed, now = Deed(asked.who, "reveal", f"forwards of campaign {name}", asked.why), self._wall()
        await self._ask(lambda: self._store.transact(Needs(), lambda _: Batch(now, deeds=[deed])))
        return await self._stream(request, name, f"mmsd-{name}-forwards-full.csv", str)

    async def _stream(self, request: web.Request, name: str, file: str, show: Callable[[str], str]) -> web.StreamResponse:
        """All forwards as CSV, in the order they came."""

        def page_of(after: int | None) -> tuple[list[dict[str, Any]], int | None]:
            page = self._store.forwards(name, PAGE, after or 0)
            return [forward_row(row.id, row.forward, show) for row in page], page[-1].id if len(page) == PAGE else None

        return await csv_stream(request, file, counting.FORWARD_COLUMNS, self._ask, page_of)

    # --------------------------------------------------------------------------------------------------------------------- shared

    async def _named(self, request: web.Request) -> tuple[str, CampaignSettings | None]:
        """Problem 404 unless it is configured or has a forward."""
        name = request.match_info["id"]
        if not _NAME.match(name) or not await self._ask(lambda: named(self._store, name, self._campaigns)):
            raise no_campaign(name)
        return name, self._campaigns.get(name)


def named(source: Source, name: str, campaigns: Mapping[str, CampaignSettings]) -> bool:
    """Whether there is such a campaign: configured, or with a forward."""
    return name in campaigns or name in source.campaign_totals()


def no_campaign(name: str) -> Problem:
    return Problem(404, "no_such_campaign", f"there is no campaign {shown(name)!r}", "See config/campaigns/*.toml.")


def _days(query: Mapping[str, str]) -> Days:
    days = Days(query.get("from", FIRST_DAY), query.get("to", LAST_DAY))
    for name, only in (("from", Days(since=days.since)), ("to", Days(until=days.until))):
        if not fits(only):
            refuse(name, query[name], "a local date such as 2026-11-22")
    return days


def fits(days: Days) -> bool:
    """Whether both are local dates, or left out."""
    return all(day in WHOLE or _DAY.match(day) for day in days)
