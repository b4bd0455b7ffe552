"""Lists and mailings over the API and a real store: taken in by parts, prepared, shown, run by the token alone; numbers in no answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest

from mmsd.flow.mailing import Mailer
from mmsd.model import DAY, Batch, Holder
from mmsd.rules.models import Model
from mmsd.store.sqlite import SqliteStore
from tests.flow.mms import seed
from tests.store.values import forward
from tests.web.house import NOON, House
from tests.web.stored import put, stored

SAID = {"who": "li", "why": "spring"}
LINES = "msisdn;group\n13812341234;vip\n+86 138 1234 1235;vip\n13812341236\nnobody\n"


class Unknown:
    def model(self, number: str) -> Model | None:
        return None


async def _inline(work: Callable[[], Any]) -> Any:
    return work()


@pytest.fixture
def store(tmp_path):
    with stored(tmp_path) as made:
        yield made


@pytest.fixture
def house(tmp_path, store):
    made = House(tmp_path / "house", reader=store)
    made.messages["relay/one"] = seed()
    return made


async def count(store: SqliteStore, house: House) -> None:
    mailer = Mailer(store, Unknown(), lambda _: UTC, b"key", wall=lambda: house.now, call=_inline)
    while await mailer.count():
        pass


def test_a_list_is_prepared_shown_and_run_by_its_token(house, store):
    async def story(client) -> None:
        lists = "/api/v1/campaigns/relay/lists/spring"
        assert (await client.get(lists)).status == 404
        for _ in range(2):
            answer = await client.post(lists, json={"who": "li", "text": LINES})
            told = await answer.json()
            assert (told["members"], told["groups"], told["parts"]) == (3, {"": 1, "vip": 2}, 1)
            assert told["first_faults"] == [{"line": 5, "column": 1, "reason": "no_number"}]
            assert "1381234" not in await answer.text()
        assert (await client.post(lists, json={"who": "li", "text": LINES, "part": 3})).status == 409
        assert await (await client.get(lists)).json() == told
        answer = await client.post(
            "/api/v1/campaigns/relay/mailings", json=SAID | {"list": "spring", "seed": "one", "control": 0, "rate": 1}
        )
        assert await answer.json() == {"mailing": 1}
        assert (await (await client.get("/api/v1/mailings/1")).json())["token"] is None
        await count(store, house)
        answer = await client.get("/api/v1/mailings/1")
        told = await answer.json()
        assert "1381234" not in await answer.text()
        assert told["count"] == {"sent": 3, "left_out": {}, "groups": {"": 1, "vip": 2}, "model_unknown": 3}
        assert [part["type"] for part in told["message"]["parts"]] == ["image/jpeg", "text/plain"]
        assert set(told["warnings"]) == {"shadow", "no_control"}
        refused = await client.post("/api/v1/mailings/1/run", json=SAID | {"token": "AAAAAAAA"})
        assert (refused.status, (await refused.json())["error"]) == (409, "not_possible")
        assert (await client.post("/api/v1/mailings/1/run", json=SAID | {"token": told["token"]})).status == 200
        for order in ("pause", "resume", "stop"):
            assert (await client.post(f"/api/v1/mailings/1/{order}", json=SAID)).status == 200
        assert (await client.post("/api/v1/mailings/1/resume", json=SAID)).status == 409
        (brief,) = (await (await client.get("/api/v1/mailings?campaign=relay")).json())["mailings"]
        assert (brief["mailing"], brief["state"], brief["seed"], brief["list"], brief["people"]) == (1, "stopped", "one", "spring", 3)
        assert (await (await client.get("/api/v1/mailings?campaign=lamps")).json())["mailings"] == []

    house.visit(story)


def test_a_file_is_looked_at_before_anything_is_taken_in(house, store):
    bad = f"13812341234,vip,Nanjing,more\n13812341235,{'x' * 65}\n13812341236,vip,{'y' * 65}\n13812341237\n13812341237\nnobody\n13812341238"

    async def story(client) -> None:
        lists = "/api/v1/campaigns/relay/lists"
        answer = await client.post(f"{lists}/spring/check", json={"who": "li", "text": bad})
        told = await answer.json()
        assert (told["members"], told["faults"]) == (2, 5)
        assert [(each["line"], each["column"], each["reason"]) for each in told["first_faults"]] == [
            (1, 4, "too_many_fields"), (2, 2, "bad_group"), (3, 3, "bad_city"), (5, 1, "repeated"), (6, 1, "no_number")
        ]  # fmt: skip
        assert "1381234" not in await answer.text()
        told = await (await client.get(lists)).json()
        assert (told["lists"], told["seeds"], told["may"]) == ([], [], ["campaign"])
        assert (told["sending"]["hours"], told["sending"]["control"], told["sending"]["zone"]) == (["09:00-20:00"], 0.05, "Asia/Shanghai")
        for name in ("spring", "summer"):
            assert (await client.post(f"{lists}/{name}", json={"who": "li", "text": LINES})).status == 200
        told = await (await client.get(lists)).json()
        assert [(each["list"], each["members"]) for each in told["lists"]] == [("summer", 3), ("spring", 3)]
        assert (await client.get("/api/v1/campaigns/lamps/lists")).status == 404

    house.visit(story)


def test_what_it_was_good_for(house, store):
    window = 7 * DAY
    people = [(f"86138{n:08}", "silent" if n % 2 else "") for n in range(2_000)]

    def holder(place: int, who: str, label: str) -> Holder:
        arm = "sent" if place % 4 else "control"
        return Holder("relay", "one", who, "group", arm, NOON, 1, label, key=b"k" if arm == "sent" else b"", drawn=NOON)

    took = [who for place, (who, _) in enumerate(people) if place % (10 if place % 4 else 40) in (0, 1)]
    forwards = [forward(n, sender=who, submitted=NOON) for n, who in enumerate(took)]
    put(store, Batch(NOON, holders=[holder(place, *each) for place, each in enumerate(people)], forwards=forwards))

    async def story(client) -> None:
        house.now = NOON + window - 1
        told = await (await client.get("/api/v1/campaigns/relay/effect")).json()
        assert (told["waiting"], told["groups"][0]["sent"]["of"]) == (2_000, 0)
        house.now = NOON + window
        told = await (await client.get("/api/v1/campaigns/relay/effect?mailing=1")).json()
        assert [(one["of"], one["group"]) for one in told["groups"]] == [
            ("all", None), ("silent", None), ("group", ""), ("group", "silent")
        ]  # fmt: skip
        everybody, silent = told["groups"][:2]
        sent = [len({who for who in took if (int(who[5:]) % 4 == 0) is control}) for control in (False, True)]
        assert (everybody["sent"]["n"], everybody["control"]["n"], everybody["sent"]["of"], everybody["control"]["of"]) == (
            *sent,
            1_500,
            500,
        )
        assert everybody["proven"]
        assert everybody["low"] < everybody["lift"] < everybody["high"]
        assert everybody["p"] < 0.01
        assert not everybody["too_few"]
        assert silent["sent"]["of"] + silent["control"]["of"] == 1_000
        assert (silent["control"]["of"], silent["too_few"], silent["proven"], silent["lift"]) == (0, True, False, None)
        assert (await client.get("/api/v1/campaigns/lamps/effect")).status == 404
        assert (await client.get("/api/v1/campaigns/relay/effect?mailing=x")).status == 400

    house.visit(story)


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("campaigns/lamps/lists/spring", {"who": "li", "text": ""}, 404),
        ("campaigns/relay/lists/spring", {"who": "", "text": ""}, 400),
        ("campaigns/relay/lists/spring", {"who": "li 13812341234", "text": ""}, 400),
        ("campaigns/relay/mailings", SAID | {"list": "none", "seed": "one"}, 409),
        ("campaigns/relay/mailings", SAID | {"list": "none", "seed": "two"}, 409),
        ("campaigns/relay/mailings", SAID | {"list": "none", "seed": "one", "starts": "2026-01-01T00:00"}, 409),
        ("mailings/7/run", SAID | {"token": "X"}, 409),
        ("mailings/7/launch", SAID, 404),
        ("mailings/7/stop", {"who": "li"}, 400),
    ],
)
def test_what_is_refused(house, address, body, status):
    async def story(client) -> None:
        answer = await client.post(f"/api/v1/{address}", json=body)
        assert answer.status == status, await answer.text()

    house.visit(story)


def test_it_takes_the_scope_of_campaigns(house):
    async def story(client) -> None:
        for address in ("campaigns/relay/lists/spring", "campaigns/relay/mailings", "mailings/1/run"):
            assert (await client.post(f"/api/v1/{address}", json=SAID)).status == 403

    secret = "reader-of-the-house-0123456789abcdef"
    house.grant(f"read {hashlib.sha256(secret.encode()).hexdigest()}")
    house.visit(story, token=secret)
