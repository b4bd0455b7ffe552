"""The linter: one good document, and each mistake made in it alone is found alone, where it is."""

from __future__ import annotations

import json
import re

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import provision
from mmsd.codec.provision import Catalogue, Finding, Severity
from mmsd.errors import DecodeError

GOOD = """<wap-provisioningdoc version="1.1">
  <characteristic type="BOOTSTRAP"><parm name="NAME" value="MMS"/></characteristic>
  <characteristic type="NAPDEF">
    <parm name="NAPID" value="NAP_MMS"/><parm name="BEARER" value="GSM-GPRS"/><parm name="NAME" value="MMS"/>
    <parm name="NAP-ADDRESS" value="cmwap"/><parm name="NAP-ADDRTYPE" value="APN"/>
    <characteristic type="NAPAUTHINFO">
      <parm name="AUTHTYPE" value="PAP"/><parm name="AUTHNAME" value="mms"/><parm name="AUTHSECRET" value="s3cret"/>
    </characteristic>
  </characteristic>
  <characteristic type="PXLOGICAL">
    <parm name="PROXY-ID" value="PX_MMS"/><parm name="NAME" value="MMS"/>
    <characteristic type="PXPHYSICAL">
      <parm name="PHYSICAL-PROXY-ID" value="PX1"/><parm name="PXADDR" value="10.0.0.172"/><parm name="PXADDRTYPE" value="IPV4"/>
      <parm name="TO-NAPID" value="NAP_MMS"/>
      <characteristic type="PORT"><parm name="PORTNBR" value="80"/></characteristic>
    </characteristic>
  </characteristic>
  <characteristic type="APPLICATION">
    <parm name="APPID" value="w4"/><parm name="NAME" value="MMS"/><parm name="TO-PROXY" value="PX_MMS"/>
    <parm name="ADDR" value="http://mmsc.example/"/>
  </characteristic>
</wap-provisioningdoc>
"""
SIGNED = Catalogue(
    access_points=frozenset({"cmwap"}),
    proxies=frozenset({"10.0.0.172:80"}),
    mmscs=frozenset({"http://mmsc.example/"}),
    pages=frozenset({"http://wap.example/"}),
    mail=frozenset({"pop.example"}),
    servers=frozenset({"http://sync.example/"}),
    parms=frozenset({"CM"}),
)

PHYSICAL = "PXLOGICAL[1]/PXPHYSICAL[1]"
PORT = '<characteristic type="PORT"><parm name="PORTNBR" value="80"/></characteristic>'
NAP = "NAPDEF[1]"
MMS = "APPLICATION[1]"


def application(inner: str) -> str:
    return f'<characteristic type="APPLICATION">{inner}</characteristic></wap-provisioningdoc>'


