"""What care does about one subscriber, news by news."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmsd.errors import ConsentError
from mmsd.model import DAY, HOUR, MINUTE
from mmsd.rules import findings
from mmsd.rules.answers import Meaning
from mmsd.rules.care import Care, held_back, rank
from mmsd.rules.cases import Act, Case, CaseStep, Event, Kind, State
from mmsd.rules.casework import (
    Ask,
    Changed,
    Cleared,
    EndHoldings,
    Erased,
    Folder,
    Found,
    Left,
    Listed,
    News,
    OptOut,
    Order,
    Outcome,
    Person,
    Probe,
    Prompted,
    Push,
    PushFailed,
    Recorded,
    Revoked,
    Shown,
    TakenOver,
    Tell,
    Tick,
    Unfit,
    Unsent,
    Withdraw,
    Wrote,
    told,
)
from mmsd.rules.consent import CODES, Channel, Consent, PushOrder, Question, free_code
from mmsd.rules.findings import GOOD, REQUEST, Ground
from mmsd.rules.handsets import What
from mmsd.rules.mending import Proof, Sign
from mmsd.rules.settings import CareSettings

ANN = 8613812340001
START = 20_000 * DAY
APN = Found("BAD_APN", 0.9)
SOMEBODY = Person(city="Nanjing", model="Nokia 6120c")


def wording(case: Case, language: str) -> str:
    return f"question.{case.kind}.{language}"


def care(**settings: Any) -> Care:
    return Care(CareSettings(**{"holdout": 0.0, **settings}), b"key", wording=wording)


class Desk:
    """One subscriber's folder, with all that came of it."""

    def __init__(self, rules: Care | None = None, person: Person = SOMEBODY) -> None:
        self.care = rules or care()
        self.person = person
        self.folder = Folder(ANN)
        self.now = START
        self.steps: list[CaseStep] = []
        self.orders: list[Order] = []

    def on(self, news: News, after: int = 0) -> Outcome:
        self.now += after
        outcome = self.care.on(self.folder, news, self.now, self.person)
        self.folder = outcome.folder
        self.steps += outcome.steps
        self.orders += outcome.orders
        return outcome

    def all(self, *news: News) -> None:
        for one in news:
            self.on(one, MINUTE)

    @property
    def case(self) -> Case:
        return self.folder.cases[-1]

    @property
    def states(self) -> list[str]:
        return [step.after.value for step in self.steps]


def asked() -> Desk:
    desk = Desk()
    desk.all(APN, Left(Act.QUESTION, 1))
    return desk


def pushed() -> Desk:
    desk = asked()
    desk.all(Wrote("Y"), Left(Act.PUSH, 1))
    return desk


def names(orders: Iterable[Order]) -> list[str]:
    return [type(order).__name__ for order in orders]


OWN = Proof(Sign.RETRIEVED, 0, own_choice=True)
FAILED = Proof(Sign.FAILED, 0, row="U10", other_new=True)


def at(proof: Proof, when: int) -> Shown:
    return Shown((proof._replace(at=when),))


# ----------------------------------------------------------------------------------------------------------------- the good way


def test_found_asked_consented_pushed_confirmed():
    desk = Desk()
    (ask,) = desk.on(APN).orders
    assert isinstance(ask, Ask)
    assert ask.case.state == "asked"
    assert (ask.question.wording, ask.question.language, ask.question.expires) == ("question.settings.zh", "zh", START + 48 * HOUR)
    desk.on(Left(Act.QUESTION, 1), HOUR)
    assert desk.folder.questions[0].expires == START + 49 * HOUR  # 48 hours from when it left
    outcome = desk.on(Wrote(" 是。"), 48 * HOUR - 1)
    assert outcome.heard is Meaning.YES
    (push,) = outcome.orders
    assert isinstance(push, Push)
    assert (push.order.case, push.order.attempt, push.order.at, push.asked) == (1, 1, desk.now, desk.now)
    consent = desk.folder.consents[0]
    assert push.order.consent == consent
    assert (consent.wording, consent.channel, consent.by, consent.at) == ("question.settings.zh", Channel.SMS, "subscriber", desk.now)
    assert consent.expires == desk.now + 30 * DAY
    desk.on(Left(Act.PUSH, 1), MINUTE)
    sent = desk.now
    assert desk.on(at(OWN, sent + DAY - 1), DAY).steps == ()
    (thanks,) = desk.on(at(OWN, sent + DAY), MINUTE).orders
    assert thanks == Tell(desk.case, "thanks")
    assert desk.states == ["asked", "consented", "pushed", "confirmed"]
    assert [step.who for step in desk.steps] == ["mmsd", "subscriber", "mmsd", "mmsd"]
    assert (desk.case.city, desk.case.model, desk.case.asked, desk.case.mended) == ("Nanjing", "Nokia 6120c", START, ("BAD_APN",))
    assert not desk.folder.consents[0].live(desk.now)  # it ends with its case


