"""Marks pictures and tries them before anybody sends them: the strength is raised in steps while a battery of alterations defeats the mark.

Quality is told of brightness beside the original, after the final encoding: PSNR in dB, SSIM by 8×8 windows.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsd.errors import DecodeError
from mmsd.seeds import alterations, mark, pictures, recognise
from mmsd.seeds.faces import distinct, faces
from mmsd.seeds.library import Library
from mmsd.seeds.pictures import LIMITS, Limits
from mmsd.seeds.seed import Face, RegisteredPicture, RegisteredSeed, Trial, key_name

GRADES: Final = ((41.4, 0.982), (41.4, 0.965), (40.2, 0.0), (39.3, 0.0), (38.5, 0.0))
"""PSNR and SSIM that a marked picture keeps, from the finest on; the last is the coarsest that may be sent."""
QUALITY: Final = 95
SAFE: Final = 9.0
"""The score that each alteration of the battery must leave: above ACCEPTED, for what handsets add."""
SMALLEST: Final = 96
"""Pixels of the shorter side below which a picture holds no mark worth trying."""
_FEWEST, _MOST = 0.4, 6.0  # grey levels


class Marked(NamedTuple):
    """A marked picture and what was found of it."""

    octets: bytes
    registered: RegisteredPicture


def luma(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image.convert("L"), np.float64)


def psnr(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """In dB; 99 for equal ones."""
    error = float(np.mean(np.square(one - other)))
    return 99.0 if error < 1e-9 else 10 * float(np.log10(255**2 / error))


def ssim(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Structural similarity, the mean over all 8×8 windows (Wang et al. 2004, with a flat window)."""
    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    a, b = _windowed(one), _windowed(other)
    aa, bb, ab = _windowed(one * one) - a * a, _windowed(other * other) - b * b, _windowed(one * other) - a * b
    return float(np.mean((2 * a * b + first) * (2 * ab + second) / ((a * a + b * b + first) * (aa + bb + second))))


def _windowed(values: NDArray[np.float64], side: int = 8) -> NDArray[np.float64]:
    total = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    windows: NDArray[np.float64] = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    return windows / side**2


class Graded(NamedTuple):
    """A picture marked so strongly."""

    octets: bytes
    deviation: float  # grey levels
    psnr: float  # dB
    ssim: float


_OURS: Final = Limits(octets=1 << 30, pixels=1 << 30, frames=1 << 10)


