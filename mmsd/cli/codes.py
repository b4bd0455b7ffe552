"""`mmsd codes`: what a status code means, by whose word, and which codes the nodes wrote that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsd import config
from mmsd.cli.kpi import reader_of
from mmsd.rules.codes import Code, CodeBook, CodeTable, Reading
from mmsd.web.figures import known_now, unknown_row

CONFIDENCE: Final = {"S": "a standard", "F": "field documents", "A": "an assumption; [codes.NAME] says better"}
SIGNS: Final = {
    "final": "final word", "answer": "answer", "get": "fetch at the gateway", "post": "submit at the gateway", "push": "push",
    "reason": "push failed", "rule": "row", "expected": "row on the right access point", "action": "then",
}  # fmt: skip
"""What a code may say beside its cause, in words."""


@click.command()
@click.argument("words", nargs=-1, metavar="[SET] [CODE]")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="With the meanings of its [codes.NAME].")
@click.option("--seen", is_flag=True, help="List unknown codes that the nodes of --config wrote.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print whole sets as Markdown tables.")
def codes(words: tuple[str, ...], config_file: Path | None, seen: bool, as_json: bool, markdown: bool) -> None:
    """What a code means, by every set that has it; SET alone lists the set; nothing lists the sets.

    \b
    mmsd codes 4441              every set that knows it
    mmsd codes mm1 0xC1          the sets whose names begin with mm1
    mmsd codes sms-stat MK:0005  a word; names such as Error-network-problem do too
    mmsd codes --seen --config /etc/mmsd/mmsd.toml
    """
    if seen:
        if config_file is None or words:
            raise click.UsageError("--seen goes with --config and nothing else")
        _show_seen(Console(soft_wrap=True), config.load(config_file), as_json)
        return
    if len(words) > 2:
        raise click.UsageError("give a code, a set, or a set and a code")
    book = config.load_codes(config.load(config_file).codes if config_file else None)
    named = [table for name, table in book.tables.items() if words and name.startswith(words[0])]
    named = [table for table in named if table.name == words[0]] or named
    console = Console(soft_wrap=True)
    if len(words) == 2 and not named:
        raise click.BadParameter(f"no set is called {words[0]!r}; there are {', '.join(book.tables)}", param_hint="SET")
    if len(words) == 2 or (words and not named):
        _show_code(console, book, words[-1], words[0] if named else "", as_json)
        return
    chosen = named or list(book.tables.values())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(chosen), indent=1))
    elif markdown:
        click.echo("\n\n".join(markdown_of(table) for table in chosen))
    elif not words:
        _show_sets(console, chosen)
    else:
        for table in chosen:
            _show_set(console, table)


def _show_seen(console: Console, settings: config.Settings, as_json: bool) -> None:
    book = config.load_codes(settings.codes)
    reader = reader_of(settings)
    try:
        unknown = [code for code in reader.unknown_codes() if not known_now(book, code)]
    finally:
        reader.close_readers()
    rows = [unknown_row(book, code) for code in unknown]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))
    elif rows:
        console.print(seen_table(rows))
    else:
        click.echo("no unknown codes")


def seen_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Unknown codes, as `web.figures.unknown_row` has them."""
    listed = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, right in (("node", 0), ("set", 0), ("code", 0), ("lines", 1), ("first", 0), ("last", 0), ("read as", 0)):
        listed.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        read_as = f"{row['read_as']} {row['cause']}".strip() or "–"
        listed.add_row(row["node"], row["set"], row["code"], f"{row['n']:,}", row["first"] or "–", row["last"] or "–", read_as)
    return listed


def _show_sets(console: Console, chosen: Iterable[CodeTable]) -> None:
    listed = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, side in (("set", "left"), ("codes", "right"), ("where it stands", "left")):
        listed.add_column(name, justify="right" if side == "right" else "left")
    for table in chosen:
        listed.add_row(table.name, str(len(table.codes)), escape(table.title))
    console.print(listed)


def _show_set(console: Console, table: CodeTable) -> None:
    console.print(f"[bold]{table.name}[/bold]  {escape(table.title)}")
    listed = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("code", "name", "cause", "signs", "by"):
        listed.add_column(name)
    for key, code in table.codes.items():
        cause = ", ".join([code.cause or "–", *(f"{suspect}?" for suspect in code.suspects)])
        listed.add_row(both_bases(table, key), escape(code.name), cause, "; ".join(signs_of(code)), code.confidence)
    console.print(listed)
    console.print(f"[dim]{escape(table.source)}[/dim]\n")


def _show_code(console: Console, book: CodeBook, code: str, only: str, as_json: bool) -> None:
    readings = book.lookup(code, only)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([reading_row(reading) for reading in readings]), indent=1))
    for reading in readings if not as_json else ():
        table = book.tables[reading.table]
        console.print(f"[bold]{reading.table} {both_bases(table, reading.key)}[/bold]  {escape(reading.code.name)}")
        for name, text in _lines(table, reading):
            console.print(f"  {name:<11}{escape(text)}", highlight=False)
    if not readings:
        where = f"in {only}" if only else "in any set"
        click.echo(f"mmsd: {code} is not {where}; lines with it are counted as unknown. [codes.NAME] can give it a meaning", err=True)
        raise SystemExit(1)


def _lines(table: CodeTable, reading: Reading) -> Iterator[tuple[str, str]]:
    code = reading.code
    yield "stands in", table.title
    if not reading.known:
        yield "read as", f"{reading.read_as}: this very code is in no table, and counted as unknown"
    yield "cause", ", ".join([code.cause or "none", *(f"perhaps {suspect}" for suspect in code.suspects)])
    if signs := list(signs_of(code)):
        yield "signs", "; ".join(signs)
    if code.note:
        yield "note", code.note
    yield "by", f"[codes.{reading.local}] of the configuration" if reading.local else f"{CONFIDENCE[code.confidence]}: {code.source}"


def signs_of(code: Code) -> Iterator[str]:
    """What a code says beside its cause.

    >>> list(signs_of(Code("gone", get="gone", action="retry")))
    ['fetch at the gateway: gone', 'then: retry']
    """
    return (f"{word}: {value}" for name, word in SIGNS.items() if (value := getattr(code, name)))


def both_bases(table: CodeTable, key: str) -> str:
    """A code as its standard writes it: of MM1 and SMPP in hex too."""
    hexadecimal = key.isdigit() and (table.base == 16 or table.name.startswith("mm1"))
    return f"{key} (0x{int(key):02X})" if hexadecimal else key


def markdown_of(table: CodeTable) -> str:
    """A set as Markdown: heading, where it stands, its rows, its source."""
    lines = [f"### {table.name}", "", f"{table.title}. Source: {table.source}.", ""]
    lines += ["| code | name | cause | says | by |", "| --- | --- | --- | --- | --- |"]
    for key, code in table.codes.items():
        cause = ", ".join([code.cause or "–", *(f"{suspect}?" for suspect in code.suspects)])
        says = "; ".join([*signs_of(code), *([code.note] if code.note else [])])
        lines.append(f"| {both_bases(table, key)} | {code.name} | {cause} | {says} | {code.confidence} |".replace("|  |", "| |"))
    return "\n".join(lines)


def reading_row(reading: Reading) -> dict[str, Any]:
    """A reading as JSON."""
    return {
        "set": reading.table, "code": reading.key, "known": reading.known, "read_as": reading.read_as, "local": reading.local,
        **msgspec.to_builtins(reading.code),
    }  # fmt: skip
