"""Which line of an MMSC's a tap's copy belongs to."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from mmsd.model import COLUMNS, HOUR, SECOND, Kind, Records, Sighted, TextColumn
from mmsd.rules.campaign import Told, evidence_of
from mmsd.rules.copies import MM4, Pairing, Seen, pair, score, seeds_of, transactions
from mmsd.rules.relate import Thread, assemble
from mmsd.rules.traces import AT, Trace
from tests.rules.dossiers import ANN, BOB, CAT, OTHER_MMSC, context, name, push, submit, trace

WITHIN = 5 * SECOND
NAMES = [f"torch/s{n}" for n in range(1, 10)]
"""Of seeds 1 to 9."""


def line(at: float, message: str = "m1", sender: int = BOB, size: int = 100, **fields: Any) -> Trace:
    return submit(at, message, sender, size=size, **fields)


def copy(at: float, seed: int = 1, sender: int = BOB, size: int = 100, **fields: Any) -> Trace:
    fields = {"link": "tap", "status": Sighted.MARK, "error": 9000, **fields}
    return trace(Kind.COPY, at, other=sender, size=size, seed=seed, **fields)


@pytest.mark.parametrize(
    ("lines", "copies", "found"),
    [
        ([line(0)], [[copy(1, transaction="t1")]], ["t1"]),
        ([line(0, transaction="t0")], [[copy(1, transaction="t1")]], ["t0"]),
        ([line(0)], [[]], [""]),
        ([line(0)], [[copy(0, transaction="t1"), copy(0.1, link="other", transaction="t1")]], ["t1"]),
        # two lines share two copies: each has its own, whichever way they are told
        ([line(0), line(2)], [[copy(0, transaction="t1"), copy(2, transaction="t2")]] * 2, ["t1", "t2"]),
        ([line(2), line(0)], [[copy(2, transaction="t2"), copy(0, transaction="t1")]] * 2, ["t2", "t1"]),
        ([line(0), line(2)], [[copy(0, transaction="t1"), copy(2, transaction="t1")]] * 2, ["t1", "t1"]),
        ([line(0), line(2)], [[copy(0, transaction="t1"), copy(0, transaction="t1"), copy(2, transaction="t2")]] * 2, ["t1", "t2"]),
        # as many as there are lines one of two taps has
        (
            [line(0), line(2)],
            [[copy(0, transaction="t1"), copy(2, transaction="t2"), copy(2.1, link="b", transaction="t2")]] * 2,
            ["t1", "t2"],
        ),
        ([line(0), line(2)], [[copy(n, transaction=f"t{n}") for n in range(3)]] * 2, ["", ""]),
    ],
)
def test_the_transactions_of_lines_that_share_copies(lines: list[Trace], copies: list[list[Trace]], found: list[str]):
    assert transactions(lines, copies) == [name(text) for text in found]


def told(pairing: Pairing) -> tuple[dict[int, int], list[int], int]:
    """Place of a line → how many copies; places that are ambiguous; how many copies have no line."""
    return {place: len(found) for place, found in sorted(pairing.of.items())}, sorted(pairing.ambiguous), len(pairing.strays)


@pytest.mark.parametrize(
    ("copies", "lines", "found"),
    [
        ([copy(1)], [line(0)], ({0: 1}, [], 0)),
        ([copy(5)], [line(0)], ({0: 1}, [], 0)),
        ([copy(5.1)], [line(0)], ({}, [], 1)),
        ([copy(1, size=101)], [line(0)], ({}, [], 1)),
        ([copy(1, size=-1)], [line(0)], ({0: 1}, [], 0)),
        ([copy(1)], [line(0, size=-1)], ({0: 1}, [], 0)),
        ([copy(1, sender=CAT)], [line(0)], ({}, [], 1)),
        # two lines, one copy: nobody can tell
        ([copy(1)], [line(0), line(2, "m2")], ({}, [0, 1], 0)),
        ([copy(1)], [line(0), line(9, "m2")], ({0: 1}, [], 0)),
        # sent twice, copied twice: both are the seed's
        ([copy(0), copy(2)], [line(0), line(2, "m2")], ({0: 2, 1: 2}, [], 0)),
        ([copy(0), copy(2, seed=2)], [line(0), line(2, "m2")], ({}, [0, 1], 0)),
        # the same copy told twice, by one tap or by two, is one message
        ([copy(0), copy(0)], [line(0), line(2, "m2")], ({}, [0, 1], 0)),
        ([copy(0), copy(0.1, link="other")], [line(0), line(2, "m2")], ({}, [0, 1], 0)),
        ([copy(0), copy(0.1, link="other")], [line(0)], ({0: 2}, [], 0)),
        # two seeds in one message: two rows of one copy
        ([copy(0), copy(0, seed=2)], [line(0)], ({0: 2}, [], 0)),
        # what both know decides
        ([copy(1, message="m2")], [line(0), line(2, "m2")], ({1: 1}, [], 0)),
        ([copy(7200, message="m1")], [line(0)], ({0: 1}, [], 0)),
        ([copy(1, message="m3")], [line(0)], ({}, [], 1)),
        ([copy(1, transaction="T2")], [line(0, transaction="T1"), line(2, "m2", transaction="T2")], ({1: 1}, [], 0)),
        ([copy(1, transaction="T3")], [line(0, transaction="T1")], ({}, [], 1)),
        # submitted again in one transaction, it is the same message: whichever line is the one that is fetched
        ([copy(0, transaction="T1")], [line(0, transaction="T1"), line(2, "m2", transaction="T1")], ({0: 1, 1: 1}, [], 0)),
        (
            [copy(0, transaction="T1"), copy(2, transaction="T1")],
            [line(2, "m2", transaction="T1"), line(0, transaction="T1"), line(1, "m3", transaction="T2")],
            ({0: 2, 1: 2}, [], 0),
        ),
        ([copy(0, transaction="T1")], [line(1, size=90, transaction="T1"), line(2, "m2", transaction="T1")], ({1: 1}, [], 0)),
        # where none is as long, the first
        ([copy(0, transaction="T1")], [line(n, f"m{n}", size=90, transaction="T1") for n in range(2)], ({0: 1}, [], 0)),
        # a message's lines of one id are one
        ([copy(0, message="m1", transaction="T1")], [line(0, transaction="T1"), line(2, "m1", transaction="T1")], ({0: 1}, [], 0)),
        ([copy(0, message="m1", transaction="T1")], [line(0, transaction="T1"), line(2, "", transaction="T1")], ({0: 1, 1: 1}, [], 0)),
        ([copy(900, transaction="T1")], [line(0, transaction="T1")], ({}, [], 1)),
    ],
)  # fmt: skip
def test_a_copy_finds_its_line(copies: list[Trace], lines: list[Trace], found: tuple[dict[int, int], list[int], int]) -> None:
    assert told(pair(copies, lines, WITHIN)) == found


def test_the_order_of_arrival_changes_nothing(seed: int, effort: int) -> None:
    for number in range(seed, seed + 200 * effort):
        draw = random.Random(number)
        lines = [line(draw.randrange(20), f"m{place}", size=draw.choice((100, 101))) for place in range(draw.randrange(1, 5))]
        copies = [copy(draw.randrange(20), draw.choice((1, 1, 2)), size=draw.choice((100, 101))) for _ in range(draw.randrange(1, 5))]
        first = pair(copies, lines, WITHIN)
        placed = {number: sorted(map(copies.index, first.of[number])) for number in first.of}
        mixed = draw.sample(copies, len(copies))
        again = pair(mixed, lines, WITHIN)
        assert {number: sorted(map(copies.index, again.of[number])) for number in again.of} == placed, number
        assert (again.ambiguous.keys(), sorted(again.strays)) == (first.ambiguous.keys(), sorted(first.strays)), number


def test_what_a_copy_says_of_a_delivery() -> None:
    far, near = copy(1, 7, status=Sighted.EXACT, error=0), copy(2, 7)
    dossier = assemble(ANN, [line(0), far, push(1), near, copy(30, 9)], context())
    (thread,) = dossier.threads
    assert evidence_of(thread, {}, NAMES) == [Told("torch", 7, "exact", 1.0)]
    assert [stray[-2] for stray in dossier.strays] == [9]
    (thread,) = assemble(ANN, [line(0), push(1, seed=3), near], context()).threads
    assert evidence_of(thread, {}, NAMES) == [Told("torch", 7, "mark", 9.0)], "what was seen counts before what the subject says"
    resent = assemble(ANN, [line(0, transaction="T1"), line(2, "m2", transaction="T1"), copy(0, 7, transaction="T1")], context())
    same = [Told("torch", 7, "mark", 9.0)]
    assert [evidence_of(thread, {}, NAMES) for thread in resent.threads] == [same] * 2, "whichever of the two is fetched"
    held = assemble(ANN, [line(0), line(2, "m2"), copy(1, 7)], context())
    assert [(evidence_of(thread, {}, NAMES), thread.ambiguous) for thread in held.threads] == [([], (7,))] * 2


def test_a_message_may_hold_seeds_of_two_campaigns_and_siblings() -> None:
    names = ["torch/s1", "torch/t1", "lamp/l1", "lamp/l2"]
    mine = [(2, 9000), (1, 9500), (3, 8000)]
    copies = [copy(at, seed, error=error, link=tap) for at, tap in ((1, "tap"), (2, "other")) for seed, error in mine]
    (thread,) = assemble(ANN, [line(0), push(1, seed=4), *copies], context()).threads
    found = [Told("torch", 1, "mark", 9.5, (2,)), Told("lamp", 3, "mark", 8.0)]
    assert evidence_of(thread, {}, names) == found, "what the subject says is of no copy"
    forwarded = Thread(0, 5, name("m1"), BOB, line(0), forwarded=True)
    found = [Told("torch", 1, "m_forward", 1.0, (2,)), Told("lamp", 3, "m_forward", 1.0)]
    assert evidence_of(forwarded, {name("m1"): (1, 3, 2)}, names) == found


def over(at: float, message: str = "m1", sender: int = BOB) -> Trace:
    """The first MMSC handed it to another."""
    return trace(Kind.SENT_OUT, at, message=message, other=sender, a=MM4)


def came(at: float, message: str, sender: int = BOB) -> Trace:
    """Our other MMSC took it from there."""
    return submit(at, message, sender, feed=OTHER_MMSC, a=MM4)


@pytest.mark.parametrize(
    ("traces", "found"),
    [
        ([line(0), over(1), came(1.5, "r1"), copy(0, 7)], {"m1": (7, True, False), "r1": (7, False, True)}),
        ([line(0), over(1), came(1.5, "r1")], {"m1": (0, True, False), "r1": (0, False, True)}),
        # another sender's, long after, of no MMSC of ours, never handed on: not it
        ([line(0), over(1), came(1.5, "r1", CAT), copy(0, 7)], {"m1": (7, False, False), "r1": (0, False, False)}),
        ([line(0), over(1), came(60, "r1"), copy(0, 7)], {"m1": (7, False, False), "r1": (0, False, False)}),
        ([line(0), came(1.5, "r1"), copy(0, 7)], {"m1": (7, False, False), "r1": (0, False, False)}),
        ([came(1.5, "r1"), copy(0, 7)], {"r1": (0, False, False)}),
        # two at once are told apart by their order where it does not matter
        (
            [line(0), line(1, "m2"), over(1), over(2, "m2"), came(1.5, "r1"), came(2.5, "r2"), copy(0, 7), copy(1, 7)],
            {"m1": (7, True, False), "m2": (7, True, False), "r1": (7, False, True), "r2": (7, False, True)},
        ),
        # and held where it does
        (
            [line(0), line(1, "m2", size=200), over(1), over(2, "m2"), came(1.5, "r1"), came(2.5, "r2"), copy(0, 7)],
            {"m1": (7, False, False), "m2": (0, False, False), "r1": (-7, False, False), "r2": (-7, False, False)},
        ),
    ],
)
def test_what_one_mmsc_of_ours_hands_to_another_is_one_message(traces: list[Trace], found: dict[str, tuple[int, bool, bool]]) -> None:
    """Of each submit: its seed (−: it may be one), whether it was passed on, whether it is another MMSC's."""
    for seed in range(5):
        mixed = random.Random(seed).sample(traces, len(traces))
        dossier = assemble(ANN, sorted(mixed, key=lambda trace: trace[AT]), context())
        told = {
            thread.identity: (
                sum(each.seed for each in evidence_of(thread, {}, NAMES)) or -sum(thread.ambiguous),
                thread.passed_on,
                thread.origin is not None,
            )
            for thread in dossier.threads
        }
        assert told == {name(message): what for message, what in found.items()}


