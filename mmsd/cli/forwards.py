"""`mmsd forwards`: what campaigns' rules held for review, and a person's word on it.

While the daemon runs, an order goes to it over its page's address, as with `mmsd outbox`.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import click
import msgspec

from mmsd import app, config
from mmsd.cli import staff
from mmsd.cli.kpi import reader_of
from mmsd.cli.outbox import order
from mmsd.model import Forward
from mmsd.rules.forwards import HELD
from mmsd.rules.reviews import RELEASED, STOPPED, Refusal
from mmsd.rules.settings import CampaignSettings
from mmsd.store import reviews
from mmsd.store.reviews import SERIAL_BITS
from mmsd.web.forwards import WHY_NOT, told

_CONFIG = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
_NUMBER = click.argument("number", type=click.IntRange(min=1))
_WHO = staff.who("Who says it")
_WHY = staff.why()


@click.group()
def forwards() -> None:
    """Seeds that were sent on: what a campaign's rules held for review, and whether it counts after all."""


@forwards.command()
@_CONFIG
@click.option("--campaign", metavar="ID", help="Only of this campaign.")
@click.option("--said", type=click.Choice((RELEASED, STOPPED)), help="Not what waits, but what was said already.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most, the oldest first.")
@click.option("--after", type=click.IntRange(min=1), metavar="ID", help="Those behind this one: for the next page.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def held(config_file: Path, campaign: str | None, said: str | None, limit: int, after: int | None, as_json: bool) -> None:
    """List what a rule stopped and nobody has looked at yet. Numbers are masked.

    \b
    mmsd forwards held /etc/mmsd/mmsd.toml --campaign torch
    mmsd forwards held /etc/mmsd/mmsd.toml --said released
    """
    reader = reader_of(config.load(config_file))
    try:
        rows = [told(row) for row in reader.forwards(campaign, limit, after, review=said or HELD)]
        counts = reader.reviews(campaign)
    finally:
        reader.close_readers()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))
        return
    for row in rows:
        words = f"{row['id']}  {row['campaign']}  {row['reason']:<12} {row['sender']} → {row['receiver']}"
        click.echo(f"{words}  {row['submitted']}  {row['city']}".rstrip())
    for (whose, review, reason), n in sorted(counts.items()):
        click.echo(f"{whose}: {review} {n:,}  {reason}")


@forwards.command()
@_CONFIG
@_NUMBER
@_WHO
@_WHY
def release(config_file: Path, number: int, who: str, why: str) -> None:
    """Let a forward count after all: it earns its serial, and the SMS leaves.

    \b
    mmsd forwards release /etc/mmsd/mmsd.toml 17 --why "the two share one handset"
    """
    _say(config_file, "release", number, who, why)


@forwards.command()
@_CONFIG
@_NUMBER
@_WHO
@_WHY
def stop(config_file: Path, number: int, who: str, why: str) -> None:
    """Let a forward count no longer, or keep a held one stopped for good. A serial that it has stays its own.

    \b
    mmsd forwards stop /etc/mmsd/mmsd.toml 18 --why "a robot"
    """
    _say(config_file, "stop", number, who, why)


def _say(config_file: Path, act: str, number: int, who: str, why: str) -> None:
    settings = config.load(config_file)
    campaigns = _campaigns(settings)
    done: list[Forward | Refusal] = []
    order(
        settings, f"forwards/{number}/{act}", {"who": who, "why": why},
        lambda store: done.append(
            reviews.act(store, act, number, campaigns, bits=secrets.randbits(SERIAL_BITS), who=who, why=why, now=app.wall())
        ),
    )  # fmt: skip
    if done and isinstance(done[0], Refusal):
        raise click.BadParameter(f"forward {number}: {WHY_NOT[done[0]]}", param_hint="NUMBER")
    click.echo(f"forward {number}: {'counts' if act == 'release' else 'does not count'}")


def _campaigns(settings: config.Settings) -> dict[str, CampaignSettings]:
    folder = settings.campaigns.directory
    return {campaign.id: campaign for campaign in config.load_campaigns(folder)} if folder is not None else {}
