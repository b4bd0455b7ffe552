"""The governor against every second of two days, in zones whose clocks jump: nothing leaves in quiet hours, caps and ceilings hold in every
stretch and day, and a deferral names the first second that is allowed.

The oracle knows no arithmetic of time zones: it asks `zoneinfo` what the clock on the wall shows at each of the 172,800 seconds, and tries
them one after the other.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest

from mmsd.model import DAY, SECOND
from mmsd.rules.governor import Candidate, Decision, Defer, Drop, Governor, Hold, Reserved, Send, Tally, Usage
from mmsd.rules.limits import Cap, cap
from mmsd.rules.local_time import LocalTime, hours
from mmsd.rules.settings import ClassSettings, GovernorSettings

DAYS = [
    ("Asia/Shanghai", "2026-11-22"),
    ("Asia/Kathmandu", "2026-06-30"),  # +05:45
    ("Europe/Berlin", "2026-03-28"),  # 02:00 becomes 03:00 on the 29th
    ("Europe/Berlin", "2026-10-24"),  # 03:00 becomes 02:00
    ("America/St_Johns", "2026-03-07"),
    ("America/St_Johns", "2010-11-06"),  # 00:01 becomes 23:01 of the day before
    ("America/Havana", "2026-03-07"),  # 00:00 does not exist on the 8th
    ("America/Havana", "2026-10-31"),  # 01:00 becomes 00:00
    ("Asia/Beirut", "2026-10-24"),  # 00:00 becomes 23:00 of the day before
    ("Australia/Lord_Howe", "2026-04-04"),  # half an hour
    ("Pacific/Apia", "2011-12-29"),  # the 30th does not exist
]
SECONDS = 2 * 86400
PEOPLE = 3


@dataclass(frozen=True)
class Wall:
    """What clocks on the wall show in two days: at each second the second of the day, and the local date."""

    start: int  # µs UTC
    clock: npt.NDArray[np.int64]
    days: Sequence[str]


@cache
def wall(zone: str, day: str) -> Wall:
    start = round(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp())
    moments = [datetime.fromtimestamp(start + second, UTC).astimezone(ZoneInfo(zone)) for second in range(SECONDS)]
    clock = np.array([moment.hour * 3600 + moment.minute * 60 + moment.second for moment in moments])
    return Wall(start * SECOND, clock, [moment.date().isoformat() for moment in moments])


def quiet(wall: Wall, taken: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether each second lies in quiet hours, by what the wall shows."""
    found = np.zeros(SECONDS, np.bool_)
    for text in taken:
        start, stop = (int(part[:2]) * 3600 + int(part[3:]) * 60 for part in text.split("-"))
        inside = (wall.clock >= start) & (wall.clock < stop) if start < stop else (wall.clock >= start) | (wall.clock < stop)
        found |= inside
    return found


def drawn_hours(draw: random.Random) -> str:
    start, stop = draw.sample(range(48), 2)
    return "-".join(f"{half // 2:02}:{half % 2 * 30:02}" for half in (start, stop))


def drawn_cap(draw: random.Random) -> str:
    return f"{draw.randint(1, 4)} in {draw.choice(['1 day', '6 hours', '90 minutes', '25 hours', '100 seconds'])}"


def drawn(draw: random.Random) -> GovernorSettings:
    rule = ClassSettings(
        "on", tuple(drawn_cap(draw) for _ in range(draw.randint(0, 2))), draw.choice([None, 1, 3, 10]), None, draw.random() < 0.9
    )
    return GovernorSettings(
        quiet_hours=tuple(drawn_hours(draw) for _ in range(draw.randint(0, 3))),
        conversation=draw.choice([0.0, 900.0]),
        caps=tuple(drawn_cap(draw) for _ in range(draw.randint(0, 1))),
        service=rule,
        marketing=rule,
    )


