"""Messages of care as rows of the outbox: questions, pushes with what is said beside them, thanks; and who a subscriber is.

A row's purpose names its case (`ask:1`, `push:1`), so that what became of it finds its way back (`rules.tidings`). Its key is made of
number, case and attempt: the same order, carried out again, asks for the same row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from mmsd.errors import EncodeError
from mmsd.model import DAY, SECOND, Outgoing
from mmsd.rules import forms, outbox
from mmsd.rules.casework import Ask, Person, Probe, Push, Tell
from mmsd.rules.cities import Cities
from mmsd.rules.forms import PIN_DIGITS, Handset, Parcel, Signed
from mmsd.rules.handsets import NO_SOFTWARE
from mmsd.rules.models import Models
from mmsd.rules.operators import Operators, Profile
from mmsd.rules.settings import CareSettings
from mmsd.rules.tidings import PUSH, QUESTION
from mmsd.rules.wording import Text, Wording
from mmsd.store.known import Known

PIN: Final = "pin"
"""Part of a push: the text that tells its PIN, or what to do with the settings."""
REPLY: Final = "reply"
"""Purpose of thanks and acknowledgements."""
_REPLIES: Final = 2 * DAY
_QUESTIONS: Final = 3
_PUSHES: Final = 5
_TEXTS: Final = 4
"""Priorities: the PIN before the settings that ask for it, both before questions. Serials have 0: whoever waits for help comes first."""


class Reference(Protocol):
    """What an operator imported (`config.reference.ReferenceData`); any thread may ask."""

    known: Known
    models: Models
    cities: Cities
    operators: Operators


@dataclass(frozen=True, slots=True)
class Subscriber:
    """What is known of somebody beside care's folder."""

    handset: Handset
    signed: Signed | None  # settings for him that somebody answers for
    label: str  # model and software version, "" = unknown
    city: str


class Registry:
    """Who subscribers are. `blame` tells causes that are found with whole models (`flow.care.Blame`)."""

    def __init__(self, reference: Reference, house: Callable[[Profile | None], Profile | None], blame: Blaming) -> None:
        """`house`: the settings of this operator's own, for whose IMSI is not known, or of one of its networks."""
        self._reference = reference
        self._house = house
        self._blame = blame

    def refresh(self) -> None:
        self._blame.refresh()

    def find(self, number: str) -> Subscriber:
        reference = self._reference
        row = reference.known.find(np.array([int(number) if number.isdigit() else 0], np.uint64))[0]
        imei, imsi = int(row["imei"]), int(row["imsi"])
        profile = self._house(reference.operators.of_subscriber(imsi, imei) if imsi else None)
        own = int(row["city"])
        city = reference.known.cities[own] if own else reference.cities.of(int(number)) if number.isdigit() else ""
        label = reference.models.label(imei, int(row["software"])) if imei else reference.models.label(0, NO_SOFTWARE)
        return Subscriber(Handset(reference.models.of_imei(imei), imsi), forms.signed(profile), label if imei else "", city)

    def person(self, number: str, opted_out: frozenset[str]) -> Person:
        """As care asks it."""
        known = self.find(number)
        return Person(
            mendable=known.signed is not None, blamed=self._blame.of(known.label) if known.label else frozenset(), opted_out=opted_out,
            city=known.city, model=known.label,
        )  # fmt: skip


class Blaming(Protocol):
    def of(self, model: str) -> frozenset[str]: ...
    def refresh(self) -> None: ...


class Letters:
    """A `flow.care.Clerk`. `key` names rows without telling whose they are; `random` draws PINs."""

    def __init__(
        self, settings: CareSettings, wording: Wording, find: Callable[[str], Subscriber], key: bytes, random: Callable[[int], int]
    ) -> None:
        """`random(n)`: a number below n, from a source fit for secrets."""
        self._settings = settings
        self._wording = wording
        self._find = find
        self._key = key
        self._random = random

    def question(self, number: str, ask: Ask, now: int) -> list[Outgoing]:
        case, asked = ask.case, ask.question
        text = self._wording.question(case, asked.language, round(self._settings.answer / 3600))
        row = self._row(number, f"{QUESTION}:{case.number}", asked.asked, now, asked.expires, "service", _QUESTIONS, text)
        return [row]

    def push(self, number: str, push: Push, now: int) -> list[Outgoing]:
        """The text that is said beside it first: a PIN is wanted as soon as the settings are there."""
        known = self._find(number)
        if known.signed is None:
            raise EncodeError("no signed-off settings for his operator")
        order, name = push.order, f"{PUSH}:{push.case.number}"
        pin = f"{self._random(10**PIN_DIGITS):0{PIN_DIGITS}}"
        turn = order.attempt + 16 * push.case.number
        made = forms.prepare(
            order, known.signed, known.handset, self._settings, self._wording, self._settings.language,
            pin=pin, push_id=turn & 0xFF, reference=turn & 0xFF,
        )  # fmt: skip
        if not isinstance(made, Parcel):
            raise EncodeError(made.reason)
        expires = order.consent.expires
        if not made.pieces:
            return [self._row(number, name, order.attempt, now, expires, "provisioning", _PUSHES, made.text, asked=push.asked)]
        settings = self._row(number, name, order.attempt, now, expires, "provisioning", _TEXTS, None, made.pieces, push.asked)
        beside = self._row(number, f"{name}:{PIN}", order.attempt, now, expires, "provisioning", _PUSHES, made.text, asked=push.asked)
        return [beside, settings]

    def tell(self, number: str, tell: Tell, person: Person, now: int, nth: int) -> list[Outgoing]:
        text = self._wording.render(tell.text, person.language or self._settings.language)
        purpose = tell.text if tell.case is None else f"{REPLY}:{tell.case.number}"
        return [self._row(number, purpose, f"{tell.text}:{now}:{nth}", now, now + _REPLIES, "service", _TEXTS, text, asked=now)]

    def probe(self, number: str, probe: Probe, now: int) -> list[Outgoing]:
        return []  # a test MMS leaves through MM7, not through the outbox

    def _row(
        self, number: str, purpose: str, attempt: int | str, now: int, expires: int, kind: str, priority: int, text: Text | None,
        pieces: tuple[tuple[bytes, bytes], ...] = (), asked: int | None = None,
    ) -> Outgoing:  # fmt: skip
        name = f"{purpose}\0{number}\0{attempt}".encode()
        key = hashlib.blake2b(name, digest_size=16, key=self._key, person=b"mmsd-care").digest()
        body = text.text if text is not None else ""
        return Outgoing(key, kind, purpose, number, body, outbox.READY, now, max(expires, now + SECOND), priority, pieces, asked=asked)
