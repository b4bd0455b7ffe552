"""`mmsd campaign`: lists of people, and seeds sent to them.

While the daemon runs, an order goes to it over its page's address, as with `mmsd outbox`; else it is done here, and what is to be sent
leaves when the daemon runs again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from mmsd import app, config
from mmsd.cli import staff
from mmsd.cli.kpi import reader_of
from mmsd.cli.outbox import order
from mmsd.errors import AlreadyRunning, PeerRefused
from mmsd.rules.audience import COLUMNS, State
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Store, mailings
from mmsd.store.sqlite import SqliteStore
from mmsd.web.lists import Part, list_as_value, read
from mmsd.web.mailings import Mailings, Prepare, Said, brief, described, effects, ordered, prepared

PART: Final = 400
"""Lines of a list that go in one request …"""
PART_OCTETS: Final = 12_000
"""… and octets: a body may have 16 KiB."""
TOO_MANY: Final = 429
_AGAIN: Final = 1.0  # seconds

_CONFIG = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
_CAMPAIGN = click.argument("campaign", metavar="CAMPAIGN")
_WHO = staff.who()
_WHY = staff.why()
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def campaign() -> None:
    """Campaigns: their life (docs/campaigns.md), and seeds sent to lists of people (docs/sending-seeds.md)."""


@campaign.command()
@_CONFIG
@_CAMPAIGN
@click.argument("name", metavar="LIST")
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@_WHO
@_JSON
def audience(config_file: Path, campaign: str, name: str, file: Any, who: str, as_json: bool) -> None:
    """Take in FILE as the LIST of a campaign: a line is `number[,group][,city]`. `-` reads it from standard input.

    \b
    mmsd campaign audience /etc/mmsd/mmsd.toml torch spring people.csv

    Bad lines and numbers that come again are told by their line. What broke off is taken up by the same command with the same file. Once a
    mailing goes to a list it takes no more.
    """
    settings = config.load(config_file)
    _named(settings, campaign)
    for number, (first, text) in enumerate(_parts(file)):
        lines, faults = read(text, first, settings.web.region)
        body = msgspec.to_builtins(Part(who, text, number, first))

        def take(store: Store, number: int = number, lines: Any = lines, faults: Any = faults) -> None:
            mailings.take_in(store, campaign, name, number, lines, faults, who=who, now=app.wall())

        _order(settings, f"campaigns/{campaign}/lists/{name}", body, take)
    reader = reader_of(settings)
    try:
        told = reader.list_told(campaign, name)
    finally:
        reader.close_readers()
    if told is None:
        raise click.UsageError("the list is empty")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(list_as_value(told)), indent=1))
        return
    groups = ", ".join(f"{label or 'of no group'} {n:,}" for label, n in sorted(told.labels.items()))
    click.echo(f"{name}: {told.members:,} people ({groups}), {told.faults:,} lines not taken")
    for line, reason in told.samples:
        click.echo(f"  line {line}, column {COLUMNS[reason]}: {reason.replace('_', ' ')}")


def _parts(file: Any) -> Iterator[tuple[int, str]]:
    """(number of its first line, text) of each part."""
    lines: list[str] = []
    first, octets = 1, 0
    for place, line in enumerate(file, 1):
        size = len(msgspec.json.encode(line))
        if lines and (len(lines) == PART or octets + size > PART_OCTETS):
            yield first, "".join(lines)
            lines, first, octets = [], place, 0
        lines.append(line)
        octets += size
    if lines:
        yield first, "".join(lines)


@campaign.command()
@_CONFIG
@_CAMPAIGN
@click.argument("name", metavar="LIST")
@click.option("--seed", default="", metavar="NAME", help="Which of the campaign's seeds; else the first.")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="Only this group of the list; may be given again.")
@click.option("--from", "starts", default="", metavar="TIME", help="Not before: 2026-11-22T08:00+08:00.")
@click.option("--to", "ends", default="", metavar="TIME", help="Not from then on; else with the campaign.")
@click.option("--hours", multiple=True, metavar="HH:MM-HH:MM", help="Local hours in which it leaves; may be given again.")
@click.option("--days", default="", metavar="0,1,…", help="Weekdays, 0 = Monday.")
@click.option("--rate", type=float, help="Messages a second.")
@click.option("--control", type=float, help="Share that is never sent it, to compare with.")
@_WHO
@_WHY
@_JSON
def send(
    config_file: Path, campaign: str, name: str, seed: str, groups: tuple[str, ...], starts: str, ends: str, hours: tuple[str, ...],
    days: str, rate: float | None, control: float | None, who: str, why: str, as_json: bool,
) -> None:  # fmt: skip
    """Prepare a seed's way to a LIST: count who would get it, say what it takes. Nothing leaves before `mmsd campaign mailing … --run`.

    \b
    mmsd campaign send /etc/mmsd/mmsd.toml torch spring --group vip --hours 10:00-12:00 --why "first wave"
    """
    settings = config.load(config_file)
    ours = _named(settings, campaign)
    if days and not all(each.strip().isdigit() for each in days.split(",")):
        raise click.BadParameter("give numbers, as in 0,1,2", param_hint="--days")
    wanted = Prepare(
        who, why, name, seed, groups, starts, ends, hours or None, tuple(map(int, days.split(","))) if days else None, rate, control
    )  # fmt: skip
    body = {key: value for key, value in msgspec.to_builtins(wanted).items() if value is not None}

    def prepare(store: Store) -> None:
        prepared(_given(settings, store, {campaign: ours}), ours, wanted, app.wall())

    _order(settings, f"campaigns/{campaign}/mailings", body, prepare)
    reader = reader_of(settings)
    try:
        number = reader.mailings(campaign)[0].id
    finally:
        reader.close_readers()
    _counted(settings, number)
    _show(settings, number, as_json=as_json, config_file=config_file)


@campaign.command()
@_CONFIG
@click.argument("campaign", metavar="CAMPAIGN", default="")
@_JSON
def sent(config_file: Path, campaign: str, as_json: bool) -> None:
    """List mailings, the newest first."""
    settings = config.load(config_file)
    reader = reader_of(settings)
    try:
        found = reader.mailings(campaign or None)
        names = reader.list_names({mailing.audience for mailing in found})
        rows = [brief(mailing, names.get(mailing.audience, "")) for mailing in found]
    finally:
        reader.close_readers()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))
        return
    for row in rows:
        click.echo(f"{row['mailing']}  {row['state']:<8}  {row['campaign']}/{row['seed']} to {row['list']}  {row['changed']}  {row['who']}")


@campaign.command()
@_CONFIG
@click.argument("number", type=click.IntRange(min=1))
@click.option("--run", metavar="TOKEN", help="Send it, as it was counted: the token stands below the count.")
@click.option("--count", "order_name", flag_value="count", help="Count anew.")
@click.option("--pause", "order_name", flag_value="pause", help="Ask for nothing more for now.")
@click.option("--resume", "order_name", flag_value="resume", help="Go on.")
@click.option("--stop", "order_name", flag_value="stop", help="End it for good.")
@_WHO
@staff.why(required=False)
@_JSON
def mailing(config_file: Path, number: int, run: str | None, order_name: str | None, who: str, why: str, as_json: bool) -> None:
    """Show a mailing, or order something of it.

    \b
    mmsd campaign mailing /etc/mmsd/mmsd.toml 7
    mmsd campaign mailing /etc/mmsd/mmsd.toml 7 --run RPWWFG3W --why "seen and agreed"
    """
    settings = config.load(config_file)
    name = "run" if run is not None else order_name
    if name is not None:
        if not why or (run is not None and order_name is not None):
            raise click.UsageError("give one order, and --why")
        said = Said(who, why, run or "")
        _order(
            settings, f"mailings/{number}/{name}", msgspec.to_builtins(said),
            lambda store: ordered(_given(settings, store, {}), number, name, said, app.wall()),
        )  # fmt: skip
        if name == "count":
            _counted(settings, number)
    _show(settings, number, as_json=as_json, config_file=config_file)


@campaign.command()
@_CONFIG
@_CAMPAIGN
@click.option("--mailing", "number", type=click.IntRange(min=1), help="Of this one alone.")
@_JSON
def effect(config_file: Path, campaign: str, number: int | None, as_json: bool) -> None:
    """What group sendings were good for: those who were sent a seed beside those who were drawn to do without.

    \b
    mmsd campaign effect /etc/mmsd/mmsd.toml torch
    """
    settings = config.load(config_file)
    ours = _named(settings, campaign)
    reader = reader_of(settings)
    try:
        told = effects(reader, ours, number, app.wall())  # type: ignore[arg-type]  # it only reads
    finally:
        reader.close_readers()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=1))
        return
    for one in told["groups"]:
        click.echo(f"{one['of']}{' ' + repr(one['group']) if one['group'] is not None else ''}:")
        for arm in ("sent", "control"):
            side = one[arm]
            share = f"{side['share']:.2%} ({side['low']:.2%} to {side['high']:.2%})" if side["share"] is not None else "not known"
            click.echo(f"  {arm}: {side['n']:,} of {side['of']:,} took part, {share}")
        if one["lift"] is not None:
            chance = f", p = {one['p']:.2g}" if one["p"] is not None else ""
            proof = "" if one["proven"] else "; it may be chance"
            click.echo(f"  {one['lift']:+.2%} ({one['low']:+.2%} to {one['high']:+.2%}){chance}{proof}")
        if one["too_few"]:
            click.echo("  too few on one side: nothing here is worth telling")
        if one["detectable"] is not None:
            click.echo(f"  a difference of {one['detectable']:.2%} would show")
    if told["waiting"]:
        click.echo(
            f"{told['waiting']:,} people are not looked at yet: {told['window'] / 86400:g} days have not passed since it came to them"
        )


# ---------------------------------------------------------------------------------------------------------------------- helpers


def _campaigns(settings: config.Settings) -> dict[str, CampaignSettings]:
    directory = settings.campaigns.directory
    return {each.id: each for each in config.load_campaigns(directory)} if directory is not None else {}


def _named(settings: config.Settings, name: str) -> CampaignSettings:
    found = _campaigns(settings).get(name)
    if found is None:
        raise click.BadParameter(f"no campaign is called {name!r}", param_hint="CAMPAIGN")
    return found


def _given(settings: config.Settings, store: Store, campaigns: dict[str, CampaignSettings]) -> Mailings:
    return Mailings(store, campaigns, app.shelf(settings, store).find, app.load_keys(settings).row_key, settings.governor.marketing)


def _order(settings: config.Settings, address: str, body: dict[str, Any], act: Any) -> None:
    """As `mmsd outbox` orders, patient with a daemon that was asked too often. Refusals end the command."""
    while True:
        try:
            order(settings, address, body, act)
            return
        except mailings.Refused as refused:
            raise click.ClickException(str(refused)) from None
        except PeerRefused as refused:
            if refused.code != TOO_MANY:
                raise
            time.sleep(_AGAIN)


def _counted(settings: config.Settings, number: int) -> None:
    """Waits until the daemon has counted; where none runs it is counted here."""

    def here(store: SqliteStore) -> None:
        keys = app.load_keys(settings)
        mailer = app.mailing_loop(settings, store, keys, app.World(), app.imported(settings, store, keys))

        async def count() -> None:
            while await mailer.count():
                pass

        asyncio.run(count())

    reader = reader_of(settings)
    try:
        while True:
            found = reader.mailing(number)
            if found is None or found.state != State.COUNTING:
                return
            _here_or_wait(settings, here)
    finally:
        reader.close_readers()


def _here_or_wait(settings: config.Settings, act: Any) -> None:
    try:
        store = SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=app.wall)
    except AlreadyRunning:
        time.sleep(_AGAIN)
        return
    with store:
        act(store)


def _show(settings: config.Settings, number: int, *, as_json: bool, config_file: Path) -> None:
    reader = reader_of(settings)
    try:
        told = described(_given(settings, reader, _campaigns(settings)), number, app.wall())  # type: ignore[arg-type]  # it only reads
    finally:
        reader.close_readers()
    if told is None:
        raise click.BadParameter(f"there is no mailing {number}", param_hint="NUMBER")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=1))
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"[bold]mailing {number}[/]: {told['campaign']}/{told['seed']}, {told['state']}")
    if "count" in told:
        _show_count(console, told)
    for state, n in told["states"].items():
        console.print(f"  {state}: {n:,}")
    if told["token"]:
        console.print(f"To send it: mmsd campaign mailing {config_file} {number} --run {told['token']} --why …")


def _show_count(console: Console, told: dict[str, Any]) -> None:
    count = told["count"]
    groups = ", ".join(f"{name or 'of no group'} {n:,}" for name, n in count["groups"].items())
    console.print(f"to {count['sent']:,} people ({escape(groups)}); of {count['model_unknown']:,} the model is not known")
    for reason, n in count["left_out"].items():
        console.print(f"  left out, {reason.replace('_', ' ')}: {n:,}")
    if "cost" in told:
        amount, currency = told["cost"]["amount"], told["cost"]["currency"]
        console.print(f"cost: {amount:,.2f} {currency}; asked for by {told['done'] or 'never'}")
        for said in told["warnings"].values():
            console.print(f"[yellow]{said}[/]")
        console.print(f"first SMS to a forwarder: {escape(told['first_sms'])}")
    message = told.get("message")
    if message:
        parts = "; ".join(f"{part['type']} {part['octets']:,} {part['text']}".strip() for part in message["parts"])
        console.print(f"first MMS: {escape(message['subject'])}; {escape(parts)}")
