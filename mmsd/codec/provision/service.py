"""Service Indication (WAP-167) and Service Loading (WAP-168): a text with a link, and a link to follow at once."""

from __future__ import annotations

from dataclasses import dataclass

from mmsd.codec import wbxml
from mmsd.codec.tables import si as table
from mmsd.codec.tree import Attribute, Element
from mmsd.codec.wbxml import Document
from mmsd.errors import DecodeError, EncodeError


@dataclass(frozen=True, slots=True)
class Indication:
    """A Service Indication. Times are text like "1999-06-25T15:23:15Z"; "" = not given."""

    href: str
    text: str
    action: str = ""  # of table.SI_ACTIONS; "" means signal-medium
    id: str = ""
    created: str = ""
    expires: str = ""


@dataclass(frozen=True, slots=True)
class Loading:
    """A Service Loading."""

    href: str
    action: str = ""  # of table.SL_ACTIONS; "" means execute-low


def encode_indication(indication: Indication) -> bytes:
    """WBXML 1.2. EncodeError for an unknown action, a time of another form, or what WAP-167 5.2 forbids.

    >>> encode_indication(Indication("http://www.xyz.com/a", "News")).hex()
    '02056a0045c60d0378797a008503610001034e657773000101'
    """
    if indication.action and indication.action not in table.SI_ACTIONS:
        raise EncodeError(f"no action of a Service Indication: {indication.action}")
    if not indication.href and not indication.id:
        raise EncodeError("a Service Indication has an address, or an id")
    if indication.action == "delete" and not indication.id:
        raise EncodeError("a Service Indication that deletes names an id")
    for moment in (indication.created, indication.expires):
        if moment and not wbxml.encode_moment(moment):
            raise EncodeError(f"no time like 1999-06-25T15:23:15Z: {moment}")
    attributes = _given(
        ("href", indication.href), ("si-id", indication.id), ("created", indication.created), ("si-expires", indication.expires),
        ("action", indication.action),
    )  # fmt: skip
    root = Element("si", (), (Element("indication", attributes, (indication.text,) if indication.text else ()),))
    return wbxml.encode(Document(root, table.SI, 2, table.SI.public_id))


def encode_loading(loading: Loading) -> bytes:
    """WBXML 1.2. EncodeError for an unknown action or no address.

    >>> encode_loading(Loading("http://www.xyz.com/a", "cache")).hex()
    '02066a00850a0378797a00850361000701'
    """
    if loading.action and loading.action not in table.SL_ACTIONS:
        raise EncodeError(f"no action of a Service Loading: {loading.action}")
    if not loading.href:
        raise EncodeError("a Service Loading has an address")
    root = Element("sl", _given(("href", loading.href), ("action", loading.action)))
    return wbxml.encode(Document(root, table.SL, 2, table.SL.public_id))


def _given(*pairs: tuple[str, str]) -> tuple[Attribute, ...]:
    return tuple(Attribute(name, (value,)) for name, value in pairs if value)


def decode_service(data: bytes) -> Indication | Loading:
    """Either of them. Raises DecodeError for another document, or one that is not whole.

    >>> decode_service(bytes.fromhex("02066a00850a0378797a00850361000701"))
    Loading(href='http://www.xyz.com/a', action='cache')
    """
    document = wbxml.decode(data)
    if document.faults:
        raise document.faults[-1]
    root = document.root
    if root.name == "sl":
        return Loading(root.get("href") or "", root.get("action") or "")
    found = next((child for child in root.children if isinstance(child, Element) and child.name == "indication"), None)
    if root.name != "si" or found is None:
        raise DecodeError("neither Service Indication nor Loading", offset=max(root.at, 0), clause="WAP-167 8")
    get = found.get
    return Indication(get("href") or "", found.text, get("action") or "", get("si-id") or "", get("created") or "", get("si-expires") or "")
