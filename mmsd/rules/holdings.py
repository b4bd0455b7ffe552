"""Who came to hold a copy of a seed, and from whom: remembered for as long as a campaign runs, forty octets a copy.

Copies stand in a few sorted runs, as traces do; those of whoever is judged now stand beside them as values. Runs and lists are replaced,
never changed: another thread may look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from mmsd.rules.traces import Run, in_set

HOLDING: Final = np.dtype(
    [
        ("subscriber", "<u8"),
        ("at", "<i8"),
        ("sender", "<u8"),
        ("campaign", "<u2"),  # number of its name
        ("generation", "<u2"),
        ("seed", "<u4"),  # State's number of it; 0 in what was packed before it was written down
        ("key", "V16"),  # of the forward; zeros: from the service itself
    ]
)
_MOST: Final = (1 << 16) - 1
_NO_KEY: Final = bytes(16)


class Holding(msgspec.Struct, array_like=True, frozen=True):
    """A subscriber came to hold a seed: (when retrieved, campaign, State's number of the seed, generation, the forward's key or b"" from
    the service itself). Seed 0: which of the campaign's was not written down.
    """

    subscriber: int
    at: int
    campaign: str
    seed: int
    generation: int
    key: bytes
    sender: int = 0


class Served(NamedTuple):
    """The service itself sent somebody a seed, as the outbox has it, and the MMSC took it then. `arrived`: the MMSC says that he
    retrieved it.
    """

    number: int
    campaign: str
    seed: str  # its name in the campaign
    at: int
    arrived: bool


class Holdings:
    """See the module. `names`: of campaigns, by the number they are packed under; it only grows."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._runs: tuple[Run, ...] = ()
        self._near: dict[int, list[Holding]] = {}  # of whom all copies are at hand
        self._fresh: list[tuple[Holding, int]] = []  # with the number of its campaign

    def of(self, number: int) -> list[Holding]:
        """All of one subscriber's, oldest first."""
        near = self._near.get(number)
        if near is not None:
            return near
        found: list[Holding] = []
        key = np.uint64(number)
        for run in self._runs:
            first, stop = run.keys.searchsorted(key), run.keys.searchsorted(key, "right")
            found += self._read(run.rows[first:stop])
        return sorted(found, key=_order)

    def bring(self, numbers: npt.NDArray[np.uint64]) -> None:
        """Has at hand what these (distinct) subscribers hold: they are asked for next."""
        missing = np.array([number for number in numbers.tolist() if number not in self._near], np.uint64)
        found: dict[int, list[Holding]] = {number: [] for number in missing.tolist()}
        for run in self._runs:
            first = np.searchsorted(run.keys, missing, "left")
            counts = np.searchsorted(run.keys, missing, "right") - first
            places = np.repeat(first - np.concatenate(([0], np.cumsum(counts)[:-1])), counts) + np.arange(int(counts.sum()))
            for holding in self._read(run.rows[places]):
                found[holding.subscriber].append(holding)
        self._near.update((number, sorted(held, key=_order)) for number, held in found.items())

    def add(self, holding: Holding, campaign: int) -> bool:
        """False when it is known: judged again, with more behind it, it is the same copy. `campaign`: the number of its name."""
        held = self.of(holding.subscriber)
        if any(_same(one, holding) for one in held):
            return False
        self._near[holding.subscriber] = sorted([*held, holding], key=_order)
        self._fresh.append((holding, campaign))
        return True

    def known(self, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Which of them hold anything."""
        found = np.array([bool(self._near.get(number)) for number in numbers.tolist()], bool)
        for run in self._runs:
            found |= in_set(numbers, run.keys)
        return found

    def numbers(self) -> Iterator[int]:
        """Everybody who holds anything; some more than once."""
        for run in self._runs:
            yield from np.unique(run.keys).tolist()
        yield from (number for number, held in self._near.items() if held)

    # ------------------------------------------------------------------------------------------------------------ durability

    def fresh(self) -> bytes:
        """What came since `fold`, packed."""
        return self._rows().tobytes()

    def fold(self) -> None:
        """Puts what came into the runs; nothing is at hand any more."""
        rows = self._rows()
        if len(rows):
            self._append(rows)
        self._fresh, self._near = [], {}

    def packed(self) -> bytes:
        return b"".join(run.rows.tobytes() for run in self._runs) + self.fresh()

    def load(self, packed: bytes) -> None:
        """Takes over what was packed; each copy is packed once."""
        if packed:
            self._append(np.frombuffer(packed, HOLDING))

    def _append(self, rows: npt.NDArray[np.void]) -> None:
        runs = [*self._runs, Run.of(rows)]
        while len(runs) > 1 and len(runs[-2].rows) < 3 * len(runs[-1].rows):
            last, before = runs.pop(), runs.pop()
            runs.append(Run.of(np.concatenate([before.rows, last.rows])))
        self._runs = tuple(runs)

    def _rows(self) -> npt.NDArray[np.void]:
        rows = np.zeros(len(self._fresh), HOLDING)
        for place, (holding, campaign) in enumerate(self._fresh):
            generation = min(holding.generation, _MOST)
            rows[place] = (holding.subscriber, holding.at, holding.sender, campaign, generation, holding.seed, holding.key or _NO_KEY)
        return rows

    def _read(self, rows: npt.NDArray[np.void]) -> Iterator[Holding]:
        for subscriber, at, sender, campaign, generation, seed, key in rows.tolist():
            yield Holding(subscriber, at, self._names[campaign], seed, generation, b"" if key == _NO_KEY else key, sender)


def of_seed(holdings: Iterable[Holding], campaign: str, seed: int) -> list[Holding]:
    """Copies of one seed; one of which nobody wrote down which of the campaign's it was may be of any."""
    return [one for one in holdings if one.campaign == campaign and one.seed in (0, seed)]


def _same(one: Holding, other: Holding) -> bool:
    return (one.at, one.campaign, one.seed, one.key) == (other.at, other.campaign, other.seed, other.key)


def _order(holding: Holding) -> tuple[int, bytes, int]:
    return holding.at, holding.key, holding.seed
