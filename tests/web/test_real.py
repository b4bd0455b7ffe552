"""The same questions put to the real store."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mmsd.errors import StoreError
from tests.web.house import RECEIVER, House
from tests.web.stored import a_day, put, stored


@pytest.fixture
def store(tmp_path):
    with stored(tmp_path) as store:
        put(store, a_day())
        yield store


@pytest.fixture
def house(tmp_path, store):
    with ThreadPoolExecutor(2) as threads:
        yield House(tmp_path, reader=store, executor=threads)


def test_what_was_committed_is_answered(house):
    async def story(client):
        kpi = await (await client.get("/api/v1/kpi")).json()
        assert (kpi["total"]["delivered"], kpi["total"]["failed"], kpi["total"]["open"]) == (3, 2, 1)
        assert (kpi["total"]["ratio"], kpi["total"]["causes"]) == (0.6, {"NO_PUSH": 1, "BAD_APN": 1})
        assert [hour["hour"] for hour in kpi["hours"]] == ["2026-11-22T12:00:00Z"]

        totals = await (await client.get("/api/v1/totals")).json()
        assert (totals["lines"], totals["rejects"], totals["forwards"], totals["serials"]) == (1234, 2, 1, 1)
        assert totals["outbox"] == {"shadow": 1}

        counts = await (await client.get("/api/v1/campaigns/relay/counts")).json()
        assert counts["counts"] == [{"day": "2026-11-22", "city": "Wuxi", "forwards": 1, "not_counted": 0}]
        assert counts["people"] == 1

    house.visit(story)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["m3", "m2", "m1"]), ("?outcome=open", ["m3"]), ("?cause=BAD_APN", ["m2"]), ("?node=mmsc1", ["m3", "m1"]),
        ("?message=m1", ["m1"]), ("?since=2026-11-22T12:00:00Z", ["m3", "m2", "m1"]), ("?until=2026-11-22T12:00:00Z", []),
    ],
)  # fmt: skip
def test_deliveries_are_filtered(house, query, expected):
    async def story(client):
        answer = await client.get(f"/api/v1/deliveries{query}")
        assert [row["message"] for row in (await answer.json())["deliveries"]] == expected

    house.visit(story)


def test_pages_join_without_gap_or_repeat(house):
    async def story(client):
        seen, after = [], ""
        while True:
            page = await (await client.get(f"/api/v1/deliveries?limit=1{after}")).json()
            seen += [row["message"] for row in page["deliveries"]]
            if page["after"] is None:
                break
            after = f"&after={page['after']}"
        assert seen == ["m3", "m2", "m1"]

    house.visit(story)


def test_a_number_is_found_in_both_roles_and_never_shown(house):
    async def story(client):
        answer = await client.post("/api/v1/deliveries/search", json={"number": f"+{RECEIVER}"})
        text = await answer.text()
        found = [(row["role"], row["message"]) for row in (await answer.json())["deliveries"]]
        assert found == [("sender", "m3"), ("receiver", "m2"), ("receiver", "m1")]
        assert [(row["outcome"], row["cause"]) for row in (await answer.json())["history"]] == [("delivered", "OK")]
        assert RECEIVER not in text
        assert "8613998765432" not in text

    house.visit(story)


def test_a_closed_store_is_away(house, store):
    async def story(client):
        store.close()
        with pytest.raises(StoreError):
            store.lines()
        for path in ("/api/v1/kpi", "/api/v1/totals", "/api/v1/deliveries"):
            assert (await client.get(path)).status == 503
        assert (await client.get("/livez")).status == 200

    house.visit(story)
