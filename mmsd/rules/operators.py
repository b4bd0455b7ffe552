"""Expected settings by operator (evidence table §8): which APN, MMSC and proxy a subscriber's handset should have.

An operator is known by the MCC and MNC at the head of the IMSI. One that has no entry gives no expectation: roamers, MVNOs without an
entry of their own and CDMA subscribers are never told that their settings are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from mmsd.rules.handsets import IMEI_DIGITS

THREE_DIGITS: Final = frozenset(
    ("302", *map(str, range(310, 317)), "330", "342", "344", "346", "348", "356", "358", "360", "365", "376", "732")
)
"""MCCs all of whose MNCs have three digits (ITU-T E.212): five digits of such an IMSI name nobody. In the others either may occur."""

_PLMN: Final = re.compile(r"([0-9]{3})-?([0-9]{2,3})")
_NETWORK: Final = re.compile(r"\.mnc[0-9]{2,3}\.mcc[0-9]{3}(\.gprs)?$")
IMSI_DIGITS: Final = 15

Value = TypeVar("Value")


class Access(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way for MMS to go: the settings of a handset."""

    apn: str
    mmsc: str = ""  # URL
    proxy: str = ""  # host:port; "" = none
    user: str = ""
    password: str = ""
    signed_by: str = ""  # who looked these settings over and answers for what is pushed of them …
    signed_on: str = ""  # … and on which day, YYYY-MM-DD

    @property
    def complete(self) -> bool:
        """Enough to set a handset by."""
        return bool(self.apn and self.mmsc)

    @property
    def signed(self) -> bool:
        """Somebody signed them off; nothing else is ever pushed."""
        return bool(self.signed_by and self.signed_on)


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is expected of one operator's subscribers. The first of `mms` is what a handset is set to, the others are as good."""

    name: str
    plmns: tuple[str, ...]  # MCC-MNC: "460-00"
    mms: tuple[Access, ...] = ()
    internet_apns: tuple[str, ...] = ()
    apn_aliases: tuple[str, ...] = ()  # further names of the MMS APN, older ones mostly
    authorities: tuple[str, ...] = ()  # further host[:port] by which gateways and pushes may call the MMSC
    wap1_proxy: str = ""  # host:port of the connection-oriented WAP 1 gateway, for handsets that need it
    logins: tuple[str, ...] = ()  # further user/password pairs in old lists: no fault in themselves
    cdma_realms: tuple[str, ...] = ()  # realms by which CDMA subscribers log on; he who does has no APN
    imei_only: bool = False  # expected only of those who show an IMEI: the others are on CDMA
    source: str = ""  # where it stands: a file's name

    @property
    def apns(self) -> tuple[str, ...]:
        """APNs where MMS belongs, lower case, aliases last."""
        return _distinct(apn_name(apn) for apn in (*(access.apn for access in self.mms), *self.apn_aliases))

    @property
    def mmscs(self) -> tuple[str, ...]:
        """Authorities of the MMSC, `host[:port]` in lower case, aliases last."""
        urls = (authority_of(access.mmsc) for access in self.mms if access.mmsc)
        return _distinct((*urls, *(authority_of(name) for name in self.authorities)))


