"""Seeds and the life of campaigns: `/api/v1/seeds`, `/api/v1/drafts`, `/api/v1/campaigns/…/life`, and the daemon's side of their commands.

Files that come are decoded in worker processes alone. A draft is looked at before it is registered: what was marked beside what came, how
strongly, and whether it is weak. Orders need the scope `campaign`, a name and a reason; both stay in the audit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import BodyPartReader, web

from mmsd.link.maker import Draft, Drafts, Given, Wish, fault, given, look_alikes, message_of
from mmsd.model import Batch, LifeStep, NewSeed, SeedEntry, SeedPart
from mmsd.rules import life
from mmsd.rules.life import LIVE, RETIRED, Refusal
from mmsd.seeds import compose
from mmsd.seeds.seed import RegisteredPicture, RegisteredSeed
from mmsd.store import Rows, Store, campaign_orders
from mmsd.store.campaign_orders import Known, Order, View
from mmsd.web.acting import Acting, Granted, check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, posted, refuse, reply, shown, whole

SCOPE: Final = "campaign"
MOST_OCTETS: Final = 8 << 20
"""Of all files of a seed together; a message of more is sent by no MMSC."""
_MOST_PARTS: Final = 40
_MOST_ROWS: Final = 1000
_LONGEST: Final = 2000
"""Octets of a field of the form that is no file."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SAFE: Final = frozenset({"image/jpeg", "image/png", "image/gif"})
"""What a browser may show; anything else is downloaded."""


class Signed(msgspec.Struct, forbid_unknown_fields=True):
    """Body of an order on a draft. `anyway`: it is weak, and whoever signs takes it."""

    who: str
    why: str
    anyway: bool = False


