"""`mmsd import`: what the operator knows of handsets, models and prefixes. Each import replaces the one before it, or fails whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from time import time_ns
from typing import Final, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from mmsd import app, config
from mmsd.cli.kpi import reader_of
from mmsd.config.models_table import AGENT_COLUMNS, TAC_COLUMNS, read_agents, read_tacs
from mmsd.config.phone_list import installed, read_phone
from mmsd.config.sheet import Sheet
from mmsd.errors import ConfigError
from mmsd.logs.plan import CHINA, Numbering
from mmsd.rules.cities import compact
from mmsd.rules.models import CAPABILITIES, Model
from mmsd.store import listing
from mmsd.store.handsets import SLICES, newest_path
from mmsd.store.handsets import Table as HandsetTable
from mmsd.store.reference import Imported, Reference

_DATED: Final = re.compile(r"(?<![0-9])(20[0-9]{2})-?([01][0-9])-?([0-3][0-9])(?![0-9])")
_PREFIX: Final = re.compile(r"[1-9][0-9]{0,14}")
_PREFIX_COLUMNS: Final = {"prefix": ("number", "号段", "手机号段"), "city": ("region", "地市", "城市", "归属地")}

_CONFIG = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
_FILE = click.argument("file", type=click.Path(path_type=Path))
_ENCODING = click.option(
    "--encoding", type=click.Choice(["utf-8", "gb18030"]), default="utf-8", show_default=True, help="Of the file's texts."
)
_AS_OF = click.option("--as-of", default="", metavar="DATE", help="The day the file speaks of; else the date in its name.")


@click.group(name="import")
def import_() -> None:
    """Take in what the operator knows: subscribers' handsets, models, prefixes of cities. A running mmsd takes it up by itself.

    \b
    mmsd import handsets CONFIG subscribers-20261122.csv.gz
    mmsd import tac CONFIG tac.csv
    mmsd import list CONFIG
    """


@import_.command()
@_CONFIG
@_FILE
@_AS_OF
@_ENCODING
@click.option("--complete", is_flag=True, help="The file names every subscriber: who is not in it, and was not heard since, goes.")
@click.option("--bad", "most_bad", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="More bad lines refuse the file.")
@click.option("--numbering", type=click.Choice(["china", "none"]), default="china", show_default=True, help="As in a feed's options.")
def handsets(config_file: Path, file: Path, as_of: str, encoding: str, complete: bool, most_bad: float, numbering: str) -> None:
    """Subscribers and their handsets: lines `msisdn,imei[,imsi][,city]`, or columns by a header, `.gz` too.

    What traffic has shown since the day of the list stays newer than it.
    """
    settings = config.load(config_file)
    zone = settings.zone.name
    now = time_ns() // 1000
    moment = _moment(file, as_of, lambda text: listing.start_of_day(text, zone))
    if moment > now:
        raise ConfigError(f"--as-of: {_day(file, as_of)} is still to come; a list speaks of what was")
    keys = app.load_keys(settings)
    console = Console(soft_wrap=True)
    with _progress(console) as bar:
        reading = bar.add_task("reading", total=_size(file))
        merging = bar.add_task("merging", total=SLICES, start=False)

        def merged(part: int) -> None:
            bar.start_task(merging)
            bar.update(merging, completed=part)

        done = listing.import_list(
            file, settings.state.directory, keys, as_of=moment, now=now, zone=zone, encoding=encoding,
            numbering=CHINA if numbering == "china" else Numbering(), complete=complete, most_bad=most_bad,
            progress=listing.Progress(lambda octets: bar.update(reading, completed=octets), merged),
        )  # fmt: skip
    console.print(
        f"{done.numbers:,} numbers of {done.lines:,} lines, as of {_day(file, as_of)}; {done.written.added:,} were not known before"
    )
    if done.repeated:
        console.print(f"{done.repeated:,} lines were repeated further down: the last one counts")
    if done.written.forgotten:
        console.print(f"{done.written.forgotten:,} numbers left the table")
    for name, n in done.written.changes.items():
        if n:
            console.print(f"{name}: {n:,}")
    _show_bad(console, done.bad, [(f"octet {sample.octet}", f"{sample.reason}: {sample.line}") for sample in done.samples])
    for name, n in done.odd.items():
        if n:
            console.print(f"{n:,} lines have a field `{name}` that is none: the rest of them counts")


@import_.command()
@_CONFIG
@_FILE
@_AS_OF
@_ENCODING
def tac(config_file: Path, file: Path, as_of: str, encoding: str) -> None:
    """Models by type allocation code: a header with tac, manufacturer, model and, if there are any, mms, oma_cp, legacy_ota, trackable."""
    _import_models(config_file, Sheet(file, TAC_COLUMNS, ("tac",), encoding), "tac", read_tacs, _day(file, as_of))


@import_.command()
@_CONFIG
@_FILE
@_AS_OF
@_ENCODING
def agents(config_file: Path, file: Path, as_of: str, encoding: str) -> None:
    """Models by what handsets say: the beginning of a User-Agent, or the address of a profile (x-wap-profile); columns as in `tac`."""
    _import_models(config_file, Sheet(file, AGENT_COLUMNS, ("agent",), encoding), "agents", read_agents, _day(file, as_of))


def _import_models(
    config_file: Path, sheet: Sheet, kind: str, read: Callable[[Sheet], Iterable[tuple[str, Model]]], as_of: str
) -> None:  # fmt: skip
    console = Console(soft_wrap=True)
    reference = _reference(config_file)
    said: Counter[str] = Counter()

    def counted(rows: Iterable[tuple[str, Model]]) -> Iterable[tuple[str, Model]]:
        for key, model in rows:
            said.update(name for name in CAPABILITIES if getattr(model, name) is not None)
            yield key, model

    with _progress(console) as bar:
        rows = _watched(bar, sheet, counted(read(sheet)))
        done = reference.replace_models(kind, rows, lambda: _done(sheet, as_of))
    console.print(f"{done.rows:,} models of {sheet.rows_read:,} rows, as of {as_of}")
    for name, meaning in CAPABILITIES.items():
        console.print(f"  {said[name]:>9,} say whether it {meaning} ({name})")
    _show_bad(console, sheet.bad, [(f"line {line}", reason) for line, reason in sheet.samples])


@import_.command()
@_CONFIG
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_AS_OF
@_ENCODING
@click.option("--country", default="", metavar="CODE", help="Put in front of every prefix of FILE: 86 for 1381234.")
@click.option("--unknown", is_flag=True, help="Import nothing: show prefixes of senders that have no city.")
def cities(config_file: Path, file: Path | None, as_of: str, encoding: str, country: str, unknown: bool) -> None:
    """Prefixes of numbers and their cities: FILE with prefix,city, else what the package `phone` knows of China.

    The file that [cities] names is the authority: an imported prefix counts where none of its own fits.
    """
    console = Console(soft_wrap=True)
    if unknown:
        _show_unknown(console, config_file)
        return
    reference = _reference(config_file)
    if file is None:
        path, version = installed()
        prefixes = compact(read_phone(path.read_bytes()))
        done = reference.replace_prefixes(prefixes.items(), lambda: Imported("", f"phone {version}", as_of, time_ns() // 1000, 0, 0))
        console.print(f"{done.rows:,} prefixes, {len(set(prefixes.values())):,} cities, from the package phone {version}")
        return
    sheet = Sheet(file, _PREFIX_COLUMNS, ("prefix", "city"), encoding)
    day = _day(file, as_of, needed=False)

    def rows() -> Iterable[tuple[str, str]]:
        for row in sheet.rows():
            if not row["city"] or _PREFIX.fullmatch(country + row["prefix"]) is None:
                sheet.pass_over("no prefix with a city")
            else:
                yield country + row["prefix"], row["city"]

    done = reference.replace_prefixes(compact(rows()).items(), lambda: _done(sheet, day))
    console.print(f"{done.rows:,} prefixes of {sheet.rows_read:,} rows")
    _show_bad(console, sheet.bad, [(f"line {line}", reason) for line, reason in sheet.samples])


@import_.command(name="list")
@_CONFIG
def list_(config_file: Path) -> None:
    """What was imported: from which file, of which day, and when."""
    settings = config.load(config_file)
    console = Console(soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("what", "from", "as of", "imported", "rows", "bad"):
        table.add_column(name, justify="right" if name in ("rows", "bad") else "left")

    def local(at: int) -> str:
        return datetime.fromtimestamp(at / 1e6, settings.zone.name).strftime("%Y-%m-%d %H:%M")

    path = newest_path(settings.state.directory)
    if path is not None:
        header = HandsetTable(path, app.load_keys(settings)).header
        table.add_row(
            "handsets", header.source, local(header.as_of)[:10] if header.as_of else "", local(header.made), f"{header.rows:,}", ""
        )
    for imported in Reference(settings.state.directory).imports().values():
        table.add_row(
            imported.kind,
            imported.source,
            imported.as_of,
            local(imported.at),
            f"{imported.rows:,}",
            f"{imported.bad:,}" if imported.bad else "",
        )
    if table.row_count:
        console.print(table)
    else:
        console.print("nothing was imported yet")


# ---------------------------------------------------------------------------------------------------------------------- helpers


def _reference(config_file: Path) -> Reference:
    settings = config.load(config_file)
    try:
        settings.state.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"state.directory: {settings.state.directory}: {error.strerror}") from error
    return Reference(settings.state.directory)


def _done(sheet: Sheet, as_of: str) -> Imported:
    """Asked when the rows are through. Raises ConfigError when none was of use: the table before stays."""
    bad = sum(sheet.bad.values())
    if bad >= sheet.rows_read:
        why = "; ".join(f"line {line}: {reason}" for line, reason in sheet.samples)
        raise ConfigError(f"{sheet.path}: none of {sheet.rows_read:,} rows can be used; nothing was imported{'; ' + why if why else ''}")
    return Imported("", sheet.path.name, as_of, time_ns() // 1000, 0, bad)


def _day(file: Path, as_of: str, *, needed: bool = True) -> str:
    """`--as-of`, else the date in the file's name."""
    if as_of:
        return as_of
    found = _DATED.search(file.name)
    if found is None:
        return _undated(file) if needed else ""
    return f"{found[1]}-{found[2]}-{found[3]}"


