"""The closed loop of the rules alone: asked, answered, governed, pushed as octets, read by handsets of another make, confirmed.

Owners and handsets are the simulator's. Between them and care stand the governor and a hundred days of virtual time; no store, no link.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest

from mmsd.model import DAY, HOUR, MINUTE, SECOND
from mmsd.rules import forms
from mmsd.rules.care import Care
from mmsd.rules.cases import Act, State
from mmsd.rules.casework import (
    Ask,
    Folder,
    Found,
    Left,
    Listed,
    News,
    OptOut,
    Order,
    Person,
    Push,
    Shown,
    Tell,
    Tick,
    Unsent,
    Withdraw,
    Wrote,
)
from mmsd.rules.consent import Channel
from mmsd.rules.effect import Group, Ratio, effect, group_of
from mmsd.rules.forms import Handset, Parcel, Signed
from mmsd.rules.funnel import funnel
from mmsd.rules.governor import Candidate, Defer, Drop, Governor, Hold, Reserved, Send, Usage
from mmsd.rules.local_time import hours
from mmsd.rules.mending import Proof, Sign
from mmsd.rules.models import Model
from mmsd.rules.operators import Access
from mmsd.rules.settings import CareSettings, ClassSettings, GovernorSettings
from mmsd.rules.wording import Wording
from sim.agenda import Agenda, Streams
from sim.ota import MmsSettings
from sim.owners import MENDABLE, OTA_PORT, PUSH_PORT, Form, Owners
from sim.people import Behaviour, People, Subscriber
from sim.scenario import SCENARIOS, Habits, load

START: Final = 20_000 * DAY
DAYS: Final = 100
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
SIGNED: Final = Signed(
    "China Mobile", Access("cmwap", "http://mms.suyun.example/", "10.0.0.172:80", signed_by="desk 4", signed_on="2026-11-20")
)
RIGHT: Final = MmsSettings("cmwap", "10.0.0.172", 80, "http://mms.suyun.example/")
CAUSES: Final = {
    "BAD_APN": (Behaviour.WRONG_APN, Behaviour.MISSPELT_APN, Behaviour.UNSUBSCRIBED_APN, Behaviour.CORRECTED),
    "BAD_PROXY": (Behaviour.WRONG_PROXY, Behaviour.STANDING_PROXY, Behaviour.DENIED),
    "BAD_MMSC_URL": (Behaviour.WRONG_MMSC, Behaviour.WRONG_PATH),
}
CAUSE_OF: Final = {behaviour: cause for cause, behaviours in CAUSES.items() for behaviour in behaviours}
FAILURE_OF: Final = {
    "BAD_APN": Proof(Sign.FAILED, 0, "U10", other_new=True),
    "BAD_PROXY": Proof(Sign.FAILED, 0, "U8"),
    "BAD_MMSC_URL": Proof(Sign.FAILED, 0, "Z2"),
}
ON: Final = ClassSettings("on")


class Sent(NamedTuple):
    at: int
    number: int
    purpose: str
    asked: int | None


class Town:
    """People with wrong settings, and what an operator does about them."""

    def __init__(self, habits: Habits, seed: int, *, holdout: float) -> None:
        scenario = load(SCENARIOS / "demo.toml")
        population = msgspec.structs.replace(scenario.population, subscribers=1500)
        self.agenda, self.draw = Agenda(START), random.Random(seed)
        self.people = {int(one.digits): one for one in People(population, Streams(seed)).subscribers if one.behaviour in MENDABLE}
        self.owners = Owners(habits, RIGHT, self.agenda, Streams(seed), self, self.mend)
        self.right: set[int] = set()
        self.settings = CareSettings(holdout=holdout)
        self.wording = Wording()
        self.care = Care(self.settings, b"draw", wording=self.wording.question_version)
        self.governor = Governor(GovernorSettings(caps=("10 in 1 day",), service=ON, provisioning=ON), SHANGHAI)
        self.folders = {number: Folder(number) for number in self.people}
        self.reserved: defaultdict[int, list[Reserved]] = defaultdict(list)
        self.out: defaultdict[int, frozenset[str]] = defaultdict(frozenset)
        self.sent: list[Sent] = []
        self.listed: Counter[int] = Counter()
        self.withdrawn: set[tuple[int, int]] = set()

    # ------------------------------------------------------------------------------------------------------- what owners do

    def send(self, sender: Subscriber, to: str, text: str) -> None:
        self.tell(int(sender.digits), Wrote(text))

    def mend(self, subscriber: Subscriber) -> None:
        self.right.add(int(subscriber.digits))

    # ---------------------------------------------------------------------------------------------------- what the operator does

    def tell(self, number: int, news: News) -> None:
        """News to care, its orders to the outbox, and a look again when something is due."""
        outcome = self.care.on(self.folders[number], news, self.agenda.now, self.person(number))
        self.folders[number] = outcome.folder
        for order in outcome.orders:
            self.do(number, order)
        due = self.care.due(self.folders[number], self.person(number), self.agenda.now)
        if due is not None:
            self.agenda.at(due, self.tick, number, due)

    def tick(self, number: int, due: int) -> None:
        if self.care.due(self.folders[number], self.person(number), self.agenda.now - 1) == due:
            self.tell(number, Tick())

    def person(self, number: int) -> Person:
        return Person(opted_out=self.out[number], city=self.people[number].city)

    def do(self, number: int, order: Order) -> None:
        match order:
            case Ask(case, question):
                text = self.wording.question(case, question.language, 48).text
                ready = question.expires
                self.leave(number, "service", "ask", lambda: self.text(number, text), Act.QUESTION, case.number, expires=ready)
            case Push(case, placed, asked):
                self.push(number, case.number, forms.prepare(
                    placed, SIGNED, self.handset(number), self.settings, self.wording, "zh", pin=f"{self.draw.randrange(10_000):04}"
                ), asked)  # fmt: skip
            case Tell(case, name):
                asked = self.agenda.now if name == "stopped" else None
                self.leave(number, "service", name, lambda: self.text(number, self.wording.render(name, "zh").text), None, 0, asked=asked)
            case OptOut(classes, out):
                self.out[number] = self.out[number] | set(classes) if out else self.out[number] - set(classes)
            case Listed(_, on):
                self.listed[number] += 1 if on else -1
            case Withdraw(case):
                self.withdrawn.add((number, case.number))

    def push(self, number: int, case: int, parcel: object, asked: int | None) -> None:
        assert isinstance(parcel, Parcel), parcel

        def deliver() -> None:
            self.text(number, parcel.text.text)
            if parcel.pieces:
                port = PUSH_PORT if parcel.form is forms.Form.OMA_CP else OTA_PORT
                self.owners.push(self.people[number], port, b"".join(data for _, data in parcel.pieces))

        self.leave(number, "provisioning", "push", deliver, Act.PUSH, case, asked=asked)

    def text(self, number: int, text: str) -> None:
        self.owners.text(self.people[number], "10657", text)

    def leave(
        self, number: int, kind: str, purpose: str, deliver: Callable[[], None], what: Act | None, case: int, *,
        asked: int | None = None, expires: int | None = None,
    ) -> None:  # fmt: skip
        """Asks the governor, now and whenever it says to ask again."""
        now = self.agenda.now
        usage = Usage(reserved=self.reserved, opted_out=self.out)
        (decision,) = self.governor.decide(now, [Candidate(kind, purpose, number, now, expires, "", asked)], usage)
        if (number, case) in self.withdrawn and what is not None:
            return
        match decision:
            case Send():
                self.reserved[number].append(Reserved(now, kind, purpose))
                self.sent.append(Sent(now, number, purpose, asked))
                deliver()
                if what is not None:
                    self.tell(number, Left(what, case))
            case Defer(until):
                again = {"asked": asked, "expires": expires}
                self.agenda.at(until, lambda: self.leave(number, kind, purpose, deliver, what, case, **again))
            case Drop() | Hold():
                if what is not None:
                    self.tell(number, Unsent(what, case, decision.reason))

    def handset(self, number: int) -> Handset:
        """What the operator knows: the model's capabilities, and of most the IMSI."""
        form = self.owners.form(self.people[number])
        known = int(self.people[number].imsi) if number % 5 else 0
        return Handset(Model("m", form.value, oma_cp=form is Form.OMA, legacy_ota=form is Form.LEGACY), known)

    # ------------------------------------------------------------------------------------------------------------- what is seen

    def live(self) -> None:
        """A hundred days; every day everybody tries to send and to fetch something."""
        for number, one in self.people.items():
            at = START + self.draw.randrange(2 * DAY)
            self.agenda.at(at, self.tell, number, Found(CAUSE_OF[one.behaviour], 0.9, posts="submit"))
            for day in range(DAYS):
                self.agenda.at(START + day * DAY + self.draw.randrange(DAY), self.traffic, number)
        self.agenda.run(START + DAYS * DAY)

    def traffic(self, number: int) -> None:
        now = self.agenda.now
        if number in self.right:
            fetch = Proof(Sign.RETRIEVED, now, own_choice=True, notified=now - MINUTE)
            self.tell(number, Shown((fetch, Proof(Sign.POSTED, now, post="submit", own_choice=True))))
        else:
            failure = FAILURE_OF[CAUSE_OF[self.people[number].behaviour]]
            self.tell(number, Shown((failure._replace(at=now),)))


