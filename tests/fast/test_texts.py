"""Texts behind hashes and the hashes of numbers: the compiled twins do what their specifications do."""

from __future__ import annotations

import random
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from mmsd.fast import blind_py, texts_py

TEXTS: list[Any] = [texts_py.Texts]
BLINDS: list[Any] = [blind_py]
if find_spec("mmsd.fast.texts_c") is not None:
    from mmsd.fast import texts_c

    TEXTS.append(texts_c.Texts)
    BLINDS.append(texts_c)

KEY = bytes(range(16))
PUBLISHED = ("310e0edd47db6f72", "fd67dc93c539f874", "5a4fa9d909806c0d", "2d7efbd796666785", "b7877127e09427cf", "8da699cd64557618",
             "cee3fe586e46c9cb", "37d1018bf50002ab", "6224939a79f5f593")  # fmt: skip
"""SipHash-2-4 of the octets 00, 01 … under the key 00 … 0f, by length from 0 on, little-endian, as its authors give them."""


@pytest.mark.parametrize("build", BLINDS)
def test_siphash_is_what_its_authors_published(build: Any) -> None:
    for length, expected in enumerate(PUBLISHED):
        assert build.siphash(bytes(range(length)), KEY).to_bytes(8, "little").hex() == expected


@pytest.mark.parametrize("build", BLINDS)
def test_a_number_is_hashed_by_its_digits(build: Any, seed: int) -> None:
    draw = random.Random(seed)
    numbers = [0, 1, 10, 8613812341234, (1 << 64) - 1, *(draw.getrandbits(draw.randrange(1, 65)) for _ in range(300))]
    found = build.blind_numbers(np.array(numbers, np.uint64), KEY).tolist()
    assert found == [blind_py.siphash(str(number).encode() if number else b"", KEY) for number in numbers]


def test_texts_are_kept_told_and_forgotten_alike(seed: int, effort: int) -> None:
    """Random calls on all builds; what each packs, another loads."""
    for number in range(seed, seed + 60 * effort):
        draw = random.Random(number)
        builds = [build() for build in TEXTS]
        copy = draw.choice(TEXTS)()
        for _ in range(draw.randrange(1, 12)):
            n = draw.randrange(40)
            data = draw.randbytes(draw.randrange(1, 400))
            keys = np.array([draw.choice((0, draw.randrange(1, 60), draw.getrandbits(64))) for _ in range(n)], np.uint64)
            start = np.array([draw.randrange(len(data)) for _ in range(n)], np.int64)
            stop = np.array([draw.randrange(at, len(data) + 1) for at in start.tolist()], np.int64)
            kept = draw.sample(range(1, 60), 40)
            limit, forgets, retains = draw.randrange(300), draw.random() < 0.3, draw.random() < 0.3
            for texts in builds:
                texts.keep(keys, data, start, stop, limit)
                texts.put(7, b"seven")
                if retains:
                    texts.retain(np.array(sorted(kept[:20]), np.uint64), np.array(sorted(kept[20:]), np.uint64))
            if forgets:
                copy.load(draw.choice(builds).fresh())
                for texts in builds:
                    texts.forget_changes()
        images = [sorted(texts.items()) for texts in builds]
        assert all(image == images[0] for image in images), number
        assert len({len(texts) for texts in builds}) == 1, number
        fresh = [loaded(texts.fresh()) for texts in builds]
        assert all(image == fresh[0] for image in fresh), number
        assert loaded(builds[-1].packed()) == images[0], number
        copy.load(builds[0].fresh())
        assert {key for key, _ in images[0]} <= {key for key, _ in copy.items()}, number


def loaded(packed: bytes) -> list[tuple[int, bytes]]:
    texts = texts_py.Texts()
    texts.load(packed)
    return sorted(texts.items())


@pytest.mark.parametrize("build", TEXTS)
def test_what_lies_outside_is_refused(build: Any) -> None:
    texts = build()
    texts.put(5, b"first")
    texts.put(6, b"second")
    packed = texts.packed()
    for stop in range(1, len(packed)):
        if stop != 15:  # the first is whole
            with pytest.raises(ValueError, match="cut short"):
                build().load(packed[:stop])
    one, zero, three = np.array([1], np.uint64), np.array([0]), np.array([3])
    for first, last in ((zero - 1, three), (zero, three + 1)):
        with pytest.raises(ValueError, match="outside the data"):
            texts.keep(one, b"one", first, last, 9)
    assert 1 not in texts


@pytest.mark.parametrize("build", BLINDS)
@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_key_has_sixteen_octets(build: Any, size: int) -> None:
    with pytest.raises(ValueError, match="16 octets"):
        build.siphash(b"", bytes(size))
    with pytest.raises(ValueError, match="16 octets"):
        build.blind_numbers(np.array([1], np.uint64), bytes(size))


@pytest.mark.parametrize("build", TEXTS)
def test_a_hash_keeps_its_first_text(build: Any) -> None:
    texts = build()
    texts.put(5, b"first")
    texts.put(5, b"second")
    texts.put(0, b"nobody's")
    assert (texts[5], texts.get(6), texts.get(6, b"none"), 5 in texts, 0 in texts, len(texts)) == (b"first", b"", b"none", True, False, 1)
    with pytest.raises(KeyError):
        texts[6]
    texts.put(9, bytes(100_000))
    assert len(texts[9]) == texts_py.LONGEST
