"""Any sequence of news at all: care never pushes without a live consent, never twice a day, and never has two questions open."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest

from mmsd.model import DAY, HOUR, MINUTE
from mmsd.rules.care import Care
from mmsd.rules.cases import CAUSES, TABLES, Act, Case, CaseStep, Kind, State
from mmsd.rules.casework import (
    Ask,
    Changed,
    Cleared,
    Erased,
    Folder,
    Found,
    Left,
    News,
    Order,
    Outcome,
    Person,
    Prompted,
    Push,
    PushFailed,
    Recorded,
    Revoked,
    Shown,
    TakenOver,
    Tick,
    Unfit,
    Unsent,
    Wrote,
)
from mmsd.rules.consent import Channel
from mmsd.rules.mending import Proof, Sign
from mmsd.rules.settings import CareSettings

WORDS = ["Y", "是", "N", "不要", "退订", "T", "设置", "settings", "what?", "Y 33", "1 99", "", "Ｙ！"]
ROWS = ["Z2", "U6", "U2", "U10", "U8", "T4", "B1", "R2"]
KEY = b"walk"
QUESTIONS = 30 * DAY


def drawn_news(draw: random.Random, folder: Folder, now: int) -> News:
    case = draw.choice([len(folder.cases)] * 3 + [draw.randint(0, len(folder.cases) + 1)])
    what = draw.choice([Act.QUESTION, Act.PUSH])
    proof = Proof(
        draw.choice(list(Sign)), now - draw.randrange(2 * DAY), draw.choice(ROWS), draw.choice(["", "submit", "confirm"]),
        draw.randint(0, 2), draw.random() < 0.6, draw.random() < 0.3, draw.choice([None, now - draw.randrange(6 * DAY)]),
        draw.choice([None, now - 9 * DAY]), draw.random() < 0.2,
    )  # fmt: skip
    cause = draw.choice([*CAUSES, *CAUSES, "UNSUPPORTED"])
    news: list[tuple[int, News]] = [
        (9, Found(cause, draw.choice([0.6, 0.8, 0.99]), draw.choice(["normal", "normal", "low"]), "submit", draw.randint(0, 2))),
        (2, Cleared(frozenset({cause}))),
        (9, Tick()),
        (12, Wrote(draw.choice(WORDS), draw.choice(["", "", "33", "88"]))),
        (2, Recorded("staff-7", "told", draw.choice(list(Kind)))),
        (2, Prompted("staff-7", case)),
        (1, Revoked("staff-7", case)),
        (9, Left(what, case, draw.choice([0, 0, 0, 1, 2]))),
        (3, Unsent(what, case, "expired", draw.choice([0, 0, 1]))),
        (2, PushFailed(case, "UNDELIV", draw.choice([0, 0, 1]))),
        (1, Unfit(case, "lint")),
        (9, Shown((proof,))),
        (1, Changed(draw.randint(0, 15))),
        (1, TakenOver("staff-7", case)),
        (1, Erased("staff-7")),
    ]
    return draw.choices([one for _, one in news], [weight for weight, _ in news])[0]


class Walk:
    """A folder on its way through random news, watched at every step."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.settings = CareSettings(
            holdout=draw.choice([0.0, 0.5]), offer=draw.random() < 0.5, test_message=draw.random() < 0.3,
            consent=draw.choice([3.0, 30.0]) * 86400,
        )  # fmt: skip
        self.care = Care(self.settings, KEY, wording=lambda case, language: f"{case.kind}.{language}")
        self.folder = Folder(draw.randrange(1, 1000))
        self.person = Person()
        self.now = 20_000 * DAY
        self.pushes: list[tuple[int, int]] = []  # (case, when)
        self.orders: list[Order] = []
        self.seen: Counter[str] = Counter()

    def go(self) -> None:
        self.now += self.draw.choice([0, MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY, 40 * DAY])
        if self.draw.random() < 0.2:
            self.person = Person(
                mendable=self.draw.random() < 0.9,
                blamed=frozenset(self.draw.sample(sorted(CAUSES), self.draw.choice([0, 0, 1, 4]))),
                opted_out=frozenset(self.draw.sample(["all", "service", "marketing"], self.draw.choice([0, 0, 1]))),
            )
        before, news = self.folder, drawn_news(self.draw, self.folder, self.now)
        outcome = self.care.on(before, news, self.now, self.person)
        again = self.care.on(before, news, self.now, self.person)
        assert outcome == again  # a function of its arguments: the transaction may run it twice
        self.folder = outcome.folder
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(self.folder), type=Folder) == self.folder  # as it is stored
        self.look(before, news, outcome)

    def look(self, before: Folder, news: News, outcome: Outcome) -> None:
        self.look_at_steps(before, outcome)
        self.look_at_questions(before, news, outcome)
        self.look_at_pushes(news, outcome)
        for kind in Kind:
            assert sum(case.kind is kind and not case.over for case in self.folder.cases) <= 1
        due = self.care.due(self.folder, self.person, self.now)
        assert due is None or due > self.now  # nothing that time has brought is left undone
        assert len(self.folder.consents) >= len(before.consents)
        assert self.care.on(self.folder, Tick(), self.now, self.person) == (self.folder, (), (), None, "")

    def look_at_steps(self, before: Folder, outcome: Outcome) -> None:
        """The record tells the whole story: replayed, it leads from every case as it was to the case as it is."""
        states = {case.number: case.state for case in before.cases}
        for step in outcome.steps:
            assert states.get(step.case, State.FOUND) is step.before
            assert TABLES[self.case(step.case).kind][step.before, step.event].state is step.after
            assert step.at == self.now
            assert step.who in ("mmsd", "subscriber", "staff-7")
            states[step.case] = step.after
            self.seen[step.event] += 1
        for case in self.folder.cases:
            assert states.get(case.number, State.FOUND) is case.state
        for case in before.cases:
            if case.over:
                assert self.case(case.number) == case  # what is over stays as it is

    def look_at_questions(self, before: Folder, news: News, outcome: Outcome) -> None:
        asks = [order for order in outcome.orders if isinstance(order, Ask)]
        assert sum(question.open_at(self.now) for question in self.folder.questions) <= 1
        for ask in asks:
            assert self.person.opted_out.isdisjoint({"all", "service"})
            assert ask.case.kind is Kind.ACTIVATION or self.person.mendable
            assert not ask.case.held_back
            assert ask.question in self.folder.questions
            if not isinstance(news, Prompted):
                assert ask.case.confidence >= self.settings.ask_from
                assert not ask.case.corrected
                assert all(self.now - q.asked >= QUESTIONS for q in before.questions if q.end != "ask_unsent")
        for question in self.folder.questions:
            if question.closed is None and self.case(question.case).over:
                assert question.expires <= self.now

    def look_at_pushes(self, news: News, outcome: Outcome) -> None:
        for order in outcome.orders:
            if not isinstance(order, Push):
                continue
            consent = order.order.consent
            assert consent in self.folder.consents
            assert consent.live(self.now)
            assert consent.case == order.case.number == order.order.case
            assert order.case.kind is Kind.SETTINGS
            assert self.agreed(order.case, consent.channel)
            assert all(self.now - at >= DAY for _, at in self.pushes)
            self.pushes.append((order.case.number, self.now))
            assert order.order.attempt == sum(case == order.case.number for case, _ in self.pushes)
            assert self.case(order.case.number).pushes <= self.settings.pushes
            self.seen[f"push by {consent.channel}"] += 1
        self.orders += outcome.orders

    def agreed(self, case: Case, channel: Channel) -> bool:
        """Whether he, or staff for him, did what the consent says."""
        return channel is not Channel.SMS or any(question.case == case.number for question in self.folder.questions)

    def case(self, number: int) -> Case:
        found = self.folder.case(number)
        assert found is not None
        return found


def test_any_sequence_of_news_keeps_the_promises(seed: int, effort: int):
    seen: Counter[str] = Counter()
    for walk in range(800 * effort):
        draw = random.Random(f"{seed} {walk}")
        one = Walk(draw)
        for _ in range(draw.randint(5, 60)):
            one.go()
        seen += one.seen
    events = {event.value for table in TABLES.values() for _, event in table}
    assert events - set(seen) == set()  # the walk has been everywhere
    assert all(seen[f"push by {channel}"] for channel in Channel)


def test_the_watch_is_awake():
    """A care that pushes at once whatever was said would be caught: the walk is no use if its assertions cannot fail."""
    walk = Walk(random.Random(1))
    step = CaseStep(case=1, at=walk.now, event="push", before=State.FOUND, after=State.PUSHED, reason="", who="mmsd")  # type: ignore[arg-type]  # as stored
    case = Case(number=1, kind=Kind.SETTINGS, state=State.PUSHED, opened=walk.now, origin="finding")
    walk.folder = Folder(1, (case,))
    with pytest.raises(KeyError):
        walk.look_at_steps(Folder(1), Outcome(walk.folder, (step,)))
