"""The express lane says what the rules say, or nothing; and its compiled twin does what its specification does."""

from __future__ import annotations

import random
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mmsd import config
from mmsd.errors import StoreError
from mmsd.fast import Texts, express_py
from mmsd.fast.portrait_py import PORTRAIT, portraits, unpack_lines, unpack_said
from mmsd.fast.trace import NEVER, TRACE
from mmsd.model import COLUMNS, MINUTE, SECOND, Content, Kind, PushState, Records, TextColumn
from mmsd.rules.causes import CAUSES, RULES
from mmsd.rules.express import laws
from mmsd.rules.groups import Changes, Groups
from mmsd.rules.relate import Context, Covered, assemble
from mmsd.rules.settings import Judgement
from mmsd.rules.signs import look
from mmsd.rules.sums import sums
from mmsd.rules.traces import AT, FEED, KIND, ORIGIN, WHERE, Trace
from tests.rules import dossiers
from tests.rules.dossiers import (
    ANN,
    BOB,
    CAT,
    FEEDS,
    OTHER_MMSC,
    answer,
    fetched,
    get,
    name,
    notify,
    post,
    push,
    receipt,
    report,
    submit,
    trace,
)  # fmt: skip

BUILDS: list[Any] = [express_py.Express]
if find_spec("mmsd.fast.express_c") is not None:
    from mmsd.fast import express_c

    BUILDS.append(express_c.Express)

NODE, CITY = 65_000, 60_000
"""Labels of the first node, and of the city: as great as they may be."""

COVERS = (Covered(0), Covered(0, 0), Covered(0, 0, 0), Covered(0, None, 0))
SUBJECT = TRACE.names.index("subscriber") if TRACE.names else 0


def story(draw: random.Random, first: int = 0) -> list[Trace]:
    """One to three messages to Ann, mostly as they should go; now and then a line is missing, doubled, odd or out of time."""
    lines: list[Trace] = []
    for number in range(first, first + draw.choice((1, 1, 1, 2, 3))):
        message, leg, sender = f"m{number}", f"t{number}", draw.choice((BOB, BOB, CAT))
        at = draw.choice((0, 0, 3, 40, 150)) + draw.random() * 4
        sent = at + draw.random()
        pushed = sent + draw.choice((0.2, 1.0, 1.0, 2.5, 5.0))
        got = pushed + draw.choice((1.0, 4.0, 30.0, 120.0)) * draw.random()
        said = got + draw.choice((0.5, 2.0, 15.0)) * draw.random()
        told = draw.choice((129, 129, 129, 129, 131, 130, 132, -1))
        whole = [
            submit(at, message, sender, size=draw.choice((-1, 900)), d=int(draw.random() < 0.03), seed=40_000 * (draw.random() < 0.02)),
            notify(sent, message), push(pushed, leg, sender, seed=40_000 * (draw.random() < 0.02)),
            receipt(pushed + draw.random() * 3, f"{leg}@{pushed:g}", draw.choice((PushState.DELIVERED, PushState.EXPIRED))),
            get(got - 0.1, leg, draw.choice((200, 200, 200, 200, 500)), size=draw.choice((1000, 1000, 100))),
            fetched(got, message, draw.choice((sender, sender, sender, BOB))),
            post(said - 0.1, draw.choice(("mmsc", "mmsc", "mmsc", "wap.sina.com", "elsewhere")), draw.choice((200, 200, 200, 404)),
                 b=draw.choice((Content.MMS, Content.MMS, Content.NOT_LOGGED, Content.FORM)), c=draw.choice((0, 0, 0, Content.HTML)),
                 transaction=draw.choice((0, 0, 0, 0, 0, 0, 0, "mmsc", "elsewhere"))),  # the host asked for, where it was sent elsewhere
            answer(said, leg, told),
        ]  # fmt: skip
        extra = [
            report(said + 1, draw.choice((129, 129, 128, 131)), message, sender), fetched(got + 3, message, sender),
            notify(said + 4, message),
            answer(got + 0.2, leg, 131),
            trace(ORIGIN, at - draw.random(), message=draw.choice((message, "own")), other=BOB),
            push(pushed + 20, leg, sender), post(at + 2, "mmsc", b=Content.MMS), trace(Kind.SENT_OUT, said, message=message, other=sender),
            submit(at + 1, message, sender, feed=OTHER_MMSC), trace(Kind.FETCH_FAILED, got - 1),
        ]  # fmt: skip
        lines += [line for line in whole if draw.random() < 0.95]
        lines += [line for line in extra if draw.random() < 0.06]
    return lines


