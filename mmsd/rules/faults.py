"""Faults of nodes that show only over many deliveries (evidence table, "Beyond one delivery").

Deliveries are counted by the node and the ten minutes in which they closed. A cause of the rows T, N and U that takes a large share of
them, far more than in the day before and on several models, is no matter of handsets: the node failed, and what closed there and then
says nothing of anybody's settings. Counting commutes and can be taken back; a window is looked at when it is over, and again when late
lines change it, the day before it or what other nodes closed meanwhile.

- Rows T: of the deliveries that came as far as a fetch. Who never asked says nothing of the node.
- Rows N: pushes fail behind the MMSC, at the SMSC and the handset. They are its own fault only where other nodes' went well meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from mmsd.model import DAY, SECOND
from mmsd.rules.settings import Judgement

FAMILIES: Final = frozenset("TNU")
"""Rows whose causes may be a node's doing."""
FETCH, PUSH = "T", "N"
WORDS: Final = frozenset({"T1", "T6", "N1", "N2"})
"""Rows in which the node itself answered with an error or cut an answer short, or its pushes were refused."""
MODELS: Final = 16
"""Models are told apart by a hash of so many values: enough to see whether there are five."""
NO_MODEL: Final = MODELS

Key = tuple[int, int]
"""(label of the node, number of the window)."""


class Fault(NamedTuple):
    """One cause on one node in one window [start, stop), µs: `n` of `closed` deliveries. `family`: the rows it is of."""

    node: int
    start: int
    stop: int
    cause: str
    n: int
    closed: int
    family: str


