"""What a campaign counts, as plain rows: what `/api/v1/campaigns`, its files, the pages and `mmsd campaign counts` all show.

Pure over a `Source`, and blocks as it does; every row comes from roll-ups (docs/counting.md), never from the forwards one by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from typing import Any, Final, Literal, NamedTuple, Protocol, get_args
from zoneinfo import ZoneInfo

from mmsd.model import HOUR, Forward, masked
from mmsd.rules.campaign import first_and_last, local_day
from mmsd.rules.closing import FINAL, PROVISIONAL
from mmsd.rules.copies import AMBIGUOUS, NO_SENDER, STRAY
from mmsd.rules.life import RUNNING
from mmsd.rules.pace import pace
from mmsd.rules.settings import CampaignSettings
from mmsd.store.campaign_counts import Close, Late, PartCount, Totals, Tree
from mmsd.web.answers import iso

By = Literal["day", "city", "hour", "generation", "model", "method", "seed", "wait", "fan_out", "group", "reason"]
BYS: Final[tuple[By, ...]] = get_args(By)
OF_ALL_DAYS: Final = ("fan_out", "group")
"""Counted over the whole campaign alone."""
_NAMED: Final = ("forwards", "share")
_EACH: Final = ("participants", "mean")
COLUMNS: Final[Mapping[By, tuple[str, ...]]] = {
    "day": ("day", "forwards", *_EACH, "not_counted", "children", "reproduction", "stage"),
    "city": ("city", *_NAMED, *_EACH, "not_counted"),
    "hour": ("hour", "forwards"), "generation": ("generation", *_NAMED), "model": ("model", *_NAMED, *_EACH), "method": ("method", *_NAMED),
    "seed": ("seed", *_NAMED), "wait": ("from_seconds", "to_seconds", *_NAMED), "fan_out": ("forwards_each", "participants", "share"),
    "group": ("group", *_NAMED, *_EACH), "reason": ("reason", "not_counted", "share"),
}  # fmt: skip
"""Of a split's rows."""
LISTED_COLUMNS: Final = (
    "campaign", "configured", "state", "name", "starts", "ends", "zone", "public", "target", "forwards", "participants", "mean", "serials",
    "last_day",
)  # fmt: skip
CLOSE_COLUMNS: Final = ("day", "stage", "said", "city", "forwards", "not_counted", "participants")
FORWARD_COLUMNS: Final = (
    "id", "forward", "seed", "sender", "receiver", "generation", "parent", "received", "submitted", "retrieved", "day", "city", "model",
    "method", "score", "counted", "reason", "review", "off_net",
)  # fmt: skip
"""Of the rows of `listed`, `closes_table` and `forward_row`."""
_LARGEST_FIRST: Final = ("city", "model", "method", "seed", "group", "reason")
FIRST_DAY: Final = ""
LAST_DAY: Final = "~"
"""Before and after every day: the whole campaign."""
UNATTRIBUTED: Final = (AMBIGUOUS, STRAY, NO_SENDER)
"""What becomes of copies in which a seed was recognised, and which count for nobody."""
NOBODY: Final = Totals(0, 0, 0, "")


class Source(Protocol):
    """`mmsd.store.Store`, as far as figures need it: what each call promises stands there."""

    def horizon(self) -> int: ...
    def campaigns(self) -> Mapping[str, str]: ...
    def campaign_totals(self) -> Mapping[str, Totals]: ...
    def campaign_days(self, campaign: str) -> Mapping[tuple[str, str], tuple[int, int, int]]: ...
    def campaign_parts(self, campaign: str, part: str, since: str = "", until: str = "~") -> list[PartCount]: ...
    def campaign_groups(self, campaign: str) -> Mapping[str, tuple[int, int]]: ...
    def campaign_closes(self, campaign: str, since: str = "", until: str = "~") -> list[Close]: ...
    def campaign_copies(self, campaign: str) -> Mapping[str, int]: ...
    def reviews(self, campaign: str | None = None) -> Mapping[tuple[str, str, str], int]: ...


class Days(NamedTuple):
    """Local days, both included."""

    since: str = FIRST_DAY
    until: str = LAST_DAY

    @property
    def all(self) -> bool:
        return self == (FIRST_DAY, LAST_DAY)

    def hold(self, day: str) -> bool:
        return self.since <= day <= self.until


WHOLE: Final = Days()


# ------------------------------------------------------------------------------------------------------------------------- a whole


