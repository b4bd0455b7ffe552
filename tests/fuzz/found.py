"""Inputs that broke a promise: kept as text, made small, tried again.

A file tests/data/fuzz/<target>/<name>.txt says in `#` lines what was wrong, then the octets in hex, a line a run, `* n` behind a run that
is repeated. So an input of a megabyte is two lines, and a reader sees what matters in it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

KEPT: Final = Path(__file__).resolve().parents[1] / "data/fuzz"

Runs = tuple[tuple[bytes, int], ...]
"""An input as (octets, how often)."""


def joined(runs: Runs) -> bytes:
    return b"".join(octets * times for octets, times in runs)


def write(runs: Runs, why: str) -> str:
    """The text of a kept input.

    >>> print(write(((b"\\x8c\\x80", 1), (b"\\0", 1000)), "took 3 s"), end="")
    # took 3 s
    8c80
    00 * 1000
    """
    lines = [f"# {line}" for line in why.splitlines()]
    lines += [octets.hex() + (f" * {times}" if times > 1 else "") for octets, times in runs if octets]
    return "\n".join(lines) + "\n"


def read(text: str) -> bytes:
    """The octets of a kept input.

    >>> read("# why\\n8c80 # a message type\\n00 * 3\\n")
    b'\\x8c\\x80\\x00\\x00\\x00'
    """
    runs = []
    for line in text.splitlines():
        octets, _, times = line.partition("#")[0].partition("*")
        runs.append((bytes.fromhex(octets), int(times or 1)))
    return joined(tuple(runs))


def kept() -> Iterator[tuple[str, Path]]:
    """(target, file) of every kept input."""
    return ((path.parent.name, path) for path in sorted(KEPT.glob("*/*.txt")))


class Broken(NamedTuple):
    """How a promise was broken: the exception's type and the place that raised it tell one fault from another."""

    kind: str
    place: str
    message: str

    def same(self, other: Broken | None) -> bool:
        return other is not None and (self.kind, self.place) == (other.kind, other.place)


def broken(check: Callable[[bytes], object], data: bytes) -> Broken | None:
    """What `check` raises on these octets; None when the promise is kept."""
    try:
        check(data)
    except Exception as error:  # noqa: BLE001  # whatever it is: to find it is the purpose
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "/mmsd/" in frame.filename] or frames
        last, caller = ours[-1], frames[min(1, len(frames) - 1)]
        place = f"{last.filename.rpartition('/mmsd/')[2].rpartition('/')[2]}:{last.lineno} from {caller.name}:{caller.lineno}"
        return Broken(type(error).__name__, place, str(error).partition("\n")[0][:200])
    return None


def minimised(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """A smaller input that still fails: octets are taken away in ever smaller pieces, then those that do not matter become "a", or 0.

    >>> minimised(b"any octets with a bug among them", lambda data: b"bug" in data)
    b'bug'
    """
    size = len(data)
    while size > 0:
        at, before = 0, len(data)
        while at < len(data):
            less = data[:at] + data[at + size :]
            if fails(less):
                data = less
            else:
                at += size
        if size > 1 or len(data) == before:  # single octets are gone over until none can go
            size //= 2
    for filler in (b"a", b"\0"):
        for at in range(len(data)):
            other = data[:at] + filler + data[at + 1 :]
            if fails(other):
                data = other
    return data


def keep(folder: Path, runs: Runs, why: str, name: str) -> Path:
    """Writes the input into a folder of its target."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.txt"
    path.write_text(write(runs, why))
    return path
