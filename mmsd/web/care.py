"""Care as a whole: cases, the hand-over list, the funnel, and what help is good for: `/api/v1/care`.

Numbers are masked. The hand-over list with full numbers, which the business system needs, is for the scope `reveal`: whoever takes it says
who he is and why, and that is in the audit before he has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from aiohttp import web

from mmsd.model import DAY, Batch, Deed, Listing, masked
from mmsd.rules import funnel
from mmsd.rules.cases import Case, Kind, State
from mmsd.rules.causes import OUTCOMES, RULES
from mmsd.rules.effect import Effect, Ratio, effect
from mmsd.rules.table import Row
from mmsd.store import CareCase, CareGroup, CareGroups, Handover, Needs, Rows, Store
from mmsd.web.acting import Acting, Granted, check_said
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, moment, posted, refuse, reply, whole
from mmsd.web.sheets import csv_file, csv_stream

MOST_ROWS: Final = 500
MOST_EXPORTED: Final = 10_000
USUAL: Final = 31 * DAY
MOST_DAYS: Final = 400
LOOKED: Final = 200
MOST_LOOKED: Final = 2_000
"""Subscribers of each group whose messages are looked at: usually, at most."""
FEW: Final = 100
FEW_PEOPLE: Final = 30
"""Messages and subscribers of a group below which no difference is worth telling: one busy subscriber is no group."""
MEASURES: Final = ("success", "no_retrieval", "retrieval_failed")
"""Shares of judged messages: delivered; failed as code 4441 means it; failed as code 4442 does."""
HANDOVER_COLUMNS: Final = ("id", "number", "at", "kind", "state", "reason", "cause", "city", "model", "told", "refused")
"""Of the table of cases that wait."""


class Signed(msgspec.Struct, forbid_unknown_fields=True):
    """Body of an order: who, and why."""

    who: str
    why: str


class Export(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/care/handover/export`."""

    who: str
    why: str
    kind: str = ""
    limit: int = 1_000
    after: str = ""


# ----------------------------------------------------------------------------------------------------------------- as plain values


def case_row(row: CareCase) -> dict[str, Any]:
    """A case as JSON; `mmsd care list --json` shows the same."""
    return {
        "number": masked(row.msisdn) if row.msisdn else "", "case": row.number, "kind": row.kind, "state": row.state, "reason": row.reason,
        "origin": row.origin, "causes": row.causes, "city": row.city, "model": row.model, "held_back": row.held_back,
        "pushes": row.pushes, "opened": iso(row.opened), "moved": iso(row.moved), "closed": iso(row.closed or 0),
    }  # fmt: skip


def handover_row(row: Handover, show: Callable[[str], str] = masked) -> dict[str, Any]:
    """A line of the hand-over list. `show`: how a number is shown."""
    return {
        "id": row.id, "number": show(row.msisdn) if row.msisdn else "", "at": iso(row.at), "kind": row.kind, "state": row.state,
        "reason": row.reason, "cause": " ".join(row.causes), "city": row.city, "model": row.model, "told": iso(row.told or 0),
        "refused": row.refused,
    }  # fmt: skip


def handover_line(row: Handover) -> dict[str, Any]:
    """What the business system is told of a case."""
    return {
        "id": row.id, "msisdn": row.msisdn, "at": iso(row.at), "kind": row.kind, "reason": row.reason, "causes": row.causes,
        "city": row.city, "model": row.model,
    }  # fmt: skip


def funnel_rows(tallies: Iterable[tuple[Case, int]], by: str) -> list[dict[str, Any]]:
    """Stages by `by` ("" = all together), the most cases first; each with the share of the asked that ended mended."""
    found: dict[str, funnel.Stages] = {}
    for case, n in tallies:
        words = {"": "", "city": case.city, "model": case.model, "cause": case.causes[0] if case.causes else ""}
        one = funnel.stages(case)
        found[words[by]] = found.get(words[by], funnel.Stages()) + funnel.Stages(*(n * stage for stage in one))
    rows = []
    for name, stages in sorted(found.items(), key=lambda each: (-each[1].found, each[0])):
        named = {by: name} if by else {}
        mended = stages.confirmed / stages.asked if stages.asked else None
        rows.append({**named, **stages._asdict(), "mended_of_asked": mended})
    return rows


def funnel_columns(by: str) -> tuple[str, ...]:
    """Of the table of `funnel_rows`."""
    return (*([by] if by else []), *funnel.Stages._fields, "mended_of_asked")


