"""Messages through a link and its sockets: sent, answered, reported, committed. The centre is the simulator's, a process of its own.

Our side does what the daemon does: answers and receipts are committed in SQLite with synchronous=FULL, all that came while the last commit
ran together, and a receipt is acknowledged after its commit. Timed from the first submit to the last receipt's commit.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from mmsd.link import cmpp, smpp
from mmsd.link.carry import Accepted, Link, Message, Receipt, Text, Up

Protocol = Literal["smpp", "cmpp"]
WINDOW: Final = 100
PATIENCE: Final = 120.0  # seconds
TEXT: Final = "端午安康，一路平安"
CENTRE: Final = """\
protocol = "{protocol}"
down_window = 100
[[accounts]]
name = "mmsd"
password = "secret"
window = 100
[receipts]
after = 0.0
"""


@contextmanager
def centre(folder: Path, protocol: Protocol) -> Iterator[tuple[int, int]]:
    """The simulator's centre: its port, and the number of its process."""
    settings = folder / "centre.toml"
    settings.write_text(CENTRE.format(protocol=protocol))
    command = [sys.executable, "-m", "sim", "centre", "--settings", str(settings), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().rpartition(":")[2]), process.pid
        finally:
            process.terminate()
            process.communicate()  # what it counted


def link(folder: Path, protocol: Protocol, port: int) -> Link:
    password = folder / "password"
    password.write_text("secret")
    password.chmod(0o600)
    common: dict[str, Any] = {"host": "127.0.0.1", "port": port, "password_file": str(password), "window": WINDOW, "rate": 1e6}
    if protocol == "smpp":
        return smpp.link(smpp.Settings(system_id="mmsd", **common), random=random.random, wall=wall)
    return cmpp.link(cmpp.Settings(sp_id="mmsd", **common), random=random.random, wall=wall)


def wall() -> int:
    return time.time_ns() // 1000


def spent(process: int) -> float:
    """Processor seconds of another process so far (proc(5): fields 14 and 15, in ticks)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Books:
    """What came in, committed in groups: each takes all that waits."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE told (key TEXT, id TEXT, state TEXT, final INTEGER)"
        )
        self._waiting: list[tuple[tuple[str, str, str, int], Receipt | None]] = []
        self._came = asyncio.Event()
        self.commits = self.receipts = 0

    def add(self, row: tuple[str, str, str, int], owed: Receipt | None = None) -> None:
        self._waiting.append((row, owed))
        self._came.set()

    async def keep(self, receipts: int) -> None:
        """Commits until so many receipts are in the books and acknowledged."""
        while self.receipts < receipts:
            await self._came.wait()
            self._came.clear()
            group, self._waiting = self._waiting, []
            await asyncio.to_thread(self._commit, [row for row, _ in group])
            self.commits += 1
            for _, owed in group:
                if owed is not None:
                    await owed.settle()
                    self.receipts += 1

    def _commit(self, rows: list[tuple[str, str, str, int]]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT INTO told VALUES (?, ?, ?, ?)", rows)
        self._database.execute("COMMIT")

    def rows(self) -> int:
        count: int = self._database.execute("SELECT count(DISTINCT key || final) FROM told").fetchone()[0]
        self._database.close()
        return count


async def carry(ours: Link, books: Books, count: int) -> tuple[float, float]:
    """(wall-clock, processor) seconds of `count` messages."""
    up = asyncio.Event()
    keys = itertools.count()

    async def hear() -> None:
        async for event in ours.events():
            if isinstance(event, Up):
                up.set()
            elif isinstance(event, Receipt):
                books.add((event.key or "", event.id, event.state, 1), event)

    async def send() -> None:
        """Takes the next key, as long as there is one."""
        while (number := next(keys)) < count:
            answer = await ours.send(Message(f"k{number}", f"86139{number:08d}", Text(TEXT)))
            assert isinstance(answer, Accepted), answer
            books.add((answer.key, answer.ids[0], "", 0))

    async with ours, asyncio.timeout(PATIENCE):
        hearing = asyncio.create_task(hear())
        await up.wait()
        begun, processor = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as group:
            group.create_task(books.keep(count))
            for _ in range(2 * WINDOW):
                group.create_task(send())
        took = time.perf_counter() - begun, time.process_time() - processor
    await hearing
    return took


def measure(protocol: Protocol, count: int) -> dict[str, float]:
    """One run, in files of its own: seconds of ours and of the centre's, and commits."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("MMSD_BENCH_CACHE")) as name:
        folder = Path(name)
        books = Books(folder / "books.sqlite")
        with centre(folder, protocol) as (port, process):
            before = spent(process)
            seconds, ours = asyncio.run(carry(link(folder, protocol, port), books, count))
            theirs = spent(process) - before
        if books.rows() != 2 * count:
            raise AssertionError("not every message has its answer and its receipt")
    return {"wall": seconds, "ours": ours, "theirs": theirs, "commits": books.commits}
