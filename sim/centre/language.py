"""What the centre must know of a protocol: who asks to bind, what a submit says, how a receipt and a message are told."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Protocol

from mmsd.codec.session import Body, Dialect, Pdu, Tlvs
from sim.centre.faults import Fault
from sim.centre.settings import Account
from sim.centre.values import Down, Incoming, Part, Report, Submit


class Language(Protocol):
    """One of the two. Numbers of messages count up; identities are texts."""

    statuses: Mapping[Fault, int]  # of refusals
    unreadable: int  # status of a submit that says nothing sensible

    def dialect(self) -> Dialect:
        """A session's, fresh."""
        ...

    def login(self, pdu: Pdu, accounts: Mapping[str, Account]) -> Account | int:
        """Who asks to bind, or the status to refuse with."""
        ...

    def welcome(self, pdu: Pdu, account: Account) -> tuple[Body, Tlvs]:
        """The answer to a bind."""
        ...

    def submit(self, pdu: Pdu) -> Submit | None:
        """What a request submits; None when it is another request. DecodeError when it says nothing sensible."""
        ...

    def number(self, last: int, now: int) -> int:
        """The number after `last` of a message that comes at `now` (µs)."""
        ...

    def identity(self, number: int) -> str:
        """The number as answers spell it."""
        ...

    def answer(self, pdu: Pdu, identity: str) -> Body:
        """The answer to a submit that is taken."""
        ...

    def identity_asked(self, pdu: Pdu) -> str | None:
        """Whose message a query or cancel is about; None where it names none."""
        ...

    def inform(self, pdu: Pdu, parts: list[Part]) -> tuple[int, Body | None]:
        """The answer to a query about these; status and body."""
        ...

    def cancels(self, pdu: Pdu) -> bool:
        """Whether the request wants a message cancelled."""
        ...

    def cancelled(self, *, done: bool) -> tuple[int, Body | None]:
        """The answer to that."""
        ...

    def text(self, data: bytes, coding: int) -> str:
        """Octets of several parts as people read them."""
        ...

    def receipt(self, report: Report, dialect: Dialect) -> Down:
        """A receipt, in the version that the session agreed on."""
        ...

    def incoming(self, message: Incoming, reference: int, now: int) -> list[Down]:
        """A subscriber's message in as many deliveries as it takes. EncodeError for what cannot be carried."""
        ...


def same(given: bytes, known: bytes) -> bool:
    """Whether two secrets agree."""
    return hmac.compare_digest(given, known)
