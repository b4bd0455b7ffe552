"""The numbers of the live page, as one value: what was read, what became of the messages, how the feeds do.

Pure over a `Reader`: it blocks as the reader does and knows no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from mmsd.model import HOUR, SECOND, ClocksApart, FeedCondition
from mmsd.web.answers import iso
from mmsd.web.source import FeedHealth, Health, Reader

WINDOW_HOURS: Final = 24
UNHEARD: Final = "no line yet: nothing of its kind is covered"


class Share(msgspec.Struct, frozen=True):
    name: str
    n: int
    share: float


class Outcomes(msgspec.Struct, frozen=True):
    """Deliveries by outcome. `ratio` = delivered ÷ (delivered + failed); it is never to be shown without `open_share`."""

    delivered: int
    failed: int
    open: int
    ratio: float | None
    open_share: float | None


class Place(msgspec.Struct, frozen=True):
    """Outcomes of one node, or of one city's senders."""

    name: str
    outcomes: Outcomes


class RejectCount(msgspec.Struct, frozen=True):
    feed: str
    reason: str
    n: int


class FeedState(msgspec.Struct, frozen=True):
    """`FeedHealth` as JSON: `mark` in ISO 8601, null before the first line."""

    name: str
    dialect: str
    node: str
    state: str
    lines: int
    behind: int
    mark: str | None
    detail: str
    notes: Mapping[str, int]
    since: str | None  # its first line: before it nothing is covered
    late: float | None  # seconds within which 99 of 100 lines came after what they tell; null: not measured yet
    waits: float | None  # seconds it is waited for
    gaps: int  # stretches of the last weeks in which something is missing …
    missing: str  # … and why something is now, "" = nothing is
    orphans: int


class CampaignTotal(msgspec.Struct, frozen=True):
    forwards: int
    participants: int
    serials: int


class Totals(msgspec.Struct, frozen=True):
    """Deliveries are those submitted in the window; lines, rejects, forwards, serials and the outbox count from the first day."""

    window_from: str | None
    window_to: str | None
    ready: bool
    reasons: tuple[str, ...]
    lines: int
    records: int
    octets: int
    rejects: int
    outcomes: Outcomes
    open_deliveries: int
    causes: tuple[Share, ...]
    nodes: tuple[Place, ...]
    forwards: int
    cities: tuple[Share, ...]
    campaigns: Mapping[str, CampaignTotal]
    serials: int
    outbox: Mapping[str, int]
    feeds: tuple[FeedState, ...]
    clocks: tuple[str, ...]  # of which feeds the clocks are further apart than configured, in words
    rejected: tuple[RejectCount, ...]


def outcomes(counts: Mapping[str, int]) -> Outcomes:
    """Counts by outcome, with their ratios.

    >>> outcomes({"delivered": 3, "failed": 1}).ratio
    0.75
    """
    delivered, failed, still_open = (counts.get(name, 0) for name in ("delivered", "failed", "open"))
    closed = delivered + failed
    return Outcomes(
        delivered,
        failed,
        still_open,
        round(delivered / closed, 5) if closed else None,
        round(still_open / (closed + still_open), 5) if closed + still_open else None,
    )


def places(counts: Mapping[str, Mapping[str, int]]) -> tuple[Place, ...]:
    return tuple(Place(name, outcomes(counts[name])) for name in sorted(counts))


def shares(counts: Mapping[str, int]) -> tuple[Share, ...]:
    """Largest first, equal ones by name; shares of their sum.

    >>> [(share.name, share.share) for share in shares({"b": 1, "a": 3})]
    [('a', 0.75), ('b', 0.25)]
    """
    whole = sum(counts.values())
    return tuple(Share(name, n, round(n / whole, 5)) for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n > 0)


def window(health: Health, now: int) -> tuple[int, int]:
    """[from, to) in hours since 1970: the last day of *event* time, or of `now` while no line has been read."""
    newest = max((feed.mark for feed in health.feeds), default=0) or now
    to_hour = newest // HOUR + 1
    return to_hour - WINDOW_HOURS, to_hour


def totals(reader: Reader, health: Health, now: int) -> Totals:
    """Read everything the live page shows. `now`: wall clock, µs UTC. StoreError as the reader raises it."""
    from_hour, to_hour = window(health, now)
    kpi = reader.kpi(from_hour, to_hour)
    lines = reader.lines()
    read = [row for row in lines if not row.reason]
    rejected = (RejectCount(row.feed, row.reason, row.lines) for row in lines if row.reason)
    cities, campaigns = _campaigns(reader)
    return Totals(
        window_from=iso(from_hour * HOUR),
        window_to=iso(to_hour * HOUR),
        ready=health.ready,
        reasons=health.reasons,
        lines=sum(row.lines for row in read),
        records=sum(row.records for row in read),
        octets=sum(row.octets for row in read),
        rejects=sum(row.lines for row in lines if row.reason),
        outcomes=outcomes(kpi.outcomes),
        open_deliveries=health.open_deliveries,
        causes=shares(kpi.causes),
        nodes=places(kpi.nodes),
        forwards=sum(cities.values()),
        cities=shares(cities),
        campaigns=campaigns,
        serials=reader.serials_total(),
        outbox=reader.outbox_states(),
        feeds=feeds(health.feeds),
        clocks=tuple(apart_in_words(apart) for apart in health.clocks if apart.far),
        rejected=tuple(sorted(rejected, key=lambda row: (-row.n, row.feed, row.reason))),
    )


def _campaigns(reader: Reader) -> tuple[Counter[str], dict[str, CampaignTotal]]:
    """Counted forwards of all campaigns by the sender's city; and what each has."""
    cities: Counter[str] = Counter()
    found = {}
    for campaign in reader.campaigns():
        counts = reader.counts(campaign)
        found[campaign] = CampaignTotal(counts.forwards, counts.people, counts.serials)
        for (_, city), (counted, _) in counts.days.items():
            cities[city] += counted
    return cities, found


def feeds(states: Iterable[FeedHealth]) -> tuple[FeedState, ...]:
    return tuple(_state(feed, feed.condition) for feed in states)


def _state(feed: FeedHealth, known: FeedCondition | None) -> FeedState:
    condition = known or FeedCondition(feed.name, feed.node, "")
    missing = next((gap.reason for gap in condition.gaps if not gap.stop), "")
    if known and not condition.since:
        missing = UNHEARD
    return FeedState(
        feed.name, feed.dialect, feed.node, feed.state, feed.lines, feed.behind, iso(feed.mark), feed.detail, feed.notes,
        iso(condition.since), condition.late.most / SECOND if condition.late.n else None, condition.waits / SECOND if known else None,
        len(condition.gaps), missing, condition.orphans,
    )  # fmt: skip


def apart_in_words(apart: ClocksApart) -> str:
    """
    >>> apart_in_words(ClocksApart("sms1", "mmsc1", -2_600_000, 300_000, 80, far=True))
    'mmsc1 is 2.6 s behind sms1'
    """
    way = "ahead of" if apart.ahead > 0 else "behind"
    return f"{apart.second} is {abs(apart.ahead) / SECOND:.1f} s {way} {apart.first}"
