"""The mark of a seed: keyed signs over mid-frequency coefficients of its brightness, put in and found again.

The canonical grid is cut into 16×16 cells of 8×8. In each, ten coefficients of a lapped transform, 6 to 29 periods a side, are moved up or
down by a chip of ±1 that only the deployment's key and the seed's payload give. Finding it is *informed*: the known host is subtracted.

Why a false alarm cannot happen by bad luck with pictures: everything in `left_of` but the chips is computed without them. Under any
picture that was made without the key the chips are independent fair signs, so the score is a sum Σ±wᵢ over √Σwᵢ², and Hoeffding's
inequality gives P(score ≥ t) ≤ exp(−t²/2) whatever the picture is: 6·10⁻¹³ at 7.5.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsd.seeds.seed import SIDE, Floats

CELL: Final = 8
ACROSS: Final = SIDE // CELL
_ROWS: Final = 4
BANDS: Final = tuple((u, v) for u in range(_ROWS) for v in range(_ROWS) if u + v < 4)
"""Vertical and horizontal row of each coefficient in its cell; row k has 8·(k + ½) periods a side."""
CHIPS: Final = ACROSS * ACROSS * len(BANDS)
ACCEPTED: Final = 7.5
"""A score from here on counts."""

_SILENT: Final = 1.5
"""Grey levels a coefficient: a cell in which less is left tells little; a mark leaves 2 to 6."""
_PERSON: Final = b"mmsd chips 1"


def chips(key: bytes, payload: bytes) -> NDArray[np.int8]:
    """The ±1 of a seed, (256 cells, 10 bands): bits of BLAKE2b(payload ‖ counter) under the deployment's key, least significant first.

    >>> chips(bytes(32), b"\\0\\1")[0].tolist()
    [1, -1, -1, 1, -1, -1, 1, -1, 1, 1]
    """
    octets = b"".join(
        blake2b(payload + counter.to_bytes(4, "big"), key=key, person=_PERSON, digest_size=64).digest()
        for counter in range(-(-CHIPS // 512))
    )
    bits = np.unpackbits(np.frombuffer(octets, np.uint8), bitorder="little")[:CHIPS]
    return (1 - 2 * bits.astype(np.int8)).reshape(ACROSS * ACROSS, len(BANDS))


@cache
def _lapped() -> Floats:
    """(4·16, 128): the lowest four rows of each cell of an orthonormal lapped transform, row k of cell n at 16·k + n.

    A cell's functions reach four places into its neighbours under a sine window (time-domain aliasing before a DCT-IV), so what is put in
    has no edges where cells meet; at the picture's border they end there.
    """
    turn = np.eye(SIDE)
    for border in range(CELL, SIDE, CELL):
        for step in range(CELL // 2):
            left, right = border - 1 - step, border + step
            c, s = np.sin(np.pi / (2 * CELL) * (CELL / 2 + 0.5 + step)), np.sin(np.pi / (2 * CELL) * (CELL / 2 - 0.5 - step))
            turn[left, left], turn[left, right], turn[right, right], turn[right, left] = c, -s, c, s
    place = np.arange(CELL) + 0.5
    rows = [np.kron(np.eye(ACROSS), np.sqrt(2 / CELL) * np.cos(np.pi / CELL * place * (row + 0.5))) @ turn for row in range(_ROWS)]
    return np.concatenate(rows).astype(np.float32)


def coefficients(values: Floats) -> Floats:
    """Of a picture on the canonical grid: (256 cells, 10 bands)."""
    lapped = _lapped()
    table = (lapped @ values @ lapped.T).reshape(_ROWS, ACROSS, _ROWS, ACROSS)
    return np.stack([table[u, :, v, :].ravel() for u, v in BANDS], axis=1)


def _picture(spectrum: Floats) -> Floats:
    table = np.zeros((_ROWS, ACROSS, _ROWS, ACROSS), np.float32)
    for band, (u, v) in enumerate(BANDS):
        table[u, :, v, :] = spectrum[:, band].reshape(ACROSS, ACROSS)
    lapped = _lapped()
    picture = lapped.T @ table.reshape(len(lapped), len(lapped)) @ lapped
    return picture.astype(np.float32, copy=False)


_BY_BAND: Final = np.array([np.hypot(u + 0.5, v + 0.5) ** -0.5 for u, v in BANDS], np.float32)
"""Less where JPEG and small screens take more."""


def amplitudes(spectrum: Floats) -> Floats:
    """How much each coefficient of a host moves, relative to one another: (256, 10). What is busy hides more."""
    busy = np.sqrt(np.einsum("bk,bk->b", spectrum, spectrum) / len(BANDS))[:, None]
    hidden: Floats = np.clip(np.sqrt(1 + busy / 6), 1.0, 2.6) * _BY_BAND
    return hidden


class Host(NamedTuple):
    """What a score is taken against: the unmarked picture on the canonical grid, its coefficients, its chips."""

    values: Floats  # (128, 128)
    spectrum: Floats  # (256, 10)
    weights: Floats  # (256, 10), what the mark puts in each
    signs: Floats  # (256, 10)


def host(values: Floats, signs: NDArray[np.int8]) -> Host:
    spectrum = coefficients(values)
    return Host(values, spectrum, amplitudes(spectrum), signs.astype(np.float32))


def pattern(of: Host) -> Floats:
    """What is added to a host, on the canonical grid, relative to one another."""
    return _picture(of.weights * of.signs)


def embedded(picture: Image.Image, added: Floats, deviation: float) -> Image.Image:
    """The RGB picture with the pattern added to its brightness, `deviation` grey levels in the mean (root of the mean square)."""
    values = np.asarray(picture, np.float32)
    spread = np.asarray(Image.fromarray(added).resize(picture.size, Image.Resampling.BICUBIC), np.float32)
    spread = spread * np.float32(deviation / max(float(np.sqrt(np.mean(np.square(spread)))), 1e-6))
    return Image.fromarray(np.clip(np.rint(values + spread[..., None]), 0, 255).astype(np.uint8))


def left_of(found: Floats, of: Host, sound: NDArray[np.bool_] | None = None) -> Floats:
    """What a picture's coefficients (256, 10) leave when the host is subtracted, weighed, of norm 1: computed without the chips.

    `sound`: the cells to look at (256,), None = all; the others are 0. Each band is fitted to the host by its own gain. What is left is
    measured in the deviation of its band, then of its cell: what was drawn over a cell weighs no more than the mark in another, and a cell
    where nothing is left (white that went all white) has no mark to tell of and hardly counts.
    """
    spectrum = of.spectrum
    if sound is not None:
        found, spectrum = found * sound[:, None], spectrum * sound[:, None]
    power = np.einsum("bk,bk->k", spectrum, spectrum) + 1.0
    gain = np.clip(np.einsum("bk,bk->k", found, spectrum) / power, 0.0, 3.0)
    left: Floats = found - spectrum * gain
    by_band = np.abs(left).sum(axis=0) + 1e-3
    left *= by_band.mean() / by_band
    by_cell = np.sqrt(np.einsum("bk,bk->b", left, left) / len(BANDS))[:, None]
    left *= of.weights * by_cell / (np.square(by_cell) + _SILENT**2)
    norm = float(np.sqrt(np.vdot(left, left)))
    if norm > 0:
        left /= norm
    return left


def score(found: Floats, of: Host, sound: NDArray[np.bool_] | None = None) -> float:
    """The score of a picture's coefficients against a host: about 0 ± 1 without its mark, 15 to 55 with it."""
    return float(np.vdot(left_of(found, of, sound), of.signs))


_LEVELS: Final = 32


def toned(values: Floats, like: Floats) -> Floats:
    """The host `values` as seen through the tone curve that maps it to `like`: the mean of `like` at each of 32 levels, joined by lines."""
    level = np.minimum((values * (_LEVELS / 256)).astype(np.intp), _LEVELS - 1).ravel()
    count = np.bincount(level, minlength=_LEVELS)
    known = count > 16
    if np.count_nonzero(known) < 3:
        return values
    x = np.bincount(level, values.ravel(), _LEVELS)[known] / count[known]
    y = np.bincount(level, like.ravel(), _LEVELS)[known] / count[known]
    return np.interp(values, x, y).astype(np.float32)
