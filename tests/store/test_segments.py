"""The packed days: whatever is compacted, folded and merged, a look-up finds what was appended."""

from __future__ import annotations

import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator

import pytest

from mmsd.model import DAY
from mmsd.store import migrate, segments
from mmsd.store.segments import Segments, drop_days, find
from tests.store.values import closed


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate.migrate(connection, migrate.read_steps(), lambda _: None)
    yield connection
    connection.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thresholds at which a few hundred rows go through every stage."""
    for name, value in {"_TAIL_ROWS": 40, "_TAIL_BLOBS": 6, "FAN": 3, "_SLICES_AT_ONCE": 2}.items():
        monkeypatch.setattr(segments, name, value)


@pytest.mark.usefixtures("small")
def test_every_row_is_found_as_last_stated(connection: sqlite3.Connection, seed: int, effort: int) -> None:
    draw = random.Random(seed)
    receivers = [draw.getrandbits(64) | 1 for _ in range(12)]
    receivers += [receiver ^ 2 for receiver in receivers[:4]]  # neighbours in a slice
    writer = Segments()
    known: dict[int, dict[tuple[int, int], tuple[int, int]]] = defaultdict(dict)
    levels = set()
    for turn in range(300 * effort):
        rows = []
        for _ in range(draw.randint(1, 9)):
            receiver, message, at = draw.choice(receivers), draw.randint(1, 6), draw.randint(0, 99)
            day = turn * 3 // (300 * effort)  # a restatement never closes before what it restates
            rows.append((receiver, message, draw.randint(0, 1), at, day * DAY + draw.randint(0, DAY - 1), draw.randint(0, 2)))
            known[receiver].pop((message, rows[-1][2]), None)
            if rows[-1][5]:  # 0 withdraws it
                known[receiver][message, rows[-1][2]] = (at, rows[-1][5])
        connection.execute("BEGIN")
        writer.append(
            connection, closed(**dict(zip(("receiver", "message", "leg", "at", "closed", "outcome"), zip(*rows, strict=True), strict=True)))
        )
        connection.execute("COMMIT")
        while writer.due and draw.random() < 0.9:
            connection.execute("BEGIN")
            writer.tend(connection)
            connection.execute("COMMIT")
        if draw.random() < 0.05:  # as after a failed transaction, or a start
            writer = Segments()
            writer.reload(connection)
        levels |= {level for (level,) in connection.execute("SELECT DISTINCT level FROM closed_cell")}
        receiver = draw.choice(receivers)
        found = {(row["message"], row["leg"]): (row["at"], row["outcome"]) for row in find(connection, receiver)}
        assert found == known[receiver]
    assert max(levels) >= 2
    assert find(connection, receivers[0] ^ 4).size == 0


def test_a_merged_cell_is_older_than_the_cells_below_it(connection: sqlite3.Connection) -> None:
    for identity, level, outcome in ((4, 0, 2), (5, 1, 1), (6, 2, 0)):
        row = closed(receiver=9, message=1, closed=DAY, outcome=outcome)
        connection.execute("INSERT INTO closed_cell VALUES (?, 1, 0, ?, 1, ?)", (identity, level, row.tobytes()))
    assert find(connection, 9)["outcome"].tolist() == [2]


def test_a_withdrawn_delivery_is_not_told_until_it_is_stated_again(connection: sqlite3.Connection) -> None:
    writer = Segments()
    stated = closed(receiver=9, message=[1, 1, 2, 0], leg=[1, 2, 1, 0], closed=DAY, outcome=2)
    withdrawn = stated[[0, 3]]
    withdrawn["outcome"] = segments.WITHDRAWN
    for rows, told in ((stated, [(0, 0), (1, 1), (1, 2), (2, 1)]), (withdrawn, [(0, 0), (1, 2), (2, 1)]), (stated[:1], None)):
        writer.append(connection, rows)
        found = find(connection, 9)[["message", "leg"]].tolist()
        assert sorted(found) == (told or [(0, 0), (1, 1), (1, 2), (2, 1)])
    writer.append(connection, closed(receiver=8, message=2, leg=1, closed=DAY, outcome=segments.WITHDRAWN))
    assert find(connection, 8).size == 0
    assert find(connection, 9).size == 4, "another receiver's row hides nothing"


@pytest.mark.usefixtures("small")
def test_days_are_dropped_whole(connection: sqlite3.Connection) -> None:
    writer = Segments()
    for day in range(10):
        writer.append(connection, closed(receiver=5, message=range(1 + 40 * day, 41 + 40 * day), closed=day * DAY + 1))
        writer.tend(connection)
    assert find(connection, 5).size == 400
    dropped = 0
    while n := drop_days(connection, 7 * DAY + 5, 2):
        assert n <= 2
        dropped += n
    assert dropped
    assert set(find(connection, 5)["closed"].tolist()) == {day * DAY + 1 for day in (7, 8, 9)}


def test_rows_of_another_shape_are_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(TypeError, match="dtype"):
        Segments().append(connection, closed(receiver=1)[["at", "closed"]])


@pytest.mark.usefixtures("small")
def test_a_slice_never_has_many_cells(connection: sqlite3.Connection) -> None:
    writer = Segments()
    for turn in range(100):
        writer.append(connection, closed(receiver=1 << 60, message=range(1 + 40 * turn, 41 + 40 * turn), closed=DAY))
        while writer.due:
            writer.tend(connection)
    cells = connection.execute("SELECT level, count(*), sum(n) FROM closed_cell GROUP BY level").fetchall()
    assert all(count < segments.FAN for _, count, _ in cells)
    assert sum(n for _, _, n in cells) == 4000
    assert find(connection, 1 << 60).size == 4000
