"""Care's orders as rows of the outbox: which class and purpose each has, until when it may leave, which of them goes first.

A row's key is made of the subscriber, the case and what was ordered how often, so an order that is carried out twice is one row. Beside
each row stands what care wants to hear when it left, or did not. `subject` names the subscriber in keys: by his lookup, never his number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from mmsd.model import HOUR, SECOND, Outgoing
from mmsd.rules.cases import Act, Case
from mmsd.rules.casework import Ask, Probe, Push, Renotify, Tell
from mmsd.rules.consent import Question
from mmsd.rules.forms import Parcel
from mmsd.rules.forwards import outbox_key
from mmsd.rules.governor import ACKNOWLEDGES_STOP
from mmsd.rules.outbox import READY, RENOTIFY
from mmsd.rules.settings import CareSettings
from mmsd.rules.wording import Wording

PUSH_EXPIRES: Final = 48 * HOUR
"""A push that could not leave for so long is ordered anew, if the consent still holds."""
TEXT_EXPIRES: Final = 24 * HOUR
BESIDE: Final = "told"
"""Purpose of the text beside a push: it may hold a PIN, and is shown to nobody."""

IN_CONVERSATION, FOR_A_SEED, AT_LEISURE = 2, 1, 0
"""Priorities: somebody waits for an answer; a seed did not reach him; all others."""


class Letter(NamedTuple):
    """A row that shall leave, and what to tell care of it: the nth QUESTION or PUSH of a case, or nothing."""

    row: Outgoing
    what: Act | None = None
    case: int = 0
    nth: int = 0


def question(order: Ask, number: str, subject: bytes, wording: Wording, settings: CareSettings) -> Letter:
    """A question. Its row expires with it: no answer would count any more."""
    asked = order.question
    body = wording.question(order.case, asked.language, round(settings.answer / 3600)).text
    row = Outgoing(
        outbox_key("ask", _name(subject, order.case), asked.number), "service", "ask", number, body, READY, asked.asked, asked.expires,
        FOR_A_SEED if order.case.seed else AT_LEISURE,
    )  # fmt: skip
    return Letter(row, Act.QUESTION, order.case.number, asked.number)


def push(order: Push, number: str, subject: bytes, parcel: Parcel) -> list[Letter]:
    """A push and the text beside it; the text alone where settings are typed in. Neither leaves when the consent is over.

    Both are of one class, so that nobody is told of settings that a switch keeps back. ValueError: the parcel was made of another order.
    """
    placed = order.order
    if parcel.order != placed:
        raise ValueError("the parcel was made of another order")
    expires = min(placed.at + PUSH_EXPIRES, placed.consent.expires)
    priority = IN_CONVERSATION if order.asked is not None else FOR_A_SEED if order.case.seed else AT_LEISURE
    name = _name(subject, order.case)
    text = Outgoing(
        outbox_key("told", name, placed.attempt), "provisioning", BESIDE, number, parcel.text.text, READY, placed.at, expires, priority,
        asked=order.asked,
    )  # fmt: skip
    if not parcel.pieces:
        return [Letter(text, Act.PUSH, order.case.number, placed.attempt)]
    pushed = Outgoing(
        outbox_key("push", name, placed.attempt), "provisioning", "push", number, "", READY, placed.at, expires, priority,
        pieces=parcel.pieces, asked=order.asked,
    )  # fmt: skip
    return [Letter(text), Letter(pushed, Act.PUSH, order.case.number, placed.attempt)]


def probe(order: Probe, number: str, subject: bytes, content: bytes, now: int) -> Letter:
    """A small MMS of our own that shows whether the nth push took. Like the push it leaves by a live consent alone, and by MM7.

    `content` names the composed message.
    """
    case = order.case
    row = Outgoing(
        outbox_key("probe", _name(subject, case), case.orders), "service", "probe", number, "", READY, now, now + TEXT_EXPIRES, AT_LEISURE,
        content=content,
    )  # fmt: skip
    return Letter(row, Act.TEST, case.number, case.orders)


def renotify(order: Renotify, number: str, subject: bytes, settings: CareSettings, now: int) -> Letter:
    """The MMSC is to announce again what waits for him, once he had time to install the nth push. By the push's consent, in its class."""
    case, due = order.case, now + int(settings.renotify_after * SECOND)
    row = Outgoing(
        outbox_key(RENOTIFY, _name(subject, case), case.orders), "provisioning", RENOTIFY, number, "", READY, due, due + TEXT_EXPIRES
    )  # fmt: skip
    return Letter(row, Act.RENOTIFY, case.number, case.orders)


def told(order: Tell, number: str, subject: bytes, wording: Wording, language: str, now: int) -> Letter:
    """Thanks, regrets, or that a stop word was heard: that answers at once, whatever he opted out of."""
    stopped = order.text == "stopped"
    purpose = ACKNOWLEDGES_STOP if stopped else order.text
    # stop words of one hour have one answer
    nth = now // HOUR if stopped or order.case is None else order.case.number
    row = Outgoing(
        outbox_key(purpose, _name(subject, order.case), nth), "service", purpose, number, wording.render(order.text, language).text, READY,
        now, now + TEXT_EXPIRES, IN_CONVERSATION if stopped else AT_LEISURE, asked=now if stopped else None,
    )  # fmt: skip
    return Letter(row)


def keys_to_withdraw(case: Case, questions: Iterable[Question], subject: bytes) -> list[bytes]:
    """Keys of everything that may still wait for a case: its questions, its pushes, their texts and tests. What left stays as it is."""
    name = _name(subject, case)
    asked = [outbox_key("ask", name, question.number) for question in questions if question.case == case.number]
    ordered = ("told", "push", "probe", RENOTIFY)
    return asked + [outbox_key(purpose, name, attempt) for attempt in range(1, case.orders + 1) for purpose in ordered]


def _name(subject: bytes, case: Case | None) -> bytes:
    return subject + b"/" + str(case.number if case is not None else 0).encode()
