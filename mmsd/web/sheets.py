"""Rows as comma-separated text that a spreadsheet opens: with the mark by which Excel knows UTF-8, and no cell that it would run."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TypeVar

from aiohttp import web

from mmsd.errors import StoreError
from mmsd.web.answers import Ask, Problem

Place = TypeVar("Place")

MARK: Final = "\ufeff"
STREAMED: Final = (
    "/api/v1/findings.csv", "/api/v1/care/handover.csv", "/api/v1/campaigns/{id}/forwards.csv", "/api/v1/campaigns/{id}/forwards/export",
)  # fmt: skip
"""Addresses that answer as long as somebody reads; each page has its own time limit."""
PAGE_SECONDS: Final = 30.0
"""A client that takes a page more slowly is let go."""
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


async def csv_stream(
    request: web.Request, name: str, ask: Ask, page_of: Callable[[Place | None], tuple[list[dict[str, Any]], Place | None]]
) -> web.StreamResponse:
    """A download of all there is, page by page; what comes meanwhile stands at the end. A store that goes away breaks it off.

    `page_of` tells the rows behind a place (None: the first ones), and behind which place the next are (None: there are none).
    """
    rows, place = await ask(partial(page_of, None))
    answer = web.StreamResponse(headers={"Content-Type": "text/csv; charset=utf-8", **attached(name)})
    await answer.prepare(request)
    text = MARK + as_csv(rows)
    try:
        while request.method != "HEAD":
            async with asyncio.timeout(PAGE_SECONDS):
                await answer.write(text.encode())
            if place is None:
                break
            rows, place = await ask(partial(page_of, place))
            text = as_csv(rows).partition("\r\n")[2]
        await answer.write_eof()
    except (Problem, StoreError, TimeoutError, ConnectionError):
        if request.transport is not None:  # a file that ends early must not look whole
            request.transport.abort()
    return answer


def attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.startswith(_RUN):
        return f"'{value}"
    return value
