"""The outbox as rows: what a claim, an answer and a receipt see and leave behind."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from mmsd.model import Batch, Heard, Outgoing, Part, Reservation
from mmsd.rules.governor import Canary, Reserved, Tally
from mmsd.rules.outbox import Form
from mmsd.store import Due, Needs, Overdue, Rows, Store, migrate
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from tests.store.conftest import NOW, Open, put, see
from tests.store.values import LI, WANG, outgoing

DAY = "2026-11-22"


def rows_of(store: Store, needs: Needs) -> Rows:
    return see(store, needs)


def due(now: int = 100, lanes: dict[tuple[str, Form], int] | None = None) -> Needs:
    return Needs(due=Due(now, {("marketing", Form.TEXT): 100} if lanes is None else lanes, 1000, DAY))


def keys_of(rows: Rows) -> list[bytes]:
    return [each.row.key for each in rows.waiting]


def moved(row: Outgoing, **changes: object) -> Batch:
    return Batch(NOW, moved=[msgspec.structs.replace(row, **changes)])


def test_everything_of_a_row_comes_back(open_store: Open) -> None:
    asked = outgoing(
        b"1",
        pieces=((b"\x06\x05", b"push"), (b"", b"rest")),
        body="",
        campaign="torch",
        sender="10658",
        sub_code="01",
        link_id="L",
        asked=7,
    )
    put(open_store(), Batch(NOW, outbox=[asked]))
    went: dict[str, Any] = {
        "state": "sending", "reason": "r", "due": 1, "tries": 2, "refusals": 3, "link": "smsc1", "reference": 4, "submitted": 5, "parts": 6,
        "fence": 7, "reserved": 8,
    }  # fmt: skip
    put(open_store(), moved(asked, **went))
    store = open_store()
    [(number, row)] = store.outbox(None, 9)
    assert row == msgspec.structs.replace(asked, **went) == store.outgoing(number)
    assert store.outgoing(number + 1) is None
    assert store.outbox("sending", 9, kind="marketing") == [(number, row)]
    assert store.outbox("sending", 9, kind="service") == store.outbox("ready", 9) == store.outbox(None, 9, after=number) == []
    assert store.outbox_counts() == {("marketing", "sending"): 1}


def test_a_claim_sees_what_is_ready_and_due_lane_by_lane_by_priority(store: Store) -> None:
    put(
        store,
        Batch(
            NOW,
            outbox=[
                outgoing(b"low", priority=0), outgoing(b"high", priority=3), outgoing(b"early", priority=0, due=40),
                outgoing(b"later", priority=3, due=101), outgoing(b"sent", state="sent"), outgoing(b"other", kind="service"),
                outgoing(b"push", pieces=((b"", b"x"),)), outgoing(b"torch", campaign="torch"),
            ],
        ),
    )  # fmt: skip
    assert keys_of(rows_of(store, due())) == [b"high", b"early", b"low", b"torch"]
    assert keys_of(rows_of(store, due(lanes={("marketing", Form.TEXT): 2}))) == [b"high", b"early"]
    assert keys_of(rows_of(store, due(lanes={("marketing", Form.OCTETS): 9, ("service", Form.TEXT): 9}))) == [b"push", b"other"]
    assert keys_of(rows_of(store, due(lanes={("marketing", Form.TEXT): 0}))) == []
    for name, left in (("all", []), ("marketing", []), ("campaign:torch", [b"high", b"early", b"low"])):
        put(store, Batch(NOW, stops=[(name, True)]))
        assert keys_of(rows_of(store, due())) == left
        assert set(rows_of(store, due()).usage.stops) == {name}
        put(store, Batch(NOW, stops=[(name, False)]))


def test_usage_is_what_was_reserved_and_what_people_said(store: Store) -> None:
    one, two = outgoing(b"1"), outgoing(b"2", msisdn=WANG)
    put(store, Batch(NOW, outbox=[one, two, outgoing(b"3"), outgoing(b"4")], opted_out=[(WANG, "all", True), (WANG, "service", True)]))
    put(store, moved(one, state="sent", reserved=50))
    put(store, moved(outgoing(b"3"), state="shadow", reserved=60))
    counts = [
        Reservation("marketing", "", DAY, False, 1),
        Reservation("marketing", "", DAY, True, 1),
        Reservation("marketing", "", DAY, False, 1),
    ]
    put(
        store,
        Batch(NOW, reserved=[*counts, Reservation("marketing", "", "2026-11-21", False, 9), Reservation("marketing", "", DAY, False, -1)]),
    )
    usage = rows_of(store, due()).usage
    number, seen = store.usage(LI, 0, DAY)
    assert usage.reserved[number] == [Reserved(50, "marketing", "serial"), Reserved(60, "marketing", "serial", shadow=True)]
    assert usage.reserved == seen.reserved
    assert usage.days == {("marketing", DAY): Tally(1, 1)}
    assert usage.canaries == {("marketing", ""): Canary(10)}
    assert set(usage.opted_out.values()) == {frozenset({"all", "service"})}
    assert store.usage(LI, 55, DAY)[1].reserved == {number: [Reserved(60, "marketing", "serial", shadow=True)]}
    assert store.usage("8613912349999", 0, DAY)[0] == 0
    put(store, Batch(NOW, opted_out=[(WANG, "all", False)]))
    assert set(rows_of(store, due()).usage.opted_out.values()) == {frozenset({"service"})}


def test_time_s_rows(store: Store) -> None:
    asked: dict[bytes, dict[str, Any]] = {
        b"old": {"expires": 100},
        b"held": {"state": "held", "expires": 100},
        b"fresh": {"expires": 101},
        b"unsure": {"state": "uncertain", "due": 100},
        b"waits": {"state": "uncertain", "due": 101},
        b"left": {"state": "sending"},
        b"ours": {"state": "sending"},
        b"done": {"state": "sent", "expires": 1},
    }
    rows = [outgoing(key, **fields) for key, fields in asked.items()]
    put(store, Batch(NOW, outbox=rows))
    for row, fence in zip(rows[-3:-1], (1, 2), strict=True):
        put(store, moved(row, fence=fence, tries=1, link="smsc1"))
    put(store, Batch(NOW, parts=[Part("smsc1", "a", b"left", 1)]))
    found = rows_of(store, Needs(overdue=Overdue(100, 2, 10)))
    assert {row.key for row in found.overdue} == {b"old", b"held", b"unsure", b"left"}
    assert found.parts_of == {b"left": [Part("smsc1", "a", b"left", 1)]}


def test_who_takes_over_has_a_higher_number_and_what_was_held_is_judged_anew(open_store: Open) -> None:
    store = open_store()
    put(store, Batch(NOW, outbox=[outgoing(b"1", state="held")]))
    assert (store.take_over(), store.take_over()) == (1, 2)
    assert open_store().take_over() == 3
    assert rows_of(open_store(), due()).fence == 3
    assert open_store().outbox_states() == {"ready": 1}


def test_parts_are_found_by_id_and_by_whom_they_may_be_of(store: Store) -> None:
    one, two = outgoing(b"1"), outgoing(b"2", msisdn=WANG)
    put(store, Batch(NOW, outbox=[one, two]))
    for row in (one, two):
        put(store, moved(row, state="uncertain", tries=1, link="smsc1"))
    put(store, Batch(NOW, parts=[Part("smsc1", "a", b"1", 1), Part("smsc1", "b", b"1", 2, "DELIVRD", True), Part("cmpp1", "a", b"2", 1)]))
    needs = Needs(
        parts=frozenset({("smsc1", "a"), ("smsc1", "gone")}),
        unsure=frozenset({("smsc1", WANG), ("cmpp1", WANG), ("smsc1", "8613900000000")}),
    )
    rows = rows_of(store, needs)
    assert rows.parts == {("smsc1", "a"): Part("smsc1", "a", b"1", 1)}
    assert rows.unsure == {("smsc1", WANG): [b"2"], ("cmpp1", WANG): []}
    assert set(rows.outbox) == {b"1", b"2"}
    assert [part.message for part in rows.parts_of[b"1"]] == ["a", "b"]
    put(store, Batch(NOW, parts=[Part("smsc1", "a", b"2", 1, "UNDELIV", True)]))  # a centre that uses its ids again
    assert rows_of(store, Needs(parts=frozenset({("smsc1", "a")}))).parts == {("smsc1", "a"): Part("smsc1", "a", b"2", 1, "UNDELIV", True)}


def test_a_canary_that_is_approved_lets_go_its_own_alone(store: Store) -> None:
    waits = {"state": "held", "reason": "canary"}
    held = [outgoing(b"1", **waits, campaign="torch"), outgoing(b"2", **waits)]
    held.append(outgoing(b"3", state="held", reason="cap", campaign="torch"))
    put(store, Batch(NOW, outbox=held))
    put(store, Batch(NOW, approved=[("marketing", "torch")]))
    assert [row.state for _, row in store.outbox(None, 9)] == ["ready", "held", "held"]


def test_what_came_in_is_kept_newest_first(store: Store) -> None:
    heard = [
        Heard("smsc1", LI, "10658", "", "one", 1),
        Heard("smsc1", WANG, "1065801", "01", "two", 2, b"\x01", "L"),
        Heard("smsc1", LI, "10658", "", "three", 3),
    ]
    put(store, Batch(NOW, heard=heard))
    assert [each for _, each in store.heard(None, 9)] == heard[::-1]
    assert [each.text for _, each in store.heard(LI, 9)] == ["three", "one"]
    assert [each.text for _, each in store.heard(None, 9, after=store.heard(None, 1)[0][0])] == ["two", "one"]
    assert store.heard("8613900000000", 9) == []


def test_only_what_is_done_is_forgotten(store: Store) -> None:
    states = ("ready", "held", "sending", "uncertain", "parked", "sent", "delivered", "failed", "expired", "dropped", "shadow")
    put(store, Batch(NOW, outbox=[outgoing(state.encode(), state=state) for state in states], parts=[Part("smsc1", "a", b"delivered", 1)]))
    assert store.forget_texts(NOW) == 0
    assert store.forget_texts(NOW + 1) == 6
    assert {row.state for _, row in store.outbox(None, 20) if row.body} == {"ready", "held", "sending", "uncertain", "parked"}
    assert rows_of(store, Needs(parts=frozenset({("smsc1", "a")}))).parts == {}


def test_rows_of_an_older_store_are_never_sent(tmp_path: Path) -> None:
    """Up to schema 6 nothing was sent: what stood there was only ever shown, in the clear."""
    steps = migrate.read_steps()
    (tmp_path / "state").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "mmsd.db", isolation_level=None)) as connection:
        migrate.migrate(connection, [step for step in steps if step.version <= 6], lambda _: None)
        connection.execute("INSERT INTO subscriber (id, lookup, sealed, key_id, at) VALUES (1, X'01', NULL, '', 0)")
        for number, state in enumerate(("shadow", "ready")):
            connection.execute(
                "INSERT INTO outbox (key, kind, purpose, subscriber, body, state, due, expires, priority, at)"
                " VALUES (?, 'marketing', 'serial', 1, 'SERIAL', ?, 0, ?, 0, 0)",
                (bytes([number]), state, 1 << 60),
            )
    keys = Keys(bytes(range(32)), os.urandom)
    with SqliteStore.open(tmp_path / "state", settings=Settings(), keys=keys, wall=lambda: NOW) as store:
        assert [(row.state, row.body) for _, row in store.outbox(None, 9)] == [("shadow", ""), ("expired", "")]
        assert rows_of(store, due(NOW)).waiting == []
