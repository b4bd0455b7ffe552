"""When numbers had packet sessions: what "none in the last month" (row U13) rests on.

Sixteen octets a run in sorted arrays, most numbers having one: from when to when a number was seen again and again, no silence being as
long as the month that is asked about. Runs are a canonical form of the set of all sessions, so the answer for a moment depends on the
sessions up to it alone, in whatever order and pieces they were read, and on none that came later (rule R5). Where a run begins is kept
to the second, where it ends to a thirtieth of `history_days`, a day: a number that is seen every hour changes once a day.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.model import DAY, SECOND

RUN: Final = np.dtype([("number", "<u8"), ("first", "<u4"), ("last", "<u4")])
"""A run: its first second, rounded up, and the number of the day its last session stands in."""
DAYS: Final = 30
MOST: Final = 1 << 24
"""Runs remembered. Of more the longest silent are forgotten, and the memory counts as shorter."""

Rows = npt.NDArray[Any]


class _Part(NamedTuple):
    """RUN rows by number and beginning, and their numbers side by side."""

    keys: npt.NDArray[np.uint64]
    rows: Rows


class History:
    """See the module. `days`: how far back is asked; `slack`: for how many seconds of event time a verdict may still be asked again.

    >>> history = History(30.0)
    >>> history.begin(100 * DAY)
    >>> history.take(np.array([7, 8], np.uint64), np.array([100 * DAY, 150 * DAY]))
    >>> history.whole(150 * DAY), history.seen(8, 150 * DAY), history.seen(7, 150 * DAY), history.seen(7, 130 * DAY)
    (True, True, False, True)
    """

    def __init__(self, days: float, slack: float = 6 * 86400.0, most: int = MOST) -> None:
        self.span: Final = int(days * DAY)  # µs
        self.day: Final = max(-(-self.span // DAYS), SECOND)
        self.slack: Final = int(slack * SECOND)
        self.most: Final = most
        self.began = 0  # since when (µs) sessions are remembered; 0 = none is
        self.floor = 0  # number of the first day of which nothing was forgotten
        self.breaks: list[tuple[int, int]] = []  # [from, to) in which sessions may have gone unseen
        self._parts: list[_Part] = []
        self._fresh: list[Rows] = []

    def __len__(self) -> int:
        """Runs, those being merged counted twice."""
        return sum(len(part.keys) for part in self._parts)

    def begin(self, at: int) -> None:
        """From here on sessions are remembered, if not from earlier."""
        self.began = min(self.began or at, at)

    def end(self) -> None:
        """Some sessions are not seen any more: what is remembered proves nothing."""
        self.began, self.floor, self._parts, self._fresh = 0, 0, [], []

    def take(self, numbers: npt.NDArray[np.uint64], at: npt.NDArray[np.int64]) -> None:
        """Sessions of these numbers at these times, in any order."""
        if not len(numbers):
            return
        rows = np.zeros(len(numbers), RUN)
        rows["number"], rows["first"], rows["last"] = numbers, -(-at // SECOND), at // self.day
        rows = self._joined(rows)
        known = self._joined(self._gather(np.unique(rows["number"])))
        merged = self._joined(np.concatenate([known, rows]))
        both = np.concatenate([known, merged])
        new = np.arange(len(both)) >= len(known)
        order = np.lexsort((new, both["last"], both["first"], both["number"]))
        both, new = both[order], new[order]
        new[1:] &= both[1:] != both[:-1]
        if new.any():
            self._append(both[new])
            self._fresh.append(both[new])

    def _joined(self, rows: Rows) -> Rows:
        """The same as runs, none of which the month after another reaches; by number and beginning."""
        if len(rows) < 2:
            return rows
        rows = rows[np.lexsort((rows["first"], rows["number"]))]
        other = np.concatenate(([True], rows["number"][1:] != rows["number"][:-1]))
        rank = np.cumsum(other) << 32
        last = np.maximum.accumulate(rank | rows["last"])[:-1] & 0xFFFFFFFF  # of the number so far
        far = rows["first"][1:].astype(np.int64) * SECOND > (last + 1) * self.day + self.span
        starts = np.flatnonzero(other | np.concatenate(([True], far)))
        joined = rows[starts]
        joined["last"] = np.maximum.reduceat(rows["last"], starts)
        return joined

    def _gather(self, numbers: npt.NDArray[np.uint64]) -> Rows:
        """What the parts hold of these sorted, distinct numbers, one after the other."""
        found = [np.empty(0, RUN)]
        for part in self._parts:
            first = part.keys.searchsorted(numbers, "left")
            counts = part.keys.searchsorted(numbers, "right") - first
            starts = np.repeat(first - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
            found.append(part.rows[starts + np.arange(len(starts))])
        return np.concatenate(found)

    def _append(self, rows: Rows) -> None:
        """Takes RUN rows that are joined."""
        if not len(rows):
            return
        self._parts.append(_Part(np.ascontiguousarray(rows["number"]), rows))
        while len(self._parts) > 1 and len(self._parts[-2].keys) < 3 * len(self._parts[-1].keys):
            last = self._parts.pop()
            rows = self._joined(np.concatenate([self._parts[-1].rows, last.rows]))
            self._parts[-1] = _Part(np.ascontiguousarray(rows["number"]), rows)

    # --------------------------------------------------------------------------------------------------------------- asking

    def whole(self, at: int) -> bool:
        """Whether every session of the days before this time is remembered."""
        start = at - self.span
        if not self.began or start < self.began or start // self.day < self.floor:
            return False
        return not any(stop > start and begin < at for begin, stop in self.breaks)

    def seen(self, number: int, at: int) -> bool:
        """Whether the number had a session within the days before this time, and up to a day more."""
        second, day, key = at // SECOND, (at - self.span) // self.day, np.uint64(number)
        for part in self._parts:
            place = int(part.keys.searchsorted(key))
            while place < len(part.keys) and part.keys[place] == key:
                _, first, last = part.rows[place].tolist()
                if first <= second and last >= day:
                    return True
                place += 1
        return False

    # -------------------------------------------------------------------------------------------------------------- bounding

    def prune(self, horizon: int) -> None:
        """Forgets what nobody can ask for any more, once a day; and the longest silent when there are too many."""
        floor = max((horizon - self.span - self.slack) // self.day, self.floor)
        if floor == self.floor and len(self) <= self.most:
            return
        rows = self._joined(np.concatenate([np.empty(0, RUN), *(part.rows for part in self._parts)]))
        if len(rows) > self.most:
            floor = max(floor, int(np.partition(rows["last"], len(rows) - self.most)[len(rows) - self.most]) + 1)
        self.floor = floor
        rows = rows[rows["last"] >= floor]
        self._parts = [_Part(np.ascontiguousarray(rows["number"]), rows)] if len(rows) else []

    # ------------------------------------------------------------------------------------------------------------- durability

    def forget_changes(self) -> None:
        self._fresh = []

    def changes(self) -> tuple[int, int, bytes]:
        """(since when, first whole day, what is new); falsy in its last part when nothing is."""
        return self.began, self.floor, b"".join(rows.tobytes() for rows in self._fresh)

    def packed(self) -> tuple[int, int, bytes]:
        return self.began, self.floor, b"".join(part.rows.tobytes() for part in self._parts)

    def load(self, began: int, floor: int, packed: bytes) -> None:
        """Folds a snapshot or changes in."""
        self.began, self.floor = began, floor
        self._append(self._joined(np.frombuffer(packed, RUN).copy()))
