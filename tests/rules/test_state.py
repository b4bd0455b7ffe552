"""State: merging commutes, what is packed comes back as it was, what is spilled or pruned is not missed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from mmsd import config
from mmsd.errors import StoreError
from mmsd.fast.trace import TRACE
from mmsd.model import COLUMNS, MINUTE, NOT_A_NUMBER, SECOND, Content, Kind, Method, Records, Stretch, TextColumn
from mmsd.rules import state as packed_state
from mmsd.rules.conditions import FILES_MISSING
from mmsd.rules.finding_memory import Said
from mmsd.rules.findings import REQUEST, Found, Ground
from mmsd.rules.holdings import Holding
from mmsd.rules.relate import ANY_DOMAIN, NEVER, Expected
from mmsd.rules.scope import Scope, Scopes
from mmsd.rules.settings import Judgement
from mmsd.rules.state import ACTIVE_STEP, FORMAT, HEADER, NOTIFICATION, Published, State, lease_key
from mmsd.rules.traces import AT, KIND, ORIGIN, OUTSIDE, REFUSAL, TRANSACTION, D

START = 1_795_309_200_000_000
ANN, BOB, CAT = 8613800000001, 8613800000002, 8613800000003
HOST, PORTAL, WAP = 501, 502, 503
MMSC, SMS, GATEWAY, SESSIONS = range(4)


@pytest.fixture(autouse=True)
def tidy_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old texts go at once."""
    monkeypatch.setattr(packed_state, "SPARE_TEXTS", -(1 << 40))


def new_state(**settings: float) -> State:
    state = State(
        settings=msgspec.structs.replace(Judgement(portal=3, quiet=100.0, session=60.0, reaction=10.0), **settings),
        expected=Expected(frozenset({HOST}), frozenset(), (), frozenset()),
        codes=config.load_codes(),
        causes=config.load_causes(),
    )
    for name, family in (("mmsc1", "mmsc"), ("sms1", "sms"), ("wap1", "gateway"), ("aaa1", "sessions")):
        state.feed(name, name, "", family)
    return state


_places = iter(range(1, 1 << 40))


def records(*rows: dict[str, Any]) -> Records:
    """Records of these columns, times in seconds after START; `message_text` gives the text behind `message`."""
    columns = {name: Records.empty()[name].repeat(0) for name in COLUMNS}
    texts = b"".join(row.get("message_text", b"") for row in rows)
    stops = np.cumsum([len(row.get("message_text", b"")) for row in rows])
    for name, kind in COLUMNS.items():
        default = -1 if name in ("status", "size", "octets", "sent", "duration") else 0
        columns[name] = np.array([row.get(name, default) for row in rows], kind)
    columns["at"] = np.array([START + round(row["at"] * SECOND) for row in rows], np.int64)
    columns["where"] = np.array([row.get("where", next(_places)) for row in rows], np.int64)
    starts = stops - [len(row.get("message_text", b"")) for row in rows]
    return Records(len(rows), columns, {"message": TextColumn(texts, starts.astype(np.int64), stops.astype(np.int64))})


def submit(at: float, message: int = 11, sender: int = BOB, receiver: int = ANN, **more: Any) -> dict[str, Any]:
    return {"kind": Kind.SUBMIT, "at": at, "message": message, "sender": sender, "receiver": receiver, **more}


def push(at: float, transaction: int = 21, receiver: int = ANN, sender: int = BOB) -> dict[str, Any]:
    fields = {"pdu": NOTIFICATION, "authority": HOST, "location": transaction + 1000, "link": transaction + 2000}
    return {"kind": Kind.PUSH, "at": at, "transaction": transaction, "receiver": receiver, "sender": sender, **fields}


def get(at: float, number: int = ANN, authority: int = PORTAL, method: int = Method.GET, **more: Any) -> dict[str, Any]:
    return {"kind": Kind.ATTEMPT, "at": at, "receiver": number, "authority": authority, "method": method, "status": 200, **more}


def start(at: float, number: int = ANN, session: int = 31, address: int = 7, ggsn: int = 41) -> dict[str, Any]:
    return {"kind": Kind.SESSION_START, "at": at, "receiver": number, "session": session, "address": address, "ggsn": ggsn, "apn": 51}


