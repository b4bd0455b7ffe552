"""Days of a campaign are closed by what the logs say the time is, once, whatever happens meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest

from mmsd.model import HOUR
from mmsd.rules.closing import end_of
from mmsd.store.campaign_counts import Close
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow import rig
from tests.flow.conftest import Houses

pytestmark = pytest.mark.usefixtures("hurried")

SHORT = msgspec.structs.replace(rig.CAMPAIGN, ends="2026-11-22")
MIDNIGHT = end_of(date(2026, 11, 22), ZoneInfo(SHORT.zone))


@contextmanager
def opened(run: rig.House) -> Iterator[SqliteStore]:
    store = SqliteStore.open(run.state, settings=Settings(durable=False), keys=rig.KEYS, wall=run.clock.wall)
    try:
        yield store
    finally:
        store.close()


def closes(run: rig.House) -> list[Close]:
    with opened(run) as store:
        return store.campaign_closes("torch")


def wait(run: rig.House, until: int, harms: tuple[str, ...] = ()) -> None:
    """The clock moves on with nothing more to read; each of `harms` strikes once on the way."""
    run.clock.now = until
    for harm in harms:
        run.life(rig.Misfortune(harm), lambda sequencer: not sequencer.tick())
    with run.process() as sequencer:
        while sequencer.tick():
            pass


def test_a_day_is_said_twice_as_it_stands(house: Houses, seed: int) -> None:
    harms = random.Random(seed).sample(("relate", "committed", "doubt", "durable doubt", "full", "before_commit", "after_commit"), 3)
    run = house(seed, campaigns=(SHORT,))
    run.read_all()
    assert closes(run) == []
    wait(run, MIDNIGHT - HOUR)
    with opened(run) as store:
        days, counts = store.campaign_days("torch"), store.counts("torch")
    assert counts.forwards > 0
    wait(run, MIDNIGHT + HOUR, tuple(harms))
    [provisional] = closes(run)
    assert (provisional.day, provisional.stage, provisional.people) == ("2026-11-22", "provisional", counts.people)
    assert provisional.cities == {city: figures for (_, city), figures in days.items()}
    assert MIDNIGHT <= provisional.horizon <= run.clock.now

    wait(run, MIDNIGHT + 8 * 24 * HOUR, tuple(harms))
    said = closes(run)
    assert said[0] == provisional, "what was said stays"
    assert [(close.day, close.stage) for close in said] == [
        (f"2026-11-{day}", stage) for day in (22, 23, 24, 25) for stage in ("provisional", "final")
    ]
    assert said[1].cities == provisional.cities
    assert all(not close.cities and not close.people for close in said[2:])
    with opened(run) as store:
        told = [(event.subject, event.data) for event in store.events(0, 10_000) if event.topic == "close"]
    assert told == [
        ("torch", {"day": "2026-11-22", "stage": "provisional"}),
        *(
            ("torch", {"day": f"2026-11-{day}", "stage": stage})
            for day, stage in ((22, "final"), (23, "provisional"), (23, "final"), (24, "provisional"), (24, "final"),
                               (25, "provisional"), (25, "final"))
        ),
    ]  # fmt: skip


def test_a_replay_that_reads_as_if_for_ever_closes_no_day_to_come(house: Houses, seed: int) -> None:
    run = house(seed, follow=False)
    run.read_all()
    assert closes(run) == []
