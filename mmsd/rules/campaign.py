"""Campaigns and their seeds: which message is a seed's (design §6).

Seed evidence that a log line can hold: the message id of the seed as the service sent it, a tag column, an M-Forward of a message known to
be a seed's, and subject plus size class from the notification. Surer than all of them is what was seen in a copy of the message
(`rules/copies.py`). What a forward earns is `rules/forwards.py`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.model import NOT_A_NUMBER, SECOND, LifeStep, Records, SeedEntry
from mmsd.rules.copies import METHODS, in_order, score
from mmsd.rules.relate import Thread
from mmsd.rules.settings import CampaignSettings, SeedSettings
from mmsd.rules.traces import SEED, STATUS

MOST_LIVE: Final = 10_000
"""Seeds of all campaigns together that are looked for."""
SERVICE: Final = b""
"""The parent key of what the service itself sent out."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed with its campaign. `number`, from 1 on, is given for good by State: packed traces hold it."""

    number: int
    campaign: CampaignSettings
    settings: SeedSettings
    zone: tzinfo
    starts: int
    ends: int
    life: Sequence[LifeStep] = ()  # of its campaign: `life.reason_at` says whether what was submitted then counts


class Campaigns:
    """All campaigns, compiled to what relate and judge ask for."""

    def __init__(self, settings: Sequence[CampaignSettings], zones: Callable[[str], tzinfo], hashed: Callable[[bytes], int]) -> None:
        self._hashed = hashed
        self._campaigns = [_Dated(campaign, zones(campaign.zone)) for campaign in settings]
        self._seeds: dict[int, Seed] = {}
        self.renew((), {})
        self.number({name: place for place, name in enumerate(self.names, 1)})

    def renew(self, made: Iterable[SeedEntry], lives: Mapping[str, Sequence[LifeStep]]) -> None:
        """The seeds that were made here, live or retired, and how far campaigns are; `number` has to follow.

        A retired seed is no longer looked for; what was recognised before counts. One of a campaign that is not configured is left out.
        """
        self._lives = lives
        registered: defaultdict[str, dict[str, SeedSettings]] = defaultdict(dict)
        for entry in made:
            registered[entry.campaign][entry.name] = SeedSettings(entry.name)
        self._drafts: dict[str, tuple[_Dated, SeedSettings]] = {}
        self._alone: set[str] = set()  # campaigns of one seed
        for dated in self._campaigns:
            campaign = dated.campaign
            seeds = registered[campaign.id] | {seed.id: seed for seed in campaign.seeds}
            self._drafts |= {f"{campaign.id}/{name}": (dated, seed) for name, seed in seeds.items()}
            if len(seeds) == 1:
                self._alone.add(campaign.id)

    @property
    def names(self) -> list[str]:
        """campaign/seed of each."""
        return list(self._drafts)

    @property
    def seeds(self) -> list[Seed]:
        return list(self._seeds.values())

    def number(self, numbers: Mapping[str, int]) -> None:
        """Gives each seed its number; State knows which it had before."""
        hashed = self._hashed
        seeds = [
            Seed(numbers[name], dated.campaign, seed, dated.zone, dated.starts, dated.ends, self._lives.get(dated.campaign.id, ()))
            for name, (dated, seed) in self._drafts.items()
        ]
        self._seeds = {seed.number: seed for seed in seeds}
        self._messages = {hashed(m.encode()): seed.number for seed in seeds for m in seed.settings.messages}
        self._tags = {hashed(t.encode()): seed.number for seed in seeds for t in seed.settings.tags}
        self._named = {hashed(name.encode()): numbers[name] for name in self._drafts}
        self._senders: dict[int, int] = {}
        only = {seed.campaign.id: seed.number for seed in seeds if seed.campaign.id in self._alone}
        for dated in self._campaigns:
            for sender in dated.campaign.senders:
                number = int(sender) if sender.isdigit() else hashed(sender.encode()) | NOT_A_NUMBER
                alone = only.get(dated.campaign.id, 0)
                self._senders[number] = alone if self._senders.get(number, alone) == alone else 0  # of two campaigns: proves neither
        self._subjects = [
            (tuple(map(str.casefold, seed.settings.subjects)), seed.settings.size_min, seed.settings.size_max or 1 << 62, seed.number)
            for seed in seeds
            if seed.settings.subjects
        ]

    def __bool__(self) -> bool:
        return bool(self._seeds)

    def of(self, number: int) -> Seed | None:
        """None: a seed of a campaign that is no longer configured."""
        return self._seeds.get(number)

    def seeds_named(self, tags: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
        """The seeds that copies hold, by the hashes of their names; 0 = none of ours."""
        return np.array([self._named.get(tag, 0) for tag in tags.tolist()], np.uint32)

    def is_service(self, sender: int) -> bool:
        """Whether this sender is the campaign's own short code: its deliveries are no forwards."""
        return sender in self._senders

    def seed_of(self, records: Records, row: int) -> int:
        """The seed this SUBMIT or notification is evidence of; 0 = none. The subject comes as UTF-8 (`Records.text("subject", row)`)."""
        found = self._messages.get(int(records["message"][row])) or self._tags.get(int(records["tag"][row]))
        if found:
            return found
        found = self._senders.get(int(records["sender"][row]), 0)
        if found:
            return found
        if not self._subjects:
            return 0
        subject = records.text("subject", row).decode("utf-8", "replace").casefold()
        if not subject:
            return 0
        size = int(records["size"][row])
        for subjects, low, high, number in self._subjects:
            if low <= size <= high and any(wanted in subject for wanted in subjects):
                return number
        return 0


class _Dated:
    """A campaign with its dates as instants."""

    __slots__ = ("campaign", "ends", "starts", "zone")

    def __init__(self, campaign: CampaignSettings, zone: tzinfo) -> None:
        self.campaign, self.zone = campaign, zone
        self.starts, self.ends = dates(campaign, zone)


def dates(campaign: CampaignSettings, zone: tzinfo) -> tuple[int, int]:
    """When a campaign starts, and when it is over, µs UTC."""
    return _instant(campaign.starts, zone), _instant(campaign.ends, zone, whole_day=True)


def first_and_last(campaign: CampaignSettings, zone: tzinfo) -> tuple[date, date]:
    """The local days of a campaign, both in it, whatever zone its dates are written in.

    >>> from datetime import timezone
    >>> torch = CampaignSettings("torch", "Torch", "2026-11-20T08:00", "2026-11-23T17:00Z", ())
    >>> [day.isoformat() for day in first_and_last(torch, timezone(timedelta(hours=8)))]
    ['2026-11-20', '2026-11-24']
    """
    starts, ends = dates(campaign, zone)
    return date.fromisoformat(local_day(starts, zone)), date.fromisoformat(local_day(max(starts, ends - 1), zone))


def _instant(text: str, zone: tzinfo, *, whole_day: bool = False) -> int:
    """ISO date or date-time in the campaign's zone → µs UTC; a date as an end includes its whole day."""
    if len(text) == 10:
        day = date.fromisoformat(text) + timedelta(days=1 if whole_day else 0)
        moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    else:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return round(moment.timestamp()) * SECOND


def local_day(at: int, zone: tzinfo) -> str:
    """Local date of an instant.

    >>> from datetime import timezone, timedelta
    >>> local_day(1795344960_000000, timezone(timedelta(hours=8)))
    '2026-11-22'
    """
    return _day(at // SECOND, zone)


@lru_cache(maxsize=1 << 12)
def _day(second: int, zone: tzinfo) -> str:
    """Counters ask for the day of an hour again and again."""
    return datetime.fromtimestamp(second, UTC).astimezone(zone).date().isoformat()


class Told(NamedTuple):
    """What says that a message holds seeds of a campaign: by the surest of them."""

    campaign: str
    seed: int  # its number
    method: str
    score: float
    beside: tuple[int, ...] = ()  # numbers of its siblings in the same message


def evidence_of(thread: Thread, seeds: Mapping[int, Sequence[int]], names: Sequence[str]) -> list[Told]:
    """One of each campaign, the surest first; none when nothing says that it holds a seed. `seeds`: those of messages, the surest of a
    campaign before its siblings; `names`: campaign/seed by number − 1.

    A copy was looked into as a whole: what it does not hold no line proves.
    """
    if thread.copies:
        return _by_campaign(((copy[SEED], METHODS[copy[STATUS]], score(copy)) for copy in in_order(thread.copies)), names)
    if thread.opened is not None and thread.opened[SEED]:
        return _by_campaign([(thread.opened[SEED], "message", 1.0)], names)
    if thread.forwarded and thread.message in seeds:
        return _by_campaign(((seed, "m_forward", 1.0) for seed in seeds[thread.message]), names)
    for push in thread.leg.pushes if thread.leg else ():
        if push[SEED]:
            return _by_campaign([(push[SEED], "subject_size", 0.9)], names)
    return []


def _by_campaign(found: Iterable[tuple[int, str, float]], names: Sequence[str]) -> list[Told]:
    told: dict[str, Told] = {}
    for seed, method, sure in found:
        campaign = campaign_of(names[seed - 1])
        known = told.setdefault(campaign, Told(campaign, seed, method, sure))
        if seed != known.seed and seed not in known.beside:
            told[campaign] = known._replace(beside=(*known.beside, seed))
    return list(told.values())


def campaign_of(name: str) -> str:
    """Of campaign/seed."""
    return name.partition("/")[0]
