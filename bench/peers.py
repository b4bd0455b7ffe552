"""What others make of the same file: `python -m bench.peers PEER FORMAT FILE` prints CPU seconds and rows as JSON.

Run in a process of its own, because polars takes its number of threads (POLARS_MAX_THREADS) when it is imported. Each peer is given the
cheapest way there is: the file is cut at one separator, and nothing is unescaped. `polars` then makes our
columns: time, kind, sizes, addresses in E.164 or a hash, a hash of the ids, one row a receiver, the texts we keep.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

SEPARATORS = {"mbuni": "]", "kannel": "]", "columns": "|", "quoted": " "}
"""Formats that one separator cuts, in `quoted` between quotes too. In the others a blank stands inside brackets or padding, or a quote
inside quotes: no peer's splitter reads them."""

WIDTH = {"mbuni": 10, "kannel": 12, "columns": 10, "quoted": 11}


def split_csv(name: str, path: Path) -> int:
    """csv.reader, fields as str, nothing converted."""
    lines = 0
    with path.open(encoding="latin-1", newline="") as file:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if name == "quoted" else csv.QUOTE_NONE
        for fields in csv.reader(file, delimiter=SEPARATORS[name], quoting=quoting):
            lines += len(fields) > 0
    return lines


def frame(name: str, path: Path) -> pl.LazyFrame:
    """The file as columns c0, c1 … of text."""
    import polars as pl

    return pl.scan_csv(
        path,
        separator=SEPARATORS[name],
        has_header=False,
        quote_char='"' if name == "quoted" else None,
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        missing_columns="insert",  # a record over two lines
        schema={f"c{i}": pl.String for i in range(WIDTH[name])},
    )


def split_polars(name: str, path: Path) -> int:
    """Every field as text and counted, so that none is left unread; nothing converted."""
    import polars as pl

    lengths = frame(name, path).select(pl.len(), pl.all().str.len_bytes().sum().name.suffix("_bytes")).collect(engine="streaming")
    return int(lengths["len"][0])


