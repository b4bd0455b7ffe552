"""A simulated campaign, read from its logs through kills and failed commits: every figure is what DuckDB makes of the simulator's truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from mmsd.store.sqlite import Settings, SqliteStore
from mmsd.web import campaign as counting
from mmsd.web.campaign import By
from tests.flow import rig
from tests.flow.conftest import Houses

pytestmark = pytest.mark.usefixtures("hurried")

FIGURES: dict[By, tuple[tuple[str, ...], str]] = {
    "day": (
        ("day", "forwards", "participants", "children"),
        "SELECT f.day, count(*), count(DISTINCT sender), (SELECT count(*) FROM counts c JOIN legs g ON g.leg = c.parent"
        ' JOIN counts p ON p.attempts = g."group" AND p.receiver = g.receiver WHERE p.day = f.day) FROM counts f GROUP BY f.day',
    ),
    "city": (("city", "forwards", "participants"), "SELECT city, count(*), count(DISTINCT sender) FROM counts GROUP BY city"),
    "generation": (("generation", "forwards"), "SELECT generation, count(*) FROM counts GROUP BY generation"),
    "seed": (("seed", "forwards"), "SELECT seed, count(*) FROM counts GROUP BY seed"),
    "hour": (
        ("hour", "forwards"),
        "SELECT strftime(epoch_ms(retrieved // 3600000000 * 3600000), '%Y-%m-%dT%H:%M:%SZ'), count(*) FROM counts GROUP BY ALL",
    ),
    "fan_out": (
        ("forwards_each", "participants"),
        "SELECT n, count(*) FROM (SELECT count(*) AS n FROM counts GROUP BY sender) GROUP BY n",
    ),
}


def truth(logs: Path) -> duckdb.DuckDBPyConnection:
    """What was sent on, as the simulator knows it: `legs`; those that count: `counts`. A repetition belongs to the attempts it repeats."""
    base = duckdb.connect()
    base.execute(
        "CREATE TABLE legs AS SELECT sender, receiver, transaction AS leg, retrieved, unnest(forward) FROM read_json("
        f"'{logs / 'truth.jsonl'}', format = 'newline_delimited') WHERE forward IS NOT NULL"
    )
    base.execute(
        'CREATE VIEW counts AS SELECT * REPLACE (CAST(day AS TEXT) AS day) FROM (SELECT *, "group" AS attempts FROM legs WHERE counted)'
    )
    return base


def test_every_figure_of_a_campaign_is_the_truth(house: Houses, province: Path, seed: int) -> None:
    run = house(seed)
    story = run.history()
    base = truth(province)
    store = SqliteStore.open(run.state, settings=Settings(durable=False), keys=rig.KEYS, wall=run.clock.wall)
    try:
        whole = counting.overview(store, "torch", rig.CAMPAIGN)
        assert base.execute("SELECT count(*), count(DISTINCT sender), max(generation) FROM counts").fetchall() == [
            (whole["forwards"], whole["participants"], whole["deepest"])
        ], story
        for by, (columns, sql) in FIGURES.items():
            told: set[tuple[Any, ...]] = {tuple(row[column] for column in columns) for row in counting.rows(store, "torch", by)}
            assert told == set(base.execute(sql).fetchall()), f"{by}: {story}"
        assert store.campaign_differences("torch") == []
    finally:
        store.close()
