"""The commands as a person meets them: what they print, what they write, how they fail."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner, Result

from bench.score import CHAIN
from mmsd import config
from mmsd.cli import EXIT_CONFIG, main
from mmsd.cli.looking import feeds_of, stem
from mmsd.model import Batch, Outgoing, masked
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import SqliteStore

LINE: Final = (
    "2026-11-22 17:44:25 10.0.0.1 8613900000001 GET <http://mmsc/x@y/wx60> (application/vnd.wap.mms-message, charset='') 252 200 "
    "<Nokia6600/1.0> <Kannel/1.4.5>"
)
FULL_NUMBER: Final = re.compile(r"86139\d{8}")

CONFIG: Final = """
[state]
directory = "state"
[operator]
mmsc = ["mmsc", "127.0.0.1:1981"]
[judgement]
grace = 0.0
skew = 0.0
[feeds.mmsc]
dialect = "mbuni"
paths = ["mmsc-access.log"]
[feeds.sms]
dialect = "kannel-sms"
paths = ["bearerbox-access.log"]
[feeds.wap]
dialect = "kannel-wap"
paths = ["wapbox-access.log"]
"""

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("look", path)`: one command in this process, on a terminal of eighty columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def invoke(*arguments: object, text: str | None = None) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=text)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "Traceback" not in result.output
        return result

    return invoke


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """The chain's logs in a folder of their own, with a configuration beside them."""
    folder = tmp_path / "logs"
    shutil.copytree(CHAIN, folder)
    (folder / "mmsd.toml").write_text(CONFIG)
    return folder


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# --------------------------------------------------------------------------------------------------------------------- help


def test_help_teaches_where_to_begin(run: Run):
    said = run("--help")
    assert said.exit_code == 0
    for words in ("mmsd look FILE", "mmsd replay --feed", "mmsd try", "mmsd check CONFIG", "mmsd run CONFIG"):
        assert words in said.output


@pytest.mark.parametrize("command", sorted(main.commands))
def test_each_command_explains_itself_and_each_option(run: Run, command: str):
    said = run(command, "--help")
    assert said.exit_code == 0
    for parameter in main.commands[command].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
    assert len(said.output.split("Options:")[0].split()) > 8


