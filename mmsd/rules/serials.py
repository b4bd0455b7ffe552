"""Serial numbers: 64 random bits in an alphabet without look-alikes, and a check character.

The alphabet has 31 signs, a prime, and every place has its own weight that is no multiple of 31: so the weighted sum modulo 31 changes
with every single wrong sign and with every swap of neighbours. Nothing in a serial tells a date or a count.
"""

from __future__ import annotations

from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH: Final = 13  # signs of 31: 64.4 bits
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


def is_valid(serial: str, prefix: str = "") -> bool:
    """Whether the check character fits; case and spaces are forgiven.

    >>> serial = spell(987654321987654321)
    >>> is_valid(serial), is_valid(serial.lower()), is_valid(serial[1] + serial[0] + serial[2:])
    (True, True, False)
    """
    text = serial.replace(" ", "").upper().removeprefix(prefix.upper())
    if len(text) != LENGTH + 1 or any(sign not in _WORTH for sign in text):
        return False
    return _check(text[:LENGTH]) == text[LENGTH]


def _check(body: str) -> str:
    # weights 2 … 14 for the body; the check itself weighs 1, so it stands apart from its neighbour too
    total = sum(weight * _WORTH[sign] for weight, sign in zip(range(LENGTH + 1, 1, -1), body, strict=True))
    return ALPHABET[-total % len(ALPHABET)]
