"""What the express lane has to know of the evidence table: its windows, and the row each harmless sight falls under."""

from __future__ import annotations

from typing import Final

import numpy as np

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
from mmsd.rules.causes import CAUSES, RULES, Signs, columns
from mmsd.rules.settings import Judgement
from mmsd.rules.table import Saying, Table

MILD: Final = ("D1", "R1")
"""Rows that nothing later changes: what is closed under them may be forgotten."""


def laws(settings: Judgement, causes: Table) -> Laws:
    """The table, asked once for all sights: rows that deliver or leave open are the lane's, all others are odd there."""
    said = causes.judge_columns(columns([_signs(sight) for sight in range(SIGHTS)]))
    ours = [_by_the_book(sight, causes.sayings[place]) for sight, place in enumerate(said["said"].tolist())]
    outcomes = [causes.rows[rule].outcome if rule else "" for rule in RULES]

    def windows(seconds: float) -> int:
        return int(seconds * SECOND)

    return Laws(
        skew=windows(settings.skew), join=windows(settings.join), answer=windows(settings.answer), window=windows(settings.window),
        grace=windows(settings.grace), confirm=windows(settings.confirm), late=windows(settings.late), unlogged=windows(settings.logged),
        rules=np.where(ours, said["rule"], ODD).tolist(), confidences=np.where(ours, said["confidence"], 0).tolist(),
        closes=[int(outcome not in ("", "open")) for outcome in outcomes],
        causes=[CAUSES.index(causes.rows[rule].cause if rule and causes.rows[rule].outcome != "open" else "") for rule in RULES],
        mild=[int(rule in MILD) for rule in RULES],
    )  # fmt: skip


def _signs(sight: int) -> Signs:
    fetched = bool(sight & FETCHED)
    return Signs(
        over=bool(sight & OVER),
        p="delivered" if fetched or sight & (CONFIRMED | POSTPONED) else "unknown",
        r="retrieved" if fetched else "none",
        c="confirmed" if sight & CONFIRMED else "deferred" if sight & POSTPONED else "none",
        get="ok" if sight & WATCHED else "n/c",
        post="none" if sight & WATCHED else "n/c",
        late=bool(sight & LATE),
        late_by_fetch=bool(sight & UNREPORTED),
    )


def _by_the_book(sight: int, said: Saying) -> bool:
    """Whether the lane may say this itself: nothing failed, and nothing of it is evidence of anything."""
    return said.outcome in ("delivered", "open") and not said.lapsed and not said.hints and bool(sight & FETCHED or not sight & OVER)
