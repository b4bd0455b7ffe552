"""What people say of a forward: that it counts although a rule stopped it, or that it does not. Both can be taken back.

    act       of what           then
    release   does not count    it counts; its serial is issued, unless it has one, and the SMS with it leaves, unless one has left
    stop      counts, is held   it does not count; an SMS that still waits does not leave any more

A serial that was issued stays the forward's own, whatever is said afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from mmsd.model import Deed, Event, Forward, Outgoing
from mmsd.rules import outbox
from mmsd.rules.forwards import HELD, Awarded, earn, event_of, outbox_key, serial_sms, told
from mmsd.rules.settings import CampaignSettings

RELEASED, STOPPED = "released", "stopped"
SUBJECT: Final = "forward {}"
"""Of a deed in the audit: a forward, by its id."""
REVIEWS: Final = ("", HELD, RELEASED, STOPPED)
"""`Forward.review`: nobody has to look at it; somebody has to; it was let count; it was stopped for good."""
BY_HAND: Final = "by_hand"
"""The reason of a forward that counted until somebody stopped it."""
MOST_SMS: Final = 8
"""Of one serial: so often one may be asked for that was taken back before it left."""
GONE: Final = frozenset({outbox.DROPPED, outbox.EXPIRED, outbox.FAILED, outbox.SHADOW})
"""An SMS in one of these states told nobody anything."""


WITHDRAWN: Final = "withdrawn"
"""The reason of an SMS that does not leave because its forward was stopped."""


class Refusal(str):
    """Why it cannot be: counts, does_not_count, erased, no_campaign (docs/http.md)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A forward somebody looks at, as the transaction sees it."""

    forward: Forward
    identity: int  # in the store
    serial: str  # "" = none was issued
    sms: Sequence[Outgoing]  # with its serial, as often as one was asked for (`sms_keys`)
    counts: tuple[int, int, int]  # counted so far: of its sender, his city, the campaign


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What an act makes: the row as it stands from now on and what it earned by that; the deed; SMS that do not leave any more."""

    awarded: Awarded
    deed: Deed
    withdrawn: tuple[Outgoing, ...] = ()


def sms_keys(forward: bytes) -> tuple[bytes, ...]:
    """Of all SMS there may be with a forward's serial, in their order."""
    return tuple(outbox_key("serial", forward, attempt) for attempt in range(MOST_SMS))


def review(act: str, case: Case, campaign: CampaignSettings | None, *, bits: int, who: str, why: str, now: int) -> Reviewed | Refusal:
    """`release` or `stop`. `bits`: 64 random ones or more, for a serial. `campaign` None: it is configured no more."""
    forward = case.forward
    if not forward.sender or not forward.receiver:
        return Refusal("erased")
    after = ACTS[act](forward)
    if isinstance(after, Refusal):
        return after
    deed = Deed(who, f"{act} forward", SUBJECT.format(case.identity), why)
    made = Awarded([after])
    if not after.counted:
        if forward.counted:
            made.events.append(Event(after.retrieved, "forward_stopped", after.campaign, told(after, case.counts[2] - 1)))
        return Reviewed(made, deed, tuple(outbox.moved(row, outbox.DROPPED, reason=WITHDRAWN) for row in case.sms if _waits(row)))
    if campaign is None:
        return Refusal("no_campaign")
    leg, in_city, total = (n + 1 for n in case.counts)
    if not case.serial:
        earn(made, after, campaign, (leg, in_city, total), bits, now)
        return Reviewed(made, deed)
    made.events.append(event_of(after, total))
    if all(row.state in GONE for row in case.sms) and len(case.sms) < MOST_SMS:
        made.outbox.append(serial_sms(after, campaign, case.serial, (leg, in_city, total), now, len(case.sms)))
    return Reviewed(made, deed)


def _waits(row: Outgoing) -> bool:
    return outbox.DROPPED in outbox.FOLLOWS[row.state]


def _release(forward: Forward) -> Forward | Refusal:
    if forward.counted:
        return Refusal("counts")
    return msgspec.structs.replace(forward, counted=True, review=RELEASED)


def _stop(forward: Forward) -> Forward | Refusal:
    if not forward.counted and forward.review != HELD:
        return Refusal("does_not_count")
    return msgspec.structs.replace(forward, counted=False, review=STOPPED, reason=forward.reason or BY_HAND)


ACTS: Final[Mapping[str, Callable[[Forward], Forward | Refusal]]] = {"release": _release, "stop": _stop}
