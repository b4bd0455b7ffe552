"""Answers of subscribers as handsets and people write them."""

from __future__ import annotations

import random
import sys
from typing import NamedTuple

import pytest

from mmsd.model import HOUR
from mmsd.rules.answers import Meaning, Reader, Words, plain

READER = Reader(Words())


class Asked(NamedTuple):
    code: str
    expires: int


ONE = [Asked("34", 48 * HOUR)]
TWO = [Asked("34", 48 * HOUR), Asked("57", 50 * HOUR)]


@pytest.mark.parametrize(
    "text",
    [
        "Y", "y", "Ｙ", "ｙ", "Ⓨ", "ⓨ", "🄨", " Y ", "Y.", "y!", "(Y)", "【Y】", "“Y”", "Y\r\n", "\u200bY", "\ufeffY", "Ｙ。",
        "1", "１", "①", "❶", "⑴", "1️⃣", "1.", "１。", "𝟏", " 1\t",
        "是", "是。", "「是」", "是的", "是的！", " 是 ", "好", "好的", "可以", "同意", "要", "是，谢谢",
        "好的谢谢", "回复Y", "回复：是", "请要",
        "yes", "YES", "Yes please", "ok", "OK thanks", "ｏｋ", "Yep!!!", "Y, thank you.", "Sure", "y😀", "是👌",
    ],
)  # fmt: skip
def test_a_bare_yes_in_any_shape(text: str):
    assert READER.read(text, ONE, at=HOUR) == (Meaning.YES, 0, "")


@pytest.mark.parametrize(
    "text", ["N", "ｎ", "no", "No thanks", "NO!", "否", "不", "不要", "不用了，谢谢", "不需要", "不同意", "0", "２", "②", "拒绝。"]
)
def test_a_no(text: str):
    assert READER.read(text, ONE, at=HOUR) == (Meaning.NO, 0, "")


@pytest.mark.parametrize(
    "text",
    [
        "T", "t", "ＴＤ", "TD", "td.", "退订", "退订！", "我要退订", "请退订此服务", "STOP", "Stop it", "please stop.",
        "unsubscribe me", "Ｓｔｏｐ",
        "取消", "取消服务", "不要再发了", "别发了", "0000", "00000", "q", "cancel this", "Y stop", "是 退订", "1退订", "opt-out", "TD34",
    ],
)  # fmt: skip
@pytest.mark.parametrize("questions", [[], ONE, TWO], ids=["none", "one", "two"])
def test_stop_words_always_win(text: str, questions: list[Asked]):
    assert READER.read(text, questions, at=HOUR).meaning is Meaning.STOP


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "?", "！", "谢谢", "thanks", "who is this", "什么意思", "是不是骗子", "你是谁", "yesterday",
        "okra", "no idea what you mean",
        "Y or N?", "是吗", "11", "12", "3", "我不知道是什么", "nice", "can't", "是否", "好不好", "要钱吗", "y n", "10", "1000", "二", "да",
        "nonstop music", "backstop", "要不要",
    ],
)  # fmt: skip
def test_what_is_not_certain_is_something_else(text: str):
    assert READER.read(text, ONE, at=HOUR) == (Meaning.OTHER, -1, "")


@pytest.mark.parametrize("text", ["settings", "MMS", "设置", "彩信设置", "ＳＺ", "Settings please", "请设置彩信"])
def test_settings_on_request(text: str):
    assert READER.read(text, [], at=HOUR).meaning is Meaning.REQUEST
    assert READER.read(text, ONE, at=HOUR).meaning is Meaning.REQUEST


def test_a_yes_counts_while_its_question_is_young():
    assert READER.read("Y", ONE, at=48 * HOUR - 1) == (Meaning.YES, 0, "")
    assert READER.read("Y", ONE, at=48 * HOUR) == (Meaning.OTHER, -1, "too late")
    assert READER.read("Y34", ONE, at=48 * HOUR) == (Meaning.OTHER, -1, "too late")
    assert READER.read("Y", [], at=HOUR) == (Meaning.OTHER, -1, "no question is open")


def test_of_several_questions_one_must_be_named():
    assert READER.read("Y", TWO, at=HOUR) == (Meaning.OTHER, -1, "several questions are open, and it names none")
    for text in ("Y57", "57Y", "y 57", "是57", "57 是", "1 57", "571", "157", "５７ Ｙ", "Y-57", "57, yes please"):
        assert READER.read(text, TWO, at=HOUR) == (Meaning.YES, 1, ""), text
    assert READER.read("N34", TWO, at=HOUR) == (Meaning.NO, 0, "")
    assert READER.read("是", TWO, at=HOUR, sub_code="34") == (Meaning.YES, 0, "")
    assert READER.read("57", TWO, at=HOUR) == (Meaning.OTHER, -1, "")


def test_once_one_of_two_is_too_old_a_bare_yes_is_for_the_other():
    assert READER.read("Y", TWO, at=49 * HOUR) == (Meaning.YES, 1, "")
    assert READER.read("Y34", TWO, at=49 * HOUR) == (Meaning.OTHER, -1, "too late")


def test_a_code_that_is_given_has_to_be_right():
    for text in ("Y99", "99Y", "是 12"):
        assert READER.read(text, ONE, at=HOUR) == (Meaning.OTHER, -1, "no open question has this code"), text
    assert READER.read("Y34", ONE, at=HOUR) == (Meaning.YES, 0, "")
    assert READER.read("Y", ONE, at=HOUR, sub_code="88") == (Meaning.OTHER, -1, "no open question has this code")
    assert READER.read("Y34", TWO, at=HOUR, sub_code="57") == (Meaning.YES, 0, "")


def test_codes_that_cannot_be_told_apart_name_none():
    confusing = [Asked("12", 48 * HOUR), Asked("21", 48 * HOUR)]
    assert READER.read("121", confusing, at=HOUR) == (Meaning.OTHER, -1, "")


def test_words_are_data():
    words = Words(yes=("ja",), no=("nein",), stop=("halt",), stop_within=("abmelden",), settings=("einstellungen",), polite=("bitte",))
    reader = Reader(words)
    said = ["Ja!", "nein", "HALT", "bitte abmelden", "Einstellungen bitte", "Y"]
    assert [reader.read(text, ONE, at=0).meaning for text in said] == [*list(Meaning)[:3], Meaning.STOP, Meaning.REQUEST, Meaning.OTHER]


def test_no_text_breaks_the_reader_and_none_is_a_yes_by_chance(seed: int, effort: int):
    draw = random.Random(seed)
    yes = set(map(plain, Words().yes))
    places = [range(start, sys.maxunicode, step) for start, step in ((0x20, 1), (0x2460, 1), (0x4E00, 233), (0xFF00, 1), (0, 12_000))]
    for _ in range(2000 * effort):
        text = "".join(chr(draw.choice(places)[draw.randrange(90)]) for _ in range(draw.randrange(12)))
        answer = READER.read(text, ONE, at=0)
        if answer.meaning is Meaning.YES:
            bare = plain(text)
            assert any(bare.removesuffix("34").removeprefix("34") == word or word in bare for word in yes)
            assert answer.question == 0
        else:
            assert answer.question == (0 if answer.meaning is Meaning.NO else -1)


def test_a_text_of_any_length_is_read_in_bounded_time():
    assert READER.read("是" * 1_000_000, ONE, at=0).meaning is Meaning.OTHER
    assert READER.read("谢谢" * 1_000_000, ONE, at=0).meaning is Meaning.OTHER
