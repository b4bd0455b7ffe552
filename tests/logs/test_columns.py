"""Column maps: the worked examples of docs/dialects.md, and what a map may get wrong."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from mmsd import fast
from mmsd.errors import ConfigError
from mmsd.logs.columns import hide_trails
from mmsd.model import NOT_A_NUMBER, SECOND, CodeSet, Kind, Method
from tests.logs.tables import KEY, make, pieces, random_cuts, rows, whole

VENDOR: dict[str, Any] = {
    "separator": "|",
    "encoding": "gb18030",
    "ignore": ["#"],
    "fields": ["time", "event", "from", "to", "id", "result", "size", "agent", "*"],
    "map": {
        "at": {"from": "time", "format": "%Y%m%d%H%M%S"},
        "kind": {
            "from": "event",
            "values": {
                "MO": "SUBMIT",
                "NOTIFY": "NOTIFY",
                "GET": "FETCH",
                "REPORT": {"kind": "REPORT", "code_set": "CMCC"},
                "HEARTBEAT": "ignore",
            },
        },
        "sender": "from",
        "receiver": {"from": "to", "as": "addresses"},
        "message": "id",
        "status": "result",
        "size": "size",
        "agent": "agent",
    },
}

NOWSMS: dict[str, Any] = {
    "separator": ",",
    "records": [
        {
            "when": {"type": ["MMSIN"]},
            "fields": ["time", "type", "ip", "user", "to", "id", "notification", "size"],
            "set": {"kind": "SUBMIT", "interface": 1},
            "map": {
                "at": {"from": "time", "format": "%Y-%m-%d %H:%M:%S"},
                "sender": "user",
                "receiver": "to",
                "message": "id",
                "size": "size",
                "address": "ip",
            },
        },
        {
            "when": {"type": ["MMSRetrieve"]},
            "fields": ["time", "type", "ip", "user", "id", "*"],
            "set": {"kind": "FETCH", "interface": 1},
            "map": {
                "at": {"from": "time", "format": "%Y-%m-%d %H:%M:%S"},
                "receiver": "user",
                "message": "id",
                "address": "ip",
            },
        },
        {
            "fields": ["time", "type", "*"],
            "map": {
                "at": {"from": "time", "format": "%Y-%m-%d %H:%M:%S"},
                "kind": {"from": "type", "values": {"SMTPIN": "ignore", "MMSOUT*": "ignore", "MMSIN-*": "ignore"}},
            },
        },
    ],
}

SGSN: dict[str, Any] = {
    "separator": ";",
    "fields": ["date", "clock", "event", "imsi", "msisdn", {"name": "imei", "quoted": True}, "apn", "cause", "cell", "sgsn"],
    "map": {
        "at": {"from": ["date", "clock"], "format": "%d.%m.%Y;%H:%M:%S"},
        "kind": {
            "from": "event",
            "values": {
                "ACTIVATE_REJECT": {"kind": "SESSION_REJECT", "code_set": "SM_CAUSE"},
                "ATTACH_REJECT": {"kind": "SESSION_REJECT", "code_set": "GMM_CAUSE"},
                "ACTIVATE_ACCEPT": "SESSION_START",
            },
            "default": "ignore",
        },
        "receiver": "msisdn",
        "imsi": "imsi",
        "imei": "imei",
        "apn": "apn",
        "cause": "cause",
        "cell": "cell",
        "sgsn": "sgsn",
    },
}


def changed(options: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one key set, or gone when the value is None."""
    made = copy.deepcopy(options)
    *keys, last = path.split(".")
    table: Any = made
    for key in keys:
        table = table[int(key) if isinstance(table, list) else key]
    if value is None:
        del table[last]
    else:
        table[last] = value
    return made


# ----------------------------------------------------------------------------------------------------------- worked examples


def test_a_chinese_vendors_record() -> None:
    lines = (
        "#time|event|from|to|id|result|size|agent\n"
        "20261122174422|MO|13900000021|13900000001,8613900000002,bob@example.com|M1|0|237|乕诺基亚|more|\n"
        "20261122174424|HEARTBEAT|||||||\n"
        "20261122174500|REPORT|13900000021|13900000001|M1|4441||诺|\n"
    )
    records = rows("columns", lines.encode("gb18030"), VENDOR)
    assert records["kind"].tolist() == [Kind.SUBMIT] * 3 + [Kind.REPORT]
    assert records["at"][0] == 1795340662_000000
    assert records["receiver"][[0, 1, 3]].tolist() == [8613900000001, 8613900000002, 8613900000001]
    assert records["receiver"][2] & NOT_A_NUMBER
    assert records["sender"].tolist() == [8613900000021] * 4
    assert records["message"][0] == fast.hash64(b"M1", KEY)
    assert (records["status"][3], records["code_set"][3], records["size"][3], records["size"][0]) == (4441, CodeSet.CMCC, -1, 237)
    assert records.text("agent", 0).decode("gb18030") == "乕诺基亚"


