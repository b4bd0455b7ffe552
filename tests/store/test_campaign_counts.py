"""What campaigns count, moved forward by forward, is what an outsider counts of all at once: DuckDB, over rows of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from mmsd.model import HOUR, SECOND, Batch, Closing, Forward, Serial
from mmsd.rules.closing import Course
from mmsd.store import Store
from mmsd.store.campaign_counts import PARTS, PEOPLE, Close, Place, wait_bin
from mmsd.store.sqlite import SqliteStore
from tests.store.conftest import NOW, Open, put
from tests.store.relay import Relay
from tests.store.values import LI, WANG, ZHAO, forward


def truth(rows: list[Forward], folder: Path) -> dict[str, set[tuple[str, ...]]]:
    """Every roll-up as DuckDB makes it of the rows."""
    file = folder / "truth.jsonl"
    given = [msgspec.structs.asdict(row) | {"key": row.key.hex(), "parent": row.parent.hex() if row.parent else None} for row in rows]
    file.write_text("\n".join(json.dumps(row) for row in given))
    base = duckdb.connect()
    base.execute(f"CREATE TABLE forward AS SELECT * FROM read_json('{file}', format = 'newline_delimited')")
    base.execute("CREATE VIEW counts AS SELECT * FROM forward WHERE counted")
    questions = {
        "campaign_total": "SELECT count(*), count(DISTINCT sender) FROM counts",
        "campaign_city": "SELECT city, count(*) FROM counts GROUP BY ALL",
        "campaign_day": "SELECT day, city, count(*) FILTER (counted), count(*) FILTER (NOT counted),"
        " count(DISTINCT sender) FILTER (counted) FROM forward GROUP BY ALL",
        "hour": f"SELECT day, retrieved // {HOUR}, count(*) FROM counts GROUP BY ALL",
        "wait": "SELECT day, CASE WHEN received = 0 THEN '' ELSE CAST(length(bin((submitted - received) // 1000000 + 1)) - 1 AS TEXT) END,"
        " count(*) FROM counts GROUP BY ALL",
        "children": "SELECT p.day, '', count(*) FROM counts f JOIN counts p ON f.parent = p.key GROUP BY ALL",
        "reason": "SELECT day, reason, count(*) FROM forward WHERE NOT counted GROUP BY ALL",
        "people_day": "SELECT day, '', count(DISTINCT sender) FROM counts GROUP BY ALL",
        "people_city": "SELECT '', city, count(DISTINCT sender) FROM counts GROUP BY ALL",
        "people_model": "SELECT '', model, count(DISTINCT sender) FROM counts GROUP BY ALL",
        "fan_out": "SELECT '', n, count(*) FROM (SELECT count(*) AS n FROM counts GROUP BY sender) GROUP BY ALL",
        "trees": "WITH RECURSIVE up AS (SELECT key, parent, sender, counted, generation FROM forward UNION ALL"
        " SELECT u.key, p.parent, p.sender, u.counted, u.generation FROM up u JOIN forward p ON u.parent = p.key)"
        " SELECT sender, generation, count(*) FROM up WHERE parent IS NULL AND counted GROUP BY ALL",
    }
    questions |= {part: f"SELECT day, {part}, count(*) FROM counts GROUP BY ALL" for part in ("seed", "generation", "model", "method")}
    return {name: {tuple(map(str, row)) for row in base.execute(sql).fetchall()} for name, sql in questions.items()}


def said(store: Store) -> dict[str, set[tuple[str, ...]]]:
    """The same as the store's readers tell it."""
    counts = store.counts("relay")
    found: dict[str, set[tuple[Any, ...]]] = {"campaign_total": {(counts.forwards, counts.people)}}
    found["campaign_day"] = {(*where, *n) for where, n in store.campaign_days("relay").items()}
    for part in PARTS:
        found[part] = set(store.campaign_parts("relay", part))
    for part in PEOPLE:
        found[part] = set(store.campaign_parts("relay", part, "" if part != "people_day" else "0", "~"))
    found["trees"] = {
        (tree.msisdn, generation, n) for tree in store.campaign_trees("relay", 10_000) for generation, n in enumerate(tree.levels, 1) if n
    }
    return {name: {tuple(map(str, row)) for row in rows} for name, rows in found.items()}