def image(state: State) -> dict[str, Any]:
    """State as plain values; what is a set in it is sorted."""
    logs = {name: sorted(row for run in log.runs for row in run.tolist()) for name, log in vars(state).items() if hasattr(log, "runs")}
    plain = (
        "feeds",
        "portals",
        "reset_at",
        "seeds",
        "cold",
        "authorities",
        "marks",
        "since",
        "watched",
        "horizon",
        "published",
    )
    return {
        **logs,
        **{name: getattr(state, name) for name in plain},
        "findings": state.findings.whole(),
        "texts": dict(state.texts.items()),
        "holdings": {number: state.holdings.of(number) for number in state.holdings.numbers()},
        "due": sorted({(due, number) for due, number in state._due if _awaited(state, due, number)}),
    }


def _awaited(state: State, due: int, number: int) -> bool:
    """Whether a deadline is still somebody's: one that was passed over asks nobody."""
    return state.cold.get(number, (0, 0))[0] == due or any(entry.due == due for entry in state.published.get(number, {}).values())


def loaded(packed: Sequence[bytes]) -> State:
    fresh = State(
        settings=Judgement(),
        expected=Expected(frozenset(), frozenset(), (), frozenset()),
        codes=config.load_codes(),
        causes=config.load_causes(),
    )
    fresh.load([octets[at : at + 97] for at in range(0, len(octets), 97)] for octets in packed)  # pieces end anywhere
    return fresh


def entry(subscriber: int = ANN, **changes: Any) -> Published:
    fields = {"domain": 0, "identity": 11, "forwarded": False, "rule": "O2", "outcome": "open", "due": START + 900 * SECOND, **changes}
    return Published(subscriber, **fields)


def test_merging_commutes(seed: int, effort: int) -> None:
    """Any order and any cut of each feed gives the same State: every part, but which lines of a step stand for the activity in it."""
    feeds = {
        MMSC: [submit(at, message=at, receiver=ANN + at % 7, message_text=b"m%d" % at) for at in range(40)],
        SMS: [push(at, transaction=at, receiver=ANN + at % 7) for at in range(40)],
        GATEWAY: [get(at / 2, ANN + at % 7, HOST if at % 3 else PORTAL + at % 2, 2 if at % 5 else 1) for at in range(80)],
        SESSIONS: [start(at, ANN + at % 7, session=at, address=at % 5) for at in range(40)]
        + [{"kind": Kind.SESSION_ON, "at": at, "ggsn": 41} for at in (3, 9)],
    }
    for rows in feeds.values():
        for place, row in enumerate(rows):
            row["where"] = place

    def merged(draw: random.Random) -> State:
        state, left = new_state(), {feed: draw.sample(rows, len(rows)) for feed, rows in feeds.items()}
        while left:
            feed = draw.choice(list(left))
            cut = draw.randrange(1, 30)
            state.take(feed, records(*left[feed][:cut]))
            left[feed] = left[feed][cut:]
            if not left[feed]:
                del left[feed]
        return state

    first = merged(random.Random(seed))
    for number in range(seed + 1, seed + 1 + 20 * effort):
        other = merged(random.Random(number))
        mine, theirs = image(first), image(other)
        mine.pop("active"), theirs.pop("active")
        assert mine == theirs, f"order {number}"
        for subscriber in range(ANN, ANN + 7):
            for stop in range(0, 40 * SECOND, 7 * SECOND):
                ask = subscriber, START + stop // 2, START + stop
                assert first._activity(*ask) == other._activity(*ask), f"order {number}"


