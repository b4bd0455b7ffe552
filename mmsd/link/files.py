"""The file system as the tailer sees it: a small protocol so that faults can be planted, its real form, and readers of one open file.

Positions are always byte offsets *after decompression*; a reader gives bytes from any offset, forwards cheaply.
"""

from __future__ import annotations

import glob
import os
import stat
import zlib
from dataclasses import dataclass
from typing import Final, Protocol

from mmsd.link.heads import GUARD

GZIP_MAGIC: Final = b"\x1f\x8b"
_RAW_BLOCK: Final = 64 << 10
_OUT_BLOCK: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class Status:
    """What stat says about a file. `size` in bytes as stored (a compressed file's compressed size)."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    links: int = 1
    regular: bool = True

    @property
    def key(self) -> tuple[int, int]:
        return self.device, self.inode


class Files(Protocol):
    """What the tailer asks of a file system. Every method raises OSError as the system call does."""

    def glob(self, pattern: str) -> list[str]:
        """Paths that match, in any order; a pattern without wildcards matches itself if it exists. An absent directory has none; one that
        cannot be read raises."""
        ...

    def stat(self, path: str) -> Status:
        """Follows symbolic links."""
        ...

    def open(self, path: str) -> int:
        """A descriptor for reading; never blocks on a FIFO."""
        ...

    def fstat(self, descriptor: int) -> Status: ...

    def pread(self, descriptor: int, size: int, offset: int) -> bytes: ...

    def close(self, descriptor: int) -> None: ...


class OsFiles:
    """The real one."""

    def glob(self, pattern: str) -> list[str]:
        found = glob.glob(pattern, recursive=True)  # noqa: PTH207 - ten thousand Path objects a scan are not free
        if not found:  # glob says so of an unreadable directory, too
            try:
                if glob.has_magic(pattern):
                    os.scandir(fixed(pattern) or ".").close()
                else:
                    os.lstat(pattern)
            except (FileNotFoundError, NotADirectoryError):
                pass  # absent as yet
        return found

    def stat(self, path: str) -> Status:
        return _status(os.stat(path))  # noqa: PTH116 - as above

    def open(self, path: str) -> int:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)

    def fstat(self, descriptor: int) -> Status:
        return _status(os.fstat(descriptor))

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        return os.pread(descriptor, size, offset)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)


def fixed(pattern: str) -> str:
    """The directory of a pattern, as far as it stands without wildcards.

    >>> fixed("/var/log/mms*/access.log*"), fixed("/var/log/access.log*"), fixed("*.log")
    ('/var/log', '/var/log', '')
    """
    folder = os.path.dirname(pattern)  # noqa: PTH120 - patterns are no paths
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)  # noqa: PTH120
    return folder


def _status(found: os.stat_result) -> Status:
    return Status(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_nlink, stat.S_ISREG(found.st_mode))


class Source(Protocol):
    """One open file, read at offsets after decompression."""

    compressed: bool
    reached: int
    """Stored bytes used so far: equal to the file's size when everything in it has been given out."""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes [offset, offset + size); shorter only at the present end of the file. Raises OSError."""
        ...

    def read_on(self, offset: int, before: int, size: int) -> tuple[bytes, bytes]:
        """(the `before` bytes ahead of `offset`, the `size` bytes from there on), as `read` gives them. What stands ahead is read last:
        where it is still what it was, what follows it had not been rewritten either."""
        ...

    def status(self) -> Status: ...

    def whole(self) -> str:
        """What is wrong with the file's end (a cut or damaged gzip stream); empty when nothing is."""
        ...

    def close(self) -> None: ...


def open_source(files: Files, path: str) -> Source:
    """Opens `path`, plain or gzip (told by its first bytes, or by its name while it has none). Raises OSError."""
    descriptor = files.open(path)
    try:
        magic = files.pread(descriptor, 2, 0)
    except OSError:
        files.close(descriptor)
        raise
    if magic == GZIP_MAGIC or (len(magic) < 2 and path.endswith(".gz")):
        return Inflated(files, descriptor)
    return Plain(files, descriptor)


def _cut(block: bytes, at: int) -> tuple[bytes, bytes]:
    return block[:at], block[at:]


