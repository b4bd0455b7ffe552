"""What every dialect is: frozen options in, `Parsed` out. One of lines is a plan, and a `refine` for what a plan cannot say."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from mmsd.logs.options import Options
from mmsd.logs.plan import Compiled, Explained, Numbering, Plan, compile_plan, explain, run
from mmsd.logs.zones import to_utc
from mmsd.model import SECOND, TEXTS, I64Array, Kind, Parsed, Records, TextColumn

Columns = dict[str, npt.NDArray[Any]]
Texts = dict[str, TextColumn]
Key = tuple[int, int]


class Dialect(ABC):
    """One node's log format. `scan` is pure: it depends on its arguments and the options given at the start."""

    name: ClassVar[str]
    summary: ClassVar[str]  # one line for `--help` and `mmsd look`
    encoding = "utf-8"  # of the log's texts

    @classmethod
    def from_options(cls, options: Mapping[str, Any], *, zone: tzinfo, key: Key, path: str = "options") -> Self:
        """A dialect from a feed's options. ConfigError opens with the key's path, which begins with `path`."""
        table = Options(options, path)
        dialect = cls.build(table, zone=zone, key=key, numbering=table.numbering())
        table.finish()
        return dialect

    @classmethod
    @abstractmethod
    def build(cls, options: Options, *, zone: tzinfo, key: Key, numbering: Numbering) -> Self:
        """The dialect for these options; takes its own keys."""

    @abstractmethod
    def scan(self, data: bytes, *, ordinal: int, offset: int, final: bool) -> Parsed:
        """The whole records in `data`, which begins at a record's start, `offset` bytes into file `ordinal` of the feed."""

    @abstractmethod
    def explain(self, line: bytes) -> Explained:
        """Which characters of one record went to which column, and where the match stopped; at no characters: what was made of them."""

    def sample(self, line: str) -> bytes:
        """A record as a person writes it in the configuration, as it stands in the log."""
        return line.encode(self.encoding, "replace") + b"\n"


class LineDialect(Dialect):
    """A dialect that is a plan."""

    def __init__(self, plan: Plan, *, zone: tzinfo, key: Key, numbering: Numbering) -> None:
        self.zone: Final = zone
        self.key: Final = key
        self.plan: Final = plan
        self.numbering: Final = numbering
        self.compiled: Final[Compiled] = compile_plan(plan, numbering)
        self._labels = _labels(plan)

    def scan(self, data: bytes, *, ordinal: int, offset: int, final: bool) -> Parsed:
        parsed = run(self.compiled, data, ordinal=ordinal, offset=offset, final=final, key=self.key)
        columns = dict(parsed.records.columns)
        texts = dict(parsed.records.texts)
        if parsed.records.rows:
            self.refine(columns, texts)
        records = Records(
            parsed.records.rows,
            {name: column for name, column in columns.items() if not name.startswith("_")},
            {name: text for name, text in texts.items() if not name.startswith("_")},
        )
        return dataclasses.replace(parsed, records=records)

    def refine(self, columns: Columns, texts: Texts) -> None:
        """Turn what the plan found into what the model means, in place. Here: naive local times to UTC. Names with "_" go afterwards."""
        columns["at"] = to_utc(columns["at"], self.zone)

    def explain(self, line: bytes) -> Explained:
        explained = explain(self.compiled, line, key=self.key)
        fields = [(self._labels.get(name, name).lstrip("_"), start, stop, value) for name, start, stop, value in explained.fields]
        records = self.scan(line, ordinal=0, offset=0, final=True).records
        if not records.rows:
            return dataclasses.replace(explained, fields=tuple(fields))
        at = datetime.fromtimestamp(int(records["at"][0]) / SECOND, UTC).isoformat(timespec="milliseconds")
        fields = [(name, start, stop, at if name == "at" else value) for name, start, stop, value in fields]
        known = {name for name, _, _, _ in fields}
        made = [("kind", Kind(int(records["kind"][0])).name)]
        made += [(name, records.text(name, 0).decode(errors="replace")) for name in TEXTS if name not in known and records.text(name, 0)]
        return dataclasses.replace(explained, fields=(*fields, *((name, 0, 0, value) for name, value in made)))


def _labels(plan: Plan) -> dict[str, str]:
    """What people call a field that has no one column: the columns its words set, or that it is passed over."""
    labels: dict[str, str] = {}
    for form in plan.forms:
        for name, made in form.fields.items():
            if not made.column and not made.text:
                columns = dict.fromkeys(column for _, values in made.table for column in values or () if not column.startswith("_"))
                labels[name] = ", ".join(columns) or "(passed over)"
    return labels


class Arena:
    """Texts that stand nowhere in the log (they were decoded), kept behind its bytes so that one column can hold both kinds."""

    def __init__(self, data: bytes | memoryview, rows: int) -> None:
        self.data = data
        self._rows = rows
        self._parts: list[bytes] = []
        self._end = len(data)
        self._slices: dict[str, tuple[I64Array, I64Array]] = {}

    def put(self, name: str, rows: I64Array, texts: Sequence[bytes]) -> tuple[I64Array, I64Array]:
        """Give each of the rows its text; where they stand (start, stop)."""
        stop = self._end + np.cumsum([len(text) for text in texts], dtype=np.int64)
        start = np.concatenate((np.array([self._end], np.int64), stop[:-1]))
        self._parts += texts
        self._end = int(stop[-1])
        self.place(name, rows, start, stop)
        return start, stop

    def fill(self, name: str, rows: I64Array, text: bytes) -> None:
        """Give all of the rows one text."""
        start, stop = self.put(name, rows[:1], [text])
        self.place(name, rows, np.repeat(start, len(rows)), np.repeat(stop, len(rows)))

    def place(self, name: str, rows: I64Array, start: I64Array, stop: I64Array) -> None:
        """Give each of the rows a part of what is already here."""
        if name not in self._slices:
            self._slices[name] = np.zeros(self._rows, np.int64), np.zeros(self._rows, np.int64)
        starts, stops = self._slices[name]
        starts[rows], stops[rows] = start, stop

    def begin(self, name: str, column: TextColumn) -> None:
        """Start a text with what the log itself says."""
        self._slices[name] = column.start.copy(), column.stop.copy()

    def columns(self) -> Texts:
        data = bytes(self.data) + b"".join(self._parts) if self._parts else self.data
        return {name: TextColumn(data, starts, stops) for name, (starts, stops) in self._slices.items()}
