"""Group sendings over a real store: counted, run by the token of the count, in hours and at a rate; once to each, whatever happens."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from mmsd.flow.mailing import Mailer
from mmsd.model import DAY, HOUR, SECOND, Batch, Forward, LifeStep, Mailing, NewSeed, SeedEntry
from mmsd.rules import life, outbox
from mmsd.rules.audience import Fault, Line, Plan, State, in_control, token
from mmsd.rules.models import Model
from mmsd.store import Needs, mailings
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow.leaving import NOON
from tests.flow.mms import seed
from tests.store.values import forward as some_forward

KEY = b"key"
HOURS = Plan(NOON - DAY, NOON + 5 * DAY, ("09:00-20:00",), (0, 1, 2, 3, 4, 5, 6), rate=5.0, control=0.0)
SAID = {"who": "li", "why": "spring"}


class Handsets:
    def __init__(self) -> None:
        self.known: dict[str, Model] = {}

    def model(self, number: str) -> Model | None:
        return self.known.get(number)


class Killed(Exception):
    pass


class Office:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOON
        self.handsets = Handsets()
        self.faults: Callable[[str], None] = lambda name: None
        self.open()

    def open(self) -> None:
        """As at a start: nothing is remembered."""
        self.store = SqliteStore.open(
            self.folder, settings=Settings(durable=False), keys=Keys(bytes(range(32)), os.urandom), wall=lambda: self.now
        )
        self.mailer = Mailer(self.store, self.handsets, lambda _: UTC, KEY, wall=lambda: self.now, call=_inline, fault_point=self.point)

    def point(self, name: str) -> None:
        self.faults(name)

    def upload(self, *lines: tuple[str, ...], name: str = "vip", faults: tuple[Fault, ...] = ()) -> None:
        mailings.take_in(
            self.store, "torch", name, 0, [Line(place, *each) for place, each in enumerate(lines, 1)], faults, who="li", now=self.now
        )

    def prepare(self, plan: Plan = HOURS, name: str = "vip") -> int:
        told = self.store.list_told("torch", name)
        assert told is not None
        return mailings.prepare(self.store, "torch", "one", told, seed(), plan, now=self.now, **SAID)

    def count(self, number: int) -> Mailing:
        async def go() -> None:
            while await self.mailer.count():
                pass

        asyncio.run(go())
        return self.mailing(number)

    def run(self, number: int) -> None:
        mailings.run(self.store, number, token(KEY, self.mailing(number)), key=KEY, now=self.now, **SAID)

    def start(self, plan: Plan = HOURS, name: str = "vip") -> int:
        number = self.prepare(plan, name)
        self.count(number)
        self.run(number)
        return number

    def turn(self, seconds: float = 1.0) -> None:
        asyncio.run(self.mailer.turn())
        self.now += round(seconds * SECOND)

    def mailing(self, number: int) -> Mailing:
        found = self.store.mailing(number)
        assert found is not None
        return found

    def asked(self, state: str | None = None) -> list[str]:
        return [row.msisdn for _, row in self.store.outbox(state, 10_000)]

    def leave(self, state: str = outbox.SENT, most: int = 10_000) -> None:
        """What the dispatcher does to rows that wait."""
        rows = [row for _, row in self.store.outbox(outbox.READY, most)]
        moved = []
        for row in rows:
            if row.expires <= self.now:
                moved.append(outbox.moved(row, outbox.EXPIRED))
            elif state in (outbox.SENT, outbox.FAILED):
                moved.append(outbox.moved(outbox.claimed(row, "mm7", 1, now=self.now, fence=1), state))
            else:
                moved.append(outbox.moved(row, state))
        self.store.transact(Needs(), lambda _: Batch(self.now, moved=moved))


async def _inline(work: Callable[[], Any]) -> Any:
    return work()


def forward(n: int, sender: str, **fields: Any) -> Forward:
    return some_forward(n, campaign="torch", sender=sender, receiver=number(9_000_000 + n), **fields)


def number(n: int) -> str:
    return f"86138{n:08}"


@pytest.fixture
def office(tmp_path: Path) -> Any:
    made = Office(tmp_path / "state")
    yield made
    made.store.close()


def test_a_list_is_taken_in_part_by_part_each_once(office: Office) -> None:
    lines = [Line(1, number(1), "vip", "Nanjing"), Line(2, number(2))]
    for _ in range(2):
        told = mailings.take_in(office.store, "torch", "vip", 0, lines, [Fault(3, "no_number")], who="li", now=NOON)
        assert (told.parts, told.members, told.faults, told.labels, told.samples) == (1, 2, 1, {"vip": 1, "": 1}, [(3, "no_number")])
    told = mailings.take_in(office.store, "torch", "vip", 1, [Line(4, number(2)), Line(5, number(3))], [], who="li", now=NOON)
    assert (told.parts, told.members, told.samples) == (2, 3, [(3, "no_number"), (4, "repeated")])
    with pytest.raises(mailings.Refused, match="its next part is 2"):
        mailings.take_in(office.store, "torch", "vip", 3, lines, [], who="li", now=NOON)
    office.prepare()
    with pytest.raises(mailings.Refused, match="take another name"):
        mailings.take_in(office.store, "torch", "vip", 2, lines, [], who="li", now=NOON)


def test_a_count_says_who_is_left_out_and_why(office: Office) -> None:
    office.upload(*((number(n), "a" if n < 6 else "b") for n in range(10)))
    office.handsets.known = {
        number(0): Model("x", "old", mms=False), number(1): Model("x", "odd", mms=True, trackable=False),
        number(2): Model("x", "good", mms=True),
    }  # fmt: skip
    office.store.transact(Needs(), lambda _: Batch(NOON, opted_out=[(number(3), "marketing", True), (number(4), "service", True)]))
    plan = Plan(**{name: getattr(HOURS, name) for name in Plan.__struct_fields__} | {"labels": ("a",)})
    counted = office.count(office.prepare(plan))
    assert counted.state == State.COUNTED
    assert counted.counts == {"sent": 3, "left": {"no_mms": 1, "not_trackable": 1, "opted_out": 1}, "groups": {"a": 3}, "unknown": 2}
    assert office.asked() == []


def test_it_runs_by_the_token_of_its_last_count_alone(office: Office) -> None:
    office.upload((number(1),), (number(2),))
    one = office.prepare()
    with pytest.raises(mailings.Refused, match="cannot become running"):
        mailings.run(office.store, one, "ABCDEFGH", key=KEY, now=NOON, **SAID)
    first = token(KEY, office.count(one))
    with pytest.raises(mailings.Refused, match="not the token"):
        mailings.run(office.store, one, "ABCDEFGH", key=KEY, now=NOON, **SAID)
    office.now += SECOND
    mailings.recount(office.store, one, now=office.now, **SAID)
    office.count(one)
    with pytest.raises(mailings.Refused, match="not the token"):
        mailings.run(office.store, one, first, key=KEY, now=office.now, **SAID)
    office.now += DAY + SECOND
    with pytest.raises(mailings.Refused, match="more than a day ago"):
        office.run(one)
    office.turn()
    assert office.asked() == []
    deeds = [(deed.what, deed.who) for _, _, deed in office.store.deeds(10)]
    assert deeds == [("count", "li"), ("prepare", "li"), ("list", "li")]


def test_at_its_rate_and_never_far_ahead_of_what_leaves(office: Office) -> None:
    office.upload(*((number(n),) for n in range(200)))
    office.start()
    office.turn()
    assert len(office.asked()) == 5  # a second's worth
    for _ in range(20):
        office.turn()
    assert len(office.asked()) == 50  # ten seconds' worth wait
    office.leave()
    office.turn(20.0)
    office.leave()
    office.turn(0.0)
    assert len(office.asked()) == 150  # and no more than that in arrears


def test_in_its_hours_and_what_could_not_leave_goes_in_the_next(office: Office) -> None:
    office.upload((number(1),), (number(2),))
    one = office.start()
    office.now = NOON + 9 * HOUR  # 21:00
    office.turn()
    assert office.asked() == []
    office.now = NOON + 21 * HOUR  # 9:00 of the next day
    office.turn()
    assert sorted(office.asked()) == [number(1), number(2)]
    assert {row.expires for _, row in office.store.outbox(None, 10)} == {NOON + 32 * HOUR}
    office.leave(most=1)
    (late,) = office.asked(outbox.READY)
    office.now = NOON + 32 * HOUR
    office.leave()
    office.turn()
    assert Counter(office.store.outbox_states()) == {"sent": 1, "expired": 1}
    office.now = NOON + 45 * HOUR
    for _ in range(3):
        office.turn(40.0)
    assert office.asked(outbox.READY) == [late]
    assert office.mailing(one).state == State.RUNNING
    office.leave()
    for _ in range(2):
        office.turn(40.0)
    assert office.mailing(one).state == State.DONE
    assert sorted(office.asked(outbox.SENT)) == [number(1), number(2)]


def test_whom_the_governor_keeps_back_is_asked_for_once_in_each_hours(office: Office) -> None:
    office.upload((number(1),))
    one = office.start()
    for day in range(3):
        office.now = NOON + day * DAY
        for _ in range(5):
            office.turn(60.0)
            office.leave(outbox.EXPIRED)  # a cap holds him for longer than the hours last
        assert len(office.asked()) == day + 1
    office.now = NOON + 6 * DAY
    office.turn()
    assert office.mailing(one).state == State.DONE


def test_whoever_has_it_is_not_sent_it_by_another_list_and_whoever_only_might_have_is(office: Office) -> None:
    office.upload((number(1),), (number(2),))
    office.start()
    office.turn()
    office.leave(outbox.SHADOW, most=1)
    (judged,) = office.asked(outbox.SHADOW)
    office.leave()
    office.upload((number(1),), (number(2),), (number(3),), name="more")
    two = office.prepare(name="more")
    assert office.count(two).counts == {"sent": 2, "left": {"has_it": 1}, "groups": {"": 2}, "unknown": 2}
    office.run(two)
    office.turn()
    assert sorted(office.asked(outbox.READY)) == [judged, number(3)]


def test_paused_and_stopped_nothing_more_is_asked_for(office: Office) -> None:
    office.upload(*((number(n),) for n in range(20)))
    one = office.start()
    office.turn()
    mailings.pause(office.store, one, now=office.now, **SAID)
    office.turn()
    assert len(office.asked()) == 5
    mailings.resume(office.store, one, now=office.now, **SAID)
    office.store.transact(Needs(), lambda _: Batch(office.now, stops=[("campaign:torch", True)]))
    office.turn()
    assert len(office.asked()) == 5
    office.store.transact(Needs(), lambda _: Batch(office.now, stops=[("campaign:torch", False)]))
    office.turn()
    assert len(office.asked()) > 5
    mailings.stop(office.store, one, now=office.now, **SAID)
    before = office.asked()
    office.turn()
    assert office.asked() == before
    with pytest.raises(mailings.Refused, match="it is stopped, not paused"):
        mailings.resume(office.store, one, now=office.now, **SAID)
    with pytest.raises(mailings.Refused, match="there is no mailing 9"):
        mailings.stop(office.store, 9, now=office.now, **SAID)


def test_while_its_campaign_does_not_run_nothing_is_asked_for_and_closed_ends_it(office: Office) -> None:
    def step(state: str) -> None:
        office.now += SECOND
        office.store.transact(Needs(), lambda _: Batch(office.now, lives=[LifeStep("torch", office.now, state, "li", "")]))

    office.upload(*((number(n),) for n in range(20)))
    one = office.start()
    for state, asked in ((life.PAUSED, False), (life.RUNNING, True), (life.DRAFT, False), (life.CLOSED, False)):
        step(state)
        before = len(office.asked())
        office.turn()
        assert (len(office.asked()) > before) is asked, state
    assert office.mailing(one).state == State.STOPPED
    two = office.prepare()
    with pytest.raises(mailings.Refused, match="its campaign is closed"):
        mailings.recount(office.store, two, now=office.now, **SAID)


def test_a_seed_that_is_retired_is_sent_to_nobody_any_more(office: Office) -> None:
    def retire(name: str) -> None:
        new = NewSeed(SeedEntry("torch", name, name, False, 1, 11, "", "li"), b"registered", ())
        office.store.transact(Needs(), lambda _: Batch(office.now, seeds=[new]))
        office.store.transact(Needs(), lambda _: Batch(office.now, retired=[f"torch/{name}"]))

    office.upload(*((number(n),) for n in range(20)))
    runs, waits, pauses = office.start(), office.prepare(), office.start()
    office.count(waits)
    mailings.pause(office.store, pauses, now=office.now, **SAID)
    office.turn()
    asked = office.asked()
    retire("two")  # another one
    office.turn()
    assert len(office.asked()) > len(asked)
    asked, events = office.asked(), office.store.last_event()
    retire("one")
    office.turn()
    assert office.asked() == asked
    assert office.mailing(runs).state == State.STOPPED
    (event,) = (event.data for event in office.store.events(events, 10))
    assert event == {"mailing": runs, "seed": "one", "state": "stopped", "reason": "seed_retired"}
    for order in (
        lambda: office.run(waits), lambda: mailings.recount(office.store, waits, now=office.now, **SAID),
        lambda: mailings.resume(office.store, pauses, now=office.now, **SAID),
    ):  # fmt: skip
        with pytest.raises(mailings.Refused, match="its seed is retired"):
            order()
    mailings.stop(office.store, pauses, now=office.now, **SAID)
    counting = office.prepare()
    assert office.count(counting).state == State.STOPPED


def test_a_control_group_is_drawn_and_never_sent_it(office: Office) -> None:
    office.upload(*((number(n),) for n in range(400)))
    drawn = {number(n) for n in range(400) if in_control(KEY, "torch", number(n), 0.2)}
    plan = Plan(**{name: getattr(HOURS, name) for name in Plan.__struct_fields__} | {"control": 0.2, "rate": 1000.0})
    one = office.start(plan)
    assert office.mailing(one).counts["left"] == {"control": len(drawn)}
    office.turn()
    assert set(office.asked()) == {number(n) for n in range(400)} - drawn
    assert office.store.mailing_states(one) == {"control": len(drawn), "ready": 400 - len(drawn)}
    office.leave()
    without = Plan(**{name: getattr(HOURS, name) for name in Plan.__struct_fields__} | {"rate": 1000.0})
    office.upload(*((each,) for each in sorted(drawn)), name="again")
    again = office.prepare(without, "again")
    assert office.count(again).counts["left"] == {"control": len(drawn)}  # once drawn they stay so


def test_what_it_was_good_for_is_told_by_group_and_by_the_draw(office: Office) -> None:
    people = [number(n) for n in range(400)]
    office.upload(*((each, "silent" if place % 2 else "") for place, each in enumerate(people)))
    plan = Plan(**{name: getattr(HOURS, name) for name in Plan.__struct_fields__} | {"control": 0.25, "rate": 1000.0})
    office.start(plan)
    office.turn()
    shadows = set(office.asked(outbox.READY)[:20])
    office.leave(outbox.SHADOW, most=20)
    office.leave()
    control = {each for each in people if in_control(KEY, "torch", each, 0.25)}
    took = [each for place, each in enumerate(people) if place % (3 if each in control else 2) == 0]
    late = NOON + 7 * DAY + HOUR
    forwards = [forward(place, each, submitted=NOON + HOUR, counted=True) for place, each in enumerate(took)]
    forwards += [forward(1000 + place, each, submitted=late, counted=True) for place, each in enumerate(people)]  # too late
    forwards += [forward(2000 + place, each, submitted=NOON + HOUR, counted=False) for place, each in enumerate(people)]
    office.store.transact(Needs(), lambda _: Batch(NOON, forwards=forwards))
    found = office.store.responses("torch", None, NOON + DAY, 7 * DAY)
    for label in ("", "silent"):
        there = {each for place, each in enumerate(people) if (place % 2 == 1) is (label == "silent")} - shadows
        for arm, among in (("control", there & control), ("sent", there - control)):
            (row,) = [row for row in found if (row.label, row.arm) == (label, arm)]
            assert (row.people, row.took_part) == (len(among), len(among & set(took)))
    assert sum(row.people for row in found) == 380
    assert office.store.responses("torch", 2, NOON + DAY, 7 * DAY) == office.store.responses("torch", None, NOON - 1, 7 * DAY) == []


@pytest.mark.parametrize("seed_of_it", range(5))
def test_killed_anywhere_everybody_is_asked_for_exactly_once(office: Office, seed_of_it: int) -> None:
    chance = random.Random(seed_of_it)
    people = [number(n) for n in range(60)]
    office.upload(*((each,) for each in people))
    one = office.start()

    def die(name: str) -> None:
        if chance.random() < 0.3:
            raise Killed(name)

    for _ in range(200):
        office.faults = die
        try:
            office.turn()
        except Killed:
            office.store.close()
            office.open()
        office.faults = lambda name: None
        if chance.random() < 0.5:
            office.leave(most=chance.randrange(1, 10))
    assert Counter(office.asked()) == Counter(people)
    office.leave()
    for _ in range(2):
        office.turn(40.0)
    assert office.mailing(one).state == State.DONE
    assert office.store.mailing_states(one) == {"sent": 60}
