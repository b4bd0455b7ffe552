"""One SMPP or CMPP connection, from either end: what may be said when, what is still unanswered, and what time does to it. Sans-IO.

Octets go in by `feed`, time by `tick`, commands by their names; events come back, and `take` gives the octets to write. Times are µs of a
clock that only goes forward; `due` says when `tick` wants to be called. Fed octet by octet or at once, the events are the same.

A request of the peer stays unanswered until `settle`: what is not committed is not acknowledged, and comes again after a crash. Only what
can never be committed is answered at once: a request out of place, of unknown kind, unreadable, or beyond the backlog.

TABLE is the whole order of play, for both ends and both protocols: who may say what in which state, and where that leads.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple, Protocol

from mmsd.codec import cmpp, smpp
from mmsd.codec.tables import cmpp as cmpp_table
from mmsd.codec.tables import smpp as smpp_table
from mmsd.errors import DecodeError, EncodeError

SECOND: Final = 1_000_000

# --------------------------------------------------------------------------------------------------------- the order of play


class Role(enum.Enum):
    """An end: the client (SMPP's ESME, CMPP's service provider) or the centre (SMSC, ISMG)."""

    CLIENT = "client"
    CENTRE = "centre"


class State(enum.Enum):
    """Of the connection, as SMPP 3.4 2.2 names them; CMPP's login is a bind as transceiver."""

    OPEN = "open"
    BINDING_TX = "binding as transmitter"
    BINDING_RX = "binding as receiver"
    BINDING_TRX = "binding as transceiver"
    BOUND_TX = "bound as transmitter"
    BOUND_RX = "bound as receiver"
    BOUND_TRX = "bound as transceiver"
    UNBINDING = "unbinding"
    CLOSED = "closed"


class Kind(enum.Enum):
    """What a PDU is to the order of play."""

    BIND_TX = enum.auto()
    BIND_RX = enum.auto()
    BIND_TRX = enum.auto()
    ACCEPT = enum.auto()
    REFUSE = enum.auto()
    OUTBIND = enum.auto()
    UP = enum.auto()  # a request of the client: submit, query, cancel, data
    UP_ANSWER = enum.auto()
    DOWN = enum.auto()  # a request of the centre: deliver, data
    DOWN_ANSWER = enum.auto()
    ALERT = enum.auto()
    PROBE = enum.auto()
    PROBE_ANSWER = enum.auto()
    UNBIND = enum.auto()
    UNBIND_ANSWER = enum.auto()
    NACK = enum.auto()


_C, _S = Role.CLIENT, Role.CENTRE
Moves = dict[tuple[Role, Kind], State]


def _binding(bound: State) -> Moves:
    """A bind is answered, or not understood: an older centre's generic_nack to a transceiver is a refusal."""
    return {(_S, Kind.ACCEPT): bound, (_S, Kind.REFUSE): State.OPEN, (_S, Kind.NACK): State.OPEN}


def _staying(state: State, *said: tuple[Role, Kind]) -> Moves:
    """What leads nowhere else: these, and what either end may say at any time."""
    always = [(role, kind) for role in Role for kind in (Kind.PROBE, Kind.PROBE_ANSWER, Kind.NACK)]
    return dict.fromkeys([*always, *said], state)


_UP: Final = ((_C, Kind.UP), (_S, Kind.UP_ANSWER))
_DOWN: Final = ((_S, Kind.DOWN), (_C, Kind.DOWN_ANSWER), (_S, Kind.ALERT))
_LEAVE: Final[Moves] = {(_C, Kind.UNBIND): State.UNBINDING, (_S, Kind.UNBIND): State.UNBINDING}
_ANSWERS: Final = ((_S, Kind.UP_ANSWER), (_C, Kind.DOWN_ANSWER))

