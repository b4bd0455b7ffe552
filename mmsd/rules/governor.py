"""The hand on the brake: what leaves, how much of it, and when (design §2 R9, §5).

Every row of the outbox has a class; every class has a switch (off, shadow, on), caps on what one subscriber gets, a ceiling on what a local
day may bring, a canary that waits for a person after the first few, and quiet hours. `Governor.decide` folds over candidates in order, so
that what it lets go counts for those behind. It is asked inside the transaction that claims, with what was reserved so far (`Usage`), and
keeps nothing itself.

A row that may not leave now is deferred to the first instant at which it may, as far as is known; one that would expire before is expired.
In shadow a row is judged like any other, against what left and what only would have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final, NamedTuple

from mmsd.model import SECOND
from mmsd.rules.limits import Cap, CapLimit, CeilingLimit, Limit, QuietLimit, cap
from mmsd.rules.local_time import LocalTime, hours
from mmsd.rules.settings import CampaignSettings, ClassSettings, GovernorSettings

CLASSES: Final = ("transactional", "service", "marketing", "provisioning")
ALL: Final = "all"
"""In stops and opt-outs: every class."""

STOPPED: Final = "stopped"
OFF: Final = "off"
OPTED_OUT: Final = "opted_out"
CANARY: Final = "canary"
EXPIRED: Final = "expired"
NOT_DUE: Final = "not_due"
REASONS: Final = (STOPPED, OFF, OPTED_OUT, CANARY, CapLimit.reason, CeilingLimit.reason, QuietLimit.reason, EXPIRED, NOT_DUE)
"""Why a row does not leave now: all there are, so that they can be counted by name."""

ACKNOWLEDGES_STOP: Final = "stopped"
"""The purpose of the one message that whoever opts out still gets: that it was heard."""


class Candidate(NamedTuple):
    """A row of the outbox that wants to leave."""

    kind: str  # its class
    purpose: str
    subscriber: int  # the store's id of the number, or the number
    due: int
    expires: int | None  # it must have left before; None = never
    campaign: str = ""
    asked: int | None = None  # when the subscriber's own message came that this answers


class Reserved(NamedTuple):
    """Something that left, or is leaving, for a subscriber."""

    at: int
    kind: str
    purpose: str
    shadow: bool = False  # it only would have left


class Tally(NamedTuple):
    """How many of a class were reserved in a local day."""

    sent: int = 0
    shadow: int = 0


class Canary(NamedTuple):
    """How many of a class and campaign were sent since a person last gave his word, and whether he gave it."""

    sent: int = 0
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What is reserved, and what people said, as the claiming transaction sees it. What is absent is nothing."""

    reserved: Mapping[int, Sequence[Reserved]] = field(default_factory=dict)  # by subscriber, as far back as `Governor.memory`
    days: Mapping[tuple[str, str], Tally] = field(default_factory=dict)  # by (class, local day): `Governor.day` and later ones
    canaries: Mapping[tuple[str, str], Canary] = field(default_factory=dict)  # by (class, campaign; "" = of none)
    stops: frozenset[str] = frozenset()  # classes, ALL, and `campaign_stop` of campaigns
    opted_out: Mapping[int, frozenset[str]] = field(default_factory=dict)  # by subscriber: classes, or ALL


def campaign_stop(campaign: str) -> str:
    """The name in `Usage.stops` that stops one campaign alone.

    >>> campaign_stop("torch")
    'campaign:torch'
    """
    return f"campaign:{campaign}"


