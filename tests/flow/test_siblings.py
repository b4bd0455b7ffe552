"""Numbered siblings of one campaign, received and sent on by the same people, through late and doubled lines, two nodes and kills: each
forward comes of the copy of that very seed, and has its one serial."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from mmsd import config
from mmsd.flow import sequencer
from mmsd.flow.lineage import Resolving
from mmsd.flow.sequencer import Sequencer
from mmsd.model import HOUR, SECOND
from mmsd.rules.settings import CampaignSettings, SeedSettings
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow import ledger, rig
from tests.flow.conftest import Houses
from tests.rules.test_awards import ANN, MIDNIGHT, MMSC, NOON, SERVICE, TAP, Line, campaign, sent

pytestmark = pytest.mark.usefixtures("hurried")

FAMILY: Final = ("leg-1", "leg-2", "leg-3")
PEOPLE: Final = tuple(ANN + n for n in range(8))
FIRST: Final = PEOPLE[0]
APART: Final = 4
"""Seconds from one message to the next: each is fetched before the next is sent."""


class Told(NamedTuple):
    """What is to be said of a forward. `parent`: a message, "" for the service's own."""

    sender: int
    receiver: int
    seed: str
    parent: str
    generation: int
    parents: int
    received: int


class Story(NamedTuple):
    lines: Sequence[Line]
    copies: Sequence[str]  # lines of a tap, the service's own messages among them
    told: Mapping[str, Told]  # by message


def _story() -> Story:
    """The service sends all siblings to the first; whoever holds one sends it on, to each receiver once."""
    draw = random.Random(6)
    lines: list[Line] = []
    copies: list[str] = []
    told: dict[str, Told] = {}
    held: dict[tuple[int, str], list[tuple[int, str, int]]] = {}  # of whom, of which seed: (at, message, generation)
    at = 0

    def send(sender: int, receiver: int, seed: str, message: str, generation: int) -> None:
        lines.extend(sent(at, sender, receiver, message, f"t-{message}"))
        copies.append(f"{NOON + at}|{sender}|{receiver}|t-{message}|150|torch/{seed}\n")
        held.setdefault((receiver, seed), []).append((at + 2, message if generation else "", generation))

    for seed in FAMILY:
        send(SERVICE, FIRST, seed, f"{seed}-0", 0)
        at += APART
    done: set[tuple[int, int, str]] = set()
    while len(told) < 60:
        sender, seed = draw.choice(list(held))
        receiver = draw.choice(PEOPLE)
        if sender == receiver or (sender, receiver, seed) in done:
            continue
        done.add((sender, receiver, seed))
        message = f"{seed}-{len(told) + 1}"
        copies_held = held[sender, seed]
        when, parent, generation = copies_held[-1]
        told[message] = Told(sender, receiver, seed, parent, generation + 1, len(copies_held), (NOON + when) * SECOND)
        send(sender, receiver, seed, message, generation + 1)
        at += APART
    return Story(sorted(lines), copies, told)


STORY: Final = _story()
ALL: Final = [str(line) for line in STORY.lines]
FETCHED: Final = [str(line) for line in STORY.lines if line.kind == "FETCH"]
TAKEN: Final = [str(line) for line in STORY.lines if line.kind != "FETCH"]
Files = dict[str, list[str]]
LOGS: Final[dict[str, tuple[Files, Files]]] = {
    "in time": ({"mmsc.log": ALL}, {}),
    "late": ({}, {"mmsc.log": ALL}),
    "half of them late": ({"mmsc.log": ALL[::2]}, {"mmsc.log.9": ALL[1::2]}),
    "twice": ({"mmsc.log": ALL}, {"mmsc.log.9": [ALL[-1], *ALL]}),
    "by two nodes": ({"mmsc.log": ALL, "twin.log": ALL}, {}),
    "by two nodes, each a part": ({"mmsc.log": TAKEN, "twin.log": FETCHED}, {}),
}
"""Files that are there the first time, and those that come before the second, much later."""
COPIES: Final[dict[str, tuple[Files, Files]]] = {
    "in time": ({"tap.log": list(STORY.copies)}, {}),
    "late": ({}, {"tap.log": list(STORY.copies)}),
    "twice": ({"tap.log": list(STORY.copies)}, {"tap.log.1": [*STORY.copies[::2], *STORY.copies[1::2]]}),
}


def test_the_story_is_one_that_tells() -> None:
    """Were any copy of the campaign taken for the parent, most of it would be said otherwise."""
    newest: dict[int, str] = {}
    wrong = 0
    for message, told in STORY.told.items():
        wrong += newest.get(told.sender, "") != told.parent
        newest[told.receiver] = message
    assert wrong > len(STORY.told) // 3


