"""A registered seed: all that recognising it takes, as a value and as octets of a version.

What it holds of a picture is the *unmarked* one on the canonical grid; the chips come from the deployment's key and the picture's payload.
Values alone: whoever stores or carries a seed loads no decoder.
"""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from mmsd.errors import DecodeError

Floats: TypeAlias = NDArray[np.float32]
Words: TypeAlias = NDArray[np.uint64]
Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom, in shares of a picture's sides."""

SIDE: Final = 128
"""Rows and columns of the canonical grid; a picture of any shape is squashed onto it."""
WORDS: Final = 4
"""Of a fingerprint, 64 bits each."""
VIEWS: Final = 16
"""Fingerprints of a face."""

MAGIC: Final = b"mmsd seed\0"
VERSION: Final = 1
KEY_OCTETS: Final = 32
PAYLOAD_OCTETS: Final = 16


def key_name(key: bytes) -> bytes:
    """Eight octets that tell one deployment's key from another's, and nothing of it.

    >>> key_name(bytes(32)).hex()
    '294be84a1399f4a7'
    """
    return blake2b(key=key, person=b"mmsd key name 1", digest_size=8).digest()


class Face(msgspec.Struct, frozen=True, array_like=True):
    """One frame of a picture as it was before it was marked."""

    grid: bytes  # 128×128 octets, row by row
    prints: bytes  # fingerprint.variants, 16×4 words
    trim: Box | None = None  # what lies within its even margins

    @property
    def values(self) -> Floats:
        return np.frombuffer(self.grid, np.uint8).reshape(SIDE, SIDE).astype(np.float32)

    @property
    def words(self) -> Words:
        return np.frombuffer(self.prints, np.uint64).reshape(-1, WORDS)


class Trial(msgspec.Struct, frozen=True):
    """What the admission check found of a marked picture."""

    psnr: float  # dB of brightness, marked and encoded beside the original
    ssim: float
    passed: int  # alterations after which it was recognised
    tried: int
    lowest: float  # the least score among them
    grade: int  # how often the strength was raised
    failed: tuple[str, ...] = ()  # the names of the others


class RegisteredPicture(msgspec.Struct, frozen=True):
    """A marked picture of a seed."""

    name: str
    media: str
    digest: bytes  # SHA-256 of the marked octets
    payload: bytes  # of its chips
    faces: tuple[Face, ...]
    deviation: float  # of the mark, grey levels
    trial: Trial | None = None  # None: not tried

    @property
    def weak(self) -> bool:
        return self.trial is not None and bool(self.trial.failed)


class RegisteredSeed(msgspec.Struct, frozen=True):
    """A message made trackable. Seeds of one `family` are siblings: the same card with another number."""

    name: str
    campaign: str
    family: str
    key: bytes  # key_name of the key it was marked with
    pictures: tuple[RegisteredPicture, ...]
    texts: tuple[str, ...] = ()  # reduced
    sounds: tuple[bytes, ...] = ()  # digests

    @property
    def label(self) -> str:
        """What it is called among all seeds of a deployment."""
        return f"{self.campaign}/{self.name}"

    @property
    def kin(self) -> str:
        """What its siblings share: a family belongs to one campaign."""
        return f"{self.campaign}/{self.family}"

    @property
    def weak(self) -> bool:
        """Whether the admission check failed on a picture of it."""
        return any(picture.weak for picture in self.pictures)

    def to_bytes(self) -> bytes:
        """MAGIC, the version, the SHA-256 of what follows, and that in msgpack."""
        body = msgspec.msgpack.encode(self)
        return MAGIC + bytes((VERSION,)) + sha256(body).digest() + body

    @classmethod
    def from_bytes(cls, data: bytes) -> RegisteredSeed:
        """The way back. DecodeError for octets that are no seed, a damaged one, or one of a later version."""
        at = len(MAGIC)
        if data[:at] != MAGIC:
            raise DecodeError("no registered seed", offset=0)
        if data[at : at + 1] != bytes((VERSION,)):
            raise DecodeError(f"a seed of version {data[at : at + 1].hex()}, not {VERSION}: register it anew", offset=at)
        body = data[at + 33 :]
        if sha256(body).digest() != data[at + 1 : at + 33]:
            raise DecodeError("the seed is damaged", offset=at + 1)
        try:
            seed = msgspec.msgpack.decode(body, type=cls)
        except msgspec.MsgspecError as error:
            raise DecodeError(f"no seed of this version: {error}", offset=at + 33) from None
        for place in (face for picture in seed.pictures for face in picture.faces):
            if len(place.grid) != SIDE * SIDE or len(place.prints) != 8 * WORDS * VIEWS:
                raise DecodeError("a face of another size", offset=at + 33)
        return seed
