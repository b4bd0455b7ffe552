"""`mmsd campaign counts`: what it prints, in every form, and how it fails."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmsd import config
from mmsd.cli import EXIT_CONFIG, main
from mmsd.model import Batch, Closing, Event
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import SqliteStore
from mmsd.web.campaign import BYS
from tests.store.values import WANG, ZHAO, forward

Run = Callable[..., Result]
NOON = 1_795_348_800_000_000  # 2026-11-22T12:00Z

CONFIG = """
[state]
directory = "state"
[campaigns]
directory = "campaigns"
[feeds.mmsc1]
dialect = "mbuni"
paths = ["mmsc.log"]
"""
RELAY = """
id = "relay"
name = "Relay"
starts = "2026-11-22"
ends = "2026-11-24"
target = 10
[[seeds]]
id = "torch"
tags = ["torch"]
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns/relay.toml").write_text(RELAY)
    path = tmp_path / "mmsd.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def run(written: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command over a store with three forwards that count, on two days, the first of them closed with one."""
    monkeypatch.setenv("COLUMNS", "200")
    settings = config.load(written)
    keys = Keys.load(settings.state.directory / "state.key", os.urandom)
    store = SqliteStore.open(settings.state.directory, settings=settings.store, keys=keys, wall=lambda: NOON)
    rows = [forward(2, city="suzhou", sender=WANG, receiver=ZHAO, day="2026-11-23"), forward(3), forward(4, counted=False, reason="self")]
    closing = Closing("relay", "2026-11-22", "provisional", NOON)
    store.transact(Needs(), lambda _: Batch(NOON, forwards=[forward(1, city="=1+1")], closings=[closing]))
    store.transact(Needs(), lambda _: Batch(NOON, forwards=rows, events=[Event(NOON, "totals", "", {"horizon": NOON})]))
    store.close()

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["campaign", "counts", str(written), *map(str, arguments)])

    return invoke


def lines(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.output.splitlines()]


def test_all_campaigns_and_one_in_short(run: Run) -> None:
    assert lines(run())[1][0] == "relay"
    told = {" ".join(words[:-1]): words[-1] for words in lines(run("relay"))[1:]}
    assert (told["forwards"], told["participants"], told["not_counted self"], told["pace target"]) == ("3", "2", "1", "10")


@pytest.mark.parametrize(
    ("by", "first"),
    [("day", ["2026-11-22", "2", "1"]), ("generation", ["1", "3", "100.0%"]), ("fan_out", ["1", "1", "50.0%"]), ("reason", ["self", "1"])],
)
def test_a_split_is_a_table(run: Run, by: str, first: list[str]) -> None:
    assert lines(run("relay", "--by", by))[1][: len(first)] == first


def test_days_are_chosen(run: Run) -> None:
    assert [words[0] for words in lines(run("relay", "--by", "city", "--from", "2026-11-23"))[1:]] == ["suzhou"]


def test_csv_is_for_a_spreadsheet_and_runs_nothing(run: Run) -> None:
    text = run("relay", "--by", "city", "--csv").output
    assert text.startswith("\ufeff")
    assert {row["city"] for row in csv.DictReader(io.StringIO(text[1:]))} == {"nanjing", "suzhou", "'=1+1"}


def test_json_is_what_the_api_says(run: Run) -> None:
    rows = json.loads(run("relay", "--by", "day", "--json").output)
    assert [(row["day"], row["forwards"], row["stage"]) for row in rows] == [("2026-11-22", 2, "provisional"), ("2026-11-23", 1, "open")]


def test_closes_tell_what_was_said(run: Run) -> None:
    told = lines(run("relay", "--closes"))
    assert [(words[1], words[-4], words[-3]) for words in told[1:]] == [("provisional", "*", "1"), ("provisional", "=1+1", "1")]


def test_a_workbook_holds_all_of_it(run: Run, tmp_path: Path) -> None:
    assert run("relay", "--xlsx", tmp_path / "relay.xlsx").exit_code == 0
    with zipfile.ZipFile(tmp_path / "relay.xlsx") as book:
        assert len([name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]) == len(BYS) + 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "no campaign is called"), (["--by", "day"], "name a CAMPAIGN"), (["relay", "--from", "1.1."], "local date"),
        (["relay", "--by", "fan_out", "--to", "2026-11-22"], "whole campaign"), (["relay", "--by", "day", "--closes"], "two questions"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_said(run: Run, arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_without_a_store_there_is_nothing_to_read(written: Path) -> None:
    result = CliRunner().invoke(main, ["campaign", "counts", str(written)])
    assert result.exit_code == EXIT_CONFIG
