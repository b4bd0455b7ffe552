"""Any delimited or fixed-width text by a column map: the answer to vendor logs whose layout is not public.

    separator = "|"                       # or "," or "\\t"; none with widths: fixed-width text
    fields = ["time", "event", "from", "to", "id", "result", "size", "agent"]
    [map]
    at = { from = "time", format = "%Y%m%d%H%M%S" }
    kind = { from = "event", values = { 1 = "SUBMIT", 4 = "FETCH" }, default = "NONE" }
    sender = "from"
    receiver = "to"
    message = "id"

A field is a name, or a table of `name`, `width` (fixed-width text), `quoted` (always in double quotes). A name of "" is passed over. Where
records differ by type, `records` holds a list of such tables; the first that fits a line is taken. docs/dialects.md has worked examples.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, ClassVar, Final, Self

import numpy as np

from mmsd import fast
from mmsd.errors import ConfigError
from mmsd.logs.dialect import Columns, Key, LineDialect, Texts
from mmsd.logs.options import Options
from mmsd.logs.plan import (
    Field,
    Form,
    Numbering,
    Plan,
    address,
    addresses,
    apn,
    authority,
    content_type,
    digits,
    hashed,
    hexadecimal,
    integer,
    ipv4,
    moment,
    one_of,
    text,
    url,
)
from mmsd.logs.zones import to_utc
from mmsd.model import COLUMNS, TEXTS, CodeSet, Kind, Method, Parsed, PushState, TextColumn

_ENUMS: Final[Mapping[str, type[Kind] | type[CodeSet] | type[Method] | type[PushState]]] = {
    "kind": Kind,
    "code_set": CodeSet,
    "method": Method,
    "push_state": PushState,
}

_CONVERTERS: Final[Mapping[str, Callable[[str], Field]]] = {
    "address": address,
    "addresses": addresses,
    "int": integer,
    "hex": hexadecimal,
    "digits": digits,
    "hash": hashed,
    "apn": apn,
    "ip": ipv4,
    "authority": authority,
    "type": content_type,
}

_USUAL: Final = {
    **dict.fromkeys(("sender", "receiver"), "address"),
    **dict.fromkeys(("message", "transaction", "tag", "session", "link"), "hash"),
    **dict.fromkeys(("imsi", "imei"), "digits"),
    **dict.fromkeys(("ggsn", "sgsn", "address"), "ip"),
    **dict.fromkeys(("request_type", "answer_type"), "type"),
    "apn": "apn",
    "authority": "authority",
    "asked": "authority",
}
"""How a column is read when the map does not say: all others are whole numbers."""

_KEPT: Final = {name: name for name in ("message", "transaction", "sender", "receiver", "tag", "apn", "asked")} | {"authority": "host"}
"""Columns whose text is kept too, and as what."""

_TIMES: Final = re.compile(r"%[^YmdeHMSfbazZs]")
_ENCODINGS: Final = ("utf-8", "ascii", "latin-1", "gb18030", "gbk", "big5")
_DOUBLE: Final = ("gb18030", "gbk", "big5")
"""Encodings whose second octet may look like a separator."""


def _enum_value(column: str, value: object, fault: Callable[[str], ConfigError]) -> int:
    """A constant or a mapped value: a whole number, or a name where the column has names."""
    names = _ENUMS.get(column)
    if isinstance(value, str) and names is not None:
        if value not in names.__members__:
            raise fault(f"{value!r} is not one of {', '.join(names.__members__)}")
        return int(names[value])
    if not isinstance(value, int) or isinstance(value, bool):
        raise fault(f"must be a whole number{' or a name' if names else ''}, not {value!r}")
    return value


@dataclasses.dataclass(slots=True)
class _Record:
    """One shape of a record while it is built: its fields in order (name, width, quoted), what each becomes, and constant columns."""

    options: Options
    separator: str
    fields: list[tuple[str, int, bool]]
    made: dict[str, list[Field]] = dataclasses.field(default_factory=dict)
    spans: dict[str, int] = dataclasses.field(default_factory=dict)  # a time over several fields: how many
    constants: dict[str, int] = dataclasses.field(default_factory=dict)
    scales: dict[str, int] = dataclasses.field(default_factory=dict)
    mapped: set[str] = dataclasses.field(default_factory=set)

    def field_fault(self, key: str, what: str) -> ConfigError:
        return self.options.fault(f"map.{key}", what)

    # ------------------------------------------------------------------------------------------------------- column map

    def take_map(self) -> None:
        for column, entry in (self.options.table("map") or {}).items():
            spec = Options({"from": entry} if isinstance(entry, str) else entry, self.options.path(f"map.{column}"))
            if not isinstance(entry, str | Mapping):
                raise self.field_fault(column, f"must be a field's name or a table, not {entry!r}")
            self.take_entry(column, spec)
            spec.finish()

    def take_entry(self, column: str, spec: Options) -> None:
        if column != "url" and ((column not in COLUMNS and column not in TEXTS) or column == "where"):
            raise self.field_fault(column, "no such column; docs/dialects.md lists them")
        self.mapped.add(column)
        source = spec.take("from")
        names = [source] if isinstance(source, str) else source
        known = [name for name, _, _ in self.fields if name]
        if not isinstance(names, list) or not names:
            raise spec.fault("from", "is missing; name a field")
        for name in names:
            if name not in known:
                raise spec.fault("from", f"{name!r} is not one of the fields {', '.join(known)}")
        first = known.index(names[0])
        if names != known[first : first + len(names)]:
            raise spec.fault("from", "fields read together must stand side by side")
        made = self.converter(column, spec, together=len(names) > 1)
        self.made.setdefault(names[0], []).append(made)
        if len(names) > 1:
            self.spans[names[0]] = len(names)

    def converter(self, column: str, spec: Options, *, together: bool) -> Field:
        """The field a map's entry asks for."""
        how = spec.text("as", "time" if column == "at" else _USUAL.get(column, "int"), among=("time", "text", *_CONVERTERS))
        form, values, default = spec.text("format"), spec.table("values"), spec.take("default")
        after, stop = spec.text("after"), spec.text("until")
        scale = spec.integer("scale", 1, low=1, high=10**9)
        if scale != 1:
            self.scales[column] = scale
        if (form or how == "time") and not values:
            made = self.time(column, form, spec, together=together)
        elif together:
            raise spec.fault("from", "only a time is read from several fields")
        elif column in ("url", "path"):
            made = url().keep("host", "path")
        elif column == "location":
            made = url(path="location").keep("host", "path")
        elif column not in COLUMNS or how == "text":
            made = text(column)
        elif values is not None or default is not None:
            made = self.choice(column, values or {}, default, spec)
        else:
            made = _CONVERTERS[how](column)
            if column in _KEPT:
                made = made.keep(_KEPT[column])
        return made.part(after, stop) if after or stop else made

    def time(self, column: str, form: str, spec: Options, *, together: bool) -> Field:
        if column not in ("at", "expires") or not form or _TIMES.search(form):
            raise spec.fault("format", "must be a time's format of %Y %m %d %e %H %M %S %f %b %a %z %Z %s, for the columns at and expires")
        made = moment(form, column)
        if together and made.width == 0:
            raise spec.fault("format", "over several fields every part must have a fixed width")
        if not re.search("%[sz]", form):
            self.constants[f"_local_{column}"] = 1
        return made

    def choice(self, column: str, values: Mapping[str, Any], default: object, spec: Options) -> Field:
        def value(key: str, entry: object) -> dict[str, int] | None:
            if entry == "ignore":
                return None
            entries = entry if isinstance(entry, Mapping) else {column: entry}
            for name in entries:
                if name not in COLUMNS:
                    raise spec.fault(key, f"{name!r} is no column")
            return {name: _enum_value(name, each, lambda what: spec.fault(key, what)) for name, each in entries.items()}

        table = {str(word): value(f"values.{word}", entry) for word, entry in values.items()}
        if default is None:
            return one_of(table)
        if default == "ignore":
            return one_of({**table, "*": None})
        return one_of(table, default=value("default", default))

    def take_constants(self) -> None:
        for column, value in (self.options.table("set") or {}).items():
            if column not in COLUMNS:
                raise self.options.fault(f"set.{column}", "no such column")
            self.constants[column] = _enum_value(column, value, lambda what, column=column: self.options.fault(f"set.{column}", what))  # type: ignore[misc]

    def take_when(self) -> None:
        """`when = { type = ["A", "B"] }`: the record is of this shape only if the field is one of these."""
        for name, words in (self.options.table("when") or {}).items():
            if name not in [known for known, _, _ in self.fields]:
                raise self.options.fault(f"when.{name}", "no such field")
            if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
                raise self.options.fault(f"when.{name}", "must be a list of texts")
            self.made.setdefault(name, []).insert(0, one_of({word: {} for word in words}))

    # --------------------------------------------------------------------------------------------------------- template

    def form(self) -> Form:
        for column in ("at", "kind"):
            if column not in self.mapped and column not in self.constants:
                raise self.options.fault("map", f"gives no {column}; a record needs a time and a kind")
        template, skip = "", 0
        fields: dict[str, Field] = {}
        for number, (name, width, quoted) in enumerate(self.fields):
            if skip:
                skip -= 1
                continue
            if number and self.separator:
                template += self.separator.replace("{", "{{").replace("}", "}}")
            if name == "*":
                template += "{*}"
                continue
            made = self.made.get(name) or [Field()]
            whole = made[0].also(*made[1:]) if made[1:] else made[0]
            if quoted:
                whole = whole.quoted()
            elif width:
                whole = whole.fixed(width)
            fields[f"f{number}"] = whole
            template += f"{{f{number}}}"
            skip = self.spans.get(name, 1) - 1
        return Form(template, fields, set=self.constants)


