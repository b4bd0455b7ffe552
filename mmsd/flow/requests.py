"""Messages that ask for a seed, in the transaction that stores them; what is for no campaign goes on to whoever listens next.

A centre that repeats a message finds what the first brought: the holder's row, or the text of that hour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mmsd.flow.settle import Listener
from mmsd.model import Batch, Composed, Heard
from mmsd.rules.asking import Wanted, Words, answer
from mmsd.rules.life import state_of
from mmsd.store import Holding, Needs, Rows


class Shelf(Protocol):
    """Messages of seeds, ready to be sent."""

    def find(self, label: str) -> Composed | None:
        """The message of a seed, campaign/name. Any thread; it may read the store, once for each."""
        ...

    def first(self, campaign: str) -> str:
        """The first of a campaign's seeds, by name, that there is a message of; "" while there is none."""
        ...


class Shelved:
    """A `Shelf` that remembers what was found until seeds are others (`changes` is another number); what is not there yet may come."""

    def __init__(self, load: Callable[[str], Composed | None], first: Callable[[str], str], changes: Callable[[], int] = lambda: 0) -> None:
        self._load = load
        self._first = first
        self._changes = changes
        self._known = changes()
        self._found: dict[str, Composed] = {}
        self._firsts: dict[str, str] = {}

    def first(self, campaign: str) -> str:
        self._renew()
        name = self._firsts.get(campaign) or self._first(campaign)
        if name:
            self._firsts[campaign] = name
        return name

    def _renew(self) -> None:
        if self._changes() != self._known:
            self._known = self._changes()
            self._found.clear()
            self._firsts.clear()

    def find(self, label: str) -> Composed | None:
        self._renew()
        found = self._found.get(label) or self._load(label)
        if found is not None:
            self._found[label] = found
        return found


class Requests:
    """A `Listener` in front of another. `key` names rows of the outbox without telling whose they are."""

    def __init__(self, words: Words, shelf: Shelf, key: bytes, then: Listener) -> None:
        self._words = words
        self._shelf = shelf
        self._key = key
        self._then = then

    def needs(self, heard: Sequence[Heard]) -> Needs:
        asked, others = self._sorted(heard)
        wanted = frozenset((found.campaign.id, found.seed, one.msisdn) for one, found in asked)
        mine = Needs(holders=wanted, lives=frozenset(found.campaign.id for _, found in asked))
        return mine | self._then.needs(others) if others else mine

    def decide(self, heard: Sequence[Heard], rows: Rows, now: int) -> Batch:
        batch = Batch(now)
        asked, others = self._sorted(heard)
        known: dict[tuple[str, str, str], Holding | None] = {}  # as they become: somebody may ask twice in one Batch
        for one, wanted in asked:
            place = (wanted.campaign.id, wanted.seed, one.msisdn)
            held = known.get(place, rows.holders.get(place))
            content = self._shelf.find(wanted.label)
            holder, row = held if held is not None else (None, None)
            state = state_of(rows.lives.get(wanted.campaign.id, ()))
            brought = answer(one, wanted, content, holder, row, key=self._key, now=now, state=state)
            if brought.row is not None:
                batch.outbox.append(brought.row)
            if brought.holder is not None and brought.row is not None and content is not None:
                batch.holders.append(brought.holder)
                known[place] = Holding(brought.holder, brought.row)
                if content not in batch.composed:
                    batch.composed.append(content)
        if others:
            batch.add(self._then.decide(others, rows, now))
        return batch

    def _sorted(self, heard: Sequence[Heard]) -> tuple[list[tuple[Heard, Wanted]], list[Heard]]:
        asked: list[tuple[Heard, Wanted]] = []
        others: list[Heard] = []
        for one in heard:
            wanted = self._words.asked(one)
            if wanted is None:
                others.append(one)
            else:
                asked.append((one, wanted if wanted.seed else wanted._replace(seed=self._shelf.first(wanted.campaign.id))))
        return asked, others
