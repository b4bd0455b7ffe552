"""The scanner in plain Python: the specification of the compiled kernels, and what runs where none is built.

A record is one line, or as far as its counted and quoted fields reach. Nothing is decided before all its lines are there: a scan of
any two halves of a file equals the scan of the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class _Scanner:
    program: Program
    data: bytes
    key: Key
    final: bool
    trace: Trace | None = None
    rows: list[list[int]] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    rejects: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    pieces: list[tuple[int, int]] = field(default_factory=list)
    spread: list[int] = field(default_factory=list)  # the ADDRESSES step of this record
    ignore: bool = False
    last: tuple[int, int] = (0, 0)  # the last step's whole field

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
            elif self.data[at : at + 2] == b"\r\n" or (self.final and self.data[at:] == b"\r"):
                at += 2
            else:
                break
            skipped += 1
        return min(at, len(self.data)), skipped

    def emit(self, start: int) -> None:
        """The record's row, or one for each of its receivers."""
        if self.ignore:
            return
        if not self.spread:
            self.rows.append(self.cells)
            self.offsets.append(start)
            return
        step = self.program.steps[self.spread[0]].tolist()
        for begin, stop in self.pieces:
            row = list(self.cells)
            self.cells = row
            self.put(step, values.address(self.data[begin:stop], self.program.numbering.tolist(), self.key), begin, stop)
            self.rows.append(row)
            self.offsets.append(start)

    def begin(self, form: int) -> None:
        self.cells = self.program.initial[form].tolist()
        self.pieces, self.spread, self.ignore = [], [], bool(self.program.forms[form, 2])

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
        for form in range(len(self.program.forms)):
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
        first, end, _ = self.program.forms[form].tolist()
        self.last = (at, at)
        for step in range(first, end):
            at = self.step(step, at)
        text_end, after = self.line_end(at)
        if at != text_end:
            raise _Fail(Reason.TRAILING, end - 1, at)
        return after

    def found(self, consumed: int, seen: int, skipped: int) -> Cells:
        return Cells(
            np.array(self.rows, np.int64).reshape(-1, self.program.cells),
            np.array(self.offsets, np.int64),
            np.array(self.rejects, np.int64).reshape(-1, 5),
            consumed,
            seen,
            skipped,
        )

    # ------------------------------------------------------------------------------------------------------------ steps

    def step(self, number: int, at: int) -> int:
        """Take the step's field at `at`, convert it; where the next step goes on."""
        step = self.program.steps[number].tolist()
        literal = self.program.literals[step[p.LITERAL] : step[p.LITERAL] + step[p.LITERAL_LENGTH]]
        end, _ = self.line_end(at)
        start, stop, after = at, at, at
        match step[p.OP]:
            case Op.LITERAL:
                if not self.data.startswith(literal, at, end):
                    raise _Fail(Reason.LITERAL, number, at)
                return at + len(literal)
            case Op.OPTIONAL:
                return at + len(literal) if self.data.startswith(literal, at, end) else at
            case Op.BLANKS:
                while at < end and self.data[at] in values.BLANKS:
                    at += 1
                return at
            case Op.UNTIL | Op.LAST:
                stop = self.data.find(literal, at, end) if step[p.OP] == Op.UNTIL else self.data.rfind(literal, at, end)
                if stop < 0:
                    raise _Fail(Reason.UNTIL, number, at)
                after = stop + len(literal)
            case Op.FIXED:
                stop = after = at + step[p.A]
                if stop > end:
                    raise _Fail(Reason.SHORT, number, at)
            case Op.REST:
                stop = after = end
            case Op.AGAIN:
                start, stop = self.last
            case Op.COUNTED:
                stop, after = self.counted(step, literal, number, at)
            case Op.QUOTED:
                start, stop, after = self.quoted(step, number, at, end)
            case Op.LINES:
                stop, after = self.over_lines(literal, number, at)
        self.last = (start, stop)
        self.convert(step, number, start, stop)
        return after

    def counted(self, step: list[int], literal: bytes, number: int, at: int) -> tuple[int, int]:
        count = self.cells[step[p.A]]
        if step[p.B] == p.TWICE or (step[p.B] >= 0 and self.cells[step[p.B]] in (1, 2)):
            count *= 2
        stop = at + count
        if not 0 <= count <= p.LONGEST:
            raise _Fail(Reason.COUNT, number, at)
        if stop + len(literal) > len(self.data) and not self.final:
            raise _More
        if stop > len(self.data) or not self.data.startswith(literal, stop):
            raise _Fail(Reason.COUNT, number, at)
        return stop, stop + len(literal)

    def quoted(self, step: list[int], number: int, at: int, end: int) -> tuple[int, int, int]:
        """A `"` next to another stands for itself; so does what follows a backslash."""
        limit = min(len(self.data), at + p.SPAN) if step[p.A] else end
        if at >= end or self.data[at] != ord('"'):
            raise _Fail(Reason.QUOTE, number, at)
        stop = at + 1
        while stop < limit:
            if self.data[stop] == ord('"'):
                if self.data[stop + 1 : stop + 2] != b'"' or stop + 1 >= limit:
                    break
                stop += 1
            elif self.data[stop] == ord("\\"):
                stop += 1
            stop += 1
        if stop >= limit:
            if step[p.A] and limit == len(self.data) and not self.final:
                raise _More
            raise _Fail(Reason.QUOTE, number, at)
        if step[p.A] and stop + 1 >= len(self.data) and not self.final:
            raise _More
        return at + 1, stop, stop + 1

    def over_lines(self, literal: bytes, number: int, at: int) -> tuple[int, int]:
        limit = min(len(self.data), at + p.SPAN)
        stop = at
        while (stop := self.data.find(literal, stop, limit)) >= 0:
            after = stop + len(literal)
            if self.line_end(after)[0] == after:
                return stop, after
            stop += 1
        if limit == len(self.data) and not self.final:
            raise _More
        raise _Fail(Reason.UNTIL, number, at)

    # ---------------------------------------------------------------------------------------------------------- convert

    def put(self, step: list[int], value: int, start: int, stop: int) -> None:
        if step[p.CELL] >= 0:
            self.cells[step[p.CELL]] = value - (1 << 64) if value >= 1 << 63 else value
        if step[p.TEXT] >= 0:
            self.cells[step[p.TEXT] : step[p.TEXT] + 2] = [start, stop]

    def convert(self, step: list[int], number: int, start: int, stop: int) -> None:
        start, stop = self.part(step, start, stop)
        if self.trace is not None:
            self.trace(number, start, stop)
        text = self.data[start:stop]
        reason, value = Reason.NUMBER, 0
        got: int | None = 0
        match step[p.CONVERT]:
            case Convert.TIME:
                reason = Reason.TIME
                got = values.moment(text, self.program.literals[step[p.TABLE] : step[p.TABLE] + step[p.TABLE_LENGTH]])
            case Convert.INT:
                got = values.integer(text)
            case Convert.DIGITS:
                got = values.digits(text)
            case Convert.ADDRESS:
                got = values.address(text, self.program.numbering.tolist(), self.key)
            case Convert.ADDRESSES:
                self.spread = [number]
                self.pieces = self.split(start, stop)
            case Convert.HASH:
                got = hash64(text, self.key) if text else 0
            case Convert.HASH_LOWER:
                got = hash64(text.lower(), self.key) if text else 0
            case Convert.ENUM:
                reason, got = Reason.UNKNOWN, self.entry(step, text)
            case Convert.ENUM_TYPE:
                reason, got = Reason.UNKNOWN, self.entry(step, text.partition(b";")[0].strip(values.BLANKS).lower())
            case Convert.HEX:
                got = values.hexadecimal(text)
            case Convert.IPV4:
                got = values.ipv4(text)
            case Convert.URL:
                got = self.url(step, text, start, stop)
            case Convert.AUTHORITY:
                got = values.authority(text, self.key)
            case Convert.APN:
                got = values.apn(text, self.key)
            case Convert.PERCENT:
                got = values.percent(text)
        if got is None:
            raise _Fail(reason, number, start)
        value = got
        if step[p.CONVERT] != Convert.URL:
            self.put(step, value, start, stop)

    def part(self, step: list[int], start: int, stop: int) -> tuple[int, int]:
        """The part of a field behind a literal and before a byte; empty, at the field's end, when the literal is not there."""
        if step[p.AFTER_LENGTH]:
            after = self.data.find(self.program.literals[step[p.AFTER] : step[p.AFTER] + step[p.AFTER_LENGTH]], start, stop)
            start = after + step[p.AFTER_LENGTH] if after >= 0 else stop
        if step[p.STOP] >= 0:
            end = self.data.find(bytes([step[p.STOP]]), start, stop)
            stop = end if end >= 0 else stop
        return start, stop

    def split(self, start: int, stop: int) -> list[tuple[int, int]]:
        pieces = []
        for piece in self.data[start:stop].split(b","):
            end = start + len(piece)
            left = start + len(piece) - len(piece.lstrip(values.BLANKS))
            pieces.append((left, max(left, left + len(piece.strip(values.BLANKS)))))
            start = end + 1
        return pieces

    def entry(self, step: list[int], text: bytes) -> int | None:
        for start, length, value, flags in self.program.entries[step[p.TABLE] : step[p.TABLE] + step[p.TABLE_LENGTH]].tolist():
            literal = self.program.literals[start : start + length]
            if text == literal or (flags & p.PREFIX and text.startswith(literal)):
                self.ignore = self.ignore or bool(flags & p.IGNORE)
                return int(value)
        return None if step[p.DEFAULT] == p.NO_DEFAULT else int(step[p.DEFAULT])

    def url(self, step: list[int], text: bytes, start: int, stop: int) -> int:
        """Fills both cells and both texts: host, path."""
        host, path = values.url_hashes(text, self.key)
        at, slash = values.split_url(text) if host or path else (0, 0)
        self.put(step, host, start + at, start + slash)
        second = list(step)
        second[p.CELL], second[p.TEXT] = step[p.CELL2], step[p.TEXT2]
        self.put(second, path, start + slash if host or path else start, stop if host or path else start)
        return 0

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
        missing = {step for _, _, step in self.program.attributes.tolist() if self.program.steps[step, p.B]}
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
        name = self.data[start:equals]
        literals = self.program.literals
        number = next((step for offset, length, step in self.program.attributes.tolist() if literals[offset : offset + length] == name), -1)
        if number < 0:
            return
        value = equals + 3
        if value < end and self.data[value] == ord('"'):
            if end - value < 2 or self.data[end - 1] != ord('"'):
                raise _Fail(Reason.QUOTE, number, value)
            value, end = value + 1, end - 1
        missing.discard(number)
        self.convert(self.program.steps[number].tolist(), number, value, end)


def scan(program: Program, data: bytes, start: int, key: Key, final: bool) -> Cells:
    """Rows, rejects and how far it got, of the records in `data[start:]`. `final`: what has no line end is a record all the same."""
    scanner = _Scanner(program, data, key, final)
    return scanner.blocks(start) if len(program.attributes) else scanner.lines(start)


def trace(program: Program, data: bytes, told: Trace) -> Cells:
    """`scan` of one record, telling every field that was taken on the way."""
    scanner = _Scanner(program, data, (0, 0), final=True, trace=told)
    return scanner.blocks(0) if len(program.attributes) else scanner.lines(0)
