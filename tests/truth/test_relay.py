"""`make jiangsu` at a hundredth of its size: every forward of thirty days is counted where and when it was, and has one serial."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import jiangsu, measure
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
    totals = json.loads((run.made / "totals.json").read_bytes())
    assert run.facts["lines"] == sum(totals["lines"].values())


def test_what_is_not_true_is_told(run: Run, tmp_path: Path) -> None:
    head, first, second, *rest = (run.made / "truth.csv").read_text().splitlines()
    place = second.split(",")
    place[6] = "Suqian" if place[6] != "Suqian" else "Wuxi"
    (tmp_path / "truth.csv").write_text("\n".join([head, ",".join(place), *rest]) + "\n")
    told = jiangsu.check(run.state, tmp_path).wrong
    assert any(each.startswith("forwards: 1 missing") for each in told)
    assert any(each.startswith("forwards: 2 too many") for each in told)
    assert any(each.startswith("days and cities, as they are shown") for each in told)
    assert any(each.startswith("serials: ") for each in told)
    assert first not in rest
