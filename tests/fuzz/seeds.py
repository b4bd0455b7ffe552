"""Where the search begins: one of everything our tests write by hand, and the vectors beside the checkout while they are there.

What lies beside the checkout is others' and is only read: it goes into the corpus below run/, never into tests/data.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from mmsd.codec import cdr, cmpp, mm7, provision, smil, smpp, wsp
from mmsd.codec.tables import cdr as table
from mmsd.codec.tables import cmpp as cmpp_table
from tests.codec import (
    charging,
    test_cdr,
    test_cmpp,
    test_mm7,
    test_multipart,
    test_provision_lint,
    test_push,
    test_smpp,
    test_sms_tpdus,
    test_text,
    test_wbxml,
)
from tests.codec.headers import HEADERS
from tests.codec.pdus import PDUS
from tests.fuzz.targets import LOGS
from tests.logs.tables import DATA

_ROOT: Final = Path(__file__).resolve().parents[2]
_LARGEST: Final = 16_000
"""Octets of a seed: a picture of 100 kB slows the search and leads nowhere."""


def _hex(rows: Iterable[tuple[object, ...]]) -> Iterator[bytes]:
    """The second column of a table of vectors."""
    return (bytes.fromhex(str(row[1])) for row in rows)


def _smpp() -> Iterator[bytes]:
    return map(smpp.encode, test_smpp.OURS)


def _cmpp() -> Iterator[bytes]:
    return (cmpp.encode(pdu, version) for version in (cmpp_table.VERSION_2, cmpp_table.VERSION_3) for pdu in test_cmpp.OURS)


def _session() -> Iterator[bytes]:
    """All the PDUs in a row, to each end, bound and not."""
    said = (
        b"".join(_smpp()),
        b"".join(cmpp.encode(pdu, 0x30) for pdu in test_cmpp.OURS),
        b"".join(cmpp.encode(pdu, 0x20) for pdu in test_cmpp.OURS),
    )
    return (bytes((control + bound,)) + said[control // 2] for control in range(6) for bound in (0, 0x60 - 0x60 % 6))


def _mm7() -> Iterator[bytes]:
    for kind, fields in test_mm7.MESSAGES:
        content_type, body = mm7.encode(mm7.Message(kind, "t1", fields))
        yield b"POST /mm7 HTTP/1.1\r\nContent-Type: " + content_type.encode() + b"\r\n\r\n" + body
        yield body


def _mime() -> Iterator[bytes]:
    yield b'multipart/related; boundary="b"; start="<a>"\n--b\r\nContent-Type: text/xml\r\nContent-ID: <a>\r\n\r\n<a/>\r\n--b\r\n' + (
        b"Content-Type: image/jpeg;\r\n name=c.jpg\r\nContent-Transfer-Encoding: base64\r\n\r\n/9j/\r\n--b--\r\n"
    )
    yield b"multipart/mixed; boundary=b\nx\n--b\nContent-Transfer-Encoding: quoted-printable\n\n=e6=\n\n--b--"


def _mm4() -> Iterator[bytes]:
    yield (
        b"From: <+8613900000001/TYPE=PLMN@mms.far.example>\r\nTo: +8613900000002/TYPE=PLMN@mms.near.example,\r\n a@b.example\r\n"
        b'Date: Sun, 22 Nov 2026 20:00:00 +0800\r\nX-Mms-Message-Type: MM4_forward.REQ\r\nX-Mms-Message-ID: "far-77"\r\n'
        b'Content-Type: multipart/related; boundary="b"\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n'
        b"--c\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n/9j/4A==\r\n--c--\r\n--b--\r\n"
    )


def _smil() -> Iterator[bytes]:
    slides = [
        smil.Slide((smil.Item("img", "cid:a&b", "Image"), smil.Item("text", "t.txt", "Text")), 5000),
        smil.Slide((smil.Item("audio", "s.amr"),)),
    ]
    yield smil.encode(slides)
    yield b"<smil:smil><!-- c --><par dur='00:00:05'><img src=&#x4e2d;.jpg region='a'/><text src='b'><par dur='2.5min'/></smil>"


def _provisioning() -> Iterator[bytes]:
    good = provision.from_xml(test_provision_lint.GOOD.encode())
    yield from (provision.encode(good), test_provision_lint.GOOD.encode())
    yield provision.encode_list(provision.browser_settings("A", [("BEARER", "GPRS"), ("PROXY", "10.0.0.172")], mmsc="http://m/"))
    yield provision.encode_indication(provision.Indication("http://a/", "News", "signal-high", "1", "2026-11-22T17:44:00Z", ""))
    yield provision.encode_loading(provision.Loading("http://a/", "cache"))


def _cdr() -> Iterator[bytes]:
    dice = random.Random(1)
    records = [record for *_, record in test_cdr.VECTORS] + [charging.record(tag, dice) for tag in table.RECORDS]
    yield from map(cdr.encode_record, records)
    yield cdr.encode_file(records[:3], test_cdr.HEADER)


def _logs() -> Iterator[bytes]:
    for number, name in enumerate(LOGS):
        lines = (DATA / f"{name}.log").read_bytes()
        at, step = 0, max(len(lines) // 8, 1)
        while at < len(lines):
            stop = lines.find(b"\n", at + 300) + 1 or len(lines)
            yield bytes((number + len(LOGS) * (at % (256 // len(LOGS))),)) + lines[at:stop]
            at = max(stop, lines.find(b"\n", at + step) + 1 or len(lines))


def _pdus() -> Iterator[bytes]:
    return _hex(PDUS)


OWN: Final[Mapping[str, Callable[[], Iterable[bytes]]]] = {
    "mms": _pdus,
    "multipart": lambda: _hex(test_multipart.VECTORS),
    "wsp": lambda: [*_hex(HEADERS), *(wsp.encode_header(name, value)[1:] for name, _, value in HEADERS)],
    "push": lambda: [*_hex(test_push.SEEN), *(b"\1\6\3\xbe\xaf\x84" + octets for octets in _pdus())],
    "sms": lambda: _hex(test_sms_tpdus.TPDUS),
    "reassembly": lambda: [bytes((1, 7, 3, piece, 100, 1)) for piece in (2, 0, 1)] + [bytes(range(60))],
    "text": lambda: [b"\0" + subject.encode(codec) for subject in test_text.SUBJECTS for codec in ("utf-8", "gb18030", "utf-16")],
    "wbxml": lambda: [*_hex(test_wbxml.VECTORS), *_provisioning()],
    "provisioning": _provisioning,
    "xml": lambda: [
        test_provision_lint.GOOD.encode(),
        b'<?xml version="1.0" encoding="GB2312"?><!DOCTYPE a SYSTEM "b"><a b="c">&lt;<d/>&#20013;</a>',
    ],
    "smil": _smil,
    "smpp": _smpp,
    "cmpp": _cmpp,
    "session": _session,
    "mm7": _mm7,
    "mime": _mime,
    "mm4": _mm4,
    "cdr": _cdr,
    "ber": _cdr,
    "logs": _logs,
}

_BESIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "mms": ("vectors/**/*.mms", "vectors/**/*.MMS", "vectors/nuntium/m-*.bin", "vectors/smsgate/mms/*.bin"),
    "push": ("vectors/nuntium/push-*.bin", "vectors/ofono-mmsd/*.bin"),
    "sms": ("vectors/gammu/at-sms*/*.dump", "vectors/ofono/*.bin"),
    "wbxml": ("vectors/**/*.wbxml",),
    "provisioning": ("vectors/**/*.wbxml", "vectors/libwbxml/**/*.xml", "samples/kannel/ota/*.xml"),
    "xml": ("vectors/libwbxml/**/*.xml", "samples/kannel/ota/*.xml"),
    "smpp": ("vectors/cloudhopper-smpp/*/*.bin",),
    "cmpp": ("vectors/gocmpp/*.bin", "vectors/smsgate/cmpp/*.bin"),
    "mm7": ("samples/real-day/mm7/*.http",),
    "mime": ("samples/real-day/mm7/*.http",),
}


def own(target: str) -> list[bytes]:
    """Our own seeds of a target; there are always some."""
    return [octets for octets in OWN[target]() if len(octets) <= _LARGEST]


def beside(target: str) -> Iterator[bytes]:
    """Others' vectors of a target, read where they lie; none where they do not."""
    shared = Path(os.environ.get("MMSD_SHARED") or _ROOT.parent / "shared")
    for path in sorted({path for pattern in _BESIDE.get(target, ()) for path in shared.glob(pattern)}):
        octets = path.read_bytes()
        if re.fullmatch(rb"(?:[0-9A-Fa-f]{2})+\s*", octets):
            octets = bytes.fromhex(octets.decode())
        yield octets[:_LARGEST]
