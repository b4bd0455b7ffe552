"""Numbers of files and records: what is missing is told once everything has been read, and taken back when it comes."""

from __future__ import annotations

import random

import msgspec
import pytest

from mmsd.model import Stretch
from mmsd.rules.series import MOST_FILES, MOST_GAPS, Missing, Series


def files(*numbers: int, node: str = "10.1.2.3") -> list[Stretch]:
    return [Stretch("files", number, number, node) for number in numbers]


def read(series: Series, *numbers: int) -> dict[str, int]:
    """A file a number; what was worth counting."""
    counted: dict[str, int] = {}
    for number in numbers:
        for note, n in series.take(number, files(number)).items():
            counted[note] = counted.get(note, 0) + n
    return counted


def told(series: Series) -> list[str]:
    return [str(missing) for missing in series.tell()]


def test_a_gap_is_told_once() -> None:
    series = Series()
    assert not read(series, 7, 8, 11)
    assert series.untold
    assert told(series) == ["files 9 to 10 of 10.1.2.3 are missing"]
    assert not series.untold
    assert told(series) == []
    assert not read(series, 12)
    assert told(series) == []


def test_a_backlog_comes_in_any_order(seed: int) -> None:
    dice = random.Random(seed)
    there = [number for number in range(2, 200) if number not in (17, 90, 91)]
    for _ in range(20):
        series, order = Series(), list(there)
        order.sort(key=lambda number: number + dice.randrange(30))  # as directories list them, or as modification times fall
        if dice.random() < 0.2:
            order.sort(key=str)
        assert not read(series, *order)
        assert sorted(told(series)) == ["files 17 of 10.1.2.3 are missing", "files 90 to 91 of 10.1.2.3 are missing"]


def test_what_comes_late_is_taken_back() -> None:
    series = Series()
    read(series, 1, 10)
    assert told(series) == ["files 2 to 9 of 10.1.2.3 are missing"]
    assert read(series, 5) == {"files that came late": 1}
    assert read(series, 5) == {"files with a number seen before": 1}
    assert read(series, 2, 3, 4, 6, 7, 8, 9, 11) == {"files that came late": 7}
    assert told(series) == []


def test_numbering_begins_anew() -> None:
    series = Series()
    read(series, 500, 501)
    told(series)
    assert read(series, 1) == {"numbering of files begun anew": 1}
    assert read(series, 2, 3, 5) == {}
    assert told(series) == ["files 4 of 10.1.2.3 are missing"]
    assert read(series, (1 << 32) - 1) == {"numbering of files begun anew": 1}
    assert read(series, 0, 1) == {"numbering of files begun anew": 1}
    assert told(series) == []


def test_each_node_counts_for_itself() -> None:
    series = Series()
    for ordinal, (node, number, first, last) in enumerate(
        [("a", 1, 100, 149), ("b", 7, 1, 10), ("a", 2, 150, 160), ("b", 8, 13, 20), ("a", 3, 162, 170)]
    ):
        # the header stands in the first chunk of a file; later ones belong to the same node
        assert not series.take(ordinal, [*files(number, node=node), Stretch("records", first, first + 3)])
        assert not series.take(ordinal, [Stretch("records", first + 4, last)])
    assert sorted(series.tell()) == [Missing("records", "a", 161, 161), Missing("records", "b", 11, 12)]


def test_numbers_that_are_no_sequence_are_left_alone() -> None:
    series = Series()
    assert read(series, *range(2, 4 * MOST_GAPS, 2)) == {"numbers of files are no sequence": 1}
    assert told(series) == []
    assert read(series, 1, 5000, 7) == {}
    assert told(series) == []


def test_it_is_packed_and_bounded() -> None:
    series = Series()
    read(series, *range(2 * MOST_FILES), 2 * MOST_FILES + 5)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(series), type=Series)
    assert again == series
    assert len(series.nodes) == MOST_FILES
    assert told(again) == told(series) == ["files 512 to 516 of 10.1.2.3 are missing"]


@pytest.mark.random
def test_what_is_told_less_what_came_late_is_what_never_came(seed: int, pytestconfig: pytest.Config) -> None:
    dice = random.Random(seed)
    for _ in range(200 * pytestconfig.option.effort):
        series, missing, late = Series(), 0, 0
        first, last = dice.randrange(2, 1000), 0
        last = first + dice.randrange(1, 60)
        never = {number for number in range(first + 1, last) if dice.random() < 0.1}
        if len(never) > MOST_GAPS // 2:
            continue
        order = sorted((n for n in range(first, last + 1) if n not in never), key=lambda n: n if n == first else n + dice.randrange(8))
        for number in order:
            notes = series.take(number, files(number))
            assert not set(notes) - {"files that came late"}
            late += notes["files that came late"]
            if dice.random() < 0.2:
                missing += sum(gap.last - gap.first + 1 for gap in series.tell())
        missing += sum(gap.last - gap.first + 1 for gap in series.tell())
        assert missing - late == len(never)


def dated(series: Series, number: int, first: int, newest: int) -> None:
    series.take(number, files(number), first, newest)


def test_where_files_are_missing_is_between_the_lines_around_them() -> None:
    series = Series()
    dated(series, 7, 100, 199)
    dated(series, 10, 400, 499)
    assert series.missing_files() == [], "more may come"
    series.tell()
    assert series.missing_files() == [(199, 400)]
    dated(series, 8, 200, 299)
    assert series.missing_files() == [(200, 400)], "the rest of it: from the first line of the one that came"
    dated(series, 9, 300, 399)
    assert series.missing_files() == []


def test_a_file_before_all_that_was_read_leaves_a_gap_behind_it() -> None:
    series = Series()
    dated(series, 5, 500, 599)
    dated(series, 3, 300, 399)
    series.tell()
    assert series.missing_files() == [(300, 500)]


def test_a_gap_ends_with_the_first_line_though_it_comes_in_a_later_chunk() -> None:
    series = Series()
    dated(series, 1, 100, 199)
    series.take(2, files(4))
    series.tell()
    assert series.missing_files() == []
    series.take(2, [], 450, 460)
    assert series.missing_files() == [(199, 450)]
