"""TOML → one frozen tree of settings; every fault is found at once and says file and line, the key's path, what was meant, what to do.

`check(path)` lists the faults, `load(path)` returns `Settings` or raises `Faulty` (a `ConfigError`) with all of them;
`load_campaigns(folder)` and `load_cities(path)` do the same for what lies beside the configuration. Each room defines its own part of
the tree; this module gathers them, knows nothing of their meaning beyond their types and the few checks at the end, and reads no
environment. A path in a file is relative to that file's folder. Secrets are given by file name. Keys nobody knows are refused.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import operator
import re
import string
import tomllib
import types
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

from mmsd.errors import ConfigError
from mmsd.flow import announce, sequencer
from mmsd.link import mqtt
from mmsd.link.tail import TailSettings
from mmsd.logs import DIALECTS, Dialect
from mmsd.model import COLUMNS, NOT_A_NUMBER, SECOND, TEXTS, Kind, Records
from mmsd.rules.settings import CampaignSettings, Codes, Coverage, Judgement, Operator, Own, SeedSettings
from mmsd.store import sqlite
from mmsd.web import site

KeyPath = tuple[str | int, ...]
"""Keys from the top of a TOML file: `("feeds", "mmsc1", "paths", 0)`."""


# -------------------------------------------------------------------------------------------------------------------- the tree


class Zone(msgspec.Struct, frozen=True):
    """The local time of days, hours and of nodes that write no zone."""

    name: ZoneInfo = ZoneInfo("Asia/Shanghai")


class State(msgspec.Struct, frozen=True):
    """Where everything durable lies."""

    directory: Path = Path("/var/lib/mmsd")
    key_file: Path | None = None  # None: state.key in the directory, made at the first start


class Covers(msgspec.Struct, frozen=True):
    """Which sessions a RADIUS feed sees; accounting goes to different servers by APN. Feeds of other kinds see all of theirs."""

    all: bool = False  # sessions of every APN
    apns: tuple[str, ...] = ()  # or of these


class Sample(msgspec.Struct, frozen=True):
    """A line of the feed's own and what it must be read as: `kind`, and columns or texts of `model.Records` by name."""

    line: str
    expect: dict[str, Any]


Role = Literal["mmsc", "sms", "gateway", "sessions", "sgsn"]


class Feed(msgspec.Struct, frozen=True):
    """Log files of one node in one format."""

    dialect: str
    paths: tuple[Path, ...]  # globs; rotated and gzipped files among them are read in their order
    node: str = ""  # "": the feed's name
    domain: str = ""  # nodes that share message ids; "": the node
    role: Role | None = None  # what kind of node; None: as the dialect says
    zone: ZoneInfo | None = None  # of times written without one; None: [zone] name
    options: dict[str, Any] = {}  # the dialect's own
    covers: Covers = Covers()
    samples: tuple[Sample, ...] = ()


class Campaigns(msgspec.Struct, frozen=True):
    directory: Path | None = None


class Cities(msgspec.Struct, frozen=True):
    file: Path | None = None  # lines `prefix,city`; the longest prefix wins


class Settings(msgspec.Struct, frozen=True):
    """All of a configuration file."""

    feeds: dict[str, Feed]
    state: State = State()
    zone: Zone = Zone()
    operator: Operator = Operator()
    judgement: Judgement = Judgement()
    codes: dict[str, Codes] = {}
    own: Own = Own()
    campaigns: Campaigns = Campaigns()
    cities: Cities = Cities()
    tail: TailSettings = TailSettings()
    sequencer: sequencer.Settings = sequencer.Settings()
    store: sqlite.Settings = sqlite.Settings()
    web: site.Settings = site.Settings()
    announce: announce.Settings = announce.Settings()
    mqtt: mqtt.Settings | None = None  # None: nothing is published


ROLES: Final[Mapping[str, Role]] = {
    "mbuni": "mmsc",
    "kannel-sms": "sms",
    "kannel-smsbox": "sms",
    "kannel-wap": "gateway",
    "http": "gateway",
    "radius": "sessions",
}
"""What kind of node writes a dialect; `columns` fits any, so its feeds say `role`."""


def role(feed: Feed) -> Role:
    return feed.role or ROLES[feed.dialect]


