"""A cause that suddenly takes many of the deliveries on a node is the node's fault."""

from __future__ import annotations

import random
from typing import Final

from mmsd.model import HOUR, MINUTE
from mmsd.rules.faults import Closings
from mmsd.rules.settings import Judgement

SETTINGS: Final = Judgement()
WIDTH: Final = 10 * MINUTE
NOON: Final = 1_795_334_400_000_000
NODE: Final = 3
LATER: Final = NOON + 72 * HOUR

Closing = tuple[int, str, str, int]
"""(when, row, cause, model)."""


def bad(at: int, n: int, rule: str = "U8", cause: str = "BAD_PROXY", models: int = 8) -> list[Closing]:
    return [(at, rule, cause, 35_000_000 + place % models if models else 0) for place in range(n)]


def well(at: int, n: int) -> list[Closing]:
    return [(at, "D1", "OK", 0)] * n


def usual(share: float = 0.05) -> list[Closing]:
    """The day before noon, in which BAD_PROXY has this share."""
    day: list[Closing] = []
    for hour in range(1, 24):
        at = NOON - hour * HOUR
        day += [*well(at, 100 - round(100 * share)), *bad(at, round(100 * share))]
    return day


def counted(closed: list[Closing]) -> Closings:
    closings = Closings(SETTINGS)
    for at, rule, cause, model in closed:
        closings.add(NODE, at, rule, cause, model, 1)
    return closings


def faults(closed: list[Closing], horizon: int = LATER) -> list[tuple[int, str, int, int]]:
    found, gone = counted(closed).look(horizon)
    assert not gone
    return [(fault.start, fault.cause, fault.n, fault.closed) for fault in found]


def test_a_cause_that_jumps_on_several_models_is_the_nodes() -> None:
    assert faults([*usual(), *well(NOON, 60), *bad(NOON, 40)]) == [(NOON, "BAD_PROXY", 40, 100)]


def test_what_is_usual_there_is_no_fault() -> None:
    assert faults([*usual(0.1), *well(NOON, 60), *bad(NOON, 40)]) == []  # four times as many, not five


def test_a_small_share_or_a_few_deliveries_are_none() -> None:
    assert faults([*usual(), *well(NOON, 75), *bad(NOON, 25)]) == []
    assert faults([*usual(), *well(NOON, 5), *bad(NOON, 14)]) == []


def test_one_model_is_the_models_fault_and_unknown_models_are_not_asked_for() -> None:
    assert faults([*usual(), *well(NOON, 60), *bad(NOON, 40, models=3)]) == []
    assert faults([*usual(), *well(NOON, 60), *bad(NOON, 40, models=0)]) != []


def test_without_a_day_before_the_node_must_have_said_it() -> None:
    assert faults([*well(NOON, 60), *bad(NOON, 40)]) == []
    assert faults([*well(NOON, 60), *bad(NOON, 40, "T1", "NODE_FAULT")]) == [(NOON, "NODE_FAULT", 40, 100)]


def test_who_never_asked_says_nothing_of_an_answer() -> None:
    down = [*well(NOON, 20), *bad(NOON, 10, "T1", "NODE_FAULT"), *bad(NOON, 30, "U12", "NO_RETRIEVE"), *bad(NOON, 30, "N5", "NO_PUSH")]
    assert faults(down) == [(NOON, "NODE_FAULT", 10, 30)]


def test_an_activation_that_the_network_refuses_is_no_word_of_the_mmscs() -> None:
    assert faults([*well(NOON, 60), *bad(NOON, 40, "U5", "NODE_FAULT")]) == []


def beside(closings: Closings, *others: list[Closing]) -> Closings:
    """The same with other nodes."""
    for place, closed in enumerate(others, NODE + 1):
        for at, rule, cause, model in closed:
            closings.add(place, at, rule, cause, model, 1)
    return closings


