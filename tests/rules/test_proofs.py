"""From lines to proofs of a mend, and from there to what they prove of a case."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmsd import config
from mmsd.model import SECOND, Content, Kind
from mmsd.rules.cases import Case, State
from mmsd.rules.cases import Kind as CaseKind
from mmsd.rules.history import History
from mmsd.rules.mending import Proof, Sign, mended
from mmsd.rules.proofs import announced, of_delivery, of_posts, of_sessions, of_silence
from mmsd.rules.relate import Context, Covered
from mmsd.rules.settings import CareSettings
from mmsd.rules.signs import authorities, look
from mmsd.rules.traces import ORIGIN, Trace
from tests.rules.dossiers import ANN, CAT, answer, context, dossier, fetched, get, name, notify, only, post, push, session, submit, trace

LATE = 500
"""Everything is over by then."""


def of_message(*lines: Trace, around: Context | None = None, at: float = LATE) -> list[Proof]:
    """Proofs of the only delivery in these lines."""
    around = around or context()
    found = dossier(*lines, around=around)
    seen = look(only(found), found, around, round(at * SECOND))
    verdict = config.load_causes().judge(seen.signs)
    return list(of_delivery(only(found), seen, verdict.rule, found, around))


def requests(*lines: Trace, around: Context | None = None, at: float = LATE) -> list[Proof]:
    around = around or context()
    found = dossier(*lines, around=around)
    return list(of_posts(found, around, authorities(found, around), round(at * SECOND)))


def origin(at: float) -> Trace:
    """The MMSC's line of a message that Ann sent."""
    return trace(ORIGIN, at, message=f"own{at}")


ANNOUNCED = (submit(0), notify(1), push(1))
SESSION = session(Kind.SESSION_START, 2)
GIVEN = session(Kind.SESSION_START, 2, c=3)  # Selection-Mode 2: the network chose it
ELSEWHERE = session(Kind.SESSION_START, 3, "cmnet", "s2")


def test_a_retrieval_over_his_own_choice():
    (proof,) = of_message(*ANNOUNCED, SESSION, get(5), fetched(5), answer(6))
    assert proof == Proof(Sign.RETRIEVED, 5 * SECOND, own_choice=True, notified=1 * SECOND)


@pytest.mark.parametrize("around", [GIVEN, session(Kind.SESSION_START, 2, "cmnet")], ids=["given by the network", "elsewhere"])
def test_a_retrieval_over_another_choice(around: Trace):
    (proof,) = of_message(*ANNOUNCED, around, get(5), fetched(5), answer(6))
    assert (proof.sign, proof.own_choice) == (Sign.RETRIEVED, False)


def test_a_retrieval_that_is_doubted_shows_nothing():
    assert of_message(*ANNOUNCED, SESSION, get(5, status=502), fetched(5)) == []


def test_our_own_message_is_marked():
    (proof,) = of_message(submit(0, d=1), notify(1), push(1), SESSION, get(5), fetched(5), answer(6))
    assert proof.test


def test_a_wrong_access_point_is_a_failure_of_when_the_message_was_announced():
    (proof,) = of_message(*ANNOUNCED, ELSEWHERE)
    assert (proof.sign, proof.at, proof.other_new, proof.notified) == (Sign.FAILED, 1 * SECOND, True, 1 * SECOND)
    assert of_message(*ANNOUNCED, ELSEWHERE, at=50) == []  # it is not over


def test_a_silent_gateway_is_a_failure_of_the_proxy():
    (proof,) = of_message(*ANNOUNCED, SESSION)
    assert (proof.sign, proof.row) == (Sign.FAILED, "U8")


def test_an_answer_gone_astray_names_where():
    proofs = of_message(*ANNOUNCED, SESSION, get(5), fetched(5), post(6, "wrong.example", 502, b=Content.MMS))
    assert [(proof.sign, proof.row, proof.authority) for proof in proofs] == [
        (Sign.RETRIEVED, "", 0), (Sign.FAILED, "D2", name("wrong.example")),
    ]  # fmt: skip


def test_what_no_settings_explain_is_no_failure_of_theirs():
    assert of_message(submit(0), notify(1), push(1), answer(3, status=130)) == []  # he refused it
    assert of_message(submit(0)) == []  # never announced


def test_a_message_sent_and_one_confirmed():
    (sent,) = requests(SESSION, post(10, b=Content.MMS), origin(10))
    assert sent == Proof(Sign.POSTED, 10 * SECOND, post="submit", own_choice=True)
    confirmed = requests(*ANNOUNCED, SESSION, get(5), fetched(5), post(6, b=Content.MMS), answer(6))
    assert confirmed == [Proof(Sign.POSTED, 6 * SECOND, post="confirm", own_choice=True, notified=1 * SECOND)]
    (unknown,) = requests(post(10, b=Content.MMS))
    assert (unknown.post, unknown.own_choice) == ("", False)


