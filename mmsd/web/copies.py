"""What became of copies of messages, and which recognised ones count for nothing yet. `/api/v1/copies` and `mmsd copies` show the same.

Numbers are masked, always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from aiohttp import web

from mmsd.model import HOUR, CopyCount, FeedCondition, HeldCopy, masked
from mmsd.rules.copies import NO_COPY, without_a_copy
from mmsd.web.answers import Ask, Route, iso, known_only, refuse, reply, whole
from mmsd.web.findings import asked_hours
from mmsd.web.source import FeedHealth, Health, Reader

MOST_ROWS: Final = 1000
JOURNAL: Final = "copies"
"""The feed of what mmsd looked into itself."""


def copies(counts: Sequence[CopyCount], looked_into: int) -> list[dict[str, Any]]:
    """By tap, what became of them, and campaign; with an empty tap: joined with the logs or not, for each receiver. `looked_into`: up to
    when (µs) all copies were; of the hours before it, how many submits at least have none, where a tap copies all of a node's.
    """
    found: Counter[tuple[str, str, str]] = Counter()
    for count in counts:
        found[count.tap, count.what, count.campaign] += count.n
    for tap, n in without_a_copy(counts, looked_into // HOUR).items():
        found[tap, NO_COPY, ""] = n
    return [{"tap": tap, "what": what, "campaign": campaign, "n": n} for (tap, what, campaign), n in sorted(found.items()) if n]


def held(rows: Iterable[HeldCopy]) -> list[dict[str, Any]]:
    """Recognised, and not counted: no line of the MMSC's fits, or more than one does."""
    return [
        {
            "at": iso(row.at), "what": row.what, "campaign": row.campaign, "seed": row.seed, "sender": masked(row.sender),
            "receiver": masked(row.receiver),
        }
        for row in rows
    ]  # fmt: skip


def looked_into(feeds: Iterable[FeedHealth | FeedCondition]) -> int:
    """Up to when (µs) all copies were, by the journal's own word; 0: it has not said yet, or there are no taps."""
    return next((feed.mark for feed in feeds if feed.name == JOURNAL), 0)


class CopiesApi:
    """The handler."""

    def __init__(self, source: Reader, ask: Ask, health: Callable[[], Health], *, wall: Callable[[], int]) -> None:
        self._source = source
        self._ask = ask
        self._health = health
        self._wall = wall

    def routes(self) -> list[Route]:
        return [Route("GET", "/api/v1/copies", self.copies, "read")]

    async def copies(self, request: web.Request) -> web.Response:
        query = known_only(request, "from", "to", "limit", "after")
        after = query.get("after", "")
        limit = whole(query, "limit", 100, 1, MOST_ROWS) or MOST_ROWS
        health = self._health()
        from_hour, to_hour = asked_hours(query, health, self._wall())
        counts = await self._ask(lambda: self._source.copies(from_hour, to_hour))
        try:
            waiting = await self._ask(lambda: self._source.held_copies(limit, after))
        except ValueError:
            refuse("after", after, "an `after` of an earlier answer")
        return reply(
            {
                "from": iso(from_hour * HOUR),
                "to": iso(to_hour * HOUR),
                "copies": copies(counts, looked_into(health.feeds)),
                "held": held(row for _, row in waiting),
                "after": waiting[-1][0] if len(waiting) == limit else None,
            }
        )