class Closings:
    """See the module. `counts` maps a key to family and cause → [how many, of them by a node's own words, by model …, without a known
    model]; "" to [how many] of all others."""

    def __init__(self, settings: Judgement) -> None:
        self._settings = settings
        self.width = max(int(settings.fault_window * SECOND), 1)
        self.counts: dict[Key, dict[str, list[int]]] = {}
        self.faults: dict[Key, tuple[Fault, ...]] = {}
        self._changed: set[Key] = set()
        self._fresh: set[Key] = set()

    def add(self, node: int, closed: int, rule: str, cause: str, model: int, n: int) -> None:
        """Counts a closed delivery (`n` 1), or takes it back (−1). `model`: any number that stands for it, 0 = unknown."""
        key = node, closed // self.width
        held = self.counts.setdefault(key, {})
        guilty = rule[:1] + cause if rule[:1] in FAMILIES else ""
        counts = held.setdefault(guilty, [0] * (3 + MODELS if guilty else 1))
        counts[0] += n
        if guilty:
            counts[1] += n * (rule in WORDS)
            counts[2 + (model * 0x9E3779B1 >> 16) % MODELS if model else 2 + NO_MODEL] += n
        if not counts[0]:
            del held[guilty]
        self._changed.add(key)
        self._fresh.add(key)

    def start_of(self, closed: int) -> int:
        return closed // self.width * self.width

    def end_of(self, closed: int) -> int:
        """When the window of this time is over."""
        return (closed // self.width + 1) * self.width

    def at(self, node: int, closed: int) -> tuple[Fault, ...]:
        """Faults of a node at this time, as far as they were found."""
        return self.faults.get((node, closed // self.width), ())

    def look(self, horizon: int) -> tuple[list[Fault], list[Fault]]:
        """(faults found, faults that are none after all) since the last look, in windows that are over."""
        day = DAY // self.width
        due = {key for key in self._changed if (key[1] + 1) * self.width <= horizon}
        self._changed -= due
        found: list[Fault] = []
        gone: list[Fault] = []
        # what changed in a window changes the share before all windows of the day after it, and what other nodes are compared with
        later = {
            (node, window)
            for node, first in _firsts(due).items()
            for other, window in self.counts
            if other == node and first < window <= first + day * 2 and (window + 1) * self.width <= horizon
        }
        windows = {window for _, window in due}
        beside = {key for key in self.counts if key[1] in windows}
        for key in sorted(due | later | beside):
            now, before = tuple(self._judged(key)), self.faults.get(key, ())
            if now == before:
                continue
            found += [fault for fault in now if fault not in before]
            gone += [fault for fault in before if (fault.family, fault.cause) not in {(each.family, each.cause) for each in now}]
            self._fresh.add(key)
            if now:
                self.faults[key] = now
            else:
                del self.faults[key]
        return found, gone

    def _judged(self, key: Key) -> Iterator[Fault]:
        settings = self._settings
        node, window = key
        held = self.counts.get(key, {})
        day = window - DAY // self.width
        past = [counts for (other, at), counts in self.counts.items() if other == node and day <= at < window]
        for guilty, counts in sorted(held.items()):
            family, cause, n = guilty[:1], guilty[1:], counts[0]
            closed = _closed(held, family)
            if not guilty or closed < settings.fault_answers or n < settings.fault_share * closed:
                continue
            before = sum(_closed(each, family) for each in past)
            if before >= settings.fault_answers:
                usual = sum(each[guilty][0] for each in past if guilty in each) / before
                risen = n / closed >= settings.fault_rise * usual
            else:  # nothing to compare with: the node's own words must say it
                risen = 2 * counts[1] >= n
            if family == PUSH:
                risen = risen and self._alone(key, guilty, n / closed)
            models = sum(1 for count in counts[2 : NO_MODEL + 2] if count)
            if risen and (models >= settings.fault_models or 2 * counts[NO_MODEL + 2] > n):
                yield Fault(node, window * self.width, (window + 1) * self.width, cause, n, closed, family)

    def _alone(self, key: Key, guilty: str, share: float) -> bool:
        """Whether it has this share for itself: other nodes closed as many deliveries meanwhile, and far fewer so."""
        settings = self._settings
        others = [counts for (node, window), counts in self.counts.items() if window == key[1] and node != key[0]]
        closed = sum(_closed(each, guilty[:1]) for each in others)
        same = sum(each[guilty][0] for each in others if guilty in each)
        return closed >= settings.fault_answers and share * closed >= settings.fault_rise * same

    def prune(self, horizon: int) -> None:
        """Drops what no late line can change any more, and what is in the day before no such window."""
        settings = self._settings
        oldest = (horizon - int(settings.restate * SECOND) - DAY) // self.width - 1
        self.counts = {key: held for key, held in self.counts.items() if key[1] >= oldest}
        self.faults = {key: held for key, held in self.faults.items() if key[1] >= oldest}

    # ------------------------------------------------------------------------------------------------------------ durability

    def forget_changes(self) -> None:
        self._fresh.clear()

    def changes(self) -> list[tuple[Key, dict[str, list[int]], tuple[Fault, ...]]]:
        return self._packed(self._fresh)

    def whole(self) -> list[tuple[Key, dict[str, list[int]], tuple[Fault, ...]]]:
        return self._packed({*self.counts, *self.faults})

    def _packed(self, keys: Iterable[Key]) -> list[tuple[Key, dict[str, list[int]], tuple[Fault, ...]]]:
        return [(key, self.counts.get(key, {}), self.faults.get(key, ())) for key in sorted(keys)]

    def load(self, packed: Iterable[tuple[Key, Mapping[str, list[int]], tuple[Fault, ...]]]) -> None:
        """Takes back what `changes` or `whole` gave. A window is looked at when it changed, or is not over: those here may be either."""
        for key, counts, faults in packed:
            self.counts[key] = {cause: list(each) for cause, each in counts.items()}
            self.faults.pop(key, None)
            if faults:
                self.faults[key] = faults
            self._changed.add(key)


def _closed(held: Mapping[str, list[int]], family: str) -> int:
    """Deliveries that say something of rows of this family.

    >>> _closed({"": [60], "TNODE_FAULT": [20], "NNO_PUSH": [40]}, "T"), _closed({"": [60], "NNO_PUSH": [40]}, "N")
    (80, 100)
    """
    return sum(counts[0] for guilty, counts in held.items() if family != FETCH or guilty[:1] in ("", FETCH))


def _firsts(keys: Iterable[Key]) -> dict[int, int]:
    """The first window of each node."""
    firsts: dict[int, int] = {}
    for node, window in keys:
        firsts[node] = min(window, firsts.get(node, window))
    return firsts