def test_the_subscribers_language():
    desk = Desk(person=Person(language="en"))
    desk.on(APN)
    assert (desk.folder.questions[0].language, desk.folder.questions[0].wording) == ("en", "question.settings.en")


def test_activation_is_listed_and_confirmed_by_the_first_session():
    desk = Desk(person=Person(mendable=False))  # settings are not what mends it
    desk.all(Found("NO_PDP", 0.8), Left(Act.QUESTION, 1))
    listed, told = desk.on(Wrote("1"), HOUR).orders
    assert (listed, told) == (Listed(desk.case, on=True), Tell(desk.case, "listed"))
    assert desk.case.listed == desk.now
    assert desk.folder.consents[0].live(desk.now)
    orders = desk.on(at(Proof(Sign.SESSION, 0), desk.now + 1), HOUR).orders
    assert orders == (Tell(desk.case, "thanks"), Listed(desk.case, on=False))
    assert desk.states == ["asked", "listed", "confirmed"]


def test_activation_that_brings_no_session_in_a_week_is_for_people():
    desk = Desk()
    desk.all(Found("NO_PDP", 0.8), Wrote("1"))
    listed = desk.now
    desk.on(Shown((Proof(Sign.SILENCE, listed + 7 * DAY - 1, since=0),)), DAY)
    assert desk.case.state == "listed"
    assert desk.on(Shown((Proof(Sign.SILENCE, listed + 7 * DAY, since=0),)), 7 * DAY).orders == (Listed(desk.case, on=True),)
    assert desk.case.state == "handed_over"


# ------------------------------------------------------------------------------------------------------------------- who is asked


@pytest.mark.parametrize(
    ("found", "person", "reason"),
    [
        (Found("BAD_APN", 0.79), SOMEBODY, "unsure"),
        (Found("BAD_APN", 0.9, "low"), SOMEBODY, "corrected"),
        (APN, Person(blamed=frozenset({"BAD_APN"})), "model"),
        (APN, Person(mendable=False), "no_settings"),
        (APN, Person(opted_out=frozenset({"service"})), "opted_out"),
        (APN, Person(opted_out=frozenset({"all"})), "opted_out"),
    ],
)
def test_who_is_not_asked(found: Found, person: Person, reason: str):
    desk = Desk(person=person)
    assert desk.on(found).orders == ()
    assert desk.case.state == "found"
    step = desk.care.next_step(desk.folder, desk.case, person, desk.now)
    assert (step.event, step.reason) == (None, reason)
    assert desk.care.due(desk.folder, person, desk.now) is None


def test_who_becomes_surer_is_asked_then():
    desk = Desk()
    desk.on(Found("BAD_APN", 0.7))
    assert names(desk.on(Found("BAD_APN", 0.85), DAY).orders) == ["Ask"]


@pytest.mark.parametrize("cause", ["UNSUPPORTED", "CLIENT_DEFECT", "NO_RETRIEVE", "EXPIRED"])
def test_what_no_settings_mend_opens_no_case(cause: str):
    assert Desk().on(Found(cause, 0.99)) == (Folder(ANN), (), (), None, "")


