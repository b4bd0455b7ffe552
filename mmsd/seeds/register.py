"""Finds where a seed lies in a received picture: phase correlation over scale and rotation, then an affine refinement. Bounded work.

Both are looked at without their slow shades (a tone curve or a shadow must not count), on the canonical grid, which holds all of the mark.
The refinement is the inverse compositional one: the seed's gradients are taken once, each step costs one view and six sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsd.seeds.geometry import IDENTITY, Map, inside, inverted, joined, seen, shifted, turned
from mmsd.seeds.seed import SIDE, Floats

LOOKS: Final = (
    *((0.0, scale) for scale in (0.82, 0.91, 1.0, 1.12, 1.25)),
    *((degrees, 1.0) for degrees in (-5.0, -2.5, 2.5, 5.0)),
    *((degrees, 1.12) for degrees in (-4.0, 4.0)),
)
"""Rotations in degrees and scales of the coarse search; the steps between are the refinement's."""
_COARSE: Final = 64
_STEPS: Final = ((32, 8), (64, 6))  # rows of the grid, steps on it
_LAST: Final = (SIDE, 6)
_POLISH: Final = (SIDE, 12)
_EDGE: Final = 0.06
"""Of the received picture's edge: slow shades are told from the rest badly there."""
ALIKE: Final = 0.2
"""Correlation with the seed below which a place is given up."""
CLEAR: Final = (14.0, 78, 0.35)
"""A peak stands out when it is higher than the first, and by the third for each bit over the second that the fingerprints differ in.
Unrelated pictures have 8 at 100 bits and more, one in ten 18; a seed of which a twentieth was cropped 15 at 78, a tenth 25 at 90."""
_THE_SAME: Final = 0.012  # of the side


def _sharp(values: Floats) -> Image.Image:
    """What is left of a picture without its slow shades, about 0; mode F."""
    image = Image.fromarray(values)
    slow = image.resize((16, 16), Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)
    return Image.fromarray(values - np.asarray(slow, np.float32))


def _reduced(image: Image.Image, side: int) -> Image.Image:
    return image if side == SIDE else image.resize((side, side), Image.Resampling.HAMMING)


@cache
def _window() -> Floats:
    rise = np.hanning(_COARSE + 2)[1:-1].astype(np.float32)
    return rise[:, None] * rise[None, :]


class Received:
    """A received picture, ready to be laid on seeds: its views are made once for all of them."""

    def __init__(self, values: Floats, shape: float = 1.0) -> None:
        sharp = _sharp(values)
        self.levels = {side: _reduced(sharp, side) for side in (32, 64, SIDE)}
        self._shape = shape
        self._views: tuple[list[Map], NDArray[np.complex64]] | None = None

    def views(self) -> tuple[list[Map], NDArray[np.complex64]]:
        """Each scale and rotation, and the spectra of what is seen through them: (11, 64, 33)."""
        if self._views is None:
            maps = [turned(degrees, scale, self._shape) for degrees, scale in LOOKS]
            image = self.levels[_COARSE]
            stack = np.stack([seen(image, by, _COARSE, smooth=False) for by in maps])
            self._views = maps, np.fft.rfft2(stack * _window()).astype(np.complex64)
        return self._views


class _Level(NamedTuple):
    values: Floats  # (n, n)
    slopes: Floats  # (6, n·n): what each parameter of the map changes
    solve: NDArray[np.float64]  # (6, 6), the inverse of their products


class Found(NamedTuple):
    """What the coarse search found of a seed."""

    places: list[Map]  # the likeliest first
    peak: float  # how far the best one stands out, in deviations

    def is_clear(self, distance: int) -> bool:
        """Whether it is worth a refinement, for a fingerprint so far away."""
        least, bits, slope = CLEAR
        return self.peak >= least + slope * max(0, distance - bits)


