"""Memory: the most a process held while it read, flat from a log to one ten times as long, and with 225,000 deliveries open."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import measure, province
from bench.pipeline import LINES_A_MESSAGE, ours
from bench.scan import Report
from mmsd.cli import prepare_memory

OPEN: Final = 225_000
OPEN_RATE: Final = 150.0
"""Messages a second: all are submitted within 25 minutes, before the first of them has been quiet for 30."""


def main() -> None:
    """`python -m bench.memory [FILE]`: JSON of a run of the daemon's intake; without FILE only what the process weighs before it."""
    measure.alone()
    prepare_memory()
    measure.tell(ours(Path(sys.argv[1])) if sys.argv[1:] else {"peak_mib": measure.peak_mib()})


def run(lines: int, say: Callable[[str], None]) -> Report:
    """`lines` lines and ten times as many; `python -m bench memory --lines 2000000` is the issue's."""
    messages = lines // LINES_A_MESSAGE
    bare = measure.child("bench.memory")["peak_mib"]
    rows = []
    times = []
    for count in (messages, 10 * messages):
        say(f"{count * LINES_A_MESSAGE:,} lines")
        facts = measure.child("bench.memory", str(province.access_log(count)))
        times.append(facts)
        rows.append(_row(f"one in ten never finishes, {count / province.RATE / 60:,.0f} minutes", facts, bare))
    say(f"{OPEN:,} open")
    log = province.access_log(OPEN, rate=OPEN_RATE, never=1.0)
    rows.append(_row(f"{OPEN:,} submitted and none fetched", measure.child("bench.memory", str(log)), bare))
    growth = [
        {
            "ten times the lines take ×": times[1]["seconds"] / times[0]["seconds"],
            "by CPU ×": times[1]["cpu"] / times[0]["cpu"],
            "and × the memory": times[1]["peak_mib"] / times[0]["peak_mib"],
        }
    ]
    return Report(
        {"memory of the daemon's intake, one MMSC": rows, "growth": growth},
        [
            "Must: 160 MiB with 225,000 open and no more from 2 M to 20 M lines; 10.5 times the time. Aim: 100 MiB, 10.2 times.",
            "Peak is the process's high-water mark (VmHWM), the interpreter, numpy and SQLite's cache included.",
            "A log shorter than half an hour of event time (1 M lines) has nothing spilled yet: then memory grows with the lines.",
        ],
    )


def _row(what: str, facts: measure.Facts, bare: int) -> measure.Facts:
    return {
        "log": what,
        "lines": facts["lines"],
        "lines/s": int(facts["lines"] / facts["seconds"]),
        "most held at once": facts["open"],
        "peak MiB": facts["peak_mib"],
        "less the bare process": facts["peak_mib"] - bare,
        "MB stored": facts["stored"] / 1e6,
    }


if __name__ == "__main__":
    main()
