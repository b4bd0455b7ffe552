"""Whether a submit was answered, by its sender's own lines at a gateway.

A gateway's line does not name the message it carried. His submits and his POSTs of a few seconds are therefore given to each other: first
those whose octets differ as they always do (his handset's headers are much the same each time), then the nearest. What could as well be
given the other way round shows nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from mmsd.model import SECOND, Content, Kind, Method
from mmsd.rules.submits import SHORTEST_ANSWER
from mmsd.rules.traces import AT, AUTHORITY, EXTRA, KIND, MESSAGE, ORIGIN, SIZE, STATUS, A, C, Trace

_PDU: Final = (Content.NOT_LOGGED, Content.NONE, Content.MMS)
"""What a gateway may call the type of an M-Send.conf."""


class _Sent(NamedTuple):
    """A submit as the MMSC logged it."""

    at: int
    size: int


def answered_by(traces: Sequence[Trace], at: int, size: int, join: int, mmscs: Collection[int] = ()) -> bool:
    """Whether the submit logged at `at` (`size` octets, −1 unknown) was answered; with no POST within `join` µs, or none that is surely
    its own: yes. `mmscs`: hashes of the MMSCs' authorities; none: any host may be one.

    An answer shorter than any M-Send.conf was broken off, one with an error was none.
    """
    mine = _Sent(at, size)
    near = [t for t in traces if t[KIND] == Kind.ATTEMPT and t[A] == Method.POST and abs(t[AT] - at) <= 2 * join]
    posts = _submitting([post for post in near if not mmscs or post[AUTHORITY] in mmscs], traces)
    logged = {(t[MESSAGE], t[AT]): _Sent(t[AT], t[SIZE]) for t in traces if t[KIND] == ORIGIN and abs(t[AT] - at) <= 2 * join}
    others = list(logged.values())
    if mine in others:
        others.remove(mine)
    given = _given([mine, *others], posts, join)
    if 0 not in given:
        return True
    own = posts[given[0]]
    if _answered(own):
        return True
    swapped = [(other, posts[given[number]]) for number, other in enumerate(others, 1) if number in given]
    return any(
        _answered(post) and _fits(mine, post, join) and _fits(other, own, join) and _as_well(mine, own, other, post)
        for other, post in swapped
    )


def _submitting(posts: list[Trace], traces: Sequence[Trace]) -> list[Trace]:
    """POSTs that may have been submits: not those that were answered with something else than a PDU. Each NotifyResp or Acknowledge that
    the MMSC logged is one of these; where none of them is near, it takes away another whose size is not logged."""
    others = [post for post in posts if _well(post) and post[SIZE] > 0 and post[C] not in _PDU]
    submits = [post for post in posts if post not in others]
    for answer in sorted((trace for trace in traces if trace[KIND] == Kind.RESPONSE), key=lambda trace: trace[AT]):
        if said := [post for post in others if _beside(post, answer[AT]) <= 2 * SECOND]:
            others.remove(min(said, key=lambda post: post[AT]))  # both stand in the order in which they were sent
        elif near := [post for post in submits if post[EXTRA] < 0 and post[C] != Content.MMS and _beside(post, answer[AT]) <= SECOND]:
            submits.remove(min(near, key=lambda post: _beside(post, answer[AT])))
    return submits


def _given(submits: Sequence[_Sent], posts: Sequence[Trace], join: int) -> dict[int, int]:
    """Place of a submit → place of the POST that carried it."""
    fitting = [(n, sent, place, post) for n, sent in enumerate(submits) for place, post in enumerate(posts) if _fits(sent, post, join)]
    usual = _headers(post[EXTRA] - sent.size for _, sent, _, post in fitting if post[EXTRA] >= 0)
    pairs = sorted((_cost(sent, post, usual), number, place) for number, sent, place, post in fitting)
    given: dict[int, int] = {}
    taken: set[int] = set()
    for _, number, place in pairs:
        if number not in given and place not in taken:
            given[number] = place
            taken.add(place)
    return given


def _fits(sent: _Sent, post: Trace, join: int) -> bool:
    return abs(post[AT] - sent.at) <= join and not 0 <= post[EXTRA] < sent.size


def _headers(differences: Iterable[int]) -> int:
    """How many octets more a gateway counts than the MMSC: the difference that is met most often, the least of several."""
    counts = Counter(differences)
    return min(counts, key=lambda octets: (-counts[octets], octets), default=0)


def _cost(sent: _Sent, post: Trace, headers: int) -> tuple[int, int]:
    return (abs(post[EXTRA] - sent.size - headers) if post[EXTRA] >= 0 else 0), _beside(post, sent.at)


def _as_well(mine: _Sent, own: Trace, other: _Sent, post: Trace) -> bool:
    """Whether two submits and two POSTs fit the other way round as well: by octets, and by times that are known to a second."""
    if (own[EXTRA] >= 0 or post[EXTRA] >= 0) and mine.size != other.size:
        return False
    straight = _beside(own, mine.at) + _beside(post, other.at)
    return _beside(post, mine.at) + _beside(own, other.at) < straight + SECOND


def _answered(post: Trace) -> bool:
    return _well(post) and not 0 <= post[SIZE] < SHORTEST_ANSWER


def _well(post: Trace) -> bool:
    return bool(200 <= post[STATUS] < 300)


def _beside(post: Trace, at: int) -> int:
    """Distance of a gateway's line from the middle of the second in which the MMSC wrote its own."""
    return abs(int(post[AT]) - at - SECOND // 2)
