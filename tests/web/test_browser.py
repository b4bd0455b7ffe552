"""The live page in a real browser, over a real store: signs in by the link, shows what was committed, moves when more is."""

import asyncio
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mmsd.model import (
    Batch,
    CodeCount,
    Event,
    Evidence,
    Finding,
    HourCount,
    LineCount,
    MeasureCount,
    NotificationCount,
    PlaceCount,
    Serial,
    UnknownCode,
)
from mmsd.telemetry import Telemetry
from mmsd.web.access import PLAIN_SUFFIX, Tokens, create
from mmsd.web.outbox import Outbox
from mmsd.web.site import Health, Settings, Site
from tests.web.browser import browser, shown
from tests.web.house import HOUR_OF_NOON, NOON, RECEIVER, SENDER, SENDING, delivery, feed
from tests.web.stored import a_day, forward, put, stored

pytestmark = pytest.mark.debian("chromium")

HEALTH = Health(
    "0.1.0", "python", NOON, True, (), 1,
    (feed("mmsc1", lines=1234), feed("wap1", dialect="kannel-wap", state="degraded", detail="Permission denied")),
)  # fmt: skip

A_STEP = {"subject": "86138****1234", "case": 1, "kind": "settings", "causes": ["BAD_APN"], "event": "ask", "before": "found", "reason": ""}


