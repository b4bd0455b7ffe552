"""What staff may write into the audit."""

from __future__ import annotations

import random

import pytest

from mmsd.rules.remarks import LONGEST, may_stay
from mmsd.rules.serials import ALPHABET, is_valid, spell


@pytest.mark.parametrize(
    "text",
    [
        "li", "ask 10086", "seen on 3 handsets", "since 2026-11-20", "from 2026-11-20 to 2026-11-27", "10:00-12:00 and 14:00-18:30",
        "王芳", "3 of 120, 45 of 300", "x" * LONGEST, "mended in 2.11.0", "order 123456",
    ],
)  # fmt: skip
def test_what_may_stay(text: str) -> None:
    assert may_stay(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "x" * (LONGEST + 1), "a\nb", "ask 13812345678", "ask 1234567", "138 1234 5678", "138-1234-5678", "138.1234.5678",
        "(138) 1234 5678", "+86 (0) 138 1234 5678",
        "138[1234]5678", "１３８１２３４５６７８", "１３８　１２３４－５６７８", "138–1234—5678",
        "138 - 1234 - 5678", "138\u00a01234\u20115678", "١٣٨١٢٣٤٥٦٧٨", "138 2026-11-201", "打13812345678", "138_1234_5678",
    ],
)  # fmt: skip
def test_what_is_too_long_or_nothing_or_tells_a_number(text: str) -> None:
    assert not may_stay(text)


def test_no_serial_stays_however_it_is_written(seed: int, effort: int) -> None:
    for number in range(seed, seed + 100 * effort):
        one = spell(random.Random(number).getrandbits(64))
        wide = "".join(chr(ord(sign) + 0xFEE0) for sign in one)
        whole = [one, one.lower(), wide, f"he showed {one}.", f"CQ-{one}", f"CQ{one}", f"序列号{one}吧"]
        parts = (one[:4], one[4:8], one[8:12], one[12:])
        groups = [
            " ".join(parts),
            "-".join(parts).lower(),
            f"seen: {one[:7]}-{one[7:]}",
            f"he showed CQ-{'-'.join(parts)}",
            f"CQ{' '.join(parts)}",
        ]
        for written in (*whole, *groups):
            assert not may_stay(written), (number, written)


@pytest.mark.parametrize(
    "written",
    ["ABCD-EFGH-JKMN-P{}", "abcd efgh jkmn p{}", "it was ABC-DEF-GHJ-KMN-P{}", "CQABCD EFGH JKMN P{}", "打CQ-ABCD.EFGH.JKMN.P{}吧"],
)
def test_groups_of_letters_alone_may_be_a_serial(written: str) -> None:
    body = "ABCDEFGHJKMNP"
    (check,) = (sign for sign in ALPHABET if is_valid(body + sign))
    assert check.isalpha()
    for sign in ALPHABET:
        assert may_stay(written.format(sign)) == (sign != check)


def test_a_mistyped_serial_is_a_word() -> None:
    assert may_stay("R6C2S7HYDNV6ZC")
    assert not may_stay("R6C2S7HYDNV62B")
