"""FreeRADIUS detail: blocks, times, and attributes that are not there."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mmsd import fast
from mmsd.model import SECOND, Kind, Records
from tests.logs.tables import KEY, make, rows, whole

AT = 1795344958_000000
START = {
    "Acct-Status-Type": "Start",
    "Acct-Session-Id": '"61C00002"',
    "NAS-IP-Address": "10.36.255.1",
    "Framed-IP-Address": "10.36.2.237",
    "Called-Station-Id": '"CMWAP.mnc002.mcc460.gprs"',
    "Calling-Station-Id": '"+8613471265489"',
    "Event-Timestamp": '"Nov 22 2026 18:55:58 CST"',
    "3GPP-IMSI": '"460028287396062"',
    "3GPP-SGSN-Address": "10.36.254.1",
    "3GPP-GGSN-Address": "10.36.255.9",
    "3GPP-IMEISV": '"3590530069479401"',
    "3GPP-Selection-Mode": '"0"',
    "3GPP-User-Location-Info": "0x0164f020112233",
    "Timestamp": "1795344961",
}


def block(header: str = "Sun Nov 22 18:56:01 2026", **changes: str | None) -> str:
    have: dict[str, str | None] = {**START, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return header + "\n" + "".join(f"\t{name} = {value}\n" for name, value in have.items() if value is not None) + "\n"


def one(**changes: Any) -> Records:
    return rows("radius", block(**changes))


def test_a_start_says_all_it_has() -> None:
    records = one()
    found = {name: int(column[0]) for name, column in records.columns.items() if name not in ("apn", "session", "where")}
    assert found == {
        "at": AT, "kind": Kind.SESSION_START, "receiver": 8613471265489, "address": 0x0A2402ED, "ggsn": 0x0A24FF09, "sgsn": 0x0A24FE01,
        "imsi": 460028287396062, "imei": 3590530069479401, "selection": 0, "octets_in": -1, "octets_out": -1, "duration": -1, "cause": -1,
        "stop_indicator": -1,
    }  # fmt: skip
    assert records["apn"][0] == fast.hash64(b"cmwap", KEY)
    assert (records.text("apn", 0), records.text("cell", 0)) == (b"CMWAP.mnc002.mcc460.gprs", b"0x0164f020112233")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Start", Kind.SESSION_START),
        ("Stop", Kind.SESSION_STOP),
        ("Interim-Update", Kind.SESSION_INTERIM),
        ("Alive", Kind.SESSION_INTERIM),
        ("Accounting-On", Kind.SESSION_ON),
        ("Accounting-Off", Kind.SESSION_OFF),
        ("Failed", Kind.NONE),
    ],
)
def test_kinds(word: str, kind: Kind) -> None:
    records = one(Acct_Status_Type=word)
    assert records["kind"][0] == kind
    assert (records["session"][0] == 0) == (kind in (Kind.SESSION_ON, Kind.SESSION_OFF))


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({}, AT),
        ({"Acct_Delay_Time": "3"}, AT),  # the event's own time stands
        ({"Event_Timestamp": None}, AT + 3 * SECOND),
        ({"Event_Timestamp": None, "Acct_Delay_Time": "3"}, AT),
        ({"Event_Timestamp": None, "Timestamp": None, "Acct_Delay_Time": "3"}, AT),  # by the header's wall clock
        ({"Event_Timestamp": '"Nov  2 2026 18:55:58 CST"'}, AT - 20 * 86400 * SECOND),  # a day of one digit
    ],
)
def test_the_time_of_a_record(changes: dict[str, Any], at: int) -> None:
    assert one(**changes)["at"][0] == at


@pytest.mark.parametrize(
    ("zone", "name"), [("Asia/Singapore", "+08"), ("America/Sao_Paulo", "-03"), ("Asia/Tehran", "+0330"), ("Asia/Shanghai", "CST")]
)
def test_zones_whose_short_name_is_a_number(zone: str, name: str) -> None:
    text = block(Event_Timestamp=f'"Nov 22 2026 18:55:58 {name}"') * 2
    parsed = whole(make("radius", zone=ZoneInfo(zone)), text.encode())
    assert parsed.rejects.total == 0
    assert parsed.records["at"][0] == datetime(2026, 11, 22, 18, 55, 58, tzinfo=ZoneInfo(zone)).timestamp() * SECOND


def test_a_retransmission_is_the_same_session_at_the_same_time() -> None:
    records = rows("radius", block() + block(Acct_Delay_Time="3", Timestamp="1795344964") + block(NAS_IP_Address="10.9.9.9"))
    assert len({*records["session"].tolist()}) == 1
    assert len({*records["at"].tolist()}) == 1
    other = rows("radius", block() + block(**{"3GPP_GGSN_Address": "10.36.255.8"}) + block(Acct_Session_Id='"61C00003"'))
    assert len({*other["session"].tolist()}) == 3


def test_what_is_not_there_is_unknown() -> None:
    gone = dict.fromkeys(
        ("Calling_Station_Id", "3GPP_IMSI", "3GPP_IMEISV", "Called_Station_Id", "3GPP_Selection_Mode", "3GPP_GGSN_Address")
    )
    records = one(**gone)
    for name, unknown in (("receiver", 0), ("imsi", 0), ("imei", 0), ("apn", 0), ("selection", -1)):
        assert records[name][0] == unknown
    assert records["ggsn"][0] == 0x0A24FF01  # the one that sent it


def test_a_stop_counts() -> None:
    records = one(
        Acct_Status_Type="Stop", Acct_Session_Time="100", Acct_Input_Octets="7", Acct_Output_Octets="4294967295", Acct_Output_Gigawords="2",
        Acct_Terminate_Cause="Idle-Timeout", **{"3GPP_Session_Stop_Indicator": "255"},
    )  # fmt: skip
    assert (records["duration"][0], records["octets_in"][0], records["octets_out"][0]) == (100 * SECOND, 7, (2 << 32) + 4294967295)
    assert (records["cause"][0], records["stop_indicator"][0]) == (4, 1)


def test_an_unknown_mode_or_cause_is_unknown() -> None:
    records = one(Acct_Terminate_Cause="Weather", **{"3GPP_Selection_Mode": '"9"'})
    assert (records["cause"][0], records["selection"][0]) == (-1, -1)


def test_a_block_is_not_read_before_its_blank_line() -> None:
    text = block().encode()
    parsed = make("radius").scan(text + block().encode()[:-1], ordinal=0, offset=0, final=False)
    assert (parsed.records.rows, parsed.consumed) == (1, len(text))
    assert make("radius").scan(block().encode()[:-1], ordinal=0, offset=0, final=True).records.rows == 1


def test_a_damaged_block_is_one_reject() -> None:
    parsed = whole(make("radius"), (block("noise") + block() + block(Event_Timestamp='"yesterday"')).encode())
    assert (parsed.records.rows, parsed.rejects.total, parsed.lines) == (1, 2, 3)
    assert not any(b"13471265489" in sample.head for sample in parsed.rejects.samples)
