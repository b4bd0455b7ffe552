"""The scanner's contract as vectors, one suite over every build."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from types import ModuleType
from typing import Any, Final

import numpy as np
import pytest

from mmsd import fast
from mmsd.fast import hash_py, scan_py
from mmsd.fast import program as p
from mmsd.fast.program import Cells, Reason
from mmsd.logs import plan
from mmsd.logs.plan import Block, Compiled, Field, Form, Plan, compile_plan
from tests.conftest import ROOT
from tests.fast.builds import COMPILED, KEY

T1: Final = 1795369462_000_000  # 2026-11-22 17:44:22
DAY: Final = 86_400_000_000


def whole(field: Field) -> Compiled:
    """A plan whose record is that one field."""
    return compile_plan(Plan("whole", Form("{x}", x=field)))


def template(text: str, **fields: Field) -> Compiled:
    return compile_plan(Plan("template", Form(text, fields)))


def hashed(text: bytes) -> int:
    return fast.hash64(text, KEY)


KINDS = plan.one_of({"Sent": 1, "Sent twice": 2, "": 3, "NACK*": 4, "-": plan.IGNORED}, column="kind")
FIRST = plan.one_of({"ab*": 1, "abc": 2, "application/vnd.wap.mms-message": 3, "application/vnd.wap.mms-massage": 4}, column="kind")
LATER = plan.one_of({"abc": 1, "ab*": 2, "abcd": 3}, column="kind")
TYPES = plan.content_type("answer_type")
CLF = plan.moment("%d/%b/%Y:%H:%M:%S %z")
CTIME = plan.moment("%a %b %e %H:%M:%S %Y")

# (what it becomes, the field's text, its value or why not)
VALUES: Final[list[tuple[Field, bytes, int | Reason]]] = [
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2026-11-22 17:44:22", T1),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2026-11-22 17:44:2 ", Reason.TIME),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2026-11-22 17:4", Reason.SHORT),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2026-11-31 17:44:22", Reason.TIME),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2026-11-22 24:44:22", Reason.TIME),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2026-11-22 17:60:22", Reason.TIME),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2026-11-22 17:44:60", T1 + 38_000_000),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2026-11-22 17:44:61", Reason.TIME),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2024-02-29 00:00:00", 1709164800_000_000),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2023-02-29 00:00:00", Reason.TIME),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"2000-02-29 00:00:00", 951782400_000_000),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"1900-02-29 00:00:00", Reason.TIME),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"1969-12-31 23:59:59", -1_000_000),
    (plan.moment("%Y-%m-%d %H:%M:%S"), b"0000-01-01 00:00:00", Reason.TIME),
    (plan.moment("%Y%m%d%H%M%S"), b"20261122174422", T1),
    (CLF, b"22/Nov/2026:17:44:22 +0000", T1),
    (CLF, b"23/Nov/2026:01:44:22 +08:00", T1),
    (CLF, b"22/Nov/2026:13:14:22 -0430", T1),
    (CLF, b"22/Nov/2026:17:44:22 Z", T1),
    (CLF, b"22/Nov/2026:17:44:22 +080", Reason.TIME),
    (CLF, b"22/nov/2026:17:44:22 +0000", Reason.TIME),
    (CTIME, b"Sun Nov 22 17:44:22 2026", T1),
    (CTIME, b"Mon Nov  2 17:44:22 2026", T1 - 20 * DAY),
    (CTIME, b"Mon Nov 2 17:44:22 2026", T1 - 20 * DAY),
    (CTIME, b"Sun Nob 22 17:44:22 2026", Reason.TIME),
    (plan.moment("%b %e %Y %H:%M:%S %Z"), b"Nov 22 2026 17:44:22 CST", T1),
    (plan.moment("%s.%f"), b"1795369462.5", T1 + 500_000),
    (plan.moment("%s.%f"), b"1795369462.0000019", T1 + 1),
    (plan.moment("%s.%f"), b"1795369462.", Reason.TIME),
    (plan.moment("%s.%f"), b"1795369462.1234567899", Reason.TIME),
    (plan.moment("%s.%f"), b"179536946200.5", Reason.TIME),
    (plan.moment("%s.%f"), b"1.123456", 1_123_456),
    (plan.moment("%s.%f"), b".5", Reason.TIME),
    (plan.moment("%s.%f"), b"17953694625", Reason.TIME),
    (plan.moment("%s"), b"1795369462", T1),
    (plan.moment("%s"), b"", Reason.TIME),
    (plan.integer("size"), b"0", 0),
    (plan.integer("size"), b"-17", -17),
    (plan.integer("size"), b"", -1),
    (plan.integer("size"), b"-", -1),
    (plan.integer("size"), b"999999999999999999", 999_999_999_999_999_999),
    (plan.integer("size"), b"1000000000000000000", Reason.NUMBER),
    (plan.integer("size"), b"1 2", Reason.NUMBER),
    (plan.integer("size"), b"1234567 ", Reason.NUMBER),
    (plan.integer("size"), b"1234567:", Reason.NUMBER),
    (plan.integer("size"), b"1234567/", Reason.NUMBER),
    (plan.integer("size"), b"12345678\xb9", Reason.NUMBER),
    (plan.integer("size"), b"+1", Reason.NUMBER),
    (plan.integer("size"), b"\xd9\xa1", Reason.NUMBER),
    (plan.digits("imsi"), b"460028287396062", 460028287396062),
    (plan.digits("imei"), b"3590530069479401", 3590530069479401),
    (plan.digits("imei"), b"35905300694794x1", 0),
    (plan.digits("imei"), b"", 0),
    (plan.hexadecimal("_x"), b"0x0000000b", 11),
    (plan.hexadecimal("_x"), b"fF", 255),
    (plan.hexadecimal("_x"), b"-", -1),
    (plan.hexadecimal("_x"), b"0x", Reason.NUMBER),
    (plan.hexadecimal("_x"), b"g", Reason.NUMBER),
    (plan.hexadecimal("_x"), b"1" * 16, Reason.NUMBER),
    (plan.percent("push_error"), b"%03%00%1B", 0x03001B),
    (plan.percent("push_error"), b"A%00a", 0x410061),
    (plan.percent("push_error"), b"%0", Reason.NUMBER),
    (plan.percent("push_error"), b"12345678", Reason.NUMBER),
    (plan.percent("push_error"), b"", -1),
    (plan.address("sender"), b"+8613900000001", 8613900000001),
    (plan.address("sender"), b"008613900000001", 8613900000001),
    (plan.address("sender"), b"13900000001", 8613900000001),
    (plan.address("sender"), b"23900000001", 23900000001),
    (plan.address("sender"), b"01012345678", 861012345678),
    (plan.address("sender"), b"+13900000001", 13900000001),
    (plan.address("sender"), b" +8613900000001/TYPE=PLMN ", 8613900000001),
    (plan.address("sender"), b"10086", 10086),
    (plan.address("sender"), b"0", 0),
    (plan.address("sender"), b"", 0),
    (plan.address("sender"), b"-", 0),
    (plan.address("sender"), b"/TYPE=PLMN", 0),
    (plan.address("sender"), b"bob@example.com", hashed(b"bob@example.com") | 1 << 63),
    (plan.address("sender"), b"127.0.0.1/TYPE=IPv4", hashed(b"127.0.0.1/TYPE=IPv4") | 1 << 63),
    (plan.address("sender"), b"1" * 15, 111111111111111),
    (plan.address("sender"), b"1" * 16, hashed(b"1" * 16) | 1 << 63),
    (plan.address("sender"), b"+", hashed(b"+") | 1 << 63),
    (plan.address("sender"), b"00", hashed(b"00") | 1 << 63),
    (plan.hashed("message"), b"", 0),
    (plan.hashed("message"), b"Mixed-Case-9", hashed(b"Mixed-Case-9")),
    (plan.hashed("message", fold=True), b"Mixed-CASE-9@[`{", hashed(b"mixed-case-9@[`{")),
    (plan.hashed("message", fold=True), b"\xc3\x89A", hashed(b"\xc3\x89a")),
    (plan.authority("authority"), b"MMS.example:80", hashed(b"mms.example")),
    (plan.authority("authority"), b"mms.example:8080", hashed(b"mms.example:8080")),
    (plan.authority("authority"), b":80", 0),
    (plan.apn(), b"CMNET.MNC000.mcc460.gprs", hashed(b"cmnet")),
    (plan.apn(), b".mnc000", 0),
    (plan.ipv4("address"), b"10.36.255.1", 0x0A24FF01),
    (plan.ipv4("address"), b"10.36.256.1", 0),
    (plan.ipv4("address"), b"10.36.255", 0),
    (plan.ipv4("address"), b"10.36.255.1.2", 0),
    (plan.ipv4("address"), b"10.36.255.0001", 0),
    (plan.ipv4("address"), b"::1", 0),
    (KINDS, b"Sent", 1),
    (KINDS, b"Sent twice", 2),
    (KINDS, b"", 3),
    (KINDS, b"NACK/0x0b", 4),
    (KINDS, b"sent", Reason.UNKNOWN),
    (FIRST, b"abc", 1),
    (FIRST, b"a", Reason.UNKNOWN),
    (FIRST, b"application/vnd.wap.mms-message", 3),
    (FIRST, b"application/vnd.wap.mms-massage", 4),
    (FIRST, b"application/vnd.wap.mms-mossage", Reason.UNKNOWN),
    (LATER, b"abc", 1),
    (LATER, b"abcd", 2),
    (KINDS, b"Sent ", Reason.UNKNOWN),
    (TYPES, b"application/vnd.wap.mms-message", 2),
    (TYPES, b" Text/HTML ; charset=utf-8", 3),
    (TYPES, b"text/vnd.wap.wml", 3),
    (TYPES, b"text/css", 5),
    (TYPES, b"text", 6),
    (TYPES, b"", 1),
    (TYPES, b"-", 1),
]

# (URL, host:port as written, path as written, what is hashed for each)
URLS: Final = [
    (b"http://MMS.example:80/a?b", b"MMS.example:80", b"/a?b", b"mms.example", b"/a?b"),
    (b"http://mms.example?b", b"mms.example", b"?b", b"mms.example", b"?b"),
    (b"http://mms.example", b"mms.example", b"", b"mms.example", b"/"),
    (b"/a", b"", b"/a", b"", b"/a"),
    (b"mms.example:443", b"mms.example:443", b"", b"mms.example:443", b"/"),
    (b"toolongascheme://x/y", b"toolongascheme:", b"//x/y", b"toolongascheme:", b"//x/y"),
    (b"-", b"", b"", b"", b""),
    (b"", b"", b"", b"", b""),
]

LINE = template(
    "{at} {event} [from:{sender}] [to:{to}] [n={n}]",
    at=plan.moment("%Y-%m-%d %H:%M:%S"),
    event=KINDS,
    sender=plan.address("sender").keep("sender"),
    to=plan.addresses("receiver").keep("receiver"),
    n=plan.integer("size"),
)
GOOD = b"2026-11-22 17:44:22 Sent [from:10086] [to:+8613900000001] [n=7]\n"
QUOTED = template("{a} {b}", a=plan.text("subject").quoted(), b=plan.integer("size"))
OVER = template("{a}|{b}", a=plan.text("subject").quoted(lines=True), b=plan.integer("size"))
COUNTED = template(
    "{c}:{n}:{b}] [{t}", c=plan.integer("_c"), n=plan.integer("_n"), b=plan.text("_b").counted("_n", "_c"), t=plan.text("tag")
)
LAST = template('"{a}" {b}', a=plan.text("agent").last(), b=plan.integer("size"))
RAW = template("'{a}'", a=plan.text("_b").over_lines())
FORMS = compile_plan(
    Plan(
        "forms",
        Form("A {n}", n=plan.integer("size"), set={"kind": 1}),
        Form("{?A }B{~}{n};", n=plan.integer("size"), set={"kind": 2}),
        Form("C{*}", ignore=True),
    )
)

# (name, plan, data, [values by column or text], [(reason, where)], consumed when not final)
SCANS: Final[list[tuple[str, Compiled, bytes, list[dict[str, Any]], list[tuple[Reason, int]], int]]] = [
    ("one line", LINE, GOOD, [{"at": T1, "kind": 1, "sender": 10086, "receiver": 8613900000001, "size": 7}], [], 64),
    ("CRLF", LINE, GOOD[:-1] + b"\r\n", [{"size": 7}], [], 65),
    ("no line end", LINE, GOOD[:-1], [{"size": 7}], [], 0),
    ("a lone CR at the end", LINE, GOOD[:-1] + b"\r", [{"size": 7}], [], 0),
    ("two receivers", LINE, GOOD.replace(b"[to:", b"[to:a@b, "), [{"receiver": b"a@b"}, {"receiver": b"+8613900000001"}], [], 69),
    ("an empty receiver", LINE, GOOD.replace(b"+8613900000001", b""), [{"receiver": 0}], [], 50),
    ("blank lines and NULs", LINE, b"\0\0\n\r\n" + GOOD + b"\0\0\0", [{"size": 7}], [], 72),
    ("NULs before a record", LINE, b"\0" * 9 + GOOD, [{"size": 7}], [], 73),
    ("ignored word", LINE, GOOD.replace(b"Sent", b"-"), [], [], 61),
    ("unknown word, next line good", LINE, GOOD.replace(b"Sent", b"sent") + GOOD, [{"size": 7}], [(Reason.UNKNOWN, 20)], 128),
    ("literal missing", LINE, GOOD.replace(b"[to:", b"(to:"), [], [(Reason.UNTIL, 31)], 64),
    ("text behind", LINE, GOOD[:-1] + b"x\n", [], [(Reason.TRAILING, 63)], 65),
    ("the literal only in the next line", LINE, b"2026-11-22 17:44:22 \n] [to:\n", [], [(Reason.UNTIL, 20), (Reason.SHORT, 21)], 28),
    ("quotes", QUOTED, b'"a \\" b" 5\n', [{"subject": b'a \\" b', "size": 5}], [], 11),
    ("doubled quotes", QUOTED, b'"a ""b""" 5\n', [{"subject": b'a ""b""', "size": 5}], [], 12),
    ("a quoted field ends with its line", QUOTED, b'"a\n" 5\n', [], [(Reason.QUOTE, 0), (Reason.QUOTE, 3)], 7),
    ("a backslash before the line end", QUOTED, b'"a\\\n" 5\n', [], [(Reason.QUOTE, 0), (Reason.QUOTE, 4)], 8),
    ("quotes over lines", OVER, b'"a\n""b"|5\n', [{"subject": b'a\n""b', "size": 5}], [], 10),
    ("quotes that never close", OVER, b'"a\n' + b"x" * (1 << 14) + b"\n", [], [(Reason.QUOTE, 0), (Reason.QUOTE, 3)], (1 << 14) + 4),
    ("counted", COUNTED, b"0:3:a] ] [x\n", [{"_b": b"a] ", "tag": b"x"}], [], 12),
    ("counted over lines", COUNTED, b"0:5:a\nb]\n] [x\n", [{"_b": b"a\nb]\n", "tag": b"x"}], [], 14),
    ("counted in hex", COUNTED, b"2:2:6162] [x\n", [{"_b": b"6162"}], [], 13),
    ("a wrong count", COUNTED, b"0:1:ab] [x\n0:1:a] [y\n", [{"tag": b"y"}], [(Reason.COUNT, 4)], 21),
    ("a count below nothing", COUNTED, b"0:-:ab] [x\n", [], [(Reason.COUNT, 4)], 11),
    ("a count beyond belief", COUNTED, b"0:999999999:ab] [x\n", [], [(Reason.COUNT, 12)], 19),
    ("a count beyond the data", COUNTED, b"0:99:ab] [x\n0:1:a] [y\n", [{"tag": b"y"}], [(Reason.COUNT, 5)], 0),
    ("the last quote", LAST, b'"x "quoted" y" 5\n', [{"agent": b'x "quoted" y', "size": 5}], [], 17),
    ("raw text over lines", RAW, b"'a\nit's\n'b'\n'c'\n", [{"_b": b"a\nit's\n'b"}, {"_b": b"c"}], [], 16),
    ("raw text without end", RAW, b"'a\n'b\n", [], [(Reason.UNTIL, 1), (Reason.UNTIL, 4)], 0),
    ("forms", FORMS, b"A 1\nB  2;\nA B3;\nC\n", [{"kind": 1, "size": 1}, {"kind": 2, "size": 2}, {"kind": 2, "size": 3}], [], 18),
    ("the form that got furthest rejects", FORMS, b"A x\nB x;\nD\n", [], [(Reason.NUMBER, 2), (Reason.NUMBER, 6), (Reason.LITERAL, 9)], 11),
    ("nothing", LINE, b"", [], [], 0),
]