class Template:
    """A seed's picture, ready to be found. What only a few of them need is made when it is needed."""

    def __init__(self, values: Floats) -> None:
        self._sharp = _sharp(values)
        self._levels: dict[int, _Level] = {}
        self._spectrum = np.fft.rfft2(np.asarray(_reduced(self._sharp, _COARSE), np.float32) * _window()).astype(np.complex64)

    def _level(self, side: int) -> _Level:
        if side not in self._levels:
            self._levels[side] = _level(np.asarray(_reduced(self._sharp, side), np.float32))
        return self._levels[side]

    def coarse(self, received: Received, limit: int) -> Found:
        """The `limit` likeliest places among all scales, rotations and shifts."""
        maps, spectra = received.views()
        cross = spectra * self._spectrum.conj()
        cross /= np.sqrt(np.abs(cross)) + 1e-3  # half whitened: neither the strongest edge nor the noise alone decides
        peaks = np.fft.irfft2(cross, s=(_COARSE, _COARSE)).reshape(len(maps), -1)
        places = peaks.argmax(axis=1)
        heights = peaks[np.arange(len(maps)), places]
        found = []
        for number in np.argsort(-heights)[:limit].tolist():
            down, right = divmod(int(places[number]), _COARSE)
            half = _COARSE // 2
            found.append(shifted(maps[number], ((right + half) % _COARSE - half) / _COARSE, ((down + half) % _COARSE - half) / _COARSE))
        return Found(found, float(heights.max() / (peaks.std() + 1e-9)))

    def refined(self, received: Received, begin: Iterable[Map]) -> Iterator[tuple[Map, float]]:
        """Each of those places made better step by step, with the correlation there; hopeless ones are given up, equal ones given once.

        A caller that has what it wants asks for no more.
        """
        given: list[Map] = []
        for by in begin:
            yield from self._place(received, by, given)

    def polished(self, received: Received, by: Map) -> Map:
        """A place that `refined` gave, made better still."""
        side, steps = _POLISH
        return _steps(self._level(side), received.levels[side], by, side, steps)

    def _place(self, received: Received, by: Map, given: list[Map]) -> Iterator[tuple[Map, float]]:
        for side, steps in _STEPS:
            by = _steps(self._level(side), received.levels[side], by, side, steps)
            alike = _likeness(self._level(side), received.levels[side], by, side)
            if alike < (ALIKE if side == _COARSE else ALIKE / 2):
                return
        if any(float(np.abs(by - other).max()) < _THE_SAME for other in given):
            return
        given.append(by)
        side, steps = _LAST
        yield _steps(self._level(side), received.levels[side], by, side, steps), alike


def _level(values: Floats) -> _Level:
    side = len(values)
    down, right = (slope * side for slope in np.gradient(values))  # per unit square
    places = ((np.arange(side) + 0.5) / side).astype(np.float32)
    x, y = places[None, :], places[:, None]
    slopes = np.stack([right * x, right * y, right, down * x, down * y, down]).reshape(6, -1).astype(np.float32)
    products = slopes.astype(np.float64) @ slopes.T.astype(np.float64)
    products += np.eye(6) * (1e-3 * np.trace(products) / 6 + 1e-6)
    return _Level(values, slopes, np.linalg.inv(products).astype(np.float64))


def _steps(of: _Level, image: Image.Image, by: Map, side: int, steps: int) -> Map:
    template = of.values
    for _ in range(steps):
        view = seen(image, by, side, smooth=side == SIDE)
        sight = inside(by, side, _EDGE)
        there = template * sight
        gain = float(np.vdot(view, there)) / (float(np.vdot(there, there)) + 1.0)
        if gain < 0.05:
            return by
        left = view / gain - there
        bound = 2.0 * float(np.mean(np.abs(left))) + 1e-3
        np.clip(left, -bound, bound, out=left)  # text drawn over it pulls no harder than its edges
        move = of.solve @ (of.slopes @ (left * sight).ravel()).astype(np.float64)
        step = IDENTITY + move.reshape(2, 3)
        try:
            by = joined(by, inverted(step))
        except np.linalg.LinAlgError:
            return by
        if not 0.3 < abs(np.linalg.det(by[:, :2])) < 3.0:
            return IDENTITY
        if float(np.abs(move).max()) < 2e-4:
            break
    return by


def _likeness(of: _Level, image: Image.Image, by: Map, side: int) -> float:
    """Correlation of what both show; what was drawn over the picture counts no more than the seed's own edges."""
    there = of.values * inside(by, side)
    bound = 3.0 * float(np.sqrt(np.mean(np.square(of.values)))) + 1e-3
    view = np.clip(seen(image, by, side, smooth=False), -bound, bound) * (there != 0)
    norm = float(np.sqrt(np.vdot(view, view) * np.vdot(there, there)))
    return float(np.vdot(view, there)) / norm if norm > 0 else 0.0
