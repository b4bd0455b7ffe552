"""WBXML (WAP-192-WBXML-20010725), both ways: versions 1.0 to 1.3, of the languages mmsd has tables for; of others, tokens by number.

Tolerant in: what breaks a rule is named in `faults`, and what was read before it is kept. Written again, a document has the octets it
was read from when it was written as Kannel or libwbxml do: shortest tokens, lowest code page first, its own string table.
"""

from __future__ import annotations

import codecs
import enum
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

from mmsd.codec import text, tree
from mmsd.codec.shown import Line, Shown, warnings
from mmsd.codec.tables import charsets, ota, provisioning, si
from mmsd.codec.tables import wbxml as table
from mmsd.codec.tables.wbxml import Language
from mmsd.codec.tree import Attribute, Element, Extension, Instruction, Piece
from mmsd.errors import DecodeError, EncodeError

LANGUAGES: Final = (provisioning.LANGUAGE, si.SI, si.SL, ota.LANGUAGE)

_BY_NUMBER: Final = {language.public_id: language for language in LANGUAGES}
_BY_NAME: Final = {table.PUBLIC_IDS[number]: language for number, language in _BY_NUMBER.items() if number != table.UNKNOWN}

_EVENTS: Final = 20_000  # a document of settings has some hundred
_TEXT: Final = 1 << 20  # characters: a string table may be referred to again and again
_FAULTS: Final = 100
_GUESSED: Final = 1024  # octets: a longer text in a wrong character set is not worth the guess
_MARKS: Final = (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)
_SHARED: Final = 4  # characters: a shorter text costs less written out than referred to


@dataclass(frozen=True, slots=True)
class Document:
    """A document and how it is written. `public_id` is a number, or text that stands in the string table.

    `strings`: the string table; where they occur in the document, they are referred to. `head`, `tail`: instructions round the root.
    """

    root: Element
    language: Language | None = None  # None: no table; names are "#page-token"
    version: int = 3  # minor: WBXML 1.3
    public_id: int | str = table.UNKNOWN
    charset: int = charsets.UTF_8
    strings: tuple[str, ...] = ()
    head: tuple[Instruction, ...] = ()
    tail: tuple[Instruction, ...] = ()
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)

    def xml(self) -> str:
        """Its text form."""
        name = self.public_id if isinstance(self.public_id, str) else table.PUBLIC_IDS.get(self.public_id)
        system = self.language.system if self.language else ""
        return tree.to_xml(self.root, f'PUBLIC "{name}" "{system}"' if name else "")


# --------------------------------------------------------------------------------------------------------------------- reading


class _Kind(enum.Enum):
    OPEN = "element"
    CLOSE = "end"
    ATTRIBUTE = "attribute"
    LISTED = "end of attributes"
    INSTRUCTION = "instruction"
    TEXT = "text"
    OPAQUE = "opaque"
    EXTENSION = "extension"
    PAGE = "code page"


class _Event(NamedTuple):
    """One token, with what follows it."""

    kind: _Kind
    at: int
    stop: int
    name: str = ""
    value: Piece = ""


_Node = TypeVar("_Node")

_PIECES: Final = frozenset({_Kind.TEXT, _Kind.OPAQUE, _Kind.EXTENSION})


