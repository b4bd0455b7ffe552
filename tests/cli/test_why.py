"""`mmsd why` over the chain's real logs: a number's week, a message's way, lines found after rotation, and what is not known said so."""

from __future__ import annotations

import gzip
import importlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from bench.score import CHAIN
from mmsd import app, config
from mmsd.cli import EXIT_CONFIG, main
from mmsd.cli.lines import veiled
from mmsd.flow.sequencer import END
from mmsd.store.sqlite import SqliteStore
from tests.cli.test_commands import CONFIG

FULL_NUMBER: Final = re.compile(r"86139\d{8}|(?:3[0-9]){13}")
"""A number in plain, or in the hex of a push."""

MESSAGE: Final = "t-wt-qf662.1.x608.20@mmsc"
DELIVERED, EXPIRED, STRANGER = "+8613900000001", "13900000007", "13900000099"

NIGHT: Final = 1_795_392_000_000_000_000  # 2026-11-23T00:00Z

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(importlib.import_module("mmsd.cli.why"), "time_ns", lambda: NIGHT)  # `mmsd.cli.why` is the command

    def invoke(*arguments: object, text: str | None = None) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in ("why", *arguments)], input=text)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return invoke


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A configuration that has read the chain's logs to their end."""
    folder = tmp_path / "logs"
    shutil.copytree(CHAIN, folder)
    written = folder / "mmsd.toml"
    written.write_text(CONFIG)
    settings = config.load(written)
    keys = app.load_keys(settings)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=keys, wall=app.wall) as store:
        with app.intake(settings, store, keys, app.World(), follow=False) as sequencer:
            sequencer.until = END
            while sequencer.tick():
                pass
        assert store.horizon() < NIGHT // 1000
    return written


def asked(run: Run, *arguments: object, status: int = 0) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == status, result.output
    return json.loads(result.stdout)


def kinds(story: dict[str, Any]) -> list[str]:
    return [step["kind"] for step in story["steps"]]


# --------------------------------------------------------------------------------------------------------------------- a number


def test_a_number_has_deliveries_from_rows_and_from_packed_rows(run: Run, house: Path):
    answer = asked(run, house, DELIVERED)
    assert [(row["outcome"], row["role"], row["packed"]) for row in answer["deliveries"]] == [
        ("failed", "sender", False),  # what he passed on: newest first
        ("delivered", "receiver", True),
    ]
    assert answer["not_covered"] == ["packet sessions"]


def test_what_is_said_to_people_is_in_words_and_masked(run: Run, house: Path):
    said = run(house, EXPIRED)
    assert said.exit_code == 0
    assert "failed: EXPIRED, expired" in said.output
    assert "nothing shows that the push arrived" in said.output
    assert "may also be: NO_PUSH, NO_RETRIEVE" in said.output
    assert "to do: push sooner and more often" in said.output
    assert "No feed covers: packet sessions" in said.output
    assert "from 86139****0021" in said.output
    assert not FULL_NUMBER.search(said.output)
    assert "from 8613900000021" in run(house, EXPIRED, "--reveal").output


def test_it_says_by_whose_word_the_window_ended(run: Run, house: Path):
    (message,) = {row["message"] for row in asked(run, house, EXPIRED)["deliveries"]}
    said = run(house, EXPIRED, message).output
    (story,) = asked(run, house, EXPIRED, message)["stories"]
    assert story["expires_by"] == "final"
    assert story["expires"] == story["closed"]
    assert "its window ends 2026-" in said
    assert "by the MMSC's final word" in said


def test_it_speaks_chinese(run: Run, house: Path):
    assert "过期" in run(house, EXPIRED, "--language", "zh").output


def test_the_number_may_be_asked_for(run: Run, house: Path):
    said = run(house, "-", text=f"{EXPIRED}\n")
    assert "EXPIRED" in said.output
    assert not FULL_NUMBER.search(said.output)


# -------------------------------------------------------------------------------------------------------------------- a message


