"""WSP primitives at their edges, content types both ways, the frame of a push."""

from __future__ import annotations

import pytest

from mmsd.codec import wsp
from mmsd.codec.tables import wsp as table
from mmsd.codec.wsp import ContentType, Raw
from mmsd.errors import DecodeError, EncodeError
from tests.codec.headers import HEADERS

CLAUSES = {"WAP-230 8.1.2", "WAP-230 8.4.1.2", "WAP-230 8.4.2.1", "WAP-230 8.4.2.2", "WAP-230 8.4.2.3", "WAP-230 8.4.2.4"}


@pytest.mark.parametrize(("value", "octets"), [(0, "00"), (127, "7f"), (128, "8100"), (16383, "ff7f"), (0xFFFFFFFF, "8fffffff7f")])
def test_uintvar(value, octets):
    assert wsp.encode_uintvar(value).hex() == octets
    assert wsp.decode_uintvar(bytes.fromhex("aa" + octets + "55"), 1) == (value, 1 + len(octets) // 2)


@pytest.mark.parametrize(("length", "octets"), [(0, "00"), (30, "1e"), (31, "1f1f"), (200, "1f8148")])
def test_length(length, octets):
    assert wsp.encode_length(length).hex() == octets
    assert wsp.decode_length(bytes.fromhex(octets), 0) == (length, len(octets) // 2)


@pytest.mark.parametrize(("value", "octets"), [(0, "80"), (127, "ff"), (128, "0180"), (1000, "0203e8"), (1 << 239, "1e80" + 29 * "00")])
def test_integer(value, octets):
    assert wsp.encode_integer(value).hex() == octets
    assert wsp.decode_integer(bytes.fromhex(octets), 0) == (value, len(octets) // 2)


@pytest.mark.parametrize(
    ("decode", "octets"),
    [
        (wsp.decode_uintvar, ""),
        (wsp.decode_uintvar, "8080"),
        (wsp.decode_uintvar, "808080808000"),
        (wsp.decode_length, ""),
        (wsp.decode_length, "20"),
        (wsp.decode_length, "1f80"),
        (wsp.decode_integer, ""),
        (wsp.decode_integer, "00"),
        (wsp.decode_integer, "0301"),
        (wsp.decode_integer, "1f"),
        (wsp.decode_text, "4142"),
        (wsp.decode_text, ""),
        (wsp.skip_value, ""),
        (wsp.skip_value, "0201"),
        (wsp.skip_value, "4142"),
    ],
)
def test_broken_octets_are_refused_with_place_and_clause(decode, octets):
    with pytest.raises(DecodeError) as caught:
        decode(bytes.fromhex(octets), 0)
    assert (caught.value.offset, caught.value.clause in CLAUSES) == (0, True) or octets == "1f80"


@pytest.mark.parametrize(
    "write",
    [
        lambda: wsp.encode_uintvar(-1),
        lambda: wsp.encode_uintvar(1 << 32),
        lambda: wsp.encode_short(128),
        lambda: wsp.encode_long(-1),
        lambda: wsp.encode_long(1 << 240),
        lambda: wsp.encode_text(b"a\0"),
        lambda: wsp.encode_text(b"\x1fa"),
        lambda: wsp.encode_push_pdu(256, b"\xbe", b"", b""),
    ],
)
def test_what_does_not_fit_is_not_written(write):
    with pytest.raises(EncodeError):
        write()


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("be", ContentType("application/vnd.wap.mms-message")),
        ("612f6200", ContentType("a/b")),
        ("0383 81ea", ContentType("text/plain", (("charset", 106),))),
        ("0583 810207ea", ContentType("text/plain", (("charset", 2026),))),
        ("08b6 9181 9230413100", ContentType("application/vnd.wap.connectivity-wbxml", (("SEC", 1), ("MAC", b"0A1")))),
        ("0a83 81ea 85612e74787400", ContentType("text/plain", (("charset", 106), ("name", b"a.txt")))),
        (
            "06b3 89a3 8a6100",
            ContentType("application/vnd.wap.multipart.related", (("type", b"application/vnd.wap.multipart.mixed"), ("start", b"a"))),
        ),
        ("0583 7800 6200", ContentType("text/plain", (("x", b"b"),))),
        ("0483 7800 85", ContentType("text/plain", (("x", 5),))),
        ("0383 8005", ContentType("text/plain", (("q", 5),))),
    ],
)
def test_content_type(octets, value):
    data = bytes.fromhex(octets)
    assert wsp.decode_content_type(b"\xaa" + data + b"\x55", 1, 1 + len(data)) == value
    assert wsp.encode_content_type(value) == data


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("0bb3 8a223c733e00 89226100", ContentType("application/vnd.wap.multipart.related", (("start", b"<s>"), ("type", b"a")))),
        ("0583 97226100", ContentType("text/plain", (("name", b"a"),))),
        ("0383 8100", ContentType("text/plain", (("charset", b""),))),
        ("01ff", ContentType("0x7f")),
        ("0383 fa81", ContentType("text/plain", (("0x7a", 1),))),
    ],
)
def test_content_type_of_looser_senders(octets, value):
    data = bytes.fromhex(octets)
    assert wsp.decode_content_type(data, 0, len(data)) == value


