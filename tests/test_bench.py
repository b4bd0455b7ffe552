"""The benches' own data: logs that are what the dialect reads, and peers that come to the outcomes mmsd comes to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bench import joined, linked, measure, pipeline, province
from mmsd.logs import DIALECTS
from mmsd.model import Kind

MESSAGES = 400


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small province's log, in a cache of its own."""
    monkeypatch.setenv("MMSD_BENCH_CACHE", str(tmp_path))
    return province.access_log(MESSAGES)


def test_every_line_is_a_record(log: Path) -> None:
    dialect = DIALECTS["mbuni"].from_options({}, zone=ZoneInfo("Asia/Shanghai"), key=(1, 2))
    parsed = dialect.scan(log.read_bytes(), ordinal=0, offset=0, final=True)
    records = parsed.records
    assert not parsed.rejects.total
    assert parsed.lines == records.rows == 4 * MESSAGES
    assert (np.diff(records["at"]) >= 0).all(), "in order of time"
    assert int(records["at"][0]) == province.START * 1_000_000
    kinds = Counter(records["kind"].tolist())
    lost = MESSAGES - kinds[Kind.FETCH]
    assert kinds == {Kind.SUBMIT: MESSAGES, Kind.FETCH: MESSAGES - lost, Kind.RESPONSE: MESSAGES - lost, Kind.NOTIFY: MESSAGES + 2 * lost}
    assert 0.05 < lost / MESSAGES < 0.15
    answers = records["kind"] == Kind.RESPONSE
    assert np.isin(records["receiver"][answers], records["receiver"][~answers]).all(), "answered by who was told"


def test_a_log_is_made_once_and_the_same(log: Path, tmp_path: Path) -> None:
    first = log.read_bytes()
    stamp = log.stat().st_mtime_ns
    assert province.access_log(MESSAGES) == log
    assert log.stat().st_mtime_ns == stamp
    log.unlink()
    assert province.access_log(MESSAGES).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [log.name], "nothing half made stays"


def test_mmsd_reads_all_of_it(log: Path) -> None:
    facts = pipeline.ours(log)
    assert facts["lines"] == 4 * MESSAGES
    assert facts["outcomes"]["delivered"] == Counter(b"Fetched" in line for line in log.read_bytes().splitlines())[True]
    assert sum(facts["outcomes"].values()) == MESSAGES


@pytest.mark.parametrize("peer", sorted(joined.WHOLE))
def test_peers_come_to_the_same_outcomes(peer: str, log: Path) -> None:
    found = measure.child("bench.pipeline", peer, str(log))  # their threads stay out of this process
    assert found["outcomes"] == dict(sorted(pipeline.ours(log)["outcomes"].items()))
    assert found["stored"] > 0


@pytest.mark.parametrize("protocol", ["smpp", "cmpp"])
def test_every_message_through_a_link_is_answered_reported_and_committed(protocol: linked.Protocol) -> None:
    run = linked.measure(protocol, 150)
    assert 0 < run["commits"] <= 300
    assert run["ours"] > 0
