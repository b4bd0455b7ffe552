"""`mmsd copies`: what became of copies of messages."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsd import config
from mmsd.cli.kpi import hour_of, reader_of
from mmsd.model import HOUR
from mmsd.web.copies import copies as rows_of
from mmsd.web.copies import held as held_of
from mmsd.web.copies import looked_into
from mmsd.web.findings import MOST_HOURS, WEEK


@click.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--from", "since", default="", metavar="TIME", help="First hour, local: 2026-11-22 or 2026-11-22T08:00.")
@click.option("--to", "until", default="", metavar="TIME", help="The hour after the last.")
@click.option("--held", is_flag=True, help="Those that were recognised and count for nothing yet, the newest first.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="With --held: at most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def copies(config_file: Path, since: str, until: str, held: bool, limit: int, as_json: bool) -> None:
    """What became of copies of messages that taps made, the last week if no time is given.

    \b
    mmsd copies /etc/mmsd/mmsd.toml           by tap: exact, mark, none, unopened …; joined with the logs, or not
    mmsd copies /etc/mmsd/mmsd.toml --held    recognised, but ambiguous, or without a line of the MMSC's

    Numbers are masked. docs/copies.md says what each word means.
    """
    settings = config.load(config_file)
    reader = reader_of(settings)
    try:
        if held:
            rows = held_of(row for _, row in reader.held_copies(limit))
        else:
            last = hour_of(until, settings, up=True) if until else max(reader.horizon(), HOUR) // HOUR + 1
            first = hour_of(since, settings) if since else max(last - WEEK, 0)
            if not 0 < last - first <= MOST_HOURS:
                raise click.UsageError(f"--from to --to is {last - first} hours; 1 to {MOST_HOURS} are told")
            report = reader.feed_report()
            rows = rows_of(reader.copies(first, last), looked_into(report.feeds) if report is not None else 0)
    finally:
        reader.close_readers()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))
    elif not rows:
        click.echo("None.")
    else:
        listed = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name, value in rows[0].items():
            listed.add_column(name, no_wrap=True, justify="right" if isinstance(value, int) else "left")
        for row in rows:
            listed.add_row(*(escape(str(value) or "(the logs)") if name == "tap" else escape(str(value)) for name, value in row.items()))
        Console(soft_wrap=True).print(listed)
