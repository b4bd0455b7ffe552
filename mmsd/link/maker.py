"""Makes seeds of files: pictures marked and tried in worker processes, the message composed, and what is registered of both.

    made = await make(workers, key, Wish("relay", "leg-1", who="Zhou"), [given("card.jpg", octets)])

`Drafts` makes one at a time for whoever asks over the page, and keeps what was made until somebody looked at it and registers it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from pathlib import PurePath
from typing import Final, NamedTuple

from mmsd.codec.tables import charsets
from mmsd.errors import DecodeError, EncodeError, LinkError
from mmsd.link.workers import Workers
from mmsd.model import NewSeed, SeedEntry, SeedPart
from mmsd.seeds import compose, texts
from mmsd.seeds.alike import Alike, alike
from mmsd.seeds.contents import Content
from mmsd.seeds.seed import PAYLOAD_OCTETS, RegisteredPicture, RegisteredSeed, key_name

_MEDIA: Final = {".amr": "audio/amr", ".mid": "audio/midi", ".midi": "audio/midi", ".txt": "text/plain"}
_KEPT: Final = 8
"""Drafts that are made, or wait for somebody to register them; the oldest makes room."""
_WAITING: Final = 3


class Given(NamedTuple):
    """A file of a seed."""

    name: str
    content: Content


class Wish(NamedTuple):
    """What a seed shall be called and say."""

    campaign: str
    name: str
    family: str = ""  # "": its name
    said: tuple[str, ...] = ()  # shown with a picture: the first with the first, and so on
    subject: str = ""
    who: str = ""  # wishes it


class Made(NamedTuple):
    """A seed that nobody has registered yet."""

    new: NewSeed
    pictures: tuple[RegisteredPicture, ...]
    message: compose.Message


def given(name: str, octets: bytes) -> Given:
    """A file as a part: what it is by its ending, a picture by its octets.

    >>> given("words.txt", b"hi").content.media, given("card.jpg", b"").content.media
    ('text/plain', 'image/unknown')
    """
    media = _MEDIA.get(PurePath(name).suffix.lower(), "")
    if media == "text/plain":
        return Given(name, Content(media, octets, charsets.UTF_8))
    return Given(name, Content(media or "image/unknown", octets))


async def make(workers: Workers, key: bytes, wish: Wish, files: Sequence[Given], progress: Callable[[int], None] = lambda n: None) -> Made:
    """Marks every picture; `progress` is told how many are done. It takes seconds a picture.

    Raises EncodeError for files that make no seed, WorkerFailed for a picture that cannot be marked.
    """
    if not any(file.content.is_picture for file in files):
        raise EncodeError("a seed needs a picture: text and sound alone are never counted")
    shown: list[SeedPart] = []
    pictures: list[RegisteredPicture] = []
    for file in files:
        content = file.content
        if content.is_picture:
            octets, picture = await workers.make(file.name, content.body, secrets.token_bytes(PAYLOAD_OCTETS))
            pictures.append(picture)
            shown.append(SeedPart(picture.media, 0, octets, content.body))
            progress(len(pictures))
        else:
            shown.append(SeedPart(content.media, content.charset, content.body))
    parts = tuple(_with_texts(shown, wish.said))
    message = message_of(parts)
    spoken = [content.body.decode("utf-8", "replace") for _, content in files if content.is_text]
    value = RegisteredSeed(
        wish.name, wish.campaign, wish.family or wish.name, key_name(key), tuple(pictures),
        tuple(filter(None, (texts.reduced(text) for text in (*wish.said, *spoken)))),
        tuple(texts.sound(content.body) for _, content in files if content.is_sound),
    )  # fmt: skip
    entry = SeedEntry(wish.campaign, wish.name, value.family, value.weak, len(pictures), message.octets, wish.subject, wish.who)
    return Made(NewSeed(entry, value.to_bytes(), parts), value.pictures, message)


def look_alikes(new: NewSeed, live: Iterable[bytes]) -> list[Alike]:
    """Live seeds, packed, that are none of its siblings and look like it (`seeds.alike`)."""
    return alike(RegisteredSeed.from_bytes(new.registered), _readable(live))


def _readable(live: Iterable[bytes]) -> Iterator[RegisteredSeed]:
    for octets in live:
        with suppress(DecodeError):  # said where it is looked for
            yield RegisteredSeed.from_bytes(octets)


def message_of(parts: Iterable[SeedPart]) -> compose.Message:
    """The message of a seed's parts. EncodeError for none, or for a medium that handsets do not show."""
    return compose.composed([Content(part.media, part.body, part.charset) for part in parts])


