"""All feeds of a simulated province at once: MMSCs, SMS centre, two gateways, sessions and browsing, through the daemon's own intake."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from bench import measure, province
from bench.pipeline import Stages, intake_of, read_all, stage_rows
from bench.scan import Report
from mmsd.cli import prepare_memory
from sim.pace import generate
from sim.scenario import load

LINES_A_SECOND: Final = 2_300
"""About what the scenario `hour` writes, two thirds of it browsing."""
LEAST_SECONDS: Final = 30


def logs(seconds: int) -> Path:
    """So many seconds of the scenario `hour`, made once."""
    hour = load(Path("hour"))
    messages = hour.run.messages * seconds // hour.run.submitting
    run = msgspec.structs.replace(hour.run, messages=messages, submitting=seconds)

    def make(path: Path) -> None:
        path.mkdir()
        generate(msgspec.structs.replace(hour, run=run), path)

    return province.kept(f"hour-{seconds}", make)


def main() -> None:
    """`python -m bench.hour mmsd|stages FOLDER`: JSON."""
    from bench import simulated  # and all of judging: the process that only times needs none of it

    measure.alone()
    prepare_memory()
    party, out = sys.argv[1], Path(sys.argv[2])
    for path in out.rglob("*"):
        if path.is_file():
            measure.warm(path)
    end = json.loads((out / "totals.json").read_text())["now"]
    stages: Stages = defaultdict(lambda: [0.0, 0.0])
    with measure.folder() as state, intake_of(simulated.settings_of(out), end, state) as (sequencer, store):
        facts = read_all(sequencer, store, state, stages if party == "stages" else None)
        octets = sequencer.progress.octets.total()
    measure.tell(facts | {"stages": dict(stages), "octets": octets})


def run(lines: int, say: Callable[[str], None]) -> Report:
    """About `lines` lines; `python -m bench hour --lines 8300000` is the scenario's whole hour (4 GB)."""
    seconds = max(lines // LINES_A_SECOND, LEAST_SECONDS)
    say(f"simulating {seconds:,} seconds")
    out = logs(seconds)
    facts = measure.in_turns({"mmsd": lambda: measure.child("bench.hour", "mmsd", str(out))}, say, times=3)["mmsd"]
    say("stages")
    watched = measure.child("bench.hour", "stages", str(out))
    row = {
        "all feeds": f"{seconds:,} s of a province",
        "runs": facts["runs"],
        "lines": facts["lines"],
        "lines/s": int(facts["lines"] / facts["seconds"]),
        "by CPU": int(facts["lines"] / facts["cpu"]),
        "MB/s": facts["octets"] / facts["seconds"] / 1e6,
        "× its own pace": seconds / facts["seconds"],
        "most held at once": facts["open"],
        "peak MiB": facts["peak_mib"],
        "MB stored": facts["stored"] / 1e6,
        "rejects": facts["rejects"],
    }
    return Report(
        {"hour": [row], "hour: where the time goes": stage_rows(watched)},
        ["One core, durable. Every failure of the scenario is in it: what is rare in life takes its share of the time here."],
    )


if __name__ == "__main__":
    main()
