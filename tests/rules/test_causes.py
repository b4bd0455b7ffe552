"""The evidence table, row by row: signs in, verdict out."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import pytest

from mmsd import config
from mmsd.rules.causes import CAUSES, OUTCOMES, RULES, Signs

TABLE = config.load_causes()
ROWS, judge = TABLE.rows, TABLE.judge

OVER: Final[dict[str, Any]] = {"over": True, "r": "none", "c": "none"}
SILENT: Final[dict[str, Any]] = {**OVER, "p": "delivered", "get": "none", "post": "none"}
"""The push arrived, the window is over, and no gateway line came of it."""
FETCHED: Final[dict[str, Any]] = {"over": True, "p": "delivered", "get": "ok", "post": "none", "r": "retrieved", "c": "none"}


class Case(NamedTuple):
    rule: str
    signs: dict[str, Any]
    outcome: str
    cause: str
    confidence: float
    suspects: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


# fmt: off
CASES: Final = [
    # before there is a delivery
    Case("B1", {"m": "refused", "m_cause": "NOT_PROVISIONED"}, "failed", "NOT_PROVISIONED", 0.95),
    Case("B1", {"m": "final", "m_final": "system", "m_cause": "UNKNOWN"}, "failed", "NOT_PROVISIONED", 0.95),
    Case("B2", {"m": "refused", "m_cause": "NODE_FAULT"}, "failed", "NODE_FAULT", 0.9),
    Case("B2", {"m": "refused", "m_cause": "UNSUPPORTED"}, "failed", "UNSUPPORTED", 0.9),
    Case("B2", {"m": "refused", "m_cause": ""}, "failed", "SUBMIT_FAILED", 0.9),
    Case("B3", {"m": "sent_out", "peer": "error"}, "failed", "INTERWORKING", 0.9),
    Case("B3", {"over": True, "m": "sent_out", "peer": "none"}, "failed", "INTERWORKING", 0.9),
    Case("B4", {"m": "final", "m_final": "album"}, "failed", "UNSUPPORTED", 0.9),
    # delivered
    Case("D1", {**FETCHED, "c": "confirmed"}, "delivered", "OK", 0.99),
    Case("D1", {**FETCHED, "c": "confirmed", "get": "n/c"}, "delivered", "OK", 0.95),
    Case("D1", {**FETCHED, "c": "confirmed", "over": False}, "delivered", "OK", 0.99),
    Case("D1", {**FETCHED, "c": "confirmed", "post": "wrong host"}, "delivered", "OK", 0.99),
    Case("D2", {**FETCHED, "post": "wrong host"}, "delivered", "OK_UNCONFIRMED", 0.9, hints=("BAD_MMSC_URL",)),
    Case("D2", {**FETCHED, "post": "wrong path"}, "delivered", "OK_UNCONFIRMED", 0.9, hints=("BAD_MMSC_URL",)),
    Case("D2", {**FETCHED, "c": "deferred", "post": "wrong host"}, "delivered", "OK_UNCONFIRMED", 0.9, hints=("BAD_MMSC_URL",)),
    Case("D3", FETCHED, "delivered", "OK_UNCONFIRMED", 0.8),
    Case("D3", {**FETCHED, "post": "5xx"}, "delivered", "OK_UNCONFIRMED", 0.8),
    Case("D3", {**FETCHED, "get": "n/c", "post": "n/c"}, "delivered", "OK_UNCONFIRMED", 0.7),
    Case("D4", {**FETCHED, "c": "confirmed", "late": True}, "delivered", "DELAYED", 0.9),
    Case("D4", {**FETCHED, "c": "confirmed", "late": True, "late_by_fetch": True}, "delivered", "DELAYED", 0.7),
    Case("D5", {**OVER, "m": "final", "m_final": "forwarded"}, "delivered", "OK", 0.7),
    # refused, or beyond the handset
    Case("R1", {"c": "rejected", "p": "delivered"}, "failed", "REJECTED", 0.95),
    Case("R1", {**OVER, "m": "final", "m_final": "rejected"}, "failed", "REJECTED", 0.95),
    Case("R2", {"c": "unrecognised"}, "failed", "UNSUPPORTED", 0.9),
    Case("R2", {**OVER, "m": "final", "m_final": "unrecognised"}, "failed", "UNSUPPORTED", 0.9),
    Case("R2", {**SILENT, "r": "failed", "r_rule": "R2"}, "failed", "UNSUPPORTED", 0.9),
    # open
    Case("O1", {"c": "deferred"}, "open", "DELAYED", 0.9),
    Case("O2", {}, "open", "", 0.0),
    Case("O2", {**FETCHED, "over": False}, "open", "", 0.0),
    Case("O2", {"m": "sent_out", "peer": "none"}, "open", "", 0.0),
    Case("O3", {"over": True, "m": "sent_out"}, "open", "UNKNOWN", 0.0),
    Case("O3", {"over": True, "m": "sent_out", "peer": "ok"}, "open", "UNKNOWN", 0.0),
    Case("O3", {"over": True, "m": "n/c"}, "open", "UNKNOWN", 0.0),
    Case("O3", {**OVER, "m": "final", "m_final": "unknown", "get": "none"}, "open", "UNKNOWN", 0.0),
    # the fetch failed
    Case("T1", {**SILENT, "r": "failed", "r_rule": "T1"}, "failed", "NODE_FAULT", 0.9),
    Case("T1", {**SILENT, "get": "5xx"}, "failed", "NODE_FAULT", 0.9),
    Case("T1", {**FETCHED, "doubted": True, "get": "5xx"}, "failed", "NODE_FAULT", 0.9),
    Case("T2", {**SILENT, "r": "failed", "r_rule": "T2"}, "failed", "NOT_PROVISIONED", 0.9),
    Case("T3", {**SILENT, "r": "failed", "r_rule": "T3"}, "failed", "EXPIRED", 0.85),
    Case("T3", {**SILENT, "get": "gone"}, "failed", "EXPIRED", 0.85),
    Case("T4", {**SILENT, "get": "denied-407"}, "failed", "BAD_PROXY", 0.7),
    Case("T4", {**SILENT, "post": "denied"}, "failed", "BAD_PROXY", 0.7),
    Case("T5", {**SILENT, "get": "denied"}, "failed", "RETRIEVE_FAILED", 0.6, ("NOT_PROVISIONED", "BAD_APN")),
    Case("T6", {**SILENT, "get": "short"}, "failed", "RETRIEVE_FAILED", 0.8),
    Case("T6", {**FETCHED, "doubted": True, "get": "short"}, "failed", "RETRIEVE_FAILED", 0.8),
    Case("T6", {**SILENT, "get": "short", "r": "failed"}, "failed", "RETRIEVE_FAILED", 0.8),
    Case("T6", {**SILENT, "get": "n/c", "r": "failed"}, "failed", "RETRIEVE_FAILED", 0.7),
    Case("T6", {**SILENT, "get": "ok"}, "failed", "RETRIEVE_FAILED", 0.6),
    # the push failed
    Case("N1", {**OVER, "p": "failed", "p_reason": "refused", "alive": "yes"}, "failed", "NO_PUSH", 0.9),
    Case("N2", {**OVER, "p": "failed", "p_reason": "rejected"}, "failed", "NO_PUSH", 0.8),
    Case("N3", {**OVER, "p": "failed", "p_reason": "full"}, "failed", "HANDSET_FULL", 0.8),
    Case("N4", {**OVER, "p": "failed", "p_reason": "barred", "alive": "no"}, "failed", "NOT_PROVISIONED", 0.9),
    Case("N4", {**OVER, "p": "failed", "p_reason": "barred", "alive": "n/c"}, "failed", "NOT_PROVISIONED", 0.8),
    Case("N5", {**OVER, "p": "failed", "p_reason": "absent", "alive": "no"}, "failed", "NO_PUSH", 0.9),
    Case("N5", {**OVER, "p": "failed", "p_reason": "absent", "alive": "n/c"}, "failed", "NO_PUSH", 0.8),
    Case("N6", {**OVER, "p": "failed", "p_reason": "absent", "alive": "yes"}, "failed", "NO_PUSH", 0.6),
    Case("N6", {**OVER, "p": "failed", "p_reason": "barred", "alive": "yes"}, "failed", "NO_PUSH", 0.6),
    # it arrived, and nothing came of it
    Case("U1", {**SILENT, "h": "no MMS", "post": "wrong host"}, "failed", "UNSUPPORTED", 0.9),
    Case("U2", {**SILENT, "s": "rejected", "s_rule": "U2"}, "failed", "BAD_APN", 0.95),
    Case("U3", {**SILENT, "s": "rejected", "s_rule": "U3"}, "failed", "BAD_APN", 0.85),
    Case("U4", {**SILENT, "s": "rejected", "s_rule": "U4"}, "failed", "NOT_PROVISIONED", 0.9),
    Case("U5", {**SILENT, "s": "rejected", "s_rule": "U5"}, "failed", "NODE_FAULT", 0.8),
    Case("U5", {**SILENT, "s": "rejected", "s_rule": ""}, "failed", "NODE_FAULT", 0.8),
    Case("U6", {**SILENT, "post": "wrong host"}, "failed", "BAD_MMSC_URL", 0.8),
    Case("U6", {**SILENT, "post": "wrong host", "post_likely": True}, "failed", "BAD_MMSC_URL", 0.7),
    Case("U6", {**SILENT, "post": "wrong host", "s": "other-new", "other_new": 3}, "failed", "BAD_MMSC_URL", 0.8),
    Case("U7", {**SILENT, "post": "wrong path"}, "failed", "BAD_MMSC_URL", 0.8),
    Case("U8", {**SILENT, "s": "expected", "s_silent": True, "s_fast": True}, "failed", "BAD_PROXY", 0.85),
    Case("U8", {**SILENT, "s": "expected", "s_silent": True}, "failed", "BAD_PROXY", 0.5),
    Case("U9", {**SILENT, "s": "expected"}, "failed", "NO_RETRIEVE", 0.8),
    Case("U9", {**SILENT, "s": "expected", "get": "n/c", "post": "n/c", "s_silent": True}, "failed", "NO_RETRIEVE", 0.7),
    Case("U10", {**SILENT, "s": "other-new", "other_new": 3}, "failed", "BAD_APN", 0.9),
    Case("U11", {**SILENT, "s": "other-new", "other_new": 2}, "failed", "NO_RETRIEVE", 0.7, ("BAD_APN",)),
    Case("U11", {**SILENT, "s": "other-standing", "other_new": 9}, "failed", "NO_RETRIEVE", 0.7, ("BAD_APN",)),
    Case("U12", {**SILENT, "s": "none"}, "failed", "NO_RETRIEVE", 0.7),
    Case("U13", {**SILENT, "s": "none", "seen_before": False}, "failed", "NO_PDP", 0.8),
    Case("U14", {**SILENT, "s": "not-mms"}, "failed", "NO_RETRIEVE", 0.8, ("BAD_APN", "NO_PDP")),
    Case("U15", SILENT, "failed", "NO_RETRIEVE", 0.8),
    Case("U16", {**SILENT, "get": "n/c", "post": "n/c"}, "failed", "NO_RETRIEVE", 0.7),
    Case("U15", {**SILENT, "m": "final", "m_final": "expired"}, "failed", "NO_RETRIEVE", 0.8),
]
# fmt: on


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.cause}-{case.confidence}")
def test_the_row(case: Case):
    said = judge(Signs(**case.signs))
    assert (said.rule, said.outcome, said.cause, said.confidence) == (case.rule, case.outcome, case.cause, case.confidence)
    assert (said.suspects, said.hints) == (case.suspects, case.hints)
    assert (said.group, said.detail) == (ROWS[case.rule].group, ROWS[case.rule].detail)
    assert said.lapsed == (case.rule == "O3")


def test_every_row_is_reached():
    assert set(ROWS) == {case.rule for case in CASES}


# ------------------------------------------------------------------------------------- nothing shows that the push arrived

UNPROVED: Final = ("NO_PUSH", "NO_RETRIEVE")


@pytest.mark.parametrize("p", ["unknown", "n/c"])
@pytest.mark.parametrize("case", [case for case in CASES if case.rule.startswith("U")], ids=lambda case: f"{case.rule}-{case.confidence}")
def test_a_push_nobody_saw_arrive(case: Case, p: str):
    said = judge(Signs(**{**case.signs, "p": p}))
    assert said.rule == case.rule
    if case.rule in ("U1", "U2", "U3", "U4", "U5", "U6", "U7"):  # they show a reaction, or what the handset is
        assert (said.cause, said.confidence) == (case.cause, case.confidence)
    elif case.rule in ("U8", "U10"):
        assert (said.cause, said.confidence) == (case.cause, round(case.confidence - 0.2, 2))
    else:
        assert (said.cause, said.confidence, said.suspects) == ("EXPIRED", 0.9, UNPROVED)
    assert said.group == "no_retrieval"


# ----------------------------------------------------------------------------------------------------- the order of families


@pytest.mark.parametrize(
    ("signs", "rule"),
    [
        ({"m": "refused", "m_cause": "NOT_PROVISIONED", **FETCHED, "c": "confirmed"}, "B1"),
        ({**FETCHED, "c": "rejected"}, "D3"),  # what was retrieved is delivered, whatever it answered
        ({**FETCHED, "c": "rejected", "doubted": True, "get": "short"}, "R1"),
        ({"c": "rejected", "p": "failed", "p_reason": "absent", "over": True}, "R1"),
        ({"over": True, "m": "n/c", "p": "failed", "p_reason": "refused"}, "O3"),
        ({**OVER, "get": "gone", "p": "failed", "p_reason": "refused"}, "T3"),
        ({**OVER, "p": "failed", "p_reason": "absent", "s": "other-new", "other_new": 3}, "N5"),
        ({**SILENT, "get": "5xx", "r": "failed", "r_rule": "T2"}, "T1"),  # the lowest number wins
        ({**SILENT, "s": "expected", "s_silent": True, "post": "wrong path"}, "U7"),
    ],
)
def test_an_earlier_family_comes_first(signs: dict[str, Any], rule: str):
    assert judge(Signs(**signs)).rule == rule


def test_what_is_not_covered_goes_with_the_verdict():
    assert judge(Signs(**SILENT, not_covered=("sessions",))).not_covered == ("sessions",)


def test_nothing_is_judged_before_its_window_is_over():
    for case in CASES:
        if case.rule[0] in "TNU":
            assert judge(Signs(**{**case.signs, "over": False})).outcome == "open"


# ------------------------------------------------------------------------------------------------------------- the tables


def test_the_tables_name_each_other():
    assert {row.cause for row in ROWS.values()} <= set(CAUSES)
    assert {row.outcome for row in ROWS.values()} <= set(OUTCOMES)
    assert sorted(RULES[1:]) == sorted(ROWS)
    assert all(0 <= row.confidence < 1 for row in ROWS.values())


def test_stored_numbers_keep_their_meaning():
    """Packed rows hold places in these tuples: a cause or row may only be added at the end."""
    assert CAUSES[:8] == ("", "OK", "OK_UNCONFIRMED", "DELAYED", "NO_PUSH", "NO_RETRIEVE", "RETRIEVE_FAILED", "REJECTED")
    assert CAUSES[8:14] == ("BAD_APN", "BAD_MMSC_URL", "BAD_PROXY", "NO_PDP", "NOT_PROVISIONED", "UNSUPPORTED")
    assert CAUSES[14:20] == ("HANDSET_FULL", "EXPIRED", "INTERWORKING", "SUBMIT_FAILED", "NODE_FAULT", "UNKNOWN")
    assert OUTCOMES == ("", "delivered", "failed", "open")
    places = "B1 B2 B3 B4 D1 D2 D3 D4 D5 R1 R2 O1 O2 O3 T1 T2 T3 T4 T5 T6 N1 N2 N3 N4 N5 N6 U1 U2 U3 U4 U5 U6 U7 U8 U9 U10 U11 U12 U13"
    places += " U14 U15 U16"
    assert RULES[1:43] == tuple(places.split())
