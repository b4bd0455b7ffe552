"""`mmsd causes`: the table as loaded, one row, the words of conditions, an operator's changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmsd.cli import main
from mmsd.rules.causes import ATTEMPT_SIGNS, REQUESTS, RULES, SIGNS

CHANGED = """
feeds.mmsc1 = { dialect = "mbuni", paths = ["mmsc.log"] }
[causes]
numbers = { repeated = 5 }
rows.U10 = { confidence = 0.8 }
rows.U6 = { cause = "NO_RETRIEVE" }
"""


def said(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["causes", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result.output


def values(*arguments: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(said(*arguments, "--json"))
    return found


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    path = tmp_path / "mmsd.toml"
    path.write_text(CHANGED)
    return path


def test_it_lists_every_row_in_the_order_in_which_they_are_asked():
    lines = said().splitlines()
    assert [line.split()[0] for line in lines] == [row["row"] for row in values()]
    assert {row["row"] for row in values()} == {*RULES, *REQUESTS} - {""}
    assert lines[0].split()[:4] == ["B1", "failed", "NOT_PROVISIONED", ".95"]


def test_one_row_is_explained():
    told = said("u10")
    for text in (
        "U10  failed, BAD_APN (usually the internet APN), .9 sure",
        "when                s = other-new, other_new ≥ repeated",
        "repeated            3",
        "unproved            p ≠ delivered: .7 sure",
        "without             sessions of every access point: U14",
        "with less to go by  EXPIRED, NO_RETRIEVE, UNKNOWN",
        "to do               send settings, after consent",
    ):
        assert text in told
    assert "changed" not in told


def test_it_speaks_chinese():
    assert "下载开始但未完成" in said("T6", "--language", "zh")
    assert "in words            发往其他主机" in said("Z2", "--language", "zh")


def test_a_cause_has_rows_by_variants_too():
    assert {row["row"] for row in values("EXPIRED")} == {"T3", "U9", "U11", "U12", "U13", "U14", "U15", "U16"}
    assert [row["row"] for row in values("interworking")] == ["B3"]


def test_what_an_operator_changed_is_marked(changed: Path):
    assert [line.split()[0] for line in said("--config", changed).splitlines() if line.endswith("(changed)")] == ["U6", "U10"]
    told = said("U10", "--config", changed)
    assert "failed, BAD_APN (usually the internet APN), .8 sure" in told
    assert "repeated            5" in told
    assert "changed             by [causes.rows.U10] of the configuration; as it comes: failed, BAD_APN" in told
    assert "U6  failed, NO_RETRIEVE, .8 sure" in said("U6", "--config", changed)


def test_the_words_of_conditions_are_listed():
    assert {sign["sign"] for sign in values("--signs")} == {*SIGNS, *ATTEMPT_SIGNS}
    told = said("--signs")
    assert "get  the last fetch at the gateway\n  n/c, ok, short, denied, denied-407, gone, 5xx, none; shown by the gateway's log" in told
    assert "  a count; shown by sessions" in told


def test_what_is_no_row_is_refused():
    assert "no row and no cause of a row is called 'U99'" in said("U99", status=2)
    assert "--signs lists them all" in said("U1", "--signs", status=2)
