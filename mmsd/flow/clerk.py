"""Care's letters with what only the running daemon knows: who a subscriber is, his handset, the settings signed off for him."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmsd.codec.tables import charsets
from mmsd.errors import EncodeError
from mmsd.model import Composed, Outgoing
from mmsd.rules import forms, letters, outbox
from mmsd.rules.cases import Case
from mmsd.rules.casework import Ask, Person, Probe, Push, Renotify, Tell
from mmsd.rules.cities import Cities
from mmsd.rules.consent import Question
from mmsd.rules.forms import PIN_DIGITS, Handset, Parcel, Signed
from mmsd.rules.models import Model, Models
from mmsd.rules.operators import Operators
from mmsd.rules.settings import CareSettings
from mmsd.rules.tidings import addressed
from mmsd.rules.wording import Wording
from mmsd.seeds import compose
from mmsd.seeds.contents import Content
from mmsd.store.known import Known


class Reference(Protocol):
    """What an operator imported (`config.reference.ReferenceData`); any thread may ask."""

    known: Known
    models: Models
    cities: Cities
    operators: Operators


class Blaming(Protocol):
    """Causes that are found with whole models (`flow.care.Blame`)."""

    def of(self, model: str) -> frozenset[str]: ...
    def refresh(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Subscriber:
    """What is known of somebody beside care's folder."""

    handset: Handset
    signed: Signed | None  # settings for him that somebody answers for
    label: str  # model and software version, "" = unknown
    city: str


class Registry:
    """Who subscribers are: a `flow.care.Directory`. `plmns`: MCC-MNC of our own ones."""

    def __init__(self, reference: Reference, plmns: Sequence[str], blame: Blaming) -> None:
        self._reference = reference
        self._plmns = plmns
        self._blame = blame

    def refresh(self) -> None:
        self._blame.refresh()

    def find(self, number: str) -> Subscriber:
        reference = self._reference
        value = int(number) if number.isdigit() else 0
        row = reference.known.find(np.array([value], np.uint64))[0]
        imei, imsi, own = int(row["imei"]), int(row["imsi"]), int(row["city"])
        city = reference.known.cities[own] if own else reference.cities.of(value)
        label = reference.models.label(imei, int(row["software"])) if imei else ""
        signed = forms.settings_for(reference.operators, imsi, imei, self._plmns)
        return Subscriber(Handset(reference.models.of_imei(imei), imsi), signed, label, city)

    def model(self, number: str) -> Model | None:
        """His handset's model; None where it is not known."""
        reference = self._reference
        row = reference.known.find(np.array([int(number) if number.isdigit() else 0], np.uint64))[0]
        return reference.models.of_imei(int(row["imei"])) if row["imei"] else None

    def person(self, number: str, opted_out: frozenset[str]) -> Person:
        """As care asks it."""
        known = self.find(number)
        blamed = self._blame.of(known.label) if known.label else frozenset()
        return Person(mendable=known.signed is not None, blamed=blamed, opted_out=opted_out, city=known.city, model=known.label)


class Letters:
    """A `flow.care.Clerk`. `key` names rows without telling whose they are; `random(n)` draws below n, from a source fit for secrets."""

    def __init__(
        self, settings: CareSettings, wording: Wording, find: Callable[[str], Subscriber], key: bytes, random: Callable[[int], int]
    ) -> None:
        self._settings = settings
        self._wording = wording
        self._find = find
        self._key = key
        self._random = random

    def question(self, number: str, ask: Ask, now: int) -> list[Outgoing]:
        return [addressed(letters.question(ask, number, self._subject(number), self._wording, self._settings))]

    def push(self, number: str, push: Push, now: int) -> list[Outgoing]:
        """EncodeError: nothing can be made of the order that could be sent."""
        known = self._find(number)
        if known.signed is None:
            raise EncodeError("no settings are signed off for his operator")
        pin = f"{self._random(10**PIN_DIGITS):0{PIN_DIGITS}}"
        made = forms.prepare(
            push.order, known.signed, known.handset, self._settings, self._wording, self._settings.language,
            pin=pin, push_id=self._random(256), reference=self._random(256),
        )  # fmt: skip
        if not isinstance(made, Parcel):
            raise EncodeError(made.reason)
        return [addressed(letter) for letter in letters.push(push, number, self._subject(number), made)]

    def tell(self, number: str, tell: Tell, person: Person, now: int) -> list[Outgoing]:
        language = person.language or self._settings.language
        return [addressed(letters.told(tell, number, self._subject(number), self._wording, language, now))]

    def probe(self, number: str, probe: Probe, now: int) -> tuple[Composed, Outgoing]:
        language = self._settings.language
        title, text = (self._wording.render(name, language).text for name in ("test_title", "test"))
        message = compose.composed([Content("text/plain", text.encode(), charsets.UTF_8)])
        made = outbox.composed(title, compose.mm7_body(message))
        return made, addressed(letters.probe(probe, number, self._subject(number), made.name, now))

    def renotify(self, number: str, order: Renotify, now: int) -> Outgoing:
        return addressed(letters.renotify(order, number, self._subject(number), self._settings, now))

    def withdrawn(self, number: str, case: Case, questions: Sequence[Question]) -> list[bytes]:
        return letters.keys_to_withdraw(case, questions, self._subject(number))

    def _subject(self, number: str) -> bytes:
        return hashlib.blake2b(number.encode(), digest_size=16, key=self._key, person=b"mmsd-care").digest()
