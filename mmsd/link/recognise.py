"""Which file is which: gives every file of the glob its track, by what stands in it.

A file is known by its content (heads.py), so a *track* (track.py) outlives names, inodes and gzip. `_scan` lists the directory;
`_adopt` explains what is unknown in it, the surest likeness first, and begins a new track only for what nothing explains.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Final

from mmsd.link.files import Files, Source, Status, fixed, open_source
from mmsd.link.heads import GUARD, HEAD, digest, made_from, name, oldest_first, origins
from mmsd.link.look import TRIES, Found, Looker, TailSettings
from mmsd.link.track import EARLY, Heir, Key, Seen, Track, from_extents
from mmsd.model import Extent, Mark

_SHRUNK_HEAD: Final = 256
"""A file of at least so many bytes that all equal the old head was cut, not written anew."""


class Likeness(enum.IntEnum):
    DIFFERENT = 0
    SHORT = 1  # the same beginning, but it ends before the track's position
    SAME = 2  # the same up to the track's position


class Recogniser(Looker):
    """The tracks of one feed, and what carries them."""

    def __init__(
        self,
        feed: str,
        patterns: Sequence[str],
        *,
        files: Files,
        monotonic: Callable[[], float],
        settings: TailSettings,
        marks: Iterable[Mark],
        extents: Iterable[Extent],
    ) -> None:
        super().__init__(feed, files, monotonic, settings)
        self._patterns = tuple(patterns)
        self._tracks: dict[int, Track] = {}
        self._carried: dict[Key, Track] = {}
        self._heirs: dict[Key, Track] = {}
        self._orphans: dict[int, Track] = {}  # no carrier known in this run, by ordinal
        self._active: dict[int, Track] = {}  # carried and not done
        self._spare: dict[Key, tuple[str, Source]] = {}  # open, but what it holds now is no track yet
        self._open: dict[int, Track] = {}  # with a descriptor, least recently used first
        self._queue: list[int] = []  # heap of ordinals that may have unread bytes
        self._dirty: dict[int, Track] = {}
        self._gone: dict[int, float] = {}  # not in the glob and done with, since
        self._expired: list[int] = []
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

    # ---------------------------------------------------------------------------------------------------------------------- the directory

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
        for _ in range(TRIES):
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
        for track in self._orphans.values():
            if track.key in listing and not listing[track.key].status.size:
                track.emptied = True
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

    def _fits(self, track: Track, found: Found) -> bool:
        """An inode may have been given out again."""
        if not track.offset:
            return found.compressed == track.compressed and found.head.startswith(track.head)
        likeness = self._likeness(track, found, trust=False)
        return likeness is Likeness.SAME or (likeness is Likeness.SHORT and found.status.size >= track.stamp[0])

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

    # ------------------------------------------------------------------------------------------------------------------------- who is who

    def _likeness(self, track: Track, found: Found, *, trust: bool = True) -> Likeness:
        """Does this file hold what was taken of the track? `trust`: for a `.gz` of the right name or inode its head is proof enough."""
        if track.offset == 0:
            # without a descriptor nothing was taken and nothing can be: let it begin anew
            original = self._begun(track) if made_from(found.path, track.path) else b""
            alike = bool(found.head) and original.startswith(found.head)
            return Likeness.SAME if alike else Likeness.DIFFERENT
        length, head = track.head_of(track.offset)
        if len(found.head) < length:
            return Likeness.SHORT if found.head and track.head.startswith(found.head) else Likeness.DIFFERENT
        if digest(found.head[:length]) != head:
            return Likeness.DIFFERENT
        if trust and found.compressed:  # inflating it all to see its end is dear
            renamed = track.done and not track.unlinked and track.key == found.status.key and track.path.endswith(".gz")
            packed = not track.done and found.path == track.path + ".gz" and track.ordinal not in self._orphans  # a read will tell
            if renamed or packed:
                return Likeness.SAME
        guarded = min(GUARD, track.offset)
        tail = self._peek(found, track.offset - guarded, guarded + 1)
        if tail is None:
            return Likeness.DIFFERENT
        if len(tail) < guarded:
            early = self._peek(found, 0, len(track.early))
            return Likeness.SHORT if early is not None and track.early.startswith(early) else Likeness.DIFFERENT
        if (
            track.done
            and not tail[:guarded].endswith(b"\n")
            and len(tail) > guarded
            and (track.unlinked or (track.key != found.status.key and not found.compressed))
        ):
            return Likeness.DIFFERENT  # left with a torn record: another file of the same beginning went on where that one ended
        return Likeness.SAME if digest(tail[:guarded]) == track.guard else Likeness.DIFFERENT

    def _begun(self, track: Track) -> bytes:
        """What stands first in its open file now."""
        try:
            return track.source.read(0, HEAD) if track.source is not None else b""
        except OSError as error:
            self._trouble(track.path, error)
            return b""

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

        def likely(looked: Found) -> list[Track]:
            tracks = [track for n in lengths if n <= len(looked.head) for track in free.get((n, digest(looked.head[:n])), ())]
            tracks += [track for track in loose if track not in tracks]
            return sorted(tracks, key=lambda track: (-track.offset, not made_from(looked.path, track.path), track.ordinal))

        def same_inode(looked: Found) -> bool:
            # gzip makes a file of its own: one that was plain is not compressed in place, but its inode may have been given out again
            tracks = (track for track in at_home.get(looked.status.key, ()) if track.path.endswith(".gz") == looked.compressed)
            return self._first_like(looked, tracks, Likeness.SAME)

        def same_content(looked: Found) -> bool:
            return self._first_like(looked, likely(looked), Likeness.SAME)

        def made_of(looked: Found) -> Iterator[Track]:
            for path in origins(looked.path):
                track = listed.get(path)
                if track is not None and track.path == path and made_from(looked.path, path):
                    yield track

        def copy_in_sight(looked: Found) -> bool:
            for track in made_of(looked):
                original = self._examine(track.path, track.key)
                if original is not None and self._begins(original, looked):
                    self._make_heir(track, looked, copy=True)
                    return True
            return False

        def copy_left(looked: Found) -> bool:
            for track in made_of(looked):
                likeness = self._likeness(track, looked)
                if likeness is not Likeness.DIFFERENT and not self._stands(track):  # copied and truncated since the last look
                    self._uncarry(track)
                    self._carry(track, looked, short=likeness is Likeness.SHORT)
                    listed[track.path] = track
                    rewritten.append(track)
                    return True
            return False

        def short_copy(looked: Found) -> bool:
            """Copied, written, read, truncated: only where the truncated file is still about, and no better copy."""
            truncated = [t for t in likely(looked) if t.key in keys and t.key != looked.status.key and not t.heirs and t.source is None]
            return self._first_like(looked, [t for t in truncated if made_from(looked.path, t.path)], Likeness.SHORT)

        def shrunk(looked: Found) -> bool:
            return self._shrunk(looked, at_home.get(looked.status.key, ()))

        for explain in (same_inode, copy_in_sight, same_content, copy_in_sight, copy_left, copy_in_sight, short_copy, shrunk):
            listed.update((track.path, track) for track in self._carried.values() if track.listed)
            found = [looked for looked in found if not explain(looked)]
        self._take_up(found)
        return not rewritten

    def _take_up(self, found: Sequence[Found]) -> None:
        """New files, oldest first; of several with one content (`cp`, gzip at work) the original is taken and the others are its heirs."""
        by_path = {looked.path: looked for looked in found}
        copies: dict[str, Found] = {}
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

    def _begin(self, looked: Found) -> Track:
        track = self._tracks[self._next_ordinal] = Track(self._next_ordinal, looked.path)
        self._next_ordinal += 1
        self._carry(track, looked)
        return track

    def _first_like(self, looked: Found, tracks: Iterable[Track], wanted: Likeness) -> bool:
        for track in tracks:
            if not track.listed and self._likeness(track, looked) is wanted:
                if track.source is not None:  # deleted or moved away: its own descriptor is read first
                    self._make_heir(track, looked, copy=False)
                else:
                    self._carry(track, looked, short=wanted is Likeness.SHORT)
                return True
        return False

    def _stands(self, track: Track) -> bool:
        """Is the content up to the track's position still in its own file?"""
        source = self._reach(track)
        try:
            return source is not None and self._unchanged(track, source)
        except OSError as error:
            self._trouble(track.path, error)
            return True  # nobody knows; a read will tell

    def _shrunk(self, looked: Found, tracks: Iterable[Track]) -> bool:
        """The same file, cut to a beginning of itself (with a copy about, it was copied and truncated): go on at its new end."""
        for track in tracks:
            if (
                track.listed
                or track.emptied
                or track.heirs
                or self._likeness(track, looked) is not Likeness.SHORT
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

    # --------------------------------------------------------------------------------------------------------------- what carries a track

    def _carry(self, track: Track, looked: Found, *, short: bool = False) -> None:
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
        track.unlinked = track.emptied = False
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
            if len(track.early) < min(track.offset, EARLY) and not track.compressed:  # after a restart
                track.early = self._peek(looked, 0, min(track.offset, EARLY)) or b""
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

    def _make_heir(self, track: Track, looked: Found, *, copy: bool) -> None:
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
            found = Found(path, source.status(), source.read(0, HEAD), source.compressed)
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

    def _begun_by(self, found: Found, source: Source) -> Iterator[tuple[Track, Found]]:
        """Listed files that hold a beginning of this unlisted one, with their tracks."""
        for track in list(self._carried.values()):
            if track.listed and track.head and found.head.startswith(track.head) and made_from(track.path, found.path):
                looked = self._examine(track.path, track.key)
                end = self._end(looked) if looked is not None else None
                if looked is not None and end is not None and digest(source.read(max(0, end[0] - GUARD), min(GUARD, end[0]))) == end[1]:
                    yield track, looked

    def _succeed(self, track: Track, *, short: bool) -> bool:
        """The heir that reaches furthest carries the track on; False if there is none. What is no heir after all is judged anew."""
        shorter: Found | None = None
        furthest = -1
        for key, heir in list(track.heirs.items()):
            looked = self._examine(heir.path, key)
            likeness = self._likeness(track, looked) if looked is not None else Likeness.DIFFERENT
            if looked is not None and likeness is Likeness.SHORT:
                end = self._end(looked)
                reach = end[0] if end is not None else 0
                if reach > furthest:
                    shorter, furthest = looked, reach
                continue
            self._disinherit(key)
            if looked is not None and likeness is Likeness.SAME:
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

    def _lost(self, track: Track) -> None:
        """It was not open and is not at its path: a new listing tells where it went, or that it is gone."""
        self._scan()
        if track.listed or track.ordinal in self._orphans:
            return
        unread = self._behind(track)
        self._uncarry(track)
        self._gone[track.ordinal] = self._monotonic()
        self._audit("gone", track.path, f"read to {track.offset}; {unread} bytes unread")

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

    # ---------------------------------------------------------------------------------------------------------------------- one open file

    def _unchanged(self, track: Track, source: Source) -> bool:
        guarded = min(GUARD, track.offset)
        return self._same_head(track, source) and digest(source.read(track.offset - guarded, guarded)) == track.guard

    def _same_head(self, track: Track, source: Source) -> bool:
        """Of a compressed file the guard must do: going back to its head would inflate it all again."""
        if track.offset and source.compressed:
            return True
        head = track.head[: track.offset] if track.offset else track.head
        return source.read(0, len(head)) == head

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

    def _shut(self, track: Track) -> None:
        track.close()
        self._open.pop(track.ordinal, None)

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
