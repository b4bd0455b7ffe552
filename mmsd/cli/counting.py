"""`mmsd campaign counts`: what a campaign counts, as a table, CSV or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsd import config
from mmsd.cli.kpi import reader_of
from mmsd.web import campaign as counting
from mmsd.web.campaign import BYS, WHOLE, By, Days
from mmsd.web.campaigns import fits, named
from mmsd.web.sheets import marked
from mmsd.web.tables import workbook_of


@click.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.argument("name", metavar="CAMPAIGN", default="")
@click.option("--by", type=click.Choice(BYS), help="One row for each of these.")
@click.option("--closes", is_flag=True, help="What was said of each day and city: at its end, and for good.")
@click.option("--from", "since", default=WHOLE.since, metavar="DATE", help="First local day, 2026-11-22.")
@click.option("--to", "until", default=WHOLE.until, metavar="DATE", show_default=False, help="Last local day.")
@click.option("--csv", "as_table", is_flag=True, help="Print comma-separated values, as Excel takes them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--xlsx", "book", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write all of it into a workbook.")
def counts(
    config_file: Path, name: str, by: By | None, closes: bool, since: str, until: str, as_table: bool, as_json: bool, book: Path | None,
) -> None:  # fmt: skip
    """Forwards and participants of a campaign; of all campaigns, where none is named.

    \b
    mmsd campaign counts /etc/mmsd/mmsd.toml                        all campaigns
    mmsd campaign counts /etc/mmsd/mmsd.toml torch                  one, in short
    mmsd campaign counts /etc/mmsd/mmsd.toml torch --by city --from 2026-11-22 --to 2026-11-22
    mmsd campaign counts /etc/mmsd/mmsd.toml torch --closes --csv   what each day was closed with
    mmsd campaign counts /etc/mmsd/mmsd.toml torch --xlsx torch.xlsx

    docs/counting.md defines every figure.
    """
    settings = config.load(config_file)
    directory = settings.campaigns.directory
    known = {each.id: each for each in config.load_campaigns(directory)} if directory is not None else {}
    days = Days(since, until)
    if not fits(days):
        raise click.UsageError("--from and --to take a local date such as 2026-11-22")
    if by and closes:
        raise click.UsageError("--by and --closes are two questions")
    if by in counting.OF_ALL_DAYS and not days.all:
        raise click.UsageError(f"--by {by} goes with no --from and no --to: it is counted over the whole campaign")
    if not name and (by or closes or book):
        raise click.UsageError("name a CAMPAIGN")
    reader = reader_of(settings)
    columns: tuple[str, ...]
    try:
        if name and not named(reader, name, known):
            raise click.BadParameter(f"no campaign is called {name!r}", param_hint="CAMPAIGN")
        if book is not None:
            book.write_bytes(workbook_of(reader, name, known.get(name), days))
            return
        if closes:
            columns, rows = counting.CLOSE_COLUMNS, counting.closes_table(counting.closes(reader, name, days))
        elif by:
            columns, rows = counting.COLUMNS[by], counting.rows(reader, name, by, days)
        elif name:
            told = _plain(counting.overview(reader, name, known.get(name)))
            columns, rows = ("figure", "value"), [{"figure": key, "value": value} for key, value in told.items()]
        else:
            columns, rows = counting.LISTED_COLUMNS, counting.listed(reader, known)
    finally:
        reader.close_readers()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))
    elif as_table:
        click.echo(marked(columns, rows), nl=False)
    else:
        show(Console(soft_wrap=True), rows)


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """An overview, one figure a line: what is in parts becomes lines of its own."""
    flat: dict[str, Any] = {}
    for key, value in told.items():
        parts = msgspec.to_builtins(value)
        if isinstance(parts, dict):
            flat |= {f"{key} {name}": part for name, part in parts.items()}
        elif isinstance(parts, list):
            flat |= {f"{key} {next(iter(part.values()))}": list(part.values())[1] for part in parts}
        else:
            flat[key] = value
    return flat


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    """A table; numbers to the right, what is not known as a dash."""
    if not rows:
        console.print("nothing is counted yet")
        return
    listed = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column, value in rows[0].items():
        listed.add_column(column.replace("_", " "), justify="right" if isinstance(value, int | float) else "left", no_wrap=True)
    for row in rows:
        listed.add_row(*(_shown(column, value) for column, value in row.items()))
    console.print(listed)


def _shown(column: str, value: object) -> str:
    if value is None or value == "":
        return "–"
    if column in ("share", "reproduction", "mean") and isinstance(value, float):
        return f"{value:.1%}" if column == "share" else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else escape(str(value))
