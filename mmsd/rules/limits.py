"""The limits of the governor: each says from which instant on it would let a message go.

A limit only ever moves an instant on, and lets every instant pass that it names: asked in turn until none moves it any more, several
limits agree on the first instant that suits them all. Instants and lengths are µs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from mmsd.model import SECOND
from mmsd.rules.local_time import Hours, LocalTime
from mmsd.rules.settings import Cap


class Limit(Protocol):
    """What may stand against a message."""

    reason: ClassVar[str]

    @property
    def detail(self) -> str:
        """The limit in words."""

    def first(self, at: int) -> int | None:
        """The first instant from `at` on that it allows; None: no instant does."""


@dataclass(frozen=True, slots=True)
class CapLimit:
    """At most so many to one subscriber in any stretch of a length."""

    cap: Cap
    times: Sequence[int]
    whose: str

    reason: ClassVar[str] = "cap"

    @property
    def detail(self) -> str:
        return f"{self.cap.count} in {duration(self.cap.seconds)}, {self.whose}"

    def first(self, at: int) -> int | None:
        if not self.cap.count:
            return None
        if len(self.times) < self.cap.count:
            return at
        return max(at, self.times[-self.cap.count] + window(self.cap))


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


def window(cap: Cap) -> int:
    """The length of a cap's stretch, µs."""
    return int(cap.seconds * SECOND)


def duration(seconds: float) -> str:
    """A length of time in the largest unit that holds it whole.

    >>> duration(86400.0), duration(7200), duration(90), duration(604800)
    ('1 day', '2 hours', '90 seconds', '7 days')
    """
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            count = int(seconds // unit)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"
