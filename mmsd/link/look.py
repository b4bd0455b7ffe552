"""Looks into files, one at a time: what is in one, where does it end, is it a beginning of another? Trouble is met with back-off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from mmsd.link.files import Files, Status, open_source
from mmsd.link.heads import GUARD, HEAD, digest
from mmsd.link.track import Key
from mmsd.model import Audit

SEARCH_BLOCK: Final = 256 << 10
TRIES: Final = 5
_SAME_TAIL: Final = 4096


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


class Found(NamedTuple):
    """A listed file that is not known yet, looked into."""

    path: str
    status: Status
    head: bytes
    compressed: bool


class Retry(NamedTuple):
    at: float
    delay: float
    error: str
    tries: int


class Looker:
    """Its memory: files in trouble, gzip files in the making, and what an operator should know."""

    def __init__(self, feed: str, files: Files, monotonic: Callable[[], float], settings: TailSettings) -> None:
        self.feed = feed
        self._files = files
        self._monotonic = monotonic
        self._settings = settings
        self._retries: dict[str, Retry] = {}
        self._unripe: dict[Key, tuple[int, float]] = {}  # a gzip file in the making: size, since when
        self._audits: list[Audit] = []

    def _examine(self, path: str, key: Key | None) -> Found | None:
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
        return Found(path, status, head, source.compressed)

    def _peek(self, found: Found, offset: int, size: int) -> bytes | None:
        try:
            source = open_source(self._files, found.path)
            try:
                return source.read(offset, size) if source.status().key == found.status.key else None
            finally:
                source.close()
        except OSError as error:
            self._trouble(found.path, error)
            return None

    def _end(self, found: Found) -> tuple[int, bytes] | None:
        """Its length after decompression, and the guard there."""
        size = found.status.size
        if found.compressed:
            size = 0
            while block := self._peek(found, size, SEARCH_BLOCK):
                size += len(block)
        tail = self._peek(found, max(0, size - GUARD), min(GUARD, size))
        return None if tail is None else (size, digest(tail))

    def _begins(self, original: Found, copy: Found) -> bool:
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

    def _trouble(self, path: str, error: OSError) -> None:
        last = self._retries.get(path)
        tries = last.tries + 1 if last else 1
        if tries == 1 or (tries == TRIES and not self._settings.follow):
            self._audit("unreadable", path, error.strerror or str(error))
        delay = min(2 * last.delay, self._settings.retry_limit_seconds) if last else self._settings.retry_seconds
        self._retries[path] = Retry(self._monotonic() + delay, delay, error.strerror or str(error), tries)

    def _resting(self, path: str) -> bool:
        retry = self._retries.get(path)
        return retry is not None and self._monotonic() < retry.at

    def _audit(self, what: str, path: str, detail: str) -> None:
        self._audits.append(Audit(self.feed, what, path, detail))
