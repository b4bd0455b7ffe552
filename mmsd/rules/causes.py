"""The words of the evidence table (`docs/causes.md`): causes, outcomes, rows, the signs of a delivery, and what is said of it.

Which signs mean which cause is data, `config/causes.toml`, read into a `rules.table.Table`. Places in the tuples here are stored in packed
rows: they only grow at their ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

import numpy as np

GROUPS: Final = ("", "no_retrieval", "retrieval_failed", "refused", "normal_other")
"""For the ratios that are asked for by group."""

CAUSES: Final = (
    "", "OK", "OK_UNCONFIRMED", "DELAYED", "NO_PUSH", "NO_RETRIEVE", "RETRIEVE_FAILED", "REJECTED", "BAD_APN", "BAD_MMSC_URL", "BAD_PROXY",
    "NO_PDP", "NOT_PROVISIONED", "UNSUPPORTED", "HANDSET_FULL", "EXPIRED", "INTERWORKING", "SUBMIT_FAILED", "NODE_FAULT", "UNKNOWN",
)  # fmt: skip
"""Every cause; its place is the number stored in packed rows, so the list only grows at its end."""

OUTCOMES: Final = ("", "delivered", "failed", "open")

RULES: Final = (
    "", "B1", "B2", "B3", "B4", "D1", "D2", "D3", "D4", "D5", "R1", "R2", "O1", "O2", "O3", "T1", "T2", "T3", "T4", "T5", "T6",
    "N1", "N2", "N3", "N4", "N5", "N6",
    "U1", "U2", "U3", "U4", "U5", "U6", "U7", "U8", "U9", "U10", "U11", "U12", "U13", "U14", "U15", "U16",
)  # fmt: skip
"""Every row's id; its place is the number stored in packed rows, so a new row goes to the end, wherever it is asked."""

REQUESTS: Final = ("", "Z1", "Z2", "Z3", "Z4", "Z5", "Z6", "Z7")
"""What is said of a subscriber's own request; "" = nothing."""

FEEDS: Final = ("mmsc", "peers", "sms", "gateway", "sessions", "apns", "sgsn", "handsets")
"""What a verdict may have to do without: peers are other MMSCs' answers, apns the sessions of every access point and not of the MMS one
alone, handsets the imported list."""

MOST: Final = 31
"""Counts are told apart no further."""

NC: Final = "n/c"
"""Not covered: no feed would have shown it. Never "none"."""


class Sign(NamedTuple):
    """One sign: what it may be, the first being what nothing shows; which feeds show it, and what it says."""

    values: tuple[Any, ...]
    feeds: tuple[str, ...]
    says: str


_NO_YES: Final = (False, True)

SIGNS: Final[Mapping[str, Sign]] = {
    "over": Sign(_NO_YES, (), "the window has ended and every needed feed has been read beyond it"),
    "m": Sign(("accepted", "refused", "sent_out", "final", NC), ("mmsc",), "the MMSC's word"),
    "m_final": Sign(
        ("", "retrieved", "expired", "rejected", "unrecognised", "album", "forwarded", "system", "unknown"), ("mmsc",), "its final word"
    ),
    "m_cause": Sign(CAUSES, ("mmsc",), 'the cause that the status of that points to, "" = none'),
    "peer": Sign((NC, "ok", "error", "none"), ("peers",), "what the MMSC it was sent to answered"),
    "p": Sign(
        ("unknown", "delivered", "failed", NC), ("sms", "gateway", "mmsc"), "the push: a fetch or an answer proves it, whatever reports say"
    ),
    "p_reason": Sign(("", "refused", "rejected", "barred", "full", "absent"), ("sms",), "why its last push failed"),
    "s": Sign(
        (NC, "expected", "other-new", "rejected", "other-standing", "none", "not-mms"), ("sessions", "sgsn"),
        "the best packet session at a push: on the MMS access point; another that began after it, or stood before; refused; none;"
        " none where only the MMS access point is covered",
    ),
    "s_fast": Sign(_NO_YES, ("sessions",), "the expected session began within `reaction` of a push and moved less than `little`"),
    "s_silent": Sign(_NO_YES, ("sessions", "gateway"), "no gateway line of any kind in that session"),
    "s_rule": Sign(RULES, ("sgsn",), 'the row that the cause of a refused activation points to, "" = it was not told'),
    "other_new": Sign(tuple(range(MOST + 1)), ("sessions",), "pushes within `case_days` that were followed by a new session elsewhere"),
    "seen_before": Sign((True, False), ("sessions",), "a session within `history_days`, or a history too short to say so"),
    "get": Sign((NC, "ok", "short", "denied", "denied-407", "gone", "5xx", "none"), ("gateway",), "the last fetch at the gateway"),
    "post": Sign(
        (NC, "ok", "wrong path", "wrong host", "denied", "5xx", "none"), ("gateway",), "the subscriber's own requests: the first of these"
    ),
    "post_likely": Sign(_NO_YES, ("gateway",), "the request that decides is MMS by likelihood only"),
    "r": Sign((NC, "retrieved", "failed", "none"), ("mmsc",), "retrieval, as the MMSC tells it"),
    "r_rule": Sign(RULES, ("mmsc",), 'the row that the status of a failed retrieval points to, "" = it was not logged'),
    "c": Sign((NC, "confirmed", "rejected", "unrecognised", "deferred", "none"), ("mmsc", "sms"), "the handset's answer"),
    "h": Sign(("unknown", "no MMS", "MMS"), ("handsets", "sessions"), "the handset"),
    "h_old": Sign(_NO_YES, ("handsets", "sessions"), "that was last seen more than `handset_days` before"),
    "alive": Sign((NC, "yes", "no"), ("gateway", "sessions"), "whether he was on a gateway between push and expiry"),
    "doubted": Sign(_NO_YES, ("gateway",), "the MMSC handed the message out, and every answer at the gateway was broken"),
    "late": Sign(_NO_YES, ("sms", "mmsc"), "the first sign that the push had come came later than `late` after the submit"),
    "late_by_fetch": Sign(_NO_YES, ("sms",), "that sign is the fetch: no receipt came before it"),
}  # fmt: skip
"""The signs of a delivery, in the words of the conditions."""

