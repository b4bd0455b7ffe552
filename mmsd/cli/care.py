"""`mmsd care`: what care does, for whom it is nobody's turn but people's, one number, the funnel, and what help is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsd import app, config
from mmsd.cli import staff
from mmsd.cli.kpi import hour_of, reader_of
from mmsd.cli.outbox import order
from mmsd.errors import ConfigError
from mmsd.model import HOUR, masked
from mmsd.rules import funnel
from mmsd.rules.cases import Kind, State
from mmsd.web.answers import Problem
from mmsd.web.api import address
from mmsd.web.care import HANDOVER_COLUMNS, LOOKED, USUAL, case_row, effects, funnel_columns, funnel_rows, handover_row, take_off
from mmsd.web.desk import MOST_MESSAGES, MOST_STEPS, messages, of_care
from mmsd.web.pages import LANGUAGES, texts
from mmsd.web.sheets import marked

_WIDEST: Final = 1_000
"""Columns of a listing. A narrow window wraps its lines: better than heads and numbers cut off."""
_CONFIG = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
_LIMIT = click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
_AFTER = click.option("--after", default="", metavar="PLACE", help="The page after; the one before ends with its place.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_CSV = click.option("--csv", "as_table", is_flag=True, help="Print comma-separated values.")
_FROM = click.option("--from", "since", default="", metavar="TIME", help="Cases opened from this local time on; else of the last 31 days.")
_TO = click.option("--to", "until", default="", metavar="TIME", help="The hour after the last.")


@click.group()
def care() -> None:
    """What is done about subscribers' settings. Numbers are masked."""


@care.command(name="list")
@_CONFIG
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only cases in this state; else all that are not over.")
@_LIMIT
@_AFTER
@_JSON
def list_(config_file: Path, state: str | None, limit: int, after: str, as_json: bool) -> None:
    """Cases, the last moved first."""
    reader = reader_of(config.load(config_file))
    try:
        rows = reader.care_cases(state, limit, _place(after))
    finally:
        reader.close_readers()
    shown = [case_row(row) for row in rows]
    columns = ("number", "case", "kind", "state", "reason", "causes", "city", "model", "moved")
    _print([row if as_json else {name: row[name] for name in columns} for row in shown], as_json)
    _more(rows[-1].place if len(rows) == limit else "", as_json)


@care.command()
@_CONFIG
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only these cases: activation is the business system's.")
@_LIMIT
@_AFTER
@_CSV
@_JSON
def handover(config_file: Path, kind: str | None, limit: int, after: str, as_table: bool, as_json: bool) -> None:
    """What waits for people, or for the business system, the oldest first.

    The list with full numbers is given over the API, to whom the audit then names: docs/http.md.
    """
    reader = reader_of(config.load(config_file))
    try:
        rows = reader.handovers(limit, _place(after), kind)
    finally:
        reader.close_readers()
    _print([handover_row(row) for row in rows], as_json, HANDOVER_COLUMNS if as_table else None)
    _more(rows[-1].place if len(rows) == limit else "", as_json or as_table)


@care.command()
@_CONFIG
@click.argument("name", metavar="ID")
@staff.who("Who did it")
@staff.why("What was done")
def done(config_file: Path, name: str, who: str, why: str) -> None:
    """Take a case off the hand-over list: ID stands in `mmsd care handover`."""
    subscriber, _, case = name.partition(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (subscriber, case)):
        raise click.BadParameter("is none, such as 17.1", param_hint="ID")
    found: list[bool] = []
    order(
        config.load(config_file), f"care/handover/{name}/done", {"who": who, "why": why},
        lambda store: found.append(take_off(store, int(subscriber), int(case), who=who, why=why, now=app.wall())),
    )  # fmt: skip
    if found == [False]:
        raise click.BadParameter("is not on the hand-over list", param_hint="ID")
    click.echo(f"{name}: done")


