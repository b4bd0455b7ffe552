"""Forwards, those that are held for review above all, and what a person says of them: `/api/v1/forwards`, and the daemon's side of
`mmsd forwards release` and `stop`.

Numbers are masked, serials never shown. Whoever says something has the scope `campaign`, a name and a reason; both stay in the
audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web

from mmsd.model import masked
from mmsd.rules.reviews import REVIEWS, Refusal
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Issued, Store, reviews
from mmsd.store.reviews import SERIAL_BITS
from mmsd.web.acting import check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, posted, refuse, reply, whole

MOST_ROWS: Final = 500
WHY_NOT: Final[Mapping[str, str]] = {
    "no_such_forward": "there is no such forward",
    "counts": "it counts already",
    "does_not_count": "it does not count, and nobody has to look at it",
    "erased": "its sender or receiver was ordered to be forgotten",
    "no_campaign": "its campaign is configured no more",
}
"""A `Refusal` in words."""


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a review: who says it and why."""

    who: str
    why: str


class Reviewing(NamedTuple):
    """What the handlers are given: the store, to read and to write into; the campaigns by id; n → n random bits."""

    store: Store
    campaigns: Mapping[str, CampaignSettings]
    random_bits: Callable[[int], int]


def told(issued: Issued) -> dict[str, Any]:
    """One forward as JSON; `mmsd forwards --json` shows the same."""
    forward = issued.forward
    return {
        "id": issued.id,
        "campaign": forward.campaign,
        "seed": forward.seed,
        "sender": masked(forward.sender) if forward.sender else "",
        "receiver": masked(forward.receiver) if forward.receiver else "",
        "off_net": forward.off_net,
        "city": forward.city,
        "model": forward.model,
        "submitted": iso(forward.submitted),
        "retrieved": iso(forward.retrieved),
        "day": forward.day,
        "generation": forward.generation,
        "parents": forward.parents,
        "method": forward.method,
        "score": round(forward.score, 2),
        "counted": forward.counted,
        "reason": forward.reason,
        "review": forward.review,
        "serial": bool(issued.serial),
    }


class ForwardsApi:
    """The handlers."""

    def __init__(self, reviewing: Reviewing, ask: Ask, *, wall: Callable[[], int]) -> None:
        self._store, self._campaigns, self._random_bits = reviewing
        self._ask = ask
        self._wall = wall

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/forwards", self.rows, "read"),
            Route("GET", "/api/v1/forwards/reviews", self.reviews, "read"),
            Route("POST", "/api/v1/forwards/{id}/release", self.release, "campaign"),
            Route("POST", "/api/v1/forwards/{id}/stop", self.stop, "campaign"),
        ]

    async def rows(self, request: web.Request) -> web.Response:
        query = known_only(request, "campaign", "review", "after", "limit")
        review = query.get("review")
        if review is not None and (not review or review not in REVIEWS):
            refuse("review", review, f"one of {', '.join(filter(None, REVIEWS))}")
        after = whole(query, "after", None, 1, 2**63 - 1)
        limit = whole(query, "limit", 100, 1, MOST_ROWS)
        rows = await self._ask(lambda: self._store.forwards(query.get("campaign"), limit, after, review=review))
        return reply({"forwards": [told(row) for row in rows], "after": rows[-1].id if len(rows) == limit else None})

    async def reviews(self, request: web.Request) -> web.Response:
        query = known_only(request, "campaign")
        counts = await self._ask(lambda: self._store.reviews(query.get("campaign")))
        found = [{"campaign": whose, "review": review, "reason": reason, "n": n} for (whose, review, reason), n in sorted(counts.items())]
        return reply({"reviews": found})

    async def release(self, request: web.Request) -> web.Response:
        return await self._say(request, "release")

    async def stop(self, request: web.Request) -> web.Response:
        return await self._say(request, "stop")

    async def _say(self, request: web.Request, act: str) -> web.Response:
        known_only(request)
        said = await posted(request, Said)
        check_said(who=said.who, why=said.why)
        number = whole(dict(request.match_info), "id", 0, 1, 2**63 - 1)
        bits = self._random_bits(SERIAL_BITS)
        outcome = await self._ask(
            lambda: reviews.act(
                self._store, act, number, self._campaigns, bits=bits, who=said.who, why=said.why, now=self._wall()
            )
        )  # fmt: skip
        if not isinstance(outcome, Refusal):
            return reply({"done": True, "counted": outcome.counted, "review": outcome.review})
        remedy = "See GET /api/v1/forwards."
        if outcome == reviews.NO_SUCH:
            raise Problem(404, "no_such_forward", WHY_NOT[outcome], remedy)
        raise Problem(409, "not_possible", f"forward {number}: {WHY_NOT[outcome]}", remedy)