def ratios(rows: npt.NDArray[Any], table: Mapping[str, Row]) -> dict[str, Ratio]:
    """MEASURES of judged messages (`model.CLOSED`); own traffic and what nobody can tell is in no packed row's outcome."""
    judged = rows[np.isin(rows["outcome"], [OUTCOMES.index("delivered"), OUTCOMES.index("failed")])]
    failed = judged[judged["outcome"] == OUTCOMES.index("failed")]
    groups = np.array([known.group if (known := table.get(rule)) is not None else "" for rule in RULES])
    of = groups[failed["rule"]] if len(failed) else np.zeros(0, groups.dtype)
    return {
        "success": Ratio(len(judged) - len(failed), len(judged)),
        "no_retrieval": Ratio(int(np.count_nonzero(of == "no_retrieval")), len(judged)),
        "retrieval_failed": Ratio(int(np.count_nonzero(of == "retrieval_failed")), len(judged)),
    }


def effects(groups: CareGroups, table: Mapping[str, Row]) -> dict[str, Any]:
    """What care is good for: everybody who was not held back, and those who were helped, each beside those who were held back."""
    held = ratios(groups.held_back.rows, table)
    told: dict[str, Any] = {"held_back": _group(groups.held_back)}
    for name, group in (("others", groups.others), ("helped", groups.helped)):
        theirs = ratios(group.rows, table)
        too_few = min(held["success"].of, theirs["success"].of) < FEW or min(groups.held_back.looked, group.looked) < FEW_PEOPLE
        measures = [_effect(measure, effect(theirs[measure], held[measure])) for measure in MEASURES]
        told[name] = {**_group(group), "too_few": too_few, "measures": measures}
    return told


def _group(group: CareGroup) -> dict[str, Any]:
    return {"people": group.people, "looked": group.looked}