def allowed(settings: GovernorSettings, wall: Wall, candidate: Candidate, usage: Usage, now: int) -> npt.NDArray[np.bool_]:
    """Whether each second of the two days is one at which the candidate may leave. `now` begins one of them."""
    seconds = wall.start + np.arange(SECONDS) * SECOND
    fine = seconds >= max(now, candidate.due)
    if settings.service.quiet:
        night = quiet(wall, settings.quiet_hours)
        if candidate.asked is not None:
            night &= seconds >= candidate.asked + int(settings.conversation * SECOND)
        fine &= ~night
    mine = usage.reserved.get(candidate.subscriber, ())
    same = [one for one in mine if one.kind == candidate.kind]
    for ours, limits in ((mine, settings.caps), (same, settings.service.caps)):
        for limit in map(cap, limits):
            inside = sum(((one.at > seconds - limit.length) & (one.at <= seconds) for one in ours), np.zeros(SECONDS, np.int64))
            fine &= inside < limit.most
    if settings.service.daily is not None:
        full = {day for (kind, day), tally in usage.days.items() if kind == candidate.kind and tally.sent >= settings.service.daily}
        fine &= np.array([day not in full for day in wall.days])
    return fine


def expected(settings: GovernorSettings, wall: Wall, candidate: Candidate, usage: Usage, now: int) -> str | int | None:
    """ "send", "expired", the first instant allowed, or None: not within the two days."""
    if candidate.expires is not None and candidate.expires <= now:
        return "expired"
    fine = allowed(settings, wall, candidate, usage, now)
    first = wall.start + int(np.argmax(fine)) * SECOND if fine.any() else None
    end = first if first is not None else wall.start + SECONDS * SECOND
    if candidate.expires is not None and candidate.expires <= end:
        return "expired"
    return "send" if first == now else first


def said(decision: Decision, wall: Wall) -> str | int | None:
    match decision:
        case Send():
            return "send"
        case Drop():
            assert decision.expired
            return "expired"
        case Defer():
            return decision.until if decision.until < wall.start + SECONDS * SECOND else None
        case _:
            return None


@pytest.mark.parametrize(("zone", "day"), DAYS, ids=map(" ".join, DAYS))
def test_a_deferral_names_the_first_second_that_is_allowed(zone: str, day: str, seed: int, effort: int):
    draw = random.Random(f"{seed} {zone} {day}")
    around = wall(zone, day)
    for _ in range(25 * effort):
        settings = drawn(draw)
        now = around.start + draw.randrange(SECONDS) * SECOND
        sent = [
            Reserved(now - draw.randrange(30 * 3600) * SECOND, draw.choice(["service", "marketing"]), "ask")
            for _ in range(draw.randint(0, 6))
        ]
        usage = Usage({1: sent}, {("service", date): Tally(draw.randint(0, 4)) for date in set(around.days) if draw.random() < 0.7})
        candidate = Candidate(
            "service", "ask", 1, now + draw.choice([-1, 0, 0, 5000]) * SECOND,
            draw.choice([None, None, min(now + draw.randrange(-3, SECONDS) * SECOND, around.start + SECONDS * SECOND)]),
            asked=draw.choice([None, None, now - draw.randrange(1000) * SECOND]),
        )  # fmt: skip
        (decision,) = Governor(settings, ZoneInfo(zone)).decide(now, [candidate], usage)
        wanted = expected(settings, around, candidate, usage, now)
        if isinstance(decision, Hold):  # for a person to act, or until it expires
            assert decision.reason == "quiet_hours"
            assert quiet(around, settings.quiet_hours).all()
            assert wanted in (None, "expired")
        else:
            assert said(decision, around) == wanted, (settings, candidate, usage, now, decision)