TABLE: Final[dict[State, Moves]] = {
    State.OPEN: _staying(State.OPEN, (_S, Kind.OUTBIND))
    | {
        (_C, Kind.BIND_TX): State.BINDING_TX,
        (_C, Kind.BIND_RX): State.BINDING_RX,
        (_C, Kind.BIND_TRX): State.BINDING_TRX,
    },
    State.BINDING_TX: _staying(State.BINDING_TX) | _binding(State.BOUND_TX),
    State.BINDING_RX: _staying(State.BINDING_RX) | _binding(State.BOUND_RX),
    State.BINDING_TRX: _staying(State.BINDING_TRX) | _binding(State.BOUND_TRX),
    State.BOUND_TX: _staying(State.BOUND_TX, *_UP) | _LEAVE,
    State.BOUND_RX: _staying(State.BOUND_RX, *_DOWN) | _LEAVE,
    State.BOUND_TRX: _staying(State.BOUND_TRX, *_UP, *_DOWN) | _LEAVE,
    State.UNBINDING: _staying(State.UNBINDING, *_ANSWERS)
    | _LEAVE
    | {(_C, Kind.UNBIND_ANSWER): State.CLOSED, (_S, Kind.UNBIND_ANSWER): State.CLOSED},
    State.CLOSED: {},
}
"""(who, says what) → the state that follows; what is missing may not be said."""

BOUND: Final = frozenset({State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX})
_BINDING: Final = frozenset({State.BINDING_TX, State.BINDING_RX, State.BINDING_TRX})
_BINDS: Final = frozenset({Kind.BIND_TX, Kind.BIND_RX, Kind.BIND_TRX})
_REQUESTS: Final = frozenset({Kind.UP, Kind.DOWN})

# ------------------------------------------------------------------------------------------------------------- what happens

Pdu = smpp.Pdu | cmpp.Pdu
Body = smpp.Body | cmpp.Body
Tlvs = tuple[tuple[int, bytes], ...]


class BindAsked(NamedTuple):
    """Centre: a client wants to bind; answer with `accept` or `refuse`."""

    pdu: Pdu


class Bound(NamedTuple):
    """Client: the centre took the bind."""

    pdu: Pdu


class BindRefused(NamedTuple):
    """Client: it did not; the connection is still open."""

    status: int
    pdu: Pdu


class Asked(NamedTuple):
    """A request, owed an answer: `settle(pdu.sequence)` once it is committed."""

    pdu: Pdu


class Answered(NamedTuple):
    """The answer to the request `sequence`. `late`: it had been told Overdue before."""

    sequence: int
    status: int
    pdu: Pdu
    throttled: bool
    late: bool


class Overdue(NamedTuple):
    """No answer to `sequence` in time: whether the peer took it is unknown."""

    sequence: int


class Noticed(NamedTuple):
    """An alert or an outbind: nothing is owed."""

    pdu: Pdu


class Odd(NamedTuple):
    """Something to be counted, dealt with already: an answer to nothing, a repeated or refused request, octets that cannot be read."""

    what: str
    pdu: Pdu | None = None
    error: DecodeError | None = None


ANSWER_TO_NOTHING: Final = "an answer to nothing"
"""What Odd says of an answer repeated, too late to be known, or to what was never asked."""


class Leaving(NamedTuple):
    """The peer wants to unbind; it is let go once everything owed is settled, or when the time for that is over."""


class Closed(NamedTuple):
    """The end: close the connection once `take` is written. Requests without answer, ours and the peer's."""

    why: str
    unanswered: tuple[int, ...]
    owed: tuple[int, ...]


