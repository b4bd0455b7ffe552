"""Which of a sender's POSTs at a gateway carried which submit, and whether that was answered.

A gateway's line does not name the message it carried. His submits and his POSTs of a few seconds are therefore given to each other: first
those whose octets differ as they always do (his handset's headers are much the same each time), then those of which octets are not logged,
and among equals so that the clocks differ least, taken together: from what was measured of them, where that is given. Where they could as
well be given the other way round, it is doubted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

from mmsd.model import HOUR, SECOND, Content, Kind, Method
from mmsd.rules.matching import matched
from mmsd.rules.submits import SHORTEST_ANSWER, Answer
from mmsd.rules.traces import AT, AUTHORITY, EXTRA, FEED, KIND, MESSAGE, ORIGIN, SIZE, STATUS, WHERE, A, B, C, Trace

_PDU: Final = (Content.NOT_LOGGED, Content.NONE, Content.MMS)
"""What a gateway may call the type of an M-Send.conf."""

_ALIKE: Final = 64
"""Octets by which the headers of one handset differ, at most: the time of day is longer, a cookie came."""
_RANKS: Final = 1 << 10
"""More than there are submits in one place: a rank goes before any sum of times, octets before any sum of ranks."""


Ahead = Callable[[int, int], int | None]
"""Two feeds → by how much (µs) a line of the second is later than one of the first that tells of the same moment; None: not measured."""


class _Sent(NamedTuple):
    """A submit as the MMSC logged it."""

    at: int
    size: int
    feed: int = 0


def answered_by(traces: Sequence[Trace], at: int, size: int, join: int, mmscs: Collection[int] = ()) -> Answer:
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
        return Answer.YES
    own = posts[given[0]]
    swapped = [(other, posts[given[number]]) for number, other in enumerate(others, 1) if number in given]
    if any(
        _answered(post) != _answered(own) and _fits(mine, post, join) and _fits(other, own, join) and _as_well(mine, own, other, post)
        for other, post in swapped
    ):
        return Answer.DOUBTED
    return Answer.YES if _answered(own) else Answer.NO


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


def submits_of(
    posts: Iterable[Trace], origins: Iterable[Trace], join: int, ahead: Ahead = lambda first, second: None
) -> dict[tuple[int, int], Trace]:
    """By feed and place of each POST that was answered by an M-Send.conf: the MMSC's line of that submit, no farther than `join` (µs).

    Each line is one submit's: of two submits and one line the other was lost. A POST that the MMSC took and whose answer failed has a line
    as well: by its octets that is told from the line of another.
    """
    asked = [post for post in posts if post[C] == Content.MMS or (post[B] == Content.MMS and not _well(post))]
    lines = list(origins)
    sent = [_Sent(line[AT], line[SIZE], line[FEED]) for line in lines]
    given = _given(sent, asked, join, lambda post: post[C] != Content.MMS, ahead)
    return {(asked[place][FEED], asked[place][WHERE]): lines[number] for number, place in given.items() if asked[place][C] == Content.MMS}


def _given(
    submits: Sequence[_Sent],
    posts: Sequence[Trace],
    join: int,
    rank: Callable[[Trace], int] = lambda post: 0,
    ahead: Ahead = lambda first, second: None,
) -> dict[int, int]:
    """Place of a submit → place of the POST that carried it; where octets do not tell, of lowest `rank`, then the nearest in time."""
    if not submits or not posts:
        return {}
    order = sorted(range(len(posts)), key=lambda place: posts[place][AT])
    times = [posts[place][AT] for place in order]
    fitting = [
        (number, sent, place, posts[place])
        for number, sent in enumerate(submits)
        for place in order[bisect_left(times, sent.at - join) : bisect_right(times, sent.at + join)]
        if _fits(sent, posts[place], join)
    ]
    if len({number for number, *_ in fitting}) == len({place for _, _, place, _ in fitting}) == len(fitting):
        return {number: place for number, _, place, _ in fitting}  # none could as well be another's: nothing is to be weighed
    usual = _headers(post[EXTRA] - sent.size for _, sent, _, post in fitting if post[EXTRA] >= 0 <= sent.size)
    stages: list[dict[tuple[int, int], int]] = [{}, {}, {}]
    for number, sent, place, post in fitting:
        apart = abs(post[EXTRA] - sent.size - usual) if post[EXTRA] >= 0 <= sent.size else None
        kind = 1 if apart is None else 0 if apart <= _ALIKE else 2
        stages[kind][number, place] = ((apart or 0) * _RANKS + rank(post)) * HOUR + _apart(post, sent, ahead)
    given: dict[int, int] = {}
    for stage in stages:
        taken = set(given.values())
        given |= matched({(n, place): cost for (n, place), cost in stage.items() if n not in given and place not in taken})
    return given


def _fits(sent: _Sent, post: Trace, join: int) -> bool:
    return abs(post[AT] - sent.at) <= join and not 0 <= post[EXTRA] < sent.size


def _headers(differences: Iterable[int]) -> int:
    """How many octets more a gateway counts than the MMSC: the difference that is met most often, the least of several."""
    counts = Counter(differences)
    return min(counts, key=lambda octets: (-counts[octets], octets), default=0)


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


def _apart(post: Trace, sent: _Sent, ahead: Ahead) -> int:
    known = ahead(post[FEED], sent.feed)
    return _beside(post, sent.at) if known is None else abs(int(post[AT]) + known - sent.at)


def _beside(post: Trace, at: int) -> int:
    """Distance of a gateway's line from the middle of the second in which the MMSC wrote its own."""
    return abs(int(post[AT]) - at - SECOND // 2)
