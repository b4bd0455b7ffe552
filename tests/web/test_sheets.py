"""Tables as others read them: heads without rows, text that no spreadsheet runs, a hundred thousand rows in little memory."""

from __future__ import annotations

import csv
import io
import re
import tracemalloc
import zipfile
from collections.abc import Callable, Collection, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import duckdb
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsd.model import Batch, Finding, NotificationCount, PlaceCount
from mmsd.store.sqlite import SqliteStore
from mmsd.web import campaign as counting
from mmsd.web import care, findings
from mmsd.web.campaign import BYS
from mmsd.web.sheets import MARK, as_csv, attached
from mmsd.web.tables import Sheet, workbook
from tests.store.values import forward
from tests.web.house import HOUR_OF_NOON, NOON, House, campaign
from tests.web.stored import put

MANY = 100_000
MOST_OCTETS = 16 << 20
"""That may be held while so many rows go out: they are 15 MiB as text alone, and ten times that as rows."""
TABLES = {
    "campaigns/relay/forwards.csv": counting.FORWARD_COLUMNS, "campaigns/relay/closes.csv": counting.CLOSE_COLUMNS,
    **{f"campaigns/relay/figures.csv?by={by}": columns for by, columns in counting.COLUMNS.items()},
    "findings.csv": findings.FINDING_COLUMNS, "notifications.csv": findings.NOTIFICATION_COLUMNS,
    "care/handover.csv": care.HANDOVER_COLUMNS, "care/funnel.csv": care.funnel_columns(""),
    "care/funnel.csv?by=city": care.funnel_columns("city"),
}  # fmt: skip


@pytest.fixture
def house(tmp_path: Path, store: SqliteStore) -> House:
    return House(tmp_path / "house", reader=store, campaigns=[campaign("relay", target=200, zone="UTC")])


def fetched(house: House, path: str, to: Path) -> int:
    """The most octets that were allocated while a file went out and was written away, the client's in it."""
    peaks: list[int] = []

    async def story(client: Any) -> None:
        with to.open("wb") as file:
            tracemalloc.start()
            answer = await client.get(f"/api/v1/{path}")
            assert answer.status == 200
            async for octets in answer.content.iter_chunked(1 << 16):
                file.write(octets)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    house.visit(story)
    return peaks[0]


# ----------------------------------------------------------------------------------------------------------------------- columns


@pytest.mark.parametrize("path", TABLES)
def test_a_table_without_rows_has_its_heads(house: House, tmp_path: Path, path: str) -> None:
    fetched(house, path, tmp_path / "it.csv")
    text = (tmp_path / "it.csv").read_bytes().decode()
    assert text == MARK + ",".join(TABLES[path]) + "\r\n"


@pytest.mark.parametrize("by", ["hour", "city", "node", "model"])
def test_figures_without_rows_have_their_heads(house: House, tmp_path: Path, by: str) -> None:
    fetched(house, f"kpi/figures.csv?by={by}&to=2026-11-22T17:00:00Z", tmp_path / "it.csv")
    text = (tmp_path / "it.csv").read_bytes().decode()
    assert text.startswith(f"{MARK}{by},final,")
    assert (text.count("\r\n"), "code_4441" in text) == (1, by in ("hour", "node"))


def test_rows_have_the_fields_that_their_columns_name() -> None:
    """A row that had another would put it where no head is."""
    note = [NotificationCount(HOUR_OF_NOON, "mmsc1", "sms1", 1, -1, "retrieved", 1)]
    rows: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        (counting.FORWARD_COLUMNS, counting.forward_row(1, forward(1))),
        (counting.LISTED_COLUMNS, counting.summary("relay", None, counting.NOBODY)),
        (findings.FINDING_COLUMNS, findings.finding(Finding("node", "mmsc1", "NODE_FAULT", 0.9, NOON), frozenset())),
        (findings.NOTIFICATION_COLUMNS, findings.notifications(note)[0]),
        (findings.LATE_COLUMNS, findings.late_hours(note, UTC)[0]),
        (findings.PLACE_COLUMNS, findings.places([PlaceCount("", "cell", "RETRIEVE_FAILED", 1)])[0]),
    ]
    for columns, row in rows:
        assert tuple(name for name, value in row.items() if not isinstance(value, list)) == columns


