"""Logs of a small province, and what a plain run makes of them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmsd.flow import sequencer
from mmsd.model import SECOND
from mmsd.rules import state as packed_state
from sim.pace import generate
from sim.scenario import Scenario, load
from tests.flow import ledger, rig


def scenario() -> Scenario:
    """The simulator's small scenario, smaller: every behaviour, few people, little browsing, one simulated minute."""
    small, replace = load(Path("small")), msgspec.structs.replace
    return replace(
        small,
        run=replace(small.run, messages=80, submitting=60, warmup=4),
        population=replace(small.population, subscribers=120, browsers=20),
        campaign=replace(small.campaign, recipients=15),
        browsing=replace(small.browsing, ratio=1, base=1, slots=8, residents=3),
    )


@pytest.fixture(scope="session")
def province(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole logs."""
    out = tmp_path_factory.mktemp("province")
    generate(scenario(), out)
    return out


@pytest.fixture(scope="session")
def headless(province: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, but the MMSC's oldest logs begin in the middle: there are deliveries whose submit nobody saw."""
    out = tmp_path_factory.mktemp("headless") / "logs"
    shutil.copytree(province, out)
    for oldest in out.glob("mmsc?/mmsc-access.log.2"):
        lines = oldest.read_bytes().splitlines(keepends=True)
        oldest.write_bytes(b"".join(lines[len(lines) // 2 :]))
    return out


Houses = Callable[..., rig.House]
Plain = Callable[[rig.House], ledger.Ledger]


@pytest.fixture
def house(tmp_path: Path, province: Path) -> Iterator[Houses]:
    """`house(seed, …)`: an empty state directory beside the logs of the province, an hour after their last line."""
    made: list[rig.House] = []

    def build(seed: int, logs: Path = province, **changes: Any) -> rig.House:
        state = tmp_path / f"state-{len(made)}"
        made.append(rig.House(logs, state, rig.Clock(rig.AFTERWARDS), draw=random.Random(seed), **changes))
        return made[-1]

    yield build
    for each in made:
        shutil.rmtree(each.state, ignore_errors=True)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """`plain(house)`: the ledger of one undisturbed run over the same files under the same settings, in large bites, by the rules alone."""
    known: dict[str, ledger.Ledger] = {}

    def read(like: rig.House) -> ledger.Ledger:
        name = repr((like.logs, like.keep_all, like.judgement, like.operator, like.campaigns, like.feeds, like.given))
        if name not in known:
            calm = _calm(like, tmp_path_factory.mktemp("plain") / "state")
            calm.read_all()
            known[name] = ledger.read(calm.state)
        return known[name]

    return read


def _calm(like: rig.House, state: Path) -> rig.House:
    return rig.House(
        like.logs, state, rig.Clock(rig.AFTERWARDS), follow=False, keep_all=like.keep_all, express=False, judgement=like.judgement,
        operator=like.operator, campaigns=like.campaigns, feeds=like.feeds, given=like.given,
    )  # fmt: skip


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Housekeeping every second of event time, few numbers put away at once, a snapshot every 60 kB of deltas."""
    monkeypatch.setattr(sequencer, "HOUSEKEEPING", SECOND)
    monkeypatch.setattr(sequencer, "SPILLED_AT_ONCE", 3)
    monkeypatch.setattr(sequencer, "SNAPSHOT_BYTES", 60_000)
    monkeypatch.setattr(packed_state, "SPARE_TEXTS", -(1 << 40))
