"""The story of the last days: every judged delivery, 72 bytes a row, found by receiver among 10⁸ rows.

Rows arrive as they close and are appended to a short *tail*. A full tail is compacted: sorted and cut by (day, slice of the receiver's
hash) into *cells*; FAN cells of one level become one of the next, so a slice of a day never has many. A look-up reads the tail and, for
each day, the few cells of one slice in `SLICES`: of 10⁸ rows it looks through 98,000 (7 MB) and at most 65,536 of the tail. Days are
dropped whole. Hashes are uniform, so slices stay equal without being balanced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mmsd.model import CLOSED, DAY

SLICE_BITS: Final = 10
SLICES: Final = 1 << SLICE_BITS
FAN: Final = 16

_TAIL_ROWS: Final = 65_536  # compacted at so many rows: 4.7 MB at most to look through, 64 rows a cell
_TAIL_BLOBS: Final = 1_024  # folded into one at so many: small ticks must not make many small rows
_SLICES_AT_ONCE: Final = 16  # merged in one transaction: about a megabyte written

_DAYS: Final = """
WITH RECURSIVE days (day) AS (
    SELECT min(day) FROM closed_cell
    UNION ALL
    SELECT (SELECT min(day) FROM closed_cell WHERE day > days.day) FROM days WHERE days.day IS NOT NULL
)"""
"""One index look-up a day, where DISTINCT would walk the whole index."""

_LIST_DAYS: Final = f"{_DAYS} SELECT day FROM days WHERE day IS NOT NULL"  # noqa: S608 both halves stand here
_CELLS: Final = f"""{_DAYS}
SELECT c.rows FROM days JOIN closed_cell c ON c.day = days.day AND c.slice = ? ORDER BY c.day, c.level DESC, c.id
"""  # noqa: S608 both halves stand here

WITHDRAWN: Final = 0
"""The outcome of a row that hides those stated before of the same receiver, message and leg: a copy of the last of them but for this."""

ClosedRows = npt.NDArray[Any]


def slice_of(receiver: int) -> int:
    return receiver >> (64 - SLICE_BITS)


class Segments:
    """The writer's side. It counts the tail in memory so that a tick pays one INSERT; `reload` after any failed transaction."""

    def __init__(self) -> None:
        self._rows = 0
        self._blobs = 0
        self._days: list[int] = []  # where ripe cells may be
        self._ripe: list[tuple[int, int, int]] = []

    def reload(self, connection: sqlite3.Connection) -> None:
        self._blobs, self._rows = connection.execute("SELECT count(*), coalesce(sum(n), 0) FROM closed_tail").fetchone()
        self._find_ripe(connection, [day for (day,) in connection.execute(_LIST_DAYS)])

    def append(self, connection: sqlite3.Connection, rows: ClosedRows) -> None:
        """Add rows (dtype CLOSED) to the tail. Raises TypeError for another dtype: they could never be read again."""
        if rows.dtype != CLOSED:
            raise TypeError(f"closed rows have dtype {rows.dtype}")
        connection.execute("INSERT INTO closed_tail (n, rows) VALUES (?, ?)", (len(rows), rows.tobytes()))
        self._rows += len(rows)
        self._blobs += 1

    @property
    def due(self) -> bool:
        """Housekeeping wants a transaction of its own."""
        return self._rows >= _TAIL_ROWS or self._blobs >= _TAIL_BLOBS or bool(self._ripe)

    def tend(self, connection: sqlite3.Connection) -> None:
        """One piece of housekeeping, inside a transaction of the caller: compact, fold, or merge some slices."""
        if self._rows >= _TAIL_ROWS:
            self._compact(connection)
        elif self._blobs >= _TAIL_BLOBS:
            self._fold(connection)
        elif self._ripe:
            now, self._ripe = self._ripe[:_SLICES_AT_ONCE], self._ripe[_SLICES_AT_ONCE:]
            for day, part, level in now:
                _merge(connection, day, part, level)
            if not self._ripe:  # what was merged may be ripe one level up
                self._find_ripe(connection, self._days)

    def _compact(self, connection: sqlite3.Connection) -> None:
        rows = _unpack(blob for (blob,) in connection.execute("SELECT rows FROM closed_tail ORDER BY id"))
        day = rows["closed"] // DAY
        part = (rows["receiver"] >> np.uint64(64 - SLICE_BITS)).astype(np.uint16)
        order = np.argsort(part, kind="stable")  # stable: rows of a cell stay in the order they came; two bytes are sorted by counting
        if day.min() != day.max():
            order = order[np.argsort((day[order] - day.min()).astype(np.uint16), kind="stable")]
        rows, day, part = rows.take(order), day[order], part[order]  # `rows[order]` would copy field by field
        cuts = np.flatnonzero((day[1:] != day[:-1]) | (part[1:] != part[:-1])) + 1
        starts = np.concatenate(([0], cuts))
        stops = np.concatenate((cuts, [len(rows)]))
        data = rows.tobytes()
        size = CLOSED.itemsize
        connection.executemany(
            "INSERT INTO closed_cell (day, slice, level, n, rows) VALUES (?, ?, 0, ?, ?)",
            (
                (int(day[start]), int(part[start]), stop - start, data[start * size : stop * size])
                for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
            ),
        )
        connection.execute("DELETE FROM closed_tail")
        self._rows = self._blobs = 0
        self._find_ripe(connection, sorted({*self._days, *np.unique(day).tolist()}))

    def _fold(self, connection: sqlite3.Connection) -> None:
        blobs = [blob for (blob,) in connection.execute("SELECT rows FROM closed_tail ORDER BY id")]
        connection.execute("DELETE FROM closed_tail")
        connection.execute("INSERT INTO closed_tail (n, rows) VALUES (?, ?)", (self._rows, b"".join(blobs)))
        self._blobs = 1

    def _find_ripe(self, connection: sqlite3.Connection, days: list[int]) -> None:
        statement = "SELECT day, slice, level FROM closed_cell WHERE day = ? GROUP BY slice, level HAVING count(*) >= ?"
        self._ripe = [row for day in days for row in connection.execute(statement, (day, FAN))]
        self._days = sorted({day for day, _, _ in self._ripe})


