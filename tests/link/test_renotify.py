"""The MMSC asked to announce again: what goes out, what its answers mean, and a row of the outbox that goes by it alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mmsd import app
from mmsd.errors import ConfigError, EncodeError, LinkDown
from mmsd.flow.dispatch import Dispatcher, Route
from mmsd.link.carry import Accepted, Answer, Message, Refused, Text
from mmsd.link.renotify import Link, Settings
from mmsd.model import Batch
from mmsd.rules import outbox
from mmsd.rules.governor import CLASSES, Governor
from mmsd.rules.outbox import Form
from mmsd.store import Needs
from tests.flow.leaving import LI, NOON, OPEN, Desk, inline, row, run
from tests.link.hearing import private
from tests.link.peer import CUT, Peer, answer, peer
from tests.web.stored import stored

ASK = Message("0a1b", LI, Text(""))


def settings(port: int, **more: object) -> Settings:
    return Settings(**{"url": f"http://127.0.0.1:{port}/again", **more})  # type: ignore[arg-type]  # of every type


def asked(said: bytes, **more: object) -> tuple[Answer, Peer]:
    async def go() -> tuple[Answer, Peer]:
        async with peer(said) as there, Link(settings(there.port, **more), random=lambda: 0.5) as link:
            assert link.parts(ASK) == 1
            return await link.send(ASK), there

    return asyncio.run(go())


def test_what_is_asked(tmp_path: Path) -> None:
    said, there = asked(answer(202), token_file=private(tmp_path / "token", "t0ken"))
    assert said == Accepted("0a1b", ())
    (request,) = there.asked
    assert request.line == "POST /again HTTP/1.1"
    assert json.loads(request.body) == {"msisdn": f"+{LI}"}
    assert (request.headers["content-type"], request.headers["authorization"]) == ("application/json", "Bearer t0ken")


def test_as_its_maker_wants_it() -> None:
    body = "<renotify><to>{number}</to></renotify>"
    _, there = asked(answer(200), body=body, content_type="text/xml", prefix="")
    (request,) = there.asked
    assert request.body.decode() == body.replace("{number}", LI)
    assert request.headers["content-type"] == "text/xml"
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("said", "permanent", "throttled"),
    [
        (answer(404), True, False), (answer(400), True, False), (answer(500), False, False), (answer(302), False, False),
        (answer(429), False, True), (answer(503), False, True), (CUT, False, False),
    ],
)  # fmt: skip
def test_answers(said: bytes, permanent: bool, throttled: bool) -> None:
    found, _ = asked(said)
    assert isinstance(found, Refused)
    assert (found.permanent, found.throttled) == (permanent, throttled)


def test_turned_away_it_is_down() -> None:
    with pytest.raises(LinkDown, match="look at url and token_file"):
        asked(answer(401))


def test_a_receiver_that_is_no_number_is_not_asked_for() -> None:
    with pytest.raises(EncodeError):
        Link(settings(1), random=lambda: 0.5).parts(Message("k", "bob@example.net", Text("")))


@pytest.mark.parametrize(
    ("more", "fault"),
    [({"body": "{}"}, "names nobody"), ({"url": "ftp://x/"}, "url"), ({"content_type": "a\r\nb"}, "content_type"),
     ({"retry_seconds": 9.0, "retry_limit_seconds": 1.0}, "retry_limit_seconds")],
)  # fmt: skip
def test_settings_at_fault(more: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        settings(1, **more)


def test_a_row_that_asks_goes_by_it_alone_by_a_live_consent_and_no_message_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with peer(answer(202)) as there:
            made = settings(there.port, classes=("provisioning",))
            with stored(tmp_path) as store:
                route = Route("mmsc", Link(made, random=lambda: 0.5), frozenset(made.classes), 0, made.window, app.forms(made))
                assert route.forms == {Form.NOTICE}
                dispatcher = Dispatcher(
                    store, [route], Governor(OPEN, ZoneInfo("UTC")), CLASSES, settings=outbox.Settings(poll_seconds=1.0),
                    wall=lambda: NOON, call=inline,
                )  # fmt: skip
                rows = [
                    row(purpose, kind="provisioning", purpose=purpose, body="")
                    for purpose in ("renotify", "renotify:1:1", "told")
                ]  # fmt: skip
                store.transact(Needs(), lambda _: Batch(NOON, outbox=rows))
                running = asyncio.create_task(dispatcher.run())
                desk = Desk(store, {}, dispatcher, lambda: NOON, running)
                try:
                    await desk.stand(**{"renotify": "sent", "renotify:1:1": "dropped", "told": "ready"})
                finally:
                    dispatcher.stop()
                    await running
                assert len(there.asked) == 1
                assert desk.rows()["renotify:1:1"].reason == "no_consent"

    run(scenario())