@pytest.mark.parametrize(("zone", "day"), DAYS, ids=map(" ".join, DAYS))
def test_two_days_of_traffic_keep_every_limit(zone: str, day: str, seed: int, effort: int):
    """Candidates come in all day long; each is asked about again when its deferral is over. Then every second of the log is looked at."""
    draw = random.Random(f"{seed} {zone} {day} traffic")
    around = wall(zone, day)
    for _ in range(3 * effort):
        settings = drawn(draw)
        governor = Governor(settings, ZoneInfo(zone))
        waiting = [(around.start + draw.randrange(SECONDS) * SECOND, number, draw.randrange(PEOPLE)) for number in range(120)]
        log: list[Reserved] = []
        people: list[int] = []
        days: Counter[tuple[str, str]] = Counter()
        while waiting:
            now = min(at for at, _, _ in waiting)
            if now >= around.start + SECONDS * SECOND:
                break
            batch = sorted((number, person) for at, number, person in waiting if at == now)
            waiting = [one for one in waiting if one[0] != now]
            usage = Usage(
                {one: [sent for sent, person in zip(log, people, strict=True) if person == one] for one in range(PEOPLE)},
                {key: Tally(count) for key, count in days.items()},
            )
            candidates = [Candidate("service", "ask", person, now, None) for _, person in batch]
            for (number, person), decision in zip(batch, governor.decide(now, candidates, usage), strict=True):
                if isinstance(decision, Send):
                    log.append(Reserved(now, "service", "ask"))
                    people.append(person)
                    days["service", governor.day(now)] += 1
                elif isinstance(decision, Defer):
                    assert decision.until > now
                    waiting.append((decision.until, number, person))
                else:
                    assert isinstance(decision, Hold)
        _look_over(settings, around, log, people)


def _look_over(settings: GovernorSettings, around: Wall, log: Sequence[Reserved], people: Sequence[int]) -> None:
    seconds = np.array([(one.at - around.start) // SECOND for one in log], np.int64)
    if settings.service.quiet:
        assert not quiet(around, settings.quiet_hours)[seconds].any()
    if settings.service.daily is not None:
        assert max(Counter(around.days[second] for second in seconds).values(), default=0) <= settings.service.daily
    for person in range(PEOPLE):
        mine = np.bincount(seconds[np.array(people, np.int64) == person], minlength=SECONDS)
        for limit in map(cap, (*settings.caps, *settings.service.caps)):
            assert _most(mine, limit) <= limit.most


def _most(sent: npt.NDArray[np.int64], limit: Cap) -> int:
    """The most sent in any stretch of the cap's length, beginning at any second."""
    running = np.concatenate(([0], np.cumsum(sent)))
    length = limit.length // SECOND
    stops = np.minimum(np.arange(SECONDS) + length, SECONDS)
    return int((running[stops] - running[:-1]).max())


def test_a_log_that_breaks_a_cap_would_be_seen():
    sent = np.zeros(SECONDS, np.int64)
    sent[[100, 5000, 5499]] = 1
    assert _most(sent, cap("2 in 90 minutes")) == 3
    assert _most(sent, cap("2 in 5399 seconds")) == 2


@pytest.mark.parametrize(("zone", "day"), DAYS, ids=map(" ".join, DAYS))
def test_local_days_and_free_hours_second_by_second(zone: str, day: str):
    around, time = wall(zone, day), LocalTime(ZoneInfo(zone))
    changes = [second for second in range(1, SECONDS) if around.days[second] != around.days[second - 1]]
    assert changes
    for change in changes:
        for before in (change - 1, max(change - 40, 0), max(change - 5400, 0)):
            after = next(second for second in range(before, SECONDS) if around.days[second] != around.days[before])
            assert time.other_day(around.start + before * SECOND) == around.start + after * SECOND
    night = [hours("22:30-02:15")]
    free = ~quiet(around, ["22:30-02:15"])
    for second in range(0, SECONDS - 6 * 3600, 601):
        first = second + int(np.argmax(free[second:]))
        assert time.free(around.start + second * SECOND, night) == around.start + first * SECOND
    assert time.free(around.start + DAY // 3, [hours("00:00-24:00")]) is None
