"""A node whose files come late accuses nobody while it is waited for (R5): what is said of absence is what is said in the end."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from mmsd.flow.sequencer import Sequencer, Source
from mmsd.model import HOUR, SECOND
from sim.pace import live
from tests.flow import ledger, rig
from tests.flow.conftest import Houses, Plain, scenario

pytestmark = pytest.mark.usefixtures("hurried")

LATE = 30.0
"""Seconds between two looks at the proxy's log, as if it came in files of so long. Windows are 22 seconds wide here."""


class InFiles:
    """A tailer that sees news every `LATE` seconds only; in between it is at its end."""

    def __init__(self, tail: Source, clock: rig.Clock) -> None:
        self._tail = tail
        self._clock = clock
        self._looked = 0

    def poll(self) -> None:
        if self._clock.now - self._looked >= LATE * SECOND:
            self._looked = self._clock.now
            self._tail.poll()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tail, name)

    @property
    def idle(self) -> bool:
        return self._tail.idle


def said(run: rig.House, logs: Path, delay: float) -> list[tuple[bytes, str, str]]:
    """(delivery, row, cause) of all that was ever said to have failed, in order, and the rows as they ended."""
    told: list[tuple[bytes, str, str]] = []

    def note(sequencer: Sequencer) -> None:
        if sequencer.last is not None:
            told.extend((key, row.rule, row.cause) for key, row in sequencer.last.deliveries if row.outcome == "failed")
            sequencer.last = None

    def reading() -> Generator[None, None, None]:
        with run.process() as sequencer:
            proxy = next(feed for feed in sequencer.feeds if feed.name == "squid")
            proxy.source = InFiles(proxy.source, run.clock)
            proxy.delay = round(delay * SECOND)
            while True:
                sequencer.tick()
                note(sequencer)
                yield

    reader = reading()

    def pause(_: float) -> None:
        run.clock.now += SECOND
        next(reader)

    live(scenario(), logs, 100.0, wall=run.clock.wall, pause=pause, stopped=lambda: False)
    for _ in range(90):
        pause(0.0)
    reader.close()
    run.end()
    return told


def test_a_feed_that_comes_late_accuses_nobody(house: Houses, plain: Plain, tmp_path: Path, seed: int) -> None:
    wrong: dict[float, int] = {}
    for delay in (0.0, LATE + 2):
        logs = tmp_path / f"logs-{delay}"
        run = house(seed, logs, keep_all=False)
        run.clock.now -= HOUR
        told = said(run, logs, delay)
        final = {key: (rule, cause) for key, rule, cause in told}
        wrong[delay] = sum(final[key] != (rule, cause) for key, rule, cause in told)
        assert len(final) > 10
        assert not ledger.differences(ledger.read(run.state), plain(run), more_forwards=not delay)
    assert wrong[0.0] > 0, "not waited for, it accuses until it comes"
    assert wrong[LATE + 2] == 0
