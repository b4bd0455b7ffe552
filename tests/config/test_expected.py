"""Files of expected settings, and the two public lists."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mmsd import config
from mmsd.config import apn_xml
from mmsd.config.apn_xml import read_apns
from mmsd.config.expected import load_profiles, profiles_as_toml, read_profiles, shipped_profiles
from mmsd.config.faults import Faulty
from mmsd.rules.operators import Access, Operators, Profile

LISTS = Path("/usr/share/mobile-broadband-provider-info")


@pytest.fixture(scope="module")
def lists() -> Path:
    if not LISTS.is_dir():
        pytest.skip("Debian's mobile-broadband-provider-info is not installed")
    return LISTS


# ------------------------------------------------------------------------------------------------------------------ shipped, own


def test_chinas_operators_are_shipped():
    """Evidence table §8."""
    operators = Operators(shipped_profiles())
    assert sorted(operators.by_plmn) == [f"460-{mnc}" for mnc in ("00", "01", "02", "03", "04", "06", "07", "08", "09", "11", "12", "13")]
    mobile, unicom, telecom = (operators.by_plmn[code] for code in ("460-00", "460-01", "460-03"))
    assert (mobile.apns, mobile.internet_apns, mobile.mmscs) == (("cmwap",), ("cmnet",), ("mmsc.monternet.com",))
    assert (mobile.mms[0].proxy, mobile.wap1_proxy, mobile.mms[0].user) == ("10.0.0.172:80", "10.0.0.172:9201", "")
    assert (unicom.apns, unicom.internet_apns, unicom.mms[0].mmsc) == (("3gwap", "uniwap"), ("3gnet", "uninet"), "http://mmsc.myuni.com.cn")
    assert telecom.mms == (Access("ctwap", "http://mmsc.vnet.mobi", "10.0.0.200:80", "ctwap@mycdma.cn", "vnet.mobi"),)
    assert telecom.imei_only
    assert {profile.source for profile in operators.by_plmn.values()} == {"china.toml"}


def test_what_is_printed_is_read_again(tmp_path: Path):
    path = tmp_path / "china.toml"
    path.write_text(profiles_as_toml(shipped_profiles()))
    assert load_profiles(path) == shipped_profiles()


def test_every_fault_of_a_file_is_told(tmp_path: Path):
    path = tmp_path / "own.toml"
    path.write_text(
        '[[operators]]\nname = "a"\nplmns = ["460-0", "460-01"]\nauthorities = ["http://x"]\nlogins = ["guest"]\nwap1_proxy = "a b"\n'
        '[[operators.mms]]\napn = "a b"\nmmsc = "mmsc.example"\nproxy = "http://x:1"\n'
        '[[operators]]\nname = "b"\nplmns = ["460-01"]\ninternet_apns = [""]\nmcc = 460\n[[operators]]\nname = "c"\nplmns = []\n'
    )
    profiles, faults = read_profiles(path)
    assert [(fault.line, fault.key) for fault in faults] == [
        (3, "operators[0].plmns[0]"), (4, "operators[0].authorities[0]"), (5, "operators[0].logins[0]"), (6, "operators[0].wap1_proxy"),
        (8, "operators[0].mms[0].apn"), (9, "operators[0].mms[0].mmsc"), (10, "operators[0].mms[0].proxy"),
        (13, "operators[1].plmns[0]"), (14, "operators[1].internet_apns[0]"), (15, "operators[1].mcc"), (18, "operators[2].plmns"),
    ]  # fmt: skip
    assert len(profiles) == 3
    with pytest.raises(Faulty):
        load_profiles(path)


def test_check_looks_into_the_files_it_names(tmp_path: Path):
    (tmp_path / "operators.toml").write_text('[[operators]]\nname = "a"\nplmns = ["1"]\n')
    (tmp_path / "models.toml").write_text('[[models]]\nmaker = "x"\n[[models]]\nmms = 1\n')
    path = tmp_path / "mmsd.toml"
    path.write_text(
        '[feeds.a]\ndialect = "mbuni"\npaths = ["x"]\n[reference]\noperators = ["operators.toml", "gone.toml"]\nmodels = ["models.toml"]\n'
    )
    faults = [(Path(fault.file).name, fault.line, fault.key) for fault in config.check(path)]
    assert faults == [
        ("mmsd.toml", 5, "reference.operators[1]"), ("operators.toml", 3, "operators[0].plmns[0]"), ("models.toml", 1, "models[0].mms"),
        ("models.toml", 4, "models[1].mms"),
    ]  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------- public lists

ANDROID = """<?xml version="1.0" encoding="utf-8"?>
<apns version="8">
  <apn carrier="CMCC MMS" mcc="460" mnc="00" apn="cmwap" mmsc="http://mmsc.monternet.com" mmsproxy="10.0.0.172" mmsport="80" type="mms"/>
  <apn carrier="CMCC NET" mcc="460" mnc="00" apn="cmnet" type="default,supl"/>
  <apn carrier="All in one" mcc="310" mnc="260" apn="all" mmsc="http://mms.all/servlets/mms" type="*" user="u" password="p"/>
  <apn carrier="No type" mcc="204" mnc="04" apn="one" mmsc="http://mms.one" mmsproxy="10.1.1.1"/>
  <apn carrier="Guest" mcc="310" mnc="260" apn="guest" mmsc="http://mms.guest" type="mms" mvno_type="spn" mvno_match_data="Guest"/>
  <apn carrier="Off" mcc="310" mnc="260" apn="off" mmsc="http://mms.off" type="mms" carrier_enabled="false"/>
  <apn carrier="Data only" mcc="208" mnc="01" apn="data" mmsc="http://mms.data" type="default"/>
  <apn carrier="No code" mcc="" mnc="01" apn="x" mmsc="http://x" type="mms"/>