@pytest.fixture
def visit(tmp_path, debian):
    """`visit(story)`: run `story(page, site, base, store, token)` with everything real but the log files."""
    chromium = debian("chromium")

    def run(story):
        with stored(tmp_path) as store, ThreadPoolExecutor(2) as threads:
            put(store, a_day())
            tokens = tmp_path / "tokens"
            create(tokens, secrets.token_bytes)
            site = Site(
                store, lambda: HEALTH, Tokens(tokens, lambda: time.time_ns() // 1000), Telemetry(version="0.1.0", twin="python"),
                Settings(port=0), wall=lambda: time.time_ns() // 1000, monotonic=time.monotonic, random=secrets.token_bytes,
                executor=threads, outbox=Outbox(store, lambda: SENDING),
            )  # fmt: skip

            async def stay():
                up = asyncio.get_running_loop().create_future()
                async with asyncio.TaskGroup() as group:
                    server = group.create_task(site.serve(up.set_result))
                    base = await up
                    async with browser(chromium) as page:
                        await story(page, site, base, store, tokens.with_name("tokens" + PLAIN_SUFFIX).read_text().strip())
                    server.cancel()

            asyncio.run(stay())

    return run


def test_the_page_shows_what_the_store_has_and_moves(visit):
    async def story(page, site, base, store, token):
        await page.open(site.login_link(base))
        await page.until(f"{shown('lines')} === '1,234'")
        assert await page.value("location.pathname + location.hash") == "/"
        for name, text in (("delivered", "3"), ("failed", "2"), ("open", "1"), ("forwards", "1"), ("serials", "1")):
            assert await page.value(shown(name)) == text
        assert await page.value(shown("open-more")) == "16.7% of all, not judged"
        assert "wrong access point (APN)BAD_APN150.0%" in await page.value(shown("causes"))
        assert "Wuxi1100.0%" in await page.value(shown("cities"))
        assert "degraded: Permission denied" in await page.value(shown("feeds"))
        assert "mmsc1no_time2" in await page.value(shown("rejects"))
        assert await page.value("document.querySelectorAll('#nodes tr').length") == 2

        # Log text is text.
        assert "<img src=x onerror=alert(1)>" in await page.value(shown("events"))
        assert await page.value("document.querySelectorAll('#live img').length") == 0

        put(store, Batch(
            at=NOON, lines=[LineCount("mmsc1", "", 1000, 1000, 1)], hours=[HourCount(HOUR_OF_NOON, "mmsc1", "", "delivered", "OK", 7)],
            forwards=[forward(2)], serials=[Serial("ABCDEFGH2", bytes([2]) * 16)], events=[Event(NOON, "care", "asked", A_STEP)],
        ))  # fmt: skip
        await page.until(f"{shown('lines')} === '2,234' && {shown('delivered')} === '10' && {shown('serials')} === '2'")
        await page.until(f"{shown('events')}.includes('careasked86138****1234 · wrong access point (APN) · question')")
        await page.until("document.querySelectorAll('#pace canvas').length === 1")
        assert await page.value(shown("state")) == "live"
        assert RECEIVER not in await page.value("document.documentElement.outerHTML")
        assert page.complaints == []

    visit(story)


def test_the_page_of_figures(visit):
    async def story(page, site, base, store, token):
        put(
            store,
            Batch(
                at=NOON, measures=[MeasureCount(HOUR_OF_NOON, "mmsc1", "Wuxi", "end_to_end", 3, 45_000)],
                codes=[CodeCount(HOUR_OF_NOON, "mmsc1", "cmcc", "4441", 12)],
                unknown=[UnknownCode("mmsc<1>", "cmcc", "4446", 3, NOON, NOON)],
            ),
        )  # fmt: skip
        await page.open(site.login_link(base))
        await page.until("location.pathname === '/' && document.querySelector('a[href^=\"/figures\"]')")
        await page.value("document.querySelector('a[href^=\"/figures\"]').click()")
        await page.until("location.pathname === '/figures' && document.querySelector('[data-shown]')")
        for name, text in (("end_to_end", "60.0%"), ("end_to_end-more", "3 / 5"), ("open_share", "16.7%"), ("mean_delay", "15 s")):
            assert await page.value(shown(name)) == text
        row = "[...document.querySelectorAll('#periods tr:first-child > *')].map((cell) => cell.textContent)"
        assert await page.value(f"{row}.slice(0, 5)") == [
            "2026-11-22", "3", "2", "16.7%", "60.0%",
        ]  # fmt: skip
        assert "12" in await page.value(shown("periods"))
        assert "mmsc<1>cmcc44463" in await page.value(shown("unknown"))
        await page.until("document.querySelectorAll('#chart canvas').length === 1")

        # Another choice asks anew, and the table to take away follows it.
        await page.value(
            "const s = document.querySelector('[name=node]'); s.value = 'mmsc1'; s.dispatchEvent(new Event('change', {bubbles: true}))"
        )
        await page.until(f"document.querySelector('[data-shown=\"2\"]') && {shown('end_to_end')} === '75.0%'")
        assert "node=mmsc1" in await page.value("document.getElementById('csv').href")
        assert await page.value(shown("send_failure")) == "–"
        assert page.complaints == []

    visit(story)


def test_a_token_signs_in_and_out_in_chinese(visit):
    async def story(page, site, base, store, token):
        await page.open(f"{base}/?lang=zh")
        await page.until("location.pathname === '/login' && document.getElementById('secret')")
        await page.open(f"{base}/login?lang=zh")
        await page.until("document.documentElement.lang === 'zh'")
        await page.value("document.getElementById('secret').value = 'wrong'; document.querySelector('#door button').click()")
        await page.until("document.querySelector('[role=alert]')")
        await page.value(f"document.getElementById('secret').value = '{token}'; document.querySelector('#door button').click()")
        await page.until(f"location.pathname === '/' && {shown('state')} === '实时' && {shown('lines')} === '1,234'")
        assert "接入点（APN）错误" in await page.value(shown("causes"))
        await page.value("document.querySelector('header form button').click()")
        await page.until("location.pathname === '/login'")

    visit(story)


def test_a_page_whose_session_ended_goes_back_to_the_door(visit):
    async def story(page, site, base, store, token):
        await page.open(site.login_link(base))
        await page.until(f"{shown('lines')} === '1,234'")
        cookie = next(iter(site.sessions._open))
        del site.sessions._open[cookie]  # as a restart of the daemon does
        await page.until("location.pathname === '/login' && document.getElementById('door')")

    visit(story)


@pytest.mark.parametrize("width", [1280, 720, 360])
def test_nothing_sticks_out_of_the_page(visit, width):
    async def story(page, site, base, store, token):
        await page.resize(width, 800)
        await page.open(site.login_link(base))
        await page.until(f"{shown('lines')} === '1,234'")
        await page.until("document.documentElement.scrollWidth === document.documentElement.clientWidth")

    visit(story)


NOW = Batch(at=NOON, events=[Event(NOON, "totals", "", {"horizon": NOON})])
"""The feeds have been read up to noon, whatever this host's clock says."""


def test_one_number_is_told_in_words_and_stands_in_no_address(visit):
    async def story(page, site, base, store, token):
        put(store, NOW)
        await page.open(site.login_link(base))
        await page.until(f"{shown('lines')} === '1,234'")
        await page.open(f"{base}/story?lang=en")
        await page.until("document.querySelector('#ask fieldset:enabled') !== null")
        await page.value(f"document.querySelector('[name=number]').value = '{RECEIVER}', document.querySelector('#ask button').click()")
        await page.until("document.getElementById('story').dataset.shown === '1'")
        told = await page.value(shown("deliveries"))
        assert "wrong access point (APN)" in told
        assert "send settings, after consent" in told
        assert "the push expired or could not be delivered" in told
        assert "taken from the sender" in told  # the line the verdict rests on
        assert "kept: times, row and cause only" in told  # what went well
        assert await page.value(shown("whose")) == "86138****1234"
        assert RECEIVER not in await page.value("document.body.textContent + location.href")
        await page.value("document.querySelector('[name=number]').value = '13700000000', document.querySelector('#ask button').click()")
        await page.until("document.getElementById('story').dataset.shown === '2'")
        assert "Nothing is kept of this number" in await page.value(shown("covered"))
        assert await page.value("document.querySelectorAll('#deliveries tr').length") == 0
        await page.fits(390)
        assert page.complaints == []

    visit(story)


def test_older_deliveries_of_a_number_come_by_pages(visit):
    async def story(page, site, base, store, token):
        rows = [(b"%016d" % place, delivery(message=f"old{place}", submitted=NOON - place * 1_000_000)) for place in range(70)]
        put(store, Batch(at=NOON, deliveries=rows, events=NOW.events))
        await page.open(site.login_link(base))
        await page.until(f"{shown('lines')} === '1,234'")
        await page.open(f"{base}/story?lang=zh")
        await page.until("document.querySelector('#ask fieldset:enabled') !== null")
        await page.value("document.querySelector('[name=days]').value = '366'")
        await page.value(f"document.querySelector('[name=number]').value = '{RECEIVER}', document.querySelector('#ask button').click()")
        await page.until("document.querySelectorAll('#deliveries tr').length === 50")
        await page.value("document.getElementById('more').click()")
        await page.until("document.querySelectorAll('#deliveries tr').length === 74")
        assert await page.value("document.getElementById('more').hidden")
        assert "通知未到达" in await page.value(shown("deliveries"))
        assert page.complaints == []

    visit(story)


def test_the_page_of_findings(visit):
    async def story(page, site, base, store, token):
        line = Evidence("wap1", "wapbox-access.log", 120, "ATTEMPT", NOON - 5)
        rows = [
            Finding("subscriber", RECEIVER, "BAD_APN", 0.9, NOON, (line,), 0, "normal", "ZTE R750"),
            Finding("subscriber", SENDER, "BAD_PROXY", 0.85, NOON, (), NOON + 5, "normal", "ZTE R760"),
            Finding("model", "ZTE R750", "BAD_APN", 0.9, NOON, detail="30 of 60 subscribers"),
            Finding("node", "mmsc<1>", "NODE_FAULT", 0.9, NOON, detail="40 of 100"),
        ]
        put(store, Batch(
            at=NOON, findings=[(bytes([place]) * 16, row) for place, row in enumerate(rows, 1)], events=NOW.events,
            notified=[NotificationCount(HOUR_OF_NOON, "mmsc1", "sms1", 1, -1, "retrieved", 70),
                           NotificationCount(HOUR_OF_NOON, "mmsc1", "sms1", 1, -1, "late", 7),
                           NotificationCount(HOUR_OF_NOON, "mmsc1", "sms1", 2, 9, "missed", 10)],
            places=[PlaceCount("2026-11-22", "cell 460-00-1-2", "RETRIEVE_FAILED", 7)],
        ))  # fmt: skip
        await page.open(site.login_link(base))
        await page.until(f"{shown('lines')} === '1,234'")
        await page.open(f"{base}/findings?lang=en")
        await page.until("document.getElementById('findings')?.dataset.shown === '1'")
        assert "ZTE R750wrong access point (APN)BAD_APN30 of 60 subscribers" in await page.value(shown("models"))
        assert "mmsc<1>" in await page.value(shown("nodes"))
        people = await page.value(shown("people"))
        assert "86138****1234" in people
        assert "the model's default" in people
        assert "86139****5432" not in people
        first = "[...document.querySelectorAll('#resends tr:first-child > *')].map((cell) => cell.textContent)"
        assert await page.value(first) == ["sms1", "1", "–", "70", "70", "100.0%", "7"]
        assert "cell 460-00-1-2" in await page.value(shown("broke"))
        await page.value("document.querySelector('[name=cleared]').click()")
        await page.until("document.getElementById('findings').dataset.shown === '2'")
        assert "86139****5432" in await page.value(shown("people"))
        assert "open=0" in await page.value("document.getElementById('csv').href")
        await page.fits(1280, 390)
        assert RECEIVER not in await page.value("document.documentElement.outerHTML")
        assert page.complaints == []

    visit(story)


def test_the_brake(visit):
    """Stopped by a button: the row stands before the next claim, and the audit names who did it."""

    async def story(page, site, base, store, token):
        await page.open(f"{base}/login#{token}")  # a link reads only; who gives orders signs in with a token
        await page.until(f"{shown('lines')} === '1,234'")
        await page.open(f"{base}/sending?lang=en")
        await page.until("document.getElementById('sending')?.dataset.shown === '1'")
        rows = "[...document.querySelectorAll('#classes tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"
        marketing = next(row for row in await page.value(rows) if row[0] == "marketing")
        assert (marketing[8], marketing[10]) == ("1", "Stop marketing")
        await page.value("[...document.querySelectorAll('#classes button')].find((each) => each.textContent === 'Stop marketing').click()")
        assert await page.value("document.getElementById('act').open && document.getElementById('h-act').textContent") == "Stop marketing"

        def give(why):
            form = "document.getElementById('order').elements"
            return f"{form}.who.value = 'li', {form}.why.value = '{why}', document.getElementById('do').click()"

        await page.value(give("8613812341234"))
        await page.until("!document.getElementById('refused').hidden")
        assert store.stops() == {}
        await page.value(give("wrong text"))
        await page.until("document.querySelectorAll('#stops button').length === 1")
        assert list(store.stops()) == ["marketing"]
        assert [(deed.who, deed.what, deed.why) for _, _, deed in store.deeds(5)] == [("li", "stop", "wrong text")]
        assert "Let marketing go on" in await page.value(shown("classes"))
        await page.fits(1280, 390)
        assert page.complaints == [] or all("400" in each for each in page.complaints)

    visit(story)
