"""Which link a `[links.NAME]` table makes: one kind for each protocol."""

from __future__ import annotations

from collections.abc import Callable

from mmsd.link import cmpp, kannel, mm7, renotify, smpp
from mmsd.link.carry import Link

Settings = smpp.Settings | cmpp.Settings | kannel.Settings | mm7.Settings | renotify.Settings


def make(settings: Settings, *, random: Callable[[], float], wall: Callable[[], int]) -> Link:
    """The link, to be entered within a running loop. `random`: a number in [0, 1); `wall`: µs since 1970, UTC."""
    match settings:
        case smpp.Settings():
            return smpp.link(settings, random=random, wall=wall)
        case cmpp.Settings():
            return cmpp.link(settings, random=random, wall=wall)
        case kannel.Settings():
            return kannel.Link(settings, random=random, wall=wall)
        case mm7.Settings():
            return mm7.Link(settings, random=random, wall=wall)
        case renotify.Settings():
            return renotify.Link(settings, random=random)
