"""`mmsd encode`: the octets of a push, SMS by SMS, from what an engineer knows. Nothing is sent."""

from __future__ import annotations

import functools
import secrets
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec

import click
import msgspec

from mmsd.cli.decoding import EXIT_REFUSED, EXIT_WARNED, octets_of
from mmsd.codec import provision, push, sms, tree
from mmsd.codec.provision import Account, Catalogue, Finding, Indication, Loading, Provisioning, Security, Severity
from mmsd.codec.tables import si
from mmsd.errors import ConfigError, DecodeError, EncodeError

Pieces = list[tuple[bytes, bytes]]
P = ParamSpec("P")


@click.group()
def encode() -> None:
    """Make the octets of a push and print them: a line an SMS, its user data header and its user data in hex. Nothing is sent.

    Ends with 0, with 1 after warnings, with 2 when nothing was made.
    """


class _Framing(msgspec.Struct, frozen=True):
    """What every push is given beside its content."""

    push_id: int
    reference: int


def _pushed(make: Callable[Concatenate[_Framing, P], tuple[Pieces, dict[str, Any]]]) -> Callable[..., None]:
    """A command that prints the pieces that `make` gives: adds the options all of them have, and how they end."""

    @click.option("--push-id", type=click.IntRange(0, 255), default=1, show_default=True, help="WSP transaction id.")
    @click.option("--reference", type=click.IntRange(0, 255), default=None, help="Of a message in pieces; drawn when it is not given.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @functools.wraps(make)
    def command(push_id: int, reference: int | None, as_json: bool, *args: P.args, **options: P.kwargs) -> None:
        framing = _Framing(push_id, secrets.randbelow(256) if reference is None else reference)
        try:
            pieces, more = make(framing, *args, **options)
        except (EncodeError, DecodeError) as error:
            _refuse(str(error))
        if as_json:
            whole = b"".join(data for _, data in pieces).hex().upper()
            values = {"sms": [{"udh": udh.hex().upper(), "data": data.hex().upper()} for udh, data in pieces], "push": whole}
            click.echo(msgspec.json.format(msgspec.json.encode(values | more), indent=1))
        else:
            for udh, data in pieces:
                click.echo(f"{udh.hex().upper()} {data.hex().upper()}")
        sys.exit(EXIT_WARNED if more.get("findings") else 0)

    return command


def _refuse(text: str) -> None:
    click.echo(f"mmsd: {text}", err=True)
    sys.exit(EXIT_REFUSED)


# ---------------------------------------------------------------------------------------------------------------- provisioning


@encode.command("provisioning")
@click.argument("source", metavar="[FILE|HEX|-]", required=False)
@click.option("--name", default="", help="What the handset shows.")
@click.option("--apn", default="", help="Access point name.")
@click.option("--mmsc", default="", help="URL of the MMSC.")
@click.option("--proxy", default="", help="Address of the proxy; without one the MMSC is reached directly.")
@click.option("--port", type=click.IntRange(1, 65535), default=80, show_default=True, help="Port of the proxy.")
@click.option("--user", default="", help="User at the access point.")
@click.option("--password", default="", help="Password at the access point; - reads a line from standard input.")
@click.option("--page", default="", help="Home page of the browser; without one the browser is left alone.")
@click.option("--imsi", default="", help="Seal with the IMSI (NETWPIN); - reads a line from standard input.")
@click.option("--pin", default="", help="Seal with a PIN told to the subscriber (USERPIN; with --imsi USERNETWPIN); - as above.")
@click.option("--typed", is_flag=True, help="Let the subscriber type the MAC too (USERPINMAC): --pin is the first half of what is typed.")
@click.option("--catalogue", type=click.Path(path_type=Path), help="TOML of what is signed off; whatever is not in it is an error.")
@click.option("--anyway", is_flag=True, help="Make it in spite of errors that were found.")
@click.option("--form", type=click.Choice(["sms", "wbxml", "xml"]), default="sms", show_default=True, help="What to print.")
@_pushed
def provisioning(
    framing: _Framing, source: str | None, name: str, apn: str, mmsc: str, proxy: str, port: int, user: str, password: str, page: str,
    imsi: str, pin: str, typed: bool, catalogue: Path | None, anyway: bool, form: str,
) -> tuple[Pieces, dict[str, Any]]:  # fmt: skip
    """OMA Client Provisioning: a document (XML or WBXML), or settings for MMS made from the options.

    \b
    mmsd encode provisioning settings.xml --imsi - --catalogue signed.toml
    mmsd encode provisioning --name MMS --apn cmwap --mmsc http://mmsc.example/ --proxy 10.0.0.172 --pin 1234
    mmsd encode provisioning settings.xml --form wbxml

    It is looked over first: what operators got wrong before is named with its place and what to do. After an error nothing is made.
    """
    if [source, password, imsi, pin].count("-") > 1:
        raise click.UsageError("standard input gives one thing")
    password, imsi, pin = map(_secret, (password, imsi, pin))
    text = b""
    if source is not None:
        if name or apn or mmsc or proxy or user or page:
            raise click.UsageError("either a document, or settings by options")
        text = octets_of(source)
        document = provision.from_xml(text) if text.lstrip()[:1] in {b"<", b"\xef", b"\xff", b"\xfe"} else provision.decode(text)
    elif name and apn and mmsc:
        account = Account(name=name, apn=apn, mmsc=mmsc, proxy=proxy, port=port, user=user, password=password, page=page)
        document = provision.account_document(account)
    else:
        raise click.UsageError("give a document, or --name, --apn and --mmsc at least")
    findings = provision.lint(document, _catalogue(catalogue))
    for finding in findings:
        click.echo(_said(finding, text), err=True)
    if not anyway and any(finding.severity is Severity.ERROR for finding in findings):
        _refuse("nothing made; mend what was found, or say --anyway")
    more: dict[str, Any] = {"findings": [_row(finding) for finding in findings]}
    if form != "sms":
        _print_document(document, form)
        sys.exit(EXIT_WARNED if findings else 0)
    if not (imsi or pin):
        raise click.UsageError("settings are never sent unsealed: give --imsi, --pin or both")
    if typed and (imsi or not pin):
        raise click.UsageError("--typed goes with --pin alone")
    security = Security.USERNETWPIN if imsi and pin else Security.NETWPIN if imsi else Security.USERPIN
    octets = provision.encode(document)
    if typed:
        security = Security.USERPINMAC
        more["typed_pin"] = provision.typed_pin(octets, pin)
        click.echo(f"the subscriber types {more['typed_pin']}", err=True)
    sealed = provision.seal(octets, security, provision.key_of(security, imsi=imsi, pin=pin))
    pieces = provision.push_document(octets, sealed, push_id=framing.push_id, reference=framing.reference)
    return pieces, {"wbxml": octets.hex().upper(), "sec": security.name, "mac": sealed.mac} | more


def _secret(value: str) -> str:
    """A secret given on standard input leaves no trace in the list of processes."""
    return sys.stdin.readline().strip() if value == "-" else value


def _print_document(document: Provisioning, form: str) -> None:
    click.echo(provision.encode(document).hex().upper() if form == "wbxml" else provision.to_xml(document), nl=form == "wbxml")


CATALOGUE_KEYS: Final = ("access_points", "proxies", "mmscs", "pages", "mail", "servers", "parms")


def _catalogue(path: Path | None) -> Catalogue | None:
    if path is None:
        return None
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for key, value in values.items():
        if key not in CATALOGUE_KEYS:
            raise ConfigError(f"{key}: no such list in a catalogue; there are {', '.join(CATALOGUE_KEYS)}")
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{key}: a list of texts")
    return Catalogue(**{key: frozenset(value) for key, value in values.items()})


def _said(finding: Finding, text: bytes) -> str:
    line = f", line {text.count(10, 0, finding.at) + 1}" if finding.at >= 0 and text.lstrip()[:1] == b"<" else ""
    place = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in finding.path) or "document"
    return f"{finding.severity.name.lower()} {finding.rule} at {place}{line}: {finding.text}; {finding.remedy}"


