"""The chips of many siblings, laid on what is left of one host: which of ten thousand agrees best, in a millisecond or two.

A cell has ten chips, so one of 1,024 patterns: what each pattern of a cell would score is one small table, and a sibling's score is 256
look-ups. Cells that tell most come first; a sibling that could not reach the best one, whatever its other cells said, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mmsd.seeds.seed import Floats

_LOOKS: Final = (32, 64, 128)  # cells after which it is asked who can still be the best
_FEW: Final = 4  # parts of all: when fewer are left, the others' cells are not looked at


def _patterns(bands: int) -> Floats:
    """(bands, 2^bands): the ±1 of each pattern, its lowest bit first; a bit that is set is −1."""
    bits = np.arange(1 << bands) >> np.arange(bands)[:, None] & 1
    return (1 - 2 * bits).astype(np.float32)


class Signs:
    """The chips of siblings, each (cells, bands) of ±1, at most 16 bands."""

    def __init__(self, chips: Iterable[NDArray[np.int8]]) -> None:
        rows = []
        for one in chips:
            self._bands = one.shape[1]
            rows.append((one < 0).astype(np.uint16) @ (1 << np.arange(self._bands, dtype=np.uint16)))
        self._codes = np.ascontiguousarray(np.stack(rows, axis=1))  # (cells, siblings)

    def __len__(self) -> int:
        return len(self._codes[0])

    @property
    def octets(self) -> int:
        return self._codes.nbytes

    def scores(self, left: Floats) -> Floats:
        """Of every sibling: the sum of its chips times what is left, (cells, bands)."""
        return self._summed(left @ _patterns(self._bands), range(len(left)), np.zeros(len(self), np.float32), None)

    def best(self, left: Floats, limit: int) -> list[int]:
        """The siblings of the highest scores, the highest first: of `limit` all that the bounds below cannot rule out as the highest."""
        table = left @ _patterns(self._bands)
        bounds = np.abs(left).sum(axis=1)  # the most that a cell can say
        order = np.argsort(-bounds)
        rest = float(bounds.sum())
        scores, who, done = np.zeros(len(self), np.float32), None, 0
        for look in _LOOKS:
            scores = self._summed(table, order[done:look].tolist(), scores, who)
            rest -= float(bounds[order[done:look]].sum())
            done = look
            leader = int(scores.argmax())
            cells = order[done:]
            floor = float(scores[leader]) + float(table[cells, self._codes[cells, leader]].sum())
            able = np.flatnonzero(scores + (rest + 1e-3) >= floor)
            if len(able) * _FEW < len(self):
                who, scores = able, scores[able]
                break
        scores = self._summed(table, order[done:].tolist(), scores, who)
        first = np.argsort(-scores, kind="stable")[:limit]
        found: list[int] = (first if who is None else who[first]).tolist()
        return found

    def _summed(self, table: Floats, cells: Iterable[int], scores: Floats, who: NDArray[np.intp] | None) -> Floats:
        """Scores and what these cells add to them, of all siblings or of those."""
        for cell in cells:
            codes = self._codes[cell] if who is None else self._codes[cell, who]
            scores += table[cell].take(codes, mode="clip")  # none is out of bounds: it spares looking
        return scores
