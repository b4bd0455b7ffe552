"""An ordered list of conditions over signs with few values each, asked of one row or of columns: the first that fits decides.

A condition is a *box*: of each sign the values it allows, as a mask of their places; a sign it says nothing of allows them all. Every value
of every sign leaves some conditions standing; the first that all values together leave standing is the answer. So a row costs one `&` a
sign, whatever the list says. The same boxes tell whether a condition can ever be the first, and whether some combination fits none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Box = tuple[int, ...]
"""A mask of allowed values for each sign."""

NONE: Final = -1
"""No condition fits."""

_WORD: Final = 64
_GROUP: Final = 4096
"""Signs are looked up together as long as their values make no more combinations than this: a table that stays in the nearest cache,
and places that fit into 16 bits."""
_BLOCK: Final = 1 << 14
"""Rows at a time, for the same reason."""


def place(value: int) -> int:
    """The mask of one value.

    >>> bin(place(3))
    '0b1000'
    """
    return 1 << value


class Decision:
    """`sizes`: how many values each sign has. `boxes`: the conditions in order, each a mask for every sign.

    >>> rain = Decision((2, 3), [(0b01, 0b100), (0b11, 0b011)])
    >>> rain.first((0, 2)), rain.first((1, 1)), rain.first((1, 2))
    (0, 1, -1)
    >>> rain.unmet()
    (1, 2)
    """

    def __init__(self, sizes: Sequence[int], boxes: Sequence[Box]) -> None:
        self.sizes = tuple(sizes)
        self.boxes = tuple(boxes)
        self._left = [
            [sum(place(number) for number, box in enumerate(self.boxes) if box[sign] & place(value)) for value in range(size)]
            for sign, size in enumerate(self.sizes)
        ]
        self._groups = list(self._grouped())

    def first(self, values: Sequence[int]) -> int:
        """The number of the first condition that fits these values, one for each sign, or NONE."""
        left = place(len(self.boxes)) - 1
        for allowed, value in zip(self._left, values, strict=True):
            left &= allowed[value]
        return (left & -left).bit_length() - 1

    def columns(self, rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
        """`first` of every row; `rows` has a column for each sign, each with values that it has."""
        found = np.empty(len(rows), np.int16)
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            found[block] = self._block(np.ascontiguousarray(rows[block].T))
        return found

    def _block(self, signs: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
        """`signs` has a row for each sign, each in one piece."""
        left: list[npt.NDArray[np.uint64]] = []
        for members, words in self._groups:
            at = signs[members[0]].astype(np.uint16)
            for sign in members[1:]:
                at *= np.uint16(self.sizes[sign])
                at += signs[sign]
            wide = at.astype(np.intp)
            kept = [table[wide] for table in words]
            left = [mine & theirs for mine, theirs in zip(left, kept, strict=True)] if left else kept
        found = np.full(signs.shape[1], NONE, np.int16)
        for number in reversed(range(len(left))):
            lowest = left[number] & -left[number]  # a power of two, which a float holds exactly; of 0 the exponent is 0
            at = np.frexp(lowest.astype(np.float64))[1].astype(np.int16) + np.int16(number * _WORD - 1)
            found = np.where(lowest == 0, found, at)
        return found

    def _grouped(self) -> Iterator[tuple[list[int], list[npt.NDArray[np.uint64]]]]:
        """Signs side by side, and for each word of conditions what every combination of their values leaves standing."""
        members: list[int] = []
        combinations = 1
        for sign, size in enumerate(self.sizes):
            if members and combinations * size > _GROUP:
                yield members, self._words(members)
                members, combinations = [], 1
            members.append(sign)
            combinations *= size
        yield members, self._words(members)

    def _words(self, members: Sequence[int]) -> list[npt.NDArray[np.uint64]]:
        words = []
        for low in range(0, len(self.boxes), _WORD):
            table = np.full(1, (1 << _WORD) - 1, np.uint64)
            for sign in members:
                one = np.array([mask >> low & (1 << _WORD) - 1 for mask in self._left[sign]], np.uint64)
                table = (table[:, None] & one[None, :]).ravel()
            words.append(table)
        return words

    def witness(self, number: int) -> tuple[int, ...] | None:
        """Values of which this condition is the first to fit; None: those before it take all of its own."""
        return _outside(self.boxes[number], self.boxes[:number])

    def unmet(self) -> tuple[int, ...] | None:
        """Values that fit no condition; None: some condition fits, whatever is seen."""
        return _outside(tuple(place(size) - 1 for size in self.sizes), self.boxes)


def _outside(box: Box, others: Sequence[Box]) -> tuple[int, ...] | None:
    """A point of `box` that lies in none of the others."""
    for number, other in enumerate(others):
        common = [mine & theirs for mine, theirs in zip(box, other, strict=True)]
        if not all(common):
            continue
        for sign, shared in enumerate(common):
            rest = box[sign] & ~shared
            if rest:
                found = _outside((*box[:sign], rest, *box[sign + 1 :]), others[number + 1 :])
                if found is not None:
                    return found
                box = (*box[:sign], shared, *box[sign + 1 :])  # the rest of the search stays inside the other, sign by sign
        return None
    return tuple((mask & -mask).bit_length() - 1 for mask in box)


def masks(sizes: Sequence[int], allowed: Mapping[int, Iterable[int]]) -> Box:
    """A box from the values that some signs must have: {sign: places of allowed values}.

    >>> masks((2, 3), {1: (0, 2)})
    (3, 5)
    """
    whole = [place(size) - 1 for size in sizes]
    for sign, values in allowed.items():
        whole[sign] = sum(map(place, values))
    return tuple(whole)
