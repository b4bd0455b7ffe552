"""The desk in a real browser, over a real store and care's real loop: look, consent by keyboard, a full number, erasing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from mmsd.model import Batch, Finding, Heard
from mmsd.rules.care import ASKED_LATER, NOT_ASKED
from mmsd.rules.cases import Event, Kind, State
from mmsd.rules.casework import Found
from mmsd.rules.consent import Channel
from mmsd.rules.desk import ACTS
from mmsd.rules.outbox import STATES
from mmsd.web.pages import LANGUAGES, texts
from tests.web.browser import browser, shown
from tests.web.house import NOON, RECEIVER, SENDER, delivery
from tests.web.stored import put, stored
from tests.web.test_desk import Office

pytestmark = pytest.mark.debian("chromium")


@pytest.fixture
def visit(tmp_path: Path, debian: Any) -> Iterator[Any]:
    """`visit(story)`: run `story(page, office)` on the page, signed in, with care at work."""
    chromium = debian("chromium")
    with stored(tmp_path) as store:
        office = Office(tmp_path / "house", store)
        office.hear_of(Found("BAD_APN", 0.9))
        put(store, Batch(
            NOON, deliveries=[(b"1" * 16, delivery(cause="BAD_APN", rule="U2"))],
            heard=[Heard("smsc1", RECEIVER, "10657", "", "<b>what</b> is this", NOON + 5)],
            findings=[(b"f" * 16, Finding("subscriber", RECEIVER, "BAD_APN", 0.9, NOON))],
        ))  # fmt: skip

        def run(story: Any, language: str = "en") -> None:
            async def working() -> None:
                while True:
                    await office.work()
                    await asyncio.sleep(0.05)

            async def stay() -> None:
                async with TestServer(office.house.site.application()) as server, browser(chromium) as page:
                    care = asyncio.create_task(working())
                    base = f"http://127.0.0.1:{server.port}"
                    await page.sign_in(base, office.house.token, language)
                    await page.open(f"{base}/desk?lang={language}")
                    await page.until("document.querySelector('#ask fieldset:enabled') !== null")
                    await look(page, 1)
                    await story(page, office)
                    care.cancel()

            asyncio.run(stay())

        yield run


async def look(page: Any, turn: int) -> None:
    await page.value(f"document.querySelector('[name=number]').value = '{RECEIVER}', document.querySelector('#ask button').click()")
    await page.until(f"document.getElementById('desk').dataset.shown === '{turn}'")


async def key(page: Any, name: str, text: str = "") -> None:
    """A key as a person presses it."""
    for kind in ("keyDown", "keyUp"):
        codes = {"Enter": 13, "Tab": 9, "Escape": 27}
        await page.call(
            "Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=codes[name], **({"text": text} if text else {})
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_whatever_a_case_may_be(language: str) -> None:
    words = texts(language)
    for section, values in (
        ("casestate", State), ("caseevent", Event), ("channel", Channel), ("sending", STATES), ("casereason", (*NOT_ASKED, *ASKED_LATER)),
        ("desk", (*ACTS, *(f"{act}_means" for act in ACTS), *Kind)),
    ):  # fmt: skip
        assert {f"{section}.{value}" for value in values} <= set(words)


def test_a_consent_is_recorded_by_keyboard_alone(visit: Any) -> None:
    async def story(page: Any, office: Office) -> None:
        assert await page.value(shown("whose")) == "86138****1234"
        assert "asked" in await page.value(shown("cases"))
        assert "time for an answer over" in await page.value(shown("cases"))  # what comes next
        assert RECEIVER not in await page.value("document.body.textContent + location.href")
        assert "what" not in await page.value(shown("messages"))
        await page.value("document.querySelector('#acts [data-act=consent]').focus()")
        await key(page, "Enter", "\r")
        await page.until("document.getElementById('act').open")
        assert await page.value("document.activeElement.name") == "wording"
        for field, text in (("wording", "settings by SMS, to be saved"), ("kind", ""), ("who", "li"), ("why", "he rang")):
            assert await page.value("document.activeElement.name") == field
            if text:
                await page.call("Input.insertText", text=text)
            if field != "why":
                await key(page, "Tab")
        await key(page, "Enter", "\r")
        await page.until("document.getElementById('desk').dataset.shown === '2'")
        assert await page.value("document.getElementById('act').open") is False
        assert "settings sent" in await page.value(shown("cases"))
        assert "holds" in await page.value(shown("consents"))
        assert office.deeds()[0][:2] == ("li", "consent")

        # He takes it back: the button stands beside the case.
        await page.value(
            "[...document.querySelectorAll('#cases button')].find((each) => each.textContent === 'Consent taken back').click()"
        )
        assert await page.value("document.querySelector('#order [name=who]').value") == "li"
        await page.value(f"document.querySelector('#order [name=why]').value = 'call {SENDER}', document.getElementById('do').click()")
        await page.until("!document.getElementById('refused').hidden")
        assert "without a phone number" in await page.value(shown("refused"))
        await page.value("document.querySelector('#order [name=why]').value = 'he rang again', document.getElementById('do').click()")
        await page.until("document.getElementById('desk').dataset.shown === '3'")
        assert "ended" in await page.value(shown("cases"))
        assert page.complaints == [each for each in page.complaints if "400" in each]

    visit(story)


def test_a_full_number_and_texts_are_shown_to_whom_the_audit_names(visit: Any) -> None:
    async def story(page: Any, office: Office) -> None:
        await page.value("document.querySelector('#acts [data-act=reveal]').click()")
        await page.value(
            "document.querySelector('#order [name=who]').value = 'li', document.querySelector('#order [name=why]').value = 'he rang',"
            " document.getElementById('do').click()"
        )
        await page.until("document.getElementById('desk').dataset.shown === '2'")
        assert await page.value(shown("whose")) == RECEIVER
        assert "<b>what</b> is this" in await page.value(shown("messages"))
        assert SENDER in await page.value(shown("deliveries"))
        assert [deed[:2] for deed in office.deeds()] == [("li", "reveal")]
        await look(page, 3)
        assert await page.value(shown("whose")) == "86138****1234"
        assert page.complaints == []

    visit(story)


def test_he_is_erased(visit: Any) -> None:
    async def story(page: Any, office: Office) -> None:
        assert await page.value("document.documentElement.lang") == "zh"
        assert "已询问" in await page.value(shown("cases"))
        await page.fits(1280, 390)
        await page.value("document.querySelector('#acts [data-act=erase]').click()")
        await page.value(
            "document.querySelector('#order [name=who]').value = '李', document.querySelector('#order [name=why]').value = '本人要求',"
            " document.getElementById('do').click()"
        )
        await page.until("document.getElementById('desk').dataset.shown === '2'")
        await page.until(f"(document.querySelector('#ask button').click(), {shown('covered')}.includes('曾有用户被删除'))")
        assert await page.value("document.getElementById('s-cases').hidden")
        assert page.complaints == []

    visit(story, "zh")