def test_the_program_runs_by_itself(logs: Path):
    done = subprocess.run(
        [sys.executable, "-m", "mmsd", "look", str(logs / "mmsc-access.log"), "--json"], check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["deliveries"] == {"delivered": 1, "open": 5}
    assert done.stderr == b""


# --------------------------------------------------------------------------------------------------------------------- look


def test_look_tells_what_each_file_is_and_why_messages_failed(run: Run, logs: Path):
    said = run("look", *sorted(logs.glob("*.log")))
    assert said.exit_code == 0
    for words in (
        "mbuni",
        "22 of 22 lines",
        "kannel-sms",
        "kannel-wap",
        "Deliveries 6: delivered 1, failed 5",
        "NO_PUSH  4  80.0%",
        "EXPIRED",
    ):
        assert words in said.output
    assert not FULL_NUMBER.search(said.output)


def test_look_fits_a_terminal_of_eighty_columns(run: Run, logs: Path):
    said = run("look", *sorted(logs.glob("*.log")))
    assert [line for line in said.output.splitlines() if len(line) > 80] == []


def test_look_shows_no_node_without_deliveries(run: Run, logs: Path):
    nodes = run("look", *sorted(logs.glob("*.log"))).output.split("Nodes\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in nodes.splitlines()] == ["node", "mmsc-access"]


def test_look_takes_rotated_parts_as_one_feed(run: Run, logs: Path):
    whole = (logs / "mmsc-access.log").read_bytes().splitlines(keepends=True)
    (logs / "mmsc-access.log.2.gz").write_bytes(gzip.compress(b"".join(whole[:5])))
    (logs / "mmsc-access.log.1").write_bytes(b"".join(whole[5:10]))
    (logs / "mmsc-access.log").write_bytes(b"".join(whole[10:]))
    figures = json.loads(run("look", "--json", *sorted(logs.glob("*.log*"))).output)
    assert set(figures["feeds"]) == {"mmsc-access", "bearerbox-access", "wapbox-access"}
    assert figures["feeds"]["mmsc-access"]["lines"] == 22
    assert figures["deliveries"] == {"delivered": 1, "failed": 5}


def test_look_reads_the_parts_it_was_given_and_no_other(run: Run, logs: Path):
    (logs / "mmsc-access.log.1").write_bytes(b"2026-11-22 17:40:00 Exploded MMS\n")
    (logs / "mmsc-access.log.2.gz").write_bytes(gzip.compress((logs / "mmsc-access.log").read_bytes())[:100])
    whole = (logs / "mmsc-access.log").read_bytes().splitlines(keepends=True)
    (logs / "mmsc-access.log.3").write_bytes(b"".join(whole[:10]))
    (logs / "mmsc-access.log").write_bytes(b"".join(whole[10:]))
    given = [logs / f"mmsc-access.log{suffix}" for suffix in ("", ".2.gz", ".3")]
    figures = json.loads(run("look", "--json", *given).output)
    assert (figures["lines"], figures["rejects"]) == (22, 0)
    assert [told["dialect"] for told in figures["files"]] == ["mbuni", None, "mbuni"]


def test_look_without_the_sms_gateway_says_what_stays_open(run: Run, logs: Path):
    said = run("look", logs / "mmsc-access.log").output
    assert "open 5" in said
    assert "--until end" in said
    assert "failed 5" in run("look", logs / "mmsc-access.log", "--until", "end").output


def test_look_passes_over_what_is_no_log(run: Run, logs: Path):
    (logs / "notes.txt").write_text("remember the milk\n" * 50)
    (logs / "empty.log").write_bytes(b"")
    said = run("look", logs / "notes.txt", logs / "empty.log", logs / "mmsc-access.log")
    assert said.exit_code == 0
    assert "no dialect reads its first lines" in said.output
    assert "empty" in said.output
    assert "Deliveries 6" in said.output


def test_look_with_nothing_to_read_says_what_to_do(run: Run, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("remember the milk\n" * 50)
    said = run("look", tmp_path / "notes.txt")
    assert said.exit_code == EXIT_CONFIG
    assert "none of these files is a log mmsd knows" in said.output
    assert "mmsd try" in said.output


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.write_bytes(gzip.compress(b"x" * 1000)[:20]), "cannot be read"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08\x00" + b"\xff" * 40), "cannot be read"),
    ],
    ids=["missing", "folder", "cut", "broken"],
)
def test_look_names_a_file_it_cannot_read(run: Run, tmp_path: Path, make: Callable[[Path], None], why: str):
    path = tmp_path / "a.log"
    make(path)
    said = run("look", path)
    assert said.exit_code == EXIT_CONFIG
    assert str(path) in "".join(said.output.split())  # folded where the terminal ends
    assert "cannot be read" in said.output
    assert why in said.output
    quiet = run("look", path, "--json")
    assert quiet.exit_code == EXIT_CONFIG
    assert quiet.output.startswith(f"mmsd: {path}: cannot be read")


def test_look_goes_on_past_what_it_cannot_read(run: Run, logs: Path):
    missing, folder = logs / "none.log", logs / "folder"
    folder.mkdir()
    said = run("look", missing, logs / "mmsc-access.log", folder)
    assert said.exit_code == 0
    for words in ("cannot be read: No such file or directory", "cannot be read: Is a directory", "Deliveries 6"):
        assert words in said.output
    files = json.loads(run("look", "--json", missing, logs / "mmsc-access.log", folder).output)["files"]
    assert [(Path(told["file"]).name, told["dialect"]) for told in files] == [
        ("none.log", None),
        ("mmsc-access.log", "mbuni"),
        ("folder", None),
    ]
    assert files[0]["why"] == "cannot be read: No such file or directory"
    assert "22 of 22 lines" in files[1]["why"]


def test_feed_names_stay_apart(logs: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(logs, other)
    arguments, _ = feeds_of([logs / "mmsc-access.log", other / "mmsc-access.log"])
    assert [argument.name for argument in arguments] == ["mmsc-access", "mmsc-access-2"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.log.12", "a.log"), ("a.log-20261122.gz", "a.log"), ("detail-20261122", "detail"), ("a.log", "a.log"), (".1", ".1")],
)
def test_a_logs_name_without_its_rotation(name: str, expected: str):
    assert stem(Path(name)) == expected


def test_names_with_brackets_are_no_patterns(run: Run, logs: Path, tmp_path: Path):
    odd = tmp_path / "mmsc[1]*.log"
    shutil.copy(logs / "mmsc-access.log", odd)
    assert json.loads(run("look", "--json", odd).output)["lines"] == 22


# ------------------------------------------------------------------------------------------------------------------- replay


def feeds(logs: Path) -> list[str]:
    return [
        f"--feed=mmsc=mbuni:{logs}/mmsc-access.log", f"--feed=sms=kannel-sms:{logs}/bearerbox-access.log",
        f"--feed=wap=kannel-wap:{logs}/wapbox-access.log",
    ]  # fmt: skip


def test_replay_writes_every_row_masked(run: Run, logs: Path, tmp_path: Path):
    files = {name: tmp_path / f"{name}.jsonl" for name in ("deliveries", "attempts", "findings", "forwards")}
    said = run("replay", "--config", logs / "mmsd.toml", *(f"--{name}={path}" for name, path in files.items()))
    assert said.exit_code == 0
    deliveries, attempts = rows(files["deliveries"]), rows(files["attempts"])
    assert {(row["receiver"], row["rule"]) for row in deliveries} >= {(masked("8613900000001"), "D1"), (masked("8613900000002"), "N6")}
    assert len(deliveries) == 6
    assert sorted(row["verdict"] for row in attempts) == ["", "Z1", "Z1", "Z2"]
    assert rows(files["findings"]) == rows(files["forwards"]) == []
    assert {evidence["file"] for row in deliveries for evidence in row["evidence"]} == {str(path) for path in logs.glob("*.log")}
    for path in files.values():
        assert not FULL_NUMBER.search(path.read_text())


def test_reveal_shows_full_numbers_in_the_files_alone(run: Run, logs: Path, tmp_path: Path):
    out = tmp_path / "out.jsonl"
    said = run("replay", *feeds(logs), "--deliveries", out, "--reveal")
    assert {row["receiver"] for row in rows(out)} == {f"861390000000{digit}" for digit in (1, 2, 3, 4, 6, 7)}
    assert not FULL_NUMBER.search(said.output)


def test_the_configuration_decides_what_the_command_line_leaves_open(run: Run, logs: Path, tmp_path: Path):
    """The same logs: without the expected authorities a POST to 127.0.0.1:9 resembles nothing."""
    with_config, without = tmp_path / "with.jsonl", tmp_path / "without.jsonl"
    run("replay", "--config", logs / "mmsd.toml", "--attempts", with_config)
    run("replay", *feeds(logs), "--attempts", without)
    assert "Z2" in {row["verdict"] for row in rows(with_config)}
    assert "Z2" not in {row["verdict"] for row in rows(without)}


def test_a_feed_argument_gives_a_configured_feed_other_files(run: Run, logs: Path, tmp_path: Path):
    moved = tmp_path / "moved.log"
    shutil.move(logs / "mmsc-access.log", moved)
    assert run("replay", "--config", logs / "mmsd.toml").exit_code == EXIT_CONFIG
    said = run("replay", "--config", logs / "mmsd.toml", f"--feed=mmsc=mbuni:{moved}", "--json")
    assert json.loads(said.output)["deliveries"] == {"delivered": 1, "failed": 5}


def test_json_holds_every_figure(run: Run, logs: Path):
    figures = json.loads(run("replay", "--config", logs / "mmsd.toml", "--json").output)
    assert figures["deliveries"] == {"delivered": 1, "failed": 5}
    assert figures["causes"] == {"NO_PUSH": 4, "EXPIRED": 1}
    assert (figures["end_to_end"], figures["open_share"]) == (0.1667, 0.0)
    assert figures["attempts"] == {"Z1": 2, "Z2": 1}
    assert (figures["lines"], figures["rejects"], figures["serials"]) == (77, 0, 0)
    assert figures["feeds"]["mmsc"] == {"lines": 22, "rows": 25, "octets": 3342, "rejects": {}, "notes": {}}
    assert set(figures["nodes"]) == {"mmsc"}


@pytest.mark.parametrize(
    ("until", "outcomes"),
    [
        ("", {"delivered": 1, "open": 5}),
        ("2026-11-22T17:50", {"delivered": 1, "open": 5}),
        ("2026-11-26T17:50", {"delivered": 1, "failed": 5}),
        ("2026-11-26T09:50+00:00", {"delivered": 1, "failed": 5}),
        ("end", {"delivered": 1, "failed": 5}),
    ],
)
def test_until_judges_what_is_open(run: Run, logs: Path, until: str, outcomes: dict[str, int]):
    said = run("replay", f"--feed=mmsc=mbuni:{logs}/mmsc-access.log", "--json", *(["--until", until] if until else []))
    assert json.loads(said.output)["deliveries"] == outcomes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["nothing to read", "--feed NAME=DIALECT:GLOB"]),
        (["--feed", "mmsc1"], ["--feed mmsc1", "NAME=DIALECT:GLOB"]),
        (["--feed", "mmsc1=mbuni"], ["NAME=DIALECT:GLOB"]),
        (["--feed", "=mbuni:x"], ["NAME=DIALECT:GLOB"]),
        (["--feed", "mmsc1=mbumi:x"], ["'mbumi'", "mbuni", "kannel-sms"]),
        (["--feed", "mmsc1=mbuni:nowhere/*.log"], ["feeds.mmsc1.paths", "no file matches nowhere/*.log"]),
        (["--feed", "mmsc1=mbuni:LOGS/mmsc-access.log", "--until", "tomorrow"], ["--until tomorrow", "2026-11-22T19:30"]),
        (["--feed", "mmsc1=mbuni:LOGS/mmsc-access.log", "--deliveries", "LOGS/no/out"], ["LOGS/no/out", "cannot be written"]),
        (["--feed", "a=mbuni:LOGS/mmsc-access.log", "--feed", "a=kannel-wap:LOGS/wapbox-access.log"], ["--feed a", "2 times"]),
        (["--config", "nowhere.toml"], ["nowhere.toml"]),
    ],
)
def test_replay_says_what_is_wrong_with_its_arguments(run: Run, logs: Path, arguments: list[str], words: list[str]):
    said = run("replay", *(argument.replace("LOGS", str(logs)) for argument in arguments))
    assert said.exit_code == EXIT_CONFIG
    assert said.output.splitlines()[-1].startswith("mmsd: ")
    for word in words:
        assert word.replace("LOGS", str(logs)) in said.output


