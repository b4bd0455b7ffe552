"""One log file as the tailer knows it: a `Track` is its *content*, whatever path, inode or compression carries it just now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mmsd.link.files import Source, Status
from mmsd.link.heads import GUARD, HEAD, digest
from mmsd.model import Extent, Mark

EARLY: Final = 64 << 10

Key = tuple[int, int]
"""(device, inode)"""


class Seen(NamedTuple):
    """A path as the last listing found it."""

    path: str
    status: Status


class Heir(NamedTuple):
    """Another file of a track's content. `copy`: found beside it while it stood whole, so it is one whatever becomes of the original."""

    path: str
    status: Status
    copy: bool


class Held(NamedTuple):
    """Bytes taken and not yet committed: the file may be truncated before a commit that fails. `before`: ≤ 256 bytes ahead of them."""

    offset: int
    before: bytes
    data: memoryview
    final: bool


@dataclass(slots=True, eq=False)
class Track:
    """
    States, told by the fields:

    ========  =========================================================================================================
    FOLLOWED  `key` set, not `done`, not `leaving`: the live file; waits at its end for more
    LEAVING   `leaving`: rotated, unlinked, compressed or out of the glob; read to its end, then left after a quiet grace
    ORPHAN    `key` is None: its content is nowhere to be seen (truncated in place, deleted while stopped); may come back as a copy
    DONE      `done`: left; no descriptor; taken up again if it grows
    ========  =========================================================================================================

    Beside them `heirs`: other files of the same content (a copy, a `.gz`) that are not read while this one's own carrier can be.
    """

    ordinal: int
    path: str
    key: Key | None = None
    head: bytes = b""
    """First ≤ 1 KiB as read; up to `offset` they were taken, behind it they are only a hint."""
    early: bytes = b""
    """First ≤ 64 KiB taken, while the file is not left: tells a cut file from another of the same long header."""
    sealed: tuple[int, bytes] = (0, b"")
    """Length and digest of the head where its bytes are not known: from a mark or an extent."""
    offset: int = 0
    """Taken up to here."""
    guard: bytes = digest(b"")
    base: int = 0
    """Committed up to here: the next extent begins here."""
    saved: Mark | None = None
    done: bool = False
    held: list[Held] = field(default_factory=list)

    source: Source | None = None
    heirs: dict[Key, Heir] = field(default_factory=dict)
    listed: bool = False
    leaving: bool = False
    compressed: bool = False
    stamp: tuple[int, int] = (-1, -1)
    """Size and mtime when last looked at."""
    reached: int = -1
    """Stored bytes seen when it was last read to its end."""
    drained: bool = False
    """Everything up to `reached` was given out."""
    queued: bool = False
    """Stands in the tailer's queue of files to read."""
    leftover: int = 0
    """Bytes behind `offset` that were given out and not taken: an unfinished record."""
    final: bool = False
    """The unfinished record at the end is to be given out as final."""
    skip: int = -1
    """≥ 0: inside an over-long record, searched up to here."""
    want: int = 0
    """A record did not fit: read at least so much."""
    quiet: float = 0.0
    """Monotonic time of the last sign of life."""
    unlinked: bool = False
    emptied: bool = False
    """Its file was seen empty since: what stands there now is no cut form of it."""
    fallen: bool = False
    """The position fell back since the last commit: `held` may reach beyond it."""
    warned: bool = False

    def head_of(self, offset: int) -> tuple[int, bytes]:
        """Length and digest of the head that a mark at `offset` carries."""
        length = min(HEAD, offset)
        if len(self.head) >= length:
            return length, digest(self.head[:length])
        return self.sealed

    def mark(self) -> Mark:
        length, head = self.head_of(self.offset)
        device, inode = self.key or (0, 0)
        return Mark(self.ordinal, head, length, self.offset, self.guard, self.path, device, inode, self.done)

    def advance(self, before: bytes, data: memoryview) -> None:
        """Takes `data`, which stands at `offset`; `before` is what stands ahead of it, ≥ 256 bytes or all there is."""
        if self.offset < HEAD:
            self.head = self.head[: self.offset] + data[: HEAD - self.offset] if len(self.head) >= self.offset else self.head
        if self.offset <= len(self.early) < EARLY:
            self.early = self.early[: self.offset] + data[: EARLY - self.offset]
        self.offset += len(data)
        self.guard = digest((before + data)[-GUARD:] if len(data) < GUARD else data[-GUARD:])

    def jump(self, offset: int, source: Source) -> None:
        """Takes everything up to `offset` unseen: NUL runs, over-long records. Raises OSError."""
        if self.offset < HEAD:
            self.head = source.read(0, min(HEAD, offset))
        self.offset = offset
        self.guard = digest(source.read(max(0, offset - GUARD), min(GUARD, offset)))

    def fall_back(self, offset: int, guard: bytes) -> None:
        """What carries it ends before its position: go on from there. What was taken beyond it stays taken."""
        self.offset, self.guard = offset, guard
        self.base = min(self.base, offset)
        self.fallen = True

    def rewind(self, mark: Mark | None) -> None:
        """Back to a committed mark (None: to the beginning); bytes held behind it will be given out again."""
        if self.fallen and mark != self.saved:  # a commit that holds the fall, and so all that was taken before it
            self.held.clear()
        self.fallen = False
        self.saved = mark
        self.offset = self.base = mark.offset if mark else 0
        self.guard = mark.guard if mark else digest(b"")
        if mark:
            self.sealed = (mark.head_length, mark.head)
        self.done = mark.done if mark else False
        self.held = [held for held in self.held if held.offset + len(held.data) > self.offset]
        self.drained = self.final = False
        self.leftover = self.want = 0
        self.skip = -1

    def holds(self) -> Held | None:
        """The held bytes from `offset` on, if any."""
        if self.fallen:
            return None
        for held in self.held:
            into = self.offset - held.offset
            if 0 <= into < len(held.data):
                return Held(self.offset, (held.before + held.data[:into])[-GUARD:], held.data[into:], held.final)
        return None

    def close(self) -> None:
        if self.source is not None:
            self.source.close()
            self.source = None


def from_extents(extents: list[Extent]) -> Mark:
    """The mark that the extents of one file prove: its lowest contiguous run, head and guard as of its end."""
    ordered = sorted(extents, key=lambda extent: (extent.start, extent.stop))
    last = ordered[0]
    for extent in ordered[1:]:
        if extent.start > last.stop:
            break
        if extent.stop > last.stop:
            last = extent
    return Mark(last.ordinal, last.head, last.head_length, last.stop, last.guard, last.path)
