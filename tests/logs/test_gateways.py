"""Kannel's wapbox and smsbox logs, Squid's and nginx's: formats, escapes, and what is no request."""

from __future__ import annotations

from typing import Any

import pytest

from mmsd import fast
from mmsd.errors import ConfigError
from mmsd.model import CodeSet, Content, Kind, Method, PushState
from tests.logs.tables import KEY, make, rows, whole

WAP = "2026-11-22 17:44:25 127.0.0.11 {number} {method} <{url}> ({type}, charset='{charset}') 252 {status} <{agent}> <{server}>\n"


def wap(**fields: str) -> str:
    have = {
        "number": "8613900000001",
        "method": "GET",
        "url": "http://mms.example/a?b=c",
        "type": "application/vnd.wap.mms-message",
        "charset": "",
        "status": "200",
        "agent": "Nokia",
        "server": "x/1",
    }
    return WAP.format(**(have | fields))


# --------------------------------------------------------------------------------------------------------------------- wapbox


def test_a_request_at_the_wapbox() -> None:
    records = rows("kannel-wap", wap())
    assert (records["kind"][0], records["method"][0], records["status"][0], records["code_set"][0]) == (
        Kind.ATTEMPT,
        Method.GET,
        200,
        CodeSet.HTTP,
    )
    assert (records["receiver"][0], records["address"][0], records["octets"][0]) == (8613900000001, 0x7F00000B, 252)
    assert (records["answer_type"][0], records["request_type"][0]) == (Content.MMS, Content.NOT_LOGGED)  # only the answer's is logged
    assert records["path"][0] == fast.hash64(b"/a?b=c", KEY)
    assert records["authority"][0] == fast.hash64(b"mms.example", KEY)
    assert (records.text("host", 0), records.text("path", 0), records.text("agent", 0)) == (b"mms.example", b"/a?b=c", b"Nokia")


@pytest.mark.parametrize(
    ("fields", "column", "expected"),
    [
        ({"number": "-"}, "receiver", 0),
        ({"number": "+8613900000001"}, "receiver", 8613900000001),
        ({"type": ""}, "answer_type", Content.NONE),
        ({"type": "text/html; charset=x"}, "answer_type", Content.HTML),
        ({"type": "TEXT/VND.WAP.WML"}, "answer_type", Content.HTML),
        ({"type": "image/gif"}, "answer_type", Content.OTHER),
        ({"method": "PROPFIND"}, "method", Method.OTHER),
        ({"status": "502", "server": ""}, "status", 502),
        ({"agent": "a> <b"}, "octets", 252),
        ({"agent": ""}, "octets", 252),
    ],
)
def test_odd_requests_at_the_wapbox(fields: dict[str, str], column: str, expected: int) -> None:
    assert rows("kannel-wap", wap(**fields))[column][0] == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("http://MMS.Example/x", "http://mms.example:80/x"), ("http://mms.example", "http://mms.example/"), ("http://m/a", "https://m/a")],
)
def test_urls_that_are_the_same(one: str, other: str) -> None:
    records = rows("kannel-wap", wap(url=one) + wap(url=other))
    assert records["authority"][0] == records["authority"][1]
    assert records["path"][0] == records["path"][1]


@pytest.mark.parametrize(
    ("one", "other"), [("http://m:8080/x", "http://m/x"), ("http://m/x?a", "http://m/x"), ("http://m/X", "http://m/x")]
)
def test_urls_that_differ(one: str, other: str) -> None:
    records = rows("kannel-wap", wap(url=one) + wap(url=other))
    assert (records["authority"][0], records["path"][0]) != (records["authority"][1], records["path"][1])


# --------------------------------------------------------------------------------------------------------------------- smsbox


