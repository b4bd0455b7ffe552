"""A message on its way, and one receiver's copy of it: what the simulator knows and no log says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sim.mmsc import Node
from sim.people import Subscriber


class Answer(NamedTuple):
    """What the gateway has of an M-Send.conf."""

    status: int
    octets: int


ANSWERED: Final = Answer(200, 58)
LOST: Final = Answer(504, 45)
BROKEN: Final = Answer(200, 5)
"""It broke off on its way to the gateway. Where a log counts headers, as Squid's does, that does not show."""


@dataclass(slots=True, eq=False)
class Lineage:
    """A copy of the seed. Generation 0 came from the service; a later one was sent on by a subscriber.

    `received` holds, by receiver, the first copy of this forward that was fetched: one the handset sends again because its answer was lost
    shares it and counts no second time.
    """

    generation: int
    method: str  # "", subject_size, m_forward
    parent: Delivery | None
    received: dict[bytes, Delivery] = field(default_factory=dict)
    group: bytes = b""  # message id of its first copy


@dataclass(slots=True, eq=False)
class Message:
    node: Node
    identity: bytes  # X-Mms-Message-ID
    subject: bytes
    size: int  # octets of the retrieved message, as notified
    report: bool  # its sender asked for delivery reports
    lineage: Lineage | None


@dataclass(slots=True, eq=False)
class Delivery:
    """One receiver's copy: a leg. Times are µs UTC, 0 = not yet."""

    number: int
    message: Message
    sender: Subscriber | None  # None: the service
    sender_text: bytes  # as the notification and `Fetched` name him
    receiver: Subscriber
    submitted: int
    expiry: int
    queue: bytes
    location: bytes
    subject: bytes
    size: int
    report: bool
    lineage: Lineage | None
    back: int = 0  # a late handset's return
    attempts: int = 0
    stats: list[str] = field(default_factory=list)  # receipts, REFUSED
    signed: int = 0  # first sign that the push arrived
    acting: bool = False  # the handset is at it, or has decided for good
    got: int = 0  # last status of a GET of it
    fetched: int = 0
    fetches: int = 0
    confirmed: int = 0
    rejected: int = 0
    deferred: int = 0
    unrecognised: int = 0
    broken: int = 0  # answers that broke off
    gone: bool = False  # he came when it had expired
    end: str = ""  # what the MMSC made of it by itself: refused, deleted, album; of another network: ok, error, none
    answer: int = 0  # with what status it refused, or answered a retrieval; 0 = it does neither
    unread: bool = False  # a retrieval got that answer
    astray: bool = False  # the answer went to a wrong address
    browsed: bool = False  # a gateway line of the receiver between push and expiry
    closed: int = 0

    @property
    def transaction(self) -> bytes:
        return b"%s-%s" % (self.message.node.host, self.queue)
