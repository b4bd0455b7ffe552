"""Millions of numbers with their handset, SIM and city, in one file that is asked by the thousand: `handsets-NNNNNN.table`.

Columns in order of a keyed hash of the number, mapped into memory: a search of 10,000 numbers takes milliseconds. Nobody who has the file
alone learns a number, an IMEI or an IMSI from it:

- the hash is AES-256 of the number, cut to 64 bits: a MAC of one block;
- IMEI and IMSI are enciphered in counter mode, AES-256 under a key of the file's own, the row its counter: any row opens alone;
- header and columns carry keyed BLAKE2b digests. The header is looked at whenever a table is opened, the columns by `verify`: half a second
  for twelve million rows, before they are merged into another table and whenever a process has the time.

A table is never changed. The next one is written beside it, synced, and takes its place by its name; who has the old one mapped reads on.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import mmap
import os
import re
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mmsd.errors import StoreDamaged, StoreError, StoreFull
from mmsd.model import DAY, MINUTE, U64Array
from mmsd.rules.handsets import CHANGE, EVENTS, ChangeArray, HandsetArray, merge, moment, unknown
from mmsd.store.keys import Keys, give_to_owner, sync_directory

SLICES: Final = 256
"""A merge goes through the hashes in so many parts: memory holds one of them."""
SLICE_STARTS: Final = np.arange(SLICES, dtype=np.uint64) * np.uint64((1 << 64) // SLICES)
FORGET: Final = 400 * DAY
"""A number of which nothing new was heard for so long is left out of the next table."""
KEPT_CHANGES: Final = 30 * DAY

_MAGIC: Final = b"mmsd handsets 1\n"
_HEADER_BYTES: Final = 1 << 18
_COLUMNS: Final[Sequence[tuple[str, str, int]]] = (  # name, dtype, elements a row
    ("key", "<u8", 1),
    ("secret", "<u8", 2),  # IMEI << 8 | software + 1, IMSI; enciphered
    ("imei_at", "<u4", 1),  # times are minutes since 1970
    ("imei_since", "<u4", 1),
    ("imsi_at", "<u4", 1),
    ("heard", "<u4", 1),
    ("city", "<u2", 1),
)
ROW_BYTES: Final = sum(np.dtype(kind).itemsize * n for _, kind, n in _COLUMNS)
_TIMES: Final = ("imei_at", "imei_since", "imsi_at", "heard")
_PIECE: Final = 16 << 20
_PART: Final = 64 << 20
_TABLE: Final = re.compile(r"handsets-([0-9]{6,})\.table")
_CHANGES: Final = re.compile(r"handsets-([0-9]{6,})\.changes")
_LOCK: Final = "handsets.lock"


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What a table says of itself."""

    serial: int  # grows by one with each table
    rows: int
    key_id: str
    salt: bytes
    digest: bytes  # of all columns
    as_of: int  # of the newest import in it, µs; 0 = none
    made: int  # when it was written, µs
    source: str  # file of that import
    cities: tuple[str, ...]  # 0 is "", unknown


