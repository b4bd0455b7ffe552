"""Care as a whole over a real store: lists, what leaves them, the funnel, and what help is good for."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mmsd.model import CLOSED, HOUR, Batch, Kept, Listing
from mmsd.rules.cases import Case, Kind, State
from mmsd.rules.casework import Folder
from mmsd.rules.causes import CAUSES, OUTCOMES, RULES
from mmsd.rules.table import Row
from mmsd.store.sqlite import SqliteStore
from mmsd.web.access import digest
from mmsd.web.figures import Terms
from mmsd.web.sheets import MARK
from tests.web.house import NOON, House
from tests.web.stored import KEYS, put

LI = {"who": "li", "why": "monthly list"}
ROWS = {"N1": Row("", (), group="no_retrieval"), "T6": Row("", (), group="retrieval_failed")}


def number(place: int) -> str:
    return f"86139{place:08}"


def case(place: int, state: State = State.FOUND, **more: Any) -> Kept:
    """One subscriber with one case."""
    given: dict[str, Any] = {"city": "Wuxi", "model": "ZTE R750", "causes": ("BAD_APN",), "moved": NOON + place, "origin": "finding"}
    one = Case(number=1, kind=Kind.SETTINGS, state=state, opened=NOON, **given | more)
    return Kept(number(place), None, Folder(place, (one,)))


def closed(place: int, rule: str, n: int, at: int = NOON + HOUR) -> np.ndarray:
    """So many messages to somebody: delivered where `rule` is none of ROWS."""
    rows = np.zeros(n, CLOSED)
    rows["receiver"], rows["at"], rows["closed"] = KEYS.blind(number(place)), at, at
    rows["outcome"] = OUTCOMES.index("failed" if rule in ROWS else "delivered")
    rows["rule"], rows["cause"] = RULES.index(rule), CAUSES.index("OK")
    rows["message"] = np.arange(n) + place * 1_000 + RULES.index(rule) * 1_000_000 + (at - NOON)
    return rows


@pytest.fixture
def house(tmp_path: Path, store: SqliteStore) -> House:
    return House(tmp_path / "house", reader=store, terms=Terms(rows=ROWS))


def ask(house: House, path: str, *, status: int = 200) -> Any:
    told: list[Any] = []

    async def story(client: Any) -> None:
        answer = await client.get(f"/api/v1/care/{path}")
        assert answer.status == status, await answer.text()
        told.append(await answer.json() if answer.content_type == "application/json" else await answer.text())

    house.visit(story)
    return told[0]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix(MARK))))


# ------------------------------------------------------------------------------------------------------------------------- lists


def test_cases_by_state_in_pages(house: House, store: SqliteStore) -> None:
    put(store, Batch(NOON, care=[case(1), case(2, State.ASKED), case(3, State.CONFIRMED, closed=NOON), case(4)]))
    told = ask(house, "cases?limit=2")
    assert [(each["number"], each["state"]) for each in told["cases"]] == [("86139****0004", "found"), ("86139****0002", "asked")]
    rest = ask(house, f"cases?limit=2&after={told['after']}")
    assert ([each["number"] for each in rest["cases"]], rest["after"]) == (["86139****0001"], None)
    assert [each["number"] for each in ask(house, "cases?state=confirmed")["cases"]] == ["86139****0003"]
    for wrong in ("state=gone", "after=x", "limit=0"):
        ask(house, f"cases?{wrong}", status=400)


def listed(store: SqliteStore, n: int) -> None:
    put(store, Batch(NOON, care=[case(place, State.HANDED_OVER) for place in range(1, n + 1)]))
    for place in range(1, n + 1):
        put(store, Batch(NOON + place, listed=[Listing(number(place), 1, "settings", "=cmd()", on=True)]))


def test_the_hand_over_list_in_pages_and_as_a_table(house: House, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(store, 3)
    told = ask(house, "handover?limit=2")
    rest = ask(house, f"handover?limit=2&after={told['after']}")
    assert [each["number"] for each in (*told["handover"], *rest["handover"])] == [f"86139****000{place}" for place in (1, 2, 3)]
    assert rest["after"] is None
    monkeypatch.setattr("mmsd.web.care.MOST_ROWS", 2)
    rows = table(ask(house, "handover.csv"))
    assert [(row["number"], row["cause"], row["reason"]) for row in rows] == [(f"86139****000{n}", "BAD_APN", "'=cmd()") for n in (1, 2, 3)]
    assert ask(house, "handover?kind=activation")["handover"] == []


def test_full_numbers_leave_by_name_and_reason_alone(house: House, store: SqliteStore) -> None:
    listed(store, 3)
    house.grant(f"read,care {digest('staff')}")

    async def story(client: Any) -> None:
        where = "/api/v1/care/handover/export"
        assert (await client.post(where, json=LI, headers={"Authorization": "Bearer staff"})).status == 403
        assert (await client.post(where, json={"who": "li", "why": ""})).status == 400
        assert store.deeds(9) == []
        first = await client.post(where, json=LI | {"limit": 2})
        rest = await client.post(where, json=LI | {"limit": 2, "after": first.headers["After"]})
        assert "After" not in rest.headers
        rows = [*table(await first.text()), *table(await rest.text())]
        assert [row["number"] for row in rows] == [number(place) for place in (1, 2, 3)]

    house.visit(story)
    assert [(deed.what, deed.subject) for _, _, deed in store.deeds(9)] == [
        ("reveal", "hand-over list, 1 cases"), ("reveal", "hand-over list, 2 cases"),
    ]  # fmt: skip


def test_what_is_done_leaves_the_list_once(house: House, store: SqliteStore) -> None:
    listed(store, 2)
    (first, _) = store.handovers(9)

    async def story(client: Any) -> None:
        where = f"/api/v1/care/handover/{first.id}/done"
        for _ in range(2):
            answer = await client.post(where, json=LI, headers={"Idempotency-Key": "k"})
            assert (answer.status, await answer.json()) == (200, {"done": True})
        assert (await client.post(where, json=LI)).status == 404
        assert (await client.post("/api/v1/care/handover/no.thing/done", json=LI)).status == 404
        assert (await client.post("/api/v1/care/handover/1/done", json={"who": "", "why": "x"})).status == 400

    house.visit(story)
    assert [row.msisdn for row in store.handovers(9)] == [number(2)]
    assert [(deed.what, deed.subject) for _, _, deed in store.deeds(9)] == [("handover_done", f"subscriber {first.subscriber} case 1")]


# ------------------------------------------------------------------------------------------------------------------------- figures


def test_the_funnel_by_whatever_is_asked(house: House, store: SqliteStore) -> None:
    mended = {"asked": NOON, "consented": NOON, "helped": NOON, "sent": NOON, "closed": NOON, "pushes": 1}
    put(store, Batch(NOON, care=[
        case(1, State.CONFIRMED, **mended), case(2, State.CONFIRMED, **mended), case(3, State.SILENT, asked=NOON, closed=NOON),
        case(4, State.HELD_BACK, held_back=True, city="Nanjing"), case(5, State.PUSHED, **mended | {"closed": None, "missed": True}),
        case(6, State.PUSHED, **mended | {"origin": "keyword", "causes": (), "closed": None, "sent": None}),
        case(7, causes=("BAD_PROXY", "BAD_APN"), city="=Nanjing"),
    ]))  # fmt: skip
    (all_of_them,) = ask(house, "funnel")["funnel"]
    wanted = {"found": 6, "asked": 4, "consented": 3, "pushed": 3, "confirmed": 2, "held_back": 1, "silent": 1, "not_taken": 1, "open": 3}
    assert {name: all_of_them[name] for name in wanted} == wanted
    assert all_of_them["mended_of_asked"] == 0.5
    assert [(row["cause"], row["found"]) for row in ask(house, "funnel?by=cause")["funnel"]] == [("BAD_APN", 5), ("BAD_PROXY", 1)]
    assert [row["found"] for row in ask(house, "funnel?origin=all")["funnel"]] == [7]
    assert [row["pushed"] for row in ask(house, "funnel?origin=keyword")["funnel"]] == [1]  # its second push has not left, its first did
    assert table(ask(house, "funnel.csv?by=city"))[1]["city"] == "'=Nanjing"
    assert ask(house, "funnel?from=2026-11-22T11:00:00Z&to=2026-11-22T12:00:00Z")["funnel"] == []
    for wrong in ("by=colour", "from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z", "from=2024-01-01T00:00:00Z"):
        ask(house, f"funnel?{wrong}", status=400)


def test_what_help_is_good_for(house: House, store: SqliteStore) -> None:
    helped = {"helped": NOON, "sent": NOON}
    people = [case(1, State.PUSHED, **helped), case(2, State.SILENT, asked=NOON), case(3, State.HELD_BACK, held_back=True)]
    rows = [
        closed(1, "D1", 140), closed(1, "T6", 10), closed(2, "D1", 60), closed(2, "N1", 40),
        closed(3, "D1", 40), closed(3, "N1", 60), closed(3, "T6", 20),
        closed(3, "D1", 500, at=NOON - HOUR),  # before he was found
        closed(9, "N1", 500),  # nobody of ours
    ]  # fmt: skip
    put(store, Batch(NOON, care=people, closed=np.concatenate(rows)))
    told = ask(house, "effect")
    assert told["held_back"] == {"people": 1, "looked": 1}
    assert (told["others"]["people"], told["helped"]["people"]) == (2, 1)
    success, no_retrieval, broken = told["helped"]["measures"]
    assert (success["n"], success["of"], success["held_back_n"], success["held_back_of"]) == (140, 150, 40, 120)
    assert success["lift"] == pytest.approx(140 / 150 - 40 / 120)
    assert success["low"] < success["lift"] < success["high"]
    assert success["proven"]
    assert (no_retrieval["n"], no_retrieval["held_back_n"], broken["n"], broken["held_back_n"]) == (0, 60, 10, 20)
    assert [told[name]["measures"][0]["of"] for name in ("others", "helped")] == [250, 150]
    assert told["others"]["too_few"]  # so many messages, and so few people


def test_many_messages_of_many_people_are_worth_telling(house: House, store: SqliteStore) -> None:
    put(store, Batch(
        NOON, care=[case(place, State.HELD_BACK if place > 40 else State.FOUND, held_back=place > 40) for place in range(1, 81)],
        closed=np.concatenate([closed(place, "N1" if place > 40 else "D1", 3) for place in range(1, 81)]),
    ))  # fmt: skip
    told = ask(house, "effect")["others"]
    assert (told["too_few"], told["measures"][0]["lift"], told["measures"][0]["proven"]) == (False, 1.0, True)
    assert ask(house, "effect?looked=20")["others"]["too_few"]


def test_few_messages_prove_nothing_and_none_say_nothing(house: House, store: SqliteStore) -> None:
    assert ask(house, "effect")["others"]["measures"][0]["lift"] is None
    put(store, Batch(NOON, care=[case(1), case(2, State.HELD_BACK, held_back=True)], closed=closed(1, "D1", 3)))
    told = ask(house, "effect")["others"]
    assert (told["too_few"], told["measures"][0]["lift"]) == (True, None)


def test_no_more_are_looked_at_than_asked_and_packed_cells_are_found(house: House, store: SqliteStore, seed: int) -> None:
    people = [case(place, State.HELD_BACK, held_back=True) for place in range(1, 40)]
    put(store, Batch(NOON, care=people))
    rng = np.random.default_rng(seed)
    others = np.zeros(70_000, CLOSED)  # more than a tail: compacted into cells
    others["receiver"] = rng.integers(1, 1 << 63, len(others), np.uint64) << np.uint64(1)
    others["at"] = others["closed"] = NOON + HOUR
    others["outcome"] = OUTCOMES.index("delivered")
    put(store, Batch(NOON, closed=np.concatenate([others, *(closed(place, "D1", 2) for place in range(1, 40))])))
    put(store, Batch(NOON, closed=closed(1, "D1", 1, at=NOON + 2 * HOUR)))
    groups = store.care_groups(NOON, NOON + 1, 100)
    assert (groups.held_back.people, groups.held_back.looked, len(groups.held_back.rows)) == (39, 39, 79)
    few = store.care_groups(NOON, NOON + 1, 5)
    assert (few.held_back.people, few.held_back.looked) == (39, 5)
    assert msgspec.json.decode(msgspec.json.encode(ask(house, "effect?looked=5")["held_back"])) == {"people": 39, "looked": 5}
