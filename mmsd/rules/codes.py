"""Status codes: what a node's own number or word means (`docs/codes.md`).

The tables are data, `mmsd/config/codes/*.toml`, read by `config` and handed in parsed: `CodeBook(tables(parsed), settings.codes)`. A feed
asks its `Scope`, which lays the operator's own meanings over the tables: those for its link, its node, itself, or all. Every code has a
reading; one that no table names is read as its standard says unknown values are to be read, and `known` is False: counted, never fatal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from mmsd.model import CodeSet, Kind, PushState, Records
from mmsd.rules.settings import Codes

Word = Literal["", "retrieved", "expired", "rejected", "unrecognised", "album", "forwarded", "system", "unknown"]
Answer = Literal["", "confirmed", "rejected", "unrecognised", "deferred"]
Get = Literal["", "ok", "short", "denied", "denied-407", "gone", "5xx"]
Post = Literal["", "ok", "wrong path", "denied", "5xx", "other"]
Push = Literal["", "delivered", "failed", "unknown"]
Reason = Literal["", "refused", "rejected", "barred", "full", "absent"]

REASONS: Final[tuple[Reason, ...]] = ("", "refused", "rejected", "barred", "full", "absent")
"""Why a push failed; the place is the number that `reasons` gives."""

PREFIX: Final = "*"


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One code. Of the signs of `docs/causes.md` it gives those that it can say alone, each "" where it says nothing."""

    name: str
    cause: str = ""  # one of causes.CAUSES; "" = it points nowhere
    suspects: tuple[str, ...] = ()
    final: Word = ""  # the MMSC's final word
    answer: Answer = ""  # the handset's
    get: Get = ""  # a fetch at the gateway, from our MMSC's address
    post: Post = ""  # a submit or confirmation at the gateway, to our MMSC's address
    push: Push = ""
    reason: Reason = ""  # why a push failed
    rule: str = ""  # row of the table it points to; "" = the set's row for its cause, if there is one
    expected: str = ""  # … when the access point asked for was the right one
    action: Literal["", "retry", "split", "ignore"] = ""
    confidence: Literal["S", "F", "A"] = "S"  # a standard, a field document, an assumption
    source: str = ""
    note: str = ""
    also: tuple[str, ...] = ()  # other spellings of the name


NOTHING: Final = Code("")
"""What a code says that no table has, in a set that does not tell how to read unknown ones."""


class Reading(NamedTuple):
    """A code as one set reads it."""

    table: str  # name of the set; "" = there is none for this kind of code
    key: str  # as the set spells it: "226", "3:27", "MK:0005"
    code: Code
    known: bool  # by this very code or name, not by a prefix or a rule for unknown ones
    read_as: str = ""  # the row that was taken for an unknown one
    local: str = ""  # [codes.NAME] that gave it this meaning

    @property
    def named(self) -> bool:
        return bool(self.code.name)


class CodeTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One set of codes: `codes` by the code's text; a text that ends in "*" is a prefix."""

    title: str
    source: str
    codes: dict[str, Code]
    name: str = ""
    code_set: str = ""  # name in model.CodeSet; "" = stands in no column
    kinds: tuple[str, ...] = ()  # names in model.Kind, where several sets share a code_set; () = the rest
    base: Literal[10, 16] = 10  # how people write it
    reads: tuple[tuple[int, int, int], ...] = ()  # unknown ones in [first, last] read as the third
    otherwise: int | None = None  # and those beyond
    rules: dict[str, str] = {}  # cause → row of the table of causes

    def find(self, key: str) -> Reading:
        """The row for a code's text, or for the name that the standard gives it (in any case)."""
        exact = self.codes.get(key)
        if exact is not None:
            return Reading(self.name, key, self._ruled(exact), known=True)
        for other, code in self.codes.items():
            if key.lower() in (word.lower() for word in (code.name, *code.also)):
                return Reading(self.name, other, self._ruled(code), known=True)
        read_as = self._read_as(key)
        code = self.codes[read_as] if read_as else NOTHING
        return Reading(self.name, key, self._ruled(code), known=False, read_as=read_as)

    def _read_as(self, key: str) -> str:
        prefixes = (row for row in self.codes if row.endswith(PREFIX) and key.startswith(row[:-1]))
        longest = max(prefixes, key=len, default="")
        if longest or not key.isdigit():
            return longest
        number = int(key)
        meant = next((instead for first, last, instead in self.reads if first <= number <= last), self.otherwise)
        return "" if meant is None else str(meant)

    def _ruled(self, code: Code) -> Code:
        return code if code.rule else msgspec.structs.replace(code, rule=self.rules.get(code.cause, ""))

    def takes(self, key: str) -> bool:
        """Whether a code, or a prefix that ends in "*", could stand in this set: a number in one of numbers, a word in one of words."""
        plain = re.compile(r"[0-9]+\*?|\*") if all(row.rstrip(PREFIX).isdigit() for row in self.codes) else re.compile(r"[\w:.-]+\*?")
        return plain.fullmatch(key) is not None

    def means(self, code: Code, cause: str) -> Code:
        """A row whose cause an operator knows better: what else it said of the cause goes with the old one."""
        return msgspec.structs.replace(
            code, cause=cause, suspects=(), rule=self.rules.get(cause, ""), expected="", confidence="F", source="configuration"
        )