MISTAKES: list[tuple[str, str, list[tuple[str, str]]]] = [
    # what stands in the good document, what is put there instead, what is found
    ('name="TO-NAPID" value="NAP_MMS"', 'name="TO-NAPID" value="nap_mms"', [("reference-case", f"{PHYSICAL}/TO-NAPID")]),
    ('name="TO-PROXY" value="PX_MMS"', 'name="TO-PROXY" value="Px_MMS"', [("reference-case", f"{MMS}/TO-PROXY")]),
    ('name="TO-NAPID" value="NAP_MMS"', 'name="TO-NAPID" value="NAP"', [("unused", NAP), ("dangling-reference", f"{PHYSICAL}/TO-NAPID")]),
    ('name="TO-NAPID" value="NAP_MMS"', 'name="TO-NAPID" value="INTERNET"', [("unused", NAP)]),
    ('name="TO-PROXY" value="PX_MMS"', 'name="TO-PROXY" value="PX"',
     [("unused", "PXLOGICAL[1]"), ("dangling-reference", f"{MMS}/TO-PROXY")]),
    ('<parm name="TO-PROXY" value="PX_MMS"/>', '<parm name="TO-NAPID" value="NAP_MMS"/>', [("unused", "PXLOGICAL[1]")]),
    ('<parm name="TO-PROXY" value="PX_MMS"/>', "", [("unused", "PXLOGICAL[1]"), ("no-route", MMS)]),
    ('<parm name="TO-NAPID" value="NAP_MMS"/>', "", [("unused", NAP), ("missing-parm", PHYSICAL)]),
    ('<parm name="APPID" value="w4"/>', '<parm name="APPID" value="w4"/><parm name="TO-APPREF" value="A"/>',
     [("dangling-reference", f"{MMS}/TO-APPREF")]),
    # twice
    ('<parm name="PXADDR" value="10.0.0.172"/>', '<parm name="PXADDR" value="10.0.0.172"/><parm name="PXADDR" value="10.0.0.173"/>',
     [("parm-twice", f"{PHYSICAL}/PXADDR")]),
    ('<parm name="NAP-ADDRTYPE" value="APN"/>', '<parm name="NAP-ADDRTYPE" value="APN"/>' * 2, [("parm-twice", f"{NAP}/NAP-ADDRTYPE")]),
    ('<parm name="TO-NAPID" value="NAP_MMS"/>', '<parm name="TO-NAPID" value="NAP_MMS"/>' * 2, [("value-twice", f"{PHYSICAL}/TO-NAPID")]),
    ("</wap-provisioningdoc>", '<characteristic type="NAPDEF"><parm name="NAPID" value="Nap_mms"/><parm name="NAME" value="B"/>'
     '<parm name="BEARER" value="GSM-GPRS"/><parm name="NAP-ADDRESS" value="cmnet"/><parm name="NAP-ADDRTYPE" value="APN"/>'
     "</characteristic></wap-provisioningdoc>", [("identity-twice", "NAPDEF[2]/NAPID")]),
    ("</wap-provisioningdoc>", application('<parm name="APPID" value="w4"/><parm name="TO-PROXY" value="PX_MMS"/>'
     '<parm name="ADDR" value="http://mmsc.example/"/>'), [("application-twice", MMS)]),
    # where things stand
    (f"{PORT}\n    </characteristic>", f"</characteristic>{PORT}", [("port-outside-proxy", "PXLOGICAL[1]/PORT[1]")]),
    (PORT, "", [("no-port", PHYSICAL)]),
    ("</wap-provisioningdoc>", f"{PORT}</wap-provisioningdoc>", [("port-outside-proxy", "PORT[1]")]),
    ("</wap-provisioningdoc>",
     '<characteristic type="NAPAUTHINFO"><parm name="AUTHTYPE" value="MD5"/></characteristic></wap-provisioningdoc>',
     [("misplaced", "NAPAUTHINFO[1]")]),
    ("</wap-provisioningdoc>", '<parm name="NAME" value="x"/></wap-provisioningdoc>', [("misplaced-parm", "NAME")]),
    ('<parm name="PROXY-ID" value="PX_MMS"/>', '<parm name="PROXY-ID" value="PX_MMS"/><parm name="PORTNBR" value="80"/>',
     [("misplaced-parm", "PXLOGICAL[1]/PORTNBR")]),
    ('<parm name="NAPID" value="NAP_MMS"/>', '<parm name="NAPID" value="NAP_MMS"/><parm name="X-OWN" value="1"/>',
     [("unknown-parm", f"{NAP}/X-OWN")]),
    ('<parm name="NAPID" value="NAP_MMS"/>', '<parm name="NAPID" value="NAP_MMS"/><parm name="linger" value="1"/>',
     [("name-case", f"{NAP}/linger")]),
    ("</wap-provisioningdoc>", '<characteristic type="X-OWN"/></wap-provisioningdoc>', [("unknown-characteristic", "X-OWN[1]")]),
    ('type="BOOTSTRAP"', 'type="Bootstrap"', [("name-case", "Bootstrap[1]")]),
    ('<parm name="PHYSICAL-PROXY-ID" value="PX1"/>', "", [("missing-parm", PHYSICAL)]),
    ('<parm name="AUTHNAME" value="mms"/>', "", [("no-user", f"{NAP}/NAPAUTHINFO[1]")]),
    # values
    ('value="10.0.0.172"', 'value="0.0.0.0"', [("address-nowhere", f"{PHYSICAL}/PXADDR")]),
    ('value="10.0.0.172"', 'value="127.0.0.1"', [("address-nowhere", f"{PHYSICAL}/PXADDR")]),
    ('value="10.0.0.172"', 'value="255.255.255.255"', [("address-nowhere", f"{PHYSICAL}/PXADDR")]),
    ('value="10.0.0.172"', 'value="10.0.0.1720"', [("address", f"{PHYSICAL}/PXADDR")]),
    ('value="10.0.0.172"', 'value="010.000.000.172"', [("address", f"{PHYSICAL}/PXADDR")]),
    ('value="10.0.0.172"', 'value="10.0.0.172:80"', [("address", f"{PHYSICAL}/PXADDR")]),
    ('value="10.0.0.172"', 'value="http://10.0.0.172/"', [("address", f"{PHYSICAL}/PXADDR")]),
    ('value="10.0.0.172"', 'value="2001:db8::1"', [("address-type", f"{PHYSICAL}/PXADDR")]),
    ('value="IPV4"', 'value="IPV6"', [("address-type", f"{PHYSICAL}/PXADDR")]),
    ('value="10.0.0.172"', 'value="proxy.example"', [("address-type", f"{PHYSICAL}/PXADDR")]),
    ('<parm name="PXADDRTYPE" value="IPV4"/>', '<parm name="PXADDRTYPE" value="E164"/>', [("address-type", f"{PHYSICAL}/PXADDR")]),
    ('<parm name="NAP-ADDRTYPE" value="APN"/>', "", [("address-type", NAP)]),
    ('<parm name="BEARER" value="GSM-GPRS"/>', "", [("no-bearer", NAP)]),
    ('value="cmwap"', 'value="cm wap"', [("apn", f"{NAP}/NAP-ADDRESS")]),
    ('value="cmwap"', 'value=" cmwap"', [("blank", f"{NAP}/NAP-ADDRESS")]),
    ('value="cmwap"', 'value=""', [("no-value", f"{NAP}/NAP-ADDRESS")]),
    ('name="PORTNBR" value="80"', 'name="PORTNBR" value="0"', [("port", f"{PHYSICAL}/PORT[1]/PORTNBR")]),
    ('name="PORTNBR" value="80"', 'name="PORTNBR" value="65536"', [("port", f"{PHYSICAL}/PORT[1]/PORTNBR")]),
    ('name="PORTNBR" value="80"', 'name="PORTNBR" value="http"', [("port", f"{PHYSICAL}/PORT[1]/PORTNBR")]),
    ('value="http://mmsc.example/"', 'value="mmsc.example"', [("url", f"{MMS}/ADDR")]),
    ('value="http://mmsc.example/"', 'value="http:///x"', [("url", f"{MMS}/ADDR")]),
    ('value="http://mmsc.example/"', 'value="http://[::1/"', [("url", f"{MMS}/ADDR")]),
    ('value="http://mmsc.example/"', 'value="http://0.0.0.0/"', [("address-nowhere", f"{MMS}/ADDR")]),
    ('<parm name="ADDR" value="http://mmsc.example/"/>', "", [("no-mmsc", MMS)]),
    ('<parm name="NAPID" value="NAP_MMS"/>', '<parm name="NAPID" value="NAP_MMS"/><parm name="INTERNET" value="1"/>',
     [("flag-with-value", f"{NAP}/INTERNET")]),
]  # fmt: skip

