"""R10: whatever happens on the way, the same files give the same ledger and the same counters."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.score import real_day_settings
from mmsd.errors import StoreDoubt, StoreError
from mmsd.flow.sequencer import Sequencer
from mmsd.model import HOUR, SECOND, Batch
from mmsd.rules.groups import Groups
from mmsd.rules.settings import Operator
from mmsd.rules.state import State
from mmsd.store import Needs, Rows
from mmsd.store.sqlite import SqliteStore
from sim.pace import live
from tests.flow import ledger, rig
from tests.flow.conftest import Houses, Plain, scenario

pytestmark = pytest.mark.usefixtures("hurried")


def told(differences: list[str], story: str) -> str:
    return "\n".join([story, *(line[:400] for line in differences[:12]), f"{len(differences)} differences"])


def test_any_history_gives_the_same_ledger(house: Houses, plain: Plain, province: Path, headless: Path, seed: int, effort: int) -> None:
    """Chunks, interleaving and harm at random; rows of every delivery or of the remarkable ones, an MMSC given or learned."""
    for number in range(seed, seed + 12 * effort):
        draw = random.Random(number)
        run = house(
            number,
            draw.choice((province, headless)),
            follow=draw.random() < 0.8,
            keep_all=draw.random() < 0.5,
            operator=draw.choice((Operator(), rig.OPERATOR)),
            judgement=rig.replaced(quiet=draw.choice((2.0, 8.0, 60.0))),
        )
        story = run.history()
        differences = ledger.differences(ledger.read(run.state), plain(run))
        assert not differences, told(differences, f"history {number}: {story}")


def test_a_real_day(house: Houses, plain: Plain, shared: Path, seed: int, effort: int) -> None:
    """Ten minutes of real nodes, whose lines come later and stranger than a simulator's."""
    settings = real_day_settings(shared / "samples/real-day")
    judgement = msgspec.structs.replace(settings.judgement, quiet=30.0)
    for number in range(seed, seed + effort):
        run = house(number, given=settings, judgement=judgement, campaigns=())
        run.clock.now += 24 * HOUR
        story = run.history((100_000, 400_000, 1 << 20))
        differences = ledger.differences(ledger.read(run.state), plain(run))
        assert not differences, told(differences, f"history {number}: {story}")


@pytest.mark.parametrize("feed", rig.DIALECTS)
def test_a_feed_that_comes_last(house: Houses, plain: Plain, feed: str, province: Path, tmp_path: Path, seed: int) -> None:
    """Every deadline has passed when it comes, and all is restated.

    What was counted stays counted: without the gateway's lines, or long after them, nothing tells a repetition from a second forward.
    """
    logs = tmp_path / "logs"
    files = [path.relative_to(province) for path in province.rglob("*") if path.is_file()]
    withheld = [path for path in files if path.match(rig.DIALECTS[feed][1])]
    assert withheld

    def appear(path: Path) -> None:
        (logs / path).parent.mkdir(parents=True, exist_ok=True)
        (logs / path).hardlink_to(province / path)

    for path in files:
        if path not in withheld:
            appear(path)
    run = house(seed, logs)
    run.history()
    for path in withheld:
        appear(path)
    story = run.history()
    differences = ledger.differences(ledger.read(run.state), plain(run), more_forwards=feed in ("wapbox", "squid", "sms"))
    assert not differences, told(differences, story)


def test_files_that_grow(house: Houses, plain: Plain, tmp_path: Path, seed: int, effort: int) -> None:
    """The simulator writes and rotates by a clock that both see; lines come halves first, now and then the reader is late or dies."""
    for number in range(seed, seed + effort):
        draw = random.Random(number)
        logs = tmp_path / f"logs-{number}"
        run = house(number, logs)
        run.clock.now -= HOUR
        reading = _growing(run, draw)

        def pause(_: float, run: rig.House = run, draw: random.Random = draw, reading: Generator[None, None, None] = reading) -> None:
            run.clock.now += round(draw.choice((0.2, 0.5, 0.9)) * SECOND)
            next(reading)

        live(scenario(), logs, 100.0, wall=run.clock.wall, pause=pause, stopped=lambda: False)
        reading.close()
        story = run.history()
        differences = ledger.differences(ledger.read(run.state), plain(run))
        assert not differences, told(differences, f"growth {number}: {story}")


def _growing(run: rig.House, draw: random.Random) -> Generator[None, None, None]:
    """One tick, or a few, each time it is asked; the process dies in between, or in the middle."""
    yield
    while True:
        misfortune = rig.Misfortune(draw.choice(rig.HARMS), draw.randrange(30))
        try:
            with run.process(misfortune) as sequencer:
                for _ in range(draw.randrange(5, 80)):
                    for _ in range(draw.choice((0, 1, 1, 2))):
                        sequencer.tick()
                    yield
        except (rig.Killed, StoreDoubt):
            pass