def stories(draw: random.Random) -> list[Trace]:
    """One, of Ann; now and then some thirty messages as they should go, one after the other, before it."""
    lines = story(draw)
    if draw.random() < 0.01:
        for number in range(draw.randrange(20, 40)):
            lines += shifted(by_the_book(draw, 1000 + number), ANN, -400 * (number + 1))
    return lines


def by_the_book(draw: random.Random, number: int) -> list[Trace]:
    """One message as it should go; one in three is not fetched while anybody looks."""
    message, leg = f"m{number}", f"t{number}"
    pushed, got = 2 + draw.random(), 4 + 20 * draw.random()
    said = got + draw.choice((0.5, 2.0, 15.0))
    whole = [
        submit(0, message), notify(1, message), push(pushed, leg), receipt(pushed + 1, f"{leg}@{pushed:g}"), get(got - 0.1, leg),
        fetched(got, message), post(said - 0.1, "mmsc", b=Content.MMS), answer(said, leg),
    ]  # fmt: skip
    return whole if draw.random() < 0.67 else whole[:4]


def shifted(lines: list[Trace], who: int, by: int) -> list[Trace]:
    """The same of somebody else, so many seconds later."""
    moved = [list(line) for line in lines]
    for line in moved:
        line[SUBJECT], line[AT] = who, line[AT] + by * SECOND
    return [tuple(line) for line in moved]


def rows_of(lines: list[Trace]) -> Any:
    return np.array(lines, TRACE)


def lane(build: Any, context: Context) -> Any:
    express = build(laws(context.settings, config.load_causes()))
    express.set_feeds([feed.domain for feed in FEEDS], range(NODE, NODE + len(FEEDS)))
    express.set_ours([name("mmsc")])
    express.set_covered(context.covered.sms is not None, context.covered.gateway is not None)
    express.set_cities([("86138", CITY)])
    return express


@pytest.mark.parametrize("build", BUILDS)
def test_what_it_says_the_rules_say(build: Any, seed: int, effort: int) -> None:
    spoke = odd = 0
    for number in range(seed, seed + 1500 * effort):
        draw = random.Random(number)
        covered = draw.choice(COVERS)
        context = dossiers.context(covered=covered, skew=draw.choice((0.0, 1.0)), join=3.0)
        lines = [line for line in stories(draw) if (line[KIND] != Kind.ATTEMPT or covered.gateway is not None)]
        lines = [line for line in lines if covered.sms is not None or line[KIND] not in (Kind.PUSH, Kind.PUSH_REPORT)]
        if not lines:
            continue
        # the rules try a push on any delivery at once, the lane waits until what stands beside it must have been read
        horizon = max(line[AT] for line in lines) + draw.choice((5, 10, 30, 100, 400, 900)) * SECOND
        express = lane(build, context)
        draw.shuffle(lines)
        while lines:
            cut = draw.randrange(1, 9)
            express.take(rows_of(lines[:cut]), 0)
            lines = lines[cut:]
            if lines and draw.random() < 0.5:
                express.survey(0)
        express.touch_all()
        if len(express.survey(horizon).odd):
            odd += 1
            continue
        traces = sorted(express.traces(ANN).tolist(), key=lambda t: (t[AT], t[FEED], t[WHERE]))
        _, said, _ = express.drop(np.array([ANN], np.uint64))
        whole = assemble(ANN, traces, context)
        expected = {}
        for thread in whole.threads:
            seen = look(thread, whole, context, horizon)
            verdict = config.load_causes().judge(seen.signs)
            closes = verdict.outcome != "open"
            expected[thread.domain, thread.identity] = (
                verdict.rule, round(100 * verdict.confidence), seen.closed if closes else 0, NEVER if closes else seen.due, thread.began,
            )  # fmt: skip
            assert (verdict.hints, verdict.outcome in ("open", "delivered")) == ((), True), number
        found = {
            (int(row["domain"]), int(row["identity"])): (
                RULES[row["rule"]], int(row["confidence"]), int(row["closed"]), int(row["due"]), int(row["began"]),
            )
            for row in said
        }  # fmt: skip
        assert found == expected, f"story {number}"
        spoke += bool(found)
    assert min(spoke, odd) > 100, "stories of both kinds"


