"""Groups: quiet deliveries of the express lane, put away in the store many subscribers at a time, and taken back when somebody asks.

A group keeps whose past it holds and when each has to be looked at again; everything else of it lies in the store, packed as the lane
packs it (`fast.portrait_py`). Whose past comes back leaves his group; a group that nobody's past lies in any more is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from mmsd.errors import StoreError
from mmsd.fast import Express, Texts
from mmsd.model import ColdGroup
from mmsd.rules.traces import in_set, pieces

MEMBERS: Final = 32
"""Numbers of one group. Who comes back asks for all of it: some six kilobytes; who goes pays his part of a row and a seal."""

Numbers = npt.NDArray[np.uint64]


class Group(msgspec.Struct, array_like=True):
    """Whose past lies there (u64, sorted; 0 = no longer), with which deadlines (i64), until when the store keeps it, and in which group
    the part before lies of each (u32, 0 = nowhere; empty: of nobody)."""

    numbers: bytes
    dues: bytes
    until: int
    before: bytes = b""


class Changes(msgspec.Struct, array_like=True):
    """Since the last Batch: groups made, numbers that came back (u64), and each from which group (u32)."""

    made: dict[int, Group]
    revived: bytes = b""
    left: bytes = b""


class Groups:
    """See the module."""

    def __init__(self, express: Express, texts: Texts) -> None:
        self._express = express
        self._texts = texts
        self.held: dict[int, Group] = {}
        self._last = 0
        self._wanted = np.empty(0, np.uint64), np.empty(0, np.uint32)
        self.forget_changes()

    def put_away(self, numbers: Numbers, until: int) -> list[ColdGroup]:
        """Packs the past of these *sorted* numbers for the store, which keeps it until then (µs)."""
        return [self._put(numbers[at : at + MEMBERS], until) for at in range(0, len(numbers), MEMBERS)]

    def _put(self, numbers: Numbers, until: int) -> ColdGroup:
        self._last += 1
        spilled = self._express.spill(numbers, self._last)
        before = spilled.before.tobytes() if spilled.before.any() else b""
        self.held[self._last] = Group(numbers.tobytes(), spilled.dues.tobytes(), until, before)
        self._made.append(self._last)
        return ColdGroup(self._last, numbers, spilled.sizes, spilled.portraits, self._texts.some(spilled.unsaid), until)

    def wanted(self, horizon: int) -> list[int]:
        """Groups that hold the past of somebody the express lane will look at, and cannot do without."""
        numbers, groups = self._with_earlier(*self._express.wanted(horizon))
        order = np.argsort(groups, kind="stable")
        self._wanted = numbers[order], groups[order]
        asked: list[int] = np.unique(groups).tolist()
        return asked

    def _with_earlier(self, numbers: Numbers, groups: npt.NDArray[np.uint32]) -> tuple[Numbers, npt.NDArray[np.uint32]]:
        """The same, and the groups in which earlier parts of their past lie."""
        todo, earlier = list(zip(numbers.tolist(), groups.tolist(), strict=True)), list[tuple[int, int]]()
        while todo:
            number, group = todo.pop()
            held = self.held.get(group)
            if held is None or not held.before:
                continue
            place = np.flatnonzero(np.frombuffer(held.numbers, np.uint64) == number)
            if len(place) and (before := int(np.frombuffer(held.before, np.uint32)[place[0]])):
                earlier.append((number, before))
                todo.append((number, before))
        found = np.array([number for number, _ in earlier], np.uint64), np.array([group for _, group in earlier], np.uint32)
        return np.concatenate([numbers, found[0]]), np.concatenate([groups, found[1]])

    def take_back(self, found: Iterable[tuple[int, bytes, bytes]]) -> None:
        """Takes from these groups (number, portraits, texts), in any order, what is of those `wanted` named; a group that is gone is not
        missed.

        Raises StoreError when one of them is damaged.
        """
        numbers, groups = self._wanted
        places = {int(groups[start]): (start, stop) for start, stop in pieces(groups)}
        for group, portraits, packed in found:
            start, stop = places[group]
            texts = Texts()
            try:
                texts.load(packed)
                unsaid = self._express.revive(numbers[start:stop], portraits, ask=len(texts) > 0)
            except ValueError as error:
                raise StoreError(f"what was put away is damaged ({error}); restore the state directory as a whole") from None
            for key in unsaid.tolist():
                if key in texts:
                    self._texts.put(key, texts[key])
        self._express.revive(numbers)  # whose group is gone has no past any more
        self._leave(numbers, groups)
        self._revived.append(numbers)
        self._left.append(groups)

    def expire(self, horizon: int) -> None:
        """Groups that the store keeps no longer: the oldest, which stand first."""
        for number in [number for number, _ in takewhile(lambda held: held[1].until < horizon, self.held.items())]:
            members = np.frombuffer(self.held[number].numbers, np.uint64)
            self._express.expire(number, members[members != 0])
            self._drop(number)

    def over(self) -> list[int]:
        """Groups that nobody's past lies in any more, since `forget_changes`."""
        return list(self._over)

    def _leave(self, numbers: Numbers, groups: npt.NDArray[np.uint32]) -> None:
        """The past of each is no longer in its group."""
        touched = [number for number in np.unique(groups).tolist() if number in self.held]
        if not touched:
            return
        held = [self.held[number] for number in touched]
        ends = np.cumsum([0, *(len(group.numbers) // 8 for group in held)])
        members = np.frombuffer(b"".join(group.numbers for group in held), np.uint64)
        homes = np.repeat(np.array(touched, np.uint32), np.diff(ends))
        left = np.where(_pairs_in(members, homes, numbers, groups), np.uint64(0), members)
        still = np.logical_or.reduceat(left != 0, ends[:-1]).tolist()
        for place, (number, group) in enumerate(zip(touched, held, strict=True)):
            if still[place]:
                self.held[number] = Group(left[ends[place] : ends[place + 1]].tobytes(), group.dues, group.until, group.before)
            else:
                self._drop(number)

    def _drop(self, number: int) -> None:
        del self.held[number]
        self._over.append(number)

    # ------------------------------------------------------------------------------------------------------------ durability

    def forget_changes(self) -> None:
        """From here on `changes` begins anew."""
        self._made: list[int] = []
        self._over: list[int] = []
        self._revived: list[Numbers] = []
        self._left: list[npt.NDArray[np.uint32]] = []

    def changes(self) -> Changes:
        made = {number: self.held[number] for number in self._made if number in self.held}
        return Changes(made, b"".join(part.tobytes() for part in self._revived), b"".join(part.tobytes() for part in self._left))

    def changed(self) -> bool:
        return bool(self._made or self._over or self._revived)

    def whole(self) -> Changes:
        """All groups, as if they had just been made."""
        return Changes(self.held)

    def load(self, changes: Changes, portraits: Iterable[bytes | memoryview]) -> None:
        """Folds changes in, and what changed on the lane, in pieces: who came back left his group before, and who was put away has left
        it since. Raises StoreError when the last portrait is cut short, or one is damaged."""
        revived, left = np.frombuffer(changes.revived, np.uint64), np.frombuffer(changes.left, np.uint32)
        self._leave(revived, left)
        self._express.revive(revived)
        self._load_portraits(portraits)
        for number, group in changes.made.items():
            self.held[number] = group
            self._last = max(self._last, number)
            numbers, dues = np.frombuffer(group.numbers, np.uint64), np.frombuffer(group.dues, np.int64)
            self._express.place_cold(numbers[numbers != 0], dues[numbers != 0], number)

    def _load_portraits(self, pieces: Iterable[bytes | memoryview]) -> None:
        """A portrait may begin in one piece and end in the next."""
        cut: bytes | memoryview = b""
        for piece in pieces:
            both = b"".join((cut, piece)) if cut else piece
            try:
                cut = memoryview(both)[self._express.load(both) :]
            except ValueError:
                raise StoreError("a portrait of the packed State is damaged; restore the state directory as a whole") from None
        if len(cut):
            raise StoreError("the packed State in the state directory ends within a portrait; restore the state directory as a whole")


def _pairs_in(members: Numbers, homes: npt.NDArray[np.uint32], numbers: Numbers, groups: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Which (member, home) is one of (number, group)."""
    known, of_number = np.unique(numbers, return_inverse=True)
    apart = int(max(homes.max(), groups.max())) + 1
    place = np.searchsorted(known, members)
    place[place == len(known)] = 0
    return np.asarray((known[place] == members) & in_set(place * apart + homes, np.sort(of_number * apart + groups)))
