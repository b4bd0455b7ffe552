"""A dialect's line format as a value: a template of literals and fields, each field with its converter and its column.

    PLAN = Plan(
        "mbuni",
        Form(
            "{at} {event} MMS [INT:{}] [from:{sender}] [to:{receiver}] [msgid:{message}] [size={size}] {*}",
            at=moment("%Y-%m-%d %H:%M:%S"),
            event=one_of({"Received": {"kind": Kind.SUBMIT}, "Fetched": {"kind": Kind.FETCH}}),
            sender=address("sender").keep("sender"),
            receiver=addresses("receiver").keep("receiver"),
            message=hashed("message").keep("message"),
            size=integer("size"),
        ),
        Form("{at} Log begins", at=moment("%Y-%m-%d %H:%M:%S"), ignore=True),
    )

In a template `{name}` is a field that ends at the literal behind it (the last one: at the line's end), `{}` one that is passed over, `{*}`
the rest of the line, `{~}` any blanks, `{?text}` a literal that may be missing, `{{` and `}}` braces. Forms are tried in order; the first
that fits is taken; a constant column is an argument of the form (`set={"kind": Kind.SMS}`). A column or text whose name begins with "_"
is the dialect's own (int64; read it from `records.columns` or `records.texts` and drop it). Pure data: `compile_plan` makes the arrays,
`run` the Records, `explain` says which characters went where.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mmsd import fast
from mmsd.fast import program as p
from mmsd.fast import scan_py
from mmsd.fast.program import CHINA, Cells, Convert, Numbering, Op, Program, Reason
from mmsd.model import COLUMNS, OFFSET_BITS, TEXTS, Content, Parsed, Records, Reject, Rejects, TextColumn

__all__ = ["CHINA", "Block", "Compiled", "Field", "Form", "Numbering", "Plan", "compile_plan", "explain", "run"]

SAMPLES: Final = 20
HEAD: Final = 200
IGNORED: Final = None
"""As a value of `one_of`: the record is known and of no interest; it is counted as a line and gives no row."""

Values = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Field:
    """How a field is found, what it becomes and where that goes. Made by the functions below; refined by its methods."""

    convert: Convert = Convert.NONE
    column: str = ""
    text: str = ""
    op: Op = Op.UNTIL
    width: int = 0
    lines: bool = False  # a quoted field may hold line feeds
    count: str = ""  # columns a counted field asks
    coding: str = ""
    twice: bool = False
    after: bytes = b""
    stop: bytes = b""
    form: bytes = b""  # of a time
    table: tuple[tuple[bytes, Values | None], ...] = ()
    default: Values | None = None
    second: str = ""  # column and text of a URL's path
    second_text: str = ""
    again: tuple[Field, ...] = ()
    body: bool = False
    required: bool = False

    def keep(self, text: str, path: str = "") -> Field:
        """Keep the text too (a URL: its host:port, and its path)."""
        return dataclasses.replace(self, text=text, second_text=path)

    def fixed(self, width: int) -> Field:
        """It has so many bytes."""
        return dataclasses.replace(self, op=Op.FIXED, width=width)

    def counted(self, count: str, coding: str = "", *, twice: bool = False) -> Field:
        """It has as many bytes as the column says; twice that when `twice`, or `coding` is 1 or 2 (Kannel's hex). Never shown: a body."""
        return dataclasses.replace(self, op=Op.COUNTED, count=count, coding=coding, twice=twice, body=True)

    def quoted(self, lines: bool = False) -> Field:
        """It stands in double quotes, with \\" or "" inside; `lines`: and may hold line feeds."""
        return dataclasses.replace(self, op=Op.QUOTED, lines=lines)

    def last(self) -> Field:
        """It ends at the *last* occurrence of the literal behind it: for what an attacker writes."""
        return dataclasses.replace(self, op=Op.LAST)

    def over_lines(self) -> Field:
        """Raw text that may hold line feeds: it ends where the literal behind it stands before a line end. A message body: never shown."""
        return dataclasses.replace(self, op=Op.LINES, body=True)

    def part(self, after: str = "", stop: str = "") -> Field:
        """Only what stands behind a text and before a character is converted; without the text it is empty."""
        return dataclasses.replace(self, after=after.encode(), stop=stop.encode())

    def also(self, *fields: Field) -> Field:
        """The same characters give other columns too."""
        return dataclasses.replace(self, again=self.again + fields)

    def private(self) -> Field:
        """A message body: never shown in a reject."""
        return dataclasses.replace(self, body=True)

    def must(self) -> Field:
        """A block without this attribute is rejected."""
        return dataclasses.replace(self, required=True)


def skipped() -> Field:
    """Passed over."""
    return Field()


def text(name: str) -> Field:
    """Its text alone is kept."""
    return Field(text=name)


_TIME_WIDTHS: Final = {"Y": 4, "a": 3, "b": 3}
_TIME: Final = re.compile(rb"(%[YmdeHMSfbaszZ]|[^%\r\n])+")
_VARIABLE: Final = re.compile("%[efszZ]")


def moment(form: str, column: str = "at") -> Field:
    """A time by a format of %Y %m %d %e %H %M %S %f %b %a %s %z %Z: µs, as if UTC unless %z is there; %Z (a name) is passed over."""
    if _VARIABLE.search(form):
        return Field(Convert.TIME, column, form=form.encode())
    width = len(re.sub("%(.)", lambda found: "." * _TIME_WIDTHS.get(found[1], 2), form))
    return Field(Convert.TIME, column, op=Op.FIXED, width=width, form=form.encode())


def integer(column: str) -> Field:
    """Signed decimal; "" and "-" are −1; anything else rejects."""
    return Field(Convert.INT, column)


def digits(column: str) -> Field:
    """Up to 18 digits as a number (IMSI, IMEISV); 0 for anything else."""
    return Field(Convert.DIGITS, column)


def hexadecimal(column: str) -> Field:
    """Hex with or without 0x; "" and "-" are −1; anything else rejects."""
    return Field(Convert.HEX, column)


def percent(column: str) -> Field:
    """Percent-encoded bytes as a big-endian number; "" is −1."""
    return Field(Convert.PERCENT, column)


def address(column: str) -> Field:
    """A subscriber: E.164 digits, or NOT_A_NUMBER and a hash; 0 for "" and "-"."""
    return Field(Convert.ADDRESS, column)


def addresses(column: str) -> Field:
    """Subscribers joined by commas: one row each. At most one such field a form."""
    return Field(Convert.ADDRESSES, column)


def hashed(column: str, fold: bool = False) -> Field:
    """Keyed hash of the text (`fold`: in lower case); 0 for ""."""
    return Field(Convert.HASH_LOWER if fold else Convert.HASH, column)


def authority(column: str) -> Field:
    """Hash of host:port in lower case, ":80" dropped; 0 for ""."""
    return Field(Convert.AUTHORITY, column)


def apn(column: str = "apn") -> Field:
    """Hash of the APN in lower case without .mncNNN.mccNNN.gprs."""
    return Field(Convert.APN, column)


def ipv4(column: str) -> Field:
    """Dotted quad as a number; 0 for anything else."""
    return Field(Convert.IPV4, column)


def url(column: str = "authority", path: str = "path") -> Field:
    """Hashes of host:port and of the path with its query. `keep("host", "path")` keeps both texts."""
    return Field(Convert.URL, column, second=path)


def one_of(table: Mapping[str, Values | int | None], *, column: str = "", default: Values | int | None = None) -> Field:
    """One of the table's texts, each setting columns: `{"Sent": {"kind": 3}}`, or with `column` just `{"Sent": 3}`; IGNORED drops it.

    A text that ends in "*" is a prefix. Another text rejects, unless there is a default.
    """

    def values(entry: Values | int | None) -> Values | None:
        return {column: entry} if isinstance(entry, int) else entry

    return Field(Convert.ENUM, table=tuple((name.encode(), values(entry)) for name, entry in table.items()), default=values(default))


_CONTENT: Final[Mapping[str, Content]] = {
    "": Content.NONE,
    "-": Content.NONE,
    "application/vnd.wap.mms-message": Content.MMS,
    "text/html": Content.HTML,
    "application/xhtml+xml": Content.HTML,
    "application/vnd.wap.xhtml+xml": Content.HTML,
    "text/vnd.wap.wml": Content.HTML,
    "application/vnd.wap.wmlc": Content.HTML,
    "application/x-www-form-urlencoded": Content.FORM,
    "multipart/form-data": Content.FORM,
    "text/*": Content.TEXT,
}


def content_type(column: str) -> Field:
    """A Content-Type's class, `model.Content`; its parameters and letter case do not matter."""
    return dataclasses.replace(one_of(_CONTENT, column=column, default=Content.OTHER), convert=Convert.ENUM_TYPE)


# -------------------------------------------------------------------------------------------------------------------- plans


class Form:
    """One shape a record may have: a template, its fields by name, constant columns (`set`). `ignore`: known, gives no row.

    Fields are named arguments, or a mapping where their names are made.
    """

    __slots__ = ("constants", "fields", "ignore", "template")

    def __init__(
        self, template: str, fields: Mapping[str, Field] | None = None, *, set: Values | None = None, ignore: bool = False, **named: Field
    ) -> None:
        self.template = template
        self.fields = {**(fields or {}), **named}
        self.constants = dict(set or {})
        self.ignore = ignore


class Plan:
    """The forms of a dialect's records, tried in order."""

    __slots__ = ("forms", "name")

    def __init__(self, name: str, *forms: Form) -> None:
        self.name = name
        self.forms = forms


class Block(Plan):
    """A dialect of blocks (FreeRADIUS detail): a header line, then indented `Name = value` lines to a blank line; values may be quoted."""

    __slots__ = ("attributes",)

    def __init__(self, name: str, header: Form, attributes: Mapping[str, Field]) -> None:
        super().__init__(name, header)
        self.attributes = attributes


@dataclass(frozen=True, slots=True)
class Step:
    """What a compiled step is called: for rejects and `explain`."""

    name: str = ""  # the field's name; a literal has none
    expects: str = ""  # the literal that stands here, or ends the field
    column: str = ""
    text: str = ""
    body: bool = False


Choice = tuple[int, tuple[str, ...], npt.NDArray[np.int64]]
"""(cell, columns, values int64[columns, choice]) of a `one_of` that sets several columns; NO_DEFAULT leaves a column as it is."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan ready to run: the kernel's arrays, where each column and text stands in the cells, and the steps' names."""

    name: str
    program: Program
    columns: Mapping[str, int]
    texts: Mapping[str, int]
    choices: tuple[Choice, ...]
    steps: tuple[Step, ...]
    has_body: bool


_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


def _tokens(template: str) -> Iterator[tuple[str, str]]:
    """(kind, text) of a template: "literal", "field", "optional", "blanks", "rest"."""
    literal, at = "", 0
    for found in _TOKEN.finditer(template):
        literal += template[at : found.start()]
        at = found.end()
        if found[1] is None:
            literal += found[0][0]
            continue
        if literal:
            yield "literal", literal
        literal = ""
        inside = found[1]
        if inside == "~":
            yield "blanks", ""
        elif inside == "*":
            yield "rest", ""
        elif inside.startswith("?"):
            yield "optional", inside[1:]
        else:
            yield "field", inside
    literal += template[at:]
    if literal:
        yield "literal", literal


@dataclass(slots=True)
class _Builder:
    literals: bytearray = field(default_factory=bytearray)
    steps: list[list[int]] = field(default_factory=list)
    names: list[Step] = field(default_factory=list)
    entries: list[list[int]] = field(default_factory=list)
    columns: dict[str, int] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)
    defaults: list[int] = field(default_factory=list)

    def literal(self, value: bytes) -> tuple[int, int]:
        at = self.literals.find(value)
        if at < 0:
            at = len(self.literals)
            self.literals += value
        return at, len(value)

    def cell(self, default: int, count: int = 1) -> int:
        self.defaults += [default] * count
        return len(self.defaults) - count

    def column(self, name: str) -> int:
        if not name:
            return -1
        if name not in self.columns:
            self.columns[name] = self.cell(_default(name))
        return self.columns[name]

    def text(self, name: str) -> int:
        if not name:
            return -1
        if name not in self.texts:
            if name not in TEXTS and not name.startswith("_"):
                raise ValueError(f"{name} is no text of model.TEXTS")
            self.texts[name] = self.cell(0, 2)
        return self.texts[name]

    def blank(self, op: Op, literal: bytes = b"") -> list[int]:
        step = [0] * p.STEP_WIDTH
        step[p.OP], step[p.B], step[p.STOP] = op, -1, -1
        step[p.CELL] = step[p.TEXT] = step[p.CELL2] = step[p.TEXT2] = -1
        step[p.LITERAL], step[p.LITERAL_LENGTH] = self.literal(literal)
        step[p.DEFAULT] = p.NO_DEFAULT
        return step

    def add(self, step: list[int], name: Step) -> None:
        self.steps.append(step)
        self.names.append(name)

    def punctuation(self, op: Op, literal: str) -> None:
        self.add(self.blank(op, literal.encode()), Step(expects=literal))

    def field(self, made: Field, op: Op, name: str, literal: bytes) -> None:
        step = self.blank(op, literal)
        step[p.CONVERT] = made.convert
        step[p.CELL], step[p.TEXT] = self.column(made.column), self.text(made.text)
        step[p.CELL2], step[p.TEXT2] = self.column(made.second), self.text(made.second_text)
        step[p.AFTER], step[p.AFTER_LENGTH] = self.literal(made.after)
        step[p.STOP] = made.stop[0] if made.stop else -1
        if made.form:
            if not _TIME.fullmatch(made.form):
                raise ValueError(f"{made.form.decode()!r} is no time format: it may use %Y %m %d %e %H %M %S %f %b %a %s %z %Z")
            step[p.TABLE], step[p.TABLE_LENGTH] = self.literal(made.form)
        if made.table:
            self.table(step, made)
        if op == Op.FIXED:
            step[p.A] = made.width
        elif op == Op.QUOTED:
            step[p.A] = int(made.lines)
        elif op == Op.COUNTED:
            if missing := {made.count, made.coding} - {"", *self.columns}:
                raise ValueError(f"the field {name!r} is counted by {sorted(missing)}, which no field before it reads")
            step[p.A] = self.columns[made.count]
            step[p.B] = self.columns[made.coding] if made.coding else p.TWICE if made.twice else -1
        elif op == Op.ATTRIBUTE:
            step[p.B] = int(made.required)
        self.add(step, Step(name, literal.decode(), made.column or made.second, made.text, made.body))
        for other in made.again:
            self.field(dataclasses.replace(other, body=made.body or other.body), Op.AGAIN, name, b"")

    def table(self, step: list[int], made: Field) -> None:
        """A one_of that sets one column puts its value there; one that sets several puts the number of the choice, looked up by `run`."""
        every = [values for _, values in made.table if values] + ([made.default] if made.default else [])
        names = tuple(dict.fromkeys(name for values in every for name in values))
        simple = len(names) == 1 and all(names[0] in values for values in every)
        if names:
            step[p.CELL] = self.column(names[0]) if simple else self.cell(0)
        rows = [[p.NO_DEFAULT] * len(names)]
        for name in names:
            self.column(name)

        def value(values: Values) -> int:
            if simple:
                return int(values[names[0]])
            rows.append([int(values.get(name, p.NO_DEFAULT)) for name in names])
            return len(rows) - 1

        step[p.TABLE], step[p.TABLE_LENGTH] = len(self.entries), len(made.table)
        for literal, values in made.table:
            prefix = literal.endswith(b"*")
            flags = (p.PREFIX if prefix else 0) | (p.IGNORE if values is None else 0)
            self.entries.append([*self.literal(literal[:-1] if prefix else literal), value(values) if values else 0, flags])
        if made.default is not None:
            step[p.DEFAULT] = value(made.default)
        if not simple and names:
            self.choices.append((step[p.CELL], names, np.array(rows, np.int64).T.copy()))

    def form(self, plan: str, form: Form) -> tuple[int, int]:
        """Add a form's steps: (first, end)."""
        first = len(self.steps)
        if "\n" in form.template or "\r" in form.template:
            raise ValueError(f"{plan}: a template may hold no line end: {form.template!r}")
        tokens = list(_tokens(form.template))
        unused = set(form.fields) - {text for kind, text in tokens if kind == "field"}
        if unused:
            raise ValueError(f"{plan}: fields {sorted(unused)} are not in the template {form.template!r}")
        at = 0
        while at < len(tokens):
            kind, text = tokens[at]
            at += 1
            if kind == "literal":
                self.punctuation(Op.LITERAL, text)
            elif kind == "optional":
                self.punctuation(Op.OPTIONAL, text)
            elif kind == "blanks":
                self.punctuation(Op.BLANKS, "")
            elif kind == "rest":
                self.field(Field(), Op.REST, "", b"")
            else:
                if text and text not in form.fields:
                    raise ValueError(f"{plan}: the template names {{{text}}}, which no field defines")
                made = form.fields[text] if text else Field()
                following = tokens[at] if at < len(tokens) else ("end", "")
                at += self.delimited(plan, made, text, following)
        return first, len(self.steps)

    def delimited(self, plan: str, made: Field, name: str, following: tuple[str, str]) -> int:
        """Add a field; how many of the tokens behind it its step has taken."""
        kind, literal = following
        taken = kind == "literal" and made.op in (Op.UNTIL, Op.LAST, Op.COUNTED, Op.LINES)
        op = made.op
        if op in (Op.UNTIL, Op.LAST, Op.LINES) and not taken:
            if kind != "end" or op == Op.LINES:
                raise ValueError(f"{plan}: nothing says where the field {name!r} ends")
            op = Op.REST
        self.field(made, op, name, literal.encode() if taken else b"")
        return int(taken)


