"""The scanner in plain Python: the specification of the compiled kernels, and what runs where none is built.

A record is one line, or as far as its counted and quoted fields reach. Nothing is decided before all its lines are there: a scan of
any two halves of a file equals the scan of the whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from mmsd.fast import program as p
from mmsd.fast import values_py as values
from mmsd.fast.hash_py import Key, hash64
from mmsd.fast.program import Cells, Convert, Op, Program, Reason

Trace = Callable[[int, int, int], None]
"""Told (step, field start, field stop) as a form advances: for `logs.plan.explain`."""


class _Fail(Exception):
    """A step did not match."""

    def __init__(self, reason: int, step: int, where: int) -> None:
        self.at = (int(reason), step, where)


class _More(Exception):
    """The record's end is not in the data yet."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A row of `Program.steps` with what it points to."""

    number: int
    op: int
    literal: bytes
    a: int
    b: int
    convert: int
    cell: int
    text: int
    after: bytes
    stop: bytes
    table: tuple[tuple[bytes, int, int], ...]  # (literal, value, flags)
    form: bytes  # of a time
    default: int
    cell2: int
    text2: int

    @staticmethod
    def of(program: Program, number: int) -> _Step:
        row = program.steps[number].tolist()

        def literal(start: int, length: int) -> bytes:
            return program.literals[start : start + length]

        timed = row[p.CONVERT] == Convert.TIME
        table = () if timed else program.entries[row[p.TABLE] : row[p.TABLE] + row[p.TABLE_LENGTH]].tolist()
        return _Step(
            number,
            row[p.OP],
            literal(row[p.LITERAL], row[p.LITERAL_LENGTH]),
            row[p.A],
            row[p.B],
            row[p.CONVERT],
            row[p.CELL],
            row[p.TEXT],
            literal(row[p.AFTER], row[p.AFTER_LENGTH]),
            bytes([row[p.STOP]]) if row[p.STOP] >= 0 else b"",
            tuple((literal(start, length), value, flags) for start, length, value, flags in table),
            literal(row[p.TABLE], row[p.TABLE_LENGTH]) if timed else b"",
            row[p.DEFAULT],
            row[p.CELL2],
            row[p.TEXT2],
        )


