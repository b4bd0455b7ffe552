"""What became of each notification, and where fetches broke: what tunes the resend interval, and where radio is looked at.

A delivery that closed tells of each of its notifications whether the message was fetched after it and before the next. Counted by the SMS
gateway's node, by which notification it was and how long after the one before; so the interval after which another one still helps shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mmsd.model import SECOND, Kind
from mmsd.rules.relate import Dossier, FeedInfo, Thread
from mmsd.rules.traces import AT, AUTHORITY, FEED, KIND, STATUS

MOST: Final = 9
"""Notifications told apart; later ones count as this."""
FIRST: Final = -1
"""In place of a gap: there was none before."""
RETRIEVED, MISSED, LATE = "retrieved", "missed", "late"

Notified = tuple[str, int, int, str]
"""(node of the SMS gateway, which notification, floor(log2(seconds since the one before + 1)) or FIRST, what became of it)."""


def notified(thread: Thread, feeds: Sequence[FeedInfo], *, late: bool) -> tuple[Notified, ...]:
    """Of a closed delivery. `late`: the first sign of the push came too late (D4); said once more of its first notification."""
    pushes = thread.leg.pushes if thread.leg else []
    fetched = thread.retrieved_at
    found: list[Notified] = []
    for place, push in enumerate(pushes):
        if fetched and push[AT] > fetched:
            break
        after = pushes[place + 1][AT] if place + 1 < len(pushes) else 0
        took = bool(fetched) and (not after or fetched < after)
        gap = FIRST if not place else gap_bin(push[AT] - pushes[place - 1][AT])
        found.append((feeds[push[FEED]].node, min(place + 1, MOST), gap, RETRIEVED if took else MISSED))
    if late and pushes:
        found.append((feeds[pushes[0][FEED]].node, 1, FIRST, LATE))
    return tuple(found)


def by_the_book(rule: str) -> tuple[Notified, ...]:
    """Of a delivery on the express lane, which does not tell notifications apart: fetched after the first, of whichever gateway.

    >>> by_the_book("D1")
    (('', 1, -1, 'retrieved'),)
    """
    return (("", 1, FIRST, RETRIEVED), *([("", 1, FIRST, LATE)] if rule == "D4" else []))


def gap_bin(gap: int) -> int:
    """µs → floor(log2(seconds + 1)).

    >>> gap_bin(0), gap_bin(3 * SECOND), gap_bin(600 * SECOND)
    (0, 2, 9)
    """
    return (max(gap, 0) // SECOND + 1).bit_length() - 1


def place_of(thread: Thread, dossier: Dossier, cells: Sequence[str], skew: int) -> str:
    """Where the last fetch was tried: the cell that the session's newest record names, else its SGSN; "" = not told.

    `cells` by label; session traces carry the label of their cell as status (`State`).
    """
    tries = [t[AT] for t in (*thread.gets, *thread.fetches, *thread.failed)]
    if not tries:
        return ""
    lines = [t for t in dossier.sessions if t[AT] <= max(tries) + skew and t[KIND] != Kind.SESSION_REJECT]
    newest = max(lines, key=lambda t: t[AT], default=None)
    if newest is None:
        return ""
    if newest[STATUS] > 0:
        return cells[newest[STATUS]]
    sgsn = newest[AUTHORITY]
    return f"SGSN {'.'.join(str(sgsn >> shift & 255) for shift in (24, 16, 8, 0))}" if 0 < sgsn < 1 << 32 else ""


_SHAPES: Final = {0: "cell", 1: "service area", 2: "routing area", 128: "tracking area", 129: "cell", 130: "cell"}


def cell_name(text: bytes) -> str:
    """3GPP-User-Location-Info as people read it (TS 29.061 16.4.7.2, TS 29.274 8.21); what is no such octets stays as it is written.

    >>> cell_name(b"0x0064f0001a2b3c4d"), cell_name(b"0x8264f0001a2b64f00000012345"), cell_name(b"east-7")
    ('cell 460-00-6699-15437', 'cell 460-00-74565', 'cell east-7')
    """
    try:
        octets = bytes.fromhex(text.decode("ascii").removeprefix("0x"))
    except ValueError:
        return f"cell {text[:48].decode('utf-8', 'replace')}"
    kind = octets[0] if octets else -1
    fields = octets[1:]
    if kind == 130:  # tracking area, then the cell
        kind, fields = 129, fields[5:]
    if kind not in _SHAPES or len(fields) < (7 if kind in (0, 1, 129) else 5):
        return f"cell {octets.hex()[:48]}"
    network = _network(fields[:3])
    if kind == 129:
        return f"cell {network}-{int.from_bytes(fields[3:7]) & 0xFFFFFFF}"
    area = int.from_bytes(fields[3:5])
    return f"{_SHAPES[kind]} {network}-{area}-{int.from_bytes(fields[5:7])}" if kind < 2 else f"{_SHAPES[kind]} {network}-{area}"


def _network(octets: bytes) -> str:
    """MCC-MNC of three octets (TS 24.008 10.5.1.3)."""
    a, b, c = octets
    mnc = f"{c & 15}{c >> 4}" + ("" if b >> 4 == 15 else f"{b >> 4}")
    return f"{a & 15}{a >> 4}{b & 15}-{mnc}"
