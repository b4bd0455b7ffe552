"""WBXML: octets and trees both ways, everybody else's documents, garbage, and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import tree, wbxml
from mmsd.codec.tables import ota, provisioning, si
from mmsd.codec.tables import wbxml as t
from mmsd.codec.tree import Attribute, Element, Extension, Instruction, element
from mmsd.codec.wbxml import Document
from mmsd.errors import DecodeError, EncodeError

HEAD = "030b6a00"
PROV = provisioning.LANGUAGE


def parm(name: str, *pieces: tree.Piece) -> Element:
    return Element("parm", (Attribute("name", (name,)), Attribute("value", pieces)))


def whole(root: Element, **others: Any) -> Document:
    given: dict[str, Any] = {"language": PROV, "public_id": 0x0B} | others
    return Document(root, **given)


def within(*children: Element | Instruction | tree.Piece) -> Element:
    return Element("wap-provisioningdoc", (), children)


VECTORS: list[tuple[str, str, Document]] = [
    ("nothing in it", f"{HEAD} 05", whole(within())),
    ("a token for a value", f"{HEAD} 45 87 10 06 ab 01 01", whole(within(parm("BEARER", "GSM-GPRS")))),
    ("a value with a token inside it", f"{HEAD} 45 87 07 06 03 41504e2031 00 01 01", whole(within(parm("NAME", "APN 1")))),
    ("a name nobody knows", f"{HEAD} 45 87 05 03 582d31 00 06 03 31 00 01 01", whole(within(parm("X-1", "1")))),
    ("attribute pages", f"{HEAD} 45 87 0001 36 0000 06 03 773400 01 01", whole(within(parm("APPID", "w4")))),
    (
        "a page lasts until the next switch",
        f"{HEAD} 45 87 0001 36 0000 06 03 773400 01 87 0001 39 01 87 36 01 01",
        whole(within(parm("APPID", "w4"), element("parm", {"name": "TO-PROXY"}), element("parm", {"name": "APPID"}))),
    ),
    ("a value token of page 1", f"{HEAD} 45 87 0001 35 0000 06 0001 8d 01 01", whole(within(parm("ADDRTYPE", "APPSRV")))),
    (
        "string table",
        "030b6a 05 4e41503100 45 87 11 06 83 00 01 87 22 06 83 00 01 87 07 06 03 4d7920 00 83 00 01 01",
        whole(within(parm("NAPID", "NAP1"), parm("TO-NAPID", "NAP1"), parm("NAME", "My NAP1")), strings=("NAP1",)),
    ),
    ("Chinese in UTF-8", f"{HEAD} 45 87 07 06 03 e5bda9e4bfa1 00 01 01", whole(within(parm("NAME", "彩信")))),
    ("Chinese in GB 2312", "030b8f6900 45 87 07 06 03 b2cad0c5 00 01 01", whole(within(parm("NAME", "彩信")), charset=2025)),
    ("Chinese in UCS-2", "030b876800 45 87 07 06 03 5f694fe1 0000 01 01", whole(within(parm("NAME", "彩信")), charset=1000)),
    (
        "UCS-2 with a zero octet in every character, and a string table",
        "030b8768 08 0041 0042 0043 0000 45 87 07 06 03 00410000 01 01",
        whole(within(parm("NAME", "A")), charset=1000, strings=("ABC",)),
    ),
    (
        "an entity for what the character set lacks",
        "030b0300 45 87 07 06 03 4100 02 819e4b 03 4200 01 01",
        whole(within(parm("NAME", "A捋B".replace("捋", chr(0x4F4B)))), charset=3),
    ),
    ("opaque octets", f"{HEAD} 45 87 07 06 c3 03 000102 01 01", whole(within(parm("NAME", b"\0\1\2")))),
    (
        "extensions",
        f"{HEAD} 45 40 6100 81 05 c2 01",
        whole(within(Extension(0x40, "a"), Extension(0x81, 5), Extension(0xC2))),
    ),
    ("a text", f"{HEAD} 45 03 6100 01", whole(within("a"))),
    ("an empty text", f"{HEAD} 45 03 00 01", whole(within(""))),
    ("a tag nobody assigned", f"{HEAD} 45 1f 01", whole(within(Element("#0-1F")))),
    ("a value nobody assigned", f"{HEAD} 45 87 07 06 fe 01 01", whole(within(parm("NAME", Extension(0xFE))))),
    ("an attribute nobody assigned", f"{HEAD} 45 87 4d 01 01", whole(within(Element("parm", (Attribute("#0-4D"),))))),
    (
        "literal tags and attributes",
        "030b6a 08 73656500 6c6f6f00 45 04 00 c4 00 04 04 03 3100 01 04 00 01 01",
        whole(within(Element("see"), Element("see", (Attribute("loo", ("1",)),), (Element("see"),))), strings=("see", "loo")),
    ),
    (
        "instructions before, in and behind",
        f"{HEAD} 43 05 03 6100 01 45 43 06 01 01 43 07 01",
        whole(
            within(Instruction("value")),
            head=(Instruction("name", ("a",)),),
            tail=(Instruction("name", ("NAME",)),),
        ),
    ),
    (
        "a public id in the string table",
        "0300006a 1c 2d2f2f574150464f52554d2f2f44544420534c20312e302f2f454e00 05",
        Document(Element("sl"), si.SL, public_id="-//WAPFORUM//DTD SL 1.0//EN", strings=("-//WAPFORUM//DTD SL 1.0//EN",)),
    ),
    ("WBXML 1.0 has no character set", "0006 00 05", Document(Element("sl"), si.SL, 0, 6)),
    ("a language without table", "0304 6a00 c5 05 03 6100 85 01 06 01",
     Document(Element("#0-05", (Attribute("#0-05", ("a", Extension(0x85))),), (Element("#0-06"),)), None, 3, 4)),
    ("an address in pieces", "02056a00 45 86 0d 03 78797a00 85 03 6100 01 01",
     Document(element("si", None, element("indication", {"href": "http://www.xyz.com/a"})), si.SI, 2, 5)),
    ("a value token stands for nothing in a text", "02056a00 45 46 03 2e636f6d2f00 01 01",
     Document(element("si", None, element("indication", None, ".com/")), si.SI, 2, 5)),
    ("a time of day", "02056a00 45 86 0a c3 07 19990625152315 10 c3 04 19990630 01 01",
     Document(element("si", None, element("indication", {"created": "1999-06-25T15:23:15Z", "si-expires": "1999-06-30T00:00:00Z"})),
              si.SI, 2, 5)),
    ("OTA settings: values are attributes", "01016a00 45 c6 06 01 87 12 49 01 87 12 11 03 58 00 01 01 01",
     Document(element("CHARACTERISTIC-LIST", None, element("CHARACTERISTIC", {"TYPE": "ADDRESS"},
              element("PARM", {"NAME": "BEARER", "VALUE": "GPRS"}), element("PARM", {"NAME": "BEARER", "VALUE": "X"}))),
              ota.LANGUAGE, 1, 1)),
]  # fmt: skip


def names(vectors: list[tuple[str, str, Document]]) -> list[str]:
    return [name for name, *_ in vectors]


@pytest.mark.parametrize(("octets", "document"), [row[1:] for row in VECTORS], ids=names(VECTORS))
def test_both_ways(octets, document):
    data = bytes.fromhex(octets)
    read = wbxml.decode(data)
    # the writer leaves what nobody assigned without a fault, the reader names it
    assert all("not assigned" in fault.reason for fault in read.faults)
    assert read == document
    assert wbxml.encode(read) == data
    assert wbxml.encode(document) == data


@pytest.mark.parametrize("octets", [row[1] for row in VECTORS], ids=names(VECTORS))
def test_cut_anywhere(octets):
    """What is left of a document is a fault or a refusal; what was read is a beginning of the whole."""
    data = bytes.fromhex(octets)
    root = wbxml.decode(data).root
    for stop in range(len(data)):
        value_or_refusal(data[:stop])
        try:
            cut = wbxml.decode(data[:stop])
        except DecodeError:
            continue
        assert cut.root.name == root.name
        assert cut.faults or cut.root == root  # only a tail of instructions can go unnoticed


@pytest.mark.parametrize("octets", [row[1] for row in VECTORS], ids=names(VECTORS))
def test_a_tail_is_named(octets):
    data = bytes.fromhex(octets)
    read = wbxml.decode(data + b"\x05")
    assert read.root == wbxml.decode(data).root
    assert read.faults[-1].reason == "octets behind the root"
    assert read.faults[-1].offset == len(data)


@pytest.mark.parametrize(
    ("octets", "reason", "offset"),
    [
        ("", "cut short", 0),
        ("04 0b 6a 00 05", "no version of WBXML: 04", 0),
        ("03 ff ff ff ff ff ff", "integer does not end", 1),
        ("03 0b 6a 05 41", "string table runs past the end", 4),
        ("03 00 05 6a 01 00 05", "reference past the string table", 2),
        ("03 0b 6a 00", "no root", 4),
        ("03 0b 6a 00 01", "no tag: 01", 4),
        ("03 0b 6a 00 03 61 00", "text outside the root", 4),
        ("03 0b 6a 00 04 00", "reference past the string table", 4),
    ],
)
def test_refused(octets, reason, offset):
    with pytest.raises(DecodeError, match=reason) as refusal:
        wbxml.decode(bytes.fromhex(octets))
    assert (refusal.value.offset, bool(refusal.value.clause)) == (offset, True)


@pytest.mark.parametrize(
    ("octets", "reason", "offset"),
    [
        (f"{HEAD} 45 03 61", "string does not end", 6),
        (f"{HEAD} 45 83 00 01", "reference past the string table", 5),
        (f"{HEAD} 45 c3 09 00 01", "opaque data run past the end", 5),
        (f"{HEAD} 45 02 83b000 01", "no character: D800", 5),
        (f"{HEAD} 45 02 00 01", "no character: 0", 5),
        (f"{HEAD} 45 02 84808000 01", "no character", 5),
        (f"{HEAD} 85 03 6100 01", "a value without attribute", 5),
        (f"{HEAD} 85 84 00 01", "no attribute: 84", 5),
        (f"{HEAD} 85 ab 01", "a value without attribute", 5),
        (f"{HEAD} 45 01 05", "octets behind the root", 6),
        (f"{HEAD} {'46' * 70}", "elements nest too deep", 68),
        (f"{HEAD} 45 87 07 06 03 fffe 00 01 01", "text does not fit the character set", 9),
        ("030b6a 02 4142 45 83 00 01", "last string of the table does not end", 4),
        ("02056a00 45 86 0a c3 01 ff 01 01", "no time of day", 6),
    ],
)
def test_survived(octets, reason, offset):
    read = wbxml.decode(bytes.fromhex(octets))
    assert [(fault.reason[: len(reason)], fault.offset, bool(fault.clause)) for fault in read.faults] == [(reason, offset, True)]


def test_html_is_no_document():
    with pytest.raises(DecodeError):
        wbxml.decode(b"<html><body>502 Bad Gateway</body></html>")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (whole(within("\0")), "no NUL"),
        (whole(within(), charset=9999), "character set 9999"),
        (whole(within(), version=4), "version 4"),
        (Document(Element("sl"), si.SL, 0, 6, charset=4), "does not say its character set"),
        (whole(Element("彩"), charset=3), "lacks a character"),
        (whole(within(), public_id=1 << 32), "no mb_u_int32"),
    ],
)
def test_not_written(document, reason):
    with pytest.raises(EncodeError, match=reason):
        wbxml.encode(document)


# ----------------------------------------------------------------------------------------------------------- others' documents

NOT_CANONICAL = {
    "cp-empty-netwpin.wbxml": "a root said to have content, and an END at once",
    "cp-oma-provcont-appendix-c.wbxml": "ACCESS is said to have content, and has none",
    "cp-vendorconfig-refused.wbxml": "ends early",
}
"""What we write otherwise, and why."""


def documents(shared: Path) -> list[Path]:
    return sorted((shared / "vectors").glob("*/**/*.wbxml"))


def test_every_document_of_others(shared):
    paths = documents(shared)
    assert len(paths) == 40
    for path in paths:
        data = path.read_bytes()
        read = wbxml.decode(data)
        assert [fault.reason for fault in read.faults] == ["document is cut short"] * (path.name == "cp-vendorconfig-refused.wbxml"), path
        written = wbxml.encode(read)
        assert wbxml.decode(written).root == read.root, path
        assert (written == data) == (path.name not in NOT_CANONICAL), path


def test_their_xml_says_the_same(shared):
    """libwbxml's test documents: the text form that each was made from."""
    paths = sorted((shared / "vectors/libwbxml").glob("*/*.xml"))
    assert len(paths) == 30
    for path in paths:
        read = wbxml.decode(path.with_suffix(".wbxml").read_bytes())
        assert plain(read.root) == plain(tree.from_xml(path.read_bytes())), path
        assert plain(tree.from_xml(read.xml().encode())) == plain(read.root), path