def columns_polars(name: str, path: Path) -> int:
    """The columns we make, as far as expressions say them."""
    import polars as pl

    def number(column: pl.Expr) -> pl.Expr:
        text = column.str.strip_chars(" ").str.strip_suffix("/TYPE=PLMN")
        national = (text.str.len_bytes() == 11) & text.str.starts_with("1")
        digits = pl.when(national).then(pl.lit("86") + text).otherwise(text.str.strip_prefix("+").str.strip_prefix("00"))
        return digits.cast(pl.UInt64, strict=False).fill_null(text.hash() | pl.lit(1 << 63, pl.UInt64))

    def word(column: pl.Expr, *words: str) -> pl.Expr:
        return column.replace_strict(list(words), list(range(1, len(words) + 1)), default=0, return_dtype=pl.UInt8)

    lines = frame(name, path)
    if name == "mbuni":
        made = lines.select(
            at=pl.col("c0").str.slice(0, 19).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False),
            kind=word(
                pl.col("c0").str.slice(20).str.strip_suffix(" MMS [INT:MM1"),
                *("Received", "Notify", "Fetched", "Failed Fetch", "NotifyResp", "Forwarded", "Sent"),
            ),
            interface=word(pl.col("c0").str.tail(3), "MM1", "MM3", "MM4", "MM7"),
            status=word(pl.col("c1").str.strip_prefix(" [ACT:"), "Retrieved", "Rejected", "Deferred"),
            sender=number(pl.col("c3").str.strip_prefix(" [from:")),
            sender_text=pl.col("c3").str.strip_prefix(" [from:"),
            receiver=pl.col("c4").str.strip_prefix(" [to:").str.split(", "),
            message=pl.col("c5").str.strip_prefix(" [msgid:").hash(),
            message_text=pl.col("c5").str.strip_prefix(" [msgid:"),
            size=pl.col("c6").str.strip_prefix(" [size=").cast(pl.Int64, strict=False),
            agent=pl.col("c7").str.strip_prefix(" [UA:"),
        )
    elif name == "kannel":
        event = pl.col("c0").str.slice(20).str.split(" [SMSC:")
        flags = pl.col("c8").str.strip_prefix(" [flags:").str.split(":")
        made = lines.select(
            at=pl.col("c0").str.slice(0, 19).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False),
            kind=word(event.list.get(0), "Sent SMS", "Receive DLR", "Receive SMS", "REJECTED Send SMS"),
            smsc=event.list.get(1).hash(),
            service=pl.col("c1").str.strip_prefix(" [SVC:"),
            account=pl.col("c2").str.strip_prefix(" [ACT:"),
            fid=pl.col("c4").str.strip_prefix(" [FID:").hash(),
            fid_text=pl.col("c4").str.strip_prefix(" [FID:"),
            meta=pl.col("c5").str.extract("dlr_err=([^&]*)", 1),
            sender=number(pl.col("c6").str.strip_prefix(" [from:")),
            receiver=pl.col("c7").str.strip_prefix(" [to:").str.split(","),
            coding=flags.list.get(1, null_on_oob=True).cast(pl.Int64, strict=False),
            mask=flags.list.get(4, null_on_oob=True).cast(pl.Int64, strict=False),
            body=pl.col("c9").str.strip_prefix(" [msg:"),
            state=word(pl.col("c9").str.extract("stat:([A-Z]*)", 1), "DELIVRD", "EXPIRED", "UNDELIV"),
            header=pl.col("c10").str.strip_prefix(" [udh:"),
        )
    elif name == "quoted":
        request, parts = pl.col("c5").str.split(" "), pl.col("c0").str.split(".")
        url = request.list.get(1, null_on_oob=True)
        host = url.str.extract("^[a-z]+://([^/]*)", 1)
        local = pl.col("c3").str.slice(1).str.to_datetime("%d/%b/%Y:%H:%M:%S", strict=False)
        made = lines.select(
            at=local - pl.duration(hours=pl.col("c4").str.slice(0, 3).cast(pl.Int64, strict=False)),
            address=sum((parts.list.get(n, null_on_oob=True).cast(pl.UInt64, strict=False) * 256 ** (3 - n) for n in range(4)), pl.lit(0)),
            method=word(request.list.get(0), "GET", "POST", "HEAD"),
            authority=host.str.to_lowercase().str.strip_suffix(":80").hash(),
            host=host,
            path=url.str.extract("^[a-z]+://[^/]*(.*)", 1).hash(),
            path_text=url.str.extract("^[a-z]+://[^/]*(.*)", 1),
            status=pl.col("c6").cast(pl.Int64, strict=False),
            octets=pl.col("c7").cast(pl.Int64, strict=False),
            agent=pl.col("c9"),
        )
        return int(made.collect(engine="streaming").height)
    else:
        made = lines.select(
            at=pl.col("c0").str.to_datetime("%Y%m%d%H%M%S", strict=False),
            kind=word(pl.col("c1"), "MO", "MT"),
            message=pl.col("c2").hash(),
            message_text=pl.col("c2"),
            sender=number(pl.col("c3")),
            sender_text=pl.col("c3"),
            receiver=pl.col("c4").str.split(","),
            size=pl.col("c5").cast(pl.Int64, strict=False),
            status=pl.col("c6").cast(pl.Int64, strict=False),
            tag=pl.col("c7").hash(),
            tag_text=pl.col("c7"),
            subject=pl.col("c8"),
        )
    rows = made.explode("receiver").with_columns(receiver=number(pl.col("receiver")), receiver_text=pl.col("receiver"))
    return int(rows.collect(engine="streaming").height)


PEERS = {"csv": split_csv, "polars-split": split_polars, "polars": columns_polars}


def main() -> None:
    peer, name, path = sys.argv[1:]
    times = []
    for _ in range(5):
        begun = time.process_time()
        rows = PEERS[peer](name, Path(path))
        times.append(time.process_time() - begun)
    print(json.dumps({"seconds": min(times), "rows": rows}))


if __name__ == "__main__":
    main()
