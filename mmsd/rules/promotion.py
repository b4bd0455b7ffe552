"""What becomes of a prize that somebody does not get after all: the next reserve takes it, by a rule that leaves no choice.

A place that is out stays out. Its prize goes to the first place that holds none and is not out: a reserve. One who cannot have it is out
first, said by name; where nobody is left, nobody gets it. The paper says all that, so anybody repeats it (docs/draw.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mmsd.model import Draw, Event, Forfeit

REASONS: Final = ("disqualified", "declined", "no_answer")
"""What a person may say of a place."""
ERASED: Final = "erased"
WON: Final = "won_before"
PURPOSE: Final = "draw promote"


class Reserve(NamedTuple):
    """A place that holds no prize and is not out. `unfit`: why it cannot have one, ERASED or WON; "" = it can."""

    place: int
    unfit: str


def promoted(draw: Draw, place: int, prize: str, reason: str, reserves: Sequence[Reserve], now: int) -> list[Forfeit]:
    """Who is out when `place` is, in order, that place last; `reserves` by place, up to the first that is fit or all there are.

    >>> draw = Draw("torch", "grand", "drawn", "{}", "", b"", b"", 1)
    >>> [(one.place, one.reason, one.taker) for one in promoted(draw, 1, "tea", "declined", [Reserve(3, "erased"), Reserve(4, "")], 9)]
    [(3, 'erased', 0), (1, 'declined', 4)]
    """
    name = (draw.campaign, draw.name)
    if not prize:
        return [Forfeit(*name, place, "", reason, 0, now)]
    taker = next((one.place for one in reserves if not one.unfit), 0)
    passed = [Forfeit(*name, one.place, "", one.unfit, 0, now) for one in reserves if one.unfit]
    return [*passed, Forfeit(*name, place, prize, reason, taker, now)]


def handed_on(prizes: Iterable[str], forfeits: Iterable[tuple[int, int]]) -> dict[int, str]:
    """What each place that is not out holds in the end, "" = nothing. `prizes` as drawn, by place; `forfeits`: who is out, and who took
    what he had (0: nobody). Raises ValueError where a prize went anywhere but to the next reserve.

    >>> handed_on(["tea", "", ""], [(2, 0), (1, 3)])
    {3: 'tea'}
    """
    holds = dict(enumerate(prizes, 1))
    for place, taker in forfeits:
        if place not in holds:
            raise ValueError(f"place {place} cannot be out")
        prize = holds.pop(place)
        following = next((one for one, held in sorted(holds.items()) if not held), 0) if prize else 0
        if taker != following:
            raise ValueError(f"what place {place} had went elsewhere")
        if taker:
            holds[taker] = prize
    return holds


def told(forfeit: Forfeit) -> Event:
    """What the world is told of a place that is out."""
    data = {
        "campaign": forfeit.campaign, "draw": forfeit.draw, "place": forfeit.place, "prize": forfeit.prize, "reason": forfeit.reason,
        "taker": forfeit.taker,
    }  # fmt: skip
    return Event(forfeit.at, "draw_forfeit", forfeit.campaign, data)
