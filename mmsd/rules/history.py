"""On which days numbers had packet sessions: what "none in the last month" (row U13) rests on.

Sixteen octets a number in sorted arrays: the first and the last day of its latest run of days, in which no two neighbours are further apart
than the month and a week. So it is answered alike before and after later sessions come, for as long as a verdict may be restated. A day is
a thirtieth of `history_days`, counted from 1970. Fed with sessions that State lets go of: the newest of all stand in its traces.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.model import DAY, SECOND

RUN: Final = np.dtype([("number", "<u8"), ("first", "<u4"), ("last", "<u4")])
DAYS: Final = 30
SLACK: Final = 8
"""Days beyond those asked for: a verdict is restated for three, about a window of three before."""
MOST: Final = 1 << 24
"""Numbers remembered. Of more the longest silent are forgotten, and the memory counts as shorter."""

Rows = npt.NDArray[Any]


class _Part(NamedTuple):
    """RUN rows by number, each once, and their numbers side by side."""

    keys: npt.NDArray[np.uint64]
    rows: Rows


class History:
    """See the module. `days`: how far back is asked.

    >>> history = History(30.0)
    >>> history.begin(100 * DAY)
    >>> history.take(np.array([7, 8], np.uint64), np.array([100 * DAY, 150 * DAY]))
    >>> history.whole(150 * DAY), history.seen(8, 150 * DAY), history.seen(7, 150 * DAY), history.seen(7, 130 * DAY)
    (True, True, False, True)
    """

    def __init__(self, days: float, most: int = MOST) -> None:
        self.span: Final = int(days * DAY)  # µs
        self.day: Final = max(-(-self.span // DAYS), SECOND)
        self.most: Final = most
        self.began = 0  # since when (µs) every session is remembered; 0 = none is
        self._parts: list[_Part] = []
        self._fresh: list[Rows] = []
        self._pruned = 0

    def __len__(self) -> int:
        """Numbers, those being merged counted twice."""
        return sum(len(part.keys) for part in self._parts)

    def begin(self, at: int) -> None:
        """From here on every session is remembered, if not from earlier."""
        self.began = min(self.began or at, at)

    def end(self) -> None:
        """Some sessions are not seen any more: what is remembered proves nothing."""
        self.began, self._parts, self._fresh = 0, [], []

    def take(self, numbers: npt.NDArray[np.uint64], at: npt.NDArray[np.int64]) -> None:
        """Sessions of these numbers at these times, in any order."""
        if not len(numbers):
            return
        rows = np.zeros(len(numbers), RUN)
        rows["number"], rows["first"] = numbers, at // self.day
        rows["last"] = rows["first"]
        rows = self._joined(rows)
        known = self._gather(rows["number"])
        merged = self._joined(np.concatenate([known, rows])) if len(known) else rows
        if len(known):
            place = np.searchsorted(merged["number"], known["number"])
            changed = np.ones(len(merged), bool)
            changed[place] = merged[place] != known
            merged = merged[changed]
        self._append(merged)
        self._fresh.append(merged)

    def _joined(self, rows: Rows) -> Rows:
        """Each number once: its latest run of days."""
        order = np.lexsort((rows["first"], rows["number"]))
        rows = rows[order]
        same = np.diff(rows["number"]) == 0
        while same.any():
            first, second = np.flatnonzero(same), np.flatnonzero(same) + 1
            chained = np.isin(first, second)  # three and more of one number: pair by pair
            first, second = first[~chained], second[~chained]
            near = rows["first"][second].astype(np.int64) - rows["last"][first] <= DAYS + SLACK
            rows["first"][second] = np.where(near, rows["first"][first], rows["first"][second])
            rows["last"][second] = np.maximum(rows["last"][first], rows["last"][second])
            kept = np.ones(len(rows), bool)
            kept[first] = False
            rows = rows[kept]
            same = np.diff(rows["number"]) == 0
        return rows

    def _gather(self, numbers: npt.NDArray[np.uint64]) -> Rows:
        """What is known of these sorted, distinct numbers; each once."""
        parts = []
        for part in self._parts:
            place = np.minimum(np.searchsorted(part.keys, numbers), len(part.keys) - 1)
            parts.append(part.rows[place[part.keys[place] == numbers]])
        return self._joined(np.concatenate(parts)) if parts else np.empty(0, RUN)

    def _append(self, rows: Rows) -> None:
        if not len(rows):
            return
        self._parts.append(_Part(np.ascontiguousarray(rows["number"]), rows))
        while len(self._parts) > 1 and len(self._parts[-2].keys) < 3 * len(self._parts[-1].keys):
            last = self._parts.pop()
            rows = self._joined(np.concatenate([self._parts[-1].rows, last.rows]))
            self._parts[-1] = _Part(np.ascontiguousarray(rows["number"]), rows)

    # --------------------------------------------------------------------------------------------------------------- asking

    def whole(self, at: int) -> bool:
        """Whether sessions have been remembered for all the days before this time that are asked for."""
        return bool(self.began) and at - self.began >= self.span

    def seen(self, number: int, at: int) -> bool:
        """Whether the number had a session within the days before this time."""
        day, key = at // self.day, np.uint64(number)
        for part in self._parts:
            place = int(part.keys.searchsorted(key))
            if place < len(part.keys) and part.keys[place] == key:
                _, first, last = part.rows[place].tolist()
                if first <= day and last >= day - DAYS:
                    return True
        return False

    # -------------------------------------------------------------------------------------------------------------- bounding

    def prune(self, horizon: int) -> None:
        """Forgets what nobody can ask for any more, once a day; and the longest silent when there are too many."""
        day = horizon // self.day
        if day == self._pruned and len(self) <= self.most:
            return
        self._pruned = day
        rows = self._joined(np.concatenate([np.empty(0, RUN), *(part.rows for part in self._parts)]))
        oldest = day - DAYS - SLACK
        if len(rows) > self.most:
            oldest = max(oldest, int(np.partition(rows["last"], len(rows) - self.most)[len(rows) - self.most]) + 1)
            self.began = max(self.began, oldest * self.day)
        rows = rows[rows["last"] >= max(oldest, 0)]
        self._parts = [_Part(np.ascontiguousarray(rows["number"]), rows)] if len(rows) else []

    # ------------------------------------------------------------------------------------------------------------- durability

    def forget_changes(self) -> None:
        self._fresh = []

    def changes(self) -> tuple[int, bytes]:
        """(since when, what is new); falsy in its second part when nothing is."""
        return self.began, b"".join(rows.tobytes() for rows in self._fresh)

    def packed(self) -> tuple[int, bytes]:
        return self.began, b"".join(part.rows.tobytes() for part in self._parts)

    def load(self, began: int, packed: bytes) -> None:
        """Folds a snapshot or changes in."""
        self.began = began
        rows = self._joined(np.frombuffer(packed, RUN).copy())
        known = self._gather(rows["number"]) if len(rows) else rows
        self._append(self._joined(np.concatenate([known, rows])) if len(known) else rows)