class Original:
    """A picture before it is marked. DecodeError when it is none, too large, too small, or of a format that is not sent."""

    def __init__(self, octets: bytes, key: bytes, payload: bytes, limits: Limits = LIMITS) -> None:
        image = pictures.opened(octets, limits)
        if image.format not in {"JPEG", "PNG", "GIF"}:
            raise DecodeError(f"{image.format} pictures are not marked: send JPEG, PNG or GIF", offset=0)
        if min(image.size) < SMALLEST:
            raise DecodeError(f"{image.width}x{image.height} pixels are too few: {SMALLEST} each way at least", offset=0)
        self.format = image.format
        self._key, self._payload = key, payload
        self._info: dict[str, Any] = {name: image.info[name] for name in ("duration", "loop") if name in image.info}
        self._durations: list[int] = []
        self.frames: list[Image.Image] = []
        for frame in pictures.frames(image, limits):
            self.frames.append(frame)
            self._durations.append(int(image.info.get("duration", 0)))
        self.faces: tuple[Face, ...] = faces([frame.convert("L") for frame in self.frames])
        signs = mark.chips(key, payload)
        self._patterns = [mark.pattern(mark.host(pictures.canonical(frame.convert("L")), signs)) for frame in self.frames]
        self._lumas = [luma(frame) for frame in self.frames]

    @property
    def media(self) -> str:
        return f"image/{self.format.lower()}"

    def encoded(self, deviation: float) -> bytes:
        """Every frame marked so strongly, in the format it came in."""
        return self._file(self._shown(deviation))

    def _shown(self, deviation: float) -> list[Image.Image]:
        return [mark.embedded(frame, added, deviation) for frame, added in zip(self.frames, self._patterns, strict=True)]

    def _file(self, shown: Sequence[Image.Image]) -> bytes:
        out = io.BytesIO()
        if self.format == "GIF":
            first, *others = [frame.quantize(256, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE) for frame in shown]
            first.save(
                out, "GIF", save_all=True, append_images=others, duration=self._durations, loop=self._info.get("loop", 0), disposal=1
            )
        elif self.format == "PNG":
            shown[0].save(out, "PNG", optimize=True)
        else:
            shown[0].save(out, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
        return out.getvalue()

    def quality(self, shown: Sequence[Image.Image]) -> tuple[float, float]:
        """PSNR and SSIM of frames beside the original ones, the mean of them."""
        pairs = list(zip(self._lumas, map(luma, shown), strict=True))
        return float(np.mean([psnr(*pair) for pair in pairs])), float(np.mean([ssim(*pair) for pair in pairs]))

    def graded(self, target: float, likeness: float) -> Graded:
        """The strongest encoding that keeps that PSNR and SSIM; the faintest where none does."""
        low, high = _FEWEST, _MOST
        best = self._graded(low)
        for _ in range(6):
            middle = (low + high) / 2
            tried = self._graded(middle)
            if tried.psnr >= target and tried.ssim >= likeness:
                best, low = tried, middle
            else:
                high = middle
        return best if best.octets else best._replace(octets=self.encoded(best.deviation))

    def _graded(self, deviation: float) -> Graded:
        shown = self._shown(deviation)
        if self.format == "PNG":  # loses nothing: the file can wait
            return Graded(b"", deviation, *self.quality(shown))
        octets = self._file(shown)
        return Graded(octets, deviation, *self.quality(list(pictures.frames(pictures.opened(octets, _OURS), _OURS))))

    def registered(self, name: str, octets: bytes, deviation: float, trial: Trial | None = None) -> RegisteredPicture:
        return RegisteredPicture(name, self.media, sha256(octets).digest(), self._payload, self.faces, deviation, trial)

    def marked(self, name: str) -> Marked:
        """Marked as finely as the battery lets it be. `registered.weak` when even the coarsest grade fails."""
        best: Marked | None = None
        most = 0, 0.0
        fragile: list[int] = []
        for grade, (target, likeness) in enumerate(GRADES):
            made = self.graded(target, likeness)
            whole = len(self.frames) == 1 or grade == len(GRADES) - 1  # of an animation one frame that fails will do to go on
            trial = tried(self.registered(name, made.octets, made.deviation), made, self._key, grade, fragile, whole=whole)
            if (whole or not trial.failed) and (best is None or (trial.passed, trial.lowest) > most):
                most = trial.passed, trial.lowest
                best = Marked(made.octets, self.registered(name, made.octets, made.deviation, trial))
            if not trial.failed:
                break
            fragile = _of_frames(trial.failed)
        assert best is not None  # there are grades
        return best


TRIED: Final = 24
"""Frames of an animation that the battery is run on, at most."""


def tried(picture: RegisteredPicture, made: Graded, key: bytes, grade: int, first: Sequence[int] = (), *, whole: bool = True) -> Trial:
    """The battery run on a marked picture, recognised as any other would be; of an animation on every frame that may be what is left of it.

    A failure names the alteration and, of an animation, the frames it defeats, counted from 1. `first`: the frames begun with; unless
    `whole`, it ends with the first frame that fails.
    """
    library = Library(key, [RegisteredSeed("", "", "", key_name(key), (picture,))])
    shown = list(pictures.frames(pictures.opened(made.octets, _OURS), _OURS))
    differing = distinct([frame.convert("L") for frame in shown], TRIED)
    failed: dict[str, list[int]] = {}
    scores: list[float] = []
    for number in (*(number for number in first if number in differing), *(number for number in differing if number not in first)):
        for name, alter in alterations.BATTERY.items():
            scores.append(recognise.picture(alter(shown[number]), library)[0].score)
            if scores[-1] < SAFE:
                failed.setdefault(name, []).append(number)
        if failed and not whole:
            break
    passed = len(scores) - sum(map(len, failed.values()))
    told = tuple(name if len(shown) == 1 else f"{name} ({_frames(its)})" for name, its in failed.items())
    return Trial(round(made.psnr, 2), round(made.ssim, 4), passed, len(scores), round(min(scores), 1), grade, told)


def _frames(numbers: Sequence[int]) -> str:
    return f"frame{'s' if len(numbers) > 1 else ''} {', '.join(str(number + 1) for number in sorted(numbers))}"


def _of_frames(failed: Sequence[str]) -> list[int]:
    """The frames that failures name, from 0; none of a picture of one frame."""
    return sorted({int(number) - 1 for told in failed for number in re.findall(r"\d+", told.partition(" (frame")[2])})
