"""A push as a handset takes it: which form, under which seal, and what the subscriber is told beside it (docs/care.md).

Rules decide here, `codec.provision` encodes. Two things have to be there first, by type: an order, which nobody gets without a live
consent, and settings that somebody signed off. What the linter calls an error is not sent, whoever signed it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mmsd.codec import provision
from mmsd.codec.provision import Account, Catalogue, Finding, Security, Severity
from mmsd.errors import EncodeError
from mmsd.model import SECOND
from mmsd.rules.consent import PushOrder
from mmsd.rules.models import Model, Models
from mmsd.rules.operators import IMSI_DIGITS, Access, Operators, Profile
from mmsd.rules.settings import CareSettings
from mmsd.rules.wording import Text, Wording, settings_in_words

PIN_DIGITS: Final = 4
"""Digits of a PIN told to the subscriber: as many as people read off one SMS and type into another screen."""


class Form(enum.StrEnum):
    """How settings reach a handset."""

    OMA_CP = "oma_cp"  # OMA Client Provisioning
    LEGACY_OTA = "legacy_ota"  # Nokia/Ericsson OTA settings, which carry no seal
    MANUAL = "manual"  # an SMS that says what to type in


def form_of(model: Model | None, unknown: Form = Form.OMA_CP) -> Form:
    """The form that a model takes; `unknown` where nothing is known of what it takes.

    >>> form_of(Model("ZTE", "R750", oma_cp=True)).value, form_of(Model("Apple", "iPhone 3G", oma_cp=False)).value
    ('oma_cp', 'manual')
    >>> form_of(Model("Nokia", "7650", legacy_ota=True)).value, form_of(None, Form.MANUAL).value
    ('legacy_ota', 'manual')
    """
    if model is None or (model.oma_cp is None and model.legacy_ota is None):
        return unknown
    if model.oma_cp:
        return Form.OMA_CP
    return Form.LEGACY_OTA if model.legacy_ota else Form.MANUAL


@dataclass(frozen=True, slots=True)
class Signed:
    """Settings that somebody signed off. ValueError for any others: what nobody answers for is not pushed.

    >>> Signed("China Mobile", Access("cmwap", "http://mmsc.monternet.com"))
    Traceback (most recent call last):
    ...
    ValueError: nobody signed off the settings of China Mobile
    """

    operator: str
    access: Access
    wap1_proxy: str = ""  # host:port, for handsets that know no HTTP proxy

    def __post_init__(self) -> None:
        if not self.access.signed:
            raise ValueError(f"nobody signed off the settings of {self.operator}")
        if not self.access.complete:
            raise ValueError(f"the settings of {self.operator} are not whole: a handset needs an access point and an MMSC")

    @property
    def proxy(self) -> tuple[str, int]:
        """Address and port; ("", 80) = none."""
        return split_authority(self.access.proxy)

    @property
    def account(self) -> Account:
        """As the encoder takes it."""
        access = self.access
        host, port = self.proxy
        name = f"{self.operator} MMS"
        return Account(name=name, apn=access.apn, mmsc=access.mmsc, proxy=host, port=port, user=access.user, password=access.password)

    @property
    def catalogue(self) -> Catalogue:
        """What the sign-off covers, for the linter."""
        host, port = self.proxy
        proxies = frozenset({f"{host}:{port}".lower()} if host else ())
        apns, mmscs = frozenset({self.access.apn, self.access.apn.lower()}), frozenset({self.access.mmsc, self.access.mmsc.lower()})
        return Catalogue(access_points=apns, proxies=proxies, mmscs=mmscs)


def signed(profile: Profile | None) -> Signed | None:
    """What an operator's handsets may be set to: the first of his settings, where it is whole and signed off."""
    if profile is None or not profile.mms:
        return None
    first = profile.mms[0]
    return Signed(profile.name, first, profile.wap1_proxy) if first.signed and first.complete else None


def settings_for(operators: Operators, imsi: int, imei: int = 0, plmns: Sequence[str] = ()) -> Signed | None:
    """What a subscriber's handset may be set to, None = nothing that somebody signed off. A roamer's is never set to ours.

    `plmns`, MCC-MNC of our own subscribers as configured, speak for those whose IMSI is not known (0).
    """
    if imsi:
        return signed(operators.of_subscriber(imsi, imei))
    return signed(operators.expected(plmns[0], imei=imei)) if plmns else None


