"""The mark: its generator to the bit, that it is found, and that nothing but the right key finds it."""

from __future__ import annotations

import random
from hashlib import blake2b

import numpy as np
import pytest
from PIL import Image

from bench import cards
from mmsd.seeds import mark
from mmsd.seeds.pictures import canonical
from tests.seeds.drawn import KEY, card


def host(image: Image.Image, payload: bytes = b"one", key: bytes = KEY) -> mark.Host:
    return mark.host(canonical(image.convert("L")), mark.chips(key, payload))


def test_the_generator_is_what_it_was() -> None:
    assert mark.chips(bytes(32), b"\x00\x01")[:2].tolist() == [
        [1, -1, -1, 1, -1, -1, 1, -1, 1, 1],
        [1, -1, -1, 1, -1, 1, 1, 1, 1, 1],
    ]
    digest = blake2b(mark.chips(KEY, bytes(range(16))).tobytes(), digest_size=16).hexdigest()
    assert digest == "d191246b34f8ce10cae4e6a6c6c71efc", "every seed ever sent would be unknown"


def test_chips_are_bits_of_blake2_under_the_key() -> None:
    octets = blake2b(b"seed" + (1).to_bytes(4, "big"), key=KEY, person=b"mmsd chips 1", digest_size=64).digest()
    expected = [1 - 2 * (octets[bit // 8] >> bit % 8 & 1) for bit in range(512)]
    assert mark.chips(KEY, b"seed").ravel()[512:1024].tolist() == expected


def test_chips_of_two_seeds_do_not_agree() -> None:
    one, other = mark.chips(KEY, b"one").ravel().astype(int), mark.chips(KEY, b"two").ravel().astype(int)
    assert abs(int(one @ other)) < 6 * np.sqrt(mark.CHIPS)


def test_coefficients_are_orthonormal() -> None:
    """What a pattern adds is what is read: each chip times its weight, none in another's place."""
    of = host(card())
    assert np.allclose(mark.coefficients(mark.pattern(of)), of.weights * of.signs, atol=1e-4)


@pytest.mark.parametrize("template", ["torch", "river", "lantern", "numbered"])
def test_a_marked_picture_scores_and_nothing_else_does(template: str) -> None:
    image = card(template)
    of = host(image)
    marked = mark.embedded(image, mark.pattern(of), 1.7)
    found = mark.coefficients(canonical(marked.convert("L")))
    assert mark.score(found, of) > 40
    assert abs(mark.score(found, host(image, b"two"))) < 5, "another seed's chips"
    assert abs(mark.score(found, host(image, key=bytes(32)))) < 5, "another deployment's"
    assert abs(mark.score(of.spectrum + 0.5, of)) < 5, "the original without a mark"


def test_the_score_of_what_knows_no_chips_is_bounded() -> None:
    """2,000 keys over one picture that is as unlike its host as can be: the tail keeps under Hoeffding's bound."""
    found = mark.coefficients(canonical(card("lantern").convert("L")))
    values = canonical(card("river").convert("L"))
    left = mark.left_of(found, mark.host(values, mark.chips(KEY, b"x")))
    scores = np.array([float(np.vdot(left, mark.chips(KEY, number.to_bytes(4, "big")))) for number in range(2000)])
    assert abs(scores.mean()) < 0.15
    assert 0.9 < scores.std() < 1.1
    for level in (2.5, 3.0, 3.5):
        assert np.count_nonzero(scores >= level) <= 2000 * np.exp(-level * level / 2) * 1.2


def test_what_is_left_does_not_hang_on_the_chips() -> None:
    """The bound stands on this: only the last product knows them."""
    found = mark.coefficients(canonical(card().convert("L")))
    values = canonical(card(seed=2).convert("L"))
    one, other = (mark.left_of(found, mark.host(values, mark.chips(KEY, name))) for name in (b"one", b"two"))
    assert np.array_equal(one, other)


def test_a_flat_picture_scores_nothing() -> None:
    of = host(card())
    assert mark.score(np.zeros_like(of.spectrum), of) == 0.0


def test_a_tone_curve_is_taken_out() -> None:
    """One gain does not fit the dark and the light half; the curve does."""
    image = cards.landscape(random.Random(3), (320, 240))
    of = host(image)
    marked = mark.embedded(image, mark.pattern(of), 1.7)
    bent = marked.point([level // 3 if level < 128 else 128 + level // 2 for level in range(256)] * 3)
    values = canonical(bent.convert("L"))
    found = mark.coefficients(values)
    toned = of._replace(spectrum=mark.coefficients(mark.toned(of.values, values)))
    assert mark.score(found, toned) > mark.score(found, of) + 3
