"""For the engineer with logs in hand: what is this file, and which characters of a line mean what."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmsd.cli.replay import FeedArgument, head_of
from mmsd.errors import ConfigError
from mmsd.logs import DIALECTS, Guess, guess

_ROTATED = re.compile(r"([.-](\d{1,3}|\d{8}(-?\d{1,6})?))?(\.gz)?$")


def stem(path: Path) -> str:
    """A log's name without its rotation suffixes.

    >>> stem(Path("logs/mmsc-access.log.1.gz")), stem(Path("detail-20261122"))
    ('mmsc-access.log', 'detail')
    """
    return _ROTATED.sub("", path.name) or path.name


def feeds_of(files: Sequence[Path]) -> tuple[list[FeedArgument], list[tuple[Path, Guess | None, str]]]:
    """One feed for each log among the files (its rotated parts together), and what each file was taken for."""
    told: list[tuple[Path, Guess | None, str]] = []
    groups: dict[tuple[Path, str, str], list[Path]] = {}
    for path in files:
        head = head_of(path)
        found = guess(head, str(path))
        best = found[0] if found else None
        told.append((path, best, "empty" if not head else ""))
        if best is not None:
            groups.setdefault((path.parent, stem(path), best.dialect), []).append(path)
    arguments: list[FeedArgument] = []
    taken: set[str] = set()
    for (folder, name, dialect), members in groups.items():
        label = base = re.sub(r"[^a-z0-9]+", "-", name.lower().removesuffix(".log")).strip("-") or dialect
        number = 1
        while label in taken:
            number += 1
            label = f"{base}-{number}"
        taken.add(label)
        pattern = str(members[0]) if len(members) == 1 else str(folder / f"{name}*")
        arguments.append(FeedArgument(label, dialect, _literal(members[0]) if len(members) == 1 else pattern))
    return arguments, told


def _literal(path: Path) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", str(path))


def show_guesses(console: Console, told: Sequence[tuple[Path, Guess | None, str]]) -> None:
    """Each file with its dialect, and below it why: narrow enough for any terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("dialect", no_wrap=True)
    table.add_column("file, and why", overflow="fold")
    for path, found, empty in told:
        why = found.why if found else empty or "no dialect reads its first lines"
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


def show_match(console: Console, dialect: str, line: bytes, form: str, pairs: Sequence[str]) -> bool:
    """Prints how the dialect reads the line; True when all of it fits."""
    options = options_of(form, pairs)
    if not options and dialect in ("http", "kannel-sms"):
        found = next((g for g in guess(line.rstrip(b"\n") + b"\n", "") if g.dialect == dialect), None)
        if found is not None:
            options = dict(found.options)
            console.print(f"[dim]{found.why}[/dim]")
    reader = DIALECTS[dialect].from_options(options, zone=UTC, key=(0, 0), path="--option")
    explained = reader.explain(line.rstrip(b"\n"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("column", "characters", "text", "value"):
        table.add_column(name, overflow="fold")
    for column, start, stop, value in explained.fields:
        text = line[start:stop].decode("utf-8", "backslashreplace")
        table.add_row(column, f"{start}–{stop}", Text(text), Text(value))
    console.print(table)
    if explained.stopped < 0:
        console.print("fits")
        return True
    console.print(f"stops at character {explained.stopped}: {explained.reason}")
    context = line[max(explained.stopped - 20, 0) : explained.stopped + 40].decode("utf-8", "backslashreplace")
    console.print(f"  …{context}", markup=False, highlight=False)
    console.print("  " + " " * (1 + min(explained.stopped, 20)) + "^")
    return False