def test_who_is_held_back_is_found_and_never_asked():
    desk = Desk(care(holdout=1.0))
    assert desk.on(APN).orders == ()
    desk.on(Tick(), 300 * DAY)
    assert (desk.case.state, desk.case.held_back) == (State.HELD_BACK, True)
    assert desk.case.asked is None
    desk.on(Wrote("设置"))  # but who asks gets what he asks for
    assert (desk.case.state, desk.case.held_back) == (State.PUSHED, True)


def test_the_draw_is_the_same_for_ever_and_needs_the_key():
    people = range(ANN, ANN + 20_000)
    drawn = {number for number in people if held_back(b"key", number, 0.05)}
    assert 850 < len(drawn) < 1150
    assert drawn == {number for number in people if held_back(b"key", number, 0.05)}
    assert drawn < {number for number in people if held_back(b"key", number, 0.10)}
    assert 20 < len(drawn & {number for number in people if held_back(b"other", number, 0.05)}) < 90
    assert not any(held_back(b"key", number, 0.0) for number in people)
    assert all(held_back(b"key", number, 1.0) for number in people)


def test_receivers_of_a_seed_come_first():
    def case(number: int, confidence: float, *, seed: bool = False) -> Case:
        return Case(
            number=number, kind=Kind.SETTINGS, state=State.FOUND, opened=number, origin="finding", confidence=confidence, seed=seed
        )  # fmt: skip

    cases = [case(1, 0.9), case(2, 0.8, seed=True), case(3, 0.9), case(4, 0.99)]
    assert [one.number for one in sorted(cases, key=rank)] == [2, 4, 1, 3]
    desk = Desk()
    desk.on(Found("BAD_APN", 0.9, seed=True))
    assert desk.case.seed


def test_one_question_a_month():
    desk = asked()
    desk.on(Tick(), 48 * HOUR)
    assert desk.case.state == "silent"
    desk.on(APN, DAY)
    assert (desk.case.number, desk.case.state) == (2, State.FOUND)
    left = desk.folder.questions[0].asked
    step = desk.care.next_step(desk.folder, desk.case, desk.person, desk.now)
    assert (step.event, step.at, step.reason) == (Event.ASK, left + 30 * DAY, "asked_lately")
    assert desk.care.due(desk.folder, desk.person, desk.now) == left + 30 * DAY
    desk.on(Tick(), left + 30 * DAY - 1 - desk.now)
    assert desk.case.state == "found"
    desk.on(Tick(), 1)
    assert desk.case.state == "asked"


def test_half_a_year_after_a_no():
    desk = asked()
    assert desk.on(Wrote("不要"), HOUR).heard is Meaning.NO
    assert desk.case.state == "declined"
    desk.on(APN, DAY)
    assert desk.care.due(desk.folder, desk.person, desk.now) == desk.folder.questions[0].asked + 180 * DAY


def test_two_troubles_at_once_are_asked_about_one_after_the_other():
    desk = asked()
    assert desk.on(Found("NO_PDP", 0.9)).orders == ()
    step = desk.care.next_step(desk.folder, desk.case, desk.person, desk.now)
    assert (step.event, step.reason) == (Event.ASK, "question_open")
    desk.on(Tick(), 31 * DAY)
    assert [case.state for case in desk.folder.cases] == [State.SILENT, State.ASKED]


def test_findings_that_one_push_mends_are_one_case():
    desk = pushed()
    desk.on(Found("BAD_MMSC_URL", 0.9, posts="submit", authority=77), HOUR)
    assert len(desk.folder.cases) == 1
    assert desk.case.causes == ("BAD_APN", "BAD_MMSC_URL")
    assert desk.steps[-1].event is Event.JOIN
    desk.on(at(OWN, desk.now + DAY), DAY)
    assert (desk.case.state, desk.case.mended) == (State.PUSHED, ("BAD_APN",))
    desk.on(at(Proof(Sign.POSTED, 0, post="submit"), desk.now), MINUTE)
    assert (desk.case.state, desk.case.mended) == (State.CONFIRMED, ("BAD_APN", "BAD_MMSC_URL"))


