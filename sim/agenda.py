"""Virtual time and what happens in it: the one loop of the simulator, for any speed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable


class Agenda:
    """Actions by time (µs UTC), in the order they were asked for where times are equal. Deterministic."""

    def __init__(self, start: int) -> None:
        self.now = start
        self._heap: list[tuple[int, int, Callable[..., None], tuple[object, ...]]] = []
        self._asked = 0

    def at(self, when: int, action: Callable[..., None], *arguments: object) -> None:
        """`action(*arguments)` at `when`; at once where that is past."""
        heapq.heappush(self._heap, (max(when, self.now), self._asked, action, arguments))
        self._asked += 1

    def after(self, delay: int, action: Callable[..., None], *arguments: object) -> None:
        self.at(self.now + delay, action, *arguments)

    def run(self, until: int) -> None:
        """All that is due up to `until`, which is now afterwards."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, action, arguments = heapq.heappop(heap)
            action(*arguments)
        self.now = until


class Streams:
    """One independent, named stream of random numbers a concern: a change in one leaves the others as they were."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, name: str) -> random.Random:
        return random.Random(f"{self._seed}/{name}")
