"""A document as octets: shortest tokens, lowest code page first."""

from __future__ import annotations

import itertools
import re
from typing import Final

from mmsd.codec.tables import charsets
from mmsd.codec.tables import wbxml as table
from mmsd.codec.tree import Element, Extension, Instruction, Piece
from mmsd.codec.wbxml.document import Document, encode_moment
from mmsd.errors import EncodeError

_SHARED: Final = 4  # characters: a shorter text costs less written out than referred to
_UNNAMED: Final = re.compile(r"#(\d+)-([0-9A-F]{2})")


def encode(document: Document) -> bytes:
    """The octets of a document. EncodeError for what has no place in them: a NUL, a character set nobody reads.

    >>> from mmsd.codec import tree
    >>> from mmsd.codec.tables.si import SL
    >>> encode(Document(tree.element("sl", {"href": "http://www.xyz.com/a"}), SL, 2, 6)).hex()
    '02066a00850a0378797a008503610001'
    """
    return _Writer(document).whole()


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