def test_a_text_with_line_feeds_quotes_and_times_is_one_request() -> None:
    text = (
        "2026-11-22 17:30:32 send-SMS request added - sender:loop:10086 127.0.0.1 target:8613900000011 request: 'it's\n\nmy PIN 4711'\n"
        "request: 'x'\nyesterday 17:30\n"
        "2026-11-22 17:30:33 send-SMS request added - sender:loop:10086 127.0.0.1 target:8613900000012 request: ''\n"
    )
    parsed = whole(make("kannel-smsbox"), text.encode())
    assert parsed.records["receiver"].tolist() == [8613900000011, 8613900000012]
    assert (parsed.lines, parsed.rejects.total) == (2, 0)
    assert parsed.records.text("account", 0) == b"loop"
    assert not any(b"4711" in column[0] for column in parsed.records.texts.values())


def test_sentences_of_the_smsbox() -> None:
    text = (
        "2026-11-22 17:33:25 send-SMS request failed - UDH field misformed, rejected\n"
        "2026-11-22 17:33:26 SMS request sender:+8613900000051 request: 'help' fixed answer: 'x'\n"
        "2026-11-22 17:33:26 SMS request sender:+8613900000051 request: 'help' FAILED bad translation\n"
        "2026-11-22 17:33:26 SMS HTTP-request sender:+8613900000051 request: 'a' url: 'http://h/?q=' reply: 200 '<< successful >>'\n"
        "2026-11-22 17:33:26 SMS HTTP-request sender:+8613900000051 request: 'a\n' url: 'http://h/?q=' reply: 500 'err'\n"
    )
    records = rows("kannel-smsbox", text)
    assert records["kind"].tolist() == [Kind.SMS_REQUEST] + [Kind.MO] * 4
    assert records["push_state"].tolist() == [PushState.REFUSED, 0, 0, 0, 0]
    assert records["status"].tolist() == [-1, -1, -1, 200, -1]  # the last one's stands behind a line feed of the answer
    assert records["code_set"].tolist() == [0, 0, 0, CodeSet.HTTP, 0]


def test_an_unknown_sentence_is_a_reject() -> None:
    parsed = whole(make("kannel-smsbox"), b"2026-11-22 17:33:25 send-MMS request added - sender:+8613900000051\n")
    assert (parsed.rejects.total, parsed.lines, parsed.records.rows) == (1, 1, 0)


# ---------------------------------------------------------------------------------------------------------------------- squid

NATIVE = "1795340635.039   5950 10.0.0.1 TCP_MISS/{status} 358 {method} {url} - HIER_DIRECT/127.0.0.1 {type}\n"


def test_squids_own_format() -> None:
    records = rows("http", NATIVE.format(status=200, method="GET", url="http://m:8080/a?b", type="text/html"))
    assert (records["at"][0], records["latency"][0], records["octets"][0]) == (1795340635_039000, 5950, 358)
    assert records["authority"][0] == fast.hash64(b"m:8080", KEY)


def test_a_tunnel_has_only_an_authority() -> None:
    records = rows("http", NATIVE.format(status=200, method="CONNECT", url="m.example:443", type="-"))
    assert (records["method"][0], records["authority"][0]) == (Method.CONNECT, fast.hash64(b"m.example:443", KEY))


@pytest.mark.parametrize("what", ["transaction-end-before-headers", "invalid-request", "accept-client-connection"])
@pytest.mark.parametrize("method", ["-", "NONE"])
def test_connections_that_never_became_a_request_say_nothing(what: str, method: str) -> None:
    parsed = whole(make("http"), NATIVE.format(status="000", method=method, url=f"error:{what}", type="-").encode())
    assert (parsed.records.rows, parsed.lines, parsed.rejects.total) == (0, 1, 0)


MMS = (
    '1795340635.039 1 10.0.0.1 "{number}" POST http://m/ 200 358 293 "{agent}" "{profile}" "{type}" "{answer}"'
    " TCP_MISS/HIER_DIRECT/127.0.0.1 -/-\n"
)


@pytest.mark.parametrize(
    ("agent", "profile"),
    [(r"a \"b\" c", "-"), (r"\"", r"\"http://h/u.xml\""), (r"\\", r"\\\""), ("", ""), ('x"" y', "-"), ("中", "é")],
)
def test_quoted_fields_hold_escaped_quotes(agent: str, profile: str) -> None:
    text = MMS.format(number="+8613900000001", agent=agent, profile=profile, type="application/vnd.wap.mms-message", answer="text/plain; x")
    records = rows("http", text * 2, {"format": "mms"})
    assert records["receiver"].tolist() == [8613900000001] * 2
    assert records.text("agent", 1) == agent.encode()
    assert (records["request_type"][1], records["answer_type"][1], records["sent"][1]) == (Content.MMS, Content.TEXT, 293)


