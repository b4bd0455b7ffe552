"""`mmsd campaign list|show` and the steps of a campaign's life (docs/campaigns.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from mmsd import app, config
from mmsd.cli import staff
from mmsd.cli.kpi import reader_of
from mmsd.cli.outbox import order
from mmsd.errors import ConfigError
from mmsd.rules import life
from mmsd.store import Store, campaign_orders
from mmsd.store.campaign_orders import Known, View
from mmsd.store.sqlite import DATABASE
from mmsd.web.answers import encoded
from mmsd.web.seeds import life_told

_CONFIG = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
_ID = click.argument("campaign", metavar="CAMPAIGN")


@click.command(name="list")
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(config_file: Path, as_json: bool) -> None:
    """List the configured campaigns and how far each is."""
    settings = config.load(config_file)
    reader = reader_of(settings)
    try:
        lives, made = reader.lives(), reader.seeds(state=life.LIVE)
    finally:
        reader.close_readers()
    rows = [
        {
            "id": known.campaign.id,
            "name": known.campaign.name,
            "state": life.state_of(lives.get(known.campaign.id, ())),
            "starts": known.campaign.starts,
            "ends": known.campaign.ends,
            "seeds": sum(entry.campaign == known.campaign.id for entry in made) + len(known.campaign.seeds),
        }
        for known in app.known_campaigns(settings).values()
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))
        return
    for row in rows:
        click.echo(f"{row['id']}  {row['state']:<8} {row['starts']} to {row['ends']}  {row['seeds']} seeds  {row['name']}")


@click.command()
@_CONFIG
@_ID
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(config_file: Path, campaign: str, as_json: bool) -> None:
    """Show how far a campaign is, what stands against running it, and what running it would begin."""
    settings = config.load(config_file)
    known, view = _known(settings, campaign), _view(settings, campaign)
    if as_json:
        click.echo(msgspec.json.format(encoded(life_told(known, view)), indent=1))
        return
    _show(Console(soft_wrap=True, highlight=False), view)


def _show(console: Console, view: View) -> None:
    console.print(f"state: {view.state}; it may: {', '.join(life.possible(view.state)) or 'nothing more'}")
    for fault in view.looked.faults:
        console.print(f"[red]fault[/] {escape(fault)}")
    for note in view.looked.notes:
        console.print(f"note  {escape(note)}")
    _plan(console, view)
    for step in view.steps:
        console.print(f"{step.state:<8} {escape(step.who)}: {escape(step.why)}")


def _plan(console: Console, view: View) -> None:
    plan = view.plan
    if plan.audience is not None:
        out = ", ".join(f"{n:,} {reason}" for reason, n in plan.left_out.items())
        console.print(f"audience: {plan.audience:,}" + (f" (left out: {escape(out)})" if out else ""))
    else:
        console.print("audience: no list; whoever gets the seed may send it on")
    console.print(f"first SMS: {escape(plan.first_sms)}")
    if plan.cost:
        console.print(f"cost: {escape(plan.cost)}")
    for note in plan.notes:
        console.print(f"note  {escape(note)}")


def _known(settings: config.Settings, campaign: str) -> Known:
    known = app.known_campaigns(settings).get(campaign)
    if known is None:
        raise click.BadParameter(f"no campaign is called {campaign!r}", param_hint="CAMPAIGN")
    return known


def _view(settings: config.Settings, campaign: str) -> View:
    reader = reader_of(settings)
    try:
        return campaign_orders.look(reader, _known(settings, campaign), reader.lives().get(campaign, ()), app.wall())
    finally:
        reader.close_readers()


def _step(name: str, settings: config.Settings, campaign: str, who: str, why: str, confirmed: str = "") -> None:
    known = _known(settings, campaign)

    def act(store: Store) -> None:
        asked = campaign_orders.step(store, name, known, who=who, why=why, now=app.wall(), confirmed=confirmed)
        refused = campaign_orders.done(store, asked)
        if refused:
            raise ConfigError(f"{campaign}: {refused}")

    body = {"step": name, "who": who, "why": why, "confirmed": confirmed}
    order(settings, f"campaigns/{campaign}/life", body, act, begin=not (settings.state.directory / DATABASE).exists())
    click.echo(f"{campaign}: {life.STEPS[name][1]}")


def _command(name: str, told: str) -> click.Command:
    """A step that is taken at once."""

    @click.command(name=name, help=told)
    @_CONFIG
    @_ID
    @staff.who()
    @staff.why()
    def act(config_file: Path, campaign: str, who: str, why: str) -> None:
        _step(name, config.load(config_file), campaign, who, why)

    return act


@click.command()
@_CONFIG
@_ID
@staff.who()
@staff.why()
@click.option("--confirm", "confirmed", default="", metavar="WORD", help="What was shown; without it mmsd shows it and asks.")
def run(config_file: Path, campaign: str, who: str, why: str, confirmed: str) -> None:
    """Run a checked campaign. Asks twice: first it shows audience, first SMS and cost, then it wants the campaign's id typed.

    \b
    mmsd campaign run /etc/mmsd/mmsd.toml relay --why "the torch is lit at eight"
    mmsd campaign run /etc/mmsd/mmsd.toml relay --why … --confirm 6a01c2…      for scripts: as `show --json` has it
    """
    settings = config.load(config_file)
    if not confirmed:
        view = _view(settings, campaign)
        console = Console(soft_wrap=True, highlight=False)
        _show(console, view)
        confirmed = view.confirmation
        if confirmed:
            click.confirm("Is this what shall begin?", abort=True)
            if click.prompt("Type the campaign's id to run it") != campaign:
                raise click.Abort
    _step("run", settings, campaign, who, why, confirmed)


LIFE: Final = (
    list_,
    show,
    run,
    _command("draft", "Take it back: nothing is sent and nothing counts until it is checked and run again."),
    _command("check", "Check it: seeds made and not weak, or taken by name; texts in both languages; dates; the class switch."),
    _command("pause", "Hold it: nothing is sent, what waits keeps its time; forwards count on."),
    _command("resume", "Let a paused one go on."),
    _command("close", "End it for good: what is submitted from now on counts no more."),
)
"""Commands of `mmsd campaign`."""