def test_a_finding_said_anew_changes_nothing_after_the_yes():
    desk = Desk()
    desk.all(
        Found("BAD_MMSC_URL", 0.9, posts="submit", authority=77), Found("BAD_MMSC_URL", 0.95, posts="confirm", authority=78), Wrote("Y")
    )
    before = desk.case
    assert (before.authority, before.posts, before.confidence) == (78, "confirm", 0.95)
    desk.on(Found("BAD_MMSC_URL", 0.8, posts="submit", authority=79), HOUR)
    assert desk.case == before


def test_a_finding_that_clears_ends_its_case_before_anything_was_done():
    desk = asked()
    assert names(desk.on(Cleared(frozenset({"BAD_APN"})), HOUR).orders) == ["Withdraw"]
    assert (desk.case.state, desk.case.reason) == (State.ENDED, "cleared")
    assert desk.on(Wrote("Y"), MINUTE).heard is Meaning.OTHER


def test_one_of_two_findings_that_clears_leaves_the_other():
    desk = asked()
    desk.all(Found("BAD_PROXY", 0.8), Cleared(frozenset({"BAD_APN"})))
    assert (desk.case.state, desk.case.causes) == (State.ASKED, ("BAD_PROXY",))


def test_who_said_yes_gets_his_settings_whatever_clears_meanwhile():
    desk = pushed()
    desk.all(Cleared(frozenset({"BAD_APN"})))
    assert desk.case.state == "pushed"


def test_a_question_that_did_not_leave_is_asked_again_a_day_later():
    desk = Desk()
    desk.all(APN, Unsent(Act.QUESTION, 1, "shadow"))
    assert (desk.case.state, desk.case.reason) == (State.FOUND, "shadow")
    assert desk.care.due(desk.folder, desk.person, desk.now) == desk.now + DAY
    desk.on(Tick(), DAY)
    assert desk.case.state == "asked"
    assert [question.number for question in desk.folder.questions] == [1, 2]


def test_a_question_that_leaves_when_its_time_is_over_is_not_open_again():
    desk = Desk()
    desk.on(APN)
    before = desk.folder.questions[0]
    desk.now = before.expires
    outcome = desk.care.on(desk.folder, Left(Act.QUESTION, 1), desk.now, desk.person)
    assert outcome.folder.questions[0].expires == before.expires
    assert [step.event for step in outcome.steps] == [Event.SILENCE]


def test_staff_may_have_somebody_asked_who_would_not_be():
    desk = Desk()
    desk.on(Found("BAD_APN", 0.5))
    assert names(desk.on(Prompted("staff-7", 1), HOUR).orders) == ["Ask"]
    assert desk.steps[-1].who == "staff-7"
    desk.on(Found("NO_PDP", 0.9), HOUR)
    assert desk.on(Prompted("staff-7", 2), HOUR).orders == ()  # a question is open
    stopped = Desk(person=Person(opted_out=frozenset({"all"})))
    stopped.on(APN)
    assert stopped.on(Prompted("staff-7", 1)).orders == ()


def test_staff_may_take_a_case_over():
    desk = asked()
    assert names(desk.on(TakenOver("staff-7", 1, "he called"), HOUR).orders) == ["Listed", "Withdraw"]
    assert (desk.case.state, desk.steps[-1].who, desk.steps[-1].reason) == (State.HANDED_OVER, "staff-7", "he called")


def test_a_finding_is_told_with_what_it_rests_on():
    astray = [
        Ground((REQUEST, 2, place), "BAD_MMSC_URL", place, 0.9, kind, 77, 2, place, 12) for place, kind in enumerate(["confirm", "submit"])
    ]
    cleared = Ground((GOOD, 2, 9), "BAD_MMSC_URL", 9, 1.0, "confirm", 0, 2, 9, 12)
    found = findings.Found("BAD_MMSC_URL", 1, 0, 0.9, "low", (*astray, cleared))
    assert told(found, seed=True) == Found("BAD_MMSC_URL", 0.9, "low", "submit", 77, seed=True)
    assert told(findings.Found("BAD_APN", 1, 0, 0.8, "normal", ())) == Found("BAD_APN", 0.8)


