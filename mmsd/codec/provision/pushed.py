"""The push around settings, bookmarks and service indications: user data header, WSP Push, content type with SEC and MAC, pieces."""

from __future__ import annotations

from typing import Final, NamedTuple

from mmsd.codec import sms, wsp
from mmsd.codec.provision.seal import Seal, Security
from mmsd.codec.sms import Udh
from mmsd.codec.tables import charsets, ota, provisioning, si
from mmsd.codec.wsp import ContentType
from mmsd.errors import DecodeError, EncodeError

Pieces = list[tuple[bytes, bytes]]
"""SMS by SMS: user data header, 8-bit user data."""

OTA_SOURCE: Final = 49154
"""Port that Kannel sends OTA settings from."""


def push_document(document: bytes, seal: Seal, *, push_id: int = 1, reference: int = 0, source: int = sms.WSP_PORT) -> Pieces:
    """Settings in OMA Client Provisioning, sealed. EncodeError above 255 pieces, or for a seal that is none.

    >>> from mmsd.codec.provision.seal import Security
    >>> [(udh.hex(), data.hex()) for udh, data in push_document(b"doc", Seal(Security.USERPIN, "AB"))]
    [('0605040b8423f0', '01060807b6918192414200646f63')]
    """
    parameters: tuple[tuple[str, int | bytes], ...] = (("SEC", int(seal.security)),)
    if not seal.mac and seal.security is not Security.USERPINMAC:
        raise EncodeError("a document is not sealed without a MAC")
    if seal.mac:
        parameters += (("MAC", seal.mac.encode("ascii")),)
    return _pieces(ContentType(provisioning.MEDIA, parameters), document, Udh(sms.PUSH_PORT, source), push_id, reference)


def push_settings(document: bytes, *, bookmarks: bool = False, push_id: int = 1, reference: int = 0, source: int = OTA_SOURCE) -> Pieces:
    """Nokia/Ericsson OTA settings or bookmarks, to their own port. They carry no seal."""
    content_type = ContentType(ota.BOOKMARKS_MEDIA if bookmarks else ota.SETTINGS_MEDIA, (("charset", charsets.UTF_8),))
    return _pieces(content_type, document, Udh(sms.OTA_PORT, source), push_id, reference)


def push_service(document: bytes, *, loading: bool = False, push_id: int = 1, reference: int = 0, source: int = sms.WSP_PORT) -> Pieces:
    """A Service Indication, or Service Loading."""
    return _pieces(ContentType(si.SL_MEDIA if loading else si.SI_MEDIA), document, Udh(sms.PUSH_PORT, source), push_id, reference)


def _pieces(content_type: ContentType, body: bytes, udh: Udh, push_id: int, reference: int) -> Pieces:
    return sms.split(udh, wsp.encode_push_pdu(push_id, wsp.encode_content_type(content_type), b"", body), reference)


class Pushed(NamedTuple):
    """A push of any of these: what it carries, and its seal if it has one."""

    push_id: int
    media: str
    seal: Seal | None
    body: bytes


def read_push(user_data: bytes) -> Pushed:
    """The user data of an SMS, or of all its pieces joined. DecodeError for no push, or a seal that cannot be one.

    >>> read_push(bytes.fromhex("01060807b6918192414200646f63"))
    Pushed(push_id=1, media='application/vnd.wap.connectivity-wbxml', seal=Seal(security=<Security.USERPIN: 1>, mac='AB'), body=b'doc')
    """
    push_id, type_at, headers_at, body_at = wsp.decode_push_pdu(user_data)
    content_type = wsp.decode_content_type(user_data, type_at, headers_at)
    security, mac = content_type.get("sec"), content_type.get("mac")
    seal = None
    if security is not None or mac is not None:
        if security == Security.USERPINMAC and mac is None:
            mac = b""
        if not isinstance(security, int) or security not in set(Security) or not isinstance(mac, bytes):
            raise DecodeError("no known SEC with its MAC", offset=type_at, clause="OMA-ProvBoot 5.2")
        seal = Seal(Security(security), mac.decode("latin-1"))
    return Pushed(push_id, content_type.media, seal, user_data[body_at:])
