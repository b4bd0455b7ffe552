"""Questions, consents, and the push that nobody can order without one (docs/care.md).

A consent says to what wording, through which channel and by whom it was given, for which case, and until when it holds. `PushOrder` is the
only thing that settings are made from, and looks at its consent whenever one is made: there is no other way to get one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from mmsd.errors import ConsentError

CODES: Final = tuple(f"{code}" for code in range(33, 100) if not set(str(code)) & set("012"))
"""Of questions: two digits, none of which means yes, no or stop by itself."""


class Channel(enum.StrEnum):
    """How somebody agreed."""

    SMS = "sms"  # he answered a question
    KEYWORD = "keyword"  # he asked for settings by himself
    STAFF = "staff"  # he told care staff, who recorded it


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question to a subscriber by SMS. Known by its number among his questions. Times are µs UTC."""

    number: int  # 1, 2, …
    case: int
    code: str  # has to stand in an answer when several are open
    wording: str  # which text it was, `Text.version`
    language: str
    asked: int  # ordered; then: left
    expires: int  # 48 hours later: no answer counts from then on
    sent: bool = False
    closed: int | None = None
    end: str = ""  # what closed it: an `Event` of care

    def open_at(self, now: int) -> bool:
        """Whether an answer that came now would count."""
        return self.closed is None and now < self.expires


def free_code(questions: Iterable[Question], now: int) -> str:
    """A code that none of the questions has that are open.

    >>> free_code([], 0)
    '33'
    """
    taken = {question.code for question in questions if question.open_at(now)}
    return next(code for code in CODES if code not in taken)


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscriber agreed to. It is for one case alone, and ends with it. Known by its number among his consents."""

    number: int  # 1, 2, …
    case: int
    wording: str  # version of the text he agreed to, or the keyword he sent
    channel: Channel
    by: str  # "subscriber", or the name of whoever recorded it
    at: int
    expires: int
    revoked: int | None = None
    why: str = ""  # it was revoked

    def live(self, now: int) -> bool:
        """Whether it holds.

        >>> consent = Consent(number=1, case=1, wording="question:0", channel=Channel.SMS, by="subscriber", at=5, expires=9)
        >>> [consent.live(now) for now in (4, 5, 8, 9)], revoked(consent, 7, "stop").live(8)
        ([False, True, True, False], False)
        """
        return self.at <= now < self.expires and (self.revoked is None or now < self.revoked)


def revoked(consent: Consent, now: int, why: str) -> Consent:
    """The same consent, taken back; one that no longer holds stays as it is."""
    return msgspec.structs.replace(consent, revoked=now, why=why) if consent.live(now) else consent


def live_consent(consents: Sequence[Consent], case: int, now: int) -> Consent | None:
    """The consent of a case that holds, the newest where there are several."""
    return next((consent for consent in reversed(consents) if consent.case == case and consent.live(now)), None)


class PushOrder(msgspec.Struct, frozen=True):
    """Settings shall be pushed. ConsentError where the consent is of another case, or does not hold at that moment.

    >>> consent = Consent(number=1, case=1, wording="", channel=Channel.SMS, by="subscriber", at=5, expires=9)
    >>> PushOrder(consent, case=1, attempt=1, at=9)
    Traceback (most recent call last):
    ...
    mmsd.errors.ConsentError: no live consent for this push: it expired
    """

    consent: Consent
    case: int
    attempt: int  # 1, 2, …: never the same twice
    at: int

    def __post_init__(self) -> None:
        consent = self.consent
        if not isinstance(consent, Consent):
            raise ConsentError("no live consent for this push: there is none")
        if consent.case != self.case:
            raise ConsentError("no live consent for this push: it was given for another case")
        if not consent.live(self.at):
            state = "was revoked" if consent.revoked is not None else "expired" if self.at >= consent.expires else "is of later"
            raise ConsentError(f"no live consent for this push: it {state}")
