"""A little relay: twelve forwards in an MMSC's log, a campaign that gives a serial for each, a centre, and a daemon that is killed.

Two numbered siblings go from hand to hand: whoever gets both passes one of them on, and what he sends comes of that one. Each
sends once, since over CMPP two messages to one number are not told apart (docs/guarantee.md).

What must be true in the end is read from the store and from the centre's own ledger: `Relay.judge`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from mmsd import app, config
from mmsd.store.sqlite import Settings, SqliteStore
from sim.centre import Account, Centre, Receipts
from sim.centre import Settings as CentreSettings
from sim.centre.ledger import read
from tests.link.hearing import private

ROOT: Final = Path(__file__).resolve().parents[2]
FORWARDS: Final = 12
SEEDS: Final = ("leg-1", "leg-2")
"""Numbered siblings."""


class Hop(NamedTuple):
    """A forward: from which person, to whom, of which seed, and the forward that it comes of."""

    sender: int
    receiver: int
    seed: int
    parent: int | None


def _hops() -> Iterator[Hop]:
    """In threes: one person sends a third the first seed, another sends him the second, and he sends one of them to the next three."""
    for three in range(FORWARDS // 3):
        first, passed_on, before = 3 * three, three % 2, (three - 1) % 2
        for seed in (0, 1):
            yield Hop(first + seed, first + 2, seed, first - 1 if three and seed == before else None)
        yield Hop(first + 2, first + 3 + passed_on, passed_on, first + passed_on)


HOPS: Final = tuple(_hops())
PATIENCE: Final = 60.0
WINDOW: Final = 3

Protocol = Literal["smpp", "cmpp"]


class Zygote:
    """A process that has imported everything and makes daemons of itself."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.outbox_victim"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = 0

    def begin(self, folder: Path, kill: tuple[str, int] = ("", 0), *, held: bool = False, doubt: bool = False) -> None:
        case = {"config": str(folder / "mmsd.toml"), "log": str(folder / "mmsd.log"), "kill": list(kill), "held": held, "doubt": doubt}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        self.pid = self._said()["pid"]

    def alive(self) -> bool:
        """Until its end was asked for."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):  # the latter while it goes
            return False
        return state != "Z"

    def end(self) -> int:
        """Its exit code, once it is over."""
        return self._said()["code"]

    def _said(self) -> dict[str, int]:
        assert self._process.stdout is not None
        said: dict[str, int] = json.loads(self._process.stdout.readline())
        return said

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def centre(folder: Path, protocol: Protocol, *, echo: bool = True, **more: Any) -> Iterator[Centre]:
    """An SMS centre in a thread of its own, in real time. `echo`: receipts repeat the reference."""
    settings = CentreSettings(
        protocol=protocol,
        accounts=(Account(name="mmsd", password="secret", numbers=("10657",)),),
        receipts=Receipts(after=0.05, again=0.1, reference=echo),
        **more,
    )
    ready, over = threading.Event(), asyncio.Event()
    made: list[Centre] = []

    async def serve() -> None:
        async with Centre(settings, wall=app.wall, ledger=folder / "taken.jsonl") as one:
            made.append(one)
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


class Relay:
    """One case: a folder with log, campaign and configuration, and what came of it."""

    def __init__(
        self, folder: Path, zygote: Zygote | None, port: int, protocol: Protocol, *, grace: float = 1.0, window: int = WINDOW
    ) -> None:
        """Without a zygote somebody else makes the daemon."""
        self.folder = folder
        self._zygote = zygote
        private(folder / "password", "secret")
        (folder / "campaigns").mkdir()
        (folder / "campaigns" / "relay.toml").write_text(_campaign())
        (folder / "mmsc.log").write_text(_log())
        name = {"smpp": 'system_id = "mmsd"', "cmpp": 'sp_id = "mmsd"'}[protocol]
        self.config = folder / "mmsd.toml"
        self.config.write_text(_CONFIG.format(folder=folder, port=port, protocol=protocol, name=name, grace=grace, window=window))

    def live(self, kill: tuple[str, int] = ("", 0), *, held: Callable[[int], Any] | None = None) -> bool:
        """One life: to its death, or until every serial is delivered and it ended in good order. Whether it was killed."""
        zygote = self._zygote
        assert zygote is not None
        address = self.folder / "state" / app.ADDRESS
        address.unlink(missing_ok=True)  # of a life before
        zygote.begin(self.folder, kill, held=held is not None)
        if held is not None:
            held(zygote.pid)
        deadline = time.monotonic() + PATIENCE
        while zygote.alive() and not (address.exists() and self.settled()):
            assert time.monotonic() < deadline, f"{self.states()}: {(self.folder / 'mmsd.log').read_text()[-2000:]}"
            time.sleep(0.02)
        if zygote.alive():
            with suppress(ProcessLookupError):
                os.kill(zygote.pid, signal.SIGTERM)
        code = zygote.end()
        assert code in (0, -signal.SIGKILL), (self.folder / "mmsd.log").read_text()[-2000:]
        return code != 0

    def states(self) -> dict[str, int]:
        database = self.folder / "state" / "mmsd.db"
        if not database.exists():
            return {}
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as store:
            try:
                return dict(store.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())
            except sqlite3.OperationalError:  # not made yet
                return {}

    def settled(self) -> bool:
        return self.states() == {"delivered": FORWARDS}

    def judge(self, *, most: int) -> Counter[str]:
        """I2, I3, I4, I6, I7: one serial a forward, each in the ledger, none oftener than `most` times; how often each. Every forward has
        its seed, and the copy of that seed as its parent."""
        settings = config.load(self.config)
        with SqliteStore.open(self.folder / "state", settings=Settings(), keys=app.load_keys(settings), wall=app.wall) as store:
            issued = list(store.all_forwards())
            rows = [row for _, row in store.outbox(None, 1000)]
            with store._reading() as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        keys = {each.forward.message: each.forward.key for each in issued}
        assert {each.forward.message: (each.forward.seed, each.forward.parent) for each in issued} == {
            f"m{n}@mmsc": (SEEDS[hop.seed], keys[f"m{hop.parent}@mmsc"] if hop.parent is not None else None) for n, hop in enumerate(HOPS)
        }
        serials = {each.serial for each in issued}
        assert len(issued) == len(serials) == FORWARDS
        taken = Counter(found[0] for line in read(self.folder / "taken.jsonl") for found in [re.findall(r"[0-9A-Z]{14}", line.text or "")])
        assert set(taken) == serials, "a serial was lost, or sent that is nobody's"
        assert max(taken.values()) <= most, taken
        assert {row.state for row in rows} == {"delivered"}
        assert {row.tries for row in rows} <= {1, 2}
        said = (self.folder / "mmsd.log").read_text()
        assert not any(serial in said for serial in serials)
        assert "861391234" not in said
        return taken


_CONFIG: Final = """
[state]
directory = "{folder}/state"
[web]
port = 0
[campaigns]
directory = "{folder}/campaigns"
[sequencer]
chunk_bytes = 4096
tick_seconds = 0.0
poll_seconds = 0.05
[feeds.mmsc1]
dialect = "mbuni"
paths = ["{folder}/mmsc.log"]
[governor.transactional]
switch = "on"
quiet = false
[outbox]
grace_seconds = {grace}
poll_seconds = 0.05
[links.smsc1]
kind = "{protocol}"
host = "127.0.0.1"
port = {port}
{name}
password_file = "{folder}/password"
source = "10657"
classes = ["transactional"]
window = {window}
rate = 1000.0
retry_seconds = 0.1
retry_limit_seconds = 0.2
"""


def _campaign() -> str:
    carried = [[f"m{n}@mmsc" for n, hop in enumerate(HOPS) if hop.seed == place] for place in range(len(SEEDS))]
    seeds = "".join(f'[[seeds]]\nid = "{name}"\nmessages = {messages}\n' for name, messages in zip(SEEDS, carried, strict=True))
    return f"""
id = "relay"
name = "Relay"
starts = "2026-01-01"
ends = "2036-12-31"
hold = 0.0
language = "en"
{seeds}"""


def _log() -> str:
    """Each message received, notified and fetched, a second apart."""
    lines = []
    for n, hop in enumerate(HOPS):
        sender, receiver, message = f"+86139123400{hop.sender:02}", f"+86139123400{hop.receiver:02}", f"m{n}@mmsc"
        for step, (event, who, to, size) in enumerate(
            (("Received", sender, receiver, 5000), ("Notify", "system", receiver, -1), ("Fetched", sender, receiver, 5000))
        ):
            lines.append(
                f"2026-11-22 12:{n:02}:{10 + step} {event} MMS [INT:MM1] [ACT:] [MMSC:] [from:{who}] [to:{to}] [msgid:{message}]"
                f" [size={size}] [UA:x] [MMBox:]\n"
            )
    return "".join(lines)
