"""Nokia/Ericsson OTA settings 7.0: what handsets before OMA Client Provisioning read."""

from __future__ import annotations

from collections.abc import Sequence

from mmsd.codec import wbxml
from mmsd.codec.tables import ota as table
from mmsd.codec.tree import Attribute, Element
from mmsd.codec.wbxml import Document
from mmsd.errors import DecodeError, EncodeError


def encode_list(root: Element) -> bytes:
    """A CHARACTERISTIC-LIST, as read from its XML or made below, in WBXML 1.1. EncodeError for another root."""
    if root.name != table.LANGUAGE.root:
        raise EncodeError(f"OTA settings are a {table.LANGUAGE.root}, not a {root.name}")
    return wbxml.encode(Document(root, table.LANGUAGE, 1, table.LANGUAGE.public_id))


def decode_list(data: bytes) -> Element:
    """The CHARACTERISTIC-LIST in WBXML. Raises DecodeError for another document, or one that is not whole."""
    document = wbxml.decode(data, table.LANGUAGE)
    if document.faults:
        raise document.faults[-1]
    if document.root.name != table.LANGUAGE.root:
        raise DecodeError("no OTA settings", offset=max(document.root.at, 0), clause="OTA 8.1")
    return document.root


def browser_settings(name: str, address: Sequence[tuple[str, str]], *, page: str = "", mmsc: str = "") -> Element:
    """Settings for the browser (`page`) or for MMS (`mmsc`), one of the two. `address`: the parms of ADDRESS in order, BEARER first.

    >>> encode_list(browser_settings("A", [("BEARER", "GPRS")], mmsc="http://m/")).hex()
    '01016a0045c606018712490101867c1103687474703a2f2f6d2f0001c60801871511034100010101'
    """
    if bool(page) == bool(mmsc):
        raise EncodeError("OTA settings have a home page, or an MMSC")
    parms = tuple(Element("PARM", _pairs(("NAME", parm), ("VALUE", value))) for parm, value in address)
    named = Element("PARM", _pairs(("NAME", "NAME"), ("VALUE", name)))
    return Element(
        table.LANGUAGE.root,
        (),
        (
            Element("CHARACTERISTIC", _pairs(("TYPE", "ADDRESS")), parms),
            Element("CHARACTERISTIC", _pairs(("TYPE", "URL" if page else "MMSURL"), ("VALUE", page or mmsc))),
            Element("CHARACTERISTIC", _pairs(("TYPE", "NAME")), (named,)),
        ),
    )


def bookmark(name: str, url: str) -> Element:
    """One bookmark.

    >>> encode_list(bookmark("A", "http://a/")).hex()
    '01016a0045c67f018715110341000187171103687474703a2f2f612f00010101'
    """
    parms = tuple(Element("PARM", _pairs(("NAME", parm), ("VALUE", value))) for parm, value in (("NAME", name), ("URL", url)))
    return Element(table.LANGUAGE.root, (), (Element("CHARACTERISTIC", _pairs(("TYPE", "BOOKMARK")), parms),))


def _pairs(*pairs: tuple[str, str]) -> tuple[Attribute, ...]:
    return tuple(Attribute(name, (value,)) for name, value in pairs)
