"""The page of seeds in a real browser: files become a draft, a draft a seed; a campaign is run by who typed its id."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from mmsd.rules import life
from mmsd.web.pages import LANGUAGES, texts
from tests.web.browser import browser
from tests.web.house import House
from tests.web.stored import stored
from tests.web.test_seeds import CARD, PATIENT

pytestmark = pytest.mark.debian("chromium")

CHOOSE = """
{{ const octets = Uint8Array.from(atob("{}"), (each) => each.charCodeAt(0));
const files = new DataTransfer();
files.items.add(new File([octets], "card.png", {{type: "image/png"}}));
const form = document.getElementById("make");
form.elements.file.files = files.files;
form.elements.name.value = "leg-0001";
form.elements.text.value = "第 1 棒";
form.querySelector("button").click() }}
"""
SIGN = """
{{ const order = document.getElementById("order");
order.elements.who.value = "Zhou"; order.elements.why.value = "planned"; order.elements.typed.value = "{}";
document.getElementById("do").click() }}
"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_every_state_and_step(language: str) -> None:
    words = {f"life.{state}" for state in life.STATES} | {f"step.{name}" for name in life.STEPS} | {"seedstate.live", "seedstate.retired"}
    assert words <= set(texts(language))


def test_a_seed_is_made_and_its_campaign_run(tmp_path: Path, debian: Any) -> None:
    chromium = debian("chromium")

    async def step(page: Any, number: int, typed: str = "") -> None:
        await page.value(f"document.querySelectorAll('#lives button')[{number}].click()")
        await page.until("document.getElementById('act').open")
        await page.value(SIGN.format(typed))

    async def stay(house: House) -> None:
        making = asyncio.create_task(house.drafts.run())
        async with TestServer(house.site.application()) as server, browser(chromium) as page:
            base = f"http://127.0.0.1:{server.port}"
            await page.sign_in(base, house.token)
            await page.open(f"{base}/seeds?lang=en")
            await page.until("document.getElementById('seeds-page')?.dataset.shown === '1'")
            assert await page.value("document.querySelector('#lives td').textContent") == "running"
            await page.value(CHOOSE.format(base64.b64encode(CARD).decode()))
            await page.until("document.getElementById('s-draft').dataset.shown === 'relay/leg-0001'")
            told = await page.value("document.getElementById('draft').innerText")
            assert "15 / 15" in told
            assert "good" in told
            await page.until("[...document.querySelectorAll('#draft img')].every((each) => each.complete && each.naturalWidth === 240)")
            await page.value("document.getElementById('register').click()")
            await page.until("document.getElementById('act').open")
            await page.value(SIGN.format(""))
            await page.until("document.querySelector('#made th')?.textContent.startsWith('relay/leg-0001')")
            assert await page.value("document.querySelector('#lives td').textContent") == "draft"
            await step(page, 0)
            await page.until("document.querySelector('#lives td').textContent === 'checked'")
            await step(page, 2, "something else")
            await page.until("!document.getElementById('refused').hidden")
            assert "first sms" in (await page.value("document.getElementById('shown').innerText")).lower()
            await page.value("document.getElementById('leave').click()")
            await step(page, 2, "relay")
            await page.until("document.querySelector('#lives td').textContent === 'running'")
            assert page.complaints == []
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)

    with stored(tmp_path) as store:
        asyncio.run(stay(House(tmp_path / "house", reader=store, settings=PATIENT)))
        assert [step.state for step in store.lives()["relay"]] == ["draft", "checked", "running"]
