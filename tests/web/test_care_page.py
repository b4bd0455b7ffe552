"""The page of care in a real browser: the funnel by what is chosen, the effect and what it is worth, the hand-over list in pages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestServer

from mmsd.model import Batch
from mmsd.rules.cases import State
from mmsd.web.figures import Terms
from mmsd.web.pages import LANGUAGES, texts
from tests.web.browser import browser, shown
from tests.web.house import House
from tests.web.stored import put, stored
from tests.web.test_care import ROWS, case, closed, listed, number

pytestmark = pytest.mark.debian("chromium")

WORDS = ("others", "helped", "success", "no_retrieval", "retrieval_failed", "too_few", "proven", "chance", "looked", "all", "unknown")


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_whatever_the_page_says(language: str) -> None:
    assert {f"care.{word}" for word in WORDS} <= set(texts(language))


def test_funnel_effect_and_list(tmp_path: Path, debian: Any) -> None:
    chromium = debian("chromium")

    async def stay(house: House) -> None:
        async with TestServer(house.site.application()) as server, browser(chromium) as page:
            base = f"http://127.0.0.1:{server.port}"
            await page.sign_in(base, house.token)
            await page.open(f"{base}/care?lang=en")
            await page.until("document.getElementById('care')?.dataset.shown === '1'")
            first = "[...document.querySelectorAll('#funnel tr:first-child > *')].map((cell) => cell.textContent).slice(0, 3)"
            assert await page.value(first) == ["all", "122", "0"]
            effect = await page.value(shown("effect"))
            assert "93.3%140 / 150" in effect
            assert "+60.0%" in effect
            assert "too few to tell" in effect  # two people are no group
            assert "86139****0001" in await page.value(shown("handover"))
            assert await page.value("document.querySelectorAll('#handover tr').length") == 100
            await page.value("document.getElementById('more').click()")
            await page.until("document.querySelectorAll('#handover tr').length === 120")
            await page.value(
                "const s = document.querySelector('[name=by]'); s.value = 'cause'; s.dispatchEvent(new Event('change', {bubbles: true}))"
            )
            await page.until("document.getElementById('care').dataset.shown === '2'")
            assert "wrong access point (APN)BAD_APN" in await page.value(shown("funnel"))
            assert "by=cause" in await page.value("document.getElementById('csv').href")
            await page.fits(1280, 390)
            assert number(1) not in await page.value("document.documentElement.outerHTML")
            assert page.complaints == []

    with stored(tmp_path) as store:
        listed(store, 120)
        people = [case(201, State.PUSHED, helped=1, sent=1), case(202, State.HELD_BACK, held_back=True)]
        rows = [closed(201, "D1", 140), closed(201, "T6", 10), closed(202, "D1", 40), closed(202, "N1", 80)]
        put(store, Batch(1, care=people, closed=np.concatenate(rows)))
        asyncio.run(stay(House(tmp_path / "house", reader=store, terms=Terms(rows=ROWS))))
