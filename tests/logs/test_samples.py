"""Every line of the samples: the copies kept here against goldens, the real day beside the checkout against its own count."""

from __future__ import annotations

import ipaddress
import random
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsd.logs import DIALECTS, guess
from mmsd.model import NOT_A_NUMBER, SECOND, CodeSet, Kind, Method, Parsed, PushState, Records
from tests.logs.tables import COPIES, CUSTOM, DATA, golden, make, pieces, random_cuts, read, whole

Logs = dict[str, tuple[str, dict[str, Any], int]]

OTHERS: Logs = {
    "mbuni/mmsc/mmsc-access.log": ("mbuni", {}, 70),
    "mbuni/chain/mmsc-access.log": ("mbuni", {}, 22),
    "mbuni/chain/bearerbox-access.log": ("kannel-sms", {}, 49),
    "mbuni/chain/smsbox-access.log": ("kannel-smsbox", {}, 19),
    "mbuni/chain/wapbox-access.log": ("kannel-wap", {}, 6),
    "kannel/default/bearerbox-access.log": ("kannel-sms", {}, 73),
    "kannel/default/smsbox-access.log": ("kannel-smsbox", {}, 23),
    "kannel/default/wapbox-access.log": ("kannel-wap", {}, 11),
    "kannel/custom-format/bearerbox-access.log": ("kannel-sms", {"format": CUSTOM, "clean": True}, 31),
    "kannel/custom-format/smsbox-access.log": ("kannel-smsbox", {}, 22),
    "http-proxy/access-native.log": ("http", {"format": "squid"}, 9),
    "http-proxy/access-combined.log": ("http", {"format": "combined"}, 9),
    "http-proxy/access-mms.log": ("http", {"format": "mms"}, 9),
}
DAY: Logs = {
    "mmsc/mmsc-access.log.1": ("mbuni", {}, 1358),
    "mmsc/mmsc-access.log": ("mbuni", {}, 1128),
    "kannel/bearerbox-access.log": ("kannel-sms", {}, 4076),
    "kannel/smsbox-access.log.gz": ("kannel-smsbox", {}, 1376),
    "kannel/wapbox-access.log.1.gz": ("kannel-wap", {}, 9282),
    "kannel/wapbox-access.log": ("kannel-wap", {}, 2401),
    "squid/access-mms.log": ("http", {"format": "mms"}, 6149),
    "squid/access-native.log.gz": ("http", {"format": "squid"}, 6149),
    "radius/10.36.255.1/detail-20261122": ("radius", {}, 2143),
    "radius/10.36.255.2/detail-20261122.gz": ("radius", {}, 1992),
}
ALL = OTHERS | {f"real-day/logs/{name}": entry for name, entry in DAY.items()}


@pytest.fixture(scope="module")
def day(shared: Path) -> dict[str, Parsed]:
    """Every log of the real day, scanned."""
    folder = shared / "samples/real-day/logs"
    return {name: whole(make(dialect, options), read(folder / name)) for name, (dialect, options, _) in DAY.items()}


@pytest.mark.parametrize("name", COPIES)
def test_copies_read_as_their_goldens_say(name: str) -> None:
    assert golden(name) == (DATA / f"{name}.golden").read_text()


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_arriving_in_pieces_reads_the_same(name: str, seed: int, effort: int) -> None:
    dialect, options = COPIES[name]
    made, data, rng = make(dialect, options), read(DATA / f"{name}.log"), random.Random(seed)
    expected = pieces(made, data, [])
    for _ in range(8 * effort):
        assert pieces(made, data, random_cuts(rng, len(data))) == expected


@pytest.mark.parametrize("name", ALL)
def test_every_line_of_the_samples_is_read(name: str, shared: Path) -> None:
    dialect, options, lines = ALL[name]
    data = read(shared / "samples" / name)
    parsed = whole(make(dialect, options), data)
    assert parsed.rejects.total == 0, parsed.rejects.samples
    assert (parsed.lines, parsed.consumed, parsed.skipped) == (lines, len(data), 0)
    assert ((parsed.records["at"] > 1795339000_000000) & (parsed.records["at"] < 1795346000_000000)).all()
    assert (parsed.records["kind"] != Kind.NONE).all()


@pytest.mark.parametrize("name", ALL)
def test_every_sample_is_recognised(name: str, shared: Path) -> None:
    dialect, options, _ = ALL[name]
    data = read(shared / "samples" / name)
    best = guess(data[: 1 << 16], name)[0]
    assert (best.dialect, dict(best.options)) == (dialect, options)
    assert best.score > 0.95
    assert DIALECTS[dialect].summary in best.why


# ------------------------------------------------------------------------------------------------- the real day's own count


