"""The shortlist: near for what was altered, far for what is unrelated, the same whatever is looked for beside it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bench import corpus
from mmsd.seeds import alterations as alter
from mmsd.seeds import fingerprint, geometry, pictures
from mmsd.seeds.fingerprint import BITS, VARIANTS, Index, distance, variants
from mmsd.seeds.seed import VIEWS, WORDS, Words
from tests.seeds.drawn import card


def grid(octets: bytes) -> np.ndarray:
    return pictures.canonical(pictures.grey(pictures.opened(octets)))


def test_a_face_has_as_many_views_as_there_are_variants() -> None:
    assert len(VARIANTS) == VIEWS
    assert fingerprint.BITS == 64 * WORDS


@pytest.mark.parametrize("quality", [90, 50, 20])
def test_an_altered_picture_is_near_and_an_unrelated_one_far(quality: int) -> None:
    own = fingerprint.fingerprint(grid(alter.png(card("river"))))
    altered = fingerprint.fingerprint(grid(alter.jpeg(alter.scaled(card("river"), 160), quality)))
    assert distance(own, altered) < 24
    far = [distance(own, fingerprint.fingerprint(grid(corpus.unrelated(number)))) for number in range(40)]
    assert min(far) > 60
    assert 100 < np.mean(far) < BITS * 0.6


@pytest.mark.parametrize("variant", range(1, VIEWS))
def test_each_variant_is_what_it_says(variant: int) -> None:
    """A picture altered so is nearest to that very fingerprint, and lies where the variant's map says."""
    values = grid(alter.png(card("torch")))
    mean = float(values.mean())
    image = Image.fromarray(values - mean)
    altered = geometry.seen(image, geometry.inverted(VARIANTS[variant])) + mean
    bits = np.bitwise_count(variants(values) ^ fingerprint.fingerprint(altered)).sum(axis=1)
    assert bits[variant] <= 4
    back = geometry.seen(Image.fromarray(altered - mean), VARIANTS[variant]) + mean
    inner = slice(24, 104)
    assert np.abs(back - values)[inner, inner].mean() < 8


def drawn(noise: np.random.Generator, count: int) -> list[Words]:
    return [noise.integers(0, 1 << 63, (VIEWS, WORDS), np.uint64) for _ in range(count)]


def test_the_index_finds_what_looking_at_all_finds(seed: int) -> None:
    noise = np.random.default_rng(seed)
    faces = drawn(noise, 3000)
    index = Index(faces)
    for _ in range(20):
        number, view = int(noise.integers(3000)), int(noise.integers(VIEWS))
        words = faces[number][view].copy()
        words[int(noise.integers(WORDS))] ^= np.uint64(0b1011)
        found = index.shortlist([words], 4, 100)
        all_of_them = sorted((int(np.bitwise_count(face ^ words).sum(axis=1).min()), place) for place, face in enumerate(faces))
        expected = [(bits, place) for bits, place in all_of_them if bits <= 100][:4]
        assert [(near.distance, near.face) for near in found] == expected
        assert found[0][:3] == (number, view, 3)


def test_the_radius_and_an_empty_index() -> None:
    faces = drawn(np.random.default_rng(1), 10)
    assert Index(faces).shortlist([faces[3][5]], 6, 0) == [fingerprint.Near(3, 5, 0)]
    assert Index([]).shortlist([faces[0][0]], 6, BITS) == []
    with pytest.raises(ValueError, match="fingerprints"):
        Index([faces[0][:3]])


def test_a_template_of_siblings_without_end_gives_the_nearest() -> None:
    one = drawn(np.random.default_rng(2), 1)[0]
    faces = [one.copy() for _ in range(2000)]
    for number, face in enumerate(faces):
        face ^= np.uint64((1 << number % 8) - 1)
    found = Index(faces).shortlist([one[0]], 6, 100)
    assert [near.distance for near in found] == [0] * 6


def test_ten_thousand_seeds_take_five_megabytes() -> None:
    assert Index(drawn(np.random.default_rng(3), 1000)).octets == 1000 * VIEWS * WORDS * 8
