"""Follows the log files of one feed: every byte given out once, whatever rotation, copying, truncation or compression does to them.

A file is known by its content (heads.py), so a *track* (track.py) outlives names, inodes and gzip. What may be promised:

- a file is never given up while it has unread bytes and its descriptor, a copy or its compressed form can be read;
- what was taken is given out again only after `reset`, then exactly, even if the file was truncated meanwhile;
- a rewritten file is told from one that grew by the ≤ 256 bytes before the position, looked at in the same read as the new bytes.

Polling is the truth: nothing here needs notifications. One thread at a time may use a Tail. There is no wall clock in it.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mmsd.link.files import Files, Source, Status, fixed, open_source
from mmsd.link.heads import GUARD, HEAD, digest, made_from, name, oldest_first, origins
from mmsd.link.track import Heir, Held, Key, Seen, Track, from_extents
from mmsd.model import Audit, Chunk, Extent, Mark

_TEAR: Final = bytes(512)
"""A NUL run of a disk sector or more is a hole (power cut, truncation under a writer); shorter ones belong to the dialect."""
_SEARCH_BLOCK: Final = 256 << 10
_SAME_TAIL: Final = 4096
_SHRUNK_HEAD: Final = 256
"""A file of at least so many bytes that all equal the old head was cut, not written anew."""
_SCAN_CHEAP, _SCAN_SHARE, _SCAN_LATEST = 0.005, 20, 2.0
"""A listing of more than 5 ms (thousands of files) is made at most one part in 20 of the time, but every 2 s."""
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class TailSettings:
    """Bytes and seconds of monotonic time."""

    chunk_bytes: int = 1 << 20
    record_limit: int = 1 << 20  # a longer record is quarantined
    grace_seconds: float = 10.0  # a rotated file is left when it was quiet so long
    forget_seconds: float = 7 * 86400.0  # state of a file that is gone
    retry_seconds: float = 0.5  # after the first failure; doubles
    retry_limit_seconds: float = 30.0
    open_limit: int = 128  # descriptors
    follow: bool = True  # False: replay what is there to its end, then `finished`


class Health(NamedTuple):
    """`state`: "ok" or "degraded"; `files`: known and not yet left; `oldest_unread`: path of the oldest rotated file with unread bytes."""

    state: str
    error: str
    files: int
    oldest_unread: str


class _Likeness(enum.IntEnum):
    DIFFERENT = 0
    SHORT = 1  # the same beginning, but it ends before the track's position
    SAME = 2  # the same up to the track's position


class _Found(NamedTuple):
    """A listed file that is not known yet, looked into."""

    path: str
    status: Status
    head: bytes
    compressed: bool


class _Retry(NamedTuple):
    at: float
    delay: float
    error: str
    tries: int


class _Given(NamedTuple):
    """The chunk that waits for `take`."""

    track: Track
    before: bytes
    chunk: Chunk
    at_end: bool


class Tail:
    """The files of one feed. poll → read → take, several times → pending, extents → committed (or reset)."""

    def __init__(
        self,
        feed: str,
        patterns: Sequence[str],
        *,
        files: Files,
        monotonic: Callable[[], float],
        settings: TailSettings,
        marks: Iterable[Mark] = (),
        extents: Iterable[Extent] = (),
    ) -> None:
        self.feed = feed
        self._patterns = tuple(patterns)
        self._files = files
        self._monotonic = monotonic
        self._settings = settings
        self._tracks: dict[int, Track] = {}
        self._carried: dict[Key, Track] = {}
        self._heirs: dict[Key, Track] = {}
        self._orphans: dict[int, Track] = {}  # no carrier known in this run, by ordinal
        self._active: dict[int, Track] = {}  # carried and not done
        self._spare: dict[Key, tuple[str, Source]] = {}  # open, but what it holds now is no track yet
        self._open: dict[int, Track] = {}  # with a descriptor, least recently used first
        self._queue: list[int] = []  # heap of ordinals that may have unread bytes
        self._retries: dict[str, _Retry] = {}
        self._unripe: dict[Key, tuple[int, float]] = {}  # a gzip file in the making: size, since when
        self._given: _Given | None = None
        self._dirty: dict[int, Track] = {}
        self._cut: list[tuple[Track, Mark, int]] | None = None
        self._gone: dict[int, float] = {}  # not in the glob and done with, since
        self._expired: list[int] = []
        self._audits: list[Audit] = []
        self._unknown: tuple[str, ...] | None = None
        self._scanned = float("-inf")
        self._scan_cost = 0.0
        self._restore(marks, extents)

    def _restore(self, marks: Iterable[Mark], extents: Iterable[Extent]) -> None:
        known = {mark.ordinal: mark for mark in marks}
        proven: dict[int, list[Extent]] = {}
        for extent in extents:
            proven.setdefault(extent.ordinal, []).append(extent)
        self._rebuilt = rebuilt = {ordinal: from_extents(found) for ordinal, found in proven.items() if ordinal not in known}
        for mark in (*known.values(), *rebuilt.values()):
            track = Track(mark.ordinal, mark.path)
            track.rewind(mark)
            if mark.inode:
                track.key = (mark.device, mark.inode)
            if mark.ordinal in rebuilt:
                track.saved = None
                self._dirty[track.ordinal] = track
                self._audit("rebuilt", mark.path, f"position {mark.offset} rebuilt from extents")
            self._tracks[track.ordinal] = self._orphans[track.ordinal] = track
            self._gone[track.ordinal] = self._monotonic()
        self._next_ordinal = max(self._tracks, default=-1) + 1

    # ------------------------------------------------------------------------------------------------ what callers see

    def poll(self) -> None:
        """Looks at the directory and at the open files: rotation, growth, truncation, files to leave. Never raises OSError."""
        now = self._monotonic()
        for track in list(self._active.values()):
            self._look(track, now)
        if self._scan_cost < _SCAN_CHEAP or now - self._scanned >= min(_SCAN_SHARE * self._scan_cost, _SCAN_LATEST):
            self._scan()
        for track in list(self._active.values()):
            if track.drained and track.leaving and now - track.quiet >= self._settings.grace_seconds:
                self._leave(track)
        self._forget(now)

    def read(self, limit: int | None = None) -> Chunk | None:
        """The next bytes behind what was taken, of the oldest file that has any; None when all is read for now.

        At most `limit` bytes (default: settings.chunk_bytes), more only for one record that does not fit. A second read without
        a take between gives the same again.
        """
        self._given = None
        size = min(limit or self._settings.chunk_bytes, self._settings.chunk_bytes)
        looked_at: list[Track] = []
        while self._queue and self._given is None:
            track = self._tracks.get(heapq.heappop(self._queue))
            if track is not None:
                track.queued = False
                looked_at.append(track)
                self._given = self._first_of(track, size)
        for track in looked_at:
            if not track.drained and track.ordinal in self._tracks:
                self._unread(track)
        return self._given.chunk if self._given else None

    def take(self, consumed: int) -> None:
        """The first `consumed` bytes of the last chunk are whole records. Raises ValueError without a chunk, or beyond its length."""
        given, self._given = self._given, None
        if given is None or not 0 <= consumed <= len(given.chunk.data):
            raise ValueError(f"take({consumed}) fits no chunk")
        track, chunk = given.track, given.chunk
        rest = len(chunk.data) - consumed
        if chunk.final and consumed == 0:
            self._audit("unterminated", chunk.path, f"{rest} bytes at {chunk.offset} are no whole record: quarantined")
            consumed, rest = rest, 0
        if consumed:
            data = chunk.data if not rest else chunk.data[:consumed]
            track.held.append(Held(chunk.offset, given.before, data, chunk.final))
            track.advance(given.before, data)
            track.want = 0
            self._dirty[track.ordinal] = track
        elif len(chunk.data) >= self._settings.record_limit:
            track.skip = chunk.offset + len(chunk.data)
            self._unread(track)
        elif not given.at_end:
            track.want = min(2 * len(chunk.data), self._settings.record_limit)
        track.leftover = rest
        if chunk.final and given.at_end:
            if rest:
                track.drained = False
                self._unread(track)
            else:
                self._finish(track)

    def pending(self) -> list[Mark]:
        """Marks to commit: of every file of which something was taken, or learned, up to now. `committed` confirms exactly these."""
        self._cut = [(track, track.mark(), len(track.held)) for track in self._dirty.values() if track.offset or track.saved]
        return [mark for _, mark, _ in self._cut]

    def extents(self) -> list[Extent]:
        """The byte ranges that take effect with the marks of the last `pending`. Where a position fell back, the last byte before it
        is said again: that cuts what stands beyond it."""
        if self._cut is None:
            self.pending()
        return [
            Extent(self.feed, mark.ordinal, mark.head, mark.head_length, start, mark.offset, mark.path, mark.guard)
            for track, mark, _ in self._cut or ()
            if (start := min(track.base, mark.offset - 1) if track.fallen else track.base) < mark.offset
        ]

    def committed(self) -> None:
        """The last `pending` is safe; what was taken since stays pending."""
        for track, mark, n in self._cut or ():
            track.saved = mark
            track.base = min(mark.offset, track.offset)
            del track.held[:n]
            track.fallen = track.fallen and track.offset != mark.offset
            if track.mark() == mark:
                self._dirty.pop(track.ordinal, None)
        self._cut = None

    def reset(self, marks: Iterable[Mark]) -> None:
        """Back to these marks, as the store has them; files without one go back to their beginning. Bytes still held come from memory."""
        stored = self._rebuilt | {mark.ordinal: mark for mark in marks}
        self._given = self._cut = None
        self._dirty.clear()
        for track in self._tracks.values():
            mark = stored.get(track.ordinal)
            if mark is None and track.saved is None and not track.offset:
                continue
            if mark is not None and mark == track.mark() and not track.held:
                track.saved, track.base = mark, mark.offset
                continue
            track.rewind(mark)
            if not track.done:
                self._active[track.ordinal] = track
                self._unread(track)

    def behind(self) -> int:
        """Bytes known and not yet given out (of a compressed file: compressed bytes)."""
        return sum(self._behind(track) for track in self._active.values())

    @property
    def idle(self) -> bool:
        """Everything in the glob, as the last poll saw it, is read to its end."""
        return self._scanned > float("-inf") and not self._retries and not self._unripe and all(t.drained for t in self._active.values())

    def finished(self) -> bool:
        """In a replay: every file that can be read was read and taken; nothing will come."""
        if self._settings.follow or self._scanned == float("-inf") or self._given is not None:
            return False
        given_up = {path for path, retry in self._retries.items() if retry.tries >= _TRIES}
        return self._retries.keys() == given_up and all(track.path in given_up for track in self._active.values())

    @property
    def unknown(self) -> tuple[str, ...]:
        """Files the first poll found of which neither marks nor extents knew. With none of either given, and a store that has read
        this feed before, positions were lost and reading them would count twice: the caller refuses."""
        return self._unknown or ()

    def expired(self) -> list[int]:
        """Ordinals whose state ran out (gone for settings.forget_seconds) since the last call: their marks and extents may be deleted.

        The highest never runs out: an ordinal is not given out again after a restart.
        """
        expired, self._expired = self._expired, []
        return expired

    def audits(self) -> list[Audit]:
        """What an operator should know, since the last call."""
        audits, self._audits = self._audits, []
        return audits

    def health(self) -> Health:
        error = next((f"{path}: {retry.error}" for path, retry in self._retries.items()), "")
        unread = [track for track in self._active.values() if track.leaving and not track.drained]
        oldest = min(unread, key=lambda track: track.ordinal).path if unread else ""
        return Health("degraded" if error else "ok", error, len(self._active), oldest)

    def close(self) -> None:
        """Closes all descriptors; positions stay."""
        for track in self._open.values():
            track.close()
        self._open.clear()

    # ----------------------------------------------------------------------------------------------------- the directory

    def _list(self) -> dict[Key, Seen]:
        """Every regular file of the glob once, however many links, symbolic links and patterns lead to it."""
        listing: dict[Key, Seen] = {}
        found: set[str] = set()
        before = {track.path: track for track in self._carried.values() if track.listed}
        for pattern in self._patterns:
            try:
                found.update(self._files.glob(pattern))
            except OSError as error:  # what is known of it stays as it is
                self._trouble(pattern, error)
                found.update(path for path in before if path.startswith(fixed(pattern)))
            else:
                self._retries.pop(pattern, None)
        for path in sorted(found):
            try:
                status = self._files.stat(path)
            except FileNotFoundError:  # renamed between glob and stat, or a dangling link
                continue
            except OSError as error:
                self._trouble(path, error)
                known = before.get(path)
                if known is not None and known.key is not None:
                    listing[known.key] = Seen(path, Status(*known.key, *known.stamp))
                continue
            if not status.regular:
                continue
            carried = self._carried.get(status.key)
            if status.key not in listing or (carried is not None and carried.path == path):
                listing[status.key] = Seen(path, status)
        for path in self._retries.keys() - found - set(self._patterns):
            if not any(track.path == path for track in self._active.values()):
                del self._retries[path]
        return listing

    def _scan(self) -> None:
        for _ in range(_TRIES):
            if self._scan_once():
                break
        for key in list(self._spare):
            self._keep(key)

    def _scan_once(self) -> bool:
        """False if a file was found rewritten meanwhile: then what stands there now is looked at again."""
        started = self._monotonic()
        listing = self._list()
        for track in self._carried.values():
            track.listed = track.key in listing
        for key, seen in listing.items():
            carried, owner = self._carried.get(key), self._heirs.get(key)
            if (carried is None or not self._recognised(carried, seen, started)) and owner is not None:
                self._still_heir(owner, seen)
        for key in self._heirs.keys() - listing.keys():
            self._disinherit(key)
        for track in {track.ordinal: track for track in self._heirs.values()}.values():
            if not track.listed and (track.done or track.ordinal in self._orphans):
                self._succeed(track, short=False)  # a longer copy may be among the strangers
        known = self._carried.keys() | self._heirs.keys()  # an empty file has nothing to lose: it is taken up with its first byte
        strangers = [seen for key, seen in listing.items() if key not in known and seen.status.size]
        before = self._next_ordinal
        steady = self._adopt(strangers, listing.keys()) if strangers else True
        if self._unknown is None:
            self._unknown = tuple(track.path for track in self._tracks.values() if track.ordinal >= before)
        self._unripe = {key: since for key, since in self._unripe.items() if key in listing}
        for track in {track.ordinal: track for track in self._heirs.values()}.values():
            if not track.listed and (track.done or track.ordinal in self._orphans):
                self._succeed(track, short=True)
        self._judge_leaving(listing, started)
        self._scanned = self._monotonic()
        self._scan_cost = self._scanned - started
        return steady

    def _recognised(self, track: Track, seen: Seen, now: float) -> bool:
        """A file under an inode we know: follow its name and its growth. False if its content is not the track's any more."""
        stamp = (seen.status.size, seen.status.mtime_ns)
        if stamp != track.stamp and track.source is None:  # an open file is looked at by _look
            found = self._examine(seen.path, seen.status.key)
            if found is None:
                return True  # the next scan tries again
            if not self._fits(track, found):
                self._uncarry(track)
                if not track.offset:
                    self._drop(track)
                return False
            if not track.done:
                track.quiet = now
                track.drained = False
                self._unread(track)
            elif found.compressed or found.status.size > track.offset:
                self._revive(track, now)
        track.stamp = stamp
        if track.path != seen.path:
            track.path = seen.path
            track.quiet = now
            self._dirty[track.ordinal] = track
        return True

    def _fits(self, track: Track, found: _Found) -> bool:
        """An inode may have been given out again."""
        if not track.offset:
            return found.compressed == track.compressed and found.head.startswith(track.head)
        likeness = self._likeness(track, found, trust=False)
        return likeness is _Likeness.SAME or (likeness is _Likeness.SHORT and found.status.size >= track.stamp[0])

    def _still_heir(self, owner: Track, seen: Seen) -> None:
        """A file that changed is judged anew, and so is one that only stood in for a file that is back."""
        heir = owner.heirs[seen.status.key]
        if heir.status.size != seen.status.size or (owner.listed and not heir.copy):
            self._disinherit(seen.status.key)
        else:
            owner.heirs[seen.status.key] = Heir(seen.path, seen.status, heir.copy)

    def _judge_leaving(self, listing: dict[Key, Seen], now: float) -> None:
        logs: dict[str, list[tuple[int, int]]] = {}
        for seen in listing.values():
            known = name(seen.path)
            logs.setdefault(known.base, []).append(known.rank)
        ends = {base: (min(ranks), max(ranks), len(ranks)) for base, ranks in logs.items()}
        for track in self._active.values():
            known = name(track.path)
            oldest, youngest, count = ends.get(known.base, (known.rank, known.rank, 0))
            rotated = known.rotated and known.rank < youngest
            leaving = not self._settings.follow or not track.listed or track.compressed or rotated
            if leaving and not track.leaving:
                track.quiet = now
            track.leaving = leaving
            endangered = self._settings.follow and track.listed and rotated and known.rank == oldest and count > 2 and not track.drained
            if endangered and not track.warned:
                track.warned = True
                self._audit("endangered", track.path, f"{self._behind(track)} bytes unread in the oldest file: rotation may delete it next")

    # ------------------------------------------------------------------------------------------------------- who is who

    def _examine(self, path: str, key: Key | None) -> _Found | None:
        """Looks into a file; None while it cannot be told what it is."""
        if self._resting(path):
            return None
        try:
            source = open_source(self._files, path)
            try:
                status = source.status()
                if status.key != key or not status.regular:  # replaced since the listing: the next one will have it
                    return None
                head = source.read(0, HEAD)
                whole = source.whole()
            finally:
                source.close()
        except OSError as error:
            self._trouble(path, error)
            return None
        self._retries.pop(path, None)
        if source.compressed and len(head) < HEAD and whole and self._settings.follow:
            size, since = self._unripe.get(status.key, (-1, 0.0))
            now = self._monotonic()
            if size != status.size:
                self._unripe[status.key] = (status.size, now)
                return None
            if now - since < self._settings.grace_seconds:
                return None
        self._unripe.pop(status.key, None)
        return _Found(path, status, head, source.compressed)

    def _likeness(self, track: Track, found: _Found, *, trust: bool = True) -> _Likeness:
        """Does this file hold what was taken of the track? `trust`: for a `.gz` of the right name or inode its head is proof enough."""
        if track.offset == 0:
            shared = min(len(track.head), len(found.head))
            alike = shared > 0 and track.head[:shared] == found.head[:shared] and made_from(found.path, track.path)
            alike = alike and track.source is not None  # else nothing was taken and nothing can be: let it begin anew
            return _Likeness.SAME if alike else _Likeness.DIFFERENT
        length, head = track.head_of(track.offset)
        if len(found.head) < length:
            return _Likeness.SHORT if found.head and track.head.startswith(found.head) else _Likeness.DIFFERENT
        if digest(found.head[:length]) != head:
            return _Likeness.DIFFERENT
        if trust and found.compressed:  # inflating it all to see its end is dear
            renamed = track.done and track.key == found.status.key
            packed = found.path == track.path + ".gz" and track.ordinal not in self._orphans
            if renamed or packed:
                return _Likeness.SAME
        guarded = min(GUARD, track.offset)
        tail = self._peek(found, track.offset - guarded, guarded + 1)
        if tail is None:
            return _Likeness.DIFFERENT
        if len(tail) < guarded:
            early = self._peek(found, 0, len(track.early))
            return _Likeness.SHORT if early is not None and track.early.startswith(early) else _Likeness.DIFFERENT
        if track.done and not tail[:guarded].endswith(b"\n") and len(tail) > guarded and track.key != found.status.key and not found.compressed:
            return _Likeness.DIFFERENT  # left with a torn record: another file of the same beginning went on where that one ended
        return _Likeness.SAME if digest(tail[:guarded]) == track.guard else _Likeness.DIFFERENT

    def _peek(self, found: _Found, offset: int, size: int) -> bytes | None:
        try:
            source = open_source(self._files, found.path)
            try:
                return source.read(offset, size) if source.status().key == found.status.key else None
            finally:
                source.close()
        except OSError as error:
            self._trouble(found.path, error)
            return None

    def _adopt(self, strangers: Sequence[Seen], keys: Container[Key]) -> bool:
        """Gives each unknown file its track: the surest likeness first, and a new one only to what nothing explains."""
        found = [looked for seen in strangers if (looked := self._examine(seen.path, seen.status.key)) is not None]
        free: dict[tuple[int, bytes], list[Track]] = {}
        loose: list[Track] = []  # their head is known in full, so that shorter files can be like them
        at_home: dict[Key, list[Track]] = {}
        for track in self._tracks.values():
            if track.listed:
                continue
            if track.key is not None and track.ordinal in self._orphans:
                at_home.setdefault(track.key, []).append(track)
            if track.offset:
                free.setdefault(track.head_of(track.offset), []).append(track)
            if track.head:
                loose.append(track)
        lengths = sorted({length for length, _ in free})
        listed: dict[str, Track] = {}
        rewritten: list[Track] = []

        def likely(looked: _Found) -> list[Track]:
            tracks = [track for n in lengths if n <= len(looked.head) for track in free.get((n, digest(looked.head[:n])), ())]
            tracks += [track for track in loose if track not in tracks]
            return sorted(tracks, key=lambda track: (-track.offset, not made_from(looked.path, track.path), track.ordinal))

        def same_inode(looked: _Found) -> bool:
            return self._first_like(looked, at_home.get(looked.status.key, ()), _Likeness.SAME)

        def same_content(looked: _Found) -> bool:
            return self._first_like(looked, likely(looked), _Likeness.SAME)

        def made_of(looked: _Found) -> Iterator[Track]:
            for path in origins(looked.path):
                track = listed.get(path)
                if track is not None and track.path == path and made_from(looked.path, path):
                    yield track

        def copy_in_sight(looked: _Found) -> bool:
            for track in made_of(looked):
                original = self._examine(track.path, track.key)
                if original is not None and self._begins(original, looked):
                    self._make_heir(track, looked, copy=True)
                    return True
            return False

        def copy_left(looked: _Found) -> bool:
            for track in made_of(looked):
                likeness = self._likeness(track, looked)
                if likeness is not _Likeness.DIFFERENT and not self._stands(track):  # copied and truncated since the last look
                    self._uncarry(track)
                    self._carry(track, looked, short=likeness is _Likeness.SHORT)
                    listed[track.path] = track
                    rewritten.append(track)
                    return True
            return False

        def short_copy(looked: _Found) -> bool:
            """Copied, written, read, truncated: only where the truncated file is still about, and no better copy."""
            truncated = [t for t in likely(looked) if t.key in keys and t.key != looked.status.key and not t.heirs and t.source is None]
            return self._first_like(looked, [t for t in truncated if made_from(looked.path, t.path)], _Likeness.SHORT)

        def shrunk(looked: _Found) -> bool:
            return self._shrunk(looked, at_home.get(looked.status.key, ()))

        for explain in (same_inode, copy_in_sight, same_content, copy_in_sight, copy_left, short_copy, shrunk):
            listed.update((track.path, track) for track in self._carried.values() if track.listed)
            found = [looked for looked in found if not explain(looked)]
        self._take_up(found)
        return not rewritten

    def _take_up(self, found: Sequence[_Found]) -> None:
        """New files, oldest first; of several with one content (`cp`, gzip at work) the original is taken and the others are its heirs."""
        by_path = {looked.path: looked for looked in found}
        copies: dict[str, _Found] = {}
        for looked in found:
            for path in origins(looked.path):
                original = by_path.get(path)
                if original is not None and made_from(looked.path, path) and self._begins(original, looked):
                    copies[looked.path] = original
                    break
        for looked in oldest_first((looked.path, looked.status.mtime_ns, looked) for looked in found if looked.path not in copies):
            self._begin(looked)
        for path, original in copies.items():
            while original.path in copies:
                original = copies[original.path]
            self._make_heir(self._carried[original.status.key], by_path[path], copy=True)

    def _begin(self, looked: _Found) -> Track:
        track = self._tracks[self._next_ordinal] = Track(self._next_ordinal, looked.path)
        self._next_ordinal += 1
        self._carry(track, looked)
        return track

    def _first_like(self, looked: _Found, tracks: Iterable[Track], wanted: _Likeness) -> bool:
        for track in tracks:
            if not track.listed and self._likeness(track, looked) is wanted:
                if track.source is not None:  # deleted or moved away: its own descriptor is read first
                    self._make_heir(track, looked, copy=False)
                else:
                    self._carry(track, looked, short=wanted is _Likeness.SHORT)
                return True
        return False

    def _begins(self, original: _Found, copy: _Found) -> bool:
        """Is this file a beginning of that one: copytruncate before its truncation, gzip at work, somebody's `cp`?"""
        if original.compressed or not copy.head:
            return False
        if copy.compressed:
            return copy.path == original.path + ".gz" and original.head.startswith(copy.head)
        size, start = copy.status.size, max(0, copy.status.size - _SAME_TAIL)
        if size > original.status.size or not original.head.startswith(copy.head):
            return False
        if size == original.status.size and copy.status.mtime_ns < original.status.mtime_ns:
            return False  # older than what it should be a copy of
        tail = self._peek(copy, start, size - start)
        return tail is not None and tail == self._peek(original, start, size - start)

    def _stands(self, track: Track) -> bool:
        """Is the content up to the track's position still in its own file?"""
        source = self._reach(track)
        try:
            return source is not None and self._unchanged(track, source)
        except OSError as error:
            self._trouble(track.path, error)
            return True  # nobody knows; a read will tell

    def _shrunk(self, looked: _Found, tracks: Iterable[Track]) -> bool:
        """The same file, cut to a beginning of itself (with a copy about, it was copied and truncated): go on at its new end."""
        for track in tracks:
            if (
                track.listed
                or track.heirs
                or self._likeness(track, looked) is not _Likeness.SHORT
                or looked.status.size < min(_SHRUNK_HEAD, track.offset)
            ):
                continue
            end = self._end(looked)
            if end is None:
                continue
            self._audit("shrink", looked.path, f"cut from {track.offset} to {end[0]} bytes; read on from there")
            track.fall_back(*end)
            track.head = looked.head
            track.held.clear()
            self._carry(track, looked)
            return True
        return False

    def _end(self, found: _Found) -> tuple[int, bytes] | None:
        """Its length after decompression, and the guard there."""
        size = found.status.size
        if found.compressed:
            size = 0
            while block := self._peek(found, size, _SEARCH_BLOCK):
                size += len(block)
        tail = self._peek(found, max(0, size - GUARD), min(GUARD, size))
        return None if tail is None else (size, digest(tail))

    def _carry(self, track: Track, looked: _Found, *, short: bool = False) -> None:
        """From now on this file carries the track. `short`: it ends before the track's position, so nothing is left in it; the position
        falls back to its end, for a mark beyond it would know neither the file nor its `.gz` again."""
        now = self._monotonic()
        if short and (end := self._end(looked)) is not None:
            self._audit("shortened", looked.path, f"read to {track.offset}; what carries it on ends at {end[0]}")
            track.fall_back(*end)
        self._shut(track)
        if track.key is not None and self._carried.get(track.key) is track:
            del self._carried[track.key]
        self._orphans.pop(track.ordinal, None)
        self._gone.pop(track.ordinal, None)
        track.key, track.path = looked.status.key, looked.path
        self._carried[track.key] = track
        track.listed, track.compressed = True, looked.compressed
        if track.key in self._spare:
            _, track.source = self._spare.pop(track.key)
            self._open[track.ordinal] = track
        track.stamp = (looked.status.size, looked.status.mtime_ns)
        track.unlinked = False
        track.head = looked.head
        track.quiet = now
        track.skip = -1
        track.final = False
        if short or (track.done and (looked.compressed or looked.status.size <= track.offset)):
            track.done = track.drained = True
            track.early = b""
            self._active.pop(track.ordinal, None)
            self._shut(track)
        else:
            self._revive(track, now)
        if track.mark() != track.saved:
            self._dirty[track.ordinal] = track

    def _revive(self, track: Track, now: float) -> None:
        if track.done:
            track.done = False
            self._dirty[track.ordinal] = track
        track.drained = track.final = False
        track.quiet = now
        self._active[track.ordinal] = track
        self._unread(track)

    def _make_heir(self, track: Track, looked: _Found, *, copy: bool) -> None:
        track.heirs[looked.status.key] = Heir(looked.path, looked.status, copy)
        self._heirs[looked.status.key] = track

    def _disinherit(self, key: Key) -> None:
        owner = self._heirs.pop(key)
        del owner.heirs[key]

    def _uncarry(self, track: Track) -> None:
        """Its file holds something else now, or is gone: the track waits for a copy, an open descriptor for a new track."""
        if track.source is not None and track.key is not None:
            self._spare[track.key] = (track.path, track.source)
            track.source = None
        self._shut(track)
        if track.key is not None and self._carried.get(track.key) is track:
            del self._carried[track.key]
        track.listed = False
        self._orphans[track.ordinal] = track
        self._active.pop(track.ordinal, None)

    def _keep(self, key: Key) -> None:
        """A file written anew whose descriptor is all we have of it: it was deleted or moved away before a listing showed it."""
        path, source = self._spare[key]
        try:
            found = _Found(path, source.status(), source.read(0, HEAD), source.compressed)
        except OSError as error:
            self._trouble(path, error)
        else:
            known = key in self._carried or key in self._heirs  # the listing told what it is, after all
            if not known and (found.status.size or not found.status.links):
                for track, packed in self._begun_by(found, source):  # compressed or copied meanwhile: begun in a listed file
                    self._carry(track, found)
                    self._make_heir(track, packed, copy=False)
                    track.listed = False
                    return
                self._begin(found).listed = False
                return
        del self._spare[key]
        source.close()

    def _begun_by(self, found: _Found, source: Source) -> Iterator[tuple[Track, _Found]]:
        """Listed files that hold a beginning of this unlisted one, with their tracks."""
        for track in list(self._carried.values()):
            if track.listed and track.head and found.head.startswith(track.head) and made_from(track.path, found.path):
                looked = self._examine(track.path, track.key)
                end = self._end(looked) if looked is not None else None
                if looked is not None and end is not None and digest(source.read(max(0, end[0] - GUARD), min(GUARD, end[0]))) == end[1]:
                    yield track, looked

    def _succeed(self, track: Track, *, short: bool) -> bool:
        """The heir that reaches furthest carries the track on; False if there is none. What is no heir after all is judged anew."""
        shorter: _Found | None = None
        for key, heir in list(track.heirs.items()):
            looked = self._examine(heir.path, key)
            likeness = self._likeness(track, looked) if looked is not None else _Likeness.DIFFERENT
            if likeness is _Likeness.SHORT:
                shorter = looked
                continue
            self._disinherit(key)
            if looked is not None and likeness is _Likeness.SAME:
                self._carry(track, looked)
                return True
        if shorter is None or not short:
            return False
        self._disinherit(shorter.status.key)
        self._carry(track, shorter, short=True)
        return True

    def _rewritten(self, track: Track) -> None:
        """The content before the position changed under our descriptor: truncated, or cut."""
        unread = self._behind(track)
        self._uncarry(track)
        self._scan()
        if track.ordinal not in self._orphans:
            return
        self._audit("truncated", track.path, f"read to {track.offset}; {unread} bytes were known and unread, and no copy is in the glob")
        self._gone[track.ordinal] = self._monotonic()
        if track.holds() is not None:
            self._unread(track)
        if not track.offset:
            self._drop(track)

    def _forget(self, now: float) -> None:
        for track in self._tracks.values():
            if track.listed or track.ordinal in self._active or track.ordinal == self._next_ordinal - 1:
                self._gone.pop(track.ordinal, None)
            elif now - self._gone.setdefault(track.ordinal, now) >= self._settings.forget_seconds and track.ordinal not in self._dirty:
                self._expired.append(track.ordinal)
        for ordinal in self._expired:
            if ordinal in self._tracks:
                self._drop(self._tracks[ordinal])

    def _drop(self, track: Track) -> None:
        self._shut(track)
        for key in list(track.heirs):
            self._disinherit(key)
        if track.key is not None and self._carried.get(track.key) is track:
            del self._carried[track.key]
        for table in (self._tracks, self._orphans, self._active, self._dirty, self._gone):
            table.pop(track.ordinal, None)

    # -------------------------------------------------------------------------------------------------------- one file

    def _look(self, track: Track, now: float) -> None:
        """An open file: has it grown, was it rewritten, is it unlinked?"""
        source = track.source
        if source is None:
            return
        try:
            status = source.status()
            if track.drained and not self._unchanged(track, source):
                self._rewritten(track)
                return
        except OSError as error:
            self._trouble(track.path, error)
            self._shut(track)
            return
        if track.drained and status.size != track.reached:
            track.quiet = now
            track.drained = False
            self._unread(track)
        track.stamp = (status.size, status.mtime_ns)
        if status.links == 0 and not track.unlinked:
            track.unlinked = True
            if not track.drained:
                self._audit(
                    "unlinked", track.path, f"deleted with {self._behind(track)} bytes unread; they are read from the open descriptor"
                )

    def _unchanged(self, track: Track, source: Source) -> bool:
        guarded = min(GUARD, track.offset)
        return self._same_head(track, source) and digest(source.read(track.offset - guarded, guarded)) == track.guard

    def _same_head(self, track: Track, source: Source) -> bool:
        """Of a compressed file the guard must do: going back to its head would inflate it all again."""
        if track.offset and source.compressed:
            return True
        head = track.head[: track.offset] if track.offset else track.head
        return source.read(0, len(head)) == head

    def _leave(self, track: Track) -> None:
        """At its end and quiet for the grace time."""
        if not track.listed and self._succeed(track, short=True):
            return
        if track.leftover or track.skip >= 0:
            track.final = True
            track.drained = False
            self._unread(track)
        else:
            self._finish(track)

    def _finish(self, track: Track) -> None:
        if track.source is not None and (damage := track.source.whole()):
            self._audit("damaged", track.path, damage)
        track.done = track.drained = True
        track.final = False
        track.leftover = 0
        track.early = b""
        self._active.pop(track.ordinal, None)
        self._shut(track)
        if track.offset:
            self._dirty[track.ordinal] = track

    def _first_of(self, track: Track, limit: int) -> _Given | None:
        for _ in range(_TRIES):  # a file found rewritten or renamed is another, or elsewhere, at the second look
            if track.drained or track.ordinal not in self._tracks or self._resting(track.path):
                break
            given = self._next(track, limit)
            if given is not None:
                return given
        return None

    def _next(self, track: Track, limit: int) -> _Given | None:
        """The next chunk of this file, or None: then it is drained, in trouble, left or rewritten."""
        held = track.holds()
        if held is not None:
            return _Given(track, held.before, Chunk(held.data, track.ordinal, held.offset, held.final, track.path), held.final)
        if track.ordinal in self._orphans:
            track.drained = True
            return None
        source = self._reach(track)
        if source is None:
            if not self._resting(track.path):
                self._lost(track)
            return None
        try:
            if track.skip >= 0 and not self._skip(track, source):
                return None
            return self._chunk(track, source, max(limit, track.want))
        except OSError as error:
            self._trouble(track.path, error)
            self._shut(track)
            return None

    def _chunk(self, track: Track, source: Source, want: int) -> _Given | None:
        guarded = min(GUARD, track.offset)
        block = source.read(track.offset - guarded, guarded + want)
        reached = source.reached
        before, data = block[:guarded], block[guarded:]
        at_end = len(block) < guarded + want
        if digest(before) != track.guard or not self._same_head(track, source):
            self._rewritten(track)
            return None
        final = at_end and (track.final or not self._settings.follow)
        if data.startswith(_TEAR):
            return self._over_hole(track, source, want, final)
        torn = data.find(_TEAR) if b"\0" in data else -1
        if torn > 0:
            behind = data[torn:].strip(b"\0") or not at_end
            data = data[:torn]
            if behind:  # nothing will ever complete what stands before the hole
                return _Given(track, before, Chunk(data, track.ordinal, track.offset, final=True, path=track.path), at_end=False)
        track.leftover = len(data)
        if at_end:
            track.drained = True
            track.reached = reached
        if data:
            return _Given(track, before, Chunk(data, track.ordinal, track.offset, final, track.path), at_end)
        if final:
            self._finish(track)
        return None

    def _over_hole(self, track: Track, source: Source, want: int, final: bool) -> _Given | None:
        """Passes over the NUL run at the position, once something stands behind it: until then it may still be filled in."""
        start = at = track.offset
        while block := source.read(at, _SEARCH_BLOCK):
            nuls = len(block) - len(block.lstrip(b"\0"))
            at += nuls
            if nuls < len(block):
                break
        if not block and not final:
            track.drained = True
            track.reached = source.reached
            track.leftover = at - start
            return None
        track.jump(at, source)
        self._dirty[track.ordinal] = track
        self._audit("hole", track.path, f"{at - start} NUL bytes at {start} passed over")
        return self._chunk(track, source, want)

    def _skip(self, track: Track, source: Source) -> bool:
        """Searches the end of an over-long record: its newline or a hole. False while it is not there yet."""
        if not self._unchanged(track, source):
            self._rewritten(track)
            return False
        while block := source.read(track.skip, _SEARCH_BLOCK):
            ends = [at for at in (block.find(b"\n") + 1, block.find(_TEAR)) if at > 0]
            if ends or block.startswith(_TEAR):
                return self._quarantine(track, source, track.skip + min(ends, default=0))
            track.skip += len(block)
        if track.final or not self._settings.follow:
            return self._quarantine(track, source, track.skip)
        track.drained = True
        track.reached = source.reached
        track.leftover = track.skip - track.offset
        return False

    def _quarantine(self, track: Track, source: Source, stop: int) -> bool:
        self._audit("overlong", track.path, f"record of {stop - track.offset} bytes at {track.offset} quarantined")
        track.jump(stop, source)
        track.skip = -1
        track.want = 0
        self._dirty[track.ordinal] = track
        return True

    # ------------------------------------------------------------------------------------------------------ descriptors

    def _reach(self, track: Track) -> Source | None:
        """The track's open file; None if it is in trouble, or no more where the listing saw it."""
        if track.source is None:
            if self._resting(track.path):
                return None
            try:
                source = open_source(self._files, track.path)
                key = source.status().key
            except FileNotFoundError:
                return None
            except OSError as error:
                self._trouble(track.path, error)
                return None
            self._retries.pop(track.path, None)
            if key != track.key:
                source.close()
                return None
            track.source = source
            track.compressed = source.compressed
        self._open[track.ordinal] = self._open.pop(track.ordinal, track)
        if len(self._open) > self._settings.open_limit:
            self._shut(next(iter(self._open.values())))
        return track.source

    def _lost(self, track: Track) -> None:
        """It was not open and is not at its path: a new listing tells where it went, or that it is gone."""
        self._scan()
        if track.listed or track.ordinal in self._orphans:
            return
        unread = self._behind(track)
        self._uncarry(track)
        self._gone[track.ordinal] = self._monotonic()
        self._audit("gone", track.path, f"read to {track.offset}; {unread} bytes unread")

    def _shut(self, track: Track) -> None:
        track.close()
        self._open.pop(track.ordinal, None)

    def _trouble(self, path: str, error: OSError) -> None:
        last = self._retries.get(path)
        tries = last.tries + 1 if last else 1
        if tries == 1 or (tries == _TRIES and not self._settings.follow):
            self._audit("unreadable", path, error.strerror or str(error))
        delay = min(2 * last.delay, self._settings.retry_limit_seconds) if last else self._settings.retry_seconds
        self._retries[path] = _Retry(self._monotonic() + delay, delay, error.strerror or str(error), tries)

    def _resting(self, path: str) -> bool:
        retry = self._retries.get(path)
        return retry is not None and self._monotonic() < retry.at

    # ---------------------------------------------------------------------------------------------------------- small

    def _unread(self, track: Track) -> None:
        if not track.queued:
            track.queued = True
            heapq.heappush(self._queue, track.ordinal)

    def _behind(self, track: Track) -> int:
        if track.drained:
            return 0
        if track.compressed:
            return max(0, track.stamp[0] - (track.source.reached if track.source else 0))
        return max(0, track.stamp[0] - max(track.offset + track.leftover, track.skip))

    def _audit(self, what: str, path: str, detail: str) -> None:
        self._audits.append(Audit(self.feed, what, path, detail))
