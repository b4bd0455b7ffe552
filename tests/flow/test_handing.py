"""The hand-over list is told to the business system: each case, in order, until it is taken."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mmsd.flow.handing import Handing
from mmsd.link.webhook import Settings, Webhook
from mmsd.rules.casework import Found
from mmsd.web.care import handover_line
from tests.flow.test_care import LI, Office, office  # noqa: F401
from tests.link.peer import CUT, Peer, answer, peer

WANG = "8613900000002"


@pytest.fixture
def listed(office: Office) -> Office:  # noqa: F811
    """Two who want packet data."""
    for number in (LI, WANG):
        office.hear_of((number, Found("NO_PDP", 0.9)))
        office.write(number, "Y")
        office.now += 1_000_000
    assert [row.msisdn for row in office.store.handovers(10)] == [LI, WANG]
    return office


def hand(house: Office, folder: Path, *said: bytes, turns: int = 1, crash: bool = False) -> Peer:
    (secret := folder / "secret").write_text("sixteen octets or more\n")
    secret.chmod(0o600)

    def killed(name: str) -> None:
        if crash and name == "handed":
            raise KeyboardInterrupt

    async def go() -> Peer:
        async with peer(*said) as there:
            settings = Settings(f"http://127.0.0.1:{there.port}/", str(secret))
            async with Webhook(settings, wall=lambda: house.now) as hook:
                handing = Handing(
                    house.store, hook, handover_line, kinds=settings.kinds, retry=1.0, retry_limit=1.0, wall=lambda: house.now,
                    call=_now, fault_point=killed,
                )  # fmt: skip
                try:
                    for _ in range(turns):
                        await handing.turn()
                except KeyboardInterrupt:
                    pass
            return there

    return asyncio.run(go())


async def _now(work: Any, *given: Any) -> Any:
    return work(*given)


def names(there: Peer) -> list[str]:
    return [json.loads(asked.body)["id"] for asked in there.asked]


def test_each_case_is_told_once(listed: Office, tmp_path: Path) -> None:
    first = hand(listed, tmp_path, answer(200), turns=3)
    bodies = [json.loads(asked.body) for asked in first.asked]
    assert [(body["msisdn"], body["kind"], body["causes"]) for body in bodies] == [
        (LI, "activation", ["NO_PDP"]),
        (WANG, "activation", ["NO_PDP"]),
    ]
    assert all(row.told == listed.now for row in listed.store.handovers(10))
    told = [deed.subject for _, _, deed in listed.store.deeds(10) if deed.what == "handover_told"]
    assert len(told) == 2
    assert not any(number in subject for subject in told for number in (LI, WANG))
    assert hand(listed, tmp_path, answer(200)).asked == []


def test_nobody_is_passed_over_while_it_does_not_answer(listed: Office, tmp_path: Path) -> None:
    first = hand(listed, tmp_path, answer(503), CUT, answer(200), turns=3)
    assert names(first) == [names(first)[0]] * 3 + names(first)[3:]
    assert len(set(names(first))) == 2


def test_a_refusal_stands_in_the_list_and_is_not_repeated(listed: Office, tmp_path: Path) -> None:
    hand(listed, tmp_path, answer(422, b"no such contract"), answer(200), turns=2)
    assert [row.refused for row in listed.store.handovers(10)] == ["no such contract", ""]
    assert hand(listed, tmp_path, answer(200)).asked == []


def test_a_kill_after_the_answer_tells_it_again_under_the_same_name(listed: Office, tmp_path: Path) -> None:
    before = hand(listed, tmp_path, answer(200), crash=True)
    after = hand(listed, tmp_path, answer(200))
    assert names(before) == names(after)[:1]
    assert before.asked[0].headers["idempotency-key"] == after.asked[0].headers["idempotency-key"]


def test_who_was_taken_off_the_list_is_not_told(listed: Office, tmp_path: Path) -> None:
    listed.store.erase(LI)
    there = hand(listed, tmp_path, answer(200), turns=2)
    assert [json.loads(asked.body)["msisdn"] for asked in there.asked] == [WANG]
