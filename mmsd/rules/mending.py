"""Whether a mend took: by what the handset does after it, direction by direction (evidence table §4).

Settings that were pushed report nothing. What shows that they are installed is the same thing done right that went wrong before: a POST of
the same kind, a retrieval over the handset's own choice of access point. Never the message that was pending when the push left, and nothing
before the subscriber has had time to install it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mmsd.model import SECOND
from mmsd.rules.cases import Case, Kind
from mmsd.rules.settings import CareSettings


class Sign(enum.StrEnum):
    """What a line, or the lack of one, shows."""

    RETRIEVED = "retrieved"  # R: the MMSC handed a message over, and nothing contradicts it
    POSTED = "posted"  # Z1: the expected MMSC took a POST
    SESSION = "session"  # a packet session began on the MMS access point
    SILENCE = "silence"  # no packet session from `since` to `at`, and all of them would have been seen
    FAILED = "failed"  # a verdict that accuses settings: `row`


class Proof(NamedTuple):
    """One piece of evidence since a push. Times are µs UTC."""

    sign: Sign
    at: int
    row: str = ""  # of FAILED: row of the evidence table
    post: str = ""  # of a POST: "submit" or "confirm"; "" = not known
    authority: int = 0  # … of one that failed: where it went; 0 = not known
    own_choice: bool = False  # in a session on the expected access point that the handset itself asked for
    other_new: bool = False  # of FAILED: a session on another access point began after the push of a message
    notified: int | None = None  # of a message: its first notification
    since: int | None = None  # of SILENCE
    test: bool = False  # it is about our own test message


class Verdict(enum.StrEnum):
    CONFIRMED = "confirmed"
    NOT_TAKEN = "not taken"


ASTRAY: Final = frozenset({"Z2", "Z3", "D2", "U6", "U7"})
"""Rows that show a POST at the wrong address."""
REFUSED: Final = frozenset({"U2", "U3", "U10"})
"""Rows that show the wrong access point."""
BLOCKED: Final = frozenset({"U8", "T4", "Z4"})
"""Rows that show the wrong proxy."""


class Mended(NamedTuple):
    """What new evidence says of a case: causes whose mend it confirms, and whether one fails as before."""

    causes: tuple[str, ...] = ()
    failed: str = ""  # the cause
    proof: Proof | None = None  # that decided last


def mended(case: Case, proofs: Iterable[Proof], settings: CareSettings) -> Mended:
    """Looks at evidence in order of time, until everything is mended or something fails again.

    >>> case = Case(number=1, kind="settings", state="pushed", opened=0, origin="finding", causes=("BAD_PROXY",), ordered=0, sent=0)
    >>> day = 86400 * SECOND
    >>> mended(case, [Proof(Sign.RETRIEVED, day - 1)], CareSettings()).causes
    ()
    >>> mended(case, [Proof(Sign.RETRIEVED, day)], CareSettings()).causes
    ('BAD_PROXY',)
    """
    begun = case.listed if case.kind is Kind.ACTIVATION else case.sent
    if begun is None:
        return Mended()
    wait = 0 if case.kind is Kind.ACTIVATION else int(settings.install * SECOND)
    found: list[str] = []
    last: Proof | None = None
    asked_for = "NO_PDP" if case.kind is Kind.ACTIVATION else ""  # where nothing was found: staff recorded his word
    causes: Sequence[str] = [cause for cause in case.causes or (asked_for,) if cause not in case.mended]
    for proof in sorted(proofs, key=lambda proof: proof.at):
        if proof.at < begun + wait or (proof.notified is not None and proof.notified < begun):
            continue
        for cause in causes:
            if cause in found:
                continue
            verdict = _verdict(cause, case, proof, begun, settings)
            if verdict is Verdict.NOT_TAKEN:
                return Mended(tuple(found), cause or "request", proof)
            if verdict is Verdict.CONFIRMED:
                found.append(cause)
                last = proof
        if len(found) == len(causes):
            break
    return Mended(tuple(found), "", last)


def _verdict(cause: str, case: Case, proof: Proof, begun: int, settings: CareSettings) -> Verdict | None:
    """What one piece of evidence says of one cause; `begun`: when the push left, or the list had him."""
    match cause:
        case "BAD_MMSC_URL":
            return _address(case, proof)
        case "BAD_APN":
            return _of(proof, proof.sign in (Sign.RETRIEVED, Sign.POSTED) and proof.own_choice, proof.row in REFUSED or proof.other_new)
        case "BAD_PROXY":
            return _of(proof, proof.sign in (Sign.RETRIEVED, Sign.POSTED), proof.row in BLOCKED)
        case "NO_PDP":
            since = max(begun, proof.since if proof.since is not None else proof.at)
            if proof.sign is Sign.SILENCE:
                return Verdict.NOT_TAKEN if proof.at - since >= int(settings.no_session * SECOND) else None
            return Verdict.CONFIRMED if proof.sign is Sign.SESSION else None
        case _:  # he asked for settings, and nothing was found: all of it has to work
            good = (proof.sign is Sign.RETRIEVED and proof.own_choice) or (proof.sign is Sign.POSTED and proof.post != "confirm")
            return _of(proof, good, proof.row in ASTRAY | REFUSED | BLOCKED or proof.other_new)


def _of(proof: Proof, good: bool, bad: bool) -> Verdict | None:
    if proof.sign is Sign.FAILED:
        return Verdict.NOT_TAKEN if bad else None
    return Verdict.CONFIRMED if good else None


def _address(case: Case, proof: Proof) -> Verdict | None:
    """A POST of the kind that went astray before, at the right host; where that is not known, a message sent. Some handsets answer to the
    notification's host whatever they are set to, so an answer shows nothing about messages sent. A fetch shows nothing at all."""
    if proof.sign is Sign.FAILED:
        known = proof.authority and case.authority
        return Verdict.NOT_TAKEN if proof.row in ASTRAY and (not known or proof.authority == case.authority) else None
    if proof.sign is Sign.POSTED and (proof.post == (case.posts or "submit") or (proof.test and proof.post == "confirm")):
        return Verdict.CONFIRMED
    return None
