"""TOML values → Structs and dataclasses by their types alone. Every fault is reported, and reading goes on with the next key.

Knows Structs, dataclasses, tuples, mappings, Literals, optional ones, str, int, float, bool, Path (relative to the file's folder) and
ZoneInfo. Each number has bounds: those in `settings.LIMITS`, else those of any number.

A table with a fault in it is looked over like the others: what is at fault gives way to its default, and a check is not heard on it.
"""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

from mmsd.config.faults import Fault, Report, closest, dotted, meant
from mmsd.config.locate import KeyPath, locate
from mmsd.config.settings import CHOSEN, FILES, LIMITS, QUANTITY, Limits
from mmsd.errors import ConfigError


class Faulted(NamedTuple):
    """In place of a value whose fault has been reported: what stands in for it while the rest is looked over, NOTHING if nothing can."""

    instead: Any


NOTHING: Final = object()
_FAULTED: Final = Faulted(NOTHING)

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
    kinds = get_type_hints(kind)
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
        """`value` as `kind`, or Faulted."""
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            options = [option for option in get_args(kind) if option is not types.NoneType]
            return self.read(options[0], value, key) if len(options) == 1 else self._tagged(options, value, key)
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
        return self._scalar(kind, value, key)

    def _wrong(self, key: KeyPath, what: str, remedy: str) -> Faulted:
        self.report.add(key, what, remedy)
        return _FAULTED

    def _struct(self, kind: type[Any], value: object, key: KeyPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(key, f"expected a table, found {_called(value)}", f"write it as [{dotted(key)}] with its settings below")
        known = fields(kind)
        limits = LIMITS.get(kind, {})
        made: dict[str, Any] = {}
        whole = True
        misspelt = {closest(name, list(known)) for name in value if name not in known}
        for name, entry in value.items():
            if name in known:
                made[name] = self._bounded(self.read(known[name].kind, entry, (*key, name)), limits.get(name), (*key, name))
            else:
                self._wrong((*key, name), "no such setting", meant(name, list(known)))
                whole = False
        for name, field in known.items():
            if field.required and name not in value:
                if name not in misspelt:
                    self._wrong((*key, name), "is missing", f"it has no default: set {name} = … here")
                made[name] = _FAULTED
        for name in FILES.get(kind, ()):
            if made.get(name) and not isinstance(made[name], Faulted):
                made[name] = self._file(made[name], (*key, name))
        for name, entry in list(made.items()):
            if isinstance(entry, Faulted):
                whole = False
                self._stand_in(made, name, known[name], entry.instead, key)
        struct, sound = self._built(kind, made, known, key)
        if struct is not NOTHING and kind in self.checks:
            aside = self.report.beside()
            self.checks[kind](struct, key, aside)
            self.report.take(aside, key)
        return struct if whole and sound else Faulted(struct)

    def _stand_in(self, made: dict[str, Any], name: str, field: Entry, instead: object, key: KeyPath) -> None:
        """Puts what can be had in place of a setting at fault: what was good of it, its default, or any at all."""
        if instead is not NOTHING:
            made[name] = instead
            return
        self.report.doubtful.add((*key, name))
        if field.required:
            made[name] = "x" if field.kind is str else get_origin(field.kind)()  # required are texts, lists and tables
        else:
            made.pop(name, None)

    def _built(self, kind: type[Any], made: dict[str, Any], known: Mapping[str, Entry], key: KeyPath) -> tuple[Any, bool]:
        """The struct, NOTHING when it cannot be made, and whether its room had no objection. A room says one fault at a time."""
        objected: set[str | int] = set()
        while True:
            try:
                return kind(**made), not objected
            except ConfigError as error:
                aside = self.report.beside()
                place = aside.relay(error, key, "see docs/settings.md")
                self.report.take(aside, key)
                name = place[len(key)] if len(place) > len(key) else ""
                if not isinstance(name, str) or name not in known or name in objected:
                    return NOTHING, False
                objected.add(name)
                self._stand_in(made, name, known[name], NOTHING, key)

    def _file(self, name: str, key: KeyPath) -> Any:
        path = self.base / name
        if path.is_file():
            return str(path)
        self._wrong(key, f"there is no file {path}", "make it, or mend its name")
        return Faulted(str(path))  # one is meant, so what goes with it is not missing

    def _tagged(self, options: list[type[Any]], value: object, key: KeyPath) -> Any:
        """One of several structs: the one whose tag the table names."""
        if not isinstance(value, dict):
            return self._struct(options[0], value, key)
        name = options[0].__struct_config__.tag_field
        kinds = {option.__struct_config__.tag: option for option in options}
        if name not in value:
            return self._wrong((*key, name), "is missing", f"say which: {', '.join(sorted(kinds))}")
        if value[name] not in kinds:
            return self._wrong((*key, name), f"{_called(value[name])} is not one of them", meant(str(value[name]), list(kinds)))
        return self._struct(kinds[value[name]], {entry: value[entry] for entry in value if entry != name}, key)

    def _sequence(self, origin: Callable[[list[Any]], Any], kind: Any, value: object, key: KeyPath) -> Any:
        if not isinstance(value, list):
            return self._wrong(key, f"expected a list, found {_called(value)}", "put it in brackets: […]")
        entries = [self._bounded(self.read(kind, entry, (*key, index)), None, (*key, index)) for index, entry in enumerate(value)]
        if not any(isinstance(entry, Faulted) for entry in entries):
            return origin(entries)
        kept = [entry.instead if isinstance(entry, Faulted) else entry for entry in entries]
        return Faulted(NOTHING if any(entry is NOTHING for entry in kept) else origin(kept))  # without gaps: a place is an index

    def _mapping(self, kind: Any, value: object, key: KeyPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(key, f"expected a table, found {_called(value)}", f"write it as [{dotted(key)}] with its settings below")
        entries = {name: entry if kind is Any else self.read(kind, entry, (*key, name)) for name, entry in value.items()}
        if not any(isinstance(entry, Faulted) for entry in entries.values()):
            return entries
        kept = {name: entry.instead if isinstance(entry, Faulted) else entry for name, entry in entries.items()}
        return Faulted({name: entry for name, entry in kept.items() if entry is not NOTHING})

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

    def _bounded(self, value: Any, limits: Limits | None, key: KeyPath) -> Any:
        if type(value) not in (int, float):
            return value
        if not math.isfinite(value):
            return self._wrong(key, f"{value} is no quantity", "take a finite number")
        low, high = limits or QUANTITY[type(value)]
        if value < low:
            return self._wrong(key, f"{value} is out of range", f"take at least {low}")
        if value > high:
            return self._wrong(key, f"{value} is out of range", f"take at most {high}")
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
