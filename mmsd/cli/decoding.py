"""`mmsd decode`: what stands in these octets, octet by octet, in words."""

from __future__ import annotations

import importlib
import string
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import msgspec
from rich.console import Console
from rich.text import Text

from mmsd.codec.shown import Shown
from mmsd.errors import DecodeError


class Kind(NamedTuple):
    """What may be decoded: its words for the help, and the module whose `show` does it (loaded when it is asked for)."""

    words: str
    module: str


KINDS: Final = {
    "mms": Kind("MMS PDU (OMA-TS-MMS-ENC): what handset and MMSC post and fetch", "mmsd.codec.mms"),
    "push": Kind("WAP push as an SMS carries it, with or without its user data header", "mmsd.codec.push"),
    "sms": Kind("SMS TPDU (3GPP TS 23.040), with or without the SMSC's address before it", "mmsd.codec.sms"),
    "wbxml": Kind("WBXML document: provisioning, OTA settings, service indication, service loading", "mmsd.codec.wbxml"),
    "smpp": Kind("SMPP 3.4 PDUs, one after the other", "mmsd.codec.smpp"),
    "cmpp": Kind("CMPP 2.0 or 3.0 PDUs, one after the other", "mmsd.codec.cmpp"),
    "mm7": Kind("MM7 (3GPP TS 23.140): a SOAP envelope, or the whole multipart/related", "mmsd.codec.mm7"),
    "cdr": Kind("charging records: a file of 3GPP TS 32.297, or bare records of TS 32.298", "mmsd.codec.cdr"),
}

EXIT_WARNED: Final = 1
EXIT_REFUSED: Final = 2
LIMIT: Final = 64 << 20
"""Octets; a larger file is refused before it is read."""


@click.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("source", metavar="FILE|HEX|-")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, warnings included.")
def decode(kind: str, source: str, as_json: bool) -> None:
    """Decode octets and say what stands where: offset, length, name, value, then what breaks a rule, with the clause.

    \b
    mmsd decode mms message.mms
    mmsd decode push 0605040B8423F0010603BEAF848C8298...
    xxd -r -p dump.hex | mmsd decode sms - --json

    A file is read as octets, or as hex when it holds nothing but hex digits and blanks. Ends with 0, with 1 after warnings, with 2 when
    these octets are nothing of the kind. Numbers are shown in full: whoever has the octets has them already.
    """
    data = octets_of(source)
    show: Callable[[bytes], Shown] = importlib.import_module(KINDS[kind].module).show
    try:
        shown = show(data)
    except DecodeError as error:
        if as_json:
            _print_json({"type": None, "error": error.reason, "warnings": [_warning(error.offset, error.reason, error.clause)]})
        else:
            click.echo(f"mmsd: this is no {kind}: {error}", err=True)
        sys.exit(EXIT_REFUSED)
    if as_json:
        _print_json(shown.values | {"warnings": [_warning(*warned) for warned in shown.warnings]})
    else:
        _print_lines(Console(soft_wrap=True, highlight=False), shown)
    sys.exit(EXIT_WARNED if shown.warnings else 0)


def octets_of(source: str) -> bytes:
    """The octets of a file, of hex digits, or of standard input (`-`), where hex is turned into octets too.

    Raises click.UsageError when `source` is neither a file nor hex.
    """
    if source == "-":
        return _unhexed(sys.stdin.buffer.read(LIMIT + 1))
    path = Path(source)
    try:
        there = path.is_file()
    except OSError:  # a name too long for a file is hex
        there = False
    if there:
        if path.stat().st_size > LIMIT:
            raise click.UsageError(f"{source}: more than {LIMIT >> 20} MiB")
        return _unhexed(path.read_bytes())
    digits = "".join(source.split())
    if not digits or not set(digits) <= set(string.hexdigits):
        raise click.UsageError(f"{source[:60]}: no such file, and no hex digits either")
    if len(digits) % 2:
        raise click.UsageError(f"{len(digits)} hex digits: an octet has two")
    return bytes.fromhex(digits)


_HEX: Final = frozenset(string.hexdigits.encode())
_BLANKS: Final = b" \t\r\n"


def _unhexed(data: bytes) -> bytes:
    """Octets as they are, or what hex digits with blanks between them say. An SMPP or MMS PDU never is hex: its first octets are not."""
    digits = data.translate(None, _BLANKS)
    if digits and len(digits) % 2 == 0 and _HEX.issuperset(digits):
        return bytes.fromhex(digits.decode("ascii"))
    return data


def _warning(offset: int, text: str, clause: str) -> dict[str, Any]:
    return {"offset": offset, "text": text, "clause": clause}


def _print_json(values: dict[str, Any]) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(values), indent=1))


def _print_lines(console: Console, shown: Shown) -> None:
    width = max((len(line.name) + 2 * line.depth for line in shown.lines), default=0)
    for offset, length, name, text, depth in shown.lines:
        console.print(Text.assemble((f"{offset:6}{length:6}  ", "dim"), f"{'  ' * depth + name:<{width}}  ", (_printable(text), "bold")))
    for offset, text, clause in shown.warnings:
        console.print(Text(f"warning: {text} (at byte {offset}{', ' + clause if clause else ''})", "yellow"))


def _printable(text: str) -> str:
    """Without what would move a terminal's cursor or change its colours: an attacker writes subjects, too."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
