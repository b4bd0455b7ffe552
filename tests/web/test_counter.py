"""The public counter: for everybody, of public campaigns alone, sums alone, and the store hardly notices."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mmsd.errors import StoreError
from mmsd.model import Batch
from mmsd.store.sqlite import SqliteStore
from tests.store.values import LI, WANG, forward
from tests.web.house import NOON, House, campaign
from tests.web.stored import put

NAME = '<火炬> & "relay"'


@pytest.fixture
def house(tmp_path: Path, store: SqliteStore) -> House:
    return House(
        tmp_path / "house", reader=store,
        campaigns=[campaign("relay", public=True, name=NAME, target=10), campaign("secret"), campaign("new", public=True)],
    )  # fmt: skip


def counted(monkeypatch: pytest.MonkeyPatch, store: SqliteStore) -> list[str]:
    """Each read of the totals from now on."""
    reads: list[str] = []
    totals = store.campaign_totals

    def read() -> Any:
        reads.append("totals")
        return totals()

    monkeypatch.setattr(store, "campaign_totals", read)
    return reads


def test_everybody_sees_sums_and_nobody_a_number(house: House, store: SqliteStore) -> None:
    put(store, Batch(NOON, forwards=[forward(1), forward(2, city=""), forward(3, counted=False, reason="self")]))

    async def story(client: Any) -> None:
        told = await (await client.get("/counter/relay.json")).json()
        assert told == {
            "campaign": "relay", "name": NAME, "starts": "2026-11-20", "ends": "2026-11-30", "target": 10, "forwards": 2,
            "participants": 1, "mean": 2.0, "cities": [{"city": "", "forwards": 1}, {"city": "nanjing", "forwards": 1}], "read_to": None,
        }  # fmt: skip
        for path in ("/counter/relay", "/counter/relay.json", "/counter/relay.svg"):
            text = await (await client.get(path)).text()
            assert not any(number[-4:] in text or number in text for number in (LI, WANG))

    house.visit(story, token="")


@pytest.mark.parametrize("form", ["", ".json", ".svg"])
def test_what_is_not_public_is_not_there(house: House, store: SqliteStore, form: str) -> None:
    put(store, Batch(NOON, forwards=[forward(1, campaign="secret")]))

    async def story(client: Any) -> None:
        answers = [await client.get(f"/counter/{name}{form}") for name in ("secret", "nowhere", "..%2F..%2Frelay")]
        assert [answer.status for answer in answers] == [404, 404, 404]
        bodies = [(await answer.json())["error"] for answer in answers]
        assert bodies == ["no_such_campaign"] * 3
        assert (await client.get(f"/counter/new{form}")).status == 200

    house.visit(story, token="")


def test_however_often_it_is_asked_the_store_is_read_once(house: House, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = counted(monkeypatch, store)
    put(store, Batch(NOON, forwards=[forward(1)]))

    async def story(client: Any) -> None:
        first = await client.get("/counter/relay.json")
        for form in ("", ".json", ".svg") * 5:
            assert (await client.get(f"/counter/relay{form}")).status == 200
        assert len(reads) == 1
        put(store, Batch(NOON, forwards=[forward(2)]))
        assert (await (await client.get("/counter/relay.json")).json())["forwards"] == 1
        house.uptime += 5.0
        again = await client.get("/counter/relay.json")
        assert (await again.json())["forwards"] == 2
        assert len(reads) == 2
        assert first.headers["ETag"] != again.headers["ETag"]
        assert first.headers["Cache-Control"] == "public, max-age=5"
        same = await client.get("/counter/relay.json", headers={"If-None-Match": again.headers["ETag"]})
        assert (same.status, await same.read(), same.headers["ETag"]) == (304, b"", again.headers["ETag"])

    house.visit(story, token="")


def test_while_the_store_is_away_the_last_figures_are_told(house: House, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, Batch(NOON, forwards=[forward(1)]))

    def away() -> Any:
        raise StoreError("away")

    async def story(client: Any) -> None:
        assert (await client.get("/counter/relay.json")).status == 200
        monkeypatch.setattr(store, "campaign_totals", away)
        house.uptime += 60.0
        assert (await (await client.get("/counter/relay.json")).json())["forwards"] == 1
        assert (await client.get("/counter/new.json")).status == 503

    house.visit(story, token="")


def test_the_badge_is_a_picture_for_any_page(house: House, store: SqliteStore) -> None:
    put(store, Batch(NOON, forwards=[forward(n) for n in range(1, 1235)]))

    async def story(client: Any) -> None:
        answer = await client.get("/counter/relay.svg")
        assert answer.content_type == "image/svg+xml"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        drawn = ElementTree.fromstring(await answer.text())
        assert [node.text for node in drawn.iter() if node.tag.endswith("}text")] == [NAME, "1,234"]
        assert not [node for node in drawn.iter() if node.tag.endswith("}script")]
        assert (await client.get("/counter/relay")).headers["Cross-Origin-Resource-Policy"] == "same-origin"

    house.visit(story, token="")


def test_the_page_is_whole_without_its_script_and_escaped(house: House, store: SqliteStore) -> None:
    put(store, Batch(NOON, forwards=[forward(1, city="<b>")]))

    async def story(client: Any) -> None:
        text = await (await client.get("/counter/relay?lang=zh")).text()
        assert 'lang="zh"' in text
        assert '<strong id="forwards" role="status">1</strong>' in text
        assert "&lt;b&gt;" in text
        assert "<b>" not in text
        assert (await client.get("/counter/relay?lang=fr")).status == 400

    house.visit(story, token="")
