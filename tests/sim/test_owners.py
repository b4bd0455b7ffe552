"""Owners of handsets: what they answer, what their handsets take, and from when on they behave; over the air by a real link at the end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from mmsd.codec.provision import document, pushed
from mmsd.codec.provision.seal import Security, key_of, seal
from mmsd.link import smpp
from mmsd.link.carry import Accepted, Incoming, Message, Refused, Text, Up
from sim.agenda import Agenda, Streams
from sim.air import Air
from sim.centre import Account, Receipts, Settings
from sim.ota import MmsSettings
from sim.owners import OTA_PORT, PUSH_PORT, Form, Owners
from sim.people import Behaviour, People, Subscriber
from sim.province import Province
from sim.scenario import SCENARIOS, Habits, load

RIGHT = MmsSettings("cmwap", "10.0.0.172", 80, "http://mms.suyun.example/")
SURE = Habits(yes=1, no=0, other=0, stop=0, install=1, type_pin=1, by_hand=1, legacy=0, none=0)
QUESTION = "您的手机彩信设置有误。回复Y，我们将免费把正确的设置发给您。"


class Wire:
    """What subscribers wrote."""

    def __init__(self) -> None:
        self.said: list[tuple[bytes, str, str]] = []

    def send(self, sender: Subscriber, to: str, text: str) -> None:
        self.said.append((sender.digits, to, text))


class Village:
    def __init__(self, habits: Habits) -> None:
        scenario = load(SCENARIOS / "demo.toml")
        self.agenda, self.wire = Agenda(0), Wire()
        self.mended: list[Subscriber] = []
        self.people = People(scenario.population, Streams(3))
        self.owners = Owners(habits, RIGHT, self.agenda, Streams(3), self.wire, self.mended.append)
        self.wrong = next(s for s in self.people.subscribers if s.behaviour is Behaviour.WRONG_APN)

    def later(self) -> None:
        self.agenda.run(self.agenda.now + 10_000_000)

    def push(self, key: Security, secret: str, *, apn: str = "cmwap") -> None:
        account = document.Account(name="MMS", apn=apn, proxy="10.0.0.172", port=80, mmsc="http://mms.suyun.example/")
        octets = document.encode(document.account_document(account))
        name = "imsi" if key is Security.NETWPIN else "pin"
        pieces = pushed.push_document(octets, seal(octets, key, key_of(key, **{name: secret})))
        self.owners.push(self.wrong, PUSH_PORT, b"".join(data for _, data in pieces))


@pytest.mark.parametrize("habits", [SURE])
def test_a_question_is_answered_and_settings_are_installed(habits: Habits) -> None:
    village = Village(habits)
    village.owners.text(village.wrong, "10657", QUESTION)
    assert village.wire.said == []
    village.later()
    assert [said[:2] for said in village.wire.said] == [(village.wrong.digits, "10657")]
    village.push(Security.NETWPIN, village.wrong.imsi.decode())
    village.later()
    assert village.mended == [village.wrong]
    assert village.owners.totals() == {
        "asked": 1, "yes": 1, "no": 0, "other": 0, "stop": 0, "request": 0, "pushed": 1, "unasked": 0, "installed": 1, "mended": 1,
        "refused": {},
    }  # fmt: skip


def test_what_the_handset_does_not_take() -> None:
    village = Village(SURE)
    village.push(Security.NETWPIN, "460009999999999")
    village.push(Security.USERPIN, "1234")
    village.owners.text(village.wrong, "10657", "PIN: 1234")
    village.push(Security.USERPIN, "1234", apn="cmnet")
    village.later()
    assert village.mended == []
    assert village.owners.totals()["refused"] == {"the seal is wrong": 1, "the PIN is wrong": 1, "wrong settings were installed": 1}
    assert village.owners.totals()["unasked"] == 3
    village.owners.push(village.wrong, OTA_PORT, b"")
    assert any("no use" in reason or "not a push" in reason for reason in village.owners.stories[village.wrong.digits].refused)
    village.push(Security.USERPIN, "1234")
    village.later()
    assert village.mended == [village.wrong]


def test_settings_typed_in_by_hand() -> None:
    village = Village(msgspec.structs.replace(SURE, none=1.0))
    assert village.owners.form(village.wrong) is Form.NONE
    village.owners.text(village.wrong, "10657", "彩信设置：接入点 cmwap，代理 10.0.0.172:80，彩信中心 http://mms.suyun.example/")
    village.later()
    assert village.mended == [village.wrong]


@pytest.mark.parametrize(
    ("habits", "word"),
    [(Habits(yes=0, no=1), "no"), (Habits(yes=0, no=0, other=1), "other"), (Habits(yes=0, no=0, other=0, stop=1), "stop")],
)
def test_other_answers(habits: Habits, word: str) -> None:
    village = Village(habits)
    village.owners.text(village.wrong, "10657", QUESTION)
    village.later()
    assert village.owners.stories[village.wrong.digits].said == [word]


def test_a_code_is_copied() -> None:
    village = Village(SURE)
    village.owners.text(village.wrong, "10657", "Reply Y27 to get the settings")
    village.later()
    assert village.wire.said[0][2] == "Y27"


@pytest.fixture
def province(tmp_path: Path) -> Province:
    return Province(load(SCENARIOS / "demo.toml"), tmp_path / "province", 1_800_000_000_000_000, messages=5)


def test_mended_he_behaves_and_the_truth_has_two_stays(province: Province) -> None:
    owners = Owners(SURE, province.right, province.agenda, Streams(1), Wire(), province.mend)
    province.owners = owners
    wrong = next(s for s in province.people.subscribers if s.behaviour is Behaviour.WRONG_MMSC)
    imei, imsi = wrong.imei, wrong.imsi
    owners.text(wrong, "10657", f"接入点 cmwap 代理 10.0.0.172 中心 {province.right.mmsc}")
    province.agenda.run(province.agenda.now + 60_000_000)
    assert wrong.behaviour is Behaviour.HEALTHY
    assert (wrong.imei, wrong.imsi) == (imei, imsi)
    province.finish()
    folder = next(iter(province.feeds.values())).path.parents[1]
    stays = [msgspec.json.decode(line) for line in (folder / "subscribers.jsonl").read_bytes().splitlines()]
    assert [(row["behaviour"], row["fault"]) for row in stays if row["number"] == wrong.digits.decode()] == [
        ("wrong_mmsc", "BAD_MMSC_URL"), ("healthy", ""),
    ]  # fmt: skip
    assert [msgspec.json.decode(line)["number"] for line in (folder / "owners.jsonl").read_bytes().splitlines()] == [wrong.digits.decode()]


def test_over_the_air(province: Province, tmp_path: Path) -> None:
    """A text submitted over SMPP reaches its owner, and what he answers comes to the account's number."""
    settings = Settings(accounts=(Account(name="mmsd", password="secret", numbers=("10657",)),), receipts=Receipts(after=0.0))
    (password := tmp_path / "password").write_text("secret\n")
    password.chmod(0o600)
    told = tmp_path / "centre.json"
    with Air(settings, wall=lambda: time.time_ns() // 1000, ledger=tmp_path / "taken.jsonl", told=told) as air:
        move = air.inhabit(province, SURE)
        assert msgspec.json.decode(told.read_bytes()) == {"port": air.port}
        owners, centre = province.owners, air.centre
        assert owners is not None
        assert centre is not None
        wrong = next(s for s in province.people.subscribers if s.behaviour is Behaviour.WRONG_APN)
        off = next(s for s in province.people.subscribers if s.behaviour is Behaviour.OFF_EXPIRED)

        async def converse() -> None:
            link = smpp.link(
                smpp.Settings(host="127.0.0.1", port=air.port, system_id="mmsd", password_file=str(password), source="10657"),
                random=lambda: 0.5, wall=lambda: time.time_ns() // 1000,
            )  # fmt: skip
            async with link:
                events = aiter(link.events())
                while not isinstance(await anext(events), Up):
                    pass
                for key, subscriber in (("a", wrong), ("b", off)):
                    answer = await link.send(Message(key, subscriber.digits.decode(), Text(QUESTION)))
                    assert isinstance(answer, Accepted)
                assert isinstance(await link.send(Message("c", "8613100000000", Text(QUESTION))), Refused)
                while wrong.digits not in owners.stories:
                    move()
                    await asyncio.sleep(0.01)
                assert off.digits not in owners.stories
                province.agenda.run(province.agenda.now + 10_000_000)
                while not isinstance(event := await anext(events), Incoming):
                    pass
                await event.settle()
                assert event.sender.removeprefix("+") == wrong.digits.decode()
                await link.leave()

        asyncio.run(converse())
    assert len((tmp_path / "taken.jsonl").read_bytes().splitlines()) == 2
