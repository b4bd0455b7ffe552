"""What was seen of one delivery, in the table's words: pushes, fetches, sessions, POSTs and how sure each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pytest

from mmsd import config
from mmsd.model import SECOND, CodeSet, Content, Kind, PushState
from mmsd.rules import findings
from mmsd.rules.causes import Verdict
from mmsd.rules.codes import REASONS
from mmsd.rules.history import History
from mmsd.rules.relate import NEVER, Context, Covered
from mmsd.rules.settings import Codes
from mmsd.rules.signs import Seen, Session, authorities, intervals, look, near_miss, set_elsewhere, shows, strength
from mmsd.rules.traces import AT, NAMELESS, ORIGIN, C, Trace
from tests.rules.dossiers import (
    ANN,
    BOB,
    CAT,
    answer,
    context,
    dossier,
    fetched,
    get,
    name,
    notify,
    post,
    push,
    receipt,
    report,
    session,
    submit,
    trace,
)

START, STOP, INTERIM, REJECT = Kind.SESSION_START, Kind.SESSION_STOP, Kind.SESSION_INTERIM, Kind.SESSION_REJECT
DAY: Final = 86400.0
LATER: Final = 10_000.0
"""A horizon beyond every window."""
SENT: Final = (submit(0), notify(1), push(1))
ARRIVED: Final = (*SENT, receipt(2))
OURS: Final = frozenset({name("mmsc")})


def seen(*lines: Trace, around: Context | None = None, horizon: float = LATER) -> Seen:
    """The signs of the first delivery of these lines."""
    around = around or context()
    found = dossier(*lines, around=around)
    return look(found.threads[0], found, around, round(horizon * SECOND))


def said(*lines: Trace, around: Context | None = None, horizon: float = LATER) -> Verdict:
    return config.load_causes().judge(seen(*lines, around=around, horizon=horizon).signs)


# ----------------------------------------------------------------------------------------------------------- the window


def test_the_window_ends_with_the_notifications_expiry():
    assert not seen(*ARRIVED, horizon=100).signs.over
    assert seen(*ARRIVED, horizon=101).signs.over


def test_grace_and_skew_move_the_end():
    around = context(grace=10.0, skew=2.0)
    assert not seen(*ARRIVED, around=around, horizon=112).signs.over
    assert seen(*ARRIVED, around=around, horizon=113).signs.over


def test_the_final_word_ends_it_at_once():
    assert said(*ARRIVED, report(50, 128), horizon=50).rule == "U12"


def test_without_a_push_the_node_s_default_counts():
    assert not seen(submit(0), horizon=199).signs.over
    assert seen(submit(0), horizon=200).signs.over


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ((), "U12"),
        ((get(5), fetched(5)), "D3"),
        ((get(5), fetched(5), answer(6)), "D1"),
        ((answer(5, status=130),), "R1"),
        ((answer(5, status=132),), "R2"),
        ((answer(5, status=131),), "U12"),
        ((get(5, status=404),), "T3"),
        ((get(5, status=503),), "T1"),
        ((get(5, status=407),), "T4"),
        ((get(5, c=Content.HTML),), "T4"),
        ((get(5, status=403),), "T5"),
        ((get(5, status=499),), "T6"),
        ((get(5),), "T6"),
        ((get(5, size=100), fetched(5)), "T6"),  # the MMSC had handed it to HTTP, and no more
        ((get(5, size=100), fetched(5), answer(6)), "D1"),
        ((get(5, size=100), get(9), fetched(5), fetched(9)), "D3"),
        ((get(5, status=503), get(9), fetched(9), answer(10)), "D1"),
        ((get(9), fetched(9), get(70, status=404), answer(10)), "D1"),  # gone after it was had
        ((get(5), trace(Kind.FETCH_FAILED, 5, status=225, code_set=CodeSet.MM1_RETRIEVE)), "T2"),
        ((get(5), trace(Kind.FETCH_FAILED, 5, status=227, code_set=CodeSet.MM1_RETRIEVE)), "R2"),
        ((report(50, 134),), "D5"),
        ((report(50, 130),), "R1"),
        ((report(50, 129),), "D3"),
        ((trace(Kind.SENT_OUT, 5, message="m1", other=8613800000002),), "O3"),
        ((trace(Kind.FETCH_FAILED, 5, status=194, code_set=CodeSet.MM1_RETRIEVE),), "T1"),
        ((trace(Kind.FETCH_FAILED, 5, status=200, code_set=CodeSet.MM1_RETRIEVE),), "T1"),  # unknown: read as 192
        ((trace(Kind.FETCH_FAILED, 5, status=193, code_set=CodeSet.MM1_RETRIEVE),), "T3"),
        ((trace(Kind.FETCH_FAILED, 5, status=224, code_set=CodeSet.MM1_RETRIEVE),), "T6"),
        ((report(50, 3000, codes=CodeSet.CMCC),), "B4"),
        ((report(50, 2001, codes=CodeSet.CMCC),), "R1"),
        ((report(50, 6001, codes=CodeSet.CMCC),), "B1"),
        ((report(50, 1000, codes=CodeSet.CMCC),), "D3"),
        ((report(50, 4441, codes=CodeSet.CMCC),), "U12"),
        ((report(50, 2, codes=CodeSet.CDR),), "U12"),
        ((report(50, 3, codes=CodeSet.CDR),), "R1"),
        ((report(5, 4, codes=CodeSet.CDR), report(50, 3, codes=CodeSet.CDR)), "R1"),  # deferred is no end
        ((trace(Kind.EXPIRE, 50, message="m1", other=BOB),), "U12"),
    ],
)  # fmt: skip
def test_from_lines_to_row(lines: tuple[Trace, ...], rule: str):
    assert said(*ARRIVED, *lines).rule == rule


def test_a_late_message_is_late_by_the_first_sign_that_its_push_came():
    late = (submit(0), push(1), push(50), get(55), fetched(55), answer(56))
    assert said(*late, receipt(54, "t1@50")).cause == "DELAYED"
    assert said(*late, receipt(3, "t1@1")).cause == "OK"
    assert said(*late, answer(20, status=131), receipt(54, "t1@50")).cause == "OK"  # put off: it had come
    by_fetch = said(*late)
    assert (by_fetch.cause, by_fetch.confidence) == ("DELAYED", 0.7)


# ------------------------------------------------------------------------------------- what the MMSC would not take, or sent on


@pytest.mark.parametrize(
    ("codes", "status", "row", "cause"),
    [
        (CodeSet.CDR, 30, "B1", "NOT_PROVISIONED"), (CodeSet.CDR, 34, "B2", "NODE_FAULT"), (CodeSet.CDR, 36, "B2", "UNSUPPORTED"),
        (CodeSet.CDR, 31, "B2", "SUBMIT_FAILED"), (CodeSet.CDR, 99, "B2", "SUBMIT_FAILED"), (CodeSet.NONE, -1, "B2", "SUBMIT_FAILED"),
        (CodeSet.MM1_RESPONSE, 235, "B1", "NOT_PROVISIONED"),
    ],
)  # fmt: skip
def test_a_refused_submit_fails_at_once_by_its_status(codes: int, status: int, row: str, cause: str):
    refused = trace(Kind.SUBMIT_REFUSED, 0, message="m1", other=CAT, status=status, code_set=codes)
    looked = seen(refused, horizon=0)
    verdict = config.load_causes().judge(looked.signs)
    assert (verdict.rule, verdict.outcome, verdict.cause, looked.closed) == (row, "failed", cause, 0)


def test_what_is_taken_at_another_try_was_not_refused():
    refused = trace(Kind.SUBMIT_REFUSED, -2, message="m1", other=CAT, status=34, code_set=CodeSet.CDR)
    assert said(refused, *ARRIVED, get(5), fetched(5), answer(6)).rule == "D1"


HERE, THERE = "mms.other.example", "mms.third.example"


def sent_out(at: float, peer: str = HERE, **fields: Any) -> Trace:
    return trace(Kind.SENT_OUT, at, message="m1", authority=peer, a=4, **fields)


def peer_answer(at: float, status: int, peer: str = HERE, codes: int = CodeSet.CDR) -> Trace:
    return trace(Kind.PEER_ANSWER, at, message="m1", authority=peer, status=status, code_set=codes, d=NAMELESS)


@pytest.mark.parametrize(
    ("lines", "logged", "horizon", "row"),
    [
        ((), None, LATER, "O3"),  # nobody reads what other MMSCs answer
        ((), 3.0, LATER, "O3"),  # … or not yet then
        ((), 1.0, LATER, "B3"),
        ((), 1.0, 50, "O2"),
        ((peer_answer(3, 0),), 1.0, LATER, "O3"),  # taken; its report never came
        ((peer_answer(3, 34),), 1.0, 50, "B3"),
        ((peer_answer(3, 5012, codes=CodeSet.CMCC),), 1.0, 50, "B3"),
        ((peer_answer(3, 34), peer_answer(20, 0)), 1.0, LATER, "O3"),  # the last answer counts
        ((peer_answer(3, 34, THERE),), 1.0, 50, "O2"),  # somebody else's
        ((peer_answer(3, 34), report(40, 129)), 1.0, LATER, "D3"),
        ((report(40, 5000, codes=CodeSet.CMCC),), None, 50, "B3"),
    ],
)  # fmt: skip
def test_another_mmscs_answer(lines: tuple[Trace, ...], logged: float | None, horizon: float, row: str):
    around = context(peers={0: round(logged * SECOND)} if logged is not None else {})
    assert said(submit(0), sent_out(2), *lines, around=around, horizon=horizon).rule == row


def test_mail_has_no_answer():
    around = context(peers={0: 0})
    assert said(submit(0), trace(Kind.SENT_OUT, 2, message="m1", a=3), around=around).rule == "O3"


def test_without_a_push_the_charging_record_says_when_it_expires():
    told = trace(Kind.NOTIFY, 1, message="m1", extra=61 * SECOND, path="/t1")
    assert not seen(submit(0), told, horizon=60).signs.over
    assert seen(submit(0), told, horizon=61).signs.over
    assert seen(submit(0), told, get(5, status=404), horizon=61).signs.get == "gone"
    assert seen(submit(0), told, push(1), receipt(2), horizon=100).expiry == 101 * SECOND


@pytest.mark.parametrize(
    ("lines", "by", "at"),
    [
        ((*SENT, report(50, 128)), "final", 50),
        (SENT, "notification", 101),
        ((submit(0, extra=90 * SECOND), *SENT[1:]), "notification", 101),
        ((submit(0), trace(Kind.NOTIFY, 1, message="m1", extra=61 * SECOND)), "record", 61),
        ((submit(0, extra=90 * SECOND),), "record", 90),
        ((submit(0), notify(1)), "window", 200),
    ],
)
def test_by_whose_word_the_window_ends(lines: Sequence[Trace], by: str, at: float):
    found = seen(*lines)
    assert (found.expires_by, found.expires) == (by, at * SECOND)


def test_the_deletion_of_a_message_speaks_of_whoever_has_not_fetched_it():
    deleted = trace(Kind.EXPIRE, 60, message="m1", status=128, code_set=CodeSet.MM1_STATUS, d=NAMELESS)
    assert said(*ARRIVED, deleted, horizon=60).rule == "U12"
    closed = seen(*ARRIVED, get(5), fetched(5), deleted)
    assert (config.load_causes().judge(closed.signs).rule, closed.closed) == ("D3", 25 * SECOND)


# ----------------------------------------------------------------------------------------------------------------- pushes

BARRED, ABSENT, FULL = (3 << 16 | code for code in (1, 27, 9))


@pytest.mark.parametrize(
    ("state", "error", "rule"),
    [
        (PushState.REJECTED, -1, "N2"), (PushState.EXPIRED, ABSENT, "N5"), (PushState.EXPIRED, BARRED, "N5"),
        (PushState.UNDELIVERABLE, BARRED, "N4"), (PushState.UNDELIVERABLE, FULL, "N3"), (PushState.UNDELIVERABLE, ABSENT, "N5"),
        (PushState.UNDELIVERABLE, -1, "N5"), (PushState.DELETED, -1, "N5"), (PushState.DISCARDED, -1, "N1"),
    ],
)  # fmt: skip
def test_a_bad_report_by_its_code(state: int, error: int, rule: str):
    assert said(*SENT, receipt(2, "t1@1", state, error)).rule == rule


def test_a_code_may_be_given_without_its_type():
    around = context(codes=Codes(barred=("1",)))
    assert said(*SENT, receipt(2, "t1@1", PushState.UNDELIVERABLE, BARRED), around=around).rule == "N4"


def test_the_operators_meaning_of_a_code_decides():
    failed = trace(Kind.FETCH_FAILED, 5, status=226, code_set=CodeSet.MM1_RETRIEVE)
    around = context(codes=Codes(nodes=("mmsc1",), map={"mm1-retrieve": {"226": "NODE_FAULT"}}))
    assert (said(*ARRIVED, failed).rule, said(*ARRIVED, failed, around=around).rule) == ("T3", "T1")
    elsewhere = context(codes=Codes(nodes=("mmsc2",), map={"mm1-retrieve": {"226": "NODE_FAULT"}}))
    assert said(*ARRIVED, failed, around=elsewhere).rule == "T3"


def test_4442_alone_says_that_a_fetch_began():
    ended = report(50, 4442, codes=CodeSet.CMCC)
    blind = context(covered=Covered(0, 0))
    assert (said(*ARRIVED, ended, around=blind).rule, said(*ARRIVED, ended, around=blind).confidence) == ("T6", 0.7)
    assert said(*ARRIVED, report(50, 4441, codes=CodeSet.CMCC), around=blind).rule == "U16"
    assert said(*ARRIVED, ended).rule == "T6"  # with the gateway too: less to go by never says more
    assert said(*SENT, receipt(2, "t1@1", PushState.EXPIRED, ABSENT), report(50, 4441, codes=CodeSet.CMCC)).rule == "N5"


def test_a_report_keeps_the_reason_that_its_link_gave_it():
    """State has read it with the link's name and the SMSC's own word at hand."""
    told = receipt(2, "t1@1", PushState.UNDELIVERABLE, ABSENT)
    full = (*told[:C], REASONS.index("full"), *told[C + 1 :])
    assert (said(*SENT, told).rule, said(*SENT, full).rule) == ("N5", "N3")


@pytest.mark.parametrize("status", [key for key in config.load_codes().tables["http"].codes if key.isdigit()])
def test_http_reads_as_its_table_says(status: str):
    code = config.load_codes().tables["http"].codes[status]
    if int(status):  # no answer at all: nothing was posted
        assert shows(post(5, status=int(status)), OURS) == (code.post or "other")
    looked = seen(*ARRIVED, get(5, status=int(status))).signs.get
    assert looked == (code.get or "none")


def test_a_refused_push_needs_no_report():
    assert said(submit(0), push(1, state=PushState.REFUSED)).rule == "N1"


def test_one_silent_push_leaves_it_unknown():
    assert seen(*SENT, push(9), receipt(2, "t1@1", PushState.EXPIRED)).signs.p == "unknown"


def test_the_last_pushs_reason_counts():
    lines = (*SENT, push(9), receipt(2, "t1@1", PushState.REJECTED), receipt(10, "t1@9", PushState.UNDELIVERABLE, BARRED))
    assert said(*lines).rule == "N4"


@pytest.mark.parametrize("proof", [get(5, status=503), answer(5, status=131), fetched(5)], ids=["get", "answer", "fetched"])
def test_proof_beats_every_report(proof: Trace):
    assert seen(*SENT, receipt(2, "t1@1", PushState.EXPIRED), proof).signs.p == "delivered"


def test_an_ack_is_no_evidence():
    assert said(*SENT, receipt(2, "t1@1", PushState.ACCEPTED)).cause == "EXPIRED"


@pytest.mark.parametrize("sign", [post(50, "portal"), session(START, 50)])
def test_on_a_gateway_between_push_and_expiry_he_was_alive(sign: Trace):
    assert said(*SENT, receipt(2, "t1@1", PushState.EXPIRED, ABSENT), sign).rule == "N6"


def test_browsing_shows_life_and_after_expiry_it_does_not():
    expired = (*SENT, receipt(2, "t1@1", PushState.EXPIRED, ABSENT))
    assert said(*expired, around=context(active=[50])).rule == "N6"
    assert said(*expired, around=context(active=[102])).rule == "N5"
    assert said(*expired, around=context(active=[0.5])).rule == "N5"


# --------------------------------------------------------------------------------------------------------------- sessions


def found(*lines: Trace, **around: Any) -> list[Session]:
    return intervals(sorted(lines, key=lambda t: t[1]), context(**around))


def spans(sessions: list[Session]) -> list[tuple[float, float | None]]:
    return [(s.start / SECOND, None if s.end == NEVER else s.end / SECOND) for s in sessions]


def test_a_retransmitted_start_is_the_same_session_and_does_not_reopen_it():
    assert spans(found(session(START, 10), session(STOP, 20), session(START, 10))) == [(10, 20)]


def test_a_stop_without_a_start_counts_back():
    assert spans(found(session(STOP, 100, extra=40 * SECOND))) == [(60, 100)]


def test_an_interim_opens_a_session_whose_start_was_lost():
    assert spans(found(session(INTERIM, 100, extra=30 * SECOND), session(INTERIM, 130, extra=60 * SECOND))) == [(70, None)]


def test_a_lost_stop_ends_when_the_address_is_given_out_again():
    next_one = session(START, 50, key="s2", subscriber=CAT)
    assert spans(found(session(START, 10), leases=[next_one])) == [(10, 50)]
    assert spans(found(session(START, 10), leases=[session(START, 5, key="s0", subscriber=CAT)])) == [(10, None)]


def test_a_restart_of_the_ggsn_ends_its_sessions():
    assert spans(found(session(START, 10), session(START, 30, key="s2"), resets=[20])) == [(10, 20), (30, None)]


def test_sessions_count_octets_once():
    (one,) = found(session(START, 10), session(INTERIM, 20, size=500), session(STOP, 30, size=700))
    assert one.octets == 700


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ((session(START, 5),), "U8"),
        ((session(START, 5), post(6, "portal")), "U9"),
        ((session(START, -50), session(INTERIM, 60)), "U8"),  # always on: no Start after the push
        ((session(START, -50), session(STOP, 0)), "U12"),  # over before the push
        ((session(START, 5, "cmnet"),), "U11"),
        ((session(START, -50, "cmnet"),), "U11"),
        ((session(START, 5, "cmnet"), session(START, 7, key="s2"), post(8, "portal")), "U9"),  # the best session counts
        ((session(START, 40),), "U12"),  # later than T1 after the only push
        ((session(REJECT, 5, status=27, code_set=CodeSet.SM_CAUSE),), "U2"),
        ((session(REJECT, 5, status=33, code_set=CodeSet.SM_CAUSE),), "U4"),
        ((session(REJECT, 5, "cmnet", status=33, code_set=CodeSet.SM_CAUSE),), "U3"),
        ((session(REJECT, 5, status=38, code_set=CodeSet.SM_CAUSE),), "U5"),
    ],
)  # fmt: skip
def test_what_a_session_says(lines: tuple[Trace, ...], rule: str):
    assert said(*ARRIVED, *lines).rule == rule


def test_a_silent_session_is_surer_when_it_answers_the_push_and_moves_little():
    assert said(*ARRIVED, session(START, 5)).confidence == 0.85
    assert said(*ARRIVED, session(START, 5), session(STOP, 20, size=5000)).confidence == 0.5
    assert said(*ARRIVED, session(START, -50)).confidence == 0.5


def test_a_session_that_begins_as_the_window_closes_is_silent_but_not_surely():
    """Nothing shows that the proxy works, and nothing that it does not: too little for a finding."""
    twice = (*ARRIVED, push(90, extra=101), receipt(91, "t1@90"))
    cut, whole = said(*twice, session(START, 98)), said(*twice, session(START, 98), session(STOP, 100))
    assert (cut.rule, cut.confidence) == ("U8", 0.5)
    assert (whole.rule, whole.confidence) == ("U8", 0.85), "nothing came in all of it"
    assert cut.confidence < findings.LEAST <= whole.confidence


def test_whoever_answered_through_the_proxy_has_the_right_one():
    assert said(*ARRIVED, answer(3, status=131), session(START, 5)).rule == "U9"


def test_a_wrong_access_point_needs_three_pushes():
    pushes = [(push(at), receipt(at + 1, f"t1@{at}"), session(START, at + 2, "cmnet", key=f"s{at}")) for at in (1, 30, 60)]
    stops = [session(STOP, at + 8, "cmnet", key=f"s{at}") for at in (1, 30, 60)]
    lines = [line for group in pushes for line in group]
    assert said(submit(0), *lines, *stops).rule == "U10"
    assert said(submit(0), *lines[:6], *stops[:2]).rule == "U11"


def test_only_the_mms_access_point_covered():
    assert said(*ARRIVED, around=context(covered=Covered(0, 0, 0, 0))).rule == "U14"


@pytest.mark.parametrize(
    ("covered", "rule", "cause", "missing"),
    [
        (Covered(0, 0, 0, None), "U15", "NO_RETRIEVE", ("sessions",)),
        (Covered(0, 0, None, None), "U16", "NO_RETRIEVE", ("gateway", "sessions")),
        (Covered(0, None, None, None), "U16", "EXPIRED", ("sms", "gateway", "sessions")),
        (Covered(None, 0, 0, 0), "O3", "UNKNOWN", ("mmsc",)),
    ],
)
def test_what_is_not_covered_is_never_none(covered: Covered, rule: str, cause: str, missing: tuple[str, ...]):
    lines = [line for line in ARRIVED if covered.sms is not None or line[14] not in (Kind.PUSH, Kind.PUSH_REPORT)]
    verdict = said(*lines, around=context(covered=covered))
    assert (verdict.rule, verdict.cause, verdict.not_covered) == (rule, cause, missing)


GAP: Final = (20.0, 40.0)
SILENT_SESSION: Final = (session(START, 5),)
REPORTED: Final = receipt(2, "t1@1", PushState.EXPIRED, ABSENT)


@pytest.mark.parametrize(
    ("lines", "kind", "before", "after"),
    [
        ((receipt(2),), "gateway", ("U12", "NO_RETRIEVE", 0.7), ("U12", "NO_RETRIEVE", 0.7)),
        ((receipt(2), *SILENT_SESSION), "gateway", ("U8", "BAD_PROXY", 0.85), ("U9", "NO_RETRIEVE", 0.7)),
        ((receipt(2), get(5, status=503)), "gateway", ("T1", "NODE_FAULT", 0.9), ("T1", "NODE_FAULT", 0.9)),
        ((REPORTED,), "gateway", ("N5", "NO_PUSH", 0.9), ("N5", "NO_PUSH", 0.8)),
        ((REPORTED, post(30, "portal")), "gateway", ("N6", "NO_PUSH", 0.6), ("N6", "NO_PUSH", 0.6)),
        ((receipt(2),), "sessions", ("U12", "NO_RETRIEVE", 0.7), ("U15", "NO_RETRIEVE", 0.8)),
        ((receipt(2), *SILENT_SESSION), "sessions", ("U8", "BAD_PROXY", 0.85), ("U8", "BAD_PROXY", 0.85)),
        ((receipt(2),), "mmsc", ("U12", "NO_RETRIEVE", 0.7), ("O3", "UNKNOWN", 0.0)),
        ((receipt(2), report(50, 128)), "mmsc", ("U12", "NO_RETRIEVE", 0.7), ("U12", "NO_RETRIEVE", 0.7)),
        ((receipt(2), get(5), fetched(5)), "mmsc", ("D3", "OK_UNCONFIRMED", 0.8), ("D3", "OK_UNCONFIRMED", 0.8)),
    ],
)  # fmt: skip
def test_a_gap_shows_no_absence(lines: tuple[Trace, ...], kind: str, before: tuple[str, str, float], after: tuple[str, str, float]):
    def told(**around: Any) -> tuple[str, str, float]:
        verdict = said(*SENT, *lines, around=context(**around))
        return verdict.rule, verdict.cause, verdict.confidence

    assert told() == told(gaps={kind: (200.0, 300.0)}) == before
    assert told(gaps={kind: GAP}) == after


def test_a_verdict_names_the_feeds_that_had_a_gap():
    assert said(*ARRIVED, around=context(gaps={"gateway": GAP})).not_covered == ("gateway",)


# -------------------------------------------------------------------------------------------------- no session for a month


NOW: Final = 100 * DAY


def a_day_said(*sessions: float, more: Sequence[Trace] = (), **around: Any) -> Verdict:
    """What is said on day 100 of Ann, who had sessions on these days; somebody always has one."""
    history = History(30)
    history.begin(round(60 * DAY) * SECOND)
    seen = [(ANN, line[AT]) for line in more]  # State gives it every session as it is read
    for number, at in ((CAT, round(60 * DAY) * SECOND), *((ANN, round(day * DAY) * SECOND) for day in sessions), *seen):
        history.take(np.array([number], np.uint64), np.array([at]))
    lines = (submit(NOW), notify(NOW + 1), push(NOW + 1), receipt(NOW + 2, f"t1@{NOW + 1:g}"), *more)
    return said(*lines, around=context(history=history, **around), horizon=2 * NOW)


@pytest.mark.parametrize(
    ("sessions", "row"), [((), "U13"), ((65,), "U13"), ((69,), "U13"), ((70,), "U12"), ((99,), "U12"), ((65, 104), "U13")]
)
def test_no_session_for_a_month_is_no_pdp(sessions: tuple[float, ...], row: str):
    verdict = a_day_said(*sessions)
    assert (verdict.rule, verdict.cause) == (row, {"U12": "NO_RETRIEVE", "U13": "NO_PDP"}[row])


def test_it_is_never_said_of_a_short_memory():
    history = History(30)
    history.begin(round(71 * DAY) * SECOND)
    history.take(np.array([CAT], np.uint64), np.array([round(71 * DAY) * SECOND]))
    lines = (submit(NOW), notify(NOW + 1), push(NOW + 1), receipt(NOW + 2, f"t1@{NOW + 1:g}"))
    assert said(*lines, around=context(history=history), horizon=2 * NOW).rule == "U12"
    assert said(*lines, around=context(), horizon=2 * NOW).rule == "U12"


def test_a_session_still_at_hand_is_one():
    over = [session(START, NOW - 200), session(STOP, NOW - 150)]
    assert a_day_said(more=over).rule == "U12"
    assert a_day_said(more=[session(START, NOW + 200)]).rule == "U13", "it came after the window"


def test_nor_where_some_access_points_are_not_seen():
    assert a_day_said(covered=Covered(0, 0, 0, 0)).rule == "U14"


# ---------------------------------------------------------------------------------------------- a POST: is it MMS at all?


def how(request: Trace, *beside: Trace, around: Context | None = None) -> str:
    around = around or context()
    return strength(request, dossier(request, *beside, around=around), around, OURS)


def test_what_is_surely_mms():
    assert how(post(9, "dead.example", status=502, b=Content.MMS)) == "sure"
    assert how(post(9), answer(8)) == "sure"
    assert how(post(9), trace(ORIGIN, 10, message="m9")) == "sure"


def test_what_is_likely_mms():
    assert how(post(9)) == "likely"
    assert how(post(9, "mmsc.other.example", c=Content.MMS)) == "sure"  # so it was answered
    assert how(post(9, "mmsc.other.example"), around=context(known=["mmsc.other.example"])) == "likely"
    assert how(post(9, "mmcs")) == "likely"
    assert how(post(9, "mmsc:8080")) == "likely"
    assert how(post(9, "elsewhere.example"), *SENT, get(6)) == "likely"
    assert how(post(9, "elsewhere.example"), post(2, "elsewhere.example", b=Content.MMS)) == "likely"


@pytest.mark.parametrize(
    ("request_", "beside", "why"),
    [
        (post(9, "form.example"), (), "nothing ties it to MMS"),
        (post(9, "form.example", b=Content.FORM), (*SENT, get(6)), "a form says so itself"),
        (post(9, "form.example"), (*SENT, get(1)), "too long after the fetch"),
        (post(9, "form.example"), (*SENT, get(6), post(7, status=500)), "the answer went to our MMSC, which was down"),
        (post(9, "form.example"), (*SENT, get(12)), "before the fetch"),
        (post(9, "form.example"), (*SENT, get(6, status=503)), "there was nothing to answer"),
        (post(9, "form.example"), (*SENT, get(6), answer(7)), "our MMSC had the answer"),
        (post(9, "form.example"), (*SENT, get(6), post(7)), "so says the gateway"),
        (post(9, "form.example"), ARRIVED, "a push alone is no reason: people fill in forms"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not(request_: Trace, beside: tuple[Trace, ...], why: str):
    assert how(request_, *beside) == "weak", why


def test_a_portal_is_no_mmsc_unless_it_is_known():
    near = (*SENT, get(6))
    assert how(post(9, "portal.example"), *near, around=context(portals={"portal.example": 5})) == "weak"
    assert how(post(9, "portal.example"), *near, around=context(portals={"portal.example": 5}, known=["portal.example"])) == "likely"


def test_an_address_that_got_two_answers_is_set_in_the_handset():
    around = context()
    twice = (
        submit(0), notify(1), push(1), get(3), post(4, "elsewhere.example"),
        submit(20, "m2"), notify(21, "m2"), push(21, "t2"), get(23, "t2"), post(24, "elsewhere.example"), post(60, "elsewhere.example"),
    )  # fmt: skip
    whole = dossier(*twice, around=around)
    assert set_elsewhere(whole, around, OURS, NEVER) == {name("elsewhere.example")}
    assert set_elsewhere(whole, around, OURS, 10 * SECOND) == frozenset()
    assert set_elsewhere(dossier(*twice[:5], around=around), around, OURS, NEVER) == frozenset()


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (post(9), "ok"), (post(9, status=302), "other"), (post(9, status=404), "wrong path"), (post(9, status=405), "wrong path"),
        (post(9, c=Content.HTML), "wrong path"),
        (post(9, status=403), "denied"), (post(9, status=407), "denied"), (post(9, status=503), "5xx"),
        (post(9, "other.example"), "wrong host"),
        (post(9, "other.example", status=502), "wrong host"), (post(9, "x.example", status=407), "denied"),
    ],
)  # fmt: skip
def test_what_a_post_shows(request_: Trace, what: str):
    assert shows(request_, OURS) == what


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (post(9, "mmcs", status=502), "U6"), (post(9, status=404, b=Content.MMS), "U7"),
        (post(9, status=407), "T4"), (post(9, "form.example"), "U12"),
        (post(0.5, "mmcs", status=502), "U12"), (post(102, "mmcs", status=502), "U12"),
    ],
)  # fmt: skip
def test_a_post_within_the_window_decides(request_: Trace, rule: str):
    assert said(*ARRIVED, request_).rule == rule


def test_the_address_of_the_notifications_is_expected_where_none_is_given():
    around = context(expected=())
    assert authorities(dossier(*SENT, get(3, authority="alias:1981"), around=around), around) == {name("mmsc"), name("alias:1981")}


def test_near_misses():
    assert near_miss("mmsc.monternte.com", ["mmsc.monternet.com"])
    assert near_miss("mmsc:8080", ["mmsc"])
    assert not near_miss("mms.hexi.example", ["wap.hexi.example"])
    assert not near_miss("", ["mmsc"])


# ------------------------------------------------------------------------------------------ a neighbour read too far ahead


@pytest.mark.parametrize("late", [post(150, "mmcs", status=502), get(150, status=503), session(START, 150, "cmnet")])
def test_a_line_after_the_window_changes_no_closed_verdict(late: Trace):
    assert said(*ARRIVED, late) == said(*ARRIVED)


@pytest.mark.parametrize(("at", "status", "horizon", "rule"), [
    (100, 404, 10**6, "T3"), (101.027, 404, 10**6, "T3"), (71 * 3600, 410, 10**6, "T3"), (73 * 3600, 404, 10**6, "U15"),
    (150, 503, 10**6, "U15"), (150, 404, 149, "U15"), (150, 404, 150, "T3"),
])  # fmt: skip
def test_who_asks_when_it_is_all_over_came_too_late(at: float, status: int, horizon: float, rule: str):
    """Also after the verdict, as long as it may change: 72 hours."""
    around = context(covered=Covered(0, 0, 0))
    assert said(*ARRIVED, get(at, status=status), around=around, horizon=horizon).rule == rule


@pytest.mark.parametrize(("octets", "little", "confidence"), [(1999, 2000, 0.85), (2000, 2000, 0.5), (2000, 4000, 0.85), (0, 0, 0.5)])
def test_how_little_a_session_moves_that_came_for_the_message_alone(octets: int, little: int, confidence: float):
    lines = (*ARRIVED, session(START, 5), session(STOP, 20, size=octets))
    verdict = said(*lines, around=context(little=little))
    assert (verdict.rule, verdict.confidence) == ("U8", confidence)