ATTEMPT_SIGNS: Final[Mapping[str, Sign]] = {
    "shows": Sign(("other", "ok", "wrong path", "wrong host", "denied", "5xx"), ("gateway",), "what the answer says of the settings"),
    "how": Sign(("likely", "sure"), ("gateway",), "how sure it is that the request is MMS"),
    "logged": Sign((NC, "none", "answer", "submit", "refused"), ("mmsc",), "what our MMSC wrote beside it"),
    "waited": Sign(_NO_YES, (), "the MMSC must have written its line by now"),
    "proxy": Sign(_NO_YES, ("gateway",), "the proxy itself denied it (407)"),
}
"""The signs of a subscriber's own request."""

COLUMNS: Final = np.dtype([(name, "u1") for name in SIGNS])
"""Signs as columns: of each the place of its value in `SIGNS`."""

VERDICTS: Final = np.dtype(
    [("rule", "u1"), ("outcome", "u1"), ("cause", "u1"), ("group", "u1"), ("confidence", "u1"), ("lapsed", "u1"), ("said", "<i2")]
)
"""Verdicts as columns: places in RULES, OUTCOMES, CAUSES, GROUPS; confidence in hundredths; place in `Table.sayings`. Eight octets, so
that one is moved as a number is."""


@dataclass(slots=True)
class Signs:
    """What was seen of one delivery when its window closed; `SIGNS` has the words."""

    over: bool = False
    m: str = "accepted"
    m_final: str = ""
    m_cause: str = ""
    peer: str = NC
    p: str = "unknown"
    p_reason: str = ""
    s: str = NC
    s_fast: bool = False
    s_silent: bool = False
    s_rule: str = ""
    other_new: int = 0
    seen_before: bool = True
    get: str = NC
    post: str = NC
    post_likely: bool = False
    r: str = NC
    r_rule: str = ""
    c: str = NC
    h: str = "unknown"
    h_old: bool = False
    alive: str = NC
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


def columns(signs: list[Signs]) -> Any:
    """Signs of many deliveries as `COLUMNS`. KeyError: a word that its sign has not.

    >>> columns([Signs(get="ok")])["get"].tolist()
    [1]
    """
    table = np.zeros(len(signs), COLUMNS)
    for name, places in PLACES.items():
        table[name] = [places[min(value, MOST) if name == "other_new" else value] for value in (getattr(one, name) for one in signs)]
    return table


PLACES: Final[Mapping[str, Mapping[Any, int]]] = {
    name: {value: place for place, value in enumerate(sign.values)} for name, sign in SIGNS.items()
}
"""Of each sign the place of each of its values."""

assert [field.name for field in fields(Signs)][:-1] == list(SIGNS)
