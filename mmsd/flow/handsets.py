"""What sessions tell of handsets and SIM cards, beside the lines they stand in: who has which, and who changed.

Sightings wait until every feed has been read beyond them, so that what counts as a change does not depend on which feed was read first.
Then they are told once, before the tick is judged, stored with its Batch, and remembered after the commit. A tick that fails leaves nothing
behind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from mmsd.errors import MmsdError
from mmsd.flow.folding import Folding
from mmsd.model import NOT_A_NUMBER, I64Array, Kind, Records, U64Array
from mmsd.rules.handsets import HANDSET, ChangeArray, HandsetArray, sightings
from mmsd.rules.models import Models
from mmsd.store.known import Known

_log: Final = logging.getLogger(__name__)

LOOKING: Final = 60.0
"""Seconds between two looks for imports."""


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
    anew: bool = False  # imports were taken up: anybody's handset may be known now


class Handsets:
    """See the module. One thread."""

    def __init__(self, reference: Reference, imported: int, monotonic: Callable[[], float], folding: Folding | None = None) -> None:
        """`imported`: up to which table changes have taken effect (`Store.handset_import`). Without `folding` no table is written."""
        self._reference = reference
        self._imported = imported
        self._monotonic = monotonic
        self._folding = folding
        self._looked = monotonic()
        self._imports: list[tuple[int, ChangeArray]] = []
        self._trouble = ""
        self._anew = False
        self._take_up()
        self._anew = False  # what is there at the start has been there for whatever was said
        self._waiting: list[tuple[I64Array, HandsetArray]] = []  # times of the records, and what they tell
        self._seen: dict[int, list[tuple[int, int, int]]] = {}
        self._told = News()

    @property
    def reference(self) -> Reference:
        """What was imported; any thread may ask it."""
        return self._reference

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

    def city_of(self, number: int) -> str:
        """By the list of subscribers; "" = it does not say."""
        known = self._reference.known
        return known.cities[int(known.find(np.array([number], np.uint64))["city"][0])]

    def before(self, numbers: U64Array) -> HandsetArray:
        """The same, without what this tick has told: `seen` gives that, with its times."""
        return self._reference.known.find(numbers)

    def seen(self, number: int) -> Sequence[tuple[int, int, int]]:
        """Handsets of a number that this tick tells of, beyond what `before` knows: (µs, TAC and serial, software version), by time."""
        return self._seen.get(number, ())

    def see(self, records: Records) -> None:
        """Session records. What a session's later records say of handset and SIM card was so when it began: a standing one may end after
        the handset has changed."""
        names = ("receiver", "at", "kind", "duration", "imei", "imsi")
        self._see(*(records[name] for name in names))

    def recall(self, rows: npt.NDArray[Any]) -> None:
        """TRACE rows of sessions that were read before this process began, and have not been told."""
        names = ("subscriber", "at", "kind", "extra", "message", "transaction")
        self._see(*(rows[name] for name in names))

    def _see(self, numbers: U64Array, at: I64Array, kinds: npt.NDArray[Any], lasted: I64Array, imei: U64Array, imsi: U64Array) -> None:
        real = (numbers != 0) & (numbers & np.uint64(NOT_A_NUMBER) == 0)
        if not real.any():
            return
        numbers, at, kinds, lasted, imei, imsi = (column[real] for column in (numbers, at, kinds, lasted, imei, imsi))
        first = kinds == Kind.SESSION_START
        told = first | (kinds == Kind.SESSION_REJECT) | (lasted >= 0)
        since = at - np.where(first, 0, np.maximum(lasted, 0))
        imei, imsi = (np.where(told, column, np.uint64(0)) for column in (imei, imsi))
        self._waiting.append((at, sightings(numbers, since, imei, imsi)))

    def look(self) -> None:
        """Once a minute: what was imported is taken up, and what traffic told is folded into the table."""
        if self._monotonic() - self._looked >= LOOKING:
            self._looked = self._monotonic()
            self._take_up()
            if self._folding is not None:
                self._folding.look(self._reference.known)

    def _take_up(self) -> None:
        """What cannot be read is told once, and what was known before stays."""
        try:
            self._anew |= self._reference.refresh()
            self._imports = self._reference.known.changes(self._imported)
        except MmsdError as error:
            if str(error) != self._trouble:
                _log.warning("an import is not taken up: %s", error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    def waiting(self, horizon: int) -> bool:
        """Whether there is anything to tell at `horizon`."""
        return self._anew or bool(self._imports) or any(int(at.min()) <= horizon for at, _ in self._waiting)

    def _passed(self, horizon: int) -> HandsetArray:
        at = np.concatenate([at for at, _ in self._waiting]) if self._waiting else np.empty(0, np.int64)
        rows = np.concatenate([rows for _, rows in self._waiting]) if self._waiting else np.empty(0, HANDSET)
        over = at <= horizon
        self._waiting = [(at[~over], rows[~over])] if not over.all() else []
        return rows[over]

    def tell(self, horizon: int, watched: int) -> News:
        """What sightings up to `horizon` tell, and what lists imported since have changed. `watched` as in `Known.observe`."""
        changes: list[ChangeArray] = []
        rows = None
        imported = 0
        for serial, changed in self._imports:
            imported = serial
            changes.append(changed)
        seen = self._passed(horizon)
        if len(seen):
            told = self._reference.known.observe(seen, watched)
            shown = np.sort(seen[seen["imei"] != 0], order=["imei_at", "imei"])
            for number, at, imei, software in shown[["number", "imei_at", "imei", "software"]].tolist():
                self._seen.setdefault(number, []).append((at, imei, software))
            rows = told.rows if len(told.rows) else None
            changes.append(told.changes)
        found = sorted((at, number, what) for part in changes for number, at, what in part.tolist())
        self._told = News(rows, tuple((number, at, what) for at, number, what in found), imported, self._anew)
        return self._told

    def committed(self) -> None:
        """What was told is stored."""
        if self._told.rows is not None:
            self._reference.known.adopt(self._told.rows)
        self._imported = max(self._imported, self._told.imported)
        self._imports = [(serial, changed) for serial, changed in self._imports if serial > self._imported]
        self._anew = self._anew and not self._told.anew
        self._seen = {}
        self._told = News()

    def forget(self) -> None:
        """What was read since the last commit is read again."""
        self._waiting = []
        self._seen = {}
        self._told = News()
