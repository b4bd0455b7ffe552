"""A group sending through a daemon that is killed around its parts: from the MMSC's own ledger, everybody got the seed exactly once."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from mmsd import app, config
from mmsd.flow.mailing import Mailer
from mmsd.model import DAY
from mmsd.rules.audience import Line, Plan, State, token
from mmsd.rules.models import Model
from mmsd.store import mailings
from mmsd.store.sqlite import Settings, SqliteStore
from sim import mm7 as sim
from tests.faults.relay import Zygote
from tests.faults.test_outbox_mm7 import Life, mmsc
from tests.flow.mms import seed
from tests.link.hearing import SECRET, private

PEOPLE = 12
CONFIG = """
[state]
directory = "{folder}/state"
[web]
port = 0
[campaigns]
directory = "{folder}/campaigns"
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
rate = 1000.0
retry_seconds = 0.1
retry_limit_seconds = 0.2
endpoint = {{ secret_file = "{folder}/secret", port = {port} }}
"""
TORCH = 'id = "torch"\nname = "Torch"\nstarts = "2026-01-01"\nends = "2100-12-31"\n[[seeds]]\nid = "one"\ntags = ["one"]\n'
SAID = {"who": "li", "why": "spring"}


class Unknown:
    def model(self, number: str) -> Model | None:
        return None


async def _inline(work: Callable[[], Any]) -> Any:
    return work()


class Sending(Life):
    """A folder with a mailing that runs, six people a second, and the lives of a daemon that carries it out."""

    def __init__(self, folder: Path, zygote: Zygote, url: str, report_port: int) -> None:
        self.folder, self.zygote = folder, zygote
        private(folder / "secret", SECRET)
        (folder / "mmsc.log").touch()
        (folder / "campaigns").mkdir()
        (folder / "campaigns/torch.toml").write_text(TORCH)
        (folder / "mmsd.toml").write_text(CONFIG.format(folder=folder, url=url, port=report_port))
        keys = app.load_keys(config.load(folder / "mmsd.toml"))
        with SqliteStore.open(folder / "state", settings=Settings(), keys=keys, wall=app.wall) as store:
            now = app.wall()
            lines = [Line(n, f"86138000000{n:02}") for n in range(PEOPLE)]
            told = mailings.take_in(store, "torch", "all", 0, lines, (), who="li", now=now)
            plan = Plan(now - DAY, now + DAY, (), tuple(range(7)), rate=6.0, control=0.0)
            self.number = mailings.prepare(store, "torch", "one", told, seed(), plan, now=now, **SAID)
            mailer = Mailer(store, Unknown(), lambda _: UTC, keys.row_key, wall=app.wall, call=_inline)

            async def count() -> None:
                while await mailer.count():
                    pass

            asyncio.run(count())
            found = store.mailing(self.number)
            assert found is not None
            mailings.run(store, self.number, token(keys.row_key, found), key=keys.row_key, now=app.wall(), **SAID)

    def settled(self) -> bool:
        return self.states() == {"delivered": PEOPLE}

    def whole(self, door: sim.Door) -> Counter[str]:
        self.zygote.begin(self.folder)
        address = self.folder / "state" / app.ADDRESS
        code = self.ended(lambda: address.exists() and self.settled())
        assert code == 0, (self.folder / "mmsd.log").read_text()[-2000:]
        return Counter(taken.receiver for taken in door.taken)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.mark.parametrize(("where", "n"), [("mailing", 2), ("mailed", 1), ("mailed", 2)])
def test_killed_around_a_part_everybody_gets_it_exactly_once(where: str, n: int, tmp_path: Path, zygote: Zygote, free_port: Any) -> None:
    port = free_port()
    with mmsc(tmp_path, port) as door:
        life = Sending(tmp_path, zygote, door.url, port)
        zygote.begin(tmp_path, (where, n))
        assert life.ended(life.settled) == -signal.SIGKILL, "it never came to that"
        (tmp_path / "state" / app.ADDRESS).unlink(missing_ok=True)
        taken = life.whole(door)
        assert len(taken) == PEOPLE
        assert set(taken.values()) == {1}
        with closing(life._store()) as store:
            found = store.mailing(life.number)
            assert found is not None
            assert found.state in (State.RUNNING, State.DONE)  # its end is looked at now and then
            assert store.mailing_states(life.number) == {"delivered": PEOPLE}