def test_a_delta_is_what_changed() -> None:
    """Deltas folded together, and a snapshot in their middle, give the State they were made of."""
    state, packed = new_state(), []

    def keep() -> None:
        packed.append(b"".join(state.delta()))
        assert image(loaded(packed)) == image(state)

    keep()
    state.take(MMSC, records(submit(1, message_text=b"m11"), submit(2, message=12, sender=7 | NOT_A_NUMBER)))
    state.take(SMS, records(push(2)))
    keep()
    state.publish(entry())
    state.publish(entry(BOB, identity=12, due=NEVER, closed=START, settled=START + SECOND, lines=77))
    state.seed_message(11, [1])
    state.seed_message(11, [2, 1])
    state.hold(Holding(ANN, START, "torch", 3, 1, b"key of sixteen 1", BOB))
    state.findings.learn(ANN, [Ground((REQUEST, 2, 77), "BAD_APN", 5, 0.8, "post", 0, 2, 77, 13)])
    state.findings.say(ANN, Found("BAD_APN", 5, 0, 0.8, "normal", ()))
    state.horizon = START + 5 * SECOND
    keep()
    state.take(GATEWAY, records(get(3), get(4, authority=HOST), get(5, BOB), get(6, CAT)))
    state.take(SESSIONS, records(start(3), {"kind": Kind.SESSION_OFF, "at": 4, "ggsn": 41}))
    state.publish(entry(due=NEVER, closed=START + SECOND, awarded=("torch",)))
    state.retract(state.published[BOB][0, 12, False])
    keep()
    spilled = state.spill([ANN], START + 1000 * SECOND)
    keep()
    assert list(state.cold) == [ANN]
    assert not state.published
    packed[:] = [b"".join(state.snapshot())]
    assert image(loaded(packed)) == image(state)
    state.thaw({number: blob for number, blob, _ in spilled})
    keep()
    assert state.published[ANN][0, 11, False].awarded == ("torch",)
    assert not list(state.delta())


def test_another_format_is_refused() -> None:
    newer = HEADER + bytes([FORMAT + 1]) + b"whatever it may be"
    for packed in (newer, b"", b"older, without a header"):
        with pytest.raises(StoreError, match=f"this mmsd reads 9 and {FORMAT};"):
            loaded([packed])


def test_portals_are_the_earliest_numbers_of_a_host(seed: int) -> None:
    """From the moment the third number was seen to GET there a host is a portal, whatever came in which order."""
    draw = random.Random(seed)
    rows = [get(draw.randrange(1000), ANN + draw.randrange(6), PORTAL) for _ in range(200)]
    firsts = {number: min(row["at"] for row in rows if row["receiver"] == number) for number in {row["receiver"] for row in rows}}
    state = new_state()
    for cut in range(0, 200, 11):
        state.take(GATEWAY, records(*rows[cut : cut + 11]))
        assert len(state.portals[PORTAL]) <= 6
    assert state.context().portal_at(PORTAL) == START + sorted(firsts.values())[2] * SECOND
    assert state.context().portal_at(HOST) == NEVER


def test_a_lease_is_found_by_its_address_behind_its_ggsn() -> None:
    state = new_state()
    state.take(SESSIONS, records(start(1, ANN, 31), start(5, BOB, 32), start(6, CAT, 33, ggsn=42), start(7, CAT, 34, address=0)))
    leases = state.context().leases
    assert [(row[0], row[1]) for row in leases(41, 7)] == [
        (int(lease_key(np.array([41], np.uint64), np.array([7], np.int32))[0]), START + at * SECOND) for at in (1, 5)
    ]
    assert len(leases(42, 7)) == 1
    assert leases(41, 0) == (), "no address is nobody's"


def test_a_line_of_a_time_already_judged_asks_again() -> None:
    """What would wait for a deadline speaks at once when the verdict is out; what came after the verdict's time does not."""
    state = new_state()
    for feed in range(4):
        state.take(feed, records({"kind": Kind.NONE, "at": 0}))
    receipt = {"kind": Kind.PUSH_REPORT, "receiver": ANN, "link": 1}
    assert not len(state.take(SMS, records({**receipt, "at": 5})))
    state.publish(entry(outcome="delivered", closed=START + 6 * SECOND, settled=START + 8 * SECOND, due=NEVER))
    assert state.take(SMS, records({**receipt, "at": 8})).tolist() == [ANN]
    assert not len(state.take(SMS, records({**receipt, "at": 9})))
    state.horizon = START + 20 * SECOND
    assert state.take(SMS, records({**receipt, "at": 20})).tolist() == [ANN]
    assert state.take(GATEWAY, records(get(20), get(20, CAT))).tolist() == [ANN], "a line that is not kept says that he was there"
    assert not len(state.take(GATEWAY, records(get(21))))


def test_the_first_line_of_its_kind_asks_everybody_again() -> None:
    state = new_state()
    state.publish(entry())
    state.cold[CAT] = (NEVER, NEVER)
    assert state.take(SESSIONS, records(start(1, BOB))).tolist() == [ANN, CAT]
    assert not len(state.take(SESSIONS, records(start(2, BOB))))