BLOCK = compile_plan(
    Block(
        "block",
        Form("{at}", at=plan.moment("%Y-%m-%d %H:%M:%S")),
        {
            "Kind": KINDS.must(),
            "Name": plan.hashed("apn").keep("apn").also(plan.text("cell")),
            "N": plan.integer("size"),
            "To": plan.addresses("receiver"),
        },
    )
)
HEAD = b"2026-11-22 17:44:22\n"
BLOCKS: Final[list[tuple[str, Compiled, bytes, list[dict[str, Any]], list[tuple[Reason, int]], int]]] = [
    (
        "a block",
        BLOCK,
        HEAD + b'\tKind = Sent\n\tName = "x"\n\tN = 5\n\n',
        [{"at": T1, "kind": 1, "apn": b"x", "cell": b"x", "size": 5}],
        [],
        53,
    ),
    ("unfinished", BLOCK, HEAD + b"\tKind = Sent\n", [{"kind": 1, "size": -1}], [], 0),
    ("two blocks", BLOCK, (HEAD + b"\tKind = Sent\n\n") * 2, [{"kind": 1}, {"kind": 1}], [], 68),
    ("unknown attributes", BLOCK, HEAD + b"\tKinds = 1\n\tKind = Sent\n\tKin = 2\n\n", [{"kind": 1}], [], 54),
    ("CRLF", BLOCK, (HEAD + b"\tKind = Sent\n\n").replace(b"\n", b"\r\n"), [{"kind": 1}], [], 37),
    ("the last of two counts", BLOCK, HEAD + b"\tKind = Sent\n\tN = 5\n\tN = 6\n\n", [{"size": 6}], [], 48),
    ("a list", BLOCK, HEAD + b'\tKind = Sent\n\tTo = "1,2"\n\n', [{"receiver": 1}, {"receiver": 2}], [], 46),
    ("ignored", BLOCK, HEAD + b"\tKind = -\n\n", [], [], 31),
    ("missing", BLOCK, HEAD + b"\tN = 1\n\n" + HEAD + b"\tKind = Sent\n\n", [{"kind": 1}], [(Reason.MISSING, 0)], 62),
    ("bad value", BLOCK, HEAD + b"\tKind = Sent\n\tN = x\n\n", [], [(Reason.NUMBER, 38)], 41),
    ("open quote", BLOCK, HEAD + b'\tKind = Sent\n\tName = "x\n\n', [], [(Reason.QUOTE, 41)], 45),
    ("no attribute", BLOCK, HEAD + b"\tKind=Sent\n\n", [], [(Reason.ATTRIBUTE, 21)], 32),
    ("bad header", BLOCK, b"x\n\tKind = Sent\n\n" + HEAD + b"\tKind = Sent\n\n", [{"kind": 1}], [(Reason.SHORT, 0)], 50),
    ("broken off", BLOCK, HEAD + b"\tKind = Sent\n" + HEAD + b"\tKind = Sent\n\n", [{"kind": 1}], [(Reason.UNINDENTED, 33)], 67),
]


