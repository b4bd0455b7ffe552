"""TOML values → Structs and dataclasses by their types alone. Every fault is reported, and reading goes on with the next key.

Knows Structs, dataclasses, tuples, mappings, Literals, optional ones, str, int, float, bool, Path (relative to the file's folder) and
ZoneInfo. Numbers are not negative unless their `msgspec.Meta` says otherwise.
"""

from __future__ import annotations

import dataclasses
import math
import operator
import re
import tomllib
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

from mmsd.config.faults import Fault, Report, closest, dotted, meant
from mmsd.config.locate import KeyPath, locate
from mmsd.config.settings import CHOSEN, FILES
from mmsd.errors import ConfigError

_QUANTITY: Final = msgspec.Meta(ge=0)
"""Numbers whose room says nothing else are counts, sizes and durations."""

FAULTY: Final = object()
"""In place of a value whose fault has been reported."""

_NOUNS: Final[Mapping[Any, str]] = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a file name in quotes",
    ZoneInfo: "a time zone's name in quotes",
}


def _called(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {value!r}"
    return str(value)


Check = Callable[[Any, KeyPath, Report], None]
"""Looks at a struct that has the right types: (it, where it stands, where to report)."""


class Entry(NamedTuple):
    """One setting of a struct."""

    kind: Any
    required: bool


def fields(kind: type[Any]) -> dict[str, Entry]:
    """The settings of a Struct or dataclass by name."""
    if issubclass(kind, msgspec.Struct):
        return {field.name: Entry(field.type, field.required) for field in msgspec.structs.fields(kind)}
    kinds = get_type_hints(kind, include_extras=True)
    missing = dataclasses.MISSING
    return {
        field.name: Entry(kinds[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(kind)
        if field.name not in CHOSEN.get(kind, ())
    }


class Reader:
    """Turns what tomllib read into the tree's types. Reports every fault and goes on with the next key."""

    def __init__(self, report: Report, checks: Mapping[type[Any], Check]) -> None:
        self.report = report
        self.base = report.path.parent
        self.checks = checks

    def read(self, kind: Any, value: object, key: KeyPath) -> Any:
        """`value` as `kind`, or FAULTY."""
        meta: Sequence[msgspec.Meta] = ()
        if get_origin(kind) is Annotated:
            kind, *notes = get_args(kind)
            meta = [note for note in notes if isinstance(note, msgspec.Meta)]
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            kind = next(option for option in get_args(kind) if option is not types.NoneType)
            return self.read(kind, value, key)
        if isinstance(kind, type) and (issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind)):
            return self._struct(kind, value, key)
        if origin is tuple or origin is frozenset:
            return self._sequence(origin, get_args(kind)[0], value, key)
        if origin in (dict, Mapping):
            return self._mapping(get_args(kind)[1], value, key)
        if origin is Literal:
            if value in get_args(kind):
                return value
            words = [word for word in get_args(kind) if isinstance(word, str)]
            return self._wrong(key, f"{_called(value)} is not one of them", meant(str(value), words))
        return self._bounded(self._scalar(kind, value, key), meta, key)

    def _wrong(self, key: KeyPath, what: str, remedy: str) -> object:
        self.report.add(key, what, remedy)
        return FAULTY

    def _struct(self, kind: type[Any], value: object, key: KeyPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(key, f"expected a table, found {_called(value)}", f"write it as [{dotted(key)}] with its settings below")
        known = fields(kind)
        made: dict[str, Any] = {}
        misspelt = {closest(name, list(known)) for name in value if name not in known}
        for name, entry in value.items():
            if name in known:
                made[name] = self.read(known[name].kind, entry, (*key, name))
            else:
                made[name] = self._wrong((*key, name), "no such setting", meant(name, list(known)))
        for name, field in known.items():
            if field.required and name not in value and name not in misspelt:
                made[name] = self._wrong((*key, name), "is missing", f"it has no default: set {name} = … here")
        for name in FILES.get(kind, ()):
            if made.get(name) and made[name] is not FAULTY:
                made[name] = self._file(made[name], (*key, name))
        if any(entry is FAULTY for entry in made.values()):
            return FAULTY
        try:
            struct = kind(**made)
        except ConfigError as error:  # the room's own check
            self.report.relay(error, key, "see docs/settings.md")
            return FAULTY
        if kind in self.checks:
            self.checks[kind](struct, key, self.report)
        return struct

    def _file(self, name: str, key: KeyPath) -> Any:
        path = self.base / name
        return str(path) if path.is_file() else self._wrong(key, f"there is no file {path}", "make it, or mend its name")

    def _sequence(self, origin: Callable[[list[Any]], Any], kind: Any, value: object, key: KeyPath) -> Any:
        if not isinstance(value, list):
            return self._wrong(key, f"expected a list, found {_called(value)}", "put it in brackets: […]")
        entries = [self.read(kind, entry, (*key, index)) for index, entry in enumerate(value)]
        return FAULTY if any(entry is FAULTY for entry in entries) else origin(entries)

    def _mapping(self, kind: Any, value: object, key: KeyPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(key, f"expected a table, found {_called(value)}", f"write it as [{dotted(key)}] with its settings below")
        entries = {name: entry if kind is Any else self.read(kind, entry, (*key, name)) for name, entry in value.items()}
        return FAULTY if any(entry is FAULTY for entry in entries.values()) else entries

    def _scalar(self, kind: Any, value: object, key: KeyPath) -> Any:
        if kind is float and type(value) is int:
            value = float(value)
        if kind in (str, int, float, bool) and type(value) is kind:
            return value
        if kind is str and isinstance(value, (date, datetime)):
            return value.isoformat()
        if kind is Path and isinstance(value, str) and value:
            return self.base / value
        if kind is ZoneInfo and isinstance(value, str):
            zone = zone_named(value)
            if zone is None:
                return self._wrong(key, f"no time zone is called {value!r}", "take a name such as Asia/Shanghai or UTC")
            return zone
        return self._wrong(key, f"expected {_NOUNS[kind]}, found {_called(value)}", _remedy(kind, value))

    def _bounded(self, value: Any, meta: Sequence[msgspec.Meta], key: KeyPath) -> Any:
        if type(value) not in (int, float):
            return value
        if not math.isfinite(value):
            return self._wrong(key, f"{value} is no quantity", "take a finite number")
        for note in meta or (_QUANTITY,):
            for limit, broken, words in (
                (note.ge, operator.lt, "at least"),
                (note.gt, operator.le, "more than"),
                (note.le, operator.gt, "at most"),
                (note.lt, operator.ge, "less than"),
            ):
                if limit is not None and broken(value, limit):
                    return self._wrong(key, f"{value} is out of range", f"take {words} {limit}")
        return value


def _remedy(kind: Any, value: object) -> str:
    if kind in (int, float) and isinstance(value, str) and re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        return f"take off the quotes: {value.strip()}"
    if kind in (int, float) and isinstance(value, str):
        return "durations are seconds, sizes are octets, without a unit"
    if kind is bool and str(value).lower() in ("yes", "on", "1", "true"):
        return "write true"
    if kind is bool and str(value).lower() in ("no", "off", "0", "false"):
        return "write false"
    if kind is str and not isinstance(value, (dict, list)):
        return f'put it in quotes: "{value}"'
    return "see docs/settings.md"


def read(path: Path, key: str = "") -> tuple[str, Fault | None]:
    """A file's text, or the fault that it cannot be had. `key`: the setting that names the file."""
    try:
        return path.read_text(encoding="utf-8"), None
    except UnicodeDecodeError as error:
        return "", Fault(str(path), 0, key, f"not UTF-8 at byte {error.start}", "save the file as UTF-8")
    except OSError as error:
        return "", Fault(str(path), 0, key, f"cannot be read: {error.strerror}", "see its name and rights")


def parse(path: Path) -> tuple[dict[str, Any], Report]:
    """The file's tables and a report to go on with; a file that cannot be read or parsed is its one fault."""
    report = Report(path, {})
    text, fault = read(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column \d+\)", str(error))
        what = f"not TOML: {str(error).partition(' (at')[0]}"
        fault = Fault(str(path), int(place[1]) if place else text.count("\n") + 1, "", what, "see https://toml.io")
    if fault is not None:
        report.faults.append(fault)
        return {}, report
    report.lines = locate(text)
    return tables, report


def zone_named(name: object) -> ZoneInfo | None:
    """The zone of that name, None where there is none."""
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (KeyError, ValueError, OSError):
        return None