def _default(column: str) -> int:
    """What a column reads as where a record does not fill it."""
    if column.startswith("_"):
        return 0
    if column not in COLUMNS:
        raise ValueError(f"{column} is no column of model.COLUMNS")
    return int(Records(1, {})[column][0])


def compile_plan(plan: Plan, numbering: Numbering = CHINA) -> Compiled:
    """The kernel's arrays for a plan. ValueError for a plan that makes no sense: a bug in a dialect, or a column map to refuse."""
    build = _Builder()
    spans = [build.form(plan.name, form) for form in plan.forms]
    attributes = []
    if isinstance(plan, Block):
        for name, made in plan.attributes.items():
            attributes.append([*build.literal(name.encode()), len(build.steps)])
            build.field(made, Op.ATTRIBUTE, name, b"")
    for name in ("at", "kind"):
        build.column(name)
    for form in plan.forms:
        for name in form.constants:
            build.column(name)
    for first, end in [(0, len(build.steps))] if attributes else spans:
        spreading = [step for step in build.steps[first:end] if step[p.CONVERT] == Convert.ADDRESSES]
        if len(spreading) > 1:
            raise ValueError(f"{plan.name}: a form may have one list of addresses, this one has {len(spreading)}")
    initial = np.array([build.defaults] * len(plan.forms), np.int64)
    for row, form in zip(initial, plan.forms, strict=True):
        for name, value in form.constants.items():
            row[build.columns[name]] = value
    _fill_choices(build, plan)
    literals = bytes(build.literals)
    forms = [(*span, p.IGNORE if form.ignore else 0) for span, form in zip(spans, plan.forms, strict=True)]
    program = Program(
        np.array(build.steps, np.int64).reshape(-1, p.STEP_WIDTH),
        np.array(forms, np.int64),
        initial,
        np.array(build.entries, np.int64).reshape(-1, 4),
        literals,
        numbering.packed(),
        np.array(attributes, np.int64).reshape(-1, 3),
        _slots(literals, attributes),
    )
    has_body = any(step.body for step in build.names)
    return Compiled(plan.name, program, build.columns, build.texts, tuple(build.choices), tuple(build.names), has_body)