@pytest.mark.parametrize("length", [100_000, 1_048_570, 1_500_000, 3_000_000])
@pytest.mark.parametrize("ending", [b"\n", b""], ids=["ended", "open end"])
def test_what_stands_behind_an_overlong_line_is_read(run: Run, logs: Path, length: int, ending: bytes):
    path = logs / "mmsc-access.log"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]) + b"x" * length + b"\n" + b"".join(lines[5:]) + b"y" * length + ending)
    figures = json.loads(run("replay", f"--feed=mmsc=mbuni:{path}", "--until", "end", "--json").output)
    assert figures["deliveries"] == {"delivered": 1, "failed": 5}


def test_lines_that_do_not_fit_are_counted_and_shown(run: Run, logs: Path):
    with (logs / "mmsc-access.log").open("a") as file:
        file.write("2026-11-22 17:45:00 Exploded MMS [INT:MM1] [bold]x[/bold]\n")
    said = run("replay", *feeds(logs)).output
    assert "Lines that did not fit" in said
    assert "Exploded" in said
    assert "mmsd try" in said


def test_a_feed_that_reads_nothing_shows_in_the_report(run: Run, logs: Path):
    said = run("replay", f"--feed=mmsc=mbuni:{logs}/wapbox-access.log").output
    assert "No deliveries" in said
    assert "Lines that did not fit" in said


