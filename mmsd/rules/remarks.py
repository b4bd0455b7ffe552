"""What staff may write into the audit: a name, a reason; nothing that says whose number or which serial it was, for it stays for good."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from mmsd.rules.serials import LENGTH, is_valid

LONGEST: Final = 200
REMEDY: Final = f"Up to {LONGEST} characters, without a phone number or a serial: it stays in the audit for good."
_FEWEST: Final = 7
"""So many digits may be a phone number."""
_SIGNS: Final = LENGTH + 1
_DATE: Final = re.compile(r"(?<!\d)(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)")
_BETWEEN: Final = re.compile(r"(?<=\d)[\s()\[\]{}.·_‐-―−-]+(?=\d)")
"""What people put between the digits of a number, after NFKC: blanks, brackets, dots, hyphens and dashes of all lengths."""
_NUMBER: Final = re.compile(rf"\d{{{_FEWEST}}}")
_WORD: Final = re.compile(r"[0-9A-Za-z]+")


def may_stay(text: str) -> bool:
    """Whether a name or reason may stay in the audit.

    >>> [may_stay(text) for text in ("seen on 3 handsets since 2026-11-20", "ask (138) 1234-5678", "R6C2 S7HY DNV6 2B")]
    [True, False, False]
    """
    return bool(text.strip()) and len(text) <= LONGEST and text.isprintable() and not _holds_number(text) and not _holds_serial(text)


def _holds_number(text: str) -> bool:
    """A date by itself is none, though it has eight digits."""
    dated = _DATE.sub("…", unicodedata.normalize("NFKC", text))
    return _NUMBER.search(_BETWEEN.sub("", dated)) is not None


def _holds_serial(text: str) -> bool:
    """In one word, behind any prefix; or in groups, which are words together of its length: letters alone may be one, too.

    One reason in 300 that tells no serial is refused for it. Where a prefix stands before the first group without a sign between, words of
    small letters are taken for words: there it would be one in 100.
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text))
    for first, word in enumerate(words):
        joined = ""
        for following in words[first:]:
            joined += following
            before = len(joined) - _SIGNS  # signs of a prefix
            if before >= len(word) and joined != word:
                break
            sure = before == 0 or joined == word or joined.isupper() or any(sign.isdigit() for sign in joined)
            if before >= 0 and sure and is_valid(joined[-_SIGNS:]):
                return True
    return False