class Suite:
    """What every build keeps."""

    build: ModuleType
    hashes: ModuleType

    def scan(self, made: Compiled, data: bytes, *, final: bool = True) -> Cells:
        found: Cells = self.build.scan(made.program, data, 0, KEY, final)
        return found

    def row(self, made: Compiled, cells: Cells, data: bytes, row: int, name: str, value: object) -> object:
        """The column as a number, or the text where text is expected."""
        if isinstance(value, bytes):
            start, stop = cells.out[row, made.texts[name] : made.texts[name] + 2].tolist()
            return data[start:stop]
        number = int(cells.out[row, made.columns[name]])
        return number % (1 << 64) if isinstance(value, int) and value >= 1 << 63 else number

    @pytest.mark.parametrize(("field", "text", "value"), VALUES, ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else None)
    def test_values(self, field: Field, text: bytes, value: int | Reason):
        made = template("<{x}>", x=field)
        cells = self.scan(made, b"<" + text + b">\n")
        if isinstance(value, Reason):
            assert cells.rejects[:, p.REASON].tolist() == [value]
        else:
            assert cells.out[:, made.program.steps[1, p.CELL]].astype(np.uint64).tolist() == [value % (1 << 64)]

    @pytest.mark.parametrize(("field", "text", "value"), VALUES, ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else None)
    def test_values_amid_others(self, field: Field, text: bytes, value: int | Reason):
        """Where words before and behind the field may be read, and the last time is remembered."""
        made = template("{}<{x}>{*}", x=field)
        cells = self.scan(made, 2 * (b"9" * 40 + b"<" + text + b">" + b"9" * 80 + b"\n"))
        if isinstance(value, Reason):
            reason = Reason.TIME if value == Reason.SHORT else value  # what is behind is long enough
            assert cells.rejects[:, p.REASON].tolist() == 2 * [reason]
        else:
            assert cells.out[:, made.program.steps[1, p.CELL]].astype(np.uint64).tolist() == 2 * [value % (1 << 64)]

    @pytest.mark.parametrize(("text", "host", "path", "hashed_host", "hashed_path"), URLS)
    def test_urls(self, text: bytes, host: bytes, path: bytes, hashed_host: bytes, hashed_path: bytes):
        made = template("<{x}>", x=plan.url().keep("host", "path"))
        data = b"<" + text + b">\n"
        cells = self.scan(made, data)
        assert self.row(made, cells, data, 0, "host", host) == host
        assert self.row(made, cells, data, 0, "path", path) == path
        expected = [hashed(part) if part else 0 for part in (hashed_host, hashed_path)]
        assert cells.out[0, [made.columns["authority"], made.columns["path"]]].astype(np.uint64).tolist() == expected
        assert list(fast.url_hashes(text, KEY)) == expected

    @pytest.mark.parametrize(
        ("made", "data", "rows", "rejects", "consumed"), [pytest.param(*rest, id=name) for name, *rest in SCANS + BLOCKS]
    )
    def test_scans(self, made: Compiled, data: bytes, rows: list[dict[str, Any]], rejects: list[tuple[Reason, int]], consumed: int):
        cells = self.scan(made, data)
        got = [{key: self.row(made, cells, data, number, key, row[key]) for key in row} for number, row in enumerate(rows)]
        assert got == rows
        assert len(cells.out) == len(rows)
        assert cells.rejects[:, [p.REASON, p.WHERE]].tolist() == [list(reject) for reject in rejects]
        assert cells.consumed == len(data)
        assert self.scan(made, data, final=False).consumed == consumed

    def test_counts(self):
        cells = self.scan(LINE, b"\0\0\n" + GOOD + b"\r\n" + GOOD.replace(b"Sent", b"-") + b"junk\n")
        assert (cells.lines, cells.skipped, len(cells.out), len(cells.rejects)) == (3, 4, 1, 1)
        assert cells.offsets.tolist() == [3]
        assert cells.rejects[0, [p.START, p.END]].tolist() == [130, 134]

    def test_a_form_begins_with_its_defaults(self):
        """What a form read before it failed is no part of the next one's row."""
        made = compile_plan(
            Plan(
                "two",
                Form("{n} {m}!", n=plan.integer("size"), m=plan.integer("octets")),
                Form("{n} {m}", n=plan.skipped(), m=plan.text("tag")),
            )
        )
        cells = self.scan(made, b"5 6\n")
        assert cells.out[0, [made.columns["size"], made.columns["octets"]]].tolist() == [-1, -1]

    def test_the_minute_is_not_mistaken(self):
        """The fast way through times looks at the text around the seconds, and at nothing else."""
        times = [
            b"2026-11-22 17:44:22",
            b"2026-11-22 17:44:59",
            b"2026-11-22 17:45:00",
            b"2026-11-23 17:45:00",
            b"2026-11-23 17:45:0x",
            b"2026-11-23 17:45 00",
        ]
        cells = self.scan(whole(plan.moment("%Y-%m-%d %H:%M:%S")), b"\n".join(times))
        assert (cells.out[:, 0] - T1).tolist() == [0, 37_000_000, 38_000_000, 38_000_000 + DAY]
        assert cells.rejects[:, p.REASON].tolist() == [Reason.TIME, Reason.TIME]

    def test_rows_outlive_the_scan(self):
        cells = [self.scan(LINE, GOOD * 100) for _ in range(20)]
        gc.collect()
        assert all((found.out[:, LINE.columns["size"]] == 7).all() for found in cells)
        cells[0].out[0, 0] = 5  # its own memory

    def test_many_rows_grow(self):
        made = template("{a}", a=plan.addresses("receiver"))
        cells = self.scan(made, b"1,22,3\n" * 3000 + b"\n".join([b"4," * 5000]) + b"\n")
        assert len(cells.out) == 14_001
        assert cells.out[:9000, made.columns["receiver"]].tolist() == [1, 22, 3] * 3000

    def test_many_rejects_grow(self):
        assert len(self.scan(LINE, b"x\n" * 5000).rejects) == 5000

    @pytest.mark.parametrize("length", [*range(36), 100, 1000])
    def test_hash_reads_every_byte_and_no_more(self, length: int):
        """Equal for equal bytes wherever they stand; another for each other byte, length and key."""
        text = bytes(range(1, length % 251 + 1)).ljust(length, b"z")
        expected = hash_py.hash64(text, KEY)
        assert self.hashes.hash64(text, KEY) == expected
        assert self.hashes.hash64(memoryview(b"ab" + text + b"cd")[2 : 2 + length], KEY) == expected
        others = [text + b"\0", text[:-1], *(text[:i] + b"\xff" + text[i + 1 :] for i in range(min(length, 40)))]
        assert length == 0 or expected not in [self.hashes.hash64(other, KEY) for other in others]
        assert 0 < expected < 1 << 64

    @pytest.mark.parametrize("length", [1, 5, 8, 20])
    def test_hash_many(self, length: int):
        data = bytes(range(65, 65 + length))
        start, stop = np.array([0, 0, length - 1]), np.array([length, 0, length])
        expected = [hash_py.hash64(data, KEY), 0, hash_py.hash64(data[-1:], KEY)]
        assert self.hashes.hash64_many(data, start, stop, KEY).tolist() == expected
        for bad in ([-1, 0, 0], [length + 1, 0, 0]):
            with pytest.raises(ValueError, match="outside"):
                self.hashes.hash64_many(data, np.array(bad), stop, KEY)
        with pytest.raises(ValueError, match="length"):
            self.hashes.hash64_many(data, start[:2], stop, KEY)

    def test_combine(self):
        first, second = np.array([1, 2**64 - 1, 5], np.uint64), np.array([7, 2**63, 0], np.uint64)
        pairs = [int(a).to_bytes(8, "little") + int(b).to_bytes(8, "little") for a, b in zip(first, second, strict=True)]
        assert self.hashes.combine(first, second, KEY).tolist() == [hash_py.hash64(pairs[0], KEY), hash_py.hash64(pairs[1], KEY), 0]
        with pytest.raises(ValueError, match="length"):
            self.hashes.combine(first, second[:2], KEY)

    def test_start_behind_the_first_record(self):
        cells = self.build.scan(LINE.program, GOOD * 2, len(GOOD), KEY, True)
        assert (cells.offsets.tolist(), cells.consumed) == ([len(GOOD)], 2 * len(GOOD))