def test_the_cold_give_back_what_they_took() -> None:
    """Traces, verdicts, texts and signs of life; a message to oneself too, although what one sent stays in memory."""
    state = new_state()
    state.take(MMSC, records(submit(1, message_text=b"m11"), submit(2, message=12, sender=ANN, message_text=b"m12")))
    state.take(GATEWAY, records(get(3), get(4, authority=HOST)))
    state.publish(entry())
    before, life = state.log.dossier(ANN), state._activity(ANN, START, START + 9 * SECOND)
    ((number, blob, until),) = state.spill(state.quiet(START + 500 * SECOND), START + 500 * SECOND)
    assert (number, until > START) == (ANN, True)
    assert {row[KIND] for row in state.log.dossier(ANN)} == {ORIGIN, Kind.ATTEMPT}
    state.prune(START + 3600 * SECOND)
    assert b"m12" not in dict(state.texts.items()).values()
    assert state.due(START + 900 * SECOND)[0].tolist() == [ANN], "its deadline is watched all the same"
    for _ in range(2):  # what is there already is not taken twice
        state.thaw({number: blob})
        assert sorted(state.log.dossier(ANN)) == sorted(before)
        assert state._activity(ANN, START, START + 9 * SECOND) == life
        assert len(state.active.dossier(ANN)) == 1
    assert state.published == {ANN: {(0, 11, False): entry()}}
    assert {b"m11", b"m12"} <= set(dict(state.texts.items()).values())
    assert state.cold == {}


def test_every_seed_of_a_copy_comes_back() -> None:
    """They stand in one line, so that nothing but the seed tells their traces apart."""
    rows = np.zeros(4, TRACE)
    rows["subscriber"], rows["at"], rows["where"], rows["kind"], rows["seed"] = ANN, START, 7, Kind.COPY, (1, 2, 3, 3)
    here = rows[:1].copy()
    assert packed_state._strangers(rows, here)["seed"].tolist() == [2, 3]
    assert packed_state._strangers(rows[:2], here[:0])["seed"].tolist() == [1, 2]


def test_requests_do_not_take_the_place_of_what_somebody_was_watched_for_before() -> None:
    """A copy without a line is counted at its time although he has requests that are due earlier, and show at a glance that all is well."""
    state = new_state()
    state.watch(ANN, START + 60 * SECOND)
    state.watch(ANN, START + 10 * SECOND, requests=True)
    state.watch(BOB, START + 10 * SECOND, requests=True)
    state.watch(BOB, START + 20 * SECOND, requests=True)
    state.watch(CAT, START + 10 * SECOND, requests=True)
    state.watch(CAT, START + 60 * SECOND)
    judged, asked = state.due(START + 10 * SECOND)
    assert (judged.tolist(), asked.tolist()) == ([ANN, CAT], [BOB]), "who is judged watches on"
    assert [each.tolist() for each in state.due(START + 60 * SECOND)] == [[], []]


@pytest.mark.parametrize("cold", [False, True])
def test_a_deadline_that_was_moved_asks_nobody(cold: bool) -> None:
    """Neither in memory nor put away: of what was said last alone it counts by when it is to be looked at again."""
    state = new_state()
    state.take(MMSC, records(submit(1)))
    state.publish(entry())
    state.publish(entry(due=START + 2000 * SECOND))
    state.publish(entry(identity=12, due=START + 1500 * SECOND))
    if cold:
        assert len(state.spill([ANN], START + 500 * SECOND)) == 1
    assert state.due(START + 900 * SECOND)[0].tolist() == []
    assert state.due(START + 1500 * SECOND)[0].tolist() == [ANN]
    if not cold:
        state.publish(entry(identity=12, outcome="delivered", due=NEVER))
        assert state.due(START + 1999 * SECOND)[0].tolist() == []
        assert state.due(START + 2000 * SECOND)[0].tolist() == [ANN]


