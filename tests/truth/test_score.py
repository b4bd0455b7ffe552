"""How the score counts, and what `python -m bench.scorecard` says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.judged import Score
from bench.scorecard import PRECISE, Sheet, main, matrix
from bench.simulated import Accusations


@pytest.fixture
def score() -> Score:
    """Ten rows: eight NO_PUSH, of which two read EXPIRED (one of them accepted); two OK."""
    score = Score()
    for _ in range(6):
        score.add("NO_PUSH", "NO_PUSH", ["NO_PUSH"], "row")
    score.add("NO_PUSH", "EXPIRED", ["NO_PUSH", "EXPIRED"], "row 7")
    score.add("NO_PUSH", "EXPIRED", ["NO_PUSH"], "row 8")
    score.add("OK", "OK", ["OK"], "row")
    score.add("OK", "not found", ["OK"], "row 10")
    return score


def test_recall_is_of_the_true_and_precision_of_the_found(score: Score):
    assert (score.recall("NO_PUSH"), score.recall("OK"), score.recall("EXPIRED")) == (7 / 8, 1 / 2, None)
    assert (score.precision("NO_PUSH"), score.precision("EXPIRED"), score.precision("not found")) == (1.0, 1 / 2, 0.0)
    assert score.wrong == ["row 8: NO_PUSH, found EXPIRED", "row 10: OK, found not found"]


def test_the_matrix_marks_what_the_truth_does_not_accept(score: Score):
    table = matrix("some day", score)
    assert table.title == "some day: 8 of 10 right"
    columns = {str(column.header): list(column.cells) for column in table.columns}
    assert columns["true cause"] == ["a NO_PUSH", "b OK", "c EXPIRED", "d not found"]
    assert [columns[name][0] for name in ("→a", "→b", "→c", "recall", "precision")] == ["6", "·", "2 (1!)", "0.875", "1.000"]
    assert (columns["→d"][1], columns["recall"][2]) == ("1!", "–")


def test_a_cause_falls_short_when_it_is_no_rarity(score: Score):
    assert score.shortfalls() == {}  # one wrong reading of few is not yet a share
    for _ in range(60):
        score.add("OK", "OK", ["OK"], "row")
    assert score.shortfalls() == {}
    score.add("OK", "NO_PUSH", ["OK"], "row 71")
    assert score.shortfalls() == {"OK": "2 missed, 0 false of 63"}


@pytest.mark.parametrize(("wrong", "short"), [(1, []), (2, ["BAD_APN said of 2 who have no such fault, of 1000"])])
def test_one_accusation_in_a_thousand_may_be_wrong(wrong: int, short: list[str]):
    said = Accusations()
    said.verdicts["BAD_APN"], said.wrong["BAD_APN"] = 1000, wrong
    assert (1 - wrong / 1000 >= PRECISE) == (not short)
    assert Sheet("some", Score(), said).shortfalls() == short


def test_too_few_accusations_and_false_findings_fall_short():
    said = Accusations()
    said.verdicts["BAD_APN"] = 9_999
    said.false = ["8613800000001 BAD_APN (healthy)"]
    assert Sheet("some", Score(), said, least=10_000).shortfalls() == [
        "finding of 8613800000001 BAD_APN (healthy)", "9,999 verdicts about settings, not 10,000"
    ]  # fmt: skip


def test_the_command_scores_every_corpus(tmp_path: Path):
    target = tmp_path / "score.json"
    done = CliRunner().invoke(main, ["--small", "--json", str(target)])
    assert done.exit_code == 0, done.output
    assert "chain: 6 of 6 right" in done.output
    assert "every corpus is met" in done.output
    rows = {row["corpus"]: row for row in json.loads(target.read_text())}
    assert {"table, all feeds", "late, before the files came", "browsing", "complaints"} < rows.keys()
    assert rows["real day"]["right"] in (632, 0)
    assert all(row["shortfalls"] == [] for row in rows.values() if row["gated"])