# ------------------------------------------------------------------------------------------------------------------ what he writes


def test_no_answer_in_48_hours_is_silence():
    desk = asked()
    left = desk.folder.questions[0].asked
    assert desk.care.due(desk.folder, desk.person, desk.now) == left + 48 * HOUR
    desk.on(Tick(), left + 48 * HOUR - 1 - desk.now)
    assert desk.case.state == "asked"
    outcome = desk.on(Wrote("Y"), 1)
    assert (outcome.heard, outcome.note) == (Meaning.OTHER, "too late")
    assert desk.case.state == "silent"
    assert desk.folder.consents == ()


def test_a_stop_word_ends_everything():
    desk = pushed()
    desk.on(Found("NO_PDP", 0.9), HOUR)
    outcome = desk.on(Wrote("退订"), HOUR)
    assert outcome.heard is Meaning.STOP
    assert OptOut(("service", "marketing", "provisioning")) in outcome.orders
    assert Tell(None, "stopped") in outcome.orders
    assert Withdraw(desk.folder.cases[0]) in outcome.orders
    assert [case.state for case in desk.folder.cases] == [State.ENDED, State.ENDED]
    assert not desk.folder.consents[0].live(desk.now)
    desk.on(Tick(), 100 * DAY)
    assert names(desk.orders).count("Push") == 1


def test_stop_in_answer_to_the_question_is_a_no():
    desk = asked()
    desk.on(Wrote("T"), HOUR)
    assert (desk.case.state, desk.folder.questions[0].end) == (State.DECLINED, "stop")


def test_settings_on_request():
    desk = Desk()
    (push,) = desk.on(Wrote("设置")).orders
    assert isinstance(push, Push)
    assert (push.order.consent.channel, push.order.consent.wording, push.asked) == (Channel.KEYWORD, "设置", START)
    assert (desk.case.origin, desk.case.causes, desk.case.state) == ("keyword", (), State.PUSHED)
    desk.on(Left(Act.PUSH, 1), MINUTE)
    desk.on(at(Proof(Sign.POSTED, 0, post="submit"), desk.now + DAY), DAY)
    assert desk.case.state == "confirmed"


def test_who_stopped_and_asks_for_settings_gets_them_and_nothing_else_again():
    desk = Desk(person=Person(opted_out=frozenset({"service", "marketing", "provisioning"})))
    orders = desk.on(Wrote("settings")).orders
    assert orders[0] == OptOut(("service", "provisioning"), out=False)
    assert names(orders) == ["OptOut", "Push"]
    everything = Desk(person=Person(opted_out=frozenset({"all"})))
    orders = everything.on(Wrote("settings")).orders
    assert orders[:2] == (OptOut(("all",), out=False), OptOut(("transactional", "marketing")))


def test_who_asks_again_gets_a_second_push_the_next_day_and_then_people():
    desk = Desk()
    desk.all(Wrote("设置"), Left(Act.PUSH, 1))
    assert names(desk.on(Wrote("设置"), HOUR).orders) == []
    assert (desk.case.state, desk.case.reason) == (State.NOT_TAKEN, "asked again")
    assert names(desk.on(Tick(), DAY).orders) == ["Push"]
    desk.all(Left(Act.PUSH, 1))
    assert names(desk.on(Wrote("设置"), HOUR).orders) == ["Listed"]
    assert desk.case.state == "handed_over"


def test_staff_records_a_consent_with_a_name():
    desk = asked()
    orders = desk.on(Recorded("staff-7", "told on the telephone"), HOUR).orders
    assert names(orders) == ["Withdraw", "Push"]  # the question must not leave any more
    (consent,) = desk.folder.consents
    assert (consent.channel, consent.by, consent.wording) == (Channel.STAFF, "staff-7", "told on the telephone")
    assert isinstance(orders[1], Push)
    assert orders[1].asked is None  # it answers no SMS of his
    assert [step.who for step in desk.steps] == ["mmsd", "staff-7", "mmsd"]


