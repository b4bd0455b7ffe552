"""Texts and sounds of a seed: how alike two texts are, and the digest of a sound without its container.

Neither ever decides: unrelated cards share their stock phrases.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256
from typing import Final

from mmsd.codec import text

ALIKE: Final = 0.83
"""Share of the seed's 3-grams that are in the text received."""
SHORTEST: Final = 8
"""Characters of a reduced text that can tell anything."""
_PREFIX: Final = re.compile(r"(?:(?:fwd?|re|aw|wg|转发|轉寄|转|回复|答复)\s*:\s*)+")


def reduced(raw: bytes | str, charset: int = 0) -> str:
    """A text without what handsets change in it: character set, width, case, forward marks, punctuation and white space.

    >>> reduced("Fw: FWD：　清明 Ｈome, 回家！"), reduced("转发:转发:平安".encode("gb18030"))
    ('清明home回家', '平安')
    """
    plain = raw if isinstance(raw, str) else text.decode(raw, charset)
    plain = unicodedata.normalize("NFKC", plain).casefold().strip()
    plain = _PREFIX.sub("", plain, count=1) if _PREFIX.match(plain) else plain
    return "".join(sign for sign in plain if sign.isalnum())


def _grams(reduced_text: str) -> set[str]:
    return {reduced_text[at : at + 3] for at in range(len(reduced_text) - 2)}


def alike(seed: str, received: str) -> bool:
    """Whether a reduced text holds that of a seed, or nearly all of it, or was cut off within it.

    >>> alike("一路平安早日回家团圆", "妈妈一路平安早日回家团圆小明"), alike("一路平安早日回家团圆", "一路平安早日发财一帆风顺")
    (True, False)
    """
    if len(seed) < SHORTEST or len(received) < SHORTEST:
        return False
    if seed in received or (seed.startswith(received) and 2 * len(received) >= len(seed)):
        return True
    grams = _grams(seed)
    return len(grams & _grams(received)) >= ALIKE * len(grams)


_AMR: Final = (b"#!AMR\n", b"#!AMR-WB\n")


def sound(body: bytes) -> bytes:
    """SHA-256 of what is heard: the frames of an AMR file, the track chunks of a MIDI file, the octets of anything else.

    >>> sound(b"#!AMR\\n123") == sound(b"123"), sound(b"MThd\\0\\0\\0\\6xxxxxxMTrk\\0\\0\\0\\1a") == sound(b"MTrk\\0\\0\\0\\1a")
    (True, True)
    """
    for magic in _AMR:
        if body.startswith(magic):
            return sha256(body[len(magic) :]).digest()
    if body[:4] in {b"MThd", b"MTrk"}:
        tracks, at = [], 0
        while at + 8 <= len(body):
            size = int.from_bytes(body[at + 4 : at + 8], "big")
            if body[at : at + 4] == b"MTrk":
                tracks.append(body[at : at + 8 + size])
            at += 8 + size
        return sha256(b"".join(tracks)).digest()
    return sha256(body).digest()
