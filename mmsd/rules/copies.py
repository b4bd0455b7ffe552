"""Copies that taps made of submits, and which line of an MMSC's each belongs to (design §6).

A handset's submit carries no message id, so a copy finds its line by sender, receiver, octets and time; by the id or the transaction
where the tap and the line both know it. Where more than one line may be meant, and it matters which, none is: that is *ambiguous*, held
and counted. A copy that belongs to no line is a *stray*: its line may still come.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from mmsd.model import HOUR, CopyCount, Kind, Records, Sighted
from mmsd.rules.traces import AT, ERROR, LINK, MESSAGE, OTHER, SEED, SIZE, STATUS, TRANSACTION, WHERE, A, Trace

RECOGNISED: Final = np.array([-1, Sighted.EXACT, Sighted.MARK, Sighted.REGISTERED], np.int32)
"""What `status` of a COPY counts."""
METHODS: Final[Mapping[int, str]] = {-1: "copy", Sighted.EXACT: "exact", Sighted.MARK: "mark", Sighted.REGISTERED: "registered"}
"""How a forward was recognised, by `status`."""
THOUSANDTHS: Final = 1000
"""Of a score, in `latency` of a COPY and `error` of its trace."""

JOINED, AMBIGUOUS, STRAY = "joined", "ambiguous", "no_log"
"""What became of a recognised copy, for one receiver."""

WORDS: Final[Mapping[int, str]] = {
    -1: "copy",
    Sighted.NOTHING: "none",
    Sighted.EXACT: "exact",
    Sighted.MARK: "mark",
    Sighted.REGISTERED: "registered",
    Sighted.PROBABLE: "probable",
    Sighted.FAILED: "failed",
    Sighted.UNOPENED: "unopened",
    Sighted.UNREADABLE: "unreadable",
}
"""What a tap's copy is counted as."""
NO_SENDER: Final = "no_sender"
"""A seed was recognised, and neither tap nor message tell who sent it: it counts for nobody."""
SUBMITTED: Final = "submitted"
"""No copy: a submit that the MMSC wrote down, and of which this tap should have one."""
NO_COPY: Final = "no_copy"
"""So many submits at least have none."""
MM1, MM4 = 1, 4
"""`interface` of what a handset posted, and of what came from another MMSC; `a` of a SUBMIT."""


class Pairing(NamedTuple):
    """Copies by place of their line; seeds, the surest first, by places of lines of which it cannot be told; copies without a line."""

    of: Mapping[int, Sequence[Trace]]
    ambiguous: Mapping[int, tuple[int, ...]]
    strays: Sequence[Trace]


def pair(copies: Sequence[Trace], lines: Sequence[Trace], within: int) -> Pairing:
    """Gives each COPY trace of one receiver its SUBMIT trace, |Δt| ≤ `within` µs. Any order of arrival gives the same."""
    of: dict[int, list[Trace]] = defaultdict(list)
    near: dict[int, list[int]] = {}
    strays: list[Trace] = []
    for number, copy in enumerate(copies):
        sure = _sure(copy, lines, within)
        if sure:
            for place in sure:
                of[place].append(copy)
            continue
        near[number] = [place for place, line in enumerate(lines) if _fits(copy, line, within)]
        if not near[number]:
            strays.append(copy)
    ambiguous: dict[int, tuple[int, ...]] = {}
    for places, numbers in components(near):
        mine = [copies[number] for number in numbers]
        known = [copy for place in places for copy in of.get(place, ())]
        if _certain(mine + known, len(places)):
            for place in places:
                of[place].extend(copy for copy, number in zip(mine, numbers, strict=True) if place in near[number])
        else:
            seeds = seeds_of(mine)
            ambiguous.update((place, seeds) for place in places if place not in of)
    return Pairing(of, ambiguous, strays)


def _sure(copy: Trace, lines: Sequence[Trace], within: int) -> list[int]:
    """Places of the lines that it is a copy of by what both know: the first of a message id, and all of a transaction, which were submitted
    again. Where one of these is as long as the copy, one of another length is not."""
    named = [place for place, line in enumerate(lines) if _named(copy, line, within)]
    by_id = [place for place in named if copy[MESSAGE] and lines[place][MESSAGE]]
    again = [place for place in named if place not in by_id]
    alike = [place for place in again if copy[SIZE] == lines[place][SIZE] or copy[SIZE] < 0 or lines[place][SIZE] < 0]
    return by_id[:1] + alike or again[:1]


def _named(copy: Trace, line: Trace, within: int) -> bool:
    """Whether both know the message's id, or its transaction, and it is the same. A handset counts its transactions anew now and then."""
    if copy[OTHER] != line[OTHER]:
        return False
    if copy[MESSAGE] and line[MESSAGE]:
        return bool(copy[MESSAGE] == line[MESSAGE])
    return bool(copy[TRANSACTION] and copy[TRANSACTION] == line[TRANSACTION] and abs(copy[AT] - line[AT]) <= within)


def _fits(copy: Trace, line: Trace, within: int) -> bool:
    if copy[OTHER] != line[OTHER] or abs(copy[AT] - line[AT]) > within or (copy[MESSAGE] and line[MESSAGE]):
        return False
    if copy[TRANSACTION] and line[TRANSACTION]:
        return False
    if copy[SIZE] >= 0 and line[A] == MM4:  # a handset posted what was copied; this came from another MMSC
        return False
    return bool(copy[SIZE] == line[SIZE] or copy[SIZE] < 0 or line[SIZE] < 0)