def plain(node: Element) -> tuple[object, ...]:
    """An element without where it stood; a value that is not there and an empty one are the same in XML."""
    children = [plain(child) if isinstance(child, Element) else child for child in node.children]
    return node.name, {a.name: a.value for a in node.attributes}, [child for child in children if child != ""]


def test_shown_token_by_token(shared):
    for path in documents(shared):
        data = path.read_bytes()
        shown = wbxml.show(data)
        assert all(line.offset >= 0 and line.offset + line.length <= len(data) for line in shown.lines), path
        at = [line.offset for line in shown.lines]
        assert at == sorted(at), path
    shown = wbxml.show(bytes.fromhex("02066a00 85 0a 03 78797a00 85 03 6100 07 01"))
    assert [tuple(line) for line in shown.lines[2:]] == [
        (4, 1, "element", "sl", 0),
        (5, 1, "attribute", "href=http://www.", 1),
        (6, 5, "text", "xyz", 2),
        (11, 1, "text", ".com/", 2),
        (12, 3, "text", "a", 2),
        (15, 1, "attribute", "action=cache", 1),
    ]
    assert shown.values["public_id"] == "-//WAPFORUM//DTD SL 1.0//EN"
    assert not shown.warnings


def test_shown_with_warnings():
    shown = wbxml.show(bytes.fromhex(f"{HEAD} 45 87 07 06 03 61"))
    assert [warned.text for warned in shown.warnings] == ["string does not end"]
    assert [line.text for line in shown.lines[2:]] == ["wap-provisioningdoc", "parm", "name=NAME", "value"]


