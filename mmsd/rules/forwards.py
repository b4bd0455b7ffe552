"""Forwards: what is recognised *and* retrieved, and has waited `hold` seconds of event time, is a candidate (design §6).

`decide` makes forwards of candidates inside the transaction, where it sees what is already there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmsd.model import SECOND, Event, Forward, Kind, Method, Outgoing, Serial, masked
from mmsd.rules.campaign import Seed, local_day
from mmsd.rules.outbox import READY
from mmsd.rules.relate import Thread
from mmsd.rules.serials import spell
from mmsd.rules.traces import AT, EXTRA, KIND, SIZE, STATUS, A, Trace


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
