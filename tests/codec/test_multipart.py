"""Multiparts: hand-written vectors both ways, what is survived, parts found by the names SMIL gives them."""

from __future__ import annotations

import random
import tracemalloc

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import mms, multipart
from mmsd.codec.multipart import Part
from mmsd.codec.wsp import ContentType, Raw
from mmsd.errors import EncodeError
from tests.codec import drawn


def plain(text: bytes, *headers: tuple[str, bytes]) -> Part:
    return Part(ContentType("text/plain"), headers, memoryview(text))


VECTORS: list[tuple[str, str, list[Part]]] = [
    ("none", "00", []),
    ("one, nothing but a type", "01 0102 83 6869", [plain(b"hi")]),
    ("one without content", "01 0100 83", [plain(b"")]),
    (
        "location and quoted id",
        "01 0a02 83 8e 6100 c0 223c31 3e 00 6869",
        [plain(b"hi", ("Content-Location", b"a"), ("Content-ID", b'"<1>'))],
    ),
    (
        "two, character set, a disposition",
        "02 0401 0383 81ea 61 0702 9e ae 0481 8678 00 ffd8",
        [
            Part(ContentType("text/plain", (("charset", 106),)), (), memoryview(b"a")),
            Part(ContentType("image/jpeg"), (("Content-Disposition", ("attachment", (("filename", b"x"),))),), memoryview(b"\xff\xd8")),
        ],
    ),
    ("a header by its name", "01 0701 83 582d4100 6200 61", [plain(b"a", ("X-A", b"b"))]),
]
EACH = pytest.mark.parametrize(("octets", "parts"), [row[1:] for row in VECTORS], ids=[row[0] for row in VECTORS])


def bare(parts: tuple[Part, ...] | list[Part]) -> list[tuple[object, ...]]:
    return [(part.content_type, part.headers, bytes(part.body)) for part in parts]


@EACH
def test_vector_both_ways(octets, parts):
    data = bytes.fromhex(octets)
    found = multipart.decode(b"\xaa" + data + b"\x55", 1, 1 + len(data))
    assert bare(found.parts) == bare(parts)
    assert (found.faults, found.stop) == ((), 1 + len(data))
    assert multipart.encode(parts) == data


@EACH
def test_every_beginning_is_read_as_far_as_it_goes(octets, parts):
    data = bytes.fromhex(octets)
    for length in range(len(data)):
        found = multipart.decode(data[:length], 0, length)
        assert len(found.parts) <= len(parts)
        assert found.faults
        assert all(bytes(part.body) in bytes(whole.body) for part, whole in zip(found.parts, parts, strict=False))


@EACH
def test_a_tail_is_named(octets, parts):
    data = bytes.fromhex(octets) + b"\xff\xff"
    found = multipart.decode(data, 0, len(data))
    assert bare(found.parts) == bare(parts)
    assert [fault.reason for fault in found.faults] == ["2 octets follow the last entry"]


@pytest.mark.parametrize(
    ("octets", "contents", "reasons"),
    [
        ("", [], ["no entries, and not even their number"]),
        ("80", [], ["no entries, and not even their number"]),
        ("02 0102 83 6869", [b"hi"], ["2 entries are announced, 1 are there"]),
        ("01 0105 83 6869", [b"hi"], ["content is cut short: 2 of 5 octets"]),
        ("01 7f02 83 6869", [], ["an entry's headers run past the end", "1 entries are announced, 0 are there"]),
        ("01 0002 6869", [b"hi"], ["no media type here"]),
        ("01 0302 83 8d 61 6869", [b"hi"], ["text does not end"]),
        ("01 0302 83 0511 6869", [b"hi"], ["no header field begins here, or one of another code page"]),
        ("01 0302 020583 6869", [b"hi"], ["no integer here"]),
    ],
)
def test_fault_is_survived_and_named(octets, contents, reasons):
    data = bytes.fromhex(octets)
    found = multipart.decode(data, 0, len(data))
    assert [bytes(part.body) for part in found.parts] == contents
    assert [fault.reason for fault in found.faults] == reasons
    assert all(fault.clause and 0 <= fault.offset <= len(data) for fault in found.faults)


def test_an_entry_behind_a_damaged_one_is_read():
    data = bytes.fromhex("03 0101 83 61 0301 83 0511 62 0101 83 63")
    found = multipart.decode(data, 0, len(data))
    assert [bytes(part.body) for part in found.parts] == [b"a", b"b", b"c"]
    assert len(found.faults) == 1