def check(store: Store, relay: Relay, folder: Path) -> None:
    true, told = truth(list(relay.rows.values()), folder), said(store)
    small = {root for root, _, _ in true["trees"]} - {root for root, _, _ in told["trees"]}
    sizes: dict[str, int] = {}
    for root, _, n in true["trees"]:
        sizes[root] = sizes.get(root, 0) + int(n)
    assert all(sizes[root] < 5 for root in small)
    true["trees"] = {row for row in true["trees"] if row[0] not in small}
    for name, rows in told.items():
        assert rows == true[name], name
    assert differences_in(store) == []


def differences_in(store: Store) -> list[Any]:
    assert isinstance(store, SqliteStore)
    return store.campaign_differences("relay")


@pytest.mark.random
def test_every_roll_up_equals_the_truth_over_restatements_and_restarts(open_store: Open, tmp_path: Path, seed: int) -> None:
    relay = Relay(seed)
    store = open_store()
    for step in range(40):
        rows = [relay.restated() if relay.rows and relay.draw.random() < 0.4 else relay.new() for _ in range(relay.draw.randrange(1, 12))]
        if step % 9 == 3:  # it comes to nothing: the forwards and all counters with it
            broken = [*rows, msgspec.structs.replace(rows[0], campaign="other")]
            with pytest.raises(Exception, match="comes with the key of another"):
                put(store, Batch(at=NOW, forwards=broken))
        if step % 10 == 9:
            store = open_store()
        put(store, Batch(at=NOW, forwards=rows))
        if step % 13 == 12:
            check(store, relay, tmp_path)
    check(store, relay, tmp_path)


def test_a_batch_may_hold_a_child_before_its_parent(store: Store) -> None:
    child = forward(1, sender=WANG, receiver=ZHAO, parent=forward(2).key, generation=2)
    put(store, Batch(at=NOW, forwards=[child, forward(2)]))
    assert [(split.day, split.n) for split in store.campaign_parts("relay", "children")] == [("2026-11-22", 1)]
    assert differences_in(store) == []


def test_a_parent_that_is_not_stored_is_nobodys(store: Store) -> None:
    """It is another's to say where it came from once it is: by then the forward has a tree of its own."""
    child = forward(1, sender=WANG, receiver=ZHAO, parent=forward(2).key, generation=2)
    put(store, Batch(at=NOW, forwards=[child]))
    put(store, Batch(at=NOW, forwards=[forward(2)]))
    assert differences_in(store) == []
    put(store, Batch(at=NOW, forwards=[child]))
    assert [(split.day, split.n) for split in store.campaign_parts("relay", "children")] == [("2026-11-22", 1)]
    assert differences_in(store) == []


def test_differences_are_found(store: Store) -> None:
    put(store, Batch(at=NOW, forwards=[forward(1), forward(2, sender=WANG, receiver=LI, parent=forward(1).key, generation=2)]))
    assert differences_in(store) == []
    damage(store, "UPDATE campaign_part SET n = n + 1 WHERE part = 'hour'")
    damage(store, "DELETE FROM campaign_tree")
    assert {name for name, _ in differences_in(store)} == {"hour", "campaign_tree"}


def damage(store: Store, statement: str) -> None:
    assert isinstance(store, SqliteStore)
    store._submit(lambda connection: connection.execute(statement))


