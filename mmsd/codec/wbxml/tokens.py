"""The octets of a document token by token: its header, then each tag, attribute and text with its place. Everything is bounded."""

from __future__ import annotations

import codecs
import enum
from collections.abc import Iterator
from typing import Final, NamedTuple

from mmsd.codec import text, tree
from mmsd.codec.tables import charsets
from mmsd.codec.tables import wbxml as table
from mmsd.codec.tables.wbxml import Language
from mmsd.codec.tree import Extension, Piece
from mmsd.codec.wbxml.document import LANGUAGES
from mmsd.errors import DecodeError

_BY_NUMBER: Final = {language.public_id: language for language in LANGUAGES}
_BY_NAME: Final = {table.PUBLIC_IDS[number]: language for number, language in _BY_NUMBER.items() if number != table.UNKNOWN}

_EVENTS: Final = 20_000  # a document of settings has some hundred
_TEXT: Final = 1 << 20  # characters: a string table may be referred to again and again
_FAULTS: Final = 100
_GUESSED: Final = 1024  # octets: a longer text in a wrong character set is not worth the guess
_MARKS: Final = (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)


class Kind(enum.Enum):
    OPEN = "element"
    CLOSE = "end"
    ATTRIBUTE = "attribute"
    LISTED = "end of attributes"
    INSTRUCTION = "instruction"
    TEXT = "text"
    OPAQUE = "opaque"
    EXTENSION = "extension"
    PAGE = "code page"


class Event(NamedTuple):
    """One token, with what follows it."""

    kind: Kind
    at: int
    stop: int
    name: str = ""
    value: Piece = ""


PIECES: Final = frozenset({Kind.TEXT, Kind.OPAQUE, Kind.EXTENSION})


class Reader:
    """The header of a document, then its tokens one by one. DecodeError where it cannot go on."""

    def __init__(self, data: bytes, language: Language | None) -> None:
        self.data, self.at, self.faults = data, 0, list[DecodeError]()
        self.room = _TEXT
        self.page = 0  # of attributes: it lasts from element to element (5.8.1)
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

    def events(self) -> Iterator[Event]:
        """The body's tokens (5.8), at most 20,000."""
        for count, event in enumerate(self._body()):
            if count == _EVENTS:
                raise DecodeError("too many tokens", offset=event.at, clause="WAP-192 5.8")
            yield event

    def _body(self) -> Iterator[Event]:
        depth, page, rooted = 0, 0, False
        tags = self.language.tags if self.language else {}
        while self.at < len(self.data) or depth:
            start = self.at
            token = self.octet()
            if token == table.SWITCH_PAGE:
                page = self.octet()
                yield Event(Kind.PAGE, start, self.at, str(page))
            elif token == table.PI:
                yield Event(Kind.INSTRUCTION, start, self.at)
                yield from self._attributes()
            elif token == table.END and depth:
                depth -= 1
                yield Event(Kind.CLOSE, start, self.at)
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
                yield Event(Kind.OPEN, start, self.at, name)
                if token & table.HAS_ATTRIBUTES:
                    yield from self._attributes()
                if token & table.HAS_CONTENT:
                    depth += 1
                    if depth > tree.DEPTH:
                        raise DecodeError("elements nest too deep", offset=start, clause="WAP-192 5.8")
                else:
                    yield Event(Kind.CLOSE, self.at, self.at)

    def _attributes(self) -> Iterator[Event]:
        """Attributes up to their END; a target and its value look the same in an instruction."""
        attributes = self.language.attributes if self.language else {}
        values = self.language.values if self.language else {}
        named = False
        while True:
            start = self.at
            token = self.octet()
            if token == table.END:
                yield Event(Kind.LISTED, start, self.at)
                return
            if token == table.SWITCH_PAGE:
                self.page = self.octet()
                yield Event(Kind.PAGE, start, self.at, str(self.page))
            elif (piece := self._piece(token, start)) is not None:
                if not named:
                    raise DecodeError("a value without attribute", offset=start, clause="WAP-192 5.8.3")
                yield piece
            elif token == table.LITERAL:
                named = True
                yield Event(Kind.ATTRIBUTE, start, self.at, self.shared(self.integer(), start))
            elif token < 5 or token == table.PI or token & table.TAG == table.LITERAL:
                raise DecodeError(f"no attribute: {token:02X}", offset=start, clause="WAP-192 7.1")
            elif token >= table.VALUE:
                if not named:
                    raise DecodeError("a value without attribute", offset=start, clause="WAP-192 5.8.3")
                value = values.get(self.page, {}).get(token)
                if value is None:
                    self._unnamed(self.page, token, start)
                    yield Event(Kind.EXTENSION, start, self.at, value=Extension(token, page=self.page))
                else:
                    yield Event(Kind.TEXT, start, self.at, value=value)
            else:
                named = True
                name, prefix = attributes.get(self.page, {}).get(token) or (self._unnamed(self.page, token, start), "")
                yield Event(Kind.ATTRIBUTE, start, self.at, name, prefix)

    def _piece(self, token: int, start: int) -> Event | None:
        """A string, entity, opaque or extension; None for another token."""
        kind = Kind.TEXT
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
            kind, value = Kind.OPAQUE, self.data[self.at : self.at + length]
            self.at += length
        elif token in table.EXT_I:
            kind, value = Kind.EXTENSION, Extension(token, self.inline())
        elif token in table.EXT_T:
            kind, value = Kind.EXTENSION, Extension(token, self.integer())
        elif token in table.EXT:
            kind, value = Kind.EXTENSION, Extension(token)
        else:
            return None
        return Event(kind, start, self.at, value=value)

    def _unnamed(self, page: int, token: int, at: int) -> str:
        if self.language is not None:
            self.fault(f"token {token:02X} of page {page} is not assigned", at, "WAP-192 5.8.2")
        return f"#{page}-{token:02X}"
