"""`mmsd care` over a real store, with and without a daemon's lock."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mmsd import app, config
from mmsd.cli import EXIT_CONFIG, main
from mmsd.model import Batch, Kept, Listing, Outgoing
from mmsd.rules.cases import Case, CaseStep, Event, Kind, State
from mmsd.rules.casework import Folder
from mmsd.rules.consent import Channel, Consent
from mmsd.store import Needs
from mmsd.store.sqlite import SqliteStore

NUMBER, OTHER = "8613812341234", "8613812345678"
NOON = 1_795_348_800_000_000  # 2026-11-22T12:00Z
CONFIG = """
[feeds.mmsc1]
dialect = "mbuni"
paths = ["mmsc-access.log*"]
[state]
directory = "state"
"""

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "80")

    def invoke(*arguments: object, text: str | None = None) -> Result:
        result = CliRunner().invoke(main, ["care", *map(str, arguments)], input=text)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert NUMBER not in result.output
        return result

    return invoke


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A configuration whose store has one case handed over and one that waits."""
    path = tmp_path / "mmsd.toml"
    path.write_text(CONFIG)
    given: dict[str, Any] = {"kind": Kind.SETTINGS, "origin": "finding", "causes": ("BAD_APN",), "city": "Wuxi", "opened": NOON}
    over = Case(number=1, state=State.HANDED_OVER, asked=NOON, moved=NOON + 2, closed=NOON + 2, reason="pushes: 2", **given)
    step = CaseStep(case=1, at=NOON + 2, event=Event.HAND_OVER, before=State.PUSHED, after=State.HANDED_OVER, reason="", who="li")
    consent = Consent(number=1, case=1, wording="form 7", channel=Channel.STAFF, by="li", at=NOON, expires=NOON + 9)
    found = Case(number=1, state=State.FOUND, moved=NOON, **given)
    asked = Outgoing(b"k" * 16, "service", "ask:1", NUMBER, "text", "ready", NOON, NOON + 9)
    batch = Batch(
        NOON, care=[Kept(NUMBER, None, Folder(1, (over,), (), (consent,)), (step,)), Kept(OTHER, None, Folder(2, (found,)))],
        listed=[Listing(NUMBER, 1, "settings", "pushes: 2", on=True)], outbox=[asked],
    )  # fmt: skip
    with opened(path) as store:
        store.transact(Needs(), lambda _: batch)
    return path


def opened(path: Path) -> SqliteStore:
    settings = config.load(path)
    return SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=app.wall)


def test_cases_are_listed(run: Run, house: Path) -> None:
    assert "86138****5678  1     settings  found" in run("list", house).output
    over = json.loads(run("list", house, "--state", "handed_over", "--json").stdout)
    assert [(row["number"], row["reason"]) for row in over] == [("86138****1234", "pushes: 2")]
    place = run("list", house, "--limit", 1).output.rpartition("--after ")[2].strip()
    assert run("list", house, "--after", place).output == "None.\n"
    assert run("list", house, "--after", "x").exit_code == EXIT_CONFIG


def test_what_was_done_leaves_the_hand_over_list_and_stays_in_the_audit(run: Run, house: Path) -> None:
    (row,) = json.loads(run("handover", house, "--json").stdout)
    assert (row["number"], row["cause"], row["reason"]) == ("86138****1234", "BAD_APN", "pushes: 2")
    assert run("handover", house, "--csv").output.startswith("\ufeffid,number,at,kind")
    assert run("done", house, row["id"], "--who", "li", "--why", "called him").output == f"{row['id']}: done\n"
    assert run("handover", house).output == "None.\n"
    assert run("done", house, row["id"], "--why", "again").exit_code == 2
    assert run("done", house, "x", "--why", "again").exit_code == 2
    with opened(house) as store:
        assert [(deed.who, deed.what, deed.why) for _, _, deed in store.deeds(9)] == [("li", "handover_done", "called him")]


def test_one_number_in_words(run: Run, house: Path) -> None:
    told = run("show", house, "-", text="13812341234\n").output
    for words in (
        "86138****1234: 1 cases",
        "case 1: handed over",
        "wrong access point (APN) pushes: 2",
        "(li)",
        "by staff",
        "ask:1, waits",
    ):
        assert words in told
    assert "已转人工" in run("show", house, "13812341234", "--language", "zh").output
    assert json.loads(run("show", house, "13812341234", "--json").stdout)["consents"][0]["wording"] == "form 7"
    assert run("show", house, "13800000000").output == "86138****0000: 0 cases\n"
    assert run("show", house, "nobody").exit_code == 2


def test_funnel_and_effect(run: Run, house: Path) -> None:
    span = ("--from", "2026-11-22T00:00", "--to", "2026-11-23T00:00")
    (row,) = json.loads(run("funnel", house, *span, "--by", "city", "--json").stdout)
    assert (row["city"], row["found"], row["asked"], row["handed_over"], row["open"]) == ("Wuxi", 2, 1, 1, 1)
    assert run("funnel", house, *span, "--csv").output.startswith("\ufefffound,asked,consented,pushed,confirmed")
    heads = run("funnel", house, *span, "--by", "city").output.splitlines()[0]  # narrow windows wrap lines, and lose no word
    assert heads.split()[:6] == ["city", "found", "asked", "consented", "pushed", "confirmed"]
    assert "…" not in heads
    told = run("effect", house, *span).output
    assert "others: 2 of 2 subscribers" in told
    assert "success: not known, one side has no messages" in told
    assert "too few messages" in told
    assert json.loads(run("effect", house, *span, "--json").stdout)["held_back"] == {"people": 0, "looked": 0}
    assert run("funnel", house, "--from", "2026-11-23", "--to", "2026-11-22").exit_code == 2


def test_nothing_is_made_where_one_only_looks(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mmsd.toml"
    path.write_text(CONFIG)
    assert run("list", path).exit_code == EXIT_CONFIG
    assert not (tmp_path / "state/mmsd.db").exists()
