"""The texts behind hashes: what a message id or a host was called, kept beside what refers to it. This is the specification."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

_HEAD: Final = struct.Struct("<QH")
LONGEST: Final = 65535


class Texts:
    """Text by hash. A hash keeps its first text; 0 has none."""

    def __init__(self) -> None:
        self._all: dict[int, bytes] = {}
        self._fresh: list[int] = []

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, key: int) -> bool:
        return key in self._all

    def __getitem__(self, key: int) -> bytes:
        """Raises KeyError."""
        return self._all[key]

    def get(self, key: int, default: bytes = b"") -> bytes:
        return self._all.get(key, default)

    def items(self) -> Iterator[tuple[int, bytes]]:
        """(hash, text), in no order."""
        return iter(self._all.items())

    def put(self, key: int, text: bytes) -> None:
        """Keeps one text, cut to LONGEST octets."""
        if key and key not in self._all:
            self._all[key] = text[:LONGEST]
            self._fresh.append(key)

    def keep(
        self, keys: npt.NDArray[np.uint64], data: bytes | memoryview, start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64], limit: int
    ) -> None:
        """Keeps `data[start[i]:stop[i]]`, cut to `limit` octets, for each key that is not 0 and not yet known. Raises ValueError where one
        lies outside the data."""
        for key, first, last in zip(keys.tolist(), start.tolist(), stop.tolist(), strict=True):
            if key and (first < 0 or last > len(data)):
                raise ValueError("a text lies outside the data")
            self.put(key, bytes(data[first : min(last, first + limit)]))

    def retain(self, keys: npt.NDArray[np.uint64], more: npt.NDArray[np.uint64]) -> None:
        """Forgets all but these and those. Each is sorted."""
        wanted = {*keys.tolist(), *more.tolist()}
        self._all = {key: text for key, text in self._all.items() if key in wanted}

    def fresh(self) -> bytes:
        """Those kept since `forget_changes`, packed: hash (8 octets), length (2), text; little-endian."""
        return b"".join(_HEAD.pack(key, len(self._all[key])) + self._all[key] for key in self._fresh if key in self._all)

    def forget_changes(self) -> None:
        """From here on `fresh` begins anew."""
        self._fresh = []

    def packed(self) -> bytes:
        """All of them, as `fresh` packs them."""
        return b"".join(_HEAD.pack(key, len(text)) + text for key, text in self._all.items())

    def some(self, keys: npt.NDArray[np.uint64]) -> bytes:
        """Those of these that are known, as `fresh` packs them."""
        return b"".join(_HEAD.pack(key, len(self._all[key])) + self._all[key] for key in keys.tolist() if key in self._all)

    def load(self, packed: bytes) -> None:
        """Adds what was packed; it is not fresh. Raises ValueError when the last one is cut short."""
        at = 0
        while at < len(packed):
            if at + _HEAD.size > len(packed):
                raise ValueError("a text is cut short")
            key, length = _HEAD.unpack_from(packed, at)
            at += _HEAD.size + length
            if at > len(packed):
                raise ValueError("a text is cut short")
            if key not in self._all:
                self._all[key] = packed[at - length : at]
