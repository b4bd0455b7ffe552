"""Provisioning documents (OMA-WAP-TS-ProvCont-V1_1) as values: characteristics in characteristics, with their parms in order."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from mmsd.codec import tree, wbxml
from mmsd.codec.tables import provisioning as table
from mmsd.codec.tree import Attribute, Element
from mmsd.errors import DecodeError, EncodeError


@dataclass(frozen=True, slots=True)
class Parm:
    """A parm; no value: it says something by being there. `at`: its octet in what was read, −1 when it was not read."""

    name: str
    value: str | None = None
    at: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A characteristic of `type` with what stands in it, in order; `at` as for Parm."""

    type: str
    items: tuple[Parm | Characteristic, ...] = ()
    at: int = field(default=-1, compare=False)

    @property
    def parms(self) -> Iterator[Parm]:
        return (item for item in self.items if isinstance(item, Parm))

    @property
    def inner(self) -> Iterator[Characteristic]:
        return (item for item in self.items if isinstance(item, Characteristic))

    def get(self, name: str) -> str | None:
        """The value of the first parm of that name; "" for one without value, None without one.

        >>> Characteristic("PORT", (Parm("PORTNBR", "80"),)).get("PORTNBR")
        '80'
        """
        return next((parm.value or "" for parm in self.parms if parm.name == name), None)


@dataclass(frozen=True, slots=True)
class Provisioning:
    """A document; `version` "" when it says none."""

    items: tuple[Characteristic | Parm, ...] = ()
    version: str = "1.1"

    @property
    def characteristics(self) -> Iterator[Characteristic]:
        return (item for item in self.items if isinstance(item, Characteristic))


# ------------------------------------------------------------------------------------------------- elements, octets, XML text


def from_element(root: Element) -> Provisioning:
    """What a read tree says. DecodeError for another kind of document, or an element that has no place in one.

    >>> from_element(tree.element("wap-provisioningdoc", {"version": "1.0"}))
    Provisioning(items=(), version='1.0')
    """
    if root.name != table.LANGUAGE.root:
        raise DecodeError(f"no provisioning document but {root.name}", offset=max(root.at, 0), clause="OMA-ProvCont 5.1")
    return Provisioning(_items(root), root.get("version") or "")


def _items(node: Element) -> tuple[Parm | Characteristic, ...]:
    items: list[Parm | Characteristic] = []
    for child in node.children:
        match child:
            case Element(name="parm"):
                items.append(Parm(child.get("name") or "", child.get("value"), child.at))
            case Element(name="characteristic"):
                items.append(Characteristic(child.get("type") or "", _items(child), child.at))
            case _:
                at = child.at if isinstance(child, Element) else node.at
                raise DecodeError("neither characteristic nor parm", offset=max(at, 0), clause="OMA-ProvCont 5.1")
    return tuple(items)


def to_element(document: Provisioning) -> Element:
    """The tree of a document.

    >>> to_element(Provisioning((Characteristic("NAPDEF", (Parm("INTERNET"),)),), "")).children
    (Element(name='characteristic', attributes=(Attribute(name='type', pieces=('NAPDEF',), at=-1),), \
children=(Element(name='parm', attributes=(Attribute(name='name', pieces=('INTERNET',), at=-1),), children=(), at=-1),), at=-1),)
    """
    attributes = (Attribute("version", (document.version,)),) if document.version else ()
    return Element(table.LANGUAGE.root, attributes, tuple(map(_element, document.items)))


def _element(item: Parm | Characteristic) -> Element:
    if isinstance(item, Characteristic):
        return Element("characteristic", (Attribute("type", (item.type,)),), tuple(map(_element, item.items)))
    value = () if item.value is None else (Attribute("value", (item.value,)),)
    return Element("parm", (Attribute("name", (item.name,)), *value))


def decode(data: bytes) -> Provisioning:
    """The document in WBXML. Raises DecodeError for another kind of document, and for one that is not whole: a handset must not be
    judged, nor set up, by half of it.

    >>> decode(bytes.fromhex("030b6a00c54601c65501871106034100010101")).version
    '1.0'
    """
    document = wbxml.decode(data, table.LANGUAGE)
    if document.faults:
        raise document.faults[-1]
    return from_element(document.root)