def _campaign() -> CampaignSettings:
    return campaign(seeds=tuple(map(SeedSettings, FAMILY)), hold=2.0)


def _house(house: Houses, seed: int, folder: Path, logs: Iterable[str]) -> rig.House:
    """Both nodes are one MMSC: message ids are its own."""
    run = house(seed, folder, keep_all=False)
    first = config.Feed("columns", (folder / "mmsc.log*",), role="mmsc", domain="mmsc", options=MMSC)
    feeds = {
        "mmsc": first,
        "tap": config.Feed("columns", (folder / "tap.log*",), role="copies", options=TAP),
    }
    if "twin.log" in logs:
        feeds["twin"] = msgspec.structs.replace(first, node="twin", paths=(folder / "twin.log*",))
    run.given, run.campaigns = config.Settings(feeds=feeds), (_campaign(),)
    run.clock.now = (NOON + 1200) * SECOND
    return run


def _write(folder: Path, *files: Files) -> None:
    for each in files:
        for name, lines in each.items():
            (folder / name).write_text("".join(lines))


async def _here(call: Callable[..., Any], *arguments: Any) -> Any:
    return call(*arguments)


def _judge(run: rig.House, story: str) -> None:
    """At the close all is as it was: forwards, whence they came, a serial each and a message that tells it."""
    run.clock.now = MIDNIGHT * SECOND + HOUR
    with run.process() as process:
        while process.tick():
            pass
        state = process.state
        asyncio.run(Resolving(process._store, state.held, state.seed_number, wall=run.clock.wall, call=_here).turn())
    with SqliteStore.open(run.state, settings=Settings(durable=False), keys=rig.KEYS, wall=run.clock.wall) as store:
        issued = list(store.all_forwards())
    messages = {one.forward.key: one.forward.message for one in issued} | {None: ""}
    found = {
        row.message: Told(
            int(row.sender), int(row.receiver), row.seed, messages[row.parent], row.generation, row.parents, row.received
        )
        for one in issued if (row := one.forward).counted
    }  # fmt: skip
    assert found == STORY.told, f"{story}: {dict(found.items() - STORY.told.items())}, {dict(STORY.told.items() - found.items())}"
    serials = [one.serial for one in issued]
    assert all(serials), story
    assert len(set(serials)) == len(serials) == len(STORY.told), story
    told = Counter(row for row in ledger.read(run.state)["outbox"].elements() if isinstance(row, tuple) and row[1] == "serial")
    assert len(told) == told.total() == len(STORY.told), story


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("logged", LOGS)
def test_late_or_twice_through_kills(house: Houses, tmp_path: Path, logged: str, copied: str, seed: int) -> None:
    (folder := tmp_path / "logs").mkdir()
    (logs, later), (copies, copies_later) = LOGS[logged], COPIES[copied]
    run = _house(house, seed, folder, logs)
    _write(folder, logs, copies)
    story = run.history((1000, 4000))
    run.clock.now += HOUR // 2
    _write(folder, later, copies_later)
    story += f"; {run.history((1000, 4000))}"
    _judge(run, story)


@pytest.mark.parametrize("harm", rig.HARMS)
def test_killed_once_at_each_boundary(house: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str, seed: int) -> None:
    monkeypatch.setattr(sequencer, "SNAPSHOT_BYTES", 4000)
    (folder := tmp_path / "logs").mkdir()
    _write(folder, LOGS["by two nodes, each a part"][0], COPIES["in time"][0])
    struck = 0
    for left in (0, 1, 3, 7):
        run = _house(house, seed + left, folder, ["twin.log"])
        misfortune = rig.Misfortune(harm, left)
        while not run.life(misfortune, run.done, largest=2000):
            pass
        run.end()
        struck += misfortune.struck
        _judge(run, f"{harm} {left}")
    assert struck


def test_a_start_at_which_there_is_nothing_to_read(house: Houses, tmp_path: Path, seed: int) -> None:
    """Every other life is given no line, and looks at whoever is due all the same: at those, too, whose past lies in the store."""
    (folder := tmp_path / "logs").mkdir()
    _write(folder, LOGS["in time"][0])
    run = _house(house, seed, folder, [])
    left, lives, whole = 0, 0, False

    def until(process: Sequencer) -> bool:
        nonlocal left, whole
        left -= 1
        whole = run.done(process)
        return left < 0

    while not whole:
        left, lives = 2, lives + 1
        assert run.life(rig.Misfortune(), until, largest=800, sloth=float(lives % 2 == 0))
    assert lives > 10
    _write(folder, COPIES["late"][1])
    story = run.history((1000, 4000))
    _judge(run, story)