def count(*parts: Records, kind: Kind) -> int:
    """Records (not rows: a list of receivers is one) of a kind."""
    return sum(len(np.unique(part["where"][part["kind"] == kind])) for part in parts)


def test_the_mmsc_says_what_the_truth_counted(day: dict[str, Parsed]) -> None:
    parts = [day["mmsc/mmsc-access.log.1"].records, day["mmsc/mmsc-access.log"].records]
    counts = {kind: count(*parts, kind=kind) for kind in Kind}
    assert counts[Kind.SUBMIT] == 315
    assert counts[Kind.NOTIFY] == 1293
    assert counts[Kind.FETCH] == 445
    assert counts[Kind.FETCH_FAILED] == 10
    assert counts[Kind.FORWARD] == 12
    answers = Counter(int(status) for part in parts for status in part["status"][part["kind"] == Kind.RESPONSE])
    assert answers == {0x81: 341, 0x82: 24, 0x83: 43}


def test_pushes_and_their_receipts_say_what_the_truth_counted(day: dict[str, Parsed]) -> None:
    records = day["kannel/bearerbox-access.log"].records
    kind, state, pdu = records["kind"], records["push_state"], records["pdu"]
    notification = (kind == Kind.PUSH) & (pdu == 0x82)
    assert notification.sum() == 1087
    assert ((kind == Kind.PUSH) & (pdu == 0x86)).sum() == 206
    assert (notification & (state == PushState.REFUSED)).sum() == 48
    assert (kind == Kind.SMS).sum() == 60 + 21
    links = records["link"][notification & (state == PushState.SUBMITTED)]
    assert len(np.unique(links)) == 1039
    reports = (kind == Kind.PUSH_REPORT) & np.isin(records["link"], links)
    final = Counter(state[reports].tolist())
    assert final == {PushState.ACCEPTED: 1039, PushState.DELIVERED: 874, PushState.UNDELIVERABLE: 72, PushState.EXPIRED: 93}
    assert ((kind == Kind.PUSH_REPORT) & (state == PushState.REFUSED)).sum() == 48


def test_decoded_pushes_carry_all_that_judgement_needs(day: dict[str, Parsed]) -> None:
    records = day["kannel/bearerbox-access.log"].records
    notification = (records["kind"] == Kind.PUSH) & (records["pdu"] == 0x82)
    for name in ("transaction", "location", "authority", "expires"):
        assert (records[name][notification] != 0).all(), name
    assert (records["size"][notification] > 0).all()
    assert len(np.unique(records["authority"][notification])) == 1
    report = (records["kind"] == Kind.PUSH) & (records["pdu"] == 0x86)
    assert (records["message"][report] != 0).all()
    assert set(records["status"][report].tolist()) <= set(range(0x80, 0x88))
    assert set(records["code_set"][report].tolist()) == {CodeSet.MM1_STATUS}
    to_himself = records["sender"][report] == records["receiver"][report]  # the sender is whom it speaks of, not whom it goes to
    assert to_himself.sum() == 1


def test_answers_at_the_mmsc_name_transactions_of_pushes(day: dict[str, Parsed]) -> None:
    pushed = set(day["kannel/bearerbox-access.log"].records["transaction"].tolist()) - {0}
    for name in ("mmsc/mmsc-access.log.1", "mmsc/mmsc-access.log"):
        records = day[name].records
        assert set(records["transaction"][records["kind"] == Kind.RESPONSE].tolist()) <= pushed


def test_the_path_a_gateway_logs_is_the_location_that_was_pushed(day: dict[str, Parsed]) -> None:
    """Every retrieval of the MMSC's was asked for at one of the gateways, at a location known from its push."""
    sms = day["kannel/bearerbox-access.log"].records
    locations = sms["location"][(sms["pdu"] == 0x82)]
    authority = sms["authority"][(sms["pdu"] == 0x82)][0]
    gets = 0
    for name in ("kannel/wapbox-access.log.1.gz", "kannel/wapbox-access.log", "squid/access-mms.log"):
        records = day[name].records
        mms = np.isin(records["path"], locations)
        assert (records["authority"][mms] == authority).all()
        gets += int((mms & (records["method"] == 1) & (records["status"] == 200)).sum())
    fetched = sum(count(day[name].records, kind=Kind.FETCH) for name in ("mmsc/mmsc-access.log.1", "mmsc/mmsc-access.log"))
    failed = sum(count(day[name].records, kind=Kind.FETCH_FAILED) for name in ("mmsc/mmsc-access.log.1", "mmsc/mmsc-access.log"))
    assert gets == fetched + failed  # a failed retrieval is an HTTP 200 too


def test_the_gateways_say_what_the_truth_counted(day: dict[str, Parsed]) -> None:
    assert sum(day[name].records.rows for name in ("kannel/wapbox-access.log.1.gz", "kannel/wapbox-access.log")) == 11682
    assert day["squid/access-mms.log"].records.rows == day["squid/access-native.log.gz"].records.rows == 6148