class Cipherer:
    """Hashes of numbers, and pads for rows of one file. ECB is the bare block function here: of a MAC of one block, and of counter mode."""

    def __init__(self, keys: Keys, salt: bytes = b"") -> None:
        self._numbers = hmac.digest(keys.table_key, b"numbers", "sha256")
        self._rows = hmac.digest(keys.table_key, b"rows" + salt, "sha256")
        self._mac = hmac.digest(keys.table_key, b"digest", "sha256")

    def keys_of(self, numbers: U64Array) -> U64Array:
        """Keyed 64-bit hashes of numbers."""
        blocks = np.zeros((len(numbers), 2), np.uint64)
        blocks[:, 0] = numbers
        return np.ascontiguousarray(self._encrypt(self._numbers, blocks)[:, 0])

    def pads(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
        """Two words a row, to be xored with what is to be hidden or shown."""
        blocks = np.zeros((len(rows), 2), np.uint64)
        blocks[:, 0] = rows
        return self._encrypt(self._rows, blocks)

    def digest(self, size: int = 32) -> hashlib.blake2b:
        return hashlib.blake2b(digest_size=size, key=self._mac)

    @staticmethod
    def _encrypt(key: bytes, blocks: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        block_function = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 see the class
        return np.frombuffer(block_function.update(blocks.tobytes()), np.uint64).reshape(-1, 2)


class Table:
    """One table, mapped. Any thread may ask."""

    def __init__(self, path: Path, keys: Keys) -> None:
        """Raises StoreDamaged when the header is not whole, or was written under another key file, or the file is cut."""
        self.path = path
        try:
            with path.open("rb") as file:
                view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:
            raise StoreDamaged(f"{path}: cannot be read: {error}") from error
        self.header = _read_header(path, view, keys)
        self._cipher = Cipherer(keys, self.header.salt)
        if len(view) != _HEADER_BYTES + self.header.rows * ROW_BYTES:
            raise _damaged(path)
        self._columns: dict[str, npt.NDArray[Any]] = {}
        at = _HEADER_BYTES
        for name, kind, elements in _COLUMNS:
            column = np.frombuffer(view, kind, self.header.rows * elements, at)
            self._columns[name] = column.reshape(-1, elements) if elements > 1 else column
            at += column.nbytes

    def __len__(self) -> int:
        return self.header.rows

    def verify(self) -> None:
        """Reads all of the file. Raises StoreDamaged when a column is not as it was written."""
        digest = self._cipher.digest()
        with self.path.open("rb") as file:  # read, not mapped: what is mapped would stay in this process's memory
            file.seek(_HEADER_BYTES)
            while piece := file.read(_PIECE):
                digest.update(piece)
        if not hmac.compare_digest(digest.digest(), self.header.digest):
            raise _damaged(self.path)

    def find(self, numbers: U64Array) -> HandsetArray:
        """HANDSET rows of the numbers, in their order; of one that is not here nothing is known."""
        found = unknown(numbers)
        if not len(self) or not len(numbers):
            return found
        wanted = self._cipher.keys_of(numbers)
        order = np.argsort(wanted)  # neighbours in the file are asked for together
        place = np.empty(len(wanted), np.int64)
        place[order] = np.searchsorted(self._columns["key"], wanted[order])
        place[place == len(self)] = 0
        here = self._columns["key"][place] == wanted
        self._fill(found, np.flatnonzero(here), place[here])
        return found

    def part(self, number: int) -> tuple[U64Array, HandsetArray]:
        """Hashes and rows of one of the SLICES; `number` of the rows is 0, for nobody can tell it."""
        key = self._columns["key"]
        start = int(np.searchsorted(key, SLICE_STARTS[number]))
        stop = len(key) if number + 1 == SLICES else int(np.searchsorted(key, SLICE_STARTS[number + 1]))
        rows = unknown(np.zeros(stop - start, np.uint64))
        self._fill(rows, np.arange(stop - start), np.arange(start, stop))
        return key[start:stop], rows

    def _fill(self, rows: HandsetArray, into: npt.NDArray[np.int64], place: npt.NDArray[np.int64]) -> None:
        words = self._columns["secret"][place] ^ self._cipher.pads(place)
        rows["imei"][into] = words[:, 0] >> np.uint64(8)
        rows["software"][into] = (words[:, 0] & np.uint64(0xFF)).astype(np.int16) - 1
        rows["imsi"][into] = words[:, 1]
        for name in _TIMES:
            rows[name][into] = self._columns[name][place].astype(np.int64) * MINUTE
        rows["city"][into] = self._columns["city"][place]


def _damaged(path: Path) -> StoreDamaged:
    return StoreDamaged(f"{path}: damaged, or written under another key file; delete it and import the list again")


def _read_header(path: Path, view: memoryview, keys: Keys) -> Header:
    try:
        (length,) = struct.unpack_from("<I", view, len(_MAGIC))
        body = bytes(view[len(_MAGIC) + 4 : len(_MAGIC) + 4 + length])
        seal = bytes(view[len(_MAGIC) + 4 + length : len(_MAGIC) + 36 + length])
        digest = Cipherer(keys).digest()
        digest.update(body)
        if bytes(view[: len(_MAGIC)]) != _MAGIC or len(view) < _HEADER_BYTES or not hmac.compare_digest(digest.digest(), seal):
            raise _damaged(path)
        return msgspec.msgpack.decode(body, type=Header)
    except (struct.error, msgspec.MsgspecError) as error:
        raise _damaged(path) from error


# ------------------------------------------------------------------------------------------------------------------- writing

Source = Callable[[int], tuple[U64Array, HandsetArray]]
"""`source(n)`: sorted distinct hashes and rows of slice n, the rows with their numbers."""


class Written(NamedTuple):
    """What a merge made."""

    table: Path
    rows: int
    added: int  # numbers not in the table before
    changes: Mapping[str, int]  # event → how many numbers it happened to
    forgotten: int


def merge_tables(
    directory: Path, keys: Keys, source: Source, *, now: int, watched: int, cities: Sequence[str] = ("",), as_of: int = 0, origin: str = "",
    complete: bool = False, told: bool = False, progress: Callable[[int], None] = lambda part: None,
) -> Written:  # fmt: skip
    """The newest table and what `source` says, as the next table; what changed about whom beside it. The caller holds `locked`.

    All or nothing: whatever stops it leaves the tables as they were. `complete`: the source is the whole list, so a number that is not in
    it and was not heard since `as_of` is left out. `told`: what changed was told when it was seen. Raises StoreFull, or StoreDamaged for
    the table before.
    """
    before = newest(directory, keys)
    if before is not None:
        before.verify()
    serial = before.header.serial + 1 if before is not None else 1
    salt = os.urandom(16)
    with room(directory):
        draft = _Draft(directory, Cipherer(keys, salt))
    changes = [np.zeros(0, CHANGE)]
    added = forgotten = 0
    with contextlib.closing(draft), room(directory):
        for part in range(SLICES):
            key, rows = source(part)
            old_key, old = before.part(part) if before is not None else (np.zeros(0, np.uint64), unknown(np.zeros(0, np.uint64)))
            every = np.union1d(key, old_key)
            known = unknown(np.zeros(len(every), np.uint64))
            known[np.searchsorted(every, old_key)] = old
            seen = np.searchsorted(every, key)
            known["number"][seen] = rows["number"]
            merged = merge(known[seen], rows, watched=watched)
            known[seen] = merged.known
            added += len(every) - len(old_key)
            if not told:
                changes.append(_changes(merged.what, rows, as_of))
            kept = moment(known) >= now - FORGET
            kept[seen] = True
            if complete:
                listed = np.zeros(len(every), bool)
                listed[seen] = True
                kept = listed | (known["heard"] >= as_of)
            forgotten += int((~kept).sum())
            draft.add(every[kept], known[kept])
            progress(part + 1)
        made = _serial_path(directory, serial, "table")
        changed = np.concatenate(changes)
        header = Header(serial, draft.rows, keys.id, salt, b"", as_of, now, origin, tuple(cities))
        if before is not None and not as_of:  # what is merged is no list: the one before is still the newest
            old_header = before.header
            header = msgspec.structs.replace(header, as_of=old_header.as_of, source=old_header.source, cities=old_header.cities)
        if len(changed):  # first, for a table without its changes would swallow them
            _write_changes(_serial_path(directory, serial, "changes"), keys, changed)
        draft.finish(made, header)
        sync_directory(directory)
    _sweep(directory, serial, now)
    counts = {name: int(np.count_nonzero(changed["what"] & np.uint8(what))) for what, name in EVENTS.items()}
    return Written(made, header.rows, added, counts, forgotten)


def by_slice(key: U64Array, rows: HandsetArray) -> Source:
    """A source of rows in memory, one a number, in any order."""
    order = np.argsort(key)
    key, rows = key[order], rows[order]
    bounds = np.searchsorted(key, SLICE_STARTS)

    def source(part: int) -> tuple[U64Array, HandsetArray]:
        stop = len(key) if part + 1 == SLICES else int(bounds[part + 1])
        return key[bounds[part] : stop], rows[bounds[part] : stop]

    return source


def _changes(what: npt.NDArray[np.uint8], rows: HandsetArray, as_of: int) -> ChangeArray:
    place = np.flatnonzero(what)
    changes = np.zeros(len(place), CHANGE)
    changes["number"], changes["what"] = rows["number"][place], what[place]
    changes["at"] = as_of or moment(rows)[place]
    return changes


@contextlib.contextmanager
def room(directory: Path) -> Iterator[None]:
    """Raise what the disk says as StoreFull."""
    try:
        yield
    except OSError as error:
        raise StoreFull(f"{directory}: {error.strerror}; the table of handsets is as it was") from error


class _Draft:
    """Columns of the next table, each in a file without a name: whatever ends the process leaves nothing behind."""

    def __init__(self, directory: Path, cipher: Cipherer) -> None:
        self.rows = 0
        self._cipher = cipher
        self._directory = directory
        self._files: dict[str, IO[bytes]] = {name: tempfile.TemporaryFile(dir=directory) for name, _, _ in _COLUMNS}  # noqa: SIM115 see close

    def add(self, key: U64Array, rows: HandsetArray) -> None:
        """Rows behind all before, in order of their hashes."""
        words = np.empty((len(key), 2), np.uint64)
        words[:, 0] = rows["imei"] << np.uint64(8) | (rows["software"] + 1).astype(np.uint64)
        words[:, 1] = rows["imsi"]
        words ^= self._cipher.pads(np.arange(self.rows, self.rows + len(key)))
        values: dict[str, npt.NDArray[Any]] = {"key": key, "secret": words, "city": rows["city"]}
        values |= {name: (rows[name] // MINUTE).astype("<u4") for name in _TIMES}
        for name, file in self._files.items():
            file.write(values[name].tobytes())
        self.rows += len(key)

    def finish(self, path: Path, header: Header) -> None:
        """Put the columns together under `path`, whole and synced, or not at all."""
        draft = path.with_suffix(".draft")
        digest = self._cipher.digest()
        try:
            with draft.open("wb") as out:
                os.fchmod(out.fileno(), 0o600)
                out.write(bytes(_HEADER_BYTES))
                for file in self._files.values():
                    file.seek(0)
                    while piece := file.read(_PIECE):
                        digest.update(piece)
                        out.write(piece)
                body = msgspec.msgpack.encode(msgspec.structs.replace(header, digest=digest.digest()))
                seal = self._cipher.digest()
                seal.update(body)
                head = _MAGIC + struct.pack("<I", len(body)) + body + seal.digest()
                if len(head) > _HEADER_BYTES:
                    raise StoreError(f"{len(header.cities):,} cities with their names do not fit into the table's header")
                out.seek(0)
                out.write(head)
                out.flush()
                os.fsync(out.fileno())
            give_to_owner(draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def close(self) -> None:
        for file in self._files.values():
            file.close()


def _write_changes(path: Path, keys: Keys, changes: ChangeArray) -> None:
    """Sealed, for they name numbers: parts of at most 64 MiB, each with its length before it."""
    data = memoryview(changes.tobytes())
    count = -(-len(data) // _PART)
    draft = path.with_suffix(".draft-changes")
    try:
        with draft.open("wb") as out:
            os.fchmod(out.fileno(), 0o600)
            for part in range(count):
                label = _label(path, part, count)
                sealed = keys.seal(label, label, data[part * _PART : (part + 1) * _PART])
                out.write(struct.pack("<IQ", count, len(sealed)) + sealed)
            out.flush()
            os.fsync(out.fileno())
        give_to_owner(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _label(path: Path, part: int, count: int) -> bytes:
    return f"{path.name}, part {part + 1} of {count}".encode()


def read_changes(path: Path, keys: Keys) -> ChangeArray:
    """CHANGE rows of one file. Raises StoreDamaged."""
    parts = [b""]
    data = memoryview(path.read_bytes())
    at, count = 0, 1
    while at < len(data) or len(parts) <= count:
        if at + 12 > len(data):
            raise _damaged(path)
        count, length = struct.unpack_from("<IQ", data, at)
        label = _label(path, len(parts) - 1, count)
        parts.append(keys.unseal(label, label, data[at + 12 : at + 12 + length]))
        at += 12 + length
    return np.frombuffer(b"".join(parts), CHANGE)


# ------------------------------------------------------------------------------------------------------------------ the folder


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One writer of tables at a time, the daemon or an import: the second waits."""
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        give_to_owner(directory / _LOCK)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _serial_path(directory: Path, serial: int, kind: str) -> Path:
    return directory / f"handsets-{serial:06}.{kind}"


def _numbered(directory: Path, form: re.Pattern[str]) -> list[tuple[int, Path]]:
    found = ((form.fullmatch(path.name), path) for path in directory.glob("handsets-*"))
    return sorted((int(match[1]), path) for match, path in found if match is not None)


def newest_path(directory: Path) -> Path | None:
    """The table that counts; None when there is none."""
    tables = _numbered(directory, _TABLE)
    return tables[-1][1] if tables else None


def newest(directory: Path, keys: Keys) -> Table | None:
    path = newest_path(directory)
    return Table(path, keys) if path is not None else None


def change_files(directory: Path, after: int) -> list[tuple[int, Path]]:
    """(serial, file) of the changes that came with tables later than `after`, oldest first."""
    path = newest_path(directory)
    last = _numbered(directory, _TABLE)[-1][0] if path is not None else 0  # one beyond it belongs to a merge that did not end
    return [(serial, path) for serial, path in _numbered(directory, _CHANGES) if after < serial <= last]


def _sweep(directory: Path, serial: int, now: int) -> None:
    """Tables that nobody opens any more, and changes that everybody has had time to apply."""
    for number, path in _numbered(directory, _TABLE):
        if number < serial - 1:
            path.unlink(missing_ok=True)
    for number, path in _numbered(directory, _CHANGES):
        if number > serial or (number < serial and path.stat().st_mtime * 1e6 < now - KEPT_CHANGES):
            path.unlink(missing_ok=True)
