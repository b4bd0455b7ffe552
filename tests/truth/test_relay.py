"""`make jiangsu` at a hundredth of its size: every forward of thirty days is counted where and when it was, and has one serial."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import jiangsu, measure
from sim.relay import pdus
from sim.relay.handsets import TREATMENTS, UNTOUCHED
from sim.relay.people import MODELS
from sim.relay.plan import FORWARDS


@dataclass(frozen=True)
class Run:
    made: Path
    state: Path
    facts: measure.Facts


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The relay, and a daemon that has read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMSD_BENCH_CACHE", str(tmp_path_factory.mktemp("relay")))
        made = jiangsu.logs(0.01)
        with jiangsu.house(made) as folder:
            facts = jiangsu.run(folder, json.loads((made / "totals.json").read_bytes())["end"])
            yield Run(made, folder / "state", facts)


@pytest.mark.timeout(400)  # half a minute of an idle core
def test_counts_are_the_truth_and_serials_are_forwards(run: Run) -> None:
    checked = jiangsu.check(run.state, run.made)
    assert checked.wrong == []
    assert checked.forwards == checked.serials == round(FORWARDS * 0.01)
    assert checked.resent > 100
    assert checked.others > 30
    assert checked.proven > 300
    assert min(checked.copies[each] for each in ("exact", "mark", "registered", "none", "unopened")) > 0
    totals = json.loads((run.made / "totals.json").read_bytes())
    assert run.facts["lines"] == sum(totals["lines"].values())


def test_what_is_not_true_is_told(run: Run, tmp_path: Path) -> None:
    head, first, second, *rest = (run.made / "truth.csv").read_text().splitlines()
    place = second.split(",")
    place[6] = "Suqian" if place[6] != "Suqian" else "Wuxi"
    shutil.copy(run.made / "real.csv", tmp_path)
    (tmp_path / "truth.csv").write_text("\n".join([head, ",".join(place), *rest]) + "\n")
    told = jiangsu.check(run.state, tmp_path).wrong
    assert any(each.startswith("forwards: 1 missing") for each in told)
    assert any(each.startswith("forwards: 2 too many") for each in told)
    assert any(each.startswith("days and cities, as they are shown") for each in told)
    assert any(each.startswith("serials: ") for each in told)
    assert first not in rest


def test_every_handset_has_its_treatment(run: Run) -> None:
    """One in ten people alters a message, by one of those that are known; what is sent again is the same in every octet."""
    assert {model.treats for model in MODELS} == TREATMENTS.keys()
    altering = sum(model.share for model in MODELS if model.method != "exact" and model.treats not in UNTOUCHED)
    assert 0.1 <= altering <= 0.15
    rows = pdus.read(run.made / "real.csv")
    octets = {row.message: next(iter((run.made / "taps" / row.tap).glob(f"{_row(row.message)}.mms"))).read_bytes() for row in rows}
    again = [row for row in rows if row.origin != row.message]
    assert again
    assert all(octets[row.message] == octets[row.origin] for row in again)
    assert len({octets[row.message] for row in rows}) == len(rows) - len(again)


def _row(message: str) -> str:
    return message.split(".")[1]


@pytest.mark.timeout(200)
def test_forwards_that_only_a_message_tells_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the copies of real messages their forwards are missing, and no others: no line tells of them."""
    monkeypatch.setenv("MMSD_BENCH_CACHE", str(tmp_path / "cache"))
    made = jiangsu.logs(0.002, 4)
    real = {row.message for row in pdus.read(made / "real.csv")}
    for tap in pdus.TAPS:
        shutil.rmtree(made / "taps" / tap)
        (made / "taps" / tap).mkdir()
    truth = [line.split(",") for line in (made / "truth.csv").read_text().splitlines()[1:]]
    proven = sum(row[0] in real and row[-1] == "1" for row in truth)
    assert proven > 50
    with jiangsu.house(made) as folder:
        jiangsu.run(folder, json.loads((made / "totals.json").read_bytes())["end"])
        checked = jiangsu.check(folder / "state", made)
    assert checked.proven == 0
    assert checked.forwards == checked.serials == round(FORWARDS * 0.002) - proven
    assert not any(each.startswith("forwards: ") and "too many" in each for each in checked.wrong)
