"""The keyed 64-bit hash all ids share, in plain Python: the specification of the compiled one."""

from __future__ import annotations

from typing import Final

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
