"""Draws over the API: what will happen is told first, nothing is done unread, and the daemon does what was ordered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmsd.flow.drawing import Drawing
from mmsd.model import Batch, Closing, Serial
from mmsd.rules import draw as rules
from mmsd.rules.serials import spell
from mmsd.rules.settings import CampaignSettings, DrawSettings, PrizeSettings
from mmsd.store.drawing import Known
from mmsd.store.sqlite import SqliteStore
from mmsd.web.access import digest
from tests.web.house import NOON, House
from tests.web.stored import forward, put, stored

NAME = ("relay", "grand")
ALL, STEP, PROMOTE = "/api/v1/draws", "/api/v1/draws/step", "/api/v1/draws/promote"
ONE = f"{ALL}/relay/grand"


def known(folder: Path, **fields: Any) -> dict[tuple[str, str], Known]:
    campaign = CampaignSettings("relay", "Relay", "2026-11-01", "2026-11-30", ())
    return {NAME: Known(campaign, DrawSettings("grand", (PrizeSettings("火炬"),), **fields), folder)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with stored(tmp_path) as store:
        numbers = range(1, 5)
        put(
            store, Batch(at=NOON, forwards=[forward(n) for n in numbers], serials=[Serial(spell(n << 40), forward(n).key) for n in numbers])
        )
        put(store, Batch(at=NOON, closings=[Closing("relay", "2026-11-30", "final", NOON)]))
        yield store


def house_of(tmp_path: Path, store: SqliteStore, **fields: Any) -> House:
    house = House(tmp_path / "house", reader=store, draws=known(tmp_path, **fields))
    house.grant(f"campaign,read {digest('campaigner')}")
    return house


async def step(client: Any, name: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """In two requests, as it is meant."""
    body = {"campaign": "relay", "draw": "grand", "step": name, "who": "li", "why": "as announced", **more}
    answer = await client.post(STEP, json=body)
    told = await answer.json()
    if answer.status != 409 or told["error"] != "confirm":
        return answer.status, told
    word = told["remedy"].partition("confirm=")[2]
    answer = await client.post(STEP, json={**body, "confirm": word})
    return answer.status, await answer.json()


async def here(call: Callable[..., Any], *arguments: Any) -> Any:
    return call(*arguments)


def turned(store: SqliteStore, draws: dict[tuple[str, str], Known]) -> Drawing:
    drawing = Drawing(store, draws, wall=lambda: NOON, call=here)
    asyncio.run(drawing.turn())
    return drawing


def test_from_the_commitment_to_the_paper(tmp_path: Path, store: SqliteStore):
    house, draws = house_of(tmp_path, store), known(tmp_path)

    async def look(client: Any) -> None:
        assert (await (await client.get(ALL)).json())["draws"] == [
            {"campaign": "relay", "draw": "grand", "state": "planned", "next": "commit"}
        ]
        assert (await client.get(ONE)).status == 404

    house.visit(look, token="campaigner")
    for name in rules.STEPS:

        async def go(client: Any, name: str = name) -> None:
            assert await step(client, name) == (200, {"ordered": name})
            (told,) = (await (await client.get(ALL)).json())["draws"]
            assert told["seed"] == ""

        house.visit(go, token="campaigner")
        turned(store, draws)

    async def read(client: Any) -> None:
        told = await (await client.get(ONE)).json()
        assert (told["state"], told["entries"], told["people"], told["next"]) == ("drawn", 4, 1, "")
        (winner,) = told["winners"]
        assert (winner["place"], winner["prize"], winner["number"], winner["city"]) == (1, "火炬", "86139****5432", "Wuxi")
        paper = await (await client.get(f"{ONE}/paper")).text()
        assert rules.faults(rules.read_paper(paper.splitlines(keepends=True))) == []
        assert told["seed"] in paper

    house.visit(read, token="campaigner")
    assert [deed.what for _, _, deed in store.deeds(9)] == ["draw run", "draw close", "draw commit"]


def test_a_prize_is_handed_on(tmp_path: Path, store: SqliteStore):
    other = msgspec.structs.replace(forward(9), sender="8613700000009")
    put(store, Batch(at=NOON, forwards=[other], serials=[Serial(spell(9 << 40), other.key)]))
    house, draws = house_of(tmp_path, store, reserves=1), known(tmp_path, reserves=1)
    body = {"campaign": "relay", "draw": "grand", "place": 1, "reason": "declined", "who": "li", "why": "she said so"}

    async def early(client: Any) -> None:
        assert (await client.post(PROMOTE, json=body)).status == 409

    house.visit(early, token="campaigner")
    for name in rules.STEPS:

        async def go(client: Any, name: str = name) -> None:
            assert (await step(client, name))[0] == 200

        house.visit(go, token="campaigner")
        turned(store, draws)

    async def story(client: Any) -> None:
        for wrong in ({"reason": "bored"}, {"place": 0}, {"why": "8613812341234"}):
            assert (await client.post(PROMOTE, json={**body, **wrong})).status == 400
        assert (await client.post(PROMOTE, json={**body, "draw": "other"})).status == 404
        told = await (await client.post(PROMOTE, json=body)).json()
        assert told["error"] == "confirm"
        assert "place 2" in told["detail"]
        word = told["remedy"].partition("confirm=")[2]
        key = {"Idempotency-Key": "one"}
        for replayed in (None, "true"):
            done = await client.post(PROMOTE, json={**body, "confirm": word}, headers=key)
            assert (done.status, done.headers.get("Idempotency-Replayed")) == (200, replayed)
        assert (await (await client.post(PROMOTE, json={**body, "confirm": word})).json())["error"] == "not_possible"
        winners = (await (await client.get(ONE)).json())["winners"]
        assert [(one["prize"], one["holds"], one["out"], one["taker"]) for one in winners] == [
            ("火炬", "", "declined", 2),
            ("", "火炬", "", 0),
        ]
        paper = await (await client.get(f"{ONE}/paper")).text()
        assert "forfeit: 1 declined 2" in paper.splitlines()
        assert rules.faults(rules.read_paper(paper.splitlines(keepends=True))) == []

    house.visit(story, token="campaigner")
    assert store.deeds(9)[0][2].what == "draw promote"


def test_nothing_is_done_unread(tmp_path: Path, store: SqliteStore):
    house = house_of(tmp_path, store)

    async def story(client: Any) -> None:
        body = {"campaign": "relay", "draw": "grand", "step": "commit", "who": "li", "why": "x", "confirm": "00000000"}
        answer = await client.post(STEP, json=body)
        told = await answer.json()
        assert (answer.status, told["error"]) == (409, "confirm")
        assert "1 × 火炬" in told["detail"]
        assert await step(client, "close") == (
            409,
            {"error": "not_possible", "detail": "the draw is not committed to", "remedy": told_remedy},
        )
        assert (await client.post(STEP, json={**body, "step": "again"})).status == 400
        assert (await client.post(STEP, json={**body, "draw": "other"})).status == 404
        assert (await client.post(STEP, json={**body, "who": "8613812341234"})).status == 400

    told_remedy = "A draw is committed to, closed and drawn, once each."
    house.visit(story, token="campaigner")
    assert store.draws() == []
    assert store.deeds(9) == []


def test_who_only_reads_orders_nothing(tmp_path: Path, store: SqliteStore):
    house = house_of(tmp_path, store)
    house.grant(f"read {digest('reader')}")

    async def story(client: Any) -> None:
        assert (await client.get(ALL)).status == 200
        assert (await step(client, "commit"))[0] == 403

    house.visit(story, token="reader")


def test_what_stops_the_daemon_is_told_once_and_tried_again(tmp_path: Path, store: SqliteStore, caplog: pytest.LogCaptureFixture):
    (tmp_path / "staff.txt").write_text("8613998765432\n")
    house, draws = house_of(tmp_path, store, excluded="staff.txt"), known(tmp_path, excluded="staff.txt")

    async def story(client: Any) -> None:
        (tmp_path / "staff.txt").unlink()
        assert (await step(client, "commit"))[1]["detail"] == "the list of numbers that may not win cannot be read"
        (tmp_path / "staff.txt").write_text("8613998765432\n")
        assert (await step(client, "commit"))[0] == (await step(client, "close"))[0] == 200

    house.visit(story, token="campaigner")
    drawing = turned(store, {})
    asyncio.run(drawing.turn())
    assert "no campaign file has the draw" in drawing.trouble["relay/grand"]
    assert caplog.text.count("relay/grand waits") == 1
    drawing = Drawing(store, draws, wall=lambda: NOON, call=here)
    assert asyncio.run(drawing.turn()) == 1
    (draw,) = store.draws()
    assert (draw.state, draw.entries, draw.excluded) == ("closed", 0, {"staff": 4})
    assert drawing.trouble == {}


def test_it_is_not_closed_before_its_days_are_final(tmp_path: Path, store: SqliteStore):
    fields = {"last": "2026-12-02"}
    campaign = CampaignSettings("relay", "Relay", "2026-11-01", "2026-12-02", ())
    draws = {NAME: Known(campaign, known(tmp_path, **fields)[NAME].settings, tmp_path)}
    house = House(tmp_path / "house", reader=store, draws=draws)
    house.grant(f"campaign,read {digest('campaigner')}")
    open_days = {"first": "2026-12-01", "last": "2026-12-02", "until": "2026-12-06 00:00:00+08:00", "forwards": 4}

    async def go(client: Any) -> None:
        assert (await step(client, "commit"))[0] == 200
        assert (await (await client.get(ALL)).json())["draws"][0]["open"] == open_days
        assert (await (await client.get(ONE)).json())["open"] == open_days
        status, told = await step(client, "close")
        assert (status, told["error"]) == (409, "not_possible")
        assert "2026-12-01 to 2026-12-02 are not final" in told["detail"]
        assert await step(client, "close", early=True) == (200, {"ordered": "close"})

    house.visit(go, token="campaigner")
    assert [deed.what for _, _, deed in store.deeds(9)] == ["draw close early", "draw commit"]
