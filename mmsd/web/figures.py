"""Figures over time and by place: what `/api/v1/kpi/figures`, its CSV, the page of figures and `mmsd kpi` all show.

`ask` is pure over a `Reader` and blocks as it does; the definitions stand in `rules.kpi`. No row comes without its open share, and each
says whether it is final: whether nothing submitted in it can still change.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, timedelta, tzinfo
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec
from aiohttp import web

from mmsd.model import HOUR, CodeCount, UnknownCode
from mmsd.rules.codes import CodeBook
from mmsd.rules.kpi import WATCHED, Figures, Kpi, Mean, Ratio, by_cause, final_after, is_final, kpi, period_of
from mmsd.rules.settings import Judgement
from mmsd.rules.table import Row as TableRow
from mmsd.store import Split
from mmsd.web.answers import Ask, Problem, Route, iso, known_only, moment, refuse, reply
from mmsd.web.sheets import csv_file
from mmsd.web.source import Health, Reader
from mmsd.web.totals import window

By = Literal["hour", "day", "month", "node", "city", "model"]
BYS: Final[tuple[By, ...]] = get_args(By)

_LONG: Final = 400 * 24
MOST_HOURS: Final[dict[By, int]] = {"hour": 31 * 24, "day": _LONG, "month": _LONG, "node": _LONG, "city": _LONG, "model": _LONG}
USUAL_HOURS: Final[dict[By, int]] = {"hour": 24, "day": 31 * 24, "month": 366 * 24, "node": 24, "city": 24, "model": 31 * 24}
"""Asked for when no `from` is given."""
MOST_PLACES: Final = 500
"""Nodes, cities or models in one answer, those with the most deliveries; the total counts all."""


class Terms(NamedTuple):
    """By what figures are read: the zone of days and months, for how many µs an hour may still change, what codes and rows mean."""

    zone: tzinfo = UTC
    after: int = final_after(Judgement())
    book: CodeBook = CodeBook(())
    rows: Mapping[str, TableRow] = MappingProxyType({})


class Question(msgspec.Struct, frozen=True):
    """Hours of submission [from, to), split, and perhaps only of one node or of one city's senders."""

    from_hour: int
    to_hour: int
    by: By = "hour"
    node: str | None = None
    city: str | None = None


class Row(msgspec.Struct, frozen=True):
    """One period, node, city or model. `codes`: lines with the codes that are watched, None where they belong to no such part."""

    name: str
    final: bool
    kpi: Kpi
    codes: dict[str, int] | None


class Answer(msgspec.Struct, frozen=True):
    total: Row
    rows: tuple[Row, ...]
    left_out: int  # places beyond MOST_PLACES


def ask(source: Reader, question: Question, terms: Terms) -> Answer:
    """All figures of a question."""
    zone, after = terms.zone, terms.after
    horizon = source.horizon()
    first, last = question.from_hour, question.to_hour
    everything = is_final(last - 1, horizon, after)
    if question.by == "model":
        return _by_model(source, question, zone, everything)
    watched = _watched(source, question)
    parts: dict[str, Figures] = defaultdict(Figures)
    ends: dict[str, int] = {}
    codes: dict[str, Counter[str]] = defaultdict(Counter)
    over_time = question.by in ("hour", "day", "month")
    split: Split = "node" if question.by == "node" else "city" if question.by == "city" else "hour"
    for key, figures in source.figures(first, last, split, question.node, question.city).items():
        name = period_of(int(key), question.by, zone) if over_time else str(key)
        parts[name].add(figures)
        ends[name] = max(ends.get(name, 0), int(key)) if over_time else last - 1
    for name, count in watched:
        part = period_of(count.hour, question.by, zone) if over_time else count.node
        codes[part][name] += count.n
        if over_time:
            parts[part]  # a period with codes and no delivery is a row too
            ends[part] = max(ends.get(part, 0), count.hour)
    told = question.city is None and question.by != "city"  # codes are a node's, of no city
    rows = [
        Row(name, is_final(ends[name], horizon, after), kpi(figures), _zeros(codes[name]) if told else None)
        for name, figures in parts.items()
    ]
    whole = source.figures(first, last, "", question.node, question.city).get("", Figures())
    total = Row("", everything, kpi(whole), _zeros(Counter(name for name, count in watched for _ in range(count.n))) if told else None)
    if over_time:
        return Answer(total, tuple(sorted(rows, key=lambda row: row.name)), 0)
    return _largest(total, rows)


