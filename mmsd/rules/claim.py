"""Which waiting rows leave now, and by which link: the claim, decided inside the transaction that commits it.

Rows come in the order in which they leave: priority, then due, then asked. A row whose class is on is judged only when a link has room for
it, so that what the governor lets go does go. Rows of a class that is in shadow or off need none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from mmsd.errors import EncodeError
from mmsd.model import Outgoing, Reservation
from mmsd.rules import outbox
from mmsd.rules.governor import CLASSES, STOPPED, Candidate, Decision, Defer, Drop, Governor, Hold, Send, Shadow, Usage


class Waiting(NamedTuple):
    """A row that is ready and due, its place in the order of asking, and the store's id of its subscriber."""

    row: Outgoing
    place: int
    subscriber: int
    agreed: bool = True  # of settings: the consent they were ordered by is live in the store, now


class Room(NamedTuple):
    """A link that is up, and how many messages it would take now. `order`: of the links that may take a row the least goes first."""

    link: str
    order: int
    kinds: frozenset[str]
    forms: frozenset[outbox.Form]  # what it carries
    room: int
    parts: Callable[[Outgoing], int]  # into how many it would cut a row; EncodeError when it cannot send it at all


class Claimed(NamedTuple):
    """Rows as they are to stand, and what that reserves. Those in state SENDING leave once this is committed."""

    moved: list[Outgoing]
    reserved: list[Reservation]


Lane = tuple[str, outbox.Form]
"""Class and form of rows."""


def lanes(on: Collection[str], rooms: Sequence[Room], most: int) -> dict[Lane, int]:
    """How many rows of each lane a claim looks at: as many as there is room for; of classes that are not `on`, the most."""
    limits = {}
    for kind in CLASSES:
        for form in outbox.Form:
            room = sum(room.room for room in rooms if kind in room.kinds and form in room.forms)
            limits[kind, form] = min(room, most) if kind in on else most
    return limits


def claim(
    now: int, waiting: Sequence[Waiting], usage: Usage, governor: Governor, on: Collection[str], rooms: Sequence[Room], fence: int
) -> Claimed:
    """What becomes of `waiting`, whichever of them a link has room for. Pure: it may run again."""
    left = {room.link: room.room for room in rooms}
    judged: list[tuple[Outgoing, Candidate, Room | None]] = []
    claimed = Claimed([outbox.moved(each.row, outbox.DROPPED, reason=outbox.NO_CONSENT) for each in waiting if not each.agreed], [])
    waiting = [each for each in waiting if each.agreed]
    for row, _, subscriber, _ in sorted(waiting, key=lambda each: (-each.row.priority, each.row.due, each.place)):
        room = None
        if row.kind in on:
            room = _room(row, rooms, left)
            if room is None:
                continue
            left[room.link] -= 1
        judged.append((row, Candidate(row.kind, row.purpose, subscriber, row.due, row.expires, row.campaign, row.asked), room))
    decisions = governor.decide(now, [candidate for _, candidate, _ in judged], usage)
    for (row, _, room), decision in zip(judged, decisions, strict=True):
        after = _after(row, decision, room, now=now, fence=fence)
        if after is None:
            continue
        claimed.moved.append(after)
        if after.reserved:
            claimed.reserved.append(Reservation(row.kind, row.campaign, governor.day(now), after.state == outbox.SHADOW, 1))
    return claimed


def restated(before: Outgoing, after: Outgoing, day: Callable[[int], str]) -> list[Reservation]:
    """What a row's move does to the days it counts in: one that went back gives back, one that left at another day counts there."""
    days = [day(row.reserved) if row.reserved else "" for row in (before, after)]
    if days[0] == days[1]:
        return []
    return [Reservation(before.kind, before.campaign, name, shadow=False, n=n) for name, n in zip(days, (-1, 1), strict=True) if name]


def _room(row: Outgoing, rooms: Sequence[Room], left: Mapping[str, int]) -> Room | None:
    """The link that takes it: of those that may the first in order; of equals the one with most room."""
    form = outbox.form(row)
    fit = [room for room in rooms if row.kind in room.kinds and form in room.forms]
    first = min((room.order for room in fit), default=0)
    equals = [room for room in fit if room.order == first and left[room.link] > 0]
    return max(equals, key=lambda room: left[room.link], default=None)


def _after(row: Outgoing, decision: Decision, room: Room | None, *, now: int, fence: int) -> Outgoing | None:
    """None: it stays as it is."""
    if not row.msisdn:
        return outbox.moved(row, outbox.DROPPED, reason=outbox.ERASED)
    match decision:
        case Send():
            assert room is not None, "a class that is not on sends nothing"
            try:
                parts = room.parts(row)
            except EncodeError:
                return outbox.moved(row, outbox.FAILED, reason=outbox.UNSENDABLE)
            return outbox.claimed(row, room.link, parts, now=now, fence=fence)
        case Shadow():
            return outbox.moved(row, outbox.SHADOW, reserved=now)
        case Defer(until, reason, _):
            return outbox.moved(row, outbox.READY, reason=reason, due=until)
        case Hold(reason, _):  # a stop ends as it began: the rows it holds stay as they are
            return None if reason == STOPPED else outbox.moved(row, outbox.HELD, reason=reason)
        case Drop(reason, _, expired):
            return outbox.moved(row, outbox.EXPIRED if expired else outbox.DROPPED, reason=reason)
