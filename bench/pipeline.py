"""The whole way: an MMSC's log read, joined, judged and stored so that a power cut loses nothing, beside duckdb and polars.

Ours is the daemon's own intake: live, chunks of 1 MiB, as many to a transaction as a backlog fills, synchronous=FULL, with State's delta or
snapshot, segments and positions in it. What the peers do is in `bench.joined`.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import joined, measure, province
from bench.scan import Report
from mmsd import app, config
from mmsd.cli import prepare_memory
from mmsd.flow.sequencer import Sequencer
from mmsd.store.sqlite import SqliteStore

LINES_A_MESSAGE: Final = 4

Stages = defaultdict[str, list[float]]
"""By stage: wall-clock seconds, and processor seconds of the thread that called it."""


def world(end: int) -> app.World:
    """A world whose clock stands behind the log's last line, µs UTC, and goes on from there."""
    begun = time.monotonic()
    return app.World(wall=lambda: end + int((time.monotonic() - begun) * 1e6))


@contextmanager
def intake(log: Path, state: Path) -> Iterator[tuple[Sequencer, SqliteStore]]:
    """The daemon's intake of one MMSC, ready to tick, on a state directory."""
    settings = config.Settings(feeds={"mmsc": config.Feed("mbuni", (log,))})
    with intake_of(settings, province.end(log), state) as both:
        yield both


@contextmanager
def intake_of(settings: config.Settings, end: int, state: Path) -> Iterator[tuple[Sequencer, SqliteStore]]:
    """The daemon's intake of these feeds, at the time `end` (µs UTC)."""
    here = world(end)
    settings = msgspec.structs.replace(settings, state=config.State(directory=state))
    keys = app.load_keys(settings)
    with (
        SqliteStore.open(state, settings=settings.store, keys=keys, wall=here.wall) as store,
        app.intake(settings, store, keys, here) as sequencer,
    ):
        yield sequencer, store


def ours(log: Path, stages: Stages | None = None) -> measure.Facts:
    """Reads the log to its end; `stages` gets what each part took."""
    with measure.folder() as state, intake(log, state) as (sequencer, store):
        facts = read_all(sequencer, store, state, stages)
    if facts["rejects"]:
        raise SystemExit(f"the bench's own log is not read: {facts['rejects']}")
    return facts


def read_all(sequencer: Sequencer, store: SqliteStore, state: Path, stages: Stages | None = None) -> measure.Facts:
    """Ticks until nothing is left to read."""
    if stages is not None:
        _watch_stages(sequencer, store, stages)
    clock = measure.Clock()
    most = 0
    while sequencer.tick():
        most = max(most, sequencer.state.open_count())
    facts = clock.facts()
    progress = sequencer.progress
    if progress.trouble:
        raise SystemExit(f"intake stopped: {progress.trouble}")
    return facts | {
        "lines": progress.lines.total(),
        "rejects": progress.rejects.total(),
        "batches": progress.batches,
        "outcomes": dict(progress.outcomes),
        "open": most,
        "stored": sum(path.stat().st_size for path in state.iterdir()),
        "peak_mib": measure.peak_mib(),
    }


STAGES: Final = {
    "read": ("source", "read"),
    "scan": ("dialect", "scan"),
    "join": ("state", "take"),
    "judge": ("judge", "judge"),
    "prune": ("state", "prune"),
    "taking back": ("sequencer", "_thaw"),
    "putting away": ("state", "spill_express"),
    "State's change": ("sequencer", "_pack_state"),
    "closed rows": ("sequencer", "_closed"),
    "transaction": ("store", "transact"),
}
"""Parts of a tick by the call that does them; none is inside another."""


def _watch_stages(sequencer: Sequencer, store: SqliteStore, stages: Stages) -> None:
    owners: dict[str, list[Any]] = {
        "source": [feed.source for feed in sequencer.feeds],
        "dialect": [feed.dialect for feed in sequencer.feeds],
        "state": [sequencer.state],
        "judge": [sequencer.judge],
        "store": [store],
        "sequencer": [sequencer],
    }
    for stage, (kind, name) in STAGES.items():
        for owner in owners[kind]:
            setattr(owner, name, _watched(getattr(owner, name), stage, stages))


def _watched(call: Callable[..., Any], stage: str, stages: Stages) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        begun = time.perf_counter(), time.thread_time()
        try:
            return call(*arguments, **named)
        finally:
            spent = stages[stage]
            spent[0] += time.perf_counter() - begun[0]
            spent[1] += time.thread_time() - begun[1]

    return watched


def stage_rows(watched: measure.Facts) -> list[measure.Facts]:
    """A table of the stages of a watched run, the dearest first."""
    stages: dict[str, list[float]] = watched["stages"]
    rest = watched["seconds"] - sum(wall for wall, _ in stages.values())
    return [
        {
            "stage": stage,
            "ns a line": wall / watched["lines"] * 1e9,
            "of its thread's CPU": cpu / watched["lines"] * 1e9,
            "share %": 100 * wall / watched["seconds"],
        }
        for stage, (wall, cpu) in sorted((stages | {"the rest of a tick": [rest, rest]}).items(), key=lambda item: -item[1][0])
    ]


def main() -> None:
    """`python -m bench.pipeline mmsd|stages|duckdb|polars FILE`: JSON."""
    measure.alone()
    party, path = sys.argv[1:]
    log = Path(path)
    measure.warm(log)
    if party in ("mmsd", "stages"):
        prepare_memory()  # as the daemon's process is
    if party == "mmsd":
        measure.tell(ours(log))
    elif party == "stages":
        stages: Stages = defaultdict(lambda: [0.0, 0.0])
        facts = ours(log, stages)
        measure.tell(facts | {"stages": dict(stages)})
    else:
        with measure.folder() as out:
            measure.tell(joined.WHOLE[party](log, out, province.end(log)))


def run(lines: int, say: Callable[[str], None]) -> Report:
    """`lines` lines, of a quarter as many messages."""
    messages = lines // LINES_A_MESSAGE
    say(f"writing {lines:,} lines")
    log = province.access_log(messages)

    def party(name: str) -> Callable[[], measure.Facts]:
        return lambda: measure.child("bench.pipeline", name, str(log))

    found = measure.in_turns({name: party(name) for name in ("mmsd", *joined.WHOLE)}, say)
    mine = found["mmsd"]
    rows = [
        {
            "whole way": name,
            "runs": facts["runs"],
            "s": facts["seconds"],
            "CPU s": facts["cpu"],
            "lines/s": int(facts["lines"] / facts["seconds"]),
            "mmsd is × faster": facts["seconds"] / mine["seconds"],
            "by CPU": facts["cpu"] / mine["cpu"],
            "peak MiB": facts["peak_mib"],
            "MB stored": facts["stored"] / 1e6,
        }
        for name, facts in found.items()
    ]
    say("stages")
    watched = party("stages")()
    parts = stage_rows(watched)
    said = {name: facts["outcomes"] for name, facts in found.items()}
    return Report(
        {
            f"the whole way: {mine['lines']:,} lines of {messages:,} messages, one core, durable": rows,
            "where mmsd's time goes (a run of its own)": parts,
        },
        [
            f"{lines / (messages / province.RATE):.0f} lines a second of event time; mmsd held {mine['open']:,} deliveries at once"
            f" and committed {mine['batches']:,} times.",
            f"Outcomes: {said}",
            "Must: 2.5 times as fast as duckdb, 3 times as fast as polars, 2 M lines/s; aim: 4.5, 5.5, 3.5 M.",
            *joined.NOTES,
        ],
    )


if __name__ == "__main__":
    main()
