"""The small scenario through the command line, exactly; every other against what its feeds can show, each cause and each accusation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from bench.simulated import COLUMNS, GATEWAYS, RADIUS, SCENARIOS, SETTINGS, Result, complaints, configuration, made, said_of
from mmsd.cli import main
from sim import cells
from sim import score as truth
from sim.complaints import GROUPS, PUBLISHED, error, shares
from sim.pace import generate
from sim.scenario import load

SEEDS: Final = (1, 2, 3)


@dataclass(frozen=True)
class Small:
    out: Path
    config: Path


def generated(out: Path, seed: int) -> Small:
    generate(load(Path("small")), out, seed=seed)
    path = out / "mmsd.toml"
    path.write_text(configuration(out))
    return Small(out, path)


@pytest.mark.parametrize("seed_given", SEEDS)
def test_the_command_line_finds_the_whole_truth(tmp_path: Path, seed_given: int):
    run = generated(tmp_path, seed_given)
    files = {name: run.out / f"{name}.jsonl" for name in ("deliveries", "forwards", "attempts", "findings")}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    done = CliRunner().invoke(main, ["replay", "--config", str(run.config), *options, "--until", "end", "--reveal"])
    assert done.exit_code == 0, done.output
    found = truth.score_files(run.out, files["deliveries"], files["forwards"])
    assert found.differences == []
    assert found.right_causes == found.causes.total() > 500
    assert found.forwards[0] == found.forwards[1] > 50


# --------------------------------------------------------------------------------------------------------- feed by feed


class Table:
    """The scenario `table`, replayed once for each set of feeds."""

    def __init__(self, out: Path) -> None:
        self.run = made("table", out, messages=420)
        self._results: dict[str, Result] = {}

    def result(self, column: str) -> Result:
        if column not in self._results:
            chosen = COLUMNS[column]
            self._results[column] = self.run.result(column, chosen.without, listed=chosen.listed)
        return self._results[column]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return Table(tmp_path_factory.mktemp("sim") / "table")


def test_the_table_has_every_row_and_every_behaviour(table: Table):
    rows = table.run.rows()
    assert set(cells.CELLS) - {row["cell"] for row in rows} <= {
        "BAD_APN: before the 3rd case",  # the three pushes of one message are enough, as a rule
        "BAD_APN: pushes in one moment",  # `skewed` has them
        "NO_PDP: before 30 days",  # `cold` has it
        "UNSUPPORTED: handset",  # stands for "not known" where there are lists
        *(cell for cell in cells.CELLS if "by the MMSC" in cell), "INTERWORKING", "SUBMIT_FAILED", "UNSUPPORTED: refused",
        "UNSUPPORTED: album",  # `vendor` has them
        "NODE_FAULT: 5xx", "NODE_FAULT: 5xx, put off", "NODE_FAULT: 5xx, broken", "OK: just in time",  # `fault` has them
    }  # fmt: skip
    assert {row["behaviour"] for row in rows} == set(table.run.scenario.population.behaviours)


@pytest.mark.parametrize("column", COLUMNS)
def test_each_feed_adds_what_the_table_says(table: Table, column: str):
    result = table.result(column)
    score = result.score
    assert score.shortfalls() == {}, score.wrong
    assert score.pairs.total() > 500


@pytest.mark.parametrize("column", COLUMNS)
def test_no_feed_less_makes_anybody_guilty(table: Table, column: str):
    result = table.result(column)
    said = result.accusations
    assert said.false == []
    assert said.wrong.total() == 0
    assert "gateways" in column or "MMSC" in column or "SMS" in column or said.verdicts["BAD_MMSC_URL"] > 50


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_scenario_deceives(tmp_path: Path, name: str):
    result = made(name, tmp_path / name, messages=300).result()
    score, said = result.score, result.accusations
    assert (score.shortfalls(), said.false, said.wrong.total()) == ({}, [], 0), score.wrong


def test_who_was_down_is_at_fault_and_nobody_else(tmp_path: Path):
    """The MMSC node, and the link that refused everything; no other node, no handset."""
    result = made("fault", tmp_path / "fault", people=3).result()
    assert said_of(result.found, "node") == {"mmsc1": {"NODE_FAULT"}, "sms1": {"NODE_FAULT"}}
    assert result.accusations.false == []


def test_what_an_mmsc_itself_says_is_believed(tmp_path: Path):
    """Refused submits, other networks, albums, retrieval statuses: by its log alone, and with all the others."""
    run = made("vendor", tmp_path / "vendor", people=2)
    rows = {row["leg"]: row["rule"] for row in run.rows()}
    assert {"B1", "B2", "B3", "B4", "R2", "T1", "T2", "T6"} <= set(rows.values())
    for without in ((), ("sms", *GATEWAYS, *RADIUS, "sgsn")):
        result = run.result(without=without)
        assert result.score.shortfalls() == {}, result.score.wrong
        told = {(row.rule, row.cause) for row in result.found.deliveries}
        assert {("B1", "NOT_PROVISIONED"), ("B2", "SUBMIT_FAILED"), ("B3", "INTERWORKING"), ("B4", "UNSUPPORTED")} <= told


def test_wrong_defaults_are_the_models(tmp_path: Path):
    result = made("defaults", tmp_path / "defaults").result()
    assert said_of(result.found, "model") == {"TAC 35887700, software 03": {"BAD_MMSC_URL"}}
    assert result.accusations.false == []


def test_what_was_said_before_late_files_came_is_taken_back(tmp_path: Path):
    """Live, a file read to its end counts as read up to now: what is in no file yet counts as absent (docs/causes.md)."""
    result = made("late", tmp_path / "late").result()
    assert result.early is not None
    assert result.early_accusations is not None
    assert set(+result.early_accusations.wrong) == {"BAD_PROXY"}
    assert result.accusations.wrong.total() == 0


def test_what_the_network_corrects_is_found_all_the_same(tmp_path: Path):
    run = made("corrected", tmp_path / "corrected", messages=300)
    result = run.result()
    assert (result.accusations.missed, result.accusations.false) == ([], [])
    found = {(finding.cause, finding.subject): finding.urgency for finding in result.found.findings}
    for behaviour, cause in (("corrected", "BAD_APN"), ("rewritten", "BAD_MMSC_URL")):
        theirs = {row["receiver"] for row in run.rows() if row["behaviour"] == behaviour}
        said = Counter(found[key] for key in found if key[0] == cause and key[1] in theirs)
        assert said["low"] == said.total() > 5, behaviour
    assert {row["outcome"] for row in run.rows() if row["behaviour"] == "rewritten"} == {"delivered"}


def test_who_has_a_handset_without_mms_stands_in_the_list(table: Table):
    deaf = {row["receiver"] for row in table.run.rows() if row["behaviour"] == "no_mms"}
    for column, said in (("all feeds", "NO_RETRIEVE NO_PDP"), ("all feeds, lists", "UNSUPPORTED")):
        found = {delivery.cause for delivery in table.result(column).found.deliveries if delivery.receiver in deaf}
        assert found <= set(said.split()), column
    findings = [finding for finding in table.result("all feeds, lists").found.findings if finding.subject in deaf]
    assert {finding.cause for finding in findings} == {"UNSUPPORTED"}


def test_no_line_of_browsing_accuses_anybody(tmp_path: Path):
    """A share of the large scenario, in which `make score` reads ten thousand verdicts about settings."""
    run = made("browsing", tmp_path / "browsing", share=0.06)
    result = run.result()
    said = result.accusations
    assert {cause: said.precision(cause) for cause in SETTINGS} == dict.fromkeys(SETTINGS, 1.0)
    assert said.verdicts.total() > 500
    assert said.false == []
    score = result.score
    assert score.shortfalls() == {}, score.wrong


def test_complaints_have_the_published_shares(tmp_path: Path):
    """37 no retrieval, 15 retrieval failed, 12 refused, 36 normal or other: of complaints, not of failures, and found again."""
    run = made("complaints", tmp_path / "complaints", share=0.35)
    judged = run.result().found
    found = complaints(run.out, judged)
    assert found.n > 300
    assert {group: share for group, share in PUBLISHED.items() if abs(found.true[group] - share) > error(share, found.n)} == {}
    assert {group: found.found[group] for group in GROUPS} == pytest.approx(found.true, abs=0.02)
    assert abs(sum(found.found.values()) - 1) < 0.01  # each complaint was found
    failed = shares(delivery.group for delivery in judged.deliveries if delivery.outcome == "failed" and not delivery.own)
    assert failed["no_retrieval"] - PUBLISHED["no_retrieval"] > error(0.37, found.failures.total())  # of failures: another table
    assert failed["normal_other"] == 0
