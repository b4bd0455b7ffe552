"""What traffic told of handsets goes into the next table, beside the running daemon: minutes of work that no tick waits for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from mmsd.errors import MmsdError
from mmsd.rules.handsets import HandsetArray
from mmsd.store import Tail
from mmsd.store.keys import Keys
from mmsd.store.known import Known, Overlay, fold

_log: Final = logging.getLogger(__name__)


class Tails(Protocol):
    """What it asks of the store."""

    def handset_tail(self) -> Tail: ...
    def drop_handset_tail(self, last: int) -> int: ...


class Folding:
    """`look` now and then, from the thread that owns `known`. Killed in the middle it begins anew: folding twice is folding once."""

    def __init__(self, store: Tails, directory: Path, keys: Keys, wall: Callable[[], int]) -> None:
        self._store = store
        self._directory = directory
        self._keys = keys
        self._wall = wall
        self._thread: threading.Thread | None = None
        self._done: tuple[HandsetArray, int] | None = None

    def look(self, known: Known) -> None:
        """Begins when it is due, and ends what was begun. Raises StoreBusy or StoreFull when the rows cannot be dropped: they may stay."""
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
            if self._done is not None:
                (rows, last), self._done = self._done, None
                known.folded(rows)
                self._store.drop_handset_tail(last)
        elif self._thread is None and known.due:
            self._thread = threading.Thread(target=self._fold, name="folding", daemon=True)
            self._thread.start()

    def _fold(self) -> None:
        tail = self._store.handset_tail()
        overlay = Overlay()
        for rows in tail.rows:
            overlay.add(rows)
        rows = overlay.rows()
        try:
            fold(self._directory, self._keys, rows, now=self._wall())
        except MmsdError as error:
            _log.warning("what traffic told of handsets stays beside their table for now: %s", error)
        else:
            self._done = rows, tail.last

    def wait(self) -> None:
        """Until what was begun is over."""
        if self._thread is not None:
            self._thread.join()
