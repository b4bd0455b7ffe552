"""Serial numbers: 64 random bits in an alphabet without look-alikes, and a check character.

The alphabet has 31 signs, a prime, and every place has its own weight that is no multiple of 31: so the weighted sum modulo 31 changes
with every single wrong sign and with every swap of neighbours. Nothing in a serial tells a date or a count.
"""

from __future__ import annotations

import unicodedata
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH: Final = 13  # signs of 31: 64.4 bits
_BETWEEN: Final = frozenset("-‐‑‒–—−_.")
"""What people put between groups; a prefix may hold some, too."""
_WORTH: Final = {sign: worth for worth, sign in enumerate(ALPHABET)}


def spell(random: int, prefix: str = "") -> str:
    """A serial from at least 64 random bits (reduced modulo 31¹³), with its check character and optional prefix.

    >>> spell(0), spell(123456789012345678, "CQ-")
    ('22222222222222', 'CQ-R6C2S7HYDNV62B')
    """
    signs = []
    for _ in range(LENGTH):
        random, worth = divmod(random, len(ALPHABET))
        signs.append(ALPHABET[worth])
    body = "".join(signs)
    return prefix + body + _check(body)


def plain(serial: str) -> str:
    """A serial as it is stored, of one as people write it: any case and width, in groups parted by blanks or hyphens.

    >>> plain(" r6c2-s7hy dnv6２b ")
    'R6C2S7HYDNV62B'
    """
    return "".join(sign for sign in unicodedata.normalize("NFKC", serial).upper() if sign not in _BETWEEN and not sign.isspace())


def fault(serial: str, prefix: str = "") -> str:
    """What is wrong with a serial, in words that hold no sign of it; empty when its check character fits.

    >>> serial = spell(987654321987654321)
    >>> fault(serial), fault("O" + serial[1:]), fault(serial[:-1]), fault(serial, "CQ-")
    ('', 'sign 1 is none of a serial', '13 signs, not 14', 'it does not begin with CQ-')
    >>> fault(serial[1] + serial[0] + serial[2:])
    'a sign is wrong, or two neighbours changed places'
    """
    text, begin = plain(serial), plain(prefix)
    if not text.startswith(begin):
        return f"it does not begin with {prefix}"
    text = text[len(begin) :]
    if len(text) != LENGTH + 1:
        return f"{len(text)} signs, not {LENGTH + 1}"
    strange = next((place for place, sign in enumerate(text, 1) if sign not in _WORTH), 0)
    if strange:
        return f"sign {strange} is none of a serial"
    return "" if _check(text[:LENGTH]) == text[LENGTH] else "a sign is wrong, or two neighbours changed places"


def is_valid(serial: str, prefix: str = "") -> bool:
    """Whether a serial, as people write it, has the prefix and a check character that fits.

    >>> serial = spell(987654321987654321)
    >>> is_valid(serial), is_valid(serial.lower()), is_valid(serial[1] + serial[0] + serial[2:])
    (True, True, False)
    """
    return not fault(serial, prefix)


def _check(body: str) -> str:
    # weights 2 … 14 for the body; the check itself weighs 1, so it stands apart from its neighbour too
    total = sum(weight * _WORTH[sign] for weight, sign in zip(range(LENGTH + 1, 1, -1), body, strict=True))
    return ALPHABET[-total % len(ALPHABET)]