@care.command()
@_CONFIG
@click.argument("number")
@click.option("--language", type=click.Choice([*LANGUAGES]), default="en", show_default=True)
@_JSON
def show(config_file: Path, number: str, language: str, as_json: bool) -> None:
    """What care has of one NUMBER: cases and what happened to them, questions, consents, messages. `-` asks for the number.

    What was sent to him as MMS, and why it did not arrive, tells `mmsd why`; what time brings next, the desk.
    """
    settings = config.load(config_file)
    try:
        digits = address(click.prompt("Number", hide_input=True) if number == "-" else number, settings.web.region)
    except Problem as problem:
        raise click.BadParameter(problem.detail, param_hint="NUMBER") from None
    reader = reader_of(settings)
    try:
        told = {
            "number": masked(digits),
            **of_care(reader.care_held(digits), reader.care_steps(digits, MOST_STEPS), {}, app.wall()),
            "messages": messages(reader.messages(digits, MOST_MESSAGES), reader.heard(digits, MOST_MESSAGES), texts=False),
        }
    finally:
        reader.close_readers()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=1))
        return
    words = texts(language)
    click.echo(f"{told['number']}: {len(told['cases'])} cases")
    for case in told["cases"]:
        causes = ", ".join(words[f"cause.{cause}"] for cause in case["causes"]) or case["origin"]
        click.echo(
            f"case {case['number']}: {words['casestate.' + case['state']]} since {case['moved']}, {causes} {case['reason']}".rstrip()
        )
        for step in reversed(told["steps"]):
            if step["case"] == case["number"]:
                click.echo(f"  {step['at']}  {words['caseevent.' + step['event']]}  ({step['who']}) {step['reason']}".rstrip())
    for one in told["consents"]:
        held = "holds" if one["live"] else f"ended {one['revoked'] or one['expires']}"
        click.echo(f"consent for case {one['case']}: {one['at']} by {words['channel.' + one['channel']]} ({one['who']}), {held}")
    for message in reversed(told["messages"]):
        what = f"to him: {message['purpose']}, {words['sending.' + message['state']]}" if message["way"] == "sent" else "from him"
        click.echo(f"  {message['at']}  {what}")


@care.command(name="funnel")
@_CONFIG
@click.option("--by", type=click.Choice(funnel.BY), help="One row for each; else all together.")
@click.option("--origin", default=funnel.FOUND, show_default=True, help="How cases began: finding, keyword, staff, new_handset, or all.")
@_FROM
@_TO
@_CSV
@_JSON
def funnel_(config_file: Path, by: str | None, origin: str, since: str, until: str, as_table: bool, as_json: bool) -> None:
    """How far cases came: found, asked, consented, pushed, confirmed; and where the others stayed."""
    settings = config.load(config_file)
    first, last = _range(settings, since, until)
    reader = reader_of(settings)
    try:
        rows = funnel_rows(reader.care_tallies(first, last, None if origin == "all" else origin), by or "")
    finally:
        reader.close_readers()
    _print(rows, as_json, funnel_columns(by or "") if as_table else None)


@care.command()
@_CONFIG
@click.option("--looked", type=click.IntRange(min=1), default=LOOKED, show_default=True, help="Subscribers of each group to look at.")
@_FROM
@_TO
@_JSON
def effect(config_file: Path, looked: int, since: str, until: str, as_json: bool) -> None:
    """What help is good for: messages to those who were held back beside those to the others, and to those who were helped."""
    settings = config.load(config_file)
    first, last = _range(settings, since, until)
    reader = reader_of(settings)
    try:
        told = effects(reader.care_groups(first, last, looked), app.terms(settings).rows)
    finally:
        reader.close_readers()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=1))
        return
    click.echo(f"held back: {told['held_back']['looked']} of {told['held_back']['people']} subscribers")
    for name in ("others", "helped"):
        click.echo(f"{name}: {told[name]['looked']} of {told[name]['people']} subscribers")
        for one in told[name]["measures"]:
            if one["lift"] is None:
                click.echo(f"  {one['measure']}: not known, one side has no messages")
                continue
            sides = f"{one['share']:.1%} of {one['of']:,} against {one['held_back_share']:.1%} of {one['held_back_of']:,}"
            proof = "" if one["proven"] else ", which may be chance"
            click.echo(f"  {one['measure']}: {sides}: {one['lift']:+.1%} ({one['low']:+.1%} to {one['high']:+.1%}){proof}")
        if told[name]["too_few"]:
            click.echo("  too few messages or subscribers on one side: nothing here is worth telling yet")


def _range(settings: config.Settings, since: str, until: str) -> tuple[int, int]:
    last = hour_of(until, settings, up=True) * HOUR if until else app.wall() + 1
    first = hour_of(since, settings) * HOUR if since else max(last - USUAL, 0)
    if first >= last:
        raise click.UsageError("--from is not before --to")
    return first, last


def _place(after: str) -> str:
    parts = after.split(".")
    if after and not (len(parts) == 3 and all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts)):
        raise ConfigError("--after: not a place that an earlier page ended with")
    return after


def _more(place: str, quiet: bool) -> None:
    if place:
        click.echo(f"more: --after {place}", err=quiet)


def _print(rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...] | None = None) -> None:
    """`columns`: of a table as comma-separated values."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))
    elif columns is not None:
        click.echo(marked(columns, rows), nl=False)
    elif not rows:
        click.echo("None.")
    else:
        listed = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name in rows[0]:
            listed.add_column(name.replace("_", " "), no_wrap=True)
        for row in rows:
            listed.add_row(*(escape(_shown(value)) for value in row.values()))
        Console(soft_wrap=True, width=_WIDEST).print(listed)


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return f"{value:.1%}" if isinstance(value, float) else "" if value is None else str(value)