# ---------------------------------------------------------------------------------------------------------------------- try


def test_try_shows_which_characters_go_where(run: Run):
    said = run("try", "kannel-wap", LINE)
    assert said.exit_code == 0
    assert re.search(r"receiver +\d+–\d+ +8613900000001", said.output)
    assert said.output.rstrip().endswith("fits")


def test_try_shows_where_a_line_stops_to_fit(run: Run):
    line = LINE.replace(" 252 200 ", " 252 2OO ")
    said = run("try", "kannel-wap", line)
    assert said.exit_code == 1
    where = re.search(r"stops at character (\d+):", said.output)
    assert where is not None
    *_, context, caret = said.output.splitlines()
    assert context[caret.index("^") :].startswith(line[int(where[1]) :][:10])
    assert abs(int(where[1]) - line.index("2OO")) <= 1


@pytest.mark.parametrize(("zone", "at"), [([], "2026-11-22T17:44:25.000+08:00"), (["--zone", "UTC"], "2026-11-22T17:44:25.000+00:00")])
def test_try_reads_times_in_the_zone_that_run_and_replay_take(run: Run, zone: list[str], at: str):
    said = run("try", "kannel-wap", LINE, *zone).output
    assert at in re.sub(r"\s", "", said)
    assert f"times in {zone[1] if zone else 'Asia/Shanghai'}" in said