def _fill_choices(build: _Builder, plan: Plan) -> None:
    """Where nothing else fills a column, what a choice leaves is the column's default: then `run` need not look at it again."""
    filled = {step[cell] for step in build.steps for cell in (p.CELL, p.CELL2)} | {
        build.columns[n] for f in plan.forms for n in f.constants
    }
    chosen = Counter(name for _, names, _ in build.choices for name in names)
    for _, names, table in build.choices:
        for name, values in zip(names, table, strict=True):
            if chosen[name] == 1 and build.columns[name] not in filled:
                values[values == p.NO_DEFAULT] = _default(name)


def _slots(literals: bytes, attributes: Sequence[Sequence[int]]) -> npt.NDArray[np.int32]:
    """An open-addressed table of attribute numbers by `hash64(name, (0, 0))`, −1 where empty, at most half full."""
    size = 1 << (2 * len(attributes)).bit_length()
    slots = np.full(size, -1, np.int32)
    for number, (start, length, _) in enumerate(attributes):
        at = fast.hash64(literals[start : start + length], (0, 0)) % size
        while slots[at] >= 0:
            at = (at + 1) % size
        slots[at] = number
    return slots


# ---------------------------------------------------------------------------------------------------------------------- run


def run(compiled: Compiled, data: bytes, *, ordinal: int, offset: int, final: bool, key: tuple[int, int]) -> Parsed:
    """Scan a chunk: its records as columns and texts, its rejects counted by reason with the first few sampled.

    `offset` is where data[0] stands in the file; `where` is made of it and `ordinal`.
    """
    cells = fast.scan(compiled.program, data, 0, key, final)
    where = cells.offsets + (ordinal << OFFSET_BITS | offset)
    columns: dict[str, npt.NDArray[Any]] = {"where": where}
    whole = {name: cells.out[:, cell] for name, cell in compiled.columns.items()}
    for cell, names, table in compiled.choices:
        chosen = np.ascontiguousarray(cells.out[:, cell])
        for name, choices in zip(names, table, strict=True):
            if (choices == p.NO_DEFAULT).any():
                values = choices.take(chosen)
                whole[name] = np.where(values == p.NO_DEFAULT, whole[name], values)
            else:
                columns[name] = _narrow(name, choices).take(chosen)
                del whole[name]
    for name, column in whole.items():
        columns[name] = _narrow(name, column)
    texts = {name: TextColumn(data, cells.out[:, cell], cells.out[:, cell + 1]) for name, cell in compiled.texts.items()}
    return Parsed(
        Records(len(where), columns, texts),
        _rejects(compiled, cells, data, ordinal << OFFSET_BITS | offset),
        cells.consumed,
        cells.lines,
        cells.skipped,
    )


