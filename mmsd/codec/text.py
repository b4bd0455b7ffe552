"""Text as handsets and MMSCs send it: with the right character set, with a wrong one, or with none at all.

`decode` never raises, and what it returns can be written in UTF-8. A named character set is believed when the bytes fit it; otherwise,
and for UTF-16 without a byte order mark, the reading is taken that gives the most ordinary Chinese or ASCII text. A guess can be wrong
for a few characters of text.
"""

from __future__ import annotations

import codecs
from typing import Final

from mmsd.codec.tables import charsets
from mmsd.errors import EncodeError

_WIDE: Final = ("utf-16-be", "utf-16-le")
_GUESSES: Final = ("utf-8", "gb18030", *_WIDE)
"""In the order that wins at equal plausibility."""

_JUDGED: Final = 4096
"""Characters that a reading is judged by; a subject has forty, and a megabyte is nobody's."""

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le"))


def decode(raw: bytes, charset: int = charsets.ANY) -> str:
    """Text of `raw` in `charset` (MIBenum; 0 or 128 = unknown). Never raises: what cannot be read becomes U+FFFD.

    >>> decode("端午安康".encode("utf-16")), decode("清明回家".encode("gb2312")), decode(b"Seed K7")
    ('端午安康', '清明回家', 'Seed K7')
    >>> decode("清明".encode("gb2312"), charsets.UTF_8)
    '清明'
    """
    for bom, codec in _BOMS:
        if raw.startswith(bom):
            return _whole(raw[len(bom) :], codec).decode(codec, "replace").rstrip("\0")
    codec = charsets.CODECS.get(charset, "")
    if codec == "utf-16":
        return guess(raw, _WIDE, "utf-16-be")
    named = _read(raw, codec) if codec else None
    return guess(raw) if named is None else named  # None: the sender named another character set than it used


def trouble(raw: bytes, charset: int) -> str:
    """What is wrong with octets said to be in `charset`; empty when nothing is, or when no character set is named.

    >>> trouble("清明".encode("gb2312"), charsets.UTF_8), trouble(b"Seed", 31337), trouble("清明".encode(), charsets.UTF_8)
    ('text is not in the utf-8 it names', 'character set 31337 is not known', '')
    """
    if charset in {charsets.ANY, charsets.ANY_128}:
        return ""
    codec = charsets.CODECS.get(charset)
    if codec is None:
        return f"character set {charset} is not known"
    if any(raw.startswith(bom) for bom, _ in _BOMS):
        return ""
    fits = len(raw) % 2 == 0 if codec == "utf-16" else _read(raw, codec) is not None
    return "" if fits else f"text is not in the {charsets.PREFERRED[charset]} it names"


def guess(raw: bytes, candidates: tuple[str, ...] = _GUESSES, otherwise: str = "utf-8") -> str:
    """The reading of `raw` with the largest share of ordinary characters; where none has half, that of `otherwise`, or else Latin-1.

    >>> guess("一路平安".encode("utf-16-be")), guess(b"\\xd6\\xd0"), guess("Привет".encode()), guess("Grüße".encode("latin-1"))
    ('一路平安', '中', 'Привет', 'Grüße')
    """
    if candidates[0] == "utf-8" and raw.isascii() and (plain := raw.decode()).isprintable():
        return plain  # nothing is more ordinary
    best, best_share = _read(raw, otherwise), 0.5
    for codec in candidates:
        text = _read(raw, codec)
        if text is None or any(0xE000 <= ord(char) < 0xF900 or char < "\t" for char in text[:_JUDGED]):
            continue  # private use and control characters: what a wrong reading yields
        share = sum(map(_ordinary, text[:_JUDGED])) / len(text[:_JUDGED]) if text else 1.0
        if share > best_share:
            best, best_share = text, share
    return raw.decode("latin-1") if best is None else best


def _read(raw: bytes, codec: str) -> str | None:
    try:
        text = _whole(raw, codec).decode(codec).rstrip("\0")
        text.encode()  # UTF-7 lets half a surrogate pair through
    except UnicodeError:
        return None
    return text


def encode(text: str, charset: int) -> bytes:
    """`text` in `charset` (MIBenum), UTF-16 big-endian behind its byte order mark. EncodeError when the set lacks a character.

    >>> encode("中", charsets.UCS_2).hex(), encode("中", charsets.UTF_8).hex()
    ('feff4e2d', 'e4b8ad')
    """
    codec = charsets.CODECS.get(charset)
    if codec is None:
        raise EncodeError(f"no character set has MIBenum {charset}")
    try:
        return codecs.BOM_UTF16_BE + text.encode("utf-16-be") if codec == "utf-16" else text.encode(codec)
    except UnicodeError as error:
        raise EncodeError(f"MIBenum {charset} ({codec}) lacks a character of the text") from error


def _whole(raw: bytes, codec: str) -> bytes:
    """Without the odd octet that a cut at NUL leaves of a UTF-16 text."""
    return raw[: len(raw) & ~1] if codec.startswith("utf-16") else raw


def _ordinary(char: str) -> bool:
    """ASCII, Chinese punctuation, kana and full-width forms, or one of the 3,755 common characters of GB 2312 (rows 16 to 55)."""
    point = ord(char)
    if point < 0x80:
        return point >= 0x20 or char in "\r\n\t"
    if 0x3000 <= point < 0x3100 or 0xFF00 <= point < 0xFFF0 or 0x2010 <= point < 0x2027:
        return True
    if 0x4E00 <= point < 0xA000:
        code = char.encode("gb2312", "ignore")
        return bool(code) and 0xB0 <= code[0] <= 0xD7
    return False
