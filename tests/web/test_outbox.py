"""`/api/v1/outbox` and orders, over a real store: masked, named, reasoned, audited."""

from __future__ import annotations

from typing import Any

import pytest

from mmsd.errors import StoreDamaged
from mmsd.model import DAY, Batch, Deed, Outgoing
from mmsd.rules.governor import Canary
from tests.web.house import NOON, RECEIVER, House
from tests.web.stored import put, stored

GIVEN = {"who": "li", "why": "he says nothing came"}
PATHS = ["stop", "resume", "approve", "outbox/1/release", "outbox/1/discard"]


def row(number: int, **fields: Any) -> Outgoing:
    given: dict[str, Any] = {
        "key": bytes([number]) * 16, "kind": "transactional", "purpose": "serial", "msisdn": RECEIVER, "body": "SERIAL", "state": "ready",
        "due": NOON, "expires": NOON + DAY,
    }  # fmt: skip
    return Outgoing(**given | fields)


@pytest.fixture
def store(tmp_path):
    with stored(tmp_path) as made:
        put(made, Batch(NOON, outbox=[row(1, state="parked", reason="no_proof"), row(2, kind="marketing", campaign="torch"), row(3)]))
        yield made


@pytest.fixture
def house(tmp_path, store):
    return House(tmp_path / "house", reader=store)


def test_rows_are_told_without_number_and_text(house):
    async def story(client) -> None:
        answer = await client.get("/api/v1/outbox")
        told = await answer.json()
        assert [(each["id"], each["state"], each["class"]) for each in told["outbox"]] == [
            (1, "parked", "transactional"), (2, "ready", "marketing"), (3, "ready", "transactional")
        ]  # fmt: skip
        assert {each["receiver"] for each in told["outbox"]} == {"86138****1234"}
        assert "SERIAL" not in await answer.text()
        for query, found in (("state=ready", [2, 3]), ("class=marketing", [2]), ("state=ready&class=transactional", [3]), ("after=2", [3])):
            assert [each["id"] for each in (await (await client.get(f"/api/v1/outbox?{query}")).json())["outbox"]] == found
        assert (await (await client.get("/api/v1/outbox?limit=2")).json())["after"] == 2
        assert (await client.get("/api/v1/outbox?state=gone")).status == 400
        assert (await client.get("/api/v1/outbox?class=gone")).status == 400

    house.visit(story)


def test_what_is_sending_stopped_and_waiting_stands_together(house, store):
    async def story(client) -> None:
        put(store, Batch(NOON, stops=[("marketing", True)], approved=[("marketing", "torch")]))
        told = await (await client.get("/api/v1/sending")).json()
        assert told["classes"][0] == {"class": "transactional", "switch": "on", "states": {"parked": 1, "ready": 1}}
        assert told["stops"] == [{"name": "marketing", "since": "2026-11-22T12:00:00Z"}]
        assert told["canaries"] == [{"class": "marketing", "campaign": "torch", "sent": 0, "approved": True}]
        assert told["links"][0]["name"] == "smsc1"

    house.visit(story)