def tables(parsed: Mapping[str, Mapping[str, Any]]) -> Iterator[CodeTable]:
    """Sets from the parsed files, {name: {title, source, codes, …}}. Keys of a set that a row has too are its rows' defaults.

    Raises msgspec.ValidationError that names what does not fit.

    >>> (table,) = tables({"x": {"title": "X", "source": "S", "cause": "OK", "codes": {"1": {"name": "one"}}}})
    >>> table.find("1").code.cause, table.find("2").known
    ('OK', False)
    """
    shared = set(Code.__struct_fields__) - {"name"}
    for name, table in parsed.items():
        defaults = {key: value for key, value in table.items() if key in shared}
        rest = {key: value for key, value in table.items() if key not in shared or key == "source"}
        codes = {key: {**defaults, **row} for key, row in table.get("codes", {}).items()}
        yield msgspec.convert({**rest, "name": name, "codes": codes}, CodeTable)


def spelled(code_set: int, code: int) -> str:
    """A code as its set writes it: network errors as type:code.

    >>> spelled(CodeSet.NETWORK, 3 << 16 | 27), spelled(CodeSet.NETWORK, 27), spelled(CodeSet.MM7, 2004)
    ('3:27', '27', '2004')
    """
    if code_set == CodeSet.NETWORK and code >> 16:
        return f"{code >> 16}:{code & 0xFFFF}"
    return str(code)


class CodeBook:
    """All sets, and the operator's own meanings. Frozen once made; `at` remembers the scopes it has made."""

    def __init__(self, sets: Iterable[CodeTable], local: Mapping[str, Codes] | None = None) -> None:
        self.tables: dict[str, CodeTable] = {table.name: table for table in sets}
        self.local: dict[str, Codes] = dict(local or {})
        self._scopes: dict[tuple[str, str, str], Scope] = {}
        self._by_set: dict[str, list[CodeTable]] = {}
        for table in self.tables.values():
            if table.code_set:
                self._by_set.setdefault(table.code_set, []).append(table)

    def table(self, code_set: int, kind: int = Kind.NONE) -> CodeTable | None:
        """The set a column's code is from; of several that share the number the one for records of this kind."""
        found = self._by_set.get(CodeSet(code_set).name, []) if code_set in _CODE_SETS else []
        name = Kind(kind).name
        return next((t for t in found if name in t.kinds), None) or next((t for t in found if not t.kinds), None)

    def at(self, feed: str = "", node: str = "", link: str = "") -> Scope:
        """How codes read in one feed's lines, and on one of its SMSC links. Narrower meanings come before wider ones."""
        key = (feed, node, link)
        if key not in self._scopes:
            mine = [
                (name, codes) for name, codes in self.local.items()
                if all(not wanted or given in wanted for wanted, given in ((codes.feeds, feed), (codes.nodes, node), (codes.links, link)))
            ]  # fmt: skip
            mine.sort(key=lambda entry: (not entry[1].links, not entry[1].feeds, not entry[1].nodes))
            self._scopes[key] = Scope(self, mine)
        return self._scopes[key]

    @property
    def by_link(self) -> bool:
        """Whether any meaning depends on the SMSC link."""
        return any(codes.links for codes in self.local.values())

    def lookup(self, text: str, only: str = "") -> list[Reading]:
        """What every set says of a code as a person writes it: 4441, 0xC1, 3:27, MK:0005, Error-network-problem.

        `only`: a set's name, or the beginning of several's. Sets that do not know it are asked to read it only when they are named.
        """
        key = str(int(text, 16)) if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", text) else text
        chosen = [name for name in self.tables if name == only] or [name for name in self.tables if name.startswith(only)]
        scope = self.at()
        readings = [scope.find(name, key) for name in chosen]
        return [reading for reading in readings if reading.known or reading.local or (only and reading.named) or _prefixed(reading)]


def _prefixed(reading: Reading) -> bool:
    """Whether a prefix of more than one letter told it: a single digit says only the class."""
    return len(reading.read_as) > 2 and reading.read_as.endswith(PREFIX)


_CODE_SETS: Final = frozenset(CodeSet)


