"""What the web is given: the reading side of the store, and the state of the daemon.

The web never calls `flow` and never writes. `Reader` is the part of `mmsd.store.Store` it uses, so that tests can keep the promise with
lists. Every call may block: all of them go through `Ask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
import numpy.typing as npt

from mmsd.model import (
    Attempt,
    Audit,
    ClocksApart,
    CodeCount,
    CopyCount,
    DayCount,
    Delivery,
    Event,
    FeedCondition,
    Finding,
    HeldCopy,
    LineCount,
    NotificationCount,
    PlaceCount,
    UnknownCode,
)
from mmsd.rules.kpi import Figures
from mmsd.store import CampaignCounts, DeliveryFilter, Kpi, Split


class Reader(Protocol):
    """`mmsd.store.Store`, as far as the web reads it: what each call promises stands there."""

    def deliveries(self, where: DeliveryFilter, limit: int, after: int | None = None) -> list[tuple[int, Delivery]]: ...
    def kpi(self, from_hour: int, to_hour: int) -> Kpi: ...
    def counts(self, campaign: str) -> CampaignCounts: ...
    def campaigns(self) -> Mapping[str, str]: ...
    def serials_total(self, campaign: str | None = None) -> int: ...
    def outbox_states(self) -> Mapping[str, int]: ...
    def events(self, after: int, limit: int) -> list[Event]: ...
    def last_event(self) -> int: ...
    def lines(self) -> list[LineCount]: ...
    def audits(self, limit: int) -> list[Audit]: ...
    def figures(
        self, from_hour: int, to_hour: int, by: Split = "", node: str | None = None, city: str | None = None
    ) -> dict[int | str, Figures]: ...
    def models(self, from_day: str, to_day: str) -> list[DayCount]: ...
    def codes(self, from_hour: int, to_hour: int, code_set: str | None = None, code: str | None = None) -> list[CodeCount]: ...
    def unknown_codes(self) -> list[UnknownCode]: ...
    def horizon(self) -> int: ...
    def story(self, number: str) -> npt.NDArray[Any]: ...
    def attempts(self, number: str | None, limit: int, after: int | None = None) -> list[tuple[int, Attempt]]: ...
    def findings(
        self, number: str | None, limit: int, after: int | None = None, *, open_only: bool = False, kind: str | None = None,
        cause: str | None = None,
    ) -> list[tuple[int, Finding]]: ...  # fmt: skip
    def notifications(self, from_hour: int, to_hour: int) -> list[NotificationCount]: ...
    def copies(self, from_hour: int, to_hour: int) -> list[CopyCount]: ...
    def held_copies(self, limit: int, after: str = "") -> list[tuple[str, HeldCopy]]: ...
    def places(self, from_day: str, to_day: str) -> list[PlaceCount]: ...
    def first_hour(self) -> int: ...
    def knows(self, number: str) -> bool: ...
    def any_erased(self) -> bool: ...
    def names(self, family: str) -> Mapping[int, str]: ...
    def hash_of(self, text: str) -> int: ...


class Living(Reader, Protocol):
    """The same in the process that writes."""

    def changes(self) -> int: ...


class FeedHealth(msgspec.Struct, frozen=True):
    """One feed as an operator sees it."""

    name: str
    dialect: str
    node: str
    state: str  # ok, degraded
    lines: int
    behind: int  # octets written but not read
    mark: int  # high-water mark: event time of its newest line, µs UTC; 0 = no line yet
    detail: str = ""  # why it is degraded
    notes: Mapping[str, int] = {}  # what was passed over or missed since the process started, in words
    condition: FeedCondition | None = None  # what its lines tell of it; None: of a feed that is not read yet


class Health(msgspec.Struct, frozen=True):
    """The daemon as it is now."""

    version: str
    twin: str  # which build of the scanner runs
    started: int  # µs UTC
    ready: bool  # takes work: the store is open and State is loaded
    reasons: tuple[str, ...]  # why not
    open_deliveries: int  # slots of State in use
    feeds: tuple[FeedHealth, ...]
    clocks: tuple[ClocksApart, ...] = ()
    horizon: int = 0  # event time up to which every feed that speaks has been read, µs; 0 = none
    widened: int = 0  # windows count as if clocks differed so much, µs; 0 = as configured