def coverage(feeds: Mapping[str, Feed]) -> Coverage:
    """What all feeds together declare to see.

    >>> coverage({"aaa": Feed("radius", (Path("detail*"),), covers=Covers(apns=("CMWAP",)))}).sessions
    ('cmwap',)
    """
    roles = {role(feed) for feed in feeds.values()}
    apns: set[str] = set()
    for feed in feeds.values():
        if role(feed) == "sessions":
            apns.update({"*"} if feed.covers.all or not feed.covers.apns else {apn.lower() for apn in feed.covers.apns})
    return Coverage(
        mmsc="mmsc" in roles, sms="sms" in roles, gateway="gateway" in roles, sessions=tuple(sorted(apns)), sgsn="sgsn" in roles
    )


# ---------------------------------------------------------------------------------------------------------------------- faults


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing an operator has to mend.

    >>> print(Fault("mmsd.toml", 7, "feeds.a.dialekt", "no such setting", "did you mean `dialect`?"))
    mmsd.toml:7: feeds.a.dialekt: no such setting; did you mean `dialect`?
    """

    file: str
    line: int  # 1 = the first; 0 = the file as a whole
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(filter(None, (place, self.key, f"{self.what}; {self.remedy}")))


class Faulty(ConfigError):
    """Everything wrong with a configuration, one fault a line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, faults)))


def locate(text: str) -> dict[KeyPath, int]:
    """The line of every key path and array element in a *valid* TOML text; tables by their header, else by their first key.

    >>> locate('[a]\\nb = [1,\\n 2]\\n[[c]]\\nd.e = {f = 1}')[("c", 0, "d", "e", "f")]
    5
    """
    return _Locator(text).found


class _Locator:
    """Walks a text that tomllib has accepted: enough of the grammar to know where keys and values stand, none of their values."""

    _BLANK: Final = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
    _KEY: Final = re.compile(r"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*""")
    _STRING: Final = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\]|\\.)*"|\'[^\']*\'', re.DOTALL)
    _SCALAR: Final = re.compile(r"[^,\]}#\n]+")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[KeyPath, int] = {}
        self._starts = [match.end() for match in re.finditer("\n", text)]
        self._arrays: dict[KeyPath, int] = {}  # arrays of tables: index of the newest one
        table: KeyPath = ()
        while self._skip() < len(text):
            if text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip(self) -> int:
        match = self._BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def _note(self, path: KeyPath) -> None:
        self.found.setdefault(path, bisect_right(self._starts, self.at) + 1)

    def _keys(self) -> list[str]:
        keys = []
        while (match := self._KEY.match(self.text, self.at)) is not None:
            self.at = match.end()
            basic, literal, bare = match.groups()
            keys.append(next(iter(tomllib.loads(f'"{basic}"=0'))) if basic is not None else literal if literal is not None else bare)
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        return keys

    def _header(self) -> KeyPath:
        here = self.at
        array = self.text.startswith("[[", here)
        self.at += 2 if array else 1
        keys = self._keys()
        stop = self.at + (2 if array else 1)
        self.at = here
        path: KeyPath = ()
        for number, key in enumerate(keys, 1):
            path = (*path, key)
            self._note(path)
            if array and number == len(keys):
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
                self._note(path)
        self.at = stop
        return path

    def _pair(self, table: KeyPath) -> None:
        here = self.at
        keys = self._keys()
        stop = self.at
        self.at = here
        path = table
        for key in keys:
            path = (*path, key)
            self._note(path)
        self.at = stop + 1  # "="
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip()
        self._note(path)
        opening = self.text[self.at]
        if opening in "\"'":
            match = self._STRING.match(self.text, self.at)
        elif opening in "[{":
            self.at += 1
            index = 0
            while self.text[self._skip()] not in "]}":
                if opening == "{":
                    self._pair(path)
                else:
                    self._value((*path, index))
                    index += 1
            self.at += 1
            return
        else:
            match = self._SCALAR.match(self.text, self.at)
        assert match is not None, "tomllib accepted what this does not know"
        self.at = match.end()


