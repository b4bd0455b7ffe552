"""What takes its time is begun at once and looked at when its turn comes: a live province with two daemons beside it, and `make run`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from sim.pace import generate
from sim.scenario import load
from tests.e2e.hardship import Hardship
from tests.e2e.running import PATIENCE, ROOT

LIVE = 44.0
"""Seconds of the demo: its messages take 29 of them to end."""


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished province of yesterday, its truth beside it. Only read.

    A daemon's clock is today's: what is older than it may be restated, or than its history, is read as such.
    """
    out = tmp_path_factory.mktemp("logs")
    small = load(Path("small"))
    day = datetime.now(small.run.start.tzinfo) - timedelta(days=1)
    start = small.run.start.replace(year=day.year, month=day.month, day=day.day)
    generate(replace(small, run=replace(small.run, start=start)), out)
    return out


@pytest.fixture(scope="session")
def hardship(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hardship]:
    """Logs that grow while one daemon is killed again and again, another stopped in every other way."""
    with Hardship(tmp_path_factory.mktemp("hardship"), LIVE, int(request.config.option.seed)) as made:
        yield made


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """`make run DURATION=44`; in the middle somebody kills its daemon."""
    out = tmp_path_factory.mktemp("runner") / "demo"
    command = [sys.executable, "-m", "sim.run", "--duration", str(LIVE), "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    over = threading.Event()

    def kill() -> None:
        pause = LIVE / 3
        while not over.wait(pause):
            with contextlib.suppress(FileNotFoundError, ValueError):  # it has not begun yet
                os.kill(int((out / "state/mmsd.lock").read_text()), signal.SIGKILL)
                return
            pause = 0.1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield process
    finally:
        over.set()
        killer.join()
        process.terminate()  # it ends its children
        process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="session", autouse=True)
def _begin_at_once(request: pytest.FixtureRequest) -> None:
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    for name in ("hardship", "runner"):
        if name in asked:
            request.getfixturevalue(name)
