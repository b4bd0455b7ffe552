"""Sums by columns: how the many rows of one tick become the few increments of a cube."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

I64Array = npt.NDArray[np.int64]

SPARSE: Final = 16
"""Where there may be more combinations than so many a row, those there are are looked for."""


def sums(columns: tuple[npt.NDArray[Any], ...], *weights: I64Array) -> tuple[list[tuple[int, ...]], list[I64Array]]:
    """(each distinct combination of equally long integer columns, for each of the weights its sums in that order).

    Exact while a sum stays below 2⁵³.

    >>> sums((np.array([7, 8, 7]), np.array([1, 1, 1])), np.array([5, 6, -4]))
    ([(7, 1), (8, 1)], [array([1, 6])])
    """
    if not len(columns[0]):
        return [], [np.empty(0, np.int64) for _ in weights]
    wide = [column.astype(np.int64) for column in columns]
    lows = [int(column.min()) for column in wide]
    spans = [int(column.max()) - low + 1 for column, low in zip(wide, lows, strict=True)]
    room = math.prod(spans)
    if room >= 1 << 63:  # no one number tells them apart
        places, group = np.unique(np.stack(wide), axis=1, return_inverse=True)
        totals = [np.bincount(group.ravel(), weight, places.shape[1]).astype(np.int64) for weight in weights]
        return list(map(tuple, places.T.tolist())), totals
    key = np.zeros(len(wide[0]), np.int64)
    for column, low, span in zip(wide, lows, spans, strict=True):
        key = key * span + (column - low)
    if room <= SPARSE * len(key):
        group, found = key, np.flatnonzero(np.bincount(key, minlength=room))
        totals = [np.bincount(group, weight, room)[found].astype(np.int64) for weight in weights]
    else:
        found, group = np.unique(key, return_inverse=True)
        totals = [np.bincount(group, weight, len(found)).astype(np.int64) for weight in weights]
    rest, parts = found, []
    for low, span in zip(reversed(lows), reversed(spans), strict=True):
        parts.append((rest % span + low).tolist())
        rest = rest // span
    return list(zip(*reversed(parts), strict=True)), totals
