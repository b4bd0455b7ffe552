"""A node whose clock is seconds behind: that is measured and told, and no verdict and no leg is another one by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from mmsd.model import SECOND, FeedReport
from mmsd.store.sqlite import SqliteStore
from sim.pace import generate
from tests.flow import ledger, rig
from tests.flow.conftest import Houses, scenario

pytestmark = pytest.mark.usefixtures("hurried")


def told(house: Houses, logs: Path, skew: dict[str, float]) -> tuple[dict[tuple[Any, Any], tuple[Any, Any]], FeedReport, set[str]]:
    """(message, receiver) → (row, leg) of a province whose clocks are so far ahead; how its feeds do; who was audited for it."""
    replace = msgspec.structs.replace
    plan = scenario()
    more = replace(plan, run=replace(plan.run, messages=260, submitting=180), population=replace(plan.population, subscribers=240))
    generate(replace(more, skew=skew), logs)
    run: rig.House = house(0, logs, follow=False, campaigns=())
    run.read_all()
    with run.process() as sequencer:
        store = cast(SqliteStore, sequencer._store)
        report, audits = store.feed_report(), store.audits(100)
    assert report is not None
    deliveries = cast(dict[tuple[Any, ...], int], ledger.read(run.state)["deliveries"])
    rows: list[dict[Any, Any]] = [dict(each for each in row if isinstance(each, tuple)) for row in deliveries]
    return (
        {(row["message"], row["receiver"]): (row["rule"], row["leg"]) for row in rows},
        report,
        {a.feed for a in audits if a.what == "skew"},
    )


def test_a_clock_that_is_behind(house: Houses, tmp_path: Path) -> None:
    right, calm, nobody = told(house, tmp_path / "right", {})
    assert (calm.widened, [apart for apart in calm.clocks if apart.far], nobody) == (0, [], set())
    behind, report, audited = told(house, tmp_path / "behind", {"mmsc1": -4.0})
    (far,) = (apart for apart in report.clocks if apart.far)
    assert (far.first, far.second) == ("mmsc1", "sms")
    assert abs(far.ahead - 4 * SECOND) <= SECOND // 2
    assert 4 * SECOND <= report.widened <= 6 * SECOND
    assert audited == {"sms"}
    assert behind == right
