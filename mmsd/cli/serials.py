"""`mmsd serial`: is a serial well formed, its QR code, what became of it, and giving what it promises."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from mmsd import app, config
from mmsd.cli import staff
from mmsd.cli.kpi import reader_of
from mmsd.cli.outbox import order
from mmsd.errors import EncodeError
from mmsd.rules.serials import LENGTH, fault, plain
from mmsd.store import Presented, orders
from mmsd.web import qr
from mmsd.web.answers import iso
from mmsd.web.serials import told

EXIT_WRONG = 1


@click.group()
def serial() -> None:
    """What a subscriber wrote down or reads out: check it, make its QR code, look it up, redeem it."""


def _given(text: str) -> str:
    return sys.stdin.readline().strip() if text == "-" else text


@serial.command()
@click.argument("text", metavar="SERIAL|-")
@click.option("--prefix", default="", help="What every serial of the campaign begins with.")
def check(text: str, prefix: str) -> None:
    """Whether the check character fits: every single wrong sign and every swap of neighbours is found. `-` reads standard input.

    Says nothing of whether it was issued. Case, width, blanks and hyphens do not matter. Ends with 1 when it is wrong.
    """
    wrong = fault(_given(text), prefix)
    click.echo(wrong or "well formed")
    sys.exit(EXIT_WRONG if wrong else 0)


@serial.command(name="qr")
@click.argument("text", metavar="SERIAL|-")
@click.option("--prefix", default="", help="What every serial of the campaign begins with.")
@click.option("--address", default="{serial}", show_default=True, help="What the code says: an address with {serial} in it, say.")
@click.option("--scale", type=click.IntRange(1, 100), default=4, show_default=True, help="Pixels a module.")
def qr_(text: str, prefix: str, address: str, scale: int) -> None:
    """Its QR code as SVG on standard output; a quarter of it may be damaged. Ends with 1 when the serial is wrong.

    \b
    mmsd serial qr R6C2S7HYDNV62B --address 'https://relay.example/s/{serial}' > serial.svg
    """
    said = _given(text)
    wrong = fault(said, prefix)
    if wrong:
        click.echo(f"mmsd: {wrong}", err=True)
        sys.exit(EXIT_WRONG)
    if "{serial}" not in address:
        raise click.BadParameter("{serial} is not in it", param_hint="--address")
    try:
        click.echo(qr.svg(address.replace("{serial}", plain(said)), scale=scale))
    except EncodeError as error:
        raise click.BadParameter(str(error), param_hint="--address") from None


@serial.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.argument("text", metavar="SERIAL|-")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(config_file: Path, text: str, as_json: bool) -> None:
    """What is known of it: campaign, city and day of the forward that earned it, when it was redeemed, by whom. Ends with 1 when unknown.

    `-` reads standard input, so that it stands in no list of processes.
    """
    reader = reader_of(config.load(config_file))
    try:
        found = reader.presented(well_formed(text))
    finally:
        reader.close_readers()
    if found is None:
        click.echo("no such serial was issued")
        sys.exit(EXIT_WRONG)
    values = told(found)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(values), indent=1))
        return
    for name, value in values.items():
        click.echo(f"{name:<9} {'-' if value in (None, '') else value}")


@serial.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.argument("text", metavar="SERIAL|-")
@staff.who("Who takes it in")
@staff.why("What it is redeemed for")
def redeem(config_file: Path, text: str, who: str, why: str) -> None:
    """Give what it promises, once. Ends with 1 when it is unknown, was redeemed before, or its forward was stopped."""
    number = well_formed(text)
    settings = config.load(config_file)
    before: list[Presented | None] = []
    order(
        settings, "serials/redeem", {"serial": number, "who": who, "why": why},
        lambda store: before.append(orders.redeem(store, number, who=who, why=why, now=app.wall())),
    )  # fmt: skip
    if before == [None]:
        raise click.ClickException("no such serial was issued")
    if before and before[0] is not None and before[0].redeemed:
        raise click.ClickException(f"redeemed {iso(before[0].redeemed)} by {before[0].who}")
    if before and before[0] is not None and not before[0].counts:
        raise click.ClickException("its forward was stopped and does not count")
    click.echo("redeemed")


def well_formed(text: str) -> str:
    """The serial as the store finds it; ends with 1 where a sign of it is wrong, whatever its prefix."""
    said = plain(_given(text))
    wrong = fault(said[-LENGTH - 1 :])
    if wrong:
        click.echo(f"mmsd: {wrong}", err=True)
        sys.exit(EXIT_WRONG)
    return said
