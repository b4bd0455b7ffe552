"""A replay of mmsd in memory, and the count of what it said beside what is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mmsd import app, config
from mmsd.flow.sequencer import END, Sequencer
from mmsd.model import Attempt, Delivery, Finding
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Issued
from mmsd.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class Judged:
    """All that a replay said."""

    deliveries: list[Delivery]
    attempts: list[Attempt]
    findings: list[Finding]
    forwards: list[Issued]


def judged(settings: config.Settings, campaigns: Sequence[CampaignSettings] = (), *, to_the_end: bool = False) -> Judged:
    """Replays the feeds of `settings` into a store in memory; `to_the_end` judges what is open when the files end."""
    keys = app.throwaway_keys()
    store = SqliteStore.memory(keys=keys, wall=app.wall)
    try:
        sequencer = app.intake(settings, store, keys, app.World(), follow=False, keep_all=True, campaigns=campaigns)
        if to_the_end:
            sequencer.until = END
        _read(sequencer)
        return _all(store)
    finally:
        store.close()


def judged_in_stages(
    settings: config.Settings, campaigns: Sequence[CampaignSettings], late: Mapping[Path, bytes], ends: int, later: int
) -> tuple[Judged, Judged]:
    """As the daemon meets files that arrive late: what it says when all is read but the rest of these files, and what when that has come.

    The daemon's clock stands a minute behind `ends` (µs), when the last line was written, and `later` (µs) after that.
    """
    keys = app.throwaway_keys()
    now = ends + 60_000_000
    world = replace(app.World(), wall=lambda: now, monotonic=lambda: now / 1e6)
    store = SqliteStore.memory(keys=keys, wall=world.wall)
    try:
        sequencer = app.intake(settings, store, keys, world, keep_all=True, campaigns=campaigns)
        _read(sequencer)
        early = _all(store)
        now += later
        for path, data in late.items():
            with path.open("ab") as file:
                file.write(data)
        _read(sequencer)
        return early, _all(store)
    finally:
        store.close()


def _read(sequencer: Sequencer) -> None:
    while sequencer.tick():
        pass


def _all(store: SqliteStore) -> Judged:
    return Judged(list(store.all_deliveries()), list(store.all_attempts()), list(store.all_findings()), list(store.all_forwards()))


@dataclass(slots=True)
class Score:
    """Pairs (true cause, found cause) counted; `right` are those that the truth accepts."""

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    right: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, true: str, found: str, accepted: Iterable[str], told: str) -> None:
        self.pairs[true, found] += 1
        if found in accepted:
            self.right[true, found] += 1
        else:
            self.wrong.append(f"{told}: {true}, found {found}")

    def causes(self) -> list[str]:
        """All causes met, the most frequent truths first."""
        totals: Counter[str] = Counter()
        for (true, _), n in self.pairs.items():
            totals[true] += n
        return sorted({cause for pair in self.pairs for cause in pair}, key=lambda cause: (-totals[cause], cause))

    def recall(self, cause: str) -> float | None:
        """Of the rows whose true cause this is, the share that was read right; None without any."""
        return self._share(cause, 0)

    def precision(self, cause: str) -> float | None:
        """Of the rows that were given this cause, the share for which that is right; None without any."""
        return self._share(cause, 1)

    def _share(self, cause: str, place: int) -> float | None:
        total = sum(n for pair, n in self.pairs.items() if pair[place] == cause)
        return sum(n for pair, n in self.right.items() if pair[place] == cause) / total if total else None
