"""The evidence table: which row fits what was seen of one delivery (`docs/causes.md`, families B, D, R, O, T, N, U).

`judge(signs)` is the whole of it: signs in, one `Verdict` out. The signs are gathered by `relate.py`; nothing here looks at a log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

NO_RETRIEVAL: Final = "no_retrieval"
RETRIEVAL_FAILED: Final = "retrieval_failed"
REFUSED: Final = "refused"
NORMAL_OTHER: Final = "normal_other"

CAUSES: Final = (
    "", "OK", "OK_UNCONFIRMED", "DELAYED", "NO_PUSH", "NO_RETRIEVE", "RETRIEVE_FAILED", "REJECTED", "BAD_APN", "BAD_MMSC_URL", "BAD_PROXY",
    "NO_PDP", "NOT_PROVISIONED", "UNSUPPORTED", "HANDSET_FULL", "EXPIRED", "INTERWORKING", "SUBMIT_FAILED", "NODE_FAULT", "UNKNOWN",
)  # fmt: skip
"""Every cause; its place is the number stored in packed rows, so the list only grows at its end."""

OUTCOMES: Final = ("", "delivered", "failed", "open")


class Row(NamedTuple):
    """One row of the table: what it says, how sure it is, and the bracket behind the cause."""

    outcome: str
    cause: str
    group: str
    confidence: float
    detail: str = ""


ROWS: Final[dict[str, Row]] = {
    "B1": Row("failed", "NOT_PROVISIONED", NORMAL_OTHER, 0.95),
    "B2": Row("failed", "SUBMIT_FAILED", NORMAL_OTHER, 0.9),
    "B3": Row("failed", "INTERWORKING", NORMAL_OTHER, 0.9),
    "B4": Row("failed", "UNSUPPORTED", NO_RETRIEVAL, 0.9, "album"),
    "D1": Row("delivered", "OK", NORMAL_OTHER, 0.99),
    "D2": Row("delivered", "OK_UNCONFIRMED", NORMAL_OTHER, 0.9),
    "D3": Row("delivered", "OK_UNCONFIRMED", NORMAL_OTHER, 0.8),
    "D4": Row("delivered", "DELAYED", NORMAL_OTHER, 0.9),
    "D5": Row("delivered", "OK", NORMAL_OTHER, 0.7, "passed on unread"),
    "R1": Row("failed", "REJECTED", REFUSED, 0.95),
    "R2": Row("failed", "UNSUPPORTED", RETRIEVAL_FAILED, 0.9, "content"),
    "O1": Row("open", "DELAYED", "", 0.9),
    "O2": Row("open", "", "", 0.0),
    "O3": Row("open", "UNKNOWN", "", 0.0),
    "T1": Row("failed", "NODE_FAULT", RETRIEVAL_FAILED, 0.9),
    "T2": Row("failed", "NOT_PROVISIONED", RETRIEVAL_FAILED, 0.9),
    "T3": Row("failed", "EXPIRED", RETRIEVAL_FAILED, 0.85, "fetched too late"),
    "T4": Row("failed", "BAD_PROXY", RETRIEVAL_FAILED, 0.7),
    "T5": Row("failed", "RETRIEVE_FAILED", RETRIEVAL_FAILED, 0.6),
    "T6": Row("failed", "RETRIEVE_FAILED", RETRIEVAL_FAILED, 0.8),
    "N1": Row("failed", "NO_PUSH", NO_RETRIEVAL, 0.9, "SMSC refused the push"),
    "N2": Row("failed", "NO_PUSH", NO_RETRIEVAL, 0.8, "SMSC rejected it"),
    "N3": Row("failed", "HANDSET_FULL", NO_RETRIEVAL, 0.8),
    "N4": Row("failed", "NOT_PROVISIONED", NO_RETRIEVAL, 0.9),
    "N5": Row("failed", "NO_PUSH", NO_RETRIEVAL, 0.9),
    "N6": Row("failed", "NO_PUSH", NO_RETRIEVAL, 0.6, "report contradicted"),
    "U1": Row("failed", "UNSUPPORTED", NO_RETRIEVAL, 0.9, "handset"),
    "U2": Row("failed", "BAD_APN", NO_RETRIEVAL, 0.95, "unknown name"),
    "U3": Row("failed", "BAD_APN", NO_RETRIEVAL, 0.85, "not in his profile, user or password"),
    "U4": Row("failed", "NOT_PROVISIONED", NO_RETRIEVAL, 0.9, "packet data"),
    "U5": Row("failed", "NODE_FAULT", NO_RETRIEVAL, 0.8, "activation"),
    "U6": Row("failed", "BAD_MMSC_URL", NO_RETRIEVAL, 0.8),
    "U7": Row("failed", "BAD_MMSC_URL", NO_RETRIEVAL, 0.8, "path"),
    "U8": Row("failed", "BAD_PROXY", NO_RETRIEVAL, 0.85),
    "U9": Row("failed", "NO_RETRIEVE", NO_RETRIEVAL, 0.8),
    "U10": Row("failed", "BAD_APN", NO_RETRIEVAL, 0.9, "usually the internet APN"),
    "U11": Row("failed", "NO_RETRIEVE", NO_RETRIEVAL, 0.7),
    "U12": Row("failed", "NO_RETRIEVE", NO_RETRIEVAL, 0.7),
    "U13": Row("failed", "NO_PDP", NO_RETRIEVAL, 0.8),
    "U14": Row("failed", "NO_RETRIEVE", NO_RETRIEVAL, 0.8),
    "U15": Row("failed", "NO_RETRIEVE", NO_RETRIEVAL, 0.8),
    "U16": Row("failed", "NO_RETRIEVE", NO_RETRIEVAL, 0.7),
}
RULES: Final = ("", *ROWS)
"""Every row's id; its place is the number stored in packed rows. New rows go to the end of ROWS."""

