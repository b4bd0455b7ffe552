"""A tailer with a pretended store behind it: lines of `<id> …` are events, marks and extents survive a kill, time stands still."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import msgspec

from mmsd.link.files import Files, OsFiles
from mmsd.link.tail import Tail, TailSettings
from mmsd.model import Audit, Chunk, Extent, Mark

GRACE = 10.0


class Clock:
    """A monotonic clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Reader:
    """Reads lines as a feed would; `events` are the ids whose marks were committed, in order."""

    def __init__(self, *patterns: str | Path, files: Files | None = None, **settings: float) -> None:
        self.patterns = [str(pattern) for pattern in patterns]
        self.files = files or OsFiles()
        self.clock = Clock()
        self.settings = TailSettings(**{"grace_seconds": GRACE, **settings})  # type: ignore[arg-type]
        self.marks: dict[int, Mark] = {}
        self.extents: list[Extent] = []
        self.events: list[int] = []
        self.rejects: list[bytes] = []
        self.finals: list[bytes] = []  # records given out without their end
        self.audits: list[Audit] = []
        self.chunks: list[Chunk] = []
        self.taken: list[int] = []  # not committed yet
        self.tail: Tail
        self.start()

    def start(self) -> None:
        self.tail = Tail(
            "feed",
            self.patterns,
            files=self.files,
            monotonic=self.clock,
            settings=self.settings,
            marks=self.marks.values(),
            extents=self.extents,
        )

    def __del__(self) -> None:
        self.tail.close()

    def kill(self) -> None:
        self.tail.close()
        self.taken.clear()

    def restart(self) -> None:
        self.kill()
        self.start()

    def take_one(self, limit: int | None = None) -> bool:
        chunk = self.tail.read(limit)
        if chunk is None:
            return False
        self.chunks.append(chunk)
        self.tail.take(self.parse(chunk))
        return True

    def parse(self, chunk: Chunk) -> int:
        stop = len(chunk.data) if chunk.final else chunk.data.rfind(b"\n") + 1
        lines = chunk.data[:stop].split(b"\n")
        if lines[-1]:
            self.finals.append(lines[-1])
        for line in lines:
            text = line.strip(b"\0\r")
            if found := re.match(rb"(\d{6}) ", text):
                self.taken.append(int(found[1]))
            elif text and not text.startswith(b"#"):
                self.rejects.append(text[:100])
        return stop

    def commit(self) -> None:
        self.store(self.tail.pending(), self.tail.extents())
        self.tail.committed()
        self.taken = []

    def store(self, marks: list[Mark], extents: list[Extent]) -> None:
        """What a commit makes durable. Bytes said again cut what was said of them and beyond."""
        self.marks.update((mark.ordinal, mark) for mark in marks)
        for extent in extents:
            cut = [
                msgspec.structs.replace(old, stop=min(old.stop, extent.start)) if old.ordinal == extent.ordinal else old
                for old in self.extents
            ]
            self.extents = [*(old for old in cut if old.start < old.stop), extent]
        self.events += self.taken

    def fail(self) -> None:
        """A commit that fails: back to what the store has."""
        self.taken.clear()
        self.tail.reset(self.marks.values())

    def step(self, limit: int | None = None) -> None:
        """Everything that is there now, committed."""
        self.tail.poll()
        while self.take_one(limit):
            pass
        self.commit()
        self.audits += self.tail.audits()

    def settle(self) -> None:
        """Until nothing more can come: several grace times pass."""
        for _ in range(6):
            self.step()
            self.clock.now += GRACE + 1

    def doubled(self) -> list[int]:
        return [event for event, n in Counter(self.events).items() if n > 1]

    def said(self, what: str) -> list[Audit]:
        return [audit for audit in self.audits if audit.what == what]


def line(event: int, width: int = 40) -> bytes:
    """A line of `width` bytes, no part of which is like another line's."""
    return f"{event:06} ".encode() + (f"{event:x}." * width).encode()[: width - 8] + b"\n"


def lines(start: int, stop: int, width: int = 40) -> bytes:
    return b"".join(line(event, width) for event in range(start, stop))


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
