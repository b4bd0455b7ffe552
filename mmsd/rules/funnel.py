"""How far cases came: found → asked → consented → pushed → confirmed, by city, model and cause, and where the others stayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mmsd.rules.cases import Case, State

BY: Final = ("city", "model", "cause")
FOUND: Final = "finding"
"""Origin of cases that a finding opened; the others were asked for, or offered."""


class Stages(NamedTuple):
    """How many cases came to a stage at all, in order; then what became of those that left the way."""

    found: int = 0
    asked: int = 0
    consented: int = 0
    pushed: int = 0  # or listed, of activation
    confirmed: int = 0
    held_back: int = 0
    declined: int = 0
    silent: int = 0
    not_taken: int = 0  # at least once
    unproven: int = 0
    handed_over: int = 0
    ended: int = 0
    open: int = 0

    def __add__(self, other: object) -> Stages:
        """Stage by stage, not one behind the other as tuples are."""
        return Stages(*map(sum, zip(self, other, strict=True))) if isinstance(other, Stages) else NotImplemented


def stages(case: Case) -> Stages:
    """One case.

    >>> from mmsd.rules.cases import Kind
    >>> case = Case(number=1, kind=Kind.SETTINGS, state=State.DECLINED, opened=0, origin="finding", asked=5)
    >>> stages(case).asked, stages(case).consented, stages(case).declined
    (1, 0, 1)
    """
    state = case.state
    return Stages(
        found=1,
        asked=int(case.asked is not None),
        consented=int(case.consented is not None),
        pushed=int(case.helped is not None or case.listed is not None),
        confirmed=int(state is State.CONFIRMED),
        held_back=int(case.held_back),
        declined=int(state is State.DECLINED),
        silent=int(state is State.SILENT),
        not_taken=int(case.missed),
        unproven=int(state is State.UNPROVEN),
        handed_over=int(state is State.HANDED_OVER),
        ended=int(state is State.ENDED),
        open=int(not case.over),
    )


def funnel(cases: Iterable[Case], by: tuple[str, ...] = BY, *, origin: str | None = FOUND) -> Mapping[tuple[str, ...], Stages]:
    """Cases counted by any of `BY`, each once: of several causes under the first. `origin` None: however they began."""
    found: dict[tuple[str, ...], Stages] = {}
    for case in cases:
        if origin is not None and case.origin != origin:
            continue
        words = {"city": case.city, "model": case.model, "cause": case.causes[0] if case.causes else ""}
        key = tuple(words[name] for name in by)
        found[key] = found.get(key, Stages()) + stages(case)
    return found


def reasons(cases: Iterable[Case]) -> Counter[tuple[State, str]]:
    """Why cases are where they are: (state, reason of the last step) counted."""
    return Counter((case.state, case.reason) for case in cases)