def test_a_message_is_told_for_each_receiver_across_the_nodes(run: Run, house: Path):
    stories = asked(run, house, MESSAGE)["stories"]
    assert sorted(story["receiver"][-4:] for story in stories) == ["0002", "0003", "0004", "0006", "0007"]
    story = next(story for story in stories if story["receiver"].endswith("0007"))
    assert kinds(story) == ["SUBMIT", "PUSH", "PUSH_REPORT", "PUSH", "PUSH_REPORT", "REPORT"]
    assert [step["after"] for step in story["steps"]] == [0, 2_000_000, 0, 5_000_000, 0, 15_000_000]
    assert [step["detail"].partition(",")[0] for step in story["steps"][:3]] == ["from 86139****0021", "SUBMITTED", "ACCEPTED"]
    assert all(step["found"] for step in story["steps"])


def test_lines_are_found_again_after_rotation_and_compression(run: Run, house: Path):
    folder = house.parent
    (folder / "mmsc-access.log").rename(folder / "mmsc-access.log.1")
    (folder / "mmsc-access.log").write_text("2026-11-23 00:00:00 Log begins\n" * 400)  # the same offsets, other lines
    log = folder / "bearerbox-access.log"
    (folder / "bearerbox-access.log.2.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    (story,) = asked(run, house, EXPIRED, MESSAGE, "--lines")["stories"]
    assert {Path(step["found"]).name for step in story["steps"]} == {"mmsc-access.log.1", "bearerbox-access.log.2.gz"}
    assert story["steps"][0]["line"].startswith("2026-11-22 17:44:22 Received MMS [INT:MM1]")
    assert not FULL_NUMBER.search("".join(step["line"] for step in story["steps"]))


def test_a_line_whose_file_is_gone_is_said_to_be(run: Run, house: Path):
    (house.parent / "bearerbox-access.log").unlink()
    (story,) = asked(run, house, EXPIRED, MESSAGE)["stories"]
    missing = {step["feed"]: step["missing"] for step in story["steps"]}
    assert missing == {"mmsc": "", "sms": "its file is gone, or was written over"}
    assert "gone, or was written over" in run(house, EXPIRED, MESSAGE).output


def test_a_file_written_over_is_not_taken_for_the_one_that_was(run: Run, house: Path):
    log = house.parent / "bearerbox-access.log"
    log.write_bytes(log.read_bytes().replace(b"2026-11-22 17:44", b"2026-11-22 17:45"))
    (story,) = asked(run, house, EXPIRED, MESSAGE)["stories"]
    assert all(step["missing"] for step in story["steps"] if step["feed"] == "sms")


def test_of_a_delivered_message_the_lines_are_looked_for_in_the_logs(run: Run, house: Path):
    name = asked(run, house, DELIVERED)["deliveries"][-1]["name"]
    stories = asked(run, house, DELIVERED, name)["stories"]
    (packed,) = [story for story in stories if story["packed"]]
    assert packed["steps"] == []
    assert packed["retrieved"] > packed["pushed"] > packed["submitted"]
    assert "--lines looks for its lines" in run(house, DELIVERED, name).output
    log = house.parent / "wapbox-access.log"
    (house.parent / "wapbox-access.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    for handle in (name, MESSAGE):
        (packed,) = [story for story in asked(run, house, DELIVERED, handle, "--lines")["stories"] if story["packed"]]
        assert {"SUBMIT", "NOTIFY", "PUSH", "PUSH_REPORT", "FETCH", "ATTEMPT", "RESPONSE"} == set(kinds(packed))
        assert packed["unread"] == []
        assert next(step["detail"] for step in packed["steps"] if step["kind"] == "RESPONSE").startswith("129 Retrieved")
    assert not FULL_NUMBER.search(json.dumps(packed))


def test_lines_of_a_number_need_no_verdict(run: Run, house: Path):
    answer = asked(run, house, "13900000021", "--lines")
    assert {step["feed"] for step in answer["lines"]} >= {"mmsc", "sms"}  # reports to him as the sender are judged by nobody


# ----------------------------------------------------------------------------------------------------------------- what is not


def test_who_is_not_known_is_told_apart_from_who_received_nothing(run: Run, house: Path):
    said = run(house, STRANGER)
    assert said.exit_code == 1
    assert "Nothing is kept of this number" in said.output
    assert "before that nothing is covered" in said.output
    assert "erased" not in said.output


def test_after_an_erasure_nobody_can_tell_who_it_was(run: Run, house: Path):
    settings = config.load(house)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=app.wall) as store:
        assert store.erase("8613900000007")
    assert "whether he is one of them nobody can tell" in run(house, STRANGER).output
    story = next(story for story in asked(run, house, MESSAGE)["stories"] if not story["receiver"])
    assert story["outcome"] == "failed"
    assert "a receiver who was erased" in run(house, MESSAGE).output


def test_a_message_nobody_knows(run: Run, house: Path):
    said = run(house, "no-such-message")
    assert said.exit_code == 1
    assert "give the receiver's number before the message" in said.output


@pytest.mark.parametrize("arguments", [("123",), ("8613900000001", "x", "y"), ("word", "x")])
def test_what_cannot_be_asked_is_refused(run: Run, house: Path, arguments: tuple[str, ...]):
    said = run(house, *arguments)
    assert said.exit_code in (2, EXIT_CONFIG)
    assert not FULL_NUMBER.search(said.output)


def test_a_configuration_that_never_ran_has_no_store(run: Run, tmp_path: Path):
    (tmp_path / "mmsd.toml").write_text(CONFIG)
    said = run(tmp_path / "mmsd.toml", EXPIRED)
    assert said.exit_code == EXIT_CONFIG
    assert "mmsd has not run" in said.output


# ------------------------------------------------------------------------------------------------------------------ logs in hand


def test_logs_in_hand_need_no_store(run: Run):
    feeds = [f"--feed=mmsc=mbuni:{CHAIN}/mmsc-access.log", f"--feed=sms=kannel-sms:{CHAIN}/bearerbox-access.log"]
    answer = asked(run, *feeds, DELIVERED)
    assert [(row["outcome"], row["packed"], row["name"]) for row in answer["deliveries"]] == [
        ("failed", False, ""),
        ("delivered", False, ""),
    ]
    stories = asked(run, *feeds, DELIVERED, MESSAGE)["stories"]
    assert all(step["found"] for story in stories for step in story["steps"])
    assert asked(run, *feeds, STRANGER, status=1)["known"] is False


def test_a_real_day(run: Run, shared: Path):
    """One subscriber with a wrong access point: the finding, what it rests on, and the sessions that show it."""
    logs = shared / "samples/real-day/logs"
    feeds = [
        f"--feed=mmsc=mbuni:{logs}/mmsc/mmsc-access.log*",
        f"--feed=sms=kannel-sms:{logs}/kannel/bearerbox-access.log",
        f"--feed=wap=kannel-wap:{logs}/kannel/wapbox-access.log*",
        f"--feed=aaa=radius:{logs}/radius/*/detail-*",
    ]
    subscribers = map(json.loads, (shared / "samples/real-day/subscribers.jsonl").read_text().splitlines())
    number = next(one["msisdn"] for one in subscribers if one["expected_finding"] == "BAD_APN" and len(one["supporting_rows"]) >= 4)
    answer = asked(run, *feeds, number)
    failed = [row for row in answer["deliveries"] if row["rule"] in ("U10", "U11") and row["role"] == "receiver"]
    assert failed
    stories = asked(run, *feeds, number, failed[0]["message"])["stories"]
    sessions = [step for story in stories for step in story["steps"] if step["kind"] == "SESSION_START"]
    assert sessions
    assert all(step["detail"].lower().startswith("access point cmnet") for step in sessions)


def test_numbers_in_a_line_are_masked_and_times_are_not():
    line = b'1795344960.887 10.36.2.175 "+8613770488728" GET http://h/8613770488728?t=12 [from:13770488728/TYPE=PLMN]'
    assert veiled(line) == b'1795344960.887 10.36.2.175 "+86137****8728" GET http://h/86137****8728?t=12 [from:137****8728/TYPE=PLMN]'
    pushed = b"2B" + b"8613900000001".hex().upper().encode() + b"2F"
    assert len(veiled(pushed)) == len(pushed)
    assert bytes.fromhex(veiled(pushed).decode()) == b"+86139****0001/"
