"""When the days of a campaign are closed: which figures are said of a local day, and from when on nothing changes them.

A day is closed twice, by event time. `provisional`: every feed has been read beyond its end and the hold, so that whatever was retrieved in
it is decided. `final`: so much later that no late line is waited for any more (72 hours). What comes after that is told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from mmsd.model import SECOND, Closing
from mmsd.rules.campaign import dates, local_day
from mmsd.rules.settings import CampaignSettings

PROVISIONAL: Final = "provisional"
FINAL: Final = "final"
STAGES: Final = (PROVISIONAL, FINAL)
_ONE_DAY: Final = timedelta(days=1)


@dataclass(slots=True)
class Course:
    """What there is of a campaign: the first and last day with a forward, "" where there is none, and (day, stage) said."""

    first: str = ""
    last: str = ""
    said: set[tuple[str, str]] = field(default_factory=set)

    def see(self, day: str) -> None:
        """A forward stands on this day."""
        self.first = min(self.first or day, day)
        self.last = max(self.last, day)


def end_of(day: date, zone: tzinfo) -> int:
    """The instant at which a local day ends, µs UTC.

    >>> from datetime import timezone
    >>> end_of(date(2026, 11, 22), timezone(timedelta(hours=8))) // SECOND
    1795363200
    """
    after = day + _ONE_DAY
    return round(datetime(after.year, after.month, after.day, tzinfo=zone).timestamp()) * SECOND


@dataclass(frozen=True, slots=True)
class Rule:
    """When days of one campaign are closed. Durations are µs; `until`: the last day that is closed though nothing came in it."""

    zone: tzinfo
    hold: int
    restate: int
    until: date

    @classmethod
    def of(cls, campaign: CampaignSettings, zone: tzinfo) -> Rule:
        """Of its settings: its days go on as long after its end as figures may change, for what was sent in time and came late."""
        restate = round(campaign.restate * SECOND)
        _, ends = dates(campaign, zone)
        last = date.fromisoformat(local_day(ends - 1 + restate, zone))
        return cls(zone, round(campaign.hold * SECOND), restate, last)

    def at(self, day: date, stage: str) -> int:
        """The event time up to which everything must have been read."""
        return end_of(day, self.zone) + (self.hold if stage == PROVISIONAL else max(self.restate, self.hold))


class Calendar:
    """All campaigns' days. `load` what the store says, ask what is `due`, tell what is `committed`."""

    def __init__(self, campaigns: Iterable[CampaignSettings] = (), zones: Callable[[str], tzinfo] = lambda name: UTC) -> None:
        self._rules = {campaign.id: Rule.of(campaign, zones(campaign.zone)) for campaign in campaigns}
        self._course: dict[str, Course] = {}
        self._next = 0  # before this nothing can be due

    def load(self, course: Mapping[str, Course]) -> None:
        self._course = {campaign: Course(one.first, one.last, set(one.said)) for campaign, one in course.items()}
        self._next = 0

    def due(self, horizon: int) -> list[Closing]:
        """What has to be said when every feed has been read up to `horizon`: by campaign and day, provisional before final."""
        if horizon < self._next:
            return []
        found: list[Closing] = []
        self._next = 1 << 62
        for campaign, rule in self._rules.items():
            for day, stage in self._open(campaign, rule):
                at = rule.at(day, stage)
                if at <= horizon:
                    found.append(Closing(campaign, day.isoformat(), stage, horizon))
                else:
                    self._next = min(self._next, at)
                    if stage == PROVISIONAL:
                        break  # and no later day has ended either
        if found:
            self._next = 0  # until they are committed
        return found

    def _open(self, campaign: str, rule: Rule) -> Iterable[tuple[date, str]]:
        """(day, stage) that nothing was said of yet, by day."""
        course = self._course.get(campaign)
        if course is None or not course.first:
            return
        day, last = date.fromisoformat(course.first), max(date.fromisoformat(course.last), rule.until)
        while day <= last:
            for stage in STAGES:
                if (day.isoformat(), stage) not in course.said:
                    yield day, stage
            day += _ONE_DAY

    def committed(self, closings: Iterable[Closing], days: Iterable[tuple[str, str]]) -> None:
        """These were said, and forwards stand on these (campaign, day)."""
        for closing in closings:
            self._course.setdefault(closing.campaign, Course()).said.add((closing.day, closing.stage))
        for campaign, day in days:
            self._course.setdefault(campaign, Course()).see(day)
            self._next = 0