def test_every_split_has_its_columns(house: House, store: SqliteStore) -> None:
    put(store, Batch(NOON, forwards=[forward(1, model="R750"), forward(2, counted=False, reason="off_net")]))
    for by in BYS:
        for row in counting.rows(store, "relay", by):
            assert tuple(row) == counting.COLUMNS[by]


def test_a_field_of_a_later_row_has_its_column() -> None:
    rows: list[dict[str, Any]] = [{"n": 1}, {"place": "x", "n": 2, "lines": [1]}, {"late": 3}]
    assert as_csv(("n",), rows) == "n,place,late\r\n1,,\r\n2,x,\r\n,,3\r\n"
    assert [*cells(workbook({"one": Sheet(("n",), rows)}))] == [["n", "place", "late"], [1.0], [2.0, "x"], [None, None, 3.0]]


# -------------------------------------------------------------------------------------------------------------------------- text

RUN = [
    *(f"{lead}{sign}1+1" for sign in "=+-@＝＋－＠﹦" for lead in ("", " ", "  \t", "\u3000", "\ufeff", "\u200b", "\n", "\u00a0")),
    "\tx", "\rx", "\nx", "'=1", "'s-Hertogenbosch",
]  # fmt: skip
PLAIN = ["", "\x0b" * 60 + "x", "南京", "1+1", "a=b", "86138****1234", "a\r\nb", 'a"b', "2026-11-22", "x; y", "*", "5;6", "a\tb"]
WITHIN = ["x;=1", "a;b; +1", "x\n=1", "x\r\n\n@now", "a\t-1;'b", "a;'b", "';'", "=1;=2", "a,=1;\ufeff＝1", 'say "x";=1']
WITHIN += ['a;"=1+1;b', ';"=1+1;b', 'a; " "=1', "a;'\"=1", '"=1', 'a;""=1;b']  # quotes are doubled: to a semicolon's reader two are none
PLACES = r"(\A|(?<=[;\t\r\n]))'"
"""Of an apostrophe that a reader takes off."""


@pytest.mark.parametrize("text", RUN)
def test_text_that_a_spreadsheet_would_run_stands_behind_an_apostrophe(text: str) -> None:
    head, (cell,) = csv.reader(io.StringIO(as_csv(("it",), [{"it": text}]), newline=""))
    assert (head, cell[0], re.sub(PLACES, "", cell)) == (["it"], "'", text)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("text", [*RUN, *WITHIN])
def test_no_cell_runs_whatever_separates_a_spreadsheets_cells(text: str, separator: str) -> None:
    harmless(text, separator)


@given(st.text(";\t\r\n \"'=-,a\ufeff＝", max_size=12), st.sampled_from(",;\t"))
def test_no_cell_of_any_text_runs(text: str, separator: str) -> None:
    harmless(text, separator)


def harmless(text: str, separator: str) -> None:
    """No reader that separates cells so finds one to run, and one that takes commas can have the text as it was."""
    rows = [{"first": text, "n": 1, "it": text, "more": text}]
    written = as_csv(rows[0], rows)
    for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
        for cell in row:
            begin = cell.lstrip(" \t\r\n\u3000\ufeff\u200b\u00a0")[:1]
            assert not begin or begin not in "=+-@＝＋－＠﹦", (written, cell)
    read = next(csv.DictReader(io.StringIO(written, newline="")))
    assert [re.sub(PLACES, "", read[name]) for name in ("first", "it", "more")] == [text] * 3


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_stays(text: str) -> None:
    assert next(csv.DictReader(io.StringIO(as_csv(("n", "it"), [{"n": 1, "it": text}]), newline="")))["it"] == text


def test_numbers_stay_numbers() -> None:
    row = {"below": -1, "share": -0.5, "yes": True, "no": False, "none": None}
    assert as_csv(row, [row]).splitlines()[1] == "-1,-0.5,1,0,"


