"""Seeds and the life of campaigns while lines are read: both change without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mmsd import app, config
from mmsd.flow.sequencer import Sequencer
from mmsd.model import HOUR, Batch, LifeStep
from mmsd.rules.life import CLOSED, DRAFT, PAUSED, RUNNING
from mmsd.rules.settings import CampaignSettings, Judgement, SeedSettings
from mmsd.store import Needs
from mmsd.store.sqlite import SqliteStore
from tests.store.test_seeds import new

SERVICE, ANN, BOB, CAT = 10658366, 8613800000001, 8613800000002, 8613800000003
BEGIN = int(datetime(2026, 11, 22, 17, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1_000_000


def campaign(*seeds: SeedSettings) -> CampaignSettings:
    return CampaignSettings("relay", "Relay", "2026-11-22", "2026-11-22", seeds, senders=(str(SERVICE),), hold=1.0)


class Town:
    """An MMSC's log that grows, and a sequencer that reads it."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.keys = app.throwaway_keys()
        self.store = SqliteStore.memory(keys=self.keys, wall=app.wall)

    def opened(self, settings: CampaignSettings) -> Sequencer:
        self.log.touch()
        feeds = {"mmsc": config.Feed("mbuni", (self.log,))}
        whole = config.Settings(feeds=feeds, judgement=Judgement(grace=0.0, skew=0.0))
        return app.intake(whole, self.store, self.keys, app.World(wall=lambda: BEGIN + HOUR), campaigns=[settings])

    def says(self, sequencer: Sequencer, *sent: tuple[int, int, int]) -> list[tuple[str, str]]:
        """After messages (second, from, to): of each forward so far the receiver, and why it does not count."""
        with self.log.open("a") as lines:
            for at, sender, receiver in sent:
                for name, later in (("Received", 0), ("Fetched", 3)):
                    minute, second = divmod(at + later, 60)
                    lines.write(
                        f"2026-11-22 17:{minute:02}:{second:02} {name} MMS [INT:MM1] [ACT:] [MMSC:] [from:+{sender}] [to:+{receiver}] "
                        f"[msgid:m{at}] [size=150] [UA:] [MMBox:]\n"
                    )
        while sequencer.tick():
            pass
        return [(issued.forward.receiver, issued.forward.reason) for issued in self.store.all_forwards()]

    def put(self, batch: Batch) -> None:
        self.store.transact(Needs(), lambda _: batch)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path / "mmsc-access.log")
    yield made
    made.store.close()


def step(second: int, state: str) -> Batch:
    return Batch(BEGIN, lives=[LifeStep("relay", BEGIN + second * 1_000_000, state, "Zhou", "planned")])


def test_a_seed_that_is_registered_is_live_at_once(town: Town):
    sequencer = town.opened(campaign())
    assert town.says(sequencer, (1, SERVICE, ANN), (20, ANN, BOB)) == []
    town.put(Batch(BEGIN, seeds=[new("first")]))  # the only one of its campaign: what the service sends is it
    assert town.says(sequencer, (60, SERVICE, ANN), (80, SERVICE, BOB), (100, SERVICE, CAT)) == []
    assert sequencer.state.seed_names == ["relay/first"]
    assert [seed.settings.id for seed in sequencer.judge.campaigns.seeds] == ["first"]
    town.put(Batch(BEGIN, seeds=[new("second")]))  # now the service alone tells no seed
    town.says(sequencer, (120, SERVICE, CAT))
    assert sequencer.state.seed_names == ["relay/first", "relay/second"]
    assert sequencer.judge.campaigns.is_service(SERVICE)


def test_what_a_forward_is_worth_by_the_life_of_its_campaign_when_it_was_submitted(town: Town):
    sequencer = town.opened(campaign(SeedSettings("torch", messages=("m1", *(f"m{second}" for second in range(10, 100))))))
    town.put(step(0, DRAFT))
    assert town.says(sequencer, (1, SERVICE, ANN), (10, ANN, BOB)) == [(str(BOB), "not_running")]
    for each in (step(20, RUNNING), step(40, PAUSED), step(50, CLOSED)):
        town.put(each)
    found = town.says(sequencer, (25, ANN, BOB), (45, BOB, CAT), (50, CAT, ANN), (300, CAT, CAT))  # lines of before the steps, behind them
    assert sorted(reason for _, reason in found) == ["", "", "closed", "not_running"]
    assert town.store.counts("relay").forwards == 2


def test_seeds_and_lives_are_there_again_after_a_start(town: Town):
    town.put(Batch(BEGIN, seeds=[new("first")]))
    town.put(step(0, CLOSED))
    sequencer = town.opened(campaign())
    assert town.says(sequencer, (1, SERVICE, ANN), (20, SERVICE, BOB)) == []
    (seed,) = sequencer.judge.campaigns.seeds
    assert [each.state for each in seed.life] == [CLOSED]
