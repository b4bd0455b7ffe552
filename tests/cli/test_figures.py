"""`mmsd kpi` and `mmsd codes`: what they print, in every form, and how they fail."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmsd import config
from mmsd.cli import EXIT_CONFIG, main
from mmsd.model import HOUR, Batch, CodeCount, Event, HourCount, MeasureCount, UnknownCode
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import SqliteStore

Run = Callable[..., Result]

CONFIG = """
[state]
directory = "state"
[feeds.mmsc1]
dialect = "mbuni"
paths = ["mmsc.log"]
[codes.ours.map.cmcc]
"4447" = "NO_PUSH"
"""
NOON = 498708  # 2026-11-22T12:00Z, eight in the evening in Shanghai


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "mmsd.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def house(written: Path) -> Path:
    """A configuration that has run: two local days, the first of them final."""
    settings = config.load(written)
    keys = Keys.load(settings.state.directory / "state.key", os.urandom)
    store = SqliteStore.open(settings.state.directory, settings=settings.store, keys=keys, wall=lambda: 1)
    judgement = settings.judgement
    final = int((judgement.window + judgement.grace + judgement.restate) * 1e6)
    batch = Batch(
        at=1,
        hours=[
            HourCount(NOON, "mmsc1", "Wuxi", "delivered", "OK", 1500, "D1"),
            HourCount(NOON, "mmsc1", "Nanjing", "failed", "NO_PUSH", 500, "N5"),
            HourCount(NOON + 4, "mmsc1", "Wuxi", "delivered", "OK", 1, "D1"), HourCount(NOON + 4, "mmsc1", "Wuxi", "open", "", 3),
        ],
        measures=[MeasureCount(NOON, "mmsc1", "Wuxi", "end_to_end", 1500, 90_000_000)],
        codes=[CodeCount(NOON, "mmsc1", "cmcc", "4441", 12)],
        unknown=[UnknownCode("mmsc1", "cmcc", "4446", 3, NOON * HOUR, NOON * HOUR), UnknownCode("mmsc1", "cmcc", "4447", 9, 1, 1)],
        events=[Event(1, "totals", "", {"horizon": (NOON + 4) * HOUR + final})],
    )  # fmt: skip
    store.transact(Needs(), lambda rows: batch)
    store.close()
    return written


RANGE = ("--from", "2026-11-22", "--to", "2026-11-24")


def test_kpi_by_day(run: Run, house: Path):
    said = run("kpi", house, *RANGE)
    assert said.exit_code == 0
    head, first, second, total, note = (line.split() for line in said.output.splitlines())
    assert head[:4] == ["day", "delivered", "failed", "open"]
    assert head[-1] == "4441"  # 4442 never came
    assert first[:8] == ["2026-11-22", "1,500", "500", "final", "75.0%", "100.0%", "60.0", "s"]
    assert second[:5] == ["2026-11-23", "1", "0", "75.0%", "100.0%"]
    assert total[:5] == ["all", "1,501", "500", "0.1%", "75.0%"]
    assert first[-1] == "12"
    assert note[0] == "Rows"  # that may change


def test_kpi_of_one_city_by_node(run: Run, house: Path):
    said = run("kpi", house, *RANGE, "--by", "node", "--city", "Nanjing")
    assert said.output.splitlines()[1].split()[:5] == ["mmsc1", "0", "500", "0.0%", "0.0%"]


def test_kpi_as_csv_and_json(run: Run, house: Path):
    rows = list(csv.DictReader(io.StringIO(run("kpi", house, *RANGE, "--csv").output.removeprefix("\ufeff"))))
    assert [(row["day"], row["final"], row["regulatory_of"], row["code_4441"]) for row in rows] == [
        ("2026-11-22", "1", "1500", "12"), ("2026-11-23", "0", "1", "0"),
    ]  # fmt: skip
    answer = json.loads(run("kpi", house, *RANGE, "--json").output)
    assert answer["rows"][0]["kpi"]["end_to_end"] == {"part": 1500, "of": 2000, "value": 0.75}
    assert answer["total"]["kpi"]["open_share"] == 0.0015


def test_kpi_without_a_range_ends_at_the_horizon(run: Run, house: Path):
    assert json.loads(run("kpi", house, "--json").output)["total"]["kpi"]["delivered"] == 1501


def test_kpi_of_a_time_without_deliveries_says_where_there_are_some(run: Run, house: Path):
    said = run("kpi", house, "--from", "2026-11-25", "--to", "2026-11-26", "--csv")
    assert said.exit_code == 0
    assert "Nothing from 2026-11-25 00:00 to 2026-11-26 00:00; the first delivery counted is of 2026-11-22 20:00." in said.stderr
    assert said.stdout.startswith("\ufeffday,final,delivered,failed,open,"), "the heads alone"
    assert said.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--from", "yesterday"), EXIT_CONFIG, "'yesterday': expected a time"),
        (("--from", "2026-11-24", "--to", "2026-11-22"), 2, "-48 hours"),
        (("--by", "hour", "--from", "2026-01-01", "--to", "2026-11-22"), 2, "744 are told by hour"),
        (("--by", "model", "--node", "mmsc1"), 2, "whole network"),
        (("--by", "week"), 2, "month"),
    ],
)
def test_kpi_refuses(run: Run, house: Path, arguments: tuple[str, ...], code: int, words: str):
    said = run("kpi", house, *arguments)
    assert said.exit_code == code
    assert words in said.output


def test_kpi_makes_nothing_where_nothing_ran(run: Run, written: Path):
    said = run("kpi", written)
    assert said.exit_code == EXIT_CONFIG
    assert "not there" in said.output
    assert not (written.parent / "state").exists()


# --------------------------------------------------------------------------------------------------------------------- codes


def test_codes_lists_the_sets(run: Run):
    names = [line.split()[0] for line in run("codes").output.splitlines()]
    assert names[0] == "set"
    assert set(config.load_codes().tables) <= set(names)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("4441",), ["cmcc 4441  expired; no fetch seen", "an assumption", "perhaps BAD_APN", "final word: expired"]),
        (("mm1", "0xC1"), ["mm1-response 193 (0xC1)", "mm1-retrieve 193 (0xC1)", "row: T3", "a standard: OMA MMS Encapsulation"]),
        (("cmcc", "4501"), ["read as    4*: this very code is in no table"]),
        (("sms-stat", "MK:0005"), ["NOT_PROVISIONED", "field documents"]),
        (("smpp", "0x45"), ["smpp 69 (0x45)  ESME_RSUBMITFAIL", "push failed: refused"]),
        (("sm",), ["missing or unknown APN", "3GPP TS 24.008"]),
    ],
)
def test_codes_says_what_a_code_means(run: Run, arguments: tuple[str, ...], words: list[str]):
    said = run("codes", *arguments)
    assert said.exit_code == 0
    for word in words:
        assert word in said.output


def test_codes_with_the_operators_meaning(run: Run, written: Path):
    said = run("codes", "--config", written, "4447")
    assert "NO_PUSH" in said.output
    assert "[codes.ours] of the configuration" in said.output
    assert [row["cause"] for row in json.loads(run("codes", "--json", "4447").output)] == ["EXPIRED"]


def test_codes_nobody_knows(run: Run):
    said = run("codes", "99999")
    assert said.exit_code == 1
    assert "counted as unknown" in said.output
    assert run("codes", "cmmc", "4441").exit_code == 2


def test_codes_seen_at_the_nodes(run: Run, house: Path):
    said = run("codes", "--seen", "--config", house)
    assert [line.split()[:4] for line in said.output.splitlines()] == [["node", "set", "code", "lines"], ["mmsc1", "cmcc", "4446", "3"]]
    assert [row["read_as"] for row in json.loads(run("codes", "--seen", "--json", "--config", house).output)] == ["44*"]
    assert run("codes", "--seen").exit_code == 2
