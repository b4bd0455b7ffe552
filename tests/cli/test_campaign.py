"""`mmsd campaign`, while no daemon runs: a list taken in, a seed's way to it counted, shown with its cost, and run by its token."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mmsd import app, config
from mmsd.cli import main
from mmsd.cli.campaign import PART
from mmsd.model import DAY, Batch, Holder, NewSeed, SeedEntry, SeedPart
from mmsd.store import Needs
from mmsd.store.sqlite import SqliteStore
from tests.store.values import forward

CONFIG = """
[feeds.mmsc1]
dialect = "mbuni"
paths = ["mmsc-access.log*"]
[state]
directory = "state"
[campaigns]
directory = "campaigns"
"""
TORCH = """
id = "torch"
name = "Torch relay"
starts = "2026-01-01"
ends = "2036-12-31"
language = "en"
[[seeds]]
id = "one"
tags = ["one"]
[sending]
price = 0.3
control = 0.25
"""
NUMBERS = re.compile(r"86138\d{8}|138\d{8}")

Run = Callable[..., Result]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    path = tmp_path / "mmsd.toml"
    path.write_text(CONFIG)
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns/torch.toml").write_text(TORCH)
    settings = config.load(path)
    new = NewSeed(
        SeedEntry("torch", "one", "one", False, 1, 11, "", "Zhou"), b"registered",
        (SeedPart("image/gif", 0, b"GIF89a", b"GIF87a"), SeedPart("text/plain", 106, b"leg 1")),
    )  # fmt: skip
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=app.wall) as store:
        store.transact(Needs(), lambda _: Batch(app.wall(), seeds=[new]))
    return path


@pytest.fixture
def run(house: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(command: str, *arguments: object) -> Result:
        result = CliRunner().invoke(main, ["campaign", command, str(house), *map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert NUMBERS.search(result.output) is None
        return result

    return invoke


def people(folder: Path, n: int) -> Path:
    path = folder / "people.csv"
    lines = [
        "msisdn,group,city",
        *(f"138{place:08},{'vip' if place % 2 else 'all'},Nanjing" for place in range(n)),
        "13800000000",
        "nobody",
    ]
    path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    return path


def test_from_a_list_to_rows_that_wait(house: Path, run: Run, tmp_path: Path) -> None:
    n = PART + 50  # the number that comes again does so in another part
    for _ in range(2):  # the same list again changes nothing
        told = run("audience", "torch", "spring", people(tmp_path, n), "--who", "li")
        assert told.output.splitlines() == [f"spring: {n} people (all {n // 2}, vip {n // 2}), 2 lines not taken",
                                            f"  line {n + 2}, column 1: repeated", f"  line {n + 3}, column 1: no number"]  # fmt: skip
    shown = run("send", "torch", "spring", "--group", "vip", "--rate", 1000, "--hours", "00:00-24:00", "--who", "li", "--why", "first wave")
    assert shown.exit_code == 0
    told = json.loads(run("mailing", 1, "--json").output)
    control, sent = told["count"]["left_out"]["control"], told["count"]["sent"]
    assert control + sent == n // 2
    assert told["state"] == "counted"
    assert told["cost"] == {"amount": round(sent * 0.3, 2), "currency": "CNY"}
    assert set(told["warnings"]) == {"shadow", "small_control"}
    assert told["first_sms"] == "Your forward was received (no. 1). Serial: 22222222222222"
    assert told["message"]["subject"] == "Torch relay"
    assert told["message"]["parts"] == [
        {"type": "image/gif", "octets": 6, "text": ""}, {"type": "text/plain", "octets": 5, "text": "leg 1"}
    ]  # fmt: skip
    for line in (
        f"to {sent} people (vip {sent})",
        f"left out, control: {control}",
        "first MMS: Torch relay; image/gif 6; text/plain 5 leg 1",
    ):
        assert line in shown.output
    assert f"--run {told['token']}" in shown.output
    assert "not the token" in run("mailing", 1, "--run", "AAAAAAAA", "--why", "go").output
    assert run("mailing", 1, "--run", told["token"].lower(), "--who", "li", "--why", "go").exit_code == 0
    assert run("sent").output.startswith("1  running   torch/one to spring  ")
    assert run("mailing", 1, "--pause", "--why", "wait").output.startswith("mailing 1: torch/one, paused")
    assert "it is paused" not in run("mailing", 1, "--resume", "--why", "on").output
    assert run("mailing", 1, "--stop", "--why", "enough").output.startswith("mailing 1: torch/one, stopped")
    audit = CliRunner().invoke(main, ["audit", "list", str(house), "--json"])
    assert [(deed["what"], deed["why"]) for deed in json.loads(audit.output)] == [
        ("stop", "enough"), ("resume", "on"), ("pause", "wait"), ("run", "go"), ("prepare", "first wave"), ("list", "uploaded")
    ]  # fmt: skip


def test_counted_anew_it_has_another_token(house: Path, run: Run, tmp_path: Path) -> None:
    run("audience", "torch", "spring", people(tmp_path, 4))
    first = json.loads(run("send", "torch", "spring", "--control", 0, "--why", "x", "--json").output)
    settings = config.load(house)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=app.wall) as store:
        store.transact(Needs(), lambda _: Batch(app.wall(), opted_out=[("8613800000001", "marketing", True)]))
    again = json.loads(run("mailing", 1, "--count", "--why", "later", "--json").output)
    assert (first["count"]["sent"], again["count"]["sent"], again["count"]["left_out"]) == (4, 3, {"opted_out": 1})
    assert first["token"] != again["token"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("torch", "nothing"), "there is no list 'nothing'"),
        (("torch", "spring", "--group", "gold"), "the list has no group 'gold'; it has all, vip"),
        (("torch", "spring", "--seed", "two"), "there is no message of the seed 'two'"),
        (("torch", "spring", "--hours", "9-20"), "9-20"),
        (("torch", "spring", "--days", "7"), "days are of 0 (Monday) to 6"),
        (("torch", "spring", "--rate", "0"), "rate: above 0"),
        (("torch", "spring", "--control", "0.9"), "control: a share from 0 to 0.5"),
        (("torch", "spring", "--from", "2036-01-01T00:00+08:00", "--to", "2035-01-01T00:00+08:00"), "it ends before it begins"),
        (("torch", "spring", "--from", "tomorrow"), "starts is no time"),
        (("lamps", "spring"), "no campaign is called 'lamps'"),
    ],
)
def test_what_cannot_be_prepared(run: Run, tmp_path: Path, arguments: tuple[Any, ...], said: str) -> None:
    run("audience", "torch", "spring", people(tmp_path, 4))
    told = run("send", *arguments, "--why", "x")
    assert told.exit_code != 0
    assert said in told.output
    assert "no mailing 1" in run("mailing", 1).output


def test_what_it_was_good_for_is_told_with_how_sure_it_is(house: Path, run: Run) -> None:
    people = [f"86138{n:08}" for n in range(1_000)]
    at = app.wall() - 8 * DAY
    holders = [
        Holder("torch", "one", who, "group", "control" if n % 5 == 0 else "sent", at, 1, key=b"" if n % 5 == 0 else b"k", drawn=at)
        for n, who in enumerate(people)
    ]
    took = [who for n, who in enumerate(people) if n % 5 and n % 2]
    settings = config.load(house)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=app.wall) as store:
        made = [forward(n, campaign="torch", sender=who, receiver="8613900000000", submitted=at) for n, who in enumerate(took)]
        store.transact(Needs(), lambda _: Batch(at, holders=holders, forwards=made))
    lines = run("effect", "torch").output.splitlines()
    assert lines[0] == "all:"
    assert lines[1].startswith("  sent: 400 of 800 took part, 50.00% (46.54% to 53.46%)")
    assert lines[2].startswith("  control: 0 of 200 took part, 0.00% (0.00% to 1.88%)")
    assert lines[3].startswith("  +50.00% (")
    assert "may be chance" not in lines[3]
    assert "nothing here is worth telling" not in "".join(lines)
    assert json.loads(run("effect", "torch", "--mailing", 2, "--json").output)["groups"][0]["lift"] is None