class TestPython(Suite):
    build, hashes = scan_py, hash_py


for _build in COMPILED:
    _name = f"Test{_build.__name__.rpartition('_')[2].capitalize()}"
    globals()[_name] = type(_name, (Suite,), {"build": _build, "hashes": _build})


def test_the_kernel_counts_as_the_program_does():
    """scan.h repeats the numbers of program.py, in their order."""
    source = (ROOT / "ext/scan.h").read_text()

    def listed(prefix: str) -> list[str]:
        block = re.search(rf"enum \{{\n    ({prefix}_[^}}]*)\}};", source)
        assert block is not None
        return re.findall(rf"{prefix}_(\w+)", block[1])

    assert listed("OP") == [op.name for op in p.Op]
    assert listed("TO") == [convert.name for convert in p.Convert]
    assert listed("NO") == [reason.name for reason in Reason]


def test_pure_is_asked_for():
    code = "import mmsd.fast as f; print(f.TWIN, f.scan.__module__)"
    said = subprocess.run([sys.executable, "-c", code], env={"MMSD_PURE": "1"}, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.split() == ["python", "mmsd.fast.scan_py"]


def test_the_best_build_runs():
    assert (COMPILED[-1].__name__.rpartition("_")[2] if COMPILED and os.environ.get("MMSD_PURE") != "1" else "python") == fast.TWIN
