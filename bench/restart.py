"""Restart: from the command to a served page, over a state directory with very many open deliveries."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import measure, province
from bench.pipeline import intake
from bench.scan import Report

RATE: Final = 1000.0
"""Messages a second, none ever fetched: a million are open before the first has been quiet for half an hour."""

CONFIG: Final = """
[state]
directory = "{state}"
[web]
port = 0
[feeds.mmsc]
dialect = "mbuni"
paths = ["{log}"]
"""
PATIENCE: Final = 600.0


def prepare(messages: int, state: Path) -> measure.Facts:
    """Reads the log of that many messages into the state directory."""
    with intake(province.access_log(messages, rate=RATE, never=1.0), state) as (sequencer, _):
        while sequencer.tick():
            pass
        return {"open": sequencer.state.open_count()}


def ready(config: Path, ready_file: Path) -> measure.Facts:
    """Starts the daemon, waits until it serves, ends it."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "mmsd", "run", str(config), "--ready-file", str(ready_file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not ready_file.exists():
            if process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                raise SystemExit(f"the daemon did not start: {process.returncode}")
            time.sleep(0.005)
        seconds = time.perf_counter() - begun
        cpu = sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")
        status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
        return {"seconds": seconds, "cpu": cpu, "peak_mib": int(status["VmHWM"].split()[0]) >> 10}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        ready_file.unlink(missing_ok=True)


def main() -> None:
    """`python -m bench.restart MESSAGES STATE`: prepares; `python -m bench.restart CONFIG READY`: starts. JSON."""
    measure.alone()
    first, second = sys.argv[1:]
    measure.tell(prepare(int(first), Path(second)) if first.isdigit() else ready(Path(first), Path(second)))


def run(lines: int, say: Callable[[str], None]) -> Report:
    """`lines` open deliveries; `python -m bench restart --lines 1000000` is the issue's."""
    with measure.folder() as place:
        state, used, config = place / "state", place / "used", place / "mmsd.toml"
        say(f"{lines:,} messages")
        prepared = measure.child("bench.restart", str(lines), str(state))
        log = place / "nothing.log"  # what is timed is the start, not reading on
        log.symlink_to(province.access_log(lines, rate=RATE, never=1.0))
        config.write_text(CONFIG.format(state=used, log=log))
        stored = sum(path.stat().st_size for path in state.iterdir())

        def start() -> measure.Facts:  # of the same State each time: a daemon that serves goes on to close what is overdue by its clock
            shutil.rmtree(used, ignore_errors=True)
            shutil.copytree(state, used)
            return measure.child("bench.restart", str(config), str(place / "ready"))

        found = measure.in_turns({"mmsd": start}, say)["mmsd"]
    row = {
        "restart": "from the command to a served page",
        "open deliveries": prepared["open"],
        "MB of state directory": stored / 1e6,
        "s": found["seconds"],
        "CPU s": found["cpu"],
        "peak MiB": found["peak_mib"],
    }
    return Report({"restart": [row]}, ["Must: 5 s with a million open deliveries; aim: 1 s. The process's own start is among it."])


if __name__ == "__main__":
    main()