def test_the_compiled_lane_does_as_specified(seed: int, effort: int) -> None:
    if len(BUILDS) < 2:
        pytest.skip("the compiled kernels are not here")
    for number in range(seed, seed + 150 * effort):
        draw = random.Random(number)
        context = dossiers.context(covered=COVERS[2], quiet=50.0)
        both = [lane(build, context) for build in BUILDS]
        copies = [lane(build, context) for build in BUILDS]
        lines = []
        for who in range(ANN, ANN + 5):
            for first in range(0, 3 * draw.choice((1, 1, 2, 4)), 3):
                lines += shifted(story(draw, first), who, draw.randrange(200) + 100 * first)
        lines.sort(key=lambda line: line[AT] + draw.randrange(20) * SECOND)
        horizon, group, everybody = 0, 0, np.arange(ANN, ANN + 6, dtype=np.uint64)
        store: dict[int, tuple[Any, bytes]] = {}
        while lines or horizon < 2000 * SECOND:
            cut = draw.randrange(12)
            taken, lines = lines[:cut], lines[12:]
            if draw.random() < 0.5:
                left = [express.take(rows_of(taken), horizon).tolist() for express in both]
            else:
                left = [taken_of(express, taken, horizon) for express in both]
            assert left[0] == left[1], number
            horizon += draw.randrange(120) * SECOND
            assert both[0].due(horizon) == both[1].due(horizon), number
            _come_back(both, store, horizon, draw)
            surveys = [express.survey(horizon) for express in both]
            assert surveys[0].counts == surveys[1].counts, number
            assert surveys[0].odd.tolist() == surveys[1].odd.tolist(), number
            closed = [sorted(zip(survey.closed.tolist(), survey.nodes.tolist(), strict=True)) for survey in surveys]
            assert closed[0] == closed[1], number
            assert sorted(surveys[0].measured.tolist()) == sorted(surveys[1].measured.tolist()), number
            dropped = [express.drop(surveys[0].odd) for express in both]
            dropped = [(sorted(rows.tolist()), sorted(said.tolist()), texts) for rows, said, texts in dropped]
            assert dropped[0] == dropped[1], number
            if draw.random() < 0.3:
                heard = draw.random() < 0.9
                young = horizon - draw.randrange(600) * SECOND
                holders = draw.sample((BOB, CAT), draw.randrange(3))
                for express in both:
                    express.add_holders(holders)
                waiting = [express.tidy(horizon - 50 * SECOND, horizon - MINUTE, heard, young).tolist() for express in both]
                assert waiting[0] == waiting[1], number
                group += 1
                spilled = [express.spill(np.array(waiting[0], np.uint64), group) for express in both]
                assert [list(part) for part in spilled[0]] == [list(part) for part in spilled[1]], number
                store[group] = np.array(waiting[0], np.uint64), spilled[0][1]
            if draw.random() < 0.2:
                slow = [who for who in range(ANN, ANN + 5) if draw.random() < 0.1]
                for express in both:
                    free = express.holds(np.array(slow, np.uint64)) == 0
                    express.set_slow([who for who, mine in zip(slow, free.tolist(), strict=True) if mine and not len(express.traces(who))])
            if draw.random() < 0.5:
                for express, copy in zip(both, reversed(copies), strict=True):  # each reads what the other wrote
                    copy.load(b"".join(express.delta()))
            assert both[0].keys().tolist() == both[1].keys().tolist(), number
            assert both[0].holds(everybody).tolist() == both[1].holds(everybody).tolist(), number
            assert len(both[0]) == len(both[1]), number
        for express, copy in zip(both, reversed(copies), strict=True):
            copy.load(b"".join(express.delta()))
        images = [image(express) for express in (*both, *copies)]
        assert images[0] == images[1] == images[2] == images[3], number


QUIET = 700
"""Seconds: longer than a story of lines that come in time."""


