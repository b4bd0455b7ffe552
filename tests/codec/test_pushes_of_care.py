"""Every push that care can make, from the clerk's rows as they leave: read by tshark piece by piece, by libwbxml, by our linter.

Operators' settings × forms × seals × languages. The MAC is computed anew here, from hashlib's SHA-1 alone.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from mmsd.codec import provision, sms, tree, wbxml
from mmsd.codec.provision import Severity
from mmsd.codec.tables import ota, provisioning
from mmsd.config.expected import shipped_profiles
from mmsd.flow.clerk import Letters, Subscriber
from mmsd.model import DAY, Outgoing
from mmsd.rules import forms
from mmsd.rules.cases import Case, Kind, State
from mmsd.rules.casework import Push
from mmsd.rules.consent import Channel, Consent, PushOrder
from mmsd.rules.forms import Form, Handset, Signed
from mmsd.rules.models import Model
from mmsd.rules.operators import Access, Profile
from mmsd.rules.settings import CareSettings
from mmsd.rules.wording import LANGUAGES, Wording
from tests.codec import tshark
from tests.codec.test_tshark_sms import USER_0, in_rp
from tests.codec.test_tshark_wbxml import told as tokens_told
from tests.codec.test_wbxml import plain
from tests.codec.test_wbxml_oracles import libwbxml, told
from tests.codec.tshark import Field

NOW: Final = 20_000 * DAY
NUMBER: Final = "8613912340001"
CASE: Final = Case(number=1, kind=Kind.SETTINGS, state=State.CONSENTED, opened=NOW, origin="finding", causes=("BAD_PROXY",))
CONSENT: Final = Consent(number=1, case=1, wording="question", channel=Channel.SMS, by="subscriber", at=NOW, expires=NOW + DAY)
OMA: Final = Model("Nokia", "6120c", oma_cp=True)
OLD: Final = Model("Nokia", "7650", oma_cp=False, legacy_ota=True)
HANDSETS: Final = {
    "card": Handset(OMA, 460001234567890),
    "card with a zero": Handset(OMA, 1010123456789),
    "no card": Handset(OMA),
    "old": Handset(OLD, 460001234567890),
}
OTHERS: Final = (
    Profile("苏运移动", ("460-20",), (Access("mms.suyun", "http://mms.suyun.example:8002/", "10.7.0.9:8080", "mms", 'p&<"ss> 1'),)),
    Profile("Nothing Between", ("001-01",), (Access("internet", "http://mmsc.nothing.example/servlets/mms"),)),
    Profile("Named Proxy", ("001-02",), (Access("a" * 60, "http://mmsc.named.example/" + "m" * 100, "proxy.named.example:9028"),)),
)
OPTIONS: Final = ["-o", 'uat:user_dlts:"User 0 (DLT=147)","gsm_a_rp","0","","0",""', "-o", "gsm_sms.reassemble:TRUE"]
READ: Final = ("gsm_sms", "wsp", "wbxml")


class Sent(NamedTuple):
    """One push as it left."""

    name: str
    settings: Signed
    handset: Handset
    beside: Outgoing
    pushed: Outgoing

    @property
    def joined(self) -> bytes:
        return b"".join(data for _, data in self.pushed.pieces)


def every_settings() -> Iterator[Signed]:
    """The first of each operator's, as if somebody had signed them off."""
    for profile in (*shipped_profiles(), *OTHERS):
        access = msgspec.structs.replace(profile.mms[0], signed_by="desk 4", signed_on="2026-11-20")
        yield Signed(profile.name, access, profile.wap1_proxy)


def every_push() -> list[Sent]:
    made: list[Sent] = []
    for settings, (who, handset), language in itertools.product(every_settings(), HANDSETS.items(), LANGUAGES):
        subscriber = Subscriber(handset, settings, "", "")
        attempt = len(made) + 1
        care = CareSettings(language=language)  # type: ignore[arg-type]  # one of the two
        letters = Letters(care, Wording(), {NUMBER: subscriber}.__getitem__, b"key", random.Random(attempt).randrange)
        order = PushOrder(CONSENT, 1, attempt, NOW)
        beside, pushed = letters.push(NUMBER, Push(CASE, order, None), NOW)
        made.append(Sent(f"{settings.operator}, {who}, {language}", settings, handset, beside, pushed))
    return made


PUSHES: Final = every_push()


def pins(sent: Sent) -> list[str]:
    """What a subscriber reads of it in the text beside the push."""
    found: list[str] = re.findall(r"(?<!\d)\d{4}(?!\d)", sent.beside.body)
    return found


def key_of(sent: Sent) -> bytes:
    """TS 24.008 10.5.1.4 for 15 digits, the odd mark before the first; else the PIN as it was told."""
    if not sent.handset.imsi:
        (pin,) = pins(sent)
        return pin.encode()
    digits = f"9{sent.handset.imsi:015}"
    return bytes.fromhex("".join(high + low for low, high in zip(digits[::2], digits[1::2], strict=True)))


