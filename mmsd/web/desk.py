"""The desk: all there is of one number, and what care staff may do for him: `/api/v1/desk`.

The number stands in the body of a POST, never in an address. It and those of others are masked, texts are left out; who has the scope
`reveal`, and says who he is and why, sees them, and that is in the audit before he does. An act is news for care (`rules.desk`), committed
with its audit; care takes it in within a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web

from mmsd.model import Batch, Deed, Heard, Outgoing, masked
from mmsd.rules import cases
from mmsd.rules.care import Next
from mmsd.rules.cases import Case, CaseStep, Kind
from mmsd.rules.casework import Folder
from mmsd.rules.consent import Consent, Question
from mmsd.rules.desk import OF_A_CASE, Refusal, news_of, possible
from mmsd.rules.letters import BESIDE
from mmsd.rules.table import Row
from mmsd.rules.tidings import errand, tiding
from mmsd.store import CareAsk, Held, Needs, Rows, Store
from mmsd.store.drawing import Draws
from mmsd.web.acting import Acting, Granted, check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, posted, reply
from mmsd.web.api import MOST_DAYS, MOST_ROWS, address, told_story
from mmsd.web.story import DAYS, Story, tell, week_before

MOST_MESSAGES: Final = 200
MOST_STEPS: Final = 200
SCOPES: Final = ("care", "reveal")
"""What a token may hold beyond reading: acts; full numbers and texts."""


class Looked(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/desk`; `who` and `why` where numbers and texts shall be shown."""

    number: str
    days: int = DAYS
    limit: int = 50
    after: str = ""
    reveal: bool = False
    who: str = ""
    why: str = ""


class Act(msgspec.Struct, forbid_unknown_fields=True):
    """Body of an act. `wording`: what he was told before he agreed."""

    number: str
    who: str
    why: str
    case: int = 0
    wording: str = ""
    kind: Kind = Kind.SETTINGS


class Desk(NamedTuple):
    """What the handlers are given: the store, what time brings the cases of a subscriber (number, what care has of him, now), and draws."""

    store: Store
    next_steps: Callable[[str, Held, int], Mapping[int, Next]]
    draws: Draws = MappingProxyType({})  # of the configuration


class Found(NamedTuple):
    """One look at a number."""

    story: Story
    held: Held
    steps: list[CaseStep]
    left: list[tuple[int, int, Outgoing]]
    heard: list[tuple[int, Heard]]
    waits: tuple[int, bool]
    next_steps: Mapping[int, Next]


class DeskApi:
    """The handlers. `rows` are those of the table of causes; `region` reads national numbers."""

    def __init__(self, desk: Desk, ask: Ask, granted: Granted, *, wall: Callable[[], int], region: str, rows: Mapping[str, Row]) -> None:
        self._store, self._next_steps = desk.store, desk.next_steps
        self._ask = ask
        self._acting = Acting(desk.store, ask, granted, wall)
        self._wall = wall
        self._region = region
        self._rows = rows

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/api/v1/desk", self.look, "read"),
            Route("POST", "/api/v1/desk/consent", self.consent, "care"),
            Route("POST", "/api/v1/desk/ask", self.ask, "care"),
            Route("POST", "/api/v1/desk/revoke", self.revoke, "care"),
            Route("POST", "/api/v1/desk/hand_over", self.hand_over, "care"),
            Route("POST", "/api/v1/desk/erase", self.erase, "care"),
        ]

    async def look(self, request: web.Request) -> web.Response:
        known_only(request)
        asked = await posted(request, Looked)
        for name, value, most in (("days", asked.days, MOST_DAYS), ("limit", asked.limit, MOST_ROWS)):
            if not 1 <= value <= most:
                raise Problem(400, "bad_parameter", f"{name} is not a whole number from 1 to {most}", "Leave it out for the usual one.")
        number = address(asked.number, self._region)
        if asked.reveal:
            await self._reveal(request, asked, number)
        try:
            found = await self._ask(lambda: self._find(number, asked))
        except ValueError:
            raise Problem(400, "bad_parameter", "after is not an `after` of an earlier answer", "Leave it out for the newest.") from None
        show: Callable[[str], str] = str if asked.reveal else masked
        may = [scope for scope in SCOPES if self._acting.may(request, scope)]
        return reply({"number": show(number), "may": may, **told(found, self._wall(), show, texts=asked.reveal, first=not asked.after)})

    async def consent(self, request: web.Request) -> web.Response:
        return await self._act(request, "consent")

    async def ask(self, request: web.Request) -> web.Response:
        return await self._act(request, "ask")

    async def revoke(self, request: web.Request) -> web.Response:
        return await self._act(request, "revoke")

    async def hand_over(self, request: web.Request) -> web.Response:
        return await self._act(request, "hand_over")

    async def erase(self, request: web.Request) -> web.Response:
        return await self._act(request, "erase")

    # -------------------------------------------------------------------------------------------------------------- the acts

    async def _act(self, request: web.Request, name: str) -> web.Response:
        known_only(request)
        act = await posted(request, Act)
        check_said(who=act.who, why=act.why)
        if name == "consent":
            check_said(wording=act.wording)
        number = address(act.number, self._region)
        subject = await self._ask(lambda: self._store.subject(number))
        now = self._wall()

        def decide(rows: Rows) -> Batch | Problem:
            held = rows.held.get(number) or Held(Folder(int(number) if number.isdigit() else 0), frozenset())
            news = news_of(
                name, held.folder, held.opted_out, now, who=act.who, why=act.why, case=act.case, wording=act.wording, kind=act.kind
            )
            if isinstance(news, Refusal):
                return Problem(409, "not_possible", f"this cannot be done: {news}", "POST /api/v1/desk says what can be.")
            deed = Deed(act.who, name, f"{subject} case {act.case}" if name in OF_A_CASE else subject, act.why)
            forgotten = [number] if name == "erase" else []
            return Batch(now, tidings=[tiding(number, now, news)], deeds=[deed], erasing=forgotten)

        return await self._acting.act(request, act, Needs(care=CareAsk(numbers=frozenset({number}))), decide, {"done": True})

    async def _reveal(self, request: web.Request, asked: Looked, number: str) -> None:
        """The look goes into the audit, or Problem."""
        if not self._acting.may(request, "reveal"):
            raise Problem(403, "wrong_scope", "the token lacks the scope 'reveal'", "Ask for a token with that scope.")
        check_said(who=asked.who, why=asked.why)
        now = self._wall()

        def look() -> None:
            deed = Deed(asked.who, "reveal", self._store.subject(number), asked.why)
            self._store.transact(Needs(), lambda _: Batch(now, deeds=[deed]))

        await self._ask(look)

    def _find(self, number: str, asked: Looked) -> Found:
        store, now = self._store, self._wall()
        since = week_before(store.horizon() or now, asked.days)
        held = store.care_held(number)
        return Found(
            tell(store, self._rows, number, since, asked.limit, asked.after),
            held,
            store.care_steps(number, MOST_STEPS),
            store.messages(number, MOST_MESSAGES),
            store.heard(number, MOST_MESSAGES),
            store.care_waits(number),
            self._next_steps(number, held, now),
        )


