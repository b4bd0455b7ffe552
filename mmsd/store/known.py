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
from mmsd.rules.handsets import HANDSET, ChangeArray, HandsetArray
from mmsd.store.handsets import Cipherer, Table, Written, by_slice, change_files, locked, merge_tables, newest_path, read_changes
from mmsd.store.keys import Keys

DUE: Final = 1_000_000
"""Rows on top of the table that are worth writing the next one: 80 MB of memory."""
_SMALL: Final = 16_384


class Told(NamedTuple):
    """What sightings told that was not known: rows for `Batch.handsets`, and CHANGE rows in order of time."""

    rows: HandsetArray
    changes: ChangeArray


class Overlay:
    """Rows by number, the newest facts of each: a large sorted array, and a small one before it that takes what comes."""

    def __init__(self) -> None:
        self._large = np.zeros(0, HANDSET)
        self._small = np.zeros(0, HANDSET)

    def __len__(self) -> int:
        return len(self._large) + len(self._small)

    def add(self, rows: HandsetArray) -> None:
        """Rows of distinct numbers."""
        self._small = _united(self._small, rows)
        if len(self._small) > _SMALL:
            self._large = _united(self._large, self._small)
            self._small = np.zeros(0, HANDSET)

    def rows(self) -> HandsetArray:
        """All rows, one a number."""
        return _united(self._large, self._small)

    def on_top(self, below: HandsetArray) -> HandsetArray:
        """The rows given, each with what is newer here."""
        for part in (self._large, self._small):
            if len(part):
                place = np.searchsorted(part["number"], below["number"])
                place[place == len(part)] = 0
                here = part["number"][place] == below["number"]
                below[here] = handsets.merge(below[here], part[place[here]], watched=0).known
        return below


def _united(old: HandsetArray, new: HandsetArray) -> HandsetArray:
    """Both, in order of number; of a number that is in both, field by field the newer."""
    numbers = np.union1d(old["number"], new["number"])
    rows = handsets.unknown(numbers)
    rows[np.searchsorted(numbers, old["number"])] = old
    place = np.searchsorted(numbers, new["number"])
    rows[place] = handsets.merge(rows[place], new, watched=0).known
    return rows


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
            table, overlay = self._table, self._overlay
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
        """(serial, CHANGE rows) of each import later than table `after`, oldest first: they take effect once, with their serial."""
        return [(serial, read_changes(path, self._keys)) for serial, path in change_files(self._directory, after)]

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
