"""Serials: 64 random bits, no look-alikes, and a character that catches what people mistype."""

from __future__ import annotations

import random

import pytest

from mmsd.rules.serials import ALPHABET, LENGTH, is_valid, spell


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
