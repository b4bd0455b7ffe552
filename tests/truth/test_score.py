"""How the score counts, and what `python -m bench score` prints."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from bench.__main__ import main
from bench.judged import Score
from bench.score import tables_of


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
    ((title, rows),) = tables_of("some day", score).items()
    assert title == "some day: 8 of 10 right"
    assert [row["true cause"] for row in rows] == ["a NO_PUSH", "b OK", "c EXPIRED", "d not found"]
    first = rows[0]
    assert (first["→a"], first["→b"], first["→c"], first["recall"], first["precision"]) == ("6", "·", "2!", "0.875", "1.000")
    assert (rows[1]["→d"], rows[2]["recall"]) == ("1!", "–")


def test_the_command_prints_every_corpus():
    said = CliRunner().invoke(main, ["score", "--lines", "1000"])
    assert said.exit_code == 0
    assert "chain: 6 of 6 right" in said.output
    assert "simulator, table, all feeds: " in said.output
    assert "simulator, late, before the files came: " in said.output
    assert "what was said of settings" in said.output
    assert "real day: 632 of 632 right" in said.output or "no real day" in said.output
