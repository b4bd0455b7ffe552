"""The truth says what the logs say: recounted from the raw lines with small patterns of their own, knowing nothing of the simulator."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from mmsd.codec.push import decode_push
from sim.people import Behaviour
from sim.scenario import Scenario
from tests.sim.conftest import FEEDS, Run

NODES: Final = ("mmsc1", "mmsc2", "mmsc3")


def _legs(run: Run) -> dict[str, dict[str, Any]]:
    return {row["leg"]: row for row in run.rows}


def _pushes(run: Run) -> list[tuple[str, str, Any]]:
    """Every MMS push handed to the SMSC: event, receiver, decoded."""
    found = []
    for line in run.lines("sms"):
        match = re.search(r"^.{20}(Sent|REJECTED Send) SMS .*\[to:\+?(\d+)\].*\[msg:\d+:([0-9A-F]+)\] \[udh:7:(0605040B8423F0)\]", line)
        if match:
            found.append((match[1], match[2], decode_push(bytes.fromhex(match[3]), bytes.fromhex(match[4]))))
    return found


def test_every_leg_is_final_and_stands_once(run: Run) -> None:
    assert run.totals["state"] == "finished"
    assert run.totals["open"] == 0
    assert {row["outcome"] for row in run.rows} == {"delivered", "failed"}
    assert len({(row["message"], row["receiver"], row["leg"]) for row in run.rows}) == len(run.rows) == run.totals["deliveries"]


def test_totals_are_those_of_the_rows(run: Run) -> None:
    own = [row for row in run.rows if row["kind"] == "seed"]
    others = [row for row in run.rows if row["kind"] != "seed"]
    assert run.totals["own"] == Counter(row["outcome"] for row in own)
    assert run.totals["outcomes"] == Counter(row["outcome"] for row in others)
    for outcome, causes in run.totals["causes"].items():
        assert causes == Counter(row["cause"] for row in others if row["outcome"] == outcome)


def test_every_behaviour_and_cause_occurs(run: Run, small: Scenario) -> None:
    assert set(run.totals["behaviours"]) == set(small.population.behaviours) <= {behaviour.value for behaviour in Behaviour}
    rules = {row["rule"] for row in run.rows}
    assert rules >= {"D1", "D2", "D3", "D4", "R1", "T1", "N1", "N2", "N4", "N5", "N6", "U8", "U9", "U10", "U11", "U12"}


def test_submits_and_forwards_make_the_legs(run: Run) -> None:
    """One leg a receiver of a Received or Forwarded line."""
    expected: Counter[str] = Counter()
    for node in NODES:
        for line in run.lines(node):
            match = re.search(r" (Received|Forwarded) MMS .*\[to:([^\]]+)\]", line)
            if match:
                expected.update(number.removeprefix("+") for number in match[2].split(", "))
    assert Counter(row["receiver"] for row in run.rows) == expected


@pytest.mark.parametrize("node", NODES)
def test_fetches_are_those_of_the_node(run: Run, node: str) -> None:
    expected: Counter[tuple[str, str, str]] = Counter()
    for line in run.lines(node):
        match = re.search(r" Fetched MMS .*\[from:\+?([^\]]+)\] \[to:\+(\d+)\] \[msgid:([^\]]+)\]", line)
        if match:
            expected[match[3], match[1], match[2]] += 1
    found: Counter[tuple[str, str, str]] = Counter()
    for row in run.rows:
        if row["node"] == node and row["fetches"]:
            found[row["message"], row["sender"], row["receiver"]] += row["fetches"]
    assert found == expected


def test_answers_close_their_legs(run: Run) -> None:
    legs = _legs(run)
    answers: Counter[str] = Counter()
    for node in NODES:
        for line in run.lines(node):
            match = re.search(r" NotifyResp MMS \[INT:MM1\] \[ACT:(\w+)\].*\[from:\+(\d+)\] \[to:\] \[msgid:([^\]]+)\]", line)
            if match:
                row = legs[match[3]]
                assert row["receiver"] == match[2]
                assert (row["confirmed"] > 0) == (match[1] == "Retrieved") or match[1] == "Deferred"
                answers[match[1]] += 1
    assert answers["Retrieved"] == sum(row["confirmed"] > 0 for row in run.rows)
    assert answers["Rejected"] == sum(row["cause"] == "REJECTED" for row in run.rows)


def test_notifications_carry_the_legs(run: Run, small: Scenario) -> None:
    legs = _legs(run)
    pushes: Counter[str] = Counter()
    reports = 0
    for event, receiver, push in _pushes(run):
        assert not push.faults
        if push.pdu_type == 0x86:
            reports += 1
            continue
        row = legs[push.transaction.decode()]
        pushes[row["leg"]] += 1
        assert row["receiver"] == receiver
        assert row["size"] == push.size
        assert push.sender.decode() in {f"+{row['sender']}/TYPE=PLMN", f"{row['sender']}/TYPE=PLMN"}
        assert (row["rule"] == "N1") == (event == "REJECTED Send")
        assert 0 < push.expiry_relative <= small.mmsc.expiry
    assert pushes == Counter({row["leg"]: row["pushes"] for row in run.rows})
    assert reports > 10
    notified = sum(line.count(" Notify MMS ") for node in NODES for line in run.lines(node))
    assert notified == sum(pushes.values()) + reports


def test_receipts_are_those_of_the_log(run: Run) -> None:
    owner: dict[str, str] = {}  # FID → leg
    found: dict[str, list[str]] = {row["leg"]: ["REFUSED"] * row["pushes"] if row["rule"] == "N1" else [] for row in run.rows}
    for line in run.lines("sms"):
        fid = re.search(r"\[FID:(\d+)\]", line)
        body = re.search(r" Sent SMS .*\[msg:\d+:([0-9A-F]+)\] \[udh:7:0605040B8423F0\]", line)
        stat = re.search(r" stat:(\w+) ", line)
        if fid and body:
            owner[fid[1]] = decode_push(bytes.fromhex(body[1])).transaction.decode()
        elif fid and stat and owner.get(fid[1]):
            found[owner[fid[1]]].append(stat[1])
    # a receipt that comes after the leg was closed is in the log alone
    assert all(found[row["leg"]][: len(row["receipts"])] == row["receipts"] for row in run.rows)
    assert all(found[row["leg"]] == row["receipts"] for row in run.rows if row["outcome"] == "failed" and row["cause"] != "REJECTED")


def test_the_gateways_saw_each_fetch_and_no_other_of_a_message(run: Run) -> None:
    location = re.compile(r" GET <?http://mms\.suyun\.example/([^@ ]+)@2/wx\d\d>? .*$")
    expected = {row["leg"].removeprefix("mms.suyun.example-"): row for row in run.rows}
    seen: Counter[str] = Counter()
    for feed in ("wapbox", "squid"):
        for line in run.lines(feed):
            match = location.search(line)
            if match:
                seen[match[1]] += 1
                assert expected[match[1]]["receiver"] in line
    assert all(seen[queue] >= row["fetches"] for queue, row in expected.items())
    assert all(
        not seen[queue] for queue, row in expected.items() if row["behaviour"] in {"wrong_apn", "wrong_proxy", "no_fetch", "off_expired"}
    )
    assert all(seen[queue] for queue, row in expected.items() if row["rule"] == "T1")


def test_most_of_what_a_gateway_logs_is_browsing(run: Run, small: Scenario) -> None:
    lines = run.totals["gateway_lines"]
    assert lines["browsing"] >= small.browsing.ratio * lines["mms"] >= 20 * lines["mms"]
    mms = re.compile(r"mms\.suyun\.example|exmaple|mmsc\.uniwest|mmsc\.suyun")
    seen = sum(bool(mms.search(line)) for feed in ("wapbox", "squid") for line in run.lines(feed))
    assert seen <= lines["mms"] <= seen * 1.1  # the portal as a wrong MMSC is the rest


def test_sessions_begin_once_and_addresses_have_one_owner(run: Run) -> None:
    """By event time: no address belongs to two numbers at once, where no Stop was lost."""
    for feed in ("radius1", "radius2"):
        records = [dict(re.findall(r"\t([\w-]+) = \"?([^\"\n]*)", record)) for record in run.read(feed).decode().split("\n\n")]
        starts = Counter(r["Acct-Session-Id"] for r in records if r.get("Acct-Status-Type") == "Start" and "Acct-Delay-Time" not in r)
        assert set(starts.values()) == {1}
        stops = Counter(r["Acct-Session-Id"] for r in records if r.get("Acct-Status-Type") == "Stop")
        assert set(stops.values()) == {1}
        assert set(stops) < set(starts)
        delayed = [r for r in records if "Acct-Delay-Time" in r]
        assert delayed
        assert all(starts[r["Acct-Session-Id"]] for r in delayed)


def test_a_handset_keeps_its_number_imsi_and_imei(run: Run) -> None:
    text = (run.read("radius1") + run.read("radius2")).decode()
    seen = set(re.findall(r'Calling-Station-Id = "\+?(\d+)"[^$]*?3GPP-IMSI = "(\d{15})"[^$]*?3GPP-IMEISV = "(\d{16})"', text))
    for column in zip(*seen, strict=True):
        assert len(set(column)) == len(seen) > 300


def test_gateway_lines_lie_in_a_session_of_their_number(run: Run) -> None:
    """The address of a line was given to its number: every pair of them stands in the accounting."""
    given: set[tuple[str, str]] = set()
    for feed in ("radius1", "radius2"):
        text = run.read(feed).decode()
        given |= {(a, n) for a, n in re.findall(r"Framed-IP-Address = ([\d.]+)\n.*\n\tCalling-Station-Id = \"\+?(\d+)\"", text)}
    used = {(m[1], m[2]) for m in (re.match(r".{20}([\d.]+) \+?(\d+) ", line) for line in run.lines("wapbox")) if m}
    used |= {(m[1], m[2]) for m in (re.match(r'[\d.]+ +\d+ ([\d.]+) "\+?(\d+)"', line) for line in run.lines("squid")) if m}
    assert used <= given


def test_forwards_are_counted_once_each(run: Run) -> None:
    forwards = [row for row in run.rows if row["forward"]]
    counted = [row for row in forwards if row["forward"]["counted"]]
    assert run.totals["forwards"] == run.totals["serials"] == len(counted)
    assert run.totals["forwards_by_city"] == dict(sorted(Counter(row["forward"]["city"] for row in counted).items()))
    assert all(row["retrieved"] for row in counted)
    assert {row["forward"]["method"] for row in counted} == {"m_forward", "subject_size"}
    assert {row["forward"]["reason"] for row in forwards} == {"", "not retrieved", "sent again"}
    legs = _legs(run)
    for row in forwards:
        parent = legs[row["forward"]["parent"]]
        assert parent["receiver"] == row["sender"]
        assert parent["retrieved"] <= row["submitted"]
        assert (parent["message"] == row["message"]) == (row["forward"]["method"] == "m_forward")
    pairs = Counter((row["sender"], row["receiver"]) for row in counted)
    assert max(pairs.values()) > 1  # somebody forwarded it to the same friend again


def test_all_feeds_go_on_after_the_last_window(run: Run, small: Scenario) -> None:
    """A mark that stands still would leave deliveries open."""
    over = max(row["expiry"] for row in run.rows) + small.daemon["grace"] * 1_000_000
    for node in (*NODES, "sms", "wapbox"):
        last = [line for line in run.lines(node) if "Log ends" not in line][-1]
        assert last[:19] > _local(over)
    assert float(run.lines("squid")[-1][:14]) * 1e6 > over
    for feed in ("radius1", "radius2"):
        assert max(map(int, re.findall(rb"\tTimestamp = (\d+)", run.read(feed)))) * 1e6 > over


def _local(at: int) -> str:
    return f"{datetime.fromtimestamp(at // 1_000_000, ZoneInfo('Asia/Shanghai')):%Y-%m-%d %H:%M:%S}"


def test_totals_count_what_was_written(run: Run) -> None:
    for feed in FEEDS:
        data = run.read(feed)
        said = run.totals["feeds"][feed]
        assert said["octets"] == len(data)
        assert said["lines"] == data.count(b"\n")
        assert said["records"] == (data.count(b"\n\n") if feed.startswith("radius") else data.count(b"\n"))
