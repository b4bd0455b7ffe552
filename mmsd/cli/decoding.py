"""`mmsd decode`: what stands in these octets, octet by octet, in words."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Sequence
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
    rows: bool = False  # the module has `show_rows` too: what stands in several lines may be the pieces of one thing


KINDS: Final = {
    "mms": Kind("MMS PDU (OMA-TS-MMS-ENC): what handset and MMSC post and fetch", "mmsd.codec.mms"),
    "push": Kind("WAP push as an SMS carries it, with or without its user data header", "mmsd.codec.push", rows=True),
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

    A file is read as octets, or as hex when it holds nothing else: digits (8c84, 0x8c84, 8c:84, \\x8c\\x84), or a dump of xxd, hexdump -C,
    tcpdump -x or Wireshark. A push in several lines, one an SMS as `mmsd encode` prints them, is joined first. Ends with 0, with 1 after
    warnings, with 2 when these octets are nothing of the kind. Numbers are shown in full: whoever has the octets has them already.
    """
    raw = _given(source)
    module = importlib.import_module(KINDS[kind].module)
    rows = _rows(raw) if KINDS[kind].rows else []
    show: Callable[[bytes], Shown] = module.show
    show_rows: Callable[[Sequence[bytes]], Shown] | None = module.show_rows if len(rows) > 1 else None
    try:
        shown = show_rows(rows) if show_rows is not None else show(unhexed(raw))
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
    return unhexed(_given(source))


def _given(source: str) -> bytes:
    """What a file or standard input holds, as it stands; hex given as an argument, which is known for hex."""
    if source == "-":
        return _limited(sys.stdin.buffer.read(LIMIT + 1), "standard input")
    path = Path(source)
    if _there(path):
        if path.is_dir():
            raise click.UsageError(f"{source or path}: a directory; give a file in it")
        try:
            with path.open("rb") as file:  # or a pipe, as <(…) gives
                return _limited(file.read(LIMIT + 1), source)
        except OSError as error:
            raise click.UsageError(f"{source}: {error.strerror}") from None
    raw = source.encode(errors="surrogateescape")
    if unhexed(raw) != raw:  # digits, or a dump
        return raw
    try:
        digits = _digits(source)
    except ValueError:
        raise click.UsageError(f"{source[:60]}: no such file, and no hex digits either") from None
    raise click.UsageError(f"{len(digits)} hex digits: an octet has two")


def _there(path: Path) -> bool:
    try:
        return path != Path() and path.exists()
    except (OSError, ValueError):  # a name too long for a file is hex
        return False


def _limited(data: bytes, source: str) -> bytes:
    if len(data) > LIMIT:
        raise click.UsageError(f"{source}: more than {LIMIT >> 20} MiB")
    return data


def unhexed(data: bytes) -> bytes:
    """Octets as they are, or what hex says when there is nothing else. An SMPP or MMS PDU never is hex: its first octets are not."""
    try:
        said = data.decode("ascii")
        octets = _undumped(said)
        return bytes.fromhex(_digits(said)) if octets is None else octets
    except ValueError:
        return data


def _rows(data: bytes) -> list[bytes]:
    """Lines of hex, the octets of each; none where one is something else, or is none by itself."""
    try:
        said = data.decode("ascii")
        return [bytes.fromhex(_digits(line)) for line in said.splitlines() if line.strip()] if _undumped(said) is None else []
    except ValueError:
        return []


_BETWEEN: Final = re.compile(r"0[xX]|\\x|:(?=[0-9a-fA-F])|[\s,-]+")
"""What people and programs write before and between the digits of octets."""


def _digits(said: str) -> str:
    """The hex digits of a text. ValueError when it holds anything else, or none."""
    digits = _BETWEEN.sub("", said)
    if not re.fullmatch("[0-9a-fA-F]+", digits):
        raise ValueError
    return digits


_DUMPED: Final = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{4,16})(:|\s{2,}|\s*$)(.*)")
_COLUMN: Final = {":": re.compile(r"\s{2,}"), "|": re.compile(r"\s*\|"), "": re.compile(r"\s{3,}")}
"""Where the column of hex ends: xxd and tcpdump have a colon behind the offset, hexdump bars round the text, Wireshark wide gaps."""


def _undumped(said: str) -> bytes | None:
    """The octets of a dump: an offset before each line that agrees with the octets before it. None when it is no dump."""
    found, row, repeated = bytearray(), b"", False
    for line in said.splitlines():
        if line.strip() == "*":  # hexdump leaves out lines that repeat the last one
            repeated = True
            continue
        if not line.strip():
            continue
        match = _DUMPED.match(line)
        if match is None:
            return None
        at, kind = int(match[1], 16), ":" if match[2] == ":" else "|" if "|" in match[3] else ""
        if repeated and row and len(found) < at <= LIMIT:
            found += row * ((at - len(found)) // len(row))
        repeated = False
        if at != len(found):
            return None
        try:
            row = bytes.fromhex(_COLUMN[kind].split(match[3].strip(), maxsplit=1)[0])
        except ValueError:
            return None
        found += row
    return bytes(found) or None


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