class _Report:
    """Faults of one file as they are found."""

    def __init__(self, path: Path, lines: Mapping[KeyPath, int]) -> None:
        self.path = path
        self.lines = lines
        self.faults: list[Fault] = []

    def add(self, key: KeyPath, what: str, remedy: str) -> None:
        near = key
        while near and near not in self.lines:
            near = near[:-1]
        self.faults.append(Fault(str(self.path), self.lines.get(near, 0), dotted(key), what, remedy))

    def relay(self, error: ConfigError, key: KeyPath, remedy: str) -> None:
        """A room's own fault, `path: what[; remedy]`; its path may begin at the top of the file or at `key`."""
        path, colon, rest = str(error).partition(": ")
        inner: KeyPath = tuple(int(part) if part.isdigit() else part for part in path.split(".")) if colon and " " not in path else ()
        what, _, said = (rest if inner else str(error)).partition("; ")
        self.add(inner if inner[: len(key)] == key else (*key, *inner), what, said or remedy)


def dotted(key: KeyPath) -> str:
    """A key path as people write it.

    >>> dotted(("feeds", "a", "samples", 0, "line"))
    'feeds.a.samples[0].line'
    """
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _meant(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6) or [name for name in known if name.startswith(word)]
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known are {', '.join(sorted(known))}" if known else "take it out"


# ------------------------------------------------------------------------------------------------------------- values to types


_QUANTITY: Final = msgspec.Meta(ge=0)
"""Numbers whose room says nothing else are counts, sizes and durations."""

_FAULTY: Final = object()
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


Check = Callable[[Any, KeyPath, _Report], None]
"""Looks at a struct that has the right types: (it, where it stands, where to report)."""


class Entry(NamedTuple):
    """One setting of a struct."""

    kind: Any
    required: bool


CHOSEN: Final[Mapping[type[Any], frozenset[str]]] = {TailSettings: frozenset({"follow"}), sqlite.Settings: frozenset({"durable"})}
"""Fields that a command sets (`replay` reads to the end, `look` keeps nothing) and no file."""


FILES: Final[Mapping[type[Any], tuple[str, ...]]] = {
    site.Settings: ("certificate", "key"),
    mqtt.Settings: ("password_file", "ca_file", "certificate", "key"),
}
"""Texts that name a file which has to be there; "" names none."""


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


