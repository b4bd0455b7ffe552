"""One number's week: how long a look takes in a store with a province's segments."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from bench import measure, province
from bench.scan import Report
from mmsd import app, config
from mmsd.model import CLOSED, DAY, Batch
from mmsd.store import DeliveryFilter, Needs
from mmsd.store.sqlite import SqliteStore

DAYS: Final = 7
ROWS_A_BATCH: Final = 20_000
PROBES: Final = 300


def fill(directory: Path, rows: int) -> None:
    """So many judged deliveries of the last week, closed in order of time; every receiver is a subscriber's hash."""
    settings = config.Settings(feeds={}, state=config.State(directory=directory))
    keys = app.load_keys(settings)
    rng = np.random.default_rng(7)
    hashes = rng.integers(1, 1 << 63, province.SUBSCRIBERS, dtype=np.uint64) * np.uint64(2)
    for probe in range(PROBES):
        hashes[probe] = keys.blind(number(probe))
    first = (province.START // 86400) * DAY
    with SqliteStore.open(directory, settings=settings.store, keys=keys, wall=app.wall) as store:
        for at in range(0, rows, ROWS_A_BATCH):
            count = min(ROWS_A_BATCH, rows - at)
            closed = np.zeros(count, CLOSED)
            closed["at"] = closed["closed"] = first + (at + np.arange(count)) * (DAYS * DAY // rows)
            closed["receiver"] = hashes[rng.integers(0, len(hashes), count)]
            closed["message"] = rng.integers(1, 1 << 63, count)
            closed["outcome"], closed["size"] = 1, 30_000
            batch = Batch(int(closed["at"][-1]), closed=closed)
            store.transact(Needs(), lambda _, batch=batch: batch)  # type: ignore[misc]  # bound at once


def number(probe: int) -> str:
    return f"{8613800000000 + probe}"


def look(directory: Path, *, cold: bool) -> list[float]:
    """Milliseconds of each look: the segments, and the rows of failures, requests and findings. `cold`: all read from disk."""
    settings = config.Settings(feeds={}, state=config.State(directory=directory))
    found, times = 0, []
    with SqliteStore.open(directory, settings=settings.store, keys=app.load_keys(settings), wall=app.wall) as store:
        for probe in range(PROBES):
            if cold:
                _forget(directory)
            begun = time.perf_counter()
            story = store.story(number(probe))
            store.deliveries(DeliveryFilter(number=number(probe)), 100)
            store.attempts(number(probe), 100)
            store.findings(number(probe), 100)
            times.append((time.perf_counter() - begun) * 1e3)
            found += len(story)
    if not found:
        raise SystemExit("none of the numbers has a story")
    return times


def _forget(directory: Path) -> None:
    for path in directory.glob("mmsd.db*"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def main() -> None:
    """`python -m bench.story DIRECTORY ROWS`: fills the store, looks; JSON."""
    measure.alone()
    directory, rows = Path(sys.argv[1]), int(sys.argv[2])
    clock = measure.Clock()
    fill(directory, rows)
    filled = clock.facts()
    answers = {name: look(directory, cold=cold) for name, cold in (("in memory", False), ("from disk", True))}
    size = sum(path.stat().st_size for path in directory.iterdir())
    measure.tell({"fill": filled, "size": size, "times": answers})


def run(lines: int, say: Callable[[str], None]) -> Report:
    """Ten rows a line; the issue's province has 85 million in seven days (`--lines 8500000`: 7 GB, ten minutes)."""
    rows = 10 * lines
    say(f"{rows:,} rows")
    with measure.folder() as directory:
        facts = measure.child("bench.story", str(directory), str(rows))
    table = [
        {
            "one number's week": name,
            "rows stored": rows,
            "MB": facts["size"] / 1e6,
            "p50 ms": statistics.median(times),
            "p99 ms": statistics.quantiles(times, n=100)[98],
            "most ms": max(times),
        }
        for name, times in facts["times"].items()
    ]
    return Report(
        {"story": table},
        [
            f"Storing the rows took {facts['fill']['cpu'] / rows * 1e9:,.0f} ns of processor a row, housekeeping included.",
            "Must: 200 ms; aim: 50 ms. From disk: the pages of the database were dropped from the system's memory before each look.",
        ],
    )


if __name__ == "__main__":
    main()