class Registration(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/seeds`: what `mmsd seed make` made on this host."""

    seed: NewSeed
    why: str


class Retirement(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/seeds/retire`; `seed` is campaign/name."""

    seed: str
    who: str
    why: str


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a step of a campaign's life; `confirmed` is what *run* was shown."""

    step: str
    who: str
    why: str
    confirmed: str = ""


class Seeds(NamedTuple):
    """What the handlers are given: the store, the configured campaigns, seeds on their way, and the key that marks."""

    store: Store
    campaigns: Mapping[str, Known]
    drafts: Drafts
    key: bytes


class SeedsApi:
    """The handlers."""

    def __init__(self, seeds: Seeds, ask: Ask, granted: Granted, *, wall: Any) -> None:
        self._store, self._campaigns, self._drafts, self._key = seeds
        self._ask = ask
        self._acting = Acting(seeds.store, ask, granted, wall)
        self._wall = wall

    def routes(self) -> list[Route]:
        one, draft = "/api/v1/seeds/{campaign}/{name}", "/api/v1/drafts/{id}"
        return [
            Route("GET", "/api/v1/seeds", self.listed, "read"),
            Route("POST", "/api/v1/seeds", self.registered, SCOPE),
            Route("POST", "/api/v1/seeds/retire", self.retire, SCOPE),
            Route("GET", one, self.one, "read"),
            Route("GET", f"{one}/message", self.message, SCOPE),
            Route("GET", f"{one}/{{place}}", self.part, "read"),
            Route("POST", "/api/v1/drafts", self.begin, SCOPE),
            Route("GET", draft, self.draft, SCOPE),
            Route("GET", f"{draft}/{{place}}", self.draft_part, SCOPE),
            Route("POST", f"{draft}/register", self.register, SCOPE),
            Route("GET", "/api/v1/lives", self.lives, "read"),
            Route("GET", "/api/v1/campaigns/{id}/life", self.life, "read"),
            Route("POST", "/api/v1/campaigns/{id}/life", self.step, SCOPE),
        ]

    # ------------------------------------------------------------------------------------------------------------- seeds

    async def listed(self, request: web.Request) -> web.Response:
        query = known_only(request, "campaign", "state", "after", "limit")
        state = query.get("state")
        if state not in (None, LIVE, RETIRED):
            refuse("state", str(state), f"{LIVE} or {RETIRED}")
        limit = whole(query, "limit", 100, 1, _MOST_ROWS)
        everything = await self._ask(lambda: self._store.seeds(query.get("campaign"), state))
        after = tuple(query.get("after", "").split("/", 1))
        found = [entry for entry in everything if (entry.campaign, entry.name) > after]
        last = found[limit - 1].label if len(found) > limit else None
        return reply({"seeds": [seed_told(entry) for entry in found[:limit]], "of": len(everything), "after": last})

    async def one(self, request: web.Request) -> web.Response:
        known_only(request)
        label = _label(request)
        found = await self._ask(lambda: (self._store.seed(label), self._store.seed_parts(label)))
        if found[0] is None:
            raise _unknown()
        entry, octets = found[0]
        return reply(seed_told(entry) | _contents(found[1], RegisteredSeed.from_bytes(octets).pictures))

    async def part(self, request: web.Request) -> web.Response:
        label = _label(request)
        return _picture(request, await self._ask(lambda: self._store.seed_parts(label)))

    async def message(self, request: web.Request) -> web.Response:
        """The composed message, for sending it by other means: the content of an MM7 SubmitReq."""
        known_only(request)
        label = _label(request)
        parts = await self._ask(lambda: self._store.seed_parts(label))
        if not parts:
            raise _unknown()
        return _download(compose.mm7_body(message_of(parts)), "application/octet-stream", f"{label.replace('/', '-')}.mime")

    async def registered(self, request: web.Request) -> web.Response:
        known_only(request)
        body = await posted(request, Registration, limit=2 * MOST_OCTETS)
        entry = body.seed.entry
        check_said(who=entry.who, why=body.why)
        wrong = fault(body.seed, self._key)
        if wrong or not _NAME.fullmatch(entry.name) or not _NAME.fullmatch(entry.family):
            raise Problem(400, "bad_seed", f"this is no seed of ours: {wrong or 'a name that cannot be'}", "Make it with `mmsd seed make`.")
        return await self._register(request, body, body.seed, body.why)

    async def retire(self, request: web.Request) -> web.Response:
        known_only(request)
        body = await posted(request, Retirement)
        check_said(who=body.who, why=body.why)
        order = campaign_orders.retire(body.seed, who=body.who, why=body.why, now=self._wall())
        return await self._act(request, body, order, {"retired": shown(body.seed)})

    async def _register(self, request: web.Request, body: msgspec.Struct, new: NewSeed, why: str) -> web.Response:
        now = self._wall()
        order = await self._ask(lambda: campaign_orders.register(self._store, new, self._campaigns, why=why, now=now))
        return await self._act(request, body, order, {"registered": new.entry.label, "weak": new.entry.weak})

    # ------------------------------------------------------------------------------------------------------------ drafts

    async def begin(self, request: web.Request) -> web.Response:
        """Files by a form (multipart/form-data): `campaign`, `name`, `family`, `subject`, `text` and `file` as often as wanted."""
        known_only(request)
        if request.content_type != "multipart/form-data":
            raise Problem(415, "not_a_form", "the body is not multipart/form-data", "See docs/http.md for its fields.")
        wish, files = await _form(request)
        entry_of = f"{wish.campaign}/{wish.name}"
        there = await self._ask(lambda: self._store.seed(entry_of))
        if wish.campaign not in self._campaigns:
            raise Problem(404, "no_such_campaign", "no such campaign is configured", "Its file belongs into campaigns.directory.")
        if there is not None:
            raise Problem(409, "name_taken", "there is a seed of that name already", "One that was sent cannot be made again.")
        name = self._drafts.begin(wish, files)
        if name is None:
            raise Problem(429, "too_many_drafts", "other seeds are being made", "Wait until they are.", {"Retry-After": "20"})
        return reply({"draft": name}, status=202)

    async def draft(self, request: web.Request) -> web.Response:
        known_only(request)
        draft = self._draft(request)
        told: dict[str, Any] = {
            "state": draft.state, "trouble": draft.trouble, "pictures": draft.pictures, "done": draft.done,
            "campaign": draft.wish.campaign, "name": draft.wish.name,
        }  # fmt: skip
        if draft.made is not None:
            told |= seed_told(draft.made.new.entry) | {"state": draft.state}
            told |= _contents(draft.made.new.parts, draft.made.pictures) | {"content_class": draft.made.message.content_class}
            new = draft.made.new
            told["alike"] = await self._ask(lambda: [one._asdict() for one in look_alikes(new, self._store.live_seeds())])
        return reply(told)

    async def draft_part(self, request: web.Request) -> web.Response:
        draft = self._draft(request)
        return _picture(request, draft.made.new.parts if draft.made is not None else ())

    async def register(self, request: web.Request) -> web.Response:
        known_only(request)
        draft = self._draft(request)
        body = await posted(request, Signed)
        check_said(who=body.who, why=body.why)
        if draft.made is None:
            raise Problem(409, "not_made", "this seed is not made yet", "Wait until its state is `made`.")
        new = draft.made.new
        if new.entry.weak and not body.anyway:
            raise Problem(
                409, "weak", "this seed is weak: handsets will alter it past recognition", "Take another picture, or say `anyway`."
            )
        signed = new._replace(entry=msgspec.structs.replace(new.entry, who=body.who))
        answer = await self._register(request, body, signed, body.why)
        self._drafts.forget(request.match_info["id"])
        return answer

    def _draft(self, request: web.Request) -> Draft:
        found = self._drafts.find(request.match_info["id"])
        if found is None:
            raise Problem(404, "no_such_draft", "there is no such draft", "Drafts are kept in memory, the last few; make it again.")
        return found

    # -------------------------------------------------------------------------------------------------------------- life

    async def lives(self, request: web.Request) -> web.Response:
        """Every configured campaign and how far it is."""
        known_only(request)
        found = await self._ask(self._store.lives)
        told = []
        for known in self._campaigns.values():
            state = life.state_of(found.get(known.campaign.id, ()))
            told.append({"id": known.campaign.id, "name": known.campaign.name, "state": state, "possible": life.possible(state)})
        return reply({"campaigns": told})

    async def life(self, request: web.Request) -> web.Response:
        known_only(request)
        known = self._known(request)
        now = self._wall()

        def read() -> View:
            return campaign_orders.look(self._store, known, self._store.lives().get(known.campaign.id, ()), now)

        return reply(life_told(known, await self._ask(read)))

    async def step(self, request: web.Request) -> web.Response:
        known_only(request)
        known = self._known(request)
        body = await posted(request, Step)
        check_said(who=body.who, why=body.why)
        if body.step not in life.STEPS:
            raise Problem(
                400, "bad_parameter", f"step={shown(body.step)!r} is not one of {', '.join(life.STEPS)}", "See docs/campaigns.md."
            )
        now = self._wall()
        order = await self._ask(
            lambda: campaign_orders.step(
                self._store, body.step, known, who=body.who, why=body.why, now=now, confirmed=body.confirmed
            )
        )  # fmt: skip
        return await self._act(request, body, order, {"state": life.STEPS[body.step][1]})

    def _known(self, request: web.Request) -> Known:
        known = self._campaigns.get(request.match_info["id"])
        if known is None:
            raise Problem(404, "no_such_campaign", "no such campaign is configured", "Its file belongs into campaigns.directory.")
        return known

    async def _act(self, request: web.Request, body: msgspec.Struct, order: Order, answer: dict[str, Any]) -> web.Response:
        def decide(rows: Rows) -> Batch | Problem:
            made = order.decide(rows)
            return Problem(409, "refused", str(made), "See docs/campaigns.md.") if isinstance(made, Refusal) else made

        return await self._acting.act(request, body, order.needs, decide, answer)


# ----------------------------------------------------------------------------------------------------------------- as JSON


def seed_told(entry: SeedEntry) -> dict[str, Any]:
    """A seed as JSON; `mmsd seed list --json` shows the same."""
    return {
        "seed": entry.label,
        "campaign": entry.campaign,
        "name": entry.name,
        "family": entry.family,
        "state": entry.state,
        "weak": entry.weak,
        "pictures": entry.pictures,
        "octets": entry.octets,
        "subject": entry.subject,
        "who": entry.who,
        "made": iso(entry.made),
        "changed": iso(entry.changed),
    }


def _contents(parts: Sequence[SeedPart], pictures: Sequence[RegisteredPicture]) -> dict[str, Any]:
    """Each part in order; a picture with what the admission check found of it."""
    left = iter(pictures)
    told = []
    for place, part in enumerate(parts):
        row: dict[str, Any] = {"place": place, "media": part.media, "octets": len(part.body)}
        if part.original:
            picture = next(left)
            row |= {"picture": picture.name, "weak": picture.weak, "trial": picture.trial, "before": len(part.original)}
        elif part.media == "text/plain":
            row["text"] = part.body.decode("utf-8", "replace")
        told.append(row)
    return {"parts": told}


def life_told(known: Known, view: View) -> dict[str, Any]:
    """A campaign's life as JSON; `mmsd campaign show --json` shows the same. `confirmation`: what *run* has to be given back."""
    campaign = known.campaign
    return {
        "id": campaign.id, "name": campaign.name, "starts": campaign.starts, "ends": campaign.ends, "state": view.state,
        "possible": life.possible(view.state), "faults": view.looked.faults, "notes": view.looked.notes,
        "plan": view.plan._asdict(), "confirmation": view.confirmation, "steps": [_step_told(step) for step in view.steps],
    }  # fmt: skip


def _step_told(step: LifeStep) -> dict[str, Any]:
    return {"at": iso(step.at), "state": step.state, "who": step.who, "why": step.why}


# ------------------------------------------------------------------------------------------------------------- what comes in


def _label(request: web.Request) -> str:
    return f"{request.match_info['campaign']}/{request.match_info['name']}"


def _unknown() -> Problem:
    return Problem(404, "no_such_seed", "there is no such seed", "See GET /api/v1/seeds.")


def _picture(request: web.Request, parts: Sequence[SeedPart]) -> web.Response:
    """One part; `original=1`: as the picture was before it was marked."""
    query = known_only(request, "original")
    place = whole(dict(request.match_info), "place", 0, 0, _MOST_PARTS)
    if place >= len(parts):
        raise _unknown()
    part = parts[place]
    octets = part.original if whole(query, "original", 0, 0, 1) else part.body
    if part.media in _SAFE and octets:
        return web.Response(body=octets, content_type=part.media)
    return _download(octets, "application/octet-stream", str(place))


def _download(octets: bytes, media: str, name: str) -> web.Response:
    return web.Response(body=octets, content_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


async def _form(request: web.Request) -> tuple[Wish, list[Given]]:
    """The fields of the form, no more of them than may be. Problem 400, 413."""
    words: dict[str, str] = {}
    said: list[str] = []
    files: list[Given] = []
    room = MOST_OCTETS
    reader = await request.multipart()
    while (field := await reader.next()) is not None:
        if not isinstance(field, BodyPartReader) or len(files) + len(said) >= _MOST_PARTS:
            raise _bad_form("has parts in parts, or too many of them")
        if field.name == "file":
            octets = await _read(field, room)
            room -= len(octets)
            files.append(given((field.filename or "picture")[:100], octets))
        elif field.name in ("campaign", "name", "family", "subject", "text"):
            text = (await _read(field, _LONGEST)).decode("utf-8", "replace").strip()
            if field.name == "text":
                said += [text] if text else []
            else:
                words[field.name] = text
        else:
            raise _bad_form("has a field that is not known")
    for name in ("name", "family"):
        if words.get(name, "" if name == "family" else "?") and not _NAME.fullmatch(words.get(name, "")):
            raise _bad_form(f"{name}: small letters, digits and hyphens, at most 63")
    if not files:
        raise _bad_form("has no file")
    return Wish(words.get("campaign", ""), words["name"], words.get("family", ""), tuple(said), words.get("subject", "")), files


async def _read(field: BodyPartReader, limit: int) -> bytes:
    octets = bytearray()
    while chunk := await field.read_chunk():
        octets += chunk
        if len(octets) > limit:
            raise Problem(413, "body_too_long", "the files are more than a message may hold", f"{MOST_OCTETS >> 20} MiB together at most.")
    return bytes(octets)


def _bad_form(what: str) -> Problem:
    return Problem(400, "bad_form", f"the form {what}", "See docs/http.md for its fields.")