REFUSALS: Final = frozenset({"NOT_PROVISIONED", "SUBMIT_FAILED", "UNSUPPORTED", "NODE_FAULT"})
"""Causes that a refusal's status may point to (B1, B2)."""


@dataclass(slots=True)
class Signs:
    """What was seen of one delivery when its window closed, in the words of the table's §1. "n/c" is "not covered", never "none"."""

    over: bool = False  # the window has ended and every needed feed has been read beyond it
    m: str = "accepted"  # accepted, refused, sent_out, final, n/c
    m_final: str = ""  # retrieved, expired, rejected, unrecognised, album, forwarded, system, unknown
    m_cause: str = ""  # what the status of that points to, "" = nothing
    peer: str = "n/c"  # what the MMSC it was sent to answered: ok, error, none, n/c
    p: str = "unknown"  # delivered, failed, unknown, n/c
    p_reason: str = ""  # refused, rejected, barred, full, absent
    s: str = "n/c"  # expected, other-new, rejected, other-standing, none, not-mms, n/c
    s_fast: bool = False  # the expected session began ≤ T0 after a push and moved little
    s_silent: bool = False  # no gateway line of any kind in that session
    s_rule: str = ""  # row that the cause of a refused activation points to, "" = it was not told
    other_new: int = 0  # pushes in W that were followed by a new session on another APN
    seen_before: bool = True  # a packet session in the last 30 days, or a history too short to say so
    get: str = "n/c"  # ok, short, denied, denied-407, gone, 5xx, none, n/c
    post: str = "n/c"  # ok, wrong path, wrong host, denied, 5xx, none, n/c
    post_likely: bool = False  # the POST that decides is of strength likely, not sure
    r: str = "n/c"  # retrieved, failed, none, n/c
    r_rule: str = ""  # row that the status of a failed retrieval points to, "" = it was not logged
    c: str = "n/c"  # confirmed, rejected, unrecognised, deferred, none, n/c
    h: str = "unknown"  # no MMS, MMS, unknown
    h_old: bool = False  # that was last seen more than 30 days before
    alive: str = "n/c"  # yes, no, n/c
    doubted: bool = False
    late: bool = False
    late_by_fetch: bool = False
    not_covered: tuple[str, ...] = ()


@dataclass(slots=True)
class Verdict:
    """What the table says: the row, and everything a reader needs to trust or doubt it."""

    rule: str
    outcome: str
    cause: str
    group: str
    confidence: float
    detail: str = ""
    suspects: tuple[str, ...] = ()
    not_covered: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    lapsed: bool = False


@dataclass(slots=True)
class _Said:
    rule: str
    confidence: float | None = None
    cause: str = ""
    suspects: tuple[str, ...] = ()
    hints: tuple[str, ...] = field(default=())


def judge(signs: Signs) -> Verdict:
    """The first row that fits.

    >>> judge(Signs(over=True, p="delivered", get="none", s="n/c", r="none", c="none")).rule
    'U15'
    >>> judge(Signs(r="retrieved", c="confirmed", get="ok")).cause
    'OK'
    """
    said = (
        _before(signs)
        or _delivered(signs)
        or _refused(signs)
        or _open(signs)
        or _fetch_failed(signs)
        or _push_failed(signs)
        or _no_fetch(signs)
    )
    row = ROWS[said.rule]
    confidence = row.confidence if said.confidence is None else said.confidence
    return Verdict(
        said.rule, row.outcome, said.cause or row.cause, row.group, round(confidence, 2), row.detail, said.suspects, signs.not_covered,
        said.hints,
        lapsed=said.rule == "O3",
    )  # fmt: skip


def _before(signs: Signs) -> _Said | None:
    if signs.m == "refused" or (signs.m == "final" and signs.m_final == "system"):
        unmapped = "NOT_PROVISIONED" if signs.m == "final" else "SUBMIT_FAILED"
        cause = signs.m_cause if signs.m_cause in REFUSALS else unmapped
        return _Said("B1") if cause == "NOT_PROVISIONED" else _Said("B2", cause=cause)
    if signs.m not in ("final", "refused") and (signs.peer == "error" or (signs.peer == "none" and signs.over)) and signs.r != "retrieved":
        return _Said("B3")
    if signs.m == "final" and signs.m_final == "album":
        return _Said("B4")
    return None