def _record(options: Options, separator: str) -> _Record:
    raw = options.take("fields")
    if not isinstance(raw, list) or not raw:
        raise options.fault("fields", "is missing; list the record's fields in their order")
    fields: list[tuple[str, int, bool]] = []
    for number, item in enumerate(raw):
        if isinstance(item, Mapping):
            part = Options(item, options.path(f"fields.{number}"))
            fields.append((part.text("name"), part.integer("width", 0, high=1 << 16), part.flag("quoted")))
            part.finish()
        elif isinstance(item, str):
            fields.append((item, 0, False))
        else:
            raise options.fault(f"fields.{number}", f"must be a name or a table, not {item!r}")
    names = [name for name, _, _ in fields if name]
    if len(set(names)) < len(names):
        raise options.fault("fields", "names a field twice")
    if "*" in names[:-1]:
        raise options.fault("fields", '"*" (whatever else follows) can only be the last')
    if not separator and any(not width for _, width, _ in fields[:-1]):
        raise options.fault("separator", "is missing; without one every field but the last needs its width")
    record = _Record(options, separator, fields)
    record.take_map()
    record.take_constants()
    record.take_when()
    return record


class ColumnMap(LineDialect):
    """`columns`. Options: `separator`, `fields`, `map`, `set`, or `records` with one such table for each shape; `ignore`, `encoding`."""

    name: ClassVar[str] = "columns"
    summary: ClassVar[str] = "delimited or fixed-width text, by a column map"

    _scales: Mapping[str, int] = {}
    _hidden = b""  # a separator that may be half of a character

    @classmethod
    def build(cls, options: Options, *, zone: tzinfo, key: Key, numbering: Numbering) -> Self:
        separator = options.text("separator")
        encoding = options.text("encoding", "utf-8", among=_ENCODINGS)
        ignored = options.texts("ignore")
        raw = options.take("records")
        if raw is None:
            records = [_record(options, separator)]
        elif isinstance(raw, list) and raw and all(isinstance(item, Mapping) for item in raw):
            tables = [Options(item, options.path(f"records.{number}")) for number, item in enumerate(raw)]
            records = [_record(table, separator) for table in tables]
            for table in tables:
                table.finish()
        else:
            raise options.fault("records", "must be a list of tables, one for each shape of record")
        comments = [Form(prefix.replace("{", "{{").replace("}", "}}") + "{*}", ignore=True) for prefix in ignored if prefix]
        plan = Plan("columns", *comments, *(record.form() for record in records))
        try:
            dialect = cls(plan, zone=zone, key=key, numbering=numbering)
        except ValueError as fault:
            raise options.fault("fields", str(fault)) from None
        dialect._scales = {column: scale for record in records for column, scale in record.scales.items()}
        dialect.encoding = encoding
        dialect._hidden = separator[:1].encode() if encoding in _DOUBLE and separator[:1] >= "@" else b""
        return dialect

    def scan(self, data: bytes, *, ordinal: int, offset: int, final: bool) -> Parsed:
        """As every dialect's. In a double-byte encoding, octets that only look like the separator are hidden from the scanner."""
        if not self._hidden:
            return super().scan(data, ordinal=ordinal, offset=offset, final=final)
        parsed = super().scan(hide_trails(data, self._hidden[0]), ordinal=ordinal, offset=offset, final=final)
        texts = {name: TextColumn(data, column.start, column.stop) for name, column in parsed.records.texts.items()}
        return dataclasses.replace(parsed, records=dataclasses.replace(parsed.records, texts=texts))

    def refine(self, columns: Columns, texts: Texts) -> None:
        for column in ("at", "expires"):
            if f"_local_{column}" in columns:
                given = columns[column]
                columns[column] = np.where(columns[f"_local_{column}"] > 0, to_utc(given, self.zone), given)
        for column, scale in self._scales.items():
            columns[column] = np.where(columns[column] > 0, columns[column] * scale, columns[column])
        if "session" in columns and "ggsn" in columns:
            columns["session"] = fast.combine(columns["ggsn"], columns["session"], self.key)


def hide_trails(data: bytes, separator: int) -> bytes:
    """The data with every `separator` that is the second octet of a two-byte character turned into a blank. Equal in length.

    A run of octets ≥ 0x81 begins at a character's start, so an odd run before the octet makes it a second half.

    >>> hide_trails("甛|a".encode("gbk"), ord("|")).count(b"|")
    1
    """
    octets = np.frombuffer(data, np.uint8)
    suspects = np.flatnonzero((octets[1:] == separator) & (octets[:-1] >= 0x81)) + 1
    if not suspects.size:
        return data
    out = bytearray(data)
    for at in suspects.tolist():
        start = at
        while start > 0 and data[start - 1] >= 0x81:
            start -= 1
        if (at - start) % 2:
            out[at] = 0x20
    return bytes(out)