@pytest.mark.parametrize("build", BUILDS)
def test_it_says_the_same_whether_a_past_lies_in_the_store_or_not(build: Any, seed: int, effort: int) -> None:
    """Of people to whom messages come again and again, each long after the last, of which one in three is never fetched."""
    without = back = 0
    for number in range(seed, seed + 60 * effort):
        draw = random.Random(number)
        covered = draw.choice(COVERS)
        context = dossiers.context(covered=covered, skew=draw.choice((0.0, 1.0)), join=3.0, window=float(draw.choice((4000, 20_000))))
        here, away = lane(build, context), lane(build, context)
        groups = Groups(away, Texts())
        store: dict[int, tuple[bytes, bytes]] = {}
        lines: list[Trace] = []
        for who in range(ANN, ANN + 4):
            for first in range(0, 18 if draw.random() < 0.98 else 180, 3):
                told = story(draw, first) if draw.random() < 0.1 else by_the_book(draw, first)
                told = [line for line in told if line[KIND] != Kind.ATTEMPT or covered.gateway is not None]
                told = [line for line in told if covered.sms is not None or line[KIND] not in (Kind.PUSH, Kind.PUSH_REPORT)]
                lines += shifted(told, who, 500 * first + draw.randrange(300))
                if draw.random() < 0.1:  # somebody asks again for what he got long ago
                    lines += shifted([draw.choice(told)], who, 500 * first + 2000 + draw.randrange(3000))
        lines.sort(key=lambda line: line[AT] + (draw.randrange(900) * SECOND if draw.random() < 0.01 else 0))
        horizon, gone = 0, set[int]()
        while lines or horizon < 30_000 * SECOND:
            until = horizon + draw.randrange(1, 400) * SECOND
            taken = [line for line in lines if line[AT] <= until]
            lines = lines[len(taken) :] if taken == lines[: len(taken)] else [line for line in lines if line[AT] > until]
            left = [express.take(rows_of(taken), horizon).tolist() for express in (here, away)]
            assert left[0] == left[1], number
            horizon = until
            wanted = groups.wanted(horizon)
            back += len(wanted)
            groups.take_back([(group, *store[group]) for group in wanted])
            surveys = [express.survey(horizon) for express in (here, away)]
            without += sum(away.holds(surveys[1].closed["receiver"].astype(np.uint64)) > express_py.AWAY)
            assert surveys[0].counts == surveys[1].counts, number
            assert surveys[0].odd.tolist() == surveys[1].odd.tolist(), number
            closed = [sorted(zip(survey.closed.tolist(), survey.nodes.tolist(), strict=True)) for survey in surveys]
            assert closed[0] == closed[1], number
            gone.update(surveys[0].odd.tolist())
            dropped = [express.drop(surveys[0].odd) for express in (here, away)]
            for _, said, _ in dropped:
                said["stamp"][said["closed"] == 0] = 0  # of what is open as it was when he was looked at last
            given = [(sorted(rows.tolist()), sorted(said.tolist()), sorted(texts)) for rows, said, texts in dropped]
            assert given[0] == given[1], number
            _, quiet = (express.tidy(horizon - QUIET * SECOND, horizon - QUIET * SECOND, True) for express in (here, away))
            assert gone.isdisjoint(quiet.tolist())
            for each in groups.put_away(quiet, NEVER):
                store[each.id] = each.portraits, each.texts
    assert min(without, back) > 20, "some are asked for, and some are not"


def in_pieces(octets: bytes, draw: random.Random) -> list[bytes]:
    """Cut anywhere."""
    cuts = sorted(draw.randrange(len(octets) + 1) for _ in range(draw.randrange(6)))
    return [octets[start:stop] for start, stop in pairwise([0, *cuts, len(octets)])]


@pytest.mark.parametrize("build", BUILDS)
def test_what_was_packed_may_come_in_pieces_that_end_anywhere(build: Any, seed: int) -> None:
    draw, context = random.Random(seed), dossiers.context()
    for _ in range(20):
        express = lane(build, context)
        taken_of(express, story(draw), 0)
        express.survey(40 * SECOND)
        octets = b"".join(express.snapshot())
        copy = lane(build, context)
        Groups(copy, Texts()).load(Changes({}), in_pieces(octets, draw))
        assert image(copy) == image(express)
        assert not list(copy.delta()), "what was loaded is not new"
        with pytest.raises(StoreError, match="within a portrait"):
            Groups(lane(build, context), Texts()).load(Changes({}), in_pieces(octets[: -draw.randrange(1, 16)], draw))