@dataclass(frozen=True, slots=True)
class Send:
    """It leaves now: reserve it."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """It would leave now; its class is in shadow. Reserve it as such."""


@dataclass(frozen=True, slots=True)
class Defer:
    """Not before `until`, the first instant at which nothing known stands against it."""

    until: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Until a person acts: a stop is lifted, a canary approved, a setting changed."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """Never. `expired`: its time is over, or will be before it may leave; `reason` says what kept it."""

    reason: str
    detail: str = ""
    expired: bool = False


Decision = Send | Shadow | Defer | Hold | Drop


class Effective(NamedTuple):
    """What would become of a message of one class to one number, and the rules that say so."""

    kind: str
    decision: Decision
    rules: tuple[str, ...]


class Governor:
    """The rules, compiled."""

    def __init__(self, settings: GovernorSettings, zone: tzinfo, campaigns: Iterable[CampaignSettings] = ()) -> None:
        """`campaigns` say whether their serials keep quiet hours. Raises ValueError for hours or caps that are none."""
        self._time = LocalTime(zone)
        self._quiet = tuple(map(hours, settings.quiet_hours))
        self._conversation = int(settings.conversation * SECOND)
        self._awake = frozenset(campaign.id for campaign in campaigns if not campaign.quiet_hours)
        self._uncapped = frozenset((*settings.uncapped, ACKNOWLEDGES_STOP))
        self._classes = {
            "transactional": settings.transactional,
            "service": settings.service,
            "marketing": settings.marketing,
            "provisioning": settings.provisioning,
        }
        self._caps = {name: tuple(map(cap, rule.caps)) for name, rule in self._classes.items()}
        self._common: tuple[Cap, ...] = tuple(map(cap, settings.caps))

    @property
    def memory(self) -> int:
        """How far back what a subscriber got still counts, µs."""
        caps = (*self._common, *(one for caps in self._caps.values() for one in caps))
        return max((one.length for one in caps), default=0)

    def day(self, at: int) -> str:
        """The local day whose ceiling counts at an instant, YYYY-MM-DD."""
        return self._time.day(at)

    def decide(self, now: int, candidates: Sequence[Candidate], usage: Usage) -> list[Decision]:
        """A decision for each candidate, in their order; what is let go counts for those behind. Pure."""
        fold = _Fold(usage)
        return [self._one(now, candidate, fold) for candidate in candidates]

    def explain(self, now: int, subscriber: int, usage: Usage, campaign: str = "") -> list[Effective]:
        """What would become of a message to a number now, class by class, with every rule that has a say as it stands."""
        fold = _Fold(usage)
        probes = (Candidate(kind, "", subscriber, now, None, campaign) for kind in CLASSES)
        return [Effective(probe.kind, self._one(now, probe, _Fold(usage)), tuple(self._told(now, probe, fold))) for probe in probes]

    def words(self, decision: Decision) -> str:
        """A decision in words.

        >>> from datetime import UTC
        >>> Governor(GovernorSettings(), UTC).words(Defer(8 * 3600 * SECOND, "quiet_hours", "21:00-08:00"))
        'waits until 1970-01-01 08:00: quiet hours (21:00-08:00)'
        """
        match decision:
            case Send():
                return "leaves now"
            case Shadow():
                return "would leave now; its class is in shadow, so it does not"
            case Defer():
                told = f"waits until {self._time.clock(decision.until)}"
            case Hold():
                told = "held until a person acts"
            case Drop():
                told = "expires before it may leave" if decision.expired else "dropped"
        detail = f" ({decision.detail})" if decision.detail else ""
        return f"{told}: {decision.reason.replace('_', ' ')}{detail}"

    def _told(self, now: int, probe: Candidate, fold: _Fold) -> Iterator[str]:
        rule, usage = self._classes[probe.kind], fold.usage
        yield f"switch: {rule.switch}"
        for name in sorted(usage.stops & {ALL, probe.kind, campaign_stop(probe.campaign)}):
            yield f"stop: {name}"
        for name in sorted(usage.opted_out.get(probe.subscriber, frozenset()) & {ALL, probe.kind}):
            yield f"opted out: {name}"
        if rule.canary is not None:
            canary = fold.canary(probe)
            yield f"canary: {canary.sent} of the first {rule.canary} are out, {'approved' if canary.approved else 'nobody has said go'}"
        for limit in self._limits(probe, rule, fold):
            yield limit.told(now)

    def _one(self, now: int, candidate: Candidate, fold: _Fold) -> Decision:
        if candidate.expires is not None and candidate.expires <= now:
            return Drop(EXPIRED, expired=True)
        rule = self._classes[candidate.kind]
        refused = self._refused(candidate, rule, fold)
        if refused is not None:
            return refused
        shadow = rule.switch == "shadow"
        wait = self._wait(max(now, candidate.due), candidate, rule, fold)
        if isinstance(wait, Hold):
            return wait
        if wait.until <= now:
            fold.reserve(Reserved(now, candidate.kind, candidate.purpose, shadow), candidate, self.day(now))
            return Shadow() if shadow else Send()
        if candidate.expires is not None and candidate.expires <= wait.until:
            return Drop(wait.reason, wait.detail, expired=True)
        return wait

    def _refused(self, candidate: Candidate, rule: ClassSettings, fold: _Fold) -> Hold | Drop | None:
        """What people said, and what time does not change."""
        usage = fold.usage
        for name in (ALL, candidate.kind, campaign_stop(candidate.campaign)):
            if name in usage.stops:
                return Hold(STOPPED, name)
        if rule.switch == "off":
            return Drop(OFF, candidate.kind)
        out = usage.opted_out.get(candidate.subscriber, frozenset())
        if candidate.purpose != ACKNOWLEDGES_STOP and not out.isdisjoint((ALL, candidate.kind)):
            return Drop(OPTED_OUT, ALL if ALL in out else candidate.kind)
        if rule.switch == "on" and rule.canary is not None:
            canary = fold.canary(candidate)
            if not canary.approved and canary.sent >= rule.canary:
                return Hold(CANARY, f"{canary.sent} of {rule.canary} are out")
        return None

    def _wait(self, at: int, candidate: Candidate, rule: ClassSettings, fold: _Fold) -> Defer | Hold:
        """The first instant from `at` on that every limit allows. Each limit only ever moves it on, so what all agree on is the first."""
        limits = self._limits(candidate, rule, fold)
        wait = Defer(at, NOT_DUE)
        while True:
            before = wait.until
            for limit in limits:
                until = limit.first(wait.until)
                if until is None:
                    return Hold(limit.reason, limit.detail)
                if until > wait.until:
                    wait = Defer(until, limit.reason, limit.detail)
            if wait.until == before:
                return wait

    def _limits(self, candidate: Candidate, rule: ClassSettings, fold: _Fold) -> list[Limit]:
        return [*self._capped(candidate, rule, fold), *self._ceiling(candidate, rule, fold), *self._night(candidate, rule)]

    def _capped(self, candidate: Candidate, rule: ClassSettings, fold: _Fold) -> Iterator[CapLimit]:
        if candidate.purpose in self._uncapped:
            return
        shadow = rule.switch == "shadow"
        counted = [one for one in fold.reserved(candidate.subscriber) if one.purpose not in self._uncapped and (shadow or not one.shadow)]
        everything = sorted(one.at for one in counted)
        same = sorted(one.at for one in counted if one.kind == candidate.kind)
        for one in self._common:
            yield CapLimit(one, everything, "of all classes")
        for one in self._caps[candidate.kind]:
            yield CapLimit(one, same, candidate.kind)

    def _ceiling(self, candidate: Candidate, rule: ClassSettings, fold: _Fold) -> Iterator[CeilingLimit]:
        if rule.daily is not None:
            shadow = rule.switch == "shadow"
            yield CeilingLimit(rule.daily, self._time, lambda day: fold.in_day(candidate.kind, day, shadow=shadow))

    def _night(self, candidate: Candidate, rule: ClassSettings) -> Iterator[QuietLimit]:
        awake = candidate.kind == "transactional" and candidate.campaign in self._awake
        if rule.quiet and self._quiet and not awake:
            heard = candidate.asked
            answers = None if heard is None else heard + self._conversation
            yield QuietLimit(self._quiet, self._time, answers)


class _Fold:
    """Usage, and what was let go since."""

    def __init__(self, usage: Usage) -> None:
        self.usage = usage
        self._reserved: defaultdict[int, list[Reserved]] = defaultdict(list)
        self._days: Counter[tuple[str, str, bool]] = Counter()
        self._canaries: Counter[tuple[str, str]] = Counter()

    def reserved(self, subscriber: int) -> Iterator[Reserved]:
        yield from self.usage.reserved.get(subscriber, ())
        yield from self._reserved.get(subscriber, ())

    def in_day(self, kind: str, day: str, *, shadow: bool) -> int:
        """What counts towards a ceiling; in shadow what only would have left counts too."""
        tally = self.usage.days.get((kind, day), Tally())
        real = tally.sent + self._days[kind, day, False]
        return real + tally.shadow + self._days[kind, day, True] if shadow else real

    def canary(self, candidate: Candidate) -> Canary:
        scope = (candidate.kind, candidate.campaign)
        known = self.usage.canaries.get(scope, Canary())
        return known._replace(sent=known.sent + self._canaries[scope])

    def reserve(self, one: Reserved, candidate: Candidate, day: str) -> None:
        self._reserved[candidate.subscriber].append(one)
        self._days[one.kind, day, one.shadow] += 1
        self._canaries[one.kind, candidate.campaign] += 1  # nobody asks for those of a class in shadow
