"""`mmsd feeds`: what it prints of a state directory, in every form."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmsd import config
from mmsd.cli import main
from mmsd.model import HOUR, SECOND, Batch, ClocksApart, Delays, FeedCondition, FeedGap, FeedReport, LineCount
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import SqliteStore

Run = Callable[..., Result]
NOON = 498708 * HOUR  # 2026-11-22T12:00Z, eight in the evening in Shanghai

CONFIG = """
[state]
directory = "state"
[feeds.mmsc1]
dialect = "mbuni"
paths = ["mmsc.log"]
[feeds.aaa]
dialect = "radius"
paths = ["detail"]
covers = { apns = ["cmwap"], ggsns = ["10.36.255.1"] }
"""

REPORT = FeedReport(
    NOON + 60 * SECOND, NOON, 5_500_000,
    (
        FeedCondition(
            "mmsc1", "mmsc1", "mmsc", NOON - 24 * HOUR, NOON, Delays(400_000, 3_200_000, 9_000_000, 500), Delays(n=500), 5_000_000,
            (FeedGap(NOON - 2 * HOUR, NOON - HOUR, "a file was lost unread"), FeedGap(NOON, 0, "its files could not be read")), 7,
        ),
        FeedCondition("aaa", "ggsn1", "sessions"),
    ),
    (ClocksApart("mmsc1", "aaa", -5_200_000, 300_000, 812, far=True),),
)  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "240")
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "mmsd.toml"
    path.write_text(CONFIG)
    return path


def stored(written: Path, batch: Batch) -> Path:
    settings = config.load(written)
    keys = Keys.load(settings.state.directory / "state.key", os.urandom)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=keys, wall=lambda: 1) as store:
        store.transact(Needs(), lambda rows: batch)
        assert store.feed_report() == batch.feeds
    return written


@pytest.fixture
def house(written: Path) -> Path:
    return stored(written, Batch(1, feeds=REPORT, lines=[LineCount("mmsc1", "", 1200, 900, 5), LineCount("mmsc1", "no time", 3, 0, 0)]))


def test_each_feed_has_a_line(run: Run, house: Path) -> None:
    told = run("feeds", house)
    assert told.exit_code == 0
    head, mmsc, aaa, *rest = told.output.splitlines()
    assert head.split()[:2] == ["feed", "covers"]
    assert mmsc.split() == [
        "mmsc1", "all", "2026-11-21", "20:00:00", "2026-11-22", "20:00:00", "1,200", "3", "0.4", "s", "3.2", "s", "9.0", "s", "0.0", "s",
        "5.0", "s", "7",
    ]  # fmt: skip
    assert aaa.split()[:8] == ["aaa", "apns", "cmwap,", "ggsns", "10.36.255.1", "never", "never", "0"]
    text = "\n".join(rest)
    assert "Read up to 2026-11-22 20:00:00, told 2026-11-22 20:01:00." in text
    assert "aaa is 5.2 s behind mmsc1, ± 0.3 s, by 812 pairs of lines.  further than [judgement] skew" in text
    assert "as if clocks differed by 5.5 s" in text
    gaps = [line.split() for line in rest if line.startswith("mmsc1")]
    assert [gap[3:5] for gap in gaps] == [["now", "its"], ["2026-11-22", "19:00:00"]]


def test_as_json(run: Run, house: Path) -> None:
    told = json.loads(run("feeds", house, "--json").output)
    assert told["horizon"] == "2026-11-22T12:00:00Z"
    mmsc, aaa = told["feeds"]
    assert (mmsc["covers"], mmsc["lines"], mmsc["rejects"], mmsc["late"]["most"], mmsc["orphans"]) == ("all", 1200, 3, 3.2, 7)
    assert mmsc["gaps"][1] == {"from": "2026-11-22T12:00:00Z", "to": None, "reason": "its files could not be read"}
    assert (aaa["since"], aaa["late"], aaa["gaps"]) == (None, None, [])
    assert told["clocks"][0]["ahead"] == -5.2


def test_before_anything_was_read(run: Run, written: Path) -> None:
    assert run("feeds", stored(written, Batch(1))).output == "Nothing was read yet.\n"


def test_without_a_store(run: Run, written: Path) -> None:
    told = run("feeds", written)
    assert told.exit_code == 78
    assert "mmsd has not run" in told.output