@pytest.mark.parametrize("octets", ["", "0483 81ea", "0283 81", "0383 8161", "6162", "0383 81ea 00"])
def test_broken_content_type_is_refused(octets):
    with pytest.raises(DecodeError):
        wsp.decode_content_type(bytes.fromhex(octets), 0, len(bytes.fromhex(octets)))


def test_parameters_are_found_by_name():
    assert ContentType("a/b", (("SEC", 1),)).get("sec") == 1
    assert ContentType("a/b").get("start") is None


@pytest.mark.parametrize("octets", ["", "010603", "010703beaf84", "0106 05 be", "0106 00 be", "0106 01 0361", "0106 02 6162 00"])
def test_what_is_no_push_is_refused(octets):
    with pytest.raises(DecodeError):
        wsp.decode_push_pdu(bytes.fromhex(octets))


EACH_HEADER = pytest.mark.parametrize(("name", "octets", "value"), HEADERS, ids=[f"{name} {octets}" for name, octets, _ in HEADERS])


@EACH_HEADER
def test_header_both_ways(name, octets, value):
    data = bytes.fromhex(octets)
    assert wsp.decode_header(b"\xaa" + data + b"\x55", 1, 1 + len(data)) == (name, value, 1 + len(data))
    assert wsp.encode_header(name, value).hex(" ") == data.hex(" ")


@EACH_HEADER
def test_header_cut_anywhere_is_refused_or_shorter(name, octets, value):
    data = bytes.fromhex(octets)
    for length in range(len(data)):
        with pytest.raises(DecodeError):
            wsp.decode_header(data[:length], 0, length)


def test_every_assigned_number_has_a_vector():
    assert {name for name, _, _ in HEADERS} == {row.name for row in table.HEADERS}


@pytest.mark.parametrize("number", range(len(table.HEADERS)))
def test_a_number_that_a_later_version_revised_is_read_too(number):
    name = table.HEADERS[number].name
    for _, octets, value in [row for row in HEADERS if row[0] == name]:
        data = bytes((0x80 | number,)) + bytes.fromhex(octets)[1:]
        assert wsp.decode_header(data, 0, len(data))[:2] == (name, value)


@pytest.mark.parametrize(
    ("octets", "name", "value"),
    [
        ("8d 6100", "Content-Length", Raw(b"a\0")),  # a text for a number
        ("92 81", "Date", 1),  # a Short-integer for a date
        ("82 ff", "Accept-Encoding", Raw(b"\xff")),
        ("82 6272 00", "Accept-Encoding", "br"),
        ("88 03 83 0201", "Cache-Control", Raw(b"\x03\x83\x02\x01")),
        ("ff 02 0102", "0x7f", Raw(b"\x02\x01\x02")),
        ("8e d6d000", "Content-Location", b"\xd6\xd0"),  # no Quote
        ("ae 81", "Content-Disposition", "attachment"),
        ("582d4100 6200", "X-A", b"b"),
    ],
)
def test_looser_headers_are_kept(octets, name, value):
    data = bytes.fromhex(octets)
    assert wsp.decode_header(data, 0, len(data)) == (name, value, len(data))
    if isinstance(value, Raw):
        assert wsp.encode_header(name, value) == data


@pytest.mark.parametrize(("octets", "name"), [("582d4100 82", "X-A"), ("8e 9f", "Content-Location")])
def test_an_octet_where_a_text_belongs_is_kept_and_not_written(octets, name):
    """With more behind it, it would be read as a text without its quote."""
    data = bytes.fromhex(octets)
    assert wsp.decode_header(data, 0, len(data))[:2] == (name, Raw(data[-1:]))
    with pytest.raises(EncodeError, match="without its quote"):
        wsp.encode_header(name, Raw(data[-1:]))


@pytest.mark.parametrize("octets", ["", "05", "7f02", "8d", "8d 02 01", "8e 6162"])
def test_no_header_begins_there(octets):
    data = bytes.fromhex(octets)
    with pytest.raises(DecodeError):
        wsp.decode_header(data, 0, len(data))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Length", b"a"),
        ("Content-Length", (1,)),
        ("Date", "now"),
        ("Range", ("byte-range",)),
        ("Range", ("byte-range", 1, 2, 3)),
        ("Accept", 5),
        ("Age", -1),
        ("X-Own", 5),
        ("Cookie", (0x10, ((b"n\0", b"v"),))),
    ],
)
def test_what_a_header_does_not_take_is_not_written(name, value):
    with pytest.raises(EncodeError):
        wsp.encode_header(name, value)


def test_headers_in_words():
    said = [wsp.describe_header(value) for _, _, value in HEADERS]
    assert said[:4] == ["image/jpeg", "image/jpeg; q=51", "a/b; q=51", "106"]
    assert "attachment; filename=a" in said
    assert all(isinstance(text, str) for text in said)
