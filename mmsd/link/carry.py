"""What every link that carries messages promises: SMPP, CMPP, Kannel's HTTP and MM7 look alike from here.

    async with link:                                 # connects by itself, and again whenever it is lost
        answer = await link.send(message)            # Accepted, Refused or Uncertain
        async for event in link.events(): …          # Receipt, Incoming, Late, Up, Down

Nothing that comes in is acknowledged before the caller says so: a Receipt and an Incoming are *owed* `settle` once they are committed, or
`refuse`. Not settled, they come again. So both may come twice, and a receipt may come before the answer to its message.

Values only. Numbers of subscribers are E.164 digits without "+"; their repr is masked, as is a message's text.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self

from mmsd.model import Composed, masked

Class = Literal["transactional", "service", "marketing", "provisioning"]
"""Of outgoing messages: who may stop them, and when they may leave."""

# ------------------------------------------------------------------------------------------------------------------ outwards


@dataclass(frozen=True, slots=True)
class Text:
    """A text; the link cuts it into as many messages as it needs."""

    text: str

    def __repr__(self) -> str:
        return f"Text({len(self.text)} characters)"


@dataclass(frozen=True, slots=True)
class Octets:
    """User data in octets, one (header, data) an SMS, as `sms.split`, `push` and `provision` make them: binary messages, WAP push."""

    pieces: tuple[tuple[bytes, bytes], ...]

    def __repr__(self) -> str:
        return f"Octets({len(self.pieces)} pieces)"


Content = Text | Octets | Composed


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one receiver.

    `key` is the caller's own name for this try: it comes back in answers and receipts, and the same key gives the pieces of a long message
    the same reference, so that a handset joins the pieces of two tries.
    """

    key: str
    receiver: str
    content: Content
    sender: str | None = None  # None: the link's own number
    sub_code: str = ""  # digits behind the link's own number: answers come to both together
    reference: int | None = None  # 0 … 65535: user_message_reference, which some centres repeat in the receipt
    validity: float | None = None  # seconds; None: as long as the centre wants
    priority: int = 0  # 0 … 3
    want_report: bool = True
    link_id: str = ""  # CMPP 3.0: of the Incoming that this answers
    submitted: int = 0  # tells this try from the others of the same key; a Late repeats it

    def __repr__(self) -> str:
        return f"Message({self.key!r} to {masked(self.receiver)}, {self.content!r})"


# ------------------------------------------------------------------------------------------------------- the centre's answers