def test_a_damaged_portrait_is_refused_or_read_as_specified(seed: int, effort: int) -> None:
    if len(BUILDS) < 2:
        pytest.skip("the compiled kernels are not here")
    draw, context = random.Random(seed), dossiers.context()
    read = refused = 0
    for _ in range(30 * effort):
        express = lane(BUILDS[0], context)
        taken_of(express, story(draw), 0)
        express.survey(40 * SECOND)
        octets = b"".join(express.snapshot())
        for _ in range(20):
            damaged = bytearray(octets)
            for _ in range(draw.randrange(1, 3)):
                damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
            expected, copy = (lane(build, context) for build in BUILDS)
            try:
                whole = expected.load(bytes(damaged)) == len(damaged)
            except ValueError:
                refused += 1
                continue
            assert copy.load(bytes(damaged)) == len(damaged) or not whole
            if whole:
                read += 1
                assert image(copy) == image(expected)
    assert min(read, refused) > 20, (read, refused)


@pytest.mark.parametrize("build", BUILDS)
def test_a_portrait_that_does_not_end_is_refused(build: Any) -> None:
    """By its lines, by how much was said, and by the line that it is told relative to."""
    context = dossiers.context()
    express = lane(build, context)
    express.take(rows_of([submit(0), notify(1), push(1)]), 0)
    express.survey(40 * SECOND)
    octets = b"".join(express.snapshot())
    (portrait,) = portraits(octets)
    lines = len(octets) - len(portrait.said)
    assert portrait.entries == 1
    for place, octet in ((PORTRAIT.size + 3, 0x88), (PORTRAIT.size + 7, 0xFF), (10, 2), (10, 0), (lines, 0xFF), (len(octets) - 1, 0xFF)):
        damaged = bytearray(octets)
        assert damaged[place] != octet
        damaged[place] = octet
        with pytest.raises(StoreError, match="damaged"):
            Groups(lane(build, context), Texts()).load(Changes({}), [bytes(damaged)])
        with pytest.raises(ValueError, match="damaged"):
            lane(build, context).revive(np.array([ANN], np.uint64), bytes(damaged))


def records_of(lines: list[Trace]) -> Records:
    """The lines as an MMSC's records, of kinds that the lane knows and others; texts as long as their hashes are even."""
    rows = rows_of(lines)
    names = {
        "at": "at", "kind": "kind", "where": "where", "sender": "other", "receiver": "subscriber", "message": "message", "size": "size",
        "transaction": "transaction", "status": "status", "code_set": "code_set", "link": "link", "authority": "authority",
        "location": "path", "expires": "extra", "push_error": "error", "push_state": "b", "interface": "a",
    }  # fmt: skip
    columns = {name: rows[of].astype(COLUMNS[name]) for name, of in names.items()}
    texts = {}
    for what in ("message", "transaction"):
        said = [f"{what} {key}".encode() * (1 + key % 2 * 20) if key % 3 else b"" for key in rows[what].tolist()]
        ends = np.cumsum([0, *map(len, said)], dtype=np.int64)
        texts[what] = TextColumn(b"".join(said), ends[:-1], ends[1:])
    return Records(len(rows), columns, texts)


def taken_of(express: Any, lines: list[Trace], horizon: int) -> list[Any]:
    """What it leaves of them as records; what it does not know it gets as rows."""
    taken = express.take_records(0, records_of(lines), horizon)
    express.take(rows_of(lines)[taken.rest], horizon)
    return [taken.rest.tolist(), list(zip(taken.rows.tolist(), taken.places.tolist(), strict=True)), taken.parties.tolist()]


def _come_back(both: list[Any], store: dict[int, tuple[Any, bytes]], horizon: int, draw: random.Random) -> None:
    """Who is asked for comes back from his group, unless it is gone; now and then all groups are."""
    if draw.random() < 0.05:
        for express in both:
            for group, (numbers, _) in store.items():
                express.expire(group, numbers)
        store.clear()
    asked = draw.randrange(ANN, ANN + 5)
    assert both[0].ask(asked) == both[1].ask(asked)
    wanted = [express.wanted(horizon) for express in both]
    assert sorted(zip(*wanted[0], strict=True)) == sorted(zip(*wanted[1], strict=True))
    numbers, groups = wanted[0]
    for group in np.unique(groups).tolist():
        ask = draw.random() < 0.5
        unsaid = [express.revive(numbers[groups == group], store[group][1] if group in store else b"", ask=ask) for express in both]
        assert unsaid[0].tolist() == unsaid[1].tolist()
        assert ask or not len(unsaid[0])