class _Scanner:
    """One scan: the tables it goes by, the record it is in, what it has found."""

    def __init__(self, program: Program, data: bytes, key: Key, *, final: bool, trace: Trace | None = None) -> None:
        self.data, self.key, self.final, self.trace = data, key, final, trace
        self.steps = [_Step.of(program, number) for number in range(len(program.steps))]
        self.forms: list[list[int]] = program.forms.tolist()
        self.initial: list[list[int]] = program.initial.tolist()
        self.numbering: list[int] = program.numbering.tolist()
        self.attributes = {program.literals[start : start + length]: step for start, length, step in program.attributes.tolist()}
        self.required = {step for step in self.attributes.values() if self.steps[step].b == 1}
        self.cells: list[int] = []
        self.list: tuple[_Step, int, int] | None = None  # this record's ADDRESSES field
        self.ignore = False
        self.last = (0, 0)  # the last step's whole field
        self.rows: list[list[int]] = []
        self.offsets: list[int] = []
        self.rejects: list[tuple[int, int, int, int, int]] = []

    # ---------------------------------------------------------------------------------------------------------- records

    def line_end(self, at: int) -> tuple[int, int]:
        """(end of the line's text, start of the next line) of the line holding `at`; a "\\r" before the end belongs to it."""
        end = self.data.find(b"\n", at)
        after = end + 1
        if end < 0:
            if not self.final:
                raise _More
            end = after = len(self.data)
        return (end - 1 if end > at and self.data[end - 1] == 13 else end), after

    def skip(self, at: int) -> tuple[int, int]:
        """Pass over NUL bytes and blank lines: (where it ends, how many)."""
        skipped = 0
        while at < len(self.data):
            if self.data[at] in (0, 10):
                at += 1
            elif self.data[at : at + 2] == b"\r\n" or (self.final and self.data[at : at + 2] == b"\r"):
                at += 2
            else:
                break
            skipped += 1
        return min(at, len(self.data)), skipped

    def emit(self, start: int) -> None:
        """The record's row, or one for each of its receivers."""
        if self.ignore:
            return
        if self.list is None:
            self.rows.append(self.cells)
            self.offsets.append(start)
            return
        step, begin, stop = self.list
        for piece in self.data[begin:stop].split(b","):
            left = begin + len(piece) - len(piece.lstrip(values.BLANKS))
            right = max(left, begin + len(piece.rstrip(values.BLANKS)))
            self.cells = list(self.cells)
            self.put(step.cell, step.text, values.address(piece, self.numbering, self.key), left, right)
            self.rows.append(self.cells)
            self.offsets.append(start)
            begin += len(piece) + 1

    def begin(self, form: int) -> None:
        self.cells = list(self.initial[form])
        self.list, self.ignore = None, bool(self.forms[form][2])

    def lines(self, start: int) -> Cells:
        """Scan records that are lines."""
        at, seen, skipped = start, 0, 0
        while True:
            at, passed = self.skip(at)
            skipped += passed
            if at >= len(self.data):
                break
            try:
                at = self.record(at)
            except _More:
                break
            seen += 1
        return self.found(at, seen, skipped)

    def record(self, start: int) -> int:
        """One record by the first form that fits, or a reject by the one that got furthest; where the next begins."""
        worst = (0, 0, -1)
        for form in range(len(self.forms)):
            self.begin(form)
            try:
                after = self.form(form, start)
            except _Fail as fail:
                self.line_end(fail.at[2])
                worst = fail.at if fail.at[2] > worst[2] else worst
                continue
            self.emit(start)
            return after
        end, after = self.line_end(worst[2])
        self.rejects.append((*worst, start, end))
        return after

    def form(self, form: int, at: int) -> int:
        first, end, _ = self.forms[form]
        self.last = (at, at)
        for step in self.steps[first:end]:
            at = self.step(step, at)
        text_end, after = self.line_end(at)
        if at != text_end:
            raise _Fail(Reason.TRAILING, end - 1, at)
        return after

    def found(self, consumed: int, seen: int, skipped: int) -> Cells:
        return Cells(
            np.array(self.rows, np.int64).reshape(-1, len(self.initial[0])),
            np.array(self.offsets, np.int64),
            np.array(self.rejects, np.int64).reshape(-1, 5),
            consumed,
            seen,
            skipped,
        )

    # ------------------------------------------------------------------------------------------------------------ steps

    def step(self, step: _Step, at: int) -> int:
        """Take the step's field at `at`, convert it; where the next step goes on."""
        found = _TAKE[step.op](self, step, at, self.line_end(at)[0])
        if isinstance(found, int):
            return found
        start, stop, after = found
        self.last = (start, stop)
        self.convert(step, start, stop)
        return after

    def literal(self, step: _Step, at: int, end: int) -> int:
        if not self.data.startswith(step.literal, at, end):
            raise _Fail(Reason.LITERAL, step.number, at)
        return at + len(step.literal)

    def optional(self, step: _Step, at: int, end: int) -> int:
        return at + len(step.literal) if self.data.startswith(step.literal, at, end) else at

    def blanks(self, step: _Step, at: int, end: int) -> int:
        while at < end and self.data[at] in values.BLANKS:
            at += 1
        return at

    def until(self, step: _Step, at: int, end: int) -> tuple[int, int, int]:
        find = self.data.find if step.op == Op.UNTIL else self.data.rfind
        stop = find(step.literal, at, end)
        if stop < 0:
            raise _Fail(Reason.UNTIL, step.number, at)
        return at, stop, stop + len(step.literal)

    def fixed(self, step: _Step, at: int, end: int) -> tuple[int, int, int]:
        if at + step.a > end:
            raise _Fail(Reason.SHORT, step.number, at)
        return at, at + step.a, at + step.a

    def rest(self, step: _Step, at: int, end: int) -> tuple[int, int, int]:
        return at, end, end

    def again(self, step: _Step, at: int, end: int) -> tuple[int, int, int]:
        return *self.last, at

    def counted(self, step: _Step, at: int, end: int) -> tuple[int, int, int]:
        count = self.cells[step.a]
        if step.b == p.TWICE or (step.b >= 0 and self.cells[step.b] in (1, 2)):
            count *= 2
        stop = at + count
        if not 0 <= count <= p.LONGEST:
            raise _Fail(Reason.COUNT, step.number, at)
        if stop + len(step.literal) > len(self.data) and not self.final:
            raise _More
        if stop > len(self.data) or not self.data.startswith(step.literal, stop):
            raise _Fail(Reason.COUNT, step.number, at)
        return at, stop, stop + len(step.literal)

    def quoted(self, step: _Step, at: int, end: int) -> tuple[int, int, int]:
        """A `"` next to another stands for itself, and so does what follows a backslash."""
        limit = min(len(self.data), at + p.SPAN) if step.a else end
        if at >= end or self.data[at] != ord('"'):
            raise _Fail(Reason.QUOTE, step.number, at)
        stop = self.closing(at + 1, limit)
        if step.a and not self.final and (stop >= limit == len(self.data) or stop + 1 == len(self.data)):
            raise _More
        if stop >= limit:
            raise _Fail(Reason.QUOTE, step.number, at)
        return at + 1, stop, stop + 1

    def closing(self, at: int, limit: int) -> int:
        """Where the quote stands that ends a field, or `limit`."""
        while True:
            quote = self.data.find(b'"', at, limit)
            slash = self.data.find(b"\\", at, quote if quote >= 0 else limit)
            if slash >= 0:
                at = slash + 2
            elif quote >= 0 and self.data.startswith(b'"', quote + 1, limit):
                at = quote + 2
            else:
                return quote if quote >= 0 else limit

    def over_lines(self, step: _Step, at: int, end: int) -> tuple[int, int, int]:
        limit = min(len(self.data), at + p.SPAN)
        stop = at
        while (stop := self.data.find(step.literal, stop, limit)) >= 0:
            after = stop + len(step.literal)
            if self.line_end(after)[0] == after:
                return at, stop, after
            stop += 1
        if limit == len(self.data) and not self.final:
            raise _More
        raise _Fail(Reason.UNTIL, step.number, at)

    # ---------------------------------------------------------------------------------------------------------- convert

    def put(self, cell: int, text: int, value: int, start: int, stop: int) -> None:
        if cell >= 0:
            self.cells[cell] = value - (1 << 64) if value >= 1 << 63 else value
        if text >= 0:
            self.cells[text : text + 2] = [start, stop]

    def convert(self, step: _Step, start: int, stop: int) -> None:
        start, stop = self.part(step, start, stop)
        if self.trace is not None:
            self.trace(step.number, start, stop)
        text = self.data[start:stop]
        if step.convert == Convert.URL:
            self.url(step, text, start)
            return
        if step.convert == Convert.ADDRESSES:
            self.list = (step, start, stop)
        value = _VALUE[step.convert](self, step, text)
        if value is None:
            raise _Fail(_REASON.get(step.convert, Reason.NUMBER), step.number, start)
        self.put(step.cell, step.text, value, start, stop)

    def part(self, step: _Step, start: int, stop: int) -> tuple[int, int]:
        """The part of a field behind a literal and before a byte; empty, at the field's end, when the literal is not there."""
        if step.after:
            after = self.data.find(step.after, start, stop)
            start = after + len(step.after) if after >= 0 else stop
        if step.stop:
            end = self.data.find(step.stop, start, stop)
            stop = end if end >= 0 else stop
        return start, stop

    def entry(self, step: _Step, text: bytes) -> int | None:
        for literal, value, flags in step.table:
            if text == literal or (flags & p.PREFIX and text.startswith(literal)):
                self.ignore = self.ignore or bool(flags & p.IGNORE)
                return value
        return None if step.default == p.NO_DEFAULT else step.default

    def url(self, step: _Step, text: bytes, start: int) -> None:
        """Fills both cells and both texts: host, path."""
        host, path = values.url_hashes(text, self.key)
        at, slash = values.split_url(text) if path else (0, 0)
        self.put(step.cell, step.text, host, start + at, start + slash)
        self.put(step.cell2, step.text2, path, start + slash, start + len(text) if path else start)

    # ----------------------------------------------------------------------------------------------------------- blocks

    def blocks(self, start: int) -> Cells:
        """Scan records that are blocks: a header line, indented `Name = value` lines, a blank line."""
        at, seen, skipped = start, 0, 0
        while True:
            at, passed = self.skip(at)
            skipped += passed
            if at >= len(self.data):
                break
            try:
                at = self.block(at)
            except _More:
                break
            seen += 1
        return self.found(at, seen, skipped)

    def block(self, start: int) -> int:
        """One block; it ends behind its blank line. A line that is not indented breaks it off and begins the next."""
        fail: tuple[int, int, int] | None = None
        missing = set(self.required)
        self.begin(0)
        try:
            at = self.form(0, start)
        except _Fail as failed:
            fail = failed.at
            at = self.line_end(start)[1]
        while True:
            if at >= len(self.data):
                if not self.final:
                    raise _More
                end = after = at
                break
            end, after = self.line_end(at)
            if end == at:
                break
            if self.data[at] not in values.BLANKS:
                fail, end, after = fail or (Reason.UNINDENTED, 0, at), at, at
                break
            if fail is None:
                try:
                    self.attribute(at, end, missing)
                except _Fail as failed:
                    fail = failed.at
            at = after
        if fail is None and missing:
            fail = (Reason.MISSING, min(missing), start)
        if fail is None:
            self.emit(start)
        else:
            self.rejects.append((*fail, start, end))
        return after

    def attribute(self, at: int, end: int, missing: set[int]) -> None:
        """One `Name = value` line; the value may be quoted. A name outside the table is passed over."""
        start = at
        while start < end and self.data[start] in values.BLANKS:
            start += 1
        equals = self.data.find(b" = ", start, end)
        if equals < 0:
            raise _Fail(Reason.ATTRIBUTE, 0, start)
        number = self.attributes.get(self.data[start:equals])
        if number is None:
            return
        value = equals + 3
        if value < end and self.data[value] == ord('"'):
            if end - value < 2 or self.data[end - 1] != ord('"'):
                raise _Fail(Reason.QUOTE, number, value)
            value, end = value + 1, end - 1
        missing.discard(number)
        self.convert(self.steps[number], value, end)
        for step in itertools.takewhile(lambda step: step.op == Op.AGAIN, self.steps[number + 1 :]):
            self.convert(step, value, end)


