"""Live seeds of another family or campaign that a new one looks like. Marks tell them apart, but each is a picture of its own to align and
try, and a copy is tried on the nearest few alone: whoever makes the seed is told, and nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from mmsd.seeds.seed import RegisteredPicture, RegisteredSeed, Words

LIKE: Final = 64
"""Bits of 256 in which fingerprints differ. Of `bench.cards`: one drawing with other words in up to 18, another drawing of its template in
26 to 94, cards of two templates in 98 and more."""


class Alike(NamedTuple):
    """A picture of the new seed, and the live seed that has one like it."""

    picture: str  # its file
    seed: str  # campaign/name
    bits: int  # that differ, of 256


def alike(new: RegisteredSeed, live: Iterable[RegisteredSeed]) -> list[Alike]:
    """The nearest first, each live seed once. Siblings are no look-alikes: all of a family are told apart by one look.

    One live seed after the other is read, some ten thousand a second or two.
    """
    pictures = [(picture.name, _words(picture)) for picture in new.pictures]
    found = []
    for other in live:
        if other.kin == new.kin:
            continue
        theirs = np.concatenate([_words(picture) for picture in other.pictures])
        bits, name = min((_least(words, theirs), name) for name, words in pictures)
        if bits <= LIKE:
            found.append(Alike(name, other.label, bits))
    return sorted(found, key=lambda one: (one.bits, one.seed))


def _words(picture: RegisteredPicture) -> Words:
    return np.concatenate([face.words for face in picture.faces])


def _least(some: Words, others: Words) -> int:
    return min(int(np.bitwise_count(others ^ words).sum(axis=1).min()) for words in some)
