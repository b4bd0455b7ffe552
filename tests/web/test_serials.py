"""Serials that people show: redeemed once, and what who asks is told."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmsd.model import Batch, Serial
from mmsd.rules.serials import spell
from mmsd.store import serials
from mmsd.store.sqlite import DATABASE, SqliteStore
from mmsd.web.access import digest
from mmsd.web.site import Settings
from tests.web.house import NOON, House
from tests.web.stored import KEYS, forward, put, stored

SERIAL, OTHER, NEVER = spell(0x5EED_2008_0324_0001, "CQ-"), spell(0xFACE_0FF5_1234_5678), spell(0xBAD_5EED_0000_1111)
LOOK, REDEEM, QR = (f"/api/v1/serials/{name}" for name in ("look", "redeem", "qr"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with stored(tmp_path) as store:
        rows = [Serial(SERIAL, forward(1).key), Serial(OTHER, forward(2).key)]
        put(store, Batch(at=NOON, forwards=[forward(1), forward(2)], serials=rows))
        yield store


@pytest.fixture
def house(tmp_path: Path, store: SqliteStore) -> House:
    return House(tmp_path / "house", reader=store)


def opened(tmp_path: Path, store: SqliteStore) -> House:
    return House(tmp_path / "open", reader=store, settings=Settings(open_redeem=True))


def test_a_serial_is_redeemed_once_and_by_name(house: House, store: SqliteStore):
    async def story(client: Any) -> None:
        for place, written in enumerate((SERIAL.lower(), f" {SERIAL} ", SERIAL.replace("-", " "))):
            answer = await client.post(REDEEM, json={"serial": written, "who": "till 4", "why": "tea set"})
            assert answer.status == (200 if place == 0 else 409)
            told = await answer.json()
        assert told["error"] == "not_redeemable"
        unknown = await client.post(REDEEM, json={"serial": NEVER, "who": "till 4", "why": "tea set"})
        assert (unknown.status, await unknown.read(), dict(unknown.headers)) == (answer.status, await answer.read(), dict(answer.headers))
        answer = await client.post(REDEEM, json={"serial": OTHER})
        assert (answer.status, (await answer.json())["detail"]) == (400, "who is no name or reason")

    house.visit(story)
    [(_, at, deed), *_] = store.deeds(9)
    assert (at, deed.who, deed.what, deed.subject, deed.why) == (NOON, "till 4", "redeem", "forward 1", "tea set")
    assert len(store.deeds(9)) == 1


def test_of_many_at_once_one_gets_it(house: House, store: SqliteStore):
    async def story(client: Any) -> None:
        tills = [client.post(REDEEM, json={"serial": SERIAL, "who": f"till {n}", "why": "tea set"}) for n in range(8)]
        answers = await asyncio.gather(*tills)
        assert sorted(answer.status for answer in answers) == [200] + [409] * 7

    house.visit(story)
    assert len(store.deeds(9)) == 1


def test_a_lost_answer_is_asked_for_again(house: House):
    async def story(client: Any) -> None:
        body = {"serial": SERIAL, "who": "till 4", "why": "tea set"}
        first = await client.post(REDEEM, json=body, headers={"Idempotency-Key": "k1"})
        again = await client.post(REDEEM, json=body, headers={"Idempotency-Key": "k1"})
        assert (first.status, again.status) == (200, 200)
        assert await first.text() == await again.text() == '{"redeemed":"2026-11-22T12:00:00Z"}'

    house.visit(story)


def test_what_was_stopped_is_not_redeemed_until_it_is_released(tmp_path: Path, house: House, store: SqliteStore):
    body = {"serial": SERIAL, "who": "till 4", "why": "tea set"}
    put(store, Batch(at=NOON, forwards=[msgspec.structs.replace(forward(1), counted=False, reason="by_hand", review="stopped")]))

    async def stopped(client: Any) -> None:
        answer = await client.post(REDEEM, json=body)
        assert (answer.status, (await answer.json())["error"]) == (409, "not_redeemable")
        assert (await (await client.post(LOOK, json={"serial": SERIAL})).json())["counts"] is False

    async def public(client: Any) -> None:
        mine, unknown = [await client.post(REDEEM, json={"serial": one}) for one in (SERIAL, NEVER)]
        assert (mine.status, await mine.read()) == (unknown.status, await unknown.read()) == (409, await unknown.read())

    house.visit(stopped)
    opened(tmp_path, store).visit(public, token="")
    assert store.deeds(9) == []
    put(store, Batch(at=NOON, forwards=[msgspec.structs.replace(forward(1), review="released")]))

    async def released(client: Any) -> None:
        assert (await client.post(REDEEM, json=body)).status == 200

    house.visit(released)


def test_looking_tells_what_became_of_it(house: House):
    async def story(client: Any) -> None:
        before = await (await client.post(LOOK, json={"serial": SERIAL})).json()
        assert before == {
            "forward": 1, "campaign": "relay", "city": "Wuxi", "day": "2026-11-22", "sender": "86139****5432",
            "issued": "2026-11-22T12:00:00Z", "redeemed": None, "who": "", "counts": True,
        }  # fmt: skip
        await client.post(REDEEM, json={"serial": SERIAL, "who": "till 4", "why": "tea set"})
        after = await (await client.post(LOOK, json={"serial": SERIAL})).json()
        assert (after["redeemed"], after["who"]) == ("2026-11-22T12:00:00Z", "till 4")
        assert (await client.post(LOOK, json={"serial": NEVER})).status == 404

    house.visit(story)


def test_a_till_does_not_look_up(house: House):
    house.grant(f"redeem {digest('till')}")

    async def story(client: Any) -> None:
        assert (await client.post(LOOK, json={"serial": SERIAL})).status == 403
        assert (await client.post(REDEEM, json={"serial": SERIAL, "who": "till 4", "why": "tea set"})).status == 200

    house.visit(story, token="till")


@pytest.mark.parametrize("token", ["", "read-only"])
def test_nobody_redeems_without_the_scope(house: House, store: SqliteStore, token: str):
    house.grant(f"read {digest('read-only')}")

    async def story(client: Any) -> None:
        answers = [await client.post(path, json={"serial": one}) for path in (LOOK, REDEEM) for one in (SERIAL, NEVER)]
        assert {answer.status for answer in answers} == {403 if token else 401}
        assert len({await answer.text() for answer in answers[:2]}) == len({await answer.text() for answer in answers[2:]}) == 1

    house.visit(story, token=token)
    assert store.deeds(9) == []


def test_in_the_open_unknown_and_redeemed_are_one_answer(tmp_path: Path, store: SqliteStore):
    house = opened(tmp_path, store)

    async def story(client: Any) -> None:
        assert (await client.post(REDEEM, json={"serial": SERIAL})).status == 200
        redeemed, unknown = [await client.post(REDEEM, json={"serial": one}) for one in (SERIAL, NEVER)]
        assert redeemed.status == unknown.status == 409
        assert await redeemed.read() == await unknown.read()
        assert dict(redeemed.headers) == dict(unknown.headers)
        assert (await client.post(LOOK, json={"serial": SERIAL})).status == 401

    house.visit(story, token="")
    assert [(deed.who, deed.subject) for _, _, deed in store.deeds(9)] == [("public", "forward 1")]

    async def known(client: Any) -> None:
        answer = await client.post(REDEEM, json={"serial": SERIAL, "who": "till 4", "why": "tea set"})
        assert (await answer.json())["error"] == "not_redeemable"
        assert (await (await client.post(LOOK, json={"serial": SERIAL})).json())["who"] == "public"

    house.visit(known)


def test_keys_of_callers_without_a_token_are_their_own(tmp_path: Path, store: SqliteStore):
    """All of them come from one address, as behind a proxy."""
    house = opened(tmp_path, store)
    key, other = "6f9619ff-8b86-d011-b42d-00c04fc964ff", "6f9619ff-8b86-d011-b42d-00c04fc96400"

    async def redeem(client: Any, serial: str, key: str) -> tuple[int, str]:
        answer = await client.post(REDEEM, json={"serial": serial}, headers={"Idempotency-Key": key})
        return answer.status, answer.headers.get("Idempotency-Replayed") or (await answer.json()).get("error", "")

    async def story(client: Any) -> None:
        assert await redeem(client, SERIAL, "k1") == (400, "bad_key")  # of which others may think, too
        assert await redeem(client, SERIAL, key) == (200, "")
        assert await redeem(client, SERIAL, key) == (200, "true")  # he whose answer was lost
        assert await redeem(client, SERIAL, other) == (409, "not_redeemable")
        assert await redeem(client, NEVER, key) == (409, "not_redeemable")  # and not that the key was somebody's
        assert await redeem(client, OTHER, key) == (200, "")

    house.visit(story, token="")
    assert [deed.subject for _, _, deed in store.deeds(9)] == ["forward 2", "forward 1"]

    async def known(client: Any) -> None:
        assert await redeem(client, SERIAL, key) == (400, "bad_parameter")  # with a token it is another's key: and he says who

    house.visit(known)


def test_unknown_and_redeemed_are_looked_up_alike(tmp_path: Path, store: SqliteStore, house: House):
    async def story(client: Any) -> None:
        await client.post(REDEEM, json={"serial": SERIAL, "who": "till 4", "why": "tea set"})

    house.visit(story)
    ran: list[str] = []
    connection = sqlite3.connect(tmp_path / "state" / DATABASE)
    connection.set_trace_callback(ran.append)
    for number in (SERIAL, NEVER):
        serials.presented(connection, KEYS, {number})
    connection.close()
    assert len(ran) == 2
    assert ran[0].partition("x'")[0] == ran[1].partition("x'")[0]


def test_tries_are_counted_for_each_and_for_all(tmp_path: Path, store: SqliteStore):
    settings = Settings(redeem_burst=3.0, redeem_rate=1.0, redeem_all_burst=4.0, redeem_all_rate=0.5)
    house = House(tmp_path / "slow", reader=store, settings=settings)
    house.grant(f"read,campaign {digest('another')}")

    async def tries(client: Any, n: int) -> list[int]:
        return [(await client.post(LOOK, json={"serial": NEVER})).status for _ in range(n)]

    async def one(client: Any) -> None:
        assert await tries(client, 4) == [404, 404, 404, 429]

    async def another(client: Any) -> None:
        assert await tries(client, 2) == [404, 429]
        answer = await client.post(LOOK, json={"serial": "no serial"})
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
        house.uptime += 2
        assert await tries(client, 2) == [404, 429]

    house.visit(one)
    house.visit(another, token="another")


def test_who_has_no_token_does_not_use_up_the_tries_of_who_has_one(tmp_path: Path, store: SqliteStore):
    house = House(tmp_path / "noise", reader=store, settings=Settings(open_redeem=True, redeem_all_burst=2.0, redeem_all_rate=0.01))

    async def noise(client: Any) -> None:
        assert [(await client.post(REDEEM, json={"serial": NEVER})).status for _ in range(3)] == [409, 409, 429]

    async def till(client: Any) -> None:
        assert (await client.post(REDEEM, json={"serial": SERIAL, "who": "till 4", "why": "tea set"})).status == 200

    house.visit(noise, token="")
    house.visit(till)


@pytest.mark.parametrize("wrong", ["", "R6C2", SERIAL[:-1], SERIAL[:5] + SERIAL[6] + SERIAL[5] + SERIAL[7:], "中" * 14, "2" * 500])
def test_what_is_no_serial_is_not_repeated(house: House, wrong: str):
    async def story(client: Any) -> None:
        for path in (LOOK, REDEEM, QR):
            answer = await client.post(path, json={"serial": wrong, "who": "li", "why": "x"})
            assert (answer.status, (await answer.json())["error"]) == (400, "bad_serial")
            assert not wrong or wrong not in await answer.text()

    house.visit(story)


def test_its_code_as_a_picture(house: House):
    async def story(client: Any) -> None:
        answer = await client.post(QR, json={"serial": NEVER, "address": "https://relay.example/s/{serial}"})
        assert (answer.status, answer.content_type) == (200, "image/svg+xml")
        assert (await answer.text()).startswith("<svg")
        assert (await client.post(QR, json={"serial": NEVER, "address": "https://relay.example/"})).status == 400

    house.visit(story)


def test_no_serial_in_log_or_metrics(tmp_path: Path, store: SqliteStore, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    house = opened(tmp_path, store)

    async def story(client: Any) -> None:
        for one in (SERIAL, NEVER, SERIAL):
            await client.post(REDEEM, json={"serial": one})

    house.visit(story, token="")
    told = caplog.text + house.telemetry.exposition().decode() + repr(Serial(SERIAL, b"k"))
    for one in (SERIAL, NEVER):
        assert one.removeprefix("CQ-")[:8] not in told
