"""Lists that are imported beside a running intake: taken up by themselves, their changes told once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mmsd.flow import handsets
from mmsd.flow.folding import Folding
from mmsd.flow.sequencer import Sequencer
from mmsd.model import DAY, HOUR, Batch
from mmsd.rules.handsets import HANDSET, sightings
from mmsd.store import Needs, known
from mmsd.store.known import Known
from mmsd.store.listing import import_list
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow import rig
from tests.flow.conftest import Houses

ANN, BOB = 8613800000001, 8613800000002
FIRST, SECOND_LIST = "35000001000001", "35000002000002"
MIDNIGHT = rig.AFTERWARDS // DAY * DAY


def write_list(run: rig.House, as_of: int, imei: str, imsi: str) -> None:
    """As `mmsd import handsets` does."""
    path = run.state.with_suffix(f".{as_of}.csv")
    path.write_text(f"{ANN},{imei}0,{imsi}\n{BOB},{FIRST}0,460001234567891\n")
    run.state.mkdir(exist_ok=True)
    import_list(path, run.state, rig.KEYS, as_of=as_of, now=run.clock.now, zone=ZoneInfo("UTC"))


def told(run: rig.House) -> list[tuple[int, str, str]]:
    """Events about handsets in the store: (µs, what, who)."""
    store = SqliteStore.open(run.state, settings=Settings(durable=False), keys=rig.KEYS, wall=run.clock.wall)
    try:
        return [(e.at, e.subject, e.data["subject"]) for e in store.events(0, 1 << 30) if e.topic == "handset"]
    finally:
        store.close()


def test_a_running_intake_takes_a_list_up_by_itself(house: Houses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handsets, "LOOKING", 0.0)
    run = house(1)
    write_list(run, MIDNIGHT - DAY, FIRST, "460001234567890")
    with run.process() as sequencer:
        while sequencer.tick():
            pass
        assert sequencer._store.handset_import() == 0
        write_list(run, MIDNIGHT, SECOND_LIST, "460001234567899")
        assert sequencer.tick()
        assert sequencer._store.handset_import() == 2
        assert not sequencer.tick()
    events = [(MIDNIGHT, what, "86138****0001") for what in ("imsi_changed", "new_handset")]
    assert sorted(told(run)) == sorted(events)


def test_what_a_list_changed_is_told_once_whatever_happens(house: Houses, seed: int) -> None:
    """Two lists, then lives that end in all sorts of harm."""
    for number in range(seed, seed + 3):
        run = house(number)
        write_list(run, MIDNIGHT - DAY, FIRST, "460001234567890")
        write_list(run, MIDNIGHT, SECOND_LIST, "460001234567890")
        story = run.history()
        assert told(run) == [(MIDNIGHT, "new_handset", "86138****0001")], (number, story)


@pytest.mark.parametrize("harm", ["full", "before_commit", "after_commit", "committed"])
def test_a_commit_that_fails_leaves_nothing_known(house: Houses, harm: str) -> None:
    """Nothing is remembered of what was not stored, and nothing stored is forgotten."""
    run = house(2)
    misfortune = rig.Misfortune(harm, 3)

    def until(sequencer: Sequencer) -> bool:
        return misfortune.struck

    run.life(misfortune, until, largest=8_000)
    with run.process() as sequencer:
        tail = sequencer._store.handset_tail().rows
        stored = np.unique(np.concatenate([np.zeros(0, HANDSET), *tail])["number"])
        assert sequencer._handsets is not None
        everybody = _numbers(run.logs)
        rows = sequencer._handsets.find(everybody)
        assert rows["number"][rows["imei"] != 0].tolist() == stored.tolist()


def _numbers(logs: Path) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    found = set()
    for path in logs.glob("radius/*/detail-*"):
        for line in path.read_text().splitlines():
            name, _, value = line.strip().partition(" = ")
            if name == "Calling-Station-Id":
                found.add(int(value.strip('"').removeprefix("+")))
    return np.array(sorted(found), np.uint64)


def test_the_tail_is_folded_into_a_table_beside_the_running_intake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "DUE", 2)
    store = SqliteStore.open(tmp_path, settings=Settings(durable=False), keys=rig.KEYS, wall=lambda: MIDNIGHT)
    try:
        rows = _seen(ANN, BOB)
        store.transact(Needs(), _batch(rows[:1]))
        here = Known(tmp_path, rig.KEYS, store.handset_tail().rows)
        folding = Folding(store, tmp_path, rig.KEYS, lambda: MIDNIGHT)
        folding.look(here)
        assert here.serial == 0  # one row is not worth a table
        store.transact(Needs(), _batch(rows[1:]))
        here.adopt(rows[1:])
        folding.look(here)
        folding.wait()
        store.transact(Needs(), _batch(_seen(ANN, at=MIDNIGHT + HOUR)))  # while nobody looks
        here.adopt(_seen(ANN, at=MIDNIGHT + HOUR))
        folding.look(here)
        assert here.serial == 1
        assert len(store.handset_tail().rows) == 1
        numbers = np.array([ANN, BOB], np.uint64)
        assert here.find(numbers)["imei_at"].tolist() == [MIDNIGHT + HOUR, MIDNIGHT]
        again = Known(tmp_path, rig.KEYS, store.handset_tail().rows)
        assert again.find(numbers).tolist() == here.find(numbers).tolist()
    finally:
        store.close()


def _seen(*numbers: int, at: int = MIDNIGHT) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    n = len(numbers)
    imei = np.array([35000001000001 + place for place in range(n)], np.uint64)
    return sightings(np.array(numbers, np.uint64), np.full(n, at), imei, np.zeros(n, np.uint64))


def _batch(rows: np.ndarray[tuple[int], np.dtype[np.void]]) -> Callable[[object], Batch]:
    return lambda _: Batch(MIDNIGHT, handsets=rows)
