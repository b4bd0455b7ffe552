"""For the engineer with logs in hand: what is this file, and which characters of a line mean what."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmsd.cli.replay import FeedArgument, Unreadable, head_of
from mmsd.errors import ConfigError
from mmsd.logs import DIALECTS, Guess, guess
from mmsd.model import SECOND


class Told(NamedTuple):
    """What a file was taken for, and why; `guess` is None when it was passed over."""

    path: Path
    guess: Guess | None
    why: str


_ROTATED = re.compile(r"([.-](\d{1,3}|\d{8}(-?\d{1,6})?))?(\.gz)?$")


def stem(path: Path) -> str:
    """A log's name without its rotation suffixes.

    >>> stem(Path("logs/mmsc-access.log.1.gz")), stem(Path("detail-20261122"))
    ('mmsc-access.log', 'detail')
    """
    return _ROTATED.sub("", path.name) or path.name


def feeds_of(files: Sequence[Path]) -> tuple[list[FeedArgument], list[Told]]:
    """One feed for each log among the files (its rotated parts together), and what each file was taken for."""
    told: list[Told] = []
    groups: dict[tuple[Path, str, str], list[Path]] = {}
    for path in files:
        try:
            head = head_of(path)
        except Unreadable as error:
            told.append(Told(path, None, error.why))
            continue
        found = guess(head, str(path))
        best = found[0] if found else None
        told.append(Told(path, best, best.why if best else "no dialect reads its first lines" if head else "empty"))
        if best is not None:
            groups.setdefault((path.parent, stem(path), best.dialect), []).append(path)
    arguments: list[FeedArgument] = []
    taken: set[str] = set()
    for (_, name, dialect), members in groups.items():
        label = base = re.sub(r"[^a-z0-9]+", "-", name.lower().removesuffix(".log")).strip("-") or dialect
        number = 1
        while label in taken:
            number += 1
            label = f"{base}-{number}"
        taken.add(label)
        arguments.append(FeedArgument(label, dialect, tuple(map(_literal, members))))
    return arguments, told


def _literal(path: Path) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", str(path))


def guesses_as_values(told: Sequence[Told]) -> list[dict[str, str | None]]:
    """For `--json`; `dialect` is null for a file that was passed over."""
    return [{"file": str(path), "dialect": found.dialect if found else None, "why": why} for path, found, why in told]


def show_guesses(console: Console, told: Sequence[Told]) -> None:
    """Each file with its dialect, and below it why: narrow enough for any terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("dialect", no_wrap=True)
    table.add_column("file, and why", overflow="fold")
    for path, found, why in told:
        table.add_row(found.dialect if found else "?", Text.assemble(str(path), "\n", (why, "dim")))
    console.print(table)
    console.print()


def options_of(form: str, pairs: Sequence[str]) -> dict[str, Any]:
    """`--format` and `--option KEY=VALUE` as a dialect's options; a value that is no TOML is text."""
    options: dict[str, Any] = {"format": form} if form else {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ConfigError(f"--option {pair}: expected KEY=VALUE")
        try:
            options[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            options[key] = value
    return options


def show_match(console: Console, dialect: str, line: bytes, form: str, pairs: Sequence[str], zone: ZoneInfo) -> bool:
    """Prints how the dialect reads the line, times in `zone`, where a time without one is taken to be; True when all of it fits."""
    options = options_of(form, pairs)
    if not options and dialect in ("http", "kannel-sms"):
        found = next((g for g in guess(line.rstrip(b"\n") + b"\n", "") if g.dialect == dialect), None)
        if found is not None:
            options = dict(found.options)
            console.print(f"[dim]{found.why}[/dim]")
    reader = DIALECTS[dialect].from_options(options, zone=zone, key=(0, 0), path="--option")
    explained = reader.explain(line.rstrip(b"\n"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("column", "characters", "text", "value"):
        table.add_column(name, overflow="fold")
    for column, start, stop, value in explained.fields:
        text = line[start:stop].decode("utf-8", "backslashreplace")
        shown = _local(value, zone) if column == "at" else value
        table.add_row(column, f"{start}–{stop}", Text(text), Text(shown))
    records = reader.scan(line.rstrip(b"\n") + b"\n", ordinal=0, offset=0, final=True).records
    if records.rows and all(column != "at" for column, _, _, _ in explained.fields):  # made of several places of the record
        at = datetime.fromtimestamp(int(records["at"][0]) / SECOND, zone).isoformat(timespec="milliseconds")
        table.add_row("at", "", "", Text(at))
    console.print(table)
    console.print(f"times in {zone.key}, and read as such where the line names no zone", style="dim", highlight=False)
    if explained.stopped < 0:
        console.print("fits")
        return True
    console.print(f"stops at character {explained.stopped}: {explained.reason}")
    context = line[max(explained.stopped - 20, 0) : explained.stopped + 40].decode("utf-8", "backslashreplace")
    console.print(f"  …{context}", markup=False, highlight=False)
    console.print("  " + " " * (1 + min(explained.stopped, 20)) + "^")
    return False


def _local(value: str, zone: ZoneInfo) -> str:
    """An instant as a dialect shows it, in the zone; anything else as it is.

    >>> _local("2026-11-22T09:44:25.000+00:00", ZoneInfo("Asia/Shanghai"))
    '2026-11-22T17:44:25.000+08:00'
    """
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return moment.astimezone(zone).isoformat(timespec="milliseconds") if moment.tzinfo else value
