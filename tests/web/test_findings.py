"""Findings and the figures beside them, by API and by command."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mmsd.model import Evidence, Finding, NotificationCount, PlaceCount
from mmsd.web.findings import late_hours, notifications
from mmsd.web.sheets import MARK
from tests.web.house import HOUR_OF_NOON, NOON, RECEIVER, House
from tests.web.test_api import get

LINE = Evidence("wap1", "wapbox-access.log", 120, "ATTEMPT", NOON - 5, "")


@pytest.fixture
def full(tmp_path: Path) -> House:
    house = House(tmp_path / "house")
    house.shelf.found = [
        Finding("subscriber", RECEIVER, "BAD_APN", 0.9, NOON, (LINE,), 0, "normal", "ZTE R750"),
        Finding("subscriber", RECEIVER, "BAD_PROXY", 0.85, NOON, (), NOON + 5, "normal", "ZTE R750"),
        Finding("model", "ZTE R750", "BAD_APN", 0.9, NOON, detail="30 of 60 subscribers"),
        Finding("node", "mmsc1", "NODE_FAULT", 0.9, NOON, (), NOON + 10, detail="NO_PUSH: 40 of 100 deliveries that closed"),
    ]
    house.shelf.notified = [
        NotificationCount(HOUR_OF_NOON, "mmsc1", "sms1", 1, -1, "retrieved", 70),
        NotificationCount(HOUR_OF_NOON, "mmsc1", "sms1", 1, -1, "missed", 30),
        NotificationCount(HOUR_OF_NOON, "mmsc1", "sms1", 1, -1, "late", 5),
        NotificationCount(HOUR_OF_NOON, "mmsc1", "sms1", 2, 9, "retrieved", 10),
        NotificationCount(HOUR_OF_NOON - 1, "mmsc1", "sms1", 2, 9, "missed", 10),
    ]
    house.shelf.broke = [PlaceCount("2026-11-22", "cell 460-00-1-2", "RETRIEVE_FAILED", 7)]
    return house


def test_what_stands_is_told_newest_first_and_masked(full: House) -> None:
    found = get(full, "/api/v1/findings")["findings"]
    assert [(row["kind"], row["subject"], row["cause"], row["of_model"]) for row in found] == [
        ("model", "ZTE R750", "BAD_APN", False), ("subscriber", "86138****1234", "BAD_APN", True),
    ]  # fmt: skip
    assert found[1]["evidence"] == [
        {"feed": "wap1", "file": "wapbox-access.log", "offset": 120, "kind": "ATTEMPT", "at": "2026-11-22T11:59:59.999995Z", "note": ""}
    ]


@pytest.mark.parametrize(
    ("query", "causes"),
    [
        ("open=0", ["NODE_FAULT", "BAD_APN", "BAD_PROXY", "BAD_APN"]), ("open=0&kind=node", ["NODE_FAULT"]),
        ("open=0&cause=BAD_PROXY", ["BAD_PROXY"]), ("kind=node", []), ("open=0&limit=1&after=3", ["BAD_PROXY"]),
    ],
)  # fmt: skip
def test_findings_are_chosen(full: House, query: str, causes: list[str]) -> None:
    assert [row["cause"] for row in get(full, f"/api/v1/findings?{query}")["findings"]] == causes


def test_a_file_has_all_that_stands_however_many_a_page_holds(full: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmsd.web.findings.MOST_ROWS", 1)
    told: list[str] = []

    async def story(client: Any) -> None:
        answer = await client.get("/api/v1/findings.csv?open=0")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="mmsd-findings.csv"'
        told.append(await answer.text())

    full.visit(story)
    assert told[0].count(MARK) == 1
    assert [line.split(",")[2] for line in told[0].splitlines()] == ["cause", "NODE_FAULT", "BAD_APN", "BAD_PROXY", "BAD_APN"]


@pytest.mark.parametrize("query", ["kind=people", "cause=NO_PUSH", "open=yes", "number=8613812341234"])
def test_what_cannot_be_asked(full: House, query: str) -> None:
    assert get(full, f"/api/v1/findings?{query}", status=400)["error"] in ("bad_parameter", "unknown_parameter")


def test_notifications_by_gap() -> None:
    rows = notifications([NotificationCount(1, "m", "sms1", 2, 9, "retrieved", 1), NotificationCount(1, "m", "sms1", 1, -1, "missed", 3)])
    assert [(row["nth"], row["gap_from"], row["gap_to"], row["sent"], row["share"]) for row in rows] == [
        (1, None, None, 3, 0.0),
        (2, 511, 1023, 1, 1.0),
    ]


def test_late_pushes_by_local_hour() -> None:
    counts = [
        NotificationCount(HOUR_OF_NOON, "mmsc1", "sms1", 1, -1, result, n) for result, n in (("retrieved", 8), ("missed", 2), ("late", 1))
    ]
    told = {"gateway": "sms1", "node": "mmsc1", "deliveries": 10, "late": 1, "share": 0.1}
    assert late_hours(counts, UTC) == [{**told, "hour": 12}]
    assert late_hours(counts, ZoneInfo("Asia/Shanghai")) == [{**told, "hour": 20}]


def test_what_notifications_came_to_is_told(full: House) -> None:
    told = get(full, "/api/v1/notifications")
    assert [(row["nth"], row["sent"], row["retrieved"], row["late"]) for row in told["notifications"]] == [(1, 100, 70, 5), (2, 20, 10, 0)]
    assert [(row["hour"], row["late"]) for row in told["late"]] == [(12, 5)]
    assert get(full, "/api/v1/notifications?from=2026-11-22T12:00:00Z")["notifications"][1]["sent"] == 10
    assert get(full, "/api/v1/notifications?from=2020-01-01T00:00:00Z", status=400)["error"] == "bad_range"


def test_where_fetches_broke(full: House) -> None:
    told = get(full, "/api/v1/places")
    assert told["places"] == [{"place": "cell 460-00-1-2", "cause": "RETRIEVE_FAILED", "n": 7}]
    assert get(full, "/api/v1/places?to=2026-11-22T00:00:00Z")["places"] == []
