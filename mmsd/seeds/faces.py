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
FACES: Final = 8


def faces(frames: Sequence[Image.Image]) -> tuple[Face, ...]:
    """The faces of a picture's frames in grey: those that differ, at most 8 of them."""
    found: list[Face] = []
    for frame in frames:
        values = pictures.canonical(frame)
        if len(found) < FACES and all(float(np.abs(values - known.values).mean()) >= _SAME for known in found):
            found.append(face(values, pictures.margins(frame)))
    return tuple(found)