class Scope:
    """How codes read in one place. Readings are remembered."""

    def __init__(self, book: CodeBook, local: Iterable[tuple[str, Codes]]) -> None:
        self._book = book
        self._meanings: dict[tuple[str, str], tuple[str, str]] = {}  # (set, code) → (cause, [codes.NAME])
        self._reasons: dict[str, tuple[Reason, str]] = {}  # network error or stat → (reason, [codes.NAME])
        for name, codes in local:
            for table, meanings in codes.map.items():
                for key, cause in meanings.items():
                    self._meanings.setdefault((table, key), (cause, name))
            listed: tuple[tuple[Reason, tuple[str, ...]], ...] = (("barred", codes.barred), ("full", codes.full), ("absent", codes.absent))
            for reason, keys in listed:
                for key in keys:
                    self._reasons.setdefault(key, (reason, name))
        self._read: dict[tuple[int, int, int], Reading] = {}
        self._found: dict[tuple[str, str], Reading] = {}
        self._why: dict[tuple[int, int, bytes], Reason] = {}

    def read(self, code_set: int, code: int, kind: int = Kind.NONE) -> Reading:
        """A column's code. `kind` of the record tells sets apart that share one `code_set`."""
        key = (code_set, code, kind)
        reading = self._read.get(key)
        if reading is None:
            table = self._book.table(code_set, kind)
            text = spelled(code_set, code)
            reading = Reading("", text, NOTHING, known=False) if table is None else self.find(table.name, text)
            self._read[key] = reading
        return reading

    def find(self, table: str, key: str) -> Reading:
        """A code by its text in the set of that name. KeyError: there is no such set."""
        reading = self._found.get((table, key))
        if reading is None:
            reading = self._found[table, key] = self._look(table, key)
        return reading

    def _look(self, table: str, key: str) -> Reading:
        rows = self._book.tables[table]
        reading = rows.find(key)
        cause, name = self._meaning(table, reading.key)
        if name:
            row = reading.code if reading.named else Code(name=f"{key}, by [codes.{name}]")
            return reading._replace(code=rows.means(row, cause), known=True, read_as="", local=name)
        reason, name = self._reason(reading.key) if table in _REPORTS else ("", "")
        if name:
            row = reading.code if reading.named else Code(name=f"{key}, by [codes.{name}]", push="failed")
            code = msgspec.structs.replace(rows.means(row, _CAUSES[reason]), reason=reason)
            return reading._replace(code=code, known=True, read_as="", local=name)
        return reading

    def _meaning(self, table: str, key: str) -> tuple[str, str]:
        found = self._meanings.get((table, key))
        if found is None:  # an operator may name a whole class: "44*"
            prefixes = [row for name, row in self._meanings if name == table and row.endswith(PREFIX) and key.startswith(row[:-1])]
            found = self._meanings[table, max(prefixes, key=len)] if prefixes else ("", "")
        return found

    def _reason(self, key: str) -> tuple[Reason, str]:
        alone = key.rpartition(":")[2] if key.partition(":")[0].isdigit() else key  # a network error may be named without its type
        return self._reasons.get(key) or self._reasons.get(alone) or ("", "")

    def reason(self, state: int, error: int, stat: bytes = b"") -> Reason:
        """Why a push failed: by what the SMSC made of it, then by its network error, then by its own word; "absent" when nothing says more.

        `error` is type << 16 | code, −1 for none; `stat` the word as the report had it.
        """
        key = (state, error, stat)
        why = self._why.get(key)
        if why is None:
            why = self._why[key] = self._reason_of(state, error, stat.decode("latin-1"))
        return why

    def _reason_of(self, state: int, error: int, stat: str) -> Reason:
        if state in (PushState.REFUSED, PushState.DISCARDED):
            return "refused"
        if state == PushState.REJECTED:
            return "rejected"
        if state in (PushState.UNDELIVERABLE, PushState.DELETED):
            found = [self.find("sms-network", spelled(CodeSet.NETWORK, error))] if error >= 0 else []
            found += [self.find("sms-stat", stat)] if stat else []
            for reading in sorted(found, key=lambda reading: not reading.local):
                if reading.code.reason and (reading.known or _prefixed(reading)):
                    return reading.code.reason
        return "absent"


_REPORTS: Final = frozenset({"sms-network", "sms-stat"})
_CAUSES: Final[Mapping[str, str]] = {"barred": "NOT_PROVISIONED", "full": "HANDSET_FULL", "absent": "NO_PUSH"}

BAD_REPORTS: Final = (
    PushState.EXPIRED, PushState.UNDELIVERABLE, PushState.REJECTED, PushState.DELETED, PushState.REFUSED, PushState.DISCARDED,
)  # fmt: skip


def reasons(book: CodeBook, feed: str, node: str, records: Records, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """Place in REASONS for each of these rows of a feed's records; 0 where the row is no bad word on a push."""
    found = np.zeros(len(rows), np.uint8)
    state = records["push_state"][rows]
    bad = np.flatnonzero(np.isin(state, BAD_REPORTS))
    if not len(bad):
        return found
    chosen = rows[bad]
    links = words_of(records, "smsc", chosen) if book.by_link else [b""] * len(bad)
    keys = list(zip(links, state[bad].tolist(), records["push_error"][chosen].tolist(), words_of(records, "status", chosen), strict=True))
    places = {key: REASONS.index(book.at(feed, node, key[0].decode("latin-1")).reason(*key[1:])) for key in set(keys)}
    found[bad] = [places[key] for key in keys]
    return found


def words_of(records: Records, name: str, rows: npt.NDArray[np.intp]) -> list[bytes]:
    """The texts of a column in these rows; empty ones where the dialect has none."""
    column = records.texts.get(name)
    if column is None:
        return [b""] * len(rows)
    data = column.data if isinstance(column.data, bytes) else bytes(column.data)
    return [data[start:stop] for start, stop in zip(column.start[rows].tolist(), column.stop[rows].tolist(), strict=True)]