def test_tables_are_one_to_one():
    """A name has one token on a page, so that what is written has one form."""
    for language in wbxml.LANGUAGES:
        for pages in (language.tags, language.attributes, language.values):
            for codes in pages.values():
                assert len(set(codes.values())) == len(codes)
        assert all(0x05 <= code < 0x40 for codes in language.tags.values() for code in codes)
        assert all(0x05 <= code < t.VALUE for codes in language.attributes.values() for code in codes)
        assert all(t.VALUE < code <= 0xFF for codes in language.values.values() for code in codes)


# ------------------------------------------------------------------------------------------------------------ garbage and limits

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAMES = st.sampled_from(["name", "value", "type", "version", "other", "long-name"])
PIECES = TEXTS | st.binary(max_size=5)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> Element:
    attributes = [Attribute(draw(NAMES), (draw(PIECES),)) for _ in range(draw(st.integers(0, 3)))]
    children: list[Element | tree.Piece] = []
    for _ in range(draw(st.integers(0, 3)) if depth else 0):
        child = draw(elements(depth - 1) | PIECES)
        if not (isinstance(child, str) and children and isinstance(children[-1], str)):
            children.append(child)
    if len(children) > 1:
        children = [child for child in children if child != ""] or [""]
    name = draw(st.sampled_from(["wap-provisioningdoc", "characteristic", "parm", "own"]))
    return Element(name, tuple(attributes), merged(children))


