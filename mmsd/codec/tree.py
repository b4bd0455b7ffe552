"""Small XML documents as values, and their text form both ways: what WBXML is a binary form of.

Read from one bounded buffer: no DTD but its name, no entities but XML's five, limits on depth and count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from mmsd.errors import DecodeError

DEPTH: Final = 64
NODES: Final = 20_000
SIZE: Final = 1 << 20  # octets of XML


class Extension(NamedTuple):
    """A WBXML extension token, or a value token that its language does not assign (then with its code page)."""

    code: int
    value: str | int | None = None
    page: int = 0


Piece = str | bytes | Extension
"""Of a value or a content: text, opaque octets, an extension."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A name and the pieces of its value; no pieces = no value. `at`: offset in the octets it was read from; −1 = it was not read."""

    name: str
    pieces: tuple[Piece, ...] = ()
    at: int = field(default=-1, compare=False)

    @property
    def value(self) -> str:
        """The whole as text; opaque octets in hex."""
        return flat(self.pieces)


@dataclass(frozen=True, slots=True)
class Instruction:
    """A processing instruction."""

    target: str
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """An element; `at` as for Attribute."""

    name: str
    attributes: tuple[Attribute, ...] = ()
    children: tuple[Element | Instruction | Piece, ...] = ()
    at: int = field(default=-1, compare=False)

    def get(self, name: str) -> str | None:
        """The text of the first attribute of that name.

        >>> element("parm", {"name": "NAPID"}).get("name")
        'NAPID'
        """
        return next((attribute.value for attribute in self.attributes if attribute.name == name), None)

    @property
    def text(self) -> str:
        """Its own text, without that of the elements in it."""
        return flat(child for child in self.children if not isinstance(child, (Element, Instruction)))


def element(name: str, attributes: dict[str, str] | None = None, *children: Element | Piece) -> Element:
    """An element in few words.

    >>> element("sl", {"href": "http://a/"}).attributes
    (Attribute(name='href', pieces=('http://a/',), at=-1),)
    """
    return Element(name, tuple(Attribute(key, (value,)) for key, value in (attributes or {}).items()), children)


def flat(pieces: Iterable[Piece]) -> str:
    """Pieces as one text: opaque octets in hex, an extension by its value."""
    parts = []
    for piece in pieces:
        match piece:
            case str():
                parts.append(piece)
            case bytes():
                parts.append(piece.hex().upper())
            case Extension(code, value):
                parts.append(f"#{code:02X}" if value is None else str(value))
    return "".join(parts)


def to_xml(root: Element, doctype: str = "") -> str:
    """The text form, indented; `doctype` is what stands behind `<!DOCTYPE root`.

    >>> print(to_xml(element("si", None, element("indication", {"href": "http://a/?b&c"}, "News"))), end="")
    <?xml version="1.0" encoding="UTF-8"?>
    <si>
      <indication href="http://a/?b&amp;c">News</indication>
    </si>
    """
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    if doctype:
        lines.append(f"<!DOCTYPE {root.name} {doctype}>")
    _write(root, 0, lines)
    return "\n".join(lines) + "\n"


def _write(node: Element, depth: int, lines: list[str]) -> None:
    indent = "  " * depth
    head = "".join((f"{indent}<{node.name}", *(f" {a.name}={quoteattr(a.value)}" for a in node.attributes)))
    if not node.children:
        lines.append(head + "/>")
    elif any(isinstance(child, (Element, Instruction)) for child in node.children):
        lines.append(head + ">")
        for child in node.children:
            match child:
                case Element():
                    _write(child, depth + 1, lines)
                case Instruction(target, pieces):
                    lines.append(f"{indent}  <?{target} {flat(pieces)}?>")
                case _:
                    lines.append(f"{indent}  {escape(flat((child,)))}")
        lines.append(f"{indent}</{node.name}>")
    else:
        lines.append(f"{head}>{escape(node.text)}</{node.name}>")


class _Reader:
    """expat's events as an Element; blank text between elements is left out, text in them loses its blank ends."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.ordered_attributes = True
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.EntityDeclHandler = self.entity
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.open: list[tuple[int, str, tuple[Attribute, ...], list[Element | Instruction | Piece]]] = []
        self.root: Element | None = None
        self.nodes = 0

    def refuse(self, reason: str) -> DecodeError:
        return DecodeError(reason, offset=max(self.parser.CurrentByteIndex, 0), clause="XML 1.0")

    def doctype(self, name: str, system: str | None, public: str | None, internal: int) -> None:
        if internal:
            raise self.refuse("a document type with declarations of its own")

    def entity(self, *_: object) -> None:
        raise self.refuse("an entity is declared")

    def start(self, name: str, attributes: list[str]) -> None:
        at = self.parser.CurrentByteIndex
        self.nodes += 1 + len(attributes) // 2
        if len(self.open) == DEPTH:
            raise self.refuse("elements nest too deep")
        if self.nodes > NODES:
            raise self.refuse("too many elements and attributes")
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        self.open.append((at, name, tuple(Attribute(key, (value,), at) for key, value in pairs), []))

    def text(self, text: str) -> None:
        if text := text.strip():
            self.open[-1][3].append(text)

    def end(self, name: str) -> None:
        at, name, attributes, children = self.open.pop()
        node = Element(name, attributes, tuple(children), at)
        if self.open:
            self.open[-1][3].append(node)
        else:
            self.root = node


def from_xml(data: bytes) -> Element:
    """The document in `data`, in any encoding its declaration names (UTF-8 without one). Element.at are octets from the start.

    Raises DecodeError for what is no XML, declares entities, or passes a limit: 1 MiB, 64 levels, 20,000 elements and attributes.

    >>> from_xml(b'<!DOCTYPE sl SYSTEM "sl.dtd"><sl href="http://a/"></sl>')
    Element(name='sl', attributes=(Attribute(name='href', pieces=('http://a/',), at=29),), children=(), at=29)
    """
    if len(data) > SIZE:
        raise DecodeError("larger than 1 MiB", offset=SIZE, clause="XML 1.0")
    reader, isfinal = _Reader(), True
    try:
        reader.parser.Parse(data, isfinal)
    except expat.ExpatError as error:
        raise reader.refuse(expat.ErrorString(error.code)) from error
    except (ValueError, LookupError) as error:  # an encoding that Python's expat does not read
        raise reader.refuse("an encoding that cannot be read") from error
    assert reader.root is not None
    return reader.root
