"""Which submits are one attempt sent again."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from mmsd.model import DAY, SECOND
from mmsd.rules.submits import Answer, Group, Submit, group_of, sets_of

WINDOW = 60.0
LOST = {"answered": Answer.NO}
DOUBTED = {"answered": Answer.DOUBTED}


def submit(identity: int, at: float, **fields: Any) -> Submit:
    return Submit(identity, round(at * SECOND))._replace(**{"size": 900, **fields})


def groups(*submits: Submit) -> list[tuple[int, ...]]:
    """The members of each group, by its first."""
    return sorted({group_of(one, submits, WINDOW).members for one in submits})


@pytest.mark.parametrize(
    ("submits", "expected"),
    [
        ([submit(1, 0)], [(1,)]),
        ([submit(1, 0), submit(2, 30)], [(1,), (2,)]),  # a second forward, meant
        ([submit(1, 0, **LOST), submit(2, 30)], [(1, 2)]),
        ([submit(1, 0, **LOST), submit(2, 60)], [(1, 2)]),
        ([submit(1, 0, **LOST), submit(2, 61)], [(1,), (2,)]),
        ([submit(1, 0, **LOST), submit(2, 50, **LOST), submit(3, 100)], [(1, 2, 3)]),  # each within the window of the one before
        ([submit(1, 0, **LOST), submit(2, 20), submit(3, 40)], [(1, 2), (3,)]),  # the second was answered: the third is meant
        ([submit(1, 0, **LOST), submit(2, 0)], [(1,), (2,)]),  # one second: nobody sends again so fast
        ([submit(1, 0, transaction=7), submit(2, 900, transaction=7)], [(1, 2)]),
        ([submit(1, 0, transaction=7), submit(2, 900, transaction=7, size=901)], [(1,), (2,)]),  # composed anew in another session
        ([submit(1, 0, transaction=7), submit(2, 900, transaction=7, size=-1)], [(1, 2)]),
        ([submit(1, 0, transaction=7), submit(2, 5), submit(3, 9, transaction=7)], [(1, 3), (2,)]),
        ([submit(1, 0, transaction=7), submit(2, 3 * DAY / SECOND + 1, transaction=7)], [(1,), (2,)]),  # another session's
        ([submit(1, 0, transaction=7), submit(2, 3, transaction=7), submit(3, 34, transaction=8)], [(1, 2, 3)]),  # never answered
        ([submit(1, 0, transaction=7), submit(2, 3, transaction=7), submit(3, 34, transaction=8, size=901)], [(1, 2), (3,)]),
        ([submit(1, 0, transaction=7), submit(2, 3, transaction=7), submit(3, 64, transaction=8)], [(1, 2), (3,)]),
        ([submit(1, 0), submit(2, 3, transaction=7), submit(3, 34, transaction=8)], [(1,), (2,), (3,)]),
        ([submit(1, 0, resends=True), submit(2, 30, resends=True)], [(1, 2)]),
        ([submit(1, 0, resends=True), submit(2, 30, resends=True, size=901)], [(1,), (2,)]),
        ([submit(1, 0, resends=True, size=-1), submit(2, 30, resends=True, size=-1)], [(1,), (2,)]),  # nothing says it is the same
        ([submit(1, 0, receivers=5, **LOST), submit(2, 30, receivers=6)], [(1,), (2,)]),  # to others
        ([submit(1, 0, receivers=5, transaction=7), submit(2, 3, receivers=6, transaction=7)], [(1,), (2,)]),
        ([submit(1, 0, receivers=5, **LOST), submit(2, 9, receivers=6), submit(3, 30, receivers=5)], [(1, 3), (2,)]),
    ],
)
def test_groups(submits: list[Submit], expected: list[tuple[int, ...]]):
    assert groups(*submits) == expected


@pytest.mark.parametrize(
    ("hold", "third", "expected"),
    [
        (60.0, 50, [(1, 3), (2, 4)]),  # the handset repeats under the id it had: two messages are on their way at once
        (60.0, 99, [(1, 3), (2, 4)]),  # behind the second by the hold
        (60.0, 100, [(1, 2, 4, 3)]),  # the second may have been judged before that is known
        (0.0, 50, [(1, 2, 3, 4)]),
    ],
)
def test_an_id_that_comes_again_behind_another_message(hold: float, third: float, expected: list[tuple[int, ...]]):
    told = [
        submit(1, 0, transaction=7, **LOST), submit(2, 39, transaction=8, **LOST), submit(3, third, transaction=7),
        submit(4, 99.5, transaction=8),
    ]  # fmt: skip
    assert sorted({group_of(one, told, WINDOW, hold).members for one in told}) == expected
    nameless = [one._replace(transaction=0) if one.identity == 2 else one for one in told]
    assert group_of(nameless[1], nameless, WINDOW, hold).first == 1, "an id that is not known may be any"


def test_the_order_in_which_they_are_told_does_not_matter():
    draw = random.Random(4)
    for _ in range(200):
        told = [
            submit(n, draw.randrange(90), answered=draw.choice(list(Answer)), transaction=draw.choice((0, 0, 7, 8)))._replace(
                receivers=draw.choice((0, 5))
            )
            for n in range(4)
        ]
        found = {tuple(groups(*order)) for order in itertools.permutations(told)}
        assert len(found) == 1, told
        assert sorted(one for group in found.pop() for one in group) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (submit(2, 30), True),
        (submit(2, 61), False),  # too late
        (submit(2, 30, size=901), False),  # another message
        (submit(2, 30, receivers=5), False),  # to others
        (submit(2, 0), False),  # the doubt is about these two
    ],
)
def test_what_may_be_one_before_that_may_not_have_been_answered(later: Submit, expected: bool):
    before = submit(1, 0, **DOUBTED)
    assert group_of(later, [before, later], WINDOW) == Group(2, (2,), doubted=expected)
    assert group_of(before, [before, later], WINDOW) == Group(1, (1,))


def test_a_doubt_is_about_the_next_one_only():
    before, later, last = submit(1, 0, **DOUBTED), submit(2, 30), submit(3, 40)
    assert [group_of(one, [before, later, last], WINDOW).doubted for one in (before, later, last)] == [False, True, False]
    again = submit(3, 40, transaction=7)
    two = [before, submit(2, 30, transaction=7), again]
    assert group_of(again, two, WINDOW) == Group(2, (2, 3), doubted=True)  # the held one, sent again


def test_the_first_names_the_group():
    first, again = submit(9, 0, **LOST), submit(2, 30)
    assert group_of(again, [again, first], WINDOW) == Group(9, (9, 2))


def of(*records: Iterable[int]) -> list[int]:
    """The hash of each record's set, once."""
    where = np.array([place for place, record in enumerate(records) for _ in record])
    found = sets_of(where, np.array([number for record in records for number in record], np.uint64)).tolist()
    hashes = [{found[place] for place in np.flatnonzero(where == record)} for record in range(len(records))]
    assert all(len(each) == 1 for each in hashes)
    return [each.pop() for each in hashes]


def test_sets_of_receivers():
    ann, bob, cat = 8613800000001, 8613800000002, 8613800000003
    both, turned, other, alone, three = of([ann, bob], [bob, ann], [ann, cat], [ann], [ann, bob, cat])
    assert both == turned != 0
    assert alone == 0
    assert len({both, other, three, alone}) == 4
    assert sets_of(np.empty(0), np.empty(0, np.uint64)).tolist() == []


def test_neighbouring_numbers_make_other_sets():
    """Sums of plain numbers would be alike: 1 + 4 = 2 + 3."""
    numbers = range(8613800000000, 8613800000040)
    pairs = list(itertools.combinations(numbers, 2))
    assert len(set(of(*pairs))) == len(pairs)