def test_what_is_done_with_is_only_forgotten() -> None:
    """A confirmed delivery without a row is not kept anywhere, in this process or the next."""
    state = new_state()
    state.take(MMSC, records(submit(1), submit(2, receiver=BOB)))
    state.publish(entry(rule="D1", outcome="delivered"))
    assert len(state.spill([ANN], START + 500 * SECOND)) == 1, "a feed not yet heard of may make it more than that"
    state = new_state()
    state.take(MMSC, records(submit(1), submit(2, receiver=BOB)))
    for index in range(len(state.feeds)):
        state.since[index] = state._fresh["since"][index] = START
    state.publish(entry(rule="D1", outcome="delivered"))
    assert state.spill([ANN], START + 500 * SECOND) == []
    assert {row[KIND] for row in state.log.dossier(ANN)} == set()
    assert image(loaded([b"".join(state.delta())])) == image(state)


def test_quiet_is_who_had_no_line_for_long() -> None:
    state = new_state(quiet=100.0)
    state.publish(entry(ANN, touched=START))
    state.publish(entry(BOB, touched=START))
    state.publish(entry(BOB, identity=12, touched=START + SECOND))
    assert state.quiet(START + 100 * SECOND) == []
    assert state.quiet(START + 101 * SECOND - 1) == [ANN]
    assert state.quiet(START + 101 * SECOND + 1) == [ANN, BOB]


def test_pruning_drops_nothing_that_may_be_asked_for() -> None:
    """Kept: whoever has a delivery, sessions that stand, a cold number's requests and first sign of life; else what is old goes."""
    state = new_state()
    state.take(MMSC, records(submit(1, message_text=b"m11"), submit(1, message=13, receiver=CAT, message_text=b"m13")))
    state.take(GATEWAY, records(*(get(at, number, host) for at in (2, 30) for number in (ANN, BOB, CAT) for host in (HOST, WAP))))
    state.take(GATEWAY, records({**get(40, CAT, PORTAL, Method.POST), "request_type": Content.MMS}))
    stop = {"kind": Kind.SESSION_STOP, "receiver": BOB, "session": 31, "ggsn": 41}
    state.take(SESSIONS, records(start(3, BOB, 31), {**stop, "at": 5}, start(3, BOB, 32)))
    state.publish(entry(ANN, touched=START + 50 * SECOND))
    state.cold[CAT] = (START + 7200 * SECOND, NEVER)
    state.prune(START + 60 * SECOND + 5 * MINUTE)
    assert {row[KIND] for row in state.log.dossier(BOB)} == {Kind.ATTEMPT, Kind.SESSION_START, Kind.SESSION_STOP, ORIGIN}, "not yet old"
    state.prune(START + 3600 * SECOND)
    assert len(state.log.dossier(ANN)) == 3
    assert [(row[KIND], row[6]) for row in state.log.dossier(BOB)] == [(Kind.SESSION_START, 32)]
    assert len([row for row in state.log.dossier(CAT) if row[KIND] == Kind.ATTEMPT]) == 3
    assert state.active.dossier(CAT)[0][1] == START + 2 * SECOND
    assert state.active.dossier(ANN), "as long as the oldest delivery in memory"
    assert dict(state.texts.items()) == {11: b"m11"}
    state.retract(state.published[ANN][0, 11, False])
    state.prune(START + 3600 * SECOND)
    assert [len(state.active.dossier(number)) for number in (ANN, BOB, CAT)] == [0, 0, 1]
    assert len(state.log.dossier(ANN)) == 0


def test_activity_is_one_line_a_step() -> None:
    state = new_state()
    state.take(GATEWAY, records(*(get(at / 10) for at in range(120))))
    steps = 12 * SECOND // ACTIVE_STEP + 1
    assert len(state.active.dossier(ANN)) == steps
    assert [t[1] - START for t in state._activity(ANN, START + 6 * SECOND, START + 9 * SECOND)] == [5 * SECOND]
    assert state._activity(ANN, START - 9 * SECOND, START - 1) == []


def test_a_finding_is_said_once() -> None:
    memory = new_state().findings
    stands = Found("BAD_APN", 5, 0, 0.8, "normal", ())
    assert memory.say(ANN, stands)
    assert not memory.say(ANN, stands)
    assert memory.say(ANN, replace(stands, cleared=9))
    assert memory.say(ANN, replace(stands, cause="BAD_PROXY"))
    assert memory.withdraw(ANN, "BAD_APN") == Said("BAD_APN", 5, 9, 0.8, "normal")
    assert memory.withdraw(ANN, "BAD_APN") is None
    assert [said.cause for said in memory.said(ANN)] == ["BAD_PROXY"]


