"""The handset's own reading of settings: octets made by libwbxml and Kannel's makers' tools, seals by another program, mistakes refused."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import random
import subprocess
from pathlib import Path

import pytest

from sim.ota import CLIENT_PROVISIONING, LEGACY, MmsSettings, Push, Refused, genuine, mms_settings, read_push

DOCUMENT = """<?xml version="1.0"?>
<!DOCTYPE wap-provisioningdoc PUBLIC "-//WAPFORUM//DTD PROV 1.0//EN" "http://www.wapforum.org/DTD/prov.dtd">
<wap-provisioningdoc version="1.0">
 <characteristic type="NAPDEF">
  <parm name="NAPID" value="MMS-NAP"/><parm name="NAME" value="MMS"/><parm name="BEARER" value="GSM-GPRS"/>
  <parm name="NAP-ADDRESS" value="cmwap"/><parm name="NAP-ADDRTYPE" value="APN"/>
 </characteristic>
 <characteristic type="NAPDEF"><parm name="NAPID" value="NET"/><parm name="NAP-ADDRESS" value="cmnet"/></characteristic>
 <characteristic type="PXLOGICAL">
  <parm name="PROXY-ID" value="MMS-PROXY"/><parm name="NAME" value="MMS"/>
  <characteristic type="PXPHYSICAL">
   <parm name="PHYSICAL-PROXY-ID" value="1"/><parm name="PXADDR" value="10.0.0.172"/><parm name="PXADDRTYPE" value="IPV4"/>
   <parm name="TO-NAPID" value="MMS-NAP"/>
   <characteristic type="PORT"><parm name="PORTNBR" value="80"/></characteristic>
  </characteristic>
 </characteristic>
 <characteristic type="APPLICATION">
  <parm name="APPID" value="w4"/><parm name="TO-PROXY" value="{proxy}"/>{address}
 </characteristic>
</wap-provisioningdoc>
"""
ADDRESS = '<parm name="ADDR" value="http://mmsc.monternet.com"/>'
ELSEWHERE = '<characteristic type="APPADDR"><parm name="ADDR" value="http://mmsc.monternet.com"/></characteristic>'
RIGHT = MmsSettings("cmwap", "10.0.0.172", 80, "http://mmsc.monternet.com")


@pytest.fixture
def packed(debian):
    program = Path(debian("libwbxml2-utils")).with_name("xml2wbxml")

    def pack(proxy: str = "MMS-PROXY", address: str = ADDRESS, version: str = "1.3", *more: str) -> bytes:
        written = DOCUMENT.format(proxy=proxy, address=address).encode()
        return subprocess.run([program, "-v", version, *more, "-o", "-", "-"], input=written, stdout=subprocess.PIPE, check=True).stdout

    return pack


@pytest.mark.debian("libwbxml2-utils")
@pytest.mark.parametrize("address", [ADDRESS, ELSEWHERE])
@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
@pytest.mark.parametrize("strings", [(), ("-n",)])
def test_what_libwbxml_writes_is_read(packed, address, version, strings) -> None:
    assert mms_settings(Push(CLIENT_PROVISIONING, 0, "", packed("MMS-PROXY", address, version, *strings))) == RIGHT


@pytest.mark.debian("libwbxml2-utils")
def test_a_name_in_other_letters_is_another_name(packed) -> None:
    with pytest.raises(Refused, match="PXLOGICAL"):
        mms_settings(Push(CLIENT_PROVISIONING, 0, "", packed("mms-proxy")))
    with pytest.raises(Refused, match="incomplete"):
        mms_settings(Push(CLIENT_PROVISIONING, 0, "", packed(address="")))


@pytest.mark.debian("libwbxml2-utils")
def test_settings_that_break_off_or_are_no_settings_are_refused(packed) -> None:
    whole = packed()
    for cut in range(len(whole)):
        with pytest.raises(Refused):
            mms_settings(Push(CLIENT_PROVISIONING, 0, "", whole[:cut]))
    chance = random.Random(7)
    for _ in range(3000):
        broken = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        with contextlib.suppress(Refused):
            mms_settings(Push(CLIENT_PROVISIONING, 0, "", bytes(broken)))


# Content type with SEC and MAC as in ProvBoot 5.2: length quote, 45 octets, 0xB6, 0x91 SEC, 0x92 MAC.
HEADERS = bytes([0x1F, 0x2D, 0xB6, 0x91, 0x80, 0x92])


def test_the_push_and_its_seal() -> None:
    body = b"the document"
    card = bytes.fromhex("4906002143658709")  # of 460001234567890, TS 24.008 10.5.1.4
    mac = hmac.new(card, body, hashlib.sha1).hexdigest().upper()
    push = read_push(bytes([1, 6, len(HEADERS) + 41]) + HEADERS + mac.encode() + b"\0" + body)
    assert push == Push(CLIENT_PROVISIONING, 0, mac, body)
    assert genuine(push, imsi="460001234567890")
    assert not genuine(push, imsi="460001234567891")
    assert not genuine(push, pin="1234")
    assert not genuine(push)
    even = hmac.new(bytes.fromhex("41060021436587F9"), body, hashlib.sha1).hexdigest()
    assert genuine(Push(CLIENT_PROVISIONING, 0, even, body), imsi="46000123456789")
    assert genuine(Push(CLIENT_PROVISIONING, 1, hmac.new(b"1234", body, hashlib.sha1).hexdigest(), body), pin="1234")
    for wrong in (b"", b"\1", b"\1\6\50", b"\1\7\1\266"):
        with pytest.raises(Refused):
            read_push(wrong)


def test_settings_for_older_handsets() -> None:
    # Nokia/Ericsson OTA settings 7.0, 8.1: CHARACTERISTIC-LIST, ADDRESS (BEARER GPRS, PROXY, PORT, GPRS_ACCESSPOINTNAME), MMSURL.
    def parm(code: int, value: bytes) -> bytes:
        return bytes([0x87, code, 0x11, 0x03]) + value + b"\0\1"

    body = (
        bytes.fromhex("01016a0045") + bytes.fromhex("c60601") + bytes.fromhex("87124801") + parm(0x13, b"10.0.0.172") + parm(0x14, b"9201")
        + parm(0x1C, b"cmwap") + b"\1" + bytes.fromhex("867c1103") + b"http://mmsc.monternet.com\0\1" + b"\1"
    )  # fmt: skip
    name = LEGACY.encode() + b"\0\x81\xea"
    push = read_push(bytes([7, 6, len(name) + 2, 0x1F, len(name)]) + name + body)
    assert push.media == LEGACY
    assert push.sec is None
    assert mms_settings(push) == MmsSettings("cmwap", "10.0.0.172", 9201, "http://mmsc.monternet.com")
    with pytest.raises(Refused, match="cannot open"):
        mms_settings(Push("text/plain", None, "", b""))