def encode(document: Provisioning) -> bytes:
    """WBXML 1.3 in UTF-8 without string table: what Kannel writes, and every handset reads.

    >>> encode(Provisioning((), "1.0")).hex()
    '030b6a00854601'
    """
    return wbxml.encode(wbxml.Document(to_element(document), table.LANGUAGE, public_id=table.LANGUAGE.public_id))


def from_xml(data: bytes) -> Provisioning:
    """The document in its text form; `at` are octets of `data`. DecodeError as `tree.from_xml` and `from_element`."""
    return from_element(tree.from_xml(data))


def to_xml(document: Provisioning) -> str:
    """The text form, with its document type."""
    return wbxml.Document(to_element(document), table.LANGUAGE, public_id=table.LANGUAGE.public_id).xml()


# ----------------------------------------------------------------------------------------------------------- one made of facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a handset needs to know for MMS, and for browsing when there is a home page."""

    name: str  # as the handset shows it
    apn: str
    mmsc: str  # URL
    proxy: str = ""  # address; "" = none, the MMSC is reached directly
    port: int = 80
    user: str = ""
    password: str = field(default="", repr=False)
    method: str = "PAP"  # of authentication at the access point
    page: str = ""  # home page; "" = no browser settings


def account_document(account: Account) -> Provisioning:
    """The document for an account: access point, proxy, one application each for MMS and browser. EncodeError for what cannot work.

    >>> [c.type for c in account_document(Account(name="MMS", apn="cmwap", mmsc="http://m/", proxy="10.0.0.172")).characteristics]
    ['BOOTSTRAP', 'NAPDEF', 'PXLOGICAL', 'APPLICATION']
    """
    if not (account.name and account.apn and account.mmsc):
        raise EncodeError("an account has a name, an access point and an MMSC")
    if not 0 < account.port < 1 << 16:
        raise EncodeError(f"no port: {account.port}")
    name = Parm("NAME", account.name)
    access = [
        Parm("NAPID", "NAP1"), Parm("BEARER", "GSM-GPRS"), name, Parm("NAP-ADDRESS", account.apn), Parm("NAP-ADDRTYPE", "APN"),
    ]  # fmt: skip
    items: list[Parm | Characteristic] = list(access)
    if account.user:
        secret = (Parm("AUTHNAME", account.user), Parm("AUTHSECRET", account.password))
        items.append(Characteristic("NAPAUTHINFO", (Parm("AUTHTYPE", account.method), *secret)))
    characteristics = [Characteristic("BOOTSTRAP", (name,)), Characteristic("NAPDEF", tuple(items))]
    route = Parm("TO-NAPID", "NAP1")
    if account.proxy:
        physical = (
            Parm("PHYSICAL-PROXY-ID", "PROXY1"),
            Parm("PXADDR", account.proxy),
            Parm("PXADDRTYPE", address_type(account.proxy)),
            route,
            Characteristic("PORT", (Parm("PORTNBR", str(account.port)),)),
        )
        logical = (Parm("PROXY-ID", "PX1"), name, Characteristic("PXPHYSICAL", physical))
        characteristics.append(Characteristic("PXLOGICAL", logical))
        route = Parm("TO-PROXY", "PX1")
    if account.page:
        resource = Characteristic("RESOURCE", (Parm("URI", account.page), name, Parm("STARTPAGE")))
        characteristics.append(Characteristic("APPLICATION", (Parm("APPID", table.BROWSER), name, route, resource)))
    characteristics.append(Characteristic("APPLICATION", (Parm("APPID", table.MMS), name, route, Parm("ADDR", account.mmsc))))
    return Provisioning(tuple(characteristics))


def address_type(address: str) -> str:
    """PXADDRTYPE of an address (4.5.2): IPV4, IPV6, or ALPHA for a host name.

    >>> address_type("10.0.0.172"), address_type("fd00::1"), address_type("proxy.example")
    ('IPV4', 'IPV6', 'ALPHA')
    """
    try:
        return f"IPV{ipaddress.ip_address(address).version}"
    except ValueError:
        return "ALPHA"
