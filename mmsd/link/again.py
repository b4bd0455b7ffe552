"""Log lines read a second time, for people who ask: one where a verdict says it stood, or all of one number's between two times.

A file is known by what is in it, never by its name: rotation renames it, gzip wraps it. A line is the one meant when its record begins at
that very byte (after decompression) and says the same at the same time. Nothing here changes or remembers anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from mmsd.link.files import Files, Source, open_source
from mmsd.link.heads import digest, name
from mmsd.logs import Dialect
from mmsd.logs.dialect import LineDialect
from mmsd.logs.plan import Block
from mmsd.model import MINUTE, OFFSET_BITS, Kind, Mark, Records

MOST_OCTETS: Final = 1 << 30
"""Of a feed's logs, after decompression, that `Shelf.between` looks through for one question."""

_PROBE: Final = 64 << 10
_LONGEST: Final = 1 << 20  # a record longer than this is not shown
_STRIDE: Final = 4 << 20
_OUT_OF_ORDER: Final = 10 * MINUTE  # lines of a file stand in the order they were written, not in that of their times


class Feed(NamedTuple):
    """Where a feed's files may be, and how they are read. `marks`: the files it has read, as the store knows them."""

    name: str
    node: str
    patterns: tuple[str, ...]
    dialect: Dialect
    marks: tuple[Mark, ...] = ()


class Line(NamedTuple):
    """One record as it stands in a file: its octets, and the rows that its dialect makes of it."""

    feed: Feed
    path: str
    offset: int
    octets: bytes
    records: Records


class Missing(NamedTuple):
    """Why a line is not to be had."""

    why: str


class Searched(NamedTuple):
    """What a search found, oldest first in each file; `unread`: files that were not looked through to the end, and why."""

    lines: list[Line]
    unread: list[tuple[str, str]]


Wanted = Callable[[Records], npt.NDArray[np.bool_]]
"""Which rows of a feed's records are asked for."""


@dataclass(slots=True)
class _Open:
    source: Source
    first: int | None = None  # time of its first record; None = it has none that can be read
    known: bool = False  # a file that the feed has read
    head: bytes = b""  # digest of its first octets