# -------------------------------------------------------------------------------------- records that name no receiver


def charged(*batches: Sequence[dict[str, Any]]) -> State:
    state = new_state()
    state.by_message = frozenset({"charging"})
    feed = state.feed("cdr1", "cdr1", "charging", "mmsc")
    for batch in batches:
        state.take(feed, records(*batch))
    return state


TWO = [submit(0), submit(0, receiver=CAT), submit(1, message=12)]
DELETED = [{"kind": Kind.EXPIRE, "at": 60, "message": 11, "status": 128, "where": 900}]


@pytest.mark.parametrize("batches", [(TWO, DELETED), (DELETED, TWO), ([*TWO, *DELETED],), (TWO[:1], DELETED, TWO[1:])], ids=range(4))
def test_what_names_a_message_speaks_of_each_receiver_once(batches: Sequence[Sequence[dict[str, Any]]]) -> None:
    state = charged(*batches)
    told = [(number, t[AT] - START) for number in (ANN, BOB, CAT) for t in state.dossier(number) if t[KIND] == Kind.EXPIRE]
    assert told == [(ANN, 60 * SECOND), (CAT, 60 * SECOND)]
    again = new_state()
    again.load([state.snapshot()])
    assert image(again) == image(state)


def test_a_number_is_named_as_long_as_something_of_it_is_open() -> None:
    state = charged(TWO)
    state.publish(Published(ANN, 0, 11, forwarded=False))
    state.prune(START + 2 * 3600 * SECOND)
    state.take(4, records(*DELETED))
    assert [t[KIND] for t in state.dossier(CAT) if t[KIND] == Kind.EXPIRE] == []
    assert [t[KIND] for t in state.dossier(ANN) if t[KIND] == Kind.EXPIRE] == [Kind.EXPIRE]


def test_a_refused_submit_stands_with_its_sender_too() -> None:
    state = charged([{"kind": Kind.SUBMIT_REFUSED, "at": 0, "message": 11, "sender": BOB, "receiver": ANN, "status": 30}])
    assert [t[KIND] for t in state.dossier(BOB)] == [REFUSAL]
    assert [t[KIND] for t in state.dossier(ANN)] == [Kind.SUBMIT_REFUSED]


def test_when_other_mmscs_began_to_answer_is_known_by_domain() -> None:
    answers = [{"kind": Kind.PEER_ANSWER, "at": at, "message": 11, "status": 0} for at in (9, 7)]
    state = charged(answers[:1], answers[1:])
    assert state.context().peers == {state.feeds[4].domain: START + 7 * SECOND}
    again = new_state()
    again.load([state.delta()])
    assert again.context().peers == state.context().peers


def test_that_there_was_a_session_stays() -> None:
    state = new_state()
    state.scopes = Scopes((Scope("sessions"),))
    state.take(SESSIONS, records(start(0), start(5, CAT, session=32)))
    state.prune(START + 3600 * SECOND)
    assert not [number for number in (ANN, CAT) if not state.history.seen(number, START + 60 * SECOND)]
    assert not state.history.seen(BOB, START + 60 * SECOND)
    again, folded = new_state(), new_state()
    folded.load([state.delta()])
    again.load([state.snapshot()])
    assert again.history.packed() == folded.history.packed() == state.history.packed()
    assert not list(state.delta())
    blind = new_state()
    blind.take(SESSIONS, records(start(0)))
    blind.prune(START + 3600 * SECOND)
    assert len(blind.history) == 0


def test_before_its_first_line_a_feed_covers_nothing_and_what_was_said_is_said_again() -> None:
    state = new_state()
    broken = state.context().broken
    during, later = START + 10 * SECOND, START + 900 * SECOND
    assert broken("gateway", 0, during, during + SECOND)
    assert broken("mmsc", ANY_DOMAIN, during, later)
    state.publish(Published(ANN, 0, 1, forwarded=False, began=START, closed=START + 5 * SECOND))
    (first,) = [index for index, info in enumerate(state.feeds) if info.family == "gateway"][:1]
    line = {"kind": Kind.ATTEMPT, "at": 1000, "receiver": BOB, "method": Method.GET, "authority": 9}
    assert ANN in state.take(first, records(line)), "the first line of a feed"
    assert broken("gateway", 0, START, START + SECOND), "a silence of ten minutes before it is one"
    assert not broken("gateway", 0, START + 401 * SECOND, START + 402 * SECOND)
    state.disturbed.clear()
    assert ANN not in state.take(first, records({**line, "at": 1001}))
    assert ANN in state.take(first, records({**line, "at": 500})), "it began earlier than was thought"
    assert ANN in state.disturbed