class _Reader:
    """The header of a document, then its tokens one by one. DecodeError where it cannot go on."""

    def __init__(self, data: bytes, language: Language | None) -> None:
        self.data, self.at, self.faults = data, 0, list[DecodeError]()
        self.room = _TEXT
        self.charset, self.table = 0, b""
        self.version = self.octet()
        if self.version not in table.VERSIONS:
            raise DecodeError(f"no version of WBXML: {self.version:02X}", offset=0, clause="WAP-192 5.4")
        number = self.integer()
        name_at, name_index = self.at, -1
        if number == table.IN_STRING_TABLE:
            name_index = self.integer()
        self.charset = charsets.UTF_8 if self.version == table.WITHOUT_CHARSET else self.integer()
        length = self.integer()
        if self.at + length > len(data):
            raise DecodeError("string table runs past the end", offset=self.at, clause="WAP-192 5.7")
        self.table_at = self.at
        self.table = data[self.at : self.at + length]
        self.at = self.body_at = self.at + length
        self.public_id: int | str = number if name_index < 0 else self.shared(name_index, name_at)
        known = _BY_NAME.get(self.public_id) if isinstance(self.public_id, str) else _BY_NUMBER.get(self.public_id)
        self.language = language or known

    def octet(self) -> int:
        if self.at >= len(self.data):
            raise DecodeError("document is cut short", offset=len(self.data), clause="WAP-192 5.3")
        self.at += 1
        return self.data[self.at - 1]

    def integer(self) -> int:
        """A mb_u_int32 (5.1)."""
        start, value = self.at, 0
        for _ in range(5):
            octet = self.octet()
            value = value << 7 | octet & 0x7F
            if octet < 0x80:
                return value
        raise DecodeError("integer does not end", offset=start, clause="WAP-192 5.1")

    def fault(self, reason: str, at: int, clause: str) -> None:
        if len(self.faults) < _FAULTS:
            self.faults.append(DecodeError(reason, offset=at, clause=clause))

    def string(self, raw: bytes, at: int) -> str:
        """Text in the document's character set; what does not fit it is guessed."""
        codec = charsets.CODECS.get(self.charset, "utf-8")
        if codec == "utf-16" and not raw.startswith(_MARKS):
            codec = "utf-16-be"
        try:
            value = raw.decode(codec)
            value.encode()  # UTF-7 lets half a surrogate pair through
        except UnicodeError:
            self.fault("text does not fit the character set", at, "WAP-192 5.6")
            guessed = len(raw) <= _GUESSED and len(self.faults) < _FAULTS
            value = text.decode(raw, self.charset) if guessed else raw.decode("utf-8", "replace")
        self.room -= len(value)
        if self.room < 0:
            raise DecodeError("too much text", offset=at, clause="WAP-192 5.8")
        return value

    def end_of(self, data: bytes, at: int) -> int:
        """Where a terminated string ends; −1: nowhere."""
        if self.charset not in charsets.WIDE:
            return data.find(0, at)
        stop = data.find(b"\0\0", at)
        while stop >= 0 and (stop - at) % 2:
            stop = data.find(b"\0\0", stop + 1)
        return stop

    def inline(self) -> str:
        start = self.at
        stop = self.end_of(self.data, start)
        if stop < 0:
            self.at = len(self.data)
            raise DecodeError("string does not end", offset=start, clause="WAP-192 5.8.4.1")
        self.at = stop + (2 if self.charset in charsets.WIDE else 1)
        return self.string(self.data[start:stop], start)

    def shared(self, index: int, at: int) -> str:
        """A string of the string table, from `index` on."""
        if index >= len(self.table):
            raise DecodeError("reference past the string table", offset=at, clause="WAP-192 5.8.4.1")
        stop = self.end_of(self.table, index)
        if stop < 0:
            self.fault("last string of the table does not end", self.table_at + index, "WAP-192 5.7")
            stop = len(self.table)
        if stop - index > self.room * 4:
            raise DecodeError("too much text", offset=at, clause="WAP-192 5.8")
        return self.string(self.table[index:stop], at)

    def strings(self) -> tuple[str, ...]:
        """The string table, whole."""
        self.room = _TEXT
        found, at, width = list[str](), 0, 2 if self.charset in charsets.WIDE else 1
        while at < len(self.table) and len(found) < _EVENTS:
            stop = self.end_of(self.table, at)
            stop = len(self.table) if stop < 0 else stop
            found.append(self.string(self.table[at:stop], self.table_at + at))
            at = stop + width
        return tuple(found)

    def events(self) -> Iterator[_Event]:
        """The body's tokens (5.8), at most 20,000."""
        for count, event in enumerate(self._body()):
            if count == _EVENTS:
                raise DecodeError("too many tokens", offset=event.at, clause="WAP-192 5.8")
            yield event

    def _body(self) -> Iterator[_Event]:
        depth, page, rooted = 0, 0, False
        tags = self.language.tags if self.language else {}
        while self.at < len(self.data) or depth:
            start = self.at
            token = self.octet()
            if token == table.SWITCH_PAGE:
                page = self.octet()
                yield _Event(_Kind.PAGE, start, self.at, str(page))
            elif token == table.PI:
                yield _Event(_Kind.INSTRUCTION, start, self.at)
                yield from self._attributes()
            elif token == table.END and depth:
                depth -= 1
                yield _Event(_Kind.CLOSE, start, self.at)
            elif (piece := self._piece(token, start)) is not None:
                if not depth:
                    raise DecodeError("text outside the root", offset=start, clause="WAP-192 5.3")
                yield piece
            elif rooted and not depth:
                raise DecodeError("octets behind the root", offset=start, clause="WAP-192 5.3")
            else:
                rooted = True
                if token & table.TAG == table.LITERAL:
                    name = self.shared(self.integer(), start)
                elif token & table.TAG < 5:
                    raise DecodeError(f"no tag: {token:02X}", offset=start, clause="WAP-192 7.1")
                else:
                    name = tags.get(page, {}).get(token & table.TAG) or self._unnamed(page, token & table.TAG, start)
                yield _Event(_Kind.OPEN, start, self.at, name)
                if token & table.HAS_ATTRIBUTES:
                    yield from self._attributes()
                if token & table.HAS_CONTENT:
                    depth += 1
                    if depth > tree.DEPTH:
                        raise DecodeError("elements nest too deep", offset=start, clause="WAP-192 5.8")
                else:
                    yield _Event(_Kind.CLOSE, self.at, self.at)

    _page = 0  # of attributes: it lasts from element to element (5.8.1)

    def _attributes(self) -> Iterator[_Event]:
        """Attributes up to their END; a target and its value look the same in an instruction."""
        attributes = self.language.attributes if self.language else {}
        values = self.language.values if self.language else {}
        named = False
        while True:
            start = self.at
            token = self.octet()
            if token == table.END:
                yield _Event(_Kind.LISTED, start, self.at)
                return
            if token == table.SWITCH_PAGE:
                self._page = self.octet()
                yield _Event(_Kind.PAGE, start, self.at, str(self._page))
            elif (piece := self._piece(token, start)) is not None:
                if not named:
                    raise DecodeError("a value without attribute", offset=start, clause="WAP-192 5.8.3")
                yield piece
            elif token == table.LITERAL:
                named = True
                yield _Event(_Kind.ATTRIBUTE, start, self.at, self.shared(self.integer(), start))
            elif token < 5 or token == table.PI or token & table.TAG == table.LITERAL:
                raise DecodeError(f"no attribute: {token:02X}", offset=start, clause="WAP-192 7.1")
            elif token >= table.VALUE:
                if not named:
                    raise DecodeError("a value without attribute", offset=start, clause="WAP-192 5.8.3")
                value = values.get(self._page, {}).get(token)
                if value is None:
                    self._unnamed(self._page, token, start)
                    yield _Event(_Kind.EXTENSION, start, self.at, value=Extension(token, page=self._page))
                else:
                    yield _Event(_Kind.TEXT, start, self.at, value=value)
            else:
                named = True
                name, prefix = attributes.get(self._page, {}).get(token) or (self._unnamed(self._page, token, start), "")
                yield _Event(_Kind.ATTRIBUTE, start, self.at, name, prefix)

    def _piece(self, token: int, start: int) -> _Event | None:
        """A string, entity, opaque or extension; None for another token."""
        kind = _Kind.TEXT
        value: Piece
        if token == table.STR_I:
            value = self.inline()
        elif token == table.STR_T:
            value = self.shared(self.integer(), start)
        elif token == table.ENTITY:
            code = self.integer()
            if code > 0x10FFFF or 0xD800 <= code < 0xE000 or not code:
                raise DecodeError(f"no character: {code:X}", offset=start, clause="WAP-192 5.8.4.3")
            value = chr(code)
        elif token == table.OPAQUE:
            length = self.integer()
            if self.at + length > len(self.data):
                raise DecodeError("opaque data run past the end", offset=start, clause="WAP-192 5.8.4.6")
            kind, value = _Kind.OPAQUE, self.data[self.at : self.at + length]
            self.at += length
        elif token in table.EXT_I:
            kind, value = _Kind.EXTENSION, Extension(token, self.inline())
        elif token in table.EXT_T:
            kind, value = _Kind.EXTENSION, Extension(token, self.integer())
        elif token in table.EXT:
            kind, value = _Kind.EXTENSION, Extension(token)
        else:
            return None
        return _Event(kind, start, self.at, value=value)

    def _unnamed(self, page: int, token: int, at: int) -> str:
        if self.language is not None:
            self.fault(f"token {token:02X} of page {page} is not assigned", at, "WAP-192 5.8.2")
        return f"#{page}-{token:02X}"


