"""Figures through HTTP, over a real store: by time and place, final or not, as JSON and CSV; unknown codes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mmsd import config
from mmsd.errors import StoreError
from mmsd.model import AttemptCount, Batch, CodeCount, DayCount, Event, HourCount, MeasureCount, UnknownCode
from mmsd.rules.kpi import final_after
from mmsd.rules.settings import Codes, Judgement
from mmsd.store.sqlite import SqliteStore
from mmsd.web.figures import BYS, Answer, By, Question, Terms, ask, flat
from mmsd.web.sheets import MARK, as_csv
from tests.web.house import HOUR_OF_NOON, NOON, House
from tests.web.stored import put, stored

H = HOUR_OF_NOON  # 2026-11-22T12:00Z, eight in the evening in Shanghai
AFTER = final_after(Judgement())
CHINA = Terms(ZoneInfo("Asia/Shanghai"), AFTER, config.load_codes())


def two_days(**changes: Any) -> Batch:
    """Ten deliveries of mmsc1 and four of mmsc2 over five hours, in two local days."""
    return Batch(
        at=NOON,
        hours=[
            HourCount(H, "mmsc1", "Wuxi", "delivered", "OK", 6, "D1"),
            HourCount(H, "mmsc1", "Nanjing", "failed", "NO_PUSH", 1, "N5"),
            HourCount(H + 3, "mmsc2", "Wuxi", "failed", "NODE_FAULT", 1, "T1"),
            HourCount(H + 4, "mmsc1", "Wuxi", "open", "", 3),  # already tomorrow there
            HourCount(H + 4, "mmsc2", "=Wuxi", "delivered", "OK_UNCONFIRMED", 3, "D3"),
        ],
        days=[
            DayCount("2026-11-22", "35824005", "OK", 2),
            DayCount("2026-11-22", "35824005", "BAD_APN", 2),
            DayCount("2026-11-23", "", "", 1),
        ],
        measures=[MeasureCount(H, "mmsc1", "Wuxi", "end_to_end", 6, 90_000), MeasureCount(H, "mmsc1", "", "sends", 9)],
        tried=[AttemptCount(H, "wap1", "Wuxi", "submit", "Z2", 1)],
        codes=[
            CodeCount(H, "mmsc1", "cmcc", "4441", 5),
            CodeCount(H + 4, "mmsc2", "cmcc", "4442", 2),
            CodeCount(H, "wap1", "http", "404", 7),
        ],
        unknown=[UnknownCode("mmsc1", "cmcc", "4446", 3, NOON, NOON + 5), UnknownCode("smsc", "smpp", "1025", 1, NOON, NOON)],
        events=[Event(NOON, "totals", "", {"horizon": (H + 4) * 3_600_000_000 + AFTER, **changes})],
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with stored(tmp_path) as store:
        put(store, two_days())
        yield store


def asked(store: SqliteStore, by: By, terms: Terms = CHINA, **narrowed: str) -> Answer:
    return ask(store, Question(H, H + 5, by, **narrowed), terms)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("hour", ["2026-11-22T12:00:00Z", "2026-11-22T15:00:00Z", "2026-11-22T16:00:00Z"]),
        ("day", ["2026-11-22", "2026-11-23"]),
        ("month", ["2026-11"]),
        ("node", ["mmsc1", "mmsc2"]),
        ("city", ["Wuxi", "=Wuxi", "Nanjing"]),
        ("model", ["35824005", ""]),
    ],
)
def test_rows_of_each_split(store: SqliteStore, by: By, names: list[str]):
    answer = asked(store, by)
    assert [row.name for row in answer.rows] == names
    if by != "model":
        assert (answer.total.kpi.delivered, answer.total.kpi.failed, answer.total.kpi.open) == (9, 2, 3)
        for field in ("delivered", "failed", "open"):
            assert sum(getattr(row.kpi, field) for row in answer.rows) == getattr(answer.total.kpi, field)


def test_days_are_local(store: SqliteStore):
    today, tomorrow = asked(store, "day").rows
    assert (today.kpi.delivered, today.kpi.failed, today.kpi.open_share) == (6, 2, 0.0)
    assert (tomorrow.kpi.delivered, tomorrow.kpi.open, tomorrow.kpi.open_share) == (3, 3, 0.5)
    assert [row.name for row in asked(store, "day", Terms(UTC, AFTER, CHINA.book)).rows] == ["2026-11-22"]


def test_only_what_can_no_longer_change_is_final(store: SqliteStore):
    assert [row.final for row in asked(store, "hour").rows] == [True, True, False]
    assert [row.final for row in asked(store, "day").rows] == [True, False]
    assert not asked(store, "node").rows[0].final
    assert not asked(store, "day").total.final
    assert ask(store, Question(H, H + 4, "node"), CHINA).rows[0].final


def test_ratios_and_codes_stand_in_the_period_they_are_of(store: SqliteStore):
    today, tomorrow = asked(store, "day").rows
    assert (today.kpi.end_to_end.value, today.kpi.regulatory.value, today.kpi.mean_delay.seconds) == (0.75, 0.85714, 15.0)
    assert (today.kpi.send_failure.part, today.kpi.send_failure.of) == (1, 10)
    assert (today.codes, tomorrow.codes) == ({"code_4441": 5, "code_4442": 0}, {"code_4441": 0, "code_4442": 2})
    assert asked(store, "month").total.codes == {"code_4441": 5, "code_4442": 2}


def test_of_one_node_or_city_no_requests_are_told(store: SqliteStore):
    (row,) = asked(store, "month", node="mmsc1").rows
    assert (row.kpi.delivered, row.kpi.send_failure.of, row.codes) == (6, 0, {"code_4441": 5, "code_4442": 0})
    (row,) = asked(store, "month", city="Nanjing").rows
    assert (row.kpi.failed, row.codes) == (1, None)
    assert {row.name: row.codes for row in asked(store, "node").rows}["mmsc2"] == {"code_4441": 0, "code_4442": 2}


def test_models_tell_no_more_than_their_causes(store: SqliteStore):
    first, unknown = asked(store, "model").rows
    assert (first.kpi.end_to_end.value, first.kpi.regulatory.value, unknown.kpi.open) == (0.5, None, 1)


def test_a_period_with_codes_alone_is_a_row(store: SqliteStore):
    put(store, Batch(at=NOON, codes=[CodeCount(H + 2, "mmsc1", "cmcc", "4442", 1)]))
    row = asked(store, "hour").rows[1]
    assert (row.name, row.kpi.delivered, row.kpi.open_share, row.codes) == (
        "2026-11-22T14:00:00Z",
        0,
        None,
        {"code_4441": 0, "code_4442": 1},
    )


def test_csv_has_every_figure_with_its_parts(store: SqliteStore):
    rows = list(csv.DictReader(io.StringIO(as_csv((), [flat(row, "city") for row in asked(store, "city").rows]), newline="")))
    assert [row["city"] for row in rows] == ["Wuxi", "'=Wuxi", "Nanjing"]  # no spreadsheet runs it
    assert (rows[0]["end_to_end"], rows[0]["end_to_end_part"], rows[0]["end_to_end_of"]) == ("0.85714", "6", "7")
    assert (rows[0]["mean_delay_seconds"], rows[0]["open_share"], rows[0]["final"]) == ("15.0", "0.3", "0")
    assert rows[2]["retrieval_time_seconds"] == ""


# ----------------------------------------------------------------------------------------------------------------------- HTTP


@pytest.fixture
def house(tmp_path: Path, store: SqliteStore) -> House:
    return House(tmp_path, reader=store, terms=CHINA)


@pytest.mark.parametrize("by", BYS)
def test_every_split_answers_in_both_forms(house: House, by: By):
    async def story(client):
        answer = await (await client.get(f"/api/v1/kpi/figures?by={by}&to=2026-11-22T17:00:00Z")).json()
        assert answer["by"] == by
        assert answer["to"] == "2026-11-22T17:00:00Z"
        assert answer["zone"] == "Asia/Shanghai"
        assert answer["rows"]
        assert {"part", "of", "value"} == set(answer["total"]["end_to_end"])
        assert all("open_share" in row and "final" in row for row in answer["rows"])
        table = await client.get(f"/api/v1/kpi/figures.csv?by={by}&to=2026-11-22T17:00:00Z")
        assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert table.headers["Content-Disposition"].endswith('.csv"')
        text = await table.text()
        assert text.startswith(MARK)
        assert [row[by] for row in csv.DictReader(io.StringIO(text.removeprefix(MARK)))] == [
            f"'{row['name']}" if row["name"].startswith("=") else row["name"] for row in answer["rows"]
        ]

    house.visit(story)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("by=week", "by='week' is not one of hour, day, month, node, city, model"),
        ("by=hour&from=2026-01-01T00:00:00Z", "from `from` to `to` is 7813 hours"),
        ("by=model&node=mmsc1", "by=model goes with no node and no city"),
        ("from=yesterday", "from='yesterday' is not an ISO 8601 time such as 2026-11-22T10:00:00Z"),
        ("node=" + "x" * 65, "node='" + "x" * 64 + "' is not a name of at most 64 letters"),
        ("month=11", "unknown parameter 'month'"),
    ],
)
def test_bad_questions(house: House, query: str, detail: str):
    async def story(client):
        answer = await client.get(f"/api/v1/kpi/figures?{query}")
        assert (answer.status, (await answer.json())["detail"]) == (400, detail)

    house.visit(story)


def test_unknown_codes_until_somebody_gives_them_a_meaning(tmp_path: Path, house: House, store: SqliteStore):
    async def story(client):
        answer = await (await client.get("/api/v1/codes")).json()
        assert [(row["code"], row["n"], row["read_as"], row["cause"]) for row in answer["unknown"]] == unknown
        assert answer["unknown"][0]["first"] == "2026-11-22T12:00:00Z"
        assert {(row["node"], row["code"]): (row["n"], row["cause"]) for row in answer["codes"]} == {
            ("wap1", "404"): (7, "EXPIRED"), ("mmsc1", "4441"): (5, "NO_RETRIEVE"),
        }  # fmt: skip

    unknown = [("4446", 3, "44*", "EXPIRED"), ("1025", 1, "", "")]
    house.visit(story)
    book = config.load_codes({"a": Codes(nodes=("mmsc1",), map={"cmcc": {"4446": "NO_PUSH"}})})
    unknown = [("1025", 1, "", "")]
    House(tmp_path / "other", reader=store, terms=CHINA._replace(book=book)).visit(story)


def test_a_store_that_cannot_be_read(tmp_path: Path):
    house = House(tmp_path)
    house.shelf.failure = StoreError("locked")

    async def story(client):
        for path in ("/api/v1/kpi/figures", "/api/v1/kpi/figures.csv"):
            assert (await client.get(path)).status == 503

    house.visit(story)
