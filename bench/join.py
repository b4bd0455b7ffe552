"""The join and the judgement alone: nanoseconds a record of the daemon's own pass, beside a GROUP BY of duckdb and of polars.

Ours is what `State.take` and `Judge.judge` cost the thread that calls them while a whole log goes through the daemon's intake, so that
State has grown as it does in life. The peers get columns ready in memory, the answers (NotifyResp) with their message's id in them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench import measure, province
from bench.pipeline import LINES_A_MESSAGE
from bench.scan import Report
from mmsd import config
from mmsd.rules import causes

GROUPED_SQL: Final = """
CREATE TEMPORARY TABLE delivery AS SELECT message, receiver,
    min(moment) FILTER (kind = 0) AS submitted, min(moment) FILTER (kind = 1) AS notified,
    min(moment) FILTER (kind = 2) AS retrieved, min(moment) FILTER (kind = 3) AS answered, count(*) AS lines
FROM record GROUP BY message, receiver
"""

JUDGED_SQL: Final = """
CREATE TEMPORARY TABLE judged AS SELECT *, CASE WHEN retrieved IS NOT NULL THEN 1 WHEN submitted IS NULL THEN 2 ELSE 3 END AS outcome
FROM delivery
"""


PASSES: Final = 5
"""Over the same columns, so that what a first pass costs alone is spread."""


def record_columns(messages: int) -> dict[str, Any]:
    """Records as columns: moment (µs), kind, message (scattered as a hash is), receiver."""
    told = province.events(messages)
    with np.errstate(over="ignore"):
        ids = (told.message.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return {
        "moment": (told.moments * 1e6).astype(np.int64),
        "kind": told.kinds,
        "message": ids,
        "receiver": province.number(told.people[told.message, 1]).astype(np.uint64),
    }


def duckdb_join(messages: int) -> measure.Facts:
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET preserve_insertion_order = false")
        columns = record_columns(messages)
        connection.register("columns", columns)
        connection.execute("CREATE TABLE record AS SELECT * FROM columns")
        connection.unregister("columns")
        clock = measure.Clock()
        connection.execute(GROUPED_SQL)
        joined = clock.facts()
        connection.execute(JUDGED_SQL)
        both = clock.facts()
    return {"records": len(columns["kind"]), "join": joined["cpu"], "judge": both["cpu"] - joined["cpu"]}


def polars_join(messages: int) -> measure.Facts:
    import polars as pl

    record = pl.DataFrame(record_columns(messages))
    clock = measure.Clock()

    def first(kind: int) -> pl.Expr:
        return pl.col("moment").filter(pl.col("kind") == kind).min()

    grouped = (
        record.lazy()
        .group_by("message", "receiver")
        .agg(submitted=first(0), notified=first(1), retrieved=first(2), answered=first(3), lines=pl.len())
        .collect(engine="streaming")
    )
    joined = clock.facts()
    delivered, unknown = pl.col("retrieved").is_not_null(), pl.col("submitted").is_null()
    grouped.with_columns(outcome=pl.when(delivered).then(1).when(unknown).then(2).otherwise(3))
    return {"records": record.height, "join": joined["cpu"], "judge": clock.facts()["cpu"] - joined["cpu"]}


PEERS: Final[dict[str, Callable[[int], measure.Facts]]] = {"duckdb": duckdb_join, "polars": polars_join}


def sign_columns(deliveries: int) -> npt.NDArray[Any]:
    """Signs of so many deliveries: nine of ten went well, of the others each value of each sign is as likely."""
    chance = np.random.default_rng(5)
    found = np.zeros(deliveries, causes.COLUMNS)
    odd = chance.random(deliveries) < 0.1
    well = causes.columns([causes.Signs(over=True, p="delivered", get="ok", post="ok", r="retrieved", c="confirmed")])
    for name, sign in causes.SIGNS.items():
        found[name] = np.where(odd, chance.integers(0, len(sign.values), deliveries), well[name])
    return found


def judge_alone(deliveries: int) -> measure.Facts:
    """The table alone, over columns and one by one (a twentieth of them)."""
    table, columns = config.load_causes(), sign_columns(deliveries)
    few = [
        causes.Signs(**{name: sign.values[row[name]] for name, sign in causes.SIGNS.items()}) for row in columns[: max(1, deliveries // 20)]
    ]
    clock = measure.Clock()
    for _ in range(PASSES):
        table.judge_columns(columns)
    over_columns = clock.facts()["cpu"]
    for signs in few:
        table.judge(signs)
    return {"columns": over_columns / deliveries / PASSES, "one": (clock.facts()["cpu"] - over_columns) / len(few)}


def main() -> None:
    """`python -m bench.join PEER|table N`, N messages or deliveries: JSON."""
    measure.alone()
    measure.tell({**PEERS, "table": judge_alone}[sys.argv[1]](int(sys.argv[2])))


def ours(messages: int) -> measure.Facts:
    facts = measure.child("bench.pipeline", "stages", str(province.access_log(messages)))
    return {"records": facts["lines"]} | {stage: facts["stages"][stage][1] for stage in ("join", "judge")}


def run(lines: int, say: Callable[[str], None]) -> Report:
    """`lines` records of a quarter as many messages; `python -m bench join --lines 2000000` is the issue's."""
    messages = lines // LINES_A_MESSAGE

    def peer(name: str) -> Callable[[], measure.Facts]:
        return lambda: measure.child("bench.join", name, str(messages))

    found = measure.in_turns({"mmsd": lambda: ours(messages)} | {name: peer(name) for name in PEERS}, say)
    rows = [
        {
            "join and judge": name,
            "runs": facts["runs"],
            "join ns a record": facts["join"] / facts["records"] * 1e9,
            "mmsd is × faster": facts["join"] / found["mmsd"]["join"],
            "judge ns a record": facts["judge"] / facts["records"] * 1e9,
            "both, mmsd is ×": (facts["join"] + facts["judge"]) / (found["mmsd"]["join"] + found["mmsd"]["judge"]),
        }
        for name, facts in found.items()
    ]
    alone = measure.in_turns({"table": lambda: measure.child("bench.join", "table", str(messages))}, say)["table"]
    table = [
        {
            "the table alone": name,
            "runs": alone["runs"],
            "ns a delivery": alone[key] * 1e9,
            "ns a record": alone[key] / LINES_A_MESSAGE * 1e9,
        }
        for name, key in (("over columns", "columns"), ("one by one", "one"))
    ]
    return Report(
        {
            f"join: {lines:,} records of {messages:,} messages (processor time)": rows,
            f"judge: {messages:,} deliveries by their signs (processor time)": table,
        },
        [
            "Must: the join twice as fast as duckdb's GROUP BY, judging 12 ns a record; aim: 2.7 times, 5 ns.",
            "mmsd's records come in time's order a MiB at a time, are kept for late lines, and an answer is found by subscriber and time;",
            "its judgement is the evidence table with counters and segment rows. The peers have it all at once; theirs is one CASE.",
            "The table alone: every row of config/causes.toml over columns of signs, and one by one as the daemon asks it.",
        ],
    )


if __name__ == "__main__":
    main()