def decode(data: bytes, language: Language | None = None) -> Document:
    """The document in `data`; its language by its public id, or the one given.

    What breaks a rule further in ends the reading there: open elements are closed, and `faults` says where and why. Raises DecodeError
    for a broken header, or when there is no root.

    >>> decode(bytes.fromhex("02066a00850903612f0001")).root
    Element(name='sl', attributes=(Attribute(name='href', pieces=('http://a/',), at=5),), children=(), at=4)
    """
    reader = _Reader(data, language)
    builder = _Builder(reader)
    try:
        for event in reader.events():
            builder.take(event)
    except DecodeError as fault:
        if builder.root is None and not builder.open:
            raise
        reader.fault(fault.reason, fault.offset, fault.clause)
    builder.close_all()
    if builder.root is None:
        raise DecodeError("no root element", offset=reader.body_at, clause="WAP-192 5.3")
    strings = reader.strings()
    return Document(
        builder.root, reader.language, reader.version, reader.public_id, reader.charset, strings,
        tuple(builder.head), tuple(builder.tail), tuple(reader.faults),
    )  # fmt: skip


class _Frame(NamedTuple):
    """An element whose end has not come."""

    at: int
    name: str
    attributes: list[Attribute]
    children: list[Element | Instruction | Piece]


class _Builder:
    """Tokens put together."""

    def __init__(self, reader: _Reader) -> None:
        self.reader = reader
        self.moments: frozenset[str] = reader.language.moments if reader.language else frozenset()
        self.open: list[_Frame] = []
        self.root: Element | None = None
        self.head, self.tail = list[Instruction](), list[Instruction]()
        self.instructing = False
        self.attribute: tuple[int, str, list[Piece]] | None = None

    def take(self, event: _Event) -> None:
        kind = event.kind
        if kind in _PIECES:
            if self.attribute is not None:
                self.attribute[2].append(event.value)
            else:
                self.open[-1].children.append(event.value)
        elif kind is _Kind.ATTRIBUTE:
            self.finish_attribute()
            self.attribute = (event.at, event.name, [event.value] if event.value else [])
        elif kind is _Kind.OPEN:
            self.open.append(_Frame(event.at, event.name, [], []))
        elif kind is _Kind.CLOSE:
            self.close()
        elif kind is _Kind.INSTRUCTION:
            self.instructing = True
        elif kind is _Kind.LISTED:
            self.finish_attribute()
            self.instructing = False

    def finish_attribute(self) -> None:
        if self.attribute is None:
            return
        at, name, pieces = self.attribute
        self.attribute = None
        merged = _merged(pieces)
        if self.instructing:
            instruction = Instruction(name, merged)
            if self.open:
                self.open[-1].children.append(instruction)
            else:
                (self.head if self.root is None else self.tail).append(instruction)
            return
        if name in self.moments and len(merged) == 1 and isinstance(merged[0], bytes):
            moment = decode_moment(merged[0])
            if moment:
                merged = (moment,)
            else:
                self.reader.fault("no time of day", at, "WAP-167 8.2.2")
        self.open[-1].attributes.append(Attribute(name, merged, at))

    def close(self) -> None:
        at, name, attributes, children = self.open.pop()
        node = Element(name, tuple(attributes), _merged(children), at)
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node

    def close_all(self) -> None:
        self.finish_attribute()
        while self.open:
            self.close()