def listed(store: Source, campaigns: Mapping[str, CampaignSettings]) -> list[dict[str, Any]]:
    """Every campaign that is configured or has a forward, by id."""
    found, states = store.campaign_totals(), store.campaigns()
    return [summary(name, campaigns.get(name), found.get(name, NOBODY), states.get(name, RUNNING)) for name in sorted({*campaigns, *found})]


def summary(name: str, settings: CampaignSettings | None, found: Totals, state: str = RUNNING) -> dict[str, Any]:
    """`settings` None: its file is gone, its forwards are not. `state`: how far its life is; without a life it runs."""
    told: dict[str, Any] = {"campaign": name, "configured": settings is not None, "state": state}
    for key in ("name", "starts", "ends", "zone", "public", "target"):
        told[key] = getattr(settings, key) if settings is not None else None
    return told | {
        "forwards": found.forwards, "participants": found.people, "mean": _ratio(found.forwards, found.people, 3),
        "serials": found.serials, "last_day": found.last_day,
    }  # fmt: skip


def overview(store: Source, name: str, settings: CampaignSettings | None) -> dict[str, Any]:
    """One campaign in figures that fit above everything else."""
    horizon = store.horizon()
    days = _by_day(store, name)
    zone: tzinfo = ZoneInfo(settings.zone) if settings is not None else UTC
    today = local_day(horizon, zone) if settings is not None and horizon else None
    children = sum(count.n for count in store.campaign_parts(name, "children"))
    generations = _sums(store, name, "generation")
    found = store.campaign_totals().get(name, NOBODY)
    told = summary(name, settings, found, store.campaigns().get(name, RUNNING))
    told |= {
        "read_to": iso(horizon), "today": today, "forwards_today": days.get(today, 0) if today is not None else None,
        "not_counted": _named("reason", _sums(store, name, "reason"), n="not_counted"),
        "reproduction": _ratio(children, found.forwards), "deepest": max(map(int, generations), default=0),
        "methods": _named("method", _sums(store, name, "method")), "reviews": _reviews(store, name),
        "copies": (copies := dict(store.campaign_copies(name))), "unattributed": sum(copies.get(what, 0) for what in UNATTRIBUTED),
    }  # fmt: skip
    told["pace"] = None
    if settings is not None and settings.target and today is not None:
        first, last = first_and_last(settings, zone)
        told["pace"] = pace(settings.target, first, last, first.fromisoformat(today), days)
    return told


def _reviews(store: Source, name: str) -> dict[str, int]:
    """What a rule stopped and nobody has looked at, and what somebody said of the others."""
    said = Counter({"held": 0, "released": 0, "stopped": 0})
    for (_, review, _), n in store.reviews(name).items():
        said[review] += n
    return dict(said)


def _by_day(store: Source, name: str) -> dict[str, int]:
    days: Counter[str] = Counter()
    for (day, _), (counted, _, _) in store.campaign_days(name).items():
        days[day] += counted
    return dict(days)


# -------------------------------------------------------------------------------------------------------------------------- splits


def rows(store: Source, name: str, by: By, days: Days = WHOLE) -> list[dict[str, Any]]:
    """Of a campaign's `days`, one row for each of `by`. People who forward on two days are one: of several days nobody adds them up,
    so that they are told of single days and of the whole alone."""
    match by:
        case "day":
            return _days(store, name, days)
        case "city":
            return _cities(store, name, days)
        case "fan_out":
            return _fan_out(store, name)
        case "group":
            found = store.campaign_groups(name)
            sums = {label: forwards for label, (forwards, _) in found.items()}
            return [{**row, **_each(row["forwards"], found[row["group"]][1])} for row in _named(by, sums)]
        case "hour":
            hours = {int(hour): n for hour, n in _sums(store, name, "hour", days).items()}  # one may be of two days: zones of half hours
            return [{"hour": iso(hour * HOUR), "forwards": n} for hour, n in sorted(hours.items()) if n]
        case "reason":
            return _named("reason", _sums(store, name, "reason", days), n="not_counted")
        case "generation":
            return _ordered(_named("generation", _sums(store, name, "generation", days), read=int), "generation")
        case "wait":
            return _waits(_sums(store, name, "wait", days))
        case "model":
            people = _people(store, name, "people_model") if days.all else {}
            return [{**row, **_each(row["forwards"], people.get(row["model"]))} for row in _named(by, _sums(store, name, by, days))]
        case _:
            return _named(by, _sums(store, name, by, days))


