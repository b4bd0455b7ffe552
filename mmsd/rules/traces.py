"""Traces: what State remembers of the logs, as plain old data.

A *trace* is one log record about one subscriber, packed in 112 bytes. `TraceLog` keeps them in a few sorted runs (an LSM tree without
files): appending is vectorised, and a subscriber's *dossier* is the set of its traces, found by binary search. Nothing is ever changed in
place, so merging records commutes: what is made of a dossier depends on the set alone, never on the order of arrival (rule R5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.fast.trace import NAMELESS, ORIGIN, REFUSAL, TRACE

__all__ = ["FIELDS", "NAMELESS", "ORIGIN", "OUTSIDE", "REFUSAL", "TRACE", "Trace", "TraceLog"]

OUTSIDE: Final = 3
"""In `d` of a PUSH: it went over a link that no feed declares to show."""

TraceArray = npt.NDArray[Any]

Trace = tuple[Any, ...]
FIELDS: Final = tuple(TRACE.names or ())
(
    SUBSCRIBER, AT, WHERE, MESSAGE, TRANSACTION, OTHER, LINK, PATH, AUTHORITY, EXTRA,
    SIZE, STATUS, ERROR, FEED, KIND, CODE_SET, A, B, C, D, SEED, _ROOM,
) = range(len(FIELDS))  # fmt: skip
ASKED: Final = TRANSACTION
"""Of an ATTEMPT that the gateway sent to another authority: the one it was asked for."""


def _ordered(rows: TraceArray) -> TraceArray:
    return rows.take(np.lexsort((rows["where"], rows["feed"], rows["at"], rows["subscriber"])))


class Run(NamedTuple):
    """Rows by subscriber, in no other order, and their subscribers once more side by side: a search then stays in cache."""

    keys: npt.NDArray[np.uint64]
    rows: TraceArray

    @classmethod
    def of(cls, rows: TraceArray) -> Run:
        """Takes rows in any order. A stable sort merges what already is in order, as two runs put together are, in one pass."""
        keys = np.ascontiguousarray(rows["subscriber"])
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], rows.take(order))

    def chosen(self, mask: npt.NDArray[np.bool_]) -> Run:
        return Run(self.keys[mask], self.rows.compress(mask))


class TraceLog:
    """Sorted runs of TRACE rows, the newest last and smallest; merged as they grow so that a search touches few."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def __len__(self) -> int:
        return sum(len(run.rows) for run in self._runs)

    @property
    def runs(self) -> list[TraceArray]:
        return [run.rows for run in self._runs]

    def append(self, rows: TraceArray) -> None:
        """Takes TRACE rows in any order."""
        if not len(rows):
            return
        merged, n = [rows], len(rows)
        while self._runs and len(self._runs[-1].rows) < 3 * n:  # all of them at once
            merged.append(self._runs.pop().rows)
            n += len(merged[-1])
        self._runs.append(Run.of(np.concatenate(merged[::-1]) if len(merged) > 1 else rows))

    def gather(self, subscribers: npt.NDArray[np.uint64]) -> TraceArray:
        """All rows of the *sorted, distinct* numbers, in order of subscriber, time, feed, place."""
        parts = []
        for run in self._runs:
            first = np.searchsorted(run.keys, subscribers, "left")
            counts = np.searchsorted(run.keys, subscribers, "right") - first
            total = int(counts.sum())
            if total:
                starts = np.repeat(first - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
                parts.append(run.rows.take(starts + np.arange(total)))
        return _ordered(np.concatenate(parts)) if parts else np.empty(0, TRACE)

    def dossiers(self, subscribers: npt.NDArray[np.uint64]) -> Iterator[tuple[int, list[Trace]]]:
        """(subscriber, its traces in order of time, feed, place) for each of the *sorted, distinct* numbers that has any."""
        rows = self.gather(subscribers)
        listed: list[Trace] = rows.tolist()
        for start, stop in pieces(rows["subscriber"]):
            yield listed[start][SUBSCRIBER], listed[start:stop]

    def dossier(self, subscriber: int) -> list[Trace]:
        """One subscriber's traces, in order of time, feed, place."""
        key = np.uint64(subscriber)
        found: list[Trace] = []
        for run in self._runs:
            start = int(run.keys.searchsorted(key))
            if start < len(run.keys) and run.keys[start] == key:
                stop = start + 1
                while stop < len(run.keys) and run.keys[stop] == key:
                    stop += 1
                found += run.rows[start:stop].tolist()
        if len(found) > 1:
            names = self._runs[0].rows.dtype.names or ()
            at, feed, where = names.index("at"), names.index("feed"), names.index("where")
            found.sort(key=lambda trace: (trace[at], trace[feed], trace[where]))
        return found

    def keep(self, choose: Callable[[TraceArray], npt.NDArray[np.bool_]]) -> int:
        """Drops every row that `choose(rows) -> bool mask` does not want; the number dropped."""
        before = len(self)
        kept = [run.chosen(choose(run.rows)) for run in self._runs]
        self._runs = [run for run in kept if len(run.rows)]
        return before - len(self)

    def packed(self) -> bytes:
        return b"".join(run.rows.tobytes() for run in self._runs)


def pieces(keys: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """[start, stop) of each stretch of equal keys.

    >>> pieces(np.array([7, 7, 9]))
    [(0, 2), (2, 3)]
    """
    if not len(keys):
        return []
    bounds = (np.flatnonzero(np.diff(keys)) + 1).tolist()
    return list(zip([0, *bounds], [*bounds, len(keys)], strict=True))


def in_set(values: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Mask of the values that stand in the *sorted* array `wanted`."""
    if not len(wanted):
        return np.zeros(len(values), bool)
    place = np.searchsorted(wanted, values)
    place[place == len(wanted)] = 0
    return np.asarray(wanted[place] == values)
