"""Forwards: what is recognised *and* retrieved, and has waited `hold` seconds of event time, is a candidate (design §6).

`decide` makes forwards of candidates inside the transaction, where it sees what is already there. What a campaign's rules stop is a row all
the same: it has a reason, and waits for somebody to look at it (`rules/reviews.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mmsd.model import SECOND, Event, Forward, Outgoing, Serial, masked
from mmsd.rules.campaign import Seed, local_day
from mmsd.rules.outbox import READY
from mmsd.rules.serials import spell
from mmsd.rules.settings import CampaignSettings

OFF_NET: Final = "off_net"
APART: Final = ("outside_dates", "not_running", "closed", OFF_NET)
"""Why a forward does not count, where nobody has to look: it is told apart."""
STOPS: Final = ("self", "held_before", "ring", "doubted", "pair_cap", "sender_cap", "sender_daily", "fan_in")
"""Why a rule stopped one. The first that applies is the reason: those of one forward alone, then those that count others."""
HELD: Final = "held"
"""`Forward.review` of what a rule stopped: somebody has to look at it."""


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
    others: tuple[bytes, ...] = ()  # keys that this forward would have, had another submit of its group been the first that is known
    parents: int = 0  # copies its sender held by then
    off_net: str = ""  # who is in another network: sender, receiver, both
    model: str = ""  # the sender's handset
    received: int = 0  # when he got the copy that he passed on; 0 = not seen


class Standing(NamedTuple):
    """Whose earlier forwards a candidate's rules count, and which of them."""

    campaign: str
    sender: str
    receiver: str
    day: str
    pair_from: int  # those of the pair, unless its sender has fewer than so many in all
    daily: bool  # those of the sender on that day
    fan_in: bool  # who else reached the receiver on that day


class Past(NamedTuple):
    """What counted before. People are the store's ids; 0 = never stored."""

    pair: int = 0
    daily: int = 0
    sender: int = 0
    senders: frozenset[int] = frozenset()


NOTHING: Final = Past()


def forward_key(secret: bytes, campaign: str, group: int, sender: int, receiver: int) -> bytes:
    """16 bytes that name one forward for ever."""
    text = f"{campaign}\0{group}\0{sender}\0{receiver}".encode()
    return hashlib.blake2b(text, digest_size=16, key=secret, person=b"mmsd-forward").digest()


def outbox_key(purpose: str, subject: bytes, attempt: int) -> bytes:
    """16 bytes: an outbox row is asked for once by (purpose, subject, attempt)."""
    return hashlib.blake2b(b"\0".join((purpose.encode(), subject, str(attempt).encode())), digest_size=16, person=b"mmsd-outbox").digest()


def keys_of(candidates: Iterable[Candidate]) -> frozenset[bytes]:
    """Forwards that `decide` has to know of."""
    return frozenset(key for candidate in candidates for key in (candidate.key, *candidate.others))


def standing_of(candidate: Candidate) -> Standing:
    """What the rules of its campaign have to count for it."""
    campaign = candidate.seed.campaign
    day = local_day(candidate.retrieved, candidate.seed.zone)
    return Standing(
        campaign.id, str(candidate.sender), str(candidate.receiver), day, campaign.pair_cap, bool(campaign.sender_daily),
        bool(campaign.fan_in),
    )  # fmt: skip


@dataclass(slots=True)
class Awarded:
    forwards: list[Forward] = field(default_factory=list)
    serials: list[Serial] = field(default_factory=list)
    outbox: list[Outgoing] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def decide(
    candidates: Sequence[Candidate], existing: Mapping[bytes, Forward], ordinals: Mapping[Any, tuple[int, int, int]],
    random: Sequence[int], now: int, past: Mapping[Standing, Past] | None = None,
) -> Awarded:  # fmt: skip
    """Forwards, serials and outbox rows for candidates: a fold in order of (retrieval, key). Pure; may run again.

    A key that exists already earns nothing, nor does one of the same group: issued once is never withdrawn and never doubled. But what was
    told apart as another network's is decided anew when it turns out to be none, and keeps its key. `existing` has the forwards of
    `keys_of` that there are. `ordinals` maps (campaign, sender, city) to the forwards counted so far of the sender, the city, the
    campaign; `past` has what rules ask for (`standing_of`). `random` holds 64 bits or more for each candidate.
    """
    made = Awarded()
    known = dict(existing)
    counted = _Counted(ordinals, past or {})
    for candidate, bits in zip(sorted(candidates, key=lambda c: (c.retrieved, c.key)), random, strict=True):
        standing = standing_of(candidate)
        before = [known[key] for key in (candidate.key, *candidate.others) if key in known]
        if not all(_came_home(one, candidate, standing) for one in before):
            continue
        campaign = candidate.seed.campaign
        reason = candidate.reason or counted.reason(standing, campaign)
        forward = Forward(
            candidate.key, campaign.id, candidate.seed.settings.id, candidate.message, standing.sender, standing.receiver,
            candidate.generation, candidate.parent, candidate.submitted, candidate.retrieved, candidate.city, standing.day,
            candidate.method, candidate.score, not reason, reason, candidate.model, candidate.received,
            HELD if reason in STOPS else "", candidate.parents, candidate.off_net,
        )  # fmt: skip
        known[candidate.key] = forward
        made.forwards.append(forward)
        if not reason:
            earn(made, forward, campaign, counted.add(standing, candidate.city), bits, now)
    return made