def test_an_mmsc_of_which_nodes_are_not_read_shows_no_absence() -> None:
    state = new_state()
    for index, info in enumerate(state.feeds):
        if info.family in ("mmsc", "sms"):
            state.take(index, records({"kind": Kind.SUBMIT, "at": 0, "message": 1, "sender": BOB, "receiver": ANN}))
    domains = [info.domain for info in state.feeds if info.family == "mmsc"]
    assert not any(state.context().broken("mmsc", domain, START, START + SECOND) for domain in domains)
    state.parts = frozenset({state.feeds[0].name})
    assert [state.context().broken("mmsc", domain, START, START + SECOND) for domain in domains] == [
        domain == state.feeds[0].domain for domain in domains
    ]
    assert not state.context().broken("sms", 0, START, START + SECOND)


def test_missing_files_cover_nothing_until_they_come() -> None:
    state = new_state()
    (feed, info) = next((index, info) for index, info in enumerate(state.feeds) if info.family == "mmsc")

    def read(number: int, at: int) -> None:
        line = {"kind": Kind.SUBMIT, "at": at, "message": 100 + number, "sender": BOB, "receiver": CAT}
        state.take(feed, records(line))
        first = START + at * SECOND
        state.number(feed, number, [Stretch("files", number, number, "n")], first, first)

    read(1, 0)
    read(3, 1000)
    state.publish(Published(ANN, 0, 1, forwarded=False, began=START + 400 * SECOND, closed=START + 500 * SECOND))
    assert len(state.dig(feed)) == 0
    assert [missing.first for missing in state.tell_missing(feed)] == [2]
    assert ANN in state.dig(feed)
    during = START + 400 * SECOND, START + 500 * SECOND
    assert state.context().broken("mmsc", info.domain, *during)
    assert [gap.reason for gap in state.report(START, {}).feeds[feed].gaps] == [FILES_MISSING]
    again = new_state()
    again.load([state.delta()])
    assert again.context().broken("mmsc", info.domain, *during)
    read(2, 300)
    assert ANN in state.dig(feed), "what was missing came: he is judged again"
    assert not state.context().broken("mmsc", info.domain, *during)


def test_a_push_over_a_link_outside_is_marked() -> None:
    state = new_state()
    state.scopes = Scopes((Scope("sms", links=frozenset({b"one"})),))
    sms = next(index for index, info in enumerate(state.feeds) if info.family == "sms")
    push = {"kind": Kind.PUSH, "at": 1, "receiver": ANN, "sender": BOB, "pdu": 0x82, "transaction": 5}
    read = records(push, {**push, "at": 2, "transaction": 6})
    data = b"onetwo"
    smsc = TextColumn(data, np.array([0, 3]), np.array([3, 6]))
    state.take(sms, Records(read.rows, read.columns, {**read.texts, "smsc": smsc}))
    assert {t[TRANSACTION]: t[D] for t in state.dossier(ANN)} == {5: 0, 6: OUTSIDE}


def test_a_silence_out_of_rhythm_is_told_once_and_covers_nothing() -> None:
    state = new_state()
    lines = [get(hour * 3600 + minute * 60) for hour in range(26) for minute in range(0, 60, 10)]
    state.take(GATEWAY, records(*lines))
    assert state.number(GATEWAY, 0, ()) == {}
    state.take(GATEWAY, records(get(28 * 3600)))
    assert (state.number(GATEWAY, 0, ()), state.number(GATEWAY, 0, ())) == ({"silences out of rhythm": 1}, {})
    during = START + 27 * 3600 * SECOND
    again, folded = new_state(), new_state()
    folded.load([state.delta()])
    again.load([state.snapshot()])
    for one in (state, folded, again):
        assert one.context().broken("gateway", 0, during, during + SECOND)
        assert not one.context().broken("gateway", 0, START, START + SECOND)
        assert one.context().broken("sms", 0, during, during + SECOND), "nothing of that kind was ever read"
