"""What a megabyte can cost: inputs blown up from seeds and kept ones, and the search for the most costly.

A way of blowing up is a row of runs (octets, how often). A piece of a seed is repeated in place; two pieces are, one before the other, as
what opens and what closes; a length is set to what it can say at most; one octet fills the rest. The costliest so far are varied again.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from mmsd.errors import DecodeError
from tests.fuzz import seeds
from tests.fuzz.found import KEPT, Runs, joined, keep, kept, read
from tests.fuzz.targets import TARGETS

SIZE: Final = 1 << 20
SECONDS: Final = 1.0
MEMORY: Final = 50 << 20
"""What an input of SIZE may cost at most."""

_LENGTHS: Final = (b"\xff\xff\x7f", b"\x8f\xff\xff\xff\x7f", b"\x83\x0f\xff\xff", b"\x80", b"\x1f\xbf\xff\x70")
_BEST: Final = 8  # costliest inputs that are varied


class Cost(NamedTuple):
    seconds: float
    memory: int  # octets over those of the input

    @property
    def share(self) -> float:
        """Of what is allowed; above 1 it is too much."""
        return max(self.seconds / SECONDS, self.memory / MEMORY)


def measure(run: Callable[[bytes], object], data: bytes) -> Cost:
    """CPU time without, and memory with tracing: tracing slows."""
    began = time.process_time()
    _tried(run, data)
    seconds = time.process_time() - began
    return Cost(seconds, memory(run, data))


def memory(run: Callable[[bytes], object], data: bytes) -> int:
    """The most memory that was held at once, over that of the input."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        _tried(run, data)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def _tried(run: Callable[[bytes], object], data: bytes) -> None:
    try:
        run(data)
    except DecodeError:
        return


def blown(seed: bytes, dice: random.Random) -> Runs:
    """A megabyte made of a seed."""
    size = len(seed)
    start = dice.randrange(size + 1)
    stop = min(start + dice.choice((1, 2, 3, 5, 9, 17, 40, 100, size)), size)
    piece = seed[start:stop] or bytes((dice.randrange(256),))
    match dice.randrange(6):
        case 0 | 1:
            runs: Runs = ((seed[:start], 1), (piece, _times(size, piece)), (seed[stop:], 1))
        case 2:
            other = dice.randrange(stop, size + 1)
            end = min(other + dice.choice((1, 2, 3, 9, 40)), size)
            times = _times(size, piece + seed[other:end])
            runs = ((seed[:start], 1), (piece, times), (seed[stop:other], 1), (seed[other:end], times), (seed[end:], 1))
        case 3:
            length = dice.choice(_LENGTHS)
            runs = ((seed[:start] + length, 1), (piece, _times(size, piece)))
        case 4:
            octet = bytes((dice.choice((0, 1, 0x20, 0x7F, 0x80, 0xFF, dice.randrange(256))),))
            runs = ((seed[:start], 1), (octet, SIZE - size), (seed[start:], 1))
        case _:
            runs = ((seed, SIZE // max(size, 1)),)
    return runs


def _times(size: int, piece: bytes) -> int:
    return max((SIZE - size) // max(len(piece), 1), 1)


def varied(runs: Runs, dice: random.Random) -> Runs:
    """The same with one run a little different."""
    number = dice.randrange(len(runs))
    octets, times = runs[number]
    place = dice.randrange(len(octets) + 1)
    octets = octets[:place] + dice.choice((b"", bytes((dice.randrange(256),)))) + octets[place + dice.randrange(2) :]
    size = sum(len(one) * count for other, (one, count) in enumerate(runs) if other != number)
    times = max(min(times, (SIZE - size) // max(len(octets), 1)), 1)
    return (*runs[:number], (octets, times), *runs[number + 1 :])


def inputs(target: str, dice: random.Random) -> Iterator[Runs]:
    """What was too much before, then seeds blown up, for ever."""
    before = [read(path.read_text()) for name, path in kept() if name == target]
    yield from (((data, 1),) for data in before if len(data) > SIZE // 16)
    known = [*seeds.own(target), *before]
    while True:
        yield blown(dice.choice(known)[:4096], dice)


def search(target: str, seconds: float, seed: int) -> list[Path]:
    """For so many seconds: the file of the costliest input, where it costs too much."""
    dice = random.Random(f"{target} {seed}")
    best: list[tuple[Cost, Runs]] = []
    fresh = inputs(target, dice)
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until or not best:
        runs = varied(dice.choice(best)[1], dice) if len(best) == _BEST and dice.random() < 0.5 else next(fresh)
        data = joined(runs)
        if len(data) > SIZE:
            continue
        count += 1
        best = sorted([*best, (measure(TARGETS[target].read, data), runs)], key=lambda found: -found[0].share)[:_BEST]
    cost, runs = best[0]
    slowest, largest = max(found.seconds for found, _ in best), max(found.memory for found, _ in best)
    print(f"{target}: {count} megabytes, at most {slowest:.2f} s and {largest / (1 << 20):.0f} MiB", flush=True)
    if cost.share <= 1:
        return []
    said = f"{len(joined(runs)):,} octets took {cost.seconds:.2f} s and {cost.memory / (1 << 20):.0f} MiB"
    return [keep(KEPT / target, runs, said, f"costly-{seed}")]
