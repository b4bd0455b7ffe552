"""`mmsd kpi`: the figures of a store, by time or place, as a table, CSV or JSON."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsd import app, config
from mmsd.errors import ConfigError
from mmsd.model import HOUR, SECOND
from mmsd.rules.kpi import Kpi, Mean, Ratio
from mmsd.store.read import Reader
from mmsd.store.sqlite import DATABASE
from mmsd.web.figures import BYS, MOST_HOURS, USUAL_HOURS, Answer, By, Question, Row, ask, columns, flat
from mmsd.web.sheets import marked

COLUMNS: Final = {
    "end_to_end": "end to end", "regulatory": "regulatory", "mean_delay": "delay", "timeliness": "≤ 48 h", "prompt": "prompt",
    "send_failure": "send fails", "notification_failure": "push fails", "retrieval_failure": "fetch fails", "report_failure": "unconfirmed",
}  # fmt: skip
"""Figures of the printed table, in words that fit above a column. All stand in CSV and JSON."""


def reader_of(settings: config.Settings) -> Reader:
    """The store of a configuration, to read only. ConfigError: there is none."""
    database = settings.state.directory / DATABASE
    if not database.exists():  # nothing is made where one only looks
        raise ConfigError(f"{database}: not there; mmsd has not run with this configuration, or [state] names another place")
    return Reader(database, app.load_keys(settings), settings.store.busy_seconds)


@click.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--by", type=click.Choice(BYS), default="day", show_default=True, help="One row for each of these.")
@click.option("--from", "since", default="", metavar="TIME", help="First hour of submission, local: 2026-11-22 or 2026-11-22T08:00.")
@click.option("--to", "until", default="", metavar="TIME", help="The hour after the last.")
@click.option("--node", help="Only this node's.")
@click.option("--city", help="Only this city's senders'.")
@click.option("--csv", "as_table", is_flag=True, help="Print comma-separated values.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def kpi(config_file: Path, by: By, since: str, until: str, node: str | None, city: str | None, as_table: bool, as_json: bool) -> None:
    """Success ratios, delays and failure ratios by hour of submission, each with the share still open.

    \b
    mmsd kpi /etc/mmsd/mmsd.toml                       the last 31 days
    mmsd kpi /etc/mmsd/mmsd.toml --by month --csv      for a spreadsheet
    mmsd kpi /etc/mmsd/mmsd.toml --by city --from 2026-11-01 --to 2026-12-01

    docs/kpi.md defines every figure.
    """
    settings = config.load(config_file)
    if by == "model" and (node or city):
        raise click.UsageError("--by model goes with no --node and no --city: models are counted for the whole network")
    reader = reader_of(settings)
    try:
        last = hour_of(until, settings, up=True) if until else max(reader.horizon(), HOUR) // HOUR + 1
        first = hour_of(since, settings) if since else max(last - USUAL_HOURS[by], 0)
        if not 0 < last - first <= MOST_HOURS[by]:
            raise click.UsageError(f"--from to --to is {last - first} hours; 1 to {MOST_HOURS[by]} are told by {by}")
        answer = ask(reader, Question(first, last, by, node, city), app.terms(settings))
        earliest = reader.first_hour()
    finally:
        reader.close_readers()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=1))
    elif as_table:
        click.echo(marked(columns(answer, by), (flat(row, by) for row in answer.rows)), nl=False)
    else:
        show(Console(soft_wrap=True), answer, by)
    if earliest and not _busy(answer.total):
        start, end, begun = (
            f"{datetime.fromtimestamp(hour * HOUR // SECOND, settings.zone.name):%Y-%m-%d %H:%M}" for hour in (first, last, earliest)
        )
        click.echo(
            f"Nothing from {start} to {end}; the first delivery counted is of {begun}. --from and --to ask of other times.", err=True
        )


def hour_of(text: str, settings: config.Settings, *, up: bool = False) -> int:
    """Hours since 1970 of a local time, down or up to the whole hour. ConfigError when it is none."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r}: expected a time such as 2026-11-22 or 2026-11-22T08:00") from None
    when = when if when.tzinfo else when.replace(tzinfo=settings.zone.name)
    micros = round(when.timestamp() * SECOND)
    return -(-micros // HOUR) if up else micros // HOUR


def show(console: Console, answer: Answer, by: str) -> None:
    """The table: rows in their order, the total last. What may still change is marked with the share still open."""
    listed = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    listed.add_column(by, no_wrap=True)
    codes = [name for name in (answer.total.codes or {}) if any((row.codes or {}).get(name) for row in answer.rows)]
    for name in ("delivered", "failed", "open", *COLUMNS.values(), *(name.replace("code_", "") for name in codes)):
        listed.add_column(name, justify="right", no_wrap=True)
    for row in (*filter(_busy, answer.rows), answer.total):
        listed.add_row(*cells(row, codes))
    console.print(listed)
    if answer.left_out:
        console.print(f"{answer.left_out:,} more, with fewer deliveries, are in the total only.")
    if not all(row.final for row in answer.rows):
        console.print("[dim]Rows with an open share may still change.[/dim]")


def _busy(row: Row) -> bool:
    """Whether there is anything to print of it: a gateway has requests, and no deliveries."""
    return bool(row.kpi.delivered or row.kpi.failed or row.kpi.open or any((row.codes or {}).values()))


def cells(row: Row, codes: list[str]) -> list[str]:
    """A row of the printed table."""
    shares = [shown(getattr(row.kpi, name)) for name in COLUMNS]
    still_open = "final" if row.final else percent(row.kpi.open_share)
    counts = [f"{row.kpi.delivered:,}", f"{row.kpi.failed:,}", still_open]
    return [escape(row.name) or "all", *counts, *shares, *(f"{(row.codes or {}).get(name, 0):,}" for name in codes)]


def shown(value: Ratio | Mean) -> str:
    """
    >>> shown(Ratio(3, 4, 0.75)), shown(Mean(2, 75.5)), shown(Ratio(0, 0, None))
    ('75.0%', '75.5 s', '–')
    """
    if isinstance(value, Ratio):
        return percent(value.value)
    return "–" if value.seconds is None else f"{value.seconds:,.1f} s"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def further(said: Kpi) -> list[tuple[str, str, str]]:
    """(figure, value, of how many) beside the end-to-end ratio: only where there is something to say."""
    named = {name: title for name, title in COLUMNS.items() if name != "end_to_end"}
    values = {title: getattr(said, name) for name, title in named.items()}
    counts = {title: value.of if isinstance(value, Ratio) else value.n for title, value in values.items()}
    return [(title, shown(value), f"{counts[title]:,}") for title, value in values.items() if counts[title]]
