"""A link that carries short messages: parts, receipts and replies over one account's channels. The same for SMPP and CMPP.

*Out*: a message is one request or several; its answer is told when every part has one. A part that is throttled when another was taken
already is asked again here, for a message half sent helps nobody; a whole message that is throttled goes back to the caller.

*In*: a receipt is matched with the messages lately sent, by the centre's id in any spelling or by our reference; one that overtakes the
answer to its message waits for it a little. The parts of a long message are joined, and settled together once the whole is. A centre may
send the next part only when the last is acknowledged: so after `part_seconds` the parts that came are acknowledged for themselves.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import TracebackType
from typing import Final, NamedTuple, Self

from mmsd.codec import sms
from mmsd.codec.session import Pdu
from mmsd.errors import DecodeError, EncodeError, LinkDown
from mmsd.link.account import Account, Piece, Request, Settings
from mmsd.link.carry import Accepted, Answer, Down, Event, Health, Incoming, Late, Message, Receipt, Refuse, Refused, Settle, Uncertain, Up
from mmsd.link.channel import Channel, Connect, Lost, Reply, Ticket
from mmsd.model import SECOND

_LATELY: Final = 20_000  # messages whose receipt is known for theirs
_JOINED: Final = 1_000  # long messages of which a part that comes again is known …
_AGAIN: Final = 300.0  # … for so many seconds after they were settled
_PROMPT: Final = 2.0  # seconds; no centre takes what is acknowledged within them for lost
_OVERTAKING: Final = 2.0  # seconds that a receipt waits for the answer to its message


Outcome = Reply | Lost | LinkDown
"""Of a request: the centre's answer, none though it was sent, or not sent."""


class _Tag(NamedTuple):
    """What is known of a request by whoever hears its late answer."""

    key: str
    receiver: str
    part: int
    parts: int
    submitted: int


def _taken(outcome: Outcome) -> bool:
    return isinstance(outcome, Reply) and not outcome.status


def _throttled(outcome: Outcome) -> bool:
    return isinstance(outcome, Reply) and outcome.throttled


class _Sent(NamedTuple):
    key: str
    receiver: str


class _Lately:
    """Messages lately sent, by what their receipts may name."""

    def __init__(self) -> None:
        self._by: dict[str | int, _Sent] = {}

    def note(self, name: str | int, sent: _Sent) -> None:
        self._by.pop(name, None)
        self._by[name] = sent
        if len(self._by) > _LATELY:
            del self._by[next(iter(self._by))]

    def find(self, receipt: Receipt) -> str | None:
        """The key of its message. An id spelt otherwise and our own reference count only with the same receiver."""
        for place, name in enumerate((*receipt.candidates, receipt.reference)):
            sent = None if name is None else self._by.get(name)
            exact = place == 0 and isinstance(name, str)
            if sent is not None and (exact or not receipt.receiver or sent.receiver == receipt.receiver):
                return sent.key
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()


class _Waiting(NamedTuple):
    """A request of the peer that waits for a word: its place in a long message, and since when (s of the loop's clock)."""

    place: int
    ticket: Ticket
    since: float