def test_two_formats_of_one_proxy_agree(day: dict[str, Parsed]) -> None:
    rich, native = day["squid/access-mms.log"].records, day["squid/access-native.log.gz"].records
    for name in ("at", "method", "authority", "path", "status", "octets", "latency", "address", "answer_type"):
        assert (rich[name] == native[name]).all(), name


def test_sessions_say_what_the_truth_counted(day: dict[str, Parsed]) -> None:
    parts = [day[name].records for name in DAY if name.startswith("radius/")]
    kinds = Counter(int(kind) for part in parts for kind in part["kind"])
    assert kinds == {
        Kind.SESSION_START: 1948 + 82,
        Kind.SESSION_STOP: 1861,
        Kind.SESSION_INTERIM: 242,
        Kind.SESSION_OFF: 1,
        Kind.SESSION_ON: 1,
    }
    sessions = {int(each) for part in parts for each in part["session"]} - {0}
    assert len(sessions) == 1948
    starts = Counter(
        (int(s), int(at))
        for part in parts
        for s, at, k in zip(part["session"], part["at"], part["kind"], strict=True)
        if k == Kind.SESSION_START
    )
    assert sorted(starts.values())[-82:] == [2] * 82  # a retransmission has the event's time, not its own
    assert len(starts) == 1948
    for part in parts:
        node = (part["kind"] == Kind.SESSION_ON) | (part["kind"] == Kind.SESSION_OFF)
        assert (part["receiver"][~node] > 86 * 10**11).all()
        assert (part["imsi"][~node] > 460 * 10**12).all()
        assert len({len(str(imei)) for imei in part["imei"][~node].tolist()}) == 1
    assert len({int(apn) for part in parts for apn in part["apn"]} - {0}) == 2  # in either case, one APN


# --------------------------------------------------------------------------------------------------- read in another way too


def digits(text: str) -> int:
    return int(text.removeprefix("+")) if text.removeprefix("+").isdigit() else 0


def test_the_mmscs_rows_equal_a_reading_by_regular_expression(shared: Path, day: dict[str, Parsed]) -> None:
    form = re.compile(r"(\S+ \S+) ([A-Za-z ]+) MMS .*\[from:(.*?)\] \[to:(.*?)\] \[msgid:(.*?)\] \[size=(-?\d+)\]")
    words = {
        "Received": Kind.SUBMIT,
        "Notify": Kind.NOTIFY,
        "Fetched": Kind.FETCH,
        "Failed Fetch": Kind.FETCH_FAILED,
        "Forwarded": Kind.FORWARD,
    }
    for name in ("mmsc/mmsc-access.log.1", "mmsc/mmsc-access.log"):
        expected = []
        for found in map(form.match, read(shared / "samples/real-day/logs" / name).decode().splitlines()):
            if found:
                at, word, sender, receivers, message, size = found.groups()
                answer = word == "NotifyResp"
                for receiver in [sender] if answer else receivers.split(", "):
                    when = int(datetime.fromisoformat(f"{at}+08:00").timestamp()) * SECOND
                    expected.append(
                        (when, words.get(word, Kind.RESPONSE), digits(receiver), 0 if answer else digits(sender), message, int(size))
                    )
        records = day[name].records
        number = np.where(records["sender"] < NOT_A_NUMBER, records["sender"], 0)
        texts = [(records.text("message", row) or records.text("transaction", row)).decode() for row in range(records.rows)]
        columns = (records["at"], records["kind"], records["receiver"], number)
        got = list(zip(*(column.tolist() for column in columns), texts, records["size"].tolist(), strict=True))
        assert got == expected


def test_the_wapboxes_rows_equal_a_reading_by_regular_expression(shared: Path, day: dict[str, Parsed]) -> None:
    form = re.compile(r"\S+ \S+ (\S+) (\S+) (\S+) <(\w+://([^/>]*)([^>]*))> \(.*?\) (\d+) (\d+) <(.*)> <")
    name = "kannel/wapbox-access.log"
    found = [form.match(line) for line in read(shared / "samples/real-day/logs" / name).decode().splitlines()]
    records = day[name].records
    assert len(found) == records.rows
    for row, match in enumerate(found):
        assert match is not None
        address, number, method, _, host, path, octets, status, agent = match.groups()
        assert str(ipaddress.ip_address(int(records["address"][row]))) == address
        assert (int(records["receiver"][row]), Method(int(records["method"][row])).name) == (digits(number), method)
        assert (records.text("host", row).decode(), records.text("path", row).decode()) == (host, path)
        assert (int(records["octets"][row]), int(records["status"][row]), records.text("agent", row).decode()) == (
            int(octets),
            int(status),
            agent,
        )