def split_authority(text: str, port: int = 80) -> tuple[str, int]:
    """Host and port of `host[:port]`.

    >>> split_authority("10.0.0.172:80"), split_authority("proxy.example", 8080), split_authority("[fd00::1]:9201")
    (('10.0.0.172', 80), ('proxy.example', 8080), ('fd00::1', 9201))
    """
    host, colon, digits = text.rpartition(":")
    if not colon or not digits.isdecimal():
        host, digits = text, str(port)
    return host.strip("[]"), int(digits)


class Handset(NamedTuple):
    """What is known of a subscriber's handset and SIM card now."""

    model: Model | None = None
    imsi: int = 0  # 0 = not known: then settings are not sealed with it


def handset_of(row: Any, models: Models, now: int, care: CareSettings) -> Handset:
    """The handset of a HANDSET row. An IMSI that was last known to be his too long ago seals nothing: the card may be another's by now."""
    fresh = now - int(row["imsi_at"]) <= int(care.imsi_age * SECOND)
    return Handset(models.of_imei(int(row["imei"])), int(row["imsi"]) if fresh else 0)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What leaves for an order: the push, SMS by SMS, and the text beside it."""

    order: PushOrder
    form: Form
    security: Security | None  # None: the form carries no seal
    pieces: tuple[tuple[bytes, bytes], ...] = field(repr=False)  # user data header and user data of each; () = the text is all there is
    text: Text = field(repr=False)  # it may hold a PIN or a password
    signed_by: str
    signed_on: str
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Unpushable:
    """Nothing can be made of an order: why, and what the linter found."""

    reason: str
    findings: tuple[Finding, ...] = ()


def prepare(
    order: PushOrder, settings: Signed, handset: Handset, care: CareSettings, wording: Wording, language: str, *,
    pin: str, push_id: int = 1, reference: int = 0,
) -> Parcel | Unpushable:  # fmt: skip
    """The messages of an order.

    `pin`: digits drawn for it alone; they seal the settings and are told in the text where the IMSI is not known. `push_id`, `reference`:
    octets that tell pushes and messages in pieces apart. Raises nothing: a fault in the settings is a value.
    """
    account = settings.account
    form = form_of(handset.model, Form(care.unknown_handset))
    try:
        document = provision.account_document(account)
        findings = provision.lint(document, settings.catalogue)
        if any(found.severity is Severity.ERROR for found in findings):
            return Unpushable("lint", findings)
        security: Security | None = None
        pieces: list[tuple[bytes, bytes]] = []
        match form:
            case Form.OMA_CP:
                security = Security.NETWPIN if handset.imsi else Security.USERPIN
                octets = provision.encode(document)
                imsi = f"{handset.imsi:0{IMSI_DIGITS}}" if handset.imsi else ""
                key = provision.key_of(security, imsi=imsi, pin=pin)
                pieces = provision.push_document(octets, provision.seal(octets, security, key), push_id=push_id, reference=reference)
            case Form.LEGACY_OTA:
                octets = provision.encode_list(provision.browser_settings(account.name, _legacy(settings), mmsc=account.mmsc))
                pieces = provision.push_settings(octets, push_id=push_id, reference=reference)
        if form is Form.MANUAL:
            text = wording.render("manual", language, settings=settings_in_words(language, _by_hand(settings)))
        elif security is Security.USERPIN:
            text = wording.render("sent_pin_again" if care.renotify else "sent_pin", language, pin=pin)
        else:
            text = wording.render("sent_again" if care.renotify else "sent", language)
    except EncodeError as error:
        return Unpushable(str(error))
    return Parcel(order, form, security, tuple(pieces), text, settings.access.signed_by, settings.access.signed_on, findings)


def _legacy(settings: Signed) -> list[tuple[str, str]]:
    """The ADDRESS of OTA settings. Handsets that read them know WAP 1: its gateway where there is one, else the proxy."""
    host, port = split_authority(settings.wap1_proxy, 9201) if settings.wap1_proxy else settings.proxy
    parms = [("BEARER", "GPRS")]
    if host:
        parms += [("PROXY", host), ("PORT", str(port))]
    parms.append(("GPRS_ACCESSPOINTNAME", settings.access.apn))
    if settings.access.user:
        parms += [("PPP_AUTHTYPE", "PAP"), ("PPP_AUTHNAME", settings.access.user), ("PPP_AUTHSECRET", settings.access.password)]
    return parms


def _by_hand(settings: Signed) -> list[tuple[str, str]]:
    access = settings.access
    host, port = settings.proxy
    values = [("apn", access.apn), ("mmsc", access.mmsc), ("proxy", host), ("port", str(port) if host else "")]
    return [(name, value) for name, value in (*values, ("user", access.user), ("password", access.password)) if value]