def test_a_type_that_is_not_there_is_none_and_one_not_logged_is_not_logged() -> None:
    text = MMS.format(number="-", agent="-", profile="-", type="-", answer="-")
    records = rows("http", text, {"format": "mms"})
    assert (records["request_type"][0], records["answer_type"][0], records["receiver"][0]) == (Content.NONE, Content.NONE, 0)
    assert rows("http", NATIVE.format(status=200, method="GET", url="http://m/", type="-"))["request_type"][0] == Content.NOT_LOGGED


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%>a [%tl] %rm %ru %03>Hs", "10.0.0.1 [22/Nov/2026:17:43:55 +0800] GET http://m/a 200"),
        ("%ts %rm %ru %>a{unused}%%", "1795340635 GET http://m/a 10.0.0.1%"),
        ("%{%Y-%m-%d %H:%M:%S}tl|%rm|%ru", "2026-11-22 17:43:55|GET|http://m/a"),
        ("%ts.%03tu %6tr {%rm} %>ru %http::>h{X}", "1795340635.000      1 {GET} http://m/a x"),
        ('%ts %rm "%{User-Agent}>h" "%{User-Agent}>h" %ru %ru', r'1795340635 GET "a\"b" "c\"d" http://m/a http://m/b'),
        ('%ts "%rm %ru HTTP/%rv" [%{X-Msisdn}>h]', '1795340635 "GET http://m/a HTTP/1.1" [13900000001]'),
    ],
)
def test_squid_formats_of_ones_own(form: str, text: str) -> None:
    records = rows("http", text + "\n", {"format": form})
    assert (records["at"][0], records["method"][0], records.text("path", 0)) == (1795340635_000000, Method.GET, b"/a")
    assert records["receiver"][0] == (8613900000001 if "Msisdn" in form else 0)


@pytest.mark.parametrize(
    ("form", "text", "went", "asked"),
    [
        ("%ts %rm %ru %>ru", "1795340635 POST http://mmsc/a http://old:8080/b", b"mmsc", b"old:8080"),
        ("%ts %>ru %rm %<ru", "1795340635 http://old:8080/b POST http://mmsc/a", b"mmsc", b"old:8080"),
        ("%ts %rm %ru %>ru", "1795340635 POST http://mmsc/a -", b"mmsc", b""),
        ("%ts %rm %>ru", "1795340635 POST http://mmsc/a", b"mmsc", b""),
    ],
)
def test_what_a_rewriter_was_asked_for_stands_beside_where_it_sent_it(form: str, text: str, went: bytes, asked: bytes) -> None:
    records = rows("http", text + "\n", {"format": form})
    assert (records.text("host", 0), records.text("path", 0), records.text("asked", 0).strip(b"-")) == (went, b"/a", asked)
    assert bool(records["asked"][0]) == bool(asked)
    assert records["asked"][0] != records["authority"][0]


def test_other_headers_may_hold_the_number() -> None:
    options = {"format": "%ts %rm %ru %{X-Our-Number}>h %{X-Msisdn}>h", "msisdn": ["X-Our-Number"]}
    assert rows("http", "1795340635 GET http://m/a 13900000001 13900000002\n", options)["receiver"][0] == 8613900000001


def test_an_error_with_a_method_is_no_request() -> None:
    text = NATIVE.format(status="400", method="GET", url="error:unsupported-request-version", type="-")
    records = rows("http", text + NATIVE.format(status="400", method="GET", url="http://error/", type="-"))
    assert records["kind"].tolist() == [Kind.NONE, Kind.ATTEMPT]


# ---------------------------------------------------------------------------------------------------------------------- nginx

COMBINED = '10.0.0.1 - - [22/Nov/2026:17:43:55 +0800] "{request}" {status} 12 "-" "a \\x22b\\x22"\n'