UNSIGNED: list[tuple[str, str, list[tuple[str, str]]]] = [
    ('value="cmwap"', 'value="free.apn"', [("unsigned-access-point", f"{NAP}/NAP-ADDRESS")]),
    ('value="10.0.0.172"', 'value="10.0.0.173"', [("unsigned-proxy", f"{PHYSICAL}/PXADDR")]),
    ('name="PORTNBR" value="80"', 'name="PORTNBR" value="8080"', [("unsigned-proxy", f"{PHYSICAL}/PXADDR")]),
    ('value="http://mmsc.example/"', 'value="http://evil.example/"', [("unsigned-mmsc", f"{MMS}/ADDR")]),
    ('<parm name="PROXY-ID" value="PX_MMS"/>', '<parm name="PROXY-ID" value="PX_MMS"/><parm name="STARTPAGE" value="http://evil.example/"/>',
     [("unsigned-page", "PXLOGICAL[1]/STARTPAGE")]),
    ('<parm name="NAME" value="MMS"/></characteristic>', '<parm name="PROVURL" value="http://evil.example/"/></characteristic>',
     [("unsigned-page", "BOOTSTRAP[1]/PROVURL")]),
    ("</wap-provisioningdoc>", application('<parm name="APPID" value="w2"/><parm name="TO-PROXY" value="PX_MMS"/>'
     '<characteristic type="RESOURCE"><parm name="URI" value="http://wap.example/"/></characteristic>'
     '<characteristic type="RESOURCE"><parm name="URI" value="http://evil.example/"/></characteristic>'),
     [("unsigned-page", "APPLICATION[2]/RESOURCE[2]/URI")]),
    ("</wap-provisioningdoc>", application('<parm name="APPID" value="110"/><parm name="TO-NAPID" value="NAP_MMS"/>'
     '<characteristic type="APPADDR"><parm name="ADDR" value="pop.example"/></characteristic>'
     '<characteristic type="APPADDR"><parm name="ADDR" value="pop.evil.example"/></characteristic>'),
     [("unsigned-mail", "APPLICATION[2]/APPADDR[2]/ADDR")]),
    ('<parm name="NAPID" value="NAP_MMS"/>', '<parm name="NAPID" value="NAP_MMS"/><parm name="DNS-ADDR" value="203.0.113.9"/>',
     [("unsigned-server", f"{NAP}/DNS-ADDR")]),
    ('<parm name="APPID" value="w4"/>', '<parm name="APPID" value="w4"/><parm name="CM" value="1"/><parm name="X-HOME" value="http://e/"/>',
     [("unsigned-parm", f"{MMS}/X-HOME")]),
    ('<parm name="APPID" value="w4"/>', '<parm name="APPID" value="w4"/><parm name="STARTPAGE" value="http://e/"/>',
     [("unsigned-parm", f"{MMS}/STARTPAGE")]),
    ("</wap-provisioningdoc>", '<characteristic type="VENDORCONFIG"><parm name="NAME" value="n"/><parm name="URL" value="http://e/"/>'
     "</characteristic></wap-provisioningdoc>", [("unsigned-parm", "VENDORCONFIG[1]/URL")]),
    ("</wap-provisioningdoc>", application('<parm name="APPID" value="w5"/><parm name="TO-NAPID" value="NAP_MMS"/>'
     '<parm name="ADDR" value="http://evil.example/"/>'), [("unsigned-server", "APPLICATION[2]/ADDR")]),
]  # fmt: skip


