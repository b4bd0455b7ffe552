"""Draws of prizes: how they stand, the papers that are published, and their next step, ordered by name: `/api/v1/draws`.

A step is ordered in two requests: the first is refused, and says what will happen and a word; the second brings that word. It fits one draw
as it stands, so what was not shown is not done.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from aiohttp import web

from mmsd.errors import ConfigError
from mmsd.model import Batch, Draw, masked
from mmsd.rules.draw import MOST_DRAWN, Listed, paper
from mmsd.rules.promotion import REASONS
from mmsd.store import Rows, Store, drawing, promoting
from mmsd.store.drawing import Draws, Known, OpenDays, Ordered
from mmsd.store.promoting import Promotion
from mmsd.web.access import Random
from mmsd.web.acting import Acting, Granted, check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, posted, refuse, reply

SCOPE = "campaign"
_STEPS = {"committed": "close", "closed": "run", "": "commit"}


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """Body of an order. `confirm` is the word that the first answer gave, `beacon` what is mixed in; `early`: close it though its days are
    not final."""

    campaign: str
    draw: str
    step: str
    who: str
    why: str
    confirm: str = ""
    beacon: str = ""
    early: bool = False


class Promote(msgspec.Struct, forbid_unknown_fields=True):
    """Body of the order that somebody does not get his prize. `confirm` as in `Step`."""

    campaign: str
    draw: str
    place: int
    reason: str
    who: str
    why: str
    confirm: str = ""


class DrawsApi:
    """The handlers. `draws` are those of the configuration."""

    def __init__(self, store: Store, ask: Ask, granted: Granted, draws: Draws, *, wall: Callable[[], int], random: Random) -> None:
        self._store = store
        self._ask = ask
        self._acting = Acting(store, ask, granted, wall)
        self._draws = draws
        self._wall = wall
        self._random = random

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/draws", self.all, "read"),
            Route("GET", "/api/v1/draws/{campaign}/{draw}", self.one, "read"),
            Route("GET", "/api/v1/draws/{campaign}/{draw}/paper", self.paper, "read"),
            Route("POST", "/api/v1/draws/step", self.step, SCOPE),
            Route("POST", "/api/v1/draws/promote", self.promote, SCOPE),
        ]

    async def all(self, request: web.Request) -> web.Response:
        known_only(request)
        stored = {(draw.campaign, draw.name): draw for draw in await self._ask(self._store.draws)}
        open_days = {name: await self._open_days(draw) for name, draw in stored.items()}
        planned = [name for name in self._draws if name not in stored]
        return reply(
            {
                "draws": [
                    *(told(draw, open_days[name]) for name, draw in stored.items()),
                    *({"campaign": campaign, "draw": draw, "state": "planned", "next": "commit"} for campaign, draw in planned),
                ]
            }
        )

    async def one(self, request: web.Request) -> web.Response:
        draw = await self._found(request)
        winners = await self._ask(lambda: self._store.winners(draw.campaign, draw.name))
        values = [
            {
                "place": one.winner.place, "prize": one.winner.prize, "entry": one.winner.entry.hex(), "forward": one.winner.forward,
                "number": masked(one.msisdn) if one.msisdn else "", "city": one.city, "holds": one.holds, "out": one.out,
                "taker": one.taker,
            }
            for one in winners
        ]  # fmt: skip
        return reply({**told(draw, await self._open_days(draw)), "winners": values})

    async def paper(self, request: web.Request) -> web.StreamResponse:
        draw = await self._found(request)
        whole = await self._ask(lambda: self._store.draw_list(draw.campaign, draw.name))
        winners = await self._ask(lambda: self._store.winners(draw.campaign, draw.name))
        forfeits = await self._ask(lambda: self._store.forfeits(draw.campaign, draw.name))
        answer = web.StreamResponse(
            headers={
                "Content-Type": "text/plain; charset=utf-8",
                "Content-Disposition": f'attachment; filename="{draw.campaign}-{draw.name}.txt"',
            }
        )
        await answer.prepare(request)
        piece: list[str] = []
        for line in paper(draw, Listed(whole), (one.winner for one in winners), forfeits):
            piece.append(line)
            if len(piece) == 2_000:  # some 80 kB
                await answer.write("\n".join([*piece, ""]).encode())
                piece.clear()
        await answer.write("\n".join([*piece, ""]).encode())
        await answer.write_eof()
        return answer

    async def step(self, request: web.Request) -> web.Response:
        known_only(request)
        body = await posted(request, Step)
        check_said(who=body.who, why=body.why)
        if body.step not in _STEPS.values():
            refuse("step", body.step, "one of commit, close, run")
        name = (body.campaign, body.draw)
        known = self._known(name)
        ordered = Ordered(name, body.step, body.who, body.why, body.beacon, body.early)
        try:
            fresh = await self._ask(lambda: drawing.fresh(ordered, self._store, known, self._random))
        except ConfigError:
            raise Problem(409, "not_possible", "the list of numbers that may not win cannot be read", "See draws.excluded.") from None

        stands = next((one for one in await self._ask(self._store.draws) if (one.campaign, one.name) == name), None)
        open_days = await self._open_days(stands) if stands is not None else None

        def decide(rows: Rows) -> Batch | Problem:
            draw = rows.draws.get(name)
            wrong = drawing.fault(ordered, draw, open_days)
            if wrong:
                return Problem(409, "not_possible", wrong, "A draw is committed to, closed and drawn, once each.")
            word = drawing.word(ordered, draw, known, open_days)
            if body.confirm != word:
                means = "; ".join(drawing.means(ordered, draw, known, open_days))
                return Problem(409, "confirm", means, f"If that is meant: confirm={word}")
            batch = drawing.decide(ordered, rows, known, self._wall(), fresh, open_days)
            return batch if isinstance(batch, Batch) else Problem(409, "not_possible", batch, "Look at it again.")

        return await self._acting.act(request, body, drawing.needs(ordered), decide, {"ordered": body.step})

    async def promote(self, request: web.Request) -> web.Response:
        known_only(request)
        body = await posted(request, Promote)
        check_said(who=body.who, why=body.why)
        if body.reason not in REASONS:
            refuse("reason", body.reason, f"one of {', '.join(REASONS)}")
        if not 1 <= body.place <= MOST_DRAWN:
            refuse("place", str(body.place), "a place that was drawn, 1 is the first")
        name = (body.campaign, body.draw)
        known = self._known(name)
        wanted = Promotion(name, body.place, body.reason, body.who, body.why)

        def decide(rows: Rows) -> Batch | Problem:
            draw, vacancy = rows.draws.get(name), rows.vacancies.get(wanted.where)
            wrong = promoting.fault(wanted, draw, vacancy)
            if wrong or draw is None or vacancy is None:
                return Problem(409, "not_possible", wrong, "GET /api/v1/draws/{campaign}/{draw} tells who holds what.")
            word = promoting.word(wanted, draw, vacancy, known)
            if body.confirm != word:
                means = "; ".join(promoting.means(wanted, draw, vacancy, known))
                return Problem(409, "confirm", means, f"If that is meant: confirm={word}")
            batch = promoting.decide(wanted, rows, known, self._wall())
            return batch if isinstance(batch, Batch) else Problem(409, "not_possible", batch, "Look at it again.")

        return await self._acting.act(request, body, promoting.needs(wanted), decide, {"out": body.place})

    async def _open_days(self, draw: Draw) -> OpenDays | None:
        """Of a draw that would be closed next; None as well where no campaign file has it, for then it cannot be."""
        known = self._draws.get((draw.campaign, draw.name))
        return await self._ask(lambda: drawing.still_open(self._store, draw, known)) if known is not None else None

    def _known(self, name: tuple[str, str]) -> Known:
        known = self._draws.get(name)
        if known is None:
            raise Problem(404, "unknown_draw", "no campaign file has that draw", "GET /api/v1/draws lists them.")
        return known

    async def _found(self, request: web.Request) -> Draw:
        known_only(request)
        name = (request.match_info["campaign"], request.match_info["draw"])
        for draw in await self._ask(self._store.draws):
            if (draw.campaign, draw.name) == name:
                return draw
        raise Problem(404, "unknown_draw", "nobody has committed to that draw", "GET /api/v1/draws lists them.")


def told(draw: Draw, open_days: OpenDays | None) -> dict[str, object]:
    """How a draw stands, as JSON: nothing of its seed number before it is drawn."""
    return {
        "campaign": draw.campaign,
        "draw": draw.name,
        "state": draw.state,
        "next": _STEPS.get(draw.state, ""),
        "open": open_days._asdict() if open_days is not None else None,
        "terms": msgspec.Raw(draw.terms.encode()),
        "commitment": draw.commitment,
        "committed": iso(draw.committed),
        "closed": iso(draw.closed),
        "drawn": iso(draw.drawn),
        "entries": draw.entries,
        "people": draw.people,
        "excluded": draw.excluded,
        "list": draw.listing,
        "beacon": draw.beacon,
        "seed": draw.seed.hex() if draw.drawn else "",
    }