def _merge(connection: sqlite3.Connection, day: int, part: int, level: int) -> None:
    cells = connection.execute(
        "SELECT id, n, rows FROM closed_cell WHERE day = ? AND slice = ? AND level = ? ORDER BY id", (day, part, level)
    ).fetchall()
    connection.execute(
        "INSERT INTO closed_cell (day, slice, level, n, rows) VALUES (?, ?, ?, ?, ?)",
        (day, part, level + 1, sum(n for _, n, _ in cells), b"".join(rows for _, _, rows in cells)),
    )
    connection.executemany("DELETE FROM closed_cell WHERE id = ?", ((identity,) for identity, _, _ in cells))


def drop_days(connection: sqlite3.Connection, before: int, limit: int) -> int:
    """Delete up to `limit` cells of days that ended before a time; returns how many. Inside a transaction of the caller."""
    return connection.execute(
        "DELETE FROM closed_cell WHERE id IN (SELECT id FROM closed_cell WHERE day < ? LIMIT ?)", (before // DAY, limit)
    ).rowcount


def find(connection: sqlite3.Connection, receiver: int) -> ClosedRows:
    """All rows of one receiver's hash, oldest submission first; of a delivery stated twice the later statement, of a withdrawn one none.

    One read transaction, so a compaction at the same time neither hides a row nor shows it twice.
    """
    connection.execute("BEGIN")
    try:
        blobs = [blob for (blob,) in connection.execute(_CELLS, (slice_of(receiver),))]
        blobs += [blob for (blob,) in connection.execute("SELECT rows FROM closed_tail ORDER BY id")]
    finally:
        connection.execute("COMMIT")
    rows = _unpack(blobs)
    rows = rows[rows["receiver"] == np.uint64(receiver)]
    return _last_stated(rows)


def find_many(connection: sqlite3.Connection, receivers: Collection[int]) -> Iterator[tuple[int, ClosedRows]]:
    """The same of many, each (receiver, rows), in no order; every slice is read once, and whoever has no row is left out.

    Slices are read one after the other: what is compacted meanwhile is read from the tail and from its cell, and told once.
    """
    wanted = np.array(sorted(receivers), np.uint64)
    tail = _unpack(blob for (blob,) in connection.execute("SELECT rows FROM closed_tail ORDER BY id"))
    tail = tail[np.isin(tail["receiver"], wanted)]
    parts = wanted >> np.uint64(64 - SLICE_BITS)
    for part in np.unique(parts).tolist():
        here = wanted[parts == part]
        cells = _unpack(blob for (blob,) in connection.execute(_CELLS, (part,)))
        rows = np.concatenate((cells[np.isin(cells["receiver"], here)], tail[np.isin(tail["receiver"], here)]))
        for receiver in np.unique(rows["receiver"]).tolist():
            yield receiver, _last_stated(rows[rows["receiver"] == receiver])


def _last_stated(rows: ClosedRows) -> ClosedRows:
    """Rows came in the order they were stated; a row that knows neither its message nor its leg is nobody's restatement.

    The order is that of days first: a statement whose `closed` is on an earlier day would not hide the one before it.
    """
    last: dict[tuple[int, ...], int] = {}
    for index, (message, leg) in enumerate(zip(rows["message"].tolist(), rows["leg"].tolist(), strict=True)):
        last[(message, leg) if message or leg else (index, 0, 0)] = index
    kept: ClosedRows = rows[sorted(last.values())]
    kept = kept[kept["outcome"] != WITHDRAWN]
    return kept[np.argsort(kept["at"], kind="stable")]


def _unpack(blobs: Any) -> ClosedRows:
    return np.frombuffer(b"".join(blobs), CLOSED)