class Plain:
    compressed = False

    def __init__(self, files: Files, descriptor: int) -> None:
        self._files = files
        self._descriptor = descriptor
        self.reached = 0

    def read(self, offset: int, size: int) -> bytes:
        parts = []
        stop = offset + size
        while offset < stop:
            part = self._files.pread(self._descriptor, stop - offset, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
        self.reached = offset
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_on(self, offset: int, before: int, size: int) -> tuple[bytes, bytes]:
        data = self.read(offset, size)
        reached = self.reached
        ahead = self.read(offset - before, before)
        self.reached = reached
        return ahead, data

    def status(self) -> Status:
        return self._files.fstat(self._descriptor)

    def whole(self) -> str:
        return ""

    def close(self) -> None:
        self._files.close(self._descriptor)


class Inflated:
    """A gzip file of one or more members. Forwards it inflates on; backwards beyond what it keeps it begins anew. Memory is flat.

    The text is inflated into the very bytes that are given out: what was given out last is the window, and the GUARD bytes before it stay.
    """

    compressed = True

    def __init__(self, files: Files, descriptor: int) -> None:
        self._files = files
        self._descriptor = descriptor
        self._rewind()

    def _rewind(self) -> None:
        self.reached = 0
        self._inflater = zlib.decompressobj(31)
        self._stored = b""  # read and not yet inflated
        self._window = b""
        self._start = 0  # offset of the window's first byte
        self._behind = b""  # what stands before it
        self._damage = ""
        self._ended = False  # what follows the last member is not gzip

    def read(self, offset: int, size: int) -> bytes:
        back = self._start - offset
        if back > len(self._behind):
            self._rewind()
        elif back > 0:
            kept = self._behind[-back:]
            return (kept + self._from(self._start, size - back))[:size] if size > back else kept[:size]
        return self._from(offset, size)

    def read_on(self, offset: int, before: int, size: int) -> tuple[bytes, bytes]:
        if offset < self._start:
            return _cut(self.read(offset - before, before + size), before)
        data = self._from(offset, size)
        if self._start < offset:  # the file ends before it
            return self._behind[-before:] if before else b"", b""
        return (self._behind[-before:], data) if len(self._behind) >= before else _cut(self.read(offset - before, before + size), before)

    def _from(self, offset: int, size: int) -> bytes:
        """Bytes from `offset` on, which is not before the window: that begins there afterwards, or where the file ends."""
        while self._start + len(self._window) < offset:
            self._pass(len(self._window))
            out = self._inflate(_OUT_BLOCK)
            if out is None:
                return b""
            self._window = out
        self._pass(offset - self._start)
        parts, length = [self._window], len(self._window)
        while length < size and (out := self._inflate(size - length)) is not None:
            parts.append(out)
            length += len(out)
        if len(parts) > 1:
            self._window = b"".join(parts)
        return self._window[:size]

    def _pass(self, count: int) -> None:
        """The first bytes of the window stand behind it now."""
        if count:
            self._behind = (self._behind + self._window[max(count - GUARD, 0) : count])[-GUARD:]
            self._window = self._window[count:]
            self._start += count

    def _inflate(self, most: int) -> bytes | None:
        """Some more, `most` bytes at most, or none for now; None when nothing more can come."""
        if self._damage or self._ended:
            self.reached = max(self.reached, self.status().size)
            return None
        if not self._stored:
            self._stored = self._files.pread(self._descriptor, _RAW_BLOCK, self.reached)
            self.reached += len(self._stored)
        try:
            if self._inflater.eof:
                self._stored = self._stored.lstrip(b"\0")  # padding between members
                if not self._stored:
                    return None
                if not self._stored.startswith(GZIP_MAGIC[:1]):
                    self._ended = True
                    return self._inflate(most)
                self._inflater = zlib.decompressobj(31)
            fed = bool(self._stored)
            out = self._inflater.decompress(self._stored, most)
        except zlib.error as error:
            self._damage = str(error)
            return self._inflate(most)
        self._stored = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
        return out if fed or out else None

    def status(self) -> Status:
        return self._files.fstat(self._descriptor)

    def whole(self) -> str:
        if self._damage:
            return self._damage
        return "" if self._inflater.eof or self._ended else "the gzip stream is cut short"

    def close(self) -> None:
        self._files.close(self._descriptor)
