"""How a party is timed: alone in a process, on one core, in turns with its peers; the median of what it took.

Seconds are wall-clock seconds of the core it was given (waiting for the disk counts, as it does in life) and, beside them, processor
seconds of all its threads (which a neighbour on a busy machine changes less).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench import province

TIMES: Final = 5
PATIENCE: Final = 240.0
"""Seconds a party may take in all; one that is slower is run less often, and the table says how often."""
SINGLE: Final = {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

Facts = dict[str, Any]


def alone() -> None:
    """From here on this process and its threads have the last core and no other."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def child(*words: str) -> Facts:
    """`python -m WORDS`, which calls `alone` first of all; its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        env=os.environ | SINGLE,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    answer: Facts = json.loads(done.stdout)
    return answer


def in_turns(parties: Mapping[str, Callable[[], Facts]], say: Callable[[str], None], times: int = TIMES) -> dict[str, Facts]:
    """Runs the parties one after the other, `times` times; of every number the median, of what is no number the last."""
    answers: dict[str, list[Facts]] = {name: [] for name in parties}
    spent = dict.fromkeys(parties, 0.0)
    for turn in range(times):
        for name, party in parties.items():
            if turn and spent[name] * (turn + 1) / turn > PATIENCE:
                continue
            say(f"{name}, {turn + 1} of {times}")
            begun = time.perf_counter()
            answers[name].append(party())
            spent[name] += time.perf_counter() - begun
    return {name: _median(found) | {"runs": len(found)} for name, found in answers.items()}


def _median(found: list[Facts]) -> Facts:
    return {
        key: type(value)(statistics.median(answer[key] for answer in found)) if isinstance(value, int | float) else value
        for key, value in found[-1].items()
    }


class Clock:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def facts(self) -> Facts:
        return {"seconds": time.perf_counter() - self._wall, "cpu": time.process_time() - self._processor}


def peak_mib() -> int:
    """The most memory this process ever held; getrusage would tell the most its parent held, too."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) >> 10


@contextmanager
def folder() -> Iterator[Path]:
    """A directory beside the cached files, on the same disk; gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="run-", dir=province.cache()))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def tell(facts: Facts) -> None:
    """A child's answer."""
    print(json.dumps(facts))


def warm(path: Path) -> None:
    """Has the file in the page cache, so that all parties read it from there."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
