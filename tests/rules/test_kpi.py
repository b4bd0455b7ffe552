"""The figures: each definition by example, and what must hold of any counts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsd import config
from mmsd.model import DAY, HOUR, MINUTE, MeasureCount
from mmsd.rules.causes import CAUSES
from mmsd.rules.kpi import ASTRAY, DELIVERED, LONGEST, MEASURES, Figures, Measured, by_cause, final_after, is_final, kpi, measures, users
from mmsd.rules.settings import Judgement


def day() -> Figures:
    """A day of a small network: 70 delivered, 25 failed, 5 open, and what stands in no ratio."""
    rows = {
        ("delivered", "OK", "D1"): 50, ("delivered", "OK_UNCONFIRMED", "D2"): 4, ("delivered", "OK_UNCONFIRMED", "D3"): 6,
        ("delivered", "DELAYED", "D4"): 8, ("delivered", "OK", "D5"): 2,
        ("failed", "NOT_PROVISIONED", "B1"): 1, ("failed", "SUBMIT_FAILED", "B2"): 1, ("failed", "INTERWORKING", "B3"): 1,
        ("failed", "REJECTED", "R1"): 2, ("failed", "UNSUPPORTED", "R2"): 1, ("failed", "NODE_FAULT", "T1"): 2,
        ("failed", "EXPIRED", "T3"): 1, ("failed", "NO_PUSH", "N1"): 1, ("failed", "NO_PUSH", "N5"): 4, ("failed", "NO_PUSH", "N6"): 1,
        ("failed", "BAD_APN", "U10"): 3, ("failed", "NO_RETRIEVE", "U12"): 4, ("failed", "EXPIRED", "U15"): 3,
        ("open", "", ""): 5, ("own", "", ""): 40, ("orphan", "", ""): 7, ("lapsed", "UNKNOWN", "O3"): 3,
    }  # fmt: skip
    return Figures(
        Counter(rows),
        Counter(notification=70, prompt=63, retrieval=68, end_to_end=68, timely=66, sends=95, send=10),
        Counter(notification=700_000, retrieval=340_000, end_to_end=1_020_000, send=12_345),
        Counter({("submit", "Z2"): 3, ("post", "Z5"): 1, ("confirm", "Z2"): 9, ("submit", "Z6"): 1}),
    )


@pytest.mark.parametrize(
    ("name", "part", "of", "value"),
    [
        ("end_to_end", 70, 95, 0.73684),
        # the user's: R1 2, R2 1, T3 1, N5 4, U10 3, U12 4, U15 3 = 18
        ("regulatory", 70, 77, 0.90909),
        ("timeliness", 66, 68, 0.97059),
        ("prompt", 63, 70, 0.9),
        ("send_failure", 5, 100, 0.05),
        # N 6 of 6 + retrieved 68 + R1 2 + (T 3, R2 1, U seen 7)
        ("notification_failure", 6, 87, 0.06897),
        ("retrieval_failure", 11, 79, 0.13924),
        ("report_failure", 10, 68, 0.14706),
    ],
)
def test_each_ratio_of_a_day(name: str, part: int, of: int, value: float):
    assert getattr(kpi(day()), name) == type(kpi(day()).end_to_end)(part, of, value)


def test_counts_and_means_of_a_day():
    said = kpi(day())
    assert (said.delivered, said.failed, said.open, said.lapsed, said.open_share) == (70, 25, 5, 3, 0.05)
    assert [(mean.n, mean.seconds) for mean in (said.mean_delay, said.notification_time, said.retrieval_time, said.send_time)] == [
        (68, 15.0), (70, 10.0), (68, 5.0), (10, 1.234),
    ]  # fmt: skip
    assert said.causes["NO_PUSH"] == 6
    assert list(said.causes)[:3] == ["NO_PUSH", "EXPIRED", "NO_RETRIEVE"]


def test_nothing_is_no_ratio():
    said = kpi(Figures())
    assert {said.end_to_end.value, said.regulatory.value, said.open_share, said.mean_delay.seconds, said.send_failure.value} == {None}


@pytest.mark.parametrize(
    ("cause", "rule", "user"),
    [
        ("REJECTED", "R1", True), ("UNSUPPORTED", "B4", True), ("UNSUPPORTED", "R2", True), ("UNSUPPORTED", "U1", True),
        ("NO_PUSH", "N5", True), ("NO_PUSH", "N1", False), ("NO_PUSH", "N2", False), ("NO_PUSH", "N6", False),
        ("HANDSET_FULL", "N3", True), ("NOT_PROVISIONED", "N4", True), ("NOT_PROVISIONED", "U4", True), ("NOT_PROVISIONED", "B1", False),
        ("NOT_PROVISIONED", "T2", False), ("NO_RETRIEVE", "U12", True), ("BAD_APN", "U10", True), ("BAD_PROXY", "T4", True),
        ("BAD_MMSC_URL", "U6", True), ("NO_PDP", "U13", True), ("EXPIRED", "T3", True), ("EXPIRED", "U15", True),
        ("NODE_FAULT", "T1", False), ("NODE_FAULT", "U5", False), ("RETRIEVE_FAILED", "T6", False), ("INTERWORKING", "B3", False),
        ("SUBMIT_FAILED", "B2", False), ("NO_PUSH", "", False), ("NOT_PROVISIONED", "", False), ("BAD_APN", "", True),
    ],
)  # fmt: skip
def test_whose_failure_it_is(cause: str, rule: str, user: bool):
    assert users(cause, rule) is user


# ----------------------------------------------------------------------------------------------------------- whatever was counted

TABLE = config.load_causes().rows
OUTCOME_ROWS = [(row.outcome, row.cause, rule) for rule, row in TABLE.items() if row.outcome != "open"] + [
    ("open", "", ""), ("own", "", ""), ("lapsed", "UNKNOWN", "O3"), ("failed", "EXPIRED", "U15"), ("failed", "NO_PUSH", ""),
]  # fmt: skip
COUNTS = st.integers(0, 1000)


@st.composite
def figures(draw: st.DrawFn) -> Figures:
    measured: dict[str, int] = draw(st.dictionaries(st.sampled_from([*MEASURES]), COUNTS))
    for less, more in (("prompt", "notification"), ("timely", "end_to_end")):
        measured[less] = min(measured.get(less, 0), measured.get(more, 0))
    return Figures(
        Counter(draw(st.dictionaries(st.sampled_from(OUTCOME_ROWS), COUNTS))),
        Counter(measured),
        Counter(draw(st.dictionaries(st.sampled_from([*MEASURES]), COUNTS))),
        Counter(draw(st.dictionaries(st.tuples(st.sampled_from(["submit", "post", "confirm"]), st.sampled_from(ASTRAY)), COUNTS))),
    )


RATIOS = (
    "end_to_end", "regulatory", "timeliness", "prompt", "send_failure", "notification_failure", "retrieval_failure", "report_failure",
)  # fmt: skip


@given(figures())
def test_every_ratio_is_a_share(counted: Figures):
    said = kpi(counted)
    for name in RATIOS:
        ratio = getattr(said, name)
        assert 0 <= ratio.part <= ratio.of
        assert (ratio.value is None) == (ratio.of == 0)
        assert ratio.value is None or ratio.value == round(ratio.part / ratio.of, 5)
    assert said.regulatory.of <= said.end_to_end.of
    assert (said.regulatory.value or 1) >= (said.end_to_end.value or 0)
    assert sum(said.causes.values()) == said.failed


@given(figures(), figures())
def test_periods_add_up(one: Figures, other: Figures):
    both = Figures()
    both.add(one)
    both.add(other)
    first, second, said = kpi(one), kpi(other), kpi(both)
    for name in RATIOS:
        a, b, c = (getattr(each, name) for each in (first, second, said))
        assert (a.part + b.part, a.of + b.of) == (c.part, c.of)
    assert first.mean_delay.n + second.mean_delay.n == said.mean_delay.n
    assert (first.delivered + second.delivered, first.open + second.open) == (said.delivered, said.open)


@given(figures())
def test_what_is_nobodys_failure_moves_no_ratio(counted: Figures):
    before = kpi(counted)
    counted.deliveries.update({("own", "", ""): 5, ("orphan", "", ""): 5, ("lapsed", "UNKNOWN", "O3"): 5})
    after = kpi(counted)
    assert all(getattr(before, name) == getattr(after, name) for name in (*RATIOS, "open_share"))
    assert after.lapsed == before.lapsed + 5


def test_a_cube_of_causes_alone_tells_outcomes():
    assert {row.cause for row in TABLE.values() if row.outcome == "delivered"} == DELIVERED
    said = kpi(by_cause([(cause, 2) for cause in CAUSES]))
    assert (said.delivered, said.open, said.failed) == (2 * len(DELIVERED), 2, 2 * (len(CAUSES) - 1 - len(DELIVERED)))


# ---------------------------------------------------------------------------------------------------------------- what is measured


def test_measures_of_a_delivery():
    seen = measures("delivered", 10_000, 30_000, 180.0)
    assert seen == {"notification": 10_000, "prompt": 0, "end_to_end": 30_000, "retrieval": 20_000, "timely": 0}
    assert set(seen) <= set(MEASURES)


@pytest.mark.parametrize(
    ("outcome", "notified", "retrieved", "told"),
    [
        ("delivered", 200_000, 201_000, {"notification", "end_to_end", "retrieval", "timely"}),
        ("delivered", 180_000, int(LONGEST) * 1000 + 1, {"notification", "prompt", "end_to_end", "retrieval"}),
        ("delivered", 180_001, int(LONGEST) * 1000, {"notification", "end_to_end", "retrieval", "timely"}),
        ("delivered", -1, 60_000, {"end_to_end", "timely"}),
        ("delivered", 0, 0, {"notification", "prompt", "end_to_end", "retrieval", "timely"}),
        ("failed", 60_000, -1, {"notification", "prompt"}),
        ("failed", 60_000, 70_000, {"notification", "prompt"}),  # the retrieval is doubted
        ("failed", -1, -1, set()),
        ("open", 60_000, -1, set()),
        ("own", 60_000, 70_000, set()),
    ],
)
def test_what_a_delivery_adds(outcome: str, notified: int, retrieved: int, told: set[str]):
    assert set(measures(outcome, notified, retrieved, 180.0)) == told


def test_what_was_measured_is_taken_back():
    held = Measured()
    held.add(5, "mmsc1", "Wuxi", {"end_to_end": 70, "timely": 0})
    held.add(5, "mmsc1", "Wuxi", {"end_to_end": 30})
    held.add(5, "mmsc1", "Wuxi", {"end_to_end": 70, "timely": 0}, -1)
    assert held.counts() == [MeasureCount(5, "mmsc1", "Wuxi", "end_to_end", 1, 30)]


ROWS_MEASURED = st.lists(
    st.tuples(
        st.integers(5, 7),
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from([1, -1]),
        st.integers(-1, 400_000),
        st.integers(-1, 3 * 86_400_000),
    ),
    max_size=40,
)


@given(ROWS_MEASURED)
def test_many_at_once_are_as_many_one_by_one(rows: list[tuple[int, int, int, int, int, int]]):
    labels = ("", "mmsc1", "Wuxi")
    columns, single = Measured(), Measured()
    hours, nodes, cities, signs, told, had = np.array(rows, np.int64).reshape(-1, 6).T
    columns.add_columns(labels, hours, nodes, cities, signs, told, had, 180.0)
    for hour, node, city, n, notified, retrieved in rows:
        single.add(hour, labels[node], labels[city], measures("delivered", notified, retrieved, 180.0), n)
    assert sorted(columns.counts(), key=str) == sorted(single.counts(), key=str)


# ----------------------------------------------------------------------------------------------------------------- when it is final


def test_an_hour_is_final_when_nothing_can_change_it():
    after = final_after(Judgement())
    assert after == 3 * DAY + 10 * MINUTE + 3 * DAY
    assert not is_final(10, 11 * HOUR + after - 1, after)
    assert is_final(10, 11 * HOUR + after, after)