def test_nginx_combined() -> None:
    text = COMBINED.format(request="POST http://M.example/mms HTTP/1.1", status=200) + COMBINED.format(
        request="GET /a?b HTTP/1.1", status=404
    )
    records = rows("http", text, {"format": "nginx", "host": "mms.example:80"})
    assert records["method"].tolist() == [Method.POST, Method.GET]
    assert records["authority"].tolist() == [fast.hash64(b"m.example", KEY), fast.hash64(b"mms.example", KEY)]
    assert [records.text("host", row) for row in range(2)] == [b"M.example", b"mms.example:80"]
    assert records["path"][1] == fast.hash64(b"/a?b", KEY)
    assert records["at"].tolist() == [1795340635_000000] * 2


@pytest.mark.parametrize("request_line", ["", "-", r"\x16\x03\x01", "GET /"])
def test_nginx_lines_that_hold_no_request_say_nothing(request_line: str) -> None:
    parsed = whole(make("http", {"format": "nginx"}), COMBINED.format(request=request_line, status=400).encode())
    assert (parsed.records.rows, parsed.lines, parsed.rejects.total) == (0, 1, 0)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (
            "$remote_addr $time_iso8601 $request_method $scheme://$host$request_uri $status",
            "1.2.3.4 2026-11-22T17:43:55+08:00 GET http://m/a 200",
        ),
        ("$msec|$request_method|${http_host}|$request_uri|$request_time", "1795340635.000|GET|m|/a|0.005"),
        (
            r'escape=json {"t":$msec,"m":"$request_method","u":"$request_uri","a":"$http_user_agent"}',
            r'{"t":1795340635.000,"m":"GET","u":"/a","a":"x\"y"}',
        ),
        (
            '[$time_local] "$request" $http_host $http_x_up_calling_line_id',
            '[22/Nov/2026:17:43:55 +0800] "GET /a HTTP/1.1" m +8613900000001',
        ),
    ],
)
def test_nginx_formats_of_ones_own(form: str, text: str) -> None:
    records = rows("http", text + "\n", {"format": form})
    assert (records["at"][0], records["method"][0], records.text("path", 0)) == (1795340635_000000, Method.GET, b"/a")
    if "host" in form:
        assert (records["authority"][0], records.text("host", 0)) == (fast.hash64(b"m", KEY), b"m")
    assert records["latency"][0] == (5 if "request_time" in form else -1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "squit"}, "options.format: squit is not one of the known formats"),
        ({"format": " "}, "options.format: must be a format"),
        ({"format": "%ts %rm"}, "options.format: the format has no URL"),
        ({"format": "%rm %ru"}, "options.format: the format has no time"),
        ({"format": "%ts %ru"}, "options.format: the format has no method"),
        ({"format": "%ts %rm%ru"}, "options.format: %rm and %ru stand side by side"),
        ({"format": "%ts %zz"}, "options.format: %zz is no field"),
        ({"format": "%ts %"}, "options.format: no such field"),
        ({"format": '%ts %rm %ru "x %{User-Agent}>h"'}, "options.format: User-Agent: its quotes must stand right beside it"),
        ({"format": "%{%j}tl %rm %ru"}, "options.format: '%j': a time is written with"),
        ({"format": "$msec $host$status"}, "options.format: $host and $status stand side by side"),
        ({"format": "escape=odd $msec"}, "options.format: escape=odd is not one of"),
        ({"format": "squid", "syntax": "apache"}, "options.syntax: must be one of squid, nginx"),
        ({"msisdn": "X"}, "options.msisdn: must be a list of texts"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as fault:
        make("http", options)
    assert str(fault.value).startswith(said)


def test_explain_names_columns_not_fields() -> None:
    made = make("http", {"format": "mms"})
    text = MMS.format(number="+8613900000001", agent="a", profile="p", type="text/html", answer="-").strip()
    explained = made.explain(text.encode())
    shown = [(name, text[start:stop]) for name, start, stop, _ in explained.fields]
    assert ("method", "POST") in shown
    assert ("request_type", "text/html") in shown
    assert ("(passed over)", "p") in shown
    assert ("kind", "") in shown
