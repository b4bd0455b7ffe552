"""A glance at whether anything was committed: loops that wait for rows ask the store again only then, so that an idle daemon is idle."""

from __future__ import annotations

from mmsd.store import Store


class Glance:
    """Of one loop. What it looks for must not depend on the time, and whatever it could not finish it must look at again by itself."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = -1

    def anew(self) -> bool:
        """Whether the store may answer otherwise than after the last call. To be asked before the store is."""
        before, self._seen = self._seen, self._store.changes()
        return self._seen != before
