"""`/events`: one reading for all, equal frames, slow clients dropped, nothing lost between."""

import asyncio
import json

import pytest

from mmsd.errors import StoreBusy
from mmsd.model import Event, LineCount
from mmsd.web import stream
from mmsd.web.access import digest
from mmsd.web.site import Settings
from tests.web.house import HOUR_OF_NOON, NOON, RECEIVER, House


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def event(number, topic="finding", subject="BAD_APN", **data):
    return Event(NOON + number, topic, subject, data, number)


def parsed(text):
    """Frames of a stream's bytes as (name, id, data)."""
    frames = []
    for block in text.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
        if "event" in fields:
            frames.append((fields["event"], int(fields["id"]) if "id" in fields else None, json.loads(fields["data"])))
    return frames


async def until(answer, name):
    """Frames of an open stream up to the first one called `name`."""
    text = b""
    while not any(frame[0] == name for frame in parsed(text)):
        text += await answer.content.readuntil(b"\n\n")
    return parsed(text)


def test_a_new_page_gets_the_chart_the_last_events_and_the_totals(house):
    house.shelf.news = [event(n) for n in range(1, 4)]

    async def story(client):
        await house.site.stream.tick()
        async with client.get("/events") as answer:
            assert answer.content_type == "text/event-stream"
            assert answer.headers["X-Accel-Buffering"] == "no"
            frames = await until(answer, "totals")
        assert [(name, number) for name, number, _ in frames] == [
            ("history", None), ("event", 1), ("event", 2), ("event", 3), ("totals", None),
        ]  # fmt: skip
        assert frames[-1][2]["lines_per_second"] is None  # one reading is no rate

    house.visit(story)


def test_nothing_is_read_while_nothing_changed(house):
    shelf, reads = house.shelf, []
    shelf.before = lambda: reads.append(1)
    shelf.still = 1
    shelf.read = [LineCount("mmsc", "", 10, 10, 100)]

    async def story(client):
        live = house.site.stream
        await live.tick()
        async with client.get("/events") as answer:
            await until(answer, "totals")
            before = len(reads)
            shelf.read, shelf.news = [LineCount("mmsc", "", 30, 30, 300)], [event(1)]
            await live.tick()
            ((_, _, told),) = await until(answer, "totals")
            assert (told["totals"]["lines"], len(reads)) == (10, before)
            shelf.failure, shelf.still = StoreBusy("a reader does not end"), 2
            await live.tick()
            assert [name for name, _, _ in await until(answer, "trouble")] == ["trouble"]
            shelf.failure = None  # what failed is read again, though nothing changed
            await live.tick()
            frames = await until(answer, "totals")
            assert [name for name, _, _ in frames] == ["event", "totals"]
            assert frames[-1][2]["totals"]["lines"] == 30

    house.visit(story)


def test_a_page_that_comes_back_gets_what_it_missed(house):
    house.shelf.news = [event(n) for n in range(1, 6)]

    async def story(client):
        await house.site.stream.tick()
        async with client.get("/events", headers={"Last-Event-ID": "3"}) as answer:
            frames = await until(answer, "totals")
        assert [number for _, number, _ in frames if number] == [4, 5]

    house.visit(story)


def test_ticks_bring_new_events_once_and_rates_over_ten_seconds(house):
    async def story(client):
        async with client.get("/events") as answer:
            await until(answer, "history")
            house.shelf.read = [LineCount("mmsc1", "", 1000, 1000, 1)]
            for second in range(1, 14):
                house.uptime += 1.0
                house.shelf.read = [LineCount("mmsc1", "", 1000 + 50 * second, 0, 0)]
                house.shelf.hours = [(HOUR_OF_NOON, "mmsc1", "", "delivered", "OK", 2 * second)]
                house.shelf.news.append(event(second))
                await house.site.stream.tick()
                frames = await until(answer, "totals")
                assert [number for _, number, _ in frames if number] == [second]
            assert (frames[-1][2]["lines_per_second"], frames[-1][2]["deliveries_per_minute"]) == (50.0, 120.0)
            assert frames[-1][2]["totals"]["lines"] == 1650

    house.visit(story)


def test_old_deliveries_leaving_the_window_are_no_negative_rate(house):
    async def story(client):
        house.shelf.hours = [(HOUR_OF_NOON, "mmsc1", "", "delivered", "OK", 9)]
        await house.site.stream.tick()
        house.uptime += 1.0
        house.shelf.hours = []
        await house.site.stream.tick()
        assert parsed(house.site.stream.welcome(0))[-1][2]["deliveries_per_minute"] == 0.0

    house.visit(story)


