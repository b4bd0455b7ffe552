"""What State remembers for findings: the evidence of whoever has bad evidence, packed, and the findings that were said.

A dossier is forgotten within the hour; three failures of one shape may lie a week apart, and what clears a finding may come a year later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mmsd.model import HOUR
from mmsd.rules.findings import Found, Ground, kept_for, pack, thinned, unpack
from mmsd.rules.settings import Judgement

THINNING: Final = 6 * HOUR
"""Event time between two looks at what is old."""


class Said(NamedTuple):
    """A finding as it was last said."""

    cause: str
    raised: int
    cleared: int
    confidence: float
    urgency: str


class FindingMemory:
    """By subscriber. `take_changes` gives what changed since it was last asked, `load` takes that back."""

    def __init__(self, settings: Judgement) -> None:
        self._settings = settings
        self._grounds: dict[int, bytes] = {}
        self._said: dict[int, tuple[Said, ...]] = {}
        self._changed: set[int] = set()
        self._thinned = 0

    @property
    def numbers(self) -> Iterable[int]:
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

    def changes(self) -> tuple[dict[int, bytes], dict[int, tuple[Said, ...]]]:
        """Evidence and findings of the numbers whose changed, b"" and () where there are none any more."""
        return {n: self._grounds.get(n, b"") for n in self._changed}, {n: self._said.get(n, ()) for n in self._changed}

    def whole(self) -> tuple[dict[int, bytes], dict[int, tuple[Said, ...]]]:
        return self._grounds, self._said

    def load(self, grounds: Mapping[int, bytes], said: Mapping[int, tuple[Said, ...]]) -> None:
        for number, packed in grounds.items():
            if packed:
                self._grounds[number] = packed
            else:
                self._grounds.pop(number, None)
        for number, kept in said.items():
            self._keep_said(number, kept)