class _Reader:
    """Turns what tomllib read into the tree's types. Reports every fault and goes on with the next key."""

    def __init__(self, report: _Report, checks: Mapping[type[Any], Check]) -> None:
        self.report = report
        self.base = report.path.parent
        self.checks = checks

    def read(self, kind: Any, value: object, key: KeyPath) -> Any:
        """`value` as `kind`, or _FAULTY."""
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
            return self._wrong(key, f"{_called(value)} is not one of them", _meant(str(value), words))
        return self._bounded(self._scalar(kind, value, key), meta, key)

    def _wrong(self, key: KeyPath, what: str, remedy: str) -> object:
        self.report.add(key, what, remedy)
        return _FAULTY

    def _struct(self, kind: type[Any], value: object, key: KeyPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(key, f"expected a table, found {_called(value)}", f"write it as [{dotted(key)}] with its settings below")
        known = fields(kind)
        made: dict[str, Any] = {}
        for name, entry in value.items():
            if name in known:
                made[name] = self.read(known[name].kind, entry, (*key, name))
            else:
                made[name] = self._wrong((*key, name), "no such setting", _meant(name, list(known)))
        for name, field in known.items():
            if field.required and name not in value:
                made[name] = self._wrong((*key, name), "is missing", f"it has no default: set {name} = … here")
        for name in FILES.get(kind, ()):
            if made.get(name) and made[name] is not _FAULTY:
                made[name] = self._file(made[name], (*key, name))
        if any(entry is _FAULTY for entry in made.values()):
            return _FAULTY
        try:
            struct = kind(**made)
        except ConfigError as error:  # the room's own check
            self.report.relay(error, key, "see docs/settings.md")
            return _FAULTY
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
        return _FAULTY if any(entry is _FAULTY for entry in entries) else origin(entries)

    def _mapping(self, kind: Any, value: object, key: KeyPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(key, f"expected a table, found {_called(value)}", f"write it as [{dotted(key)}] with its settings below")
        entries = {name: entry if kind is Any else self.read(kind, entry, (*key, name)) for name, entry in value.items()}
        return _FAULTY if any(entry is _FAULTY for entry in entries.values()) else entries

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
            zone = _zone(value)
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


def _parse(path: Path) -> tuple[dict[str, Any], _Report]:
    """The file's tables and a report to go on with; a file that cannot be read or parsed is its one fault."""
    report = _Report(path, {})
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at (?:line (\d+), column \d+|end of document)\)", str(error))
        line = int(place[1]) if place and place[1] else 0
        report.faults.append(Fault(str(path), line, "", f"not TOML: {str(error).partition(' (at')[0]}", "see https://toml.io"))
        return {}, report
    except UnicodeDecodeError as error:
        report.faults.append(Fault(str(path), 0, "", f"not UTF-8 at byte {error.start}", "save the file as UTF-8"))
        return {}, report
    except OSError as error:
        report.faults.append(Fault(str(path), 0, "", f"cannot be read: {error.strerror}", "see its name and rights"))
        return {}, report
    report.lines = locate(text)
    return raw, report


# ------------------------------------------------------------------------------------------------------------------ what is asked


def check(path: Path) -> list[Fault]:
    """Every fault of a configuration and of the campaigns and cities it names, in the order of their lines."""
    return _read(path)[1]


def load(path: Path) -> Settings:
    """The settings in a file. Raises Faulty with every fault there is."""
    settings, faults = _read(path)
    if faults or settings is None:
        raise Faulty(faults)
    return settings


def load_campaigns(directory: Path) -> tuple[CampaignSettings, ...]:
    """All campaigns, `*.toml` in a folder, by file name. Raises Faulty."""
    campaigns, faults = _read_campaigns(directory)
    if faults:
        raise Faulty(faults)
    return campaigns


def load_cities(path: Path) -> dict[str, str]:
    """Prefixes of numbers (with country code) to the city they belong to. Raises Faulty."""
    cities, faults = _read_cities(path)
    if faults:
        raise Faulty(faults)
    return cities


def _read(path: Path) -> tuple[Settings | None, list[Fault]]:
    raw, report = _parse(path)
    if report.faults:
        return None, report.faults
    top = raw.get("zone")
    zone = _zone(top.get("name") if isinstance(top, dict) else None) or Zone().name  # feeds are checked even where this is at fault
    reader = _Reader(report, {Feed: partial(_check_feed, zone), Operator: _check_operator, Codes: _check_codes, site.Settings: _check_web})
    settings = reader.read(Settings, raw, ())
    faults = report.faults
    if settings is not _FAULTY:
        _check_together(settings, report)
        if settings.campaigns.directory is not None:
            faults = faults + _read_campaigns(settings.campaigns.directory)[1]
        if settings.cities.file is not None:
            faults = faults + _read_cities(settings.cities.file)[1]
    return (settings if settings is not _FAULTY else None), sorted(
        faults, key=lambda fault: (fault.file != str(path), fault.file, fault.line)
    )


def _read_campaigns(directory: Path) -> tuple[tuple[CampaignSettings, ...], list[Fault]]:
    if not directory.is_dir():
        return (), [Fault(str(directory), 0, "campaigns.directory", "no such folder", "make it, or take the setting out")]
    campaigns: dict[str, CampaignSettings] = {}
    faults: list[Fault] = []
    for path in sorted(directory.glob("*.toml")):
        raw, report = _parse(path)
        if not report.faults:
            campaign = _Reader(report, {CampaignSettings: _check_campaign, SeedSettings: _check_seed}).read(CampaignSettings, raw, ())
            if campaign is not _FAULTY and campaigns.setdefault(campaign.id, campaign) is not campaign:
                report.add(("id",), f"another file has the campaign {campaign.id!r} too", "give each campaign an id of its own")
        faults += report.faults
    return tuple(campaigns.values()), faults


def _read_cities(path: Path) -> tuple[dict[str, str], list[Fault]]:
    cities: dict[str, str] = {}
    faults = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return {}, [Fault(str(path), 0, "cities.file", f"cannot be read: {error}", "see its name, its rights and that it is UTF-8")]
    for number, line in enumerate(lines, 1):
        prefix, comma, city = (part.strip() for part in line.partition(","))
        if not line.strip() or line.startswith("#") or (number, prefix, city) == (1, "prefix", "city"):
            continue
        if not comma or not city or re.fullmatch(r"[1-9][0-9]{0,14}", prefix) is None:
            faults.append(Fault(str(path), number, "", f"{line!r} is no prefix with a city", "write 8613812,Nanjing"))
        elif cities.setdefault(prefix, city) != city:
            faults.append(Fault(str(path), number, "", f"prefix {prefix} has the city {cities[prefix]!r} too", "keep one of them"))
    return cities, faults


# --------------------------------------------------------------------------------------------------------- more than their types


def _zone(name: object) -> ZoneInfo | None:
    """The zone of that name, None where there is none."""
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (KeyError, ValueError, OSError):
        return None


_HASH_KEY: Final = (0, 0)
"""Ids in samples are compared by their text, so any key will do."""


def _check_feed(zone: ZoneInfo, feed: Feed, key: KeyPath, report: _Report) -> None:
    name = str(key[-1])
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name) is None:
        report.add(key, f"{name!r} cannot name a feed", "take up to 32 of a-z, 0-9, - and _")
    if not feed.paths:
        report.add((*key, "paths"), "is empty", 'name the files: paths = ["/var/log/…"]')
    if feed.dialect not in DIALECTS:
        report.add((*key, "dialect"), f"no dialect is called {feed.dialect!r}", _meant(feed.dialect, list(DIALECTS)))
        return
    if feed.role is None and feed.dialect not in ROLES:
        report.add((*key, "role"), "is missing", f"say which kind of node wrote this: {', '.join(get_args(Role))}")
    elif role(feed) != "sessions" and feed.covers != Covers():
        report.add((*key, "covers"), "is for sessions", "take it out: this feed sees all of its node")
    elif role(feed) == "sessions" and feed.covers == Covers():
        report.add((*key, "covers"), "is missing", 'say which sessions it sees: covers = { apns = ["…"] } or covers = { all = true }')
    try:
        dialect = DIALECTS[feed.dialect].from_options(feed.options, zone=feed.zone or zone, key=_HASH_KEY)
    except ConfigError as error:
        report.relay(error, key, "see docs/dialects.md")
        return
    for index, sample in enumerate(feed.samples):
        _check_sample(dialect, sample, (*key, "samples", index), report)