def _merged(nodes: Sequence[_Node]) -> tuple[_Node, ...]:
    """Neighbouring texts as one; an empty one stays only where it is all there is."""
    if len(nodes) < 2:
        return tuple(nodes)
    merged: list[Any] = []
    for is_text, group in itertools.groupby(nodes, lambda node: isinstance(node, str)):
        run: list[Any] = list(group)
        merged += ["".join(run)] if is_text else run
    return tuple(node for node in merged if node != "") or tuple(merged)


def decode_moment(octets: bytes) -> str:
    """A %Datetime (WAP-167 8.2.2): semi-octets of YYYYMMDDhhmmss, zeros at its end left out. "" for what is none.

    >>> decode_moment(bytes.fromhex("19990630"))
    '1999-06-30T00:00:00Z'
    """
    digits = octets.hex().ljust(14, "0")
    if len(digits) != 14 or not digits.isdecimal():
        return ""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}Z"


_MOMENT: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z", re.ASCII)


def encode_moment(moment: str) -> bytes:
    """The octets of a time like "1999-06-25T15:23:15Z"; none for another text.

    >>> encode_moment("1999-06-30T00:00:00Z").hex()
    '19990630'
    """
    found = _MOMENT.fullmatch(moment)
    return bytes.fromhex("".join(found.groups())).rstrip(b"\0") if found else b""