def _delivered(signs: Signs) -> _Said | None:
    if signs.r == "retrieved" and not signs.doubted:
        if signs.c == "confirmed":
            if signs.late:
                return _Said("D4", 0.7 if signs.late_by_fetch else None)
            return _Said("D1", 0.95 if signs.get == "n/c" else None)
        if not signs.over:
            return None
        if signs.post in ("wrong host", "wrong path"):
            return _Said("D2", hints=("BAD_MMSC_URL",))
        return _Said("D3", 0.7 if signs.get == "n/c" else None)
    if signs.m == "final" and signs.m_final == "forwarded":
        return _Said("D5")
    return None


def _refused(signs: Signs) -> _Said | None:
    if signs.c == "rejected" or signs.m_final == "rejected":
        return _Said("R1")
    if signs.c == "unrecognised" or signs.m_final == "unrecognised" or (signs.r == "failed" and signs.r_rule == "R2"):
        return _Said("R2")
    return None


def _open(signs: Signs) -> _Said | None:
    if not signs.over:
        return _Said("O1") if signs.c == "deferred" else _Said("O2")
    if signs.m == "sent_out" or (signs.m != "final" and signs.r == "n/c"):
        return _Said("O3")
    if signs.m_final == "unknown" and signs.p == "unknown" and signs.s in ("n/c", "none") and signs.get in ("n/c", "none"):
        return _Said("O3")
    return None


def _fetch_failed(signs: Signs) -> _Said | None:
    failed = signs.r == "failed"
    pointed = signs.r_rule if failed else ""
    if pointed == "T1" or signs.get == "5xx":
        return _Said("T1")
    if pointed == "T2":
        return _Said("T2")
    if pointed == "T3" or signs.get == "gone":
        return _Said("T3")
    if signs.get == "denied-407" or (signs.get == "none" and signs.post == "denied"):
        return _Said("T4")
    if signs.get == "denied":
        return _Said("T5", suspects=("NOT_PROVISIONED", "BAD_APN"))
    if signs.get == "short" or signs.doubted or failed:
        return _Said("T6", 0.7 if failed and not signs.r_rule and signs.get == "n/c" else None)
    if signs.get == "ok" and signs.r == "none":
        return _Said("T6", 0.6)
    if signs.m_final == "expired" and signs.m_cause == "RETRIEVE_FAILED" and signs.get in ("n/c", "none"):
        return _Said("T6", 0.7)  # the MMSC's code alone says that a fetch began
    return None


def _push_failed(signs: Signs) -> _Said | None:
    if signs.p != "failed":
        return None
    if signs.p_reason == "refused":
        return _Said("N1")
    if signs.p_reason == "rejected":
        return _Said("N2")
    if signs.p_reason == "full":
        return _Said("N3")
    if signs.alive == "yes":
        return _Said("N6")
    return _Said("N4" if signs.p_reason == "barred" else "N5", 0.8 if signs.alive == "n/c" else None)


def _no_fetch(signs: Signs) -> _Said:
    said = _no_fetch_rows(signs)
    if signs.p == "delivered":
        return said
    # P unknown: nothing shows that the push arrived (§3, below the table)
    if said.rule in ("U8", "U10"):
        base = ROWS[said.rule].confidence if said.confidence is None else said.confidence
        return _Said(said.rule, base - 0.2, suspects=said.suspects)
    if said.rule in ("U9", "U11", "U12", "U13", "U14", "U15", "U16"):
        return _Said(said.rule, 0.9, "EXPIRED", ("NO_PUSH", "NO_RETRIEVE"))
    return said


def _no_fetch_rows(signs: Signs) -> _Said:
    if signs.h == "no MMS":
        return _Said("U1", 0.7 if signs.h_old else None)
    if signs.s == "rejected":
        return _Said(signs.s_rule or "U5")
    if signs.post == "wrong host":
        return _Said("U6", 0.7 if signs.post_likely else None)
    if signs.post == "wrong path":
        return _Said("U7")
    if signs.s == "expected":
        if signs.get == "n/c":
            return _Said("U9", 0.7)
        if signs.s_silent:
            return _Said("U8", None if signs.s_fast else 0.5)
        return _Said("U9")
    if signs.s == "other-new" and signs.other_new >= 3:
        return _Said("U10")
    if signs.s in ("other-new", "other-standing"):
        return _Said("U11", suspects=("BAD_APN",))
    if signs.s == "none":
        return _Said("U12") if signs.seen_before else _Said("U13")
    if signs.s == "not-mms":
        return _Said("U14", suspects=("BAD_APN", "NO_PDP"))
    return _Said("U16") if signs.get == "n/c" else _Said("U15")
