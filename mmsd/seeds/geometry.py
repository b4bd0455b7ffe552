"""Where a seed lies in what was received: affine maps between unit squares, and pictures seen through them.

A map takes a place in the seed (0 … 1 each way) to the place in the received picture that shows it: a (2, 3) array. The canonical grid does
away with the size and shape of both; a rotation in pixels is told with the picture's width over height.
"""

from __future__ import annotations

from functools import cache
from math import cos, radians, sin
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsd.seeds.mark import ACROSS
from mmsd.seeds.seed import SIDE, Box, Floats

Map: TypeAlias = NDArray[np.float64]

IDENTITY: Final[Map] = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def boxed(box: Box) -> Map:
    """The whole seed lies in that rectangle of what was received.

    >>> boxed((0.1, 0.0, 0.9, 1.0)).round(2).tolist()
    [[0.8, 0.0, 0.1], [0.0, 1.0, 0.0]]
    """
    left, top, right, bottom = box
    return np.array([[right - left, 0.0, left], [0.0, bottom - top, top]])


def cropped(box: Box) -> Map:
    """Only that rectangle of the seed was received, and fills it."""
    return inverted(boxed(box))


def turned(degrees: float, scale: float = 1.0, shape: float = 1.0) -> Map:
    """Turned round its middle, larger by `scale`; `shape` is width over height."""
    c, s = scale * cos(radians(degrees)), scale * sin(radians(degrees))
    across, down = -s / shape, s * shape
    return np.array([[c, across, 0.5 - 0.5 * c - 0.5 * across], [down, c, 0.5 - 0.5 * down - 0.5 * c]])


def shifted(by: Map, right: float, down: float) -> Map:
    """The map `by` of the place that lies so far right and down in the seed."""
    return joined(by, np.array([[1.0, 0.0, right], [0.0, 1.0, down]]))


def joined(outer: Map, inner: Map) -> Map:
    """First `inner`, then `outer`.

    >>> joined(inverted(turned(3, 1.1, 1.5)), turned(3, 1.1, 1.5)).round(6).tolist() == IDENTITY.tolist()
    True
    """
    whole = outer[:, :2] @ inner
    whole[:, 2] += outer[:, 2]
    return whole


def inverted(of: Map) -> Map:
    """The way back. A map that shows nothing has none: numpy's LinAlgError."""
    back = np.linalg.inv(of[:, :2])
    return np.column_stack([back, -back @ of[:, 2]])


@cache
def _places(side: int) -> tuple[Floats, Floats]:
    middles = ((np.arange(side) + 0.5) / side).astype(np.float32)
    return middles[None, :], middles[:, None]


def inside(by: Map, side: int, margin: float = 0.0) -> NDArray[np.bool_]:
    """Which places of a grid of `side` rows over the seed are in sight, and not within `margin` of the received edge: (side, side)."""
    x, y = _places(side)
    (a, b, c), (d, e, f) = by.tolist()
    across, down = a * x + (b * y + c), d * x + (e * y + f)
    sight: NDArray[np.bool_] = (across > margin) & (across < 1 - margin) & (down > margin) & (down < 1 - margin)
    return sight


def blocks_inside(by: Map) -> NDArray[np.bool_]:
    """Which blocks of the mark are in sight with all they have: (256,)."""
    return inside(by, ACROSS, 0.5 / ACROSS).ravel()


def seen(image: Image.Image, by: Map, side: int = SIDE, *, smooth: bool = True) -> Floats:
    """What the received picture (mode F) shows of the seed on a grid of `side` rows; 0 where it shows nothing."""
    width, height = image.size
    rows = np.array([[width / side], [height / side]])
    (a, b), (d, e) = (by[:, :2] * rows).tolist()
    c, f = float(by[0, 2]) * width, float(by[1, 2]) * height
    how = Image.Resampling.BICUBIC if smooth else Image.Resampling.BILINEAR
    return np.asarray(image.transform((side, side), Image.Transform.AFFINE, (a, b, c, d, e, f), how), np.float32)
