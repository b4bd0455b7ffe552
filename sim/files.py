"""Log files as nodes write them: buffered, growing, rotated in three ways. Every line is written exactly once."""

from __future__ import annotations

import enum
import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

_FULL: Final = 1 << 20


class Rotate(enum.Enum):
    NEVER = 0
    RENAME = 1  # and go on in the old file until `reopen`
    GZIP = 2  # rename, reopen, compress
    COPY = 3  # copy, then truncate: the name and the inode stay


class LogFile:
    """One growing file. `lines` and `octets` count what was given to it; `records` where a record is a block of lines.

    `opening` and `closing` render the lines a node writes when it opens and leaves a file.
    """

    def __init__(
        self,
        path: Path,
        rotation: Rotate = Rotate.NEVER,
        opening: Callable[[], bytes] = bytes,
        closing: Callable[[], bytes] = bytes,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.records = 0
        self.lines = 0
        self.octets = 0
        self._rotation = rotation
        self._opening = opening
        self._closing = closing
        self._pending: list[bytes] = []
        self._waiting = 0  # octets in _pending
        self._rest = b""  # begun by the last flush, not yet written
        self._renamed = False
        self.muted = False  # nothing is kept of what is written: the feed begins later
        self._handle = self._open()
        self.write(opening())

    def write(self, record: bytes) -> None:
        """One record with its line feeds; empty ones are nothing."""
        if record and not self.muted:
            self._pending.append(record)
            self.records += 1
            self.lines += record.count(b"\n")
            self.octets += len(record)
            self._waiting += len(record)
            if self._waiting >= _FULL:
                self.flush()

    def write_lines(self, lines: list[bytes]) -> None:
        """Many records of one line each."""
        if self.muted:
            return
        block = b"".join(lines)
        self._pending.append(block)
        self.records += len(lines)
        self.lines += len(lines)
        self.octets += len(block)
        self._waiting += len(block)
        if self._waiting >= _FULL:
            self.flush()

    def flush(self, hold: int = 0) -> None:
        """Hand everything to the file but the last `hold` octets, which come with the next flush: a reader sees half a line."""
        data = self._rest + b"".join(self._pending)
        self._pending.clear()
        self._waiting = 0
        cut = max(len(data) - hold, 0)
        self._rest = data[cut:]
        written = 0
        while written < cut:
            written += os.write(self._handle, data[written:cut])

    def rotate(self) -> None:
        """Move what is written out of the way, as `rotation` says; older generations move up by one, none is ever deleted."""
        if self._renamed:
            return
        if self._rotation is not Rotate.RENAME:
            self.flush()
        suffix = ".gz" if self._rotation is Rotate.GZIP else ""
        last = 1
        while self._generation(last, suffix).exists():
            last += 1
        for number in range(last, 1, -1):
            self._generation(number - 1, suffix).rename(self._generation(number, suffix))
        aside = self._generation(1)
        if self._rotation is Rotate.COPY:
            shutil.copyfile(self.path, aside)
            os.truncate(self.path, 0)
            return
        self.path.rename(aside)
        self._renamed = True
        if self._rotation is Rotate.GZIP:
            self.reopen()
            with aside.open("rb") as plain, self._generation(1, ".gz").open("wb") as packed, gzip.GzipFile("", "wb", 6, packed, 0) as out:
                shutil.copyfileobj(plain, out)
            aside.unlink()

    def reopen(self) -> None:
        """Begin a new file under the name after a rename; what came since the rename went to the old one."""
        if self._renamed:
            self.write(self._closing())
            self.flush()
            os.close(self._handle)
            self._handle = self._open()
            self._renamed = False
            self.write(self._opening())

    def close(self) -> None:
        self.write(self._closing())
        self.flush()
        os.close(self._handle)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def _generation(self, number: int, suffix: str = "") -> Path:
        return self.path.with_name(f"{self.path.name}.{number}{suffix}")
