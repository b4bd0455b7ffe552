"""What is wrong with a provisioning document, before a handset is made to take it.

Each rule is a mistake that operators made and that handsets did not forgive, or forgave each in its own way. A finding names no secret.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mmsd.codec.provision.document import Characteristic, Parm, Provisioning
from mmsd.codec.tables import provisioning as table


class Severity(enum.IntEnum):
    """How bad a finding is."""

    WARNING = 1  # some handsets mind, or it does nothing
    ERROR = 2  # it cannot work, or must not be sent


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: the rule's name, where it stands, what it is, what to do.

    `path` counts like characteristics from 1: "PXLOGICAL[1]/PXPHYSICAL[2]/PXADDR". `at`: octet in what was read, −1 when it was not read.
    """

    rule: str
    severity: Severity
    path: str
    text: str
    remedy: str
    at: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What somebody signed off; whatever else a document would put into a handset is a finding. Hosts and addresses in lower case."""

    access_points: frozenset[str] = frozenset()  # APNs
    proxies: frozenset[str] = frozenset()  # "10.0.0.172", or with its port, "10.0.0.172:80"
    mmscs: frozenset[str] = frozenset()  # URLs
    pages: frozenset[str] = frozenset()  # URLs of home pages, bookmarks and provisioning servers
    mail: frozenset[str] = frozenset()  # mail servers
    servers: frozenset[str] = frozenset()  # name servers, and addresses of any other application
    parms: frozenset[str] = frozenset()  # names of parms beyond the standard's that VENDORCONFIG, APPLICATION and RESOURCE may hold


_LARGEST: Final = 1000
_DOCUMENT: Final = Characteristic("")


class _Place(NamedTuple):
    """A characteristic with where it stands."""

    node: Characteristic
    path: str
    around: Characteristic = _DOCUMENT

    @property
    def application(self) -> str:
        """The APPID that it belongs to; "" = none."""
        return (self.node if self.node.type == "APPLICATION" else self.around).get("APPID") or ""


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_ALL_NAMES: Final = frozenset().union(*(rule.required | rule.once | rule.many for rule in table.RULES.values()))
_APN: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_PHONE: Final = re.compile(r"\+?[0-9]{3,20}")
_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*\.?")
_DOTTED: Final = re.compile(r"[0-9.]+")


def lint(document: Provisioning, catalogue: Catalogue | None = None) -> tuple[Finding, ...]:
    """Every mistake found, in the order of the document; with a `catalogue`, also what nobody signed off.

    >>> [(f.rule, f.path) for f in lint(Provisioning((Characteristic("PORT", (Parm("PORTNBR", "0"),)),)))]
    [('port-outside-proxy', 'PORT[1]'), ('port', 'PORT[1]/PORTNBR')]
    """
    if _size(document.items) > _LARGEST:
        text = f"more than {_LARGEST} characteristics and parms; no other rule was tried"
        return (Finding("too-large", _ERROR, "", text, "send what the handset needs: most take some kilobytes"),)
    places = list(_places(document.items, "", _DOCUMENT))
    found = [*_document(document, places)]
    for place in places:
        found += _structure(place)
        found += _values(place)
    found += _references(places)
    found += _identities(places)
    if catalogue is not None:
        for place in places:
            found += _signed_off(place, catalogue)
    order = {place.path: (number, 0) for number, place in enumerate(places)}
    order |= {f"{place.path}/{parm.name}": (number, 1) for number, place in enumerate(places) for parm in place.node.parms}
    return tuple(sorted(found, key=lambda finding: order.get(finding.path, (-1, 0))))


def _size(items: Iterable[Parm | Characteristic]) -> int:
    return sum(1 + (_size(item.items) if isinstance(item, Characteristic) else 0) for item in items)


def _places(items: Iterable[Parm | Characteristic], path: str, around: Characteristic) -> Iterator[_Place]:
    seen: Counter[str] = Counter()
    for item in items:
        if isinstance(item, Characteristic):
            seen[item.type] += 1
            here = f"{path}{item.type}[{seen[item.type]}]"
            yield _Place(item, here, around)
            yield from _places(item.items, here + "/", item)


def _of(place: _Place, parm: Parm | None, rule: str, severity: Severity, text: str, remedy: str) -> Finding:
    """A finding about a parm of a place, or about the place itself."""
    if parm is None:
        return Finding(rule, severity, place.path, text, remedy, place.node.at)
    return Finding(rule, severity, f"{place.path}/{parm.name}", text, remedy, parm.at)


# ---------------------------------------------------------------------------------------------------------------- the document


def _document(document: Provisioning, places: list[_Place]) -> Iterator[Finding]:
    for item in document.items:
        if isinstance(item, Parm):
            yield Finding("misplaced-parm", _ERROR, item.name, "a parm outside any characteristic", "put it into its own", item.at)
    types = {place.node.type for place in places}
    if not places:
        yield Finding("empty", _ERROR, "", "the document sets nothing", "add a NAPDEF and what uses it")
    elif "NAPDEF" not in types and types & {"PXLOGICAL", "APPLICATION"}:
        yield Finding(
            "no-access-point", _ERROR, "", "there is no NAPDEF", "add the access point: a handset does not look for one it has already"
        )
    applications = Counter(place.node.get("APPID") or "" for place in places if place.node.type == "APPLICATION")
    for place in places:
        name = place.node.get("APPID") or ""
        if place.node.type == "APPLICATION" and name in {table.MMS, table.BROWSER} and applications[name] > 1:
            applications[name] = 0
            yield _of(
                place, None, "application-twice", _WARNING, f"APPID {name} is set up more than once",
                "leave one: which of them a handset keeps is its own choice",
            )  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- what stands where


def _structure(place: _Place) -> Iterator[Finding]:
    node, rule = place.node, table.RULES.get(place.node.type)
    if rule is None:
        upper = node.type.upper()
        text = f"no characteristic has the type {node.type!r}"
        if upper in table.RULES:
            yield _of(place, None, "name-case", _ERROR, text, f"write {upper}: names are in capitals")
        else:
            yield _of(place, None, "unknown-characteristic", _ERROR, text, "take it out: a handset may refuse all of the document for it")
        return
    if node.type == "PORT" and place.around.type not in rule.within:
        yield _of(
            place, None, "port-outside-proxy", _ERROR, f"PORT stands in {place.around.type or 'the document'}, not in its physical proxy",
            "put it into the PXPHYSICAL that listens there: elsewhere handsets ignore it, and use 9201 or 80 as they like",
        )  # fmt: skip
    elif place.around.type not in rule.within:
        wanted = " or ".join(sorted(name or "the document itself" for name in rule.within))
        text = f"{node.type} stands in {place.around.type or 'the document itself'}"
        yield _of(place, None, "misplaced", _ERROR, text, f"it belongs in {wanted}")
    once = (rule.required | rule.once) - rule.many
    counts = Counter(parm.name for parm in node.parms)
    seen: set[str] = set()
    for parm in node.parms:
        again = parm.name in seen
        seen.add(parm.name)
        if again and (parm.name in once or parm.name in table.FLAGS):
            yield _of(
                place, parm, "parm-twice", _ERROR, f"{parm.name} stands {counts[parm.name]} times",
                "leave one: the first counts for some handsets, the last for others",
            )  # fmt: skip
        elif again and any(other is not parm and other == parm for other in node.parms):
            yield _of(place, parm, "value-twice", _WARNING, f"{parm.name} says the same twice", "leave one")
        if parm.name in once or parm.name in rule.many:
            continue
        if parm.name.upper() in _ALL_NAMES and parm.name != parm.name.upper():
            yield _of(place, parm, "name-case", _ERROR, f"no parm is called {parm.name!r}", f"write {parm.name.upper()}")
        elif parm.name in _ALL_NAMES and not rule.open:
            yield _of(place, parm, "misplaced-parm", _WARNING, f"{parm.name} says nothing in {node.type}", "put it where it belongs")
        elif not rule.open:
            yield _of(
                place, parm, "unknown-parm", _WARNING, f"no parm is called {parm.name!r}", "take it out, unless the handset's maker says so"
            )
    for name in sorted(rule.required - counts.keys()):
        yield _of(place, None, "missing-parm", _ERROR, f"{node.type} lacks {name}", f"add {name}")
    if node.type == "PXLOGICAL" and all(inner.type != "PXPHYSICAL" for inner in node.inner):
        yield _of(place, None, "no-physical-proxy", _ERROR, "PXLOGICAL without a PXPHYSICAL", "add the proxy's address in a PXPHYSICAL")


# ----------------------------------------------------------------------------------------------------------------------- values


def _values(place: _Place) -> Iterator[Finding]:
    node = place.node
    for parm in node.parms:
        flag = parm.name in table.FLAGS and (parm.name != "STARTPAGE" or node.type == "RESOURCE")
        if flag and parm.value is not None:
            yield _of(
                place, parm, "flag-with-value", _WARNING, f"{parm.name} has a value", "take the value out: being there is what it says"
            )
        elif not flag and not (parm.value or "").strip():
            yield _of(place, parm, "no-value", _ERROR, f"{parm.name} has no value", "give it one, or take it out")
        elif parm.value is not None and parm.value != parm.value.strip():
            yield _of(place, parm, "blank", _WARNING, f"{parm.name} has blanks at an end", "take them out: handsets compare octets")
        elif parm.name == "PORTNBR":
            yield from _port(place, parm)
        elif parm.name in {"PROVURL", "URI"} or (parm.name == "STARTPAGE" and node.type == "PXLOGICAL"):
            yield from _url(place, parm)
        elif parm.name == "DNS-ADDR":
            yield from _address(place, parm, "")
    is_mms = node.type in {"APPLICATION", "APPADDR"} and place.application == table.MMS
    if is_mms:
        yield from _mms(place)
    elif node.type in _ADDRESSED:
        name, kind_name, default = _ADDRESSED[node.type]
        for parm in node.parms:
            if parm.name == name and parm.value and parm.value == parm.value.strip():
                yield from _address(place, parm, node.get(kind_name) or default)
    if node.type == "NAPDEF":
        yield from _access_point(place)
    elif node.type == "NAPAUTHINFO" and node.get("AUTHTYPE") in {"PAP", "CHAP"} and node.get("AUTHNAME") is None:
        yield _of(
            place, None, "no-user", _WARNING, f"{node.get('AUTHTYPE')} without AUTHNAME", "add AUTHNAME and AUTHSECRET, or take it out"
        )
    elif node.type == "PXPHYSICAL" and all(inner.type != "PORT" for inner in (*node.inner, *place.around.inner)):
        yield _of(place, None, "no-port", _WARNING, "a proxy without PORT", "add PORT: handsets differ in what they take instead")


_ADDRESSED: Final = {
    "NAPDEF": ("NAP-ADDRESS", "NAP-ADDRTYPE", ""),
    "PXPHYSICAL": ("PXADDR", "PXADDRTYPE", "IPV4"),  # 4.5.2: what it is when it is not said
    "APPADDR": ("ADDR", "ADDRTYPE", ""),
}


def _port(place: _Place, parm: Parm) -> Iterator[Finding]:
    value = parm.value or ""
    if not (value.isascii() and value.isdecimal() and len(value) < 6 and 0 < int(value) < 1 << 16):
        yield _of(place, parm, "port", _ERROR, f"{value!r} is no port", "a port is a number from 1 to 65535")


def _url(place: _Place, parm: Parm) -> Iterator[Finding]:
    try:
        parts = urlsplit(parm.value or "")
        good = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, good = urlsplit(""), False
    if not good:
        yield _of(place, parm, "url", _ERROR, f"{parm.name} is no URL a handset can open", "write all of it: http://host/path")
    elif _unreachable(parts.hostname or ""):
        yield _of(place, parm, "address-nowhere", _ERROR, f"{parts.hostname} is nobody's address", "write the real one")


def _address(place: _Place, parm: Parm, kind: str) -> Iterator[Finding]:
    """A literal address against its type: IPv4 in IPV6 and the reverse, a name where there should be digits."""
    value = parm.value or ""
    if "://" in value:
        if place.node.type == "PXPHYSICAL" or kind:
            yield _of(place, parm, "address", _ERROR, f"{parm.name} is a URL", "write the address alone; the port stands in PORT")
        else:
            yield from _url(place, parm)
        return
    version = 0
    try:
        version = int(ipaddress.ip_address(value).version)
    except ValueError:
        pass
    if version and _unreachable(value):
        yield _of(place, parm, "address-nowhere", _ERROR, f"{value} is nobody's address", "write the real one")
    elif not version and ((_DOTTED.fullmatch(value) and "." in value) or ":" in value):
        yield _of(place, parm, "address", _ERROR, f"{value!r} is no address", "four numbers up to 255; the port stands in PORT")
    if kind in {"IPV4", "IPV6"} and kind != f"IPV{version}":
        if version:
            yield _of(
                place,
                parm,
                "address-type",
                _ERROR,
                f"an IPv{version} address is said to be {kind}",
                f"say IPV{version}, or mend the address",
            )
        elif not (_DOTTED.fullmatch(value) or ":" in value):
            yield _of(
                place, parm, "address-type", _ERROR, f"{value!r} is said to be {kind}", "write the address, or say ALPHA for a host name"
            )
    elif kind == "E164" and not _PHONE.fullmatch(value):
        yield _of(place, parm, "address-type", _ERROR, "what is said to be E164 is no number", "write + and digits, or mend the type")
    elif kind in {"ALPHA", "APPSRV"} and not version and not _HOST.fullmatch(value):
        yield _of(place, parm, "address", _ERROR, f"{value!r} is no host name", "write the name alone")


def _unreachable(host: str) -> bool:
    """0.0.0.0 and its like: this host, nowhere, everybody."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (
        address.is_unspecified or address.is_loopback or address.is_multicast
        or (address.version == 4 and (int(address) >> 24 == 0 or int(address) == 0xFFFFFFFF))
    )  # fmt: skip


