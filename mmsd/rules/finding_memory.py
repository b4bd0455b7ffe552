"""What State remembers for findings: the evidence of whoever has bad evidence, packed, and the findings that were said.

A dossier is forgotten within the hour; three failures of one shape may lie a week apart, and what clears a finding may come a year later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, KeysView, Set
from typing import Final, NamedTuple

from mmsd.model import HOUR
from mmsd.rules.findings import Found, Ground, changed, kept_for, pack, thinned, unpack
from mmsd.rules.settings import Judgement

THINNING: Final = 6 * HOUR
"""Event time between two looks at what is old."""
MOVED: Final = HOUR
"""So long a change waits for evidence from before it: lines of other feeds."""


class Said(NamedTuple):
    """A finding as it was last said."""

    cause: str
    raised: int
    cleared: int
    confidence: float
    urgency: str


Packed = tuple[dict[int, bytes], dict[int, tuple[Said, ...]], list[tuple[int, int]], list[tuple[int, int]]]
"""Evidence and findings by number, (until, who) waits, (who, when) of changes."""


class FindingMemory:
    """By subscriber. `take_changes` gives what changed since it was last asked, `load` takes that back."""

    def __init__(self, settings: Judgement) -> None:
        self._settings = settings
        self._grounds: dict[int, bytes] = {}
        self._said: dict[int, tuple[Said, ...]] = {}
        self._changed: set[int] = set()
        self._waiting: dict[int, set[int]] = {}  # until → who
        self._fresh_waits: list[tuple[int, int]] = []
        self._moved: dict[int, tuple[int, ...]] = {}
        self._fresh_moves: list[tuple[int, int]] = []
        self._thinned = 0

    def wait(self, number: int, until: int) -> None:
        """Something in his evidence counts, or does not, from this event time on."""
        waiting = self._waiting.setdefault(until, set())
        if number not in waiting:
            waiting.add(number)
            self._fresh_waits.append((until, number))

    def due(self, horizon: int) -> bool:
        """Whether anybody waited no longer than this."""
        return any(until <= horizon for until in self._waiting)

    def ripe(self, horizon: int) -> set[int]:
        """Who waited no longer than this, each once."""
        over = [until for until in self._waiting if until <= horizon]
        return {number for until in over for number in self._waiting.pop(until)}

    def closed_at(self, windows: Set[tuple[int, int]], start_of: Callable[[int], int]) -> set[int]:
        """Whose evidence is from deliveries that closed in one of these (node, start of the window)."""
        found = set()
        for number, packed in self._grounds.items():
            if any(ground.closed and (ground.node, start_of(ground.closed)) in windows for ground in unpack(packed)):
                found.add(number)
        return found

    def change(self, number: int, at: int) -> None:
        """He has another handset or SIM card since, or is somebody else. What was found of him before ends, and what still will be."""
        times = self._moved.get(number, ())
        if at not in times:
            self._moved[number] = tuple(sorted((*times, at)))
            self._fresh_moves.append((number, at))

    def changes_of(self, number: int) -> tuple[int, ...]:
        """When that was, of late."""
        return self._moved.get(number, ())

    def end(self, number: int) -> None:
        """Sets late changes against what evidence there is."""
        if number in self._moved and (held := self.grounds(number)):
            self.learn(number, [*held, *map(changed, self._moved[number])])

    @property
    def numbers(self) -> KeysView[int]:
        """Of whom there is evidence: what is good of theirs must be seen."""
        return self._grounds.keys()

    def grounds(self, number: int) -> list[Ground]:
        held = self._grounds.get(number)
        return unpack(held) if held else []

    def learn(self, number: int, grounds: Iterable[Ground]) -> None:
        """This is all the evidence there is; without anything bad or undecided there is none."""
        packed = pack(sorted(set(grounds)))
        if packed != self._grounds.get(number, b""):
            self._changed.add(number)
            if packed:
                self._grounds[number] = packed
            else:
                del self._grounds[number]

    def said(self, number: int) -> tuple[Said, ...]:
        return self._said.get(number, ())

    def say(self, number: int, found: Found) -> bool:
        """Remembers a finding as it is; False when that is what was last said."""
        now = Said(found.cause, found.raised, found.cleared, found.confidence, found.urgency)
        before = self._said.get(number, ())
        if now in before:
            return False
        self._said[number] = (*(said for said in before if said.cause != now.cause), now)
        self._changed.add(number)
        return True

    def withdraw(self, number: int, cause: str) -> Said | None:
        """Forgets a finding; as what it was last said."""
        gone = next((said for said in self._said.get(number, ()) if said.cause == cause), None)
        if gone is not None:
            self._keep_said(number, tuple(said for said in self._said[number] if said != gone))
            self._changed.add(number)
        return gone

    def _keep_said(self, number: int, said: tuple[Said, ...]) -> None:
        if said:
            self._said[number] = said
        else:
            self._said.pop(number, None)

    def prune(self, horizon: int) -> None:
        """Drops what can raise and clear nothing any more. A finding cleared so long ago stays as it is."""
        self._moved = {number: times for number, times in self._moved.items() if times[-1] >= horizon - MOVED}
        if horizon - self._thinned < THINNING:
            return
        self._thinned = horizon
        before = horizon - kept_for(self._settings)
        for number, packed in list(self._grounds.items()):
            grounds = unpack(packed)
            if min(ground.at for ground in grounds) < before:
                self.learn(number, thinned(grounds, self._settings, horizon))
        for number, said in list(self._said.items()):
            kept = tuple(each for each in said if not each.cleared or each.cleared >= before)
            if kept != said:
                self._keep_said(number, kept)
                self._changed.add(number)

    # ------------------------------------------------------------------------------------------------------------ durability

    def forget_changes(self) -> None:
        self._changed.clear()
        self._fresh_waits.clear()
        self._fresh_moves.clear()

    def changes(self) -> Packed:
        """Of the numbers whose changed: evidence and findings, b"" and () where there are none any more; and who waits since."""
        grounds = {number: self._grounds.get(number, b"") for number in self._changed}
        return grounds, {number: self._said.get(number, ()) for number in self._changed}, list(self._fresh_waits), list(self._fresh_moves)

    def whole(self) -> Packed:
        waits = sorted((until, number) for until, who in self._waiting.items() for number in who)
        return self._grounds, self._said, waits, sorted((number, at) for number, times in self._moved.items() for at in times)

    def load(self, packed: Packed, horizon: int) -> None:
        """Takes back what `changes` or `whole` gave; who waited no longer than up to the horizon has been asked for."""
        grounds, said, waiting, moved = packed
        for number, held in grounds.items():
            if held:
                self._grounds[number] = held
            else:
                self._grounds.pop(number, None)
        for number, kept in said.items():
            self._keep_said(number, kept)
        for until, number in waiting:
            self._waiting.setdefault(until, set()).add(number)
        self.ripe(horizon)
        for number, at in moved:
            self._moved[number] = tuple(sorted({*self._moved.get(number, ()), at}))
