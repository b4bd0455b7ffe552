"""A seed as a message: SMIL, texts and pictures, as the body of an M-Send.req and as the content of an MM7 SubmitReq.

Slides are made in the order given: a picture begins one, a text or a sound joins the one before it. Names say nothing of the seed: handsets
rename parts, and a name that is recognised would be a second way to forge one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mmsd.codec import mime, mm7, mms, multipart, smil
from mmsd.codec.multipart import Part
from mmsd.codec.smil import Item, Slide
from mmsd.codec.tables import charsets
from mmsd.codec.tables import mms as table
from mmsd.codec.wsp import ContentType
from mmsd.errors import EncodeError
from mmsd.seeds.contents import Content

_ENDINGS: Final = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "text/plain": "txt", "audio/amr": "amr", "audio/midi": "mid",
}  # fmt: skip
_SLIDE: Final = 6000
"""Milliseconds of a slide."""
_SMIL: Final = "application/smil"
CLASSES: Final = ((30 * 1024, 160 * 120, "text"), (100 * 1024, 640 * 480, "image"), (300 * 1024, 640 * 480, "video"))
"""Octets and pixels a message of a content class may have (OMA-TS-MMS-CONF 7.1); handsets of a smaller one get it adapted, or refuse it."""


class Message(NamedTuple):
    """A composed message."""

    parts: tuple[Part, ...]  # SMIL first

    @property
    def octets(self) -> int:
        """Of all contents."""
        return sum(part.body.nbytes for part in self.parts)

    @property
    def content_class(self) -> str:
        """The smallest class that takes its octets; empty when none does."""
        return next((name for octets, _, name in CLASSES if self.octets <= octets), "")


def composed(contents: Sequence[Content]) -> Message:
    """The message of some contents. EncodeError for none, or for a medium that MMS handsets do not show.

    >>> [part.name for part in composed([Content("image/gif", b"GIF89a"), Content("text/plain", b"hi", 106)]).parts]
    ['start.smil', '1.gif', '2.txt']
    """
    parts: list[Part] = []
    slides: list[list[Item]] = []
    for number, content in enumerate(contents, 1):
        ending = _ENDINGS.get(content.media)
        if ending is None:
            raise EncodeError(f"{content.media} is no medium of a seed: {', '.join(_ENDINGS)} are")
        name = f"{number}.{ending}"
        parts.append(multipart.part(content.media, content.body, charset=content.charset, name=name, cid=str(number)))
        kind = content.media.partition("/")[0]
        item = Item({"image": "img"}.get(kind, kind), name, {"image": "Image", "text": "Text"}.get(kind, ""))
        if not slides or any(item.kind == known.kind for known in slides[-1]):
            slides.append([])
        slides[-1].append(item)
    if not parts:
        raise EncodeError("a message of nothing")
    start = smil.encode([Slide(tuple(items), _SLIDE) for items in slides])
    return Message((multipart.part(_SMIL, start, charset=charsets.UTF_8, name="start.smil", cid="start"), *parts))


def send_request(message: Message, *, transaction: str, receivers: Sequence[str], subject: str = "", sender: str = "") -> bytes:
    """An M-Send.req (OMA-MMS-ENC 6.1.1) to E.164 digits; without `sender` the MMSC puts it in. EncodeError without receivers.

    >>> mms.decode(send_request(composed([Content("text/plain", b"hi")]), transaction="T", receivers=["8613900000001"])).type
    128
    """
    headers: list[mms.Header] = [
        (table.MESSAGE_TYPE, table.M_SEND_REQ),
        (table.TRANSACTION_ID, transaction.encode()),
        (table.MMS_VERSION, 0x92),
        (table.FROM, mms.Text(f"+{sender}/TYPE=PLMN".encode()) if sender else table.INSERT_ADDRESS),
        *((table.TO, mms.Text(f"+{receiver}/TYPE=PLMN".encode())) for receiver in receivers),
    ]
    if subject:
        headers.append((table.SUBJECT, mms.Text(subject.encode(), charsets.UTF_8)))
    kind = ContentType("application/vnd.wap.multipart.related", (("type", _SMIL.encode()), ("start", b"<start>")))
    headers.append((table.CONTENT_TYPE, kind))
    return mms.encode(headers, multipart.encode(message.parts))


def mm7_content(message: Message, cid: str = "content") -> mime.Part:
    """The attachment that a SubmitReq's Content names by `cid` (TS 23.140 8.7.7): a multipart/related, its parts in binary."""
    parts = []
    for part in message.parts:
        media = part.content_type.media
        charset = '; charset="utf-8"' if part.charset == charsets.UTF_8 else ""
        headers = (("content-type", media + charset), ("content-id", part.cid.strip('"')), ("content-location", part.location))
        parts.append(mime.Part(headers, part.body))
    return mm7.attach(cid, parts, start="<start>")


def mm7_body(message: Message) -> bytes:
    """The same as octets, headers and all: what the store keeps of a composed message (`model.Composed`), and `content.mime` holds."""
    attached = mm7_content(message)
    head = "".join(f"{name}: {said}\r\n" for name, said in attached.headers)
    return head.encode() + b"\r\n" + bytes(attached.raw)


class Shown(NamedTuple):
    """A part of a composed message as a person is told of it."""

    media: str
    octets: int
    text: str  # "" of what is none


def shown(body: bytes) -> list[Shown]:
    """The parts that `mm7_body` put together, but for the SMIL. DecodeError for what is no multipart.

    >>> shown(mm7_body(composed([Content("image/gif", b"GIF89a"), Content("text/plain", b"hi", charsets.UTF_8)])))
    [Shown(media='image/gif', octets=6, text=''), Shown(media='text/plain', octets=2, text='hi')]
    """
    headers, at = mime.decode_headers(body)
    kind = mime.decode_content_type(mime.get(headers, "content-type"))
    told = []
    for part in mime.decode_multipart(body[at:], kind.parameters.get("boundary", "")):
        media, content = part.content_type.media, bytes(part.content())
        if media != _SMIL:
            told.append(Shown(media, len(content), content.decode("utf-8", "replace") if media == "text/plain" else ""))
    return told
