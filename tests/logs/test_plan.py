"""Plans: what a template says, what compiling refuses, how cells become Records, what a reject shows, what `explain` tells."""

from __future__ import annotations

import numpy as np
import pytest

from mmsd import fast
from mmsd.logs import plan
from mmsd.logs.plan import Block, Compiled, Form, Numbering, Plan, compile_plan, explain, run
from mmsd.model import COLUMNS, Kind, Parsed, PushState, where

KEY = (5, 6)
ISO = plan.moment("%Y-%m-%d %H:%M:%S")

SMS = compile_plan(
    Plan(
        "sms",
        Form(
            "{at} {event} [to:{to}] [c:{coding}] [msg:{length}:{body}] {{{size}}}",
            at=ISO,
            event=plan.one_of(
                {"Sent": {"kind": Kind.PUSH, "push_state": PushState.SUBMITTED}, "Report": {"kind": Kind.PUSH_REPORT}, "Ping": plan.IGNORED}
            ),
            to=plan.addresses("receiver").keep("receiver"),
            coding=plan.integer("_coding"),
            length=plan.integer("_length"),
            body=plan.one_of({"": 0, "DELIVRD": PushState.DELIVERED}, column="_stat", default=PushState.UNKNOWN)
            .part("stat:", " ")
            .counted("_length", "_coding")
            .also(plan.text("_body")),
            size=plan.integer("size"),
        ),
        Form("{at} Log {word}", at=ISO, word=plan.skipped(), ignore=True),
    )
)
LINE = b"2026-11-22 17:44:22 Sent [to:+8613900000001] [c:0] [msg:5:hello] {7}\n"


def parse(compiled: Compiled, data: bytes, *, final: bool = True) -> Parsed:
    return run(compiled, data, ordinal=3, offset=1000, final=final, key=KEY)


def test_records_have_the_dtypes_of_the_model():
    parsed = parse(SMS, LINE + LINE.replace(b"1]", b"1, a@b]"))
    assert parsed.records.rows == 3
    for name, column in parsed.records.columns.items():
        assert column.dtype == COLUMNS.get(name, np.dtype("i8")), name
        assert column.shape == (3,)
        assert column.flags["C_CONTIGUOUS"]
    assert parsed.records["where"].tolist() == [where(3, 1000), where(3, 1000 + len(LINE)), where(3, 1000 + len(LINE))]
    assert parsed.records["receiver"].tolist() == [8613900000001, 8613900000001, fast.hash64(b"a@b", KEY) | 1 << 63]
    assert [parsed.records.text("receiver", row) for row in range(3)] == [b"+8613900000001", b"+8613900000001", b"a@b"]
    assert [parsed.records.text("_body", row) for row in range(3)] == [b"hello"] * 3
    assert (parsed.lines, parsed.consumed, parsed.rejects.total) == (2, 2 * len(LINE) + 5, 0)


def test_a_word_may_set_several_columns_and_leave_others():
    parsed = parse(SMS, LINE + LINE.replace(b"Sent", b"Report") + LINE.replace(b"Sent", b"Ping") + b"2026-11-22 17:44:22 Log begins\n")
    assert parsed.records["kind"].tolist() == [Kind.PUSH, Kind.PUSH_REPORT]
    assert parsed.records["push_state"].tolist() == [PushState.SUBMITTED, PushState.NONE]
    assert parsed.lines == 4


def test_a_column_nobody_fills_reads_as_its_default():
    records = parse(SMS, LINE).records
    assert (records["status"].tolist(), records["sender"].tolist(), records.text("agent", 0)) == ([-1], [0], b"")
    assert records["kind"].tolist() == [Kind.PUSH]


def test_a_number_too_large_for_its_column_stays_at_the_edge():
    made = compile_plan(Plan("wide", Form("{a} {b}", a=plan.integer("status"), b=plan.integer("selection"))))
    records = parse(made, b"99999999999 -200\n").records
    assert (records["status"].tolist(), records["selection"].tolist()) == ([2**31 - 1], [-128])


