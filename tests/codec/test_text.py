"""Character sets: what handsets send, what is left of it, and what was named wrongly."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import text
from mmsd.codec.tables import charsets
from mmsd.errors import EncodeError

SUBJECTS = [
    "清明回家",
    "端午安康",
    "面条真香",
    "春茶彩信",
    "请喝茶",
    "工作安排",
    "新年快乐！",
    "转：照片来了",
    "一路平安",
    "FW: 小猫",
    "生日快乐2008",
    "Hi",
    "转",
]


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("charset", [charsets.UTF_8, charsets.UCS_2, charsets.UTF_16, 1013, 1014, 113, 114, 2025])
def test_a_named_character_set_is_believed(subject, charset):
    assert text.decode(text.encode(subject, charset), charset) == subject


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb2312", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("charset", [charsets.ANY, charsets.ANY_128])
def test_an_unnamed_one_is_found(subject, codec, charset):
    assert text.decode(subject.encode(codec), charset) == subject


@pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if subject not in {"Hi", "转"}])
@pytest.mark.parametrize("codec", ["utf-16-be", "utf-16-le"])
def test_utf_16_without_byte_order_mark_is_found(subject, codec):
    assert text.decode(subject.encode(codec), charsets.UCS_2) == subject


@pytest.mark.parametrize("subject", ["Привет", "สวัสดี", "안녕하세요", "\U0001f600\U0001f600", "ありがとう"])
def test_other_scripts_are_read_too(subject):
    assert text.decode(subject.encode()) == subject
    assert text.decode(subject.encode(), charsets.UTF_8) == subject
    assert text.decode(subject.encode("utf-16-be"), charsets.UCS_2) == subject
    assert text.decode(subject.encode("utf-16")) == subject


@pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if len(subject) > 2 and subject != "FW: 小猫"])  # good UTF-8 too
def test_a_wrong_name_does_no_harm(subject):
    assert text.decode(subject.encode("gb2312"), charsets.UTF_8) == subject
    assert text.decode(subject.encode("gb2312"), charsets.ASCII) == subject
    assert text.decode(subject.encode("utf-8"), charsets.ASCII) == subject
    assert text.decode(subject.encode("utf-8"), 31337) == subject


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (bytes.fromhex("fffeef7a4853895bb75e"), "端午安康"),  # as Mbuni passes it on
        (bytes.fromhex("feff660e"), "明"),
        (bytes.fromhex("fffe2d4e00"), "中"),  # and as it cuts it at the first NUL
        (bytes.fromhex("fffe4600"), "F"),
        (bytes.fromhex("fffe46"), ""),
        (b"", ""),
        ("Grüße aus Köln".encode("latin-1"), "Grüße aus Köln"),
    ],
)
def test_what_gateways_leave(raw, expected):
    assert text.decode(raw) == expected


@hypothesis.given(st.binary(max_size=40), st.sampled_from([*charsets.CODECS, 0, 128, 9999]))
def test_decode_never_raises(raw, charset):
    """And what it returns can be stored."""
    value = text.decode(raw, charset)
    assert value.encode().decode() == value


def test_half_a_surrogate_pair_is_no_text():
    assert text.decode(b"+2AA-", 1012) == "+2AA-"


@hypothesis.given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=30))
def test_what_is_written_in_unicode_is_read_back(value):
    for charset in (charsets.UTF_8, charsets.UCS_2, charsets.UTF_16):
        assert text.decode(text.encode(value, charset), charset) == value


@pytest.mark.parametrize(("value", "charset"), [("中", charsets.ASCII), ("a", 9999), ("\ud800", charsets.UTF_8)])
def test_what_a_set_lacks_is_not_written(value, charset):
    with pytest.raises(EncodeError):
        text.encode(value, charset)


def test_every_codec_is_known_to_python():
    assert all("a".encode(codec) for codec in charsets.CODECS.values())


@pytest.mark.parametrize(
    ("raw", "charset", "said"),
    [
        ("清明".encode("gb2312"), charsets.UTF_8, "text is not in the utf-8 it names"),
        ("é".encode(), charsets.ASCII, "text is not in the us-ascii it names"),
        (b"abc", charsets.UCS_2, "text is not in the iso-10646-ucs-2 it names"),
        (b"abc", 31337, "character set 31337 is not known"),
        ("清明".encode("gbk"), 2025, ""),
        ("清明".encode("utf-16"), charsets.UTF_8, ""),  # its byte order mark is believed
        (b"\xff", charsets.ANY, ""),
        (b"", charsets.UTF_8, ""),
    ],
)
def test_trouble_is_named(raw, charset, said):
    assert text.trouble(raw, charset) == said


def test_every_name_means_a_character_set_that_is_read():
    assert set(charsets.NAMES.values()) == set(charsets.CODECS)
    assert set(charsets.PREFERRED) - {charsets.ANY, charsets.ANY_128} == set(charsets.CODECS)
