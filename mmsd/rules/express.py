"""What the express lane has to know of the evidence table: its windows, and the row each harmless sight falls under."""

from __future__ import annotations

from typing import Final

from mmsd.fast.express_py import (
    CONFIRMED,
    FETCHED,
    LATE,
    ODD,
    OVER,
    POSTPONED,
    SIGHTS,
    UNREPORTED,
    WATCHED,
    Laws,
)  # fmt: skip
from mmsd.model import SECOND
from mmsd.rules.causes import CAUSES, RULES, Signs
from mmsd.rules.settings import Judgement
from mmsd.rules.table import Table

MILD: Final = ("D1", "R1")
"""Rows that nothing later changes: what is closed under them may be forgotten."""


def laws(settings: Judgement, causes: Table) -> Laws:
    """The table, asked once for each sight: rows that deliver or leave open are the lane's, all others are odd there."""
    said = [_asked(sight, causes) for sight in range(SIGHTS)]
    outcomes = [causes.rows[rule].outcome if rule else "" for rule in RULES]

    def windows(seconds: float) -> int:
        return int(seconds * SECOND)

    return Laws(
        skew=windows(settings.skew), join=windows(settings.join), answer=windows(settings.answer), window=windows(settings.window),
        grace=windows(settings.grace), confirm=windows(settings.confirm), late=windows(settings.late), unlogged=windows(settings.logged),
        rules=[rule for rule, _ in said], confidences=[confidence for _, confidence in said],
        closes=[int(outcome not in ("", "open")) for outcome in outcomes],
        causes=[CAUSES.index(causes.rows[rule].cause if rule and causes.rows[rule].outcome != "open" else "") for rule in RULES],
        mild=[int(rule in MILD) for rule in RULES],
    )  # fmt: skip


def _asked(sight: int, causes: Table) -> tuple[int, int]:
    """(place of the row or ODD, confidence in hundredths)."""
    fetched, over = bool(sight & FETCHED), bool(sight & OVER)
    signs = Signs(
        over=over,
        p="delivered" if fetched or sight & (CONFIRMED | POSTPONED) else "unknown",
        r="retrieved" if fetched else "none",
        c="confirmed" if sight & CONFIRMED else "deferred" if sight & POSTPONED else "none",
        get="ok" if sight & WATCHED else "n/c",
        post="none" if sight & WATCHED else "n/c",
        late=bool(sight & LATE),
        late_by_fetch=bool(sight & UNREPORTED),
    )
    verdict = causes.judge(signs)
    if verdict.outcome not in ("delivered", "open") or verdict.lapsed or verdict.hints or (over and not fetched):
        return ODD, 0
    return RULES.index(verdict.rule), round(100 * verdict.confidence)