# ------------------------------------------------------------------------------------------------------------------------ as JSON

_TIMES: Final = ("opened", "asked", "consented", "helped", "ordered", "sent", "listed", "closed")


def told(found: Found, now: int, show: Callable[[str], str], *, texts: bool, first: bool) -> dict[str, Any]:
    """A look as JSON. `show`: how a number is shown; `texts`: those of messages too."""
    return {
        **told_story(found.story, first=first, show=show),
        "known": found.story.known or bool(found.held.folder.cases),
        **of_care(found.held, found.steps, found.next_steps, now),
        "messages": messages(found.left, found.heard, texts=texts),
        "untaken": found.waits[0],
        "erasing": found.waits[1],
    }


def of_care(held: Held, steps: list[CaseStep], next_steps: Mapping[int, Next], now: int) -> dict[str, Any]:
    """What care has of a subscriber as JSON."""
    folder, opted_out = held
    return {
        "cases": [_case(case, next_steps, possible(folder, opted_out, case.number, now)) for case in reversed(folder.cases)],
        "questions": [_question(one, now) for one in reversed(folder.questions)],
        "consents": [_consent(one, now) for one in reversed(folder.consents)],
        "steps": [_step(one) for one in steps],
        "opted_out": sorted(opted_out),
    }


def messages(left: list[tuple[int, int, Outgoing]], heard: list[tuple[int, Heard]], *, texts: bool) -> list[dict[str, Any]]:
    """What was sent to a number and what it wrote, the newest first. A PIN is never shown."""
    told: list[tuple[int, dict[str, Any]]] = []
    for identity, at, row in left:
        about = errand(row.purpose)
        shown = texts and not row.pieces and row.purpose != BESIDE
        told.append((at, {
            "way": "sent", "id": identity, "at": iso(at), "class": row.kind, "purpose": row.purpose, "campaign": row.campaign,
            "settings": about is not None and about.act is cases.Act.PUSH, "binary": bool(row.pieces), "state": row.state,
            "reason": row.reason, "submitted": iso(row.submitted), "text": row.body if shown else None,
        }))  # fmt: skip
    for identity, one in heard:
        told.append((one.at, {
            "way": "heard", "id": identity, "at": iso(one.at), "service": one.service, "sub_code": one.sub_code,
            "text": one.text if texts else None,
        }))  # fmt: skip
    return [each for _, each in sorted(told, key=lambda each: each[0], reverse=True)]


def _case(case: Case, next_steps: Mapping[int, Next], may: tuple[str, ...]) -> dict[str, Any]:
    coming = next_steps.get(case.number, Next())
    return {
        "number": case.number,
        "kind": case.kind,
        "state": case.state,
        "over": case.over,
        "reason": case.reason,
        "origin": case.origin,
        "causes": case.causes,
        "mended": case.mended,
        "confidence": case.confidence,
        "city": case.city,
        "model": case.model,
        "held_back": case.held_back,
        **{name: iso(getattr(case, name) or 0) for name in _TIMES},
        "pushes": case.pushes,
        "moved": iso(case.moved),
        "next": {"event": coming.event, "at": iso(coming.at), "reason": coming.reason},
        "may": may,
    }


def _question(one: Question, now: int) -> dict[str, Any]:
    return {
        "number": one.number, "case": one.case, "code": one.code, "wording": one.wording, "language": one.language, "asked": iso(one.asked),
        "expires": iso(one.expires), "left": one.sent, "open": one.open_at(now), "closed": iso(one.closed or 0), "end": one.end,
    }  # fmt: skip


def _consent(one: Consent, now: int) -> dict[str, Any]:
    return {
        "number": one.number, "case": one.case, "wording": one.wording, "channel": one.channel, "who": one.by, "at": iso(one.at),
        "expires": iso(one.expires), "live": one.live(now), "revoked": iso(one.revoked or 0), "why": one.why,
    }  # fmt: skip


def _step(one: CaseStep) -> dict[str, Any]:
    return {
        "at": iso(one.at), "case": one.case, "event": one.event, "before": one.before, "after": one.after, "reason": one.reason,
        "who": one.who,
    }  # fmt: skip