@pytest.mark.parametrize("name", ["火炬传递.csv", 'a"b\\c/../d.csv', "a\r\nX: y.csv", "100%.csv", "é.csv"])
def test_a_download_of_any_name_is_named_in_ascii_and_as_it_is(name: str) -> None:
    value = attached(name)["Content-Disposition"]
    assert value.isascii()
    assert value.isprintable()
    plain, full = value.removeprefix("attachment; filename=").split("; filename*=UTF-8''")
    assert plain.startswith('"')
    assert plain.endswith('.csv"')
    assert not set(plain[1:-1]) & set('"\\/%')
    assert unquote(full) == "".join("_" if letter in "/\\\r\n" else letter for letter in name)


# -------------------------------------------------------------------------------------------------------------------------- many

CITIES = ["南京", "=1+1", " ＝1", "", 'quoted, "twice"', "two\r\nlines", "'s"]


def bare(text: str | None) -> str:
    """What stood there before it was made harmless."""
    return (text or "").removeprefix("'")


def test_a_hundred_thousand_forwards_in_little_memory_as_others_read_them(house: House, store: SqliteStore, tmp_path: Path) -> None:
    for start in range(0, MANY, 10_000):
        many = [forward(n, city=CITIES[n % len(CITIES)], score=0.5) for n in range(start + 1, start + 10_001)]
        put(store, Batch(NOON, forwards=many))
    file = tmp_path / "forwards.csv"
    assert fetched(house, "campaigns/relay/forwards.csv", file) < MOST_OCTETS
    assert file.stat().st_size > 12 << 20
    kept = [(row.id, row.forward.key.hex(), row.forward.city, row.forward.score) for row in pages(store)]
    assert len(kept) == MANY
    with file.open(encoding="utf-8-sig", newline="") as lines:
        assert [(int(row["id"]), row["forward"], bare(row["city"]), float(row["score"])) for row in csv.DictReader(lines)] == kept
    frame = polars.read_csv(file, schema_overrides={"forward": polars.String})
    assert [(n, key, bare(city), score) for n, key, city, score in frame.select("id", "forward", "city", "score").iter_rows()] == kept
    table = duckdb.execute(
        f"SELECT id, forward, city, score FROM read_csv('{file}', types = {{'forward': 'VARCHAR'}}) ORDER BY id"
    ).fetchall()
    assert [(n, key, bare(city), score) for n, key, city, score in table] == kept


def pages(store: SqliteStore) -> Iterator[Any]:
    after = 0
    while page := store.forwards("relay", 10_000, after):
        yield from page
        after = page[-1].id


class Made(Collection[dict[str, Any]]):
    """So many rows, none of them held."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return ({"city": f"{CITIES[n % 2]} {n}", "n": n, "share": n / MANY, "on": n % 2 == 0, "levels": [n]} for n in range(MANY))

    def __len__(self) -> int:
        return MANY

    def __contains__(self, row: object) -> bool:
        return any(row == each for each in self)


def test_a_workbook_of_a_hundred_thousand_rows_takes_little_memory_and_runs_nothing() -> None:
    tracemalloc.start()
    octets = workbook({"one": Sheet(("city",), Made())})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_OCTETS
    found = cells(octets)
    assert next(found) == ["city", "n", "share", "on"]
    assert all(
        (city, n, on) == (row["city"], row["n"], row["on"]) and share == pytest.approx(row["share"])
        for (city, n, share, on), row in zip(found, Made(), strict=True)
    )
    with zipfile.ZipFile(io.BytesIO(octets)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet


def cells(octets: bytes) -> Iterator[list[Any]]:
    """The rows of a workbook's first sheet by the letter of ECMA-376 part 1, §18.3.1.4."""
    read: dict[str, Callable[[str], Any]] = {"n": float, "inlineStr": str, "b": lambda text: text == "1"}
    with zipfile.ZipFile(io.BytesIO(octets)) as book, book.open("xl/worksheets/sheet1.xml") as sheet:
        for _, node in ElementTree.iterparse(sheet):
            if not node.tag.endswith("}row"):
                continue
            row: list[Any] = []
            for cell in node:
                row += [None] * (ord(cell.attrib["r"][0]) - ord("A") - len(row))
                row.append(read[cell.attrib.get("t", "n")]("".join(cell.itertext())))
            yield row
            node.clear()
