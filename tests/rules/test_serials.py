"""Serials: 64 random bits, no look-alikes, and a character that catches what people mistype."""

from __future__ import annotations

import random

import pytest

from mmsd.rules.serials import ALPHABET, LENGTH, fault, is_valid, plain, spell


def test_the_alphabet_has_no_lookalikes_and_a_prime_size():
    assert len(set(ALPHABET)) == len(ALPHABET) == 31
    assert not set("01OIL") & set(ALPHABET)  # each pair of them looks alike
    assert 31**LENGTH > 1 << 64


def test_every_bit_counts():
    assert len({spell(1 << bit) for bit in range(64)}) == 64
    assert spell(0) != spell(1)


def test_a_serial_is_valid_as_people_write_it():
    serial = spell(0x0123456789ABCDEF, "CQ-")
    assert is_valid(serial, "CQ-")
    assert is_valid(f" {serial.lower()[:7]} {serial[7:]} ", "cq-")
    assert not is_valid(serial, "XX-")
    assert not is_valid(serial[:-1], "CQ-")
    assert not is_valid(serial + "2", "CQ-")
    assert not is_valid("")


@pytest.fixture
def serials(seed: int, effort: int) -> list[str]:
    draw = random.Random(seed)
    return [spell(draw.getrandbits(64)) for _ in range(20 * effort)]


def test_every_single_wrong_sign_is_caught(serials: list[str]):
    for serial in serials:
        for place, sign in enumerate(serial):
            for other in ALPHABET:
                changed = serial[:place] + other + serial[place + 1 :]
                assert is_valid(changed) == (other == sign)


def test_every_swap_of_neighbours_is_caught(serials: list[str]):
    for serial in serials:
        for place in range(LENGTH):
            changed = serial[:place] + serial[place + 1] + serial[place] + serial[place + 2 :]
            assert is_valid(changed) == (changed == serial)


@pytest.mark.parametrize("wrong", ["0", "O", "1", "I", "L", "a b", "中"])
def test_signs_outside_the_alphabet_are_refused(wrong: str):
    assert not is_valid(wrong + spell(5)[1:])


def test_every_single_error_and_every_swap_is_caught_whatever_the_others_are():
    """The check is a weighted sum: what one place or two neighbours change in it hangs on no other sign. So this is all of them."""
    base = spell(0)
    assert set(base) == {ALPHABET[0]}
    for place in range(LENGTH + 1):
        for sign in ALPHABET[1:]:
            assert not is_valid(base[:place] + sign + base[place + 1 :]), "so no difference of signs is worth nothing in any place"
    for place in range(LENGTH):
        for one in ALPHABET:
            for other in ALPHABET:
                if one == other:
                    continue
                rest = [ALPHABET[0]] * (LENGTH + 1)
                rest[place : place + 2] = one, other
                made = next(text for last in ALPHABET if is_valid(text := completed(rest, place, last)))
                swapped = made[:place] + made[place + 1] + made[place] + made[place + 2 :]
                assert not is_valid(swapped)


def completed(signs: list[str], place: int, last: str) -> str:
    """Those signs made a serial by another one, away from the two at `place`."""
    spare = 0 if place > 1 else LENGTH - 1
    return "".join(last if number == spare else sign for number, sign in enumerate(signs))


def test_people_write_it_in_groups_and_in_full_width():
    serial = spell(0x0123456789ABCDEF, "CQ-")
    grouped = "ＣＱ " + "-".join(serial[3 + at : 7 + at] for at in range(0, 14, 4))
    assert is_valid(grouped, "CQ-")
    assert plain(grouped) == serial.replace("-", "")


def test_the_fault_is_told_without_the_serial():
    serial = spell(0xFEDCBA9876543210)
    wrong = ["", serial[:-1], serial + "2", "0" + serial[1:], serial[:-1] + ("2" if serial[-1] != "2" else "3")]
    for text in wrong:
        assert fault(text)
        assert not any(serial[at : at + 3] in fault(text) for at in range(len(serial) - 2))