</apns>
"""


def test_androids_list():
    found = read_apns(ANDROID.encode(), "apns-conf.xml")
    assert (found.form, found.apns, found.complete) == ("android", 8, 2)
    assert {profile.plmns[0]: profile.mms for profile in found.profiles} == {
        "460-00": (Access("cmwap", "http://mmsc.monternet.com", "10.0.0.172:80"),),
        "310-260": (Access("all", "http://mms.all/servlets/mms", "", "u", "p"),),
        "204-04": (Access("one", "http://mms.one", "10.1.1.1"),),
    }
    assert found.profiles[0].internet_apns == ("cmnet",)
    assert found.passed["switched off"] == 1
    assert sum(n for reason, n in found.passed.items() if reason.startswith("MVNO")) == 1
    assert found.passed["no MCC-MNC"] == 1


PROVIDERS = """<?xml version="1.0"?>
<!DOCTYPE serviceproviders SYSTEM "serviceproviders.2.dtd">
<serviceproviders format="2.0"><country code="gb">
  <name>United Kingdom</name>
  <provider><name>Guest</name><gsm><network-id mcc="234" mnc="15"/>
    <apn value="guest"><usage type="mms"/><mmsc>mms.guest</mmsc></apn></gsm></provider>
  <provider primary="true"><name>Net</name><name>Netz</name><gsm><network-id mcc="234" mnc="15"/><network-id mcc="234" mnc="91"/>
    <apn value="net.mms"><usage type="mms"/><name>MMS</name><username>u</username><password>p&amp;q</password>
      <mmsc>http://mms.net</mmsc><mmsproxy>10.0.0.1:80</mmsproxy></apn>
    <apn value="net"><usage type="internet"/></apn>
    <apn value="wap"><usage type="wap"/></apn></gsm></provider>
  <provider><name>CDMA</name><cdma><sid value="1"/></cdma></provider>
