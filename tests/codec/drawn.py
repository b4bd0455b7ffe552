"""Seeded PDUs: every type with every field it may have, multiparts of all shapes, and the damage that real networks do to them."""

from __future__ import annotations

import random

from mmsd.codec import mms, multipart
from mmsd.codec.mms import Header, Moment, Previously, Text, Value
from mmsd.codec.multipart import Part
from mmsd.codec.tables import charsets
from mmsd.codec.tables import mms as t
from mmsd.codec.wsp import ContentType, HeaderValue

TEXTS = ["Seed K7", "端午安康", "Grüße", "FW: 小猫", "x" * 90, "😀 hi", "0"]
MEDIA = ["image/jpeg", "image/gif", "text/plain", "audio/amr", "application/smil", "video/3gpp", "text/x-vCard", "image/png"]
RELATED = "application/vnd.wap.multipart.related"
MIXED = "application/vnd.wap.multipart.mixed"


def number(draw: random.Random) -> bytes:
    return draw.choice(
        [
            f"+86138{draw.randrange(10**8):08d}/TYPE=PLMN".encode(),
            b"106587999",
            b"a@b.example",
            b"Zhang San <zs@mms.example>",
            b"10.0.0.1/TYPE=IPv4",
        ]
    )


def text(draw: random.Random, sets: tuple[int, ...] = (0, charsets.ASCII, charsets.UTF_8, charsets.UCS_2, 2025)) -> Text:
    charset = draw.choice(sets)
    said = draw.choice(TEXTS) if charset in {charsets.UTF_8, charsets.UCS_2} else draw.choice(TEXTS[:1] + TEXTS[4:5])
    codec = charsets.CODECS.get(charset, "ascii")
    return Text(said.encode("utf-16" if codec == "utf-16" else codec), charset)


def value(draw: random.Random, code: int) -> Value:
    """A value that the field may have."""
    match t.FIELDS[code][1]:
        case t.OCTET:
            return draw.choice(sorted(t.VALUES[code])) if code in t.VALUES else draw.choice([0x90, 0x91, 0x92, 0x93])
        case t.CLASS:
            return b"own-class" if draw.random() < 0.2 else draw.choice([0x80, 0x81, 0x82, 0x83])
        case t.TEXT:
            return draw.choice([b"http://mms.example/", b"qf"]) + b"%x.2@mms" % draw.randrange(1 << 30)
        case t.STRING:
            return Text(number(draw)) if code in t.RECEIVERS else text(draw)
        case t.INTEGER:
            return draw.randrange(1 << draw.randrange(1, 32))
        case t.MOMENT:
            return Moment(draw.randrange(1 << 31), draw.random() < 0.5)
        case t.FROM_FORM:
            address = draw.choice([Text(number(draw)), Text("张".encode(), charsets.UTF_8)])
            return t.INSERT_ADDRESS if draw.random() < 0.3 else address
        case t.SENT_BY:
            return Previously(draw.randrange(1, 9), Text(number(draw)))
        case t.SENT_DATE:
            return Previously(draw.randrange(1, 9), draw.randrange(1 << 31))
        case _:
            return b"\x81"  # what else the mailbox uses: an octet


def part(draw: random.Random) -> Part:
    media, name = draw.choice(MEDIA), draw.choice(["", "a.bin", "照片.jpg"])
    body = draw.randbytes(draw.choice([0, 1, 40, 200, 3000]))
    charset = draw.choice([0, 3, 106, 1000, 2025]) if media.startswith("text/") else 0
    plain = multipart.part(media, body, charset=charset, name=name, cid=draw.choice(["", "1", "pic@x"]))
    others: list[tuple[tuple[str, HeaderValue], ...]] = [
        (),
        (("Content-Disposition", ("attachment", (("filename", b"x"),))),),
        (("X-Own", b"1"),),
        (("Content-Length", len(body)),),
    ]
    more = draw.choice([(), *others])
    return plain._replace(headers=plain.headers + more)


def body(draw: random.Random) -> tuple[ContentType, bytes]:
    shape = draw.randrange(6)
    if shape == 0:
        return ContentType("text/plain", (("charset", 106),)), draw.choice(TEXTS).encode()
    if shape == 1:
        return ContentType(MIXED), multipart.encode(part(draw) for _ in range(draw.randrange(4)))
    parts = [multipart.part("application/smil", b"<smil/>", name="s.smil", cid="s"), *(part(draw) for _ in range(draw.randrange(5)))]
    return ContentType(RELATED, (("type", b"application/smil"), ("start", b"<s>"))), multipart.encode(parts)


FIRST = [t.TRANSACTION_ID, t.MMS_VERSION]


def pdu(draw: random.Random, kind: int) -> tuple[list[Header], bytes]:
    """The headers of a PDU of a type (0x80 to 0x8A), mandatory ones and some of the others, and its body."""
    codes = [code for code in sorted(t.MANDATORY[kind]) if code not in {*FIRST, t.CONTENT_TYPE, t.MESSAGE_TYPE}]
    codes += [code for code in sorted(t.OPTIONAL[kind]) if draw.random() < 0.4 and t.FIELDS[code][1] != t.RAW]
    if kind in t.ADDRESSED:
        codes = [code for code in codes if code != t.TO] + [t.TO] * draw.randrange(1, 4)
    draw.shuffle(codes)
    opening = [code for code in FIRST if code in t.MANDATORY[kind] or (code in t.OPTIONAL[kind] and code in codes)]
    headers: list[Header] = [(t.MESSAGE_TYPE, kind)]
    headers += [(code, draw.choice([0x90, 0x91, 0x92, 0x93]) if code == t.MMS_VERSION else value(draw, code)) for code in opening]
    headers += [(code, value(draw, code)) for code in codes if code not in opening]
    if t.CONTENT_TYPE not in t.MANDATORY[kind]:
        return headers, b""
    content_type, octets = body(draw)
    return [*headers, (t.CONTENT_TYPE, content_type)], octets


def damaged(draw: random.Random, octets: bytes) -> bytes:
    """With some octets changed, cut out, put in, or the end cut off."""
    data = bytearray(octets)
    for _ in range(draw.randrange(4)):
        place = draw.randrange(len(data) + 1)
        data[place : place + draw.randrange(3)] = bytes(
            draw.choice([0x00, 0x01, 0x1E, 0x1F, 0x20, 0x22, 0x7F, 0x80, 0x84, 0x96, 0xFF, draw.randrange(256)])
            for _ in range(draw.randrange(3))
        )
    return bytes(data[: draw.randrange(len(data) + 1)] if draw.random() < 0.1 else data)


def octets(draw: random.Random) -> bytes:
    headers, octets = pdu(draw, draw.choice(sorted(t.MANDATORY)))
    return mms.encode(headers, octets)
