"""Forwards, those that are held for review above all, and what a person says of them: `/api/v1/forwards`, and the daemon's side of
`mmsd forwards release` and `stop`.

Numbers are masked, serials never shown. Whoever says something has the scope `campaign`, a name and a reason; both stay in the
audit. Who has the scope `reveal` is told the two numbers of one forward, which the audit has before he does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web

from mmsd.model import Batch, Deed, Delivery, Forward, masked
from mmsd.rules.forwards import STOPS
from mmsd.rules.reviews import BY_HAND, REVIEWS, SUBJECT, Refusal
from mmsd.rules.settings import CampaignSettings
from mmsd.rules.submits import SAME_TRANSACTION
from mmsd.store import DeliveryFilter, Issued, Needs, Store, reviews
from mmsd.store.reviews import SERIAL_BITS
from mmsd.web.acting import Granted, check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, posted, refuse, reply, whole
from mmsd.web.api import delivery

MOST_ROWS: Final = 500
MOST_SUBMITS: Final = 50
"""Of the two people of one forward, those nearest to it."""
SCOPES: Final = ("campaign", "reveal")
"""What the page of reviews asks for; an answer's `may` says which of them the caller has."""
REASONS: Final = (*STOPS, BY_HAND)
"""Why a forward can have a review."""
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


def submits(store: Store, forward: Forward) -> list[Delivery]:
    """What else the sender sent the receiver about that time, and the forward itself, in order of time: submits of one attempt are among
    them. Empty once either is forgotten."""
    if not forward.sender or not forward.receiver:
        return []
    around = DeliveryFilter(forward.sender, since=forward.submitted - SAME_TRANSACTION, until=forward.submitted + SAME_TRANSACTION + 1)
    found = [row for _, row in store.deliveries(around, MOST_ROWS) if (row.sender, row.receiver) == (forward.sender, forward.receiver)]
    nearest = sorted(found, key=lambda row: abs(row.submitted - forward.submitted))[:MOST_SUBMITS]
    return sorted(nearest, key=lambda row: row.submitted)


class ForwardsApi:
    """The handlers."""

    def __init__(self, reviewing: Reviewing, ask: Ask, granted: Granted, *, wall: Callable[[], int]) -> None:
        self._store, self._campaigns, self._random_bits = reviewing
        self._ask = ask
        self._granted = granted
        self._wall = wall

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/forwards", self.rows, "read"),
            Route("GET", "/api/v1/forwards/reviews", self.reviews, "read"),
            Route("GET", "/api/v1/forwards/{id}", self.one, "read"),
            Route("POST", "/api/v1/forwards/{id}/reveal", self.reveal, "reveal"),
            Route("POST", "/api/v1/forwards/{id}/release", self.release, "campaign"),
            Route("POST", "/api/v1/forwards/{id}/stop", self.stop, "campaign"),
        ]

    async def rows(self, request: web.Request) -> web.Response:
        query = known_only(request, "campaign", "review", "reason", "after", "limit")
        review = query.get("review")
        if review is not None and (not review or review not in REVIEWS):
            refuse("review", review, f"one of {', '.join(filter(None, REVIEWS))}")
        reason = query.get("reason")
        if reason is not None and reason not in REASONS:
            refuse("reason", reason, f"one of {', '.join(REASONS)}")
        after = whole(query, "after", None, 1, 2**63 - 1)
        limit = whole(query, "limit", 100, 1, MOST_ROWS)
        rows = await self._ask(lambda: self._store.forwards(query.get("campaign"), limit, after, review=review, reason=reason))
        grant = self._granted(request)
        may = [scope for scope in SCOPES if grant is not None and scope in grant.scopes]
        return reply({"forwards": [told(row) for row in rows], "after": rows[-1].id if len(rows) == limit else None, "may": may})

    async def one(self, request: web.Request) -> web.Response:
        """One with the lines behind it, and what was said of it."""
        known_only(request)
        issued = await self._found(request)
        near = await self._ask(lambda: submits(self._store, issued.forward))
        deeds = await self._ask(lambda: self._store.deeds(MOST_ROWS, SUBJECT.format(issued.id)))
        return reply(
            {
                **told(issued),
                "submits": [{"earned": row.message == issued.forward.message, **delivery(row)} for row in near],
                "deeds": [{"at": iso(at), "who": deed.who, "what": deed.what, "why": deed.why} for _, at, deed in deeds],
            }
        )

    async def reveal(self, request: web.Request) -> web.Response:
        known_only(request)
        said = await posted(request, Said)
        check_said(who=said.who, why=said.why)
        issued = await self._found(request)
        deed, now = Deed(said.who, "reveal", SUBJECT.format(issued.id), said.why), self._wall()
        await self._ask(lambda: self._store.transact(Needs(), lambda _: Batch(now, deeds=[deed])))
        return reply({"id": issued.id, "sender": issued.forward.sender, "receiver": issued.forward.receiver})

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
        number = _number(request)
        bits = self._random_bits(SERIAL_BITS)
        outcome = await self._ask(
            lambda: reviews.act(
                self._store, act, number, self._campaigns, bits=bits, who=said.who, why=said.why, now=self._wall()
            )
        )  # fmt: skip
        if not isinstance(outcome, Refusal):
            return reply({"done": True, "counted": outcome.counted, "review": outcome.review})
        if outcome == reviews.NO_SUCH:
            raise _no_such()
        raise Problem(409, "not_possible", f"forward {number}: {WHY_NOT[outcome]}", _REMEDY)

    async def _found(self, request: web.Request) -> Issued:
        number = _number(request)
        found = await self._ask(lambda: self._store.forward(number))
        if found is None:
            raise _no_such()
        return found


_REMEDY: Final = "See GET /api/v1/forwards."


def _number(request: web.Request) -> int:
    return whole(dict(request.match_info), "id", 0, 1, 2**63 - 1)


def _no_such() -> Problem:
    return Problem(404, "no_such_forward", WHY_NOT[reviews.NO_SUCH], _REMEDY)
