"""A long queue costs a claim no more than a short one (P07: an hour's worth of rows waits in the store)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from mmsd.model import Batch
from mmsd.store import Needs, Overdue, outbox
from mmsd.store.sqlite import DATABASE, Settings, SqliteStore
from tests.flow.leaving import NOON, row
from tests.flow.rig import KEYS


def steps(folder: Path, many: int) -> int:
    """Hundreds of SQLite's instructions that it takes to find nothing overdue among so many rows that wait."""
    with SqliteStore.open(folder, settings=Settings(durable=False), keys=KEYS, wall=lambda: NOON) as store:
        asked = Batch(NOON, outbox=[row(f"m{n}") for n in range(many)])
        store.transact(Needs(), lambda _: asked)
    taken = 0

    def step() -> int:
        nonlocal taken
        taken += 1
        return 0

    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.set_progress_handler(step, 100)
        assert outbox.overdue(connection, KEYS, Overdue(NOON, 1, 256)) == []
    return taken


def test_what_waits_and_is_not_overdue_is_not_walked_over(tmp_path: Path) -> None:
    assert steps(tmp_path / "long", 2000) <= steps(tmp_path / "short", 20) + 2
