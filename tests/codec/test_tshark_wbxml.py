"""A second opinion on WBXML: Wireshark's dissector names the same tokens with the same values, in the same order, and nothing else.

Read here, in one capture, each document in a push of its media type: hundreds that we write, with every token that there is, all 40 of
Gecko's, libwbxml's and Kannel's test suites, and the pushes that gammu makes of settings.

Faults of tshark 4.0, and what it does otherwise:

- it lacks some values of provisioning (LACKED) and writes IX for the 1X of CDMA2000 (MISSPELT); libwbxml has and writes them as we do;
- it looks up no public id in the string table, and then no token (NAMED_PUBLIC_ID).
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Final

import pytest

from mmsd.codec import provision, wbxml, wsp
from mmsd.codec.tables import ota, provisioning, si
from mmsd.codec.tables import wbxml as t
from mmsd.codec.wbxml.tokens import Event, Kind, Reader
from mmsd.errors import DecodeError
from tests.codec import tshark
from tests.codec.test_wbxml import documents
from tests.codec.test_wbxml_oracles import generated
from tests.codec.tshark import Field

pytestmark = pytest.mark.debian("tshark")

MEDIA: Final = {
    provisioning.LANGUAGE.root: provisioning.MEDIA,
    si.SI.root: si.SI_MEDIA,
    si.SL.root: si.SL_MEDIA,
    ota.LANGUAGE.root: ota.SETTINGS_MEDIA,
}
LACKED: Final = frozenset({"AAA", "HA", ",", "HTTP-", "BASIC", "DIGEST"})
MISSPELT: Final = {f"CDMA2000-1X-{kind}-IP": f"CDMA2000-IX-{kind}-IP" for kind in ("SIMPLE", "MOBILE")}
UNDEFINED: Final = "(Requested token not defined for this content type)"
NAMED_PUBLIC_ID: Final = "sl-publicid-strtbl.wbxml"


def told(octets: bytes) -> list[Field]:
    """All that tshark should name of a document."""
    return [(f"wbxml.{name}", value) for name, value in (*header(octets), *body(octets))]


def header(octets: bytes) -> Iterator[Field]:
    document = wbxml.decode(octets)
    yield "version", f"0x{document.version:02x}"
    if isinstance(document.public_id, int):
        yield "public_id.known", f"0x{document.public_id:08x}"
    else:
        yield "public_id.literal", document.public_id
    yield "charset", str(document.charset)
    at = 0
    for string in document.strings:
        yield "string_table_item_offset", str(at)
        yield "string_table_item_string", string
        at += len(string.encode()) + 1


def body(octets: bytes) -> Iterator[Field]:
    """Token by token. The END of an element's attributes is shown as the element's own where nothing else is in it."""
    opened: list[str] = []
    filled = False
    for event in events(octets):
        match event.kind:
            case Kind.OPEN:
                filled = bool(octets[event.at] & t.HAS_CONTENT)
                yield "known_tag", event.name
                if filled:
                    opened.append(event.name)
            case Kind.ATTRIBUTE:
                yield "known_attrstart", f"{event.name}='{event.value!s}'" if event.value else f"{event.name}="
            case Kind.LISTED:
                yield ("end_attribute_list", "") if filled else ("end_known_tag.uint", "0")
            case Kind.CLOSE if event.stop > event.at:
                yield "end_known_tag", opened.pop()
            case Kind.PAGE:
                yield "switch_page", event.name
            case Kind.TEXT | Kind.OPAQUE:
                yield piece(octets, event)


def events(octets: bytes) -> Iterator[Event]:
    """The tokens, as far as they go."""
    with contextlib.suppress(DecodeError):
        yield from Reader(octets, None).events()


def piece(octets: bytes, event: Event) -> Field:
    match octets[event.at], event.value:
        case t.STR_I, str(value):
            return "str_i", value
        case t.STR_T, str(value):
            return "str_t", value
        case t.OPAQUE, bytes():
            return "opaque_data", octets[event.at : event.stop].hex(":")
        case _, value:
            return "known_attrvalue", UNDEFINED if value in LACKED else f"'{MISSPELT.get(str(value), value)}'"


def test_all_that_tshark_names_of_every_document(debian, tmp_path, shared, seed):
    paths = documents(shared)
    assert len(paths) == 40
    read = [("ours", wbxml.encode(document)) for document in generated(random.Random(seed))]
    read += [(path.name, path.read_bytes()) for path in paths]
    pushes = []
    for _, octets in read:
        content_type = wsp.encode_content_type(wsp.ContentType(MEDIA[wbxml.decode(octets).root.name]))
        pushes.append(wsp.encode_push_pdu(1, content_type, b"", octets))
    for name in ("mms-settings", "wap-settings", "wap-bookmark"):
        sent = [bytes.fromhex(path.read_text()) for path in sorted((shared / "vectors/gammu/ota-out").glob(f"{name}-*.hex"))]
        pushes.append(b"".join(octets[octets[0] + 1 :] for octets in sent))
        read.append((name, provision.read_push(pushes[-1]).body))
    capture = tmp_path / "documents.pcap"
    tshark.write(capture, tshark.RAW_IP, tshark.datagrams(9200, 2948, pushes))
    rows = tshark.named(debian("tshark"), capture, "wbxml")
    assert len(rows) == len(read) > 220
    for (name, octets), row in zip(read, rows, strict=True):
        if name == NAMED_PUBLIC_ID:
            assert ("wbxml.content_type.not_supported", "") in row
        else:
            assert row == told(octets), (name, octets.hex())
