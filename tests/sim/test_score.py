"""The score finds what is missing, wrong, twice or too many, and nothing where export and truth agree."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sim.__main__ import main
from sim.score import report, score
from tests.sim.conftest import Run

Rows = list[dict[str, Any]]


def _export(run: Run) -> tuple[Rows, Rows]:
    """What an mmsd that is always right would export."""
    names = ("message", "receiver", "leg", "sender", "outcome", "cause", "rule")
    deliveries = [{name: row[name] for name in names} for row in run.rows]
    forwards = [
        {**{name: row[name] for name in ("message", "sender", "receiver")}, **row["forward"], "serial": f"S{i:06d}"}
        for i, row in enumerate(run.rows)
        if row["forward"]
    ]
    for forward in forwards:
        if not forward["counted"]:
            del forward["serial"]
    return deliveries, forwards


def test_the_truth_agrees_with_itself(run: Run) -> None:
    result = score(run.rows, *_export(run))
    assert not result.differences
    assert result.legs == result.right_causes == len(run.rows)
    assert result.forwards == result.serials == (run.totals["forwards"], run.totals["forwards"])
    assert "differences: 0" in report(result)


def _outcome(deliveries: Rows, forwards: Rows) -> None:
    deliveries[0]["outcome"] = "open"


def _missing(deliveries: Rows, forwards: Rows) -> None:
    del deliveries[3]


def _twice(deliveries: Rows, forwards: Rows) -> None:
    deliveries.append(deliveries[5])


def _strange(deliveries: Rows, forwards: Rows) -> None:
    deliveries.append({**deliveries[5], "leg": "another"})


def _uncounted(deliveries: Rows, forwards: Rows) -> None:
    first = next(row for row in forwards if row["counted"])
    first["counted"] = False


def _city(deliveries: Rows, forwards: Rows) -> None:
    next(row for row in forwards if row["counted"])["city"] = "Atlantis"


def _same_serial(deliveries: Rows, forwards: Rows) -> None:
    first, second, *_ = (row for row in forwards if row["counted"])
    first["serial"] = second["serial"]


def _no_serial(deliveries: Rows, forwards: Rows) -> None:
    next(row for row in forwards if row["counted"])["serial"] = None


def test_either_copy_of_a_forward_sent_again_may_count(run: Run) -> None:
    deliveries, forwards = copy.deepcopy(_export(run))
    again = next(row for row in forwards if row["reason"] == "sent again")
    first = next(
        row for row in forwards
        if row is not again and all(row[name] == again[name] for name in ("group", "sender", "receiver"))
    )  # fmt: skip
    assert first["message"] != again["message"]
    first["message"], again["message"] = again["message"], first["message"]
    assert not score(run.rows, deliveries, forwards).differences


@pytest.mark.parametrize("spoil", [_outcome, _missing, _twice, _strange, _uncounted, _city, _same_serial, _no_serial])
def test_every_difference_is_found(run: Run, spoil: Callable[[Rows, Rows], None]) -> None:
    deliveries, forwards = copy.deepcopy(_export(run))
    spoil(deliveries, forwards)
    assert score(run.rows, deliveries, forwards).differences


def test_open_legs_are_left_out(run: Run) -> None:
    rows = copy.deepcopy(run.rows)
    plain = next(row for row in rows if row["forward"] is None)
    plain["outcome"] = "open"
    assert not score(rows, *_export(run)).differences


def test_a_cause_that_may_pass_is_no_error_and_is_shown(run: Run) -> None:
    deliveries, forwards = copy.deepcopy(_export(run))
    row = next(row for row in deliveries if row["rule"] == "U10")
    row["cause"], row["rule"] = "NO_RETRIEVE", "U11"
    result = score(run.rows, deliveries, forwards)
    assert result.right_causes == result.legs
    assert "BAD_APN U10 → NO_RETRIEVE U11   *" in report(result)


def test_the_command_ends_with_one_on_a_difference(run: Run, tmp_path: Path) -> None:
    deliveries, forwards = _export(run)
    for spoilt in (False, True):
        if spoilt:
            _missing(deliveries, forwards)
        for name, rows in (("deliveries", deliveries), ("forwards", forwards)):
            (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        arguments = [
            "score",
            "--truth",
            str(run.out),
            "--deliveries",
            str(tmp_path / "deliveries"),
            "--forwards",
            str(tmp_path / "forwards"),
        ]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == int(spoilt), result.output
        assert f"differences: {int(spoilt)}" in result.output