# --------------------------------------------------------------------------------------------------------------------- writing


def encode(document: Document) -> bytes:
    """The octets of a document. EncodeError for what has no place in them: a NUL, a character set nobody reads.

    >>> encode(Document(tree.element("sl", {"href": "http://www.xyz.com/a"}), si.SL, 2, 6)).hex()
    '02066a00850a0378797a008503610001'
    """
    return _Writer(document).whole()


_UNNAMED: Final = re.compile(r"#(\d+)-([0-9A-F]{2})")


class _Writer:
    """The body first, since it adds to the string table; then what stands in front of it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.codec = charsets.CODECS.get(document.charset, "")
        if not self.codec or document.version not in table.VERSIONS:
            raise EncodeError(f"no document of version {document.version} in character set {document.charset}")
        if document.version == table.WITHOUT_CHARSET and document.charset != charsets.UTF_8:
            raise EncodeError("WBXML 1.0 does not say its character set")
        self.out = bytearray()
        self.table = bytearray()
        self.places: dict[str, int] = {}
        for string in document.strings:
            self.place(string)
        self.tag_page = self.attribute_page = 0
        language = document.language
        self.tags: dict[str, tuple[int, int]] = {}
        self.starts: dict[str, list[tuple[str, int, int]]] = {}
        self.values: dict[str, tuple[int, int]] = {}
        if language is not None:
            for page in sorted(language.tags):
                for code, name in language.tags[page].items():
                    self.tags.setdefault(name, (page, code))
            for page in sorted(language.attributes):
                for code, (name, prefix) in language.attributes[page].items():
                    self.starts.setdefault(name, []).append((prefix, page, code))
            for page in sorted(language.values):
                for code, value in language.values[page].items():
                    self.values.setdefault(value, (page, code))
        self.fragments = language is not None and language.fragments
        shared = [string for string in self.places if len(string) >= _SHARED]
        self.in_content = _any_of(shared)
        self.in_value = _any_of([*shared, *self.values] if self.fragments else shared)

    def whole(self) -> bytes:
        document = self.document
        public_id = document.public_id
        name_at = self.place(public_id) if isinstance(public_id, str) else 0
        for instruction in document.head:
            self.instruction(instruction)
        self.element(document.root)
        for instruction in document.tail:
            self.instruction(instruction)
        head = bytes((document.version,))
        head += bytes((table.IN_STRING_TABLE,)) + encode_integer(name_at) if isinstance(public_id, str) else encode_integer(public_id)
        if document.version != table.WITHOUT_CHARSET:
            head += encode_integer(document.charset)
        return head + encode_integer(len(self.table)) + self.table + self.out

    def place(self, string: str) -> int:
        """Of a string in the string table; it is put there."""
        if string not in self.places:
            self.places[string] = len(self.table)
            self.table += self.terminated(string)
        return self.places[string]

    def terminated(self, string: str) -> bytes:
        if "\0" in string:
            raise EncodeError("a string holds no NUL")
        if self.codec == "utf-16":
            return string.encode("utf-16-be") + b"\0\0"
        try:
            return string.encode(self.codec) + (b"\0\0" if self.document.charset in charsets.WIDE else b"\0")
        except UnicodeError as error:
            raise EncodeError(f"character set {self.document.charset} lacks a character of the text") from error

    def element(self, node: Element) -> None:
        flags = (table.HAS_ATTRIBUTES if node.attributes else 0) | (table.HAS_CONTENT if node.children else 0)
        unnamed = _UNNAMED.fullmatch(node.name)
        page, code = self.tags.get(node.name) or ((int(unnamed[1]), int(unnamed[2], 16)) if unnamed else (-1, table.LITERAL))
        if page >= 0 and page != self.tag_page:
            self.out += bytes((table.SWITCH_PAGE, page))
            self.tag_page = page
        self.out.append(code | flags)
        if page < 0:
            self.out += encode_integer(self.place(node.name))
        if node.attributes:
            for attribute in node.attributes:
                self.attribute(attribute.name, attribute.pieces)
            self.out.append(table.END)
        if node.children:
            for child in node.children:
                match child:
                    case Element():
                        self.element(child)
                    case Instruction():
                        self.instruction(child)
                    case str():
                        self.text(child, self.in_content)
                    case _:
                        self.binary(child)
            self.out.append(table.END)

    def instruction(self, instruction: Instruction) -> None:
        self.out.append(table.PI)
        self.attribute(instruction.target, instruction.pieces)
        self.out.append(table.END)

    def attribute(self, name: str, pieces: tuple[Piece, ...]) -> None:
        """The start token that takes most of the value with it, then the rest."""
        first = pieces[0] if pieces and isinstance(pieces[0], str) else ""
        best = ("", -1, -1)
        for prefix, page, code in self.starts.get(name, ()):
            fits = first.startswith(prefix) if self.fragments or not prefix else first == prefix
            if fits and (best[2] < 0 or len(prefix) > len(best[0])):
                best = (prefix, page, code)
        prefix, page, code = best
        if code < 0 and (unnamed := _UNNAMED.fullmatch(name)):
            page, code = int(unnamed[1]), int(unnamed[2], 16)
        if code < 0:
            self.out.append(table.LITERAL)
            self.out += encode_integer(self.place(name))
        else:
            self.switch(page)
            self.out.append(code)
        moments = self.document.language.moments if self.document.language else frozenset()
        if name in moments and len(pieces) == 1 and (octets := encode_moment(first)):
            self.binary(octets)
            return
        if prefix:
            rest = first[len(prefix) :]
            pieces = ((rest,) if rest else ()) + pieces[1:]
        if not self.fragments and pieces == (first,) and first in self.values:
            page, code = self.values[first]
            self.switch(page)
            self.out.append(code)
            return
        for piece in pieces:
            if isinstance(piece, str):
                self.text(piece, self.in_value)
            else:
                self.binary(piece)

    def switch(self, page: int) -> None:
        if page != self.attribute_page:
            self.out += bytes((table.SWITCH_PAGE, page))
            self.attribute_page = page

    def text(self, string: str, known: re.Pattern[str]) -> None:
        """A text, by references and value tokens where it has `known` pieces."""
        at = 0
        for found in known.finditer(string):
            self.literal(string[at : found.start()])
            at = found.end()
            if found[0] in self.places:
                self.out.append(table.STR_T)
                self.out += encode_integer(self.places[found[0]])
            else:
                page, code = self.values[found[0]]
                self.switch(page)
                self.out.append(code)
        self.literal(string[at:], empty=not string)

    def literal(self, string: str, *, empty: bool = False) -> None:
        """An inline string; a character that the set lacks is an entity."""
        for fits, group in itertools.groupby(string, self.fits):
            run = "".join(group)
            if fits:
                self.out.append(table.STR_I)
                self.out += self.terminated(run)
            else:
                for char in run:
                    self.out.append(table.ENTITY)
                    self.out += encode_integer(ord(char))
        if empty:
            self.out.append(table.STR_I)
            self.out += self.terminated("")

    def fits(self, char: str) -> bool:
        try:
            char.encode(self.codec)
        except UnicodeError:
            return False
        return True

    def binary(self, piece: bytes | Extension) -> None:
        if isinstance(piece, bytes):
            self.out.append(table.OPAQUE)
            self.out += encode_integer(len(piece)) + piece
            return
        code, value, page = piece
        if code not in table.EXT and value is None:
            self.switch(page)
        self.out.append(code)
        if isinstance(value, str):
            self.out += self.terminated(value)
        elif value is not None:
            self.out += encode_integer(value)


def _any_of(strings: list[str]) -> re.Pattern[str]:
    """Longest first; of none, what never matches."""
    return re.compile("|".join(map(re.escape, sorted(strings, key=len, reverse=True))) or r"(?!)")


def encode_integer(value: int) -> bytes:
    """A mb_u_int32 (5.1). EncodeError outside 0 … 2³²−1.

    >>> encode_integer(160).hex()
    '8120'
    """
    if not 0 <= value <= 0xFFFFFFFF:
        raise EncodeError(f"no mb_u_int32: {value}")
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    return bytes(reversed(octets))


# --------------------------------------------------------------------------------------------------------------------- showing


def show(data: bytes) -> Shown:
    """The document token by token, for `mmsd decode wbxml`."""
    document = decode(data)
    reader = _Reader(data, document.language)
    public = document.public_id if isinstance(document.public_id, str) else table.PUBLIC_IDS.get(document.public_id, "unknown")
    lines = [
        Line(0, 1, "version", f"1.{document.version}"),
        Line(1, reader.table_at - 1, "public id, character set", f"{public}, {document.charset}"),
    ]
    if reader.table:
        lines.append(Line(reader.table_at, len(reader.table), "string table", ", ".join(map(repr, document.strings))))
    depth, listed = 0, 0  # elements open; 1 inside a list of attributes
    try:
        for event in reader.events():
            kind = event.kind
            value = tree.flat((event.value,))
            if kind is _Kind.CLOSE:
                depth -= 1
            elif kind is _Kind.LISTED:
                listed = 0
            elif kind in _PIECES:
                lines.append(Line(event.at, event.stop - event.at, kind.value, value, depth + listed))
            else:
                lines.append(Line(event.at, event.stop - event.at, kind.value, f"{event.name}={value}" if value else event.name, depth))
                depth += kind is _Kind.OPEN
                listed = kind in {_Kind.ATTRIBUTE, _Kind.INSTRUCTION} or (kind is _Kind.PAGE and listed)
    except DecodeError:
        pass  # it is the last of the document's faults
    values: dict[str, Any] = {
        "version": f"1.{document.version}",
        "public_id": public,
        "charset": document.charset,
        "strings": list(document.strings),
        "xml": document.xml(),
    }
    return Shown(values, tuple(lines), warnings(document.faults))
