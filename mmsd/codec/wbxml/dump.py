"""What `mmsd decode wbxml` prints."""

from __future__ import annotations

from typing import Any

from mmsd.codec import tree
from mmsd.codec.shown import Line, Shown, warnings
from mmsd.codec.tables import wbxml as table
from mmsd.codec.wbxml.reader import decode
from mmsd.codec.wbxml.tokens import PIECES, Kind, Reader
from mmsd.errors import DecodeError


def show(data: bytes) -> Shown:
    """The document token by token, for `mmsd decode wbxml`."""
    document = decode(data)
    reader = Reader(data, document.language)
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
            if kind is Kind.CLOSE:
                depth -= 1
            elif kind is Kind.LISTED:
                listed = 0
            elif kind in PIECES:
                lines.append(Line(event.at, event.stop - event.at, kind.value, value, depth + listed))
            else:
                lines.append(Line(event.at, event.stop - event.at, kind.value, f"{event.name}={value}" if value else event.name, depth))
                depth += kind is Kind.OPEN
                listed = kind in {Kind.ATTRIBUTE, Kind.INSTRUCTION} or (kind is Kind.PAGE and listed)
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
