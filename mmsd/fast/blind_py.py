"""Keyed 64-bit hashes of numbers, for rows that must not hold them: SipHash-2-4. This is the specification.

Not `hash64`, which only spreads: numbers are few and part of them known to an attacker, so only a function made to withstand him hides
them (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

_MASK: Final = (1 << 64) - 1


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> 64 - by) & _MASK


def siphash(data: bytes, key: bytes) -> int:
    """SipHash-2-4 of `data` under 16 octets of key. Raises ValueError for another key.

    >>> hex(siphash(bytes(range(15)), bytes(range(16))))
    '0xa129ca6149be45e5'
    """
    if len(key) != 16:
        raise ValueError("a key has 16 octets")
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
    v0, v1, v2, v3 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 0xFF])
    words = [int.from_bytes(padded[at : at + 8], "little") for at in range(0, len(padded), 8)]
    for place in range(len(words) + 1):
        last = place == len(words)
        word = 0 if last else words[place]
        if last:
            v2 ^= 0xFF
        v3 ^= word
        for _ in range(4 if last else 2):
            v0 = (v0 + v1) & _MASK
            v2 = (v2 + v3) & _MASK
            v1, v3 = _rotated(v1, 13) ^ v0, _rotated(v3, 16) ^ v2
            v0 = _rotated(v0, 32)
            v2 = (v2 + v1) & _MASK
            v0 = (v0 + v3) & _MASK
            v1, v3 = _rotated(v1, 17) ^ v2, _rotated(v3, 21) ^ v0
            v2 = _rotated(v2, 32)
        v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3


def blind_numbers(numbers: npt.NDArray[np.uint64], key: bytes) -> npt.NDArray[np.uint64]:
    """The hash of each number's decimal digits, never 0; 0 is "no number" and is hashed as no text at all."""
    return np.array([siphash(str(number).encode() if number else b"", key) or 1 for number in numbers.tolist()], np.uint64)