Event = BindAsked | Bound | BindRefused | Asked | Answered | Overdue | Noticed | Odd | Leaving | Closed


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits of one session; times in µs."""

    window: int = 10  # requests of ours without answer
    backlog: int = 1000  # requests of the peer without answer, before they are refused as too many
    limit: int = 0x11000  # octets of a PDU: a message_payload of 64 KiB and room around it
    bind_timeout: int = 10 * SECOND  # for an answer to bind; at a centre, for a bind to come
    answer_timeout: int = 60 * SECOND
    probe_after: int = 30 * SECOND  # of silence
    probe_timeout: int = 10 * SECOND
    leave_timeout: int = 10 * SECOND
    hold: int = SECOND  # of a first throttling; doubled by each that follows at once
    longest_hold: int = 60 * SECOND
    remembered: int = 10_000  # overdue requests whose late answer is still known


# ------------------------------------------------------------------------------------------------------------ two protocols


class Fault(enum.Enum):
    """Why a request is refused without the caller."""

    LENGTH = enum.auto()
    UNREADABLE = enum.auto()
    UNKNOWN = enum.auto()
    STATE = enum.auto()
    FULL = enum.auto()


class Dialect(Protocol):
    """What differs between the protocols."""

    header: int
    last_sequence: int
    bind: int
    unbind: int
    probe: int
    throttles: frozenset[int]

    def kind(self, command: int, speaker: Role, status: int) -> Kind | None: ...
    def decode(self, data: bytes) -> Pdu: ...
    def encode(self, command: int, sequence: int, status: int, body: Body | None, tlvs: Tlvs) -> bytes: ...
    def status(self, pdu: Pdu) -> int: ...
    def reply(self, request: Pdu, status: int) -> Body | None: ...
    def refusal(self, command: int, sequence: int, fault: Fault, by: Role) -> bytes: ...
    def agreed(self, pdu: Pdu) -> None: ...


_R: Final = smpp_table.RESPONSE  # the same bit in both


class Smpp:
    """SMPP 3.4."""

    header = smpp_table.HEADER
    last_sequence = smpp_table.MAX_SEQUENCE
    bind = smpp_table.BIND_TRANSCEIVER
    unbind = smpp_table.UNBIND
    probe = smpp_table.ENQUIRE_LINK
    throttles = frozenset({smpp_table.THROTTLED, smpp_table.QUEUE_FULL})

    _KINDS: Final = {
        smpp_table.BIND_TRANSMITTER: Kind.BIND_TX,
        smpp_table.BIND_RECEIVER: Kind.BIND_RX,
        smpp_table.BIND_TRANSCEIVER: Kind.BIND_TRX,
        smpp_table.OUTBIND: Kind.OUTBIND,
        smpp_table.ALERT_NOTIFICATION: Kind.ALERT,
        smpp_table.ENQUIRE_LINK: Kind.PROBE,
        _R | smpp_table.ENQUIRE_LINK: Kind.PROBE_ANSWER,
        smpp_table.UNBIND: Kind.UNBIND,
        _R | smpp_table.UNBIND: Kind.UNBIND_ANSWER,
        smpp_table.GENERIC_NACK: Kind.NACK,
        smpp_table.DELIVER_SM: Kind.DOWN,
        _R | smpp_table.DELIVER_SM: Kind.DOWN_ANSWER,
    } | {
        answer | command: kind
        for command in (
            smpp_table.SUBMIT_SM,
            smpp_table.SUBMIT_MULTI,
            smpp_table.QUERY_SM,
            smpp_table.CANCEL_SM,
            smpp_table.REPLACE_SM,
        )
        for answer, kind in ((0, Kind.UP), (_R, Kind.UP_ANSWER))
    }
    _BIND_ANSWERS: Final = frozenset({_R | smpp_table.BIND_TRANSMITTER, _R | smpp_table.BIND_RECEIVER, _R | smpp_table.BIND_TRANSCEIVER})
    _STATUSES: Final = {
        Fault.LENGTH: smpp_table.INVALID_COMMAND_LENGTH,
        Fault.UNREADABLE: smpp_table.INVALID_COMMAND_LENGTH,
        Fault.UNKNOWN: smpp_table.INVALID_COMMAND,
        Fault.STATE: smpp_table.INVALID_BIND_STATUS,
        Fault.FULL: smpp_table.QUEUE_FULL,
    }

    def kind(self, command: int, speaker: Role, status: int) -> Kind | None:
        """data_sm goes either way; a bind's answer depends on its status."""
        if command in self._BIND_ANSWERS:
            return Kind.REFUSE if status else Kind.ACCEPT
        if command == smpp_table.DATA_SM:
            return Kind.UP if speaker is Role.CLIENT else Kind.DOWN
        if command == _R | smpp_table.DATA_SM:
            return Kind.UP_ANSWER if speaker is Role.CENTRE else Kind.DOWN_ANSWER
        return self._KINDS.get(command)

    def decode(self, data: bytes) -> Pdu:
        return smpp.decode(data)

    def encode(self, command: int, sequence: int, status: int, body: Body | None, tlvs: Tlvs) -> bytes:
        return smpp.encode(smpp.Pdu(command, status, sequence, body, tlvs))  # type: ignore[arg-type]  # encode refuses a body of the other protocol

    def status(self, pdu: Pdu) -> int:
        return pdu.status if isinstance(pdu, smpp.Pdu) else 0

    def reply(self, request: Pdu, status: int) -> Body | None:
        """deliver_sm_resp has an empty id; other answers bring their own body, or have none."""
        return smpp.MessageAnswer() if request.command == smpp_table.DELIVER_SM and not status else None

    def refusal(self, command: int, sequence: int, fault: Fault, by: Role) -> bytes:
        status = smpp_table.TRY_LATER if fault is Fault.FULL and by is Role.CLIENT else self._STATUSES[fault]
        answered = command not in {0, smpp_table.OUTBIND, smpp_table.ALERT_NOTIFICATION} and command in smpp_table.NAMES
        return smpp.encode(smpp.Pdu(_R | command if answered and fault is not Fault.LENGTH else _R, status, sequence))

    def agreed(self, pdu: Pdu) -> None:
        """Nothing: frames of 3.3 and 3.4 read alike."""