def test_try_shows_the_time_of_a_record_in_several_lines(run: Run):
    record = 'Sun Nov 22 18:55:58 2026\n\tAcct-Status-Type = Start\n\tCalling-Station-Id = "8613900000001"\n\n'
    assert "2026-11-22T18:55:58.000+08:00" in re.sub(r"\s", "", run("try", "radius", "-", text=record).output)


def test_try_reads_standard_input_and_options(run: Run):
    assert run("try", "kannel-wap", "-", text=LINE + "\n").exit_code == 0
    assert run("try", "http", '10.0.0.1 - - [22/Nov/2026:17:43:55 +0800] "GET http://mmsc/x HTTP/1.1" 200 12').exit_code in (0, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch", "x"], ["nosuch", "mbuni"]),
        (["http", "x", "--option", "format"], ["expected KEY=VALUE"]),
        (["http", "x", "--zone", "Mars/Base"], ["--zone", "Mars/Base", "Asia/Shanghai"]),
        (["http", "x", "--option", "colour=1"], ["--option", "colour"]),
    ],
)
def test_try_says_what_is_wrong_with_its_arguments(run: Run, arguments: list[str], words: list[str]):
    said = run("try", *arguments)
    assert said.exit_code not in (0, 1)
    for word in words:
        assert word in said.output


def test_a_text_in_brackets_is_no_markup(run: Run):
    assert "[bold]" in run("try", "mbuni", "2026-11-22 17:45:00 [bold]Received MMS").output


# -------------------------------------------------------------------------------------------------------------------- check


def test_check_finds_no_fault(run: Run, logs: Path):
    said = run("check", logs / "mmsd.toml")
    assert (said.exit_code, said.output) == (0, f"{logs}/mmsd.toml: 3 feeds, no faults\n")


