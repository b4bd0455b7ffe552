"""`mmsd findings` and `mmsd notifications`: what a store says is wrong, and what notifications came to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsd import config
from mmsd.cli.kpi import hour_of, percent, reader_of
from mmsd.model import HOUR
from mmsd.web.findings import (
    CAUSES,
    FINDING_COLUMNS,
    KINDS,
    LATE_COLUMNS,
    MOST_HOURS,
    NOTIFICATION_COLUMNS,
    PLACE_COLUMNS,
    WEEK,
    day_of,
    finding,
    late_hours,
    notifications,
    places,
    standing_models,
)
from mmsd.web.sheets import marked

_CONFIG: Final = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))


@click.command()
@_CONFIG
@click.option("--kind", type=click.Choice(KINDS), help="Only about subscribers, models or nodes.")
@click.option("--cause", type=click.Choice(CAUSES), help="Only of this cause.")
@click.option("--all", "everything", is_flag=True, help="Those that were cleared as well.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="At most so many, the newest first.")
@click.option("--csv", "as_table", is_flag=True, help="Print comma-separated values.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the lines each rests on.")
def findings(config_file: Path, kind: str | None, cause: str | None, everything: bool, limit: int, as_table: bool, as_json: bool) -> None:
    """What is wrong with handsets' settings, with models and with nodes.

    \b
    mmsd findings /etc/mmsd/mmsd.toml                     what stands
    mmsd findings /etc/mmsd/mmsd.toml --kind model
    mmsd findings /etc/mmsd/mmsd.toml --cause BAD_APN --all --csv --limit 100000

    Numbers are masked. docs/causes.md says what raises and clears each.
    """
    reader = reader_of(config.load(config_file))
    try:
        models = standing_models(reader)
        rows = [finding(row, models) for _, row in reader.findings(None, limit, None, open_only=not everything, kind=kind, cause=cause)]
    finally:
        reader.close_readers()
    _print(rows, FINDING_COLUMNS, as_table, as_json, without="of_model")


@click.command(name="notifications")
@_CONFIG
@click.option("--from", "since", default="", metavar="TIME", help="First hour of submission, local: 2026-11-22 or 2026-11-22T08:00.")
@click.option("--to", "until", default="", metavar="TIME", help="The hour after the last.")
@click.option("--by", type=click.Choice(("gap", "hour", "place")), default="gap", show_default=True, help="See below.")
@click.option("--csv", "as_table", is_flag=True, help="Print comma-separated values.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def notified(config_file: Path, since: str, until: str, by: str, as_table: bool, as_json: bool) -> None:
    """What notifications came to, the last week if no time is given.

    \b
    --by gap      share fetched after the first, second, … notification, by the gap before it and the SMS gateway:
                  which resend interval still helps
    --by hour     late pushes by SMS gateway, MMSC node and hour of the day
    --by place    where fetches broke: cells, else SGSNs
    """
    settings = config.load(config_file)
    reader = reader_of(settings)
    columns: tuple[str, ...]
    try:
        last = hour_of(until, settings, up=True) if until else max(reader.horizon(), HOUR) // HOUR + 1
        first = hour_of(since, settings) if since else max(last - WEEK, 0)
        if not 0 < last - first <= MOST_HOURS:
            raise click.UsageError(f"--from to --to is {last - first} hours; 1 to {MOST_HOURS} are told")
        zone = settings.zone.name
        if by == "place":
            columns, rows = PLACE_COLUMNS, places(reader.places(day_of(first, zone), day_of(last - 1, zone, after=1)))
        else:
            counts = reader.notifications(first, last)
            if by == "gap":
                columns, rows = NOTIFICATION_COLUMNS, notifications(counts)
            else:
                columns, rows = LATE_COLUMNS, late_hours(counts, zone)
    finally:
        reader.close_readers()
    _print(rows, columns, as_table, as_json)


def _print(rows: list[dict[str, Any]], columns: tuple[str, ...], as_table: bool, as_json: bool, *, without: str = "") -> None:
    """`without`: a column that has no place on a screen."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))
    elif as_table:
        click.echo(marked(columns, rows), nl=False)
    elif not rows:
        click.echo("None.")
    else:
        listed = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        shown = [name for name in columns if name != without]
        for name in shown:
            listed.add_column(name.replace("_", " "), no_wrap=True, justify="right" if isinstance(rows[0][name], int | float) else "left")
        for row in rows:
            listed.add_row(*(_shown(name, row[name]) for name in shown))
        Console(soft_wrap=True).print(listed)


def _shown(name: str, value: object) -> str:
    if name == "share" and isinstance(value, float):
        return percent(value)
    if name == "gateway" and not value:
        return "by the book"
    return "" if value is None else escape(str(value))
