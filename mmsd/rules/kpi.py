"""The figures an operator, a regulator and a bench-marker ask for, each defined once (`docs/kpi.md` says them in words, with sources).

`kpi(figures)` turns counts into ratios and means; the counts come from the cubes (`model.HourCount` and its neighbours), added up over
whatever hours, nodes and cities were asked for. A ratio always carries what it was made of; there is none without its `open_share`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final

import msgspec
import numpy as np

from mmsd.model import HOUR, SECOND, I64Array, MeasureCount
from mmsd.rules.settings import Judgement
from mmsd.rules.sums import sums

MEASURES: Final[Mapping[str, str]] = {
    "notification": "submit to the first sign that the push had come, of deliveries delivered or failed",
    "prompt": "of these, those within `late`",
    "retrieval": "first sign that the push had come to the first whole retrieval, of deliveries delivered",
    "end_to_end": "submit to the first whole retrieval, of deliveries delivered",
    "timely": "of these, those within 48 hours",
    "sends": "messages that the MMSC took from handsets, each once however many its receivers",
    "send": "a handset's submit at the gateway, first byte to answer",
}
"""What `measure_count` holds. `prompt`, `timely` and `sends` are numbers without a sum."""

LONGEST: Final = 48 * 3600.0
"""Longest delay that the 3G service specification allows, in seconds; what took longer is not timely."""

LEAST_SEND: Final = 1_000
"""Octets of a request with which a handset sends a message; its confirmations are of some tens."""

NETWORK_CAUSES: Final = frozenset({"INTERWORKING", "SUBMIT_FAILED", "NODE_FAULT", "RETRIEVE_FAILED"})
NETWORK_ROWS: Final = frozenset({"B1", "T2", "N1", "N2", "N6"})
"""Rows that are the network's failures though their causes can be the user's: the MMSC's own no, a push refused, rejected or lost."""

WATCHED: Final[Mapping[str, tuple[str, str]]] = {"code_4441": ("cmcc", "4441"), "code_4442": ("cmcc", "4442")}
"""Codes whose series stands beside the ratios, (set, code): the measure of a programme that finds wrong settings is that these fall."""

ASTRAY: Final = ("Z2", "Z3", "Z4", "Z5", "Z6", "Z7")
"""Verdicts of a request that did not succeed."""
SENDS: Final = ("submit", "post")
"""Types of requests that send a message, or may: a POST of which nothing says that it confirms."""


def users(cause: str, rule: str) -> bool:
    """Whether a failure is the user's and stands in no regulatory ratio. Of a failure whose row is not known ("") only if the cause tells.

    >>> users("BAD_APN", "U10"), users("NO_PUSH", "N5"), users("NO_PUSH", "N1"), users("NODE_FAULT", "T1")
    (True, True, False, False)
    """
    if cause in NETWORK_CAUSES or rule in NETWORK_ROWS:
        return False
    return bool(rule) or cause not in ("NO_PUSH", "NOT_PROVISIONED")


class Ratio(msgspec.Struct, frozen=True):
    """`part` of `of`; `value` is None where `of` is 0."""

    part: int
    of: int
    value: float | None


class Mean(msgspec.Struct, frozen=True):
    """Mean in seconds of `n` that were measured; None of none."""

    n: int
    seconds: float | None


def ratio(part: int, of: int) -> Ratio:
    return Ratio(part, of, round(part / of, 5) if of > 0 else None)


def mean(n: int, total_ms: int) -> Mean:
    return Mean(n, round(total_ms / n / 1000, 3) if n > 0 else None)


@dataclass(slots=True)
class Figures:
    """Counts, added up. Adding is all one does with them, so hours make days and nodes make a network."""

    deliveries: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (outcome, cause, row)
    measured: Counter[str] = field(default_factory=Counter)  # measure → how many
    totals: Counter[str] = field(default_factory=Counter)  # measure → ms
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)  # (type, verdict) of requests that did not succeed

    def add(self, other: Figures) -> None:
        self.deliveries.update(other.deliveries)
        self.measured.update(other.measured)
        self.totals.update(other.totals)
        self.tried.update(other.tried)