def found(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in findings]


def test_nothing_is_wrong_with_a_good_document():
    assert provision.lint(provision.from_xml(GOOD.encode()), SIGNED) == ()


@pytest.mark.parametrize(("good", "bad", "expected"), MISTAKES, ids=[f"{row[2][0][0]}-{n}" for n, row in enumerate(MISTAKES)])
def test_each_mistake_is_found_alone_and_where_it_is(good, bad, expected):
    text = GOOD.replace(good, bad, 1)
    assert text != GOOD
    document = provision.from_xml(text.encode())
    findings = provision.lint(document)
    assert found(findings) == expected
    for finding in findings:
        assert finding.text
        assert finding.remedy
        assert text.encode()[finding.at : finding.at + 1] == b"<"
        assert "s3cret" not in finding.text + finding.remedy
    assert found(provision.lint(provision.decode(provision.encode(document)))) == expected


@pytest.mark.parametrize(("good", "bad", "expected"), UNSIGNED, ids=[f"{row[2][0][0]}-{n}" for n, row in enumerate(UNSIGNED)])
def test_what_nobody_signed_off(good, bad, expected):
    document = provision.from_xml(GOOD.replace(good, bad, 1).encode())
    assert provision.lint(document) == ()
    findings = provision.lint(document, SIGNED)
    assert found(findings) == expected
    assert {finding.severity for finding in findings} == {Severity.ERROR}


def test_an_empty_catalogue_signs_nothing():
    rules = {finding.rule for finding in provision.lint(provision.from_xml(GOOD.encode()), Catalogue())}
    assert rules == {"unsigned-access-point", "unsigned-proxy", "unsigned-mmsc"}


def test_no_access_point():
    start, stop = GOOD.index('  <characteristic type="NAPDEF">'), GOOD.index('  <characteristic type="PXLOGICAL">')
    findings = provision.lint(provision.from_xml((GOOD[:start] + GOOD[stop:]).encode()))
    assert found(findings) == [("no-access-point", ""), ("dangling-reference", f"{PHYSICAL}/TO-NAPID")]
    assert found(provision.lint(provision.from_xml(b"<wap-provisioningdoc/>"))) == [("empty", "")]


def test_a_document_that_no_handset_takes_is_not_looked_through():
    text = "<wap-provisioningdoc>" + '<characteristic type="PXPHYSICAL"/>' * 9_000 + "</wap-provisioningdoc>"
    assert found(provision.lint(provision.from_xml(text.encode()), SIGNED)) == [("too-large", "")]