def _effect(measure: str, one: Effect) -> dict[str, Any]:
    return {
        "measure": measure, "n": one.helped.n, "of": one.helped.of, "share": one.helped.share, "held_back_n": one.held_back.n,
        "held_back_of": one.held_back.of, "held_back_share": one.held_back.share, "lift": one.lift,
        "low": one.interval.low if one.interval is not None else None, "high": one.interval.high if one.interval is not None else None,
        "proven": one.proven,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------------ the API


class CareApi:
    """The handlers. `rows` are those of the table of causes."""

    def __init__(self, store: Store, ask: Ask, granted: Granted, *, wall: Callable[[], int], rows: Mapping[str, Row]) -> None:
        self._store = store
        self._ask = ask
        self._acting = Acting(store, ask, granted, wall)
        self._wall = wall
        self._rows = rows

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/care/cases", self.cases, "read"),
            Route("GET", "/api/v1/care/handover", self.handover, "read"),
            Route("GET", "/api/v1/care/handover.csv", self.handover_table, "read"),
            Route("POST", "/api/v1/care/handover/export", self.export, "reveal"),
            Route("POST", "/api/v1/care/handover/{id}/done", self.done, "care"),
            Route("GET", "/api/v1/care/funnel", self.funnel, "read"),
            Route("GET", "/api/v1/care/funnel.csv", self.funnel_table, "read"),
            Route("GET", "/api/v1/care/effect", self.effect, "read"),
        ]

    async def cases(self, request: web.Request) -> web.Response:
        query = known_only(request, "state", "limit", "after")
        state = query.get("state")
        if state is not None and state not in tuple(State):
            refuse("state", state, f"one of {', '.join(State)}")
        limit = whole(query, "limit", 100, 1, MOST_ROWS)
        rows = await self._page(lambda: self._store.care_cases(state, limit, query.get("after", "")))
        return reply({"cases": [case_row(row) for row in rows], "after": rows[-1].place if len(rows) == limit else None})

    async def handover(self, request: web.Request) -> web.Response:
        query = known_only(request, "kind", "limit", "after")
        limit, rows = await self._listed(query)
        return reply({"handover": [handover_row(row) for row in rows], "after": rows[-1].place if len(rows) == limit else None})

    async def handover_table(self, request: web.Request) -> web.StreamResponse:
        kind = _kind(known_only(request, "kind").get("kind", ""))

        def page_of(after: str | None) -> tuple[list[dict[str, Any]], str | None]:
            page = self._store.handovers(MOST_ROWS, after or "", kind)
            return [handover_row(row) for row in page], page[-1].place if len(page) == MOST_ROWS else None

        return await csv_stream(request, "mmsd-handover.csv", HANDOVER_COLUMNS, self._ask, page_of)

    async def export(self, request: web.Request) -> web.Response:
        known_only(request)
        asked = await posted(request, Export)
        check_said(who=asked.who, why=asked.why)
        if not 1 <= asked.limit <= MOST_EXPORTED:
            raise Problem(400, "bad_parameter", f"limit is not a whole number from 1 to {MOST_EXPORTED}", "Leave it out for 1000.")
        kind = _kind(asked.kind)
        rows = await self._page(lambda: self._store.handovers(asked.limit, asked.after, kind))
        deed = Deed(asked.who, "reveal", f"hand-over list, {len(rows)} cases", asked.why)
        now = self._wall()
        await self._ask(lambda: self._store.transact(Needs(), lambda _: Batch(now, deeds=[deed])))
        answer = csv_file("mmsd-handover-full.csv", HANDOVER_COLUMNS, [handover_row(row, str) for row in rows])
        if len(rows) == asked.limit:
            answer.headers["After"] = rows[-1].place
        return answer

    async def done(self, request: web.Request) -> web.Response:
        known_only(request)
        order = await posted(request, Signed)
        check_said(who=order.who, why=order.why)
        subscriber, _, case = request.match_info["id"].partition(".")
        row = None
        if all(part.isascii() and part.isdigit() and len(part) < 19 for part in (subscriber, case)):
            row = await self._ask(lambda: self._store.handover(int(subscriber), int(case)))

        def decide(rows: Rows) -> Batch | Problem:
            return _off(row, self._wall(), order.who, order.why) if row is not None and row.msisdn else _not_listed()

        return await self._acting.act(request, order, Needs(), decide, {"done": True})

    async def funnel(self, request: web.Request) -> web.Response:
        query = known_only(request, "by", "from", "to", "days", "origin")
        since, until, rows = await self._funnel(query)
        return reply({"from": iso(since), "to": iso(until), "by": query.get("by", ""), "funnel": rows})

    async def funnel_table(self, request: web.Request) -> web.Response:
        query = known_only(request, "by", "from", "to", "days", "origin")
        _, _, rows = await self._funnel(query)
        return csv_file("mmsd-care-funnel.csv", funnel_columns(query.get("by", "")), rows)

    async def effect(self, request: web.Request) -> web.Response:
        query = known_only(request, "from", "to", "days", "looked")
        since, until = self._range(query)
        most = whole(query, "looked", LOOKED, 1, MOST_LOOKED)
        groups = await self._ask(lambda: self._store.care_groups(since, until, most))
        return reply({"from": iso(since), "to": iso(until), "few": FEW, "few_people": FEW_PEOPLE, **effects(groups, self._rows)})

    # ------------------------------------------------------------------------------------------------------------------- shared

    async def _listed(self, query: Mapping[str, str]) -> tuple[int, list[Handover]]:
        kind, limit = _kind(query.get("kind", "")), whole(query, "limit", 100, 1, MOST_ROWS)
        return limit, await self._page(lambda: self._store.handovers(limit, query.get("after", ""), kind))

    async def _page(self, read: Callable[[], list[Any]]) -> list[Any]:
        try:
            return await self._ask(read)
        except ValueError:
            raise Problem(
                400, "bad_parameter", "after is not an `after` of an earlier answer", "Leave it out for the first page."
            ) from None

    async def _funnel(self, query: Mapping[str, str]) -> tuple[int, int, list[dict[str, Any]]]:
        by, origin = query.get("by", ""), query.get("origin", funnel.FOUND)
        if by not in ("", *funnel.BY):
            refuse("by", by, f"one of {', '.join(funnel.BY)}")
        since, until = self._range(query)
        tallies = await self._ask(lambda: self._store.care_tallies(since, until, None if origin == "all" else origin))
        return since, until, funnel_rows(tallies, by)

    def _range(self, query: Mapping[str, str]) -> tuple[int, int]:
        until = moment(query, "to") or self._wall() + 1
        since = moment(query, "from")
        days = whole(query, "days", USUAL // DAY, 1, MOST_DAYS)
        since = max(until - days * DAY, 0) if since is None else since
        if not 0 < until - since <= MOST_DAYS * DAY:
            raise Problem(400, "bad_range", "`from` … `to` is empty or too long", f"Ask for up to {MOST_DAYS} days; `to` is the later one.")
        return since, until


def _kind(text: str) -> str | None:
    if text and text not in tuple(Kind):
        refuse("kind", text, f"one of {', '.join(Kind)}")
    return text or None


def _off(row: Handover, now: int, who: str, why: str) -> Batch:
    """What somebody did about a case takes it off the list."""
    listing = Listing(row.msisdn, row.case, row.kind, row.reason, on=False)
    return Batch(now, listed=[listing], deeds=[Deed(who, "handover_done", f"subscriber {row.subscriber} case {row.case}", why)])


def _not_listed() -> Problem:
    return Problem(404, "not_listed", "this case is not on the hand-over list", "See GET /api/v1/care/handover.")


def take_off(store: Store, subscriber: int, case: int, *, who: str, why: str, now: int) -> bool:
    """The same, without a daemon. False when the case is not on the list."""
    row = store.handover(subscriber, case)
    if row is None or not row.msisdn:
        return False
    store.transact(Needs(), lambda _: _off(row, now, who, why))
    return True