def components(near: Mapping[int, Sequence[int]]) -> list[tuple[list[int], list[int]]]:
    """(lines, copies) that hang together by "may belong to"."""
    found: list[tuple[set[int], list[int]]] = []
    for number, places in near.items():
        if not places:
            continue
        lines, numbers = set(places), [number]
        for other in [one for one in found if one[0] & lines]:
            found.remove(other)
            lines |= other[0]
            numbers += other[1]
        found.append((lines, numbers))
    return [(sorted(lines), sorted(numbers)) for lines, numbers in found]


def _certain(copies: Sequence[Trace], lines: int) -> bool:
    """Whether every one of the lines is of a message with these seeds, whichever copy is whose: all copies hold the same, and there is
    one line, or some tap copied as many messages as there are lines. A copy told twice is one."""
    told: dict[tuple[int, int, int], set[int]] = defaultdict(set)
    for copy in copies:
        told[copy[LINK], copy[AT], copy[TRANSACTION]].add(copy[SEED])
    if len({frozenset(seeds) for seeds in told.values()}) > 1:
        return False
    taps = Counter(tap for tap, _, _ in told)
    return lines == 1 or max(taps.values()) >= lines


def transactions(lines: Sequence[Trace], copies: Sequence[Sequence[Trace]]) -> list[int]:
    """The transaction of each of one sender's lines, from itself or from its copies; 0 = not known.

    Lines that share copies, being as long and close together, have them in their order, where some tap has as many.
    """
    found = [int(line[TRANSACTION]) for line in lines]
    holders: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for place, mine in enumerate(copies):
        for key in {(copy[LINK], copy[AT], copy[TRANSACTION]) for copy in mine}:
            holders[key].append(place)
    keys = sorted(holders)
    for places, numbers in components({number: holders[key] for number, key in enumerate(keys)}):
        in_order = sorted(places, key=lambda place: (lines[place][AT], lines[place][WHERE]))
        taps: dict[int, list[int]] = defaultdict(list)
        for tap, _, transaction in (keys[number] for number in numbers):
            taps[tap].append(transaction)
        told = {transaction for of_tap in taps.values() for transaction in of_tap}
        whole = next((of_tap for of_tap in taps.values() if len(of_tap) == len(places)), list(told) * len(places) if len(told) == 1 else [])
        for place, transaction in zip(in_order, whole, strict=False):
            found[place] = found[place] or transaction
    return found


def in_order(copies: Iterable[Trace]) -> list[Trace]:
    """The surest first: the octets themselves before a mark, the higher score before the lower."""
    return sorted(copies, key=lambda copy: (copy[STATUS] != Sighted.EXACT, -copy[ERROR], copy[SEED]))


def seeds_of(copies: Iterable[Trace]) -> tuple[int, ...]:
    """Each once, the surest first."""
    return tuple(dict.fromkeys(copy[SEED] for copy in in_order(copies)))


def score(copy: Trace) -> float:
    """Of a mark as it was measured, 7.5 or more; 1 for octets, and where nobody says.

    The octets of a picture are one of 2²⁵⁶, a mark's score has a tail.
    """
    return max(int(copy[ERROR]), 0) / THOUSANDTHS if copy[STATUS] in (Sighted.MARK, Sighted.REGISTERED) else 1.0


class Seen:
    """Copies counted by hour, tap, what was seen and campaign, as they are read."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[int, str, str, str]] = Counter()

    def take(self, feed: str, records: Records) -> None:
        """A copy is one, however many receivers it has, and one in each campaign of which it holds seeds; a line may tell of many that were
        not opened (`octets`)."""
        chosen = np.flatnonzero(records["kind"] == Kind.COPY)
        at, place, status, octets, sender = (records[name] for name in ("at", "where", "status", "octets", "sender"))
        last, told = -1, set[str]()
        for row in chosen.tolist():
            campaign = records.text("tag", row).decode("utf-8", "replace").partition("/")[0]
            if place[row] != last:
                last, told = int(place[row]), set()
            if campaign in told:
                continue
            told.add(campaign)
            tap = records.text("fid", row).decode("utf-8", "replace") or feed
            what = WORDS.get(int(status[row]), "copy")
            if not sender[row] and status[row] in RECOGNISED:
                what = NO_SENDER
            self.counts[int(at[row]) // HOUR, tap, what, campaign] += max(int(octets[row]), 1)

    def submitted(self, taps: Iterable[str], records: Records) -> None:
        """Submits that handsets posted to a node of which these taps copy all; one, however many receivers it has."""
        posted = np.flatnonzero((records["kind"] == Kind.SUBMIT) & (records["interface"] == MM1))
        _, first = np.unique(records["where"][posted], return_index=True)
        hours, numbers = np.unique(records["at"][posted[first]] // HOUR, return_counts=True)
        for tap in taps:
            for hour, n in zip(hours.tolist(), numbers.tolist(), strict=True):
                self.counts[hour, tap, SUBMITTED, ""] += n


def without_a_copy(counts: Iterable[CopyCount], before: int) -> dict[str, int]:
    """By tap how many submits at least have no copy, in hours before `before`: those of which all copies were looked into. A tap that
    does not copy all submits of a node is left out: of it nobody knows.

    A copy of what the MMSC refused, or passed on by reference, stands for a submit in this: so there may be more.
    """
    left: dict[str, int] = {}
    told: set[str] = set()
    for count in counts:
        if count.tap and count.hour < before:
            left[count.tap] = left.get(count.tap, 0) + (count.n if count.what == SUBMITTED else -count.n)
            told |= {count.tap} if count.what == SUBMITTED else set()
    return {tap: max(left[tap], 0) for tap in sorted(told)}