def test_a_consent_may_be_taken_back():
    desk = Desk(person=Person(mendable=True))
    desk.all(Wrote("设置"), Unsent(Act.PUSH, 1, "stopped"))
    assert desk.case.state == "consented"
    assert names(desk.on(Revoked("staff-7", 1), HOUR).orders) == ["Withdraw"]
    assert (desk.case.state, desk.folder.consents[0].why) == (State.ENDED, "revoked")


def test_other_words_are_for_people():
    desk = asked()
    outcome = desk.on(Wrote("who are you?"), HOUR)
    assert (outcome.heard, outcome.steps, outcome.orders) == (Meaning.OTHER, (), ())


# ---------------------------------------------------------------------------------------------------------------------- pushes


def test_the_same_failure_after_the_push_is_not_taken_and_pushed_once_more():
    desk = pushed()
    first = desk.now
    desk.on(at(FAILED, first + DAY), DAY)
    assert desk.states[-2:] == ["not_taken", "pushed"]
    desk.all(Left(Act.PUSH, 1))
    assert (desk.case.pushes, desk.case.orders) == (2, 2)
    assert names(desk.on(at(FAILED, desk.now + DAY), DAY).orders) == ["Listed"]
    assert desk.case.state == "handed_over"
    assert names(desk.orders).count("Push") == 2


def test_a_failure_while_he_may_not_have_installed_it_yet_says_nothing():
    desk = pushed()
    desk.on(at(FAILED, desk.now + DAY - 1), DAY)
    assert desk.case.state == "pushed"


def test_the_window_begins_when_the_push_left():
    desk = asked()
    desk.on(Wrote("Y"), HOUR)
    desk.on(at(OWN, desk.now + 2 * DAY), 2 * DAY)  # it waits for a link, so this cannot be its doing
    assert desk.case.state == "pushed"
    desk.all(Left(Act.PUSH, 1))
    desk.on(at(OWN, desk.now + DAY), DAY)
    assert desk.case.state == "confirmed"


def test_one_push_a_day_over_all_cases():
    desk = pushed()
    desk.on(TakenOver("staff-7", 1), HOUR)
    assert desk.on(Wrote("设置"), HOUR).orders == ()
    sent = desk.folder.cases[0].sent
    assert sent is not None
    assert desk.care.due(desk.folder, desk.person, desk.now) == sent + DAY
    desk.on(Tick(), sent + DAY - 1 - desk.now)
    assert desk.case.state == "consented"
    assert names(desk.on(Tick(), 1).orders) == ["Push"]


def test_a_push_that_did_not_leave_is_ordered_again_a_day_later_under_another_name():
    desk = asked()
    desk.all(Wrote("Y"), Unsent(Act.PUSH, 1, "expired"))
    assert (desk.case.state, desk.case.pushes, desk.case.orders) == (State.CONSENTED, 0, 1)
    (push,) = desk.on(Tick(), DAY).orders
    assert isinstance(push, Push)
    assert push.order.attempt == 2
    assert desk.case.pushes == 1


def test_a_push_that_did_not_arrive_was_not_taken():
    desk = pushed()
    desk.on(PushFailed(1, "UNDELIV"), HOUR)
    assert (desk.case.state, desk.case.reason) == (State.NOT_TAKEN, "UNDELIV")
    desk.on(Tick(), DAY)
    desk.all(Left(Act.PUSH, 1), PushFailed(1, "UNDELIV"))
    assert desk.case.state == "handed_over"


def test_what_is_told_late_of_an_earlier_push_says_nothing_of_the_last():
    desk = pushed()
    desk.on(PushFailed(1, "UNDELIV", 1), HOUR)
    desk.on(Tick(), DAY)
    before = desk.folder
    assert desk.case.orders == 2
    for late in (PushFailed(1, "UNDELIV", 1), Unsent(Act.PUSH, 1, "expired", 1), Left(Act.PUSH, 1, 1)):
        assert desk.on(late, MINUTE).folder == before
    assert desk.on(Left(Act.PUSH, 1, 2), MINUTE).folder.cases[0].sent == desk.now