class Shelf:
    """The files of some feeds, opened once and as they are needed. A context manager; one thread."""

    def __init__(self, files: Files, feeds: Sequence[Feed]) -> None:
        self._files = files
        self._feeds = {feed.name: feed for feed in feeds}
        self._open: dict[tuple[str, str], _Open | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for opened in self._open.values():
            if opened is not None:
                opened.source.close()
        self._open.clear()

    def feeds(self) -> list[Feed]:
        return list(self._feeds.values())

    # --------------------------------------------------------------------------------------------------------- one line

    def find(self, feed: str, path: str, offset: int, kind: str, at: int) -> Line | Missing:
        """The record that stood at `offset` of `path` when it was read, wherever its file is now. `kind` and `at` are what it said."""
        shelf = self._feeds.get(feed)
        if shelf is None:
            return Missing("the configuration has no such feed any more")
        for candidate in self._candidates(shelf, path, at):
            line = self._line(shelf, candidate, offset)
            if line is not None and says(line.records, kind, at):
                return line
        return Missing("its file is gone, or was written over")

    def _candidates(self, feed: Feed, path: str, at: int) -> list[str]:
        """Files that may hold it, the likeliest first: that name, files the feed has read, the one that began last before it."""
        ranked: list[tuple[bool, bool, int, str]] = []
        for other in self._paths(feed, path):
            opened = self._opened(feed, other)
            if opened is None or (opened.first is not None and opened.first > at + _OUT_OF_ORDER):
                continue
            ranked.append((other != path, not opened.known, at - (opened.first or 0), other))
        return [other for _, _, _, other in sorted(ranked)]

    def _paths(self, feed: Feed, *further: str) -> list[str]:
        """The feed's files as they lie there now, and what rotation may have made of them or of `further` ones, in or out of its globs."""
        patterns = list(feed.patterns)
        for path in (*(mark.path for mark in feed.marks), *feed.patterns, *further):
            base = _literal(name(path).base)
            patterns += [_literal(path), base, f"{base}[.-]*"]
        found: dict[str, None] = {}
        for pattern in dict.fromkeys(patterns):
            try:
                found.update(dict.fromkeys(sorted(self._files.glob(pattern))))
            except OSError:
                continue
        return list(found)

    def _opened(self, feed: Feed, path: str) -> _Open | None:
        key = feed.name, path
        if key not in self._open:
            try:
                source = open_source(self._files, path)
            except OSError:
                self._open[key] = None
            else:
                self._open[key] = _Open(source)
                try:
                    head = source.read(0, _PROBE)
                    self._open[key] = _Open(source, _first(feed.dialect, head), _is_known(head, feed.marks), digest(head))
                except OSError:
                    self._open[key] = None
                    source.close()
        return self._open[key]

    def _line(self, feed: Feed, path: str, offset: int) -> Line | None:
        opened = self._opened(feed, path)
        if opened is None:
            return None
        try:
            data = opened.source.read(offset, _PROBE)
            record = _record(feed.dialect, data, offset, whole=len(data) < _PROBE)
            if record is None and len(data) == _PROBE:
                data = opened.source.read(offset, _LONGEST)
                record = _record(feed.dialect, data, offset, whole=len(data) < _LONGEST)
        except OSError:
            return None
        return Line(feed, path, offset, *record) if record is not None else None

    # ---------------------------------------------------------------------------------------------------------- searching

    def between(self, feed: str, since: int, until: int, wanted: Wanted, most: int = MOST_OCTETS) -> Searched:
        """The feed's lines of [since, until] of which `wanted` asks for a row. At most `most` octets are looked through.

        Plain files of lines are entered near `since`; a compressed one has to be inflated from its start.
        """
        shelf = self._feeds[feed]
        found = Searched([], [])
        seen: set[bytes] = set()
        for path in sorted(self._paths(shelf), key=lambda path: path.endswith(".gz")):
            opened = self._opened(shelf, path)
            if opened is None:
                found.unread.append((path, "cannot be read"))
            elif opened.head in seen:
                continue  # a copy: compressed beside what it was made from
            elif opened.first is not None and opened.first <= until + _OUT_OF_ORDER:
                seen.add(opened.head)
                if most <= 0:
                    found.unread.append((path, "too much to look through"))
                    continue
                try:
                    most -= self._search(shelf, path, opened.source, (since, until), wanted, most, found)
                except OSError as error:
                    found.unread.append((path, error.strerror or "cannot be read"))
        return found

    def _search(
        self, feed: Feed, path: str, source: Source, span: tuple[int, int], wanted: Wanted, most: int, found: Searched
    ) -> int:  # fmt: skip
        """Looks through one file; how many octets that took."""
        since, until = span
        start = offset = _enter(feed.dialect, source, since - _OUT_OF_ORDER)
        size = _STRIDE
        while True:
            data = source.read(offset, size)
            final = len(data) < size
            parsed = feed.dialect.scan(data, ordinal=0, offset=offset, final=final)
            records = parsed.records
            if records.rows:
                times = records["at"]
                chosen = np.flatnonzero((times >= since) & (times <= until) & wanted(records))
                for place in dict.fromkeys((records["where"][chosen] & ((1 << OFFSET_BITS) - 1)).tolist()):
                    begin = place - offset
                    record = _record(feed.dialect, data[begin : begin + _LONGEST], place, whole=final)
                    if record is not None:
                        found.lines.append(Line(feed, path, place, *record))
                if int(times.min()) > until + _OUT_OF_ORDER:
                    return offset - start + len(data)
            if final:
                return offset - start + len(data)
            size = _STRIDE if parsed.consumed else 2 * size
            offset += parsed.consumed
            if offset - start >= most or size > most:
                found.unread.append((path, "too much to look through"))
                return offset - start


READ_AS: Final[Mapping[str, tuple[str, ...]]] = {"REPORT": ("PUSH",), "READ_REPORT": ("PUSH",), "SUBMIT": ("FORWARD",)}
"""What a record may be called that a verdict names so: a push may carry a report, and passing on is sending."""


def says(records: Records, kind: str, at: int) -> bool:
    """Whether a record is one of this kind and this time."""
    kinds = {kind, *READ_AS.get(kind, ())}
    return any(Kind(int(records["kind"][row])).name in kinds and int(records["at"][row]) == at for row in range(records.rows))


def _literal(path: str) -> str:
    return "".join(f"[{letter}]" if letter in "[*?" else letter for letter in path)


def _is_known(head: bytes, marks: Sequence[Mark]) -> bool:
    return any(0 < mark.head_length <= len(head) and digest(head[: mark.head_length]) == mark.head for mark in marks)


def _first(dialect: Dialect, head: bytes) -> int | None:
    """Time of the first record in a file's first bytes."""
    records = dialect.scan(head, ordinal=0, offset=0, final=len(head) < _PROBE).records
    return int(records["at"][0]) if records.rows else None


def _record(dialect: Dialect, data: bytes, offset: int, *, whole: bool) -> tuple[bytes, Records] | None:
    """The one record that begins at the first of these bytes, and its rows. `whole`: they reach to the end of the file.

    A record of lines ends with the first line that makes it whole: most are one, a block or a text with line feeds is more.
    """
    if not isinstance(dialect, LineDialect):
        return _counted(dialect, data, offset, whole=whole)
    end = 0
    while end < len(data):
        line_end = data.find(b"\n", end) + 1
        if not line_end and not whole:
            return None
        end = line_end or len(data)
        parsed = dialect.scan(data[:end], ordinal=0, offset=offset, final=not line_end or (end == len(data) and whole))
        if parsed.consumed or not line_end:
            mine = parsed.records["where"] == offset if parsed.records.rows else np.zeros(0, bool)
            return (data[:end], parsed.records.chosen(mine)) if mine.any() else None
    return None


def _counted(dialect: Dialect, data: bytes, offset: int, *, whole: bool) -> tuple[bytes, Records] | None:
    """The same where a record says itself how long it is: it reaches to the next one."""
    parsed = dialect.scan(data, ordinal=0, offset=offset, final=whole)
    if not parsed.records.rows:
        return None
    places = parsed.records["where"]
    mine = places == offset
    later = places[places > offset]
    end = int(later.min()) - offset if len(later) else parsed.consumed
    return (data[:end], parsed.records.chosen(mine)) if mine.any() else None


def _enter(dialect: Dialect, source: Source, since: int) -> int:
    """An offset at a record's start that is early enough for what was said at `since`: 0 unless halving can do better."""
    if source.compressed or not isinstance(dialect, LineDialect):
        return 0
    gap = b"\n\n" if isinstance(dialect.plan, Block) else b"\n"
    low, high = 0, source.status().size
    while high - low > 2 * _PROBE:
        middle = (low + high) // 2
        data = source.read(middle, _PROBE)
        cut = data.find(gap) + len(gap)
        if cut < len(gap):
            break
        records = dialect.scan(data[cut:], ordinal=0, offset=middle + cut, final=False).records
        if not records.rows:
            break
        if int(records["at"][0]) < since:
            low = middle + cut
        else:
            high = middle
    return low


def shelf_of(files: Files, feeds: Sequence[Feed], marks: Mapping[str, tuple[Mark, ...]]) -> Shelf:
    """The same feeds with what the store knows of their files."""
    return Shelf(files, [feed._replace(marks=marks.get(feed.name, ())) for feed in feeds])


def row_of(line: Line, number: int) -> int:
    """Which row of a record speaks of a number; the first when none does: a submit to many is a row for each."""
    mine: npt.NDArray[Any] = np.flatnonzero(line.records["receiver"] == number)
    return int(mine[0]) if len(mine) else 0
