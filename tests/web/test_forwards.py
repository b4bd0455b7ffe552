"""`/api/v1/forwards` over a real store: what is held is told masked, released and stopped by who may, and audited."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from mmsd.model import Batch
from tests.web.house import NOON, RECEIVER, SENDER, House, delivery
from tests.web.stored import a_day, forward, put, stored

GIVEN = {"who": "li", "why": "the two share one handset"}


@pytest.fixture
def store(tmp_path):
    with stored(tmp_path) as made:
        put(made, a_day())
        held = msgspec.structs.replace(forward(2), counted=False, reason="ring", review="held", off_net="receiver", parents=3)
        other = msgspec.structs.replace(forward(3), campaign="gone", counted=False, reason="ring", review="held")
        put(made, Batch(NOON, forwards=[held, other]))
        yield made


@pytest.fixture
def house(tmp_path, store):
    return House(tmp_path / "house", reader=store)


def test_what_is_held_is_told_without_numbers(house):
    async def story(client) -> None:
        answer = await client.get("/api/v1/forwards?review=held&campaign=relay")
        (told,) = (await answer.json())["forwards"]
        assert (told["id"], told["reason"], told["review"], told["counted"], told["serial"]) == (2, "ring", "held", False, False)
        assert (told["sender"], told["receiver"], told["off_net"], told["parents"]) == ("86139****5432", "86138****1234", "receiver", 3)
        assert (SENDER in await answer.text(), RECEIVER in await answer.text()) == (False, False)
        whole = await (await client.get("/api/v1/forwards?limit=2")).json()
        assert ([each["id"] for each in whole["forwards"]], whole["after"]) == ([1, 2], 2)
        assert [each["serial"] for each in whole["forwards"]] == [True, False]
        counts = (await (await client.get("/api/v1/forwards/reviews")).json())["reviews"]
        assert counts == [{"campaign": whose, "review": "held", "reason": "ring", "n": 1} for whose in ("gone", "relay")]
        assert whole["may"] == ["campaign", "reveal"]
        for query, ids in (("reason=ring", [2, 3]), ("reason=ring&after=2", [3]), ("reason=by_hand", [])):
            answer = await client.get(f"/api/v1/forwards?{query}")
            assert [each["id"] for each in (await answer.json())["forwards"]] == ids
        for query in ("review=lost", "review=", "reason=none", "limit=0", "who=me"):
            assert (await client.get(f"/api/v1/forwards?{query}")).status == 400

    house.visit(story)


def test_released_it_counts_once_and_stopped_it_counts_no_more(house, store):
    async def story(client) -> None:
        answer = await client.post("/api/v1/forwards/2/release", json=GIVEN)
        assert (answer.status, await answer.json()) == (200, {"done": True, "counted": True, "review": "released"})
        assert (await client.post("/api/v1/forwards/2/release", json=GIVEN)).status == 409
        assert (store.counts("relay").forwards, store.serials_total("relay")) == (2, 2)
        assert (await client.post("/api/v1/forwards/2/stop", json=GIVEN)).status == 200
        assert (store.counts("relay").forwards, store.serials_total("relay")) == (1, 2)
        told = (await (await client.get("/api/v1/deeds")).json())["deeds"]
        assert [(each["who"], each["what"], each["subject"]) for each in told] == [
            ("li", "stop forward", "forward 2"), ("li", "release forward", "forward 2")
        ]  # fmt: skip

    house.visit(story)


def test_what_cannot_be_said_is_refused_in_words(house, store):
    async def story(client) -> None:
        answer = await client.post("/api/v1/forwards/99/release", json=GIVEN)
        assert (answer.status, (await answer.json())["error"]) == (404, "no_such_forward")
        answer = await client.post("/api/v1/forwards/3/release", json=GIVEN)
        assert (answer.status, (await answer.json())["detail"]) == (409, "forward 3: its campaign is configured no more")
        assert (await client.post("/api/v1/forwards/1/release", json=GIVEN)).status == 409
        for body in (
            {"who": "li"},
            GIVEN | {"why": ""},
            GIVEN | {"why": f"call {SENDER}"},
            GIVEN | {"why": "call 138-1234 5678"},
            GIVEN | {"more": 1},
        ):
            assert (await client.post("/api/v1/forwards/2/release", json=body)).status == 400
        assert store.deeds(10) == []

    house.visit(story)


def test_one_is_told_with_the_submits_near_it_and_what_was_said(house, store):
    days = 86_400_000_000
    sent = [
        delivery(message=name, sender=SENDER, receiver=whose, submitted=NOON + at)
        for name, whose, at in (
            ("again", RECEIVER, 9),
            ("late", RECEIVER, 3 * days + 1),
            ("other", "8613700000000", 1),
        )
    ]
    put(store, Batch(NOON, deliveries=[(bytes([40 + n]) * 16, row) for n, row in enumerate(sent)]))

    async def story(client) -> None:
        assert (await client.post("/api/v1/forwards/2/stop", json=GIVEN)).status == 200
        answer = await client.get("/api/v1/forwards/2")
        told = await answer.json()
        assert {each["message"]: each["earned"] for each in told["submits"]} == {"m1": False, "m2": True, "again": False}
        assert told["submits"][-1]["message"] == "again"
        assert [line["file"] for line in told["submits"][0]["evidence"]] == ["access.log"]
        assert (SENDER in await answer.text(), RECEIVER in await answer.text()) == (False, False)
        shown = await client.post("/api/v1/forwards/2/reveal", json=GIVEN)
        assert await shown.json() == {"id": 2, "sender": SENDER, "receiver": RECEIVER}
        told = await (await client.get("/api/v1/forwards/2")).json()
        assert [each["what"] for each in told["deeds"]] == ["reveal", "stop forward"]
        assert (await client.post("/api/v1/forwards/2/reveal", json={"who": "li", "why": ""})).status == 400
        assert (await client.get("/api/v1/forwards/99")).status == 404

    house.visit(story)


def test_only_who_has_the_scope_says_something(house):
    house.grant(f"read,operate,care {hashlib.sha256(b'others').hexdigest()}")

    async def story(client) -> None:
        for act in ("release", "stop", "reveal"):
            assert (await client.post(f"/api/v1/forwards/2/{act}", json=GIVEN)).status == 403
        assert (await (await client.get("/api/v1/forwards")).json())["may"] == []

    house.visit(story, token="others")
