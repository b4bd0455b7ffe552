"""However the daemon is ended, and whenever: at the end it says what the simulator says, and every serial was given once."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from pathlib import Path

from tests.e2e.hardship import KILLS, ORDERLY, Hardship
from tests.e2e.running import Daemon, configure


def consistent(daemon: Daemon, logs: Path) -> None:
    """The figures agree; then the daemon ends as asked, and its store is sound."""
    daemon.agrees(logs)
    forwards = daemon.totals()["forwards"]
    assert forwards > 0
    daemon.process.terminate()
    assert daemon.wait(ORDERLY) == 0
    with sqlite3.connect(f"file:{daemon.state}/mmsd.db?mode=ro", uri=True) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []
        given, numbers, owners = store.execute("SELECT count(*), count(DISTINCT lookup), count(DISTINCT forward) FROM serial").fetchone()
        (told,) = store.execute("SELECT count(*) FROM outbox WHERE purpose = 'serial'").fetchone()
    store.close()
    assert given == numbers == owners == told == forwards
    assert "Traceback" not in daemon.output()


def test_killed_at_any_moment_it_comes_to_the_truth(hardship: Hardship) -> None:
    hardship.endured()
    assert hardship.done["killed"] >= KILLS
    consistent(hardship.killed, hardship.logs)


def test_stopped_held_and_stopped_twice_it_comes_to_the_truth(hardship: Hardship) -> None:
    hardship.endured()
    assert min(hardship.done[way] for way in ("asked", "asked twice", "held")) >= 1
    assert set(hardship.codes["asked"]) == {0}
    # 130: the second came before the first was done; -SIGTERM: when all was done and nobody listened to signals any more
    assert set(hardship.codes["asked twice"]) <= {0, 130, -signal.SIGTERM}
    consistent(hardship.stopped, hardship.logs)


def test_killed_again_and_again_over_a_backlog_it_comes_to_the_truth(tmp_path: Path, logs: Path, seed: int) -> None:
    """Small chunks: a commit at every moment, and always something to read."""
    chance = random.Random(seed)
    daemon = Daemon(configure(tmp_path, logs, more="[sequencer]\nchunk_bytes = 32768"))
    read = []
    try:
        for longest in (0.0, 0.5, 0.5, 0.5, 0.5, 0.5):
            daemon.start()
            time.sleep(chance.uniform(0.0, longest))  # a moment of chance, nothing is asserted of it
            daemon.kill()
            read.append(lines(daemon))
        daemon.start()
        consistent(daemon, logs)
    finally:
        daemon.kill()
    assert read == sorted(read)
    assert read[0] < lines(daemon)  # it was under way


def lines(daemon: Daemon) -> int:
    """As committed."""
    store = sqlite3.connect(f"file:{daemon.state}/mmsd.db?mode=ro", uri=True)
    try:
        (total,) = store.execute("SELECT coalesce(sum(lines), 0) FROM line_count WHERE reason = ''").fetchone()
    finally:
        store.close()
    return int(total)
