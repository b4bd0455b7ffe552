"""`mmsd draw`: asks twice, draws once, and is proved by who has the paper alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmsd import app, config
from mmsd.cli import main
from mmsd.model import Batch, Closing, Serial
from mmsd.rules.serials import spell
from mmsd.store.sqlite import SqliteStore
from tests.store.conftest import NOW, put
from tests.store.values import forward

CAMPAIGN = """
id = "relay"
name = "Relay"
starts = "2026-11-01"
ends = "2026-11-30"
language = "en"
seeds = [{ id = "torch", tags = ["t"] }]
[[draws]]
name = "grand"
reserves = 1
prizes = [{ name = "torch" }, { name = "tea set", count = 2 }]
"""
SERIALS = {n: spell((n + 1) << 33, "CQ-") for n in range(30)}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns/relay.toml").write_text(CAMPAIGN)
    path = tmp_path / "mmsd.toml"
    path.write_text(
        '[feeds.mmsc1]\ndialect = "mbuni"\npaths = ["mmsc-access.log*"]\n[state]\ndirectory = "state"\n'
        '[campaigns]\ndirectory = "campaigns"\n'
    )
    settings = config.load(path)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=lambda: NOW) as store:
        forwards = [forward(n, sender=f"86137123400{n:02}") for n in SERIALS]
        put(
            store,
            Batch(
                at=NOW,
                forwards=forwards,
                serials=[Serial(serial, one.key) for serial, one in zip(SERIALS.values(), forwards, strict=True)],
                closings=[Closing("relay", "2026-11-30", "final", NOW)],
            ),
        )
    return path


def draw(house: Path, *arguments: str, given: str = "") -> Result:
    step, *rest = arguments
    return CliRunner().invoke(main, ["draw", step, str(house), *rest], input=given)


def stepped(house: Path, step: str, *more: str) -> Result:
    return draw(house, step, "relay/grand", "--who", "li", "--why", "as announced", *more)


def test_from_the_commitment_to_the_proof(house: Path, tmp_path: Path):
    assert "relay/grand  not committed to" in draw(house, "show").output
    commitment = stepped(house, "commit", "--yes").stdout.split()[-1]
    closed = stepped(house, "close", "--yes").stdout
    assert "30 entries of 30 people" in closed
    listing = closed.split()[-1]
    entry = draw(house, "entry", "relay/grand", "-", given=f"{SERIALS[3].lower()}\n")
    assert entry.exit_code == 0
    before = draw(house, "paper", "relay/grand").stdout
    assert f"\n{entry.output.strip()} " in before
    assert "seed:" not in before
    ran = stepped(house, "run", "--yes").stdout.splitlines()
    assert [line.split("8613")[0].split(None, 1)[1].strip() for line in ran] == ["torch", "tea set", "tea set", "(reserve)"]
    assert "86137****" in ran[0]
    paper = tmp_path / "paper.txt"
    assert draw(house, "paper", "relay/grand", "--out", str(paper)).exit_code == 0
    told = CliRunner().invoke(main, ["draw", "verify", str(paper), "--commitment", commitment, "--list", listing.upper()])
    assert (told.exit_code, told.output) == (0, "4 winners among 30 entries: as it should be\n")
    assert "compare with what was published: commitment" in CliRunner().invoke(main, ["draw", "verify", str(paper)]).output
    for wrong in (["--commitment", "00"], ["--list", "00"]):
        assert CliRunner().invoke(main, ["draw", "verify", str(paper), *wrong]).exit_code == 1
    assert "drawn" in draw(house, "show").output
    assert json.loads(draw(house, "show", "relay/grand").output)["entries"] == 30
    assert json.loads(draw(house, "show", "--json").output)[0]["state"] == "drawn"
    for step in ("commit", "close", "run"):
        again = stepped(house, step, "--yes")
        assert (again.exit_code, "the draw is drawn" in again.output) == (1, True)
    audit = CliRunner().invoke(main, ["audit", "list", str(house)]).output
    assert [what in audit for what in ("draw commit", "draw close", "draw run")] == [True] * 3


def test_the_next_reserve(house: Path, tmp_path: Path):
    told = ("promote", "relay/grand", "1", "--reason", "no_answer", "--who", "li", "--why", "rang on three days")
    assert "nothing was drawn yet" in draw(house, *told).output
    for step in ("commit", "close", "run"):
        stepped(house, step, "--yes")
    assert draw(house, *told, given="y\nrelay/other\n").exit_code == 1
    shown = draw(house, *told, given="y\nrelay/grand\n")
    assert "place 1 (86137****" in shown.stderr
    assert "place 4 (86137****" in shown.stderr
    assert [line.split("8613")[0].split(None, 1)[1].strip() for line in shown.stdout.splitlines()] == [
        "(out: no_answer)", "tea set", "tea set", "torch"
    ]  # fmt: skip
    assert "that place is out" in draw(house, *told, "--yes").output
    paper = tmp_path / "paper.txt"
    draw(house, "paper", "relay/grand", "--out", str(paper))
    assert "\nforfeit: 1 no_answer 4\n" in paper.read_text()
    assert CliRunner().invoke(main, ["draw", "verify", str(paper)]).exit_code == 0
    assert "draw promote" in CliRunner().invoke(main, ["audit", "list", str(house)]).output


def test_it_is_not_closed_before_its_days_are_final(house: Path):
    path = house.parent / "campaigns/relay.toml"
    path.write_text(path.read_text().replace('ends = "2026-11-30"', 'ends = "2026-12-02"'))
    stepped(house, "commit", "--yes")
    open_days = "2026-12-01 to 2026-12-02 are not final before every feed has been read beyond 2026-12-06 00:00:00+08:00"
    assert open_days in draw(house, "show").output
    assert json.loads(draw(house, "show", "relay/grand").output)["open"]["last"] == "2026-12-02"
    refused = stepped(house, "close", "--yes")
    assert (refused.exit_code, open_days in refused.output) == (1, True)
    asked = draw(house, "close", "relay/grand", "--who", "li", "--why", "as announced", "--early", given="n\n")
    assert (asked.exit_code, open_days in asked.output) == (1, True)
    assert "committed" in draw(house, "show").output
    assert stepped(house, "close", "--yes", "--early").exit_code == 0
    assert "draw close early" in CliRunner().invoke(main, ["audit", "list", str(house)]).output


def test_it_asks_twice(house: Path):
    for given in ("n\n", "y\nrelay/other\n"):
        refused = stepped_with(house, given)
        assert refused.exit_code == 1
        assert "cannot be changed" in refused.output
        assert "not committed to" in draw(house, "show").output
    assert stepped_with(house, "y\nrelay/grand\n").exit_code == 0
    assert "committed" in draw(house, "show").output


def stepped_with(house: Path, given: str) -> Result:
    return draw(house, "commit", "relay/grand", "--why", "as announced", given=given)


def test_a_paper_that_was_changed(house: Path, tmp_path: Path):
    for step in ("commit", "close", "run"):
        stepped(house, step, "--yes")
    paper = tmp_path / "paper.txt"
    draw(house, "paper", "relay/grand", "--out", str(paper))
    paper.write_text(paper.read_text().replace('"count":2', '"count":1'))
    told = CliRunner().invoke(main, ["draw", "verify", str(paper)])
    assert told.exit_code == 1
    assert "not those that were committed to" in told.output
    paper.write_bytes(b"\xff")
    assert "no paper" in CliRunner().invoke(main, ["draw", "verify", str(paper)]).output


def test_what_is_not_there(house: Path):
    assert "no campaign file has the draw" in draw(house, "commit", "relay/none", "--why", "x").output
    assert "CAMPAIGN/DRAW" in draw(house, "commit", "relay", "--why", "x").output
    for arguments in (("paper", "relay/grand"), ("show", "relay/grand"), ("entry", "relay/grand", SERIALS[1])):
        assert "nobody has committed" in draw(house, *arguments).output
    stepped(house, "commit", "--yes")
    assert draw(house, "entry", "relay/grand", SERIALS[1]).exit_code == 1
    assert stepped(house, "run", "--yes").exit_code == 1
