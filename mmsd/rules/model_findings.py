"""Findings about a model: one, not ten thousand (evidence table §4).

Of each model and software version a sample of its subscribers is remembered: when each last had a message judged, and when each cause was
last found with him. A cause found with a large share of them, and a far smaller one of all other models', is the model's (wrong defaults,
faulty firmware) and not theirs; what many have whatever their handset is no model's.

The sample is of those whose hash ends in so many zero bits that it stays small: merging commutes, and the share in it is the share of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.model import DAY, HOUR, U64Array
from mmsd.rules.settings import Judgement

CAUSES: Final = ("BAD_MMSC_URL", "BAD_APN", "BAD_PROXY", "NO_PDP", "UNSUPPORTED", "CLIENT_DEFECT", "OK_UNCONFIRMED")
"""What may be a model's; their places are in packed samples, so the list only grows."""
SAMPLE: Final = 128
"""Subscribers of one model that are remembered at most."""
RISE: Final = 2.0
"""A model's share must be so many times that of all other models together, where enough of those are known."""
BITS: Final = 16
_MIX: Final = 0x9E3779B97F4A7C15
_ODD: Final = 0x165667B19E3779F9
_MASK: Final = (1 << BITS) - 1

Sample = dict[int, int]
"""Hash of a subscriber → days, 16 bits each: when he was last seen, then one a cause; 0 = never."""


class ModelFinding(NamedTuple):
    """A cause of a model: `n` of `of` subscribers in the sample."""

    model: str
    cause: str
    raised: int
    cleared: int  # 0 = it stands
    n: int
    of: int


class ModelFindings:
    """See the module. Models are known by the label of model and software version."""

    def __init__(self, settings: Judgement) -> None:
        self._settings = settings
        self._samples: dict[str, tuple[int, Sample]] = {}  # (how many zero bits, sample)
        self._standing: dict[str, dict[str, int]] = {}  # model → cause → since when
        self._fresh: set[str] = set()
        self._looked = 0

    def see(self, model: str, subscriber: int, at: int, cause: str = "") -> None:
        """A message of the subscriber's was judged at this time; or this cause was found with him."""
        zeros, sample = self._samples.get(model, (0, {}))
        key = (subscriber * _MIX + _ODD) % (1 << 64) >> 20
        if key & (1 << zeros) - 1:
            return
        before = sample.get(key, 0)
        after = _later(before, 0, at // DAY)
        if cause:
            after = _later(after, 1 + CAUSES.index(cause), at // DAY)
        if after == before:
            return
        sample[key] = after
        while len(sample) > SAMPLE:
            zeros += 1
            sample = {key: days for key, days in sample.items() if not key & (1 << zeros) - 1}
        self._samples[model] = zeros, sample
        self._fresh.add(model)

    def sampled(self, model: str, subscribers: U64Array) -> npt.NDArray[np.bool_]:
        """Which of them `see` would look at: of a model with many, few."""
        zeros, _ = self._samples.get(model, (0, {}))
        keys = (subscribers * np.uint64(_MIX) + np.uint64(_ODD)) >> np.uint64(20)
        return np.asarray(keys & np.uint64((1 << zeros) - 1) == 0)

    def stands(self, model: str, cause: str) -> bool:
        """Whether a subscriber's finding is his model's."""
        return cause in self._standing.get(model, ())

    def due(self, horizon: int) -> bool:
        return horizon // HOUR > self._looked // HOUR

    def look(self, horizon: int) -> list[ModelFinding]:
        """What was raised or cleared; asked once an hour of event time, so that it hardly depends on how lines came."""
        if not self.due(horizon):
            return []
        self._looked = horizon
        found: list[ModelFinding] = []
        looked: dict[str, tuple[int, int, list[int]]] = {}  # newest day, how many are known, how many each cause was found with
        for model, (zeros, sample) in sorted(self._samples.items()):
            newest = max(days & _MASK for days in sample.values())
            since = newest - round(self._settings.case_days)
            kept = {key: days for key, days in sample.items() if days & _MASK > since}
            if len(kept) < len(sample):
                self._samples[model] = zeros, kept
                self._fresh.add(model)
            with_it = [sum(days >> place * BITS & _MASK > since for days in kept.values()) for place in range(1, 1 + len(CAUSES))]
            looked[model] = newest, len(kept), with_it
        all_known = sum(known for _, known, _ in looked.values())
        all_with_it = [sum(column) for column in zip(*(with_it for _, _, with_it in looked.values()), strict=True)]
        for model, (newest, known, with_it) in looked.items():
            others = all_known - known, [all_ - mine for all_, mine in zip(all_with_it, with_it, strict=True)]
            found += self._judged(model, newest * DAY, known, with_it, *others)
        return found

    def _judged(
        self, model: str, at: int, known: int, with_it: Sequence[int], others: int, others_with_it: Sequence[int]
    ) -> Iterable[ModelFinding]:
        """`with_it`, `others_with_it`: how many of the `known`, and of all `others`, each cause was found with."""
        settings, standing = self._settings, self._standing.get(model, {})
        for cause, n, elsewhere in zip(CAUSES, with_it, others_with_it, strict=True):
            share = n / known
            apart = others < settings.model_subscribers or share >= RISE * elsewhere / others
            if cause not in standing and known >= settings.model_subscribers and share >= settings.model_share and apart:
                self._standing.setdefault(model, {})[cause] = at
                self._fresh.add(model)
                yield ModelFinding(model, cause, at, 0, n, known)
            elif cause in standing and share < settings.model_share / 2:
                raised = self._standing[model].pop(cause)
                self._fresh.add(model)
                yield ModelFinding(model, cause, raised, at, n, known)

    # ------------------------------------------------------------------------------------------------------------ durability

    def forget_changes(self) -> None:
        self._fresh.clear()

    def changes(self) -> list[Packed]:
        return [self._packed(model) for model in sorted(self._fresh)]

    def whole(self) -> list[Packed]:
        return [self._packed(model) for model in sorted(self._samples)]

    def _packed(self, model: str) -> Packed:
        zeros, sample = self._samples.get(model, (0, {}))
        days = {key: value.to_bytes(2 * (1 + len(CAUSES)), "little") for key, value in sample.items()}
        return model, zeros, days, self._standing.get(model, {}), self._looked

    def load(self, packed: Iterable[Packed]) -> None:
        for model, zeros, sample, standing, looked in packed:
            self._samples[model] = zeros, {key: int.from_bytes(days, "little") for key, days in sample.items()}
            self._standing[model] = dict(standing)
            self._looked = max(self._looked, looked)


Packed = tuple[str, int, dict[int, bytes], dict[str, int], int]


def _later(days: int, place: int, day: int) -> int:
    """
    >>> _later(_later(0, 1, 5), 1, 3) == 5 << 16
    True
    """
    shift = place * BITS
    return days if days >> shift & _MASK >= day else days & ~(_MASK << shift) | day << shift