def _check_sample(dialect: Dialect, sample: Sample, key: KeyPath, report: _Report) -> None:
    parsed = dialect.scan(sample.line.encode() + b"\n", ordinal=0, offset=0, final=True)
    records = parsed.records
    if parsed.rejects.total or not records.rows:
        why = "; ".join(reject.reason for reject in parsed.rejects.samples) or "it says nothing"
        report.add((*key, "line"), f"is not read: {why}", "see where it stops: mmsd try")
        return
    for name, wanted in sample.expect.items():
        here = (*key, "expect", name)
        if name not in COLUMNS and name not in TEXTS:
            report.add(here, "no such column or text", _meant(name, [*COLUMNS, *TEXTS]))
            continue
        found = _shown(records, name, wanted)
        if found != wanted:
            report.add(here, f"the line reads {found!r}, not {wanted!r}", "mend the options, or what is expected")


def _shown(records: Records, name: str, like: object) -> object:
    """A column of the first row as a person would write it: as `like` does."""
    if name in COLUMNS and isinstance(like, (int, float)):
        return int(records[name][0])
    if name == "kind":
        return Kind(int(records[name][0])).name
    if name == "at":
        return datetime.fromtimestamp(int(records[name][0]) / SECOND, UTC) if isinstance(like, datetime) else int(records[name][0])
    if name in ("sender", "receiver") and not int(records[name][0]) & NOT_A_NUMBER:
        return str(int(records[name][0])) if int(records[name][0]) else ""
    if name in ("imsi", "imei"):
        return str(int(records[name][0]))
    return records.text(name, 0).decode(errors="replace")


def _check_operator(operator: Operator, key: KeyPath, report: _Report) -> None:
    if re.fullmatch(r"[1-9][0-9]{0,2}", operator.country_code) is None:
        report.add((*key, "country_code"), f"{operator.country_code!r} is no country code", 'its digits alone, such as "86"')
    for name in ("mmsc", "known_mmsc"):
        for index, authority in enumerate(getattr(operator, name)):
            if re.fullmatch(r"[^\s/:@]+(:[0-9]{1,5})?", authority) is None:
                report.add((*key, name, index), f"{authority!r} is no host[:port]", "leave out http:// and the path")


