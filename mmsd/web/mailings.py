"""Seeds on their way to lists: `/api/v1/mailings`, and the daemon's side of `mmsd campaign`.

Whoever orders has the scope `campaign`, a name and a reason; both stay in the audit. A mailing runs by the token that its count was shown
with. Numbers are in no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from mmsd.model import SECOND, Composed, Mailing
from mmsd.rules import audience
from mmsd.rules.audience import WARNINGS, Plan, State, Tally, Window
from mmsd.rules.campaign import dates
from mmsd.rules.effect import Ratio, detectable, effect, too_few, two_shares, wilson
from mmsd.rules.life import LIVE
from mmsd.rules.serials import spell
from mmsd.rules.settings import CampaignSettings, ClassSettings
from mmsd.seeds import compose
from mmsd.store import Response, Store, mailings
from mmsd.web.acting import check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, posted, reply, shown, whole
from mmsd.web.lists import SCOPE, named


class Mailings(NamedTuple):
    """What the handlers are given."""

    store: Store
    campaigns: Mapping[str, CampaignSettings]
    message: Callable[[str], Composed | None]  # of a seed, campaign/name
    key: bytes  # of the tokens
    rule: ClassSettings  # of the class marketing


class Prepare(msgspec.Struct, forbid_unknown_fields=True):
    """Body that prepares a mailing. What is left out is as the campaign's file says."""

    who: str
    why: str
    audience: str = msgspec.field(name="list")
    seed: str = ""
    groups: tuple[str, ...] = ()
    starts: str = ""  # ISO 8601 with zone; left out: at once, the campaign's begin at the earliest
    ends: str = ""  # left out: with the campaign
    hours: tuple[str, ...] | None = None
    days: tuple[int, ...] | None = None
    rate: float | None = None
    control: float | None = None


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """Body of an order; `token` of run."""

    who: str
    why: str
    token: str = ""


ORDERS: Final[Mapping[str, Callable[..., None]]] = {
    "count": mailings.recount,
    "pause": mailings.pause,
    "resume": mailings.resume,
    "stop": mailings.stop,
}
"""Beside run."""


class MailingsApi:
    """The handlers."""

    def __init__(self, given: Mailings, ask: Ask, *, wall: Callable[[], int]) -> None:
        self._given = given
        self._store = given.store
        self._ask = ask
        self._wall = wall

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/api/v1/campaigns/{id}/mailings", self.prepare, SCOPE),
            Route("GET", "/api/v1/campaigns/{id}/effect", self.effect, "read"),
            Route("GET", "/api/v1/mailings", self.all, "read"),
            Route("GET", "/api/v1/mailings/{number}", self.one, "read"),
            Route("POST", "/api/v1/mailings/{number}/{order}", self.order, SCOPE),
        ]

    async def prepare(self, request: web.Request) -> web.Response:
        known_only(request)
        campaign = named(self._given.campaigns, request)
        wanted = await posted(request, Prepare)
        check_said(who=wanted.who, why=wanted.why)
        number = await self._done(lambda: prepared(self._given, campaign, wanted, self._wall()))
        return reply({"mailing": number})

    async def all(self, request: web.Request) -> web.Response:
        query = known_only(request, "campaign")
        found = await self._ask(lambda: self._store.mailings(query.get("campaign")))
        names = await self._ask(lambda: self._store.list_names({mailing.audience for mailing in found}))
        return reply({"mailings": [brief(mailing, names.get(mailing.audience, "")) for mailing in found]})

    async def one(self, request: web.Request) -> web.Response:
        known_only(request)
        number = whole(dict(request.match_info), "number", 0, 1, 2**63 - 1)
        told = await self._ask(lambda: described(self._given, number, self._wall()))
        if told is None:
            raise Problem(404, "no_such_mailing", f"there is no mailing {number}", "See GET /api/v1/mailings.")
        return reply(told)

    async def effect(self, request: web.Request) -> web.Response:
        query = known_only(request, "mailing")
        campaign, mailing = named(self._given.campaigns, request), whole(query, "mailing", None, 1, 2**63 - 1)
        return reply(await self._ask(lambda: effects(self._store, campaign, mailing, self._wall())))

    async def order(self, request: web.Request) -> web.Response:
        known_only(request)
        number, name = whole(dict(request.match_info), "number", 0, 1, 2**63 - 1), request.match_info["order"]
        if name != "run" and name not in ORDERS:
            raise Problem(404, "no_such_address", f"a mailing takes no order {shown(name)!r}", f"It takes run, {', '.join(ORDERS)}.")
        said = await posted(request, Said)
        check_said(who=said.who, why=said.why)
        await self._done(lambda: ordered(self._given, number, name, said, self._wall()))
        return reply({"done": True})

    async def _done(self, act: Callable[[], Any]) -> Any:
        try:
            return await self._ask(act)
        except mailings.Refused as refused:
            raise Problem(409, "not_possible", str(refused), "See GET /api/v1/mailings.") from None