def _narrow(name: str, column: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Cells as the column's dtype; what does not fit stays at its nearest value."""
    dtype = COLUMNS.get(name, np.dtype(np.int64))
    if dtype == np.uint64:
        return np.ascontiguousarray(column).view(np.uint64)
    if dtype == np.int64:
        return np.ascontiguousarray(column)
    bounds = np.iinfo(dtype)
    return np.clip(column, bounds.min, bounds.max).astype(dtype)


_SAID: Final[Mapping[Reason, str]] = {
    Reason.LITERAL: "expected {}",
    Reason.UNTIL: "expected {} behind the field",
    Reason.SHORT: "the line is too short",
    Reason.COUNT: "the length is wrong",
    Reason.QUOTE: "expected a quoted text",
    Reason.TIME: "not a time",
    Reason.NUMBER: "not a number",
    Reason.UNKNOWN: "not a known word",
    Reason.TRAILING: "more text than expected",
    Reason.ATTRIBUTE: "not an attribute",
    Reason.MISSING: "attribute missing",
    Reason.UNINDENTED: "broken off",
}


def _reason(compiled: Compiled, reason: int, step: int) -> tuple[str, str]:
    """(what to say, the step's name) of a reject."""
    made = compiled.steps[step]
    said = _SAID[Reason(reason)].format(repr(made.expects))
    alone = not made.name or reason in (Reason.TRAILING, Reason.ATTRIBUTE, Reason.UNINDENTED)
    return (said if alone else f"{made.name}: {said}"), made.name or made.expects


def _rejects(compiled: Compiled, cells: Cells, data: bytes, base: int) -> Rejects:
    counts: dict[str, int] = {}
    if not len(cells.rejects):
        return Rejects()
    pairs, number = np.unique(cells.rejects[:, [p.REASON, p.STEP]], axis=0, return_counts=True)
    for (reason, step), count in zip(pairs.tolist(), number.tolist(), strict=True):
        said, _ = _reason(compiled, reason, step)
        counts[said] = counts.get(said, 0) + count
    samples = []
    for reason, step, at, start, end in cells.rejects[:SAMPLES].tolist():
        said, name = _reason(compiled, reason, step)
        samples.append(Reject(said, name, base + start, _head(compiled, data[start:end], at - start, step)))
    return Rejects(counts, tuple(samples))


_LONG_NUMBER: Final = re.compile(rb"\d{9,}")


def _head(compiled: Compiled, record: bytes, failed: int, step: int) -> bytes:
    """What a sample may show: where the plan knows message bodies, only what matched before the first of them; long numbers masked."""
    if compiled.has_body:
        shown = record[:failed]
        bodies = [start for number, start, _ in _steps(compiled, record) if compiled.steps[number].body]
        shown = shown[: min(bodies, default=len(shown))]
    else:
        shown = record
    masked: Callable[[re.Match[bytes]], bytes] = lambda found: found[0][:-8] + b"****" + found[0][-4:]  # noqa: E731  # one line, one use
    return _LONG_NUMBER.sub(masked, shown[: HEAD * 2])[:HEAD]


def _steps(compiled: Compiled, record: bytes) -> list[tuple[int, int, int]]:
    """(step, start, stop) of every field taken in a record, over all forms tried."""
    taken: list[tuple[int, int, int]] = []
    scan_py.trace(compiled.program, record, lambda step, start, stop: taken.append((step, start, stop)))
    return taken


# ------------------------------------------------------------------------------------------------------------------ explain


@dataclass(frozen=True, slots=True)
class Explained:
    """Where the characters of a line went: (column or text, start, stop, value); `stopped` is −1, or where the match ended and `reason`."""

    fields: tuple[tuple[str, int, int, str], ...]
    stopped: int = -1
    reason: str = ""


def explain(compiled: Compiled, line: bytes, *, key: tuple[int, int] = (0, 0)) -> Explained:
    """What a plan makes of one record: for `mmsd try`. The fields are those of the form that fitted, or got furthest."""
    cells = scan_py.scan(compiled.program, line, 0, key, final=True)
    first, end = 0, len(compiled.steps)
    stopped, reason = -1, ""
    if len(cells.rejects):
        code, step, stopped = cells.rejects[0, :3].tolist()
        reason, _ = _reason(compiled, code, step)
    taken = _steps(compiled, line)
    step = step if len(cells.rejects) else max((number for number, _, _ in taken), default=0)
    if not len(compiled.program.attributes):
        first, end = next((first, end) for first, end, _ in compiled.program.forms.tolist() if first <= step < end)
    parsed = run(compiled, line, ordinal=0, offset=0, final=True, key=key).records
    shown = []
    for number, start, stop in taken:
        made = compiled.steps[number]
        if first <= number < end and (made.name or made.column or made.text):
            shown.append((made.column or made.text or made.name, start, stop, _shown(parsed, made, line[start:stop])))
    return Explained(tuple(shown), stopped, reason)


def _shown(records: Records, step: Step, raw: bytes) -> str:
    """A field's value for people: the number in its column, else its characters."""
    if step.column and records.rows and not step.text:
        return str(int(records.columns[step.column][0]))
    return raw.decode(errors="replace")