EAGER: Final = Habits(yes=1, no=0, other=0, stop=0, install=1, type_pin=1, by_hand=1, legacy=0.2, none=0.2)


@pytest.fixture(scope="module")
def usual() -> Town:
    """As people are: some say no, some stop, some write something else; not everybody installs what comes."""
    town = Town(Habits(yes=0.6, no=0.15, other=0.05, stop=0.1, install=0.8, type_pin=0.9, by_hand=0.7, asks=0.0), 7, holdout=0.2)
    town.live()
    return town


def test_whoever_agrees_and_installs_ends_confirmed():
    town = Town(EAGER, 3, holdout=0.0)
    town.live()
    assert len(town.people) > 100
    assert {folder.cases[0].state for folder in town.folders.values()} == {State.CONFIRMED}
    assert town.right == set(town.people)
    assert town.owners.totals()["refused"] == {}
    assert {town.owners.form(one) for one in town.people.values()} == set(Form)


def test_nobody_is_pushed_who_did_not_agree(usual: Town):
    assert usual.owners.totals()["unasked"] == 0
    agreed = {number for number, folder in usual.folders.items() if folder.consents}
    assert {number for number in usual.people if any(s.purpose == "push" for s in usual.sent if s.number == number)} == agreed
    for number, folder in usual.folders.items():
        said = usual.owners.stories[usual.people[number].digits].said if usual.people[number].digits in usual.owners.stories else []
        assert bool(folder.consents) == ("yes" in said)
        assert all(consent.channel is Channel.SMS for consent in folder.consents)


