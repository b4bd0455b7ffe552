"""Every build of the scanner against the specification, field by field, on good and damaged lines of every format.

200,000 records a format: what a hand-written vector does not think of. A digit trick on whole words once read a blank as a digit, and
nothing but this saw it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import ModuleType

import hypothesis
import hypothesis.strategies as st
import pytest

from bench import data
from mmsd import fast
from mmsd.fast import scan_py
from mmsd.fast.hash_py import Key
from mmsd.fast.program import Cells, Op, Program
from mmsd.logs import DIALECTS
from mmsd.logs import plan as p
from mmsd.logs.plan import Block, Compiled, Form, Plan, compile_plan
from tests.fast.builds import BUILDS, COMPILED, KEY, assert_equal, joined
from tests.logs.tables import COPIES, DATA, make, read, whole

RECORDS = 200_000
BATCH = 20_000

ODD = (b"\x00", b"\x00" * 9, b"\r", b"\n", b"\r\n", *(bytes([letter]) for letter in b"\t \"\\][|/:-%\xff\xb90',+"))
LONG = (b"9" * 40, b"A" * 700, b'"' * 33, b"1" * 17, b"8613900000001, " * 20, b" " * 31, b"\\" * 15, b"%41" * 9)


def damaged(record: bytes, rng: random.Random) -> bytes:
    """The record with one thing wrong."""
    place = rng.randrange(len(record))
    match rng.randrange(8):
        case 0:
            return record[:place]  # cut off: the next record goes on in its line
        case 1:
            return record[:place] + b"\n"
        case 2:
            return record[:place] + rng.choice(ODD) + record[place:]
        case 3:
            return record[:place] + rng.choice(ODD) + record[place + 1 :]
        case 4:
            return record[:place] + rng.choice(LONG) + record[place:]
        case 5:
            return record[:-1] + b"\r\n"
        case 6:
            return rng.choice(ODD) + record
        case _:
            return record[:place] + record[place + rng.randrange(1, 9) :]


def batches(name: str, seed: int) -> Iterator[bytes]:
    """RECORDS records in buffers of BATCH, a third of them damaged, each time others."""
    rng = random.Random(f"{name} {seed}")
    records = data.records(name, BATCH, seed)
    for _ in range(RECORDS // BATCH):
        yield b"".join(damaged(record, rng) if rng.random() < 0.33 else record for record in records)
        rng.shuffle(records)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", data.FORMATS)
def test_every_build_equals_the_specification(name: str, seed: int):
    program = compile_plan(data.FORMATS[name][0]).program
    seen = 0
    for buffer in batches(name, seed):
        expected = scan_py.scan(program, buffer, 0, KEY, True)
        seen += expected.lines
        assert len(expected.rejects)
        assert len(expected.out) > BATCH // 3
        for build in COMPILED:
            assert_equal(build.scan(program, buffer, 0, KEY, True), expected)
    assert seen > RECORDS * 0.6


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
@pytest.mark.parametrize("name", data.FORMATS)
def test_a_split_at_every_byte_changes_nothing(build: ModuleType, name: str, seed: int):
    rng = random.Random(seed)
    program = compile_plan(data.FORMATS[name][0]).program
    buffer = b"".join(damaged(record, rng) if rng.random() < 0.33 else record for record in data.records(name, 6, seed))
    whole = scan_py.scan(program, buffer, 0, KEY, True)
    for cut in range(len(buffer) + 1):
        first = build.scan(program, buffer[:cut], 0, KEY, False)
        assert first.consumed <= cut
        assert_equal(joined(first, build.scan(program, buffer, first.consumed, KEY, True)), whole)


@pytest.mark.parametrize("name", COPIES)
def test_every_build_reads_the_dialects_alike(name: str, seed: int, monkeypatch: pytest.MonkeyPatch):
    """The plans that are used, on real lines, whole and damaged."""
    programs = set()

    def every(program: Program, buffer: bytes, start: int, key: Key, final: bool) -> Cells:
        programs.add(id(program))
        expected = scan_py.scan(program, buffer, start, key, final)
        for build in COMPILED:
            assert_equal(build.scan(program, buffer, start, key, final), expected)
        return expected

    monkeypatch.setattr(fast, "scan", every)
    dialect = make(*COPIES[name])
    lines = read(DATA / f"{name}.log").splitlines(keepends=True)
    rng = random.Random(seed)
    assert whole(dialect, b"".join(lines)).rejects.total == 0
    for _ in range(60):
        whole(dialect, b"".join(damaged(line, rng) if rng.random() < 0.2 else line for line in lines))
    assert programs


def test_every_dialect_is_among_them():
    # a column map is made by its user: "columns" above; charging records are no plan, their walk has a test of its own
    assert {dialect for dialect, _ in COPIES.values()} | {"columns", "cdr"} == set(DIALECTS)


FIELDS = st.sampled_from(
    [
        p.skipped(),
        p.text("host"),
        p.integer("size").keep("host"),
        p.digits("imsi"),
        p.hexadecimal("_x"),
        p.percent("push_error"),
        p.address("sender").keep("sender"),
        p.hashed("message"),
        p.hashed("message", fold=True).keep("message"),
        p.authority("authority"),
        p.apn(),
        p.ipv4("address"),
        p.url().keep("host", "path"),
        p.content_type("answer_type"),
        p.one_of({"a": {"kind": 1, "status": 7}, "ab*": {"kind": 2}, "": {"kind": 3}}, default={"kind": 4}),
        p.one_of({"GET": 1, "1": p.IGNORED}, column="method", default=9),
        p.moment("%Y-%m-%d %H:%M:%S"),
        p.moment("%b %e %Y %H:%M %Z"),
        p.moment("%s.%f"),
        p.moment("%H%M%S%z"),
        p.integer("size").fixed(2),
        p.text("path").quoted(),
        p.text("path").quoted(lines=True),
        p.hashed("tag").last(),
        p.integer("status").part("=", ";").also(p.text("status"), p.percent("_y")),
        p.text("_raw").over_lines(),
    ]
)
GLUE = st.sampled_from([" ", "|", "] [", '" "', "a", "long literal of many bytes", "=", "|{~}", ",{?x}"])
WORDS = st.sampled_from(
    [
        *(
            b"a",
            b"ab",
            b"GET",
            b"1",
            b"-",
            b"2026-11-22 17:44:22",
            b"Nov  2 2026 10:00 CST",
            b"1795340635.026",
            b"235959+08:00",
            b"10.0.0.1",
        ),
        *(b"http://A.b:80/x?y", b"+8613900000001/TYPE=PLMN", b"008613", b"13900000001", b"%03%1B", b"=5;", b'"q\\"x"', b'"a""b\n"'),
        *(b"cmwap.mnc000.gprs", b"text/html;x", b"0xfF", b"\n", b"\r\n", b"\r", b"\0", b"\ta = ", b'\tA-Name = "', b"\n\n"),
        *(b" ", b"|", b"] [", b'" "', b"long literal of many bytes", b"x,", b"'", b'"', b"\\"),
    ]
)


@st.composite
def compiled(draw: st.DrawFn) -> Compiled:
    """A plan of one or two forms of any fields, or of blocks."""
    if draw(st.booleans()):
        header = Form("{at}", at=draw(FIELDS))
        return compile_plan(Block("block", header, {name: draw(FIELDS) for name in ("a", "GET", "A-Name")}))
    forms = []
    for _ in range(draw(st.integers(1, 2))):
        fields = draw(st.lists(FIELDS, min_size=1, max_size=5))
        template = "".join(f"{{f{i}}}{draw(GLUE)}" for i in range(len(fields)))
        last = draw(FIELDS)
        end = draw(st.sampled_from(["", "{*}"] + ["{last}"] * (last.op != Op.LINES)))
        named = {f"f{i}": field for i, field in enumerate(fields)} | ({"last": last} if end == "{last}" else {})
        forms.append(Form(template + end, named))
    return compile_plan(Plan("any", *forms))


@hypothesis.given(compiled(), st.lists(st.one_of(WORDS, st.binary(max_size=9)), max_size=30).map(b"".join), st.booleans())
def test_any_plan_on_any_bytes(made: Compiled, buffer: bytes, final: bool):
    expected = scan_py.scan(made.program, buffer, 0, KEY, final)
    for build in COMPILED:
        assert_equal(build.scan(made.program, buffer, 0, KEY, final), expected)
    if not final:
        rest = scan_py.scan(made.program, buffer, expected.consumed, KEY, True)
        assert_equal(joined(expected, rest), scan_py.scan(made.program, buffer, 0, KEY, True))