_PACKET: Final = frozenset({"GSM-GPRS", "3G-GSM", "ANSI-136-GPRS"})


def _access_point(place: _Place) -> Iterator[Finding]:
    node = place.node
    bearers = {parm.value for parm in node.parms if parm.name == "BEARER"}
    kind = node.get("NAP-ADDRTYPE")
    address = next((parm for parm in node.parms if parm.name == "NAP-ADDRESS"), None)
    if bearers & _PACKET and kind != "APN":
        yield _of(
            place, None, "address-type", _ERROR, f"a packet bearer with NAP-ADDRTYPE {kind or 'not given'}",
            "say APN: without it some handsets take the address for a number to dial",
        )  # fmt: skip
    if not bearers and kind == "APN":
        yield _of(
            place, None, "no-bearer", _WARNING, "an APN without BEARER", "say GSM-GPRS: some handsets make it a circuit-switched call"
        )
    if kind == "APN" and address is not None and address.value and not _APN.fullmatch(address.value.strip()):
        yield _of(place, address, "apn", _ERROR, f"{address.value!r} is no access point name", "letters, digits, hyphens and dots")


def _mms(place: _Place) -> Iterator[Finding]:
    """MMS: where its MMSC is, and the way to it."""
    node = place.node
    for parm in node.parms:
        if parm.name == "ADDR" and parm.value:
            yield from _url(place, parm)
    if node.type == "APPADDR":
        return
    if node.get("ADDR") is None and all(inner.get("ADDR") is None for inner in node.inner):
        yield _of(place, None, "no-mmsc", _ERROR, "MMS without the address of an MMSC", "add ADDR with its URL")
    if node.get("TO-PROXY") is None and node.get("TO-NAPID") is None:
        yield _of(
            place, None, "no-route", _ERROR, "MMS with neither TO-PROXY nor TO-NAPID",
            "add TO-PROXY, or TO-NAPID where there is no proxy: else the handset asks, or uses the browser's",
        )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------- references