def _check_web(web: site.Settings, key: KeyPath, report: _Report) -> None:
    if web.port + web.ports - 1 > 65535:
        report.add((*key, "port"), f"{web.port} with {web.ports} port(s) to try runs past 65535", "take a lower one; 0 is any free one")


def _check_codes(codes: Codes, key: KeyPath, report: _Report) -> None:
    meaning: dict[str, str] = {}
    for name in Codes.__struct_fields__:
        for index, code in enumerate(getattr(codes, name)):
            if re.fullmatch(r"([0-9]+:)?[0-9]+", code) is None:
                report.add((*key, name, index), f"{code!r} is no network error", 'write type:code, such as "3:27", or the code alone')
            elif meaning.setdefault(code, name) != name:
                report.add((*key, name, index), f"{code} means {meaning[code]} already", "a code has one meaning")


def _check_together(settings: Settings, report: _Report) -> None:
    if not settings.feeds:
        report.add(("feeds",), "has no feed", "name one: [feeds.mmsc1] with dialect and paths")
    owners: dict[Path, str] = {}
    for name, feed in settings.feeds.items():
        for index, path in enumerate(feed.paths):
            if owners.setdefault(path, name) != name:
                report.add(("feeds", name, "paths", index), f"the feed {owners[path]!r} reads this too", "a file belongs to one feed")
    roles = {role(feed) for feed in settings.feeds.values() if feed.role or feed.dialect in ROLES}
    if roles and "mmsc" not in roles:
        report.add(("feeds",), "none is an MMSC", "deliveries begin there: add the feed of an MMSC's access log")


def _check_campaign(campaign: CampaignSettings, key: KeyPath, report: _Report) -> None:
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", campaign.id) is None:
        report.add((*key, "id"), f"{campaign.id!r} cannot name a campaign", "take up to 32 of a-z, 0-9, - and _")
    moments = {}
    for name in ("starts", "ends"):
        try:
            moments[name] = datetime.fromisoformat(getattr(campaign, name)).replace(tzinfo=None)
        except ValueError:
            report.add((*key, name), f"{getattr(campaign, name)!r} is no date", "write 2026-11-22 or 2026-11-22T08:00, local time")
    if len(moments) == 2 and moments["starts"] > moments["ends"]:
        report.add((*key, "ends"), "lies before starts", "put them in order")
    if _zone(campaign.zone) is None:
        report.add((*key, "zone"), f"no time zone is called {campaign.zone!r}", "take a name such as Asia/Shanghai or UTC")
    if not campaign.seeds:
        report.add((*key, "seeds"), "is empty", "a campaign follows at least one seed: [[seeds]]")
    if len({seed.id for seed in campaign.seeds}) < len(campaign.seeds):
        report.add((*key, "seeds"), "two seeds have one id", "give each seed an id of its own")
    if campaign.language not in ("zh", "en"):
        report.add((*key, "language"), f"{campaign.language!r} is not one of them", "take zh or en")
    for name in ("sms_zh", "sms_en"):
        _check_template(getattr(campaign, name), (*key, name), report)


def _check_template(text: str, key: KeyPath, report: _Report) -> None:
    known = ["serial", "leg", "city_leg", "total"]
    try:
        used = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        report.add(key, f"is no template: {error}", "double a brace that is meant: {{ }}")
        return
    for name in used:
        if name not in known:
            report.add(key, f"{{{name}}} is no placeholder", _meant(name, known))
    if "serial" not in used:
        report.add(key, "does not tell the serial", "put {serial} where it belongs")


def _check_seed(seed: SeedSettings, key: KeyPath, report: _Report) -> None:
    if not (seed.messages or seed.tags or seed.subjects):
        report.add(key, "nothing tells this seed from other messages", "give messages, tags, or subjects with size_min and size_max")
    if seed.subjects and not 0 < seed.size_min <= seed.size_max:
        report.add((*key, "size_max"), "a subject alone is no proof", "give size_min and size_max in octets, in order")
