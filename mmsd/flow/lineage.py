"""Where forwards came from, looked at again whenever a day of their campaign was closed: a line that came late may have brought to light a
copy that was delivered in between. What changes is restated with its tree; no serial and no figure of a close depends on it.

Of days whose figures are final nothing is looked at any more, but for the last time when they become so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from mmsd.errors import StoreBusy, StoreFull
from mmsd.model import Batch, Forward
from mmsd.rules.closing import FINAL, Course
from mmsd.rules.holdings import Holding, of_seed
from mmsd.rules.lineage import Copy, Lineage, Link, resolve
from mmsd.store import Needs, Rows, Store

_log = logging.getLogger(__name__)

POLL: Final = 5.0
AT_ONCE: Final = 500
"""Forwards that are restated in one transaction."""
_SURE: Final = timedelta(days=3)
"""What was there when a day had been closed for now, and the next had not, was not retrieved so long after it."""

Held = Callable[[int, int], Sequence[Holding]]
"""(number, time) → what whoever had the number then has come to hold, oldest first (`State.held`)."""


class Resolving:
    """A loop of its own; `run` until cancelled. After a start the last day that was closed is looked at again. `number`: State's of
    campaign/seed."""

    def __init__(
        self, store: Store, held: Held, number: Callable[[str], int], *, wall: Callable[[], int],
        call: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:  # fmt: skip
        self._store = store
        self._held = held
        self._number = number
        self._wall = wall
        self._call = call
        self._done: dict[str, frozenset[tuple[str, str]]] = {}  # of each campaign, what was said when it was looked at last
        self._reached: dict[str, list[tuple[str, int]]] = {}  # … and up to which forward it was then, by the day that was closed

    async def run(self) -> None:
        while True:
            try:
                await self.turn()
            except (StoreFull, StoreBusy) as error:
                _log.warning("lineage waits: %s", error)
            await asyncio.sleep(POLL)

    async def turn(self) -> int:
        """How many forwards are said to come from elsewhere than before."""
        courses = await self._call(self._store.campaign_courses)
        changed = 0
        for campaign, course in courses.items():
            said = frozenset(course.said)
            if said and said != self._done.get(campaign):
                changed += await self._call(self.resolve, campaign, course)
                self._done[campaign] = said
        return changed

    def resolve(self, campaign: str, course: Course) -> int:
        """Of one campaign, all days that were open when this was done last."""
        newest = max(course.said)[0]
        before = self._done.get(campaign) or frozenset(one for one in course.said if one[0] != newest)
        after = max((day for day, stage in before if stage == FINAL), default="")
        day, forward = self._store.lineage_reached(campaign)
        past = self._reached.setdefault(campaign, [])
        sure = (date.fromisoformat(after) - _SURE).isoformat() if after else ""
        beyond = next((last for closed, last in reversed(past) if closed <= sure), 0)
        doubted = self._store.lineage_doubted(campaign, after, beyond)
        found = resolve(doubted, lambda link: self._copies(campaign, link), self._store.came_of)
        keys = list(found)
        for first in range(0, len(keys), AT_ONCE):
            self._restate({key: found[key] for key in keys[first : first + AT_ONCE]})
        if not past or past[-1][0] < day:
            past.append((day, forward))
        return len(found)

    def _copies(self, campaign: str, link: Link) -> list[Copy]:
        holdings = of_seed(self._held(link.sender, link.submitted), campaign, self._number(f"{campaign}/{link.seed}"))
        generations = self._store.generations(one.key for one in holdings if one.key)
        stored = [one for one in holdings if not one.key or one.key in generations]  # State is ahead of the transaction it waits for
        return [Copy(one.at, one.key, generations.get(one.key, one.generation)) for one in stored]

    def _restate(self, found: dict[bytes, Lineage]) -> None:
        def decide(rows: Rows) -> Batch:
            there = [(rows.forwards[key], now) for key, now in found.items() if key in rows.forwards]
            return Batch(self._wall(), forwards=[_restated(one, now) for one, now in there if one.sender and one.receiver])  # else erased

        self._store.transact(Needs(forwards=frozenset(found)), decide)


def _restated(forward: Forward, now: Lineage) -> Forward:
    return msgspec.structs.replace(forward, generation=now.generation, parent=now.parent, parents=now.candidates, received=now.received)