def test_check_says_what_would_never_leave(run: Run, logs: Path):
    path = logs / "mmsd.toml"
    path.write_text(path.read_text() + '[governor.service]\nswitch = "on"\n')
    said = run("check", path)
    assert said.exit_code == 0
    assert "governor.service.switch: is on, and no link carries this class" in said.output


def test_check_says_of_which_tap_nobody_is_told_what_it_loses(run: Run, logs: Path):
    path = logs / "mmsd.toml"
    text = path.read_text() + f'[copies.folders.spool]\npath = "{logs}"\n'
    path.write_text(text)
    assert "copies.folders.spool.nodes: names no MMSC" in run("check", path).output
    path.write_text(text + 'nodes = ["mmsc"]\n')
    assert "copies.folders.spool.nodes" not in run("check", path).output


def test_check_says_what_a_test_message_needs(run: Run, logs: Path):
    path = logs / "mmsd.toml"
    text = path.read_text() + "[care]\ntest_message = true\n"
    path.write_text(text)
    said = run("check", path).output
    assert "no test message leaves" in said
    assert "[own] senders does not name" in said
    link = '[links.mmsc]\nkind = "mm7"\nurl = "http://127.0.0.1:1/mm7"\nsource = "10658"\nclasses = ["service"]\n'
    path.write_text(text + link)
    said = run("check", path).output
    assert "no test message leaves" not in said
    assert "[own] senders does not name" in said
    path.write_text(text + link + '[own]\nsenders = ["10658"]\n')
    assert "test_message" not in run("check", path).output


def test_check_tells_all_faults_at_once(run: Run, logs: Path):
    path = logs / "mmsd.toml"
    path.write_text(CONFIG.replace('dialect = "mbuni"', 'dialect = "mbumi"').replace("grace = 0.0", 'grase = "soon"') + "[feeds.extra]\n")
    said = run("check", path)
    assert said.exit_code == EXIT_CONFIG
    faults = [line for line in said.output.splitlines() if line.startswith(str(path))]
    assert len(faults) >= 4
    assert all(re.match(rf"{re.escape(str(path))}:\d+: ", line) for line in faults)
    assert f"{len(faults)} faults" in said.output
    for word in ("mbumi", "grase", "feeds.extra"):
        assert word in said.output


@pytest.mark.parametrize("command", ["check", "run", "outbox"])
def test_a_configuration_that_is_not_there(run: Run, tmp_path: Path, command: str):
    said = run(command, tmp_path / "none.toml")
    assert said.exit_code == EXIT_CONFIG
    assert "none.toml" in said.output


@pytest.mark.parametrize("command", ["replay --config", "run", "outbox"])
def test_a_faulty_configuration_starts_nothing(run: Run, logs: Path, command: str):
    (logs / "mmsd.toml").write_text("[feeds.a]\n[judgement]\ngrase = 1\n")
    said = run(*command.split(), logs / "mmsd.toml")
    assert said.exit_code == EXIT_CONFIG
    assert "grase" in said.output
    assert not (logs / "state").exists()


# ------------------------------------------------------------------------------------------------------------------- outbox


@pytest.fixture
def house(logs: Path) -> Path:
    """A configuration that has run: its store holds one row, for ..01."""
    settings = config.load(logs / "mmsd.toml")
    keys = Keys.load(settings.state.directory / "state.key", os.urandom)
    store = SqliteStore.open(settings.state.directory, settings=settings.store, keys=keys, wall=lambda: 1)
    row = Outgoing(b"o" * 16, "transactional", "serial", "8613900000001", "Your serial: ABCDEFGH", "shadow", 1, 2)
    store.transact(Needs(), lambda rows: Batch(at=1, outbox=[row]))
    store.close()
    return logs / "mmsd.toml"


def test_outbox_lists_what_waits_and_shows_neither_number_nor_text(run: Run, house: Path):
    said = run("outbox", house)
    assert said.exit_code == 0
    row, total = said.output.splitlines()
    assert row.split() == ["1", "shadow", "transactional", "serial", masked("8613900000001")]
    assert total == "outbox: shadow 1"
    assert "ABCDEFGH" not in said.output


