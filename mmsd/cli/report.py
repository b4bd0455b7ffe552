"""What a replay prints for people."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsd.cli.codes import seen_table
from mmsd.cli.kpi import further
from mmsd.model import Reject
from mmsd.rules.kpi import Kpi
from mmsd.web.pages import texts


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=True)
    return table


def show(console: Console, values: dict[str, Any], samples: list[tuple[str, Reject]]) -> None:
    """The report: feeds, ratios, causes with shares, nodes, attempts, findings, forwards, rejects by reason."""
    feeds = _table("Feeds", "feed", "lines", "rows", "MB", "rejects")
    for name, feed in values["feeds"].items():
        feeds.add_row(name, f"{feed['lines']:,}", f"{feed['rows']:,}", f"{feed['octets'] / 1e6:.1f}", f"{sum(feed['rejects'].values()):,}")
    console.print(feeds)
    outcomes = values["deliveries"]
    total = sum(outcomes.values())
    console.print()
    if not total:
        console.print("No deliveries: no MMSC line was read (see `mmsd look` for what the files are).")
    else:
        counted = outcomes.get("delivered", 0) + outcomes.get("failed", 0)
        ratio = f"{values['end_to_end']:.1%}" if values["end_to_end"] is not None else "none judged yet"
        console.print(f"Deliveries {total:,}: " + ", ".join(f"{name} {n:,}" for name, n in outcomes.items()))
        console.print(f"End to end: {ratio} of {counted:,} judged; open share {values['open_share']:.1%}")
        _show_figures(console, msgspec.convert(values["kpi"], Kpi))
        _show_causes(console, values["causes"])
        _show_nodes(console, values["nodes"])
        if outcomes.get("open"):
            console.print("\nOpen: the files end before their window does; --until end judges them.")
    parts = (
        ("What subscribers' own requests showed", "attempts"),
        ("Findings", "findings"),
        ("Forwards counted, by the sender's city", "forwards"),
    )
    words = texts("en")
    for title, key in parts:
        if values[key]:
            table = _table(f"\n{title}", "", "n")
            for name, n in values[key].items():
                table.add_row(f"{name} {words.get(f'verdict.{name}', '')}".rstrip(), f"{n:,}")
            console.print(table)
    if values["serials"]:
        console.print(f"\nSerials issued: {values['serials']:,}")
    _show_rejects(console, values, samples)
    if values["unknown_codes"]:
        console.print("\nCodes that no table has (`mmsd codes` explains the others)")
        console.print(seen_table(values["unknown_codes"]))
    _show_notes(console, values)
    if values["notes"]:
        console.print()
    for note in values["notes"]:
        console.print(f"[dim]{escape(note)}[/dim]")


def _show_figures(console: Console, said: Kpi) -> None:
    rows = further(said)
    if rows:
        table = _table("\nFigures (docs/kpi.md)", "", "value", "of")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def _show_causes(console: Console, causes: dict[str, int]) -> None:
    failed = sum(causes.values())
    if not failed:
        return
    table = _table("\nWhy messages failed", "cause", "n", "share")
    for cause, n in causes.items():
        table.add_row(cause, f"{n:,}", f"{n / failed:.1%}")
    console.print(table)


def _show_nodes(console: Console, nodes: dict[str, dict[str, int]]) -> None:
    table = _table("\nNodes", "node", "delivered", "failed", "open", "end to end")
    for node, outcomes in nodes.items():
        if not any(outcomes.get(name) for name in ("delivered", "failed", "open")):
            continue  # a node that only pushes, or answers: no delivery is its own
        delivered, failed = outcomes.get("delivered", 0), outcomes.get("failed", 0)
        ratio = f"{delivered / (delivered + failed):.1%}" if delivered + failed else "–"
        table.add_row(node, f"{delivered:,}", f"{failed:,}", f"{outcomes.get('open', 0):,}", ratio)
    console.print(table)


def _show_rejects(console: Console, values: dict[str, Any], samples: list[tuple[str, Reject]]) -> None:
    rejects = [(name, reason, n) for name, feed in values["feeds"].items() for reason, n in feed["rejects"].items()]
    if not rejects:
        return
    table = _table("\nLines that did not fit", "feed", "reason", "n")
    for name, reason, n in rejects:
        table.add_row(name, reason, f"{n:,}")
    console.print(table)
    for name, sample in samples[:5]:
        head = sample.head.decode("utf-8", "backslashreplace")
        console.print(f"  {name}, byte {sample.where & (1 << 44) - 1}, at {sample.step}: ", end="")
        console.print(repr(head), markup=False, highlight=False)
    console.print("  `mmsd try DIALECT LINE` shows where a line stops to fit.")


def _show_notes(console: Console, values: dict[str, Any]) -> None:
    notes = [(name, what, n) for name, feed in values["feeds"].items() for what, n in feed["notes"].items()]
    if notes:
        table = _table("\nPassed over or missed", "feed", "what", "n")
        for name, what, n in notes:
            table.add_row(name, escape(what), f"{n:,}")
        console.print(table)
    if values["audits"]:
        console.print("\nWhat happened to files")
    for audit in values["audits"]:
        console.print(f"  {escape(audit)}")
