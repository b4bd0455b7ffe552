"""What a subscriber's SMS says: yes, no, stop, a keyword, or something else (docs/care.md).

A bare "Y", 是 or 1 counts, in whatever width, circle or punctuation a handset or a person wrote it, while exactly one question is open; of
several the code of one must stand beside it, or behind our number. Stop words always win. Anything that is not certainly one of these is
something else, and for people to read.
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Mapping, Sequence, Set
from typing import Final, NamedTuple, Protocol

import msgspec

DIGITS: Final = "0123456789"
_LONGEST: Final = 1000
"""Characters of an SMS that are looked at: no answer is longer, whatever a centre may join."""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words in every language at once, as data. They compare without case, width, blanks and punctuation."""

    yes: tuple[str, ...] = (
        "y", "yes", "yeah", "yep", "ok", "okay", "sure", "agree", "1",
        "是", "是的", "好", "好的", "要", "需要", "可以", "行", "同意", "愿意", "确认", "对", "嗯",
    )  # fmt: skip
    no: tuple[str, ...] = (
        "n", "no", "nope", "not now", "0", "2",
        "否", "不", "不是", "不要", "不用", "不用了", "不需要", "不同意", "不可以", "不行", "拒绝",
    )  # fmt: skip
    stop: tuple[str, ...] = ("t", "td", "q", "end", "off", "no more", "0000", "00000")  # the whole message is one of these …
    stop_within: tuple[str, ...] = (  # … or says one of these anywhere
        "stop", "unsubscribe", "cancel", "quit", "opt out", "remove me",
        "退订", "取消", "拒收", "停止", "不要再发", "别再发", "别发",
    )  # fmt: skip
    settings: tuple[str, ...] = ("settings", "mms", "mms settings", "sz", "caixin", "设置", "彩信", "彩信设置", "设置彩信", "要设置")
    polite: tuple[str, ...] = (
        "please",
        "thanks",
        "thank you",
        "reply",
        "回复",
        "谢谢",
        "谢谢你",
        "请",
        "麻烦",
    )  # beside any of them: no matter


class Meaning(enum.StrEnum):
    """What a message is taken for."""

    YES = "yes"
    NO = "no"
    STOP = "stop"
    REQUEST = "request"  # settings, please
    OTHER = "other"


class Open(Protocol):
    """A question that was asked, as far as an answer needs it."""

    @property
    def code(self) -> str: ...
    @property
    def expires(self) -> int: ...


class Answer(NamedTuple):
    """What a message means; of YES and NO the place of the question it answers among those that are open."""

    meaning: Meaning
    question: int = -1
    note: str = ""  # of OTHER: why what looks like an answer is none


def spaced(text: str) -> str:
    """A text without case, width, circles, marks and punctuation; one blank between what is left, and at both ends.

    >>> spaced("please STOP, now")
    ' please stop now '
    """
    folded = unicodedata.normalize("NFKC", text[:_LONGEST]).casefold()
    digits = (str(unicodedata.digit(sign, sign)) for sign in folded)  # ❶ and digits of other scripts
    kept = "".join(sign if unicodedata.category(sign)[0] in "LN" else " " for sign in digits)
    return f" {' '.join(kept.split())} "


def plain(text: str) -> str:
    """The same without blanks.

    >>> plain(" Ｙｅｓ！ "), plain("①"), plain("“是”。"), plain("❶"), plain("Ⓨ")
    ('yes', '1', '是', '1', 'y')
    """
    return spaced(text).replace(" ", "")


class Reader:
    """Reads messages by lists of words.

    >>> Reader(Words()).read("Please stop!", [], at=0).meaning
    <Meaning.STOP: 'stop'>
    >>> Reader(Words()).read("是。", [], at=0)
    Answer(meaning=<Meaning.OTHER: 'other'>, question=-1, note='no question is open')
    """

    def __init__(self, words: Words) -> None:
        lists = ((Meaning.REQUEST, words.settings), (Meaning.YES, words.yes), (Meaning.NO, words.no), (Meaning.STOP, words.stop))
        self._whole: Mapping[str, Meaning] = {plain(word): meaning for meaning, known in lists for word in known}
        self._within = tuple(spaced(word) for word in words.stop_within if word.isascii())
        self._inside = tuple(plain(word) for word in words.stop_within if not word.isascii())
        self._polite = tuple(sorted(map(plain, words.polite), key=len, reverse=True))

    def read(self, text: str, questions: Sequence[Open], *, at: int, sub_code: str = "") -> Answer:
        """What a message says. `questions` of its sender, `at`: when it came, µs; `sub_code`: digits behind our number it was sent to."""
        bare, words = plain(text), spaced(text)
        if any(word in words for word in self._within) or any(word in bare for word in self._inside):
            return Answer(Meaning.STOP)
        meaning, code = self._said(self._without_politeness(bare), {question.code for question in questions})
        if meaning in (Meaning.STOP, Meaning.REQUEST, Meaning.OTHER):
            return Answer(meaning)
        young = {question.code: place for place, question in enumerate(questions) if at < question.expires}
        named = code or sub_code
        if named in young:
            return Answer(meaning, young[named])
        if named:
            late = any(question.code == named for question in questions)
            return Answer(Meaning.OTHER, note="too late" if late else "no open question has this code")
        if len(young) == 1:
            return Answer(meaning, next(iter(young.values())))
        if young:
            return Answer(Meaning.OTHER, note="several questions are open, and it names none")
        return Answer(Meaning.OTHER, note="too late" if questions else "no question is open")

    def _without_politeness(self, bare: str) -> str:
        before = ""
        while bare != before:
            before = bare
            for word in self._polite:
                bare = bare.removeprefix(word).removesuffix(word) if bare != word else bare
        return bare

    def _said(self, bare: str, codes: Set[str]) -> tuple[Meaning, str]:
        """The meaning of a whole message, and the code that stands beside it."""
        if bare in self._whole:
            return self._whole[bare], ""
        for splits in ([(end(bare, code), code) for code in codes for end in (str.removeprefix, str.removesuffix)], _digits_aside(bare)):
            found = {(self._whole[rest], code) for rest, code in splits if rest != bare and rest in self._whole}
            if found:
                return found.pop() if len(found) == 1 else (Meaning.OTHER, "")
        return Meaning.OTHER, ""


def _digits_aside(bare: str) -> list[tuple[str, str]]:
    """A word with digits before or behind it, as (word, digits).

    >>> _digits_aside("12y"), _digits_aside("y")
    ([('12y', ''), ('y', '12')], [('y', ''), ('y', '')])
    """
    head, tail = bare.rstrip(DIGITS), bare.lstrip(DIGITS)
    return [(head, bare[len(head) :]), (tail, bare[: len(bare) - len(tail)])]