def _row(finding: Finding) -> dict[str, str | int]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.name.lower(),
        "path": finding.path,
        "offset": finding.at,
        "text": finding.text,
        "remedy": finding.remedy,
    }


# ----------------------------------------------------------------------------------------------------------------------- pushes


@encode.group("push")
def pushes() -> None:
    """A push by its kind: an MMS notification, a service indication or loading, settings for older handsets."""


@pushes.command()
@click.option("--transaction", required=True, help="X-Mms-Transaction-Id.")
@click.option("--location", required=True, help="X-Mms-Content-Location: where the handset fetches.")
@click.option("--size", type=click.IntRange(0), required=True, help="X-Mms-Message-Size in octets.")
@click.option("--expiry", type=click.IntRange(0), default=259_200, show_default=True, help="X-Mms-Expiry in seconds from now on.")
@click.option("--from", "sender", default="", help="From, an address or a number; one of 12 digits or more is international, + or not.")
@click.option("--subject", default="", help="Subject.")
@_pushed
def notification(
    framing: _Framing, transaction: str, location: str, size: int, expiry: int, sender: str, subject: str
) -> tuple[Pieces, dict[str, Any]]:
    """M-Notification.ind: a message waits at --location."""
    udh, data = push.encode_notification(
        transaction=transaction.encode(),
        location=location.encode(),
        size=size,
        sender=_mms_address(sender),
        subject=subject.encode(),
        charset=106 if subject else 0,
        expiry_relative=expiry,
        push_id=framing.push_id,
    )
    return sms.split(sms.decode_udh(udh), data, framing.reference), {}


