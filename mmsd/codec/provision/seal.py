"""How a handset knows that settings come from its operator (OMA-WAP-TS-ProvBoot-V1_1 5.2): a MAC under a secret they share.

The MAC goes in the push beside the settings, and the subscriber types the secret; or, with USERPINMAC, nothing goes in the push, and the
subscriber types both: digits that are the secret, then as many that are the beginning of the MAC under it.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from dataclasses import dataclass

from mmsd.errors import EncodeError


class Security(enum.IntEnum):
    """The SEC parameter (WAP-230 table 38): what the shared secret is."""

    NETWPIN = 0  # the IMSI: nobody needs to type anything
    USERPIN = 1  # digits told to the subscriber beforehand
    USERNETWPIN = 2  # both
    USERPINMAC = 3  # digits told beforehand, in which the MAC is: `typed_pin`


@dataclass(frozen=True, slots=True)
class Seal:
    """SEC and MAC as a push carries them; the MAC is 40 hex digits, "" for none: of USERPINMAC, unless Kannel wrote it."""

    security: Security
    mac: str


def imsi_key(imsi: str) -> bytes:
    """An IMSI in semi-octets as in TS 24.008 10.5.1.4: the first half octet says parity and type. EncodeError for what is no IMSI.

    >>> imsi_key("466923103145252").hex(), imsi_key("46692310314525").hex()
    ('4966291330412525', '41662913304125f5')
    """
    if not (6 <= len(imsi) <= 15 and imsi.isascii() and imsi.isdecimal()):
        raise EncodeError("an IMSI has 6 to 15 digits")
    digits = ("9" if len(imsi) % 2 else "1") + imsi + ("" if len(imsi) % 2 else "f")
    return bytes.fromhex("".join(digits[place + 1] + digits[place] for place in range(0, len(digits), 2)))


def key_of(security: Security, *, imsi: str = "", pin: str = "") -> bytes:
    """The key of a kind of security. EncodeError when the IMSI or PIN that it takes is missing or malformed; it names neither.

    >>> key_of(Security.USERNETWPIN, imsi="460001234567890", pin="1234").hex()
    '490600214365870931323334'
    """
    key = b""
    if security in {Security.NETWPIN, Security.USERNETWPIN}:
        key = imsi_key(imsi)
    if security is not Security.NETWPIN:
        if not (pin.isascii() and pin.isdecimal()):
            raise EncodeError("a PIN has digits")
        key += pin.encode()
    return key


def seal(document: bytes, security: Security, key: bytes) -> Seal:
    """SEC and MAC of an encoded document: HMAC-SHA-1 under the key; with USERPINMAC, SEC alone. EncodeError for no key.

    >>> seal(bytes.fromhex("030b6a004501"), Security.NETWPIN, imsi_key("466923103145252")).mac
    '1AF545FE2823DC9347064450F90FF1BBF957E146'
    """
    if not key:
        raise EncodeError("a document is not sealed without a key")
    return Seal(security, "" if security is Security.USERPINMAC else _mac(document, key).hex().upper())


def genuine(document: bytes, found: Seal, key: bytes) -> bool:
    """Whether the seal is that of the document under the key; letters of either case. A seal without MAC is not: see `typed_genuine`.

    >>> genuine(b"", Seal(Security.NETWPIN, "00"), b"k")
    False
    """
    return hmac.compare_digest(_mac(document, key).hex().upper().encode(), found.mac.upper().encode())


_LEAST, _MOST = 5, 20
"""Digits of a secret in a typed PIN: ten digits in all at least, and a MAC has no more than twenty octets."""


def typed_pin(document: bytes, secret: str) -> str:
    """What the subscriber types under USERPINMAC: the secret's digits, then a digit of each of the MAC's first octets, modulo ten.

    EncodeError for a secret that has not 5 to 20 digits. Draw it anew for each document: whoever knows a PIN knows its secret.

    >>> typed_pin(bytes.fromhex("030b6a004501"), "31415")
    '3141547242'
    """
    key = key_of(Security.USERPINMAC, pin=secret)
    if not _LEAST <= len(secret) <= _MOST:
        raise EncodeError(f"the secret in a typed PIN has {_LEAST} to {_MOST} digits")
    return secret + "".join(str(octet % 10) for octet in _mac(document, key)[: len(secret)])


def typed_genuine(document: bytes, typed: str) -> bool:
    """Whether digits typed by the subscriber seal the document, as a handset asks under USERPINMAC.

    >>> typed_genuine(bytes.fromhex("030b6a004501"), "3141547242"), typed_genuine(bytes.fromhex("030b6a004501"), "31415")
    (True, False)
    """
    secret = typed[: len(typed) // 2]
    try:
        return hmac.compare_digest(typed_pin(document, secret), typed)
    except (EncodeError, TypeError):  # no digits; no ASCII
        return False


def _mac(document: bytes, key: bytes) -> bytes:
    return hmac.digest(key, document, hashlib.sha1)
