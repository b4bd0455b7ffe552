"""The compiled walk over MMS headers and parts against its specification, on good and damaged PDUs; and both against the careful reader."""

from __future__ import annotations

import random
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import mms, multipart, wsp
from mmsd.codec.mms import Moment, Text
from mmsd.codec.multipart import Part
from mmsd.codec.tables import charsets
from mmsd.fast import wire_py
from tests.codec import drawn

wire_c: Any = pytest.importorskip("mmsd.fast.wire_c")

CASES = 4_000


def fields(build: Any, data: bytes, at: int) -> tuple[tuple[int, int], list[Any], list[type]]:
    headers: list[Any] = []
    return build.read_fields(data, at, mms.FORMS, Text, Moment, wsp.KINDS, headers), headers, [type(value) for _, value in headers]


def parts(build: Any, data: bytes, at: int, stop: int) -> tuple[object, ...]:
    found: list[Part] = []
    at = build.read_parts(data, at, stop, 50, wsp.KINDS, multipart.NAMES, Part, found)
    return at, found, [bytes(part.body) for part in found], [type(part) for part in found]


def equal(data: bytes, at: int) -> None:
    assert fields(wire_c, data, at) == fields(wire_py, data, at), (data.hex(), at)
    assert wire_c.read_content_type(data, at, len(data), wsp.KINDS) == wire_py.read_content_type(data, at, len(data), wsp.KINDS), (
        data.hex(),
        at,
    )
    assert parts(wire_c, data, at, len(data)) == parts(wire_py, data, at, len(data)), (data.hex(), at)


def test_twins_agree_on_good_and_damaged_pdus(seed, effort):
    draw = random.Random(seed)
    for case in range(CASES * effort):
        good = drawn.octets(draw)
        data = good if case % 4 == 0 else drawn.damaged(draw, good)
        places = (
            {0, 2, len(data)} | {at for at in range(len(data)) if data[at : at + 1] in b"\x84\x89\x96"} | {draw.randrange(len(data) + 1)}
        )
        for at in sorted(places)[:12]:
            equal(data, at)


def test_twins_agree_on_values_at_their_edges(seed, effort):
    """Each form's lengths, tokens, quotes and NULs, in all sorts of order."""
    draw = random.Random(seed)
    codes = [code for code in range(0x80, 0xC0) if mms.FORMS[code - 0x80] != wire_py.LEAVE] + [0x84, 0xA0]
    for _ in range(20_000 * effort):
        inner = bytes(draw.choices(MEANING, k=draw.randrange(7))) + b"\0" * draw.randrange(2)
        length = bytes((len(inner) + draw.choice([0, 0, 0, 1, -1]) & 0x1F,))
        value = draw.choice([inner, length + inner, b"\x1f" + length + inner, bytes((0x80, 0x00, 0x20)[draw.randrange(3) :][:1]) + inner])
        equal(bytes((draw.choice(codes),)) + value + b"\x95\x81", draw.randrange(2))


MEANING = b"\x00\x01\x02\x03\x04\x1e\x1f\x20\x22ab\x7f\x80\x81\x83\x84\x89\xea\xff"


@hypothesis.given(st.binary(max_size=60), st.integers(0, 5))
def test_twins_agree_on_random_octets(data, at):
    equal(data, min(at, len(data)))


@pytest.mark.parametrize(("field", "count"), [(b"\x95\x81", wire_py.FIELDS), (b"\x97\x00", wire_py.FIELDS)])
def test_twins_stop_at_their_limits(field, count):
    data = field * (count + 5)
    for build in (wire_c, wire_py):
        (at, _), headers, _ = fields(build, data, 0)
        assert (at, len(headers)) == (count * len(field), count)
    many = wsp.encode_length(1 + 4 * 70) + b"\x83" + b"\x81\xea" * 140
    assert wire_c.read_content_type(many, 0, len(many), wsp.KINDS) is wire_py.read_content_type(many, 0, len(many), wsp.KINDS) is None


def test_the_kernel_and_the_careful_reader_see_the_same(seed, effort, monkeypatch):
    """What the kernels read is what would be read without them: they only stop early, they never read otherwise."""
    draw = random.Random(seed)
    cases = [drawn.damaged(draw, drawn.octets(draw)) for _ in range(CASES * effort // 2)] + [drawn.octets(draw) for _ in range(200)]
    quick = [(mms.read(data), multipart.decode(data, len(data) // 2, len(data))) for data in cases]
    monkeypatch.setattr(mms, "read_fields", lambda data, at, *_: (at, 0))
    monkeypatch.setattr(wsp, "read_content_type", lambda *_: None)
    monkeypatch.setattr(multipart, "read_parts", lambda data, at, *_: at)
    for data, (headers, parts_found) in zip(cases, quick, strict=True):
        careful = mms.read(data)
        assert (careful.headers, careful.body_at, careful.seen) == (headers.headers, headers.body_at, headers.seen), data.hex()
        assert [str(fault) for fault in careful.faults] == [str(fault) for fault in headers.faults], data.hex()
        again = multipart.decode(data, len(data) // 2, len(data))
        assert (again.parts, again.stop) == (parts_found.parts, parts_found.stop), data.hex()
        assert [str(fault) for fault in again.faults] == [str(fault) for fault in parts_found.faults], data.hex()
        assert [code for code, _, _ in mms.walk(data).fields] == [code for code, _ in headers.headers], data.hex()


def test_both_know_the_same_wide_character_sets():
    assert set(wire_py.WIDE) == set(charsets.WIDE)


@pytest.mark.parametrize("wrong", [{"text": dict}, {"moment": list}, {"kinds": ((), (), dict)}, {"kinds": 3}])
def test_the_kernel_makes_named_tuples_alone(wrong):
    given = {"text": Text, "moment": Moment, "kinds": wsp.KINDS, **wrong}
    data = bytes.fromhex("8c8298543000")
    with pytest.raises(ValueError, match="NamedTuples"):
        wire_c.read_fields(data, 0, mms.FORMS, given["text"], given["moment"], given["kinds"], [])
    if "kinds" in wrong:
        with pytest.raises(ValueError, match="places within the data"):
            wire_c.read_content_type(data, 0, len(data), given["kinds"])