REFUSED: Final = [*well(NOON, 60), *bad(NOON, 40, "N1", "NO_PUSH")]


def test_pushes_that_fail_on_every_node_are_no_nodes_fault() -> None:
    assert beside(counted(REFUSED), REFUSED, REFUSED).look(LATER) == ([], [])  # the link's: `rules.pulse` tells of it
    assert faults(REFUSED) == []  # one node: nothing to compare with


def test_pushes_that_fail_on_one_node_alone_are_its_fault() -> None:
    (fault,), _ = beside(counted(REFUSED), well(NOON, 100)).look(LATER)
    assert fault == (NODE, NOON, NOON + WIDTH, "NO_PUSH", 40, 100, "N")
    assert beside(counted(REFUSED), well(NOON, 19)).look(LATER) == ([], [])  # too few to compare with


def test_what_another_node_closed_late_changes_whose_fault_it_was() -> None:
    closings = beside(counted(REFUSED), well(NOON, 100))
    (fault,), _ = closings.look(LATER)
    assert beside(closings, bad(NOON, 60, "N1", "NO_PUSH")).look(LATER) == ([], [fault])


def test_nothing_is_said_before_the_window_is_over() -> None:
    closings = counted([*usual(), *well(NOON, 60), *bad(NOON, 40)])
    assert closings.look(NOON + WIDTH - 1) == ([], [])
    assert closings.at(NODE, NOON + 5) == ()
    (fault,), _ = closings.look(NOON + WIDTH)
    assert closings.at(NODE, NOON + 5) == (fault,)
    assert closings.at(NODE, NOON + WIDTH) == closings.at(NODE + 1, NOON) == ()
    assert closings.look(LATER) == ([], [])


def test_late_lines_take_a_fault_back() -> None:
    closings = counted([*usual(), *well(NOON, 60), *bad(NOON, 40)])
    (fault,), _ = closings.look(LATER)
    for _, rule, cause, model in bad(NOON, 20):
        closings.add(NODE, NOON, rule, cause, model, -1)
        closings.add(NODE, NOON, "D1", "OK", 0, 1)
    assert closings.look(LATER) == ([], [fault])
    assert closings.at(NODE, NOON) == ()


def test_a_late_day_before_takes_a_fault_back() -> None:
    closings = counted([*usual(), *well(NOON, 60), *bad(NOON, 40)])
    (fault,), _ = closings.look(LATER)
    for at, rule, cause, model in bad(NOON - 2 * HOUR, 900):
        closings.add(NODE, at, rule, cause, model, 1)
    found, gone = closings.look(LATER)
    assert gone == [fault]
    assert [each.start for each in found] == [NOON - 2 * HOUR]


def test_order_and_restarts_do_not_matter(seed: int) -> None:
    draw = random.Random(seed)
    closed = [*usual(), *well(NOON, 60), *bad(NOON, 40), *bad(NOON + WIDTH, 50), *well(NOON + WIDTH, 9)]
    plain = counted(closed)
    plain.look(LATER)
    for _ in range(5):
        draw.shuffle(closed)
        packed: list[object] = []
        closings = Closings(SETTINGS)
        for place, (at, rule, cause, model) in enumerate(closed):
            closings.add(NODE, at, rule, cause, model, 1)
            if place % 400 == 0:
                closings.look(NOON + draw.randrange(2 * WIDTH))
                packed += closings.changes()
                closings.forget_changes()
                again = Closings(SETTINGS)
                again.load(packed)  # type: ignore[arg-type]
                assert again.whole() == closings.whole()
                closings = again
        closings.look(LATER)
        assert closings.whole() == plain.whole()


def test_what_is_old_goes() -> None:
    closings = counted([*usual(), *well(NOON, 60), *bad(NOON, 40)])
    closings.look(LATER)
    closings.prune(LATER)
    assert closings.at(NODE, NOON)
    closings.prune(LATER + 48 * HOUR)
    assert closings.whole() == []
