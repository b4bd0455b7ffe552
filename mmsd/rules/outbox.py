"""What becomes of an outgoing row: its states, which follow which, and what each answer, receipt and silence makes of it.

    READY → SENDING → SENT → DELIVERED | FAILED           the plain way
    SENDING → READY                                       certainly not taken: throttled, refused for now, never written
    SENDING → UNCERTAIN → SENT | READY | PARKED           the answer was lost: a receipt tells; else one more try, else a person
    READY → SHADOW | HELD | DROPPED | EXPIRED             the governor

A row is UNCERTAIN until every part of it is proven by a late answer or a receipt. Nothing that is known is ever unlearnt: a receipt moves a
row on, or does nothing.
"""

from __future__ import annotations

import enum
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from mmsd.model import SECOND, Composed, Outgoing, Part

READY: Final = "ready"
HELD: Final = "held"
SENDING: Final = "sending"
UNCERTAIN: Final = "uncertain"
PARKED: Final = "parked"
SENT: Final = "sent"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"
EXPIRED: Final = "expired"
DROPPED: Final = "dropped"
SHADOW: Final = "shadow"

FOLLOWS: Final[Mapping[str, frozenset[str]]] = {
    READY: frozenset({READY, SENDING, SHADOW, HELD, DROPPED, EXPIRED, FAILED, SENT, DELIVERED}),
    HELD: frozenset({READY, DROPPED, EXPIRED, FAILED, SENT, DELIVERED}),
    SENDING: frozenset({SENT, DELIVERED, FAILED, UNCERTAIN, READY}),
    UNCERTAIN: frozenset({UNCERTAIN, SENT, DELIVERED, FAILED, READY, PARKED, EXPIRED}),
    PARKED: frozenset({READY, DROPPED, SENT, DELIVERED, FAILED}),
    SENT: frozenset({SENT, DELIVERED, FAILED}),
    EXPIRED: frozenset({SENT, DELIVERED, FAILED}),  # one whose answer was lost, and then its receipt came
    FAILED: frozenset({DELIVERED}),  # of two tries the other arrived
    DELIVERED: frozenset(),
    DROPPED: frozenset(),
    SHADOW: frozenset(),
}
"""Which state may follow which. What is sent after a state of the first column was never sent before, but from READY on a second try."""

STATES: Final = tuple(FOLLOWS)
FINAL: Final = (DELIVERED, FAILED, EXPIRED, DROPPED, SHADOW)
"""Nobody waits for more: the text is forgotten after a while."""

ARRIVED: Final = frozenset({"DELIVRD", "READ", "FORWARDED"})
"""States of receipts that say a part reached its handset."""

# Reasons of ours; others are the governor's, or a centre's own words.
RESEND: Final = "no_answer"
NO_PROOF: Final = "no_proof"
NOT_WRITTEN: Final = "not_written"
THROTTLED: Final = "throttled"
RESTARTED: Final = "restarted"
ENDED: Final = "ended"
ERASED: Final = "erased"
TOO_LATE: Final = "too_late"
UNSENDABLE: Final = "unsendable"
NO_CONSENT: Final = "no_consent"


RENOTIFY: Final = "renotify"
"""The purpose, before its case, of a row that asks the MMSC to announce again what waits for somebody."""


class Form(enum.IntEnum):
    """What a row is made of, and so which links may take it. The value is stored: never renumber."""

    TEXT = 0
    OCTETS = 1  # binary SMS
    MMS = 2  # a composed multimedia message
    NOTICE = 3  # nothing for the subscriber: the MMSC is asked to announce again what waits for him


def form(row: Outgoing) -> Form:
    """The form of a row."""
    if row.purpose.partition(":")[0] == RENOTIFY:
        return Form.NOTICE
    return Form.OCTETS if row.pieces else Form.MMS if row.content else Form.TEXT


