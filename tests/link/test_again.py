"""Lines read a second time: entered near their time, not through the whole file; copies once; what was left unread is named."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from mmsd.link.again import Feed, Line, Missing, Shelf
from mmsd.link.files import OsFiles
from mmsd.logs import DIALECTS
from mmsd.model import MINUTE, SECOND, Records

START: Final = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp()) * SECOND
LINES: Final = 40_000
WANTED: Final = 8613900000001


class Counting(OsFiles):
    """The real files; `octets` is how much was read of them."""

    octets = 0

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        data = super().pread(descriptor, size, offset)
        self.octets += len(data)
        return data


def line(second: int, receiver: int) -> str:
    at = datetime.fromtimestamp(START / SECOND + second, UTC)
    head = f"{at:%Y-%m-%d %H:%M:%S} Notify MMS [INT:MM1] [ACT:] [MMSC:] [from:system]"
    return f"{head} [to:+{receiver}] [msgid:m{second}] [size=-1] [UA:] [MMBox:]\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A line a second, every thousandth to one number: six megabytes."""
    path = tmp_path / "mmsc.log"
    path.write_text("".join(line(second, WANTED if second % 1000 == 500 else 8613800000000 + second) for second in range(LINES)))
    return path


def shelf(files: OsFiles, log: Path) -> Shelf:
    dialect = DIALECTS["mbuni"].from_options({}, zone=UTC, key=(1, 2))
    return Shelf(files, [Feed("mmsc", "mmsc1", (str(log),), dialect)])


def his(records: Records) -> npt.NDArray[np.bool_]:
    mine: npt.NDArray[np.bool_] = records["receiver"] == WANTED
    return mine


def seconds(lines: list[Line]) -> list[int]:
    return [(int(found.records["at"][0]) - START) // SECOND for found in lines]


def test_a_plain_file_is_entered_near_the_time(log: Path):
    files = Counting()
    with shelf(files, log) as opened:
        found = opened.between("mmsc", START + 30_000 * SECOND, START + 31_000 * SECOND, his)
    assert seconds(found.lines) == [30_500]
    assert found.lines[0].octets.decode() == line(30_500, WANTED)
    assert log.read_bytes()[found.lines[0].offset :].startswith(found.lines[0].octets)
    assert found.unread == []
    assert files.octets < log.stat().st_size


def test_a_compressed_copy_beside_its_original_is_not_told_twice(log: Path):
    log.with_name("mmsc.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    with shelf(OsFiles(), log) as opened:
        found = opened.between("mmsc", START, START + 3_000 * SECOND, his)
    assert seconds(found.lines) == [500, 1500, 2500]
    log.unlink()
    with shelf(OsFiles(), log) as opened:  # out of the feed's glob, and found as what rotation made of it
        assert seconds(opened.between("mmsc", START, START + 3_000 * SECOND, his).lines) == [500, 1500, 2500]


def test_what_was_too_much_is_named(log: Path):
    with shelf(OsFiles(), log) as opened:
        found = opened.between("mmsc", START, START + LINES * SECOND, his, most=1 << 20)
    assert found.unread == [(str(log), "too much to look through")]


def test_a_line_is_known_by_its_place_its_kind_and_its_time(log: Path):
    text = log.read_text()
    offset = text.index(f"[to:+{WANTED}]") - len(line(0, WANTED).partition("[to:")[0])
    with shelf(OsFiles(), log) as opened:
        found = opened.find("mmsc", str(log), offset, "NOTIFY", START + 500 * SECOND)
        assert isinstance(found, Line)
        assert found.octets.decode() == line(500, WANTED)
        for where, kind, at in ((offset + 1, "NOTIFY", 500), (offset, "FETCH", 500), (offset, "NOTIFY", 501)):
            assert isinstance(opened.find("mmsc", str(log), where, kind, START + at * SECOND), Missing)
        assert isinstance(opened.find("elsewhere", str(log), offset, "NOTIFY", START + 500 * SECOND), Missing)


def test_a_file_that_began_after_the_line_is_not_opened_for_it(log: Path):
    (log.parent / "mmsc.log.1").write_text(line(10, WANTED))
    log.write_text(line(100 + 2 * MINUTE // SECOND * 60, WANTED))
    with shelf(OsFiles(), log) as opened:
        found = opened.find("mmsc", str(log), 0, "NOTIFY", START + 10 * SECOND)
    assert isinstance(found, Line)
    assert found.path.endswith("mmsc.log.1")
