"""`mmsd governor explain`: what would become of a message to one number now, and which rules say so."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from mmsd import app, config
from mmsd.cli.kpi import reader_of
from mmsd.model import masked
from mmsd.rules.governor import CLASSES, Defer
from mmsd.web.answers import Problem, iso
from mmsd.web.api import address


@click.group()
def governor() -> None:
    """The hand on the brake: what leaves, how much of it, and when (docs/governor.md)."""


@governor.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.argument("number")
@click.option("--campaign", default="", metavar="ID", help="As for a message of this campaign.")
@click.option("--class", "kind", type=click.Choice(CLASSES), help="Only of this class.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(config_file: Path, number: str, campaign: str, kind: str | None, as_json: bool) -> None:
    """What would become of a message to NUMBER now, class by class, and every rule that has a say, as it stands.

    \b
    mmsd governor explain /etc/mmsd/mmsd.toml 13812341234
    mmsd governor explain /etc/mmsd/mmsd.toml 13812341234 --class transactional --campaign torch
    """
    settings = config.load(config_file)
    try:
        digits = address(number, settings.web.region)
    except Problem as problem:
        raise click.BadParameter("is no phone number", param_hint="NUMBER") from problem
    directory = settings.campaigns.directory
    campaigns = config.load_campaigns(directory) if directory is not None else ()
    if campaign and campaign not in {known.id for known in campaigns}:
        raise click.BadParameter(f"no campaign is called {campaign!r}", param_hint="--campaign")
    brake, now = app.governor(settings, campaigns), app.wall()
    reader = reader_of(settings)
    try:
        subscriber, usage = reader.usage(digits, now - brake.memory, brake.day(now))
    finally:
        reader.close_readers()
    found = [one for one in brake.explain(now, subscriber, usage, campaign) if kind in (None, one.kind)]
    if as_json:
        rows = [
            {
                "class": one.kind,
                "decision": type(one.decision).__name__.lower(),
                "reason": getattr(one.decision, "reason", ""),
                "until": iso(one.decision.until) if isinstance(one.decision, Defer) else None,
                "words": brake.words(one.decision),
                "rules": one.rules,
            }
            for one in found
        ]
        click.echo(msgspec.json.format(msgspec.json.encode({"number": masked(digits), "at": iso(now), "classes": rows}), indent=1))
        return
    console = Console(highlight=False)
    for one in found:
        console.print(f"[bold]{one.kind}[/] to {masked(digits)}: {escape(brake.words(one.decision))}")
        for rule in one.rules:
            console.print(f"  {escape(rule)}")