def image(express: Any) -> list[Any]:
    """Everybody's lines, texts and what was said of him."""
    found = []
    for portrait in portraits(b"".join(express.snapshot())):
        lines = unpack_lines(portrait.number, portrait.lines)
        said = unpack_said(portrait.number, lines, portrait.said, portrait.entries)
        told = [(line.row.tolist(), line.message, line.transaction) for line in lines]
        found.append((portrait.number, sorted(told), sorted(entry.tolist() for entry in said)))
    return sorted(found)


@pytest.mark.parametrize("build", BUILDS)
def test_a_delivery_by_the_book(build: Any) -> None:
    context = dossiers.context()
    express = lane(build, context)
    express.take(rows_of([submit(0), notify(1), push(1), receipt(2)]), 0)
    open_now = express.survey(2 * SECOND)
    key = (0, NODE, CITY, RULES.index("O2"), 0, -1)
    assert (open_now.counts, len(open_now.closed), open_now.odd.tolist()) == ({key: 1}, 0, [])
    express.take(rows_of([get(3), fetched(4), post(5, b=Content.MMS), answer(5)]), 2 * SECOND)
    told = express.survey(5 * SECOND)
    assert told.counts == {key: -1, (0, NODE, CITY, RULES.index("D1"), 0, 2): 1}
    (row,) = told.closed
    assert (row["receiver"], row["sender"], row["retrieved"], row["closed"], row["size"]) == (ANN, BOB, 4 * SECOND, 5 * SECOND, 900)
    assert (CAUSES[row["cause"]], RULES[row["rule"]], told.nodes.tolist()) == ("OK", "D1", [NODE])
    assert not express.survey(6 * SECOND).counts
    assert express.tidy(5 * SECOND, 0, True).tolist() == []
    assert len(express) == 1, "not yet quiet"
    assert express.tidy(6 * SECOND, 6 * SECOND, False).tolist() == [ANN], "a feed never heard of may change it"
    express.add_holders([BOB])
    assert express.tidy(6 * SECOND, 6 * SECOND, True, 0).tolist() == [ANN], "what a holder sent may turn out to be a seed"
    assert express.tidy(6 * SECOND, 6 * SECOND, True, SECOND).tolist() == [], "but not for ever"
    assert len(express) == 0
    assert not len(express.traces(ANN))


@pytest.mark.parametrize("build", BUILDS)
def test_a_restated_closing_takes_the_one_before_it_back(build: Any) -> None:
    express = lane(build, dossiers.context())
    express.take(rows_of([submit(0), notify(1), push(1), fetched(4), answer(5)]), 0)
    first = express.survey(5 * SECOND).measured
    assert first[["receiver", "n", "closed", "retrieved"]].tolist() == [(ANN, 1, 5 * SECOND, 4000)]
    express.take(rows_of([fetched(3)]), 5 * SECOND)  # it had been fetched before
    again = express.survey(6 * SECOND).measured
    assert sorted(again[["n", "closed", "retrieved"]].tolist()) == [(-1, 5 * SECOND, 4000), (1, 5 * SECOND, 3000)]
    keys, (n,) = sums((np.concatenate([first["closed"], again["closed"]]),), np.concatenate([first["n"], again["n"]]))
    assert (keys, n.tolist()) == ([(5 * SECOND,)], [1]), "one delivery, one closing"


