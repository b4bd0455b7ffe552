"""Rows as a workbook (XLSX) in which text is text, never a formula."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web

from mmsd.rules.settings import CampaignSettings
from mmsd.web import campaign as counting
from mmsd.web.campaign import BYS, Days, Source
from mmsd.web.sheets import attached, heads

WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDEST: Final = 40
_LONGEST: Final = 32_767
"""Characters that a cell takes; of more it would take none."""


def workbook_file(name: str, octets: bytes) -> web.Response:
    return web.Response(body=octets, content_type=WORKBOOK, headers=attached(name))


def workbook_of(source: Source, name: str, settings: CampaignSettings | None, days: Days) -> bytes:
    """All figures of a campaign: a sheet in short, one for each split, one of what was said of its days."""
    told = counting.overview(source, name, settings)
    whole = [{"figure": key, "value": value} for key, value in told.items() if not isinstance(value, list | dict | msgspec.Struct)]
    splits: dict[str, Sheet] = {
        by: Sheet(counting.COLUMNS[by], counting.rows(source, name, by, days)) for by in BYS if by not in counting.OF_ALL_DAYS or days.all
    }
    closes = Sheet(counting.CLOSE_COLUMNS, counting.closes_table(counting.closes(source, name, days)))
    return workbook({"campaign": Sheet(("figure", "value"), whole), **splits, "closes": closes})


class Sheet(NamedTuple):
    """What a sheet shows: `mmsd.web.sheets.heads` of both are its columns. The rows are gone through twice and never held."""

    columns: Iterable[str]
    rows: Collection[dict[str, Any]]


def workbook(sheets: Mapping[str, Sheet]) -> bytes:
    """A sheet for each name (≤ 31 characters), its columns named in its first row; lists are left out. A row goes to a file of the
    system's temporary directory as it comes, so that memory holds the finished workbook and no more. OSError: there is no place."""
    import xlsxwriter  # 2 MiB that a daemon carries only once somebody asks for a workbook

    octets = io.BytesIO()
    plain = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(octets, plain) as book:
        bold = book.add_format({"bold": True})
        for name, (columns, rows) in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            widths: dict[str, int] = {}
            for place, column in enumerate(heads(columns, rows)):
                sheet.write_string(0, place, column, bold)
                widths[column] = len(column)
            for line, row in enumerate(rows, 1):
                for place, column in enumerate(widths):
                    value = row.get(column)
                    _write(sheet, line, place, value)
                    widths[column] = max(widths[column], len(str(value)))
            for place, width in enumerate(widths.values()):
                sheet.set_column(place, place, min(width + 2, _WIDEST))
    return octets.getvalue()


def _write(sheet: Any, line: int, place: int, value: object) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(line, place, value)
    elif isinstance(value, int | float):
        sheet.write_number(line, place, value)
    elif value is not None:
        sheet.write_string(line, place, str(value)[:_LONGEST])