_TARGETS: Final = {
    "TO-NAPID": ("NAPDEF", "NAPID"),
    "TO-PROXY": ("PXLOGICAL", "PROXY-ID"),
    "TO-APPREF": ("APPLICATION", "APPREF"),
}
_USERS: Final = {"TO-NAPID": {"PXPHYSICAL", "APPLICATION"}, "TO-PROXY": {"APPLICATION"}, "TO-APPREF": {"APPLICATION"}}
"""A document that brings none of these brings an access point or a proxy for its own sake."""


def _references(places: list[_Place]) -> Iterator[Finding]:
    """What is named and is not there, and what is there and never named."""
    types = {place.node.type for place in places}
    for name, (kind, key) in _TARGETS.items():
        names = [place.node.get(key) or "" for place in places if place.node.type == kind]
        used: set[str] = set()
        for place in places:
            for parm in place.node.parms:
                value = parm.value or ""
                if parm.name != name or not value:
                    continue
                used.add(value.casefold())
                if value in names or (name == "TO-NAPID" and value == table.INTERNET):
                    continue
                alike = next((other for other in names if other.strip().casefold() == value.strip().casefold()), None)
                if alike is None:
                    yield _of(place, parm, "dangling-reference", _ERROR, f"no {kind} has {key} {value!r}", f"name one, or add the {kind}")
                else:
                    yield _of(
                        place, parm, "reference-case", _ERROR, f"{value!r} is not {alike!r}",
                        f"write {name} as {key} is written: they are compared letter by letter",
                    )  # fmt: skip
        for place in places:
            own = place.node.get(key)
            exempt = name == "TO-APPREF" or not types & _USERS[name] or place.node.get(table.INTERNET) is not None
            if place.node.type == kind and own and own.casefold() not in used and not exempt:
                yield _of(place, None, "unused", _WARNING, f"nothing refers to {key} {own!r}", f"name it in a {name}, or take it out")


