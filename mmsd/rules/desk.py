"""What care staff may do for one subscriber, as news for care; and why not, where it cannot be.

consent   he agreed in the hearing of staff: recorded, and settings are pushed as soon as they may be
ask       ask him now, whenever he was asked before
revoke    he takes back what he agreed to
hand_over people take a case into their own hands
erase     he shall be forgotten
"""

from __future__ import annotations

from typing import Final

from mmsd.rules.cases import Event, Kind, may
from mmsd.rules.casework import Erased, Folder, News, Prompted, Recorded, Revoked, TakenOver
from mmsd.rules.consent import live_consent

ACTS: Final = ("consent", "ask", "revoke", "hand_over", "erase")
OF_A_CASE: Final = ("ask", "revoke", "hand_over")
"""Acts that name a case."""


class Refusal(str):
    """Why an act cannot be: a word of `docs/http.md`."""

    __slots__ = ()


def news_of(
    act: str, folder: Folder, opted_out: frozenset[str], now: int, *, who: str, why: str = "", case: int = 0, wording: str = "",
    kind: Kind = Kind.SETTINGS,
) -> News | Refusal:  # fmt: skip
    """What care has to be told.

    >>> news_of("ask", Folder(1), frozenset(), 0, who="li", case=3)
    'no_such_case'
    >>> news_of("consent", Folder(1), frozenset(), 0, who="li", wording="as the form says")
    Recorded(who='li', wording='as the form says', kind=<Kind.SETTINGS: 'settings'>)
    """
    if act == "erase":
        return Erased(who)
    if act == "consent":
        return Recorded(who, wording, kind) if wording else Refusal("no_wording")
    found = folder.case(case)
    if found is None:
        return Refusal("no_such_case")
    match act:
        case "ask":
            if not opted_out.isdisjoint(("all", "service")):
                return Refusal("opted_out")
            if folder.question(now) is not None:
                return Refusal("question_open")
            return Prompted(who, case) if may(found, Event.ASK) else Refusal(found.state.value)
        case "revoke":
            return Revoked(who, case) if live_consent(folder.consents, case, now) is not None else Refusal("no_consent")
        case _:
            return TakenOver(who, case, why) if may(found, Event.HAND_OVER) else Refusal(found.state.value)


def possible(folder: Folder, opted_out: frozenset[str], case: int, now: int) -> tuple[str, ...]:
    """Which of OF_A_CASE can be done with a case."""
    return tuple(act for act in OF_A_CASE if not isinstance(news_of(act, folder, opted_out, now, who="", case=case), Refusal))
