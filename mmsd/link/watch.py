"""Wakes a poller earlier: inotify on the directories of some globs. What it says may be late, doubled or lost; polling is the truth."""

from __future__ import annotations

import asyncio
import glob
import os
import select
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncinotify

_MASK: Final = (
    asyncinotify.Mask.MODIFY
    | asyncinotify.Mask.CREATE
    | asyncinotify.Mask.DELETE
    | asyncinotify.Mask.MOVED_FROM
    | asyncinotify.Mask.MOVED_TO
    | asyncinotify.Mask.ATTRIB
    | asyncinotify.Mask.ONLYDIR
)


LOCAL: Final = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs", "tmpfs", "xfs", "zfs"})
"""File systems that nobody writes to but through this kernel, which therefore tells of every write."""
_MOUNTS: Final = Path("/proc/self/mountinfo")


class Watch:
    """`wait(timeout)` returns True as soon as something stirred in a directory of the patterns (or `wake` was called), else False.

    Without inotify (no instances or watches left, a file system that has none, a directory that is not there yet) it waits for the
    whole timeout: the poll interval. One thread or task waits at a time; `wake` may be called from any. A context manager.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._folders = tuple({pattern.rpartition("/")[0] or ("/" if pattern.startswith("/") else ".") for pattern in patterns})
        self._local: dict[int, bool] = {}  # by device
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._inotify: asyncinotify.Inotify | None
        try:
            self._inotify = asyncinotify.Inotify()
        except OSError:
            self._inotify = None
        self._poller = select.epoll()
        self._poller.register(self._bell, select.EPOLLIN)
        if self._inotify is not None:
            os.set_blocking(self._inotify.fd, False)
            self._poller.register(self._inotify.fd, select.EPOLLIN)
        self._attach()

    @property
    def attached(self) -> bool:
        """True if inotify watches at least one directory just now."""
        return self._attached

    @property
    def sees_all(self) -> bool:
        """True if every directory is watched just now, and on a file system whose every write inotify tells of. A file that is reached
        through a symbolic link from one of them may still change unseen."""
        return self._sees_all

    def wait(self, timeout: float) -> bool:
        """Seconds. Blocks the calling thread."""
        self._attach()
        return self._drained(bool(self._poller.poll(timeout)))

    async def wait_async(self, timeout: float) -> bool:  # noqa: ASYNC109 - the time-out is an answer, not an error
        """As `wait`, for a task."""
        self._attach()
        loop = asyncio.get_running_loop()
        stirred: asyncio.Future[None] = loop.create_future()
        descriptor = self._poller.fileno()
        loop.add_reader(descriptor, _settle, stirred)
        try:
            await asyncio.wait((stirred,), timeout=timeout)
        finally:
            loop.remove_reader(descriptor)
        return self._drained(stirred.done())

    def wake(self) -> None:
        """Ends a wait now, or the next one at once."""
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        self._poller.close()
        os.close(self._bell)
        if self._inotify is not None:
            self._inotify.close()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _attach(self) -> None:
        """Watches the directories as they are now: one may have come, gone or been replaced. Watching again is free."""
        self._attached = self._sees_all = False
        if self._inotify is None:
            return
        seen = True
        for pattern in self._folders:
            folders = glob.glob(pattern) if glob.has_magic(pattern) else (pattern,)  # noqa: PTH207 - a string is what inotify takes
            seen = seen and bool(folders)
            for folder in folders:
                try:
                    self._inotify.add_watch(folder, _MASK)
                    self._attached = True
                    seen = seen and self._is_local(os.stat(folder).st_dev)  # noqa: PTH116 - a string is what inotify takes
                except OSError:  # absent, not a directory, no watches left
                    seen = False
        self._sees_all = seen and self._attached

    def _is_local(self, device: int) -> bool:
        """Looked up once for each file system; one that is not listed under its device is taken for a distant one."""
        if device not in self._local:
            kinds = {}
            for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
                place, _, kind = line.partition(" - ")
                kinds[place.split()[2]] = kind.split()[0]
            self._local[device] = kinds.get(f"{os.major(device)}:{os.minor(device)}") in LOCAL
        return self._local[device]

    def _drained(self, stirred: bool) -> bool:
        """Empties both descriptors: only that something happened matters, so a queue that overflowed is as good."""
        if stirred:
            descriptors = [self._bell] if self._inotify is None else [self._bell, self._inotify.fd]
            for descriptor in descriptors:
                try:
                    while os.read(descriptor, 64 << 10):
                        pass
                except BlockingIOError:
                    continue
        return stirred


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