def _undated(file: Path) -> NoReturn:
    raise ConfigError(f"{file}: its name has no date; say which day it speaks of: --as-of 2026-11-22")


def _moment(file: Path, as_of: str, read: Callable[[str], int]) -> int:
    day = _day(file, as_of)
    try:
        return read(day)
    except ValueError:
        raise ConfigError(f"--as-of: {day!r} is no date; write 2026-11-22 or 2026-11-22T03:00") from None


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _watched(bar: Progress, sheet: Sheet, rows: Iterable[tuple[str, Model]]) -> Iterable[tuple[str, Model]]:
    task = bar.add_task("reading", total=_size(sheet.path))
    for n, row in enumerate(rows):
        if n % 1000 == 0:
            bar.update(task, completed=sheet.octets)
        yield row


def _show_bad(console: Console, bad: Counter[str], samples: Sequence[tuple[str, str]]) -> None:
    for reason, n in bad.most_common():
        console.print(f"{n:,} left out: {reason}", markup=False)
    for place, text in samples:
        console.print(f"  {place}: {text}", markup=False, highlight=False)


def _show_unknown(console: Console, config_file: Path) -> None:
    prefixes = reader_of(config.load(config_file)).prefixes()
    for prefix, n in list(prefixes.items())[:100]:
        console.print(f"{prefix:<12} {n:>10,}", highlight=False)
    console.print(f"{len(prefixes):,} prefixes without a city, {sum(prefixes.values()):,} deliveries of their senders")
