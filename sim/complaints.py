"""Who complains that a message was not received: drawn from deliveries, each group of causes with a chance of its own (evidence table §9).

The shares that an operator reports are shares of analysed complaints, not of failures: whoever refused a message seldom complains of it,
and a part of the complaints is about messages that arrived (late, in another folder, deleted unread). So there are two tables, and only
complaints may be compared with complaints.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Final

NO_RETRIEVAL, RETRIEVAL_FAILED, REFUSED, NORMAL_OTHER = "no_retrieval", "retrieval_failed", "refused", "normal_other"

GROUPS: Final = (NO_RETRIEVAL, RETRIEVAL_FAILED, REFUSED, NORMAL_OTHER)

PUBLISHED: Final[Mapping[str, float]] = {NO_RETRIEVAL: 0.37, RETRIEVAL_FAILED: 0.15, REFUSED: 0.12, NORMAL_OTHER: 0.36}
"""Of the complaints that a province analysed."""

_OF_ROW: Final = {"R1": REFUSED, "R2": RETRIEVAL_FAILED, "B4": NO_RETRIEVAL}
_OF_FAMILY: Final = {"N": NO_RETRIEVAL, "U": NO_RETRIEVAL, "T": RETRIEVAL_FAILED, "B": NORMAL_OTHER, "D": NORMAL_OTHER}


def group_of(rule: str) -> str:
    """The group of a row of the evidence table.

    >>> group_of("U10"), group_of("R1"), group_of("T6"), group_of("D3")
    ('no_retrieval', 'refused', 'retrieval_failed', 'normal_other')
    """
    return _OF_ROW.get(rule) or _OF_FAMILY[rule[0]]


def complains(rule: str, chances: Mapping[str, float], random_: random.Random) -> bool:
    """Whether somebody complains of a delivery that ended in this row."""
    return random_.random() < chances.get(group_of(rule), 0.0)


def shares(groups: Iterable[str]) -> dict[str, float]:
    """Each group's share.

    >>> shares(["refused", "refused", "no_retrieval", "normal_other"])
    {'no_retrieval': 0.25, 'retrieval_failed': 0.0, 'refused': 0.5, 'normal_other': 0.25}
    """
    counts = Counter(groups)
    return {group: counts[group] / max(counts.total(), 1) for group in GROUPS}


def error(share: float, n: int) -> float:
    """Three standard errors of a share among `n`: what chance alone may do.

    >>> round(error(0.37, 900), 3)
    0.048
    """
    return 3 * sqrt(share * (1 - share) / n)
