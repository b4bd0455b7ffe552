"""Lists of people, as they are uploaded: `/api/v1/campaigns/…/lists`, and the daemon's side of `mmsd campaign audience`.

Whoever uploads has the scope `campaign` and a name, which stays in the audit. Numbers come in bodies and are in no answer: of a line that
is not taken its place, the column and the reason are told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from mmsd.rules import audience
from mmsd.rules.audience import COLUMNS, Fault, Line
from mmsd.rules.life import LIVE
from mmsd.rules.settings import CampaignSettings
from mmsd.store import ListTold, Store, mailings
from mmsd.web.acting import Granted, check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, posted, reply, shown
from mmsd.web.api import address
from mmsd.web.campaigns import no_campaign

SCOPE: Final = "campaign"
MOST_LISTS: Final = 100
"""Of one campaign that are told, the newest."""
MOST_FAULTS: Final = 20
"""Of a part that is looked at."""
_LONGEST: Final = 64
"""Characters of a list's name."""


class Part(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a part of a list: its lines as text, where they begin in the list, and which part it is."""

    who: str
    text: str
    part: int = 0
    line: int = 1


class ListsApi:
    """The handlers. `region` reads national numbers."""

    def __init__(
        self, store: Store, campaigns: Mapping[str, CampaignSettings], ask: Ask, granted: Granted, *, wall: Callable[[], int], region: str
    ) -> None:
        self._store = store
        self._campaigns = campaigns
        self._ask = ask
        self._granted = granted
        self._wall = wall
        self._region = region

    def routes(self) -> list[Route]:
        here = "/api/v1/campaigns/{id}/lists"
        return [
            Route("GET", here, self.all, "read"),
            Route("GET", f"{here}/{{name}}", self.one, "read"),
            Route("POST", f"{here}/{{name}}", self.upload, SCOPE),
            Route("POST", f"{here}/{{name}}/check", self.check, SCOPE),
        ]

    async def all(self, request: web.Request) -> web.Response:
        """A campaign's lists, and what a group sending of it takes where nobody says otherwise."""
        known_only(request)
        campaign = named(self._campaigns, request)
        found = await self._ask(lambda: self._store.lists(campaign.id, MOST_LISTS))
        seeds = await self._ask(lambda: [entry.name for entry in self._store.seeds(campaign.id, LIVE)])
        grant = self._granted(request)
        return reply(
            {
                "campaign": campaign.id,
                "lists": [list_as_value(each) for each in found],
                "seeds": seeds,
                "sending": {name: getattr(campaign, name) for name in ("starts", "ends", "zone")} | msgspec.to_builtins(campaign.sending),
                "may": [SCOPE] if grant is not None and SCOPE in grant.scopes else [],
            }
        )

    async def one(self, request: web.Request) -> web.Response:
        known_only(request)
        campaign, name = named(self._campaigns, request), request.match_info["name"]
        told = await self._ask(lambda: self._store.list_told(campaign.id, name))
        if told is None:
            raise Problem(404, "no_such_list", f"the campaign has no list {shown(name)!r}", "Upload it by POST to this address.")
        return reply(list_as_value(told))

    async def upload(self, request: web.Request) -> web.Response:
        campaign, name, part = await self._part(request)
        lines, faults = read(part.text, part.line, self._region)
        try:
            told = await self._ask(
                lambda: mailings.take_in(self._store, campaign.id, name, part.part, lines, faults, who=part.who, now=self._wall())
            )
        except mailings.Refused as refused:
            raise Problem(409, "not_possible", str(refused), "See GET /api/v1/mailings.") from None
        return reply(list_as_value(told))

    async def check(self, request: web.Request) -> web.Response:
        """What a part would come to; nothing is taken in."""
        _, _, part = await self._part(request)
        lines, faults = read(part.text, part.line, self._region)
        return reply({"members": len(lines), "faults": len(faults), "first_faults": faults_as_values(faults[:MOST_FAULTS])})

    async def _part(self, request: web.Request) -> tuple[CampaignSettings, str, Part]:
        known_only(request)
        campaign, name = named(self._campaigns, request), request.match_info["name"]
        if not name.isprintable() or len(name) > _LONGEST:
            raise Problem(400, "bad_parameter", "name is no name of a list", f"Up to {_LONGEST} characters.")
        part = await posted(request, Part)
        check_said(who=part.who)
        return campaign, name, part


def named(campaigns: Mapping[str, CampaignSettings], request: web.Request) -> CampaignSettings:
    """The configured campaign of an address. Problem 404: there is none."""
    name = request.match_info["id"]
    if name not in campaigns:
        raise no_campaign(name)
    return campaigns[name]


def read(text: str, first: int, region: str) -> tuple[list[Line], list[Fault]]:
    """Lines of a list, numbers as people write them."""

    def number(said: str) -> str:
        try:
            digits = address(said, region)
        except Problem:
            return ""
        return digits if digits.isdigit() else ""

    return audience.read_lines(text, first, number)


def list_as_value(told: ListTold) -> dict[str, Any]:
    return {
        "campaign": told.campaign,
        "list": told.name,
        "at": iso(told.at),
        "who": told.who,
        "parts": told.parts,
        "members": told.members,
        "groups": dict(told.labels),
        "faults": told.faults,
        "first_faults": faults_as_values(told.samples),
    }


def faults_as_values(faults: Sequence[tuple[int, str]]) -> list[dict[str, Any]]:
    """`column`: of the field, from 1."""
    return [{"line": line, "column": COLUMNS[reason], "reason": reason} for line, reason in faults]
