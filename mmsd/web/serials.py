"""Serials that people show: looked up, redeemed once, drawn as a QR code: `/api/v1/serials`. They stand in bodies, never in an address.

Whoever redeems, at a till or, where `open_redeem` lets everybody, by himself, gets the same answer for an unknown serial, a redeemed one
and one whose forward was stopped, from the same statement: a till's token is no list of what was issued. What became of a serial is told
to who has the scope `campaign`. Tries are counted, for each caller and for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from mmsd.errors import EncodeError
from mmsd.model import Batch, masked
from mmsd.rules.serials import LENGTH, fault, plain
from mmsd.store import Needs, Presented, Rows, Store, orders
from mmsd.web import qr
from mmsd.web.access import Limiter, caller_of
from mmsd.web.acting import Acting, Granted, check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, posted, reply

SCOPE: Final = "redeem"
PUBLIC: Final = "public"
"""Who redeemed it, where its holder did so himself."""

_LONGEST: Final = 128
_WHY: Final = "It is none of ours, was redeemed before, or does not count. Who has the scope `campaign` may look it up."


class Tries(NamedTuple):
    """How often serials may be tried: by one caller, and by all together; those with a token apart, so that nobody else stops a till."""

    each: Limiter
    all: Limiter


class Shown(msgspec.Struct, forbid_unknown_fields=True):
    """Body of every request. `who` and `why` of whoever redeems by name; `address` is what a QR code says, with {serial} in it."""

    serial: str
    who: str = ""
    why: str = ""
    address: str = "{serial}"


class SerialsApi:
    """The handlers."""

    def __init__(self, store: Store, ask: Ask, granted: Granted, tries: Tries, *, wall: Callable[[], int], public: bool) -> None:
        self._store = store
        self._ask = ask
        self._granted = granted
        self._acting = Acting(store, ask, granted, wall)
        self._tries = tries
        self._wall = wall
        self._public = public

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/api/v1/serials/look", self.look, "campaign"),
            Route("POST", "/api/v1/serials/redeem", self.redeem, "" if self._public else SCOPE),
            Route("POST", "/api/v1/serials/qr", self.qr, "read"),
        ]

    async def look(self, request: web.Request) -> web.Response:
        shown = await self._shown(request)
        found = await self._ask(lambda: self._store.presented(plain(shown.serial)))
        if found is None:
            raise _unknown()
        return reply(told(found))

    async def redeem(self, request: web.Request) -> web.Response:
        shown = await self._shown(request)
        known = self._acting.may(request, SCOPE)
        if known:
            check_said(who=shown.who, why=shown.why)
        number, now = plain(shown.serial), self._wall()
        deed = (shown.who, shown.why) if known else (PUBLIC, "shown by its holder")

        def decide(rows: Rows) -> Batch | Problem:
            found = rows.presented.get(number)
            if found is None or not found.redeemable:
                return _not_redeemable()
            who, why = deed
            return orders.redeemed(found, number, who=who, why=why, now=now)

        return await self._acting.act(request, shown, Needs(presented=frozenset({number})), decide, {"redeemed": iso(now)})

    async def qr(self, request: web.Request) -> web.Response:
        shown = await self._shown(request, counted=False)
        if "{serial}" not in shown.address or len(shown.address) > _LONGEST:
            raise Problem(400, "bad_parameter", "address is no text with {serial} in it", f"Up to {_LONGEST} characters, or leave it out.")
        try:
            svg = qr.svg(shown.address.replace("{serial}", plain(shown.serial)))
        except EncodeError:
            raise Problem(
                400, "bad_parameter", "address is no text for a QR code", "Take an address such as https://relay.example/."
            ) from None
        return web.Response(text=svg, content_type="image/svg+xml", charset="utf-8")

    async def _shown(self, request: web.Request, *, counted: bool = True) -> Shown:
        """The body, with a serial that is well formed. `counted`: as a try, before anything is looked at."""
        known_only(request)
        if counted:
            grant = self._granted(request)
            wait = self._tries.each.take(caller_of(grant, request.remote)) or self._tries.all.take("token" if grant else "address")
            if wait:
                headers = {"Retry-After": str(int(wait) + 1)}
                raise Problem(429, "too_many_tries", "too many serials were tried", "Wait as Retry-After says.", headers)
        shown = await posted(request, Shown)
        wrong = fault(plain(shown.serial[:_LONGEST])[-LENGTH - 1 :])  # whatever the prefix of its campaign
        if wrong or len(shown.serial) > _LONGEST:
            raise Problem(400, "bad_serial", f"this is no serial: {wrong or 'too long'}", "Its check character finds what was mistyped.")
        return shown


def told(found: Presented) -> dict[str, object]:
    """What is known of a serial, as JSON."""
    return {
        "forward": found.forward,
        "campaign": found.campaign,
        "city": found.city,
        "day": found.day,
        "sender": masked(found.sender) if found.sender else "",
        "issued": iso(found.issued),
        "redeemed": iso(found.redeemed),
        "who": found.who,
        "counts": found.counts,
    }


def _unknown() -> Problem:
    return Problem(404, "unknown_serial", "no such serial was issued", "Its check character fits: compare it sign by sign.")


def _not_redeemable() -> Problem:
    """The same for one that is unknown, was redeemed or was stopped: nobody learns by trying which serials there are."""
    return Problem(409, "not_redeemable", "this serial cannot be redeemed", _WHY)