def _with_texts(shown: Iterable[SeedPart], said: Sequence[str]) -> Iterator[SeedPart]:
    """Each text behind its picture; those that are left over, at the end."""
    left = iter(said)
    for part in shown:
        yield part
        if part.original:
            yield from (SeedPart("text/plain", charsets.UTF_8, text.encode()) for text in islice(left, 1))
    yield from (SeedPart("text/plain", charsets.UTF_8, text.encode()) for text in left)


def fault(new: NewSeed, key: bytes) -> str:
    """Why a seed that came from elsewhere is not what it says; "" when it is."""
    entry = new.entry
    try:
        value = RegisteredSeed.from_bytes(new.registered)
        octets = message_of(new.parts).octets
    except (DecodeError, EncodeError) as error:
        return str(error)
    if (value.campaign, value.name, value.family) != (entry.campaign, entry.name, entry.family):
        return "it is registered under another name"
    if value.key != key_name(key):
        return "it was marked under another key"
    marked = [sha256(part.body).digest() for part in new.parts if part.original]
    if marked != [picture.digest for picture in value.pictures]:
        return "its pictures are not those that were registered"
    if (entry.weak, entry.pictures, entry.octets) != (value.weak, len(value.pictures), octets):
        return "what is told of it is not what it is"
    return ""


class Draft:
    """A seed that is being made: `done` of `pictures` are marked; then `made`, or the `trouble` why not."""

    def __init__(self, wish: Wish, files: Sequence[Given]) -> None:
        self.wish = wish
        self.files = files
        self.pictures = sum(file.content.is_picture for file in files)
        self.done = 0
        self.made: Made | None = None
        self.trouble = ""

    def marked(self, n: int) -> None:
        """So many pictures are marked."""
        self.done = n

    @property
    def state(self) -> str:
        if self.trouble:
            return "failed"
        return "made" if self.made is not None else "making"


class Drafts:
    """Seeds on their way, in memory alone: what nobody registers is forgotten."""

    def __init__(self, workers: Workers, key: bytes) -> None:
        """`workers` need not be entered: each picture is marked in a process of its own."""
        self._workers = workers
        self._key = key
        self._drafts: OrderedDict[str, Draft] = OrderedDict()
        self._queue: asyncio.Queue[Draft] = asyncio.Queue(_WAITING)

    async def run(self) -> None:
        """Makes one after the other, until cancelled."""
        while True:
            draft = await self._queue.get()
            try:
                draft.made = await make(self._workers, self._key, draft.wish, draft.files, draft.marked)
            except (EncodeError, LinkError) as error:
                draft.trouble = str(error)
            draft.files = ()

    def begin(self, wish: Wish, files: Sequence[Given]) -> str | None:
        """The name of a new draft; None while too many wait."""
        draft = Draft(wish, files)
        try:
            self._queue.put_nowait(draft)
        except asyncio.QueueFull:
            return None
        name = secrets.token_hex(8)
        self._drafts[name] = draft
        while len(self._drafts) > _KEPT:
            self._drafts.popitem(last=False)
        return name

    def find(self, name: str) -> Draft | None:
        return self._drafts.get(name)

    def forget(self, name: str) -> None:
        """It was registered, or nobody wants it."""
        self._drafts.pop(name, None)
