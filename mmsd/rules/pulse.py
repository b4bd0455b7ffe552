"""How nodes answer, in windows of event time: the MMSC's HTTP answers as gateways logged them, the SMSC's to pushes.

A window with many answers of which a large share are faults is a node fault (evidence table, "Beyond one delivery"). Counting commutes;
a window is asked about once, when every feed has been read beyond it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.model import SECOND
from mmsd.rules.settings import Judgement

Key = tuple[str, int, int]
"""(what kind of node, which one, number of the window)."""


class Fault(NamedTuple):
    """A node that failed its peers: `kind` "mmsc" (5xx answers; `node` is the hash of its authority) or "smsc" (refused pushes; `node` is
    the index of the feed that logged them), and the window in µs."""

    kind: str
    node: int
    start: int
    stop: int
    answers: int
    faults: int


class Pulse:
    """Answers and faults by window. `windows` maps a key to (answers, faults)."""

    def __init__(self, settings: Judgement) -> None:
        self._settings = settings
        self._width = max(int(settings.fault_window * SECOND), 1)
        self.windows: dict[Key, tuple[int, int]] = {}

    def count(self, kind: str, node: npt.NDArray[np.uint64], at: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_]) -> list[Key]:
        """Adds answers; which windows changed."""
        if not len(at):
            return []
        pairs = np.stack([node.astype(np.uint64), (at // self._width).astype(np.uint64)], axis=1)
        distinct, place = np.unique(pairs, axis=0, return_inverse=True)
        answers = np.bincount(place.ravel(), minlength=len(distinct)).tolist()
        faults = np.bincount(place.ravel(), weights=bad, minlength=len(distinct)).astype(int).tolist()
        changed: list[Key] = []
        for (who, window), n, m in zip(distinct.tolist(), answers, faults, strict=True):
            key = (kind, who, window)
            before = self.windows.get(key, (0, 0))
            self.windows[key] = (before[0] + n, before[1] + m)
            changed.append(key)
        return changed

    def over(self, horizon: int) -> Iterator[tuple[Key, Fault | None]]:
        """Windows that have ended, each once, with the fault it shows or None; they are forgotten."""
        done = [key for key in self.windows if (key[2] + 1) * self._width <= horizon]
        for key in sorted(done):
            answers, faults = self.windows.pop(key)
            enough = answers >= self._settings.fault_answers and faults >= self._settings.fault_share * answers
            start = key[2] * self._width
            yield key, Fault(key[0], key[1], start, start + self._width, answers, faults) if enough else None
