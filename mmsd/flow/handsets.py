"""What sessions tell of handsets and SIM cards, beside the lines they stand in: who has which, and who changed.

Sightings are gathered while a tick reads, told once before it is judged, stored with its Batch, and remembered after the commit. A tick
that fails leaves nothing behind.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from mmsd.model import Kind, Records, U64Array
from mmsd.rules.handsets import ChangeArray, HandsetArray, sightings
from mmsd.rules.models import Models
from mmsd.store.known import Known


class Reference(Protocol):
    """What an operator imported, kept up to date (`config.reference.ReferenceData`)."""

    known: Known
    models: Models

    def refresh(self) -> bool: ...


class News(NamedTuple):
    """Of one tick: rows for the Batch, changes in order of time, and the table whose changes are among them (0 = none)."""

    rows: HandsetArray | None = None
    changes: tuple[tuple[int, int, int], ...] = ()  # (number, µs, sum of `rules.handsets.What`)
    imported: int = 0


class Handsets:
    """See the module. One thread."""

    def __init__(self, reference: Reference, imported: int) -> None:
        """`imported`: up to which table changes have taken effect (`Store.handset_import`)."""
        self._reference = reference
        self._imported = imported
        self._seen: list[HandsetArray] = []
        self._told = News()

    @property
    def models(self) -> Models:
        return self._reference.models

    def find(self, numbers: U64Array) -> HandsetArray:
        """HANDSET rows in the order of the numbers, what this tick has told included."""
        rows = self._reference.known.find(numbers)
        told = self._told.rows
        if told is not None:
            place = np.searchsorted(told["number"], numbers)
            place[place == len(told)] = 0
            here = told["number"][place] == numbers
            rows[here] = told[place[here]]
        return rows

    def see(self, records: Records) -> None:
        """Session records. What a session's later records say of handset and SIM card was so when it began: a standing one may end after
        the handset has changed."""
        if records.rows:
            lasted, first = records["duration"], records["kind"] == Kind.SESSION_START
            told = first | (records["kind"] == Kind.SESSION_REJECT) | (lasted >= 0)
            at = records["at"] - np.where(first, 0, np.maximum(lasted, 0))
            imei, imsi = (np.where(told, records[name], np.uint64(0)) for name in ("imei", "imsi"))
            self._seen.append(sightings(records["receiver"], at, imei, imsi))

    def tell(self, watched: int, *, imports: bool) -> News:
        """What the tick's sightings tell; with `imports` also what lists imported since have changed. `watched` as in `Known.observe`."""
        changes: list[ChangeArray] = []
        rows = None
        if imports:
            self._reference.refresh()
            for serial, changed in self._reference.known.changes(self._imported):
                self._told = self._told._replace(imported=serial)
                changes.append(changed)
        if self._seen:
            told = self._reference.known.observe(np.concatenate(self._seen), watched)
            rows = told.rows if len(told.rows) else None
            changes.append(told.changes)
        found = sorted((at, number, what) for part in changes for number, at, what in part.tolist())
        self._told = News(rows, tuple((number, at, what) for at, number, what in found), self._told.imported)
        return self._told

    def committed(self) -> None:
        """What was told is stored."""
        if self._told.rows is not None:
            self._reference.known.adopt(self._told.rows)
        self._imported = max(self._imported, self._told.imported)
        self.forget()

    def forget(self) -> None:
        """What was read since the last commit is read again."""
        self._seen.clear()
        self._told = News()
