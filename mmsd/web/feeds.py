"""How the feeds do: `GET /api/v1/feeds`. Times in ISO 8601, durations in seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from mmsd.model import SECOND, Delays, FeedCondition, FeedReport
from mmsd.web.answers import Route, iso, known_only, reply
from mmsd.web.source import Health
from mmsd.web.totals import apart_in_words

BEYOND = 1 << 56
"""No event time: a replay's horizon ends there."""


def as_json(report: FeedReport) -> dict[str, Any]:
    """A report as JSON has it."""
    return {
        "at": iso(report.at),
        "horizon": iso(report.horizon if report.horizon < BEYOND else 0),
        "widened": report.widened / SECOND,
        "feeds": [_feed(feed) for feed in report.feeds],
        "clocks": [
            {
                "first": apart.first, "second": apart.second, "ahead": apart.ahead / SECOND, "spread": apart.spread / SECOND, "n": apart.n,
                "far": apart.far, "words": apart_in_words(apart),
            } for apart in report.clocks
        ],
    }  # fmt: skip


def _feed(feed: FeedCondition) -> dict[str, Any]:
    return {
        "name": feed.name, "node": feed.node, "role": feed.family, "since": iso(feed.since), "mark": iso(feed.mark),
        "late": _delays(feed.late), "disorder": _delays(feed.disorder), "waits": feed.waits / SECOND,
        "gaps": [{"from": iso(gap.start), "to": iso(gap.stop), "reason": gap.reason} for gap in feed.gaps], "orphans": feed.orphans,
    }  # fmt: skip


def _delays(delays: Delays) -> Mapping[str, float] | None:
    if not delays.n:
        return None
    return {"half": delays.half / SECOND, "most": delays.most / SECOND, "all": delays.all / SECOND, "n": delays.n}


class FeedsApi:
    """The handler. `health` is asked at each request."""

    def __init__(self, health: Callable[[], Health], *, wall: Callable[[], int]) -> None:
        self._health = health
        self._wall = wall

    def routes(self) -> list[Route]:
        return [Route("GET", "/api/v1/feeds", self.feeds, "read")]

    async def feeds(self, request: web.Request) -> web.Response:
        known_only(request)
        health = self._health()
        known = tuple(feed.condition for feed in health.feeds if feed.condition is not None)
        body = as_json(FeedReport(self._wall(), health.horizon, health.widened, known, health.clocks))
        now = {feed.name: feed for feed in health.feeds}
        for feed in body["feeds"]:
            state = now[feed["name"]]
            feed |= {
                "dialect": state.dialect, "state": state.state, "detail": state.detail, "lines": state.lines, "behind": state.behind,
                "notes": state.notes,
            }  # fmt: skip
        return reply(body)