def mac_of(key: bytes, document: bytes) -> str:
    """HMAC-SHA-1 as RFC 2104 has it."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha1(bytes(octet ^ 0x36 for octet in block) + document).digest()
    return hashlib.sha1(bytes(octet ^ 0x5C for octet in block) + inner).hexdigest().upper()


def document_of(sent: Sent) -> bytes:
    return provision.read_push(sent.joined).body


def named(debian: Any, capture: Any, link_type: int, packets: Sequence[bytes]) -> list[list[Field]]:
    tshark.write(capture, link_type, packets)
    return tshark.packets(debian("tshark"), capture, ("gsm_sms", "wsp", "wbxml"), OPTIONS)


def in_pieces(number: int, sent: Sent) -> list[bytes]:
    """Each piece as a handset gets it: an SMS-DELIVER of octets; every push from a sender of its own."""
    found = []
    for header, data in sent.pushed.pieces:
        deliver = sms.Deliver(sms.Address(f"10657{number:04}"), user_data=sms.UserData(header, data), dcs=4)
        found.append(in_rp(sms.encode(deliver), deliver))
    return found


def test_they_are_of_every_form_seal_and_length():
    assert len(PUSHES) > 40
    assert {sent.handset.imsi == 0 for sent in PUSHES} == {True, False}
    assert {len(sent.pushed.pieces) for sent in PUSHES} >= {2, 3, 4}
    assert {sent.settings.access.user != "" for sent in PUSHES} == {True, False}
    for sent in PUSHES:
        assert len(pins(sent)) == (form_of(sent) is Form.OMA_CP and not sent.handset.imsi), sent.name


def form_of(sent: Sent) -> Form:
    return forms.form_of(sent.handset.model)


@pytest.mark.debian("tshark")
def test_tshark_joins_and_reads_every_push(debian, tmp_path):
    """From the pieces on the air to the last token of the document; it finds nothing malformed and remarks nothing."""
    pieces = [(sent, packet) for number, sent in enumerate(PUSHES) for packet in in_pieces(number, sent)]
    rows = named(debian, tmp_path / "air.pcap", USER_0, [packet for _, packet in pieces])
    assert len(rows) == len(pieces)
    assert not [field for row in rows for field in row if field[0].startswith("_ws.")]
    whole = {sent.name: row for (sent, _), row in zip(pieces, rows, strict=True)}  # the row of its last piece
    old = [sent for sent in PUSHES if form_of(sent) is Form.LEGACY_OTA]
    for sent in old:  # at a port that tshark does not know as a push's: it joins the octets, and reads them from a datagram
        row = whole[sent.name]
        assert ("gsm_sms.destination_port", "49999") in row
        assert ("gsm_sms.sms_body", sent.joined.hex(":")) in row
    rows = named(debian, tmp_path / "old.pcap", tshark.RAW_IP, list(tshark.datagrams(9200, 2948, (sent.joined for sent in old))))
    assert not [field for row in rows for field in row if field[0].startswith("_ws.")]
    whole |= {sent.name: row for sent, row in zip(old, rows, strict=True)}
    for sent in PUSHES:
        read = [field for field in whole[sent.name] if field[0].startswith(("wsp.", "wbxml."))]
        document = document_of(sent)
        assert read == [*push_told(sent, document), *tokens_told(document)], sent.name


def push_told(sent: Sent, document: bytes) -> list[Field]:
    """The push and its content type as tshark should name them."""
    turn, _, length, first = sent.joined[:4]
    told = [("TID", f"0x{turn:02x}"), ("pdu_type", "0x06"), ("headers_length", str(length)), ("header.name_value", str(first))]
    if form_of(sent) is Form.LEGACY_OTA:
        told += [("header.content_type", ota.SETTINGS_MEDIA), ("parameter.type", "1"), ("parameter.charset", "UTF-8")]
    else:
        seal = "0x00" if sent.handset.imsi else "0x01"
        told += [("header.content_type", provisioning.MEDIA), ("parameter.type", "17"), ("parameter.sec", seal)]
        told += [("parameter.type", "18"), ("parameter.mac", mac_of(key_of(sent), document))]
    return [(f"wsp.{name}", value) for name, value in told]


@pytest.mark.debian("libwbxml2-utils")
def test_libwbxml_reads_the_settings_that_were_signed_off(debian):
    read = {document_of(sent): sent for sent in PUSHES}
    for document, sent in read.items():
        decoded = wbxml.decode(document)
        theirs = tree.from_xml(libwbxml(debian, *told(decoded), data=document))
        assert plain(theirs) == plain(decoded.root), sent.name
        values = {attribute.value for node in nodes(theirs) for attribute in node.attributes}
        access = sent.settings.access
        host, port = sent.settings.proxy
        if form_of(sent) is Form.LEGACY_OTA and sent.settings.wap1_proxy:
            host, port = forms.split_authority(sent.settings.wap1_proxy)
        expected = {access.apn, access.mmsc, access.user, access.password, host, str(port) if host else ""} - {""}
        assert expected <= values, sent.name


def nodes(node: tree.Element) -> Iterator[tree.Element]:
    yield node
    for child in node.children:
        if isinstance(child, tree.Element):
            yield from nodes(child)


def test_the_linter_finds_no_error_and_every_seal_is_that_of_an_independent_sum():
    for sent in (sent for sent in PUSHES if form_of(sent) is Form.OMA_CP):
        pushed = provision.read_push(sent.joined)
        found = provision.lint(provision.decode(pushed.body), sent.settings.catalogue)
        assert [fault for fault in found if fault.severity is Severity.ERROR] == [], sent.name
        assert pushed.seal is not None
        assert pushed.seal.mac == mac_of(key_of(sent), pushed.body), sent.name
