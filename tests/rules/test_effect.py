"""What care is good for: intervals against published values and against counting, funnels against cases."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from scipy import stats

from mmsd.rules.cases import Case, Kind, State
from mmsd.rules.effect import Group, Interval, Ratio, detectable, deviations, effect, group_of, newcombe, too_few, two_shares, wilson
from mmsd.rules.funnel import Stages, funnel, reasons, stages


@pytest.mark.parametrize(
    ("n", "of", "low", "high"),
    [  # Newcombe, Two-sided confidence intervals for the single proportion, Stat. Med. 17 (1998) 857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(n: int, of: int, low: float, high: float):
    assert wilson(Ratio(n, of)) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [  # Newcombe, Interval estimation for the difference between independent proportions, Stat. Med. 17 (1998) 873, table II, method 10
        (Ratio(56, 70), Ratio(48, 80), 0.0524, 0.3339),
        (Ratio(9, 10), Ratio(3, 10), 0.1705, 0.8090),
        (Ratio(6, 7), Ratio(2, 7), 0.0582, 0.8062),
        (Ratio(5, 56), Ratio(0, 29), -0.0381, 0.1926),
        (Ratio(0, 10), Ratio(0, 20), -0.1611, 0.2775),
        (Ratio(0, 10), Ratio(0, 10), -0.2775, 0.2775),
        (Ratio(10, 10), Ratio(0, 20), 0.6791, 1.0000),
        (Ratio(10, 10), Ratio(0, 10), 0.6075, 1.0000),
    ],
)
def test_newcombe_as_published(one: Ratio, other: Ratio, low: float, high: float):
    assert newcombe(one, other) == pytest.approx((low, high), abs=5e-5)


def test_deviations_of_the_usual_certainties():
    assert [round(deviations(sure), 3) for sure in (0.90, 0.95, 0.99)] == [1.645, 1.96, 2.576]


def test_intervals_hold_the_share_and_narrow_with_the_count():
    for of in (1, 7, 100):
        for n in range(of + 1):
            low, high = wilson(Ratio(n, of))
            assert 0.0 <= low <= n / of <= high <= 1.0
    widths = [high - low for low, high in (wilson(Ratio(of // 2, of)) for of in (10, 100, 1000, 10_000))]
    assert widths == sorted(widths, reverse=True)
    assert wilson(Ratio(5, 10), 0.99).low < wilson(Ratio(5, 10), 0.9).low


def test_newcombe_covers_what_it_says(seed: int, effort: int):
    """Of differences drawn again and again about 95 in 100 intervals hold the true one, for a holdout of one in twenty."""
    draw = random.Random(seed)
    held = 0
    trials = 1500 * effort
    for _ in range(trials):
        helped = Ratio(sum(draw.random() < 0.9 for _ in range(190)), 190)
        back = Ratio(sum(draw.random() < 0.5 for _ in range(10)), 10)
        low, high = newcombe(helped, back)
        held += low <= 0.4 <= high
    assert abs(held / trials - 0.95) < 0.02 + 3 * math.sqrt(0.95 * 0.05 / trials)


def test_nothing_is_said_of_an_empty_group():
    for helped, back in ((Ratio(0, 0), Ratio(1, 2)), (Ratio(1, 2), Ratio(0, 0))):
        found = effect(helped, back)
        assert (found.lift, found.interval, found.proven) == (None, None, False)
    assert Ratio(0, 0).share is None
    assert wilson(Ratio(0, 0)) == Interval(0.0, 1.0)
    assert newcombe(Ratio(0, 0), Ratio(1, 2)) == Interval(-1.0, 1.0)


def test_lift_with_its_interval():
    found = effect(Ratio(900, 1000), Ratio(30, 50))
    assert found.lift == pytest.approx(0.3)
    assert found.proven
    assert not effect(Ratio(9, 10), Ratio(8, 10)).proven
    assert effect(Ratio(400, 1000), Ratio(45, 50)).proven  # it may be harm, too


# ------------------------------------------------------------------------------------------------------------------- groups, funnel


def case(state: State, **more: object) -> Case:
    made = Case(number=1, kind=Kind.SETTINGS, state=state, opened=0, origin="finding", causes=("BAD_APN",), city="Nanjing", model="m")
    return msgspec.structs.replace(made, **more)


CASES = [
    case(State.CONFIRMED, asked=1, consented=2, helped=3, sent=3),
    case(State.HANDED_OVER, asked=1, consented=2, helped=3, missed=True, reason="BAD_APN"),
    case(State.PUSHED, asked=1, consented=2),  # its push has not left yet
    case(State.PUSHED, asked=1, consented=2, helped=3, missed=True),  # its second one has not
    case(State.DECLINED, asked=1),
    case(State.SILENT, asked=1, city="Wuxi"),
    case(State.HELD_BACK, held_back=True),
    case(State.CONFIRMED, held_back=True, consented=2, helped=3),  # he asked by himself
    case(State.ENDED, reason="imsi_changed"),
    case(State.CONFIRMED, origin="keyword", consented=2, helped=3, causes=()),
]


def test_the_draw_decides_the_group():
    groups = [
        Group.HELPED,
        Group.HELPED,
        Group.NOT_HELPED,
        Group.HELPED,
        Group.NOT_HELPED,
        Group.NOT_HELPED,
        Group.HELD_BACK,
        Group.HELD_BACK,
    ]
    assert [group_of(one) for one in CASES[:8]] == groups
    assert group_of(case(State.LISTED, kind=Kind.ACTIVATION, listed=5)) is Group.HELPED


def test_each_case_is_counted_once_and_as_far_as_it_came():
    whole = funnel(CASES, ())[()]
    assert whole == Stages(
        found=9, asked=6, consented=5, pushed=4, confirmed=2, held_back=2, declined=1, silent=1, not_taken=2, handed_over=1, ended=1, open=3
    )  # fmt: skip
    assert funnel(CASES, (), origin=None)[()].found == 10
    assert funnel(CASES, (), origin="keyword")[()] == Stages(found=1, consented=1, pushed=1, confirmed=1)


def test_by_city_model_and_cause():
    found = funnel([*CASES, case(State.SILENT, causes=("BAD_PROXY", "BAD_APN"))])
    assert set(found) == {("Nanjing", "m", "BAD_APN"), ("Wuxi", "m", "BAD_APN"), ("Nanjing", "m", "BAD_PROXY")}
    total = Stages()
    for one in found.values():
        total += one
    assert total == funnel([*CASES, case(State.SILENT)], ())[()]
    assert funnel(CASES, ("city",))["Wuxi",].silent == 1


def test_every_case_is_open_or_at_one_end():
    for state in State:
        told = stages(case(state))
        ends = told.confirmed + told.declined + told.silent + told.unproven + told.handed_over + told.ended
        assert ends + told.open == 1, state


def test_why_cases_are_where_they_are():
    counted = reasons(CASES)
    assert counted[State.HANDED_OVER, "BAD_APN"] == 1
    assert counted[State.ENDED, "imsi_changed"] == 1
    assert counted.total() == len(CASES)


SHARES = [
    (Ratio(56, 70), Ratio(48, 80)), (Ratio(2000, 95_000), Ratio(80, 5_000)), (Ratio(0, 40), Ratio(3, 40)), (Ratio(1, 9), Ratio(1, 9)),
    (Ratio(5, 5), Ratio(1, 7)), (Ratio(906_598, 12_000_000), Ratio(40_000, 600_000)),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SHARES)
def test_the_test_of_two_shares_is_that_of_chi_square(one: Ratio, other: Ratio):
    told = two_shares(one, other)
    assert told is not None
    table = [[one.n, one.of - one.n], [other.n, other.of - other.n]]
    square = stats.chi2_contingency(table, correction=False)
    assert told.z**2 == pytest.approx(square.statistic, rel=1e-9, abs=1e-12)
    assert told.p == pytest.approx(square.pvalue, rel=1e-9, abs=1e-300)
    assert (told.z > 0) is (one.n / one.of > other.n / other.of)
    assert too_few(one, other) is bool((square.expected_freq < 5).any())


@pytest.mark.parametrize("ratio", [ratio for pair in SHARES for ratio in pair])
def test_wilson_as_scipy_has_it(ratio: Ratio):
    theirs = stats.binomtest(ratio.n, ratio.of).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(ratio) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(("one", "other"), [(Ratio(0, 0), Ratio(1, 2)), (Ratio(0, 5), Ratio(0, 7)), (Ratio(5, 5), Ratio(7, 7))])
def test_where_nothing_can_differ_nothing_is_tested(one: Ratio, other: Ratio):
    assert two_shares(one, other) is None
    assert too_few(one, other)


@pytest.mark.parametrize(("share", "one", "other"), [(0.02, 95_000, 5_000), (0.3, 400, 400), (0.08, 20_000, 1_000)])
def test_a_difference_that_is_told_to_show_does_so_four_times_in_five(share: float, one: int, other: int):
    least = detectable(share, one, other)
    assert least is not None
    helped, without = stats.binom(one, min(share + least, 1)), stats.binom(other, share)
    drawn = random.Random(1)
    found = 0
    for _ in range(2000):
        sent, control = (Ratio(int(side.ppf(drawn.random())), n) for side, n in ((helped, one), (without, other)))
        told = two_shares(sent, control)
        found += told is not None and told.p < 0.05 and told.z > 0
    assert 0.7 < found / 2000 < 0.9
    assert detectable(share, 0, other) is None
    assert detectable(0.0, one, other) is not None
