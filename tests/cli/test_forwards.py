"""`mmsd forwards` over a real store, without a daemon."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from mmsd import app, config
from mmsd.cli import main
from mmsd.model import SECOND, Batch, Forward
from mmsd.store import Needs
from mmsd.store.sqlite import SqliteStore

NOW: Final = 1_795_348_800 * SECOND
SENDER, RECEIVER = "8613812341234", "8613998765432"
CONFIG: Final = """
[feeds.mmsc1]
dialect = "mbuni"
paths = ["mmsc-access.log*"]
[state]
directory = "state"
[campaigns]
directory = "campaigns"
"""
CAMPAIGN: Final = """
id = "torch"
name = "Torch"
starts = "2026-01-01"
ends = "2026-12-31"
serial_prefix = "T-"
[[seeds]]
id = "one"
tags = ["T1"]
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A configuration whose store holds one forward for review."""
    path = tmp_path / "mmsd.toml"
    path.write_text(CONFIG)
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns/torch.toml").write_text(CAMPAIGN)
    forward = Forward(
        b"k" * 16, "torch", "one", "m1", SENDER, RECEIVER, 1, None, NOW, NOW, "Wuxi", "2026-11-22", "tag", 1.0, False, "fan_in",
        review="held",
    )  # fmt: skip
    with opened(path) as store:
        store.transact(Needs(), lambda _: Batch(NOW, forwards=[forward]))
    return path


def opened(path: Path) -> SqliteStore:
    settings = config.load(path)
    return SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=lambda: NOW)


@pytest.fixture
def mmsd(house: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.import_module("mmsd.app"), "wall", lambda: NOW)

    def run(act: str, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["forwards", act, str(house), *arguments])

    return run


def test_what_is_held_is_listed_released_and_stopped(house: Path, mmsd):
    listed = mmsd("held")
    assert "fan_in" in listed.output
    assert "86138****1234" in listed.output
    assert "torch: held 1  fan_in" in listed.output
    assert SENDER not in listed.output
    assert [row["id"] for row in json.loads(mmsd("held", "--json").output)] == [1]
    assert mmsd("release", "1", "--why", "seen", "--who", "li").output == "forward 1: counts\n"
    assert json.loads(mmsd("held", "--json").output) == []
    assert [row["serial"] for row in json.loads(mmsd("held", "--said", "released", "--json").output)] == [True]
    assert mmsd("stop", "1", "--why", "a robot", "--who", "li").output == "forward 1: does not count\n"
    with opened(house) as store:
        issued = store.forward(1)
        assert issued is not None
        assert (issued.forward.review, issued.serial[:2]) == ("stopped", "T-")
        assert [(deed.what, deed.why) for _, _, deed in store.deeds(9)] == [("stop forward", "a robot"), ("release forward", "seen")]


def test_what_cannot_be_said_ends_with_its_reason(mmsd):
    assert "there is no such forward" in mmsd("release", "7", "--why", "seen").output
    mmsd("release", "1", "--why", "seen")
    again = mmsd("release", "1", "--why", "seen")
    assert (again.exit_code, "it counts already" in again.output) == (2, True)
    assert mmsd("release", "1").exit_code == 2
