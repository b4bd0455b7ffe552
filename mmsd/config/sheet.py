"""Small tables that people export: a header, then rows. What separates the fields is guessed; bad rows are counted, placed and passed over.

For tables of thousands of rows, models and prefixes; a list of subscribers goes through the scanner (`store.listing`).
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from mmsd.errors import ConfigError

SEPARATORS: Final = (",", ";", "\t", "|")
SAMPLES: Final = 5
_LONGEST: Final = 1 << 16


class Sheet:
    """One table. `columns` says what a header may call each column that is asked for; every other column is passed over."""

    def __init__(self, path: Path, columns: Mapping[str, Collection[str]], required: Collection[str], encoding: str = "utf-8") -> None:
        self.path = path
        self.rows_read = 0
        self.bad: Counter[str] = Counter()
        self.samples: list[tuple[int, str]] = []  # line, reason
        self.octets = 0  # of the file, read so far
        self._columns = columns
        self._required = required
        self._encoding = encoding

    def rows(self) -> Iterator[dict[str, str]]:
        """Each row by column, blanks cut off, a column that the table lacks left out. Raises ConfigError when it is no such table."""
        try:
            with self.path.open("rb") as raw:
                packed = raw.read(2) == b"\x1f\x8b"
                raw.seek(0)
                if packed:
                    with gzip.GzipFile(fileobj=raw) as file:
                        yield from self._read(file, raw)
                else:
                    yield from self._read(raw, raw)
        except UnicodeDecodeError:
            raise ConfigError(f"{self.path}: not {self._encoding}; say which encoding it has: --encoding gb18030") from None
        except (OSError, EOFError, zlib.error, csv.Error) as error:
            raise ConfigError(f"{self.path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error

    def _read(self, file: IO[bytes] | gzip.GzipFile, raw: IO[bytes]) -> Iterator[dict[str, str]]:
        lines = io.TextIOWrapper(file, self._encoding, newline="")  # type: ignore[type-var, unused-ignore]  # GzipFile reads as others do
        try:
            first = lines.readline(_LONGEST).removeprefix("\ufeff")
            separator = max(SEPARATORS, key=first.count)
            names = self._named(next(csv.reader([first], delimiter=separator), []))
            missing = [column for column in self._required if column not in names]
            if missing:
                known = "; ".join(f"{column} (or {', '.join(sorted(self._columns[column]))})" for column in missing)
                raise ConfigError(f"{self.path}: line 1: the header names no column {known}")
            csv.field_size_limit(_LONGEST)
            reader = csv.reader(lines, delimiter=separator)
            for fields in reader:
                self.octets = raw.tell()
                if not any(field.strip() for field in fields):
                    continue
                self.rows_read += 1
                self._line = reader.line_num + 1
                fields += [""] * (len(names) - len(fields))
                yield {name: field.strip() for name, field in zip(names, fields, strict=False) if name}
        finally:
            lines.detach()  # whoever opened the file closes it

    def _named(self, header: list[str]) -> list[str]:
        words = [word.strip().casefold().replace(" ", "_") for word in header]
        named = [next((column for column, names in self._columns.items() if word == column or word in names), "") for word in words]
        return [name if name not in named[:place] else "" for place, name in enumerate(named)]

    def pass_over(self, reason: str) -> None:
        """The row that was given last is of no use."""
        self.bad[reason] += 1
        if len(self.samples) < SAMPLES:
            self.samples.append((self._line, reason))
