"""What is expected of a subscriber's settings: by his operator (evidence table §8), or by the configuration, which comes first.

Of whose operator has no entry nothing is expected (roamers, MVNOs, subscribers on CDMA): sessions and hosts say nothing of his settings.
Whose SIM card is not known is taken for one of ours, but that another MMSC takes his messages is then no fault: it may be his own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from mmsd.rules.handsets import split_imei
from mmsd.rules.operators import IMSI_DIGITS, Operators, Profile
from mmsd.rules.relate import Context, Dossier, Expected
from mmsd.rules.traces import MESSAGE, PATH, TRANSACTION

NOTHING: Final = Expected(frozenset(), frozenset(), (), frozenset(), nothing=True)


class House(NamedTuple):
    """What the configuration says of our own subscribers."""

    plmns: tuple[str, ...] = ()  # MCC-MNC; empty: whoever's operator has an entry, and whose IMSI is not known
    mms_apns: bool = False  # its access points are the operator's word, not mmsd's default


class Expectations:
    """See the module."""

    def __init__(
        self, operators: Callable[[], Operators], house: House, *, apn_hash: Callable[[str], int], authority_hash: Callable[[str], int]
    ) -> None:
        """`apn_hash`, `authority_hash`: names of access points, and `host[:port]`, as records hold them."""
        self._operators = operators
        self._house = house
        self._heads = tuple(plmn.replace("-", "") for plmn in house.plmns)
        self._apn_hash = apn_hash
        self._authority_hash = authority_hash
        self._hashed: dict[Profile, tuple[frozenset[int], frozenset[int]]] = {}
        self._strangers: tuple[Context, Context] | None = None

    def context(self, dossier: Dossier, context: Context, imsi: int = 0, imei: int = 0) -> Context:
        """The context of one subscriber. `imsi`, `imei` (14 digits): as they are known; what his sessions show is newer."""
        sessions = dossier.sessions
        imsi = next((trace[TRANSACTION] for trace in reversed(sessions) if trace[TRANSACTION]), imsi)
        operators = self._operators()
        if not imsi:
            return self._stranger(context)
        if not len(operators) or f"{imsi:0{IMSI_DIGITS}}".startswith(self._heads):
            return context
        shown = 0 if imei else next((trace[MESSAGE] for trace in reversed(sessions) if trace[MESSAGE]), 0)
        if shown:
            imei = int(split_imei(np.array([shown], np.uint64))[0][0])
        realm = next((apn for apn in _apns(dossier, context) if "@" in apn), "")
        profile = operators.of_subscriber(imsi, imei, realm)
        if profile is None:
            return replace(context, expected=NOTHING)
        apns, authorities = self._hashes(profile)
        ours = context.expected
        expected = ours if self._house.mms_apns else replace(ours, mms_apns=apns)
        return replace(context, expected=expected, learned=context.learned if ours.authorities else context.learned | authorities)

    def _stranger(self, context: Context) -> Context:
        """The same context for everybody who is judged with it and whose SIM card is not known."""
        if self._strangers is None or self._strangers[0] is not context:
            self._strangers = context, replace(context, expected=replace(context.expected, stranger=True))
        return self._strangers[1]

    def _hashes(self, profile: Profile) -> tuple[frozenset[int], frozenset[int]]:
        """Access points, and MMSCs, of a profile as records hold them."""
        if profile not in self._hashed:
            self._hashed[profile] = frozenset(map(self._apn_hash, profile.apns)), frozenset(map(self._authority_hash, profile.mmscs))
        return self._hashed[profile]


def _apns(dossier: Dossier, context: Context) -> Iterable[str]:
    return (context.text(apn).decode("latin-1") for apn in {trace[PATH] for trace in dossier.sessions})