def test_a_character_that_ends_like_a_separator() -> None:
    """In GBK the second octet of some characters is the separator's."""
    name = next(chr(code) for code in range(0x4E00, 0x9FFF) if chr(code).encode("gbk")[1:] == b"|")
    lines = f"20261122174422|GET|13900000021|13900000001|M{name}1|0|237|{name}{name}a{name}|\n"
    records = rows("columns", lines.encode("gb18030"), VENDOR)
    assert records.text("agent", 0).decode("gb18030") == f"{name}{name}a{name}"
    assert records["size"][0] == 237
    assert hide_trails(f"{name}|é".encode("gb18030"), ord("|")).count(b"|") == 1


def test_nowsms() -> None:
    lines = (
        "2026-11-22 17:44:22,MMSIN,10.0.0.172,+8613900000021,+8613900000001,20261122/17/ABC,4F2A,237\n"
        "2026-11-22 17:44:22,MMSIN,127.0.0.1,VASP:seed,+8613900000001,20261122/17/ABD,4F2B,237\n"
        "2026-11-22 17:44:30,MMSRetrieve,10.0.0.172,+8613900000001,20261122/17/ABC,x,y\n"
        "2026-11-22 17:44:31,MMSIN-DeliveryReport,10.0.0.172,a,b,c\n"
    )
    parsed = whole(make("columns", NOWSMS), lines.encode())
    records = parsed.records
    assert (parsed.rejects.total, parsed.lines, records.rows) == (0, 4, 3)
    assert records["kind"].tolist() == [Kind.SUBMIT, Kind.SUBMIT, Kind.FETCH]
    assert records["sender"][0] == 8613900000021
    assert records["sender"][1] & NOT_A_NUMBER
    assert records["receiver"].tolist() == [8613900000001] * 3
    assert records["message"][0] == records["message"][2] != records["message"][1]
    assert (records["address"][0], records["interface"][2]) == (0x0A0000AC, 1)


def test_an_sgsn_event_file() -> None:
    lines = (
        '22.11.2026;17:44:22;ACTIVATE_REJECT;460001234567890;8613900000001;"3590530069479401";CMWAPP;27;46000-1-2;10.0.0.9\n'
        '22.11.2026;17:44:23;ATTACH_REJECT;460001234567890;;"";;14;;10.0.0.9\n'
        '22.11.2026;17:44:23;PAGING;460001234567890;;"";;;;10.0.0.9\n'
    )
    records = rows("columns", lines, SGSN)
    assert records["kind"].tolist() == [Kind.SESSION_REJECT] * 2
    assert records["code_set"].tolist() == [CodeSet.SM_CAUSE, CodeSet.GMM_CAUSE]
    assert records["cause"].tolist() == [27, 14]
    assert records["at"].tolist() == [1795340662_000000, 1795340663_000000]
    assert (records["imei"][0], records["imsi"][1], records["receiver"][1]) == (3590530069479401, 460001234567890, 0)
    assert records["apn"][0] == fast.hash64(b"cmwapp", KEY)
    assert records.text("cell", 0) == b"46000-1-2"


def test_fixed_widths_a_url_units_and_a_zone_in_the_time() -> None:
    options = {
        "fields": [
            {"name": "time", "width": 24}, {"name": "method", "width": 4}, {"name": "number", "width": 15}, {"name": "ms", "width": 5},
            {"name": "status", "width": 3}, "url",
        ],
        "set": {"kind": "ATTEMPT", "code_set": "HTTP"},
        "map": {
            "at": {"from": "time", "format": "%Y-%m-%dT%H:%M:%S%z"},
            "method": {"from": "method", "values": {"GET ": "GET", "POST": "POST"}, "default": "OTHER"},
            "receiver": "number",
            "latency": {"from": "ms", "scale": 1000},
            "status": "status",
            "url": "url",
        },
    }  # fmt: skip
    records = rows("columns", "2026-11-22T17:44:22+0700POST+8613900000001 00012404http://m:81/a?b\n", options)
    assert (records["at"][0], records["method"][0], records["latency"][0]) == (1795340662_000000 + 3600 * SECOND, Method.POST, 12000)
    assert (records["receiver"][0], records["status"][0]) == (8613900000001, 404)
    assert (records.text("host", 0), records.text("path", 0)) == (b"m:81", b"/a?b")
    assert records["path"][0] == fast.hash64(b"/a?b", KEY)


def test_parts_of_fields_and_sessions() -> None:
    options = {
        "separator": ",",
        "fields": ["time", "what", "ggsn", "session"],
        "map": {
            "at": {"from": "time", "format": "%s"},
            "kind": {"from": "what", "after": "event=", "until": ";", "values": {"up": "SESSION_START"}},
            "cause": {"from": "what", "after": "code=", "until": ";"},
            "ggsn": "ggsn",
            "session": "session",
        },
    }
    lines = "1795340662,event=up;code=7;x,10.0.0.1,A\n1795340662,event=up;x,10.0.0.2,A\n"
    records = rows("columns", lines, options)
    assert records["cause"].tolist() == [7, -1]
    assert records["session"][0] != records["session"][1]