@dataclass(slots=True)
class _Owing:
    """One word that is owed for some requests of the peer, by their places in a long message; and what was said, when."""

    waiting: list[_Waiting] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)  # places, before the word was said
    by: dict[int, object] = field(default_factory=dict)  # places acknowledged in good time → the connection, which brings them no more
    said: int | None = None
    said_at: float = 0.0
    begun: float = field(default_factory=_now)
    timer: asyncio.TimerHandle | None = None  # at which those that wait are acknowledged for themselves

    def hush(self) -> None:
        """Nothing is acknowledged for itself any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    @property
    def lost(self) -> bool:
        """All of it comes again: none is acknowledged, and each of its connections is gone."""
        return self.said is None and not self.acknowledged and bool(self.waiting) and all(ticket.lost for _, ticket, _ in self.waiting)

    def add(self, ticket: Ticket, place: int = 1) -> None:
        self.waiting = [*(waiting for waiting in self.waiting if not waiting.ticket.lost), _Waiting(place, ticket, _now())]
        if self.said is not None:
            self.answer(self.said)

    def say(self, status: int) -> None:
        if self.said is None:
            self.said, self.said_at = status, _now()
            self.answer(status)

    def acknowledge(self) -> None:
        """Those that wait, for themselves."""
        self.acknowledged.update(place for place, _, _ in self.waiting)
        self.answer(0)

    def answer(self, status: int) -> None:
        waiting, self.waiting = self.waiting, []
        for place, ticket, since in waiting:
            if not status and not ticket.lost and _now() - since <= _PROMPT:
                self.by[place] = ticket.talk
            ticket.settle(status)


def _for(ticket: Ticket) -> _Owing:
    owing = _Owing()
    owing.add(ticket)
    return owing


class _Joined(NamedTuple):
    """A long message that was told."""

    pieces: tuple[Piece, ...]
    owing: _Owing

    def repeated(self, piece: Piece, place: int, ticket: Ticket) -> bool:
        """Whether the centre says this part of it again, rather than a subscriber the same words with the same reference.

        Until it is settled, certainly; afterwards only where the acknowledgement may be lost, with its connection, or came late.
        """
        if self.owing.said or self.pieces[place - 1] != piece:  # one that was refused is to be told again
            return False
        return self.owing.said is None or not (self.over or self.owing.by.get(place) is ticket.talk)

    @property
    def over(self) -> bool:
        """It was settled so long ago that nothing of it is said again."""
        return self.owing.said is not None and _now() - self.owing.said_at > _AGAIN


class _Told(NamedTuple):
    """What waits to be taken, and the word owed for it; None ends it."""

    event: Event | None
    owing: _Owing | None = None


class Messenger:
    """A `carry.Link`. `random`: a number in [0, 1); `wall`: µs since 1970, UTC."""

    def __init__(
        self, account: Account, settings: Settings, *, connect: Connect, random: Callable[[], float], wall: Callable[[], int]
    ) -> None:
        self._account = account
        self._dialect = account.dialect()
        self._settings = settings
        self._connect = connect
        self._random = random
        self._wall = wall
        self._counts: Counter[str] = Counter()
        self._channels: list[Channel] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._bug: BaseException | None = None
        self._events: deque[_Told] = deque()
        self._came = asyncio.Event()
        self._leaving = self._left = False
        self._nobody = False  # nobody takes events any more
        self._up = False
        self._error = "not connected yet"
        self._lately = _Lately()
        self._underway: Counter[str] = Counter()  # messages without answer, or on their way to be sent, by receiver
        self._early: dict[int, tuple[Receipt, _Owing, asyncio.TimerHandle]] = {}
        self._count_early = 0
        self._joins = sms.Reassembly[Piece](sms.Limits(lifetime=int(settings.join_seconds * SECOND)))
        self._parts: dict[Hashable, _Owing] = {}
        self._joined: dict[Hashable, _Joined] = {}
        self._expiry: asyncio.TimerHandle | None = None  # of the oldest that misses parts

    async def __aenter__(self) -> Self:
        for connection in range(self._account.logins):
            channel = Channel(
                self._account, self._settings, connection, connect=self._connect, random=self._random, listener=self, counts=self._counts
            )
            self._channels.append(channel)
            self._tasks.append(asyncio.create_task(channel.run()))
            self._tasks[-1].add_done_callback(self._ended)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """As `leave`, but nobody takes events any more: what was not taken is left to the peer."""
        self._overtaken(anyhow=True)
        self._nobody = True
        try:
            while self._events:
                event, _ = self._events.popleft()
                if isinstance(event, Receipt | Incoming):
                    await event.refuse()
            await self.leave()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._bug is not None and error is None:
            raise self._bug

    async def leave(self) -> None:
        """Ask nothing more, wait for what is open at both ends as long as the settings allow, say good-bye."""
        self._leaving = True
        self._overtaken(anyhow=True)
        for owing in self._parts.values():
            owing.hush()
            owing.answer(self._account.refusals[0])  # what misses parts is nobody's yet: the peer keeps them
        for channel, task in zip(self._channels, self._tasks, strict=True):
            channel.leave()
            if not channel.connected:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._tell_rest()
        if not self._left:
            self._left = True
            self._put(Down(self._error or "left", None))
            self._put(None)

    def _tell_rest(self) -> None:
        """Parts that were acknowledged will not come again: what they are part of is told without the others."""
        self._joins.expire(1 << 62)
        for lost in self._joins.given_up():
            owing = self._parts.pop(lost.key, _Owing())
            if owing.acknowledged:
                self._tell_incomplete(lost, owing)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A channel ends when it is told to. By itself only for a fault of ours, which whoever follows the events is to know."""
        if not task.cancelled() and task.exception() is not None:
            self._bug = task.exception()
            self._put(None)

    @property
    def health(self) -> Health:
        return Health("up" if self._up else "down", "" if self._up else self._error)

    @property
    def counts(self) -> Mapping[str, int]:
        return self._counts

    async def events(self) -> AsyncIterator[Event]:
        while True:
            while self._events:
                event, _ = self._events.popleft()
                if event is None:
                    self._put(None)  # whoever asks again is told so again
                    if self._bug is not None:
                        raise self._bug
                    return
                yield event
            self._came.clear()
            await self._came.wait()

    # ------------------------------------------------------------------------------------------------------------------- outwards

    async def send(self, message: Message) -> Answer:
        requests = self._account.requests(message)
        if not requests:
            raise EncodeError("a message without content")
        for request in requests if len(requests) > 1 else ():  # all of it can be sent, or none is
            self._dialect.encode(request.command, 1, 0, request.body, request.tlvs)
        if message.reference is not None:
            self._lately.note(message.reference, _Sent(message.key, message.receiver))
        self._underway[message.receiver] += 1
        try:
            answer = await self._asked(message, requests)
        finally:
            self._underway[message.receiver] -= 1
            if not self._underway[message.receiver]:
                del self._underway[message.receiver]
            self._overtaken()
        self._counts[type(answer).__name__.lower()] += 1
        return answer

    def parts(self, message: Message) -> int:
        return len(self._account.requests(message))

    def canonical(self, message_id: str) -> str:
        return self._account.canonical(message_id)

    async def _asked(self, message: Message, requests: list[Request]) -> Answer:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.answer_seconds
        tags = [_Tag(message.key, message.receiver, part, len(requests), message.submitted) for part in range(1, len(requests) + 1)]
        outcomes = await self._ask_all(zip(requests, tags, strict=True))
        while any(map(_throttled, outcomes)) and any(map(_taken, outcomes)) and loop.time() < deadline:
            again = [place for place, outcome in enumerate(outcomes) if _throttled(outcome)]
            for place, outcome in zip(again, await self._ask_all((requests[place], tags[place]) for place in again), strict=True):
                outcomes[place] = outcome
        return self._answer(message, outcomes)

    async def _ask_all(self, requests: Iterable[tuple[Request, _Tag]]) -> list[Outcome]:
        """Each asked at once, in their order."""
        listed = list(requests)
        if len(listed) == 1:
            return [await self._ask(*listed[0])]
        return list(await asyncio.gather(*(self._ask(request, tag) for request, tag in listed)))

    async def _ask(self, request: Request, tag: _Tag) -> Outcome:
        try:
            outcome = await self._channels[0].ask(request, tag)
        except LinkDown as down:
            return down
        if isinstance(outcome, Reply) and not outcome.status:
            self._note(tag, outcome)
        return outcome

    def _note(self, tag: _Tag, reply: Reply) -> str:
        """The centre's id of a part, known from now on."""
        message_id = self._account.message_id(reply.pdu)
        if message_id:
            self._lately.note(self._account.canonical(message_id), _Sent(tag.key, tag.receiver))
            self._overtaken()
        return message_id

    def _answer(self, message: Message, outcomes: list[Outcome]) -> Answer:
        """LinkDown when nothing of it was sent."""
        ids = tuple(self._account.message_id(outcome.pdu) for outcome in outcomes if isinstance(outcome, Reply) and not outcome.status)
        refusals = [outcome for outcome in outcomes if isinstance(outcome, Reply) and outcome.status]
        lost = [outcome for outcome in outcomes if isinstance(outcome, Lost)]
        unsent = [outcome for outcome in outcomes if isinstance(outcome, LinkDown)]
        said_no = sorted(refusals, key=lambda reply: reply.throttled)
        refused = self._refused(message.key, said_no[0], ids) if said_no else None
        if refused is not None and (refused.permanent or not lost):  # else what goes again may go twice, and that uses up a try
            return refused
        if len(ids) == len(outcomes):
            return Accepted(message.key, ids)
        if lost or ids:
            return Uncertain(message.key, lost[0].why if lost else f"parts were not sent: {unsent[0]}", ids, len(outcomes))
        raise unsent[0]

    def _refused(self, key: str, reply: Reply, ids: tuple[str, ...] = ()) -> Refused:
        name, permanent = self._account.verdict(reply.status)
        return Refused(key, reply.status, name, permanent and not reply.throttled, reply.throttled, ids)

    # -------------------------------------------------------------------------------------------------- what the channels tell

    def up(self, channel: Channel) -> None:
        if not self._up and all(one.bound or one is channel for one in self._channels):
            self._up = True
            self._put(Up())

    def down(self, channel: Channel, why: str, retry_in: float | None) -> None:
        self._error, self._up = why, False
        if retry_in is not None:  # else `leave` tells it, once all channels are done
            self._put(Down(why, retry_in))
            self._forget_lost()

    def late(self, tag: _Tag | None, reply: Reply) -> None:
        if tag is None:
            return
        if reply.status:
            self._put(Late(self._refused(tag.key, reply), tag.part, tag.parts, tag.submitted))
        else:
            self._put(Late(Accepted(tag.key, (self._note(tag, reply),)), tag.part, tag.parts, tag.submitted))

    def asked(self, pdu: Pdu, ticket: Ticket) -> None:
        """A receipt, a message, or what never can be either."""
        if self._nobody:
            ticket.settle(self._account.refusals[0])
            return
        try:
            heard = self._account.hear(pdu)
        except DecodeError:
            self._counts["unreadable"] += 1
            ticket.settle(self._account.refusals[1])
            return
        if isinstance(heard, Receipt):
            self._counts["receipts"] += 1
            owing = _for(ticket)
            settled, refused = self._words(owing)
            self._receipt(replace(heard, settled=settled, refused=refused), owing)
        elif heard.header.concat is not None:
            self._part(heard, heard.header.concat, ticket)
        else:
            self._incoming([heard], _for(ticket))

    # -------------------------------------------------------------------------------------------------------------------- inwards

    def _put(self, event: Event | None, owing: _Owing | None = None) -> None:
        """Bounded by the backlog: what is not settled, the peer counts as unanswered; and what an ended connection brought comes again."""
        if owing is not None and owing.lost:
            owing.say(self._account.refusals[0])
            return
        if isinstance(event, Up | Down):  # of those not taken the latest counts
            self._events = deque(told for told in self._events if not isinstance(told.event, type(event)))
        if event is None or not self._nobody:
            self._events.append(_Told(event, owing))
            self._came.set()

    def _forget_lost(self) -> None:
        """A connection ended: what of it waits to be taken comes again, and is told then."""
        told, self._events = self._events, deque()
        for event, owing in told:
            if owing is not None and owing.lost:
                owing.say(self._account.refusals[0])
            else:
                self._events.append(_Told(event, owing))

    def _receipt(self, receipt: Receipt, owing: _Owing) -> None:
        key = self._lately.find(receipt)
        if key is not None or receipt.receiver not in self._underway:
            self._counts["receipts_unmatched"] += key is None
            self._put(replace(receipt, key=key), owing)
            return
        self._count_early += 1
        place = self._count_early
        self._early[place] = (receipt, owing, asyncio.get_running_loop().call_later(_OVERTAKING, self._waited, place))

    def _overtaken(self, *, anyhow: bool = False) -> None:
        """Answers came: perhaps those that receipts wait for."""
        for place, (receipt, owing, timer) in list(self._early.items()):
            key = self._lately.find(receipt)
            if key is not None or receipt.receiver not in self._underway or anyhow:
                timer.cancel()
                del self._early[place]
                self._counts["receipts_unmatched"] += key is None
                self._put(replace(receipt, key=key), owing)

    def _waited(self, place: int) -> None:
        receipt, owing, _ = self._early.pop(place)
        self._counts["receipts_unmatched"] += 1
        self._put(receipt, owing)

    def _part(self, piece: Piece, concat: sms.Concat, ticket: Ticket) -> None:
        """A part of a long message: with it the message is whole, or it waits."""
        ours: Hashable = (piece.sender, piece.receiver, piece.header.destination)
        name: Hashable = (ours, concat.reference, concat.total, concat.wide)
        known = self._joined.get(name)
        if known is not None and known.repeated(piece, concat.sequence, ticket):
            known.owing.add(ticket, concat.sequence)
            self._counts["repeated_parts"] += 1
            return
        pieces = self._joins.add(ours, concat, piece, len(piece.data), at=round(_now() * SECOND))
        self._give_up()
        owing = self._parts.setdefault(name, _Owing())
        owing.add(ticket, concat.sequence)
        if pieces is None:
            if self._leaving:
                owing.answer(self._account.refusals[0])
            elif owing.timer is None:
                self._acknowledge_later(owing)
            self._watch()
            return
        del self._parts[name]
        owing.hush()
        self._joined.pop(name, None)
        self._joined[name] = _Joined(tuple(pieces), owing)
        while len(self._joined) > _JOINED or next(iter(self._joined.values())).over:
            del self._joined[next(iter(self._joined))]
        self._incoming(pieces, owing, lambda: self._part_again(ours, concat, pieces, owing))

    def _part_again(self, ours: Hashable, concat: sms.Concat, pieces: list[Piece], owing: _Owing) -> None:
        """A joined message was refused for now: the peer sends again what it refused, so what was acknowledged waits for that."""
        if not owing.acknowledged:
            return
        for place in sorted(owing.acknowledged):
            part = replace(concat, sequence=place)
            self._joins.add(ours, part, pieces[place - 1], len(pieces[place - 1].data), at=round(_now() * SECOND))
        self._give_up()
        name: Hashable = (ours, concat.reference, concat.total, concat.wide)
        self._parts.setdefault(name, _Owing()).acknowledged |= owing.acknowledged
        self._watch()

    def _acknowledge_later(self, owing: _Owing) -> None:
        owing.timer = asyncio.get_running_loop().call_later(self._settings.part_seconds, self._acknowledge, owing)

    def _acknowledge(self, owing: _Owing) -> None:
        """The centre may wait for this before it sends the next part; not so long as nobody takes what it sent already."""
        owing.timer = None
        if len(self._events) >= self._settings.backlog:
            self._acknowledge_later(owing)
        elif owing.waiting:
            self._counts["parts_acknowledged_early"] += len(owing.waiting)
            owing.acknowledge()

    def _watch(self) -> None:
        """Be there when the oldest message that misses parts is to be told without them."""
        if self._expiry is None and self._parts and not self._leaving:
            oldest = next(iter(self._parts.values()))
            due = max(oldest.begun + self._settings.join_seconds, _now()) + 1e-3
            self._expiry = asyncio.get_running_loop().call_at(due, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        self._joins.expire(round(_now() * SECOND))
        self._give_up()
        self._watch()

    def _give_up(self) -> None:
        for lost in self._joins.given_up():
            self._tell_incomplete(lost, self._parts.pop(lost.key, _Owing()))

    def _tell_incomplete(self, lost: sms.Incomplete[Piece], owing: _Owing) -> None:
        owing.hush()
        self._counts["long_messages_incomplete"] += 1
        self._incoming([lost.pieces.get(sequence) for sequence in range(1, lost.total + 1)], owing)

    def _incoming(self, pieces: Sequence[Piece | None], owing: _Owing, again: Callable[[], None] | None = None) -> None:
        """A subscriber's message, from its parts in order; None for one that never came. `again`: when it is refused for now."""
        self._counts["incoming"] += 1
        there = [piece for piece in pieces if piece is not None]
        first, source = there[0], self._settings.source
        data = b"".join(piece.data for piece in there)
        text = self._text(pieces)
        settled, refused = self._words(owing, again)
        self._put(
            Incoming(
                first.sender,
                first.receiver,
                data.decode("latin-1") if text is None else text,
                self._wall(),
                sub_code=first.receiver.removeprefix(source) if source and first.receiver.startswith(source) else "",
                data=data if text is None else None,
                udh=first.udh,
                parts=len(pieces),
                missing=len(pieces) - len(there),
                service=first.service,
                link_id=first.link_id,
                settled=settled,
                refused=refused,
            ),
            owing,
        )

    def _text(self, pieces: Sequence[Piece | None]) -> str | None:
        """Octets of neighbours are read together, for a character may stand on their border. None when they are no text."""
        told: list[str] = []
        for coding, run in groupby(pieces, key=lambda piece: None if piece is None else piece.coding):
            text = "…" if coding is None else self._account.text(b"".join(piece.data for piece in run if piece is not None), coding)
            if text is None:
                return None
            told.append(text)
        return "".join(told)

    def _words(self, owing: _Owing, again: Callable[[], None] | None = None) -> tuple[Settle, Refuse]:
        """What the caller may say of it."""

        async def settle() -> None:
            owing.say(0)

        async def refuse(permanent: bool) -> None:
            first = owing.said is None
            owing.say(self._account.refusals[permanent])
            if first and again is not None and not permanent:
                again()

        return settle, refuse