class Cmpp:
    """CMPP up to a version (for a client, the one in its Connect); from the login on, in the one agreed on."""

    header = cmpp_table.HEADER
    last_sequence = cmpp_table.MAX_SEQUENCE
    bind = cmpp_table.CONNECT
    unbind = cmpp_table.TERMINATE
    probe = cmpp_table.ACTIVE_TEST
    throttles = frozenset({cmpp_table.FLOW_CONTROL})

    _KINDS: Final = {
        cmpp_table.CONNECT: Kind.BIND_TRX,
        cmpp_table.TERMINATE: Kind.UNBIND,
        _R | cmpp_table.TERMINATE: Kind.UNBIND_ANSWER,
        cmpp_table.ACTIVE_TEST: Kind.PROBE,
        _R | cmpp_table.ACTIVE_TEST: Kind.PROBE_ANSWER,
        cmpp_table.DELIVER: Kind.DOWN,
        _R | cmpp_table.DELIVER: Kind.DOWN_ANSWER,
    } | {
        answer | command: kind
        for command in (cmpp_table.SUBMIT, cmpp_table.QUERY, cmpp_table.CANCEL)
        for answer, kind in ((0, Kind.UP), (_R, Kind.UP_ANSWER))
    }
    _RESULTS: Final = {
        Fault.LENGTH: cmpp_table.BAD_STRUCTURE,
        Fault.UNREADABLE: cmpp_table.BAD_STRUCTURE,
        Fault.UNKNOWN: cmpp_table.BAD_COMMAND,
        Fault.STATE: cmpp_table.OTHER,
        Fault.FULL: cmpp_table.FLOW_CONTROL,
    }

    def __init__(self, version: int = cmpp_table.VERSION_2) -> None:
        self._highest = self.version = version

    def kind(self, command: int, speaker: Role, status: int) -> Kind | None:  # SMPP's depends on who speaks
        """CONNECT_RESP takes or refuses by its status."""
        if command == _R | cmpp_table.CONNECT:
            return Kind.REFUSE if status else Kind.ACCEPT
        return self._KINDS.get(command)

    def decode(self, data: bytes) -> Pdu:
        return cmpp.decode(data, self.version)

    def encode(self, command: int, sequence: int, status: int, body: Body | None, tlvs: Tlvs) -> bytes:  # has neither
        return cmpp.encode(cmpp.Pdu(command, sequence, body), self.version)  # type: ignore[arg-type]  # encode refuses a body of the other protocol

    def status(self, pdu: Pdu) -> int:
        match pdu.body:
            case cmpp.ConnectAnswer(status=status):
                return status
            case cmpp.SubmitAnswer(result=result) | cmpp.DeliverAnswer(result=result):
                return result
            case _:
                return 0

    def reply(self, request: Pdu, status: int) -> Body | None:
        match request.body:
            case cmpp.Deliver(msg_id=msg_id):
                return cmpp.DeliverAnswer(msg_id, status)
            case cmpp.Submit(msg_id=msg_id):
                return cmpp.SubmitAnswer(msg_id, status)
            case cmpp.Cancel():
                return cmpp.CancelAnswer(status)
            case cmpp.Connect():
                return cmpp.ConnectAnswer(status, version=self._highest)  # so that the client knows what to come again with
            case _:
                return None

    def refusal(self, command: int, sequence: int, fault: Fault, by: Role) -> bytes:  # results are the same at both ends
        """Nothing where CMPP has no answer for it: there is no generic one."""
        body: cmpp.Body
        match command:
            case cmpp_table.SUBMIT:
                body = cmpp.SubmitAnswer(0, self._RESULTS[fault])
            case cmpp_table.DELIVER:
                body = cmpp.DeliverAnswer(0, self._RESULTS[fault])
            case cmpp_table.CONNECT:
                body = cmpp.ConnectAnswer(1 if fault is Fault.UNREADABLE else 5, version=self.version)
            case _:
                return b""
        return cmpp.encode(cmpp.Pdu(_R | command, sequence, body), self.version)

    def agreed(self, pdu: Pdu) -> None:
        """From the login on, frames are of the version both ends know."""
        if isinstance(pdu.body, cmpp.Connect | cmpp.ConnectAnswer):
            known = cmpp_table.VERSION_3 if pdu.body.version >= cmpp_table.VERSION_3 else cmpp_table.VERSION_2
            self.version = min(self._highest, known)


