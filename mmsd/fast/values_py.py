"""One field's bytes to one number, in plain Python: the specification of every converter in the compiled kernels.

Each function takes the field and answers an int, or None where the field is not what the step says. Only ASCII digits are digits.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from mmsd.fast.hash_py import Key, hash64

NOT_A_NUMBER: Final = 1 << 63
DIGITS: Final = frozenset(b"0123456789")
BLANKS: Final = b" \t"
_MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_LETTERS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_WIDTHS: Final = {ord("Y"): (4, 4), ord("f"): (1, 9), ord("s"): (1, 11), ord("Z"): (1, 8), ord("a"): (3, 3), ord("b"): (3, 3)}
_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


def all_digits(text: bytes) -> bool:
    return bool(text) and DIGITS.issuperset(text)


@lru_cache(1024)  # lines of one second stand together
def moment(text: bytes, form: bytes) -> int | None:
    """µs since 1970 by a format of %Y %m %d %e %H %M %S %f %b %a %z %Z %s; as if UTC unless %z says otherwise; %Z and %a are passed over.

    %e is a day of one or two digits, with a blank before it or not; %f is 1–9 digits, cut to µs; %z is Z, +hhmm or +hh:mm.

    >>> moment(b"22/Nov/2026:17:43:55 +0800", b"%d/%b/%Y:%H:%M:%S %z") == moment(b"1795340635", b"%s") * 1
    True
    """
    got = {ord("Y"): 1970, ord("m"): 1, ord("d"): 1}
    at = 0
    fields = iter(form)
    for letter in fields:
        if letter != ord("%"):
            if at >= len(text) or text[at] != letter:
                return None
            at += 1
            continue
        kind = next(fields)
        if kind == ord("z"):
            zone = _zone(text[at:])
            if zone is None:
                return None
            got[kind], used = zone
            at += used
            continue
        if kind == ord("e") and text[at : at + 1] == b" ":
            at += 1
        least, most = (1, 2) if kind == ord("e") else _WIDTHS.get(kind, (2, 2))
        allowed = _LETTERS if kind in b"Zab" else DIGITS
        stop = at
        while stop < len(text) and stop - at < most and text[stop] in allowed:
            stop += 1
        word = text[at:stop]
        if len(word) < least:
            return None
        if kind == ord("b"):
            if word not in _MONTHS:
                return None
            got[ord("m")] = _MONTHS.index(word) + 1
        elif kind == ord("f"):
            got[kind] = int(word.ljust(6, b"0")[:6])
        elif allowed is DIGITS:
            got[ord("d") if kind == ord("e") else kind] = int(word)
        at = stop
    if at != len(text):
        return None
    hour, minute, second = got.get(ord("H"), 0), got.get(ord("M"), 0), got.get(ord("S"), 0)
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        days = datetime.date(got[ord("Y")], got[ord("m")], got[ord("d")]).toordinal() - _EPOCH
    except ValueError:
        return None
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second + got.get(ord("s"), 0) - got.get(ord("z"), 0)
    return seconds * 1_000_000 + got.get(ord("f"), 0)


def _zone(text: bytes) -> tuple[int, int] | None:
    """(seconds east of UTC, bytes used) of Z, ±hhmm or ±hh:mm."""
    if text[:1] == b"Z":
        return 0, 1
    used = 6 if text[3:4] == b":" else 5
    digits = text[1:used].replace(b":", b"") if used == 6 else text[1:5]
    if text[:1] not in (b"+", b"-") or len(digits) != 4 or not all_digits(digits):
        return None
    seconds = (int(digits[:2]) * 60 + int(digits[2:])) * 60
    return (-seconds if text[:1] == b"-" else seconds), used


def integer(text: bytes) -> int | None:
    if text in (b"", b"-"):
        return -1
    body = text[1:] if text[:1] == b"-" else text
    return int(text) if all_digits(body) and len(body) <= 18 else None


def digits(text: bytes) -> int:
    return int(text) if all_digits(text) and len(text) <= 18 else 0


def hexadecimal(text: bytes) -> int | None:
    if text in (b"", b"-"):
        return -1
    body = text[2:] if text[:2] in (b"0x", b"0X") else text
    return int(body, 16) if body and _HEX.issuperset(body) and len(body) <= 15 else None


def address(text: bytes, numbering: Sequence[int], key: Key) -> int:
    """E.164 digits of a number as it was written (`numbering` as in `Numbering`), or NOT_A_NUMBER and a hash.

    >>> [address(text, (86, 11, 1, 0), (0, 0)) for text in (b"+8613900000001", b" 13900000001/TYPE=PLMN", b"008613900000001")]
    [8613900000001, 8613900000001, 8613900000001]
    >>> [address(text, (86, 11, 1, 0), (0, 0)) for text in (b"10086", b"-", b"01012345678")], address(b"a@b", (0, 0, -1, -1), (0, 0)) >> 63
    ([10086, 0, 861012345678], 1)
    """
    country, length, lead, trunk = numbering
    whole = text.strip(BLANKS).removesuffix(b"/TYPE=PLMN").strip(BLANKS)
    if whole in (b"", b"-"):
        return 0
    number = whole[1:] if whole[:1] == b"+" else whole[2:] if whole[:2] == b"00" else whole
    if not all_digits(number) or len(number) > 15:
        return hash64(whole, key) | NOT_A_NUMBER
    if number is whole and country:
        if len(number) == length and lead in (-1, number[0] - 48):
            number = b"%d" % country + number
        elif number[0] - 48 == trunk and len(number) > 1:
            number = b"%d" % country + number[1:]
    return int(number)


def ipv4(text: bytes) -> int:
    parts = text.split(b".")
    if len(parts) != 4 or not all(all_digits(part) and len(part) <= 3 and int(part) < 256 for part in parts):
        return 0
    return int.from_bytes(bytes(int(part) for part in parts), "big")


def percent(text: bytes) -> int | None:
    """
    >>> hex(percent(b"%03%00%1B") or 0), percent(b""), percent(b"%0")
    ('0x3001b', -1, None)
    """
    if not text:
        return -1
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] == ord("%"):
            pair = text[at + 1 : at + 3]
            if len(pair) < 2 or not _HEX.issuperset(pair):
                return None
            out.append(int(pair, 16))
            at += 3
        else:
            out.append(text[at])
            at += 1
    return int.from_bytes(out, "big") if len(out) <= 7 else None


def authority(text: bytes, key: Key) -> int:
    """Hash of host:port in lower case without ":80"; 0 for none.

    >>> authority(b"MMS.Example:80", (1, 2)) == authority(b"mms.example", (1, 2)) != authority(b"mms.example:8080", (1, 2))
    True
    """
    host = text.lower().removesuffix(b":80")
    return hash64(host, key) if host else 0


def split_url(text: bytes) -> tuple[int, int]:
    """(start of the authority, start of the path) in a URL, an authority alone, or a path alone; the first "/" or "?" begins the path.

    >>> split_url(b"http://mms.example/a?b"), split_url(b"/a"), split_url(b"mms.example:443")
    ((7, 18), (0, 0), (0, 15))
    """
    scheme = text.find(b"://")
    at = scheme + 3 if 0 <= scheme <= 8 else 0
    for path in range(at, len(text)):
        if text[path] in b"/?":
            return at, path
    return at, len(text)


def url_hashes(text: bytes, key: Key) -> tuple[int, int]:
    """Hashes of a URL's authority (0 = none) and of its path with query ("" is "/"). (0, 0) of "" and "-"."""
    if text in (b"", b"-"):
        return 0, 0
    at, path = split_url(text)
    return authority(text[at:path], key), hash64(text[path:] or b"/", key)


def apn(text: bytes, key: Key) -> int:
    """Hash of an APN in lower case without its operator part (.mncNNN.mccNNN.gprs)."""
    name = text.lower().partition(b".mnc")[0]
    return hash64(name, key) if name else 0