_IDENTITIES: Final = (("NAPDEF", "NAPID"), ("PXLOGICAL", "PROXY-ID"), ("APPLICATION", "APPREF"))


def _identities(places: list[_Place]) -> Iterator[Finding]:
    """Two of a kind under one name; PHYSICAL-PROXY-ID within its logical proxy."""
    for kind, key in (*_IDENTITIES, ("PXPHYSICAL", "PHYSICAL-PROXY-ID")):
        seen: dict[tuple[str, str], str] = {}
        for place in places:
            parm = next((parm for parm in place.node.parms if parm.name == key), None)
            if place.node.type != kind or parm is None or not parm.value:
                continue
            scope = place.path.rpartition("/")[0] if kind == "PXPHYSICAL" else ""
            other = seen.setdefault((scope, parm.value.casefold()), place.path)
            if other != place.path:
                text = f"{parm.value!r} is also the {key} of {other}"
                yield _of(place, parm, "identity-twice", _ERROR, text, "give each its own: the second replaces the first, or is refused")


# -------------------------------------------------------------------------------------------------------------- what nobody signed


def _signed_off(place: _Place, catalogue: Catalogue) -> Iterator[Finding]:
    node = place.node
    remedy = "take it out, or have it signed off"

    def check(parm: Parm, what: str, rule: str, signed: frozenset[str]) -> Iterator[Finding]:
        value = (parm.value or "").strip()
        if value and not {value.lower(), value} & signed:
            yield _of(place, parm, rule, _ERROR, f"{what} {value!r} is not in the catalogue", remedy)

    for parm in node.parms:
        match node.type, parm.name:
            case "NAPDEF", "NAP-ADDRESS":
                yield from check(parm, "access point", "unsigned-access-point", catalogue.access_points)
            case "NAPDEF", "DNS-ADDR":
                yield from check(parm, "name server", "unsigned-server", catalogue.servers)
            case "PXPHYSICAL", "PXADDR" | "PXADDR-FQDN":
                address = (parm.value or "").strip().lower()
                doors = {f"{address}:{inner.get('PORTNBR')}" for inner in node.inner if inner.type == "PORT"}
                if not (doors and doors <= catalogue.proxies):
                    yield from check(parm, "proxy", "unsigned-proxy", catalogue.proxies)
            case "PXLOGICAL", "STARTPAGE":
                yield from check(parm, "home page", "unsigned-page", catalogue.pages)
            case "BOOTSTRAP", "PROVURL":
                yield from check(parm, "provisioning server", "unsigned-page", catalogue.pages)
            case "RESOURCE", "URI":
                what = "home page" if node.get("STARTPAGE") is not None else "bookmark"
                yield from check(parm, what, "unsigned-page", catalogue.pages)
            case "APPLICATION" | "APPADDR", "ADDR":
                yield from check(parm, *_server(place.application, catalogue))
            case kind, name if kind in table.RULES and table.RULES[kind].open and name not in _own(kind) | catalogue.parms:
                text = f"{name!r} in {kind} is in neither the catalogue nor the standard"
                yield _of(place, parm, "unsigned-parm", _ERROR, text, remedy)


def _own(kind: str) -> frozenset[str]:
    """The parms that the standard gives a characteristic."""
    rule = table.RULES[kind]
    return rule.required | rule.once | rule.many


def _server(application: str, catalogue: Catalogue) -> tuple[str, str, frozenset[str]]:
    if application == table.MMS:
        return "MMSC", "unsigned-mmsc", catalogue.mmscs
    if application in table.MAIL:
        return "mail server", "unsigned-mail", catalogue.mail
    if application == table.BROWSER:
        return "home page", "unsigned-page", catalogue.pages
    return "server", "unsigned-server", catalogue.servers
