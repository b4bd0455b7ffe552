"""One message to six receivers through real nodes: exactly the verdicts that were worked out by hand, line by line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from bench import score
from bench.judged import Judged, judged
from bench.score import CHAIN, chain_settings
from mmsd.model import SECOND, Delivery
from tests.truth.widening import may_become

FILES: Final = {"mmsc": "mmsc-access.log", "sms": "bearerbox-access.log", "wap": "wapbox-access.log"}
MESSAGE: Final = "t-wt-qf662.1.x608.20@mmsc"


def at(clock: str) -> int:
    """A time of that day, UTC+8, as µs UTC."""
    return round(datetime.fromisoformat(f"2026-11-22T{clock}+08:00").timestamp()) * SECOND


class Row(NamedTuple):
    receiver: str
    leg: str
    sender: str
    outcome: str
    cause: str
    rule: str
    confidence: float
    group: str
    suspects: tuple[str, ...]
    detail: str
    evidence: str


# fmt: off
ROWS: Final = [
    Row("8613900000001", "mmsc-qf663.2.x608.93", "8613900000021", "delivered", "OK", "D1", 0.99, "normal_other", (), "",
        "sms:2 sms:12 wap:2 mmsc:8 wap:4 mmsc:16 sms:31"),
    Row("8613900000002", "mmsc-qf663.3.x608.37", "8613900000021", "failed", "NO_PUSH", "N6", 0.6, "no_retrieval", (),
        "report contradicted", "sms:6 sms:14 sms:22 sms:27 wap:5 sms:42"),
    Row("8613900000003", "mmsc-qf663.4.x608.98", "8613900000021", "failed", "NO_PUSH", "N5", 0.9, "no_retrieval", (), "",
        "sms:4 sms:13 sms:18 sms:26 sms:34"),
    Row("8613900000004", "mmsc-c-nr-qf663.5.x608.75", "8613900000021", "failed", "NO_PUSH", "N1", 0.9, "no_retrieval", (),
        "SMSC refused the push", "sms:10 sms:11 sms:24 sms:25 sms:40"),
    Row("8613900000007", "mmsc-qf663.6.x608.17", "8613900000021", "failed", "EXPIRED", "U15", 0.9, "no_retrieval",
        ("NO_PUSH", "NO_RETRIEVE"), "", "sms:8 sms:9 sms:20 sms:21 sms:36"),
    Row("8613900000006", "mmsc-s-qf666.8.x608.14", "8613900000001", "failed", "NO_PUSH", "N2", 0.8, "no_retrieval", (), "SMSC rejected it",
        "mmsc:9 mmsc:10 sms:15 sms:17 sms:28 sms:30 sms:46"),
]
# fmt: on


@pytest.fixture(scope="module")
def chain() -> Judged:
    return judged(chain_settings())


@pytest.fixture(scope="module")
def by_receiver(chain: Judged) -> dict[str, Delivery]:
    return {delivery.receiver: delivery for delivery in chain.deliveries}


def lines_of(value: Any) -> set[str]:
    """Evidence as `feed:line`, counted from 1 as an editor does."""
    found = set()
    for evidence in value.evidence:
        data = (CHAIN / FILES[evidence.feed]).read_bytes()
        assert evidence.offset == 0 or data[evidence.offset - 1 : evidence.offset] == b"\n"
        before = data[: evidence.offset]
        found.add(f"{evidence.feed}:{before.count(10) + 1}")
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.receiver[-2:])
def test_the_verdict(by_receiver: dict[str, Delivery], row: Row):
    delivery = by_receiver[row.receiver]
    said = {name: getattr(delivery, name) for name in Row._fields if name != "evidence"}
    assert said == {name: value for name, value in row._asdict().items() if name != "evidence"}
    assert delivery.not_covered == ("sessions",)
    assert delivery.message == MESSAGE
    assert lines_of(delivery) >= set(row.evidence.split())


def test_times_and_sizes(by_receiver: dict[str, Delivery]):
    delivery = by_receiver["8613900000001"]
    assert (delivery.submitted, delivery.retrieved) == (at("17:44:22"), at("17:44:25"))
    assert delivery.size == 237
    assert by_receiver["8613900000006"].submitted >= delivery.retrieved
    assert all(delivery.retrieved == 0 for delivery in by_receiver.values() if delivery.outcome == "failed")


def test_the_attempts(chain: Judged):
    said = {(a.subscriber[-2:], a.method, a.type, a.strength, a.verdict, *sorted(lines_of(a))) for a in chain.attempts}
    assert said == {
        ("01", "GET", "fetch", "sure", "", "wap:2"),
        ("01", "POST", "submit", "sure", "Z1", "wap:3"),
        ("01", "POST", "confirm", "sure", "Z1", "wap:4"),
        ("02", "POST", "post", "likely", "Z2", "wap:5"),  # ..03's GET (wap:6) is weak: it raises nothing
    }
    (wrong,) = [a for a in chain.attempts if a.verdict == "Z2"]
    assert (wrong.host, wrong.port, wrong.status) == ("127.0.0.1", 9, 502)


def test_the_totals(chain: Judged):
    assert sorted(delivery.outcome for delivery in chain.deliveries) == ["delivered", *["failed"] * 5]
    assert chain.findings == []  # one wrong POST of three
    assert chain.forwards == []  # the only forward was not retrieved


def test_reports_to_senders_are_no_deliveries(chain: Judged):
    assert {delivery.receiver for delivery in chain.deliveries} == {row.receiver for row in ROWS}
    assert all(delivery.sender != delivery.receiver for delivery in chain.deliveries)


def test_without_the_sms_feed_the_five_stay_open():
    found = {delivery.receiver: delivery for delivery in judged(chain_settings(without=["sms"])).deliveries}
    assert {receiver[-2:] for receiver, delivery in found.items() if delivery.outcome == "open"} == {"02", "03", "04", "06", "07"}
    assert found["8613900000001"].outcome == "delivered"
    assert all("sms" in delivery.not_covered for delivery in found.values())


@pytest.mark.parametrize("without", ["mmsc", "sms", "wap"])
def test_a_missing_feed_widens_and_never_misleads(by_receiver: dict[str, Delivery], without: str):
    found = judged(chain_settings(without=[without])).deliveries
    assert len(found) == len(ROWS)
    assert [delivery for delivery in found if not may_become(by_receiver[delivery.receiver], delivery)] == []


def test_without_the_gateway_each_verdict_is_weaker_by_the_tables_number():
    found = {
        delivery.receiver[-2:]: (delivery.rule, delivery.confidence) for delivery in judged(chain_settings(without=["wap"])).deliveries
    }
    assert found == {"01": ("D1", 0.95), "02": ("N4", 0.8), "03": ("N5", 0.8), "04": ("N1", 0.9), "06": ("N2", 0.8), "07": ("U16", 0.9)}


def test_without_the_mmsc_there_are_orphans_alone():
    assert all(delivery.orphan and delivery.outcome == "open" for delivery in judged(chain_settings(without=["mmsc"])).deliveries)


def test_the_score_is_whole(chain: Judged):
    scored = score.score_chain(chain)
    assert scored.right == scored.pairs
    assert scored.wrong == []


def test_our_copy_is_the_sample(shared: Path):
    for name in FILES.values():
        assert (CHAIN / name).read_bytes() == (shared / "samples/mbuni/chain" / name).read_bytes()
