"""Notifications and places are counted up and down, and asked for by time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mmsd.model import Batch, Evidence, Finding, NotificationCount, PlaceCount
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import SqliteStore


@pytest.fixture
def store(keys: Keys) -> Iterator[SqliteStore]:
    with SqliteStore.memory(keys=keys, wall=lambda: 0) as store:
        yield store


def put(store: SqliteStore, **parts: object) -> None:
    store.transact(Needs(), lambda rows: Batch(1, **parts))  # type: ignore[arg-type]


def test_notifications_are_restated(store: SqliteStore) -> None:
    first = NotificationCount(10, "mmsc1", "sms1", 1, -1, "missed", 3)
    put(store, notified=[first, NotificationCount(11, "mmsc1", "sms1", 2, 9, "retrieved", 1)])
    put(
        store,
        notified=[
            NotificationCount(10, "mmsc1", "sms1", 1, -1, "missed", -3),
            NotificationCount(10, "mmsc1", "sms1", 1, -1, "retrieved", 3),
        ],
    )
    assert store.notifications(10, 11) == [NotificationCount(10, "mmsc1", "sms1", 1, -1, "retrieved", 3)]
    assert len(store.notifications(0, 99)) == 2


def test_places_are_added_up_over_days_and_the_worst_comes_first(store: SqliteStore) -> None:
    put(store, places=[PlaceCount(f"2026-11-2{day}", "cell 1", "RETRIEVE_FAILED", 2) for day in range(3)])
    put(store, places=[PlaceCount("2026-11-21", "SGSN 10.0.0.1", "RETRIEVE_FAILED", 5)])
    assert [(count.place, count.n) for count in store.places("2026-11-20", "2026-11-23")] == [("cell 1", 6), ("SGSN 10.0.0.1", 5)]
    assert [(count.place, count.n) for count in store.places("2026-11-21", "2026-11-22")] == [("SGSN 10.0.0.1", 5), ("cell 1", 2)]


def test_findings_are_restated_and_go_when_unfounded(store: SqliteStore) -> None:
    line = Evidence("wap1", "log", 1, "ATTEMPT", 5, "mended")
    row = Finding("subscriber", "8613812341234", "BAD_APN", 0.9, 5, (line,), 0, "low", "ZTE R750")
    put(store, findings=[(b"a" * 16, row), (b"b" * 16, Finding("model", "ZTE R750", "BAD_APN", 0.9, 5, detail="3 of 9"))])
    assert [found for _, found in store.findings(None, 9, kind="subscriber")] == [row]
    assert [found.detail for _, found in store.findings(None, 9, kind="model", cause="BAD_APN", open_only=True)] == ["3 of 9"]
    assert store.findings(None, 9, cause="BAD_PROXY") == []
    put(store, unfounded=[b"a" * 16])
    assert [found.subject_kind for _, found in store.findings(None, 9)] == ["model"]
