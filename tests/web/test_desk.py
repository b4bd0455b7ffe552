"""The desk over a real store and care's real loop: one number told, acts done once, looks at full numbers in the audit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mmsd.errors import StoreFull
from mmsd.flow.care import CareLoop
from mmsd.flow.erasing import Erasing
from mmsd.model import DAY, HOUR, Batch, Finding, Heard
from mmsd.rules import outbox
from mmsd.rules.care import Care
from mmsd.rules.cases import Case
from mmsd.rules.casework import Found, News
from mmsd.rules.consent import Question
from mmsd.rules.settings import CareSettings
from mmsd.rules.tidings import of_outbox, tiding
from mmsd.store.sqlite import SqliteStore
from mmsd.web.access import digest
from tests.flow.test_care import Everybody, Notes
from tests.web.house import NOON, RECEIVER, SENDER, House, delivery
from tests.web.stored import put, stored

LI = {"who": "li", "why": "he rang"}
ACTS = ("consent", "ask", "revoke", "hand_over", "erase")


class Clerk(Notes):
    """Withdraws pushes that were ordered by then, as the real one does."""

    def withdrawn(self, number: str, case: Case, questions: Sequence[Question]) -> list[bytes]:
        keys = super().withdrawn(number, case, questions)
        return keys if case.orders else keys[:-2]


class Office:
    """A site whose care takes news in when it is told to."""

    def __init__(self, folder: Path, store: SqliteStore) -> None:
        self.store = store
        care = Care(CareSettings(holdout=0.0), b"draw", wording=lambda case, language: f"q1-{language}")
        self.care = CareLoop(store, care, Clerk(), Everybody(), wall=lambda: self.house.now, call=_now)
        self.erasing = Erasing(store, call=_now)
        self.house = House(folder, reader=store, next_steps=self.care.next_steps)

    async def work(self) -> None:
        """Care takes in what there is; who can be forgotten is."""
        while await self.care.turn():
            pass
        await self.erasing.turn()

    def hear_of(self, *news: News, number: str = RECEIVER) -> None:
        put(self.store, Batch(self.house.now, tidings=[tiding(number, self.house.now, piece) for piece in news]))
        asyncio.run(self.work())

    def move(self, purpose: str, state: str = "sent") -> None:
        """What the dispatcher does to a row."""
        now = self.house.now
        rows = [row for _, row in self.store.outbox("ready", 100) if row.purpose == purpose]
        assert rows
        moved = [outbox.moved(outbox.claimed(row, "smsc1", 1, now=now, fence=1), state, submitted=now) for row in rows]
        put(self.store, Batch(now, moved=moved, tidings=of_outbox(moved, now)))
        asyncio.run(self.work())

    def deeds(self) -> list[tuple[str, str, str]]:
        return [(deed.who, deed.what, deed.subject) for _, _, deed in reversed(self.store.deeds(99))]


async def _now(work: Any, *given: Any) -> Any:
    return work(*given)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with stored(tmp_path) as store:
        yield Office(tmp_path / "house", store)


async def look(client: Any, **body: Any) -> dict[str, Any]:
    answer = await client.post("/api/v1/desk", json={"number": RECEIVER, **body})
    assert answer.status == 200, await answer.text()
    return dict(await answer.json())


async def act(client: Any, name: str, *, status: int = 200, key: str = "", **body: Any) -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await client.post(f"/api/v1/desk/{name}", json=LI | {"number": RECEIVER} | body, headers=headers)
    assert answer.status == status, await answer.text()
    return dict(await answer.json())


def test_one_number_with_everything_there_is(office: Office) -> None:
    office.hear_of(Found("BAD_APN", 0.9))
    put(office.store, Batch(
        NOON, deliveries=[(b"1" * 16, delivery())], heard=[Heard("smsc1", RECEIVER, "10657", "", "what is this", NOON + HOUR)],
        findings=[(b"f" * 16, Finding("subscriber", RECEIVER, "BAD_APN", 0.9, NOON))],
    ))  # fmt: skip
    office.move("ask:1:1")

    async def story(client: Any) -> None:
        told = await look(client)
        (case,), (question,) = told["cases"], told["questions"]
        assert (case["state"], case["kind"], case["causes"], case["may"]) == ("asked", "settings", ["BAD_APN"], ["hand_over"])
        assert case["next"] == {"event": "silence", "at": "2026-11-24T12:00:00Z", "reason": ""}
        assert (question["open"], question["left"], question["wording"]) == (True, True, "q1-zh")
        assert [each["cause"] for each in told["findings"]] == ["BAD_APN"]
        assert [each["sender"] for each in told["deliveries"]] == ["86139****5432"]
        assert [(each["way"], each["text"]) for each in told["messages"]] == [("heard", None), ("sent", None)]
        assert [(each["event"], each["who"]) for each in told["steps"]] == [("ask", "mmsd")]
        assert (told["number"], told["known"], told["untaken"], told["erasing"]) == ("86138****1234", True, 0, False)
        assert told["may"] == ["care", "reveal"]

    office.house.visit(story)


def test_nobody_is_told_as_nobody(office: Office) -> None:
    async def story(client: Any) -> None:
        told = await look(client)
        assert (told["known"], told["cases"], told["messages"]) == (False, [], [])

    office.house.visit(story)


def test_a_consent_that_staff_records_pushes_and_can_be_taken_back(office: Office) -> None:
    office.hear_of(Found("BAD_APN", 0.9))

    async def story(client: Any) -> None:
        await act(client, "consent", status=400)  # no wording
        assert await act(client, "consent", wording="told him what will be sent") == {"done": True}
        assert (await look(client))["untaken"] == 1
        await office.work()
        told = await look(client)
        assert told["cases"][0]["state"] == "pushed"
        assert "revoke" in told["cases"][0]["may"]
        (consent,) = told["consents"]
        assert (consent["channel"], consent["who"], consent["live"], consent["wording"]) == (
            "staff",
            "li",
            True,
            "told him what will be sent",
        )
        assert [each["state"] for each in told["messages"] if each["settings"]] == ["ready"]
        assert [each["state"] for each in told["messages"] if each["purpose"].startswith("ask:")] == ["dropped"]  # its question is answered
        await act(client, "revoke", case=1)
        await office.work()
        told = await look(client)
        assert (told["cases"][0]["state"], told["consents"][0]["live"], told["consents"][0]["why"]) == ("ended", False, "revoked")
        assert {each["state"] for each in told["messages"]} == {"dropped"}
        refused = await act(client, "revoke", case=1, status=409)
        assert "no_consent" in refused["detail"]

    office.house.visit(story)
    (subject,) = {subject.partition(" case")[0] for _, _, subject in office.deeds()}
    assert office.deeds() == [("li", "consent", subject), ("li", "revoke", f"{subject} case 1")]
    assert office.store.verify_audit() == 2


def test_asked_now_and_taken_over(office: Office) -> None:
    office.hear_of(Found("BAD_APN", 0.5))  # not sure enough to be asked

    async def story(client: Any) -> None:
        told = await look(client)
        assert (told["cases"][0]["state"], told["cases"][0]["next"]["reason"]) == ("found", "unsure")
        assert told["cases"][0]["may"] == ["ask", "hand_over"]
        await act(client, "ask", case=1)
        await office.work()
        assert (await look(client))["cases"][0]["state"] == "asked"
        assert "question_open" in (await act(client, "ask", case=1, status=409))["detail"]
        await act(client, "hand_over", case=1, why="he wants a call")
        await office.work()
        told = await look(client)
        assert (told["cases"][0]["state"], told["cases"][0]["reason"]) == ("handed_over", "he wants a call")
        assert "no_such_case" in (await act(client, "hand_over", case=7, status=409))["detail"]

    office.house.visit(story)
    assert [listed.case for listed in office.store.handovers(9)] == [1]


def test_erasing_waits_for_care_and_for_what_is_on_its_way(office: Office) -> None:
    office.hear_of(Found("BAD_APN", 0.9))
    (row,) = [row for _, row in office.store.outbox("ready", 9)]
    sending = outbox.claimed(row, "smsc1", 1, now=NOON, fence=1)
    put(office.store, Batch(NOON, moved=[sending]))

    async def story(client: Any) -> None:
        await act(client, "erase")
        told = await look(client)
        assert (told["erasing"], told["untaken"]) == (True, 1)
        await office.work()
        told = await look(client)
        assert (told["erasing"], told["untaken"], told["cases"][0]["state"]) == (True, 0, "ended")  # its question is on its way
        put(office.store, Batch(NOON, moved=[outbox.moved(sending, "sent", submitted=NOON)]))
        await office.work()
        told = await look(client)
        assert (told["known"], told["erasing"], told["cases"], told["messages"]) == (False, False, [], [])
        assert told["erased"]

    office.house.visit(story)
    (gone,) = [row for _, row in office.store.outbox(None, 9)]
    assert (gone.msisdn, gone.body) == ("", "")
    receipt = outbox.moved(gone, "delivered")  # comes when he is gone: care is told of nobody
    put(office.store, Batch(NOON, moved=[receipt], tidings=of_outbox([receipt], NOON)))
    assert office.store.erasures(9) == []


def test_a_full_number_is_shown_to_whom_the_audit_names(office: Office) -> None:
    office.hear_of(Found("BAD_APN", 0.9))
    office.house.grant(f"read,care {digest('staff')}")
    put(office.store, Batch(NOON, deliveries=[(b"1" * 16, delivery())]))

    async def story(client: Any) -> None:
        for wrong in ({}, {"who": "li"}, {"who": "li", "why": f"call {SENDER}"}):
            answer = await client.post("/api/v1/desk", json={"number": RECEIVER, "reveal": True, **wrong})
            assert answer.status == 400
        assert office.deeds() == []
        told = await look(client, reveal=True, **LI)
        assert (told["number"], told["deliveries"][0]["sender"]) == (RECEIVER, SENDER)
        assert told["messages"][0]["text"] == "question q1-zh"
        refused = await client.post(
            "/api/v1/desk", json={"number": RECEIVER, "reveal": True, **LI}, headers={"Authorization": "Bearer staff"}
        )
        assert refused.status == 403
        assert (await look(client))["number"] == "86138****1234"

    office.house.visit(story)
    ((who, what, subject),) = office.deeds()
    assert (who, what) == ("li", "reveal")
    assert subject == office.store.subject(RECEIVER)
    assert RECEIVER not in subject


def test_a_pin_is_shown_to_nobody(office: Office) -> None:
    office.hear_of(Found("BAD_APN", 0.9))

    async def story(client: Any) -> None:
        await act(client, "consent", wording="as the form says")
        await office.work()
        told = await look(client, reveal=True, **LI)
        assert [(each["purpose"], each["text"]) for each in told["messages"] if each["purpose"] == "told"] == [("told", None)]

    office.house.visit(story)


@pytest.mark.parametrize("name", ACTS)
def test_an_act_needs_its_scope_a_name_and_a_reason(office: Office, name: str) -> None:
    office.hear_of(Found("BAD_APN", 0.9))
    office.house.grant(f"read {digest('reader')}")

    async def story(client: Any) -> None:
        body = LI | {"number": RECEIVER, "case": 1, "wording": "as the form says"}
        answer = await client.post(f"/api/v1/desk/{name}", json=body, headers={"Authorization": "Bearer reader"})
        assert answer.status == 403
        for wrong in ({"who": ""}, {"why": " "}, {"why": f"call {SENDER}"}, {"number": "nobody"}, {"more": 1}):
            answer = await client.post(f"/api/v1/desk/{name}", json=body | wrong)
            assert answer.status == 400
            assert SENDER not in await answer.text()

    office.house.visit(story)
    assert office.deeds() == []


def test_a_store_that_is_full_makes_erasing_wait(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    put(office.store, Batch(NOON, deliveries=[(b"1" * 16, delivery())], erasing=[RECEIVER]))

    def full(number: str) -> bool:
        raise StoreFull("no room")

    with monkeypatch.context() as bent:
        bent.setattr(office.store, "erase", full)
        assert asyncio.run(office.erasing.turn()) == 0
        assert office.erasing.trouble == "no room"
    assert asyncio.run(office.erasing.turn()) == 1
    assert (office.erasing.trouble, office.store.knows(RECEIVER)) == ("", False)


def test_the_same_key_does_a_thing_once(office: Office) -> None:
    """P09: the first answer again; another body is refused; of two at once one is done."""
    office.hear_of(Found("BAD_APN", 0.9))

    async def story(client: Any) -> None:
        first = await act(client, "consent", wording="as the form says", key="one")
        again = await client.post(
            "/api/v1/desk/consent", json=LI | {"number": RECEIVER, "wording": "as the form says"}, headers={"Idempotency-Key": "one"}
        )
        assert (again.status, await again.json(), again.headers["Idempotency-Replayed"]) == (200, first, "true")
        assert (await act(client, "consent", wording="another", key="one", status=422))["error"] == "other_body"
        assert len(office.deeds()) == 1
        await asyncio.gather(*(act(client, "consent", wording="twice", key="two") for _ in range(5)))
        assert len(office.deeds()) == 2
        await act(client, "hand_over", case=9, key="three", status=409)  # what was refused may be tried again
        assert (await act(client, "consent", wording="x", key="no good", status=400))["error"] == "bad_key"
        office.house.now += DAY + 1
        await act(client, "consent", wording="another", key="one")  # forgotten after a day
        assert len(office.deeds()) == 3

    office.house.visit(story)
