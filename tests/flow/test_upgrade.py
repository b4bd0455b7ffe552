"""A state directory that an older mmsd wrote: this one goes on with it, and nothing that was earned is earned again.

`tests/data/state/format-9.tar.xz` holds logs and state of `house` as the mmsd of State's format 9 left them, in which what was awarded was
awarded in every campaign: what Ann sent Bob had left memory, what she sent Cat had not.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import msgspec

from mmsd import config
from mmsd.model import SECOND
from mmsd.rules import state
from mmsd.rules.settings import CampaignSettings, SeedSettings
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow import rig
from tests.rules.test_awards import ANN, BOB, CAT, DAN, EVE, MMSC, NOON, SEEDED, TAP, Line, sent

OLD: Path = Path(__file__).parents[1] / "data" / "state" / "format-9.tar.xz"
TORCH = CampaignSettings(
    id="torch", name="Torch", starts="2026-11-22", ends="2026-11-30", senders=("10658366",), hold=1.0, seeds=(SeedSettings("s1"),)
)
LAMPS = msgspec.structs.replace(TORCH, id="lamps", name="Lamps", senders=(), seeds=(SeedSettings("l1"),))


def house(folder: Path) -> rig.House:
    """Its logs and its state lie in `folder`."""
    feeds = {
        "mmsc": config.Feed("columns", (folder / "mmsc.log*",), role="mmsc", options=MMSC),
        "tap": config.Feed("columns", (folder / "tap.log*",), role="copies", options=TAP),
    }
    return rig.House(
        folder, folder / "state", rig.Clock((NOON + 600) * SECOND), judgement=rig.replaced(quiet=1200.0), campaigns=(TORCH, LAMPS),
        given=config.Settings(feeds=feeds),
    )  # fmt: skip


def write(run: rig.House, name: str, lines: list[Line], seeds: tuple[str, ...] = ("torch/s1",)) -> None:
    """The MMSC's lines, and a tap's copies of what they submit."""
    with (run.logs / f"mmsc.log.{name}").open("a") as log:
        log.write("".join(map(str, sorted(lines))))
    with (run.logs / f"tap.log.{name}").open("a") as tap:
        for line in sorted(lines):
            if line.kind == "SUBMIT":
                tap.writelines(
                    f"{NOON + line.at}|{line.sender}|{receiver}|{line.transaction}|{line.size}|{seed}\n"
                    for seed in seeds for receiver in line.receivers
                )  # fmt: skip


def go_on(run: rig.House) -> None:
    """Reads what there is, and stops."""
    assert run.life(rig.Misfortune(), run.done)


def told(run: rig.House) -> list[tuple[str, int, bool]]:
    """(campaign, receiver, whether there is a serial) of each forward."""
    with SqliteStore.open(run.state, settings=Settings(durable=False), keys=rig.KEYS, wall=lambda: 0) as store:
        return sorted((one.forward.campaign, int(one.forward.receiver), bool(one.serial)) for one in store.all_forwards())


def make(folder: Path) -> None:
    """What the archive holds; to be run with the mmsd that is to be left behind."""
    run = house(folder)
    write(run, "1", [*SEEDED, *sent(20, ANN, BOB, "s1", "t1")])
    run.read_all()
    run.clock.now += 3600 * SECOND
    write(run, "2", sent(7000, ANN, CAT, "s2", "t2"))
    write(run, "2", sent(7060, EVE, DAN, "plain", "t3"), ())
    go_on(run)


def test_what_format_9_awarded_is_awarded_in_every_campaign(tmp_path: Path) -> None:
    assert state.FORMAT == 10
    shutil.unpack_archive(OLD, tmp_path)
    run = house(tmp_path)
    run.draw = random.Random(10)  # other serials than `make` drew
    run.clock.now += 2 * 3600 * SECOND
    assert told(run) == [("torch", BOB, True), ("torch", CAT, True)]
    with run.process() as sequencer:
        assert list(sequencer.state.cold)
        assert {entry.awarded for held in sequencer.state.published.values() for entry in held.values()} == {True, False}
    again = [*sent(20, ANN, BOB, "s1", "t1"), *sent(7000, ANN, CAT, "s2", "t2")]
    write(run, "3", [line for line in again if line.kind == "SUBMIT"], ("lamps/l1",))
    write(run, "3", sent(9000, ANN, EVE, "s5", "t5"), ("torch/s1", "lamps/l1"))
    run.read_all()
    assert told(run) == [("lamps", EVE, True), ("torch", BOB, True), ("torch", CAT, True), ("torch", EVE, True)]
