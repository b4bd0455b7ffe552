"""`mmsd import handsets`: the operator's list of subscribers into the table of handsets, twelve million lines in a few pieces of memory.

Read piece by piece, each piece sorted by the keyed hash of its numbers and put into a file without a name; then merged slice by slice with
the table that is there. Until the last step nothing is changed, so an import that was stopped is begun again.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, tzinfo
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.errors import ConfigError
from mmsd.fast import hash64_many
from mmsd.logs.plan import CHINA, Numbering
from mmsd.logs.subscribers import SubscriberList, masked_line, shape
from mmsd.model import MINUTE, SECOND, I64Array, TextColumn, U64Array
from mmsd.rules.handsets import HandsetArray, split_imei, unknown
from mmsd.store.handsets import SLICE_STARTS, SLICES, Cipherer, Written, locked, merge_tables, newest, room
from mmsd.store.keys import Keys

PIECE: Final = 16 << 20
_LONGEST_LINE: Final = 1 << 16
_LONGEST_CITY: Final = 64
_MOST_CITIES: Final = 4096
_MOST_BAD: Final = 0.05
_SAMPLES: Final = 5

_SPOOLED: Final = np.dtype(
    [
        ("key", "<u8"), ("number", "<u8"), ("imei", "<u8"), ("imsi", "<u8"), ("since", "<u4"), ("city", "<u2"), ("software", "<i2"),
    ]
)  # fmt: skip


class BadLine(NamedTuple):
    """A line that was left out, or the field of it that was."""

    octet: int
    reason: str
    line: str  # masked


class Imported(NamedTuple):
    """What an import did. `bad` lines were left out; of `odd` ones only the field named."""

    lines: int
    numbers: int
    repeated: int  # lines whose number came again further down: the last one counts
    bad: Counter[str]
    odd: Counter[str]
    samples: list[BadLine]
    written: Written


class Progress(NamedTuple):
    """Who wants to know: octets of the file read so far, then slices of the table merged so far."""

    reading: Callable[[int], None] = lambda octets: None
    merging: Callable[[int], None] = lambda part: None


def import_list(
    path: Path, directory: Path, keys: Keys, *, as_of: int, now: int, zone: tzinfo, encoding: str = "utf-8", numbering: Numbering = CHINA,
    complete: bool = False, most_bad: float = _MOST_BAD, progress: Progress = Progress(),  # noqa: B008 frozen
) -> Imported:  # fmt: skip
    """Take the list, as it was at `as_of` (µs). Raises ConfigError when it is no list, is older than the one before, or mostly bad."""
    with room(directory), locked(directory), closing(_Spool(directory, Cipherer(keys))) as spool:
        before = newest(directory, keys)
        if before is not None and as_of < before.header.as_of:
            raise ConfigError(f"{path}: the table holds a newer list ({before.header.source}): nothing in this one is news")
        reader = _Reader(path, zone, encoding, numbering, keys.hash_key, before.header.cities if before is not None else ("",))
        for rows in reader.pieces(progress.reading):
            spool.add(rows)
        bad = sum(reader.bad.values())
        if not reader.lines:
            raise ConfigError(f"{path}: holds no subscriber; nothing was imported")
        if not spool.rows or bad > most_bad * reader.lines:
            shown = "".join(f"\n  octet {sample.octet}: {sample.reason}: {sample.line}" for sample in reader.samples)
            raise ConfigError(f"{path}: {bad:,} of {reader.lines:,} lines cannot be used; nothing was imported{shown}")
        if complete and before is not None and 2 * spool.rows < len(before):
            raise ConfigError(
                f"{path}: {spool.rows:,} lines, with {len(before):,} numbers in the table, and said to be complete; nothing was imported"
            )
        source = spool.source(as_of)
        written = merge_tables(
            directory, keys, source, now=now, watched=now, cities=reader.cities, as_of=as_of, origin=path.name, complete=complete,
            progress=progress.merging,
        )  # fmt: skip
        numbers = spool.rows - spool.repeated
        return Imported(reader.lines, numbers, spool.repeated, reader.bad, reader.odd, reader.samples, written)


class _Reader:
    """The list, piece by piece, as rows for the spool."""

    def __init__(
        self, path: Path, zone: tzinfo, encoding: str, numbering: Numbering, key: tuple[int, int], cities: tuple[str, ...]
    ) -> None:
        self.lines = 0
        self.bad: Counter[str] = Counter()
        self.odd: Counter[str] = Counter()
        self.samples: list[BadLine] = []
        self.cities = list(cities)
        self._places = {name: place for place, name in enumerate(cities)}
        self._path, self._zone, self._encoding, self._numbering, self._key = path, zone, encoding, numbering, key

    def pieces(self, progress: Callable[[int], None]) -> Iterator[npt.NDArray[Any]]:
        try:
            with self._path.open("rb") as raw:
                packed = raw.read(2) == b"\x1f\x8b"
                raw.seek(0)
                if packed:
                    with gzip.GzipFile(fileobj=raw) as file:
                        yield from self._read(file, raw, progress)
                else:
                    yield from self._read(raw, raw, progress)
        except (OSError, EOFError, zlib.error) as error:
            raise ConfigError(f"{self._path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error

    def _read(self, file: IO[bytes] | gzip.GzipFile, raw: IO[bytes], progress: Callable[[int], None]) -> Iterator[npt.NDArray[Any]]:
        first = file.readline(_LONGEST_LINE)
        try:
            form = shape(first, self._encoding)
        except ConfigError as error:
            raise ConfigError(f"{self._path}: {error}") from None
        listed = SubscriberList(form, encoding=self._encoding, numbering=self._numbering, key=self._key)
        at = len(first) if form.header else 0
        left = b"" if form.header else first
        while True:
            more = file.read(PIECE)
            data = left + more
            part = listed.scan(data, offset=at, final=not more)
            self.lines += part.lines
            self.bad.update(part.bad)
            for reject in part.samples[: _SAMPLES - len(self.samples)]:
                self.samples.append(BadLine(reject.where, reject.reason, masked_line(reject.head, self._encoding)))
            rows = np.zeros(len(part.number), _SPOOLED)
            rows["number"], rows["imsi"] = part.number, part.imsi
            rows["imei"], rows["software"] = split_imei(part.imei, part.imei_length)
            self.odd.update({"imei": int(((part.imei_length > 0) & (part.imei != 0) & (rows["imei"] == 0)).sum()), **part.odd})
            rows["city"] = self._looked_up(part.city, self._city)
            rows["since"] = self._looked_up(part.since, self._minutes)
            yield rows
            progress(raw.tell())
            at += part.consumed
            left = data[part.consumed :]
            if not more:
                return
            if len(left) > _LONGEST_LINE:
                raise ConfigError(
                    f"{self._path}: a line of more than {_LONGEST_LINE:,} octets at octet {at:,}; is this a list of subscribers?"
                )

    def _looked_up(self, texts: TextColumn | None, meaning: Callable[[str], int]) -> I64Array | int:
        """What each text means; each different one is asked for once."""
        if texts is None:
            return 0
        hashes = hash64_many(bytes(texts.data), texts.start, texts.stop, self._key)
        _, first, place = np.unique(hashes, return_index=True, return_inverse=True)
        return np.array([meaning(texts[row].decode(self._encoding, "replace").strip()) for row in first], np.int64)[place]

    def _city(self, name: str) -> int:
        if len(name) > _LONGEST_CITY:
            self.odd["city"] += 1
            return 0
        if name not in self._places:
            if len(self.cities) >= _MOST_CITIES:
                raise ConfigError(f"{self._path}: more than {_MOST_CITIES:,} cities; is the column what it says?")
            self._places[name] = len(self.cities)
            self.cities.append(name)
        return self._places[name]

    def _minutes(self, text: str) -> int:
        """A date or a time, local; 0 for none."""
        if not text:
            return 0
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.odd["since"] += 1
            return 0
        return max(int((moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).timestamp()) // 60, 0)


class _Spool:
    """Pieces sorted by hash, in a file that has no name: it holds numbers, and goes with the process."""

    def __init__(self, directory: Path, cipher: Cipherer) -> None:
        self.rows = 0
        self.repeated = 0
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 see close
        self._cipher = cipher
        self._runs: list[list[int]] = []  # where each slice of a piece begins, in rows of the file; last, where the piece ends

    def add(self, rows: npt.NDArray[Any]) -> None:
        rows["key"] = self._cipher.keys_of(rows["number"])
        rows = rows[np.argsort(rows["key"], kind="stable")]
        bounds = np.searchsorted(rows["key"], SLICE_STARTS)
        self._runs.append([self.rows + int(bound) for bound in bounds] + [self.rows + len(rows)])
        self._file.write(rows.tobytes())
        self.rows += len(rows)

    def source(self, as_of: int) -> Callable[[int], tuple[U64Array, HandsetArray]]:
        """Slices of all pieces together; of a number that was listed twice the last line."""
        self._file.flush()
        descriptor, size = self._file.fileno(), _SPOOLED.itemsize

        def part(number: int) -> tuple[U64Array, HandsetArray]:
            assert number < SLICES
            parts = [os.pread(descriptor, (run[number + 1] - run[number]) * size, run[number] * size) for run in self._runs]
            rows = np.frombuffer(b"".join(parts), _SPOOLED)
            rows = rows[np.argsort(rows["key"], kind="stable")]
            last = np.ones(len(rows), bool)
            last[:-1] = rows["key"][1:] != rows["key"][:-1]
            self.repeated += int((~last).sum())
            return np.ascontiguousarray(rows["key"][last]), _as_handsets(rows[last], as_of)

        return part

    def close(self) -> None:
        self._file.close()


def _as_handsets(rows: npt.NDArray[Any], as_of: int) -> HandsetArray:
    made = unknown(rows["number"])
    for name in ("imei", "software", "imsi", "city"):
        made[name] = rows[name]
    made["imei_at"] = np.where(made["imei"] != 0, as_of, 0)
    made["imsi_at"] = np.where(made["imsi"] != 0, as_of, 0)
    made["owner_since"] = rows["since"].astype(np.int64) * MINUTE
    return made


def start_of_day(text: str, zone: tzinfo) -> int:
    """µs of a local date or time; a date is its beginning, for a list of that day may be older than any traffic of it.

    >>> from datetime import UTC
    >>> start_of_day("1970-01-02", UTC) // SECOND
    86400
    """
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()) * SECOND