def test_confirmed_are_those_whose_handsets_are_right(usual: Town):
    for number, folder in usual.folders.items():
        for case in folder.cases:
            assert (case.state is State.CONFIRMED) == (number in usual.right), (case, number)
    states = Counter(case.state for folder in usual.folders.values() for case in folder.cases)
    assert set(states) == {State.CONFIRMED, State.DECLINED, State.SILENT, State.HANDED_OVER, State.HELD_BACK}
    handed = {number for number, folder in usual.folders.items() if any(case.state is State.HANDED_OVER for case in folder.cases)}
    assert {number for number, on in usual.listed.items() if on} == handed
    assert {case.pushes for number in handed for case in usual.folders[number].cases} == {2}


def test_who_is_held_back_hears_nothing(usual: Town):
    back = {number for number, folder in usual.folders.items() if folder.cases[0].held_back}
    assert 0.1 < len(back) / len(usual.people) < 0.3
    assert not back & {sent.number for sent in usual.sent}


def test_the_governor_was_heard(usual: Town):
    """No night is disturbed but by answers, no day holds two pushes, and who stopped hears that and no more."""
    night = hours("21:00-08:00")
    for sent in usual.sent:
        local = (sent.at + 8 * HOUR) % DAY
        assert not night.left(local) or (sent.asked is not None and sent.at - sent.asked < 15 * 60 * SECOND)
    for number in usual.people:
        pushes = [sent.at for sent in usual.sent if sent.number == number and sent.purpose == "push"]
        assert all(later - earlier >= DAY for earlier, later in pairwise(pushes))
        if usual.out[number]:
            assert [sent.purpose for sent in usual.sent if sent.number == number][-1] == "stopped"
    assert any(usual.out.values())


def test_the_funnel_narrows_and_help_is_proven(usual: Town):
    cases = [case for folder in usual.folders.values() for case in folder.cases]
    whole = funnel(cases, ())[()]
    assert whole.found == len(cases) == len(usual.people)
    assert whole.found - whole.held_back == whole.asked > whole.consented >= whole.pushed > whole.confirmed > 0
    assert sum(stage.found for stage in funnel(cases, ("city",)).values()) == whole.found
    works = {True: [0, 0], False: [0, 0]}
    for number, folder in usual.folders.items():
        entry = works[group_of(folder.cases[0]) is Group.HELD_BACK]
        entry[0] += number in usual.right
        entry[1] += 1
    found = effect(Ratio(*works[False]), Ratio(*works[True]))
    assert found.proven
    assert found.lift is not None
    assert found.lift > 0.2