@pytest.mark.random
def test_a_store_from_before_is_counted_anew(open_store: Open, tmp_path: Path, seed: int) -> None:
    relay = Relay(seed)
    store = open_store()
    put(store, Batch(at=NOW, forwards=[relay.new() for _ in range(60)], serials=[Serial("AAAA", forward(1).key)]))
    before = said(store)
    for table in ("campaign_part", "campaign_tree"):
        damage(store, f"DELETE FROM {table}")
    damage(store, "UPDATE campaign_sender SET parts = x''")
    damage(store, "UPDATE forward SET root = sender")
    store = open_store()
    assert said(store) == before
    assert store.counts("relay").serials == 1
    check(store, relay, tmp_path)


def test_what_was_waited_is_told_in_doubling_steps() -> None:
    def waited(submitted: int, received: int) -> str:
        return wait_bin(Place("", 1, 2, "", 1, None, submitted, 0, received, "", "", "", "", True, "", 1))

    assert [waited(10 + seconds * SECOND, 10) for seconds in (0, 1, 2, 3, 3600)] == ["0", "1", "1", "2", "11"]
    assert (waited(NOW, 0), waited(5, 10)) == ("", "0")


# --------------------------------------------------------------------------------------------------------------- what was said


def close(store: Store, stage: str, *forwards: Forward) -> None:
    put(store, Batch(at=NOW, forwards=list(forwards), closings=[Closing("relay", "2026-11-22", stage, NOW)]))


def test_a_close_says_the_figures_of_its_own_batch(store: Store) -> None:
    close(store, "provisional", forward(1), forward(2, city="suzhou"), forward(3, counted=False, reason="self"))
    [said] = store.campaign_closes("relay")
    assert said == Close("2026-11-22", "provisional", NOW, NOW, 1, {"nanjing": (1, 1, 1), "suzhou": (1, 0, 1)})


def test_what_comes_between_the_closes_is_their_difference(store: Store) -> None:
    close(store, "provisional", forward(1))
    close(store, "provisional", forward(2))  # said once
    close(store, "final", forward(3, sender=ZHAO), msgspec.structs.replace(forward(2), counted=False, reason="self"))
    provisional, final = store.campaign_closes("relay")
    assert (provisional.cities, provisional.people) == ({"nanjing": (1, 0, 1)}, 1)
    assert (final.cities, final.people) == ({"nanjing": (2, 1, 2)}, 2)
    assert store.campaign_late("relay", 10) == []


def test_what_comes_after_the_final_figures_is_told_apart(store: Store) -> None:
    close(store, "final", forward(1), forward(2))
    final = store.campaign_closes("relay")
    put(store, Batch(at=NOW + 1, forwards=[forward(3), forward(4, day="2026-11-23"), forward(5, counted=False, reason="self")]))
    put(store, Batch(at=NOW + 2, forwards=[msgspec.structs.replace(forward(1), day="2026-11-23")]))
    put(store, Batch(at=NOW + 3, forwards=[msgspec.structs.replace(forward(2), method="exact")]))  # changes no figure of the day
    assert store.campaign_closes("relay") == final
    late = store.campaign_late("relay", 10)
    assert [(row.at - NOW, row.day, row.city, row.counted, row.other, row.forward) for row in late] == [
        (1, "2026-11-22", "nanjing", 1, 0, forward(3).key),
        (1, "2026-11-22", "nanjing", 0, 1, forward(5).key),
        (2, "2026-11-22", "nanjing", -1, 0, forward(1).key),
    ]
    assert store.campaign_late("relay", 10, late[1].id) == late[2:]
    counted, other, _ = store.campaign_days("relay")["2026-11-22", "nanjing"]
    moved = [(row.counted, row.other) for row in late]
    assert (counted, other) == tuple(final[0].cities["nanjing"][n] + sum(move[n] for move in moved) for n in (0, 1))


def test_courses_are_days_with_forwards_and_what_was_said(store: Store) -> None:
    assert store.campaign_courses() == {}
    close(store, "provisional", forward(1), forward(2, day="2026-11-24"), forward(3, campaign="other"))
    assert store.campaign_courses() == {
        "relay": Course("2026-11-22", "2026-11-24", {("2026-11-22", "provisional")}), "other": Course("2026-11-22", "2026-11-22"),
    }  # fmt: skip
