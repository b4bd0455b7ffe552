"""The keyed 64-bit hash all ids share, in plain Python: the specification of the compiled one."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Key = tuple[int, int]
"""Two secret uint64."""

MASK: Final = (1 << 64) - 1
_SEED: Final = 0x9E3779B97F4A7C15  # fractional parts of the golden ratio and of √2, √3: nothing up the sleeve
_STEP: Final = 0x6A09E667F3BCC909
_LAST: Final = 0xBB67AE8584CAA73B


def fold(a: int, b: int) -> int:
    """The two halves of the 128-bit product of two uint64, xored."""
    product = a * b
    return (product ^ product >> 64) & MASK


def hash64(data: bytes | memoryview, key: Key) -> int:
    """Folded-multiply mixing over little-endian 8-byte words, the last one padded with zeros, then over the length. Never 0.

    >>> hash64(b"", (0, 0)) == hash64(b"\\0", (0, 0)), 0 < hash64(b"mmsc-qf663.2.x608.93", (1, 2)) < 1 << 64
    (False, True)
    """
    state = key[0] ^ _SEED
    step = (key[1] ^ _STEP) | 1
    for at in range(0, len(data), 8):
        state = fold(state ^ int.from_bytes(data[at : at + 8], "little"), step)
    return fold(state ^ len(data), key[1] ^ _LAST | 1) or 1


def hash64_many(data: bytes, start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64], key: Key) -> npt.NDArray[np.uint64]:
    """`hash64` of every slice `data[start[i]:stop[i]]`; 0 for an empty one. ValueError for a slice outside the data.

    >>> hash64_many(b"abc", np.array([0, 1]), np.array([3, 1]), (1, 2)).tolist() == [hash64(b"abc", (1, 2)), 0]
    True
    """
    if len(start) != len(stop):
        raise ValueError("start and stop differ in length")
    if len(start) and (start.min() < 0 or stop.max() > len(data) or (start > stop).any()):
        raise ValueError("a slice lies outside the data")
    pairs = zip(start.tolist(), stop.tolist(), strict=True)
    return np.array([hash64(data[a:b], key) if b > a else 0 for a, b in pairs], np.uint64)


def combine(first: npt.NDArray[np.uint64], second: npt.NDArray[np.uint64], key: Key) -> npt.NDArray[np.uint64]:
    """Hash of each pair of numbers, 0 where the second is 0: an id that is only unique within something becomes unique.

    It is `hash64` of the two as sixteen little-endian bytes.
    """
    if len(first) != len(second):
        raise ValueError("the arrays differ in length")
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return np.array([hash64(a.to_bytes(8, "little") + b.to_bytes(8, "little"), key) if b else 0 for a, b in pairs], np.uint64)