def test_a_notifications_location_equals_a_requests_path() -> None:
    options = {
        "separator": ",",
        "fields": ["time", "what", "url", "authority"],
        "map": {
            "at": {"from": "time", "format": "%s"},
            "kind": {"from": "what", "values": {"push": "PUSH"}},
            "location": "url",
            "pdu": {"from": "what", "values": {"push": 0x82}},
        },
    }
    records = rows("columns", "1795340662,push,http://m:80/a?b,X:80\n", options)
    assert records["location"][0] == fast.hash64(b"/a?b", KEY)
    assert (records["authority"][0], records["pdu"][0]) == (fast.hash64(b"m", KEY), 0x82)
    host = rows("columns", "1795340662,push,/a,X:80\n", changed(changed(options, "map.location", None), "map.authority", "authority"))
    assert (host["authority"][0], host.text("host", 0)) == (fast.hash64(b"x", KEY), b"X:80")


def test_a_mapped_log_arriving_in_pieces_reads_the_same(seed: int, effort: int) -> None:
    rng = random.Random(seed)
    agents = ["诺基亚", "", "a", "乕", "".join(chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(40))]
    lines = ["#", ""] + [f"202611221744{n:02}|MO|13900000021|13900000001,b@c|M{n}|0|237|{rng.choice(agents)}|" for n in range(40)]
    made, data = make("columns", VENDOR), "\n".join(rng.sample(lines, len(lines))).encode("gb18030")
    expected = pieces(made, data, [])
    assert (len(expected[0]), expected[1]) == (80, {})
    for _ in range(20 * effort):
        assert pieces(made, data, random_cuts(rng, len(data))) == expected


# -------------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "options.fields: is missing"),
        ({"fields": ["a", "b"]}, "options.separator: is missing"),
        ({"fields": "a"}, "options.fields: is missing"),
        ({"fields": [3], "separator": ","}, "options.fields.0: must be a name or a table"),
        ({"fields": [{"nmae": "a"}], "separator": ","}, "options.fields.0.nmae: no such option; did you mean name?"),
        (changed(VENDOR, "fields", ["time", "time"]), "options.fields: names a field twice"),
        (changed(VENDOR, "fields", ["*", "time"]), "options.fields: \"*\" (whatever else follows) can only be the last"),
        (changed(VENDOR, "map.at", None), "options.map: gives no at"),
        (changed(VENDOR, "map.kind", None), "options.map: gives no kind"),
        (changed(VENDOR, "map.at", "time"), "options.map.at.format: must be a time's format"),
        (changed(VENDOR, "map.at.format", "%j"), "options.map.at.format: must be a time's format"),
        (changed(VENDOR, "map.at.from", "tiem"), "options.map.at.from: 'tiem' is not one of the fields time, event"),
        (changed(VENDOR, "map.at.from", ["time", "from"]), "options.map.at.from: fields read together must stand side by side"),
        (changed(VENDOR, "map.at.zone", "x"), "options.map.at.zone: no such option"),
        (changed(VENDOR, "map.colour", "time"), "options.map.colour: no such column"),
        (changed(VENDOR, "map.where", "time"), "options.map.where: no such column"),
        (changed(VENDOR, "map.size", 7), "options.map.size: must be a field's name or a table"),
        (changed(VENDOR, "map.size", {"from": "size", "as": "number"}), "options.map.size.as: must be one of"),
        (changed(VENDOR, "map.size", {"from": "size", "scale": 0}), "options.map.size.scale: must be a whole number"),
        (changed(VENDOR, "map.kind.values.MO", "SUBMITTED"), "options.map.kind.values.MO: 'SUBMITTED' is not one of NONE, SUBMIT"),
        (changed(VENDOR, "map.kind.values.MO", {"colour": 1}), "options.map.kind.values.MO: 'colour' is no column"),
        (changed(VENDOR, "map.kind.default", 1.5), "options.map.kind.default: must be a whole number or a name"),
        (changed(VENDOR, "map.sender", {"from": ["from", "to"]}), "options.map.sender.from: only a time is read from several fields"),
        (changed(VENDOR, "map.sender", {"from": "from", "as": "addresses"}), "options.fields: columns: a form may have one list"),
        (changed(VENDOR, "set", {"kind": "X"}), "options.set.kind: 'X' is not one of"),
        (changed(VENDOR, "set", {"colour": 1}), "options.set.colour: no such column"),
        (changed(VENDOR, "when", {"nothing": ["a"]}), "options.when.nothing: no such field"),
        (changed(VENDOR, "when", {"event": []}), "options.when.event: must be a list of texts"),
        (changed(VENDOR, "encoding", "ebcdic"), "options.encoding: must be one of"),
        (changed(VENDOR, "records", []), "options.records: must be a list of tables"),
        (changed(NOWSMS, "records.1.map.at.from", "x"), "options.records.1.map.at.from: 'x' is not one of"),
        (changed(NOWSMS, "records.0.wehn", 1), "options.records.0.wehn: no such option; did you mean when?"),
        (changed(SGSN, "map.at.format", "%e.%m.%Y;%H:%M:%S"), "options.map.at.format: over several fields every part must"),
    ],
)  # fmt: skip
def test_maps_that_make_no_sense(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as fault:
        make("columns", options)
    assert str(fault.value).startswith(said)
