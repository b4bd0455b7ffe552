"""Campaigns over HTTP: every figure is what DuckDB makes of the rows; files open in a spreadsheet and run nothing; lists come in pages."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import duckdb
import msgspec
import pytest

from mmsd.errors import StoreError
from mmsd.model import HOUR, Batch, Closing, CopyCount, Event, Forward, Holder, Serial, masked
from mmsd.store.sqlite import SqliteStore
from mmsd.web import campaigns
from mmsd.web.access import digest
from mmsd.web.campaign import closes_table
from tests.store.relay import Relay
from tests.store.values import LI, WANG, forward
from tests.web.house import NOON, House, campaign
from tests.web.stored import put

DAY = 24 * HOUR


@pytest.fixture
def house(tmp_path: Path, store: SqliteStore) -> House:
    return House(tmp_path / "house", reader=store, campaigns=[campaign("relay", target=200, zone="UTC"), campaign("unused")])


def ask(house: House, path: str, *, status: int = 200) -> Any:
    """JSON as values, a table as rows, a workbook as octets."""
    told: list[Any] = []

    async def story(client: Any) -> None:
        answer = await client.get(f"/api/v1/campaigns{path}")
        assert answer.status == status, await answer.text()
        body = await answer.read()
        if answer.content_type == "application/json":
            told.append(json.loads(body))
        elif answer.content_type == "text/csv":
            assert body.startswith(b"\xef\xbb\xbf"), "Excel takes UTF-8 by this mark alone"
            told.append(table(body))
        else:
            told.append(body)

    house.visit(story)
    return told[0]


def table(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


def relayed(store: SqliteStore, seed: int) -> Relay:
    """Some hundred forwards with restatements, closes on the way."""
    relay = Relay(seed)
    for step in range(30):
        rows = [relay.restated() if relay.rows and relay.draw.random() < 0.3 else relay.new() for _ in range(relay.draw.randrange(1, 10))]
        closings = [Closing("relay", "2026-11-22", {20: "provisional", 25: "final"}[step], NOON)] if step in (20, 25) else []
        put(store, Batch(NOON + step, forwards=rows, closings=closings))
    put(store, Batch(NOON, events=[Event(NOON, "totals", "", {"horizon": NOON + DAY})]))
    return relay


# -------------------------------------------------------------------------------------------------------------------- the truth


class Truth:
    """The rows in DuckDB, and what anybody would ask of them."""

    def __init__(self, rows: list[Forward], folder: Path) -> None:
        file = folder / "truth.jsonl"
        given = [msgspec.structs.asdict(row) | {"key": row.key.hex(), "parent": row.parent.hex() if row.parent else None} for row in rows]
        file.write_text("\n".join(json.dumps(row) for row in given))
        self._base = duckdb.connect()
        self._base.execute(
            f"CREATE TABLE forward AS SELECT * REPLACE (CAST(day AS TEXT) AS day) FROM read_json('{file}', format = 'newline_delimited')"
        )
        self._base.execute("CREATE VIEW counts AS SELECT * FROM forward WHERE counted")

    def __call__(self, sql: str) -> set[tuple[Any, ...]]:
        return set(self._base.execute(sql).fetchall())


def told(rows: list[dict[str, Any]], *columns: str) -> set[tuple[Any, ...]]:
    found = {tuple(row[column] for column in columns) for row in rows}
    assert len(found) == len(rows)
    return found


def test_what_was_recognised_and_counts_for_nobody(house: House, store: SqliteStore) -> None:
    whats = {"exact": 9, "joined": 7, "probable": 5, "ambiguous": 4, "no_log": 2, "no_sender": 1}
    copied = [CopyCount(1, "" if what in {"joined", "ambiguous", "no_log"} else "tap", what, "relay", n) for what, n in whats.items()]
    put(store, Batch(NOON, copied=copied))
    told = ask(house, "/relay")
    assert (told["unattributed"], told["copies"]) == (7, whats)
    assert ask(house, "/unused")["unattributed"] == 0


@pytest.mark.random
def test_every_figure_is_what_the_rows_say(house: House, store: SqliteStore, tmp_path: Path, seed: int) -> None:
    truth = Truth(list(relayed(store, seed).rows.values()), tmp_path)

    def figures(by: str, more: str = "") -> list[dict[str, Any]]:
        return list(ask(house, f"/relay/figures?by={by}{more}")["rows"])

    whole = ask(house, "/relay")
    assert truth("SELECT count(*), count(DISTINCT sender), max(generation) FROM counts") == {
        (whole["forwards"], whole["participants"], whole["deepest"])
    }
    children = "SELECT count(*) AS n FROM counts f JOIN counts p ON f.parent = p.key"
    assert truth(f"SELECT round(({children}) / count(*), 5) FROM counts") == {(whole["reproduction"],)}
    assert truth(f"SELECT count(*) FROM counts WHERE day = '{whole['today']}'") == {(whole["forwards_today"],)}
    assert whole["mean"] == round(whole["forwards"] / whole["participants"], 3)
    assert told(whole["not_counted"], "reason", "not_counted") == truth(
        "SELECT reason, count(*) FROM forward WHERE NOT counted GROUP BY ALL"
    )
    assert told(whole["methods"], "method", "forwards") == truth("SELECT method, count(*) FROM counts GROUP BY ALL")

    assert told(figures("day"), "day", "forwards", "participants", "not_counted", "children") == truth(
        "SELECT day, count(*) FILTER (counted), count(DISTINCT sender) FILTER (counted), count(*) FILTER (NOT counted),"
        " (SELECT count(*) FROM counts c JOIN counts p ON c.parent = p.key WHERE p.day = forward.day) FROM forward GROUP BY day"
    )
    by_city = (
        "SELECT city, count(*) FILTER (counted), count(DISTINCT sender) FILTER (counted), count(*) FILTER (NOT counted) FROM forward"
        " WHERE day IN ({}) GROUP BY city"
    )
    days = ("2026-11-22", "2026-11-23", "2026-11-24")
    assert told(figures("city"), "city", "forwards", "participants", "not_counted") == truth(by_city.format(str(days)[1:-1]))
    one = "&from=2026-11-23&to=2026-11-23"
    assert told(figures("city", one), "city", "forwards", "participants", "not_counted") == truth(by_city.format("'2026-11-23'"))
    two = figures("city", "&from=2026-11-23")
    assert told(two, "city", "forwards") == {row[:2] for row in truth(by_city.format(str(days[1:])[1:-1]))}
    assert {row["participants"] for row in two} == {None}, "nobody adds people of two days up"

    assert told(figures("model"), "model", "forwards", "participants") == truth(
        "SELECT model, count(*), count(DISTINCT sender) FROM counts GROUP BY ALL"
    )
    assert {row["participants"] for row in figures("model", one)} <= {None}
    assert told(figures("hour"), "hour", "forwards") == truth(
        "SELECT strftime(epoch_ms(retrieved // 3600000000 * 3600000), '%Y-%m-%dT%H:%M:%SZ'), count(*) FROM counts GROUP BY ALL"
    )
    for by in ("generation", "seed", "method"):
        assert told(figures(by), by, "forwards") == truth(f"SELECT {by}, count(*) FROM counts GROUP BY ALL")
        assert told(figures(by, one), by, "forwards") == truth(f"SELECT {by}, count(*) FROM counts WHERE day = '2026-11-23' GROUP BY ALL")
    assert told(figures("fan_out"), "forwards_each", "participants") == truth(
        "SELECT n, count(*) FROM (SELECT count(*) AS n FROM counts GROUP BY sender) GROUP BY ALL"
    )
    for by in ("day", "city", "hour", "generation", "model", "wait", "fan_out", "reason"):
        rows, pages, after = figures(by), list[Any](), ""
        limit = len(rows) // 3 + 1
        while after is not None:
            page = ask(house, f"/relay/figures?by={by}&limit={limit}&after={quote(after)}")
            pages += page["rows"]
            after = page["after"]
        assert pages == rows, by
    for row in figures("wait"):
        low, high = row["from_seconds"], row["to_seconds"]
        where = "received = 0" if low is None else f"received > 0 AND (submitted - received) // 1000000 BETWEEN {low} AND {high - 1}"
        assert truth(f"SELECT count(*) FROM counts WHERE {where}") == {(row["forwards"],)}
    assert sum(row["forwards"] for row in figures("wait")) == whole["forwards"]

    listed = table_of(house, "forwards.csv")
    assert {row["forward"] for row in listed} == {key for (key,) in truth("SELECT key FROM forward")}


def table_of(house: House, name: str) -> list[dict[str, str]]:
    return list(ask(house, f"/relay/{name}"))


@pytest.mark.random
def test_what_was_said_stays_and_what_came_later_is_the_difference(house: House, store: SqliteStore, seed: int) -> None:
    relayed(store, seed)
    [day] = ask(house, "/relay/closes")["closes"]
    assert day["day"] == "2026-11-22"
    late = ask(house, "/relay/late?limit=500")["late"]
    for name in ("forwards", "not_counted"):
        assert day["now"][name] - day["final"][name] == sum(row[name] for row in late)
        for city in day["cities"]:
            assert city["now"][name] - city["final"][name] == sum(row[name] for row in late if row["city"] == city["city"])
    assert {row["stage"] for row in ask(house, "/relay/figures")["rows"]} == {"final", "open"}
    flat = table_of(house, "closes.csv")
    [whole] = [row for row in flat if (row["stage"], row["city"]) == ("final", "*")]
    assert int(whole["forwards"]) == day["final"]["forwards"] == sum(
        int(row["forwards"]) for row in flat if row["stage"] == "final" and row["city"] != "*"
    )  # fmt: skip
    assert ask(house, "/relay/closes?from=2026-11-23")["closes"] == []


def test_a_day_that_is_not_said_yet_has_no_row(house: House, store: SqliteStore) -> None:
    put(store, Batch(NOON, forwards=[forward(1)], closings=[Closing("relay", "2026-11-22", "provisional", NOON)]))
    told = ask(house, "/relay/closes")["closes"]
    assert told[0]["final"] is None
    assert [row["stage"] for row in closes_table(told)] == ["provisional", "provisional"]


# -------------------------------------------------------------------------------------------------------------------------- lists


def test_campaigns_are_those_configured_and_those_with_forwards(house: House, store: SqliteStore) -> None:
    put(store, Batch(NOON, forwards=[forward(1, campaign="gone"), forward(2)], serials=[Serial("A", forward(2).key)]))
    found = ask(house, "")["campaigns"]
    assert [(row["campaign"], row["configured"], row["forwards"], row["serials"]) for row in found] == [
        ("gone", False, 1, 0), ("relay", True, 1, 1), ("unused", True, 0, 0),
    ]  # fmt: skip
    first = ask(house, "?limit=2")
    assert (len(first["campaigns"]), first["after"]) == (2, "relay")
    assert [row["campaign"] for row in ask(house, "?after=relay")["campaigns"]] == ["unused"]
    assert ask(house, "/gone")["pace"] is None
    assert ask(house, "/unused")["forwards"] == 0


def test_pages_of_trees_have_each_row_once(house: House, store: SqliteStore) -> None:
    first = [forward(n, sender=f"8613912{n:06}") for n in range(1, 13)]
    more = [forward(100 * n + k, sender=WANG, parent=row.key, generation=2) for n, row in enumerate(first, 1) for k in range(4 + n % 3)]
    put(store, Batch(NOON, forwards=[*first, *more]))
    sizes: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = ask(house, f"/relay/trees?limit=5{after}")
        sizes += [(row["forwards"], row["deepest"], row["widest"]) for row in page["trees"]]
        after = f"&after={page['after']}" if page["after"] is not None else None
    assert sizes == sorted(((5 + n % 3, 2, 4 + n % 3) for n in range(1, 13)), reverse=True)


def test_numbers_are_masked_unless_somebody_says_who_he_is(house: House, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "PAGE", 7)
    rows = [forward(n) for n in range(1, 24)]
    put(store, Batch(NOON, forwards=rows))
    assert {(row["sender"], row["receiver"]) for row in ask(house, "/relay/forwards.csv")} == {(masked(LI), masked(WANG))}
    house.grant(f"read,reveal {digest('boss')}")
    house.grant(f"read {digest('reader')}")
    path = "/api/v1/campaigns/relay/forwards/export"

    async def story(client: Any) -> None:
        for token, body, status in (
            ("reader", {"who": "li", "why": "prizes"}, 403), ("boss", {"who": "", "why": "prizes"}, 400),
            ("boss", {"who": "li", "why": "call 8613912345678"}, 400),
        ):  # fmt: skip
            assert (await client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})).status == status
        assert store.deeds(10) == []
        answer = await client.post(path, json={"who": "li", "why": "prizes"}, headers={"Authorization": "Bearer boss"})
        full = table(await answer.read())
        assert [row["id"] for row in full] == [str(number) for number in range(1, 24)], "each once, in order, over all pages"
        assert {(row["sender"], row["receiver"]) for row in full} == {(LI, WANG)}

    house.visit(story, token="")
    [(_, _, deed)] = store.deeds(10)
    assert (deed.who, deed.what, deed.subject, deed.why) == ("li", "reveal", "forwards of campaign relay", "prizes")


def test_a_list_whose_store_goes_away_ends_broken(house: House, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "PAGE", 2)
    put(store, Batch(NOON, forwards=[forward(n) for n in range(1, 8)]))
    read, asked = store.forwards, []

    def failing(*arguments: Any) -> Any:
        asked.append(arguments)
        if len(asked) > 2:
            raise StoreError("away")
        return read(*arguments)

    monkeypatch.setattr(store, "forwards", failing)

    async def story(client: Any) -> None:
        answer = await client.get("/api/v1/campaigns/relay/forwards.csv")
        with pytest.raises(Exception, match=r"payload|transfer|closed"):
            await answer.read()

    house.visit(story)


# -------------------------------------------------------------------------------------------------------------------------- files


def test_forwards_by_the_group_of_a_list(house: House, store: SqliteStore) -> None:
    """Who was sent two seeds belongs to the group of the first; who was only compared, or had it by keyword, to none."""
    people = {name: f"861390000000{place}" for place, name in enumerate(("vip", "both", "control", "keyword", "friend"))}
    holders = [
        Holder("relay", "one", people["vip"], "group", "sent", NOON, 1, "VIP", key=b"a", drawn=NOON),
        Holder("relay", "two", people["both"], "group", "sent", NOON, 1, "VIP", key=b"b", drawn=NOON),
        Holder("relay", "one", people["both"], "group", "sent", NOON, 2, "city", key=b"c", drawn=NOON + HOUR),
        Holder("relay", "one", people["control"], "group", "control", NOON, 1, "VIP", drawn=NOON),
        Holder("relay", "one", people["keyword"], "keyword", "asked", NOON, key=b"d"),
    ]
    senders = ["vip", "vip", "both", "control", "keyword", "friend"]
    forwards = [forward(number, sender=people[name]) for number, name in enumerate(senders, 1)]
    put(store, Batch(NOON, holders=holders, forwards=[*forwards, forward(7, sender=people["vip"], counted=False, reason="off_net")]))
    assert ask(house, "/relay/figures?by=group")["rows"] == [
        {"group": "", "forwards": 3, "share": 0.5, "participants": 3, "mean": 1.0},
        {"group": "VIP", "forwards": 3, "share": 0.5, "participants": 2, "mean": 1.5},
    ]


TRAP = "=cmd|' /C calc'!A1"


def test_a_city_that_would_like_to_be_a_formula(house: House, store: SqliteStore) -> None:
    put(store, Batch(NOON, forwards=[forward(1, city=TRAP), forward(2, city="南京", model="+1")]))
    assert {row["city"] for row in table_of(house, "figures.csv?by=city")} == {f"'{TRAP}", "南京"}
    octets = ask(house, "/relay/figures.xlsx")
    with zipfile.ZipFile(io.BytesIO(octets)) as book:
        sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        names = [node.attrib["name"] for node in ElementTree.fromstring(book.read("xl/workbook.xml")).iter() if node.tag.endswith("}sheet")]
    strings = b"".join(sheets).decode()
    assert TRAP.replace("'", "&apos;") in strings or TRAP in strings
    assert "南京" in strings
    assert all(b"<f>" not in sheet and b"hyperlink" not in sheet for sheet in sheets)
    assert names[0] == "campaign"
    assert set(names[1:]) == {
        "day",
        "city",
        "hour",
        "generation",
        "model",
        "method",
        "seed",
        "wait",
        "fan_out",
        "group",
        "reason",
        "closes",
    }


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/nothing", "no_such_campaign"), ("/relay/figures?by=weather", "bad_parameter"), ("/relay/figures?to=now", "bad_parameter"),
        ("/relay/figures?by=fan_out&from=2026-11-22", "bad_parameter"), ("/relay/trees?after=x", "bad_parameter"),
        ("/relay/figures?by=group&to=2026-11-22", "bad_parameter"), ("/relay/figures?by=city&after=Wuxi", "bad_parameter"),
        ("/relay/figures?by=wait&after=x", "bad_parameter"),
        ("/relay/late?after=-1", "bad_parameter"), ("/relay/figures?number=13812341234", "unknown_parameter"),
        ("/relay/trees?after=1.2.3", "bad_parameter"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_said(house: House, path: str, error: str) -> None:
    assert ask(house, path, status=404 if error == "no_such_campaign" else 400)["error"] == error


def test_the_live_totals_name_each_campaign(house: House, store: SqliteStore) -> None:
    put(store, Batch(NOON, forwards=[forward(1), forward(2, sender=WANG, receiver=LI)], serials=[Serial("A", forward(1).key)]))

    async def story(client: Any) -> None:
        told = await (await client.get("/api/v1/totals")).json()
        assert told["campaigns"] == {"relay": {"forwards": 2, "participants": 2, "serials": 1}}

    house.visit(story)
