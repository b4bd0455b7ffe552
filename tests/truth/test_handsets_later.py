"""What is learned of a handset after a verdict: a list that comes in the afternoon restates the morning's messages, for 72 hours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bench.judged import Lists, import_lists
from bench.simulated import made, settings_of
from mmsd import app, config
from mmsd.flow.sequencer import Sequencer
from mmsd.model import HOUR, MINUTE, Delivery
from mmsd.store.sqlite import SqliteStore

LATER: Final = (2 * HOUR, 71 * HOUR)
TOO_LATE: Final = 80 * HOUR


class Daemon:
    """A daemon that reads a finished run; its clock is moved by hand."""

    def __init__(self, out: Path) -> None:
        self.settings = settings_of(out)
        self.now = int(json.loads((out / "totals.json").read_text())["now"]) + MINUTE
        self.keys = app.throwaway_keys()
        world = replace(app.World(), wall=lambda: self.now, monotonic=lambda: self.now / 1e6)
        self.store = SqliteStore.memory(keys=self.keys, wall=world.wall)
        campaigns = config.load_campaigns(out / "campaigns")
        self.sequencer: Sequencer = app.intake(self.settings, self.store, self.keys, world, keep_all=True, campaigns=campaigns)

    def read(self) -> None:
        while self.sequencer.tick():
            pass

    def wait(self, micros: int) -> None:
        """Time goes by, and housekeeping with it."""
        end = self.now + micros
        while self.now < end:
            self.now = min(self.now + HOUR, end)
            self.read()

    def said(self, numbers: set[str]) -> dict[tuple[str, str], Delivery]:
        return {(row.receiver, row.leg): row for row in self.store.all_deliveries() if row.receiver in numbers and row.outcome == "failed"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return made("table", tmp_path / "table", messages=160).out


@pytest.fixture
def daemon(out: Path) -> Iterator[Daemon]:
    daemon = Daemon(out)
    daemon.read()
    yield daemon
    daemon.sequencer.close()
    daemon.store.close()


def deaf(out: Path) -> set[str]:
    """Numbers whose handset has no MMS."""
    stays = map(json.loads, (out / "subscribers.jsonl").read_text().splitlines())
    return {stay["number"] for stay in stays if stay["behaviour"] == "no_mms"}


@pytest.mark.parametrize("later", LATER)
def test_the_mornings_messages_are_said_anew(out: Path, daemon: Daemon, later: int):
    before = daemon.said(deaf(out))
    assert {row.cause for row in before.values()} <= {"NO_RETRIEVE", "NO_PDP"}
    assert before
    daemon.wait(later)
    others = {row.leg: row for row in daemon.store.all_deliveries() if row.receiver not in deaf(out)}
    import_lists(Lists(out / "handsets.csv", out / "tac.csv", daemon.now), daemon.settings, daemon.store, daemon.keys)
    daemon.wait(2 * MINUTE)
    after = daemon.said(deaf(out))
    assert after.keys() == before.keys()
    assert {(row.cause, row.rule) for row in after.values()} == {("UNSUPPORTED", "U1")}
    assert {row.leg: row for row in daemon.store.all_deliveries() if row.receiver not in deaf(out)} == others


def test_after_72_hours_a_verdict_stands(out: Path, daemon: Daemon):
    before = daemon.said(deaf(out))
    daemon.wait(TOO_LATE)
    import_lists(Lists(out / "handsets.csv", out / "tac.csv", daemon.now), daemon.settings, daemon.store, daemon.keys)
    daemon.wait(2 * MINUTE)
    assert daemon.said(deaf(out)) == before
