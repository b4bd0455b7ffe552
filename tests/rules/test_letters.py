"""Care's orders as rows: asked for once, gone before it is too late, each in the class whose switch is meant for it."""

from __future__ import annotations

import msgspec
import pytest

from mmsd.model import DAY, HOUR, SECOND
from mmsd.rules.cases import Act, Case, Kind, State
from mmsd.rules.casework import Ask, Probe, Push, Renotify, Tell
from mmsd.rules.consent import Channel, Consent, PushOrder, Question
from mmsd.rules.forms import Handset, Parcel, Signed, prepare
from mmsd.rules.governor import ACKNOWLEDGES_STOP, CLASSES
from mmsd.rules.letters import AT_LEISURE, FOR_A_SEED, IN_CONVERSATION, Letter, keys_to_withdraw, probe, push, question, renotify, told
from mmsd.rules.models import Model
from mmsd.rules.operators import Access
from mmsd.rules.outbox import Form, form
from mmsd.rules.settings import CareSettings
from mmsd.rules.tidings import addressed, of_outbox
from mmsd.rules.wording import Wording

NOW = 20_000 * DAY
NUMBER = "8613812341234"
SUBJECT = b"lookup"
SETTINGS = CareSettings()
CASE = Case(number=3, kind=Kind.SETTINGS, state=State.ASKED, opened=NOW, origin="finding", causes=("BAD_APN",))
QUESTION = Question(number=2, case=3, code="33", wording="", language="en", asked=NOW, expires=NOW + 48 * HOUR)
CONSENT = Consent(number=1, case=3, wording="question", channel=Channel.SMS, by="subscriber", at=NOW, expires=NOW + 30 * DAY)
MOBILE = Signed("China Mobile", Access("cmwap", "http://mmsc.example", "10.0.0.172:80", signed_by="desk 4", signed_on="2026-11-20"))


def parcel(order: PushOrder, *, capable: bool = True) -> Parcel:
    made = prepare(order, MOBILE, Handset(Model("m", "n", oma_cp=capable), 0), SETTINGS, Wording(), "zh", pin="4711")
    assert isinstance(made, Parcel)
    return made


def pushes(
    consent: Consent = CONSENT, *, attempt: int = 1, capable: bool = True, asked: int | None = NOW, case: Case = CASE
) -> list[Letter]:
    order = PushOrder(consent, 3, attempt, NOW)
    return push(Push(case, order, asked), NUMBER, SUBJECT, parcel(order, capable=capable))


def test_a_question_expires_with_itself():
    letter = question(Ask(CASE, QUESTION), NUMBER, SUBJECT, Wording(), SETTINGS)
    row = letter.row
    assert (letter.what, letter.case, letter.nth) == (Act.QUESTION, 3, 2)
    assert (row.kind, row.purpose, row.msisdn, row.state, row.due, row.expires) == ("service", "ask", NUMBER, "ready", NOW, NOW + 48 * HOUR)
    assert "access point" in row.body
    assert "48 hours" in row.body
    assert (row.priority, row.asked) == (AT_LEISURE, None)
    seed = question(Ask(msgspec.structs.replace(CASE, seed=True), QUESTION), NUMBER, SUBJECT, Wording(), SETTINGS)
    assert seed.row.priority == FOR_A_SEED


def test_a_push_goes_with_its_text_and_only_its_departure_counts():
    text, pushed = pushes()
    assert (text.what, pushed.what, pushed.case, pushed.nth) == (None, Act.PUSH, 3, 1)
    assert (text.row.purpose, pushed.row.purpose) == ("told", "push")
    assert {text.row.kind, pushed.row.kind} == {"provisioning"}  # no switch lets one go without the other
    assert "4711" in text.row.body
    assert (pushed.row.body, bool(pushed.row.pieces)) == ("", True)
    assert {row.priority for row in (text.row, pushed.row)} == {IN_CONVERSATION}
    assert text.row.asked == pushed.row.asked == NOW


def test_what_is_typed_in_is_the_text_alone():
    (text,) = pushes(capable=False)
    assert (text.what, text.row.kind, text.row.pieces) == (Act.PUSH, "provisioning", ())


def test_nothing_leaves_when_the_consent_is_over():
    assert {letter.row.expires for letter in pushes()} == {NOW + 48 * HOUR}
    soon = msgspec.structs.replace(CONSENT, expires=NOW + HOUR)
    assert {letter.row.expires for letter in pushes(soon)} == {NOW + HOUR}


def test_a_push_that_answers_nobody_waits_its_turn():
    assert {letter.row.priority for letter in pushes(asked=None)} == {AT_LEISURE}
    assert {letter.row.priority for letter in pushes(asked=None, case=msgspec.structs.replace(CASE, seed=True))} == {FOR_A_SEED}


