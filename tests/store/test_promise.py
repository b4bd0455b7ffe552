"""What every store promises, whatever database is behind it."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmsd import model
from mmsd.errors import StoreError
from mmsd.model import (
    AttemptCount,
    Audit,
    Batch,
    CodeCount,
    DayCount,
    DelayCount,
    Event,
    HourCount,
    LineCount,
    MeasureCount,
    Reject,
    Serial,
    UnknownCode,
)
from mmsd.rules.kpi import Figures
from mmsd.store import Counted, DeliveryFilter, Needs, Ordinal, Rows, Store
from mmsd.store.keys import Keys
from tests.store.conftest import NOW, Open, put, see, stored
from tests.store.values import LI, WANG, ZHAO, attempt, closed, delivery, extent, finding, forward, mark, outgoing

ALL = DeliveryFilter()


# ---------------------------------------------------------------------------------------------------- state, positions


def test_a_new_store_knows_nothing(store: Store) -> None:
    loaded = store.load()
    assert (stored(store), loaded.marks, loaded.extents, loaded.names) == ((None, ()), {}, {}, {})
    assert store.story(LI).size == 0
    assert store.kpi(0, 1 << 40).outcomes == {}


def test_state_and_positions_come_back_as_committed(open_store: Open) -> None:
    store = open_store()
    put(store, Batch(at=NOW, delta=b"one", marks=[("mmsc1", mark(100))], extents=[extent(0, 100)], interned=[("node", 1, "mmsc1")]))
    put(store, Batch(at=NOW, delta=b"two", marks=[("mmsc1", mark(250)), ("sms1", mark(7, 2))], extents=[extent(100, 250)]))
    for again in (lambda: store, open_store):
        here = again()
        assert stored(here).deltas == (b"one", b"two")
        loaded = here.load()
        assert loaded.marks == {"mmsc1": (mark(250),), "sms1": (mark(7, 2),)}
        assert loaded.extents == {"mmsc1": (extent(0, 250),)}, "contiguous extents become one"
        assert loaded.names == {"node": {1: "mmsc1"}}


def test_extents_with_a_gap_stay_apart(store: Store) -> None:
    put(store, Batch(at=NOW, extents=[extent(0, 10), extent(20, 30), extent(0, 10, ordinal=2)]))
    assert store.load().extents == {"mmsc1": (extent(0, 10), extent(20, 30), extent(0, 10, ordinal=2))}


def test_state_of_files_long_gone_is_deleted(store: Store) -> None:
    for n in (1, 2):
        put(store, Batch(at=NOW, marks=[("mmsc1", mark(100, n)), ("sms1", mark(100, n))], extents=[extent(0, 100, ordinal=n)]))
    put(store, Batch(at=NOW, expired=[("mmsc1", 1)]))
    loaded = store.load()
    assert loaded.marks == {"mmsc1": (mark(100, 2),), "sms1": (mark(100, 1), mark(100, 2))}
    assert loaded.extents == {"mmsc1": (extent(0, 100, ordinal=2),)}


@pytest.mark.parametrize("again", [(0, 100), (99, 200), (50, 60), (0, 1)])
def test_bytes_take_effect_once(store: Store, again: tuple[int, int]) -> None:
    put(store, Batch(at=NOW, marks=[("mmsc1", mark(100))], extents=[extent(0, 100)]))
    with pytest.raises(StoreError, match="took effect before"):
        put(store, Batch(at=NOW, extents=[extent(*again)], hours=[HourCount(1, "mmsc1", "", "delivered", "OK", 1)]))
    assert store.load().extents == {"mmsc1": (extent(0, 100),)}
    assert store.kpi(0, 2).outcomes == {}


def test_bytes_take_effect_once_even_when_marks_are_lost(store: Store) -> None:
    put(store, Batch(at=NOW, extents=[extent(0, 100)]))
    with pytest.raises(StoreError, match="took effect before"):
        put(store, Batch(at=NOW, extents=[extent(50, 150)]))


def test_a_file_that_shrank_is_read_on_from_its_new_end(store: Store) -> None:
    put(store, Batch(at=NOW, marks=[("mmsc1", mark(100))], extents=[extent(0, 100)]))
    put(store, Batch(at=NOW, marks=[("mmsc1", mark(90))], extents=[extent(70, 90)], audits=[Audit("mmsc1", "shrink", "access.log")]))
    assert store.load().extents == {"mmsc1": (extent(0, 90),)}
    put(store, Batch(at=NOW, marks=[("mmsc1", mark(40))]))  # shrank again; its audit came before any byte
    put(store, Batch(at=NOW, marks=[("mmsc1", mark(60))], extents=[extent(40, 60)]))
    assert store.load().extents == {"mmsc1": (extent(0, 60),)}


def test_a_snapshot_replaces_what_came_before_it(open_store: Open) -> None:
    store = open_store()
    put(store, Batch(at=NOW, delta=b"old"))
    put(store, Batch(at=NOW, snapshot=store.write_snapshot([b"whole"])))
    put(store, Batch(at=NOW, delta=b"new"))
    never_committed = store.write_snapshot([b"lost"])
    for again in (lambda: store, open_store):
        assert stored(again()) == (b"whole", (b"new",))
    store = open_store()
    with pytest.raises(StoreError, match="not in the state directory"):
        put(store, Batch(at=NOW, snapshot=never_committed))
    put(store, Batch(at=NOW, snapshot=store.write_snapshot([b"next"])))
    assert stored(store) == (b"next", ())


def test_a_large_delta_is_a_file_that_a_snapshot_removes(open_store: Open, tmp_path: Path) -> None:
    def files() -> list[str]:
        return sorted(path.name for path in tmp_path.rglob("state-*.*"))

    store = open_store()
    put(store, Batch(at=NOW, delta=b"small"))
    put(store, Batch(at=NOW, delta_file=store.write_delta([b"lar", b"ge"])))
    put(store, Batch(at=NOW, delta=b"next"))
    never_committed = store.write_delta([b"lost"])
    assert stored(store).deltas == (b"small", b"large", b"next")
    store = open_store()
    assert stored(store).deltas == (b"small", b"large", b"next")
    assert files() == ["state-000001.delta"]
    with pytest.raises(StoreError, match="not in the state directory"):
        put(store, Batch(at=NOW, delta_file=never_committed))
    put(store, Batch(at=NOW, snapshot=store.write_snapshot([b"whole"])))
    assert stored(store) == (b"whole", ())
    assert files() == ["state-000002.snapshot"]


def test_a_name_behind_a_small_id_never_changes(store: Store) -> None:
    put(store, Batch(at=NOW, interned=[("cause", 1, "OK"), ("cause", 1, "OK"), ("rule", 1, "D1")]))
    with pytest.raises(StoreError):
        put(store, Batch(at=NOW, interned=[("cause", 1, "EXPIRED")]))
    with pytest.raises(StoreError):
        put(store, Batch(at=NOW, interned=[("cause", 2, "OK")]))
    assert store.load().names == {"cause": {1: "OK"}, "rule": {1: "D1"}}


# ------------------------------------------------------------------------------------------------------- transactions


def test_nothing_is_stored_when_deciding_fails(store: Store) -> None:
    def decide(_: Rows) -> Batch:
        raise LookupError("planted")

    with pytest.raises(LookupError, match="planted"):
        store.transact(Needs(), decide)
    put(store, Batch(at=NOW, delta=b"after"))
    assert stored(store).deltas == (b"after",)


def test_nothing_is_stored_when_one_row_breaks_a_promise(store: Store) -> None:
    put(store, Batch(at=NOW, forwards=[forward(1)], serials=[Serial("AAAA", forward(1).key)]))
    with pytest.raises(StoreError):
        put(
            store,
            Batch(at=NOW, delta=b"x", deliveries=[(b"k", delivery())], forwards=[forward(2)], serials=[Serial("AAAA", forward(2).key)]),
        )
    assert stored(store).deltas == ()
    assert store.delivery_count(ALL) == 0
    assert [issued.forward for issued in store.forwards("relay", 10)] == [forward(1)]


def test_an_id_handed_out_in_a_failed_transaction_is_nobody_s(store: Store) -> None:
    with pytest.raises(StoreError):
        put(store, Batch(at=NOW, deliveries=[(b"k", delivery(receiver=ZHAO, sender=""))], serials=[Serial("AAAA", b"no such forward")]))
    put(store, Batch(at=NOW, deliveries=[(b"1", delivery(receiver=LI, sender=""))]))
    put(store, Batch(at=NOW, deliveries=[(b"2", delivery(receiver=ZHAO, sender=""))]))
    assert [row.receiver for _, row in store.deliveries(ALL, 10)] == [ZHAO, LI]
    assert store.delivery_count(DeliveryFilter(number=ZHAO)) == 1


def test_many_threads_lose_nothing(store: Store) -> None:
    def count(n: int) -> None:
        put(
            store,
            Batch(at=NOW, hours=[HourCount(5, f"node{n % 3}", "", "delivered", "OK", 1)], events=[Event(NOW, "totals", str(n), {"n": n})]),
        )
        store.kpi(0, 10)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(60)))
    assert store.kpi(5, 6).outcomes == {"delivered": 60}
    assert {event.data["n"] for event in store.events(0, 100)} == set(range(60))


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        put(store, Batch(at=NOW))
    with pytest.raises(StoreError, match="closed"):
        store.lines()


# ----------------------------------------------------------------------------------------------------------- verdicts


def test_deliveries_come_back_whole_and_restated(store: Store) -> None:
    unknown = delivery(receiver="bob@example.com", sender="", leg="", message="")
    own_leg = delivery(leg=WANG, message="m2")
    put(store, Batch(at=NOW, deliveries=[(b"1", delivery()), (b"2", unknown), (b"3", own_leg)]))
    assert see(store, Needs(deliveries=frozenset({b"1", b"2", b"3", b"4"}))).deliveries == {b"1": delivery(), b"2": unknown, b"3": own_leg}
    restated = delivery(outcome="delivered", cause="OK", rule="D1", closed=99, evidence=())
    put(store, Batch(at=NOW, deliveries=[(b"1", restated)]))
    assert store.deliveries(ALL, 10) == [(3, own_leg), (2, unknown), (1, restated)]


def test_a_withdrawn_delivery_is_gone_unless_it_comes_again(store: Store) -> None:
    put(store, Batch(at=NOW, deliveries=[(b"1", delivery()), (b"2", delivery(message="m2"))]))
    put(store, Batch(at=NOW, withdrawn=[b"1", b"2", b"never stored"], deliveries=[(b"2", delivery(message="m2", cause="EXPIRED"))]))
    assert [row for _, row in store.deliveries(ALL, 10)] == [delivery(message="m2", cause="EXPIRED")]


def test_deliveries_are_found_by_what_is_asked(store: Store) -> None:
    rows = [
        delivery(submitted=100),
        delivery(submitted=200, cause="EXPIRED", message="m2"),
        delivery(submitted=300, receiver=ZHAO, outcome="open", cause=""),
        delivery(submitted=400, receiver=ZHAO, sender=LI),
    ]
    put(store, Batch(at=NOW, deliveries=[(bytes([n]), row) for n, row in enumerate(rows)]))
    for where, found in (
        (ALL, [3, 2, 1, 0]),
        (DeliveryFilter(number=LI), [3, 1, 0]),
        (DeliveryFilter(number="8610000000000"), []),
        (DeliveryFilter(message="m2"), [1]),
        (DeliveryFilter(since=200, until=400), [2, 1]),
        (DeliveryFilter(outcome="open"), [2]),
        (DeliveryFilter(cause="BAD_APN", number=ZHAO), [3]),
    ):
        assert [row for _, row in store.deliveries(where, 10)] == [rows[n] for n in found], where
        assert store.delivery_count(where) == len(found)
    first = store.deliveries(ALL, 3)
    assert [row for _, row in store.deliveries(ALL, 3, after=first[-1][0])] == [rows[0]]
    assert list(store.all_deliveries()) == rows


def test_attempts_and_findings(store: Store) -> None:
    model_finding = finding(subject_kind="model", subject="35824005/3.1")
    put(store, Batch(at=NOW, attempts=[(b"a", attempt())], findings=[(b"f", finding()), (b"m", model_finding)]))
    assert store.attempts(LI, 10) == [(1, attempt())]
    assert store.attempts(ZHAO, 10) == []
    assert store.findings(None, 10) == [(2, model_finding), (1, finding())]
    cleared = finding(cleared=70)
    put(store, Batch(at=NOW, findings=[(b"f", cleared)], attempts=[(b"a", attempt(verdict="Z6"))]))
    assert store.findings(None, 10, open_only=True) == [(2, model_finding)]
    assert see(store, Needs(findings=frozenset({b"f"}))).findings == {b"f": cleared}
    assert list(store.all_findings()) == [cleared, model_finding]
    assert list(store.all_attempts()) == [attempt(verdict="Z6")]


# ---------------------------------------------------------------------------------------------------------- campaigns


def test_a_serial_belongs_to_one_forward_for_ever(store: Store) -> None:
    put(store, Batch(at=NOW, forwards=[forward(1), forward(2)], serials=[Serial("AAAA", forward(1).key)]))
    for serial in (Serial("AAAA", forward(2).key), Serial("BBBB", forward(1).key), Serial("CCCC", b"no such forward!")):
        with pytest.raises(StoreError):
            put(store, Batch(at=NOW, serials=[serial]))
    seen = see(store, Needs(forwards=frozenset({forward(1).key, forward(2).key}), serials=frozenset({"AAAA", "BBBB"})))
    assert seen.serials == {"AAAA": forward(1).key}
    assert seen.serial_of == {forward(1).key: "AAAA"}
    assert seen.forwards == {forward(1).key: forward(1), forward(2).key: forward(2)}
    assert (store.serials_total(), store.serials_total("relay"), store.serials_total("other")) == (1, 1, 0)
    assert [(issued.forward.key, issued.serial) for issued in store.all_forwards()] == [(forward(1).key, "AAAA"), (forward(2).key, "")]


def test_ordinals_and_counts_follow_the_forwards(store: Store) -> None:
    needs = Needs(ordinals=frozenset({Ordinal("relay", LI, "nanjing"), Ordinal("relay", ZHAO, "suzhou"), Ordinal("other", LI, "nanjing")}))
    put(
        store,
        Batch(
            at=NOW, forwards=[forward(1), forward(2), forward(3, sender=ZHAO, city="suzhou"), forward(4, counted=False, reason="pair cap")]
        ),
    )
    assert see(store, needs).ordinals == {
        Ordinal("relay", LI, "nanjing"): Counted(2, 2, 3),
        Ordinal("relay", ZHAO, "suzhou"): Counted(1, 1, 3),
        Ordinal("other", LI, "nanjing"): Counted(0, 0, 0),
    }
    counts = store.counts("relay")
    assert (counts.forwards, counts.people, counts.serials) == (3, 2, 0)
    assert counts.days == {("2026-11-22", "nanjing"): (2, 1), ("2026-11-22", "suzhou"): (1, 0)}
    assert store.campaigns() == {"relay": "running"}
    assert store.counts("other").days == {}


def test_a_restated_forward_moves_in_the_counts(store: Store) -> None:
    put(store, Batch(at=NOW, forwards=[forward(1), forward(2, counted=False)], serials=[Serial("AAAA", forward(1).key)]))
    put(store, Batch(at=NOW, forwards=[forward(1, day="2026-11-21", generation=2), forward(2), forward(3), forward(3, counted=False)]))
    counts = store.counts("relay")
    assert counts.days == {("2026-11-21", "nanjing"): (1, 0), ("2026-11-22", "nanjing"): (1, 1)}
    assert (counts.forwards, counts.people) == (2, 1)
    put(store, Batch(at=NOW, forwards=[forward(1, counted=False), forward(2, counted=False)]))
    assert (store.counts("relay").forwards, store.counts("relay").people) == (0, 0)
    assert store.forwards("relay", 1)[0].serial == "AAAA", "issued once is never withdrawn"
    assert [issued.id for issued in store.forwards(None, 10, after=1)] == [2, 3]


def test_a_forward_never_changes_hands(store: Store) -> None:
    put(store, Batch(at=NOW, forwards=[forward(1)]))
    for other in (forward(1, sender=ZHAO), forward(1, receiver=ZHAO), forward(1, campaign="other")):
        with pytest.raises(StoreError, match="key of another"):
            put(store, Batch(at=NOW, forwards=[other]))
    assert store.counts("relay").forwards == 1


# ---------------------------------------------------------------------------------------------- what leaves the house


def test_an_outbox_row_is_asked_for_once(store: Store) -> None:
    put(store, Batch(at=NOW, outbox=[outgoing(b"1"), outgoing(b"2", state="shadow")]))
    put(store, Batch(at=NOW, outbox=[outgoing(b"1", body="again", state="ready", due=60), outgoing(b"3")]))
    assert [row for _, row in store.outbox(None, 10)] == [outgoing(b"1"), outgoing(b"2", state="shadow"), outgoing(b"3")]
    first, last = store.outbox("ready", 10)
    assert (first[1].key, last[1].key) == (b"1", b"3")
    assert store.outbox("ready", 10, after=first[0]) == [last]
    assert see(store, Needs(outbox=frozenset({b"2", b"9"}))).outbox == {b"2": outgoing(b"2", state="shadow")}
    assert store.outbox_states() == {"ready": 2, "shadow": 1}


def test_events_are_read_once_by_each_cursor(store: Store) -> None:
    put(store, Batch(at=NOW, events=[Event(n, "delivery", f"s{n}", {"n": n, "名": "值"}) for n in range(5)]))
    assert store.cursor("mqtt") == 0
    page = store.events(store.cursor("mqtt"), 3)
    assert [event.data for event in page] == [{"n": n, "名": "值"} for n in range(3)]
    store.save_cursor("mqtt", page[-1].id)
    assert [event.at for event in store.events(store.cursor("mqtt"), 3)] == [3, 4]
    assert store.cursor("live") == 0
    assert store.last_event() == 5


def test_event_ids_are_never_used_again(store: Store) -> None:
    put(store, Batch(at=NOW, events=[Event(10, "node", "", {}), Event(20, "node", "", {})]))
    store.save_cursor("mqtt", 1)
    store.save_cursor("live", 2)
    assert store.purge(30) == 1, "an event some cursor has not passed stays"
    store.save_cursor("mqtt", 2)
    assert store.purge(30) == 1
    put(store, Batch(at=NOW, events=[Event(40, "node", "", {})]))
    assert [event.id for event in store.events(2, 10)] == [3]


def test_a_reader_that_does_not_come_again_keeps_nothing(store: Store) -> None:
    put(store, Batch(at=NOW, events=[Event(10, "node", "", {}), Event(20, "node", "", {})]))
    store.save_cursor("mqtt", 1)
    store.save_cursor("live", 2)
    assert store.purge(30) == 1
    assert store.drop_cursor("mqtt")
    assert not store.drop_cursor("mqtt")
    assert store.cursor("mqtt") == 0
    assert store.purge(30) == 1
    assert store.events(0, 10) == []


def test_a_cursor_never_goes_back(store: Store) -> None:
    store.save_cursor("mqtt", 7)
    store.save_cursor("mqtt", 3)
    assert store.cursor("mqtt") == 7


def test_a_month_later_an_event_goes_untold(store: Store) -> None:
    old = [Event(n * model.DAY, "node", str(n), {}) for n in range(200)]
    put(store, Batch(at=NOW, events=old))
    store.save_cursor("mqtt", 1)
    store.save_cursor("live", 200)
    assert store.purge(31 * model.DAY) == 1, "day 0; day 1 is thirty days old and no more"
    assert store.audits(10) == []
    assert store.purge(180 * model.DAY) == 149
    assert [event.subject for event in store.events(0, 500)] == [str(n) for n in range(150, 200)]
    assert store.audits(10) == [Audit("", "untold", "mqtt", "149 events after 1 are too old to be told", NOW)]
    assert (store.cursor("mqtt"), store.cursor("live")) == (150, 200)
    assert store.purge(180 * model.DAY) == 0
    assert len(store.audits(10)) == 1
    assert store.purge(400 * model.DAY) == 50
    assert [event.id for event in store.events(0, 500)] == []
    put(store, Batch(at=NOW, events=[Event(401 * model.DAY, "node", "", {})]))
    assert [event.id for event in store.events(store.cursor("mqtt"), 10)] == [201]


# ----------------------------------------------------------------------------------------------------------- counters


def test_counters_add_up_and_take_back(store: Store) -> None:
    batch = Batch(
        at=NOW,
        hours=[
            HourCount(5, "mmsc1", "nanjing", "delivered", "OK", 7),
            HourCount(5, "mmsc2", "suzhou", "failed", "EXPIRED", 2),
            HourCount(6, "mmsc1", "nanjing", "open", "", 1),
        ],
        days=[DayCount("2026-11-22", "35824005", "BAD_APN", 1)],
        delays=[DelayCount(5, "mmsc1", "OK", 3, 4)],
        lines=[LineCount("mmsc1", "", 100, 90, 5000), LineCount("mmsc1", "time", 10, 0, 0)],
    )
    put(store, batch)
    put(store, batch)
    put(
        store,
        Batch(at=NOW, hours=[HourCount(6, "mmsc1", "nanjing", "open", "", -2), HourCount(6, "mmsc1", "nanjing", "failed", "NO_PUSH", 2)]),
    )
    kpi = store.kpi(5, 7)
    assert kpi.outcomes == {"delivered": 14, "failed": 6}
    assert kpi.causes == {"EXPIRED": 4, "NO_PUSH": 2}
    assert kpi.nodes == {"mmsc1": {"delivered": 14, "failed": 2}, "mmsc2": {"failed": 4}}
    assert kpi.cities == {"nanjing": {"delivered": 14, "failed": 2}, "suzhou": {"failed": 4}}
    assert store.kpi(6, 7).outcomes == {"failed": 2}
    assert store.models("2026-11-22", "2026-11-23") == [DayCount("2026-11-22", "35824005", "BAD_APN", 2)]
    assert store.delays(5, 6) == [DelayCount(5, "mmsc1", "OK", 3, 8)]
    assert store.delays(6, 7) == []
    assert store.lines() == [LineCount("mmsc1", "", 200, 180, 10000), LineCount("mmsc1", "time", 20, 0, 0)]


def test_figures_by_hour_node_and_city(store: Store) -> None:
    batch = Batch(
        at=NOW,
        hours=[
            HourCount(5, "mmsc1", "nanjing", "delivered", "OK", 7, "D1"),
            HourCount(5, "mmsc1", "suzhou", "failed", "NO_PUSH", 2, "N1"),
            HourCount(6, "mmsc2", "nanjing", "failed", "NO_PUSH", 1, "N5"),
            HourCount(6, "mmsc2", "nanjing", "open", "", 4),
        ],
        measures=[MeasureCount(5, "mmsc1", "nanjing", "end_to_end", 7, 70_000), MeasureCount(5, "mmsc1", "", "sends", 9)],
        tried=[AttemptCount(5, "wap1", "nanjing", "submit", "Z2", 1)],
    )
    back = Batch(
        at=NOW, hours=[HourCount(6, "mmsc2", "nanjing", "open", "", -4), HourCount(6, "mmsc2", "nanjing", "failed", "NODE_FAULT", 4, "T1")]
    )
    put(store, batch)
    put(store, back)
    whole = Figures(
        Counter({
            ("delivered", "OK", "D1"): 7, ("failed", "NO_PUSH", "N1"): 2, ("failed", "NO_PUSH", "N5"): 1, ("failed", "NODE_FAULT", "T1"): 4,
        }),
        Counter(end_to_end=7, sends=9), Counter(end_to_end=70_000, sends=0), Counter({("submit", "Z2"): 1}),
    )  # fmt: skip
    assert store.figures(5, 7) == {"": whole}
    assert store.figures(7, 9) == {}
    hours = store.figures(5, 7, "hour")
    assert set(hours) == {5, 6}
    summed = Figures()
    for figures in hours.values():
        summed.add(figures)
    assert summed == whole
    assert {node: figures.deliveries.total() for node, figures in store.figures(5, 7, "node").items()} == {"mmsc1": 9, "mmsc2": 5}
    cities = store.figures(5, 7, "city", node="mmsc1")
    assert {city: figures.deliveries.total() for city, figures in cities.items()} == {"nanjing": 7, "suzhou": 2}
    (nanjing,) = store.figures(5, 7, city="nanjing").values()
    assert (nanjing.measured, nanjing.tried) == (Counter(end_to_end=7), Counter())  # requests have no place to be compared in


def test_codes_by_hour_and_unknown_ones(store: Store) -> None:
    put(store, Batch(at=NOW, codes=[CodeCount(5, "mmsc1", "cmcc", "4441", 2)], unknown=[UnknownCode("mmsc1", "cmcc", "4446", 1, 100, 100)]))
    put(
        store,
        Batch(
            at=NOW,
            codes=[CodeCount(5, "mmsc1", "cmcc", "4441", 3), CodeCount(6, "mmsc2", "cmcc", "4442", 1)],
            unknown=[UnknownCode("mmsc1", "cmcc", "4446", 2, 50, 60), UnknownCode("smsc", "smpp", "1025", 9, 7, 8)],
        ),
    )
    assert store.codes(5, 7) == [CodeCount(5, "mmsc1", "cmcc", "4441", 5), CodeCount(6, "mmsc2", "cmcc", "4442", 1)]
    assert store.codes(5, 7, "cmcc", "4442") == [CodeCount(6, "mmsc2", "cmcc", "4442", 1)]
    assert store.codes(5, 7, "smpp") == []
    assert store.unknown_codes() == [UnknownCode("smsc", "smpp", "1025", 9, 7, 8), UnknownCode("mmsc1", "cmcc", "4446", 3, 50, 100)]


def test_the_horizon_is_what_was_last_told(store: Store) -> None:
    assert store.horizon() == 0
    told = [Event(NOW, "totals", "", {"horizon": 5}), Event(NOW, "totals", "", {"horizon": 9}), Event(NOW, "node", "", {})]
    put(store, Batch(at=NOW, events=told))
    assert store.horizon() == 9


def test_reject_samples_are_bounded_by_feed_and_reason(store: Store) -> None:
    for n in range(30):
        put(store, Batch(at=NOW, rejects=[("mmsc1", Reject("time", "at", n, b"head %d" % n))]))
    put(store, Batch(at=NOW, rejects=[("sms1", Reject("time", "at", 0, b"other"))] * 2))
    samples = store.rejects()
    assert [sample.where for feed, sample in samples if feed == "mmsc1"] == list(range(10, 30))
    assert samples[0] == ("mmsc1", Reject("time", "at", 10, b"head 10"))
    assert len(samples) == 22


def test_audits_newest_first(store: Store) -> None:
    put(store, Batch(at=NOW, audits=[Audit("mmsc1", "shrink", "a.log", "100 → 70", 5), Audit("mmsc1", "lost", "b.log")]))
    assert store.audits(10) == [Audit("mmsc1", "lost", "b.log", at=NOW), Audit("mmsc1", "shrink", "a.log", "100 → 70", 5)]
    assert len(store.audits(1)) == 1


# ------------------------------------------------------------------------------------------------------- hot and cold


def test_dossiers_come_back_until_thawed(store: Store) -> None:
    hashed = model.NOT_A_NUMBER | 12345
    who = model.Msisdn(int(LI))
    put(store, Batch(at=NOW, spilled=[(who, b"dossier", 500), (hashed, b"mail", 900)]))
    assert store.cold([int(LI), hashed, 5]) == {int(LI): b"dossier", hashed: b"mail"}
    put(store, Batch(at=NOW, thawed=[int(LI)], spilled=[(hashed, b"mail2", 900)]))
    assert see(store, Needs(cold=frozenset({who, hashed}))).cold == {hashed: b"mail2"}
    put(store, Batch(at=NOW, thawed=[hashed], spilled=[(hashed, b"mail3", 900)]))
    assert store.purge(900) == 0
    assert store.cold([hashed]) == {hashed: b"mail3"}
    assert store.purge(901) == 1
    assert store.cold([hashed]) == {}
    assert see(store, Needs(cold=frozenset({who, hashed}))).cold == {}, "one that is gone is not missed"
    put(store, Batch(at=NOW, thawed=[int(LI), hashed]))
    put(store, Batch(at=NOW, spilled=[(hashed, b"mail4", 2_000)]))
    assert store.purge(2_000) == 0, "needed until then"
    assert store.cold([int(LI), hashed]) == {hashed: b"mail4"}


def test_a_story_tells_one_receiver_s_days(store: Store, keys: Keys) -> None:
    li, wang = keys.blind(LI), keys.blind(WANG)
    first = closed(receiver=[li, wang, li], message=[1, 1, 2], at=[30, 20, 10], closed=model.DAY, outcome=2)
    put(store, Batch(at=NOW, closed=first))
    put(store, Batch(at=NOW, closed=closed(receiver=li, message=1, at=30, closed=2 * model.DAY, outcome=1)))
    put(store, Batch(at=NOW, closed=closed(receiver=[li, li], at=40, closed=model.DAY)))
    story = store.story(LI)
    assert story["message"].tolist() == [2, 1, 0, 0]
    assert story["outcome"].tolist() == [2, 1, 1, 1], "the later statement of a message, and every nameless row"
    assert store.story(WANG).tolist() == first[1:2].tolist()
    assert store.story(ZHAO).size == 0