class Kpi(msgspec.Struct, frozen=True):
    """One period's figures. Own traffic, orphans and lapsed deliveries are in none of them; `lapsed` is how many lapsed."""

    delivered: int
    failed: int
    open: int
    lapsed: int
    open_share: float | None  # open ÷ (delivered + failed + open)
    end_to_end: Ratio  # delivered ÷ (delivered + failed)
    regulatory: Ratio  # the same without failures that are the user's
    mean_delay: Mean
    timeliness: Ratio  # delivered within 48 hours ÷ delivered, of those measured
    prompt: Ratio  # notified within `late` ÷ notified
    send_failure: Ratio
    notification_failure: Ratio
    retrieval_failure: Ratio
    report_failure: Ratio
    send_time: Mean
    notification_time: Mean
    retrieval_time: Mean
    causes: dict[str, int]  # of failures


def kpi(figures: Figures) -> Kpi:
    """All figures of one period.

    >>> made = kpi(Figures(Counter({("delivered", "OK", "D1"): 8, ("failed", "BAD_APN", "U10"): 1, ("failed", "NODE_FAULT", "T1"): 1})))
    >>> made.end_to_end.value, made.regulatory.value
    (0.8, 0.88889)
    """
    outcomes: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    excused = unseen = 0
    for (outcome, cause, rule), count in figures.deliveries.items():
        outcomes[outcome] += count
        if outcome == "failed":
            causes[cause] += count
            excused += count * users(cause, rule)
            unseen += count * (rule.startswith("U") and cause == "EXPIRED")  # nothing shows that the push came
        if outcome in ("delivered", "failed"):
            rows[rule] += count
    delivered, failed, still_open = outcomes["delivered"], outcomes["failed"], outcomes["open"]
    retrieved = rows["D1"] + rows["D2"] + rows["D3"] + rows["D4"]
    not_pushed = _family(rows, "N")
    not_fetched = _family(rows, "T") + rows["R2"] + _family(rows, "U") - unseen
    sends_failed = sum(count for (kind, verdict), count in figures.tried.items() if kind in SENDS and verdict in ASTRAY)
    n, ms = figures.measured, figures.totals
    return Kpi(
        delivered=delivered, failed=failed, open=still_open, lapsed=outcomes["lapsed"],
        open_share=ratio(still_open, delivered + failed + still_open).value,
        end_to_end=ratio(delivered, delivered + failed),
        regulatory=ratio(delivered, delivered + failed - excused),
        mean_delay=mean(n["end_to_end"], ms["end_to_end"]),
        timeliness=ratio(n["timely"], n["end_to_end"]),
        prompt=ratio(n["prompt"], n["notification"]),
        send_failure=ratio(sends_failed, sends_failed + n["sends"]),
        notification_failure=ratio(not_pushed, not_pushed + retrieved + rows["R1"] + not_fetched),
        retrieval_failure=ratio(not_fetched, not_fetched + retrieved),
        report_failure=ratio(rows["D2"] + rows["D3"], retrieved),
        send_time=mean(n["send"], ms["send"]),
        notification_time=mean(n["notification"], ms["notification"]),
        retrieval_time=mean(n["retrieval"], ms["retrieval"]),
        causes={cause: count for cause, count in sorted(causes.items(), key=lambda item: (-item[1], item[0])) if count},
    )  # fmt: skip


def _family(rows: Counter[str], letter: str) -> int:
    return sum(n for rule, n in rows.items() if rule.startswith(letter))


def by_cause(counts: Iterable[tuple[str, int]]) -> Figures:
    """Figures of a cube that knows only causes ("" = open), as that of the models does: without rows no ratio needs more than outcomes.

    >>> kpi(by_cause([("OK", 3), ("BAD_APN", 1), ("", 2)])).end_to_end.value
    0.75
    """
    figures = Figures()
    for cause, n in counts:
        outcome = "delivered" if cause in DELIVERED else "failed" if cause else "open"
        figures.deliveries[outcome, cause, ""] += n
    return figures


DELIVERED: Final = frozenset({"OK", "OK_UNCONFIRMED", "DELAYED"})


