"""Numbers that nodes give to their files and records: which are missing.

A charging gateway numbers its files, and the records in them (TS 32.297 6.1.1.8, TS 32.298 localSequenceNumber). A number left out is a
file that never came: whatever it held is in no verdict. Files may come late and in any order while a backlog is read, so a gap is told
only once everything there is has been read; what comes later takes it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from mmsd.model import Stretch

FAR: Final = {"files": 10_000, "records": 10_000_000}
"""A step so wide is no gap: the node began to count anew."""
MOST_GAPS: Final = 64
"""Gaps kept of one numbering. With more the numbers are no sequence, and nothing is said of them any more."""
MOST_FILES: Final = 256
"""Files whose node is remembered: those that are being read."""

LATE: Final = "{} that came late"
MISSING: Final = "{} missing"
AGAIN: Final = "{} with a number seen before"
ANEW: Final = "numbering of {} begun anew"
NO_SEQUENCE: Final = "numbers of {} are no sequence"


class Missing(NamedTuple):
    """Numbers `first` to `last` of a node's files or records are missing."""

    series: str
    node: str
    first: int
    last: int

    def __str__(self) -> str:
        """
        >>> str(Missing("files", "10.1.2.3", 8, 8)), str(Missing("records", "", 8, 9))
        ('files 8 of 10.1.2.3 are missing', 'records 8 to 9 are missing')
        """
        numbers = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        return f"{self.series} {numbers}{f' of {self.node}' if self.node else ''} are missing"


class Gap(msgspec.Struct, array_like=True):
    """Numbers that are missing, and between which times (µs): of the newest line before them, and of the first line after them."""

    first: int
    last: int
    told: bool = False
    start: int = 0
    stop: int = 0  # 0: that line has not been read yet


class Numbering(msgspec.Struct, array_like=True):
    """What was seen of one numbering: everything from `begin` up to, not with, `next`, but for the gaps."""

    begin: int
    next: int
    gaps: list[Gap] = []
    settled: bool = False  # a backlog has been read: nothing lower is waited for
    wild: bool = False  # no sequence
    oldest: int = 0  # time of the first line under `begin` …
    newest: int = 0  # … and of the newest of all, µs


class Series(msgspec.Struct, array_like=True):
    """All numberings of one feed. Packed with State."""

    held: dict[str, Numbering] = {}  # by series and node
    nodes: dict[int, str] = {}  # file's ordinal → node, as its header said

    def take(self, ordinal: int, stretches: Iterable[Stretch], first: int = 0, newest: int = 0) -> Counter[str]:
        """Merges what was seen in a chunk of one file; what is worth counting, in words. `first`, `newest`: times of its lines, 0 = none.

        >>> series = Series()
        >>> series.take(0, [Stretch("files", 7, 7, "a"), Stretch("records", 1, 50)]), series.take(1, [Stretch("files", 9, 9, "a")])
        (Counter(), Counter())
        >>> [str(missing) for missing in series.tell()], series.take(2, [Stretch("files", 8, 8, "a")])
        (['files 8 of a are missing'], Counter({'files that came late': 1}))
        """
        notes: Counter[str] = Counter()
        for stretch in stretches:
            if stretch.node:
                self.nodes[ordinal] = stretch.node
                while len(self.nodes) > MOST_FILES:
                    del self.nodes[min(self.nodes)]
            key = f"{stretch.series} {self.nodes.get(ordinal, '')}"
            known = self.held.get(key)
            if known is None:
                self.held[key] = Numbering(stretch.first, stretch.last + 1, oldest=first)
            elif not known.wild:
                _merge(known, stretch, notes, first)
        if newest:
            self._date(self.nodes.get(ordinal, ""), first, newest)
        return notes

    def _date(self, node: str, first: int, newest: int) -> None:
        """Lines of a node's file at these times: gaps that end with the first of them know their end."""
        for series in FAR:
            known = self.held.get(f"{series} {node}")
            if known is not None:
                known.oldest = known.oldest or first
                known.newest = max(known.newest, newest)
                for gap in known.gaps:
                    gap.stop = gap.stop or first

    def missing_files(self) -> list[tuple[int, int]]:
        """Between which times (µs) files are missing, of the gaps that were told."""
        gaps = [gap for key, known in self.held.items() if key.startswith("files ") for gap in known.gaps if gap.told and gap.stop]
        return sorted((min(gap.start, gap.stop), max(gap.start, gap.stop)) for gap in gaps)

    def tell(self) -> list[Missing]:
        """The gaps not yet told. They are now."""
        found = []
        for key, known in self.held.items():
            series, _, node = key.partition(" ")
            known.settled = True
            for gap in known.gaps:
                if not gap.told:
                    gap.told = True
                    found.append(Missing(series, node, gap.first, gap.last))
        return found

    @property
    def untold(self) -> bool:
        """Whether `tell` has anything to do."""
        return any(not known.settled or any(not gap.told for gap in known.gaps) for known in self.held.values())


def _merge(known: Numbering, stretch: Stretch, notes: Counter[str], at: int) -> None:
    first, last = stretch.first, stretch.last
    far = FAR.get(stretch.series, max(FAR.values()))
    if first > known.next:
        if first - known.next > far:
            _begin_anew(known, stretch, notes)
            return
        known.gaps.append(Gap(known.next, first - 1, start=known.newest, stop=at))
    elif last < known.begin and first > 1 and not known.settled and known.begin - last <= far:
        if last + 1 < known.begin:
            known.gaps.append(Gap(last + 1, known.begin - 1, start=at, stop=known.oldest))
        known.begin, known.oldest = first, at
    elif first < known.next:
        filled, told = _fill(known, first, min(last, known.next - 1), at)
        if told:
            notes[LATE.format(stretch.series)] += told
        if not filled and last < known.next:
            if first <= 1 < known.next - last or known.next - last > far:
                _begin_anew(known, stretch, notes)
            else:
                notes[AGAIN.format(stretch.series)] += last - first + 1
            return
    known.next = max(known.next, last + 1)
    if len(known.gaps) > MOST_GAPS:
        known.wild, known.gaps = True, []
        notes[NO_SEQUENCE.format(stretch.series)] += 1


def _begin_anew(known: Numbering, stretch: Stretch, notes: Counter[str]) -> None:
    known.begin, known.next = stretch.first, stretch.last + 1
    known.gaps.clear()
    notes[ANEW.format(stretch.series)] += 1


def _fill(known: Numbering, first: int, last: int, at: int) -> tuple[int, int]:
    """Takes numbers out of the gaps: how many, and how many of them had been told."""
    filled = told = 0
    kept: list[Gap] = []
    for gap in known.gaps:
        low, high = max(first, gap.first), min(last, gap.last)
        if low > high:
            kept.append(gap)
            continue
        filled += high - low + 1
        told += gap.told * (high - low + 1)
        if gap.first < low:
            kept.append(Gap(gap.first, low - 1, gap.told, gap.start, at or gap.stop))
        if high < gap.last:
            kept.append(Gap(high + 1, gap.last, gap.told, at or gap.start, gap.stop))
    known.gaps = kept
    return filled, told
