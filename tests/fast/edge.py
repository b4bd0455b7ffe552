"""Octets that end where the memory ends: the page behind them may not be read, and who reads there falls."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable
from typing import Any, Final

_HELD: Final = 1 << 30
"""References that nobody gives back: what lies here is not the allocator's."""


class Edge:
    """So many octets, and behind them a page that may not be read."""

    def __init__(self, room: int) -> None:
        page = mmap.PAGESIZE
        self._size = -(-room // page) * page
        self._memory = mmap.mmap(-1, self._size + page)
        self._end = ctypes.addressof(ctypes.c_char.from_buffer(self._memory)) + self._size
        if ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(self._end), page, 0):
            raise OSError(ctypes.get_errno(), "mprotect")

    def view(self, data: bytes) -> memoryview:
        """These octets, the last of them the last that may be read. Good until the next call."""
        view = memoryview(self._memory)[self._size - len(data) : self._size]
        view[:] = data
        return view

    def octets(self, data: bytes) -> bytes:
        """The same as `bytes`: the NUL that every such object has behind it is the last that may be read.

        Nobody may hold an earlier one.
        """
        size = sys.getsizeof(data)
        place = self._end - size
        ctypes.memmove(place, id(data), size)
        ctypes.c_ssize_t.from_address(place).value = _HELD
        found: bytes = ctypes.cast(place, ctypes.py_object).value
        return found


class Edges:
    """Calls of kernels that take `bytes`. What one answers may look into them: each call has an edge of its own until nobody does."""

    def __init__(self, room: int) -> None:
        self.calls = 0
        self._room = room
        self._all: list[tuple[Edge, list[bytes]]] = []

    def call(self, kernel: Callable[..., Any], data: bytes, *more: Any, **named: Any) -> Any:
        self.calls += 1
        edge, lying = self._free()
        lying.append(edge.octets(data))
        return kernel(lying[0], *more, **named)

    def _free(self) -> tuple[Edge, list[bytes]]:
        for edge, lying in self._all:
            if not lying or sys.getrefcount(lying[0]) <= _HELD + 2:  # the list's, and the question's
                lying.clear()
                return edge, lying
        self._all.append((Edge(self._room), []))
        return self._all[-1]
