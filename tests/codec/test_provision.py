"""Settings over the air: our octets are Kannel's, libwbxml's and gammu's; every MAC recomputes by another way."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import provision, push, sms, tree
from mmsd.codec.provision import (
    Account,
    Characteristic,
    Indication,
    Loading,
    Parm,
    Provisioning,
    Pushed,
    Seal,
    Security,
)
from mmsd.codec.push import PushKind
from mmsd.codec.tables import provisioning as table
from mmsd.errors import DecodeError, EncodeError

IMSI = "460001234567890"


def kannel(shared: Path) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((shared / "samples/kannel/ota/vectors.json").read_text())
    return vectors


def hmac_sha1(key: bytes, message: bytes) -> str:
    """RFC 2104 by its definition, from the hash alone."""
    block = (hashlib.sha1(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha1(bytes(octet ^ 0x36 for octet in block) + message).digest()
    return hashlib.sha1(bytes(octet ^ 0x5C for octet in block) + inner).hexdigest().upper()


# ------------------------------------------------------------------------------------------------------------ Kannel's octets


def test_our_pushes_are_kannels(shared):
    """Every provisioning request of the sample: document, MAC, headers, user data header, pieces."""
    compared = 0
    for vector in kannel(shared):
        if "wbxml" not in vector:
            continue
        document = provision.from_xml((shared / "samples/kannel/ota" / vector["xml"]).read_bytes())
        octets = provision.encode(document)
        assert octets.hex() == vector["wbxml"], vector["request"]
        mac = provision.seal(octets, Security.USERPIN, bytes.fromhex(vector["mac_key_hex"])).mac
        sealed = Seal(Security[vector["sec"]], mac)  # Kannel writes a MAC with USERPINMAC, too
        assert sealed.mac == vector["mac"] == hmac_sha1(bytes.fromhex(vector["mac_key_hex"]), octets)
        reference = sms.decode_udh(bytes.fromhex(vector["segments"][0])[: bytes.fromhex(vector["segments"][0])[0] + 1]).concat
        pieces = provision.push_document(
            octets, sealed, push_id=vector["push_id"], source=vector["src_port"], reference=reference.reference if reference else 0
        )
        assert [(udh + data).hex() for udh, data in pieces] == vector["segments"], vector["request"]
        compared += 1
    assert compared == 12


def test_what_kannel_pushed_is_read(shared):
    for vector in kannel(shared):
        if "wbxml" not in vector:
            continue
        user_data = bytes.fromhex(vector["wsp_pdu"])
        pushed = provision.read_push(user_data)
        sealed = Seal(Security[vector["sec"]], vector["mac"])
        assert pushed == Pushed(vector["push_id"], table.MEDIA, sealed, bytes.fromhex(vector["wbxml"]))
        key = bytes.fromhex(vector["mac_key_hex"])
        assert pushed.seal is not None
        assert provision.genuine(pushed.body, pushed.seal, key)
        assert provision.genuine(pushed.body, Seal(pushed.seal.security, pushed.seal.mac.lower()), key)
        assert not provision.genuine(pushed.body + b"\1", pushed.seal, key)
        assert not provision.genuine(pushed.body, pushed.seal, key + b"1")
        assert provision.decode(pushed.body) == provision.from_xml((shared / "samples/kannel/ota" / vector["xml"]).read_bytes())
        assert push.decode_push(user_data).kind == PushKind.PROVISIONING


def test_keys_that_kannel_was_given(shared):
    """The samples name keys in words; one of them puts the IMSI in as ASCII, which no handset computes: ours is the semi-octet one."""
    keys = {vector["request"]: vector["mac_key_hex"] for vector in kannel(shared) if "mac_key_hex" in vector}
    assert provision.key_of(Security.NETWPIN, imsi=IMSI).hex() == keys["OTA min NETWPIN semi-octet key 4906002143658709"]
    assert provision.key_of(Security.USERNETWPIN, imsi=IMSI, pin="1234").hex() == keys["OTA min USERNETWPIN key=semi+1234"]
    assert provision.key_of(Security.USERPIN, pin="1234").hex() == keys["OTA min USERPIN 1234"]
    assert provision.key_of(Security.USERPINMAC, pin="1234").hex() == keys["OTA min USERPINMAC 1234"]


def test_our_ota_settings_are_kannels(shared):
    nokia = next(vector for vector in kannel(shared) if vector.get("xml") == "ota-nokia.xml")
    root = tree.from_xml((shared / "samples/kannel/ota/ota-nokia.xml").read_bytes())
    assert written(provision.encode_list(root), nokia) == nokia["segments"]
    address = [("BEARER", "GPRS"), ("PROXY", "10.0.0.172"), ("PORT", "9201"), ("GPRS_ACCESSPOINTNAME", "cmwap"), ("PPP_AUTHTYPE", "PAP")]
    assert provision.browser_settings("Example MMS", address, mmsc="http://mmsc.example.com") == root
    classic = next(vector for vector in kannel(shared) if "classic" in vector["request"])
    address = [("PROXY", "10.0.0.172"), ("PORT", "9201"), ("PPP_AUTHTYPE", "PAP"), ("CSD_CALLTYPE", "ISDN"), ("CSD_CALLSPEED", "9600")]
    made = provision.browser_settings("Example WAP", address, page="http://wap.example.com")
    assert written(provision.encode_list(made), classic) == classic["segments"]


def written(octets: bytes, vector: dict[str, Any]) -> list[str]:
    """As Kannel numbered and addressed it."""
    concat = sms.decode_udh(bytes.fromhex(vector["segments"][0][:24])).concat
    assert concat is not None
    return [(udh + data).hex() for udh, data in provision.push_settings(octets, reference=concat.reference, source=vector["src_port"])]


@pytest.mark.parametrize("name", ["mms-settings", "wap-settings", "wap-bookmark"])
def test_gammus_ota_is_written_again(shared, name):
    """SMS by SMS, from port 0; what it carries names the proxy, title and address that the settings did."""
    sent = [bytes.fromhex(path.read_text()) for path in sorted((shared / "vectors/gammu/ota-out").glob(f"{name}-*.hex"))]
    headers = [sms.decode_udh(octets[: octets[0] + 1]) for octets in sent]
    pushed = provision.read_push(b"".join(octets[octets[0] + 1 :] for octets in sent))
    root = provision.decode_list(pushed.body)
    again = provision.push_settings(
        provision.encode_list(root),
        bookmarks="bookmark" in name,
        push_id=pushed.push_id,
        source=0,
        reference=headers[0].concat.reference if headers[0].concat else 0,
    )
    assert [udh + data for udh, data in again] == sent
    if "bookmark" in name:
        assert root == provision.bookmark("Wammu", "https://wammu.eu/")
    else:
        texts = {child.get("VALUE") for node in root.children for child in [node, *node.children] if isinstance(child, tree.Element)}  # type: ignore[union-attr]  # every child of a list is an element
        assert {"1.2.3.4", "http://cihar.com/", "AAAAAAAAAAAAA", "AUTOMATIC"} <= texts


# ------------------------------------------------------------------------------------------------------------------- seals


def test_macs_of_gecko(shared):
    folder = shared / "vectors/gecko-wappush"
    for name, expected in json.loads((folder / "expected-mac.json").read_text()).items():
        octets = (folder / name).read_bytes()
        security = Security[expected["sec"]]
        key = provision.key_of(security, imsi=expected.get("imsi", ""), pin=expected.get("pin", ""))
        assert provision.seal(octets, security, key) == Seal(security, expected["mac"])
        assert hmac_sha1(key, octets) == expected["mac"]
        assert "key_hex" not in expected or key.hex() == expected["key_hex"]


@pytest.mark.parametrize(
    ("imsi", "octets"),
    [("466923103145252", "4966291330412525"), ("46692310314525", "41662913304125f5"), ("460001234567890", "4906002143658709")],
)
def test_imsi_in_semi_octets(imsi, octets):
    assert provision.imsi_key(imsi).hex() == octets


@hypothesis.given(st.text("0123456789", min_size=6, max_size=15))
def test_semi_octets_hold_the_imsi(imsi):
    """By the other half: low digit first; the first half octet is 9 or 1 as the number of digits is odd or even."""
    halves = [half for octet in provision.imsi_key(imsi) for half in (octet & 15, octet >> 4)]
    assert halves[0] == (9 if len(imsi) % 2 else 1)
    assert "".join(map(str, halves[1 : len(imsi) + 1])) == imsi
    assert halves[len(imsi) + 1 :] == ([] if len(imsi) % 2 else [15])


@pytest.mark.parametrize(
    ("security", "secrets"),
    [
        (Security.NETWPIN, {}),
        (Security.NETWPIN, {"imsi": "46000123456789x"}),
        (Security.NETWPIN, {"imsi": "4600012345678901"}),
        (Security.NETWPIN, {"imsi": "٤٦٠٠٠١٢٣٤٥٦٧٨٩٠"}),
        (Security.USERPIN, {}),
        (Security.USERPIN, {"pin": "12a4"}),
        (Security.USERNETWPIN, {"imsi": IMSI}),
        (Security.USERNETWPIN, {"pin": "1234"}),
    ],
)
def test_a_wrong_secret_is_refused_and_never_named(security, secrets):
    with pytest.raises(EncodeError) as refusal:
        provision.key_of(security, **secrets)
    assert not any(value in str(refusal.value) for value in secrets.values())


def test_nothing_leaves_unsealed():
    with pytest.raises(EncodeError, match="without a key"):
        provision.seal(b"", Security.USERPIN, b"")
    with pytest.raises(EncodeError, match="without a MAC"):
        provision.push_document(b"", Seal(Security.USERPIN, ""))


DOCUMENT = bytes.fromhex("030b6a004501")


@pytest.mark.parametrize("secret", ["31415", "00000", "12345678901234567890"])
def test_the_subscriber_types_the_mac(secret):
    """By the formula of ProvBoot 5.2 for USERPINMAC, worked out from the MAC in hex."""
    typed = provision.typed_pin(DOCUMENT, secret)
    mac = hmac_sha1(secret.encode(), DOCUMENT)
    assert typed == secret + "".join(str(int(mac[2 * place : 2 * place + 2], 16) % 10) for place in range(len(secret)))
    assert provision.typed_genuine(DOCUMENT, typed)
    assert not provision.typed_genuine(DOCUMENT + b"\1", typed)
    for place in range(len(typed)):
        other = str((int(typed[place]) + 1) % 10)
        assert not provision.typed_genuine(DOCUMENT, typed[:place] + other + typed[place + 1 :])


@pytest.mark.parametrize("typed", ["", "3141", "31415", "3141547242 ", "31415472421", "٣١٤١٥47242", "31415" + "٤" * 5, "1" * 42])
def test_what_is_no_typed_pin(typed):
    assert not provision.typed_genuine(DOCUMENT, typed)


@pytest.mark.parametrize("secret", ["", "3141", "1" * 21, "3141x", "٣١٤١٥"])
def test_no_secret_of_a_typed_pin(secret):
    with pytest.raises(EncodeError) as refusal:
        provision.typed_pin(DOCUMENT, secret)
    assert not secret or secret not in str(refusal.value)


def test_a_typed_pins_push_carries_no_mac():
    sealed = provision.seal(DOCUMENT, Security.USERPINMAC, provision.key_of(Security.USERPINMAC, pin="31415"))
    ((udh, data),) = provision.push_document(DOCUMENT, sealed)
    assert (udh + data).hex() == "0605040b8423f001060403b69183" + DOCUMENT.hex()
    assert provision.read_push(data) == Pushed(1, table.MEDIA, Seal(Security.USERPINMAC, ""), DOCUMENT)
    assert not provision.genuine(DOCUMENT, sealed, b"31415")


# --------------------------------------------------------------------------------------------------------------- documents


def test_documents_of_others_both_ways(shared):
    paths = sorted((shared / "vectors/libwbxml/prov").glob("*.xml"))
    assert len(paths) == 5
    for path in paths:
        document = provision.from_xml(path.read_bytes())
        assert provision.decode(path.with_suffix(".wbxml").read_bytes()) == document
        assert provision.decode(provision.encode(document)) == document
        assert provision.from_xml(provision.to_xml(document).encode()) == document


def test_every_characteristic_and_parm_has_its_token():
    """Nothing that the standard names is written out, and all of it is read back."""
    items = []
    for kind, rule in table.RULES.items():
        names = sorted(rule.required | rule.once | rule.many)
        items.append(Characteristic(kind, tuple(Parm(name, "x") for name in names)))
    document = Provisioning(tuple(items))
    octets = provision.encode(document)
    assert provision.decode(octets) == document
    named = {name for pages in table.LANGUAGE.attributes.values() for _, name in pages.values() if name}
    assert set(table.RULES) <= named
    assert {parm.name for item in items for parm in item.parms} - named <= {"APPREF", "TO-APPREF"}  # of 2005: older handsets know no token


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
PARMS = st.builds(Parm, st.sampled_from(["NAME", "NAPID", "APPID", "X-OWN", "TRUST"]), st.none() | TEXTS.filter(bool))
CHARACTERISTICS: st.SearchStrategy[Characteristic] = st.recursive(
    st.builds(Characteristic, st.sampled_from(["NAPDEF", "APPLICATION", "X"]), st.lists(PARMS, max_size=4).map(tuple)),
    lambda inner: st.builds(Characteristic, st.sampled_from(["PXLOGICAL", "RESOURCE"]), st.lists(PARMS | inner, max_size=4).map(tuple)),
    max_leaves=8,
)


@hypothesis.given(st.lists(CHARACTERISTICS, max_size=4).map(tuple), st.sampled_from(["1.0", "1.1", ""]))
def test_what_is_written_is_read_back(items, version):
    document = Provisioning(items, version)
    assert provision.decode(provision.encode(document)) == document
    assert provision.lint(document) == provision.lint(provision.decode(provision.encode(document)))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("030b6a0045c65501", "cut short"),
        ("030b6a0045 05 01", "neither characteristic nor parm"),
        ("030b6a0045 03 6100 01", "neither characteristic nor parm"),
        ("030b6a0006", "no provisioning document"),
    ],
)
def test_no_half_of_a_document(octets, reason):
    with pytest.raises(DecodeError, match=reason):
        provision.decode(bytes.fromhex(octets))


def test_an_account_makes_a_document_without_fault():
    account = Account(
        name="中国彩信",
        apn="cmwap",
        mmsc="http://mmsc.example/",
        proxy="10.0.0.172",
        user="mms",
        password="secret",
        page="http://wap.example/",
    )
    document = provision.from_xml(provision.to_xml(provision.account_document(account)).encode())
    assert provision.lint(document) == ()
    assert [c.type for c in document.characteristics] == ["BOOTSTRAP", "NAPDEF", "PXLOGICAL", "APPLICATION", "APPLICATION"]
    assert "secret" not in repr(account)
    direct = provision.account_document(Account(name="M", apn="mms", mmsc="http://mmsc.example/"))
    assert provision.lint(direct) == ()
    assert "PXLOGICAL" not in {c.type for c in direct.characteristics}
    v6 = provision.account_document(Account(name="M", apn="mms", mmsc="http://mmsc.example/", proxy="2001:db8::1"))
    assert provision.lint(v6) == ()


@pytest.mark.parametrize("wrong", [{"name": ""}, {"apn": ""}, {"mmsc": ""}, {"port": 0}, {"port": 65536}])
def test_an_account_that_cannot_work(wrong):
    with pytest.raises(EncodeError):
        provision.account_document(Account(**({"name": "M", "apn": "a", "mmsc": "http://m/"} | wrong)))


def test_settings_fit_their_pieces():
    account = Account(name="MMS", apn="cmwap", mmsc="http://mmsc.example/", proxy="10.0.0.172")
    octets = provision.encode(provision.account_document(account))
    sealed = provision.seal(octets, Security.NETWPIN, provision.imsi_key(IMSI))
    pieces = provision.push_document(octets, sealed, push_id=7, reference=200)
    assert all(len(udh) + len(data) <= sms.CAPACITY for udh, data in pieces)
    headers = [sms.decode_udh(udh) for udh, _ in pieces]
    assert {(header.destination, header.source) for header in headers} == {(2948, 9200)}
    assert [header.concat and (header.concat.reference, header.concat.total, header.concat.sequence) for header in headers] == [
        (200, len(pieces), number) for number in range(1, len(pieces) + 1)
    ]
    assert provision.read_push(b"".join(data for _, data in pieces)) == Pushed(7, table.MEDIA, sealed, octets)
    with pytest.raises(EncodeError):
        provision.push_document(bytes(140 * 256), sealed)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("", "no Push PDU"),
        ("01060403b69184", "no known SEC"),  # 4
        ("01060403b69181", "no known SEC"),  # and no MAC
        ("01060604b6926100", "run past the end"),
    ],
)
def test_a_push_that_is_none(octets, reason):
    with pytest.raises(DecodeError, match=reason):
        provision.read_push(bytes.fromhex(octets))


@hypothesis.given(st.binary(max_size=80), st.sampled_from(["", "0106", "01061f2db691819246", "01060807b6918192"]))
def test_random_pushes(data, head):
    try:
        provision.read_push(bytes.fromhex(head) + data)
    except DecodeError as refusal:
        found = refusal
    else:
        return
    assert found.clause


# ------------------------------------------------------------------------------------------------- Service Indication, Loading


def test_services_of_others(shared):
    expected = json.loads((shared / "vectors/gecko-wappush/expected-si-sl.json").read_text())
    for name, text in expected.items():
        octets = (shared / "vectors/gecko-wappush" / name).read_bytes()
        if name == "si-empty.wbxml":
            with pytest.raises(DecodeError, match="neither"):
                provision.decode_service(octets)
            continue
        root = tree.from_xml(text.encode())
        service = provision.decode_service(octets)
        node = next((child for child in root.children if isinstance(child, tree.Element)), root)
        assert service.href == node.get("href")
        if isinstance(service, Indication):
            assert (service.text, service.created, service.expires) == (node.text, node.get("created") or "", node.get("si-expires") or "")
            assert provision.encode_indication(service) == octets
        elif name == "sl.wbxml":
            assert provision.encode_loading(service)[1:] == octets[1:]  # theirs says WBXML 1.3


def test_services_of_libwbxml_are_written_again(shared):
    """In its order of attributes; what a Service Indication must not lack is left to the test of refusals."""
    written_again = 0
    for path in sorted((shared / "vectors/libwbxml").glob("s[il]/*.wbxml")):
        service = provision.decode_service(path.read_bytes())
        try:
            octets = provision.encode_loading(service) if isinstance(service, Loading) else provision.encode_indication(service)
        except EncodeError:
            assert not service.href
            continue
        if path.name != "si-003.wbxml":  # has <info> too
            assert octets == path.read_bytes(), path
            written_again += 1
    assert written_again == 14


@pytest.mark.parametrize(
    "service",
    [
        Indication("", "text"),
        Indication("http://a/", "text", "shout"),
        Indication("http://a/", "", "delete"),
        Indication("http://a/", "text", created="yesterday"),
        Loading(""),
        Loading("http://a/", "execute"),
    ],
)
def test_services_refused(service):
    with pytest.raises(EncodeError):
        provision.encode_loading(service) if isinstance(service, Loading) else provision.encode_indication(service)


def test_services_in_a_push():
    octets = provision.encode_indication(Indication("http://mms.example/album/1", "你有一条彩信", "signal-high"))
    ((udh, data),) = provision.push_service(octets)
    assert udh.hex() == "0605040b8423f0"
    assert push.decode_push(data, udh).kind == PushKind.SERVICE_INDICATION
    assert provision.read_push(data).body == octets
    ((udh, data),) = provision.push_service(provision.encode_loading(Loading("http://mms.example/")), loading=True)
    assert push.decode_push(data, udh).kind == PushKind.SERVICE_LOADING
