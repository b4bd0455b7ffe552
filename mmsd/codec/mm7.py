"""MM7 (TS 23.140 8.7): SOAP with attachments between MMSC and applications, both ways.

A message is its kind, its transaction and its elements by name. XML is read from one bounded buffer: no DTD, no entities of its own,
limits on depth and number of elements. Elements are known by their local names: releases differ in their namespaces, writers in
their prefixes. What is not known is passed over with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from xml.parsers import expat

from mmsd.codec import mime
from mmsd.codec.mime import ContentType, Part
from mmsd.codec.shown import Line, Shown, Warned
from mmsd.codec.tables import mm7 as table
from mmsd.errors import DecodeError, EncodeError

XML_LIMIT: Final = 1 << 20
DEPTH_LIMIT: Final = 32
ELEMENT_LIMIT: Final = 20_000
NESTING_LIMIT: Final = 4  # multiparts within multiparts

_CLAUSE: Final = "TS 23.140 8.7"

# ------------------------------------------------------------------------------------------------------------------ values


class Address(NamedTuple):
    """`kind` is "number", "email" or "short"; `role` "To", "Cc" or "Bcc" of a recipient, else empty."""

    kind: str
    text: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One MM7 message: "SubmitReq" …; `fields` by element name: text, flags, `StatusCode` a number, addresses, `Recipients` a tuple.

    `Content` is what its href names, without "cid:". `parts` are the attachments. `kind` "Fault" is a SOAP fault that holds no MM7 message:
    its fields are faultcode and faultstring.
    """

    kind: str
    transaction: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    namespace: str = table.REL_6
    warnings: tuple[Warned, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Where each field's element stands in the octets that were read."""

    @property
    def content(self) -> tuple[Part, ...]:
        """The parts of the multimedia message: of the multipart its Content names, else all attachments. DecodeError if one is broken."""
        href = self.fields.get("Content", "")
        chosen = [part for part in self.parts if href in (part.cid, part.get("content-location"))] if href else []
        return tuple(found for part in chosen or self.parts for found in _flat(part, 0))


def _flat(part: Part, depth: int) -> Iterator[Part]:
    kind = part.content_type
    if not kind.media.startswith("multipart/"):
        yield part
        return
    if depth >= NESTING_LIMIT:
        raise DecodeError("multiparts nested too deeply", offset=part.at, clause="RFC 2046 5.1")
    for inner in mime.decode_multipart(part.content(), kind.parameters.get("boundary", "")):
        yield from _flat(inner, depth + 1)


def status(code: int) -> table.StatusCode:
    """What a status code means: an unknown one reads as its class, one of no class as a server error (8.7.8.3.3).

    >>> status(2999).text, status(9).text, status(4441).text
    ('Client error', 'Server error', 'General service error')
    """
    found = table.STATUS.get(code)
    if found is None:
        found = table.STATUS.get(code // 1000 * 1000) if 1000 <= code < 5000 else None
    return found or table.STATUS[3000]


def answer(request: Message, code: int, details: str = "", **fields: Any) -> Message:
    """The response to a request, in its namespace. EncodeError for what is no request.

    >>> answer(Message("SubmitReq", "t1"), 1000, MessageID="m1").fields
    {'StatusCode': 1000, 'StatusText': 'Success', 'MessageID': 'm1'}
    """
    kind = request.kind.removesuffix("Req") + "Rsp"
    if kind not in table.MESSAGES or not request.kind.endswith("Req"):
        raise EncodeError(f"{request.kind} asks for no answer")
    said = {"StatusCode": code, "StatusText": status(code).text, **({"Details": details} if details else {})}
    return Message(kind, request.transaction, said | fields, (), request.namespace)


# --------------------------------------------------------------------------------------------------------------------- XML


@dataclass(slots=True)
class _Element:
    name: str  # local
    namespace: str
    attributes: dict[str, str]
    at: int
    text: str = ""
    children: list[_Element] = field(default_factory=list)

    def child(self, name: str) -> _Element | None:
        return next((found for found in self.children if found.name == name), None)


_ENCODING: Final = re.compile(rb"""\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_OWN: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "utf-16", "utf-16le", "utf-16be"})
"""Encodings that expat reads by itself."""

_OTHERS: Final[Mapping[str, str]] = {
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5", "iso-8859-15": "iso-8859-15", "windows-1252": "cp1252",
    "shift_jis": "shift_jis", "euc-kr": "euc_kr",
}  # fmt: skip
"""Encodings that Python reads for it, and its names for them."""

_UNFINISHED: Final = frozenset(
    expat.errors.codes[name]
    for name in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
"""What expat says of a document that is cut short."""


def _parse(data: bytes, charset: str, base: int, survived: list[Warned] | None) -> _Element:
    """The root of an XML document; `charset` is what its MIME header says, `base` where it stands.

    With a list for what is `survived`, a document that breaks off gives the elements before it; the one it breaks off in is left out.
    """
    size = len(data)
    if size > XML_LIMIT:
        raise DecodeError(f"more than {XML_LIMIT} octets of XML", offset=base, clause=_CLAUSE)
    declared = _ENCODING.match(data)
    name = (declared[1].decode() if declared else charset or "utf-8").lower()
    override: str | None = None if declared or name not in _OWN else name
    if name not in _OWN:
        try:
            data, override = data.decode(_OTHERS[name], "strict" if survived is None else "replace").encode(), "utf-8"
        except (UnicodeError, KeyError):
            raise DecodeError(f"text that is not in {name}", offset=base, clause="XML 1.0 4.3.3") from None
    parser = expat.ParserCreate(override, namespace_separator=" ")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    root: list[_Element] = []
    stack: list[_Element] = []
    texts: list[list[str]] = []
    count = 0
    begun = False

    def refuse(*_: object) -> None:
        raise DecodeError("a document type or entity of its own", offset=base + parser.CurrentByteIndex, clause="SOAP 1.1 3")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal begun, count
        count += 1
        if len(stack) >= DEPTH_LIMIT or count > ELEMENT_LIMIT:
            raise DecodeError("too many or too deep elements", offset=base + parser.CurrentByteIndex, clause=_CLAUSE)
        namespace, _, local = name.rpartition(" ")
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        begun = begun or local in table.MESSAGES
        made = _Element(local, namespace, plain, base + parser.CurrentByteIndex)
        (stack[-1].children if stack else root).append(made)
        stack.append(made)
        texts.append([])

    def end(_: str) -> None:
        stack.pop().text = "".join(texts.pop()).strip()

    def said(text: str) -> None:
        texts[-1].append(text)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = said
    try:
        parser.Parse(data, True)  # noqa: FBT003  # expat takes no names
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, "not XML")
        at = base + min(max(parser.ErrorByteIndex, 0), size)
        if survived is None or not begun or error.code not in _UNFINISHED:
            raise DecodeError(f"XML: {reason}", offset=at, clause="XML 1.0") from None
        survived.append(Warned(at, f"XML: {reason}: read as far as it goes", "XML 1.0"))
        if stack[-1].name not in table.MESSAGES and not stack[-1].children:
            stack[-2].children.pop()  # half a value may be a good one, and wrong
    return root[0]


# ------------------------------------------------------------------------------------------------------------------ decode


def decode(content_type: str, body: bytes, *, base: int = 0) -> Message:
    """The message in an HTTP body: SOAP alone, or a multipart whose root it is (8.7.9). DecodeError for anything else.

    `base` is where the body stands in what offsets are to count.

    >>> decode("text/xml", encode(Message("SubmitRsp", "t1", {"StatusCode": 1000, "MessageID": "m1"}))[1]).fields["MessageID"]
    'm1'
    """
    return _decode(content_type, body, base, None)


def _decode(content_type: str, body: bytes, base: int, survived: list[Warned] | None) -> Message:
    """As `decode`; with a list for what is `survived`, a message that breaks off is read as far as it goes."""
    kind = mime.decode_content_type(content_type)
    if not kind.media.startswith("multipart/"):
        return _message(_parse(body, kind.parameters.get("charset", ""), base, survived), ())
    boundary = kind.parameters.get("boundary", "")
    try:
        parts = mime.decode_multipart(body, boundary)
    except DecodeError as refusal:
        last = body.rfind(b"\n--" + boundary.encode())
        if survived is None or last < 0:
            raise
        survived.append(Warned(base + last + 1, f"a part that is left out: {refusal.reason}", refusal.clause))
        parts = mime.decode_multipart(body[:last], boundary)
    if survived is not None and body.find(f"--{boundary}--".encode()) < 0:
        survived.append(Warned(base + len(body), "no closing delimiter: the last part may be cut short", "RFC 2046 5.1.1"))
    start = kind.parameters.get("start", "").strip("<>")
    root = next((part for part in parts if start and part.cid == start), parts[0] if parts else None)
    if root is None:
        raise DecodeError("a multipart without parts", offset=0, clause="RFC 2387 3")
    tree = _parse(bytes(root.content()), root.content_type.parameters.get("charset", ""), base + root.at, survived)
    return _message(tree, tuple(part for part in parts if part is not root))


def _message(tree: _Element, parts: tuple[Part, ...]) -> Message:
    if tree.name != "Envelope":
        raise DecodeError("no SOAP envelope", offset=tree.at, clause="SOAP 1.1 4.1")
    header, body = tree.child("Header"), tree.child("Body")
    if body is None or not body.children:
        raise DecodeError("a SOAP envelope without body", offset=tree.at, clause="SOAP 1.1 4.3")
    transaction = header.child("TransactionID") if header is not None else None
    found = body.children[0]
    warned: list[Warned] = []
    if transaction is None:
        warned.append(Warned(tree.at, "no TransactionID", "TS 23.140 8.7.8.2"))
    fields: dict[str, Any] = {}
    places: dict[str, int] = {}
    if found.name == "Fault":
        fields = {name: child.text for name in ("faultcode", "faultstring") if (child := found.child(name)) is not None}
        inner = next((child for detail in found.children for child in detail.children if child.name in table.ERRORS), None)
        found = inner or found
    if found.name in table.MESSAGES:
        _read(found, frozenset(table.MESSAGES[found.name]), "", fields, places, warned)
    elif found.name != "Fault":
        raise DecodeError("no MM7 message that we know", offset=found.at, clause=_CLAUSE)
    return Message(found.name, transaction.text if transaction is not None else "", fields, parts, found.namespace, tuple(warned), places)


def _read(
    parent: _Element, known: frozenset[str], prefix: str, fields: dict[str, Any], places: dict[str, int], warned: list[Warned]
) -> None:
    """The elements of a message, those within others by their own names."""
    for element in parent.children:
        path, name = prefix + element.name, element.name
        if any(found.startswith(f"{path}/") for found in known):
            _read(element, known, f"{path}/", fields, places, warned)
        elif path not in known:
            _warn(warned, element.at, f"{path}: element not known")
        elif name in fields:
            _warn(warned, element.at, f"{path} twice: the first counts")
        elif (value := _value(element, warned)) is not None:
            fields[name], places[name] = value, element.at


def _warn(warned: list[Warned], at: int, text: str) -> None:
    if len(warned) < 100:
        warned.append(Warned(at, text, _CLAUSE))


def _value(element: _Element, warned: list[Warned]) -> Any:
    name, text = element.name, element.text
    if name == "Recipients":
        return tuple(found for group in element.children for found in _addresses(group, group.name, warned))
    if name in table.ADDRESSES:
        found = list(_addresses(element, "", warned))
        return found[0] if found else Address("number", text) if text else None
    if name in table.FLAGS:
        if text.lower() not in ("true", "false", "1", "0"):
            _warn(warned, element.at, f"{name}: {text!r} is no boolean")
            return None
        return text.lower() in ("true", "1")
    if name == "StatusCode":
        if not re.fullmatch(r"[0-9]{1,9}", text):
            _warn(warned, element.at, f"StatusCode: {text!r} is no number")
            return None
        return int(text)
    if name == "Content":
        return element.attributes.get("href", "").removeprefix("cid:")
    return text


def _addresses(parent: _Element, role: str, warned: list[Warned]) -> Iterator[Address]:
    for element in parent.children:
        kind = table.KINDS.get(element.name)
        if kind is None:
            _warn(warned, element.at, f"{element.name}: no address of a kind we know")
        else:
            yield Address(kind, element.text, role)


# ------------------------------------------------------------------------------------------------------------------ encode

_ELEMENT_OF: Final = {kind: name for name, kind in table.KINDS.items()}
_BOUNDARIES: Final = ("mm7-root", "mm7-content")
_ILLEGAL: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode(message: Message, *, boundary: str = _BOUNDARIES[0]) -> tuple[str, bytes]:
    """(Content-Type, body) of a message: SOAP alone, or with its parts behind it. EncodeError for a field or value that does not fit."""
    xml = encode_xml(message).encode()
    if not message.parts:
        return "text/xml; charset=utf-8", xml
    kind = ContentType("multipart/related", {"boundary": boundary, "type": "text/xml", "start": "<soap>"})
    root = ((("Content-Type", "text/xml; charset=utf-8"), ("Content-ID", "<soap>")), xml)
    return str(kind), mime.encode_multipart([root, *((_written(part.headers), part.raw) for part in message.parts)], boundary)


def _written(headers: mime.Headers) -> mime.Headers:
    """Header names as people write them."""
    return tuple((name.title().replace("-Id", "-ID"), value) for name, value in headers)


def attach(cid: str, parts: Iterable[Part], *, start: str = "", boundary: str = _BOUNDARIES[1]) -> Part:
    """The parts of a multimedia message as the one attachment its `Content` names."""
    body = mime.encode_multipart([(_written(part.headers), part.raw) for part in parts], boundary)
    kind = ContentType("multipart/related", {"boundary": boundary, **({"start": start, "type": "application/smil"} if start else {})})
    return Part((("content-type", str(kind)), ("content-id", f"<{cid}>")), memoryview(body))


def encode_xml(message: Message) -> str:
    """The SOAP envelope of a message, its elements in the schema's order; one read without namespace is answered in release 6's."""
    schema = _quoted(_legal(message.namespace or table.REL_6))
    head = f'<mm7:TransactionID xmlns:mm7={schema} env:mustUnderstand="1">{_text(message.transaction)}</mm7:TransactionID>'
    fields = dict(message.fields)
    code, said = fields.pop("faultcode", None), fields.pop("faultstring", None)
    if message.kind == "Fault":
        inner = ""
    elif message.kind in table.MESSAGES:
        fields = {"MM7Version": table.VERSIONS.get(message.namespace, table.VERSIONS[table.REL_6])} | fields
        inner = f"<{message.kind} xmlns={schema}>{_elements(message.kind, fields)}</{message.kind}>"
        fields = {}
    else:
        raise EncodeError(f"MM7 has no message {message.kind!r}")
    if fields:
        raise EncodeError(f"{message.kind} has no {', '.join(fields)}")
    if message.kind in ("Fault", *table.ERRORS):
        detail = f"<detail>{inner}</detail>" if inner else ""
        reason = _wrap("faultcode", _text(code or "env:Client")) + _wrap("faultstring", _text(said or ""))
        inner = _wrap("env:Fault", reason + detail)
    elif code is not None or said is not None:
        raise EncodeError(f"{message.kind} is no fault")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="{table.SOAP}"><env:Header>{head}</env:Header>'
        f"<env:Body>{inner}</env:Body></env:Envelope>"
    )


def _elements(kind: str, fields: dict[str, Any]) -> str:
    out: list[str] = []
    left = dict(fields)
    outer = ""
    for path in table.MESSAGES[kind]:
        parent, _, name = path.rpartition("/")
        if name not in left:
            continue
        if parent != outer:
            out.append((f"</{outer}>" if outer else "") + (f"<{parent}>" if parent else ""))
            outer = parent
        out.append(_element(name, left.pop(name)))
    if left:
        raise EncodeError(f"{kind} has no {', '.join(left)}")
    return "".join(out) + (f"</{outer}>" if outer else "")


def _element(name: str, value: Any) -> str:
    if name == "Recipients":
        groups = {role: [found for found in value if found.role == role] for role in dict.fromkeys(found.role for found in value)}
        if not groups or groups.keys() - {"To", "Cc", "Bcc"}:
            raise EncodeError("recipients are To, Cc or Bcc, and there is one")
        return _wrap(name, "".join(_wrap(role, "".join(map(_address, found))) for role, found in groups.items()))
    if name in table.ADDRESSES:
        return _wrap(name, _address(value))
    if name in table.FLAGS:
        if not isinstance(value, bool):
            raise EncodeError(f"{name} is true or false, not {value!r}")
        return _wrap(name, "true" if value else "false")
    if name == "StatusCode":
        if not isinstance(value, int):
            raise EncodeError(f"StatusCode is a number, not {value!r}")
        return _wrap(name, str(value))
    if name == "Content":
        return f'<Content href={_quoted("cid:" + _legal(value))} allowAdaptations="false"/>'
    return _wrap(name, _text(value))


def _address(value: Any) -> str:
    if not isinstance(value, Address) or value.kind not in _ELEMENT_OF:
        raise EncodeError(f"no address of a kind we know: {type(value).__name__}")
    return _wrap(_ELEMENT_OF[value.kind], _text(value.text))


def _wrap(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _text(value: Any) -> str:
    return _escaped(_legal(value))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _quoted(text: str) -> str:
    text = _escaped(text).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
    return f'"{text}"'


def _legal(value: Any) -> str:
    if not isinstance(value, str) or _ILLEGAL.search(value):
        raise EncodeError("a text with characters that XML has not")
    return value


# -------------------------------------------------------------------------------------------------------------------- show

_START_LINE: Final = re.compile(rb"(?:(?:POST|PUT) [^\r\n]{1,2000} )?HTTP/1\.[01][^\r\n]{0,200}\r?\n")


def decode_http(data: bytes) -> Message:
    """The message in a whole HTTP request or answer, or in a bare SOAP envelope; of a body behind Content-Length only that many octets."""
    return _decode_http(data, None)


def _decode_http(data: bytes, survived: list[Warned] | None) -> Message:
    line = _START_LINE.match(data)
    if line is None:
        return _decode("text/xml", data, 0, survived)
    headers, at = mime.decode_headers(data, line.end())
    length = mime.get(headers, "content-length")
    stop = at + int(length) if re.fullmatch(r"[0-9]{1,9}", length) else len(data)
    if survived is not None and stop > len(data):
        survived.append(Warned(len(data), f"the body is cut short: {len(data) - at} of {stop - at} octets", "RFC 9110 8.6"))
    return _decode(mime.get(headers, "content-type") or "text/xml", data[at:stop], at, survived)


def show(data: bytes) -> Shown:
    """What `mmsd decode mm7` prints: of a whole HTTP message or of a SOAP envelope; of one that is cut short what is there. DecodeError
    when no MM7 message begins in it.
    """
    survived: list[Warned] = []
    message = _decode_http(data, survived)
    try:
        parts = message.content
    except DecodeError as refusal:
        survived.append(Warned(min(refusal.offset, len(data)), refusal.reason, refusal.clause))
        parts = message.parts
    lines = [Line(0, len(data), "message", message.kind), Line(0, 0, "TransactionID", message.transaction, 1)]
    lines += (Line(message.places.get(name, 0), 0, name, _shown(name, value), 1) for name, value in message.fields.items())
    lines += (Line(part.at, len(part.raw), "part", f"{part.content_type.media} {part.name}".strip(), 1) for part in parts)
    values = {
        "type": message.kind,
        "transaction_id": message.transaction,
        "namespace": message.namespace,
        "fields": {name: _plain(value) for name, value in message.fields.items()},
        "parts": [
            {"content_type": part.content_type.media, "name": part.name, "content_id": part.cid, "size": len(part.raw)} for part in parts
        ],
    }
    return Shown(values, tuple(lines), (*survived, *message.warnings))


def _plain(value: Any) -> Any:
    if isinstance(value, Address):
        return value._asdict()
    return [found._asdict() for found in value] if isinstance(value, tuple) else value


def _shown(name: str, value: Any) -> str:
    if name == "StatusCode":
        return f"{value} ({status(value).text})"
    if isinstance(value, Address):
        return value.text
    if isinstance(value, tuple):
        return ", ".join(f"{found.role} {found.text}" for found in value)
    return str(value)
