"""What is counted of lines as they come: codes known and not, messages sent, how long a submit took."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mmsd import config
from mmsd.model import HOUR, CodeCount, CodeSet, Content, Kind, MeasureCount, Method, PushState, Records, TextColumn, UnknownCode
from mmsd.rules.counts import MOST_UNKNOWN, OTHER, Counts
from mmsd.rules.settings import Codes

BOOK = config.load_codes()
FIVE = 5 * HOUR


def column(texts: Sequence[bytes]) -> TextColumn:
    stop = np.cumsum([len(text) for text in texts])
    return TextColumn(b"".join(texts), np.concatenate(([0], stop[:-1])), stop)


def records(rows: int, texts: dict[str, Sequence[bytes]] | None = None, **columns: Any) -> Records:
    """Columns by name, one value or one a row; `at` counts minutes from five o'clock unless given."""
    given: dict[str, Any] = {"at": FIVE + np.arange(rows) * 60_000_000, "where": np.arange(rows) << 8, "kind": Kind.ATTEMPT} | columns
    made = {name: np.broadcast_to(np.asarray(value), rows).copy() for name, value in given.items()}
    return Records(rows, made, {name: column(words) for name, words in (texts or {}).items()})


def counted(chunk: Records, codes: dict[str, Codes] | None = None) -> Counts:
    counts = Counts()
    counts.take(BOOK if codes is None else config.load_codes(codes), "f1", "n1", chunk)
    return counts


def test_what_says_all_is_well_is_not_counted():
    chunk = records(6, status=[200, 204, 302, 404, 404, -1], code_set=CodeSet.HTTP)
    assert counted(chunk).code_counts() == [CodeCount(5, "n1", "http", "404", 2)]
    assert counted(chunk).unknown == {}
    confirmed = records(3, kind=Kind.RESPONSE, status=[129, 131, 130], code_set=CodeSet.MM1_STATUS)
    assert sorted(counted(confirmed).codes) == [(5, "n1", "mm1-status", "130"), (5, "n1", "mm1-status", "131")]
    done = records(1, kind=Kind.REPORT, status=1000, code_set=CodeSet.CMCC)
    assert counted(done).codes == {}


def test_an_unknown_code_is_counted_with_its_first_and_last_line():
    chunk = records(
        4, at=[FIVE + 30, FIVE + 10, FIVE + HOUR, FIVE + 20], kind=Kind.REPORT, status=[4446, 4446, 4446, 4441], code_set=CodeSet.CMCC
    )
    counts = counted(chunk)
    assert sorted(counts.code_counts(), key=lambda count: (count.hour, count.code)) == [
        CodeCount(5, "n1", "cmcc", "4441", 1), CodeCount(5, "n1", "cmcc", "4446", 2), CodeCount(6, "n1", "cmcc", "4446", 1),
    ]  # fmt: skip
    assert counts.unknown_codes() == [UnknownCode("n1", "cmcc", "4446", 3, FIVE + 10, FIVE + HOUR)]


def test_the_operators_meaning_makes_it_known():
    chunk = records(1, kind=Kind.REPORT, status=4446, code_set=CodeSet.CMCC)
    known = counted(chunk, {"a": Codes(nodes=("n1",), map={"cmcc": {"4446": "NO_PUSH"}})})
    assert (known.unknown, list(known.codes)) == ({}, [(5, "n1", "cmcc", "4446")])
    assert counted(chunk, {"a": Codes(nodes=("n2",), map={"cmcc": {"4446": "NO_PUSH"}})}).unknown


def test_a_set_nobody_has_is_counted_by_its_number():
    assert list(counted(records(2, status=7, code_set=CodeSet.MM4)).unknown) == [("n1", "mm4-request", "7")]
    assert list(counted(records(2, status=7, code_set=99)).unknown) == [("n1", "code_set 99", "7")]


