"""What is wrong with a configuration: file and line, the key's path, what was meant, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmsd.config.locate import KeyPath
from mmsd.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing an operator has to mend.

    >>> print(Fault("mmsd.toml", 7, "feeds.a.dialekt", "no such setting", "did you mean `dialect`?"))
    mmsd.toml:7: feeds.a.dialekt: no such setting; did you mean `dialect`?
    """

    file: str
    line: int  # 1 = the first; 0 = the file as a whole
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(filter(None, (place, self.key, f"{self.what}; {self.remedy}")))


class Faulty(ConfigError):
    """Everything wrong with a configuration, one fault a line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, faults)))


class Report:
    """Faults of one file as they are found.

    `doubtful`: places whose value is not what the file says, for it was at fault or missing; what a check says of them is no news.
    """

    def __init__(self, path: Path, lines: Mapping[KeyPath, int]) -> None:
        self.path = path
        self.lines = lines
        self.faults: list[Fault] = []
        self.places: list[KeyPath] = []  # of each fault
        self.doubtful: set[KeyPath] = set()

    def add(self, key: KeyPath, what: str, remedy: str) -> None:
        """One more fault, at the line of its key or of the nearest table around it."""
        self.places.append(key)
        self.doubtful.add(key)
        near = key
        while near and near not in self.lines:
            near = near[:-1]
        self.faults.append(Fault(str(self.path), self.lines.get(near, 0), dotted(key), what, remedy))

    def beside(self) -> Report:
        """An empty report of the same file."""
        return Report(self.path, self.lines)

    def take(self, other: Report, table: KeyPath | None = None) -> None:
        """The faults that a check of `table` found, but for those at, below or around a doubtful place in it.

        Without a table it was a check of the whole file, which is around every fault: only those at or below a doubtful place go.
        """
        doubtful = frozenset(self.doubtful)
        for place, fault in zip(other.places, other.faults, strict=True):
            around = table is not None and len(place) > len(table)
            if not any(place[: len(doubt)] == doubt or (around and doubt[: len(place)] == place) for doubt in doubtful):
                self.faults.append(fault)
                self.places.append(place)
                self.doubtful.add(place)

    def relay(self, error: ConfigError, key: KeyPath, remedy: str) -> KeyPath:
        """A room's own fault, `path: what[; remedy]`; its path may begin at the top of the file or at `key`. Where it was put."""
        path, colon, rest = str(error).partition(": ")
        inner: KeyPath = tuple(int(part) if part.isdigit() else part for part in path.split(".")) if colon and " " not in path else ()
        what, _, said = (rest if inner else str(error)).partition("; ")
        place = inner if inner[: len(key)] == key else (*key, *inner)
        self.add(place, what, said or remedy)
        return place


def dotted(key: KeyPath) -> str:
    """A key path as people write it.

    >>> dotted(("feeds", "a", "samples", 0, "line"))
    'feeds.a.samples[0].line'
    """
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def closest(word: str, known: Sequence[str]) -> str:
    """Which of the known words was meant, "" when none is near.

    >>> closest("dialekt", ["paths", "dialect"]), closest("busy", ["busy_seconds"]), closest("x", ["paths"])
    ('dialect', 'busy_seconds', '')
    """
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6) or [name for name in known if name.startswith(word)]
    return near[0] if near else ""


def meant(word: str, known: Sequence[str]) -> str:
    """The remedy for a word that is not known."""
    near = closest(word, known)
    if near:
        return f"did you mean `{near}`?"
    return f"known are {', '.join(sorted(known))}" if known else "take it out"