def test_the_same_field_read_again():
    data = LINE.replace(b"5:hello", b"17:id:1 stat:DELIVRD")
    longer = LINE.replace(b"5:hello", b"19:id:1 stat:DELIVRD x")
    other = LINE.replace(b"5:hello", b"9:stat:LOST")
    for record, state in [(data, PushState.DELIVERED), (longer, PushState.DELIVERED), (other, PushState.UNKNOWN), (LINE, PushState.NONE)]:
        assert parse(SMS, record).records.columns["_stat"].tolist() == [state]


@pytest.mark.parametrize(
    ("text", "fields", "said"),
    [
        ("{a}{b}", {"a": plan.text("tag"), "b": plan.text("tag")}, "nothing says where the field 'a' ends"),
        ("{a}", {}, "which no field defines"),
        ("x", {"a": plan.text("tag")}, "are not in the template"),
        ("{a}", {"a": plan.text("body")}, "no text of model.TEXTS"),
        ("{a}", {"a": plan.integer("sized")}, "no column of model.COLUMNS"),
        ("{a} {b}", {"a": plan.addresses("sender"), "b": plan.addresses("receiver")}, "one list of addresses"),
        ("{a} {b}", {"a": plan.text("tag").counted("_n"), "b": plan.integer("_n")}, "_n"),
        ("{a}\n", {"a": plan.text("tag")}, "line end"),
        ("{a}", {"a": plan.moment("%Q")}, "%Q"),
        ("{a}", {"a": plan.moment("%")}, "%"),
        ("{a}", {"a": plan.text("tag").over_lines()}, "ends"),
    ],
)
def test_plans_without_sense_are_refused(text: str, fields: dict[str, plan.Field], said: str):
    with pytest.raises(ValueError, match=said):
        compile_plan(Plan("bad", Form(text, fields)))


def test_national_numbers_are_the_operators_rule():
    made = Plan("numbers", Form("{a}", a=plan.address("sender")))
    for numbering, text, number in [
        (plan.CHINA, b"13900000001", 8613900000001),
        (Numbering(), b"13900000001", 13900000001),
        (Numbering(353, length=9, lead=8, trunk=0), b"0871234567", 353871234567),
        (Numbering(353, length=9, lead=8, trunk=0), b"871234567", 353871234567),
        (Numbering(47, length=8), b"91234567", 4791234567),
    ]:
        assert parse(compile_plan(made, numbering), text).records["sender"].tolist() == [number]


def test_rejects_are_counted_by_reason_and_the_first_sampled():
    bad = LINE.replace(b"[c:0]", b"[c:x]")
    parsed = parse(SMS, bad * 30 + LINE + LINE.replace(b"Sent", b"Lost"))
    assert dict(parsed.rejects.counts) == {"coding: not a number": 30, "event: not a known word": 1}
    assert len(parsed.rejects.samples) == plan.SAMPLES
    first = parsed.rejects.samples[0]
    assert (first.reason, first.step, first.where) == ("coding: not a number", "coding", where(3, 1000))
    assert (parsed.records.rows, parsed.lines) == (1, 32)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (LINE.replace(b"{7}", b"{x}"), "size: not a number"),
        (LINE.replace(b"{7}", b"{7"), "size: expected '}' behind the field"),
        (LINE.replace(b"5:hello", b"4:hello"), "body: the length is wrong"),
        (LINE.replace(b"{7}", b"{7} hello"), "more text than expected"),
        (b"hello\nhello" + LINE, "at: the line is too short"),
        (LINE.replace(b"[c:0] [msg:", b"[c:0] (msg:"), "coding: expected '] [msg:' behind the field"),
    ],
)
def test_a_reject_never_shows_a_message(data: bytes, reason: str):
    """Nor a whole phone number."""
    parsed = parse(SMS, data)
    assert reason in parsed.rejects.counts
    for sample in parsed.rejects.samples:
        assert b"hello" not in sample.head
        assert b"8613900000001" not in sample.head
        assert len(sample.head) <= plan.HEAD