def prepared(given: Mailings, campaign: CampaignSettings, wanted: Prepare, now: int) -> int:
    """A mailing, to be counted; its number. mailings.Refused: why there is none."""
    sending = campaign.sending
    begins, over = dates(campaign, ZoneInfo(campaign.zone))
    plan = Plan(
        max(begins, _instant(wanted.starts, "starts") if wanted.starts else now),
        min(over, _instant(wanted.ends, "ends") if wanted.ends else over),
        sending.hours if wanted.hours is None else wanted.hours,
        sending.days if wanted.days is None else wanted.days,
        sending.rate if wanted.rate is None else wanted.rate,
        sending.control if wanted.control is None else wanted.control,
        wanted.groups,
    )
    seed = wanted.seed or next((entry.name for entry in given.store.seeds(campaign.id, LIVE)), "")
    content = given.message(f"{campaign.id}/{seed}")
    if content is None:
        raise mailings.Refused(f"there is no message of the seed {seed!r}; make one with `mmsd seed make`")
    told = given.store.list_told(campaign.id, wanted.audience)
    if told is None:
        raise mailings.Refused(f"there is no list {wanted.audience!r}; upload it first")
    unknown = sorted(set(wanted.groups) - set(told.labels))
    if unknown:
        raise mailings.Refused(f"the list has no group {unknown[0]!r}; it has {', '.join(sorted(told.labels))}")
    return mailings.prepare(given.store, campaign.id, seed, told, content, plan, who=wanted.who, why=wanted.why, now=now)


def ordered(given: Mailings, number: int, name: str, said: Said, now: int) -> None:
    """mailings.Refused: why not."""
    if name == "run":
        mailings.run(given.store, number, said.token.strip().upper(), key=given.key, who=said.who, why=said.why, now=now)
    else:
        ORDERS[name](given.store, number, who=said.who, why=said.why, now=now)


