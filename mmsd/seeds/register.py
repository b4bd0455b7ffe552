"""Finds where a seed lies in a received picture: phase correlation over scale and rotation, then an affine refinement. Bounded work.

Both are looked at without their slow shades (a tone curve or a shadow must not count), on the canonical grid, which holds all of the mark.
The refinement is the inverse compositional one: the seed's gradients are taken once, each step costs one view and six sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsd.seeds.geometry import IDENTITY, Map, inside, inverted, joined, seen, shifted, turned
from mmsd.seeds.seed import SIDE, Floats

TURNS: Final = (-5.0, -2.5, 0.0, 2.5, 5.0)  # degrees
SCALES: Final = (0.82, 0.91, 1.0, 1.12, 1.25)
_COARSE: Final = 64
_STEPS: Final = ((32, 8), (64, 6))  # rows of the grid, steps on it
_LAST: Final = (SIDE, 8)
_EDGE: Final = 0.06
"""Of the received picture's edge: slow shades are told from the rest badly there."""
ALIKE: Final = 0.2
"""Correlation with the seed from which a place is worth a score."""
_SURE: Final = 0.7  # from here on no other place is looked for
_HOPELESS: Final = 0.2  # below this on the coarsest grid no finer one helps


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
        """Each scale and rotation, and the spectra of what is seen through them: (25, 64, 33)."""
        if self._views is None:
            maps = [turned(degrees, scale, self._shape) for scale in SCALES for degrees in TURNS]
            image = self.levels[_COARSE]
            stack = np.stack([seen(image, by, _COARSE, smooth=False) for by in maps])
            self._views = maps, np.fft.rfft2(stack * _window()).astype(np.complex64)
        return self._views


class _Level(NamedTuple):
    values: Floats  # (n, n)
    slopes: Floats  # (6, n·n): what each parameter of the map changes
    solve: NDArray[np.float64]  # (6, 6), the inverse of their products


class Template:
    """A seed's picture, ready to be found."""

    def __init__(self, values: Floats) -> None:
        sharp = _sharp(values)
        self._levels = {side: _level(np.asarray(_reduced(sharp, side), np.float32)) for side in (32, 64, SIDE)}
        self._spectrum = np.fft.rfft2(self._levels[_COARSE].values * _window()).astype(np.complex64)

    def coarse(self, received: Received, limit: int) -> list[Map]:
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
        return found

    def refined(self, received: Received, begin: Iterable[Map], further: int) -> tuple[Map, float]:
        """The best of some places, each made better step by step: the map, and the correlation there (−1 … 1).

        When none of `begin` shows the seed well, so many `further` places of the coarse search are tried.
        """
        best, alike = self._best(received, begin, IDENTITY, -1.0)
        if alike < _SURE:
            best, alike = self._best(received, self.coarse(received, further), best, alike)
        if alike >= ALIKE:
            side, steps = _LAST
            best = _steps(self._levels[side], received.levels[side], best, side, steps)
        return best, alike

    def _best(self, received: Received, begin: Iterable[Map], best: Map, alike: float) -> tuple[Map, float]:
        for by in begin:
            for side, steps in _STEPS:
                by = _steps(self._levels[side], received.levels[side], by, side, steps)
                if side == _STEPS[0][0] and _likeness(self._levels[side], received.levels[side], by, side) < _HOPELESS:
                    break
            else:
                likeness = _likeness(self._levels[_COARSE], received.levels[_COARSE], by, _COARSE)
                if likeness > alike:
                    best, alike = by, likeness
        return best, alike


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
