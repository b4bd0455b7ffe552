"""Traces: what State remembers of the logs, as plain old data.

A *trace* is one log record about one subscriber, packed in 112 bytes. `TraceLog` keeps them in a few sorted runs (an LSM tree without
files): appending is vectorised, and a subscriber's *dossier* is the set of its traces, found by binary search. Nothing is ever changed in
place, so merging records commutes: what is made of a dossier depends on the set alone, never on the order of arrival (rule R5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

TraceArray = npt.NDArray[Any]

TRACE: Final = np.dtype(
    [
        ("subscriber", "<u8"),  # whose dossier this stands in
        ("at", "<i8"),
        ("where", "<i8"),
        ("message", "<u8"),  # sessions: IMEI
        ("transaction", "<u8"),  # sessions: IMSI
        ("other", "<u8"),  # the other party: sender of a message; sessions: GGSN
        ("link", "<u8"),  # PUSH, PUSH_REPORT: SMSC's id; sessions: session key
        ("path", "<u8"),  # PUSH: content location; ATTEMPT: path; sessions: APN
        ("authority", "<u8"),  # host:port; sessions: SGSN
        ("extra", "<i8"),  # PUSH: expiry; ATTEMPT: request octets; sessions: duration
        ("size", "<i8"),  # message octets; ATTEMPT: answer octets; sessions: octets both ways
        ("status", "<i4"),
        ("error", "<i4"),
        ("feed", "<u2"),
        ("kind", "u1"),
        ("code_set", "u1"),
        ("a", "u1"),  # PUSH, REPORT: MMS PDU type; ATTEMPT: method; MMSC: interface
        ("b", "u1"),  # push state; ATTEMPT: request type
        ("c", "u1"),  # ATTEMPT: answer type; sessions: selection mode + 1; PUSH: campaign seed + 1
        ("d", "u1"),  # strength of an own mark: 1 = own traffic
    ]
)
VERSION: Final = 1

ORIGIN: Final = 201
"""Kind of a copy of a SUBMIT or FORWARD record that stands in the *sender's* dossier: what he sent, to whom stands elsewhere."""

Trace = tuple[Any, ...]
FIELDS: Final = tuple(TRACE.names or ())
(
    SUBSCRIBER, AT, WHERE, MESSAGE, TRANSACTION, OTHER, LINK, PATH, AUTHORITY, EXTRA,
    SIZE, STATUS, ERROR, FEED, KIND, CODE_SET, A, B, C, D,
) = range(len(FIELDS))  # fmt: skip


def _ordered(rows: TraceArray) -> TraceArray:
    return rows[np.lexsort((rows["where"], rows["feed"], rows["at"], rows["subscriber"]))]


class TraceLog:
    """Sorted runs of TRACE rows, the newest last and smallest; merged as they grow so that a search touches few."""

    def __init__(self, runs: list[TraceArray] | None = None) -> None:
        self.runs: list[TraceArray] = runs or []

    def __len__(self) -> int:
        return sum(len(run) for run in self.runs)

    def append(self, rows: TraceArray) -> None:
        """Takes TRACE rows in any order."""
        if not len(rows):
            return
        self.runs.append(_ordered(rows))
        while len(self.runs) > 1 and len(self.runs[-2]) < 3 * len(self.runs[-1]):
            last = self.runs.pop()
            self.runs[-1] = _ordered(np.concatenate([self.runs[-1], last]))

    def dossiers(self, subscribers: npt.NDArray[np.uint64]) -> Iterator[tuple[int, list[Trace]]]:
        """(subscriber, its traces in order of time, feed, place) for each of the *sorted, distinct* numbers that has any."""
        parts = []
        for run in self.runs:
            keys = run["subscriber"]
            first = np.searchsorted(keys, subscribers, "left")
            last = np.searchsorted(keys, subscribers, "right")
            counts = last - first
            total = int(counts.sum())
            if total:
                starts = np.repeat(first - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
                parts.append(run[starts + np.arange(total)])
        if not parts:
            return
        rows = _ordered(np.concatenate(parts)) if len(parts) > 1 else parts[0]
        bounds = np.flatnonzero(np.diff(rows["subscriber"])) + 1
        listed: list[Trace] = rows.tolist()
        start = 0
        for stop in [*bounds.tolist(), len(listed)]:
            yield listed[start][SUBSCRIBER], listed[start:stop]
            start = stop

    def dossier(self, subscriber: int) -> list[Trace]:
        for _, traces in self.dossiers(np.array([subscriber], np.uint64)):
            return traces
        return []

    def keep(self, choose: Any) -> int:
        """Drops every row that `choose(rows) -> bool mask` does not want; the number dropped."""
        before = len(self)
        kept = [run[choose(run)] for run in self.runs]
        self.runs = [run for run in kept if len(run)]
        return before - len(self)

    def packed(self) -> bytes:
        return b"".join(run.tobytes() for run in self.runs)

    @classmethod
    def unpacked(cls, data: bytes) -> TraceLog:
        log = cls()
        log.append(np.frombuffer(data, TRACE).copy())
        return log


def in_set(values: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Mask of the values that stand in the *sorted* array `wanted`."""
    if not len(wanted):
        return np.zeros(len(values), bool)
    place = np.searchsorted(wanted, values)
    place[place == len(wanted)] = 0
    return np.asarray(wanted[place] == values)