class Operators:
    """Expected settings by MCC-MNC; where several profiles claim one, the earlier wins."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._profiles: dict[str, Profile] = {}
        for profile in profiles:
            for name in profile.plmns:
                self._profiles.setdefault(plmn(name), profile)

    def __len__(self) -> int:
        return len(self._profiles)

    @property
    def by_plmn(self) -> Mapping[str, Profile]:
        return self._profiles

    def plmn_of(self, imsi: int) -> str:
        """MCC-MNC of an IMSI, "" when no profile has it.

        >>> operators = Operators([Profile("China Mobile", ("460-00",)), Profile("T-Mobile", ("310-260",))])
        >>> [operators.plmn_of(imsi) for imsi in (460001234567890, 310260123456789, 310261234567890, 460051234567890, 0)]
        ['460-00', '310-260', '', '', '']
        """
        digits = str(imsi).zfill(IMSI_DIGITS) if imsi else ""
        mcc = digits[:3]
        for length in (3,) if mcc in THREE_DIGITS else (3, 2):
            found = f"{mcc}-{digits[3 : 3 + length]}"
            if found in self._profiles:
                return found
        return ""

    def expected(self, mcc_mnc: str, *, imei: int | None = None) -> Profile | None:
        """The profile of an operator; None = nothing is expected (n/c).

        `imei`: the subscriber's handset where that is the question (0: none known). Where CDMA shares the MNC, only who shows an IMEI has
        settings of this kind.

        >>> operators = Operators([Profile("China Telecom", ("460-03",), imei_only=True)])
        >>> operators.expected("46003") is not None, operators.expected("460-03", imei=0), operators.expected("460-99")
        (True, None, None)
        """
        profile = self._profiles.get(plmn(mcc_mnc)) if mcc_mnc else None
        if profile is not None and profile.imei_only and imei is not None and not 0 < imei < IMEI_DIGITS:
            return None
        return profile

    def of_subscriber(self, imsi: int, imei: int, apn: str = "") -> Profile | None:
        """What is expected of a subscriber by his IMSI and handset; None for a CDMA log-on (`apn` is a name with a CDMA realm)."""
        profile = self.expected(self.plmn_of(imsi), imei=imei)
        realm = apn.rpartition("@")[2].lower() if "@" in apn else ""
        return None if profile is not None and realm and realm in profile.cdma_realms else profile


def plmn(text: str) -> str:
    """MCC and MNC as `MCC-MNC`. Raises ValueError for anything else.

    >>> plmn("46000"), plmn("310-260")
    ('460-00', '310-260')
    """
    found = _PLMN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no MCC-MNC such as 460-00")
    return f"{found[1]}-{found[2]}"


def apn_name(text: str) -> str:
    """An APN as it is compared: without case and without the operator's part.

    >>> apn_name("CMWAP.mnc000.mcc460.gprs"), apn_name(" 3gwap ")
    ('cmwap', '3gwap')
    """
    return _NETWORK.sub("", text.strip().lower())


def authority_of(url: str) -> str:
    """`host[:port]` of a URL or of an authority alone, in lower case, without the port 80 that http means.

    >>> authority_of("http://MMSC.monternet.com/"), authority_of("http://10.0.0.1:80/mms?a"), authority_of("mmsc.example:8080")
    ('mmsc.monternet.com', '10.0.0.1', 'mmsc.example:8080')
    """
    _, scheme, rest = url.strip().rpartition("://")
    rest = rest if scheme else url.strip()
    return re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].lower().removesuffix(":80")


def combined(profiles: Sequence[Profile]) -> list[Profile]:
    """Profiles of one source with each MCC-MNC in one profile only.

    Where several share one (an operator and the MVNOs on its network, which an IMSI does not always tell apart), all of their settings are
    expected, the first one's before the others': what one of them calls right is no fault.
    """
    by_plmn: dict[str, list[Profile]] = {}
    for profile in profiles:
        for name in profile.plmns:
            by_plmn.setdefault(plmn(name), []).append(profile)
    groups: dict[tuple[int, ...], tuple[list[Profile], list[str]]] = {}
    for name, members in by_plmn.items():
        groups.setdefault(tuple(map(id, members)), (members, []))[1].append(name)
    return [_united(members, tuple(names)) for members, names in groups.values()]


def _united(members: Sequence[Profile], plmns: tuple[str, ...]) -> Profile:
    mms = _distinct(access for member in members for access in member.mms)
    ours = {apn_name(access.apn) for access in mms}
    return Profile(
        name=members[0].name,
        plmns=plmns,
        mms=mms,
        internet_apns=_distinct(apn for member in members for apn in member.internet_apns if apn_name(apn) not in ours),
        apn_aliases=_distinct(apn for member in members for apn in member.apn_aliases),
        authorities=_distinct(name for member in members for name in member.authorities),
        wap1_proxy=next((member.wap1_proxy for member in members if member.wap1_proxy), ""),
        logins=_distinct(login for member in members for login in member.logins),
        cdma_realms=_distinct(realm for member in members for realm in member.cdma_realms),
        imei_only=any(member.imei_only for member in members),
        source=members[0].source,
    )


def _distinct(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(values))
