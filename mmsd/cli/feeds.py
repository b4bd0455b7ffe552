"""`mmsd feeds`: how the feeds do, as the daemon last stored it: coverage, lateness, gaps, clocks, orphans."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsd import app, config
from mmsd.cli.kpi import reader_of
from mmsd.model import SECOND, Delays, FeedCondition, FeedGap, FeedReport
from mmsd.web.feeds import as_json
from mmsd.web.totals import apart_in_words

LISTED: Final = 20
"""Gaps printed, the newest of all feeds."""


@click.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--json", "as_text", is_flag=True, help="Print JSON.")
def feeds(config_file: Path, as_text: bool) -> None:
    """How the feeds do: since when and up to when each is read, how late its lines come, what is missing, whose clocks are apart.

    Read from the state directory, as the daemon last told it; it tells it every five seconds while there is something to read.
    """
    settings = app.with_journal(config.load(config_file))
    reader = reader_of(settings)
    try:
        report = reader.feed_report()
        rejects = dict.fromkeys(settings.feeds, 0)
        lines = dict(rejects)
        for count in reader.lines():
            held = rejects if count.reason else lines
            held[count.feed] = held.get(count.feed, 0) + count.lines
    finally:
        reader.close_readers()
    if report is None:
        click.echo("Nothing was read yet.")
        return
    if as_text:
        body = as_json(report)
        for feed in body["feeds"]:
            feed |= {
                "lines": lines.get(feed["name"], 0),
                "rejects": rejects.get(feed["name"], 0),
                "covers": _covers(settings, feed["name"]),
            }
        click.echo(msgspec.json.format(msgspec.json.encode(body), indent=1))
        return
    _print(report, settings, lines, rejects)


def _print(report: FeedReport, settings: config.Settings, lines: dict[str, int], rejects: dict[str, int]) -> None:
    zone = settings.zone.name
    console = Console(soft_wrap=True)
    table = _table(
        "feed", "covers", "since", "newest line", ">lines", ">rejects", ">late 50 %", ">99 %", ">most", ">disorder", ">waits", ">orphans"
    )
    for feed in report.feeds:
        table.add_row(
            escape(feed.name), escape(_covers(settings, feed.name)), _moment(feed.since, zone), _moment(feed.mark, zone),
            f"{lines.get(feed.name, 0):,}", f"{rejects.get(feed.name, 0):,}", *_delays(feed.late),
            _seconds(feed.disorder.most) if feed.disorder.n else "–", _seconds(feed.waits), f"{feed.orphans:,}",
        )  # fmt: skip
    console.print(table)
    console.print(f"\nRead up to {_moment(report.horizon, zone)}, told {_moment(report.at, zone)}.")
    _print_clocks(report, console)
    _print_gaps(report.feeds, console, zone)


def _print_clocks(report: FeedReport, console: Console) -> None:
    for apart in report.clocks:
        warning = r"  further than \[judgement] skew: set the clocks right" if apart.far else ""
        console.print(f"Clocks: {escape(apart_in_words(apart))}, ± {_seconds(apart.spread)}, by {apart.n:,} pairs of lines.{warning}")
    if report.widened:
        console.print(f"Windows count as if clocks differed by {_seconds(report.widened)}.")


def _print_gaps(told: tuple[FeedCondition, ...], console: Console, zone: tzinfo) -> None:
    found: list[tuple[FeedGap, str]] = sorted(((gap, feed.name) for feed in told for gap in feed.gaps), key=lambda each: -each[0].start)
    if not found:
        return
    table = _table("gap in", "from", "to", "reason")
    for gap, name in found[:LISTED]:
        table.add_row(escape(name), _moment(gap.start, zone), _moment(gap.stop, zone) if gap.stop else "now", gap.reason)
    console.print()
    console.print(table)
    if len(found) > LISTED:
        console.print(f"… and {len(found) - LISTED} older ones; --json has all.")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name.removeprefix(">"), no_wrap=True, justify="right" if name.startswith(">") else "left")
    return table


def _covers(settings: config.Settings, name: str) -> str:
    """What a feed declares to show, in words."""
    feed = settings.feeds.get(name)
    if feed is None:
        return "not read any more"
    covers = msgspec.structs.asdict(feed.covers)
    words = [f"{key} {' '.join(value)}" for key, value in covers.items() if isinstance(value, tuple) and value]
    return ", ".join([*words, *(["in part"] if feed.covers.part else [])]) or "all"


def _delays(delays: Delays) -> tuple[str, str, str]:
    if not delays.n:
        return "–", "–", "–"
    return _seconds(delays.half), _seconds(delays.most), _seconds(delays.all)


def _seconds(micros: int) -> str:
    seconds = micros / SECOND
    return f"{seconds / 3600:.1f} h" if seconds >= 7200 else f"{seconds / 60:.1f} min" if seconds >= 120 else f"{seconds:.1f} s"


def _moment(at: int, zone: tzinfo) -> str:
    if not at:
        return "never"
    try:
        return f"{datetime.fromtimestamp(at / SECOND, zone):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):  # a replay's horizon ends beyond all time
        return "its end"
