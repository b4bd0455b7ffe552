"""Pushes as handsets take them. What they make of the octets is asked of the simulator's handset, which shares no code with ours."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from mmsd.codec import provision, sms
from mmsd.codec.provision import Security, Severity, lint
from mmsd.config.expected import shipped_profiles
from mmsd.model import DAY
from mmsd.rules.consent import Channel, Consent, PushOrder
from mmsd.rules.forms import Form, Handset, Parcel, Signed, Unpushable, form_of, handset_of, prepare, settings_for, signed
from mmsd.rules.handsets import HANDSET
from mmsd.rules.models import Model, Models
from mmsd.rules.operators import Access, Operators, Profile
from mmsd.rules.settings import CareSettings
from mmsd.rules.wording import Wording
from sim import ota

CONSENT = Consent(number=1, case=1, wording="question:1", channel=Channel.SMS, by="subscriber", at=0, expires=10)
ORDER = PushOrder(CONSENT, 1, 1, 5)
IMSI = 460001234567890
OMA = Model("Nokia", "6120c", oma_cp=True)
OLD = Model("Nokia", "7650", oma_cp=False, legacy_ota=True)
DUMB = Model("Apple", "iPhone 3G", oma_cp=False, legacy_ota=False)
ACCESS = Access("cmwap", "http://mmsc.monternet.com", "10.0.0.172:80", signed_by="desk 4", signed_on="2026-11-20")
MOBILE = Signed("China Mobile", ACCESS, "10.0.0.172:9201")
TELECOM = Signed(
    "China Telecom", Access("ctwap", "http://mmsc.vnet.mobi", "10.0.0.200:80", "ctwap@mycdma.cn", "vnet.mobi", "desk 4", "2026-11-20")
)


def parcel(settings: Signed, handset: Handset, language: str = "zh", pin: str = "4711") -> Parcel:
    made = prepare(ORDER, settings, handset, CareSettings(), Wording(), language, pin=pin, reference=7)
    assert isinstance(made, Parcel), made
    return made


def joined(made: Parcel) -> bytes:
    """The user data of all pieces, in order, as a handset joins them."""
    headers = [sms.decode_udh(header) for header, _ in made.pieces]
    assert [header.concat.sequence if header.concat else 1 for header in headers] == list(range(1, len(made.pieces) + 1))
    assert {header.destination for header in headers} == {sms.PUSH_PORT if made.form is Form.OMA_CP else sms.OTA_PORT}
    assert all(len(header) + len(data) <= sms.CAPACITY for header, data in made.pieces)
    return b"".join(data for _, data in made.pieces)


@pytest.mark.parametrize(
    ("oma_cp", "legacy_ota", "form"),
    [
        (True, None, Form.OMA_CP),
        (True, True, Form.OMA_CP),
        (True, False, Form.OMA_CP),
        (None, True, Form.LEGACY_OTA),
        (False, True, Form.LEGACY_OTA),
        (False, False, Form.MANUAL),
        (False, None, Form.MANUAL),
        (None, False, Form.MANUAL),
        (None, None, Form.LEGACY_OTA),
    ],
)
def test_the_form_by_what_a_model_takes(oma_cp: bool | None, legacy_ota: bool | None, form: Form):
    assert form_of(Model("m", "n", oma_cp=oma_cp, legacy_ota=legacy_ota), unknown=Form.LEGACY_OTA) is form


def test_nothing_known_of_the_handset():
    assert form_of(None) is Form.OMA_CP
    assert parcel(MOBILE, Handset()).form is Form.OMA_CP
    made = prepare(ORDER, MOBILE, Handset(), CareSettings(unknown_handset="manual"), Wording(), "zh", pin="4711")
    assert isinstance(made, Parcel)
    assert made.form is Form.MANUAL


@pytest.mark.parametrize("settings", [MOBILE, TELECOM], ids=lambda settings: settings.operator)
def test_a_handset_with_a_known_card_reads_its_settings_without_a_pin(settings: Signed):
    made = parcel(settings, Handset(OMA, IMSI))
    assert (made.form, made.security, made.text.version) == (Form.OMA_CP, Security.NETWPIN, Wording().version("sent", "zh"))
    push = ota.read_push(joined(made))
    assert ota.genuine(push, imsi=str(IMSI))
    assert not ota.genuine(push, imsi=str(IMSI + 1))
    host, port = settings.proxy
    assert ota.mms_settings(push) == ota.MmsSettings(settings.access.apn, host, port, settings.access.mmsc)
    assert (made.signed_by, made.signed_on, made.order) == ("desk 4", "2026-11-20", ORDER)


def test_an_unknown_card_takes_a_pin_that_is_told_apart():
    made = parcel(MOBILE, Handset(OMA))
    assert made.security is Security.USERPIN
    assert "4711" in made.text.text
    assert b"4711" not in joined(made)
    push = ota.read_push(joined(made))
    assert ota.genuine(push, pin="4711")
    assert not ota.genuine(push, pin="4712")
    assert ota.mms_settings(push).apn == "cmwap"


def test_an_imsi_of_fourteen_digits_seals_as_it_is_written():
    made = parcel(MOBILE, Handset(OMA, 4600012345678))  # leading zeros are lost in a number
    assert ota.genuine(ota.read_push(joined(made)), imsi="004600012345678")


def test_an_old_handset_reads_ota_settings_with_the_wap_gateway():
    made = parcel(MOBILE, Handset(OLD, IMSI))
    assert (made.form, made.security) == (Form.LEGACY_OTA, None)
    read = ota.mms_settings(ota.read_push(joined(made)))
    assert read == ota.MmsSettings("cmwap", "10.0.0.172", 9201, "http://mmsc.monternet.com")
    made = parcel(TELECOM, Handset(OLD))
    assert ota.mms_settings(ota.read_push(joined(made))).proxy == "10.0.0.200"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_who_can_take_neither_is_told_what_to_type(language: str):
    made = parcel(TELECOM, Handset(DUMB, IMSI), language)
    assert (made.form, made.security, made.pieces) == (Form.MANUAL, None, ())
    for value in ("ctwap", "http://mmsc.vnet.mobi", "10.0.0.200", "80", "ctwap@mycdma.cn", "vnet.mobi"):
        assert value in made.text.text
    direct = Signed("x", Access("internet", "http://mms.example", signed_by="desk 4", signed_on="2026-11-20"))
    text = parcel(direct, Handset(DUMB), language).text.text
    assert "internet" in text
    assert not any(word in text for word in ("代理", "proxy", "端口", "port", "密码", "password"))


def test_settings_without_a_proxy_are_pushed_without_one():
    direct = Signed("x", Access("internet", "http://mms.example", signed_by="desk 4", signed_on="2026-11-20"))
    made = parcel(direct, Handset(OMA, IMSI))
    assert b"internet" in joined(made)
    assert b"10.0" not in joined(made)


def test_what_is_pushed_passes_the_linter_with_what_was_signed():
    for settings in (MOBILE, TELECOM):
        found = lint(provision.account_document(settings.account), settings.catalogue)
        assert [finding.rule for finding in found if finding.severity is Severity.ERROR] == []
        assert parcel(settings, Handset(OMA, IMSI)).warnings == found


def test_what_the_linter_calls_an_error_is_not_pushed():
    wrong = Signed("x", Access("cm wap", "http://mmsc.example", "10.0.0.172:80", signed_by="desk 4", signed_on="2026-11-20"))
    for model in (OMA, OLD, DUMB):
        made = prepare(ORDER, wrong, Handset(model, IMSI), CareSettings(), Wording(), "zh", pin="4711")
        assert isinstance(made, Unpushable)
        assert made.reason == "lint"
        assert any(finding.severity is Severity.ERROR for finding in made.findings)


def test_a_pin_or_card_that_is_none_makes_nothing():
    for pin, handset in (("", Handset(OMA)), ("no", Handset(OMA)), ("4711", Handset(OMA, 10**17))):
        made = prepare(ORDER, MOBILE, handset, CareSettings(), Wording(), "zh", pin=pin)
        assert isinstance(made, Unpushable)
        assert "digits" in made.reason
        assert str(handset.imsi) not in made.reason or not handset.imsi


def test_nothing_secret_is_shown_of_a_parcel():
    told = repr(parcel(TELECOM, Handset(OMA)))
    assert "4711" not in told
    assert "vnet.mobi" not in told


# ----------------------------------------------------------------------------------------------------------------- signed off


@pytest.mark.parametrize(
    ("by", "on"), [("", ""), ("desk 4", ""), ("", "2026-11-20")], ids=["neither", "no day", "no name"]
)  # fmt: skip
def test_what_nobody_signed_off_cannot_be_pushed(by: str, on: str):
    access = msgspec.structs.replace(ACCESS, signed_by=by, signed_on=on)
    assert signed(Profile("China Mobile", ("460-00",), (access,))) is None
    with pytest.raises(ValueError, match="nobody signed off the settings of China Mobile"):
        Signed("China Mobile", access)


def test_what_is_not_whole_cannot_be_pushed():
    access = Access("cmwap", signed_by="desk 4", signed_on="2026-11-20")
    assert signed(Profile("x", ("460-00",), (access,))) is None
    with pytest.raises(ValueError, match="not whole"):
        Signed("x", access)


def test_the_first_settings_are_what_a_handset_is_set_to():
    other = Access("other", "http://other.example")
    assert signed(Profile("China Mobile", ("460-00",), (ACCESS, other), wap1_proxy="10.0.0.172:9201")) == MOBILE
    assert signed(Profile("China Mobile", ("460-00",), (other, ACCESS))) is None
    assert signed(Profile("China Mobile", ("460-00",))) is None
    assert signed(None) is None


def test_what_mmsd_ships_is_signed_by_nobody():
    assert [signed(profile) for profile in shipped_profiles()] == [None, None, None]


def test_whose_settings_a_subscriber_gets():
    unicom = Profile("China Unicom", ("460-01",), (Access("3gwap", "http://mmsc.myuni.com.cn"),))
    telecom = Profile("China Telecom", ("460-03",), (TELECOM.access,), imei_only=True)
    operators = Operators([Profile("China Mobile", ("460-00",), (ACCESS,), wap1_proxy="10.0.0.172:9201"), unicom, telecom])
    assert settings_for(operators, IMSI) == MOBILE
    assert settings_for(operators, 460011234567890) is None  # nobody signed them off
    assert settings_for(operators, 310260123456789) is None  # a roamer
    assert settings_for(operators, 460031234567890) is None  # on CDMA, or so it may be …
    assert settings_for(operators, 460031234567890, 35123456789012) == TELECOM  # … were there no IMEI
    assert settings_for(operators, 0) is None
    assert settings_for(operators, 0, plmns=["460-00"]) == MOBILE
    assert settings_for(operators, IMSI, plmns=["460-03"]) == MOBILE  # his card says more than our configuration


def test_an_imsi_that_is_not_of_now_seals_nothing():
    models = Models([OMA], {35123456: 0})
    row = np.zeros(1, HANDSET)[0]
    row["imei"], row["imsi"], row["imsi_at"] = 35123456789012, IMSI, 100 * DAY
    assert handset_of(row, models, 130 * DAY, CareSettings()) == Handset(OMA, IMSI)
    assert handset_of(row, models, 130 * DAY + 1, CareSettings()) == Handset(OMA, 0)
    assert handset_of(np.zeros(1, HANDSET)[0], models, 0, CareSettings()) == Handset(None, 0)
