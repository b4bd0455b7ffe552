"""Seeds over the API: files become a draft, a draft is looked at and registered by name; campaigns take their steps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import FormData
from PIL import Image

from bench import cards
from mmsd.link.maker import Made, Wish, given, make
from mmsd.link.workers import Settings, Workers
from mmsd.model import Batch, NewSeed
from mmsd.seeds import alterations as alter
from mmsd.store.sqlite import SqliteStore
from mmsd.web import seeds, site
from tests.web.house import KEY, NOON, RECEIVER, House
from tests.web.stored import put

CARD = alter.png(cards.torch(random.Random(1), (240, 180)))
WHITE = alter.png(Image.new("RGB", (240, 180), "white"))
PATIENT = site.Settings(rate=1e6, burst=1e6)  # whoever waits for a draft asks again and again, by a clock that stands still
GIVEN = {"who": "Zhou", "why": "for the relay"}


@pytest.fixture(scope="module")
def made() -> Made:
    """One card, marked once for all tests here."""
    workers = Workers(Settings(), KEY, list)
    return asyncio.run(make(workers, KEY, Wish("relay", "leg-1", said=("第 1 棒",), who="Zhou"), [given("card.png", CARD)]))


@pytest.fixture
def house(tmp_path: Path, store: SqliteStore) -> House:
    return House(tmp_path / "house", reader=store, settings=PATIENT)


def form(octets: bytes = CARD, /, **fields: str) -> FormData:
    data = FormData()
    for name, text in ({"campaign": "relay", "name": "leg-1"} | fields).items():
        data.add_field(name, text)
    data.add_field("file", octets, filename="card.png", content_type="image/png")
    return data


def making(house: House, story: Callable[[Any], Awaitable[None]]) -> None:
    """A story during which drafts are made."""

    async def tell(client: Any) -> None:
        task = asyncio.create_task(house.drafts.run())
        try:
            await story(client)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)  # its worker process is gone then

    house.visit(tell)


async def done(client: Any, draft: str) -> dict[str, Any]:
    while True:
        told = dict(await (await client.get(f"/api/v1/drafts/{draft}")).json())
        if told["state"] != "making":
            return told
        await asyncio.sleep(0.05)


def test_files_become_a_seed_that_somebody_looked_at(house: House, store: SqliteStore) -> None:
    async def story(client: Any) -> None:
        answer = await client.post("/api/v1/drafts", data=form(text="第 1 棒", subject="火炬", family="leg"))
        assert answer.status == 202
        draft = (await answer.json())["draft"]
        told = await done(client, draft)
        assert (told["state"], told["weak"], told["seed"], told["family"]) == ("made", False, "relay/leg-1", "leg")
        picture, text = told["parts"]
        assert (picture["picture"], picture["trial"]["passed"], text["text"]) == ("card.png", 15, "第 1 棒")
        assert await (await client.get(f"/api/v1/drafts/{draft}/0?original=1")).read() == CARD
        marked = await (await client.get(f"/api/v1/drafts/{draft}/0")).read()
        assert store.seeds() == [], "nothing is registered yet"
        assert (await client.post(f"/api/v1/drafts/{draft}/register", json=GIVEN)).status == 200
        assert (await client.get(f"/api/v1/drafts/{draft}")).status == 404
        assert await (await client.get("/api/v1/seeds/relay/leg-1/0")).read() == marked
        (listed,) = (await (await client.get("/api/v1/seeds?campaign=relay&state=live")).json())["seeds"]
        assert (listed["seed"], listed["subject"], listed["who"]) == ("relay/leg-1", "火炬", "Zhou")
        paged = await (await client.get("/api/v1/seeds?after=relay/leg-1")).json()
        assert paged == {"seeds": [], "of": 1, "after": None}
        one = await (await client.get("/api/v1/seeds/relay/leg-1")).json()
        assert one["parts"] == told["parts"]
        message = await client.get("/api/v1/seeds/relay/leg-1/message")
        assert marked in await message.read()
        assert message.headers["Content-Disposition"] == 'attachment; filename="relay-leg-1.mime"'
        assert (await client.post("/api/v1/drafts", data=form())).status == 409, "its name was given"
        other = (await (await client.post("/api/v1/drafts", data=form(name="lamp-1"))).json())["draft"]
        assert (await done(client, other))["alike"] == [{"picture": "card.png", "seed": "relay/leg-1", "bits": 0}]
        assert told["alike"] == []
        assert (await client.post("/api/v1/seeds/retire", json={"seed": "relay/leg-1", **GIVEN})).status == 200
        assert (await client.post("/api/v1/seeds/retire", json={"seed": "relay/leg-1", **GIVEN})).status == 409

    making(house, story)
    assert [deed.what for _, _, deed in store.deeds(9)] == ["seed_retire", "seed"]
    assert [step.state for step in store.lives()["relay"]] == ["draft"]


def test_a_weak_draft_has_to_be_taken_by_name(house: House, store: SqliteStore) -> None:
    async def story(client: Any) -> None:
        draft = (await (await client.post("/api/v1/drafts", data=form(WHITE))).json())["draft"]
        told = await done(client, draft)
        assert told["weak"]
        assert told["parts"][0]["trial"]["failed"]
        refused = await client.post(f"/api/v1/drafts/{draft}/register", json=GIVEN)
        assert (refused.status, (await refused.json())["error"]) == (409, "weak")
        assert (await client.post(f"/api/v1/drafts/{draft}/register", json={**GIVEN, "anyway": True})).status == 200

    making(house, story)
    assert [(entry.weak, entry.who) for entry in store.seeds()] == [(True, "Zhou")]
    assert [deed.what for _, _, deed in store.deeds(9)] == ["seed_weak"]


def test_what_is_no_picture_fails_and_says_why(house: House) -> None:
    async def story(client: Any) -> None:
        draft = (await (await client.post("/api/v1/drafts", data=form(b"\x89PNG\r\n\x1a\n no picture"))).json())["draft"]
        told = await done(client, draft)
        assert told["state"] == "failed"
        assert told["trouble"]
        assert (await client.post(f"/api/v1/drafts/{draft}/register", json=GIVEN)).status == 409

    making(house, story)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "../leg"}, 400),
        ({"family": "A B"}, 400),
        ({"campaign": "lamps"}, 404),
        ({"colour": "red"}, 400),
        ({"text": "x" * 3000}, 413),
    ],
)
def test_forms_that_are_refused(house: House, fields: dict[str, str], status: int) -> None:
    async def story(client: Any) -> None:
        assert (await client.post("/api/v1/drafts", data=form(**fields))).status == status

    house.visit(story)


def test_more_than_a_message_may_hold_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "MOST_OCTETS", len(CARD) - 1)

    async def story(client: Any) -> None:
        assert (await client.post("/api/v1/drafts", data=form())).status == 413
        assert (await client.post("/api/v1/drafts", json={})).status == 415

    house.visit(story)


def test_only_so_many_wait(house: House) -> None:
    async def story(client: Any) -> None:
        taken = [(await client.post("/api/v1/drafts", data=form(name=f"leg-{number}"))).status for number in range(4)]
        assert taken == [202, 202, 202, 429]

    house.visit(story)


def changed(made: Made, **fields: Any) -> NewSeed:
    return made.new._replace(entry=msgspec.structs.replace(made.new.entry, **fields))


def test_what_a_command_made_is_registered_once(house: House, store: SqliteStore, made: Made) -> None:
    async def story(client: Any) -> None:
        body = msgspec.json.encode({"seed": made.new, "why": "for the relay"})
        headers = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
        first = await client.post("/api/v1/seeds", data=body, headers=headers)
        again = await client.post("/api/v1/seeds", data=body, headers=headers)
        assert [(each.status, each.headers.get("Idempotency-Replayed")) for each in (first, again)] == [(200, None), (200, "true")]
        assert (await client.post("/api/v1/seeds", data=body, headers={"Content-Type": "application/json"})).status == 409

    house.visit(story)
    assert store.seed_parts("relay/leg-1") == list(made.new.parts)


def test_what_is_not_what_it_says_is_refused(house: House, store: SqliteStore, made: Made) -> None:
    part = made.new.parts[0]
    wrong = [
        changed(made, name="leg-2"),
        changed(made, weak=True),
        changed(made, octets=1),
        made.new._replace(registered=made.new.registered[:-1]),
        made.new._replace(parts=(part._replace(body=part.original), *made.new.parts[1:])),
    ]

    async def story(client: Any) -> None:
        for new in wrong:
            body = msgspec.json.encode({"seed": new, "why": "for the relay"})
            answer = await client.post("/api/v1/seeds", data=body, headers={"Content-Type": "application/json"})
            assert (answer.status, (await answer.json())["error"]) == (400, "bad_seed")

    house.visit(story)
    assert store.seeds() == []


# -------------------------------------------------------------------------------------------------------------------- life

LIFE = "/api/v1/campaigns/relay/life"


def test_a_campaign_runs_when_it_was_checked_and_looked_at(house: House, store: SqliteStore, made: Made) -> None:
    async def step(client: Any, name: str, **more: str) -> tuple[int, str]:
        answer = await client.post(LIFE, json={"step": name, **GIVEN, **more})
        told = await answer.json()
        return answer.status, told.get("state") or told["detail"]

    async def story(client: Any) -> None:
        put(store, Batch(NOON, seeds=[made.new]))
        assert (await (await client.get(LIFE)).json())["state"] == "running", "its file alone says so"
        assert await step(client, "draft") == (200, "draft")
        assert (await step(client, "run"))[0] == 409
        assert await step(client, "check") == (200, "checked")
        told = await (await client.get(LIFE)).json()
        assert (told["possible"], told["faults"], told["plan"]["audience"]) == (["draft", "check", "run", "close"], [], None)
        assert "shadow" in told["notes"][-1]
        assert (await step(client, "run"))[0] == 409, "nobody looked"
        assert (await step(client, "run", confirmed="0" * 12))[0] == 409
        put(store, Batch(NOON, seeds=[changed(made, name="leg-2")]))
        assert "changed since it was checked" in (await step(client, "run", confirmed=told["confirmation"]))[1]
        assert await step(client, "check") == (200, "checked")
        told = await (await client.get(LIFE)).json()
        for name, after in (("run", "running"), ("pause", "paused"), ("resume", "running"), ("close", "closed")):
            assert await step(client, name, confirmed=told["confirmation"]) == (200, after)
        assert (await step(client, "resume"))[0] == 409
        (told,) = (await (await client.get("/api/v1/lives")).json())["campaigns"]
        assert told == {"id": "relay", "name": "The relay", "state": "closed", "possible": []}

    house.visit(story)
    assert [step.state for step in store.lives()["relay"]] == ["draft", "checked", "checked", "running", "paused", "running", "closed"]
    assert [deed.what for _, _, deed in store.deeds(3)] == ["campaign_close", "campaign_resume", "campaign_pause"]
    assert [event.data["state"] for event in store.events(0, 9) if event.topic == "campaign"][-1] == "closed"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (LIFE, {"step": "jump", **GIVEN}, 400), (LIFE, {"step": "pause", "who": "", "why": "x"}, 400),
        (LIFE, {"step": "pause", "who": "Zhou", "why": f"ask {RECEIVER}"}, 400),
        ("/api/v1/campaigns/lamps/life", {"step": "pause", **GIVEN}, 404),
        ("/api/v1/drafts/none/register", GIVEN, 404),
    ],
)  # fmt: skip
def test_steps_that_are_none(house: House, store: SqliteStore, path: str, body: dict[str, str], status: int) -> None:
    async def story(client: Any) -> None:
        assert (await client.post(path, json=body)).status == status

    house.visit(story)
    assert store.lives() == {}


def test_orders_need_the_scope(house: House) -> None:
    house.grant("read " + sha256(b"reader").hexdigest())

    async def story(client: Any) -> None:
        assert (await client.get("/api/v1/seeds")).status == 200
        assert (await client.get(LIFE)).status == 200
        for path in (LIFE, "/api/v1/seeds", "/api/v1/seeds/retire", "/api/v1/drafts"):
            assert (await client.post(path, json={})).status == 403
        assert (await client.get("/api/v1/seeds/relay/leg-1/message")).status == 403

    house.visit(story, token="reader")