def test_reports_by_network_error_and_word():
    chunk = records(
        5,
        {"status": [b"DELIVRD", b"UNDELIV", b"MK:0099", b"8613812345678", b""], "smsc": [b"l1"] * 5},
        kind=Kind.PUSH_REPORT,
        push_state=[PushState.DELIVERED, PushState.UNDELIVERABLE, PushState.UNDELIVERABLE, PushState.EXPIRED, PushState.REJECTED],
        push_error=[-1, 3 << 16 | 1, 3 << 16 | 99, -1, -1],
    )
    counts = counted(chunk)
    assert {key[2:]: n for key, n in counts.codes.items()} == {
        ("sms-network", "3:1"): 1, ("sms-network", "3:99"): 1, ("sms-stat", "UNDELIV"): 1, ("sms-stat", "MK:0099"): 1,
        ("sms-stat", OTHER): 1,
    }  # fmt: skip
    assert sorted(key[1:] for key in counts.unknown) == [("sms-network", "3:99"), ("sms-stat", OTHER), ("sms-stat", "MK:0099")]


def test_a_links_own_meaning():
    chunk = records(
        2, {"status": [b"MK:0099"] * 2, "smsc": [b"l1", b"l2"]}, kind=Kind.PUSH_REPORT, push_state=PushState.UNDELIVERABLE, push_error=-1
    )
    assert counted(chunk, {"a": Codes(links=("l2",), barred=("MK:0099",))}).unknown == {("n1", "sms-stat", "MK:0099"): (1, FIVE, FIVE)}


def test_vendors_digits_in_an_mmscs_status_text():
    chunk = records(4, {"status": [b"4441", b"Success", b"44a1", b"1000"]}, kind=Kind.REPORT)
    assert {key[2:]: n for key, n in counted(chunk).codes.items()} == {("cmcc", "4441"): 1}


def test_no_column_read_wrongly_fills_the_store():
    chunk = records(3 * MOST_UNKNOWN, kind=Kind.REPORT, status=np.arange(10_000, 10_000 + 3 * MOST_UNKNOWN), code_set=CodeSet.CMCC)
    counts = counted(chunk)
    assert len(counts.unknown) == MOST_UNKNOWN + 1
    assert sum(n for n, _, _ in counts.unknown.values()) == 3 * MOST_UNKNOWN
    assert counts.unknown["n1", "cmcc", OTHER][0] == 2 * MOST_UNKNOWN


def test_messages_sent_by_handsets():
    chunk = records(
        6, at=[FIVE, FIVE, FIVE, FIVE + HOUR, FIVE, FIVE], where=[1, 1, 2, 3, 4, 5], interface=[1, 1, 0, 1, 7, 1],
        kind=[Kind.SUBMIT, Kind.SUBMIT, Kind.FORWARD, Kind.SUBMIT, Kind.SUBMIT, Kind.NOTIFY],
    )  # fmt: skip
    assert counted(chunk).measured.counts() == [MeasureCount(5, "n1", "", "sends", 2), MeasureCount(6, "n1", "", "sends", 1)]


def test_how_long_a_submit_took():
    chunk = records(
        7, method=[Method.POST] * 6 + [Method.GET], request_type=[Content.MMS] * 5 + [Content.FORM, Content.MMS],
        sent=[30_000, 20_000, 58, 30_000, 30_000, 30_000, 30_000], latency=[900, 300, 50, -1, 700, 800, 800],
        status=[200, 200, 200, 200, 504, 200, 200], code_set=CodeSet.HTTP,
    )  # fmt: skip
    assert counted(chunk).measured.counts() == [MeasureCount(5, "n1", "", "send", 2, 1200)]


@pytest.mark.parametrize("cuts", range(6))
def test_chunks_add_up_however_they_are_cut(seed: int, cuts: int):
    draw, rows = random.Random(seed), 200
    chunk = records(
        rows, at=FIVE + np.array([draw.randrange(3 * HOUR) for _ in range(rows)]), kind=Kind.REPORT,
        status=[draw.choice([-1, 129, 130, 200, 4441, 4446, 7]) for _ in range(rows)],
        code_set=[draw.choice([*CodeSet]) for _ in range(rows)],
    )  # fmt: skip
    whole, pieces = counted(chunk), Counts()
    bounds = [0, *sorted(draw.randrange(rows) for _ in range(cuts)), rows]
    for start, stop in itertools.pairwise(bounds):
        mask = np.zeros(rows, bool)
        mask[start:stop] = True
        pieces.take(BOOK, "f1", "n1", chunk.chosen(mask))
    assert (pieces.codes, pieces.unknown, pieces.measured) == (whole.codes, whole.unknown, whole.measured)