def test_sums_are_the_same_wherever_the_values_lie(seed: int) -> None:
    draw = np.random.default_rng(seed)
    for spread in (3, 1_000, 1_000_000_000):
        columns = tuple(draw.integers(-spread, spread, 200) for _ in range(3))
        weight = draw.integers(-5, 5, 200)
        expected: dict[tuple[int, ...], int] = {}
        for *key, n in zip(*(column.tolist() for column in columns), weight.tolist(), strict=True):
            expected[tuple(key)] = expected.get(tuple(key), 0) + n
        keys, (found,) = sums(columns, weight)
        assert dict(zip(keys, found.tolist(), strict=True)) == expected


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("messages", "fetches", "odd"),
    [
        (express_py.MOST_THREADS, 0, []), (express_py.MOST_THREADS + 1, 0, [ANN]),
        (1, express_py.MOST_LINES - 4, []), (1, express_py.MOST_LINES - 3, [ANN]),
    ],
)  # fmt: skip
def test_a_robot_is_left_to_the_rules(build: Any, messages: int, fetches: int, odd: list[int]) -> None:
    express = lane(build, dossiers.context(covered=COVERS[0]))
    lines = []
    for number in range(messages):
        message = f"m{number}"
        whole = [submit(0, message), notify(1, message), fetched(4, message), answer(6, f"t{number}")]
        lines += shifted(whole, ANN, 100 * number)
    lines += [fetched(7 + number / 100, "m0") for number in range(fetches)]
    express.take(rows_of(lines), 0)
    survey = express.survey(10_000 * SECOND)
    assert survey.odd.tolist() == odd
    assert len(survey.closed) == (0 if odd else messages)


@pytest.mark.parametrize("build", BUILDS)
def test_whoever_is_odd_is_left_to_the_rules_until_released(build: Any) -> None:
    express = lane(build, dossiers.context())
    express.take(rows_of([submit(0), notify(1), answer(2, status=130)]), 0)
    assert express.survey(0).odd.tolist() == [ANN]
    rows, _, _ = express.drop(np.array([ANN], np.uint64))
    assert len(rows) == 3
    assert express.take(rows_of([notify(3)]), 0).tolist() == [True]
    express.set_slow([])
    assert express.take(rows_of([notify(3)]), 0).tolist() == [False]


@pytest.mark.parametrize("build", BUILDS)
def test_what_is_read_from_now_on_is_asked_of_what_lies_in_the_store_too(build: Any) -> None:
    express = lane(build, dossiers.context(covered=COVERS[0]))
    express.take(rows_of([submit(0), notify(1)]), 0)
    express.survey(SECOND)
    groups = Groups(express, Texts())
    (made,) = groups.put_away(np.array([ANN], np.uint64), NEVER)
    assert groups.wanted(2 * SECOND) == []
    express.set_covered(True, False)
    assert not express.survey(2 * SECOND).counts
    assert groups.wanted(3 * SECOND) == [made.id]
    groups.take_back([(made.id, made.portraits, made.texts)])
    assert not len(express.survey(3 * SECOND).odd)
    assert (len(express), len(express.traces(ANN))) == (1, 2)


def test_only_rows_that_deliver_or_wait_are_its_own() -> None:
    own = {RULES[rule] for rule in laws(Judgement(), config.load_causes()).rules if rule != express_py.ODD}
    assert own == {"D1", "D3", "D4", "O1", "O2"}


@pytest.mark.parametrize("build", BUILDS)
def test_who_comes_back_leaves_his_group_and_no_other(build: Any) -> None:
    """Asked for in one look: people of three groups, half of whom stand in another group afterwards. The last to leave ends his."""
    express = lane(build, dossiers.context())
    people = np.arange(ANN, ANN + 600, dtype=np.uint64)
    half, rest = people[::2].copy(), people[1::2].copy()
    express.take(rows_of([submit(0, subscriber=number) for number in people.tolist()]), 0)
    express.survey(SECOND)
    groups = Groups(express, Texts())
    store: dict[int, tuple[bytes, bytes]] = {}

    def away(numbers: Any) -> list[int]:
        made = groups.put_away(numbers, NEVER)
        store.update({each.id: (each.portraits, each.texts) for each in made})
        return [each.id for each in made]

    def back(numbers: Any) -> None:
        for number in numbers.tolist():
            assert express.ask(number)
        groups.take_back([(number, *store[number]) for number in groups.wanted(0)])
        express.survey(SECOND)

    def members(ids: list[int]) -> Any:
        found = np.concatenate([np.frombuffer(groups.held[each].numbers, np.uint64) for each in ids])
        return found[found != 0].tolist()

    first = away(people)
    back(half)
    assert members(first) == rest.tolist()
    second = away(half)
    back(rest)
    assert groups.over() == first
    assert list(groups.held) == second
    assert members(second) == half.tolist()
    assert len(express.traces(int(rest[0]))) == 1
