"""A process that stores step after step and comes to harm: killed at the n-th time it comes to a named point, or its n-th commit has an
I/O error ("error", "durable_error"). Run by test_faults; writes a line for every step acknowledged."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from mmsd.errors import StoreDoubt
from mmsd.model import Batch, HourCount, Serial
from mmsd.store import Needs, Rows
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Faults, Settings, SqliteStore, commit
from tests.store.values import closed, extent, forward, mark

DOUBT = 70


def step(n: int, snapshot: str = "") -> Batch:
    """The n-th Batch: ten bytes of a log, one delivery, one forward with its serial."""
    return Batch(
        at=n,
        delta=b"" if snapshot else bytes([n]),
        snapshot=snapshot,
        marks=[("mmsc1", mark(10 * n + 10))],
        extents=[extent(10 * n, 10 * n + 10)],
        hours=[HourCount(1, "mmsc1", "", "delivered", "OK", 1)],
        forwards=[forward(n)],
        serials=[Serial(f"S{n:04}", forward(n).key)],
        closed=closed(receiver=1 << 60, message=n + 1),
    )


def main(directory: str, where: str, times: str) -> None:
    left = int(times)

    def point(name: str) -> None:
        nonlocal left
        left -= name == where
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def harmed(connection: sqlite3.Connection) -> None:
        nonlocal left
        left -= where.endswith("error")
        if left or where == "durable_error":
            commit(connection)
        if not left:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error

    keys = Keys(bytes(range(32)), os.urandom)
    store = SqliteStore.open(Path(directory), settings=Settings(), keys=keys, wall=lambda: 0, faults=Faults(point, harmed))
    for n in range(12):
        snapshot = store.write_snapshot([bytes(range(n + 1))]) if n % 4 == 3 else ""

        def decide(_: Rows, n: int = n, snapshot: str = snapshot) -> Batch:
            return step(n, snapshot)

        try:
            store.transact(Needs(), decide)
        except StoreDoubt:
            left = 99  # the disk is well again, but nobody asks it
            refused(lambda: store.transact(Needs(), decide))
            refused(store.load)
            refused(lambda: store.save_cursor("mqtt", 1))
            store.close()
            sys.exit(DOUBT)
        sys.stdout.write(f"{n + 1}\n")
        sys.stdout.flush()


def refused(work: Callable[[], object]) -> None:
    try:
        work()
    except StoreDoubt:
        return
    sys.exit("a connection in doubt was used again")


if __name__ == "__main__":
    main(*sys.argv[1:])
