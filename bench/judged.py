"""A replay of mmsd in memory, and the count of what it said beside what is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from mmsd import app, config
from mmsd.config.models_table import TAC_COLUMNS, read_tacs
from mmsd.config.sheet import Sheet
from mmsd.flow.sequencer import END, Sequencer
from mmsd.model import Attempt, Delivery, Finding
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Issued
from mmsd.store.keys import Keys
from mmsd.store.listing import import_list
from mmsd.store.reference import Imported, Reference
from mmsd.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class Judged:
    """All that a replay said."""

    deliveries: list[Delivery]
    attempts: list[Attempt]
    findings: list[Finding]
    forwards: list[Issued]


@dataclass(frozen=True, slots=True)
class Lists:
    """What the operator imports: who has which handset and SIM card as it was at `as_of` (µs), and which models have MMS."""

    handsets: Path
    tac: Path
    as_of: int


Watch = Callable[[int], None]
"""Told how many octets of the logs have been read."""


def judged(
    settings: config.Settings,
    campaigns: Sequence[CampaignSettings] = (),
    *,
    to_the_end: bool = False,
    lists: Lists | None = None,
    watch: Watch | None = None,
    before: Callable[[SqliteStore], None] | None = None,
) -> Judged:
    """Replays the feeds of `settings` into a store in memory; `to_the_end` judges what is open when the files end. `before` may write into
    it what was there before the first line."""
    keys = app.throwaway_keys()
    store = SqliteStore.memory(keys=keys, wall=app.wall)
    try:
        if lists is not None:
            import_lists(lists, settings, store, keys)
        if before is not None:
            before(store)
        with app.intake(settings, store, keys, app.World(), follow=False, keep_all=True, campaigns=campaigns) as sequencer:
            if to_the_end:
                sequencer.until = END
            _read(sequencer, watch)
        return _all(store)
    finally:
        store.close()


def judged_in_stages(
    settings: config.Settings,
    campaigns: Sequence[CampaignSettings],
    late: Mapping[Path, bytes],
    ends: int,
    later: int,
    *,
    watch: Watch | None = None,
) -> tuple[Judged, Judged]:
    """As the daemon meets files that arrive late: what it says when all is read but the rest of these files, and what when that has come.

    The daemon's clock stands a minute behind `ends` (µs), when the last line was written, and `later` (µs) after that.
    """
    keys = app.throwaway_keys()
    now = ends + 60_000_000
    world = replace(app.World(), wall=lambda: now, monotonic=lambda: now / 1e6)
    store = SqliteStore.memory(keys=keys, wall=world.wall)
    try:
        with app.intake(settings, store, keys, world, keep_all=True, campaigns=campaigns) as sequencer:
            _read(sequencer, watch)
            early = _all(store)
            now += later
            for path, data in late.items():
                with path.open("ab") as file:
                    file.write(data)
            _read(sequencer, watch)
        return early, _all(store)
    finally:
        store.close()


def import_lists(lists: Lists, settings: config.Settings, store: SqliteStore, keys: Keys) -> None:
    """As `mmsd import handsets` and `mmsd import tac` do."""
    import_list(lists.handsets, store.directory, keys, as_of=lists.as_of, now=lists.as_of, zone=settings.zone.name)
    sheet = Sheet(lists.tac, TAC_COLUMNS, ("tac",))
    Reference(store.directory).replace_models("tac", read_tacs(sheet), lambda: Imported("tac", lists.tac.name, "", lists.as_of, 0, 0))


def _read(sequencer: Sequencer, watch: Watch | None) -> None:
    while sequencer.tick():
        if watch is not None:
            watch(sequencer.progress.octets.total())


def _all(store: SqliteStore) -> Judged:
    return Judged(list(store.all_deliveries()), list(store.all_attempts()), list(store.all_findings()), list(store.all_forwards()))


ENOUGH: Final = 0.98
"""Recall and precision that each cause must reach."""
FEW: Final = 25
"""Of a cause that is rarer one wrong reading is not yet a share."""
NOT_JUDGED: Final = "not judged"
"""In place of a cause: of a message whose MMSC was not read, or one that was not found."""


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

    def shortfalls(self) -> dict[str, str]:
        """Causes whose recall or precision is below `ENOUGH`, and how far. A leg that is not found is missed where it belongs."""
        short = {}
        for cause in self.causes():
            total = sum(n for pair, n in self.pairs.items() if cause in pair)
            missed = sum(n - self.right[pair] for pair, n in self.pairs.items() if pair[0] == cause)
            false = sum(n - self.right[pair] for pair, n in self.pairs.items() if pair[1] == cause)
            if cause != NOT_JUDGED and max(missed, false) > max((1 - ENOUGH) * total, total < FEW):
                short[cause] = f"{missed} missed, {false} false of {total}"
        return short

    def recall(self, cause: str) -> float | None:
        """Of the rows whose true cause this is, the share that was read right; None without any."""
        return self._share(cause, 0)

    def precision(self, cause: str) -> float | None:
        """Of the rows that were given this cause, the share for which that is right; None without any."""
        return self._share(cause, 1)

    def _share(self, cause: str, place: int) -> float | None:
        total = sum(n for pair, n in self.pairs.items() if pair[place] == cause)
        return sum(n for pair, n in self.right.items() if pair[place] == cause) / total if total else None