def test_a_physical_proxy_is_missing():
    proxy = '<characteristic type="PXLOGICAL"><parm name="PROXY-ID" value="P"/><parm name="NAME" value="P"/></characteristic>'
    findings = provision.lint(provision.from_xml(f"<wap-provisioningdoc>{proxy}</wap-provisioningdoc>".encode()))
    assert found(findings) == [("no-access-point", ""), ("no-physical-proxy", "PXLOGICAL[1]")]


def test_a_finding_can_be_read():
    text = GOOD.replace('name="TO-NAPID" value="NAP_MMS"', 'name="TO-NAPID" value="nap_mms"')
    (finding,) = provision.lint(provision.from_xml(text.encode()))
    assert finding == Finding(
        "reference-case",
        Severity.ERROR,
        "PXLOGICAL[1]/PXPHYSICAL[1]/TO-NAPID",
        "'nap_mms' is not 'NAP_MMS'",
        "write TO-NAPID as NAPID is written: they are compared letter by letter",
    )
    assert text[finding.at :].startswith('<parm name="TO-NAPID" value="nap_mms"/>')


def test_documents_of_the_standard_and_of_operators(shared):
    """Nothing is found wrong that is not: the standard's own examples, an operator's settings, Kannel's samples."""
    seen = {}
    for path in sorted([*(shared / "vectors/libwbxml/prov").glob("*.xml"), *(shared / "samples/kannel/ota").glob("*.xml")]):
        try:
            seen[path.name] = found(provision.lint(provision.from_xml(path.read_bytes())))
        except DecodeError:
            assert path.name == "ota-nokia.xml"
    for name in ("cp-cht-emome-codepage-switch.wbxml", "cp-oma-provcont-appendix-c.wbxml"):
        seen[name] = found(provision.lint(provision.decode((shared / "vectors/gecko-wappush" / name).read_bytes())))
    assert {name: findings for name, findings in seen.items() if findings} == {
        "prov-002.xml": [("no-value", f"{PHYSICAL}/DOMAIN")],  # " "
        "prov-004.xml": [("no-port", PHYSICAL), ("no-port", "PXLOGICAL[1]/PXPHYSICAL[2]")],
        "ota-unknownparm.xml": [("missing-parm", NAP), ("unknown-parm", f"{NAP}/X-VENDOR")],
    }
    assert len(seen) == 13


def test_every_rule_is_documented_and_seen_here(root):
    """The rules in docs/wire/provisioning.md are those that a mistake above makes fire."""
    page = (root / "docs/wire/provisioning.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if re.match(r"\| `[a-z-]+`.*\| (error|warning)", line)]
    documented = {rule for row in rows for rule in re.findall(r"`([a-z-]+)`", row)}
    seen = {rule for _, _, expected in [*MISTAKES, *UNSIGNED] for rule, _ in expected}
    assert documented == seen | {"no-access-point", "no-physical-proxy", "empty", "too-large"}  # have tests of their own
    source = (root / "mmsd/codec/provision/lint.py").read_text()
    assert documented == set(re.findall(r'"([a-z-]+)",\s*(?:_ERROR|_WARNING)', source)) | set(re.findall(r'"(unsigned-[a-z-]+)"', source))


@hypothesis.given(st.lists(st.sampled_from([(good, bad) for good, bad, _ in [*MISTAKES, *UNSIGNED]]), max_size=5), st.data())
def test_mistakes_on_mistakes(mistakes, data):
    """Whatever stands there: findings that name a place of the document, in its order, and the same ones again."""
    text = GOOD
    for good, bad in mistakes:
        text = text.replace(good, bad, 1)
    text = text.replace(
        data.draw(st.sampled_from(["w4", "IPV4", "PX1", "80", "NAPDEF", "none of it"])), data.draw(st.sampled_from(["", "w2", "::"]))
    )
    try:
        document = provision.from_xml(text.encode())
    except DecodeError:
        return
    findings = provision.lint(document, SIGNED)
    assert findings == provision.lint(document, SIGNED)
    json.dumps([[finding.rule, finding.path, finding.text, finding.remedy] for finding in findings], ensure_ascii=True)
    assert all("s3cret" not in finding.text for finding in findings)