def test_outbox_shows_one_state(run: Run, house: Path):
    assert len(run("outbox", house, "--state", "shadow").output.splitlines()) == 2
    assert run("outbox", house, "--state", "sent").output == "outbox: shadow 1\n"


@pytest.mark.parametrize(
    ("option", "value", "words"), [("--state", "nonsense", "shadow"), ("--limit", "-1", "-1"), ("--limit", "0", "x>=1")]
)
def test_outbox_refuses_what_is_no_state_and_no_number(run: Run, house: Path, option: str, value: str, words: str):
    said = run("outbox", house, option, value)
    assert said.exit_code == 2
    assert words in said.output


def test_outbox_tells_one_row_and_json(run: Run, house: Path):
    told = json.loads(run("outbox", house, "--show", "1").output)
    assert (told["state"], told["receiver"], told["class"]) == ("shadow", masked("8613900000001"), "transactional")
    assert json.loads(run("outbox", house, "--json", "--class", "transactional").output) == [told]
    assert json.loads(run("outbox", house, "--json", "--class", "marketing").output) == []
    assert run("outbox", house, "--show", "2").exit_code == 2


def test_orders_are_written_where_no_daemon_runs(run: Run, house: Path):
    assert run("stop", house, "campaign:torch", "--why", "the text is wrong", "--who", "li").output == "stopped: campaign:torch\n"
    assert run("outbox", house).output.splitlines()[-1] == "stopped: campaign:torch"
    assert run("resume", house, "campaign:torch", "--why", "mended").exit_code == 0
    assert run("approve", house, "marketing", "torch", "--why", "seen").exit_code == 0
    assert run("outbox", house).output.splitlines()[-1] == "outbox: shadow 1"
    rows = json.loads(run("audit", "list", house, "--json").output)
    assert [(row["what"], row["subject"], row["why"]) for row in rows] == [
        ("approve", "marketing torch", "seen"), ("resume", "campaign:torch", "mended"), ("stop", "campaign:torch", "the text is wrong"),
    ]  # fmt: skip
    assert rows[-1]["who"] == "li"
    assert "marketing torch" in run("audit", "list", house).output
    assert run("audit", "verify", house).output == "3 orders, unchanged\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("stop", "everything", "--why", "x"), "campaign:ID"),
        (("stop", "all"), "--why"),
        (("approve", "all", "--why", "x"), "marketing"),
        (("outbox", "--release", "1", "--why", "x"), "not parked"),
        (("outbox", "--discard", "9", "--why", "x"), "not parked"),
        (("outbox", "--release", "1"), "--why"),
        (("outbox", "--release", "1", "--discard", "1", "--why", "x"), "either"),
    ],
)
def test_orders_that_are_none(run: Run, house: Path, arguments: tuple[str, ...], words: str):
    said = run(arguments[0], house, *arguments[1:])
    assert said.exit_code == 2
    assert words in said.output
    assert run("audit", "verify", house).output == "0 orders, unchanged\n"


@pytest.mark.parametrize("command", [("stop", "all"), ("approve", "marketing"), ("outbox", "--release", "1"), ("audit", "verify")])
def test_orders_make_nothing_where_nothing_ran(run: Run, logs: Path, command: tuple[str, ...]):
    order = (command[0], command[1], logs / "mmsd.toml") if command[0] == "audit" else (command[0], logs / "mmsd.toml", *command[1:])
    said = run(*order, *(() if command[0] == "audit" else ("--why", "x")))
    assert said.exit_code == EXIT_CONFIG
    assert not (logs / "state").exists()


def test_outbox_makes_nothing_where_nothing_ran(run: Run, logs: Path):
    said = run("outbox", logs / "mmsd.toml")
    assert said.exit_code == EXIT_CONFIG
    assert "not there" in said.output
    assert not (logs / "state").exists()
