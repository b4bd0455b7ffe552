"""Tokens put together to a document."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from mmsd.codec.tables.wbxml import Language
from mmsd.codec.tree import Attribute, Element, Instruction, Piece
from mmsd.codec.wbxml.document import Document, decode_moment
from mmsd.codec.wbxml.tokens import PIECES, Event, Kind, Reader
from mmsd.errors import DecodeError

_Node = TypeVar("_Node")


def decode(data: bytes, language: Language | None = None) -> Document:
    """The document in `data`; its language by its public id, or the one given.

    What breaks a rule further in ends the reading there: open elements are closed, and `faults` says where and why. Raises DecodeError
    for a broken header, or when there is no root.

    >>> decode(bytes.fromhex("02066a00850903612f0001")).root
    Element(name='sl', attributes=(Attribute(name='href', pieces=('http://a/',), at=5),), children=(), at=4)
    """
    reader = Reader(data, language)
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

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.moments: frozenset[str] = reader.language.moments if reader.language else frozenset()
        self.open: list[_Frame] = []
        self.root: Element | None = None
        self.head, self.tail = list[Instruction](), list[Instruction]()
        self.instructing = False
        self.attribute: tuple[int, str, list[Piece]] | None = None

    def take(self, event: Event) -> None:
        kind = event.kind
        if kind in PIECES:
            if self.attribute is not None:
                self.attribute[2].append(event.value)
            else:
                self.open[-1].children.append(event.value)
        elif kind is Kind.ATTRIBUTE:
            self.finish_attribute()
            self.attribute = (event.at, event.name, [event.value] if event.value else [])
        elif kind is Kind.OPEN:
            self.open.append(_Frame(event.at, event.name, [], []))
        elif kind is Kind.CLOSE:
            self.close()
        elif kind is Kind.INSTRUCTION:
            self.instructing = True
        elif kind is Kind.LISTED:
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
