"""What makes a log file known: its first bytes, the bytes before a position, and what its name says about rotation. Pure."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

HEAD: Final = 1024
"""A head is the first ≤ 1 KiB of a file after decompression; of a shorter file, or one read less far, as much as was taken."""

GUARD: Final = 256
"""A guard is the ≤ 256 bytes before a position."""

_NUMBERED: Final = re.compile(r"^(?P<base>.+)\.(?P<n>\d{1,5})$")
_DATED: Final = re.compile(
    r"(?P<before>.*?)[-._]?(?P<date>(?:19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d(?:[-_.T]?\d{2,6})*|\d{9,13})(?P<after>\D*)$"
)


def digest(data: bytes | memoryview) -> bytes:
    """BLAKE2b-128.

    >>> digest(b"").hex()
    'cae66941d9efbd404e4d88758ea67670'
    """
    return hashlib.blake2b(data, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Name:
    """A path as rotation sees it: files of one `base` are one log; the higher the rank the younger."""

    base: str
    rank: tuple[int, int]
    rotated: bool


@functools.lru_cache(maxsize=32768)
def name(path: str) -> Name:
    """Reads `.N`, dated suffixes and infixes, and `.gz` off a path.

    >>> name("/l/mms.log.2.gz").base, name("/l/mms.log-20261122").base, name("/l/mms-2026-11-22.log").base
    ('/l/mms.log', '/l/mms.log', '/l/mms.log')
    >>> name("/l/mms.log.2.gz").rank < name("/l/mms.log.1").rank < name("/l/mms.log").rank
    True
    >>> name("/l/mms.log-20261121").rank < name("/l/mms.log-20261122").rank
    True
    """
    plain = path.removesuffix(".gz")
    numbered = _NUMBERED.match(plain)
    number = 0
    if numbered:
        plain, number = numbered["base"], int(numbered["n"])
    folder, slash, file = plain.rpartition("/")
    dated = _DATED.match(file)
    if dated and dated["before"]:
        stamp = int(re.sub(r"\D", "", dated["date"]))
        return Name(f"{folder}{slash}{dated['before']}{dated['after']}", (0, stamp * 100_000 - number), rotated=True)
    if numbered:
        return Name(plain, (0, -number), rotated=True)
    return Name(plain, (1, 0), rotated=path != plain)


def made_from(copy: str, original: str) -> bool:
    """Could rotation have made the file at `copy` from the one at `original`: a suffix added, or an older place in the same log?

    >>> made_from("a.log.1", "a.log"), made_from("a.log.1.gz", "a.log.1"), made_from("a.log.2", "a.log.1"), made_from("a.log", "a.log.1")
    (True, True, True, False)
    """
    if copy == original:
        return False
    if copy.startswith(original):
        return True
    new, old = name(copy), name(original)
    return new.base == old.base and new.rank < old.rank


def origins(copy: str) -> tuple[str, ...]:
    """Paths a copy at this path is usually made from: without `.gz`, without its last suffix, the log's live name."""
    found = {copy.removesuffix(".gz"), copy.rpartition(".")[0], name(copy).base} - {copy}
    return tuple(sorted(found, key=len, reverse=True))


Item = TypeVar("Item")


def oldest_first(items: Iterable[tuple[str, int, Item]]) -> list[Item]:
    """Items given as (path, mtime, item), in reading order: within one log by rotation rank, between logs by time.

    A copy's mtime may be newer than it should be; rank is believed before it, so mtimes only ever rise along a log.
    """
    logs: dict[str, list[tuple[tuple[int, int], int, str, Item]]] = {}
    for path, mtime, item in items:
        known = name(path)
        logs.setdefault(known.base, []).append((known.rank, mtime, path, item))
    keyed: list[tuple[tuple[int, str, int], Item]] = []
    for base, members in logs.items():
        members.sort(key=lambda member: member[:3])
        newest = 0
        for place, (_, mtime, _, item) in enumerate(members):
            newest = max(newest, mtime)
            keyed.append(((newest, base, place), item))
    keyed.sort(key=lambda pair: pair[0])
    return [item for _, item in keyed]