def composed(subject: str, body: bytes) -> Composed:
    """A multimedia message under its name: the same one has the same name, whoever composes it again.

    >>> composed("Spring", b"...").name.hex()
    '555426af516b4e7a167ebae8d063c2ab'
    """
    digest = hashlib.blake2b(subject.encode(), digest_size=16, person=b"mmsd-composed")
    digest.update(b"\0" + body)
    return Composed(digest.digest(), subject, body)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[outbox]`. Durations are seconds."""

    grace_seconds: float = 900.0  # how long an uncertain message waits for its receipt
    max_resend: int = 1  # and how often it is sent again when none came; then a person decides
    retry_seconds: float = 30.0  # after a refusal that is not for good; it doubles …
    retry_limit_seconds: float = 900.0  # … up to this
    keep_seconds: float = 7 * 86400.0  # texts of messages that are done
    poll_seconds: float = 1.0  # how often is looked for what has become due, when nothing wakes us earlier
    stop_seconds: float = 15.0  # at the end of mmsd: for answers that are on their way


def moved(row: Outgoing, state: str, **changes: Any) -> Outgoing:
    """The row in another state; its reason is cleared unless one is given. ValueError when that state cannot follow: a bug of ours.

    >>> moved(Outgoing(b"k", "service", "ask", "8613900000001", "?", "shadow", 0, 1), "ready")
    Traceback (most recent call last):
    ...
    ValueError: shadow is never followed by ready
    """
    if state not in FOLLOWS[row.state]:
        raise ValueError(f"{row.state} is never followed by {state}")
    return msgspec.structs.replace(row, **{"state": state, "reason": "", **changes})


def claimed(row: Outgoing, link: str, parts: int, *, now: int, fence: int) -> Outgoing:
    """On its way: committed before a byte of it is written. Until more is known the try counts."""
    return moved(
        row, SENDING, tries=row.tries + 1, link=link, parts=parts, reference=reference(row.key), submitted=now, fence=fence, reserved=now
    )


def reference(key: bytes) -> int:
    """The user_message_reference of a row, the same at each try: 0 … 65535.

    >>> reference(bytes.fromhex("0badc0de"))
    2989
    """
    return int.from_bytes(key[:2], "big")


def sent(row: Outgoing, parts: int, *, now: int) -> Outgoing:
    """Every part was taken, says the answer. For caps it leaves now: since the claim it may have waited on its link."""
    return moved(row, SENT, parts=max(parts, 1), refusals=0, reserved=now)


def not_taken(row: Outgoing, reason: str) -> Outgoing:
    """Certainly not taken, through no fault of the message: it goes again as if never tried."""
    return moved(row, READY, reason=reason, tries=row.tries - 1, reserved=0)


def refused_for_now(row: Outgoing, reason: str, *, now: int, taken: bool, settings: Settings) -> Outgoing:
    """The centre said no, and may say yes later. `taken`: parts of it were taken all the same, so what goes again goes twice."""
    if taken:
        return uncertain(row, reason, now=now, settings=settings)
    wait = min(settings.retry_seconds * 2 ** min(row.refusals, 30), settings.retry_limit_seconds)
    due = now + int(wait * SECOND)
    return moved(row, READY, reason=reason, due=due, tries=row.tries - 1, refusals=row.refusals + 1, reserved=0)


def uncertain(row: Outgoing, reason: str, *, now: int, settings: Settings) -> Outgoing:
    """Whether it was taken nobody knows: it waits for a sign."""
    return moved(row, UNCERTAIN, reason=reason, due=now + int(settings.grace_seconds * SECOND), reserved=now)


def overdue(row: Outgoing, parts: Iterable[Part], *, now: int, fence: int, settings: Settings) -> Outgoing | None:
    """What time makes of a row that waited long enough, and what becomes of one that an earlier start left. None: nothing yet."""
    if row.state == SENDING and row.fence != fence:
        return told(uncertain(row, RESTARTED, now=now, settings=settings), parts)
    if row.state in (READY, HELD):
        return moved(row, EXPIRED, reason=row.reason or TOO_LATE) if row.expires <= now else None
    if row.state != UNCERTAIN or row.due > now:
        return None
    if row.expires <= now:
        return moved(row, EXPIRED, reason=NO_PROOF)
    if row.tries > settings.max_resend:
        return moved(row, PARKED, reason=NO_PROOF)
    return moved(row, READY, reason=RESEND, due=now, reserved=0)


def told(row: Outgoing, parts: Iterable[Part]) -> Outgoing:
    """The row after what centres said of all its parts, in every try: on, or as it is.

    Delivered: each part arrived, in whichever try (a handset joins the parts of two). Failed: of some part every submit came to nothing.
    Sent: each part is known to have been taken. A row that is being sent waits for its own answer.
    """
    if row.state == SENDING or not FOLLOWS[row.state]:
        return row
    whole = max(row.parts, 1)
    known: defaultdict[int, list[Part]] = defaultdict(list)
    nameless = []
    for part in parts:
        if part.number:
            known[part.number].append(part)
        else:
            nameless.append(part)
    missing = [number for number in range(1, whole + 1) if number not in known]
    for number, part in zip(missing, nameless, strict=False):
        known[number].append(part)
    if len(known) >= whole and all(any(part.state in ARRIVED for part in each) for each in known.values()):
        return row if row.state == DELIVERED else moved(row, DELIVERED, reserved=row.reserved or row.submitted)
    lost = next((each for each in known.values() if all(part.final and part.state not in ARRIVED for part in each)), None)
    if lost is not None:
        return row if row.state == FAILED else moved(row, FAILED, reason=lost[-1].state)
    if len(known) >= whole and row.state in (READY, HELD, UNCERTAIN, PARKED, EXPIRED):
        return moved(row, SENT, reserved=row.reserved or row.submitted)
    return row
