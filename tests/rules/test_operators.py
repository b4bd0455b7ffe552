"""Expected settings by operator: who has which, and of whom nothing is expected."""

from __future__ import annotations

import pytest

from mmsd.rules.operators import THREE_DIGITS, Access, Operators, Profile, apn_name, authority_of, combined, plmn

MOBILE = Profile("China Mobile", ("460-00", "460-02"), (Access("CMWAP", "http://mmsc.monternet.com", "10.0.0.172:80"),))
TELECOM = Profile(
    "China Telecom", ("460-11",), (Access("ctwap", "http://mmsc.vnet.mobi"),), cdma_realms=("mycdma.cn",), imei_only=True
)  # fmt: skip
IMEI = 35123456789012


def test_an_operator_is_known_by_the_head_of_the_imsi():
    operators = Operators([MOBILE, TELECOM, Profile("Bell", ("302-610",)), Profile("short", ("302-61",)), Profile("test", ("001-01",))])
    cases = {
        460001234567890: "460-00",
        460021234567890: "460-02",
        460051234567890: "",  # an operator without an entry
        302610123456789: "302-610",
        302611123456789: "",  # three digits are an MNC there: 61 is nobody
        1010123456789: "001-01",  # leading zeros are lost in a number
        0: "",
        262011234567890: "",
    }
    assert {imsi: operators.plmn_of(imsi) for imsi in cases} == cases
    assert "302" in THREE_DIGITS


def test_where_both_lengths_occur_the_longer_one_is_asked_first():
    operators = Operators([Profile("two", ("405-80",)), Profile("three", ("405-803",))])
    assert operators.plmn_of(405803123456789) == "405-803"
    assert operators.plmn_of(405801234567890) == "405-80"


def test_who_has_no_entry_has_no_expectation():
    operators = Operators([MOBILE])
    assert operators.expected("460-00") is MOBILE
    assert operators.expected("46002") is MOBILE
    assert operators.expected("460-01") is None
    assert operators.expected("") is None
    assert operators.of_subscriber(460011234567890, IMEI) is None


def test_nothing_is_expected_of_cdma_subscribers():
    operators = Operators([TELECOM])
    imsi = 460111234567890
    assert operators.of_subscriber(imsi, IMEI) is TELECOM
    assert operators.of_subscriber(imsi, 0) is None  # no IMEI was ever seen of him
    assert operators.of_subscriber(imsi, IMEI, "ctnet@mycdma.cn") is None
    assert operators.of_subscriber(imsi, IMEI, "ctnet@MyCDMA.cn") is None
    assert operators.of_subscriber(imsi, IMEI, "ctnet") is TELECOM
    assert operators.of_subscriber(imsi, IMEI, "x@other.cn") is TELECOM


def test_the_earlier_source_wins_a_code():
    own = Profile("ours", ("460-00",))
    operators = Operators([own, MOBILE])
    assert operators.expected("460-00") is own
    assert operators.expected("460-02") is MOBILE
    assert len(operators) == 2


def test_names_are_compared_as_networks_write_them():
    profile = Profile(
        "x", ("460-01",), (Access("3GWAP", "http://MMSC.MyUni.com.cn:80/"),), apn_aliases=("uniwap",), authorities=("10.0.0.9:8080", "mmsc")
    )
    assert profile.apns == ("3gwap", "uniwap")
    assert profile.mmscs == ("mmsc.myuni.com.cn", "10.0.0.9:8080", "mmsc")
    assert apn_name("3gwap.mnc001.mcc460.gprs") == "3gwap"
    assert apn_name("ctwap.mnc011.mcc460") == "ctwap"
    assert authority_of("http://user:word@host:81?x") == "host:81"


@pytest.mark.parametrize("text", ["", "460", "4600", "460-0", "460-0000", "46000x", "46O00"])
def test_what_is_no_code(text: str):
    with pytest.raises(ValueError, match="MCC-MNC"):
        plmn(text)


def test_operators_on_one_network_share_what_is_expected():
    """An MVNO's subscribers have the network's code in their IMSI: neither's settings may be called wrong."""
    network = Profile("Net", ("234-15", "234-16"), (Access("net.mms", "http://mms.net", "10.0.0.1:80"),), ("internet",))
    guest = Profile("Guest", ("234-15",), (Access("guest.mms", "http://mms.guest"),), ("guest.mms", "internet"))
    both, alone = combined([network, guest])
    assert (both.name, both.plmns, both.apns, both.mmscs) == ("Net", ("234-15",), ("net.mms", "guest.mms"), ("mms.net", "mms.guest"))
    assert both.internet_apns == ("internet",)  # the guest's own MMS access point is none to be called wrong
    assert (alone.plmns, alone.apns) == (("234-16",), ("net.mms",))


def test_what_a_handset_can_be_set_by():
    assert Access("a", "http://m").complete
    assert not Access("a").complete