_TAKE: Final[dict[int, Callable[[_Scanner, _Step, int, int], int | tuple[int, int, int]]]] = {
    Op.LITERAL: _Scanner.literal,
    Op.UNTIL: _Scanner.until,
    Op.FIXED: _Scanner.fixed,
    Op.COUNTED: _Scanner.counted,
    Op.QUOTED: _Scanner.quoted,
    Op.LAST: _Scanner.until,
    Op.REST: _Scanner.rest,
    Op.OPTIONAL: _Scanner.optional,
    Op.BLANKS: _Scanner.blanks,
    Op.AGAIN: _Scanner.again,
    Op.LINES: _Scanner.over_lines,
}
"""By op: (step, at, the line's end) to where the next step goes on, or to a field (start, stop, where the next step goes on)."""

_VALUE: Final[dict[int, Callable[[_Scanner, _Step, bytes], int | None]]] = {
    Convert.NONE: lambda scan, step, text: 0,
    Convert.TIME: lambda scan, step, text: values.moment(text, step.form),
    Convert.INT: lambda scan, step, text: values.integer(text),
    Convert.DIGITS: lambda scan, step, text: values.digits(text),
    Convert.ADDRESS: lambda scan, step, text: values.address(text, scan.numbering, scan.key),
    Convert.ADDRESSES: lambda scan, step, text: 0,
    Convert.HASH: lambda scan, step, text: hash64(text, scan.key) if text else 0,
    Convert.HASH_LOWER: lambda scan, step, text: hash64(text.lower(), scan.key) if text else 0,
    Convert.ENUM: lambda scan, step, text: scan.entry(step, text),
    Convert.ENUM_TYPE: lambda scan, step, text: scan.entry(step, text.partition(b";")[0].strip(values.BLANKS).lower()),
    Convert.HEX: lambda scan, step, text: values.hexadecimal(text),
    Convert.IPV4: lambda scan, step, text: values.ipv4(text),
    Convert.AUTHORITY: lambda scan, step, text: values.authority(text, scan.key),
    Convert.APN: lambda scan, step, text: values.apn(text, scan.key),
    Convert.PERCENT: lambda scan, step, text: values.percent(text),
}
"""By converter: a field's value, or None."""

_REASON: Final[dict[int, Reason]] = {Convert.TIME: Reason.TIME, Convert.ENUM: Reason.UNKNOWN, Convert.ENUM_TYPE: Reason.UNKNOWN}


def scan(program: Program, data: bytes, start: int, key: Key, final: bool) -> Cells:
    """Rows, rejects and how far it got, of the records in `data[start:]`. `final`: what has no line end is a record all the same."""
    scanner = _Scanner(program, data, key, final=final)
    return scanner.blocks(start) if len(program.attributes) else scanner.lines(start)


def trace(program: Program, data: bytes, told: Trace) -> Cells:
    """`scan` of one record, telling every field that was taken on the way."""
    scanner = _Scanner(program, data, (0, 0), final=True, trace=told)
    return scanner.blocks(0) if len(program.attributes) else scanner.lines(0)
