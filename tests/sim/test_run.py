"""`make run` puts the right figures beside each other, and never clears a folder that is not its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from sim.run import Row, compare, main, progress, table
from tests.sim.conftest import Run


def _agreeing(truth: dict[str, Any]) -> dict[str, Any]:
    """What `/api/v1/totals` answers when the daemon is right."""
    return {
        "lines": sum(feed["records"] for feed in truth["feeds"].values()),
        "outcomes": {"delivered": truth["outcomes"]["delivered"], "failed": truth["outcomes"]["failed"], "open": 0},
        "causes": [{"name": name, "n": n, "share": 0.0} for name, n in truth["causes"]["failed"].items()],
        "forwards": truth["forwards"],
        "cities": [{"name": name, "n": n, "share": 0.0} for name, n in truth["forwards_by_city"].items()],
        "serials": truth["serials"],
    }


def test_figures_stand_beside_their_truth(run: Run) -> None:
    rows = compare(_agreeing(run.totals), run.totals)
    assert all(row.found == row.true for row in rows)
    names = [row.name.strip() for row in rows]
    assert {"lines read", "delivered", "failed", "forwards", "serials", "BAD_APN", "Nanjing"} <= set(names)
    console = Console(width=60)
    with console.capture() as shown:
        console.print(table(rows))
    assert f"{run.totals['outcomes']['delivered']:,}" in shown.get()


def test_while_both_go_on_the_truth_is_so_far_and_no_difference_is_marked() -> None:
    rows = [Row("lines read", 1200, 1100), Row("  NO_PUSH", 2, 1), Row("failed", 2, 1)]
    assert progress(rows) == "mmsd / truth so far: lines read 1,200 / 1,100, failed 2 / 1"
    running, ended = table(rows, so_far=True), table(rows)
    assert [column.header for column in running.columns] == ["", "mmsd", "truth so far"]
    assert [column.header for column in ended.columns] == ["", "mmsd", "truth"]
    assert {row.style for row in running.rows} == {""}
    assert {row.style for row in ended.rows} == {"yellow"}


@pytest.mark.parametrize("name", ["lines", "forwards", "serials"])
def test_a_difference_counts(run: Run, name: str) -> None:
    daemon = _agreeing(run.totals)
    daemon[name] += 1
    assert len([row for row in compare(daemon, run.totals) if row.found != row.true]) == 1


def test_a_city_and_a_cause_too_many_count(run: Run) -> None:
    daemon = _agreeing(run.totals)
    daemon["cities"].append({"name": "Atlantis", "n": 1, "share": 0.0})
    daemon["causes"].append({"name": "HANDSET_FULL", "n": 1, "share": 0.0})
    wrong = [row for row in compare(daemon, run.totals) if row.found != row.true]
    assert [row.name.strip() for row in wrong] == ["HANDSET_FULL", "Atlantis"]


def test_too_short_a_run_shows_nothing_and_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--out", str(tmp_path / "demo"), "--duration", "30"])
    assert result.exit_code == 2
    assert "give at least 35" in result.output
    assert not (tmp_path / "demo").exists()


def test_nothing_yet_is_no_error() -> None:
    assert all(row.found == row.true == 0 for row in compare({}, {}))


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    result = CliRunner().invoke(main, ["--out", str(tmp_path), "--duration", "60"])
    assert result.exit_code == 1
    assert "holds something else" in result.output
    assert (tmp_path / "thesis.txt").read_text() == "mine"