def _instant(text: str, name: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise mailings.Refused(f"{name} is no time such as 2026-11-22T08:00+08:00") from None
    if moment.tzinfo is None:
        raise mailings.Refused(f"{name} has no zone, as in 2026-11-22T08:00+08:00")
    return round(moment.astimezone(UTC).timestamp()) * SECOND


# ------------------------------------------------------------------------------------------------------------------- as values


def brief(mailing: Mailing, audience: str) -> dict[str, Any]:
    """One mailing in a list of them; `audience`: its list's name. `people`: who would get it, once that is counted."""
    return {
        "mailing": mailing.id,
        "campaign": mailing.campaign,
        "seed": mailing.seed,
        "list": audience,
        "people": Tally.of(mailing.counts).sent if mailing.counted else None,
        "state": mailing.state,
        "changed": iso(mailing.changed),
        "who": mailing.who,
    }


def described(given: Mailings, number: int, now: int) -> dict[str, Any] | None:
    """All of a mailing: its plan, its count with what it takes and the first message, the token to run it by, and how far it is."""
    mailing = given.store.mailing(number)
    if mailing is None:
        return None
    plan, tally = msgspec.convert(mailing.plan, Plan), Tally.of(mailing.counts)
    told = brief(mailing, given.store.list_names({mailing.audience}).get(mailing.audience, "")) | {
        "plan": msgspec.to_builtins(plan) | {"starts": iso(plan.starts), "ends": iso(plan.ends)},
        "counted": iso(mailing.counted),
        "token": audience.token(given.key, mailing) if mailing.state == State.COUNTED else None,
        "states": dict(given.store.mailing_states(number)),
    }
    if mailing.counted:
        told["count"] = {"sent": tally.sent, "left_out": dict(tally.left), "groups": dict(tally.groups), "model_unknown": tally.unknown}
    campaign = given.campaigns.get(mailing.campaign)
    if campaign is not None and mailing.counted:
        window = Window(plan.starts, plan.ends, plan.hours, plan.days, ZoneInfo(campaign.zone))
        control = tally.left[audience.Left.CONTROL]
        rule = given.rule
        takes = audience.estimate(
            tally.sent, control, campaign.sending, plan.rate, window, now=now, switch=rule.switch, daily=rule.daily
        )  # fmt: skip
        told["cost"] = {"amount": takes.cost, "currency": campaign.sending.currency}
        told["done"] = iso(takes.done) if takes.done is not None else None
        told["warnings"] = {name: WARNINGS[name] for name in takes.warnings}
        told["first_sms"] = _first_sms(campaign)
    content = given.store.composed(mailing.content)
    if content is not None:
        parts = [{"type": part.media, "octets": part.octets, "text": part.text} for part in compose.shown(content.body)]
        told["message"] = {"subject": content.subject, "octets": len(content.body), "parts": parts}
    return told


def _first_sms(campaign: CampaignSettings) -> str:
    """What a forwarder gets, with a serial that is none of anybody's."""
    text = campaign.sms_zh if campaign.language == "zh" else campaign.sms_en
    return text.format(serial=spell(0, campaign.serial_prefix), leg=1, city_leg=1, total=1, city="")


# --------------------------------------------------------------------------------------------------------------- what it was good for


def effects(store: Store, campaign: CampaignSettings, mailing: int | None, now: int) -> dict[str, Any]:
    """Those who were sent it beside those who were drawn to do without: how many took part, group by group, and what is sure of it."""
    window = int(campaign.sending.window * SECOND)
    found = store.responses(campaign.id, mailing, now - window, window)
    silent = frozenset(campaign.sending.silent)
    labels = sorted({row.label for row in found})
    groups = [("all", None)] + ([("silent", silent)] if silent & set(labels) else []) + [("group", frozenset({label})) for label in labels]
    return {
        "campaign": campaign.id,
        "mailing": mailing,
        "window": campaign.sending.window,
        "waiting": sum(row.people for row in store.responses(campaign.id, mailing, now, 0)) - sum(row.people for row in found),
        "groups": [_compared(name, among, found) for name, among in groups],
    }


def _compared(name: str, among: frozenset[str] | None, found: Sequence[Response]) -> dict[str, Any]:
    sent, control = (
        Ratio(
            sum(row.took_part for row in found if row.arm == arm and (among is None or row.label in among)),
            sum(row.people for row in found if row.arm == arm and (among is None or row.label in among)),
        )
        for arm in ("sent", "control")
    )
    told, chance = effect(sent, control), two_shares(sent, control)
    return {
        "of": name,
        "group": min(among) if name == "group" and among else None,
        "sent": _share(sent),
        "control": _share(control),
        "lift": told.lift,
        "low": told.interval.low if told.interval is not None else None,
        "high": told.interval.high if told.interval is not None else None,
        "z": chance.z if chance is not None else None,
        "p": chance.p if chance is not None else None,
        "proven": told.proven and not too_few(sent, control),
        "too_few": too_few(sent, control),
        "detectable": detectable(control.share or 0.0, sent.of, control.of),
    }


def _share(ratio: Ratio) -> dict[str, Any]:
    low, high = wilson(ratio)
    return {"n": ratio.n, "of": ratio.of, "share": ratio.share, "low": low, "high": high}
