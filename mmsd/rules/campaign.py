"""Campaigns: which message is a seed's, which delivery is a forward, and what a forward earns (design §6).

Seed evidence that a log line can hold: the message id of the seed as the service sent it, a tag column, an M-Forward of a message known to
be a seed's, and subject plus size class from the notification. What is recognised *and* retrieved, and has waited `hold` seconds of event
time, is a candidate; `decide` makes forwards of candidates inside the transaction, where it sees what is already there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from mmsd.model import NOT_A_NUMBER, SECOND, Event, Forward, Kind, Method, Outgoing, Records, Serial, masked
from mmsd.rules.outbox import READY
from mmsd.rules.relate import Thread
from mmsd.rules.serials import spell
from mmsd.rules.settings import CampaignSettings, SeedSettings
from mmsd.rules.traces import AT, EXTRA, KIND, SIZE, STATUS, A, C, Trace

SERVICE: Final = b""
"""The parent key of what the service itself sent out."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed with its campaign. `number`, 1 … 255, is given for good by State: packed traces hold it."""

    number: int
    campaign: CampaignSettings
    settings: SeedSettings
    zone: tzinfo
    starts: int
    ends: int


class Campaigns:
    """All campaigns, compiled to what relate and judge ask for."""

    def __init__(self, settings: Sequence[CampaignSettings], zones: Callable[[str], tzinfo], hashed: Callable[[bytes], int]) -> None:
        self._hashed = hashed
        self._drafts: dict[str, tuple[CampaignSettings, SeedSettings, tzinfo]] = {
            f"{campaign.id}/{seed.id}": (campaign, seed, zones(campaign.zone)) for campaign in settings for seed in campaign.seeds
        }
        self._seeds: dict[int, Seed] = {}
        self.number({name: place for place, name in enumerate(self.names, 1)})

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
        seeds = []
        for name, (campaign, seed_settings, zone) in self._drafts.items():
            starts, ends = _instant(campaign.starts, zone), _instant(campaign.ends, zone, whole_day=True)
            seeds.append(Seed(numbers[name], campaign, seed_settings, zone, starts, ends))
        self._seeds = {seed.number: seed for seed in seeds}
        self._messages = {hashed(m.encode()): seed.number for seed in seeds for m in seed.settings.messages}
        self._tags = {hashed(t.encode()): seed.number for seed in seeds for t in seed.settings.tags}
        self._senders: dict[int, int] = {}
        for seed in seeds:
            for sender in seed.campaign.senders:
                number = int(sender) if sender.isdigit() else hashed(sender.encode()) | NOT_A_NUMBER
                alone = len(seed.campaign.seeds) == 1
                self._senders[number] = seed.number if alone else self._senders.get(number, 0)
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
    return datetime.fromtimestamp(at // SECOND, UTC).astimezone(zone).date().isoformat()


def evidence_of(thread: Thread, seeds: Mapping[int, int]) -> tuple[int, str, float]:
    """(seed number, method, score) of a thread; (0, "", 0) when nothing says it is a seed's."""
    if thread.opened is not None and thread.opened[C]:
        return thread.opened[C], "message", 1.0
    if thread.forwarded and thread.message in seeds:
        return seeds[thread.message], "m_forward", 1.0
    for push in thread.leg.pushes if thread.leg else ():
        if push[C]:
            return push[C], "subject_size", 0.9
    return 0, "", 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Recognised ∧ retrieved: what `decide` makes a forward of."""

    key: bytes
    seed: Seed
    message: str
    sender: int
    receiver: int
    submitted: int
    retrieved: int
    city: str
    method: str
    score: float
    generation: int
    parent: bytes | None
    reason: str  # why it does not count, "" when it may


def group_of(thread: Thread, earlier: Iterable[Thread], answered: Callable[[Thread], bool], window: int) -> int:
    """The attempt group: the identity of the first attempt this submit repeats, else its own.

    A later submit of the same seed from the same sender repeats an earlier one when it follows within `window` µs *and* the earlier one
    shows a sign that it was not answered. Whatever else comes again is a deliberate second forward.
    """
    if thread.opened is None:
        return thread.identity
    group, at = thread.identity, thread.opened[AT]
    for other in sorted(earlier, key=lambda t: t.began, reverse=True):
        if other.opened is None or other is thread or other.sender != thread.sender or not 0 < at - other.opened[AT] <= window:
            continue
        if not answered(other):
            group, at = other.identity, other.opened[AT]
    return group


def forward_key(secret: bytes, campaign: str, group: int, sender: int, receiver: int) -> bytes:
    """16 bytes that name one forward for ever."""
    text = f"{campaign}\0{group}\0{sender}\0{receiver}".encode()
    return hashlib.blake2b(text, digest_size=16, key=secret, person=b"mmsd-forward").digest()


def outbox_key(purpose: str, subject: bytes, attempt: int) -> bytes:
    """16 bytes: an outbox row is asked for once by (purpose, subject, attempt)."""
    return hashlib.blake2b(b"\0".join((purpose.encode(), subject, str(attempt).encode())), digest_size=16, person=b"mmsd-outbox").digest()


@dataclass(slots=True)
class Awarded:
    forwards: list[Forward]
    serials: list[Serial]
    outbox: list[Outgoing]
    events: list[Event]


def decide(
    candidates: Sequence[Candidate], existing: Iterable[bytes], ordinals: Mapping[Any, tuple[int, int, int]],
    random: Sequence[int], now: int,
) -> Awarded:  # fmt: skip
    """Forwards, serials and outbox rows for candidates: a fold in order of (retrieval, key). Pure; may run again.

    A key that exists already earns nothing: issued once is never withdrawn and never doubled. `ordinals` maps (campaign, sender, city) to
    the forwards counted so far of the sender, the city, the campaign. `random` holds 64 bits or more for each candidate.
    """
    made = Awarded([], [], [], [])
    taken = set(existing)
    legs = {(campaign, sender): counts[0] for (campaign, sender, _), counts in ordinals.items()}
    cities = {(campaign, city): counts[1] for (campaign, _, city), counts in ordinals.items()}
    totals = {campaign: counts[2] for (campaign, _, _), counts in ordinals.items()}
    for candidate, bits in zip(sorted(candidates, key=lambda c: (c.retrieved, c.key)), random, strict=True):
        if candidate.key in taken:
            continue
        taken.add(candidate.key)
        campaign = candidate.seed.campaign
        sender, receiver = str(candidate.sender), str(candidate.receiver)
        reason = candidate.reason
        day = local_day(candidate.retrieved, candidate.seed.zone)
        made.forwards.append(
            Forward(
                candidate.key, campaign.id, candidate.seed.settings.id, candidate.message, sender, receiver, candidate.generation,
                candidate.parent, candidate.submitted, candidate.retrieved, candidate.city, day, candidate.method, candidate.score,
                not reason, reason,
            )
        )  # fmt: skip
        if reason:
            continue
        leg = legs[campaign.id, sender] = legs.get((campaign.id, sender), 0) + 1
        in_city = cities[campaign.id, candidate.city] = cities.get((campaign.id, candidate.city), 0) + 1
        total = totals[campaign.id] = totals.get(campaign.id, 0) + 1
        serial = spell(bits, campaign.serial_prefix)
        made.serials.append(Serial(serial, candidate.key))
        text = campaign.sms_zh if campaign.language == "zh" else campaign.sms_en
        body = text.format(serial=serial, leg=leg, city_leg=in_city, total=total, city=candidate.city)
        made.outbox.append(
            Outgoing(
                outbox_key("serial", candidate.key, 0), "transactional", "serial", sender, body, READY, now,
                now + int(campaign.sms_expires * SECOND), campaign=campaign.id,
            )
        )  # fmt: skip
        made.events.append(
            Event(
                candidate.retrieved, "forward", campaign.id,
                {
                    "campaign": campaign.id, "seed": candidate.seed.settings.id, "sender": masked(sender), "receiver": masked(receiver),
                    "city": candidate.city, "day": day, "generation": candidate.generation, "method": candidate.method, "total": total,
                },
            )
        )  # fmt: skip
    return made


def answered_by(traces: Sequence[Trace], at: int, size: int, join: int) -> bool:
    """Whether the submit logged at `at` (`size` octets, −1 unknown) was answered, by its sender's own lines; with no POST beside it: yes.

    His other POSTs stand close by: those too short to hold the message are none of it, and each NotifyResp or Acknowledge the MMSC logged
    explains one. Of what is left the nearest is the submit.
    """
    posts = [t for t in traces if t[KIND] == Kind.ATTEMPT and t[A] == Method.POST and abs(t[AT] - at) <= join and not 0 <= t[EXTRA] < size]
    for answer in traces:
        explained = [p for p in posts if answer[KIND] == Kind.RESPONSE and p[EXTRA] < 0 and _beside(p, answer[AT]) <= SECOND]
        if explained:
            posts.remove(min(explained, key=lambda p: _beside(p, answer[AT])))
    if not posts:
        return True
    submit = min(posts, key=lambda p: _beside(p, at))
    return bool(200 <= submit[STATUS] < 300 and submit[SIZE] != 0)


def _beside(post: Trace, at: int) -> int:
    """Distance of a gateway's line from the middle of the second in which the MMSC wrote its own."""
    return abs(int(post[AT]) - at - SECOND // 2)
