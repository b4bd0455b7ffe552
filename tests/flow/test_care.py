"""Care's loop over a real store: news that waits in rows, SMS taken in with their storing, folders, orders, consents; kills between."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmsd.errors import EncodeError, StoreFull
from mmsd.flow.care import Blame, CareLoop
from mmsd.flow.clerk import Letters
from mmsd.model import DAY, HOUR, SECOND, Batch, Composed, Finding, Heard, Outgoing
from mmsd.rules import outbox
from mmsd.rules.care import Care
from mmsd.rules.cases import Case, Kind, State
from mmsd.rules.casework import Ask, Changed, Cleared, Found, News, Person, Probe, Push, Renotify, Shown, Tell
from mmsd.rules.claim import Waiting, claim
from mmsd.rules.consent import Question
from mmsd.rules.governor import Governor, Usage
from mmsd.rules.mending import Proof, Sign
from mmsd.rules.settings import CareSettings, GovernorSettings
from mmsd.rules.tidings import of_outbox, tiding
from mmsd.rules.wording import Wording
from mmsd.store import CareAsk, Due, Held, Needs, Rows
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow.leaving import run
from tests.flow.mms import mms_desk

LI = "8613912340001"
WU = "8613912340002"
NOON = 1_795_348_800_000_000
KEYS = Keys(bytes(32), os.urandom)
CARD = outbox.composed("Test", b"...")


class Notes:
    """A clerk whose messages say what they are."""

    def __init__(self) -> None:
        self.unfit = ""

    def question(self, number: str, ask: Ask, now: int) -> list[Outgoing]:
        return [self._row(number, f"ask:{ask.case.number}:{ask.question.number}", f"question {ask.question.wording}", now)]

    def push(self, number: str, push: Push, now: int) -> list[Outgoing]:
        if self.unfit:
            raise EncodeError(self.unfit)
        pin = self._row(number, "told", f"pin {push.order.attempt}", now)
        return [pin, self._row(number, f"push:{push.case.number}:{push.order.attempt}", f"settings {push.order.attempt}", now)]

    def tell(self, number: str, tell: Tell, person: Person, now: int) -> list[Outgoing]:
        return [self._row(number, "tell", tell.text, now)]

    def probe(self, number: str, probe: Probe, now: int) -> tuple[Composed, Outgoing]:
        row = self._row(number, f"probe:{probe.case.number}:{probe.case.orders}", "", now)
        return CARD, msgspec.structs.replace(row, key=f"{number}probe".encode()[-16:], content=CARD.name)

    def renotify(self, number: str, order: Renotify, now: int) -> Outgoing:
        return self._row(number, f"renotify:{order.case.number}:{order.case.orders}", "again", now)

    def withdrawn(self, number: str, case: Case, questions: Sequence[Question]) -> list[bytes]:
        texts = [*(f"question {asked.wording}" for asked in questions), "pin 1", "settings 1"]
        return [f"{number}{text}".encode()[-16:] for text in texts]

    @staticmethod
    def _row(number: str, purpose: str, text: str, now: int) -> Outgoing:
        return Outgoing(f"{number}{text}".encode()[-16:], "service", purpose, number, text, "ready", now, now + 10 * DAY)


class Everybody:
    """A directory in which all are alike."""

    refreshed = 0

    def person(self, number: str, opted_out: frozenset[str]) -> Person:
        return Person(city="Wuxi", model="ZTE R750", opted_out=opted_out)

    def refresh(self) -> None:
        self.refreshed += 1


class Office:
    def __init__(self, folder: Path, **settings: Any) -> None:
        self.now = NOON
        self.store = SqliteStore.open(folder, settings=Settings(durable=False), keys=KEYS, wall=lambda: self.now)
        self.clerk = Notes()
        care = Care(CareSettings(holdout=0.0, **settings), b"draw", wording=lambda case, language: f"q1-{language}")
        self.loop = CareLoop(self.store, care, self.clerk, Everybody(), wall=lambda: self.now, call=_now)

    def hear_of(self, *news: tuple[str, News]) -> None:
        batch = Batch(self.now, tidings=[tiding(number, self.now, piece) for number, piece in news])
        self.store.transact(Needs(), lambda _: batch)
        self.turn()

    def turn(self) -> None:
        async def go() -> None:
            while await self.loop.turn():
                pass

        asyncio.run(go())

    def write(self, number: str, text: str) -> None:
        """An SMS, as the dispatcher stores it."""
        heard = [Heard("smsc1", number, "10657", "", text, self.now)]

        def decide(rows: Rows) -> Batch:
            batch = Batch(self.now, heard=heard)
            batch.add(self.loop.decide(heard, rows, self.now))
            return batch

        self.store.transact(self.loop.needs(heard), decide)

    def move(self, state: str, purpose: str) -> None:
        """What the dispatcher does to the row."""
        rows = [row for _, row in self.store.outbox("ready", 100) if row.purpose == purpose]
        assert rows
        moved = [outbox.moved(outbox.claimed(row, "smsc1", 1, now=self.now, fence=1), state) for row in rows]
        batch = Batch(self.now, moved=moved, tidings=of_outbox(moved, self.now))
        self.store.transact(Needs(), lambda _: batch)
        self.turn()

    def held(self, number: str) -> Held:
        found: list[Held] = []

        def look(rows: Rows) -> Batch:
            found.extend(rows.held.values())
            return Batch(self.now)

        self.store.transact(Needs(care=CareAsk(numbers=frozenset({number}))), look)
        return found[0]

    def state(self, number: str = LI) -> State:
        return self.held(number).folder.cases[-1].state

    def waiting(self) -> list[str]:
        return [row.body for _, row in self.store.outbox("ready", 100)]


async def _now(work: Any) -> Any:
    return work()


@pytest.fixture
def office(tmp_path: Path) -> Any:
    made = Office(tmp_path / "state")
    yield made
    made.store.close()


def test_from_finding_to_mended(office: Office) -> None:
    office.hear_of((LI, Found("BAD_PROXY", 0.9)))
    assert office.waiting() == ["question q1-zh"]
    assert office.state() is State.ASKED
    office.move("sent", "ask:1:1")
    office.now += HOUR
    office.write(LI, "Ｙ")
    assert office.state() is State.PUSHED
    assert office.waiting() == ["pin 1", "settings 1"]
    (consent,) = office.held(LI).folder.consents
    assert (consent.channel, consent.wording, consent.at) == ("sms", "q1-zh", office.now)
    office.move("sent", "push:1:1")
    assert office.held(LI).folder.cases[0].sent == office.now
    office.now += 2 * DAY
    office.hear_of((LI, Shown((Proof(Sign.RETRIEVED, office.now, own_choice=True),))))
    assert office.state() is State.CONFIRMED
    assert office.waiting()[-1] == "thanks"
    steps = office.store._all("SELECT event, before, after, who FROM care_step ORDER BY id")
    assert [step[0] for step in steps] == ["ask", "yes", "push", "confirmed"]
    assert steps[1][3] == "subscriber"
    assert office.store._all("SELECT count(*) FROM tiding") == [(0,)]
    events = [(event.subject, event.data["subject"]) for event in office.store.events(0, 100) if event.topic == "care"]
    assert events == [
        ("asked", "86139****0001"),
        ("consented", "86139****0001"),
        ("pushed", "86139****0001"),
        ("confirmed", "86139****0001"),
    ]


def test_whoever_says_stop_is_left_alone(office: Office) -> None:
    office.hear_of((LI, Found("BAD_PROXY", 0.9)), (WU, Found("BAD_APN", 0.9)))
    office.write(LI, "退订")
    assert office.state() is State.DECLINED
    assert office.waiting() == ["question q1-zh", "stopped"]
    dropped = [(row.msisdn, row.reason) for _, row in office.store.outbox("dropped", 10)]
    assert dropped == [(LI, "withdrawn")]
    assert office.held(LI).opted_out == {"service", "marketing", "provisioning"}
    assert office.state(WU) is State.ASKED


def test_an_answer_to_nothing_makes_no_case(office: Office) -> None:
    office.write(LI, "Y")
    office.write(WU, "hello")
    assert office.store._all("SELECT count(*) FROM care_case") == [(0,)]
    assert office.store._all("SELECT count(*) FROM incoming") == [(2,)]
    assert office.waiting() == []


def test_settings_that_cannot_be_made_go_to_people(office: Office) -> None:
    office.clerk.unfit = "no settings are signed off for 460-00"
    office.hear_of((LI, Found("BAD_PROXY", 0.9)))
    office.write(LI, "1")
    assert office.state() is State.HANDED_OVER
    assert office.store._all("SELECT kind, reason FROM handover") == [("settings", "no settings are signed off for 460-00")]
    assert office.waiting() == ["question q1-zh", "sorry"]


def test_a_question_that_did_not_leave_is_asked_again(office: Office) -> None:
    office.hear_of((LI, Found("BAD_PROXY", 0.9)))
    row = office.store.outbox("ready", 1)[0][1]
    moved = [outbox.moved(row, outbox.SHADOW)]
    batch = Batch(office.now, moved=moved, tidings=of_outbox(moved, office.now))
    office.store.transact(Needs(), lambda _: batch)
    office.turn()
    assert office.state() is State.FOUND
    office.now += 23 * HOUR
    office.turn()
    assert office.state() is State.FOUND
    office.now += 2 * HOUR
    office.clerk.question = lambda number, ask, now: [Notes._row(number, "ask:1:2", "again", now)]  # type: ignore[method-assign]
    office.turn()
    assert office.state() is State.ASKED
    assert office.waiting() == ["again"]


def test_time_alone_ends_a_question(office: Office) -> None:
    office.hear_of((LI, Found("BAD_PROXY", 0.9)))
    office.move("sent", "ask:1:1")
    office.now += 48 * HOUR - SECOND
    office.turn()
    assert office.state() is State.ASKED
    office.now += SECOND
    office.turn()
    assert office.state() is State.SILENT
    office.write(LI, "Y")
    assert office.state() is State.SILENT


def test_a_new_card_ends_it_all(office: Office) -> None:
    office.hear_of((LI, Found("BAD_PROXY", 0.9)))
    office.write(LI, "是")
    office.hear_of((LI, Changed(1)))
    assert office.state() is State.ENDED
    assert {row.reason for _, row in office.store.outbox("dropped", 10)} == {"withdrawn"}
    assert not office.held(LI).folder.consents[0].live(office.now)
    revoked = office.store._all("SELECT revoked, why FROM consent")
    assert revoked == [(office.now, "imsi_changed")]


def test_news_is_taken_in_once_whatever_happens(office: Office) -> None:
    """A store that is full, then a crash after the commit: nothing is asked twice, nothing is forgotten."""
    batch = Batch(office.now, tidings=[tiding(LI, office.now, Found("BAD_PROXY", 0.9))])
    office.store.transact(Needs(), lambda _: batch)
    whole = office.store.transact

    def full(needs: Needs, decide: Any) -> Batch:
        raise StoreFull("no space left")

    office.store.transact = full  # type: ignore[method-assign, assignment]
    office.turn()
    assert office.loop.trouble == "no space left"
    office.store.transact = whole  # type: ignore[method-assign]

    def crash(name: str) -> None:
        if name == "cared":
            raise KeyboardInterrupt

    office.loop._fault_point = crash
    with pytest.raises(KeyboardInterrupt):
        office.turn()
    office.loop._fault_point = lambda name: None
    office.turn()
    assert office.waiting() == ["question q1-zh"]
    assert len(office.store._all("SELECT * FROM care_step")) == 1


def test_findings_that_end_before_anybody_was_asked(office: Office) -> None:
    office.hear_of((LI, Found("BAD_PROXY", 0.5)), (LI, Cleared(frozenset({"BAD_PROXY"}))))
    assert office.state() is State.ENDED
    assert office.waiting() == []


def test_the_folder_is_sealed_and_goes_with_its_subscriber(office: Office) -> None:
    office.hear_of((LI, Found("BAD_PROXY", 0.9)))
    office.write(LI, "设置")
    (body,) = office.store._all("SELECT body FROM care_folder")[0]
    assert b"13912340001" not in body
    assert b"BAD_PROXY" not in body
    assert office.store.erase(LI)
    assert office.store._all("SELECT length(body), due FROM care_folder") == [(0, None)]
    office.now += 60 * DAY
    office.turn()
    assert len(office.store._all("SELECT * FROM care_case")) == 1  # what was done stays countable
    office.write(LI, "hello")  # somebody else, as far as the store can tell
    assert office.held(LI).folder.cases == ()


def test_a_models_fault_is_looked_up_now_and_then(office: Office) -> None:
    clock = [0.0]
    blame = Blame(office.store, lambda: clock[0])
    blame.refresh()
    assert blame.of("ZTE R750") == frozenset()
    row = Finding("model", "ZTE R750", "BAD_APN", 0.9, NOON, detail="30 of 60 subscribers")
    batch = Batch(NOON, findings=[(b"k" * 16, row)])
    office.store.transact(Needs(), lambda _: batch)
    blame.refresh()
    assert blame.of("ZTE R750") == frozenset()
    clock[0] = 61.0
    blame.refresh()
    assert blame.of("ZTE R750") == {"BAD_APN"}


def test_settings_leave_by_a_live_consent_alone(office: Office) -> None:
    """A push that waits looks at the consent in the transaction that claims it, not when it was ordered."""
    office.hear_of((LI, Found("BAD_PROXY", 0.9)))
    office.write(LI, "Y")
    due = Due(office.now, {("service", outbox.Form.TEXT): 10}, 0, "2026-11-22")

    def agreed() -> dict[str, bool]:
        seen: list[Rows] = []

        def look(rows: Rows) -> Batch:
            seen.append(rows)
            return Batch(office.now)

        office.store.transact(Needs(due=due._replace(now=office.now)), look)
        return {each.row.body: each.agreed for each in seen[0].waiting}

    assert agreed()["settings 1"]
    office.store._submit(lambda connection: connection.execute("UPDATE consent SET revoked = ?", (office.now,)).rowcount)
    assert not agreed()["settings 1"]
    office.store._submit(lambda connection: connection.execute("UPDATE consent SET revoked = NULL, expires = ?", (office.now,)).rowcount)
    assert not agreed()["settings 1"]
    row = next(row for _, row in office.store.outbox("ready", 10) if row.body == "settings 1")
    made = claim(office.now, [Waiting(row, 1, 1, agreed=False)], Usage(), Governor(GovernorSettings(), UTC), ["service"], [], 1)
    assert [(one.state, one.reason) for one in made.moved] == [("dropped", "no_consent")]


def test_a_test_message_follows_the_push_and_leaves_by_the_consent_of_the_push(tmp_path: Path) -> None:
    office = Office(tmp_path / "state", test_message=True)
    try:
        office.hear_of((LI, Found("BAD_PROXY", 0.9)))
        office.write(LI, "Y")
        office.move("sent", "push:1:1")
        office.now += DAY + SECOND
        office.turn()
        (row,) = [row for _, row in office.store.outbox("ready", 10) if row.purpose == "probe:1:1"]
        assert office.store.composed(row.content) == CARD
        office.turn()
        assert [row.purpose for _, row in office.store.outbox(None, 10)].count("probe:1:1") == 1

        def agreed() -> bool:
            seen: list[Rows] = []

            def look(rows: Rows) -> Batch:
                seen.append(rows)
                return Batch(office.now)

            office.store.transact(Needs(due=Due(office.now, {("service", outbox.Form.MMS): 10}, 0, "2026-11-23")), look)
            (waiting,) = seen[0].waiting
            return waiting.agreed

        assert agreed()
        office.store._submit(lambda connection: connection.execute("UPDATE consent SET revoked = ?", (office.now,)).rowcount)
        assert not agreed()
        before = office.state()
        office.move("failed", "probe:1:1")  # what it shows, lines show
        assert office.state() is before is State.PUSHED
    finally:
        office.store.close()


@pytest.mark.parametrize("on", [True, False])
def test_once_a_push_has_left_what_waits_for_him_is_to_be_announced_again(tmp_path: Path, on: bool) -> None:
    office = Office(tmp_path / "state", renotify=on)
    try:
        office.hear_of((LI, Found("BAD_PROXY", 0.9)))
        office.write(LI, "Y")
        purposes = [row.purpose for _, row in office.store.outbox(None, 10)]
        assert "renotify:1:1" not in purposes  # it may still not leave
        office.move("sent", "push:1:1")
        purposes = [row.purpose for _, row in office.store.outbox(None, 10)]
        assert purposes.count("renotify:1:1") == int(on)
    finally:
        office.store.close()


def test_the_test_message_goes_by_mm7(tmp_path: Path, free_port: Any) -> None:
    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port()) as it:
            clerk = Letters(CareSettings(language="zh"), Wording(), _nobody, b"key", lambda n: 0)
            case = Case(number=1, kind=Kind.SETTINGS, origin="finding", causes=("BAD_APN",), state=State.PUSHED, opened=NOON, orders=1)
            message, row = clerk.probe(LI, Probe(case), it.wall())
            assert row.key in clerk.withdrawn(LI, case, ())
            # that its case has a live consent is the claim's to see
            it.compose(message)
            it.ask(msgspec.structs.replace(row, purpose="probe"))
            await it.until(lambda: it.door.taken)
            (taken,) = it.door.taken
            assert (taken.receiver, taken.subject) == (LI, "彩信测试")
            media = dict(taken.media)
            assert list(media) == ["application/smil", "text/plain"]
            assert media["text/plain"].decode().startswith("这是一条测试彩信")

    run(scenario())


def _nobody(number: str) -> Any:
    raise AssertionError("a test message asks nothing of who he is")