def test_an_answer_to_our_own_message_is_a_test():
    lines = (submit(0, d=1), notify(1), push(1), get(5), fetched(5), post(6, b=Content.MMS), answer(6))
    (proof,) = requests(*lines)
    assert (proof.post, proof.test) == ("confirm", True)


@pytest.mark.parametrize(
    ("host", "status", "row"), [("wrong.example", 502, "Z2"), ("wrong.example", 200, "Z2"), ("mmsc", 404, "Z3"), ("mmsc", 407, "Z4")]
)
def test_requests_gone_wrong(host: str, status: int, row: str):
    (proof,) = requests(post(10, host, status, b=Content.MMS))
    assert (proof.sign, proof.row, proof.authority, proof.at) == (Sign.FAILED, row, name(host), 10 * SECOND)


def test_an_address_that_the_gateway_puts_right_is_still_wrong():
    (proof,) = requests(post(10, b=Content.MMS, transaction="old.example"), origin(10))
    assert (proof.sign, proof.row, proof.authority) == (Sign.FAILED, "Z2", name("old.example"))
    (proof,) = requests(post(10, "10.0.0.1:8080", b=Content.MMS, transaction="mmsc"), origin(10))
    assert (proof.sign, proof.post) == (Sign.POSTED, "submit")


@pytest.mark.parametrize(
    "line", [post(10, "portal.example", 404), post(10, "mmsc", 403, b=Content.MMS), post(10, "mmsc", 503, b=Content.MMS)]
)
def test_requests_that_say_nothing_of_settings(line: Trace):
    assert requests(line) == []


def test_a_post_that_follows_the_fetch_of_a_message_belongs_to_it():
    astray = requests(*ANNOUNCED, get(5), fetched(5), post(6, "wrong.example", 502, b=Content.MMS))
    assert [(proof.row, proof.notified) for proof in astray] == [("Z2", 1 * SECOND)]
    later = requests(*ANNOUNCED, get(5), fetched(5), post(60, "wrong.example", 502, b=Content.MMS))
    assert [(proof.row, proof.notified) for proof in later] == [("Z2", None)]


def test_a_request_waits_for_what_stands_beside_it():
    assert requests(post(10, b=Content.MMS), origin(10), at=12) == []
    assert len(requests(post(10, b=Content.MMS), origin(10), at=13)) == 1


def test_sessions_on_the_mms_access_point():
    found = dossier(SESSION, ELSEWHERE, session(Kind.SESSION_STOP, 9))
    assert list(of_sessions(found, context(), 100 * SECOND)) == [Proof(Sign.SESSION, 2 * SECOND)]
    assert list(of_sessions(found, context(), 1 * SECOND)) == []


def silence(around: Context, at: float) -> list[Proof]:
    return list(of_silence(ANN, around, round(at * SECOND)))


def test_silence_is_shown_only_where_every_session_would_have_been_seen():
    day = 86400
    history = History(30.0)
    history.begin(1)
    history.take(np.array([CAT], np.uint64), np.array([5 * day * SECOND]))
    around: dict[str, Any] = {"history": history, "history_days": 30.0}
    assert silence(context(**around), 40 * day) == [Proof(Sign.SILENCE, 40 * day * SECOND, since=10 * day * SECOND)]
    assert silence(context(**around), 20 * day) == []
    assert silence(context(covered=Covered(0, 0, 0, 0), **around), 40 * day) == []
    assert silence(context(covered=Covered(0, 0, 0), **around), 40 * day) == []


def test_when_a_message_was_announced():
    assert announced(only(dossier(submit(0), notify(2), push(1), push(30)))) == 1 * SECOND
    assert announced(only(dossier(submit(0)))) is None


def test_from_lines_to_a_verdict_on_the_mend():
    """The push left at second 3; the message of second 1 was pending, that of second 10 was not."""
    case = Case(
        number=1, kind=CaseKind.SETTINGS, state=State.PUSHED, opened=0, origin="finding", causes=("BAD_APN",), ordered=2, sent=3 * SECOND
    )  # fmt: skip
    settings = CareSettings(install=0.0)
    pending = of_message(*ANNOUNCED, SESSION, get(5), fetched(5), answer(6))
    assert mended(case, pending, settings).causes == ()
    fresh = of_message(submit(9), notify(10), push(10), session(Kind.SESSION_START, 11), get(12), fetched(12), answer(13))
    assert mended(case, fresh, settings).causes == ("BAD_APN",)
    again = of_message(submit(9), notify(10), push(10), session(Kind.SESSION_START, 11, "cmnet"))
    assert mended(case, again, settings).failed == "BAD_APN"