# -------------------------------------------------------------------------------------------------------------- the session


class _Sent(NamedTuple):
    command: int
    at: int


class Session:
    """One connection's play. Commands raise EncodeError when they are out of turn: the caller's bug.

    >>> client = Session(Smpp(), Role.CLIENT, now=0)
    >>> client.bind(smpp.Bind(b"loop", b"loop"), now=0)
    >>> centre = Session(Smpp(), Role.CENTRE, now=0)
    >>> [type(event).__name__ for event in centre.feed(client.take(), now=1)]
    ['BindAsked']
    >>> centre.accept(smpp.BindAnswer(b"loopsmsc"), now=1)
    >>> [type(event).__name__ for event in client.feed(centre.take(), now=2)], client.state.value
    (['Bound'], 'bound as transceiver')
    """

    def __init__(self, dialect: Dialect, role: Role, settings: Settings = Settings(), *, now: int, sequence: int = 0) -> None:
        """`sequence`: the number before the first of ours."""
        self.state = State.OPEN
        self._dialect = dialect
        self._role = role
        self._peer = Role.CENTRE if role is Role.CLIENT else Role.CLIENT
        self._settings = settings
        self._buffer = bytearray()
        self._out = bytearray()
        self._events: list[Event] = []
        self._sequence = sequence
        self._sent: dict[int, _Sent] = {}  # our requests without answer, oldest first
        self._overdue: dict[int, int] = {}  # command of those given up
        self._owed: dict[int, Pdu] = {}  # requests of the peer without answer
        self._bind: Pdu | None = None  # at the centre, the one to accept or refuse
        self._began = self._heard = now
        self._probed: int | None = None  # when the probe went that nothing was heard since
        self._hold = 0
        self._held_until: int | None = None
        self._leave_by: int | None = None
        self._asked_to_leave: int | None = None  # sequence of the peer's unbind

    # ------------------------------------------------------------------------------------------------ what the caller asks

    def room(self, now: int) -> int:
        """How many more requests may be asked now; 0 while not bound, leaving, or held back by a throttling."""
        if self.state not in BOUND or self._leave_by is not None or (self._held_until is not None and now < self._held_until):
            return 0
        return max(self._settings.window - len(self._sent), 0)

    def held(self, now: int) -> int:
        """µs until the last throttling is over."""
        return 0 if self._held_until is None else max(self._held_until - now, 0)

    @property
    def closed(self) -> bool:
        """Nothing more is said or heard."""
        return self.state is State.CLOSED

    @property
    def owed(self) -> int:
        """Requests of the peer not settled yet."""
        return len(self._owed)

    @property
    def unanswered(self) -> int:
        """Requests of ours without answer."""
        return len(self._sent)

    @property
    def due(self) -> int | None:
        """When `tick` has something to do; None when nothing waits for time."""
        if self._events:
            return self._heard
        if self.closed:
            return None
        settings = self._settings
        times = [sent.at + settings.answer_timeout for sent in islice(self._sent.values(), 1)]
        if self._waits_for_bind():
            times.append(self._began + settings.bind_timeout)
        if self.state in BOUND:
            times.append(self._heard + settings.probe_after if self._probed is None else self._probed + settings.probe_timeout)
            if self._held_until is not None:
                times.append(self._held_until)
        if self._leave_by is not None:
            times.append(self._leave_by)
        return min(times, default=None)

    def take(self) -> bytes:
        """The octets to write, once."""
        octets = bytes(self._out)
        self._out.clear()
        return octets

    # --------------------------------------------------------------------------------------------------------------- commands

    def bind(self, body: Body, *, now: int, command: int | None = None, tlvs: Tlvs = ()) -> None:
        """Client: ask to bind; `command` for SMPP's bind_transmitter or bind_receiver."""
        self._began = now
        self._say(self._dialect.bind if command is None else command, self._next(), 0, body, tlvs)

    def accept(self, body: Body, *, now: int, tlvs: Tlvs = ()) -> None:
        """Centre: take the bind that BindAsked told of."""
        if self._bind is None:
            raise EncodeError("nobody asked to bind")
        asked, self._bind = self._bind, None
        self._began = now
        self._say(_R | asked.command, asked.sequence, 0, body, tlvs)

    def refuse(self, status: int, *, now: int) -> None:
        """Centre: refuse it; the client may try again, and has the time for a bind anew."""
        if self._bind is None:
            raise EncodeError("nobody asked to bind")
        if not status:
            raise EncodeError("a refusal needs a status")
        asked, self._bind = self._bind, None
        self._began = now
        self._say(_R | asked.command, asked.sequence, status, self._dialect.reply(asked, status), ())

    def ask(self, command: int, body: Body, *, now: int, tlvs: Tlvs = ()) -> int:
        """Send a request (submit, deliver, query …): its sequence number, by which Answered or Overdue will name it."""
        if not self.room(now):
            raise EncodeError(f"no room for a request: {self.state.value}, {len(self._sent)} unanswered")
        if self._dialect.kind(command, self._role, 0) not in _REQUESTS:
            raise EncodeError(f"command 0x{command:x} is no request of ours")
        sequence = self._next()
        self._say(command, sequence, 0, body, tlvs)
        self._sent[sequence] = _Sent(command, now)
        return sequence

    def settle(self, sequence: int, *, now: int, status: int = 0, body: Body | None = None, tlvs: Tlvs = ()) -> None:
        """Answer a request that Asked told of, now that it is committed (or refused, with a status). EncodeError when none is owed.

        After Closed it does nothing: the peer will ask again.
        """
        if self.closed:
            return
        request = self._owed.pop(sequence, None)
        if request is None:
            raise EncodeError(f"no answer is owed to {sequence}")
        self._say(_R | request.command, sequence, status, self._dialect.reply(request, status) if body is None else body, tlvs)
        self._let_go(now)

    def unbind(self, *, now: int) -> None:
        """Leave: no more requests; once nothing is unanswered at either end, or the time for it is over, say so and wait for the answer."""
        if self.state not in BOUND:
            self._close("left")
        elif self._leave_by is None:
            self._leave_by = now + self._settings.leave_timeout
            self._let_go(now)

    # ------------------------------------------------------------------------------------------------------------- octets, time

    def feed(self, data: bytes, *, now: int) -> list[Event]:
        """Take octets as they come: what they say. Never raises; after Closed they are dropped."""
        if data and not self.closed:
            self._heard, self._probed = now, None
            self._buffer += data
            self._cut(now)
        return self._told()

    def tick(self, *, now: int) -> list[Event]:
        """Let time pass: what it did."""
        settings = self._settings
        while self._sent:
            sequence, sent = next(iter(self._sent.items()))
            if now - sent.at < settings.answer_timeout:
                break
            del self._sent[sequence]
            self._overdue[sequence] = sent.command
            if len(self._overdue) > settings.remembered:
                del self._overdue[next(iter(self._overdue))]
            self._events.append(Overdue(sequence))
        if self._waits_for_bind() and now - self._began >= settings.bind_timeout:
            self._close("no answer to the bind in time" if self._role is Role.CLIENT else "no bind in time")
        if self.state in BOUND:
            if self._probed is not None and now - self._probed >= settings.probe_timeout:
                self._close("the peer is silent")
            elif self._probed is None and now - self._heard >= settings.probe_after:
                self._probed = now
                self._say(self._dialect.probe, self._next(), 0, None, ())
        if self._held_until is not None and now >= self._held_until:
            self._held_until = None
        self._let_go(now)
        return self._told()

    def lost(self) -> list[Event]:
        """The connection is gone: what it leaves unanswered."""
        self._close("the connection is lost")
        return self._told()

    # ------------------------------------------------------------------------------------------------------------------ inside

    def _told(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _waits_for_bind(self) -> bool:
        return self.state in _BINDING if self._role is Role.CLIENT else self.state is State.OPEN

    def _next(self) -> int:
        """The next sequence number that no request without answer has."""
        while True:
            self._sequence = self._sequence + 1 if self._sequence < self._dialect.last_sequence else 1
            if self._sequence not in self._sent and self._sequence not in self._overdue:
                return self._sequence

    def _say(self, command: int, sequence: int, status: int, body: Body | None, tlvs: Tlvs) -> None:
        kind = self._dialect.kind(command, self._role, status or (0 if body is None else self._status_of(body)))
        after = TABLE[self.state].get((self._role, kind)) if kind is not None else None
        if after is None:
            raise EncodeError(f"command 0x{command:x} may not be said while {self.state.value}")
        self._out += self._dialect.encode(command, sequence, status, body, tlvs)
        self.state = after

    def _status_of(self, body: Body) -> int:
        return body.status if isinstance(body, cmpp.ConnectAnswer) else 0

    def _cut(self, now: int) -> None:
        """Hear every whole PDU of the buffer."""
        buffer, at = self._buffer, 0
        while not self.closed and len(buffer) - at >= 4:
            length = int.from_bytes(buffer[at : at + 4], "big")
            if not self._dialect.header <= length <= self._settings.limit:
                self._unframed(length)
                break
            if len(buffer) - at < length:
                break
            self._hear(bytes(buffer[at : at + length]), now)
            at += length
        del buffer[:at]

    def _hear(self, data: bytes, now: int) -> None:
        """One whole PDU."""
        command = int.from_bytes(data[4:8], "big")
        try:
            pdu = self._dialect.decode(data)
        except DecodeError as error:
            sequence = int.from_bytes(data[self._dialect.header - 4 : self._dialect.header], "big")
            self._odd("octets that cannot be read", Fault.UNREADABLE, command, sequence, error=error)
            return
        kind = self._dialect.kind(command, self._peer, self._dialect.status(pdu))
        after = TABLE[self.state].get((self._peer, kind)) if kind is not None else None
        if kind is None:
            self._odd("unknown command", Fault.UNKNOWN, command, pdu.sequence, pdu)
        elif after is None:
            silent = self.state is State.UNBINDING  # a request on its way while we left: the peer keeps it for its next session
            self._odd(f"{pdu.name} while {self.state.value}", None if silent else Fault.STATE, command, pdu.sequence, pdu)
        else:
            self._follow(kind, after, pdu, now)

    def _follow(self, kind: Kind, after: State, pdu: Pdu, now: int) -> None:
        before, self.state = self.state, after
        if kind in _REQUESTS:
            self._asked(pdu)
        elif kind in _BINDS:
            self._bind = pdu
            self._dialect.agreed(pdu)
            self._events.append(BindAsked(pdu))
        elif kind is Kind.REFUSE or (kind is Kind.NACK and before in _BINDING):
            self._events.append(BindRefused(self._dialect.status(pdu), pdu))
        elif kind in {Kind.UP_ANSWER, Kind.DOWN_ANSWER, Kind.NACK}:
            self._answered(pdu, now, nack=kind is Kind.NACK)
        elif kind is Kind.PROBE:
            self._say(_R | pdu.command, pdu.sequence, 0, cmpp.ActiveTestAnswer() if isinstance(pdu, cmpp.Pdu) else None, ())
        elif kind is Kind.ACCEPT:
            self._dialect.agreed(pdu)
            self._events.append(Bound(pdu))
        elif kind is Kind.UNBIND:
            if self._asked_to_leave is None and before is not State.UNBINDING:
                self._leave_by = now + self._settings.leave_timeout
                self._events.append(Leaving())
            self._asked_to_leave = pdu.sequence
            self._let_go(now)
        elif kind is Kind.UNBIND_ANSWER:
            self._ended("unbound")
        elif kind is not Kind.PROBE_ANSWER:
            self._events.append(Noticed(pdu))

    def _asked(self, pdu: Pdu) -> None:
        if pdu.sequence in self._owed:
            self._events.append(Odd("a request again that is not answered yet", pdu))
        elif len(self._owed) >= self._settings.backlog:
            self._odd("more requests than are taken at once", Fault.FULL, pdu.command, pdu.sequence, pdu)
        else:
            self._owed[pdu.sequence] = pdu
            self._events.append(Asked(pdu))

    def _answered(self, pdu: Pdu, now: int, *, nack: bool) -> None:
        sequence = pdu.sequence
        sent = self._sent.get(sequence)
        asked = sent.command if sent is not None else self._overdue.get(sequence)
        if asked is None or not (nack or pdu.command == _R | asked):
            self._events.append(Odd(ANSWER_TO_NOTHING, pdu))
            return
        self._sent.pop(sequence, None)
        self._overdue.pop(sequence, None)
        status = self._dialect.status(pdu)
        throttled = status in self._dialect.throttles
        held = self._held_until is not None and now < self._held_until  # by the first of several answers to one burst
        if not throttled:
            self._hold = self._hold if held else 0
        elif not held:
            self._hold = min(max(2 * self._hold, self._settings.hold), self._settings.longest_hold)
            self._held_until = now + self._hold
        self._events.append(Answered(sequence, status, pdu, throttled, late=sent is None))
        self._let_go(now)

    def _odd(
        self, what: str, fault: Fault | None, command: int, sequence: int, pdu: Pdu | None = None, error: DecodeError | None = None
    ) -> None:
        """Count it, and where it is a request, refuse it."""
        if fault is not None and not command & _R:
            self._out += self._dialect.refusal(command, sequence, fault, self._role)
        self._events.append(Odd(what, pdu, error))

    def _unframed(self, length: int) -> None:
        """Where the next PDU begins is unknown: say so, and end."""
        error = DecodeError(f"a PDU of {length} octets", offset=0, clause="SMPP 3.4 5.1.1")
        self._odd("a length that no PDU has", Fault.LENGTH, 0, 0, error=error)
        self._close("the peer's framing is lost")

    def _let_go(self, now: int) -> None:
        """Go on with leaving, when somebody leaves and nothing hinders it any more."""
        if self._leave_by is None or self.closed:
            return
        over = now >= self._leave_by
        if self._asked_to_leave is not None:
            if over or not self._owed:
                self._say(_R | self._dialect.unbind, self._asked_to_leave, 0, None, ())
                self._ended("the peer unbound")
        elif self.state is State.UNBINDING:
            if over:
                self._close("no answer to the unbind in time")
        elif over or not (self._owed or self._sent):
            self._leave_by = now + self._settings.leave_timeout
            self._say(self._dialect.unbind, self._next(), 0, None, ())

    def _close(self, why: str) -> None:
        if not self.closed:
            self.state = State.CLOSED
            self._ended(why)

    def _ended(self, why: str) -> None:
        self._events.append(Closed(why, tuple(self._sent), tuple(self._owed)))
        self._sent.clear()
        self._owed.clear()
        self._overdue.clear()
        self._buffer.clear()
        self._leave_by = None
