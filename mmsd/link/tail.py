"""Follows the log files of one feed: every byte given out once, whatever rotation, copying, truncation or compression does to them.

Here is the loop: poll → read → take → pending → committed. Which file is which is told in recognise.py. What may be promised:

- a file is never given up while it has unread bytes and its descriptor, a copy or its compressed form can be read;
- what was taken is given out again only after `reset`, then exactly, even if the file was truncated meanwhile;
- a rewritten file is told from one that grew by the ≤ 256 bytes before the position, looked at right behind the new bytes.

Polling is the truth: nothing here needs notifications. One thread at a time may use a Tail. There is no wall clock in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from mmsd.link.files import Files, Source
from mmsd.link.heads import GUARD, digest
from mmsd.link.look import SEARCH_BLOCK, TRIES, TailSettings
from mmsd.link.recognise import Recogniser
from mmsd.link.track import Held, Track
from mmsd.model import Audit, Chunk, Extent, Mark

__all__ = ["Health", "Tail", "TailSettings"]

_TEAR: Final = bytes(512)
"""A NUL run of a disk sector or more is a hole (power cut, truncation under a writer); shorter ones belong to the dialect."""
_SCAN_CHEAP, _SCAN_SHARE, _SCAN_LATEST = 0.005, 20, 2.0
"""A listing of more than 5 ms (thousands of files) is made at most one part in 20 of the time, but every 2 s."""


class Health(NamedTuple):
    """`state`: "ok" or "degraded"; `files`: known and not yet left; `oldest_unread`: path of the oldest rotated file with unread bytes."""

    state: str
    error: str
    files: int
    oldest_unread: str


class _Given(NamedTuple):
    """The chunk that waits for `take`."""

    track: Track
    before: bytes
    chunk: Chunk
    at_end: bool


class Tail(Recogniser):
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
        super().__init__(feed, patterns, files=files, monotonic=monotonic, settings=settings, marks=marks, extents=extents)
        self._given: _Given | None = None
        self._cut: list[tuple[Track, Mark, int]] | None = None

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
            data = memoryview(chunk.data)[:consumed]
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
        given_up = {path for path, retry in self._retries.items() if retry.tries >= TRIES}
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

    # --------------------------------------------------------------------------------------------------------------------------- one file

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
        for _ in range(TRIES):  # a file found rewritten or renamed is another, or elsewhere, at the second look
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
            return _Given(track, held.before, Chunk(bytes(held.data), track.ordinal, held.offset, held.final, track.path), held.final)
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
        before, data = source.read_on(track.offset, guarded, want)
        reached = source.reached
        at_end = len(data) < want
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
        while block := source.read(at, SEARCH_BLOCK):
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
        while block := source.read(track.skip, SEARCH_BLOCK):
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