def test_a_reject_of_a_plan_without_messages_shows_the_line():
    made = compile_plan(Plan("http", Form("{a} {b}", a=plan.ipv4("address"), b=plan.integer("status"))))
    (sample,) = parse(made, b"10.0.0.1 x" + b"y" * 900 + b" 8613900000001\n").rejects.samples
    assert sample.head == (b"10.0.0.1 x" + b"y" * 900)[: plan.HEAD]


def test_blocks():
    made = compile_plan(
        Block("radius", Form("{at}", at=plan.moment("%a %b %e %H:%M:%S %Y")), {"Kind": plan.one_of({"Start": 14}, column="kind").must()})
    )
    data = b"Sun Nov 22 17:44:22 2026\n\tKind = Start\n\nSun Nov 22 17:44:22 2026\n\tOther = 1\n\nSun Nov 22 17:44:22 2026\n\tKind = Sta"
    parsed = parse(made, data, final=False)
    assert parsed.records["kind"].tolist() == [Kind.SESSION_START]
    assert dict(parsed.rejects.counts) == {"Kind: attribute missing": 1}
    assert data[parsed.consumed :] == b"Sun Nov 22 17:44:22 2026\n\tKind = Sta"


def test_explain_says_which_characters_went_where():
    found = explain(SMS, LINE)
    assert found.stopped == -1
    assert [(name, LINE[start:stop]) for name, start, stop, _ in found.fields] == [
        ("at", b"2026-11-22 17:44:22"),
        ("event", b"Sent"),
        ("receiver", b"+8613900000001"),
        ("_coding", b"0"),
        ("_length", b"5"),
        ("body", b""),
        ("_body", b"hello"),
        ("size", b"7"),
    ]
    assert found.fields[-1][3] == "7"


def test_explain_says_where_the_match_stopped():
    found = explain(SMS, LINE.replace(b"{7}", b"{x}"))
    assert (found.stopped, found.reason) == (LINE.index(b"7}"), "size: not a number")
    assert found.fields[0][0] == "at"


def test_explain_of_a_second_form_tells_that_form():
    assert [name for name, *_ in explain(SMS, b"2026-11-22 17:44:22 Log begins\n").fields] == ["at", "word"]


def test_explain_of_a_block():
    made = compile_plan(Block("block", Form("{at}", at=ISO), {"N": plan.integer("size"), "S": plan.text("apn")}))
    found = explain(made, b'2026-11-22 17:44:22\n\tS = "x"\n\tN = 5\n\n')
    assert [(name, value) for name, _, _, value in found.fields] == [("at", "1795369462000000"), ("apn", "x"), ("size", "5")]


def test_template_words():
    made = compile_plan(Plan("words", Form("{{{a}}}{~}|{?opt }{b}|{}|{*}", a=plan.integer("size"), b=plan.text("tag"))))
    for data, tag in [(b"{1}  |opt x|y|z|\n", b"x"), (b"{1}|x||\n", b"x"), (b"{1}\t|opt|y|\n", b"opt")]:
        records = parse(made, data).records
        assert (records["size"].tolist(), records.text("tag", 0)) == ([1], tag)


def test_two_words_may_fill_one_column():
    """The later one wins where it says something; where it says nothing the earlier one stands."""
    first = plan.one_of({"a": {"kind": 1, "status": 5}, "b": {"kind": 2}})
    second = plan.one_of({"x": {"status": 7, "size": 1}, "y": {"size": 2}})
    records = parse(compile_plan(Plan("two", Form("{f} {s}", f=first, s=second))), b"a x\na y\nb x\nb y\n").records
    assert records["kind"].tolist() == [1, 1, 2, 2]
    assert records["status"].tolist() == [7, 5, 7, -1]
    assert records["size"].tolist() == [1, 2, 1, 2]
