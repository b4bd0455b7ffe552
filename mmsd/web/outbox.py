"""What leaves: rows, links, stops, canaries; and what a person may order of them: `/api/v1`, and the daemon's side of `mmsd stop`.

Numbers are masked, texts are never shown. Orders need a token with the scope `operate`, a name and a reason; both stay in the audit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web

from mmsd.model import Outgoing, masked
from mmsd.rules import outbox
from mmsd.rules.governor import ALL, CLASSES, campaign_stop
from mmsd.store import Store, orders
from mmsd.web.acting import check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, posted, refuse, reply, shown, whole

MOST_ROWS: Final = 500
_CAMPAIGN: Final = re.compile(re.escape(campaign_stop("")) + r"[A-Za-z0-9_-]{1,64}")


class LinkHealth(msgspec.Struct, frozen=True):
    """A link to a centre as an operator sees it."""

    name: str
    classes: Sequence[str]
    order: int
    state: str  # up, down
    error: str
    under_way: int
    window: int
    counts: Mapping[str, int]


class Sending(msgspec.Struct, frozen=True):
    """The dispatcher as it is now."""

    switches: Mapping[str, str]  # class → off, shadow, on
    trouble: str  # why nothing moves, "" when it does
    links: Sequence[LinkHealth]
    receipts: Mapping[str, int]  # since the start, by how each was known


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """Body of an order: who gives it and why; of a stop its name, of a canary its class and campaign."""

    who: str
    why: str
    name: str = ""
    kind: str = ""
    campaign: str = ""


def outgoing(number: int, row: Outgoing) -> dict[str, Any]:
    """One row as JSON; `mmsd outbox --json` shows the same."""
    return {
        "id": number,
        "class": row.kind,
        "purpose": row.purpose,
        "campaign": row.campaign,
        "receiver": masked(row.msisdn) if row.msisdn else "",
        "binary": bool(row.pieces),
        "state": row.state,
        "reason": row.reason,
        "due": iso(row.due),
        "expires": iso(row.expires),
        "priority": row.priority,
        "tries": row.tries,
        "link": row.link,
        "submitted": iso(row.submitted),
        "parts": row.parts,
    }


class Outbox(NamedTuple):
    """What the handlers are given: the store, to read and to write orders into, and the dispatcher's state at each request."""

    store: Store
    sending: Callable[[], Sending]


class OutboxApi:
    """The handlers."""

    def __init__(self, outbox: Outbox, ask: Ask, *, wall: Callable[[], int]) -> None:
        self._store, self._sending = outbox
        self._ask = ask
        self._wall = wall

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/outbox", self.rows, "read"),
            Route("GET", "/api/v1/sending", self.sending, "read"),
            Route("GET", "/api/v1/deeds", self.deeds, "read"),
            Route("POST", "/api/v1/outbox/{id}/release", self.release, "operate"),
            Route("POST", "/api/v1/outbox/{id}/discard", self.discard, "operate"),
            Route("POST", "/api/v1/stop", self.stop, "operate"),
            Route("POST", "/api/v1/resume", self.resume, "operate"),
            Route("POST", "/api/v1/approve", self.approve, "operate"),
        ]

    async def rows(self, request: web.Request) -> web.Response:
        query = known_only(request, "state", "class", "after", "limit")
        state, kind = query.get("state"), query.get("class")
        if state is not None and state not in outbox.STATES:
            refuse("state", state, f"one of {', '.join(outbox.STATES)}")
        if kind is not None and kind not in CLASSES:
            refuse("class", kind, f"one of {', '.join(CLASSES)}")
        after = whole(query, "after", None, 1, 2**63 - 1)
        limit = whole(query, "limit", 100, 1, MOST_ROWS)
        rows = await self._ask(lambda: self._store.outbox(state, limit, after, kind=kind))
        return reply({"outbox": [outgoing(number, row) for number, row in rows], "after": rows[-1][0] if len(rows) == limit else None})

    async def sending(self, request: web.Request) -> web.Response:
        known_only(request)
        now = self._sending()
        counts, stops, canaries = await self._ask(lambda: (self._store.outbox_counts(), self._store.stops(), self._store.canaries()))
        return reply(
            {
                "trouble": now.trouble,
                "classes": [
                    {
                        "class": kind,
                        "switch": now.switches[kind],
                        "states": {state: n for (whose, state), n in sorted(counts.items()) if whose == kind},
                    }
                    for kind in CLASSES
                ],
                "stops": [{"name": name, "since": iso(at)} for name, at in stops.items()],
                "canaries": [
                    {"class": kind, "campaign": campaign, "sent": canary.sent, "approved": canary.approved}
                    for (kind, campaign), canary in canaries.items()
                ],
                "links": now.links,
                "receipts": now.receipts,
            }
        )

    async def deeds(self, request: web.Request) -> web.Response:
        query = known_only(request, "limit")
        limit = whole(query, "limit", 100, 1, MOST_ROWS)
        rows = await self._ask(lambda: self._store.deeds(limit))
        return reply(
            {
                "deeds": [
                    {"number": number, "at": iso(at), "who": deed.who, "what": deed.what, "subject": deed.subject, "why": deed.why}
                    for number, at, deed in rows
                ]
            }
        )

    async def release(self, request: web.Request) -> web.Response:
        return await self._parked(request, orders.release)

    async def discard(self, request: web.Request) -> web.Response:
        return await self._parked(request, orders.discard)

    async def _parked(self, request: web.Request, act: Callable[..., bool]) -> web.Response:
        order = await self._order(request)
        number = whole(dict(request.match_info), "id", 0, 1, 2**63 - 1)
        if not await self._ask(lambda: act(self._store, number, who=order.who, why=order.why, now=self._wall())):
            raise Problem(409, "not_parked", f"row {number} is not parked", "See GET /api/v1/outbox?state=parked.")
        return reply({"done": True})

    async def stop(self, request: web.Request) -> web.Response:
        order = await self._order(request, "name")
        await self._ask(lambda: orders.stop(self._store, order.name, who=order.who, why=order.why, now=self._wall()))
        return reply({"done": True})

    async def resume(self, request: web.Request) -> web.Response:
        order = await self._order(request, "name")
        await self._ask(lambda: orders.resume(self._store, order.name, who=order.who, why=order.why, now=self._wall()))
        return reply({"done": True})

    async def approve(self, request: web.Request) -> web.Response:
        order = await self._order(request, "kind")
        await self._ask(lambda: orders.approve(self._store, order.kind, order.campaign, who=order.who, why=order.why, now=self._wall()))
        return reply({"done": True})

    async def _order(self, request: web.Request, needed: str = "") -> Order:
        known_only(request)
        order = await posted(request, Order)
        check_said(who=order.who, why=order.why)
        if needed == "name" and not stoppable(order.name):
            wanted = ", ".join((*CLASSES, ALL, campaign_stop("ID")))
            raise Problem(400, "bad_parameter", f"name={shown(order.name)!r} is not one of {wanted}", "See docs/http.md.")
        if needed == "kind" and order.kind not in CLASSES:
            raise Problem(400, "bad_parameter", f"kind={shown(order.kind)!r} is not one of {', '.join(CLASSES)}", "See docs/http.md.")
        return order


def stoppable(name: str) -> bool:
    """What a stop may name.

    >>> [stoppable(name) for name in ("marketing", "all", "campaign:torch", "campaign:", "everything")]
    [True, True, True, False, False]
    """
    return name in CLASSES or name == ALL or _CAMPAIGN.fullmatch(name) is not None
