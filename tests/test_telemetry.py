"""What `/metrics` prints after a Batch, and what it never prints."""

import re

import pytest

from mmsd.model import Attempt, Audit, Batch, Event, Finding, Forward, HourCount, LineCount, Outgoing, Serial, UnknownCode
from mmsd.telemetry import Telemetry

NUMBER = "8613812341234"


@pytest.fixture
def telemetry():
    return Telemetry(version="1.2", twin="avx2", process=False)


def value(telemetry, name, **labels):
    return telemetry.registry.get_sample_value(name, labels)


def batch():
    return Batch(
        at=0,
        lines=[LineCount("mmsc1", "", 10, 12, 900), LineCount("mmsc1", "no_time", 2, 0, 0), LineCount("wap1", "", 5, 5, 1)],
        audits=[Audit("mmsc1", "shrunk", "/logs/access.log")],
        unknown=[UnknownCode("mmsc1", "cmcc", "4446", 3, 0, 0), UnknownCode("mmsc1", "cmcc", "4447", 1, 0, 0)],
        hours=[HourCount(1, "mmsc1", "Wuxi", "failed", "NO_PUSH", 2), HourCount(1, "mmsc1", "Wuxi", "open", "", -2)],
        attempts=[(b"a", Attempt(NUMBER, "wap1", "POST", "host.example", 80, "/", 404, "post", "sure", 0, "Z2"))],
        findings=[(b"f", Finding("subscriber", NUMBER, "BAD_MMSC_URL", 0.9, 0))],
        forwards=[Forward(b"k", "relay", "torch", "m", NUMBER, NUMBER, 1, None, 0, 0, "Wuxi", "2026-11-22", "tag", 1.0, True, "")],
        serials=[Serial("ABCD-EFGH-JKLM", b"k")],
        outbox=[Outgoing(b"o", "marketing", "serial", NUMBER, "text", "shadow", 0, 0)],
        events=[Event(0, "forward", "relay", {})],
    )


def test_a_committed_batch_is_counted(telemetry):
    for _ in range(2):
        telemetry.observe(batch(), commit_seconds=0.004, tick_seconds=0.03, open_deliveries=7)
    assert value(telemetry, "mmsd_lines_total", feed="mmsc1") == 20
    assert value(telemetry, "mmsd_records_total", feed="mmsc1") == 24
    assert value(telemetry, "mmsd_read_octets_total", feed="wap1") == 2
    assert value(telemetry, "mmsd_rejects_total", feed="mmsc1", reason="no_time") == 4
    assert value(telemetry, "mmsd_unknown_codes_total", node="mmsc1", code_set="cmcc") == 8
    assert value(telemetry, "mmsd_file_audits_total", feed="mmsc1", what="shrunk") == 2
    assert value(telemetry, "mmsd_deliveries", outcome="failed", cause="NO_PUSH") == 4
    assert value(telemetry, "mmsd_deliveries", outcome="open", cause="") == -4
    assert value(telemetry, "mmsd_attempts_total", verdict="Z2") == 2
    assert value(telemetry, "mmsd_findings_total", subject="subscriber", cause="BAD_MMSC_URL") == 2
    assert value(telemetry, "mmsd_forwards_total", campaign="relay", counted="yes") == 2
    assert value(telemetry, "mmsd_serials_total") == 2
    assert value(telemetry, "mmsd_outbox_rows_total", kind="marketing", state="shadow") == 2
    assert value(telemetry, "mmsd_events_total", topic="forward") == 2
    assert value(telemetry, "mmsd_open_deliveries") == 7
    assert value(telemetry, "mmsd_commit_seconds_bucket", le="0.005") == 2
    assert value(telemetry, "mmsd_commit_seconds_bucket", le="0.002") == 0
    assert value(telemetry, "mmsd_tick_seconds_count") == 2


def test_no_number_serial_host_or_path_is_printed(telemetry):
    telemetry.observe(batch(), commit_seconds=0.0, tick_seconds=0.0, open_deliveries=0)
    text = telemetry.exposition().decode()
    for secret in (NUMBER, "ABCD-EFGH-JKLM", "host.example", "/logs/"):
        assert secret not in text


def test_feeds_and_recoveries(telemetry):
    telemetry.feed("mmsc1", behind=5, lag_seconds=1.5, up=True)
    telemetry.feed("wap1", behind=0, lag_seconds=900.0, up=False)
    telemetry.recovered("StoreFull")
    assert value(telemetry, "mmsd_feed_behind_octets", feed="mmsc1") == 5
    assert value(telemetry, "mmsd_feed_lag_seconds", feed="wap1") == 900
    assert [value(telemetry, "mmsd_feed_up", feed=name) for name in ("mmsc1", "wap1")] == [1, 0]
    assert value(telemetry, "mmsd_recoveries_total", reason="StoreFull") == 1


def test_two_in_one_process_do_not_share(telemetry):
    telemetry.recovered("StoreFull")
    other = Telemetry(version="1.2", twin="avx2", process=False)
    assert value(other, "mmsd_recoveries_total", reason="StoreFull") is None


def test_the_text_is_what_prometheus_reads():
    text = Telemetry(version="1.2", twin="avx2").exposition().decode()
    assert 'mmsd_build_info{twin="avx2",version="1.2"} 1.0' in text
    assert re.search(r"^mmsd_process_resident_memory_bytes \S+$", text, re.M)
    assert text.endswith("\n")
