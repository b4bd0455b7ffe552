"""The faces of a picture: what of its frames is kept for recognising it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image

from mmsd.seeds import fingerprint, pictures
from mmsd.seeds.seed import Box, Face, Floats


def face(values: Floats, trim: Box | None) -> Face:
    """The face of a grey picture on the canonical grid."""
    grid = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Face(grid.tobytes(), fingerprint.variants(grid.astype(np.float32), trim).tobytes(), trim)


_SAME: Final = 2.0  # grey levels in the mean: frames nearer than this are one face
FACES: Final = 16


def distinct(frames: Sequence[Image.Image], most: int) -> list[int]:
    """The ordinals of the grey frames that differ, in their order; of more than `most` so many, from the first to the last of them."""
    found: list[int] = []
    known: list[Floats] = []
    for number, frame in enumerate(frames):
        values = pictures.canonical(frame)
        if all(float(np.abs(values - other).mean()) >= _SAME for other in known):
            found.append(number)
            known.append(values)
    if len(found) <= most:
        return found
    return [found[round(place)] for place in np.linspace(0, len(found) - 1, most)]


def faces(frames: Sequence[Image.Image]) -> tuple[Face, ...]:
    """The faces of a picture's frames in grey: those that differ, the first 16 of them."""
    differing = distinct(frames, len(frames))[:FACES]
    return tuple(face(pictures.canonical(frames[number]), pictures.margins(frames[number])) for number in differing)
