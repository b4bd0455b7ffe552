"""What is known of handsets now: the newest table, and on top of it what traffic has shown since.

    seen = handsets.sightings(numbers, at, imei, imsi)     accounting records of a tick
    told = known.observe(seen, watched)                    rows worth keeping, and changes: values, nothing is remembered yet
    Batch(handsets=told.rows, …)                           they commit with the consequences of the changes
    known.adopt(told.rows)                                 after the commit

What is on top is durable as rows of `handset_tail` and grows until `due`; then `fold` writes it into the next table, in a thread of its
own, and the rows it took are dropped. Folding twice is folding once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from mmsd.model import U64Array
from mmsd.rules import handsets
from mmsd.rules.handsets import HANDSET, ChangeArray, HandsetArray, What
from mmsd.store.handsets import Cipherer, Table, Written, by_slice, change_files, locked, merge_tables, newest, newest_path, read_changes
from mmsd.store.keys import Keys

DUE: Final = 1_000_000
"""Rows on top of the table that are worth writing the next one: 80 MB of memory."""


class Told(NamedTuple):
    """What sightings told that was not known: rows for `Batch.handsets`, and CHANGE rows in order of time."""

    rows: HandsetArray
    changes: ChangeArray


class _Run(NamedTuple):
    """Rows in order of number, and their numbers once more side by side: a search then stays in cache."""

    numbers: U64Array
    rows: HandsetArray

    @classmethod
    def of(cls, rows: HandsetArray) -> _Run:
        order = np.argsort(rows["number"], kind="stable")
        return cls(np.ascontiguousarray(rows["number"][order]), rows[order])

    def over(self, older: _Run) -> _Run:
        """Both, a number that is in both with the newer of each field."""
        rows = _Run.of(np.concatenate((older.rows, self.rows)))  # stable: of two rows of a number the older comes first
        twice = np.flatnonzero(rows.numbers[1:] == rows.numbers[:-1])
        if not len(twice):
            return rows
        rows.rows[twice + 1] = handsets.merge(rows.rows[twice], rows.rows[twice + 1], watched=0).known
        kept = np.ones(len(rows.numbers), bool)
        kept[twice] = False
        return _Run(rows.numbers[kept], rows.rows[kept])


class Overlay:
    """Rows by number, the newest facts of each, in a few sorted runs, each at least thrice the next: adding is cheap, and so is asking."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        """Rows in memory; a number may have one in each run."""
        return sum(len(run.rows) for run in self._runs)

    def add(self, rows: HandsetArray) -> None:
        """Rows of distinct numbers."""
        if len(rows):
            self._runs.append(_Run.of(rows))
            while len(self._runs) > 1 and len(self._runs[-2].rows) < 3 * len(self._runs[-1].rows):
                self._unite()

    def _unite(self) -> None:
        newer = self._runs.pop()
        self._runs[-1] = newer.over(self._runs[-1])

    def rows(self) -> HandsetArray:
        """All rows, one a number, in order."""
        while len(self._runs) > 1:
            self._unite()
        return self._runs[0].rows if self._runs else np.zeros(0, HANDSET)

    def view(self) -> Overlay:
        """This as it is now, for a thread of its own: what is added later is not seen."""
        now = Overlay()
        now._runs = self._runs.copy()  # a run itself is never changed
        return now

    def on_top(self, below: HandsetArray) -> HandsetArray:
        """The rows given, changed in place to what is newer here."""
        for run in self._runs:
            place = np.searchsorted(run.numbers, below["number"])
            place[place == len(run.numbers)] = 0
            here = run.numbers[place] == below["number"]
            below[here] = handsets.merge(below[here], run.rows[place[here]], watched=0).known
        return below


class Known:
    """One thread observes, adopts and refreshes; any may `find`."""

    def __init__(self, directory: Path, keys: Keys, tail: Iterable[HandsetArray] = ()) -> None:
        """`tail`: rows that were adopted before and are in no table yet (`Store.handset_tail`). Raises StoreDamaged."""
        self._directory = directory
        self._keys = keys
        self._lock = threading.Lock()
        self._overlay = Overlay()
        self._table: Table | None = None
        for rows in tail:
            self._overlay.add(rows)
        self.refresh()

    @property
    def serial(self) -> int:
        """Of the table in use; 0 = none."""
        return self._table.header.serial if self._table is not None else 0

    @property
    def cities(self) -> tuple[str, ...]:
        """Names behind `city`."""
        return self._table.header.cities if self._table is not None else ("",)

    @property
    def due(self) -> bool:
        return len(self._overlay) >= DUE

    def refresh(self) -> bool:
        """Look for a newer table (an import made one while we ran); whether there was one."""
        path = newest_path(self._directory)
        if path is None or (self._table is not None and self._table.path == path):
            return False
        table = Table(path, self._keys)
        with self._lock:
            self._table = table
        return True

    def verify(self) -> None:
        """Raises StoreDamaged when the table in use is not as it was written. For a thread that has the time."""
        if self._table is not None:
            self._table.verify()

    def find(self, numbers: U64Array) -> HandsetArray:
        """HANDSET rows, in the order of the numbers; of an unknown one imei, imsi and city are 0."""
        with self._lock:
            table, overlay = self._table, self._overlay.view()
        return overlay.on_top(table.find(numbers) if table is not None else handsets.unknown(numbers))

    def observe(self, seen: HandsetArray, watched: int) -> Told:
        """What sightings (in any order) tell. `watched`: since when traffic of these numbers would have been seen (µs)."""
        before = self.find(np.unique(seen["number"]))
        return Told(*handsets.fold(before, seen, watched=watched))

    def adopt(self, rows: HandsetArray) -> None:
        """Remember rows that are stored."""
        if len(rows):
            with self._lock:
                self._overlay.add(rows)

    def changes(self, after: int) -> list[tuple[int, ChangeArray]]:
        """(serial, CHANGE rows) of each import later than table `after`, oldest first: they take effect once, with their serial.

        A list is held against the table before it, so it may tell once more what traffic has told already, or what traffic has overtaken
        since: that is left out.
        """
        return [(serial, self._news(read_changes(path, self._keys))) for serial, path in change_files(self._directory, after)]

    def _news(self, changes: ChangeArray) -> ChangeArray:
        with self._lock:
            overlay = self._overlay.view()
        told = overlay.on_top(handsets.unknown(changes["number"]))
        table = newest(self._directory, self._keys)
        listed = table.find(changes["number"]) if table is not None else handsets.unknown(changes["number"])
        changes = changes.copy()
        for what, name in ((What.IMSI, "imsi"), (What.IMEI, "imei")):
            old = (told[name] != 0) & ((told[name] == listed[name]) | (told[f"{name}_at"] >= changes["at"]))
            changes["what"] &= np.where(old, np.uint8(0xFF ^ what), np.uint8(0xFF))
        news: ChangeArray = changes[changes["what"] != 0]
        return news

    def snapshot(self) -> HandsetArray:
        """What lies on top of the table now: for `fold`, in another thread."""
        with self._lock:
            return self._overlay.rows()

    def folded(self, rows: HandsetArray) -> None:
        """The table holds `rows` now: what came since stays on top of it."""
        self.refresh()
        with self._lock:
            later = self._overlay.rows()
            place = np.searchsorted(rows["number"], later["number"])
            place[place == len(rows)] = 0
            same = rows[place] == later if len(rows) else np.zeros(len(later), bool)
            self._overlay = Overlay()
            self._overlay.add(later[~same])


def fold(directory: Path, keys: Keys, rows: HandsetArray, *, now: int) -> Written:
    """Write rows (one a number, as `Known.snapshot` gives them) into the next table. Raises StoreFull or StoreDamaged."""
    source = by_slice(Cipherer(keys).keys_of(rows["number"]), rows)
    with locked(directory):
        return merge_tables(directory, keys, source, now=now, watched=now, told=True)
