"""Lines that come late change where forwards came from: at the close all is as if they had come in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmsd import app
from mmsd.flow.lineage import Resolving
from mmsd.model import HOUR, SECOND
from mmsd.rules.holdings import Holding
from mmsd.store import Issued
from mmsd.store.sqlite import Settings, SqliteStore
from tests.rules.test_awards import ANN, BOB, CAT, DAN, EVE, MIDNIGHT, NOON, RELAY, SEEDED, SERVICE, SIBLINGS, Town, campaign, sent

CHAIN = [*SEEDED, *sent(20, ANN, BOB, "s1"), *sent(25, ANN, EVE, "s6"), *sent(60, BOB, CAT, "s2"), *sent(100, CAT, DAN, "s3")]
LATE = {
    "a copy from somebody else": (CHAIN, sent(40, EVE, BOB, "s4")),
    "the service's own, where none was seen": ([*sent(60, BOB, CAT, "s2"), *sent(100, CAT, DAN, "s3")], sent(0, SERVICE, BOB, "s5")),
    "one more that it may have come of": ([*SEEDED, *CHAIN[2:], *sent(-20, DAN, EVE, "s8")], sent(-10, EVE, ANN, "s7")),
    "copies of both siblings": (
        [*CHAIN, *sent(0, SERVICE, EVE, "t0"), *sent(70, BOB, CAT, "t2"), *sent(90, CAT, DAN, "t3")],
        [*sent(40, EVE, BOB, "t1"), *sent(42, EVE, BOB, "s4"), *sent(95, BOB, CAT, "t4")],
    ),
}  # fmt: skip


async def here(call: Callable[..., Any], *arguments: Any) -> Any:
    return call(*arguments)


def lineages(forwards: Sequence[Issued]) -> dict[str, tuple[Any, ...]]:
    """By message: parent by its message, generation, copies, when the one came that was sent on."""
    messages = {one.forward.key: one.forward.message for one in forwards}
    return {
        one.forward.message: (messages.get(one.forward.parent or b""), one.forward.generation, one.forward.parents, one.forward.received)
        for one in forwards
    }


@pytest.mark.parametrize("case", LATE)
def test_at_the_close_it_is_as_if_no_line_had_been_late(tmp_path: Path, case: str) -> None:
    first, late = LATE[case]
    (tmp_path / "all").mkdir()
    whole = lineages(Town(tmp_path / "all").told(*first, *late, seeds=SIBLINGS).forwards)
    town = Town(tmp_path)
    town.mmsc.write_text("".join(map(str, sorted(first))))
    now = [(NOON + 600) * SECOND]
    keys, world = app.throwaway_keys(), replace(app.World(), wall=lambda: now[0], monotonic=lambda: now[0] / 1e6)
    store = SqliteStore.memory(keys=keys, wall=world.wall)
    try:
        with app.intake(town.settings(), store, keys, world, keep_all=True, campaigns=[campaign(seeds=SIBLINGS)]) as sequencer:

            def read(until: int) -> None:
                now[0] = until
                while sequencer.tick():
                    pass

            read((NOON + 600) * SECOND)
            early = lineages(list(store.all_forwards()))
            town.late.write_text("".join(map(str, sorted(late))))
            read((NOON + 1200) * SECOND)
            assert lineages(list(store.all_forwards())) != whole
            resolving = Resolving(store, sequencer.state.held, sequencer.state.seed_number, wall=world.wall, call=here)
            assert asyncio.run(resolving.turn()) == 0, "nothing was closed"
            read(MIDNIGHT * SECOND + HOUR)
            changed = asyncio.run(resolving.turn())
            told = lineages(list(store.all_forwards()))
            assert told == whole
            assert changed == sum(told[message] != early[message] for message in early)
            assert store.campaign_differences("torch") == []
            assert asyncio.run(resolving.turn()) == 0
            assert (
                asyncio.run(Resolving(store, sequencer.state.held, sequencer.state.seed_number, wall=world.wall, call=here).turn()) == 0
            ), "after a start"
            serials = [one.serial for one in store.all_forwards() if one.forward.counted]
            assert len(set(serials)) == len(serials)
    finally:
        store.close()


def test_a_copy_whose_forward_is_not_stored_yet_is_nobodys_parent(tmp_path: Path) -> None:
    """State knows of it, and the transaction that stores it waits: by the next close it is there."""
    town = Town(tmp_path)
    town.mmsc.write_text("".join(map(str, [*sent(60, BOB, CAT, "s2"), *sent(100, CAT, DAN, "s3")])))
    now = [(NOON + 600) * SECOND]
    keys, world = app.throwaway_keys(), replace(app.World(), wall=lambda: now[0], monotonic=lambda: now[0] / 1e6)
    with (
        closing(SqliteStore.memory(keys=keys, wall=world.wall)) as store,
        app.intake(town.settings(), store, keys, world, keep_all=True, campaigns=[campaign()]) as sequencer,
    ):
        while sequencer.tick():
            pass
        now[0] = MIDNIGHT * SECOND + HOUR
        while sequencer.tick():
            pass
        told, state = lineages(list(store.all_forwards())), sequencer.state

        def ahead(number: int, at: int) -> list[Holding]:
            seed = state.seed_number("torch/s1")
            coming = Holding(number, at - SECOND, "torch", seed, 3, b"not stored yet..", EVE)
            return [*state.held(number, at), coming]

        resolving = Resolving(store, ahead, state.seed_number, wall=world.wall, call=here)
        assert asyncio.run(resolving.turn()) == 0
        assert lineages(list(store.all_forwards())) == told
        assert store.campaign_differences("torch") == []


def test_whoever_was_erased_stays_as_was_said(tmp_path: Path) -> None:
    first, late = LATE["a copy from somebody else"]
    town = Town(tmp_path)
    town.mmsc.write_text("".join(map(str, sorted(first))))
    now = [(NOON + 600) * SECOND]
    keys, world = app.throwaway_keys(), replace(app.World(), wall=lambda: now[0], monotonic=lambda: now[0] / 1e6)
    store = SqliteStore.memory(keys=keys, wall=world.wall)
    try:
        with app.intake(town.settings(), store, keys, world, keep_all=True, campaigns=[campaign()]) as sequencer:
            while sequencer.tick():
                pass
            store.erase(str(CAT))
            town.late.write_text("".join(map(str, sorted(late))))
            now[0] = MIDNIGHT * SECOND + HOUR
            while sequencer.tick():
                pass
            resolving = Resolving(store, sequencer.state.held, sequencer.state.seed_number, wall=world.wall, call=here)
            assert asyncio.run(resolving.turn()) == 0
            assert store.campaign_differences("torch") == []
    finally:
        store.close()


@pytest.mark.parametrize("which", ["the later lines", "the earlier lines"])
def test_siblings_are_told_apart_after_a_start_whichever_lines_came_first(tmp_path: Path, which: str) -> None:
    """In between numbers have been quiet so long that they were spilled; the lines that come then have them brought back."""
    (tmp_path / "all").mkdir()
    whole = lineages(Town(tmp_path / "all").told(*RELAY, seeds=SIBLINGS).forwards)
    late = [line for line in RELAY if (line.at >= 70) == (which == "the later lines")]
    plain = [line for n in range(4) for line in sent(600 + 1800 * n, DAN + 2, DAN + 3, f"plain{n}")]
    town, keys, now = Town(tmp_path), app.throwaway_keys(), [(NOON + 7000) * SECOND]
    town.mmsc.write_text("".join(map(str, sorted([*(line for line in RELAY if line not in late), *plain]))))
    world = replace(app.World(), wall=lambda: now[0], monotonic=lambda: now[0] / 1e6)
    for told in ([], late):
        town.late.write_text("".join(map(str, told)))
        with (
            closing(SqliteStore.open(tmp_path / "state", settings=Settings(durable=False), keys=keys, wall=world.wall)) as store,
            app.intake(town.settings(), store, keys, world, keep_all=True, campaigns=[campaign(seeds=SIBLINGS)]) as sequencer,
        ):
            assert (CAT in sequencer.state.cold) == bool(told)
            while sequencer.tick():
                pass
            if told:
                assert sequencer.state.seeds_held(BOB, NOON * SECOND) == ["torch/t1", "torch/s1"]
                now[0] = MIDNIGHT * SECOND + HOUR
                while sequencer.tick():
                    pass
                resolving = Resolving(store, sequencer.state.held, sequencer.state.seed_number, wall=world.wall, call=here)
                asyncio.run(resolving.turn())
                assert lineages(list(store.all_forwards())) == whole
                assert store.campaign_differences("torch") == []