def place_of(by: By, row: Mapping[str, Any]) -> str:
    """Where a row stands among those of its split: what a next page is asked for by (`beyond`).

    >>> place_of("city", {"city": "Wuxi", "forwards": 7}), place_of("wait", {"from_seconds": None, "to_seconds": None, "forwards": 2})
    ('7.Wuxi', '-1')
    """
    name = next(iter(row.values()))
    if by in _LARGEST_FIRST:
        return f"{row['not_counted' if by == 'reason' else 'forwards']}.{name}"
    return "-1" if name is None else str(name)


def beyond(by: By, place: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a row stands behind that place, wherever others went meanwhile. ValueError: there is no such place in this split.

    >>> behind = beyond("city", "7.Wuxi")
    >>> [behind({"city": city, "forwards": n}) for city, n in (("Wuxi", 7), ("Xuzhou", 7), ("Changzhou", 8), ("Changzhou", 6))]
    [False, True, False, True]
    """
    if by in _LARGEST_FIRST:
        here = _largest(place)
        return lambda row: _largest(place_of(by, row)) > here
    if by in ("day", "hour"):
        return lambda row: place_of(by, row) > place
    last = int(place)
    return lambda row: int(place_of(by, row)) > last


def _largest(place: str) -> tuple[int, str]:
    n, _, name = place.partition(".")
    return -int(n), name


def _sums(store: Source, name: str, part: str, days: Days = WHOLE) -> Counter[str]:
    sums: Counter[str] = Counter()
    for row in store.campaign_parts(name, part, *days):
        sums[row.name] += row.n
    return sums


def _people(store: Source, name: str, part: str) -> dict[str, int]:
    return {row.name: row.n for row in store.campaign_parts(name, part, "", "")}


def _named(key: str, sums: Mapping[str, int], *, n: str = "forwards", read: Callable[[str], object] = str) -> list[dict[str, Any]]:
    """The largest first, equal ones by name."""
    whole = sum(sums.values())
    return [
        {key: read(name), n: count, "share": _ratio(count, whole)}
        for name, count in sorted(sums.items(), key=lambda item: (-item[1], item[0]))
        if count
    ]


def _ordered(found: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return sorted(found, key=lambda row: row[key])


def _each(forwards: int, people: int | None) -> dict[str, Any]:
    return {"participants": people, "mean": _ratio(forwards, people, 3) if people is not None else None}


def _days(store: Source, name: str, days: Days) -> list[dict[str, Any]]:
    counted, other, people, children = _by_day(store, name), Counter[str](), Counter[str](), Counter[str]()
    for (day, _), (_, not_counted, _) in store.campaign_days(name).items():
        other[day] += not_counted
    for row in store.campaign_parts(name, "people_day", "0", LAST_DAY):
        people[row.day] = row.n
    for row in store.campaign_parts(name, "children"):
        children[row.day] = row.n
    stages = {close.day: close.stage for close in store.campaign_closes(name, *days)}
    return [
        {
            "day": day, "forwards": counted.get(day, 0), **_each(counted.get(day, 0), people[day]), "not_counted": other[day],
            "children": children[day], "reproduction": _ratio(children[day], counted.get(day, 0)), "stage": stages.get(day, "open"),
        }
        for day in sorted({*counted, *other, *stages})
        if days.hold(day)
    ]  # fmt: skip


def _cities(store: Source, name: str, days: Days) -> list[dict[str, Any]]:
    counted, other, people = Counter[str](), Counter[str](), Counter[str]()
    for (day, city), (n, not_counted, senders) in store.campaign_days(name).items():
        if days.hold(day):
            counted[city] += n
            other[city] += not_counted
            people[city] += senders
    known: Mapping[str, int] | None = people if days.since == days.until else None
    if days.all:
        known = _people(store, name, "people_city")
    found = []
    for city in sorted({*counted, *other}, key=lambda city: (-counted[city], city)):
        row = {"city": city, "forwards": counted[city], "share": _ratio(counted[city], counted.total())}
        each = _each(counted[city], known.get(city, 0) if known is not None else None)
        found.append(row | each | {"not_counted": other[city]})
    return found


def _fan_out(store: Source, name: str) -> list[dict[str, Any]]:
    found = {int(forwards): n for forwards, n in _people(store, name, "fan_out").items()}
    whole = sum(found.values())
    return [{"forwards_each": each, "participants": found[each], "share": _ratio(found[each], whole)} for each in sorted(found)]


def _waits(sums: Mapping[str, int]) -> list[dict[str, Any]]:
    whole = sum(sums.values())
    found = []
    for name in sorted((name for name in sums if sums[name]), key=lambda name: int(name) if name else -1):
        low, high = wait_bounds(int(name)) if name else (None, None)
        found.append({"from_seconds": low, "to_seconds": high, "forwards": sums[name], "share": _ratio(sums[name], whole)})
    return found


def wait_bounds(step: int) -> tuple[int, int]:
    """Seconds [from, to) of a doubling step.

    >>> [wait_bounds(step) for step in range(4)]
    [(0, 1), (1, 3), (3, 7), (7, 15)]
    """
    return (1 << step) - 1, (1 << step + 1) - 1


def _ratio(part: int, of: int, digits: int = 5) -> float | None:
    return round(part / of, digits) if of else None


# --------------------------------------------------------------------------------------------------------------------- what was said

_SAID: Final = ("forwards", "not_counted", "participants")


def closes(store: Source, name: str, days: Days = WHOLE) -> list[dict[str, Any]]:
    """What was said of each day and of its cities, what it is now, and what came after the final figures."""
    stages: defaultdict[str, dict[str, Close]] = defaultdict(dict)
    for close in store.campaign_closes(name, *days):
        stages[close.day][close.stage] = close
    now: defaultdict[str, dict[str, tuple[int, int, int]]] = defaultdict(dict)
    for (day, city), figures in store.campaign_days(name).items():
        now[day][city] = figures
    people = {row.day: row.n for row in store.campaign_parts(name, "people_day", "0", LAST_DAY)}
    found = []
    for day, said in sorted(stages.items()):
        provisional, final = said.get(PROVISIONAL), said.get(FINAL)
        cities = sorted({*now[day], *(city for close in said.values() for city in close.cities)})
        found.append(
            {
                "day": day,
                PROVISIONAL: _whole(provisional),
                FINAL: _whole(final),
                "now": dict(zip(_SAID, (*_summed(now[day]), people.get(day, 0)), strict=True)),
                "cities": [
                    {"city": city, PROVISIONAL: _part(provisional, city), FINAL: _part(final, city), "now": _figures(now[day].get(city))}
                    for city in cities
                ],
            }
        )  # fmt: skip
    return found


def closes_table(told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`closes` flat: a row for each day, stage and city; the day's whole under city "*"."""
    table = []
    for day in told:
        for stage in (PROVISIONAL, FINAL):
            if day[stage] is None:
                continue
            head = {"day": day["day"], "stage": stage, "said": day[stage]["said"]}
            table.append({**head, "city": "*", **{name: day[stage][name] for name in _SAID}})
            table += [{**head, "city": city["city"], **city[stage]} for city in day["cities"] if any(city[stage].values())]
    return table


def _whole(close: Close | None) -> dict[str, Any] | None:
    if close is None:
        return None
    figures = zip(_SAID, (*_summed(close.cities), close.people), strict=True)
    return {"said": iso(close.at), "read_to": iso(close.horizon), **dict(figures)}


def _summed(cities: Mapping[str, tuple[int, int, int]]) -> tuple[int, int]:
    return sum(figures[0] for figures in cities.values()), sum(figures[1] for figures in cities.values())


def _part(close: Close | None, city: str) -> dict[str, int] | None:
    return _figures(close.cities.get(city)) if close is not None else None


def _figures(found: tuple[int, int, int] | None) -> dict[str, int]:
    return dict(zip(_SAID, found or (0, 0, 0), strict=True))


def late_row(row: Late) -> dict[str, Any]:
    """What would have changed a final day."""
    return {
        "id": row.id, "at": iso(row.at), "day": row.day, "city": row.city, "forwards": row.counted, "not_counted": row.other,
        "forward": row.forward.hex(),
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------------------------- one by one


def tree_row(row: Tree, show: Callable[[str], str] = masked) -> dict[str, Any]:
    """A tree of forwards. `show`: how a number is shown."""
    return {
        "number": show(row.msisdn) if row.msisdn else "", "forwards": row.n, "deepest": len(row.levels), "widest": max(row.levels),
        "levels": list(row.levels),
    }  # fmt: skip


def forward_row(identity: int, row: Forward, show: Callable[[str], str] = masked) -> dict[str, Any]:
    """One forward; an erased number is empty."""
    return {
        "id": identity, "forward": row.key.hex(), "seed": row.seed, "sender": show(row.sender) if row.sender else "",
        "receiver": show(row.receiver) if row.receiver else "", "generation": row.generation,
        "parent": row.parent.hex() if row.parent else "", "received": iso(row.received), "submitted": iso(row.submitted),
        "retrieved": iso(row.retrieved), "day": row.day, "city": row.city, "model": row.model, "method": row.method,
        "score": round(row.score, 4), "counted": row.counted, "reason": row.reason, "review": row.review, "off_net": row.off_net,
    }  # fmt: skip