def test_a_parcel_of_another_order_is_refused():
    order, other = PushOrder(CONSENT, 3, 1, NOW), PushOrder(CONSENT, 3, 2, NOW)
    with pytest.raises(ValueError, match="another order"):
        push(Push(CASE, order, None), NUMBER, SUBJECT, parcel(other))


def test_thanks_and_stops():
    thanks = told(Tell(CASE, "thanks"), NUMBER, SUBJECT, Wording(), "zh", NOW)
    assert (thanks.row.kind, thanks.row.purpose, thanks.row.asked, thanks.what) == ("service", "thanks", None, None)
    stopped = told(Tell(None, "stopped"), NUMBER, SUBJECT, Wording(), "zh", NOW)
    assert (stopped.row.purpose, stopped.row.asked, stopped.row.priority) == (ACKNOWLEDGES_STOP, NOW, IN_CONVERSATION)
    assert all(letter.row.expires > NOW for letter in (thanks, stopped))


def test_the_same_order_is_the_same_row_and_another_is_another():
    other_case = msgspec.structs.replace(CASE, number=4)
    letters = [
        question(Ask(CASE, QUESTION), NUMBER, SUBJECT, Wording(), SETTINGS),
        question(Ask(CASE, msgspec.structs.replace(QUESTION, number=3)), NUMBER, SUBJECT, Wording(), SETTINGS),
        question(Ask(other_case, QUESTION), NUMBER, SUBJECT, Wording(), SETTINGS),
        question(Ask(CASE, QUESTION), NUMBER, b"else", Wording(), SETTINGS),
        *pushes(),
        *pushes(attempt=2),
        *(told(Tell(CASE, name), NUMBER, SUBJECT, Wording(), "zh", NOW) for name in ("thanks", "listed", "sorry")),
        *(told(Tell(None, "stopped"), NUMBER, SUBJECT, Wording(), "zh", at) for at in (NOW, NOW + HOUR)),
    ]
    assert len({letter.row.key for letter in letters}) == len(letters)
    assert {letter.row.kind for letter in letters} < set(CLASSES)
    assert pushes()[1].row.key == pushes()[1].row.key
    again = told(Tell(None, "stopped"), NUMBER, SUBJECT, Wording(), "zh", NOW + HOUR - 1)
    assert again.row.key == letters[-2].row.key  # said twice in an hour


def test_what_waits_for_a_case_can_be_withdrawn_by_its_keys():
    case = msgspec.structs.replace(CASE, orders=2)
    other = msgspec.structs.replace(QUESTION, number=9, case=4)
    keys = keys_to_withdraw(case, [QUESTION, other], SUBJECT)
    waiting = [question(Ask(CASE, QUESTION), NUMBER, SUBJECT, Wording(), SETTINGS), *pushes(), *pushes(attempt=2)]
    waiting += [probe(Probe(msgspec.structs.replace(CASE, orders=nth)), NUMBER, SUBJECT, b"card", NOW) for nth in (1, 2)]
    waiting += [renotify(Renotify(msgspec.structs.replace(CASE, orders=nth)), NUMBER, SUBJECT, SETTINGS, NOW) for nth in (1, 2)]
    assert sorted(keys) == sorted(letter.row.key for letter in waiting)


def test_what_waits_is_announced_again_some_time_after_the_push_in_its_class():
    letter = renotify(Renotify(msgspec.structs.replace(CASE, orders=2)), NUMBER, SUBJECT, CareSettings(renotify_after=600.0), NOW)
    assert (letter.row.kind, letter.row.purpose, letter.row.due) == ("provisioning", "renotify", NOW + 600 * SECOND)
    assert (letter.what, letter.case, letter.nth) == (Act.RENOTIFY, 3, 2)
    row = addressed(letter)
    assert (row.purpose, form(row)) == ("renotify:3:2", Form.NOTICE)
    assert of_outbox([msgspec.structs.replace(row, state="sent")], NOW) == []


def test_the_text_beside_a_push_says_what_becomes_of_a_message_he_missed():
    again = CareSettings(renotify=True)
    for capable, imsi, care, said in (
        (True, 0, CareSettings(), "ask for it again"), (True, 0, again, "will come again"),
        (True, 460001234567890, again, "will come again"), (False, 0, again, "ask for it again"),
    ):  # fmt: skip
        handset = Handset(Model("m", "n", oma_cp=capable), imsi)
        made = prepare(PushOrder(CONSENT, 3, 1, NOW), MOBILE, handset, care, Wording(), "en", pin="4711")
        assert isinstance(made, Parcel)
        assert said in made.text.text
