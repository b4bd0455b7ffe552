"""The pages of campaigns and the public counter in a real browser: totals that move, days and what was said of them, lists in pages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from mmsd.model import HOUR, Batch, Closing, Event, Forward, Holder
from mmsd.rules.closing import STAGES
from mmsd.rules.copies import AMBIGUOUS, JOINED, STRAY, WORDS
from mmsd.rules.forwards import APART, HELD, STOPS
from mmsd.rules.life import STATES
from mmsd.store.sqlite import SqliteStore
from mmsd.web.pages import LANGUAGES, texts
from mmsd.web.site import Settings
from tests.store.values import LI, WANG, forward
from tests.web.browser import browser, shown
from tests.web.house import NOON, House, campaign
from tests.web.stored import put, stored

pytestmark = pytest.mark.debian("chromium")

CITIES = ("南京", "苏州", "无锡", "徐州", "")
MODELS = ("Nokia 6681", "Motorola E680", "SE K750", "")
DAYS = 4


def filled(store: SqliteStore) -> None:
    """Four days of a relay: the first two final, one of them restated, the third provisional; something came too late."""
    for day in range(DAYS):
        date, noon = f"2026-11-{19 + day}", NOON - (DAYS - 1 - day) * 24 * HOUR
        rows: list[Forward] = []
        for n in range(1, 25 + 20 * day):
            parent: Forward | None = rows[(n - 2) // 2] if n > 1 and n % 5 else None
            rows.append(
                forward(
                    1000 * day + n, sender=parent.receiver if parent else f"861391{day:02}{n:05}", receiver=f"861392{day:02}{n:05}",
                    day=date, city=CITIES[n * n % 7 % 5], model=MODELS[n % 4], retrieved=noon + n * 60_000_000,
                    received=noon - (n % 9) ** 5 * 1_000_000, submitted=noon, parent=parent.key if parent else None,
                    generation=parent.generation + 1 if parent else 1, method=("exact", "mark", "tag")[n % 3],
                    counted=n % 11 != 0, reason="" if n % 11 else "off_net",
                )
            )  # fmt: skip
        closings = [Closing("relay", date, stage, NOON) for stage in STAGES[: (2, 2, 1, 0)[day]]]
        put(store, Batch(NOON, forwards=rows, closings=closings[:1]))
        put(store, Batch(NOON, forwards=[forward(9000 + day, day=date)], closings=closings[1:]))
    drawn = NOON - 8 * 24 * HOUR
    asked = [(f"8613960{n:06}", "vip" if n % 2 else "", "sent" if n < 40 else "control") for n in range(60)]
    holders = [
        Holder("relay", "one", who, "group", arm, drawn, 1, label, key=b"k" * (arm == "sent"), drawn=drawn) for who, label, arm in asked
    ]
    took = [forward(8000 + n, sender=who, submitted=drawn, day="2026-11-22") for n, (who, _, arm) in enumerate(asked) if arm == "sent"]
    put(store, Batch(NOON, holders=holders, forwards=took))
    put(store, Batch(NOON, forwards=[forward(9100, day="2026-11-19")], events=[Event(NOON, "totals", "", {"horizon": NOON})]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_whatever_the_page_says(language: str) -> None:
    said = {f"campaigns.stage_{stage}" for stage in ("open", *STAGES)}
    said |= {f"campaigns.why_{reason}" for reason in (*APART, *STOPS)}
    said |= {f"campaigns.life_{state}" for state in STATES}
    said |= {f"campaigns.what_{what}" for what in (HELD, "released", "stopped", JOINED, AMBIGUOUS, STRAY, *WORDS.values())}
    assert said <= set(texts(language))


def test_list_page_and_counter(tmp_path: Path, debian: Any) -> None:
    chromium = debian("chromium")

    async def stay(house: House, store: SqliteStore) -> None:
        async with TestServer(house.site.application()) as server, browser(chromium) as page:
            base = f"http://127.0.0.1:{server.port}"
            await page.open(f"{base}/counter/relay?lang=en")
            await page.until("Number(document.getElementById('counter')?.dataset.shown) >= 1")
            forwards = store.counts("relay").forwards
            assert await page.value(shown("forwards")) == f"{forwards}"
            await page.open(f"{base}/campaigns/relay?lang=en")
            await page.until("location.pathname === '/login' && document.getElementById('secret')")
            await page.value(f"document.getElementById('secret').value = '{house.token}'; document.querySelector('#door button').click()")
            await page.until("location.pathname === '/'")
            await page.open(f"{base}/campaigns?lang=en")
            await page.until("document.getElementById('all')?.dataset.shown === '1'")
            assert f"{forwards}" in await page.value(shown("campaigns"))
            await page.value("document.querySelector('#campaigns a').click()")
            await page.until("document.getElementById('campaign')?.dataset.shown === '1'")
            assert await page.value(shown("forwards")) == f"{forwards}"
            assert await page.value("document.querySelectorAll('#days tr').length") == DAYS
            days = await page.value("[...document.querySelectorAll('#days tr')].map((row) => row.lastElementChild.textContent)")
            assert days == ["open", "provisional", "final", "final"]
            assert "+1" in await page.value("document.querySelector('#days tr:last-child').textContent"), "restated until it was final"
            assert await page.value("document.querySelectorAll('#late tr').length") == 1
            assert "南京" in await page.value(shown("cities"))
            assert "86139****" in await page.value(shown("trees"))
            assert await page.value("document.querySelector('#chart canvas') !== null")
            await page.value("document.getElementById('groups-next').click()")
            await page.until("document.querySelectorAll('#groups tr').length === 3")
            groups = await page.value(shown("groups"))
            assert "everybody100.0%40 / 40" in groups
            assert "vip" in groups
            assert "vip20" in await page.value(shown("labels"))
            assert await page.value("document.querySelectorAll('#hours tr').length") >= 1
            put(store, Batch(NOON, forwards=[forward(9200, day="2026-11-22", sender=WANG, receiver=LI)]))
            await house.site.stream.tick()
            await page.until(f"document.getElementById('forwards').textContent === '{forwards + 1}'")
            put(store, Batch(NOON, events=[Event(NOON, "close", "relay", {"day": "2026-11-22", "stage": "provisional"})]))
            await house.site.stream.tick()
            await page.until("document.getElementById('campaign').dataset.shown === '2'")
            for path in ("/campaigns/relay?lang=zh", "/campaigns?lang=zh", "/counter/relay?lang=zh"):
                await page.open(f"{base}{path}")
                await page.until("document.querySelector('main')?.dataset.shown >= 1")
                await page.fits(1280, 390)
                assert LI not in await page.value("document.documentElement.outerHTML")
            assert page.complaints == []

    with stored(tmp_path) as store:
        filled(store)
        relay = campaign("relay", name="火炬传递", public=True, target=400)
        house = House(tmp_path / "house", reader=store, campaigns=[relay], settings=Settings(burst=1000))  # its clock stands
        asyncio.run(stay(house, store))
