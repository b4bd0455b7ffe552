"""`mmsd causes`: the table of causes as it is loaded, one row explained, and the words that its conditions use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from mmsd import config
from mmsd.rules.causes import ATTEMPT_SIGNS, CAUSES, RULES, SIGNS, Sign
from mmsd.rules.table import Condition, Row, Table
from mmsd.web.pages import LANGUAGES, texts

FEEDS: Final = {
    "mmsc": "the MMSC's log", "peers": "other MMSCs' answers", "sms": "the SMS gateway's log", "gateway": "the gateway's log",
    "sessions": "sessions", "apns": "sessions of every access point", "sgsn": "the SGSN's events", "handsets": "the list of handsets",
}  # fmt: skip
"""What a row may have to do without, in words."""

Words = Mapping[str, str]


@click.command()
@click.argument("row", required=False, metavar="[ROW|CAUSE]")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="With the changes of its [causes].")
@click.option("--language", type=click.Choice(sorted(LANGUAGES)), default="en", show_default=True, help="Of causes, rows and remedies.")
@click.option("--signs", is_flag=True, help="List the signs that conditions name, their values, and which feeds show them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
def causes(row: str | None, config_file: Path | None, language: str, *, signs: bool, as_json: bool, markdown: bool) -> None:
    """What is said when which signs were seen: the table of causes, row by row.

    \b
    mmsd causes                       every row, in the order in which they are asked
    mmsd causes U10                   one row: its condition, its confidence, what it reads without a feed, what to do
    mmsd causes BAD_APN               the rows with this cause
    mmsd causes --signs               the words of the conditions
    mmsd causes --config mmsd.toml    with the operator's changes, which are marked
    """
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    if signs:
        if row:
            raise click.UsageError("--signs lists them all")
        if markdown:
            click.echo("\n".join(markdown_of_signs()))
        else:
            _show_signs(console, as_json)
        return
    shipped = config.load_causes()
    table = config.load_causes(config.load(config_file).causes) if config_file else shipped
    rows = {**table.rows, **table.attempts}
    asked = row.upper() if row else ""
    chosen = {rule: one for rule, one in rows.items() if asked in ("", rule) or asked in causes_of(one)}
    if not chosen:
        raise click.BadParameter(f"no row and no cause of a row is called {row!r}", param_hint="ROW")
    said = texts(language)
    if as_json:
        told = [_value(table, rule, one, said) for rule, one in chosen.items()]
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=1))
    elif markdown:
        click.echo("\n".join(markdown_of(chosen)))
    elif len(chosen) == 1:
        ((rule, one),) = chosen.items()
        _show_row(console, table, rule, one, {**shipped.rows, **shipped.attempts}[rule], said)
    else:
        _show_rows(console, chosen, {**shipped.rows, **shipped.attempts}, said)


def causes_of(row: Row) -> set[str]:
    """Every cause that a row may name, by itself or by a variant."""
    return {row.cause, *(variant.cause or "" for variant in row.variants.values())} - {""}


# ---------------------------------------------------------------------------------------------------------------- conditions in words


def when(conditions: tuple[Condition, ...]) -> str:
    """Conditions as a person writes them; `;` stands between those of which one is enough.

    >>> when(({"p": "failed", "alive": {"not": "yes"}}, {"other_new": {"least": 3}, "over": True}))
    'p = failed, alive ≠ yes; other_new ≥ 3, over = yes'
    """
    return "; ".join(", ".join(_one(sign, wanted) for sign, wanted in condition.items()) for condition in conditions)


def _one(sign: str, wanted: Any) -> str:
    if isinstance(wanted, dict) and "least" in wanted:
        return f"{sign} ≥ {wanted['least']}"
    if isinstance(wanted, dict):
        return f"{sign} ≠ {_values(wanted['not'])}"
    return f"{sign} = {_values(wanted)}"


def _values(wanted: Any) -> str:
    words = wanted if isinstance(wanted, list) else [wanted]
    return " or ".join({True: "yes", False: "no"}[word] if isinstance(word, bool) else str(word) or "nothing" for word in words)


def sure(confidence: float) -> str:
    """
    >>> sure(0.7), sure(0.95), sure(0.0)
    ('.7', '.95', '–')
    """
    return f"{confidence:g}".removeprefix("0") if confidence else "–"


def verdict_of(row: Row) -> str:
    """What a row says of outcome and cause, in a line."""
    lapsed = " and lapsed" if row.outcome == "open" and row.cause == "UNKNOWN" else ""
    text = ", ".join(filter(None, (row.outcome + lapsed, row.cause + (f" ({row.detail})" if row.detail else ""))))
    text += f", evidence of {', '.join(row.hints)}" if row.hints else ""
    return text + (f"; suspects {', '.join(row.suspects)}" if row.suspects else "")


def confidences_of(row: Row) -> Iterator[str]:
    """How sure a row is, and where it is otherwise."""
    if row.confidence or not row.variants:
        yield sure(row.confidence)
    for variant in row.variants.values():
        cause = f"{variant.cause} " if variant.cause else ""
        yield f"{cause}{sure(row.confidence if variant.confidence is None else variant.confidence)} if {when(variant.when)}"


def markdown_of(rows: Mapping[str, Row]) -> Iterator[str]:
    """Lines of the tables in docs/causes.md."""
    yield "| row | what was seen | outcome and cause | confidence | without the feed |"
    yield "| --- | --- | --- | --- | --- |"
    for rule, row in rows.items():
        without = "; ".join(f"{feed}: {', '.join(readings)}" for feed, readings in row.without.items()) or "–"
        yield f"| {rule} | {row.seen} | {verdict_of(row) or '–'} | {'; '.join(confidences_of(row))} | {without} |"


def markdown_of_signs() -> Iterator[str]:
    """Lines of the table of signs in docs/causes.md."""
    yield "| sign | what it is | values | shown by |"
    yield "| --- | --- | --- | --- |"
    for name, sign in {**SIGNS, **ATTEMPT_SIGNS}.items():
        yield f"| `{name}` | {sign.says} | {_listed(sign)} | {', '.join(sign.feeds) or '–'} |"


# --------------------------------------------------------------------------------------------------------------------------- showing


def _show_rows(console: Console, rows: Mapping[str, Row], shipped: Mapping[str, Row], words: Words) -> None:
    for rule, row in rows.items():
        cause = ", ".join(sorted(causes_of(row), key=CAUSES.index)) or "–"
        mark = "" if row == shipped[rule] else " (changed)"
        told = f"{row.outcome or 'request':<9}  {cause:<39}  {sure(row.confidence):<3}  {_says(rule, words)}{mark}"
        console.print(f"[bold]{rule:<3}[/bold]  {escape(told)}")


def _says(rule: str, words: Words) -> str:
    return words[f"verdict.{rule}" if rule.startswith("Z") else f"row.{rule}"]


def _show_row(console: Console, table: Table, rule: str, row: Row, shipped: Row, words: Words) -> None:
    for name, text in _lines(table, rule, row, shipped, words):
        console.print(f"[bold]{rule}[/bold]  {escape(text)}" if not name else f"  {name:<20}{escape(text)}")


def _lines(table: Table, rule: str, row: Row, shipped: Row, words: Words) -> Iterator[tuple[str, str]]:
    yield "", f"{verdict_of(row) or 'says nothing of a cause'}{f', {sure(row.confidence)} sure' if row.confidence else ''}"
    yield "in words", _says(rule, words)
    if row.cause:
        yield "cause", words[f"cause.{row.cause}"]
    yield "seen", row.seen
    yield "when", when(row.when)
    for name, number in table.numbers.items():
        if f"≥ {name}" in when(row.when):
            yield name, str(number)
    for name, variant in row.variants.items():
        said = [variant.cause or "", sure(variant.confidence) + " sure" if variant.confidence is not None else ""]
        said += [f"suspects {', '.join(variant.suspects)}"] if variant.suspects else []
        yield name, f"{when(variant.when)}: {', '.join(filter(None, said))}"
    if row.group:
        yield "group", row.group
    for feed, readings in row.without.items():
        yield "without", f"{FEEDS[feed]}: {', '.join(readings)}"
    if row.outcome == "failed":
        left = table.widened(rule, row.cause) - {rule, row.cause}
        yield "with less to go by", ", ".join(sorted(left, key=lambda one: (one in CAUSES, one))) or "nothing else"
    if row.cause:
        yield "to do", words[f"advice.{row.cause}"]
    if row != shipped:
        before = f"{verdict_of(shipped)}, {'; '.join(confidences_of(shipped))}"
        yield "changed", f"by [causes.rows.{rule}] of the configuration; as it comes: {before}"


def _value(table: Table, rule: str, row: Row, words: Words) -> dict[str, Any]:
    left = table.widened(rule, row.cause) - {rule, row.cause} if row.cause and rule in table.rows else frozenset[str]()
    return {"row": rule, "says": _says(rule, words), **msgspec.to_builtins(row), "wider": sorted(left)}


def _show_signs(console: Console, as_json: bool) -> None:
    signs: dict[str, Sign] = {**SIGNS, **ATTEMPT_SIGNS}
    if as_json:
        told = [{"sign": name, **sign._asdict()} for name, sign in signs.items()]
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=1))
        return
    for name, sign in signs.items():
        console.print(f"[bold]{name}[/bold]  {escape(sign.says)}")
        console.print(f"  {_listed(sign)}; shown by {', '.join(FEEDS[feed] for feed in sign.feeds) or 'all feeds together'}")


def _listed(sign: Sign) -> str:
    """What a sign may be; rows, causes and counts by their kind."""
    if type(sign.values[-1]) is int:
        return "a count"
    if sign.values in (RULES, CAUSES):
        return "a row" if sign.values == RULES else "a cause"
    return _values(list(sign.values)).replace(" or ", ", ")