def test_of_a_flood_only_the_newest_are_shown(house):
    house.shelf.news = [event(n) for n in range(1, 2000)]

    async def story(client):
        await house.site.stream.tick()
        house.shelf.news += [event(n) for n in range(2000, 3500)]
        await house.site.stream.tick()
        shown = [number for _, number, _ in parsed(house.site.stream.welcome(0)) if number]
        assert shown == list(range(3500 - stream.RECENT, 3500))

    house.visit(story)


def test_totals_rows_are_not_shown_as_events(house):
    house.shelf.news = [event(1, "totals"), event(2), event(3, "totals")]

    async def story(client):
        await house.site.stream.tick()
        assert [number for _, number, _ in parsed(house.site.stream.welcome(0)) if number] == [2]

    house.visit(story)


def test_a_number_that_slipped_into_an_event_is_masked(house):
    house.shelf.news = [event(1, subject=RECEIVER, who=[RECEIVER], deep={"a": f"+{RECEIVER}"})]

    async def story(client):
        await house.site.stream.tick()
        assert RECEIVER.encode() not in house.site.stream.welcome(0)

    house.visit(story)


def test_log_text_cannot_break_a_frame(house):
    house.shelf.news = [event(1, subject="</script>\n\nevent: totals\ndata: {}\r\r", note="\u2028\x1b")]

    async def story(client):
        await house.site.stream.tick()
        names = [name for name, _, _ in parsed(house.site.stream.welcome(0))]
        assert names == ["history", "event", "totals"]

    house.visit(story)


def test_a_store_that_is_away_is_said_and_tried_again(house):
    async def story(client):
        async with client.get("/events") as answer:
            await until(answer, "history")
            house.shelf.failure = StoreBusy("locked")
            await house.site.stream.tick()
            assert (await until(answer, "trouble"))[-1][2] == {"at": "2026-11-22T12:00:00Z"}
            house.shelf.failure = None
            await house.site.stream.tick()
            assert (await until(answer, "totals"))[-1][2]["totals"]["ready"] is True

    house.visit(story)


def test_a_client_that_does_not_read_is_dropped_and_the_others_go_on(house):
    slow, quick = stream.Client(), stream.Client()
    house.site.stream._clients |= {slow, quick}

    async def story(client):
        for _ in range(stream.BACKLOG + 1):
            await house.site.stream.tick()
            quick.queue.clear()
        assert (slow.ended, quick.ended) == (True, False)
        assert len(slow.queue) == stream.BACKLOG
        text = await (await client.get("/metrics")).text()
        assert "mmsd_live_clients 1.0" in text
        assert "mmsd_live_clients_dropped_total 1.0" in text

    house.visit(story)


def test_pages_are_bounded(tmp_path):
    house = House(tmp_path, settings=Settings(live_pages=1))

    async def story(client):
        async with client.get("/events") as first:
            await until(first, "history")
            second = await client.get("/events")
            assert (second.status, (await second.json())["error"], second.headers["Retry-After"]) == (503, "too_many_pages", "10")

    house.visit(story)


def test_a_stream_ends_with_its_token(house):
    house.grant(f"read {digest('guest')}")

    async def story(client):
        async with client.get("/events", headers={"Authorization": "Bearer guest"}) as answer:
            await until(answer, "history")
            house.token_file.write_text("")
            await house.site.stream.tick()
            assert await answer.content.read() == b""

    house.visit(story)


def ticking(house, times):
    """Let the stream run for so many ticks; returns the rests between them."""
    rests = []

    async def sleep(seconds):
        rests.append(seconds)
        if len(rests) == times:
            raise asyncio.CancelledError

    async def run():
        with pytest.raises(asyncio.CancelledError):
            await house.site.stream.run(sleep)

    asyncio.run(run())
    return rests


def test_a_store_that_takes_long_is_asked_less_often(house):
    def wait():
        house.uptime += 0.25

    assert ticking(house, 1) == [stream.PERIOD]
    house.shelf.before = wait
    began = house.uptime
    assert ticking(house, 1) == [stream.LEISURE * (house.uptime - began)]
    assert house.uptime > began


def test_a_fault_of_ours_does_not_end_the_stream(house, caplog):
    house.shelf.failure = RuntimeError("a bug")
    assert len(ticking(house, 3)) == 3
    assert caplog.text.count("one tick failed") == 3
