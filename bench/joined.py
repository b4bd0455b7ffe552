"""What duckdb and polars make of an MMSC's log: one row a delivery, its outcome, counts by hour and delay, all durable.

Each is given the cheapest way there is: the separator that cuts most of the line, and a hash instead of the message's id.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench import measure

OVER_SECONDS: Final = 72 * 3600

NOTES: Final = (
    "duckdb and polars are timed twice: without the answers (NotifyResp), which name a transaction that no other line of this log holds,",
    "and with them, each given to the delivery its sender fetched last before it, as mmsd does.",
    "Not comparable: duckdb and polars read a finished file once, hold all of it, and are durable at its end alone; mmsd commits as it",
    "goes, reads on after a kill at any line, takes late lines into account, keeps the line behind every verdict, names every bad one.",
    "duckdb and polars check no literal, know no handset that writes brackets, and keep a hash of the message's id.",
)

LINES_SQL: Final = """
SELECT * REPLACE (CASE WHEN length(receiver) = 11 AND starts_with(receiver, '1') THEN '86' || receiver ELSE receiver END AS receiver)
FROM (
    SELECT strptime(c0[1:19], '%Y-%m-%d %H:%M:%S') AS moment, split_part(c0[21:], ' MMS', 1) AS event, c1[7:] AS answer,
        try_cast(replace(c3[8:], '+', '') AS UBIGINT) AS sender, replace(unnest(string_split(c4[6:], ', ')), '+', '') AS receiver,
        hash(c5[9:]) AS message, try_cast(c6[8:] AS INTEGER) AS size
    FROM read_csv('{path}', delim = ']', header = false, quote = '', escape = '', comment = '', auto_detect = false,
        null_padding = true, columns = {{{columns}}})
)
"""

DELIVERIES_SQL: Final = """
SELECT message, try_cast(receiver AS UBIGINT) AS receiver, min(moment) FILTER (event = 'Received') AS submitted,
    min(moment) FILTER (event = 'Notify') AS notified, min(moment) FILTER (event = 'Fetched') AS retrieved,
    max(sender) AS sender, max(size) AS size, count(*) AS lines
FROM {lines} WHERE event <> 'NotifyResp' GROUP BY ALL
"""

ANSWERED_SQL: Final = """
SELECT d.*, a.answer FROM {deliveries} d LEFT JOIN (
    SELECT f.message, f.receiver, max(r.answer) AS answer
    FROM (SELECT moment, sender AS receiver, answer FROM {lines} WHERE event = 'NotifyResp') r
    ASOF JOIN (SELECT * FROM {deliveries} WHERE retrieved IS NOT NULL) f ON r.receiver = f.receiver AND r.moment >= f.retrieved GROUP BY ALL
) a ON a.message = d.message AND a.receiver = d.receiver
"""

JUDGED_SQL: Final = """
SELECT *, CASE WHEN retrieved IS NOT NULL {retrieved} THEN 'delivered' WHEN submitted IS NULL THEN 'orphan'
    WHEN submitted < to_timestamp({end}) - INTERVAL {over} SECOND THEN 'failed' ELSE 'open' END AS outcome FROM {deliveries}
