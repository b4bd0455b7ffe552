"""Group sendings in a real browser: a bad file is told by line and column, a list taken in, a sending run by its token alone."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from mmsd.model import Batch, NewSeed, SeedEntry
from mmsd.rules import audience
from mmsd.store.sqlite import SqliteStore
from mmsd.web.access import digest
from mmsd.web.pages import LANGUAGES, texts
from tests.flow.mms import seed
from tests.web.browser import Page, body, browser
from tests.web.house import NOON, House
from tests.web.stored import put, stored
from tests.web.test_mailings import count
from tests.web.test_seeds import PATIENT

pytestmark = pytest.mark.debian("chromium")
LINES = "号码,分组\n13812341234,贵宾\n+86 138 1234 1235,贵宾\n13812341236\nnobody\n13812341236\n13812341237,a,b,c\n"


def office(folder: Path, store: SqliteStore) -> House:
    """A house whose campaign has a live seed."""
    put(store, Batch(at=NOON, seeds=[NewSeed(SeedEntry("relay", "one", "one", False, 1, 11, "", "li"), b"registered", ())]))
    house = House(folder / "house", reader=store, settings=PATIENT)
    house.messages["relay/one"] = seed()
    house.grant(f"campaign,read {digest('campaigner')}")
    house.grant(f"read {digest('reader')}")
    return house


async def enter(page: Page, base: str, secret: str, address: str) -> None:
    await page.sign_in(base, secret)
    await page.open(f"{base}{address}")
    await page.until("document.getElementById('mailings-page')?.dataset.shown >= 1")


async def choose(page: Page, octets: bytes, name: str = "spring") -> None:
    """A file is chosen and looked at."""
    await page.value(f"""{{
        const octets = Uint8Array.from(atob("{base64.b64encode(octets).decode()}"), (each) => each.charCodeAt(0));
        const files = new DataTransfer();
        files.items.add(new File([octets], "people.csv", {{ type: "text/csv" }}));
        const form = document.getElementById("upload");
        form.elements.file.files = files.files;
        form.elements.name.value = "{name}";
        form.elements.who.value = "li";
        form.dispatchEvent(new Event("input", {{ bubbles: true }}));
        form.querySelector("button").click();
    }}""")


async def sign(page: Page, token: str = "") -> None:
    await page.until("document.getElementById('act').open")
    form = "document.getElementById('order').elements"
    await page.value(
        f"{form}.who.value = 'li'; {form}.why.value = 'spring'; {form}.typed.value = '{token}'; document.getElementById('do').click()"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_everything_a_sending_tells(language: str) -> None:
    words = {f"mailings.state_{state}" for state in audience.State} | {f"mailings.left_{left}" for left in audience.Left}
    words |= {f"mailings.warn_{name}" for name in audience.WARNINGS} | {f"mailings.fault_{reason}" for reason in audience.COLUMNS}
    assert words <= set(texts(language))


def test_from_a_file_to_a_sending_that_runs(tmp_path: Path, debian: Any) -> None:
    chromium = debian("chromium")

    async def stay(house: House, store: SqliteStore) -> None:
        async with TestServer(house.site.application()) as server, browser(chromium) as page:
            base = f"http://127.0.0.1:{server.port}"
            await enter(page, base, "campaigner", "/mailings?lang=en#relay")
            assert await page.value(body("lists")) == "No list was taken in yet. Take one in below."

            for octets, said in ((b"PK\x03\x04", "Save it as CSV"), (b"\n\n", "The file is empty.")):
                await choose(page, octets)
                await page.until(f"{body('upload-trouble')}.includes('{said}')")
            await choose(page, LINES.encode("gb18030"))
            await page.until("!document.getElementById('s-looked').hidden")
            assert (await page.value(body("looked"))).startswith(
                "3 people can be taken in; 3 lines are not understood. Nothing is stored yet"
            )
            rows = "[...document.querySelectorAll('#line-faults tr')].map((row) => [...row.cells].map((each) => each.textContent))"
            assert await page.value(rows) == [
                ["5", "1 (number)", "nobody", "no phone number"],
                ["6", "1 (number)", "138****36", "number stands there before"],
                ["7", "4", "c", "more than three fields"],
            ]
            assert store.lists("relay", 9) == []
            assert await page.value("document.getElementById('upload').elements.name.value") == "spring"
            await page.value("document.getElementById('take').click()")
            await page.until(f"{body('took')} === 'spring: 3 people taken in, 3 lines not.'")
            await page.until(f"{body('lists')}.includes('贵宾: 2')")
            await choose(page, LINES.encode())
            await page.until(f"{body('upload-trouble')}.startsWith('There is a list of that name')")

            await page.value("document.querySelector('#prepare button').click()")
            await sign(page)
            await page.until("document.getElementById('s-one').dataset.state === 'counting'")
            await count(store, house)
            await page.until("document.getElementById('s-one').dataset.state === 'counted'")
            told = await page.value(body("facts"))
            for said in (
                "Who would get it",
                "贵宾: 2",
                "火炬 <1>",
                "第 1 棒",
                "The class marketing is in shadow",
                "First SMS to who sends it on",
            ):
                assert said in told
            (mailing,) = store.mailings("relay")
            token = audience.token(b"key", mailing)
            await page.press("#one-acts", "Run")
            await sign(page, "AAAAAAAA")
            await page.until(f"{body('refused')} === 'That is not the token.'")
            assert token in await page.value(body("shown"))
            await sign(page, token.lower())
            await page.until("document.getElementById('s-one').dataset.state === 'running'")
            assert "0 of 3 asked for" in await page.value(body("facts"))
            await page.value("document.getElementById('compare').click()")
            await page.until(f"{body('effect')}.includes('too few to tell')")
            await page.until("!document.getElementById('act').open")
            for words, state in (("Pause", "paused"), ("Go on", "running"), ("Stop for good", "stopped")):
                await page.press("#one-acts", words)
                await sign(page)
                await page.until(f"document.getElementById('s-one').dataset.state === '{state}'")
            assert await page.value("document.querySelectorAll('#one-acts button').length") == 0
            await page.fits(1280, 390)
            assert [said for said in page.complaints if "404" not in said] == []  # the seed was registered without its picture

            await enter(page, base, "reader", "/mailings?lang=zh")
            assert not await page.value("document.getElementById('only-read').hidden")
            assert await page.value(
                "document.querySelector('#upload fieldset').disabled && document.querySelector('#prepare fieldset').disabled"
            )

    with stored(tmp_path) as store:
        asyncio.run(stay(office(tmp_path, store), store))
