"""GSM 7-bit: every character, every escape, every number of fill bits."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import gsm7
from mmsd.codec.tables import gsm7 as table
from mmsd.errors import EncodeError


def test_the_alphabet_is_whole():
    assert len(table.DEFAULT) == len(set(table.DEFAULT)) == 128
    assert table.DEFAULT[table.ESCAPE] == "\x1b"
    assert not set(table.EXTENSION.values()) & set(table.DEFAULT)
    assert [table.DEFAULT.index(char) for char in "@£Δ !0A¡§¿aà"] == [0, 1, 0x10, 0x20, 0x21, 0x30, 0x41, 0x40, 0x5F, 0x60, 0x61, 0x7F]


def test_every_character_both_ways():
    for char in [*table.DEFAULT.replace("\x1b", ""), *table.EXTENSION.values()]:
        assert gsm7.decode(gsm7.encode(char)) == char
        assert gsm7.fits(char)


def test_characters_it_has_not():
    assert not gsm7.fits("端")
    assert not gsm7.fits("\x1b")
    with pytest.raises(EncodeError, match=r"U\+7AEF"):
        gsm7.encode("hello 端")


@pytest.mark.parametrize(("septets", "text"), [("1b", " "), ("1b1b65", " e"), ("1b41", "A"), ("", ""), ("1b0a", "\f")])
def test_odd_escapes(septets, text):
    assert gsm7.decode(bytes.fromhex(septets)) == text


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("hello", "e8329bfd06"),
        ("hellohello", "e8329bfd4697d9ec37"),
        ("How are you?", "c8f71d14969741f977fd07"),
        ("", ""),
        ("@" * 8, "00" * 7),
    ],
)
def test_known_octets(text, packed):
    septets = gsm7.encode(text)
    assert gsm7.pack(septets).hex() == packed
    assert gsm7.unpack(bytes.fromhex(packed), len(septets)) == septets


@hypothesis.given(st.binary(max_size=200).map(lambda octets: bytes(octet & 0x7F for octet in octets)), st.integers(0, 6))
def test_septets_both_ways(septets, fill):
    packed = gsm7.pack(septets, fill)
    assert len(packed) == (len(septets) * 7 + fill + 7) // 8
    assert gsm7.unpack(packed, len(septets), fill) == septets
    assert gsm7.unpack(packed + b"\xff", len(septets), fill) == septets


@hypothesis.given(st.binary(max_size=60), st.integers(0, 80), st.integers(0, 6))
def test_fewer_octets_give_fewer_septets(octets, count, fill):
    assert len(gsm7.unpack(octets, count, fill)) == min(count, max(len(octets) * 8 - fill, 0) // 7)


def test_what_is_no_septet():
    """A node that writes UTF-8 and calls it GSM 7-bit: what is wrong shows, the rest stays."""
    assert gsm7.decode("Señor €5".encode()) == "Se\ufffd\ufffdor \ufffd\ufffd\ufffd5"
    assert gsm7.decode(b"a\x1b\xe5e") == "a \ufffde"
