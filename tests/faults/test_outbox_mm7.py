"""Multimedia messages over MM7: rows P01–P07 of the fault catalogue against the simulator's MMSC, and the daemon killed around a submit.

The truth is what the MMSC took. A report whose MessageID nobody knows is that of the receiver's only message that is in doubt.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from mmsd import app, config
from mmsd.model import DAY, MINUTE, Batch
from mmsd.rules import outbox
from mmsd.rules.settings import GovernorSettings
from mmsd.store import Needs
from mmsd.store.sqlite import Settings, SqliteStore
from sim import mm7 as sim
from sim.mm7 import Fault
from tests.faults.relay import PATIENCE, Zygote
from tests.flow.leaving import LI, NOON, row, run
from tests.flow.mms import CARD, mms_desk, seed
from tests.link.hearing import SECRET, private

GRACE = outbox.Settings(poll_seconds=30.0)
FRIEND = "8613912340002"


def test_a_composed_message_is_sent_and_delivered_and_stands_in_the_store_once(tmp_path, free_port):
    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port()) as it:
            name = it.compose(seed())
            it.ask(row("one", body="", content=name), row("two", body="", content=name, msisdn=FRIEND, sub_code="7", kind="marketing"))
            await it.stand(one="delivered", two="delivered")
            one, two = it.door.taken
            assert (one.receiver, two.receiver, one.sender, two.sender) == (LI, FRIEND, "10658366", "106583667")
            assert one.subject == two.subject == "火炬 <1>"
            assert [media for media, _ in one.media] == ["application/smil", "image/jpeg", "text/plain"]
            assert one.media == two.media
            assert one.media[1][1] == CARD
            assert one.media[2][1].decode() == "第 1 棒"
            assert it.rows()["one"].parts == 1
            assert it.door.answers == [1000, 1000]
            it.compose(seed())
            with it.store._reading() as connection:
                assert connection.execute("SELECT count(*) FROM composed").fetchone() == (1,)

    run(scenario())


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.RESET])
def test_P01_taken_and_not_answered_the_only_message_in_doubt_is_known_by_its_receiver(fault, tmp_path, free_port):
    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port(), door={"report_after": 120.0}, settings=GRACE) as it:
            it.door.order(fault)
            it.ask(row("one", body="", content=it.compose(seed())))
            await it.until(lambda: it.states() == {"one": "uncertain"})
            await it.stand(one="delivered")
            assert it.sent() == {"one": 1}
            assert dict(it.dispatcher.receipts) == {"by_receiver": 1}

    run(scenario())


def test_P01_not_taken_and_not_answered_it_is_sent_again_after_the_grace(tmp_path, free_port):
    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port(), settings=GRACE) as it:
            it.door.order(Fault.LOST)
            it.ask(row("one", body="", content=it.compose(seed())))
            await it.stand(one="delivered")
            assert it.sent() == {"one": 1}
            assert it.door.submits.total() == it.rows()["one"].tries == 2
            assert it.rows()["one"].submitted >= NOON + 15 * MINUTE

    run(scenario())


def test_P01_two_in_doubt_to_one_receiver_are_told_apart_by_nothing(tmp_path, free_port):
    """Neither report can be given to either; each is sent once more, and then has an id."""

    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port(), settings=GRACE) as it:
            it.door.order(Fault.SILENT, 2)
            name = it.compose(seed())
            it.ask(row("one", body="", content=name), row("two", body="", content=name))
            await it.stand(one="delivered", two="delivered")
            assert it.sent() == {"one": 2, "two": 2}

    run(scenario())


def test_P01_without_a_report_once_more_and_then_a_person_decides(tmp_path, free_port):
    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port(), door={"report_url": ""}, settings=GRACE) as it:
            it.door.order(Fault.SILENT, 2)
            it.ask(row("one", body="", content=it.compose(seed())))
            await it.stand(one="parked")
            assert it.sent() == {"one": 2}

    run(scenario())


def test_P02_a_report_before_the_answer_counts_and_the_answer_changes_nothing(tmp_path, free_port):
    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port()) as it:
            it.door.order(Fault.REPORT_FIRST)
            it.door.order(Fault.REPORT_TWICE)
            name = it.compose(seed())
            it.ask(row("first", body="", content=name), row("twice", body="", content=name, msisdn=FRIEND))
            await it.stand(first="delivered", twice="delivered")
            await it.until(lambda: len(it.door.answers) == 3)
            assert it.sent() == {"first": 1, "twice": 1}
            assert set(it.door.answers) == {1000}

    run(scenario())


@pytest.mark.parametrize(
    ("fault", "state", "tries"), [(Fault.THROTTLED, "delivered", 1), (Fault.BUSY, "delivered", 1), (Fault.REFUSED, "failed", 1)]
)
def test_P04_what_was_refused_uses_up_no_try(fault, state, tries, tmp_path, free_port):
    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port()) as it:
            it.door.order(fault)
            it.ask(row("one", body="", content=it.compose(seed())))
            await it.stand(one=state)
            assert it.rows()["one"].tries == tries
            assert it.sent() == ({"one": 1} if state == "delivered" else {})

    run(scenario())


@pytest.mark.parametrize(("status", "state"), [("Expired", "failed"), ("Rejected", "failed"), ("Retrieved", "delivered")])
def test_what_the_report_says_becomes_of_the_row(status, state, tmp_path, free_port):
    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port(), door={"status": status}) as it:
            it.ask(row("one", body="", content=it.compose(seed())))
            await it.stand(one=state)

    run(scenario())


def test_in_shadow_nothing_leaves_and_what_is_not_in_the_store_cannot(tmp_path, free_port):
    async def scenario() -> None:
        async with mms_desk(tmp_path, free_port(), governor=GovernorSettings(quiet_hours=())) as it:
            it.ask(row("one", body="", content=it.compose(seed()), expires=NOON + DAY))
            await it.stand(one="shadow")
            assert it.door.submits == Counter()

    async def unknown() -> None:
        async with mms_desk(tmp_path / "other", free_port()) as it:
            it.ask(row("one", body="", content=b"nothing"))
            await it.stand(one="failed")
            assert it.rows()["one"].reason == outbox.UNSENDABLE
            assert it.door.submits == Counter()

    (tmp_path / "other").mkdir()
    run(scenario())
    run(unknown())


# ------------------------------------------------------------------------------------------ S01: killed around a submit

ROWS = 6
CONFIG = """
[state]
directory = "{folder}/state"
[web]
port = 0
[feeds.mmsc1]
dialect = "mbuni"
paths = ["{folder}/mmsc.log"]
[governor.marketing]
switch = "on"
quiet = false
[outbox]
grace_seconds = 1.0
poll_seconds = 0.05
[links.mmsc1]
kind = "mm7"
url = "{url}"
source = "10658366"
classes = ["marketing"]
window = 2
rate = 1000.0
retry_seconds = 0.1
retry_limit_seconds = 0.2
endpoint = {{ secret_file = "{folder}/secret", port = {port} }}
"""


@contextmanager
def mmsc(folder: Path, report_port: int) -> Iterator[sim.Door]:
    """The MMSC in a thread of its own, in real time."""
    ready, over = threading.Event(), asyncio.Event()
    made: list[sim.Door] = []
    url = f"http://127.0.0.1:{report_port}/{SECRET}/mm7"

    async def serve() -> None:
        async with sim.Door(sim.Settings(report_url=url, report_after=0.05, report_again=0.1), wall=app.wall) as door:
            made.append(door)
            ready.set()
            await over.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield made[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(PATIENCE)
        loop.close()


class Life:
    """A folder with six multimedia messages that wait, and the lives of a daemon that sends them."""

    def __init__(self, folder: Path, zygote: Zygote, url: str, report_port: int) -> None:
        self.folder, self.zygote = folder, zygote
        private(folder / "secret", SECRET)
        (folder / "mmsc.log").touch()
        (folder / "mmsd.toml").write_text(CONFIG.format(folder=folder, url=url, port=report_port))
        with closing(self._store()) as store:
            made = seed()
            now = app.wall()
            rows = [
                row(f"row{n}", body="", content=made.name, kind="marketing", msisdn=f"86139123400{n:02}", due=now, expires=now + DAY)
                for n in range(ROWS)
            ]
            store.transact(Needs(), lambda _: Batch(now, composed=[made], outbox=rows))

    def _store(self) -> SqliteStore:
        settings = config.load(self.folder / "mmsd.toml")
        return SqliteStore.open(self.folder / "state", settings=Settings(), keys=app.load_keys(settings), wall=app.wall)

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, (self.folder / "mmsd.log").read_text()[-2000:]
            time.sleep(0.02)

    def ended(self, true: Callable[[], object]) -> int:
        """Until it died or `true`, then it is asked to end; its exit code."""
        self.until(lambda: not self.zygote.alive() or true())
        if self.zygote.alive():
            with suppress(ProcessLookupError):
                os.kill(self.zygote.pid, signal.SIGTERM)
        return self.zygote.end()

    def whole(self, door: sim.Door) -> Counter[str]:
        """A life without harm, and how often each row was taken in the end."""
        self.zygote.begin(self.folder)
        address = self.folder / "state" / app.ADDRESS
        code = self.ended(lambda: address.exists() and len({taken.receiver for taken in door.taken}) == ROWS and self.settled())
        assert code == 0, (self.folder / "mmsd.log").read_text()[-2000:]
        assert self.states() == {"delivered": ROWS}
        return Counter(taken.receiver for taken in door.taken)

    def settled(self) -> bool:
        return self.states() == {"delivered": ROWS}

    def states(self) -> dict[str, int]:
        with closing(sqlite3.connect(f"file:{self.folder / 'state' / 'mmsd.db'}?mode=ro", uri=True, timeout=10)) as store:
            return dict(store.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.mark.parametrize(("where", "n"), [("claimed", 1), ("send", 3), ("answered", 2), ("receipt", 1), ("settle", 2), ("settled", 1)])
def test_S01_killed_at_a_boundary_no_multimedia_message_is_lost_and_none_doubled(where, n, tmp_path, zygote, free_port):
    port = free_port()
    with mmsc(tmp_path, port) as door:
        life = Life(tmp_path, zygote, door.url, port)
        (tmp_path / "state" / app.ADDRESS).unlink(missing_ok=True)
        zygote.begin(tmp_path, (where, n))
        assert life.ended(life.settled) == -signal.SIGKILL, "it never came to that"
        (tmp_path / "state" / app.ADDRESS).unlink(missing_ok=True)
        assert set(life.whole(door).values()) == {1}


def test_S01_killed_while_the_mmsc_has_it_and_did_not_answer(tmp_path, zygote, free_port):
    port = free_port()
    with mmsc(tmp_path, port) as door:
        door.order(Fault.SILENT, 2)
        life = Life(tmp_path, zygote, door.url, port)
        zygote.begin(tmp_path)
        life.until(lambda: len(door.taken) == 2)
        os.kill(zygote.pid, signal.SIGKILL)
        assert zygote.end() == -signal.SIGKILL
        (tmp_path / "state" / app.ADDRESS).unlink(missing_ok=True)
        assert set(life.whole(door).values()) == {1}
