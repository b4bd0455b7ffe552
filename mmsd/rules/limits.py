"""The limits of the governor: each says from which instant on it would let a message go.

A limit only ever moves an instant on, and lets every instant pass that it names: asked in turn until none moves it any more, several
limits agree on the first instant that suits them all. Instants and lengths are µs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple, Protocol

from mmsd.model import DAY, HOUR, MINUTE, SECOND
from mmsd.rules.local_time import Hours, LocalTime

YEAR: Final = 366 * DAY


class Limit(Protocol):
    """What may stand against a message."""

    reason: ClassVar[str]

    @property
    def detail(self) -> str:
        """The limit in words."""

    def first(self, at: int) -> int | None:
        """The first instant from `at` on that it allows; None: no instant does."""

    def told(self, at: int) -> str:
        """How it stands at an instant, in words."""


class Cap(NamedTuple):
    """At most `most` messages to one subscriber in any stretch of `length` µs."""

    most: int
    length: int

    def __str__(self) -> str:
        unit, size = next((unit, size) for unit, size in UNITS.items() if self.length % size == 0)
        many = self.length // size
        return f"{self.most} in {many} {unit}{'s' if many != 1 else ''}"


UNITS: Final[Mapping[str, int]] = {"day": DAY, "hour": HOUR, "minute": MINUTE, "second": SECOND}
_CAP: Final = re.compile(rf"([0-9]{{1,9}}) in ([1-9][0-9]{{0,8}}) ({'|'.join(UNITS)})s?")


def cap(text: str) -> Cap:
    """A cap as people write it. Raises ValueError for anything else, and for a stretch longer than a year.

    >>> cap("3 in 7 days"), str(cap("3 in 120 minutes"))
    (Cap(most=3, length=604800000000), '3 in 2 hours')
    >>> cap("3 a day")
    Traceback (most recent call last):
    ...
    ValueError: '3 a day' is no cap: write "3 in 1 day"
    """
    found = _CAP.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no cap: write "3 in 1 day"')
    length = int(found[2]) * UNITS[found[3]]
    if length > YEAR:
        raise ValueError(f"{text!r} is no cap: a stretch is a year at most")
    return Cap(int(found[1]), length)


@dataclass(frozen=True, slots=True)
class CapLimit:
    """At most so many to one subscriber in any stretch of a length."""

    cap: Cap
    times: Sequence[int]
    whose: str

    reason: ClassVar[str] = "cap"

    @property
    def detail(self) -> str:
        return f"{self.cap}, {self.whose}"

    def first(self, at: int) -> int | None:
        if not self.cap.most:
            return None
        if len(self.times) < self.cap.most:
            return at
        return max(at, self.times[-self.cap.most] + self.cap.length)

    def told(self, at: int) -> str:
        used = sum(1 for time in self.times if time > at - self.cap.length)
        return f"cap: {used} of {self.detail}"


@dataclass(frozen=True, slots=True)
class CeilingLimit:
    """At most so many in a local day."""

    daily: int
    time: LocalTime
    used: Callable[[str], int]

    reason: ClassVar[str] = "ceiling"

    @property
    def detail(self) -> str:
        return f"{self.daily} a day"

    def first(self, at: int) -> int | None:
        if not self.daily:
            return None
        while self.used(self.time.day(at)) >= self.daily:
            at = self.time.other_day(at)
        return at

    def told(self, at: int) -> str:
        return f"ceiling: {self.used(self.time.day(at))} of {self.detail}"


@dataclass(frozen=True, slots=True)
class QuietLimit:
    """Nothing in quiet hours, but for an answer to what the subscriber just said."""

    quiet: tuple[Hours, ...]
    time: LocalTime
    answers: int | None  # until when it is an answer

    reason: ClassVar[str] = "quiet_hours"

    @property
    def detail(self) -> str:
        return ", ".join(map(str, self.quiet))

    def first(self, at: int) -> int | None:
        return at if self.answers is not None and at < self.answers else self.time.free(at, self.quiet)

    def told(self, at: int) -> str:
        until = self.time.free(at, self.quiet)
        when = "" if until == at else ", now" if until is None else f", now until {self.time.clock(until)}"
        return f"quiet hours: {self.detail}{when}"