def _came_home(before: Forward, candidate: Candidate, standing: Standing) -> bool:
    """Whether it is this candidate, and was only told apart because nothing showed yet that it is of this network."""
    told_apart = not before.counted and before.reason == OFF_NET and not before.review
    same = (before.key, before.sender, before.receiver) == (candidate.key, standing.sender, standing.receiver)
    return told_apart and same and candidate.reason != OFF_NET


class _Counted:
    """What counts so far: of before, and of the candidates that were decided."""

    def __init__(self, ordinals: Mapping[Any, tuple[int, int, int]], past: Mapping[Standing, Past]) -> None:
        self._past = past
        self._legs = {(campaign, sender): counts[0] for (campaign, sender, _), counts in ordinals.items()}
        self._cities = {(campaign, city): counts[1] for (campaign, _, city), counts in ordinals.items()}
        self._totals = {campaign: counts[2] for (campaign, _, _), counts in ordinals.items()}
        self._pairs: dict[tuple[str, str, str], int] = {}
        self._days: dict[tuple[str, str, str], int] = {}
        self._fans: dict[tuple[str, str, str], set[int | str]] = {}

    def reason(self, standing: Standing, campaign: CampaignSettings) -> str:
        """The rule that a candidate breaks, "" when it counts."""
        past = self._past.get(standing, NOTHING)
        pair, leg = (standing.campaign, standing.sender, standing.receiver), (standing.campaign, standing.sender)
        if past.pair + self._pairs.get(pair, 0) >= campaign.pair_cap:
            return "pair_cap"
        if campaign.sender_cap and self._legs.get(leg, 0) >= campaign.sender_cap:
            return "sender_cap"
        if campaign.sender_daily and past.daily + self._days.get((*leg, standing.day), 0) >= campaign.sender_daily:
            return "sender_daily"
        if campaign.fan_in:
            senders = past.senders | self._fans.get((standing.campaign, standing.receiver, standing.day), set())
            if _named(standing, past) not in senders and len(senders) >= campaign.fan_in:
                return "fan_in"
        return ""

    def add(self, standing: Standing, city: str) -> tuple[int, int, int]:
        """Its ordinals: the sender's, the city's, the campaign's."""
        campaign, sender, receiver, day, *_ = standing
        for counts, key in ((self._pairs, (campaign, sender, receiver)), (self._days, (campaign, sender, day))):
            counts[key] = counts.get(key, 0) + 1
        self._fans.setdefault((campaign, receiver, day), set()).add(_named(standing, self._past.get(standing, NOTHING)))
        leg = self._legs[campaign, sender] = self._legs.get((campaign, sender), 0) + 1
        in_city = self._cities[campaign, city] = self._cities.get((campaign, city), 0) + 1
        total = self._totals[campaign] = self._totals.get(campaign, 0) + 1
        return leg, in_city, total


def _named(standing: Standing, past: Past) -> int | str:
    """The sender as `Past.senders` has him; one who was never stored is his number."""
    return past.sender or standing.sender


def earn(made: Awarded, forward: Forward, campaign: CampaignSettings, counts: tuple[int, int, int], bits: int, now: int) -> None:
    """A serial, the SMS with it, and the event."""
    serial = spell(bits, campaign.serial_prefix)
    made.serials.append(Serial(serial, forward.key))
    made.outbox.append(serial_sms(forward, campaign, serial, counts, now))
    made.events.append(event_of(forward, counts[2]))


def serial_sms(
    forward: Forward, campaign: CampaignSettings, serial: str, counts: tuple[int, int, int], now: int, attempt: int = 0
) -> Outgoing:
    """The SMS that tells a sender his serial, and the ordinals of his forward: his own, his city's, the campaign's."""
    leg, in_city, total = counts
    text = campaign.sms_zh if language_of(forward.sender, campaign) == "zh" else campaign.sms_en
    body = text.format(serial=serial, leg=leg, city_leg=in_city, total=total, city=forward.city)
    return Outgoing(
        outbox_key("serial", forward.key, attempt), "transactional", "serial", forward.sender, body, READY, now,
        now + int(campaign.sms_expires * SECOND), campaign=campaign.id,
    )  # fmt: skip


def event_of(forward: Forward, total: int) -> Event:
    """What the world hears of a forward that counts."""
    return Event(forward.retrieved, "forward", forward.campaign, told(forward, total))


def told(forward: Forward, total: int) -> dict[str, Any]:
    """Data of an event; `total`: how many of the campaign count now."""
    return {
        "campaign": forward.campaign, "seed": forward.seed, "sender": masked(forward.sender), "receiver": masked(forward.receiver),
        "city": forward.city, "day": forward.day, "generation": forward.generation, "method": forward.method, "total": total,
    }  # fmt: skip


def language_of(number: str, campaign: CampaignSettings) -> str:
    """The language of the SMS to a number: that of the longest beginning which the campaign names, else the campaign's.

    >>> from mmsd.rules.settings import CampaignSettings
    >>> torch = CampaignSettings("torch", "Torch", "2026-01-01", "2026-12-31", (), languages={"852": "en", "8526": "zh"})
    >>> [language_of(number, torch) for number in ("8613800001234", "85291234567", "85261234567")]
    ['zh', 'en', 'zh']
    """
    found = max((beginning for beginning in campaign.languages if number.startswith(beginning)), key=len, default=None)
    return campaign.language if found is None else campaign.languages[found]
