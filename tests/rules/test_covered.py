"""What is not covered is never none: verdicts where a feed declares less than all, has not begun, or has a hole."""

from __future__ import annotations

from typing import Any

import pytest

from mmsd import config
from mmsd.model import SECOND, Kind, PushState
from mmsd.rules.causes import Verdict
from mmsd.rules.relate import Covered
from mmsd.rules.scope import Scope, Scopes
from mmsd.rules.signs import look
from mmsd.rules.traces import OUTSIDE, Trace
from tests.rules.dossiers import context, dossier, name, notify, push, receipt, session, submit

LATER = 1000.0
LINKS = Scopes((Scope("sms", links=frozenset({b"smsc1"})),))
SENT = (submit(0), notify(1), push(1))
ABSENT = PushState.EXPIRED


def said(*lines: Trace, **around: Any) -> Verdict:
    surroundings = context(**around)
    found = dossier(*lines, around=surroundings)
    return config.load_causes().judge(look(found.threads[0], found, surroundings, round(LATER * SECOND)).signs)


def test_of_a_push_over_a_link_that_no_feed_shows_nothing_is_known() -> None:
    verdict = said(submit(0), notify(1), push(1, d=OUTSIDE), scopes=LINKS)
    assert (verdict.cause, verdict.not_covered) == ("EXPIRED", ("sms",))
    assert said(*SENT, receipt(2, state=ABSENT), scopes=LINKS).rule == "N5"


def test_what_such_a_link_does_show_counts() -> None:
    outside = push(1, d=OUTSIDE)
    assert said(submit(0), notify(1), outside, receipt(2, state=ABSENT), scopes=LINKS).rule == "N5"
    assert said(submit(0), notify(1), outside, receipt(2), scopes=LINKS).rule == said(*SENT, receipt(2)).rule


def test_a_push_that_the_mmsc_tells_of_and_no_feed_shows_may_have_arrived() -> None:
    """The first was reported undeliverable; the second went over another link."""
    lines = (submit(0), notify(1), push(1), receipt(2, state=ABSENT), notify(50))
    assert said(*lines).rule == "N5"
    verdict = said(*lines, scopes=LINKS)
    assert (verdict.cause, verdict.not_covered) == ("EXPIRED", ("sms",))


def test_without_any_push_seen_the_mmsc_s_word_stands_for_one() -> None:
    verdict = said(submit(0), notify(1), session(Kind.SESSION_START, 5), scopes=LINKS)
    assert verdict.not_covered == ("sms",)
    assert verdict.rule in ("U8", "U9")


ARRIVED = (*SENT, receipt(2))


def test_on_a_ggsn_that_no_feed_shows_there_may_have_been_a_session() -> None:
    ours = Scopes((Scope("sessions", ggsns=frozenset({7})),))
    assert (
        said(*ARRIVED, session(Kind.SESSION_START, -500, other=7), session(Kind.SESSION_STOP, -400, other=7), scopes=ours).not_covered == ()
    )
    roamed = session(Kind.SESSION_START, -500, other=8), session(Kind.SESSION_STOP, -400, other=8)
    verdict = said(*ARRIVED, *roamed, scopes=ours)
    assert (verdict.rule, verdict.not_covered) == ("U15", ("sessions",))


@pytest.mark.parametrize(("pool", "rule"), [((0, 9), "U8"), ((10, 19), "U9")])
def test_a_silent_session_accuses_only_where_its_gateway_is_read(pool: tuple[int, int], rule: str) -> None:
    scopes = Scopes((Scope("gateway", networks=(pool,)),))
    started = session(Kind.SESSION_START, 5, error=5)
    verdict = said(*ARRIVED, started, scopes=scopes)
    assert (verdict.rule, verdict.not_covered) == (rule, () if rule == "U8" else ("gateway",))


def test_a_gateway_of_the_mms_access_point_is_enough() -> None:
    scopes = Scopes((Scope("gateway", apns=frozenset({name("cmwap")})),))
    assert said(*ARRIVED, session(Kind.SESSION_START, 5), scopes=scopes).rule == "U8"
    assert said(*ARRIVED, scopes=scopes).not_covered == ()


def test_sessions_of_another_access_point_say_nothing_of_this_one() -> None:
    other = Scopes((Scope("sessions", apns=frozenset({name("cmnet")})),))
    verdict = said(*ARRIVED, scopes=other, covered=Covered(0, 0, 0, 0))
    assert verdict.rule == "U15"


def test_a_gap_of_the_sms_gateway_leaves_the_push_unknown() -> None:
    verdict = said(*SENT, gaps={"sms": (10.0, 20.0)})
    assert (verdict.cause, verdict.not_covered) == ("EXPIRED", ("sms",))
    assert said(*SENT, receipt(2), gaps={"sms": (10.0, 20.0)}).rule == said(*ARRIVED).rule, "what it showed stays"
