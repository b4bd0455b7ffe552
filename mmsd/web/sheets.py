"""Rows as comma-separated text that a spreadsheet opens: with the mark by which Excel knows UTF-8, and no cell that it would run.

A table's columns are known without its rows: an empty one has its heads. docs/http.md, "Tables", is the promise to readers.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

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
_UNSEEN: Final = r"\x00-\x08\x0b\x0c\x0e-\x20\"\x85\xa0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
"""What may stand before a formula's sign: blanks, what is not seen, and quotes, of which two are none where commas separate nothing."""
_SIGNS: Final = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
"""What a formula begins with: also as wide and as small forms, which spreadsheets in East Asian languages take for the same."""
_RUN: Final = re.compile(rf"\A(?=[\t\r\n']|[\t\r\n{_UNSEEN}]*[{_SIGNS}])|(?<=[;\t\r\n])(?='|[{_UNSEEN}]*[{_SIGNS}])")
"""Where a cell begins that would be run: also within a text, for a spreadsheet whose lists are separated by semicolons splits it there."""


def as_csv(columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> str:
    """A header line, lines that end as RFC 4180 says, no nested values. What is not known is empty, and text that a spreadsheet would run
    stands behind an apostrophe. A field that no column names has its own behind them."""
    every = list(rows)
    return _lines(heads(columns, every), every, head=True)


def marked(columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> str:
    """The same behind the mark."""
    return MARK + as_csv(columns, rows)


def heads(columns: Iterable[str], rows: Collection[dict[str, Any]]) -> list[str]:
    """`columns`, then every other field that any row has; lists are none.

    >>> heads(("city", "n"), [{"n": 1, "city": "Wuxi"}, {"city": "Xuzhou", "n": 2, "why": "x", "levels": [1]}])
    ['city', 'n', 'why']
    """
    named = dict.fromkeys(columns)
    for row in rows:
        if not named.keys() >= row.keys():
            named |= dict.fromkeys(name for name, value in row.items() if not isinstance(value, list))
    return list(named)


def csv_file(name: str, columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> web.Response:
    """A download; lists in a row are left out."""
    return web.Response(text=marked(columns, rows), content_type="text/csv", charset="utf-8", headers=attached(name))


async def csv_stream(
    request: web.Request, name: str, columns: Collection[str], ask: Ask,
    page_of: Callable[[Place | None], tuple[list[dict[str, Any]], Place | None]],
) -> web.StreamResponse:  # fmt: skip
    """A download of all there is, page by page; what comes meanwhile stands at the end. A store that goes away breaks it off.

    `page_of` tells the rows behind a place (None: the first ones), and behind which place the next are (None: there are none). ValueError:
    a row has a field that is no column, which a file that is half written cannot take up.
    """
    rows, place = await ask(partial(page_of, None))
    text = MARK + _lines(columns, rows, head=True)
    answer = web.StreamResponse(headers={"Content-Type": "text/csv; charset=utf-8", **attached(name)})
    await answer.prepare(request)
    try:
        while request.method != "HEAD":
            async with asyncio.timeout(PAGE_SECONDS):
                await answer.write(text.encode())
            if place is None:
                break
            rows, place = await ask(partial(page_of, place))
            text = _lines(columns, rows, head=False)
        await answer.write_eof()
    except (Problem, StoreError, TimeoutError, ConnectionError):
        if request.transport is not None:  # a file that ends early must not look whole
            request.transport.abort()
    return answer


def attached(name: str) -> dict[str, str]:
    r"""The header that names a download: in ASCII, and beside it as it is where that says less (RFC 6266 §4.3, RFC 8187 §3.2).

    >>> attached("mmsd-torch-day.csv")["Content-Disposition"]
    'attachment; filename="mmsd-torch-day.csv"'
    >>> attached("火炬.csv")["Content-Disposition"]
    'attachment; filename="__.csv"; filename*=UTF-8\'\'%E7%81%AB%E7%82%AC.csv'
    """
    plain = re.sub(r"[^ -~]|[\"\\\\/%]", "_", name)
    safe = re.sub(r"[\x00-\x1f\x7f/\\]", "_", name)
    full = "" if plain == name else f"; filename*=UTF-8''{quote(safe, safe='')}"
    return {"Content-Disposition": f'attachment; filename="{plain}"{full}'}


def _lines(columns: Collection[str], rows: Iterable[dict[str, Any]], *, head: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    if head:
        writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items() if not isinstance(value, list)})
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return _RUN.sub("'", value) if isinstance(value, str) else value
