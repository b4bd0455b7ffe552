"""Whose subscriber a number is: ours, or another network's."""

from __future__ import annotations

from collections.abc import Iterable

from mmsd.model import NOT_A_NUMBER


class Network:
    """By the beginnings of our subscribers' numbers. Without any, every number passes for ours: nothing says otherwise.

    >>> ours = Network(("86138", "86139"))
    >>> [ours.owns(number) for number in (8613800001234, 8613000001234, 85291234567)]
    [True, False, False]
    >>> Network(()).owns(85291234567)
    True
    """

    def __init__(self, beginnings: Iterable[str]) -> None:
        self._beginnings = tuple(beginnings)

    def owns(self, number: int) -> bool:
        """What is no number, such as an e-mail address, is nobody's subscriber where beginnings are given."""
        return not self._beginnings or (not number & NOT_A_NUMBER and str(number).startswith(self._beginnings))
