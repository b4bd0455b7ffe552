"""The page of reviews in a real browser: what is held is looked at, released and stopped again, numbers shown to who may see them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestServer

from mmsd.model import Batch, CopyCount, Evidence, HeldCopy
from mmsd.store.sqlite import SqliteStore
from mmsd.web.access import digest
from mmsd.web.forwards import REASONS
from mmsd.web.pages import LANGUAGES, texts
from tests.web.browser import Page, body, browser
from tests.web.house import HOUR_OF_NOON, NOON, RECEIVER, SENDER, House, delivery
from tests.web.stored import forward, put, stored
from tests.web.test_seeds import PATIENT

pytestmark = pytest.mark.debian("chromium")
SECOND = 1_000_000


def held_ones(store: SqliteStore, many: int) -> None:
    """Forwards of one pair, a second apart, all held; the first with the lines of its message and of the one it repeats."""
    rows = [
        msgspec.structs.replace(
            forward(n), submitted=NOON + n * SECOND, retrieved=NOON + n * SECOND + 9 * SECOND, counted=False, review="held",
            reason="ring" if n % 2 else "pair_cap", parents=n, model="Nokia N95", off_net="receiver" if n == 2 else "",
        )
        for n in range(1, many + 1)
    ]  # fmt: skip
    sent = []
    for n in (1, 2):
        at = NOON + n * SECOND
        lines = (Evidence("mmsc1", "access.log", 120 * n, "SUBMIT", at), Evidence("mmsc1", "access.log", 960 * n, "FETCH", at + 9 * SECOND))
        took = {"outcome": "delivered", "cause": "OK", "rule": "D1"}
        sent.append(delivery(message=f"m{n}", sender=SENDER, receiver=RECEIVER, submitted=at, size=31_416, evidence=lines, **took))
    doubted: list[tuple[bytes, HeldCopy | None]] = [(b"1" * 16, HeldCopy(NOON, "no_log", "relay", "torch", SENDER, RECEIVER))]
    put(store, Batch(
        at=NOON, forwards=rows, deliveries=[(bytes([n]) * 16, row) for n, row in enumerate(sent)], held_copies=doubted,
        copied=[CopyCount(HOUR_OF_NOON, "mirror", "probable", "relay", 3)],
    ))  # fmt: skip


@pytest.fixture
def visit(tmp_path: Path, debian: Any) -> Callable[..., None]:
    """`visit(story, many)`: run `story(page, base)` over a store with so many forwards held, signed in with all scopes of the page."""
    chromium = debian("chromium")

    async def stay(house: House, story: Any) -> None:
        async with TestServer(house.site.application()) as server, browser(chromium) as page:
            base = f"http://127.0.0.1:{server.port}"
            await page.sign_in(base, "campaigner")
            await story(page, base)
            assert page.complaints == []

    def run(story: Any, many: int) -> None:
        with stored(tmp_path) as store:
            if many:
                held_ones(store, many)
            house = House(tmp_path / "house", reader=store, settings=PATIENT)
            house.grant(f"campaign,read,reveal {digest('campaigner')}")
            asyncio.run(stay(house, story))

    return run


async def sign(page: Page, turn: int) -> None:
    form = "document.getElementById('order').elements"
    await page.value(f"{form}.who.value = 'li'; {form}.why.value = 'seen'; document.getElementById('do').click()")
    await page.until(f"!document.getElementById('act').open && Number(document.getElementById('review').dataset.shown) >= {turn}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_every_rule(language: str) -> None:
    assert {f"campaigns.why_{reason}" for reason in REASONS} <= set(texts(language))


def test_what_is_held_is_looked_at_released_and_stopped(visit: Callable[..., None]) -> None:
    async def story(page: Page, base: str) -> None:
        await page.open(f"{base}/review?lang=en#relay")
        await page.until("document.getElementById('review')?.dataset.shown === '1'")
        assert await page.value("document.getElementById('choice').elements.campaign.value") == "relay"
        assert await page.value("document.querySelectorAll('#forwards tr').length") == 50
        await page.value("document.getElementById('more').click()")
        await page.until("document.querySelectorAll('#forwards tr').length === 60")
        assert "86139****5432" in await page.value(body("forwards"))
        assert "no line fits" in await page.value(body("held"))
        assert "probable" in await page.value(body("copied"))

        await page.press("#forwards", "Lines")
        await page.until("document.getElementById('s-one').dataset.shown === '1'")
        assert await page.value("document.querySelectorAll('#submits tr').length") == 2
        assert "access.log:960" in await page.value("document.getElementById('submits').textContent")

        await page.press("#forwards", "Release")
        assert "it earns one, and the SMS" in await page.value(body("shown"))
        await sign(page, 2)
        await page.until(f"{body('done')}.startsWith('Forward 1 counts now')")
        await page.value(
            "{ const at = document.getElementById('choice'); at.elements.review.value = 'released'; at.dispatchEvent(new Event('change')) }"
        )
        await page.until("document.getElementById('review').dataset.shown === '3'")
        assert await page.value("document.querySelectorAll('#forwards tr').length") == 1
        assert "has its serial" in await page.value(body("forwards"))
        await page.press("#forwards", "Show numbers")
        await sign(page, 3)
        assert await page.value(body("done")) == f"Forward 1: from {SENDER} to {RECEIVER}"
        await page.press("#forwards", "Stop")
        await sign(page, 4)
        assert await page.value(body("forwards")) == "There are none."
        await page.fits(1280, 390)

    visit(story, 60)


def test_an_empty_page_says_that_nobody_waits(visit: Callable[..., None]) -> None:
    async def story(page: Page, base: str) -> None:
        await page.open(f"{base}/review?lang=en")
        await page.until("document.getElementById('review')?.dataset.shown === '1'")
        assert await page.value(body("forwards")) == "No forward waits for anybody."
        assert await page.value(body("held")) == "No copy waits."

    visit(story, 0)
