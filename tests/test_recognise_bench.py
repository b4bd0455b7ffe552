"""`make recognise` at a fiftieth of its size: the targets that a few seeds can show are met, and a stopped run goes on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from bench import corpus, recognise


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[corpus.Source]:
    """One of some siblings and one card that was held back, every fourth alteration, a few negatives."""
    every = corpus.sources(0.05)
    chosen = [next(source for source in every if source.family == family) for family in ("siblings", "card: river")]
    monkeypatch.setattr(corpus, "sources", lambda share: chosen)
    monkeypatch.setattr(corpus, "CHANGES", dict(list(corpus.CHANGES.items())[::4]))
    monkeypatch.setattr(recognise, "SINGLE", {change: share for change, share in recognise.SINGLE.items() if change in corpus.CHANGES})
    monkeypatch.setattr(recognise, "UNRELATED", 1000)
    monkeypatch.setattr(recognise, "SAME_TEMPLATE", 500)
    return chosen


@pytest.mark.timeout(400)  # eight seconds of an idle core
def test_the_evaluation(small: list[corpus.Source], tmp_path: Path) -> None:
    done = recognise.evaluated(0.02, tmp_path)
    console = Console(record=True, width=140, file=io.StringIO())
    recognise.show(console, done, small)
    shown = console.export_text()
    assert "mmsd" in shown
    assert "held back" in shown
    missed = [line for line in recognise.lines(done) if not line.met and "CPU" not in line.what and "shortlist" not in line.what]
    assert missed == []
    assert max(recognise.scores(done)) < 6.0
    negatives = [part for name, part in done.items() if name.split(" ")[0] in {"unrelated", "same", "foreign"}]
    assert len(recognise.scores(done)) == sum(len(part["ms"]) for part in negatives), "one of each picture that was judged, no more"
    assert len(recognise.scores(done, "lots")) == 30 * recognise.SCORES

    (results,) = tmp_path.glob("*.jsonl")
    kept = results.read_text().splitlines(keepends=True)
    results.write_text("".join(kept[:-2]))
    assert recognise.evaluated(0.02, tmp_path).keys() == done.keys()
    assert results.read_text().splitlines(keepends=True)[:-2] == kept[:-2], "what was done is not done again"