def merged(children: list[Element | tree.Piece]) -> tuple[Element | tree.Piece, ...]:
    """Dropping an empty text can bring two others together."""
    kept: list[Element | tree.Piece] = []
    for child in children:
        if isinstance(child, str) and kept and isinstance(kept[-1], str):
            kept[-1] += child
        else:
            kept.append(child)
    return tuple(kept)


@hypothesis.given(elements(), st.sampled_from([3, 106, 1000, 2026]), st.lists(TEXTS, max_size=3, unique=True))
def test_what_is_written_is_read_back(root, charset, strings):
    document = whole(root, charset=charset, strings=tuple(strings) if charset in {106, 1000} else ())
    read = wbxml.decode(wbxml.encode(document))
    assert (read.root, read.faults) == (root, ())
    assert wbxml.encode(read) == wbxml.encode(document)


@hypothesis.given(st.binary(max_size=200), st.sampled_from(["", HEAD, "02056a00", "01016a00", "030b876800", "03046a0461620063"]))
def test_random_octets(data, head):
    value_or_refusal(bytes.fromhex(head) + data)


@hypothesis.given(st.sampled_from([bytes.fromhex(row[1]) for row in VECTORS]), st.data())
def test_damaged_documents(whole_data, draw):
    data = bytearray(whole_data)
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(data)))
        data[place : place + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    value_or_refusal(bytes(data))


def value_or_refusal(data: bytes) -> None:
    refusals: tuple[DecodeError, ...] = ()
    try:
        read = wbxml.decode(data)
    except DecodeError as refusal:
        refusals = (refusal,)
    else:
        refusals = read.faults
        assert isinstance(read.xml(), str)
        wbxml.show(data)
    assert all(refusal.clause and 0 <= refusal.offset <= len(data) for refusal in refusals)


@pytest.mark.parametrize(
    ("head", "filler"),
    [
        (HEAD, "0001"), (HEAD, "46"), (HEAD + "45", "06"), (HEAD + "c5", "07"), (HEAD + "45", "0241"), (HEAD + "45", "03fffe00"),
        (HEAD + "45", "3f"), (HEAD, "430501"), (HEAD + "45", "c300"), ("030b876800" + "45", "03" + "4e2d" * 4 + "0000"),
        ("030b6a9f7f" + "61" * 4094 + "00" + "45", "8300"), ("030b87689f7f" + "6100" * 2047 + "00" + "45", "8301"),
    ],
)  # fmt: skip
def test_a_megabyte_of_anything_costs_little(head, filler):
    """Tokens, text and faults are bounded; nothing is gone over twice."""
    start, piece = bytes.fromhex(head), bytes.fromhex(filler)
    data = start + piece * ((1 << 20) // len(piece))
    try:
        read = wbxml.decode(data)
    except DecodeError:
        return
    assert len(read.faults) <= 100
    assert len(read.xml()) < 8 << 20


# ------------------------------------------------------------------------------------------------------------------- text form


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "no element found"),
        (b"<a><b></a>", "mismatched tag"),
        (b"<a/><b/>", "junk after document"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "declarations of its own"),
        (b"<a>&x;</a>", "undefined entity"),
        (b'<?xml version="1.0" encoding="nonesuch"?><a/>', "encoding"),
        (b"<a>" * 65 + b"</a>" * 65, "too deep"),
        (b"<a>" + b"<b/>" * 20_001 + b"</a>", "too many"),
        (b" " * ((1 << 20) + 1), "larger than 1 MiB"),
    ],
)
def test_xml_refused(text, reason):
    with pytest.raises(DecodeError, match=reason) as refusal:
        tree.from_xml(text)
    assert 0 <= refusal.value.offset <= len(text)


def test_xml_in_other_encodings():
    text = '<?xml version="1.0" encoding="{}"?><a b="彩信"/>'
    for encoding in ("utf-8", "utf-16"):
        assert tree.from_xml(text.format(encoding).encode(encoding)).get("b") == "彩信"


def test_an_outer_dtd_is_never_looked_for():
    root = tree.from_xml(b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a b="1"> x </a>')
    assert (root.get("b"), root.text) == ("1", "x")
