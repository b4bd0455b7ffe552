"""SMIL: what handsets write is read, what we write is read back, garbage costs nothing."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import mms, multipart, smil
from mmsd.codec.smil import Item, Region, Slide
from mmsd.errors import DecodeError, EncodeError


def test_what_we_write_is_read_back():
    slides = [
        Slide((Item("img", "cid:a&b", "Image"), Item("text", '"t".txt', "Text")), 5000),
        Slide((Item("audio", "<s>.amr"),)),
        Slide((), 0),
    ]
    read = smil.decode(smil.encode(slides), 106)
    assert (list(read.slides), read.regions, read.faults) == (slides, (smil.IMAGE, smil.TEXT), ())


@pytest.mark.parametrize(
    ("document", "slides"),
    [
        ("<smil><body><img src=a.jpg></body></smil>", [Slide((Item("img", "a.jpg"),))]),  # no par, no quotes
        ("<SMIL><BODY><PAR DUR='2s'><IMG SRC='a'/></PAR></BODY></SMIL>", [Slide((Item("img", "a"),), 2000)]),
        ("<smil:smil><smil:par><smil:img src='a'/></smil:par></smil:smil>", [Slide((Item("img", "a"),))]),
        ("<smil><par><img src='a'/><par><img src='b'/></par></smil>", [Slide((Item("img", "a"),)), Slide((Item("img", "b"),))]),
        ("<smil><!-- <img src='x'/> --><par><text src='&#x4e2d;&amp;.txt'/></par></smil>", [Slide((Item("text", "中&.txt"),))]),
        ("<?xml version='1.0'?><!DOCTYPE smil [<!ENTITY x 'y'>]><smil><par><img src='&x;'/></par></smil>", [Slide((Item("img", "&x;"),))]),
        ("<smil></smil>", []),
        ("<smil><par/></smil>", [Slide(())]),
    ],
)
def test_looser_documents(document, slides):
    read = smil.decode(document.encode())
    assert (list(read.slides), read.faults) == (slides, ())


@pytest.mark.parametrize(
    ("document", "slides", "reason"),
    [
        ("<smil><par><img src='a'/>", 1, "the last slide does not end"),
        ("<smil><par><img region='a'/></par></smil>", 1, "<img> names no part"),
        ("<smil><par><img src='a'/></par><text src=", 1, "a tag does not end"),
        ("<smil>" + "<img src='a'/>" * 300, 200, "too many slides"),
    ],
)
def test_fault_is_survived_and_named(document, slides, reason):
    read = smil.decode(document.encode())
    assert (len(read.slides), [fault.reason for fault in read.faults]) == (slides, [reason])
    assert all(0 <= fault.offset <= len(document) for fault in read.faults)


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"<html><body>404</body></html>", b"<smil>" * 11_000], ids=["empty", "text", "html", "long"]
)
def test_what_is_no_smil_is_refused(raw):
    with pytest.raises(DecodeError):
        smil.decode(raw)


def test_regions():
    read = smil.decode(b'<smil><head><layout><region id="Image" top="0" width="50%"/><region xml:id=T /></layout></head></smil>')
    assert read.regions == (Region("Image", "0", "0", "50%", "100%"), Region("T", "0", "0", "100%", "100%"))


@pytest.mark.parametrize(
    "filler", ["a", " ", "<", "&", '"', "a=", "='", "<a b='", "<img src='x'/>", "<par>", "<!--", "&#1;", "<img>"], ids=lambda filler: filler
)
def test_any_filler_costs_little(filler):
    """No expression goes back over what it has read."""
    document = "<smil><img " + filler * (smil.LIMIT // len(filler) - 12)
    assert len(smil.decode(document.encode()).slides) <= 200


@hypothesis.given(st.text(alphabet="<>/='\"& amgsrcilp:;#x1t-!", max_size=120))
def test_random_tags(document):
    try:
        read = smil.decode(document.encode())
    except DecodeError:
        return
    assert all(isinstance(item.source, str) for slide in read.slides for item in slide.items)


@pytest.mark.parametrize(
    ("slides", "reason"),
    [
        ([Slide((Item("script", "a"),))], "no medium"),
        ([Slide((Item("img", "a", "Picture"),))], "no region"),
        ([Slide((), 10**9)], "no slide lasts"),
    ],
)
def test_what_no_handset_shows_is_not_written(slides, reason):
    with pytest.raises(EncodeError, match=reason):
        smil.encode(slides)


def test_every_presentation_of_the_vectors_and_the_sample_day(shared):
    """Each is read without fault, and each of its items is a part of its message."""
    folders = ["vectors/gammu/mms", "vectors/ofono-mmsd", "vectors/python-messaging", "vectors/smsgate/mms", "samples/real-day/pdus"]
    presentations = missing = 0
    for path in (path for folder in folders for path in sorted((shared / folder).iterdir())):
        data = path.read_bytes()
        if data[:1] != b"\x8c":
            continue
        parts = mms.parts(data, mms.decode(data)).parts
        for part in parts:
            if part.content_type.media == "application/smil":
                read = smil.decode(bytes(part.body), part.charset or 0)
                assert read.faults == (), path
                items = [item for slide in read.slides for item in slide.items]
                missing += sum(multipart.find(parts, item.source) is None for item in items)
                presentations += 1
    assert presentations == 330
    assert missing == 0