"""


def lines_sql(path: Path) -> str:
    return LINES_SQL.format(path=path, columns=", ".join(f"c{n}: 'VARCHAR'" for n in range(10)))


def duckdb_whole(log: Path, out: Path, end: int, *, answers: bool) -> measure.Facts:
    """A table of deliveries and two of counts, committed and checkpointed."""
    import duckdb

    with duckdb.connect(str(out / "deliveries.duckdb"), config={"threads": 1}) as connection:
        connection.execute("SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
        clock = measure.Clock()
        lines, deliveries = f"({lines_sql(log)})", "deliveries"
        if answers:  # read once, used twice
            connection.execute(f"CREATE TEMPORARY TABLE lines AS {lines_sql(log)}")
            lines = "lines"
        connection.execute("BEGIN")
        if answers:
            connection.execute(f"CREATE TEMPORARY TABLE deliveries AS {DELIVERIES_SQL.format(lines=lines)}")
            deliveries = f"({ANSWERED_SQL.format(lines=lines, deliveries=deliveries)})"
        else:
            deliveries = f"({DELIVERIES_SQL.format(lines=lines)})"
        taken = "AND coalesce(answer, 'Retrieved') = 'Retrieved'" if answers else ""
        judged = JUDGED_SQL.format(end=end // 1_000_000, over=OVER_SECONDS, deliveries=deliveries, retrieved=taken)
        connection.execute(f"CREATE TABLE delivery AS {judged}")
        connection.execute(
            "CREATE TABLE hour AS SELECT date_trunc('hour', submitted) AS hour, outcome, count(*) AS n FROM delivery GROUP BY ALL"
        )
        seconds = "1 + date_diff('second', submitted, retrieved)"
        connection.execute(f"CREATE TABLE delay AS SELECT floor(log2({seconds})) AS bin, count(*) AS n FROM delivery GROUP BY ALL")
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
        facts = clock.facts()
        outcomes = dict(connection.execute("SELECT outcome, sum(n)::BIGINT FROM hour GROUP BY ALL ORDER BY 1").fetchall())
        (joined,) = connection.execute("SELECT sum(lines)::BIGINT FROM delivery").fetchone() or (0,)
    return facts | _facts(log, out, outcomes, joined)


def polars_whole(log: Path, out: Path, end: int, *, answers: bool) -> measure.Facts:
    """Parquet files of deliveries and counts, synced with their directory."""
    import polars as pl

    def number(text: pl.Expr) -> pl.Expr:
        national = (text.str.len_bytes() == 11) & text.str.starts_with("1")
        return pl.when(national).then(pl.lit("86") + text).otherwise(text.str.strip_prefix("+")).cast(pl.UInt64, strict=False)

    def first(event: str) -> pl.Expr:
        return pl.col("at").filter(pl.col("event") == event).min()

    clock = measure.Clock()
    lines = (
        pl.scan_csv(
            log,
            separator="]",
            has_header=False,
            quote_char=None,
            encoding="utf8-lossy",
            truncate_ragged_lines=True,
            schema={f"c{n}": pl.String for n in range(10)},
        )
        .select(
            at=pl.col("c0").str.slice(0, 19).str.to_datetime("%Y-%m-%d %H:%M:%S"),
            event=pl.col("c0").str.slice(20).str.split(" MMS").list.first(),
            answer=pl.col("c1").str.slice(6),
            sender=number(pl.col("c3").str.slice(7)),
            receiver=pl.col("c4").str.slice(5).str.split(", "),
            message=pl.col("c5").str.slice(8).hash(),
            size=pl.col("c6").str.slice(7).cast(pl.Int32, strict=False),
        )
        .explode("receiver")
        .with_columns(receiver=number(pl.col("receiver")))
    )
    if answers:  # read once, used twice
        lines = lines.collect(engine="streaming").lazy()
    over = pl.lit((end // 1_000_000 - OVER_SECONDS) * 1_000_000).cast(pl.Datetime("us"))
    grouped = (
        lines.filter(pl.col("event") != "NotifyResp")
        .group_by("message", "receiver")
        .agg(
            submitted=first("Received"),
            notified=first("Notify"),
            retrieved=first("Fetched"),
            sender=pl.col("sender").max(),
            size=pl.col("size").max(),
            lines=pl.len(),
        )
    )
    taken = pl.col("retrieved").is_not_null()
    if answers:
        grouped = grouped.collect(engine="streaming").lazy()
        said = (
            lines.filter(pl.col("event") == "NotifyResp")
            .select("at", "answer", receiver="sender")
            .sort("at")
            .join_asof(
                grouped.filter(taken).select("message", "receiver", "retrieved").sort("retrieved"),
                left_on="at",
                right_on="retrieved",
                by="receiver",
                check_sortedness=False,
            )
            .group_by("message", "receiver")
            .agg(answer=pl.col("answer").max())
        )
        grouped = grouped.join(said, on=("message", "receiver"), how="left")
        taken &= pl.col("answer").fill_null("Retrieved") == "Retrieved"
    deliveries = grouped.with_columns(
        outcome=pl.when(taken)
        .then(pl.lit("delivered"))
        .when(pl.col("submitted").is_null())
        .then(pl.lit("orphan"))
        .when(pl.col("submitted") < over)
        .then(pl.lit("failed"))
        .otherwise(pl.lit("open"))
    ).collect(engine="streaming")
    hours = deliveries.group_by(pl.col("submitted").dt.truncate("1h"), "outcome").len()
    seconds = (pl.col("retrieved") - pl.col("submitted")).dt.total_seconds()
    delays = deliveries.group_by((seconds + 1).log(2).floor()).len()
    for name, frame in (("delivery", deliveries), ("hour", hours), ("delay", delays)):
        frame.write_parquet(out / f"{name}.parquet")
        _sync(out / f"{name}.parquet")
    _sync(out)
    facts = clock.facts()
    outcomes = dict(sorted(deliveries["outcome"].value_counts().iter_rows()))
    return facts | _facts(log, out, outcomes, int(deliveries["lines"].sum()))


def _facts(log: Path, out: Path, outcomes: dict[str, Any], joined: int) -> measure.Facts:
    stored = sum(path.stat().st_size for path in out.iterdir())
    with log.open("rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    return {"lines": lines, "joined": joined, "outcomes": outcomes, "stored": stored, "peak_mib": measure.peak_mib()}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


WHOLE: Final[Mapping[str, Callable[[Path, Path, int], measure.Facts]]] = {
    "duckdb": partial(duckdb_whole, answers=False),
    "polars": partial(polars_whole, answers=False),
    "duckdb, answers": partial(duckdb_whole, answers=True),
    "polars, answers": partial(polars_whole, answers=True),
}