def test_what_is_told_late_of_an_earlier_question_says_nothing_of_the_last():
    desk = Desk()
    desk.all(APN, Unsent(Act.QUESTION, 1, "shadow", 1))
    desk.on(Tick(), DAY)
    before = desk.folder
    for late in (Unsent(Act.QUESTION, 1, "shadow", 1), Left(Act.QUESTION, 1, 1)):
        assert desk.on(late, MINUTE).folder == before
    assert desk.on(Left(Act.QUESTION, 1, 2), MINUTE).folder.questions[1].sent


def test_no_second_push_without_a_consent_that_still_holds():
    desk = Desk(care(consent=DAY * 1.5 / 1e6))
    desk.all(APN, Left(Act.QUESTION, 1), Wrote("Y"), Left(Act.PUSH, 1))
    desk.on(at(FAILED, desk.now + 2 * DAY), 2 * DAY)
    assert desk.states[-2:] == ["not_taken", "handed_over"]
    assert (desk.case.reason, names(desk.orders).count("Push")) == ("consent", 1)


def test_fewer_pushes_from_now_on():
    desk = pushed()
    desk.on(PushFailed(1, "UNDELIV"), HOUR)
    desk.care = care(pushes=1)
    assert names(desk.on(Tick(), MINUTE).orders) == ["Listed"]
    assert (desk.case.state, desk.case.reason) == (State.HANDED_OVER, "pushes: 1")


def test_what_cannot_be_pushed_is_for_people():
    desk = asked()
    desk.all(Wrote("Y"))
    assert names(desk.on(Unfit(1, "lint"), MINUTE).orders) == []  # it is on its way already
    desk.on(Unsent(Act.PUSH, 1, "x"))
    assert names(desk.on(Unfit(1, "lint"), MINUTE).orders) == ["Listed", "Tell"]
    assert desk.orders[-1] == Tell(desk.case, "sorry")
    unsigned = Desk(person=Person(mendable=False))
    assert names(unsigned.on(Wrote("设置")).orders) == ["Listed", "Tell"]
    assert (unsigned.case.state, unsigned.case.reason) == (State.HANDED_OVER, "no_settings")


def test_what_nothing_proves_is_not_counted_as_mended():
    desk = pushed()
    assert desk.care.due(desk.folder, desk.person, desk.now) == desk.now + 30 * DAY
    desk.on(Tick(), 30 * DAY)
    assert desk.case.state == "unproven"
    assert names(desk.orders)[-1] == "Push"


def test_a_message_of_our_own_tries_it():
    desk = Desk(care(test_message=True))
    desk.all(APN, Wrote("Y"), Left(Act.PUSH, 1))
    assert desk.on(Tick(), DAY - 1).orders == ()
    assert desk.on(Tick(), 1).orders == (Probe(desk.case),)
    assert desk.on(Tick(), DAY).orders == ()
    desk.on(at(Proof(Sign.RETRIEVED, 0, own_choice=True, notified=desk.now, test=True), desk.now), MINUTE)
    assert desk.case.state == "confirmed"


# ----------------------------------------------------------------------------------------------------------------- what changes


@pytest.mark.parametrize("what", [What.IMSI, What.OWNER, What.RETURN])
def test_another_sim_card_or_owner_ends_everything(what: What):
    desk = pushed()
    desk.on(Found("NO_PDP", 0.9), HOUR)
    orders = desk.on(Changed(int(what)), HOUR).orders
    assert EndHoldings() in orders
    assert [case.state for case in desk.folder.cases] == [State.ENDED, State.ENDED]
    assert not any(consent.live(desk.now) for consent in desk.folder.consents)
    assert desk.folder.consents[0].why == {What.IMSI: "imsi_changed", What.OWNER: "new_owner", What.RETURN: "returned"}[what]


def test_another_handset_ends_the_case_and_keeps_the_consent_on_record():
    desk = pushed()
    orders = desk.on(Changed(int(What.IMEI)), HOUR).orders
    assert names(orders) == ["Withdraw"]
    assert (desk.case.state, desk.case.reason) == (State.ENDED, "new_handset")
    assert desk.folder.consents[0].revoked is None
    desk.on(Tick(), 2 * DAY)
    assert names(desk.orders).count("Push") == 1  # it was for that case: nothing is pushed on its strength