</country></serviceproviders>
"""


def test_provider_info():
    found = read_apns(PROVIDERS.encode(), "serviceproviders.xml")
    assert (found.form, found.apns, found.complete) == ("provider-info", 4, 1)
    shared, own = found.profiles
    net, guest = Access("net.mms", "http://mms.net", "10.0.0.1:80", "u", "p&q"), Access("guest", "http://mms.guest")
    assert (shared.name, shared.plmns, shared.mms) == ("Net", ("234-15",), (net, guest))  # the network's own first
    assert (own.plmns, own.mms, own.internet_apns) == (("234-91",), (net,), ("net",))


@pytest.mark.parametrize("name", ["serviceproviders.xml", "apns-conf.xml"])
def test_debians_lists(lists: Path, name: str):
    """All of them, counted once more by another reader."""
    data = (lists / name).read_bytes()
    found = read_apns(data, name)
    root = ET.fromstring(data)
    apns = list(root.iter("apn"))
    if name == "apns-conf.xml":
        complete = sum(bool(apn.get("mmsc") and apn.get("mmsproxy")) for apn in apns)
        codes = {(apn.get("mcc"), apn.get("mnc")) for apn in apns if apn.get("mmsc") and apn.get("mnc")}
    else:
        complete = sum(bool(apn.findtext("mmsc") and apn.findtext("mmsproxy")) for apn in apns)
        gsm = [each for each in root.iter("gsm") if any(apn.findtext("mmsc") for apn in each.iter("apn"))]
        codes = {(code.get("mcc"), code.get("mnc")) for each in gsm for code in each.iter("network-id")}
    assert (found.apns, found.complete) == (len(apns), complete)
    assert {code for profile in found.profiles for code in profile.plmns} == {f"{mcc}-{mnc}" for mcc, mnc in codes}
    mobile = Operators(found.profiles).expected("460-00")
    ours = Operators(shipped_profiles()).expected("460-00")
    assert mobile is not None
    assert ours is not None
    assert mobile.mms == ours.mms


def test_the_figure_in_the_documentation(lists: Path, root: Path):
    found = read_apns((lists / "serviceproviders.xml").read_bytes(), "")
    assert f"Of the {found.apns:,} access points in Debian's 20230416 {found.complete} have an MMSC and a proxy" in (
        root / "docs/imports.md"
    ).read_text().replace("\n", " ").replace("  ", " ")


BOMB = '<!DOCTYPE apns [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><apns><apn apn="&b;"/></apns>'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "DTD"),
        ('<!DOCTYPE apns [<!ENTITY x SYSTEM "file:///etc/passwd">]><apns/>', "DTD"),
        ('<?xml version="1.0"?><!DOCTYPE apns [ ]><apns/>', "DTD"),
        ("<apns><apn></apns>", "not XML"),
        ("", "not XML"),
        ("<html/>", "neither"),
        ("<apns>" + "<a>" * 20, "deep"),
        ("<apns>&unknown;</apns>", "not XML"),
        ('<?xml version="1.0" encoding="utf18"?><apns/>', "not XML: unknown encoding"),
        ('<?xml version="1.0" encoding="gb18030"?><apns/>', "not XML"),
    ],
)
def test_what_is_no_list_is_refused(text: str, says: str):
    with pytest.raises(Faulty, match=says) as told:
        read_apns(text.encode(), "list.xml")
    assert str(told.value).startswith("list.xml:")


@pytest.mark.parametrize("text", [ANDROID, PROVIDERS])
def test_spoiled_lists_are_read_or_refused(text: str, seed: int, effort: int):
    """Whatever the octets: a list, or Faulty, and nothing else."""
    chance = random.Random(seed)
    for _ in range(200 * effort):
        data = bytearray(text.encode())
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randrange(1, 40)]
                case 2:
                    data[at:at] = data[chance.randrange(len(data)) :][: chance.randrange(40)]
        with contextlib.suppress(Faulty):
            found = read_apns(bytes(data), "list.xml")
            assert found.form in ("android", "provider-info")
            assert len(Operators(found.profiles)) == sum(len(profile.plmns) for profile in found.profiles)


def test_lists_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apn_xml, "MOST_ELEMENTS", 5)
    with pytest.raises(Faulty, match="too large"):
        read_apns(ANDROID.encode(), "x")
    monkeypatch.setattr(apn_xml, "MOST_OCTETS", 100)
    with pytest.raises(Faulty, match="octets"):
        read_apns(ANDROID.encode(), "x")


def test_a_profile_without_mms_expects_nothing_of_a_handset():
    assert (Profile("x", ("460-99",)).apns, Profile("x", ("460-99",)).mmscs) == ((), ())