@dataclass(frozen=True, slots=True)
class Accepted:
    """The centre took every part: its id of each, as it wrote them ("" where it gave none)."""

    key: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The centre said no. `throttled`: it said "not so fast", and the link is slower already: no try is used up.

    Of a message in parts, `ids` are those of the parts that it took all the same; of others there may be no answer.
    """

    key: str
    status: int
    name: str  # of the status, as the protocol's specification calls it
    permanent: bool  # to ask again is of no use
    throttled: bool = False
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Uncertain:
    """No answer: overdue, or the connection ended before it. Whether the centre took the message is unknown until a Late or a Receipt."""

    key: str
    why: str
    ids: tuple[str, ...] = ()  # of the parts that were taken …
    parts: int = 1  # … out of so many


Answer = Accepted | Refused | Uncertain


# ------------------------------------------------------------------------------------------------------------------- inwards

Settle = Callable[[], Awaitable[None]]
Refuse = Callable[[bool], Awaitable[None]]


async def _owe_nothing() -> None:
    pass


async def _refuse_nothing(permanent: bool) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Owed:
    """What came in waits for one of two words; the second one said, or one after the connection ended, does nothing."""

    settled: Settle = field(default=_owe_nothing, repr=False, compare=False, kw_only=True)
    refused: Refuse = field(default=_refuse_nothing, repr=False, compare=False, kw_only=True)

    async def settle(self) -> None:
        """It is committed: acknowledge it."""
        await self.settled()

    async def refuse(self, *, permanent: bool = False) -> None:
        """It is not: the peer may send it again later, or, `permanent`, never."""
        await self.refused(permanent)


@dataclass(frozen=True, slots=True)
class Receipt(Owed):
    """What became of a message, or of one of its parts.

    `key` where the link could tell it; else look for `candidates` in their order among the ids of Accepted, brought to the same form by
    `canonical`, with the same receiver: centres write ids hexadecimal in one place and decimal in the other.
    """

    id: str  # as the centre wrote it; "" when it did not
    candidates: tuple[str, ...]
    state: str  # DELIVRD, EXPIRED, DELETED, UNDELIV, ACCEPTD, UNKNOWN, REJECTD, ENROUTE, or the centre's own word in capitals
    final: bool  # nothing more will come
    receiver: str = ""  # the subscriber it speaks of
    key: str | None = None
    reference: int | None = None  # user_message_reference, where the centre repeats it
    error: str = ""  # the centre's code: "000", "27", "MK:0012"
    submitted: str = ""  # times as the centre wrote them, mostly YYMMDDhhmm in its local time
    done: str = ""
    text: str = ""  # what the centre repeats of the message's first characters
    raw: bytes = field(default=b"", repr=False)  # the text or body it was read from

    def __repr__(self) -> str:
        return f"Receipt({self.id!r}, {self.state}, {masked(self.receiver)}, key={self.key!r})"


@dataclass(frozen=True, slots=True)
class Incoming(Owed):
    """A subscriber's message, all its parts joined. `missing`: parts that never came; their place in the text is "…"."""

    sender: str
    receiver: str  # the link's number, and the sub-code behind it
    text: str  # of octets their Latin-1 reading
    at: int  # when the last part came, µs UTC
    sub_code: str = ""  # what stands behind the link's own number
    data: bytes | None = None  # when it is no text
    udh: bytes = b""  # of the first part
    parts: int = 1
    missing: int = 0
    service: str = ""  # CMPP's service id, SMPP's service type
    link_id: str = ""  # CMPP 3.0: to be repeated in the answer

    def __repr__(self) -> str:
        return f"Incoming(from {masked(self.sender)} to {self.receiver}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True)
class Late:
    """The answer to a message, or to one of its parts, after it was told that there is none."""

    answer: Accepted | Refused
    part: int = 1  # of so many
    parts: int = 1
    submitted: int = 0  # the message's own: which try it answers


@dataclass(frozen=True, slots=True)
class Up:
    """Connected and let in."""


@dataclass(frozen=True, slots=True)
class Down:
    """Not connected: why, and the seconds until the next try; None: none, the link was closed."""

    why: str
    retry_in: float | None


Event = Receipt | Incoming | Late | Up | Down


# ------------------------------------------------------------------------------------------------------------------ the link


class Health(NamedTuple):
    """`state`: "up", or "down"; `error`: what the peer or the network said last, "" when well."""

    state: str
    error: str


class Link(Protocol):
    """A link to one centre. An async context manager; leaving it settles the window, says good-bye, and ends `events`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    async def send(self, message: Message) -> Answer:
        """The centre's answer. Any number may wait at once; they go in the order they were asked, at the link's pace.

        LinkDown when nothing of it was written, so it can be sent later as if never tried; EncodeError when it cannot be put on the wire.
        """
        ...

    def parts(self, message: Message) -> int:
        """Into how many SMS it would cut a message. EncodeError when it cannot be put on the wire."""
        ...

    def canonical(self, message_id: str) -> str:
        """An id of Accepted in the form in which a receipt's `candidates` are."""
        ...

    def events(self) -> AsyncIterator[Event]:
        """What comes in, for one task; it ends when the link does."""
        ...

    async def leave(self) -> None:
        """Take nothing new, wait for answers and for what is owed to be settled, as long as the settings allow, and end."""
        ...

    @property
    def health(self) -> Health: ...

    @property
    def counts(self) -> Mapping[str, int]:
        """What happened so far, by name: for telemetry."""
        ...
