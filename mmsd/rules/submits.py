"""Submits of one seed from one sender that reach one receiver: which of them are one attempt, sent again (design §6).

A handset that saw no answer sends again, with the same transaction id or, later, with another: for the log two messages, for people one. So
submits fall into *groups*, and a group is one forward to each receiver. Of a submit and the one before it, from the same sender to the same
set of receivers, the later one is the earlier one sent again when

- both carry one transaction id, are as long to the octet and stand within three days: ids come again between sessions of a handset, so an
  id alone says nothing;
- or it follows within the campaign's window, and the earlier one shows that it was not answered: by a short or aborted answer at a gateway;
- or it follows within the window, is as long to the octet, and either the handset had sent the earlier one twice under one id already,
  which it does when it sees no answer, or its model is known to send again of itself.

It is not the earlier one sent again under another id when the earlier one's own id comes again behind it, before the later one is judged:
the handset repeats under the same id, so the two are two messages on their way at once.

Where two answers at the gateway could each be the other's, and a submit of the same octets to the same receivers follows, nobody can tell
whether it is the earlier one sent again: it is held until somebody has looked.

Everything else is a forward of its own, however soon it follows. Only the submit right before counts: an answer ends a group. Else a lost
first try, long made up for by the second, would swallow what its owner sends on purpose a quarter of an hour later.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.model import DAY, NOT_LOGGED, SECOND

SAME_TRANSACTION: Final = 3 * DAY
"""A transaction id that comes again within this names the same attempt."""
SHORTEST_ANSWER: Final = 9
"""Octets of the least M-Send.conf there can be: message type 2, transaction id 3, version 2, response status 2 (OMA MMSENC 6.1.2)."""


class Answer(IntEnum):
    """Whether a gateway shows that a submit was answered. DOUBTED: one of two was, and nobody can tell which."""

    NO = 0
    YES = 1
    DOUBTED = 2


class Submit(NamedTuple):
    """One submit of a seed. `identity` is its message id's hash for good; `at` µs; `transaction`, `receivers` are hashes, 0 = not known."""

    identity: int
    at: int
    receivers: int = 0  # of the set, where there are several
    transaction: int = 0
    size: int = NOT_LOGGED
    answered: Answer = Answer.YES  # NO: a gateway shows that its sender got none
    resends: bool = False  # its sender's model sends again of itself


def sets_of(records: npt.NDArray[Any], receivers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """For each receiver a hash of the set that his record names, in any order; 0 where he is alone. Those of one record stand together.

    >>> found = sets_of(np.array([1, 1, 2, 3, 3]), np.array([7, 8, 7, 8, 7], np.uint64))
    >>> bool(found[0] == found[1] == found[3] == found[4] != 0), int(found[2])
    (True, 0)
    """
    found = np.zeros(len(receivers), np.uint64)
    starts = np.flatnonzero(np.concatenate(([True], records[1:] != records[:-1]))) if len(records) else np.empty(0, np.int64)
    sizes = np.diff(np.concatenate((starts, [len(records)])))
    if (sizes > 1).any():
        found = np.repeat(_mixed(np.add.reduceat(_mixed(receivers), starts)), sizes)
        found[np.repeat(sizes == 1, sizes)] = 0
    return found


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Each bit of a value into all of them."""
    values = (values ^ (values >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return values ^ (values >> np.uint64(32))


class Group(NamedTuple):
    """Submits that are one attempt: the identity of the first, and of all, in order of time. `doubted`: it may be the one before it, sent
    again: the same octets to the same receivers, and whether the one before was answered is doubted."""

    first: int
    members: tuple[int, ...]
    doubted: bool = False


def group_of(submit: Submit, all_known: Iterable[Submit], window: float, hold: float = 0.0) -> Group:
    """The group of one of `all_known`, which are submits of one sender, receiver and seed in any order; `window` in seconds.

    `hold`: so many seconds behind a submit everything is known whenever it is judged; what comes later says nothing of it, or the group
    would depend on when it is asked for.

    >>> first, again = Submit(1, 0, size=900, answered=Answer.NO), Submit(2, 30_000_000, size=900)
    >>> group_of(again, [again, first], 60)
    Group(first=1, members=(1, 2), doubted=False)
    >>> group_of(again, [again, first._replace(answered=Answer.YES)], 60)
    Group(first=2, members=(2,), doubted=False)
    >>> group_of(again, [again, first._replace(answered=Answer.DOUBTED)], 60)
    Group(first=2, members=(2,), doubted=True)
    >>> one, other = first._replace(transaction=7), again._replace(transaction=8)
    >>> group_of(other, [one, other, one._replace(identity=3, at=50_000_000)], 60, hold=60)
    Group(first=2, members=(2,), doubted=False)
    """
    alike = sorted({one for one in (submit, *all_known) if one.receivers == submit.receivers}, key=lambda one: (one.at, one.identity))
    groups: list[list[Submit]] = []
    doubted: set[int] = set()
    for place, one in enumerate(alike):
        found = next((group for group in reversed(groups) if any(_same_transaction(other, one) for other in group)), None)
        if found is None and groups and _sent_again(groups[-1], one, int(window * SECOND)):
            until = one.at + int(hold * SECOND)
            behind = (other for other in alike[place + 1 :] if other.at <= until)
            if not (one.transaction and any(_same_transaction(groups[-1][-1], other) for other in behind)):
                found = groups[-1]
        if found is None:
            if groups and _may_be_again(groups[-1][-1], one, int(window * SECOND)):
                doubted.add(one.identity)
            groups.append([one])
        else:
            groups.remove(found)
            groups.append([*found, one])  # the newest is the last
    (mine,) = (group for group in groups if submit in group)
    return Group(mine[0].identity, tuple(one.identity for one in mine), mine[0].identity in doubted)


def _same_transaction(earlier: Submit, later: Submit) -> bool:
    as_long = earlier.size == later.size or NOT_LOGGED in (earlier.size, later.size)
    return as_long and bool(later.transaction) and earlier.transaction == later.transaction and later.at - earlier.at <= SAME_TRANSACTION


def _sent_again(group: list[Submit], later: Submit, window: int) -> bool:
    """Whether `later` is the last submit of a group sent again under another transaction id."""
    last = group[-1]
    if not 0 < later.at - last.at <= window:
        return False
    if last.answered is Answer.NO:
        return True
    if not 0 <= last.size == later.size:
        return False
    unanswered_before = any(one.transaction and one.transaction == last.transaction for one in group[:-1])
    return unanswered_before or later.resends


def _may_be_again(last: Submit, later: Submit, window: int) -> bool:
    return last.answered is Answer.DOUBTED and 0 < later.at - last.at <= window and 0 <= last.size == later.size