def _largest(total: Row, rows: list[Row]) -> Answer:
    rows.sort(key=lambda row: (-(row.kpi.delivered + row.kpi.failed + row.kpi.open), row.name))
    return Answer(total, tuple(rows[:MOST_PLACES]), max(len(rows) - MOST_PLACES, 0))


def _by_model(source: Reader, question: Question, zone: tzinfo, everything: bool) -> Answer:
    """Whole local days; the cube of models knows causes, not rows."""
    first, last = (date.fromisoformat(period_of(hour, "day", zone)) for hour in (question.from_hour, question.to_hour - 1))
    found = source.models(first.isoformat(), (last + timedelta(days=1)).isoformat())
    models: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for count in found:
        models[count.model].append((count.cause, count.n))
    rows = [Row(model, everything, _plain(by_cause(counts)), None) for model, counts in models.items()]
    return _largest(Row("", everything, _plain(by_cause((count.cause, count.n) for count in found)), None), rows)


def _plain(figures: Figures) -> Kpi:
    return msgspec.structs.replace(kpi(figures), regulatory=Ratio(0, 0, None))  # whose fault it was only the row tells


def _watched(source: Reader, question: Question) -> list[tuple[str, CodeCount]]:
    return [
        (name, count)
        for name, (table, code) in WATCHED.items()
        for count in source.codes(question.from_hour, question.to_hour, table, code)
        if question.node in (None, count.node)
    ]


def _zeros(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in WATCHED}


# ------------------------------------------------------------------------------------------------------------------------ as text


def flat(row: Row, head: str) -> dict[str, Any]:
    """A row as the columns of a table: each ratio with its parts, each mean with its number, no causes."""
    columns: dict[str, Any] = {head: row.name, "final": row.final}
    for name in Kpi.__struct_fields__:
        value = getattr(row.kpi, name)
        if isinstance(value, Ratio):
            columns |= {name: value.value, f"{name}_part": value.part, f"{name}_of": value.of}
        elif isinstance(value, Mean):
            columns |= {f"{name}_seconds": value.seconds, f"{name}_n": value.n}
        elif name != "causes":
            columns[name] = value
    return columns | (row.codes or {})


def columns(answer: Answer, head: str) -> tuple[str, ...]:
    """Of the table of an answer's rows: those of the total, which is there without any."""
    return tuple(flat(answer.total, head))


# ------------------------------------------------------------------------------------------------------------------------ the API


