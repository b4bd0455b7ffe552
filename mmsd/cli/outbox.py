"""`mmsd outbox`, `stop`, `resume`, `approve` and `audit`: what leaves, and a person's hand on it.

One process writes the store. While the daemon runs, an order goes to it over its page's address, with the token that it left for the local
user; else it is written here.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsd import app, config
from mmsd.cli import staff
from mmsd.cli.kpi import reader_of
from mmsd.errors import AlreadyRunning, ConfigError, LinkDown, PeerRefused
from mmsd.model import masked
from mmsd.rules.governor import CLASSES
from mmsd.rules.outbox import STATES
from mmsd.store import Store, orders
from mmsd.store.sqlite import SqliteStore
from mmsd.web.access import PLAIN_SUFFIX
from mmsd.web.answers import iso
from mmsd.web.outbox import outgoing, stoppable

_SECONDS: Final = 20.0  # for the daemon to answer

_CONFIG = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
_WHO = staff.who()
_WHY = staff.why()


@click.command()
@_CONFIG
@click.option("--state", type=click.Choice(STATES), help="Only rows in this state.")
@click.option("--class", "kind", type=click.Choice(CLASSES), help="Only rows of this class.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most, the oldest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--show", type=int, metavar="N", help="One row, all that is known of it but its text.")
@click.option("--release", type=int, metavar="N", help="Send a parked row once more, after all.")
@click.option("--discard", type=int, metavar="N", help="Never send a parked row again.")
@staff.who("Who releases or discards")
@staff.why(required=False)
def outbox(
    config_file: Path, state: str | None, kind: str | None, limit: int, as_json: bool, show: int | None, release: int | None,
    discard: int | None, who: str, why: str,
) -> None:  # fmt: skip
    """List what waits to be sent, or was. Numbers are masked, texts are not shown.

    \b
    mmsd outbox /etc/mmsd/mmsd.toml --state parked
    mmsd outbox /etc/mmsd/mmsd.toml --release 17 --why "he says nothing came"

    A row is parked when nobody can tell whether it was sent: its answer was lost, no receipt came, and it was tried once more
    (docs/guarantee.md).
    """
    settings = config.load(config_file)
    if release is not None or discard is not None:
        if not why or (release is not None and discard is not None):
            raise click.UsageError("give either --release or --discard, and --why")
        number, name = (release, "release") if release is not None else (discard or 0, "discard")
        _parked(settings, number, name, who, why)
        return
    reader = reader_of(settings)
    try:
        if show is not None:
            row = reader.outgoing(show)
            if row is None:
                raise click.BadParameter(f"there is no row {show}", param_hint="--show")
            click.echo(msgspec.json.format(msgspec.json.encode(outgoing(show, row)), indent=1))
            return
        rows = reader.outbox(state, limit, kind=kind)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode([outgoing(number, row) for number, row in rows]), indent=1))
            return
        for number, row in rows:
            words = f"{number}  {row.state:<9} {row.kind:<13} {row.purpose:<8} {masked(row.msisdn)}"
            click.echo(f"{words}  {row.reason}".rstrip())
        totals = ", ".join(f"{name} {n:,}" for name, n in sorted(reader.outbox_states().items())) or "empty"
        click.echo(f"outbox: {totals}")
        for name in reader.stops():
            click.echo(f"stopped: {name}")
    finally:
        reader.close_readers()


def _parked(settings: config.Settings, number: int, name: str, who: str, why: str) -> None:
    act: Callable[..., bool] = {"release": orders.release, "discard": orders.discard}[name]
    done: list[bool] = []
    order(
        settings, f"outbox/{number}/{name}", {"who": who, "why": why},
        lambda store: done.append(act(store, number, who=who, why=why, now=app.wall())),
    )  # fmt: skip
    if done == [False]:
        raise click.BadParameter(f"row {number} is not parked", param_hint=f"--{name}")
    click.echo(f"row {number}: {name}d")


@click.command()
@_CONFIG
@click.argument("name")
@_WHO
@_WHY
def stop(config_file: Path, name: str, who: str, why: str) -> None:
    """Send nothing more of a class, of one campaign, or at all: at once, before the next message is taken from the outbox.

    \b
    mmsd stop /etc/mmsd/mmsd.toml marketing --why "the text is wrong"
    mmsd stop /etc/mmsd/mmsd.toml campaign:torch --why …
    mmsd stop /etc/mmsd/mmsd.toml all --why …

    What waits goes on waiting, or expires; `mmsd resume` lets it go again. What a centre has taken already cannot be called back.
    """
    _check_name(name)
    body = {"name": name, "who": who, "why": why}
    order(config.load(config_file), "stop", body, lambda store: orders.stop(store, name, who=who, why=why, now=app.wall()))
    click.echo(f"stopped: {name}")


@click.command()
@_CONFIG
@click.argument("name")
@_WHO
@_WHY
def resume(config_file: Path, name: str, who: str, why: str) -> None:
    """Let go again what `mmsd stop` stopped."""
    _check_name(name)
    body = {"name": name, "who": who, "why": why}
    order(config.load(config_file), "resume", body, lambda store: orders.resume(store, name, who=who, why=why, now=app.wall()))
    click.echo(f"no longer stopped: {name}")


@click.command()
@_CONFIG
@click.argument("kind", metavar="CLASS", type=click.Choice(CLASSES))
@click.argument("campaign", default="")
@_WHO
@_WHY
def approve(config_file: Path, kind: str, campaign: str, who: str, why: str) -> None:
    """Say that the first messages of a CLASS, or of a CAMPAIGN in it, came out well: those behind the canary may go."""
    body = {"kind": kind, "campaign": campaign, "who": who, "why": why}
    settings = config.load(config_file)
    order(settings, "approve", body, lambda store: orders.approve(store, kind, campaign, who=who, why=why, now=app.wall()))
    click.echo(f"approved: {kind} {campaign}".rstrip())


@click.group()
def audit() -> None:
    """What people ordered: who, what, when, why."""


@audit.command(name="list")
@_CONFIG
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most, the newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(config_file: Path, limit: int, as_json: bool) -> None:
    """The newest orders."""
    reader = reader_of(config.load(config_file))
    try:
        deeds = reader.deeds(limit)
    finally:
        reader.close_readers()
    rows = [
        {"number": number, "at": iso(at), "who": deed.who, "what": deed.what, "subject": deed.subject, "why": deed.why}
        for number, at, deed in deeds
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))
        return
    table = Table(*("number", "at", "who", "what", "subject", "why"), box=None, padding=(0, 1))
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    Console(soft_wrap=True).print(table)


@audit.command()
@_CONFIG
def verify(config_file: Path) -> None:
    """Whether the audit stands as it was written: each order is chained to the one before under a key outside the database."""
    reader = reader_of(config.load(config_file))
    try:
        click.echo(f"{reader.verify_audit()} orders, unchanged")
    finally:
        reader.close_readers()


# ----------------------------------------------------------------------------------------------------------------- the order


def _check_name(name: str) -> None:
    if not stoppable(name):
        raise click.BadParameter(f"no class or campaign: {', '.join(CLASSES)}, all, or campaign:ID", param_hint="NAME")


def order(settings: config.Settings, address: str, body: object, act: Callable[[Store], Any], *, begin: bool = False) -> None:
    """By the daemon where it runs, else here. ConfigError when there is no store, unless it may `begin` with this order; LinkError when
    the daemon cannot be asked, or says no. `body`: whatever is JSON."""
    if not begin:
        reader_of(settings).close_readers()
    try:
        store = SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=app.wall)
    except AlreadyRunning:
        _ask_daemon(settings, address, body)
        return
    with store:
        act(store)


def _ask_daemon(settings: config.Settings, address: str, body: object) -> None:
    directory = settings.state.directory
    try:
        base = (directory / app.ADDRESS).read_text(encoding="ascii").strip()
    except OSError:
        raise LinkDown("the daemon runs, and its page is not open yet, or not any more; try again") from None
    plain = directory / (settings.web.token_file + PLAIN_SUFFIX)
    try:
        token = plain.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"{plain}: {error.strerror}; the daemon takes orders from who has a token: see docs/http.md") from None
    request = urllib.request.Request(  # noqa: S310  # our own daemon's address
        f"{base}/api/v1/{address}",
        msgspec.json.encode(body),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    context = None
    if base.startswith("https:"):
        context = ssl.create_default_context(cafile=settings.web.certificate)
        context.check_hostname = False  # it is this certificate that counts; its name is the page's, and here we call it by its address
    try:
        urllib.request.urlopen(request, timeout=_SECONDS, context=context).close()  # noqa: S310  # as above
    except urllib.error.HTTPError as error:
        with error:
            raise PeerRefused(_said(error.read()), error.code) from None
    except OSError as error:
        raise LinkDown(f"the daemon does not answer: {getattr(error, 'reason', error)}") from None


def _said(answer: bytes) -> str:
    try:
        told = json.loads(answer)
        return f"{told['detail']}; {told['remedy']}"
    except (ValueError, KeyError, TypeError):
        return "the daemon refused the order"