def test_a_killed_process(house: Houses, plain: Plain, province: Path, seed: int) -> None:
    """A real process and SIGKILL, after a random number of commits and at any moment of the next."""
    draw = random.Random(seed)
    run = house(seed)
    for life in range(20):
        command = [sys.executable, "-m", "tests.flow.victim", str(province), str(run.state), str(seed + life)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
            assert process.stdout is not None
            ticks = draw.randrange(1, 25) if life < 6 else 1 << 30
            said = [line.strip() for line, _ in zip(process.stdout, range(ticks), strict=False)]
            process.kill()
        if "done" in said:
            break
    differences = ledger.differences(ledger.read(run.state), plain(run))
    assert not differences, told(differences, f"killed {life} times")


# ------------------------------------------------------------------------------------------------------------- planted faults


def _state_kept(patch: pytest.MonkeyPatch) -> None:
    """R4 broken: after a failed commit only the marks go back."""
    load = Sequencer.load

    def keep(self: Sequencer) -> None:
        if self.progress.reloads == 0:
            load(self)
            return
        loaded = self._store.load()
        for feed in self.feeds:
            feed.source.reset(loaded.marks.get(feed.name, ()))

    patch.setattr(Sequencer, "load", keep)


def _marks_apart(patch: pytest.MonkeyPatch) -> None:
    """R2 broken: facts in one transaction, positions in the next."""
    transact = SqliteStore.transact

    def apart(self: SqliteStore, needs: Needs, decide: Any) -> None:
        later = Batch(0)

        def facts(rows: Rows) -> Batch:
            batch: Batch = decide(rows)
            later.marks, later.extents, later.at = batch.marks, batch.extents, batch.at
            batch.marks, batch.extents = [], []
            return batch

        transact(self, needs, facts)
        transact(self, Needs(), lambda _: later)

    patch.setattr(SqliteStore, "transact", apart)


def _judged_on_arrival(patch: pytest.MonkeyPatch) -> None:
    """R5 broken: absence is judged by the newest line of the fastest feed."""
    patch.setattr(Sequencer, "_horizon", lambda self, but="": max(self.state.marks.values(), default=0))


def _never_thawed(patch: pytest.MonkeyPatch) -> None:
    """R8 broken: what was spilled stays away."""
    patch.setattr(Sequencer, "_thaw", lambda self, subscribers, horizon: None)


def _delta_without(*parts: str) -> Any:
    def plant(patch: pytest.MonkeyPatch) -> None:
        delta = State.delta

        def lossy(self: State) -> Iterator[bytes]:
            for part in parts:
                if part in ("texts", "groups"):
                    getattr(self, part).forget_changes()
                else:
                    self._fresh[part] = type(self._fresh[part])()
            return delta(self)

        patch.setattr(State, "delta", lossy)

    return plant


def _express_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What runs by the book is in no delta, only in snapshots."""
    delta = State.delta

    def lossy(self: State) -> Iterator[bytes]:
        if self.express is not None:
            self.express.forget_changes()
        return delta(self)

    patch.setattr(State, "delta", lossy)


def _never_revived(patch: pytest.MonkeyPatch) -> None:
    """R8 broken on the express lane: who comes back comes without his past."""
    patch.setattr(Groups, "take_back", lambda self, found: self._express.revive(self._wanted[0]))


def _awarded_again(patch: pytest.MonkeyPatch) -> None:
    """What was awarded is forgotten at every load, and the decision does not look whether the forward is there."""
    _forget_awards(patch)
    transact = SqliteStore.transact
    patch.setattr(SqliteStore, "transact", lambda self, needs, decide: transact(self, Needs(ordinals=needs.ordinals), decide))


def _forget_awards(patch: pytest.MonkeyPatch) -> None:
    load = State.load

    def forget(self: State, packed: Any) -> None:
        load(self, packed)
        for held in self.published.values():
            for entry in held.values():
                entry.awarded = ()

    patch.setattr(State, "load", forget)


PLANTED = {
    "state kept": _state_kept,
    "marks apart": _marks_apart,
    "judged on arrival": _judged_on_arrival,
    "never thawed": _never_thawed,
    "awarded again": _awarded_again,
} | {f"delta without {part}": _delta_without(part) for part in ("traces", "published", "gone", "spilled", "forgotten", "texts", "active")}


PLANTED_ON_THE_LANE = {
    "delta without the express lane": _express_forgotten,
    "delta without groups": _delta_without("groups"),
    "never revived": _never_revived,
}


@pytest.mark.parametrize("plant", [*PLANTED.values(), *PLANTED_ON_THE_LANE.values()], ids=[*PLANTED, *PLANTED_ON_THE_LANE])
def test_a_planted_fault_is_seen(plant: Any, house: Houses, plain: Plain, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Each rule switched off in turn shows in the ledger, or the store refuses, within a few histories."""
    express = plant is not PLANTED["delta without forgotten"]
    keep_all = express and plant not in PLANTED_ON_THE_LANE.values()
    judgement = rig.replaced(quiet=2.0)
    plain(house(0, keep_all=keep_all, express=express, judgement=judgement))
    plant(monkeypatch)
    for number in range(seed, seed + 20):
        run = house(number, keep_all=keep_all, express=express, judgement=judgement)
        try:
            run.history()
        except (StoreError, LookupError):  # it refuses, or what was said names what is gone
            return
        if ledger.differences(ledger.read(run.state), plain(run)):
            return
    pytest.fail("twenty histories, and nobody saw it")


def test_keys_guard_what_was_awarded(house: Houses, plain: Plain, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """R7: even where State forgot what it awarded, nobody gets a second serial."""
    _forget_awards(monkeypatch)
    run = house(seed)
    story = run.history()
    differences = ledger.differences(ledger.read(run.state), plain(run))
    assert not differences, told(differences, story)