class FiguresApi:
    """The handlers."""

    def __init__(self, source: Reader, ask: Ask, health: Callable[[], Health], *, wall: Callable[[], int], terms: Terms) -> None:
        self._source = source
        self._ask = ask
        self._health = health
        self._wall = wall
        self._terms = terms

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/kpi/figures", self.figures, "read"),
            Route("GET", "/api/v1/kpi/figures.csv", self.table, "read"),
            Route("GET", "/api/v1/codes", self.codes, "read"),
        ]

    async def figures(self, request: web.Request) -> web.Response:
        question, answer = await self._answer(request)
        return reply(
            {
                "from": iso(question.from_hour * HOUR),
                "to": iso(question.to_hour * HOUR),
                "by": question.by,
                "node": question.node,
                "city": question.city,
                "zone": str(self._terms.zone),
                "total": _shown(answer.total),
                "rows": [{"name": row.name, **_shown(row)} for row in answer.rows],
                "left_out": answer.left_out,
            }
        )

    async def table(self, request: web.Request) -> web.Response:
        question, answer = await self._answer(request)
        name = f"mmsd-{question.by}-{(iso(question.from_hour * HOUR) or '')[:10]}.csv"
        return csv_file(name, columns(answer, question.by), (flat(row, question.by) for row in answer.rows))

    async def codes(self, request: web.Request) -> web.Response:
        """Codes that no table names now, and how often known bad ones came in the range."""
        query = known_only(request, "from", "to")
        from_hour, to_hour = self._range(query, "day")
        unknown, counts = await self._ask(lambda: (self._source.unknown_codes(), self._source.codes(from_hour, to_hour)))
        seen: Counter[tuple[str, str, str]] = Counter()
        for count in counts:
            seen[count.node, count.code_set, count.code] += count.n
        return reply(
            {
                "from": iso(from_hour * HOUR),
                "to": iso(to_hour * HOUR),
                "unknown": [unknown_row(self._terms.book, code) for code in unknown if not known_now(self._terms.book, code)],
                "codes": [self._counted(*key, n) for key, n in sorted(seen.items(), key=lambda item: (-item[1], item[0]))],
            }
        )

    def _counted(self, node: str, table: str, code: str, n: int) -> dict[str, Any]:
        row = self._terms.book.at(node=node).find(table, code).code if table in self._terms.book.tables else None
        return {"node": node, "set": table, "code": code, "n": n, "name": row.name if row else "", "cause": row.cause if row else ""}

    async def _answer(self, request: web.Request) -> tuple[Question, Answer]:
        query = known_only(request, "from", "to", "by", "node", "city")
        by = query.get("by", "hour")
        chosen = next((name for name in BYS if name == by), None)
        if chosen is None:
            refuse("by", by, f"one of {', '.join(BYS)}")
        for name in ("node", "city"):
            if len(query.get(name, "")) > 64:
                refuse(name, query[name], "a name of at most 64 letters")
        if chosen == "model" and ("node" in query or "city" in query):
            raise Problem(400, "bad_parameter", "by=model goes with no node and no city", "Models are counted for the whole network.")
        from_hour, to_hour = self._range(query, chosen)
        question = Question(from_hour, to_hour, chosen, query.get("node"), query.get("city"))
        return question, await self._ask(lambda: ask(self._source, question, self._terms))

    def _range(self, query: Mapping[str, str], by: By) -> tuple[int, int]:
        _, last = window(self._health(), self._wall())
        since, until = moment(query, "from"), moment(query, "to")
        to_hour = last if until is None else -(-until // HOUR)
        from_hour = max(0, to_hour - USUAL_HOURS[by]) if since is None else since // HOUR
        if not 0 < to_hour - from_hour <= MOST_HOURS[by]:
            detail = f"from `from` to `to` is {to_hour - from_hour} hours"
            raise Problem(400, "bad_range", detail, f"Ask for 1 to {MOST_HOURS[by]} hours by {by}; `to` is the later one.")
        return from_hour, to_hour


def _shown(row: Row) -> dict[str, Any]:
    return {"final": row.final, **msgspec.structs.asdict(row.kpi), "codes": row.codes}


def known_now(book: CodeBook, code: UnknownCode) -> bool:
    """Whether a code that was unknown has been given a meaning since."""
    return code.code_set in book.tables and book.at(node=code.node).find(code.code_set, code.code).known


def unknown_row(book: CodeBook, code: UnknownCode) -> dict[str, Any]:
    """An unknown code as JSON, with how it is read meanwhile."""
    reading = book.at(node=code.node).find(code.code_set, code.code) if code.code_set in book.tables else None
    return {
        "node": code.node, "set": code.code_set, "code": code.code, "n": code.n, "first": iso(code.first), "last": iso(code.last),
        "read_as": reading.read_as if reading else "", "cause": reading.code.cause if reading else "",
    }  # fmt: skip