def test_settings_may_be_offered_for_a_new_handset():
    desk = Desk(care(offer=True))
    assert names(desk.on(Changed(int(What.IMEI))).orders) == ["Ask"]
    assert (desk.case.origin, desk.case.until) == ("new_handset", START + 48 * HOUR)
    assert names(desk.on(Wrote("好"), HOUR).orders) == ["Push"]
    assert Desk(care(offer=False)).on(Changed(int(What.IMEI))).folder.cases == ()
    assert Desk(care(offer=True)).on(Changed(int(What.IMEI | What.IMSI))).folder.cases == ()


def test_an_offer_that_cannot_be_made_in_time_lapses():
    desk = Desk(care(offer=True), Person(mendable=False))
    desk.on(Changed(int(What.IMEI)))
    assert desk.care.due(desk.folder, desk.person, desk.now) == START + 48 * HOUR
    desk.on(Tick(), 48 * HOUR)
    assert desk.case.state == "ended"
    busy = Desk(care(offer=True))
    busy.all(APN)
    busy.all(Changed(int(What.IMEI)))  # asked a minute ago: not again within the month
    assert busy.care.due(busy.folder, busy.person, busy.now) == busy.case.until


def test_who_is_erased_has_no_open_case_left():
    desk = pushed()
    desk.on(Erased("staff-7"), HOUR)
    assert (desk.case.state, desk.steps[-1].who) == (State.ENDED, "staff-7")
    assert not desk.folder.consents[0].live(desk.now)


# ------------------------------------------------------------------------------------------------------------- consents by type


CONSENT = Consent(number=1, case=1, wording="question:1", channel=Channel.SMS, by="subscriber", at=START, expires=START + DAY)


@pytest.mark.parametrize(
    ("consent", "case", "when", "why"),
    [
        (CONSENT, 1, START - 1, "is of later"),
        (CONSENT, 1, START + DAY, "expired"),
        (CONSENT, 2, START, "another case"),
        (msgspec.structs.replace(CONSENT, revoked=START + 5), 1, START + 5, "was revoked"),
        (None, 1, START, "there is none"),
        (True, 1, START, "there is none"),
    ],
)
def test_no_push_without_a_live_consent(consent: Any, case: int, when: int, why: str):
    with pytest.raises(ConsentError, match=why):
        PushOrder(consent, case, 1, when)


def test_there_is_no_other_way_to_a_push(root: Path):
    order = PushOrder(CONSENT, 1, 1, START)
    assert copy.copy(order) == pickle.loads(pickle.dumps(order)) == order
    fields = msgspec.to_builtins(order) | {"at": START + DAY}
    for another in (
        lambda: msgspec.structs.replace(order, at=START + DAY),
        lambda: msgspec.convert(fields, PushOrder),
        lambda: msgspec.json.decode(msgspec.json.encode(fields), type=PushOrder),
        lambda: type("Forged", (PushOrder,), {})(None, 1, 1, START),
    ):
        with pytest.raises((ConsentError, msgspec.ValidationError)):
            another()
    with pytest.raises(TypeError):
        PushOrder()  # type: ignore[call-arg]  # what is tried
    with pytest.raises(TypeError):
        object.__new__(PushOrder)
    with pytest.raises(AttributeError):
        order.at = START + DAY  # type: ignore[misc]  # what is tried
    code = "".join(path.read_text() for path in (root / "mmsd").rglob("*.py"))
    assert "force_setattr" not in code  # the one thing that would get round it


def test_codes_say_neither_yes_nor_no_nor_stop():
    assert all(set(code) <= set("3456789") and len(code) == 2 for code in CODES)
    question = Question(number=1, case=1, code=CODES[0], wording="", language="zh", asked=0, expires=10)
    assert free_code([question], 5) == CODES[1]
    assert free_code([question], 10) == CODES[0]
