"""What help, or a seed, is good for: those who got it beside those who were drawn to do without, and how sure that is.

Intervals are Wilson's for one share and Newcombe's for the difference of two (his tenth, the hybrid of two Wilson intervals): unlike the
usual ones they stay within what is possible and hold for few cases and for shares near 0 and 1, which is where a holdout of 5 % begins.
"""

from __future__ import annotations

import enum
import math
from statistics import NormalDist
from typing import Final, NamedTuple

from mmsd.rules.cases import Case

SURE: Final = 0.95


class Interval(NamedTuple):
    low: float
    high: float


class Ratio(NamedTuple):
    """So many of so many: delivered messages, or failures with a code."""

    n: int
    of: int

    @property
    def share(self) -> float | None:
        """None of nothing: it is not known, and not 0."""
        return self.n / self.of if self.of else None


class Effect(NamedTuple):
    """The difference between two groups, as shares; None where a group is empty."""

    helped: Ratio
    held_back: Ratio
    lift: float | None
    interval: Interval | None

    @property
    def proven(self) -> bool:
        """The interval leaves nothing out of account but chance, and does not hold 0."""
        return self.interval is not None and not self.interval.low <= 0.0 <= self.interval.high


class Group(enum.StrEnum):
    """Which group a case belongs to."""

    HELPED = "helped"  # settings left for him, or he was listed
    NOT_HELPED = "not_helped"  # he was, or would have been, asked
    HELD_BACK = "held_back"  # found, and by the draw not asked


def group_of(case: Case) -> Group:
    """The group of a case, by the draw first: whoever was held back and asked for settings himself stays in the group he was drawn into."""
    if case.held_back:
        return Group.HELD_BACK
    return Group.HELPED if case.helped is not None or case.listed is not None else Group.NOT_HELPED


def deviations(sure: float) -> float:
    """How many standard deviations hold a share of a normal distribution.

    >>> round(deviations(0.95), 4)
    1.96
    """
    return NormalDist().inv_cdf(0.5 + sure / 2)


def wilson(ratio: Ratio, sure: float = SURE) -> Interval:
    """Wilson's score interval of a share; all of [0, 1] for nothing of nothing.

    >>> [round(end, 4) for end in wilson(Ratio(81, 263))]
    [0.2553, 0.3662]
    """
    if not ratio.of:
        return Interval(0.0, 1.0)
    z = deviations(sure)
    share, spread = ratio.n / ratio.of, z * z / ratio.of
    middle = share + spread / 2
    reach = z * math.sqrt(share * (1 - share) / ratio.of + spread / (4 * ratio.of))
    low, high = (middle - reach) / (1 + spread), (middle + reach) / (1 + spread)
    return Interval(0.0 if not ratio.n else low, 1.0 if ratio.n == ratio.of else high)  # exact, where rounding would leave a trace


def newcombe(one: Ratio, other: Ratio, sure: float = SURE) -> Interval:
    """Newcombe's interval of the first share less the second.

    >>> [round(end, 4) for end in newcombe(Ratio(56, 70), Ratio(48, 80))]
    [0.0524, 0.3339]
    """
    first, second = one.share or 0.0, other.share or 0.0
    if not (one.of and other.of):
        return Interval(-1.0, 1.0)
    ours, theirs = wilson(one, sure), wilson(other, sure)
    below = math.hypot(first - ours.low, theirs.high - second)
    above = math.hypot(ours.high - first, second - theirs.low)
    return Interval(first - second - below, first - second + above)


def effect(helped: Ratio, held_back: Ratio, sure: float = SURE) -> Effect:
    """What help changed.

    >>> effect(Ratio(90, 100), Ratio(40, 80)).lift, effect(Ratio(90, 100), Ratio(0, 0)).lift
    (0.4, None)
    """
    if not (helped.of and held_back.of):
        return Effect(helped, held_back, None, None)
    return Effect(helped, held_back, helped.n / helped.of - held_back.n / held_back.of, newcombe(helped, held_back, sure))


class Chance(NamedTuple):
    """A test of two shares being one: the difference in standard errors, and how often chance alone makes one so large, either way."""

    z: float
    p: float


def two_shares(one: Ratio, other: Ratio) -> Chance | None:
    """The two-proportion test, pooled and two-sided; None where a group is empty or nothing differs that could.

    >>> told = two_shares(Ratio(56, 70), Ratio(48, 80))
    >>> round(told.z, 3), round(told.p, 4)
    (2.65, 0.008)
    """
    if not (one.of and other.of) or (one.n + other.n) in (0, one.of + other.of):
        return None
    pooled = (one.n + other.n) / (one.of + other.of)
    error = math.sqrt(pooled * (1 - pooled) * (1 / one.of + 1 / other.of))
    z = (one.n / one.of - other.n / other.of) / error
    return Chance(z, math.erfc(abs(z) / math.sqrt(2)))


def detectable(share: float, one: int, other: int, sure: float = SURE, power: float = 0.8) -> float | None:
    """The least difference from a share that groups of such sizes show with that power; None of nothing.

    >>> round(detectable(0.02, 95_000, 5_000), 4), round(detectable(0.02, 950, 50), 3)
    (0.0057, 0.057)
    """
    if not (one and other):
        return None
    reach = deviations(sure) + NormalDist().inv_cdf(power)
    share = min(max(share, 1 / (one + other)), 1 - 1 / (one + other))  # of none at all the spread is not known to be 0
    return reach * math.sqrt(share * (1 - share) * (1 / one + 1 / other))


FEWEST: Final = 5
"""Of each outcome in each group, as expected: with fewer the test is no longer near the truth."""


def too_few(one: Ratio, other: Ratio) -> bool:
    """Whether groups are too small for the test.

    >>> too_few(Ratio(20, 950), Ratio(1, 50)), too_few(Ratio(200, 9500), Ratio(10, 500))
    (True, False)
    """
    of = one.of + other.of
    if not of:
        return True
    pooled = (one.n + other.n) / of
    return min(one.of, other.of) * min(pooled, 1 - pooled) < FEWEST
