"""What a message holds, flat: every part of its multiparts, forward-locked ones unwrapped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from mmsd.codec import mime, multipart
from mmsd.codec.multipart import Part
from mmsd.errors import DecodeError

LOCKED: Final = "application/vnd.oma.drm.message"
_DEPTH: Final = 4
_LIMIT: Final = 100
_BOUNDARY: Final = re.compile(rb"\A\s*--([!-~]{1,70})[ \t]*\r?\n")


class Content(NamedTuple):
    """One part: its media type in lower case, its octets, and the character set it names (MIBenum, 0 = none)."""

    media: str
    body: bytes
    charset: int = 0

    @property
    def is_picture(self) -> bool:
        """By its type, or by its first octets: some handsets send a picture as octets of no kind."""
        return self.media.startswith("image/") or self.body.startswith(_MAGIC)

    @property
    def is_text(self) -> bool:
        return self.media == "text/plain"

    @property
    def is_sound(self) -> bool:
        return self.media.startswith("audio/")


_MAGIC: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF87a", b"GIF89a")


def contents(parts: Iterable[Part]) -> list[Content]:
    """The contents of a message, in their order; at most 100, whatever is nested in what. Never raises: what cannot be read stays whole."""
    found: list[Content] = []
    for content in _flat(parts, 0):
        found.append(content)
        if len(found) == _LIMIT:
            break
    return found


def _flat(parts: Iterable[Part], depth: int) -> Iterator[Content]:
    for part in parts:
        media = part.content_type.media.lower()
        if depth < _DEPTH and multipart.is_multipart(media):
            body = bytes(part.body)
            yield from _flat(multipart.decode(body, 0, len(body)).parts, depth + 1)
        else:
            yield unlocked(Content(media, bytes(part.body), part.charset or 0))


def unlocked(content: Content) -> Content:
    """A forward-locked part's own content (OMA-DRM-DRM-V1_0 4.2); any other part as it is.

    >>> unlocked(Content(LOCKED, b"--x\\r\\nContent-Type: image/gif\\r\\nContent-Transfer-Encoding: binary\\r\\n\\r\\nGIF89a\\r\\n--x--"))
    Content(media='image/gif', body=b'GIF89a', charset=0)
    """
    boundary = _BOUNDARY.match(content.body) if content.media == LOCKED else None
    if boundary is None:
        return content
    try:
        inner = mime.decode_multipart(content.body, boundary[1].decode("ascii"))[0]
        return Content(inner.content_type.media.lower(), bytes(inner.content()))
    except (DecodeError, IndexError):
        return content
