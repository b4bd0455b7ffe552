"""A live province for three quarters of a minute, and what its daemons have to bear meanwhile."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.e2e.running import PATIENCE, ROOT, Daemon, configure, until

ORDERLY = 20.0
"""Seconds a daemon has to end when asked."""
KILLS: Final = 5
STOPS: Final = 3
"""At least so many: each way of stopping once."""


class Hardship:
    """The simulator writes; `killed` is killed at any moment, `stopped` is asked to end, asked twice, or held and let go.

    Where a start takes long it goes on after the simulator has ended, over what is left to read, until enough was done.
    """

    def __init__(self, folder: Path, seconds: float, seed: int) -> None:
        self.logs = folder / "logs"
        command = [sys.executable, "-m", "sim", "live", "demo", "--out", str(self.logs), "--duration", str(seconds)]
        self._simulator = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until((self.logs / "feeds.json").exists, "the simulator writes its feeds")
        until((self.logs / "cities.csv").exists, "the simulator writes its cities")
        self.killed = Daemon(configure(folder / "killed", self.logs))
        self.stopped = Daemon(configure(folder / "stopped", self.logs))
        self.done: Counter[str] = Counter()
        self.codes: dict[str, list[int]] = {"asked": [], "asked twice": []}
        self._broken: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(work, random.Random(seed + place)), name=work.__name__)
            for place, work in enumerate((self._kill, self._stop))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._simulator.poll() is None:
            self._simulator.terminate()
        self._simulator.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        for daemon in (self.killed, self.stopped):
            daemon.kill()

    def endured(self) -> None:
        """Waits until the logs are complete and nothing more is done to the daemons; both run. Raises what went wrong on the way."""
        assert self._simulator.wait(2 * PATIENCE) == 0
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        for error in self._broken:
            raise error

    def _guarded(self, work: Callable[[random.Random], None], chance: random.Random) -> None:
        try:
            work(chance)
        except BaseException as error:  # noqa: BLE001 - told by `endured`, in the test's own thread
            self._broken.append(error)

    def _writing(self, seconds: float) -> bool:
        """Lets so much time pass; False when the simulator has ended meanwhile."""
        try:
            self._simulator.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _kill(self, chance: random.Random) -> None:
        self.killed.start()
        while self._writing(chance.uniform(0.05, 5.0)) or self.done["killed"] < KILLS:
            early = chance.random() < 0.3  # before it is served: while it opens its store, loads, reads what has come meanwhile
            self.killed.kill()
            self.done["killed"] += 1
            self.killed.start(ready=not early)
        until(self.killed.served, "ready at last")

    def _stop(self, chance: random.Random) -> None:
        daemon = self.stopped
        daemon.start()
        while self._writing(chance.uniform(0.5, 3.0)) or self.done["stops"] < STOPS:
            way = ("asked", "asked twice", "held")[self.done["stops"] % 3]
            self.done["stops"] += 1
            self.done[way] += 1
            if way == "held":
                daemon.signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0.5, 3.0))
                daemon.signal(signal.SIGCONT)
                continue
            daemon.signal(signal.SIGTERM)
            if way == "asked twice":
                daemon.signal(signal.SIGTERM)
            self.codes[way].append(daemon.wait(ORDERLY))
            daemon.start()
