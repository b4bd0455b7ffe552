"""`mmsd settings`: what operators' handsets should be set to. `mmsd handset`: what is known of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from time import time_ns

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from mmsd import app, config
from mmsd.cli.kpi import reader_of
from mmsd.config.apn_xml import MOST_OCTETS, read_apns
from mmsd.config.expected import load_profiles, profiles_as_toml
from mmsd.config.reference import all_profiles, cities_of, models_of, operators_of
from mmsd.errors import ConfigError
from mmsd.model import DAY, masked
from mmsd.rules.handsets import tac
from mmsd.rules.models import CAPABILITIES
from mmsd.rules.operators import Profile, plmn
from mmsd.store.known import Known
from mmsd.store.reference import Imported, Reference
from mmsd.store.sqlite import DATABASE
from mmsd.web.answers import Problem
from mmsd.web.api import address

_CONFIG = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))


@click.group(name="settings")
def settings_() -> None:
    """Expected settings of operators: access point, proxy, MMSC.

    What counts, first to last: the files under [reference] operators, what mmsd ships (China), imported lists.

    \b
    mmsd settings import CONFIG /usr/share/mobile-broadband-provider-info/serviceproviders.xml
    mmsd settings list CONFIG --mcc 460
    mmsd settings show CONFIG 460-00
    """


@settings_.command(name="import")
@_CONFIG
@click.argument("file", type=click.Path(path_type=Path))
def import_(config_file: Path, file: Path) -> None:
    """Take in a public list in place of the one before: mobile-broadband-provider-info's or Android's XML, or settings as TOML."""
    conf = config.load(config_file)
    passed: Mapping[str, int] = {}
    if file.suffix == ".toml":
        profiles: Iterable[Profile] = load_profiles(file)
        form, told = "settings", ""
    else:
        found = read_apns(_octets(file), str(file))
        profiles, form, passed = found.profiles, found.form, found.passed
        told = f"; {found.complete:,} of {found.apns:,} access points have an MMSC and a proxy"
    named = [msgspec.structs.replace(profile, source=file.name) for profile in profiles]
    if not named:
        raise ConfigError(f"{file}: names no operator with an MMSC; nothing was imported")
    try:
        conf.state.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"state.directory: {conf.state.directory}: {error.strerror}") from error
    bad = sum(passed.values())
    Reference(conf.state.directory).replace_operators(named, lambda: Imported("", file.name, "", time_ns() // 1000, 0, bad))
    click.echo(f"{form}: {len(named):,} operators with {sum(len(profile.plmns) for profile in named):,} codes{told}")
    for reason, n in sorted(passed.items(), key=lambda pair: -pair[1]):
        click.echo(f"  {n:,} passed over: {reason}")


@settings_.command(name="list")
@_CONFIG
@click.option("--mcc", default="", help="Only operators of this country: 460.")
def list_(config_file: Path, mcc: str) -> None:
    """Every operator whose settings are known, one line a code, with the source that counts."""
    console = Console(soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("code", "operator", "access point", "MMSC", "proxy", "from"):
        table.add_column(name, overflow="fold")
    for code, profile in sorted(operators_of(config.load(config_file)).by_plmn.items()):
        if code.startswith(mcc):
            first = profile.mms[0] if profile.mms else None
            access = (first.apn, first.mmsc, first.proxy) if first is not None else ("", "", "")
            table.add_row(code, profile.name, *access, profile.source)
    console.print(table)
    console.print(f"{table.row_count:,} codes")


@settings_.command()
@_CONFIG
@click.argument("code", metavar="MCC-MNC")
def show(config_file: Path, code: str) -> None:
    """What is expected of an operator's handsets, as a file of settings: change it, list it under [reference] operators."""
    conf = config.load(config_file)
    try:
        name = plmn(code)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    sources = [profile for profile in all_profiles(conf) if name in map(plmn, profile.plmns)]
    if not sources:
        raise ConfigError(
            f"{name}: nobody says what is expected of this operator's handsets, so nothing is: they are never told to be wrong"
        )
    click.echo(f"# {name}, from {sources[0].source}")
    for other in sources[1:]:
        click.echo(f"# {other.source} says something too; it does not count")
    click.echo(profiles_as_toml(sources[:1]), nl=False)


def _octets(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            return source.read(MOST_OCTETS + 1)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error


@click.command()
@_CONFIG
@click.argument("number")
def handset(config_file: Path, number: str) -> None:
    """What is known of NUMBER: its handset and what that can do, its SIM card's operator, its city, what it should be set to. `-` asks."""
    conf = config.load(config_file)
    text = click.prompt("Number", hide_input=True) if number == "-" else number
    try:
        digits = address(text, conf.web.region)
    except Problem as problem:
        raise ConfigError("this is no phone number; write it with + and the country code, or as it is dialled in this country") from problem
    for name, value in {"number": masked(digits), **known_of(conf, digits, time_ns() // 1000)}.items():
        click.echo(f"{name + ':':<14}{value}")


def known_of(conf: config.Settings, digits: str, now: int) -> dict[str, str]:
    """What reference data and traffic tell of a number's handset: title → words. The number itself is not among them."""
    keys = app.load_keys(conf)
    tail = reader_of(conf).handset_tail().rows if (conf.state.directory / DATABASE).exists() else []
    known = Known(conf.state.directory, keys, tail)
    (row,) = known.find(np.array([int(digits) if digits.isdecimal() else 0], np.uint64))
    models, operators = models_of(conf), operators_of(conf)
    model = models.of_imei(int(row["imei"]))

    def age(at: int) -> str:
        moment = datetime.fromtimestamp(at / 1e6, conf.zone.name).strftime("%Y-%m-%d %H:%M")
        days = (now - at) // DAY
        return f"{moment}, {'today' if days < 1 else 'a day ago' if days == 1 else f'{days} days ago'}" if at else "never"

    lines: dict[str, str] = {}
    if row["imei"]:
        lines["handset"] = (
            f"{models.label(int(row['imei']), int(row['software']))} (TAC {tac(int(row['imei'])):08}), as of {age(row['imei_at'])}"
        )
        if row["imei_since"]:
            lines["new since"] = age(row["imei_since"])
    else:
        lines["handset"] = "unknown"
    if model is not None:
        words = {True: "yes", False: "no", None: "unknown"}
        lines["can"] = ", ".join(f"{name}: {words[getattr(model, name)]}" for name in CAPABILITIES)
    code = operators.plmn_of(int(row["imsi"]))
    profile = operators.of_subscriber(int(row["imsi"]), int(row["imei"]))
    if row["imsi"]:
        operator = operators.expected(code)
        lines["SIM card"] = f"{operator.name if operator is not None else 'of an unknown operator'} {code}, as of {age(row['imsi_at'])}"
    else:
        lines["SIM card"] = "unknown"
    lines["last traffic"] = age(row["heard"])
    lines["city"] = known.cities[row["city"]] or (cities_of(conf).of(int(digits)) if digits.isdecimal() else "") or "unknown"
    if profile is not None and profile.mms:
        first = profile.mms[0]
        lines["expected"] = f"{' or '.join(profile.apns)}, {first.mmsc}, {first.proxy or 'no proxy'}"
    else:
        lines["expected"] = "nothing: no settings of this subscriber's are called wrong"
    return lines
