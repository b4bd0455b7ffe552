"""The same seed gives the same bytes; a live run writes every line once, whatever is rotated; a broken-off one stays consistent."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from mmsd.errors import ConfigError
from mmsd.model import SECOND
from sim.__main__ import main
from sim.files import LogFile, Rotate
from sim.pace import generate, live
from sim.province import Province
from sim.scenario import SCENARIOS, Scenario, load
from tests.sim.conftest import FEEDS, finished, read

START = 1_795_309_200 * SECOND


def _digests(out: Path) -> dict[str, str]:
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(out.rglob("*")) if p.is_file()}


def test_same_seed_same_bytes(small: Scenario, tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        generate(small, tmp_path / name, messages=60, seed=seed)
    first, second, other = (_digests(tmp_path / name) for name in "abc")
    assert first == second
    assert first["truth.jsonl"] != other["truth.jsonl"]


def test_shipped_scenarios_load() -> None:
    for path in SCENARIOS.glob("*.toml"):
        scenario = load(Path(path.stem))
        assert scenario.name == path.stem
        assert scenario.browsing.ratio >= 20 or path.stem in {
            "care",
            "forwards",
            "passed-on",
        }  # what they score is not the judging of each message
        grace = scenario.daemon["grace"]
        assert scenario.run.drain * SECOND > scenario.window + grace * SECOND  # or a live run ends before its last window
        assert max(scenario.mmsc.notify) + scenario.mmsc.queue[1] + scenario.handsets.expired[1] < scenario.mmsc.expiry
        assert scenario.handsets.late[0] > scenario.daemon["T2"]


@pytest.mark.parametrize(("text", "said"), [("[run]\nspeed = 3\n", "speed"), ("[run\n", "line 1"), ("", "run")])
def test_a_faulty_scenario_is_refused_by_its_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as refused:
        load(path)
    assert str(refused.value).startswith(str(path))


@dataclasses.dataclass
class Wall:
    """A wall clock that goes on only when somebody pauses."""

    now: int = START

    def read(self) -> int:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


def _brief(small: Scenario) -> Scenario:
    replace = msgspec.structs.replace
    return replace(
        small,
        run=replace(small.run, warmup=2, messages=400, submitting=60, drain=33),
        rotation=replace(small.rotation, mmsc=7, sms=6, wapbox=5, squid=8),
        browsing=replace(small.browsing, base=3),
    )


def test_a_live_run_writes_every_line_once(small: Scenario, tmp_path: Path) -> None:
    wall = Wall()
    seen: list[int] = []

    def watch(province: Province) -> None:
        totals = json.loads((tmp_path / "totals.json").read_text())
        seen.append(totals["deliveries"])
        assert len((tmp_path / "truth.jsonl").read_text().splitlines()) == totals["deliveries"]

    province = live(_brief(small), tmp_path, 45, wall=wall.read, pause=wall.pause, stopped=lambda: False, watch=watch)
    run = finished(tmp_path)
    assert run.totals["state"] == "finished"
    assert not province.open
    assert seen[-1] > seen[len(seen) // 2] > 0
    assert run.totals["submitted_until"] == START + 12 * SECOND
    for feed, name in FEEDS.items():
        data = read(tmp_path, name)
        assert len(data) == run.totals["feeds"][feed]["octets"], feed
        assert data.endswith(b"\n")
    generations = [p.name for p in (tmp_path / "kannel").iterdir()]
    assert "bearerbox-access.log.5.gz" in generations
    assert "wapbox-access.log.7" in generations
    assert len(set(re.findall(rb"FID:(\d+)\] \[META:[^]]*\] \[from:106587999\].*\[msg:\d+:[0-9A-F]+\]", run.read("sms")))) > 20
    squid = run.read("squid").splitlines()
    assert len(squid) == run.totals["feeds"]["squid"]["lines"]


def test_a_run_broken_off_says_open(small: Scenario, tmp_path: Path) -> None:
    wall = Wall()
    province = live(_brief(small), tmp_path, 0, wall=wall.read, pause=wall.pause, stopped=lambda: wall.now > START + 9 * SECOND)
    run = finished(tmp_path)
    assert run.totals["state"] == "broken off"
    left = [row for row in run.rows if row["outcome"] == "open"]
    assert len(left) == len(province.open) == run.totals["open"] > 0
    received = sum(
        line.count(b"+86") - 1 for n in "123" for line in run.read(f"mmsc{n}").splitlines() if b" Received MMS [INT:MM1]" in line
    )
    submitted = [row for row in run.rows if row["kind"] != "seed" and (row["forward"] or {"method": ""})["method"] != "m_forward"]
    assert received == len(submitted)


def test_a_second_run_needs_an_empty_folder_or_leave_to_clear_it(tmp_path: Path) -> None:
    arguments = ["generate", "small", "--out", str(tmp_path), "--messages", "5"]
    runner = CliRunner()
    assert runner.invoke(main, arguments).exit_code == 0
    before = _digests(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    assert runner.invoke(main, arguments).exit_code == 78
    assert runner.invoke(main, [*arguments, "--again"]).exit_code == 0
    after = _digests(tmp_path)
    assert after.pop("notes.txt")
    assert after == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_live_run_in_good_order(root: Path, tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "sim", "live", "small", "--out", str(tmp_path / "run"), "--duration", "0"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            while not (tmp_path / "run/totals.json").exists():
                assert process.poll() is None
                os.sched_yield()
            process.send_signal(number)
            said, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "deliveries" in said
    assert finished(tmp_path / "run").totals["state"] in {"finished", "broken off"}


@pytest.mark.parametrize("rotation", list(Rotate))
@pytest.mark.parametrize("hold", [0, 5])
def test_a_log_file_keeps_all_it_was_given(tmp_path: Path, rotation: Rotate, hold: int) -> None:
    count = iter(range(100))

    def line() -> bytes:
        return b"line %d\n" % next(count)

    file = LogFile(tmp_path / "a.log", rotation, opening=line, closing=line)
    for step in range(12):
        file.write(line())
        file.flush(hold)
        if rotation is not Rotate.NEVER and step % 4 == 2:
            file.rotate()
            file.write(line())
            file.reopen()
    file.close()
    data = read(tmp_path, "a.log")
    assert data == b"".join(b"line %d\n" % i for i in range(next(count)))
    assert file.octets == len(data)
    assert file.lines == data.count(b"\n")
