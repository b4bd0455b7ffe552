"""Rows as a workbook (XLSX) in which text is text, never a formula."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from mmsd.rules.settings import CampaignSettings
from mmsd.web import campaign as counting
from mmsd.web.campaign import BYS, Days, Source
from mmsd.web.sheets import attached

WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDEST: Final = 40


def workbook_file(name: str, octets: bytes) -> web.Response:
    return web.Response(body=octets, content_type=WORKBOOK, headers=attached(name))


def workbook_of(source: Source, name: str, settings: CampaignSettings | None, days: Days) -> bytes:
    """All figures of a campaign: a sheet in short, one for each split, one of what was said of its days."""
    told = counting.overview(source, name, settings)
    whole = [{"figure": key, "value": value} for key, value in told.items() if not isinstance(value, list | dict | msgspec.Struct)]
    sheets: dict[str, list[dict[str, Any]]] = {
        by: counting.rows(source, name, by, days) for by in BYS if by not in counting.OF_ALL_DAYS or days.all
    }
    return workbook({"campaign": whole, **sheets, "closes": counting.closes_table(counting.closes(source, name, days))})


def workbook(sheets: Mapping[str, list[dict[str, Any]]]) -> bytes:
    """A sheet for each name (≤ 31 characters), its columns named in its first row; lists are left out."""
    import xlsxwriter  # 2 MiB that a daemon carries only once somebody asks for a workbook

    octets = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(octets, plain) as book:
        head = book.add_format({"bold": True})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            columns = [key for key, value in rows[0].items() if not isinstance(value, list)] if rows else []
            for place, column in enumerate(columns):
                sheet.write_string(0, place, column, head)
                widest = max(len(str(row[column])) for row in rows)
                sheet.set_column(place, place, min(max(widest, len(column)) + 2, _WIDEST))
            sheet.freeze_panes(1, 0)
            for line, row in enumerate(rows, 1):
                for place, column in enumerate(columns):
                    value = row[column]
                    if isinstance(value, bool):
                        sheet.write_boolean(line, place, value)
                    elif isinstance(value, int | float):
                        sheet.write_number(line, place, value)
                    elif value is not None:
                        sheet.write_string(line, place, str(value))
    return octets.getvalue()