def test_the_surest_counts() -> None:
    exact, weak, strong, unsaid = (
        copy(0, 1, status=Sighted.EXACT, error=0), copy(0, 2, error=8000), copy(0, 3, status=Sighted.REGISTERED, error=20_000),
        copy(0, 4, status=-1, error=0),
    )  # fmt: skip
    assert seeds_of([weak, unsaid, exact, strong, weak]) == (1, 3, 2, 4)
    assert seeds_of([weak, strong]) == (3, 2)
    assert [score(each) for each in (exact, weak, strong, unsaid)] == [1.0, 8.0, 20.0, 1.0]


def test_copies_are_counted_by_tap_and_what_was_seen() -> None:
    rows: list[tuple[int, int, str, str, int]] = [
        (1, Sighted.EXACT, "torch/s1", "mirror", -1), (1, Sighted.EXACT, "torch/s1", "mirror", -1),  # two receivers of one
        (2, Sighted.MARK, "torch/s1", "mirror", -1), (2, Sighted.MARK, "flame/s9", "mirror", -1),
        (2, Sighted.MARK, "torch/s2", "mirror", -1),  # a sibling of the first
        (3, Sighted.UNOPENED, "", "mirror", 37), (4, -1, "torch/s1", "", -1), (5, Sighted.EXACT, "torch/s1", "mirror", -1),
    ]  # fmt: skip
    texts = {}
    for column, place in (("tag", 2), ("fid", 3)):
        words = [str(row[place]).encode() for row in rows]
        stop = np.cumsum([len(word) for word in words])
        texts[column] = TextColumn(b"".join(words), stop - [len(word) for word in words], stop)
    values = {
        "at": [HOUR] * 8, "sender": [9, 9, 9, 9, 9, 0, 9, 0], "where": [row[0] for row in rows], "kind": [Kind.COPY] * 8,
        "status": [row[1] for row in rows], "octets": [row[4] for row in rows],
    }  # fmt: skip
    seen = Seen()
    seen.take("outside", Records(8, {key: np.array(value, COLUMNS[key]) for key, value in values.items()}, texts))
    assert seen.counts == {
        (1, "mirror", "exact", "torch"): 1, (1, "mirror", "mark", "torch"): 1, (1, "mirror", "mark", "flame"): 1,
        (1, "mirror", "unopened", ""): 37, (1, "outside", "copy", "torch"): 1, (1, "mirror", "no_sender", "torch"): 1,
    }  # fmt: skip


def test_submits_are_counted_by_hour_once_each_where_handsets_posted_them() -> None:
    rows = [  # (hour, line, kind, interface)
        (1, 10, Kind.SUBMIT, 1), (1, 10, Kind.SUBMIT, 1), (1, 11, Kind.SUBMIT, 1), (2, 12, Kind.SUBMIT, 1),
        (2, 13, Kind.SUBMIT, 7), (2, 14, Kind.SUBMIT, 0), (2, 15, Kind.FETCH, 1),
    ]  # fmt: skip
    hours, lines, kinds, interfaces = zip(*rows, strict=True)
    values = {"at": [hour * HOUR for hour in hours], "where": lines, "kind": kinds, "interface": interfaces}
    seen = Seen()
    seen.submitted(("spool",), Records(len(rows), {key: np.array(value, COLUMNS[key]) for key, value in values.items()}))
    assert seen.counts == {(1, "spool", "submitted", ""): 2, (2, "spool", "submitted", ""): 1}
