"""Rows as comma-separated text that a spreadsheet opens: with the mark by which Excel knows UTF-8, and no cell that it would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

MARK: Final = "\ufeff"
_RUN: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """One header line, lines that end as RFC 4180 says, no nested values; nothing where there are no rows. What is not known is empty, and
    text that a spreadsheet would run stands behind an apostrophe."""
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        flat = {name: _cell(value) for name, value in row.items() if not isinstance(value, list)}
        if writer is None:
            writer = csv.DictWriter(text, list(flat), lineterminator="\r\n")
            writer.writeheader()
        writer.writerow(flat)
    return text.getvalue()


def marked(rows: Iterable[dict[str, Any]]) -> str:
    """The same behind the mark."""
    text = as_csv(rows)
    return MARK + text if text else ""


def csv_file(name: str, rows: Iterable[dict[str, Any]]) -> web.Response:
    """A download; lists in a row are left out."""
    return web.Response(text=marked(rows), content_type="text/csv", charset="utf-8", headers=attached(name))


def attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.startswith(_RUN):
        return f"'{value}"
    return value
