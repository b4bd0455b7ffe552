"""`mmsd serial`: is a serial well formed, and its QR code."""

from __future__ import annotations

import sys

import click

from mmsd.errors import EncodeError
from mmsd.rules.serials import fault, plain
from mmsd.web import qr

EXIT_WRONG = 1


@click.group()
def serial() -> None:
    """What a subscriber wrote down or reads out: check it, or make its QR code."""


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
