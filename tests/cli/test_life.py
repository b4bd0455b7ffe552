"""`mmsd campaign`: each step by name and for a reason; *run* asks twice."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from mmsd import app, config
from mmsd.cli import main
from mmsd.model import Batch, NewSeed, SeedEntry
from mmsd.store import Needs
from mmsd.store.sqlite import SqliteStore

GIVEN = ("--who", "Zhou", "--why", "planned")


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A campaign with one seed, made of nothing."""
    path = tmp_path / "mmsd.toml"
    path.write_text(
        f'[state]\ndirectory = "{tmp_path}/state"\n[campaigns]\ndirectory = "{tmp_path}/campaigns"\n'
        f'[feeds.mmsc]\ndialect = "mbuni"\npaths = ["{tmp_path}/mmsc.log"]\n'
    )
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns/relay.toml").write_text('id = "relay"\nname = "Relay"\nstarts = "2026-11-22"\nends = "2099-11-22"\n')
    settings = config.load(path)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=app.wall) as store:
        new = NewSeed(SeedEntry("relay", "leg-1", "leg", True, 1, 4711, "", "Zhou"), b"registered", ())
        store.transact(Needs(), lambda _: Batch(app.wall(), seeds=[new]))
    return path


def campaign(*arguments: str | Path, said: str = "") -> Result:
    return CliRunner().invoke(main, ["campaign", *map(str, arguments)], input=said)


def test_from_draft_to_closed(configured: Path):
    for step, after in (("draft", "draft"), ("check", "checked")):
        assert campaign(step, configured, "relay", *GIVEN).output == f"relay: {after}\n"
    ran = campaign("run", configured, "relay", *GIVEN, said="y\nrelay\n")
    assert ran.exit_code == 0, ran.output
    assert "relay/leg-1 is weak; Zhou took it" in ran.output
    assert "first SMS: 您转发的彩信已送达" in ran.output
    assert ran.output.endswith("relay: running\n")
    for step, after in (("pause", "paused"), ("resume", "running"), ("close", "closed")):
        assert campaign(step, configured, "relay", *GIVEN).output == f"relay: {after}\n"
    late = campaign("resume", configured, "relay", *GIVEN)
    assert (late.exit_code, "the campaign is closed" in late.output) == (78, True)
    assert campaign("list", configured).output == "relay  closed   2026-11-22 to 2099-11-22  1 seeds  Relay\n"
    shown = msgspec.json.decode(campaign("show", configured, "relay", "--json").output)
    assert [step["state"] for step in shown["steps"]] == ["draft", "checked", "running", "paused", "running", "closed"]
    assert (shown["possible"], shown["confirmation"]) == ([], "")


@pytest.mark.parametrize("said", ["n\n", "y\nlamps\n", ""])
def test_without_both_answers_nothing_runs(configured: Path, said: str):
    campaign("draft", configured, "relay", *GIVEN)
    campaign("check", configured, "relay", *GIVEN)
    assert campaign("run", configured, "relay", *GIVEN, said=said).exit_code == 1
    assert "checked" in campaign("list", configured).output


def test_a_script_gives_back_what_was_shown(configured: Path):
    assert campaign("run", configured, "relay", *GIVEN, "--confirm", "0" * 12).exit_code == 78
    campaign("draft", configured, "relay", *GIVEN)
    campaign("check", configured, "relay", *GIVEN)
    word = msgspec.json.decode(campaign("show", configured, "relay", "--json").output)["confirmation"]
    assert campaign("run", configured, "relay", *GIVEN, "--confirm", "0" * 12).exit_code == 78
    assert campaign("run", configured, "relay", *GIVEN, "--confirm", word).exit_code == 0


def test_what_stands_against_it_is_said(configured: Path):
    (configured.parent / "campaigns/relay.toml").write_text('id = "relay"\nname = "Relay"\nstarts = "2026-11-01"\nends = "2026-11-02"\n')
    campaign("draft", configured, "relay", *GIVEN)
    refused = campaign("check", configured, "relay", *GIVEN)
    assert refused.exit_code == 78
    assert "ends: 2026-11-02 is over" in refused.output
    assert "fault ends: 2026-11-02 is over" in campaign("show", configured, "relay").output


def test_a_step_needs_a_name_a_reason_and_a_campaign(configured: Path):
    assert campaign("pause", configured, "relay", "--who", "Zhou", "--why", "ask 8613912345678").exit_code == 2
    assert campaign("pause", configured, "relay", "--who", "Zhou").exit_code == 2
    assert campaign("pause", configured, "lamps", *GIVEN).exit_code == 2