def test_orders_are_done_and_stay_in_the_audit(house, store):
    async def story(client) -> None:
        for path, body in (
            ("stop", {"name": "marketing"}), ("resume", {"name": "marketing"}), ("stop", {"name": "campaign:torch"}),
            ("approve", {"kind": "marketing", "campaign": "torch"}), ("outbox/1/release", {}),
        ):  # fmt: skip
            answer = await client.post(f"/api/v1/{path}", json=GIVEN | body)
            assert (answer.status, await answer.json()) == (200, {"done": True})
        assert (await client.post("/api/v1/outbox/1/release", json=GIVEN)).status == 409
        assert (await client.post("/api/v1/outbox/99/discard", json=GIVEN)).status == 409
        told = (await (await client.get("/api/v1/deeds")).json())["deeds"]
        assert [(each["who"], each["what"], each["subject"]) for each in told] == [
            ("li", "release", "outbox 1"), ("li", "approve", "marketing torch"), ("li", "stop", "campaign:torch"),
            ("li", "resume", "marketing"), ("li", "stop", "marketing"),
        ]  # fmt: skip

    house.visit(story)
    assert dict(store.stops()) == {"campaign:torch": NOON}
    assert store.canaries() == {("marketing", "torch"): Canary(0, approved=True)}
    assert [(each.state, each.reason) for _, each in store.outbox(None, 1)] == [("ready", "released")]
    assert store.verify_audit() == 5


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("change", [{"who": ""}, {"why": "  "}, {"why": f"ask {RECEIVER}"}, {"who": "x" * 201}, {"extra": 1}])
def test_an_order_without_name_or_reason_or_with_a_number_in_it_is_none(house, store, path, change):
    async def story(client) -> None:
        body = GIVEN | {"name": "all", "kind": "marketing"} | change
        answer = await client.post(f"/api/v1/{path}", json=body)
        assert answer.status == 400
        assert RECEIVER not in await answer.text()

    house.visit(story)
    assert store.deeds(9) == []


@pytest.mark.parametrize(
    ("path", "body"), [("stop", {"name": "everything"}), ("resume", {"name": "campaign:"}), ("approve", {"kind": "all"})]
)
def test_what_cannot_be_stopped_or_approved_is_named(house, path, body):
    async def story(client) -> None:
        answer = await client.post(f"/api/v1/{path}", json=GIVEN | body)
        assert answer.status == 400
        assert "marketing" in (await answer.json())["detail"]

    house.visit(story)


@pytest.mark.parametrize("path", PATHS)
def test_a_token_that_may_only_read_orders_nothing(house, store, path):
    house.grant("read " + "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")  # SHA-256 of "test"

    async def story(client) -> None:
        assert (await client.get("/api/v1/outbox")).status == 200
        assert (await client.post(f"/api/v1/{path}", json=GIVEN | {"name": "all"})).status == 403

    house.visit(story, token="test")
    assert store.deeds(9) == []


@pytest.mark.parametrize(
    "change", ["UPDATE audit SET why = 'other' WHERE id = 2", "DELETE FROM audit WHERE id = 1", "UPDATE audit SET at = 1 WHERE id = 3"]
)
def test_an_audit_that_was_touched_is_found_out(tmp_path, change):
    with stored(tmp_path) as store:
        for n in range(3):
            put(store, Batch(NOON + n, deeds=[Deed("li", "stop", "all", f"reason {n}")]))
        assert store.verify_audit() == 3
        store._submit(lambda connection: connection.execute(change).rowcount)
        with pytest.raises(StoreDamaged, match="not as it was written"):
            store.verify_audit()


def test_a_deed_of_another_history_of_this_database_is_found_out(tmp_path):
    """A backup was written on: each of its deeds is sound by itself, under the same key, with the right number."""
    chains: list[list[tuple]] = []
    for folder, words in ("kept", "reason"), ("backup", "another reason"):
        with stored(tmp_path / folder) as store:
            for n in range(3):
                put(store, Batch(NOON + n, deeds=[Deed("li", "stop", "all", f"{words if n == 0 else 'reason'} {n}")]))
            assert store.verify_audit() == 3
            chains.append(store._submit(lambda connection: connection.execute("SELECT * FROM audit ORDER BY id").fetchall()))
    last, other = chains[0][2], chains[1][2]
    assert last[:-1] == other[:-1], "the same deed"
    assert last[-1] != other[-1], "after another one"
    with stored(tmp_path / "kept") as store:
        store._submit(lambda connection: connection.execute("UPDATE audit SET chain = ? WHERE id = 3", (other[-1],)).rowcount)
        with pytest.raises(StoreDamaged, match="deed 3 was changed"):
            store.verify_audit()
