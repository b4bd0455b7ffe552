"""`mmsd governor explain` over a real store: what is stored of a number is what the claim would see."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from mmsd import app, config
from mmsd.cli import EXIT_CONFIG, main
from mmsd.model import HOUR, SECOND, Batch, Outgoing, Reservation
from mmsd.rules import outbox
from mmsd.store import Needs, orders
from mmsd.store.sqlite import SqliteStore

NUMBER: Final = "8613812341234"
NIGHT: Final = 1795356000 * SECOND  # 2026-11-22 22:00 in Shanghai
CONFIG: Final = """
[feeds.mmsc1]
dialect = "mbuni"
paths = ["mmsc-access.log*"]
[state]
directory = "state"
[campaigns]
directory = "campaigns"
[governor.service]
switch = "on"
daily = 5000
canary = 100
[governor.transactional]
switch = "on"
"""
CAMPAIGN: Final = """
id = "torch"
name = "Torch"
starts = "2026-01-01"
ends = "2026-12-31"
quiet_hours = false
[[seeds]]
id = "one"
tags = ["T1"]
"""

Run = Callable[..., Result]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A configuration whose store has sent one message to the number an hour ago, and where marketing is stopped."""
    path = tmp_path / "mmsd.toml"
    path.write_text(CONFIG)
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns/torch.toml").write_text(CAMPAIGN)
    settings = config.load(path)
    sent = Outgoing(b"k" * 16, "service", "ask", NUMBER, "text", outbox.READY, NIGHT - HOUR, NIGHT + HOUR)
    with SqliteStore.open(
        settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=lambda: NIGHT
    ) as store:  # fmt: skip
        store.transact(Needs(), lambda _: Batch(NIGHT - HOUR, outbox=[sent]))
        claimed = outbox.claimed(sent, "smsc1", 1, now=NIGHT - HOUR, fence=1)
        counted = Reservation("service", "", "2026-11-22", shadow=False, n=41)
        store.transact(
            Needs(), lambda _: Batch(NIGHT, moved=[claimed], reserved=[counted], opted_out=[(NUMBER, "provisioning", True)])
        )  # fmt: skip
        orders.stop(store, "marketing", who="desk 4", why="wrong text", now=NIGHT)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(importlib.import_module("mmsd.app"), "wall", lambda: NIGHT)

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["governor", "explain", *map(str, arguments)])

    return invoke


def test_every_class_with_the_rules_that_have_a_say(house: Path, run: Run):
    result = run(house, "13812341234")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "transactional to 86138****1234: waits until 2026-11-23 08:00: quiet hours (21:00-08:00)",
        "  switch: on",
        "  cap: 1 of 10 in 1 day, of all classes",
        "  cap: 0 of 5 in 1 day, transactional",
        "  quiet hours: 21:00-08:00, now until 2026-11-23 08:00",
        "service to 86138****1234: waits until 2026-11-23 08:00: quiet hours (21:00-08:00)",
        "  switch: on",
        "  canary: 41 of the first 100 are out, nobody has said go",
        "  cap: 1 of 10 in 1 day, of all classes",
        "  cap: 1 of 5 in 1 day, service",
        "  ceiling: 41 of 5000 a day",
        "  quiet hours: 21:00-08:00, now until 2026-11-23 08:00",
        "marketing to 86138****1234: held until a person acts: stopped (marketing)",
        "  switch: shadow",
        "  stop: marketing",
        "  cap: 1 of 10 in 1 day, of all classes",
        "  cap: 0 of 5 in 1 day, marketing",
        "  quiet hours: 21:00-08:00, now until 2026-11-23 08:00",
        "provisioning to 86138****1234: dropped: opted out (provisioning)",
        "  switch: shadow",
        "  opted out: provisioning",
        "  cap: 1 of 10 in 1 day, of all classes",
        "  cap: 0 of 5 in 1 day, provisioning",
        "  quiet hours: 21:00-08:00, now until 2026-11-23 08:00",
    ]


def test_one_class_of_a_campaign_that_keeps_no_quiet_hours(house: Path, run: Run):
    result = run(house, NUMBER, "--class", "transactional", "--campaign", "torch", "--json")
    assert json.loads(result.output) == {
        "number": "86138****1234",
        "at": "2026-11-22T14:00:00Z",
        "classes": [
            {
                "class": "transactional",
                "decision": "send",
                "reason": "",
                "until": None,
                "words": "leaves now",
                "rules": ["switch: on", "cap: 1 of 10 in 1 day, of all classes", "cap: 0 of 5 in 1 day, transactional"],
            }
        ],
    }


def test_a_number_that_was_never_heard_of(house: Path, run: Run):
    result = run(house, "13900000000", "--class", "service", "--json")
    (service,) = json.loads(result.output)["classes"]
    assert (service["decision"], service["reason"], service["until"]) == ("defer", "quiet_hours", "2026-11-23T00:00:00Z")
    assert "cap: 0 of 10 in 1 day, of all classes" in service["rules"]


@pytest.mark.parametrize(
    ("arguments", "said"), [(["12"], "is no phone number"), ([NUMBER, "--campaign", "lantern"], "no campaign is called 'lantern'")]
)
def test_arguments_that_are_none(house: Path, run: Run, arguments: list[str], said: str):
    result = run(house, *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_nothing_to_look_at(house: Path, run: Run, tmp_path: Path):
    other = tmp_path / "other.toml"
    other.write_text(CONFIG.replace('"state"', '"elsewhere"'))
    assert run(other, NUMBER).exit_code == EXIT_CONFIG
