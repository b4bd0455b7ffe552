"""The journal of copies that were looked into: one sealed line each, on disk before its copy is dropped.

It is a feed like any other (`logs.inspected`): its lines take effect with their positions, in one transaction. A new file is begun at each
start and when one is large; a file goes when it was read to its end and is old.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from mmsd.errors import StoreDamaged
from mmsd.logs.inspected import Look, read, written
from mmsd.model import DAY, SECOND

PATTERN: Final = "looked-*.log"
LARGEST: Final = 16 << 20
KEPT: Final = DAY
"""A file that was read stays so long: for whoever asks what happened."""


class Journal:
    """Not for several threads at once. OSError wherever the disk says so; then nothing of that call counts as written."""

    def __init__(
        self,
        folder: Path,
        seal: Callable[[bytes], bytes],
        unseal: Callable[[bytes], bytes],
        *,
        wall: Callable[[], int],
        fault_point: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._folder = folder
        self._seal = seal
        self._wall = wall
        self._fault_point = fault_point
        self._file: BinaryIO | None = None
        self._path = Path()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._known = {path: set(_ids(path, unseal)) for path in folder.glob(PATTERN)}  # copies by the file that has their line

    def __contains__(self, copy: bytes) -> bool:
        """Whether this copy was written down, in any file that is still there: then it only has to be dropped."""
        return any(copy in ids for ids in self._known.values())

    def append(self, looks: Collection[Look]) -> None:
        """All of them are on disk when it returns."""
        if not looks:
            return
        file = self._file or self._begun()
        try:
            self._fault_point("journal")
            file.write(b"".join(written(look, self._seal) for look in looks))
            file.flush()
            os.fsync(file.fileno())
        except OSError:  # what stands there is not known: the next line begins a new file
            with contextlib.suppress(OSError):  # what it could not write it tries again
                self.close()
            raise
        self._fault_point("journalled")
        self._known[self._path].update(look.id for look in looks if look.id)
        if file.tell() >= LARGEST:
            self.close()

    def retire(self, read_up_to: Mapping[str, int]) -> int:
        """Drops old files that were read, octets by path, and forgets their copies; how many files."""
        gone = 0
        for path in self._folder.glob(PATTERN):
            state = path.stat()
            old = state.st_mtime_ns // 1000 < self._wall() - KEPT
            if path != self._path and old and read_up_to.get(str(path), 0) >= state.st_size:
                path.unlink()
                self._known.pop(path, None)
                gone += 1
        return gone

    def close(self) -> None:
        if self._file is not None:
            file, self._file, self._path = self._file, None, Path()
            file.close()

    def _begun(self) -> BinaryIO:
        """A file of its own for what follows: the last one may end within a line."""
        at = self._wall()
        while (path := self._folder / f"looked-{at:020d}.log").exists():
            at += SECOND
        file = path.open("xb")
        try:
            os.fchmod(file.fileno(), 0o600)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            file.close()
            raise
        self._file, self._path = file, path
        self._known[path] = set()
        return file


def _ids(path: Path, unseal: Callable[[bytes], bytes]) -> Iterable[bytes]:
    for line in path.read_bytes().splitlines():
        try:
            look = read(line, unseal)
        except (ValueError, msgspec.DecodeError, StoreDamaged):
            continue
        if look.id:
            yield look.id
