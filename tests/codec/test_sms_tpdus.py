"""TPDUs: of handsets and modems (other projects' vectors), and of our own."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import gsm7, sms
from mmsd.codec.sms import (
    Address,
    Command,
    Concat,
    Deliver,
    DeliverReport,
    Parameters,
    Stamp,
    StatusReport,
    Submit,
    SubmitReport,
    Tpdu,
    Udh,
    UserData,
    Validity,
)
from mmsd.errors import DecodeError, EncodeError

SHE = Address("8613900000001")
THEN = Stamp(bytes.fromhex("70605031650323"))
HEADER = bytes.fromhex("050003070201")

TPDUS: list[tuple[str, str, bool, Tpdu]] = [
    ("text", "040d91683109000000f100007060503165032305e8329bfd06", True, Deliver(SHE, THEN, UserData(data=b"hello"))),
    (
        "UCS-2",
        "040d91683109000000f1000870605031650323047aef5348",
        True,
        Deliver(SHE, THEN, UserData(data=bytes.fromhex("7aef5348")), dcs=8),
    ),
    (
        "a name, report wanted",
        "2409d0edf69c1c0300007060503165032302e834",
        True,
        Deliver(Address("mmsd1", 0xD0), THEN, UserData(data=b"hi"), flags=0x24),
    ),
    (
        "first of two, septets behind a header",
        "51050d91683109000000f10000a709050003070201d034",
        False,
        Submit(SHE, UserData(HEADER, b"h4"), reference=5, validity=Validity.relative(86400)),
    ),
    (
        "octets, no validity",
        "41000d91683109000000f100f50a06050413880000010603",
        False,
        Submit(SHE, UserData(bytes.fromhex("06050413880000"), b"\x01\x06\x03"), dcs=0xF5),
    ),
    ("absolute validity", "19000481214300007060503165032300", False, Submit(Address("1234", 0x81), validity=Validity(3, THEN.octets))),
    ("expired", "06050d91683109000000f1706050316503237060503165032346", True, StatusReport(5, SHE, THEN, THEN, 0x46)),
    (
        "with parameters",
        "06050d91683109000000f1706050316503237060503165032300070004026f6b",
        True,
        StatusReport(5, SHE, THEN, THEN, 0, Parameters(7, 0, 4, UserData(data=b"ok"))),
    ),
    ("taken", "0000", False, DeliverReport()),
    ("refused", "00d003007f", False, DeliverReport(0xD0, Parameters(3, 0, 0x7F))),
    ("submit taken", "010070605031650323", True, SubmitReport(None, THEN)),
    ("submit refused", "01c00070605031650323", True, SubmitReport(0xC0, THEN)),
    ("delete", "02050001070481214300", False, Command(Address("1234", 0x81), 5, 0, 1, 7)),
]


def reading(read: Callable[[], Any], size: int) -> tuple[Any, DecodeError | None]:
    """What it gives, or a refusal with its clause and a place within so many octets."""
    refusal = None
    try:
        return read(), None
    except DecodeError as caught:
        refusal = caught
    assert refusal.clause
    assert 0 <= refusal.offset <= size
    return None, refusal


named = pytest.mark.parametrize(("octets", "to_mobile", "value"), [row[1:] for row in TPDUS], ids=[row[0] for row in TPDUS])


@named
def test_both_ways_cut_and_with_a_tail(octets, to_mobile, value):
    data = bytes.fromhex(octets)
    assert sms.encode(value) == data
    seen = sms.decode(data, to_mobile=to_mobile)
    assert (seen, seen.faults) == (value, ())
    for stop in range(len(data)):
        seen, refusal = reading(lambda stop=stop: sms.decode(data[:stop], to_mobile=to_mobile), stop)  # type: ignore[misc]  # bound at once
        assert refusal or seen.faults or isinstance(value, StatusReport | DeliverReport | SubmitReport), stop
    assert sms.decode(data + b"\0\0", to_mobile=to_mobile).faults[-1].reason == "octets behind the end"


@pytest.mark.parametrize(
    "tpdu",
    [
        Deliver(Address("1" * 21)),
        Deliver(Address("12x4")),
        Deliver(Address("twelve chars", 0xD0)),
        Deliver(SHE, user_data=UserData(data=bytes(161))),
        Deliver(SHE, user_data=UserData(data=bytes(141)), dcs=4),
        Deliver(SHE, user_data=UserData(b"\5\0", b"")),
        Deliver(SHE, Stamp(b"")),
        Submit(SHE, validity=Validity(2, b"")),
        Submit(SHE, validity=Validity(4, b"")),
        Submit(SHE, reference=256),
        DeliverReport(0x10),
    ],
)
def test_what_does_not_fit_is_not_written(tpdu):
    with pytest.raises(EncodeError):
        sms.encode(tpdu)


@pytest.mark.parametrize(("octets", "to_mobile"), [("", True), ("03", True), ("03", False), ("041591" + "11" * 30, True)])
def test_what_is_no_tpdu(octets, to_mobile):
    with pytest.raises(DecodeError):
        sms.decode(bytes.fromhex(octets), to_mobile=to_mobile)


def test_times():
    assert Stamp().seconds is None
    assert Stamp(bytes.fromhex("70605031650323")).seconds == 1181022990
    assert Stamp(bytes.fromhex("7060503165032b")).seconds == 1181022990 + 2 * 8 * 3600  # west of Greenwich
    assert Stamp(bytes.fromhex("706050316503f3")).seconds is None
    with pytest.raises(EncodeError):
        Stamp.of(1 << 62)
    with pytest.raises(EncodeError):
        Stamp.of(-(1 << 30) * 2)
    assert [Validity(2, bytes((octet,))).seconds for octet in (0, 143, 144, 167, 168, 196, 197, 255)] == [
        300, 43200, 45000, 86400, 172800, 2592000, 3024000, 38102400,
    ]  # fmt: skip
    assert Validity(3, THEN.octets).seconds is None


@hypothesis.given(st.integers(86400, 3155760000 - 86400), st.integers(-79, 79))
def test_every_time_both_ways(seconds, quarters):
    assert Stamp.of(seconds, quarters).seconds == seconds


# --------------------------------------------------------------------------------------------------- texts in several messages


@hypothesis.given(st.text(alphabet="端午hello{}€[]😀🀄", max_size=700), st.booleans(), st.integers(0, 255))
def test_a_text_comes_out_as_it_went_in(text, wide, reference):
    pieces = sms.compose(text, reference, wide=wide)
    assert "".join(piece.user_data.text(piece.dcs) for piece in pieces) == text  # so no pair, no escape is cut
    for sequence, piece in enumerate(pieces, 1):
        tpdu = Submit(SHE, piece.user_data, piece.dcs)
        assert sms.decode(sms.encode(tpdu), to_mobile=False) == tpdu
        if len(pieces) > 1:
            assert sms.decode_udh(piece.user_data.udh).concat == Concat(reference, len(pieces), sequence, wide)


@pytest.mark.parametrize(
    ("text", "pieces"), [("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("端" * 70, 1), ("端" * 71, 2)]
)
def test_as_few_messages_as_can_be(text, pieces):
    assert len(sms.compose(text, 1)) == pieces


def test_texts_that_cannot_be_sent():
    with pytest.raises(EncodeError, match="messages"):
        sms.compose("端" * 1000, 1, limit=3)
    with pytest.raises(EncodeError, match="half"):
        sms.compose("\ud83d", 1)
    with pytest.raises(EncodeError, match="room"):
        sms.compose("端" * 80, 1, udh=Udh(others=((1, bytes(130)),)))


def test_ports_go_with_every_piece():
    pieces = sms.compose("端" * 100, 1, udh=Udh(5000, 0))
    assert [sms.decode_udh(piece.user_data.udh).destination for piece in pieces] == [5000, 5000]


# ---------------------------------------------------------------------------------------------------------------- joining


@hypothesis.given(st.permutations([(message, place) for message in range(3) for place in range(1, 5)]), st.booleans())
def test_pieces_in_any_order(order, again):
    joins = sms.Reassembly[str]()
    whole = []
    for message, place in order:
        for _ in range(1 + again):
            done = joins.add("she", Concat(message, 4, place), f"{message}.{place}", 10, at=0)
            whole += [done] if done else []
    if not again:
        assert sorted(whole) == [[f"{message}.{place}" for place in range(1, 5)] for message in range(3)]
        assert (len(joins), joins.given_up()) == (0, [])
    else:
        assert len(whole) >= 3


def test_a_reference_given_anew_an_age_and_limits():
    joins = sms.Reassembly[str](sms.Limits(messages=2, octets=50, lifetime=100))
    assert joins.add("a", Concat(1, 2, 1), "old", 10, at=0) is None
    assert joins.add("a", Concat(1, 2, 1), "new", 10, at=1) is None
    assert [(lost.why, lost.pieces) for lost in joins.given_up()] == [("replaced", {1: "old"})]
    assert joins.add("a", Concat(1, 2, 2), "er", 10, at=2) == ["new", "er"]
    for number in range(3):
        joins.add("b", Concat(number, 2, 1), "x", 10, at=3)
    assert [lost.key for lost in joins.given_up()] == [("b", 0, 2, False)]
    joins.add("c", Concat(9, 3, 1), "long", 45, at=4)
    assert {lost.why for lost in joins.given_up()} == {"limit"}
    joins.expire(104)
    assert len(joins) == 1
    joins.expire(105)
    assert [lost.why for lost in joins.given_up()] == ["late"]
    assert joins.add("a", Concat(1, 2, 1, wide=True), "w", 1, at=200) is joins.add("a", Concat(1, 2, 2), "n", 1, at=200) is None


# ----------------------------------------------------------------------------------------------------- what handsets made

NOT_CANONICAL = {
    "02.dump": "the bit behind the last septet is set",
    "14.dump": "scheme F9 says septets, the data is UCS-2 and longer",
    "20.dump": "a header is announced and not there",
    "sms_charset_default_ext.bin": "the odd number is filled with 1",
    "sms_charset_spain.bin": "the odd number is filled with 1",
}


def test_tpdus_of_modems(shared):
    other, seen = set(), 0
    paths = [*sorted((shared / "vectors/gammu").glob("at-sms*/*.dump")), *sorted((shared / "vectors/ofono").glob("[!c]*.bin"))]
    for path in paths:
        octets = [path.read_bytes()]
        if path.suffix == ".dump":
            octets = [bytes.fromhex(found) for found in re.findall(r"^([0-9A-F]{20,})\b", octets[0].decode("latin-1"), re.MULTILINE)]
        for data in octets:
            _, tpdu = sms.decode_framed(data)
            seen += 1
            if tpdu.faults or sms.encode(tpdu) != data[data[0] + 1 :]:
                other.add(path.name)
    assert seen == 148
    assert other == set(NOT_CANONICAL)


def unaccented(text: str) -> str:
    """As gammu writes what GSM 7-bit has not."""
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def test_what_gammu_encoded_is_what_it_was_told(shared):
    """Number and text of each backup, against the PDU that gammu must make of it: long texts come cut."""
    folder = shared / "vectors/gammu/at-sms-encode"
    for path in sorted(folder.glob("*.backup")):
        told = path.read_text()
        number = re.search(r'^Number = "(.*)"', told, re.MULTILINE)
        text = bytes.fromhex("".join(re.findall(r"^Text\d+ = (\w+)", told, re.MULTILINE))).decode("utf-16-be")
        (octets,) = re.findall(r"^([0-9A-F]{20,})", path.with_suffix(".dump").read_text(), re.MULTILINE)
        smsc, tpdu = sms.decode_framed(bytes.fromhex(octets))
        assert isinstance(tpdu, Deliver | Submit)
        seen = tpdu.user_data.text(tpdu.dcs)
        assert number is not None
        assert smsc is not None
        assert (tpdu.sender if isinstance(tpdu, Deliver) else tpdu.destination).number == number[1].lstrip("+"), path
        assert smsc.number.lstrip("+") in told, path
        assert seen == text[: len(seen)] or (tpdu.dcs == 0 and unaccented(seen) == unaccented(text[: len(seen)])), path
        assert len(seen) == len(text) or len(sms.encode(tpdu)) > 140, path


# -------------------------------------------------------------------------------------------------------------- any octets


@hypothesis.given(st.binary(max_size=200), st.booleans())
def test_any_octets(data, to_mobile):
    for read in (lambda: sms.decode(data, to_mobile=to_mobile), lambda: sms.decode_framed(data), lambda: sms.show(data)):
        reading(read, len(data))


@named
@hypothesis.given(place=st.integers(0, 60), octet=st.integers(0, 255))
def test_any_octet_changed(octets, to_mobile, value, place, octet):
    data = bytearray.fromhex(octets)
    data[place % len(data)] = octet
    try:
        seen = sms.decode(bytes(data), to_mobile=to_mobile)
    except DecodeError:
        return
    try:
        again = sms.encode(seen)
    except EncodeError:
        return
    assert sms.decode(again, to_mobile=to_mobile) == seen


@named
def test_shown_as_what_it_is(octets, to_mobile, value):
    shown = sms.show(bytes.fromhex(octets))
    assert (shown.values["type"], shown.warnings) == (type(value).__name__, ())
    places = sorted({(line.offset, line.length) for line in shown.lines if line.depth and line.length})
    assert all(start + size <= after for (start, size), (after, _) in itertools.pairwise(places))  # none over another
    assert max(start + size for start, size in places) == len(octets) // 2


def test_shown_with_and_without_a_centre():
    bare = bytes.fromhex(TPDUS[3][1])
    for data in (bare, bytes.fromhex("069168310810f0") + bare, b"\0" + bare):
        shown = sms.show(data)
        assert shown.warnings == ()
        assert (shown.values["type"], shown.values["destination"], shown.values["text"]) == ("Submit", "8613900000001", "h4")
        assert shown.values["concatenation"] == "1 of 2, reference 7"
    assert sms.show(bytes.fromhex(TPDUS[6][1])).values["status"] == "70 validity expired"
    with pytest.raises(DecodeError):
        sms.show(b"")
    assert gsm7.decode(b"\0") == "@"


WORN: list[tuple[Deliver, str, str]] = [
    (Deliver(Address("8613900000001"), Stamp.of(1795363309), sms.UserData(bytes.fromhex("03240101"), b"hello"), flags=4),
     "national single shift table: not applied", "03240101"),
    (Deliver(Address("8613900000001"), Stamp.of(1795363309), sms.UserData(bytes.fromhex("03250101"), b"hello"), flags=4),
     "national locking shift table: not applied", "03250101"),
    (Deliver(Address("8613900000001"), Stamp.of(1795363309), sms.UserData(b"", b"hello"), 0x20, flags=4),
     "compressed text: kept as octets", b"hello".hex()),
    (Deliver(Address("8613900000001"), Stamp(bytes(7)), sms.UserData(b"", b"hello"), flags=4), "stamp is no time", "00000000000000"),
    (Deliver(Address("8613900000001"), Stamp.of(1795363309), sms.UserData(b"", b"\x7a\xef\x53"), 8, flags=4),
     "UCS-2 of an odd number of octets: the last is no text", "53"),
    (Deliver(Address("8613900000001"), Stamp.of(1795363309), sms.UserData(bytes.fromhex("03000501"), b"hello"), 4, flags=4),
     "element runs past the end", "000501"),
]  # fmt: skip


@pytest.mark.parametrize(("tpdu", "wrong", "there"), WORN, ids=[row[1] for row in WORN])
def test_what_is_survived_is_named_where_it_stands(tpdu, wrong, there):
    """docs/wire/sms.md, What is forgiven: `mmsd decode` ends with 1."""
    octets = sms.encode(tpdu)
    seen = sms.decode(octets, to_mobile=True)
    assert seen == tpdu
    (fault,) = seen.faults
    assert fault.reason == wrong
    assert fault.clause
    assert octets[fault.offset :].startswith(bytes.fromhex(there))
    shown = sms.show(octets)
    assert (shown.values["type"], [warned.text for warned in shown.warnings]) == ("Deliver", [wrong])
