"""The page of draws in a real browser: what will happen is shown before it is ordered, the winners once they are drawn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from mmsd.flow.drawing import Drawing
from mmsd.model import Batch, Serial
from mmsd.rules.serials import spell
from mmsd.web.access import digest
from tests.web.browser import browser, shown
from tests.web.house import NOON, House
from tests.web.stored import forward, put, stored
from tests.web.test_draws import known

pytestmark = pytest.mark.debian("chromium")


def test_a_draw_from_the_page(tmp_path: Path, debian):
    chromium = debian("chromium")

    async def stay(house: House, drawing: Drawing) -> None:
        async with TestServer(house.site.application()) as server, browser(chromium) as page:
            base = f"http://127.0.0.1:{server.port}"
            await page.sign_in(base, "campaigner")
            await page.open(f"{base}/draws?lang=en")
            await page.until("document.getElementById('draws')?.dataset.shown === '1'")
            assert "not committed to" in await page.value(shown("list"))
            for step, state in (("Commit", "committed"), ("Close", "closed"), ("Draw", "drawn")):
                await page.value("document.querySelector('#list button').click()")
                form = "document.getElementById('order').elements"
                assert await page.value("document.getElementById('unfinished').hidden") == (step != "Close")
                if step == "Close":
                    assert "2026-11-01 to 2026-11-30 are not final" in await page.value(shown("open"))
                    await page.value(f"{form}.early.checked = true")
                await page.value(f"{form}.who.value = 'li'; {form}.why.value = 'as announced'; document.getElementById('do').click()")
                await page.until("!document.getElementById('means').hidden")
                assert "火炬" in await page.value(shown("said")) or step == "Close"
                assert await page.value(shown("do")) == f"Yes: {step}"
                await page.value("document.getElementById('do').click()")
                await page.until("!document.getElementById('act').open")
                await drawing.turn()
                await page.open(f"{base}/draws?lang=en")
                await page.until("Number(document.getElementById('draws')?.dataset.shown) >= 1")
                assert state in await page.value(shown("list"))
            assert "86139****5432" in await page.value(shown("winners"))
            await page.value("document.querySelector('#winners button').click()")
            assert await page.value("!document.getElementById('cause').hidden && document.getElementById('mixed').hidden")
            await page.value(f"{form}.who.value = 'li'; {form}.why.value = 'rang twice'; document.getElementById('do').click()")
            await page.until("!document.getElementById('means').hidden")
            assert "no reserve is left" in await page.value(shown("said"))
            await page.value("document.getElementById('do').click()")
            await page.until("!document.getElementById('act').open")
            await page.until(f"{shown('winners')}.includes('did not answer')")
            assert "/api/v1/draws/relay/grand/paper" in await page.value("document.querySelector('#list a').href")
            await page.fits(1280, 390)
            assert [said for said in page.complaints if "409" not in said] == []  # the first answer to each step

    with stored(tmp_path) as store:
        put(store, Batch(at=NOON, forwards=[forward(1)], serials=[Serial(spell(1 << 40), forward(1).key)]))
        draws = known(tmp_path)
        house = House(tmp_path / "house", reader=store, draws=draws)
        house.grant(f"campaign,read {digest('campaigner')}")
        asyncio.run(stay(house, Drawing(store, draws, wall=lambda: NOON)))