INTERNATIONAL: Final = 12
"""Digits from which on a number is taken for one with its country code: no national number has more."""


def _mms_address(sender: str) -> bytes:
    """OMA-MMS-ENC 8: a number says that it is one, and with + that it is international. Of 11 digits or fewer many are national."""
    digits = sender.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()):
        return sender.encode()
    plus = "+" if len(digits) >= INTERNATIONAL and not digits.startswith("0") else ""
    return f"{plus or sender[: len(sender) - len(digits)]}{digits}/TYPE=PLMN".encode()


@pushes.command("si")
@click.option("--href", default="", help="Where the text leads.")
@click.option("--text", default="", help="What the handset shows.")
@click.option("--action", type=click.Choice(si.SI_ACTIONS), default=None, help="How; signal-medium when it is not given.")
@click.option("--id", "identity", default="", help="A later one with the same id replaces this one.")
@click.option("--created", default="", metavar="TIME", help="Like 2026-11-22T10:00:00Z.")
@click.option("--expires", default="", metavar="TIME", help="When the handset forgets it.")
@_pushed
def service_indication(
    framing: _Framing, href: str, text: str, action: str | None, identity: str, created: str, expires: str
) -> tuple[Pieces, dict[str, Any]]:
    """Service Indication: a text with a link."""
    octets = provision.encode_indication(Indication(href, text, action or "", identity, created, expires))
    return provision.push_service(octets, push_id=framing.push_id, reference=framing.reference), {"wbxml": octets.hex().upper()}


@pushes.command("sl")
@click.option("--href", required=True, help="What the handset opens.")
@click.option("--action", type=click.Choice(si.SL_ACTIONS), default=None, help="How; execute-low when it is not given.")
@_pushed
def service_loading(framing: _Framing, href: str, action: str | None) -> tuple[Pieces, dict[str, Any]]:
    """Service Loading: a link to follow at once."""
    octets = provision.encode_loading(Loading(href, action or ""))
    pieces = provision.push_service(octets, loading=True, push_id=framing.push_id, reference=framing.reference)
    return pieces, {"wbxml": octets.hex().upper()}


@pushes.command("settings")
@click.argument("source", metavar="FILE|-")
@_pushed
def ota_settings(framing: _Framing, source: str) -> tuple[Pieces, dict[str, Any]]:
    """Nokia/Ericsson OTA settings or bookmarks: a CHARACTERISTIC-LIST in XML. They carry no seal: the handset asks its user."""
    root = tree.from_xml(octets_of(source))
    octets = provision.encode_list(root)
    kinds = {child.get("TYPE") for child in root.children if isinstance(child, tree.Element)}
    bookmarks = kinds == {"BOOKMARK"}
    pieces = provision.push_settings(octets, bookmarks=bookmarks, push_id=framing.push_id, reference=framing.reference)
    return pieces, {"wbxml": octets.hex().upper()}