# ------------------------------------------------------------------------------------------------------------------ what is measured


def measures(outcome: str, notified: int, retrieved: int, late: float) -> dict[str, int]:
    """What one judged delivery adds to the cube: measure → ms. Times are ms from the submit, −1 = not seen; `late` in seconds.

    >>> measures("delivered", 2_000, 5_000, 180.0)
    {'notification': 2000, 'prompt': 0, 'end_to_end': 5000, 'retrieval': 3000, 'timely': 0}
    """
    found: dict[str, int] = {}
    if outcome not in ("delivered", "failed"):
        return found
    if notified >= 0:
        found["notification"] = notified
        if notified <= late * 1000:
            found["prompt"] = 0
    if retrieved >= 0 and outcome == "delivered":
        found["end_to_end"] = retrieved
        if notified >= 0:
            found["retrieval"] = max(retrieved - notified, 0)
        if retrieved <= LONGEST * 1000:
            found["timely"] = 0
    return found


@dataclass(slots=True)
class Measured:
    """Increments of the cube of measures: (hour, node, city, measure) → how many, and their sum in ms."""

    n: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)
    totals: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)

    def add(self, hour: int, node: str, city: str, seen: Mapping[str, int], n: int = 1) -> None:
        """`n` times what was measured once; −1 takes it back."""
        for measure, ms in seen.items():
            key = hour, node, city, measure
            self.n[key] += n
            self.totals[key] += n * ms

    def add_columns(
        self,
        labels: Sequence[str],
        hour: I64Array,
        node: I64Array,
        city: I64Array,
        n: I64Array,
        notified: I64Array,
        retrieved: I64Array,
        late: float,
    ) -> None:
        """`add` of many *delivered* ones at once, a row each: `node` and `city` by their place in `labels`, the rest as in `measures`."""
        if not len(hour):
            return
        told, had = notified >= 0, retrieved >= 0
        nothing = np.zeros_like(n)
        named, weights = [], []
        for measure, chosen, ms in (
            ("notification", told, notified), ("prompt", told & (notified <= late * 1000), nothing), ("end_to_end", had, retrieved),
            ("retrieval", told & had, np.maximum(retrieved - notified, 0)), ("timely", had & (retrieved <= LONGEST * 1000), nothing),
        ):  # fmt: skip
            named.append(measure)
            weights += [n * chosen, n * ms * chosen]
        keys, found = sums((hour, node, city), *weights)
        for place, measure in enumerate(named):
            counts, totals = found[2 * place].tolist(), found[2 * place + 1].tolist()
            for (at, where, whose), count, total in zip(keys, counts, totals, strict=True):
                if count or total:
                    self.n[at, labels[where], labels[whose], measure] += count
                    self.totals[at, labels[where], labels[whose], measure] += total

    def counts(self) -> list[MeasureCount]:
        return [MeasureCount(*key, n, self.totals[key]) for key, n in self.n.items() if n or self.totals[key]]


# ------------------------------------------------------------------------------------------------------------------------ periods


def final_after(settings: Judgement) -> int:
    """µs from the end of an hour of submission until its figures no longer change: window, grace, and the time late lines restate for."""
    return int((settings.window + settings.grace + settings.restate) * SECOND)


def period_of(hour: int, by: str, zone: tzinfo) -> str:
    """The period an hour belongs to: itself in UTC, or its local day or month (by the local date on which it begins).

    >>> period_of(498708, "hour", UTC), period_of(498712, "day", UTC), period_of(498712, "month", UTC)
    ('2026-11-22T12:00:00Z', '2026-11-22', '2026-11')
    """
    moment = datetime.fromtimestamp(hour * 3600, UTC if by == "hour" else zone)
    if by == "hour":
        return moment.isoformat().removesuffix("+00:00") + "Z"
    return f"{moment:%Y-%m-%d}" if by == "day" else f"{moment:%Y-%m}"


def is_final(hour: int, horizon: int, after: int) -> bool:
    """Whether an hour of submission is final at `horizon`, the event time up to which every feed has been read."""
    return (hour + 1) * HOUR + after <= horizon
