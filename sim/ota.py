"""What a handset makes of settings that come over the air: its own reading of the octets, and what it refuses.

Read as old handsets read them: few names, everything else passed over. Nothing of `mmsd.codec` is used, so that a mistake there is
not made here as well. Formats: OMA Client Provisioning (ProvCont, ProvBoot) and the OTA settings of Nokia and Ericsson.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

CLIENT_PROVISIONING: Final = "application/vnd.wap.connectivity-wbxml"
LEGACY: Final = "application/x-wap-prov.browser-settings"
_WELL_KNOWN: Final = {0x36: CLIENT_PROVISIONING}
_MMS: Final = "w4"


class Refused(Exception):
    """The handset takes none of it; the message says what its owner reads."""


@dataclass(frozen=True, slots=True)
class MmsSettings:
    """How the handset sends and fetches from now on."""

    apn: str
    proxy: str
    port: int
    mmsc: str


@dataclass(frozen=True, slots=True)
class Push:
    """A WSP Push as it came: media type, SEC and MAC of its content type, the document."""

    media: str
    sec: int | None
    mac: str
    body: bytes


@dataclass(slots=True)
class Node:
    """A characteristic: its type, its parms by name in order, the characteristics in it."""

    type: str
    parms: list[tuple[str, str]] = field(default_factory=list)
    inside: list[Node] = field(default_factory=list)

    def parm(self, name: str) -> str:
        """The first value of that name, "" without one."""
        return next((value for known, value in self.parms if known == name), "")

    def all(self, kind: str) -> Iterator[Node]:
        """Every characteristic of that type, however deep."""
        for node in self.inside:
            if node.type == kind:
                yield node
            yield from node.all(kind)


# ------------------------------------------------------------------------------------------------------------------ the push


def read_push(data: bytes) -> Push:
    """The user data of a message to a push port. Refused: it is none, or breaks off."""
    if len(data) < 3 or data[1] != 0x06:
        raise Refused("not a push")
    length, at = _uintvar(data, 2)
    headers = data[at : at + length]
    if len(headers) < length or not headers:
        raise Refused("the push breaks off")
    return Push(*_content_type(headers), data[at + length :])


def _content_type(headers: bytes) -> tuple[str, int | None, str]:
    first = headers[0]
    if first & 0x80:
        return _WELL_KNOWN.get(first & 0x7F, ""), None, ""
    if first >= 0x20:
        return headers.split(b"\0", 1)[0].decode("latin-1"), None, ""
    length, at = _uintvar(headers, 1) if first == 0x1F else (first, 1)
    value = headers[at : at + length]
    if value[:1] and value[0] & 0x80:
        media, at = _WELL_KNOWN.get(value[0] & 0x7F, ""), 1
    else:
        name = value.split(b"\0", 1)[0]
        media, at = name.decode("latin-1"), len(name) + 1
    sec, mac = None, ""
    while at < len(value):
        parameter = value[at]
        at += 1
        if parameter == 0x91:
            sec, at = value[at] & 0x7F, at + 1
        elif parameter == 0x92:
            end = value.index(b"\0", at)
            mac, at = value[at:end].decode("latin-1"), end + 1
        elif at < len(value) and value[at] & 0x80:  # a short integer of a parameter that is nothing to us: a charset
            at += 1
        else:
            break
    return media, sec, mac


def genuine(push: Push, *, imsi: str = "", pin: str = "") -> bool:
    """Whether the seal is right for this card (SEC 0), this PIN (1), or both (2)."""
    card = _semi_octets(imsi) if imsi else b""
    key = {0: card, 1: pin.encode(), 2: card + pin.encode()}.get(-1 if push.sec is None else push.sec, b"")
    return bool(key) and hmac.compare_digest(hmac.new(key, push.body, "sha1").hexdigest(), push.mac.lower())


def _semi_octets(imsi: str) -> bytes:
    """TS 24.008 10.5.1.4: the first half octet tells an odd number of digits, or an even one that ends with a filler."""
    odd = len(imsi) % 2
    nibbles = [9 if odd else 1, *map(int, imsi), *([] if odd else [15])]
    return bytes(high << 4 | low for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


# -------------------------------------------------------------------------------------------------------------- the settings


def mms_settings(push: Push) -> MmsSettings:
    """What the document says of MMS. Refused: no such settings, or they name something that is not there."""
    if push.media == CLIENT_PROVISIONING:
        return _client_provisioning(_Reader(push.body, _PROVISIONING).document())
    if push.media == LEGACY:
        return _legacy(_Reader(push.body, _OTA).document())
    raise Refused(f"cannot open {push.media or 'this message'}")


def _client_provisioning(root: Node) -> MmsSettings:
    application = next((node for node in root.all("APPLICATION") if node.parm("APPID") == _MMS), None)
    if application is None:
        raise Refused("no settings for MMS")
    mmsc = application.parm("ADDR") or next((node.parm("ADDR") for node in application.all("APPADDR")), "")
    logical = _named(root, "PXLOGICAL", "PROXY-ID", application.parm("TO-PROXY"))
    physical = next(logical.all("PXPHYSICAL"), None)
    if physical is None or not mmsc:
        raise Refused("incomplete settings")
    access = _named(root, "NAPDEF", "NAPID", physical.parm("TO-NAPID"))
    port = _port(next((node.parm("PORTNBR") for node in physical.all("PORT")), ""))
    return MmsSettings(access.parm("NAP-ADDRESS"), physical.parm("PXADDR"), port, mmsc)


def _port(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 9201


def _named(root: Node, kind: str, key: str, name: str) -> Node:
    """Names are compared letter by letter, as old handsets do."""
    found = next((node for node in root.all(kind) if name and node.parm(key) == name), None)
    if found is None:
        raise Refused(f"settings name a {kind} that they do not hold")
    return found


def _legacy(root: Node) -> MmsSettings:
    address = next(root.all("ADDRESS"), None)
    mmsc = next((node.parm("") for node in root.all("MMSURL")), "")
    if address is None or not mmsc:
        raise Refused("no settings for MMS")
    return MmsSettings(address.parm("GPRS_ACCESSPOINTNAME"), address.parm("PROXY"), _port(address.parm("PORT")), mmsc)


# --------------------------------------------------------------------------------------------------------------------- WBXML


@dataclass(frozen=True, slots=True)
class _Book:
    """The numbers a handset knows of a language, by code page: attribute starts as (attribute, value), attribute values.

    `characteristic`, `parm`: the tags; the others only hold them.
    """

    starts: Mapping[int, Mapping[int, tuple[str, str]]]
    values: Mapping[int, Mapping[int, str]]
    characteristic: int = 0x06
    parm: int = 0x07


def _names(first: int, text: str) -> dict[int, tuple[str, str]]:
    return {code: ("name", name) for code, name in enumerate(text.split(), first)}


_PROVISIONING: Final = _Book(
    {
        0: {
            0x05: ("name", ""), 0x06: ("value", ""), 0x50: ("type", ""),
            **_names(0x07, "NAME NAP-ADDRESS NAP-ADDRTYPE CALLTYPE VALIDUNTIL AUTHTYPE AUTHNAME AUTHSECRET LINGER BEARER NAPID"),
            **_names(0x14, "INTERNET PROXY-ID"),
            **_names(0x20, "PXADDR PXADDRTYPE TO-NAPID PORTNBR SERVICE"), 0x2F: ("name", "PHYSICAL-PROXY-ID"),
            0x51: ("type", "PXLOGICAL"), 0x52: ("type", "PXPHYSICAL"), 0x53: ("type", "PORT"), 0x55: ("type", "NAPDEF"),
            0x56: ("type", "BOOTSTRAP"), 0x5A: ("type", "NAPAUTHINFO"),
        },
        1: {
            0x05: ("name", ""), 0x06: ("value", ""), 0x07: ("name", "NAME"), 0x50: ("type", ""), 0x22: ("name", "TO-NAPID"),
            0x23: ("name", "PORTNBR"), 0x34: ("name", "ADDR"), 0x36: ("name", "APPID"), 0x38: ("name", "PROVIDER-ID"),
            0x39: ("name", "TO-PROXY"), 0x53: ("type", "PORT"), 0x55: ("type", "APPLICATION"), 0x56: ("type", "APPADDR"),
        },
    },
    {0: {0x85: "IPV4", 0x89: "APN", 0xAB: "GSM-GPRS"}, 1: {}},
)  # fmt: skip
_OTA: Final = _Book(
    {
        0: {
            0x06: ("type", "ADDRESS"), 0x07: ("type", "URL"), 0x08: ("type", "NAME"), 0x10: ("name", ""), 0x11: ("value", ""),
            0x12: ("name", "BEARER"), 0x13: ("name", "PROXY"), 0x14: ("name", "PORT"), 0x15: ("name", "NAME"),
            0x16: ("name", "PROXY_TYPE"), 0x17: ("name", "URL"), 0x1C: ("name", "GPRS_ACCESSPOINTNAME"), 0x1D: ("name", "PPP_LOGINTYPE"),
            0x1E: ("name", "PROXY_LOGINTYPE"), 0x22: ("name", "PPP_AUTHTYPE"), 0x23: ("name", "PPP_AUTHNAME"),
            0x24: ("name", "PPP_AUTHSECRET"), 0x48: ("value", "GPRS"), 0x7C: ("type", "MMSURL"),
        },
    },
    {0: {}},
)  # fmt: skip
_SWITCH, _END, _STRING, _REFERENCE, _OPAQUE = 0x00, 0x01, 0x03, 0x83, 0xC3
_DEEP: Final = 8


class _Reader:
    """One document, read once from its first octet to its last. Refused wherever it is not WBXML."""

    def __init__(self, body: bytes, book: _Book) -> None:
        self._body, self._book = body, book
        self._pages = [0, 0]  # of tags, of attributes: each switched on its own
        self._at = 1
        public, self._at = _uintvar(body, self._at)
        if not public:
            _, self._at = _uintvar(body, self._at)  # where its name stands
        _, self._at = _uintvar(body, self._at)  # charset
        length, self._at = _uintvar(body, self._at)
        self._strings = body[self._at : self._at + length]
        self._at += length

    def document(self) -> Node:
        root = Node("")
        self._element(root, 0)
        return root

    def _octet(self) -> int:
        if self._at >= len(self._body):
            raise Refused("the settings break off")
        self._at += 1
        return self._body[self._at - 1]

    def _token(self, space: int) -> int:
        """The next octet that is no switch of the code page, among tags (0) or attributes (1)."""
        while (token := self._octet()) == _SWITCH:
            self._pages[space] = self._octet()
        return token

    def _element(self, into: Node, depth: int) -> None:
        """The element that begins here. The tags that count have the same numbers on both pages."""
        if depth > _DEEP:
            raise Refused("settings nested too deep")
        tag = self._token(0)
        attributes = self._attributes() if tag & 0x80 else {}
        here = into
        if tag & 0x3F == self._book.characteristic:
            here = Node(attributes.get("type", ""), [("", attributes["value"])] if "value" in attributes else [])
            into.inside.append(here)
        elif tag & 0x3F == self._book.parm:
            into.parms.append((attributes.get("name", ""), attributes.get("value", "")))
        if tag & 0x40:
            self._content(here, depth)

    def _content(self, into: Node, depth: int) -> None:
        while True:
            token = self._token(0)
            if token == _END:
                return
            if token == _STRING:
                self._text()
            elif token in (_REFERENCE, _OPAQUE):
                raise Refused("settings with content of a strange kind")
            else:
                self._at -= 1
                self._element(into, depth + 1)

    def _attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        name = ""
        while (token := self._token(1)) != _END:
            if token == _STRING:
                found[name] = found.get(name, "") + self._text()
            elif token == _REFERENCE:
                place, self._at = _uintvar(self._body, self._at)
                found[name] = found.get(name, "") + self._strings[place:].split(b"\0", 1)[0].decode("utf-8", "replace")
            elif token & 0x80:
                found[name] = found.get(name, "") + self._book.values.get(self._pages[1], {}).get(token, "")
            else:
                name, value = self._book.starts.get(self._pages[1], {}).get(token, ("?", ""))
                found[name] = value
        return found

    def _text(self) -> str:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise Refused("the settings break off")
        text = self._body[self._at : end].decode("utf-8", "replace")
        self._at = end + 1
        return text


def _uintvar(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(at, min(at + 5, len(data))):
        value = value << 7 | data[place] & 0x7F
        if not data[place] & 0x80:
            return value, place + 1
    raise Refused("the settings break off")
