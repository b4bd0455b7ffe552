"""Fingerprints: which seeds a picture may be of, within a millisecond for 10,000 of them. A shortlist, never a verdict.

A picture's fingerprint is 256 bits: the signs of its 16×16 lowest frequencies about their median. Each seed is filed under what it would
look like after sixteen things that people and handsets do to a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsd.seeds.geometry import IDENTITY, Map, boxed, cropped, inverted, seen, turned
from mmsd.seeds.seed import SIDE, WORDS, Box, Floats, Words

BITS: Final = 256
_ROWS: Final = 16
_CHUNK: Final = 8_192  # fingerprints compared at a time: their distances stay in the cache

VARIANTS: Final[tuple[Map, ...]] = (
    IDENTITY,
    cropped((0.05, 0.05, 0.95, 0.95)),
    cropped((0.1, 0.1, 0.9, 0.9)),
    cropped((0.08, 0.08, 1.0, 1.0)),
    cropped((0.0, 0.08, 0.92, 1.0)),
    cropped((0.08, 0.0, 1.0, 0.92)),
    cropped((0.0, 0.0, 0.92, 0.92)),
    turned(2.5),
    turned(-2.5),
    turned(5.0),
    turned(-5.0),
    boxed((0.0, 0.0, 1.0, 0.87)),  # a caption below
    boxed((0.0, 0.0, 1.0, 0.8)),
    boxed((0.0, 0.13, 1.0, 1.0)),  # a caption above
    boxed((0.0, 0.2, 1.0, 1.0)),
    boxed((0.07, 0.07, 0.93, 0.93)),  # a frame; of a seed that has even margins, those cut off instead
)
"""Where the seed lies in each: what registration begins with, too."""
TRIMMED: Final = len(VARIANTS) - 1


@cache
def _lowest() -> Floats:
    place = np.arange(SIDE)
    return np.stack([np.cos(np.pi * (2 * place + 1) * row / (2 * SIDE)) for row in range(1, _ROWS + 1)]).astype(np.float32)


def fingerprint(values: Floats) -> Words:
    """Of a picture on the canonical grid: four words of 64 bits.

    >>> fingerprint(np.tile(np.arange(128, dtype=np.float32), (128, 1))).shape
    (4,)
    """
    lowest = (_lowest() @ values @ _lowest().T).ravel()
    return np.packbits(lowest > np.median(lowest)).view(np.uint64)


def places(trim: Box | None) -> tuple[Map, ...]:
    """VARIANTS for a seed's picture, `trim` what lies within its even margins."""
    return VARIANTS if trim is None else (*VARIANTS[:TRIMMED], cropped(trim))


def variants(values: Floats, trim: Box | None = None) -> Words:
    """The fingerprints of a seed's picture after each of `places(trim)`: (16, 4)."""
    mean = float(values.mean())
    image = Image.fromarray(values - mean)
    return np.stack([fingerprint(values), *(fingerprint(seen(image, inverted(by)) + mean) for by in places(trim)[1:])])


def distance(one: Words, other: Words) -> int:
    """Bits that differ."""
    return int(np.bitwise_count(one ^ other).sum())


class Near(NamedTuple):
    """A picture on the shortlist."""

    face: int  # its ordinal in the index
    variant: int  # of VARIANTS
    distance: int  # bits
    form: int = 0  # which of the fingerprints asked for


class Index:
    """Fingerprints of many pictures, a column for each of their four words."""

    def __init__(self, faces: Iterable[Words]) -> None:
        rows = list(faces)
        count = len(VARIANTS)
        table = np.concatenate(rows) if rows else np.empty((0, WORDS), np.uint64)
        if table.shape != (len(rows) * count, WORDS):
            raise ValueError(f"each picture has {count} fingerprints of {WORDS} words")
        self._columns = [np.ascontiguousarray(table[:, word]) for word in range(WORDS)]
        self._count = count

    def __len__(self) -> int:
        return len(self._columns[0]) // self._count

    @property
    def octets(self) -> int:
        return sum(column.nbytes for column in self._columns)

    def shortlist(self, of: Sequence[Words], limit: int, radius: int) -> list[Near]:
        """The nearest pictures within `radius` bits of any of those fingerprints, nearest first, each once."""
        best: dict[int, Near] = {}
        unlike, ones = np.empty(_CHUNK, np.uint64), np.empty(_CHUNK, np.uint8)  # new ones each time would cost more than the counting
        for form, words in enumerate(of):
            for start in range(0, len(self._columns[0]), _CHUNK):
                stop = start + _CHUNK
                size = min(stop, len(self._columns[0])) - start
                bits = np.zeros(size, np.uint16)
                for column, word in zip(self._columns, words, strict=True):
                    bits += np.bitwise_count(np.bitwise_xor(column[start:stop], word, out=unlike[:size]), out=ones[:size])
                near = np.flatnonzero(bits <= radius)
                if len(near) > 4 * limit:  # a template's siblings without end
                    near = _nearest(bits.reshape(-1, self._count), limit, radius)
                for place in near.tolist():
                    face, variant = divmod(start + place, self._count)
                    found = Near(face, variant, int(bits[place]), form)
                    if face not in best or found.distance < best[face].distance:
                        best[face] = found
        return sorted(best.values(), key=lambda near: (near.distance, near.face))[:limit]


def _nearest(bits: NDArray[np.uint16], limit: int, radius: int) -> NDArray[np.intp]:
    """Of distances, (faces, fingerprints of each), the nearest `limit` faces within `radius`: the places of their fingerprints."""
    lowest = np.ascontiguousarray(bits.T).min(axis=0).astype(np.int64) * len(bits) + np.arange(len(bits))  # of equal ones the first
    best = np.argpartition(lowest, limit)[:limit] if len(lowest) > limit else np.arange(len(lowest))
    places: NDArray[np.intp] = best * bits.shape[1] + bits[best].argmin(axis=1)
    return places[bits.ravel()[places] <= radius]