def test_what_was_not_understood_is_written_again():
    data = bytes.fromhex("01 0401 83 8d 6100 61")
    found = multipart.decode(data, 0, len(data))
    assert found.parts[0].headers == (("Content-Length", Raw(b"a\0")),)
    assert multipart.encode(found.parts) == data


def test_no_content_is_copied():
    """A view of the very octets; a megabyte of picture costs no megabyte."""
    picture = bytes(1 << 20)
    body = multipart.encode([multipart.part("image/jpeg", picture, name="a.jpg"), multipart.part("text/plain", b"hi", charset=106)])
    tracemalloc.start()
    found = multipart.decode(body, 0, len(body))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.parts[0].body.obj is body
    assert body[found.parts[0].at :][: 1 << 20] == picture
    assert peak < 20_000


def test_names():
    part = multipart.part("text/plain", "清明".encode("gb2312"), charset=2025, name="a.txt", cid="t1")
    assert (part.name, part.location, part.cid, part.charset, part.text) == ("a.txt", "a.txt", "<t1>", 2025, "清明")
    bare = plain(b"hi")
    assert (bare.name, bare.location, bare.cid, bare.charset, bare.text) == ("", "", "", None, "hi")
    told = Part(ContentType("image/gif"), (("Content-Disposition", ("attachment", (("filename", b'"b.gif'),))),), memoryview(b""))
    assert told.name == "b.gif"
    by_name = Part(ContentType("text/plain", (("charset", b"GB2312"),)), (), memoryview("清明".encode("gb2312")))
    assert (by_name.charset, by_name.text) == (2025, "清明")
    assert Part(ContentType("text/plain", (("charset", b"x-own"),)), (), memoryview(b"")).charset == 0


def test_found_by_what_smil_says():
    parts = [
        multipart.part("image/jpeg", b"", name="a.jpg", cid="1"),
        multipart.part("text/plain", b"", name="t.txt"),
        multipart.part("audio/amr", b"", cid="s@x"),
    ]
    assert [multipart.find(parts, source) for source in ("cid:1", "a.jpg", "t.txt", "cid:t.txt", "s@x", "cid:<s@x>", "b", "")] == [
        parts[0], parts[0], parts[1], parts[1], parts[2], parts[2], None, None,
    ]  # fmt: skip


def test_a_part_in_a_part():
    inner = multipart.encode([multipart.part("text/plain", b"deep")])
    outer = multipart.encode([Part(ContentType(drawn.MIXED), (), memoryview(inner)), multipart.part("text/plain", b"flat")])
    found = multipart.decode(outer, 0, len(outer))
    first = found.parts[0]
    assert multipart.is_multipart(first.content_type.media)
    again = multipart.decode(outer, first.at, first.at + first.body.nbytes)
    assert [bytes(part.body) for part in again.parts] == [b"deep"]


def test_more_than_anybody_sends():
    many = multipart.encode([plain(b"")] * 1000)
    assert len(multipart.decode(many, 0, len(many)).parts) == 1000
    with pytest.raises(EncodeError, match="nobody's"):
        multipart.encode([plain(b"")] * 1001)
    garbage = b"\xff\x7f" + b"\x01\x00\x83" * 16383
    found = multipart.decode(garbage, 0, len(garbage))
    assert len(found.parts) == 1000
    assert [fault.reason for fault in found.faults] == ["too many entries"]


@hypothesis.given(st.binary(max_size=100))
def test_random_octets(data):
    found = multipart.decode(data, 0, len(data))
    assert all(fault.clause for fault in found.faults)
    for part in found.parts:
        assert bytes(part.body) == data[part.at : part.at + part.body.nbytes]
        assert isinstance((part.name, part.location, part.cid, part.text, part.charset), tuple)


def test_what_is_drawn_is_read_back(seed, effort):
    draw = random.Random(seed)
    for _ in range(300 * effort):
        headers, body = drawn.pdu(draw, 0x84)
        octets = mms.encode(headers, body)
        pdu = mms.decode(octets)
        found = mms.parts(octets, pdu)
        assert (list(pdu.headers), pdu.faults, found.faults) == (headers, (), ())
        content_type = headers[-1][1]
        assert isinstance(content_type, ContentType)
        if multipart.is_multipart(content_type.media):
            assert multipart.encode(found.parts) == body
        else:
            assert bytes(found.parts[0].body) == body
