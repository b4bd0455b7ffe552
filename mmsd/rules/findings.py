"""Findings about one subscriber's settings, by direction (evidence table §4): what raises them and what clears them.

Evaluated from a dossier alone, so it says the same whenever it is asked. N failures of one shape in W, each ≥ .7, repeats within a short
while counted once; the confidence is that of the best evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mmsd.model import SECOND, Kind
from mmsd.rules.relate import Dossier
from mmsd.rules.settings import Judgement
from mmsd.rules.traces import AT, AUTHORITY, KIND, PATH, STATUS, C, Trace

LEAST: Final = 0.7
"""Evidence below this raises nothing."""
SINGLE: Final = frozenset({"NO_PDP"})
"""Raised by one case."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One piece of evidence about a setting: what it speaks of, when, how sure, and the line that decides."""

    cause: str
    at: int
    confidence: float
    trace: Trace
    kind: str = ""  # of a POST: confirm, submit, post (unknown)


def evaluate(
    dossier: Dossier, signs: Sequence[Sign], settings: Judgement, mms_apns: frozenset[int]
) -> Iterator[tuple[str, float, int, int, list[Trace]]]:
    """(cause, confidence, raised at, cleared at or 0, lines) for each setting whose threshold was reached."""
    shapes: dict[tuple[str, int], list[Sign]] = {}
    for sign in sorted(signs, key=lambda s: (s.at, s.trace)):
        if sign.confidence >= LEAST:
            # a handset has one MMSC address: POSTs to several hosts are not one fault
            shape = sign.trace[AUTHORITY] if sign.cause == "BAD_MMSC_URL" else 0
            shapes.setdefault((sign.cause, shape), []).append(sign)
    said: set[str] = set()
    reached = ((cases[-1].at, cause, shape, cases) for (cause, shape), mine in shapes.items() if (cases := _cases(cause, mine, settings)))
    for at, cause, shape, cases in sorted(reached, key=lambda found: found[:3]):
        if cause not in said:
            said.add(cause)
            mine = shapes[cause, shape]
            best = max(sign.confidence for sign in mine)
            yield cause, best, at, _cleared(cause, mine, dossier, mms_apns), [sign.trace for sign in cases]


def _cases(cause: str, mine: Sequence[Sign], settings: Judgement) -> list[Sign]:
    """The first signs that reach the threshold within its window, repeats counted once; empty when none do."""
    cases: list[Sign] = []
    for sign in mine:
        if not cases or sign.at - cases[-1].at > settings.repeat * SECOND:
            cases.append(sign)
    need = 1 if cause in SINGLE else settings.cases
    window = settings.case_days * 86400 * SECOND
    for place in range(need - 1, len(cases)):
        group = cases[place - need + 1 : place + 1]
        if group[-1].at - group[0].at <= window:
            return group
    return []


def _cleared(cause: str, mine: Sequence[Sign], dossier: Dossier, mms_apns: frozenset[int]) -> int:
    """When good evidence of the same direction came after the last bad; 0 = it did not."""
    after = mine[-1].at
    if cause == "BAD_MMSC_URL":
        # a POST of the same kind that the MMSC itself recorded; kind unknown: a submit. A fetch clears nothing, and some handsets
        # answer to the notification's host while their own messages go astray
        recorded = [*dossier.origins, *(dossier.answers if any(sign.kind == "confirm" for sign in mine) else ())]
        good = [
            post[AT] for post in dossier.posts
            if post[AT] > after and 200 <= post[STATUS] < 300
            and any(abs(t[AT] - post[AT]) <= 3 * SECOND for t in recorded)
        ]  # fmt: skip
    elif cause == "BAD_APN":
        starts = [t[AT] for t in dossier.sessions if t[KIND] == Kind.SESSION_START and t[PATH] in mms_apns and t[C] not in (3, 4)]
        good = [
            fetch[AT] for thread in dossier.threads for fetch in thread.fetches
            if fetch[AT] > after and any(after < start <= fetch[AT] for start in starts)
        ]  # fmt: skip
    elif cause == "BAD_PROXY":
        good = [get[AT] for thread in dossier.threads for get in thread.gets if get[AT] > after and get[STATUS] != 407]
    else:
        good = [t[AT] for t in dossier.sessions if t[KIND] == Kind.SESSION_START and t[AT] > after]
    return min(good, default=0)
